"""What a camera's numbers look like against ISO: as text for a terminal, as a picture, as one line of a list."""

from collections.abc import Sequence
from itertools import pairwise
from math import log10
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from ..drawing.axes import Axis, Scale
from ..pipeline import Pipeline
from . import Known, stages_of
from .camera import PerIsoTable
from .formulas import ElectronSensor, GainSeparated, IsoPolynomial
from .levels import LevelCamera
from .measured import MeasuredCamera
from .provenance import COMPONENTS, Component, lacking, stops

_FORMULAS = (ElectronSensor, GainSeparated, IsoPolynomial)
_UP_TO = 6400.0  # how far a formula is shown
_BARS, _PLAIN_BARS = "▁▂▃▄▅▆▇█", "_.-:=+*#"

# What is shown: name in the table of parameters, heading, unit, logarithmic.
_SENSOR = (
    ("K", "K", "DN/e-", True),
    ("sigma_read", "read", "DN", True),
    ("read_e", "read", "e-", True),
    ("sigma_preamp", "pre-amp", "e-", True),
    ("lam", "lambda", "", False),
    ("nu", "nu", "", False),
    ("sigma_row", "row", "DN", True),
    ("sigma_col", "column", "DN", True),
)
_LEVEL = (("lambda_shot", "shot", "white = 1", True), ("lambda_read", "read", "white = 1", True))


class Setting(NamedTuple):
    """A camera at one ISO.

    Attributes:
        iso: None where it has none.
        values: its parameters, and `read_e`, all read noise in electrons at the pixel.
        stated: whether the source states it, and not a formula that goes on.
    """

    iso: float | None
    values: dict[str, float]
    stated: bool


class Curve(NamedTuple):
    """One quantity against ISO.

    Attributes:
        label, unit: of the quantity.
        log: whether decades show it best.
        isos, values: where it is known.
        stated: as of `Setting`, for each.
        breaks: where among them another conversion gain begins; nothing lies between.
    """

    label: str
    unit: str
    log: bool
    isos: list[float]
    values: list[float]
    stated: list[bool]
    breaks: list[int]

    @property
    def branches(self) -> list[slice]:
        """The places of each conversion gain's settings."""
        edges = [0, *self.breaks, len(self.isos)]
        return [slice(first, last) for first, last in pairwise(edges)]

    @property
    def heading(self) -> str:
        """`read [DN]`."""
        return f"{self.label} [{self.unit}]" if self.unit else self.label


def show(camera: Known) -> list[Setting]:
    """The camera at every setting that its source states; where that is a formula, one per stop up to ISO 6400.

    A prior over cameras has none.
    """
    if camera.iso_range is None:
        return [_setting(camera, None, stated=True)] if isinstance(camera, MeasuredCamera) else []
    isos, (low, high) = camera.isos(), camera.iso_range
    if isinstance(camera, _FORMULAS):
        isos = sorted({*stops(min(100.0, low), _UP_TO), low, high})
    return [_setting(camera, iso, stated=low <= iso <= high) for iso in isos]


def curves(camera: Known, settings: Sequence[Setting]) -> list[Curve]:
    """The quantities that the camera has, against ISO; those of 0 throughout are left out."""
    branches = camera.branches if isinstance(camera, PerIsoTable | MeasuredCamera) else ()
    starts = {branch.iso[0] for branch in branches[1:]}
    made = []
    for name, label, unit, log in _LEVEL if isinstance(camera, LevelCamera) else _SENSOR:
        known = [s for s in settings if s.iso is not None and name in s.values and (s.values[name] > 0 or not log)]
        if known:
            isos, values = [s.iso or 0.0 for s in known], [s.values[name] for s in known]
            breaks = [i for i, iso in enumerate(isos) if i and iso in starts]
            made.append(Curve(label, unit, log, isos, values, [s.stated for s in known], breaks))
    return made


def table(settings: Sequence[Setting], drawn: Sequence[Curve]) -> list[str]:
    """A line per setting; a star behind an ISO where a formula goes on beyond what the source states."""
    known = [dict(zip(curve.isos, curve.values, strict=True)) for curve in drawn]
    widths = [max(11, len(curve.heading)) + 2 for curve in drawn]
    lines = ["    ISO " + "".join(f"{curve.heading:>{width}s}" for curve, width in zip(drawn, widths, strict=True))]
    for iso, _, stated in settings:
        if iso is not None:
            cells = [f"{values[iso]:.4g}" if iso in values else "-" for values in known]
            row = "".join(f"{cell:>{width}s}" for cell, width in zip(cells, widths, strict=True))
            lines.append(f"{iso:7g}{' ' if stated else '*'}{row}")
    return lines


def sparklines(drawn: Sequence[Curve], *, plain: bool = False) -> list[str]:
    """Each curve as a row of bars from its lowest to its highest value, over ISO; logarithmic but for shapes.

    A gap is where another conversion gain begins.
    """
    bars = _PLAIN_BARS if plain else _BARS
    lines = []
    for curve in drawn:
        heights = [log10(value) if curve.log else value for value in curve.values]
        low, span = min(heights), max(heights) - min(heights)
        row = [bars[0 if span == 0 else round((h - low) / span * (len(bars) - 1))] for h in heights]
        ends = f"{min(curve.values):.3g} to {max(curve.values):.3g}" if span else f"{curve.values[0]:.3g}"
        lines.append(f"{curve.heading:18s} {' '.join(''.join(row[part]) for part in curve.branches)}  {ends}")
    return lines


def lacks(camera: Known) -> tuple[Component, ...]:
    """The components that the camera's numbers do not have."""
    if not isinstance(camera, MeasuredCamera):
        return camera.missing
    without = lacking(camera, stages_of(camera, camera.iso_range and camera.iso_range[0]))
    return tuple(part for part in without if part not in patterns(camera))


def patterns(camera: Known) -> tuple[Component, ...]:
    """What was measured of a camera of one's own and goes in where it is asked for."""
    if not isinstance(camera, MeasuredCamera):
        return ()
    named: dict[str, Component] = {"sigma_prnu": "PRNU", "sigma_dsnu": "DSNU", "full_well": "full well"}
    return tuple(part for name, part in named.items() if any(getattr(p, name) is not None for p in camera.points))


def has(camera: Known) -> list[str]:
    """The components that they have, beside shot noise and read noise, which all cameras have."""
    return [
        "shot noise",
        "read noise",
        *(part for part in COMPONENTS if part not in (*lacks(camera), *patterns(camera))),
    ]


KINDS = (
    "sensors",
    "noise level functions (no converter; light where white = 1)",
    "priors over cameras (noise level functions without ISO)",
)


def kind_of(camera: Known) -> str:
    """Under which of the `KINDS` a list shows it."""
    if not isinstance(camera, LevelCamera):
        return KINDS[0]
    return KINDS[2] if camera.iso_range is None else KINDS[1]


def entry(camera: Known) -> str:
    """One line of a list, at most 100 characters wide."""
    span = "-" if camera.iso_range is None else "-".join(f"{iso:g}" for iso in dict.fromkeys(camera.iso_range))
    bits = "-" if camera.bits is None else f"{camera.bits}"
    levels = "white = 1" if camera.bits is None else "yours" if camera.white is None else "known"
    line = f"  {camera.name:18s} {span:10s} {bits:>4s}  {levels:9s}  {camera.licence:10s}  {camera.title}"
    return line if len(line) <= 100 else f"{line[:97]}..."


HEADING = f"  {'name':18s} {'ISO':10s} {'bits':>4s}  {'levels':9s}  {'licence':10s}  camera"


def picture(camera: Known, drawn: Sequence[Curve]) -> Image.Image:
    """The curves, a panel each: both axes logarithmic but for shapes; a hollow mark where a formula goes on.

    Raises:
        ValueError: a camera without ISO, which has no curve.
    """
    if not drawn:
        raise ValueError(f"{camera.name} has no ISO, and so no curve to draw")
    across = min(2, len(drawn))
    down = -(-len(drawn) // across)
    image = Image.new("RGB", (across * _WIDTH + 16, down * _HEIGHT + 40), _PAPER)
    draw = ImageDraw.Draw(image)
    title = "".join(letter if letter.isascii() else "?" for letter in f"{camera.name}: {camera.title}")
    if not all(stated for curve in drawn for stated in curve.stated):
        title += "   (hollow marks: beyond what the source states)"
    draw.text((16, 10), title, fill=_INK, font=ImageFont.load_default(size=16))
    isos = [iso for curve in drawn for iso in curve.isos]
    for number, curve in enumerate(drawn):
        corner = ((number % across) * _WIDTH, 40 + (number // across) * _HEIGHT)
        _panel(draw, curve, isos, corner)
    return image


_WIDTH, _HEIGHT = 480, 320  # of a panel, pixels
_PAPER, _INK, _GRID, _MARK = (24, 24, 24), (225, 225, 225), (64, 64, 64), (255, 200, 0)


def _panel(draw: ImageDraw.ImageDraw, curve: Curve, isos: list[float], corner: tuple[int, int]) -> None:
    x, y = corner
    left, right, top, bottom = x + 74, x + _WIDTH - 14, y + 34, y + _HEIGHT - 46
    along = Scale.of(Axis("ISO", log=True), isos, left, right)
    up = Scale.of(Axis(curve.heading, log=curve.log), curve.values, bottom, top)
    font = ImageFont.load_default(size=13)
    draw.text((left, y + 8), curve.heading, fill=_INK, font=ImageFont.load_default(size=15))
    for tick in up.ticks():
        at = up(tick) or 0.0
        draw.line((left, at, right, at), fill=_GRID)
        draw.text((left - 8, at), f"{round(tick, 9):g}", fill=_INK, font=font, anchor="rm")
    taken = float(left) - 40
    for tick in along.ticks():
        at = along(tick) or 0.0
        draw.line((at, top, at, bottom), fill=_GRID)
        if at - taken >= 44:  # else the numbers would touch
            draw.text((at, bottom + 6), f"{round(tick)}", fill=_INK, font=font, anchor="ma")
            taken = at
    draw.rectangle((left, top, right, bottom), outline=_INK)
    draw.text(((left + right) / 2, bottom + 24), "ISO", fill=_INK, font=font, anchor="ma")
    places = [(along(iso) or 0.0, up(value) or 0.0) for iso, value in zip(curve.isos, curve.values, strict=True)]
    for part in curve.branches:
        if len(places[part]) > 1:
            draw.line(places[part], fill=_MARK, width=2)
    for (a, b), stated in zip(places, curve.stated, strict=True):
        draw.ellipse((a - 4, b - 4, a + 4, b + 4), fill=_MARK if stated else _PAPER, outline=_MARK, width=2)


def _setting(camera: Known, iso: float | None, *, stated: bool) -> Setting:
    values = Pipeline(stages_of(camera, iso, extrapolate=not stated)).draw([0]).sample(0)
    if "K" in values:
        after = values.get("sigma_read", 0.0) / values["K"]
        values["read_e"] = (after**2 + values.get("sigma_preamp", 0.0) ** 2) ** 0.5
    return Setting(iso, values, stated)
