"""What the kernels run: a chain of stages as a short program of pointwise operations.

A program says nothing new. Each operation is a stage's `apply` (or `clean`) in the same float32
operations and the same order; numbers per image stand in a table, what rows and columns share in
tables of lines. `lowering` writes programs, `cpu` and `gpu` execute them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from torch import Tensor

from ..keys import Key


class Code(IntEnum):
    """The operations on a pixel x; a, b, c, d are its columns of the table, z a normal draw, u a uniform one."""

    LINEARIZE = 0  # sRGB to light
    SCALE = 1  # x a
    RESPOND = 2  # x (z a + 1)
    ADD = 3  # x + a
    CHARGE = 4  # x + a exp(z b - c)
    HOT = 5  # x + (b e where u < a, else 0), e exponential from the second word
    SHOT = 6  # Poisson of min(x, a)
    RATE = 7  # max(x, 0) a
    DIVIDE = 8  # x / a
    CEILING = 9  # min(x, a)
    NORMAL = 10  # x + z a
    UNIFORM = 11  # x + (u - 1/2) a
    TUKEY = 12  # x + (expm1(log(1 - p) a) - expm1(log(p) a)) b, signed
    STUDENT = 13  # x + c sqrt(b expm1(a log u)) cos
    PLANE = 14  # x + the column a, b, c of its channel
    TILE = 15  # x + the column a, b, c, d of its place in the 2x2 tile
    ROW = 16  # x + its row's line
    COLUMN = 17  # x + its column's line
    LEVEL = 18  # x + a, within [0, b]
    ROUND = 19  # x + a, rounded to steps of b, within [0, c]
    DITHER = 20  # x + a + (u - 1/2) b, within [0, c]
    NORMALIZE = 21  # (x - a) / b c
    DEVIATE = 22  # x + z sqrt(max(x, 0) a + b)
    SPECKLE_NORMAL = 23  # x + x (z a)
    SPECKLE_UNIFORM = 24  # x + x ((u - 1/2) a)
    IMPULSE = 25  # where u < a: 1 if the second word's u < b, else 0
    CLIP = 26  # within [0, 1]
    EIGHT_BITS = 27  # the same, in steps of 1/255


class Operation(NamedTuple):
    """One of them.

    Attributes:
        code: which.
        stream, lane: of its (first) word, where it draws.
        at: number of its first column of the table; for ROW and COLUMN, of its line.
    """

    code: Code
    stream: int = 0
    lane: int = 0
    at: int = 0


class Shape(IntEnum):
    """What a line is along its axis; a is its column of the table."""

    WHITE = 0  # z a, one z a line
    OCTAVES = 1  # (z + z + ...) a, each held for twice as many lines as the one before
    WAVE = 2  # cos(phase + place b) a


class Line(NamedTuple):
    """What all pixels of a row, or of a column, share."""

    shape: Shape
    stream: int
    octaves: int
    at: int


@dataclass(frozen=True)
class Program:
    """A chain of stages for a batch of images in one or several views.

    Attributes:
        operations: in the order light meets them.
        rows, columns: the lines that they add.
        table: (view, batch, number) float32 on the CPU.
        tile: plane over each place of the 2x2 tile, for a program that begins with a mosaic; else None.
    """

    operations: tuple[Operation, ...]
    rows: tuple[Line, ...]
    columns: tuple[Line, ...]
    table: Tensor
    tile: tuple[int, int, int, int] | None = None


class Addresses(NamedTuple):
    """Where the views of a batch take their words, as integers.

    Attributes:
        key: the two words of the key.
        views: (view,) numbers.
        sample, body: (batch,) int64 bit patterns.
    """

    key: tuple[int, int]
    views: tuple[int, ...]
    sample: Tensor
    body: Tensor


def addresses(keys: Sequence[Key]) -> Addresses:
    """Of keys that differ in nothing but their view."""
    first = keys[0]
    assert first.body is not None, "a pipeline gives keys its own body"
    return Addresses(first.philox_key(), tuple(key.view for key in keys), first.sample, first.body)
