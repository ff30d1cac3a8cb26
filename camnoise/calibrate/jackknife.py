"""Intervals by leaving out a part of the frame at a time: no law of the noise is assumed."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95  # of every interval


def half_width(deleted: Sequence[NDArray[np.float64]], level: float = LEVEL) -> NDArray[np.float64]:
    r"""Half the width of the interval of several numbers from their values without each block.

    .. math:: h = t_{g-1} \sqrt{\sum_d \frac{g_d - 1}{g_d} \sum_i (\theta_{d,i} - \bar\theta_d)^2}

    Blocks of rows see what rows share and how it drifts, blocks of columns the same for columns: a
    frame is a sample of both, so the variances of the directions d are added. (What both contain is counted twice:
    the interval of a number that only single pixels decide is then wider than need be, by up to 1.41.)

    Args:
        deleted: per direction (blocks, numbers): the numbers without each block; at least two blocks.
        level: chance that the interval holds the truth.

    Returns:
        (numbers,) float64.

    References:
        | The Jackknife, the Bootstrap and Other Resampling Plans (Efron, 1982), chapter 3
    """
    variance = np.zeros(deleted[0].shape[1])
    for values in deleted:
        blocks = len(values)
        variance += (blocks - 1) / blocks * ((values - values.mean(0)) ** 2).sum(0)
    least = min(len(values) for values in deleted)
    return np.asarray(stats.t.ppf(0.5 + level / 2, least - 1) * np.sqrt(variance))


def blocks_of(count: int, wanted: int, multiple: int = 1) -> list[slice]:
    """About `wanted` slices that cover `count` places, each but the last a multiple of `multiple` long.

    Raises:
        ValueError: fewer than two fit.
    """
    step = max(multiple, -(-count // (wanted * multiple)) * multiple)
    cuts = [slice(start, min(start + step, count)) for start in range(0, count, step)]
    if len(cuts) < 2:
        raise ValueError(f"{count} rows or columns came, wanted at least {2 * multiple} for an interval")
    return cuts
