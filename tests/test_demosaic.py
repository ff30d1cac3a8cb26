"""Demosaicing against colour-demosaicing, the published filters written anew, and the covariance that they imply."""

import math
import subprocess
import sys
import warnings
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import convolve

import camnoise as cn
from camnoise import demosaic as demosaic_module
from camnoise import malvar
from camnoise.demosaic import METHODS, RADIUS, Demosaic, demosaic
from camnoise.frame import Frame
from camnoise.mosaic import BAYER, color_at, crop, flip, period_of, shifted, tile_of, transpose
from camnoise.testing.bounds import ALPHA
from camnoise.units import Unit

QUAD = "RRGG/RRGG/GGBB/GGBB"
XTRANS = "GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG"
TORCH = [
    *((m, p) for m in ("bilinear", "malvar2004") for p in BAYER),
    *(("average", p) for p in (*BAYER, QUAD, XTRANS)),
]
ROUNDING = 12 * 2.0**-24  # of a sum of at most a dozen float32 terms, the values in [0, 1] and the weights' sum below 3


def random(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(*shape, dtype=dtype, generator=torch.Generator().manual_seed(sum(shape)))


def colors(pattern: str, rows: int, cols: int) -> np.ndarray:
    """(row, col), the plane of each pixel."""
    tile = np.array([["RGB".index(letter) for letter in row] for row in tile_of(pattern)])
    return np.tile(tile, (rows // len(tile) + 1, cols // len(tile[0]) + 1))[:rows, :cols]


def theirs(method: str):
    """The function of colour-demosaicing, (row, col) float64 -> (row, col, 3)."""
    with np.printoptions(), warnings.catch_warnings():  # which its import changes for the whole process
        warnings.simplefilter("ignore")
        package = pytest.importorskip("colour_demosaicing", reason="colour-demosaicing is not installed: extra [raw]")
    names = {"bilinear": "bilinear", "malvar2004": "Malvar2004", "menon2007": "Menon2007"}
    return getattr(package, f"demosaicing_CFA_Bayer_{names[method]}")


# --- the same as others


@pytest.mark.parametrize("size", [(40, 38), (33, 35)], ids=str)
@pytest.mark.parametrize("pattern", BAYER)
@pytest.mark.parametrize("method", ["bilinear", "malvar2004", "menon2007"])
def test_equal_to_colour_demosaicing(method, pattern, size):
    """From the radius inwards, in float64 and in float32; Menon's everywhere."""
    x = random(2, 1, *size, dtype=torch.float64)
    edge = 0 if method == "menon2007" else RADIUS[method]
    inner = (slice(edge, size[0] - edge), slice(edge, size[1] - edge))
    wanted = np.stack([theirs(method)(one[0].numpy(), pattern) for one in x]).transpose(0, 3, 1, 2)[:, :, *inner]
    assert np.abs(demosaic(x, pattern, method)[:, :, *inner].numpy() - wanted).max() <= ROUNDING * 2.0**-29
    if method != "menon2007":  # whose directions may turn with the last bit of its input
        assert np.abs(demosaic(x.float(), pattern, method)[:, :, *inner].numpy() - wanted).max() <= ROUNDING
    other = BAYER[(BAYER.index(pattern) + 1) % 4]
    assert np.abs(demosaic(x, other, method)[:, :, *inner].numpy() - wanted).max() > 0.1, "any pattern would pass"


FILTERS = {
    "green at red or blue": [[0, 0, -1, 0, 0], [0, 0, 2, 0, 0], [-1, 2, 4, 2, -1], [0, 0, 2, 0, 0], [0, 0, -1, 0, 0]],
    "at green, color beside": [
        [0, 0, 0.5, 0, 0],
        [0, -1, 0, -1, 0],
        [-1, 4, 5, 4, -1],
        [0, -1, 0, -1, 0],
        [0, 0, 0.5, 0, 0],
    ],
    "other at red or blue": [
        [0, 0, -1.5, 0, 0],
        [0, 2, 0, 2, 0],
        [-1.5, 0, 6, 0, -1.5],
        [0, 2, 0, 2, 0],
        [0, 0, -1.5, 0, 0],
    ],
}


def malvar_in_numpy(x: np.ndarray, color: np.ndarray) -> np.ndarray:
    """The figure of the paper, filter by filter over the whole image: (3, row, col) float64, mirrored borders."""
    made = {name: convolve(x, np.array(kernel) / 8, mode="mirror") for name, kernel in FILTERS.items()}
    made["above"] = convolve(x, np.array(FILTERS["at green, color beside"]).T / 8, mode="mirror")
    planes = np.where(color == 1, x, made["green at red or blue"])[None].repeat(3, 0)
    for plane in (0, 2):
        in_row = (color == plane).any(1)[:, None] & np.ones_like(x, bool)
        at_green = np.where(in_row, made["at green, color beside"], made["above"])
        planes[plane] = np.where(color == plane, x, np.where(color == 1, at_green, made["other at red or blue"]))
    return planes


@pytest.mark.parametrize("size", [(3, 3), (4, 3), (5, 8), (16, 18), (17, 9)], ids=str)
@pytest.mark.parametrize("pattern", BAYER)
def test_malvar_is_the_filters_of_the_paper(pattern, size):
    """Up to the border, of any size, and at every phase of a crop."""
    x = random(4, 1, *size)
    origin = torch.tensor([[0, 0], [1, 0], [0, 1], [5, 3]])
    made = cn.Pipeline([cn.Demosaic(method="malvar2004")], cfa=pattern)(x, range(4), origin=origin)
    for image, place in enumerate(origin.tolist()):
        wanted = malvar_in_numpy(x[image, 0].double().numpy(), colors(shifted(pattern, *place), *size))
        assert np.abs(made[image].numpy() - wanted).max() <= ROUNDING


def average_by_hand(x: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Pixel by pixel: (3, row, col) float64."""
    rows, cols = x.shape
    made = np.empty((3, rows, cols))
    for plane, row, col in np.ndindex(made.shape):
        total = weights = 0.0
        for y, z in product(range(max(0, row - 2), min(rows, row + 3)), range(max(0, col - 2), min(cols, col + 3))):
            if color[y, z] == plane:
                weight = (3 - abs(y - row)) * (3 - abs(z - col))
                total, weights = total + weight * x[y, z], weights + weight
        made[plane, row, col] = x[row, col] if color[row, col] == plane else total / weights
    return made


@pytest.mark.parametrize("pattern", [QUAD, XTRANS, "BGGR", "RGB/GBR"])
def test_average_is_the_mean_of_known_neighbors(pattern):
    high, wide = period_of(pattern)
    origin = torch.tensor(list(product(range(high), range(wide))))
    x = random(len(origin), 1, 7, 8)
    made = cn.Pipeline([cn.Demosaic(method="average")], cfa=pattern)(x, range(len(x)), origin=origin)
    for image, place in enumerate(origin.tolist()):
        wanted = average_by_hand(x[image, 0].double().numpy(), colors(shifted(pattern, *place), 7, 8))
        assert np.abs(made[image].numpy() - wanted).max() <= ROUNDING


@pytest.mark.parametrize("method", ["bilinear", "malvar2004", "menon2007"])
def test_psnr_on_kodak_is_that_of_colour_demosaicing(method, shared_data: Path):
    """Within 0.01 dB, image by image: whole images with its border, and from the radius inwards with ours.

    Over whole images, whose last row is black, our border makes what `demosaic` says.
    """
    low, high = {"bilinear": (0.04, 0.39), "malvar2004": (-1.57, -0.15), "menon2007": (-0.01, 0.01)}[method]
    edge = 0 if method == "menon2007" else RADIUS[method]
    for number in range(1, 13):
        picture = Image.open(shared_data / "clean" / "Kodak24" / f"{number:02d}.png").convert("RGB")
        photograph = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
        y = cn.Pipeline([cn.Mosaic(pattern="RGGB")])(photograph.clone(), [number])
        other = torch.from_numpy(theirs(method)(y[0, 0].double().numpy(), "RGGB")).permute(2, 0, 1)[None]
        rows, cols = photograph.shape[2:]
        inner = (slice(None), slice(None), slice(edge, rows - edge), slice(edge, cols - edge))
        squares = [(made.double() - photograph) ** 2 for made in (demosaic(y, "RGGB", method), other)]
        ours, wanted = (-10 * math.log10(float(square[inner].mean())) for square in squares)
        assert 23 < wanted < 44
        assert abs(ours - wanted) <= 0.01
        ours, wanted = (-10 * math.log10(float(square.mean())) for square in squares)
        assert low <= ours - wanted <= high
        if method != "menon2007":
            same = demosaic(y, "RGGB", method, border="repeat")
            assert (same.double() - other).abs().max() <= 1e-6  # float32 sums of at most a dozen terms up to 2
            assert abs(-10 * math.log10(float(((same.double() - photograph) ** 2).mean())) - wanted) <= 0.01


@pytest.mark.parametrize(
    ("method", "border", "wanted"),
    [
        ("average", "repeat", "wanted mirror, for average has its own"),
        ("bilinear", "wrap", "wanted mirror or repeat"),
    ],
)
def test_a_border_that_a_method_does_not_have_is_refused(method, border, wanted):
    with pytest.raises(ValueError, match=f"border is '{border}', {wanted}"):
        demosaic(random(1, 1, 8, 8), "RGGB", method, border=border)


# --- what every method promises


@pytest.mark.parametrize(("method", "pattern"), [*TORCH, ("menon2007", "GRBG")])
def test_crops_are_equal_beyond_the_radius(method, pattern):
    if method == "menon2007":
        theirs(method)
    r = Demosaic(method=method).radius
    x, size = random(1, 1, 60, 60), 2 * r + 9
    chain = cn.Pipeline([cn.Demosaic(method=method)], cfa=pattern)
    whole = chain(x, [1])
    off = 0.0
    for top, left in product(range(1, 8), (2, 3, 7)):
        here = (..., slice(top, top + size), slice(left, left + size))
        part = chain(x[here], [1], origin=torch.tensor([[top, left]]))
        alone, after = crop(x, pattern, top=top, left=left, rows=size, cols=size)
        assert torch.equal(demosaic(alone, after, method), part), "the function's pattern is the crop's"
        inner, wider = ((..., slice(e, size - e), slice(e, size - e)) for e in (r, r - 1))
        assert torch.equal(part[inner], whole[here][inner])
        off = max(off, float((part[wider] - whole[here][wider]).abs().max()))
    assert off > 0, "the stated radius is larger than the filter"


@pytest.mark.parametrize(("method", "pattern"), [*TORCH, *(("menon2007", p) for p in BAYER)])
def test_flips_and_transposes_of_the_mosaic_are_those_of_the_planes(method, pattern):
    """But for Menon's, which compares one way only: its mosaic is flat in color."""
    if method == "menon2007":
        theirs(method)
    x = random(1, 1, 18, 21) if method != "menon2007" else torch.full((1, 1, 18, 21), 0.4)
    whole = demosaic(x, pattern, method)
    for made, after, wanted in (
        (*flip(x, pattern, "rows"), whole.flip(2)),
        (*flip(x, pattern, "columns"), whole.flip(3)),
        (*transpose(x, pattern), whole.transpose(2, 3)),
    ):
        assert (demosaic(made, after, method) - wanted).abs().max() <= ROUNDING


@pytest.mark.parametrize(("method", "pattern"), TORCH)
def test_flat_colors_and_measured_pixels_stay(method, pattern):
    """Up to the borders: where colour-demosaicing repeats the edge, it gives false colors."""
    planes = torch.tensor([0.25, 0.5, 0.75]).reshape(1, 3, 1, 1).expand(1, 3, 13, 14).contiguous()
    flat = cn.Pipeline([cn.Mosaic(pattern=pattern)])(planes, [1])
    assert (demosaic(flat, pattern, method) - planes).abs().max() <= ROUNDING
    x = random(1, 1, 13, 14)
    color = color_at(Frame(x, Unit.LINEAR, torch.zeros(1, 2, dtype=torch.int64)), pattern)
    assert torch.equal(torch.gather(demosaic(x, pattern, method), 1, color[:, None]), x)


@pytest.mark.parametrize(("method", "pattern"), TORCH)
def test_gradients_flow(method, pattern):
    x = random(2, 1, 7, 9, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda it: demosaic(it, pattern, method), x)


@pytest.mark.parametrize("size", [(70, 64), (71, 63)], ids=str)
def test_bands_and_gradients_change_no_bit(monkeypatch, size):
    x = random(3, 1, *size)
    whole = demosaic(x, "GBRG", "malvar2004")
    monkeypatch.setattr(malvar, "BAND", 3 * 64 * 6)
    assert torch.equal(demosaic(x, "GBRG", "malvar2004"), whole)
    assert torch.equal(demosaic(x.clone().requires_grad_(), "GBRG", "malvar2004"), whole)


@pytest.mark.gpu
@pytest.mark.parametrize(("method", "pattern"), TORCH)
def test_a_gpu_gives_the_same_bits(method, pattern):
    x = random(3, 1, 131, 190)
    origin = torch.tensor([[0, 0], [1, 0], [4, 3]])
    chain = cn.Pipeline([cn.Demosaic(method=method)], cfa=pattern)
    here, there = chain(x, range(3), origin=origin), chain(x.cuda(), range(3), origin=origin)
    assert torch.equal(there.cpu(), here)


# --- noise


def response(method: str, pattern: str) -> np.ndarray:
    """What the pixels of one tile get of every pixel about it: (3 * tile, neighborhood) float64, from the filters.

    A row per color and place of the tile; a column per pixel of the tile and of the borders that the filter reaches.
    """
    high, wide = period_of(pattern)
    r = RADIUS[method]
    count = (high + 2 * r) * (wide + 2 * r)
    # A wide dark field about the neighborhood keeps its borders out of sight.
    impulses = np.zeros((count, high + 6 * r, wide + 6 * r))
    inside = impulses[:, 2 * r : high + 4 * r, 2 * r : wide + 4 * r]
    inside[...] = np.eye(count).reshape(inside.shape)
    color = colors(shifted(pattern, -3 * r, -3 * r), *impulses.shape[1:])
    make = {"malvar2004": malvar_in_numpy, "average": average_by_hand, "bilinear": bilinear_in_numpy}[method]
    made = np.stack([make(one, color) for one in impulses])[:, :, 3 * r : 3 * r + high, 3 * r : 3 * r + wide]
    return made.reshape(count, -1).T


def bilinear_in_numpy(x: np.ndarray, color: np.ndarray) -> np.ndarray:
    """(3, row, col) float64."""
    cross, square = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4, np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    kernels = (square, cross, square)
    return np.stack([convolve(np.where(color == p, x, 0), kernel, mode="mirror") for p, kernel in enumerate(kernels)])


SIGMA, LEVEL, WHITE = 6.0, 0.4, 1000.0


def samples(method: str, pattern: str, after: bool = False) -> np.ndarray:
    """The values of tiles that are too far apart to share noise, less the flat's: (sample, 3 * tile) in sigmas.

    `after` plants the mistake that this is about: the noise is added to the planes, behind the demosaicing.
    """
    sensor = [cn.Expose(black=0, white=WHITE), cn.Gain(K=1.0), cn.GaussianRead(sigma=SIGMA), cn.Normalize()]
    step, r = period_of(pattern), RADIUS[method]
    far = [side * math.ceil((side + 2 * r) / side) for side in step]
    size = [64 * distance + 4 * r for distance in far]
    first = [side * math.ceil(r / side) for side in step]
    if after:
        flat = torch.full((4, 3, *size), LEVEL)
        planes = cn.Pipeline(sensor)(flat, range(4), seed=11)
    else:
        flat = torch.full((4, 1, *size), LEVEL)
        planes = cn.Pipeline([*sensor, cn.Demosaic(method=method)], cfa=pattern)(flat, range(4), seed=11)
    there = planes[:, :, first[0] :, first[1] :].double()
    tiles = there.unfold(2, step[0], far[0])[:, :, :63].unfold(3, step[1], far[1])[:, :, :, :63]
    tiles = (tiles - LEVEL) * WHITE / SIGMA  # (image, color, down, across, row, col)
    return tiles.permute(0, 2, 3, 1, 4, 5).reshape(4 * 63 * 63, -1).numpy()


def furthest(made: np.ndarray, implied: np.ndarray) -> float:
    """The largest distance of a measured covariance from the implied one, in bounds.

    Samples are normal and independent of each other. A mean of n squares of normals of variance v is within
    b v of v, b = 2 sqrt(t / n) + 2 t / n, but for a chance of 2 exp(-t) (Laurent & Massart, 2000); x y is
    ((x + y)^2 - (x - y)^2) / 4, so that a covariance is within b (v_x + v_y) / 2 but for 4 exp(-t).
    """
    n, width = made.shape
    t = math.log(4 * width * (width + 1) / 2 / ALPHA)
    variance = np.diag(implied)
    bound = (2 * math.sqrt(t / n) + 2 * t / n) * (variance[:, None] + variance) / 2
    rounding = 1e-3  # of float32 about the flat's level, in sigmas
    return float((np.abs(made.T @ made / n - implied) / (bound + rounding)).max())


@pytest.mark.parametrize(
    ("method", "pattern"), [*(("malvar2004", p) for p in BAYER), ("bilinear", "GRBG"), ("average", QUAD)]
)
def test_noise_after_demosaicing_has_the_covariance_of_the_filters(method, pattern):
    """Of all colors and places of a tile with each other: A A^T of the filters' impulse responses. Chance ALPHA."""
    a = response(method, pattern)
    assert np.allclose(a.sum(1), 1), "the filters keep a flat field"
    assert furthest(samples(method, pattern), a @ a.T) <= 1


def test_the_covariance_check_has_teeth():
    filters = {name: response(name, "GRBG") for name in ("bilinear", "malvar2004")}
    filters["another phase"] = response("malvar2004", "RGGB")
    implied = {name: a @ a.T for name, a in filters.items()}
    made = samples("malvar2004", "GRBG")
    assert furthest(made, implied["bilinear"]) > 3
    assert furthest(made, implied["another phase"]) > 3
    behind = samples("malvar2004", "GRBG", after=True)
    assert furthest(behind, implied["malvar2004"]) > 3, "noise behind the demosaicing is white"
    assert furthest(behind, np.eye(12)) <= 1


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        (
            [cn.Demosaic(), cn.Expose(black=0, white=9), cn.Shot(), cn.Gain(K=1)],
            "stage 2 of 4, Expose, comes after Demosaic, but a sensor sees the mosaic",
        ),
        (
            [cn.Demosaic(), cn.Heteroscedastic(lambda_shot=0.01, lambda_read=1e-4)],
            "stage 2 of 2, Heteroscedastic, comes after Demosaic, but a sensor's noise is in its mosaic",
        ),
        (
            [cn.Mosaic(), cn.Demosaic(), cn.AdditiveGaussian(sigma=0.1), cn.LevelNoise(sigma=0.1, shot_share=0.4)],
            "stage 4 of 4, LevelNoise, comes after Demosaic, but a sensor's noise is in its mosaic",
        ),
        ([cn.Demosaic(), cn.ScaledPoisson(peak=30.0)], "ScaledPoisson, comes after Demosaic, but a sensor's noise"),
        ([cn.Demosaic(), cn.GaussianRead(sigma=3.0)], "stage 2 of 2, GaussianRead, takes DN, but Demosaic gives"),
    ],
)
def test_noise_of_a_sensor_behind_the_demosaicing_is_refused(stages, sentence):
    """Who wants it says so by a camera of its own on planes: domain "rgb"."""
    with pytest.raises(ValueError, match=sentence):
        cn.Pipeline(stages, cfa="RGGB")
    assert cn.place(cn.noise("nlf:brooks"), "rgb").stages


# --- what is refused


@pytest.mark.parametrize(
    ("method", "pattern", "sentence"),
    [
        ("bilinear", QUAD, "wanted one of RGGB, GRBG, GBRG, BGGR; method 'average' takes other tiles"),
        ("malvar2004", XTRANS, "wanted one of RGGB, GRBG, GBRG, BGGR; method 'average' takes other tiles"),
        ("menon2007", "RGBW", "wanted one of RGGB, GRBG, GBRG, BGGR; method 'average' takes other tiles"),
        ("average", "RCCC", "wanted red, green and blue in every 3x3 pixels"),
    ],
)
def test_tiles_that_a_method_does_not_know_are_refused(method, pattern, sentence):
    with pytest.raises(ValueError, match=f"^Demosaic by {method} got filters {pattern}, {sentence}$"):
        demosaic(random(1, 1, 12, 12), pattern, method)
    for chain, cfa in (
        ([cn.Demosaic(method=method)], pattern),
        ([cn.Mosaic(pattern=pattern), Demosaic(method=method)], None),
    ):
        with pytest.raises(ValueError, match=f"Demosaic, by {method} meets filters {pattern}, {sentence}$"):
            cn.Pipeline(chain, cfa=cfa)


def test_what_is_no_mosaic_is_refused():
    for x, kind, sentence in (
        (np.zeros((1, 1, 4, 4)), TypeError, r"mosaic is ndarray, wanted a floating tensor \(batch, 1, row, col\)"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), TypeError, "mosaic is torch.uint8, wanted a floating tensor"),
        (torch.zeros(1, 3, 4, 4), ValueError, r"mosaic has shape \(1, 3, 4, 4\), wanted \(batch, 1, row, col\)"),
        (torch.zeros(1, 1, 2, 4), ValueError, "Demosaic got images of 2x4, wanted at least 3x3"),
    ):
        with pytest.raises(kind, match=sentence):
            demosaic(x, "RGGB")
    with pytest.raises(ValueError, match="method is 'ahd', wanted one of bilinear, malvar2004, average, menon2007"):
        demosaic(torch.zeros(1, 1, 4, 4), "RGGB", "ahd")
    for method in METHODS:
        assert demosaic(torch.zeros(0, 1, 4, 4), "RGGB", method).shape == (0, 3, 4, 4)


def test_menon_says_what_it_needs(monkeypatch):
    x = random(1, 1, 8, 8).requires_grad_()
    with pytest.raises(
        ValueError, match="menon2007 has no gradient, wanted a mosaic that asks for none, or malvar2004"
    ):
        demosaic(x, "RGGB", "menon2007")
    monkeypatch.setitem(sys.modules, "colour_demosaicing", None)
    with pytest.raises(
        ModuleNotFoundError, match=r"^demosaicing by menon2007 needs colour-demosaicing: .* extra \[raw\]$"
    ):
        demosaic(x.detach(), "RGGB", "menon2007")


def test_menon_leaves_numpy_as_it_is():
    """Records hold float32 numbers as NumPy prints them, and colour-demosaicing's import sets another style."""
    theirs("menon2007")
    said = "str(numpy.float32(0.1) / 3)"
    made = "camnoise.demosaic.demosaic(torch.zeros(1, 1, 8, 8), 'RGGB', 'menon2007')"
    code = f"import numpy, torch, camnoise.demosaic\nbefore = {said}\n{made}\nassert {said} == before"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_the_radius_is_the_methods():
    assert {method: Demosaic(method=method).radius for method in METHODS} == RADIUS
    assert cn.Pipeline([cn.Demosaic(method="malvar2004")], cfa="RGGB").radius == 2
    assert demosaic_module.method_for("GBRG") == "bilinear"
    assert demosaic_module.method_for(XTRANS) == "average"
    assert demosaic_module.method_for("RCCC") is None
