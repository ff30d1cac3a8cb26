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
OTHER: Color = (110, 130, 150)


def draw(results: dict[str, Any], path: Path) -> None:
    """The picture of the README, twice as large as it is shown there."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.6, 4.2), dpi=200, facecolor=_hex(PAPER), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    _sizes(left, results)
    _bars(right, results)
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
    axes.set_ylim(top=axes.get_ylim()[1] * 150)  # room for the names
    axes.legend(fontsize=8, loc="upper right", facecolor=_hex(PLOT), edgecolor=_hex(FAINT), labelcolor=_hex(INK))
    axes.grid(color=_hex(FAINT), linewidth=0.6)
    axes.set_xlabel("megapixels of the image", color=_hex(DIM), fontsize=9)
    axes.set_title("Mpx/s, photographs, 100 electrons", fontsize=10)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")


def _bars(axes: Any, results: dict[str, Any]) -> None:
    """Everyone that was measured, at 100 and, paler, at 2 electrons."""
    bright, dim = list(results["scenes"].values())[1:]
    names = [name for name in bright if "words" not in name and "validate" not in name]
    for place, name in enumerate(reversed(names)):
        for shift, scene, strength in ((0.2, bright, 1.0), (-0.2, dim, 0.55)):
            if name in scene:
                speed = scene[name]["megapixels_per_second"]
                axes.barh(place + shift, speed, 0.36, color=_color(name), alpha=strength)
                axes.text(speed * 1.1, place + shift, f"{speed:,.0f}", color=_hex(INK), fontsize=8, va="center")
    most = max(scene[name]["megapixels_per_second"] for scene in (bright, dim) for name in names)
    axes.set(xscale="log", xlim=(2, most * 6), yticks=range(len(names)))
    axes.set_yticklabels([_short(name) for name in reversed(names)], color=_hex(INK), fontsize=9)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.grid(color=_hex(FAINT), linewidth=0.6, axis="x")
    axes.set_axisbelow(True)
    axes.set_title("Mpx/s, photographs: 100 electrons, paler 2", fontsize=10)


def _color(name: str) -> str:
    return _hex(KNOWN.get(name, OTHER))


def _short(name: str) -> str:
    return name.replace("`", "").removesuffix(", as low-light papers do").replace("the same in eager", "eager")


def _hex(color: Color) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)
