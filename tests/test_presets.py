"""The cameras at work: the first two against their sources, and what every one of them does at every ISO."""

import json
import re
from math import exp, log
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from conftest import ROOT

import camnoise as cn
from camnoise import presets
from camnoise.cli import run_command
from camnoise.distributions import Uniform
from camnoise.domains import place
from camnoise.estimate import Estimate
from camnoise.moments import tukey_lambda
from camnoise.presets.measured import MeasuredCamera, Point, ReadNoise
from camnoise.presets.provenance import COMPONENTS, check_missing, components
from camnoise.testing.parameters import measure_parameters
from camnoise.vocabulary import NLF, heteroscedastic_form

D850 = {"black": 400.0, "white": 15583.0}


@pytest.fixture(scope="module")
def published(shared_data) -> dict:
    entries = json.loads((shared_data.parent / "camera_presets.json").read_text())["entries"]
    return {entry["id"]: entry for entry in entries}


def drawn(name: str, iso, count: int = 1, **levels) -> dict[str, np.ndarray]:
    table = presets.load(name, iso=iso, **levels).draw(range(count), seed=3)
    return {key: column.double().numpy() for key, column in table.items()}


def test_sony_is_the_published_table(published):
    table = published["pmn/SonyA7S2/per_iso"]["parameters"]["per_iso"]
    assert len(table) == 28
    for iso, row in table.items():
        got = drawn("sony_a7s2", float(iso))
        assert got["K"][0] == pytest.approx(row["K"], rel=1e-6)
        assert got["lam"][0] == pytest.approx(row["tukey_lambda"], rel=1e-6)
        assert got["scale_read"][0] == pytest.approx(row["read_TL_scale"], rel=1e-5)
        assert got["sigma_row"][0] == pytest.approx(row["row_sd"], rel=1e-6)
        # The source's own cross-check at these settings: its Gaussian fit agrees with scale times deviation.
        if iso in ("100", "800", "1600", "25600"):
            assert got["sigma_read"][0] == pytest.approx(row["read_gaussian_sd"], rel=0.0115)  # "within 1.1 %"
    assert (drawn("sony_a7s2", 800)["black"][0], drawn("sony_a7s2", 800)["white"][0]) == (512, 16383)
    assert "bias_R" not in drawn("sony_a7s2", 800)


def test_sony_interpolates_within_a_branch():
    low, mid, high = (drawn("sony_a7s2", iso) for iso in (6400, 7000, 8000))
    t = log(7000 / 6400) / log(8000 / 6400)
    for name in ("sigma_read", "sigma_row"):
        want = exp((1 - t) * log(low[name][0]) + t * log(high[name][0]))
        assert mid[name][0] == pytest.approx(want, rel=1e-6)
    assert mid["lam"][0] == pytest.approx((1 - t) * low["lam"][0] + t * high["lam"][0], rel=1e-5)


def test_sony_range_follows_the_branch():
    got = drawn("sony_a7s2", (2000, 25600), 2000)
    iso = got["K"] / 0.0009563
    assert iso.min() >= 2000 * (1 - 1e-6)
    assert iso.max() <= 25600 * (1 + 1e-6)
    # Log-uniform: the DKW bound at 2,000 draws and one chance in 1e9 is 0.074.
    u = np.sort(np.log(iso / 2000) / log(25600 / 2000))
    assert np.abs(u - np.arange(0.5, 2000) / 2000).max() <= 0.074
    for image in range(0, 2000, 400):
        assert drawn("sony_a7s2", float(iso[image]))["sigma_read"][0] == pytest.approx(
            got["sigma_read"][image], rel=1e-4
        )


def test_nikon_follows_its_lines(published):
    source = published["eld/NikonD850"]["parameters"]
    lines = source["profiles"]["Profile-1"]
    for iso in (100, 640, 6400):
        got = drawn("nikon_d850", iso, 64, **D850)
        K = source["K_min"] * iso / 100
        assert np.allclose(got["K"], K, rtol=1e-6)
        for name, line in (("scale_read", "read_tukey_lambda_scale"), ("sigma_row", "row_gaussian")):
            want = exp(lines[line]["slope"] * log(K) + lines[line]["bias"])
            assert np.allclose(got[name], want, rtol=2e-6), "one ISO has no scatter"
        deviation = [tukey_lambda(lam).deviation for lam in got["lam"]]
        assert np.allclose(got["sigma_read"], got["scale_read"] * deviation, rtol=1e-5)
    assert source["K_min"] * 64 == pytest.approx(source["K_max"], rel=1e-6)


def test_nikon_entries_come_in_pairs(published):
    """Shape and biases are one entry of the nearest pair, each of the two about half the time."""
    source = published["eld/NikonD850"]["parameters"]
    shapes, biases = source["tukey_lambda_shapes"], np.array(source["color_bias_DN"])  # R, G1, B, G2
    n = 4000
    for pair in range(8):
        iso = 100 * 64 ** (pair / 7)
        got = drawn("nikon_d850", min(iso, 6400.0), n, **D850)
        assert np.allclose(got["lam"], shapes[2 * pair], rtol=1e-6)
        rows = np.stack([got[f"bias_{site}"] for site in ("R", "G1", "B", "G2")], 1)
        first, second = (np.isclose(rows, biases[2 * pair + i], rtol=1e-5, atol=1e-7).all(1) for i in (0, 1))
        assert (first ^ second).all(), "a bias that is no entry of the pair"
        assert abs(first.mean() - 0.5) <= 6.1 * 0.5 / n**0.5  # binomial, one chance in 1e9


def test_nikon_entries_are_nearest_in_log_gain(published):
    """Between the geometric and the arithmetic mean of two gains, the upper is nearer in log K only."""
    shapes = published["eld/NikonD850"]["parameters"]["tukey_lambda_shapes"]
    step = 64 ** (1 / 7)
    for pair in range(7):
        low = 100 * step**pair
        for where, nearest in ((0.9 * step**0.5, pair), ((step**0.5 + (1 + step) / 2) / 2, pair + 1)):
            assert np.allclose(drawn("nikon_d850", low * where, **D850)["lam"], shapes[2 * nearest], rtol=1e-6)


def test_nikon_range_adds_the_scatter(published):
    source = published["eld/NikonD850"]["parameters"]["profiles"]["Profile-1"]
    n = 4000
    got = drawn("nikon_d850", (100, 6400), n, **D850)
    for name, line in (("scale_read", "read_tukey_lambda_scale"), ("sigma_row", "row_gaussian")):
        fit = source[line]
        residual = np.log(got[name]) - (fit["slope"] * np.log(got["K"]) + fit["bias"])
        s = fit["sigma_of_residual"]
        assert abs(residual.mean()) <= 6.1 * s / n**0.5
        assert abs(residual.std() / s - 1) <= 6.1 * (0.5 / n) ** 0.5
    a, b = (np.log(got[name]) - np.polyval(np.polyfit(np.log(got["K"]), np.log(got[name]), 1), np.log(got["K"]))
            for name in ("scale_read", "sigma_row"))  # fmt: skip
    assert abs(np.corrcoef(a, b)[0, 1]) <= 6.1 / n**0.5, "two parameters share their scatter"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"name": "sony", "iso": 800}, "camera is 'sony', wanted one of .*sony_a7r, .*sony_a7s2, .*canon_eos_5d4"),
        ({"name": "nikkon-D580", "iso": 800}, "camera is 'nikkon-D580', wanted one of nikon_d850, .*sony_a7s2"),
        ({"name": "IMX686", "iso": 800}, "camera is 'IMX686', wanted one of redmi_k30, redmi_k30_iso6400, "),
        ({"name": "sony_a7s2", "iso": 40}, "ISO is 40, wanted 50 to 25600, where sony_a7s2 was calibrated"),
        ({"name": "sony_a7s2", "iso": 51200}, "ISO is 51200, wanted 50 to 25600"),
        ({"name": "sony_a7s2", "iso": float("nan")}, "ISO is nan, wanted 50 to 25600"),
        (
            {"name": "sony_a7s2", "iso": 1800},
            "ISO is 1800, wanted within one gain branch of sony_a7s2: 50 to 1600, 2000",
        ),
        ({"name": "sony_a7s2", "iso": (800, 6400)}, "ISO is 800-6400, wanted within one gain branch"),
        ({"name": "sony_a7s2", "iso": (1600, 800)}, "ISO is 1600-800"),
        ({"name": "sony_a7s2", "iso": (800, 900, 1000)}, "wanted a number or"),
        ({"name": "nikon_d850", "iso": 12800, **D850}, "ISO is 12800, wanted 100 to 6400"),
        ({"name": "nikon_d850", "iso": 800}, "nikon_d850 has no black and white level in its source"),
        ({"name": "nikon_d850", "iso": 800, "black": 400}, "nikon_d850 has no white level in its source"),
        ({"name": "nikon_d850", "iso": 800, "black": 400, "white": 20000}, "white is 20000 DN, wanted at most 16383"),
    ],
)
def test_what_a_camera_cannot_do(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        presets.load(**arguments).draw([1])


def test_iso_may_be_a_list_and_must_be_a_number():
    assert presets.load("sony_a7s2", iso=[800, 1600]) == presets.load("sony_a7s2", iso=(800, 1600))
    for wrong in ("800", None, True, (800, "1600")):
        with pytest.raises(TypeError, match="wanted a number or"):
            presets.load("sony_a7s2", iso=wrong)


ALL = presets.names()
LEVELS = {"black": 64.0, "white": 1023.0}


def loaded(name: str, **setting) -> cn.Pipeline:
    """Any camera, with levels where it wants them."""
    camera = presets.describe(name)
    wants = camera.bits is not None and camera.white is None
    return presets.load(name, **setting, **(LEVELS if wants else {}))


def its_settings(name: str) -> list:
    camera = presets.describe(name)
    return [None] if camera.iso_range is None else sorted({*camera.isos(), *camera.iso_range})


@pytest.mark.parametrize("name", ALL)
def test_presets_say_where_they_come_from(name):
    camera = presets.describe(name)
    assert camera.source and camera.licence and camera.units and camera.notes  # noqa: PT018
    assert camera.name == name
    assert camera.licence in ("MIT", "Apache-2.0")
    assert f"{name}.json" in (ROOT / "NOTICE").read_text()


@pytest.mark.parametrize("name", ALL)
def test_presets_say_what_they_lack(name):
    """`missing` against the stages that a loaded camera has: all of them, and at both ends of its range."""
    camera = presets.describe(name)
    for iso in {its_settings(name)[0], its_settings(name)[-1]}:
        has = components(loaded(name, iso=iso).stages)
        assert {*camera.missing} == {*COMPONENTS} - has
    assert len(set(camera.missing)) == len(camera.missing)


def test_a_component_too_many_or_too_few_is_seen():
    camera = presets.describe("nikon_d850")
    stages = camera.sensor(800)
    for wrong, sentence in (
        (camera.missing[1:], "does not name 'pre-amplifier noise', but its numbers lack it"),
        ((*camera.missing, "row noise"), "does name 'row noise', but its numbers have it"),
    ):
        with pytest.raises(ValueError, match=sentence):
            check_missing(camera.model_copy(update={"missing": wrong}), stages)


@pytest.mark.parametrize("name", ALL)
def test_every_preset_works_over_its_range(name):
    """It loads, explains itself, goes through JSON, and exposes: finite, and in the mean near what came in."""
    camera = presets.describe(name)
    x = torch.full((1, 1, 32, 32), 0.4)
    for iso in its_settings(name):
        pipeline = loaded(name, iso=iso)
        assert pipeline.name == name
        assert pipeline.explain()
        assert cn.Pipeline.from_json(pipeline.model_dump_json()) == pipeline
        y = pipeline(x, [1], seed=3)
        assert y.isfinite().all()
        assert not torch.equal(y, x)
        drawn = pipeline.draw([1], seed=3).sample(0)
        nlf = heteroscedastic_form(drawn) if "K" in drawn else NLF(drawn["lambda_shot"], drawn["lambda_read"])
        # 1,024 pixels in 32 rows: the mean has the pixels' deviation over 32, rows and biases come on top.
        span = drawn.get("white", 1.0) - drawn.get("black", 0.0)
        bias = max(abs(drawn.get(f"bias_{site}", 0.0)) for site in ("R", "G1", "G2", "B")) / span
        rows = drawn.get("sigma_row", 0.0) / span / 32**0.5
        deviation = (nlf.lambda_shot * 0.4 + nlf.lambda_read) ** 0.5 / 32
        assert abs(float(y.mean()) - 0.4) <= bias + 6.1 * (rows + deviation + 0.007 * 0.4 / 32)
    if camera.iso_range is not None and camera.kind.startswith(("log", "nlf")):
        low, high = its_settings(name)[:2]
        assert loaded(name, iso=(low, high)).varies


def test_the_order_is_that_of_the_light():
    kinds = [stage.kind for stage in presets.load("sony_imx363", iso=100).stages]
    assert kinds == ["expose", "prnu", "shot", "full_well", "preamp_read", "gain", "quantize", "normalize"]
    kinds = [stage.kind for stage in loaded("sony_a7r3", iso=100).stages]
    assert kinds == ["expose", "shot", "preamp_read", "gain", "gaussian_read", "quantize", "normalize"]


LINES = [name for name in ALL if presets.describe(name).kind == "log_linear"]


@pytest.mark.parametrize("name", LINES)
def test_gain_at_both_ends_of_the_lines(name):
    """K_min and K_max, whatever the power of ISO between them, and also as the ends of a range."""
    camera = presets.describe(name)
    low, high = camera.iso_range
    for iso, K in ((low, camera.K_min), (high, camera.K_max)):
        assert loaded(name, iso=iso).draw([0]).sample(0)["K"] == pytest.approx(K, rel=1e-6)
    middle = loaded(name, iso=(low * high) ** 0.5).draw([0]).sample(0)["K"]
    assert middle == pytest.approx((camera.K_min * camera.K_max) ** 0.5, rel=1e-6)
    K = loaded(name, iso=(low, high)).draw(range(2000))["K"].double()
    assert camera.K_min * (1 - 1e-6) <= K.min()
    assert K.max() <= camera.K_max * (1 + 1e-6)
    # Log-uniform: none of 2,000 draws in the lowest or highest fiftieth has a chance of 2 * 0.98^2000 < 1e-17.
    reach = log(camera.K_max / camera.K_min) / 50
    assert log(K.min() / camera.K_min) < reach > log(camera.K_max / K.max())


def test_one_line_is_no_power_of_one():
    """Else the ends above could not tell a power from plain proportion."""
    camera = presets.describe("sony_imx385")
    assert camera.K_min * 25600 / 1600 > 1.1 * camera.K_max


def test_gain_from_the_full_well():
    """White over full well at unity gain: 1023 / 6000 DN per electron at ISO 55, and proportional."""
    for iso in (55, 110, 270):
        K = presets.load("sony_imx363", iso=iso).draw([0])["K"]
        assert float(K[0]) == pytest.approx(1023 / 6000 * iso / 55, rel=1e-6)


def test_the_full_well_lies_behind_the_converter():
    """White at each ISO that was calibrated, for the pedestal takes of the converter; the full well below ISO 51.6."""
    light = torch.full((1, 1, 64, 64), 8.0)
    for iso in presets.describe("sony_imx363").iso_range:
        assert bool((presets.load("sony_imx363", iso=iso)(light, [1]) == 1).all())
    for iso in (40, 50):
        camera = presets.load("sony_imx363", iso=iso, extrapolate=True)
        K = camera.draw([1]).sample(0)["K"]
        got = camera(light, [1]).double() * (1023 - 64) / K  # electrons
        # Read noise of 5 e- and a step of 1/K, 8 e- at most, on 4,096 pixels that hold 6,000 each.
        assert abs(float(got.mean()) - 6000) <= 6.1 * (25 + 1 / (12 * K**2)) ** 0.5 / 64


@pytest.mark.parametrize("iso", [50, 100])
def test_rounding_counts_twice(iso):
    """Published deviations of rounded frames stay; a dark of ours has the rounding of its own converter on top."""
    camera = presets.load("sony_a7s2", iso=iso)
    side = 512
    dark = camera(torch.zeros((1, 1, side, side)), [1], seed=5).double()[0, 0] * (16383 - 512)
    within = (dark - dark.mean(1, keepdim=True)).square().sum() / (side * (side - 1))  # without the row noise
    sigma = camera.draw([1]).sample(0)["sigma_read"]
    # Nearly normal (lam 0.147 at both): a variance of n pixels is known to sqrt(2/n); 6.1 of that is one chance in 1e9.
    bound = 6.1 * (2 / side**2) ** 0.5
    assert float(within) == pytest.approx(sigma**2 + 1 / 12, rel=bound)
    assert 1 / 12 / sigma**2 > 3 * bound, "it could not be told from the published deviation"


@pytest.mark.parametrize("name", [n for n in ALL if re.search("PMN|ELD", presets.describe(n).source)])
def test_notes_say_how_much_rounding_adds(name):
    camera = presets.describe(name)
    (note,) = (note for note in camera.notes if note.startswith("Quantization: "))
    assert ("does not say" in note) == ("ELD" in camera.source)
    stated = re.findall(r"([\d.]+) % (?:wider than sigma_read )?at ISO (\d+)", note)
    assert float(stated[0][1]) == camera.iso_range[0]
    for percent, iso in stated:
        sigma = loaded(name, iso=float(iso)).draw([0]).sample(0)["sigma_read"]
        assert float(percent) == pytest.approx(100 * ((1 + 1 / (12 * sigma**2)) ** 0.5 - 1), rel=0.05)  # two digits


def test_polynomials_of_a_range_are_those_of_each_iso():
    """A range goes through a table in K: each drawn pair (K, sigma) is that of the polynomials at one ISO."""
    camera = presets.describe("oppo_reno10x")
    (p0, p1), (q0, q1, q2) = camera.K_of_iso, camera.read_variance_of_iso
    table = presets.load("oppo_reno10x", iso=(100, 6400), extrapolate=True).draw(range(2000))
    K, sigma = (table[name].double().numpy() for name in ("K", "sigma_read"))
    iso = (K - p1) / p0
    assert iso.min() >= 100 * (1 - 1e-5)
    assert iso.max() <= 6400 * (1 + 1e-5)
    assert np.abs(sigma / np.sqrt((q0 * iso + q1) * iso + q2) - 1).max() <= 1e-3


def test_known_by_its_level_function_alone():
    one = presets.load("google_pixel", iso=400)
    (stage,) = one.stages
    row = presets.describe("google_pixel")
    assert (stage.lambda_shot, stage.lambda_read) == (row.lambda_shot[2], row.lambda_read[2])
    (dim,) = presets.load("google_pixel", iso=400, ratio=8).stages
    assert (dim.lambda_shot, dim.lambda_read) == pytest.approx((8 * stage.lambda_shot, 64 * stage.lambda_read))
    # A range between two neighbors: both parts on the line between their ends.
    table = presets.load("google_pixel", iso=(400, 800), ratio=2).draw(range(200))
    shot, read = (table[name].double().numpy() for name in ("lambda_shot", "lambda_read"))
    t = np.log(shot / (2 * row.lambda_shot[2])) / log(row.lambda_shot[3] / row.lambda_shot[2])
    assert t.min() >= -1e-5
    assert t.max() <= 1 + 1e-5
    assert np.allclose(read, 4 * row.lambda_read[2] * (row.lambda_read[3] / row.lambda_read[2]) ** t, rtol=1e-5)
    for arguments, sentence in (
        ({"iso": (100, 800)}, "ISO is 100-800, wanted one, or a range between two neighbors of the table"),
        ({"iso": 100, "black": 64}, "google_pixel is known where white = 1, wanted no black and no white"),
        ({"iso": 100, "ratio": Uniform(low=1, high=9)}, "wanted a number of 1 or more"),
        ({"iso": 100, "ratio": 0.5}, "ratio is 0.5, wanted a number of 1 or more"),
    ):
        with pytest.raises(ValueError, match=sentence):
            presets.load("google_pixel", **arguments)


def test_the_prior_has_no_iso():
    assert presets.load("generic_phone").stages == (cn.noise("nlf:brooks").stages[0],)
    with pytest.raises(ValueError, match="ISO is 800, wanted none: generic_phone has no ISO"):
        presets.load("generic_phone", iso=800)
    # Multiplied back from a shot r times darker: lambda_shot r, lambda_read r^2, image by image.
    one, dim = (presets.load("generic_phone", ratio=r).draw(range(50)) for r in (1, 30))
    assert np.allclose(dim["lambda_shot"], 30 * one["lambda_shot"], rtol=1e-5)
    assert np.allclose(dim["lambda_read"], 900 * one["lambda_read"], rtol=2e-5)


def test_beyond_what_was_calibrated():
    """Lines and formulas go on, tables along their last two entries; shapes stay, and branches do not mix."""

    def at(name, iso):
        return loaded(name, iso=iso, extrapolate=True).draw([0]).sample(0)

    # Inside, nothing changes.
    assert loaded("sony_a7s2", iso=700, extrapolate=True) == presets.load("sony_a7s2", iso=700)
    assert loaded("nikon_d850", iso=(100, 6400), extrapolate=True) == loaded("nikon_d850", iso=(100, 6400))
    line = presets.describe("nikon_d850")
    far, end = at("nikon_d850", 25600), at("nikon_d850", 6400)
    assert far["K"] == pytest.approx(4 * line.K_max, rel=1e-6)
    want = exp(line.tukey_scale.slope * log(far["K"]) + line.tukey_scale.bias)
    assert far["scale_read"] == pytest.approx(want, rel=1e-5)
    assert far["lam"] == end["lam"]
    last, before, far = (at("sony_a7s2", iso) for iso in (25600, 20000, 102400))
    power = log(last["sigma_read"] / before["sigma_read"]) / log(25600 / 20000)
    assert far["sigma_read"] == pytest.approx(last["sigma_read"] * 4**power, rel=1e-5)
    assert far["lam"] == pytest.approx(last["lam"])
    assert far["K"] == pytest.approx(4 * last["K"])
    # Between the branches, ISO 1600 | 2000: the nearer one in log ISO, 1789 being halfway.
    low, high = at("sony_a7s2", 1600), at("sony_a7s2", 2000)
    assert at("sony_a7s2", 1750)["sigma_read"] > low["sigma_read"]
    assert at("sony_a7s2", 1850)["sigma_read"] < high["sigma_read"]
    first, second, beyond = (at("google_pixel", iso) for iso in (100, 200, 50))
    assert beyond["lambda_read"] == pytest.approx(first["lambda_read"] ** 2 / second["lambda_read"], rel=1e-5)
    # A range that reaches out draws on the same line.
    K = loaded("sony_a7s2", iso=(20000, 51200), extrapolate=True).draw(range(300))
    assert float(K["K"].max()) > 1.5 * last["K"]
    for arguments, sentence in (
        ({"name": "sony_a7s2", "iso": (800, 6400)}, "ISO is 800-6400, wanted within one gain branch"),
        ({"name": "redmi_k30_iso6400", "iso": 3200}, "ISO is 3200, wanted 6400: one setting was measured"),
        ({"name": "sony_a7s2", "iso": 0}, "ISO is 0, wanted a number above 0"),
        ({"name": "sony_a7s2", "iso": float("inf")}, "ISO is inf, wanted a number above 0"),
        (
            {"name": "galaxy_s6", "iso": 1e6},
            r"lambda_shot of galaxy_s6 is 0.6.* at ISO 1e\+06: 1.46 electrons",
        ),
        ({"name": "galaxy_s6", "iso": (1600, 1e6)}, "lambda_shot of galaxy_s6 is .* wanted 20 to"),
        (
            {"name": "sony_imx363", "iso": 1e7},
            r"K of sony_imx363 is 31000 at ISO 1e\+07, so that 10 bits hold 0.033",
        ),
        ({"name": "oppo_reno10x", "iso": (1600, 1e7)}, "K of oppo_reno10x is .* wanted 20 to"),
    ):
        with pytest.raises(ValueError, match=sentence):
            presets.load(**arguments, extrapolate=True)


def test_levels_of_a_raw_file():
    raw = SimpleNamespace(black=(400.0, 400.5, 400.0, 400.0), white=15583.0)
    assert presets.load("nikon_d850", iso=800, levels=raw) == presets.load(
        "nikon_d850", iso=800, black=400.125, white=15583
    )
    with pytest.raises(ValueError, match="got levels and black or white"):
        presets.load("nikon_d850", iso=800, levels=raw, white=16000)
    assert presets.load("nikon_d850", iso=800, levels=SimpleNamespace(black=(400.0, 401.0), white=15583.0))
    for black, said in (((400.0, 512.0), "400, 512"), ((401.5, 401.0, 401.0, 400.0), "401.5, 401, 401, 400")):
        uneven = SimpleNamespace(black=black, white=15583.0)
        with pytest.raises(ValueError, match=f"levels has black levels {said}, wanted them within 1 DN"):
            presets.load("nikon_d850", iso=800, levels=uneven)
    for white in (4095.0, 16384.0):
        with pytest.raises(ValueError, match=f"levels has white {white:g} DN, wanted that of 14 bits, as nikon_d850"):
            presets.load("nikon_d850", iso=800, levels=SimpleNamespace(black=(127.0,), white=white))


def measured(**changes) -> MeasuredCamera:
    """A camera as `camnoise calibrate` writes it, of one point."""

    def about(value: float) -> Estimate:
        return Estimate(value=value, low=0.9 * value, high=1.1 * value)

    point = Point(iso=400, K=about(0.5), read=ReadNoise(law="gaussian", sigma=about(2.0)), sigma_row=about(0.3))
    fields = {
        **{"name": "mine", "title": "Mine", "source": "calibrated", "licence": "mine", "units": "DN", "cfa": "GRBG"},
        **{"bits": 12, "black": 128, "white": 4000, "iso_range": (400, 400), "points": (point,), "notes": ()},
    }
    return MeasuredCamera(**(fields | changes))


def test_a_calibrated_camera_is_a_preset(tmp_path, capsys):
    file = tmp_path / "mine.json"
    file.write_text(measured().model_dump_json())
    camera = presets.load(file, iso=400)
    assert camera == presets.load(str(file))  # one point: no need to say which
    kinds = ["expose", "shot", "gain", "gaussian_read", "banding", "quantize", "normalize"]
    assert ([stage.kind for stage in camera.stages], camera.cfa) == (kinds, "GRBG")
    with pytest.raises(ValueError, match="ISO is 800, wanted 400, where mine was calibrated"):
        presets.load(file, iso=800)
    assert run_command(["cameras", str(file)]) == 0
    assert "pre-amplifier noise, column noise, color bias" in " ".join(capsys.readouterr().out.split())
    unlabelled = measured().points[0].model_copy(update={"iso": None})
    file.write_text(measured(iso_range=None, points=(unlabelled,)).model_dump_json())
    assert presets.load(file) == camera
    with pytest.raises(ValueError, match="ISO is 400, wanted none: mine has no ISO"):
        presets.load(file, iso=400)
    assert run_command(["cameras", str(file)]) == 0
    file.write_text(measured().model_dump_json().replace('"gaussian"', '"laplace"'))
    with pytest.raises(ValueError, match=r"mine.json: .*law is 'laplace'"):
        presets.load(file)


def test_domains():
    camera = presets.load("sony_a7s2", iso=6400)
    x = torch.full((1, 3, 8, 8), 0.5)
    kinds = {
        ("raw", None): (["linearize", "mosaic"], [], 1),
        ("raw", "bilinear"): (["linearize", "mosaic"], ["demosaic"], 3),
        ("rgb", None): (["linearize"], [], 3),
    }
    sensor = [stage.kind for stage in camera.stages]
    for (domain, demosaic), (before, after, channels) in kinds.items():
        chain = place(camera, domain, demosaic)
        assert [stage.kind for stage in chain.stages] == [*before, *sensor, *after]
        assert chain(x, [1]).shape == (1, channels, 8, 8)
    for arguments, sentence in (
        ((camera, "srg"), "domain is 'srg', wanted one of raw, rgb"),
        ((camera, "raw", "nearest"), "demosaic is 'nearest', wanted one of bilinear"),
        ((camera, "rgb", "bilinear"), "demosaic is 'bilinear' in domain 'rgb', which has no mosaic"),
        ((cn.Pipeline(camera.stages, name="mono"), "raw"), r"camera mono has no filter array \(cfa\)"),
        ((place(camera, "rgb"), "rgb"), "takes encoded sRGB, wanted a sensor that takes scene-linear"),
    ):
        with pytest.raises(ValueError, match=sentence):
            place(*arguments)


def test_eld_draws_its_settings_jointly():
    """log K uniform, log scales around a line in log K, shape and bias from one entry nearest in K, ratio uniform."""
    sensor = presets.load("nikon_d850", iso=(100, 6400), black=800, white=16383, ratio=Uniform(low=100, high=300))
    findings = measure_parameters(sensor).findings
    assert [str(one) for one in findings if not one.holds] == []
    held = {one.what for one in findings}
    for name in ("K", "ratio", "scale_read", "sigma_row"):
        assert f"{name}: distribution, largest gap" in held
    for name in ("lam", "bias_R", "bias_G1", "bias_G2", "bias_B"):
        assert f"{name}: distance from its table at that gain" in held
    # Shape and biases come from one entry of the calibration: each pair of values is one of its rows.
    table, camera = sensor.draw(range(5000)), presets.describe("nikon_d850")
    columns = (camera.lam, camera.bias.R, camera.bias.G1, camera.bias.G2, camera.bias.B)
    rows = {tuple(np.float32(row).tolist()) for row in zip(*columns, strict=True)}
    names = ("lam", "bias_R", "bias_G1", "bias_G2", "bias_B")
    assert set(zip(*(table[name].tolist() for name in names), strict=True)) <= rows
