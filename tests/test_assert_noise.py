"""`camnoise.testing.assert_noise`: right cameras pass it, and known mistakes of the field do not."""

from typing import Literal

import numpy as np
import pytest
import torch
from contract import camera, dark_frames, every_stage
from mistakes import FAULTS, RatioOnce30, biased, dim
from scipy import stats

import camnoise as cn
from camnoise.draws import uniform
from camnoise.laws import NearestInGain
from camnoise.stage import Noise
from camnoise.testing import Report, assert_noise, measure_noise
from camnoise.units import Unit


def everything() -> cn.Pipeline:
    """Every kind of noise that a sensor has."""
    return cn.Pipeline(
        [
            *(
                cn.Linearize(),
                cn.Mosaic(pattern="GBRG"),
                cn.Expose(black=512, white=16383, ratio=cn.Uniform(low=1, high=3)),
            ),
            *(cn.PRNU(sigma=0.01), cn.DarkCurrent(current=5.0, seconds=2.0, celsius=35.0, spread=0.5)),
            *(cn.HotPixels(fraction=0.01, current=10.0), cn.Shot(), cn.FullWell(electrons=1e5)),
            *(cn.PreampRead(sigma=3.0), cn.Gain(K=cn.LogUniform(low=0.5, high=4))),
            cn.StudentTRead(
                sigma=cn.BranchedLogLinear(K=(0.5, 2), slope=(0.5, 0.6), bias=(1, 0.2), scatter=(0.1, 0.2)), nu=6.0
            ),
            *(cn.DSNU(sigma=1.5), cn.ColorBias(R=cn.Normal(mean=1.0, sigma=0.5), G1=0.0, G2=0.3, B=-1.0)),
            cn.Banding(sigma_row=2.0, sigma_col=1.0, octaves=6),
            cn.PeriodicBanding(sigma=cn.TruncatedNormal(mean=1.0, sigma=0.5, low=0.2, high=1.8), period=11.3),
            *(cn.Quantize(bits=14), cn.Normalize()),
        ],
        name="everything",
    )


RIGHT = {
    "bench": camera(),
    "dim": dim(),
    "dithered": dim(quantize=cn.Quantize(bits=12, rounding="uniform")),
    "everything": everything(),
    "sony, a range": cn.presets.load("sony_a7s2", iso=(2000, 25600)),
    "nikon, planes": cn.place(
        cn.presets.load("nikon_d850", iso=(100, 6400), black=400, white=15583, ratio=cn.Uniform(low=1, high=100)), "rgb"
    ),
    "unprocessed, a mosaic": cn.place(dim(), "raw", unprocess=cn.Unprocess(red_gain=1.0, blue_gain=1.0), cfa="GRBG"),
    "temporal columns in octaves": cn.Pipeline(
        [cn.Banding(sigma_row=1.0, sigma_col=2.0, columns="temporal", octaves=3)]
    ),
    "a wave along columns": cn.Pipeline(
        [cn.PeriodicBanding(sigma=3.0, period=cn.LogUniform(low=3, high=50), axis="columns")]
    ),
    "a table": cn.Pipeline(
        [
            cn.Gain(K=cn.LogUniform(low=0.1, high=10)),
            cn.GaussianRead(sigma=cn.InterpolatedInGain(K=(0.05, 20), values=(2, 9), log_values=True)),
        ]
    ),
    **{
        name: cn.noise(name)
        for name in (
            *(
                "gaussian:25",
                "gaussian:5-50",
                "poisson:30",
                "poisson:5-50",
                "uniform:10",
                "stripes:15-40",
                "speckle:0.1",
            ),
            *("impulse:0.2", "saltpepper:0.1", "nlf:rcl", "nlf:rcl_level", "nlf:brooks", "nlf:0.01,0.0004", "thesis"),
            *("poisson:30+gaussian:60+impulse:0.2", "gaussian:2+clip", "gaussian:2+8bit"),
        )
    },
    "normal speckle": cn.Pipeline([cn.Speckle(variance=0.02, law="normal")]),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_cameras_pass(name):
    levels = (0.3, 0.5) if "+" in name else None  # away from where clipping begins
    size = {"images": 4, "side": 128} if name == "thesis" else {}  # eight cameras in one
    assert assert_noise(RIGHT[name], levels=levels, **size).findings


def test_every_stage_is_measured():
    """But those that look at their neighbors, at other planes, or at real frames, and so state no moments."""
    pipelines = [one for c in RIGHT.values() for one in (c.pipelines if isinstance(c, cn.Mixture) else [c])]
    measured = {type(stage) for pipeline in pipelines for stage in pipeline.stages}
    assert set(every_stage()) - measured == {cn.Demosaic, cn.Develop, cn.DarkFrames}


def test_a_camera_that_says_nothing_is_refused():
    for stage in (cn.Demosaic(), dark_frames()):
        with pytest.raises(ValueError, match=f"{type(stage).__name__} states no moments of a flat field"):
            measure_noise(cn.Pipeline([stage], cfa="BGGR"))
    coarse = [
        cn.Expose(black=512, white=16383),
        cn.Gain(K=1.0),
        cn.GaussianRead(sigma=10.0),
        cn.Quantize(bits=14, step=16),
    ]
    with pytest.raises(
        ValueError, match="Quantize states no moments of temporal noise under 0.75 of its step of 16 DN"
    ):
        measure_noise(cn.Pipeline(coarse))
    coarse[2] = cn.GaussianRead(sigma=12.5)
    assert_noise(cn.Pipeline(coarse), levels=(0.0, 8 / 15871), side=512)  # on a step, and half-way between two
    with pytest.raises(ValueError, match="Clip clips a flat field of mean 0.02"):
        measure_noise(cn.noise("gaussian:25+clip"), levels=(0.02,))
    with pytest.raises(TypeError, match="measure_noise got a Gain, wanted a Pipeline or a Mixture"):
        measure_noise(cn.Gain(K=1.0))
    with pytest.raises(ValueError, match="side is 33"):
        measure_noise(dim(), side=33)


# --- known mistakes


@pytest.mark.parametrize("name", FAULTS)
def test_known_mistakes_are_found(name):
    wrong, finding = FAULTS[name]
    with pytest.raises(AssertionError, match=finding):
        assert_noise(wrong)


def test_the_right_forms_of_the_mistakes_pass():
    """So that it is the fault that was found, and nothing about the camera that carries it."""
    right = RatioOnce30(power=2)
    for one in (cn.Pipeline([right]), biased(NearestInGain), dim(read=cn.TukeyLambdaRead(sigma=1.5, lam=-0.243))):
        assert_noise(one)


def test_a_biased_choice_is_found():
    class Biased(cn.Mixture):
        def _choose(self, key):
            return (super()._choose(key) + super()._choose(key.at(key.view + 1))).clamp(max=1)

    two = [cn.noise("gaussian:5"), cn.noise("gaussian:50")]
    assert_noise(cn.Mixture(two, [3, 1]))
    with pytest.raises(AssertionError, match="images of gaussian:5: 11[0-9]{3}, stated 15000"):
        assert_noise(Biased(two, [3, 1]))


class Own(Noise):
    """Noise of a law of one's own, drawn as one's own."""

    kind: Literal["own"] = "own"
    takes = (Unit.DN,)
    law: Literal["shifted", "counts", "laplace", "box_muller"] = "laplace"

    @property
    def dice(self):
        return ((64, 0), (64, 1)) if self.law == "box_muller" else ((64, 0),)

    def apply(self, frame, key, drawn):
        words = key.words(frame, 64)
        u = uniform(words[0]).double().numpy()
        if self.law == "box_muller":
            made = np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * uniform(words[1]).double().numpy())
        elif self.law == "counts":  # scipy's own inverse takes a minute
            made = np.searchsorted(stats.poisson.cdf(np.arange(40), 4.0), u).astype(np.float64)
        else:
            made = Own.noise(self, drawn).ppf(u)
        return frame.with_data(frame.data + torch.from_numpy(made).float())

    def noise(self, drawn):
        return {
            "shifted": stats.expon(scale=3.0),
            "counts": stats.poisson(4.0),
            "laplace": stats.laplace(0.0, 2.0),
            "box_muller": stats.norm(),
        }[self.law]

    def expect(self, flat, drawn):
        mean, variance, excess = (float(x) for x in self.noise(drawn).stats("mvk"))
        return flat.shifted(mean).noisier("pixel", variance, excess * variance**2)


@pytest.mark.parametrize("law", ["shifted", "counts", "laplace", "box_muller"])
def test_laws_of_ones_own_are_held_to(law):
    """With a mean, discrete, positional arguments, two words: right ones pass, and others of their moments do not."""
    assert_noise(cn.Pipeline([Own(law=law)]))

    class Other(Own):
        def noise(self, drawn):
            right = super().noise(drawn)
            return stats.logistic(right.mean(), right.std() * 3**0.5 / np.pi)

    with pytest.raises(AssertionError, match="Other: distribution, largest gap"):
        assert_noise(cn.Pipeline([Other(law=law)]))


@pytest.mark.parametrize(
    "chain",
    [
        [cn.Banding(sigma_row=2.0, octaves=10)],
        [cn.PeriodicBanding(sigma=3.0, period=500.0), cn.GaussianRead(sigma=1.0)],
        [cn.DarkCurrent(current=1.0, seconds=10.0), cn.HotPixels(fraction=0.01, current=1000.0), cn.Shot()],
        [cn.DarkCurrent(current=10.0, seconds=10.0, spread=3.0), cn.Shot()],
        [cn.StudentTRead(sigma=2.0, nu=4.3)],
    ],
    ids=lambda chain: type(chain[0]).__name__,
)
def test_awkward_but_right_cameras_pass(chain):
    """Slow rows, waves longer than the frame, pixels of very different rates, tails without a fourth moment."""
    for seed in range(3):
        assert_noise(cn.Pipeline(chain), seed=seed, images=4, side=128)


def test_a_report_reads_well():
    report = measure_noise(dim(), levels=(0.0, 0.5), images=4, side=64)
    assert isinstance(report, Report)
    assert not report.failures
    assert "variance of rows at 0.5, plane 2: " in str(report)
    assert "bounds" in str(report)
    high = measure_noise(dim(), levels=(0.1, 30.0), images=2, side=64)
    assert any("level 30: Quantize clips a flat field" in what for what in high.left_out)
    assert str(high).splitlines()[0] == f"{len(high.findings)} hold"


def test_bounds_are_those_of_the_error_they_name():
    """Over many seeds the standardised errors of right cameras are those of a unit normal: neither wide nor narrow."""
    scores = []
    for seed in range(40):
        for finding in measure_noise(dim(), levels=(0.0, 0.2), images=4, side=64, seed=seed).findings:
            if "variance of" in finding.what or finding.what.startswith("mean"):
                reach = (finding.high if finding.measured > finding.stated else finding.low) - finding.stated
                scores.append((finding.measured - finding.stated) / abs(reach))
    root_mean_square = float(np.sqrt(np.mean(np.square(scores)))) * float(stats.norm.isf(0.5e-9))
    assert 0.75 < root_mean_square < 1.2
