"""From a developed photograph back to what the camera's sensor saw of the scene."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from .color import Matrix, camera_columns, check_planes, cut, gains_of, mixed, random_cameras, with_unit_rows
from .distributions import Normal, Uniform
from .elementary import polynomial, positive_part, power, sqrt
from .flat import Flat
from .frame import Frame
from .keys import Key
from .laws import Law
from .light import decode_srgb
from .stage import Parameters, Stage
from .units import Unit

Dimming = Annotated[float, Field(ge=0.05, le=20, description="factor; its reciprocal is the published rgb gain")]
WhiteBalance = Annotated[float, Field(ge=0.05, le=20, description="gain, green = 1")]
Weight = Annotated[float, Field(ge=0, le=1e8, description="weight")]
Curve = Literal["gamma", "srgb"]

FLOOR = 1e-8  # below it the published gamma curve is flat
PROTECTED = 0.9  # mean of the planes above which highlights keep their brightness
# u / sqrt(v) of the inverse smoothstep by sqrt(v), v in [0, 1/2], within 1.1e-4: the start of one Newton step.
_ROOT = (0.57741195, 0.10724858, 0.0912394, -0.08881223, 0.15825298)


class Unprocess(Stage):
    r"""Undoes a camera's processing: encoded sRGB to linear camera red, green and blue, white = 1.

    In the published order: the image, cut to [0, 1]; tone curve, :math:`u` of :math:`v = 3 u^2 - 2 u^3`; gamma,
    :math:`\max(u, 10^{-8})^{2.2}`; color matrix, whose rows sum to 1; gains, with g = `dimming`,

    .. math:: x \to x \, \max(\alpha + (1 - \alpha) f, f), \quad
              f = \left(\tfrac{g}{\mathrm{red}}, g, \tfrac{g}{\mathrm{blue}}\right), \quad
              \alpha = \left(\tfrac{\max(\bar x - 0.9, 0)}{0.1}\right)^2

    so that what is white stays white (`protected`; :math:`\bar x` is the mean of the three planes); and cut to [0, 1].
    All but the two cuts, the floor and the protected highlights is undone by `Develop`. Each is drawn once per image,
    and the table holds it, beside what follows: `rgb_gain`, and the matrix as `camera_RR` to `camera_BB`.

    Attributes:
        dimming: one over the published rgb gain: how much darker the sensor saw the scene than it was shown.
        red_gain, blue_gain: the white balance that was applied, green = 1.
        ccm_0, ccm_1, ccm_2, ccm_3: weights of the four published cameras, of which the mean is taken.
        matrix: linear sRGB to camera, by rows, instead of that mean; rows are normalized to sum 1.
        tone_curve: whether the smoothstep is undone.
        curve: "gamma" as published, or "srgb", the curve of the standard.

    Raises:
        ValueError: a matrix without an inverse, or with a row that sums to 0.

    References:
        | Unprocessing Images for Learned Raw Denoising (Brooks et al., CVPR 2019), https://arxiv.org/abs/1811.11127
        | https://github.com/google-research/google-research/tree/master/unprocessing: numbers, order, protection
    """

    kind: Literal["unprocess"] = "unprocess"
    takes = (Unit.ENCODED,)
    gives = Unit.LINEAR
    names = {
        **{"dimming": "dimming", "red_gain": "red_gain", "blue_gain": "blue_gain"},
        **{"ccm_0": "ccm_0", "ccm_1": "ccm_1", "ccm_2": "ccm_2", "ccm_3": "ccm_3"},
    }

    dimming: Dimming | Law = Normal(mean=0.8, sigma=0.1)
    red_gain: WhiteBalance | Law = Uniform(low=1.9, high=2.4)
    blue_gain: WhiteBalance | Law = Uniform(low=1.5, high=1.9)
    ccm_0: Weight | Law = Uniform(low=0, high=1)
    ccm_1: Weight | Law = Uniform(low=0, high=1)
    ccm_2: Weight | Law = Uniform(low=0, high=1)
    ccm_3: Weight | Law = Uniform(low=0, high=1)
    matrix: Matrix | None = None
    tone_curve: bool = True
    curve: Curve = "gamma"

    def laws(self) -> dict[str, Any]:
        """As `Stage.laws`; with a matrix of its own it draws no weights."""
        every = super().laws()
        return every if self.matrix is None else {n: law for n, law in every.items() if not n.startswith("ccm_")}

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        if self.matrix is not None:
            own = with_unit_rows(np.asarray(self.matrix, np.float64))
            matrices = np.broadcast_to(own, (drawn.batch, 3, 3)).copy()
        else:
            weights = [drawn[f"ccm_{number}"] for number in range(4)]
            if (((weights[0] + weights[1]) + weights[2]) + weights[3] <= 0).any():
                raise ValueError("Unprocess: the four weights of an image are 0, wanted at least one above")
            matrices = random_cameras(weights)
        dimming = drawn["dimming"]
        return {
            "rgb_gain": torch.ones_like(dimming) / dimming,
            "unprocess_R": dimming / drawn["red_gain"],
            "unprocess_G": dimming,
            "unprocess_B": dimming / drawn["blue_gain"],
            **camera_columns(matrices),
        }

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        check_planes(frame, "Unprocess")
        encoded = cut(frame.data)
        flat = inverse_smoothstep(encoded) if self.tone_curve else encoded
        light = decode_srgb(flat) if self.curve == "srgb" else gamma_expanded(flat)
        camera = mixed(frame.with_data(light), drawn, "camera")
        return frame.with_data(cut(protected(camera, gains_of(frame, drawn, "unprocess"))), Unit.LINEAR)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        if not flat.quiet:
            raise ValueError("Unprocess states no moments of a field that is noisy already: it is not linear")
        gains = {drawn[f"unprocess_{plane}"] for plane in "RGB"}
        if flat.site is None and len(gains) > 1:
            raise ValueError(
                "Unprocess states no one mean of three planes of different gains, wanted the pixel's filter"
            )
        plane = "G" if flat.site is None else flat.site[0]
        if plane not in "RGB":
            raise ValueError(f"Unprocess states no mean under a clear filter, {flat.site}, wanted R, G1, G2, B or G")
        columns = {name: torch.tensor([value], dtype=torch.float32) for name, value in drawn.items()}
        gray = torch.full((1, 3, 1, 1), flat.mean, dtype=torch.float32)
        frame = Frame(gray, Unit.ENCODED, torch.zeros((1, 2), dtype=torch.int64))
        made = self.apply(frame, Key(0, torch.zeros(1, dtype=torch.int64)), Parameters(columns, 1))
        return replace(flat, mean=made.data[0, "RGB".index(plane)].item())


def inverse_smoothstep(v: Tensor) -> Tensor:
    """u of v = 3 u^2 - 2 u^3, both in [0, 1]; any shape, float32, within 2e-7 of its value.

    A polynomial and one Newton step below 1/2, and 1 - u(1 - v) above: the same bits on every device, where the
    published 1/2 - sin(asin(1 - 2 v)/3) takes its sine from the platform. Below 1e-20 it is 0.
    """
    upper = v > 0.5
    low = torch.where(upper, 1.0 - v, v)
    some = low > 1e-20
    low = torch.where(some, low, 1e-20)
    root = sqrt(low)
    u = root * polynomial(root, _ROOT)
    u = u - ((u * u) * (3.0 - u * 2.0) - low) / ((u - u * u) * 6.0)
    u = torch.where(some, u, 0.0)
    return torch.where(upper, 1.0 - u, u)


def gamma_expanded(u: Tensor) -> Tensor:
    """max(u, 1e-8)^2.2; any shape, float32, within 7e-7 of its value."""
    x = torch.where(u > FLOOR, u, FLOOR)
    return (x * x) * power(x, 0.2)


def protected(image: Tensor, gains: Tensor) -> Tensor:
    """An image times gains that come near 1 where it is white: (batch, 3, row, col) float32.

    Where the mean of the planes is 0.9 or less the gains are as they are, and dividing undoes them. Above, by the
    square of the way to 1, they are drawn to 1: which they were cannot be told from the result.

    Args:
        image: (batch, 3, row, col) float32.
        gains: (batch, 3, 1, 1) float32.
    """
    red, green, blue = (image[:, plane : plane + 1] for plane in range(3))
    gray = ((red + green) + blue) / torch.full_like(red, 3.0)
    way = positive_part(gray - PROTECTED) / torch.full_like(gray, 0.1)
    share = way * way
    drawn_to_1 = share + (1.0 - share) * gains
    return image * torch.where(drawn_to_1 > gains, drawn_to_1, gains)
