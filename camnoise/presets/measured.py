"""A camera that somebody calibrated from frames of their own: what `camnoise calibrate` writes."""

from collections.abc import Sequence
from math import log
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..banding import Banding
from ..charge import PRNU, DarkCurrent, FullWell, HotPixels, Shot
from ..converter import Normalize, Quantize, Step
from ..distributions import LogUniform
from ..estimate import Estimate
from ..laws import Fixed, InterpolatedInGain, Law
from ..light import Expose
from ..moments import tukey_lambda
from ..pipeline import Pipeline
from ..readout import DSNU, ColorBias, Gain, GaussianRead, StudentTRead, TukeyLambdaRead
from ..stage import Stage
from ..value import Value
from .provenance import Iso, Provenance, iso_text

NORMAL_SHAPE = 0.1349  # the Tukey lambda law whose excess kurtosis is 0
SITES = ("R", "G1", "G2", "B")


class ReadNoise(Value):
    """The read noise at one gain.

    Attributes:
        law: of its values.
        sigma: standard deviation, DN; quantization apart.
        shape: lambda, or nu; None for the normal law, which stands too where a shape is not identifiable.
    """

    law: Literal["gaussian", "tukey_lambda", "student_t"]
    sigma: Estimate
    shape: Estimate | None = None

    @model_validator(mode="after")
    def _shaped(self) -> Self:
        if (self.law == "gaussian") != (self.shape is None):
            has = "no shape" if self.shape is None else f"a shape, {self.shape.value:g}"
            raise ValueError(f"ReadNoise: law {self.law} has {has}, wanted one unless it is gaussian")
        return self

    def stage(self) -> Stage:
        """The stage that makes it."""
        if self.law == "gaussian" or self.shape is None:
            return GaussianRead(sigma=self.sigma.value)
        if self.law == "tukey_lambda":
            return TukeyLambdaRead(sigma=self.sigma.value, lam=self.shape.value)
        return StudentTRead(sigma=self.sigma.value, nu=self.shape.value)

    def lam(self) -> float:
        """The shape of the Tukey lambda law that has as heavy tails, by its kurtosis."""
        if self.law == "gaussian" or self.shape is None:
            return NORMAL_SHAPE
        if self.law == "tukey_lambda":
            return self.shape.value
        from scipy.optimize import brentq  # slow to import, and seldom needed

        kurtosis = 6 / max(self.shape.value - 4, 0.1)
        least = -0.24  # where a fourth moment is
        if tukey_lambda(least).kurtosis < kurtosis:
            return least
        return float(brentq(lambda lam: tukey_lambda(lam).kurtosis - kurtosis, least, NORMAL_SHAPE))


class Point(Value):
    """What was measured at one ISO; None is what was not, or could not be, determined.

    Attributes:
        iso: setting; None where it is not known.
        K: gain, DN per electron.
        read: noise of single pixels after the gain.
        sigma_row: of temporal row noise, DN.
        sigma_col: of the fixed column pattern, DN.
        sigma_col_temporal: of temporal column noise, DN.
        bias_R, bias_G1, bias_G2, bias_B: offset of each site from the camera's black, DN.
        sigma_prnu: fraction of the signal.
        sigma_dsnu: DN.
        dark_current: e-/s, at the temperature of the frames. dark_spread: over pixels, as a fraction of it.
        full_well: e-.
        hot_fraction, hot_current: of all pixels, and mean excess in e-/s.
    """

    iso: float | None = None
    K: Estimate
    read: ReadNoise
    sigma_row: Estimate | None = None
    sigma_col: Estimate | None = None
    sigma_col_temporal: Estimate | None = None
    bias_R: Estimate | None = None
    bias_G1: Estimate | None = None
    bias_G2: Estimate | None = None
    bias_B: Estimate | None = None
    sigma_prnu: Estimate | None = None
    sigma_dsnu: Estimate | None = None
    dark_current: Estimate | None = None
    dark_spread: Estimate | None = None
    full_well: Estimate | None = None
    hot_fraction: Estimate | None = None
    hot_current: Estimate | None = None

    def bias(self) -> tuple[float, ...] | None:
        """Of R, G1, G2, B, where all four were measured."""
        found = [getattr(self, f"bias_{site}") for site in SITES]
        return None if any(bias is None for bias in found) else tuple(bias.value for bias in found)


class Line(Value):
    """ln y = slope ln K + bias, with the deviation of the points about it. Natural logarithms, DN."""

    slope: Estimate
    bias: Estimate
    scatter: float = Field(ge=0)


class Branch(Value):
    """A range of ISO at one conversion gain.

    Attributes:
        iso: lowest and highest that was measured.
        sigma_read, sigma_row: lines in K; None where it was not determined at three points or more of the branch.
    """

    iso: tuple[float, float]
    sigma_read: Line | None
    sigma_row: Line | None


class MeasuredCamera(Provenance):
    """A camera of points, each with its intervals, and the branches that connect them.

    Between two points of a branch the numbers are interpolated against log K, across branches nothing is.

    Attributes:
        cfa: None for a monochrome sensor.
        iso_range: None where the one point does not know its ISO.
        points: ascending in ISO.
        branches: ascending; empty where there are too few points for one.
        step: q of the converter, DN.
    """

    kind: Literal["measured"] = "measured"
    bits: Annotated[int, Field(ge=4, le=24)]
    points: tuple[Point, ...] = Field(min_length=1)
    branches: tuple[Branch, ...] = ()
    step: Step = 1.0

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        isos = [point.iso for point in self.points]
        known = [iso for iso in isos if iso is not None]
        if len(isos) > 1 and (len(known) < len(isos) or known != sorted(set(known))):
            raise ValueError(f"{self.name} has points at ISO {isos}, wanted them ascending, each with its own")
        wanted = (known[0], known[-1]) if known else None
        if self.iso_range != wanted:
            raise ValueError(f"{self.name} has the ISO range {self.iso_range}, wanted that of its points, {wanted}")
        return self

    def isos(self) -> list[float]:
        """The settings that were measured; none where the one point does not know its ISO."""
        return [point.iso for point in self.points if point.iso is not None]

    def sensor(self, iso: Iso | None = None) -> list[Stage]:
        """The stages from gain to banding: no PRNU, no DSNU (see `pipeline`).

        Args:
            iso: a setting, or (low, high): K is then log-uniform; None where there is one point.

        Raises:
            ValueError: an ISO that was not measured and lies in no branch.
        """
        if iso is None or self.iso_range is None:
            return self._at(self._single(iso))
        low, high = iso if isinstance(iso, tuple) else (iso, iso)
        if low == high and low in self.isos():
            return self._at(self.points[self.isos().index(low)])
        return self._between(low, high)

    def pipeline(
        self,
        iso: float | None = None,
        *,
        black: float | None = None,
        white: float | None = None,
        ratio: float | Law = 1.0,
        patterns: bool = False,
        seconds: float | None = None,
    ) -> Pipeline:
        """The camera at one measured ISO.

        Args:
            iso: one that was measured; None where there is one point.
            black, white: raw DN, where they differ from the camera's.
            ratio: how many times under-exposed.
            patterns: whether PRNU, DSNU and full well go in, as far as they were measured.
            seconds: exposure time, for dark current and hot pixels, as far as they were measured.

        Raises:
            ValueError: no such ISO, or no white level.
        """
        point = self._single(iso)
        black, white = self.black if black is None else black, self.white if white is None else white
        if black is None or white is None:
            raise ValueError(f"{self.name} has no {'black' if black is None else 'white'} level, wanted it in DN")
        before: list[Stage] = []
        if patterns and seen(point.sigma_prnu):
            before.append(PRNU(sigma=seen(point.sigma_prnu)))
        if seconds is not None and point.dark_current is not None:
            spread = 0.0 if point.dark_spread is None else point.dark_spread.value
            before.append(DarkCurrent(current=max(point.dark_current.value, 0.0), seconds=seconds, spread=spread))
            if point.hot_fraction is not None and point.hot_current is not None:
                before.append(HotPixels(fraction=point.hot_fraction.value, current=point.hot_current.value))
        well = [FullWell(electrons=point.full_well.value)] if patterns and point.full_well is not None else []
        offsets = [DSNU(sigma=seen(point.sigma_dsnu))] if patterns and seen(point.sigma_dsnu) else []
        gain, *rest = self._at(point)
        light = Expose(black=black, white=white, ratio=ratio)
        stages = [light, *before, Shot(), *well, gain, *rest, *offsets, Quantize(bits=self.bits, step=self.step)]
        return Pipeline([*stages, Normalize()], name=self.name, cfa=self.cfa)

    def _single(self, iso: Iso | None) -> Point:
        if iso is None:
            if len(self.points) > 1:
                raise ValueError(f"ISO is None, wanted one of {_list(self.isos())}: {self.name} has several points")
            return self.points[0]
        if iso not in self.isos():
            raise ValueError(
                f"ISO is {iso_text(iso)}, wanted {_list(self.isos()) or 'None'}, where {self.name} was measured"
            )
        return next(point for point in self.points if point.iso == iso)

    def _at(self, point: Point) -> list[Stage]:
        bias = point.bias() if self.cfa is not None else None
        stages: list[Stage] = [Gain(K=point.K.value), point.read.stage()]
        if bias is not None:
            stages.append(ColorBias(**dict(zip(SITES, bias, strict=True))))
        columns, kind = _columns([point])
        if seen(point.sigma_row) or columns[0]:
            stages.append(Banding(sigma_row=seen(point.sigma_row), sigma_col=columns[0], columns=kind))
        return stages

    def _between(self, low: float, high: float) -> list[Stage]:
        branch = next((b for b in self.branches if b.iso[0] <= low and high <= b.iso[1]), None)
        if branch is None:
            has = ", ".join(f"{b.iso[0]:g} to {b.iso[1]:g}" for b in self.branches)
            wanted = f"within one gain branch of {self.name}: {has}" if has else f"{_list(self.isos())} of {self.name}"
            raise ValueError(f"ISO is {iso_text((low, high) if low != high else low)}, wanted {wanted}")
        points = [p for p in self.points if p.iso is not None and branch.iso[0] <= p.iso <= branch.iso[1]]
        isos = [p.iso for p in points if p.iso is not None]
        first = max(i for i, iso in enumerate(isos) if iso <= low)
        last = max(min(i for i, iso in enumerate(isos) if iso >= high), min(first + 1, len(isos) - 1))
        points, isos = points[first : last + 1], isos[first : last + 1]
        gains = tuple(p.K.value for p in points)
        edges = [float(np.exp(np.interp(log(edge), np.log(isos), np.log(gains)))) for edge in (low, high)]
        gain: Law = Fixed(value=edges[0]) if low == high else LogUniform(low=edges[0], high=edges[1])

        def table(values: Sequence[float], *, log_values: bool = False) -> InterpolatedInGain:
            return InterpolatedInGain(K=gains, values=tuple(values), log_values=log_values)

        read = TukeyLambdaRead(
            sigma=table([p.read.sigma.value for p in points], log_values=True),
            lam=table([p.read.lam() for p in points]),
        )
        stages: list[Stage] = [Gain(K=gain), read]
        biases = [p.bias() for p in points] if self.cfa is not None else [None]
        known = [bias for bias in biases if bias is not None]
        if len(known) == len(points):
            columns = zip(SITES, zip(*known, strict=True), strict=True)
            stages.append(ColorBias(**{site: table(values) for site, values in columns}))
        rows, (columns_, kind) = [seen(p.sigma_row) for p in points], _columns(points)
        if any(rows) or any(columns_):
            both = {"sigma_row": rows, "sigma_col": columns_}
            laws = {name: table(line, log_values=min(line) > 0) for name, line in both.items()}
            stages.append(Banding(**laws, columns=kind))
        return stages


def _columns(points: Sequence[Point]) -> tuple[list[float], Literal["fixed", "temporal"]]:
    """The larger of both kinds of column noise: a chain has one."""
    fixed, temporal = [seen(p.sigma_col) for p in points], [seen(p.sigma_col_temporal) for p in points]
    return (temporal, "temporal") if sum(temporal) > sum(fixed) else (fixed, "fixed")


def seen(estimate: Estimate | None) -> float:
    """What was seen: 0 where the interval reaches it."""
    return estimate.value if estimate is not None and estimate.low > 0 else 0.0


def _list(isos: Sequence[float]) -> str:
    return ", ".join(f"{iso:g}" for iso in isos)
