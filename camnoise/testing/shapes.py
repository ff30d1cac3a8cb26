"""The law of a stage's noise, alone: its distribution, both its tails, and how deep they reach."""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import Tensor

from ..flat import Flat
from ..frame import Frame
from ..keys import Key
from ..stage import Parameters, Stage
from .bounds import ALPHA, cdf_gap, dkw
from .report import Finding

TAILS = (1e-2, 1e-3, 1e-4)
# Words at which a law reaches its ends, however it is made of them.
_EDGES = (
    *(0, 1, 2, 2**24, 2**30 - 1, 2**30, 2**31 - 1, 2**31, 2**31 + 1, 2**31 + 2, 2**31 + 2**24),
    *(3 * 2**30, 2**32 - 2, 2**32 - 1),
)


class _EdgeKey(Key):
    """A key whose words are all at the edges, every lane for itself."""

    def _call(self, stream: int, position: Tensor, channel: Tensor | int, draw: int = 0) -> Tensor:
        words = super()._call(stream, position, channel, draw)
        edges = torch.tensor(_EDGES, device=words.device)
        chosen = edges[(words.long() & 0xFFFF) % len(_EDGES)]
        return ((chosen << 32) >> 32).to(torch.int32)


def measure_shape(
    stage: Stage, drawn: Parameters, *, side: int = 1000, seed: int = 0, alpha: float = ALPHA
) -> list[Finding]:
    """Holds the noise that a stage adds to a black field to the law that its `noise` states.

    Args:
        stage: one whose noise does not depend on the signal.
        drawn: the table of one image.
        side: rows and columns of the field.
        seed: of the noise.
        alpha: chance that a right stage fails one finding.

    Returns:
        Nothing where the stage states no law; its shape is then not checked.
    """
    row = drawn.sample(0)
    law = stage.noise(row)
    if law is None or not float(law.std()) > 0:  # NaN for a law of scale 0
        return []
    ids, who = torch.tensor([seed + 1]), type(stage).__name__
    unit = stage.takes[0]

    def noise(key: Key, rows: int, cols: int) -> NDArray[np.float64]:
        black = torch.zeros((1, 1, rows, cols), dtype=torch.float32)
        frame = Frame(black, unit, torch.zeros((1, 2), dtype=torch.int64), None)
        made = stage.apply(frame, key, drawn).data.double().numpy()
        offset = stage.expect(Flat(0.0, unit=unit), row).mean - float(law.mean())
        return np.asarray(made - offset).ravel()

    x = noise(Key(seed, ids, ids), side, side)
    what = f"{who}: distribution, largest gap"
    if hasattr(law.dist, "pmf"):  # of a discrete law the distribution at its own values says all
        values, counts = np.unique(np.round(x), return_counts=True)
        gap = float(np.abs(np.cumsum(counts) / x.size - law.cdf(values)).max())
        return [Finding(what, gap, 0.0, 0.0, dkw(x.size, alpha))]
    found = [Finding(what, cdf_gap(x, law.ppf), 0.0, 0.0, dkw(x.size, alpha))]
    for p in TAILS:
        low, high = (float(stats.binom.ppf(edge, x.size, p)) for edge in (alpha / 2, 1 - alpha / 2))
        for side_name, beyond in (("lower", x < law.ppf(p)), ("upper", x > law.isf(p))):
            what = f"{who}: draws beyond {p:g} of the {side_name} tail"
            found.append(Finding(what, int(beyond.sum()), p * x.size, low, high))
    if _is_symmetric(law):
        ends = noise(_EdgeKey(seed, ids, ids), 64, 256)
        reach = float(-ends.min() / ends.max()) if ends.max() > 0 else float("nan")
        found.append(Finding(f"{who}: reach of the lower tail over that of the upper", reach, 1.0, 0.99, 1.01))
    return found


def _is_symmetric(law: "stats._distn_infrastructure.rv_frozen") -> bool:
    p = np.array([1e-6, 1e-3, 0.1, 0.4])
    return bool(np.allclose(law.ppf(p), -law.isf(p), rtol=1e-6, atol=1e-9 * law.std()))
