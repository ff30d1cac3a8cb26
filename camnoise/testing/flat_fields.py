"""Flat fields through a camera: every kind of noise apart from the others, against what the stages state.

Images have bodies of their own, so that the estimates of different images are independent. Standard errors are those
of the stated moments; a variance's bounds are chi-square's, for as many degrees of freedom as its own scatter says.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from math import sqrt
from typing import NamedTuple

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from ..converter import Quantize
from ..flat import NONE, Flat
from ..keys import sample_id
from ..mosaic import Mosaic
from ..pattern import NO_SITE, period_of, sites_of
from ..pipeline import Pipeline
from ..plain import EightBits
from ..readout import ColorBias
from ..stage import Noise
from ..units import Unit
from . import estimates
from .bounds import ALPHA
from .estimates import Array, Estimate, Field
from .report import Finding, Report
from .verdicts import signed, slope, spread

SITES = ("R", "G1", "G2", "B")
LAGS = (1, 2, 3, 4, 5, 8, 16, 32)  # of lines
HEAVIEST = 6.0  # excess kurtosis (a Student t of 5 degrees of freedom): above, a variance is not measured
Measure = Callable[[Field, int], Estimate]
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


def channels_of(pipeline: Pipeline) -> int:
    """How many channels its test images have: three before a mosaic or for a color bias of planes, one for mosaics."""
    through_mosaic = any(isinstance(stage, Mosaic) for stage in pipeline.stages)
    of_planes = any(isinstance(stage, ColorBias) for stage in pipeline.stages) and pattern_of(pipeline) is None
    if through_mosaic or of_planes:
        return 3
    return 1 if pipeline.cfa is not None else 2


def pattern_of(pipeline: Pipeline) -> str | None:
    """The filter tile of its mosaics."""
    return next((stage.pattern for stage in pipeline.stages if isinstance(stage, Mosaic)), pipeline.cfa)


class Lab(NamedTuple):
    """How flat fields are taken.

    Attributes:
        images, side: how many, of how many rows and columns.
        channels: of each.
        seed, alpha: of the noise, and the chance that a right camera fails one finding.
    """

    images: int
    side: int
    channels: int
    seed: int
    alpha: float

    @property
    def ids(self) -> list[str]:
        """Of the images: names, so that both halves of their ids count."""
        return [f"flat {number}" for number in range(self.images)]

    @property
    def bodies(self) -> list[str]:
        """A camera for each image, so that estimates of different images are independent."""
        return [f"body {number}" for number in range(self.images)]

    def flat(self, level: float) -> Tensor:
        """(image, channel, row, col)."""
        return torch.full((self.images, self.channels, self.side, self.side), float(level), dtype=torch.float32)


def fields(pipeline: Pipeline, level: float, lab: Lab) -> "list[Field]":
    """The planes of two views of flat images. Raises ValueError where a stage cannot say what they are."""
    pattern, x = pattern_of(pipeline), lab.flat(level)
    planes: list[tuple[tuple[str | None, ...], Array]] = [((None,), np.zeros((2, 2)))] * lab.channels
    if pattern is not None:
        planes = [site_names(pattern)]
    elif lab.channels == 3:
        planes = [((site,), np.zeros((2, 2))) for site in ("R", "G", "B")]
    drawn = pipeline.parameters(x, lab.ids, scheme="n2n", seed=lab.seed)[0]
    tables = [drawn.sample(image) for image in range(lab.images)]
    stated = [
        [tuple(expected(pipeline, level, table, site) for site in sites) for table in tables] for sites, _ in planes
    ]
    views = pipeline.views(x, lab.ids, scheme="n2n", seed=lab.seed, body=lab.bodies).views.double().numpy()
    return [
        Field(views[0, :, number], views[1, :, number], tuple(flats), tile)
        for number, (flats, (_, tile)) in enumerate(zip(stated, planes, strict=True))
    ]


def site_names(pattern: str) -> tuple[tuple[str, ...], Array]:
    """The sites of a 2x2 tile, and which of them each of its pixels is."""
    sites = sites_of(pattern)
    if period_of(pattern) != (2, 2) or NO_SITE in sites:
        raise ValueError(f"filters are {pattern}, wanted a 2x2 tile of red, green and blue to measure flat fields")
    return SITES, np.array(sites, np.float64).reshape(2, 2)


# --- one camera


def measure_flat_fields(
    pipeline: Pipeline,
    *,
    levels: Sequence[float] | None = None,
    images: int = 8,
    side: int = 256,
    channels: int | None = None,
    seed: int = 0,
    alpha: float = ALPHA,
) -> Report:
    """Mean, photon transfer, every kind of noise and its correlations, at several levels of light.

    Args:
        pipeline: whose stages all state their moments.
        levels: of light, in the unit that it takes; levels where something clips are left out.
        images, side: how many flat images of how many rows and columns; `side` is even.
        channels: of the images; None is two planes, or what the pipeline's filters want.
        seed: of the noise.
        alpha: chance that a right camera fails one finding.

    Raises:
        ValueError: a stage states nothing, or all levels clip.
    """
    lab = Lab(images, side, channels_of(pipeline) if channels is None else channels, seed, alpha)
    findings: list[Finding] = []
    left_out: dict[str, str] = {}
    transfer: list[tuple[float, Estimate]] = []
    usable: float | None = None
    for level in LEVELS[pipeline.takes] if levels is None else levels:
        try:
            planes = fields(pipeline, level, lab)
        except ValueError as error:
            left_out[f"level {level:g}"] = str(error)
            continue
        usable = level if usable is None else usable  # the darkest shows read noise best
        for number, field in enumerate(planes):
            where = f"at {level:g}" + (f", plane {number + 1}" if len(planes) > 1 else "")
            findings += _findings(field, where, alpha)
            if _is_heavy(field):
                left_out[f"variances of pixels {where}"] = "tails too heavy for a bound; see their distribution"
        transfer += [(planes[0].average(b).mean, estimates.pixel(planes[0], b)) for b in range(images)]
        findings += _across(planes, f"at {level:g}", alpha)
        findings += _clean(pipeline, level, lab, planes)
    if usable is None:
        reasons = "; ".join(dict.fromkeys(left_out.values()))
        raise ValueError(f"{pipeline.name} cannot be measured: {reasons}")
    findings += _addresses(pipeline, usable, lab) + slope(transfer, alpha)
    return Report(tuple(findings), (), tuple(f"{what}: {why}" for what, why in left_out.items()))


def _is_heavy(field: Field) -> bool:
    """Whether the sample variance of its pixels is no normal number, however many there are."""
    pixel = field.average(0).pixel
    return pixel.variance > 0 and pixel.cumulant / pixel.variance**2 > HEAVIEST


def _findings(field: Field, where: str, alpha: float) -> list[Finding]:
    images, grain = range(len(field.first)), field.grain
    means: list[tuple[str, Measure]] = [("mean", estimates.mean)]
    if len(field.flats[0]) > 1:
        means = [(f"mean of {name}", partial(estimates.mean, site=site)) for site, name in enumerate(SITES)]
    products: list[tuple[str, Measure]] = [
        ("product of a pixel and its right neighbor", estimates.neighbors(0, 1)),
        ("product of a pixel and the one below", estimates.neighbors(1, 0)),
        ("product of a pixel and its diagonal neighbor", estimates.neighbors(1, 1)),
        ("product of a pixel and the second to the right", estimates.neighbors(0, 2)),
        ("product of a pixel and the second below", estimates.neighbors(2, 0)),
        *((f"covariance of rows {lag} apart", partial(estimates.row, lag=lag)) for lag in LAGS),
        *((f"covariance of columns {lag} apart", partial(estimates.column, lag=lag)) for lag in LAGS),
        ("product of a row and the column of its number", estimates.crossing),
    ]
    spreads: list[tuple[str, Measure]] = [
        ("variance of rows", estimates.row),
        ("variance of columns", estimates.column),
        ("covariance of two views", estimates.fixed),
        ("covariance of the columns of two views", estimates.fixed_column),
    ]
    if not _is_heavy(field):
        spreads.insert(0, ("variance of pixels", estimates.pixel))
    found = [signed(f"{what} {where}", [one(field, b) for b in images], alpha, grain) for what, one in means]
    found += [signed(f"{what} {where}", [one(field, b) for b in images], alpha, grain**2) for what, one in products]
    found += [spread(f"{what} {where}", [one(field, b) for b in images], alpha, grain**2) for what, one in spreads]
    if field.average(0).pixel.variance > field.grain**2:
        largest, number = estimates.largest_correlation(field)
        limit = float(stats.norm.isf(alpha / 2 / max(number, 1)))
        what = f"largest of {number} correlations of a pixel with others, in standard errors, {where}"
        found.append(Finding(what, largest, 0.0, 0.0, limit))
    return found


def _across(planes: Sequence[Field], where: str, alpha: float) -> list[Finding]:
    """Temporal pixel noise of different images and planes is independent; planes share their rows and columns."""
    one, count = planes[0], len(planes[0].first)
    pairs = {"different images": [(one, b, one, b + 1) for b in range(count - 1)]}
    found = []
    if len(planes) > 1:
        pairs["different planes"] = [(one, b, planes[1], b) for b in range(count)]
        mixed = replace(one, first=_halves(one.first, planes[1].first), second=_halves(one.second, planes[1].second))
        rows = [estimates.row(mixed, b) for b in range(count)]
        found.append(spread(f"covariance of the rows of two planes {where}", rows, alpha, one.grain**2))
    for what, couples in pairs.items():
        products = []
        for f, a, g, b in couples:
            product = f.pixels(a) * g.pixels(b)
            deviation = sqrt(f.average(a).pixel.variance * g.average(b).pixel.variance)
            products.append(Estimate(float(product.mean()), 0.0, deviation / sqrt(product.size)))
        found.append(signed(f"covariance of {what} {where}", products, alpha, one.grain**2))
    return found


def _halves(one: Array, other: Array) -> Array:
    """Even columns of one plane and odd ones of the other."""
    mixed = one.copy()
    mixed[:, :, 1::2] = other[:, :, 1::2]
    return mixed


def _clean(pipeline: Pipeline, level: float, lab: Lab, planes: Sequence[Field]) -> list[Finding]:
    """The clean view is what the stages that are no noise make of the light, without rounding or pattern."""
    x = lab.flat(level)
    drawn = pipeline.parameters(x, lab.ids, scheme="n2c", seed=lab.seed)[0]
    made = pipeline.clean(x, lab.ids, seed=lab.seed, body=lab.bodies).double().numpy()
    stated = np.array([_quiet(pipeline, level, drawn.sample(image)) for image in range(lab.images)])
    off = np.abs(made - stated[:, None, None, None]).max()
    limit = 4 * max(planes[0].grain, float(np.abs(stated).max()) * 2.0**-20)
    return [Finding(f"distance of the clean view from what is stated at {level:g}", float(off), 0.0, 0.0, limit)]


def _quiet(pipeline: Pipeline, level: float, drawn: dict[str, float]) -> float:
    """The mean that is left when every noise is."""
    flat = Flat(mean=level, unit=pipeline.takes)
    for stage in pipeline.stages:
        if not isinstance(stage, Noise):
            step = drawn.get("step", 0.0) if isinstance(stage, Quantize) else 1 / 255
            least = step**2 if isinstance(stage, Quantize | EightBits) else 0.0  # under which they say nothing
            flat = replace(stage.expect(flat.noisier("pixel", least), drawn), unit=stage.gives or flat.unit)
            flat = replace(flat, pixel=NONE)
    return flat.mean


def _addresses(pipeline: Pipeline, level: float, lab: Lab) -> list[Finding]:
    """Exposures that differ in one part of their address: the body's pattern is the same, and all else is new."""
    frozen = not pipeline.varies  # drawn parameters are new too, and what is stated with them
    halves = np.array([sample_id(name) for name in lab.ids], np.uint64).view(np.int64)
    low, high = (torch.from_numpy(halves ^ np.int64(1 << bit)) for bit in (7, 39))
    x, seed, body = lab.flat(level), lab.seed, lab.bodies
    others = {"view": pipeline(x, lab.ids, view=3, seed=seed, body=body)}
    if frozen:
        others |= {
            "epoch": pipeline(x, lab.ids, epoch=0, seed=seed, body=body),
            "seed": pipeline(x, lab.ids, seed=seed ^ 1, body=body),
            "id": pipeline(x, low, seed=seed, body=body),
            "id in its high half": pipeline(x, high, seed=seed, body=body),
        }
    measures: list[tuple[str, Measure]] = [
        ("covariance", estimates.fixed),
        ("covariance of columns", estimates.fixed_column),
        ("variance of rows", estimates.row),
    ]
    base, found = fields(pipeline, level, lab)[0], []
    for what, images in others.items():
        field = replace(base, second=images[:, 0].double().numpy())
        where = f"of exposures of another {what} at {level:g}"
        for name, measure in measures:
            each = [measure(field, b) for b in range(lab.images)]
            found.append(spread(f"{name} {where}", each, lab.alpha, base.grain**2))
    return found
