"""The numbers of a calibration as rows of text: for a terminal, and for the report."""

from collections.abc import Sequence
from typing import NamedTuple

from ..drawing.axes import number
from ..presets.measured import Point
from .estimate import Estimate, ratio
from .sensor import Calibration
from .single import Single
from .stacks import SITES


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
        digits = 4
        low, high = (number(edge, digits) for edge in (self.estimate.low, self.estimate.high))
        return self.what, number(self.estimate.value, digits), f"{low} to {high}", self.unit


def rows_of(found: Calibration) -> list[Row]:
    """All that was measured from stacks at one ISO, and what was not."""
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
        rows += [Row(f"offset of {site}", value, "DN") for site, value in found.bias.offset.items()]
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
    if found.point is not None:
        rows += _point_rows(found.point)
    if found.blind is not None:
        rows.append(Row("lambda_shot, blind (Foi et al. 2008)", found.blind.lambda_shot, "white = 1"))
        rows.append(Row("lambda_read, blind (Foi et al. 2008)", found.blind.lambda_read, "white = 1"))
    return rows


def _point_rows(point: Point) -> list[Row]:
    rows = [
        Row("read noise, as the camera file has it", point.read.sigma, "DN"),
        Row("read noise, as the camera file has it", ratio(point.read.sigma, point.K), "e-"),
    ]
    return rows + [
        Row(f"offset of {site}", getattr(point, f"bias_{site}"), "DN")
        for site in SITES
        if getattr(point, f"bias_{site}") is not None
    ]


def text(rows: Sequence[Row]) -> list[str]:
    """Aligned lines for a terminal."""
    cells = [("", "value", "95 % interval", ""), *(row.cells() for row in rows)]
    wide = [max(len(row[i]) for row in cells) for i in range(3)]
    return [f"{a:{wide[0]}s}  {b:>{wide[1]}s}  {c:>{wide[2]}s}  {d}".rstrip() for a, b, c, d in cells]
