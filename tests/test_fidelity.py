"""`compare`: a camera passes against itself at the stated rate, and each known mistake is seen in its line.

One comparison of equal cameras fails with a chance of at most alpha = 0.01; tests that want a pass use fixed seeds.
"""

import json
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
from camnoise.fidelity import Exposures, Fidelity, Patch, compare, read_exposures, simulate
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
    outcome.write(tmp_path / "fidelity.json")
    assert Fidelity.from_json((tmp_path / "fidelity.json").read_text()) == outcome


def test_the_page_is_whole_and_asks_for_nothing(tmp_path):
    outcome = compare(frames(camera(), ramp(96)), camera(row=0.0))
    outcome.write(tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text()
    ET.fromstring(text.removeprefix("<!DOCTYPE html>\n"))
    assert len(re.findall(r"<svg", text)) == 2 + len(outcome.levels) + 2
    assert not re.search(r"(src|href)=|@import|url\(http", text)


@pytest.mark.parametrize(
    ("real", "other", "says"),
    [
        (lambda: frames(camera(), dark(96), 1), camera, "has 1 exposure, wanted two"),
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
