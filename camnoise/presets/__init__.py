"""Calibrated cameras, each with its source, unit, licence and range of validity.

A preset is a *sensor*: it takes scene-linear images, whose channels are one (a mosaic) or three
(linear planes), and gives them back as that camera would have recorded them, white = 1.
"""

from bisect import bisect_left, bisect_right
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, RootModel

from ..charge import Shot
from ..converter import Normalize, Quantize
from ..laws import Fixed, InterpolatedInGain, Law, LogLinear, LogUniform, NearestInGain
from ..light import Expose
from ..moments import tukey_lambda_deviation
from ..mosaic import Pattern
from ..pipeline import Pipeline
from ..readout import Banding, ColorBias, Gain, TukeyLambdaRead
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

    def isos(self) -> list[float]:
        """The settings to show: those that were measured, or one per stop."""
        raise NotImplementedError

    def sensor(self, iso: Iso) -> list[Stage]:
        """The stages from gain to banding at an ISO."""
        raise NotImplementedError

    def settings(self) -> list[tuple[float, dict[str, float]]]:
        """ISO and the parameters at it (K, sigma_read, lam, sigma_row, ...), for each of `isos()`."""
        return [(iso, Pipeline(self.sensor(iso)).draw([0]).sample(0)) for iso in self.isos()]


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
        return [iso for branch in self.branches for iso in branch.iso]

    def sensor(self, iso: Iso) -> list[Stage]:
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

    def law(self, *, scattered: bool) -> LogLinear:
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
        low, high = self.iso_range
        stops = [low]
        while stops[-1] * 2 <= high:
            stops.append(stops[-1] * 2)
        return stops

    def sensor(self, iso: Iso) -> list[Stage]:
        scattered = isinstance(iso, tuple)

        def table(values: tuple[float, ...]) -> NearestInGain:
            return NearestInGain(K=self.table_K, values=values)

        return [
            Gain(K=_gain(iso, self.K_min / self.iso_range[0])),
            TukeyLambdaRead(scale=self.tukey_scale.law(scattered=scattered), lam=table(self.lam)),
            ColorBias(R=table(self.bias.R), G1=table(self.bias.G1), G2=table(self.bias.G2), B=table(self.bias.B)),
            Banding(sigma_row=self.sigma_row.law(scattered=scattered)),
        ]


class _File(RootModel[Annotated[PerIsoTable | LogLinearCamera, Field(discriminator="kind")]]):
    pass


@cache
def _cameras() -> dict[str, PerIsoTable | LogLinearCamera]:
    files = sorted(Path(__file__).parent.glob("*.json"))
    cameras = [_File.model_validate_json(file.read_text()).root for file in files]
    return {camera.name: camera for camera in cameras}


def names() -> list[str]:
    """The names of all cameras."""
    return list(_cameras())


def describe(name: str) -> PerIsoTable | LogLinearCamera:
    """A camera's numbers and where they come from.

    Raises:
        ValueError: an unknown name; the sentence lists those that exist.
    """
    if name not in _cameras():
        raise ValueError(f"camera is {name!r}, wanted one of {', '.join(names())}")
    return _cameras()[name]


def load(
    name: str,
    *,
    iso: Iso,
    black: float | None = None,
    white: float | None = None,
    ratio: float | Law = 1.0,
) -> Pipeline:
    """A calibrated sensor: Expose, Shot, Gain, read noise, color bias, banding, Quantize, Normalize.

    Args:
        name: one of `names()`.
        iso: one setting, or (low, high): K is then log-uniform per image, with the source's scatter.
        black, white: levels of the raw file, DN, where they differ from the source's or it gives none.
        ratio: how many times under-exposed (a low-light shot, multiplied back).

    Returns:
        A pipeline that takes scene-linear images, white = 1.

    Raises:
        ValueError: an unknown camera, an ISO outside what was calibrated, missing levels.
    """
    camera = describe(name)
    low, high = iso if isinstance(iso, tuple) else (iso, iso)
    if not camera.iso_range[0] <= low <= high <= camera.iso_range[1]:
        has = f"{camera.iso_range[0]:g} to {camera.iso_range[1]:g}"
        raise ValueError(f"ISO is {iso_text(iso)}, wanted {has}, where {name} was calibrated")
    black = camera.black if black is None else black
    white = camera.white if white is None else white
    if black is None or white is None:
        missing = " and ".join(what for what, level in (("black", black), ("white", white)) if level is None)
        raise ValueError(f"{name} has no {missing} level in its source, wanted those of your raw files (DN)")
    return Pipeline(
        [
            Expose(black=black, white=white, ratio=ratio),
            Shot(),
            *camera.sensor(iso),
            Quantize(bits=camera.bits),
            Normalize(),
        ],
        name=name,
        cfa=camera.cfa,
    )


def iso_text(iso: Iso) -> str:
    """As a person writes it: 6400, or 800-1600."""
    return f"{iso[0]:g}-{iso[1]:g}" if isinstance(iso, tuple) else f"{iso:g}"


def _gain(iso: Iso, per_iso: float) -> Law:
    if isinstance(iso, tuple):
        return LogUniform(low=per_iso * iso[0], high=per_iso * iso[1])
    return Fixed(value=per_iso * iso)
