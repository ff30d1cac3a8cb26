"""Draws the README's picture: a photograph, two exposures of it, their difference, and the read noise's law."""

import math

import numpy as np
import torch
from drawing import INK, LAW, NORMAL, PAPER, Plot, font
from PIL import Image, ImageDraw
from record import HERE
from scipy import stats
from skimage import data

from camnoise import presets
from camnoise.domains import place
from camnoise.look import Look, sheet

ISO, PANEL = 25600, 320


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
    draw, name = ImageDraw.Draw(picture), font(14)
    plot = Plot(draw, 0, 22, PANEL, PANEL, (-reach, reach), (floor, law.pdf(0) * 1.5))
    plot.bars(edges, share)
    grid = np.linspace(-reach, reach, 300)
    plot.curve(grid, normal.pdf(grid), NORMAL)
    plot.curve(grid, law.pdf(grid), LAW)
    draw.text((0, 2), "dark pixels, log density: ", fill=INK, font=name)
    draw.text((165, 2), "stated law", fill=LAW, font=name)
    draw.text((240, 2), "normal", fill=NORMAL, font=name)
    return picture


if __name__ == "__main__":
    main()
