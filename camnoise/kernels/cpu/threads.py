"""Threads that camnoise owns: as many as torch says at each call, none of them alive in a forked child."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from threading import Event, Lock

import torch

_lock = Lock()
_pool: ThreadPoolExecutor | None = None
_size = 0


def share(pieces: int, work: Callable[[int], bool]) -> bool:
    """Does `work` on piece 0, 1, ... on this thread and others of the pool; False as soon as one says so.

    Args:
        pieces: how many there are; each is done once.
        work: lets go of the interpreter while it runs.
    """
    next_piece, door, open_, good = count(), Lock(), [True], [True]
    inside: list[Event] = []
    errors: list[BaseException] = []

    def deal() -> None:
        with door:
            if not open_[0]:  # it comes when all is done
                return
            inside.append(left := Event())
        try:
            while good[0] and (piece := next(next_piece)) < pieces:  # one bytecode takes the number: no two get it
                if not work(piece):
                    good[0] = False
        except BaseException as error:
            good[0] = False  # the others finish the piece they have
            errors.append(error)
        finally:
            left.set()

    _call(min(pieces, torch.get_num_threads()) - 1, deal)
    try:
        deal()
    finally:
        with door:
            open_[0] = False
        for left in inside:
            left.wait()
    if errors:
        raise errors[0]
    return good[0]


def _call(wanted: int, deal: Callable[[], None]) -> None:
    """Sets threads of the pool to work, which is made at first use and anew where more are wanted.

    There may be none to be had: at a limit, or while the interpreter ends. The caller can do it all.
    """
    global _pool, _size
    if wanted < 1:
        return
    with _lock:
        if _pool is None or _size < wanted:
            if _pool is not None:
                _pool.shutdown(wait=False)  # what it has begun is finished
            _pool, _size = ThreadPoolExecutor(wanted, thread_name_prefix="camnoise"), wanted
        with suppress(RuntimeError):
            for _ in range(wanted):
                _pool.submit(deal)


def _forget() -> None:
    """In a forked child: its parent's threads are not there, and the lock may be held by one of them."""
    global _pool, _size, _lock
    _pool, _size, _lock = None, 0, Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_forget)
