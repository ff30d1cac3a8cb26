"""Whole cameras, to the bit: the order of operations that every faster execution has to repeat.

`python tests/test_golden_cameras.py` writes the file anew, which is right only together with a
raised NOISE_VERSION (a change of any draw) and a word in the changelog.
"""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from contract import dark_frames, every_stage

import camnoise as cn
from camnoise.domains import place
from camnoise.laws import NUMBERS
from camnoise.light import decode_srgb

FILE = Path(__file__).parent / "golden" / "cameras.json"
IDS = ["a", 7, 2**64 - 1]
ADDRESS = {"seed": 2**63 + 5, "epoch": 3}
ORIGIN = torch.tensor([[0, 0], [33, 7], [4001, 65_001]])


def cameras() -> dict[str, cn.Pipeline]:
    """Between them every stage, every law, both kinds of columns, rounding and dither."""
    nikon = cn.presets.load("nikon_d850", iso=(100, 6400), black=400, white=15583, ratio=cn.LogUniform(low=1, high=300))
    return {
        "sony, one ISO, raw": place(cn.presets.load("sony_a7s2", iso=7000), "raw"),
        "sony, range, rgb": place(cn.presets.load("sony_a7s2", iso=(2000, 25600)), "rgb"),
        "nikon, range, raw, demosaiced": place(nikon, "raw", "bilinear"),
        "student, temporal columns, dither": cn.Pipeline(
            [
                cn.Expose(black=64, white=1023, ratio=2.0),
                cn.Shot(),
                cn.FullWell(electrons=cn.LogUniform(low=300, high=3000)),
                cn.Gain(K=cn.Fixed(value=0.37)),
                cn.StudentTRead(sigma=2.5, nu=cn.LogUniform(low=3, high=30)),
                cn.Banding(sigma_row=cn.LogUniform(low=0.2, high=2), sigma_col=0.9, columns="temporal"),
                cn.Quantize(bits=10, step=0.5, rounding="uniform"),
                cn.Normalize(),
            ]
        ),
        "gaussian, fixed columns, no converter": cn.Pipeline(
            [
                cn.Expose(black=0, white=255),
                cn.Shot(),
                cn.Gain(K=cn.LogUniform(low=0.01, high=20)),
                cn.GaussianRead(sigma=cn.LogLinear(slope=0.6, bias=0.1, scatter=0.3)),
                cn.ColorBias(R=0.3, G1=-0.1, G2=0.2, B=0.7),
                cn.Banding(sigma_row=0.3, sigma_col=0.4),
                cn.Normalize(),
            ],
            cfa="BGGR",
        ),
        "raw scales below any deviation": cn.Pipeline(
            [cn.Gain(K=2.0), cn.TukeyLambdaRead(scale=1.5, lam=-0.45)], name="scales"
        ),
        "every kind of sensor noise": cn.Pipeline(
            [
                cn.Expose(black=512, white=16383, ratio=cn.Uniform(low=1, high=30)),
                *(cn.PRNU(sigma=0.01), cn.DarkCurrent(current=5.0, seconds=cn.Normal(mean=9, sigma=1), spread=0.5)),
                *(cn.HotPixels(fraction=0.02, current=90.0), cn.Shot(), cn.PreampRead(sigma=3.0)),
                cn.Gain(K=cn.LogUniform(low=0.5, high=4)),
                cn.GaussianRead(
                    sigma=cn.BranchedLogLinear(K=(0.5, 2), slope=(0.5, 0.6), bias=(1, 0.2), scatter=(0.1, 0.2))
                ),
                *(cn.DSNU(sigma=1.5), cn.Banding(sigma_row=2.0, octaves=6)),
                cn.PeriodicBanding(sigma=cn.TruncatedNormal(mean=1, sigma=1, low=0, high=2), period=11.3),
                *(cn.Quantize(bits=14), cn.Normalize()),
            ]
        ),
        "dark frames": cn.Pipeline(
            [cn.Expose(black=512, white=4095), cn.Gain(K=2.0), dark_frames(), cn.Quantize(bits=12)], cfa="GRBG"
        ),
        "plain noises": cn.noise("poisson:5-50+gaussian:25+uniform:5+stripes:15-40+speckle:0.1+saltpepper:0.1+clip"),
        "rcl": cn.noise("nlf:rcl"),
        "a level": cn.noise("nlf:rcl_level+8bit"),
        "brooks, raw": place(cn.noise("nlf:brooks", cfa="RGGB"), "raw"),
        "thesis": cn.thesis(),
        "nikon, unprocessed, raw, developed": place(nikon, "raw", "bilinear", unprocess=True, develop=True),
        "a matrix of its own, rgb, developed": place(
            cn.noise("nlf:0.01,0.0004"),
            "rgb",
            unprocess=cn.Unprocess(dimming=1.25, matrix=((7, 2, 1), (1, 8, 1), (0, 3, 9)), curve="srgb"),
            develop=cn.Develop(brighten=False, cut_balanced=False, tone_curve=True, curve="srgb"),
        ),
    }


def digests(camera: cn.Pipeline, device: str = "cpu") -> dict[str, str]:
    """sha256 of two views, the clean view and the table of parameters of three images."""
    x, origin = pictures(camera).to(device), ORIGIN
    if isinstance(camera, cn.Pipeline) and any(isinstance(stage, cn.DarkFrames) for stage in camera.stages):
        x, origin = x[:, :1], None  # a small bank of one plane
    mean = camera.frame_mean(x) if camera.wants_mean else None
    made = camera.views(x, IDS, scheme="n2n", origin=origin, body="body", frame_mean=mean, **ADDRESS)
    table = torch.stack([made.parameters[0][name] for name in sorted(made.parameters[0])])
    return hashed({"views": made.views, "clean": made.clean, "parameters": table})


def pictures(camera: cn.Pipeline) -> torch.Tensor:
    x = torch.arange(3 * 3 * 64 * 70).reshape(3, 3, 64, 70) % 256 / torch.tensor(255.0)
    return x * 200 if camera.takes is cn.Pipeline([cn.Gain(K=1.0)]).takes else x


def hashed(parts: dict[str, torch.Tensor]) -> dict[str, str]:
    return {name: hashlib.sha256(part.cpu().contiguous().numpy().tobytes()).hexdigest() for name, part in parts.items()}


def schemes() -> dict[str, dict[str, str]]:
    """sha256 of what every scheme but n2n makes of the pictures, by one camera (or two)."""
    camera, other = cameras()["sony, range, rgb"], cameras()["nikon, range, raw, demosaiced"]
    made = {}
    for scheme in ("n2c", "n2n-free", "nrl", "rcl", "noisier:0.5", "burst:3:9"):
        pair = (camera, cn.Pipeline(other.stages, name="other")) if scheme == "nrl" else None
        views = camera.views(pictures(camera), IDS, scheme=scheme, origin=ORIGIN, cameras=pair, **ADDRESS)
        moves = {} if views.shifts is None else {"shifts": views.shifts, "valid": views.valid}
        made[scheme] = hashed({"views": views.views, "clean": views.clean, **moves})
    return made


def golden() -> dict:
    made = {name: digests(c) for name, c in cameras().items()}
    return {"noise_version": cn.NOISE_VERSION, "cameras": made, "schemes": schemes()}


@pytest.mark.parametrize("name", list(cameras()))
def test_cameras_are_the_golden_ones(name):
    pinned = json.loads(FILE.read_text())
    assert pinned["noise_version"] == cn.NOISE_VERSION
    assert digests(cameras()[name]) == pinned["cameras"][name]


def test_schemes_are_the_golden_ones():
    assert schemes() == json.loads(FILE.read_text())["schemes"]


def test_every_stage_is_in_a_golden_camera():
    pipelines = [p for c in cameras().values() for p in (c.pipelines if isinstance(c, cn.Mixture) else [c])]
    assert {type(stage) for pipeline in pipelines for stage in pipeline.stages} == set(every_stage())


def test_parameters_are_never_renumbered():
    """Shards on disk depend on these numbers: append only."""
    assert list(NUMBERS.items()) == [
        *(("K", 0), ("ratio", 1), ("sigma_read", 2), ("lam", 3), ("nu", 4), ("sigma_row", 5), ("sigma_col", 6)),
        *(("entry", 7), ("black", 8), ("white", 9), ("bits", 10), ("step", 11), ("full_well", 12)),
        *(("scale_read", 13), ("bias_R", 14), ("bias_G1", 15), ("bias_G2", 16), ("bias_B", 17)),
        *(("sigma_prnu", 18), ("dark_current", 19), ("exposure_time", 20), ("temperature", 21), ("dark_spread", 22)),
        *(("hot_fraction", 23), ("hot_current", 24), ("sigma_preamp", 25), ("sigma_dsnu", 26)),
        *(("sigma_periodic", 27), ("period", 28), ("lambda_shot", 29), ("lambda_read", 30), ("level", 31)),
        *(("shot_share", 32), ("sigma_gaussian", 33), ("peak", 34), ("speckle_variance", 35)),
        *(("impulse_fraction", 36), ("stripe_row", 37), ("stripe_col", 38), ("sigma_uniform", 39)),
        *(("dimming", 40), ("red_gain", 41), ("blue_gain", 42)),
        *(("ccm_0", 43), ("ccm_1", 44), ("ccm_2", 45), ("ccm_3", 46)),
    ]


def test_the_srgb_table_is_pinned():
    levels = decode_srgb(torch.arange(256) / torch.tensor(255.0))
    assert hashlib.sha256(levels.numpy().tobytes()).hexdigest()[:16] == "48a8f05136456237"


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1) + "\n")
    print(f"wrote {FILE}, noise version {cn.NOISE_VERSION}")
