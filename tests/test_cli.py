"""The command line: what it prints, where, and that whatever goes wrong is one sentence."""

import os
import shlex
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from camnoise.pipelines.address import parse
from camnoise.pipelines.exposures import make_sample
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.verify import verify
from PIL import Image
from shard_help import command, photographs, picture, save

from camnoise import presets
from camnoise.cli import run_command
from camnoise.light import Linearize
from camnoise.pipeline import Pipeline

SONY = ("--camera", "sony_a7s2", "--iso", "6400")


@pytest.fixture
def camnoise(capsys: pytest.CaptureFixture[str]) -> object:
    """Runs a command in this process: (exit code, standard output, standard error)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = run_command([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_main_job_from_a_terminal(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    made = command("shard", f"folder:{folder}", out, *SONY, "--seed", 11)
    assert made.returncode == 0, made.stderr
    assert made.stdout == f"{out}: 5 samples in 1 shard, src.png, seed 11\n"
    assert "sharding: 5 of 5 images" in made.stderr
    assert "images/s" in made.stderr
    assert Shards(out).manifest.recipe.iso == (6400,)
    again = command("shard", f"folder:{folder}", out, *SONY, "--seed", 11)
    assert (again.returncode, "finished already, checked" in again.stdout) == (0, True)
    checked = command("verify", out)
    assert (checked.returncode, checked.stdout) == (0, f"{out}: 5 samples in 1 shard: as the manifest says\n")


def test_verify_says_every_fault_and_exits_with_3(tmp_path: Path, camnoise) -> None:
    camnoise("shard", f"folder:{photographs(tmp_path / 'in', 2)}", tmp_path / "out", *SONY, "--samples-per-shard", 1)
    (tmp_path / "out" / "shard-000001.tar").unlink()
    (tmp_path / "out" / "shard-000000.receipt.json").unlink()
    code, out, err = camnoise("verify", tmp_path / "out")
    assert code == 3
    assert out.splitlines() == ["shard-000000.receipt.json: missing", "shard-000001.tar: missing"]
    assert "2 findings" in err


def test_quarantine_is_told(tmp_path: Path, camnoise) -> None:
    folder = photographs(tmp_path / "in", 2)
    (folder / "[bold]red\x1b[31m\n.png").write_bytes(b"")
    code, out, err = camnoise("shard", f"folder:{folder}", tmp_path / "out", *SONY)
    assert code == 0, err
    assert "1 of 3 images are quarantined" in out
    for path in folder.glob("photo*"):
        path.write_bytes(b"")
    code, out, _ = camnoise("shard", f"folder:{folder}", tmp_path / "none", *SONY)
    assert (code, "all of 3 images are quarantined" in out) == (1, True)
    code, _, err = camnoise("look", tmp_path / "none", "--out", tmp_path / "x.png")
    assert (code, "holds no sample" in err) == (1, True)


def test_names_from_outside_are_escaped(tmp_path: Path, camnoise) -> None:
    name = "[bold]\x1b[31m\u202e.png"
    save(tmp_path / name)
    code, out, err = camnoise("preview", tmp_path / name, *SONY, "--out", tmp_path / "[red]\x1b.png")
    assert code == 0, err
    assert "\x1b" not in out
    assert "[red]\\x1b.png" in out
    (tmp_path / name).write_bytes(b"")
    _, _, err = camnoise("preview", tmp_path / name, *SONY, "--out", tmp_path / "x.png")
    assert "[bold]\\x1b[31m\\u202e.png" in err
    assert "\x1b" not in err


WRONG = {
    "no camera": (["shard", "sample:", "OUT"], "wanted --camera NAME with --iso N, --noise NAME, or --pipeline"),
    "no iso": (["shard", "sample:", "OUT", "--camera", "sony_a7s2"], "camera sony_a7s2 has no ISO: wanted --iso N"),
    "unknown camera": (["shard", "sample:", "OUT", "--camera", "leica", "--iso", "100"], "wanted one of .*sony_a7s2"),
    "unknown camera shown": (["cameras", "leica"], "'leica', wanted one of .*nikon_d850"),
    "iso out of range": (["shard", "sample:", "OUT", "--camera", "sony_a7s2", "--iso", "10"], "ISO is 10, wanted"),
    "iso between branches": (
        ["shard", "sample:", "OUT", "--camera", "sony_a7s2", "--iso", "1800"],
        "ISO is 1800, wanted within one gain branch",
    ),
    "iso no number": (["shard", "sample:", "OUT", "--camera", "sony_a7s2", "--iso", "fast"], "ISO is 'fast'"),
    "no levels": (["shard", "sample:", "OUT", "--camera", "nikon_d850", "--iso", "800"], "no black and white level"),
    "unknown source": (
        ["shard", "photos", "OUT", *SONY],
        "unknown source 'photos': a source is folder:PATH, raw:PATH, pairs:PATH or sample:",
    ),
    "no folder": (["shard", "folder:IN/absent", "OUT", *SONY], "does not exist"),
    "no images": (["shard", "folder:EMPTY", "OUT", *SONY], "no PNG, JPEG or TIFF file in source folder"),
    "unknown scheme": (["shard", "sample:", "OUT", *SONY, "--scheme", "n3n"], "n3n"),
    "unknown option": (["shard", "sample:", "OUT", *SONY, "--force"], "--force"),
    "unknown command": (["shards"], "shards"),
    "negative seed": (["shard", "sample:", "OUT", *SONY, "--seed", "-1"], "--seed"),
    "no seed": (["shard", "sample:", "OUT", *SONY, "--seed", "x"], "--seed"),
    "rgb has no mosaic": (["shard", "sample:", "OUT", *SONY, "--domain", "rgb", "--demosaic", "bilinear"], "no mosaic"),
    "two cameras": (["shard", "sample:", "OUT", *SONY, "--pipeline", "IN/x"], "no --camera, --iso"),
    "no pipeline file": (
        ["shard", "sample:", "OUT", "--pipeline", "IN/x"],
        "--pipeline '.*x' cannot be read: No such file",
    ),
    "bad pipeline": (["shard", "sample:", "OUT", "--pipeline", "IN/bad.json"], "bad.json: "),
    "bad pipeline field": (["shard", "sample:", "OUT", "--pipeline", "IN/field.json"], "field.json: .*shutter"),
    "chain that does not fit": (["shard", "sample:", "OUT", "--pipeline", "IN/order.json"], "order.json: .*takes"),
    "destination is a file": (["shard", "sample:", "IN/bad.json", *SONY], "is a file, wanted a folder"),
    "destination not writable": (["shard", "sample:", "/proc/x", *SONY], "destination '/proc/x' could not be written"),
    "destination is full of else": (["shard", "sample:", "IN", *SONY], "holds something else"),
    "nothing to verify": (["verify", "EMPTY"], "holds no finished data set"),
    "no picture": (["preview", "IN/bad.json", *SONY, "--out", "IN/x.png"], "not a PNG, JPEG or TIFF image"),
    "no file": (
        ["preview", "IN/none.png", *SONY, "--out", "IN/x.png"],
        "image '.*none.png' cannot be read: No such file",
    ),
    "nowhere": (["shard", "sample:", "", *SONY], "an argument is empty"),
    "not a PNG": (["preview", "IN/a.png", *SONY, "--out", "IN/x.jpg"], "does not end in .png"),
    "folder as image": (["preview", "IN", *SONY, "--out", "IN/x.png"], "image '.*' cannot be read: Is a directory"),
    "no way out": (["preview", "IN/a.png", *SONY, "--out", "IN/no/x.png"], "lies in .*, which is no folder"),
    "no data set": (["look", "EMPTY", "--out", "IN/x.png"], "holds no finished data set"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case: str, tmp_path: Path, camnoise) -> None:
    import re

    save(tmp_path / "in" / "a.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "in" / "bad.json").write_text("{not json")
    (tmp_path / "in" / "field.json").write_text('{"stages": [{"kind": "shot", "shutter": 1}]}')
    (tmp_path / "in" / "order.json").write_text('{"stages": [{"kind": "linearize"}, {"kind": "normalize"}]}')
    places = {"OUT": tmp_path / "out", "IN": tmp_path / "in", "EMPTY": tmp_path / "empty"}
    line, match = WRONG[case]
    for word, place in places.items():
        line = [re.sub(rf"\b{word}\b", str(place), part) for part in line]
    before = sorted(tmp_path.rglob("*"))
    code, out, err = camnoise(*line)
    assert code in (1, 2)
    assert out == ""
    told = [text for text in err.splitlines() if text.startswith("camnoise: ")]
    assert len(told) == 1, err
    assert re.search(match, told[0]), err
    assert "Traceback" not in err
    assert sorted(tmp_path.rglob("*")) == before, "something was written"


def test_the_process_ends_without_a_traceback_too(tmp_path: Path) -> None:
    ended = command("shard", "sample:", tmp_path / "out", "--camera", "leica", "--iso", 100)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    ended = command("preview")
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_a_missing_extra_names_the_extra(tmp_path: Path) -> None:
    """The modules are hidden from a process of its own, as where they are not installed."""
    for module, line, extra in [
        ("skimage", ["shard", "sample:", str(tmp_path / "out"), *SONY], "[sample]"),
        ("pyarrow", ["verify", str(tmp_path)], "[shards]"),
        ("xxhash", ["verify", str(tmp_path)], "[shards]"),
    ]:
        script = (
            f"import sys; sys.modules[{module!r}] = None\n"
            "from camnoise.cli import run_command\n"
            f"sys.exit(run_command({line!r}))\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert f"install camnoise with its extra {extra}" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr


@pytest.mark.parametrize("kind", ["SIGTERM", "SIGINT"])
def test_a_stopped_command_says_how_to_go_on(tmp_path: Path, kind: str) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    for number in range(24):
        save(folder / f"{number:02d}.png", picture(160, 160, number))
    line = [sys.executable, "-m", "camnoise.cli", "shard", f"folder:{folder}", out, *SONY, "--samples-per-shard", "1"]
    process = subprocess.Popen([str(part) for part in line], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (out / "shard-000001.receipt.json").exists() and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(getattr(signal, kind))
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "are finished, and the same command goes on from there" in err.splitlines()[-1]
    assert "Traceback" not in err
    names = {path.name for path in out.iterdir()}
    assert not [name for name in names if name.endswith(".partial")]
    assert "manifest.json" not in names
    assert command(*line[3:]).returncode == 0
    assert len(Shards(out)) == 24


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (["cameras"], "camnoise.presets.names"),
        (["preview", "IN/a.png", *SONY, "--out", "IN/x.png"], "camnoise.pipelines.images.decode"),
        (["verify", "IN"], "camnoise.pipelines.verify.verify"),
        (["look", "IN", "--out", "IN/x.png"], "camnoise.pipelines.reader.read_manifest"),
        (["shard", "sample:", "IN/out", *SONY], "camnoise.pipelines.exposures.make_sample"),
    ],
)
def test_ctrl_c_is_one_sentence_in_every_command(
    line: list[str], target: str, tmp_path: Path, camnoise, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    save(tmp_path / "a.png")
    import_module("camnoise.pipelines.run")  # first imported below, it would keep the patched names for good

    monkeypatch.setattr(target, interrupted)
    code, out, err = camnoise(*(part.replace("IN", str(tmp_path)) for part in line))
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "camnoise: stopped"
    assert err.count("camnoise: ") == 1


@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_fault(tmp_path: Path, closed: str) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"
    line = shlex.join([sys.executable, "-m", "camnoise.cli", "shard", f"folder:{folder}", str(out), *SONY])
    ended = subprocess.run(f"{line} {closed}", shell=True, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ("" if ">&-" in closed.split() else f"{out}: 2 samples in 1 shard, src.png, seed 0\n")
    assert list(verify(out)) == []


def test_a_reader_that_leaves_early_keeps_the_exit_code(tmp_path: Path, camnoise) -> None:
    camnoise("shard", f"folder:{photographs(tmp_path / 'in', 2)}", tmp_path / "out", *SONY, "--samples-per-shard", 1)
    for path in (tmp_path / "out").glob("*.receipt.json"):
        path.unlink()
    line = [sys.executable, "-m", "camnoise.cli", "verify", str(tmp_path / "out")]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 3
    assert "2 findings" in err
    assert "Traceback" not in err
    assert "Exception" not in err


def test_progress_that_nobody_reads_does_not_stop_a_run(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"
    line = [sys.executable, "-m", "camnoise.cli", "shard", f"folder:{folder}", str(out), *SONY]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    process.stderr.close()
    assert process.stdout is not None
    assert b"2 samples in 1 shard" in process.stdout.read()
    process.stdout.close()
    assert process.wait(timeout=60) == 0


@pytest.mark.parametrize("name", [b"\xff.png", "e\u0301.png".encode()])
def test_preview_calls_an_image_what_a_folder_calls_it(
    name: bytes, tmp_path: Path, camnoise, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is not UTF-8, and one that is not NFC: the noise is that of a data set of the folder."""
    folder = tmp_path / "in"
    save(folder / "a.png").rename(folder / os.fsdecode(name))
    seen = []

    def watched(pixels: object, name: str, recipe: object) -> object:
        seen.append(name)
        return make_sample(pixels, name, recipe)

    monkeypatch.setattr("camnoise.pipelines.exposures.make_sample", watched)
    code, _, err = camnoise("preview", folder / os.fsdecode(name), *SONY, "--out", tmp_path / "x.png")
    assert code == 0, err
    assert seen == [item.name for item in parse(f"folder:{folder}").items()]


def test_the_body_of_the_command_line_is_in_the_records(tmp_path: Path, camnoise) -> None:
    folder = photographs(tmp_path / "in", 1)
    for body in ("mine", "per-sample"):
        code, _, err = camnoise("shard", f"folder:{folder}", tmp_path / body, *SONY, "--body", body, "--epoch", 3)
        assert code == 0, err
        shards = Shards(tmp_path / body)
        record = shards.sample(shards.keys[0])
        assert (record.body, record.epoch, shards.manifest.recipe.body) == (body, 3, body)


def test_a_pipeline_file_of_ones_own(tmp_path: Path, camnoise) -> None:
    folder = photographs(tmp_path / "in", 1)
    sensor = presets.load("sony_a7s2", iso=100)
    (tmp_path / "sensor.json").write_text(sensor.model_dump_json())
    whole = Pipeline([Linearize(), *sensor.stages], name="mine")
    (tmp_path / "whole.json").write_text(whole.model_dump_json())
    code, _, err = camnoise("shard", f"folder:{folder}", tmp_path / "a", "--pipeline", tmp_path / "sensor.json")
    assert code == 0, err
    code, _, err = camnoise("shard", f"folder:{folder}", tmp_path / "b", "--pipeline", tmp_path / "whole.json")
    assert code == 0, err
    raw, rgb = Shards(tmp_path / "a"), Shards(tmp_path / "b")
    assert (raw.manifest.recipe.domain, rgb.manifest.recipe.domain) == ("raw", "rgb")
    assert (raw.views(raw.keys[0]).shape[1], rgb.views(rgb.keys[0]).shape[1]) == (1, 3)
    assert rgb.sample(rgb.keys[0]).body == "mine"
    line = ["shard", f"folder:{folder}", tmp_path / "c", "--pipeline", tmp_path / "whole.json", "--domain", "raw"]
    code, _, err = camnoise(*line)
    assert (code, "views are rgb" in err) == (1, True)


def test_cameras_are_listed_and_shown(camnoise) -> None:
    code, out, _ = camnoise("cameras")
    assert code == 0
    assert {line.split()[0] for line in out.splitlines()} >= set(presets.names())
    code, out, _ = camnoise("cameras", "sony_a7s2")
    for part in ("licence  Apache-2.0", "black    512", "iso      50 to 25600", "source"):
        assert part in out


def test_preview_and_look_write_pictures_in_which_noise_is_seen(tmp_path: Path, camnoise) -> None:
    flat = np.full((90, 120, 3), 128, np.uint8)
    save(tmp_path / "in" / "flat.png", flat)
    line = ["preview", tmp_path / "in" / "flat.png", "--camera", "sony_a7s2", "--iso", "25600", "--panel", "100"]
    code, out, err = camnoise(*line, "--out", tmp_path / "p.png", "--seed", 3)
    assert code == 0, err
    assert out == f"{tmp_path / 'p.png'}: sony_a7s2 at ISO 25600, seed 3\n"
    shown = np.asarray(Image.open(tmp_path / "p.png")).astype(float)
    assert shown.shape[1] == 5 * 108 + 8
    clean, view, gap = (shown[60:130, 8 + 108 * n + 10 : 8 + 108 * n + 90] for n in (1, 2, 4))
    assert clean.std() < 1 < 3 < view.std()
    assert abs(clean.mean() - 128) < 3
    assert abs(gap.mean() - 127) < 12
    assert gap.std() > 20
    camnoise("shard", f"folder:{tmp_path / 'in'}", tmp_path / "out", *SONY)
    code, out, err = camnoise("look", tmp_path / "out", "--out", tmp_path / "sheet.png")
    assert code == 0, err
    assert "1 of 1 sample, seed 0" in out
    assert Image.open(tmp_path / "sheet.png").size[0] == 5 * 328 + 8


def test_help_does_not_wait_for_torch() -> None:
    script = "import sys, camnoise.cli; camnoise.cli.run_command(['--help']); print('torch' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "preview" in ended.stdout
    assert ended.stdout.splitlines()[-1] == "False"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_behind_standard_output_is_no_traceback() -> None:
    line = [sys.executable, "-m", "camnoise", "cameras"]
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "camnoise: No space left on device\n"
