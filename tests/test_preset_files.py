"""Camera files: those of users by their path, and what no file may hold: wrong units, wrong depths, wrong claims."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from camnoise import presets
from camnoise.cli import run_command
from camnoise.presets import curves
from camnoise.presets.tables import Table


@pytest.fixture
def camnoise(capsys: pytest.CaptureFixture[str]):
    """The command in this process: its exit code, and what it wrote to both streams."""

    def run(*line: object) -> tuple[int, str, str]:
        code = run_command([str(part) for part in line])
        return (code, *capsys.readouterr())

    return run


def fields_of(name: str) -> dict:
    return json.loads((Path(presets.__file__).parent / f"{name}.json").read_text())


def written(folder: Path, fields: dict) -> Path:
    file = folder / "mine.json"
    file.write_text(json.dumps(fields))
    return file


@pytest.mark.parametrize("name", presets.names())
def test_a_camera_file_of_ones_own(name, tmp_path):
    """The very file of a preset, under another name and place, is the same camera; as a Path and as a string."""
    fields = fields_of(name) | {"name": "mine"}
    file = written(tmp_path, fields)
    camera = presets.describe(file)
    assert camera == presets.describe(str(file))
    iso = None if camera.iso_range is None else camera.iso_range[0]
    levels = {"black": 64, "white": 1023} if camera.bits and camera.white is None else {}
    assert presets.load(file, iso=iso, **levels).stages == presets.load(name, iso=iso, **levels).stages
    assert presets.load(file, iso=iso, **levels).name == "mine"


def deviation(fields: dict) -> dict:
    """The read noise of a phone as deviations, which its variances are taken for."""
    return fields | {"lambda_read": [value**0.5 for value in fields["lambda_read"]]}


def variances(fields: dict) -> dict:
    (branch,) = fields["branches"]
    return fields | {"branches": [branch | {"tukey_scale": [scale**3 for scale in branch["tukey_scale"]]}]}


def branch_with(**entries) -> object:
    return lambda fields: fields | {"branches": [fields["branches"][0] | entries]}


FAULTS = {
    "logarithms of K": (
        "redmi_k30",
        lambda f: f | {"K_min": -0.19118, "K_max": 2.1682},
        r"K_min is -0\.19118: input should be greater",
    ),
    "logarithms of K, both above 0": (
        "sony_imx385",
        lambda f: f | {"K_min": 1.31339, "K_max": 3.95448},
        "wanted nearly proportional to ISO: DN per electron, and no logarithm",
    ),
    "K_min above K_max": (
        "nikon_d850",
        lambda f: f | {"K_min": f["K_max"], "K_max": f["K_min"]},
        r"K_max of nikon_d850 is 0\.415039, wanted above K_min, 26\.56",
    ),
    "units of another kind": (
        "nikon_d850",
        lambda f: f | {"units": "natural logarithm of K; variances"},
        "units is 'natural logarithm of K; variances': input should be 'K in DN per electron",
    ),
    "a percentage": ("sony_imx363", lambda f: f | {"sigma_prnu": 0.7}, r"sigma_prnu is 0\.7: input should be less"),
    "thousands of electrons": (
        "sony_imx363",
        lambda f: f | {"full_well_e": 6.0},
        "K of sony_imx363 is 170.5 at ISO 55, so that 10 bits hold 6 electrons",
    ),
    "deviations for variances": (
        "google_pixel",
        deviation,
        "lambda_read of google_pixel is .* electrons",
    ),
    "variances for deviations": (
        "redmi_k30_iso6400",
        variances,
        "sigma_read of redmi_k30_iso6400 is .*, wanted far",
    ),
    "8-bit levels for variances": ("galaxy_s6", lambda f: f | {"lambda_read": [1.0] * 6}, "lambda_read.0 is 1"),
    "a Tukey lambda without deviation": ("redmi_k30", lambda f: f | {"lam": [-0.6]}, r"lam.0 is -0\.6"),
    "a white of 10 bits in 14": ("sony_a7s2", lambda f: f | {"white": 1023}, "white of sony_a7s2 is 1023 DN, wanted a"),
    "a white of 14 bits in 10": (
        "redmi_k30",
        lambda f: f | {"white": 16383},
        "white of redmi_k30 is 16383 DN, wanted",
    ),
    "black above white": ("sony_a7s2", lambda f: f | {"black": 16383}, "black of sony_a7s2 is 16383 DN, wanted 0 or"),
    "gains of 14 bits in 6": (
        "sony_a7s2",
        lambda f: f | {"bits": 6, "black": 2, "white": 63, "gain_per_iso": 0.0009563},
        "so that 6 bits hold .* electrons",
    ),
    "one setting of another depth": (
        "sony_a7s2",
        lambda f: f | {"branches": [f["branches"][0] | {"tukey_scale": [0.7] * 15 + [900.0]}, f["branches"][1]]},
        "read noise of sony_a7s2 is .* electrons at ISO 1600",
    ),
    "a deviation in another unit": (
        "canon_t1",
        lambda f: f | {"sigma_preamp_e": 300.0},
        "read noise of canon_t1 is 300 electrons at ISO 100, wanted 0.05 to 100",
    ),
    "a range upside down": ("canon_t1", lambda f: f | {"iso_range": [200, 100]}, "iso_range of canon_t1 is 200-100"),
    "a range not the table's": ("google_pixel", lambda f: f | {"iso_range": [50, 6400]}, "wanted that of its table"),
    "settings out of order": (
        "google_pixel",
        lambda f: f | {"iso": [100, 400, 200, 800, 1600, 3200, 6400]},
        "iso of google_pixel is not ascending: 100, 400, 200",
    ),
    "a table too short": (
        "nikon_d850",
        lambda f: f | {"lam": f["lam"][1:]},
        "lam of nikon_d850 has 15 entries",
    ),
    "a branch too short": (
        "redmi_k30_iso6400",
        branch_with(sigma_row=[0.8, 0.9]),
        "sigma_row of redmi_k30_iso6400 has 2 entries, wanted 1",
    ),
    "two read noises": (
        "sony_imx385",
        lambda f: f | {"tukey_scale": f["sigma_row"]},
        "sony_imx385 wants one of tukey_scale and sigma_read",
    ),
    "a claim too many": (
        "nikon_d850",
        lambda f: f | {"missing": [*f["missing"], "row noise"]},
        "missing of nikon_d850 does name 'row noise', but its numbers have it",
    ),
    "a claim too few": (
        "sony_a7s2",
        lambda f: f | {"missing": [part for part in f["missing"] if part != "PRNU"]},
        "missing of sony_a7s2 does not name 'PRNU', but its numbers lack it",
    ),
    "no such field": ("nikon_d850", lambda f: f | {"sigma_raw": f["sigma_row"]}, "sigma_raw is not a field"),
    "a field missing": ("nikon_d850", lambda f: {k: v for k, v in f.items() if k != "K_min"}, "K_min is missing"),
    "no such kind": ("nikon_d850", lambda f: f | {"kind": "guess"}, "kind is 'guess': wanted one of 'per_iso_table'"),
    "a number that is text": ("nikon_d850", lambda f: f | {"K_min": "fast"}, "K_min is 'fast'"),
    "a filter tile that is none": ("nikon_d850", lambda f: f | {"cfa": "RGBX"}, "RGBX"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_file_is_one_sentence(fault, tmp_path):
    name, broken, sentence = FAULTS[fault]
    assert presets.describe(written(tmp_path, fields_of(name)))  # sound before
    with pytest.raises(ValueError, match=sentence) as caught:
        presets.describe(written(tmp_path, broken(fields_of(name))))
    assert str(caught.value).startswith(f"{tmp_path / 'mine.json'}: ")
    assert "\n" not in str(caught.value)


def test_what_is_no_camera_file(tmp_path):
    (tmp_path / "text.json").write_text("K = 3")
    (tmp_path / "list.json").write_text("[1, 2]")
    for name, sentence in (
        ("text.json", "text.json: .*is no JSON"),
        ("list.json", "list.json: "),
        ("none.json", "camera '.*none.json' cannot be read: No such file"),
    ):
        with pytest.raises(ValueError, match=sentence):
            presets.describe(str(tmp_path / name))
    with pytest.raises(TypeError, match="camera is a int, wanted the name of one or the path"):
        presets.describe(3)


def test_tables_go_on_along_their_last_two_entries():
    table = Table((100.0, 200.0, 400.0), (1.0, 2.0, 8.0))
    assert table.at(200) == 2.0
    assert table.at(200 * 2**0.5) == pytest.approx(4.0)
    out = table.reaching(50, 1600)
    assert [*out.isos] == [50, 100, 200, 400, 1600]
    assert [*out.values] == pytest.approx([0.5, 1, 2, 8, 128])
    held = Table((100.0, 200.0), (-0.1, 0.1), log_values=False).reaching(50, 800)
    assert [*held.values] == [-0.1, -0.1, 0.1, 0.1]
    assert held.at(150) == pytest.approx(-0.1 + 0.2 * np.log(1.5) / np.log(2))


# --- what a person sees


def test_the_list_fits_a_terminal(camnoise):
    code, out, _ = camnoise("cameras")
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 100
    assert [line for line in lines if not line.startswith(" ")] == [*curves.KINDS]
    rows = [line for line in lines if line.startswith("  ") and not line.startswith("  name ")]
    assert {row.split()[0] for row in rows} == set(presets.names())
    assert len({row.index(row.split()[1], 2 + len(row.split()[0])) for row in rows}) == 1, "the ISOs are not aligned"
    for row in rows:
        camera = presets.describe(row.split()[0])
        assert camera.licence in row
        assert "..." not in row


@pytest.mark.parametrize("name", presets.names())
def test_each_camera_is_shown(name, camnoise):
    code, out, err = camnoise("cameras", name)
    assert (code, err) == (0, "")
    lines, camera = out.splitlines(), presets.describe(name)
    assert max(map(len, lines)) <= 100
    assert f"licence  {camera.licence}" in lines
    (has,) = (line for line in lines if line.startswith("has "))
    text = " ".join(out.split())
    assert f"lacks {', '.join(camera.missing)}" in text
    assert not [part for part in camera.missing if part in has]
    for iso, _, stated in curves.show(camera):
        assert [line for line in lines if line.split()[:1] == [f"{iso:g}{'' if stated else '*'}"]]
    assert ("* beyond what the source states" in out) == any(not one.stated for one in curves.show(camera))


def test_the_table_shows_what_is_drawn(camnoise):
    _, out, _ = camnoise("cameras", "sony_a7s2")
    (row,) = (line.split() for line in out.splitlines() if line.split()[:1] == ["6400"])
    drawn = presets.load("sony_a7s2", iso=6400).draw([0]).sample(0)
    want = [drawn["K"], drawn["sigma_read"], drawn["sigma_read"] / drawn["K"], drawn["lam"], drawn["sigma_row"]]
    assert [float(cell) for cell in row[1:]] == pytest.approx(want, rel=1e-3)


def test_curves_stop_between_gain_branches(camnoise):
    camera = presets.describe("sony_a7s2")
    for curve in curves.curves(camera, curves.show(camera)):
        assert curve.isos[curve.breaks[0]] == 2000
        assert [len(curve.isos[part]) for part in curve.branches] == [16, 12]
    *_, bars = curves.sparklines(curves.curves(camera, curves.show(camera)), plain=True)
    assert bars.isascii()
    assert len(bars.split()[2]) == 16


@pytest.mark.parametrize("name", ["sony_a7s2", "canon_t1", "google_pixel", "redmi_k30_iso6400"])
def test_curves_are_drawn(name, tmp_path, camnoise):
    """A panel per quantity, each with marks; hollow ones only where a formula goes on."""
    out = tmp_path / "curves.png"
    code, said, err = camnoise("cameras", name, "--out", out)
    assert (code, err) == (0, "")
    assert said.splitlines()[-1] == f"{out}: curves of {name}"
    shown = np.asarray(Image.open(out).convert("RGB"))
    yellow = (shown == (255, 200, 0)).all(-1)
    drawn = curves.curves(presets.describe(name), curves.show(presets.describe(name)))
    for number, _ in enumerate(drawn):
        top, left = 40 + number // 2 * 320, number % 2 * 480
        assert yellow[top : top + 320, left : left + 480].sum() > 20


def test_curves_of_what_has_none(tmp_path, camnoise):
    code, _, err = camnoise("cameras", "generic_phone", "--out", tmp_path / "x.png")
    assert (code, "generic_phone has no ISO, and so no curve to draw" in err) == (1, True)
    code, _, err = camnoise("cameras", "--out", tmp_path / "x.png")
    assert (code, "--out wants one camera to draw" in err) == (1, True)
    code, _, err = camnoise("cameras", tmp_path / "none.json")
    assert (code, "cannot be read: No such file" in err) == (1, True)
