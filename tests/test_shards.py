"""What a run leaves behind."""

import itertools
import json
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import webdataset
from camnoise.pipelines import npy
from camnoise.pipelines.images import decode
from camnoise.pipelines.plan import Input, plan
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from PIL import Image
from shard_help import content, edit, photographs, picture, recipe, save, shard, shared

from camnoise import presets
from camnoise.domains import place
from camnoise.keys import NOISE_VERSION, hex_id, sample_id
from camnoise.pipeline import Pipeline
from camnoise.sample import Sample


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
