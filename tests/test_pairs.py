"""`pairs:`, real noisy photographs with their clean images: which files belong together, and what becomes of them."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
import webdataset
from camnoise.pipelines import build, npy
from camnoise.pipelines.address import parse
from camnoise.pipelines.images import decode
from camnoise.pipelines.plan import inventory_sha256, plan, survey
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.records import read_receipt
from camnoise.pipelines.run import run, serial
from camnoise.pipelines.source import File
from camnoise.pipelines.verify import verify
from PIL import Image
from shard_help import camnoise, content, edit, picture, save
from tampering import alter

from camnoise.cli import run_command
from camnoise.keys import hex_id, sample_id
from camnoise.sample import canonical

SIDD = "0001_001_S6_00100_00060_3200_L/0001_{}_SRGB_0{}.PNG"


def touched(folder: Path, names: Iterable[str]) -> Path:
    """Files that only their names matter of."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x" * len(name))
    return folder


def paired(folder: Path) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Clean name -> noisy names, and name -> why it is refused."""
    items = parse(f"pairs:{folder}").items()
    assert [item.name for item in items] == sorted(item.name for item in items)
    good = {item.name: [file.name for file in item.noisy] for item in items if item.refused is None}
    return good, {item.name: item.refused for item in items if item.refused is not None}


def collection(folder: Path, count: int = 4, views: int = 1, bits: int = 8) -> Path:
    """Pairs in two subfolders; the noisy ones are the clean ones and some noise."""
    for number in range(count):
        clean = picture(10 + number, 14 + 2 * number, number)
        for view in range(views + 1):
            pixels = clean + np.random.Generator(np.random.Philox([number, view])).integers(0, 5, clean.shape) * view
            pixels = pixels.astype(np.uint8) if bits == 8 else (pixels[:, :, 0].astype(np.uint16) * 250 + view)
            name = f"noisy/scene {number}{f'_{view}' if views > 1 else ''}.png" if view else f"clean/scene {number}.png"
            save(folder / name, pixels)
    return folder


LAYOUTS = {
    "two folders": (
        ["clean/a.png", "clean/b/c.jpg", "noisy/a.png", "noisy/b/c.jpg"],
        {"clean/a.png": ["noisy/a.png"], "clean/b/c.jpg": ["noisy/b/c.jpg"]},
    ),
    "gt, in capitals": (["GT/a.png", "Noisy/a.png"], {"GT/a.png": ["Noisy/a.png"]}),
    "several views": (
        [
            "clean/a.png",
            "clean/b_1.png",
            *(f"noisy/a_{n}.png" for n in (1, 2, 10)),
            *(f"noisy/b_1_{n}.png" for n in (0, 1, 2)),
        ],
        {
            "clean/a.png": ["noisy/a_1.png", "noisy/a_2.png", "noisy/a_10.png"],
            "clean/b_1.png": ["noisy/b_1_0.png", "noisy/b_1_1.png", "noisy/b_1_2.png"],
        },
    ),
    "a number that belongs to the name": (
        ["clean/a.png", "clean/a_1.png", "noisy/a.png", "noisy/a_1.png"],
        {"clean/a.png": ["noisy/a.png"], "clean/a_1.png": ["noisy/a_1.png"]},
    ),
    "SIDD": (
        [SIDD.format(role, shot) for role in ("GT", "NOISY") for shot in (10, 11)],
        {SIDD.format("GT", shot): [SIDD.format("NOISY", shot)] for shot in (10, 11)},
    ),
    "PolyU": (
        ["Canon_1_mean.JPG", "Canon_1_real.JPG", "x/Canon_1_mean.JPG", "x/Canon_1_real.JPG"],
        {"Canon_1_mean.JPG": ["Canon_1_real.JPG"], "x/Canon_1_mean.JPG": ["x/Canon_1_real.JPG"]},
    ),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_told_by_their_names(layout: str, tmp_path: Path) -> None:
    names, want = LAYOUTS[layout]
    assert paired(touched(tmp_path, names)) == (want, {})
    (item, *_) = parse(f"pairs:{tmp_path}").items()
    assert item.noisy == tuple(File(name, len(name)) for name in want[item.name])


@pytest.mark.parametrize(
    ("names", "good"),
    [
        (["clean/I.png", "clean/I_1.png", "noisy/I_1.png", "noisy/I_2.png"], {"clean/I_1.png": ["noisy/I_1.png"]}),
        (["clean/I.png", "clean/b.png", "noisy/I_2.png", "noisy/b.png"], {"clean/b.png": ["noisy/b.png"]}),
        (
            ["clean/I.png", "clean/I_1.png", "noisy/I.png", "noisy/I_1.png", "noisy/I_2.png"],
            {"clean/I.png": ["noisy/I.png"], "clean/I_1.png": ["noisy/I_1.png"]},
        ),
    ],
)
def test_numbers_that_may_mean_two_things_pair_nothing(
    names: list[str], good: dict[str, list[str]], tmp_path: Path
) -> None:
    """A noisy image beside another scene's clean one is worse than none."""
    found, refused = paired(touched(tmp_path, names))
    assert found == good
    assert set(refused) == set(names) - set(good) - {one for views in good.values() for one in views}


def test_what_has_no_partner_is_refused_with_its_reason(tmp_path: Path) -> None:
    names = ["clean/a.png", "clean/b.png", "clean/c.png", "clean/alone.png", "gt/a.png"]
    names += ["noisy/a.png", "noisy/b.png", "noisy/c_1.png", "noisy/c_2.png", "noisy/lost.png", "noisy/lost_2.png"]
    good, refused = paired(touched(tmp_path, [*names, "thumb.png", "notes.txt"]))
    assert good == {"clean/a.png": ["noisy/a.png"], "clean/b.png": ["noisy/b.png"]}
    assert refused == {
        "clean/alone.png": "has no noisy image",
        "clean/c.png": "its noisy images number 2, those of most others 1",
        "gt/a.png": "is a second clean image beside 'clean/a.png'",
        "noisy/lost.png": "has no clean image",
        "noisy/lost_2.png": "has no clean image",
        "thumb.png": "is neither a clean nor a noisy image, by its name",
    }
    (tmp_path / "sidd").mkdir()
    touched(tmp_path / "sidd", [SIDD.format("GT", 10), SIDD.format("NOISY", 10), SIDD.format("NOISY", 11)])
    assert paired(tmp_path / "sidd")[1] == {SIDD.format("NOISY", 11): "has no clean image"}


def test_folders_without_pairs_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="source 'pairs:' needs a path after the colon"):
        parse("pairs:")
    touched(tmp_path, ["a.png", "clean/b.png"])
    with pytest.raises(ValueError, match=r"no pairs in source folder '.*', wanted clean/NAME .*, or NAME_mean with"):
        parse(f"pairs:{tmp_path}").items()


@pytest.mark.parametrize(("bits", "views"), [(8, 1), (8, 3), (16, 2)])
def test_pairs_become_samples(bits: int, views: int, tmp_path: Path) -> None:
    folder, out = collection(tmp_path / "in", 3, views, bits), tmp_path / "out"
    camnoise("shard", f"pairs:{folder}", out)
    camnoise("verify", out)
    shards, largest = Shards(out), 2**bits - 1
    recipe = shards.manifest.recipe
    assert (recipe.source, recipe.scheme, recipe.domain, recipe.pipeline) == ("pairs:", "real", "srgb", None)
    assert {shards.sample(key).name for key in shards.keys} == {f"clean/scene {n}.png" for n in range(3)}
    assert all(key == hex_id(sample_id(shards.sample(key).name)) for key in shards.keys)
    form = "src.png" if bits == 8 else "scene.npy"
    for sample in webdataset.WebDataset(str(out / "shard-000000.tar"), shardshuffle=False).decode():
        key, record = sample["__key__"], sample["json"]
        name = record["name"]
        assert {field for field in sample if not field.startswith("__")} == {form, "json", "views.npy"}
        noisy = [name.replace("clean", "noisy")]
        if views > 1:
            noisy = [noisy[0].replace(".png", f"_{view}.png") for view in range(1, views + 1)]
        want = np.stack([decode((folder / one).read_bytes()) for one in noisy])
        clean = decode((folder / name).read_bytes())
        assert sample["views.npy"].dtype == want.dtype == (np.uint8 if bits == 8 else np.uint16)
        assert np.array_equal(sample["views.npy"], want)
        assert (record["views"], record["levels"], record["clipped"], record["body"]) == ("real", largest, True, None)
        assert record["parameters"] == [{}] * views
        assert torch.equal(shards.views(key), torch.from_numpy(want).float() / torch.tensor(float(largest)))
        assert torch.equal(shards.clean(key), torch.from_numpy(clean).float() / torch.tensor(float(largest)))
        assert shards.valid(key) is None
    camnoise("look", out, "--out", tmp_path / "x.png", "--panel", 80)
    assert Image.open(tmp_path / "x.png").size[0] == 8 + (3 + views) * 88


UNFIT = {
    "another size": (
        lambda path: save(path, picture(9, 14)),
        "pair",
        "is 9 x 14 pixels of uint8, its clean image 10 x",
    ),
    "gray": (lambda path: save(path, picture(10, 14)[:, :, 0]), "pair", "is gray, its clean image has colors"),
    "another depth": (
        lambda path: save(path, picture(10, 14)[:, :, 0].astype(np.uint16) * 257),
        "pair",
        "is 10 x 14 pixels of uint16, its clean image 10 x 14 pixels of uint8",
    ),
    "no image": (lambda path: path.write_bytes(b"x"), "header", "not a PNG, JPEG or TIFF image"),
    "cut": (lambda path: path.write_bytes(path.read_bytes()[:-60]), "decode", ""),
    "a link to nothing": (
        lambda path: (path.unlink(), path.symlink_to(path.with_name("gone"))),
        "header",
        "cannot be opened: No such file",
    ),
}


@pytest.mark.parametrize("case", UNFIT)
def test_a_noisy_image_that_does_not_fit_is_quarantined(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, stage, reason = UNFIT[case]
    folder, out = collection(tmp_path / "in"), tmp_path / "out"
    change(folder / "noisy" / "scene 0.png")
    touched(folder, ["noisy/lost.png"])
    camnoise("shard", f"pairs:{folder}", out)
    assert "2 of 5 images are quarantined" in capsys.readouterr().out
    rows = pq.read_table(out / "quarantine.parquet").to_pylist()
    found = {row["name"]: (row["stage"], row["reason"]) for row in rows}
    assert found.pop("noisy/lost.png") == ("header", "has no clean image")
    ((name, (where, why)),) = found.items()
    assert (name, where) == ("clean/scene 0.png", stage)
    assert why.startswith(f"noisy noisy/scene 0.png: {reason}")
    assert len(Shards(out)) == 3
    assert list(verify(out)) == []
    camnoise("shard", f"pairs:{folder}", out)
    (folder / "noisy" / "lost.png").unlink()  # the user cleans up
    (folder / "noisy" / "scene 0.png").unlink()
    camnoise("shard", f"pairs:{folder}", out)
    assert capsys.readouterr().out.count("finished already, checked") == 2


def stopped(specs: Iterable[build.ShardSpec], watch: Callable[[], None]) -> Iterator[build.Receipt]:
    """An engine that dies after a shard."""
    yield next(serial(specs, watch))
    raise KeyboardInterrupt


def test_runs_are_byte_identical_in_one_go_or_two(tmp_path: Path) -> None:
    line = ["--samples-per-shard", 2]
    camnoise("shard", f"pairs:{collection(tmp_path / 'in')}", tmp_path / "a", *line)
    camnoise("shard", f"pairs:{collection(tmp_path / 'elsewhere')}", tmp_path / "b", *line)
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert str(tmp_path).encode() not in b"".join(content(tmp_path / "a").values())
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"pairs:{tmp_path / 'in'}"), Shards(tmp_path / "a").manifest.recipe, tmp_path / "c", engine=stopped)
    camnoise("shard", f"pairs:{tmp_path / 'in'}", tmp_path / "c", *line, "--scheme", "real")
    assert content(tmp_path / "c") == content(tmp_path / "a")


def test_a_noisy_file_that_changes_is_another_data_set_or_quarantined(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, line = collection(tmp_path / "in"), ["--samples-per-shard", "2"]
    before = inventory_sha256(parse(f"pairs:{folder}").items())
    camnoise("shard", f"pairs:{folder}", tmp_path / "a", *line)
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"pairs:{folder}"), Shards(tmp_path / "a").manifest.recipe, tmp_path / "b", engine=stopped)
    save(folder / "noisy" / "scene 3.png", picture(13, 20, 99))
    assert inventory_sha256(parse(f"pairs:{folder}").items()) != before
    assert run_command(["shard", f"pairs:{folder}", str(tmp_path / "a"), *line]) == 1
    assert "(8 there, 8 here; by name and size 1 differ, such as 'noisy/scene 3.png')" in capsys.readouterr().err
    camnoise("shard", f"pairs:{folder}", tmp_path / "b", *line)
    (row,) = pq.read_table(tmp_path / "b" / "quarantine.parquet").to_pylist()
    assert (row["name"], row["stage"]) == ("clean/scene 3.png", "read")
    assert "noisy noisy/scene 3.png: has " in row["reason"]
    camnoise("shard", f"pairs:{folder}", tmp_path / "b", *line)
    save(folder / "noisy" / "new.png")
    assert run_command(["shard", f"pairs:{folder}", str(tmp_path / "b"), *line]) == 1
    assert "such as 'noisy/new.png'" in capsys.readouterr().err


def relabelled(field: str, value: object) -> Callable[[bytes], bytes]:
    return lambda data: canonical({**json.loads(data), field: value})


FAULTS = {
    "another noisy image": ("views.npy", lambda data: npy.dump(npy.load(data)[::-1]), "views.npy: xxh3 is "),
    "a view less": (
        "views.npy",
        lambda data: npy.dump(npy.load(data)[:1]),
        "views.npy: |u1 of shape (1, 3, 10, 14), wan",
    ),
    "wider": ("views.npy", lambda data: npy.dump(npy.load(data).astype(np.uint16)), "views.npy: <u2 of shape (2, "),
    "a row less": ("views.npy", lambda data: npy.dump(npy.load(data)[:, :, 1:]), "shape (2, 3, 9, 14), the input has"),
    "another level": ("json", relabelled("levels", 65535), "levels is 65535, the recipe says 255"),
    "another scheme": ("json", relabelled("views", "n2n"), "views is 'n2n', the recipe says 'real'"),
    "a body": ("json", relabelled("body", "mine"), "body is 'mine', the recipe says None"),
    "a third table": (
        "json",
        relabelled("parameters", [{}, {}, {}]),
        "views.npy: |u1 of shape (2, 3, 10, 14), wanted |u1",
    ),
    "a parameter": ("json", relabelled("parameters", [{"K": 1.0}, {}]), "K of view 1 is 1.0, the recipe draws None"),
    "no table": ("json", relabelled("parameters", []), "0 tables of parameters for real, wanted at least 1"),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of four pairs of two views in two shards. Read it, do not change it."""
    root = tmp_path_factory.mktemp("pairs")
    camnoise("shard", f"pairs:{collection(root / 'in', views=2)}", root / "out", "--samples-per-shard", 2)
    return root / "out"


@pytest.mark.parametrize("case", FAULTS)
def test_a_planted_fault_is_named(whole: Path, case: str, tmp_path: Path) -> None:
    field, change, match = FAULTS[case]
    copy = shutil.copytree(whole, tmp_path / "copy")
    alter(copy, field, change, of=b"scene 0.png")
    assert any(match in fault for fault in verify(copy)), list(verify(copy))


def test_receipts_know_the_noisy_files(whole: Path, tmp_path: Path) -> None:
    assert list(verify(whole)) == []
    copy = shutil.copytree(whole, tmp_path / "copy")
    edit(copy / "shard-000000.receipt.json", lambda receipt: receipt["inputs"][0]["noisy"].pop())
    faults = list(verify(copy))
    assert any(
        "inputs have 1, 2 noisy views in the source, scheme real wants the same number each" in f for f in faults
    )
    copy = shutil.copytree(whole, tmp_path / "other")
    edit(copy / "shard-000000.receipt.json", lambda receipt: receipt["inputs"][0]["noisy"][0].reverse())
    assert any("noisy" in fault for fault in verify(copy))
    copy = shutil.copytree(whole, tmp_path / "third")

    def resized(receipt: dict) -> None:
        receipt["inputs"][0]["noisy"][0][1] += 1

    edit(copy / "shard-000000.receipt.json", resized)
    assert any("inventory_sha256 is not the digest of the receipts' inputs" in fault for fault in verify(copy))


def test_the_views_of_a_member_are_those_of_its_input(whole: Path) -> None:
    receipt = read_receipt(whole, "shard-000000.tar")
    one = receipt.inputs[0]
    fewer = one.model_copy(update={"noisy": one.noisy[:1]})
    lying = receipt.model_copy(update={"inputs": (fewer, *receipt.inputs[1:])})
    (spec, _) = plan([*receipt.inputs, *read_receipt(whole, "shard-000001.tar").inputs], Shards(whole).manifest.recipe)
    assert f"{one.key}.views.npy has 2 views, its input 1" in list(lying.disagreements(spec))
    assert list(receipt.disagreements(spec)) == []


WRONG = {
    "a camera": (["--camera", "sony_a7s2", "--iso", "100"], "source pairs: came with --camera, but its noisy views"),
    "a noise": (["--noise", "gaussian:25"], "source pairs: came with --noise, but"),
    "a file": (["--pipeline", "x.json"], "source pairs: came with --pipeline, but"),
    "a domain": (["--domain", "srgb"], "source pairs: came with --domain, but"),
    "a seed": (["--seed", "7"], "source pairs: came with --seed, but"),
    "an epoch": (["--epoch", "0"], "source pairs: came with --epoch, but"),
    "a body": (["--body", "x"], "source pairs: came with --body, but"),
    "a scheme": (["--scheme", "n2n"], "source pairs: came with scheme n2n, but its noisy views are real"),
}


@pytest.mark.parametrize("case", WRONG)
def test_options_of_a_camera_are_refused(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = collection(tmp_path / "in", 1)
    options, match = WRONG[case]
    assert run_command(["shard", f"pairs:{folder}", str(tmp_path / "out"), *options]) == 1
    err = capsys.readouterr().err
    assert match in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_recipes_and_plans_tell_real_from_made(tmp_path: Path) -> None:
    real = Recipe(source="pairs:", pipeline=None, scheme="real", domain="srgb")
    assert Recipe.model_validate_json(real.canonical()) == real
    for changes, match in [
        ({"scheme": "n2n"}, "scheme n2n got 0 of its cameras, wanted 1"),
        ({"domain": "raw"}, "and adds no noise"),
        ({"seed": 7}, "and adds no noise"),
    ]:
        with pytest.raises(ValueError, match=match):
            Recipe(**{**{"source": "pairs:", "pipeline": None, "scheme": "real", "domain": "srgb"}, **changes})
    source = parse(f"folder:{collection(tmp_path)}")
    with pytest.raises(ValueError, match="inputs have 0 noisy views in the source, scheme real wants the same number"):
        plan(survey(source, source.items()), real)


def test_the_canon_pairs_of_polyu(shared_data: Path, tmp_path: Path) -> None:
    folder, out = shared_data / "real_noisy" / "PolyU_cropped", tmp_path / "out"
    if not folder.is_dir():
        pytest.skip("no PolyU pairs in the test data")
    camnoise("shard", f"pairs:{folder}", out, "--samples-per-shard", 32)
    camnoise("verify", out)
    shards = Shards(out)
    files = {path.name for path in folder.iterdir() if path.suffix == ".JPG"}
    used = {shards.sample(key).name for key in shards.keys}
    assert {one.replace("mean", "real") for one in used} | used == files
    assert (shards.manifest.form, shards.manifest.quarantined) == ("src.jpg", 0)
    key = shards.keys[0]
    name = shards.sample(key).name
    noisy = decode((folder / name.replace("mean", "real")).read_bytes())
    assert torch.equal(shards.views(key)[0], torch.from_numpy(noisy).float() / torch.tensor(255.0))
    assert torch.equal(shards.clean(key), torch.from_numpy(decode((folder / name).read_bytes())).float() / 255)
    noise = torch.stack([(shards.views(key)[0] - shards.clean(key)).std() for key in shards.keys])
    assert (noise > 0.2 / 255).all(), "a pair of the same file twice would have none"
