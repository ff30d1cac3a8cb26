"""Draws the speeds of `noise.py`: against the size of the image, and everyone's on one image."""

from pathlib import Path
from typing import Any

from drawing import DIM, FAINT, INK, LAW, NORMAL, PAPER, PLOT, Color

KNOWN = {
    "copy of memory": INK,
    "copy of memory, newly allocated": DIM,
    "camnoise, one pass": LAW,
    "camnoise, torch reference": (170, 130, 40),
    "NumPy and SciPy, as low-light papers do": (120, 200, 120),
    "the same in eager torch": NORMAL,
}
ONLY = {  # what those make that make less than a sensor's chain
    "deepinv `PoissonGaussianNoise`": "\n(shot and normal noise only)",
    "kornia `RandomGaussianNoise`": "\n(normal noise only)",
    "albumentations `ShotNoise`": "\n(shot noise only)",
    "albumentations `ISONoise`": "\n(no electrons; values of 3 colors)",
}
OTHER: Color = (110, 130, 150)


def draw(results: dict[str, Any], path: Path) -> None:
    """The picture of the README, twice as large as it is shown there."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.2), dpi=200, facecolor=_hex(PAPER), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.1))
    _sizes(left, results)
    _dots(right, results)
    handles, names = left.get_legend_handles_labels()
    figure.legend(
        *(handles, names),
        **{"loc": "outside lower left", "ncols": 3, "fontsize": 8, "labelcolor": _hex(INK)},
        **{"facecolor": _hex(PAPER), "edgecolor": _hex(PAPER)},
    )
    for axes in (left, right):
        axes.set_facecolor(_hex(PLOT))
        axes.tick_params(colors=_hex(DIM), labelsize=9)
        axes.title.set_color(_hex(INK))
        for spine in axes.spines.values():
            spine.set_color(_hex(FAINT))
    figure.savefig(path)


def _sizes(axes: Any, results: dict[str, Any]) -> None:
    from matplotlib.ticker import NullFormatter

    sizes = [one["megapixels"] for one in results["sizes"]]
    for name in results["sizes"][0]["speed"]:
        speeds = [one["speed"][name]["megapixels_per_second"] for one in results["sizes"]]
        axes.plot(sizes, speeds, color=_color(name), marker="o", markersize=4, linewidth=2, label=_short(name))
    axes.set(xscale="log", yscale="log")
    axes.grid(color=_hex(FAINT), linewidth=0.6)
    axes.set_xlabel("megapixels of the image", color=_hex(DIM), fontsize=9)
    axes.set_title("Mpx/s on photographs, 100 e⁻ a pixel", fontsize=10)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _dots(axes: Any, results: dict[str, Any]) -> None:
    """Everyone that was measured, full at 100 and hollow at 2 electrons."""
    bright, dim = list(results["scenes"].values())[1:]
    names = [name for name in bright if not any(word in name for word in ("words", "validate", "newly"))]
    for place, name in enumerate(reversed(names)):
        for scene, face in ((dim, _hex(PLOT)), (bright, _color(name))):
            if name in scene:
                speed = scene[name]["megapixels_per_second"]
                axes.plot(speed, place, "o", color=_color(name), markerfacecolor=face, markersize=7)
        speed = max(scene[name]["megapixels_per_second"] for scene in (bright, dim) if name in scene)
        said = f"{bright[name]['megapixels_per_second']:,.0f}" if name in bright else ""
        axes.text(speed * 1.35, place, said, color=_hex(INK), fontsize=8, va="center")
    axes.set(xscale="log", xlim=(5, 100_000), ylim=(-0.6, len(names) - 0.4), yticks=range(len(names)))
    axes.set_yticklabels([_short(name) + ONLY.get(name, "") for name in reversed(names)], color=_hex(INK), fontsize=8)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(color=_hex(FAINT), linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_xlabel(results["machine"].partition(", torch")[0], color=_hex(DIM), fontsize=9)
    axes.set_title(f"Mpx/s, {results['megapixels']:.2g} Mpx photographs: ● 100 e⁻, ○ 2 e⁻", fontsize=10)


def _color(name: str) -> str:
    return _hex(KNOWN.get(name, OTHER))


def _short(name: str) -> str:
    return name.replace("`", "").removesuffix(", as low-light papers do").replace("the same in eager", "eager")


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
