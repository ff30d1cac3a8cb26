"""The sensor chain in one pass over memory, with the bits of the torch code: `cpu` in numba, `gpu` in Triton."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.util import find_spec
from typing import NamedTuple

import torch
from torch import Tensor

from .program import Addresses, Program

Limits = tuple[float, float]
Expose = Callable[[Program, Tensor, Tensor, Addresses, torch.dtype, Limits | None], Tensor | None]
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
    """Inside, the torch code does everything, as it does where there is no kernel: the same bits, slower."""
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
        if find_spec("numba") is None:
            return Executor(None, "numba is not installed")
        import numba

        if getattr(numba.config, "DISABLE_JIT", 0):
            return Executor(None, "numba's compiler is switched off")
        from . import cpu

        return Executor(cpu.expose, "numba")
    if kind == "cuda":
        if find_spec("triton") is None:
            return Executor(None, "Triton is not installed")
        from . import gpu

        return Executor(gpu.expose, "Triton")
    return Executor(None, f"no kernel runs on {kind}")
