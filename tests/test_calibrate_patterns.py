"""Rows and columns, black level, PRNU, DSNU, dark current and hot pixels.

Six standard errors are a false alarm of 2e-9 a check.
"""

import numpy as np
import pytest
import torch
from shooting import SIDE, sensor, session, shoot

from camnoise import DarkCurrent, GaussianRead, HotPixels, TukeyLambdaRead
from camnoise.calibrate.dark_current import dark_current
from camnoise.calibrate.lines import line_noise
from camnoise.calibrate.patterns import color_bias, dsnu, hot_pixels, prnu
from camnoise.estimate import Estimate, mean_of, ratio


def near(found: Estimate, true: float) -> bool:
    return abs(found.value - true) < 6 * found.error


def test_row_noise_is_corrected_for_what_pixels_add():
    """Known mistake 25: at sigma 5 and 128 columns white noise alone gives row means a deviation of 0.44."""
    darks = shoot(sensor(read=GaussianRead(sigma=5.0), row=0.3, bias=(2.0, -1.0, 3.0, 0.0)), 0.0, 20)
    lines = line_noise(darks, cfa="RGGB")
    assert near(lines.row, 0.3)
    assert lines.row.error < 0.03
    assert lines.row_means.std() > 0.3 * 1.5
    assert near(lines.pixel, np.sqrt(25 + 1 / 12))
    assert lines.column.low < 0.1


def test_color_bias_does_not_leak_into_rows():
    """Not even where it wanders from frame to frame, so that temporal means do not hold it."""
    camera = [sensor(row=0.5, bias=(x, -x, 0.0, x)) for x in (0.0, 4.0, -4.0, 1.0, 8.0, -2.0)]
    darks = np.concatenate([shoot(one, 0.0, 1, first=i) for i, one in enumerate(camera, 1)])
    assert near(line_noise(darks, cfa="RGGB").row, 0.5)
    leaked = darks - darks.mean(0)
    leaked = leaked - leaked.mean((1, 2), keepdims=True)
    assert leaked.mean(2).std() > 2 * 0.5


def test_fixed_and_temporal_columns_are_told_apart():
    lines = line_noise(shoot(sensor(row=0.5, col=1.0, dsnu=2.0), 0.0, 16), cfa="RGGB")
    assert near(lines.fixed_column, 1.0)
    assert lines.column.low < 0.1
    assert near(lines.row, 0.5)
    assert lines.fixed_row.low < 0.1
    assert near(lines.fixed_pixel, 2.0)


def test_rows_that_are_not_there_have_an_interval_that_reaches_0():
    lines = line_noise(shoot(sensor(), 0.0, 8), cfa="RGGB")
    assert lines.row.low == 0
    assert lines.row.high < 0.15


def test_the_black_level_of_each_site():
    bias = (1.5, -0.5, 0.25, 2.0)
    darks = shoot(sensor(row=2.0, bias=bias, dsnu=1.0), 0.0, 16)
    found = color_bias(darks, line_noise(darks, cfa="RGGB"), cfa="RGGB", black=200)
    for site, true in zip(("R", "G1", "G2", "B"), bias, strict=True):
        assert near(found.offset[site], true)
        assert found.offset[site].error > 2.0 / np.sqrt(64 * 16)  # rows are 64, however many pixels they have
    own = color_bias(darks, line_noise(darks, cfa="RGGB"), cfa="RGGB", black=None)
    assert sum(offset.value for offset in own.offset.values()) == pytest.approx(0, abs=1e-9)


def test_a_black_level_that_wanders_is_said():
    darks = np.concatenate([shoot(sensor(black=200 + i % 3), 0.0, 1, first=i + 1) for i in range(9)])
    found = color_bias(darks, line_noise(darks, cfa="RGGB"), cfa="RGGB", black=201)
    assert "wanders" in found.notes[0]
    assert near(found.offset["R"], 0.0)
    assert found.offset["R"].error > 0.2
    still = shoot(sensor(), 0.0, 9)
    assert not color_bias(still, line_noise(still, cfa="RGGB"), cfa="RGGB", black=200).notes


def test_rounding_may_shift_a_quiet_level():
    darks = shoot(sensor(read=GaussianRead(sigma=0.2), black=200.4), 0.0, 8)
    found = color_bias(darks, line_noise(darks, cfa="RGGB"), cfa="RGGB", black=200)
    assert found.offset["R"].low < 0.4 < found.offset["R"].high
    assert "rounding may shift" in found.notes[-1]


@pytest.mark.parametrize("frames", [2, 16])
def test_dsnu_without_what_temporal_noise_leaves(frames):
    darks = shoot(sensor(read=TukeyLambdaRead(sigma=4.0, lam=-0.1), dsnu=1.0, col=3.0), 0.0, frames)
    found = dsnu(darks, cfa="RGGB")
    assert near(found.strength, 1.0)
    assert found.map.shape == SIDE
    assert found.map.std() > 1.3


def test_prnu_without_shading_dsnu_and_noise():
    camera = sensor(prnu=0.01, dsnu=5.0)
    fall = 1 - 0.3 * torch.linspace(-1, 1, SIDE[0])[:, None] ** 2
    flats, darks = shoot(camera, 0.5 * fall, 16, first=100), shoot(camera, 0.0, 16)
    found = prnu(flats, darks, cfa="RGGB")
    assert near(found.strength, 0.01)
    assert found.strength.error < 3e-4
    signal = flats.mean(0) - 200
    assert signal.std() / signal.mean() > 0.05  # the twin: all that differs
    assert np.abs(found.map).max() < 0.1


def test_prnu_of_the_dark_is_refused():
    _, darks = session(sensor(), (), frames=4)
    with pytest.raises(ValueError, match="flats are no brighter than darks"):
        prnu(darks, darks, cfa="RGGB")


def test_dark_current_from_mean_and_variance():
    times = (0.5, 2.0, 8.0)
    exposures = []
    for i, seconds in enumerate(times):
        charge = DarkCurrent(current=20.0, seconds=seconds, spread=0.3)
        exposures.append((seconds, shoot(sensor(before=(charge,), dsnu=3.0, row=0.5), 0.0, 8, first=100 * i + 1)))
    found = dark_current(exposures, cfa="RGGB", K=Estimate.of(2.0, 0.005))
    assert near(found.from_mean, 20.0)
    assert found.from_mean.error < 0.2
    assert near(found.from_variance, 20.0)
    assert near(found.spread, 0.3)
    with pytest.raises(ValueError, match="1 exposure time, wanted two"):
        dark_current(exposures[:1], cfa="RGGB", K=Estimate.of(2.0, 0.005))


def test_no_dark_current_is_said():
    exposures = [(t, shoot(sensor(), 0.0, 4, first=100 * i + 1)) for i, t in enumerate((1.0, 5.0))]
    found = dark_current(exposures, cfa="RGGB", K=Estimate.of(2.0, 0.005))
    assert found.spread is None
    assert "dark current is not seen" in found.notes[0]


def test_hot_pixels_and_their_rate():
    before = (DarkCurrent(current=1.0, seconds=4.0), HotPixels(fraction=0.02, current=40.0))
    darks = shoot(sensor(before=before), 0.0, 16)
    found = hot_pixels(darks, cfa="RGGB", seconds=4.0, K=Estimate.of(2.0, 0.01))
    # Of 328 pixels: 6 standard errors are a third.
    assert found.fraction.value == pytest.approx(0.02, rel=0.35)
    assert found.current.value == pytest.approx(40.0, rel=0.35)
    assert found.fraction.low < 0.02 < found.fraction.high
    assert found.mask.sum() > 200


def test_outliers_of_the_read_noise_are_no_hot_pixels():
    darks = shoot(sensor(read=TukeyLambdaRead(sigma=3.0, lam=-0.24), dsnu=1.0), 0.0, 8)
    assert hot_pixels(darks, cfa="RGGB").mask.sum() <= 1
    assert (darks.max(0) > 200 + 12 * 3.0).any()  # the twin: outliers there are


def test_estimates():
    assert str(Estimate.of(2.0, 0.1)) == "2 (1.804 to 2.196)"
    assert Estimate.of(-1.0, 0.1, least=0.0) == Estimate(value=0, low=0, high=0)
    assert Estimate.of(1.0, 0.1, freedom=4).error > 0.13
    assert ratio(Estimate.of(4.0, 0.4), Estimate.of(2.0, 0.02)).error == pytest.approx(0.201, rel=1e-2)
    assert mean_of([Estimate.of(1.0, 0.3), Estimate.of(3.0, 0.4)]).error == pytest.approx(0.25)
    assert Estimate(value=4, low=-1, high=9).root() == Estimate(value=2, low=0, high=3)
    with pytest.raises(ValueError, match="not ascending"):
        Estimate(value=1, low=2, high=3)


def hot_darks(hot: float, frames: int = 8) -> np.ndarray:
    """4 s at 12 bits: the converter clips what is more than 487 e-/s hotter than the rest."""
    before = (DarkCurrent(current=1.0, seconds=4.0), HotPixels(fraction=0.01, current=hot))
    return shoot(sensor(before=before), 0.0, frames)


def test_hot_pixels_that_the_converter_clips_are_hotter_than_they_look():
    """Of 160 hot pixels 60 are not clipped: a standard error of 13 %."""
    darks = hot_darks(1000.0)
    found = hot_pixels(darks, cfa="RGGB", seconds=4.0, K=Estimate.of(2.0, 0.01), top=4095)
    assert 70 < found.clipped < found.mask.sum()
    assert found.current.low < 1000 < found.current.high
    # The twin: clipped values taken for what they say.
    assert hot_pixels(darks, cfa="RGGB", seconds=4.0, K=Estimate.of(2.0, 0.01)).current.high < 600


def test_hot_pixels_that_are_all_clipped_have_no_current():
    darks = np.full((4, 64, 64), 200, np.uint16)
    darks += np.random.default_rng(0).integers(0, 5, darks.shape, dtype=np.uint16)
    darks[:, 5, 7] = 4095
    found = hot_pixels(darks, cfa="RGGB", seconds=4.0, K=Estimate.of(2.0, 0.01), top=4095)
    assert (found.clipped, found.current) == (1, None)
    assert found.fraction.low <= 1 / 64**2 <= found.fraction.high


def test_the_interval_of_the_hot_current_is_that_of_so_many_pixels():
    found = hot_pixels(hot_darks(50.0), cfa="RGGB", seconds=4.0, K=Estimate.of(2.0, 1e-6), top=4095)
    wanted = found.current.value / np.sqrt(found.mask.sum())  # of an exponential law, deviation = mean
    assert found.current.error == pytest.approx(wanted, rel=0.1)
    assert near(found.current, 50.0)


def test_uneven_dark_current_is_no_hot_pixel():
    """A log-normal law of deviation 0.4 has 0.5 % of its pixels beyond 4.5 of its own deviations."""
    darks = shoot(sensor(before=(DarkCurrent(current=100.0, seconds=4.0, spread=0.4),)), 0.0, 8)
    found = hot_pixels(darks, cfa="RGGB")
    assert found.mask.sum() <= 2
    mean = darks.mean(0)
    assert (mean > np.median(mean) + 4.5 * np.median(np.abs(mean - np.median(mean))) / 0.6745).sum() > 50


def test_rows_that_whole_frames_share_are_in_the_error_of_the_dark_current():
    """Row noise of 20 DN: each stack's mean has an error of 20 / sqrt(128 * 4) = 0.88 DN, over 8 s and K = 2."""
    exposures = [
        (t, shoot(sensor(before=(DarkCurrent(current=20.0, seconds=t),), row=20.0), 0.0, 4, first=100 * i + 1))
        for i, t in enumerate((2.0, 10.0))
    ]
    found = dark_current(exposures, cfa="RGGB", K=Estimate.of(2.0, 1e-6))
    assert near(found.from_mean, 20.0)
    assert found.from_mean.error == pytest.approx(20 / np.sqrt(128 * 4) * np.sqrt(2) / 8 / 2, rel=0.1)


def test_temporal_noise_is_no_spread_of_the_dark_current():
    exposures = [
        (t, shoot(sensor(before=(DarkCurrent(current=20.0, seconds=t),)), 0.0, 2, first=100 * i + 1))
        for i, t in enumerate((0.5, 4.0))
    ]
    found = dark_current(exposures, cfa="RGGB", K=Estimate.of(2.0, 1e-6))
    assert found.spread.low == 0
    assert found.spread.high < 0.05  # noise alone differs from pixel to pixel by 11 % of the current


@pytest.mark.parametrize("place", [0.3, 0.7])
def test_darks_under_half_a_step_have_a_dark_current_from_the_mean_only(place):
    """At 0.2 DN the short darks stand still at one number, wherever their level lies."""
    camera = {"K": 0.2, "bits": 10, "black": 64 + place, "read": GaussianRead(sigma=0.2)}
    exposures = [
        (t, shoot(sensor(before=(DarkCurrent(current=1.0, seconds=t),), **camera), 0.0, 8, first=100 * i + 1))
        for i, t in enumerate((1.0, 5.0))
    ]
    found = dark_current(exposures, cfa="RGGB", K=Estimate.of(0.2, 1e-6))
    assert (found.from_variance, found.spread) == (None, None)
    assert "under half a step" in " ".join(found.notes)
    assert found.from_mean.low < 1.0 < found.from_mean.high


def test_prnu_of_few_pixels_is_refused():
    flats, darks = session(sensor(), (0.5,), frames=2, side=(28, 64))
    with pytest.raises(ValueError, match="14 x 32 pixels, wanted 16 x 16"):
        prnu(flats[0], darks, cfa="RGGB")
