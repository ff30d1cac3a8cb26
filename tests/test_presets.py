"""The two cameras: their numbers are their sources', and ISO does what it says."""

import json
from math import exp, log

import numpy as np
import pytest
import torch

import camnoise as cn
from camnoise import presets
from camnoise.distributions import Uniform
from camnoise.domains import place
from camnoise.moments import tukey_lambda
from camnoise.testing.parameters import measure_parameters

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
        ({"name": "sony", "iso": 800}, "camera is 'sony', wanted one of nikon_d850, sony_a7s2"),
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


@pytest.mark.parametrize("name", presets.names())
def test_presets_say_where_they_come_from(name):
    camera = presets.describe(name)
    assert camera.source and camera.licence and camera.units and camera.notes  # noqa: PT018
    assert camera.name == name
    pipeline = presets.load(name, iso=800, **D850)
    assert pipeline.name == name
    assert cn.Pipeline.from_json(pipeline.model_dump_json()) == pipeline


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
