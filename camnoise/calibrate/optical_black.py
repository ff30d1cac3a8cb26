"""What one frame's optical black says: pixels under a mask, which see no light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..estimate import Estimate
from .jackknife import blocks_of, half_width

LEAST_ROWS, LEAST_COLUMNS = 32, 8
_BLOCKS = 20
_FALSE_HOT = 1e-3  # chance that any pixel of a margin of normal noise is called hot
_FALSE_DRIFT = 1e-3  # chance that independent rows are said to drift
_STEP_PART = 0.5  # of a DN; below it rounding decides more than noise


@dataclass(frozen=True)
class OpticalBlack:
    """The dark noise of one frame's margin, DN.

    Attributes:
        black: the level of each site, row by row of the 2x2 tile that begins at the margin's first pixel.
        sigma: deviation of what is neither a row's nor a column's: the read noise, with rounding inside.
        sigma_total: deviation of all pixels about their site's black level.
        sigma_row: deviation of what rows share, corrected for what the pixels' noise leaves in a row's mean.
        sigma_col: likewise of columns: fixed pattern and temporal noise together.
        row_correlation: of the means of neighbors among the rows of one color; what white noise leaves in the means
            makes it smaller than that of the row noise itself. White noise alone has about 0.
        pixels, left_out: how many were used, and how many hot or dead ones were not.
        columns: (col,) each column's mean about its sites' black levels, DN.
        rows: (row,) likewise of the rows, columns' pattern removed.
        residual: (row, col) what is left of each pixel, NaN where it was left out.
        notes: what could not be told, and why.
    """

    black: tuple[Estimate, ...]
    sigma: Estimate
    sigma_total: Estimate
    sigma_row: Estimate
    sigma_col: Estimate
    row_correlation: float
    pixels: int
    left_out: int
    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    residual: NDArray[np.float64]
    notes: tuple[str, ...]


def optical_black(margin: NDArray[np.uint16]) -> OpticalBlack:
    r"""Read, row and column noise and the black level from one masked margin, with 95 % intervals.

    Within each of the two kinds of rows of the tile (R-G and G-B) a pixel is taken as the sum of its column's mean,
    its row's and a rest e, so that neither color bias nor the columns' pattern reaches the rows:

    .. math::
        \sigma^2 = \frac{\sum e^2}{\sum_p (R_p - 1)(C - 1)}, \qquad
        \sigma_\mathrm{row}^2 = \mathbb{V}[\text{row means}] - \sigma^2 / C, \qquad
        \sigma_\mathrm{col}^2 = \mathbb{V}[\text{column means}] - \sigma^2 / R

    (The column pattern has no part in the variance of row means; to subtract the total variance there, as one reads,
    makes the row noise too small.) Intervals come from leaving out blocks of rows and of columns. Pixels farther than a
    threshold are hot or dead and left out; the chance that a margin of normal noise has any is 0.1 %, and noise
    with heavy tails loses a part of them there.

    What a single frame cannot identify: column pattern that stays and column noise that changes look the same; so do a
    pixel's own offset (DSNU) and its noise, so that sigma holds both; the shape of the tails likewise.

    Args:
        margin: (row, col) uint16, raw DN.

    Raises:
        ValueError: too small for rows and columns to be told apart, or all pixels equal.
    """
    rows, columns = (side // 2 * 2 for side in margin.shape)
    if rows < LEAST_ROWS or columns < LEAST_COLUMNS:
        raise ValueError(
            f"the optical black is {margin.shape[0]} x {margin.shape[1]} pixels, "
            f"wanted {LEAST_ROWS} rows and {LEAST_COLUMNS} columns or more"
        )
    y = margin[:rows, :columns].astype(np.float64)
    y[_hot(y)] = np.nan
    if np.nanmin(y) == np.nanmax(y):
        raise ValueError(f"the optical black is {np.nanmin(y):g} DN everywhere: its noise was clipped or removed")
    whole, parts = _numbers(y)
    deleted = [
        np.array([_numbers(np.delete(y, cut, axis))[0] for cut in blocks_of(y.shape[axis], _BLOCKS, 2)])
        for axis in (0, 1)
    ]
    half = half_width(deleted)
    column_means, row_means, residual = parts
    rho = float(np.mean([np.corrcoef(row_means[p:-2:2], row_means[p + 2 :: 2])[0, 1] for p in (0, 1)]))
    left_out = int(np.isnan(y).sum())
    made = [_deviation(whole[i], half[i]) for i in range(4)]
    return OpticalBlack(
        black=tuple(Estimate(value=v, low=v - h, high=v + h) for v, h in zip(whole[4:], half[4:], strict=True)),
        sigma=made[0],
        sigma_total=made[1],
        sigma_row=made[2],
        sigma_col=made[3],
        row_correlation=rho,
        pixels=y.size - left_out,
        left_out=left_out,
        columns=column_means,
        rows=row_means,
        residual=residual,
        notes=tuple(_notes(made[0], rho, row_means.size, left_out, y.size)),
    )


def _numbers(y: NDArray[np.float64]) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], ...]]:
    """Variances (pixel, total, row, column) and the sites' levels; and columns' means, rows' means, residual."""
    rows, columns = y.shape
    residual = y.copy()
    row_means = np.empty(rows)
    square = 0.0
    for p in (0, 1):
        own = residual[p::2]
        own -= np.nanmean(own, 0)
        row_means[p::2] = np.nanmean(own, 1)
        own -= row_means[p::2, None]
        square += float(np.nansum(own**2))
    used = np.isfinite(y).mean()
    pixel = square / (used * (rows - 2) * (columns - 1))
    about = y.copy()
    levels = []
    for site in (about[a::2, b::2] for a in (0, 1) for b in (0, 1)):
        levels.append(float(np.nanmean(site)))
        site -= levels[-1]
    column_means = np.nanmean(about, 0)
    row = float((row_means**2).sum()) / (rows - 2) - pixel / (used * columns)
    column = float((column_means**2).sum()) / (columns - 2) - pixel / (used * rows)
    return np.array([pixel, np.nanmean(about**2), row, column, *levels]), (column_means, row_means, residual)


def _hot(y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Pixels that normal noise of the margin's own width would not reach."""
    about = y.copy()
    for site in (about[a::2, b::2] for a in (0, 1) for b in (0, 1)):
        site -= np.median(site)
    # The quartiles, and not the median of |x|: that is a whole number of DN, too coarse where noise is small.
    width = max(float(np.subtract(*np.percentile(about + _dither(y.shape), [75, 25]))) / 1.349, 0.5)
    return np.asarray(np.abs(about) > width * stats.norm.isf(_FALSE_HOT / 2 / y.size) + 0.5)


def _dither(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Fixed values in (-1/2, 1/2) that spread whole numbers evenly: for a quantile only."""
    return np.asarray((np.arange(np.prod(shape)) * 0.6180339887498949 % 1.0).reshape(shape) - 0.5, np.float64)


def _deviation(variance: float, half: float) -> Estimate:
    low, value, high = (float(np.sqrt(max(v, 0.0))) for v in (variance - half, variance, variance + half))
    return Estimate(value=value, low=low, high=high)


def _notes(sigma: Estimate, rho: float, rows: int, left_out: int, pixels: int) -> list[str]:
    notes = [
        "a single frame cannot identify whether the columns' pattern is fixed or new in each frame, "
        "nor tell a pixel's own offset (DSNU) from its read noise: sigma holds both",
        "a single frame cannot identify the read noise's law: offsets of pixels change the tails",
    ]
    if rho > stats.norm.isf(_FALSE_DRIFT) / np.sqrt(rows):
        notes.append(
            f"the means of neighboring rows, white noise included, are correlated ({rho:.2f}): part of the row noise "
            "drifts slowly, while rows of this camera file are independent"
        )
    if left_out:
        notes.append(f"{left_out} of {pixels} masked pixels are hot or dead, and left out")
    if sigma.value < _STEP_PART:
        notes.append(f"sigma is {sigma.value:.2f} DN, less than half a step: rounding decides it, not noise")
    return notes
