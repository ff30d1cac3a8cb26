"""Flat fields through a camera: every kind of noise apart from the others, against what the stages state.

Images have bodies of their own, so that the estimates of different images are independent. Standard errors are those
of the stated moments; a variance's bounds are chi-square's, for as many degrees of freedom as its own scatter says.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import hypot, inf, sqrt

import numpy as np
import torch
from scipy import stats

from ..flat import Flat
from ..mosaic import Mosaic
from ..pipeline import Pipeline
from ..readout import ColorBias
from ..units import Unit
from . import estimates
from .bounds import ALPHA
from .estimates import Array, Estimate, Field
from .report import Finding, Report

SITES = ("R", "G1", "G2", "B")
LEVELS = {
    Unit.ENCODED: (0.1, 0.25, 0.5, 0.75),
    Unit.LINEAR: (0.0, 0.05, 0.2, 0.6),
    Unit.ELECTRON: (0.0, 20.0, 200.0, 2000.0),
    Unit.DN: (0.0, 50.0, 500.0, 1500.0),
    Unit.RAW_DN: (1000.0, 1500.0, 2000.0, 3000.0),
}


def expected(pipeline: Pipeline, level: float, drawn: dict[str, float], site: str | None) -> Flat:
    """What the stages make of a flat field. Raises ValueError where one of them cannot say."""
    flat = Flat(mean=level, unit=pipeline.takes, site=site)
    for stage in pipeline.stages:
        flat = replace(stage.expect(flat, drawn), unit=stage.gives or flat.unit)
    return flat


def _pattern(pipeline: Pipeline) -> str | None:
    return next((stage.pattern for stage in pipeline.stages if isinstance(stage, Mosaic)), pipeline.cfa)


def channels_of(pipeline: Pipeline) -> int:
    """How many channels its test images have: three before a mosaic, or for a color bias of planes; else one."""
    through_mosaic = any(isinstance(stage, Mosaic) for stage in pipeline.stages)
    of_planes = any(isinstance(stage, ColorBias) for stage in pipeline.stages) and _pattern(pipeline) is None
    return 3 if through_mosaic or of_planes else 1


def fields(pipeline: Pipeline, level: float, images: int, side: int, seed: int, device: str) -> "list[Field]":
    """The planes of two views of flat images."""
    pattern = _pattern(pipeline)
    x = torch.full((images, channels_of(pipeline), side, side), level, device=device)
    ids = list(range(images))
    planes: list[tuple[tuple[str | None, ...], Array]] = [((None,), np.zeros((2, 2)))]
    if pattern is not None:
        planes = [site_names(pattern)]
    elif x.shape[1] == 3:
        planes = [((site,), np.zeros((2, 2))) for site in ("R", "G", "B")]
    drawn = pipeline.parameters(x, ids, scheme="n2n", seed=seed)[0]
    tables = [drawn.sample(image) for image in range(images)]
    stated = [
        [tuple(expected(pipeline, level, table, site) for site in sites) for table in tables] for sites, _ in planes
    ]
    views = pipeline.views(x, ids, scheme="n2n", seed=seed, body="per-sample").views.double().cpu().numpy()
    return [
        Field(views[0, :, number], views[1, :, number], tuple(flats), tile)
        for number, (flats, (_, tile)) in enumerate(zip(stated, planes, strict=True))
    ]


def site_names(pattern: str) -> tuple[tuple[str, ...], Array]:
    """The sites of a tile, and which of them each of its pixels is."""
    red_row = pattern.index("R") // 2
    names = [color if color != "G" else ("G1" if at // 2 == red_row else "G2") for at, color in enumerate(pattern)]
    return SITES, np.array([SITES.index(name) for name in names], np.float64).reshape(2, 2)


# --- one camera


def measure_flat_fields(
    pipeline: Pipeline,
    *,
    levels: Sequence[float] | None = None,
    images: int = 8,
    side: int = 256,
    seed: int = 0,
    device: str = "cpu",
    alpha: float = ALPHA,
) -> Report:
    """Mean, photon transfer, every kind of noise and its correlations, at several levels of light.

    Args:
        pipeline: whose stages all state their moments.
        levels: of light, in the unit that it takes; levels where something clips are left out.
        images, side: how many flat images of how many rows and columns; `side` is even.
        seed, device: of the noise.
        alpha: chance that a right camera fails one finding.

    Raises:
        ValueError: a stage states nothing, or all levels clip.
    """
    findings: list[Finding] = []
    left_out: list[str] = []
    reasons: list[str] = []
    transfer: list[tuple[float, Estimate]] = []
    for level in LEVELS[pipeline.takes] if levels is None else levels:
        try:
            planes = fields(pipeline, level, images, side, seed, device)
        except ValueError as error:
            left_out.append(f"level {level:g}: {error}")
            reasons.append(str(error))
            continue
        for number, field in enumerate(planes):
            where = f"at {level:g}" + (f", plane {number + 1}" if len(planes) > 1 else "")
            findings += _findings(field, where, alpha)
            if number == 0:
                transfer += [(field.average(b).mean, estimates.pixel(field, b)) for b in range(images)]
        findings += _across(planes, f"at {level:g}", alpha)
    if not findings:
        raise ValueError(f"{pipeline.name} cannot be measured: {'; '.join(dict.fromkeys(reasons))}")
    findings += _slope(transfer, alpha)
    return Report(tuple(findings), (), tuple(left_out))


def _findings(field: Field, where: str, alpha: float) -> list[Finding]:
    images = range(len(field.first))
    signed: list[tuple[str, Callable[[Field, int], Estimate]]] = [
        ("mean", estimates.mean),
        ("correlation of a pixel with its right neighbor", estimates.neighbors(0, 1)),
        ("correlation of a pixel with the one below", estimates.neighbors(1, 0)),
        ("correlation of a pixel with its diagonal neighbor", estimates.neighbors(1, 1)),
        ("correlation of a pixel with the second to the right", estimates.neighbors(0, 2)),
        ("correlation of a pixel with the second below", estimates.neighbors(2, 0)),
        *((f"covariance of rows {lag} apart", partial(estimates.row, lag=lag)) for lag in (1, 2, 3, 8, 16)),
        *((f"covariance of columns {lag} apart", partial(estimates.column, lag=lag)) for lag in (1, 2)),
    ]
    spreads: list[tuple[str, Callable[[Field, int], Estimate]]] = [
        ("variance of pixels", estimates.pixel),
        ("variance of rows", estimates.row),
        ("variance of columns", estimates.column),
        ("covariance of two views", estimates.fixed),
        ("covariance of the columns of two views", estimates.fixed_column),
    ]
    grain = field.grain
    found = [
        _signed(f"{what} {where}", [measure(field, b) for b in images], alpha, grain if what == "mean" else grain**2)
        for what, measure in signed
    ]
    return found + [
        _spread(f"{what} {where}", [measure(field, b) for b in images], alpha, grain**2) for what, measure in spreads
    ]


def _across(planes: Sequence[Field], where: str, alpha: float) -> list[Finding]:
    """Temporal pixel noise of different images, and of different planes, is independent."""
    one, count = planes[0], len(planes[0].first)
    pairs = {"different images": [(one, b, one, b + 1) for b in range(count - 1)]}
    if len(planes) > 1:
        pairs["different planes"] = [(one, b, planes[1], b) for b in range(count)]
    found = []
    for what, couples in pairs.items():
        products = []
        for f, a, g, b in couples:
            product = f.pixels(a) * g.pixels(b)
            deviation = sqrt(f.average(a).pixel.variance * g.average(b).pixel.variance)
            products.append(Estimate(float(product.mean()), 0.0, deviation / sqrt(product.size)))
        found.append(_signed(f"covariance of {what} {where}", products, alpha, one.grain**2))
    return found


def _signed(what: str, estimates: Sequence[Estimate], alpha: float, grain: float) -> Finding:
    """A quantity whose estimates are normal: their mean, against that of what was stated. float32 gives `grain`."""
    measured, stated = (float(np.mean([e[at] for e in estimates])) for at in (0, 1))
    reach = float(stats.norm.isf(alpha / 2)) * sqrt(sum(e.error**2 for e in estimates)) / len(estimates)
    reach += grain + 1e-6 * abs(stated)
    return Finding(what, measured, stated, stated - reach, stated + reach)


def _spread(what: str, estimates: Sequence[Estimate], alpha: float, grain: float) -> Finding:
    """A variance: its own scatter is chi-square's, of as many degrees of freedom as it says; the rest is normal."""
    normal = _signed(what, estimates, alpha, grain)
    own = sqrt(sum(e.own**2 for e in estimates)) / len(estimates)
    if normal.stated <= 0 or own == 0 or own == inf:
        return normal
    freedom = 2 * (normal.stated / own) ** 2
    rest = float(stats.norm.isf(alpha / 2)) * sqrt(sum(e.error**2 - e.own**2 for e in estimates)) / len(estimates)
    low, high = (float(stats.chi2.ppf(p, freedom)) / freedom - 1 for p in (alpha / 2, 1 - alpha / 2))
    return normal._replace(
        low=normal.stated - hypot(low * normal.stated, rest), high=normal.stated + hypot(high * normal.stated, rest)
    )


def _slope(transfer: "Sequence[tuple[float, Estimate]]", alpha: float) -> list[Finding]:
    """Photon transfer: the variance against the mean, by weighted least squares."""
    means = np.array([mean for mean, _ in transfer])
    if len(means) < 2 or np.ptp(means) == 0 or not all(0 < e.error < inf for _, e in transfer):
        return []
    weights = np.array([1 / e.error for _, e in transfer])
    a = np.stack([means, np.ones_like(means)], 1) * weights[:, None]
    covariance = np.linalg.inv(a.T @ a)
    fits = [covariance @ (a.T @ (np.array([e[at] for _, e in transfer]) * weights)) for at in (0, 1)]
    reach = float(stats.norm.isf(alpha / 2))
    return [
        Finding(what, float(fits[0][at]), float(stated := fits[1][at]), float(stated - r), float(stated + r))
        for at, what in enumerate(("photon transfer: slope", "photon transfer: intercept"))
        for r in [reach * sqrt(covariance[at, at])]
    ]
