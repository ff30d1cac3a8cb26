"""Unprocess and Develop: the published numbers, each other's inverse, the same bits under every cut."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import stats

import camnoise as cn
from camnoise.color import IDENTITY, SRGB_TO_XYZ, XYZ_TO_CAMERA, inverse, product, random_cameras, with_unit_rows
from camnoise.develop import gamma_compressed, smoothstep, srgb_encoded
from camnoise.domains import domain_of, filter_tile
from camnoise.flat import Flat
from camnoise.light import decode_srgb
from camnoise.testing.bounds import dkw
from camnoise.unprocess import gamma_expanded, inverse_smoothstep, protected

ULP = 2.0**-24  # of values up to 1, half a step of float32
RGB = [r + c for r in "RGB" for c in "RGB"]
CURVES = [{"curve": curve, "tone_curve": tone} for curve in ("gamma", "srgb") for tone in (True, False)]


def numbers(count: int = 2000, low: float = 1e-9) -> torch.Tensor:
    """Edges, even steps, and numbers uniform in their logarithm, which meet all depths."""
    rng = np.random.Generator(np.random.PCG64(1))
    deep = np.exp(rng.uniform(np.log(low), 0, count))
    edges = [low, 1e-8, 0.0031308, 0.04045, 0.5 - 2.0**-25, 0.5, 0.5 + 2.0**-24, 1 - 2.0**-24, 1.0]
    return torch.from_numpy(np.concatenate([edges, np.linspace(low, 1, count), deep]).astype(np.float32))


def relative_errors(got: torch.Tensor, exact, x: torch.Tensor) -> float:
    """The largest, against 40 digits."""
    with mpmath.workdps(40):
        return max(
            float(abs(mpmath.mpf(y) / exact(mpmath.mpf(v)) - 1)) for y, v in zip(got.tolist(), x.tolist(), strict=True)
        )


# --- curves


@pytest.mark.parametrize(
    ("function", "exact", "bound"),
    [
        (inverse_smoothstep, lambda v: mpmath.mpf(1) / 2 - mpmath.sin(mpmath.asin(1 - 2 * v) / 3), 2e-7),
        (smoothstep, lambda u: u * u * (3 - 2 * u), 2e-7),
        (gamma_expanded, lambda u: max(u, mpmath.mpf(float(np.float32(1e-8)))) ** mpmath.mpf("2.2"), 7e-7),
        (gamma_compressed, lambda x: max(x, mpmath.mpf(float(np.float32(1e-8)))) ** (1 / mpmath.mpf("2.2")), 3e-7),
        (
            srgb_encoded,
            lambda x: (
                x * mpmath.mpf("12.92")
                if x <= mpmath.mpf(float(np.float32(0.0031308)))
                else mpmath.mpf("1.055") * x ** (1 / mpmath.mpf("2.4")) - mpmath.mpf("0.055")
            ),
            5e-7,
        ),
    ],
    ids=["inverse_smoothstep", "smoothstep", "gamma_expanded", "gamma_compressed", "srgb_encoded"],
)
def test_curves_are_their_formulas(function, exact, bound):
    x = numbers()
    assert relative_errors(function(x), exact, x) <= bound


def test_the_check_of_curves_has_teeth():
    """A relative 4e-7, seven steps of float32, is seen."""
    x = numbers(50)
    assert (
        relative_errors(inverse_smoothstep(x) * (1 + 4e-7), lambda v: 0.5 - mpmath.sin(mpmath.asin(1 - 2 * v) / 3), x)
        > 2e-7
    )


def test_curves_end_where_they_should():
    ends = torch.tensor([0.0, 1.0])
    for function in (inverse_smoothstep, smoothstep, srgb_encoded):
        assert function(ends).tolist() == [0.0, 1.0], function.__name__
    assert gamma_expanded(ends)[1] == gamma_compressed(ends)[1] == 1.0
    # Black is lifted by the published floor, by 0.06 of an 8-bit step.
    assert gamma_compressed(gamma_expanded(ends))[0].item() == pytest.approx(1e-8 ** (1 / 2.2), rel=1e-6)
    assert not inverse_smoothstep(torch.tensor([1e-30, 2e-45])).any()


def test_inverse_curves_are_inverse():
    """Twice the stated relative errors, carried through slopes (of the logarithms) of at most 2.2 and 2."""
    x = numbers(low=1e-6)
    assert ((smoothstep(inverse_smoothstep(x)) / x - 1).abs() <= 2e-7 + 2 * 2e-7).all()
    assert ((gamma_compressed(gamma_expanded(x)).double() / x.clamp(min=2.4e-4) - 1).abs() <= 3e-7 + 7e-7 / 2.2)[
        x > 2.4e-4
    ].all()
    assert ((decode_srgb(srgb_encoded(x)) / x - 1).abs() <= 5e-7 + 2.4 * 5e-7).all()


# --- published numbers


def test_the_published_constants():
    """Each camera by its diagonal and its row sums, added by hand from the published code."""
    assert [[camera[k][k] for k in range(3)] for camera in XYZ_TO_CAMERA] == [
        *([1.0234, 1.6328, 0.6406], [0.4913, 1.3513, 0.7183], [0.838, 1.0725, 0.5438], [0.6596, 1.3016, 0.5181]),
    ]
    sums = [*((0.4999, 1.0234, 0.7891), (0.417, 1.0289, 0.777), (0.5111, 1.0334, 0.6238), (0.3955, 1.0167, 0.5792))]
    for camera, wanted in zip(XYZ_TO_CAMERA, sums, strict=True):
        assert [sum(row) for row in camera] == pytest.approx(wanted, abs=1e-12)
    assert [sum(row) for row in SRGB_TO_XYZ] == pytest.approx([0.95047, 1.0, 1.08883], abs=2e-5)  # white is D65
    stage = cn.Unprocess()
    assert (stage.dimming, stage.red_gain, stage.blue_gain) == (
        cn.Normal(mean=0.8, sigma=0.1),
        cn.Uniform(low=1.9, high=2.4),
        cn.Uniform(low=1.5, high=1.9),
    )
    assert (stage.tone_curve, stage.curve, cn.Develop().tone_curve, cn.Develop().curve) == (
        True,
        "gamma",
        False,
        "gamma",
    )


def test_matrices_are_those_of_matmul():
    weights = torch.rand(50, 4, generator=torch.Generator().manual_seed(1))
    got = random_cameras(weights.unbind(1))
    w = weights.double().numpy()
    mean = np.tensordot(w, np.array(XYZ_TO_CAMERA), 1) / w.sum(1)[:, None, None]
    want = mean @ np.array(SRGB_TO_XYZ)
    want /= want.sum(2, keepdims=True)
    assert np.abs(got - want).max() <= 1e-14
    assert np.abs(inverse(got) @ got - np.eye(3)).max() <= 1e-14
    assert np.abs(product(got, inverse(got)) - np.eye(3)).max() <= 1e-14
    assert np.abs(with_unit_rows(got * 3).sum(2) - 1).max() <= 1e-15


@pytest.mark.parametrize(("gray", "share"), [(0.5, 0.0), (0.9, 0.0), (0.95, 0.25), (1.0, 1.0)])
def test_highlights_by_hand(gray, share):
    """alpha = ((mean - 0.9) / 0.1)^2; gains 0.4, 0.8 and 0.5 come that part of the way to 1."""
    x, gains = torch.full((1, 3, 1, 1), gray), torch.tensor([0.4, 0.8, 0.5]).reshape(1, 3, 1, 1)
    wanted = [gray * (share + (1 - share) * gain) for gain in (0.4, 0.8, 0.5)]
    assert protected(x, gains).flatten().tolist() == pytest.approx(
        wanted, abs=3e-6
    )  # 0.1 has 6e-8 of the way: x 10 x 2
    # A gain above 1 stays: nothing is made darker.
    assert protected(x, torch.full_like(gains, 1.25)).flatten().tolist() == pytest.approx([gray * 1.25] * 3, abs=2e-7)


def test_the_mean_of_the_planes_protects_them():
    x = torch.tensor([1.0, 0.95, 0.9]).reshape(1, 3, 1, 1)  # mean 0.95
    gains = torch.full((1, 3, 1, 1), 0.5)
    assert (protected(x, gains) / x).flatten().tolist() == pytest.approx([0.625] * 3, abs=3e-6)
    assert torch.equal(protected(x * 0.9, gains), x * 0.9 * gains)


def test_highlights_are_not_told_apart():
    """Two gains, one result: protection has no inverse, and Develop brings back the white alone."""
    white = torch.ones(1, 3, 1, 1)
    low, high = (protected(white, torch.full((1, 3, 1, 1), gain)) for gain in (0.3, 0.6))
    assert (low - high).abs().max() <= 4e-6  # 20 times the rounding of the mean
    chain = cn.Pipeline([cn.Unprocess(), cn.Develop(tone_curve=True)])
    assert chain(white, [1]).flatten().tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    light = torch.full((1, 3, 1, 1), 0.997)  # linear 0.93
    assert (chain(light, [1]) - light).abs().max() > 1e-3


# --- what is drawn


def test_gains_have_the_published_laws():
    count = 100_000
    drawn = cn.Pipeline([cn.Unprocess()]).draw(range(count), seed=5)
    laws = {
        "red_gain": stats.uniform(1.9, 0.5),
        "blue_gain": stats.uniform(1.5, 0.4),
        "dimming": stats.norm(0.8, 0.1),
        **{f"ccm_{number}": stats.uniform(0, 1) for number in range(4)},
    }
    columns = {name: drawn[name].double().numpy() for name in laws}
    for name, law in laws.items():  # seven checks of chance 1e-9 each
        assert stats.ks_1samp(columns[name], law.cdf).statistic <= dkw(count), name
    correlations = np.corrcoef(list(columns.values())) - np.eye(len(laws))
    assert np.abs(correlations).max() <= 7 / np.sqrt(count)  # 21 pairs, chance 6e-11 in all
    assert torch.equal(drawn["rgb_gain"], 1 / drawn["dimming"])
    assert stats.ks_1samp(1 / drawn["rgb_gain"].double().numpy(), stats.norm(0.8, 0.1).cdf).statistic <= dkw(count)
    # The check can fail: the law of the code of some that copy it, N(0.8, 0.1) for the gain itself.
    assert stats.ks_1samp(drawn["rgb_gain"].double().numpy(), laws["dimming"].cdf).statistic > dkw(count)


def test_what_is_drawn_is_recorded():
    chain = cn.Pipeline([cn.Unprocess(), cn.AdditiveGaussian(sigma=0.01), cn.Develop()])
    made = chain.views(torch.rand(2, 3, 4, 4), ["a", "b"], scheme="n2n", seed=3)
    one, two = made.parameters[0].sample(0), made.parameters[1].sample(0)
    assert one == two
    assert {"dimming", "rgb_gain", "red_gain", "blue_gain", "ccm_0", "ccm_1", "ccm_2", "ccm_3"} <= set(one)
    assert {f"camera_{at}" for at in RGB} | {f"srgb_{at}" for at in RGB} <= set(one)
    there, back = (np.array([one[f"{name}_{at}"] for at in RGB]).reshape(3, 3) for name in ("camera", "srgb"))
    assert np.abs(there @ back - np.eye(3)).max() <= 8 * 2.0**-24 * np.abs(back).max()
    assert np.abs(there.sum(1) - 1).max() <= 2 * 2.0**-24
    assert one != made.parameters[0].sample(1)
    own = cn.Pipeline([cn.Unprocess(matrix=IDENTITY)]).draw(["a"])
    assert not any(name.startswith("ccm") for name in own)


def test_other_draws_stay_as_they_are():
    """A camera draws what it drew before, whether photographs are unprocessed or linearised."""
    sensor = cn.Pipeline([cn.Expose(black=0, white=4000), cn.Gain(K=cn.LogUniform(low=0.1, high=9))])
    plain, unprocessed = (cn.place(sensor, "rgb", unprocess=one).draw(["a"], seed=1) for one in (False, True))
    assert torch.equal(plain["K"], unprocessed["K"])


# --- there and back


def picture(rows: int = 24, cols: int = 20, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, 3, rows, cols, generator=torch.Generator().manual_seed(seed))


def untouched(encoded: torch.Tensor, chain: cn.Pipeline, ids) -> tuple[torch.Tensor, torch.Tensor]:
    """Where nothing was cut, protected or lifted to the floor, from float64 mathematics of its own; and M's norms.

    Returns:
        (batch, row, col) bool, and (batch,) the largest absolute row sum of the inverse matrix.
    """
    stage, drawn = chain.stages[0], chain.draw(ids)
    v = encoded.double()
    u = 0.5 - torch.sin(torch.asin(1 - 2 * v) / 3) if stage.tone_curve else v
    x = u**2.2 if stage.curve == "gamma" else torch.where(u <= 0.04045, u / 12.92, ((u + 0.055) / 1.055) ** 2.4)
    there = torch.stack([drawn[f"camera_{at}"].double() for at in RGB], 1).reshape(-1, 3, 3)
    camera = torch.einsum("bij,bjrc->birc", there, x)
    gains = torch.stack([drawn[f"unprocess_{plane}"].double() for plane in "RGB"], 1)[:, :, None, None]
    seen = camera * gains
    inside = (camera > 1e-7) & (seen > 1e-7) & (seen < 1 - 1e-6) & (x > 1e-4) & (x < 1 - 1e-6)
    if chain.stages[-1].cut_balanced:
        inside = inside & (camera < 1 - 1e-6)
    return inside.all(1) & (camera.mean(1) < 0.9 - 1e-6), torch.linalg.inv(there).abs().sum(2).amax(1)


def allowed(v: torch.Tensor, norm: torch.Tensor, stage: cn.Unprocess) -> torch.Tensor:
    """How far a photograph may come back from where it was: float32 rounding through each step.

    Light x is right within 7e-7 of itself (the steeper curve) and a tone curve's 2e-7 x 2.2 before. The camera's
    planes carry that, and four roundings of their terms; gains there and back five more; the inverse matrix multiplies
    errors of planes of at most 2 by its norm, with four roundings of its own. Back through the curve an error e of x
    is (1/2.2) e / x of the encoded value, or at most 12.92 e by sRGB's; tone curves have slopes up to 1.5 and 2 there.
    """
    linear_error = norm[:, None, None, None] * 2 * (7e-7 + 4.4e-7 + (4 + 5 + 4 + 4) * 2.0**-24)
    u = 0.5 - torch.sin(torch.asin(1 - 2 * v.double()) / 3) if stage.tone_curve else v.double()
    slope = torch.full_like(u, 12.92) if stage.curve == "srgb" else 1 / 2.2 / u.clamp(min=1e-2) ** 1.2
    return linear_error * slope * (1.5 if stage.tone_curve else 1) + 1e-6


@pytest.mark.parametrize("curves", CURVES, ids=str)
@pytest.mark.parametrize("cut_balanced", [True, False])
def test_develop_undoes_unprocess(curves, cut_balanced):
    chain = cn.Pipeline([cn.Unprocess(**curves), cn.Develop(**curves, cut_balanced=cut_balanced)])
    x = picture(120, 120)
    back, (free, norm) = chain(x, [1, 2, 3], seed=0), untouched(x, chain, [1, 2, 3])
    off = (back.double() - x.double()).abs()
    assert free.double().mean() > 0.3
    assert ((off <= allowed(x, norm, chain.stages[0])) | ~free[:, None]).all()
    assert off[free[:, None].expand_as(off)].max() < 3e-5  # and the bound is no empty one


def test_what_is_not_undone_is_seen():
    """Other curves at both ends, another matrix or gain: each is far beyond the bound."""
    x, ids = picture(60, 60), [1, 2, 3]
    wrong = [
        cn.Develop(),  # as published: without the tone curve
        cn.Develop(tone_curve=True, curve="srgb"),
        cn.Develop(tone_curve=True, brighten=False),
    ]
    for develop in wrong:
        chain = cn.Pipeline([cn.Unprocess(), develop])
        free, norm = untouched(x, chain, ids)
        off = (chain(x, ids) - x).double().abs()
        assert (off > allowed(x, norm, chain.stages[0]))[free[:, None].expand_as(off)].double().mean() > 0.5


@pytest.mark.parametrize("number", ["01", "03", "12"])
def test_photographs_come_back(number, shared_data):
    photo = np.asarray(Image.open(shared_data / "clean" / "Kodak24" / f"{number}.png").convert("RGB"))
    x = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None, :, :256, :256] / torch.tensor(255.0)
    for curves in CURVES:
        chain = cn.Pipeline([cn.Unprocess(**curves), cn.Develop(**curves, cut_balanced=False)])
        back, (free, norm) = chain(x, [number], seed=0), untouched(x, chain, [number])
        off = (back.double() - x.double()).abs()
        assert free.double().mean() > 0.7
        assert ((off <= allowed(x, norm, chain.stages[0])) | ~free[:, None]).all()
        # To the level of 8 bits, wherever nothing was cut.
        level = torch.floor(back * 255 + 0.5)
        assert torch.equal(level[free[:, None].expand_as(level)], (x * 255).round()[free[:, None].expand_as(level)])


@pytest.mark.parametrize("stage", [cn.Unprocess(), cn.Unprocess(dimming=1.4)], ids=["drawn", "brighter, and cut"])
def test_unprocess_is_the_published_code(stage):
    """The same steps in float64 NumPy, written apart: (row, col, channel), matmul, sine and power of the platform."""
    x = picture(60, 60)
    x[:, :, :8] = x[:, :, :8] * 0.1 + 0.9  # highlights, protected
    chain = cn.Pipeline([stage])
    got, drawn = chain(x, [1, 2, 3], seed=0), chain.draw([1, 2, 3], seed=0)
    for image in range(3):
        p = drawn.sample(image)
        u = 0.5 - np.sin(np.arcsin(1 - 2 * x[image].permute(1, 2, 0).double().numpy()) / 3)
        weights = np.array([p[f"ccm_{number}"] for number in range(4)])
        matrix = np.tensordot(weights, np.array(XYZ_TO_CAMERA), 1) / weights.sum() @ np.array(SRGB_TO_XYZ)
        matrix /= matrix.sum(1, keepdims=True)
        y = np.maximum(u, 1e-8) ** 2.2 @ matrix.T
        gains = np.array([1 / p["red_gain"], 1.0, 1 / p["blue_gain"]]) / p["rgb_gain"]
        mask = (np.maximum(y.mean(2, keepdims=True) - 0.9, 0) / (1 - 0.9)) ** 2
        want = np.clip(y * np.maximum(mask + (1 - mask) * gains, gains), 0, 1)
        # Of light up to 2: the curves' 1.1e-6, roundings, and near white the mean's error 20 times.
        assert np.abs(got[image].permute(1, 2, 0).numpy() - want).max() <= 2 * (1.2e-6 + 8 * ULP) * 21


# --- addresses, crops, order


@given(seed=st.integers(0, 2**64 - 1), top=st.integers(0, 9), left=st.integers(0, 9))
def test_the_same_under_crop_and_order(seed, top, left):
    chain = cn.place(cn.noise("nlf:0.01,0.0001", cfa="GRBG"), "raw", "bilinear", unprocess=True, develop=True)
    x, ids = picture(), [5, 2**64 - 1, 7]
    whole = chain(x, ids, seed=seed)
    origin = torch.tensor([[top, left]] * 3)
    part = chain(x[:, :, top:, left:], ids, seed=seed, origin=origin)
    r = chain.radius
    assert torch.equal(part[:, :, r:, r:], whole[:, :, top + r :, left + r :])
    turned = chain(x.flip(0), ids[::-1], seed=seed)
    assert torch.equal(turned.flip(0), whole)
    assert torch.equal(chain(x[1:2], ids[1:2], seed=seed), whole[1:2])


# --- stages and what they refuse


def test_develop_alone_has_gains_and_a_matrix_of_its_own():
    own = cn.Develop(red_gain=2.0, blue_gain=1.5, matrix=((6, 3, 1), (1, 8, 1), (0, 3, 7)), curve="srgb")
    chain = cn.Pipeline([own])
    assert cn.Pipeline.from_json(chain.model_dump_json()) == chain
    gray = torch.tensor([0.25, 0.5, 1 / 3]).reshape(1, 3, 1, 1)  # gray 0.5 before the white balance
    want = srgb_encoded(torch.tensor([0.5])).item()
    assert chain(gray, [1]).flatten().tolist() == pytest.approx([want] * 3, abs=2e-6)
    # White balance, matrix and curve in turn, in float64.
    x = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 0.6
    matrix = np.array(own.matrix) / np.array(own.matrix).sum(1, keepdims=True)
    balanced = np.clip(x[0].permute(1, 2, 0).double().numpy() * [2.0, 1.0, 1.5], 0, 1)
    light = np.clip(balanced @ np.linalg.inv(matrix).T, 0, 1)
    want = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(chain(x, [1])[0].permute(1, 2, 0).numpy() - want).max() <= 12.92 * 4 * 9 * ULP * 2


def test_burnt_highlights_are_white_or_pink():
    matrix = ((6, 3, 1), (1, 8, 1), (0, 3, 7))
    burnt = torch.ones(1, 3, 1, 1)
    white, pink = (
        cn.Pipeline([cn.Develop(red_gain=2.0, blue_gain=1.5, matrix=matrix, cut_balanced=cut)])(burnt, [1]).flatten()
        for cut in (True, False)
    )
    assert white.tolist() == pytest.approx([1.0] * 3, abs=1e-6)
    assert pink[1] < 0.99 < min(pink[0], pink[2])


def test_the_published_process_leaves_pictures_dark():
    chain = [cn.Unprocess(dimming=0.5), cn.Develop(brighten=False, tone_curve=True)]
    x = torch.full((1, 3, 2, 2), 0.5)
    dark, drawn = cn.Pipeline(chain)(x, [1]), 0.5 * 0.5**2.2
    assert dark.mean().item() == pytest.approx(smoothstep(torch.tensor(drawn ** (1 / 2.2))).item(), abs=1e-5)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: cn.Develop(red_gain=2.0), "Develop is without blue_gain and matrix, wanted all three of its own"),
        (lambda: cn.Develop(dimming=2.0), "Develop is without red_gain and blue_gain and matrix"),
        (lambda: cn.Pipeline([cn.Develop()]), "stage 1 of 1, Develop, reads blue_gain, which no stage states"),
        (
            lambda: cn.Pipeline([cn.Unprocess(), cn.Develop(red_gain=2.0, blue_gain=2.0, matrix=IDENTITY)]),
            "Develop, states red_gain, but Unprocess states it already",
        ),
        (lambda: cn.Unprocess(matrix=((1, 2, -3), (0, 1, 0), (0, 0, 1))), "a row that sums to 0, wanted above 0"),
        (
            lambda: cn.Unprocess(matrix=((1, 1, 1), (2, 2, 2), (0, 0, 1))),
            "matrix has determinant 0 .* wanted one with an",
        ),
        (lambda: cn.Unprocess(matrix=((1, 2), (0, 1))), "matrix"),
        (lambda: cn.Unprocess(red_gain=0.0), "red_gain"),
        (
            lambda: cn.Pipeline([cn.Unprocess(ccm_0=0.0, ccm_1=0.0, ccm_2=0.0, ccm_3=0.0)]).draw(["a"]),
            "weights of an image are 0",
        ),
        (lambda: cn.Pipeline([cn.Linearize(), cn.Unprocess()]), "Unprocess, takes encoded sRGB, but Linearize gives"),
        (lambda: cn.Pipeline([cn.Unprocess()])(torch.zeros(1, 1, 2, 2), [1]), "Unprocess got 1 channel, wanted 3"),
        (
            lambda: cn.place(cn.noise("nlf:brooks"), "raw", "bilinear", develop=True)(torch.zeros(1, 4, 2, 2), [1]),
            "4 channels",
        ),
        (
            lambda: cn.Pipeline([cn.Unprocess(), cn.Mosaic(), cn.Develop()])(torch.zeros(1, 3, 2, 2), [1]),
            "Develop got 1 channel, wanted 3: red, green, blue; a mosaic goes through Demosaic first",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_flat_fields_are_stated_where_something_exact_can_be():
    stage = cn.Unprocess()
    chain = cn.Pipeline([stage])
    drawn = chain.draw(["a"], seed=2).sample(0)
    got = chain(torch.full((1, 3, 2, 2), 0.4), ["a"], seed=2)
    for plane, sites in enumerate((("R",), ("G", "G1", "G2"), ("B",))):
        for site in sites:
            assert stage.expect(Flat(mean=0.4, site=site), drawn).mean == got[0, plane, 0, 0].item()
    with pytest.raises(ValueError, match="noisy already"):
        stage.expect(Flat(mean=0.4, site="R").noisier("pixel", 0.01), drawn)
    with pytest.raises(ValueError, match="different gains"):
        stage.expect(Flat(mean=0.4), drawn)
    with pytest.raises(ValueError, match="Develop states no moments"):
        cn.Develop().expect(Flat(mean=0.4), drawn)


def test_its_place_is_explained_and_recorded():
    chain = cn.place(cn.noise("nlf:brooks"), "raw", "bilinear", unprocess=True, develop=True)
    lines = chain.explain().splitlines()
    assert lines[0] == "Unprocess: torch code: it has no kernel"
    assert lines[-1] == "Develop: torch code: it has no kernel"
    assert chain.clipped
    assert cn.Pipeline.from_json(chain.model_dump_json()) == chain


# --- domains

SENSOR = cn.Pipeline([cn.Expose(black=64, white=1023), cn.Shot(), cn.Gain(K=2.0), cn.Normalize()], cfa="GBRG")


@pytest.mark.parametrize(
    ("options", "kinds", "says"),
    [
        ({"domain": "raw"}, ["linearize", "mosaic"], ("raw", None)),
        ({"domain": "raw", "unprocess": True}, ["unprocess", "mosaic"], ("raw", None)),
        ({"domain": "rgb", "unprocess": True, "develop": True}, ["unprocess", "develop"], ("rgb", None)),
        ({"domain": "rgb", "develop": True}, ["linearize", "develop"], ("rgb", None)),
        (
            {"domain": "raw", "demosaic": "bilinear", "unprocess": True, "develop": True},
            ["unprocess", "mosaic", "demosaic", "develop"],
            ("raw", "bilinear"),
        ),
        ({"domain": "raw", "mosaic_in": True}, [], ("raw", None)),
        ({"domain": "raw", "mosaic_in": True, "demosaic": "bilinear"}, ["demosaic"], ("raw", "bilinear")),
    ],
    ids=str,
)
def test_places(options, kinds, says):
    placed = cn.place(SENSOR, **options)
    around = [stage.kind for stage in placed.stages if stage not in SENSOR.stages]
    assert around == kinds
    mosaic_in = options.get("mosaic_in", False)
    assert domain_of(placed, mosaic_in=mosaic_in) == says
    if mosaic_in:
        assert domain_of(placed) is None
    assert filter_tile(placed) == (None if options["domain"] == "rgb" else "GBRG")


def test_mosaics_come_in_with_a_tile_of_their_own():
    light = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    placed = cn.place(SENSOR, "raw", "bilinear", mosaic_in=True, cfa="RGGB")
    assert (placed.cfa, placed.takes) == ("RGGB", SENSOR.takes)
    assert placed(light, [1]).shape == (1, 3, 8, 8)
    own = cn.Develop(red_gain=2.0, blue_gain=1.5, matrix=IDENTITY)
    assert cn.place(SENSOR, "raw", "bilinear", mosaic_in=True, develop=own)(light, [1]).shape == (1, 3, 8, 8)
    gray = cn.Pipeline(SENSOR.stages)
    assert cn.place(gray, "raw", mosaic_in=True)(light, [1]).shape == (1, 1, 8, 8)


def test_a_mixture_takes_mosaics_as_its_pipelines_do():
    light = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    bias = cn.ColorBias(R=3.0, G1=-2.0, G2=1.0, B=0.5)
    other = cn.Pipeline([*SENSOR.stages[:3], bias, *SENSOR.stages[3:]], name="biased")
    both = cn.place(cn.Mixture([SENSOR, other], [1, 1]), "raw", "bilinear", mosaic_in=True, cfa="GBRG")
    assert isinstance(both, cn.Mixture)
    made = both.views(light, range(12), scheme="n2n")
    alone = [one.views(light, range(12), scheme="n2n").views for one in both.pipelines]
    chosen = both.draw(range(12), seed=0)["mixture"]
    assert {*chosen.tolist()} == {0.0, 1.0}
    for image, number in enumerate(chosen.long().tolist()):
        assert torch.equal(made.views[:, image], alone[number][:, image])
    assert both.clean(light, range(12)).shape == (12, 3, 8, 8)


def test_developed_after_linearize_is_the_photograph():
    """By the sRGB curve alone: every level of 8 bits comes back within the curve's error."""
    x = (torch.arange(256) / torch.tensor(255.0)).expand(1, 3, 2, 256)
    nothing = cn.noise("nlf:0,0")
    back = cn.place(nothing, "rgb", develop=True)(x, [1])
    assert (back - x).abs().max() <= 5e-7 + 4 * ULP


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"domain": "srgb", "unprocess": True}, "unprocess is asked for in domain 'srgb'"),
        ({"domain": "srgb", "develop": True}, "develop is asked for in domain 'srgb'"),
        ({"domain": "raw", "develop": True}, "in domain 'raw' without demosaic, wanted three planes"),
        ({"domain": "rgb", "mosaic_in": True}, "mosaics come in, in domain 'rgb', wanted domain 'raw'"),
        ({"domain": "raw", "mosaic_in": True, "unprocess": True}, "unprocess is asked for where mosaics come in"),
        (
            {"domain": "raw", "demosaic": "bilinear", "mosaic_in": True, "develop": True},
            "wanted a Develop with the gains and matrix of their camera",
        ),
        ({"domain": "rgb", "cfa": "RGGB"}, "cfa is RGGB in domain 'rgb', which has no mosaic"),
        (
            {"domain": "raw", "demosaic": "nearest"},
            "demosaic is 'nearest', wanted one of bilinear, malvar2004, ",
        ),
        (
            {"domain": "raw", "demosaic": "bilinear", "develop": cn.Develop()},
            "Develop, reads blue_gain, which no stage states",
        ),
    ],
)
def test_places_that_are_not_there(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        cn.place(SENSOR, **options)
