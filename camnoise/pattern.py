"""The tile of a color filter array, written as letters, and what it becomes by crops, flips and transposes.

A 2x2 tile is four letters row by row, "RGGB". Any other has its rows separated by "/": Quad Bayer is
"RRGG/RRGG/GGBB/GGBB", X-Trans six rows of six. The letters are R, G, B and, for clear pixels, W or C.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator

Bayer = Literal["RGGB", "GRBG", "GBRG", "BGGR"]
BAYER: tuple[Bayer, ...] = ("RGGB", "GRBG", "GBRG", "BGGR")
Axis = Literal["rows", "columns"]

COLORS, CLEAR = "RGB", "WC"
CLEAR_PLANE, NO_SITE = 3, 4  # the numbers that a clear pixel has among planes and among sites
LARGEST_TILE = 16


@lru_cache(256)
def tile_of(pattern: str) -> tuple[str, ...]:
    """The rows of a tile.

    Raises:
        TypeError: not a string.
        ValueError: no tile.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"pattern is a {type(pattern).__name__}, wanted a string such as 'RGGB'")
    rows = tuple(pattern.split("/")) if "/" in pattern else (pattern[:2], pattern[2:])
    four = "/" in pattern or len(pattern) == 4
    even = len({len(row) for row in rows}) == 1 and 1 <= len(rows[0]) <= LARGEST_TILE and len(rows) <= LARGEST_TILE
    if not (four and even and set("".join(rows)) <= set(COLORS + CLEAR)):
        raise ValueError(
            f"pattern is {pattern!r}, wanted four letters of R, G, B, W, C, or rows of them separated by '/', "
            f"of equal length and at most {LARGEST_TILE}x{LARGEST_TILE}"
        )
    return rows


def written(rows: Sequence[str]) -> str:
    """The pattern whose tile has those rows."""
    return ("" if len(rows) == len(rows[0]) == 2 else "/").join(rows)


def _canonical(pattern: str) -> str:
    return written(tile_of(pattern))


Pattern = Annotated[str, AfterValidator(_canonical)]


def period_of(pattern: str) -> tuple[int, int]:
    """Rows and columns of the tile."""
    tile = tile_of(pattern)
    return len(tile), len(tile[0])


def is_bayer(pattern: str) -> bool:
    """Whether it is one of the four phases of the Bayer tile."""
    return _canonical(pattern) in BAYER


def planes_of(pattern: str) -> tuple[int, ...]:
    """The plane (0 R, 1 G, 2 B, 3 clear) over each place of the tile, row by row."""
    planes = {"R": 0, "G": 1, "B": 2}
    return tuple(planes.get(letter, CLEAR_PLANE) for letter in "".join(tile_of(pattern)))


def sites_of(pattern: str) -> tuple[int, ...]:
    """The filter over each place of the tile, row by row, as a number in the order R, G1, G2, B; 4 is a clear pixel.

    A green whose row of the tile has blue and no red is G2, every other green G1. So in a Bayer tile G1 shares
    its rows with red and G2 with blue, and X-Trans, whose rows have both, has G1 alone.
    """
    sites = []
    for row in tile_of(pattern):
        green = 2 if "B" in row and "R" not in row else 1
        sites += [{"R": 0, "G": green, "B": 3}.get(letter, NO_SITE) for letter in row]
    return tuple(sites)


def sites_in(pattern: str, rows: int, cols: int) -> NDArray[np.int64]:
    """The site, as in `sites_of`, of each pixel of an image whose (0, 0) is the tile's: (row, col)."""
    high, wide = period_of(pattern)
    tile = np.array(sites_of(pattern), np.int64).reshape(high, wide)
    return np.tile(tile, (-(-rows // high), -(-cols // wide)))[:rows, :cols]


def shifted(pattern: str, rows: int, cols: int) -> str:
    """The pattern at (0, 0) of an image after `rows` at its top and `cols` at its left were cut off.

    Negative numbers are rows and columns that were added.
    """
    tile = tile_of(pattern)
    down, right = rows % len(tile), cols % len(tile[0])
    return written([row[right:] + row[:right] for row in (*tile[down:], *tile[:down])])


def flipped(pattern: str, size: int, axis: str) -> str:
    """The pattern at (0, 0) of an image whose rows, or columns, were put in reverse order.

    Args:
        pattern: before.
        size: how many rows (columns) the image has: where its last one lies in the tile becomes the first.
        axis: "rows" for an image put upside down, "columns" for one mirrored left to right.

    Raises:
        ValueError: another axis, a pattern that is no tile.
    """
    tile = tile_of(pattern)
    if axis == "rows":
        return written([tile[(size - 1 - row) % len(tile)] for row in range(len(tile))])
    if axis == "columns":
        width = len(tile[0])
        return written(["".join(row[(size - 1 - col) % width] for col in range(width)) for row in tile])
    raise ValueError(f"axis is {axis!r}, wanted 'rows' or 'columns'")


def transposed(pattern: str) -> str:
    """The pattern at (0, 0) of an image whose rows have become its columns."""
    return written(["".join(column) for column in zip(*tile_of(pattern), strict=True)])
