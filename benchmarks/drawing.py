"""What the pictures of this folder are drawn with: colors, a font, axes, and pixels that are squares."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Array = NDArray[np.float64]
Color = tuple[int, int, int]

PAPER, INK, BARS, LAW, NORMAL = (24, 24, 24), (225, 225, 225), (110, 110, 110), (255, 200, 0), (90, 160, 255)
FAINT, DIM, PLOT = (58, 58, 58), (160, 160, 160), (34, 34, 34)


def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size)


@dataclass(frozen=True)
class Plot:
    """A rectangle of a picture with a linear or logarithmic axis across and a logarithmic one up.

    Attributes:
        draw: of the picture.
        left, top, width, height: pixels.
        x, y: the first and last value of each axis; what is under the first y lies on the bottom edge.
        log_x: whether the axis across is logarithmic too.
    """

    draw: ImageDraw.ImageDraw
    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]
    log_x: bool = False

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The pixel of a value."""
        (low, high), (floor, top) = self.x, self.y
        across = math.log(x / low) / math.log(high / low) if self.log_x else (x - low) / (high - low)
        up = math.log(max(y, floor) / floor) / math.log(top / floor)
        return self.left + across * self.width, self.top + self.height * (1 - up)

    def frame(self) -> None:
        self.draw.rectangle((self.left, self.top, self.left + self.width - 1, self.top + self.height - 1), fill=PLOT)

    def bars(self, edges: Sequence[float] | Array, heights: Sequence[float] | Array) -> None:
        for left, right, height in zip(edges, edges[1:], heights, strict=False):
            (x0, y), (x1, base) = self.at(left, height), self.at(right, 0)
            self.draw.rectangle((x0, y, max(x0, x1 - 1), base), fill=BARS)

    def caps(self, edges: Sequence[float] | Array, heights: Sequence[float] | Array, color: Color) -> None:
        """The upper edges of such bars, where they stand over the bottom."""
        for left, right, height in zip(edges, edges[1:], heights, strict=False):
            if height > self.y[0]:
                (x0, y), (x1, _) = self.at(left, height), self.at(right, height)
                self.draw.line((x0, y, max(x0, x1 - 1), y), fill=color, width=2)

    def curve(self, x: Iterable[float], y: Iterable[float], color: Color, width: int = 2) -> None:
        self.draw.line([self.at(*point) for point in zip(x, y, strict=True)], fill=color, width=width)

    def ticks(self, x: dict[str, float], y: dict[str, float], size: int = 11) -> None:
        """Faint lines; the names of those across stand under the plot, of those up inside it."""
        for name, value in y.items():
            start, end = self.at(self.x[0], value), self.at(self.x[1], value)
            self.draw.line((*start, end[0] - 1, end[1]), fill=FAINT)
            self.draw.text((start[0] + 3, start[1] + 5), name, fill=INK, font=font(size))
        for name, value in x.items():
            start, end = self.at(value, self.y[0]), self.at(value, self.y[1])
            self.draw.line((start[0], start[1] - 1, *end), fill=FAINT)
            half = self.draw.textlength(name, font=font(size)) / 2
            middle = min(max(start[0], self.left + half), self.left + self.width - half)
            self.draw.text((middle, start[1] + 2), name, fill=DIM, font=font(size), anchor="ma")


def bins(low: float, high: float, grid: float = 0.0) -> Array:
    """Edges: 51 bins with their centers on the extremes; on a grid, two a value as long as that can be seen."""
    width = (high - low) / 50
    if grid:
        width = grid * (0.5 if width < 0.7 * grid else math.ceil(width / grid / 1.5))
        low, high = math.floor(low / width) * width, math.ceil(high / width) * width
    edges: Array = low + (np.arange(round((high - low) / width) + 2) - 0.5) * width
    return edges


def draw_histogram(
    draw: ImageDraw.ImageDraw,
    corner: tuple[int, int],
    size: int,
    edges: Array,
    shares: Array,
    normal: Array,
    law: Array,
) -> None:
    """Shares of bins on a logarithmic axis, with those of a normal as a line and those of a law as caps."""
    low, high = (edges[0] + edges[1]) / 2, (edges[-2] + edges[-1]) / 2
    margin = 0.02 * (high - low)
    plot = Plot(draw, *corner, size, size, (edges[0] - margin, edges[-1] + margin), (1e-7, 2.0))
    plot.frame()
    plot.bars(edges, shares)
    ends = {f"{end:,.0f}" if abs(end) >= 1000 else f"{end:.3g}": end for end in (low, high)}
    middle = {"0": 0.0} if min(-low, high) > 0.15 * (high - low) else {}
    plot.ticks({**ends, **middle}, {"1": 1.0, "0.001": 1e-3, "0.000001": 1e-6})
    seen = normal > plot.y[0]
    plot.curve(((edges[:-1] + edges[1:]) / 2)[seen], normal[seen], NORMAL)
    plot.caps(edges, law, LAW)


def draw_spectrum(draw: ImageDraw.ImageDraw, corner: tuple[int, int], size: int, power: Array, stated: Array) -> None:
    """Measured and stated power at 1, 2, ... cycles a frame, up to half a cycle a line, on logarithmic axes."""
    count = 2 * len(power)
    plot = Plot(draw, *corner, size, size, (1 / count, 0.5), (0.1, 1e6), log_x=True)
    plot.frame()
    plot.ticks({f"1/{lines}": 1 / lines for lines in (256, 64, 16, 4)}, {"1": 1.0, "100": 1e2, "10,000": 1e4})
    frequency = np.arange(1, len(power) + 1) / count
    plot.curve(frequency, stated, LAW, 3)
    plot.curve(frequency, power, INK, 1)
    if power.max() < plot.y[0]:
        draw.text((corner[0] + size / 2, corner[1] + size - 22), "none", fill=DIM, font=font(13), anchor="ma")


def squares(picture: NDArray[np.uint8], zoom: int) -> Image.Image:
    """(row, col) gray or (row, col, 3), every pixel a square."""
    image = Image.fromarray(picture).convert("RGB")
    return image.resize((image.width * zoom, image.height * zoom), Image.Resampling.NEAREST)


def stretched(values: Array, center: float, reach: float) -> NDArray[np.uint8]:
    """Gray, from black `reach` under the center to white `reach` over it."""
    levels: NDArray[np.uint8] = np.clip(128 + (values - center) / reach * 127, 0, 255).round().astype(np.uint8)
    return levels


def encoded(linear: Array) -> Array:
    """sRGB of scene-linear light, for the eye."""
    curve: Array = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clip(0) ** (1 / 2.4) - 0.055)
    return curve
