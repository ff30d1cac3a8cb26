"""Tables against ISO: what lies between their entries, and beyond their ends."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple


class Table(NamedTuple):
    """Values at ascending settings.

    Attributes:
        isos, values: as many of one as of the other.
        log_values: whether it is straight in log-log (values above 0), or in log ISO alone.
    """

    isos: Sequence[float]
    values: Sequence[float]
    log_values: bool = True

    def at(self, iso: float) -> float:
        """The value at a setting within the table, on the straight line between two entries."""
        if iso in self.isos:
            return self.values[self.isos.index(iso)]
        right = bisect_right(self.isos, iso)
        x0, x1 = log(self.isos[right - 1]), log(self.isos[right])
        t = (log(iso) - x0) / (x1 - x0)
        y0, y1 = self.values[right - 1], self.values[right]
        return exp((1 - t) * log(y0) + t * log(y1)) if self.log_values else (1 - t) * y0 + t * y1

    def reaching(self, low: float, high: float) -> "Table":
        """The table with entries at `low` and `high` where they lie beyond its ends.

        A log-log table goes on along the line of its last two entries, any other holds its last one.

        Raises:
            ValueError: a table of one entry, which has no line.
        """
        isos, values = [*self.isos], [*self.values]
        if low < isos[0]:
            isos, values = [low, *isos], [self._beyond(0, 1, low), *values]
        if high > isos[-1]:
            isos, values = [*isos, high], [*values, self._beyond(-1, -2, high)]
        return Table(isos, values, self.log_values)

    def between(self, low: float, high: float) -> "Table":
        """The entries that the values from `low` to `high` need: those within, and the neighbors."""
        first = bisect_right(self.isos, low) - 1
        last = max(bisect_left(self.isos, high), first + 1)
        return Table(self.isos[first : last + 1], self.values[first : last + 1], self.log_values)

    def _beyond(self, end: int, before: int, iso: float) -> float:
        if not self.log_values:
            return self.values[end]
        if len(self.isos) < 2:
            raise ValueError(f"ISO is {iso:g}, wanted {self.isos[0]:g}: one setting was measured, and no line goes on")
        slope = log(self.values[end] / self.values[before]) / log(self.isos[end] / self.isos[before])
        return self.values[end] * exp(slope * log(iso / self.isos[end]))
