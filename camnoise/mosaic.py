"""The color filter array: one color a pixel."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .elementary import positive_part
from .flat import Flat
from .frame import Frame, check_crop
from .keys import Key
from .packing import check_tensor
from .packing import pack as pack
from .packing import unpack as unpack
from .pattern import BAYER as BAYER
from .pattern import CLEAR_PLANE, period_of, sites_in
from .pattern import Bayer as Bayer
from .pattern import Pattern as Pattern
from .pattern import flipped as flipped
from .pattern import planes_of as planes_of
from .pattern import shifted as shifted
from .pattern import sites_of as sites_of
from .pattern import tile_of as tile_of
from .pattern import transposed as transposed
from .stage import Parameters, Stage
from .units import Unit


class Mosaic(Stage):
    """Keeps of three color planes the one that the filter over each pixel lets through.

    A clear pixel takes the mean of the three planes, ((R + G) + B) / 3: white stays white. A real one would
    take some three times the light of a filtered one, which is the sensor's matter and not said here.

    Attributes:
        pattern: the tile at the full frame's (0, 0): "RGGB", or rows separated by "/" for any that is not
            2x2; a crop's origin is followed.
    """

    kind: Literal["mosaic"] = "mosaic"
    takes = (Unit.LINEAR,)

    pattern: Pattern = "RGGB"

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        planes = frame.data.shape[1]
        if planes != 3:
            raise ValueError(f"Mosaic got {planes} channels, wanted 3: red, green, blue")
        through, data = color_at(frame, self.pattern), frame.data
        if CLEAR_PLANE in planes_of(self.pattern):
            total = (data[:, :1] + data[:, 1:2]) + data[:, 2:]
            data = torch.cat([data, total / torch.full_like(total, 3.0)], 1)
        return Frame(torch.gather(data, 1, through[:, None]), frame.unit, frame.origin, self.pattern)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat


def color_at(frame: Frame, pattern: str) -> Tensor:
    """The plane (0 R, 1 G, 2 B, 3 clear) over each pixel: (batch, row, col) int64."""
    return _tiled(frame, pattern, planes_of(pattern))


def site_at(frame: Frame, pattern: str) -> Tensor:
    """The filter of each pixel in the order R, G1, G2, B, and 4 for clear pixels: (batch, row, col) int64."""
    return _tiled(frame, pattern, sites_of(pattern))


def black_at(pattern: str | None, black: Sequence[float], rows: int, cols: int) -> Tensor:
    """The black level of each pixel of a mosaic, to broadcast: (1, 1, row, col), or (1, 1, 1, 1) where all are equal.

    Args:
        pattern: the filter tile at the mosaic's (0, 0); None for a monochrome sensor.
        black: per filter in the order R, G1, G2, B; one number for a monochrome sensor. Clear pixels have the mean.
        rows, cols: of the mosaic.

    Returns:
        float32, on the CPU.
    """
    if pattern is None or len({*black}) == 1:
        return torch.full((1, 1, 1, 1), black[0], dtype=torch.float32)
    levels = np.array([*black, sum(black) / len(black)], np.float32)
    return torch.from_numpy(levels[sites_in(pattern, rows, cols)])[None, None]


def light(mosaic: NDArray[np.uint16], pattern: str | None, black: Sequence[float], white: float) -> Tensor:
    """(DN - black) / (white - black) of each filter, no less than 0: (1, 1, row, col) float32, white = 1.

    Args:
        mosaic: (row, col) raw DN, pedestal included.
        pattern, black: as in `black_at`.
        white: DN.
    """
    level = black_at(pattern, black, *mosaic.shape)
    values = torch.from_numpy(mosaic.astype(np.float32))[None, None]
    return positive_part((values - level) / (torch.tensor(white, dtype=torch.float32) - level))


def crop(mosaic: Tensor, pattern: str, *, top: int, left: int, rows: int, cols: int) -> tuple[Tensor, str]:
    """Part of a mosaic and the pattern at *its* (0, 0).

    Args:
        mosaic: (..., row, col).
        pattern: the filter tile at its (0, 0).
        top, left: the first row and column that stay.
        rows, cols: how many stay.

    Raises:
        ValueError: a part that is not inside.
    """
    _check_shape(mosaic)
    check_crop(mosaic, top, left, rows, cols)
    return mosaic[..., top : top + rows, left : left + cols], shifted(pattern, top, left)


def flip(mosaic: Tensor, pattern: str, axis: str) -> tuple[Tensor, str]:
    """A mosaic with its rows or columns in reverse order, and the pattern that it has then.

    Args:
        mosaic: (..., row, col).
        pattern: the filter tile at its (0, 0).
        axis: "rows" puts it upside down, "columns" mirrors it left to right.

    Raises:
        TypeError: a mosaic that is no tensor.
        ValueError: one without rows and columns, or another axis.
    """
    _check_shape(mosaic)
    dim = -2 if axis == "rows" else -1
    after = flipped(pattern, mosaic.shape[dim], axis)
    return mosaic.flip(dim), after


def transpose(mosaic: Tensor, pattern: str) -> tuple[Tensor, str]:
    """A mosaic (..., row, col) with its rows as columns, and the pattern that it has then.

    Raises:
        TypeError, ValueError: as `flip`.
    """
    _check_shape(mosaic)
    return mosaic.transpose(-2, -1), transposed(pattern)


def _check_shape(mosaic: Tensor) -> None:
    check_tensor(mosaic, "mosaic")
    if mosaic.ndim < 2:
        raise ValueError(f"mosaic has shape {tuple(mosaic.shape)}, wanted (..., row, col)")


def _tiled(frame: Frame, pattern: str, values: Sequence[int]) -> Tensor:
    high, wide = period_of(pattern)
    tile = torch.tensor(values, device=frame.data.device)
    return tile[(frame.rows() % high) * wide + frame.columns() % wide]
