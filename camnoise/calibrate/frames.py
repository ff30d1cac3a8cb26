"""Folders of frames into stacks: RAW files, and uint16 arrays as `.npy`.

A frame's ISO is the file's own, or that of a folder on its path that is named `iso800`, or the one given for all.
Its exposure time is the file's own, or that of a folder named `0.5s`. Flats of one ISO, folder and exposure time
are sorted into levels by their means; an array of several frames is a level of its own. Darks are sorted by ISO and
exposure time. So these all work::

    flats/IMG_0001.CR2 ...                  darks/IMG_0100.CR2 ...      everything from the files
    flats/iso800/level1/*.npy               darks/iso800/0.01s/*.npy    one frame a file
    flats/iso800/level1.npy                 darks/iso800.npy            (frame, row, col)
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..suffixes import RAW
from .facts import Facts, facts_of
from .stacks import Stack

_ISO = re.compile(r"iso[_ -]?(\d+(?:\.\d+)?)", re.IGNORECASE)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s", re.IGNORECASE)
_TILES = 12  # pixels: whole tiles of every pattern, 2, 4 or 6 wide
_SAME_LEVEL, _SAME_DN = 0.04, 2.0  # of the signal, and DN: frames closer than that are one level


@dataclass(frozen=True)
class Group:
    """Frames of one setting.

    Attributes:
        stack: (frame, row, col) uint16, the middle of the frames where they are large.
        iso, seconds: None where nothing says.
        names: of the files, relative to the folder that was given.
    """

    stack: Stack
    iso: float | None
    seconds: float | None
    names: tuple[str, ...]

    @property
    def mean(self) -> float:
        """Raw DN."""
        return float(self.stack.mean(dtype=np.float64))


@dataclass
class Shots:
    """The frames of one folder, on their way into groups.

    Attributes:
        what: "flats", "darks" or "biases".
        folder: as given.
        groups: the frames.
        facts: of the first file that states them; None where all are arrays.
        size: rows and columns of the whole frames.
        notes: files that were left out, and why.
    """

    what: str
    folder: Path
    groups: list[Group] = field(default_factory=list)
    facts: Facts | None = None
    size: tuple[int, int] = (0, 0)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Frame:
    data: Stack
    iso: float | None
    seconds: float | None
    name: str
    place: str
    size: tuple[int, int]
    facts: Facts | None


def read_flats(folder: Path, *, iso: float | None, crop: int, black: float | None) -> Shots:
    """Flats in levels: by ISO, folder and exposure time, then by mean.

    Args:
        folder: with folders below it, as the module says.
        iso: of frames that do not say theirs.
        crop: side of the middle that is kept, pixels; 0 keeps all.
        black: raw DN, against which means are told apart.

    Raises:
        ValueError: no folder, no frame in it, sizes or tiles that differ, or too few frames left to make a pair.
    """
    shots, frames = _read(folder, "flats", iso, crop)
    for same in _sorted_by(frames):
        level: list[_Frame] = []
        dark = black if black is not None else 0.0
        for frame in sorted(same, key=lambda f: float(f.data.mean(dtype=np.float64))):
            mean = float(frame.data.mean(dtype=np.float64))
            if level and mean - float(level[-1].data.mean(dtype=np.float64)) > _apart(mean - dark):
                _add(shots, level)
                level = []
            level.append(frame)
        _add(shots, level)
    return _enough(shots)


def read_darks(folder: Path, what: str, *, iso: float | None, crop: int) -> Shots:
    """Darks or biases, by ISO and exposure time.

    Raises:
        ValueError: as `read_flats`.
    """
    shots, frames = _read(folder, what, iso, crop)
    for setting in sorted({(f.iso or 0.0, f.seconds or 0.0) for f in frames}):
        _add(shots, [f for f in frames if (f.iso or 0.0, f.seconds or 0.0) == setting])
    return _enough(shots)


def iso_in(name: str) -> float | None:
    """The ISO that a path says: of the last of its parts that reads like iso800."""
    path = Path(name)
    return _last(_ISO, [*path.parts[:-1], path.stem])


def _in_order(name: str) -> list[tuple[int, str]]:
    """A key that has frame 2 before frame 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def _apart(signal: float) -> float:
    return max(_SAME_LEVEL * signal, _SAME_DN)


def _sorted_by(frames: Sequence[_Frame]) -> Iterator[list[_Frame]]:
    """Frames that share ISO, exposure time and folder."""
    keys = sorted({(f.iso or 0.0, f.place, f.seconds or 0.0) for f in frames})
    for key in keys:
        yield [f for f in frames if (f.iso or 0.0, f.place, f.seconds or 0.0) == key]


def _add(shots: Shots, frames: Sequence[_Frame]) -> None:
    frames = sorted(frames, key=lambda frame: _in_order(frame.name))  # as they were shot, not as bright as they are
    count = sum(len(frame.data) for frame in frames)
    names = tuple(frame.name for frame in frames)
    if count < 2:
        shots.notes.append(f"{shots.what}: {', '.join(names)} is alone at its setting, and left out: pairs are needed")
        return
    stack = np.concatenate([frame.data for frame in frames])
    shots.groups.append(Group(stack, frames[0].iso, frames[0].seconds, names))


def _enough(shots: Shots) -> Shots:
    if shots.groups:
        return shots
    why = f": {'; '.join(shots.notes)}" if shots.notes else ""
    raise ValueError(f"--{shots.what} {str(shots.folder)!r} has no two frames of one setting{why}")


def _read(folder: Path, what: str, iso: float | None, crop: int) -> tuple[Shots, list[_Frame]]:
    if not folder.is_dir():
        wrong = "is not a folder" if folder.exists() else "does not exist"
        raise ValueError(f"--{what} {str(folder)!r} {wrong}, wanted one of RAW files or .npy arrays")
    files = sorted(path for path in folder.rglob("*") if _is_frame(path, folder))
    if not files:
        raise ValueError(f"--{what} {str(folder)!r} holds no RAW file and no .npy array")
    shots = Shots(what, folder)
    frames: list[_Frame] = []
    for path in files:
        name = path.relative_to(folder).as_posix()
        try:
            frame = _frame(path, name, iso, crop)
        except (ValueError, OSError, EOFError) as error:
            why = str(error).removeprefix(str(path)).lstrip(": ") or type(error).__name__
            shots.notes.append(f"{what}: {name} is left out: {why}")
            continue
        if frames and (wrong := _unlike(frame, frames[0])):
            raise ValueError(f"--{what} {str(folder)!r}: {name} has {wrong} of {frames[0].name}")
        frames.append(frame)
        shots.size = frame.size
        if shots.facts is None:
            shots.facts = frame.facts
    return shots, frames


def _is_frame(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return not hidden and path.suffix.lower() in (".npy", *RAW) and path.is_file()


def _unlike(frame: _Frame, first: _Frame) -> str:
    if frame.size != first.size:
        sizes = [f"{rows} x {cols}" for rows, cols in (frame.size, first.size)]
        return f"{sizes[0]} pixels, wanted the {sizes[1]}"
    if frame.facts is not None and first.facts is not None:
        if frame.facts.cfa != first.facts.cfa:
            return f"the filter tile {frame.facts.cfa}, wanted the {first.facts.cfa}"
        if frame.facts.camera != first.facts.camera:
            return f"the camera {frame.facts.camera}, wanted the {first.facts.camera}"
    return ""


def _frame(path: Path, name: str, iso: float | None, crop: int) -> _Frame:
    parts = name.split("/")
    named = [*parts[:-1], Path(parts[-1]).stem]
    own_iso, own_seconds = _last(_ISO, named), _last(_SECONDS, named)
    place = "/".join(parts[:-1])
    if path.suffix.lower() == ".npy":
        data = _array(path)
        own = data if data.ndim == 3 else data[None]
        # A stack is a level of its own, whatever else lies beside it.
        where = name if data.ndim == 3 else place
        return _Frame(_middle(own, crop), own_iso or iso, own_seconds, name, where, (own.shape[1], own.shape[2]), None)
    from ..raw import read_raw  # which needs the extra [raw]

    raw = read_raw(path)
    return _Frame(
        _middle(raw.mosaic[None], crop),
        raw.iso or own_iso or iso,
        own_seconds if raw.exposure is None else raw.exposure,
        name,
        place,
        (raw.mosaic.shape[0], raw.mosaic.shape[1]),
        facts_of(raw),
    )


def _array(path: Path) -> Stack:
    try:
        data = np.load(path, allow_pickle=False)
    except ValueError as error:
        raise ValueError(f"it is no .npy array of numbers ({error})") from None
    if not isinstance(data, np.ndarray) or data.dtype != np.uint16 or data.ndim not in (2, 3):
        raise ValueError(
            f"it has shape {data.shape} of {data.dtype}, wanted (row, col) or (frame, row, col) of uint16 raw DN"
        )
    return np.asarray(data)


def _middle(stack: Stack, crop: int) -> Stack:
    """A copy of the middle, moved to whole tiles."""
    if crop == 0:
        return stack
    cuts = []
    for side in stack.shape[1:]:
        start = max(side - crop, 0) // 2 // _TILES * _TILES
        cuts.append(slice(start, start + crop))
    return stack[:, cuts[0], cuts[1]].copy()


def _last(pattern: re.Pattern[str], names: Iterable[str]) -> float | None:
    found = [match for name in names if (match := pattern.fullmatch(name))]
    return float(found[-1][1]) if found else None
