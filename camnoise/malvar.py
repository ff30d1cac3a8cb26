"""The demosaicing of Malvar, He & Cutler: bilinear, corrected by the Laplacian of the color that was measured."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import pad, pixel_unshuffle

from .pattern import planes_of

Border = Literal["mirror", "repeat"]

RADIUS = 2
BAND = 2**19  # pixels at a time on CPU: the temporaries of a band stay in its cache


def bordered(image: Tensor, by: int, border: Border) -> Tensor:
    """An image continued beyond its borders: (..., row + 2 by, col + 2 by).

    "mirror" does not repeat the edge, and so keeps a filter's phase; "repeat" does, as scipy's filters by default.
    """
    if border == "mirror":
        return pad(image, (by, by, by, by), mode="reflect")
    for axis in (2, 3):
        first, last = image.narrow(axis, 0, by), image.narrow(axis, image.shape[axis] - by, by)
        image = torch.cat([first.flip(axis), image, last.flip(axis)], axis)
    return image


def malvar(mosaic: Tensor, pattern: str, border: Border = "mirror") -> Tensor:
    """Three planes of a Bayer mosaic by the four 5x5 filters of the paper.

    With the sums over the pixels at distance 1 and 2 to the left and right (h1, h2), above and below (v1, v2)
    and over the four diagonal ones (d), and c the pixel itself, eight times the value is

    - green at red and blue: 4 c + 2 (h1 + v1) - (h2 + v2)
    - red at green, red to the left and right: 5 c + 4 h1 - h2 - d + v2 / 2; red above and below: the same transposed
    - red at blue: 6 c + 2 d - 3/2 (h2 + v2)

    and blue likewise. The additions have one order, and all factors are exact, so that float32 gives the same bits
    on every device.

    Args:
        mosaic: (batch, 1, row, col) floating, at least 3x3.
        pattern: one of the four Bayer phases, at the mosaic's (0, 0).
        border: see `bordered`.

    Returns:
        (batch, 3, row, col).

    References:
        | High-Quality Linear Interpolation for Demosaicing of Bayer-Patterned Color Images
        | (Malvar, He & Cutler, ICASSP 2004)
    """
    rows, cols = mosaic.shape[2:]
    edged = bordered(mosaic, RADIUS, border)
    # To whole tiles; what is added here is cut off again and read by no pixel that stays.
    edged = pad(edged, (0, cols % 2, 0, rows % 2))
    high, wide = rows + rows % 2, cols + cols % 2
    band = max(2, BAND // max(1, len(mosaic) * wide) // 2 * 2)
    if mosaic.device.type != "cpu" or (mosaic.requires_grad and torch.is_grad_enabled()):
        band = high  # a gradient copies the whole result for each part that is written
    made = mosaic.new_empty((len(mosaic), 3, high, wide))
    for top in range(0, high, band):
        bottom = min(top + band, high)
        _whole_tiles(edged[:, :, top : bottom + 2 * RADIUS], pattern, made[:, :, top:bottom])
    return made[:, :, :rows, :cols]


def _whole_tiles(edged: Tensor, pattern: str, made: Tensor) -> None:
    """Fills (batch, 3, row, col) from a mosaic of whole tiles with its borders, (batch, 1, row + 4, col + 4)."""
    split = pixel_unshuffle(edged, 2)  # a plane per place of the tile: no value is computed that is not wanted
    high, wide = (side // 2 - RADIUS for side in edged.shape[2:])
    colors = planes_of(pattern)
    for place, color in enumerate(colors):
        down, right = divmod(place, 2)

        def at(dy: int, dx: int, row: int = down + RADIUS, col: int = right + RADIUS) -> Tensor:
            y, x = row + dy, col + dx
            plane = 2 * (y % 2) + x % 2
            return split[:, plane : plane + 1, y // 2 : y // 2 + high, x // 2 : x // 2 + wide]

        c, h2, v2 = at(0, 0), at(0, -2) + at(0, 2), at(-2, 0) + at(2, 0)
        h1, v1 = at(0, -1) + at(0, 1), at(-1, 0) + at(1, 0)
        d = (at(-1, -1) + at(-1, 1)) + (at(1, -1) + at(1, 1))
        if color == 1:
            base = c * 5.0 - d
            across = (((base + h1 * 4.0) - h2) + v2 * 0.5) * 0.125
            along = (((base + v1 * 4.0) - v2) + h2 * 0.5) * 0.125
            red_beside = colors[place ^ 1] == 0
            planes = (across, c, along) if red_beside else (along, c, across)
        else:
            far = h2 + v2
            green = ((c * 4.0 + (h1 + v1) * 2.0) - far) * 0.125
            other = ((c * 6.0 + d * 2.0) - far * 1.5) * 0.125
            planes = (c, green, other) if color == 0 else (other, green, c)
        for number, plane in enumerate(planes):
            made[:, number, down::2, right::2] = plane[:, 0]
