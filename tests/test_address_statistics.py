"""The laws through the whole address: seed, epoch, id, view, channel, row, column, lane.

That each value is the quantile of its word is shown in test_draws; here the words of an image must
behave as independent uniform ones do. Bounds are derived in `bounds`; keys are fixed.
"""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import pi, sqrt

import numpy as np
import pytest
import torch
from scipy import stats

import camnoise as cn
from camnoise import draws, moments
from camnoise.frame import Frame
from camnoise.keys import OWN, OWN_FIXED, Key, Lane, Stream, as_ids, stream_name
from camnoise.testing.bounds import (
    block_variance,
    cdf_gap,
    chi_square_limit,
    dkw,
    mean_band,
    mean_product,
    poisson_chi_square,
    variance_band,
)
from camnoise.units import Unit

IDS = ["voc2012/2007_000027", "voc2012/2007_000032"]
SEED = 20261120
BY = ["torch", "kernel"]


def frame(batch=1, channels=1, rows=1000, columns=1000, origin=(0, 0)):
    data = torch.empty(batch, channels, rows, columns)
    return Frame(data, Unit.DN, torch.tensor([origin] * batch))


def key(ids=IDS[:1], **rest):
    return Key(**{"seed": SEED, "sample": as_ids(ids, len(ids)), **rest})


@cache
def pixel_words():
    """(4, 1000, 1000): a million pixels of one image."""
    return key().words(frame())[:, 0, 0]


def million(law, by="torch"):
    """A million draws of a law: of the torch code from the lanes of its stage, or of a kernel through a camera."""
    if by == "kernel":
        return by_kernel(law)
    words = pixel_words()
    name, *shape = law
    if name == "uniform":
        return draws.uniform(words[Lane.ROUND])
    if name == "normal":
        return draws.normal(words[Lane.READ])
    if name == "tukey":
        return draws.tukey_lambda(words[Lane.READ], torch.tensor(shape[0]), torch.tensor(1.0))
    return draws.student_t(words[Lane.READ], words[Lane.ANGLE], torch.tensor(shape[0]))


def by_kernel(law):
    """The same as noise on black, or counts of a flat field."""
    name, *shape = law
    stage = {
        "uniform": lambda: cn.AdditiveUniform(sigma=1 / sqrt(12)),
        "normal": lambda: cn.GaussianRead(sigma=1.0),
        "tukey": lambda: cn.TukeyLambdaRead(scale=1.0, lam=shape[0]),
        "t": lambda: cn.StudentTRead(scale=1.0, nu=shape[0]),
        "poisson": cn.Shot,
    }[name]()
    camera, level = cn.Pipeline([stage]), shape[0] if name == "poisson" else 0.0
    if "one pass" not in camera.explain():
        pytest.skip(f"no kernel runs here: {camera.explain()}")
    made = camera(torch.full((1, 1, 1000, 1000), level), IDS[:1], seed=SEED)[0, 0]
    return made + 0.5 if name == "uniform" else made


def ideal(law):
    name, *shape = law
    if name == "tukey":
        return stats.tukeylambda(shape[0]) if shape[0] else stats.logistic()
    return {"uniform": stats.uniform(), "normal": stats.norm()}[name] if not shape else stats.t(shape[0])


def finite_deviation(law):
    """Of unit scale over all words, and the excess kurtosis."""
    name, *shape = law
    if name == "tukey":
        return float(moments.tukey_lambda_deviation(np.float32(shape))[0]), moments.tukey_lambda(*shape).kurtosis
    if name == "t":
        return float(moments.student_t_deviation(np.float32(shape))[0]), moments.student_t(*shape).kurtosis
    return {"uniform": moments.UNIFORM, "normal": moments.NORMAL}[name][1:]


LAWS = [
    ("uniform",),
    ("normal",),
    *(("tukey", lam) for lam in (-0.2, 0.0, 0.14)),
    *(("t", nu) for nu in (1.0, 3.0, 10.0)),
]
WITH_KURTOSIS = [law for law in LAWS if law not in (("t", 1.0), ("t", 3.0))]


# --- shape and scale


@pytest.mark.parametrize("law", LAWS, ids=str)
@pytest.mark.parametrize("by", BY)
def test_law_has_its_distribution(law, by):
    """Scale too: DKW on the CDF holds every quantile, also where no variance exists."""
    x = million(law, by).numpy()
    assert cdf_gap(x, ideal(law).ppf) <= dkw(x.size)


@pytest.mark.parametrize("law", WITH_KURTOSIS, ids=str)
@pytest.mark.parametrize("by", BY)
def test_law_has_the_deviation_it_states(law, by):
    deviation, kurtosis = finite_deviation(law)
    x = million(law, by).double().numpy()
    variance, m = block_variance(x)
    assert abs(variance / deviation**2 - 1) <= variance_band(3 + kurtosis, m)
    assert abs(x.mean() - ideal(law).mean()) <= mean_band(x.size, deviation)


@pytest.mark.parametrize("law", [("t", 1.0), ("t", 3.0)], ids=str)
@pytest.mark.parametrize("by", BY)
def test_heavy_law_has_its_quantiles(law, by):
    """The empirical quantile of q lies between the ideal ones of q - d and q + d, d from DKW."""
    x = million(law, by).double().numpy()
    q = np.array([0.005, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99, 0.995])
    got, d = np.quantile(x, q), dkw(x.size)
    assert (ideal(law).ppf(q - d) <= got).all()
    assert (got <= ideal(law).ppf(q + d)).all()


def test_shape_checks_have_teeth():
    """Another law of the same variance, the same law 3 % too wide, a neighbouring freedom."""
    normal = million(("normal",)).double().numpy()
    for lam in (-0.2, 0.0):
        law = ("tukey", lam)
        assert cdf_gap(normal * finite_deviation(law)[0], ideal(law).ppf) > dkw(normal.size)
    for law in LAWS:
        x = million(law).double().numpy()
        assert cdf_gap(x * 1.03, ideal(law).ppf) > dkw(x.size)
    cauchy = million(("t", 1.0)).double().numpy()
    assert cdf_gap(cauchy, stats.t(1.05).ppf) > dkw(cauchy.size)
    assert np.quantile(cauchy, 0.99) > stats.t(1.2).ppf(0.99 + dkw(cauchy.size))


def test_scale_checks_have_teeth():
    """The raw scale taken for the deviation, and a deviation wrong by a band and a half."""
    for law in WITH_KURTOSIS:
        deviation, kurtosis = finite_deviation(law)
        x = million(law).double().numpy()
        band = variance_band(3 + kurtosis, x.size // 167)
        variance, m = block_variance(x * sqrt(1 + 1.5 * band))
        assert abs(variance / deviation**2 - 1) > variance_band(3 + kurtosis, m)
        if law[0] == "tukey":
            assert abs(block_variance(x)[0] - 1) > band
        assert abs((x + 2 * mean_band(x.size, deviation)).mean() - ideal(law).mean()) > mean_band(x.size, deviation)


# --- Poisson

RATES = (0.01, 0.5, 3.0, 12.0, 13.0, 50.0, 1e3, 1e5)


def million_counts(rate, by="torch"):
    if by == "kernel":
        return by_kernel(("poisson", rate)).numpy()
    words = pixel_words()[Lane.SHOT]
    return draws.poisson(words, torch.full(words.shape, rate)).numpy()


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("by", BY)
def test_poisson_by_chi_square(rate, by):
    """Single counts expected 25 times or more, the tails pooled: chi-square's limit is fair there."""
    statistic, df = poisson_chi_square(million_counts(rate, by), rate)
    assert df >= 2
    assert chi_square_limit(df, 1 - 1e-9) < statistic < chi_square_limit(df)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("by", BY)
def test_poisson_has_its_mean_and_variance(rate, by):
    counts = million_counts(rate, by).astype(np.float64)
    law = moments.poisson(rate)
    assert abs(counts.mean() - law.mean) <= mean_band(counts.size, law.deviation)
    variance, m = block_variance(counts)
    assert abs(variance / law.deviation**2 - 1) <= variance_band(3 + law.kurtosis, m)


@pytest.mark.parametrize(("rate", "off"), [(0.01, 1.15), (0.5, 1.04), *((rate, 1.01) for rate in RATES[2:])])
def test_the_chi_square_has_teeth(rate, off):
    """A rate off by 1 %; where a million draws hold less than that, by three times their own scatter and more."""
    statistic, df = poisson_chi_square(million_counts(rate * off), rate)
    assert statistic > chi_square_limit(df)


@pytest.mark.parametrize("rate", [3.0, 12.0, 50.0])
def test_a_rounded_normal_is_not_poisson(rate):
    x = million(("normal",)).numpy() * sqrt(rate) + rate
    statistic, df = poisson_chi_square(np.floor(x + 0.5).clip(0), rate)
    assert statistic > chi_square_limit(df)


# --- independence: what differs in any one part of the address is uncorrelated

SIDE = 700  # 490,000 pairs


def scores(words):
    """Three scores of a word, each in [-1, 1] with mean 0: its law's place, its depth, its sign.

    A uniform of the 32 bits sees correlated values, the low 31 correlated magnitudes, bit 31 signs.
    """
    signed = words.double().numpy()
    low = (words & 0x7FFFFFFF).double().numpy()
    return (signed + 0.5) / 2**31, (low + 0.5) / 2**30 - 1, np.where(signed < 0, -1.0, 1.0)


def correlation(a, b):
    """Largest mean product of any score of a with any of b, against its bound."""
    products = [abs(float((f * g).mean())) for f in scores(a) for g in scores(b)]
    return max(products) / mean_product(a.numel())


def square(ids=IDS[:1], *, channels=1, origin=(0, 0), **rest):
    return key(ids, **rest).words(frame(len(ids), channels, SIDE, SIDE, origin))


@cache
def base():
    return square()[:, 0, 0]


def other_addresses():
    """Name -> the words of a square whose address differs from the base's in that one part."""
    ids = as_ids(IDS[:1], 1)
    return {
        "view": lambda: square(view=2),
        "view 0": lambda: square(view=0),
        "id": lambda: square(IDS[1:]),
        "next id": lambda: square(sample=ids + 1),
        "high half of the id": lambda: square(sample=ids ^ (1 << 40)),
        "place in the batch": lambda: square(IDS)[:, 1:],
        "channel": lambda: square(channels=2)[:, :, 1:],
        "epoch 0": lambda: square(epoch=0),
        "epoch 1": lambda: square(epoch=1),
        "seed": lambda: square(seed=SEED + 1),
        "high half of the seed": lambda: square(seed=SEED + 2**32),
        "row": lambda: square(origin=(1, 0)),
        "column": lambda: square(origin=(0, 1)),
        "diagonal": lambda: square(origin=(1, 1)),
        "far row": lambda: square(origin=(256, 0)),
        "far column": lambda: square(origin=(0, 256)),
    }


@pytest.mark.parametrize("part", other_addresses())
def test_other_address_is_uncorrelated(part):
    other = other_addresses()[part]()[:, 0, 0]
    for mine, its in zip(base(), other, strict=True):
        assert correlation(mine, its) <= 1


@pytest.mark.parametrize(("one", "two"), [(a, b) for a in Lane for b in Lane if a < b])
def test_lanes_are_uncorrelated(one, two):
    assert correlation(base()[one], base()[two]) <= 1


def test_epochs_are_uncorrelated_with_each_other():
    assert correlation(square(epoch=0)[Lane.SHOT], square(epoch=1)[Lane.SHOT]) <= 1


def test_words_of_a_lane_are_fair():
    """Every one of 32 bits in every lane: ones in half the pixels, by Hoeffding."""
    for lane in base():
        ones = torch.stack([((lane >> bit) & 1).double().mean() for bit in range(32)])
        assert (2 * (ones - 0.5).abs()).max() <= mean_product(lane.numel())


def line(stream, ids=IDS[:1], *, columns=False, length=60_000, **rest):
    k = key(ids, **rest)
    if columns:
        return k.column_words(frame(len(ids), 1, 1, length), stream).flatten()
    return k.row_words(frame(len(ids), 1, length, 1), stream).flatten()


def test_lines_are_uncorrelated():
    """Row and column noise: neighbours, streams, views, ids, and bodies of fixed columns."""
    bodies = [as_ids([name], 1) for name in ("sony_a7s2", "nikon_d850")]
    rows, columns = line(Stream.ROW), line(Stream.COLUMN, columns=True)
    fixed = [line(Stream.COLUMN_FIXED, columns=True, body=body) for body in bodies]
    for a, b in [
        (rows[:-1], rows[1:]),
        (columns[:-1], columns[1:]),
        (rows, columns),
        (columns, fixed[0]),
        (fixed[0][:-1], fixed[0][1:]),
        (fixed[0], fixed[1]),
        (rows, line(Stream.ROW, view=2)),
        (rows, line(Stream.ROW, IDS[1:])),
        (rows, line(Stream.ROW, epoch=0)),
        (rows, line(Stream.PREAMP)),
    ]:
        assert correlation(a, b) <= 1


def test_fixed_columns_stay_with_the_body():
    body = as_ids(["sony_a7s2"], 1)
    one = line(Stream.COLUMN_FIXED, columns=True, body=body)
    two = line(Stream.COLUMN_FIXED, IDS[1:], columns=True, body=body, seed=1, view=3, epoch=8)
    assert torch.equal(one, two)


TEMPORAL = (Stream.PREAMP, Stream.GAUSSIAN, Stream.SPECKLE, Stream.IMPULSE, Stream.UNIFORM, Stream.DARKFRAME, OWN[0])
PATTERNS = (Stream.PRNU, Stream.DSNU, Stream.HOT, OWN_FIXED[0])


@pytest.mark.parametrize("stream", [*TEMPORAL, *PATTERNS], ids=stream_name)
def test_streams_of_pixels_are_uncorrelated(stream):
    """With the sensor's own words at the same pixel, with their neighbors, and with other views or bodies."""
    bodies = [as_ids([name], 1) for name in ("sony_a7s2", "nikon_d850")]
    flat = frame(1, 1, SIDE, SIDE)
    mine = key(body=bodies[0]).words(flat, stream)[:, 0, 0]
    other = key(body=bodies[1], view=2).words(flat, stream)[:, 0, 0]
    for lane in range(4):
        assert correlation(mine[lane], base()[lane]) <= 1
        assert correlation(mine[lane], other[lane]) <= 1
    assert correlation(mine[0, 1:], mine[0, :-1]) <= 1
    assert correlation(mine[0, :, 1:], mine[0, :, :-1]) <= 1
    again = key(IDS[1:], body=bodies[0], seed=1, view=3, epoch=4).words(flat, stream)[:, 0, 0]
    assert torch.equal(again, mine) == (stream in PATTERNS)
    if stream not in PATTERNS:
        assert correlation(again[0], mine[0]) <= 1


def test_octaves_are_uncorrelated():
    """Rows of every octave with those of the next, at the starts that chance gave them."""
    flat, who = frame(1, 1, 60_000, 1), key()
    octaves = [who.octave_words(flat, Stream.ROW, octave).flatten() for octave in range(4)]
    for octave, (one, two) in enumerate(pairwise(octaves)):
        held = 2 ** (octave + 1)  # rows that share a word: so many fewer are independent
        assert correlation(one[::held], two[::held]) <= 1
    starts = Key(SEED, torch.arange(60_000)).image_words(Stream.ROW, draw=5)[1].flatten()
    assert correlation(starts[1:], starts[:-1]) <= 1
    steps = (starts.long() & 0xFFFFFFFF) >> 27
    assert chi_square_limit(31) > float(((torch.bincount(steps, minlength=32) - 1875.0) ** 2 / 1875).sum())


def test_parameters_are_uncorrelated():
    """Parameters of 100,000 images: by name, by lane, between neighbouring ids."""
    ids = torch.arange(100_000)
    words = {number: Key(SEED, ids, view=0).parameter_words([number])[0] for number in (0, 1, 2)}
    assert words[0].shape == (4, 100_000)
    assert correlation(words[0][0, :-1], words[0][0, 1:]) <= 1
    assert correlation(words[0][0], words[0][1]) <= 1
    assert correlation(words[0][0], words[1][0]) <= 1
    assert correlation(words[1][0], words[2][0]) <= 1
    gap = cdf_gap(draws.uniform(words[0][0]).numpy(), stats.uniform.ppf)
    assert gap <= dkw(100_000)


def test_values_of_neighbours_are_uncorrelated():
    """The same through the laws, as a picture shows it: covariance of values, not of words.

    Products of unit normals have variance 1 and are uncorrelated; the mean of n of them is normal
    within 1 / sqrt(n) for n this large. Shot and read noise of one pixel likewise.
    """
    read = million(("normal",)).double()
    shot = (torch.from_numpy(million_counts(50.0)).double() - 50) / sqrt(50)
    for a, b in [(read[:, 1:], read[:, :-1]), (read[1:], read[:-1]), (shot[:, 1:], shot[:, :-1]), (shot, read)]:
        assert abs(float((a * b).mean())) <= mean_band(a.numel(), 1.0)


def test_the_correlation_check_has_teeth():
    """Each of: the same words in two views, a sign or a depth shared, 2 % of pixels shared, words a column late."""
    mine, other = base()[Lane.READ], square(view=2)[Lane.READ, 0, 0]
    assert correlation(mine, mine) > 1
    assert correlation(mine, ~mine) > 1
    assert correlation(mine, other & 0x7FFFFFFF | mine & -(2**31)) > 1  # its sign
    assert correlation(mine, mine & 0x7FFFFFFF | other & -(2**31)) > 1  # its depth
    leak = other.clone()
    leak[::50] = mine[::50]
    assert correlation(mine, leak) > 1
    late = square(view=1, origin=(0, 1))[Lane.READ, 0, 0]
    assert correlation(mine[:, 1:], late[:, :-1]) > 1
    forgotten = replace(key(), view=1)  # a key that keeps its view
    assert correlation(mine, forgotten.words(frame(1, 1, SIDE, SIDE))[Lane.READ, 0, 0]) > 1


def test_ideal_deviations_are_those_of_the_laws():
    """The band is about the stated number: pin two of them by hand."""
    assert finite_deviation(("tukey", 0.0))[0] == pytest.approx(pi / sqrt(3), rel=1e-7)
    assert finite_deviation(("t", 10.0)) == (pytest.approx(sqrt(10 / 8), rel=1e-7), 1.0)
