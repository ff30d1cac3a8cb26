"""Single promises of recipes and records: what reaches them, and what they refuse."""

import re
from pathlib import Path

import pytest
import torch
from camnoise.pipelines.address import parse
from camnoise.pipelines.camera import by_name, from_file
from camnoise.pipelines.exposures import make_sample, record, scaled
from camnoise.pipelines.plan import Input, plan
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.source import File
from shard_help import camnoise, photographs, picture

import camnoise as cn

PIXELS = picture().transpose(2, 0, 1).copy()
BELOW, ABOVE = cn.noise("gaussian:25"), cn.noise("poisson:30")
CUT = cn.noise("poisson:30+clip")


def made(*cameras: cn.Pipeline | cn.Mixture, **changes: object) -> Recipe:
    """A recipe of plain noises on encoded values; of two of them in scheme nrl."""
    first, second = (*cameras, None)[:2]
    scheme = "n2n" if second is None else "nrl"
    fields = {"source": "folder:", "pipeline": first, "second": second, "domain": "srgb", "scheme": scheme, "seed": 7}
    return Recipe(**{**fields, **changes})


REAL = Recipe(source="pairs:", pipeline=None, scheme="real", domain="srgb")


# --- records


def test_an_epoch_reaches_the_record_and_the_views() -> None:
    camera, levels = cn.noise("gaussian:5-50"), set()
    for epoch in (None, 0, 1):
        sample = make_sample(PIXELS, "a.png", made(camera, epoch=epoch))
        drawn = camera.draw(["a.png"], seed=7, epoch=epoch).sample(0)
        assert sample.record.parameters == (drawn, drawn)
        assert sample.record.epoch == epoch
        views = camera.views(scaled(PIXELS), ["a.png"], scheme="n2n", seed=7, epoch=epoch).views
        assert torch.equal(sample.normalized, views[:, 0])
        levels.add(drawn["sigma_gaussian"])
    assert len(levels) == 3, "two epochs have one level"


@pytest.mark.parametrize(
    ("cameras", "clipped"),
    [((BELOW, ABOVE), False), ((BELOW, CUT), True), ((CUT, BELOW), True), ((BELOW,), False), ((CUT,), True)],
)
def test_a_record_says_clipped_where_either_camera_clips(cameras: tuple[cn.Pipeline, ...], clipped: bool) -> None:
    assert record(PIXELS, "a.png", made(*cameras)).clipped == clipped


def test_each_ratio_reaches_its_own_camera(tmp_path: Path) -> None:
    line = ["shard", f"folder:{photographs(tmp_path / 'in', 2)}", tmp_path / "out", "--scheme", "nrl"]
    line += ["--camera", "sony_a7s2", "--camera", "nikon_d850", "--iso", "6400", "--iso", "800"]
    line += ["--black", 512, "--black", 600, "--white", 16383, "--white", 15520]
    camnoise(*line, "--ratio", "2", "--ratio", "10-100")
    shards = Shards(tmp_path / "out")
    for key in shards.keys:
        one, other = shards.sample(key).parameters
        assert one["ratio"] == 2
        assert 10 <= other["ratio"] <= 100
    assert len({shards.sample(key).parameters[1]["ratio"] for key in shards.keys}) == 2, "the range is not drawn"


# --- stored views


def test_views_are_normalized_by_what_their_record_says() -> None:
    floats = record(PIXELS, "a.png", made(BELOW))
    levels = record(PIXELS, "a.png", made(cn.noise("gaussian:25+8bit")))
    sensor = cn.place(cn.presets.load("sony_a7s2", iso=6400), "rgb")
    raw = record(PIXELS, "a.png", made(sensor, domain="rgb"))
    assert (floats.levels, levels.levels, raw.levels, raw.black, raw.white) == (None, 255, None, 512, 16383)
    stored = torch.full((2, 3, 4, 4), 0.25)
    for sample in (floats, levels, raw):
        assert torch.equal(sample.normalize(stored), stored), "float32 is normalised already, whatever the levels"
        with pytest.raises(ValueError, match="has 2 views, got 1"):
            sample.normalize(stored[:1])
    assert torch.equal(levels.normalize((stored * 204).byte()), torch.full_like(stored, 51 / 255))
    assert torch.equal(raw.normalize(torch.full_like(stored, 512).to(torch.uint16)), stored * 0)
    with pytest.raises(ValueError, match="no black and white level: its views are not raw DN"):
        floats.normalize(stored.to(torch.uint16))
    for sample, kind in ((floats, torch.uint8), (levels, torch.uint16), (raw, torch.uint8), (levels, torch.float64)):
        with pytest.raises(ValueError, match=f"got views of {kind}, wanted torch.uint.* or torch.float32"):
            sample.normalize(stored.to(kind))


# --- recipes and plans


def test_recipes_refuse_cameras_that_do_not_fit() -> None:
    sensor, plain = cn.presets.load("sony_a7s2", iso=6400), cn.noise("gaussian:25", cfa="BGGR")
    linear = cn.Pipeline([cn.Linearize(), cn.AdditiveGaussian(sigma=0.1)], name="linear")
    rggb, bggr = cn.place(sensor, "raw"), cn.place(plain, "raw")
    assert (rggb.cfa, bggr.cfa) == ("RGGB", "BGGR")
    for cameras, changes, sentence in (
        ((sensor,), {}, "camera .* came in domain srgb, wanted plain noises there"),
        ((linear,), {}, "camera linear came in domain srgb, wanted plain noises there"),
        ((BELOW, sensor), {}, "came in domain srgb, wanted plain noises there"),
        ((rggb, bggr), {"domain": "raw"}, "the cameras of nrl have filter tiles RGGB and BGGR, wanted one"),
        ((cn.Mixture([rggb, bggr]),), {"domain": "raw"}, "have filter tiles BGGR and RGGB, wanted one"),
        ((rggb, cn.Mixture([rggb, bggr])), {"domain": "raw"}, "have filter tiles BGGR and RGGB, wanted one"),
    ):
        with pytest.raises(ValueError, match=sentence):
            made(*cameras, **changes)
    made(rggb, cn.place(cn.noise("gaussian:25", cfa="RGGB"), "raw"), domain="raw")
    made(cn.Mixture([rggb, rggb]), domain="raw")
    made(BELOW, cn.Mixture([BELOW, ABOVE]))


def test_plans_refuse_noisy_files_that_do_not_fit_the_scheme() -> None:
    def inputs(*counts: int, refused: str | None = None) -> list[Input]:
        """Images with so many noisy ones each."""
        noisy = {n: tuple(File(f"noisy/{n}_{view}.png", 5) for view in range(count)) for n, count in enumerate(counts)}
        return [Input(name=f"clean/{n}.png", size=5, noisy=files, refused=refused) for n, files in noisy.items()]

    for recipe, counts, sentence in (
        (made(BELOW), (1, 1), "inputs have 1 noisy views in the source, scheme n2n wants none"),
        (made(BELOW), (0, 2), "inputs have 0, 2 noisy views in the source, scheme n2n wants none"),
        (REAL, (1, 2), "inputs have 1, 2 noisy views in the source, scheme real wants the same number each"),
        (REAL, (0, 1), "inputs have 0, 1 noisy views in the source, scheme real wants the same number each"),
        (REAL, (0, 0), "inputs have 0 noisy views in the source, scheme real wants the same number each"),
    ):
        with pytest.raises(ValueError, match=sentence):
            plan(inputs(*counts), recipe)
    assert len(plan(inputs(0, 0), made(BELOW))) == len(plan(inputs(2, 2), REAL)) == 1
    left_out = inputs(2, 2, 3)
    left_out[2] = left_out[2].model_copy(update={"refused": "by its names"})
    assert len(plan(left_out, REAL)) == 1, "what gives no sample does not count"


# --- cameras in files and domains


def test_a_demosaicing_that_the_chain_does_not_have_is_refused(tmp_path: Path) -> None:
    noise = cn.AdditiveGaussian(sigma=0.1)
    chains = {
        "mosaic": [cn.Linearize(), cn.Mosaic(), noise],
        "whole": [cn.Linearize(), cn.Mosaic(), noise, cn.Demosaic()],
        "planes": [cn.Linearize(), noise],
    }
    for name, stages in chains.items():
        (tmp_path / f"{name}.json").write_text(cn.Pipeline(stages, name=name).model_dump_json())
    for name, has in (("mosaic", "raw"), ("planes", "rgb")):
        with pytest.raises(ValueError, match=rf"{name}.json: .*\b{has}\b.* asked for .*bilinear"):
            from_file(tmp_path / f"{name}.json", demosaic="bilinear")
        with pytest.raises(ValueError, match=rf"{name}.json: .*\b{has}\b.* asked for .*bilinear"):
            from_file(tmp_path / f"{name}.json", domain=has, demosaic="bilinear")
    with pytest.raises(ValueError, match=r"whole.json: .*\braw\b.*\bbilinear\b.* asked for rgb"):
        from_file(tmp_path / "whole.json", domain="rgb")
    for asked in ({}, {"demosaic": "bilinear"}, {"domain": "raw"}, {"domain": "raw", "demosaic": "bilinear"}):
        placed = from_file(tmp_path / "whole.json", **asked)
        assert (placed.domain, placed.demosaic, placed.title) == ("raw", "bilinear", "whole")
    assert from_file(tmp_path / "mosaic.json").demosaic is None


def test_a_placed_camera_keeps_its_name() -> None:
    """Its fixed patterns are those of the body of that name."""
    sensor = cn.presets.load("sony_a7s2", iso=6400)
    for domain, cameras in (("raw", (sensor, BELOW)), ("rgb", (sensor, BELOW)), ("srgb", (BELOW,))):
        for camera in cameras:
            assert cn.place(camera, domain).name == camera.name != cn.Pipeline([cn.Clip()]).name
            mixture = cn.place(cn.Mixture([camera, camera], name="several"), domain)
            assert (mixture.name, {one.name for one in mixture.pipelines}) == ("several", {camera.name})
    assert by_name("gaussian:25", domain="rgb").camera.name == "gaussian:25"


# --- pairs


def pairs(folder: Path, names: list[str]) -> dict[str, list[str] | str]:
    """Clean name -> its noisy ones, or any name -> why it is refused."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    items = parse(f"pairs:{folder}").items()
    return {item.name: item.refused or [file.name for file in item.noisy] for item in items}


def test_a_clean_image_with_fewer_noisy_ones_than_most_is_refused(tmp_path: Path) -> None:
    names = [f"clean/{one}.png" for one in "abc"] + [f"noisy/{one}_{n}.png" for one in "abc" for n in (1, 2, 3)]
    names.remove("noisy/b_2.png")
    found = pairs(tmp_path, names)
    assert re.search(r"\b2\b.*\bmost\b.*\b3\b", str(found.pop("clean/b.png")))
    assert found == {f"clean/{one}.png": [f"noisy/{one}_{n}.png" for n in (1, 2, 3)] for one in "ac"}


@pytest.mark.parametrize(
    "names",
    [
        ["noisy/a.png", "noisy/b.png"],
        ["clean/a.png", "gt/b.png"],
        ["a_real.png", "b_real.png"],
        ["a_mean.png"],
        ["0001_GT_SRGB_010.png"],
        ["0001_NOISY_SRGB_010.png", "thumb.png"],
        ["xmean.png", "xreal.png"],
    ],
)
def test_a_folder_of_one_kind_has_no_pairs(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pairs in source folder") as error:
        pairs(tmp_path, names)
    assert len(str(error.value).splitlines()) == 1


def test_dots_and_digits_of_a_name_belong_to_it(tmp_path: Path) -> None:
    names = ["clean/a.b.png", "noisy/a.b_1.png", "noisy/a.b_02.png", "clean/a.c.png", "noisy/a.c_7.png"]
    assert pairs(tmp_path, [*names, "noisy/a.c_10.png"]) == {
        "clean/a.b.png": ["noisy/a.b_1.png", "noisy/a.b_02.png"],
        "clean/a.c.png": ["noisy/a.c_7.png", "noisy/a.c_10.png"],
    }


def test_a_role_is_a_word_of_its_own(tmp_path: Path) -> None:
    assert pairs(tmp_path, ["x_mean.png", "x_real.png", "xmean.png", "y_meant.png", "unreal.png"]) == {
        "x_mean.png": ["x_real.png"],
        "xmean.png": "is neither a clean nor a noisy image, by its name",
        "y_meant.png": "is neither a clean nor a noisy image, by its name",
        "unreal.png": "is neither a clean nor a noisy image, by its name",
    }


def test_a_recipes_domain_is_that_of_its_camera() -> None:
    sensor = cn.presets.load("sony_a7s2", iso=6400)
    for camera, domain, demosaic, has in (
        (cn.place(sensor, "rgb"), "raw", None, "'rgb', None"),
        (cn.place(sensor, "raw"), "rgb", None, "'raw', None"),
        (cn.place(sensor, "raw", "bilinear"), "raw", None, "'raw', 'bilinear'"),
    ):
        with pytest.raises(ValueError, match=f"came in domain {domain}, demosaic {demosaic}, and has .{has}"):
            Recipe(source="folder:", pipeline=camera, domain=domain, demosaic=demosaic)
    with pytest.raises(ValueError, match="source is 'folder:/home/me', wanted the kind alone, such as 'folder:'"):
        Recipe(source="folder:/home/me", pipeline=cn.place(sensor, "rgb"), domain="rgb")
    planes = cn.Pipeline([cn.Linearize(), *sensor.stages], cfa="RGGB")
    assert Recipe(source="folder:", pipeline=planes, domain="rgb").cfa is None, "three planes have no tile"
