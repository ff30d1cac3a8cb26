"""Filter tiles of any period: letters against places counted out, and what crops, flips and transposes make of them."""

from itertools import product

import numpy as np
import pytest
import torch
from torch import Tensor

import camnoise as cn
from camnoise import mosaic
from camnoise.chain import check_chain
from camnoise.flat import Flat
from camnoise.frame import Frame
from camnoise.kernels.fitting import parts, runs, why_not
from camnoise.look import planes
from camnoise.mosaic import BAYER, color_at, pack, shifted, site_at, sites_of, tile_of, transposed, unpack
from camnoise.pattern import sites_in, written
from camnoise.testing import measure_noise
from camnoise.units import Unit

QUAD = "RRGG/RRGG/GGBB/GGBB"
XTRANS = "GBGGRG/RGRBGB/GBGGRG/GRGGBG/BGBRGR/GRGGBG"
RGBW = "WBWG/BWGW/WGWR/GWRW"
OBLONG = "RGB/GBR"
TILES = (*BAYER, QUAD, XTRANS, RGBW, "RCCC", "RGBW", OBLONG)
PHASES = [(tile, down, right) for tile in TILES for down, right in product(*map(range, mosaic.period_of(tile)))]


def letters(pattern: str, rows: int, cols: int, top: int = 0, left: int = 0) -> list[str]:
    """The filter of each pixel, counted out."""
    tile = tile_of(pattern)
    return [
        "".join(tile[row % len(tile)][col % len(tile[0])] for col in range(left, left + cols))
        for row in range(top, top + rows)
    ]


def scene(batch: int, rows: int, cols: int) -> Tensor:
    return torch.rand(batch, 3, rows, cols, generator=torch.Generator().manual_seed(rows * 100 + cols))


def filtered(x: Tensor, pattern: str, top: int = 0, left: int = 0) -> Tensor:
    """The mosaic of planes (batch, 3, row, col) that begin at a place of their frame."""
    origin = torch.tensor([[top, left]] * len(x))
    return cn.Pipeline([cn.Mosaic(pattern=pattern)])(x, range(len(x)), origin=origin)


# --- patterns


@pytest.mark.parametrize(
    "pattern",
    [
        "RGG",
        "RGGBR",
        "rggb",
        "RGXB",
        "",
        "RG/GBB",
        "RG//GB",
        "/",
        "RRGG\nGGBB",
        "R" * 17 + "/" + "G" * 17,
        "R/" * 16 + "R",
    ],
)
def test_what_is_no_tile_is_refused(pattern):
    for made in (tile_of, lambda it: cn.Mosaic(pattern=it), lambda it: cn.Pipeline([cn.Shot()], cfa=it)):
        with pytest.raises(ValueError, match="^pattern is .*, wanted four letters of R, G, B, W, C, or rows of them"):
            made(pattern)


def test_a_tile_has_one_spelling_and_survives_json():
    assert cn.Mosaic(pattern="RG/GB") == cn.Mosaic(pattern="RGGB")
    stage = cn.Mosaic(pattern=XTRANS)
    assert cn.Mosaic.from_json(stage.model_dump_json()) == stage
    with pytest.raises(ValueError, match="pattern is 3: input should be a valid string"):
        cn.Mosaic(pattern=3)
    with pytest.raises(TypeError, match="pattern is a NoneType, wanted a string such as 'RGGB'"):
        tile_of(None)


@pytest.mark.parametrize(("pattern", "down", "right"), PHASES)
def test_colors_and_sites_follow_the_origin(pattern, down, right):
    origin = torch.tensor([[down, right], [0, 0], [65_000 + down, 60_000 + right]])
    frame = Frame(torch.zeros(3, 1, 7, 8), Unit.LINEAR, origin, pattern)
    color, site = color_at(frame, pattern), site_at(frame, pattern)
    for image, (top, left) in enumerate(origin.tolist()):
        there = letters(pattern, 7, 8, top, left)
        for row, col in product(range(7), range(8)):
            letter = there[row][col]
            assert color[image, row, col] == {"R": 0, "G": 1, "B": 2}.get(letter, 3)
            assert site[image, row, col] in {"R": (0,), "G": (1, 2), "B": (3,)}.get(letter, (4,))
        assert frame.patterns()[image] == written(letters(pattern, *mosaic.period_of(pattern), top, left))


@pytest.mark.parametrize("pattern", TILES)
def test_sites_of_a_window_are_those_of_a_frame(pattern):
    for rows, cols in ((7, 8), (1, 1), (12, 13)):
        frame = Frame(torch.zeros(1, 1, rows, cols), Unit.LINEAR, torch.zeros(1, 2, dtype=torch.int64), pattern)
        assert np.array_equal(sites_in(pattern, rows, cols), site_at(frame, pattern)[0].numpy())


def test_light_is_above_each_filters_black():
    """The one place where raw DN become light: a RAW file's scene and a source of shards take it."""
    dn = np.array([[30, 30, 110], [30, 30, 110], [0, 200, 30]], np.uint16)
    made = mosaic.light(dn, "GRBG", (10, 20, 40, 30), 110)  # R, G1, G2, B; G1 R over B G2
    above = np.array([[10, 20, 90], [0, 0, 80], [0, 190, 10]])
    span = np.array([[90, 100, 90], [80, 70, 80], [90, 100, 90]])
    assert torch.equal(made[0, 0], torch.from_numpy(above.astype(np.float32) / span.astype(np.float32)))
    assert made.shape == (1, 1, 3, 3)
    assert not torch.signbit(made).any()
    assert mosaic.light(dn, None, (10,), 110)[0, 0, 2].tolist() == pytest.approx([0, 1.9, 0.2])
    clear = mosaic.black_at("RGBW", (1, 2, 3, 6), 2, 2)
    assert clear.flatten().tolist() == [1, 2, 6, 3], "a clear pixel has the mean"


def test_greens_are_named_by_the_rows_of_their_tile():
    assert [sites_of(one) for one in BAYER] == [(0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0)]
    assert sites_of(QUAD) == (0, 0, 1, 1, 0, 0, 1, 1, 2, 2, 3, 3, 2, 2, 3, 3)
    assert {site for site, letter in zip(sites_of(XTRANS), XTRANS.replace("/", ""), strict=True) if letter == "G"} == {
        1
    }
    assert sites_of("RGBW") == (0, 1, 3, 4)


# --- what moves a mosaic


@pytest.mark.parametrize(("pattern", "down", "right"), PHASES)
@pytest.mark.parametrize("size", [(7, 10), (12, 9)], ids=str)
def test_the_pattern_follows_crops_flips_and_transposes(pattern, down, right, size):
    """A mosaic that is moved is the mosaic of the moved planes under the pattern that came back."""
    x = scene(2, *size)
    here = shifted(pattern, down, right)
    y = filtered(x, pattern, down, right)
    assert torch.equal(y, filtered(x, here)), "a crop's own pattern is that of the frame where it begins"
    for axis, dim in (("rows", 2), ("columns", 3)):
        made, after = mosaic.flip(y, here, axis)
        assert torch.equal(made, filtered(x.flip(dim), after))
        assert torch.equal(mosaic.flip(made, after, axis)[0], y)
        assert mosaic.flip(made, after, axis)[1] == here
    made, after = mosaic.transpose(y, here)
    assert torch.equal(made, filtered(x.transpose(2, 3), after))
    assert transposed(after) == here
    made, after = mosaic.crop(y, here, top=down, left=1, rows=2, cols=5)
    assert torch.equal(made, filtered(x[..., down : down + 2, 1:6], after))


def test_a_forgotten_phase_is_seen():
    """The twin: under the pattern of before, what was flipped is another mosaic; only at odd sizes is it none."""
    for pattern in (*BAYER, QUAD, XTRANS):
        x = scene(1, 12, 12)
        made, after = mosaic.flip(filtered(x, pattern), pattern, "columns")
        assert after != pattern
        assert not torch.equal(made, filtered(x.flip(3), pattern))
    assert mosaic.flip(torch.zeros(1, 1, 4, 5), "RGGB", "columns")[1] == "RGGB"


@pytest.mark.parametrize("pattern", [*BAYER, QUAD, XTRANS, OBLONG])
def test_frames_move_with_their_pattern(pattern):
    high, wide = mosaic.period_of(pattern)
    x = scene(2, 13, 11)
    origin = torch.tensor([[3, 4], [3 + high, 4 + 2 * wide]])  # one phase
    frame = Frame(filtered(x, shifted(pattern, 3, 4)), Unit.LINEAR, origin, pattern)
    part = frame.crop(2, 5, 6, 4)
    assert part.cfa == pattern
    assert torch.equal(part.origin, origin + torch.tensor([2, 5]))
    assert torch.equal(color_at(part, pattern), color_at(frame, pattern)[:, 2:8, 5:9])
    assert torch.equal(part.data, frame.data[:, :, 2:8, 5:9])
    for moved, seen in (
        (frame.flip("rows"), x.flip(2)),
        (frame.flip("columns"), x.flip(3)),
        (frame.transpose(), x.transpose(2, 3)),
        (part.flip("rows").transpose(), x[:, :, 2:8, 5:9].flip(2).transpose(2, 3)),
    ):
        assert not moved.origin.any()
        assert torch.equal(moved.data, filtered(seen, moved.cfa))
    mixed = Frame(frame.data, Unit.LINEAR, torch.tensor([[0, 0], [1, 0]]), pattern)
    for move in (lambda: mixed.flip("rows"), mixed.transpose):
        with pytest.raises(ValueError, match="images begin at filters .* and .*, wanted one phase in the batch"):
            move()
    without = Frame(x, Unit.LINEAR, torch.tensor([[0, 0], [1, 0]]))
    assert torch.equal(without.flip("rows").data, x.flip(2))
    assert without.transpose().cfa is None


def test_moves_that_cannot_be_are_refused():
    x = torch.zeros(1, 1, 4, 6)
    frame = Frame(x, Unit.LINEAR, torch.zeros(1, 2, dtype=torch.int64), "RGGB")
    for flip in (lambda: mosaic.flip(x, "RGGB", "left"), lambda: frame.flip("left")):
        with pytest.raises(ValueError, match="axis is 'left', wanted 'rows' or 'columns'"):
            flip()
    for top, left, rows, cols in ((0, 0, 5, 1), (-1, 0, 1, 1), (0, 5, 1, 2), (0, 0, 0, 3)):
        for crop in (
            lambda part: mosaic.crop(x, "RGGB", **part),
            lambda part: frame.crop(**part),
        ):
            with pytest.raises(ValueError, match=r"crop of .* is not inside the image of 4x6"):
                crop({"top": top, "left": left, "rows": rows, "cols": cols})
    with pytest.raises(ValueError, match="frame has no filter array, wanted a mosaic"):
        Frame(x, Unit.LINEAR, frame.origin).patterns()


def test_what_has_no_rows_and_columns_cannot_move():
    x, line = torch.zeros(1, 1, 4, 6), torch.zeros(6)
    part = {"top": 0, "left": 0, "rows": 2, "cols": 2}
    moves = (
        lambda it: mosaic.flip(it, "RGGB", "columns"),
        lambda it: mosaic.flip(it, "RGGB", "rows"),
        lambda it: mosaic.transpose(it, "RGGB"),
        lambda it: mosaic.crop(it, "RGGB", **part),
    )
    for move in moves:
        with pytest.raises(ValueError, match=r"^mosaic has shape \(6,\), wanted \(..., row, col\)"):
            move(line)
    for move in (*moves, lambda it: pack(it, "RGGB")):
        with pytest.raises(TypeError, match="^mosaic is a ndarray, wanted a torch tensor"):
            move(x.numpy())
    with pytest.raises(TypeError, match="^planes is a ndarray, wanted a torch tensor"):
        unpack(torch.zeros(1, 4, 2, 2).numpy(), "RGGB")


# --- packing


@pytest.mark.parametrize("pattern", BAYER)
def test_packed_bayer_planes_have_one_order(pattern):
    """R, G1 beside red, G2 beside blue, B, whatever the phase."""
    y = torch.arange(2 * 6 * 8).reshape(2, 1, 6, 8)
    packed = pack(y, pattern)
    assert packed.shape == (2, 4, 3, 4)
    for place, letter in enumerate(pattern):
        row, col = divmod(place, 2)
        red_row = "R" in tile_of(pattern)[row]
        plane = {"R": 0, "B": 3, "G": 1 if red_row else 2}[letter]
        assert torch.equal(packed[:, plane], y[:, 0, row::2, col::2])
    assert torch.equal(unpack(packed, pattern), y)


@pytest.mark.parametrize("pattern", [QUAD, XTRANS, RGBW, OBLONG, "RCCC"])
@pytest.mark.parametrize("dtype", [torch.uint16, torch.float32])
def test_other_tiles_are_packed_row_by_row(pattern, dtype):
    high, wide = mosaic.period_of(pattern)
    y = torch.arange(3 * 4 * high * 5 * wide).reshape(3, 1, 4 * high, 5 * wide).to(dtype)
    packed = pack(y, pattern)
    assert packed.shape == (3, high * wide, 4, 5)
    for place in range(high * wide):
        row, col = divmod(place, wide)
        assert torch.equal(packed[:, place], y[:, 0, row::high, col::wide])
    assert torch.equal(unpack(packed, pattern), y)


def test_packing_has_a_gradient_and_refuses_parts_of_tiles():
    y = torch.rand(2, 1, 6, 12, dtype=torch.float64, requires_grad=True)
    for pattern in ("GBRG", XTRANS):
        assert torch.autograd.gradcheck(lambda it, tile=pattern: unpack(pack(it, tile).sin(), tile), y)
    with pytest.raises(ValueError, match="mosaic of 5x6 is no multiple of its 2x2 filter tile RGGB"):
        pack(torch.zeros(1, 1, 5, 6), "RGGB")
    with pytest.raises(ValueError, match="mosaic of 6x8 is no multiple of its 6x6 filter tile"):
        pack(torch.zeros(1, 1, 6, 8), XTRANS)
    with pytest.raises(ValueError, match=r"mosaic has shape \(1, 3, 6, 6\), wanted \(batch, 1, row, col\)"):
        pack(torch.zeros(1, 3, 6, 6), "RGGB")
    with pytest.raises(ValueError, match=r"planes has shape \(1, 3, 6, 6\), wanted \(batch, 4, row, col\)"):
        unpack(torch.zeros(1, 3, 6, 6), "RGGB")


@pytest.mark.parametrize("pattern", ["RGGB", QUAD])
def test_packed_planes_never_enter_a_pipeline(pattern):
    """Two rows of theirs are one row of the sensor, and would have row noise of their own."""
    sensor = cn.Pipeline([cn.Expose(black=0, white=99), cn.Gain(K=1), cn.Banding(sigma_row=2.0)], cfa=pattern)
    packed = pack(torch.rand(1, 1, 8, 8), pattern)
    with pytest.raises(
        ValueError, match=f"images has {packed.shape[1]} channels, wanted 1 .*packed planes are no sensor"
    ):
        sensor(packed, [1])
    with pytest.raises(ValueError, match=f"Mosaic got {packed.shape[1]} channels, wanted 3"):
        cn.Pipeline([cn.Mosaic(pattern=pattern)])(packed, [1])


# --- stages under other tiles


@pytest.mark.parametrize("pattern", [RGBW, "RCCC", "RGBW"])
def test_clear_pixels_see_the_mean_of_the_planes(pattern):
    x = scene(1, 8, 8)
    y = filtered(x, pattern)
    clear = color_at(Frame(y, Unit.LINEAR, torch.zeros(1, 2, dtype=torch.int64)), pattern)[:, None] == 3
    assert torch.equal(y[clear], (((x[:, :1] + x[:, 1:2]) + x[:, 2:]) / torch.tensor(3.0))[clear])
    assert (filtered(torch.ones(1, 3, 8, 8), pattern) == 1).all()


def test_unprocessing_states_no_mean_of_a_clear_pixel():
    gains = {f"unprocess_{plane}": 1.0 for plane in "RGB"}
    for site in ("W", "C"):
        with pytest.raises(ValueError, match=f"^Unprocess states no mean under a clear filter, {site}, wanted R, G1"):
            cn.Unprocess().expect(Flat(0.5, site=site), gains)


def test_color_bias_by_tile():
    bias = cn.ColorBias(R=1.0, G1=2.0, G2=4.0, B=8.0)
    levels = torch.tensor([1.0, 2.0, 4.0, 8.0])
    for pattern, (top, left) in product((*BAYER, QUAD, XTRANS, OBLONG), ((0, 0), (3, 5))):
        origin = torch.tensor([[top, left]])
        made = cn.Pipeline([bias], cfa=pattern)(torch.zeros(1, 1, 9, 11), [1], origin=origin)
        frame = Frame(made, Unit.DN, origin, pattern)
        assert torch.equal(made[:, 0], levels[site_at(frame, pattern)])
    for pattern in (RGBW, "RCCC"):
        with pytest.raises(ValueError, match=f"stage 1 of 1, ColorBias, meets filters {pattern}, whose clear pixels"):
            cn.Pipeline([bias], cfa=pattern)
        frame = Frame(torch.zeros(1, 1, 4, 4), Unit.DN, torch.zeros(1, 2, dtype=torch.int64), pattern)
        drawn = cn.Pipeline([bias], cfa="RGGB").draw([1])
        with pytest.raises(ValueError, match="ColorBias got filters .*: clear has no bias"):
            bias.apply(frame, cn.keys.Key(0, torch.tensor([1])), drawn)


def sensor(pattern: str, *, through: bool = True) -> cn.Pipeline:
    """A camera with every stage that knows filters; `through`: of photographs instead of mosaics."""
    lens = [cn.Linearize(), cn.Mosaic(pattern=pattern)] if through else []
    chain = [cn.Expose(black=64, white=1023), cn.Shot(), cn.Gain(K=0.5), cn.GaussianRead(sigma=1.5)]
    bias = [cn.ColorBias(R=1.5, G1=-0.7, G2=0.4, B=-2.0)]
    return cn.Pipeline([*lens, *chain, *bias, cn.Quantize(bits=10), cn.Normalize()], cfa=None if through else pattern)


@pytest.mark.parametrize("through", [True, False], ids=["photographs", "mosaics"])
@pytest.mark.parametrize("pattern", [QUAD, XTRANS, OBLONG])
def test_crops_of_any_tile_carry_the_noise_of_their_frame(pattern, through):
    camera = sensor(pattern, through=through)
    x = scene(1, 25, 27)[:, : 3 if through else 1]
    whole = camera(x, [7], seed=3)
    for top, left in product(range(mosaic.period_of(pattern)[0]), range(mosaic.period_of(pattern)[1])):
        part = camera(x[..., top : top + 9, left : left + 13], [7], seed=3, origin=torch.tensor([[top, left]]))
        assert torch.equal(part, whole[..., top : top + 9, left : left + 13])


def test_tiles_without_a_kernel_say_so_and_have_the_right_bits():
    """A tile of 2x2 letters written out as 4x4 has no kernel; the torch code gives the kernel's bits."""
    wide = "RGRG/GBGB/RGRG/GBGB"
    stages = sensor(wide).stages
    assert why_not(stages[1]) == f"its filter tile {wide} is not 2x2 of red, green, blue"
    assert why_not(cn.Mosaic(pattern="RCCC")) == "its filter tile RCCC is not 2x2 of red, green, blue"
    assert why_not(cn.Mosaic(pattern="GBRG")) is None
    kinds = [[type(stage).__name__ for stage in run] for run in runs(stages)]
    assert kinds == [
        ["Linearize"],
        ["Mosaic"],
        ["Expose", "Shot", "Gain", "GaussianRead"],
        ["ColorBias"],
        ["Quantize", "Normalize"],
    ]
    no_kernel = f"its filter tile {wide} is not 2x2 of red, green, blue"
    assert [reason for _, reason in parts(stages)] == [None, no_kernel, None, no_kernel, None]
    assert [len(run) for run in runs(stages[2:], wide)] == [4, 1, 2]
    assert [len(run) for run in runs(stages[2:], "RGGB")] == [7]
    x = scene(2, 21, 18)
    for through in (True, False):
        images = x if through else filtered(x, "RGGB")
        made = sensor(wide, through=through).views(images, [1, 2], scheme="n2n", seed=5)
        kernel = sensor("RGGB", through=through).views(images, [1, 2], scheme="n2n", seed=5)
        assert torch.equal(made.views, kernel.views)
        assert torch.equal(made.clean, kernel.clean)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("pattern", [QUAD, XTRANS, RGBW])
def test_dark_frames_keep_to_their_filters(tmp_path, pattern, in_place):
    """A bank that holds nothing but the place in the tile, met at every phase."""
    high, wide = mosaic.period_of(pattern)
    number = {letter: level for level, letter in enumerate("RGBW")}
    tile = np.array([[number[letter] for letter in row] for row in tile_of(pattern)], np.uint16) + 500
    bank = np.tile(tile, (5, 6))[None, : 5 * high - 1, : 6 * wide - 1]  # the last tile is cut, and must not be wrapped
    np.save(tmp_path / "bank.npy", np.concatenate([bank, bank]))
    stage = cn.DarkFrames.of(tmp_path / "bank.npy", black=500, cfa=pattern, in_place=in_place, step=0.0)
    for down, right in product(range(high), range(wide)):
        here = shifted(pattern, down, right)
        made = cn.Pipeline([stage], cfa=here)(torch.zeros(3, 1, 2 * high, 3 * wide), [1, 2, 3], seed=1)
        wanted = torch.tensor([[number[letter] for letter in row] for row in letters(here, 2 * high, 3 * wide)])
        assert (made[:, 0] == wanted).all()
    stage = cn.DarkFrames.of(tmp_path / "bank.npy", black=500, cfa=pattern)  # a histogram per filter, whole steps
    made = cn.Pipeline([stage], cfa=pattern)(torch.zeros(1, 1, high, wide), [1], seed=1)
    assert ((made[0, 0] - torch.tensor(tile.astype(np.float32) - 500)).abs() <= 0.5).all()


def test_dark_frames_of_other_filters_are_refused(tmp_path):
    np.save(tmp_path / "bank.npy", np.full((1, 12, 12), 512, np.uint16))
    stage = cn.DarkFrames.of(tmp_path / "bank.npy", black=512, cfa=QUAD)
    with pytest.raises(ValueError, match=f"DarkFrames of filters {QUAD} got images of filters RGGB"):
        cn.Pipeline([stage], cfa="RGGB")(torch.zeros(1, 1, 4, 4), [1])
    np.save(tmp_path / "small.npy", np.full((1, 5, 12), 512, np.uint16))
    with pytest.raises(OSError, match=r"dark frames small.npy are \(5, 12\), wanted at least one filter tile"):
        cn.DarkFrames.of(tmp_path / "small.npy", black=512, cfa=XTRANS)


def test_flat_fields_are_measured_on_tiles_of_four():
    with pytest.raises(ValueError, match="filters are GBGGRG.*, wanted a 2x2 tile of red, green and blue"):
        measure_noise(cn.Pipeline([cn.Expose(black=0, white=99), cn.Gain(K=1), cn.GaussianRead(sigma=2)], cfa=XTRANS))


def test_every_mosaic_can_be_looked_at():
    for pattern in TILES:
        y = filtered(torch.full((1, 3, 12, 12), 0.5), pattern)[0]
        assert torch.allclose(planes(y, pattern), torch.full((3, 12, 12), 0.5))


def test_one_tile_in_a_chain():
    with pytest.raises(ValueError, match=f"Mosaic makes RGGB, but the pipeline's cfa is {QUAD}"):
        check_chain([cn.Mosaic()], QUAD)
