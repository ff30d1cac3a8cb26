"""Deterministic tars: USTAR, nothing in them but names and bytes."""

import hashlib
import tarfile
from typing import BinaryIO

BLOCK = tarfile.BLOCKSIZE
OWNER = "camnoise"
MODE = 0o444


class TarWriter:
    """Writes members one after the other into an open file, and digests the file as it goes.

    The headers are the standard library's. USTAR with an integer mtime, because Python's default adds a PAX
    header to members, which DALI cannot read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._written = 0

    def add(self, name: str, data: bytes) -> int:
        """Adds a member `<key>.<field>`; returns the offset of its data in the file."""
        key, dot, field = name.partition(".")
        if not (key and dot and field) or "/" in name or not name.isascii() or name != name.lower():
            raise ValueError(f"member name {name!r} is not <key>.<field> in lower-case ASCII")
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.mtime = len(data), MODE, 0
        info.uid = info.gid = 0
        info.uname = info.gname = OWNER
        self._write(info.tobuf(tarfile.USTAR_FORMAT))
        offset = self._written
        self._write(data)
        self._write(bytes(-len(data) % BLOCK))
        return offset

    def close(self) -> tuple[int, str]:
        """Ends the tar; returns its length in bytes and its SHA-256. The file itself stays open."""
        self._write(bytes(2 * BLOCK))
        self._write(bytes(-self._written % tarfile.RECORDSIZE))
        return self._written, self._digest.hexdigest()

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._written += len(data)
        self._file.write(data)
