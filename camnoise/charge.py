"""Photons to electrons: the noise of light itself."""

from typing import Literal

import torch
from torch import Tensor

from .converter import full_scale
from .draws import LARGEST_RATE, poisson
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .stage import Dice, Parameters, Stage
from .units import Electrons, Unit

SATURATED = 990_000.0  # e-, ten deviations under the largest rate


class Shot(Stage):
    r"""Shot noise: :math:`E \sim \mathrm{Poisson}(\mu)`.

    Rates go up to 1e6 e-. A brighter pixel is an error, unless the chain saturates below 990,000 e-
    (full well or ADC): there it is light like any other, and its rate is clamped to 1e6.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
    """

    kind: Literal["shot"] = "shot"
    takes = (Unit.ELECTRON,)

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.SHOT),)

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        """Where the chain saturates, e-, as far as its stages say so; no stage has to."""
        limits = [drawn["full_well"]] if "full_well" in drawn else []
        if {"bits", "black", "K"} <= set(drawn):
            limits.append((full_scale(drawn) - drawn["black"]) / drawn["K"])
        return {"saturation": torch.stack(limits).amin(0)} if limits else {}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        rate = frame.data
        if "saturation" in drawn:
            saturates = drawn.per_image("saturation", frame) < SATURATED
            rate = torch.where(saturates, rate.clamp(max=LARGEST_RATE), rate)
        return frame.with_data(poisson(key.words(frame)[Lane.SHOT], rate))

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame


class FullWell(Stage):
    """A pixel holds so many electrons and no more.

    Attributes:
        electrons: capacity, e-.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
    """

    kind: Literal["full_well"] = "full_well"
    takes = (Unit.ELECTRON,)
    names = {"electrons": "full_well"}

    electrons: Electrons | Law

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(torch.minimum(frame.data, drawn.per_image("full_well", frame)))
