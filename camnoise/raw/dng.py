"""Writing mosaics: as a DNG, which RAW converters open, and as .npy."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..color import SRGB_TO_XYZ
from ..files import committed
from ..pattern import period_of, sites_of, tile_of
from ..vocabulary import NLF
from . import tags
from .checks import check_levels, check_mosaic

LEAST_SIDE = 22  # LibRaw takes anything smaller for no RAW file
SHORT, LONG, RATIONAL, SRATIONAL, DOUBLE, BYTE, ASCII = 3, 4, 5, 10, 12, 1, 2  # TIFF's data types
LARGEST = {RATIONAL: 2**32 - 1, SRATIONAL: 2**31 - 1}  # numerator or denominator


def write_dng(
    path: str | Path,
    mosaic: NDArray[np.uint16],
    *,
    cfa: str | None,
    black: ArrayLike,
    white: float,
    bits: int,
    active_area: tuple[int, int, int, int] | None = None,
    color_matrix: ArrayLike | None = None,
    white_balance: Sequence[float] | None = None,
    noise_profile: Sequence[NLF] | None = None,
    iso: float | None = None,
    exposure: float | None = None,
    camera: str | None = None,
) -> None:
    """Writes a mosaic as an uncompressed DNG, which `read_raw` reads back bit for bit and RAW converters open.

    The file appears whole or not at all.

    Args:
        path: ends in .dng; what is there is replaced.
        mosaic: (row, col) uint16 raw DN, pedestal included; the full raw area, margins too.
        cfa: the tile at the active area's (0, 0); None for a monochrome sensor.
        black: DN; one number, or one per site in the order R, G1, G2, B.
        white: DN, where the sensor saturates; a whole number.
        bits: of the converter.
        active_area: top, left, bottom and right of what light reached; None: all of it. LibRaw leaves out a row
            or column where top or left of a Bayer mosaic is odd; `read_raw` does not. The tag MaskedAreas is not
            written: with it LibRaw would use a black level of its own.
        color_matrix: (3, 3) linear sRGB -> camera RGB with rows that sum to 1, as `Raw.color_matrix`; a DNG must
            have one, and without it the camera is said to see linear sRGB.
        white_balance: as-shot gains of R, G, B.
        noise_profile: one, or one per color R, G, B.
        iso, exposure (s), camera: written where given.

    Raises:
        TypeError: a mosaic that is not uint16.
        ValueError: what a DNG cannot hold, or numbers that contradict each other.
    """
    target = _target(path, ".dng")
    check_mosaic(mosaic, bits)
    rows, cols = mosaic.shape
    if min(rows, cols) < LEAST_SIDE:
        raise ValueError(f"mosaic is {rows}x{cols}, wanted sides of at least {LEAST_SIDE}: RAW readers open no smaller")
    levels = check_levels(black, white, bits, cfa)
    if white != int(white):
        raise ValueError(f"white is {white:g}, wanted a whole number: a DNG holds no other")
    area = _area(active_area, rows, cols)
    entries = [
        (tags.DNG_VERSION, BYTE, 4, bytes([1, 4, 0, 0])),
        (tags.DNG_BACKWARD_VERSION, BYTE, 4, bytes([1, 1, 0, 0])),
        (tags.UNIQUE_CAMERA_MODEL, ASCII, 0, camera or "camnoise"),
        (tags.MAX_SAMPLE_VALUE, SHORT, 1, 2**bits - 1),
        (tags.WHITE_LEVEL, LONG, 1, int(white)),
        *_filters(cfa),
        *_black(levels, cfa),
        (tags.ACTIVE_AREA, LONG, 4, area),
        *_color(cfa, color_matrix, white_balance),
        *_optional(noise_profile, iso, exposure, camera),
    ]
    extra = [(*entry, True) for entry in entries]
    # tifffile knows linear raw data of three samples only; one of a monochrome sensor is named afterwards.
    first = tags.CFA if cfa is not None else "minisblack"
    pixels = np.ascontiguousarray(mosaic, np.uint16)
    with committed(target) as file:
        tags.tifffile.imwrite(file, pixels, photometric=first, metadata=None, software="camnoise", extratags=extra)
        if cfa is None:
            file.seek(0)
            with tags.tifffile.TiffFile(file) as written:
                written.pages.first.tags[tags.PHOTOMETRIC].overwrite(tags.LINEAR_RAW)


def write_npy(path: str | Path, mosaic: NDArray[np.uint16]) -> None:
    """Writes a mosaic as an .npy file, whole or not at all.

    Raises:
        TypeError: a mosaic that is not uint16.
        ValueError: not two dimensions, no pixel, or a name that does not end in .npy.
    """
    target = _target(path, ".npy")
    check_mosaic(mosaic, 16)
    with committed(target) as file:
        np.save(file, np.ascontiguousarray(mosaic, np.uint16), allow_pickle=False)


Entry = tuple[int, int, int, Any]


def _filters(cfa: str | None) -> list[Entry]:
    if cfa is None:
        return []
    rows = tile_of(cfa)
    codes = {letter: code for code, letter in tags.COLORS.items()}
    odd = sorted(set("".join(rows)) - set(codes))
    if odd:
        more = "; a clear filter is W there" if odd[0] == "C" else ""
        raise ValueError(f"cfa {cfa!r} has {odd[0]}, which a DNG has no number for, wanted R, G, B, W{more}")
    pattern = bytes(codes[letter] for letter in "".join(rows))
    # LibRaw finds no filters in a file whose planes are not R, G, B first, even where a tile lacks some.
    planes = bytes([0, 1, 2, 6] if 6 in pattern else [0, 1, 2])
    return [
        (tags.CFA_REPEAT_PATTERN_DIM, SHORT, 2, (len(rows), len(rows[0]))),
        (tags.CFA_PATTERN, BYTE, len(pattern), pattern),
        (tags.CFA_PLANE_COLOR, BYTE, len(planes), planes),
        (tags.CFA_LAYOUT, SHORT, 1, 1),
    ]


def _black(levels: tuple[float, ...], cfa: str | None) -> list[Entry]:
    rows, cols = 1, 1
    if len(set(levels)) == 1:
        table = [levels[0]]
    else:
        assert cfa is not None  # by check_levels
        rows, cols = period_of(cfa)
        table = [levels[site] for site in sites_of(cfa)]
    return [
        (tags.BLACK_LEVEL_REPEAT_DIM, SHORT, 2, (rows, cols)),
        (tags.BLACK_LEVEL, RATIONAL, len(table), _fractions(table, RATIONAL)),
    ]


def _area(area: tuple[int, int, int, int] | None, rows: int, cols: int) -> tuple[int, int, int, int]:
    top, left, bottom, right = (0, 0, rows, cols) if area is None else area
    if not (0 <= top < bottom <= rows and 0 <= left < right <= cols):
        raise ValueError(f"active_area is {area}, wanted top < bottom and left < right within {rows}x{cols}")
    if min(bottom - top, right - left) < LEAST_SIDE:
        raise ValueError(
            f"active_area is {bottom - top}x{right - left}, wanted sides of at least {LEAST_SIDE}: "
            "RAW readers open no smaller"
        )
    return top, left, bottom, right


def _color(cfa: str | None, matrix: ArrayLike | None, gains: Sequence[float] | None) -> list[Entry]:
    if cfa is None:
        return []
    camera = np.eye(3) if matrix is None else np.asarray(matrix, dtype=np.float64)
    if camera.shape != (3, 3) or not np.isfinite(camera).all():
        raise ValueError(f"color_matrix has shape {camera.shape}, wanted (3, 3) finite numbers: linear sRGB to camera")
    if np.abs(camera.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            f"color_matrix has rows that sum to {camera.sum(axis=1).tolist()}, wanted 1: white stays white"
        )
    gain = np.ones(3) if gains is None else np.asarray(gains, dtype=np.float64)
    if gain.shape != (3,) or not (np.isfinite(gain) & (gain > 0)).all():
        raise ValueError(f"white_balance is {gains}, wanted three gains above 0: R, G, B")
    neutral = gain[1] / gain  # what the camera makes of white
    if not (neutral >= 1e-6).all() or not (neutral <= 1e6).all():
        raise ValueError(f"white_balance is {gains}, wanted gains of R and B within a million times that of G")
    # Readers look for the light in which white gives `neutral`; scaled by it, the matrix answers: daylight.
    xyz_to_camera = neutral[:, None] * (camera @ np.linalg.inv(np.asarray(SRGB_TO_XYZ)))
    entries: list[Entry] = [
        (tags.COLOR_MATRIX_1, SRATIONAL, 9, _fractions(xyz_to_camera.ravel(), SRATIONAL)),
        (tags.CALIBRATION_ILLUMINANT_1, SHORT, 1, tags.D65),
    ]
    if gains is not None:
        entries.append((tags.AS_SHOT_NEUTRAL, RATIONAL, 3, _fractions(neutral, RATIONAL)))
    return entries


def _optional(
    profile: Sequence[NLF] | None, iso: float | None, exposure: float | None, camera: str | None
) -> list[Entry]:
    entries: list[Entry] = []
    if profile is not None:
        if len(profile) not in (1, 3):
            raise ValueError(f"noise_profile has {len(profile)} entries, wanted one, or one per color R, G, B")
        odd = [x for nlf in profile for x in nlf if not 0 <= x < float("inf")]
        if odd:
            raise ValueError(f"noise_profile holds {odd[0]:g}, wanted variances: finite and 0 or more")
        entries.append((tags.NOISE_PROFILE, DOUBLE, 2 * len(profile), tuple(x for nlf in profile for x in nlf)))
    if iso is not None:
        if not 0 < iso <= 65535 or iso != int(iso):
            raise ValueError(f"iso is {iso:g}, wanted a whole number from 1 to 65535")
        entries.append((tags.ISO_SPEED, SHORT, 1, int(iso)))
    if exposure is not None:
        if not 1e-6 <= exposure <= 1e5:
            raise ValueError(f"exposure is {exposure:g}, wanted seconds from 1e-06 to 1e+05")
        entries.append((tags.EXPOSURE_TIME, RATIONAL, 1, _fractions([exposure], RATIONAL)))
    if camera is not None:
        if not camera.isascii() or not camera.isprintable() or not camera.strip():
            raise ValueError(f"camera is {camera!r}, wanted printable ASCII: a DNG holds no other")
        entries.append((tags.MODEL, ASCII, 0, camera))
    return entries


def _fractions(values: Sequence[float] | NDArray[np.float64], kind: int) -> tuple[int, ...]:
    """Numerators and denominators in turn; a decimal of up to six places comes back as the same float where both fit.

    Args:
        kind: RATIONAL or SRATIONAL.

    Raises:
        ValueError: a value beyond the largest numerator.
    """
    largest, parts = LARGEST[kind], []
    for value in map(float, values):
        if abs(value) > largest:
            raise ValueError(f"{value:g} has to be written, wanted at most {largest}: a DNG holds no more")
        denominator = min(1_000_000, int(largest / max(abs(value), 1)))
        parts.append(Fraction(repr(value)).limit_denominator(denominator))
    return tuple(part for fraction in parts for part in (fraction.numerator, fraction.denominator))


def _target(path: str | Path, suffix: str) -> Path:
    target = Path(path)
    if target.suffix.lower() != suffix:
        raise ValueError(f"{target} does not end in {suffix}")
    return target
