"""The analog-to-digital converter, and the way back to white = 1."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .draws import uniform
from .elementary import positive_part
from .flat import Flat
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .moments import UNIFORM
from .stage import Dice, Parameters, Stage, fixed_value
from .units import Unit

FINE = 0.75  # of a step, the least deviation under which rounding adds q^2/12 whatever the level, within 1e-4

Bits = Annotated[int, Field(ge=1, le=24, description="bits of the converter")]
Step = Annotated[float, Field(ge=1e-3, le=1e4, description="DN")]


class Quantize(Stage):
    r"""Adds the pedestal, rounds to the converter's steps and clips to its range.

    .. math:: y = \mathrm{clip}(q \lfloor v / q + 1/2 \rfloor, 0, 2^\mathrm{bits} - 1), \quad v = x + \mathrm{black}

    Rounding adds a variance of q^2/12 where the noise before it is as wide as the step; the error falls as
    :math:`e^{-2 \pi^2 \sigma^2 / q^2}` and is 2 % of the whole at half a step. "uniform" adds
    U(-q/2, q/2) *instead* of rounding, as a smooth stand-in; never both.

    Attributes:
        bits: of the converter.
        step: q, DN; 1 at native depth.
        rounding: "round" or "uniform".

    References:
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["quantize"] = "quantize"
    takes = (Unit.DN,)
    gives = Unit.RAW_DN
    names = {"bits": "bits", "step": "step"}
    reads = ("black",)

    bits: Bits
    step: Step | Law = 1.0
    rounding: Literal["round", "uniform"] = "round"

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.ROUND),) if self.rounding == "uniform" else ()

    @property
    def fits_uint16(self) -> bool:
        """Whether every value it gives is a whole number of at most 16 bits."""
        step = fixed_value(self.step)
        return self.rounding == "round" and self.bits <= 16 and step is not None and step.is_integer()

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        top = full_scale(drawn)
        for level in ("black", "white"):
            if level in drawn and (drawn[level] > top).any():
                worst = drawn[level][drawn[level] > top][0]
                raise ValueError(
                    f"Quantize: {level} is {worst:g} DN, wanted at most {2**self.bits - 1} ({self.bits} bits)"
                )
        return {}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        level, step = self._level(frame, drawn), drawn.per_image("step", frame)
        if self.rounding == "round":
            raw = torch.floor(level / step + 0.5) * step
        else:
            raw = level + (uniform(key.words(frame)[Lane.ROUND]) - 0.5) * step
        return self._clipped(frame, raw, drawn)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        step = drawn["step"]
        if self.rounding == "round" and flat.pixel.variance**0.5 < FINE * step:
            raise ValueError(f"Quantize states no moments of temporal noise under {FINE:g} of its step of {step:g} DN")
        flat = flat.shifted(drawn["black"]).bounded(0.0, 2.0**self.bits - 1, "Quantize")
        return flat.noisier("pixel", step**2 / 12, UNIFORM.kurtosis * (step**2 / 12) ** 2)

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return self._clipped(frame, self._level(frame, drawn), drawn)

    def _level(self, frame: Frame, drawn: Parameters) -> Tensor:
        return frame.data + drawn.per_image("black", frame)

    def _clipped(self, frame: Frame, raw: Tensor, drawn: Parameters) -> Frame:
        top = full_scale(drawn).to(raw.device).reshape(-1, 1, 1, 1)
        return frame.with_data(torch.minimum(positive_part(raw), top), Unit.RAW_DN)


def full_scale(drawn: Parameters) -> Tensor:
    """The largest number of the converter, 2^bits - 1: (batch,) float32."""
    return ((1 << drawn["bits"].long()) - 1).float()


class Normalize(Stage):
    r"""Back to white = 1.

    .. math:: y = (\mathrm{raw} - \mathrm{black}) / (\mathrm{white} - \mathrm{black}) \cdot r, \text{ in that order}

    Nothing is clipped: negative values are information. From black-subtracted DN (a chain without
    `Quantize`) it subtracts nothing.
    """

    kind: Literal["normalize"] = "normalize"
    takes = (Unit.RAW_DN, Unit.DN)
    gives = Unit.LINEAR
    reads = ("black", "white", "ratio")

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        black, white, ratio = (drawn.per_image(name, frame) for name in self.reads)
        level = frame.data - black if frame.unit is Unit.RAW_DN else frame.data
        return frame.with_data(level / (white - black) * ratio, Unit.LINEAR)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        level = flat.shifted(-drawn["black"]) if flat.unit is Unit.RAW_DN else flat
        return level.scaled(drawn["ratio"] / (drawn["white"] - drawn["black"]))
