"""From a photograph to light, and from light to the mean number of electrons."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from .elementary import positive_part, power
from .flat import Flat
from .frame import Frame
from .keys import Key
from .laws import Law
from .stage import Parameters, Stage
from .units import DigitalNumbers, Unit

Ratio = Annotated[float, Field(ge=1, le=1e5, description="how many times under-exposed")]


class Linearize(Stage):
    r"""Decodes sRGB to scene-linear light, white = 1.

    .. math:: x = v / 12.92 \;(v \le 0.04045), \quad ((v + 0.055) / 1.055)^{2.4} \;\text{otherwise}

    Values of 8-bit images (n / 255) come from a table of 256 correctly rounded entries; others
    from our own power, within 5e-7 relative.

    References:
        | IEC 61966-2-1:1999
    """

    kind: Literal["linearize"] = "linearize"
    takes = (Unit.ENCODED,)
    gives = Unit.LINEAR

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(decode_srgb(frame.data), Unit.LINEAR)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        if not flat.quiet:
            raise ValueError("Linearize states no moments of a field that is noisy already: it is not linear")
        return replace(flat, mean=decode_srgb(torch.tensor(flat.mean)).item())


def decode_srgb(v: Tensor) -> Tensor:
    """Scene-linear float32 from encoded sRGB in [0, 1]; any shape."""
    levels = torch.full_like(v, 255.0)
    level = torch.floor(v * levels + 0.5)
    inside = torch.minimum(positive_part(level), levels)  # noise may have gone beyond
    table = decoded_levels().to(v.device)[inside.long()]
    on_table = (level / levels == v) & (v >= 0) & (v <= 1)
    if on_table.all():
        return table
    return torch.where(on_table, table, srgb_curve(v))


def srgb_curve(v: Tensor) -> Tensor:
    """Scene-linear light from encoded sRGB beside the table."""
    w = (v + 0.055) / torch.full_like(v, 1.055)
    curve = w * w * power(w, 0.4)
    line = v / torch.full_like(v, 12.92)
    return torch.where(v <= 0.04045, line, curve)


@cache
def decoded_levels() -> Tensor:
    """(256,) float32: the decoded n / 255."""
    v = np.arange(256) / 255
    curve = ((v + 0.055) / 1.055) ** 2.4  # float64: its last bit, which may differ by platform, rounds away
    return torch.from_numpy(np.where(v <= 0.04045, v / 12.92, curve).astype(np.float32))


class Expose(Stage):
    r"""Scene-linear light to mean electrons: :math:`\mu = x \, (\mathrm{white} - \mathrm{black}) / (K r)`.

    White (x = 1) just reaches the white level after the gain; a ratio r > 1 is a low-light shot,
    r times under-exposed, that `Normalize` multiplies back.

    Attributes:
        black: pedestal of the raw file, DN.
        white: saturation level of the raw file, DN.
        ratio: r, how many times under-exposed.

    References:
        | Learning to See in the Dark (Chen et al., CVPR 2018), https://arxiv.org/abs/1805.01934
    """

    kind: Literal["expose"] = "expose"
    takes = (Unit.LINEAR,)
    gives = Unit.ELECTRON
    names = {"black": "black", "white": "white", "ratio": "ratio"}
    reads = ("K",)

    black: DigitalNumbers | Law
    white: DigitalNumbers | Law
    ratio: Ratio | Law = 1.0

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        span = drawn["white"] - drawn["black"]
        if (span <= 0).any():
            at = int((span <= 0).nonzero()[0])
            raise ValueError(
                f"Expose: white is {drawn['white'][at]:g} DN, wanted above black, {drawn['black'][at]:g} DN"
            )
        return {"electrons_at_white": span / (drawn["K"] * drawn["ratio"])}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(frame.data * drawn.per_image("electrons_at_white", frame), Unit.ELECTRON)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        return flat.scaled(drawn["electrons_at_white"])
