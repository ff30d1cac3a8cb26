"""The density of the difference of two darks, for each law that read noise may have."""

from collections.abc import Callable
from math import exp, log, pi, sqrt
from typing import Literal, NamedTuple

import numpy as np
from scipy import fft, special

from ..moments import student_t_deviation, tukey_lambda_deviation
from .stacks import Array

Law = Literal["gaussian", "tukey_lambda", "student_t"]
LAWS: tuple[Law, ...] = ("gaussian", "tukey_lambda", "student_t")


class Model(NamedTuple):
    """The density of a difference at the centers of the bins.

    Attributes:
        bins: their number.
        width: of a bin, DN.
        step: q, DN.
        leverage: of the means of lines.
    """

    bins: int
    width: float
    step: float
    leverage: float

    def log_density(self, law: Law, sigma: float, shape: float) -> Array:
        """Natural logarithm, per DN, of both signs together; `shape` is lambda, or 1 / nu."""
        total = 2 * sigma**2 + self.step**2 / 6
        lines = total * self.leverage / (1 - self.leverage)
        places = np.asarray((np.arange(self.bins) + 0.5) * self.width, np.float64)
        if law == "gaussian":
            return _rounded_gaussian(places, 2 * sigma**2 + lines, self.step)
        half = fft.next_fast_len(self.bins + self.bins // 4 + 64, real=True)
        # A quarter off the grid: sums of two such places are the centers of the bins.
        y = (np.arange(-half, half) + 0.25) * self.width
        spectrum = fft.rfft(_DENSITIES[law](y, sigma, shape), 4 * half)
        rounding = np.sinc(np.arange(len(spectrum)) / (4 * half) * self.step / self.width)
        turns = np.arange(len(spectrum)) * (2 * pi / (4 * half * self.width))
        both = fft.irfft((spectrum * rounding) ** 2 * np.exp(-0.5 * lines * turns**2), 4 * half) * self.width
        density = both[2 * half : 2 * half + self.bins]
        # Under the rounding of the transform one large deviation makes a large difference.
        tail = 2 * _DENSITIES[law](places, sigma, shape)
        likely = np.where(density > 1e-12 * density[0], density, tail).clip(1e-290)
        return np.asarray(np.log(2 * likely), np.float64)


_NODES, _NODE_WEIGHTS = np.polynomial.legendre.leggauss(8)


def _rounded_gaussian(places: Array, variance: float, step: float) -> Array:
    """Log density, both signs together, of a normal difference through the triangle; in logarithms, far out too."""
    s = (_NODES + 1) * (step / 2)  # 0 to a step, and mirrored
    s, weights = np.append(s, -s), np.tile((1 - s / step) * _NODE_WEIGHTS / 2, 2)
    exponents = (places[:, None] * s - s**2 / 2) / variance
    most = exponents.max(1)
    inner = most + np.log(np.exp(exponents - most[:, None]) @ weights)
    density: Array = inner - places**2 / (2 * variance) - 0.5 * log(2 * pi * variance) + log(2)
    return density


def _student(y: Array, sigma: float, shape: float) -> Array:
    nu = 1 / shape
    scale = sigma / float(student_t_deviation(np.array(nu, np.float32)))
    factor = exp(special.gammaln((nu + 1) / 2) - special.gammaln(nu / 2)) / sqrt(nu * pi)
    density: Array = np.exp(np.log1p((y / scale) ** 2 / nu) * (-(nu + 1) / 2)) * (factor / scale)
    return density


_LOGITS = np.concatenate([np.linspace(0, 20, 2001), np.linspace(20, 60, 801)[1:]])
_NEAR, _FAR = -np.log1p(np.exp(-_LOGITS)), -np.logaddexp(0, _LOGITS)  # ln(1 - p), ln p


def _tukey(y: Array, sigma: float, shape: float) -> Array:
    """The quantile is in closed form, so its inverse is read from a table of it."""
    lam = shape if abs(shape) > 1e-6 else 1e-6
    scale = sigma / float(tukey_lambda_deviation(np.array(lam, np.float32)))
    quantile = (np.expm1(lam * _NEAR) - np.expm1(lam * _FAR)) / lam
    log_density = -np.logaddexp((lam - 1) * _NEAR, (lam - 1) * _FAR)
    density: Array = np.exp(np.interp(np.abs(y) / scale, quantile, log_density, right=-700.0)) / scale
    return density


_DENSITIES: dict[Law, Callable[[Array, float, float], Array]] = {
    "tukey_lambda": _tukey,
    "student_t": _student,
}
BOUNDS: dict[Law, tuple[float, float]] = {
    "gaussian": (0, 0),
    "tukey_lambda": (-0.35, 0.5),
    "student_t": (1e-4, 0.3333),
}


def deviations(law: Law, shape: float) -> float:
    """Of a law, in its quartiles."""
    if law == "tukey_lambda":
        lam = shape if abs(shape) > 1e-6 else 1e-6
        quartile = (exp(lam * log(0.75)) - exp(lam * log(0.25))) / lam
        return float(tukey_lambda_deviation(np.array(lam, np.float32))) / quartile
    if law == "student_t":
        return float(student_t_deviation(np.array(1 / shape, np.float32))) / float(special.stdtrit(1 / shape, 0.75))
    return 1 / 0.6744897501960817
