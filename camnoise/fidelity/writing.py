"""A comparison as a file: a report or its numbers."""

from pathlib import Path

from .. import files
from .drawing import page_of
from .outcome import Fidelity


def write_report(outcome: Fidelity, out: Path) -> None:
    """Writes a report (.html) or the numbers (.json), whole or not at all.

    Raises:
        ValueError: another ending, a folder, or one that cannot be written.
    """
    check_out(out)
    text = page_of(outcome) if out.suffix.lower() == ".html" else outcome.model_dump_json(indent=1) + "\n"
    try:
        files.write(out, text.encode())
    except OSError as error:
        raise ValueError(f"{str(out)!r} could not be written: {error.strerror}") from error


def check_out(out: Path) -> None:
    """Whether a report may be written there, before anything is computed.

    Raises:
        ValueError: another ending than .html or .json, a folder, a folder that is not there.
    """
    if out.suffix.lower() not in (".html", ".json"):
        raise ValueError(f"{str(out)!r} does not end in .html or .json, wanted one of them")
    if out.is_dir() or not out.parent.is_dir():
        wrong = "is a folder" if out.is_dir() else f"lies in {str(out.parent)!r}, which is no folder"
        raise ValueError(f"{str(out)!r} {wrong}, wanted a file to write")
