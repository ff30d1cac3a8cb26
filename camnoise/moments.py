r"""Mean, deviation and excess kurtosis of every law, in closed form.

Two of them come twice. The closed form belongs to the ideal law; what a stage divides by is the
deviation over all 2^32 words, which a heavy tail cut at p = 2^-33 makes smaller. It is a committed
polynomial in float64 (+ - * / and square root only), so that it has the same bits everywhere.
"""

from collections.abc import Sequence
from math import inf, nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

LEAST_SHAPE = -0.35  # where a deviation is stated; below it too much of the variance lies beyond the last word
LEAST_FREEDOM = 3.0


class Moments(NamedTuple):
    """Mean, standard deviation and excess kurtosis (0 for a normal); inf or nan where they do not exist."""

    mean: float
    deviation: float
    kurtosis: float


UNIFORM = Moments(0.5, sqrt(1 / 12), -1.2)
NORMAL = Moments(0.0, 1.0, 0.0)
EXPONENTIAL = Moments(1.0, 1.0, 6.0)


def poisson(rate: float) -> Moments:
    """Of a Poisson count of mean `rate` > 0."""
    return Moments(rate, sqrt(rate), 1 / rate)


# Taylor series of the Tukey lambda law about lam = 0, low order first.
_LOGISTIC_VARIANCE = (
    *(3.2898681336965, -11.387963880031, 27.646382311763),
    *(-59.826680284057, 123.91986011148, -251.9630337052),
)
_LOGISTIC_KURTOSIS = (
    *(1.2, -14.458844170398, 65.473124179713),
    *(-282.34593635661, 1189.9528356416, -4940.7928459907),
)


def tukey_lambda(lam: float) -> Moments:
    r"""Of the Tukey lambda law of unit scale.

    :math:`\mathbb{E}[Q^{2k}]` is a sum of beta functions; the variance needs lam > -1/2, the
    kurtosis lam > -1/4.

    References:
        | Some Properties of the Range in Samples from Tukey's Symmetric Lambda Distributions
        | (Joiner & Rosenblatt, 1971), https://doi.org/10.1080/01621459.1971.10482275
    """
    if abs(lam) < 0.005:  # the closed forms cancel; their series about the logistic law do not
        return Moments(0.0, sqrt(_series(lam, _LOGISTIC_VARIANCE)), _series(lam, _LOGISTIC_KURTOSIS))
    if lam <= -0.5:
        return Moments(0.0, inf, inf)
    g = [float(gamma(k * lam + 1)) for k in range(5)]
    variance = 2 / lam**2 * (1 / (1 + 2 * lam) - g[1] ** 2 / float(gamma(2 * lam + 2)))
    if lam <= -0.25:
        return Moments(0.0, sqrt(variance), inf)
    fourth = 2 / lam**4 * (1 / (4 * lam + 1) + (3 * g[2] ** 2 - 4 * g[1] * g[3]) / float(gamma(4 * lam + 2)))
    return Moments(0.0, sqrt(variance), fourth / variance**2 - 3)


def student_t(nu: float) -> Moments:
    """Of Student's t of unit scale; the mean needs nu > 1, the variance nu > 2, the kurtosis nu > 4."""
    return Moments(
        0.0 if nu > 1 else nan,
        sqrt(nu / (nu - 2)) if nu > 2 else inf,
        6 / (nu - 4) if nu > 4 else inf,
    )


def _series(x: float, coefficients: Sequence[float]) -> float:
    return sum(c * x**n for n, c in enumerate(coefficients))


class _Piece(NamedTuple):
    low: float
    high: float
    coefficients: Sequence[float]


# Variance * (1 + 2 lam) over all words. The first two pieces hold the cut tail's correction,
# (2 / lam^2) (2^(-32 (1 + 2 lam)) zeta(-2 lam, 1/2) - 2 * 2^(-32 (1 + lam)) zeta(-lam, 1/2)) with
# Hurwitz zeta (the midpoint rule at an algebraic endpoint); above -0.05 it is under 2e-8.
_TUKEY = (
    _Piece(
        -0.49,
        -0.35,
        (
            *(6.494998369026, -0.2462776146499, -1.001935799109, 1.133492476276, -0.886196341829),
            *(0.5507588586884, -0.2854458692093, 0.1272288133842, -0.04952916461491),
            *(0.01671366086969, -0.005262184762498, 0.001865850747884, -0.0004731737297088),
        ),
    ),
    _Piece(
        -0.35,
        -0.05,
        (
            *(4.491055083808, -1.121905861833, 0.2039161857632, -0.03491074580032, 0.005178645301461),
            *(0.0002482326413453, -0.001416839816329, 0.002023629987828, -0.001501980561646),
            *(0.0001909604227621, -0.0002893702706359, 0.0009099533946948, -0.00044756410728),
        ),
    ),
    _Piece(
        -0.05,
        0.5,
        (
            *(2.411926715059, -0.8669185426563, 0.2083333540815, -0.04412942062434, 0.009220812433091),
            *(-0.001969951538291, 0.000427546289518, -9.447718386149e-05, 2.412160066569e-05),
            -5.466816584487e-06,
        ),
    ),
    _Piece(
        0.5,
        2.0,
        (
            *(0.7855800836427, -0.5491799029906, 0.2483571068745, -0.090632297056, 0.0296002818277),
            *(-0.009262664898501, 0.002883894663542, -0.0008698677397373, 0.0002755504136303),
            *(-0.0001292654161347, 4.375976591291e-05),
        ),
    ),
)
# Variance over all words, divided by nu / (nu - 2), in 1 / nu; 1 within 3e-8 above nu = 8.
_STUDENT = _Piece(
    1 / 8,
    1 / 3,
    (
        *(0.999996495778, -1.70212387963e-05, -4.1136639485e-05, -6.52791148676e-05),
        *(-7.93802980826e-05, -8.2715613898e-05, -6.53641989367e-05, -3.14888368402e-05),
        *(-2.04517866085e-05, -2.45951603183e-05, -1.12942131631e-05),
    ),
)


def tukey_lambda_deviation(lam: NDArray[np.float32]) -> NDArray[np.float64]:
    """Deviation of unit-scale Tukey lambda over all 2^32 words; lam in [-0.49, 2]; error 1e-7 relative.

    Below -0.35 it says more about the number of words than about the law, so no stage divides by it there.

    Raises:
        ValueError: a shape outside the range.
    """
    x = np.asarray(lam, np.float64)
    _check(x, -0.49, 2.0, "Tukey lambda shape")
    scaled = np.select([x < piece.high for piece in _TUKEY[:-1]], [_at(p, x) for p in _TUKEY[:-1]], _at(_TUKEY[-1], x))
    result: NDArray[np.float64] = np.sqrt(scaled / (1.0 + 2.0 * x))
    return result


def student_t_deviation(nu: NDArray[np.float32]) -> NDArray[np.float64]:
    """Deviation of unit-scale Student t over all words; nu in [3, 1e4]; error 1e-7 relative.

    Raises:
        ValueError: degrees of freedom outside the range.
    """
    x = np.asarray(nu, np.float64)
    _check(x, LEAST_FREEDOM, 1e4, "degrees of freedom")
    ratio = np.where(x < 8.0, _at(_STUDENT, 1.0 / x), 1.0)
    result: NDArray[np.float64] = np.sqrt(x / (x - 2.0) * ratio)
    return result


def _at(piece: _Piece, x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Horner's scheme on the piece's range mapped to [-1, 1]."""
    t = (2.0 * x - (piece.low + piece.high)) / (piece.high - piece.low)
    value = np.zeros_like(t)
    for coefficient in reversed(piece.coefficients):
        value = value * t + coefficient
    return value


def _check(x: NDArray[np.float64], low: float, high: float, what: str) -> None:
    # A float32 just below a decimal bound is that bound.
    wrong = ~((x >= np.float32(low)) & (x <= high))
    if wrong.any():
        raise ValueError(f"{what} is {x[wrong].flat[0]:g}, wanted {low:g} to {high:g}")
