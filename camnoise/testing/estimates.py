"""Estimates of each kind of noise in two views of flat images, apart from the others, with their standard errors.

Kinds are told apart by products of disjoint halves (even and odd columns, two views), which no other kind
enters. Each function takes a field and the number of an image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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


def mean(field: Field, image: int) -> Estimate:
    flat, y = field.average(image), field.first[image]
    rows, cols = y.shape
    lines = _line_sum(flat.row.variance, flat.row_covariance, rows, 1) / rows**2
    lines += _line_sum(flat.column.variance, flat.column_covariance, cols, 1) / cols**2
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
    return _lines(field.temporal(image), field.average(image), lag)


def column(field: Field, image: int, lag: int = 0) -> Estimate:
    flat = field.average(image)
    turned = replace(
        flat,
        row=flat.column,
        column=flat.row,
        row_covariance=flat.column_covariance,
        column_covariance=flat.row_covariance,
    )
    return _lines(field.temporal(image).T, turned, lag)


def _lines(t: Array, flat: Flat, lag: int) -> Estimate:
    rows, cols = t.shape
    even, odd = t[:, ::2].mean(1), t[:, 1::2].mean(1)
    count = rows - lag
    measured = float((even[:count] * odd[lag:]).mean())
    own, crossing = flat.pixel.variance / (cols / 2), flat.column.variance / (cols / 2)
    across = _line_sum(flat.row.variance, flat.row_covariance, rows, 2)  # sum of squared covariances
    along = _line_sum(flat.row.variance, flat.row_covariance, rows, 1)
    scatter = max(2 * across + rows * flat.row.cumulant / 2, 0.0) / count**2
    variance = scatter + rows * (2 * own * flat.row.variance + own**2) / count**2
    variance += crossing**2 + 2 * crossing * (along / rows + own) / count
    stated = flat.row.variance if lag == 0 else (*flat.row_covariance, *[0.0] * lag)[lag - 1]
    return Estimate(measured, stated, sqrt(variance), sqrt(scatter))


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


def _line_sum(variance: float, covariance: Sequence[float], lines: int, power: int) -> float:
    """Sum over all pairs of lines of their covariance to that power."""
    total = lines * variance**power
    return total + 2 * sum((lines - lag) * c**power for lag, c in enumerate(covariance[: lines - 1], start=1))
