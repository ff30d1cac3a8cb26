"""How far a run is: a bar on a terminal, plain lines anywhere else. Always on standard error."""

import sys
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_LINE_EVERY = 10.0  # seconds


class Watch:
    """Counts images. Text from outside never reaches it: only numbers and our own words are shown."""

    def __init__(self, what: str, total: int | None, done: int = 0) -> None:
        self._what, self._total, self._done, self._first = what, total, done, done
        self._start = self._last = time.monotonic()
        self._bar: Progress | None = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[rate]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=self._total, completed=self._done, rate="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._done > self._first:
            self._line()

    def one(self) -> None:
        """Says that one more image is finished."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, rate=self._rate())
        elif time.monotonic() - self._last >= _LINE_EVERY:
            self._line()

    def _rate(self) -> str:
        seconds = time.monotonic() - self._start
        return f"{(self._done - self._first) / seconds:.1f} images/s" if seconds > 0 else ""

    def _line(self) -> None:
        self._last = time.monotonic()
        of = "" if self._total is None else f" of {self._total:,}"
        with suppress(BrokenPipeError):  # nobody reads it; the work goes on
            print(f"{self._what}: {self._done:,}{of} images, {self._rate()}", file=sys.stderr, flush=True)
