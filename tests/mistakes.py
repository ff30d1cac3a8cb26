"""Cameras with one known mistake of the field each, and what `assert_noise` says of it.

The numbers in the names of the faults are those of the literature's list of mistakes: each was seen in published code.
"""

from dataclasses import replace
from typing import Literal

import torch

import camnoise as cn
from camnoise.distributions import Uniform
from camnoise.draws import normal, uniform
from camnoise.keys import Key, Lane, Stream
from camnoise.laws import NearestInGain
from camnoise.stage import Noise
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
            return super().apply(frame, replace(key, **changes), drawn)

    return Forgetful


class NoisyClean(cn.AdditiveUniform):
    """Its clean view has half the light."""

    def clean(self, frame, key, drawn):
        return frame.with_data(frame.data * 0.5)


class FollowsTheSample(cn.Banding):
    """Columns that belong to the picture instead of the body."""

    def apply(self, frame, key, drawn):
        return super().apply(frame, replace(key, body=key.sample), drawn)


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
