"""Charts as inline SVG, and the page that holds them: what the reports of calibration and comparison are drawn with.

A chart is a list of marks in the units of its axes. Colors are names that the page's style gives a value to, one
for light, one for dark and one for paper; no chart needs anything from a network.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from .axes import Axis, Scale, number

Color = Literal["blue", "orange", "green", "red", "violet", "teal", "ink", "muted"]
Shape = Literal["circle", "square", "triangle", "diamond", "cross"]
Numbers = Sequence[float]

_MARGIN = {"left": 62.0, "right": 14.0, "top": 50.0, "bottom": 46.0}
_LETTER = 6.4  # mean width of a letter of the legend, in the chart's units


@dataclass(frozen=True)
class Points:
    """Marks at (x, y), with bars from `low` to `high` where they are given; `hollow` ones are left out of a fit."""

    x: Numbers
    y: Numbers
    label: str = ""
    color: Color = "blue"
    shape: Shape = "circle"
    low: Numbers | None = None
    high: Numbers | None = None
    hollow: bool = False
    size: float = 3.2


@dataclass(frozen=True)
class Line:
    """A line through (x, y); it breaks where a value is not finite."""

    x: Numbers
    y: Numbers
    label: str = ""
    color: Color = "blue"
    dashed: bool = False
    width: float = 1.6


@dataclass(frozen=True)
class Band:
    """The area between `low` and `high` over x: an interval around a line."""

    x: Numbers
    low: Numbers
    high: Numbers
    label: str = ""
    color: Color = "blue"


@dataclass(frozen=True)
class Steps:
    """A histogram's outline: len(edges) is len(heights) + 1."""

    edges: Numbers
    heights: Numbers
    label: str = ""
    color: Color = "blue"
    filled: bool = False


@dataclass(frozen=True)
class Rule:
    """A thin line across the whole chart at x or at y, with a word beside it."""

    x: float | None = None
    y: float | None = None
    label: str = ""
    color: Color = "muted"


@dataclass(frozen=True)
class Note:
    """Words at (x, y)."""

    x: float
    y: float
    text: str
    color: Color = "ink"


Mark = Points | Line | Band | Steps | Rule | Note


@dataclass(frozen=True)
class Chart:
    """One chart.

    Attributes:
        title: a sentence that says what is seen.
        x, y: the axes.
        marks: drawn in this order.
        width, height: in pixels of a screen; the drawing scales with the page.
    """

    title: str
    x: Axis
    y: Axis
    marks: Sequence[Mark]
    width: float = 520.0
    height: float = 330.0

    def svg(self) -> str:
        """An `<svg>` element. Marks outside the axes are cut off; values that are not finite are not drawn."""
        across = Scale.of(self.x, _values(self.marks, "x"), _MARGIN["left"], self.width - _MARGIN["right"])
        up = Scale.of(self.y, _values(self.marks, "y"), self.height - _MARGIN["bottom"], _MARGIN["top"])
        clip = f"clip-{self.width:g}-{self.height:g}".replace(".", "-")  # the same box has the same name
        left, right, low, high = across.start, across.end, up.start, up.end
        box = f'x="{left:g}" y="{high:g}" width="{right - left:g}" height="{low - high:g}"'
        parts = [
            f'<svg class="chart" viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
            f'xmlns="http://www.w3.org/2000/svg" aria-label="{escape(self.title)}">',
            f'<defs><clipPath id="{clip}"><rect {box}/></clipPath></defs>',
            _text(left, 16, self.title, "title"),
            *_legend(self.marks, left, 35, right),
            *_grid(across, up),
            _text((left + right) / 2, self.height - 8, self.x.label, "label middle"),
            f'<text class="label middle" transform="translate(13 {(low + high) / 2:g}) rotate(-90)">'
            f"{escape(self.y.label)}</text>",
            f'<g clip-path="url(#{clip})">',
            *(_drawn(mark, across, up) for mark in self.marks),
            "</g>",
            *(_word(mark, across, up) for mark in self.marks),
            "</svg>",
        ]
        return "\n".join(part for part in parts if part)


def _values(marks: Sequence[Mark], axis: Literal["x", "y"]) -> list[float]:
    """What an axis has to show."""
    found: list[float] = []
    for mark in marks:
        match mark:
            case Points() | Line():
                found += mark.x if axis == "x" else mark.y
                if isinstance(mark, Points) and axis == "y" and mark.low is not None and mark.high is not None:
                    found += [*mark.low, *mark.high]
            case Band():
                found += mark.x if axis == "x" else [*mark.low, *mark.high]
            case Steps():
                found += mark.edges if axis == "x" else mark.heights
            case Rule():
                found += [value for value in [mark.x if axis == "x" else mark.y] if value is not None]
            case Note():
                found.append(mark.x if axis == "x" else mark.y)
    return [float(value) for value in found]


def _drawn(mark: Mark, across: Scale, up: Scale) -> str:
    match mark:
        case Points():
            return _points(mark, across, up)
        case Line():
            dash = ' stroke-dasharray="5 4"' if mark.dashed else ""
            path = _path(mark.x, mark.y, across, up)
            return f'<path class="line {mark.color}" stroke-width="{mark.width:g}"{dash} d="{path}"/>'
        case Band():
            there = _path(mark.x, mark.high, across, up)
            back = _path([*reversed(mark.x)], [*reversed(mark.low)], across, up).replace("M", "L")
            return f'<path class="band {mark.color}" d="{there}{back}Z"/>'
        case Steps():
            x = [edge for edge in mark.edges for _ in (0, 1)]
            floor_ = mark.heights[0] if up.log else 0.0
            y = [floor_, *(height for height in mark.heights for _ in (0, 1)), floor_]
            path = _path(x, y, across, up)
            return f'<path class="{"band" if mark.filled else "line"} {mark.color}" stroke-width="1.4" d="{path}"/>'
        case Rule():
            at = across(mark.x) if mark.x is not None else up(mark.y if mark.y is not None else 0.0)
            if at is None:
                return ""
            ends = (at, up.start, at, up.end) if mark.x is not None else (across.start, at, across.end, at)
            x1, y1, x2, y2 = (f"{end:.2f}" for end in ends)
            return f'<line class="rule {mark.color}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'
        case Note():
            return ""


def _points(mark: Points, across: Scale, up: Scale) -> str:
    parts = []
    for i, (x, y) in enumerate(zip(mark.x, mark.y, strict=True)):
        at, height = across(x), up(y)
        if at is None or height is None:
            continue
        if mark.low is not None and mark.high is not None:
            low, high = up(mark.low[i]), up(mark.high[i])
            bottom = up.start if low is None else low
            if high is not None:
                parts.append(f'<path class="bar" d="M{at:.2f} {bottom:.2f}V{high:.2f}"/>')
        parts.append(_shape(mark.shape, at, height, mark.size))
    kind = "hollow" if mark.hollow or mark.shape == "cross" else "full"
    return f'<g class="points {kind} {mark.color}">{"".join(parts)}</g>'


def _shape(shape: Shape, x: float, y: float, size: float) -> str:
    r = size
    match shape:
        case "circle":
            return f'<circle cx="{x:.2f}" cy="{y:.2f}" r="{r:g}"/>'
        case "square":
            return f'<rect x="{x - 0.9 * r:.2f}" y="{y - 0.9 * r:.2f}" width="{1.8 * r:g}" height="{1.8 * r:g}"/>'
        case "triangle":
            return f'<path d="M{x - 1.1 * r:.2f} {y + 0.9 * r:.2f}h{2.2 * r:g}l{-1.1 * r:g} {-2 * r:g}Z"/>'
        case "diamond":
            side = f"l{1.2 * r:g} {-1.2 * r:g}l{1.2 * r:g} {1.2 * r:g}l{-1.2 * r:g} {1.2 * r:g}Z"
            return f'<path d="M{x - 1.2 * r:.2f} {y:.2f}{side}"/>'
        case "cross":
            return f'<path d="M{x - r:.2f} {y - r:.2f}l{2 * r:g} {2 * r:g}m0 {-2 * r:g}l{-2 * r:g} {2 * r:g}"/>'


def _path(x: Numbers, y: Numbers, across: Scale, up: Scale) -> str:
    places = []
    begun = False
    for one, other in zip(x, y, strict=True):
        at, height = across(one), up(other)
        if at is None or height is None:
            begun = False
            continue
        places.append(f"{'L' if begun else 'M'}{at:.2f} {height:.2f}")
        begun = True
    return "".join(places)


def _grid(across: Scale, up: Scale) -> list[str]:
    parts = []
    for tick in up.ticks():
        if (at := up(tick)) is not None:
            parts.append(f'<path class="grid" d="M{across.start:g} {at:.2f}H{across.end:g}"/>')
            parts.append(_text(across.start - 7, at + 3.7, number(tick), "tick end"))
    for tick in across.ticks():
        if (at := across(tick)) is not None:
            parts.append(f'<path class="grid" d="M{at:.2f} {up.start:g}V{up.end:g}"/>')
            parts.append(_text(at, up.start + 16, number(tick), "tick middle"))
    parts.append(f'<path class="axis" d="M{across.start:g} {up.start:g}H{across.end:g}"/>')
    return parts


def _legend(marks: Sequence[Mark], x: float, y: float, end: float) -> list[str]:
    """A key for each label that is new; what does not fit before `end` is left out rather than drawn over."""
    parts: list[str] = []
    seen: set[str] = set()
    for mark in marks:
        if isinstance(mark, Rule | Note) or not mark.label or mark.label in seen:
            continue
        seen.add(mark.label)
        room = 20 + _LETTER * len(mark.label)
        if x + room > end + 10:
            break
        if isinstance(mark, Points):
            kind = "hollow" if mark.hollow or mark.shape == "cross" else "full"
            parts.append(f'<g class="points {kind} {mark.color}">{_shape(mark.shape, x + 6, y - 3.5, mark.size)}</g>')
        elif isinstance(mark, Band) or (isinstance(mark, Steps) and mark.filled):
            parts.append(f'<rect class="band {mark.color}" x="{x:g}" y="{y - 8:g}" width="13" height="8"/>')
        else:
            dash = ' stroke-dasharray="5 4"' if isinstance(mark, Line) and mark.dashed else ""
            parts.append(f'<path class="line {mark.color}" stroke-width="2"{dash} d="M{x:g} {y - 3.5:g}h13"/>')
        parts.append(_text(x + 18, y, mark.label, "key"))
        x += room + 8
    return parts


def _word(mark: Mark, across: Scale, up: Scale) -> str:
    """What is written beside a mark: outside the cut, so that a word at the edge is whole."""
    if isinstance(mark, Note):
        x, y = across(mark.x), up(mark.y)
        if x is None or y is None:
            return ""
        if x + 6 + _LETTER * len(mark.text) > across.end:
            return _text(x - 6, y - 4, mark.text, f"word end {mark.color}")
        return _text(x + 6, y - 4, mark.text, f"word {mark.color}")
    if not isinstance(mark, Rule) or not mark.label:
        return ""
    if mark.x is not None:
        at = across(mark.x)
        return "" if at is None else _text(at + 4, up.end + 10, mark.label, f"word {mark.color}")
    at = None if mark.y is None else up(mark.y)
    return "" if at is None else _text(across.end - 4, at - 4, mark.label, f"word end {mark.color}")


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.2f}" y="{y:.2f}">{escape(words)}</text>'
