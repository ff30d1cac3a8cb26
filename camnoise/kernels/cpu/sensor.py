"""The whole program on one block of pixels after another: a block never leaves the cache on its way.

A block is up to `BLOCK` pixels of one plane in the order of memory; it may span rows. Which words,
numbers and lines belong to a pixel follows from its place alone, so blocks can go to any thread.
"""

# numba compiles these from their values' types; to mypy they are Python without any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import numpy as np
from numba import boolean, float32, int32, int64, uint8, uint16, uint32, void

from ...keys import FIXED as FIXED_BIT
from ...keys import Stream
from ..program import Code, Shape
from .laws import BLOCK, block, poisson, roots, words_and_roots, words_of
from .operations import add_lines, add_tile, convert, cut, draw, linearize, scale
from .scalars import cosine_of_word, normal, philox

F = np.float32
ZERO, HALF, WHITE_LEVEL, FULL_TURN = F(0.0), F(0.5), F(255.0), F(2.0**32)
FLOATS, SHORTS, BYTES = range(3)  # what comes out
LANES = 4 * BLOCK

LINEARIZE, SCALE, ADD, SHOT = int(Code.LINEARIZE), int(Code.SCALE), int(Code.ADD), int(Code.SHOT)
RATE, DIVIDE, CEILING, STUDENT = int(Code.RATE), int(Code.DIVIDE), int(Code.CEILING), int(Code.STUDENT)
PLANE, TILE, ROW, COLUMN = int(Code.PLANE), int(Code.TILE), int(Code.ROW), int(Code.COLUMN)
DITHER, OCTAVES, WAVE = int(Code.DITHER), int(Shape.OCTAVES), int(Shape.WAVE)
PIXEL, FIXED = int(Stream.PIXEL), int(FIXED_BIT)
BOTH = 100  # a ROW, whose line is in the place of the lane, and a COLUMN in one loop


@block
def _copy(source, x):
    """Of slices, because an index that numba could take for a negative one keeps a loop from becoming vectors."""
    for k in range(len(x)):
        x[k] = source[k]


@block
def _gather(source, x, step, low, high):
    """Reads x; whether a value is beyond its limits, or NaN."""
    outside = False
    if step == 1:
        for k in range(len(x)):
            v = source[k]
            x[k] = v
            outside |= not (v >= low and v <= high)
    else:
        for k in range(len(x)):
            v = source[k * step]
            x[k] = v
            outside |= not (v >= low and v <= high)
    return outside


@block
def _load(source, steps, image, tile, limits, top, left, cols, channel, start, x, other, position):
    """Clean pixels and their places on the sensor; False where one is outside the limits, also under another filter."""
    r, c, i, outside = start // cols, start % cols, 0, False
    low, high = (limits[0], limits[1]) if len(limits) > 0 else (ZERO, ZERO)
    while i < len(x):
        run = min(len(x) - i, cols - c)
        place, there = ((top + r) << 16) + left + c, position[i : i + run]
        for k in range(run):
            there[k] = np.uint32(place + k)
        at, here = image * steps[0] + r * steps[2] + c * steps[3], x[i : i + run]
        odd, first = ((top + r) & 1) * 2, (left + c) & 1
        for plane in range(channel, channel + 1) if tile[0] < 0 else range(3):
            read = here if tile[0] < 0 else other[:run]
            outside |= _gather(source[at + plane * steps[1] :], read, steps[3], low, high)
            if tile[0] >= 0:
                side = 0 if plane == tile[odd + first] else 1 if plane == tile[odd + 1 - first] else 2
                for k in range(run):
                    here[k] = read[k] if k & 1 == side else here[k]
        i, r, c = i + run, r + 1, 0
    return not (outside and len(limits) > 0)


@block
def _to_shorts(x, shorts):
    for k in range(len(shorts)):
        shorts[k] = np.uint16(np.int32(x[k]))


@block
def _to_bytes(x, raw_bytes):
    for k in range(len(raw_bytes)):
        raw_bytes[k] = np.uint8(np.int32(x[k] * WHITE_LEVEL + HALF))


@block
def _address(stream, channel, view, ids, key):
    """The constant words of a stream's counter, and its key."""
    if stream & FIXED:
        return (channel << 24) + (stream << 16), ids[2], ids[3], np.int64(0), np.int64(0)
    return (channel << 24) + (stream << 16) + (view << 4), ids[0], ids[1], key[0], key[1]


def made_of(sources):
    """Both kernels, still in Python.

    Args:
        sources: a digest of all that they are made of, not 0. Numba keeps compiled code by the file
            and the closure of its function; without this a law that has changed elsewhere would
            leave the old one in the cache.
    """

    def expose(
        source, steps, shape, origin, tile, limits, operations, table, rows, columns, levels, views, ids, key, kind,
        floats, shorts, raw_bytes, values, position, words, first, last,
    ):  # fmt: skip
        """Carries the blocks from `first` up to `last` through the program; False where a value or a rate is none.

        Args:
            source, steps: clean pixels in storage, and the elements from one image, plane, row, column to the next.
            shape: batch, channels (that come out), rows, columns.
            operations: (operation, 4): code, stream, lane, at; a ROW and a COLUMN after it as one, BOTH.
            table: (view, batch, number) and rows, columns: (line, view, batch, length).
            ids: (batch, 4): halves of the sample's id and of the body's.
            kind: which of floats, shorts and raw_bytes, (view, batch, channel, row, col) in storage, is written.
            values, position, words: of a block, to work on: (6, BLOCK), (BLOCK,), and (8 BLOCK,) for the stream
                that most operations share and for another.
        """
        if not sources:
            return False
        batch, channels, height, cols = shape[0], shape[1], shape[2], shape[3]
        pixels = height * cols
        blocks = (pixels + BLOCK - 1) // BLOCK
        clean, scratch, z, t, root, inverse = values[0], values[1], values[2], values[3], values[4], values[5]
        nothing = z[:0]
        narrow = True  # whether two words a pixel are enough: shot noise and one lane of read noise
        for step in range(len(operations)):
            last_lane = operations[step, 2] + (1 if operations[step, 0] == STUDENT else 0)
            narrow = narrow and (operations[step, 1] != PIXEL or last_lane < 2)
        for number in range(first, last):
            plane, start = number // blocks, number % blocks * BLOCK
            image, channel = plane // channels, plane % channels
            n = min(BLOCK, pixels - start)
            top, left = origin[image, 0], origin[image, 1]
            for view in range(len(views)):
                to = ((view * batch + image) * channels + channel) * pixels + start
                x = floats[to : to + n] if kind == FLOATS else scratch[:n]  # float32 is made where it will lie
                if view > 0:
                    _copy(clean, x)
                else:
                    if not _load(source, steps, image, tile, limits, top, left, cols, channel, start, x, z, position):
                        return False
                    if len(views) > 1:
                        _copy(x, clean[:n])
                row, drawn, other_drawn, rooted = table[view, image], False, np.int64(-1), False
                for step in range(len(operations)):
                    code, stream, lane = operations[step, 0], operations[step, 1], operations[step, 2]
                    at = operations[step, 3]
                    here = 0 if stream == PIXEL else LANES
                    if code == SHOT:
                        least, most = cut(x, row[at])
                    if stream > 0 and not (drawn if stream == PIXEL else other_drawn == stream):
                        c1, c2, c3, k0, k1 = _address(stream, channel, views[view], ids[image], key)
                        if code == SHOT and narrow:
                            words_and_roots(position, c1, c2, c3, k0, k1, words, x, root, inverse)
                            rooted = True
                        else:
                            few = stream != PIXEL or narrow
                            words_of(position, c1, c2, c3, k0, k1, words[here : here + LANES], few, n)
                        drawn = drawn or stream == PIXEL
                        other_drawn = other_drawn if stream == PIXEL else stream
                    word = words[here + lane * BLOCK :]
                    beside = words[here + (lane + 1) % 4 * BLOCK :]
                    a, b, c, d = row[at], row[at + 1], row[at + 2], row[at + 3]  # those beyond its own are not used
                    if code in (ROW, COLUMN, BOTH):
                        row_line = nothing if code == COLUMN else rows[lane if code == BOTH else at, view, image]
                        column_line = nothing if code == ROW else columns[at, view, image]
                        add_lines(x, row_line, column_line, start, cols)
                    elif code == LINEARIZE:
                        linearize(x, levels, z)
                    elif code == SHOT:
                        if not rooted:
                            roots(x, root, inverse)
                        rooted = False
                        if not poisson(word, x, root, inverse, z, t, least, most):
                            return False
                    elif code == TILE:
                        add_tile(x, a, b, c, d, position)
                    elif code in (SCALE, DIVIDE, ADD, RATE, CEILING, PLANE):
                        scale(code, x, row[at + channel] if code == PLANE else a)
                    elif stream > 0 and code != DITHER:
                        draw(code, x, a, b, c, word, beside, z, t)
                    else:
                        convert(code, x, a, b, c, word)
                if kind == SHORTS:
                    _to_shorts(x, shorts[to : to + n])
                elif kind == BYTES:
                    _to_bytes(x, raw_bytes[to : to + n])
        return True

    def draw_lines(lines, table, origin, shift, views, ids, key, out):
        """What rows (shift 16) or columns (shift 0) share: out is (line, view, batch, length).

        Args:
            lines: (line, 4): shape, stream, octaves, at.
            origin: (batch,) place of the first.
        """
        if not sources:
            return
        for number in range(len(lines)):
            shape, stream, octaves, at = lines[number, 0], lines[number, 1], lines[number, 2], lines[number, 3]
            for view in range(len(views)):
                for image in range(len(ids)):
                    c1, c2, c3, k0, k1 = _address(stream, np.int64(0), views[view], ids[image], key)
                    line, first, a = out[number, view, image], origin[image], table[view, image, at]
                    if shape != WAVE:
                        for octave in range(octaves if shape == OCTAVES else 1):  # white noise is the first octave
                            begin = philox(np.int64(0), c1 + octave, c2, c3, k0, k1)[1] >> (32 - octave)
                            for i in range(len(line)):
                                held = ((first + i + begin) >> octave) << shift
                                word = np.int32(philox(held, c1 + octave, c2, c3, k0, k1)[0])
                                part = normal(word)
                                line[i] = line[i] + part if octave > 0 else part
                        for i in range(len(line)):
                            line[i] = line[i] * a
                    else:
                        phase = philox(np.int64(0), c1, c2, c3, k0, k1)[0]
                        turn = np.int64(table[view, image, at + 1] * FULL_TURN)
                        for i in range(len(line)):
                            line[i] = cosine_of_word(np.int32(phase + (first + i) * turn)) * a

    return {"expose": expose, "draw_lines": draw_lines}


_L1, _L2, _F4 = int64[::1], int64[:, ::1], float32[:, :, :, ::1]
_EXPOSE = boolean(
    float32[::1], _L1, _L1, _L2, _L1, float32[::1], _L2, float32[:, :, ::1], _F4, _F4, float32[::1], _L1, _L2, _L1,
    int64, float32[::1], uint16[::1], uint8[::1], float32[:, ::1], uint32[::1], int32[::1], int64, int64,
)  # fmt: skip
_DRAW_LINES = void(_L2, float32[:, :, ::1], _L1, int64, _L1, _L2, _L1, _F4)
SIGNATURES = {"expose": _EXPOSE, "draw_lines": _DRAW_LINES}
