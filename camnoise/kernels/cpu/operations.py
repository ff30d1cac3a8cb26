"""What operations do to a block of pixels, each in short loops.

Loops run over `len(x)`: an index that numba could take for a negative one keeps a loop from becoming vectors.
"""

# numba compiles these from their values' types; to mypy they are Python without any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import numpy as np

from ..program import Code
from .laws import LARGEST_BITS, add_student_t, add_tukey_lambda, bits_of, block, normal
from .scalars import exp, exponential, floor, positive_part, sqrt, srgb_curve, uniform

F = np.float32
ZERO, HALF, ONE, WHITE_LEVEL = F(0.0), F(0.5), F(1.0), F(255.0)

ADD, PLANE, RATE = int(Code.ADD), int(Code.PLANE), int(Code.RATE)
DIVIDE, SCALE = int(Code.DIVIDE), int(Code.SCALE)
RESPOND, CHARGE, HOT = int(Code.RESPOND), int(Code.CHARGE), int(Code.HOT)
NORMAL, UNIFORM, TUKEY, STUDENT = int(Code.NORMAL), int(Code.UNIFORM), int(Code.TUKEY), int(Code.STUDENT)
LEVEL, ROUND, DITHER, NORMALIZE = int(Code.LEVEL), int(Code.ROUND), int(Code.DITHER), int(Code.NORMALIZE)
DEVIATE, SPECKLE_UNIFORM = int(Code.DEVIATE), int(Code.SPECKLE_UNIFORM)
IMPULSE, EIGHT_BITS = int(Code.IMPULSE), int(Code.EIGHT_BITS)


@block
def linearize(x, levels, z):
    off = False
    for i in range(len(x)):
        v = x[i]
        off |= not (floor(v * WHITE_LEVEL + HALF) / WHITE_LEVEL == v and v >= ZERO and v <= ONE)
    if not off:
        for i in range(len(x)):
            x[i] = levels[np.int32(floor(x[i] * WHITE_LEVEL + HALF))]
        return
    for i in range(len(x)):
        z[i] = srgb_curve(x[i])
    for i in range(len(x)):
        v = x[i]
        level = floor(v * WHITE_LEVEL + HALF)
        on = level / WHITE_LEVEL == v and v >= ZERO and v <= ONE
        x[i] = levels[np.int32(level if on else ZERO)] if on else z[i]


@block
def add_tile(x, a, b, c, d, position):
    """a, b, c, d: the offsets of the 2x2 tile's places."""
    for i in range(len(x)):
        p = position[i]
        upper, lower = (b, d) if p & np.uint32(1) else (a, c)
        x[i] = x[i] + (lower if p & np.uint32(0x10000) else upper)


@block
def add_lines(x, row, column, start, cols):
    """What rows and columns share, one after the other; either may be empty."""
    r, c, i = start // cols, start % cols, 0
    while i < len(x):
        run = min(len(x) - i, cols - c)
        here, each = x[i : i + run], column[c : c + run]
        if len(row) > 0 and len(column) > 0:
            same = row[r]
            for k in range(run):
                here[k] = (here[k] + same) + each[k]
        elif len(row) > 0:
            same = row[r]
            for k in range(run):
                here[k] = here[k] + same
        else:
            for k in range(run):
                here[k] = here[k] + each[k]
        i, r, c = i + run, r + 1, 0


@block
def convert(code, x, black, step, top, words):
    """The operations of the converter, and what rounds and clips."""
    if code in (ROUND, DITHER, LEVEL):
        top = step if code == LEVEL else top
        if code == ROUND:
            for i in range(len(x)):
                raw = positive_part(floor((x[i] + black) / step + HALF) * step)
                x[i] = raw if raw < top else top
            return
        if code == DITHER:
            for i in range(len(x)):
                x[i] = (x[i] + black) + (uniform(words[i]) - HALF) * step
        else:
            for i in range(len(x)):
                x[i] = x[i] + black
        for i in range(len(x)):
            raw = positive_part(x[i])
            x[i] = raw if raw < top else top
    elif code == NORMALIZE:
        span, ratio = step, top
        for i in range(len(x)):
            x[i] = (x[i] - black) / span * ratio
    else:
        for i in range(len(x)):
            v = positive_part(x[i])
            x[i] = v if v < ONE else ONE
        if code == EIGHT_BITS:
            for i in range(len(x)):
                x[i] = floor(x[i] * WHITE_LEVEL + HALF) / WHITE_LEVEL


@block
def draw(code, x, a, b, c, word, other, z, t):
    """The operations that draw, but the Poisson law's."""
    if code == TUKEY:
        add_tukey_lambda(word, a, b, x, z, t)
    elif code == STUDENT:
        add_student_t(word, other, a, b, c, x, t)
    elif code == UNIFORM:
        for i in range(len(x)):
            x[i] = x[i] + (uniform(word[i]) - HALF) * a
    elif code == SPECKLE_UNIFORM:
        for i in range(len(x)):
            x[i] = x[i] + x[i] * ((uniform(word[i]) - HALF) * a)
    elif code == HOT:
        for i in range(len(x)):
            x[i] = x[i] + (exponential(other[i]) * b if uniform(word[i]) < a else ZERO)
    elif code == IMPULSE:
        for i in range(len(x)):
            level = ONE if uniform(other[i]) < b else ZERO
            x[i] = level if uniform(word[i]) < a else x[i]
    else:
        normal(word, z, len(x))
        if code == NORMAL:
            for i in range(len(x)):
                x[i] = x[i] + z[i] * a
        elif code == RESPOND:
            for i in range(len(x)):
                x[i] = x[i] * (z[i] * a + ONE)
        elif code == CHARGE:
            for i in range(len(x)):
                x[i] = x[i] + a * exp(z[i] * b - c)
        elif code == DEVIATE:
            for i in range(len(x)):
                x[i] = x[i] + z[i] * sqrt(positive_part(x[i]) * a + b)
        else:
            for i in range(len(x)):
                x[i] = x[i] + x[i] * (z[i] * a)


@block
def cut(x, ceiling):
    """Light beyond saturation is light like any other. `bits_of` what is left."""
    least, most = bits_of(x)
    if most > LARGEST_BITS:
        for i in range(len(x)):
            x[i] = ceiling if x[i] > ceiling else x[i]
        return bits_of(x)
    return least, most


@block
def scale(code, x, a):
    """The operations of one number."""
    if code == SCALE:
        for i in range(len(x)):
            x[i] = x[i] * a
    elif code == DIVIDE:
        for i in range(len(x)):
            x[i] = x[i] / a
    elif code in (ADD, PLANE):
        for i in range(len(x)):
            x[i] = x[i] + a
    elif code == RATE:
        for i in range(len(x)):
            x[i] = positive_part(x[i]) * a
    else:
        for i in range(len(x)):
            x[i] = a if x[i] > a else x[i]  # which keeps NaN, as `torch.minimum` does
