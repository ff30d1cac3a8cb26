"""What was measured, beside what was stated."""

from dataclasses import dataclass
from typing import NamedTuple


class Finding(NamedTuple):
    """One measurement.

    Attributes:
        what: was measured, and where.
        measured, stated: in the same unit.
        low, high: the bounds within which a right sampler stays.
    """

    what: str
    measured: float
    stated: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it lies within its bounds; NaN does not."""
        return self.low <= self.measured <= self.high

    def __str__(self) -> str:
        bounds = f"bounds {self.low:.6g} to {self.high:.6g}{'' if self.holds else '  FAILS'}"
        return f"{self.what}: {self.measured:.6g}, stated {self.stated:.6g}, {bounds}"


@dataclass(frozen=True)
class Report:
    """All measurements of a camera.

    Attributes:
        findings: what was measured.
        broken: promises that are broken, a sentence each.
        left_out: what could not be measured, and why.
    """

    findings: tuple[Finding, ...] = ()
    broken: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def failures(self) -> list[str]:
        """Everything that is wrong, a sentence each; empty for a camera that is what it says."""
        return [*self.broken, *(str(finding) for finding in self.findings if not finding.holds)]

    def __add__(self, other: "Report") -> "Report":
        return Report(self.findings + other.findings, self.broken + other.broken, self.left_out + other.left_out)

    def __str__(self) -> str:
        wrong = len(self.failures)
        head = f"{wrong} of {len(self.findings) + len(self.broken)} fail" if wrong else f"{len(self.findings)} hold"
        left_out = (f"not measured: {what}" for what in self.left_out)
        return "\n".join([head, *self.broken, *map(str, self.findings), *left_out])
