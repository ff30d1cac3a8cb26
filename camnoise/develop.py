"""From what the sensor recorded, in three planes, to a photograph to look at."""

from collections.abc import Mapping
from typing import Literal, Self

import numpy as np
import torch
from pydantic import model_validator
from torch import Tensor

from .color import Matrix, camera_columns, check_planes, cut, gains_of, mixed, srgb_columns, with_unit_rows
from .elementary import power, sqrt
from .flat import Flat
from .frame import Frame
from .keys import Key
from .laws import Law
from .stage import Parameters, Stage
from .units import Unit
from .unprocess import FLOOR, Curve, Dimming, WhiteBalance

_KNEE = 0.0031308  # of the standard sRGB curve, scene-linear


class Develop(Stage):
    r"""Processes linear camera planes to encoded sRGB: gains, color matrix, gamma, as Brooks et al. do.

    .. math:: x \to x \, (\mathrm{red}, 1, \mathrm{blue}) / g, \quad x \to M^{-1} x, \quad v = \max(x, 10^{-8})^{1/2.2}

    cut to [0, 1] after the gains and after the matrix. In a chain with `Unprocess` it takes what that stage drew, and
    with the same curve and tone curve it is its inverse: where `Unprocess` cut nothing and protected nothing, and the
    balanced values do not pass 1 (or with `cut_balanced=False`), the photograph comes back within float32 rounding.
    Without, it has gains and a matrix of its own (as a RAW file states them).

    Attributes:
        red_gain, blue_gain: white balance, green = 1; None for those of `Unprocess`.
        dimming: the picture is divided by it; None for that of `Unprocess`, or for 1 beside gains of its own.
        matrix: linear sRGB to camera (its inverse is applied), by rows, normalized to sum 1; None for `Unprocess`'s.
        brighten: whether `dimming` is undone; the published processing does not, and shows darker pictures.
        cut_balanced: whether values are cut to [0, 1] before the matrix, as published: burnt highlights become
            white. Without, saturated colors keep what lies above 1 until after the matrix, and burnt ones turn pink.
        tone_curve: whether the smoothstep is applied at the end. The published processing has none, though its
            `Unprocess` undoes one.
        curve: "gamma" as published, or "srgb", the curve of the standard.

    Raises:
        ValueError: some of red_gain, blue_gain and matrix without the others, or a matrix without an inverse.

    References:
        | Unprocessing Images for Learned Raw Denoising (Brooks et al., CVPR 2019), https://arxiv.org/abs/1811.11127
        | https://github.com/google-research/google-research/tree/master/unprocessing (`process`, which cuts the
        | balanced values before it demosaics and not after)
    """

    kind: Literal["develop"] = "develop"
    takes = (Unit.LINEAR,)
    gives = Unit.ENCODED
    names = {"dimming": "dimming", "red_gain": "red_gain", "blue_gain": "blue_gain"}

    red_gain: WhiteBalance | Law | None = None
    blue_gain: WhiteBalance | Law | None = None
    dimming: Dimming | Law | None = None
    matrix: Matrix | None = None
    brighten: bool = True
    cut_balanced: bool = True
    tone_curve: bool = False
    curve: Curve = "gamma"

    @model_validator(mode="after")
    def _whole(self) -> Self:
        own = {name: getattr(self, name) is not None for name in ("red_gain", "blue_gain", "matrix")}
        if len({*own.values()}) > 1 or (self.dimming is not None and not any(own.values())):
            missing = " and ".join(name for name, has in own.items() if not has)
            raise ValueError(f"Develop is without {missing}, wanted all three of its own, or all from Unprocess")
        return self

    @property
    def alone(self) -> bool:
        """Whether it has gains and a matrix of its own, and needs no `Unprocess`."""
        return self.matrix is not None

    def needs(self) -> set[str]:
        """As `Stage.needs`; what it does not state itself `Unprocess` has drawn."""
        return super().needs() | (set() if self.alone else set(self.names.values()))

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        columns: dict[str, Tensor] = {}
        if self.matrix is not None:
            own = with_unit_rows(np.asarray(self.matrix, np.float64))
            columns = camera_columns(np.broadcast_to(own, (drawn.batch, 3, 3)).copy())
        red, blue = drawn["red_gain"], drawn["blue_gain"]
        one = torch.ones_like(red)
        by = drawn["dimming"] if self.brighten and "dimming" in drawn else one
        return {
            **columns,
            **srgb_columns({**drawn, **columns}),
            **{"develop_R": red / by, "develop_G": one / by, "develop_B": blue / by},
        }

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        check_planes(frame, "Develop", "; a mosaic goes through Demosaic first")
        balanced = frame.data * gains_of(frame, drawn, "develop")
        balanced = cut(balanced) if self.cut_balanced else balanced
        light = cut(mixed(frame.with_data(balanced), drawn, "srgb"))
        v = srgb_encoded(light) if self.curve == "srgb" else gamma_compressed(light)
        return frame.with_data(cut(smoothstep(v) if self.tone_curve else v), Unit.ENCODED)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        raise ValueError("Develop states no moments of a flat field: it mixes the planes and is not linear")


def smoothstep(u: Tensor) -> Tensor:
    """v = 3 u^2 - 2 u^3, both in [0, 1]; any shape, float32, within 2e-7 of its value."""
    return (u * u) * (3.0 - u * 2.0)


def gamma_compressed(x: Tensor) -> Tensor:
    """max(x, 1e-8)^(1/2.2), x in [0, 1]; any shape, float32, within 3e-7 of its value."""
    x = torch.where(x > FLOOR, x, FLOOR)
    return sqrt(x) * power(x, 1 / 2.2 - 0.5)


def srgb_encoded(x: Tensor) -> Tensor:
    """Encoded sRGB from scene-linear x in [0, 1]; any shape, float32, within 5e-7 of its value.

    References:
        | IEC 61966-2-1:1999
    """
    above = torch.where(x > _KNEE, x, _KNEE)
    root = sqrt(above) * power(above, 1 / 2.4 - 0.5)
    curve = root + (root - 1.0) * 0.055  # which is 1 at 1
    return torch.where(x > _KNEE, curve, x * 12.92)
