"""The color filter array: one color a pixel."""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

from .flat import Flat
from .frame import Frame
from .keys import Key
from .stage import Parameters, Stage
from .units import Unit

Pattern = Literal["RGGB", "GRBG", "GBRG", "BGGR"]
PLANES = "RGB"


class Mosaic(Stage):
    """Keeps of three color planes the one that the filter over each pixel lets through.

    Attributes:
        pattern: the 2x2 tile at the full frame's (0, 0), row by row; a crop's origin is followed.
    """

    kind: Literal["mosaic"] = "mosaic"
    takes = (Unit.LINEAR,)

    pattern: Pattern = "RGGB"

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        planes = frame.data.shape[1]
        if planes != 3:
            raise ValueError(f"Mosaic got {planes} channels, wanted 3: red, green, blue")
        through = color_at(frame, self.pattern)
        data = torch.gather(frame.data, 1, through[:, None])
        return Frame(data, frame.unit, frame.origin, self.pattern)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat


def planes_of(pattern: str) -> tuple[int, int, int, int]:
    """The plane (0 R, 1 G, 2 B) over each place of the tile, row by row."""
    a, b, c, d = (PLANES.index(color) for color in pattern)
    return a, b, c, d


def sites_of(pattern: str) -> tuple[int, int, int, int]:
    """The filter over each place of the tile, row by row, as a number in the order R, G1, G2, B.

    G1 shares its rows with red and G2 with blue.
    """
    sites = {"R": 0, "B": 3}
    red_row = pattern.index("R") // 2
    a, b, c, d = (sites.get(color, 1 if at // 2 == red_row else 2) for at, color in enumerate(pattern))
    return a, b, c, d


def color_at(frame: Frame, pattern: str) -> Tensor:
    """The plane (0 R, 1 G, 2 B) over each pixel: (batch, row, col) int64."""
    return _tile(frame, planes_of(pattern))


def site_at(frame: Frame, pattern: str) -> Tensor:
    """The filter of each pixel in the order R, G1, G2, B: (batch, row, col) int64."""
    return _tile(frame, sites_of(pattern))


def _tile(frame: Frame, values: tuple[int, int, int, int]) -> Tensor:
    tile = torch.tensor(values, device=frame.data.device)
    return tile[(frame.rows() % 2) * 2 + frame.columns() % 2]
