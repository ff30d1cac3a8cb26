"""The elementary functions, the same float32 bits on every backend.

The platform's `log`, `exp` and `cos` differ between libraries and devices, and torch's float32
`sqrt` on CPU is not correctly rounded. These are polynomials instead, written in separate IEEE
float32 additions and multiplications whose order is part of the definition: no fused
multiply-add, no `**`, no division by a Python scalar. The coefficients are minimax fits made
for camnoise (Lawson iteration, refitted after each rounding to float32). Every function takes
and returns float32 tensors of any shape; the stated error is relative, over all float32 inputs
of the range.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

# Coefficients, low order first. The kernels read this same table.
LOG = (
    -0.5,
    0.33333215,
    -0.24999805,
    0.20010436,
    -0.16680223,
    0.14005537,
    -0.121874325,
    0.1398565,
    -0.12879355,
)
MINUS_LOG2 = (
    *(1.442695, -0.72134686, 0.4808981, -0.3607727, 0.28865305, -0.23704605),
    *(0.20242466, -0.22101235, 0.20047268),
)
LOG1P = (
    *(0.5000009, 0.33326325, 0.25186864, 0.17587453, 0.34006843),
    *(-0.59227, 1.9709347, -2.4764547, 1.7434437),
)
EXP = (0.49999994, 0.16666521, 0.041668266, 0.008368677, 0.0013820734)
EXPM1 = (0.49999997, 0.16666546, 0.041667435, 0.008366262, 0.0013870657)
EXPM1_SMALL = (
    *(0.49999997, 0.16666678, 0.041667715, 0.008333613),
    *(0.0013826622, 0.00018636535, 1.584797e-05),
)
COS = (1.5707964, -0.6459651, 0.07969593, -0.0046831043, 0.00015592923)
LN2 = 0.6931472
LN2_HIGH, LN2_LOW = 0.693145752, 1.42860677e-06  # their sum is ln 2; the first has spare trailing zeros
LOG2_E = 1.442695
EXP_RANGE = -87.0, 88.0  # of `exp`, whose result is a normal float32 there
ROUND_TO_INTEGER = 12582912.0  # 1.5 * 2^23: adding it leaves the nearest integer in the low bits

# The first concurrent call into the CPU's vector-math library may run a low-accuracy kernel
# (pytorch issue 188792); one call here, at import, is not concurrent.
for _dtype in (torch.float32, torch.float64):
    torch.sqrt(torch.ones(1, dtype=_dtype, device="cpu"))


def polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Estrin's scheme: pairs c1*x + c0, then the same pairing in x^2, x^4, x^8; an odd last term is carried up."""
    head = [c1 * x + c0 for c0, c1 in zip(coefficients[::2], coefficients[1::2], strict=False)]
    terms: list[Tensor | float] = [*head, coefficients[-1]] if len(coefficients) % 2 else [*head]
    power = x
    while len(terms) > 1:
        power = power * power
        paired: list[Tensor | float] = [high * power + low for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = [*paired, terms[-1]] if len(terms) % 2 else paired
    value = terms[0]
    assert not isinstance(value, float)
    return value


def sqrt(x: Tensor) -> Tensor:
    """Correctly rounded square root. (torch's own float32 root is wrong in the last bit for 17 % of mantissas.)"""
    return x.double().sqrt().float()


def positive_part(x: Tensor) -> Tensor:
    """x where it is above 0, else +0; of `clamp` and `maximum` it depends on device and place which zero they give."""
    return torch.where(x > 0.0, x, 0.0)


def _power_of_two(n: Tensor) -> Tensor:
    """2^n as float32 for int32 n in [-126, 127]."""
    return ((n + 127) << 23).view(torch.float32)


def _mantissa_and_exponent(x: Tensor) -> tuple[Tensor, Tensor]:
    """x = (1 + f) 2^E with 1 + f in [2/3, 4/3); E is a float32 integer. For positive normal x."""
    bits = x.view(torch.int32)
    exponent = (bits - 0x3F2AAAAB) & -0x800000  # 0xFF800000 as int32
    f = (bits - exponent).view(torch.float32) - 1.0
    return f, exponent.float() * 2.0**-23


def log(x: Tensor) -> Tensor:
    """Natural logarithm on [1e-37, 3e38]; error 1.2e-7."""
    f, e = _mantissa_and_exponent(x)
    return e * LN2 + (polynomial(f, LOG) * (f * f) + f)


def minus_log2(x: Tensor) -> Tensor:
    """-log2(x) on [2^-33, 1/2]; error 1.1e-7."""
    f, e = _mantissa_and_exponent(x)
    return -(e + f * polynomial(f, MINUS_LOG2))


def log1m(p: Tensor) -> Tensor:
    """log(1 - p) on [2^-33, 1/2]; error 1.2e-7, also at tiny p."""
    return -(polynomial(p, LOG1P) * (p * p) + p)


def _reduce(a: Tensor) -> tuple[Tensor, Tensor]:
    """a = n ln 2 + f, |f| <= ln(2)/2, n as int32."""
    z = a * LOG2_E + ROUND_TO_INTEGER
    n = z.view(torch.int32) - 0x4B400000
    j = n.float()
    return n, (a - j * LN2_HIGH) - j * LN2_LOW


def exp(a: Tensor) -> Tensor:
    """Exponential on [-87, 88]; error 8.5e-8."""
    n, f = _reduce(a)
    return ((polynomial(f, EXP) * (f * f) + f) + 1.0) * _power_of_two(n)


def expm1(a: Tensor) -> Tensor:
    """exp(a) - 1 on [-80, 50], accurate around 0 too; error 1.3e-7."""
    n, f = _reduce(a)
    r = polynomial(f, EXPM1) * (f * f) + f
    t = _power_of_two(n)
    return t * r + (t - 1.0)


def expm1_small(y: Tensor) -> Tensor:
    """exp(y) - 1 on [-1.3875, 0.3475] without range reduction; error 2.1e-7."""
    return polynomial(y, EXPM1_SMALL) * (y * y) + y


def cosine_of_word(word: Tensor) -> Tensor:
    """cos(2 pi v) for the angle v in [0, 1) that an int32 word stands for; error 2.5e-7, relative and absolute.

    Folding the word by its own sign bit leaves a quarter wave, so there is no branch and no
    argument error.
    """
    folded = word ^ (word >> 31)
    z = (2**30 - folded).float() * 2.0**-30
    return polynomial(z * z, COS) * z


def power(x: Tensor, exponent: float) -> Tensor:
    """x^exponent for x > 0 with |exponent * log x| below 1.5 or so; error 3e-7 (it grows with that product)."""
    return exp(log(x) * exponent)
