"""Every way in which a data set can lie is one line of `verify`, and no more than it needs."""

import json
import shutil
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from camnoise.pipelines import npy
from camnoise.pipelines.address import parse
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.run import run
from camnoise.pipelines.tar import TarWriter
from camnoise.pipelines.verify import file_sha256, verify
from shard_help import photographs, recipe


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    run(parse(f"folder:{photographs(root / 'in')}"), recipe(), root / "out")
    return root / "out"


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A data set to break."""
    return shutil.copytree(whole, tmp_path / "copy")


def members(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]


def rewrite(path: Path, kept: list[tuple[str, bytes]]) -> None:
    file = BytesIO()
    tar = TarWriter(file)
    for name, data in kept:
        tar.add(name, data)
    tar.close()
    path.write_bytes(file.getvalue())


def bless(folder: Path, name: str = "shard-000000") -> None:
    """Makes manifest and receipt agree with a tar that was changed: only its content can give it away."""
    nbytes, sha256 = file_sha256(folder / f"{name}.tar")
    manifest, receipt = folder / "manifest.json", folder / f"{name}.receipt.json"
    said = json.loads(receipt.read_bytes())
    said.update(nbytes=nbytes, sha256=sha256)
    receipt.write_text(json.dumps(said))
    whole = json.loads(manifest.read_bytes())
    for shard in whole["shards"]:
        if shard["name"] == f"{name}.tar":
            shard.update(nbytes=nbytes, sha256=sha256)
    manifest.write_text(json.dumps(whole))


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


def test_a_tar_cut_anywhere(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    path.write_bytes(path.read_bytes()[:3000])
    faults = list(verify(copy))
    assert any("the tar cannot be read to its end" in fault for fault in faults)


def test_a_missing_member(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    rewrite(path, members(path)[1:])
    bless(copy)
    (fault,) = verify(copy)
    assert "has json, src.png, views.npy, wanted clean.npy, json, src.png, views.npy" in fault


@pytest.mark.parametrize(
    ("field", "value", "match"),
    [
        ("seed", 8, "seed is 8, the recipe says 7"),
        ("views", "n2x", "views"),
        ("name", "other.png", "its id is not the hash of its name 'other.png'"),
        ("size", [9, 9], "size is (9, 9), the input has (10, 14)"),
        ("cfa", "BGGR", "cfa is 'BGGR', the recipe says 'RGGB'"),
        ("extra", 1, "extra"),
    ],
)
def test_a_changed_record(copy: Path, field: str, value: object, match: str) -> None:
    path = copy / "shard-000000.tar"
    kept = members(path)
    number = next(n for n, (name, data) in enumerate(kept) if name.endswith("json") and b"photo 0" in data)
    record = json.loads(kept[number][1])
    record[field] = value
    kept[number] = (kept[number][0], json.dumps(record, sort_keys=True, separators=(",", ":")).encode())
    rewrite(path, kept)
    bless(copy)
    assert any(match in fault for fault in verify(copy))


def test_an_array_of_another_shape(copy: Path) -> None:
    path = copy / "shard-000000.tar"
    kept = members(path)
    number = next(n for n, (name, _) in enumerate(kept) if name.endswith("views.npy"))
    kept[number] = (kept[number][0], npy.dump(npy.load(kept[number][1])[:1]))
    rewrite(path, kept)
    bless(copy)
    assert any(".views.npy: <u2 of shape (1, 1," in fault for fault in verify(copy))


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
    manifest = json.loads((copy / "manifest.json").read_bytes())
    nbytes, sha256 = file_sha256(path)
    manifest["index"] = {"nbytes": nbytes, "sha256": sha256}
    (copy / "manifest.json").write_text(json.dumps(manifest))
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


def test_a_changed_recipe(copy: Path) -> None:
    manifest = json.loads((copy / "manifest.json").read_bytes())
    manifest["recipe"]["seed"] = 8
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert "manifest.json: the recipe's digest is not recipe_sha256" in list(verify(copy))


def test_a_shard_too_many(copy: Path) -> None:
    shutil.copy(copy / "shard-000000.tar", copy / "shard-000009.tar")
    assert list(verify(copy)) == ["shard-000009.tar: not in manifest.json"]


def test_npy_refuses_pickles_and_false_lengths() -> None:
    import numpy as np

    good = npy.dump(np.zeros((2, 3), np.uint16))
    assert npy.load(good).shape == (2, 3)
    file = BytesIO()
    np.save(file, np.array([object()], dtype=object), allow_pickle=True)
    for bad in (file.getvalue(), good[:-1], good + b"x", good.replace(b"(2, 3)", b"(9, 9)"), b"", b"\x80\x04."):
        with pytest.raises(ValueError, match=r"."):
            npy.load(bad)
    with pytest.raises(ValueError, match="does not fit"):
        npy.load(good.replace(b"(2, 3)", b"(-2, -3)").replace(b"  \n", b"\n"))


def test_no_data_set_at_all(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"holds no finished data set: it has no manifest.json"):
        list(verify(tmp_path))
    with pytest.raises(ValueError, match="is not a folder"):
        list(verify(tmp_path / "absent"))
