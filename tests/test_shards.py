"""What a run leaves behind, and that it leaves the same whatever happened on the way."""

import errno
import itertools
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import webdataset
from camnoise.pipelines import build, npy
from camnoise.pipelines.address import parse
from camnoise.pipelines.folder import Folder
from camnoise.pipelines.images import decode
from camnoise.pipelines.plan import Input, plan, survey
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.run import Outcome, run, serial
from camnoise.pipelines.source import SourceError
from camnoise.pipelines.verify import verify
from PIL import Image
from shard_help import command, content, edit, photographs, picture, recipe, save, shared

from camnoise import presets
from camnoise.domains import place
from camnoise.keys import NOISE_VERSION, hex_id, sample_id
from camnoise.pipeline import Pipeline
from camnoise.sample import Sample


def shard(source: Path, dest: Path, **changes: object) -> Outcome:
    return run(parse(f"folder:{source}"), recipe(**changes), dest)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set: five PNG photographs in three shards. Read it, do not change it."""
    root = tmp_path_factory.mktemp("done")
    shard(photographs(root / "in"), root / "out")
    return root / "out"


def test_two_runs_are_byte_identical(done: Path, tmp_path: Path) -> None:
    shard(photographs(tmp_path / "elsewhere"), tmp_path / "another name")
    assert content(tmp_path / "another name") == content(done)
    assert str(tmp_path).encode() not in b"".join(content(tmp_path / "another name").values())


def test_the_files_of_a_data_set(done: Path) -> None:
    shards = [f"shard-00000{n}.{kind}" for n in range(3) for kind in ("receipt.json", "tar")]
    assert [path.name for path in sorted(done.iterdir())] == [
        "index.parquet",
        "manifest.json",
        "quarantine.parquet",
        *shards,
    ]
    manifest = json.loads((done / "manifest.json").read_bytes())
    assert manifest["recipe"]["seed"] == 7
    assert manifest["noise_version"] == NOISE_VERSION
    assert [one["samples"] for one in manifest["shards"]] == [2, 2, 1]
    assert Recipe.model_validate(manifest["recipe"]).sha256 == manifest["recipe_sha256"]


def test_members_are_plain_sorted_and_together(done: Path) -> None:
    for path in done.glob("*.tar"):
        with tarfile.open(path) as archive:
            members = archive.getmembers()
        names = [member.name for member in members]
        assert names == sorted(names)
        assert {name.partition(".")[2] for name in names} == {"src.png", "views.npy", "clean.npy", "json"}
        for member in members:
            assert (member.mtime, member.uid, member.gid, member.mode, member.pax_headers) == (0, 0, 0, 0o444, {})
        assert path.read_bytes()[257:265] == b"ustar\x0000"  # USTAR, not GNU


def test_webdataset_reads_the_shards(done: Path, tmp_path: Path) -> None:
    urls = [str(path) for path in sorted(done.glob("*.tar"))]
    samples = list(webdataset.WebDataset(urls, shardshuffle=False).decode())
    assert len(samples) == 5
    for sample in samples:
        record = sample["json"]
        assert sample["__key__"] == record["id"] == hex_id(sample_id(record["name"]))
        rows, cols = record["size"]
        assert sample["views.npy"].shape == (2, 1, rows, cols)
        assert sample["views.npy"].dtype == np.uint16
        assert sample["clean.npy"].shape == (1, rows, cols)
        assert sample["clean.npy"].dtype == np.float32
        assert decode(sample["src.png"]).shape == (3, rows, cols)


def test_the_record_says_how_to_make_the_views_again(done: Path) -> None:
    shards = Shards(done)
    camera = place(presets.load("sony_a7s2", iso=6400), "raw")
    for key in shards.keys:
        record = shards.sample(key)
        assert (record.seed, record.epoch, record.views, record.domain, record.cfa) == (7, None, "n2n", "raw", "RGGB")
        assert (record.bits, record.black, record.white, record.ratio) == (14, 512.0, 16383.0, 1.0)
        scene = shards.scene(key).float() / torch.tensor(255.0)
        made = camera.views(scene[None], [int(record.id, 16)], scheme="n2n", seed=record.seed, body=record.body)
        assert torch.equal(shards.views(key), made.views[:, 0]), "Normalize from the JSON is not the camera's"
        assert torch.equal(shards.clean(key), made.clean[0])
        assert [dict(table) for table in record.parameters] == [one.sample(0) for one in made.parameters]


def test_numbers_in_the_record_are_the_shortest_float32(done: Path) -> None:
    shards = Shards(done)
    text = shards.read(shards.keys[0], "json").decode()
    for name, value in json.loads(text)["parameters"][0].items():
        assert float(str(np.float32(value))) == value, name
    assert text == Sample.model_validate_json(text).dump().decode()
    assert " " not in text.replace(shards.sample(shards.keys[0]).name, "")


def test_noise_is_of_the_name_alone(done: Path, tmp_path: Path) -> None:
    """One photograph in another folder, another shard size, other neighbors: the same sample."""
    photographs(tmp_path / "in", 4)
    save(tmp_path / "in" / "a first one.png", picture(30, 30, 9))
    shard(tmp_path / "in", tmp_path / "out", samples_per_shard=256)
    here, there = Shards(tmp_path / "out"), Shards(done)
    key = hex_id(sample_id("photo 2.png"))
    assert here.read(key, "views.npy") == there.read(key, "views.npy")
    assert here.read(key, "json") == there.read(key, "json")


def test_the_index_locates_every_member(done: Path) -> None:
    rows = pq.read_table(done / "index.parquet").to_pylist()
    assert len(rows) == 20
    for row in rows:
        data = (done / row["shard"]).read_bytes()[row["offset"] :][: row["nbytes"]]
        with tarfile.open(done / row["shard"]) as archive:
            member = archive.extractfile(f"{row['key']}.{row['field']}")
            assert member is not None
            assert member.read() == data
        if row["field"].endswith(".npy"):
            array = npy.load(data)
            assert (array.dtype.str, list(array.shape)) == (row["dtype"], row["shape"])


def test_originals_are_kept_when_all_are_of_one_kind(tmp_path: Path) -> None:
    photographs(tmp_path / "jpg", 2, "jpg")
    shard(tmp_path / "jpg", tmp_path / "a")
    shards = Shards(tmp_path / "a")
    assert shards.manifest.form == "src.jpg"
    assert shards.read(hex_id(sample_id("photo 0.jpg")), "src.jpg") == (tmp_path / "jpg" / "photo 0.jpg").read_bytes()


@pytest.mark.parametrize("odd", ["png among jpg", "rotated", "16 bit"])
def test_one_odd_input_makes_all_scenes_arrays(tmp_path: Path, odd: str) -> None:
    folder, kind = tmp_path / "in", "png" if odd == "16 bit" else "jpg"
    photographs(folder, 2, kind)
    if odd == "16 bit":
        save(folder / "odd.png", picture()[:, :, 0].astype(np.uint16) * 257)
    else:
        exif = Image.Exif()
        exif[0x0112] = 8
        save(
            folder / ("odd.png" if odd == "png among jpg" else "odd.jpg"),
            exif=exif if odd == "rotated" else Image.Exif(),
        )
    shard(folder, tmp_path / "out")
    shards = Shards(tmp_path / "out")
    assert shards.manifest.form == "scene.npy"
    for key in shards.keys:
        assert np.array_equal(shards.scene(key), decode((folder / shards.sample(key).name).read_bytes()))


@pytest.mark.parametrize(
    ("domain", "demosaic", "shape", "dtype"),
    [("raw", None, 1, "<u2"), ("rgb", None, 3, "<u2"), ("raw", "bilinear", 3, "<f4")],
)
@pytest.mark.parametrize(("scheme", "views"), [("n2n", 2), ("n2c", 1)])
def test_domains_and_schemes(
    tmp_path: Path, domain: str, demosaic: str | None, shape: int, dtype: str, scheme: str, views: int
) -> None:
    camera = place(presets.load("sony_a7s2", iso=(2000, 25600)), domain, demosaic)
    photographs(tmp_path / "in", 1)
    shard(tmp_path / "in", tmp_path / "out", pipeline=camera, domain=domain, demosaic=demosaic, scheme=scheme, epoch=3)
    shards = Shards(tmp_path / "out")
    (key,) = shards.keys
    got, sides, _ = npy.header(shards.read(key, "views.npy"))
    assert (got, sides) == (dtype, (views, shape, 10, 14))
    scene = shards.scene(key).float() / torch.tensor(255.0)
    made = camera.views(scene[None], [int(key, 16)], scheme=scheme, seed=7, epoch=3, body="sony_a7s2")
    assert torch.equal(shards.views(key), made.views[:, 0])
    assert torch.equal(shards.clean(key), made.clean[0])


def test_a_bad_image_is_quarantined_and_the_rest_done(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in", 3, "jpg")
    good = (folder / "photo 1.jpg").read_bytes()
    (folder / "photo 1.jpg").write_bytes(good[:-30])
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere")
    outcome = shard(folder, tmp_path / "out")
    rows = {row["name"]: row for row in pq.read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()}
    assert (outcome.manifest.samples, outcome.manifest.quarantined, outcome.manifest.form) == (2, 3, "src.jpg")
    assert set(rows) == {"photo 1.jpg", "zero.jpg", "gone.jpg"}
    assert "truncated" in rows["photo 1.jpg"]["reason"]
    assert rows["photo 1.jpg"]["stage"] == "decode"
    assert rows["zero.jpg"]["reason"] == "the file is empty"
    assert rows["gone.jpg"]["reason"] == "cannot be opened: No such file or directory"
    (folder / "photo 1.jpg").unlink()  # the user cleans up
    assert shard(folder, tmp_path / "out").built == 0
    (folder / "zero.jpg").write_bytes(good)  # or repairs: that is a run over other images
    with pytest.raises(ValueError, match=r"\(5 there, 4 here; by name and size 1 differ, such as 'zero.jpg'\)"):
        shard(folder, tmp_path / "out")


def test_an_image_the_camera_cannot_take_is_quarantined(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png")
    save(tmp_path / "in" / "one pixel.png", picture(1, 1))  # too small to interpolate a mosaic
    camera = place(presets.load("sony_a7s2", iso=6400), "raw", "bilinear")
    shard(tmp_path / "in", tmp_path / "out", pipeline=camera, demosaic="bilinear")
    (row,) = pq.read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()
    assert (row["name"], row["stage"]) == ("one pixel.png", "camera")
    assert "2x2" in row["reason"]


def test_the_voc_tree_with_its_truncated_photograph(tmp_path: Path) -> None:
    outcome = shard(shared("layouts/VOCdevkit_mini"), tmp_path / "out")
    (row,) = pq.read_table(tmp_path / "out" / "quarantine.parquet").to_pylist()
    assert row["name"] == "VOC2007/JPEGImages/000001.jpg"
    assert outcome.manifest.samples == 4


def test_shards_without_a_sample_get_receipts_too(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.png").write_bytes(b"no image")
    outcome = shard(tmp_path / "in", tmp_path / "out")
    assert (outcome.manifest.samples, outcome.manifest.quarantined, len(outcome.manifest.shards)) == (0, 3, 2)
    assert shard(tmp_path / "in", tmp_path / "out").built == 0
    urls = [str(path) for path in sorted((tmp_path / "out").glob("*.tar"))]
    assert list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False)) == []


def after(count: int) -> object:
    """An engine that dies after some shards."""

    def engine(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        for number, receipt in enumerate(serial(specs, watch)):
            if number == count:
                raise KeyboardInterrupt
            yield receipt

    return engine


def test_a_stopped_run_goes_on_and_ends_the_same(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    assert not (out / "manifest.json").exists()
    first = (out / "shard-000000.tar").stat()
    (out / "shard-000001.receipt.json").unlink()  # as if killed between the shard and its receipt
    (out / "shard-000000.tar.partial").write_bytes(b"half")
    outcome = shard(folder, out)
    assert (outcome.built, outcome.kept) == (2, 1)
    assert (out / "shard-000000.tar").stat().st_mtime_ns == first.st_mtime_ns, "a finished shard was made again"
    assert content(out) == content(done)


def test_a_finished_shard_that_has_changed_is_made_again(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(2))
    path = out / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert shard(folder, out).kept == 2
    assert content(out) == content(done)


KILLED = """
import os, signal, sys
from pathlib import Path
from camnoise.pipelines import build
from camnoise.pipelines.run import run, serial
from camnoise.pipelines.address import parse
sys.path.insert(0, {tests!r})
from shard_help import recipe
seen = []
def watch():
    seen.append(1)
    if len(seen) == 4:
        os.kill(os.getpid(), signal.{signal})
def engine(specs, _):
    return serial(specs, watch)
run(parse("folder:" + sys.argv[1]), recipe(), Path(sys.argv[2]), engine=engine)
"""


@pytest.mark.parametrize("kind", ["SIGKILL", "SIGINT"])
def test_a_killed_run_leaves_only_whole_shards_and_goes_on(done: Path, tmp_path: Path, kind: str) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    script = KILLED.format(tests=str(Path(__file__).parent), signal=kind)
    ended = subprocess.run([sys.executable, "-c", script, folder, out], capture_output=True, timeout=120, check=False)
    assert ended.returncode == -getattr(signal, kind), ended.stderr
    whole = {"plan.json", "shard-000000.receipt.json", "shard-000000.tar"}
    partial = {"shard-000001.tar.partial"} if kind == "SIGKILL" else set()
    assert {path.name for path in out.iterdir()} == whole | partial
    assert shard(folder, out).kept == 1
    assert content(out) == content(done)


def test_a_finished_run_is_checked_and_left(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    shard(folder, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    outcome = shard(folder, out)
    assert (outcome.built, outcome.kept) == (0, 3)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (out / "shard-000001.tar").unlink()
    with pytest.raises(ValueError, match=r"first: shard-000001.tar: missing\): .* to make it again, remove"):
        shard(folder, out)


def test_destinations_that_hold_something_else_are_refused(done: Path, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in")
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(ValueError, match="is a file"):
        shard(folder, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"holds something else \('letter.txt'\)"):
        shard(folder, tmp_path / "full")
    assert content(tmp_path / "full") == {"letter.txt": b"mine"}
    before = content(done)
    with pytest.raises(ValueError, match=r"run of another recipe \(seed 7 there, 8 here\)"):
        shard(folder, done, seed=8)
    other = place(presets.load("nikon_d850", iso=800, black=600, white=15520), "raw")
    with pytest.raises(ValueError, match=r"recipe \(pipeline sony_a7s2 there, nikon_d850 here\)"):
        shard(folder, done, pipeline=other)
    with pytest.raises(ValueError, match=r"run over other images \(5 there, 4 here"):
        shard(photographs(tmp_path / "fewer", 4), done)
    assert content(done) == before


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"

    def nested(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        with pytest.raises(ValueError, match="another camnoise is writing to"):
            shard(folder, out)
        return serial(specs, watch)

    run(parse(f"folder:{folder}"), recipe(), out, engine=nested)


def test_a_destination_that_cannot_be_written(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in", 1)
    with pytest.raises(OSError, match="destination '/proc/camnoise' could not be written: No such file"):
        shard(folder, Path("/proc/camnoise"))


def test_a_full_disk_is_one_sentence_and_nothing_half_written(tmp_path: Path, done: Path) -> None:
    """No file may pass 40,000 bytes in the child: the second shard does, and the first does not."""
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png", picture(8, 8))
    save(folder / "b.png", picture(100, 100))
    arguments = ["shard", f"folder:{folder}", out, "--camera", "sony_a7s2", "--iso", 6400, "--samples-per-shard", 1]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = command(*arguments, preexec_fn=limit, env=environment)
    assert ended.returncode == 1, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert "there is no room left (file too large)" in last
    assert "1 of 2 shards are finished, and the same command goes on from there" in last
    assert "Traceback" not in ended.stderr
    assert {path.name for path in out.iterdir()} == {"plan.json", "shard-000000.receipt.json", "shard-000000.tar"}
    assert command(*arguments).returncode == 0
    assert Shards(out).manifest.samples == 2


def meddling(change: Callable[[], object]) -> object:
    """An engine before which somebody changes the inputs."""

    def engine(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        change()
        return serial(specs, watch)

    return engine


def forbid(path: Path) -> None:
    """Permission bits do not stop root; a link to itself is as unreadable to everybody."""
    path.unlink()
    path.symlink_to(path)


CHANGED = {
    "gone": (Path.unlink, "cannot be opened: No such file or directory"),
    "longer": (lambda path: save(path, picture(40, 40)), r"has [\d,]+ bytes, [\d,]+ when the run was planned"),
    "shorter": (lambda path: path.write_bytes(b"x"), r"has 1 bytes, [\d,]+ when the run was planned"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "cannot be opened: not a regular file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be opened: not a regular file"),
    "unreadable": (forbid, "cannot be opened: Too many levels of symbolic links"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_an_input_that_changes_during_a_run_is_quarantined(tmp_path: Path, case: str) -> None:
    change, match = CHANGED[case]
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    change(folder / "photo 4.png")
    outcome = shard(folder, out)
    assert (outcome.manifest.samples, outcome.manifest.quarantined) == (4, 1)
    (row,) = pq.read_table(out / "quarantine.parquet").to_pylist()
    assert (row["name"], row["stage"]) == ("photo 4.png", "read")
    assert re.search(match, row["reason"]), row
    assert list(verify(out)) == []
    assert shard(folder, out).built == 0, "the finished data set is not known again"


def test_an_input_that_vanishes_leaves_the_same_in_one_go_or_two(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in")
    run(parse(f"folder:{folder}"), recipe(), tmp_path / "a", engine=meddling((folder / "photo 4.png").unlink))
    photographs(tmp_path / "in")
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), tmp_path / "b", engine=after(1))
    (folder / "photo 4.png").unlink()
    shard(folder, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_an_unfinished_run_does_not_take_new_images(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    save(folder / "new.png")
    with pytest.raises(
        ValueError, match=r"other images \(5 there, 6 here; by name and size 1 differ, such as 'new.png'"
    ):
        shard(folder, out)
    (folder / "new.png").unlink()
    assert shard(folder, out).kept == 2


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_sick_disk_stops_a_run_that_then_goes_on(
    done: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    healthy = Folder.open

    def sick(self: Folder, name: str) -> object:
        if name == "photo 2.png" and (out / "shard-000000.receipt.json").exists():
            raise OSError(number, os.strerror(number), name)
        return healthy(self, name)

    monkeypatch.setattr(Folder, "open", sick)
    with pytest.raises(SourceError) as stopped:
        shard(folder, out)
    what = f"source 'folder:{folder}' could not be read: {os.strerror(number)} at 'photo 2.png'"
    assert str(stopped.value.strerror).startswith(f"{what}; 1 of 3 shards are finished, and the same command")
    monkeypatch.setattr(Folder, "open", healthy)
    assert shard(folder, out).kept == 1
    assert content(out) == content(done)


def test_a_plan_left_beside_a_manifest_is_removed(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    shard(folder, out)
    (out / "plan.json").write_bytes(b"{}")  # as if killed between writing the one and removing the other
    assert shard(folder, out).built == 0
    assert content(out) == content(done)


def test_only_partial_files_of_this_plan_are_removed(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    (out / "x.partial").mkdir()
    (out / "letter.partial").write_bytes(b"mine")
    (out / "shard-000009.tar.partial").write_bytes(b"mine")
    for name in ("shard-000002.tar", "index.parquet", "shard-000001.receipt.json"):
        (out / f"{name}.partial").write_bytes(b"half")
    shard(folder, out)
    left = {path.name for path in out.iterdir() if path.name.endswith(".partial")}
    assert left == {"x.partial", "letter.partial", "shard-000009.tar.partial"}
    assert (out / "letter.partial").read_bytes() == b"mine"


UNTRUE = {
    "another spec": lambda receipt: receipt.update(spec_sha256="0" * 64),
    "another recipe": lambda receipt: receipt.update(recipe_sha256="0" * 64),
    "an input less": lambda receipt: receipt["inputs"].pop(),
    "a sample less": lambda receipt: receipt.update(samples=1),
    "a member less": lambda receipt: receipt.update(members=receipt["members"][:4], samples=1),
    "one quarantined too": lambda receipt: receipt["quarantined"].append(
        {"name": receipt["inputs"][0]["name"], "stage": "decode", "reason": "no"}
    ),
}


@pytest.mark.parametrize("case", UNTRUE)
def test_a_receipt_that_does_not_agree_with_the_plan_is_not_kept(done: Path, tmp_path: Path, case: str) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(2))
    edit(out / "shard-000000.receipt.json", UNTRUE[case])
    assert shard(folder, out).built == 1
    assert content(out) == content(done)


def test_a_shard_is_without_a_receipt_while_it_is_made_again(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"
    shard(folder, out)
    source = parse(f"folder:{folder}")
    (spec,) = plan(survey(source, source.items()), recipe(), location=source.location, folder=str(out))

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build_shard(spec, stop)
    assert not (out / "shard-000000.receipt.json").exists()


def test_the_body_and_the_epoch_reach_the_camera(tmp_path: Path) -> None:
    """Only the fixed pattern of columns differs between bodies; everything differs between epochs."""
    sony = presets.load("sony_a7s2", iso=6400)
    stages = [
        stage.model_copy(update={"sigma_col": 40.0}) if stage.kind == "banding" else stage for stage in sony.stages
    ]
    camera = place(Pipeline(stages, name=sony.name, cfa=sony.cfa), "raw")
    folder = photographs(tmp_path / "in", 1)
    made = {}
    for name, changes in {"a": {}, "b": {"body": "mine"}, "c": {"body": "per-sample"}, "d": {"epoch": 0}}.items():
        shard(folder, tmp_path / name, pipeline=camera, **changes)
        shards = Shards(tmp_path / name)
        made[name] = shards.views(shards.keys[0])
        record = shards.sample(shards.keys[0])
        scene = shards.scene(shards.keys[0]).float() / torch.tensor(255.0)
        address = {"seed": 7, "epoch": record.epoch, "body": record.body}
        views = camera.views(scene[None], [record.name], scheme="n2n", **address).views[:, 0]
        assert torch.equal(made[name], views)
    for one, other in itertools.combinations(made, 2):
        assert not torch.equal(made[one], made[other]), f"{one} is {other}"


def test_a_reader_names_what_the_index_gets_wrong(done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = shutil.copytree(done, tmp_path / "out")
    shards = Shards(out)
    key = shards.keys[0]
    name, member = shards._members[key]["src.png"]
    monkeypatch.setattr("camnoise.pipelines.reader.decode", lambda data: decode(data) ^ 1)  # as by another libjpeg
    with pytest.raises(ValueError, match=rf"{key}.src.png decodes to other pixels here than when the shard was made"):
        shards.scene(key)
    data = bytearray((out / name).read_bytes())
    data[member.offset + 60] ^= 1
    (out / name).write_bytes(data)
    with pytest.raises(ValueError, match=rf"{key}.src.png in {name} is damaged"):
        shards.read(key, "src.png")
    (out / name).write_bytes(data[: member.offset + 10])
    with pytest.raises(ValueError, match=rf"index.parquet places {key}.src.png beyond the end of {name}"):
        shards.read(key, "src.png")
    edit(out / "manifest.json", lambda manifest: manifest["shards"].pop())
    with pytest.raises(ValueError, match="names shard 'shard-000002.tar', which manifest.json does not have"):
        Shards(out)


def test_the_plan_is_a_function_of_its_arguments() -> None:
    inputs = [Input(name=f"{n}.png", size=n, form="src.png") for n in range(7)]
    specs = plan(inputs, recipe(samples_per_shard=3))
    assert specs == plan(list(reversed(inputs)), recipe(samples_per_shard=3))
    assert [len(spec.inputs) for spec in specs] == [3, 3, 1]
    assert {one.name for one in specs[0].inputs} == {"0.png", "1.png", "2.png"}
    assert [one.key for one in specs[0].inputs] == sorted(one.key for one in specs[0].inputs)
    moved = plan(inputs, recipe(samples_per_shard=3), location="folder:/a", folder="/b")
    assert [spec.sha256 for spec in moved] == [spec.sha256 for spec in specs]
    assert plan(inputs, recipe(samples_per_shard=3, seed=8))[0].sha256 != specs[0].sha256
    with pytest.raises(ValueError, match="have one id"):
        plan([*inputs, inputs[0]], recipe())


def test_a_recipe_round_trips_through_json() -> None:
    one = recipe(camera=("sony_a7s2",), iso=((100.0, 200.0),), epoch=0)
    again = Recipe.model_validate_json(one.canonical())
    assert again == one
    assert again.sha256 == one.sha256 != recipe(epoch=1).sha256
    spelled = {scheme: recipe(scheme=scheme).scheme for scheme in ("burst", "burst:4", "noisier:1.0", "noisier:0.50")}
    assert list(spelled.values()) == ["burst:4:8", "burst:4:8", "noisier", "noisier:0.5"]
    assert recipe(scheme="burst").sha256 == recipe(scheme="burst:4:8").sha256 != recipe(scheme="burst:4:9").sha256
