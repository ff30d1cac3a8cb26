"""Threads that camnoise owns: as many as torch says at each call, none of them alive in a forked child."""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from threading import Lock

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
    next_piece, good = count(), [True]

    def deal() -> None:
        while good[0] and (piece := next(next_piece)) < pieces:  # one bytecode takes the number: no two get it
            if not work(piece):
                good[0] = False

    helpers = _helpers(min(pieces, torch.get_num_threads()) - 1, deal)
    try:
        deal()
    except BaseException:
        good[0] = False  # an interrupt: the others finish the piece they have
        raise
    finally:
        for helper in helpers:
            if not helper.cancel():
                helper.result()
    return good[0]


def _helpers(wanted: int, deal: Callable[[], None]) -> list[Future[None]]:
    """Sets threads of the pool to work, which is made at first use and anew for another number of threads."""
    global _pool, _size
    if wanted < 1:
        return []
    with _lock:
        if _pool is None or _size < wanted:
            if _pool is not None:
                _pool.shutdown(wait=False)  # what it has begun is finished
            _pool, _size = ThreadPoolExecutor(wanted, thread_name_prefix="camnoise"), wanted
        return [_pool.submit(deal) for _ in range(wanted)]


def _forget() -> None:
    """In a forked child: its parent's threads are not there, and the lock may be held by one of them."""
    global _pool, _size, _lock
    _pool, _size, _lock = None, 0, Lock()


os.register_at_fork(after_in_child=_forget)
