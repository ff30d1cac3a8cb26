"""What does not change from frame to frame: black level, offsets and responses of pixels, hot pixels."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, expm1, inf, log, pi, sinh, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from ..estimate import CONFIDENCE, Estimate
from .lines import LineNoise, centered
from .stacks import Array, Stack, check_stack, tile_of, whole_tiles

FALSE_ALARMS = 0.01  # hot pixels that a frame without any is expected to show
WANDERS = 1e-3  # chance that a still black level is taken for one that wanders
_LOCAL = 7  # pixels of one place: the side of the mean that shading is taken for
_PLANE = 16  # pixels of one place: in smaller frames what the means take out is no longer known to a percent


@dataclass(frozen=True)
class Bias:
    """The level of darks.

    Attributes:
        level: raw DN of each site.
        black: what `offset` is counted from: as given, or the mean of the sites.
        offset: level - black, per site, DN: color bias, which is the black-level error of that site.
        notes: sentences.
    """

    level: Mapping[str, Estimate]
    black: float
    offset: Mapping[str, Estimate]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Pattern:
    """A map of the body and its strength.

    Attributes:
        map: (row, col); DN of DSNU, a fraction of the signal of PRNU; sites' means are taken out.
        strength: standard deviation of its pixels, corrected for the temporal noise that is left in the map.
    """

    map: Array
    strength: Estimate


@dataclass(frozen=True)
class HotPixels:
    """Pixels far above the rest of a dark.

    Attributes:
        mask: (row, col).
        threshold: DN above the site's mean.
        fraction: of all pixels, those under the threshold extrapolated by the exponential law of their excess.
        current: mean excess, e-/s; None without a gain, a time, or a hot pixel that is not clipped.
        clipped: how many of the mask are saturated, in half of the frames or more.
    """

    mask: NDArray[np.bool_]
    threshold: float
    fraction: Estimate
    current: Estimate | None
    clipped: int


def color_bias(darks: Stack, lines: LineNoise, *, cfa: str | None, black: float | None, step: float = 1.0) -> Bias:
    """The level of each site of darks.

    The error counts the pixels, the rows and columns that a site's pixels share, the fixed patterns
    that this body happens to have, and what rounding may shift the mean by where the noise is under a step.
    A level that differs from frame to frame by more than that (chance 1e-3) is said to wander, and its frames are then
    what the error comes from.

    Args:
        darks: (frame, row, col) uint16, two frames or more.
        lines: of the same stack.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        black: raw DN that offsets are counted from; None takes the mean of the sites.
        step: q of the converter, DN.
    """
    tile = tile_of(cfa)
    stack = whole_tiles(check_stack(darks, "darks"), tile)
    frames, rows, cols = stack.shape
    names = tile.sites()
    places = {name: [place for place in tile.places if place.site == name] for name in names}
    by_place = {place: plane.mean((1, 2)) for place, plane in tile.planes(stack)}
    levels: dict[str, Estimate] = {}
    notes: list[str] = []
    temporal = sqrt(lines.pixel.value**2 + lines.row.value**2 + lines.column.value**2)
    shift = rounding(temporal, step)
    for name in names:
        of_frame = np.mean([by_place[place] for place in places[name]], axis=0)
        share = len(places[name]) / (tile.rows * tile.cols)
        own_rows = rows * len({place.row for place in places[name]}) / tile.rows
        own_columns = cols * len({place.col for place in places[name]}) / tile.cols
        frame = (
            lines.pixel.value**2 / (share * rows * cols)
            + lines.row.value**2 / own_rows
            + lines.column.value**2 / own_columns
        )
        still = (
            lines.fixed_pixel.value**2 / (share * rows * cols)
            + lines.fixed_row.value**2 / own_rows
            + lines.fixed_column.value**2 / own_columns
        )
        seen = float(of_frame.var(ddof=1))
        freedom = None
        if stats.chi2.sf(seen / frame * (frames - 1), frames - 1) < WANDERS:
            notes.append(
                f"the black level of {name} wanders: its frames differ by {sqrt(seen):.2g} DN, and their own noise "
                f"explains {sqrt(frame):.2g} DN"
            )
            frame, freedom = seen, frames - 1
        level = Estimate.of(float(of_frame.mean()), sqrt(frame / frames + still), freedom=freedom)
        levels[name] = Estimate(value=level.value, low=level.low - shift, high=level.high + shift)
    base = float(np.mean([level.value for level in levels.values()])) if black is None else black
    offset = {
        name: Estimate(**{edge: getattr(e, edge) - base for edge in ("value", "low", "high")})
        for name, e in levels.items()
    }
    if shift > 0.01 * step:
        notes.append(f"rounding may shift the level of darks by up to {shift:.2g} DN: their noise is {temporal:.2g} DN")
    return Bias(level=levels, black=base, offset=offset, notes=tuple(notes))


def dsnu(darks: Stack, *, cfa: str | None, hot: NDArray[np.bool_] | None = None) -> Pattern:
    """Dark signal non-uniformity of single pixels, DN (EMVA 1288's in electrons is this over K).

    The temporal mean of the darks without its sites', rows' and columns' means. Its strength is the covariance
    of the maps of odd and of even frames, to which temporal noise adds nothing.

    Args:
        darks: (frame, row, col) uint16, two frames or more.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        hot: (row, col), pixels that do not count for the strength.
    """
    tile = tile_of(cfa)
    stack = whole_tiles(check_stack(darks, "darks"), tile)
    _, rows, cols = stack.shape
    first, second = (centered(half.mean(0, dtype=np.float64), tile)[0] for half in (stack[::2], stack[1::2]))
    cold = np.ones(first.shape, bool) if hot is None else ~hot[:rows, :cols]
    kept = 1 - (rows + cols) / (rows * cols)
    whole = (first * len(stack[::2]) + second * len(stack[1::2])) / len(stack)
    return Pattern(whole, _covariance((first * second)[cold] / kept))


def prnu(flats: Stack, darks: Stack, *, cfa: str | None) -> Pattern:
    """Photo-response non-uniformity: EMVA 1288's, the pattern that flats have and darks do not, over their signal.

    Shading is no PRNU: of each site the mean over 7x7 of its own pixels is taken out and divided by. The strength is
    the covariance of the maps of odd and of even frames, to which temporal noise adds nothing.

    Args:
        flats: (frame, row, col) uint16, two frames or more, best near half of saturation (the standard's level).
        darks: likewise, of the same size.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.

    Raises:
        ValueError: sizes that differ, under 16 x 16 pixels of a place of the tile, or flats no brighter than darks.
    """
    tile = tile_of(cfa)
    light, dark = (whole_tiles(check_stack(s, what), tile) for s, what in ((flats, "flats"), (darks, "darks")))
    if light.shape[1:] != dark.shape[1:]:
        raise ValueError(f"flats are {light.shape[1:]} and darks {dark.shape[1:]}, wanted one size")
    halves = [light[i::2].mean(0, dtype=np.float64) - dark[i::2].mean(0, dtype=np.float64) for i in (0, 1)]
    whole = (halves[0] + halves[1]) / 2
    products, result = [], np.zeros(whole.shape)
    for (place, plane), (_, a), (_, b), (_, out) in zip(*map(tile.planes, (whole, *halves, result)), strict=True):
        rows, cols = plane.shape
        if min(rows, cols) < _PLANE:
            raise ValueError(f"a place of the tile has {rows} x {cols} pixels, wanted {_PLANE} x {_PLANE} or more")
        local = ndimage.uniform_filter(plane, _LOCAL)
        if local.min() <= 0:
            raise ValueError(f"flats are no brighter than darks at site {place.site}, wanted light")
        maps = []
        for image in (a, b, plane):
            rest = (image - ndimage.uniform_filter(image, _LOCAL)) / local
            rest -= rest.mean(1, keepdims=True)
            rest -= rest.mean(0)
            maps.append(rest)
        edge = _LOCAL // 2
        inner = (maps[0] * maps[1])[edge:-edge, edge:-edge]
        products.append(inner.ravel() / ((1 - 1 / _LOCAL**2) * (1 - 1 / rows) * (1 - 1 / cols)))
        out[:] = maps[2]
    return Pattern(result, _covariance(np.concatenate(products)))


def hot_pixels(
    darks: Stack,
    *,
    cfa: str | None,
    seconds: float | None = None,
    K: Estimate | None = None,
    top: float | None = None,
) -> HotPixels:
    """Pixels that are far above the rest of their site in the mean of (long) darks, and in both halves of the stack.

    The threshold is where a law of the map's own spread shows 0.01 pixels a frame: normal by its median deviation,
    or log-normal by its 10th, 50th and 90th percentile where that reaches farther, as dark current does. Each half
    has to reach 0.8 of it, so that one outlier of heavy-tailed read noise is no hot pixel. The excess over a threshold
    of an exponential law has that law's mean, whatever the threshold: from it comes how many hot pixels lie under it.
    Of a pixel that is saturated only the least excess is known: the mean is then the sum of all over the number of
    those that are not.

    Args:
        darks: (frame, row, col) uint16, two frames or more.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        seconds: their exposure time.
        K: DN per electron.
        top: raw DN from which on pixels are saturated; None where none is.
    """
    tile = tile_of(cfa)
    stack = whole_tiles(check_stack(darks, "darks"), tile)
    maps = [part.mean(0, dtype=np.float64) for part in (stack, stack[::2], stack[1::2])]
    for image in maps:
        for _, plane in tile.planes(image):
            plane -= np.median(plane)
    whole, first, second = maps
    spread = max(float(np.median(np.abs(whole))) / 0.6745, 1e-9)
    reach = float(stats.norm.isf(FALSE_ALARMS / whole.size))
    threshold = max(reach * spread, _lognormal_reach(whole, reach))
    mask = (whole > threshold) & (np.minimum(first, second) > 0.8 * threshold)
    count = int(mask.sum())
    edges = [
        stats.beta.ppf((1 - CONFIDENCE) / 2, count, whole.size - count + 1) if count else 0.0,
        stats.beta.ppf((1 + CONFIDENCE) / 2, count + 1, whole.size - count),
    ]
    fraction = Estimate(value=count / whole.size, low=float(edges[0]), high=float(edges[1]))
    if count == 0:
        return HotPixels(mask, threshold, fraction, None, 0)
    clipped = 0 if top is None else int(((stack[:, mask] >= top).mean(0) >= 0.5).sum())
    seen, total = count - clipped, float((whole[mask] - threshold).sum())
    excess, high = (total / seen, 2 * total / float(stats.chi2.ppf(0.025, 2 * seen))) if seen else (inf, inf)
    # Where observation ends at a level instead of a number of pixels, the next one may lie just above it.
    low = 2 * total / float(stats.chi2.ppf(0.975, 2 * seen + 2 * (clipped > 0)))
    fraction = Estimate(
        value=min(fraction.value * exp(min(threshold / excess, 50.0)), 1.0),
        low=min(fraction.low * exp(min(threshold / high, 50.0)), 1.0),
        high=min(fraction.high * exp(min(threshold / low, 50.0)), 1.0),
    )
    current = None
    if seconds and K is not None and seen:
        per_electron = K.value * seconds
        current = Estimate(value=excess / per_electron, low=low / (K.high * seconds), high=high / (K.low * seconds))
    return HotPixels(mask, threshold, fraction, current, clipped)


def _lognormal_reach(map_: Array, reach: float) -> float:
    """How far above its median a shifted log-normal law is at so many deviations; 0 where the map is not skewed."""
    low, middle, high = np.percentile(map_, (10, 50, 90))
    if not high - middle > middle - low > 0:
        return 0.0
    tenth = float(stats.norm.isf(0.1))
    shape = log((high - middle) / (middle - low)) / tenth
    return float((high - middle) * expm1(reach * shape) / expm1(tenth * shape))


def _covariance(products: Array) -> Estimate:
    """The deviation whose square is the mean of products."""
    return Estimate.of(float(products.mean()), float(products.std()) / sqrt(products.size)).root()


def rounding(sigma: float, step: float) -> float:
    """By how much rounding shifts a mean at most: half the characteristic function at one turn a step.

    Of the logistic law, whose tails are heavier than the normal law's and shift more. What was measured holds the
    rounding itself: q^2 / 12, or up to q^2 / 4 where there is little else.
    """
    own = sigma**2 - step**2 * (1 / 4 if sigma**2 < step**2 / 2 else 1 / 12)
    x = 2 * pi * sqrt(3) * sqrt(max(own, 0.0)) / step
    return step / 2 * (x / sinh(x) if 0 < x < 500 else float(x == 0))
