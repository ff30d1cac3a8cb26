"""Photons to electrons: the pixels' response, dark charge, and the noise of light itself."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .converter import full_scale
from .draws import LARGEST_RATE, exponential, normal, poisson, uniform
from .elementary import EXP_RANGE, LN2, exp, log, log1m, sqrt
from .flat import Flat
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .stage import Dice, Noise, Parameters, Stage, fixed_value
from .units import Celsius, DarkRate, Electrons, Fraction, Seconds, Unit

SATURATED = 990_000.0  # e-, ten deviations under the largest rate
REFERENCE = 25.0  # degrees Celsius, at which dark currents are stated

Response = Annotated[float, Field(ge=0, le=0.1, description="fraction, standard deviation")]
DarkSpread = Annotated[float, Field(ge=0, le=10, description="fraction, standard deviation")]


class PRNU(Noise):
    r"""Photo-response non-uniformity: :math:`\mu \to \mu \, (1 + \sigma z)`, with a z for each pixel of the body.

    The same in every exposure of a body, so no average of frames removes it. Light alone passes
    through it; dark charge is added after.

    Attributes:
        sigma: standard deviation, as a fraction of the signal; 0.003 to 0.01 is common.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["prnu"] = "prnu"
    takes = (Unit.ELECTRON,)
    names = {"sigma": "sigma_prnu"}

    sigma: Response | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PRNU, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        response = normal(key.words(frame, Stream.PRNU)[0]) * drawn.per_image("sigma_prnu", frame) + 1.0
        return frame.with_data(frame.data * response)  # positive: 6.34 deviations of 0.1

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("fixed", drawn["sigma_prnu"] ** 2 * (flat.mean**2 + flat.variance))


class DarkCurrent(Noise):
    r"""Charge that collects without light, and its non-uniformity from pixel to pixel.

    .. math:: \mu \to \mu + I \, t \, 2^{(T - 25) / T_d} \; h, \qquad \mathbb{E}\,h = 1

    It adds to the rate of the one Poisson draw of `Shot` and draws nothing temporal itself. The
    factor h is log-normal, fixed to each pixel of the body; it is 1 where `spread` is 0.

    Attributes:
        current: I, of an average pixel at 25 degrees Celsius, e-/s.
        seconds: t, exposure time.
        celsius: T, of the sensor.
        doubling: T_d, how many degrees double the current; 6 to 8 in silicon.
        spread: standard deviation of h.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["dark_current"] = "dark_current"
    takes = (Unit.ELECTRON,)
    names = {
        "current": "dark_current",
        "seconds": "exposure_time",
        "celsius": "temperature",
        "spread": "dark_spread",
    }

    current: DarkRate | Law
    seconds: Seconds | Law
    celsius: Celsius | Law = REFERENCE
    spread: DarkSpread | Law = 0.0
    doubling: Annotated[float, Field(ge=1, le=100, description="degrees")] = 7.0

    @property
    def dice(self) -> tuple[Dice, ...]:
        return () if fixed_value(self.spread) == 0 else ((Stream.DSNU, 1),)

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        """`dark_time`, the seconds at 25 degrees that collect as much, and the log-normal's exponent."""
        doublings = (drawn["temperature"] - REFERENCE) / torch.full_like(drawn["temperature"], self.doubling)
        time = drawn["exposure_time"] * exp((doublings * LN2).clamp(*EXP_RANGE))
        square = drawn["dark_spread"] * drawn["dark_spread"]
        p = square / (square + 1.0)  # log(1 + x) = -log(1 - x / (1 + x)), which is accurate for small x
        variance = torch.where(p <= 0.5, -log1m(p), log(square + 1.0))
        return {"dark_time": time, "dark_exponent": sqrt(variance)}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        charge = drawn.per_image("dark_current", frame) * drawn.per_image("dark_time", frame)
        if self.dice:
            s = drawn.per_image("dark_exponent", frame)
            charge = charge * exp(normal(key.words(frame, Stream.DSNU)[1]) * s - s * s * 0.5)
        return frame.with_data(frame.data + charge)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        charge, w = drawn["dark_current"] * drawn["dark_time"], 1 + drawn["dark_spread"] ** 2
        variance = (charge * drawn["dark_spread"]) ** 2
        return flat.shifted(charge).noisier("fixed", variance, (w**4 + 2 * w**3 + 3 * w**2 - 6) * variance**2)


class HotPixels(Noise):
    """Pixels of the body with far more dark current than the rest: fixed places, exponential excess.

    Needs a `DarkCurrent`, whose exposure time and temperature hold for them too.

    Attributes:
        fraction: of all pixels.
        current: mean excess of a hot pixel at 25 degrees Celsius, e-/s.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
    """

    kind: Literal["hot_pixels"] = "hot_pixels"
    takes = (Unit.ELECTRON,)
    names = {"fraction": "hot_fraction", "current": "hot_current"}
    reads = ("exposure_time",)

    fraction: Fraction | Law
    current: DarkRate | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.HOT, 0), (Stream.HOT, 1))

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        words = key.words(frame, Stream.HOT)
        hot = uniform(words[0]) < drawn.per_image("hot_fraction", frame)
        charge = drawn.per_image("hot_current", frame) * drawn.per_image("dark_time", frame)
        excess = exponential(words[1]) * charge
        return frame.with_data(frame.data + torch.where(hot, excess, torch.zeros_like(excess)))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        f, e = drawn["hot_fraction"], drawn["hot_current"] * drawn["dark_time"]
        m1, m2, m3, m4 = f * e, 2 * f * e**2, 6 * f * e**3, 24 * f * e**4
        cumulant = m4 - 4 * m3 * m1 - 3 * m2**2 + 12 * m2 * m1**2 - 6 * m1**4
        return flat.shifted(m1).noisier("fixed", m2 - m1**2, cumulant)


class Shot(Noise):
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

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        # Pixels of different rates have different variances: that scatter adds to the fourth cumulant.
        return flat.noisier("pixel", flat.mean, flat.mean + 6 * flat.fixed.variance)


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

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.bounded(-float("inf"), drawn["full_well"], "FullWell")
