"""A camera file of one's own, as `calibrate` writes it: by path, with its patterns, in commands."""

import pytest

from camnoise import presets
from camnoise.cli import run_command
from camnoise.estimate import Estimate
from camnoise.presets.measured import MeasuredCamera, Point, ReadNoise


def about(value: float) -> Estimate:
    return Estimate(value=value, low=0.9 * value, high=1.1 * value)


@pytest.fixture
def file(tmp_path):
    point = Point(
        iso=800,
        K=about(2.0),
        read=ReadNoise(law="gaussian", sigma=about(3.0)),
        sigma_row=about(0.5),
        sigma_prnu=about(0.01),
        sigma_dsnu=about(1.5),
        full_well=about(3000.0),
    )
    mine = MeasuredCamera(
        name="mine",
        title="Mine",
        source="a test",
        licence="the owner's own",
        units="DN",
        cfa="GRBG",
        bits=12,
        black=200.0,
        white=4095.0,
        iso_range=(800.0, 800.0),
        step=4.0,
        notes=(),
        points=(point,),
    )
    path = tmp_path / "my camera.json"
    path.write_text(mine.model_dump_json())
    return path


def kinds(camera) -> list[str]:
    return [stage.kind for stage in camera.stages]


def test_patterns_go_in_where_they_are_asked_for(file):
    plain = presets.load(file, iso=800)
    assert not {"prnu", "dsnu", "full_well"} & {*kinds(plain)}
    whole = presets.load(file, patterns=True, ratio=2.0)
    assert kinds(whole) == [
        *("expose", "prnu", "shot", "full_well", "gain", "gaussian_read", "banding", "dsnu", "quantize", "normalize")
    ]
    drawn = whole.draw([1]).sample(0)
    assert drawn["sigma_prnu"] == pytest.approx(0.01)
    assert (drawn["sigma_dsnu"], drawn["full_well"], drawn["ratio"]) == (1.5, 3000.0, 2.0)
    for camera in (plain, whole):
        assert camera.draw([1]).sample(0)["step"] == 4.0
        assert camera.cfa == "GRBG"


def test_other_cameras_have_no_patterns_of_their_own(file):
    with pytest.raises(ValueError, match="patterns is True for sony_a7s2, wanted a camera that `camnoise calibrate`"):
        presets.load("sony_a7s2", iso=800, patterns=True)
    with pytest.raises(ValueError, match="ISO is 800-800, wanted one that was measured where patterns go in"):
        presets.load(file, iso=(800, 800), patterns=True)


def test_a_command_takes_them(file, tmp_path, capsys):
    pytest.importorskip("skimage")
    assert run_command(["shard", "sample:", str(tmp_path / "out"), "--camera", str(file), "--patterns"]) == 0
    manifest = (tmp_path / "out" / "manifest.json").read_text()
    assert '"prnu"' in manifest
    assert str(tmp_path) not in manifest
    assert run_command(["shard", "sample:", str(tmp_path / "no"), "--noise", "gaussian:5", "--patterns"]) == 1
    assert "--noise came with --patterns" in capsys.readouterr().err


def test_a_pipeline_is_told_from_a_camera_file(tmp_path):
    path = tmp_path / "chain.json"
    path.write_text(presets.load("sony_a7s2", iso=800).model_dump_json())
    with pytest.raises(ValueError, match=r"chain.json' is a pipeline, wanted a camera's numbers: use --pipeline"):
        presets.load(path)


def test_what_was_measured_is_not_said_to_be_lacking(file, capsys):
    assert run_command(["cameras", str(file)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "asked PRNU, DSNU, full well: measured, part of the camera with --patterns (patterns=True)" in said
    lacks = said.partition(" lacks ")[2].partition(" asked ")[0]
    assert "hot pixels" in lacks
    assert not any(part in lacks for part in ("PRNU", "DSNU", "full well"))
