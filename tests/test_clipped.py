"""Moments of clipped noise: closed forms against integration and the real stages, and their inverses."""

import math

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import integrate, stats

from camnoise import clipped
from camnoise.nlf import Heteroscedastic
from camnoise.pipeline import Pipeline
from camnoise.plain import Clip
from camnoise.testing.bounds import mean_band

SIGNALS = st.floats(-1, 2)
SPREADS = st.floats(1e-3, 10)
SHOTS = st.floats(0, 0.1)
READS = st.floats(1e-8, 0.1)


def moments(x: float, s: float) -> tuple[float, float]:
    return float(clipped.clipped_mean(x, s)), float(clipped.clipped_deviation(x, s))


# --- the closed forms


@pytest.mark.parametrize(("x", "s", "mean", "deviation"), [(0.02, 0.1, 0.0507, 0.0651), (0.95, 0.2, 0.8927, 0.1334)])
def test_published_values(x, s, mean, deviation):
    """Methods sheet, 1.6, to the last digit."""
    assert moments(x, s) == pytest.approx((mean, deviation), abs=5e-5)


@pytest.mark.parametrize(("level", "mean"), [(0, 19.9), (20, 31.5), (240, 226.7)])
def test_published_bias_of_sigma_50(level, mean):
    """In 8-bit units. The sheet prints 31.6 for 20, which is 20 Phi(0.4) + 50 phi(0.4) = 31.52."""
    assert 255 * moments(level / 255, 50 / 255)[0] == pytest.approx(mean, abs=0.05)


def integrated(x: float, s: float) -> tuple[float, float]:
    """By scipy's quadrature of the density inside the range, and the two atoms at its ends."""
    law = stats.norm(x, s)
    points = sorted({min(max(x + k * s, 0.0), 1.0) for k in (-8, -2, 0, 2, 8)})
    spans = [(a, b) for a, b in zip([0.0, *points], [*points, 1.0], strict=True) if a < b]

    def expected(f) -> float:
        inside = sum(integrate.quad(lambda y: f(y) * law.pdf(y), a, b, epsabs=0, epsrel=1e-11)[0] for a, b in spans)
        return inside + f(0.0) * law.cdf(0.0) + f(1.0) * law.sf(1.0)

    mean = expected(lambda y: y)
    return mean, math.sqrt(expected(lambda y: (y - mean) ** 2))


GRID = [(x, s) for x in (-0.3, -0.02, 0.0, 0.05, 0.5, 0.73, 0.97, 1.0, 1.2) for s in (0.02, 0.1, 0.5, 3.0)]


@pytest.mark.parametrize(("x", "s"), GRID)
def test_moments_are_those_of_quadrature(x, s):
    assert moments(x, s) == pytest.approx(integrated(x, s), rel=1e-9)


def exact(x: float, s: float) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """Mean, its distance from white, and deviation, by the textbook's formula: at 700 digits its terms may cancel."""
    with mpmath.workdps(700):
        x, s = mpmath.mpf(x), mpmath.mpf(s)
        a, b = -x / s, (1 - x) / s

        def upper(t):
            return mpmath.erfc(t / mpmath.sqrt(2)) / 2

        inside, da, db = upper(a) - upper(b), mpmath.npdf(a), mpmath.npdf(b)
        mean = x * inside + s * (da - db) + upper(b)
        square = (x * x + s * s) * inside + s * (x * da - (1 + x) * db) + upper(b)
        return mean, 1 - mean, mpmath.sqrt(square - mean**2)


DEPTHS = [-37.0, -20.0, -8.0, -1.0, -0.01, 0.0, 0.01, 1.0, 8.0]


@pytest.mark.parametrize("s", [1e-7, 1e-3, 0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("depth", DEPTHS)
def test_digits_remain_deep_beyond_the_limits(depth, s):
    """`depth` deviations inside of black (or outside); there the square of the mean cancels, and the mean is tiny."""
    x = depth * s
    mean, from_white, deviation = exact(x, s)
    got, spread = moments(x, s)
    nearer = mean if x <= 0.5 else from_white
    assert (got if x <= 0.5 else 1 - got) == pytest.approx(float(nearer), rel=1e-11, abs=1e-15 if x > 0.5 else 0)
    if deviation > 1e-150:  # its square is a float64 too
        assert spread == pytest.approx(float(deviation), rel=1e-8)


def test_the_textbook_formula_would_fail_there():
    """The twin: in float64, E z^2 - (E z)^2 is wrong or negative where we have digits."""
    wrong = []
    for x, s in ((0.5, 1e-8), (-0.8, 0.1), (1.8, 0.1)):
        a, b = -x / s, (1 - x) / s
        law = stats.norm()
        inside, upper = law.cdf(b) - law.cdf(a), 1 - law.cdf(b)
        mean = x * inside + s * (law.pdf(a) - law.pdf(b)) + upper
        square = (x * x + s * s) * inside + s * (x * law.pdf(a) - (1 + x) * law.pdf(b)) + upper
        stated = float(exact(x, s)[2]) ** 2
        wrong.append(abs((square - mean**2) / stated - 1) > 1e-3)
        assert moments(x, s)[1] ** 2 == pytest.approx(stated, rel=1e-7)
    assert all(wrong)


@given(x=st.floats(-100, 101), s=st.floats(0, 100))
def test_moments_lie_where_they_can(x, s):
    mean, deviation = moments(x, s)
    assert 0 <= mean <= 1
    assert 0 <= deviation <= min(s, 0.5) * (1 + 1e-12)
    assert deviation**2 <= mean * (1 - mean) * (1 + 1e-9) + 1e-16


@given(x=st.floats(-1, 2).map(lambda x: round(x * 2**20) / 2**20), s=SPREADS)
def test_black_and_white_are_mirror_images(x, s):
    """The multiples of 2^-20 are those whose mirror image is exact."""
    mean, deviation = moments(x, s)
    mirrored, same = moments(1 - x, s)
    assert mirrored == pytest.approx(1 - mean, abs=1e-15)
    assert same == pytest.approx(deviation, rel=1e-12)


@pytest.mark.parametrize("x", [-2.0, 0.0, 1e-9, 0.3, 0.5, 0.7, 1.0, 3.0])
def test_without_noise_clipping_is_all(x):
    clean = min(max(x, 0.0), 1.0)
    assert moments(x, 0.0) == (clean, 0.0)
    mean, deviation = moments(x, 1e-12)
    assert mean == pytest.approx(clean, abs=1e-12)
    assert deviation <= 1e-12
    if 0 < clean < 1:
        assert moments(x, 1e-6 * min(x, 1 - x)) == pytest.approx((x, 1e-6 * min(x, 1 - x)), rel=1e-12)


def test_noise_without_end_leaves_a_coin():
    assert moments(0.5, 100.0) == pytest.approx((0.5, 0.5), abs=0.005)
    assert moments(0.0, 100.0)[0] == pytest.approx(0.5 - 0.5 * 0.3989 / 100, abs=1e-6)


def test_arrays_broadcast():
    x, s = np.linspace(-0.2, 1.2, 5)[:, None], np.array([0.0, 0.1, 1.0])
    mean, deviation = clipped.clipped_mean(x, s), clipped.clipped_deviation(x, s)
    assert mean.shape == deviation.shape == (5, 3)
    each = np.array([[moments(float(a), float(b)) for b in s] for a in x[:, 0]])
    assert np.array_equal(np.stack([mean, deviation], -1), each)


# --- the deviation before clipping


def test_deviation_of_a_level():
    got = clipped.level_deviation([0.5, 0.0, -0.2], 0.02, 0.0004)
    assert got == pytest.approx(np.sqrt([0.0104, 0.0004, 0.0004]))
    assert clipped.level_deviation(0.001, 0.02, -0.0004) == 0, "the root of a negative number"
    assert clipped.level_deviation(0.5, 0.02, -0.0004) == pytest.approx(math.sqrt(0.0096))


# --- the real stages

SIDE, BATCH = 256, 4


def through_the_stages(light: float, shot: float, read: float) -> np.ndarray:
    camera = Pipeline([Heteroscedastic(lambda_shot=shot, lambda_read=read), Clip()])
    flat = torch.full((BATCH, 1, SIDE, SIDE), light)
    return camera(flat, list(range(BATCH)), seed=11).double().numpy().ravel()


def misfits(z: np.ndarray, x: float, s: float) -> tuple[float, float]:
    """Distances of mean and variance from those stated, in their bands; fourth moments by quadrature."""
    mean, deviation = moments(x, s)
    fourth = integrate.quad(lambda y: (y - mean) ** 4 * stats.norm.pdf(y, x, s), 0, 1)[0]
    fourth += mean**4 * stats.norm.cdf(0, x, s) + (1 - mean) ** 4 * stats.norm.sf(1, x, s)
    squares = (z - mean) ** 2
    return (
        abs(z.mean() - mean) / mean_band(z.size, deviation),
        abs(squares.mean() - deviation**2) / mean_band(z.size, math.sqrt(fourth - deviation**4)),
    )


@pytest.mark.parametrize("light", [0.0, 0.02, 0.3, 0.7, 0.95, 1.0])
@pytest.mark.parametrize(("shot", "read"), [(0.0, 0.01), (0.05, 0.001)])
def test_the_stages_have_these_moments(light, shot, read):
    s = float(clipped.level_deviation(light, shot, read))
    mean, variance = misfits(through_the_stages(light, shot, read), light, s)
    assert mean <= 1
    assert variance <= 1


@pytest.mark.parametrize("light", [0.02, 0.95])
def test_the_stage_check_has_teeth(light):
    """Unclipped moments, and a deviation of another level, must be seen."""
    z = through_the_stages(light, 0.05, 0.001)
    s = float(clipped.level_deviation(light, 0.05, 0.001))
    assert abs(z.mean() - light) > mean_band(z.size, s)
    assert max(misfits(z, light, s * 1.02)) > 1
    assert max(misfits(z, light, math.sqrt(0.05 * light))) > 1


# --- the inverses


@given(x=st.floats(0, 1), shot=SHOTS, read=READS)
def test_signal_there_and_back(x, shot, read):
    s = clipped.level_deviation(x, shot, read)
    mean = clipped.clipped_mean(x, s)
    got = float(clipped.unclipped_signal(mean, shot, read))
    # A mean near 1 is known to 1e-16 only, and where the curve is flat that is more in x.
    slope = float(stats.norm.cdf((1 - x) / s) - stats.norm.cdf(-x / s))
    assert got == pytest.approx(x, abs=1e-14 / slope)
    assert clipped.clipped_mean(got, clipped.level_deviation(got, shot, read)) == pytest.approx(float(mean), abs=1e-15)


@given(x=st.floats(-0.5, 0.5), read=st.floats(1e-3, 1))
def test_signals_beyond_black_may_be_asked_for(x, read):
    assume(x > -8 * math.sqrt(read))
    mean = clipped.clipped_mean(x, math.sqrt(read))
    assert float(clipped.unclipped_signal(mean, 0.0, read, low=-1.0)) == pytest.approx(x, abs=1e-9)
    assert clipped.unclipped_signal(mean, 0.0, read) == pytest.approx(max(x, 0.0), abs=1e-9)


def test_a_mean_out_of_reach_gives_the_nearer_end():
    means = np.array([-0.5, 0.0, 0.01, 0.99, 1.0, 7.0])
    assert np.array_equal(clipped.unclipped_signal(means, 0.0, 0.01), [0, 0, 0, 1, 1, 1])
    assert np.array_equal(clipped.unclipped_signal([0.0, 1.0], 0.0, 0.01, low=-0.25, high=1.5), [-0.25, 1.5])


@pytest.mark.parametrize("read", [0.0, 1e-4, 1.0, 100.0])
@pytest.mark.parametrize("shot", [0.0, 1e-3, 1.0, 50.0])
def test_the_mean_rises_with_the_signal(shot, read):
    x = np.linspace(-2, 6, 4001)
    mean = clipped.clipped_mean(x, clipped.level_deviation(x, shot, read))
    assert (np.diff(mean) >= -1e-14).all()


def test_a_slightly_negative_offset_is_inverted_too():
    x = np.linspace(0, 1, 101)
    s = clipped.level_deviation(x, 0.01, -1e-4)
    assert clipped.unclipped_signal(clipped.clipped_mean(x, s), 0.01, -1e-4) == pytest.approx(x, abs=1e-9)


def test_the_bias_of_a_dark_patch_is_undone():
    """What a network learns from clipped targets, and what it should have said: (8-bit) 31.5 back to 20."""
    z = through_the_stages(20 / 255, 0.0, (50 / 255) ** 2)
    x = float(clipped.unclipped_signal(z.mean(), 0.0, (50 / 255) ** 2))
    slope = stats.norm.cdf(0.4)  # of the mean in x, white being far
    assert abs(x - 20 / 255) <= mean_band(z.size, moments(20 / 255, 50 / 255)[1]) / slope
    assert abs(z.mean() - 20 / 255) > 0.04


@given(x=st.floats(-0.3, 1.3), s=st.floats(1e-3, 3))
def test_both_there_and_back(x, s):
    assume(-4 * s < x < 1 + 4 * s)  # beyond, a mean of nearly 1 has no digits left
    mean, deviation = moments(x, s)
    got = clipped.unclipped(mean, deviation)
    assert tuple(map(float, got)) == pytest.approx((x, s), rel=1e-7, abs=1e-7)


def test_both_of_many_patches_at_once():
    x, s = np.meshgrid(np.linspace(-0.1, 1.1, 7), [0.05, 0.2, 0.6])
    got = clipped.unclipped(clipped.clipped_mean(x, s), clipped.clipped_deviation(x, s))
    assert np.stack(got) == pytest.approx(np.stack([x, s]), rel=1e-8, abs=1e-8)


def test_patches_without_noise_stay():
    x, s = clipped.unclipped([0.0, 0.3, 1.0], 0.0)
    assert np.array_equal(x, [0.0, 0.3, 1.0])
    assert np.array_equal(s, [0.0, 0.0, 0.0])


# --- errors


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: clipped.clipped_mean(0.5, -0.1), "s is -0.1, wanted 0 to 100"),
        (lambda: clipped.clipped_deviation([0.5, 0.5], [0.1, 101.0]), "s is 101, wanted 0 to 100"),
        (lambda: clipped.clipped_mean(math.nan, 0.1), "x is nan, wanted a finite number"),
        (lambda: clipped.clipped_deviation(0.1, math.inf), "s is inf, wanted a finite number"),
        (lambda: clipped.level_deviation(0.1, -0.1, 0.0), "lambda_shot is -0.1, wanted 0 or more"),
        (lambda: clipped.level_deviation(0.1, 0.1, math.nan), "lambda_read is nan, wanted a finite number"),
        (lambda: clipped.unclipped_signal([0.5, math.nan], 0.1, 0.1), "mean is nan, wanted a finite number"),
        (lambda: clipped.unclipped_signal(0.5, 0.1, 0.1, low=1.0), "low is 1, wanted below high, 1"),
        (lambda: clipped.unclipped_signal(0.5, 0.0, 40_000.0), "s is 200, wanted 0 to 100"),
        (lambda: clipped.unclipped(1.1, 0.1), "mean is 1.1, wanted 0 to 1"),
        (lambda: clipped.unclipped(0.5, -0.1), "deviation is -0.1, wanted 0 or more"),
        (lambda: clipped.unclipped(0.5, 0.51), "deviation is 0.51 at a mean of 0.5, wanted at most 0.49"),
        (lambda: clipped.unclipped(0.0, 0.01), "deviation is 0.01 at a mean of 0, wanted at most 0:"),
        (lambda: clipped.unclipped(0.5, math.inf), "deviation is inf, wanted a finite number"),
    ],
)
def test_what_no_clipped_normal_has_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
