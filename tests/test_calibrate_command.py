"""`camnoise calibrate`: folders in, a camera and a report out, and one sentence for whatever is wrong."""

import re
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
import torch

from camnoise import presets
from camnoise.charge import Shot
from camnoise.cli import run_command
from camnoise.converter import Quantize
from camnoise.drawing.axes import Axis, number
from camnoise.drawing.charts import Band, Chart, Line, Note, Points, Rule, Steps
from camnoise.light import Expose
from camnoise.pipeline import Pipeline
from camnoise.raw import write_dng
from camnoise.readout import Gain, GaussianRead

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
    assert "no darks at ISO 100: no read noise" in said
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
        ((), "no frames came, wanted --flats, --darks or both (or --from for a single file)"),
        (("--flats", "nowhere"), "--flats 'nowhere' does not exist, wanted one of RAW files or .npy arrays"),
        (("--flats", "flats"), "arrays do not say their filter tile, wanted --cfa, such as RGGB, or mono"),
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
