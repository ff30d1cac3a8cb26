"""Draws the README's picture: a photograph, two exposures of it, their difference, and the read noise's law."""

import math

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from record import HERE
from scipy import stats
from skimage import data

from camnoise import presets
from camnoise.domains import place
from camnoise.look import Look, sheet

ISO, PANEL = 25600, 320
PAPER, INK, BARS, LAW, NORMAL = (24, 24, 24), (225, 225, 225), (110, 110, 110), (255, 200, 0), (90, 160, 255)


def main() -> None:
    camera = presets.load("sony_a7s2", iso=ISO)
    photograph = torch.from_numpy(data.coffee()).permute(2, 0, 1)[None] / 255
    views = place(camera, "raw").views(photograph, ["sample/coffee"], scheme="n2n", seed=7)
    title = f"Sony A7S II at ISO {ISO}, seed 7"
    row = sheet([Look(title, views.clean[0], views.views[:, 0], camera.cfa)], PANEL)
    paper = Image.new("RGB", (row.width + PANEL + 8, row.height), PAPER)
    paper.paste(row, (0, 0))
    paper.paste(histogram(camera), (row.width, 22))
    paper.save(HERE / "results" / "opening.png", optimize=True)


def histogram(camera) -> Image.Image:
    """Densities of dark pixels, on a logarithmic axis: drawn, stated, and a normal of the same deviation."""
    assert camera.raw is not None
    dark = camera.raw(torch.zeros(1, 1, 2048, 2048), [1], seed=7).double().numpy().ravel()
    drawn = camera.draw([1], seed=7).sample(0)
    x = dark - drawn["black"]
    # The read noise alone carries the tail; row noise and rounding widen it a little.
    total = math.hypot(drawn["sigma_read"], drawn["sigma_row"])
    widen = total / drawn["sigma_read"] * drawn["scale_read"]
    reach, floor = 7.5 * total, 1e-7
    edges = np.linspace(-reach, reach, 61).round() + 0.5
    edges = np.unique(edges)
    share = np.histogram(x, edges)[0] / x.size / np.diff(edges)
    law = stats.tukeylambda(drawn["lam"], scale=widen)
    normal = stats.norm(scale=total)

    picture = Image.new("RGB", (PANEL, PANEL + 22), PAPER)
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=14)
    top = law.pdf(0) * 1.5

    def place_at(value: float, density: float) -> tuple[float, float]:
        height = math.log(max(density, floor) / floor) / math.log(top / floor)
        return (value / reach + 1) / 2 * PANEL, 22 + PANEL * (1 - height)

    for left, right, density in zip(edges, edges[1:], share, strict=False):
        (x0, y), (x1, base) = place_at(left, density), place_at(right, 0)
        draw.rectangle((x0, y, x1 - 1, base), fill=BARS)
    grid = np.linspace(-reach, reach, 300)
    for color, density in ((NORMAL, normal.pdf(grid)), (LAW, law.pdf(grid))):
        draw.line([place_at(v, d) for v, d in zip(grid, density, strict=True)], fill=color, width=2)
    draw.text((0, 2), "dark pixels, log density: ", fill=INK, font=font)
    draw.text((165, 2), "stated law", fill=LAW, font=font)
    draw.text((240, 2), "normal", fill=NORMAL, font=font)
    return picture


if __name__ == "__main__":
    main()
