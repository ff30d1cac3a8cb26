"""`folder:PATH`, every PNG, JPEG and TIFF in a folder and the folders below it."""

import errno
import os
import stat
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from typing import BinaryIO, NamedTuple

from .source import Item, is_of_the_file, public_name, unreadable

SUFFIXES = (".jpeg", ".jpg", ".png", ".tif", ".tiff")


class Folder:
    """The images below a folder, named by their POSIX path relative to it.

    Hidden files and folders are left aside. Links are followed, and every real folder is visited once: where
    it stands if it stands below this one, or else at the first link to it in the order of names. What has the
    suffix of an image and cannot be opened is an item all the same: it will be quarantined with its reason,
    not lost. A subfolder that cannot be listed is an error, because nobody knows what would be missing.
    """

    address = "folder:"
    suffixes: tuple[str, ...] = SUFFIXES
    kinds = "PNG, JPEG or TIFF"

    def __init__(self, path: str) -> None:
        if not path:
            raise ValueError(f"source {self.address!r} needs a path after the colon")
        self.path = Path(path).expanduser().absolute()
        self._paths: dict[str, Path] = {}  # where the name on the disk is spelled otherwise

    @property
    def location(self) -> str:
        return f"{self.address}{self.path}"

    def items(self) -> list[Item]:
        if not self.path.is_dir():
            wrong = "is not a folder" if self.path.exists() else "does not exist"
            raise ValueError(f"source folder {str(self.path)!r} {wrong}")
        sizes: dict[str, int] = {}
        try:
            for found in _walk(self.path, self.suffixes):
                if found.name in sizes:
                    raise ValueError(f"two files of source folder {str(self.path)!r} have the name {found.name!r}")
                sizes[found.name] = _size(found.path)
                if self.path / found.name != found.path:
                    self._paths[found.name] = found.path
        except OSError as error:
            where = self.path if error.filename is None else Path(error.filename)
            raise unreadable(self.location, error, str(where)) from error
        if not sizes:
            raise ValueError(f"no {self.kinds} file in source folder {str(self.path)!r}")
        return [Item(name, sizes[name]) for name in sorted(sizes)]

    def open(self, name: str) -> BinaryIO:
        path = self._path(name)
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe named x.png would wait for ever
            raise OSError(errno.EINVAL, "not a regular file", name)
        return path.open("rb")

    def _path(self, name: str) -> Path:
        if ".." in name.split("/"):  # no walk gives such a name
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
        if name not in self._paths and not os.path.lexists(self.path / name):
            self._paths.update({found.name: found.path for found in _walk(self.path, self.suffixes)})
        return self._paths.get(name, self.path / name)


class _File(NamedTuple):
    name: str
    path: Path


def _walk(root: Path, suffixes: tuple[str, ...]) -> Iterator[_File]:
    seen: set[tuple[int, int]] = set()
    folders: list[tuple[str, Path]] = [("", root)]
    links: list[tuple[str, Path]] = []
    while folders or links:
        prefix, folder = heappop(folders or links)  # links last, so that a new one gives no image another name
        here = folder.stat()
        if (here.st_dev, here.st_ino) in seen:
            continue
        seen.add((here.st_dev, here.st_ino))
        with os.scandir(folder) as entries:
            shown = [entry for entry in entries if not entry.name.startswith(".")]
        for entry in shown:
            name = prefix + public_name(entry.name)
            if _is_folder(entry):
                heappush(links if entry.is_symlink() else folders, (name + "/", Path(entry.path)))
            elif entry.name.lower().endswith(suffixes):
                yield _File(name, Path(entry.path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError as error:
        if is_of_the_file(error):  # a link to itself
            return False
        raise


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        if is_of_the_file(error):  # a link to nothing
            return 0
        raise
