"""The numbers of a calibration as rows of text: for a terminal, and for the report."""

import re
from collections.abc import Sequence
from math import floor, isfinite, log10
from typing import NamedTuple

from ..drawing.axes import number
from ..estimate import Estimate, ratio
from ..presets.measured import Point
from .sensor import Calibration
from .session import Session
from .single import Single
from .stacks import MONO, SITES


class Row(NamedTuple):
    """One number.

    Attributes:
        what: it is.
        estimate: None where it was not determined.
        unit: of it.
    """

    what: str
    estimate: Estimate | None
    unit: str

    def cells(self) -> tuple[str, str, str, str]:
        """What, value, 95 % interval, unit."""
        if self.estimate is None:
            return self.what, "not determined", "", ""
        return self.what, *written(self.estimate), self.unit


def written(estimate: Estimate) -> tuple[str, str]:
    """The value and its interval with as many decimals as two digits of the interval's width have."""
    edges = (estimate.value, estimate.low, estimate.high)
    width, size = estimate.high - estimate.low, max(abs(edge) for edge in edges)
    if not (isfinite(width) and width > 1e-12 * size):
        value, low, high = (number(edge) for edge in edges)
        return value, f"{low} to {high}"
    power = floor(log10(size)) if not 1e-3 <= size < 1e6 else 0
    decimals = max(0, 1 - floor(log10(width)) + power)
    value, low, high = (f"{round(edge / 10.0**power, decimals) + 0.0:,.{decimals}f}" for edge in edges)  # no -0
    if not power:
        return minus(value), minus(f"{low} to {high}")
    ten = f"\N{MULTIPLICATION SIGN}{number(10.0**power, 1)}"
    return minus(f"{value}{ten}") if estimate.value else "0", minus(f"({low} to {high}){ten}")


def minus(words: str) -> str:
    """With the minus sign that tables have."""
    return re.sub(r"(?<![\w)-])-(?=[\d.])", "\N{MINUS SIGN}", words)


def notes_of(found: Session) -> list[str]:
    """All notes, each once, those of some ISOs behind their names."""
    where: dict[str, list[float | None]] = {}
    for note in found.notes:
        iso = next(
            (iso for iso in found.isos if iso is not None and re.search(rf" at ISO {iso:g}(?![.\d])", note)), None
        )
        where.setdefault(note if iso is None else note.replace(f" at ISO {iso:g}", "", 1), []).append(iso)
    for iso, one in zip(found.isos, found.calibrations, strict=True):
        for note in one.notes:
            where.setdefault(note, []).append(iso)
    laws = [] if found.camera is None else found.camera.notes
    for note in laws:
        where.setdefault(note, [None])
    said = []
    for note, isos in where.items():
        named = [f"{iso:g}" for iso in found.isos if iso in isos and iso is not None]
        some = len(named) < len(found.isos) and named
        said.append(minus(f"ISO {', '.join(named)}: {note}" if some else note))
    return said


def rows_of(found: Calibration, black: float | None = None) -> list[Row]:
    """All that was measured from stacks at one ISO, and what was not.

    Args:
        found: as `calibrate` gives it.
        black: of the camera file, raw DN, which its offsets are counted from; None where there is no file.
    """
    gain = found.transfer.K if found.transfer is not None else None
    point, lines, read = found.point, found.lines, found.read
    rows = [Row("gain K", gain, "DN/e-")]
    rows.append(Row("read noise", None if read is None else read.sigma, "DN"))
    if read is not None and gain is not None:
        rows.append(Row("read noise", ratio(read.sigma, gain), "e-"))
    if read is not None and read.shape is not None:
        rows.append(Row("shape of the read noise", read.shape, "lambda" if read.chosen == "tukey_lambda" else "nu"))
    rows += [
        Row("row noise", None if lines is None else lines.row, "DN"),
        Row("column noise, temporal", None if lines is None else lines.column, "DN"),
        Row("column pattern, fixed", None if lines is None else lines.fixed_column, "DN"),
    ]
    if found.bias is not None:
        base = found.bias.black if black is None else black
        level = found.bias.level
        rows += [
            Row("black level" if site == MONO else f"black level of {site}", level[site], "raw DN") for site in level
        ]
        rows += [
            Row(f"offset of {site} from {base:,.2f}", _above(level[site], base), "DN") for site in level if site != MONO
        ]
    if found.step != 1:
        rows.append(Row("step of the converter", Estimate(value=found.step, low=found.step, high=found.step), "DN"))
    rows += [
        Row("DSNU", None if found.dsnu is None else found.dsnu.strength, "DN"),
        Row("PRNU", None if found.prnu is None else found.prnu.strength.scaled(100), "% of the signal"),
        Row("dark current", None if found.dark is None else found.dark.from_mean, "e-/s"),
        Row("dark current, from the variance", None if found.dark is None else found.dark.from_variance, "e-/s"),
        Row("hot pixels", None if found.hot is None else found.hot.fraction.scaled(1e6), "ppm"),
        Row("hot pixels' current", None if found.hot is None else found.hot.current, "e-/s"),
        Row("full well", None if point is None else point.full_well, "e-"),
    ]
    return rows


def rows_of_single(found: Single) -> list[Row]:
    """All that one frame says."""
    rows: list[Row] = []
    if found.patches is not None:
        rows.append(Row("gain K, from flat patches", found.patches.K, "DN/e-"))
        rows.append(Row("variance without light, from flat patches", found.patches.offset, "DN²"))
    if found.dark is not None:
        dark = found.dark
        rows += [
            Row("optical black, all deviations", dark.sigma_total, "DN"),
            Row("optical black, single pixels", dark.sigma, "DN"),
            Row("row noise", dark.sigma_row, "DN"),
            Row("column pattern, fixed or temporal", dark.sigma_col, "DN"),
        ]
        levels = {place.value: place for place in dark.black}
        named = zip(SITES if len(found.black) == len(SITES) else ("",), found.black, strict=True)
        rows += [Row(f"black level of {site}", levels[one], "raw DN") for site, one in named if one in levels]
    if found.point is not None:
        rows += _point_rows(found.point, sum(found.black) / len(found.black))
    if found.blind is not None:
        rows.append(Row("lambda_shot, blind (Foi et al. 2008)", found.blind.lambda_shot, "white = 1"))
        rows.append(Row("lambda_read, blind (Foi et al. 2008)", found.blind.lambda_read, "white = 1"))
    return rows


def _above(level: Estimate, black: float) -> Estimate:
    return Estimate(value=level.value - black, low=level.low - black, high=level.high - black)


def _point_rows(point: Point, black: float) -> list[Row]:
    rows = [
        Row("read noise, as the camera file has it", point.read.sigma, "DN"),
        Row("read noise, as the camera file has it", ratio(point.read.sigma, point.K), "e-"),
    ]
    return rows + [
        Row(f"offset of {site} from {black:,.2f}", getattr(point, f"bias_{site}"), "DN")
        for site in SITES
        if getattr(point, f"bias_{site}") is not None
    ]


def text(rows: Sequence[Row]) -> list[str]:
    """Aligned lines for a terminal."""
    cells = [("", "value", "95 % interval", ""), *(row.cells() for row in rows)]
    wide = [max(len(row[i]) for row in cells) for i in range(3)]
    return [f"{a:{wide[0]}s}  {b:>{wide[1]}s}  {c:>{wide[2]}s}  {d}".rstrip() for a, b, c, d in cells]
