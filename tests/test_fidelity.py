"""`compare`: a camera passes against itself at the stated rate, and each known mistake is seen in its line.

One comparison of equal cameras fails with a chance of at most alpha = 0.01; tests that want a pass use fixed seeds.
"""

import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from scipy import stats

import camnoise as cn
from camnoise import measuring
from camnoise.fidelity import Exposures, Fidelity, Patch, compare, read_exposures, simulate, write_report
from camnoise.fidelity.bins import bins_of
from camnoise.fidelity.lines import dithered
from camnoise.fidelity.means import means_of
from camnoise.fidelity.measures import Histogram, marginal
from camnoise.fidelity.regions import regions_of
from camnoise.fidelity.spectra import effective_freedom, spectra
from camnoise.pipeline import Pipeline
from camnoise.terminal import sentence_of

BLACK, WHITE = 512.0, 16383.0


def camera(K=2.0, sigma=4.0, lam: float | None = -0.1, row=0.8, column=0.0, extra=()):
    """A 14-bit sensor; lam None is Gaussian read noise."""
    read = cn.GaussianRead(sigma=sigma) if lam is None else cn.TukeyLambdaRead(sigma=sigma, lam=lam)
    banding = cn.Banding(sigma_row=row, sigma_col=column, columns="temporal")
    stages = [cn.Expose(black=BLACK, white=WHITE), cn.Shot(), cn.Gain(K=K), read, *extra, banding, cn.Quantize(bits=14)]
    return Pipeline(stages, name="test", cfa="RGGB")


def frames(of: Pipeline, light, count=4, seed=0, name="a", cfa="RGGB") -> Exposures:
    image = torch.as_tensor(light, dtype=torch.float32)[None, None]
    taken = [of(image, [name], seed=seed, view=n + 1)[0, 0].numpy() for n in range(count)]
    return Exposures(name, np.stack(taken).astype(np.uint16), (BLACK,), WHITE, cfa)


def ramp(side=192):
    return np.broadcast_to(0.3 * np.linspace(0, 1, side) ** 2, (side, side)).copy()


def dark(side=192):
    return np.zeros((side, side))


def failed(outcome: Fidelity) -> set[str]:
    return {line.what for line in outcome.failures}


def line(outcome: Fidelity, what: str, where: str = ""):
    return next(line for line in outcome.lines if line.what == what and where in line.where)


# --- equal cameras


@pytest.mark.parametrize(
    ("scene", "count", "own"), [(ramp, 3, True), (dark, 2, True), (dark, 4, False), (ramp, 2, False)]
)
def test_a_camera_against_itself_fails_as_seldom_as_stated(scene, count, own):
    """30 comparisons at alpha = 0.1: more than 12 failures have a chance of 5e-6 where each has at most 0.1."""
    runs, alpha = 30, 0.1
    assert stats.binom.sf(12, runs, alpha) < 1e-5
    truth = camera()
    wrong = 0
    for seed in range(runs):
        real = frames(truth, scene(96), count, seed=1000 + seed)
        other = truth if own else frames(truth, scene(96), count, seed=5000 + seed)
        wrong += not compare(real, other, alpha=alpha, seed=seed, swaps=399).passes
    assert wrong <= 12


@pytest.mark.slow
def test_the_stated_rate_over_many_seeds():
    """About 2 minutes. 600 comparisons at alpha = 0.05: more than 60 failures have a chance of 3e-7."""
    runs, alpha = 600, 0.05
    assert stats.binom.sf(60, runs, alpha) < 1e-6
    truth = camera(column=0.3)
    wrong = 0
    for seed in range(runs):
        real = frames(truth, ramp(128), 2 + seed % 3, seed=10_000 + seed)
        wrong += not compare(real, truth, alpha=alpha, seed=seed, swaps=599).passes
    assert wrong <= 60


@pytest.mark.parametrize(
    ("K", "sigma", "light", "count"),
    [(0.05, 0.6, 0.02 * ramp(192), 3), (0.3, 1.0, 0.02 * ramp(384), 4), (0.2, 0.25, dark(192), 4)],
)
def test_noise_of_a_step_or_less_fails_no_oftener(K, sigma, light, count):
    """6 comparisons at alpha = 0.01: more than 2 failures have a chance of 2e-5.

    Integers' residuals lie on a lattice that column means move; fine cells saw that in 6, 5 and 2 of 6.
    """
    truth = camera(K=K, sigma=sigma, lam=None, row=0.0)
    pairs = [[frames(truth, light, count, seed=start + seed) for start in (100, 900)] for seed in range(6)]
    assert sum(not compare(*pair, seed=seed, swaps=799).passes for seed, pair in enumerate(pairs)) <= 2


@pytest.mark.parametrize("row", [8.0, 30.0])
def test_row_noise_stronger_than_the_read_noise_is_no_light_in_the_dark(row):
    """24 comparisons at alpha = 0.1: more than 10 failures have a chance of 2e-6; as light, rows failed 13 and 18."""
    assert stats.binom.sf(10, 24, 0.1) < 1e-5
    truth = camera(lam=None, row=row)
    real = [frames(truth, dark(96), 4, seed=100 + seed) for seed in range(24)]
    assert sum(not compare(one, truth, alpha=0.1, seed=n, swaps=399).passes for n, one in enumerate(real)) <= 10


def test_waves_of_new_phase_in_rows_of_equal_cameras():
    """20 comparisons at alpha = 0.01: more than 2 failures have a chance of 1e-3; without fading lines 7 failed."""

    def waves(seed):
        generator = np.random.Generator(np.random.Philox(seed))
        phase = generator.uniform(0, 2 * np.pi, (4, 1, 1))
        wave = 2 * np.sin(2 * np.pi * 0.0973 * np.arange(128)[:, None] + phase)
        return Exposures("a", np.rint(BLACK + wave + generator.normal(0, 4, (4, 128, 128))), (BLACK,), WHITE, "RGGB")

    wrong = [not compare(waves(seed), waves(1000 + seed), seed=seed, swaps=799).passes for seed in range(20)]
    assert sum(wrong) <= 2


def test_flats_and_darks_are_bins_of_their_own_and_give_the_gain():
    truth = camera()
    real = [frames(truth, np.full((128, 128), x), 2, seed=3, name=f"level{x}") for x in (0.0, 0.05, 0.1, 0.2)]
    outcome = compare(real, truth, seed=5)
    assert outcome.passes
    assert [round(level.mean, -1) for level in outcome.levels] == [0, 790, 1590, 3170]
    for transfer in (outcome.real_transfer, outcome.simulated_transfer):
        assert transfer.slope.low < transfer.slope.value < transfer.slope.high
        # Two standard errors of an interval beyond it: 2e-4 for each of four numbers.
        reach = (transfer.slope.high - transfer.slope.low) / 2
        assert abs(transfer.slope.value - 2.0) < 2 * reach


# --- known mistakes, each in its line


def test_a_gain_ten_per_cent_too_high_is_seen_in_the_photon_transfer():
    outcome = compare(frames(camera(), ramp()), camera(K=2.2))
    assert "photon transfer" in failed(outcome)
    slope = line(outcome, "photon transfer", "slope")
    assert not slope.holds
    assert slope.simulated / slope.real == pytest.approx(1.1, abs=0.04)
    assert line(outcome, "row noise").holds


def test_gaussian_read_noise_instead_of_tukey_tails_is_seen_in_the_tails():
    outcome = compare(frames(camera(lam=-0.2), dark(256)), camera(lam=None))
    assert "tails" in failed(outcome)
    assert line(outcome, "variance").holds
    tail = line(outcome, "tails", "0.001")
    assert tail.real > tail.simulated


def test_missing_row_noise_is_seen_in_the_rows():
    outcome = compare(frames(camera(), dark()), camera(row=0.0))
    assert {"row noise", "row spectrum"} <= failed(outcome)
    assert "column spectrum" not in failed(outcome)
    assert line(outcome, "row noise").real == pytest.approx(0.64, abs=0.25)


def test_missing_column_noise_is_seen_in_the_columns():
    outcome = compare(frames(camera(row=0.0, column=0.8), dark()), camera(row=0.0))
    assert "column spectrum" in failed(outcome)
    assert "row spectrum" not in failed(outcome)


def test_negative_values_cut_off_at_black_are_seen_in_the_dark():
    """Known mistake 28: the mean rises by 0.4 sigma and half of the noise is gone."""
    real = frames(camera(), dark())
    clipped = frames(camera(), dark(), seed=9)
    clipped = Exposures("a", np.maximum(clipped.frames, 512), (BLACK,), WHITE, "RGGB")
    outcome = compare(real, clipped)
    assert {"mean", "variance", "KS", "EMD", "KL"} <= failed(outcome)
    mean = line(outcome, "mean")
    assert mean.simulated - mean.real == pytest.approx(0.4 * 4.1, rel=0.1)


def test_quantization_noise_counted_twice_is_seen_in_the_variance():
    """Known mistake 26: a uniform of one step and rounding too add 1/12 DN^2 more than rounding alone."""
    real, other = (frames(camera(sigma=0.8, lam=None, row=0.0), dark(384), 4, seed=seed) for seed in (1, 2))
    generator = np.random.Generator(np.random.Philox(4))
    stages = [*camera(sigma=0.8, lam=None, row=0.0).stages[:-1]]
    smooth = Pipeline(stages, name="smooth", cfa="RGGB")
    level = torch.stack([smooth(torch.zeros(1, 1, 384, 384), ["a"], seed=2, view=n + 1)[0, 0] for n in range(4)])
    twice = np.rint(level.numpy() + BLACK + generator.uniform(-0.5, 0.5, level.shape))
    outcome = compare(real, Exposures("a", twice, (BLACK,), WHITE, "RGGB"))
    assert "variance" in failed(outcome)
    variance = line(outcome, "variance")
    assert variance.simulated - variance.real == pytest.approx(1 / 12, abs=0.02)
    assert compare(real, other).passes, "the twin without the mistake"


def test_row_noise_of_packed_planes_is_seen_in_what_filters_share():
    """Known mistake 24: R and G1 of one row must have the same offset."""
    real = frames(camera(row=1.5), dark())
    other = frames(camera(row=0.0), dark(), seed=8).frames.astype(np.float64)
    generator = np.random.Generator(np.random.Philox(5))
    for parity in (0, 1):
        other[:, :, parity::2] += generator.normal(0, 1.5, other.shape[:2])[:, :, None]
    outcome = compare(real, Exposures("a", np.rint(other), (BLACK,), WHITE, "RGGB"))
    shared = line(outcome, "row noise")
    assert not shared.holds
    assert shared.real == pytest.approx(2.25, abs=0.6)
    assert abs(shared.simulated) < 0.3


def test_smoothed_noise_is_seen_between_neighbors():
    real = frames(camera(), dark())
    other = frames(camera(), dark(), seed=8).frames.astype(np.float64)
    smooth = 0.9 * other + 0.1 * np.roll(other, 2, axis=2)
    outcome = compare(real, Exposures("a", smooth, (BLACK,), WHITE, "RGGB"))
    assert not line(outcome, "autocorrelation", "0 down, 2 right").holds


# --- what the lines say


def test_ks_emd_and_kl_of_known_histograms():
    real, simulated = np.array([[400.0, 400.0, 200.0]]), np.array([[200.0, 100.0, 700.0]])
    ks, emd, kl = marginal(Histogram(0.5, (real, simulated)), "", 1.0).distances(real, simulated)[0]
    assert ks == pytest.approx(0.5)  # 0.4, 0.8, 1 and 0.2, 0.3, 1 are below the edges
    assert emd == pytest.approx((0.2 + 0.5) * 0.5)
    p, q = (real[0] + 0.5) / 1001.5, (simulated[0] + 0.5) / 1001.5
    assert kl == pytest.approx(sum(a * math.log(a / b) for a, b in zip(p, q, strict=True)))


def test_no_chance_is_less_than_the_swaps_resolve():
    """The frames as they are count as a swap, and pixels are one of four families that share alpha."""
    outcome = compare(frames(camera(), ramp(96)), camera(K=4.0), alpha=0.05, swaps=399)
    assert min(each.p for each in outcome.lines if each.what == "KL") == pytest.approx(4 / 400)


def test_the_error_of_a_mean_knows_that_rows_share_noise():
    """24 standardized differences: their mean square is 1, and beyond (0.3, 2.6) with a chance of 1e-4.

    Pixels taken as independent would give 70.
    """
    truth, z = camera(lam=None, row=8.0), []
    for seed in range(24):
        pair = [[frames(truth, dark(96), 3, seed=start + seed)] for start in (100, 900)]
        regions = regions_of(*pair, exposed=False)
        mean = means_of(regions, bins_of(regions), ["0 DN"], colors=False)[0]
        z.append((mean.real - mean.simulated) / mean.error)
    assert stats.chi2(24).sf(2.6 * 24) + stats.chi2(24).cdf(0.3 * 24) < 1e-3
    assert 0.3 < np.mean(np.square(z)) < 2.6


def test_the_power_of_white_noise_is_one():
    """Six deviations for each of 16 numbers: 3e-8."""
    truth = camera(row=0.0, lam=None)
    regions = regions_of([frames(truth, dark(), 8)], [frames(truth, dark(), 8, seed=9)], exposed=False)
    powers, _ = spectra(regions, bins_of(regions))
    assert len(powers) == 8
    for power in powers:
        assert power.real == pytest.approx(1, abs=6 * math.sqrt(2 / power.freedom))
        assert power.simulated == pytest.approx(1, abs=6 * math.sqrt(2 / power.freedom))
    assert max(power.freedom for power in powers) > 400  # an interval that a factor of 2 leaves


def test_a_wave_has_the_freedom_of_its_own_frequency():
    white, six = np.ones(50), np.full(50, 6.0)
    assert effective_freedom(white, six) == 300
    assert effective_freedom(np.where(np.arange(50) == 7, 1.0, 0.0), six) == pytest.approx(7)


def test_residuals_of_rounded_frames_have_a_step_and_others_none():
    rounded = frames(camera(), dark(96), 2)
    smooth = Exposures("a", rounded.frames + 0.25, (BLACK,), WHITE, "RGGB")
    assert regions_of([rounded], [smooth], exposed=False)[0].step == pytest.approx(math.sqrt(0.5))
    region = regions_of([smooth], [smooth], exposed=False)[0]
    assert region.step == 0
    assert dithered([region], 0)[0].noise[0] == pytest.approx(region.noise[0])


# --- what goes in


def test_patches_of_one_exposure():
    light = np.kron(np.linspace(0.01, 0.2, 16).reshape(4, 4), np.ones((48, 48)))
    patches = tuple(Patch(48 * i + 4, 48 * j + 4, 40, 40) for i in range(4) for j in range(4))
    one = frames(camera(row=0.0), light, 1, seed=2)
    real = Exposures("chart", one.frames, one.black, one.white, one.cfa, patches)
    good, bad = compare(real, camera(row=0.0)), compare(real, camera(K=2.3, row=0.0))
    assert good.passes
    assert any("one exposure" in what for what in good.left_out)
    assert "variance" in failed(bad) or "photon transfer" in failed(bad)


@pytest.mark.parametrize("pattern", [None, "GBRG", "RRGG/RRGG/GGBB/GGBB"])
def test_other_filters(pattern):
    truth = Pipeline(camera().stages, name="test", cfa=pattern)
    real = frames(truth, ramp(96), 3, seed=4, cfa=pattern)
    assert compare(real, truth).passes
    assert not compare(real, Pipeline(camera(K=2.6).stages, name="test", cfa=pattern)).passes


def test_a_color_bias_is_not_counted_twice():
    bias = cn.ColorBias(R=3.0, G1=-2.0, G2=1.0, B=0.5)
    truth = camera(extra=(bias,))
    real = frames(truth, np.full((128, 128), 0.05), 4)
    assert compare(real, truth).passes


def test_dark_charge_is_not_counted_twice():
    """50 electrons of it are 100 DN; counted twice, the mean would be 200 DN.

    Taken from the light after what is near black was smoothed, it left noise there that was cut off at 0: 103 DN.
    """
    stages = list(camera().stages)
    stages.insert(1, cn.DarkCurrent(current=50.0, seconds=1.0, celsius=25.0, spread=0.0))
    truth = Pipeline(stages, name="test", cfa="RGGB")
    real = frames(truth, dark(96), 4)
    outcome = compare(real, truth, seed=5)
    assert outcome.passes
    # A mean over 4 x 96^2 pixels of 15 DN and 96 rows has a deviation of 0.1 DN; six of them, and those of the real.
    assert line(outcome, "mean").simulated == pytest.approx(100, abs=1)


def test_a_dark_scene_gets_no_light_from_its_own_noise():
    """Cutting a noisy mean off at 0 would add 0.4 sigma / sqrt(2) = 1.2 DN here."""
    real = frames(camera(), dark(), 2)
    made = simulate(real, camera(), seed=3)
    # The mean of 2 x 192^2 pixels and of 192 rows has a deviation of 0.05 DN; six of them.
    assert abs(made.levels().mean() - real.levels().mean()) < 0.3


def test_the_outcome_is_made_again_and_goes_through_json(tmp_path):
    real = frames(camera(), ramp(96))
    outcome, again = compare(real, camera(), seed=2), compare(real, camera(), seed=2)
    assert outcome == again
    write_report(outcome, tmp_path / "fidelity.json")
    assert Fidelity.from_json((tmp_path / "fidelity.json").read_text()) == outcome


def test_the_page_is_whole_and_asks_for_nothing(tmp_path):
    outcome = compare(frames(camera(), ramp(96)), camera(row=0.0))
    write_report(outcome, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert len(re.findall(r"<svg", text)) == 2 + len(outcome.levels) + 2
    assert not re.search(r"(src|href)=|@import|url\(http", text)


@pytest.mark.parametrize(
    ("real", "other", "says"),
    [
        (
            lambda: frames(camera(), dark(96), 1),
            camera,
            "two of the same scene, or flat patches of one (patches=, --patch ROW,",
        ),
        (lambda: frames(camera(), dark(96)), lambda: frames(camera(), dark(94)), "wanted real and simulated frames of"),
        (lambda: frames(camera(), dark(16)), camera, "bands of rows, wanted at least 12"),
        (lambda: [], camera, "real holds no frames"),
        (lambda: frames(camera(), dark(96)), lambda: cn.noise("gaussian:25"), "wanted a sensor"),
        (lambda: frames(camera(), np.ones((96, 96))), camera, "0 pixels below white"),
        (
            lambda: [frames(camera(), dark(96), name="a"), frames(camera(), dark(96), name="b")],
            lambda: [frames(camera(), dark(96), name="a"), frames(camera(), dark(96), name="c")],
            "simulated has no frames of 'b'",
        ),
    ],
)
def test_what_cannot_be_compared_is_one_sentence(real, other, says):
    with pytest.raises(ValueError, match=re.escape(says)) as caught:
        compare(real(), other())
    assert "\n" not in str(caught.value)


# --- folders and the command


def save(folder: Path, exposures: Exposures) -> Path:
    folder.mkdir(parents=True)
    for n, frame in enumerate(exposures.frames):
        np.save(folder / f"{n}.npy", frame)
    return folder


def command(*arguments: str) -> tuple[int, str]:
    """The exit code, and what went wrong."""
    app = typer.Typer()
    app.command()(measuring.compare)
    try:
        code = app([*map(str, arguments)], standalone_mode=False)
        return (code if isinstance(code, int) else 0), ""
    except (ValueError, TypeError, OSError) as error:
        return 1, sentence_of(error)


def test_folders_are_scenes(tmp_path):
    save(tmp_path / "flats" / "a", frames(camera(), dark(32), 2))
    np.save(tmp_path / "flats" / "b.npy", frames(camera(), dark(32), 3).frames)
    found = read_exposures(tmp_path / "flats", black=BLACK, white=WHITE, cfa="RGGB")
    assert {scene.name: len(scene.frames) for scene in found} == {"a": 2, "b": 3}
    with pytest.raises(ValueError, match="states no black and white level"):
        read_exposures(tmp_path / "flats")


def test_the_command_says_by_its_exit_code_whether_it_passes(tmp_path, capsys):
    real = save(tmp_path / "real", frames(camera(), ramp(96)))
    (tmp_path / "good.json").write_text(camera().model_dump_json())
    (tmp_path / "bad.json").write_text(camera(K=3.0).model_dump_json())
    tile = ("--cfa", "RGGB")
    assert command(real, tmp_path / "good.json", *tile, "--out", tmp_path / "out.html") == (0, "")
    assert "passes" in capsys.readouterr().out
    assert (tmp_path / "out.html").exists()
    assert command(real, tmp_path / "bad.json", *tile, "--out", tmp_path / "out.json") == (3, "")
    shown = capsys.readouterr()
    assert "BEYOND" in shown.out
    assert "fails in" in shown.err
    assert json.loads((tmp_path / "out.json").read_text())["lines"]
    levels = ("--black", "512", "--white", "16383")
    other = save(tmp_path / "other", frames(camera(), ramp(96), seed=7))
    assert command(real, other, *tile, *levels)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere", "sony_a7s2", "--iso", "6400"), "does not exist"),
        (("real", "kodak", "--iso", "6400"), "kodak"),
        (("real", "missing.json"), "cannot be read"),
        (("real", "real"), "states no black and white level"),
        (("real", "sony_a7s2", "--iso", "6400", "--out", "x.pdf"), "does not end in .html or .json"),
        (("real", "sony_a7s2", "--iso", "6400", "--patch", "1,2"), "wanted ROW,COL,ROWS,COLS"),
        (("real", "sony_a7s2", "--iso", "6400", "--patch", "0,0,999,999"), "leaves the 96x96 frames"),
    ],
)
def test_wrong_use_is_one_sentence(tmp_path, monkeypatch, arguments, says):
    save(tmp_path / "real", frames(camera(), dark(96)))
    monkeypatch.chdir(tmp_path)
    code, message = command(*arguments)
    assert code == 1
    assert says in message
    assert "\n" not in message


# --- a real camera


CHART_COLUMNS = (
    (357, 411, 464, 517, 572, 626),
    (355, 409, 462, 517, 571, 627),
    (353, 408, 461, 516, 572, 627),
    (351, 407, 461, 516, 571, 628),
)
CHART_ROWS = (312, 361, 411, 464)  # the middles of the color chart's 24 patches, in pairs of pixels
PATCHES = [
    Patch(2 * row - 28, 2 * col - 28, 56, 56)
    for row, cols in zip(CHART_ROWS, CHART_COLUMNS, strict=True)
    for col in cols
]


def test_the_chart_of_a_real_camera_against_one_calibrated_from_it(shared_data):
    """The camera that one RAW file gives, on that file's patches replaced by their means.

    Of five simulated exposures each fails with a chance of at most 0.01 where the camera is right: two of them 1e-3.
    A gain of 1.25 times that is seen every time.
    """
    pytest.importorskip("rawpy")
    from camnoise.calibrate.single import from_raw
    from camnoise.raw import read_raw

    file = shared_data / "raw" / "colorchart.dng"
    raw = read_raw(file)
    found = from_raw(raw, file.name, rectangles=[tuple(patch) for patch in PATCHES])
    assert found.point.K.low < 2.09 < found.point.K.high
    chain = found.camera("chart", "chart").pipeline()
    real = Exposures("chart", raw.mosaic[None], raw.black, raw.white, raw.cfa, tuple(PATCHES))
    assert sum(compare(real, chain, seed=seed).passes for seed in range(5)) >= 4
    wrong = Pipeline(
        [cn.Gain(K=1.25 * stage.K) if isinstance(stage, cn.Gain) else stage for stage in chain.stages], cfa=chain.cfa
    )
    assert not any(compare(real, wrong, seed=seed).passes for seed in range(5))


# --- what files say of themselves


def save_raw(folder: Path, exposures: Exposures, iso: float) -> Path:
    from camnoise.raw import write_dng

    folder.mkdir(exist_ok=True)
    for n, frame in enumerate(exposures.frames):
        levels = {"black": BLACK, "white": WHITE, "bits": 14}
        write_dng(folder / f"{iso:g}_{n}.dng", frame, cfa="RGGB", **levels, iso=iso, exposure=0.03)
    return folder


def test_frames_of_several_isos_are_not_pooled(tmp_path, monkeypatch, capsys):
    """A camera of ISO 800 passes against its own frames, which are found by --iso, or are the only ones."""
    pytest.importorskip("rawpy")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "camera.json").write_text(camera().model_dump_json())
    save_raw(Path("REAL"), frames(camera(), ramp(96)), 800)
    assert command("REAL", "camera.json", "--out", "out.json") == (0, "")
    assert json.loads(Path("out.json").read_text())["real"] == "REAL"
    assert command("REAL", "camera.json", "--iso", "400") == (1, "frames of 'REAL' are at ISO 800, wanted 400")
    save_raw(Path("REAL"), frames(camera(K=4.0), ramp(96)), 1600)
    code, message = command("REAL", "camera.json")
    assert (code, message) == (
        1,
        "frames of 'REAL' are at ISO 800, 1600, wanted one: iso= (--iso) keeps those of one",
    )
    assert command("REAL", "camera.json", "--iso", "800") == (0, "")
    assert command("REAL", "camera.json", "--iso", "1600")[0] == 3
    found = read_exposures("REAL", iso=1600, root="mine")
    assert [(scene.name, scene.iso) for scene in found] == [("mine, ISO 1600, 0.03 s", 1600)]
    with pytest.raises(ValueError, match="states RGGB, but cfa= "):
        read_exposures("REAL", cfa="GRBG")
    capsys.readouterr()


def test_the_iso_of_the_files_is_the_cameras(tmp_path):
    pytest.importorskip("rawpy")
    real = save_raw(tmp_path / "real", frames(camera(), ramp(96)), 25)
    assert "ISO is 25, wanted 50 to" in command(real, "sony_a7s2")[1]
    real = save_raw(tmp_path / "other", frames(camera(), ramp(96)), 1600)
    assert command(real, "sony_a7s2")[0] == 3  # another camera, at the files' ISO


def test_the_iso_of_arrays_is_in_their_path(tmp_path):
    for iso in (400, 800):
        save(tmp_path / "real" / f"iso{iso}" / "level1", frames(camera(), dark(32), 2))
    tile = {"black": BLACK, "white": WHITE, "cfa": "RGGB"}
    assert [scene.iso for scene in read_exposures(tmp_path / "real", **tile)] == [400, 800]
    assert [scene.name for scene in read_exposures(tmp_path / "real", **tile, iso=400)] == ["iso400/level1"]


def test_arrays_take_their_filter_tile_from_the_camera(tmp_path):
    """A color bias needs one, and neither arrays nor the command say it here."""
    biased = camera(extra=(cn.ColorBias(R=3.0, G1=-2.0, G2=1.0, B=0.5),))
    real = save(tmp_path / "real", frames(biased, ramp(96)))
    (tmp_path / "camera.json").write_text(biased.model_dump_json())
    assert command(real, tmp_path / "camera.json") == (0, "")


def test_simulated_frames_of_another_iso_are_refused(tmp_path):
    for name, iso in (("real", 400), ("other", 800)):
        save(tmp_path / name / f"iso{iso}", frames(camera(), dark(96), 2))
    levels = ("--black", "512", "--white", "16383", "--cfa", "rggb")
    code, message = command(tmp_path / "real", tmp_path / "other", *levels)
    assert code == 1
    assert "are at ISO 400, those of" in message


def test_a_patch_that_is_not_flat_is_named(tmp_path, capsys):
    real = save(tmp_path / "real", frames(camera(row=0.0), np.linspace(0, 0.5, 96)[None] * np.ones((96, 1)), 1))
    (tmp_path / "camera.json").write_text(camera(row=0.0).model_dump_json())
    command(real, tmp_path / "camera.json", "--patch", "0,0,96,96")
    assert "note: the patch 0,0,96,96 is not flat: its light changes by" in capsys.readouterr().out


def test_a_verdict_can_be_checked_by_its_p(tmp_path):
    outcome = compare(frames(camera(), ramp(96)), camera(row=0.0))
    head, *rows = outcome.table().splitlines()
    assert "p (limit 0.01)  verdict" in head
    at = head.index("p (limit")
    judged = [(float(row[at:].split()[0]), row.split()[-1]) for row in rows if row.endswith(("within", "BEYOND"))]
    assert {verdict for _, verdict in judged} == {"within", "BEYOND"}
    assert all((p > 0.01) == (verdict == "within") for p, verdict in judged)
    write_report(outcome, tmp_path / "report.html")
    heads = re.findall(r"<h2>(.*?)</h2>", (tmp_path / "report.html").read_text())
    assert heads.index("Verdicts") > heads.index("Rows and columns")
