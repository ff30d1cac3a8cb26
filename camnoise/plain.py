"""The plain noises of the literature, on values whose white is 1: encoded sRGB unless linearised before."""

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt as root
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .converter import FINE
from .draws import normal, poisson, uniform
from .elementary import positive_part, sqrt
from .flat import Flat, Spread
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .moments import UNIFORM
from .stage import Dice, Noise, Parameters, Stage
from .units import Fraction, Unit, White, WhiteVariance

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_frozen as Distribution  # noqa: N812

Peak = Annotated[float, Field(ge=1e-3, le=1e5, description="events at white")]
SPREAD = 2 * root(3.0)  # width of a uniform law, in deviations


class _Plain(Noise):
    takes = (Unit.ENCODED, Unit.LINEAR)


class AdditiveGaussian(_Plain):
    r"""White Gaussian noise: :math:`y = x + \sigma z`.

    Attributes:
        sigma: standard deviation, white = 1 (the literature's sigma of 25 is 25 / 255).
    """

    kind: Literal["additive_gaussian"] = "additive_gaussian"
    names = {"sigma": "sigma_gaussian"}

    sigma: White | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.GAUSSIAN, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        noise = normal(key.words(frame, Stream.GAUSSIAN)[0]) * drawn.per_image("sigma_gaussian", frame)
        return frame.with_data(frame.data + noise)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("pixel", drawn["sigma_gaussian"] ** 2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import norm

        return norm(scale=drawn["sigma_gaussian"])


class AdditiveUniform(_Plain):
    r"""Uniform noise of mean 0: :math:`y = x + \sigma \sqrt{12} \, (U - 1/2)`.

    Attributes:
        sigma: standard deviation, white = 1; the noise lies within sqrt(3) times it.
    """

    kind: Literal["additive_uniform"] = "additive_uniform"
    names = {"sigma": "sigma_uniform"}

    sigma: White | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.UNIFORM, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        centered = uniform(key.words(frame, Stream.UNIFORM)[0]) - 0.5
        return frame.with_data(frame.data + centered * (drawn.per_image("sigma_uniform", frame) * SPREAD))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        variance = drawn["sigma_uniform"] ** 2
        return flat.noisier("pixel", variance, UNIFORM.kurtosis * variance**2)

    def noise(self, drawn: Mapping[str, float]) -> "Distribution":
        from scipy.stats import uniform as law

        width = drawn["sigma_uniform"] * SPREAD
        return law(loc=-width / 2, scale=width)


class ScaledPoisson(_Plain):
    r"""Shot noise in units of white: :math:`y = \mathrm{Poisson}(\Lambda x) / \Lambda`.

    Where noise that came before has made x negative the count is 0.

    Attributes:
        peak: Lambda, mean events at white; 30 is the literature's usual one.
    """

    kind: Literal["scaled_poisson"] = "scaled_poisson"
    names = {"peak": "peak"}

    peak: Peak | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.SHOT),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        peak = drawn.per_image("peak", frame)
        count = poisson(key.words(frame)[Lane.SHOT], positive_part(frame.data) * peak)
        return frame.with_data(count / peak)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        flat = flat if flat.quiet else flat.bounded(0.0, float("inf"), "ScaledPoisson")
        return flat.noisier("pixel", flat.mean / drawn["peak"], flat.mean / drawn["peak"] ** 3)


class Speckle(_Plain):
    r"""Multiplicative noise: :math:`y = x + x n`, n of mean 0.

    Attributes:
        variance: of n; a variance, as the literature states it.
        law: of n, "uniform" within sqrt(3 variance), or "normal".
    """

    kind: Literal["speckle"] = "speckle"
    names = {"variance": "speckle_variance"}

    variance: WhiteVariance | Law
    law: Literal["uniform", "normal"] = "uniform"

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.SPECKLE, 0),)

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        return {"sigma_speckle": sqrt(drawn["speckle_variance"])}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        word, sigma = key.words(frame, Stream.SPECKLE)[0], drawn.per_image("sigma_speckle", frame)
        n = normal(word) * sigma if self.law == "normal" else (uniform(word) - 0.5) * (sigma * SPREAD)
        return frame.with_data(frame.data + frame.data * n)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        v, second = drawn["speckle_variance"], flat.mean**2 + flat.variance
        excess = UNIFORM.kurtosis if self.law == "uniform" else 0.0
        return flat.noisier("pixel", v * second, excess * (v * second) ** 2)


class Impulse(_Plain):
    """Pixels that are lost: each value is black (or white) with some probability. Its mean is not 0.

    Attributes:
        fraction: of all values that are hit.
        salt: of those, which part is white: 0 is Bernoulli or pepper noise, 0.5 salt and pepper.
    """

    kind: Literal["impulse"] = "impulse"
    names = {"fraction": "impulse_fraction"}

    fraction: Fraction | Law
    salt: Fraction = 0.0

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.IMPULSE, 0), (Stream.IMPULSE, 1)) if 0 < self.salt < 1 else ((Stream.IMPULSE, 0),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        words = key.words(frame, Stream.IMPULSE)
        hit = uniform(words[0]) < drawn.per_image("impulse_fraction", frame)
        white, black = torch.ones_like(frame.data), torch.zeros_like(frame.data)
        level = torch.where(uniform(words[1]) < self.salt, white, black)
        return frame.with_data(torch.where(hit, level, frame.data))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        hit = drawn["impulse_fraction"]
        kept = flat.scaled(1 - hit)  # what rows and columns share survives where pixels do
        mean = kept.mean + hit * self.salt
        values = [(1 - hit, flat.mean), (hit * self.salt, 1.0), (hit * (1 - self.salt), 0.0)]
        second, fourth = (sum(p * (at - mean) ** n for p, at in values) for n in (2, 4))
        own = (1 - hit) * flat.variance
        variance = second + own - (kept.variance - kept.pixel.variance)
        cumulant = fourth + 6 * (1 - hit) * (flat.mean - mean) ** 2 * flat.variance + 3 * (1 - hit) * flat.variance**2
        return replace(kept, mean=mean, pixel=Spread(variance, cumulant - 3 * variance**2))


class Stripes(_Plain):
    """Row and column noise where white = 1: one normal draw per row and one per column, new in every view.

    Attributes:
        sigma_row, sigma_col: standard deviation, white = 1.
    """

    kind: Literal["stripes"] = "stripes"
    names = {"sigma_row": "stripe_row", "sigma_col": "stripe_col"}

    sigma_row: White | Law = 0.0
    sigma_col: White | Law = 0.0

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.ROW, 0), (Stream.COLUMN, 0))

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        rows = normal(key.row_words(frame, Stream.ROW)) * drawn.per_image("stripe_row", frame)
        columns = normal(key.column_words(frame, Stream.COLUMN)) * drawn.per_image("stripe_col", frame)
        return frame.with_data(frame.data + rows + columns)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.noisier("row", drawn["stripe_row"] ** 2).noisier("column", drawn["stripe_col"] ** 2)


class Clip(Stage):
    """Cuts what lies outside [0, 1], as an image file would. It biases the mean of every method's targets."""

    kind: Literal["clip"] = "clip"
    takes = (Unit.ENCODED, Unit.LINEAR)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(_clipped(frame.data))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.bounded(0.0, 1.0, "Clip")


def _clipped(x: Tensor) -> Tensor:
    return torch.minimum(positive_part(x), torch.ones_like(x))


class EightBits(Stage):
    r"""Clips to [0, 1] and rounds to multiples of 1/255: :math:`\lfloor 255 v + 1/2 \rfloor / 255`.

    The clean view is clipped and not rounded.
    """

    kind: Literal["eight_bits"] = "eight_bits"
    takes = (Unit.ENCODED, Unit.LINEAR)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        level = torch.floor(_clipped(frame.data) * 255.0 + 0.5)
        return frame.with_data(level / torch.full_like(level, 255.0))

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(_clipped(frame.data))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        if flat.pixel.variance**0.5 < FINE / 255:
            raise ValueError(f"EightBits states no moments of temporal noise under {FINE:g} of its step of 1/255")
        variance = 1 / 255**2 / 12
        return flat.bounded(0.0, 1.0, "EightBits").noisier("pixel", variance, UNIFORM.kurtosis * variance**2)
