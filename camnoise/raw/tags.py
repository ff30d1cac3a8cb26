"""What TIFF-based RAW files state in their tags and LibRaw does not hand on, or hands on rounded or shifted.

LibRaw 0.22, seen through rawpy 0.28, truncates a black level of 63.75 to 63, keeps a 2x2 table of black
levels where it was when it makes an odd active area even, has no NoiseProfile, no camera name, and holds
filter tiles of two columns (and 6x6) only, so that a Quad Bayer DNG comes out as rows of red and of green.

References:
    | Digital Negative (DNG) Specification, version 1.7 (Adobe, 2023)
    | TIFF Revision 6.0 (Aldus, 1992); TIFF/EP, ISO 12234-2 (CFARepeatPatternDim, CFAPattern, their color numbers)
"""

import io
import logging
import struct
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..vocabulary import NLF

try:
    import tifffile as tifffile
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("RAW files need tifffile: install camnoise with its extra [raw]") from error

# Without a handler, Python prints what a library logs to stderr: a damaged file would say everything twice.
logging.getLogger("tifffile").addHandler(logging.NullHandler())

# The names that the specifications give their tags.
NEW_SUBFILE_TYPE, PHOTOMETRIC, MAKE, MODEL, SAMPLES_PER_PIXEL = 254, 262, 271, 272, 277
MAX_SAMPLE_VALUE, SAMPLE_FORMAT = 281, 339
CFA_REPEAT_PATTERN_DIM, CFA_PATTERN, EXPOSURE_TIME, EXIF, ISO_SPEED = 33421, 33422, 33434, 34665, 34855
DNG_VERSION, DNG_BACKWARD_VERSION, UNIQUE_CAMERA_MODEL, CFA_PLANE_COLOR, CFA_LAYOUT = 50706, 50707, 50708, 50710, 50711
BLACK_LEVEL_REPEAT_DIM, BLACK_LEVEL, BLACK_LEVEL_DELTA_H, BLACK_LEVEL_DELTA_V, WHITE_LEVEL = (
    50713,
    50714,
    50715,
    50716,
    50717,
)
COLOR_MATRIX_1, COLOR_MATRIX_2, CAMERA_CALIBRATION_1, CAMERA_CALIBRATION_2 = 50721, 50722, 50723, 50724
AS_SHOT_NEUTRAL, CALIBRATION_ILLUMINANT_1, CALIBRATION_ILLUMINANT_2 = 50728, 50778, 50779
ACTIVE_AREA, MASKED_AREAS, NOISE_PROFILE = 50829, 50830, 51041

CFA, LINEAR_RAW = 32803, 34892  # photometric interpretations
END = -1  # not a tag: the byte at which the RAW image's data ends, by its strips' offsets and counts
COLORS = {0: "R", 1: "G", 2: "B", 6: "W"}  # 3, 4, 5 are cyan, magenta, yellow: camnoise's C is clear
BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">", b"II+\0": "<", b"MM\0+": ">"}  # by how a TIFF begins
D65 = 21  # a calibration illuminant
FLOATING = 3  # a sample format

Tags = Mapping[int, "tuple[float, ...] | str"]


def read_tags(content: bytes) -> Tags:
    """The tags of the RAW image in a TIFF-based file, and those of its first image and EXIF where it has none.

    Every tag is a string or a tuple of floats, fractions divided (0/0 is 0). A file that is no TIFF, or one too
    damaged to be read as one, has none.
    """
    if content[:4] not in BYTE_ORDERS:
        return {}
    try:
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            first = file.pages[0]
            tags = {**_exif(first), **_plain(first)}
            for page in _pages(file):
                own = _plain(page)
                if number(own, NEW_SUBFILE_TYPE, 0) == 0 and number(own, PHOTOMETRIC, 0) in (CFA, LINEAR_RAW):
                    ends = (start + size for start, size in zip(page.dataoffsets, page.databytecounts, strict=True))
                    return {**tags, **own, END: (float(max(ends, default=0)),)}
            return tags
    # What tifffile raises for a damaged file is not documented: struct.error, KeyError, UnicodeError, and others.
    except Exception:
        return {}


def number(tags: Tags, code: int, default: float) -> float:
    """The first number of a tag."""
    value = tags.get(code)
    return value[0] if value and not isinstance(value, str) else default


def numbers(tags: Tags, code: int, count: int) -> tuple[float, ...] | None:
    """A tag's numbers, or None where it is not there or does not have `count` of them."""
    value = tags.get(code)
    return value if value is not None and not isinstance(value, str) and len(value) == count else None


def is_dng(tags: Tags) -> bool:
    """Whether the file says that it follows Adobe's specification."""
    return DNG_VERSION in tags


def holds_dng(content: bytes) -> bool:
    """Whether a TIFF-based file has the bytes of the entry DNGVersion or DNGBackwardVersion, readable or not."""
    order = BYTE_ORDERS.get(content[:4])
    versions = (DNG_VERSION, DNG_BACKWARD_VERSION)
    return order is not None and any(struct.pack(f"{order}HHI", code, 1, 4) in content for code in versions)


def tile_in(tags: Tags) -> tuple[str, ...] | None:
    """Rows of letters of the filter tile at the active area's (0, 0); None where the tags state none.

    Raises:
        ValueError: colors that camnoise has no letter for, or a staggered layout.
    """
    dim, codes = numbers(tags, CFA_REPEAT_PATTERN_DIM, 2), tags.get(CFA_PATTERN)
    if dim is None or min(dim) < 1 or isinstance(codes, str) or codes is None or len(codes) != dim[0] * dim[1]:
        return None
    if number(tags, CFA_LAYOUT, 1) != 1:
        raise ValueError(f"its filter array has layout {number(tags, CFA_LAYOUT, 1):g}, wanted 1: rows and columns")
    odd = sorted({int(code) for code in codes} - set(COLORS))
    if odd:
        raise ValueError(f"its filter array has color number {odd[0]}, wanted 0 R, 1 G, 2 B or 6 W")
    letters, cols = "".join(COLORS[int(code)] for code in codes), int(dim[1])
    return tuple(letters[at : at + cols] for at in range(0, len(letters), cols))


def black_in(tags: Tags) -> NDArray[np.float64] | None:
    """The tile of black levels at the active area's (0, 0), DN: (row, col); None where the tags state none.

    What is stated for each row or column beside it is averaged and added.
    """
    rows, cols = (int(side) for side in numbers(tags, BLACK_LEVEL_REPEAT_DIM, 2) or (1, 1))
    levels = numbers(tags, BLACK_LEVEL, rows * cols)
    if levels is None or min(rows, cols) < 1:
        return None
    deltas = (value for code in (BLACK_LEVEL_DELTA_H, BLACK_LEVEL_DELTA_V) if (value := tags.get(code)))
    more = sum(float(np.mean(delta)) for delta in deltas if not isinstance(delta, str))
    return np.asarray(levels).reshape(rows, cols) + more


def area_in(tags: Tags) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right of the active area in the full raw area."""
    area = numbers(tags, ACTIVE_AREA, 4)
    return None if area is None else (int(area[0]), int(area[1]), int(area[2]), int(area[3]))


def masked_in(tags: Tags) -> list[tuple[int, int, int, int]] | None:
    """Rectangles (top, left, bottom, right) that the file says are masked; None where it says nothing."""
    areas = tags.get(MASKED_AREAS)
    if areas is None or isinstance(areas, str) or len(areas) % 4:
        return None
    edges = [int(edge) for edge in areas]
    return [(edges[at], edges[at + 1], edges[at + 2], edges[at + 3]) for at in range(0, len(edges), 4)]


def matrix_in(tags: Tags) -> NDArray[np.float64] | None:
    """XYZ -> camera RGB, its rows scaled by any factor; of two, the one for daylight (D65)."""
    pairs = (
        (COLOR_MATRIX_1, CAMERA_CALIBRATION_1, CALIBRATION_ILLUMINANT_1),
        (COLOR_MATRIX_2, CAMERA_CALIBRATION_2, CALIBRATION_ILLUMINANT_2),
    )
    there = [pair for pair in pairs if numbers(tags, pair[0], 9) is not None]
    if not there:
        return None
    # The specification puts the warmer light first, so that without D65 the second is nearer to it.
    color, calibration, _ = next((pair for pair in there if number(tags, pair[2], 0) == D65), there[-1])
    matrix, body = np.asarray(tags[color], np.float64).reshape(3, 3), numbers(tags, calibration, 9)
    return matrix if body is None else np.asarray(body).reshape(3, 3) @ matrix


def noise_in(tags: Tags) -> tuple[NLF, ...] | None:
    """NoiseProfile: one noise level function, or one per color plane in the order of CFAPlaneColor (R, G, B)."""
    pairs = tags.get(NOISE_PROFILE)
    if not pairs or isinstance(pairs, str) or len(pairs) % 2:
        return None
    return tuple(NLF(shot, read) for shot, read in zip(pairs[::2], pairs[1::2], strict=True))


def camera_in(tags: Tags) -> str | None:
    """Maker and model in one."""
    said = (tags.get(code) for code in (MAKE, MODEL, UNIQUE_CAMERA_MODEL))
    # Text that does not decode comes as numbers.
    make, model, unique = (text.strip(" \0") if isinstance(text, str) else "" for text in said)
    named = model.lower().startswith(tuple(make.lower().split()))  # "NIKON CORPORATION", "NIKON D5000"
    return (model if named else f"{make} {model}").strip() or unique or None


def _pages(file: "tifffile.TiffFile") -> Iterator[Any]:
    for page in file.pages:
        yield page
        yield from page.pages or ()


def _plain(page: Any) -> dict[int, tuple[float, ...] | str]:
    """Tags as strings and floats; what is neither is left out."""
    plain = {tag.code: _value(tag.value, tag.dtype in (5, 10)) for tag in page.tags}
    return {code: value for code, value in plain.items() if value is not None}


def _exif(page: Any) -> dict[int, tuple[float, ...] | str]:
    """Exposure time and sensitivity, which cameras write into a directory of their own."""
    exif = page.tags.valueof(EXIF)
    if not isinstance(exif, dict):
        return {}
    named = {
        EXPOSURE_TIME: _value(exif.get("ExposureTime"), True),
        ISO_SPEED: _value(exif.get("ISOSpeedRatings", exif.get("PhotographicSensitivity")), False),
    }
    return {code: value for code, value in named.items() if value is not None}


def _value(value: Any, fractions: bool) -> tuple[float, ...] | str | None:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return tuple(float(byte) for byte in value)
    try:
        flat = tuple(float(part) for part in np.atleast_1d(np.asarray(value, dtype=np.float64)).ravel())
    except (TypeError, ValueError, struct.error):
        return None
    if fractions:
        flat = tuple(up / down if down else 0.0 for up, down in zip(flat[::2], flat[1::2], strict=True))
    return flat if all(map(isfinite, flat)) else None
