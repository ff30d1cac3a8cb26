"""Times competitors in turns, so that whatever else the machine does meets all of them alike."""

import gc
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch

Run = Callable[[], object]
Clock = Callable[[Run, int], float]  # seconds of one of so many calls
Samples = dict[str, list[float]]  # seconds of a call in every round, by competitor

SAMPLE = 0.05  # seconds that one measurement lasts at least, by repetition


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds until so many seconds have passed, within limits."""

    seconds: float
    least: int
    most: int


def wall(run: Run, repeats: int) -> float:
    """By the clock of the processor."""
    start = time.perf_counter()
    for _ in range(repeats):
        run()
    return (time.perf_counter() - start) / repeats


def events(run: Run, repeats: int) -> float:
    """By events of the CUDA device, around all calls: the waits of the host are in it."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    start.record()
    for _ in range(repeats):
        run()
    end.record()
    end.synchronize()
    return start.elapsed_time(end) / 1000 / repeats


def race(runs: Mapping[str, Run], effort: Effort, clock: Clock = wall) -> Samples:
    """Measures every competitor once in every round, each round starting with the next of them.

    Each runs as often right before its time is taken: what the one before has left in the caches and in the memory
    allocator, and its threads that still wait actively, belong to neither.
    """
    repeats = {}
    for name, run in runs.items():
        run()
        repeats[name] = max(1, math.ceil(SAMPLE / max(clock(run, 1), 1e-7)))
    names, samples = list(runs), {name: [] for name in runs}
    collecting = gc.isenabled()
    gc.disable()
    try:
        start = time.perf_counter()
        for turn in range(effort.most):
            if turn >= effort.least and time.perf_counter() - start > effort.seconds:
                break
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                for _ in range(repeats[name]):
                    runs[name]()
                samples[name].append(clock(runs[name], repeats[name]))
    finally:
        if collecting:
            gc.enable()
    return samples


def speed(seconds: list[float], pixels: int) -> dict[str, float]:
    """Median, and the distance of the quartiles over it."""
    low, median, high = np.quantile(seconds, (0.25, 0.5, 0.75))
    return {"megapixels_per_second": pixels / median / 1e6, "spread": (high - low) / median, "rounds": len(seconds)}


def times(slow: list[float], fast: list[float]) -> dict[str, float]:
    """How many times as fast the second is, round by round: the median, and the quartiles."""
    low, median, high = np.quantile(np.divide(slow, fast), (0.25, 0.5, 0.75))
    return {"median": median, "low": low, "high": high}


def summary(samples: Samples, pixels: int, ours: str) -> dict[str, dict[str, object]]:
    """Of every competitor its speed, and how many times as fast ours is."""
    return {
        name: {**speed(seconds, pixels), "ours_is_faster": times(seconds, samples[ours])}
        for name, seconds in samples.items()
    }
