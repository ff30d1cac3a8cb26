"""The Gaussian surrogate: its gradients in everything, its edge at zero variance, and the sensor's moments."""

import math

import pytest
import torch
from scipy import stats

from camnoise import surrogate
from camnoise.charge import Shot
from camnoise.converter import Normalize
from camnoise.light import Expose
from camnoise.pipeline import Pipeline
from camnoise.readout import Gain, GaussianRead
from camnoise.surrogate import Normals, draw_normals, gaussian_sensor, gaussian_variance
from camnoise.testing.bounds import ALPHA, mean_band
from camnoise.vocabulary import heteroscedastic_form

SHAPE = (2, 3, 4, 5)
LEVELS = {"black": 64.0, "white": 1023.0}
NUMBERS = {"K": 0.8, "sigma": 3.0, "ratio": 4.0, "sigma_row": 1.5, "sigma_col": 0.7}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scene(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Light from 0.05 up: away from black, where the variance has a kink."""
    return 0.05 + 0.9 * torch.rand(SHAPE, generator=generator(1), dtype=torch.float64).to(dtype)


# --- gradients


@pytest.mark.parametrize("shape", [(), (2,)])
def test_gradients_in_the_image_and_in_every_number(shape):
    """Against differences of the function, with its noise held fixed."""
    noise = draw_normals(scene(), generator())
    given = [torch.full(shape, value, dtype=torch.float64) for value in (*NUMBERS.values(), *LEVELS.values())]
    inputs = [scene(), *given]
    for x in inputs:
        x.requires_grad_()

    def sensor(image, *values):
        return gaussian_sensor(image, **dict(zip([*NUMBERS, *LEVELS], values, strict=True)), noise=noise)

    def variance(image, *values):
        return gaussian_variance(image, **dict(zip([*NUMBERS, *LEVELS], values, strict=True)))

    assert torch.autograd.gradcheck(sensor, inputs)
    assert torch.autograd.gradcheck(variance, inputs)
    gradients = torch.autograd.grad(sensor(*inputs).square().sum(), inputs)
    assert all((g != 0).all() for g in gradients), "a number has no say"


def test_the_gradient_check_has_teeth():
    """The twin: a deviation that forgets its own gradient is caught."""
    noise = draw_normals(scene(), generator())

    def detached(K):
        spread = gaussian_variance(scene(), K=K, sigma=3.0, **LEVELS).detach().sqrt()
        return scene() + spread * noise.pixel + 0 * K

    K = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.gradcheck(detached, K, raise_exception=False)


def black(light: float) -> dict[str, torch.Tensor]:
    values = {"K": 0.8, "sigma": 0.0, "ratio": 1.0, "sigma_row": 0.0, "sigma_col": 0.0}
    numbers = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    return {"image": torch.full((1, 1, 2, 2), light, requires_grad=True), **numbers}


@pytest.mark.parametrize("light", [0.0, -0.1])
def test_no_variance_has_a_gradient_of_0(light):
    """A black pixel without read noise: nothing is drawn, and only the image itself passes through."""
    given = black(light)
    y = gaussian_sensor(**given, **LEVELS, noise=draw_normals(given["image"], generator()))
    assert torch.equal(y, given["image"])
    gradients = dict(zip(given, torch.autograd.grad(y.sum(), list(given.values())), strict=True))
    assert torch.equal(gradients["image"], torch.ones(1, 1, 2, 2))
    assert all(gradients[name] == 0 for name in ("K", "sigma", "ratio"))
    assert all(gradients[name].isfinite() for name in ("sigma_row", "sigma_col"))


@pytest.mark.parametrize("light", [0.0, -0.1])
def test_a_bare_root_has_no_gradient_there(light, monkeypatch):
    """The twin: neither the root by itself, nor a `where` around it alone."""
    for root in (torch.sqrt, lambda v: torch.where(v > 0, v.sqrt(), 0.0)):
        monkeypatch.setattr(surrogate, "_root", root)
        given = black(light)
        y = gaussian_sensor(**given, **LEVELS, noise=draw_normals(given["image"], generator()))
        gradients = torch.autograd.grad(y.sum(), [given["image"], given["K"], given["sigma"]])
        assert not all(g.isfinite().all() for g in gradients)


def test_below_black_light_has_no_share_in_the_variance():
    image = torch.tensor([-0.2, 0.0, 0.2]).reshape(1, 1, 1, 3).requires_grad_()
    variance = gaussian_variance(image, K=2.0, sigma=3.0, black=0.0, white=1000.0)
    assert variance.flatten().tolist() == pytest.approx([9e-6, 9e-6, 4.09e-4])
    (slope,) = torch.autograd.grad(variance.sum(), image)
    assert slope[0, 0, 0, 0] == 0
    assert slope[0, 0, 0, 2].item() == pytest.approx(0.002)


def test_a_likelihood_finds_the_sensor():
    """Gain and read noise from one exposure of a ramp, by gradient alone, within their standard errors."""
    image = torch.linspace(0.0, 0.8, 128 * 128, dtype=torch.float64).reshape(1, 1, 128, 128)
    noisy = gaussian_sensor(image, K=2.0, sigma=8.0, black=0.0, white=1000.0, generator=generator(4))
    logs = torch.zeros(2, dtype=torch.float64, requires_grad=True)

    def loss():
        K, sigma = logs.exp()
        variance = gaussian_variance(image, K=K, sigma=sigma, black=0.0, white=1000.0)
        return torch.nn.functional.gaussian_nll_loss(image, noisy, variance, eps=1e-12)

    optimizer = torch.optim.LBFGS([logs], line_search_fn="strong_wolfe", max_iter=100)

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)
    with torch.no_grad():
        variance = gaussian_variance(image, K=2.0, sigma=8.0, black=0.0, white=1000.0)
        # Of a normal's variance v the Fisher information is 1 / (2 v^2); the chain rule takes it to the logarithms.
        by = torch.stack([2e-3 * image / variance, 2 * 64e-6 / variance]).flatten(1)
        errors = torch.linalg.inv(by @ by.T / 2).diagonal().sqrt()
        away = (logs.exp() / torch.tensor([2.0, 8.0]) - 1).abs()
    assert (away <= stats.norm.isf(ALPHA / 2) * errors).all()
    assert (stats.norm.isf(ALPHA / 2) * errors < 0.25).all(), "too few pixels to tell"


# --- moments


def misfits(y: torch.Tensor, light: float, variance: float) -> tuple[float, float]:
    """Distances of mean and variance of independent normal pixels, in their bands."""
    error = y.double() - light
    n = error.numel()
    return (
        abs(error.mean().item()) / mean_band(n, math.sqrt(variance)),
        abs(error.square().mean().item() - variance) / mean_band(n, math.sqrt(2) * variance),
    )


@pytest.mark.parametrize("light", [0.0, 0.03, 0.6])
@pytest.mark.parametrize(("rows", "columns"), [(2**18, 1), (1, 2**18)])
def test_moments_are_the_heteroscedastic_form(light, rows, columns):
    """One column of many rows, whose row noise is drawn for each; then one row of many columns."""
    shared = {"sigma_row": 2.5} if columns == 1 else {"sigma_col": 2.5}
    numbers = {"K": 0.8, "ratio": 4.0, **LEVELS, **shared}
    nlf = heteroscedastic_form({**numbers, "sigma_read": 3.0})
    stated = nlf.lambda_shot * light + nlf.lambda_read
    image = torch.full((1, 1, rows, columns), light)
    assert gaussian_variance(image, sigma=3.0, **numbers)[0, 0, 0, 0].item() == pytest.approx(stated, rel=1e-6)
    y = gaussian_sensor(image, sigma=3.0, **numbers, generator=generator(7))
    assert max(misfits(y, light, stated)) <= 1
    # The twin: without the square of the ratio, or without the lines' noise.
    assert light > 0.1 or misfits(y, light, nlf.lambda_shot * light + nlf.lambda_read / 4.0)[1] > 1
    without = nlf.lambda_read * 9.0 / (9.0 + 2.5**2)
    assert misfits(y, light, nlf.lambda_shot * light + without)[1] > 1


def test_the_surrogate_is_the_sensor_in_bright_light():
    """The pipeline's own exposure has this mean and variance too."""
    tail = [Shot(), Gain(K=0.8), GaussianRead(sigma=3.0), Normalize()]
    camera = Pipeline([Expose(**LEVELS, ratio=4.0), *tail])
    image = torch.full((4, 1, 256, 256), 0.6)
    variance = gaussian_variance(image, K=0.8, sigma=3.0, ratio=4.0, **LEVELS)[0, 0, 0, 0].item()
    electrons = 0.6 * (1023 - 64) / (0.8 * 4.0)
    y = camera(image, [1, 2, 3, 4]).double() - 0.6
    assert abs(y.mean().item()) <= mean_band(y.numel(), math.sqrt(variance))
    # A Poisson count's fourth cumulant is its mean: an excess kurtosis of 1 / electrons at the most.
    assert abs(y.square().mean().item() / variance - 1) <= mean_band(y.numel(), math.sqrt(2 + 1 / electrons))


def test_rows_and_columns_share_their_noise():
    image = torch.full((2, 3, 16, 8), 0.5)
    quiet = {"K": 1e-12, "sigma": 0.0, **LEVELS}
    normals = draw_normals(image, generator())
    y = gaussian_sensor(image, **quiet, sigma_row=10.0, noise=normals) - 0.5
    assert torch.allclose(y, (10.0 / 959 * normals.row).expand_as(y), atol=1e-4)
    assert not torch.allclose(y[0], y[1], atol=1e-4), "images share their rows"
    y = gaussian_sensor(image, **quiet, ratio=3.0, sigma_col=10.0, noise=normals) - 0.5
    assert torch.allclose(y, (30.0 / 959 * normals.column).expand_as(y), atol=1e-4)


def test_numbers_may_differ_by_image():
    image, noise = scene(), draw_normals(scene(), generator())
    K, ratio = torch.tensor([0.5, 2.0]), torch.tensor([1.0, 7.0])
    both = gaussian_sensor(image, K=K, sigma=3.0, ratio=ratio, **LEVELS, noise=noise)
    for i in (0, 1):
        one = Normals(*(part[i : i + 1] for part in noise))
        alone = gaussian_sensor(image[i : i + 1], K=K[i].item(), sigma=3.0, ratio=ratio[i].item(), **LEVELS, noise=one)
        assert torch.equal(both[i : i + 1], alone)


# --- dtypes and dice


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_floating_dtype(dtype):
    image = scene(dtype)
    wide = torch.promote_types(dtype, torch.float32)
    noise = draw_normals(image, generator())
    assert noise.pixel.dtype == wide
    y = gaussian_sensor(image, **NUMBERS, **LEVELS, noise=noise)
    assert (y.dtype, y.shape) == (dtype, image.shape)
    # A half is rounded once, at the end: (sigma / S)^2 itself would be 0 in float16.
    exact = gaussian_sensor(image.to(wide), **NUMBERS, **LEVELS, noise=noise)
    assert torch.equal(y, exact.to(dtype))
    small = gaussian_variance(torch.zeros_like(image), K=1.0, sigma=1.0, black=0.0, white=16383.0)
    assert small.dtype == wide
    assert (small > 0).all()


def test_a_generator_makes_it_repeat_and_without_one_it_is_new():
    image = scene()
    one, same, other = (gaussian_sensor(image, **NUMBERS, **LEVELS, generator=generator(s)) for s in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert not torch.equal(*(gaussian_sensor(image, **NUMBERS, **LEVELS) for _ in range(2)))


def test_the_image_is_left_alone():
    image = scene()
    before = image.clone()
    gaussian_sensor(image, **NUMBERS, **LEVELS)
    assert torch.equal(image, before)


# --- errors


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"K": 0.0}, ValueError, "K is 0, wanted above 0"),
        ({"K": torch.tensor([1.0, -2.0])}, ValueError, "K is -2, wanted above 0"),
        ({"K": torch.ones(3)}, ValueError, r"K has shape \(3,\), wanted a number or \(2,\), one per image"),
        ({"K": torch.ones(2, 1)}, ValueError, r"K has shape \(2, 1\), wanted a number"),
        ({"sigma": -1.0}, ValueError, "sigma is -1, wanted 0 or more"),
        ({"sigma": math.inf}, ValueError, "sigma is inf, wanted 0 or more"),
        ({"ratio": math.nan}, ValueError, "ratio is nan, wanted above 0"),
        ({"sigma_row": -1.0}, ValueError, "sigma_row is -1, wanted 0 or more"),
        ({"sigma_col": -1.0}, ValueError, "sigma_col is -1, wanted 0 or more"),
        ({"white": 64.0}, ValueError, "white - black is 0 DN, wanted above 0"),
        ({"image": torch.zeros(4, 5)}, ValueError, r"image has shape \(4, 5\), wanted \(batch, channel, row, col\)"),
        ({"image": torch.zeros(SHAPE, dtype=torch.int32)}, TypeError, "image is torch.int32, wanted a floating dtype"),
        ({"noise": draw_normals(torch.zeros(1, 3, 4, 5))}, ValueError, r"noise.pixel has shape \(1, 3, 4, 5\), wanted"),
        ({"noise": draw_normals(scene()), "generator": generator()}, ValueError, "got both noise and generator"),
    ],
)
def test_what_no_sensor_has_is_named(change, kind, message):
    with pytest.raises(kind, match=message):
        gaussian_sensor(**{"image": scene(), **NUMBERS, **LEVELS, **change})


def test_the_likelihood_needs_a_smaller_eps_than_torchs():
    """With torch's own the gradient in sigma has the wrong sign where a sensor's variance is below 1e-6."""
    image = torch.full((1, 1, 64, 64), 0.001, dtype=torch.float64)
    numbers = {"K": 0.1, "black": 0.0, "white": 15871.0}
    truth = gaussian_sensor(image, sigma=3.0, generator=torch.Generator().manual_seed(0), **numbers)

    def slope(eps: float) -> float:
        sigma = torch.tensor(6.0, dtype=torch.float64, requires_grad=True)  # too large: the loss must grow with it
        variance = gaussian_variance(image, sigma=sigma, **numbers)
        torch.nn.functional.gaussian_nll_loss(image, truth, variance, eps=eps).backward()
        return float(sigma.grad)

    assert slope(1e-30) > 0
    assert slope(1e-6) < slope(1e-30) / 2
