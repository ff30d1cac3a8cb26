"""Power of row means and column means by frequency, against what white noise gives.

Residuals are weighted by their variance, so that a line's mean has the variance 1 where noise is white: a power of 1.
The sums of squares of two cameras that are one then have a ratio that follows Fisher's F, with two degrees of freedom
for each frequency and exposure but one.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy import stats

from .bins import Bins
from .measures import Floats
from .regions import Region

EDGES = (0.0, 1 / 32, 1 / 8, 1 / 4, 0.5)  # cycles per row or column
_TAPER = 0.25  # of the lines, at both ends together, on which they fade out


class Power(NamedTuple):
    """Of one axis and one range of frequencies.

    Attributes:
        axis: "row" or "column".
        low, high: cycles per line.
        real, simulated: mean power; 1 is that of white noise.
        freedom: degrees of freedom of each.
    """

    axis: str
    low: float
    high: float
    real: float
    simulated: float
    freedom: float

    @property
    def distance(self) -> float:
        """The ratio's logarithm, without its sign."""
        return float(abs(np.log(self.real / self.simulated)))

    @property
    def floor(self) -> float:
        """What it is in the mean for two equal cameras: the ratio's logarithm is nearly normal."""
        return float(np.sqrt(2 / np.pi) * np.sqrt(4 / self.freedom))

    @property
    def p(self) -> float:
        """Chance of a larger ratio, or one as small, between equal cameras."""
        f = stats.f(self.freedom, self.freedom)
        ratio = self.real / self.simulated
        return float(min(1.0, 2 * min(f.sf(ratio), f.cdf(ratio))))


class Spectrum(NamedTuple):
    """For a figure: smoothed power of one axis.

    Attributes:
        axis: "row" or "column".
        frequency: cycles per line.
        real, simulated: power; 1 is white.
    """

    axis: str
    frequency: tuple[float, ...]
    real: tuple[float, ...]
    simulated: tuple[float, ...]


def taper(count: int) -> Floats:
    """(count,) weights of lines, of mean square 1, that fade out at both ends: a wave then stays at its frequency.

    Were they all 1, a wave would leak into all frequencies, which would then not be independent.
    """
    x = (np.arange(count) + 0.5) / count
    weight = np.sin(np.pi / 2 * np.minimum(1.0, np.minimum(x, 1 - x) / (_TAPER / 2))) ** 2
    tapered: Floats = weight / np.sqrt((weight**2).mean())
    return tapered


def spectra(regions: Sequence[Region], bins: Bins) -> tuple[list[Power], list[Spectrum]]:
    """Of all regions that have several exposures; none where there are none."""
    powers, curves = [], []
    tied = float((taper(1024) ** 4).mean())  # by so much fewer ordinates are independent, whatever the number
    for axis, along in (("row", 2), ("column", 1)):
        found = [_periodograms(region, bins, along) for region in regions if region.centered is not None]
        if not found:
            continue
        frequency = np.concatenate([each[0] for each in found])
        sums = [np.concatenate([each[side] for each in found]) for side in (1, 2)]
        freedom = np.concatenate([np.full(len(each[0]), 2 * each[3]) for each in found])
        both = (sums[0] + sums[1]) / freedom
        for low, high in pairwise(EDGES):
            inside = (frequency > low) & (frequency <= high)
            total = int(freedom[inside].sum())
            if total >= 8 and min(of[inside].sum() for of in sums) > 0:
                real, simulated = (2 * float(of[inside].sum()) / total for of in sums)
                free = effective_freedom(both[inside], freedom[inside]) / tied
                powers.append(Power(axis, low, high, real, simulated, free))
        curves.append(_smooth(axis, frequency, sums, freedom))
    return powers, curves


def effective_freedom(power: Floats, freedom: Floats) -> float:
    """Degrees of freedom: fewer than all where a few frequencies hold most of the power, as a wave's do.

    (sum of P)^2 / sum of P^2 counts the frequencies; for a white spectrum its own scatter makes that too few by
    1 + 1 / f, f being the degrees of freedom of an ordinate of both together, halved.
    """
    each = float(freedom.mean())
    count = float(power.sum() ** 2 / (power**2).sum()) * (1 + 1 / each)
    return min(count * each, float(freedom.sum()))


def _periodograms(region: Region, bins: Bins, along: int) -> tuple[Floats, Floats, Floats, int]:
    """Frequencies, sums over exposures of the real and the simulated ordinates, and half their degrees of freedom."""
    assert region.centered is not None
    weight = np.where(region.usable, 1 / bins.variance_at(region.level), 0.0)
    total = np.maximum(weight.sum(along - 1), 1e-300)
    sums = []
    for centered in region.centered:
        lines = (centered * weight).sum(along) / np.sqrt(total)
        lines -= lines.mean(1, keepdims=True)
        ordinates = np.abs(np.fft.rfft(lines * taper(lines.shape[1]), axis=1)) ** 2
        sums.append(ordinates.sum(0) / lines.shape[1])
    frequency = np.fft.rfftfreq(lines.shape[1]).astype(np.float64)
    keep = (frequency > 0) & (frequency < 0.5)  # the last of an even number has half the freedom
    return frequency[keep], sums[0][keep], sums[1][keep], len(region.centered[0]) - 1


def _smooth(axis: str, frequency: Floats, sums: Sequence[Floats], freedom: Floats) -> Spectrum:
    """Means over about forty ranges, even in the logarithm where there is enough."""
    edges = np.unique(np.geomspace(frequency.min(), 0.5, 41))
    place = np.clip(np.searchsorted(edges, frequency, side="right") - 1, 0, len(edges) - 2)
    half = np.bincount(place, freedom, len(edges) - 1) / 2
    there = half > 0
    middle = np.bincount(place, frequency * freedom / 2, len(edges) - 1)[there] / half[there]
    real, simulated = (np.bincount(place, of, len(edges) - 1)[there] / half[there] for of in sums)
    return Spectrum(axis, tuple(middle.tolist()), tuple(real.tolist()), tuple(simulated.tolist()))
