"""Cameras that are published as a formula in ISO instead of a table."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..charge import PRNU, FullWell
from ..dialects import from_hdr, from_pmrid
from ..distributions import Positive
from ..laws import Fixed, InterpolatedInGain
from ..readout import Gain, GaussianRead, PreampRead
from ..stage import Stage
from ..units import ElectronDeviation, Electrons, GainValue
from ..value import Value
from .camera import Sensor
from .provenance import Iso, ends, one_or_range

_STEPS = 33  # of a range's table; a polynomial then lies within 1e-4 of its straight pieces over six stops


class IsoPolynomial(Sensor):
    """A camera whose gain and read variance are polynomials in ISO; the formula goes on beyond its range.

    Attributes:
        K_of_iso: p0, p1 of K = p0 ISO + p1, DN per electron.
        read_variance_of_iso: q0, q1, q2 of q0 ISO^2 + q1 ISO + q2, DN squared.
    """

    kind: Literal["iso_polynomial"]
    units: Literal["K in DN per electron; variances in DN squared; black-subtracted"]
    K_of_iso: tuple[float, float]
    read_variance_of_iso: tuple[float, float, float]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_plausible(*self.iso_range)
        return self

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        low, high = ends(iso)
        varies = isinstance(iso, tuple) and low < high
        steps = [low * (high / low) ** (i / (_STEPS - 1)) for i in range(_STEPS)] if varies else [low]
        K, sigma = zip(*(from_pmrid(self.K_of_iso, self.read_variance_of_iso, at) for at in steps), strict=True)
        read = InterpolatedInGain(K=K, values=sigma, log_values=True) if varies else Fixed(value=sigma[0])
        return [Gain(K=one_or_range(K[0], K[-1], varies=varies)), GaussianRead(sigma=read)]


class ColorGains(Value):
    """K of each color, DN per electron."""

    R: GainValue
    G: GainValue
    B: GainValue


class GainSeparated(Sensor):
    """A camera whose read noise is stated before and after the amplifier; gain is proportional to ISO.

    One K serves the whole sensor, that of the green pixels: half of all. Before the amplifier the noise is
    in electrons and follows the gain; after it, in DN, it does not. The formula goes on beyond its range.

    Attributes:
        K_at_iso_100: of each color.
        sigma_preamp_e: before the amplifier, e-.
        sigma_adc_e: after it, in electrons of ISO 100 (times K at ISO 100 it is in DN).
    """

    kind: Literal["gain_separated"]
    units: Literal["K in DN per electron at ISO 100; deviations in electrons, the second at ISO 100"]
    K_at_iso_100: ColorGains
    sigma_preamp_e: ElectronDeviation
    sigma_adc_e: ElectronDeviation

    @model_validator(mode="after")
    def _fits(self) -> Self:
        colors = self.K_at_iso_100
        if max(colors.R, colors.G, colors.B) > 2 * min(colors.R, colors.G, colors.B):
            raise ValueError(f"K_at_iso_100 of {self.name} differs by more than a stop between colors")
        self.check_plausible(*self.iso_range)
        return self

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        (low, preamp, sigma), (high, _, _) = (
            from_hdr(self.K_at_iso_100.G, self.sigma_preamp_e, self.sigma_adc_e, iso=at) for at in ends(iso)
        )
        gain = one_or_range(low, high, varies=isinstance(iso, tuple))
        return [PreampRead(sigma=preamp), Gain(K=gain), GaussianRead(sigma=sigma)]


class ElectronSensor(Sensor):
    """A sensor in electrons, as a data sheet states it; gain is proportional to ISO.

    At unity gain the full well spans the converter up to white: K there is white over full_well_e. With the
    pedestal below it the converter clips first, but for the lowest gains. The formula goes on beyond its range.

    Attributes:
        iso_at_unity_gain: where the amplifier has a gain of 1.
        full_well_e: of the pixel, e-.
        sigma_preamp_e: read noise, e-, before the amplifier.
        sigma_prnu: fraction of the signal.
    """

    kind: Literal["electron_sensor"]
    units: Literal["electrons; sigma_prnu a fraction, no percentage"]
    white: float
    iso_at_unity_gain: Positive
    full_well_e: Electrons
    sigma_preamp_e: ElectronDeviation
    sigma_prnu: Annotated[float, Field(ge=0, le=0.1)]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self.check_plausible(*self.iso_range)
        return self

    def sensor(self, iso: Iso, *, extrapolate: bool = False) -> list[Stage]:
        low, high = (self.white / self.full_well_e * at / self.iso_at_unity_gain for at in ends(iso))
        return [
            PRNU(sigma=self.sigma_prnu),
            FullWell(electrons=self.full_well_e),
            PreampRead(sigma=self.sigma_preamp_e),
            Gain(K=one_or_range(low, high, varies=isinstance(iso, tuple))),
        ]
