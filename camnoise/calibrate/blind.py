"""A noise level function from a single photograph that nobody shot for the purpose."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize

from ..estimate import Estimate
from .jackknife import half_width

Array = NDArray[np.float64]

# Daubechies' wavelet with three vanishing moments: smooth content up to second degree leaves no detail.
_SMOOTH = np.array([0.3326705529500826, 0.8068915093110925, 0.4598775021184915, -0.1350110200102546,
                    -0.0854412738820267, 0.0352262918857095])  # fmt: skip
_DETAIL = _SMOOTH[::-1] * (-1.0) ** np.arange(6)
_LEVELS = 300  # of brightness, or fewer, equally many pixels in each
_WIDEST_LEVEL = 0.05  # of white; a wider level is no level
_LEAST_PIXELS = 100  # without texture, in a level
_LEAST_LEVELS = 6
_CLOSE_TO_AN_END = 0.02  # of [0, 1], where clipping bends the curve
_SMOOTHEST = 0.1  # part of each level whose texture is weakest
_PARTS = 4  # a side, for the intervals
_LEAST_PARTS = 5
_MAD = 0.6744897501960817  # median of |x| of a normal deviate
_NOTHING = 1e-6  # of the other number's share of the variance: below it, a number is where the search stopped
_FAR_OFF = 1.5  # times what sampling scatters levels by: beyond it, the levels are no line


@dataclass(frozen=True)
class BlindFit:
    """What a photograph says of its noise.

    Attributes:
        lambda_shot, lambda_read: variance per unit of light, and in the dark; white = 1. The intervals count
            sampling alone, and not the texture that was taken for noise.
        mean, deviation, count: of each level that was fitted.
        notes: sentences.
    """

    lambda_shot: Estimate
    lambda_read: Estimate
    mean: Array
    deviation: Array
    count: NDArray[np.int64]
    notes: tuple[str, ...]


def blind(planes: Sequence[Array]) -> BlindFit:
    r"""Estimates lambda_shot and lambda_read of one photograph by the method of Foi et al. (2008).

    Each plane is split by a wavelet into a smooth part and details. Pixels are gathered by their level, in each level
    those without texture are kept; the median absolute diagonal detail of a level is its noise, and a line for the
    variance is fitted to the levels by likelihood, half normal and half Cauchy against outliers:

    .. math:: \sigma(y)^2 = \lambda_\mathrm{shot} \, y + \lambda_\mathrm{read}

    Other than in the paper: a pixel has no texture when the two other details around it are among the weakest tenth of
    its level; neither number is below 0; levels near 1 are left out instead of modelled as clipped; and the density of
    each level is taken at its mean instead of integrated over the mean's own error.

    Limits. Texture finer than about four pixels counts as noise, so results are rather too high, the more so the
    quieter the photograph. Noise must be white: of a picture that was demosaiced, denoised, scaled or compressed the
    numbers mean little. The variance must be a line in the values: give linear light. Row noise, heavy tails and
    fixed patterns are not told apart from read noise. Both numbers need bright and dark smooth places. Measured over
    twelve photographs of the Kodak set, as the deviation at their mean brightness over the truth: 0.99 to 1.04 for
    lambda_shot, lambda_read of 3e-3, 1e-3; 0.95 to 1.02 for 1e-2, 1e-4; 1.01 to 1.26 for 1e-3, 1e-5; and 1.2 to 2.7
    for 1e-4, 1e-6, where texture is all there is to see.

    Args:
        planes: (row, col) each, white = 1: the color planes, or the pixels under each place of a filter tile.

    Raises:
        ValueError: planes too small, or too few smooth places for a line.

    References:
        | Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data
        | (Foi, Trimeche, Katkovnik & Egiazarian, IEEE TIP 2008), https://doi.org/10.1109/TIP.2008.2001399
    """
    samples = [_samples(np.asarray(plane, np.float64)) for plane in planes]
    level, detail, texture = (np.concatenate([sample[i] for sample in samples]) for i in range(3))
    part = np.concatenate([sample[3] for sample in samples])
    mean, deviation, count = _levels(level, detail, texture)
    if len(mean) < _LEAST_LEVELS:
        raise ValueError(
            f"{len(mean)} levels of brightness have smooth places, wanted {_LEAST_LEVELS} or more: "
            "this photograph cannot say how its noise follows the light"
        )
    line = _fit(mean, deviation, count, None)
    weighted, without = [], []
    for name in np.unique(part):
        kept = part != name
        levels = _levels(level[kept], detail[kept], texture[kept])
        if len(levels[0]) >= _LEAST_LEVELS:
            without.append(_fit(*levels, line))
            weighted.append(_least_squares(*levels))
    if len(without) < _LEAST_PARTS:
        raise ValueError("smooth places lie in one part of this photograph, wanted them spread for an interval")
    half = half_width([np.array(without)])
    # At 0, where the likeliest line cannot go below it, parts agree; a line without that bound says how far.
    half = np.where(line == 0, np.maximum(half, half_width([np.array(weighted)])), half)
    shot, read = (
        Estimate(value=v, low=max(v - h, 0.0), high=v + h) for v, h in zip(line.tolist(), half.tolist(), strict=True)
    )
    notes = _notes(shot, read, mean)
    off = _scatter(line, mean, deviation, count)
    if off > _FAR_OFF:
        notes.append(
            f"the levels scatter {off:.1f} times as far about the line as sampling alone would: their noise does not "
            "follow it, and the intervals count nothing of that"
        )
    return BlindFit(shot, read, mean, deviation, count, tuple(notes))


def _samples(plane: Array) -> tuple[Array, Array, Array, NDArray[np.int64]]:
    """Level, detail, strength of texture and part of the frame, of the pixels of one plane."""
    if plane.ndim != 2 or min(plane.shape) < 64:
        raise ValueError(f"a plane has shape {plane.shape}, wanted (row, col) with sides of 64 or more")
    # 7 x 7 means of the other two detail planes tell texture; of white noise they are independent of `detail`.
    smooth, across, up, detail = (
        ndimage.convolve1d(ndimage.convolve1d(plane, down, 0, mode="reflect"), along, 1, mode="reflect")[1::2, 1::2]
        for down in (_SMOOTH, _DETAIL)
        for along in (_SMOOTH, _DETAIL)
    )
    level = ndimage.uniform_filter(smooth, 7) / _SMOOTH.sum() ** 2
    texture = ndimage.uniform_filter(across**2 + up**2, 7)
    rows, cols = (np.arange(side) * _PARTS // side for side in level.shape)
    part = rows[:, None] * _PARTS + cols
    keep = level < 1 - _CLOSE_TO_AN_END
    keep[:4] = keep[-4:] = keep[:, :4] = keep[:, -4:] = False
    return level[keep], detail[keep], texture[keep], part[keep]


def _levels(level: Array, detail: Array, texture: Array) -> tuple[Array, Array, NDArray[np.int64]]:
    """Mean level, deviation of detail and number of pixels, of the smoothest part of each level with enough of them."""
    order = np.argsort(level, kind="stable")
    size = max(int(_LEAST_PIXELS / _SMOOTHEST), len(level) // _LEVELS)
    found = []
    for one in np.split(order, np.arange(size, len(order) - size + 1, size)):
        if len(one) < size or level[one[-1]] - level[one[0]] > _WIDEST_LEVEL:
            continue
        smoothest = one[np.argsort(texture[one], kind="stable")[: int(len(one) * _SMOOTHEST)]]
        width = float(np.median(np.abs(detail[smoothest]))) / _MAD
        found.append((float(level[smoothest].mean()), width, len(smoothest)))
    mean, deviation, count = np.array(found).reshape(-1, 3).T
    return mean, deviation, count.astype(np.int64)


def _fit(mean: Array, deviation: Array, count: NDArray[np.int64], start: Array | None) -> Array:
    """lambda_shot and lambda_read of greatest likelihood."""
    start = _least_squares(mean, deviation, count) if start is None else start
    scale = float(np.median(deviation**2)) or 1e-12

    def cost(line: Array) -> float:
        model = _model(abs(line) * scale, mean)
        wide = _wide(model, count)
        z = (deviation - model) / wide
        density = 0.5 * np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi) + 0.5 / (np.pi * (1 + z**2))
        return float(np.sum(np.log(wide) - np.log(density)))

    found = optimize.minimize(cost, np.asarray(start) / scale, method="Nelder-Mead", options={"xatol": 1e-5})
    shot, read = np.abs(found.x) * scale
    brightest = shot * mean.max()
    return np.array([shot if brightest > _NOTHING * read else 0.0, read if read > _NOTHING * brightest else 0.0])


def _least_squares(mean: Array, deviation: Array, count: NDArray[np.int64]) -> Array:
    """A line for the variance that may go below 0."""
    weight = np.sqrt(count) / np.maximum(deviation**2, 1e-12)
    matrix = np.stack([mean, np.ones_like(mean)], 1)
    return np.asarray(np.linalg.lstsq(matrix * weight[:, None], deviation**2 * weight, rcond=None)[0], np.float64)


def _model(line: Array, mean: Array) -> Array:
    """Deviation at each level."""
    return np.asarray(np.sqrt(np.maximum(line[0] * mean + line[1], 1e-14)))


def _wide(model: Array, count: NDArray[np.int64]) -> Array:
    """Of a median absolute deviation, as in the paper."""
    return np.asarray(model * np.sqrt(1.35 / (count + 1.5)))


def _scatter(line: Array, mean: Array, deviation: Array, count: NDArray[np.int64]) -> float:
    """Of the middle half of the levels about the line, over what sampling gives."""
    model = _model(line, mean)
    return float(np.median(np.abs(deviation - model) / _wide(model, count))) / _MAD


def _notes(shot: Estimate, read: Estimate, mean: Array) -> list[str]:
    notes = [
        "a single frame cannot identify fine texture, fixed pattern or row noise apart from noise: "
        "both numbers are rather too high",
        f"smooth places are between {mean.min():.3f} and {mean.max():.3f} of white",
    ]
    for name, estimate in (("lambda_shot", shot), ("lambda_read", read)):
        if estimate.low == 0:
            notes.append(f"{name} is not identifiable from this photograph: its interval reaches 0")
    return notes
