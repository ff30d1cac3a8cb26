"""Frames from folders of RAW or .npy files."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..calibrate.frames import iso_in
from .exposures import Array, Exposures, Patch

ROOT = "frames"  # the scene of files that lie in no folder of their own


class _Shot(NamedTuple):
    """One file's frames with what the file says of them."""

    frames: Array
    black: tuple[float, ...]
    white: float
    cfa: str | None
    iso: float | None


def read_exposures(
    path: Path | str,
    *,
    black: float | None = None,
    white: float | None = None,
    cfa: str | None = None,
    levels: tuple[float | None, float | None] = (None, None),
    camera_cfa: str | None = None,
    patches: Sequence[Patch] = (),
    iso: float | None = None,
    root: str = ROOT,
) -> list[Exposures]:
    """The scenes of a file or folder.

    A .npy file of (frame, row, col) is a scene, named as the file. All other files of one folder are exposures of one
    scene, named as the folder within `path` (`root` without one); RAW files of several ISOs or exposure times in it
    are a scene each. The ISO of .npy files is that of a folder on their path, or of their own name: iso800.

    Args:
        path: a RAW file, a .npy file, or a folder of them, to any depth.
        black, white: DN; wanted for .npy, and for RAW instead of what the file says.
        cfa: filter tile of .npy mosaics; None is a monochrome sensor. RAW files say it themselves, and must agree.
        levels, camera_cfa: black, white and filter tile of .npy frames where they are not given: those of the camera
            that they are compared with.
        patches: flat parts of the frames, where there is one exposure.
        iso: only frames of this ISO are kept, and those that say none.
        root: the name of a scene whose files lie in no folder of their own.

    Raises:
        ValueError: nothing to read, a file that is none of these, sizes that differ, missing levels, another filter
            tile than `cfa`, no frame of the ISO.
    """
    top = Path(path)
    if not top.exists():
        raise ValueError(f"{str(path)!r} does not exist, wanted RAW or .npy frames, or a folder of them")
    files = [top] if top.is_file() else sorted(f for f in top.rglob("*") if f.is_file() and f.name[0] != ".")
    if not files:
        raise ValueError(f"{str(path)!r} is empty, wanted RAW or .npy frames")
    scenes: dict[str, list[_Shot]] = defaultdict(list)
    for file in files:
        where = file.parent.relative_to(top).as_posix() if top.is_dir() and file.parent != top else ""
        own = file.suffix.lower() == ".npy"
        low, high = (
            level if given is None and own else given for given, level in zip((black, white), levels, strict=True)
        )
        name, shot = _read(file, where, root, low, high, cfa or (camera_cfa if own else None))
        scenes[name].append(shot)
    isos = sorted({shot.iso for shots in scenes.values() for shot in shots if shot.iso is not None})
    if iso is not None and isos and iso not in isos:
        raise ValueError(f"frames of {str(path)!r} are at ISO {_listed(isos)}, wanted {iso:g}")
    kept = {name: [shot for shot in shots if iso is None or shot.iso in (None, iso)] for name, shots in scenes.items()}
    return [_joined(name, shots, tuple(patches), str(path)) for name, shots in kept.items() if shots]


def one_iso(scenes: Sequence[Exposures], path: str) -> float | None:
    """The ISO of all scenes; None where none says it.

    Raises:
        ValueError: they have several.
    """
    isos = sorted({scene.iso for scene in scenes if scene.iso is not None})
    if len(isos) > 1:
        raise ValueError(f"frames of {path!r} are at ISO {_listed(isos)}, wanted one: iso= (--iso) keeps those of one")
    return isos[0] if isos else None


def _listed(isos: Sequence[float]) -> str:
    return ", ".join(f"{iso:g}" for iso in isos)


def _read(
    file: Path, where: str, root: str, black: float | None, white: float | None, cfa: str | None
) -> tuple[str, _Shot]:
    """The scene that a file belongs to, and its frames."""
    if file.suffix.lower() != ".npy":
        from ..raw import read_raw

        raw = read_raw(file)
        if cfa is not None and cfa != raw.cfa:
            raise ValueError(f"{file.name!r} states {raw.cfa or 'a monochrome sensor'}, but cfa= (--cfa) is {cfa}")
        setting = [where or root]
        setting += [] if raw.iso is None else [f"ISO {raw.iso:g}"]
        setting += [] if raw.exposure is None else [f"{raw.exposure:.3g} s"]
        levels = raw.black if black is None else (black,)
        high = raw.white if white is None else white
        return ", ".join(setting), _Shot(raw.mosaic[None], tuple(levels), high, raw.cfa, raw.iso)
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
    own = (Path(where) / file.stem).as_posix()
    iso = iso_in(own)
    name = own if frames.ndim == 3 else where or root
    return name, _Shot(frames if frames.ndim == 3 else frames[None], (black,), white, cfa, iso)


def _joined(name: str, shots: Sequence[_Shot], patches: tuple[Patch, ...], path: str) -> Exposures:
    first = shots[0]
    for shot in shots:
        for what, one, other in (
            ("sizes", shot.frames.shape[1:], first.frames.shape[1:]),
            ("filter tiles", shot.cfa, first.cfa),
            ("black levels", shot.black, first.black),
            ("ISOs", shot.iso, first.iso),
        ):
            if one != other:
                raise ValueError(f"frames of {name!r} in {path!r} have {what} {other} and {one}, wanted one")
    return Exposures(
        name, np.concatenate([shot.frames for shot in shots]), first.black, first.white, first.cfa, patches, first.iso
    )
