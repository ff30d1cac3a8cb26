"""What is published of a camera, and the stages it makes at an ISO."""

from bisect import bisect_left, bisect_right
from typing import Literal

import numpy as np

from ..banding import Banding
from ..distributions import LogUniform
from ..laws import Fixed, InterpolatedInGain, Law, LogLinear, NearestInGain
from ..moments import tukey_lambda_deviation
from ..mosaic import Pattern
from ..readout import ColorBias, Gain, TukeyLambdaRead
from ..stage import Stage
from ..value import Value

Iso = float | tuple[float, float]


class Provenance(Value):
    """What is known of a camera's numbers.

    Attributes:
        name, title: as commands and people write it.
        source, licence, units: of the numbers.
        cfa: filter tile at the frame's (0, 0).
        bits: of the converter.
        black, white: levels of the raw file, DN; None where the source gives none.
        iso_range: lowest and highest ISO that was calibrated.
        notes: what was assumed or left out.
    """

    name: str
    title: str
    source: str
    licence: str
    units: str
    cfa: Pattern
    bits: int
    black: float | None
    white: float | None
    iso_range: tuple[float, float]
    notes: tuple[str, ...]


class _Branch(Value):
    iso: tuple[float, ...]
    tukey_scale: tuple[float, ...]
    lam: tuple[float, ...]
    sigma_row: tuple[float, ...]


class PerIsoTable(Provenance):
    """A camera measured at every ISO setting, in branches of its conversion gain."""

    kind: Literal["per_iso_table"]
    gain_per_iso: float
    branches: tuple[_Branch, ...]

    def isos(self) -> list[float]:
        """The settings that were measured."""
        return [iso for branch in self.branches for iso in branch.iso]

    def sensor(self, iso: Iso) -> list[Stage]:
        """The stages from gain to banding."""
        low, high = iso if isinstance(iso, tuple) else (iso, iso)
        branch = next((b for b in self.branches if b.iso[0] <= low and high <= b.iso[-1]), None)
        if branch is None:
            has = ", ".join(f"{b.iso[0]:g} to {b.iso[-1]:g}" for b in self.branches)
            raise ValueError(
                f"ISO is {iso_text(iso)}, wanted within one gain branch of {self.name}: {has} (none lies between)"
            )
        lam = np.array(branch.lam)
        sigma = np.array(branch.tukey_scale) * tukey_lambda_deviation(lam.astype(np.float32))
        return [
            Gain(K=_gain(iso, self.gain_per_iso)),
            TukeyLambdaRead(
                sigma=self._between(iso, branch, sigma.tolist(), log_values=True),
                lam=self._between(iso, branch, branch.lam, log_values=False),
            ),
            Banding(sigma_row=self._between(iso, branch, branch.sigma_row, log_values=True)),
        ]

    def _between(self, iso: Iso, branch: _Branch, values: list[float] | tuple[float, ...], *, log_values: bool) -> Law:
        """The part of a branch's table that `iso` needs: one value where it was measured, else its neighbors'."""
        low, high = iso if isinstance(iso, tuple) else (iso, iso)
        if low == high and low in branch.iso:
            return Fixed(value=values[branch.iso.index(low)])
        first = bisect_right(branch.iso, low) - 1
        last = max(bisect_left(branch.iso, high), first + 1)
        keep = range(first, last + 1)
        return InterpolatedInGain(
            K=tuple(self.gain_per_iso * branch.iso[i] for i in keep),
            values=tuple(values[i] for i in keep),
            log_values=log_values,
        )


class _Line(Value):
    slope: float
    bias: float
    scatter: float

    def at(self, *, scattered: bool) -> LogLinear:
        return LogLinear(slope=self.slope, bias=self.bias, scatter=self.scatter if scattered else 0.0)


class _Bias(Value):
    R: tuple[float, ...]
    G1: tuple[float, ...]
    G2: tuple[float, ...]
    B: tuple[float, ...]


class LogLinearCamera(Provenance):
    """A camera whose noise was fitted with one line per kind, log scale against log K."""

    kind: Literal["log_linear"]
    K_min: float
    tukey_scale: _Line
    sigma_row: _Line
    table_K: tuple[float, ...]
    lam: tuple[float, ...]
    bias: _Bias

    def isos(self) -> list[float]:
        """One setting per stop."""
        low, high = self.iso_range
        stops = [low]
        while stops[-1] * 2 <= high:
            stops.append(stops[-1] * 2)
        return stops

    def sensor(self, iso: Iso) -> list[Stage]:
        """The stages from gain to banding; a range of ISO has the lines' scatter."""
        scattered = isinstance(iso, tuple)

        def table(values: tuple[float, ...]) -> NearestInGain:
            return NearestInGain(K=self.table_K, values=values)

        return [
            Gain(K=_gain(iso, self.K_min / self.iso_range[0])),
            TukeyLambdaRead(scale=self.tukey_scale.at(scattered=scattered), lam=table(self.lam)),
            ColorBias(R=table(self.bias.R), G1=table(self.bias.G1), G2=table(self.bias.G2), B=table(self.bias.B)),
            Banding(sigma_row=self.sigma_row.at(scattered=scattered)),
        ]


def iso_text(iso: Iso) -> str:
    """As a person writes it: 6400, or 800-1600."""
    return f"{iso[0]:g}-{iso[1]:g}" if isinstance(iso, tuple) else f"{iso:g}"


def _gain(iso: Iso, per_iso: float) -> Law:
    if isinstance(iso, tuple):
        return LogUniform(low=per_iso * iso[0], high=per_iso * iso[1])
    return Fixed(value=per_iso * iso)
