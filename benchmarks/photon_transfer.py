"""Question: does each camera, measured as a laboratory would measure it, give the numbers it states?

Flat fields at several levels, two exposures each; the temporal variance is half that of their
difference, so that fixed patterns cancel. Gain is the slope of variance against mean, read
variance the intercept; row noise comes from the row means of dark frames. The means are of 4 frames, so one
standard error is about 0.1 % of K and 1 % of sigma_row.
"""

import numpy as np
import torch
from record import into_readme, write

from camnoise import presets

CAMERAS = (
    ("sony_a7s2", 100, {}),
    ("sony_a7s2", 1600, {}),
    ("sony_a7s2", 2000, {}),
    ("sony_a7s2", 12800, {}),
    ("nikon_d850", 100, {"black": 400.0, "white": 15583.0}),
    ("nikon_d850", 6400, {"black": 400.0, "white": 15583.0}),
)
LEVELS = (0.0, 0.05, 0.1, 0.2, 0.4)
SHAPE = (4, 1, 1024, 1024)


def measure(name: str, iso: int, levels: dict[str, float], seed: int) -> dict[str, float | str]:
    chain = presets.load(name, iso=iso, **levels).raw
    assert chain is not None
    ids = list(range(SHAPE[0]))
    points, rows = [], 0.0
    for level in LEVELS:
        views = chain.views(torch.full(SHAPE, level), ids, scheme="n2n", seed=seed)
        a, b = (view.double().numpy() for view in views.views)
        difference = a - b
        points.append((a.mean(), difference.var() / 2))
        if level == 0.0:
            across = difference.mean(axis=3).var() / 2 - difference.var() / 2 / SHAPE[3]
            rows = float(np.sqrt(across * SHAPE[3] / (SHAPE[3] - 1)))
            drawn = views.parameters[0].sample(0)
    mean, variance = np.array(points).T
    mean = mean - mean[0]  # of the dark frame: black level and color bias
    # Weighted by 1 / variance: the error of a variance is proportional to it.
    slope, intercept = np.polyfit(mean, variance, 1, w=1 / variance)
    dark = drawn["sigma_read"] ** 2 + drawn["sigma_row"] ** 2 + drawn["sigma_col"] ** 2 + drawn["step"] ** 2 / 12
    return {
        "camera": name,
        "iso": iso,
        "K_stated": drawn["K"],
        "K_measured": float(slope),
        "dark_variance_stated": float(dark),
        "dark_variance_measured": float(intercept),
        "sigma_row_stated": drawn["sigma_row"],
        "sigma_row_measured": rows,
    }


def table(results: list[dict[str, float | str]]) -> list[str]:
    """The README's lines."""
    lines = [
        "| camera | ISO | K stated | measured | dark variance stated, DN² | measured | σ_row stated, DN | measured |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for r in results:
        pairs = [
            f"{r[f'{what}_{how}']:.4g}"
            for what in ("K", "dark_variance", "sigma_row")
            for how in ("stated", "measured")
        ]
        lines.append(f"| `{r['camera']}` | {r['iso']} | {' | '.join(pairs)} |")
    return lines


if __name__ == "__main__":
    measured = [measure(*camera, seed) for seed, camera in enumerate(CAMERAS)]
    write("photon_transfer", measured)
    into_readme("photon_transfer", table(measured))
