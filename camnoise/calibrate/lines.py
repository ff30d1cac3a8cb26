"""Noise that rows and columns share, corrected for what white noise adds to their means."""

from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from scipy import stats

from ..estimate import CONFIDENCE, Estimate
from .stacks import Array, Stack, Tile, check_stack, tile_of, whole_tiles


@dataclass(frozen=True)
class LineNoise:
    """Deviations of the parts of a stack of equal exposures, DN.

    Attributes:
        pixel: temporal, of single pixels, with quantization, without rows and columns.
        row, column: temporal, of whole rows and columns of the sensor.
        fixed_row, fixed_column: of the pattern that rows and columns have in every frame.
        fixed_pixel: of the pattern of single pixels (DSNU where the stack is dark).
        row_means, column_means: (frame, line) of the temporal residual, for spectra and plots.
    """

    pixel: Estimate
    row: Estimate
    column: Estimate
    fixed_row: Estimate
    fixed_column: Estimate
    fixed_pixel: Estimate
    row_means: Array
    column_means: Array

    def rounded(self, step: float) -> "LineNoise":
        """The same where pixels are too quiet to carry lines over the converter's steps (see `rounded`)."""
        row, column = rounded(self.row, step), rounded(self.column, step)
        fixed_row, fixed_column = rounded(self.fixed_row, step), rounded(self.fixed_column, step)
        return replace(self, row=row, column=column, fixed_row=fixed_row, fixed_column=fixed_column)


def line_noise(darks: Stack, *, cfa: str | None) -> LineNoise:
    r"""Splits a stack into pixels, rows and columns, temporal and fixed.

    .. math::
        \sigma_\mathrm{row}^2 = \mathbb{V}[\text{row means}] - \sigma_\mathrm{pixel}^2 / W

    of what is left of each frame without the pixels' temporal means and, site by site, without the frame's own
    mean, so that neither color bias nor a black level that wanders is taken for rows. The factor n / (n - 1) for the
    means that came from the same n frames is in. Rows and columns are those of the whole mosaic. Their intervals
    come from the chi-square law of the variance of normal line means, so they want rows that are normal; those of the
    pixels from the fourth moment.

    Args:
        darks: (frame, row, col) uint16, equal exposures, two frames or more.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.

    Raises:
        TypeError, ValueError: a stack that is none, or of fewer than two frames.
    """
    tile = tile_of(cfa)
    stack = whole_tiles(check_stack(darks, "darks"), tile)
    frames, rows, cols = stack.shape
    mean = stack.mean(0, dtype=np.float64)
    row_means, column_means = np.empty((frames, rows)), np.empty((frames, cols))
    squares = fourths = 0.0
    for frame, raw in enumerate(stack):  # one at a time: a stack of floats may not fit into memory
        rest, row_means[frame], column_means[frame] = centered(raw - mean, tile)
        squares += float((rest**2).sum())
        fourths += float((rest**4).sum())
    freedom = frames - 1
    row_freedom, column_freedom = rows - tile.rows, cols - tile.cols
    inner = rows * cols - row_freedom - column_freedom - tile.rows * tile.cols
    pixel = _spread(squares / (freedom * inner), fourths / stack.size, freedom / frames, freedom * inner)

    still, still_rows, still_columns = centered(mean, tile)
    fixed = _spread(float((still**2).sum()) / inner, float((still**4).mean()), 1.0, inner)
    row = _lines(float((row_means**2).sum()), freedom * row_freedom)
    column = _lines(float((column_means**2).sum()), freedom * column_freedom)
    own = difference(fixed, pixel.scaled(1 / frames))

    def still_lines(means: Array, line_freedom: int, temporal: Estimate, across: int) -> Estimate:
        all_of_it = _lines(float((means**2).sum()), line_freedom)
        return difference(difference(all_of_it, temporal.scaled(1 / frames)), own.scaled(1 / across)).root()

    return LineNoise(
        pixel=pixel.root(),
        row=difference(row, pixel.scaled(1 / cols)).root(),
        column=difference(column, pixel.scaled(1 / rows)).root(),
        fixed_row=still_lines(still_rows, row_freedom, row, cols),
        fixed_column=still_lines(still_columns, column_freedom, column, rows),
        fixed_pixel=own.root(),
        row_means=row_means,
        column_means=column_means,
    )


def centered(image: Array, tile: Tile) -> tuple[Array, Array, Array]:
    """An image without the means of its sites, rows and columns, and those of rows (row,) and of columns (col,)."""
    image = image.astype(np.float64)  # a copy
    for _, plane in tile.planes(image):
        plane -= plane.mean()
    rows, cols = image.mean(1), image.mean(0)
    image -= rows[:, None]
    image -= cols
    return image, rows, cols


def rounded(deviation: Estimate, step: float) -> Estimate:
    """With an interval half a step wider at both ends: rounding is off by at most q / 2, and so is its deviation."""
    return Estimate(value=deviation.value, low=max(deviation.low - step / 2, 0.0), high=deviation.high + step / 2)


def difference(whole: Estimate, part: Estimate) -> Estimate:
    """A variance less a part of it, both with intervals of their own.

    The distances to the limits add in quadrature (MOVER: Zou & Donner, Statistics in Medicine 27, 2008).
    """
    value = whole.value - part.value
    low = value - sqrt((whole.value - whole.low) ** 2 + (part.high - part.value) ** 2)
    high = value + sqrt((whole.high - whole.value) ** 2 + (part.value - part.low) ** 2)
    return Estimate(value=value, low=low, high=high)


def _lines(squares: float, freedom: int) -> Estimate:
    """A variance of normal numbers."""
    high, low = (squares / float(stats.chi2.ppf(p, freedom)) for p in ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Estimate(value=squares / freedom, low=low, high=high)


def _spread(variance: float, fourth: float, shrink: float, freedom: int) -> Estimate:
    """A variance of any numbers, from their fourth moment; `shrink` is what centering left of it."""
    kurtosis = max(fourth / shrink**2 / variance**2, 1.0) if variance > 0 else 3.0
    return Estimate.of(variance, variance * sqrt(max(kurtosis - 1, 0.0) / freedom), least=0.0)
