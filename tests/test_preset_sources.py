"""Every number of every preset is its source's, read again where the sources' numbers are at hand."""

import json
from math import exp, log

import pytest

from camnoise import presets

ELD = {
    "nikon_d850": "NikonD850",
    "canon_eos_5d4": "CanonEOS5D4",
    "canon_eos_700d": "CanonEOS700D",
    "canon_eos_70d": "CanonEOS70D",
    "sony_a7s2_eld": "SonyA7S2",
}
PHONES = {"iphone_7": "IP", "galaxy_s6": "S6", "google_pixel": "GP"}
SPLIT = {"sony_a7r": "SonyA7r1", "canon_t1": "CanonT1", "sony_a7r3": "SonyA7r3", "galaxy_s9": "SamsungS9"}
OTHERS = {
    "sony_a7s2": "pmn/SonyA7S2/per_iso",
    "redmi_k30": "pmn/IMX686",
    "redmi_k30_iso6400": "pmn/IMX686/per_iso",
    "sony_imx385": "pmn/CRVD_sensor",
    "oppo_reno10x": "pmrid/OPPO_Reno10x_IMX586",
    "generic_phone": "unprocessing/DND",
    "sony_imx363": "isetcam/IMX363",
}
ENTRY = (
    {name: f"eld/{file}" for name, file in ELD.items()}
    | {name: f"zhangyi3/{file}" for name, file in PHONES.items()}
    | {name: f"hdrutils/{file}" for name, file in SPLIT.items()}
    | OTHERS
)


@pytest.fixture(scope="module")
def sources(shared_data) -> dict:
    return json.loads((shared_data.parent / "camera_presets.json").read_text())


@pytest.fixture(scope="module")
def published(sources) -> dict:
    return {entry["id"]: entry for entry in sources["entries"]}


def line(fit: dict) -> dict[str, float]:
    return {"slope": fit["slope"], "bias": fit["bias"], "scatter": fit["sigma_of_residual"]}


def numbers(value: object) -> list[float]:
    """All numbers in a JSON value, in order."""
    if isinstance(value, dict):
        return [n for key in value for n in numbers(value[key])]
    if isinstance(value, list | tuple):
        return [n for one in value for n in numbers(one)]
    return [float(value)] if isinstance(value, int | float) else []


def wanted(name: str, published: dict) -> dict[str, object]:
    """What the fields of a preset must be, of its source's numbers alone."""
    given = published[ENTRY[name]]["parameters"]
    if name in ELD:
        fits, bias = given["profiles"]["Profile-1"], given["color_bias_DN"]
        count = len(given["tukey_lambda_shapes"])
        return {
            "K_min": given["K_min"],
            "K_max": given["K_max"],
            "tukey_scale": line(fits["read_tukey_lambda_scale"]),
            "sigma_row": line(fits["row_gaussian"]),
            "table_K": [given["K_min"] * 64 ** (i // 2 / (count // 2 - 1)) for i in range(count)],
            "lam": given["tukey_lambda_shapes"],
            # The source packs its planes R, G1, B, G2.
            "bias": {site: [row[at] for row in bias] for site, at in (("R", 0), ("G1", 1), ("G2", 3), ("B", 2))},
        }
    if name in PHONES:
        return {
            "iso": [float(iso) for iso in given],
            "lambda_shot": [row["lambda_shot"] for row in given.values()],
            "lambda_read": [row["lambda_read"] for row in given.values()],
        }
    if name in SPLIT:
        return {
            "K_at_iso_100": dict(zip("RGB", given["k_RGB"], strict=True)),
            "sigma_preamp_e": given["std_read_e"],
            "sigma_adc_e": given["std_adc_e"],
        }
    return {
        "sony_a7s2": _sony,
        "redmi_k30": _redmi,
        "redmi_k30_iso6400": _redmi_6400,
        "sony_imx385": _imx385,
        "oppo_reno10x": lambda p: {"K_of_iso": p["k(ISO)"], "read_variance_of_iso": p["s2(ISO)"]},
        "generic_phone": _brooks,
        "sony_imx363": _imx363,
    }[name](given)


def _sony(given: dict) -> dict[str, object]:
    rows = given["per_iso"]
    branches = [[iso for iso in rows if int(iso) <= 1600], [iso for iso in rows if int(iso) >= 2000]]
    columns = {"tukey_scale": "read_TL_scale", "lam": "tukey_lambda", "sigma_row": "row_sd"}
    return {
        "gain_per_iso": rows["1000"]["K"] / 1000,
        "branches": [
            {"iso": [float(iso) for iso in isos]}
            | {field: [rows[iso][column] for iso in isos] for field, column in columns.items()}
            | {"bias": None}
            for isos in branches
        ],
    }


def _redmi(given: dict) -> dict[str, object]:
    return {
        "K_min": exp(given["ln_K_min"]),
        "K_max": exp(given["ln_K_max"]),
        "tukey_scale": line(given["read_tukey_lambda_scale"]),
        "sigma_row": line(given["row_gaussian"]),
        "table_K": [exp(given["ln_K_max"])],
        "lam": [given["tukey_lambda_mean"]],
    }


def _redmi_6400(given: dict) -> dict[str, object]:
    row = given["6400"]
    scale, lam, rows = (
        sum(row[column]) / 4 for column in ("read_TL_scale_h5", "tukey_lambda_h5", "row_sd_h5")
    )  # of four planes
    r, g1, g2, b = row["color_bias_DN_RGGB"]
    bias = {"R": [r], "G1": [g1], "G2": [g2], "B": [b]}
    branch = {"iso": [6400.0], "tukey_scale": [scale], "lam": [lam], "sigma_row": [rows], "bias": bias}
    return {"gain_per_iso": row["K"] / 6400, "branches": [branch]}


def _imx385(given: dict) -> dict[str, object]:
    low, high = given["ln_K_min"], given["ln_K_max"]
    biases = given["color_bias_DN_per_iso"]
    return {
        "K_min": exp(low),
        "K_max": exp(high),
        "sigma_read": line(given["read_gaussian"]),
        "sigma_row": line(given["row_gaussian"]),
        "table_K": [exp(low + (high - low) * log(int(iso) / 1600) / log(16)) for iso in biases],
        "lam": [given["tukey_lambda_mean"]] * len(biases),
        "bias": {site: list(biases.values()) for site in ("R", "G1", "G2", "B")},
    }


def _brooks(given: dict) -> dict[str, object]:
    assert given["ln_shot"] == "U(ln 1e-4, ln 0.012)"
    assert given["ln_read"] == "Normal(2.18*ln_shot + 1.20, sd 0.26)"
    return {"lambda_shot_low": 1e-4, "lambda_shot_high": 0.012, "slope": 2.18, "bias": 1.20, "scatter": 0.26}


def _imx363(given: dict) -> dict[str, object]:
    return {
        "iso_at_unity_gain": given["iso_at_unity_gain"],
        "full_well_e": given["full_well_e"],
        "sigma_preamp_e": given["read_noise_e"],
        "sigma_prnu": given["prnu_percent"] / 100,
    }


def test_every_preset_has_its_source():
    assert set(ENTRY) == set(presets.names())


@pytest.mark.parametrize("name", sorted(ENTRY))
def test_every_number_is_its_sources(name, published):
    camera = presets.describe(name).model_dump()
    entry = published[ENTRY[name]]
    assert (camera["bits"], camera["black"], camera["white"]) == (
        (None, None, None)
        if entry["bit_depth"] is None
        else (entry["bit_depth"], entry["black_level"], entry["white_level"])
    )
    assert camera["licence"] in entry["licence"]
    if "cfa" in entry:
        assert camera["cfa"] == entry["cfa"]
    for part in ("repo", "file", "commit"):
        if part in entry["source"] and name not in ("redmi_k30_iso6400", "generic_phone"):
            assert entry["source"][part].split(":")[0] in camera["source"], part
    fields = wanted(name, published)
    own = {*type(presets.describe(name)).model_fields} - {*presets.Provenance.model_fields, "kind", "units"}
    assert set(fields) == {field for field in own if camera[field] is not None}, "a field that no source was found for"
    for field, value in fields.items():
        assert numbers(camera[field]) == pytest.approx(numbers(value), rel=1e-11), field


def test_the_walk_sees_one_wrong_digit(published):
    fields = wanted("nikon_d850", published)
    fields["bias"]["G2"][3] *= 1 + 1e-9
    camera = presets.describe("nikon_d850").model_dump()
    assert numbers(camera["bias"]) != pytest.approx(numbers(fields["bias"]), rel=1e-11)


def gain(name: str, iso: float) -> float:
    levels = {"black": 512, "white": 16383} if presets.describe(name).white is None else {}
    return float(presets.load(name, iso=iso, **levels).draw([0])["K"][0])


def test_published_cross_checks_hold(sources):
    """What the sources say of each other, in the units in which we load them: no factor of two, no logarithm."""
    checks = {check["what"]: check for check in sources["cross_checks"]}
    at_100 = checks["A7S2 K at ISO 100"]
    assert gain("sony_a7s2", 100) == pytest.approx(at_100["pmn"], rel=1e-3)
    assert gain("sony_a7s2_eld", 100) == pytest.approx(at_100["eld_Kmin"], rel=1e-3)
    assert gain("sony_a7s2_eld", 100) == pytest.approx(gain("sony_a7s2", 100), rel=0.02)
    assert gain("sony_a7s2", 100) == pytest.approx(at_100["sony_research"], rel=0.05)
    at_800 = checks["A7S2 K at ISO 800"]
    assert gain("sony_a7s2", 800) == pytest.approx(at_800["pmn"], rel=1e-3)
    assert at_800["zhangyi3"] / gain("sony_a7s2", 800) == pytest.approx(1.31, abs=0.005)  # as the notes say
    for iso, other, mapped in zip((800, 3200), *list(checks["D850 K at ISO 800/3200"].values())[1:], strict=True):
        assert gain("nikon_d850", iso) == pytest.approx(mapped, rel=1e-3)
        assert gain("nikon_d850", iso) == pytest.approx(other, rel=0.0115)  # "within 1.1 %"
    for iso, least in ((1600, 1.05), (3200, 1.08)):
        check = checks[f"A7S2 read sd ISO {iso}"]
        sigma = float(presets.load("sony_a7s2", iso=iso).draw([0])["sigma_read"][0])
        assert sigma == pytest.approx(check["pmn_table"], rel=0.0115)
        assert least < check["zhangyi3"] / check["pmn_table"] < least + 0.02


def test_what_the_d850_says_of_other_sources(published):
    """Ratios and deviations in its notes, of the preset's own Tukey line, which is not the source's Gaussian one."""
    camera = presets.describe("nikon_d850")
    text, lines = " ".join(camera.notes), published["eld/NikonD850"]["parameters"]["profiles"]
    isos, other = (800, 1600, 3200), published["zhangyi3/NikonD850"]["parameters"]
    gains = [gain("nikon_d850", iso) for iso in isos]
    sigma = [
        float(presets.load("nikon_d850", iso=iso, black=400, white=15583).draw([0])["sigma_read"][0]) for iso in isos
    ]
    ratios = [other[str(iso)]["read_sd"] / one for iso, one in zip(isos, sigma, strict=True)]
    normal = [exp(_at(lines["Profile-1"]["read_gaussian"], log(K))) for K in gains]
    assert f"{1 - ratios[0]:.0%} below this preset's".replace("%", " %") in text
    assert f"{ratios[1]:.2f} times it at 1600 and {ratios[2]:.2f} times it at 3200" in text
    assert "gives {:.2f}, {:.2f} and {:.2f} DN there".format(*normal) in text
    assert "this preset {:.2f}, {:.2f} and {:.2f}.".format(*sigma) in text
    first, second = (_at(lines[f"Profile-{i}"]["read_tukey_lambda_scale"], log(camera.K_max)) for i in (1, 2))
    assert f"{exp(second - first):.2f} times the read noise at ISO 6400" in text


def _at(fit: dict, x: float) -> float:
    return fit["slope"] * x + fit["bias"]


def test_darks_of_the_a7s2_are_wider_than_published(published):
    """Its deviations are of rounded frames: with our rounding 4 % above the source's at its lowest settings."""
    rows = published["pmn/SonyA7S2/per_iso"]["parameters"]["per_iso"]
    for iso, percent in ((50, 3.9), (100, 4.0), (200, 2.5), (2000, 1.0)):
        sigma = float(presets.load("sony_a7s2", iso=iso).draw([0])["sigma_read"][0])
        assert (sigma**2 + 1 / 12) ** 0.5 / rows[str(iso)]["read_gaussian_sd"] - 1 == pytest.approx(
            percent / 100, abs=6e-4
        )


def test_split_read_noise_is_the_sources_variance(published):
    """Var = x g k + (std_read g k)^2 + (std_adc k)^2: in the dark, of the parameters that we draw."""
    for name, file in SPLIT.items():
        given = published[f"hdrutils/{file}"]["parameters"]
        k = given["k_RGB"][1]
        for iso in (100, 400, 3200):
            g = iso / 100
            sensor = presets.load(name, iso=iso, black=16, white=2 ** presets.describe(name).bits - 1, extrapolate=True)
            drawn = sensor.draw([0]).sample(0)
            dark = (drawn["sigma_preamp"] * drawn["K"]) ** 2 + drawn["sigma_read"] ** 2
            assert drawn["K"] == pytest.approx(g * k, rel=1e-6)
            assert dark == pytest.approx(((given["std_read_e"] * g) ** 2 + given["std_adc_e"] ** 2) * k**2, rel=1e-5)


def test_brooks_worked_values(published):
    prior = presets.describe("generic_phone")
    for what, value in published["unprocessing/DND"]["parameters"]["worked_values"].items():
        shot = float(what.split()[1])
        assert exp(prior.slope * log(shot) + prior.bias) == pytest.approx(value["read_var"], rel=1e-3)
