"""Noise level functions: a whole sensor as one normal draw per pixel whose variance follows the light."""

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .distributions import LogUniform, SquaredUniform, Uniform
from .draws import normal
from .elementary import positive_part, sqrt
from .flat import Flat
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law, LogLinear
from .stage import Dice, Noise, Parameters
from .units import Fraction, Unit, White, WhiteVariance

ShotVariance = Annotated[float, Field(ge=0, le=100, description="white = 1, variance per unit of light")]
DARKEST_MEAN = 0.05  # of a frame, below which `LevelNoise` stops raising lambda_shot


class _LevelFunction(Noise):
    takes = (Unit.ENCODED, Unit.LINEAR)

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.READ),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        shot, read = (drawn.per_image(name, frame) for name in ("lambda_shot", "lambda_read"))
        deviation = sqrt(positive_part(frame.data) * shot + read)
        return frame.with_data(frame.data + normal(key.words(frame)[Lane.READ]) * deviation)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        flat = flat if flat.quiet else flat.bounded(0.0, float("inf"), type(self).__name__)
        return flat.noisier("pixel", drawn["lambda_shot"] * flat.mean + drawn["lambda_read"])


class Heteroscedastic(_LevelFunction):
    r"""The noise level function: :math:`y = x + \sqrt{\lambda_\mathrm{shot} x + \lambda_\mathrm{read}} \; z`.

    The variance follows the clean signal, and nothing is clipped. On encoded values unless a
    `Linearize` comes before; the physics holds for linear ones. Where noise that came before has
    made x negative, its share of the variance is 0.

    Attributes:
        lambda_shot, lambda_read: variances where white = 1: K r / S and r^2 sigma^2 / S^2 of a
            sensor (`camnoise.vocabulary`).

    References:
        | Practical Poissonian-Gaussian Noise Modeling and Fitting for Single-Image Raw-Data
        | (Foi, Trimeche, Katkovnik & Egiazarian, IEEE TIP 2008), https://doi.org/10.1109/TIP.2008.2001399
    """

    kind: Literal["heteroscedastic"] = "heteroscedastic"
    names = {"lambda_shot": "lambda_shot", "lambda_read": "lambda_read"}

    lambda_shot: ShotVariance | Law
    lambda_read: WhiteVariance | Law


class LevelNoise(_LevelFunction):
    r"""`Heteroscedastic` noise of a stated strength, whatever the picture.

    .. math::
        \lambda_\mathrm{read} = (1 - \rho) \, \sigma^2, \qquad
        \lambda_\mathrm{shot} = \rho \, \sigma^2 / \max(\bar x, 0.05)

    The mean variance over the frame is then sigma squared (in frames brighter than 0.05), so that
    denoisers can be compared at one level. :math:`\bar x` is the mean of the *whole* frame: of a crop it
    must be given (`frame_mean`), because a crop has another.

    Attributes:
        sigma: standard deviation over the frame, white = 1.
        shot_share: rho, the part of the variance that follows the light.
    """

    kind: Literal["level_noise"] = "level_noise"
    names = {"sigma": "level", "shot_share": "shot_share"}
    wants_mean = True

    sigma: White | Law
    shot_share: Fraction | Law

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        if "frame_mean" not in drawn:  # drawn without a picture
            return {}
        variance, share = drawn["level"] * drawn["level"], drawn["shot_share"]
        shot = share * variance / drawn["frame_mean"].clamp(min=DARKEST_MEAN)
        return {"lambda_shot": shot, "lambda_read": (1.0 - share) * variance}


def brooks() -> Heteroscedastic:
    """The prior of Brooks et al.: lambda_shot log-uniform, lambda_read around a line in it; for linear light.

    Natural logarithms of variances; 0.26 is a deviation. (A reprint has the bounds ten times too high.)

    References:
        | Unprocessing Images for Learned Raw Denoising (Brooks et al., CVPR 2019)
        | https://arxiv.org/abs/1811.11127
    """
    return Heteroscedastic(
        lambda_shot=LogUniform(low=1e-4, high=0.012),
        lambda_read=LogLinear(of="lambda_shot", slope=2.18, bias=1.20, scatter=0.26),
    )


def rcl(sigma_max: float = 20 / 255, sigma_min: float = 0.0) -> Heteroscedastic:
    r"""How RCL draws its noise: the deviations of both parts independent and uniform.

    Bounds of sigma_min / sqrt 2 and sigma_max / sqrt 2 for each keep
    :math:`\sqrt{\lambda_\mathrm{shot} \bar x + \lambda_\mathrm{read}}` at most sigma_max for every picture.

    References:
        | Dong et al., IJCAI 2022, https://arxiv.org/abs/2106.10070 (appendix)
    """
    low, high = (edge / 2**0.5 for edge in (sigma_min, sigma_max))
    return Heteroscedastic(
        lambda_shot=SquaredUniform(low=low, high=high), lambda_read=SquaredUniform(low=low, high=high)
    )


def rcl_level(sigma_max: float = 20 / 255, sigma_min: float = 0.0) -> LevelNoise:
    """As `rcl`, with a level per image that is exactly uniform, and any split between the two parts."""
    return LevelNoise(sigma=Uniform(low=sigma_min, high=sigma_max), shot_share=Uniform(low=0.0, high=1.0))


def frame_mean(data: Tensor) -> Tensor:
    """The mean of each image, (batch,) float32: a sum of integers, the same in any order of its pixels.

    Args:
        data: (batch, channel, row, col) float32, magnitudes up to 64; rounded to 2^-24 of white.
    """
    levels = torch.floor(data.double() * 2.0**24 + 0.5).long()
    total = levels.flatten(1).sum(1).double()
    count = torch.full_like(total, float(data.shape[1:].numel()) * 2.0**24)
    return (total / count).float().cpu()
