"""Stacks of raw frames and the sites of their filter tile."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Stack = NDArray[np.uint16]  # (frame, row, col), raw DN, pedestal included
Array = NDArray[np.float64]
SITES = ("R", "G1", "G2", "B")
MONO = "mono"


class Place(NamedTuple):
    """One place of the tile.

    Attributes:
        row, col: within the tile.
        site: "R", "G1", "G2", "B", "C", "W"; "G" where greens share rows with red and blue alike; "mono".
    """

    row: int
    col: int
    site: str


class Tile(NamedTuple):
    """The filter tile: its size and its places, row by row.

    Attributes:
        rows, cols: of the tile.
        places: of all its pixels.
    """

    rows: int
    cols: int
    places: tuple[Place, ...]

    def planes(self, stack: NDArray[Any]) -> list[tuple[Place, NDArray[Any]]]:
        """The pixels under each place: views of (..., row, col)."""
        return [(place, stack[..., place.row :: self.rows, place.col :: self.cols]) for place in self.places]

    def sites(self) -> list[str]:
        """The names that occur, in the order R, G1, G2, B, others."""
        seen = {place.site for place in self.places}
        return [*(site for site in SITES if site in seen), *sorted(seen - set(SITES))]


def tile_of(cfa: str | None) -> Tile:
    """The tile of a pattern: "RGGB", rows separated by "/" for tiles that are no 2x2, None for a monochrome sensor.

    A green that shares its rows with red is G1, with blue G2, with both (X-Trans) or neither G.

    Raises:
        ValueError: rows of different length, or letters other than R, G, B, W, C.
    """
    if cfa is None:
        return Tile(1, 1, (Place(0, 0, MONO),))
    rows = cfa.split("/") if "/" in cfa else [cfa[: len(cfa) // 2], cfa[len(cfa) // 2 :]]
    if not rows[0] or any(len(row) != len(rows[0]) for row in rows) or set("".join(rows)) - set("RGBWC"):
        raise ValueError(f"cfa is {cfa!r}, wanted a tile such as RGGB, or its rows separated by /")
    places = [Place(r, c, _site(letter, row)) for r, row in enumerate(rows) for c, letter in enumerate(row)]
    return Tile(len(rows), len(rows[0]), tuple(places))


def _site(letter: str, row: str) -> str:
    if letter != "G":
        return letter
    return {(True, False): "G1", (False, True): "G2"}.get(("R" in row, "B" in row), "G")


def check_stack(stack: object, what: str, *, frames: int = 2) -> Stack:
    """A stack as it should be, cut to whole tiles by nobody.

    Raises:
        TypeError: no array of uint16.
        ValueError: not (frame, row, col), fewer than `frames` frames, or a side under 8 pixels.
    """
    if not isinstance(stack, np.ndarray) or stack.dtype != np.uint16:
        kind = stack.dtype if isinstance(stack, np.ndarray) else type(stack).__name__
        raise TypeError(f"{what} is {kind}, wanted an array of uint16 raw DN")
    if stack.ndim != 3 or min(stack.shape[1:]) < 8:
        raise ValueError(f"{what} has shape {stack.shape}, wanted (frame, row, col) with sides of 8 or more")
    if len(stack) < frames:
        raise ValueError(f"{what} has {len(stack)} frame{'s' * (len(stack) != 1)}, wanted {frames} or more")
    return stack


def whole_tiles(stack: Stack, tile: Tile) -> Stack:
    """The stack without the rows and columns of a broken tile at the bottom and the right."""
    rows, cols = (side - side % period for side, period in zip(stack.shape[1:], (tile.rows, tile.cols), strict=True))
    return stack[:, :rows, :cols]
