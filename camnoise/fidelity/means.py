"""The mean of every bin of light, and of every filter: black-level error, color bias, what clipping adds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .bins import Bins
from .exposures import SITES
from .regions import Region

_FEW = 8  # degrees of freedom that a small region has at least


class Mean(NamedTuple):
    """Of one bin or filter, DN above black.

    Attributes:
        where: which.
        real, simulated: mean.
        error: standard error of their difference.
        freedom: rows or columns that it was found from, whichever are fewer, less one.
    """

    where: str
    real: float
    simulated: float
    error: float
    freedom: int

    @property
    def distance(self) -> float:
        """Of one mean from the other."""
        return abs(self.real - self.simulated)

    @property
    def floor(self) -> float:
        """What it is in the mean for two equal cameras."""
        return float(np.sqrt(2 / np.pi)) * self.error

    @property
    def p(self) -> float:
        """Chance of a larger distance between equal cameras, by Student's law."""
        return float(2 * stats.t(self.freedom).sf(self.distance / self.error)) if self.error > 0 else 1.0


def means_of(regions: Sequence[Region], bins: Bins, wheres: Sequence[str], colors: bool) -> list[Mean]:
    """Of regions with several exposures.

    Pixels of a row share its noise, and so do those of a column. The variance of a mean is therefore that of sums over
    bands of rows plus that of sums over columns less that of their parts in common (clustering in two directions).

    References:
        | Robust Inference With Multiway Clustering (Cameron, Gelbach & Miller, JBES 2011)
        | https://doi.org/10.1198/jbes.2010.07136
    """
    kinds = [(where, at, False) for at, where in enumerate(wheres)]
    kinds += [(f"filter {site}", at, True) for at, site in enumerate(SITES)] if colors else []
    places = [bins.of(region) for region in regions]
    found = [_mean(regions, places, *kind) for kind in kinds]
    return [mean for mean in found if mean is not None]


def _mean(
    regions: Sequence[Region], places: Sequence[NDArray[np.int64]], where: str, at: int, filters: bool
) -> Mean | None:
    count, sums, variance, rows, columns = 0, np.zeros(2), 0.0, 0, 0
    for region, place in zip(regions, places, strict=True):
        inside = region.usable & ((region.sites if filters else place) == at)
        if not inside.any():
            continue
        apart = np.where(inside, region.mean[1] - region.mean[0], 0.0)
        middle = apart.sum() / inside.sum()
        apart = np.where(inside, apart - middle, 0.0)
        first = int(region.bands[0])
        both = np.add.reduceat(apart, np.flatnonzero(np.diff(region.bands, prepend=first - 1)), axis=0)
        bands = both.sum(1)
        used = [int(inside.any(axis).sum()) for axis in (0, 1)]
        clustered = float((bands**2).sum() + (both.sum(0) ** 2).sum() - (both**2).sum())
        variance += max(clustered, float((apart**2).sum()))
        count += int(inside.sum())
        sums += [float(mean[inside].sum()) for mean in region.mean]
        columns += used[0]
        rows += min(used[1], len(bands))
    if count < 2:
        return None
    real, simulated = (sums / count).tolist()
    return Mean(where, real, simulated, float(np.sqrt(variance)) / count, max(_FEW, min(rows, columns) - 1))
