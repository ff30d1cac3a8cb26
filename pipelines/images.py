"""Bytes of an image file in, pixels out: what is accepted, and why the rest is refused.

An image that would have to be guessed at is refused with a reason instead: transparency, CMYK, several
pictures in one file, 16-bit color (Pillow would cut it to 8 bits without a word), channels beyond color and
alpha, data that ends too early. One thing is beyond us: libjpeg fills in what is damaged inside a scan and says
nothing as long as the file's last marker is in place, so a JPEG with spoiled bytes in its middle is accepted as
it decodes.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

MOST_SIDE = 65_536  # a pixel's address has 16 bits for its row and 16 for its column
MOST_PIXELS = 178_956_970  # Pillow's own limit against decompression bombs

_ORIENTATION = 0x0112
_BITS_PER_SAMPLE, _PHOTOMETRIC, _EXTRA_SAMPLES, _SAMPLE_FORMAT = 258, 262, 338, 339
_GRAY_16 = ("I;16", "I;16L", "I;16B", "I;16N")
_READABLE = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", *_GRAY_16)


@dataclass(frozen=True)
class Header:
    """What a file says about itself before its pixels are decoded.

    Attributes:
        format: the container.
        bits: per channel, of the decoded pixels: 8 or 16.
        upright: no EXIF rotation has to be applied.
    """

    format: Literal["JPEG", "PNG", "TIFF"]
    bits: Literal[8, 16]
    upright: bool


def read_header(file: BinaryIO) -> Header:
    """Reads a seekable image file as far as its pixels.

    Raises:
        ValueError: the image is not one of those we accept; the message is the reason, in one sentence.
        OSError: the system could not read the file, which says nothing about the image.
    """
    with _opened(file) as image:
        return _header(image)


def decode(data: bytes) -> Pixels:
    """Decodes an image to (3, row, col), uint8 or uint16, upright; gray becomes three equal planes.

    Raises:
        ValueError: as `read_header`, and also for transparent or truncated pixels.
    """
    with _opened(BytesIO(data)) as image:
        header = _header(image)
        image.load()
        if header.upright and _is_turned_after_all(image):
            raise ValueError("its EXIF rotation comes after its pixels")
        image = ImageOps.exif_transpose(image)
        _refuse_transparency(image)
        if image.mode in _GRAY_16:
            gray = np.asarray(image).astype("<u2")
            return np.stack([gray, gray, gray])
        rgb = np.asarray(image.convert("RGB"))
        return np.array(rgb.transpose(2, 0, 1), order="C")  # a copy: Pillow's own memory is read-only


@contextmanager
def _opened(file: BinaryIO) -> Iterator[Image.Image]:
    """Opens with Pillow; whatever it raises becomes a ValueError whose text is the same on every run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a "possible bomb" under the limit is a large photograph
            with Image.open(file, formats=("JPEG", "PNG", "TIFF")) as image:
                yield image
    except (MemoryError, ValueError):
        raise
    except UnidentifiedImageError:  # its own text holds a memory address
        empty = not file.seek(0, 2)
        file.seek(0)
        tiff = file.read(4) in (b"II*\0", b"MM\0*")
        other = "a TIFF of a kind that Pillow does not read" if tiff else "not a PNG, JPEG or TIFF image"
        reason = "the file is empty" if empty else other
        raise ValueError(reason) from None
    except Image.DecompressionBombError:
        raise ValueError(f"declares more than {MOST_PIXELS:,} pixels (a decompression bomb?)") from None
    except Exception as error:  # Pillow's readers raise OSError, SyntaxError, struct.error, EOFError, …
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's
            raise
        raise ValueError(f"{error}" or f"cannot be read ({type(error).__name__})") from error


def _header(image: Image.Image) -> Header:
    width, height = image.size
    if max(width, height) > MOST_SIDE:
        raise ValueError(f"is {height} x {width} pixels, the largest side is {MOST_SIDE:,}")
    if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"holds {getattr(image, 'n_frames', 1)} pictures, one is wanted")
    bits = _bits(image)
    # PngImageFile.getexif would decode the whole image; the base class reads what came before the pixels.
    orientation = Image.Image.getexif(image).get(_ORIENTATION, 1)
    upright = orientation not in range(2, 9)
    if image.format == "PNG":
        return Header("PNG", bits, upright)
    if image.format == "TIFF":
        return Header("TIFF", bits, upright)
    return Header("JPEG", bits, upright)  # MPO is a JPEG whose first picture is the photograph


def _is_turned_after_all(image: Image.Image) -> bool:
    """Whether a loaded PNG holds a rotation that was not there before its pixels: Pillow keeps its first answer."""
    late = Image.new("1", (1, 1))
    late.info = dict(image.info)
    return image.format == "PNG" and late.getexif().get(_ORIENTATION, 1) in range(2, 9)


def _bits(image: Image.Image) -> Literal[8, 16]:
    if image.mode not in _READABLE:
        raise ValueError(f"mode {image.mode} is not gray, palette or RGB")
    raw = set()
    for tile in getattr(image, "tile", []):  # how Pillow's decoder will unpack the pixels
        raw.add(tile.args if isinstance(tile.args, str) else str((tile.args or [""])[0]))
    deepest, white_is_zero = 8, False
    if isinstance(image, TiffImageFile):
        deepest = max(image.tag_v2.get(_BITS_PER_SAMPLE, (1,)))
        white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == 0
        if set(image.tag_v2.get(_SAMPLE_FORMAT, (1,))) != {1}:
            raise ValueError("its samples are not unsigned integers")
        if 0 in image.tag_v2.get(_EXTRA_SAMPLES, ()):
            raise ValueError("it has channels beyond color and alpha, which Pillow would drop")
    if image.mode in _GRAY_16:
        if white_is_zero or not all(mode.startswith("I;16") for mode in raw):
            raise ValueError("its 16-bit gray is packed or inverted in a way Pillow does not undo")
        return 16
    if deepest > 8 or any(";16" in mode for mode in raw):
        raise ValueError("16-bit color, which Pillow would cut to 8 bits")
    return 8


def _refuse_transparency(image: Image.Image) -> None:
    transparent = image.info.get("transparency")
    if image.mode in _GRAY_16:
        clear = transparent is not None and bool((np.asarray(image) == transparent).any())
    elif image.mode in ("RGBA", "LA", "PA") or transparent is not None:
        clear = np.asarray(image.convert("RGBA").getchannel("A")).min() < 255
    else:
        clear = False
    if clear:
        raise ValueError("it has transparent pixels")
