"""What a comparison found: lines with verdicts, and the curves behind them."""

from ..value import Value

Numbers = tuple[float, ...]


class Line(Value):
    """One measure.

    Attributes:
        what: was measured.
        where: at which level of light, frequency, lag.
        unit: of the numbers; empty for a ratio or a probability.
        sigma: the deviation of the noise there, DN, where the distance is to be seen beside it.
        real, simulated: what it is in each, where it has a value of its own.
        distance: of real from simulated.
        floor: the mean distance of repeated exposures of one camera.
        p: the chance that a perfect simulation has any line that far out.
        holds: whether p is above the chance that was asked for.
    """

    what: str
    where: str
    unit: str
    sigma: float | None = None
    real: float | None
    simulated: float | None
    distance: float
    floor: float
    p: float
    holds: bool

    @property
    def times(self) -> float:
        """The distance in floors."""
        return self.distance / self.floor if self.floor > 0 else (0.0 if self.distance == 0 else 1e9)

    @property
    def verdict(self) -> str:
        """In words."""
        return "within what repeated exposures differ by" if self.holds else "beyond what repeated exposures differ by"


class Level(Value):
    """One bin of light.

    Attributes:
        mean: DN above black, of both together.
        pixels: whose residuals were compared.
        real, simulated: variance of one exposure, DN squared.
        residual: DN, the middles of the histogram's cells.
        real_counts, simulated_counts: of residuals in them.
    """

    mean: float
    pixels: int
    real: float
    simulated: float
    residual: Numbers
    real_counts: Numbers
    simulated_counts: Numbers


class Interval(Value):
    """A number with its 95 % interval, from bands of rows drawn again with replacement."""

    value: float
    low: float
    high: float


class Transfer(Value):
    """The line through the variances of the bins: slope K [DN per electron] and intercept [DN squared]."""

    slope: Interval
    intercept: Interval


class Curve(Value):
    """Power of row or column means; 1 is that of white noise.

    Attributes:
        axis: "row" or "column".
        frequency: cycles per line.
        real, simulated: power.
    """

    axis: str
    frequency: Numbers
    real: Numbers
    simulated: Numbers


class Fidelity(Value):
    """How a simulation compares with the real camera.

    Attributes:
        real, simulated: names of what was compared.
        scenes, exposures, pixels: how many scenes, the fewest exposures of one, pixels of all.
        alpha: the chance that a perfect simulation fails.
        seed, swaps: with which this can be made again.
        lines: all measures.
        left_out: what could not be measured, and why.
        levels: bins of light.
        real_transfer, simulated_transfer: photon transfer; None with a single level.
        spectra: of rows and columns; empty with one exposure.
        version: of camnoise.
    """

    real: str
    simulated: str
    scenes: int
    exposures: int
    pixels: int
    alpha: float
    seed: int
    swaps: int
    lines: tuple[Line, ...]
    left_out: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ()
    real_transfer: Transfer | None = None
    simulated_transfer: Transfer | None = None
    spectra: tuple[Curve, ...] = ()
    version: str = ""

    @property
    def passes(self) -> bool:
        """Whether every line is within what repeated exposures differ by."""
        return all(line.holds for line in self.lines)

    @property
    def failures(self) -> tuple[Line, ...]:
        """The lines that are beyond it, the farthest first."""
        return tuple(sorted((line for line in self.lines if not line.holds), key=lambda line: -line.times))

    def summary(self) -> str:
        """One sentence."""
        bad = len(self.failures)
        found = "passes" if self.passes else f"fails in {bad} of"
        count = f"{len(self.lines)} lines" if bad else f": {len(self.lines)} lines are within the floor"
        more = f"{found} {count}" if bad else f"{found}{count}"
        return f"{self.simulated} {more} (a perfect simulation fails with a chance of at most {self.alpha:g})"

    def table(self) -> str:
        """All lines as text."""
        rows = [heads(self.alpha), *(cells(line) for line in self.lines)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        return "\n".join([*text, *(f"not measured: {what}" for what in self.left_out)])


def heads(alpha: float) -> tuple[str, ...]:
    """Of the columns of `cells`: a line is beyond where p is not above its limit."""
    return ("measure", "where", "real", "simulated", "distance", "floor", "times", f"p (limit {alpha:g})", "verdict")


def cells(line: Line) -> tuple[str, ...]:
    """A line's words and numbers, as tables show them."""
    values = ("" if value is None else f"{value:.5g}" for value in (line.real, line.simulated))
    distance = f"{line.distance:.3g} {line.unit}".strip()
    if line.sigma:
        distance += f" = {line.distance / line.sigma:.2g} sigma"
    return (
        line.what,
        line.where,
        *values,
        distance,
        f"{line.floor:.2g}",
        f"{line.times:.1f}x",
        f"{line.p:.2g}",
        "within" if line.holds else "BEYOND",
    )
