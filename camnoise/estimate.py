"""A measured number and how far it may be off."""

from collections.abc import Sequence
from math import sqrt
from typing import Self

from pydantic import model_validator
from scipy.special import ndtri, stdtrit

from .value import Value

CONFIDENCE = 0.95
Z = float(ndtri((1 + CONFIDENCE) / 2))  # 1.96


class Estimate(Value):
    """A number with its 95 % interval.

    Attributes:
        value: the best guess.
        low, high: an interval made so that it covers the truth in 95 of 100 calibrations; `value` lies within.
    """

    value: float
    low: float
    high: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.value <= self.high:
            raise ValueError(f"Estimate: {self.low:g}, {self.value:g}, {self.high:g} are not ascending")
        return self

    @classmethod
    def of(cls, value: float, error: float, *, freedom: float | None = None, least: float | None = None) -> Self:
        """From a standard error, by the normal law, or by Student's t where the error has `freedom` degrees.

        Args:
            value: the best guess.
            error: its standard error.
            freedom: of the error, where it comes from few numbers.
            least: the smallest value that the quantity can have; the interval is cut there, and so is `value`.
        """
        reach = (Z if freedom is None else float(stdtrit(freedom, (1 + CONFIDENCE) / 2))) * error
        low, middle, high = value - reach, value, value + reach
        if least is not None:
            low, middle, high = max(low, least), max(middle, least), max(high, least)
        return cls(value=middle, low=low, high=high)

    @property
    def error(self) -> float:
        """The standard error that the interval is worth: its width over 2 * 1.96."""
        return (self.high - self.low) / (2 * Z)

    def scaled(self, factor: float) -> "Estimate":
        """In other units; `factor` is positive and known."""
        return Estimate(value=self.value * factor, low=self.low * factor, high=self.high * factor)

    def root(self) -> "Estimate":
        """The deviation of a variance; what is negative counts as 0."""
        low, value, high = (sqrt(max(edge, 0.0)) for edge in (self.low, self.value, self.high))
        return Estimate(value=value, low=low, high=high)

    def __str__(self) -> str:
        return f"{self.value:.4g} ({self.low:.4g} to {self.high:.4g})"


def ratio(top: Estimate, bottom: Estimate) -> Estimate:
    """`top / bottom` of two independent estimates, `bottom` well away from 0: relative errors add in quadrature."""
    value = top.value / bottom.value
    shares = (bottom.error / bottom.value * value) ** 2
    low = value - sqrt(((top.value - top.low) / bottom.value) ** 2 + Z**2 * shares)
    high = value + sqrt(((top.high - top.value) / bottom.value) ** 2 + Z**2 * shares)
    return Estimate(value=value, low=min(low, value), high=max(high, value))


def mean_of(estimates: Sequence[Estimate]) -> Estimate:
    """The plain mean of independent estimates."""
    value = sum(e.value for e in estimates) / len(estimates)
    return Estimate.of(value, sqrt(sum(e.error**2 for e in estimates)) / len(estimates))
