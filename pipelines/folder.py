"""`folder:PATH`, every PNG, JPEG and TIFF in a folder and the folders below it."""

import errno
import os
import stat
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO
from unicodedata import normalize

from .source import Item

SUFFIXES = (".jpeg", ".jpg", ".png", ".tif", ".tiff")


class Folder:
    """The images below a folder, named by their POSIX path relative to it.

    Hidden files and folders are left aside. Links are followed, except one that leads back to a folder it
    stands in. What has the suffix of an image and cannot be opened is an item all the same: it will be
    quarantined with its reason, not lost.
    """

    address = "folder:"

    def __init__(self, path: str) -> None:
        if not path:
            raise ValueError("source 'folder:' needs a path after the colon")
        self.path = Path(path).expanduser().absolute()

    @property
    def location(self) -> str:
        return f"folder:{self.path}"

    def items(self) -> list[Item]:
        if not self.path.is_dir():
            wrong = "is not a folder" if self.path.exists() else "does not exist"
            raise ValueError(f"source folder {str(self.path)!r} {wrong}")
        items = sorted(_walk(self.path, "", ()))
        if not items:
            raise ValueError(f"no PNG, JPEG or TIFF file in source folder {str(self.path)!r}")
        for before, after in pairwise(items):
            if before.name == after.name:
                raise ValueError(f"two files of source folder {str(self.path)!r} have the name {after.name!r}")
        return items

    def open(self, name: str) -> BinaryIO:
        path = self.path
        for part in name.split("/"):
            path = _child(path, part)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe named x.png would wait for ever
            raise OSError(errno.EINVAL, "not a regular file", name)
        return path.open("rb")


def _walk(folder: Path, prefix: str, above: tuple[tuple[int, int], ...]) -> Iterator[Item]:
    here = folder.stat()
    above = (*above, (here.st_dev, here.st_ino))
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            name = prefix + _public(entry.name)
            if _is_folder(entry):
                there = Path(entry.path).stat()
                if (there.st_dev, there.st_ino) not in above:
                    yield from _walk(Path(entry.path), name + "/", above)
            elif entry.name.lower().endswith(SUFFIXES):
                yield Item(name, _size(entry))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # a link to nothing
        return 0


def _public(name: str) -> str:
    """A name as the world sees it: NFC, and bytes that are not UTF-8 spelled out."""
    return normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))


def _child(folder: Path, name: str) -> Path:
    """The entry of that public name, which may be spelled otherwise on the disk."""
    path = folder / name
    if name not in ("", ".", "..") and os.path.lexists(path):
        return path
    with os.scandir(folder) as entries:
        for entry in entries:
            if _public(entry.name) == name:
                return Path(entry.path)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
