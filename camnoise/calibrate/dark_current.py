"""Charge that collects without light, from darks of several exposure times."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from ..estimate import Estimate, ratio
from .lines import line_noise
from .patterns import hot_pixels, rounding
from .read_noise import HALF_STEP
from .stacks import Array, Stack, tile_of, whole_tiles


@dataclass(frozen=True)
class DarkCurrent:
    """Slopes against the exposure time.

    Attributes:
        seconds, means, variances: of each stack; raw DN, DN^2.
        from_mean: dark current from the slope of the mean, e-/s.
        from_variance: from the slope of the temporal variance, e-/s; far from the other, black is being subtracted
            in the camera, or K is wrong.
        spread: deviation of the current from pixel to pixel, over its mean.
        notes: sentences.
    """

    seconds: Array
    means: Array
    variances: Array
    from_mean: Estimate | None
    from_variance: Estimate | None
    spread: Estimate | None
    notes: tuple[str, ...]


def dark_current(
    exposures: Sequence[tuple[float, Stack]], *, cfa: str | None, K: Estimate, step: float = 1.0
) -> DarkCurrent:
    """Fits the mean and the variance of darks against their exposure time.

    Args:
        exposures: (seconds, stack), two different times or more; the temperature is the same in all.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        K: DN per electron.
        step: q of the converter, DN.

    The mean's slope is that of each pixel, so that its offset cancels, averaged over those that are not
    seen to be hot (weakly hot ones are in the mean and in the spread); its error counts the pixels' spread and the
    rows and columns that whole frames share. The variance's slope is K^2 times the current, whatever the camera
    does with its black level; hot pixels are in it. Where the noise of a stack is under half a step neither the
    variance nor the spread can be determined, and the mean's interval counts what rounding may shift it by.

    Raises:
        ValueError: sizes that differ, or fewer than two different times.
    """
    tile = tile_of(cfa)
    seconds = np.array([time for time, _ in exposures], np.float64)
    stacks = [whole_tiles(stack, tile) for _, stack in exposures]
    if len(set(seconds.tolist())) < 2:
        raise ValueError(f"darks have {len(set(seconds.tolist()))} exposure time, wanted two different ones or more")
    if len({stack.shape[1:] for stack in stacks}) > 1:
        raise ValueError("darks of different exposure times have different sizes, wanted one size")
    lines = [line_noise(stack, cfa=cfa) for stack in stacks]
    cold = np.logical_not(hot_pixels(stacks[int(seconds.argmax())], cfa=cfa).mask)
    frames = np.array([len(stack) for stack in stacks], np.float64)
    arms = frames * (seconds - np.average(seconds, weights=frames))
    arms /= float((arms * seconds).sum())
    maps = [stack.mean(0, dtype=np.float64) for stack in stacks]
    slopes = sum(arm * image for arm, image in zip(arms, maps, strict=True))[cold]
    rows, cols = stacks[0].shape[1:]
    shared = [line.row.value**2 / rows + line.column.value**2 / cols for line in lines]
    error = sqrt(float((arms**2 * shared / frames).sum()) + float(slopes.var()) / slopes.size)
    slope = Estimate.of(float(slopes.mean()), error)
    shift = sum(abs(float(arm)) * rounding(line.pixel.value, step) for arm, line in zip(arms, lines, strict=True))
    slope = Estimate(value=slope.value, low=slope.low - shift, high=slope.high + shift)

    notes: list[str] = []
    variances = np.array([line.pixel.value**2 for line in lines])
    means = np.array([float(image[cold].mean()) for image in maps])
    from_mean = ratio(slope, K)
    if slope.low <= 0:
        notes.append("dark current is not seen: the mean of the darks does not grow with time")
    if variances.min() < step**2 * (HALF_STEP**2 + 1 / 12):
        notes.append(
            "the dark current's variance and its spread over pixels cannot be determined: the darks have a noise of "
            f"{sqrt(variances.min()):.2g} DN, under half a step"
        )
        return DarkCurrent(seconds, means, variances, from_mean, None, None, tuple(notes))
    errors = np.array([2 * line.pixel.value * line.pixel.error for line in lines])
    weights = 1 / errors**2
    own = weights * (seconds - np.average(seconds, weights=weights))
    own /= float((own * seconds).sum())
    growth = Estimate.of(float((own * variances).sum()), sqrt(float((own**2 * errors**2).sum())))

    noise = float((arms**2 * variances / frames).sum())
    uneven = float(slopes.var()) - noise
    fourth = float(((slopes - slopes.mean()) ** 4).mean())
    scatter = sqrt(max(fourth - float(slopes.var()) ** 2, 0.0) / slopes.size)
    spread = None
    if slope.low > 0:
        spread = ratio(Estimate.of(uneven, scatter).root(), slope)
    squared = Estimate(value=K.value**2, low=K.low**2, high=K.high**2)
    from_variance = ratio(growth, squared)
    if from_mean.high < from_variance.low or from_variance.high < from_mean.low:
        notes.append(
            f"the dark current from the mean, {from_mean} e-/s, and from the variance, {from_variance} e-/s, differ: "
            "hot pixels, or a camera that subtracts its own black"
        )
    return DarkCurrent(seconds, means, variances, from_mean, from_variance, spread, tuple(notes))
