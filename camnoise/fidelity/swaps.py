"""What repeated exposures differ by: bands of real and simulated rows change places by chance.

Were both from one camera, a band of the one would be as good as the same band of the other, whatever the law of the
noise, its ties and its correlation within the band. Distances after a swap are therefore what chance alone gives, and
the share of swaps whose worst line, in deviations of that line, is worse than a line is that line's probability: over
all lines together, however they hang together, the chance of one false alarm is then the stated one (single-step
maxT). Noise that several bands share would tie them; `camnoise.fidelity.lines` takes it away first.

References:
    | Resampling-Based Multiple Testing (Westfall & Young, Wiley 1993)
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from .measures import Floats, Measure

_CHUNK = 250  # swaps at a time


class Verdict(NamedTuple):
    """Of one line.

    Attributes:
        distance: of real from simulated.
        floor: mean distance after a swap.
        p: chance that any line of a perfect simulation is this far out.
    """

    distance: float
    floor: float
    p: float


def verdicts(measures: Sequence[Measure], swaps: int, seed: int) -> list[list[Verdict]]:
    """Of each line of each measure."""
    bands = len(measures[0].sums[0])
    draw = np.random.Generator(np.random.Philox(key=seed)).integers(0, 2, (swaps + 1, bands)).astype(np.float64)
    draw[0] = 0.0  # as they are
    tables = [_distances(measure, draw) for measure in measures]
    table = np.concatenate(tables, 1)
    floor, spread = table[1:].mean(0), table[1:].std(0)
    score = np.where(spread > 1e-9 * np.abs(floor), (table - floor) / np.maximum(spread, 1e-300), 0.0)
    score[0] = np.where((spread <= 1e-9 * np.abs(floor)) & (table[0] > floor * (1 + 1e-9)), np.inf, score[0])
    worst = score[1:].max(1)
    p = (1 + (worst[:, None] >= score[0]).sum(0)) / (swaps + 1)
    found = [Verdict(*map(float, row)) for row in zip(table[0], floor, p, strict=True)]
    ends = np.cumsum([0, *(each.shape[1] for each in tables)])
    return [found[start:end] for start, end in pairwise(ends.tolist())]


def _distances(measure: Measure, draw: Floats) -> Floats:
    """(swap, line)."""
    real, simulated = measure.sums
    change, total = simulated - real, real.sum(0) + simulated.sum(0)
    parts = []
    for start in range(0, len(draw), _CHUNK):
        a = real.sum(0) + draw[start : start + _CHUNK] @ change
        parts.append(measure.distances(a, total - a))
    return np.concatenate(parts)
