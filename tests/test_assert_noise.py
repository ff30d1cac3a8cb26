"""`camnoise.testing.assert_noise`: right cameras pass it, and known mistakes of the field do not.

The numbers in the names of the faults are those of the literature's list of mistakes: each was seen in published code.
"""

from dataclasses import replace
from typing import Literal

import numpy as np
import pytest
import torch
from contract import camera, dark_frames, every_stage
from scipy import stats

import camnoise as cn
from camnoise.distributions import Uniform
from camnoise.draws import normal, uniform
from camnoise.keys import Key, Lane, Stream
from camnoise.laws import NearestInGain
from camnoise.stage import Noise
from camnoise.testing import Report, assert_noise, measure_noise
from camnoise.units import Unit


def dim(**changes) -> cn.Pipeline:
    """A sensor whose read noise is about a step of its converter, where the faults below weigh most."""
    chain = {
        "expose": cn.Expose(black=64, white=1023, ratio=4.0),
        "prnu": cn.PRNU(sigma=0.005),
        "shot": cn.Shot(),
        "gain": cn.Gain(K=2.0),
        "read": cn.GaussianRead(sigma=1.5),
        "banding": cn.Banding(sigma_row=1.0, sigma_col=0.5),
        "quantize": cn.Quantize(bits=12),
        "normalize": cn.Normalize(),
    }
    return cn.Pipeline([*{**chain, **changes}.values()], name="dim")


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
    """But those that look at their neighbors, or at real frames, and so state no moments."""
    pipelines = [one for c in RIGHT.values() for one in (c.pipelines if isinstance(c, cn.Mixture) else [c])]
    measured = {type(stage) for pipeline in pipelines for stage in pipeline.stages}
    assert set(every_stage()) - measured == {cn.Demosaic, cn.DarkFrames}


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


class VarianceForDeviation8(cn.GaussianRead):
    def apply(self, frame, key, drawn):
        sigma = drawn.per_image("sigma_read", frame)
        return frame.with_data(frame.data + normal(key.words(frame)[Lane.READ]) * sigma * sigma)


class ScaleForDeviation17(cn.TukeyLambdaRead):
    def apply(self, frame, key, drawn):
        return super().apply(frame, key, drawn.joined({"scale_read": drawn["sigma_read"]}))


class AsymmetricTail19(cn.TukeyLambdaRead):
    """A float32 uniform plus 1e-10: the left tail reaches 1e-10, the right one stops at 2^-24."""

    def apply(self, frame, key, drawn):
        u = ((key.words(frame)[Lane.READ] >> 8) & 0xFFFFFF).double() * 2.0**-24 + 1e-10
        u = u.clamp(max=1 - 2.0**-24).numpy()
        lam = float(drawn["lam"][0])
        q = torch.from_numpy((u**lam - (1 - u) ** lam) / lam).float()
        return frame.with_data(frame.data + q * drawn.per_image("scale_read", frame))


class QuantizedTwice26(cn.Quantize):
    @property
    def dice(self):
        return ((Stream.PIXEL, Lane.ROUND),)

    def apply(self, frame, key, drawn):
        dither = (uniform(key.words(frame)[Lane.ROUND]) - 0.5) * self.step
        return super().apply(frame.with_data(frame.data + dither), key, drawn)


class Truncated26(cn.Quantize):
    def apply(self, frame, key, drawn):
        return super().apply(frame.with_data(frame.data - 0.5), key, drawn)


class RowsPerPackedPlane24(cn.Banding):
    """Even and odd columns of one row get offsets of their own, as two packed planes do."""

    @property
    def dice(self):
        return ((Stream.ROW, 0), (Stream.ROW, 1), (Stream.COLUMN_FIXED, 0))

    def apply(self, frame, key, drawn):
        sigma = drawn.per_image("sigma_row", frame)
        words = key._call(Stream.ROW, frame.rows()[:, None] << 16, 0)
        odd = (frame.columns()[:, None] % 2).bool()
        rows = torch.where(odd, normal(words[1]), normal(words[0])) * sigma
        columns = normal(key.column_words(frame, Stream.COLUMN_FIXED)) * drawn.per_image("sigma_col", frame)
        return frame.with_data(frame.data + rows + columns)


class RowsSharedByTheBatch24(cn.Banding):
    def apply(self, frame, key, drawn):
        return super().apply(frame, Key(key.seed, key.sample[:1].expand(len(key.sample)), key.body, key.view), drawn)


class ClippedAtBlack28(cn.Normalize):
    def apply(self, frame, key, drawn):
        made = super().apply(frame, key, drawn)
        return made.with_data(made.data.clamp(min=0.0))


class RatioOnce30(Noise):
    """Light r times under-exposed and multiplied back, whose read variance grows with r and not with its square."""

    kind: Literal["ratio_once"] = "ratio_once"
    takes = (Unit.LINEAR,)

    @property
    def dice(self):
        return ((Stream.PIXEL, Lane.READ),)

    power: int = 1
    ratio: float = 4.0

    def apply(self, frame, key, drawn):
        variance = frame.data * (0.001 * self.ratio) + 1e-4 * self.ratio**self.power
        return frame.with_data(frame.data + normal(key.words(frame)[Lane.READ]) * variance.sqrt())

    def expect(self, flat, drawn):
        return flat.noisier("pixel", 0.001 * self.ratio * flat.mean + 1e-4 * self.ratio**2)


class Brightens14(cn.AdditiveGaussian):
    """What is added is a count, and so never negative."""

    def apply(self, frame, key, drawn):
        made = super().apply(frame, key, drawn)
        return made.with_data(frame.data + (made.data - frame.data).abs())


class UniformFromZero8(cn.AdditiveUniform):
    def apply(self, frame, key, drawn):
        width = drawn.per_image("sigma_uniform", frame) * 12**0.5
        return frame.with_data(frame.data + uniform(key.words(frame, Stream.UNIFORM)[0]) * width)


class OneScalarPerImage21(cn.GaussianRead):
    @property
    def dice(self):
        return ((Stream.PIXEL, Lane.READ),)

    def apply(self, frame, key, drawn):
        word = key.image_words(Stream.PIXEL)[Lane.READ]
        return frame.with_data(frame.data + normal(word) * drawn.per_image("sigma_read", frame))


class RepeatedWorkerSeed1(cn.GaussianRead):
    """Every worker, and every call, starts from one seed."""

    def apply(self, frame, key, drawn):
        noise = torch.randn(frame.data.shape, generator=torch.Generator().manual_seed(2147483648))
        return frame.with_data(frame.data + noise * drawn.per_image("sigma_read", frame))


class SameInBothViews(cn.GaussianRead):
    """Seeds by sample and forgets the view: Noise2Noise then learns the identity."""

    def apply(self, frame, key, drawn):
        return super().apply(frame, key.at(1), drawn)


class LinearInSignal8(cn.Heteroscedastic):
    def apply(self, frame, key, drawn):
        shot, read = (drawn.per_image(name, frame) for name in ("lambda_shot", "lambda_read"))
        deviation = frame.data * shot + read
        return frame.with_data(frame.data + normal(key.words(frame)[Lane.READ]) * deviation)


class DoubledResponse16(cn.PRNU):
    """1 + a log-normal factor: its mean is 2."""

    def apply(self, frame, key, drawn):
        made = super().apply(frame, key, drawn)
        return made.with_data(frame.data + made.data)


class Smeared(cn.GaussianRead):
    """Noise that its neighbor shares, as after demosaicing."""

    def apply(self, frame, key, drawn):
        word = key._call(Stream.PIXEL, frame.rows()[:, None] << 16 | (frame.columns()[:, None] >> 1), 0)[Lane.READ]
        return frame.with_data(frame.data + normal(word) * drawn.per_image("sigma_read", frame))


class LinearlyIndexed27(NearestInGain):
    """The entry at (K - first) / (last - first) of the table, as if its gains were evenly spaced."""

    def sample(self, words, entry, given):
        place = (given - self.K[0]) / (self.K[-1] - self.K[0]) * (len(self.K) - 1)
        return torch.tensor(self.values)[place.round().long().clamp(0, len(self.K) - 1)]


class PerBatch(Uniform):
    """One value for all images of a batch."""

    def sample(self, words, entry, given):
        return super().sample(words, entry, given)[:1].expand(words.shape[1]).clone()


class GrayNoise(cn.AdditiveGaussian):
    """One draw for all planes of a pixel."""

    def apply(self, frame, key, drawn):
        word = key._call(Stream.GAUSSIAN, (frame.rows() << 16 | frame.columns())[:, None], 0)[0]
        return frame.with_data(frame.data + normal(word) * drawn.per_image("sigma_gaussian", frame))


class RowsPerPlane24(cn.Stripes):
    """Every plane has rows of its own, as if it had come from another sensor."""

    def apply(self, frame, key, drawn):
        planes = torch.arange(frame.data.shape[1])[None, :, None, None]
        rows = normal(key._call(Stream.ROW, frame.rows()[:, None] << 16, planes)[0])
        columns = normal(key.column_words(frame, Stream.COLUMN)) * drawn.per_image("stripe_col", frame)
        return frame.with_data(frame.data + rows * drawn.per_image("stripe_row", frame) + columns)


def forgetful(part: str) -> type[cn.GaussianRead]:
    """Read noise that ignores one part of its address."""

    class Forgetful(cn.GaussianRead):
        def apply(self, frame, key, drawn):
            changes = {
                "seed": {"seed": 0},
                "epoch": {"epoch": None},
                "high id": {"sample": key.sample & 0xFFFFFFFF},
                "parity": {"view": (key.view - 1) % 2 + 1},
            }[part]
            return super().apply(frame, replace(key, _last={}, **changes), drawn)

    return Forgetful


class NoisyClean(cn.AdditiveUniform):
    """Its clean view has half the light."""

    def clean(self, frame, key, drawn):
        return frame.with_data(frame.data * 0.5)


class FollowsTheSample(cn.Banding):
    """Columns that belong to the picture instead of the body."""

    def apply(self, frame, key, drawn):
        return super().apply(frame, replace(key, _last={}, body=key.sample), drawn)


def biased(table: type[NearestInGain]) -> cn.Pipeline:
    gains = tuple(2.0**n for n in range(6))
    bias = table(K=gains, values=(-2.0, -1.0, 0.0, 1.0, 2.0, 3.0))
    stages = [
        cn.Gain(K=cn.LogUniform(low=1, high=32)),
        cn.GaussianRead(sigma=2.0),
        cn.ColorBias(R=bias, G1=0, G2=0, B=0),
    ]
    return cn.Pipeline(stages, cfa="RGGB")


FAULTS = {
    "variance used as deviation": (dim(read=VarianceForDeviation8(sigma=1.5)), "distribution, largest gap"),
    "scale taken for the deviation": (dim(read=ScaleForDeviation17(sigma=1.5, lam=-0.1)), "variance of pixels at 0"),
    "asymmetric tail": (dim(read=AsymmetricTail19(sigma=1.5, lam=-0.243)), "reach of the lower tail"),
    "quantised twice": (dim(quantize=QuantizedTwice26(bits=12)), "variance of pixels at 0"),
    "truncated": (dim(quantize=Truncated26(bits=12)), "mean at 0"),
    "row noise per packed plane": (dim(banding=RowsPerPackedPlane24(sigma_row=1.0)), "variance of rows at 0"),
    "row noise shared by the batch": (dim(banding=RowsSharedByTheBatch24(sigma_row=1.0)), "depends on the batch"),
    "clipped at black": (dim(normalize=ClippedAtBlack28()), "mean at 0"),
    "wrong power of the ratio": (cn.Pipeline([RatioOnce30()]), "photon transfer: intercept"),
    "mean not preserved": (cn.Pipeline([Brightens14(sigma=0.1)]), "mean at 0.1"),
    "uniform from zero": (cn.Pipeline([UniformFromZero8(sigma=0.1)]), "mean at 0.1"),
    "one scalar per image": (
        dim(read=OneScalarPerImage21(sigma=1.5)),
        "crop then noise is not noise then crop|variance of pixels",
    ),
    "repeated worker seed": (dim(read=RepeatedWorkerSeed1(sigma=1.5)), "depends on"),
    "same noise in both views": (dim(read=SameInBothViews(sigma=1.5)), "covariance of two views at 0"),
    "deviation linear in the signal": (
        cn.Pipeline([LinearInSignal8(lambda_shot=0.01, lambda_read=0.01)]),
        "photon transfer: slope",
    ),
    "response of mean 2": (dim(prnu=DoubledResponse16(sigma=0.01)), "mean at 0.05"),
    "smeared": (dim(read=Smeared(sigma=1.5)), "product of a pixel and its right neighbor"),
    "bias indexed linearly in K": (biased(LinearlyIndexed27), "bias_R: distance from its table"),
    "one noise for all planes": (cn.Pipeline([GrayNoise(sigma=0.1)]), "covariance of different planes"),
    "row noise per plane": (cn.Pipeline([RowsPerPlane24(sigma_row=0.1)]), "covariance of the rows of two planes"),
    "seed ignored": (dim(read=forgetful("seed")(sigma=1.5)), "covariance of exposures of another seed"),
    "epoch ignored": (dim(read=forgetful("epoch")(sigma=1.5)), "covariance of exposures of another epoch"),
    "half of the id ignored": (dim(read=forgetful("high id")(sigma=1.5)), "of another id in its high half"),
    "views 1 and 3 alike": (dim(read=forgetful("parity")(sigma=1.5)), "covariance of exposures of another view"),
    "columns of the picture": (
        cn.Pipeline([FollowsTheSample(sigma_row=1.0, sigma_col=1.0)]),
        "covariance of columns of exposures of another id",
    ),
    "a dark clean view": (cn.Pipeline([NoisyClean(sigma=0.1)]), "distance of the clean view"),
    "one level per batch": (
        cn.Pipeline([cn.GaussianRead(sigma=PerBatch(low=1, high=9))]),
        "an image alone has other noise than in a batch",
    ),
}


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
