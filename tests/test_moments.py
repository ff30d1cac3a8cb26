"""Closed forms against scipy and mpmath; deviations over all words against sums over the words."""

import math

import mpmath
import numpy as np
import pytest
import torch
from scipy import stats
from words import as_words, stated_tail

from camnoise import draws, moments

WORD = mpmath.mpf(2) ** -32  # probability of one


def exact_tukey_lambda(lam):
    """Variance and excess kurtosis as mpmath has them: at 80 digits nothing cancels."""
    lam = mpmath.mpf(lam)
    if lam == 0:
        return mpmath.pi**2 / 3, mpmath.mpf("1.2")
    g = [mpmath.gamma(k * lam + 1) for k in range(5)]
    variance = 2 / lam**2 * (1 / (1 + 2 * lam) - g[1] ** 2 / mpmath.gamma(2 * lam + 2))
    fourth = 1 / (4 * lam + 1) + (3 * g[2] ** 2 - 4 * g[1] * g[3]) / mpmath.gamma(4 * lam + 2)
    return variance, 2 / lam**4 * fourth / variance**2 - 3


def finite_tukey_lambda(lam):
    """Variance over all words.

    The integral becomes a midpoint sum, which misses a Hurwitz zeta for each power of u that is
    singular at 0. Of Q^2 those are u^(2 lam) and -2 u^lam (1 - u)^lam; the next, 2 lam u^(1 + lam)
    from the second, comes to 2^(-32 (2 + lam)) and is nothing.
    """
    variance, _ = exact_tukey_lambda(lam)
    if lam == 0:
        return variance
    lam = mpmath.mpf(lam)
    missed = WORD ** (1 + 2 * lam) * mpmath.zeta(-2 * lam, 0.5) - 2 * WORD ** (1 + lam) * mpmath.zeta(-lam, 0.5)
    return variance + 2 / lam**2 * missed


def finite_student_t(nu):
    nu = mpmath.mpf(nu)
    return nu / (nu - 2) + nu / 2 * WORD ** (1 - 2 / nu) * mpmath.zeta(2 / nu, 0.5)


# --- ideal laws


@pytest.mark.parametrize("lam", [-0.24, -0.2, -0.05, -0.003, 0.003, 0.05, 0.14, 0.5, 1.0, 2.0])
def test_tukey_lambda_has_the_moments_of_mpmath(lam):
    got = moments.tukey_lambda(lam)
    with mpmath.workdps(80):
        variance, kurtosis = (float(x) for x in exact_tukey_lambda(lam))
    assert got.mean == 0
    assert got.deviation == pytest.approx(math.sqrt(variance), rel=1e-9)
    assert got.kurtosis == pytest.approx(kurtosis, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("lam", [0.0, *(s * x for s in (1, -1) for x in (1e-12, 5e-5, 1.1e-4, 3e-4, 1e-3, 2e-3))])
def test_tukey_lambda_has_its_moments_around_0_too(lam):
    """Where the closed forms cancel: 1 / lam^4 of a difference that is itself of the order of lam^4."""
    got = moments.tukey_lambda(lam)
    with mpmath.workdps(80):
        variance, kurtosis = (float(x) for x in exact_tukey_lambda(lam))
    assert got.deviation == pytest.approx(math.sqrt(variance), rel=1e-7)
    assert got.kurtosis == pytest.approx(kurtosis, abs=1e-5)


@pytest.mark.parametrize("lam", [-0.2, -0.05, 0.14, 0.5, 2.0])
def test_tukey_lambda_has_the_moments_of_scipy(lam):
    variance, excess = stats.tukeylambda(lam).stats("vk")
    got = moments.tukey_lambda(lam)
    assert got.deviation**2 == pytest.approx(float(variance), rel=1e-7)
    assert got.kurtosis == pytest.approx(float(excess), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("lam", [-0.49, -0.35, -0.3, -0.25])
def test_tukey_lambda_of_heavy_tails_has_no_kurtosis(lam):
    got = moments.tukey_lambda(lam)
    with mpmath.workdps(80):
        # E Q^2 as the integral it is; the substitution u = t^k takes the pole at 0 away.
        def square(t):
            u = t**200
            return ((u**lam - (1 - u) ** lam) / lam) ** 2 * 200 * t**199

        assert got.deviation == pytest.approx(
            float(mpmath.sqrt(2 * mpmath.quad(square, [0, mpmath.mpf(0.5) ** (mpmath.mpf(1) / 200)]))), rel=1e-9
        )
    assert got.kurtosis == math.inf


def test_moments_that_do_not_exist():
    assert moments.tukey_lambda(-0.5) == (0, math.inf, math.inf)
    assert math.isnan(moments.student_t(1).mean)
    assert moments.student_t(2)[1:] == (math.inf, math.inf)
    assert moments.student_t(4) == (0, math.sqrt(2), math.inf)


@pytest.mark.parametrize(
    ("got", "law"),
    [
        *((moments.student_t(nu), stats.t(nu)) for nu in (4.5, 5, 10, 30, 1e4)),
        *((moments.poisson(rate), stats.poisson(rate)) for rate in (0.01, 3, 1e5)),
        (moments.UNIFORM, stats.uniform()),
        (moments.NORMAL, stats.norm()),
        (moments.EXPONENTIAL, stats.expon()),
    ],
)
def test_moments_are_those_of_scipy(got, law):
    mean, variance, excess = (float(x) for x in law.stats("mvk"))
    assert got.mean == mean
    assert got.deviation**2 == pytest.approx(variance, rel=1e-12)
    assert got.kurtosis == pytest.approx(excess, rel=1e-12, abs=1e-12)


# --- deviations over all words

SHAPES = np.unique(
    np.concatenate(
        [
            np.linspace(-0.49, 2, 200),
            *(seam + np.linspace(-1e-6, 1e-6, 9) for seam in (-0.35, -0.05, 0.0, 0.5)),
            [-0.3, -0.2, 0.14, 1.0, -1e-12, 1e-12],
        ]
    ).astype(np.float32)
)
SHAPES = SHAPES[np.float32(-0.49) <= SHAPES]
FREEDOMS = np.unique(
    np.concatenate([np.linspace(3, 8.1, 150), np.geomspace(8, 1e4, 60), [3, 8, 1e4]]).astype(np.float32)
)


def worst(got, exact):
    return max(abs(float(g / mpmath.sqrt(e) - 1)) for g, e in zip(got, exact, strict=True))


def test_tukey_lambda_deviation_is_that_of_finite_words():
    got = moments.tukey_lambda_deviation(SHAPES)
    with mpmath.workdps(80):
        assert worst(got, [finite_tukey_lambda(float(lam)) for lam in SHAPES]) <= 1e-7


def test_student_t_deviation_is_that_of_finite_words():
    got = moments.student_t_deviation(FREEDOMS)
    with mpmath.workdps(40):
        assert worst(got, [finite_student_t(float(nu)) for nu in FREEDOMS]) <= 1e-7


def test_the_deviation_check_has_teeth():
    """The ideal law's deviation, without the correction for the cut tail, must fail at either end."""
    ideal = [moments.tukey_lambda(-0.3).deviation]
    with mpmath.workdps(80):
        assert worst(ideal, [finite_tukey_lambda(float(np.float32(-0.3)))]) > 1e-4
        assert worst([moments.student_t(3.0).deviation], [finite_student_t(3.0)]) > 1e-4


# A sum over all 2^31 tails: the deepest one by one, then the middle word of every 2047 for all of them.
# There k >= 2^20, so a step is a relative 2^-9, and the midpoint rule is wrong by (2^-9)^2 / 24 = 2e-7
# of the two or three percent of the variance that the first such octave holds, and by less further on.
DEEP, STRIDE = 2**20, 2047  # 2^31 - DEEP is 2^20 strides
TAILS = np.concatenate([np.arange(DEEP), np.arange(DEEP + STRIDE // 2, 2**31, STRIDE)]).astype(np.uint64)
SHARE = np.concatenate([np.ones(DEEP), np.full((2**31 - DEEP) // STRIDE, float(STRIDE))]) / 2**31


def mean_over_tails(values):
    return float((values * SHARE).sum())


def test_the_tails_are_all_there():
    assert SHARE.sum() == 1
    assert len(TAILS) == len(SHARE)


@pytest.mark.parametrize("lam", [-0.49, -0.4, -0.35, -0.3, -0.2, 0.0, 0.14, 0.5])
def test_tukey_lambda_deviation_is_a_sum_over_the_words(lam):
    """In float64 the sum agrees with the polynomial; the float32 draws have that deviation too."""
    p = stated_tail(as_words(TAILS))
    shape = float(np.float32(lam))
    q = (np.expm1(shape * np.log1p(-p)) - np.expm1(shape * np.log(p))) / shape if lam else np.log1p(-p) - np.log(p)
    stated = float(moments.tukey_lambda_deviation(np.float32([lam]))[0])
    assert math.sqrt(mean_over_tails(q**2)) == pytest.approx(stated, rel=2e-7)

    drawn = draws.tukey_lambda(as_words(TAILS), torch.tensor(lam), torch.tensor(1.0)).double().numpy()
    # Each draw is right within 2e-6 (test_draws), most far better; their mean square within 1e-6.
    assert math.sqrt(mean_over_tails(drawn**2)) == pytest.approx(stated, rel=1e-6)


@pytest.mark.parametrize("nu", [3.0, 3.5, 5.0, 10.0, 1e4])
def test_student_t_deviation_is_a_sum_over_the_words(nu):
    """E T^2 = E R^2 E cos^2, and the cosine's mean square over all words is 1/2."""
    upper = TAILS | np.uint64(2**31)
    right_on = torch.zeros(len(TAILS), dtype=torch.int32)  # word 0: cosine 1
    halves = [draws.student_t(as_words(w), right_on, torch.tensor(nu)).double().numpy() for w in (TAILS, upper)]
    square = sum(mean_over_tails(half**2) for half in halves) / 2 / 2
    assert math.sqrt(square) == pytest.approx(float(moments.student_t_deviation(np.float32([nu]))[0]), rel=1e-6)


def test_normal_and_cosine_over_the_words():
    x = draws.normal(as_words(TAILS)).double().numpy()
    assert mean_over_tails(x**2) == pytest.approx(1, abs=2e-7)
    assert mean_over_tails(x**4) == pytest.approx(3, abs=2e-6)
    angles = as_words(np.arange(2**9, 2**32, 2**10, dtype=np.uint64))
    cosine = draws.cosine_of_word(angles).double()
    assert float((cosine**2).mean()) == pytest.approx(0.5, abs=1e-7)
    assert abs(float(cosine.mean())) < 1e-7


# --- ranges


@pytest.mark.parametrize(
    ("function", "value", "message"),
    [
        (moments.tukey_lambda_deviation, -0.491, "Tukey lambda shape is -0.491, wanted -0.49 to 2"),
        (moments.tukey_lambda_deviation, 2.01, "Tukey lambda shape is 2.01, wanted"),
        (moments.tukey_lambda_deviation, math.nan, "Tukey lambda shape is nan, wanted"),
        (moments.student_t_deviation, 2.99, "degrees of freedom is 2.99, wanted 3 to 10000"),
        (moments.student_t_deviation, 10001.0, "degrees of freedom is 10001, wanted"),
        (moments.student_t_deviation, math.inf, "degrees of freedom is inf, wanted"),
    ],
)
def test_a_value_outside_its_range_is_named(function, value, message):
    with pytest.raises(ValueError, match=message):
        function(np.float32([1.0 if "lambda" in function.__name__ else 5.0, value]))
