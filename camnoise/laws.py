"""Laws of parameters: what a field of a stage may hold instead of a number.

A law is sampled once per image, by address, on the CPU, in float32 and in the arithmetic of
`elementary`, before any stage is applied. K and lambda_shot are drawn first; laws of other
parameters may depend on one of them.
"""

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from .distributions import (
    SCATTER,
    LogUniform,
    Normal,
    Positive,
    SquaredUniform,
    TruncatedNormal,
    Uniform,
    column,
)
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
    "sigma_prnu": 18,
    "dark_current": 19,
    "exposure_time": 20,
    "temperature": 21,
    "dark_spread": 22,
    "hot_fraction": 23,
    "hot_current": 24,
    "sigma_preamp": 25,
    "sigma_dsnu": 26,
    "sigma_periodic": 27,
    "period": 28,
    "lambda_shot": 29,
    "lambda_read": 30,
    "level": 31,
    "shot_share": 32,
    "sigma_gaussian": 33,
    "peak": 34,
    "speckle_variance": 35,
    "impulse_fraction": 36,
    "stripe_row": 37,
    "stripe_col": 38,
    "sigma_uniform": 39,
    "dimming": 40,
    "red_gain": 41,
    "blue_gain": 42,
    "ccm_0": 43,
    "ccm_1": 44,
    "ccm_2": 45,
    "ccm_3": 46,
}
FIRST = ("K", "lambda_shot")  # drawn before the others, which may depend on them
_OWN = 2**31  # names outside the table, of stages outside the library, are numbered from here on


def number_of(name: str) -> int:
    """The number that addresses a parameter; a name outside the table is hashed to 31 bits above it."""
    if name in NUMBERS:
        return NUMBERS[name]
    return _OWN | int.from_bytes(hashlib.blake2b(name.encode(), digest_size=4).digest(), "big") >> 1


_Gains = Annotated[tuple[Positive, ...], Field(min_length=1, description="DN per electron, ascending")]


class Fixed(Value):
    """The same value for every image; a bare number means this."""

    kind: Literal["fixed"] = "fixed"
    value: float


class LogLinear(Value):
    r"""A power of the gain: :math:`\log y = \mathrm{slope} \cdot \log K + \mathrm{bias} + \mathrm{scatter} \cdot z`.

    Natural logarithms; z is standard normal, one per image. `of` names another parameter in K's
    place: Brooks et al. draw lambda_read around a line in lambda_shot.

    References:
        | A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising
        | (Wei et al., CVPR 2020), https://arxiv.org/abs/2003.12751
    """

    kind: Literal["log_linear"] = "log_linear"
    slope: float
    bias: float
    scatter: Annotated[float, Field(ge=0)] = 0.0
    of: Literal["K", "lambda_shot"] = "K"

    def sample(self, words: Tensor, entry: Tensor, given: Tensor) -> Tensor:
        """As `Uniform.sample`."""
        line = log(given) * self.slope + self.bias
        exponent = line + normal(words[SCATTER]) * self.scatter
        return exp(exponent.clamp(*EXP_RANGE))  # beyond it no field's bounds admit the value anyway


class BranchedLogLinear(Value):
    """`LogLinear` in the gain with a line and a scatter for each branch of a dual-gain sensor.

    One line across both branches is wrong by a factor of two beside the switch, and its scatter
    is then mostly that misfit.

    Attributes:
        K: where each branch begins, ascending; it reaches up to the next.
        slope, bias, scatter: of each branch.
    """

    kind: Literal["branched_log_linear"] = "branched_log_linear"
    K: _Gains
    slope: tuple[float, ...]
    bias: tuple[float, ...]
    scatter: tuple[Annotated[float, Field(ge=0)], ...]

    @model_validator(mode="after")
    def _fits(self) -> Self:
        for values in (self.slope, self.bias, self.scatter):
            _check_table(self.K, values, "BranchedLogLinear", repeats=False)
        return self

    def sample(self, words: Tensor, entry: Tensor, given: Tensor) -> Tensor:
        """As `Uniform.sample`.

        Raises:
            ValueError: a gain below the first branch.
        """
        starts = column(self.K)
        if (given < starts[0]).any():
            raise ValueError(f"K is {given.min():g}, wanted at least {self.K[0]:g}, where its first branch begins")
        branch = torch.searchsorted(starts, given, right=True) - 1
        slope, bias, scatter = (column(values)[branch] for values in (self.slope, self.bias, self.scatter))
        exponent = (log(given) * slope + bias) + normal(words[SCATTER]) * scatter
        return exp(exponent.clamp(*EXP_RANGE))


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

    def sample(self, words: Tensor, entry: Tensor, given: Tensor) -> Tensor:
        """As `Uniform.sample`."""
        gains = sorted(set(self.K))
        distance = (log(given)[:, None] - log(column(gains))[None]).abs()
        nearest = torch.from_numpy(distance.numpy().argmin(axis=1))  # of two equally near, the lower
        first = column([self.K.index(g) for g in gains])[nearest].long()
        count = column([self.K.count(g) for g in gains])[nearest]
        step = torch.floor(uniform(entry) * count).minimum(count - 1.0).long()
        return column(self.values)[first + step]


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

    def sample(self, words: Tensor, entry: Tensor, given: Tensor) -> Tensor:
        """As `Uniform.sample`.

        Raises:
            ValueError: a gain outside the table.
        """
        gains, values = column(self.K), column(self.values)
        outside = (given < gains[0]) | (given > gains[-1])
        if outside.any():
            raise ValueError(f"K is {given[outside][0]:g}, wanted {self.K[0]:g} to {self.K[-1]:g}, where its table is")
        if len(self.K) == 1:
            return values.expand(given.shape).clone()
        if self.log_values:
            values = log(values)
        right = torch.searchsorted(gains, given).clamp(1, len(self.K) - 1)
        x, x0, x1 = (log(k) for k in (given, gains[right - 1], gains[right]))
        y0, y1 = values[right - 1], values[right]
        y = y0 + (y1 - y0) * ((x - x0) / (x1 - x0))
        return exp(y) if self.log_values else y


Law = Annotated[
    Fixed
    | Uniform
    | LogUniform
    | SquaredUniform
    | Normal
    | TruncatedNormal
    | LogLinear
    | BranchedLogLinear
    | NearestInGain
    | InterpolatedInGain,
    Field(discriminator="kind"),
]


def depends_on(law: object) -> str | None:
    """The parameter that a law reads: K, lambda_shot, or None."""
    if isinstance(law, LogLinear):
        return law.of
    return "K" if isinstance(law, BranchedLogLinear | NearestInGain | InterpolatedInGain) else None


def _check_table(gains: Sequence[float], values: Sequence[float], name: str, *, repeats: bool) -> None:
    if len(gains) != len(values):
        raise ValueError(f"{name}: {len(gains)} gains for {len(values)} values")
    if any(b < a or (b == a and not repeats) for a, b in pairwise(gains)):
        raise ValueError(f"{name}: the gains {', '.join(f'{k:g}' for k in gains)} are not ascending")
