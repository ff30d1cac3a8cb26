"""Question: how fast is the whole sensor chain, by our kernel and by what people use today?

The chain is exposure, shot noise, gain, Tukey lambda read noise, bias per color, row noise, rounding to 14 bits and
back to white = 1. Outputs are compared first: kernel and torch reference bit by bit, everyone's mean and variances
on flat fields with what is stated. Competitors then take turns in every round, and ratios are taken within rounds.
`--quick` tries everything on small images in less than a minute and keeps no numbers.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from agreement import Failed, in_one_pass, recorded, same_bits, same_moments
from noise_picture import draw
from peers import CHAIN, PEERS
from random_words import kernel_words, words
from record import HERE, into_readme, machine, write
from rounds import Effort, Run, Samples, race, summary, times
from scenes import ELECTRONS, SIDE, Scene, by_reference, exposure, flat, scene
from sensor_chains import TAILS, Sensor
from torch import Tensor

import camnoise as cn
from camnoise.kernels import reference

Results = dict[str, Any]

COPY, OURS, REFERENCE = "copy of memory", "camnoise, one pass", "camnoise, torch reference"
UNCHECKED = "the same, `validate=False`"
NEW = "copy of memory, newly allocated"  # as every chain's output is
WORDS, KERNEL_WORDS = "random words alone, torch", "random words alone, the kernel's"
NUMPY, EAGER = list(PEERS)[:2]
PACKAGES = ("scipy", "numba", *("deepinv", "kornia", "albumentations", "torchvision", "opencv-python-headless"))

FLAT, BRIGHT, DIM = ELECTRONS
SIDES = (320, 560, 1024, 2048, 4096, 10_000)  # 0.1 to 100 megapixels
BATCHES = {1: 1, 4: 2, 16: 4, 64: 8}  # and how many times smaller the side of each image is: one total
VIEWS = {1: "n2c", 2: "n2n", 4: "burst:4"}
FULL, SHORT, QUICK = Effort(12, 5, 25), Effort(4, 3, 15), Effort(0, 2, 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small images, two rounds, no number kept")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="camnoise-")) if quick else HERE / "results"
    results = measure(256, (64, 256), QUICK, QUICK) if quick else measure(SIDE, SIDES, FULL, SHORT)
    write("noise", results, PACKAGES, folder)
    draw(results, folder / "noise.png")
    if not quick:
        into_readme("noise", table(results))
    print("\n".join(table(results)))
    print(f"wrote {'a trial to ' if quick else ''}{folder if quick else folder.name}")


def measure(side: int, sides: tuple[int, ...], effort: Effort, short: Effort) -> Results:
    """Everything; outputs are compared first."""
    failed: Failed = {}
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"the machine is busy (load {load:.1f}): these will not be its speeds", file=sys.stderr)
    in_one_pass("cpu")
    for name in ELECTRONS:
        same_bits(name, scene(name, side))  # of the very size that is timed
    agreed = [
        finding
        for electrons in (100, 2)
        for finding in same_moments(f"{electrons} e⁻", flat(min(side, 1024), electrons), PEERS, failed)
    ]
    scenes = {name: scene(name, side) for name in ELECTRONS}
    bright = scenes[BRIGHT]
    camera = bright.sensor.camera()
    with reference():
        by_torch = camera.explain("cpu")
    tails = {tail: exposure(bright, tail) for tail in TAILS}
    return {
        "load_before": load,
        "megapixels": side**2 / 1e6,
        "execution": {OURS: camera.explain("cpu"), REFERENCE: by_torch},
        "agreement": agreed,
        "scenes": {name: race_scene(name, one, effort, failed) for name, one in scenes.items()},
        "sizes": [race_size(one, short) for one in sides],
        "batches": [race_batch(batch, side // times, short) for batch, times in BATCHES.items()],
        "threads": race_threads(bright, short),
        "flat_threads": race_threads(scenes[FLAT], short),
        "tails": race_variants(tails, bright.pixels, short),
        "outputs": race_variants(outputs(bright), bright.pixels, short),
        "views": [race_views(bright, views, short) for views in VIEWS],
        "photographs": race_variants(photographs(bright.sensor, side), side**2, short),
        "machine": f"{machine()['processor']}, {machine()['threads']} threads, torch {torch.__version__}",
        "failed": failed,
    }


def race_scene(name: str, one: Scene, effort: Effort, failed: Failed) -> Results:
    """Everyone on one scene."""
    print(f"{name} ...", file=sys.stderr)
    ours = exposure(one)
    runs: dict[str, Run] = {**copies(one.images), WORDS: words(one.images)}
    with recorded(KERNEL_WORDS, failed):
        runs[KERNEL_WORDS] = kernel_words(one.pixels)
    runs |= {OURS: ours, UNCHECKED: exposure(one, validate=False), REFERENCE: by_reference(ours)}
    for who, peer in PEERS.items():
        if who in failed or (peer.colors and one.colors is None):
            continue
        with recorded(who, failed):
            run = peer.make(one)
            run()
            runs[who] = run
    return summary(race(runs, effort), one.pixels, OURS)


def copies(images: Tensor) -> dict[str, Run]:
    """The ceilings: into memory that is there, and into memory whose pages the system may have to bring first."""
    target = torch.empty_like(images)
    return {COPY: partial(target.copy_, images), NEW: images.clone}


def race_size(side: int, effort: Effort) -> Results:
    """Photographs of one size; large ones have few rounds."""
    print(f"{side} x {side} ...", file=sys.stderr)
    one = scene(BRIGHT, side)
    ours = exposure(one)
    runs: dict[str, Run] = {**copies(one.images), OURS: ours, REFERENCE: by_reference(ours)}
    runs |= {name: PEERS[name].make(one) for name in (EAGER, NUMPY)}
    return {"megapixels": one.pixels / 1e6, "speed": summary(race(runs, effort), one.pixels, OURS)}


def race_batch(batch: int, side: int, effort: Effort) -> Results:
    """One number of pixels in so many images."""
    one = scene(BRIGHT, side).batch(batch)
    ours = exposure(one)
    samples = race({OURS: ours, REFERENCE: by_reference(ours)}, effort)
    return {"batch": batch, "side": side, "speed": summary(samples, one.pixels, OURS)}


def race_threads(one: Scene, effort: Effort) -> list[Results]:
    """1 thread to all; every round has every number of them."""
    most = torch.get_num_threads()
    numbers = sorted({1, most} | {2**power for power in range(12) if 2**power < most})
    ours = exposure(one)
    runs = {**copies(one.images), OURS: ours, REFERENCE: by_reference(ours), EAGER: PEERS[EAGER].make(one)}
    try:
        samples = race(
            {f"{name}/{threads}": with_threads(threads, run) for threads in numbers for name, run in runs.items()},
            effort,
        )
    finally:
        torch.set_num_threads(most)
    found = []
    for threads in numbers:
        here = {name: samples[f"{name}/{threads}"] for name in runs}
        gain = {name: times(samples[f"{name}/1"], here[name]) for name in runs}
        found.append({"threads": threads, "speed": summary(here, one.pixels, OURS), "faster_than_one": gain})
    return found


def with_threads(threads: int, run: Run) -> Run:
    def limited() -> object:
        torch.set_num_threads(threads)
        return run()

    return limited


def outputs(one: Scene) -> dict[str, Run]:
    """Raw numbers as float32 and as uint16."""
    raw = one.sensor.camera().raw
    assert raw is not None
    ids = list(range(len(one.images)))
    return {
        name: lambda dtype=dtype: raw(one.images, ids, dtype=dtype)
        for name, dtype in {"float32": torch.float32, "uint16": torch.uint16}.items()
    }


def photographs(sensor: Sensor, side: int) -> dict[str, Run]:
    """Encoded colors through `Linearize` and `Mosaic`: levels of 8 bits, which a table decodes, and others."""
    camera = cn.place(sensor.camera(), "raw")
    floats = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    levels = torch.floor(floats * 255 + 0.5) / torch.full_like(floats, 255)
    return {name: partial(camera, x, [0]) for name, x in {"8-bit": levels, "other floats": floats}.items()}


def race_variants(variants: Mapping[str, Run], pixels: int, effort: Effort) -> Results:
    """Variants of the chain, by the kernel and by the reference."""
    runs = {f"{name}/{OURS}": run for name, run in variants.items()}
    samples = race(runs | {f"{name}/{REFERENCE}": by_reference(run) for name, run in variants.items()}, effort)
    return {name: summary(_of(samples, name), pixels, OURS) for name in variants}


def _of(samples: Samples, name: str) -> Samples:
    return {who: samples[f"{name}/{who}"] for who in (OURS, REFERENCE)}


def race_views(one: Scene, views: int, effort: Effort) -> Results:
    """So many exposures at once, and the clean image; the scene of a burst moves. Pixels are those of exposures."""
    camera = one.sensor.camera(mosaic=False)

    def ours() -> object:
        return camera.views(one.images, [0], scheme=VIEWS[views])

    samples = race({OURS: ours, REFERENCE: by_reference(ours)}, effort)
    return {"views": views, "scheme": VIEWS[views], "speed": summary(samples, views * one.pixels, OURS)}


def table(results: Results) -> list[str]:
    """The README's lines."""
    what = f"one {results['megapixels']:.2g}-megapixel float32 image"
    return [*speeds(what, {WORDS: "–", KERNEL_WORDS: "–"}, results), "", *sentences(results)]


def speeds(what: str, more: Mapping[str, str], results: Results) -> list[str]:
    """A table of everyone on every scene; those that failed have their reason."""
    scenes, failed = results["scenes"], results["failed"]
    lines = [
        f"| Mpx/s (spread), ours over it; {what} | simulates | {' | '.join(scenes)} |",
        f"|---|---|{'--:|' * len(scenes)}",
    ]
    simulates = {COPY: "–", NEW: "–", **more, OURS: CHAIN, UNCHECKED: CHAIN, REFERENCE: CHAIN}
    simulates |= {name: peer.simulates for name, peer in PEERS.items()}
    for name, kind in simulates.items():
        rows = [scene.get(name) for scene in scenes.values()]
        if name in failed:
            lines.append(f"| {name} | {kind} |{' – |' * len(rows)} {failed[name]} |")
        elif any(rows):
            cells = [_cell(row, name == OURS) if row else "–" for row in rows]
            lines.append(f"| {name} | {kind} | {' | '.join(cells)} |")
    return lines


def sentences(results: Results) -> list[str]:
    """What else was measured, by our kernel: on photographs at 100 electrons."""

    def row(of: Mapping[Any, Any]) -> str:
        return ", ".join(f"{what} {_speed(speed[OURS])}" for what, speed in of.items())

    scaling = results["threads"][-1]
    sizes = {_megapixels(one["megapixels"]): one["speed"] for one in results["sizes"]}
    by_batch = {f"{one['batch']} of {one['side']}²": one["speed"] for one in results["batches"]}
    views = {f"`{one['scheme']}`": one["speed"] for one in results["views"]}
    lines = [
        f"{results['machine']}; load before: {results['load_before']:.1f}. NumPy and albumentations use one thread. "
        "Spread is the quartiles' distance over the median, of the rounds of one run; runs differ by 10 % and more.",
        "",
        f"Our kernel in Mpx/s on photographs at 100 electrons. Sizes: {row(sizes)}. Batches: {row(by_batch)}.",
        f"Encoded photographs through `Linearize` and `Mosaic`, raw pixels counted: {row(results['photographs'])}.",
        f"Read noise: {row(results['tails'])}. Raw output: {row(results['outputs'])}.",
        f"Exposures at once of a monochrome sensor, with the clean image, their own pixels counted: {row(views)}.",
    ]
    if scaling["threads"] > 1:
        gain = scaling["faster_than_one"][OURS]["median"]
        flat = results["flat_threads"][-1]["faster_than_one"][OURS]["median"]
        lines.append(
            f"{scaling['threads']} threads are {gain:.2f} times as fast as one on photographs, {flat:.2f} times on the "
            "flat field."
        )
    return lines


def _megapixels(size: float) -> str:
    return f"{float(f'{size:.2g}'):g} Mpx"


def _speed(row: Mapping[str, Any]) -> str:
    speed = row["megapixels_per_second"]
    return f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}"


def _cell(row: Mapping[str, Any], ours: bool) -> str:
    times = row["ours_is_faster"]["median"]
    over = f"{times:.0f}" if times >= 10 else f"{times:.2g}"
    return f"{_speed(row)} ({row['spread']:.0%})" + ("" if ours else f", {over}×")


if __name__ == "__main__":
    main()
