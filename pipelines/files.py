"""Files of a folder that one run writes at a time, and the lock that keeps the others out."""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import BinaryIO

from camnoise import files
from camnoise.files import PARTIAL as PARTIAL

_CHUNK = 1 << 22


def committed(path: Path) -> AbstractContextManager[BinaryIO]:
    """As `camnoise.files.committed`, under a fixed name until then, which the next run finds and removes."""
    return files.committed(path, path.with_name(path.name + PARTIAL))


def write(path: Path, data: bytes) -> None:
    """Writes a small file, whole or not at all."""
    with committed(path) as file:
        file.write(data)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds a folder for this process.

    Raises:
        ValueError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another camnoise is writing to {str(folder)!r}") from None
        except OSError:  # a file system without locks: two runs of one recipe write the same bytes anyway
            pass
        yield
    finally:
        os.close(handle)


def file_sha256(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
    return length, digest.hexdigest()


def irregular(path: Path) -> str | None:
    """What is wrong with a file before it is opened: a link may lead anywhere, a pipe would wait for ever."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return "missing"
    return None if stat.S_ISREG(mode) else "not a regular file"
