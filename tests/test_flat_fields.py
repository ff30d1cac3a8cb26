"""Flat fields through a whole camera: what a sensor laboratory would measure, against what was stated.

Every bound is six standard errors (a false alarm in 1e9) of an estimate whose sampling error
follows from its numbers of pixels, rows and columns; and each is also held to the per cent that a
calibration needs, so the samples must be large enough.
"""

from math import hypot, sqrt

import numpy as np
import pytest
import torch
from contract import camera
from scipy import stats

import camnoise as cn
from camnoise.draws import uniform
from camnoise.keys import Lane
from camnoise.moments import student_t, tukey_lambda
from camnoise.testing.bounds import ALPHA, block_variance, variance_band

Z = float(stats.norm.isf(ALPHA / 2))  # 6.1
K, SIGMA, LAM, ROW, COL, STEP = 2.0, 5.0, -0.05, 2.0, 1.5, 4.0
BLACK, WHITE = 512.0, 16383.0
BIAS = {"R": 1.5, "G1": -0.7, "G2": 0.4, "B": -2.0}
PIXEL_VARIANCE = SIGMA**2 + STEP**2 / 12
TEMPORAL = PIXEL_VARIANCE + ROW**2 + COL**2  # of a dark pixel, all bands temporal
BATCH, ROWS, COLS = 8, 1024, 1024
N = BATCH * ROWS * COLS
SITES = {"G1": (0, 0), "R": (0, 1), "B": (1, 0), "G2": (1, 1)}  # GRBG; G1 shares its rows with red


def raw(level: float, *, view: int = 1, columns: str = "temporal", seed: int = 5) -> np.ndarray:
    """(batch, row, col) black-subtracted DN of a flat field of scene-linear `level`."""
    bands = cn.Banding(sigma_row=ROW, sigma_col=COL, columns=columns)
    chain = camera(banding=bands).raw
    flat = torch.full((BATCH, 1, ROWS, COLS), level)
    return chain(flat, list(range(BATCH)), seed=seed, view=view)[:, 0].numpy().astype(np.float64) - BLACK


def centered(x: np.ndarray) -> np.ndarray:
    """Each image less its own mean per filter color."""
    x = x.copy()
    for row, col in SITES.values():
        site = x[:, row::2, col::2]
        site -= site.mean(axis=(1, 2), keepdims=True)
    return x


def variance_error(light: float = 0.0) -> float:
    """Standard error of the variance of a flat field of `light` DN: pixels, rows and columns by their own number.

    Fourth cumulants add: K^3 light of K times a Poisson count, and the read noise's own.
    """
    rows, cols, pixel = BATCH * ROWS, BATCH * COLS, PIXEL_VARIANCE + K * light
    fourth = tukey_lambda(LAM).kurtosis * SIGMA**4 + K**3 * light
    return sqrt((2 * pixel**2 + fourth) / N + 2 * ROW**4 / rows + 2 * COL**4 / cols)


@pytest.fixture(scope="module")
def dark() -> np.ndarray:
    return raw(0.0)


@pytest.fixture(scope="module")
def transfer(dark) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, variance and the variance's standard error at each light level."""
    points = []
    for level in (0.0, 0.02, 0.06, 0.12):
        x = dark if level == 0.0 else raw(level)
        mean, variance = x.mean(), float((centered(x) ** 2).mean())
        points.append((mean, variance, variance_error(mean.clip(0))))
    m, v, e = np.array(points).T
    return m, v, e


def line(m: np.ndarray, v: np.ndarray, e: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares v = slope m + intercept: both, and their standard errors."""
    a = np.stack([m, np.ones_like(m)], 1) / e[:, None]
    covariance = np.linalg.inv(a.T @ a)
    return covariance @ (a.T @ (v / e)), np.sqrt(np.diag(covariance))


def test_photon_transfer(transfer):
    (slope, intercept), (slope_error, intercept_error) = line(*transfer)
    assert Z * slope_error < 0.01 * K, "too few pixels for one per cent"
    assert abs(slope - K) <= Z * slope_error
    assert Z * intercept_error < 0.02 * TEMPORAL, "too few rows for two per cent"
    # The bias of -0.2 DN on average shifts the line's foot by K times itself.
    assert abs(intercept + K * np.mean(list(BIAS.values())) - TEMPORAL) <= Z * intercept_error


class QuantizedTwice(cn.Quantize):
    """The known bug: uniform noise of a step's width, and rounding on top."""

    def apply(self, frame, key, drawn):
        dither = (uniform(key.words(frame)[Lane.ROUND]) - 0.5) * self.step
        return super().apply(frame.with_data(frame.data + dither), key, drawn)


def test_photon_transfer_sees_a_second_quantisation():
    """The twin: q^2/12 counted twice lies outside the bound of the dark variance."""
    bands = cn.Banding(sigma_row=ROW, sigma_col=COL, columns="temporal")
    sensor = camera(banding=bands, quantize=QuantizedTwice(bits=14, step=STEP))
    chain = cn.Pipeline(sensor.stages[:-1], cfa="GRBG")
    dark = chain(torch.zeros(BATCH, 1, ROWS, COLS), list(range(BATCH)), seed=5)[:, 0].numpy().astype(np.float64)
    bound = Z * variance_error()
    assert abs(float((centered(raw(0.0)) ** 2).mean()) - TEMPORAL) <= bound
    assert float((centered(dark) ** 2).mean()) - TEMPORAL > bound


def test_dark_mean_is_the_color_bias(dark):
    for site, (row, col) in SITES.items():
        x = dark[:, row::2, col::2]
        error = sqrt(PIXEL_VARIANCE / x.size + ROW**2 / (BATCH * ROWS / 2) + COL**2 / (BATCH * COLS / 2))
        assert abs(x.mean() - BIAS[site]) <= Z * error
        others = [abs(value - BIAS[site]) for name, value in BIAS.items() if name != site]
        assert min(others) > 2 * Z * error, "sites cannot be told apart"


def test_row_and_column_variance(dark):
    x = centered(dark)
    for axis, stated, number, across in ((2, ROW, BATCH * ROWS, COLS), (1, COL, BATCH * COLS, ROWS)):
        crossing = COL if axis == 2 else ROW
        # A line's mean keeps 1/across of the pixel variance; the other bands shift all lines alike.
        measured = x.mean(axis=axis).var(axis=1, ddof=1).mean() - PIXEL_VARIANCE / across
        error = sqrt(2 / number) * (stated**2 + (PIXEL_VARIANCE + crossing**2) / across)
        assert abs(measured - stated**2) <= Z * error
        assert Z * error < 0.12 * stated**2


def covariance(a: np.ndarray, b: np.ndarray, shot: float = 0.0) -> tuple[float, float]:
    """Mean product of two views, and its standard error if they are independent; `shot` is its variance, DN^2."""
    variance = PIXEL_VARIANCE + shot
    pixel, rows, cols = variance**2 / N, ROW**4 / (BATCH * ROWS), COL**4 / (BATCH * COLS)
    cross = 2 * variance * (ROW**2 + COL**2) / N  # a row of one view against the pixels of the other
    return float((centered(a) * centered(b)).mean()), sqrt(pixel + rows + cols + cross)


def test_two_views_share_no_noise(dark):
    both, error = covariance(dark, raw(0.0, view=2))
    assert abs(both) <= Z * error
    assert Z * error < 0.02 * TEMPORAL
    same, _ = covariance(dark, raw(0.0, view=1))
    assert abs(same) > Z * error, "the check cannot fail"


def test_two_views_share_no_shot_noise():
    level = 0.12
    shot = K * level * (WHITE - BLACK)
    a = raw(level)
    both, error = covariance(a, raw(level, view=2), shot)
    assert abs(both) <= Z * error
    assert Z * error < 0.005 * shot, "half a per cent of shared shot noise would go unseen"
    assert covariance(a, a, shot)[0] > Z * error


@pytest.mark.parametrize("nu", [5.0, 10.0])
def test_student_read_noise_has_the_deviation_it_states(nu):
    """Through the stage, so that sigma is the deviation and not the raw scale (a factor of 1.29 at nu = 5)."""
    x = cn.Pipeline([cn.StudentTRead(sigma=3.0, nu=nu)])(torch.zeros(4, 1, 1024, 1024), [1, 2, 3, 4])
    variance, m = block_variance(x.double().numpy().ravel())
    assert abs(variance / 9.0 - 1) <= variance_band(3 + student_t(nu).kurtosis, m)
    assert (nu / (nu - 2)) - 1 > 2 * variance_band(3 + student_t(nu).kurtosis, m)


def test_fixed_columns_are_shared_by_views_and_only_they():
    a, b = raw(0.0, columns="fixed"), raw(0.0, view=2, columns="fixed")
    both, error = covariance(a, b)
    # One body: its 1024 columns are the same in all images, so that many draws and no more.
    drawn = COL**2 * sqrt(2 / COLS)
    assert abs(both - COL**2) <= Z * hypot(error, drawn)
    assert both > Z * error
    # The temporal variance, half that of the difference of two views, lacks them.
    temporal = float(((centered(a) - centered(b)) ** 2).mean()) / 2
    expected = PIXEL_VARIANCE + ROW**2
    bound = Z * variance_error()
    assert abs(temporal - expected) <= bound
    assert COL**2 > bound


def test_fixed_columns_belong_to_the_body():
    bands = cn.Banding(sigma_row=0.0, sigma_col=COL)
    chain, x = cn.Pipeline([bands], name="alpha"), torch.zeros(2, 1, 4, 256)

    def columns(ids, **address):
        return chain(x, ids, **address)[:, 0, 0]

    first = columns([1, 2])
    assert torch.equal(first[0], first[1]), "two samples of one body differ"
    assert torch.equal(columns([3, 4], seed=9, epoch=2, view=5), first), "seed, epoch or view move the pattern"
    assert not torch.equal(columns([1, 2], body="beta"), first)
    assert torch.equal(columns([1, 2], body="alpha"), first)
    named = columns([1, 2], body=["alpha", "beta"])
    assert torch.equal(named[0], first[0])
    assert not torch.equal(named[1], first[0])
    own = columns([1, 2], body="per-sample")
    assert not torch.equal(own[0], own[1])
    assert torch.equal(columns([1, 2], body="per-sample", seed=4), own)


def test_low_light_ratio_scales_signal_and_noise():
    """lambda_shot grows with r, lambda_read with r squared (methods sheet, 1.2)."""
    level, ratio = 0.3, 5.0
    chain = [
        cn.Expose(black=0, white=1000, ratio=ratio),
        *(cn.Shot(), cn.Gain(K=2.0), cn.GaussianRead(sigma=4.0), cn.Normalize()),
    ]
    y = cn.Pipeline(chain)(torch.full((4, 1, 512, 512), level), [1, 2, 3, 4]).double()
    stated = 2.0 * ratio / 1000 * level + ratio**2 * 4.0**2 / 1000**2
    n = y.numel()
    assert abs(y.mean().item() - level) <= Z * sqrt(stated / n)
    assert abs(y.var().item() / stated - 1) <= Z * sqrt(2.1 / n)
