"""A camera's exposures of what real frames show."""

from dataclasses import replace
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from ..converter import Normalize, Quantize
from ..demosaic import Demosaic
from ..mosaic import Mosaic
from ..pipeline import Pipeline
from ..units import Unit
from .exposures import SITES, Array, Exposures

NEAR = 4.0  # deviations of the mean of the frames, below which a pixel's light is the mean of its neighborhood
_AROUND = (9, 27, 81)  # sides of neighborhoods, in pixels of one filter; then all of them
_OTHER = 0.02  # of the span, by which black levels of one camera may differ
_DARK = 2.0  # deviations of the mean of rows and columns, below which a plane is taken for dark
_TWICE = 1.5  # how much more than a plain mean `_smooth` scatters


def simulate(real: Exposures, camera: Pipeline, *, seed: int = 0) -> Exposures:
    """As many exposures of the real scene as there are real frames.

    The light is the mean of the real frames, or in patches the mean of each patch's filters. What is left in it of
    their noise belongs to the simulated scene; it is the same in all of its exposures, and so no noise. Light cannot
    be negative, and cutting a noisy mean off at 0 would add light: near black (`NEAR`) means over ever more
    neighbors of the same filter are taken. What rows and columns alone may have made of the dark is taken for dark;
    a light as faint as their noise in the mean of the frames is then not seen. A camera's color bias and dark charge
    are taken from the light first, since the real frames' mean already has theirs.

    Args:
        real: the frames.
        camera: takes scene-linear mosaics and gives raw DN (a Normalize after its Quantize is left out); or
            white = 1, as a noise level function does, which is then neither rounded nor cut off.
        seed: of the noise.

    Raises:
        ValueError: a camera that takes or gives something else.
    """
    sensor = _sensor(camera, real.cfa)
    drawn = _drawn(sensor, real, seed)
    leveled = at_levels_of(camera, real, seed=seed)
    own = np.full(len(SITES), drawn.get("K", 0.0) * drawn.get("dark_current", 0.0) * drawn.get("dark_time", 0.0))
    if real.cfa is not None:
        own += [drawn.get(f"bias_{site}", 0.0) for site in SITES]  # clear pixels have none
    light = _light(leveled, own)
    black = float(np.mean(leveled.black))
    full = (leveled.white - black) / drawn.get("ratio", 1.0)
    images = torch.from_numpy((np.maximum(light, 0.0) / full).astype(np.float32))[None, None]
    views = [sensor(images, [real.name], seed=seed, view=1 + n)[0, 0] for n in range(len(real.frames))]
    frames = torch.stack(views).numpy()
    if sensor.gives is Unit.LINEAR:
        frames = frames * full + black
    return Exposures(real.name, frames, (black,), leveled.white, real.cfa, real.patches)


def at_levels_of(camera: Pipeline, real: Exposures, *, seed: int = 0) -> Exposures:
    """The real frames under the camera's black and white, since its gain and noise were measured with these.

    The differences of the filters' black levels stay, unless the camera has a color bias, which then stands for them.

    Raises:
        ValueError: levels of another converter; a camera that is no sensor.
    """
    drawn = _drawn(_sensor(camera, real.cfa), real, seed)
    if "black" not in drawn:
        return real
    middle = float(np.mean(real.black))
    if abs(drawn["black"] - middle) > _OTHER * real.span or abs(drawn["white"] / real.white - 1) > 0.5:
        raise ValueError(
            f"{camera.name} has black {drawn['black']:g} and white {drawn['white']:g} DN, the frames of {real.name!r} "
            f"{middle:g} and {real.white:g}, wanted one camera at one bit depth"
        )
    own = any(f"bias_{site}" in drawn for site in SITES)
    black = (drawn["black"],) if own else tuple(drawn["black"] + level - middle for level in real.black)
    return replace(real, black=black, white=drawn["white"])


def _drawn(sensor: Pipeline, real: Exposures, seed: int) -> dict[str, float]:
    return sensor.draw([real.name], seed=seed).sample(0)


def _sensor(camera: Pipeline, cfa: str | None) -> Pipeline:
    """The camera up to its converter where it has one, under the filters of the frames."""
    tail = [type(stage) for stage in camera.stages[-2:]]
    stages = camera.stages[:-1] if tail == [Quantize, Normalize] else camera.stages
    gives = Pipeline(stages, name=camera.name, cfa=cfa).gives if stages != camera.stages else camera.gives
    if camera.takes is not Unit.LINEAR or gives not in (Unit.RAW_DN, Unit.LINEAR):
        raise ValueError(
            f"{camera.name} takes {camera.takes} and gives {gives}, wanted a sensor: scene-linear light in, "
            "raw DN out, or white = 1"
        )
    if any(isinstance(stage, Mosaic | Demosaic) for stage in stages):
        raise ValueError(f"{camera.name} has a mosaic of its own, wanted a sensor alone: the real frames are mosaics")
    return Pipeline(stages, name=camera.name, cfa=cfa)


def _light(real: Exposures, own: NDArray[np.float64]) -> NDArray[np.float64]:
    """(row, col) DN above black: the clean estimate without what the camera adds by itself, (site,) DN."""
    levels, sites = real.levels(), real.sites()
    mean: NDArray[np.float64] = levels.mean(0, dtype=np.float64) - own[sites]
    for patch in real.patches:
        inside, filters = mean[patch.window], sites[patch.window]
        for site in np.unique(filters):
            inside[filters == site] = inside[filters == site].mean()
    if real.patches:
        return mean
    down, right = real.period
    if len(levels) < 2:
        raise ValueError(
            f"{real.name!r} has 1 exposure, wanted two of the same scene, "
            "or flat patches of one (patches=, --patch ROW,COL,ROWS,COLS)"
        )
    variance = levels.var(0, ddof=1, dtype=np.float64)
    for place in ((slice(row, None, down), slice(col, None, right)) for row in range(down) for col in range(right)):
        lines = _lines(levels[:, place[0], place[1]], variance[place])
        mean[place] = _not_negative(mean[place], variance[place] / len(levels), lines / len(levels))
    return mean


def _lines(planes: Array, variance: Array) -> Array:
    """(2,) variances of what whole rows and columns of one exposure's plane have in common, DN squared."""
    found = []
    for along in (2, 1):
        means = planes.mean(along, dtype=np.float64)
        means -= means.mean(1, keepdims=True)  # a level that wanders is no line
        found.append(max(0.0, float(means.var(0, ddof=1).mean() - variance.mean() / planes.shape[along])))
    return np.array(found)


def _not_negative(plane: Array, variance: Array, lines: Array) -> Array:
    """A plane's own values, or where they are near 0 those of the narrowest neighborhood whose mean is not.

    `variance` and `lines` are those of the plane's pixels, rows and columns. Where the noise of rows and columns alone
    may have made the mean of all that is near 0, there is no light: what is left of them would bring shot noise.
    """
    light, reach = plane, np.sqrt(_around(variance, _AROUND[0]))
    near = _smooth(plane, _AROUND[0]) < NEAR * reach
    if near.any() and plane[near].mean() < _DARK * np.sqrt((lines / plane.shape).sum()):
        return np.where(near, 0.0, plane)
    for side in (*_AROUND, None):
        if not near.any():
            break
        wider = np.full_like(plane, plane.mean()) if side is None else _smooth(plane, side)
        scatter = _TWICE * reach / (sqrt(plane.size) if side is None else side)
        before = _TWICE * reach / _AROUND[0] if side != _AROUND[0] else np.inf
        # A wider neighborhood must not bring in light from elsewhere.
        fits = near & (np.abs(wider - light) < NEAR * before)
        light = np.where(fits, wider, light)
        near = fits & (light < NEAR * scatter)
    return light


def _smooth(plane: Array, side: int) -> Array:
    """A mean over neighbors that keeps straight and curved slopes: what the first mean left is averaged again."""
    once = _around(plane, side)
    return once + _around(plane - once, side)


def _around(plane: Array, side: int) -> Array:
    mean: Array = ndimage.uniform_filter(plane, side, mode="reflect")
    return mean
