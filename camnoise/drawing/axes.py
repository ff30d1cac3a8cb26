"""Axes of a chart: from values to places, ticks at round numbers, and how a number is written."""

from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

_MOST_TICKS = 7
_LEAST = 1e-280  # of a logarithmic axis, so that its ticks are numbers


@dataclass(frozen=True)
class Axis:
    """What an axis shows.

    Attributes:
        label: the quantity and its unit.
        log: decades instead of steps; values of 0 or less are then not drawn.
        low, high: where it begins and ends; None takes the marks' own extent.
    """

    label: str
    log: bool = False
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Scale:
    """From values to places on the page, `low` at `start` and `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    log: bool

    @classmethod
    def of(cls, axis: Axis, values: list[float], start: float, end: float) -> "Scale":
        shown = [value for value in values if isfinite(value) and (value > _LEAST or not axis.log)]
        low = min(shown, default=1.0 if axis.log else 0.0) if axis.low is None else axis.low
        high = max(shown, default=1.0) if axis.high is None else axis.high
        first, last = (log10(low), log10(high)) if axis.log else (low, high)
        if not last > first:
            first, last = first - 0.5 * (abs(first) or 1.0), last + 0.5 * (abs(last) or 1.0)
        room = 0.04 * (last - first)
        first -= room if axis.low is None else 0.0
        last += room if axis.high is None else 0.0
        return cls(first, last, start, end, axis.log)

    def __call__(self, value: float) -> float | None:
        """Where it lies; None where there is no such place. Far outside it is brought near, for viewers' sake."""
        if not isfinite(value) or (self.log and value <= _LEAST):
            return None
        part = ((log10(value) if self.log else value) - self.low) / (self.high - self.low)
        return self.start + min(max(part, -5.0), 6.0) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers along it."""
        if self.log and self.high - self.low >= 1:
            decades = range(ceil(self.low - 1e-9), floor(self.high + 1e-9) + 1)
            wanted = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
            every = max(1, ceil(len(decades) / _MOST_TICKS))
            spread = range(floor(self.low), ceil(self.high) + 1) if len(wanted) > 1 else decades[::every]
            ticks = [step * 10.0**decade for decade in spread for step in wanted]
            return [tick for tick in ticks if self.low - 1e-9 <= log10(tick) <= self.high + 1e-9]
        low, high = (10**self.low, 10**self.high) if self.log else (self.low, self.high)
        step = _step((high - low) / _MOST_TICKS)
        first = ceil(low / step - 1e-9)
        return [n * step for n in range(first, floor(high / step + 1e-9) + 1)]


def _step(rough: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) at or above it."""
    power = 10.0 ** floor(log10(rough))
    return next(round_number * power for round_number in (1, 2, 5, 10) if round_number * power >= rough * 0.999)


def number(value: float, digits: int = 4) -> str:
    """A number as a person writes it: no trailing zeros, a real minus, powers of ten only where they help."""
    if value == 0:
        return "0"
    if not isfinite(value):
        return "\N{EM DASH}"
    if 1e-4 <= abs(value) < 1e6:
        text = f"{value:.{max(0, digits - 1 - floor(log10(abs(value))))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else f"{float(f'{value:.{digits}g}'):,.0f}"
    else:
        mantissa, power = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        ten = f"10{_raised(int(power))}"
        text = ten if mantissa == "1" else f"{mantissa}\N{MULTIPLICATION SIGN}{ten}"
    return text.replace("-", "\N{MINUS SIGN}")


def _raised(power: int) -> str:
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
