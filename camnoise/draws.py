r"""Laws of chance, each from a fixed number of words, in the arithmetic of `elementary`.

A law maps int32 words (bit patterns) and float32 parameters that broadcast against them to
float32 values; it knows nothing of images or units. There are no rejection loops, so a draw never
depends on its neighbours. Symmetric laws spend one bit on the sign and 31 on the tail, so both
tails are equally deep and reach p = 2^-33. Mean, deviation and kurtosis are in `moments`.
"""

import torch
from torch import Tensor

from . import elementary
from .elementary import cosine_of_word, expm1, expm1_small, log, log1m, minus_log2, polynomial, positive_part, sqrt

LARGEST_RATE = 1e6  # electrons; the Poisson expansion was enumerated up to here
SMALLEST_SHAPE = 2.0**-40  # a Tukey shape nearer to 0 is moved here: the whole treatment of lambda = 0

# Rational approximation of the normal quantile in v = sqrt(-log2 p) - 1; x = v N(v) / D(v).
NORMAL_N = (1.7374605, 2.2004163, 0.76086754, 0.06910615)
NORMAL_D = (1.0, 1.4595858, 0.5896289, 0.05865746)

# Poisson quantile: uniform expansion in Temme's variable, from this rate on; below it a ladder of
# cumulated terms, long enough that what lies beyond has probability under 2^-33.
LADDER_BELOW, LADDER = 2.25, 17
TEMME_FLOOR = -1.36  # of w / sqrt(rate): left of it the count is 0, and the polynomials are not fitted
TEMME_G = (
    *(0.16659328, -0.014092547, 0.004031478, -0.0012902725, 0.00064931426),
    *(-0.0004635473, 0.00019565536, -3.863513e-05, 2.9079436e-06),
)
TEMME_H = (
    *(0.333292, -0.027702734, 0.009735622, -0.0023134737),
    *(-0.0026710797, 0.0015288048, -0.0002825243),
)
TEMME_B = (-0.019678682, 0.017106934, -0.014106981, 0.006836135)


def tail(word: Tensor) -> Tensor:
    """Tail probability in [2^-33, 1/2] from the low 31 bits; bit 31 is left for the sign."""
    return (word & 0x7FFFFFFF).float() * 2.0**-32 + 2.0**-33


def signed(magnitude: Tensor, word: Tensor) -> Tensor:
    """`magnitude` with the sign of the word: bit 31 set is negative."""
    return torch.where(word < 0, -magnitude, magnitude)


def uniform(word: Tensor) -> Tensor:
    """Uniform on (0, 1): multiples of 2^-23, plus half a step; never 0 or 1, exact in float32."""
    return ((word >> 9) & 0x7FFFFF).float() * 2.0**-23 + 2.0**-24


def normal(word: Tensor) -> Tensor:
    """Standard normal by inversion; reaches 6.34 deviations, error 1.4e-6."""
    return normal_of_root(normal_root(word), word)


def normal_root(word: Tensor) -> Tensor:
    """v of the normal quantile; the two halves are apart because the kernels loop over each by itself."""
    return sqrt(minus_log2(tail(word))) - 1.0


def normal_of_root(v: Tensor, word: Tensor) -> Tensor:
    """The normal quantile from its v."""
    return signed((polynomial(v, NORMAL_N) * v) / polynomial(v, NORMAL_D), word)


def tukey_lambda(word: Tensor, lam: Tensor, scale: Tensor) -> Tensor:
    r"""`scale` times the Tukey lambda quantile :math:`Q(u) = (u^\lambda - (1 - u)^\lambda) / \lambda`.

    The form in `expm1` is stable through lambda = 0 (the logistic law).

    Args:
        word: int32 words.
        lam: shape in (-0.5, 2], float32.
        scale: the raw scale (not the deviation, which is scale * tukey_lambda_deviation(lam)).

    References:
        | Some Properties of the Range in Samples from Tukey's Symmetric Lambda Distributions
        | (Joiner & Rosenblatt, 1971), https://doi.org/10.1080/01621459.1971.10482275
    """
    p = tail(word)
    edge = torch.full_like(lam, SMALLEST_SHAPE)
    lam = torch.where(lam.abs() < edge, torch.where(lam < 0, -edge, edge), lam)
    return signed((expm1_small(log1m(p) * lam) - expm1(log(p) * lam)) * (scale / lam), word)


def student_t(word: Tensor, angle: Tensor, nu: Tensor) -> Tensor:
    """Student's t of `nu` >= 1 degrees of freedom and unit scale, by Bailey's polar method.

    Args:
        word: int32 words for the radius; its sign bit chooses the half of the unit interval.
        angle: independent int32 words for the direction.
        nu: degrees of freedom in [1, 1e4], float32.

    References:
        | Polar Generation of Random Variates with the t-Distribution (Bailey, 1994)
        | https://doi.org/10.1090/S0025-5718-1994-1219702-8
    """
    minus_two = torch.full_like(nu, -2.0)
    return sqrt(expm1(log_of_uniform(word) * (minus_two / nu)) * nu) * cosine_of_word(angle)


def log_of_uniform(word: Tensor) -> Tensor:
    """log U for U uniform on (0, 1), accurate at both ends."""
    p = tail(word)
    return torch.where(word < 0, log1m(p), log(p))


def exponential(word: Tensor) -> Tensor:
    """Exponential of mean 1, by inversion; from 2^-33 to 22.9, error 2e-7."""
    return -log_of_uniform(word)


def poisson(word: Tensor, rate: Tensor) -> Tensor:
    """Poisson count of mean `rate`, by inversion of one word.

    Enumerated over all 2^32 words, the chi-square noncentrality at N = 1e8 is below 2 at every
    rate: 10^8 draws cannot tell it from Poisson.

    Args:
        word: int32 words.
        rate: float32 of the same shape, in [0, 1e6]; 0 gives 0.

    Raises:
        ValueError: a rate that is negative, NaN or above 1e6, naming it.
    """
    check_rates(rate)
    # Either path may be taken outside its range as long as its result is thrown away there.
    count = poisson_expansion(normal(word), rate.clamp(min=LADDER_BELOW))
    small = rate < LADDER_BELOW
    if small.any():
        count[small] = poisson_ladder(word[small], rate[small])
    return count


def check_rates(rate: Tensor) -> None:
    """Raises ValueError naming the first rate outside [0, 1e6]."""
    wrong = ~((rate >= 0) & (rate <= LARGEST_RATE))
    if wrong.any():
        raise ValueError(f"Poisson rate is {rate[wrong][0].item():.9g} electrons, wanted 0 to {LARGEST_RATE:g}")


def poisson_expansion(z: Tensor, rate: Tensor) -> Tensor:
    """Counts of rates from 2.25, z being the `normal` of the word."""
    root = sqrt(rate)
    return expansion_of_root(z, rate, root, reciprocal(root))


def reciprocal(x: Tensor) -> Tensor:
    """1 / x."""
    return torch.ones_like(x) / x


def expansion_of_root(z: Tensor, rate: Tensor, root: Tensor, inverse: Tensor) -> Tensor:
    """The same from the rate's root and one over it, for which kernels find a better time."""
    w = torch.maximum(-z, root * TEMME_FLOOR)
    s = w * inverse
    d = root * w + (
        w * w * polynomial(s, TEMME_G) + (polynomial(s, TEMME_H) + polynomial(s, TEMME_B) * (inverse * inverse))
    )
    # Whole electrons are added last: at a rate of 1e6 the floor of their sum would be biased.
    whole = torch.floor(rate)
    return positive_part(whole + torch.floor((rate - whole) + d))


def poisson_ladder(word: Tensor, rate: Tensor) -> Tensor:
    """Counts of rates below 2.25. Each tail is summed from its own small end; nothing is ever subtracted from 1."""
    q = tail(word) * elementary.exp(rate)
    square = rate * rate
    terms = [torch.ones_like(rate), rate, square * 0.5]  # rate^j / j!, the unnormalised probabilities
    for j in range(3, LADDER + 1):
        terms.append(terms[j - 2] * (square * (1.0 / (j * (j - 1)))))

    lower = (q > 1.0).float() + (q > terms[1] + 1.0).float()
    beyond = terms[LADDER]
    upper = (beyond > q).float() + (LADDER - 1.0)
    for j in range(LADDER - 1, 0, -1):
        beyond = beyond + terms[j]
        upper = torch.where(beyond > q, upper, j - 1.0)
    return torch.where(word < 0, upper, lower)
