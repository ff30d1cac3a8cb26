"""A bank of real dark frames in the place of modelled read noise."""

import hashlib
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from .draws import uniform
from .elementary import sqrt
from .frame import Frame
from .keys import Key, Stream
from .mosaic import site_at
from .pattern import NO_SITE, Pattern, period_of, shifted, sites_of
from .stage import Dice, Noise, Parameters
from .units import DigitalNumbers, Unit

FOLDERS = "CAMNOISE_DARKS"  # environment: where banks are looked for, besides the current folder
_FRAME, _DOWN, _RIGHT, _WITHIN = range(4)  # lanes: which frame, where from, and where within a step
_paths: dict[str, Path] = {}  # digest -> where this process has seen the file


class BankError(OSError):
    """A bank of dark frames is not there, or not what the camera states: no fault of an image."""


class DarkFrames(Noise):
    r"""Adds real dark frames: read noise, banding, color bias and fixed pattern of a camera, all together.

    A bank is a `.npy` file, (frame, row, col), of raw dark frames at one gain, pedestal included.
    Each exposure gets one, chosen by the image's address; views 1, 2, ... of a scene get
    different ones, so that they are independent as long as there are at least as many frames as
    views. Unless `in_place`, the frame is also shifted by whole filter tiles (by twos where there are no
    filters), drawn anew for each exposure, and wraps around: rows stay rows, and each pixel keeps the color of its
    filter.

    Frames of whole numbers are given back what their converter rounded away: a value within its
    step, from a density that leans as the histogram of the bank does. To second order the variance is then that
    before rounding, so that a `Quantize` after it counts rounding once.

    Attributes:
        bank: file name, without folder: looked for where `of` found it, in the current folder and in the
            folders that the environment variable CAMNOISE_DARKS lists.
        sha256: of the file; another file of that name is an error.
        black: pedestal of the frames, DN.
        cfa: their filter tile at (0, 0); None for a monochrome sensor.
        step: of their converter, DN; 0 for frames that are not rounded.
        in_place: whether pixels stay where they are on the sensor, so that all views share its fixed pattern.

    References:
        | Rethinking Noise Synthesis and Modeling in Raw Denoising (Zhang, Qin, Wang & Li, ICCV 2021)
        | https://arxiv.org/abs/2110.04756
    """

    kind: Literal["dark_frames"] = "dark_frames"
    takes = (Unit.DN,)

    bank: Annotated[str, Field(pattern=r"^[^/\\]+\.npy$")]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    black: DigitalNumbers
    cfa: Pattern | None = None
    step: Annotated[float, Field(ge=0, le=1e4, description="DN")] = 1.0
    in_place: bool = False

    @classmethod
    def of(cls, path: str | Path, *, black: float, **fields: Any) -> "DarkFrames":
        """The stage of a bank's file; its digest is taken now.

        Raises:
            BankError: a file that cannot be read, or is no bank.
        """
        path = Path(path).absolute()
        digest = _sha256(path)
        _paths[digest] = path
        stage = cls(bank=path.name, sha256=digest, black=black, **fields)
        _bank(stage.sha256, stage.bank, stage.step, stage.cfa)
        return stage

    def __reduce__(self) -> tuple[Callable[..., "DarkFrames"], tuple[dict[str, Any], Path | None]]:
        """Another process is told where the file is; JSON, which may travel further, is not."""
        return _unpickled, (self.model_dump(), _paths.get(self.sha256))

    @property
    def dice(self) -> tuple[Dice, ...]:
        lanes = (_FRAME,) if self.in_place else (_FRAME, _DOWN, _RIGHT)
        return tuple((Stream.DARKFRAME, lane) for lane in (*lanes, *((_WITHIN,) if self.step else ())))

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        bank = _bank(self.sha256, self.bank, self.step, self.cfa)
        rows, cols = self._check(frame, bank)
        row, col = frame.rows(), frame.columns()  # (batch, row, 1), (batch, 1, col)
        if self.cfa is not None and frame.cfa is not None:
            down, right = _phase(self.cfa, frame.cfa)
            row, col = row + down, col + right
        if not self.in_place:
            words = key.image_words(Stream.DARKFRAME, frame.data.device)
            high, wide = _seam(self.cfa)
            row = row + high * _choice(words[_DOWN], rows // high)
            col = col + wide * _choice(words[_RIGHT], cols // wide)
        count = len(bank.frames)
        number = (_choice(key.at(0).image_words(Stream.DARKFRAME)[_FRAME], count) + key.view) % count
        index = bank.read(number.flatten(), row % rows, col % cols).to(frame.data.device)
        if self.step == 0:
            return frame.with_data(frame.data + (index - torch.full_like(index, self.black))[:, None])
        levels = index * self.step - torch.full_like(index, self.black)
        site = torch.zeros_like(index, dtype=torch.long) if frame.cfa is None else site_at(frame, frame.cfa)
        lean = bank.lean.to(frame.data.device)[site, index.long()]
        within = _within(uniform(key.words(frame, Stream.DARKFRAME)[_WITHIN, :, 0]), lean) * self.step
        return frame.with_data(frame.data + (levels + within)[:, None])

    def _check(self, frame: Frame, bank: "_Bank") -> tuple[int, int]:
        """Rows and columns of the bank, whole tiles of them: another seam would change filters."""
        if frame.data.shape[1] != 1:
            raise ValueError(f"DarkFrames got {frame.data.shape[1]} channels, wanted the one of a sensor")
        if (frame.cfa is None) != (self.cfa is None):
            raise ValueError(f"DarkFrames of filters {self.cfa} got images of filters {frame.cfa}")
        rows, cols = (
            length - length % step for length, step in zip(bank.frames.shape[1:], _seam(self.cfa), strict=True)
        )
        if frame.data.numel():
            bottom, right = int(frame.rows().max()) + 1, int(frame.columns().max()) + 1
            if bottom > rows or right > cols:
                has = f"the dark frames of {self.bank} have {rows}x{cols}"
                raise ValueError(f"images reach row {bottom} and column {right} of their frames, and {has}")
        return rows, cols


class _Bank(NamedTuple):
    """A bank that is open.

    Attributes:
        frames: (frame, row, col), on the disk.
        step: of their converter, 0 where they are not rounded.
        lean: (site, level) float32, slope of the density within each level, in -2 to 2; clear pixels are site 4.
    """

    frames: NDArray[Any]
    step: float
    lean: Tensor

    def read(self, number: Tensor, row: Tensor, col: Tensor) -> Tensor:
        """Levels (multiples of the step) or values at rows and columns of one frame per image: (batch, row, col)."""
        places = zip(number.tolist(), row.cpu().numpy(), col.cpu().numpy(), strict=True)
        values = [np.asarray(self.frames[frame][rows, cols], np.float32) for frame, rows, cols in places]
        stack = torch.from_numpy(np.stack(values)) if values else torch.empty((0, row.shape[1], col.shape[2]))
        return torch.floor(stack / torch.full_like(stack, self.step) + 0.5) if self.step else stack


@cache
def _bank(digest: str, name: str, step: float, cfa: str | None) -> _Bank:
    path = _found(digest, name)
    try:
        frames = np.load(path, mmap_mode="r", allow_pickle=False)
    except ValueError as error:
        raise BankError(f"dark frames {name} are no .npy file: {error}") from None
    if frames.ndim != 3 or min(frames.shape) < 1 or min(frames.shape[1:]) < 2 or frames.dtype.kind not in "uif":
        raise BankError(f"dark frames {name} are {frames.dtype} {frames.shape}, wanted numbers of (frame, row, col)")
    if frames.shape[1] < _seam(cfa)[0] or frames.shape[2] < _seam(cfa)[1]:
        raise BankError(f"dark frames {name} are {frames.shape[1:]}, wanted at least one filter tile {cfa}")
    low, high = float(frames.min()), float(frames.max())
    if not (low >= 0 and high < 2**24):  # false for NaN too
        raise BankError(f"dark frames {name} hold {low:g} to {high:g}, wanted raw values, pedestal included")
    if step == 0:
        return _Bank(frames, 0.0, torch.zeros((NO_SITE + 1, 1), device="cpu"))
    return _Bank(frames, step, torch.from_numpy(_lean(frames, step, cfa, name)))


def _lean(frames: NDArray[Any], step: float, cfa: str | None, name: str) -> NDArray[np.float32]:
    """(site, level): the slope of the density within each level, of each filter's own histogram."""
    levels = 2 + int(np.floor(float(frames.max()) / step + 0.5))
    counts = np.zeros((NO_SITE + 1, levels + 1))
    high, wide = _seam(cfa)
    tile = np.zeros((high, wide), np.int64) if cfa is None else np.reshape(sites_of(cfa), (high, wide))
    for frame in frames:  # one after the other: a bank may be larger than memory
        for (down, right), site in np.ndenumerate(tile):
            values = np.asarray(frame[down::high, right::wide], np.float64)
            index = np.floor(values / step + 0.5)
            if (np.abs(index * step - values) > 1e-3 * step).any():
                raise BankError(f"dark frames {name} lie between steps of {step:g} DN, wanted step=0 for such")
            counts[site] += np.bincount(index.astype(np.int64).ravel(), minlength=levels + 1)
    below, above = np.pad(counts, ((0, 0), (1, 0)))[:, :-1], np.pad(counts, ((0, 0), (0, 1)))[:, 1:]
    return np.clip((above - below) / np.maximum(2 * counts, 1), -2, 2).astype(np.float32)


def _within(u: Tensor, lean: Tensor) -> Tensor:
    """Where in a step of width 1 about 0 a value lies whose density there is 1 + lean t: by inversion."""
    c = (0.5 - u) - lean * 0.125
    root = sqrt((1.0 - lean * c * 2.0).clamp(min=0.0))
    return (c * -2.0) / (root + 1.0)


def _choice(words: Tensor, count: int) -> Tensor:
    """One of 0 to count - 1 per image: (batch, 1, 1) int64."""
    return torch.floor(uniform(words) * count).long().clamp(max=count - 1)[:, 0]


def _phase(theirs: str, ours: str) -> tuple[int, int]:
    """How far down and right of our pixel (0, 0) the same filters begin in a dark frame.

    Raises:
        ValueError: they begin nowhere.
    """
    high, wide = period_of(theirs)
    for down in range(high):
        for right in range(wide):
            if shifted(theirs, down, right) == ours:
                return down, right
    raise ValueError(f"DarkFrames of filters {theirs} got images of filters {ours}")


def _seam(cfa: str | None) -> tuple[int, int]:
    """The steps by which rows and columns may be shifted."""
    return (2, 2) if cfa is None else period_of(cfa)


def _found(digest: str, name: str) -> Path:
    folders = [Path(folder) for folder in os.environ.get(FOLDERS, "").split(os.pathsep) if folder]
    others = False
    for path in (_paths.get(digest), *(folder / name for folder in (Path(), *folders))):
        if path is not None and path.is_file():
            if _sha256(path) == digest:
                return path
            others = True
    if others:
        raise BankError(f"dark frames {name} have another sha256 than {digest[:12]}..., which the camera states")
    raise BankError(f"dark frames {name} are neither in the current folder nor in those of {FOLDERS}")


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BankError(f"dark frames {path.name} cannot be read: {error.strerror}") from error


def _unpickled(fields: dict[str, Any], path: Path | None) -> DarkFrames:
    stage = DarkFrames(**fields)
    if path is not None:
        _paths[stage.sha256] = path
    return stage
