"""Question: how fast is demosaicing on the CPU, ours and that of colour-demosaicing, kornia and OpenCV?

One linear RGGB mosaic of photographs. Outputs are compared first: whoever claims a method of ours has to give its
planes, from the method's radius inwards; OpenCV's in steps of 1/65535. Competitors take turns in every round, and
ratios are taken within rounds. `--quick` tries everything on a small image in some seconds and keeps no numbers.
"""

import argparse
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from agreement import Failed, recorded
from peers import _import_torchvision as import_torchvision
from record import HERE, into_readme, machine, write
from rounds import Effort, Run, race, summary
from scenes import photographs
from torch import Tensor

from camnoise.demosaic import METHODS, RADIUS, Method, demosaic

Results = dict[str, Any]
Planes = Callable[[Any], Tensor]

OURS = "camnoise, malvar2004"
STEPS = 65_535  # of 16 bits
PACKAGES = ("colour-demosaicing", "kornia", "opencv-python-headless")
FULL, QUICK = Effort(20, 5, 25), Effort(0, 2, 2)
EDGE = 8  # pixels at the borders, where everyone has a rule of their own
# Of planes up to 1: float32 sums of a dozen terms, and what OpenCV rounds away.
ROUNDING, OPENCV_ROUNDING = 1e-6, 1.01 / STEPS


def by_ours(method: Method) -> Callable[[Tensor], tuple[Run, Planes]]:
    def made(mosaic: Tensor) -> tuple[Run, Planes]:
        return lambda: demosaic(mosaic, "RGGB", method), lambda planes: planes[0]

    return made


def by_colour(name: str) -> Callable[[Tensor], tuple[Run, Planes]]:
    """float64, as it converts everything to."""

    def made(mosaic: Tensor) -> tuple[Run, Planes]:
        with np.printoptions(), warnings.catch_warnings():  # its import changes how NumPy prints
            warnings.simplefilter("ignore")  # of optional dependencies
            import colour_demosaicing

        function = getattr(colour_demosaicing, f"demosaicing_CFA_Bayer_{name}")
        array = mosaic[0, 0].double().numpy()
        return lambda: function(array, "RGGB"), lambda planes: torch.from_numpy(planes).permute(2, 0, 1)

    return made


def by_kornia(mosaic: Tensor) -> tuple[Run, Planes]:
    import_torchvision()
    from kornia.color import CFA, raw_to_rgb

    # Named after the 2x2 at (1, 1), as OpenCV's codes are: BG is RGGB.
    return lambda: raw_to_rgb(mosaic, CFA.BG), lambda planes: planes[0]


def by_opencv(code: str) -> Callable[[Tensor], tuple[Run, Planes]]:
    """uint16, because it takes no floating values."""

    def made(mosaic: Tensor) -> tuple[Run, Planes]:
        import cv2

        cv2.setNumThreads(torch.get_num_threads())
        array = (mosaic[0, 0].numpy() * STEPS + 0.5).astype(np.uint16)
        number = getattr(cv2, code)
        return (
            lambda: cv2.demosaicing(array, number),
            lambda planes: torch.from_numpy(planes.astype(np.float64) / STEPS).permute(2, 0, 1),
        )

    return made


# name: how it is made, the method of ours that it has to equal, and how far it may be off
RIVALS: dict[str, tuple[Callable[[Tensor], tuple[Run, Planes]], Method | None, float]] = {
    **{f"camnoise, {method}": (by_ours(method), None, 0.0) for method in METHODS},
    "colour-demosaicing, bilinear": (by_colour("bilinear"), "bilinear", ROUNDING),
    "colour-demosaicing, Malvar 2004": (by_colour("Malvar2004"), "malvar2004", ROUNDING),
    "colour-demosaicing, Menon 2007": (by_colour("Menon2007"), "menon2007", 0.0),
    "kornia, bilinear": (by_kornia, "bilinear", ROUNDING),
    "OpenCV, bilinear, uint16": (by_opencv("COLOR_BayerRGGB2RGB"), "bilinear", OPENCV_ROUNDING),
    "OpenCV, edge-aware, uint16": (by_opencv("COLOR_BayerRGGB2RGB_EA"), None, 0.0),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small image, two rounds, no number kept")
    quick = parser.parse_args().quick
    folder = Path(tempfile.mkdtemp(prefix="camnoise-")) if quick else HERE / "results"
    results = measure(256, QUICK) if quick else measure(2048, FULL)
    write("demosaic", results, PACKAGES, folder)
    if not quick:
        into_readme("demosaic", table(results))
    print("\n".join(table(results)))
    print(f"wrote {'a trial to ' if quick else ''}{folder if quick else folder.name}")


def measure(side: int, effort: Effort) -> Results:
    """Everyone on one mosaic; outputs are compared first."""
    load, failed = os.getloadavg()[0], Failed()
    if load > 0.5:
        print(f"the machine is busy (load {load:.1f}): these will not be its speeds", file=sys.stderr)
    mosaic, _ = photographs()
    # To steps of 16 bits, so that everyone is given the same values.
    mosaic = torch.floor(mosaic[:, :, :side, :side] * STEPS + 0.5) / torch.tensor(float(STEPS))
    runs: dict[str, Run] = {"copy of memory": mosaic.expand(-1, 3, -1, -1).contiguous().clone}
    compared: dict[str, dict[str, float]] = {}
    for name, (make, same_as, limit) in RIVALS.items():
        with recorded(name, failed):
            run, planes = make(mosaic)
            compared[name] = compare(planes(run()), mosaic, same_as, limit)
            runs[name] = run
    if OURS in failed:
        sys.exit(failed[OURS])
    return {
        "load_before": load,
        "megapixels": side**2 / 1e6,
        "compared": compared,
        "speed": summary(race(runs, effort), side**2, OURS),
        "machine": f"{machine()['processor']}, {machine()['threads']} threads, torch {torch.__version__}",
        "failed": failed,
    }


def compare(planes: Tensor, mosaic: Tensor, same_as: Method | None, limit: float) -> dict[str, float]:
    """The largest distance from our planes of the method it claims, and from the mean of ours bilinear.

    Raises:
        AssertionError: too far: it is not what its name says.
    """
    inner = (..., slice(EDGE, -EDGE), slice(EDGE, -EDGE))
    method: Method = same_as or "bilinear"
    assert RADIUS[method] <= EDGE or method == "menon2007"
    # Menon's decides by its input's last bit, so it is given to both in float64.
    given = mosaic.double() if method == "menon2007" else mosaic
    gap = (planes.double() - demosaic(given, "RGGB", method)[0].double())[inner].abs()
    if same_as is not None:
        assert gap.max() <= limit, f"differs from {same_as} by {gap.max():.2g}, wanted at most {limit:.2g}"
        return {"largest_distance": float(gap.max())}
    # Another method: the same picture, or the filters are not those that it was told.
    assert gap.mean() < 0.02, f"differs from bilinear by {gap.mean():.2g} on average"
    return {"mean_distance_from_bilinear": float(gap.mean())}


def table(results: Results) -> list[str]:
    """The README's lines."""
    lines = [
        f"| {results['megapixels']:.2g}-megapixel RGGB mosaic | Mpx/s (spread) | ours, Malvar, over it |",
        "|---|--:|--:|",
    ]
    for name in ("copy of memory", *RIVALS):
        if name in results["failed"]:
            lines.append(f"| {name} | – | {results['failed'][name]} |")
        else:
            lines.append(row(name, results["speed"][name]))
    lines += ["", f"{results['machine']}; load before: {results['load_before']:.1f}."]
    lines.append(
        "colour-demosaicing works in float64 and on one thread, OpenCV on whole numbers of 16 bits. The copy is of the "
        "three planes."
    )
    return lines


def row(name: str, speed: Mapping[str, Any]) -> str:
    ratio = speed["ours_is_faster"]
    over = "1" if name == OURS else f"{ratio['median']:.2g} ({ratio['low']:.2g} to {ratio['high']:.2g})"
    return f"| {name} | {speed['megapixels_per_second']:.3g} ({speed['spread']:.0%}) | {over} |"


if __name__ == "__main__":
    main()
