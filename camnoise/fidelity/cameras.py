"""The camera that a command names: a preset, a camera file, or a pipeline as JSON."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .. import presets
from ..pipeline import Pipeline
from ..presets.levels import LevelCamera
from .exposures import Exposures


class Stated(NamedTuple):
    """What a camera says of its files; None where it does not.

    Attributes:
        black, white: DN.
        cfa: filter tile.
        has_iso: whether it wants an ISO.
    """

    black: float | None
    white: float | None
    cfa: str | None
    has_iso: bool


def stated_by(name: str) -> Stated:
    """What a camera says of its files.

    Raises:
        ValueError: no such camera.
    """
    if (chain := _pipeline(name)) is not None:
        drawn = chain.draw([0]).sample(0)
        return Stated(drawn.get("black"), drawn.get("white"), chain.cfa, False)
    known = presets.describe(name)
    return Stated(known.black, known.white, known.cfa, known.iso_range is not None)


def camera_of(name: str, iso: float | None, real: Exposures) -> Pipeline:
    """The camera, with the levels of the real frames where its own source gives none.

    Raises:
        ValueError: no such camera, an ISO outside what was calibrated.
    """
    if (chain := _pipeline(name)) is not None:
        return chain
    known = presets.describe(name)
    if isinstance(known, LevelCamera):  # known where white = 1
        return presets.load(name, iso=iso)
    black = float(np.mean(real.black)) if known.black is None else None
    white = real.white if known.white is None else None
    return presets.load(name, iso=iso, black=black, white=white)


def _pipeline(name: str) -> Pipeline | None:
    """A pipeline's JSON; None for what is none."""
    if not name.endswith(".json"):
        return None
    file = Path(name)
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise ValueError(f"camera file {name!r} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ValueError(f"camera file {name!r} is no JSON") from None
    try:
        fields = json.loads(text)
    except ValueError:
        raise ValueError(f"camera file {name!r} is no JSON") from None
    return Pipeline.from_json(text) if isinstance(fields, dict) and "stages" in fields else None
