"""Conversions there and back, published numbers, and whole sensors against their noise level functions."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from camnoise import vocabulary as words
from camnoise.banding import Banding, PeriodicBanding
from camnoise.charge import DarkCurrent, HotPixels, Shot
from camnoise.converter import Normalize, Quantize
from camnoise.distributions import LogUniform
from camnoise.flat import Flat
from camnoise.light import Expose
from camnoise.nlf import Heteroscedastic
from camnoise.pipeline import Pipeline
from camnoise.readout import Gain, GaussianRead, PreampRead, StudentTRead, TukeyLambdaRead
from camnoise.testing.bounds import mean_band
from camnoise.vocabulary import NLF, SensorNumbers

GAINS = st.floats(1e-3, 1e3)
DEVIATIONS = st.floats(1e-3, 1e3)
RATIOS = st.floats(1, 1e3)
BLACKS = st.floats(0, 1024)
SPANS = st.floats(255, 65_535)
NLFS = st.builds(NLF, st.floats(1e-9, 10), st.floats(0, 10))
DEPTHS = st.integers(8, 16)


def close(number: float | tuple[float, ...]) -> object:
    return pytest.approx(number, rel=1e-12)


# --- noise level functions


def test_the_noise_of_a_published_flat_field():
    """Methods sheet, 1.2: x = 0.3, K = 2, S = 1000, r = 5 has a variance of 0.0030."""
    shot, read = words.to_nlf(2.0, 0.0, black=0.0, white=1000.0, ratio=5.0)
    assert shot * 0.3 + read == close(0.0030)
    assert words.to_nlf(2.0, 4.0, black=24.0, white=1024.0, ratio=5.0) == close((0.01, 0.0004))


@given(K=GAINS, sigma=DEVIATIONS, black=BLACKS, span=SPANS, ratio=RATIOS)
def test_nlf_there_and_back(K, sigma, black, span, ratio):
    levels = {"black": black, "white": black + span, "ratio": ratio}
    nlf = words.to_nlf(K, sigma, **levels)
    assert words.from_nlf(nlf, **levels) == close((K, sigma))
    assert words.to_nlf(*words.from_nlf(nlf, **levels), **levels) == close(nlf)


@given(nlf=NLFS, first=RATIOS, second=RATIOS)
def test_ratios_multiply(nlf, first, second):
    in_turn = words.with_ratio(words.with_ratio(nlf, first), second)
    assert in_turn == close(words.with_ratio(nlf, first * second))
    assert words.with_ratio(words.with_ratio(nlf, first), 1 / first) == close(nlf)


@given(K=GAINS, sigma=DEVIATIONS, black=BLACKS, span=SPANS, ratio=RATIOS)
def test_a_ratio_may_come_before_or_after(K, sigma, black, span, ratio):
    levels = {"black": black, "white": black + span}
    assert words.to_nlf(K, sigma, **levels, ratio=ratio) == close(
        words.with_ratio(words.to_nlf(K, sigma, **levels), ratio)
    )


def test_a_fitted_offset_may_be_negative_until_a_deviation_is_asked_for():
    fitted = NLF(0.01, -1e-5)
    assert words.with_ratio(fitted, 2.0) == close((0.02, -4e-5))
    with pytest.raises(ValueError, match="lambda_read is -1e-05, wanted 0 or more"):
        words.from_nlf(fitted, black=0.0, white=1.0)


# --- DNG


@given(planes=st.lists(NLFS, min_size=1, max_size=4))
def test_noise_profile_there_and_back(planes):
    tag = words.to_noise_profile(planes)
    assert tag == [number for nlf in planes for number in (nlf.lambda_shot, nlf.lambda_read)]
    assert words.from_noise_profile(tag) == planes
    assert words.from_noise_profile([tuple(nlf) for nlf in planes]) == planes


@given(K=GAINS, sigma=DEVIATIONS, black=BLACKS, span=SPANS)
def test_noise_profile_of_a_sensor(K, sigma, black, span):
    levels = {"black": black, "white": black + span}
    tag = words.to_noise_profile([words.to_nlf(K, sigma, **levels)])
    scale, offset = tag
    assert (scale, offset) == close((K / (levels["white"] - black), (sigma / (levels["white"] - black)) ** 2))
    assert words.from_nlf(*words.from_noise_profile(tag), **levels) == close((K, sigma))


# --- EMVA 1288


@given(K=GAINS, sigma=DEVIATIONS)
def test_emva_there_and_back(K, sigma):
    assert words.from_emva(K, words.to_emva(K, sigma)) == close(sigma)
    assert words.to_emva(K, words.from_emva(K, sigma)) == close(sigma)


@pytest.mark.parametrize("step", [1.0, 4.0])
def test_the_dark_variance_of_emva_is_that_of_dark_frames(step):
    """A quarter of a million dark pixels through the converter; without q^2/12, or with it twice, it fails."""
    K, sigma_d = 0.5, 8.0
    sigma = words.from_emva(K, sigma_d)
    levels = Expose(black=500, white=4095)
    chain = Pipeline([levels, Shot(), Gain(K=K), GaussianRead(sigma=sigma), Quantize(bits=12, step=step)])
    square = (chain(torch.zeros(1, 1, 512, 512), [1]).double() - 500.0) ** 2
    band = mean_band(square.numel(), math.sqrt(2.0))
    assert abs(square.mean().item() / words.emva_dark_variance(K, sigma_d, step) - 1) <= band
    if step == 4.0:
        assert abs(square.mean().item() / sigma**2 - 1) > band
        assert abs(square.mean().item() / (sigma**2 + step**2 / 6) - 1) > band


# --- ELD


@pytest.mark.parametrize(
    ("lam", "variance"),
    [(-0.2, 7.485), (-0.1, 4.781), (0.0, 3.290), (0.1, 2.378), (0.14, 2.110), (0.2, 1.780)],
)
def test_the_deviation_of_a_unit_scale(lam, variance):
    """Methods sheet, 1.3, to its last digit; and of all words at lam = -0.2 a little less than the ideal law."""
    assert words.tukey_sigma(1.0, lam) ** 2 == pytest.approx(variance, abs=0.0006)
    if lam:
        u = np.float64(np.float32(lam))
        squares = 1 / (1 + 2 * u) - math.gamma(1 + u) ** 2 / math.gamma(2 + 2 * u)
        assert words.tukey_sigma(3.0, lam) == pytest.approx(3.0 * math.sqrt(2 * squares) / abs(u), rel=3e-6)


@given(scale=DEVIATIONS, lam=st.floats(-0.35, 2))
def test_tukey_scale_there_and_back(scale, lam):
    assert words.tukey_scale(words.tukey_sigma(scale, lam), lam) == close(scale)
    assert words.tukey_sigma(words.tukey_scale(scale, lam), lam) == close(scale)


@given(size=st.floats(2.0**-10, 1024, width=32), lam=st.floats(-0.35, 0.5))
def test_tukey_scale_is_that_of_the_stage_to_the_bit(size, lam):
    stated = Pipeline([TukeyLambdaRead(scale=size, lam=lam)]).draw([0])
    assert stated["sigma_read"].item() == np.float32(words.tukey_sigma(size, lam))
    derived = Pipeline([TukeyLambdaRead(sigma=size, lam=lam)]).draw([0])
    assert derived["scale_read"].item() == np.float32(words.tukey_scale(size, lam))


# --- bit depth


@given(
    numbers=st.builds(SensorNumbers, GAINS, DEVIATIONS, BLACKS, SPANS.map(lambda s: s + 1024), st.floats(0.25, 4)),
    a=DEPTHS,
    b=DEPTHS,
)
def test_bits_there_and_back(numbers, a, b):
    """Powers of two: exact, and the noise level function with them."""
    there = words.rescale_bits(numbers, from_bits=a, to_bits=b)
    assert words.rescale_bits(there, from_bits=b, to_bits=a) == numbers
    assert there.step / numbers.step == 2.0 ** (b - a)
    nlf = [words.to_nlf(n.K, n.sigma, black=n.black, white=n.white) for n in (numbers, there)]
    assert nlf[0] == nlf[1]


def test_a_white_at_the_very_top_is_beyond_a_shallower_converter():
    K, sigma, black, white, step = words.rescale_bits(
        SensorNumbers(K=2.0, sigma=4.0, black=512.0, white=16383.0), from_bits=14, to_bits=12
    )
    assert (K, sigma, black, white, step) == (0.5, 1.0, 128.0, 4095.75, 0.25)
    tail = (Shot(), Gain(K=K), GaussianRead(sigma=sigma), Quantize(bits=12))
    with pytest.raises(ValueError, match="white is 4095.75 DN, wanted at most 4095"):
        Pipeline([Expose(black=black, white=white), *tail])
    Pipeline([Expose(black=black, white=4095), *tail])
    more = words.to_nlf(K, sigma, black=black, white=4095.0).lambda_shot
    assert more / words.to_nlf(K, sigma, black=black, white=white).lambda_shot == pytest.approx(1.0002, abs=5e-5)


@given(slope=st.floats(-2, 2), bias=st.floats(-5, 5), K=GAINS, a=DEPTHS, b=DEPTHS)
def test_a_line_in_the_gain_at_another_depth(slope, bias, K, a, b):
    sigma = math.exp(slope * math.log(K) + bias)
    there = words.rescale_bits(SensorNumbers(K, sigma, 0.0, 1.0), from_bits=a, to_bits=b)
    moved = words.rescale_bias(slope, bias, from_bits=a, to_bits=b)
    assert slope * math.log(there.K) + moved == pytest.approx(math.log(there.sigma), rel=1e-12, abs=1e-12)
    assert words.rescale_bias(slope, moved, from_bits=b, to_bits=a) == pytest.approx(bias, rel=1e-12, abs=1e-12)


# --- whole sensors

ROWS = 2**16  # of one column: each pixel has row noise of its own, so that all are independent
BATCH = 4


def sensor(K: float, sigma: float, row: float, black: float, ratio: float, step: float) -> Pipeline:
    return Pipeline(
        [
            *(Expose(black=black, white=16383.0, ratio=ratio), Shot(), PreampRead(sigma=1.5), Gain(K=K)),
            *(GaussianRead(sigma=sigma), Banding(sigma_row=row), Quantize(bits=14, step=step), Normalize()),
        ]
    )


def misfit(camera: Pipeline, light: float, nlf: NLF) -> tuple[float, float]:
    """Of a flat field: its mean's and its variance's distance from those stated, in their bands."""
    drawn = camera.draw([0]).sample(0)
    stated = nlf.lambda_shot * light + nlf.lambda_read
    K4 = (drawn["K"] * drawn["ratio"] / (drawn["white"] - drawn["black"])) ** 4
    cumulant = K4 * light * drawn["electrons_at_white"]  # of the Poisson counts; that of rounding is negative
    x = camera(torch.full((BATCH, 1, ROWS, 1), light), range(BATCH), seed=3).double() - light
    n = x.numel()
    mean = abs(x.mean().item()) / mean_band(n, math.sqrt(stated))
    # Squares about the stated mean are independent and have the stated variance as their mean.
    spread = (x**2).mean().item() - stated
    return mean, abs(spread) / mean_band(n, math.sqrt(2 * stated**2 + cumulant))


@settings(max_examples=12)
@given(
    light=st.floats(0, 0.7),
    K=st.floats(0.2, 20),
    sigma=st.floats(1, 8),
    row=st.floats(0, 4),
    black=st.integers(512, 1024),
    ratio=st.floats(1, 300),
    step=st.sampled_from([1.0, 2.0]),
)
def test_a_whole_sensor_has_its_heteroscedastic_form(light, K, sigma, row, black, ratio, step):
    """Eight deviations inside the limits of the converter, and at least half a step of noise."""
    camera = sensor(K, sigma, row, float(black), ratio, step)
    mean, variance = misfit(camera, light, words.heteroscedastic_form(camera.draw([0]).sample(0)))
    assert mean <= 1
    assert variance <= 1


@pytest.mark.parametrize("light", [0.0, 0.02, 0.4])
def test_the_form_check_has_teeth(light):
    """Read noise that grows with r, and not with its square; and shot noise that forgets it."""
    camera = sensor(K=2.0, sigma=5.0, row=2.0, black=512.0, ratio=4.0, step=2.0)
    right = words.heteroscedastic_form(camera.draw([0]).sample(0))
    assert misfit(camera, light, right)[1] <= 1
    assert light > 0.1 or misfit(camera, light, right._replace(lambda_read=right.lambda_read / 4.0))[1] > 1
    assert light == 0 or misfit(camera, light, right._replace(lambda_shot=right.lambda_shot / 4.0))[1] > 1


@settings(max_examples=50)
@given(
    light=st.floats(0.05, 0.3),
    K=st.floats(0.2, 8),
    sigmas=st.lists(st.floats(0.5, 8), min_size=5, max_size=5),
    dark=st.floats(0, 20),
    ratio=st.floats(1, 4),
    columns=st.sampled_from(["fixed", "temporal"]),
)
def test_the_form_is_what_the_stages_state_together(light, K, sigmas, dark, ratio, columns):
    """Every term, alone too: each stage says what it does to a flat field."""
    read, row, col, periodic, preamp = sigmas
    camera = Pipeline(
        [
            *(Expose(black=1024, white=16383, ratio=ratio), DarkCurrent(current=dark, seconds=2.0, celsius=32.0)),
            *(Shot(), PreampRead(sigma=preamp), Gain(K=K), TukeyLambdaRead(sigma=read, lam=-0.1)),
            *(Banding(sigma_row=row, sigma_col=col, columns=columns), PeriodicBanding(sigma=periodic, period=9.0)),
            *(Quantize(bits=14), Normalize()),
        ]
    )
    drawn = camera.draw([0]).sample(0)
    flat = Flat(light)
    for stage in camera.stages:
        flat = stage.expect(flat, drawn)
        flat = replace(flat, unit=stage.gives or flat.unit)
    nlf = words.heteroscedastic_form(drawn)
    # The parameters are float32 numbers, and `electrons_at_white` another that follows from them.
    assert nlf.lambda_shot * light + nlf.lambda_read == pytest.approx(flat.variance, rel=1e-6)
    shift = ratio * K * dark * 4.0 / (16383 - 1024)  # seven degrees double it
    assert flat.mean - light == pytest.approx(shift, rel=1e-5, abs=1e-6)
    Heteroscedastic(**nlf._asdict())


def test_each_part_counts_once():
    table = {"K": 2.0, "black": 100.0, "white": 1100.0, "ratio": 10.0}
    base = words.heteroscedastic_form(table)
    assert base == close((0.02, 0.0))
    parts = {
        "sigma_read": 3.0**2,
        "sigma_row": 3.0**2,
        "sigma_col": 3.0**2,
        "sigma_periodic": 3.0**2,
        "sigma_preamp": (2.0 * 3.0) ** 2,
        "step": 3.0**2 / 12,
    }
    for name, variance in parts.items():
        nlf = words.heteroscedastic_form({**table, name: 3.0})
        assert nlf == close((0.02, variance * 1e-4)), name
    dark = words.heteroscedastic_form({**table, "dark_current": 5.0, "dark_time": 4.0})
    assert dark == close((0.02, 4.0 * 20.0 * 1e-4))


def test_the_form_of_a_sensor_that_varies_is_that_of_each_image():
    camera = Pipeline(
        [
            *(Expose(black=0, white=1000), Shot(), Gain(K=LogUniform(low=1, high=8))),
            *(GaussianRead(sigma=3.0), Normalize()),
        ]
    )
    drawn = camera.draw([1, 2])
    forms = [words.heteroscedastic_form(drawn.sample(image)) for image in (0, 1)]
    assert [form.lambda_shot * 1000 for form in forms] == pytest.approx(drawn["K"].tolist())
    assert forms[0].lambda_shot != forms[1].lambda_shot


# --- errors

LEVELS = {"black": 0.0, "white": 1000.0}
NUMBERS = SensorNumbers(1.0, 1.0, 0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: words.to_nlf(0.0, 1.0, **LEVELS), "K is 0, wanted above 0"),
        (lambda: words.to_nlf(math.inf, 1.0, **LEVELS), "K is inf, wanted above 0"),
        (lambda: words.to_nlf(1.0, -1.0, **LEVELS), "sigma is -1, wanted 0 or more"),
        (lambda: words.to_nlf(1.0, math.nan, **LEVELS), "sigma is nan, wanted 0 or more"),
        (lambda: words.to_nlf(1.0, 1.0, black=64.0, white=64.0), "white is 64, wanted above black, 64"),
        (lambda: words.to_nlf(1.0, 1.0, black=-math.inf, white=64.0), "black is -inf, wanted a finite number"),
        (lambda: words.to_nlf(1.0, 1.0, **LEVELS, ratio=0.0), "ratio is 0, wanted above 0"),
        (lambda: words.from_nlf(NLF(0.0, 0.0), **LEVELS), "lambda_shot is 0, wanted above 0"),
        (lambda: words.from_nlf(NLF(1.0, 0.0), **LEVELS, ratio=-2.0), "ratio is -2, wanted above 0"),
        (lambda: words.from_nlf(NLF(1.0, 0.0), black=2.0, white=1.0), "white is 1, wanted above black, 2"),
        (lambda: words.with_ratio(NLF(1.0, 0.0), 0.0), "ratio is 0, wanted above 0"),
        (lambda: words.with_ratio(NLF(math.nan, 0.0), 1.0), "lambda_shot is nan, wanted a finite number"),
        (lambda: words.with_ratio(NLF(1.0, math.inf), 1.0), "lambda_read is inf, wanted a finite number"),
        (lambda: words.to_noise_profile([]), "planes is empty"),
        (lambda: words.to_noise_profile([NLF(1.0, -1.0)]), "lambda_read is -1, wanted 0 or more"),
        (lambda: words.from_noise_profile([]), "NoiseProfile has 0 values, wanted S and O of each plane"),
        (lambda: words.from_noise_profile([1e-3, 1e-6, 1e-3]), "NoiseProfile has 3 values"),
        (lambda: words.from_noise_profile([(1e-3,), (1e-6, 1e-3, 0.0)]), "NoiseProfile has 4 values"),
        (lambda: words.from_noise_profile([-1e-3, 1e-6]), "lambda_shot is -0.001, wanted above 0"),
        (lambda: words.to_emva(0.0, 1.0), "K is 0, wanted above 0"),
        (lambda: words.to_emva(1.0, -1.0), "sigma is -1, wanted 0 or more"),
        (lambda: words.from_emva(-1.0, 1.0), "K is -1, wanted above 0"),
        (lambda: words.from_emva(1.0, -1.0), "sigma_d is -1, wanted 0 or more"),
        (lambda: words.emva_dark_variance(1.0, 1.0, 0.0), "step is 0, wanted above 0"),
        (lambda: words.tukey_sigma(-1.0, 0.1), "scale is -1, wanted 0 or more"),
        (lambda: words.tukey_sigma(1.0, -0.5), "Tukey lambda shape is -0.5, wanted -0.49 to 2"),
        (lambda: words.tukey_scale(1.0, -0.36), "Tukey lambda shape is -0.36, wanted -0.35 to 2"),
        (lambda: words.tukey_scale(1.0, 2.1), "Tukey lambda shape is 2.1, wanted"),
        (lambda: words.tukey_scale(-1.0, 0.1), "sigma is -1, wanted 0 or more"),
        (lambda: words.rescale_bits(NUMBERS, from_bits=0, to_bits=12), "from_bits is 0, wanted 1 to 24"),
        (lambda: words.rescale_bits(NUMBERS, from_bits=12, to_bits=25), "to_bits is 25, wanted 1 to 24"),
        (lambda: words.rescale_bits(NUMBERS._replace(K=0.0), from_bits=12, to_bits=14), "K is 0, wanted above 0"),
        (lambda: words.rescale_bits(NUMBERS._replace(sigma=-1.0), from_bits=12, to_bits=14), "sigma is -1"),
        (lambda: words.rescale_bits(NUMBERS._replace(white=0.0), from_bits=12, to_bits=14), "white is 0, wanted above"),
        (lambda: words.rescale_bits(NUMBERS._replace(step=0.0), from_bits=12, to_bits=14), "step is 0, wanted above 0"),
        (lambda: words.rescale_bias(math.nan, 0.0, from_bits=12, to_bits=14), "slope is nan, wanted a finite number"),
        (lambda: words.rescale_bias(0.0, math.inf, from_bits=12, to_bits=14), "bias is inf, wanted a finite number"),
        (lambda: words.heteroscedastic_form({"K": 1.0, "black": 0.0}), "drawn has no white and no ratio"),
        (lambda: words.heteroscedastic_form({**LEVELS, "K": 1.0, "ratio": 1.0, "sigma_row": -1.0}), "sigma_row is -1"),
    ],
)
def test_a_number_that_no_sensor_has_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_read_noise_without_a_deviation_has_no_form():
    """Of a raw scale Student t states no deviation: below two degrees of freedom there is none."""
    chain = [Expose(black=0, white=1000), Shot(), Gain(K=1.0), StudentTRead(scale=1.0, nu=1.5), Normalize()]
    with pytest.raises(ValueError, match="drawn has scale_read and no sigma_read"):
        words.heteroscedastic_form(Pipeline(chain).draw([0]).sample(0))


def test_the_charge_of_hot_pixels_has_shot_noise_too():
    """The temporal variance of a dark sensor, from differences of views; their pattern itself is none of it."""
    stages = [
        Expose(black=64, white=4095),
        DarkCurrent(current=3.0, seconds=5.0),
        HotPixels(fraction=0.05, current=20.0),
    ]
    chain = Pipeline([*stages, Shot(), Gain(K=2.0), GaussianRead(sigma=3.0), Normalize()])
    stated = words.heteroscedastic_form(chain.draw([0]).sample(0)).lambda_read
    a, b = chain.views(torch.zeros(4, 1, 512, 512), range(4), scheme="n2n", body="per-sample").views.double()
    squares = (a - b) ** 2 / 2
    error = float(squares.std()) / squares.numel() ** 0.5  # of their own scatter, which hot pixels make large
    assert abs(float(squares.mean()) - stated) <= 6.1 * error
    assert 6.1 * error < 0.05 * stated < 5 * 2.0**2 / 4031**2, "the 5 electrons of hot pixels would go unseen"


# --- single programs and papers

ISOS = st.floats(25, 102_400)


@given(k=GAINS, before=DEVIATIONS, after=DEVIATIONS, iso=ISOS)
def test_hdr_merging_there_and_back(k, before, after, iso):
    numbers = words.from_hdr(k, before, after, iso=iso)
    assert words.to_hdr(numbers, iso=iso) == close((k, before, after))
    assert words.from_hdr(*words.to_hdr(numbers, iso=iso), iso=iso) == close(tuple(numbers))
    # The variance that it states of a dark pixel: (std_read g k)^2 + (std_adc k)^2.
    K, preamp, sigma = numbers
    assert (K * preamp) ** 2 + sigma**2 == close(((before * iso / 100) ** 2 + after**2) * k**2)


@given(gain=GAINS, read_noise=DEVIATIONS)
def test_galsim_there_and_back(gain, read_noise):
    assert words.to_galsim(*words.from_galsim(gain, read_noise)) == close((gain, read_noise))
    K, sigma = words.from_galsim(gain, read_noise)
    assert words.to_emva(K, sigma) == close(read_noise)


def test_polynomials_of_pmrid():
    """Published (OPPO Reno 10x, ISO 1600): 0.968 DN per electron and 1.73 DN, the root of their "sigma"."""
    K, sigma = words.from_pmrid((0.0005995267, 0.00868861), (7.11772e-07, 0.0006514934, 0.11492713), 1600)
    assert close(0.0005995267 * 1600 + 0.00868861) == K
    assert sigma**2 == close(7.11772e-07 * 1600**2 + 0.0006514934 * 1600 + 0.11492713)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: words.from_hdr(0, 1, 1, iso=100), "gain is 0, wanted above 0"),
        (lambda: words.from_hdr(1, -1, 1, iso=100), "std_read is -1, wanted 0 or more"),
        (lambda: words.to_hdr(words.SplitNumbers(1, 1, 1), iso=0), "iso is 0, wanted above 0"),
        (lambda: words.from_galsim(float("nan"), 1), "gain is nan, wanted above 0"),
        (lambda: words.to_galsim(1, -2), "sigma is -2, wanted 0 or more"),
        (lambda: words.from_pmrid((-1, 0), (0, 0, 1), 100), "k at ISO 100 is -100, wanted above 0"),
        (lambda: words.from_pmrid((1, 0), (0, 0, -1), 100), "variance at ISO 100 is -1, wanted 0 or more"),
    ],
)
def test_numbers_of_no_sensor(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
