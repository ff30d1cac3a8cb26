"""The gain, from how the temporal variance of flats grows with their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np
from scipy import stats

from ..estimate import Estimate, Z
from .stacks import Array, Stack, Tile, check_stack, tile_of, whole_tiles

CLIPPED = 1e-4  # of the values; so many beyond 3.7 deviations of a normal law take 0.02 % of its variance
FALSE_ALARM = 1e-3  # that one of all points is taken for saturated by chance
DROP = 0.02  # of the variance; less than that no line is bent enough to matter
STILL = 0.1  # of the line's variance; under it a level is saturated


@dataclass(frozen=True)
class TransferPoint:
    """One site at one level.

    Attributes:
        site: "R", "G1", "G2", "B", "G", "mono", ...
        level: number of the stack that it comes from.
        mean: raw DN, pedestal included.
        variance: temporal, of pixels, DN^2; rows' and columns' noise taken out.
        error: standard error of `variance` (with what the mean's own error is worth), from its fourth moment.
        clipped: fraction of values at either end of the converter.
        left_out: why it is not part of the fit; "" where it is.
    """

    site: str
    level: int
    mean: float
    variance: float
    error: float
    clipped: float
    left_out: str = ""


@dataclass(frozen=True)
class PhotonTransfer:
    """The photon transfer curve and its lines: variance = K * mean + the offset of a site.

    Attributes:
        points: all of them, by mean.
        K: DN per electron; None where no line can be fitted.
        offsets: of each site, the line's variance at a mean of 0 raw DN, DN^2. With the site's level in the dark
            the variance of read noise and quantization is offset + K * level.
        site_gains: K of each site by itself, where that can be fitted.
        saturation: raw DN at which levels stand still below the converter's end; None where none does.
        chi_square, freedom: of the fit; far above each other the curve is no line.
        notes: sentences on what was left out and what could not be determined.
    """

    points: tuple[TransferPoint, ...]
    K: Estimate | None
    offsets: Mapping[str, float]
    site_gains: Mapping[str, Estimate]
    saturation: float | None
    chi_square: float
    freedom: int
    notes: tuple[str, ...]

    @property
    def offset(self) -> float | None:
        """The mean of the sites' offsets, for one line through all points."""
        return sum(self.offsets.values()) / len(self.offsets) if self.offsets else None


def photon_transfer(stacks: Sequence[Stack], *, cfa: str | None, bits: int, step: float = 1.0) -> PhotonTransfer:
    r"""Fits the photon transfer curve of stacks of equal exposures.

    .. math:: \mathbb{V}_t[y] = K \, (\bar y - \mathrm{black}_s) + \sigma_{0,s}^2

    The variance is temporal: of what frames of one level do not share, so that PRNU, DSNU and shading cancel. Each
    frame's own mean is taken out first (a lamp that flickers), and so is what its rows and columns share.
    Quantization and read noise are in sigma_0. Each site s has a black and a sigma_0 of its own: at high gain a color
    bias of a DN is K DN^2 of variance. Weights come from the line itself, iterated, so that a point is not
    heavy because it came out low; the interval of K comes from the fourth moments that were measured, made wider
    by sqrt(chi-square / freedom) where the sites or levels differ by more than that. Nobody has to know black.

    Left out: points of which more than 1e-4 of the values lie at either end of the converter; points under half a
    step of noise, where rounding adds no q^2/12; and where the curve rolls off, every point from the first on that
    lies under the line through those below it by more than 2 % and by more than chance allows (1e-3 for all points
    together).

    Args:
        stacks: one (frame, row, col) uint16 per level, two frames or more each; darks are a level like any other.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        bits: of the converter.
        step: q of the converter, DN.

    Raises:
        TypeError, ValueError: stacks that are none.
    """
    tile = tile_of(cfa)
    found = [
        point
        for level, stack in enumerate(stacks)
        for point in _measure(check_stack(stack, f"stack {level}"), tile, level, 2**bits - step)
    ]
    found.sort(key=lambda raw: raw.point.mean)
    found = [raw._replace(point=_judged(raw.point, step)) for raw in found]
    usable = [raw for raw in found if not raw.point.left_out]
    kept, notes = _without_roll_off(usable), list[str]()
    rolled = {id(raw) for raw in usable} - {id(raw) for raw in kept}
    for why in ("clipped", "under half a step"):
        count = sum(raw.point.left_out == why for raw in found)
        if count:
            notes.append(f"{count} of {len(found)} points of the photon transfer curve were left out: {why}")
    if rolled:
        least = min(raw.point.mean for raw in usable if id(raw) in rolled)
        notes.append(
            f"{len(rolled)} of {len(found)} points were left out: the variance falls under the line from {least:.0f} "
            "DN on"
        )
    line = _fit(kept)
    if line is None:
        notes.append(f"K is not identifiable: {_levels(kept)} usable levels, wanted 2 or more that differ")
    elif line.K.low <= 0:
        notes.append(f"K is not identifiable: its interval, {line.K}, reaches 0; the levels are too close together")
        line = None
    saturation = None
    if line is not None:
        still = [raw.point.mean for raw in usable if id(raw) in rolled and _still(raw.point, line)]
        saturation = max(still) if still else None
        if line.freedom and stats.chi2.sf(line.chi_square, line.freedom) < FALSE_ALARM:
            notes.append(
                f"the points scatter about the line {sqrt(line.chi_square / line.freedom):.1f} times as far as their "
                "errors say (sites that differ, a curve, or light that changed); K's interval is that much wider"
            )
    K2 = 0.0 if line is None else line.K.value**2
    points = [
        replace(
            raw.point,
            error=sqrt(raw.own + K2 * raw.mean_error**2),
            left_out="rolled off" if id(raw) in rolled else raw.point.left_out,
        )
        for raw in found
    ]
    by_site = {site: _fit([raw for raw in kept if raw.point.site == site]) for site in tile.sites()}
    return PhotonTransfer(
        points=tuple(points),
        K=None if line is None else line.K,
        offsets={} if line is None else line.offsets,
        site_gains={site: fit.K for site, fit in by_site.items() if fit is not None},
        saturation=saturation,
        chi_square=0.0 if line is None else line.chi_square,
        freedom=0 if line is None else line.freedom,
        notes=tuple(notes),
    )


class _Raw(NamedTuple):
    """A point with what its weight is made of.

    Attributes:
        point: itself.
        own: variance of its variance, measured.
        squares: independent ones that went into it.
        mean_error: of its mean, DN.
    """

    point: TransferPoint
    own: float
    squares: float
    mean_error: float


class _Line(NamedTuple):
    """A fit.

    Attributes:
        K: gain. offsets: of each site.
        chi_square, freedom: of the fit.
        center: the mean at which `covariance` is that of K and of the heights of the sites.
    """

    K: Estimate
    offsets: dict[str, float]
    chi_square: float
    freedom: int
    center: float
    covariance: Array

    def at(self, point: TransferPoint) -> tuple[float, float]:
        """Height at a point's mean, and its variance."""
        sites = [site == point.site for site in self.offsets]
        arm = np.array([point.mean - self.center, *sites], np.float64)
        return self.offsets[point.site] + self.K.value * point.mean, float(arm @ self.covariance @ arm)


def _measure(stack: Stack, tile: Tile, level: int, top: float) -> list[_Raw]:
    stack = whole_tiles(stack, tile)
    freedom = len(stack) - 1
    mean = stack.mean(0, dtype=np.float64)
    squares = np.zeros(mean.shape)
    clipped = np.zeros(mean.shape)
    lines = [0.0] * len(tile.places)
    for raw in stack:  # one at a time: a stack of floats may not fit into memory
        rest = raw - mean
        clipped += (raw == 0) | (raw >= top)
        for i, (_, plane) in enumerate(tile.planes(rest)):
            plane -= plane.mean()
            rows = plane.mean(1, keepdims=True)
            lines[i] += float((rows**2).sum())
            plane -= rows
            plane -= plane.mean(0)
        squares += rest**2
    found: dict[str, list[tuple[float, float, float, float, float, float]]] = {}
    planes = zip(*(tile.planes(image) for image in (mean, squares, clipped)), lines, strict=True)
    for (place, means), (_, sums), (_, ends), line in planes:
        rows, cols = means.shape
        inner = (rows - 1) * (cols - 1)
        count = freedom * inner
        own = float(sums.var()) * (means.size / inner / freedom) ** 2 / inner
        mean_error = line / (freedom * (rows - 1)) / (len(stack) * rows)
        numbers = (
            float(means.mean()),
            float(sums.sum()) / count,
            own,
            count,
            mean_error,
            float(ends.mean()) / len(stack),
        )
        found.setdefault(place.site, []).append(numbers)
    result = []
    for site, rows_ in found.items():
        m, v, own, count, mean_error, ends = (np.array(column) for column in zip(*rows_, strict=True))
        k = len(rows_)
        point = TransferPoint(site, level, float(m.mean()), float(v.mean()), 0.0, float(ends.max()))
        result.append(_Raw(point, float(own.sum()) / k**2, float(count.sum()), sqrt(float(mean_error.sum())) / k))
    return result


def _judged(point: TransferPoint, step: float) -> TransferPoint:
    if point.clipped > CLIPPED:
        return replace(point, left_out="clipped")
    return replace(point, left_out="under half a step") if point.variance < step**2 * (1 / 4 + 1 / 12) else point


def _levels(raws: Sequence[_Raw]) -> int:
    return len({raw.point.level for raw in raws})


def _fit(raws: Sequence[_Raw]) -> _Line | None:
    sites = sorted({raw.point.site for raw in raws})
    freedom = len(raws) - 1 - len(sites)
    if _levels(raws) < 2 or freedom < 0:
        return None
    m, v = (np.array([getattr(raw.point, name) for raw in raws]) for name in ("mean", "variance"))
    own, count, mean_error = (
        np.array([getattr(raw, name) for raw in raws]) for name in ("own", "squares", "mean_error")
    )
    # Tails of the read noise make every variance a little less certain, at all levels alike.
    dark = v <= 2 * v.min()
    tails = max(float(np.mean((own * count - 2 * v**2)[dark])), 0.0)
    center = float(m.mean())
    arms = np.array([[raw.point.mean - center, *(raw.point.site == s for s in sites)] for raw in raws], np.float64)
    K, model = 0.0, v
    for _ in range(6):
        weights = 1 / ((2 * model**2 + tails) / count + (K * mean_error) ** 2)
        # Scaled to unit columns: variances of darks and flats may differ by 10^5, their weights by 10^10.
        weighted = arms * np.sqrt(weights)[:, None]
        size = np.linalg.norm(weighted, axis=0)
        gains = np.linalg.pinv(weighted / size, rcond=1e-12) / size[:, None] * np.sqrt(weights)
        found = gains @ v
        K, model = float(found[0]), np.maximum(arms @ found, 0.05 * v)
    errors = own + (K * mean_error) ** 2
    covariance = (gains * errors) @ gains.T
    chi_square = float(((v - arms @ found) ** 2 / errors).sum())
    if freedom:
        covariance = covariance * max(1.0, chi_square / freedom)
    reach = Z * sqrt(covariance[0, 0])
    offsets = {site: float(height) - K * center for site, height in zip(sites, found[1:], strict=True)}
    return _Line(Estimate(value=K, low=K - reach, high=K + reach), offsets, chi_square, freedom, center, covariance)


def _without_roll_off(raws: Sequence[_Raw]) -> list[_Raw]:
    """Points in ascending order up to where the variance falls under the line of those below."""
    reach = float(stats.norm.isf(FALSE_ALARM / max(len(raws), 1)))

    def low(raw: _Raw, line: _Line) -> bool:
        if raw.point.site not in line.offsets:
            return False
        height, error = line.at(raw.point)
        return raw.point.variance < height - max(reach * sqrt(error + raw.own), DROP * height)

    kept: list[_Raw] = []
    for raw in raws:
        if _levels(kept) >= 3:
            line = _fit(kept)
            if line is not None and low(raw, line):
                break
        kept.append(raw)
    return kept


def _still(point: TransferPoint, line: _Line) -> bool:
    return point.site in line.offsets and point.variance < STILL * line.at(point)[0]
