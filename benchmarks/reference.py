"""Question: how fast is the torch reference, and how far from the speed of copying memory?"""

import torch
from record import into_readme, write
from torch.utils.benchmark import Timer

from camnoise import presets

SIDE = 2048


def main() -> None:
    images = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    chains = {
        "sony_a7s2, ISO 6400": presets.load("sony_a7s2", iso=6400),
        "nikon_d850, ISO 6400": presets.load("nikon_d850", iso=6400, black=400, white=15583),
    }
    rows = {
        "copy of memory": images.clone,
        **{name: lambda chain=chain: chain(images, [1]) for name, chain in chains.items()},
    }
    results = []
    for name, run in rows.items():
        timer = Timer("run()", globals={"run": run}, num_threads=torch.get_num_threads())
        measured = timer.blocked_autorange(min_run_time=3)
        results.append(
            {
                "what": name,
                "megapixels_per_second": images.numel() / measured.median / 1e6,
                "iqr_of_median": measured.iqr / measured.median,
            }
        )
    write("reference", results)
    table = ["| one 4.2-megapixel float32 image | Mpx/s | spread (IQR) |", "|---|--:|--:|"]
    table += [f"| {r['what']} | {r['megapixels_per_second']:.3g} | {r['iqr_of_median']:.0%} |" for r in results]
    into_readme("reference", table)


if __name__ == "__main__":
    main()
