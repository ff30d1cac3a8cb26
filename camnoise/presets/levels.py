"""Cameras of which only the noise level function is known: variances where white = 1, and no converter."""

from math import exp, log
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..distributions import LogUniform
from ..laws import LogLinear
from ..nlf import Heteroscedastic
from .provenance import ELECTRONS, READ, Component, Iso, Provenance, check_ascending, check_lengths, ends, iso_text
from .tables import Table

ShotSlope = Annotated[float, Field(gt=0, le=1, description="white = 1, variance per unit of light")]
ReadVariance = Annotated[float, Field(gt=0, le=0.25, description="white = 1, variance")]


class LevelCamera(Provenance):
    """A camera known by its noise level function alone."""

    cfa: None
    bits: None
    black: None
    white: None
    missing: tuple[Component, ...]

    def level(self, iso: Iso | None, ratio: float = 1.0, *, extrapolate: bool = False) -> Heteroscedastic:
        """The noise level function at an ISO.

        Args:
            iso: one setting, or (low, high).
            ratio: r, how many times under-exposed: lambda_shot grows with r and lambda_read with its square.
            extrapolate: whether the ISO may lie outside the table.

        Raises:
            ValueError: a range of ISO that no one law serves, or one so far out that the numbers are of no sensor.
        """
        raise NotImplementedError


class NlfTable(LevelCamera):
    """A noise level function at each ISO setting; between them, and beyond, both parts are straight in log-log.

    Attributes:
        iso: ascending.
        lambda_shot, lambda_read: variances, white = 1.
    """

    kind: Literal["nlf_table"]
    units: Literal["variances where white = 1"]
    iso_range: tuple[float, float]
    iso: Annotated[tuple[float, ...], Field(min_length=1)]
    lambda_shot: tuple[ShotSlope, ...]
    lambda_read: tuple[ReadVariance, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        check_ascending(self.name, "iso", self.iso)
        check_lengths(self.name, len(self.iso), lambda_shot=self.lambda_shot, lambda_read=self.lambda_read)
        check_ascending(self.name, "lambda_shot", self.lambda_shot)
        if (self.iso[0], self.iso[-1]) != self.iso_range:
            raise ValueError(f"iso_range of {self.name} is {iso_text(self.iso_range)}, wanted that of its table")
        for at, shot, read in zip(self.iso, self.lambda_shot, self.lambda_read, strict=True):
            check_level(self.name, shot, read, f" at ISO {at:g}")
        return self

    def isos(self) -> list[float]:
        """The settings that were measured."""
        return [*self.iso]

    def level(self, iso: Iso | None, ratio: float = 1.0, *, extrapolate: bool = False) -> Heteroscedastic:
        assert iso is not None
        low, high = ends(iso)
        shots, reads = (Table(self.iso, values).reaching(low, high) for values in (self.lambda_shot, self.lambda_read))
        for at in (low, high):  # beyond its ends the line of a table may leave what sensors are
            check_level(self.name, shots.at(at), reads.at(at), f" at ISO {at:g}")
        x0, x1 = (shots.at(at) * ratio for at in (low, high))
        y0, y1 = (reads.at(at) * ratio**2 for at in (low, high))
        if low == high:
            return Heteroscedastic(lambda_shot=x0, lambda_read=y0)
        if any(low < setting < high for setting in self.iso):
            settings = ", ".join(f"{setting:g}" for setting in self.iso)
            raise ValueError(
                f"ISO is {iso_text(iso)}, wanted one, or a range between two neighbors of the table of {self.name}: "
                f"{settings}"
            )
        slope = log(y1 / y0) / log(x1 / x0)
        law = LogLinear(of="lambda_shot", slope=slope, bias=log(y0) - slope * log(x0))
        return Heteroscedastic(lambda_shot=LogUniform(low=x0, high=x1), lambda_read=law)


class NlfPrior(LevelCamera):
    """A prior over cameras: lambda_shot log-uniform, lambda_read about a line in it. It has no ISO.

    Attributes:
        lambda_shot_low, lambda_shot_high: variances, white = 1; no logarithms.
        slope, bias, scatter: of the natural logarithm of lambda_read against that of lambda_shot.
    """

    kind: Literal["nlf_prior"]
    units: Literal["variances where white = 1; natural logarithms"]
    iso_range: None
    lambda_shot_low: ShotSlope
    lambda_shot_high: ShotSlope
    slope: float
    bias: float
    scatter: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.lambda_shot_high <= self.lambda_shot_low:
            raise ValueError(f"lambda_shot_high of {self.name} is {self.lambda_shot_high:g}, wanted above the low one")
        for shot in (self.lambda_shot_low, self.lambda_shot_high):
            check_level(self.name, shot, exp(self.slope * log(shot) + self.bias), f" at lambda_shot {shot:g}")
        return self

    def level(self, iso: Iso | None, ratio: float = 1.0, *, extrapolate: bool = False) -> Heteroscedastic:
        bias = self.bias if ratio == 1 else self.bias + (2 - self.slope) * log(ratio)
        return Heteroscedastic(
            lambda_shot=LogUniform(low=self.lambda_shot_low * ratio, high=self.lambda_shot_high * ratio),
            lambda_read=LogLinear(of="lambda_shot", slope=self.slope, bias=bias, scatter=self.scatter),
        )


def check_level(name: str, shot: float, read: float, where: str) -> None:
    """Refuses a noise level function that no sensor has, which is how a deviation among variances shows.

    Raises:
        ValueError: light of too few or too many electrons at white, or a read noise beyond what sensors have.
    """
    if not ELECTRONS[0] <= 1 / shot <= ELECTRONS[1]:
        raise ValueError(
            f"lambda_shot of {name} is {shot:g}{where}: {1 / shot:.3g} electrons at white, wanted {ELECTRONS[0]:g} "
            f"to {ELECTRONS[1]:g}"
        )
    electrons = read**0.5 / shot
    if not READ[0] <= electrons <= READ[1]:
        raise ValueError(
            f"lambda_read of {name} is {read:g}{where}: {electrons:.3g} electrons of read noise, wanted {READ[0]:g} "
            f"to {READ[1]:g}: a variance where white = 1"
        )
