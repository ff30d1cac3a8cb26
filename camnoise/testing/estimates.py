"""Estimates of each kind of noise in two views of flat images, apart from the others, with their standard errors.

Kinds are told apart by products of disjoint halves (even and odd columns, two views), which no other kind
enters. Each function takes a field and the number of an image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..flat import KINDS, Flat, Spread

Array = NDArray[np.float64]


class Estimate(NamedTuple):
    """Of one image.

    Attributes:
        measured, stated: the same quantity.
        error: standard error of what was measured.
        own: of that, the part of the quantity's own scatter, without what else is in the picture.
    """

    measured: float
    stated: float
    error: float
    own: float = 0.0


@dataclass(frozen=True)
class Field:
    """Two views of flat images at one level, and what the stages say of them.

    Attributes:
        first, second: (batch, row, col), one plane.
        flats: per image, per site of the 2x2 tile (one site for a plane).
        tile: (2, 2), the number of each pixel's site.
    """

    first: Array
    second: Array
    flats: tuple[tuple[Flat, ...], ...]
    tile: Array

    @property
    def grain(self) -> float:
        """What float32 cannot resolve in it."""
        return float(np.abs(self.first).max()) * 2.0**-20

    def temporal(self, image: int) -> Array:
        """What two views do not share, at the deviation of one."""
        difference: Array = (self.first[image] - self.second[image]) / sqrt(2)
        return difference

    def pixels(self, image: int) -> Array:
        """The same, without what rows and columns have in common."""
        t = self.temporal(image)
        centered: Array = t - t.mean(0) - t.mean(1, keepdims=True) + t.mean()
        return centered

    def average(self, image: int) -> Flat:
        """The moments of an image whose sites differ: their means over sites."""
        flats = self.flats[image]
        if len(flats) == 1:
            return flats[0]
        spreads: dict[str, Any] = {
            kind: Spread(*np.mean([getattr(flat, kind) for flat in flats], axis=0).tolist()) for kind in KINDS
        }
        return replace(flats[0], mean=float(np.mean([flat.mean for flat in flats])), **spreads)

    def stated_mean(self, image: int) -> Array:
        """(row, col)."""
        rows, cols = self.first.shape[1:]
        means = np.array([flat.mean for flat in self.flats[image]])
        tile: Array = means[self.tile.astype(int)]
        return np.tile(tile, (rows // 2, cols // 2))


def mean(field: Field, image: int, site: int = 0) -> Estimate:
    """Of the pixels of one site of the tile."""
    flat, spot = field.flats[image][site], field.tile == site
    down, right = (int(edge[0]) for edge in np.nonzero(spot))
    step = 1 if len(field.flats[image]) == 1 else 2
    y = field.first[image][down * (step - 1) :: step, right * (step - 1) :: step]
    rows, cols = y.shape
    lines = _line_sum(flat.row.variance, flat.row_covariance[step - 1 :: step], rows, 1) / rows**2
    lines += _line_sum(flat.column.variance, flat.column_covariance[step - 1 :: step], cols, 1) / cols**2
    error = sqrt((flat.pixel.variance + flat.fixed.variance) / y.size + flat.fixed_column.variance / cols + lines)
    return Estimate(float(y.mean()), flat.mean, error)


def pixel(field: Field, image: int) -> Estimate:
    """Half the variance of the difference of two views, less what rows and columns share."""
    t = field.pixels(image)
    freedom = (t.shape[0] - 1) * (t.shape[1] - 1)
    pixel = field.average(image).pixel
    error = sqrt((2 * pixel.variance**2 + pixel.cumulant / 2) / freedom)
    return Estimate(float((t**2).sum() / freedom), pixel.variance, error, error)


def row(field: Field, image: int, lag: int = 0) -> Estimate:
    """Product of the means of a row's even and (another row's) odd columns, in the difference of two views."""
    flat = field.average(image)
    return _lines(field.temporal(image), flat.row, flat.row_covariance, flat.pixel.variance, lag)


def column(field: Field, image: int, lag: int = 0) -> Estimate:
    """The same of columns."""
    flat = field.average(image)
    return _lines(field.temporal(image).T, flat.column, flat.column_covariance, flat.pixel.variance, lag)


def crossing(field: Field, image: int) -> Estimate:
    """Mean product of the row and the column of one number: what they share is stated to be nothing."""
    t, flat = field.temporal(image), field.average(image)
    rows, cols = t.mean(1) - t.mean(), t.mean(0) - t.mean()
    count = min(len(rows), len(cols))
    along, across = (
        _centered(flat.row.variance, flat.row_covariance, len(rows)),
        _centered(flat.column.variance, flat.column_covariance, len(cols)),
    )
    pixel = flat.pixel.variance
    variance = float((along[:count, :count] * across[:count, :count]).sum()) / count**2
    variance += (pixel / len(rows) * flat.row.variance + pixel / len(cols) * flat.column.variance) / count
    variance += pixel**2 / (len(rows) * len(cols) * count)
    measured = float((rows[:count] * cols[:count]).mean())
    return Estimate(measured, 0.0, sqrt(max(variance, 0.0)))


def _lines(t: Array, spread: Spread, covariance: tuple[float, ...], pixel: float, lag: int) -> Estimate:
    """Centered over the lines, so that what runs across them, however correlated, adds nothing."""
    lines, across = t.shape
    even, odd = (t[:, start::2].mean(1) for start in (0, 1))
    even, odd = even - even.mean(), odd - odd.mean()
    count = lines - lag
    measured = float((even[:count] * odd[lag:]).mean())
    g = _centered(spread.variance, covariance, lines)
    own = pixel / (across / 2)
    here, there = g[:count, :count], g[lag:, lag:]
    between = g[:count, lag:]
    scatter = float((here * there + between * between.T).sum())
    scatter = max(scatter + (lines * spread.cumulant / 2 if lag == 0 else 0.0), 0.0) / count**2
    variance = scatter + (own * float(np.trace(here) + np.trace(there)) + count * own**2) / count**2
    return Estimate(measured, float(np.trace(between)) / count, sqrt(variance), sqrt(scatter))


@lru_cache(maxsize=64)
def _centered(variance: float, covariance: tuple[float, ...], lines: int) -> Array:
    """Covariances of lines less their mean: (line, line)."""
    lags = np.zeros(lines)
    lags[0] = variance
    lags[1 : len(covariance) + 1] = covariance[: lines - 1]
    full = lags[np.abs(np.arange(lines)[:, None] - np.arange(lines)[None])]
    means = full.mean(0)
    centered: Array = full - means[None] - means[:, None] + full.mean()
    return centered


def fixed(field: Field, image: int) -> Estimate:
    """Mean product of two views: all that they share, fixed columns too."""
    flat, rest = field.average(image), field.stated_mean(image)
    a, b = field.first[image] - rest, field.second[image] - rest
    p, f, g = flat.pixel.variance, flat.fixed.variance, flat.fixed_column.variance
    r, c = flat.row.variance, flat.column.variance
    n, (rows, cols) = a.size, a.shape
    variance = ((p + f) ** 2 + f**2 + flat.fixed.cumulant + 2 * (p + 2 * f) * (r + c + 2 * g) + 2 * r * (c + 2 * g)) / n
    variance += ((g + c) ** 2 + g**2 + flat.fixed_column.cumulant) / cols
    variance += _line_sum(r, flat.row_covariance, rows, 2) / rows**2
    variance += _line_sum(c, flat.column_covariance, cols, 2) / cols**2 - c**2 / cols
    own = (2 * f**2 + flat.fixed.cumulant) / n + (2 * g**2 + flat.fixed_column.cumulant) / cols
    return Estimate(float((a * b).mean()), f + g, sqrt(variance), sqrt(own))


def fixed_column(field: Field, image: int) -> Estimate:
    """Product of a column's even rows in one view and odd rows in the other."""
    flat, rest = field.average(image), field.stated_mean(image)
    a, b = (field.first[image] - rest)[::2].mean(0), (field.second[image] - rest)[1::2].mean(0)
    cols, half = a.size, field.first.shape[1] / 2
    g, c, r = flat.fixed_column.variance, flat.column.variance, flat.row
    own = (flat.pixel.variance + flat.fixed.variance) / half
    rows = _line_sum(r.variance, flat.row_covariance, int(half), 1) / half**2
    variance = ((g + c + own) ** 2 + g**2 + flat.fixed_column.cumulant) / cols
    variance += rows**2 + 2 * rows * (g + c + own) / cols
    variance += _line_sum(c, flat.column_covariance, cols, 2) / cols**2 - c**2 / cols
    scatter = (2 * g**2 + flat.fixed_column.cumulant) / cols
    return Estimate(float((a * b).mean()), g, sqrt(max(variance, 0.0)), sqrt(scatter))


def neighbors(down: int, right: int) -> Callable[[Field, int], Estimate]:
    """Mean product of temporal pixel noise with that of a pixel so far away: none is stated to be correlated."""

    def measure(field: Field, image: int) -> Estimate:
        t = field.pixels(image)
        rows, cols = t.shape
        product = t[down:, right:] * t[: rows - down, : cols - right]
        pixel = field.average(image).pixel.variance
        centering = -pixel * ((right > 0 and down == 0) / cols + (down > 0 and right == 0) / rows)
        return Estimate(float(product.mean()), centering, pixel / sqrt(product.size))

    return measure


def largest_correlation(field: Field, reach: int = 32) -> tuple[float, int]:
    """The largest correlation of a pixel's sign with another's within `reach`, in standard errors, and of how many.

    Signs, because pixels may differ in variance, and a few loud ones would speak for all. Lines are taken out
    only where they have noise: of pixels that are mostly equal the sign would be that of their line.
    """
    total: Array = np.zeros((2 * reach + 1, reach + 1))
    images = len(field.first)
    for image in range(images):
        flat = field.average(image)
        lines = flat.row.variance + flat.column.variance > 0
        sign = np.sign(field.pixels(image) if lines else field.temporal(image))
        if not sign.any():
            continue
        power = np.abs(np.fft.rfft2(sign)) ** 2
        lags = np.fft.irfft2(power, sign.shape) / ((sign**2).mean() * sqrt(sign.size))
        total += np.concatenate([lags[-reach:, : reach + 1], lags[: reach + 1, : reach + 1]])
    total[:, 0] = total[reach, :] = 0  # along a line: `neighbors`, which knows what centering does
    return float(np.abs(total).max()) / sqrt(images), int((total != 0).sum())


def _line_sum(variance: float, covariance: Sequence[float], lines: int, power: int) -> float:
    """Sum over all pairs of lines of their covariance to that power."""
    total = lines * variance**power
    return total + 2 * sum((lines - lag) * c**power for lag, c in enumerate(covariance[: lines - 1], start=1))
