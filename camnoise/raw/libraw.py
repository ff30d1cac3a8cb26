"""What LibRaw, by rawpy, says of an open RAW file, put right by the file's own tags where LibRaw is wrong.

Measured with LibRaw 0.22.2 and rawpy 0.28 on DNGs written for it:

- `raw_pattern` and `raw_color` count from the full raw area's (0, 0), not the visible one's;
- an odd margin of a Bayer mosaic is made even: the visible area loses a row or column, while the filters stay right;
- the table of black levels is not moved along, so that red gets blue's, and fractions are cut off;
- the filters of an X-Trans DNG with a margin wider than a tile are read from beyond their table: any number;
- a Quad Bayer tile is read as two columns by eight rows: rows of red and of green.

All functions take the open file and its tags, empty for what is no TIFF; nothing they return is LibRaw's memory.
"""

import io
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ..color import SRGB_TO_XYZ, with_unit_rows
from ..pattern import LARGEST_TILE, NO_SITE, sites_in, written
from . import tags
from .tags import Tags

try:
    import rawpy as rawpy
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("RAW files need rawpy: install camnoise with its extra [raw]") from error

Area = tuple[int, int, int, int]  # top, left, bottom, right

WINDOW = 48  # a multiple of every period of a filter array that LibRaw knows: 2, 4, 6, 8, 16
NARROWEST = 8  # a margin with fewer rows or columns is the blurred edge of the visible area
DARK = 0.05  # of the span from black to white; a margin whose median is further from black saw light


def visible(file: Any, stated: Tags, shape: tuple[int, ...]) -> Area:
    """Top, left, bottom and right of the visible area in the full raw area."""
    sizes = file.sizes
    top, left = max(int(sizes.top_margin), 0), max(int(sizes.left_margin), 0)
    bottom, right = min(top + int(sizes.height), shape[0]), min(left + int(sizes.width), shape[1])
    area = tags.area_in(stated) if tags.is_dng(stated) else None
    # LibRaw makes an odd margin of a Bayer mosaic even; the row or column that it drops is in the file.
    if area is not None and top - area[0] in (0, 1) and left - area[1] in (0, 1):
        top, left, bottom, right = area[0], area[1], min(area[2], shape[0]), min(area[3], shape[1])
    return top, left, bottom, right


def pattern(file: Any, stated: Tags, origin: tuple[int, int], name: str) -> str | None:
    """The smallest tile at the visible area's (0, 0)."""
    try:
        tile = tags.tile_in(stated) if tags.is_dng(stated) else None
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None
    area = tags.area_in(stated) or (0, 0, 0, 0)
    if tile is not None:
        moved = np.roll([list(row) for row in tile], (area[0] - origin[0], area[1] - origin[1]), (0, 1))
        window = moved.tolist()
    elif file.raw_pattern is None or file.num_colors == 1:
        return None
    else:
        names = file.color_desc.decode("ascii", "replace")
        if set(names) - set("RGB"):
            raise ValueError(f"{name} has filters of {names}, wanted red, green and blue")
        found = colors(file, origin)
        if found.max() >= len(names):
            raise ValueError(f"{name} has filters that LibRaw gives no color")
        window = [[names[color] for color in row] for row in found]
    return _smallest(np.array(window), name)


def colors(file: Any, origin: tuple[int, int]) -> NDArray[np.int64]:
    """LibRaw's color numbers of a window at the visible area's (0, 0): (row, col)."""
    rows, cols = (range(start, start + WINDOW) for start in origin)
    return np.array([[file.raw_color(row, col) for col in cols] for row in rows])


def _smallest(window: NDArray[Any], name: str) -> str:
    window = np.tile(window, (2, 2))  # a tile of one row, or column, becomes one of two
    high, wide = _period(window), _period(window.T)
    if max(high, wide) > LARGEST_TILE:
        raise ValueError(f"{name} has filters without a period of at most {LARGEST_TILE} pixels, wanted a smaller tile")
    return written(["".join(row) for row in window[:high, :wide]])


def _period(rows: NDArray[Any]) -> int:
    """After how many rows, 2 or more, they come again; they are whole tiles, and two of them."""
    sides = (side for side in range(2, len(rows)) if len(rows) % side == 0)
    return next((side for side in sides if (rows == np.roll(rows, side, 0)).all()), len(rows))


def black(file: Any, stated: Tags, cfa: str | None, origin: tuple[int, int]) -> tuple[float, ...]:
    """Levels per site, from the file's own table where it is a DNG: LibRaw truncates and misplaces them."""
    table = tags.black_in(stated) if tags.is_dng(stated) else None
    if table is not None:
        area = tags.area_in(stated) or (0, 0, 0, 0)
        table = np.roll(table, (area[0] - origin[0], area[1] - origin[1]), (0, 1))
        levels = np.tile(table, (-(-WINDOW // table.shape[0]), -(-WINDOW // table.shape[1])))[:WINDOW, :WINDOW]
    else:
        by_color = [float(level) for level in file.black_level_per_channel]
        if cfa is None or len(set(by_color)) == 1 or tags.is_dng(stated):
            levels = np.full((WINDOW, WINDOW), np.mean(by_color))
        else:
            levels = np.array(by_color)[colors(file, origin)]
    if cfa is None:
        return (float(levels.mean()),)
    if levels.min() == levels.max():
        return (float(levels[0, 0]),) * 4
    sites = sites_in(cfa, WINDOW, WINDOW)
    if (sites == NO_SITE).any():
        return (float(levels.mean()),) * 4
    red, one, two, blue = (float(levels[sites == site].mean()) if (sites == site).any() else None for site in range(4))
    mean = float(levels.mean())
    return tuple(mean if level is None else level for level in (red, one, one if two is None else two, blue))


def white(file: Any, stated: Tags) -> float:
    """The lowest of the stated levels; LibRaw's maximum where the file has none of its own."""
    own = stated.get(tags.WHITE_LEVEL) if tags.is_dng(stated) else None
    if own and not isinstance(own, str):
        return min(own)
    levels = [level for level in file.camera_white_level_per_channel or () if level > 0]
    return float(min(levels, default=file.white_level))


def bits(stated: Tags, largest: int) -> int:
    """Bits that hold the largest value, or more where the tag MaxSampleValue says so."""
    least = max(largest.bit_length(), 1)
    top = int(tags.number(stated, tags.MAX_SAMPLE_VALUE, 0)) if tags.is_dng(stated) else 0
    return max(least, top.bit_length()) if top <= 65535 else least


def margins(
    full: NDArray[np.uint16], visible: Area, stated: Tags, black: float, white: float
) -> tuple[dict[str, NDArray[np.uint16]], dict[str, tuple[int, int]]]:
    """What lies around the visible area and is dark: what the file says is masked, else all of it."""
    top, left, bottom, right = visible
    rows, cols = full.shape
    strips = {
        "left": (top, 0, bottom, left),
        "top": (0, 0, top, cols),
        "right": (top, right, bottom, cols),
        "bottom": (bottom, 0, rows, cols),
    }
    masked, places = {}, {}
    said = tags.masked_in(stated)
    for name, strip in strips.items():
        parts = [strip] if said is None else [_overlap(strip, area) for area in said]
        a, b, c, d = max(parts, key=_size, default=(0, 0, 0, 0))
        margin = np.array(full[a:c, b:d], dtype=np.uint16, order="C")
        if min(c - a, d - b) < NARROWEST or margin.min() == margin.max():
            continue
        if abs(float(np.median(margin)) - black) > DARK * (white - black):
            continue
        masked[name], places[name] = margin, (a, b)
    return masked, places


def _overlap(one: Area, other: Area) -> Area:
    return max(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), min(one[3], other[3])


def _size(area: Area) -> int:
    return max(area[2] - area[0], 0) * max(area[3] - area[1], 0)


def settings(file: Any, stated: Tags) -> tuple[float | None, float | None, str | None]:
    """ISO, exposure in seconds and the camera's name."""
    other = getattr(file, "other", None)  # of rawpy 0.25 and later
    iso = float(getattr(other, "iso_speed", 0.0)) or tags.number(stated, tags.ISO_SPEED, 0)
    # LibRaw makes one second of an exposure time that is written as 0.
    seconds = tags.number(stated, tags.EXPOSURE_TIME, float(getattr(other, "shutter_speed", 0.0)))
    camera = tags.camera_in(stated)
    if camera is None:
        with suppress(Exception):  # a thumbnail that is not there or damaged names no camera
            exif = Image.open(io.BytesIO(file.extract_thumb().data)).getexif()
            camera = tags.camera_in({code: str(exif[code]) for code in (tags.MAKE, tags.MODEL) if code in exif})
    return iso if 0 < iso < 1e7 else None, seconds if 0 < seconds < 1e5 else None, camera


def white_balance(file: Any, stated: Tags) -> tuple[float, float, float] | None:
    neutral = tags.numbers(stated, tags.AS_SHOT_NEUTRAL, 3) if tags.is_dng(stated) else None
    if neutral is not None and min(neutral) > 0:
        return neutral[1] / neutral[0], 1.0, neutral[1] / neutral[2]
    gains = [float(gain) for gain in file.camera_whitebalance]
    if not np.isfinite(gains).all() or min(gains[:3]) <= 0 or len(set(gains)) == 1:
        return None  # four equal gains are LibRaw's word for none
    return gains[0] / gains[1], 1.0, gains[2] / gains[1]


def color_matrix(file: Any, stated: Tags) -> NDArray[np.float64] | None:
    """From XYZ -> camera where there is one, else from the camera -> sRGB of the file, turned round."""
    own = tags.matrix_in(stated) if tags.is_dng(stated) else None
    known = np.asarray(file.rgb_xyz_matrix, dtype=np.float64)[:3] if own is None else own
    if own is None and tags.is_dng(stated):
        return None  # what LibRaw has then is its guess of sRGB
    if known.any():
        matrix = known @ np.asarray(SRGB_TO_XYZ)
    else:
        back = np.asarray(file.color_matrix, dtype=np.float64)[:3, :3]
        if not np.isfinite(back).all() or abs(np.linalg.det(back)) < 1e-6:
            return None
        matrix = np.linalg.inv(back)
    return with_unit_rows(matrix) if np.isfinite(matrix).all() and (matrix.sum(axis=1) > 1e-6).all() else None
