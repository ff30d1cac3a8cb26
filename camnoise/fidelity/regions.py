"""Real and simulated noise side by side: residuals of the same pixels, and the bands of rows that may change places.

With several exposures a residual is the difference of two consecutive ones over the square root of 2: what is fixed to
the scene or to the sensor cancels, and the variance is that of one exposure. With patches
of one exposure it is what a surface of second degree leaves of each filter of the patch: PRNU and DSNU
are inside. Pixels beyond six deviations, real or simulated, are then taken for defects and left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .exposures import SITES, Array, Exposures, Patch

WINDOW = 1024  # pixels, the side of the middle that is compared of a larger frame
MOST = 32  # exposures of one scene that are compared
BANDS = 64  # of rows, over all regions together
LEAST_BANDS = 12  # 2^11 different swaps
_TERMS = 6  # of the surface that shading is taken for
_DEFECT = 6.0  # deviations, beyond which one exposure cannot tell a pixel's noise from its defect
_NEAR_WHITE = 0.95  # of the span: above it, what the converter cuts off is no noise

Pair = tuple[Array, Array]  # of the real frames, of the simulated


@dataclass(frozen=True)
class Region:
    """The same pixels of real and simulated frames.

    Attributes:
        noise: (k, row, col) residuals, DN.
        mean: (row, col) DN above black, over the exposures.
        level: (row, col) the light that pixels are sorted by, DN above black.
        centered: (n, row, col) exposures less their mean, DN; None for a patch.
        sites: (row, col) filters as numbers.
        bands: (row,) the band that each row belongs to, counted over all regions.
        usable: (row, col) below white, and no defect of a patch.
        step: DN, between the residuals that rounded frames can have; 0 where neither side is rounded.
    """

    noise: Pair
    mean: Pair
    level: NDArray[np.float64]
    centered: Pair | None
    sites: NDArray[np.int64]
    bands: NDArray[np.int64]
    usable: NDArray[np.bool_]
    step: float


class _Part(NamedTuple):
    """A region before its bands are counted."""

    noise: Pair
    mean: Pair
    centered: Pair | None
    sites: Array
    good: Array
    span: float
    period: int
    step: float


def regions_of(real: Sequence[Exposures], simulated: Sequence[Exposures], exposed: bool) -> list[Region]:
    """The regions of all scenes.

    Args:
        real, simulated: scene by scene.
        exposed: whether the simulated scenes are the real means, which are then the light; else light is the mean of
            both, so that the noise in it prefers neither.

    Raises:
        ValueError: frames of different sizes or filters, one exposure without patches, too few rows.
    """
    found: list[_Part] = []
    for one, other in zip(real, simulated, strict=True):
        _check(one, other)
        pair = one.windowed(WINDOW), replace(other, patches=one.patches).windowed(WINDOW)
        for patch in pair[0].patches:
            found.append(_of_patch(pair[0], pair[1], patch))
        if not one.patches:
            found.append(_of_stack(*pair))
    regions: list[Region] = []
    count = 0
    for noise, mean, centered, sites, good, span, period, step in found:
        rows = mean[0].shape[0]
        height = max(4, period, round(rows * len(found) / BANDS)) // period * period or period
        bands = np.minimum(np.arange(rows) // height, max(0, rows // height - 1))
        level = mean[0] if exposed else (mean[0] + mean[1]) / 2
        usable = good & (level < _NEAR_WHITE * span)
        regions.append(Region(noise, mean, level, centered, sites, bands + count, usable, step))
        count += int(bands[-1]) + 1
    if count < LEAST_BANDS:
        raise ValueError(
            f"frames have {count} bands of rows, wanted at least {LEAST_BANDS}: larger frames or more scenes"
        )
    return regions


def _check(one: Exposures, other: Exposures) -> None:
    if one.frames.shape[1:] != other.frames.shape[1:]:
        sizes = " and ".join("{}x{}".format(*frames.shape[1:]) for frames in (one.frames, other.frames))
        raise ValueError(f"frames of {one.name!r} are {sizes}, wanted real and simulated frames of one scene and size")
    if one.cfa != other.cfa:
        raise ValueError(f"frames of {one.name!r} have filters {one.cfa} and {other.cfa}, wanted the same")
    least = min(len(one.frames), len(other.frames))
    if least < 2 and not one.patches:
        raise ValueError(
            f"{one.name!r} has {least} exposure, wanted two of the same scene, "
            "or flat patches of one (patches=, --patch ROW,COL,ROWS,COLS)"
        )


def _of_stack(one: Exposures, other: Exposures) -> _Part:
    used = min(len(one.frames), len(other.frames), MOST)
    levels = [scene.levels()[:used] for scene in (one, other)]
    noise = [(frames[1:] - frames[:-1]) / sqrt(2) for frames in levels]
    mean = [frames.mean(0, dtype=np.float64) for frames in levels]
    centered = [frames - middle.astype(np.float32) for frames, middle in zip(levels, mean, strict=True)]
    pair = (centered[0], centered[1])
    good = np.ones(mean[0].shape, bool)
    step = _rounded(one.frames[0], other.frames[0]) / sqrt(2)
    return _Part((noise[0], noise[1]), (mean[0], mean[1]), pair, one.sites(), good, one.span, one.period[0], step)


def _of_patch(one: Exposures, other: Exposures, patch: Patch) -> _Part:
    sites = one.sites()[patch.window]
    noise, mean = [], []
    for scene in (one, other):
        values = scene.levels()[0][patch.window].astype(np.float64)
        fit = _surface(values, sites)
        means = np.empty_like(values)
        for site in np.unique(sites):
            means[sites == site] = values[sites == site].mean()
        count = np.take(np.bincount(sites.ravel()), sites)
        noise.append(((values - fit) * np.sqrt(count / (count - _TERMS)))[None])
        mean.append(means)
    good = np.logical_and.reduce([np.abs(each[0]) < _DEFECT * _spread(each[0], sites) for each in noise])
    step = float(_rounded(*(scene.frames[0][patch.window] for scene in (one, other))))
    return _Part((noise[0], noise[1]), (mean[0], mean[1]), None, sites, good, one.span, one.period[0], step)


def _rounded(*frames: Array) -> bool:
    """Whether any of them holds whole numbers."""
    return any(bool((frame == np.rint(frame)).all()) for frame in frames)


def _spread(residual: Array, sites: Array) -> Array:
    """(row, col): the deviation of each filter's residuals, from their median size, which defects do not move."""
    inside = [np.abs(residual[sites == site]) for site in range(len(SITES))]
    size = [float(np.median(each)) if each.size else 0.0 for each in inside]
    spread: Array = np.take(1.4826 * np.array(size) + 1e-12, sites)
    return spread


def _surface(values: Array, sites: Array) -> Array:
    """A surface of second degree through each filter's pixels: the light of a patch is seldom quite flat."""
    fit = np.empty_like(values)
    row, col = np.indices(values.shape, dtype=np.float64) / max(values.shape)
    for site in np.unique(sites):
        at = sites == site
        y, x = row[at], col[at]
        a = np.stack([np.ones_like(y), y, x, x * y, y * y, x * x], 1)
        fit[at] = a @ np.linalg.lstsq(a, values[at], rcond=None)[0]
    return fit
