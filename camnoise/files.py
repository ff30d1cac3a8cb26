"""Files that appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from PIL.Image import Image

PARTIAL = ".partial"  # the suffix of a file that is being written


@contextmanager
def committed(path: Path, partial: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write that gets its name when the block ends well, and is gone when it does not.

    A reader sees the old file or the new one, never a part; of two writers, one wins.

    Args:
        path: what is there is replaced.
        partial: the name until then, for who holds the folder alone and removes what a killed run left; by default
            one that no other writer has.

    Raises:
        OSError: a file that cannot be written; the error names `path`.
    """
    if partial is None:
        partial = path.with_name(f".{uuid.uuid4().hex}{PARTIAL}")  # with its own, a long one would be too long
    try:
        with partial.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException as error:  # Ctrl-C too
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and str(error.filename) == str(partial):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise
    _sync(path.parent)


def write(path: Path, data: bytes) -> None:
    """Writes a small file, whole or not at all."""
    with committed(path) as file:
        file.write(data)


def save_png(picture: "Image", out: Path) -> None:
    """Writes what `--out` asks for. Raises ValueError for a name that is none of a PNG file, or cannot be written."""
    if out.is_dir() or not out.parent.is_dir():
        wrong = "is a folder" if out.is_dir() else f"lies in {str(out.parent)!r}, which is no folder"
        raise ValueError(f"--out {str(out)!r} {wrong}, wanted a PNG file to write")
    if out.suffix.lower() != ".png":
        raise ValueError(f"--out {str(out)!r} does not end in .png, and a PNG file is what is written")
    file = BytesIO()
    picture.save(file, format="PNG")
    try:
        write(out, file.getvalue())
    except OSError as error:
        raise ValueError(f"--out {str(out)!r} could not be written: {error.strerror}") from error


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
