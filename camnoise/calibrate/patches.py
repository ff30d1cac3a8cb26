"""The gain from one frame: how the variance inside flat patches grows with their mean."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..estimate import Estimate
from .jackknife import half_width
from .photon_transfer import CLIPPED
from .stacks import Tile, tile_of

Rectangle = tuple[int, int, int, int]  # row, col, rows, cols in the mosaic
Array = NDArray[np.float64]

_SUB = 4  # side of the sub-blocks whose means tell texture from noise
_FOUND_SIDE, _LARGEST_SIDE, _LEAST_SIDE = 16, 32, 8  # of a patch, in pixels of one color
_TERMS = 6  # of the surface that shading is taken for
_FOUND_FALSE_ALARM, _GIVEN_FALSE_ALARM = 0.05, 1e-4  # of the test for texture
_FARTHEST = 3.0  # standard errors from the line, of patches that were found
_LEAST_PATCHES = 30  # that must be found
_LEAST_GROUPS = 5  # for intervals by leaving out
_WIDEST = 0.5  # half of K's interval, over K; beyond it K is not identifiable


@dataclass(frozen=True)
class PatchTransfer:
    """Variance against mean of the patches of one frame, and the line through them.

    Attributes:
        site: (patch,) "R", "G1", ...
        mean: (patch,) black-subtracted DN.
        variance: (patch,) spatial, DN^2.
        error: (patch,) standard error of `variance` for noise of normal kurtosis.
        used: (patch,) whether it is part of the fit.
        where: (patch, 4) each one's rectangle in the mosaic: row, col, rows, cols.
        K: DN per electron; None where the patches do not tell.
        offset: variance without light, DN^2: of read noise, rows, columns, offsets of pixels and rounding. May be
            negative. None without K.
        notes: sentences.
    """

    site: tuple[str, ...]
    mean: Array
    variance: Array
    error: Array
    used: NDArray[np.bool_]
    where: NDArray[np.int64]
    K: Estimate | None
    offset: Estimate | None
    notes: tuple[str, ...]


def flat_patches(
    mosaic: NDArray[np.uint16],
    *,
    cfa: str | None,
    black: Sequence[float],
    white: float,
    rectangles: Sequence[Rectangle] | None = None,
    means: tuple[float, float] | None = None,
) -> PatchTransfer:
    r"""Fits :math:`\sigma^2 = K \bar{x} + \sigma_0^2` to flat patches of one mosaic, with 95 % intervals.

    In each patch and color a surface of second degree is taken for shading. The variance is that of single pixels
    within blocks of 4 x 4; the means of these blocks then tell texture from noise (an F test, independent of the
    variance for normal noise): patches with texture are left out. Given none, all places of the frame are tried, and
    those that lie more than three standard errors off the line are left out too. Intervals come from leaving out one
    rectangle, or one of 5 x 5 parts of the frame, at a time. Patches of which more than 1e-4 of the values are 0 raw DN
    are left out: a camera cut them off at its black, so that they are too quiet and too bright.

    What a single frame cannot identify: spatial variance holds what does not change from frame to frame. PRNU bends the
    curve upward, by (PRNU x mean)^2, and so inflates K: 1 % of PRNU at a mean of 5000 e- adds half of the shot
    noise's variance. Texture finer than a pixel's neighbors is taken for noise. Offsets of pixels are in the offset.
    What the camera smoothed is too quiet.

    Args:
        mosaic: (row, col) raw DN.
        cfa: the tile at its (0, 0); None for a monochrome sensor.
        black: raw DN, of R, G1, G2, B in this order, or one number.
        white: raw DN; patches that reach 98 % of the way to it are left out.
        rectangles: (row, col, rows, cols) of flat patches; None finds them.
        means: (lowest, highest) mean of a patch that enters the fit, black-subtracted DN; None takes all.

    Raises:
        ValueError: a rectangle outside the mosaic or too small.
    """
    tile = tile_of(cfa)
    levels = dict(zip(("R", "G1", "G2", "B"), black, strict=True)) if len(black) == 4 else {}
    found = rectangles is None
    groups: list[int] = []
    parts: list[tuple[str, Array, Array, Array, float, NDArray[np.int64]]] = []
    dark = 0
    for number, rectangle in enumerate([(0, 0, *mosaic.shape)] if rectangles is None else rectangles):
        row, col, rows, cols = _inside(rectangle, mosaic.shape, tile)
        for place, plane in tile.planes(mosaic[row : row + rows, col : col + cols]):
            level = levels.get(place.site, float(np.mean(black)))
            side = (_FOUND_SIDE, _FOUND_SIDE) if found else (_side(plane.shape[0]), _side(plane.shape[1]))
            cut, corner = _cut(plane.astype(np.float64) - level, side)
            variance, texture = _statistics(cut)
            mean = cut.mean((1, 2))
            cut_off = (cut <= -level).mean((1, 2)) > CLIPPED
            dark += int(cut_off.sum())
            wanted = (cut.max((1, 2)) < 0.98 * (white - level)) & ~cut_off
            if means is not None:
                wanted &= (mean >= means[0]) & (mean <= means[1])
            freedom = side[0] * side[1] * (1 - 1 / _SUB**2)
            limit = stats.f.isf(_FOUND_FALSE_ALARM if found else _GIVEN_FALSE_ALARM, *_freedoms(side))
            where = np.hstack([corner, np.broadcast_to(side, corner.shape)]) * ([tile.rows, tile.cols] * 2)
            where[:, :2] += (row, col)
            parts.append((place.site, mean, variance, (texture < limit) & wanted, freedom, where))
            fifth = where[:, :2] * 5 // np.array(mosaic.shape)
            groups += (fifth[:, 0] * 5 + fifth[:, 1]).tolist() if found else [number] * len(where)
    site = tuple(name for name, mean, *_ in parts for _ in mean)
    mean, variance = (np.concatenate([part[i] for part in parts]) for i in (1, 2))
    flat = np.concatenate([part[3] for part in parts])
    free = np.concatenate([np.full(len(part[1]), part[4]) for part in parts])
    where = np.concatenate([part[5] for part in parts])
    fitted = _fitted(site, mean, variance, free, flat, np.array(groups), where, found)
    if not dark:
        return fitted
    note = f"{dark} of {flat.size} patches reach 0 raw DN, cut off at black, and are left out"
    return replace(fitted, notes=(*fitted.notes, note))


def _fitted(
    site: tuple[str, ...],
    mean: Array,
    variance: Array,
    freedom: Array,
    flat: NDArray[np.bool_],
    group: NDArray[np.int64],
    where: NDArray[np.int64],
    found: bool,
) -> PatchTransfer:
    notes = [
        "spatial variance of one frame: PRNU and the finest texture are inside, and make K too large",
        f"{flat.sum()} of {flat.size} patches are flat, not clipped and of the means asked for",
    ]
    used, K, offset = flat, None, None
    if flat.sum() < (_LEAST_PATCHES if found else 3):
        notes.append("too few flat patches for a gain: a chart, a wall or a clear sky would do")
    else:
        start = _lower_line(mean[flat], variance[flat], freedom[flat]) if found else None
        line, used = _line(mean, variance, freedom, flat, start)
        if found:
            notes.append(f"{flat.sum() - used.sum()} flat patches lie off the line and are left out")
        half = _reach(mean, variance, freedom, used, group, line)
        if line[0] > 0 and half[0] < _WIDEST * line[0]:
            K, offset = (Estimate(value=v, low=v - h, high=v + h) for v, h in zip(line, half, strict=True))
        else:
            notes.append(
                f"the gain is not identifiable: {line[0]:.3g} DN/e- give or take {half[0]:.2g}; "
                "patches of more different brightness are needed"
            )
    return PatchTransfer(site, mean, variance, variance * np.sqrt(2 / freedom), used, where, K, offset, tuple(notes))


def _inside(rectangle: Rectangle, shape: tuple[int, ...], tile: Tile) -> Rectangle:
    """Moved to the next whole tile, so that each plane keeps its color."""
    row, col, rows, cols = rectangle
    if row < 0 or col < 0 or row + rows > shape[0] or col + cols > shape[1]:
        raise ValueError(f"the patch {rectangle} is not inside the mosaic of {shape[0]} x {shape[1]} pixels")
    down, right = -row % tile.rows, -col % tile.cols
    rows, cols = ((n - d) // t * t for n, d, t in ((rows, down, tile.rows), (cols, right, tile.cols)))
    if rows < _LEAST_SIDE * tile.rows or cols < _LEAST_SIDE * tile.cols:
        raise ValueError(
            f"the patch {rectangle} has under {_LEAST_SIDE} x {_LEAST_SIDE} pixels of each color (row, col, rows, cols)"
        )
    return row + down, col + right, rows, cols


def _side(count: int) -> int:
    """Of the patches that a given rectangle is cut into."""
    return count // ceil(count / _LARGEST_SIDE) // _SUB * _SUB


def _cut(plane: Array, side: tuple[int, int]) -> tuple[Array, NDArray[np.int64]]:
    """(patch, row, col) and each patch's corner in the plane."""
    rows, cols = plane.shape[0] // side[0], plane.shape[1] // side[1]
    whole: Array = plane[: rows * side[0], : cols * side[1]].reshape(rows, side[0], cols, side[1])
    corner = np.stack(np.meshgrid(np.arange(rows), np.arange(cols), indexing="ij"), -1).reshape(-1, 2) * side
    cut: Array = whole.swapaxes(1, 2).reshape(-1, *side)
    return cut, np.asarray(corner, np.int64)


def _statistics(cut: Array) -> tuple[Array, Array]:
    """Of each patch: the variance inside sub-blocks, and F, that between their means over it."""
    count, rows, cols = cut.shape
    y, x = np.meshgrid(np.linspace(-1, 1, rows), np.linspace(-1, 1, cols), indexing="ij")
    surface, _ = np.linalg.qr(np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], -1).reshape(-1, _TERMS))
    flat = cut.reshape(count, -1)
    flat = flat - (flat @ surface) @ surface.T
    blocks = flat.reshape(count, rows // _SUB, _SUB, cols // _SUB, _SUB).swapaxes(2, 3).reshape(count, -1, _SUB**2)
    means = blocks.mean(2)
    variance = ((blocks - means[..., None]) ** 2).sum((1, 2)) / (means.shape[1] * (_SUB**2 - 1))
    between = _SUB**2 * (means**2).sum(1) / max(means.shape[1] - _TERMS, 1)
    return variance, between / np.maximum(variance, 1e-12)


def _freedoms(side: tuple[int, int]) -> tuple[int, int]:
    blocks = side[0] * side[1] // _SUB**2
    return max(blocks - _TERMS, 1), blocks * (_SUB**2 - 1)


def _lower_line(mean: Array, variance: Array, freedom: Array) -> Array:
    """A first line through the quieter patches of each brightness: texture only ever adds."""
    edges = np.quantile(mean, np.linspace(0, 1, 11))
    at = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, 9)
    quiet = stats.chi2.ppf(0.25, freedom[0]) / freedom[0]
    x, y = (
        np.array([f(values[at == i]) for i in range(10) if (at == i).any()])
        for f, values in ((np.median, mean), (lambda v: np.quantile(v, 0.25) / quiet, variance))
    )
    return _least_squares(x, y, 1 / np.maximum(y, 1e-9))


def _line(
    mean: Array, variance: Array, freedom: Array, flat: NDArray[np.bool_], start: Array | None
) -> tuple[Array, NDArray[np.bool_]]:
    """Slope and offset, weighted by the line's own variances; `start` given, far patches are left out."""
    line, used = start, flat
    for _ in range(20):
        if line is not None:
            model = np.maximum(line[0] * mean + line[1], 1e-9)
            if start is not None:
                used = flat & (np.abs(variance / model - 1) < _FARTHEST * np.sqrt(2 / freedom))
            weight = np.sqrt(freedom) / model
        else:
            weight = np.sqrt(freedom) / np.maximum(variance, 1e-9)
        if used.sum() < 3:
            break
        line = _least_squares(mean[used], variance[used], weight[used])
    return np.array([0.0, 0.0]) if line is None else line, used


def _least_squares(x: Array, y: Array, weight: Array) -> Array:
    matrix = np.stack([x, np.ones_like(x)], 1) * weight[:, None]
    return np.asarray(np.linalg.lstsq(matrix, y * weight, rcond=None)[0])


def _reach(
    mean: Array, variance: Array, freedom: Array, used: NDArray[np.bool_], group: NDArray[np.int64], line: Array
) -> Array:
    """Half the width of both intervals: the wider of the fit's own and that of leaving out groups."""
    model = np.maximum(line[0] * mean[used] + line[1], 1e-9)
    weight = np.sqrt(freedom[used] / 2) / model
    matrix = np.stack([mean[used], np.ones(int(used.sum()))], 1) * weight[:, None]
    own = np.sqrt(np.maximum(np.diag(np.linalg.pinv(matrix.T @ matrix)), 0))
    rest = max(int(used.sum()) - 2, 1)
    misfit = float(((variance[used] - model) * weight) @ ((variance[used] - model) * weight)) / rest
    half: Array = own * np.sqrt(max(misfit, 1.0)) * float(stats.t.ppf(0.975, rest))
    names = np.unique(group[used])
    if len(names) >= _LEAST_GROUPS:
        without = [used & (group != name) for name in names]
        lines = np.array([_line(mean, variance, freedom, keep, None)[0] for keep in without])
        half = np.maximum(half, half_width([lines]))
    return half
