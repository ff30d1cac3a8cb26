"""The `.npy` format, version 1.0, little-endian, C order: never pickles, never trusts a declared length."""

import re
from io import BytesIO
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

# The header is read by this and then compared with what numpy writes, because numpy's own parser takes hostile
# text: it falls back to a tokenizer for files of Python 2.
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '(\|u1|<u2|<f4)', 'fortran_order': False, "
    rb"'shape': \(([0-9]{1,9},|[0-9]{1,9}(?:, [0-9]{1,9}){1,3})\), \} *\n",
    re.DOTALL,
)


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
    read = _HEADER.match(data)
    if read is None:
        raise ValueError("its npy header is not one that we write")
    dtype, shape = read[1].decode(), tuple(int(side) for side in re.findall(rb"[0-9]+", read[2]))
    if _header(dtype, shape) != read[0]:
        raise ValueError("its npy header is not one that we write")
    # Python integers: a hostile shape cannot overflow.
    if read.end() + prod(shape, start=np.dtype(dtype).itemsize) != len(data):
        raise ValueError(f"its npy shape {shape} does not fit its {len(data)} bytes")
    return dtype, shape, read.end()


def load(data: bytes) -> NDArray[Any]:
    """The array of a file, writable. Raises ValueError as `header`."""
    dtype, shape, offset = header(data)
    return np.frombuffer(bytearray(data[offset:]), dtype=dtype).reshape(shape)


def _header(dtype: str, shape: tuple[int, ...]) -> bytes:
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()
