"""A comparison as a page: verdict, table, and the curves of both."""

from collections.abc import Sequence

from ..drawing.axes import Axis
from ..drawing.charts import Chart, Color, Line, Mark, Points, Rule, Steps
from ..drawing.page import Figure, Section, Table, page
from .outcome import Curve, Fidelity, Level, cells, heads

REAL: Color = "blue"
SIMULATED: Color = "orange"
_FAR = 6.0  # deviations that a histogram shows
_BARS = 100
_REACH = 1.96 / 1.128  # of 95 %, in floors: the mean distance of two normal numbers is 1.128 deviations of one


def page_of(outcome: Fidelity) -> str:
    """One page of HTML that asks nothing of a network."""
    exposures = f"{outcome.exposures} exposures" if outcome.exposures > 1 else "one exposure"
    lead = [
        outcome.summary() + ".",
        f"{outcome.scenes} scene{'' if outcome.scenes == 1 else 's'}, {exposures}, {outcome.pixels:,} pixels.",
    ]
    sections = [
        Section("Photon transfer", figures=[_transfer(outcome), _neighbors(outcome)]),
        Section("Noise at each level of light", [_HISTOGRAM], figures=[_histogram(level) for level in outcome.levels]),
    ]
    if outcome.spectra:
        figures = [_spectrum(curve) for curve in outcome.spectra]
        sections.append(Section("Rows and columns", [_SPECTRUM], figures=figures))
    sections.append(Section("Verdicts", [_HOW], tables=[_table(outcome)]))
    if outcome.left_out:
        sections.append(Section("Not measured", items=outcome.left_out))
    foot = [f"camnoise {outcome.version}, seed {outcome.seed}, {outcome.swaps:,} swaps."]
    return page("Real and simulated frames", lead, sections, foot)


_HOW = (
    "Residuals of pixels are without the means of their rows and columns, which have lines of their own. The "
    "floor is what repeated exposures of one camera differ by in the mean, found by letting bands of real and "
    "simulated rows change places by chance; means and spectra have theirs by theory. A line is "
    "beyond it where p, the chance that even the worst line of a perfect simulation is so far out, is not above its "
    "limit."
)
_HISTOGRAM = "Shares of the residuals in logarithmic steps, so that the tails are seen."
_SPECTRUM = "Power of the means of rows and of columns; white noise has 1."


def _table(outcome: Fidelity) -> Table:
    return Table(heads(outcome.alpha), [cells(line) for line in outcome.lines], numbers=(2, 3, 4, 5, 6, 7))


def _transfer(outcome: Fidelity) -> Figure:
    light = [level.mean for level in outcome.levels]
    marks: list[Mark] = []
    captions = []
    for name, color, transfer, values in (
        ("real", REAL, outcome.real_transfer, [level.real for level in outcome.levels]),
        ("simulated", SIMULATED, outcome.simulated_transfer, [level.simulated for level in outcome.levels]),
    ):
        if transfer is not None:
            ends = [min(0.0, *light), max(light)]
            line = [transfer.intercept.value + transfer.slope.value * end for end in ends]
            marks.append(Line(ends, line, color=color, width=1.2, dashed=color == SIMULATED))
            slope, offset = transfer.slope, transfer.intercept
            captions.append(
                f"{name}: slope {slope.value:.4g} DN ({slope.low:.4g} to {slope.high:.4g}), intercept "
                f"{offset.value:.4g} DN² ({offset.low:.4g} to {offset.high:.4g})"
            )
        marks.append(Points(light, values, name, color, "circle" if color == REAL else "cross", size=4))
    chart = Chart("Variance against the mean", Axis("mean, DN above black"), Axis("variance, DN²", low=0.0), marks)
    return Figure(chart, "; ".join(captions) + (", with 95 % intervals." if captions else ""))


def _neighbors(outcome: Fidelity) -> Figure:
    lines = [line for line in outcome.lines if line.what == "autocorrelation"]
    place = [float(at) for at in range(1, len(lines) + 1)]
    marks: list[Mark] = [Rule(y=0.0)]
    for name, color, values in (
        ("real", REAL, [line.real for line in lines]),
        ("simulated", SIMULATED, [line.simulated for line in lines]),
    ):
        shown = [0.0 if value is None else value for value in values]
        reach = [_REACH * line.floor for line in lines]
        marks.append(
            Points(
                [at + (0.08 if color == SIMULATED else -0.08) for at in place],
                shown,
                name,
                color,
                "circle" if color == REAL else "cross",
                [value - one for value, one in zip(shown, reach, strict=True)],
                [value + one for value, one in zip(shown, reach, strict=True)],
            )
        )
    names = "; ".join(f"{at:.0f}: {line.where}" for at, line in zip(place, lines, strict=True))
    chart = Chart(
        "Autocorrelation of neighbors", Axis("lag", low=0.5, high=len(lines) + 0.5), Axis("correlation"), marks
    )
    return Figure(chart, f"{names}. Bars: 95 % of repeated exposures.")


def _histogram(level: Level) -> Figure:
    deviation = max(level.real, level.simulated) ** 0.5
    step = level.residual[1] - level.residual[0]
    together = max(1, round(2 * _FAR * deviation / step / _BARS))
    inside = [at for at, x in enumerate(level.residual) if abs(x) <= _FAR * deviation + step]
    groups = [inside[at : at + together] for at in range(0, len(inside) - together + 1, together)]
    edges = [level.residual[group[0]] - step / 2 for group in groups] + [level.residual[groups[-1][-1]] + step / 2]
    marks = [
        Steps(edges, _shares(counts, groups), name, color)
        for name, color, counts in (("real", REAL, level.real_counts), ("simulated", SIMULATED, level.simulated_counts))
    ]
    floor = 0.5 / max(1.0, sum(level.real_counts))
    chart = Chart(
        f"Residuals at {level.mean:.0f} DN",
        Axis("residual, DN"),
        Axis("share of residuals", log=True, low=floor),
        marks,
        height=280.0,
    )
    return Figure(chart, f"{level.pixels:,} residuals; variance {level.real:.4g} and {level.simulated:.4g} DN².")


def _shares(counts: Sequence[float], groups: Sequence[Sequence[int]]) -> list[float]:
    total = sum(counts)
    return [sum(counts[at] for at in group) / total for group in groups]


def _spectrum(curve: Curve) -> Figure:
    marks: list[Mark] = [
        Rule(y=1.0, label="white"),
        Line(curve.frequency, curve.real, "real", REAL),
        Line(curve.frequency, curve.simulated, "simulated", SIMULATED),
    ]
    across = Axis(f"cycles per {curve.axis}", log=True)
    return Figure(Chart(f"Power of {curve.axis} means", across, Axis("power", low=0.0), marks))
