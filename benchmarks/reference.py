"""Question: how fast is the torch reference, and how far from the speed of copying memory?"""

import torch
from record import into_readme, write
from torch.utils.benchmark import Timer

from camnoise import presets

SIDE = 2048


def measure() -> list[dict[str, float | str]]:
    images = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    chains = {
        "`sony_a7s2`, ISO 6400": presets.load("sony_a7s2", iso=6400),
        "`nikon_d850`, ISO 6400": presets.load("nikon_d850", iso=6400, black=400, white=15583),
    }
    rows = {
        "copy of memory": images.clone,
        **{name: lambda chain=chain: chain(images, [1]) for name, chain in chains.items()},
    }
    results: list[dict[str, float | str]] = []
    for name, run in rows.items():
        timer = Timer("run()", globals={"run": run}, num_threads=torch.get_num_threads())
        timed = timer.blocked_autorange(min_run_time=3)
        speed = images.numel() / timed.median / 1e6
        results.append({"what": name, "megapixels_per_second": speed, "spread": timed.iqr / timed.median})
    return results


def table(results: list[dict[str, float | str]]) -> list[str]:
    """The README's lines."""
    lines = ["| one 4.2-megapixel float32 image | Mpx/s | spread (IQR) |", "|---|--:|--:|"]
    for r in results:
        speed = float(r["megapixels_per_second"])
        lines.append(f"| {r['what']} | {speed:,.{0 if speed > 1000 else 1}f} | {r['spread']:.0%} |")
    return lines


if __name__ == "__main__":
    measured = measure()
    write("reference", measured)
    into_readme("reference", table(measured))
