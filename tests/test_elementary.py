"""`elementary` against mpmath on the float32 numbers it is given, and against float64 on a million of them."""

import mpmath
import numpy as np
import pytest
import torch
from words import cosine_oracle, edge_and_random_words, exact_cosine

from camnoise import elementary

BOUND = 3e-7  # relative


def bits(x):
    return int(np.float32(x).view(np.int32))


def between(low, high, count, seed=0):
    """Positive float32 uniform in their bit patterns, with both ends and the last steps before them."""
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = rng.integers(bits(low), bits(high) + 1, count)
    steps = np.arange(8)
    return np.concatenate([drawn, bits(low) + steps, bits(high) - steps]).astype(np.int32).view(np.float32)


def around(points):
    """Each positive float32 with its 8 neighbours on either side."""
    return (np.array([[bits(p)] for p in points]) + np.arange(-8, 9)).astype(np.int32).view(np.float32).ravel()


def both_signs(negative, positive):
    return np.concatenate([-negative, positive])


# Where exp and expm1 change the power of two that they split off, and the seams of log's mantissa.
SWITCHES = [(k + 0.5) * np.log(2) for k in range(40)]
SEAMS = [2 / 3, 4 / 3, 1.0, 0.5, 2.0, 1 / 3, 1e-10]

# name: (function, float64 oracle, mpmath oracle, inputs of a given number)
CASES = {
    "log": (
        elementary.log,
        np.log,
        mpmath.log,
        lambda n: np.concatenate([between(1e-37, 3e38, n), between(0.5, 2, n), around(SEAMS)]),
    ),
    "minus_log2": (
        elementary.minus_log2,
        lambda x: -np.log2(x),
        lambda x: -mpmath.log(x, 2),
        lambda n: between(2.0**-33, 0.5, n),
    ),
    "log1m": (
        elementary.log1m,
        lambda p: np.log1p(-p),
        lambda p: mpmath.log1p(-p),
        lambda n: between(2.0**-33, 0.5, n),
    ),
    "exp": (
        elementary.exp,
        np.exp,
        mpmath.exp,
        lambda n: np.concatenate(
            [both_signs(between(1e-9, 87, n), between(1e-9, 88, n)), both_signs(around(SWITCHES), around(SWITCHES))]
        ),
    ),
    "expm1": (
        elementary.expm1,
        np.expm1,
        mpmath.expm1,
        lambda n: np.concatenate(
            [both_signs(between(1e-9, 80, n), between(1e-9, 50, n)), both_signs(around(SWITCHES), around(SWITCHES))]
        ),
    ),
    "expm1_small": (
        elementary.expm1_small,
        np.expm1,
        mpmath.expm1,
        lambda n: both_signs(between(1e-12, 1.3875, n), between(1e-12, 0.3475, n)),
    ),
    "power": (
        lambda x: elementary.power(x, 0.4),  # what sRGB decoding asks for
        lambda x: x**0.4,
        lambda x: x ** mpmath.mpf(0.4),
        lambda n: between(0.09, 1.0, n),
    ),
}


def relative_error(name, function, count):
    _, oracle, _, inputs = CASES[name]
    x = inputs(count)
    got = function(torch.from_numpy(x)).numpy().astype(np.float64)
    want = oracle(x.astype(np.float64))
    assert np.isfinite(got).all()
    return float((np.abs(got - want) / np.where(want == 0, 1, np.abs(want))).max())


@pytest.mark.parametrize("name", CASES)
def test_function_against_float64_on_a_million_inputs(name):
    assert relative_error(name, CASES[name][0], 700_000) <= BOUND


@pytest.mark.parametrize("name", CASES)
def test_function_against_mpmath(name):
    function, _, exact, inputs = CASES[name]
    x = inputs(1000)
    got = function(torch.from_numpy(x)).numpy()
    with mpmath.workdps(40):
        worst = 0.0
        for a, b in zip(x.tolist(), got.tolist(), strict=True):
            want = exact(mpmath.mpf(a))
            error = abs(b - want)
            worst = max(worst, float(error / abs(want) if want else error))
    assert worst <= BOUND


def test_cosine_of_word_against_float64():
    word = edge_and_random_words(1_000_000)
    got = elementary.cosine_of_word(word).numpy().astype(np.float64)
    want = cosine_oracle(word)
    zero = want == 0  # words 2^30 and its complement
    assert zero.any()
    assert (got[zero] == 0).all()
    assert (np.abs(got - want) <= BOUND * np.abs(want)).all()


def test_cosine_of_word_against_mpmath():
    word = edge_and_random_words(3000)
    for one, got in zip(word.tolist(), elementary.cosine_of_word(word).tolist(), strict=True):
        want = exact_cosine(one)
        assert abs(got - want) <= BOUND * abs(want)


def test_square_root_is_correctly_rounded():
    """Every mantissa with both parities of the exponent, and the whole range of exponents, denormals too."""
    mantissas = np.arange(bits(1.0), bits(4.0), dtype=np.int32)
    sampled = np.random.Generator(np.random.PCG64(1)).integers(0, bits(3.4e38), 500_000, dtype=np.int32)
    for pattern in (mantissas, sampled):
        x = pattern.view(np.float32)
        assert np.array_equal(elementary.sqrt(torch.from_numpy(x)).numpy(), np.sqrt(x))


def test_the_error_check_has_teeth():
    """One unit in the sixth place of one coefficient, or log(1 - p) computed the plain way, must fail."""
    spoiled = (*elementary.EXP[:2], elementary.EXP[2] + 1e-4, *elementary.EXP[3:])

    def plain_log1m(p):
        return elementary.log(1.0 - p)

    def coarse_exp(a):
        n, f = elementary._reduce(a)
        series = elementary.polynomial(f, spoiled) * (f * f) + f
        return (series + 1.0) * elementary._power_of_two(n)

    assert relative_error("log1m", plain_log1m, 10_000) > BOUND
    assert relative_error("exp", coarse_exp, 10_000) > BOUND
