"""A mosaic as one plane per place of its filter tile, as networks like it, and back.

Packed planes never enter a pipeline: two of their rows are one row of the sensor, and row noise is the sensor's.
"""

from torch import Tensor

from .pattern import is_bayer, period_of, sites_of


def pack(mosaic: Tensor, pattern: str) -> Tensor:
    """One plane for each place of the tile.

    Args:
        mosaic: (batch, 1, row, col), of any kind of numbers, on any device; differentiable.
        pattern: the filter tile at its (0, 0).

    Returns:
        (batch, place, row / period, col / period). The four Bayer phases all give R, G1, G2, B, where G1
        shares its rows with red; any other tile gives its places row by row, so that X-Trans has 36 planes.

    Raises:
        TypeError: a mosaic that is no tensor.
        ValueError: not a mosaic, or rows and columns that are no multiples of the tile's.
    """
    high, wide = period_of(pattern)
    check_tensor(mosaic, "mosaic")
    if mosaic.ndim != 4 or mosaic.shape[1] != 1:
        raise ValueError(f"mosaic has shape {tuple(mosaic.shape)}, wanted (batch, 1, row, col)")
    batch, _, rows, cols = mosaic.shape
    if rows % high or cols % wide:
        raise ValueError(f"mosaic of {rows}x{cols} is no multiple of its {high}x{wide} filter tile {pattern}")
    split = mosaic.reshape(batch, rows // high, high, cols // wide, wide).permute(0, 2, 4, 1, 3)
    planes = split.reshape(batch, high * wide, rows // high, cols // wide)
    return planes[:, _order(pattern)]


def unpack(planes: Tensor, pattern: str) -> Tensor:
    """The mosaic of packed planes: the exact inverse of `pack`.

    Args:
        planes: (batch, place, row, col).
        pattern: the filter tile at the mosaic's (0, 0).

    Returns:
        (batch, 1, row * period, col * period).

    Raises:
        TypeError: planes that are no tensor.
        ValueError: another number of planes than the tile has places.
    """
    high, wide = period_of(pattern)
    check_tensor(planes, "planes")
    if planes.ndim != 4 or planes.shape[1] != high * wide:
        raise ValueError(
            f"planes has shape {tuple(planes.shape)}, wanted (batch, {high * wide}, row, col) for filters {pattern}"
        )
    batch, _, rows, cols = planes.shape
    split = planes[:, _order(pattern)].reshape(batch, high, wide, rows, cols).permute(0, 3, 1, 4, 2)
    return split.reshape(batch, 1, rows * high, cols * wide)


def check_tensor(value: object, name: str) -> None:
    """Raises TypeError for what is no tensor, a NumPy array for one."""
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} is a {type(value).__name__}, wanted a torch tensor")


def _order(pattern: str) -> list[int]:
    """The place in the tile of each packed plane; every such order is its own inverse."""
    sites = sites_of(pattern)
    places = list(range(len(sites)))
    return sorted(places, key=sites.__getitem__) if is_bayer(pattern) else places
