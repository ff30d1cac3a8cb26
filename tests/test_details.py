"""Single promises of the core that no statistical test sees: edges, clamps, roundings, who gets which number."""

from math import e, sqrt

import numpy as np
import pytest
import torch
from scipy import stats

import camnoise as cn
from camnoise.flat import Flat
from camnoise.frame import Frame
from camnoise.keys import Key
from camnoise.laws import BranchedLogLinear, NearestInGain
from camnoise.nlf import frame_mean, rcl_level
from camnoise.stage import Parameters
from camnoise.testing.bounds import ALPHA, block_variance, dkw, mean_band, variance_band
from camnoise.units import Unit

DARK = torch.zeros(4, 1, 256, 256)


def sensor(*after: cn.Stage, gain: float = 1.0) -> cn.Pipeline:
    """Light, charge and a gain, and what follows."""
    return cn.Pipeline([cn.Expose(black=512, white=16383), cn.Gain(K=gain), *after])


# --- banding


@pytest.mark.parametrize("octaves", range(1, 7))
def test_rows_of_octaves_covary_as_often_as_one_draw_holds_both(octaves):
    """Counted over all first rows of a step; sees a lag too many or too few, a wrong part, a wrong step."""
    flat = cn.Banding(sigma_row=3.0, octaves=octaves).expect(
        Flat(0.0, unit=Unit.DN), {"sigma_row": 3.0, "sigma_col": 0.0}
    )
    assert flat.row.variance == 9.0
    lags = range(1, 2**octaves + 3)
    stated = [*flat.row_covariance, *[0.0] * len(lags)]
    for lag in lags:
        together = 0.0
        for length in (2**k for k in range(octaves)):
            together += sum(first // length == (first + lag) // length for first in range(length)) / length
        assert stated[lag - 1] == pytest.approx(9.0 * together / octaves, abs=1e-12), lag
    assert not any(stated[2 ** (octaves - 1) - 1 :]), "rows further apart than the longest step"


def wave(axis="rows", ids=range(500), size=64, **address):
    """(image, place) float64: a wave of sigma 3 along each frame, 64 long, 12.8 rows a period."""
    camera = cn.Pipeline([cn.PeriodicBanding(sigma=3.0, period=12.8, axis=axis)])
    x = camera(torch.zeros(len(ids), 2, size, size), list(ids), **address)
    x = x if axis == "rows" else x.transpose(2, 3)
    assert torch.equal(x, x[:, :1, :, :1].expand_as(x)), "not one wave along the frame"
    return x[:, 0, :, 0].double().numpy()


@pytest.mark.parametrize("axis", ["rows", "columns"])
def test_a_wave_has_its_amplitude_and_its_frequency(axis):
    x = wave(axis)
    # The phases of 64 places are 64 equal steps of a turn: one is within 1/128 of the crest, and one of the trough.
    least, most = sqrt(2) * 3 * np.cos(2 * np.pi / 128) * (1 - 1e-5), sqrt(2) * 3 * (1 + 1e-5)
    for peak in (x.max(1), -x.min(1)):
        assert (least <= peak.min()) & (peak.max() <= most)
    # 64 places are five whole periods: all of the energy is in one bin, and the mean square is sigma^2.
    assert np.allclose((x**2).mean(1), 9.0, rtol=1e-4)
    assert np.allclose(np.abs(np.fft.rfft(x))[:, 5], sqrt(2) * 3 * 32, rtol=1e-4)
    crossings = (np.diff(np.sign(x), axis=1) != 0).sum(1)
    assert set(crossings) <= {9, 10}  # two to a period; the last may fall beyond the frame


def test_the_phase_of_a_wave_is_new_in_every_image_and_view_and_kept_in_a_crop():
    turns = {view: np.angle(np.fft.rfft(wave(view=view))[:, 5]) / (2 * np.pi) % 1 for view in (1, 2)}
    for phase in (turns[1], turns[2], (turns[1] - turns[2]) % 1, np.diff(turns[1]) % 1):
        at = np.sort(phase)
        gap = np.abs(at - np.arange(len(at)) / len(at)).max()
        assert gap <= dkw(len(at)) + 1 / len(at), "phases are not uniform, or not new"
    origin = torch.tensor([[11, 29]] * 500)
    assert np.array_equal(wave(size=30, origin=origin), wave()[:, 11:41])
    assert np.array_equal(wave("columns", size=30, origin=origin), wave("columns")[:, 29:59])


# --- plain noises behind a noise that has made values negative


def test_light_below_black_has_no_shot_noise_and_all_of_the_read_noise():
    """The light is clamped and not the variance: that would take away the read noise too, or give NaN."""
    first = cn.AdditiveGaussian(sigma=0.5)
    before = cn.Pipeline([first])(DARK, [1, 2, 3, 4])
    after = cn.Pipeline([first, cn.Heteroscedastic(lambda_shot=0.5, lambda_read=0.04)])(DARK, [1, 2, 3, 4])
    noise, x = (after - before).double().numpy(), before.double().numpy()
    for part, variance in ((x < 0, np.full_like(x, 0.04)), (x > 0, 0.5 * x + 0.04)):
        seen, m = block_variance(noise[part] / np.sqrt(variance[part]))
        assert abs(seen - 1) <= variance_band(3.2, m)


def test_light_below_black_counts_no_events():
    first = cn.AdditiveGaussian(sigma=0.5)
    before = cn.Pipeline([first])(DARK, [1, 2, 3, 4])
    after = cn.Pipeline([first, cn.ScaledPoisson(peak=30)])(DARK, [1, 2, 3, 4])
    assert (after[before <= 0] == 0).all()  # an unclamped rate gives NaN or negative counts
    lit = (after - before)[before > 0].double()
    deviation = sqrt(0.5 * sqrt(2 / np.pi) / 30)  # of Poisson's, over the half of a normal that is above 0
    assert abs(lit.mean().item()) <= mean_band(lit.numel(), deviation)


# --- eight bits


def test_the_clean_view_of_eight_bits_is_clipped_and_not_rounded():
    camera = cn.Pipeline([cn.AdditiveGaussian(sigma=0.1), cn.EightBits()])
    fine = (torch.arange(65_536) / torch.tensor(65_535.0)).reshape(1, 1, 256, 256)
    assert torch.equal(camera.clean(fine, [1]), fine)
    beyond = Frame(torch.tensor([[[[-0.2, 0.123, 1.3]]]]), Unit.ENCODED, torch.zeros(1, 2, dtype=torch.int64))
    seen = cn.EightBits().clean(beyond, Key(0, torch.tensor([1])), Parameters({}, 1))
    assert torch.equal(seen.data, torch.tensor([[[[0.0, 0.123, 1.0]]]]))


def test_bytes_are_the_rounded_levels_of_the_floats():
    levels = torch.arange(256).reshape(1, 1, 16, 16)
    x = levels / torch.tensor(255.0)
    still = cn.Pipeline([cn.AdditiveGaussian(sigma=0.0), cn.EightBits()])
    assert torch.equal(still(x, [1], dtype=torch.uint8).long(), levels)
    loud = cn.noise("gaussian:50+8bit")
    x = x.expand(64, 1, 16, 16)
    want = np.round(255 * loud(x, range(64)).double().numpy())
    assert set(want.ravel()) == set(range(256))
    assert np.array_equal(loud(x, range(64), dtype=torch.uint8).numpy(), want)


# --- mixtures


def test_a_mixture_is_as_wide_as_its_widest_pipeline():
    narrow, wide = (cn.place(cn.Pipeline([cn.AdditiveGaussian(sigma=0.1)]), "raw", how) for how in (None, "bilinear"))
    assert (narrow.radius, wide.radius) == (0, 1)
    for order in ([narrow, wide, narrow], [wide, narrow], [narrow, wide]):
        assert cn.Mixture(order).radius == 1
    assert cn.Mixture([narrow, narrow]).radius == 0


def test_a_mixture_clips_where_any_of_its_pipelines_does():
    free, cut = cn.noise("gaussian:25"), cn.noise("gaussian:25+clip")
    assert cn.Mixture([free, cut, free]).clipped
    assert cn.Mixture([cut, free]).clipped
    assert not cn.Mixture([free, free]).clipped


def test_a_mixture_varies_unless_one_fixed_pipeline_has_all_the_weight():
    fixed, other, drawn = cn.noise("gaussian:25"), cn.noise("poisson:30"), cn.noise("gaussian:5-50")
    for pipelines, weights, varies in (
        ([fixed], [2], False),
        ([fixed, other], [1, 0], False),
        ([other, fixed, other], [0, 3, 0], False),
        ([fixed, other], [1, 1e-3], True),
        ([drawn], [1], True),
        ([fixed, drawn], [0, 1], True),
    ):
        assert cn.Mixture(pipelines, weights).varies == varies


def test_each_image_of_a_mixture_gets_the_mean_of_its_own_frame():
    level, plain = cn.Pipeline([rcl_level()]), cn.noise("gaussian:25")
    mixture = cn.Mixture([plain, level, cn.noise("gaussian:5+clip")])
    ids = range(100, 148)
    bright = torch.linspace(0.1, 1, len(ids)).reshape(-1, 1, 1, 1)
    x = torch.rand(len(ids), 3, 20, 24, generator=torch.Generator().manual_seed(0)) * bright
    means = mixture.frame_mean(x)
    assert np.allclose(means, x.double().mean((1, 2, 3)), atol=1e-7)
    crop, origin = x[:, :, 4:12, 6:20], torch.tensor([[4, 6]] * len(ids))
    made = mixture(crop, ids, seed=2, origin=origin, frame_mean=means)
    assert torch.equal(made, mixture(x, ids, seed=2)[:, :, 4:12, 6:20])
    (drawn,) = mixture.parameters(crop, ids, scheme="n2c", seed=2, origin=origin, frame_mean=means)
    choice = drawn["mixture"].long().tolist()
    assert set(choice) == {0, 1, 2}
    for n, number in enumerate(choice):
        pipeline = mixture.pipelines[number]
        mean = {"frame_mean": means[n : n + 1]} if pipeline.wants_mean else {}
        one = pipeline(crop[n : n + 1], [ids[n]], seed=2, origin=origin[n : n + 1], **mean)
        assert torch.equal(made[n], one[0]), f"image {n} of pipeline {number}"
        assert drawn.sample(n).get("frame_mean") == (float(str(means[n].numpy())) if mean else None)


# --- real dark frames of a coarse converter


def test_coarse_dark_frames_stay_within_their_step_and_have_the_law_before_rounding(tmp_path):
    rng = np.random.Generator(np.random.PCG64(5))
    levels = 4 * np.round((100 + rng.normal(0, 5, (1, 1024, 1024))) / 4)
    np.save(tmp_path / "coarse.npy", levels.astype(np.uint16))
    stage = cn.DarkFrames.of(tmp_path / "coarse.npy", black=100, step=4.0, in_place=True)
    y = cn.Pipeline([stage])(torch.zeros(1, 1, 1024, 1024), [1])[0].double().numpy()
    within = y - (levels - 100)
    assert np.abs(within).max() <= 2
    assert within.min() < -1.99
    assert within.max() > 1.99
    # A step's density 1 + a t, t in [-1/2, 1/2], has the moments a/12 and 1/12. With a_j = (p_j+1 - p_j-1) / 2 p_j the
    # mean square is sigma^2 but for exp(-2 pi^2 sigma^2 / q^2); the slope cannot pass 2, which leaves an excess.
    j = np.arange(-8, 9)
    p = stats.norm.cdf((j + 0.5) * 0.8) - stats.norm.cdf((j - 0.5) * 0.8)
    a = (np.roll(p, -1) - np.roll(p, 1))[1:-1] / (2 * p[1:-1])
    excess = 16 / 25 * (p[1:-1] * j[1:-1] * (np.clip(a, -2, 2) - a)).sum() / 6
    assert 0 < excess < 0.02
    band = stats.norm.isf(ALPHA / 2) * sqrt(2 / y.size)
    assert -band <= (y**2).mean() / 25 - 1 <= excess + band
    assert (within**2).mean() / 25 > 0.04  # the levels themselves, or rounded again, have 16 / 12 / 25 too much


# --- laws


def test_a_branch_begins_at_its_gain():
    law = BranchedLogLinear(K=(1.0, 4.0), slope=(1.0, 2.0), bias=(0.0, 1.0), scatter=(0.0, 0.0))

    def deviation(gain: float) -> float:
        return sensor(cn.GaussianRead(sigma=law), gain=gain).draw([1])["sigma_read"].item()

    below = float(np.nextafter(np.float32(4), np.float32(0)))
    assert deviation(1.0) == pytest.approx(1, rel=1e-5)
    assert deviation(below) == pytest.approx(4, rel=1e-5)
    assert deviation(4.0) == pytest.approx(16 * e, rel=1e-5)
    assert deviation(8.0) == pytest.approx(64 * e, rel=1e-5)


@pytest.mark.parametrize(("gain", "entries"), [(1.0, {1.0, 2.0}), (4.0, {3.0, 4.0, 5.0}), (9.0, {6.0})])
def test_every_entry_at_a_gain_is_drawn_as_often(gain, entries):
    law = NearestInGain(K=(1, 1, 4, 4, 4, 9), values=(1, 2, 3, 4, 5, 6))
    drawn = sensor(cn.GaussianRead(sigma=law), gain=gain).draw(range(3000))["sigma_read"]
    values, counts = drawn.unique(return_counts=True)
    assert set(values.tolist()) == entries
    share = 1 / len(entries)
    assert ((counts / 3000 - share).abs() <= mean_band(3000, sqrt(share * (1 - share))) + 1e-9).all()


def test_means_are_rounded_to_the_nearest():
    """Multiples of 2^-24 are at most 2^-25 away. (Of n/255 nothing would be seen: 2^24 is 1 more than 255 divides.)"""
    levels = torch.arange(65_536) / torch.tensor(65_535.0)
    means = frame_mean(levels.reshape(-1, 1, 1, 1).expand(-1, 3, 2, 2))
    assert (means.double() - levels.double()).abs().max() <= 2**-25


# --- charge


def test_shot_noise_knows_where_the_chain_saturates():
    def saturation(*well: cn.Stage) -> float:
        light, end = cn.Expose(black=512, white=16000), [cn.Gain(K=2.0), cn.Quantize(bits=14)]
        return cn.Pipeline([light, cn.Shot(), *well, *end]).draw([1])["saturation"].item()

    assert saturation() == (16383 - 512) / 2
    assert saturation(cn.FullWell(electrons=5000.0)) == 5000
    assert saturation(cn.FullWell(electrons=20_000.0)) == (16383 - 512) / 2


@pytest.mark.parametrize("doubling", [7.0, 10.0])
def test_dark_current_doubles_with_the_temperature(doubling):
    for steps in (-2, -1, 0, 1, 3):
        stage = cn.DarkCurrent(current=3.0, seconds=10.0, celsius=25 + steps * doubling, doubling=doubling)
        charge = cn.Pipeline([stage])(torch.ones(1, 1, 2, 2), [1])
        assert torch.allclose(charge, torch.tensor(1 + 30 * 2.0**steps), rtol=1e-6)
    assert cn.DarkCurrent(current=1.0, seconds=1.0).doubling == 7
