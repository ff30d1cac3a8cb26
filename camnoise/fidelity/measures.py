"""What is measured, as sums over bands of rows: when bands change places, they are all it takes to measure anew.

A measure holds such sums of the real and the simulated frames, and makes distances of any two of them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bins import Bins
from .regions import Region

Floats = NDArray[np.float64]
LAGS = ((0, 1), (0, 2), (1, 0), (2, 0), (1, 1))  # rows, columns; 2 is the next of the same filter in a Bayer mosaic
TAILS = (1e-3, 1e-4)
FEW = 20.0  # counts in a cell whose logarithm is taken, and residuals beyond a quantile
_REACH = 10.0  # deviations; what lies beyond is counted in the last cell
_CELLS = 16  # per deviation


class Head(NamedTuple):
    """What a line says it measured; `sigma` is the deviation of the noise that a distance in DN is seen beside."""

    what: str
    where: str
    unit: str
    sigma: float | None = None


@dataclass(frozen=True)
class Measure:
    """Sums of bands and what is made of them.

    Attributes:
        heads: one per line.
        sums: (band, feature) of the real frames and of the simulated.
        distances: from (swap, feature) of either to (swap, line).
        values: from (feature,) to what a table shows of one of them, per line; None where there is no such thing.
    """

    heads: Sequence[Head]
    sums: tuple[Floats, Floats]
    distances: Callable[[Floats, Floats], Floats]
    values: Callable[[Floats], Floats] | None = None


class Histogram(NamedTuple):
    """Residuals of one bin of light.

    Attributes:
        step: of its cells, DN.
        sums: (band, cell) counts of the real and the simulated frames.
    """

    step: float
    sums: tuple[Floats, Floats]

    @property
    def centers(self) -> Floats:
        """DN."""
        cells = self.sums[0].shape[1]
        middles: Floats = (np.arange(cells) - cells // 2) * self.step
        return middles


def histograms(regions: Sequence[Region], bins: Bins, bands: int) -> list[Histogram]:
    """The residuals of each bin in cells of a sixteenth of a deviation."""
    found = []
    places = [bins.of(region) for region in regions]
    held = [set(np.unique(place).tolist()) for place in places]
    for at, variance in enumerate(bins.variance):
        step = sqrt(variance) / _CELLS
        half = int(np.ceil(_REACH * sqrt(variance) / step))
        cells = 2 * half + 1
        sums = [np.zeros((bands, cells)), np.zeros((bands, cells))]
        for region, place, kinds in zip(regions, places, held, strict=True):
            if at not in kinds:
                continue
            inside = place == at
            band = np.broadcast_to(region.bands[:, None], inside.shape)[inside]
            for side in (0, 1):
                values = region.noise[side][:, inside]
                cell = np.floor(values / step + 0.5).astype(np.int64)
                cell = np.clip(cell, -half, half) + half
                _count(sums[side], region, band, cell)
        found.append(Histogram(step, (sums[0], sums[1])))
    return found


def _count(sums: Floats, region: Region, band: NDArray[np.int64], cell: NDArray[np.int64]) -> None:
    """Adds counts of cells to the bands of a region, which follow each other."""
    first, last = int(region.bands[0]), int(region.bands[-1]) + 1
    cells = sums.shape[1]
    found = np.bincount(((band - first) * cells + cell).ravel(), minlength=(last - first) * cells)
    sums[first:last] += found.reshape(last - first, cells)


def marginal(histogram: Histogram, where: str, sigma: float) -> Measure:
    """KS, EMD and KL of one bin's residuals.

    KS is the largest gap of the two distributions at the edges of cells, EMD the area between them (1-Wasserstein;
    what lies beyond ten deviations counts as ten). KL is that of the real from the simulated in nats, with half a
    count added to every cell and cells merged until both together have 20: of two equal laws it gives about
    (cells - 1) / 2 times (1 / n + 1 / m) and not 0, which is what the floor shows.
    """
    starts = _merged(histogram.sums[0].sum(0) + histogram.sums[1].sum(0))

    def distances(a: Floats, b: Floats) -> Floats:
        gap = np.abs(np.cumsum(a / a.sum(1, keepdims=True) - b / b.sum(1, keepdims=True), 1))
        p, q = (np.add.reduceat(of, starts, axis=1) + 0.5 for of in (a, b))
        p, q = p / p.sum(1, keepdims=True), q / q.sum(1, keepdims=True)
        return np.stack([gap.max(1), gap.sum(1) * histogram.step, (p * np.log(p / q)).sum(1)], 1)

    heads = [Head("KS", where, ""), Head("EMD", where, "DN", sigma), Head("KL", where, "nat")]
    return Measure(heads, histogram.sums, distances)


def _merged(counts: Floats) -> NDArray[np.int64]:
    """Where cells of at least `FEW` begin; what is left at the end joins the last."""
    starts, held = [0], 0.0
    for cell, count in enumerate(counts):
        if held >= FEW and counts[cell:].sum() >= FEW:
            starts.append(cell)
            held = 0.0
        held += count
    return np.array(starts)


def transfer(
    regions: Sequence[Region], bins: Bins, bands: int, wheres: Sequence[str]
) -> tuple[Measure, Floats, Floats]:
    """Variance of every bin, the line through them, and how far the curves are apart.

    The line is fitted to the variances against the bins' means, each weighted as its own scatter demands. With one bin
    there is a variance and no line.

    Returns:
        The measure; (2, bin) weights that make slope and intercept of variances; (band, bin) shares of the residuals.
    """
    kinds = len(bins.mean)
    sums, share = [np.zeros((bands, kinds)), np.zeros((bands, kinds))], np.zeros((bands, kinds))
    for region in regions:
        place = bins.of(region)
        inside = place >= 0
        key = (region.bands[:, None] * kinds + place)[inside]
        for side in (0, 1):
            squares = (region.noise[side].astype(np.float64) ** 2).sum(0)[inside]
            sums[side] += np.bincount(key, squares, bands * kinds).reshape(bands, kinds)
        share += len(region.noise[0]) * np.bincount(key, minlength=bands * kinds).reshape(bands, kinds)
    count = share.sum(0)
    sums = [of / count for of in sums]
    weights = np.sqrt(count) / bins.variance
    a = np.stack([bins.mean, np.ones(kinds)], 1)
    line: Floats = np.linalg.pinv(a * weights[:, None]) * weights if kinds > 1 else np.zeros((0, 1))
    heads = [Head("variance", where, "DN²") for where in wheres]
    if kinds > 1:
        heads += [Head("photon transfer", what, unit) for what, unit in (("slope", "DN"), ("intercept", "DN²"))]
        heads += [Head("photon transfer", "curve, rms of log ratio", "")]

    def distances(a: Floats, b: Floats) -> Floats:
        if kinds == 1:
            return np.abs(a - b)
        ratio = np.log(np.maximum(a, 1e-12) / np.maximum(b, 1e-12))
        apart = np.sqrt((ratio**2 * count).sum(1, keepdims=True) / count.sum())
        return np.concatenate([np.abs(a - b), np.abs((a - b) @ line.T), apart], 1)

    def values(a: Floats) -> Floats:
        return np.concatenate([a, line @ a, [np.nan]]) if kinds > 1 else a

    return Measure(heads, (sums[0], sums[1]), distances, values), line, share / count


def standardized(region: Region, bins: Bins) -> tuple[tuple[Floats, Floats], Floats]:
    """(k, row, col) residuals in deviations, and (row, col) that deviation, DN.

    Each exposure's mean per filter is taken away; pixels that are not usable are 0.
    """
    deviation = np.sqrt(bins.variance_at(region.level))
    z = []
    for noise in region.noise:
        one = noise.astype(np.float64)
        for site in np.unique(region.sites):
            at = (region.sites == site) & region.usable
            one[:, at] -= one[:, at].mean(1, keepdims=True) if at.any() else 0.0
        z.append(np.where(region.usable, one / deviation, 0.0))
    return (z[0], z[1]), deviation


def neighbors_and_tails(regions: Sequence[Region], bins: Bins, bands: int) -> tuple[list[Measure], list[str]]:
    """Autocorrelation at small lags, and quantiles far out."""
    cells, width = 2000, 0.02
    lag_sums = [np.zeros((bands, len(LAGS) + 1)), np.zeros((bands, len(LAGS) + 1))]
    tail_sums = [np.zeros((bands, cells)), np.zeros((bands, cells))]
    for region in regions:
        z, _ = standardized(region, bins)
        band = np.broadcast_to(region.bands[:, None], region.usable.shape)
        for side in (0, 1):
            one = z[side]
            for at, (down, right) in enumerate(LAGS):
                rows, cols = one.shape[1] - down, one.shape[2] - right
                product = (one[:, :rows, :cols] * one[:, down:, right:]).sum((0, 2))
                np.add.at(lag_sums[side][:, at], region.bands[:rows], product)
            np.add.at(lag_sums[side][:, -1], region.bands, (one**2).sum((0, 2)))
            cell = np.minimum(np.abs(one[:, region.usable]) / width, cells - 1).astype(np.int64)
            _count(tail_sums[side], region, band[region.usable], cell)

    def correlations(a: Floats) -> Floats:
        return a[..., :-1] / a[..., -1:]

    heads = [Head("autocorrelation", f"{down} down, {right} right", "") for down, right in LAGS]
    measures = [
        Measure(
            heads, (lag_sums[0], lag_sums[1]), lambda a, b: np.abs(correlations(a) - correlations(b)), correlations
        ),
    ]
    count = min(of.sum() for of in tail_sums)
    depths = [depth for depth in TAILS if count * depth >= FEW]

    def quantiles(a: Floats) -> Floats:
        beyond = np.cumsum(a[..., ::-1], -1)[..., ::-1]
        above = [(beyond > depth * beyond[..., :1]).sum(-1) * width for depth in depths]
        return np.stack(above, -1)

    left_out = [f"tails at {depth:g}: {count:,.0f} residuals are too few" for depth in TAILS if depth not in depths]
    if depths:
        heads = [Head("tails", f"beyond it lies {depth:g} of |residual|", "sigma") for depth in depths]
        sums = (tail_sums[0], tail_sums[1])
        measures.append(Measure(heads, sums, lambda a, b: np.abs(quantiles(a) - quantiles(b)), quantiles))
    return measures, left_out
