"""The program on the CPU: numba, block by block in the cache, on threads of our own."""

import gc
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from warnings import warn

import numpy as np
import torch
from llvmlite.binding import set_option
from numba import njit
from numba.core.compiler_lock import global_compiler_lock
from torch import Tensor

from ...light import decoded_levels
from .. import uninterrupted
from ..program import Addresses, Code, Line, Operation, Program
from . import sensor
from .laws import BLOCK, OPTIONS
from .threads import share

PIECE = 16  # blocks that a thread takes at a time at least: 65,536 pixels, a fifth to a third of a millisecond
SHARES = 16  # pieces for each thread, so that one that is held up leaves the rest to others
_HALF = 0xFFFFFFFF
_INTERLEAVE = "-force-vector-interleave"
_OUTPUTS = [torch.float32, torch.uint16, torch.uint8]  # in the order of `sensor.FLOATS`, SHORTS and BYTES


def expose(
    program: Program,
    data: Tensor,
    origin: Tensor,
    addresses: Addresses,
    dtype: torch.dtype,
    limits: tuple[float, float] | None = None,
) -> Tensor | None:
    """Runs a program.

    Args:
        program: what happens to a pixel.
        data: (batch, channel, row, col) float32 on the CPU, of any strides.
        origin: (batch, 2) int64.
        addresses: of the views.
        dtype: float32, uint16 for whole numbers, uint8 for multiples of 1/255.
        limits: of every value of `data`, to be looked at on the way; None for values that need it not.

    Returns:
        (view, batch, channel, row, col); None where a value is outside `limits`,
        or a rate of the Poisson law outside [0, 1e6]: the torch code has the words for it.
    """
    run = compiled("expose")
    batch, channels, rows, cols = data.shape
    channels = channels if program.tile is None else 1
    kind = _OUTPUTS.index(dtype)
    # NumPy's memory, because NumPy asks the system for large pages: 64 new MiB then take a seventh of the time.
    outputs = [np.empty(0, of) for of in (np.float32, np.uint16, np.uint8)]
    outputs[kind] = np.empty(len(addresses.views) * batch * channels * rows * cols, outputs[kind].dtype)
    made = torch.from_numpy(outputs[kind]).view(len(addresses.views), batch, channels, rows, cols)
    if made.numel() == 0:
        return made
    last = sum((size - 1) * step for size, step in zip(data.shape, data.stride(), strict=True))
    source = data.detach().as_strided((last + 1,), (1,)).numpy()
    key, views = np.array(addresses.key, np.int64), np.array(addresses.views, np.int64)
    places = origin.numpy()
    words = np.empty((batch, 4), np.int64)
    for at, ids in enumerate((addresses.sample.numpy(), addresses.body.numpy())):
        words[:, 2 * at], words[:, 2 * at + 1] = ids & _HALF, ids >> 32 & _HALF
    # An operation reads four columns, also where it has fewer and they are the last.
    table = np.zeros((*program.table.shape[:2], program.table.shape[2] + 4), np.float32)
    table[..., :-4] = program.table.numpy()

    def lines(specified: tuple[Line, ...], axis: int, length: int) -> Any:
        out = np.empty((len(specified), len(views), batch, length), np.float32)
        if specified:
            first = np.ascontiguousarray(places[:, axis])
            compiled("draw_lines")(_integers(specified), table, first, 0 if axis else 16, views, words, key, out)
        return out

    arguments = (
        source,
        np.array(data.stride(), np.int64),
        np.array((batch, channels, rows, cols), np.int64),
        np.ascontiguousarray(places),
        np.array((-1,) * 4 if program.tile is None else program.tile, np.int64),
        np.array(limits or (), np.float32),
        _operations(program.operations),
        table,
        lines(program.rows, 0, rows),
        lines(program.columns, 1, cols),
        decoded_levels().numpy(),
        views,
        words,
        key,
        kind,
        *outputs,
    )
    blocks = batch * channels * (-(-rows * cols // BLOCK))
    size = max(PIECE, -(-blocks // (SHARES * torch.get_num_threads())))

    def expose_piece(piece: int) -> bool:
        room = np.empty((6, BLOCK), np.float32), np.empty(BLOCK, np.uint32), np.empty(8 * BLOCK, np.int32)
        return bool(run(*arguments, *room, piece * size, min((piece + 1) * size, blocks)))

    good = share(-(-blocks // size), expose_piece)
    return made if good else None


@lru_cache(64)
def _operations(operations: tuple[Operation, ...]) -> Any:
    """As the kernel takes them: (operation, 4)."""
    rows: list[tuple[int, ...]] = []
    for one in operations:
        if one.code is Code.COLUMN and rows and rows[-1][0] == Code.ROW:
            rows[-1] = (sensor.BOTH, 0, rows[-1][3], one.at)
        else:
            rows.append(tuple(one))
    return _integers(tuple(rows))


@lru_cache(64)
def _integers(rows: tuple[tuple[int, ...], ...]) -> Any:
    return np.array(rows, np.int64).reshape(-1, 4)


@cache
def compiled(name: str) -> Any:
    """The kernel `expose` or `draw_lines`, compiled once for all programs, kept on disk where that can be written."""
    made = sensor.made_of(_digest())  # type: ignore[no-untyped-call]
    return uninterrupted(lambda: _compile(sensor.SIGNATURES[name], made[name]))


@contextmanager
def _compiler() -> Iterator[None]:
    """With two vectors in flight in each loop, and without searching for garbage, an eighth of the time it takes.

    A law is a long chain of instructions that wait for each other; left alone, LLVM takes one vector through
    a loop so long, and the processor sees too little of the next: 6 % slower. The option is of all of LLVM;
    whoever else compiles waits until it has its default again.
    """
    collecting = gc.isenabled()
    with global_compiler_lock:
        gc.disable()
        set_option("camnoise", f"{_INTERLEAVE}=2")
        try:
            yield
        finally:
            set_option("camnoise", f"{_INTERLEAVE}=0")
            if collecting:
                gc.enable()


@_compiler()
def _compile(signature: Any, function: Callable[..., Any]) -> Any:
    options: dict[str, Any] = {"nogil": True, **OPTIONS}
    try:
        return njit(signature, cache=True, **options)(function)
    except Exception as error:  # no place for a cache, a full disk, a damaged file: numba has an error of each
        kernel = njit(signature, **options)(function)
        if not isinstance(error, RuntimeError):  # its word for having no place
            warn(f"numba's cache cannot be used ({error!r}): the kernel is compiled in every process", stacklevel=2)
        return kernel


def _digest() -> int:
    """Of the files that machine code is made from."""
    here = Path(__file__).parent
    package = here.parent.parent
    laws = [package / f"{name}.py" for name in ("elementary", "draws", "keys", "light")]
    files = [*laws, here.parent / "program.py", *sorted(here.glob("*.py"))]
    digest = hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=7).digest()
    return int.from_bytes(digest, "big") | 1
