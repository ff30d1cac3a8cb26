"""Words that stand at the edges, random ones, and what each law owes them.

The specification gives the low 31 bits k of a word the tail probability p = (k + 1/2) 2^-32 and
bit 31 the sign. The oracles here use that exact p in float64; `draws.tail` rounds it to float32
(twice: k, then the sum), a relative 2^-23 at most, and that is part of the error that the bounds
of the tests cover. A parameter enters as the float32 it is.
"""

import mpmath
import numpy as np
import torch
from scipy.special import ndtri

EDGES = (
    *(0, 1, 2, 3, 2**8, 2**9 - 1, 2**9, 2**23 - 1, 2**23, 2**23 + 1, 2**24 - 1, 2**24, 2**24 + 1),
    *(2**30 - 1, 2**30, 2**30 + 1, 2**31 - 2, 2**31 - 1, 2**31, 2**31 + 1, 2**31 + 2),
    *(2**31 + 2**24 + 1, 3 * 2**30 - 1, 3 * 2**30, 3 * 2**30 + 1, 2**32 - 2, 2**32 - 1),
)


def as_words(bits: np.ndarray) -> torch.Tensor:
    """int32 bit patterns of unsigned 32-bit numbers."""
    return torch.from_numpy(np.asarray(bits, np.uint64).astype(np.uint32).view(np.int32).copy())


def edge_and_random_words(count: int = 100_000, seed: int = 0) -> torch.Tensor:
    """The edges, uniform words, and words whose tail is uniform in its logarithm, so that all depths are met."""
    rng = np.random.Generator(np.random.PCG64(seed))
    flat = rng.integers(0, 2**32, (count - len(EDGES)) // 2, dtype=np.uint64)
    deep = np.exp2(rng.uniform(0, 31, count - len(EDGES) - flat.size)).astype(np.uint64)
    deep |= rng.integers(0, 2, deep.size, dtype=np.uint64) << np.uint64(31)
    return as_words(np.concatenate([np.array(EDGES, np.uint64), flat, deep]))


def stated_tail(word: torch.Tensor) -> np.ndarray:
    """p = (k + 1/2) 2^-32, exact in float64."""
    return ((word.numpy().astype(np.int64) & 0x7FFFFFFF) + 0.5) * 2.0**-32


def with_sign(magnitude: np.ndarray, word: torch.Tensor) -> np.ndarray:
    return np.where(word.numpy() < 0, -magnitude, magnitude)


def uniform_oracle(word: torch.Tensor) -> np.ndarray:
    """The middle of the word's cell of width 2^-23."""
    return ((word.numpy().astype(np.int64) & 0xFFFFFFFF) // 2**9 + 0.5) * 2.0**-23


def normal_oracle(word: torch.Tensor) -> np.ndarray:
    return with_sign(-ndtri(stated_tail(word)), word)


def tukey_lambda_oracle(word: torch.Tensor, lam: float) -> np.ndarray:
    p, lam = stated_tail(word), float(np.float32(lam))
    near, far = np.log1p(-p), np.log(p)
    if lam:
        near, far = np.expm1(lam * near) / lam, np.expm1(lam * far) / lam
    return with_sign(near - far, word)


def student_t_oracle(word: torch.Tensor, angle: torch.Tensor, nu: float) -> np.ndarray:
    """Bailey: R cos(2 pi v), R^2 = nu (u^(-2/nu) - 1); u is p, or 1 - p where the sign bit is set."""
    p, nu = stated_tail(word), float(np.float32(nu))
    log_u = np.where(word.numpy() < 0, np.log1p(-p), np.log(p))
    return np.sqrt(nu * np.expm1(-2 / nu * log_u)) * cosine_oracle(angle)


def cosine_oracle(word: torch.Tensor) -> np.ndarray:
    """cos(2 pi j 2^-32), j = the word, or its complement where the sign bit is set; through sin near 0."""
    signed = word.numpy().astype(np.int64)
    j = np.where(signed < 0, -1 - signed, signed)
    return np.sin(np.pi / 2 * ((2**30 - j) * 2.0**-30))


# The same in mpmath, one word at a time, from definitions that share no formula with the above.


def exact_tail(word: int) -> mpmath.mpf:
    return mpmath.mpf(2 * (word & 0x7FFFFFFF) + 1) / 2**33


def exact_normal(word: int) -> mpmath.mpf:
    with mpmath.workdps(40):
        x = mpmath.sqrt(2) * mpmath.erfinv(1 - 2 * exact_tail(word))
        return -x if word < 0 else +x


def exact_tukey_lambda(word: int, lam: float) -> mpmath.mpf:
    with mpmath.workdps(60):
        p, lam = exact_tail(word), mpmath.mpf(float(np.float32(lam)))
        u = p if word < 0 else 1 - p
        return mpmath.log(u / (1 - u)) if lam == 0 else (u**lam - (1 - u) ** lam) / lam


def exact_student_t(word: int, angle: int, nu: float) -> mpmath.mpf:
    with mpmath.workdps(40):
        p, nu = exact_tail(word), mpmath.mpf(float(np.float32(nu)))
        u = 1 - p if word < 0 else p
        return mpmath.sqrt(nu * (u ** (-2 / nu) - 1)) * exact_cosine(angle)


def exact_cosine(angle: int) -> mpmath.mpf:
    with mpmath.workdps(40):
        return mpmath.cospi(mpmath.mpf(angle if angle >= 0 else -1 - angle) / 2**31)
