"""From electrons to numbers: gain, read noise and fixed offsets, in black-subtracted DN."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from .draws import normal, student_t, tukey_lambda
from .flat import Flat
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .moments import LEAST_FREEDOM, LEAST_SHAPE, student_t_deviation, tukey_lambda_deviation
from .moments import student_t as student_t_moments
from .moments import tukey_lambda as tukey_lambda_moments
from .mosaic import site_at
from .pattern import NO_SITE, sites_of
from .stage import Dice, Noise, Parameters, Stage, fixed_value
from .units import Deviation, ElectronDeviation, GainValue, Unit

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_frozen as Distribution  # noqa: N812

Shape = Annotated[float, Field(ge=-0.49, le=2, description="Tukey lambda shape")]
Freedom = Annotated[float, Field(ge=1, le=1e4, description="degrees of freedom")]
Bias = Annotated[float, Field(ge=-1e4, le=1e4, description="DN")]


class Gain(Stage):
    """Overall system gain: DN = K * electrons.

    Attributes:
        K: DN per electron at the camera's bit depth.
    """

    kind: Literal["gain"] = "gain"
    takes = (Unit.ELECTRON,)
    gives = Unit.DN
    names = {"K": "K"}

    K: GainValue | Law

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(frame.data * drawn.per_image("K", frame), Unit.DN)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.scaled(drawn["K"])


class PreampRead(Noise):
    r"""Read noise before the amplifier: :math:`E \to E + \sigma z`, in electrons.

    The gain amplifies it together with the signal, and not what comes after: at high gain it is all
    that is left, and a higher ISO then shows nothing more (ISO invariance).

    Attributes:
        sigma: standard deviation, e-.

    References:
        | Photon Transfer (Janesick, SPIE Press 2007)
    """

    kind: Literal["preamp_read"] = "preamp_read"
    takes = (Unit.ELECTRON,)
    names = {"sigma": "sigma_preamp"}

    sigma: ElectronDeviation | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PREAMP, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        noise = normal(key.words(frame, Stream.PREAMP)[0]) * drawn.per_image("sigma_preamp", frame)
        return frame.with_data(frame.data + noise)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("pixel", drawn["sigma_preamp"] ** 2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import norm

        return norm(scale=drawn["sigma_preamp"])


class GaussianRead(Noise):
    r"""Normal read noise: :math:`y = x + \sigma z`.

    Attributes:
        sigma: standard deviation, DN.
    """

    kind: Literal["gaussian_read"] = "gaussian_read"
    takes = (Unit.DN,)
    names = {"sigma": "sigma_read"}

    sigma: Deviation | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.READ),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        noise = normal(key.words(frame)[Lane.READ]) * drawn.per_image("sigma_read", frame)
        return frame.with_data(frame.data + noise)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("pixel", drawn["sigma_read"] ** 2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import norm

        return norm(scale=drawn["sigma_read"])


class _HeavyTailed(Noise):
    """Read noise stated by its deviation or, where the tails leave none, by its raw scale."""

    least: ClassVar[tuple[str, float]]  # the field of the shape, and its least value with a deviation

    sigma: Deviation | Law | None = None
    scale: Deviation | Law | None = None

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        name = type(self).__name__
        if (self.sigma is None) == (self.scale is None):
            given = "neither sigma nor scale" if self.sigma is None else "both sigma and scale"
            raise ValueError(f"{name} got {given}, wanted one of them")
        shape = fixed_value(getattr(self, self.least[0]))
        if self.sigma is not None and shape is not None:
            self._check_shape(torch.tensor([shape], dtype=torch.float32, device="cpu"))
        return self

    def _check_shape(self, shape: Tensor) -> None:
        field, least = self.least
        wrong = shape < np.float32(least)
        if self.sigma is not None and wrong.any():
            raise ValueError(
                f"{type(self).__name__}: {field} is {shape[wrong][0]:g}, wanted at least {least:g} where sigma "
                "is stated; state scale instead"
            )


class TukeyLambdaRead(_HeavyTailed):
    r"""Read noise with the tails of a Tukey lambda law.

    .. math:: y = x + s \, Q_\lambda(U), \qquad s = \sigma / \sqrt{\mathbb{V}[Q_\lambda(U)]}

    Attributes:
        sigma: standard deviation over all 2^32 words, DN; for lam >= -0.35.
        scale: s instead of sigma, DN: what ELD and PMN publish.
        lam: shape; 0.14 is nearly normal, 0 logistic, lower has heavier tails.

    References:
        | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
        | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
    """

    kind: Literal["tukey_lambda_read"] = "tukey_lambda_read"
    takes = (Unit.DN,)
    names = {"sigma": "sigma_read", "scale": "scale_read", "lam": "lam"}
    least = ("lam", LEAST_SHAPE)

    lam: Shape | Law = 0.14

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.READ),)

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        self._check_shape(drawn["lam"])
        deviation = torch.from_numpy(tukey_lambda_deviation(drawn["lam"].numpy()))
        if self.sigma is None:
            return {"sigma_read": (drawn["scale_read"] * deviation).float()}
        return {"scale_read": (drawn["sigma_read"] / deviation).float()}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        lam, scale = (drawn.per_image(name, frame) for name in ("lam", "scale_read"))
        return frame.with_data(frame.data + tukey_lambda(key.words(frame)[Lane.READ], lam, scale))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        variance = drawn["sigma_read"] ** 2
        return flat.noisier("pixel", variance, tukey_lambda_moments(drawn["lam"]).kurtosis * variance**2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import logistic, tukeylambda

        law = logistic if abs(drawn["lam"]) < 1e-6 else tukeylambda
        return law(*() if law is logistic else (drawn["lam"],), scale=drawn["scale_read"])


class StudentTRead(_HeavyTailed):
    r"""Read noise with the tails of Student's t.

    .. math:: y = x + s \, t_\nu, \qquad s = \sigma / \sqrt{\mathbb{V}[t_\nu]}

    Attributes:
        sigma: standard deviation over all words, DN; for nu >= 3.
        scale: s instead of sigma, DN.
        nu: degrees of freedom; 4 + 6 / kurtosis matches a given tail.

    References:
        | Polar Generation of Random Variates with the t-Distribution (Bailey, 1994)
        | https://doi.org/10.1090/S0025-5718-1994-1219702-8
    """

    kind: Literal["student_t_read"] = "student_t_read"
    takes = (Unit.DN,)
    names = {"sigma": "sigma_read", "scale": "scale_read", "nu": "nu"}
    least = ("nu", LEAST_FREEDOM)

    nu: Freedom | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.READ), (Stream.PIXEL, Lane.ANGLE))

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        self._check_shape(drawn["nu"])
        if self.sigma is None:
            return {}
        deviation = torch.from_numpy(student_t_deviation(drawn["nu"].numpy()))
        return {"scale_read": (drawn["sigma_read"] / deviation).float()}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        words, nu = key.words(frame), drawn.per_image("nu", frame)
        noise = student_t(words[Lane.READ], words[Lane.ANGLE], nu) * drawn.per_image("scale_read", frame)
        return frame.with_data(frame.data + noise)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        moments = student_t_moments(drawn["nu"])
        variance = (drawn["scale_read"] * moments.deviation) ** 2
        return flat.noisier("pixel", variance, moments.kurtosis * variance**2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import t

        return t(drawn["nu"], scale=drawn["scale_read"])


class ColorBias(Noise):
    """A constant offset per filter color: what is left of black-level error and dark current.

    A mosaic takes the bias of each pixel's filter; three planes take R, the mean of the two
    greens, and B. G1 shares its rows with red, G2 with blue.

    Attributes:
        R, G1, G2, B: offset, DN; often a calibrated table in K.

    References:
        | Physics-Based Noise Modeling for Extreme Low-Light Photography
        | (Wei et al., TPAMI 2021), https://arxiv.org/abs/2108.02158
    """

    kind: Literal["color_bias"] = "color_bias"
    takes = (Unit.DN,)
    names = {"R": "bias_R", "G1": "bias_G1", "G2": "bias_G2", "B": "bias_B"}

    R: Bias | Law
    G1: Bias | Law
    G2: Bias | Law
    B: Bias | Law

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        r, g1, g2, b = (drawn.per_image(name, frame) for name in self.names.values())
        channels = frame.data.shape[1]
        if channels == 3:
            return frame.with_data(frame.data + torch.cat([r, (g1 + g2) * 0.5, b], 1))
        if channels != 1 or frame.cfa is None:
            what = "1 channel without a filter array" if channels == 1 else f"{channels} channels"
            raise ValueError(f"ColorBias got {what}, wanted a mosaic (see Pipeline's cfa) or 3 channels")
        if NO_SITE in sites_of(frame.cfa):
            raise ValueError(f"ColorBias got filters {frame.cfa}, wanted red, green and blue: clear has no bias")
        table = torch.cat([r, g1, g2, b], 1)[:, :, 0, 0]  # (batch, site)
        sites = site_at(frame, frame.cfa)
        bias = torch.gather(table, 1, sites.flatten(1)).reshape(frame.data.shape)
        return frame.with_data(frame.data + bias)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        if flat.site is None:
            raise ValueError("ColorBias states nothing of a sensor without filters")
        if flat.site == "G":  # a plane
            return flat.shifted((drawn["bias_G1"] + drawn["bias_G2"]) / 2)
        return flat.shifted(drawn[f"bias_{flat.site}"])


class DSNU(Noise):
    """Dark signal non-uniformity: an offset of its own for each pixel of the body, the same in every exposure.

    What is left of it does not grow with time; the non-uniformity of the dark current, which does, is
    `DarkCurrent.spread`.

    Attributes:
        sigma: standard deviation, DN.

    References:
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["dsnu"] = "dsnu"
    takes = (Unit.DN,)
    names = {"sigma": "sigma_dsnu"}

    sigma: Deviation | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.DSNU, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        offset = normal(key.words(frame, Stream.DSNU)[0]) * drawn.per_image("sigma_dsnu", frame)
        return frame.with_data(frame.data + offset)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("fixed", drawn["sigma_dsnu"] ** 2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import norm

        return norm(scale=drawn["sigma_dsnu"])
