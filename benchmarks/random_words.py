"""The random words of a chain without the chain: what its noise costs before any law."""

import numpy as np
import torch
from rounds import Run
from torch import Tensor

from camnoise.execution import BAND
from camnoise.frame import Frame
from camnoise.keys import Key
from camnoise.units import Unit


def words(images: Tensor) -> Run:
    """One Philox call a pixel, by the torch code, in bands that stay in the cache as the chain has them."""
    sample = torch.zeros(len(images), dtype=torch.int64)
    frame = Frame(images, Unit.LINEAR, torch.zeros((len(images), 2), dtype=torch.int64))

    def draw() -> None:
        for band in frame.bands(BAND):
            Key(0, sample).words(band)

    return draw


def kernel_words(pixels: int) -> Run:
    """The same as the kernel does it, block by block in the cache, on all threads."""
    from numba import njit

    from camnoise.kernels.cpu import PIECE
    from camnoise.kernels.cpu.laws import BLOCK, words_of
    from camnoise.kernels.cpu.threads import share

    @njit(nogil=True)
    def draw_words(first, last):
        words, position = np.empty(4 * BLOCK, np.int32), np.empty(BLOCK, np.uint32)
        seen = np.int32(0)
        for number in range(first, last):
            for i in range(BLOCK):
                position[i] = np.uint32(number * BLOCK + i)
            zero = np.int64(0)
            words_of(position, np.int64(1 << 16), np.int64(1), zero, zero, zero, words, False, BLOCK)
            seen ^= words[number % (4 * BLOCK)]  # so that the compiler cannot leave them out
        return seen

    blocks = -(-pixels // BLOCK)
    pieces = -(-blocks // PIECE)
    draw_words(0, 1)
    return lambda: share(pieces, lambda piece: draw_words(piece * PIECE, min((piece + 1) * PIECE, blocks)) is not None)
