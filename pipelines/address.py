"""Which source an address on the command line, or in a shard's spec, means."""

from pathlib import Path

from .folder import Folder
from .pairs import Pairs
from .photographs import Photographs
from .raws import Raws
from .source import Source


def parse(address: str) -> Source:
    """The source at an address: `folder:PATH`, `raw:PATH`, `pairs:PATH` or `sample:`.

    Raises:
        ValueError: another scheme, naming those that exist.
        ModuleNotFoundError: the extra that the source needs is not installed.
    """
    scheme, colon, rest = address.partition(":")
    if scheme == "folder" and colon:
        return Folder(rest)
    if scheme == "raw" and colon:
        return Raws(rest)
    if scheme == "pairs" and colon:
        return Pairs(rest)
    if scheme == "sample" and colon:
        if rest:
            raise ValueError(f"source 'sample:' takes nothing after the colon, got {rest!r}")
        return Photographs()
    hint = f"; folder:{address} would be that folder" if Path(address).is_dir() else ""
    raise ValueError(f"unknown source {address!r}: a source is folder:PATH, raw:PATH, pairs:PATH or sample:{hint}")
