"""How the noise of a camera goes with its gain: one log-linear law per branch of the conversion gain."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from scipy import stats

from ..estimate import Estimate
from ..presets.measured import Branch, Line, Point
from .stacks import Array

FALSE_ALARM = 1e-3  # chance that one line is taken for two
LEAST = 3  # points of a line
LARGE = 0.1  # scatter about a line, of a logarithm; a switch is a factor of two


@dataclass(frozen=True)
class GainLaws:
    """The laws across ISOs.

    Attributes:
        branches: ascending in gain; empty where there are too few points.
        iso_exponent: slope of ln K against ln ISO, 1 where K is proportional to it; None with under 3 points.
        notes: sentences.
    """

    branches: tuple[Branch, ...]
    iso_exponent: Estimate | None
    notes: tuple[str, ...]


def gain_laws(points: Sequence[Point]) -> GainLaws:
    r"""Fits ln sigma = slope ln K + bias, in one branch or in two.

    Of all ways to part the points in two branches the likeliest is taken where it beats one line by an F test
    at a chance of 1e-3 over all ways together. A branch of one or two points has no line. Read and row noise switch
    at one point, so their squares are added. One line across a switch is wrong by a factor of two beside it.

    The scatter of a line is the unbiased deviation of its points. What differs by no more than rounding counts as 1e-4,
    or the F test would see branches in the last bits of a table.

    Args:
        points: at different ISOs; those without an ISO are not used.
    """
    known = sorted((point for point in points if point.iso is not None), key=lambda point: point.iso or 0.0)
    if len(known) < LEAST:
        count = f"{len(known)} point{'s' * (len(known) != 1)}"
        return GainLaws((), None, (f"laws across ISOs are not identifiable: {count}, wanted {LEAST} or more",))
    notes: list[str] = []
    isos = np.array([point.iso for point in known], np.float64)
    gains = np.log([point.K.value for point in known])
    exponent = _line(np.log(isos), gains).slope
    if not exponent.low <= 1 <= exponent.high and abs(exponent.value - 1) > 0.02:
        notes.append(f"K is not proportional to ISO: it goes as ISO to the power of {exponent}")
    kinds: list[Array] = [np.log([point.read.sigma.value for point in known])]
    rows = [point.sigma_row.value if point.sigma_row is not None else 0.0 for point in known]
    if min(rows) > 0:
        kinds.append(np.log(rows))
    n = len(known)
    whole = sum(_squares(gains, y) for y in kinds)
    chances: dict[int, float] = {}
    for split in range(1, n):
        numbers = min(split, 2) + min(n - split, 2)  # of both lines
        if n > numbers:
            apart = sum(_squares(gains[:split], y[:split]) + _squares(gains[split:], y[split:]) for y in kinds)
            extra, freedom = len(kinds) * (numbers - 2), len(kinds) * (n - numbers)
            left = max(apart, 1e-8 * len(kinds) * n)
            chances[split] = float(stats.f.sf((whole - apart) / extra / (left / freedom), extra, freedom))
    at = min(chances, key=lambda split: chances[split], default=n)
    if chances and chances[at] * len(chances) < FALSE_ALARM:
        notes.append(f"two branches of the conversion gain: it switches between ISO {isos[at - 1]:g} and {isos[at]:g}")
    else:
        at = n
    if at == n and n < 2 * LEAST:
        notes.append(
            f"whether the conversion gain has two branches is not identifiable: {n} points, wanted {2 * LEAST} or more"
        )
    parts = [slice(0, at), slice(at, n)] if at < n else [slice(0, n)]
    branches = tuple(
        Branch(
            iso=(float(isos[part][0]), float(isos[part][-1])),
            sigma_read=_fitted(gains[part], kinds[0][part]),
            sigma_row=_fitted(gains[part], kinds[1][part]) if len(kinds) > 1 else None,
        )
        for part in parts
    )
    for part, branch in zip(parts, branches, strict=True):
        if branch.sigma_read is not None and _far(known[part], branch.sigma_read):
            notes.append(
                f"the read noise at ISO {branch.iso[0]:g} to {branch.iso[1]:g} lies {branch.sigma_read.scatter:.0%} "
                "off its line, more than its intervals explain: a switch of the gain that is not seen, or no line"
            )
    return GainLaws(branches, exponent, tuple(notes))


def _far(points: Sequence[Point], line: Line) -> bool:
    """Whether the scatter is large, and not by chance."""
    errors = np.array([point.read.sigma.error / point.read.sigma.value for point in points])
    freedom = len(points) - 2
    expected = float((errors**2).mean()) * float(stats.chi2.isf(FALSE_ALARM, freedom)) / freedom
    return line.scatter > LARGE and line.scatter**2 > expected


def _squares(x: Array, y: Array) -> float:
    if len(x) < LEAST:
        return 0.0
    slope, bias = np.polyfit(x, y, 1)
    return float(((y - slope * x - bias) ** 2).sum())


def _fitted(x: Array, y: Array) -> Line | None:
    return _line(x, y) if len(x) >= LEAST else None


def _line(x: Array, y: Array) -> Line:
    """Least squares, with intervals by Student's t."""
    freedom = len(x) - 2
    center = float(x.mean())
    across = float(((x - center) ** 2).sum())
    slope = float(((x - center) * y).sum()) / across
    bias = float(y.mean()) - slope * center
    scatter = sqrt(float(((y - slope * x - bias) ** 2).sum()) / freedom)
    error = scatter / sqrt(across)
    return Line(
        slope=Estimate.of(slope, error, freedom=freedom),
        bias=Estimate.of(bias, scatter * sqrt(1 / len(x) + center**2 / across), freedom=freedom),
        scatter=scatter,
    )
