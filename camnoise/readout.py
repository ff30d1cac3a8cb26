"""From electrons to numbers: gain, read noise, color bias and banding, all in black-subtracted DN."""

from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor

from .draws import normal, student_t, tukey_lambda
from .frame import Frame
from .keys import Key, Lane, Stream
from .laws import Law
from .moments import LEAST_FREEDOM, LEAST_SHAPE, student_t_deviation, tukey_lambda_deviation
from .mosaic import site_at
from .stage import Dice, Parameters, Stage, fixed_value
from .units import Deviation, GainValue, Unit

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


class _Additive(Stage):
    """Noise in DN that the clean view leaves out."""

    takes = (Unit.DN,)

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame


class GaussianRead(_Additive):
    r"""Normal read noise: :math:`y = x + \sigma z`.

    Attributes:
        sigma: standard deviation, DN.
    """

    kind: Literal["gaussian_read"] = "gaussian_read"
    names = {"sigma": "sigma_read"}

    sigma: Deviation | Law

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.PIXEL, Lane.READ),)

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        noise = normal(key.words(frame)[Lane.READ]) * drawn.per_image("sigma_read", frame)
        return frame.with_data(frame.data + noise)


class _HeavyTailed(_Additive):
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


class ColorBias(_Additive):
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
        table = torch.cat([r, g1, g2, b], 1)[:, :, 0, 0]  # (batch, site)
        sites = site_at(frame, frame.cfa)
        bias = torch.gather(table, 1, sites.flatten(1)).reshape(frame.data.shape)
        return frame.with_data(frame.data + bias)


class Banding(_Additive):
    r"""Row and column noise: one normal draw per row and one per column of the *sensor*.

    .. math:: y_{ij} = x_{ij} + \sigma_\mathrm{row} z_i + \sigma_\mathrm{col} z_j

    Rows are those of the mosaic (or of all three planes together), never of a packed plane. Row
    noise is temporal: new in every view. Column noise belongs to the body ("fixed": the column
    amplifiers of that camera), or is temporal too.

    Attributes:
        sigma_row, sigma_col: standard deviation, DN.
        columns: whether column noise is "fixed" to the body or "temporal".

    References:
        | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
        | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
        | EMVA Standard 1288, release 4.0
    """

    kind: Literal["banding"] = "banding"
    names = {"sigma_row": "sigma_row", "sigma_col": "sigma_col"}

    sigma_row: Deviation | Law = 0.0
    sigma_col: Deviation | Law = 0.0
    columns: Literal["fixed", "temporal"] = "fixed"

    @property
    def dice(self) -> tuple[Dice, ...]:
        return ((Stream.ROW, 0), (self._column_stream, 0))

    @property
    def _column_stream(self) -> Stream:
        return Stream.COLUMN_FIXED if self.columns == "fixed" else Stream.COLUMN

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        rows = normal(key.row_words(frame, Stream.ROW)) * drawn.per_image("sigma_row", frame)
        columns = normal(key.column_words(frame, self._column_stream)) * drawn.per_image("sigma_col", frame)
        return frame.with_data(frame.data + rows + columns)
