"""Deterministic tars: USTAR, nothing in them but names and bytes."""

import hashlib
import os
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

BLOCK = tarfile.BLOCKSIZE
_OWNER = "camnoise"
_MODE = 0o444
_NAME = re.compile(r"[0-9a-z_]+\.[0-9a-z_.]+")
_NAME_AND_SIZE = re.compile(rb"([!-~]{1,100})\0*.{24}([0-7]{11})\0", re.DOTALL)  # the first 136 bytes of a header


class Found(NamedTuple):
    """One member as it lies in a tar: `<key>.<field>`."""

    key: str
    field: str
    offset: int
    data: bytes


class TarWriter:
    """Writes members one after the other into an open file, and digests the file as it goes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._written = 0

    def add(self, name: str, data: bytes) -> int:
        """Adds a member `<key>.<field>`; returns the offset of its data in the file."""
        self._write(header(name, len(data)))
        offset = self._written
        self._write(data)
        self._write(bytes(-len(data) % BLOCK))
        return offset

    def close(self) -> tuple[int, str]:
        """Ends the tar; returns its length in bytes and its SHA-256. The file itself stays open."""
        self._write(ending(self._written))
        return self._written, self._digest.hexdigest()

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._written += len(data)
        self._file.write(data)


def header(name: str, size: int) -> bytes:
    """The header of a member; there is one for a name and a size.

    It is the standard library's USTAR with an integer mtime: Python's default adds a PAX header to members,
    which DALI cannot read.

    Raises:
        ValueError: a name that is not `<key>.<field>`, or a size that USTAR cannot say.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"member name {name!r} is not <key>.<field> in lower-case ASCII")
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, _MODE, 0
    info.uid = info.gid = 0
    info.uname = info.gname = _OWNER
    return info.tobuf(tarfile.USTAR_FORMAT)


def ending(length: int) -> bytes:
    """What ends a tar whose members take `length` bytes."""
    end = length + 2 * BLOCK
    return bytes(2 * BLOCK + -end % tarfile.RECORDSIZE)


def read_members(path: Path) -> Iterator[Found]:
    """Walks a tar. It has one spelling, so a hostile file has no room for anything else.

    Raises:
        ValueError: it is not, to its last byte, a tar that `TarWriter` writes.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        length = os.fstat(file.fileno()).st_size
        while any(block := file.read(BLOCK)):
            offset = file.tell()
            name, size = _name_and_size(block, offset - len(block))
            if offset + size > length:
                raise ValueError(f"the tar ends within member {name}")
            data, padding = file.read(size), file.read(-size % BLOCK)
            if len(data) < size or padding != bytes(-size % BLOCK):
                raise ValueError(f"member {name} is not followed by zeros up to its last block")
            key, _, field = name.partition(".")
            yield Found(key, field, offset, data)
        start = file.tell() - len(block)
        end = ending(start)
        if block + file.read(len(end)) != end:  # reads further than the end may reach
            raise ValueError(f"the tar does not end as we end it after byte {start:,}")


def _name_and_size(block: bytes, start: int) -> tuple[str, int]:
    said = _NAME_AND_SIZE.match(block)
    if said is not None:
        name, size = said[1].decode(), int(said[2], 8)
        if _NAME.fullmatch(name) and header(name, size) == block:
            return name, size
    raise ValueError(f"the header at byte {start:,} is not one that we write")
