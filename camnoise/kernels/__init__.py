"""The sensor chain in one pass over memory, with the bits of the torch code: `cpu` in numba, `gpu` in Triton."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from .program import Addresses, Program

Limits = tuple[float, float]
Expose = Callable[[Program, Tensor, Tensor, Addresses, torch.dtype, Limits | None], Tensor | None]
Result = TypeVar("Result")
_compiling = threading.RLock()
_torch_only: ContextVar[bool] = ContextVar("torch_only", default=False)


class Executor(NamedTuple):
    """What runs programs on a device.

    Attributes:
        expose: as `camnoise.kernels.cpu.expose`; None where there is nothing but the torch code.
        what: its name, or why there is none.
    """

    expose: Expose | None
    what: str


@contextmanager
def reference() -> Iterator[None]:
    """Inside, the torch code does everything, as it does where there is no kernel: the same bits, slower.

    For this thread; those that are started inside know nothing of it.
    """
    before = _torch_only.set(True)
    try:
        yield
    finally:
        _torch_only.reset(before)


def executor(device: torch.device) -> Executor:
    """What there is for that device; numba and Triton are imported when they are first needed."""
    if _torch_only.get():
        return Executor(None, "only the torch code is asked for")
    expose, what = _found(device.type)
    if expose is not None and device.type == "cpu":
        threads = torch.get_num_threads()
        what += f", {threads} thread{'s' * (threads > 1)}"
    return Executor(expose, what)


@cache
def _found(kind: str) -> Executor:
    if kind == "cpu":
        numba, why = _imported("numba")
        if numba is None:
            return Executor(None, why)
        if getattr(numba.config, "DISABLE_JIT", 0):
            return Executor(None, "numba's compiler is switched off")
        from . import cpu

        return Executor(cpu.expose, "numba")
    if kind == "cuda":
        triton, why = _imported("triton")
        if triton is None:
            return Executor(None, why)
        if not torch.cuda.is_available():
            return Executor(None, "torch sees no CUDA device")
        from . import gpu

        try:
            gpu.try_out(torch.device("cuda"))
        except Exception as error:  # without a C compiler, say, which Triton calls
            return Executor(None, f"Triton cannot compile here ({str(error).partition(chr(10))[0]})")
        return Executor(gpu.expose, "Triton")
    return Executor(None, f"no kernel runs on {kind}")


def _imported(name: str) -> tuple[Any, str]:
    """A module, or None and why there is none."""
    if find_spec(name) is None:
        return None, f"{name} is not installed"
    try:
        return uninterrupted(lambda: import_module(name)), ""
    except Exception as error:
        first = str(error).partition("\n")[0]
        return None, f"{name} does not import ({first or type(error).__name__})"


def uninterrupted(make: Callable[[], Result]) -> Result:
    """Does it on another thread, where no Ctrl-C arrives: an import or a compilation cut in two stays broken.

    An interrupt is raised here at once, and the other thread goes on. A fork waits for it: a child
    would wait for ever for the locks that it holds.
    """
    made: Future[Result] = Future()

    def run() -> None:
        try:
            with _compiling:
                made.set_result(make())
        except BaseException as error:
            made.set_exception(error)

    if threading.current_thread() is not threading.main_thread():
        run()
        return made.result()

    threading.Thread(target=run, name="camnoise-compile", daemon=True).start()
    return made.result()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(
        before=_compiling.acquire, after_in_parent=_compiling.release, after_in_child=_compiling.release
    )
