"""Noise that whole rows and columns share, in black-subtracted DN."""

from collections.abc import Mapping
from functools import reduce
from math import cos, pi
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from .draws import normal
from .elementary import cosine_of_word, sqrt
from .flat import Flat
from .flat import Kind as FlatKind
from .frame import Frame
from .keys import Key, Stream
from .laws import Law
from .stage import Dice, Noise, Parameters
from .units import Deviation, Unit

Octaves = Annotated[int, Field(ge=1, le=16, description="octaves of 1/f")]
Period = Annotated[float, Field(ge=2, le=65_536, description="rows or columns")]


class Banding(Noise):
    r"""Row and column noise: one normal draw per row and one per column of the *sensor*.

    .. math:: y_{ij} = x_{ij} + \sigma_\mathrm{row} z_i + \sigma_\mathrm{col} z_j

    Rows are those of the mosaic (or of all three planes together), never of a packed plane. Row
    noise is temporal: new in every view. Column noise belongs to the body ("fixed": the column
    amplifiers of that camera), or is temporal too.

    With more than one octave the rows of a frame are correlated: z_i is a sum of `octaves` equal
    parts, the k-th of them held for 2^k rows from a first row of chance. Its spectrum falls as 1/f
    down to 1 / 2^octaves cycles a row, its deviation is the same, and rows l apart have the
    correlation :math:`\sum_k \max(0, 1 - l / 2^k) / \mathrm{octaves}`. (Voss and McCartney's
    generator, addressed instead of run.)

    Attributes:
        sigma_row, sigma_col: standard deviation, DN.
        columns: whether column noise is "fixed" to the body or "temporal".
        octaves: of the row noise; 1 is white.

    References:
        | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
        | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["banding"] = "banding"
    takes = (Unit.DN,)
    names = {"sigma_row": "sigma_row", "sigma_col": "sigma_col"}

    sigma_row: Deviation | Law = 0.0
    sigma_col: Deviation | Law = 0.0
    columns: Literal["fixed", "temporal"] = "fixed"
    octaves: Octaves = 1

    @property
    def dice(self) -> tuple[Dice, ...]:
        where = ((Stream.ROW, 1),) if self.octaves > 1 else ()
        return ((Stream.ROW, 0), *where, (self.column_stream, 0))

    @property
    def column_stream(self) -> Stream:
        """Where the columns' draws come from."""
        return Stream.COLUMN_FIXED if self.columns == "fixed" else Stream.COLUMN

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        """`sigma_octave`, the deviation of each part."""
        root = sqrt(torch.full_like(drawn["sigma_row"], float(self.octaves)))
        return {"sigma_octave": drawn["sigma_row"] / root} if self.octaves > 1 else {}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        if self.octaves == 1:
            rows = normal(key.row_words(frame, Stream.ROW)) * drawn.per_image("sigma_row", frame)
        else:
            parts = (normal(key.octave_words(frame, Stream.ROW, octave)) for octave in range(self.octaves))
            rows = reduce(torch.add, parts) * drawn.per_image("sigma_octave", frame)
        columns = normal(key.column_words(frame, self.column_stream)) * drawn.per_image("sigma_col", frame)
        return frame.with_data(frame.data + rows + columns)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        column: FlatKind = "fixed_column" if self.columns == "fixed" else "column"
        flat = flat.noisier("row", drawn["sigma_row"] ** 2).noisier(column, drawn["sigma_col"] ** 2)
        part = drawn["sigma_row"] ** 2 / self.octaves
        lags = range(1, 2 ** (self.octaves - 1))
        held = ([max(0.0, 1 - lag / 2**k) for k in range(self.octaves)] for lag in lags)
        return flat.correlated("row", [part * sum(octave) for octave in held])


class PeriodicBanding(Noise):
    r"""A wave along the frame: flicker under a rolling shutter, or a disturbed supply.

    .. math:: y_{ij} = x_{ij} + \sqrt 2 \, \sigma \cos 2 \pi (\varphi + i / p)

    The phase is new in every exposure and image, so that a wave that is added up over views fades
    as noise does. It is counted in 2^32 parts of a turn, so that the wave is exact in any crop.

    Attributes:
        sigma: standard deviation, DN: the amplitude is sqrt(2) times it.
        period: p, rows (or columns) per wave, at least 2.
        axis: whether it runs along the "rows" of the frame or its "columns".
    """

    kind: Literal["periodic_banding"] = "periodic_banding"
    takes = (Unit.DN,)
    names = {"sigma": "sigma_periodic", "period": "period"}

    sigma: Deviation | Law
    period: Period | Law
    axis: Literal["rows", "columns"] = "rows"

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PERIODIC, 0),)

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        """`amplitude`, and `frequency` in turns per row."""
        two, one = torch.full_like(drawn["period"], 2.0), torch.ones_like(drawn["period"])
        return {"amplitude": drawn["sigma_periodic"] * sqrt(two), "frequency": one / drawn["period"]}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        # Powers of two: the product and the conversion are exact.
        step = (drawn.per_image("frequency", frame) * 2.0**32).long()
        place = frame.rows()[:, None] if self.axis == "rows" else frame.columns()[:, None]
        phase = key.image_words(Stream.PERIODIC, frame.data.device)[0].long()
        angle = (((phase + place * step) << 32) >> 32).to(torch.int32)
        return frame.with_data(frame.data + cosine_of_word(angle) * drawn.per_image("amplitude", frame))

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        variance, line = drawn["sigma_periodic"] ** 2, self.axis.removesuffix("s")
        waves = [variance * cos(2 * pi * lag / drawn["period"]) for lag in range(1, 2**12)]
        kind: Literal["row", "column"] = "row" if line == "row" else "column"
        return flat.noisier(kind, variance, -1.5 * variance**2).correlated(kind, waves)
