"""Cameras that were measured setting by setting, and the stages they make at an ISO."""

from functools import partial
from math import exp, log
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from ..banding import Banding
from ..laws import Fixed, InterpolatedInGain, Law, LogLinear, NearestInGain
from ..moments import tukey_lambda_deviation
from ..pipeline import Pipeline
from ..readout import Bias, ColorBias, Gain, Shape, TukeyLambdaRead
from ..stage import Stage
from ..units import Deviation, GainValue
from ..value import Value
from .provenance import Component, check_ascending, check_lengths, check_numbers, ends, one_or_range
from .provenance import Iso as Iso
from .provenance import Provenance as Provenance
from .provenance import iso_text as iso_text
from .tables import Table

POWERS = 0.8, 1.25  # of ISO, that a gain may follow: an amplifier's is 1


class Sensor(Provenance):
    """A camera with a gain and a converter, calibrated over a range of ISO."""

    bits: Annotated[int, Field(ge=4, le=24)]
    iso_range: tuple[float, float]
    missing: tuple[Component, ...]

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        """The stages from the pixel's response to banding.

        Args:
            iso: one setting, or (low, high).
            extrapolate: whether it may lie where nothing was calibrated.

        Raises:
            ValueError: an ISO for which the camera has no stages.
        """
        raise NotImplementedError

    def check_plausible(self, *isos: float) -> None:
        """Raises ValueError where the numbers at one of these settings are of no camera."""
        for iso in isos:
            drawn = Pipeline(self.sensor(iso, extrapolate=True)).draw([0]).sample(0)
            check_numbers(self.name, self.bits, drawn, iso)


class Biases(Value):
    """A color bias per entry of a table, DN."""

    R: tuple[Bias, ...]
    G1: tuple[Bias, ...]
    G2: tuple[Bias, ...]
    B: tuple[Bias, ...]

    def stage(self, gains: tuple[float, ...]) -> ColorBias:
        """The stage that takes the entry nearest in gain."""
        r, g1, g2, b = (_nearest(gains, values) for values in (self.R, self.G1, self.G2, self.B))
        return ColorBias(R=r, G1=g1, G2=g2, B=b)

    def check(self, name: str, count: int) -> None:
        """Raises ValueError unless every color has `count` entries."""
        check_lengths(name, count, bias_R=self.R, bias_G1=self.G1, bias_G2=self.G2, bias_B=self.B)


class Branch(Value):
    """The settings of one conversion gain: Tukey lambda scales, shapes, row noise, one entry per ISO.

    Attributes:
        iso: ascending.
        tukey_scale: raw scale, DN.
        lam: Tukey lambda shape.
        sigma_row: DN.
        bias: DN, where it was measured.
    """

    iso: Annotated[tuple[float, ...], Field(min_length=1)]
    tukey_scale: tuple[Annotated[Deviation, Field(gt=0)], ...]
    lam: tuple[Shape, ...]
    sigma_row: tuple[Annotated[Deviation, Field(gt=0)], ...]
    bias: Biases | None = None

    def sigma(self) -> list[float]:
        """Deviations of the read noise, DN."""
        lam = np.array(self.lam)
        sigma: list[float] = (np.array(self.tukey_scale) * tukey_lambda_deviation(lam.astype(np.float32))).tolist()
        return sigma


class PerIsoTable(Sensor):
    """A camera measured at every ISO setting, in branches of its conversion gain.

    Beyond a branch log sigma goes on along the line of its last two entries and the shape stays what it
    was; between two branches the nearer one (in log ISO) goes on.
    """

    kind: Literal["per_iso_table"]
    units: Literal["K in DN per electron; scales, deviations and biases in DN; black-subtracted"]
    gain_per_iso: Annotated[float, Field(gt=0, description="DN per electron, at ISO 1")]
    branches: Annotated[tuple[Branch, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_ascending(self.name, "iso", self.isos())
        for branch in self.branches:
            tables = {"tukey_scale": branch.tukey_scale, "lam": branch.lam, "sigma_row": branch.sigma_row}
            check_lengths(self.name, len(branch.iso), **tables)
            if branch.bias is not None:
                branch.bias.check(self.name, len(branch.iso))
        if (self.isos()[0], self.isos()[-1]) != self.iso_range:
            raise ValueError(f"iso_range of {self.name} is {iso_text(self.iso_range)}, wanted that of its branches")
        for branch in self.branches:
            for iso, sigma in zip(branch.iso, branch.sigma(), strict=True):
                check_numbers(self.name, self.bits, {"K": self.gain_per_iso * iso, "sigma_read": sigma}, iso)
        return self

    def isos(self) -> list[float]:
        """The settings that were measured."""
        return [iso for branch in self.branches for iso in branch.iso]

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        branch = self._branch(iso, extrapolate=extrapolate)
        sigma, rows = Table(branch.iso, branch.sigma()), Table(branch.iso, branch.sigma_row)
        stages: list[Stage] = [
            Gain(K=_gain(iso, self.gain_per_iso)),
            TukeyLambdaRead(
                sigma=self._between(iso, sigma), lam=self._between(iso, Table(branch.iso, branch.lam, log_values=False))
            ),
            Banding(sigma_row=self._between(iso, rows)),
        ]
        if branch.bias is not None:
            stages.insert(2, branch.bias.stage(tuple(self.gain_per_iso * setting for setting in branch.iso)))
        return stages

    def _branch(self, iso: Iso, *, extrapolate: bool) -> Branch:
        low, high = ends(iso)
        within = [b for b in self.branches if b.iso[0] <= low and high <= b.iso[-1]]
        if extrapolate and not within:
            near, far = (min(self.branches, key=partial(_distance, iso=at)) for at in (low, high))
            within = [near] if near is far else []
        if not within:
            has = ", ".join(f"{b.iso[0]:g} to {b.iso[-1]:g}" for b in self.branches)
            raise ValueError(
                f"ISO is {iso_text(iso)}, wanted within one gain branch of {self.name}: {has} (none lies between)"
            )
        return within[0]

    def _between(self, iso: Iso, table: Table) -> Law:
        """The part of a branch's table that `iso` needs: one value where it was measured, else its neighbors'."""
        low, high = ends(iso)
        if low == high and low in table.isos:
            return Fixed(value=table.values[table.isos.index(low)])
        part = table.reaching(low, high).between(low, high)
        return InterpolatedInGain(
            K=tuple(self.gain_per_iso * setting for setting in part.isos),
            values=tuple(part.values),
            log_values=table.log_values,
        )


class Line(Value):
    """Natural logarithm of a scale or deviation [DN] against that of K [DN per electron], and the scatter about it."""

    slope: float
    bias: float
    scatter: Annotated[float, Field(ge=0, le=1)]

    def at(self, *, scattered: bool) -> LogLinear:
        """The law, with its scatter or without."""
        return LogLinear(slope=self.slope, bias=self.bias, scatter=self.scatter if scattered else 0.0)


class LogLinearCamera(Sensor):
    """A camera whose noise was fitted with one line per kind, log scale against log K.

    K is a power of ISO from K_min to K_max, whose exponent is 1 within a tenth. The lines go on beyond the range,
    where shapes and biases stay those of the last entry.

    Attributes:
        K_min, K_max: at the ends of `iso_range`, DN per electron; no logarithms.
        tukey_scale, sigma_read: the line of the read noise, as a raw Tukey lambda scale or as a deviation.
        sigma_row: the line of the row noise, a deviation.
        table_K, lam, bias: shapes and color biases [DN] at gains, those of one entry together.
    """

    kind: Literal["log_linear"]
    units: Literal["K in DN per electron; scales, deviations and biases in DN; natural logarithms; black-subtracted"]
    K_min: GainValue
    K_max: GainValue
    tukey_scale: Line | None = None
    sigma_read: Line | None = None
    sigma_row: Line
    table_K: Annotated[tuple[GainValue, ...], Field(min_length=1)]
    lam: tuple[Shape, ...]
    bias: Biases | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.K_max <= self.K_min:
            raise ValueError(f"K_max of {self.name} is {self.K_max:g}, wanted above K_min, {self.K_min:g}")
        if not POWERS[0] <= self._power() <= POWERS[1]:
            raise ValueError(
                f"K of {self.name} goes from {self.K_min:g} to {self.K_max:g} at ISO {iso_text(self.iso_range)}, "
                "wanted nearly proportional to ISO: DN per electron, and no logarithm"
            )
        if (self.tukey_scale is None) == (self.sigma_read is None):
            raise ValueError(f"{self.name} wants one of tukey_scale and sigma_read")
        check_lengths(self.name, len(self.table_K), lam=self.lam)
        if self.bias is not None:
            self.bias.check(self.name, len(self.table_K))
        self.check_plausible(*self.iso_range)
        return self

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        scattered = isinstance(iso, tuple)
        lam = _nearest(self.table_K, self.lam)
        read: Stage
        if self.tukey_scale is not None:
            read = TukeyLambdaRead(scale=self.tukey_scale.at(scattered=scattered), lam=lam)
        else:
            assert self.sigma_read is not None
            read = TukeyLambdaRead(sigma=self.sigma_read.at(scattered=scattered), lam=lam)
        bias = [] if self.bias is None else [self.bias.stage(self.table_K)]
        return [self._gain(iso), read, *bias, Banding(sigma_row=self.sigma_row.at(scattered=scattered))]

    def _power(self) -> float:
        low, high = self.iso_range
        return log(self.K_max / self.K_min) / log(high / low) if high > low else 1.0

    def _gain(self, iso: Iso) -> Gain:
        power = self._power()
        if abs(power - 1) < 1e-9:
            return Gain(K=_gain(iso, self.K_min / self.iso_range[0]))
        low, high = (self.K_min * exp(power * log(at / self.iso_range[0])) for at in ends(iso))
        return Gain(K=one_or_range(low, high, varies=isinstance(iso, tuple)))


def _distance(branch: Branch, iso: float) -> float:
    """How far a setting lies from a branch, in log ISO."""
    return max(log(branch.iso[0] / iso), log(iso / branch.iso[-1]), 0.0)


def _nearest(gains: tuple[float, ...], values: tuple[float, ...]) -> Law:
    return NearestInGain(K=gains, values=values) if len(gains) > 1 else Fixed(value=values[0])


def _gain(iso: Iso, per_iso: float) -> Law:
    low, high = ends(iso)
    return one_or_range(per_iso * low, per_iso * high, varies=isinstance(iso, tuple))
