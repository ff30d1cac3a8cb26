"""One contract for every stage of the library, and a planted violation of each promise."""

import multiprocessing
import os
import zlib

import pytest
import torch
from contract import camera, check_stage, dark_frames, every_stage, frame_for, parameters, photographs, stages
from hypothesis import given, settings
from hypothesis import strategies as st

import camnoise as cn
from camnoise.draws import normal as cn_normal
from camnoise.frame import Frame
from camnoise.keys import Key, Lane, Stream
from camnoise.readout import GaussianRead
from camnoise.stage import Parameters
from camnoise.units import Unit


@pytest.mark.parametrize("kind", every_stage(), ids=lambda kind: kind.__name__)
@given(data=st.data(), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=25)
def test_every_stage_keeps_its_promises(kind, data, seed):
    check_stage(data.draw(stages(kind)), seed)


def test_every_stage_is_found():
    assert {kind.__name__ for kind in every_stage()} >= {
        *("Linearize", "Mosaic", "Expose", "Shot", "FullWell", "Gain", "GaussianRead", "TukeyLambdaRead"),
        *("StudentTRead", "ColorBias", "Banding", "Quantize", "Normalize", "Demosaic", "Unprocess", "Develop"),
    }


class _Faulty(GaussianRead):
    """Read noise with a fault in one line."""

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame.with_data(frame.data + self.noise(frame, key))


class GlobalState(_Faulty):
    def noise(self, frame, key):
        return torch.randn(frame.data.shape)


class InPlace(_Faulty):
    def apply(self, frame, key, drawn):
        frame.data.add_(super(_Faulty, self).apply(frame, key, drawn).data)
        return frame


class PerBatch(_Faulty):
    def noise(self, frame, key):
        generator = torch.Generator().manual_seed(key.seed % 2**62)
        return torch.randn(frame.data.shape, generator=generator)


class ByPlace(_Faulty):
    """Right for an image alone; in a batch the place in the list stands for the id."""

    def noise(self, frame, key):
        place = {11: 0, -8: 1, 5: 2}
        ids = torch.arange(3) if len(key.sample) > 1 else torch.tensor([place[int(key.sample[0])]])
        return Key(key.seed, ids).words(frame)[Lane.READ].float() * 2.0**-31


class CropBlind(_Faulty):
    def noise(self, frame, key):
        here = Frame(frame.data, frame.unit, torch.zeros_like(frame.origin))
        return key.words(here)[Lane.READ].float() * 2.0**-31


class AddressBlind(_Faulty):
    def noise(self, frame, key):
        return torch.ones_like(frame.data)


class Doubles(_Faulty):
    def noise(self, frame, key):
        return torch.ones_like(frame.data, dtype=torch.float64)


class Resizes(_Faulty):
    def apply(self, frame, key, drawn):
        return frame.with_data(frame.data[:, :, 1:])


class OtherUnit(_Faulty):
    def apply(self, frame, key, drawn):
        return Frame(frame.data, Unit.RAW_DN, frame.origin)


class Forgets(GaussianRead):
    """JSON that leaves out what the stage is."""

    def model_dump_json(self, **_):
        return '{"sigma": 1.0}'


class NoisyClean(GaussianRead):
    def clean(self, frame, key, drawn):
        return self.apply(frame, key, drawn)


class FirstImages(GaussianRead):
    """Gives every image the first one's parameters."""

    def apply(self, frame, key, drawn):
        noise = cn_normal(key.words(frame)[Lane.READ]) * drawn["sigma_read"][0]
        return frame.with_data(frame.data + noise)


class WrongLane(GaussianRead):
    def apply(self, frame, key, drawn):
        noise = cn_normal(key.words(frame)[Lane.SHOT]) * drawn.per_image("sigma_read", frame)
        return frame.with_data(frame.data + noise)


class Idle(GaussianRead):
    """States a lane that it never reads."""

    @property
    def dice(self):
        return (*super().dice, (Stream.PIXEL, Lane.ANGLE))


class SilentlyNoisy(GaussianRead):
    """Draws, and does not say so: two such stages would share their words."""

    @property
    def dice(self):
        return ()


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        (GlobalState, "same address, other noise"),
        (InPlace, "input changed"),
        (PerBatch, "noise depends on the batch"),
        (ByPlace, "noise depends on the place in the batch"),
        (CropBlind, "crop then noise is not noise then crop"),
        (AddressBlind, "noise ignores its address"),
        (Doubles, "not float32"),
        (Resizes, "rows or columns changed"),
        (OtherUnit, "another unit than stated"),
        (Forgets, "JSON does not round-trip"),
        (NoisyClean, "the clean view has noise"),
        (SilentlyNoisy, "a stage without dice depends on the address"),
        (FirstImages, "noise depends on the batch"),
        (WrongLane, "reads dice that it does not state"),
        (Idle, "states dice that it does not read"),
    ],
)
def test_a_planted_violation_is_caught(fault, promise):
    with pytest.raises(AssertionError, match=promise):
        check_stage(fault(sigma=3.0), seed=1)


def _digest(stage, seed: int) -> int:
    ids = torch.tensor([1, 2, 3])
    made = stage.apply(frame_for(stage), Key(seed, ids, ids), parameters(stage, 3))
    return zlib.crc32(made.data.numpy().tobytes())


def _digests(stages_: list) -> list[int]:
    return [_digest(stage, 7) for stage in stages_]


def _examples() -> list:
    return [
        *camera().stages,
        *(cn.Linearize(), cn.Mosaic(pattern="BGGR"), cn.Demosaic(), cn.Develop()),
        cn.Unprocess(dimming=0.8, red_gain=2.0, blue_gain=1.7, ccm_0=0.1, ccm_1=0.2, ccm_2=0.3, ccm_3=0.4),
        *(cn.GaussianRead(sigma=3.0), cn.StudentTRead(sigma=3.0, nu=5.0), dark_frames()),
        *(cn.PRNU(sigma=0.01), cn.DarkCurrent(current=2.0, seconds=3.0, spread=0.3)),
        *(cn.HotPixels(fraction=0.1, current=50.0), cn.PreampRead(sigma=2.0), cn.DSNU(sigma=1.0)),
        *(cn.PeriodicBanding(sigma=2.0, period=7.3), cn.Heteroscedastic(lambda_shot=0.01, lambda_read=1e-4)),
        *(cn.LevelNoise(sigma=0.1, shot_share=0.4), cn.AdditiveGaussian(sigma=0.1), cn.AdditiveUniform(sigma=0.1)),
        *(cn.ScaledPoisson(peak=30.0), cn.Speckle(variance=0.1), cn.Impulse(fraction=0.2, salt=0.5)),
        *(cn.Stripes(sigma_row=0.1, sigma_col=0.1), cn.Clip(), cn.EightBits()),
    ]


class ProcessSeeded(_Faulty):
    """Seeds itself from the number of its process."""

    def noise(self, frame, key):
        return torch.randn(frame.data.shape, generator=torch.Generator().manual_seed(os.getpid()))


def test_noise_is_the_same_in_another_process():
    examples = _examples()
    assert {type(stage) for stage in examples} == set(every_stage())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_digests, (examples,)) == _digests(examples)
        fault = [ProcessSeeded(sigma=3.0)]
        assert pool.apply(_digests, (fault,)) != _digests(fault), "the planted violation went unseen"


def test_noise_is_independent_of_other_stages():
    """A stage that is added, or taken away, leaves every other number as it was."""
    x, ids = photographs(Unit.LINEAR, 1) * 0.1, [1, 2, 3]
    plain = [cn.Expose(black=0, white=4000), cn.Shot(), cn.Gain(K=2.0), cn.GaussianRead(sigma=5.0)]
    banding = cn.Banding(sigma_row=2.0, sigma_col=1.0)
    without, with_banding = (cn.Pipeline(chain)(x, ids, seed=3) for chain in (plain, [*plain, banding]))
    added = with_banding - without
    bands = cn.Pipeline([banding], name="camera")(torch.zeros_like(x), ids, seed=3)
    assert (added - bands).abs().max() <= 3 * 2**-15  # three roundings of values below 512

    unread = cn.Pipeline(plain[:3])(x, ids, seed=3)
    read = cn.Pipeline([plain[3]])(torch.zeros_like(x), ids, seed=3)
    assert torch.equal(without, unread + read)
    # Another law in the read stage does not move the shot noise.
    student = cn.Pipeline([*plain[:3], cn.StudentTRead(sigma=5.0, nu=4.0)])(x, ids, seed=3)
    alone = cn.Pipeline([cn.StudentTRead(sigma=5.0, nu=4.0)])(torch.zeros_like(x), ids, seed=3)
    assert torch.equal(student, unread + alone)


def test_two_stages_on_the_same_dice_are_refused():
    with pytest.raises(ValueError, match="stage 3 of 3, SecondRead, draws from stream PIXEL, lane 1, as GaussianRead"):

        class SecondRead(GaussianRead):
            names = {}

        cn.Pipeline([cn.Gain(K=1.0), GaussianRead(sigma=1.0), SecondRead(sigma=1.0)])


def test_streams_and_lanes_are_never_renumbered():
    """Shards on disk depend on these numbers: design, section 3."""
    assert {s.name: s.value for s in Stream} == {
        **{"PARAMETERS": 1, "PIXEL": 2, "ROW": 3, "COLUMN": 4, "PREAMP": 5, "PERIODIC": 6, "GAUSSIAN": 7},
        **{"SPECKLE": 8, "IMPULSE": 9, "UNIFORM": 10, "DARKFRAME": 11, "SHIFT": 12, "MIXTURE": 13},
        **{"PRNU": 32, "DSNU": 33, "HOT": 34, "COLUMN_FIXED": 35},
    }
    assert {lane.name: lane.value for lane in Lane} == {"SHOT": 0, "READ": 1, "ANGLE": 2, "ROUND": 3}
