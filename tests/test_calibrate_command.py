"""`camnoise calibrate`: folders in, a camera and a report out, and one sentence for whatever is wrong."""

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch

from camnoise import presets
from camnoise.calibrate.table import minus, written
from camnoise.charge import PRNU, Shot
from camnoise.cli import run_command
from camnoise.converter import Quantize
from camnoise.drawing.axes import Axis, number
from camnoise.drawing.charts import Band, Chart, Line, Note, Points, Rule, Steps
from camnoise.estimate import Estimate
from camnoise.light import Expose
from camnoise.pipeline import Pipeline
from camnoise.raw import write_dng
from camnoise.readout import DSNU, Gain, GaussianRead

SIDE = 96
LEVELS = (0.02, 0.06, 0.15, 0.35, 0.7)


def shoot(K: float, sigma: float, light: float, frames: int, ids: int) -> np.ndarray:
    camera = Pipeline([Expose(black=512, white=16383), Shot(), Gain(K=K), GaussianRead(sigma=sigma), Quantize(bits=14)])
    images = torch.full((frames, 1, SIDE, SIDE), light)
    made = camera(images, [ids * 1000 + i for i in range(frames)], dtype=torch.uint16)
    return made.numpy()[:, 0]


@pytest.fixture(scope="module")
def frames(tmp_path_factory) -> Path:
    """Flats and darks at two ISOs. Read them, do not change them."""
    root = tmp_path_factory.mktemp("frames")
    for iso, K, sigma in ((100, 1.0, 4.0), (400, 4.0, 9.0)):
        (root / "flats" / f"iso{iso}").mkdir(parents=True)
        (root / "darks").mkdir(exist_ok=True)
        for i, light in enumerate(LEVELS):
            np.save(root / "flats" / f"iso{iso}" / f"level{i}.npy", shoot(K, sigma, light, 4, iso + i))
        np.save(root / "darks" / f"iso{iso}.npy", shoot(K, sigma, 0.0, 6, iso + 50))
    return root


@pytest.fixture
def calibrate(capsys):
    """Runs the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run_command(["calibrate", *(str(argument) for argument in arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


ARRAYS = ("--cfa", "RGGB", "--bits", 14)


def test_the_main_job(frames: Path, tmp_path: Path, calibrate):
    out, report = tmp_path / "mine.json", tmp_path / "mine.html"
    code, said, wrong = calibrate(
        "--flats", frames / "flats", "--darks", frames / "darks", *ARRAYS, "--out", out, "--report", report
    )
    assert (code, wrong) == (0, "")
    assert "gain K" in said
    assert "no darks of two exposure times" in said
    camera = presets.describe(str(out))
    assert camera.isos() == [100, 400]
    for point, K, sigma in zip(camera.points, (1.0, 4.0), (4.0, 9.0), strict=True):
        assert point.K.low < K < point.K.high
        assert point.K.value == pytest.approx(K, rel=0.02)
        assert point.read.sigma.value == pytest.approx(sigma, rel=0.05)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.html", "mine.json"]
    check_page(report.read_text(), frames, tmp_path)


def check_page(text: str, *folders: Path) -> None:
    """Well formed, nothing from a network, no machine path."""
    root = ET.fromstring(text.replace("<!DOCTYPE html>", ""))
    charts = [node for node in root.iter() if node.tag.endswith("}svg")]
    assert len(charts) >= 5
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert not re.search(r"<(script|link|img|iframe)|url\((?!#)", text)
    assert not [folder for folder in folders if str(folder) in text]
    assert "nan" not in " ".join(node.get("d", "") for node in root.iter())
    titles = {node.get("aria-label") for node in charts}
    assert {"Photon transfer", "Residuals of the fit", "Row means: spectrum", "Column means: spectrum"} <= titles
    assert "What could not be determined" in text


def test_the_maps_are_those_of_the_body(tmp_path: Path, calibrate):
    """PRNU of 3 % and DSNU of 4 DN against what temporal noise leaves of 8 frames: a correlation of 0.8 and more."""
    body = [PRNU(sigma=0.03), Shot(), Gain(K=1.0), GaussianRead(sigma=3.0), DSNU(sigma=4.0), Quantize(bits=14)]
    camera = Pipeline([Expose(black=512, white=16383), *body], name="body")
    quiet = Pipeline([Expose(black=512, white=16383), PRNU(sigma=0.03), Gain(K=1.0), DSNU(sigma=4.0)], name="body")
    for folder, lights in (("flats/iso100", (0.1, 0.3, 0.6)), ("darks/iso100", (0.0,))):
        (tmp_path / folder).mkdir(parents=True)
        for i, light in enumerate(lights):
            images = torch.full((8, 1, SIDE, SIDE), light)
            made = camera(images, [1000 * i + j for j in range(8)], dtype=torch.uint16).numpy()[:, 0]
            np.save(tmp_path / folder / f"level{i}.npy", made)
    maps = tmp_path / "maps.npz"
    code, said, wrong = calibrate("--flats", tmp_path / "flats", "--darks", tmp_path / "darks", *ARRAYS, "--maps", maps)
    assert (code, wrong) == (0, "")
    assert "maps.npz: dsnu_iso100, prnu_iso100" in said
    dark, lit = (quiet(torch.full((1, 1, SIDE, SIDE), light), [1])[0, 0].numpy() for light in (0.0, 0.6))
    with np.load(maps) as found:
        assert np.corrcoef(found["dsnu_iso100"].ravel(), dark.ravel())[0, 1] > 0.8
        assert np.corrcoef(found["prnu_iso100"].ravel(), (lit - dark).ravel())[0, 1] > 0.8
    code, _, wrong = calibrate("--flats", tmp_path / "flats", *ARRAYS, "--maps", tmp_path / "maps.txt")
    assert code == 1
    assert "does not end in .npz" in wrong


def test_raw_files_say_iso_and_exposure_themselves(tmp_path: Path, calibrate):
    for i in range(len(LEVELS)):
        for j, frame in enumerate(shoot(1.0, 4.0, LEVELS[i], 3, i)):
            save_dng(tmp_path / "flats" / f"f{i}{j}.dng", frame, 0.1)
    for j, frame in enumerate(shoot(1.0, 4.0, 0.0, 4, 90)):
        save_dng(tmp_path / "darks" / f"d{j}.dng", frame, 0.001)
    out = tmp_path / "mine.json"
    code, said, wrong = calibrate("--flats", tmp_path / "flats", "--darks", tmp_path / "darks", "--out", out)
    assert (code, wrong) == (0, "")
    assert said.count("flats, ISO 200, 0.1 s") == len(LEVELS)  # sorted by their means
    camera = presets.describe(str(out))
    assert (camera.cfa, camera.bits, camera.isos()) == ("RGGB", 14, [200])
    assert camera.points[0].K.low < 1.0 < camera.points[0].K.high


def save_dng(path: Path, frame: np.ndarray, exposure: float) -> None:
    path.parent.mkdir(exist_ok=True)
    write_dng(path, frame, cfa="RGGB", black=512, white=16383, bits=14, iso=200, exposure=exposure)


def test_flats_or_darks_alone_give_what_they_can(frames: Path, tmp_path: Path, calibrate):
    code, said, wrong = calibrate("--flats", frames / "flats", *ARRAYS, "--out", tmp_path / "x.json")
    assert code == 1
    assert re.search(r"gain K +1\.0|gain K +0\.9", said)
    assert "note: no darks: no read noise" in said
    assert wrong.startswith("camnoise: no camera")
    code, said, _ = calibrate("--darks", frames / "darks", *ARRAYS)
    assert code == 1
    assert re.search(r"read noise +(4\.0|3\.9)", said)
    assert re.search(r"gain K +not determined", said)
    assert not list(tmp_path.iterdir())


def test_darks_of_two_times_give_the_dark_current_and_the_shortest_are_the_biases(
    frames: Path, tmp_path: Path, calibrate
):
    """20 e- in 10 s: its mean has a standard error of 0.02 e-, and the black of 512 is that of the short ones."""
    shutil.copytree(frames / "flats" / "iso100", tmp_path / "flats")
    for seconds, electrons in (("10s", 20.0), ("0.01s", 0.02)):
        (tmp_path / "darks" / seconds).mkdir(parents=True)
        stack = shoot(1.0, 4.0, electrons / (16383 - 512), 6, int(1000 * electrons))
        np.save(tmp_path / "darks" / seconds / "stack.npy", stack)
    out = tmp_path / "mine.json"
    code, _, wrong = calibrate(
        *("--flats", tmp_path / "flats", "--darks", tmp_path / "darks", "--iso", 100), *ARRAYS, "--out", out
    )
    assert (code, wrong) == (0, "")
    camera = presets.describe(str(out))
    assert camera.black == pytest.approx(512, abs=0.5)
    assert camera.points[0].dark_current.value == pytest.approx(2.0, abs=0.1)


def test_twelve_bits_in_a_file_of_fourteen_are_noticed(tmp_path: Path, calibrate):
    for name, i, light in (*(("flats", i, light) for i, light in enumerate(LEVELS)), ("darks", 9, 0.0)):
        stages = [Expose(black=128, white=4095), Shot(), Gain(K=0.5), GaussianRead(sigma=1.0), Quantize(bits=12)]
        images = torch.full((6, 1, SIDE, SIDE), light)
        made = Pipeline(stages)(images, [100 * i + j for j in range(6)], dtype=torch.uint16).numpy()[:, 0]
        made *= np.uint16(4)
        made[:, 0, 0] = 16383  # defects lie where they like, at either end
        (tmp_path / name).mkdir(exist_ok=True)
        np.save(tmp_path / name / f"level{i}.npy", made)
    out = tmp_path / "mine.json"
    code, said, wrong = calibrate("--flats", tmp_path / "flats", "--darks", tmp_path / "darks", *ARRAYS, "--out", out)
    assert (code, wrong) == (0, "")
    assert "values come in steps of 4 DN" in said
    assert re.search(r"step of the converter +4 ", said)
    camera = presets.describe(str(out))
    assert camera.step == 4
    assert camera.points[0].read.sigma.value == pytest.approx(4.0, rel=0.02)
    assert camera.points[0].read.law == "gaussian"


def test_long_darks_as_bias_frames_are_said(frames: Path, tmp_path: Path, calibrate):
    for seconds, wanted in (("30s", True), ("0.01s", False)):
        (tmp_path / seconds / seconds).mkdir(parents=True)
        shutil.copy(frames / "darks" / "iso100.npy", tmp_path / seconds / seconds / "iso100.npy")
        _, said, _ = calibrate(
            "--flats", frames / "flats" / "iso100", "--darks", tmp_path / seconds, *ARRAYS, "--iso", 100
        )
        assert ("darks of 30 s serve as bias frames" in said) is wanted


def test_one_bad_file_is_named_and_left_out(frames: Path, tmp_path: Path, calibrate):
    shutil.copytree(frames / "darks", tmp_path / "darks")
    (tmp_path / "darks" / "broken.npy").write_bytes(b"\x93NUMPY nothing")
    np.save(tmp_path / "darks" / "float.npy", np.zeros((4, 8)))
    code, said, wrong = calibrate("--flats", frames / "flats", "--darks", tmp_path / "darks", *ARRAYS)
    assert (code, wrong) == (0, "")
    assert "darks: broken.npy is left out" in said
    assert "darks: float.npy is left out: it has shape (4, 8) of float64, wanted (row, col)" in said


def test_too_few_frames_left(tmp_path: Path, calibrate):
    np.save(tmp_path / "one.npy", shoot(1.0, 4.0, 0.0, 1, 3)[0])
    (tmp_path / "two.npy").write_bytes(b"")
    code, _, wrong = calibrate("--darks", tmp_path, *ARRAYS)
    assert code == 1
    assert "has no two frames of one setting" in wrong
    assert "two.npy is left out" in wrong
    assert "Traceback" not in wrong


def test_sizes_that_differ_are_refused(frames: Path, tmp_path: Path, calibrate):
    np.save(tmp_path / "small.npy", shoot(1.0, 4.0, 0.0, 4, 3)[:, :64])
    code, _, wrong = calibrate("--flats", frames / "flats", "--darks", tmp_path, "--iso", 100, *ARRAYS)
    assert code == 1
    assert wrong == "camnoise: frames of --darks have 64 x 96 pixels, wanted the 96 x 96 of --flats\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "no frames came, wanted --flats and --darks, which make a camera together (or --from for a single file)"),
        (("--flats", "nowhere"), "--flats 'nowhere' does not exist, wanted one of RAW files or .npy arrays"),
        (
            ("--flats", "flats"),
            "arrays do not say their filter tile and the bits of their converter, wanted --cfa (such as RGGB, or mono) "
            "and --bits",
        ),
        (("--flats", "flats", "--bits", "14"), "arrays do not say their filter tile, wanted --cfa (such as RGGB, or"),
        (
            ("--flats", "flats", "--cfa", "mono", "--bits", "12"),
            "--bits is 12, but frames from level4.npy on reach 12054 DN, wanted 14 or more",
        ),
        (("--flats", "flats", "--report", "flats/x.html"), "--report 'flats/x.html' lies among the frames"),
        (("--flats", "flats", "--cfa", "rggb"), "arrays do not say the bits of their converter, wanted --bits"),
        (("--flats", "flats", "--out", "x.txt"), "--out 'x.txt' does not end in .json, which is what is written"),
        (
            ("--flats", "flats", "--out", "no/x.json"),
            "--out 'no/x.json' lies in 'no', which is no folder, wanted a file",
        ),
        (("--flats", "flats", "--out", "flats/x.json"), "--out 'flats/x.json' lies among the frames"),
        (("--from", "a.dng", "--flats", "flats"), "--from 'a.dng' came with folders, wanted one or the other"),
        (("--from", "a.dng", "--bits", "14"), "--bits came with --from"),
        (("--from", "a.dng"), "No such file or directory: 'a.dng'"),
        (("--from", "text.png"), "--from 'text.png' is no photograph that Pillow knows, and no RAW file"),
        (("--flats", "flats", "--patch", "0,0,9,9"), "--patch came without --from"),
        (("--from", "text.dng", "--patch", "0,0"), "--patch is '0,0', wanted ROW,COL,ROWS,COLS in pixels"),
        (("--flats", "flats", "--cfa", "XYZW", "--bits", "14"), "cfa is 'XYZW', wanted a tile such as RGGB"),
    ],
)
def test_what_is_wrong_is_one_sentence(frames: Path, calibrate, monkeypatch, tmp_path, arguments, sentence):
    shutil.copytree(frames / "flats" / "iso100", tmp_path / "flats")
    (tmp_path / "text.png").write_text("no picture")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, said, wrong = calibrate(*arguments)
    assert code == 1
    assert said == ""
    assert wrong.startswith(f"camnoise: {sentence}")
    assert wrong.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_that_exists_is_kept_when_calibration_fails(tmp_path: Path, calibrate):
    out = tmp_path / "mine.json"
    out.write_text("mine")
    assert calibrate("--flats", tmp_path / "nowhere", "--out", out)[0] == 1
    assert out.read_text() == "mine"


# --- drawing


def test_a_chart_is_well_formed_whatever_it_shows():
    wild = [0.0, -1.0, float("nan"), float("inf"), 1e-300, 1e300, 5.0]
    marks = [
        Points(wild, wild, "<&>", low=wild, high=wild),
        Line(wild, wild, "a" * 500),
        Band([1, 2], [0, 0], [1, 1]),
        Steps([1, 2, 3], [4, 5]),
        Rule(x=2, label='"'),
        Note(1, 1, "<script>"),
    ]
    for log in (False, True):
        svg = Chart("t <&>", Axis("x", log=log), Axis("y", log=log), marks).svg()
        ET.fromstring(svg)
        assert "<script>" not in svg
        assert "nan" not in svg
    ET.fromstring(Chart("empty", Axis("x"), Axis("y", log=True), []).svg())


def test_points_lie_where_the_axes_say():
    chart = Chart("", Axis("x", low=0, high=10), Axis("y", low=0, high=1), [Points([0, 10], [0, 1])])
    places = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="(\S+)" cy="(\S+)"', chart.svg())]
    assert places == [(62.0, chart.height - 46.0), (chart.width - 14.0, 50.0)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234.5, "1,234"),
        (12345678, "1.235×10⁷"),
        (-0.5, "−0.5"),
        (1e-5, "10⁻⁵"),
        (2.0871, "2.087"),
        (100, "100"),
    ],
)
def test_numbers_are_written_as_a_person_does(value, text):
    assert number(value) == text


# --- what the tables say


def test_a_value_and_its_interval_have_the_same_decimals():
    cases = [
        (Estimate(value=0.4, low=0.3993, high=0.4007), ("0.4000", "0.3993 to 0.4007")),
        (Estimate(value=-0.3275, low=-0.3571, high=-0.298), ("−0.328", "−0.357 to −0.298")),
        (Estimate(value=4.7e-5, low=3.1e-5, high=6.3e-5), ("4.7×10⁻⁵", "(3.1 to 6.3)×10⁻⁵")),
        (Estimate(value=0, low=0, high=0.0262), ("0.000", "0.000 to 0.026")),
        (Estimate(value=0, low=0, high=1.1e-7), ("0", "(0.0 to 1.1)×10⁻⁷")),
        (Estimate(value=1234.56, low=1200.0, high=1300.0), ("1,235", "1,200 to 1,300")),
        (Estimate(value=512, low=512, high=512), ("512", "512 to 512")),
    ]
    for estimate, text in cases:
        assert written(estimate) == text
    assert minus("-0.5 DN (-1 to 2), G1-B, 1e-5") == "−0.5 DN (−1 to 2), G1-B, 1e-5"


def test_offsets_of_the_table_are_those_of_the_file(frames: Path, tmp_path: Path, calibrate):
    """Over several ISOs the file has one black; what the table calls an offset is counted from it too."""
    shutil.copytree(frames / "darks", tmp_path / "darks")
    darker = np.load(frames / "darks" / "iso400.npy") - 8
    np.save(tmp_path / "darks" / "iso400.npy", darker)
    out = tmp_path / "mine.json"
    code, said, _ = calibrate("--flats", frames / "flats", "--darks", tmp_path / "darks", *ARRAYS, "--out", out)
    assert code == 0
    camera = presets.describe(str(out))
    assert camera.black == pytest.approx(508, abs=0.5)
    shown = re.findall(rf"offset of R from {camera.black:.2f} +(\S+)", said)
    for text, point in zip(shown, camera.points, strict=True):
        assert float(text.replace("−", "-")) == pytest.approx(point.bias_R.value, abs=0.01)
    levels = re.findall(r"black level of R +(\S+)", said)
    assert [round(float(level), -1) for level in levels] == [510, 500]


def test_notes_are_said_once_with_their_isos(frames: Path, tmp_path: Path, calibrate):
    shutil.copytree(frames / "darks", tmp_path / "darks")
    (tmp_path / "darks" / "iso400.npy").unlink()
    code, said, _ = calibrate("--flats", frames / "flats", "--darks", tmp_path / "darks", *ARRAYS)
    assert code == 0
    assert "note: ISO 400: no darks: no read noise" in said
    assert said.count("no darks of two exposure times") == 1
    assert "note: white is assumed to be 16383 DN, the top of 14 bits" in said
    assert "white is assumed" not in calibrate("--flats", frames / "flats", *ARRAYS, "--white", 16000)[1]


def test_ranges_of_files_are_in_their_own_order(tmp_path: Path, calibrate):
    """Twelve frames whose means fall with their numbers, of which 10 comes after 2."""
    for i, frame in enumerate(shoot(1.0, 4.0, 0.1, 12, 7)):
        np.save(tmp_path / f"f{i}.npy", frame - i)
    _, said, _ = calibrate("--flats", tmp_path, *ARRAYS)
    assert "12 frames of 96 x 96, f0.npy to f11.npy" in said


def test_what_files_state_is_not_overruled_in_silence(tmp_path: Path, calibrate):
    for i, light in enumerate((0.05, 0.3, 0.6)):
        for j, frame in enumerate(shoot(1.0, 4.0, light, 2, i)):
            save_dng(tmp_path / "flats" / f"f{i}{j}.dng", frame, 0.1)
    code, said, wrong = calibrate("--flats", tmp_path / "flats", "--cfa", "GRBG")
    assert (code, said) == (1, "")
    assert wrong == "camnoise: --cfa is GRBG, but the files state RGGB, wanted none\n"
    _, said, _ = calibrate("--flats", tmp_path / "flats", "--black", 500, "--white", 16383, "--cfa", "mono")
    assert "note: the files state black 512, and --black 500 goes before it" in said
    assert "note: the files state the filter tile RGGB, and --cfa mono goes before it" in said
    assert "the files state white" not in said


def test_several_isos_are_one_table_and_small_charts(frames: Path, tmp_path: Path, calibrate):
    report = tmp_path / "mine.html"
    calibrate("--flats", frames / "flats", "--darks", frames / "darks", *ARRAYS, "--report", report)
    text = report.read_text()
    heads = re.findall(r"<h2>(.*?)</h2>", text)
    assert heads[:4] == ["Numbers", "Across ISOs", "How they came about at ISO 100", "How they came about at ISO 400"]
    assert text.count('class="charts thirds"') == 2
    assert "mirrored about 0" in text
