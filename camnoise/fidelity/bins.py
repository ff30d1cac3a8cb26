"""Bins of light: found in the data, so that flats make a bin each and a scene makes several."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .regions import Region

MOST = 8
LEAST = 1000  # residuals in a bin
_APART = 4.0  # deviations of a pixel's mean by which two bins differ at least
_FINE = 96
_LEAST_PART = 0.2  # of a bin's variance, at the end of its half of a bin


class Bins(NamedTuple):
    """Levels and how noisy they are, real and simulated together.

    Attributes:
        edges: (bin - 1,) DN, between the bins.
        mean: (bin,) DN above black.
        variance: (bin,) DN squared, of one exposure.
    """

    edges: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    def of(self, region: Region) -> NDArray[np.int64]:
        """(row, col): the bin of each pixel, -1 where it is not usable."""
        return np.where(region.usable, np.searchsorted(self.edges, region.level, side="right"), -1)

    def variance_at(self, level: NDArray[np.float64]) -> NDArray[np.float64]:
        """The pooled variance between and beyond the bins' means, DN squared."""
        mean, variance = self.mean, self.variance
        if len(mean) > 1:  # the line goes on, but a variance stays a variance
            ends = np.array([min(level.min(), mean[0]) - 1, max(level.max(), mean[-1]) + 1])
            slope = (np.diff(variance) / np.diff(mean))[[0, -1]]
            beyond = variance[[0, -1]] + slope * (ends - mean[[0, -1]])
            beyond = np.maximum(beyond, variance[[0, -1]] * _LEAST_PART)
            mean = np.concatenate([ends[:1], mean, ends[1:]])
            variance = np.concatenate([beyond[:1], variance, beyond[1:]])
        return np.maximum(np.interp(level, mean, variance), 1e-12)


def bins_of(regions: Sequence[Region]) -> Bins:
    """Merges fine bins until they are few, and farther apart than noise alone would put them.

    Distances are in deviations of the noise, as photon transfer has its axis, so that dark levels get their share.

    Raises:
        ValueError: no pixel below white, or frames without any noise.
    """
    levels = np.concatenate([region.level[region.usable] for region in regions])
    squares = np.concatenate([_squares(region)[region.usable] for region in regions])
    if levels.size < LEAST:
        raise ValueError(f"frames have {levels.size} pixels below white, wanted at least {LEAST}")
    exposures = min(r.sites.size / 4 if r.centered is None else len(r.centered[0]) for r in regions)
    edges = np.unique(np.quantile(levels, np.linspace(0, 1, _FINE + 1)[1:-1]))
    place = np.searchsorted(edges, levels, side="right")
    kinds = len(edges) + 1
    count = np.bincount(place, minlength=kinds).astype(float)
    edges, totals = _without_empty(
        edges, np.stack([count, np.bincount(place, levels, kinds), np.bincount(place, squares, kinds)])
    )
    if totals[2].sum() <= 0:
        raise ValueError("real and simulated frames have no noise at all")
    while totals.shape[1] > 1:
        n, mean, variance = totals[0], totals[1] / totals[0], np.maximum(totals[2] / totals[0], 1e-12)
        gap = np.diff(mean) / np.sqrt((variance[1:] + variance[:-1]) / 2)
        cost = gap**2 * n[1:] * n[:-1] / (n[1:] + n[:-1])
        close = gap * sqrt(2 * exposures) < _APART
        small = np.minimum(n[1:], n[:-1]) < LEAST
        if len(n) <= MOST and not (close | small).any():
            break
        at = int(np.where(close | small, cost, cost + cost.max() * (len(n) <= MOST)).argmin())
        totals[:, at] += totals[:, at + 1]
        totals, edges = np.delete(totals, at + 1, 1), np.delete(edges, at)
    return Bins(edges, totals[1] / totals[0], totals[2] / totals[0])


def _squares(region: Region) -> NDArray[np.float64]:
    """(row, col): the mean square of a pixel's residuals, real and simulated."""
    real, simulated = ((noise.astype(np.float64) ** 2).mean(0) for noise in region.noise)
    both: NDArray[np.float64] = (real + simulated) / 2
    return both


def _without_empty(
    edges: NDArray[np.float64], totals: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    full = totals[0] > 0
    return edges[full[1:]] if full[0] else edges[full[1:]][1:], totals[:, full]
