"""The `.npy` format, version 1.0, little-endian, C order: never pickles, never trusts a declared length."""

from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

DTYPES = ("|u1", "<u2", "<f4")


def dump(array: NDArray[Any]) -> bytes:
    """The file of an array."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    file = BytesIO()
    np.lib.format.write_array(file, little, version=(1, 0), allow_pickle=False)
    return file.getvalue()


def header(data: bytes) -> tuple[str, tuple[int, ...], int]:
    """The dtype, the shape and the offset of the values of an `.npy` file.

    Raises:
        ValueError: not a file that `dump` writes, or of another length than it declares.
    """
    file = BytesIO(data)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("its npy version is not 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran or dtype.str not in DTYPES:
        raise ValueError(f"its npy dtype is {dtype.str}, wanted one of {', '.join(DTYPES)} in C order")
    values = dtype.itemsize
    for side in shape:  # Python integers: a hostile shape cannot overflow
        values *= side
    if min(shape, default=0) < 0 or file.tell() + values != len(data):
        raise ValueError(f"its npy shape {shape} does not fit its {len(data)} bytes")
    return dtype.str, tuple(shape), file.tell()


def load(data: bytes) -> NDArray[Any]:
    """The array of a file, writable. Raises ValueError as `header`."""
    dtype, shape, offset = header(data)
    return np.frombuffer(bytearray(data[offset:]), dtype=dtype).reshape(shape)
