"""Frames from folders of RAW or .npy files."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .exposures import Array, Exposures, Patch

ROOT = "frames"  # the scene of files that lie in no folder of their own


class _Shot(NamedTuple):
    """One file's frames with what the file says of them."""

    frames: Array
    black: tuple[float, ...]
    white: float
    cfa: str | None


def read_exposures(
    path: Path | str,
    *,
    black: float | None = None,
    white: float | None = None,
    cfa: str | None = None,
    levels: tuple[float | None, float | None] = (None, None),
    patches: Sequence[Patch] = (),
) -> list[Exposures]:
    """The scenes of a file or folder.

    A .npy file of (frame, row, col) is a scene, named as the file. All other files of one folder are exposures of one
    scene, named as the folder within `path` ("frames" without one); RAW files of several ISOs or exposure times in it
    are a scene each.

    Args:
        path: a RAW file, a .npy file, or a folder of them, to any depth.
        black, white: DN; wanted for .npy, and for RAW instead of what the file says.
        cfa: filter tile of .npy mosaics; None is a monochrome sensor. RAW files say it themselves.
        levels: black and white of .npy frames where neither is given: those of the camera they are compared with.
        patches: flat parts of the frames, where there is one exposure.

    Raises:
        ValueError: nothing to read, a file that is none of these, sizes that differ, missing levels.
    """
    top = Path(path)
    if not top.exists():
        raise ValueError(f"{str(path)!r} does not exist, wanted RAW or .npy frames, or a folder of them")
    files = [top] if top.is_file() else sorted(f for f in top.rglob("*") if f.is_file() and f.name[0] != ".")
    if not files:
        raise ValueError(f"{str(path)!r} is empty, wanted RAW or .npy frames")
    scenes: dict[str, list[_Shot]] = defaultdict(list)
    for file in files:
        where = file.parent.relative_to(top) if top.is_dir() and file.parent != top else Path(ROOT)
        own = file.suffix.lower() == ".npy"
        low, high = (
            level if given is None and own else given for given, level in zip((black, white), levels, strict=True)
        )
        name, shot = _read(file, where.as_posix(), low, high, cfa)
        scenes[name].append(shot)
    return [_joined(name, shots, tuple(patches)) for name, shots in scenes.items()]


def _read(file: Path, where: str, black: float | None, white: float | None, cfa: str | None) -> tuple[str, _Shot]:
    """The scene that a file belongs to, and its frames."""
    if file.suffix.lower() != ".npy":
        from ..raw import read_raw

        raw = read_raw(file)
        name = where if raw.iso is None and raw.exposure is None else f"{where} ISO {raw.iso} {raw.exposure} s"
        levels = raw.black if black is None else (black,)
        return name, _Shot(raw.mosaic[None], tuple(levels), raw.white if white is None else white, raw.cfa)
    try:
        frames = np.load(file, allow_pickle=False)
    except (ValueError, OSError, EOFError):
        raise ValueError(f"{file.name!r} is no .npy file that can be read") from None
    if frames.ndim not in (2, 3) or frames.dtype.kind not in "uif":
        raise ValueError(
            f"{file.name!r} is {frames.dtype} {frames.shape}, wanted numbers (row, col) or (frame, row, col)"
        )
    if black is None or white is None:
        missing = " and ".join(what for what, level in (("black", black), ("white", white)) if level is None)
        raise ValueError(f"{file.name!r} states no {missing} level, wanted black= and white= (--black, --white)")
    inside = Path() if where == ROOT else Path(where)
    name = where if frames.ndim == 2 else (inside / file.stem).as_posix()
    return name, _Shot(frames if frames.ndim == 3 else frames[None], (black,), white, cfa)


def _joined(name: str, shots: Sequence[_Shot], patches: tuple[Patch, ...]) -> Exposures:
    first = shots[0]
    for shot in shots:
        for what, one, other in (
            ("sizes", shot.frames.shape[1:], first.frames.shape[1:]),
            ("filter tiles", shot.cfa, first.cfa),
            ("black levels", shot.black, first.black),
        ):
            if one != other:
                raise ValueError(f"frames of {name!r} have {what} {other} and {one}, wanted one")
    return Exposures(
        name, np.concatenate([shot.frames for shot in shots]), first.black, first.white, first.cfa, patches
    )
