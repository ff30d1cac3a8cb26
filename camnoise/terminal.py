"""What a command shows a person: sentences on a terminal, whatever a name from outside may hold."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO


def prepare() -> None:
    """Makes the standard streams fit to be written to, whatever the caller did to them."""
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:  # closed; its number must not go to a file that a library then writes to
            setattr(sys, name, Path(os.devnull).open("r" if name == "stdin" else "w"))  # noqa: SIM115 open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name may have letters the terminal lacks


def sentence_of(error: Exception) -> str:
    """What went wrong, as one sentence."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        from .value import sentence

        return sentence(error)
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f": {str(error.filename)!r}"
        return f"{error.strerror}{where}"
    return str(error) or type(error).__name__


@contextmanager
def terminable() -> Iterator[None]:
    """SIGTERM stops a run as Ctrl-C does: cleanly, between two files."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def say(text: str) -> None:
    """One line of result, on standard output."""
    put(shown(text) + "\n", sys.stdout)


def complain(text: str) -> None:
    """One sentence of what went wrong, on standard error."""
    put(f"camnoise: {shown(' '.join(text.split()))}\n", sys.stderr)


def count(number: int, noun: str) -> str:
    """`1 shard`, `1,200 shards`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def put(text: str, stream: TextIO) -> None:
    """Writes at once. Where nobody reads any more (`| head -1`), the exit code still tells."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def flushed() -> bool:
    """Whether all that was said has gone out; where a disk is full it is let go, so that Python's exit is quiet."""
    fine = True
    for stream in (sys.stdout, sys.stderr):
        try:
            put("", stream)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            fine = False
    return fine


def shown(text: str) -> str:
    """Names from outside may hold control characters; a terminal must not obey them."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
