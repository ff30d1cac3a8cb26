"""Every way in which a data set can lie is one line of `verify`, and no more than it needs."""

import errno
import json
import os
import shutil
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from camnoise.pipelines import npy
from camnoise.pipelines.address import parse
from camnoise.pipelines.files import file_sha256
from camnoise.pipelines.plan import plan, survey
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.records import receipt_name
from camnoise.pipelines.run import run
from camnoise.pipelines.tar import ending, header, read_members
from camnoise.pipelines.verify import verify
from shard_help import edit, photographs, picture, recipe, save
from tampering import alter, bless, bless_table, members, rewrite

from camnoise import presets
from camnoise.domains import place
from camnoise.sample import canonical


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    run(parse(f"folder:{photographs(root / 'in')}"), recipe(), root / "out")
    return root / "out"


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A data set to break."""
    return shutil.copytree(whole, tmp_path / "copy")


def test_a_sound_data_set_has_no_fault(whole: Path) -> None:
    assert list(verify(whole)) == []


def test_a_flipped_bit_is_found_and_placed(copy: Path) -> None:
    shards = Shards(copy)
    _, member = shards._members[shards.keys[0]]["views.npy"]
    data = bytearray((copy / "shard-000000.tar").read_bytes())
    data[member.offset + member.nbytes - 1] ^= 1
    (copy / "shard-000000.tar").write_bytes(data)
    faults = list(verify(copy))
    assert len(faults) == 2
    assert "shard-000000.tar: SHA-256" in faults[0]
    assert f"{member.key}.views.npy: xxh3 is" in faults[1]


def test_a_missing_shard_or_receipt(copy: Path) -> None:
    (copy / "shard-000001.tar").unlink()
    (copy / "shard-000002.receipt.json").unlink()
    assert list(verify(copy)) == ["shard-000001.tar: missing", "shard-000002.receipt.json: missing"]


def test_a_tar_cut_between_two_samples(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    rewrite(path, members(path)[:4])
    assert any("bytes, manifest.json says" in fault for fault in verify(copy))
    bless(copy)
    assert list(verify(copy)) == ["shard-000000.tar: 1 samples, manifest.json says 2"]


def test_a_missing_member(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    rewrite(path, members(path)[1:])
    bless(copy)
    (fault,) = verify(copy)
    assert "has json, src.png, views.npy, wanted clean.npy, json, src.png, views.npy" in fault


def darker(tables: list[dict]) -> list[dict]:
    return [tables[0], {**tables[1], "K": 1.0}]


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("seed", 8, "seed is 8, the recipe says 7"),
        ("epoch", 0, "epoch is 0, the recipe says None"),
        ("body", "mine", "body is 'mine', the recipe says 'sony_a7s2'"),
        ("noise_version", 99, "noise_version is 99, the recipe says"),
        ("origin", [1, 0], "origin is (1, 0), the recipe says (0, 0)"),
        ("bits", 12, "bits is 12, the recipe says 14"),
        ("black", 0.0, "black is 0.0, the recipe says 512.0"),
        ("white", 1023.0, "white is 1023.0, the recipe says 16383.0"),
        ("ratio", 2.0, "ratio is 2.0, the recipe says 1.0"),
        ("parameters", darker, "K of view 2 is 1.0, the recipe draws"),
        ("views", "n2x", "view scheme is 'n2x', wanted one of n2c"),
        ("views", "n2n-free", "views is 'n2n-free', the recipe says 'n2n'"),
        ("levels", 255, "levels is 255, the recipe says None"),
        ("clipped", True, "clipped is True, the recipe says False"),
        ("shifts", [[0, 0], [1, 0]], "2 shifts for n2n, wanted none"),
        ("name", "other.png", "its id is not the hash of its name 'other.png'"),
        ("size", [9, 9], "size is (9, 9), the input has (10, 14)"),
        ("cfa", "BGGR", "cfa is 'BGGR', the recipe says 'RGGB'"),
        ("extra", 1, "extra"),
    ],
)
def test_a_changed_record(copy: Path, field: str, value: object, match: str) -> None:
    def change(data: bytes) -> bytes:
        record = json.loads(data)
        record[field] = value(record[field]) if callable(value) else value
        return canonical(record)

    alter(copy, "json", change, of=b'"photo 0.png"')
    assert any(match in fault for fault in verify(copy))


def test_a_record_in_another_spelling(copy: Path) -> None:
    alter(copy, "json", lambda data: json.dumps(json.loads(data)).encode())
    assert [fault for fault in verify(copy) if "its JSON is not in canonical form" in fault]


@pytest.mark.parametrize(
    ("field", "change", "match"),
    [
        ("views.npy", lambda views: views[:1], "views.npy: <u2 of shape (1, 1,"),
        ("views.npy", lambda views: views.astype(np.float32), "views.npy: <f4 of shape (2, 1,"),
        ("views.npy", lambda views: views[:, :, :, 1:], "views.npy: <u2 of shape (2, 1,"),
        ("clean.npy", lambda clean: clean[:, 1:], "clean.npy: <f4 of shape (1,"),
        ("clean.npy", lambda clean: np.concatenate([clean] * 3), "clean.npy: <f4 of shape (3,"),
        ("clean.npy", lambda clean: clean.astype(np.uint16), "clean.npy: <u2 of shape (1,"),
        (
            "clean.npy",
            lambda clean: np.nextafter(clean, 2),
            "clean.npy: its values are not those that the recipe gives",
        ),
    ],
)
def test_a_changed_array(copy: Path, field: str, change: Callable[[np.ndarray], np.ndarray], match: str) -> None:
    alter(copy, field, lambda data: npy.dump(change(npy.load(data))))
    assert any(match in fault for fault in verify(copy))


@pytest.mark.parametrize("change", [lambda scene: scene[:1], lambda scene: scene[0], lambda scene: scene.astype("<f4")])
def test_a_scene_that_is_no_image(tmp_path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    save(tmp_path / "in" / "a.png", picture()[:, :, 0].astype(np.uint16) * 257)
    run(parse(f"folder:{tmp_path / 'in'}"), recipe(), tmp_path / "out")
    assert list(verify(tmp_path / "out")) == []
    alter(tmp_path / "out", "scene.npy", lambda data: npy.dump(change(npy.load(data))))
    assert any("is not an image" in fault for fault in verify(tmp_path / "out"))


def test_another_recipe_than_the_shards_were_made_with(copy: Path) -> None:
    """Every digest is made to fit the other camera; what it would have drawn and shown gives it away."""
    other = recipe(pipeline=place(presets.load("sony_a7s2", iso=3200), "raw"))
    source = parse(f"folder:{photographs(copy.parent / 'in')}")
    specs = plan(survey(source, source.items()), other)
    for spec in specs:
        said = {"recipe_sha256": other.sha256, "spec_sha256": spec.sha256}
        edit(copy / receipt_name(spec.name), lambda receipt, said=said: receipt.update(said))

    def relabel(manifest: dict) -> None:
        manifest.update(recipe=other.model_dump(mode="json"), recipe_sha256=other.sha256)
        for shard, spec in zip(manifest["shards"], specs, strict=True):
            shard["spec_sha256"] = spec.sha256

    edit(copy / "manifest.json", relabel)
    faults = list(verify(copy))
    assert all(".json: " in fault and " the recipe draws " in fault for fault in faults), faults
    assert len({fault.split(".json")[0] for fault in faults}) == 5


def test_two_shards_swapped(copy: Path) -> None:
    one, other = copy / "shard-000000.tar", copy / "shard-000001.tar"
    (copy / "x").write_bytes(one.read_bytes())
    other.replace(one)
    (copy / "x").replace(other)
    faults = list(verify(copy))
    assert any(fault.startswith("shard-000000.tar:") for fault in faults)
    assert any(fault.startswith("shard-000001.tar:") for fault in faults)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda rows: [{**rows[0], "offset": 0}, *rows[1:]], "row 0, offset is 0"),
        (lambda rows: [{**rows[0], "nbytes": 2**40}, *rows[1:]], "row 0, nbytes is"),
        (lambda rows: [{**rows[0], "shard": "pipe:cat /etc/passwd"}, *rows[1:]], "row 0, shard is 'pipe:cat"),
        (lambda rows: rows[:-1], "19 rows, the receipts have 20"),
    ],
)
def test_an_index_that_lies(copy: Path, change: Callable[[list[dict]], list[dict]], match: str) -> None:
    path = copy / "index.parquet"
    table = pq.read_table(path)
    pq.write_table(pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema), path)
    bless_table(copy, "index")
    (fault,) = verify(copy)
    assert match in fault


@pytest.mark.parametrize("name", ["../shard-000000.tar", "pipe:true", "https://x/shard-000000.tar", "/etc/passwd"])
def test_shard_names_that_are_no_bare_file_names(copy: Path, name: str) -> None:
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["shards"][0]["name"] = name
    (copy / "manifest.json").write_text(json.dumps(manifest))
    (fault,) = verify(copy)
    assert fault.startswith("manifest.json: ")
    assert "shards.0.name" in fault
    with pytest.raises(ValueError, match="name"):
        Shards(copy)


MANIFEST_LIES = {
    "recipe": (lambda m: m["recipe"].update(seed=8), "manifest.json: the recipe's digest is not recipe_sha256"),
    "noise version": (lambda m: m.update(noise_version=99), "manifest.json: noise_version is 99, the recipe's"),
    "inputs": (lambda m: m.update(inputs=6), "manifest.json: 6 inputs, the shards account for 5"),
    "samples": (lambda m: m.update(samples=6), "manifest.json: 6 samples and 0 quarantined, the shards have 5 and 0"),
    "quarantined": (lambda m: m.update(quarantined=1), "5 samples and 1 quarantined, the shards have 5 and 0"),
    "inventory": (lambda m: m.update(inventory_sha256="0" * 64), "inventory_sha256 is not the digest of the receipts'"),
    "form": (lambda m: m.update(form="scene.npy"), "form is scene.npy, the receipts' inputs make it src.png"),
    "cut": (lambda m: m["recipe"].update(samples_per_shard=5), "3 shards, the receipts' inputs fill 1"),
    "shard's samples": (lambda m: m["shards"][0].update(samples=3), "receipt.json: samples is 2, manifest.json says 3"),
    "shard's length": (lambda m: m["shards"][0].update(nbytes=9), "bytes, manifest.json says 9"),
    "order": (lambda m: m["shards"].reverse(), "manifest.json: the shards are not numbered from 0"),
}


@pytest.mark.parametrize("case", MANIFEST_LIES)
def test_a_manifest_that_lies(copy: Path, case: str) -> None:
    change, match = MANIFEST_LIES[case]
    edit(copy / "manifest.json", change)
    assert any(match in fault for fault in verify(copy))


ROW = {"name": "photo 0.png", "stage": "decode", "reason": "no"}
RECEIPT_LIES = {
    "recipe": (lambda r: r.update(recipe_sha256="0" * 64), "recipe_sha256 is not the digest of the recipe"),
    "spec": (lambda r: r.update(spec_sha256="0" * 64), "spec_sha256 is not the digest of its plan"),
    "shard": (lambda r: r.update(shard="shard-000001.tar"), "shard is shard-000001.tar"),
    "samples": (lambda r: r.update(samples=3), "3 samples, its members belong to 2"),
    "size": (lambda r: r["inputs"][0].update(size=1), "inventory_sha256 is not the digest of the receipts' inputs"),
    "size of the original": (lambda r: r["inputs"][0].update(size=1), "bytes, its input 1"),
    "refused": (lambda r: r["inputs"][0].update(refused="no"), "not those that the plan refuses"),
    "input left out": (lambda r: r["inputs"].pop(), "are not, each once, its inputs"),
    "input twice": (lambda r: r["inputs"].append(r["inputs"][0]), "have one id"),
    "sample in quarantine too": (lambda r: r["quarantined"].append(ROW), "are not, each once, its inputs"),
    "input of another shard": (
        lambda r: r["inputs"].sort(key=lambda i: i["name"]),
        "its inputs are not those of the plan",
    ),
    "member": (lambda r: r["members"][0].update(xxh3="0" * 16), "xxh3 is"),
    "member left out": (lambda r: r["members"].pop(), "8 members, the receipt says 7"),
}


@pytest.mark.parametrize("case", RECEIPT_LIES)
def test_a_receipt_that_lies(copy: Path, case: str) -> None:
    change, match = RECEIPT_LIES[case]
    for path in copy.glob("*.receipt.json"):  # whichever shard holds it, and for `sort` whichever is not sorted
        if path.name == "shard-000000.receipt.json" or "another shard" in case:
            edit(path, change)
    assert any(match in fault for fault in verify(copy))


@pytest.mark.parametrize("name", ["manifest.json", "shard-000001.receipt.json"])
def test_a_json_in_another_spelling(copy: Path, name: str) -> None:
    (copy / name).write_text(json.dumps(json.loads((copy / name).read_bytes())))
    assert list(verify(copy)) == [f"{name}: its JSON is not in canonical form"]


def test_a_quarantine_that_lies(copy: Path) -> None:
    path = copy / "quarantine.parquet"
    pq.write_table(pa.Table.from_pylist([ROW], schema=pq.read_schema(path)), path)
    bless_table(copy, "quarantine")
    assert list(verify(copy)) == ["quarantine.parquet: 1 rows, the receipts have 0"]


def test_a_sample_in_two_shards(copy: Path) -> None:
    stolen = members(copy / "shard-000000.tar")[:4]
    rewrite(copy / "shard-000002.tar", [*members(copy / "shard-000002.tar"), *stolen])
    bless(copy, "shard-000002")
    key = stolen[0][0].partition(".")[0]
    assert f"shard-000002.tar: sample {key} is also in shard-000000.tar" in list(verify(copy))


@pytest.mark.parametrize(
    "name",
    [
        "shard-000009.tar",
        "shard-9",
        "other.tar",
        "x.receipt.json",
        "plan.json",
        "shard-000000.tar.partial",
        "x.partial",
    ],
)
@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_looks_like_a_part_and_is_none(copy: Path, name: str, kind: str) -> None:
    (copy / "notes.txt").write_bytes(b"mine")
    if kind == "link":
        (copy / name).symlink_to(copy / "shard-000000.tar")
    elif kind == "folder":
        (copy / name).mkdir()
    else:
        (copy / name).write_bytes(b"")
    assert list(verify(copy)) == [f"{name}: not in manifest.json"]


@pytest.mark.parametrize("name", ["shard-000001.tar", "shard-000001.receipt.json", "index.parquet", "manifest.json"])
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_part_that_is_no_regular_file(copy: Path, name: str, kind: str) -> None:
    (copy / name).rename(copy / "real")
    {"folder": Path.mkdir, "pipe": os.mkfifo, "link": lambda path: path.symlink_to(copy / "real")}[kind](copy / name)
    if name == "manifest.json" and kind != "link":
        with pytest.raises(ValueError, match="holds no finished data set"):
            list(verify(copy))
    else:
        assert list(verify(copy)) == [f"{name}: not a regular file"]


@pytest.mark.parametrize("name", ["shard-000001.tar", "index.parquet"])
def test_a_part_that_cannot_be_read(copy: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def sick(path: Path) -> tuple[int, str]:
        if path.name == name:
            raise OSError(errno.EIO, "Input/output error")
        return file_sha256(path)

    monkeypatch.setattr("camnoise.pipelines.verify.file_sha256", sick)
    assert list(verify(copy)) == [f"{name}: cannot be read: Input/output error"]


def header_with(**fields: object) -> bytes:
    info = tarfile.TarInfo("0123456789abcdef.json")
    info.size, info.mode, info.uname, info.gname = 5, 0o444, "camnoise", "camnoise"
    for field, value in fields.items():
        setattr(info, field, value)
    return info.tobuf(tarfile.GNU_FORMAT if fields.get("size", 0) < 0 else tarfile.USTAR_FORMAT)


HOSTILE_TARS = {
    **{
        field: (header_with(**{field: value}) + bytes(11264 - 512), "the header at byte 0 is not one that we write")
        for field, value in {
            "size": -512,
            "mode": 0o644,
            "uid": 1,
            "gid": 1,
            "uname": "root",
            "gname": "root",
            "mtime": 1,
            "type": tarfile.SYMTYPE,
            "linkname": "x",
            "name": "../0123456789abcdef.json",
        }.items()
    },
    "checksum": (header_with().replace(b"0123456789abcdef.json", b"0123456789abcdee.json") + bytes(10752), "byte 0 is"),
    "size beyond": (header("a.json", 2**33 - 1) + bytes(512), "ends within member a.json"),
    "padding": (header("a.json", 5) + b"12345" + b"x" * 507 + ending(1024), "a.json is not followed by zeros"),
    "nothing": (b"", "does not end as we end it after byte 0"),
    "no end": (header("a.json", 0), "does not end as we end it after byte 512"),
    "half an end": (header("a.json", 0) + ending(512)[:-512], "does not end as we end it after byte 512"),
    "more after the end": (header("a.json", 0) + ending(512) + bytes(10240), "does not end as we end it"),
    "hidden after the end": (header("a.json", 0) + ending(512)[:-1] + b"x", "does not end as we end it"),
    "half a header": (header("a.json", 0)[:300], "the header at byte 0 is"),
}


@pytest.mark.parametrize("case", HOSTILE_TARS)
def test_a_hostile_tar_is_refused_at_once(tmp_path: Path, case: str) -> None:
    data, match = HOSTILE_TARS[case]
    (tmp_path / "x.tar").write_bytes(data)
    with pytest.raises(ValueError, match=match):
        list(read_members(tmp_path / "x.tar"))


def test_a_tar_cut_anywhere(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    data = path.read_bytes()
    for length in range(0, len(data), 700):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"the tar ends within|the tar does not end|the header at|not followed"):
            list(read_members(path))
    assert len(list(verify(copy))) > 1


def test_npy_refuses_pickles_and_false_lengths() -> None:
    good = npy.dump(np.zeros((2, 3), np.uint16))
    assert npy.load(good).shape == (2, 3)
    for shape in ((5,), (0, 2), (1, 2, 3, 4)):
        assert npy.load(npy.dump(np.zeros(shape, np.float32))).shape == shape
    file = BytesIO()
    np.save(file, np.array([object()], dtype=object), allow_pickle=True)
    for bad in (good[:-1], good + b"x", good.replace(b"(2, 3)", b"(9, 9)")):
        with pytest.raises(ValueError, match="does not fit its"):
            npy.load(bad)
    for bad in (
        file.getvalue(),
        b"",
        b"\x80\x04.",
        good.replace(b"(2, 3)", b"(-2, -3)").replace(b"  \n", b"\n"),
        good.replace(b"(2, 3)", b"(2L, 3)").replace(b" \n", b"\n"),  # numpy would tokenize it as Python 2
        good.replace(b"(2, 3)", b"(02,3)"),
        good.replace(b"(2, 3), ", b"(2, 3,),"),
        good.replace(b"False", b"0    "),
        good.replace(b"<u2", b"<u8"),
        good.replace(b"\x01\x00", b"\x02\x00", 1),
        good[:8] + b"\xff\xff" + good[10:],
        npy.dump(np.zeros((1,) * 5, np.uint16)),
    ):
        with pytest.raises(ValueError, match="its npy header is not one that we write"):
            npy.load(bad)


def test_no_data_set_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no finished data set: it has no manifest.json"):
        list(verify(tmp_path))
    with pytest.raises(ValueError, match="is not a folder"):
        list(verify(tmp_path / "absent"))
