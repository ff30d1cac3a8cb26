"""Draws one page of every noise: on a flat field, on a photograph, its histogram and spectra, against what is stated.

Measured are two exposures of a flat field by each of eight bodies. A spectrum is that of the means of rows (or of
columns), over what independent pixels of the same deviation would have: 1 is white. Levels are chosen to be seen.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import hypot, inf, sqrt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import drawing
import numpy as np
import torch
from drawing import DIM, INK, LAW, NORMAL, PAPER, Array, font
from PIL import Image, ImageDraw
from record import HERE, write
from scipy import stats
from skimage import data

import camnoise as cn
from camnoise.camera import Camera
from camnoise.flat import Flat, Spread
from camnoise.look import drawn_text
from camnoise.testing.flat_fields import SITES, expected
from camnoise.units import Unit

SEED, ID, SIDE, EXPOSURES = 7, "page", 512, 16  # of which `thesis` draws all three of its noises
WITHOUT_NOISE = {cn.Linearize, cn.Mosaic, cn.Expose, cn.FullWell, cn.Gain, cn.Normalize, cn.Demosaic}
WITHOUT_NOISE |= {cn.Unprocess, cn.Develop}
EXPOSE = cn.Expose(black=512, white=16383, ratio=64)  # white is 248 DN, and as many electrons at K = 1
CROP = (slice(150, 252), slice(330, 432))  # of the coffee: enamel, glaze, shadow and steel

PANEL, GAP, HEAD, FOOT, TOP = 204, 8, 38, 16, 60  # pixels
HEIGHT, WIDTH = HEAD + PANEL + FOOT + GAP, 5 * (PANEL + GAP) + 3 * GAP
HEADINGS = (
    ("flat field, 3:1", [("mean +- 3 deviations", DIM)]),
    ("photograph, 2:1", [("a sensor's is demosaiced", DIM)]),
    ("shares of values, log", [("measured", DIM), ("stated", LAW), ("normal", NORMAL)]),
    ("power of row means", [("measured", INK), ("stated", LAW), ("1 is white", DIM)]),
    ("power of column means", [("measured", INK), ("stated", LAW), ("1 is white", DIM)]),
)

Drawn = dict[str, float]
Cdf = Callable[[Array], Array]
Law = Callable[[Drawn], Cdf]


@dataclass(frozen=True)
class Row:
    """One noise.

    Attributes:
        stages: whose noise it is; the last one names the row, unless there is a title.
        camera: takes flat fields of that level.
        photo: takes the encoded photograph.
        law: of noisy minus clean; None is what the stage's `noise` says, else a normal of the stated moments.
        grid: the distance of its values, 0 for a continuous law.
        reach: how many deviations of it are drawn.
        flat: what is stated of noisy minus clean, where no stage's `expect` says it.
    """

    stages: tuple[cn.Stage, ...]
    camera: Camera
    photo: Camera
    level: float
    law: Law | None = None
    grid: float = 0.0
    reach: float = 12.0
    flat: Flat | None = None
    title: str = ""


def sensor(*stages: cn.Stage, level: float = 50.0, **more: Any) -> Row:
    """Noises of a sensor: flat in their own unit; on the photograph between light and raw numbers."""
    charge = [stage for stage in stages if Unit.ELECTRON in stage.takes]
    numbers = [stage for stage in stages if stage not in charge]
    chain = cn.Pipeline([EXPOSE, *charge, cn.Gain(K=1), *numbers, cn.Normalize()], cfa="RGGB")
    alone = chain.raw or cn.Pipeline(stages, cfa="RGGB")
    return Row(stages, alone, cn.place(chain, "raw", demosaic="bilinear"), level, **more)


def plain(*stages: cn.Stage, level: float = 0.5, **more: Any) -> Row:
    """Noises of the literature, on encoded values."""
    camera = cn.Pipeline(stages)
    return Row(stages, camera, camera, level, **more)


def atoms(shares: dict[float, float]) -> Law:
    """These values only."""
    return lambda drawn: lambda x: sum(share * (value <= x) for value, share in shares.items())


def rounded(sigma: float, step: float) -> Law:
    """A normal about a whole number of steps, rounded to steps."""
    return lambda drawn: lambda x: stats.norm.cdf((np.floor(x / step) + 0.5) * step, scale=sigma)


def clipped(level: float, sigma: float) -> tuple[Law, Flat]:
    """A normal about a level that is cut off at 0, far from 1; and its moments."""
    share, density = stats.norm.cdf(level / sigma), stats.norm.pdf(level / sigma)
    mean, square = level * share + sigma * density, (level**2 + sigma**2) * share + level * sigma * density
    flat = Flat(mean - level, Spread(square - mean**2))
    return lambda drawn: lambda x: np.where(x < -level, 0, stats.norm.cdf(x, scale=sigma)), flat


def dark_current(drawn: Drawn) -> Cdf:
    s = drawn["dark_exponent"]
    return stats.lognorm(s, scale=drawn["dark_current"] * drawn["dark_time"] * np.exp(-s * s / 2)).cdf


def hot_pixels(drawn: Drawn) -> Cdf:
    share, mean = drawn["hot_fraction"], drawn["hot_current"] * drawn["dark_time"]
    return lambda x: (1 - share) * (x >= 0) + share * stats.expon.cdf(x, scale=mean)


def wave(drawn: Drawn) -> Cdf:
    return stats.arcsine(-drawn["amplitude"], 2 * drawn["amplitude"]).cdf


def whole_camera(level: float, **setting: float) -> Row:
    """Counts of electrons, each with read noise that row noise and rounding widen a little."""
    camera = cn.presets.load("sony_a7s2", **setting)
    title = f"presets.load('sony_a7s2', {', '.join(f'{name}={value}' for name, value in setting.items())})"

    def law(drawn: Drawn) -> Cdf:
        rate, count = level * drawn["electrons_at_white"], np.arange(200)
        widen = hypot(drawn["sigma_read"], drawn["sigma_row"], drawn["step"] / sqrt(12)) / drawn["sigma_read"]
        read = stats.tukeylambda(drawn["lam"], scale=drawn["scale_read"] * widen)
        white = drawn["electrons_at_white"] * drawn["K"]
        return lambda x: read.cdf((x[:, None] + level) * white - drawn["K"] * count) @ stats.poisson.pmf(count, rate)

    return Row((), camera, cn.place(camera, "raw", demosaic="bilinear"), level, law, title=title)


def dark_frames(folder: Path) -> Row:
    """A bank of eight dark frames of a simulated camera: the law is that of the bank, the moments the camera's."""
    camera = cn.presets.load("sony_a7s2", iso=25600).raw
    assert camera is not None
    frames = camera(torch.zeros(8, 1, SIDE, SIDE), list(range(8)), seed=SEED, dtype=torch.uint16)[:, 0].numpy()
    np.save(folder / "dark.npy", frames)
    levels, counts = np.unique(frames, return_counts=True)
    edges, shares = np.append(levels[0] - 0.5, levels + 0.5) - 512, np.append(0, counts.cumsum() / counts.sum())
    flat = expected(camera, 0.0, camera.draw([0]).sample(0), None).shifted(-512.0).noisier("pixel", -1 / 12)
    stage = cn.DarkFrames.of(folder / "dark.npy", black=512, cfa="RGGB")
    return sensor(stage, law=lambda drawn: lambda x: np.interp(x, edges, shares), flat=flat)


def thesis() -> Row:
    camera = cn.thesis()
    drawn = camera.draw([ID], seed=SEED).sample(0)
    choice = camera.pipelines[int(drawn["mixture"])].name
    return Row((), camera, camera, 0.5, title=f"thesis(), which drew {choice}: {drawn_text(drawn)}")


def every_row(folder: Path) -> list[Row]:
    unlit, cut, cut_moments = cn.DarkCurrent(current=0, seconds=10), *clipped(0.1, 0.1)
    gaussian, faint = cn.AdditiveGaussian(sigma=0.1), cn.AdditiveGaussian(sigma=0.008)
    return [
        sensor(cn.Shot(), grid=1, law=lambda drawn: stats.poisson(50, loc=-50).cdf),
        sensor(cn.PRNU(sigma=0.1)),
        sensor(cn.DarkCurrent(current=2, seconds=10, spread=0.5), law=dark_current),
        sensor(unlit, cn.HotPixels(fraction=0.01, current=20), law=hot_pixels, reach=inf),
        sensor(cn.PreampRead(sigma=8)),
        sensor(cn.GaussianRead(sigma=8)),
        sensor(cn.TukeyLambdaRead(sigma=8, lam=-0.2)),
        sensor(cn.StudentTRead(sigma=8, nu=5)),
        sensor(cn.DSNU(sigma=8)),
        sensor(cn.ColorBias(R=12, G1=-6, G2=3, B=-9), grid=1, law=atoms(dict.fromkeys((12, -6, 3, -9), 0.25))),
        sensor(cn.Banding(sigma_row=8)),
        sensor(cn.Banding(sigma_row=8, octaves=8)),
        sensor(cn.Banding(sigma_col=8)),
        sensor(cn.PeriodicBanding(sigma=8, period=20.48), law=wave),  # 25 waves a frame
        sensor(cn.PeriodicBanding(sigma=8, period=12.8, axis="columns"), law=wave),  # 40
        dark_frames(folder),
        sensor(cn.GaussianRead(sigma=12), cn.Quantize(bits=14, step=16), level=0.0, grid=16, law=rounded(12, 16)),
        whole_camera(0.18, iso=25600, ratio=4),
        plain(cn.Heteroscedastic(lambda_shot=0.02, lambda_read=0.002)),
        plain(cn.LevelNoise(sigma=0.1, shot_share=0.8)),
        plain(gaussian),
        plain(cn.AdditiveUniform(sigma=0.1)),
        plain(cn.ScaledPoisson(peak=30), grid=1 / 30, law=lambda drawn: lambda x: stats.poisson.cdf(x * 30 + 15, 15)),
        plain(cn.Speckle(variance=0.1), law=lambda drawn: stats.uniform(-sqrt(0.3) / 2, sqrt(0.3)).cdf),
        plain(cn.Impulse(fraction=0.1), law=atoms({-0.5: 0.1, 0: 0.9})),
        plain(cn.Impulse(fraction=0.1, salt=0.5), law=atoms({-0.5: 0.05, 0: 0.9, 0.5: 0.05})),
        plain(cn.Stripes(sigma_row=0.05, sigma_col=0.05)),
        plain(gaussian, cn.Clip(), level=0.1, law=cut, flat=cut_moments),
        plain(faint, cn.EightBits(), level=128 / 255, grid=1 / 255, law=rounded(0.008, 1 / 255)),
        thesis(),
    ]


def check_coverage(rows: list[Row]) -> None:
    """Every stage of the library is on the page, or known to make no noise."""

    def below(kind: type[cn.Stage]) -> Iterator[type[cn.Stage]]:
        for sub in kind.__subclasses__():
            yield sub
            yield from below(sub)

    library = {s for s in below(cn.Stage) if s.__module__.startswith("camnoise.") and "kind" in s.__annotations__}
    missing = library - WITHOUT_NOISE - {type(stage) for row in rows for stage in row.stages}
    assert not missing, f"the page lacks {', '.join(sorted(kind.__name__ for kind in missing))}"


@dataclass(frozen=True)
class Stated:
    """What the stages say of noisy minus clean.

    Attributes:
        mean, deviation: over pixels, exposures and bodies.
        law: distribution.
        spectra: of the means of rows and of columns, at 1, 2, ... cycles a frame; 1 is white.
    """

    mean: float
    deviation: float
    law: Cdf
    spectra: tuple[Array, Array]


def stated(row: Row, clean: float, drawn: Drawn) -> Stated:
    chain = row.camera.pipelines[int(drawn["mixture"])] if isinstance(row.camera, cn.Mixture) else row.camera
    flats = [row.flat or expected(chain, row.level, drawn, site).shifted(-clean) for site in SITES]
    flat, tile = flats[0], np.array([flat.mean for flat in flats]).reshape(2, 2)  # color bias differs over the tile
    mean, deviation = float(tile.mean()), hypot(sqrt(flat.variance), tile.std())
    own = row.stages[0].noise(drawn) if len(row.stages) == 1 else None
    law = row.law(drawn) if row.law else (own or stats.norm(mean, deviation)).cdf

    def spectrum(variance: float, covariance: tuple[float, ...], pair: Array) -> Array:
        """The expected periodogram of lines of that variance, covariance 1, 2, ... lines apart, and alternation."""
        lags, cycles = np.arange(1, SIDE), np.arange(1, SIDE // 2 + 1)
        held = np.pad(covariance[: SIDE - 1], (0, max(0, SIDE - 1 - len(covariance)))) * (1 - lags / SIDE)
        power = variance + 2 * np.cos(2 * np.pi / SIDE * np.outer(cycles, lags)) @ held
        power[-1] += SIDE * pair.std() ** 2
        return power * SIDE / deviation**2

    white = (flat.pixel.variance + flat.fixed.variance) / SIDE
    rows = spectrum(white + flat.row.variance, flat.row_covariance, tile.mean(1))
    columns = flat.column.variance + flat.fixed_column.variance
    return Stated(mean, deviation, law, (rows, spectrum(white + columns, flat.column_covariance, tile.mean(0))))


def share(spectrum: Array) -> float:
    """Of the variance, that of the means of lines about the mean of the frame."""
    return float(2 * spectrum.sum() - spectrum[-1]) / SIDE**2


def draw_row(row: Row, photograph: torch.Tensor) -> tuple[Image.Image, dict[str, Any]]:
    """Measures a noise: its strip of the page, and the numbers."""
    field = torch.full((1, 1, SIDE, SIDE), row.level)
    clean = row.camera.clean(field, [ID], seed=SEED).double()
    noisy = [row.camera(field, [ID], seed=SEED, view=1 + n, body=f"body {n // 2}") for n in range(EXPOSURES)]
    noise = (torch.cat(noisy).double() - clean)[:, 0].numpy()
    drawn = row.camera.parameters(field, [ID], scheme="n2c", seed=SEED)[0].sample(0)
    said = stated(row, clean.mean().item(), drawn)

    picture = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    draw, corners = ImageDraw.Draw(picture), [(GAP + number * (PANEL + GAP), HEAD) for number in range(5)]
    crop = noise[0, : PANEL // 3, : PANEL // 3]
    picture.paste(drawing.squares(drawing.stretched(crop, noise[0].mean(), 3 * noise.std()), 3), corners[0])
    photo = row.photo(photograph, [ID], seed=SEED, body="body 0")[0].permute(1, 2, 0).numpy()
    photo = drawing.encoded(photo) if row.photo.gives is Unit.LINEAR else photo
    picture.paste(drawing.squares((photo.clip(0, 1) * 255).round().astype(np.uint8), 2), corners[1])

    low, high = said.mean - row.reach * said.deviation, said.mean + row.reach * said.deviation
    edges = drawing.bins(max(noise.min(), low), min(noise.max(), high), row.grid)
    shares, law = np.histogram(noise, edges)[0] / noise.size, said.law(edges)
    width = max(edges[1] - edges[0], row.grid)
    normal = stats.norm.pdf((edges[:-1] + edges[1:]) / 2, said.mean, said.deviation) * width
    drawing.draw_histogram(draw, corners[2], PANEL, edges, shares, normal, np.diff(law))
    spectra = [(abs(np.fft.rfft(noise.mean(axis))) ** 2).mean(0)[1:] / noise.var() for axis in (2, 1)]
    for corner, power, line in zip(corners[3:], spectra, said.spectra, strict=True):
        drawing.draw_spectrum(draw, corner, PANEL, power, line)

    first, second = noise.reshape(EXPOSURES // 2, 2, -1).swapaxes(0, 1).reshape(2, -1)
    unit = row.camera.gives
    numbers = {
        "mean_stated": said.mean,
        "mean_measured": noise.mean(),
        "deviation_stated": said.deviation,
        "deviation_measured": noise.std(),
        "gap_to_law": abs(np.cumsum(shares) + (noise < edges[0]).mean() - law[1:]).max(),
        "row_share_stated": share(said.spectra[0]),
        "row_share_measured": share(spectra[0]),
        "column_share_stated": share(said.spectra[1]),
        "column_share_measured": share(spectra[1]),
        "correlation_of_two_exposures": np.corrcoef(first, second)[0, 1],
    }
    results = {
        "noise": row.title or " after ".join(re.sub("[0-9a-f]{60}", "..", repr(stage)) for stage in row.stages[::-1]),
        "unit": "white = 1" if unit in (Unit.LINEAR, Unit.ENCODED) else str(unit),
        **{name: float(f"{number:.5g}") for name, number in numbers.items()},
    }
    draw.text((GAP, 0), results["noise"], fill=INK, font=font(15))
    text = (
        "deviation {deviation_stated:.4g} stated, {deviation_measured:.4g} measured ({unit}); {again} in every exposure"
    )
    text += "; row means hold {row_share_measured:.0%} of the variance, column means {column_share_measured:.0%}"
    again = "the same" if results["correlation_of_two_exposures"] > 0.5 else "new"
    draw.text((GAP, 19), text.format(**results, again=again), fill=DIM, font=font(13))
    return picture, results


def draw_heading(draw: ImageDraw.ImageDraw, left: int) -> None:
    for number, (heading, words) in enumerate(HEADINGS):
        at = left + GAP + number * (PANEL + GAP)
        draw.text((at, 8), heading, fill=INK, font=font(15))
        for word, color in words:
            draw.text((at, 28), word, fill=color, font=font(13))
            at += draw.textlength(word, font=font(13)) + GAP


def main() -> None:
    photograph = torch.from_numpy(data.coffee()[CROP].copy()).permute(2, 0, 1)[None] / 255
    with TemporaryDirectory() as folder:
        rows = every_row(Path(folder))
        check_coverage(rows)
        drawn = [draw_row(row, photograph) for row in rows]
    half = (len(drawn) + 1) // 2
    page = Image.new("RGB", (2 * WIDTH, TOP + half * HEIGHT), PAPER)
    draw = ImageDraw.Draw(page)
    for column in range(2):
        draw_heading(draw, column * WIDTH)
    for number, (picture, _) in enumerate(drawn):
        page.paste(picture, (number // half * WIDTH, TOP + number % half * HEIGHT))
    page.save(HERE / "results" / "every_noise.png", optimize=True)
    write("every_noise", [results for _, results in drawn])


if __name__ == "__main__":
    main()
