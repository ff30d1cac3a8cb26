"""From one color a pixel back to three."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad

from .frame import Frame
from .keys import Key
from .mosaic import color_at
from .stage import Parameters, Stage
from .units import Unit

# Of the 3x3 neighborhood: the weights that interpolate green, and red and blue, by distance.
_GREEN = {0: 1.0, 1: 0.25}
_RED_BLUE = {0: 1.0, 1: 0.5, 2: 0.25}


class Demosaic(Stage):
    """Bilinear interpolation of a Bayer mosaic.

    A missing green is the mean of its four neighbors; a missing red or blue that of the two or
    four nearest of its color. Borders are mirrored without repeating the edge, which keeps the
    filter's phase. Shifted additions in a stated order: the same bits on every device.

    References:
        | High-Quality Linear Interpolation for Demosaicing of Bayer-Patterned Color Images
        | (Malvar, He & Cutler, ICASSP 2004), where it is the baseline
    """

    kind: Literal["demosaic"] = "demosaic"
    takes = (Unit.LINEAR,)
    radius = 1

    method: Literal["bilinear"] = "bilinear"

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        channels, rows, cols = frame.data.shape[1:]
        if channels != 1 or frame.cfa is None:
            what = "1 channel without a filter array" if channels == 1 else f"{channels} channels"
            raise ValueError(f"Demosaic got {what}, wanted a mosaic (see Pipeline's cfa)")
        if min(rows, cols) < 2:
            raise ValueError(f"Demosaic got images of {rows}x{cols}, wanted at least 2x2")
        return Frame(bilinear(frame.data, color_at(frame, frame.cfa)), frame.unit, frame.origin)


def bilinear(data: Tensor, color: Tensor) -> Tensor:
    """Three planes from a mosaic.

    Args:
        data: (batch, 1, row, col) float32.
        color: (batch, row, col), the plane that each pixel has: 0 R, 1 G, 2 B.

    Returns:
        (batch, 3, row, col) float32.
    """
    if data.numel() == 0:
        return data.expand(-1, 3, -1, -1).clone()
    planes = []
    for plane in range(3):
        known = (color == plane)[:, None]
        masked = pad(torch.where(known, data, torch.zeros_like(data)), (1, 1, 1, 1), mode="reflect")
        weights = _GREEN if plane == 1 else _RED_BLUE
        total = torch.zeros_like(data)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                weight = weights.get(abs(dy) + abs(dx))
                if weight is not None:
                    rows, cols = data.shape[2:]
                    total = total + masked[:, :, 1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + cols] * weight
        planes.append(total)
    return torch.cat(planes, 1)
