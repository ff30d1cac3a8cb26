"""RAW files and unprocessed photographs, from the file to the shard and the picture."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from camnoise.pipelines import npy, rawfiles
from camnoise.pipelines.address import parse
from camnoise.pipelines.choice import Options, choose
from camnoise.pipelines.mosaics import RawScene
from camnoise.pipelines.plan import survey
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.source import Item
from camnoise.pipelines.verify import verify
from PIL import Image
from shard_help import camnoise, command, content, edit, photographs, save, shared
from tampering import alter, members

import camnoise as cn
from camnoise.cli import run_command
from camnoise.estimate import Estimate
from camnoise.presets.measured import MeasuredCamera, Point, ReadNoise
from camnoise.sample import RawInput, Sample, canonical

rawpy = pytest.importorskip("rawpy", reason="RAW files need rawpy, of the extra [raw]")

from camnoise.raw import read_raw, write_dng  # noqa: E402 after the skip

SONY = ("--camera", "sony_a7s2", "--iso", "6400")
NIKON = ("--camera", "nikon_d850", "--iso", "800", "--black", "600", "--white", "15520")
BAYER = ("RGGB", "GRBG", "GBRG", "BGGR")
MATRIX = ((0.6, 0.3, 0.1), (0.1, 0.7, 0.2), (0.05, 0.25, 0.7))
OF_A_CAMERA = {
    **{
        "name": "my_camera",
        "title": "Mine",
        "source": "a calibration",
        "licence": "mine",
        "units": "DN",
    },
    **{"cfa": "RGGB", "bits": 14, "black": 128.0, "white": 15000.0, "iso_range": None, "notes": ()},
}
BLACK, WHITE = (126.0, 128.0, 129.0, 131.0), 4000


def mosaic(rows: int = 40, cols: int = 48, seed: int = 0) -> np.ndarray:
    """(row, col) uint16: a ramp with some texture, some of it below black and some beyond white."""
    rng = np.random.Generator(np.random.Philox(seed))
    ramp = np.linspace(110, 4030, rows * cols).reshape(rows, cols)
    return (ramp + rng.integers(0, 60, (rows, cols))).astype(np.uint16)


def dng(path: Path, cfa: str | None = "RGGB", pixels: np.ndarray | None = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    fields = {"black": BLACK if cfa else 128.0, "white": WHITE, "bits": 14, **options}
    write_dng(path, mosaic() if pixels is None else pixels, cfa=cfa, **fields)
    return path


def measured() -> MeasuredCamera:
    """A camera as a calibration from one setting leaves it."""
    read = ReadNoise(law="gaussian", sigma=Estimate(value=3.0, low=2.9, high=3.1))
    point = Point(K=Estimate(value=2.5, low=2.4, high=2.6), read=read)
    return MeasuredCamera(**OF_A_CAMERA, points=(point,))


def four_phases(folder: Path) -> Path:
    """A folder with one small RAW file of each Bayer phase."""
    for number, cfa in enumerate(BAYER):
        balance = {"white_balance": (2.0, 1.0, 1.5), "color_matrix": MATRIX, "iso": 100}
        dng(folder / f"{cfa}.dng", cfa, mosaic(40 + number, 48, number), **balance)
    return folder


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one sentence of a command that must fail."""
    capsys.readouterr()
    assert run_command([str(argument) for argument in arguments]) in (1, 2)
    captured = capsys.readouterr()
    told = [line for line in captured.err.splitlines() if line.startswith("camnoise: ")]
    assert (captured.out, len(told)) == ("", 1), captured
    assert "Traceback" not in captured.err
    return told[0]


def quarantined(folder: Path) -> dict[str, tuple[str, str]]:
    """Name -> stage and reason."""
    rows = pq.read_table(folder / "quarantine.parquet").to_pylist()
    return {row["name"]: (row["stage"], row["reason"]) for row in rows}


# --- from the file to the shard


@pytest.mark.parametrize("camera", [SONY, NIKON], ids=["without color bias", "with color bias"])
def test_a_sample_is_the_camera_over_the_files_own_mosaic(tmp_path: Path, camera: tuple[str, ...]) -> None:
    """Each file keeps its own tile, levels and values, and the views are what the camera makes of its light."""
    folder = four_phases(tmp_path / "in")
    camnoise("shard", f"raw:{folder}", tmp_path / "out", *camera, "--seed", 3)
    shards = Shards(tmp_path / "out")
    assert (shards.manifest.form, shards.manifest.recipe.source, len(shards)) == ("scene.npy", "raw:", 4)
    sensor = shards.manifest.recipe.pipeline
    assert isinstance(sensor, cn.Pipeline)
    tiles = set()
    for key in shards.keys:
        record, raw = shards.sample(key), read_raw(folder / shards.sample(key).name)
        tiles.add(record.cfa)
        assert record.input is not None
        assert record.cfa == record.input.cfa == raw.cfa == record.name.removesuffix(".dng")
        assert (record.input.black, record.input.white, record.input.iso) == (BLACK, WHITE, 100)
        assert record.input.white_balance == pytest.approx((2.0, 1.0, 1.5))
        assert np.allclose(record.input.color_matrix, MATRIX, atol=1e-5)
        scene = shards.scene(key)
        assert (scene.dtype, record.size) == (torch.uint16, raw.mosaic.shape)
        assert np.array_equal(scene[0].numpy(), raw.mosaic)
        light = raw.scene()
        assert light.min() == 0, "nothing was below black: the cut is not seen"
        assert light.max() > 1, "nothing was beyond white"
        assert torch.equal(RawScene(scene.numpy(), record.input).light(), light)
        own = cn.Pipeline(sensor.stages, name=sensor.name, cfa=raw.cfa)
        made = own.views(light, [record.name], scheme="n2n", seed=3)
        assert torch.equal(shards.views(key), made.views[:, 0])
        assert torch.equal(shards.clean(key), made.clean[0])
        assert own.raw is not None
        stored = own.raw.views(light, [record.name], scheme="n2n", seed=3, dtype=torch.uint16).views[:, 0]
        assert np.array_equal(npy.load(shards.read(key, "views.npy")), stored.numpy())
    assert tiles == set(BAYER)
    assert list(verify(tmp_path / "out")) == []


def test_two_runs_are_byte_identical_and_hold_no_path(tmp_path: Path) -> None:
    for name in ("a", "b"):
        folder = four_phases(tmp_path / f"in {name}")
        (folder / "broken.nef").write_bytes(b"no RAW file" * 100)
        camnoise("shard", f"raw:{folder}", tmp_path / name, *SONY, "--samples-per-shard", 2)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert str(tmp_path).encode() not in b"".join(content(tmp_path / "a").values())


@pytest.mark.parametrize(("top", "left"), [(8, 10), (9, 10), (8, 11), (11, 13)])
def test_optical_black_never_enters_a_sample(tmp_path: Path, top: int, left: int) -> None:
    """A margin of 9999 around the same picture changes not a byte of the shard; odd margins too."""
    pixels = mosaic()
    rows, cols = pixels.shape
    full = np.full((rows + top + 12, cols + left + 9), 9999, np.uint16)
    full[top : top + rows, left : left + cols] = pixels
    dng(tmp_path / "plain" / "x.dng", "GRBG", pixels)
    dng(tmp_path / "margin" / "x.dng", "GRBG", full, active_area=(top, left, top + rows, left + cols))
    with rawpy.imread(str(tmp_path / "margin" / "x.dng")) as file:
        assert (file.raw_image == 9999).any(), "the margin is not in the file, and nothing was shown"
    for name in ("plain", "margin"):
        camnoise("shard", f"raw:{tmp_path / name}", tmp_path / f"{name} out", *SONY)
    shards = Shards(tmp_path / "margin out")
    (key,) = shards.keys
    assert shards.scene(key).shape == (1, rows, cols)
    assert int(shards.scene(key).numpy().max()) < 9999
    of_both = [(tmp_path / f"{name} out" / "shard-000000.tar").read_bytes() for name in ("plain", "margin")]
    assert of_both[0] == of_both[1]


def test_a_file_is_a_source_too_and_other_files_are_not_looked_at(tmp_path: Path) -> None:
    folder = four_phases(tmp_path / "in")
    save(folder / "photo.png")
    dng(folder / "below" / "UPPER.DNG")
    assert [item.name for item in parse(f"raw:{folder}").items()] == [
        *("BGGR.dng", "GBRG.dng", "GRBG.dng", "RGGB.dng"),
        "below/UPPER.DNG",
    ]
    camnoise("shard", f"raw:{folder / 'BGGR.dng'}", tmp_path / "one", *SONY)
    camnoise("shard", f"raw:{folder}", tmp_path / "all", *SONY)
    one, every = Shards(tmp_path / "one"), Shards(tmp_path / "all")
    (key,) = one.keys
    assert one.sample(key).name == "BGGR.dng"
    for field in ("scene.npy", "views.npy", "clean.npy", "json"):
        assert one.read(key, field) == every.read(key, field)


def test_monochrome_and_larger_tiles(tmp_path: Path) -> None:
    quad = "RRGG/RRGG/GGBB/GGBB"
    dng(tmp_path / "in" / "gray.dng", None)
    dng(tmp_path / "in" / "quad.dng", quad)
    camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "out", *SONY)
    shards = Shards(tmp_path / "out")
    assert {shards.sample(key).name: shards.sample(key).cfa for key in shards.keys} == {
        "gray.dng": None,
        "quad.dng": quad,
    }
    assert list(verify(tmp_path / "out")) == []
    camnoise("look", tmp_path / "out", "--out", tmp_path / "sheet.png")
    dng(tmp_path / "in" / "bayer.dng")
    camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "planes", *SONY, "--demosaic", "malvar2004")
    refused = quarantined(tmp_path / "planes")
    assert {name: stage for name, (stage, _) in refused.items()} == {"gray.dng": "camera", "quad.dng": "camera"}
    assert quad in refused["quad.dng"][1]


@pytest.mark.parametrize("method", ["bilinear", "malvar2004", "menon2007"])
def test_planes_after_the_mosaic(tmp_path: Path, method: str) -> None:
    """Three planes of float32; what is outside the promise of equal bits is said so."""
    folder = four_phases(tmp_path / "in")
    camnoise("shard", f"raw:{folder}", tmp_path / "out", *SONY, "--demosaic", method)
    shards = Shards(tmp_path / "out")
    assert shards.views(shards.keys[0]).shape[:2] == (2, 3)
    assert shards.clean(shards.keys[0]).shape[0] == 3
    assert list(verify(tmp_path / "out")) == []
    outside = ("menon2007",) if method == "menon2007" else ()
    assert shards.manifest.outside == outside
    receipt = tmp_path / "out" / "shard-000000.receipt.json"
    assert f'"outside":{canonical(list(outside)).decode()}' in receipt.read_text()
    assert ("colour-demosaicing" in shards.manifest.versions) == bool(outside)
    assert {"rawpy", "libraw"} <= shards.manifest.versions.keys()
    edit(receipt, lambda record: record.update(outside=[] if outside else ["menon2007"]))
    assert any("outside is" in fault for fault in verify(tmp_path / "out"))


def test_plain_noises_on_a_mosaic(tmp_path: Path) -> None:
    folder = four_phases(tmp_path / "in")
    camnoise("shard", f"raw:{folder}", tmp_path / "out", "--noise", "gaussian:10")
    shards = Shards(tmp_path / "out")
    assert (len(shards), shards.manifest.recipe.domain) == (4, "raw")
    assert list(verify(tmp_path / "out")) == []
    assert float(shards.clean(shards.keys[0]).max()) == 1, "light beyond white is cut for what is no sensor"


def test_a_refused_raw_file_is_quarantined_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    dng(folder / "good.dng")
    whole = (folder / "good.dng").read_bytes()
    for name, data in {"empty.cr2": b"", "text.nef": b"hello", "cut.dng": whole[:-600]}.items():
        (folder / name).write_bytes(data)
    save(folder / "a.png").rename(folder / "png.arw")
    dng(folder / "zeros.dng", pixels=np.zeros((40, 48), np.uint16))
    (folder / "gone.raf").symlink_to(folder / "nowhere")
    camnoise("shard", f"raw:{folder}", tmp_path / "out", *SONY)
    left_out = quarantined(tmp_path / "out")
    for name, stage, reason in (
        ("empty.cr2", "decode", "empty"),
        ("text.nef", "decode", "RAW"),
        ("png.arw", "decode", "RAW"),
        ("cut.dng", "decode", "ends too early"),
        ("zeros.dng", "decode", "zeros"),
        ("gone.raf", "read", "cannot be opened"),
    ):
        assert left_out[name][0] == stage
        assert reason in left_out[name][1], left_out[name]
        assert "\n" not in left_out[name][1]
    assert [Shards(tmp_path / "out").sample(key).name for key in Shards(tmp_path / "out").keys] == ["good.dng"]
    assert list(verify(tmp_path / "out")) == []


# --- files that would take the run with them

HOSTILE = """
import os, time
from camnoise.pipelines import rawfiles
answer = rawfiles._answer
def hostile(data):
    if data.startswith(b"crash"):
        os.abort()
    if data.startswith(b"hang"):
        time.sleep(600)
    if data.startswith(b"talk"):
        os.write(1, b"warning " * 100)
        print("warning", flush=True)
    return answer(data)
rawfiles._answer = hostile
rawfiles.main()
"""


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A decoder that some files crash, some hang and some make talk on standard output."""
    rawfiles._stop()
    monkeypatch.setattr(rawfiles, "COMMAND", (sys.executable, "-P", "-c", HOSTILE))
    yield
    rawfiles._stop()


def test_a_file_that_kills_its_decoder_costs_only_itself(tmp_path: Path, hostile: None) -> None:
    folder = tmp_path / "in"
    dng(folder / "a.dng")
    dng(folder / "c.dng", "BGGR")
    (folder / "b.dng").write_bytes(b"crash")
    camnoise("shard", f"raw:{folder}", tmp_path / "out", *SONY)
    assert len(Shards(tmp_path / "out")) == 2
    stage, reason = quarantined(tmp_path / "out")["b.dng"]
    assert (stage, "the process that decodes it ended" in reason) == ("decode", True)


def test_a_white_that_is_far_too_low_is_named(tmp_path: Path) -> None:
    dng(tmp_path / "in" / "a.dng")
    dng(tmp_path / "in" / "b.dng", black=100.0, white=150)
    camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "out", *SONY)
    _, reason = quarantined(tmp_path / "out")["b.dng"]
    assert reason.startswith(f"holds DN up to {mosaic().max()}, black stated as 100 and white as 150: light of ")


def test_a_file_that_hangs_is_given_up(tmp_path: Path, hostile: None) -> None:
    start = time.monotonic()
    with pytest.raises(ValueError, match=r"decoding it took more than 0.5 s"):
        rawfiles.decode_raw(b"hang", seconds=0.5)
    assert time.monotonic() - start < 300, "it was waited for"
    assert rawfiles.decode_raw(dng(tmp_path / "a.dng").read_bytes()).shape == (1, 40, 48)


def test_what_a_library_prints_is_no_answer(hostile: None) -> None:
    with pytest.raises(ValueError, match="LibRaw"):
        rawfiles.decode_raw(b"talk")


def test_a_decoder_that_was_killed_from_outside_is_started_again(tmp_path: Path) -> None:
    """Such as for the memory that another program took: no reason to leave the file out."""
    data = dng(tmp_path / "a.dng").read_bytes()
    first = rawfiles.decode_raw(data)
    assert rawfiles._running is not None
    rawfiles._running._process.kill()
    assert np.array_equal(rawfiles.decode_raw(data).pixels, first.pixels)


def test_a_fork_does_not_share_the_decoder(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from camnoise.pipelines import rawfiles\n"
        "data = open(sys.argv[1], 'rb').read()\n"
        "rawfiles.decode_raw(data)\n"
        "before = rawfiles._running._process.pid\n"
        "child = os.fork()\n"
        "ok = rawfiles.decode_raw(data).shape == (1, 40, 48)\n"
        "own = rawfiles._running._process.pid != before\n"
        "if child == 0: sys.exit(0 if ok and own else 1)\n"
        "print(ok, own, os.waitpid(child, 0)[1], rawfiles.decode_raw(data).shape)\n"
    )
    line = [sys.executable, "-c", script, str(dng(tmp_path / "a.dng"))]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout == "True False 0 (1, 40, 48)\n", ended.stderr


def test_a_numpy_in_the_current_folder_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("open('was imported', 'w')\n")
    (tmp_path / "rawpy.py").write_text("open('was imported', 'w')\n")
    dng(tmp_path / "in" / "a.dng")
    script = "import sys\nfrom camnoise.cli import run_command\nsys.exit(run_command(sys.argv[1:]))"
    line = [sys.executable, "-P", "-c", script, "shard", f"raw:{tmp_path / 'in'}", str(tmp_path / "out"), *SONY]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert not (tmp_path / "was imported").exists()


def test_a_file_too_large_to_be_one_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("camnoise.pipelines.plan.MOST_BYTES", 1000)
    source = parse(f"raw:{dng(tmp_path / 'a.dng')}")
    (one,) = survey(source, [Item("a.dng", 1001)])
    assert one.refused is not None
    assert "1,001 bytes" in one.refused
    assert survey(source, [Item("a.dng", 1000)])[0].refused is None


# --- what verify finds


def changed(**fields: object) -> object:
    """A change of a record's `input`."""

    def change(data: bytes) -> bytes:
        record = Sample.model_validate_json(data)
        assert record.input is not None
        return record.model_copy(update={"input": record.input.model_copy(update=fields)}).dump()

    return change


@pytest.mark.parametrize(
    ("field", "change", "sentence"),
    [
        ("json", changed(white=4001.0), "clean.npy: its values are not those that the recipe gives"),
        ("json", changed(black=(126.0, 128.0, 129.0, 132.0)), "clean.npy: its values are not"),
        ("json", changed(cfa="BGGR"), "cfa is 'RGGB', the recipe says 'BGGR'"),
        ("json", changed(black=(126.0,)), "1 black levels for filter tile RGGB, wanted 4"),
        ("json", changed(white=10.0), "wanted 0 to below white, 10"),
        (
            "json",
            lambda data: Sample.model_validate_json(data).model_copy(update={"input": None}).dump(),
            "input is None, and the source is raw:",
        ),
        ("scene.npy", lambda data: npy.dump(npy.load(data) + np.uint16(1)), "clean.npy: its values are not"),
        ("scene.npy", lambda data: npy.dump(np.repeat(npy.load(data), 3, 0)), "is not an image"),
        ("scene.npy", lambda data: npy.dump(npy.load(data).astype(np.uint8)), "is not an image"),
    ],
    ids=range(9),
)
def test_verify_makes_the_scene_again(tmp_path: Path, field: str, change: object, sentence: str) -> None:
    dng(tmp_path / "in" / "a.dng")
    camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "out", *NIKON)
    assert list(verify(tmp_path / "out")) == []
    alter(tmp_path / "out", field, change)
    assert any(sentence in fault for fault in verify(tmp_path / "out")), list(verify(tmp_path / "out"))


def test_a_photograph_may_not_claim_to_be_a_raw_file(tmp_path: Path) -> None:
    camnoise("shard", f"folder:{photographs(tmp_path / 'in', 1)}", tmp_path / "out", *SONY)
    claimed = RawInput(cfa="RGGB", black=(0.0,) * 4, white=255.0)
    alter(
        tmp_path / "out",
        "json",
        lambda data: Sample.model_validate_json(data).model_copy(update={"input": claimed}).dump(),
    )
    assert any("and the source is folder:" in fault for fault in verify(tmp_path / "out"))


# --- photographs, unprocessed


@pytest.mark.parametrize("domain", ["raw", "rgb"])
def test_unprocessed_photographs(tmp_path: Path, domain: str) -> None:
    folder = photographs(tmp_path / "in", 3)
    line = ["shard", f"folder:{folder}", tmp_path / "out", *SONY, "--unprocess", "--domain", domain, "--seed", 5]
    camnoise(*line)
    shards = Shards(tmp_path / "out")
    recipe = shards.manifest.recipe
    assert (recipe.unprocess, recipe.domain) == (True, domain)
    camera = cn.place(cn.presets.load("sony_a7s2", iso=6400), domain, unprocess=True)
    gains = set()
    for key in shards.keys:
        record = shards.sample(key)
        made = camera.views(shards.scene(key)[None] / torch.tensor(255.0), [record.name], scheme="n2n", seed=5)
        assert torch.equal(shards.views(key), made.views[:, 0])
        assert torch.equal(shards.clean(key), made.clean[0])
        assert record.parameters == tuple(table.sample(0) for table in made.parameters)
        assert record.parameters[0] == record.parameters[1], "the views show scenes of different colors"
        gains.add(record.parameters[0]["red_gain"])
    assert len(gains) == 3, "the white balance is not drawn per photograph"
    assert list(verify(tmp_path / "out")) == []
    again = tmp_path / "again"
    camnoise(*line[:2], again, *line[3:])
    assert content(again) == content(tmp_path / "out")
    camnoise("look", tmp_path / "out", "--out", tmp_path / "sheet.png")


def test_unprocessing_is_part_of_the_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photographs(tmp_path / "in", 1)
    camnoise("shard", f"folder:{folder}", tmp_path / "out", *SONY, "--unprocess")
    told = failed(capsys, "shard", f"folder:{folder}", tmp_path / "out", *SONY)
    assert "unprocess True there, False here" in told
    fields = Shards(tmp_path / "out").manifest.recipe.model_dump()
    with pytest.raises(ValueError, match="came with unprocess False, and has True"):
        Recipe(**{**fields, "unprocess": False})


# --- a camera of the user's own


def test_a_camera_file_by_its_path(tmp_path: Path) -> None:
    """The recipe has the camera's own name and the whole pipeline, and nothing of where the file lay."""
    known = cn.presets.describe("sony_a7s2")
    mine = known.model_copy(update={"name": "my_camera"})
    (tmp_path / "somewhere").mkdir()
    (tmp_path / "somewhere" / "file.json").write_text(mine.model_dump_json())
    folder = photographs(tmp_path / "in", 2)
    line = ["--camera", tmp_path / "somewhere" / "file.json", "--iso", 6400]
    camnoise("shard", f"folder:{folder}", tmp_path / "out", "--unprocess", *line)
    recipe = Shards(tmp_path / "out").manifest.recipe
    assert (recipe.camera, recipe.iso) == (("my_camera",), (6400,))
    assert recipe.pipeline is not None
    assert recipe.pipeline.name == "my_camera"
    assert list(verify(tmp_path / "out")) == []
    assert str(tmp_path).encode() not in b"".join(content(tmp_path / "out").values())
    assert b"file.json" not in b"".join(content(tmp_path / "out").values())
    camnoise("preview", folder / "photo 0.png", "--unprocess", *line, "--out", tmp_path / "p.png")


def test_a_camera_that_was_measured_at_one_setting_needs_no_iso(tmp_path: Path) -> None:
    """As `camnoise calibrate` writes it from frames without an ISO; on photographs and on RAW files."""
    (tmp_path / "my_camera.json").write_text(measured().model_dump_json())
    camera = ("--camera", tmp_path / "my_camera.json")
    photographs(tmp_path / "photos", 2)
    four_phases(tmp_path / "raws")
    camnoise("shard", f"folder:{tmp_path / 'photos'}", tmp_path / "a", *camera, "--unprocess")
    camnoise("shard", f"raw:{tmp_path / 'raws'}", tmp_path / "b", *camera)
    for name in "ab":
        shards = Shards(tmp_path / name)
        assert (shards.manifest.recipe.camera, shards.manifest.recipe.iso) == (("my_camera",), ())
        assert shards.sample(shards.keys[0]).parameters[0]["K"] == 2.5
        assert list(verify(tmp_path / name)) == []
        assert str(tmp_path).encode() not in b"".join(content(tmp_path / name).values())
    camnoise("preview", tmp_path / "raws" / "BGGR.dng", *camera, "--out", tmp_path / "p.png")


def test_beyond_what_was_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photographs(tmp_path / "in", 1)
    line = ["shard", f"folder:{folder}", tmp_path / "out", "--camera", "sony_a7s2", "--iso", "102400"]
    assert "ISO is 102400" in failed(capsys, *line)
    camnoise(*line, "--extrapolate")
    assert Shards(tmp_path / "out").manifest.recipe.extrapolate


# --- the levels of a RAW file for a camera whose source gives none

LEVELLESS = ("--camera", "nikon_d850", "--iso", "800")


def test_levels_of_a_raw_file_for_a_shard(tmp_path: Path) -> None:
    """The mean black of its sites and its white, as numbers that were typed: the same bytes, and no path."""
    folder = four_phases(tmp_path / "raws")
    of = dng(tmp_path / "elsewhere" / "body.dng", black=(600.0, 600.0, 600.5, 600.5), white=15520)
    camnoise("shard", f"raw:{folder}", tmp_path / "a", *LEVELLESS, "--levels", of)
    camnoise("shard", f"raw:{folder}", tmp_path / "b", *LEVELLESS, "--black", 600.25, "--white", 15520)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert not [data for data in content(tmp_path / "a").values() if b"elsewhere" in data or b"body.dng" in data]
    camnoise("shard", f"folder:{photographs(tmp_path / 'photos', 1)}", tmp_path / "c", *LEVELLESS, "--levels", of)
    shards = Shards(tmp_path / "c")
    drawn = shards.sample(shards.keys[0]).parameters[0]
    assert (drawn["black"], drawn["white"]) == (600.25, 15520)


def test_levels_serve_all_cameras_that_have_none(tmp_path: Path) -> None:
    of = dng(tmp_path / "body.dng", black=600.0, white=15520)
    cameras = ("sony_a7s2", "nikon_d850"), ("canon_eos_70d", "nikon_d850")
    for pair, first in zip(cameras, ((512, 16383), (600, 15520)), strict=True):
        options = Options(camera=pair, iso=["800"], scheme="nrl", levels=of)
        drawn = [placed.camera.draw([0]).sample(0) for placed in choose(options, "raw:").placed]
        assert [(one["black"], one["white"]) for one in drawn] == [first, (600, 15520)]


def test_the_preview_of_a_raw_file_takes_its_levels(tmp_path: Path) -> None:
    """Where the camera has none and none are given; what is given goes before."""
    path = dng(tmp_path / "a.dng", black=600.0, white=15520)
    other = dng(tmp_path / "other.dng", black=64.0, white=16000)
    lines = {
        "own": (),
        "the same": ("--black", 600, "--white", 15520),
        "other": ("--levels", other),
        "the other's": ("--black", 64, "--white", 16000),
    }
    made = {}
    for name, given in lines.items():
        camnoise("preview", path, *LEVELLESS, *given, "--out", tmp_path / "p.png", "--panel", 60)
        made[name] = (tmp_path / "p.png").read_bytes()
    assert made["own"] == made["the same"] != made["other"] == made["the other's"]
    # A camera with levels keeps them.
    for name, given in (("own", ()), ("the same", ("--black", 512, "--white", 16383))):
        camnoise("preview", path, *SONY, *given, "--out", tmp_path / "p.png", "--panel", 60)
        made[name] = (tmp_path / "p.png").read_bytes()
    assert made["own"] == made["the same"]
    camnoise("preview", path, "--noise", "gaussian:9", "--out", tmp_path / "p.png")


def test_the_preview_of_a_real_raw_file_takes_its_levels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["--camera", "canon_eos_700d", "--iso", "800", "--out", str(tmp_path / "p.png"), "--panel", "60"]
    camnoise("preview", shared("raw/colorchart.dng"), *line)
    told = failed(capsys, "preview", shared("raw/Canon_EOS30D_iso100_IMG_0848.CR2"), *line)
    assert "levels has white 4095 DN, wanted that of 14 bits, as canon_eos_700d has" in told


# --- the commands


def test_previews_of_raw_files_are_developed_for_the_eye(tmp_path: Path) -> None:
    """A gray card under a light that the sensor sees in unequal parts is gray in the picture."""
    gains, level = np.array([2.0, 1.0, 1.5]), 1500
    flat = np.zeros((120, 120), np.uint16)
    for (row, col), gain in zip(((0, 0), (0, 1), (1, 0), (1, 1)), gains[[0, 1, 1, 2]], strict=True):
        flat[row::2, col::2] = 128 + round(level / gain)
    path = dng(tmp_path / "gray.dng", "RGGB", flat, black=128.0, white_balance=tuple(gains), color_matrix=MATRIX)
    camnoise("preview", path, *SONY, "--out", tmp_path / "p.png", "--panel", 100)
    shown = np.asarray(Image.open(tmp_path / "p.png")).astype(float)
    clean, view = (shown[60:130, 8 + 108 * n + 10 : 8 + 108 * n + 90] for n in (1, 2))
    red, green, blue = clean.mean((0, 1))
    assert max(red, green, blue) - min(red, green, blue) <= 2, "the white balance of the shot is not applied"
    assert clean.std((0, 1)).max() < 2 < view.std((0, 1)).min()


def test_the_preview_of_a_raw_file_has_the_noise_of_its_data_set(tmp_path: Path) -> None:
    path = four_phases(tmp_path / "in") / "GBRG.dng"
    camnoise("shard", f"raw:{path}", tmp_path / "out", *SONY, "--seed", 4)
    camnoise("look", tmp_path / "out", "--out", tmp_path / "look.png", "--panel", 200)
    camnoise("preview", path, *SONY, "--seed", 4, "--out", tmp_path / "preview.png", "--panel", 200)
    one, other = (np.asarray(Image.open(tmp_path / f"{name}.png")) for name in ("look", "preview"))
    assert np.array_equal(one[24:], other[24:])  # below the title, which names the camera in other words


WRONG = {
    "no path": (["shard", "raw:", "OUT", *SONY], "source 'raw:' needs a path after the colon"),
    "nowhere": (["shard", "raw:IN/none", "OUT", *SONY], "does not exist"),
    "no RAW file": (["shard", "raw:IN/photos", "OUT", *SONY], "no RAW file in source folder"),
    "linear planes": (
        ["shard", "raw:IN/raw", "OUT", *SONY, "--domain", "rgb"],
        "RAW files came with domain rgb, wanted",
    ),
    "encoded": (["shard", "raw:IN/raw", "OUT", "--noise", "gaussian:9", "--domain", "srgb"], "came with domain srgb"),
    "unprocessed": (["shard", "raw:IN/raw", "OUT", *SONY, "--unprocess"], "RAW files came with --unprocess, wanted"),
    "moved": (["shard", "raw:IN/raw", "OUT", *SONY, "--scheme", "burst"], "burst:4:8 got mosaics, wanted planes"),
    "whole chain": (["shard", "raw:IN/raw", "OUT", "--pipeline", "IN/whole.json"], "whole.json: it takes photographs"),
    "no such demosaicing": (["shard", "raw:IN/raw", "OUT", *SONY, "--demosaic", "nearest"], "'nearest'"),
    "own colors per view": (
        ["shard", "folder:IN/photos", "OUT", *SONY, "--unprocess", "--scheme", "n2n-free"],
        "n2n-free came with unprocess, which would draw each view another scene's colors",
    ),
    "encoded and unprocessed": (
        ["shard", "folder:IN/photos", "OUT", "--noise", "gaussian:9", "--unprocess"],
        "unprocess is asked for in domain 'srgb'",
    ),
    "whole chain, unprocessed": (
        ["shard", "folder:IN/photos", "OUT", "--pipeline", "IN/whole.json", "--unprocess"],
        "whole.json: it is a whole chain without Unprocess",
    ),
    "extrapolated noise": (["shard", "raw:IN/raw", "OUT", "--noise", "gaussian:9", "--extrapolate"], "--extrapolate"),
    "no camera file": (["shard", "raw:IN/raw", "OUT", "--camera", "IN/none.json", "--iso", "100"], "none.json"),
    "broken camera file": (["shard", "raw:IN/raw", "OUT", "--camera", "IN/bad.json", "--iso", "100"], "bad.json"),
    "broken RAW file": (["preview", "IN/bad.dng", *SONY, "--out", "IN/x.png"], "image '.*bad.dng': .*RAW"),
    "empty RAW file": (
        ["preview", "IN/empty.CR2", *SONY, "--out", "IN/x.png"],
        "image '.*empty.CR2': the file is empty",
    ),
    "pipe for a RAW file": (["preview", "IN/pipe.dng", *SONY, "--out", "IN/x.png"], "pipe.dng': is not a regular file"),
    "pipe for an image": (["preview", "IN/pipe.png", *SONY, "--out", "IN/x.png"], "pipe.png': is not a regular file"),
    "huge RAW file": (
        ["preview", "IN/huge.dng", *SONY, "--out", "IN/x.png"],
        "huge.dng': has 1,000,000,000,000 bytes, the largest RAW file that is read has",
    ),
    "huge image": (["preview", "IN/huge.png", *SONY, "--out", "IN/x.png"], "huge.png': not a PNG, JPEG or TIFF image"),
    "no levels": (
        ["shard", "raw:IN/raw", "OUT", *LEVELLESS],
        r"nikon_d850 has no black and white level .* \(--black, --white or --levels\)",
    ),
    "levels twice": (
        ["shard", "raw:IN/raw", "OUT", *LEVELLESS, "--levels", "IN/raw/a.dng", "--white", "15000"],
        "--levels came with --white, wanted one or the other",
    ),
    "levels for what has them": (
        ["shard", "raw:IN/raw", "OUT", *SONY, "--levels", "IN/raw/a.dng"],
        "--levels came with sony_a7s2, wanted a camera whose source gives no levels",
    ),
    "levels for a noise": (
        ["shard", "raw:IN/raw", "OUT", "--noise", "gaussian:9", "--levels", "IN/raw/a.dng"],
        "--noise came with --levels",
    ),
    "levels beside a pipeline": (
        ["shard", "raw:IN/raw", "OUT", "--pipeline", "IN/whole.json", "--levels", "IN/raw/a.dng"],
        "no --camera, .*--levels.* beside it",
    ),
    "levels of no file": (
        ["shard", "raw:IN/raw", "OUT", *LEVELLESS, "--levels", "IN/none.dng"],
        "--levels '.*none.dng' cannot be read: No such file",
    ),
    "levels of no RAW file": (
        ["preview", "IN/raw/a.dng", *LEVELLESS, "--levels", "IN/bad.json", "--out", "IN/x.png"],
        "--levels '.*bad.json': .*RAW",
    ),
    "levels of another depth": (
        ["preview", "IN/twelve.dng", *LEVELLESS, "--out", "IN/x.png"],
        "levels has white 4000 DN, wanted that of 14 bits",
    ),
    "no file": (["preview", "IN/none.nef", *SONY, "--out", "IN/x.png"], "cannot be read: No such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_sentence(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photographs(tmp_path / "in" / "photos", 1)
    dng(tmp_path / "in" / "raw" / "a.dng")
    dng(tmp_path / "in" / "twelve.dng", black=128.0)
    (tmp_path / "in" / "bad.json").write_text("{not json")
    (tmp_path / "in" / "bad.dng").write_bytes(b"II*\0 and no more")
    (tmp_path / "in" / "empty.CR2").write_bytes(b"")
    for suffix in (".dng", ".png"):
        os.mkfifo(tmp_path / "in" / f"pipe{suffix}")
        with (tmp_path / "in" / f"huge{suffix}").open("wb") as file:
            file.truncate(10**12)  # takes no room on the disk
    whole = cn.Pipeline([cn.Linearize(), *cn.presets.load("sony_a7s2", iso=100).stages])
    (tmp_path / "in" / "whole.json").write_text(whole.model_dump_json())
    line, match = WRONG[case]
    for word, place in {"OUT": tmp_path / "out", "IN": tmp_path / "in"}.items():
        line = [re.sub(rf"\b{word}\b", str(place), part) for part in line]
    before = sorted(tmp_path.rglob("*"))
    assert re.search(match, told := failed(capsys, *line)), told
    assert sorted(tmp_path.rglob("*")) == before, "something was written"


def test_a_missing_extra_names_the_extra(tmp_path: Path) -> None:
    path = dng(tmp_path / "a.dng")
    for line in (
        ["shard", f"raw:{path}", str(tmp_path / "out")],
        ["preview", str(path), "--out", str(tmp_path / "x.png")],
    ):
        script = (
            "import sys; sys.modules['rawpy'] = None\n"
            "from camnoise.cli import run_command\n"
            f"sys.exit(run_command({[*line, *SONY]!r}))\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert "install camnoise with its extra [raw]" in ended.stderr
        assert len(ended.stderr.splitlines()) == 1, ended.stderr


def test_verify_and_look_need_no_raw_reader(tmp_path: Path) -> None:
    dng(tmp_path / "in" / "a.dng")
    camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "out", *SONY)
    for line in (["verify", str(tmp_path / "out")], ["look", str(tmp_path / "out"), "--out", str(tmp_path / "x.png")]):
        script = (
            "import sys; sys.modules['rawpy'] = sys.modules['tifffile'] = None\n"
            "from camnoise.cli import run_command\n"
            f"sys.exit(run_command({line!r}))\n"
        )
        ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr


def test_a_scheme_of_two_cameras_takes_the_tile_of_the_file(tmp_path: Path) -> None:
    """nrl: the cameras' own tiles may differ, for they are not used."""
    chosen = choose(Options(noise=["gaussian:9", "poisson:30"], scheme="nrl"), "raw:")
    assert chosen.recipe("raw:").cfa is None
    folder = four_phases(tmp_path / "in")
    line = ["--camera", "sony_a7s2", "--camera", "nikon_d850", "--iso", "6400", "--iso", "800"]
    camnoise("shard", f"raw:{folder}", tmp_path / "out", "--scheme", "nrl", *line, "--black", 600, "--white", 15520)
    assert len(Shards(tmp_path / "out")) == 4
    assert list(verify(tmp_path / "out")) == []


def test_numpys_print_options_do_not_reach_the_records(tmp_path: Path) -> None:
    """colour-science, which Menon's method imports, sets them; so do notebooks."""
    dng(tmp_path / "in" / "a.dng")
    with np.printoptions(legacy="1.13"):
        camnoise("shard", f"raw:{tmp_path / 'in'}", tmp_path / "out", *SONY)
    with np.printoptions(legacy=False):
        assert list(verify(tmp_path / "out")) == []


# --- real files


@pytest.mark.slow
def test_every_raw_file_of_the_test_data_is_sharded_or_refused(tmp_path: Path) -> None:
    """Whole frames of up to 8 megapixels; about 9 seconds."""
    folder = shared("raw")
    ended = command("shard", f"raw:{folder}", tmp_path / "out", *SONY)
    assert ended.returncode == 0, ended.stderr
    assert command("verify", tmp_path / "out").returncode == 0
    shards = Shards(tmp_path / "out")
    by_name = {shards.sample(key).name: key for key in shards.keys}
    left_out = quarantined(tmp_path / "out")
    assert left_out["not_cfa_or_broken/truncated_panasonic_fz38.rw2"][0] == "decode"
    assert "zeros" in left_out["not_cfa_or_broken/truncated_panasonic_fz38.rw2"][1]
    canon = shards.sample(by_name["Canon_EOS30D_iso100_IMG_0848.CR2"])
    assert (canon.cfa, canon.size) == ("RGGB", (2348, 3522))
    synthetic = "synthetic_container/synthetic_bayer_BGGR_kodak03"
    exact = np.load(folder / f"{synthetic}_expected_raw.npy")
    assert np.array_equal(shards.scene(by_name[f"{synthetic}.dng"])[0].numpy(), exact)
    assert shards.sample(by_name[f"{synthetic}.dng"]).cfa == "BGGR"
    assert os.environ.get("HOME", "/nowhere").encode() not in canonical(shards.manifest.model_dump(mode="json"))
    assert len(members(tmp_path / "out" / "shard-000000.tar")) == 4 * len(shards)
