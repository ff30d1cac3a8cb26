"""What stages say of a flat field: its mean, and how much of each kind of noise it has.

A stage that states this can be held to it: `camnoise.testing.assert_noise` follows a gray field
through the chain in these terms, and measures the pictures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any, Literal, NamedTuple

from .units import Unit

Kind = Literal["pixel", "row", "column", "fixed", "fixed_column"]
KINDS: tuple[Kind, ...] = ("pixel", "row", "column", "fixed", "fixed_column")


class Spread(NamedTuple):
    """Second and fourth cumulant of one kind of noise; those of independent noises add.

    Attributes:
        variance: in the square of the flat's unit.
        cumulant: excess kurtosis times the squared variance; 0 for a normal. It decides how well
            a variance can be measured.
    """

    variance: float = 0.0
    cumulant: float = 0.0

    def __add__(self, other: "Spread") -> "Spread":  # type: ignore[override]
        return Spread(self.variance + other.variance, self.cumulant + other.cumulant)

    def scaled(self, by: float) -> "Spread":
        """Of `by` times the noise."""
        return Spread(self.variance * by**2, self.cumulant * by**4)


NONE = Spread()


@dataclass(frozen=True)
class Flat:
    """A flat field at one point of a chain, as the stages before it state it.

    Attributes:
        mean: over pixels, exposures and bodies.
        pixel: temporal, drawn for every pixel.
        row, column: temporal, shared along a row or a column.
        fixed, fixed_column: the same in all exposures of a body, for every pixel or column.
        unit: of the values.
        row_covariance, column_covariance: of row noise 1, 2, ... rows apart, and of column noise; 0 beyond.
        site: the filter over the pixel: "R", "G1", "G2", "B"; "G" for a plane; None for a monochrome sensor.
    """

    mean: float
    pixel: Spread = NONE
    row: Spread = NONE
    column: Spread = NONE
    fixed: Spread = NONE
    fixed_column: Spread = NONE
    unit: Unit = Unit.LINEAR
    row_covariance: tuple[float, ...] = ()
    column_covariance: tuple[float, ...] = ()
    site: str | None = None

    @property
    def variance(self) -> float:
        """Of all kinds together."""
        return float(sum(getattr(self, kind).variance for kind in KINDS))

    @property
    def quiet(self) -> bool:
        """Whether there is no noise yet."""
        return self.variance == 0.0

    def shifted(self, by: float) -> "Flat":
        """`by` added to every value."""
        return replace(self, mean=self.mean + by)

    def scaled(self, by: float) -> "Flat":
        """Every value times `by`."""
        spreads: dict[str, Any] = {kind: getattr(self, kind).scaled(by) for kind in KINDS}
        rows, columns = (tuple(c * by**2 for c in of) for of in (self.row_covariance, self.column_covariance))
        return replace(self, mean=self.mean * by, row_covariance=rows, column_covariance=columns, **spreads)

    def noisier(self, kind: Kind, variance: float, cumulant: float = 0.0) -> "Flat":
        """With further, independent noise of mean 0."""
        total: dict[str, Any] = {kind: getattr(self, kind) + Spread(variance, cumulant)}
        return replace(self, **total)

    def correlated(self, kind: Literal["row", "column"], covariance: Sequence[float]) -> "Flat":
        """With `covariance` added to that of lines 1, 2, ... apart."""
        name = f"{kind}_covariance"
        total: dict[str, Any] = {
            name: tuple(one + other for one, other in zip_longest(getattr(self, name), covariance, fillvalue=0.0))
        }
        return replace(self, **total)

    def bounded(self, low: float, high: float, who: str) -> "Flat":
        """Itself, where next to nothing of it lies outside [low, high], as a limit leaves it.

        Raises:
            ValueError: it reaches within eight deviations of a limit; moments then do not follow.
        """
        reach = 8 * self.variance**0.5
        if self.mean - reach < low or self.mean + reach > high:
            raise ValueError(
                f"{who} clips a flat field of mean {self.mean:g} and deviation {self.variance**0.5:g} at {low:g} or "
                f"{high:g}: no moments are stated there; choose other levels"
            )
        return self
