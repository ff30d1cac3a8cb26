"""Where images come from: names and bytes, nothing else.

An address is `scheme:rest`. A name is the source's own (a POSIX path relative to it, NFC), never a path of
this machine, because the noise of an image is addressed by its name.
"""

from typing import BinaryIO, NamedTuple, Protocol


class Item(NamedTuple):
    """One file of a source. `size` is its length in bytes, 0 where it cannot be known."""

    name: str
    size: int


class Source(Protocol):
    """What every source offers.

    Attributes:
        address: goes into recipes and manifests, and so holds no path of this machine.
        location: finds the same files from another process of this machine.
    """

    @property
    def address(self) -> str: ...

    @property
    def location(self) -> str: ...

    def items(self) -> list[Item]:
        """All files, sorted by name.

        Raises:
            ValueError: there are none, or two have one name.
            OSError: the place cannot be read.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens one file, seekable. Raises OSError."""
        ...
