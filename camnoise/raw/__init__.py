"""RAW files: the mosaic as the sensor gave it, and what the file says of it.

LibRaw (by rawpy) decodes; nothing is demosaiced, scaled, corrected or rotated. But where a file stores its numbers by a
table (a DNG's LinearizationTable, the curves of NEF and ARW), LibRaw applies it, and the converter's step is not 1: a
12-bit DNG whose table doubles comes out as 13 bits and even numbers only. `Raw.mosaic` is the visible area, pedestal
included; pixels that no light reached are in `Raw.masked` and never in the mosaic.

References:
    | LibRaw 0.22, https://www.libraw.org, and rawpy 0.28, https://github.com/letmaik/rawpy
"""

import io
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from ..frame import Frame
from ..mosaic import black_at, light
from ..pattern import tile_of, written
from ..units import Unit
from ..vocabulary import NLF
from . import libraw, tags
from .checks import check_levels, check_mosaic
from .dng import write_dng, write_npy
from .libraw import rawpy
from .tags import Tags

__all__ = ["Raw", "read_headerless", "read_raw", "write_dng", "write_npy"]


@dataclass(frozen=True, eq=False)
class Raw:
    """One RAW image.

    Attributes:
        mosaic: (row, col) uint16 raw DN of the visible area, pedestal included.
        cfa: the tile at the visible area's (0, 0), "RGGB" or rows "RRGG/RRGG/GGBB/GGBB"; None for a monochrome sensor.
        bits: of the converter, as far as the file says so or its white level and values tell.
        black: DN, per site in the order R, G1, G2, B; one number for a monochrome sensor. A tile without G2
            (X-Trans) repeats G1, one with clear pixels has its mean four times. It is what the file states: the
            sensor's own may lie some DN off, and the mean of `masked` tells.
        white: DN where the sensor saturates, as the file or LibRaw states it, the lowest of all channels; many cameras
            clip somewhat lower or higher, and at low ISO before the converter does.
        masked: margins that no light reached, by name ("left", "top", "right", "bottom"), each (row, col) uint16;
            left and right are as high as the visible area, so that their rows are its rows.
        masked_at: row and column of each margin's first pixel in the full raw area.
        origin: row and column of the visible area in the full raw area.
        iso: as set; None where the file does not say.
        exposure: s.
        camera: maker and model.
        white_balance: as-shot gains of R, G, B, green = 1.
        color_matrix: (3, 3) linear sRGB -> camera RGB after white balance, rows sum to 1, for daylight.
        noise_profile: DNG NoiseProfile: one for all colors, or one per R, G, B.
    """

    mosaic: NDArray[np.uint16]
    cfa: str | None
    bits: int
    black: tuple[float, ...]
    white: float
    masked: Mapping[str, NDArray[np.uint16]] = field(default_factory=dict)
    masked_at: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    origin: tuple[int, int] = (0, 0)
    iso: float | None = None
    exposure: float | None = None
    camera: str | None = None
    white_balance: tuple[float, float, float] | None = None
    color_matrix: NDArray[np.float64] | None = None
    noise_profile: tuple[NLF, ...] | None = None

    def frame(self) -> Frame:
        """Black-subtracted DN: (1, 1, row, col) float32. Noise below black stays negative."""
        data = torch.from_numpy(self.mosaic.astype(np.float32))[None, None]
        black = black_at(self.cfa, self.black, *self.mosaic.shape)
        return Frame(data - black, Unit.DN, torch.zeros(1, 2, dtype=torch.int64), self.cfa)

    def scene(self) -> Tensor:
        """Light with white = 1: (1, 1, row, col) float32, (DN - black) / (white - black), negative values made 0."""
        return light(self.mosaic, self.cfa, self.black, self.white)

    def __repr__(self) -> str:
        rows, cols = self.mosaic.shape
        levels = "/".join(f"{level:g}" for level in dict.fromkeys(self.black))
        name = self.camera or "unknown camera"
        return f"Raw({name}, {rows}x{cols} {self.cfa or 'monochrome'}, {self.bits} bits, {levels} to {self.white:g} DN)"


def read_raw(path: str | Path | bytes) -> Raw:
    """A RAW file, or the bytes of one. Of a file with several images, the first.

    Raises:
        ValueError: what holds no filter-array mosaic (three values a pixel, floating values), decodes to zeros only,
            ends too early, or cannot be decoded; the message gives the reason.
        OSError: a file that is not there or may not be read.
    """
    if isinstance(path, bytes):
        return _read(path, "RAW data")
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, wanted a RAW file")
    if not stat.S_ISREG(Path(path).stat().st_mode):  # a pipe would wait for ever
        raise ValueError(f"{path} is not a regular file, wanted a RAW file")
    return _read(Path(path).read_bytes(), str(path))


def read_headerless(
    path: str | Path,
    *,
    rows: int,
    cols: int,
    bits: int,
    black: ArrayLike,
    white: float,
    cfa: str | None,
    dtype: str = "uint16",
    byteorder: str = "little",
    offset: int = 0,
) -> Raw:
    """A file of numbers and nothing else, row by row.

    Args:
        rows, cols: of the mosaic.
        bits: of the converter.
        black: DN; one number, or one per site in the order R, G1, G2, B.
        white: DN.
        cfa: the tile at (0, 0); None for a monochrome sensor.
        dtype: "uint8" or "uint16", as stored.
        byteorder: "little" or "big".
        offset: bytes before the first number.

    Raises:
        ValueError: a size that does not match the geometry, values beyond `bits`, zeros only, or levels that are none.
    """
    if cfa is not None:
        cfa = written(tile_of(cfa))  # "GR/BG" is "GRBG"
    if dtype not in ("uint8", "uint16"):
        raise ValueError(f"dtype is {dtype!r}, wanted 'uint8' or 'uint16'")
    if byteorder not in ("little", "big"):
        raise ValueError(f"byteorder is {byteorder!r}, wanted 'little' or 'big'")
    if min(rows, cols) < 1 or offset < 0:
        raise ValueError(
            f"geometry is {rows}x{cols} at byte {offset}, wanted sides of 1 or more and no negative offset"
        )
    if Path(path).is_dir():
        raise ValueError(f"{path} is a folder, wanted a file of {rows}x{cols} numbers")
    kind = np.dtype(dtype).newbyteorder("<" if byteorder == "little" else ">")
    expected, came = offset + rows * cols * kind.itemsize, Path(path).stat().st_size
    if came != expected:
        more = f" and {offset} before them" if offset else ""
        raise ValueError(f"{path} has {came} bytes, wanted {expected}: {rows}x{cols} {dtype}{more}")
    levels = check_levels(black, white, bits, cfa)
    mosaic = np.fromfile(path, kind, offset=offset).astype(np.uint16).reshape(rows, cols)
    try:
        check_mosaic(mosaic, bits)
    except ValueError as problem:
        raise ValueError(f"{path}: {problem} (is it {byteorder}-endian, of {bits} bits?)") from None
    _refuse_zeros(mosaic, str(path))
    return Raw(mosaic, cfa, int(bits), levels[:1] if cfa is None else (levels * 4)[:4], float(white))


def _read(content: bytes, name: str) -> Raw:
    if not content:
        raise ValueError(f"{name} is empty, wanted a RAW file")
    stated = tags.read_tags(content)
    _refuse_by_tags(stated, content, name)
    try:
        with rawpy.imread(io.BytesIO(content)) as file:
            return _describe(file, stated, name)
    except rawpy.LibRawError as problem:
        raise ValueError(f"{name} {_reason(problem)}") from None
    except (rawpy.NotSupportedError, NotImplementedError, MemoryError) as problem:
        raise ValueError(f"{name} cannot be decoded, rawpy says: {str(problem) or type(problem).__name__}") from None


def _reason(problem: Exception) -> str:
    """LibRaw's error as what it means for the file."""
    if isinstance(problem, rawpy.LibRawFileUnsupportedError):
        return "is no RAW file that LibRaw knows"
    if isinstance(problem, rawpy.LibRawIOError):
        return "ends too early or is damaged: LibRaw reads beyond its end"
    said = problem.args[0] if problem.args else type(problem).__name__
    return f"cannot be decoded, LibRaw says: {said.decode(errors='replace') if isinstance(said, bytes) else said}"


def _describe(file: Any, stated: Tags, name: str) -> Raw:
    """Everything is copied: nothing of LibRaw's memory is left in the result."""
    if file.raw_type != rawpy.RawType.Flat:
        raise ValueError(f"{name} has {file.num_colors} values a pixel, wanted the one of a filter-array mosaic")
    full = file.raw_image
    if full is None:
        raise ValueError(f"{name} decodes to no integer mosaic, wanted one 16-bit value a pixel")
    top, left, bottom, right = libraw.visible(file, stated, full.shape)
    mosaic = np.array(full[top:bottom, left:right], dtype=np.uint16, order="C")
    if mosaic.size == 0:
        raise ValueError(f"{name} has no visible pixel")
    _refuse_zeros(mosaic, name)
    cfa = libraw.pattern(file, stated, (top, left), name)
    black = libraw.black(file, stated, cfa, (top, left))
    if max(black) > 0 and not mosaic[-2:].any():
        rows = int(np.argmax(mosaic[::-1].any(axis=1)))
        raise ValueError(f"{name} decodes to zeros in its last {rows} rows: it ends too early")
    white = libraw.white(file, stated)
    if not 0 <= min(black) <= max(black) < white <= 65535:
        raise ValueError(f"{name} states black {max(black):g} and white {white:g}, wanted 0 <= black < white <= 65535")
    masked, masked_at = libraw.margins(full, (top, left, bottom, right), stated, float(np.mean(black)), white)
    iso, exposure, camera = libraw.settings(file, stated)
    return Raw(
        mosaic=mosaic,
        cfa=cfa,
        bits=libraw.bits(stated, max(int(mosaic.max()), int(np.ceil(white)), int(file.white_level))),
        black=black,
        white=white,
        masked=masked,
        masked_at=masked_at,
        origin=(top, left),
        iso=iso,
        exposure=exposure,
        camera=camera,
        white_balance=libraw.white_balance(file, stated),
        color_matrix=libraw.color_matrix(file, stated),
        noise_profile=tags.noise_in(stated),
    )


# --- what is refused


def _refuse_by_tags(stated: Tags, content: bytes, name: str) -> None:
    """Before LibRaw, which turns floats into integers and fills what is cut off with nothing."""
    samples = tags.number(stated, tags.SAMPLES_PER_PIXEL, 1)
    photometric = tags.number(stated, tags.PHOTOMETRIC, 0)
    if photometric == tags.LINEAR_RAW and samples > 1:
        raise ValueError(f"{name} is linear, {samples:g} values a pixel, wanted the one of a filter-array mosaic")
    if tags.END in stated and tags.number(stated, tags.SAMPLE_FORMAT, 1) == tags.FLOATING:
        raise ValueError(f"{name} holds floating values, wanted integers as a converter gives them")
    # LibRaw alone would read such a file with other black levels and other filters, and say nothing.
    if not (tags.is_dng(stated) and tags.END in stated) and tags.holds_dng(content):
        raise ValueError(
            f"{name} is a DNG whose tags are damaged, or it ends too early: they name no filter-array mosaic"
        )
    end = tags.number(stated, tags.END, 0)
    if tags.is_dng(stated) and end > len(content):
        raise ValueError(f"{name} ends too early: it has {len(content)} bytes, and its image ends at byte {end:.0f}")


def _refuse_zeros(mosaic: NDArray[np.uint16], name: str) -> None:
    if not mosaic.any():
        raise ValueError(f"{name} decodes to zeros only, wanted an image")
