"""What files and the caller say of all frames, and what happens where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .stacks import Stack

if TYPE_CHECKING:
    from ..raw import Raw


@dataclass(frozen=True)
class Facts:
    """What files or the caller say of all frames; None where nobody says.

    Attributes:
        cfa: at the frames' (0, 0).
        bits, black, white: black is the mean over sites, raw DN.
        camera: maker and model.
    """

    cfa: str | None = None
    bits: int | None = None
    black: float | None = None
    white: float | None = None
    camera: str | None = None


def facts_of(raw: "Raw") -> Facts:
    """What a RAW file says of its camera."""
    return Facts(raw.cfa, raw.bits, float(np.mean(raw.black)), raw.white, raw.camera)


def agreed(
    said: Facts | None, stacks: Sequence[tuple[str, Stack]], given: Facts, cfa_given: bool
) -> tuple[Facts, list[str]]:
    """The facts of all frames, what the caller knows before what files say; and where the two differ.

    Args:
        said: by the first file that says anything; None where all are arrays.
        stacks: all of them, behind the names of their first files.
        given: what the caller knows.
        cfa_given: whether `given.cfa` counts, None being a monochrome sensor.

    Raises:
        ValueError: a tile or bits that nobody states, a tile that files contradict, values beyond the bits.
    """
    bits = given.bits or (said.bits if said is not None else None)
    missing = [("their filter tile", "--cfa (such as RGGB, or mono)")] if said is None and not cfa_given else []
    missing += [("the bits of their converter", "--bits")] if bits is None else []
    if bits is None or missing:
        facts, options = (" and ".join(words) for words in zip(*missing, strict=True))
        raise ValueError(f"arrays do not say {facts}, wanted {options}")
    if said is not None and cfa_given and given.cfa is not None and given.cfa != said.cfa:
        raise ValueError(f"--cfa is {given.cfa}, but the files state {said.cfa or 'a monochrome sensor'}, wanted none")
    top, brightest = max((int(stack.max()), name) for name, stack in stacks)
    if top >= 2**bits:
        whose = "--bits is" if given.bits else "the files state"
        raise ValueError(
            f"{whose} {bits}, but frames from {brightest} on reach {top} DN, wanted {top.bit_length()} or more"
        )
    notes = []
    if said is not None and cfa_given and given.cfa != said.cfa:
        notes.append(f"the files state the filter tile {said.cfa}, and --cfa mono goes before it")
    for what in ("bits", "black", "white"):
        own, stated = getattr(given, what), getattr(said, what, None)
        if own is not None and stated is not None and own != stated:
            notes.append(f"the files state {what} {stated:g}, and --{what} {own:g} goes before it")
    said = said or Facts()
    white = said.white if given.white is None else given.white
    if white is None:
        notes.append(f"white is assumed to be {2**bits - 1} DN, the top of {bits} bits: no file states it (--white)")
    # Black stays None unless it was given: what the darks say is better than what a file says.
    return replace(said, cfa=given.cfa if cfa_given else said.cfa, bits=bits, black=given.black, white=white), notes
