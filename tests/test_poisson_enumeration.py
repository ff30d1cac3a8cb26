"""All 2^32 words of the Poisson law, at a dozen rates: how far the law itself is from Poisson.

A draw depends on its word only through the sign bit and the float32 `draws.tail(word)`. Rounding is
monotone, so the 2^31 tails fall into runs of words with one tail each, 71,303,169 of them. One word
of each run is drawn and counted as often as the run is long; nothing is assumed about how the
counts run from one tail to the next.

The distance is Pearson's noncentrality N sum (q - p)^2 / p at N = 1e8, what a chi-square test of N draws
would be off by on average, over all single counts that N draws meet 10 times or more, and the two
tails beyond them.
"""

import numpy as np
import pytest
import torch
from words import EDGES, as_words, edge_and_random_words

from camnoise import draws
from camnoise.testing.bounds import into_bins, poisson_bins

N, LEAST = 1e8, 10
RATES = (0.01, 0.5, 2.0, 2.25, 3.0, 5.0, 12.0, 50.0, 1e3, 1e4, 1e5, 1e6)
CHUNK = 2**15  # words; larger ones leave the cache


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Chunks this small gain nothing from a second thread, and wait for it where other tests run."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tails():
    """The different values of `draws.tail` in units of 2^-32, ascending, and the first word of each.

    tail is float32(k) + 1/2 in these units, rounded twice, ties to even mantissas:

    - below 2^23, k + 1/2 is a float32: one word each;
    - from 2^23 to 2^24 floats are integers and k + 1/2 is a tie: an even k and the odd one before it;
    - from 2^24 on floats are 2 or more apart, so the half is lost, and k goes to the nearest: the
      boundary between two floats is their middle, a word, which belongs to the one of even mantissa.
    """
    low = np.arange(2**23, dtype=np.int32)
    even = np.arange(2**23, 2**24, 2, dtype=np.int32)
    values = [low.astype(np.float32) + np.float32(0.5), even.astype(np.float32)]
    firsts = [low, even[:1], even[1:] - 1, np.array([2**24 - 1], np.int32)]
    odd = np.arange(1, 2**23 + 1, dtype=np.int32) % 2  # whether the next float has an odd mantissa
    for octave in range(24, 31):
        half = 2 ** (octave - 24)  # of the distance between floats here
        floats = np.arange(2**octave, 2 ** (octave + 1), 2 * half, dtype=np.int64)
        values.append(floats.astype(np.float32))
        firsts.append((floats + half + odd).astype(np.int32))
    values.append(np.float32([2**31]))
    return np.concatenate(values), np.concatenate(firsts)


@pytest.fixture(scope="module")
def runs():
    """Value in units of 2^-32, first word, length: 71 million of each, so in narrow types."""
    value, first = tails()
    return value, first, np.append(np.diff(first), np.int64(2**31) - first[-1]).astype(np.int16)


def test_runs_cover_every_tail_once(runs):
    value, _, length = runs
    assert len(value) == 2**23 + 2**22 + 7 * 2**23 + 1
    assert length.sum(dtype=np.int64) == 2**31
    assert length.min() == 1
    assert (np.diff(value) > 0).all()


def test_runs_are_those_of_tail(runs):
    """Every run starts and ends where it says: its first and last word have its tail, at a million runs."""
    value, first, length = runs
    rng = np.random.Generator(np.random.PCG64(0))
    seams = np.searchsorted(value, np.float32([2.0**e for e in range(20, 32)]))
    near = (seams[:, None] + np.arange(-3, 4)).ravel().clip(0, len(value) - 1)
    some = np.concatenate([near, rng.integers(0, len(value), 1_000_000)])
    for word in (first[some], first[some] + (length[some] - 1)):
        assert np.array_equal(draws.tail(as_words(word)).numpy() * 2.0**32, value[some])


def test_random_words_find_their_run(runs):
    value, first, _ = runs
    word = edge_and_random_words(1_000_000)
    assert len(EDGES) < len(word)
    run = np.searchsorted(first, word.numpy() & 0x7FFFFFFF, side="right") - 1
    assert np.array_equal(draws.tail(word).numpy() * 2.0**32, value[run])


def law_of_all_words(runs, rate, low, bins, draw=draws.poisson):
    """The probability of each bin over all 2^32 words."""
    _, first, length = runs
    total = np.zeros(bins)
    for start in range(0, len(first), CHUNK):
        lower = torch.from_numpy(first[start : start + CHUNK])
        weight = length[start : start + CHUNK].astype(np.float64)
        for word in (lower, lower | -(2**31)):
            counts = draw(word, torch.full(word.shape, rate)).numpy()
            total += into_bins(counts, weight, low, bins)
    assert total.sum() == 2**32  # float64 sums of integers: exact
    return total / 2**32


def noncentrality(q, p):
    return float(N * ((q - p) ** 2 / p).sum())


@pytest.mark.slow
@pytest.mark.parametrize("rate", RATES)
def test_poisson_over_all_words(runs, rate):
    low, p = poisson_bins(rate, N, LEAST)
    q = law_of_all_words(runs, rate, low, p.size)
    distance = noncentrality(q, p)
    print(f"rate {rate:g}: noncentrality {distance:.3g}, df {p.size - 1}")
    assert distance < 2


@pytest.mark.slow
def test_runs_are_those_of_all_words(runs):
    """All 2^31 tails, one by one: the run's value repeated over its length is the float32 sum."""
    value, first, length = runs
    step, at = 2**20, 0
    while at < len(first):
        end = min(at + step, len(first))
        words = np.arange(int(first[at]), int(first[end - 1]) + int(length[end - 1]), dtype=np.int64).astype(np.int32)
        got = draws.tail(torch.from_numpy(words)).numpy()
        assert np.array_equal(got, np.repeat(value[at:end] * np.float32(2.0**-32), length[at:end]))
        at = end


@pytest.mark.slow
def test_the_enumeration_has_teeth(runs):
    """A rate off by 0.05 %: at N = 1e8 and rate 3 that is 1e8 * 0.0015^2 / 3 = 75. And words of 20 bits."""
    low, p = poisson_bins(3.0, N, LEAST)
    off = law_of_all_words(runs, 3.0, low, p.size, lambda word, rate: draws.poisson(word, rate * 1.0005))
    assert 50 < noncentrality(off, p) < 100
    coarse = law_of_all_words(runs, 3.0, low, p.size, lambda word, rate: draws.poisson(word & -(2**12), rate))
    assert noncentrality(coarse, p) > 2
