"""Where images come from: names and bytes, nothing else.

An address is `scheme:rest`. A name is the source's own (a POSIX path relative to it, NFC), never a path of
this machine, because the noise of an image is addressed by its name.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple, Protocol
from unicodedata import normalize

# What an error of the system says about the file itself. Anything else (EIO, ESTALE, EMFILE, ...) is of the
# place or of the moment, and no reason to leave an image out for good.
_OF_THE_FILE = {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.EINVAL,
    errno.ENOTDIR,
    errno.EISDIR,
}


class SourceError(OSError):
    """The place of the images is at fault, not an image: a sick disk, a lost share, a locked folder."""


class File(NamedTuple):
    """One file of a source. `size` is its length in bytes, 0 where it cannot be known.

    Names and sizes are all that is compared when a run goes on: a file that was overwritten by another of its
    length is not noticed then.
    """

    name: str
    size: int


class Item(NamedTuple):
    """What becomes one sample: a clean image, and the noisy ones where a source has them.

    Attributes:
        name, size: of the clean image's file.
        noisy: the files of its noisy views.
        refused: why it cannot be used, where the source knows that by the names alone.
    """

    name: str
    size: int
    noisy: tuple[File, ...] = ()
    refused: str | None = None

    @property
    def files(self) -> list[File]:
        return [File(self.name, self.size), *self.noisy]


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
        """All images, sorted by name.

        Raises:
            ValueError: there are none, or two have one name.
            SourceError: the place cannot be read.
        """
        ...

    def open(self, name: str) -> BinaryIO:
        """Opens one file, seekable. Raises OSError."""
        ...


@contextmanager
def opened(source: Source, name: str) -> Iterator[BinaryIO]:
    """Opens and reads one file of a source, and tells a file at fault from a place at fault.

    Raises:
        ValueError: the file is gone, forbidden or no regular file; the message is the reason.
        SourceError: the place is at fault, and nothing is known about the file.
    """
    try:
        with source.open(name) as file:
            yield file
    except OSError as error:
        if is_of_the_file(error):
            raise ValueError(f"cannot be opened: {error.strerror or type(error).__name__}") from error
        raise unreadable(source.location, error, name) from error


def is_of_the_file(error: OSError) -> bool:
    """Whether an error says something lasting about one file."""
    return error.errno in _OF_THE_FILE


def unreadable(location: str, error: OSError, name: str) -> SourceError:
    """The error of a source whose place is at fault, as one sentence."""
    what = error.strerror or str(error) or type(error).__name__
    return SourceError(error.errno, f"source {location!r} could not be read: {what} at {name!r}")


def public_name(name: str) -> str:
    """A file's name as the world sees it: NFC, and bytes that are not UTF-8 spelled out."""
    return normalize("NFC", os.fsencode(name).decode("utf-8", "backslashreplace"))
