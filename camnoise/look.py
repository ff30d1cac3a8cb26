"""Turns views into something for the eye: a row per image, every pixel of the crops a square.

Only for looking. Values are clipped, encoded and enlarged here, never in data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from .demosaic import LEAST, demosaic, method_for

Picture = NDArray[np.uint8]  # (row, col, 3), encoded

_GAP, _LABEL = 8, 22  # pixels
_PAPER, _INK, _FRAME = (24, 24, 24), (225, 225, 225), (255, 200, 0)
_GAINS = (1, 2, 5, 10, 20, 50, 100, 200, 500)
_MOST_VIEWS = 4  # in a row

# What drawn parameters are called in a title: how many times the number, and its words.
_WORDS = {
    "K": (1.0, "K {:.3g} DN/e-"),
    "sigma_gaussian": (255.0, "sigma {:.1f}/255"),
    "sigma_uniform": (255.0, "uniform {:.1f}/255"),
    "stripe_row": (255.0, "rows {:.1f}/255"),
    "stripe_col": (255.0, "columns {:.1f}/255"),
    "peak": (1.0, "{:.3g} events at white"),
    "speckle_variance": (1.0, "speckle {:.3g}"),
    "impulse_fraction": (100.0, "{:.3g} % lost"),
    "level": (255.0, "level {:.1f}/255"),
    "lambda_shot": (1.0, "shot {:.2g}"),
    "lambda_read": (1.0, "read {:.2g}"),
}


@dataclass(frozen=True)
class Look:
    """One image and its views, to be shown in a row.

    Attributes:
        title: of the row.
        clean: (channel, row, col) float32, white = 1; one channel is a mosaic.
        views: (view, channel, row, col), likewise; the first four are shown.
        cfa: the mosaic's tile, None for planes; one channel without a tile is shown gray.
        encoded: whether the values are sRGB already, instead of linear light.
        shifts: of a burst, how far the scene of each view has moved down and to the right.
    """

    title: str
    clean: Tensor
    views: Tensor
    cfa: str | None
    encoded: bool = False
    shifts: Sequence[Sequence[int]] | None = None


def sheet(looks: Sequence[Look], panel: int = 320) -> Image.Image:
    """A contact sheet: whole clean, then crops of clean, each view, and the difference of two of them.

    Args:
        looks: at least one.
        panel: side of the panels, pixels. Crops are enlarged twice, or more where an image is smaller, each
            pixel a square: at one to one a screen is too fine to show noise.
    """
    rows = [_row(look, panel) for look in looks]
    width = max(row.width for row in rows)
    height = sum(row.height for row in rows)
    paper = Image.new("RGB", (width, height), _PAPER)
    top = 0
    for row in rows:
        paper.paste(row, (0, top))
        top += row.height
    return paper


def drawn_text(parameters: Mapping[str, float]) -> str:
    """What was drawn for a view, in words for its title; nothing where a noise is off."""
    said = [words.format(parameters[name] * by) for name, (by, words) in _WORDS.items() if parameters.get(name)]
    if parameters.get("ratio", 1.0) != 1.0:
        said.append(f"{parameters['ratio']:.3g} x under-exposed")
    return ", ".join(said)


def planes(linear: Tensor, cfa: str | None) -> Tensor:
    """Three linear planes (3, row, col): a mosaic is interpolated; gray, and what cannot be, is repeated."""
    if linear.shape[0] == 3:
        return linear
    method = None if cfa is None else method_for(cfa)
    if cfa is None or method is None or min(linear.shape[1:]) < LEAST[method]:
        return linear[:1].expand(3, -1, -1)
    return demosaic(linear[None], cfa, method)[0]


def difference(one: Tensor, other: Tensor) -> tuple[Picture, int]:
    """(3, row, col) minus (3, row, col) around middle gray, and the gain that makes it visible."""
    delta = one - other
    spread = float(torch.quantile(delta.abs().flatten()[:: max(1, delta.numel() // 100_000)], 0.98))
    gain = max([step for step in _GAINS if step * spread <= 0.45] or [1])
    return _eight_bits(0.5 + gain * delta), gain


def _row(look: Look, panel: int) -> Image.Image:
    clean = planes(look.clean, look.cfa)
    views = [planes(view, look.cfa) for view in look.views[:_MOST_VIEWS]]
    height, width = clean.shape[1:]
    zoom = max(2, panel // max(height, width))
    side = panel // zoom
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    window = (slice(None), slice(top, top + side), slice(left, left + side))
    encode = _eight_bits if look.encoded else _encoded
    whole = _overview(encode(clean), (top, left), side, panel)
    scale = f"{zoom}:1"
    panels = [("clean, whole", whole), (f"clean, {scale}", encode(clean[window]))]
    panels += [(_label(look, number, scale), encode(view[window])) for number, view in enumerate(views)]
    first, second, names = (views[0], clean, "1 - clean")
    if len(views) > 1 and look.shifts is None:  # a scene that moved would show its own edges
        second, names = views[1], "1 - 2"
    picture, gain = difference(first[window], second[window])
    light = "" if look.encoded else "linear "
    panels.append((f"{names}, {light}x {gain}", picture))
    size = ((panel + _GAP) * len(panels) + _GAP, panel + 2 * _LABEL + _GAP)
    row = Image.new("RGB", size, _PAPER)
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(size=14)
    draw.text((_GAP, 3), _printable(look.title), fill=_INK, font=font)
    for number, (label, shown) in enumerate(panels):
        x = _GAP + number * (panel + _GAP)
        draw.text((x, _LABEL + 2), label, fill=_INK, font=font)
        image = Image.fromarray(shown)
        if number:
            image = image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)
        row.paste(image, (x + (panel - image.width) // 2, 2 * _LABEL + (panel - image.height) // 2))
    return row


def _label(look: Look, number: int, scale: str) -> str:
    of = f" of {len(look.views)}" if len(look.views) > _MOST_VIEWS else ""
    moved = "" if look.shifts is None else ", moved {:+d} {:+d}".format(*look.shifts[number])
    return f"view {number + 1}{of}, {scale}{moved}"


def _overview(picture: Picture, corner: tuple[int, int], side: int, panel: int) -> Picture:
    """The whole image within a square of side `panel`, with the outline of the crop of side `side` on it."""
    image = Image.fromarray(picture)
    scale = panel / max(image.size)
    small = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    top, left = (edge * scale for edge in corner)
    bottom, right = min(small.height - 1, top + side * scale), min(small.width - 1, left + side * scale)
    ImageDraw.Draw(small).rectangle((left, top, right, bottom), outline=_FRAME, width=2)
    return np.asarray(small)


def _encoded(linear: Tensor) -> Picture:
    """sRGB encoding (IEC 61966-2-1) of clipped values; for the eye, so the platform's power will do."""
    clipped = linear.clamp(0, 1)
    return _eight_bits(torch.where(clipped <= 0.0031308, 12.92 * clipped, 1.055 * clipped ** (1 / 2.4) - 0.055))


def _eight_bits(values: Tensor) -> Picture:
    picture: Picture = (values.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return picture


def _printable(text: str) -> str:
    """Pillow's font has no glyphs beyond Latin, and a name may hold anything."""
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
