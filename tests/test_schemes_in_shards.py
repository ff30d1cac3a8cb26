"""Every kind of noise and every scheme through `camnoise shard`: what lies in the tar, and that it was asked for."""

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import webdataset
from camnoise.pipelines import build, npy
from camnoise.pipelines.address import parse
from camnoise.pipelines.exposures import make_sample, scaled
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.run import run, serial
from camnoise.pipelines.verify import verify
from shard_help import camnoise, content, photographs
from tampering import alter, bless, members, rewrite

import camnoise as cn
from camnoise.sample import Sample, canonical

SONY = ("--camera", "sony_a7s2", "--iso", "6400")
TWO = (*SONY, "--camera", "nikon_d850", "--iso", "800", *("--black", 512, "--black", 600))
LEVELS = ("--white", 16383, "--white", 15520)

# options -> dtype of the views, their channels, whether there is a clean.npy
KINDS = {
    "encoded": (["--noise", "gaussian:25"], "<f4", 3, False),
    "range": (["--noise", "gaussian:5-50", "--scheme", "n2n-free"], "<f4", 3, False),
    "rounded": (["--noise", "poisson:30+8bit"], "|u1", 3, False),
    "cut": (["--noise", "speckle:0.1+clip", "--scheme", "n2c"], "<f4", 3, False),
    "mixture": (["--noise", "thesis+8bit", "--scheme", "n2n-free"], "|u1", 3, False),
    "noisier rounded": (["--noise", "gaussian:25+8bit", "--scheme", "noisier"], "<f4", 3, False),
    "level of the frame": (["--noise", "nlf:rcl_level", "--scheme", "rcl"], "<f4", 3, False),
    "level of the mosaic": (["--noise", "nlf:rcl_level", "--domain", "raw"], "<f4", 1, True),
    "rounded mosaic": (["--noise", "gaussian:9+8bit", "--domain", "raw"], "|u1", 1, True),
    "mixture on light": (["--noise", "thesis", "--domain", "rgb"], "<f4", 3, True),
    "free": ([*SONY, "--ratio", "1-100", "--scheme", "n2n-free"], "<u2", 1, True),
    "rcl": ([*SONY, "--scheme", "rcl"], "<u2", 1, True),
    "noisier": ([*SONY, "--scheme", "noisier:0.5"], "<f4", 1, True),
    "burst": ([*SONY, "--scheme", "burst:3:5"], "<u2", 1, True),
    "burst in color": ([*SONY, "--scheme", "burst", "--demosaic", "bilinear"], "<f4", 3, True),
    "burst of bytes": (["--noise", "thesis+8bit", "--scheme", "burst:5:3"], "|u1", 3, False),
    "two cameras": ([*TWO, *LEVELS, "--scheme", "nrl"], "<f4", 1, True),
    "two noises": (["--noise", "gaussian:25+8bit", "--noise", "poisson:9+8bit", "--scheme", "nrl"], "|u1", 3, False),
    "two ends": (["--noise", "gaussian:25+8bit", "--noise", "poisson:9", "--scheme", "nrl"], "<f4", 3, False),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One data set of each kind, of two photographs in two shards. Read them, do not change them."""
    root = tmp_path_factory.mktemp("kinds")
    photographs(root / "in", 2)
    for kind, (options, *_) in KINDS.items():
        camnoise("shard", f"folder:{root / 'in'}", root / kind, *options, "--seed", 7, "--samples-per-shard", 1)
    return {kind: root / kind for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_the_views_are_those_of_the_cameras(made: dict[str, Path], kind: str) -> None:
    """From the manifest's JSON, the name and the decoded input alone, through the public calls of the cameras."""
    _, dtype, channels, has_clean = KINDS[kind]
    shards = Shards(made[kind])
    recipe = json.loads((made[kind] / "manifest.json").read_bytes())["recipe"]
    first, *others = [
        (cn.Mixture if "pipelines" in one else cn.Pipeline).from_json(json.dumps(one))
        for one in (recipe["pipeline"], recipe["second"])
        if one is not None
    ]
    assert len(shards) == 2
    for key in shards.keys:
        sample = shards.sample(key)
        fields = {field for field in ("clean.npy", "json", "src.png", "views.npy") if field in shards._members[key]}
        assert fields == {"json", "src.png", "views.npy"} | ({"clean.npy"} if has_clean else set())
        images = shards.scene(key)[None].float() / torch.tensor(255.0)
        want = first.views(
            images,
            [sample.name],
            scheme=recipe["scheme"],
            seed=7,
            body=recipe["body"],
            cameras=(first, *others) if others else None,
        )
        stored, sides, _ = npy.header(shards.read(key, "views.npy"))
        assert (stored, sides) == (dtype, (len(want.views), channels, *sample.size))
        assert torch.equal(shards.views(key), want.views[:, 0])
        assert torch.equal(shards.clean(key), want.clean[0])
        assert list(sample.parameters) == [table.sample(0) for table in want.parameters]
        assert (sample.views, sample.domain, sample.clipped) == (recipe["scheme"], recipe["domain"], want.clipped)
        assert sample.levels == (255 if dtype == "|u1" else None)
        if want.shifts is None or want.valid is None:
            assert (sample.shifts, shards.valid(key)) == (None, None)
        else:
            assert torch.equal(torch.tensor(sample.shifts), want.shifts[:, 0])
            assert torch.equal(shards.valid(key), want.valid[:, 0, 0])


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_data_set_has_no_fault(made: dict[str, Path], kind: str) -> None:
    assert list(verify(made[kind])) == []


def test_views_differ_where_their_scheme_says_so(made: dict[str, Path]) -> None:
    """Guards the comparison above: a scheme that was not passed on would be equal on both of its sides."""
    tables = {kind: [Shards(made[kind]).sample(key).parameters for key in Shards(made[kind]).keys] for kind in KINDS}
    for kind, differ in {"free": True, "range": True, "two cameras": True, "encoded": False, "noisier": False}.items():
        assert all((one[0] != one[1]) == differ for one in tables[kind]), kind
    assert {one[0]["sigma_gaussian"] for one in tables["encoded"]} == {float(str(np.float32(25 / 255)))}
    numbers = {view["mixture"] for one in tables["mixture"] + tables["burst of bytes"] for view in one}
    assert len(numbers) > 1
    shifts = [Shards(made["burst of bytes"]).sample(key).shifts for key in Shards(made["burst of bytes"]).keys]
    assert all(one[0] == (0, 0) and max(abs(n) for pair in one for n in pair) <= 3 for one in shifts)
    assert len({pair for one in shifts for pair in one}) > 3


@pytest.mark.parametrize("kind", ["rounded", "free", "encoded"])
def test_webdataset_and_the_json_are_enough_to_normalise(made: dict[str, Path], kind: str) -> None:
    shards = Shards(made[kind])
    urls = [str(path) for path in sorted(made[kind].glob("*.tar"))]
    for sample in webdataset.WebDataset(urls, shardshuffle=False).decode():
        stored, record = sample["views.npy"], sample["json"]
        if record["levels"] is not None:
            values = stored.astype(np.float32) / np.float32(record["levels"])
        elif stored.dtype == np.uint16:
            black, white, ratio = (
                np.array([table[name] for table in record["parameters"]], np.float32).reshape(-1, 1, 1, 1)
                for name in ("black", "white", "ratio")
            )
            values = (stored.astype(np.float32) - black) / (white - black) * ratio
        else:
            values = stored
        assert np.array_equal(values, shards.views(sample["__key__"]).numpy())
        assert np.array_equal(values, Sample.model_validate(record).normalize(torch.from_numpy(stored)).numpy())


def test_each_view_of_nrl_is_its_own_cameras(made: dict[str, Path]) -> None:
    shards = Shards(made["two cameras"])
    recipe = shards.manifest.recipe
    assert (recipe.camera, recipe.iso, recipe.body) == (("sony_a7s2", "nikon_d850"), (6400.0, 800.0), None)
    for key in shards.keys:
        sample, scene = shards.sample(key), scaled(shards.scene(key).numpy())
        assert (sample.body, [table["black"] for table in sample.parameters]) == (None, [512.0, 600.0])
        for view, camera in enumerate((recipe.pipeline, recipe.second), start=1):
            assert camera is not None
            drawn = camera.draw([sample.name], seed=7, view=view).sample(0)
            assert sample.parameters[view - 1] == drawn
        alone = cn.place(cn.presets.load("sony_a7s2", iso=6400), "raw")(scene, [sample.name], seed=7)
        assert torch.equal(shards.views(key)[0], alone[0]), "a fixed camera's view 1 is its n2c view"


@pytest.mark.parametrize(("body", "bodies"), [(None, ("a", "b")), ("mine", ("mine", "mine"))])
def test_nrl_has_each_cameras_own_body_unless_one_is_named(body: str | None, bodies: tuple[str, str]) -> None:
    """On cameras that have nothing but a fixed pattern of columns."""
    first, second = (
        cn.Pipeline([cn.Linearize(), cn.Expose(black=0, white=1000), cn.Gain(K=K), columns, cn.Normalize()], name=name)
        for name, K, columns in (("a", 1.0, cn.Banding(sigma_col=9.0)), ("b", 2.0, cn.Banding(sigma_col=5.0)))
    )
    recipe = Recipe(source="folder:", pipeline=first, second=second, domain="rgb", scheme="nrl", body=body)
    pixels = np.full((3, 8, 64), 99, np.uint8)
    made = make_sample(pixels, "x", recipe)
    assert made.record.body == body
    for view, (camera, name) in enumerate(zip((first, second), bodies, strict=True), start=1):
        alone = camera(scaled(pixels), ["x"], view=view, body=name)
        assert torch.equal(made.normalized[view - 1], alone[0])
        assert not torch.equal(made.normalized[view - 1], camera(scaled(pixels), ["x"], view=view, body="other")[0])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("noise", ["gaussian:25", "poisson:30+8bit", "thesis+clip", "nlf:rcl_level+8bit"])
def test_in_srgb_the_input_is_the_clean_image(bits: int, noise: str) -> None:
    """Clipping to [0, 1] leaves an input as it is, and nothing else touches the clean view: it need not be stored."""
    levels = np.arange(2**bits, dtype=np.uint16).reshape(1, 2 ** (bits // 2), -1)
    pixels = np.repeat(levels, 3, 0).astype(np.uint8 if bits == 8 else np.uint16)
    images = torch.from_numpy(pixels)[None].float() / torch.tensor(2.0**bits - 1)
    assert torch.equal(cn.noise(noise).clean(images, ["x"]), images)
    recipe = Recipe(source="folder:", pipeline=cn.noise(noise), domain="srgb")
    assert torch.equal(torch.from_numpy(make_sample(pixels, "x", recipe).clean), images[0])
    assert not torch.equal(cn.place(cn.noise(noise), "rgb").clean(images, ["x"]), images), "linear light is another"


def test_a_level_that_follows_the_frame_is_in_the_record(made: dict[str, Path]) -> None:
    """lambda_shot times the mean of the mosaic, plus lambda_read, is the level squared: the record saw the picture."""
    shards = Shards(made["level of the mosaic"])
    for key in shards.keys:
        drawn = shards.sample(key).parameters[0]
        mean = shards.clean(key).double().mean().item()
        assert mean == pytest.approx(drawn["frame_mean"], rel=1e-6)
        variance = drawn["lambda_shot"] * mean + drawn["lambda_read"]
        assert variance == pytest.approx(drawn["level"] ** 2, rel=1e-5)
    first, second = (shards.sample(key).parameters[0]["frame_mean"] for key in shards.keys)
    assert first != second


@pytest.mark.parametrize("kind", ["mixture", "two cameras", "burst of bytes", "level of the frame"])
def test_a_second_run_and_a_stopped_one_leave_the_same_bytes(made: dict[str, Path], kind: str, tmp_path: Path) -> None:
    source, out = made[kind].parent / "in", tmp_path / "out"

    def stopped(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        yield next(serial(specs, watch))
        raise KeyboardInterrupt

    options = [*KINDS[kind][0], "--seed", 7, "--samples-per-shard", 1]
    camnoise("shard", f"folder:{source}", tmp_path / "again", *options)
    assert content(tmp_path / "again") == content(made[kind])
    recipe = Shards(made[kind]).manifest.recipe
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{source}"), recipe, out, engine=stopped)
    first = (out / "shard-000000.tar").stat().st_mtime_ns
    camnoise("shard", f"folder:{source}", out, *options)
    assert (out / "shard-000000.tar").stat().st_mtime_ns == first
    assert content(out) == content(made[kind])


def changed(field: str, change: object) -> object:
    def apply(data: bytes) -> bytes:
        record = json.loads(data)
        record[field] = change(record[field])  # type: ignore[operator]
        return canonical(record)

    return apply


FAULTS = {
    "a shift": ("burst", "json", changed("shifts", lambda s: [[0, 0], [s[1][0] + 1, s[1][1]], s[2]]), "shifts is "),
    "no shifts": ("burst", "json", changed("shifts", lambda s: None), "no shifts for burst:3:5, wanted 3"),
    "the reach": ("burst", "json", changed("views", lambda s: "burst:3:6"), "views is 'burst:3:6', the recipe says"),
    "a level": ("rounded", "json", changed("levels", lambda n: 65535), "levels is 65535, the recipe says 255"),
    "no level": ("rounded", "json", changed("levels", lambda n: None), "levels is None, the recipe says 255"),
    "unclipped": ("cut", "json", changed("clipped", lambda c: False), "clipped is False, the recipe says True"),
    "a spelling": ("noisier rounded", "json", changed("views", lambda s: "noisier:1"), "its JSON is not in canonical"),
    "the choice": (
        "mixture",
        "json",
        changed("parameters", lambda p: [{**p[0], "mixture": 99.0}, p[1]]),
        "mixture of view 1 is 99.0, the recipe draws ",
    ),
    "a frame's mean": (
        "level of the frame",
        "json",
        changed("parameters", lambda p: [{**p[0], "frame_mean": 0.5}]),
        "frame_mean of view 1 is 0.5, the recipe draws ",
    ),
    "cameras swapped": (
        "two cameras",
        "json",
        changed("parameters", lambda p: p[::-1]),
        "black of view 1 is 600.0, the recipe draws 512.0",
    ),
    "a body": ("two cameras", "json", changed("body", lambda b: "mine"), "body is 'mine', the recipe says None"),
    "wide bytes": (
        "rounded",
        "views.npy",
        lambda data: npy.dump(npy.load(data).astype(np.uint16)),
        "views.npy: <u2 of shape (2, 3, 10, 14), wanted |u1",
    ),
    "a view less": (
        "burst",
        "views.npy",
        lambda data: npy.dump(npy.load(data)[:2]),
        "views.npy: <u2 of shape (2, 1, 10, 14), wanted <u2 of shape (3, 1, 10, 14)",
    ),
    "another value": (
        "rounded",
        "views.npy",
        lambda data: npy.dump(npy.load(data) ^ 1),
        "views.npy: xxh3 is ",
    ),
    "a row less": (
        "encoded",
        "views.npy",
        lambda data: npy.dump(npy.load(data)[:, :, 1:]),
        "views.npy: <f4 of shape (2, 3, 9, 14), the input has (10, 14)",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_planted_fault_is_named(made: dict[str, Path], case: str, tmp_path: Path) -> None:
    kind, field, change, match = FAULTS[case]
    copy = shutil.copytree(made[kind], tmp_path / "copy")
    alter(copy, field, change)
    assert any(fault.startswith("shard-000000.tar: ") and match in fault for fault in verify(copy))


def test_a_clean_image_too_many(made: dict[str, Path], tmp_path: Path) -> None:
    """In domain srgb there is one clean image, the input; a second one could differ from it."""
    copy = shutil.copytree(made["two ends"], tmp_path / "copy")
    path = copy / "shard-000000.tar"
    kept = members(path)
    key = kept[0][0].partition(".")[0]
    rewrite(path, sorted([*kept, (f"{key}.clean.npy", npy.dump(np.zeros((3, 10, 14), np.float32)))]))
    bless(copy)
    assert any(
        "has clean.npy, json, src.png, views.npy, wanted json, src.png, views.npy" in one for one in verify(copy)
    )
