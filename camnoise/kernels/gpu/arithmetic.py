"""`elementary` and `draws` once more, on the registers of a Triton kernel: the same float32 bits.

What a line of Triton compiles to decides its bits, so only forms are used that were seen to give
one correctly rounded instruction: `+ - *`, `div_rn`, `sqrt_rn`, comparisons, `where`, `floor`,
integer and bit operations. Never `/`, `tl.sqrt`, `tl.exp`, `tl.log` or `tl.fma`, and always
`enable_fp_fusion=False` at the launch. Python numbers become float32 constants, rounded as torch
rounds a scalar. Coefficients are the tables of `elementary` and `draws` themselves.

Words are int32 bit patterns here as there; only `philox` works in uint32.
"""

# Triton reads the source of these functions by itself; to mypy they are plain Python without types.
# mypy: ignore-errors

import triton
import triton.language as tl

from ... import draws, elementary, keys


def constant(value):
    """A number, or a tuple of them, that kernels find among their globals; the interpreter wants it bare."""
    return value if triton.knobs.runtime.interpret else tl.constexpr(value)


LOG = constant(elementary.LOG)
MINUS_LOG2 = constant(elementary.MINUS_LOG2)
LOG1P = constant(elementary.LOG1P)
EXP = constant(elementary.EXP)
EXPM1 = constant(elementary.EXPM1)
EXPM1_SMALL = constant(elementary.EXPM1_SMALL)
COS = constant(elementary.COS)
LN2 = constant(elementary.LN2)
LN2_HIGH, LN2_LOW = constant(elementary.LN2_HIGH), constant(elementary.LN2_LOW)
LOG2_E = constant(elementary.LOG2_E)
ROUND_TO_INTEGER = constant(elementary.ROUND_TO_INTEGER)
NORMAL_N, NORMAL_D = constant(draws.NORMAL_N), constant(draws.NORMAL_D)
TEMME_G, TEMME_H, TEMME_B = constant(draws.TEMME_G), constant(draws.TEMME_H), constant(draws.TEMME_B)
TEMME_FLOOR = constant(draws.TEMME_FLOOR)
LADDER_BELOW, LADDER = constant(draws.LADDER_BELOW), constant(draws.LADDER)
ROUNDS = constant(keys.ROUNDS)
MULTIPLIER_0, MULTIPLIER_1 = (constant(one) for one in keys.MULTIPLIERS)
WEYL_0, WEYL_1 = (constant(one) for one in keys.WEYL)


@triton.jit
def polynomial(x, C: tl.constexpr):
    """Estrin's scheme in the order of `elementary.polynomial`, for the 4, 5, 7 or 9 coefficients that occur."""
    x2 = x * x
    low = (C[3] * x + C[2]) * x2 + (C[1] * x + C[0])
    if len(C) == 4:
        value = low
    elif len(C) == 5:
        value = C[4] * (x2 * x2) + low
    elif len(C) == 7:
        value = (C[6] * x2 + (C[5] * x + C[4])) * (x2 * x2) + low
    else:
        tl.static_assert(len(C) == 9)
        x4 = x2 * x2
        high = (C[7] * x + C[6]) * x2 + (C[5] * x + C[4])
        value = C[8] * (x4 * x4) + (high * x4 + low)
    return value


@triton.jit
def positive_part(x):
    return tl.where(x > 0.0, x, 0.0)


@triton.jit
def power_of_two(n):
    return ((n + 127) << 23).to(tl.float32, bitcast=True)


@triton.jit
def mantissa_and_exponent(x):
    bits = x.to(tl.int32, bitcast=True)
    exponent = (bits - 0x3F2AAAAB) & -0x800000
    f = (bits - exponent).to(tl.float32, bitcast=True) - 1.0
    return f, exponent.to(tl.float32) * 2.0**-23


@triton.jit
def log(x):
    f, e = mantissa_and_exponent(x)
    return e * LN2 + (polynomial(f, LOG) * (f * f) + f)


@triton.jit
def minus_log2(x):
    f, e = mantissa_and_exponent(x)
    return -(e + f * polynomial(f, MINUS_LOG2))


@triton.jit
def log1m(p):
    return -(polynomial(p, LOG1P) * (p * p) + p)


@triton.jit
def reduce(a):
    n = (a * LOG2_E + ROUND_TO_INTEGER).to(tl.int32, bitcast=True) - 0x4B400000
    j = n.to(tl.float32)
    return n, (a - j * LN2_HIGH) - j * LN2_LOW


@triton.jit
def exp(a):
    n, f = reduce(a)
    return ((polynomial(f, EXP) * (f * f) + f) + 1.0) * power_of_two(n)


@triton.jit
def expm1(a):
    n, f = reduce(a)
    r = polynomial(f, EXPM1) * (f * f) + f
    t = power_of_two(n)
    return t * r + (t - 1.0)


@triton.jit
def expm1_small(y):
    return polynomial(y, EXPM1_SMALL) * (y * y) + y


@triton.jit
def cosine_of_word(word):
    folded = word ^ (word >> 31)
    z = (1073741824 - folded).to(tl.float32) * 2.0**-30
    return polynomial(z * z, COS) * z


@triton.jit
def tail(word):
    return (word & 0x7FFFFFFF).to(tl.float32) * 2.0**-32 + 2.0**-33


@triton.jit
def signed(magnitude, word):
    return tl.where(word < 0, -magnitude, magnitude)


@triton.jit
def uniform(word):
    return ((word >> 9) & 0x7FFFFF).to(tl.float32) * 2.0**-23 + 2.0**-24


@triton.jit
def normal(word):
    v = tl.sqrt_rn(minus_log2(tail(word))) - 1.0
    return signed(tl.div_rn(polynomial(v, NORMAL_N) * v, polynomial(v, NORMAL_D)), word)


@triton.jit
def log_of_uniform(word):
    """Logarithm of a uniform whose two halves reach 2^-33 and 1 - 2^-33: of `student_t` and `exponential`."""
    p = tail(word)
    return tl.where(word < 0, log1m(p), log(p))


@triton.jit
def tukey_lambda(word, lam, factor):
    """`lam` is `off_zero` already, `factor` is scale / lam."""
    p = tail(word)
    return signed((expm1_small(log1m(p) * lam) - expm1(log(p) * lam)) * factor, word)


@triton.jit
def student_t(word, angle, exponent, nu):
    """`exponent` is -2 / nu."""
    return tl.sqrt_rn(expm1(log_of_uniform(word) * exponent) * nu) * cosine_of_word(angle)


@triton.jit
def poisson(word, rate, inside):
    """Counts of rates in [0, 1e6].

    A block takes a path only where one of its pixels that are `inside` the image needs it.
    """
    small = rate < LADDER_BELOW
    count = tl.zeros_like(rate)
    if tl.max((inside & (rate >= LADDER_BELOW)).to(tl.int32), 0) > 0:
        count = poisson_expansion(word, tl.where(small, LADDER_BELOW, rate))
    if tl.max((inside & small).to(tl.int32), 0) > 0:
        count = tl.where(small, poisson_ladder(word, tl.where(small, rate, 0.0)), count)
    return count


@triton.jit
def poisson_expansion(word, rate):
    root = tl.sqrt_rn(rate)
    inverse = tl.div_rn(1.0, root)
    z = normal(word)
    edge = root * TEMME_FLOOR
    w = tl.where(-z > edge, -z, edge)
    s = w * inverse
    d = root * w + (
        w * w * polynomial(s, TEMME_G) + (polynomial(s, TEMME_H) + polynomial(s, TEMME_B) * (inverse * inverse))
    )
    whole = tl.floor(rate)
    return positive_part(whole + tl.floor((rate - whole) + d))


@triton.jit
def poisson_ladder(word, rate):
    q = tail(word) * exp(rate)
    square = rate * rate
    terms = (rate, square * 0.5)  # rate^j / j! from j = 1 on; Triton joins tuples and has no stars in them
    for j in tl.static_range(3, LADDER + 1):
        terms = terms + (terms[j - 3] * (square * (1.0 / (j * (j - 1)))),)  # noqa: RUF005

    lower = (q > 1.0).to(tl.float32) + (q > terms[0] + 1.0).to(tl.float32)
    beyond = terms[LADDER - 1]
    upper = (beyond > q).to(tl.float32) + (LADDER - 1.0)
    for j in tl.static_range(LADDER - 1, 0, -1):
        beyond = beyond + terms[j - 1]
        upper = tl.where(beyond > q, upper, j - 1.0)
    return tl.where(word < 0, upper, lower)


@triton.jit
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10 of uint32: a tuple of four int32 words."""
    for _ in tl.static_range(ROUNDS):
        high_0, low_0 = tl.umulhi(c0, MULTIPLIER_0), c0 * MULTIPLIER_0
        high_1, low_1 = tl.umulhi(c2, MULTIPLIER_1), c2 * MULTIPLIER_1
        c0, c1, c2, c3 = high_1 ^ c1 ^ k0, low_1, high_0 ^ c3 ^ k1, low_0
        k0, k1 = k0 + WEYL_0, k1 + WEYL_1
    return (
        c0.to(tl.int32, bitcast=True),
        c1.to(tl.int32, bitcast=True),
        c2.to(tl.int32, bitcast=True),
        c3.to(tl.int32, bitcast=True),
    )
