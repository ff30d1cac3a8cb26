"""The page beside a calibrated camera: what was measured, how well, and what could not be determined."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import stats

from .. import __version__
from ..drawing.axes import Axis
from ..drawing.charts import Band, Chart, Color, Line, Mark, Note, Points, Rule, Shape
from ..drawing.page import Figure, Section, Table, page
from ..keys import NOISE_VERSION
from ..presets.measured import Branch, MeasuredCamera
from ..presets.measured import Line as Law
from .dark_current import DarkCurrent
from .lines import LineNoise
from .photon_transfer import PhotonTransfer
from .read_noise import Law as LawName
from .read_noise import ReadFit
from .sensor import Calibration
from .session import Session
from .single import Single
from .stacks import Array
from .table import Row, minus, notes_of, rows_of, rows_of_single, written

_SITE: Mapping[str, tuple[Color, Shape]] = {
    "R": ("red", "circle"),
    "G1": ("green", "square"),
    "G2": ("teal", "diamond"),
    "G": ("green", "square"),
    "B": ("blue", "triangle"),
}
_LAWS: Sequence[tuple[LawName, str, Color, Shape]] = (
    ("gaussian", "normal", "muted", "circle"),
    ("tukey_lambda", "Tukey lambda", "blue", "square"),
    ("student_t", "Student t", "orange", "triangle"),
)
_FAINTEST = 1e-3  # of the brightest level; darks have no place on a logarithmic axis
_ABREAST = 4  # ISOs of one table
_MOST_POINTS = 900  # of a chart: a page stays small, and an eye sees no more


def session_page(found: Session, name: str) -> str:
    """The report of a calibration from stacks.

    Args:
        found: as `measure` gives it.
        name: of the camera.

    Returns:
        HTML that needs nothing else.
    """
    black = None if found.camera is None else found.camera.black
    several = len(found.calibrations) > 1
    sections = [_numbers(found, black)] if several else [_single_numbers(found, black)]
    if found.camera is not None and len(found.camera.points) > 1:
        sections.append(_across(found.camera))
    for iso, one in zip(found.isos, found.calibrations, strict=True):
        where = "" if iso is None else f" at ISO {iso:g}"
        figures = _figures(one)
        if figures:
            sections.append(Section(f"How they came about{where}", figures=figures, small=several))
    sections.append(_notes(notes_of(found)))
    sections.append(Section("Frames", items=found.inputs))
    facts = found.facts
    lead = [
        f"{facts.camera or 'A camera'}, {facts.cfa or 'monochrome'}, {facts.bits} bits. "
        "Deviations are in DN of the raw file; an interval covers the truth in 95 of 100 calibrations."
    ]
    return page(f"Calibration of {name}", lead, sections, [_foot()])


def single_page(found: Single, name: str) -> str:
    """The report of a calibration from one file.

    Args:
        found: as `from_raw` or `from_photograph` gives it.
        name: of the camera.
    """
    sections = [Section("Numbers", tables=[_table(rows_of_single(found))])]
    figures = _patch_figures(found) + _dark_figures(found) + _blind_figures(found)
    sections.append(Section("How they came about", figures=figures))
    sections.append(_notes([minus(note) for note in found.notes]))
    raw = found.raw
    about = "" if raw is None else f"{raw.camera or 'Unknown camera'}, {raw.cfa or 'monochrome'}, {raw.bits} bits. "
    lead = [f"{about}From the single frame {found.name}: what it cannot identify is said below."]
    return page(f"Calibration of {name}", lead, sections, [_foot()])


def _single_numbers(found: Session, black: float | None) -> Section:
    where = "" if found.isos[0] is None else f" at ISO {found.isos[0]:g}"
    return Section(f"Numbers{where}", tables=[_table(rows_of(found.calibrations[0], black))])


def _numbers(found: Session, black: float | None) -> Section:
    """Every number at every ISO, a few ISOs beside each other."""
    columns = [rows_of(one, black) for one in found.calibrations]
    labels = list(dict.fromkeys((row.what, row.unit) for rows in columns for row in rows))
    cells = [{(row.what, row.unit): row for row in rows if row.estimate is not None} for rows in columns]
    known = [label for label in labels if any(label in column for column in cells)]
    tables = []
    for start in range(0, len(cells), _ABREAST):
        part = slice(start, start + _ABREAST)
        head = ("", *("" if iso is None else f"ISO {iso:g}" for iso in found.isos[part]))
        rows = [
            (f"{what}, {unit}", *(_cell(column.get((what, unit))) for column in cells[part])) for what, unit in known
        ]
        tables.append(Table(head, rows, numbers=range(1, len(head))))
    sentences = ["Each value with its 95 % interval below it."]
    if lost := [what for what, unit in labels if (what, unit) not in known]:
        sentences.append(f"Not determined at any ISO: {', '.join(dict.fromkeys(lost))}.")
    return Section("Numbers", sentences, tables=tables)


def _cell(row: Row | None) -> str:
    if row is None or row.estimate is None:
        return "\N{EN DASH}"
    value, interval = written(row.estimate)
    return f"{value}\n{interval}"


def _foot() -> str:
    return f"camnoise {__version__}, noise scheme {NOISE_VERSION}."


def _notes(notes: Sequence[str]) -> Section:
    once = [*dict.fromkeys(notes)] or ["Nothing was left out."]
    return Section("What could not be determined, and what was left out", items=once)


def _table(rows: Sequence[Row]) -> Table:
    return Table(("", "value", "95 % interval", "unit"), [row.cells() for row in rows], numbers=(1, 2))


# --- from stacks


def _figures(found: Calibration) -> list[Figure]:
    figures = [] if found.transfer is None else _transfer_figures(found.transfer, found.black)
    if found.read is not None:
        figures.append(_quantiles(found.read))
    if found.lines is not None:
        figures += _spectra(found.lines)
    if found.dark is not None:
        figures.append(_dark_current(found.dark))
    return figures


def _transfer_figures(transfer: PhotonTransfer, black: float | None) -> list[Figure]:
    """The curve, and what is left of it."""
    zero = 0.0 if black is None else black
    top = max((point.mean for point in transfer.points), default=1.0) - zero
    drawn = [point for point in transfer.points if point.mean - zero > _FAINTEST * top]
    marks: list[Mark] = []
    rest: list[Mark] = [Rule(y=0.0), Rule(y=2.0), Rule(y=-2.0)]
    line = None
    if transfer.K is not None and transfer.offset is not None:
        line = (transfer.K.value, transfer.offset)
        x = np.geomspace(
            0.8 * min((point.mean for point in drawn), default=1.0 + zero) - 0.8 * zero, max(top, 1.0), 200
        )
        marks.append(Line(x.tolist(), (line[0] * (x + zero) + line[1]).tolist(), "fit", "ink"))
    for kept in (True, False):
        for site in sorted({point.site for point in drawn}, key=lambda one: [*_SITE, one].index(one)):
            points = [p for p in drawn if p.site == site and (p.left_out == "") == kept]
            if not points:
                continue
            color, shape = _SITE.get(site, ("violet", "circle"))
            x_ = [p.mean - zero for p in points]
            label = site if kept else "left out"
            low, high = ([p.variance + sign * 1.96 * p.error for p in points] for sign in (-1, 1))
            y_ = [p.variance for p in points]
            marks.append(Points(x_, y_, label, color, shape, low, high, hollow=not kept))
            if line is not None and kept:
                misfit = [
                    (p.variance - line[0] * p.mean - transfer.offsets.get(p.site, line[1])) / p.error for p in points
                ]
                rest.append(Points(x_, misfit, site, color, shape))
    x_axis = Axis("mean (raw DN)" if black is None else "mean, black subtracted (DN)", log=True)
    figures = [Figure(Chart("Photon transfer", x_axis, Axis("temporal variance (DN²)", log=True), marks))]
    if line is not None:
        caption = f"Chi-square {transfer.chi_square:.1f} with {transfer.freedom} degrees of freedom."
        if len(drawn) < len(transfer.points):
            caption += " Darks are part of the fit and have no place on this axis."
        figures.append(Figure(Chart("Residuals of the fit", x_axis, Axis("residual (standard errors)"), rest), caption))
    return figures


def _quantiles(read: ReadFit) -> Figure:
    marks: list[Mark] = []
    reach = 0.0
    for law, name, color, shape in _LAWS:
        said, seen = read.quantiles(law)
        reach = max(reach, float(np.max(np.abs(said), initial=0.0)), float(np.max(np.abs(seen), initial=0.0)))
        marks.append(Points(said.tolist(), seen.tolist(), name, color, shape, size=2.4, hollow=law != read.chosen))
    marks.insert(0, Line([-reach, reach], [-reach, reach], "equal", "ink", dashed=True))
    chosen = next(name for law, name, _, _ in _LAWS if law == read.chosen)
    best = max(fit.log_likelihood for fit in read.fits)
    worse = ", ".join(f"{name} {read.fit(law).log_likelihood - best:.1f}" for law, name, _, _ in _LAWS)
    caption = minus(
        f"Sizes of the differences of two frames, mirrored about 0. Chosen: {chosen}. "
        f"Log-likelihood below the best: {worse}."
    )
    title = "Read noise against each law (QQ)"
    return Figure(Chart(title, Axis("quantile of the law (DN)"), Axis("quantile of the frames (DN)"), marks), caption)


def _spectra(lines: LineNoise) -> list[Figure]:
    figures = []
    for what, means, other in (
        ("Row", lines.row_means, lines.column_means.shape[-1]),
        ("Column", lines.column_means, lines.row_means.shape[-1]),
    ):
        white = lines.pixel.value**2 / other
        figures.append(_spectrum(f"{what} means: spectrum", what.lower(), means, white))
    return figures


def _spectrum(title: str, what: str, means: Array, white: float) -> Figure:
    """Power of lines' means over what the pixels' own noise gives them."""
    means = np.atleast_2d(means)
    means = means[:, : (means.shape[1] - 1) // 2 * 2 + 1]  # odd: at 1/2 the difference of two colors' rows is taken out
    frames, count = means.shape
    power = (np.abs(np.fft.rfft(means - means.mean(1, keepdims=True), axis=1)) ** 2).mean(0)[1:] / count
    frequency = np.fft.rfftfreq(count)[1:]
    every = max(1, len(power) // 160)
    whole = len(power) // every * every
    x, y = (values[:whole].reshape(-1, every).mean(1) for values in (frequency, power / white))
    freedom = 2 * frames * every
    low, high = (float(stats.chi2.ppf(p, freedom) / freedom) for p in (0.025, 0.975))
    marks: list[Mark] = [
        Band([float(x[0]), float(x[-1])], [low, low], [high, high], "white noise, 95 %", "muted"),
        Rule(y=1.0),
        Line(x.tolist(), y.tolist(), "measured", "blue"),
    ]
    y_axis = Axis("power over that of white noise", log=float(y.max()) > 20 and float(y.min()) > 0)
    caption = f"1 is what single pixels' noise leaves in the mean of a {what}; peaks are periodic banding."
    return Figure(Chart(title, Axis(f"cycles per {what}"), y_axis, marks), caption)


def _dark_current(dark: DarkCurrent) -> Figure:
    seconds, means = dark.seconds, dark.means - dark.means.min()
    marks: list[Mark] = [Points(seconds.tolist(), means.tolist(), "darks", "blue")]
    if len(seconds) > 1:
        slope, start = np.polyfit(seconds, means, 1)
        edges = [float(seconds.min()), float(seconds.max())]
        marks.insert(0, Line(edges, [slope * edge + start for edge in edges], "line", "ink"))
    return Figure(Chart("Dark signal", Axis("exposure time (s)"), Axis("mean above the shortest (DN)"), marks))


# --- across ISOs


def _across(camera: MeasuredCamera) -> Section:
    gains = [point.K.value for point in camera.points]
    marks: list[Mark] = []
    kinds: Sequence[tuple[str, Color, Shape]] = (("read noise", "blue", "circle"), ("row noise", "orange", "square"))
    for name, color, shape in kinds:
        found = [point.read.sigma if name == "read noise" else point.sigma_row for point in camera.points]
        kept = [(K, one) for K, one in zip(gains, found, strict=True) if one is not None]
        x = [K for K, _ in kept]
        y, low, high = ([getattr(one, edge) for _, one in kept] for edge in ("value", "low", "high"))
        marks.append(Points(x, y, name, color, shape, low, high))
        for branch in camera.branches:
            law = branch.sigma_read if name == "read noise" else branch.sigma_row
            if law is not None:
                marks.append(_branch_line(camera, branch, law, color))
    labels = [
        Note(K, point.read.sigma.value, f"ISO {point.iso:g}", "muted")
        for K, point in zip(gains, camera.points, strict=True)
        if point.iso is not None
    ]
    chart = Chart(
        "Noise against gain, one line per conversion gain",
        Axis("gain K (DN/e-)", log=True),
        Axis("deviation (DN)", log=True),
        [*marks, *labels],
    )
    rows = []
    for branch in camera.branches:
        for name, law in (("read noise", branch.sigma_read), ("row noise", branch.sigma_row)):
            if law is not None:
                where = f"ISO {branch.iso[0]:g} to {branch.iso[1]:g}"
                numbers = ("{} ({})".format(*written(one)) for one in (law.slope, law.bias))
                rows.append((where, name, *numbers, f"{law.scatter:.3g}"))
    table = Table(("branch", "", "slope", "bias", "scatter"), rows)
    sentence = "ln sigma = slope · ln K + bias within a branch; scatter is the deviation of the points from it."
    return Section("Across ISOs", [sentence], tables=[table] if rows else [], figures=[Figure(chart)])


def _branch_line(camera: MeasuredCamera, branch: Branch, law: Law, color: Color) -> Line:
    inside = [p.K.value for p in camera.points if p.iso is not None and branch.iso[0] <= p.iso <= branch.iso[1]]
    edges = [min(inside), max(inside)]
    return Line(edges, [float(np.exp(law.slope.value * np.log(K) + law.bias.value)) for K in edges], "", color)


# --- from one frame


def _patch_figures(found: Single) -> list[Figure]:
    patches = found.patches
    if patches is None or not patches.used.any():
        return []
    line: list[Mark] = []
    rest: list[Mark] = [Rule(y=0.0), Rule(y=2.0), Rule(y=-2.0)]
    shown = patches.mean > 0
    if patches.K is not None and patches.offset is not None:
        x = np.geomspace(
            max(float(patches.mean[patches.used & shown].min()), 0.1), float(patches.mean[patches.used].max()), 100
        )
        line.append(Line(x.tolist(), (patches.K.value * x + patches.offset.value).tolist(), "fit", "ink"))
    marks: list[Mark] = []
    sites = np.array(patches.site)
    every = max(1, int(patches.used.sum()) // _MOST_POINTS)
    for site in dict.fromkeys(patches.site):
        color, shape = _SITE.get(site, ("violet", "circle"))
        at = np.flatnonzero((sites == site) & patches.used & shown)[::every]
        marks.append(Points(patches.mean[at].tolist(), patches.variance[at].tolist(), site, color, shape, size=1.9))
        if patches.K is not None and patches.offset is not None:
            model = patches.K.value * patches.mean[at] + patches.offset.value
            misfit = (patches.variance[at] - model) / (patches.error[at] * model / patches.variance[at])
            rest.append(Points(patches.mean[at].tolist(), misfit.tolist(), site, color, shape, size=1.9))
    x_axis = Axis("mean, black subtracted (DN)", log=True)
    shown_part = "" if every == 1 else f" One of {every} is drawn."
    caption = f"{int(patches.used.sum())} of {patches.used.size} patches are part of the fit.{shown_part}"
    y_axis = Axis("spatial variance (DN²)", log=True)
    figures = [Figure(Chart("Variance of flat patches against their mean", x_axis, y_axis, [*marks, *line]), caption)]
    if line:
        figures.append(Figure(Chart("Residuals of the fit", x_axis, Axis("residual (standard errors)"), rest)))
    return figures


def _dark_figures(found: Single) -> list[Figure]:
    dark = found.dark
    if dark is None:
        return []
    x = np.arange(dark.columns.size)
    columns = Chart(
        "Optical black: column means",
        Axis("column of the margin"),
        Axis("mean above black (DN)"),
        [Rule(y=0.0), Line(x.tolist(), dark.columns.tolist(), "", "blue", width=1.2)],
    )
    white = dark.sigma.value**2 / dark.columns.size
    spectrum = _spectrum("Optical black: spectrum of the row means", "row", dark.rows, white)
    values = np.sort(dark.residual[np.isfinite(dark.residual)])
    p = stats.norm.cdf(np.linspace(-1, 1, 161) * stats.norm.isf(1 / values.size))
    said, seen = stats.norm.ppf(p) * dark.sigma.value, np.quantile(values, p)
    reach = float(np.abs(said).max())
    normal = Chart(
        "Optical black against a normal law (QQ)",
        Axis("quantile of the law (DN)"),
        Axis("quantile of the pixels (DN)"),
        [
            Line([-reach, reach], [-reach, reach], "equal", "ink", dashed=True),
            Points(said.tolist(), seen.tolist(), "pixels", "blue", size=2.2),
        ],
    )
    fixed = "Fixed pattern and temporal column noise look the same in one frame."
    tails = "Offsets of single pixels are inside: the law of the read noise itself is not identifiable."
    return [Figure(columns, fixed), spectrum, Figure(normal, tails)]


def _blind_figures(found: Single) -> list[Figure]:
    blind = found.blind
    if blind is None:
        return []
    x = np.linspace(float(blind.mean.min()), float(blind.mean.max()), 100)
    line = np.sqrt(np.maximum(blind.lambda_shot.value * x + blind.lambda_read.value, 0))
    marks: list[Mark] = [
        Points(blind.mean.tolist(), blind.deviation.tolist(), "levels", "blue", size=2.4),
        Line(x.tolist(), line.tolist(), "fit", "ink"),
    ]
    title = "Blind estimate: deviation of smooth places"
    return [Figure(Chart(title, Axis("level, white = 1"), Axis("deviation, white = 1"), marks))]
