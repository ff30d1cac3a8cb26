"""Plain noises, mixtures and view schemes on the command line: what is chosen, what is refused, what is shown."""

import re
from pathlib import Path

import numpy as np
import pytest
from camnoise.pipelines.reader import Shards
from PIL import Image
from shard_help import camnoise, photographs, save
from typer.main import get_command

import camnoise as cn
from camnoise.cli import app, run_command
from camnoise.darkframes import _bank
from camnoise.literature import NAMES
from camnoise.look import drawn_text
from camnoise.views import SCHEMES

SONY = ["--camera", "sony_a7s2", "--iso", "6400"]
NIKON = ["--camera", "nikon_d850", "--iso", "800"]


@pytest.mark.parametrize("command", ["shard", "preview"])
def test_help_lists_every_noise_and_every_scheme(command: str) -> None:
    """The help is typed out, because reading the lists would import torch; here it is compared with them."""
    options = {option: param for param in get_command(app).commands[command].params for option in param.opts}
    noises, schemes = options["--noise"].help, options["--scheme"].help
    said = set(re.split(r"[\s;]+|, |\. |\.$", noises))
    assert {*NAMES, "+clip", "+8bit"} <= said
    assert all(re.search(rf"(?<![\w-]){one.name}[:\[]", schemes) for one in SCHEMES)


WRONG = {
    "unknown noise": (["--noise", "fog:3"], "noise is 'fog:3', wanted one of gaussian:LEVEL"),
    "no level": (["--noise", "gaussian"], "noise 'gaussian' has no level, wanted its standard deviation, 8-bit"),
    "noise and camera": (["--noise", "poisson:30", *SONY], "--noise came with --camera, wanted a noise or a camera"),
    "noise and iso": (["--noise", "poisson:30", "--iso", "100"], "--noise came with --iso"),
    "noise and file": (
        ["--noise", "poisson:30", "--pipeline", "x.json"],
        "no --camera, --iso, .* or --noise beside it",
    ),
    "sensor on encoded values": ([*SONY, "--domain", "srgb"], "takes scene-linear, wanted plain noises in domain"),
    "demosaic without mosaic": (["--noise", "poisson:30", "--demosaic", "bilinear"], "'srgb', which has no mosaic"),
    "unknown scheme": ([*SONY, "--scheme", "n3n"], "view scheme is 'n3n', wanted one of n2c, n2n, n2n-free, nrl"),
    "too many views": ([*SONY, "--scheme", "burst:99"], "'burst:99', wanted burst, burst:VIEWS or burst:VIEWS:REACH"),
    "no alpha": ([*SONY, "--scheme", "noisier:0"], "'noisier:0', wanted noisier or noisier:ALPHA"),
    "real without pairs": ([*SONY, "--scheme", "real"], "real takes its views from the source, wanted pairs:PATH"),
    "nrl with one": ([*SONY, "--scheme", "nrl"], "nrl got 1 camera, wanted two: --camera, --noise or --pipeline twice"),
    "nrl with a file": (["--pipeline", "x.json", "--scheme", "nrl"], "nrl got 1 camera, wanted two: --camera, --noise"),
    "n2n with two": ([*SONY, *NIKON, "--scheme", "n2n"], "n2n got 2 cameras, wanted one"),
    "two noises": (["--noise", "poisson:3", "--noise", "poisson:4"], "n2n got 2 cameras, wanted one"),
    "nrl with a twin": ([*SONY, *SONY, "--scheme", "nrl"], "got sony_a7s2 twice with nothing that varies"),
    "three isos": ([*SONY, *NIKON, "--iso", "1", "--scheme", "nrl"], "--iso came 3 times, wanted it once, or once for"),
    "levels missing": ([*SONY, *NIKON, "--scheme", "nrl"], "nikon_d850 has no black and white level"),
    "no mixture": (["--pipeline", "IN/none.json"], "none.json: .*pipelines"),
    "mixed domains": (["--pipeline", "IN/mixed.json"], "mixed.json: the pipelines of the mixture have different dom"),
    "of electrons": (["--pipeline", "IN/electrons.json"], "electrons.json: its first stage, Gain, takes electron"),
    "other domain": (["--pipeline", "IN/whole.json", "--domain", "srgb"], "its views are rgb, asked for srgb"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("command", ["shard", "preview"])
def test_what_does_not_go_together_is_one_sentence(
    command: str, case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    save(folder / "a.png")
    noise = cn.AdditiveGaussian(sigma=0.1)
    whole, mosaic = cn.Pipeline([cn.Linearize(), noise]), cn.Pipeline([cn.Linearize(), cn.Mosaic(), noise])
    (folder / "none.json").write_text('{"pipelines": []}')
    (folder / "whole.json").write_text(whole.model_dump_json())
    (folder / "mixed.json").write_text(cn.Mixture([whole, mosaic]).model_dump_json())
    (folder / "electrons.json").write_text(cn.Pipeline([cn.Gain(K=1.0)]).model_dump_json())
    options, match = WRONG[case]
    before = sorted(tmp_path.rglob("*"))
    line = ["shard", f"folder:{folder}", f"{tmp_path / 'out'}"]
    if command == "preview":
        line = ["preview", f"{folder / 'a.png'}", "--out", f"{tmp_path / 'x.png'}"]
    code = run_command([*line, *(option.replace("IN", str(folder)) for option in options)])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith("camnoise: ")
    assert len(err.splitlines()) == 1, err
    assert re.search(match, err), err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mixture_from_a_file(tmp_path: Path) -> None:
    """Plain noises are placed on encoded values, or where `--domain` says; a mixture of sensors on a mosaic."""
    folder = photographs(tmp_path / "in", 3)
    plain = cn.Mixture([cn.noise("gaussian:9"), cn.noise("poisson:30")], [1.0, 3.0], name="two")
    sensors = cn.Mixture([cn.presets.load("sony_a7s2", iso=iso) for iso in (100, 1600)], name="isos")
    for name, camera, options, domain, channels in [
        ("a", plain, [], "srgb", 3),
        ("b", plain, ["--domain", "raw"], "raw", 1),
        ("c", sensors, [], "raw", 1),
        ("d", sensors, ["--domain", "raw", "--demosaic", "bilinear"], "raw", 3),
    ]:
        (tmp_path / f"{name}.json").write_text(camera.model_dump_json())
        line = ["shard", f"folder:{folder}", tmp_path / name, "--pipeline", tmp_path / f"{name}.json", *options]
        camnoise(*line)
        camnoise("verify", tmp_path / name)
        shards = Shards(tmp_path / name)
        placed = cn.place(camera, domain, "bilinear" if name == "d" else None)
        assert shards.manifest.recipe.pipeline == placed
        assert isinstance(placed, cn.Mixture)
        assert (placed.weights, placed.name) == (camera.weights, camera.name)
        for key in shards.keys:
            sample = shards.sample(key)
            assert shards.views(key).shape == (2, channels, *sample.size)
            assert shards.views(key).dtype.is_floating_point
            drawn = placed.draw([sample.name], seed=0).sample(0)
            assert drawn == sample.parameters[0]
            chosen = placed.pipelines[int(drawn["mixture"])]
            assert set(drawn) == {"mixture", *chosen.draw([0])}, "names of a pipeline that was not chosen"


def test_the_domain_of_plain_noises_is_their_place_in_the_chain() -> None:
    noise = cn.noise("gaussian:25")
    assert isinstance(noise, cn.Pipeline)
    assert cn.place(noise, "srgb").stages == noise.stages
    assert [stage.kind for stage in cn.place(noise, "rgb").stages] == ["linearize", "additive_gaussian"]
    raw = cn.place(noise, "raw", "bilinear")
    assert [stage.kind for stage in raw.stages] == ["linearize", "mosaic", "additive_gaussian", "demosaic"]
    assert (raw.cfa, cn.place(cn.noise("gaussian:25", cfa="BGGR"), "raw").cfa) == ("RGGB", "BGGR")
    with pytest.raises(ValueError, match=r"camera sony_a7s2 takes scene-linear, wanted plain noises in domain 'srgb'"):
        cn.place(cn.presets.load("sony_a7s2", iso=100), "srgb")
    with pytest.raises(ValueError, match=r"domain is 'lab', wanted one of raw, rgb, srgb"):
        cn.place(noise, "lab")
    with pytest.raises(ValueError, match=r"takes encoded sRGB, wanted a sensor that takes scene-linear"):
        cn.place(cn.place(noise, "rgb"), "raw")


def panels(path: Path, panel: int, row: int = 0) -> list[np.ndarray]:
    """The panels of one row of a sheet, (row, col, 3) float, without a margin of ten pixels."""
    sheet = np.asarray(Image.open(path)).astype(float)
    top = row * (panel + 52) + 44
    count = (sheet.shape[1] - 8) // (panel + 8)
    return [
        sheet[top + 10 : top + panel - 10, 8 + n * (panel + 8) + 10 : (n + 1) * (panel + 8) - 10] for n in range(count)
    ]


def test_encoded_values_are_shown_as_they_are(tmp_path: Path) -> None:
    """A gray of 60 looks 60 on encoded values and on linear light; encoded twice it would look 132."""
    save(tmp_path / "in" / "flat.png", np.full((90, 120, 3), 60, np.uint8))
    for domain, noise in (("srgb", "gaussian:10"), ("rgb", "gaussian:1")):
        out = tmp_path / f"{domain}.png"
        line = ["preview", tmp_path / "in" / "flat.png", "--noise", noise, "--domain", domain]
        camnoise(*line, "--out", out, "--panel", 100)
        whole, clean, one, two, gap = panels(out, 100)
        assert abs(clean - 60).max() <= 1
        assert abs(whole[40:50, 40:50] - 60).max() <= 1
        # 80 x 80 pixels of the panel are 40 x 40 of the image, in three channels: a mean's error is 10 / 69.
        assert abs(one.mean() - 60) < 6.1 * 10 / 4800**0.5 + 1
        if domain == "srgb":
            assert one.std() == pytest.approx(10, rel=0.1)
        assert two.std() > 1 < gap.std()


@pytest.mark.parametrize(
    ("options", "views"),
    [
        (["--noise", "gaussian:25+8bit", "--scheme", "n2c"], 1),
        (["--noise", "gaussian:25", "--scheme", "n2n"], 2),
        (["--noise", "thesis", "--scheme", "burst:3:2"], 3),
        ([*SONY, "--scheme", "burst:9:2"], 4),
    ],
)
def test_sheets_show_up_to_four_views(options: list[str], views: int, tmp_path: Path) -> None:
    photographs(tmp_path / "in", 2)
    camnoise("shard", f"folder:{tmp_path / 'in'}", tmp_path / "out", *options)
    camnoise("look", tmp_path / "out", "--out", tmp_path / "x.png", "--panel", 80)
    assert Image.open(tmp_path / "x.png").size == (8 + (3 + views) * 88, 2 * (80 + 52))


def test_a_title_says_what_was_drawn() -> None:
    def said(noise: str) -> str:
        return drawn_text(cn.noise(noise).draw(["x"], seed=3).sample(0))

    assert said("gaussian:25") == "sigma 25.0/255"
    assert said("poisson:30+impulse:0.2") == "30 events at white, 20 % lost"
    assert said("speckle:0.1+stripes:15+uniform:5") == "uniform 5.0/255, rows 15.0/255, columns 15.0/255, speckle 0.1"
    level = cn.noise("gaussian:5-50").draw(["x"], seed=3)["sigma_gaussian"].item() * 255
    assert said("gaussian:5-50") == f"sigma {level:.1f}/255"
    assert re.fullmatch(r"shot [\d.e-]+, read [\d.e-]+", said("nlf:rcl"))
    under = cn.presets.load("sony_a7s2", iso=6400, ratio=4.0).draw([0]).sample(0)
    assert drawn_text(under) == "K 6.12 DN/e-, 4 x under-exposed"
    assert drawn_text({}) == ""


def test_nrl_of_two_files_and_a_file_too_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = photographs(tmp_path / "in", 2)
    files = [tmp_path / f"{name}.json" for name in ("a", "b")]
    for file, noise in zip(files, ("gaussian:25", "poisson:30"), strict=True):
        file.write_text(cn.noise(noise).model_dump_json())
    both = [f"--pipeline={file}" for file in files]
    camnoise("shard", f"folder:{source}", tmp_path / "nrl", *both, "--scheme", "nrl")
    shards = Shards(tmp_path / "nrl")
    assert [set(table) for table in shards.sample(shards.keys[0]).parameters] == [{"sigma_gaussian"}, {"peak"}]
    capsys.readouterr()
    assert run_command(["shard", f"folder:{source}", str(tmp_path / "two"), *both]) == 1
    assert "n2n got 2 cameras, wanted one" in capsys.readouterr().err


def test_preview_never_writes_over_its_image(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo = save(tmp_path / "photo.png")
    before = photo.read_bytes()
    assert run_command(["preview", str(photo), "--noise", "gaussian:25", "--out", str(photo)]) == 1
    assert "is the image itself, wanted another file to write" in capsys.readouterr().err
    assert photo.read_bytes() == before


def test_a_missing_bank_ends_the_run_and_blames_no_image(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a mixture most of whose images need none: another place would otherwise give another data set."""
    source, bank = photographs(tmp_path / "in", 4), tmp_path / "darks" / "bank.npy"
    bank.parent.mkdir()
    np.save(bank, np.full((3, 64, 64), 64, np.uint16))
    light = [cn.Linearize(), cn.Mosaic(), cn.Expose(black=64, white=1023), cn.Gain(K=1.0)]
    ends = [cn.Quantize(bits=10), cn.Normalize()]
    dark = cn.Pipeline([*light, cn.DarkFrames.of(bank, black=64, cfa="RGGB"), *ends], cfa="RGGB")
    plain = cn.Pipeline([*light, cn.GaussianRead(sigma=1.0), *ends], cfa="RGGB")
    (tmp_path / "mix.json").write_text(cn.Mixture([dark, plain]).model_dump_json())
    monkeypatch.setattr("camnoise.darkframes._paths", {})
    _bank.cache_clear()
    monkeypatch.chdir(tmp_path)
    arguments = ["shard", f"folder:{source}", str(tmp_path / "out"), "--pipeline", str(tmp_path / "mix.json")]
    assert run_command(arguments) == 1
    assert "dark frames bank.npy are neither in the current folder nor in those of CAMNOISE" in capsys.readouterr().err
    assert not (tmp_path / "out" / "manifest.json").exists()
    monkeypatch.setenv("CAMNOISE_DARKS", str(bank.parent))
    assert run_command(arguments) == 0
    assert len(Shards(tmp_path / "out")) == 4
    assert str(tmp_path).encode() not in (tmp_path / "out" / "manifest.json").read_bytes()
