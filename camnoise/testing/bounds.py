"""How far a correct sampler may stray: bounds derived from sample sizes, with a named chance of false alarm."""

from collections.abc import Callable
from math import log, sqrt

import numpy as np
from scipy import stats

ALPHA = 1e-9  # chance that a correct sampler fails one check


def dkw(n: int, alpha: float = ALPHA) -> float:
    """Largest gap between an empirical and a true CDF (Massart, Ann. Probab. 18, 1990).

    Needs no moments and holds for discrete laws, so it serves Poisson, DN and Student t alike.
    """
    return sqrt(log(2 / alpha) / (2 * n))


def cdf_gap(x: np.ndarray, ppf: Callable[[np.ndarray], np.ndarray], steps: int = 10_000) -> float:
    """Largest gap between the draws' CDF and a continuous law's, at the law's own quantiles.

    The supremum over all x may be larger by 1 / steps: a bound on that holds here, and what is
    missed is a thirtieth of the bound for a million draws. (The inverse is what many laws have.)
    """
    q = np.arange(1, steps) / steps
    below = np.searchsorted(np.sort(x, axis=None), ppf(q).astype(x.dtype), side="right")
    return float(np.abs(below / x.size - q).max())


def block_variance(x: np.ndarray, alpha: float = ALPHA) -> tuple[float, int]:
    """Median of the variances of b blocks of m draws, and m.

    Chebyshev puts one block variance within two standard errors with chance 3/4 or more;
    Hoeffding puts the median there with chance 1 - exp(-b / 8). Only the kurtosis must exist.
    """
    b = round(8 * log(1 / alpha)) + 1
    m = x.size // b
    return float(np.median(x.ravel()[: b * m].reshape(b, m).var(axis=1, ddof=1))), m


def variance_band(kurtosis: float, m: int) -> float:
    """Two relative standard errors of the variance of m draws; `kurtosis` is 3 for a normal."""
    return 2 * sqrt((kurtosis - (m - 3) / (m - 1)) / m)


def mean_band(n: int, deviation: float, alpha: float = ALPHA) -> float:
    """How far the mean of n independent draws may lie from its expectation, by the normal limit."""
    return float(stats.norm.isf(alpha / 2)) * deviation / sqrt(n)


def mean_product(n: int, alpha: float = ALPHA) -> float:
    """Largest mean of n products f_i g_i of independent scores in [-1, 1] of mean 0.

    The products may share draws (pixel with neighbour, neighbour with its own): summed in raster
    order each has mean 0 given those before it, so the sum is a martingale with steps in [-1, 1]
    and Azuma's inequality gives P(|mean| > t) <= 2 exp(-n t^2 / 2).
    """
    return sqrt(2 * log(2 / alpha) / n)


def chi_square_limit(df: int, alpha: float = ALPHA) -> float:
    """Value that Pearson's statistic exceeds with chance alpha."""
    return float(stats.chi2.isf(alpha, df))


def poisson_bins(rate: float, n: float, least: float) -> tuple[int, np.ndarray]:
    """Bins of a Poisson law, each expected at least `least` times in n draws.

    Bins are single counts from `low` on; the first also holds all smaller counts and the last all
    larger ones, so nothing is dropped.

    Returns:
        low, and the probabilities of the bins.
    """
    law = stats.poisson(rate)
    reach = 12 * sqrt(rate) + 40
    k = np.arange(max(0, int(rate - reach)), int(rate + reach))
    pmf = law.pmf(k)
    inside = k[n * pmf >= least]
    low, high = int(inside[0]), int(inside[-1])
    p = pmf[(k >= low) & (k <= high)]
    p[0], p[-1] = law.cdf(low), law.sf(high - 1)
    return low, p


def into_bins(counts: np.ndarray, weights: np.ndarray | None, low: int, bins: int) -> np.ndarray:
    """Totals per bin of `poisson_bins`; counts beyond either end fall into the end's bin."""
    place = (np.asarray(counts, np.int64) - low).clip(0, bins - 1)
    return np.bincount(place.ravel(), weights=weights, minlength=bins)


def poisson_chi_square(counts: np.ndarray, rate: float, least: float = 25.0) -> tuple[float, int]:
    """Pearson's statistic of counts against Poisson(rate), and its degrees of freedom."""
    low, p = poisson_bins(rate, counts.size, least)
    expected = counts.size * p
    seen = into_bins(counts, None, low, p.size)
    return float(((seen - expected) ** 2 / expected).sum()), p.size - 1
