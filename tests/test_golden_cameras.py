"""Whole cameras, to the bit: the order of operations that every faster execution has to repeat.

`python tests/test_golden_cameras.py` writes the file anew, which is right only together with a
raised NOISE_VERSION (a change of any draw) and a word in the changelog.
"""

import hashlib
import json
from pathlib import Path

import pytest
import torch

import camnoise as cn
from camnoise.domains import place
from camnoise.laws import NUMBERS
from camnoise.light import decode_srgb

FILE = Path(__file__).parent / "golden" / "cameras.json"
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
    }


def digests(camera: cn.Pipeline) -> dict[str, str]:
    """sha256 of two views, the clean view and the table of parameters of three images."""
    x = torch.arange(3 * 3 * 64 * 70).reshape(3, 3, 64, 70) % 256 / torch.tensor(255.0)
    if camera.takes is cn.Pipeline([cn.Gain(K=1.0)]).takes:
        x = x * 200
    made = camera.views(x, ["a", 7, 2**64 - 1], scheme="n2n", seed=2**63 + 5, epoch=3, origin=ORIGIN, body="body")
    table = torch.stack([made.parameters[0][name] for name in sorted(made.parameters[0])])
    parts = {"views": made.views, "clean": made.clean, "parameters": table}
    return {name: hashlib.sha256(part.contiguous().numpy().tobytes()).hexdigest() for name, part in parts.items()}


def golden() -> dict:
    return {"noise_version": cn.NOISE_VERSION, "cameras": {name: digests(c) for name, c in cameras().items()}}


@pytest.mark.parametrize("name", list(cameras()))
def test_cameras_are_the_golden_ones(name):
    pinned = json.loads(FILE.read_text())
    assert pinned["noise_version"] == cn.NOISE_VERSION
    assert digests(cameras()[name]) == pinned["cameras"][name]


def test_every_stage_is_in_a_golden_camera():
    from contract import every_stage

    assert {type(stage) for camera in cameras().values() for stage in camera.stages} == set(every_stage())


def test_parameters_are_never_renumbered():
    """Shards on disk depend on these numbers: append only."""
    assert list(NUMBERS.items()) == [
        *(("K", 0), ("ratio", 1), ("sigma_read", 2), ("lam", 3), ("nu", 4), ("sigma_row", 5), ("sigma_col", 6)),
        *(("entry", 7), ("black", 8), ("white", 9), ("bits", 10), ("step", 11), ("full_well", 12)),
        *(("scale_read", 13), ("bias_R", 14), ("bias_G1", 15), ("bias_G2", 16), ("bias_B", 17)),
    ]


def test_the_srgb_table_is_pinned():
    levels = decode_srgb(torch.arange(256) / torch.tensor(255.0))
    assert hashlib.sha256(levels.numpy().tobytes()).hexdigest()[:16] == "48a8f05136456237"


if __name__ == "__main__":
    FILE.write_text(json.dumps(golden(), indent=1) + "\n")
    print(f"wrote {FILE}, noise version {cn.NOISE_VERSION}")
