"""The laws of `camnoise.draws` on a block of pixels, each in short loops.

One long loop would wait for its own results; LLVM makes vector instructions of each short one, and
the arrays between them stay in the nearest cache. Splitting a loop changes no bit. A loop never
writes into an array that it reads under another name: the check for that would send it down the
scalar path.
"""

# numba compiles these from their values' types; to mypy they are Python without any.
# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"

import numpy as np
from numba import njit

from ... import draws
from .scalars import (
    as_int,
    cosine_of_word,
    expansion_of_root,
    expm1,
    expm1_small,
    log,
    log1m,
    log_of_uniform,
    normal_of_root,
    normal_root,
    philox,
    poisson_ladder,
    reciprocal,
    signed,
    sqrt,
    tail,
)

BLOCK = 4096  # pixels
PART = 256  # of a block with rates on both sides of the switch
ZERO, NONE, LADDER_BELOW = np.float32(0.0), np.float32(-1.0), np.float32(draws.LADDER_BELOW)
LARGEST_BITS = np.int32(np.float32(draws.LARGEST_RATE).view(np.int32))
SWITCH_BITS = np.int32(LADDER_BELOW.view(np.int32))

# Every slice of an array would count a reference, atomically: a seventh of the time. The caller holds all arrays.
OPTIONS = {"error_model": "numpy", "_nrt": False}
# Without the wrappers by which Python may call a function: they are compiled too, and nobody calls them.
block = njit(no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)  # type: ignore[call-overload]


@block
def words_of(position, c1, c2, c3, k0, k1, words, few, n):
    """The words of each pixel at `position`: (4 BLOCK,) int32, one array, so that LLVM sees that they are apart.

    `few` leaves out the last two, and with them a multiplication of the last round.
    """
    if few:
        for i in range(n):
            a, b, _, _ = philox(np.int64(position[i]), c1, c2, c3, k0, k1)
            words[i] = np.int32(a)
            words[BLOCK + i] = np.int32(b)
        return
    for i in range(n):
        a, b, c, d = philox(np.int64(position[i]), c1, c2, c3, k0, k1)
        words[i] = np.int32(a)
        words[BLOCK + i] = np.int32(b)
        words[2 * BLOCK + i] = np.int32(c)
        words[3 * BLOCK + i] = np.int32(d)


@block
def normal(word, z, n):
    """z: standard normal."""
    for i in range(n):
        z[i] = normal_root(word[i])
    for i in range(n):
        z[i] = normal_of_root(z[i], word[i])


@block
def add_tukey_lambda(word, lam, scale, x, near, far):
    """x grows by the Tukey lambda quantile times `scale` (the raw scale over lam)."""
    for i in range(len(x)):
        p = tail(word[i])
        near[i] = log1m(p) * lam
        far[i] = log(p) * lam
    for i in range(len(x)):
        x[i] = x[i] + signed((expm1_small(near[i]) - expm1(far[i])) * scale, word[i])


@block
def add_student_t(word, angle, exponent, nu, scale, x, t):
    """x grows by Student's t times `scale`; `exponent` is -2 / nu."""
    for i in range(len(x)):
        t[i] = log_of_uniform(word[i]) * exponent
    for i in range(len(x)):
        t[i] = sqrt(expm1(t[i]) * nu)
    for i in range(len(x)):
        x[i] = x[i] + (t[i] * cosine_of_word(angle[i])) * scale


@block
def words_and_roots(position, c1, c2, c3, k0, k1, words, x, root, inverse):
    """`words_of` for two words, and of each rate (from 2.25 on) the root and one over it.

    Roots and divisions keep another unit of the processor busy than the multiplications of the
    words do: beside them they cost a third of what they cost in a loop of their own.
    """
    for i in range(len(x)):
        a, b, _, _ = philox(np.int64(position[i]), c1, c2, c3, k0, k1)
        words[i] = np.int32(a)
        words[BLOCK + i] = np.int32(b)
        rate = x[i]
        r = sqrt(rate if rate > LADDER_BELOW else LADDER_BELOW)
        root[i] = r
        inverse[i] = reciprocal(r)


@block
def roots(x, root, inverse):
    """Of each rate (from 2.25 on) the root and one over it."""
    for i in range(len(x)):
        rate = x[i]
        r = sqrt(rate if rate > LADDER_BELOW else LADDER_BELOW)
        root[i] = r
        inverse[i] = reciprocal(r)


@block
def poisson(word, x, root, inverse, z, t, least, most):
    """x: from rates to counts. False where a rate is outside [0, 1e6] or NaN; least, most: `bits_of` x."""
    if (least < 0 and _any_negative(x)) or most > LARGEST_BITS:
        return False
    # A block of both kinds is looked at in parts: in a photograph neighbors are mostly of one kind.
    part = PART if least < SWITCH_BITS and most >= SWITCH_BITS else len(x)
    for first in range(0, len(x), part):
        last = min(first + part, len(x))
        w, rates, r, one_over_r = word[first:last], x[first:last], root[first:last], inverse[first:last]
        v, few = z[first:last], t[first:last]
        if part < len(x):
            least, most = bits_of(rates)
        if most < SWITCH_BITS:
            for i in range(len(rates)):
                rates[i] = poisson_ladder(w[i], rates[i])
            continue
        if least < SWITCH_BITS:
            for i in range(len(rates)):
                rate = rates[i]
                count = poisson_ladder(w[i], rate if rate < LADDER_BELOW else LADDER_BELOW)
                few[i] = count if rate < LADDER_BELOW else NONE
        normal(w, v, len(rates))
        for i in range(len(rates)):
            rate = rates[i]
            rates[i] = expansion_of_root(v[i], rate if rate > LADDER_BELOW else LADDER_BELOW, r[i], one_over_r[i])
        if least < SWITCH_BITS:
            for i in range(len(rates)):
                rates[i] = few[i] if few[i] >= ZERO else rates[i]
    return True


@block
def bits_of(x):
    """The least and the most of the bits; those of positive floats are ordered, and integers have a vector minimum."""
    least = most = as_int(x[0])
    for i in range(len(x)):
        bits = as_int(x[i])
        least, most = min(least, bits), max(most, bits)
    return least, most


@block
def _any_negative(x):
    """Not counting -0, whose bits alone are below 0; NaN counts."""
    negative = False
    for i in range(len(x)):
        negative |= not x[i] >= ZERO
    return negative
