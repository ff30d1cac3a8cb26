"""A camera from one frame: what is given back, what is left out, and what a single frame cannot say."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from camnoise import presets
from camnoise.calibrate.optical_black import optical_black
from camnoise.calibrate.patches import flat_patches
from camnoise.calibrate.single import from_raw, not_flat
from camnoise.calibrate.table import rows_of_single
from camnoise.cli import run_command
from camnoise.pipeline import Pipeline
from camnoise.raw import Raw, read_raw
from camnoise.vocabulary import NLF

CANON, CHART = "Canon_EOS30D_iso100_IMG_0848.CR2", "colorchart.dng"
ALPHA = 1e-6  # chance that a right estimator fails one count of intervals


def inside(estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def fewest(trials: int) -> int:
    """So many of the 95 % intervals hold the truth, or more, but for a chance of ALPHA."""
    return int(stats.binom.ppf(ALPHA, trials, 0.95))


def margin(seed: int, sigma=1.6, row=0.3, col=0.5, black=(128.3, 128.3, 127.7, 128.9), shape=(600, 64)):
    draw = np.random.default_rng(seed)
    y = draw.normal(0, sigma, shape) + draw.normal(0, row, (shape[0], 1)) + draw.normal(0, col, shape[1])
    for i, level in enumerate(black):
        y[i // 2 :: 2, i % 2 :: 2] += level
    return np.floor(y + 0.5).astype(np.uint16)


def chart(seed: int, K=2.0, sigma=10.0, black=512, prnu=0.0, side=56, darkest=30):
    """24 flat patches with shading of 10 %, and their rectangles."""
    draw = np.random.default_rng(seed)
    levels = draw.permutation(np.geomspace(darkest, 4000, 24)).reshape(4, 6)
    light = np.kron(levels, np.ones((side, side))) * (1 + 0.1 * np.sin(np.arange(6 * side) / 90))
    light *= 1 + prnu * draw.normal(size=light.shape)
    y = K * draw.poisson(light / K) + draw.normal(0, sigma, light.shape) + black
    rectangles = [(side * i, side * j, side, side) for i in range(4) for j in range(6)]
    return np.clip(np.floor(y + 0.5), 0, 16383).astype(np.uint16), rectangles


# --- optical black


def test_intervals_of_the_optical_black_hold_what_was_planted():
    """60 margins; each number's count of intervals that hold the truth is binomial."""
    pixel = 1.6**2 + 1 / 12
    truth = {"sigma": pixel**0.5, "sigma_total": (pixel + 0.3**2 + 0.5**2) ** 0.5, "sigma_row": 0.3, "sigma_col": 0.5}
    found = [optical_black(margin(seed)) for seed in range(60)]
    for name, value in truth.items():
        assert sum(inside(getattr(one, name), value) for one in found) >= fewest(60), name
    assert sum(inside(one.black[0], 128.3) for one in found) >= fewest(60)


def test_row_noise_without_the_subtraction_lies_outside():
    """The twin: what the pixels leave in a row's mean is 0.2 DN here, as much as the row noise."""
    one = optical_black(margin(3, row=0.2))
    assert inside(one.sigma_row, 0.2)
    assert not inside(one.sigma_row, float(np.std(one.rows)))


def test_color_bias_is_no_row_noise():
    one = optical_black(margin(4, row=0.0, black=(120.0, 140.0, 160.0, 130.0)))
    assert one.sigma_row.low == 0
    assert one.sigma_row.high < 0.2  # levels differ by 10 DN and more
    assert [round(level.value) for level in one.black] == [120, 140, 160, 130]


def test_hot_pixels_are_left_out_and_counted():
    y = margin(5)
    y[100, 10] = y[301, 20] = 4000
    one = optical_black(y)
    assert one.left_out == 2
    assert inside(one.sigma, (1.6**2 + 1 / 12) ** 0.5)
    assert any("2 of" in note for note in one.notes)


def test_what_a_margin_cannot_say_is_said():
    notes = " ".join(optical_black(margin(6)).notes)
    assert "a single frame cannot identify whether the columns' pattern is fixed" in notes
    assert "cannot identify the read noise's law" in notes
    with pytest.raises(ValueError, match="8 x 64 pixels, wanted 32 rows"):
        optical_black(margin(6)[:8])
    with pytest.raises(ValueError, match="128 DN everywhere"):
        optical_black(np.full((64, 64), 128, np.uint16))


def test_rows_that_drift_are_said():
    """Pairs of rows of one color share their noise: half of 0.3^2, of 0.3^2 + 1.6^2 / 64 with what pixels leave."""
    draw = np.random.default_rng(0)
    shared = np.repeat(draw.normal(0, 0.3, 300), 4)[:, None]
    y = margin(8, row=0.0, shape=(1200, 64)) + shared
    dithered = np.floor(y + draw.uniform(size=y.shape)).astype(np.uint16)
    one = optical_black(dithered)
    assert one.row_correlation == pytest.approx(0.5 * 0.09 / (0.09 + 1.6**2 / 64), abs=0.15)  # 5 standard errors
    assert "white noise included, are correlated" in " ".join(one.notes)


def test_independent_rows_do_not_drift():
    """30 margins at a chance of 1e-3: 2 of them come once in 2,000 times."""
    found = [optical_black(margin(seed, shape=(200, 32))) for seed in range(30)]
    assert sum("correlated" in " ".join(one.notes) for one in found) < 2


def test_the_canon_gives_its_numbers_back(shared_data: Path):
    raw = read_raw(shared_data / "raw" / CANON)
    one = optical_black(raw.masked["left"])
    assert inside(one.sigma_total, 1.754)
    assert inside(one.sigma_row, 0.21)
    assert inside(one.sigma_col, 0.70)
    assert all(inside(level, 128.0) for level in one.black)
    assert one.sigma_row.high - one.sigma_row.low < 0.06  # an interval that holds everything says nothing
    assert one.sigma_col.high - one.sigma_col.low < 0.4


# --- flat patches


def test_intervals_of_patches_hold_what_was_planted():
    """40 charts with shading, K 2 and sigma 10."""
    found = []
    for seed in range(40):
        mosaic, rectangles = chart(seed)
        found.append(flat_patches(mosaic, cfa="RGGB", black=[512], white=16383, rectangles=rectangles))
    assert sum(inside(one.K, 2.0) for one in found) >= fewest(40)
    assert sum(inside(one.offset, 100 + 1 / 12) for one in found) >= fewest(40)
    assert np.mean([one.K.value for one in found]) == pytest.approx(2.0, rel=0.02)


def test_patches_are_found_where_nobody_gives_them():
    mosaic, _ = chart(1, side=128)
    found = flat_patches(mosaic, cfa="RGGB", black=[512], white=16383)
    assert found.K.value == pytest.approx(2.0, rel=0.03)
    assert found.offset.value == pytest.approx(100, rel=0.06)


def test_prnu_inflates_the_gain_as_the_docstring_says():
    mosaic, rectangles = chart(2, prnu=0.02)
    found = flat_patches(mosaic, cfa="RGGB", black=[512], white=16383, rectangles=rectangles)
    assert found.K.low > 2.0
    assert any("PRNU" in note for note in found.notes)


def test_texture_and_clipped_patches_are_left_out():
    mosaic, rectangles = chart(7)
    textured = mosaic.copy()
    textured[:56, :56] += (200 * (np.add.outer(np.arange(56), np.arange(56)) // 12 % 2)).astype(np.uint16)
    textured[56:112, :56] = 16383
    found = flat_patches(textured, cfa="RGGB", black=[512], white=16383, rectangles=rectangles)
    gone = {tuple(where[:2] // 56) for where in found.where[~found.used]}
    assert gone == {(0, 0), (1, 0)}
    assert inside(found.K, 2.0)


def test_a_camera_that_cuts_off_at_black_gives_the_right_gain():
    """30 charts; those of their patches that reach 0 are too quiet and too bright."""
    found = []
    for seed in range(30):
        mosaic, rectangles = chart(seed, black=0, darkest=1)
        found.append(flat_patches(mosaic, cfa="RGGB", black=[0], white=16383, rectangles=rectangles))
    assert sum(inside(one.K, 2.0) for one in found) >= fewest(30)
    assert np.mean([one.K.value for one in found]) == pytest.approx(2.0, rel=0.02)
    assert "reach 0 raw DN, cut off at black" in found[0].notes[-1]
    whole = flat_patches(chart(0)[0], cfa="RGGB", black=[512], white=16383, rectangles=chart(0)[1])
    assert "reach 0" not in " ".join(whole.notes)


def test_patches_that_lie_off_the_line_make_the_interval_wider():
    """Four rectangles are too few to leave out one at a time: the misfit of the line speaks alone."""
    draw = np.random.default_rng(3)
    rectangles = [(0, 64 * i, 64, 64) for i in range(4)]
    noise, level = draw.normal(size=(64, 256)), np.kron([200.0, 800.0, 1800.0, 3500.0], np.ones(64))
    reach = []
    for off in ([1, 1, 1, 1], [1.3, 0.8, 1.3, 0.8]):
        y = 512 + level + np.sqrt((2 * level + 100) * np.kron(off, np.ones(64))) * noise
        found = flat_patches(np.round(y).astype(np.uint16), cfa="RGGB", black=[512], white=16383, rectangles=rectangles)
        reach.append(found.K.high - found.K.low)
    assert reach[1] > 2 * reach[0]


def test_one_brightness_gives_no_gain():
    draw = np.random.default_rng(0)
    flat = np.round(draw.normal(2000, 30, (256, 256))).astype(np.uint16)
    found = flat_patches(flat, cfa="RGGB", black=[512], white=16383)
    assert found.K is None
    assert any("not identifiable" in note for note in found.notes)


def test_wrong_rectangles_are_one_sentence():
    mosaic, _ = chart(0)
    with pytest.raises(ValueError, match=r"\(0, 330, 20, 20\) is not inside the mosaic of 224 x 336"):
        flat_patches(mosaic, cfa="RGGB", black=[512], white=16383, rectangles=[(0, 330, 20, 20)])
    with pytest.raises(ValueError, match="under 8 x 8 pixels of each color"):
        flat_patches(mosaic, cfa="RGGB", black=[512], white=16383, rectangles=[(0, 0, 14, 40)])


# --- one RAW file


def raw(mosaic, **fields) -> Raw:
    return Raw(mosaic, "RGGB", 14, (512.0,) * 4, 16383.0, **fields)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_black_of_each_site_follows_the_place_of_the_margin(down, right):
    """The tile is stated at the visible area; a margin at an odd distance begins with another color."""
    names = {(0, 0): 510.0, (0, 1): 511.0, (1, 0): 513.0, (1, 1): 514.0}  # of R, G1, G2, B in the visible tile
    levels = [names[(i // 2 + down) % 2, (i % 2 + right) % 2] for i in range(4)]
    mosaic, rectangles = chart(0)
    one = raw(
        mosaic,
        masked={"left": margin(1, black=levels, row=0.0, col=0.0)},
        masked_at={"left": (10 + down, right)},
        origin=(10, 64),
    )
    found = from_raw(one, "frame.dng", rectangles=rectangles)
    assert np.round(found.black) == pytest.approx([510, 511, 513, 514])


def test_a_file_without_margins_says_so_and_gives_a_camera():
    mosaic, rectangles = chart(0)
    found = from_raw(raw(mosaic, iso=400.0), "frame.dng", rectangles=rectangles)
    assert inside(found.point.read.sigma, 10.0)
    assert any("no usable optical black" in note for note in found.notes)
    camera = found.camera("mine", "Mine")
    assert camera.iso_range == (400.0, 400.0)
    assert camera.pipeline(400.0).cfa == "RGGB"


def test_the_profile_of_a_dng_is_given_as_it_stands():
    flat = np.round(np.random.default_rng(0).normal(2000, 30, (256, 256))).astype(np.uint16)
    profile = (NLF(1e-3, 1e-6), NLF(3e-3, 3e-6))
    found = from_raw(raw(flat, noise_profile=profile), "frame.dng")
    assert found.point is None
    assert found.nlf() == pytest.approx((2e-3, 2e-6))
    with pytest.raises(ValueError, match=r"frame\.dng gives no camera: .*the gain is not identifiable"):
        found.camera("mine", "Mine")


def test_the_chart_gives_its_numbers_back(shared_data: Path):
    """Published: slope 2.09, 185 DN^2 without light from the mid-tones, whose interval is wide."""
    found = from_raw(read_raw(shared_data / "raw" / CHART), CHART)
    assert inside(found.patches.K, 2.09)
    assert found.patches.K.high - found.patches.K.low < 0.1
    assert all(abs(level - 2048) < 4 for level in found.black)
    read = read_raw(shared_data / "raw" / CHART)
    given = flat_patches(read.mosaic, cfa=read.cfa, black=[2048], white=read.white, rectangles=PATCHES)
    assert inside(given.K, 2.09)
    middle = flat_patches(
        read.mosaic, cfa=read.cfa, black=[2048], white=read.white, rectangles=PATCHES, means=(400, 3000)
    )
    assert inside(middle.K, 2.09)
    assert inside(middle.offset, 185)
    # The dark patches say less than 185: a lower black, or a line that bends.
    assert given.offset.high < 185


PATCHES = [
    (2 * (row - 14), 2 * (col - 14), 56, 56)
    for row, columns in (
        (312, (357, 411, 465, 518, 571, 626)),
        (358, (355, 410, 464, 518, 572, 627)),
        (410, (354, 408, 463, 517, 573, 628)),
        (463, (352, 407, 462, 517, 573, 629)),
    )
    for col in columns
]


def test_the_command_writes_a_camera_from_one_file(shared_data: Path, tmp_path: Path, capsys):
    out, report = tmp_path / "mine.json", tmp_path / "mine.html"
    code = run_command(
        ["calibrate", "--from", str(shared_data / "raw" / CHART), "--out", str(out), "--report", str(report)]
    )
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert "gain K, from flat patches" in said.out
    assert "a single frame cannot identify" in said.out
    camera = presets.load(str(out))
    assert camera.draw([0]).sample(0)["K"] == pytest.approx(2.09, abs=0.05)
    assert str(tmp_path) not in report.read_text() + out.read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "mine.json"]


# --- what is no camera


def test_a_line_below_zero_without_light_is_no_camera():
    """PRNU of 4 % bends the variance upward, and a line through it then lies below 0 without light."""
    mosaic, rectangles = chart(3, prnu=0.04, sigma=2.0)
    found = from_raw(raw(mosaic, iso=400.0), "frame.dng", rectangles=rectangles)
    assert found.patches.offset.high < 0
    assert found.point is None
    assert any(note.startswith("no camera: the patches' variance without light is") for note in found.notes)
    with pytest.raises(ValueError, match=r"frame\.dng gives no camera"):
        found.camera("mine", "Mine")


def test_read_noise_that_is_not_identifiable_is_no_camera():
    """Without read noise the intercept is 1/12 DN^2 of rounding, give or take: about every other chart is below it."""
    seen = 0
    for seed in range(12):
        mosaic, rectangles = chart(seed, sigma=0.0)
        found = from_raw(raw(mosaic), "frame.dng", rectangles=rectangles)
        if found.patches.offset.value <= 1 / 12 and found.patches.offset.high >= 0:
            seen += 1
            assert found.point is None
            assert any("read noise is not identifiable" in note for note in found.notes)
    assert seen > 0  # all above it: a chance below 1e-3


def test_patches_that_are_not_flat_are_named():
    """A ramp from black to white under the first patch; the chart's own shading, 6 % of a patch, is none."""
    mosaic, rectangles = chart(1)
    assert not_flat(mosaic, "RGGB", rectangles) == []
    mosaic[:56, :56] += np.linspace(0, 4000, 56).astype(np.uint16)[:, None]
    (note,) = not_flat(mosaic, "RGGB", rectangles)
    assert note.startswith("the patch 0,0,56,56 is not flat: its light changes by ")
    assert note in from_raw(raw(mosaic), "frame.dng", rectangles=rectangles).notes
    edge = np.full((64, 64), 600, np.uint16)
    edge[:, 32:] = 3000
    assert len(not_flat(edge, "RGGB", [(0, 0, 64, 64)])) == 1


def test_the_black_of_the_margin_is_in_the_table():
    mosaic, rectangles = chart(0)
    black = (512.3, 512.3, 511.7, 512.9)
    dark = margin(1, row=0.0, col=0.0, black=black)
    one = raw(mosaic, masked={"left": dark}, masked_at={"left": (10, 0)}, origin=(10, 64))
    found = from_raw(one, "frame.dng", rectangles=rectangles)
    rows = {row.what: row for row in rows_of_single(found)}
    for site, level in zip(("R", "G1", "G2", "B"), black, strict=True):
        assert rows[f"black level of {site}"].estimate.value == pytest.approx(level, abs=0.1)
    assert f"offset of R from {found.camera('mine', 'Mine').black:.2f}" in rows


def test_a_photographs_pipeline_is_of_photographs(shared_data: Path, tmp_path: Path, capsys):
    out = tmp_path / "mine.json"
    photograph = shared_data / "clean" / "Kodak24" / "02.png"
    assert run_command(["calibrate", "--from", str(photograph), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "the levels scatter" in said
    stages = Pipeline.from_json(out.read_text()).stages
    assert [stage.kind for stage in stages] == ["linearize", "heteroscedastic"]
    assert stages[1].lambda_read == 0  # its noise in the dark is too small to be seen, not 1e-16
    assert run_command(["preview", str(photograph), "--pipeline", str(out), "--out", str(tmp_path / "a.png")]) == 0
