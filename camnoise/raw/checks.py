"""What the numbers of a mosaic must be, whether they are read or written."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..pattern import CLEAR, sites_of


def check_mosaic(mosaic: NDArray[np.uint16], bits: int) -> None:
    """Raises TypeError for what is not uint16, ValueError for a shape that is no mosaic's or values beyond `bits`."""
    if not isinstance(mosaic, np.ndarray) or mosaic.dtype.newbyteorder("=") != np.uint16:
        kind = mosaic.dtype if isinstance(mosaic, np.ndarray) else type(mosaic).__name__
        raise TypeError(f"mosaic is {kind}, wanted a NumPy array of uint16: raw DN, pedestal included")
    if mosaic.ndim != 2 or mosaic.size == 0:
        raise ValueError(f"mosaic has shape {mosaic.shape}, wanted (row, col)")
    _check_bits(bits)
    if int(mosaic.max()) >= 2**bits:
        raise ValueError(f"mosaic holds {mosaic.max()}, wanted at most {2**bits - 1} with {bits} bits")


def check_levels(black: ArrayLike, white: float, bits: int, cfa: str | None) -> tuple[float, ...]:
    """Black levels, one or four, as a tuple.

    Raises:
        ValueError: not 0 <= black < white < 2^bits, or several levels that the filters `cfa` have no place for.
    """
    _check_bits(bits)
    given = np.asarray(black, np.float64)
    if given.ndim > 1:
        raise ValueError(f"black has shape {given.shape}, wanted one number, or four in the order R, G1, G2, B")
    levels = tuple(float(level) for level in given.ravel())
    if len(levels) not in (1, 4):
        raise ValueError(f"black has {len(levels)} numbers, wanted one, or four in the order R, G1, G2, B")
    for level in levels:
        if not 0 <= level < white:
            raise ValueError(f"black is {level:g}, wanted 0 or more and below white, {white:g}")
    if not white <= 2**bits - 1:
        raise ValueError(f"white is {white:g}, wanted at most {2**bits - 1} with {bits} bits")
    if len(set(levels)) > 1 and (cfa is None or set(cfa) & set(CLEAR)):
        raise ValueError(f"black has 4 numbers for {cfa or 'a monochrome sensor'}, wanted one")
    if len(set(levels)) > 1 and cfa is not None and 2 not in sites_of(cfa) and levels[1] != levels[2]:
        raise ValueError(f"black has {levels[1]:g} for G1 and {levels[2]:g} for G2, wanted one: {cfa} has no G2")
    return levels


def _check_bits(bits: int) -> None:
    if not isinstance(bits, int | np.integer) or not 1 <= bits <= 16:
        raise ValueError(f"bits is {bits}, wanted a whole number from 1 to 16")
