"""Question: how many vector instructions does a pixel of the CPU kernel cost, and for what?

Each part of the chain is compiled by itself, as its loop in the kernel is, and the instructions between the loop's
label and the jump back to it are counted. What is not in there are the loops that load, scale, add lines, round and
store, an instruction or three each, and what leads from one loop to the next.
"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import float32, int32, njit, uint32, void
from record import into_readme, write

from camnoise.draws import LADDER_BELOW
from camnoise.kernels.cpu import scalars as s

WORD, VALUE = int32[::1], float32[::1]
K = tuple(np.int64(k) for k in (0x20010, 0x12345678, 0x9ABCDEF0, 7, 0))  # any


def random_words(position, words, other):
    for i in range(len(position)):
        a, b, _, _ = s.philox(np.int64(position[i]), K[0], K[1], K[2], K[3], K[4])
        words[i], other[i] = np.int32(a), np.int32(b)


def loops() -> dict[str, list[tuple[Callable[..., None], Any]]]:
    """The loops of each part, with the types of their arguments; the last is what they write."""
    first, second = np.float32(-0.075), np.float32(-46.0)
    nu, least = np.float32(7.0), np.float32(LADDER_BELOW)

    def root_of_word(word, out):
        for i in range(len(word)):
            out[i] = s.normal_root(word[i])

    def normal(word, v, out):
        for i in range(len(word)):
            out[i] = s.normal_of_root(v[i], word[i])

    def roots(rate, out):
        for i in range(len(rate)):
            out[i] = s.reciprocal(s.sqrt(rate[i] if rate[i] > least else least))

    def expansion(z, rate, root, inverse, out):
        for i in range(len(z)):
            out[i] = s.expansion_of_root(z[i], rate[i], root[i], inverse[i])

    def ladder(word, rate, out):
        for i in range(len(word)):
            out[i] = s.poisson_ladder(word[i], rate[i])

    def near(word, out):
        for i in range(len(word)):
            out[i] = s.log1m(s.tail(word[i])) * first

    def far(word, out):
        for i in range(len(word)):
            out[i] = s.log(s.tail(word[i])) * first

    def tukey(word, near, far, out):
        for i in range(len(word)):
            out[i] = s.signed((s.expm1_small(near[i]) - s.expm1(far[i])) * second, word[i])

    def logarithm(word, out):
        for i in range(len(word)):
            out[i] = s.log_of_uniform(word[i]) * first

    def radius(t, out):
        for i in range(len(t)):
            out[i] = s.sqrt(s.expm1(t[i]) * nu)

    def angle(word, t, out):
        for i in range(len(word)):
            out[i] = t[i] * s.cosine_of_word(word[i])

    quantile = [(root_of_word, (WORD, VALUE)), (normal, (WORD, VALUE, VALUE))]
    return {
        "random words (Philox, two of four)": [(random_words, (uint32[::1], WORD, WORD))],
        "shot noise from 2.25 e⁻": [
            *quantile,
            *((roots, (VALUE, VALUE)), (expansion, (VALUE, VALUE, VALUE, VALUE, VALUE))),
        ],
        "shot noise below": [(ladder, (WORD, VALUE, VALUE))],
        "Gaussian read noise": quantile,
        "Tukey lambda read noise": [
            *((near, (WORD, VALUE)), (far, (WORD, VALUE)), (tukey, (WORD, VALUE, VALUE, VALUE))),
        ],
        "Student t read noise": [
            *((logarithm, (WORD, VALUE)), (radius, (VALUE, VALUE)), (angle, (WORD, VALUE, VALUE))),
        ],
    }


def per_pixel(loop: Callable[..., None], takes: Any) -> float:
    """Instructions of one turn of the loop in its widest vector form, over the pixels that it makes."""
    assembly = next(iter(njit(void(*takes), error_model="numpy")(loop).inspect_asm().values()))
    turns = []
    for block in re.split(r"\n(?=\.L\w+:)", assembly):
        label = re.match(r"(\.L\w+):", block)
        found = re.findall(r"\n\t([a-z]\w*)[ \t]*([^\n]*)", block)
        if label is None or not any(name.startswith("j") and to.strip() == label[1] for name, to in found):
            continue
        steps = [int(step) for name, to in found if name == "addq" for step in re.findall(r"^\$(\d+), %r", to)]
        if steps and "mm" in block:
            turns.append((max(steps), len(found) / max(steps)))
    return max(turns)[1]


def measure() -> list[dict[str, Any]]:
    return [
        {"part": part, "instructions": sum(per_pixel(loop, takes) for loop, takes in parts)}
        for part, parts in loops().items()
    ]


def table(results: list[dict[str, Any]]) -> list[str]:
    """The README's lines."""
    named = ", ".join(f"{one['part']} {one['instructions']:.1f}" for one in results)
    return [f"Vector instructions a pixel: {named}."]


if __name__ == "__main__":
    measured = measure()
    write("instructions", measured)
    into_readme("instructions", table(measured))
    print("\n".join(table(measured)))
