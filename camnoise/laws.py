"""Laws of parameters: what a field of a stage may hold instead of a number.

A law is sampled once per image, by address, on the CPU, in float32 and in the arithmetic of
`elementary`, before any stage is applied. K is drawn first; the other laws may depend on it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from .draws import normal, uniform
from .elementary import EXP_RANGE, exp, log
from .value import Value

# A parameter's address is the number of its name. Append only: draws depend on it.
NUMBERS = {
    "K": 0,
    "ratio": 1,
    "sigma_read": 2,
    "lam": 3,
    "nu": 4,
    "sigma_row": 5,
    "sigma_col": 6,
    "entry": 7,  # which of several table entries at one gain; shared by every table of a camera
    "black": 8,
    "white": 9,
    "bits": 10,
    "step": 11,
    "full_well": 12,
    "scale_read": 13,
    "bias_R": 14,
    "bias_G1": 15,
    "bias_G2": 16,
    "bias_B": 17,
}
VALUE, SCATTER = 0, 1  # the lanes of a parameter's words

Positive = Annotated[float, Field(gt=0)]
_Gains = Annotated[tuple[Positive, ...], Field(min_length=1, description="DN per electron, ascending")]


class Fixed(Value):
    """The same value for every image; a bare number means this."""

    kind: Literal["fixed"] = "fixed"
    value: float


class LogUniform(Value):
    """Uniform in the logarithm, from `low` to `high`."""

    kind: Literal["log_uniform"] = "log_uniform"
    low: Positive
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"LogUniform: low is {self.low:g}, wanted at most high, {self.high:g}")
        return self

    def sample(self, words: Tensor, entry: Tensor, gain: Tensor) -> Tensor:
        """One value per image.

        Args:
            words: (4, batch) int32, of this parameter's address.
            entry: (batch,) int32, of the camera's choice of table entry.
            gain: (batch,) float32, K; no law of K itself reads it.

        Returns:
            (batch,) float32.
        """
        low, high = _column([self.low, self.high])
        start = log(low)
        drawn = exp(start + uniform(words[VALUE]) * (log(high) - start))
        return torch.minimum(torch.maximum(drawn, low), high)  # exp(log(x)) may miss x by an ulp


class LogLinear(Value):
    r"""A power of the gain: :math:`\log y = \mathrm{slope} \cdot \log K + \mathrm{bias} + \mathrm{scatter} \cdot z`.

    Natural logarithms; z is standard normal, one per image.

    References:
        | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
        | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
    """

    kind: Literal["log_linear"] = "log_linear"
    slope: float
    bias: float
    scatter: Annotated[float, Field(ge=0)] = 0.0

    def sample(self, words: Tensor, entry: Tensor, gain: Tensor) -> Tensor:
        """As `LogUniform.sample`."""
        line = log(gain) * self.slope + self.bias
        exponent = line + normal(words[SCATTER]) * self.scatter
        return exp(exponent.clamp(*EXP_RANGE))  # beyond it no field's bounds admit the value anyway


class NearestInGain(Value):
    """A calibrated table: the entry whose gain is nearest in log K.

    Several entries may share a gain; one word per image, the same for every table of the camera,
    chooses among them, so that shape and bias of one calibration stay together.
    """

    kind: Literal["nearest_in_gain"] = "nearest_in_gain"
    K: _Gains
    values: tuple[float, ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_table(self.K, self.values, "NearestInGain", repeats=True)
        return self

    def sample(self, words: Tensor, entry: Tensor, gain: Tensor) -> Tensor:
        """As `LogUniform.sample`."""
        gains = sorted(set(self.K))
        distance = (log(gain)[:, None] - log(_column(gains))[None]).abs()
        nearest = torch.from_numpy(distance.numpy().argmin(axis=1))  # of two equally near, the lower
        first = _column([self.K.index(g) for g in gains])[nearest].long()
        count = _column([self.K.count(g) for g in gains])[nearest]
        step = torch.floor(uniform(entry) * count).minimum(count - 1.0).long()
        return _column(self.values)[first + step]


class InterpolatedInGain(Value):
    """A calibrated table, interpolated linearly against log K; in log y too where `log_values` says so."""

    kind: Literal["interpolated_in_gain"] = "interpolated_in_gain"
    K: _Gains
    values: tuple[float, ...]
    log_values: bool

    @model_validator(mode="after")
    def _fits(self) -> Self:
        _check_table(self.K, self.values, "InterpolatedInGain", repeats=False)
        if self.log_values and min(self.values) <= 0:
            raise ValueError(f"InterpolatedInGain: a value is {min(self.values):g}, wanted above 0 for its logarithm")
        return self

    def sample(self, words: Tensor, entry: Tensor, gain: Tensor) -> Tensor:
        """As `LogUniform.sample`.

        Raises:
            ValueError: a gain outside the table.
        """
        gains, values = _column(self.K), _column(self.values)
        outside = (gain < gains[0]) | (gain > gains[-1])
        if outside.any():
            raise ValueError(f"K is {gain[outside][0]:g}, wanted {self.K[0]:g} to {self.K[-1]:g}, where its table is")
        if len(self.K) == 1:
            return values.expand(gain.shape).clone()
        if self.log_values:
            values = log(values)
        right = torch.searchsorted(gains, gain).clamp(1, len(self.K) - 1)
        x, x0, x1 = (log(k) for k in (gain, gains[right - 1], gains[right]))
        y0, y1 = values[right - 1], values[right]
        y = y0 + (y1 - y0) * ((x - x0) / (x1 - x0))
        return exp(y) if self.log_values else y


Law = Annotated[Fixed | LogUniform | LogLinear | NearestInGain | InterpolatedInGain, Field(discriminator="kind")]
GAIN_LAWS = (LogLinear, NearestInGain, InterpolatedInGain)  # these read K


def _column(values: Sequence[float]) -> Tensor:
    """float32 on the CPU, whatever torch's defaults are."""
    return torch.tensor(values, dtype=torch.float32, device="cpu")


def _check_table(gains: Sequence[float], values: Sequence[float], name: str, *, repeats: bool) -> None:
    if len(gains) != len(values):
        raise ValueError(f"{name}: {len(gains)} gains for {len(values)} values")
    if any(b < a or (b == a and not repeats) for a, b in pairwise(gains)):
        raise ValueError(f"{name}: the gains {', '.join(f'{k:g}' for k in gains)} are not ascending")
