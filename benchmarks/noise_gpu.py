"""Question: how fast is the whole sensor chain on a GPU, by our kernel and by what people use today?

The chain, the comparison of outputs and the rounds are those of `noise.py`; here batches stay on the device, far larger
than its cache, and events of the device measure the time. A copy of memory on the device reads and writes what the
chain does, so its speed is the ceiling. `--quick` tries everything on small batches and keeps no numbers.
"""

import argparse
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import torch
from agreement import Failed, in_one_pass, recorded, same_bits, same_moments
from noise import COPY, OURS, PACKAGES, REFERENCE, UNCHECKED, outputs, speeds
from peers import PEERS
from record import HERE, write
from rounds import Clock, Effort, Run, events, race, speed, summary
from scenes import ELECTRONS, SIDE, Scene, by_reference, exposure, flat, scene
from sensor_chains import TAILS

from camnoise.kernels import reference

Results = dict[str, Any]

DEVICE_PEERS = {name: peer for name, peer in PEERS.items() if peer.device}
BATCH, TIMES = 64, 24  # images of 4 megapixels, and how many such batches a peer's temporaries may take together
FULL, SHORT, QUICK = Effort(10, 7, 31), Effort(3, 5, 15), Effort(0, 2, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small batches, two rounds, no number kept")
    quick = parser.parse_args().quick
    if not torch.cuda.is_available():
        sys.exit("noise_gpu.py needs a CUDA device, and torch sees none")
    folder = Path(tempfile.mkdtemp(prefix="camnoise-")) if quick else HERE / "results"
    if quick:
        results = measure("cuda", 4, 256, QUICK, QUICK, events)
    else:
        results = measure("cuda", batch_that_fits(), SIDE, FULL, SHORT, events)
    write("noise_gpu", {"device": device(), **results}, (*PACKAGES, "triton"), folder)
    print("\n".join(table(results)))
    print(f"wrote {'a trial to ' if quick else ''}{folder if quick else folder.name}")


def device() -> Results:
    """What the numbers hold for."""
    about = torch.cuda.get_device_properties(0)
    return {
        "name": about.name,
        "capability": f"{about.major}.{about.minor}",
        "multiprocessors": about.multi_processor_count,
        "memory_bytes": about.total_memory,
        "cache_bytes": getattr(about, "L2_cache_size", None),
        "cuda": torch.version.cuda,
    }


def batch_that_fits() -> int:
    """64 images, or as many of them as leave room for what eager torch holds at a time."""
    free, batch = torch.cuda.mem_get_info()[0], BATCH
    while batch > 1 and batch * SIDE**2 * 4 * TIMES > free:
        batch //= 2
    return batch


def measure(where: str, batch: int, side: int, effort: Effort, short: Effort, clock: Clock) -> Results:
    """Everything; outputs are compared first."""
    failed: Failed = {}
    execution = {OURS: in_one_pass(where)}
    scenes: dict[str, Scene] = {}
    for name in ELECTRONS:
        with recorded(name, failed):  # photographs need scikit-image
            scenes[name] = scene(name, side)
    for name, one in scenes.items():
        same_bits(name, one.cut(min(side, 1024), min(side, 1024)).batch(2, where))
        same_as_processor(name, one.cut(256, 256), where)
    agreed = [
        finding
        for electrons in (100, 2)
        for finding in same_moments(
            f"{electrons} e⁻", flat(min(side, 1024), electrons).batch(1, where), DEVICE_PEERS, failed
        )
    ]
    with reference():
        execution[REFERENCE] = next(iter(scenes.values())).sensor.camera().explain(where)
    raced = {name: race_scene(name, one.batch(batch, where), effort, failed, clock) for name, one in scenes.items()}
    last = list(scenes.values())[min(1, len(scenes) - 1)]
    return {
        "images": batch,
        "megapixels": batch * side**2 / 1e6,
        "execution": execution,
        "agreement": agreed,
        "scenes": raced,
        "copy_gigabytes_per_second": bandwidth(raced),
        "share_of_copy": {name: of[COPY]["ours_is_faster"]["median"] for name, of in raced.items()},
        "bytes_beyond_images": memory(last.batch(batch, where), failed) if where == "cuda" else {},
        "batches": race_batches(last, sorted({1, min(4, batch), min(16, batch), batch}), where, short, clock),
        "variants": race_variants(last.batch(batch, where), short, clock),
        "failed": failed,
    }


def same_as_processor(name: str, one: Scene, where: str) -> None:
    """The noise of the device is that of the processor, bit by bit.

    Raises:
        SystemExit: it is not.
    """
    for tail in TAILS:
        here, there = exposure(one, tail)(), exposure(one.batch(1, where), tail)().cpu()
        if not torch.equal(here.view(torch.int32), there.view(torch.int32)):
            sys.exit(f"device and processor differ in {int((here != there).sum())} pixels: {name}, {tail}")


def race_scene(name: str, one: Scene, effort: Effort, failed: Failed, clock: Clock) -> Results:
    """Everyone on one batch."""
    print(f"{name} ...", file=sys.stderr)
    return summary(race(competitors(one, failed), effort, clock), one.pixels, OURS)


def competitors(one: Scene, failed: Failed) -> dict[str, Run]:
    """All that can be called; each has been called once."""
    ours, target = exposure(one), torch.empty_like(one.images)
    runs: dict[str, Run] = {COPY: partial(target.copy_, one.images), OURS: ours}
    runs |= {UNCHECKED: exposure(one, validate=False), REFERENCE: by_reference(ours)}
    for who, peer in DEVICE_PEERS.items():
        if who in failed:
            continue
        with recorded(who, failed):
            run = peer.make(one)
            run()
            runs[who] = run
    return runs


def bandwidth(raced: Results) -> float:
    """Of the copy, read and written bytes together: the best of the scenes."""
    return max(8 * of[COPY]["megapixels_per_second"] / 1e3 for of in raced.values())


def memory(one: Scene, failed: Failed) -> dict[str, int]:
    """The most that each allocates at a time beside the images, its output included."""
    found = {}
    for name, run in competitors(one, failed).items():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        run()
        torch.cuda.synchronize()
        found[name] = torch.cuda.max_memory_allocated() - before
    return found


def race_batches(one: Scene, batches: list[int], where: str, effort: Effort, clock: Clock) -> list[Results]:
    """Our kernel on fewer images; a few of them fit in the device's cache."""
    found = []
    for batch in batches:
        some = one.batch(batch, where)
        found.append({"images": batch, **speed(race({OURS: exposure(some)}, effort, clock)[OURS], some.pixels)})
    return found


def race_variants(one: Scene, effort: Effort, clock: Clock) -> Results:
    """Our kernel with each read noise, and with raw output of both kinds."""
    runs: dict[str, Run] = {tail: exposure(one, tail) for tail in TAILS}
    runs |= {f"raw {name}": run for name, run in outputs(one).items()}
    return {name: speed(seconds, one.pixels) for name, seconds in race(runs, effort, clock).items()}


def table(results: Results) -> list[str]:
    """For the README, once it has been measured."""
    what = f"{results['images']} images, {results['megapixels']:,.0f} megapixels of float32 on the device"
    share = min(results["share_of_copy"].values())
    return [
        *speeds(what, {}, results),
        "",
        f"The copy moves {results['copy_gigabytes_per_second']:,.0f} GB/s, and our kernel {share:.0%} of it or more.",
    ]


if __name__ == "__main__":
    main()
