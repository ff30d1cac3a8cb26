"""Laws of parameters that depend on nothing else: one value per image, from one word."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from scipy.special import ndtr
from torch import Tensor

from .draws import normal, uniform
from .elementary import exp, log
from .value import Value

VALUE, SCATTER = 0, 1  # the lanes of a parameter's words
_LOW_HALF = 2**32 - 1

Positive = Annotated[float, Field(gt=0)]


class Uniform(Value):
    """Uniform from `low` to `high`."""

    kind: Literal["uniform"] = "uniform"
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order("Uniform", self.low, self.high)
        return self

    def sample(self, words: Tensor, entry: Tensor, given: Tensor | None) -> Tensor:
        """One value per image.

        Args:
            words: (4, batch) int32, of this parameter's address.
            entry: (batch,) int32, of the camera's choice of table entry.
            given: (batch,) float32, the parameter that the law depends on (`depends_on`), else None.

        Returns:
            (batch,) float32.
        """
        low, high = column([self.low, self.high])
        return within(low + uniform(words[VALUE]) * (high - low), low, high)


class SquaredUniform(Value):
    """The square of a uniform number from `low` to `high`: a variance whose deviation is uniform.

    References:
        | Dong et al., IJCAI 2022, https://arxiv.org/abs/2106.10070 (appendix: how RCL draws its two variances)
    """

    kind: Literal["squared_uniform"] = "squared_uniform"
    low: Annotated[float, Field(ge=0)] = 0.0
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order("SquaredUniform", self.low, self.high)
        return self

    def sample(self, words: Tensor, entry: Tensor, given: Tensor | None) -> Tensor:
        """As `Uniform.sample`."""
        root = Uniform(low=self.low, high=self.high).sample(words, entry, given)
        return root * root


class LogUniform(Value):
    """Uniform in the logarithm, from `low` to `high`."""

    kind: Literal["log_uniform"] = "log_uniform"
    low: Positive
    high: Positive

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order("LogUniform", self.low, self.high)
        return self

    def sample(self, words: Tensor, entry: Tensor, given: Tensor | None) -> Tensor:
        """As `Uniform.sample`."""
        low, high = column([self.low, self.high])
        start = log(low)
        drawn = exp(start + uniform(words[VALUE]) * (log(high) - start))
        return within(drawn, low, high)


class Normal(Value):
    """Normal; values beyond the bounds of the field that holds it are an error, `TruncatedNormal` has none."""

    kind: Literal["normal"] = "normal"
    mean: float
    sigma: Annotated[float, Field(ge=0)]

    def sample(self, words: Tensor, entry: Tensor, given: Tensor | None) -> Tensor:
        """As `Uniform.sample`."""
        return normal(words[VALUE]) * self.sigma + self.mean


class TruncatedNormal(Value):
    """Normal, given that it lies between `low` and `high`; `mean` and `sigma` are those before the cut.

    A word is mapped to the words whose normal quantile lies within, in whole numbers, so that
    one word suffices and nothing is rejected.
    """

    kind: Literal["truncated_normal"] = "truncated_normal"
    mean: float
    sigma: Positive
    low: float
    high: float

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        check_order("TruncatedNormal", self.low, self.high)
        _, count = self._ranks()
        if count < 2**12:  # of 2^32: the law would be a handful of values
            raise ValueError(
                f"TruncatedNormal: {self.low:g} to {self.high:g} holds almost nothing of a normal of mean "
                f"{self.mean:g} and deviation {self.sigma:g}"
            )
        return self

    def _ranks(self) -> tuple[int, int]:
        """The first of the words, ranked by their normal quantile, that lies within, and how many do.

        In steps of 2^8 words: the platform's normal distribution differs in its last bit.
        """
        low, high = (round(float(ndtr((edge - self.mean) / self.sigma)) * 2**24) for edge in (self.low, self.high))
        return low << 8, (high - low) << 8

    def sample(self, words: Tensor, entry: Tensor, given: Tensor | None) -> Tensor:
        """As `Uniform.sample`."""
        first, count = self._ranks()
        # The product may pass 2^63; int64 wraps it modulo 2^64, and the mask leaves the right high half.
        place = ((words[VALUE].long() & _LOW_HALF) * count >> 32) & _LOW_HALF
        rank = place + first
        # Ranks ascend: the deep negative tail first, whose words have the sign bit and the least low bits.
        bits = torch.where(rank < 2**31, rank | 2**31, 2**32 - 1 - rank)
        word = ((bits << 32) >> 32).to(torch.int32)
        low, high = column([self.low, self.high])
        return within(normal(word) * self.sigma + self.mean, low, high)


def limits(law: object) -> Tensor | None:
    """The least and the greatest value that a law can give, where it has such: (2,) float32."""
    if isinstance(law, SquaredUniform):
        return column([law.low, law.high]) * column([law.low, law.high])
    return column([law.low, law.high]) if isinstance(law, Uniform | LogUniform | TruncatedNormal) else None


def column(values: Sequence[float]) -> Tensor:
    """float32 on the CPU, whatever torch's defaults are."""
    return torch.tensor(values, dtype=torch.float32, device="cpu")


def check_order(name: str, low: float, high: float) -> None:
    if low > high:
        raise ValueError(f"{name}: low is {low:g}, wanted at most high, {high:g}")


def within(values: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Rounding may miss an edge by an ulp."""
    return torch.minimum(torch.maximum(values, low), high)
