"""The law of the read noise, from integers.

Six standard errors are a false alarm of 2e-9 a check.
"""

import numpy as np
import pytest
from shooting import sensor, shoot

from camnoise import GaussianRead, StudentTRead, TukeyLambdaRead
from camnoise.calibrate.read_noise import read_noise


@pytest.mark.parametrize(
    "stage",
    [
        GaussianRead(sigma=0.8),
        GaussianRead(sigma=40.0),
        TukeyLambdaRead(sigma=2.0, lam=-0.24),
        TukeyLambdaRead(sigma=1.0, lam=0.0),
        StudentTRead(sigma=6.0, nu=5.0),
    ],
)
def test_the_law_comes_back(stage):
    black, bits = (200, 12) if stage.sigma < 20 else (2000, 14)
    darks = shoot(sensor(read=stage, row=0.3 * stage.sigma, dsnu=stage.sigma, black=black, bits=bits), 0.0, 12)
    found = read_noise(darks, cfa="RGGB")
    assert found.chosen == stage.kind.removesuffix("_read")
    assert abs(found.sigma.value - stage.sigma) < 6 * found.sigma.error
    assert found.sigma.error < 0.01 * stage.sigma
    if found.chosen == "tukey_lambda":
        assert found.shape.value == pytest.approx(stage.lam, abs=0.03)
    if found.chosen == "student_t":
        assert abs(found.shape.value - stage.nu) < 6 * found.shape.error
    said, seen = found.quantiles(found.chosen)
    near = np.abs(said) < 3 * stage.sigma  # about two deviations of a difference
    assert np.abs(said - seen)[near].max() < 0.1 * stage.sigma


def test_quantization_is_counted_once():
    """A variance of pixels holds q^2 / 12 that sigma must not: at 0.8 steps it would make 6 % of it."""
    darks = shoot(sensor(read=GaussianRead(sigma=0.8), dsnu=1.0), 0.0, 12)
    found = read_noise(darks, cfa="RGGB")
    with_it = float(np.sqrt(darks.astype(float).var(0, ddof=1).mean()))
    assert found.sigma.value == pytest.approx(0.8, rel=0.02)
    assert with_it > 0.8 * 1.05


def test_the_step_of_the_converter_is_known():
    """12 bits in a file of 14: values come in fours."""
    darks = shoot(sensor(read=GaussianRead(sigma=1.0)), 0.0, 12) * np.uint16(4)
    assert read_noise(darks, cfa="RGGB", step=4.0).sigma.value == pytest.approx(4.0, rel=0.02)
    assert read_noise(darks, cfa="RGGB", step=1.0).sigma.value > 4.0 * 1.03


def test_rows_and_fixed_patterns_are_no_read_noise():
    quiet, loud = (
        read_noise(shoot(sensor(read=TukeyLambdaRead(sigma=2.0, lam=-0.1), **more), 0.0, 8), cfa="RGGB")
        for more in ({}, {"row": 3.0, "col": 4.0, "dsnu": 5.0, "bias": (3.0, -3.0, 1.0, 9.0)})
    )
    assert loud.sigma.value == pytest.approx(quiet.sigma.value, rel=0.01)
    assert loud.shape.value == pytest.approx(quiet.shape.value, abs=0.02)


@pytest.mark.parametrize("sigma", [0.1, 0.3])
def test_noise_under_half_a_step_is_not_identifiable(sigma):
    found = read_noise(shoot(sensor(read=GaussianRead(sigma=sigma)), 0.0, 8), cfa="RGGB")
    assert not found.identifiable
    assert found.shape is None
    assert found.chosen == "gaussian"
    assert found.sigma.low <= sigma <= found.sigma.high
    assert "not identifiable" in found.notes[0]


@pytest.mark.parametrize("place", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("read", [GaussianRead(sigma=0.53), TukeyLambdaRead(sigma=0.6, lam=-0.2)])
def test_near_half_a_step_the_interval_counts_where_the_level_lies(read, place):
    found = read_noise(shoot(sensor(read=read, black=200 + place), 0.0, 8), cfa="RGGB")
    assert found.sigma.low <= read.sigma <= found.sigma.high
    # The twin: by its pixels alone it would be known to 1 %, and be wrong by 5 %.
    assert found.fit("gaussian").sigma.error < 0.01 * read.sigma


def test_a_shape_near_the_step_is_not_identifiable():
    found = read_noise(shoot(sensor(read=TukeyLambdaRead(sigma=0.6, lam=-0.1)), 0.0, 8), cfa="RGGB")
    assert found.identifiable
    assert found.shape is None
    assert "shape of the read noise is not identifiable" in found.notes[0]


def test_a_shape_from_too_few_pixels_is_not_identifiable():
    found = read_noise(shoot(sensor(read=TukeyLambdaRead(sigma=3.0, lam=-0.2)), 0.0, 2, side=(16, 16)), cfa="RGGB")
    assert found.shape is None
    assert found.sigma.error > 0.02 * 3


def test_one_dark_is_refused():
    with pytest.raises(ValueError, match="darks has 1 frame, wanted 2 or more"):
        read_noise(shoot(sensor(), 0.0, 1), cfa="RGGB")
