"""The noises that papers name: what their names and numbers mean, and how their parameters are drawn."""

from math import log

import numpy as np
import pytest
import torch

import camnoise as cn
from camnoise.literature import _PLAIN, NAMES
from camnoise.nlf import brooks, frame_mean, rcl, rcl_level
from camnoise.testing.bounds import block_variance, cdf_gap, dkw, mean_band, mean_product, variance_band

IDS = range(100_000)
FLAT = torch.full((4, 3, 256, 256), 0.4)


def draws(camera, ids=IDS):
    """The parameters of many images, of a camera or of one stage."""
    camera = camera if isinstance(camera, cn.Mixture | cn.Pipeline) else cn.Pipeline([camera])
    return {name: column.double().numpy() for name, column in camera.draw(ids, seed=8).items()}


@pytest.mark.parametrize(
    ("text", "deviation"),
    [
        ("gaussian:25", 25 / 255),
        ("uniform:10", 10 / 255),
        ("poisson:30", (0.4 / 30) ** 0.5),
        ("speckle:0.1", 0.4 * 0.1**0.5),
        ("nlf:0.01,0.0004", (0.01 * 0.4 + 0.0004) ** 0.5),
        ("gaussian:3+uniform:4", 5 / 255),
    ],
)
def test_numbers_mean_what_the_literature_means(text, deviation):
    noise = (cn.noise(text)(FLAT, [1, 2, 3, 4]) - FLAT).double().numpy()
    variance, m = block_variance(noise)
    assert abs(variance / deviation**2 - 1) <= variance_band(3.2, m)
    assert abs(noise.mean()) <= mean_band(noise.size, deviation)


def test_impulses_are_as_frequent_as_stated():
    x = cn.noise("impulse:0.2")(FLAT, [1, 2, 3, 4])
    share = (x == 0).double().mean().item()
    assert abs(share - 0.2) <= mean_band(x.numel(), 0.4)
    assert ((x == 0) | (x == FLAT)).all()
    salt = cn.noise("saltpepper:0.2")(FLAT, [1, 2, 3, 4])
    for level in (0, 1):
        assert abs((salt == level).double().mean().item() - 0.1) <= mean_band(x.numel(), 0.3)


def test_stripes_are_rows_and_columns_of_all_planes():
    x = cn.Pipeline([cn.Stripes(sigma_row=0.1)])(FLAT, [1, 2, 3, 4]) - FLAT
    assert torch.equal(x, x[:, :1, :, :1].expand_as(x))
    x = cn.Pipeline([cn.Stripes(sigma_col=0.1)])(FLAT, [1, 2, 3, 4]) - FLAT
    assert torch.equal(x, x[:, :1, :1].expand_as(x))
    levels = draws(cn.noise("stripes:15-40"))
    assert abs(np.corrcoef(levels["stripe_row"], levels["stripe_col"])[0, 1]) <= mean_product(len(IDS))


def test_a_range_is_uniform_per_image():
    sigma = draws(cn.noise("gaussian:5-50"))["sigma_gaussian"] * 255
    assert cdf_gap(sigma, lambda q: 5 + 45 * q) <= dkw(sigma.size)


def test_clipping_and_rounding_are_declared():
    for text, clipped in (("gaussian:25", False), ("gaussian:25+clip", True), ("gaussian:25+8bit", True)):
        made = cn.noise(text).views(FLAT, [1, 2, 3, 4], scheme="n2n")
        assert made.clipped == cn.noise(text).clipped == clipped
        assert ("clipped" in repr(made)) == clipped
        assert (made.views.min() < 0) != clipped
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    free, cut, bits = (cn.noise(f"gaussian:50{end}")(x, [1, 2]) for end in ("", "+clip", "+8bit"))
    assert torch.equal(cut, free.clamp(0, 1))
    assert (bits * 255 - (bits * 255).round()).abs().max() < 1e-4
    assert (bits - cut).abs().max() <= 0.5 / 255 + 1e-6
    stored = cn.noise("gaussian:50+8bit")(x, [1, 2], dtype=torch.uint8)
    assert stored.dtype == torch.uint8
    assert torch.equal(stored.float() / torch.tensor(255.0), bits)
    with pytest.raises(ValueError, match="dtype uint8 is for a chain ending in EightBits, this one ends in Clip"):
        cn.noise("gaussian:50+clip")(x, [1, 2], dtype=torch.uint8)


def test_clean_of_eight_bits_is_the_photograph():
    x = (torch.arange(256) / torch.tensor(255.0)).reshape(1, 1, 16, 16)
    assert torch.equal(cn.noise("gaussian:50+8bit").clean(x, [1]), x)


# --- laws of the level functions


def test_rcl_never_exceeds_its_limit():
    """Of any picture: the brightest one has the sum of both variances."""
    drawn = draws(rcl())
    shot, read = drawn["lambda_shot"], drawn["lambda_read"]
    worst = np.sqrt(shot + read).max()
    assert 0.95 * 20 / 255 < worst <= 20 / 255
    assert abs(np.corrcoef(shot, read)[0, 1]) <= mean_product(len(IDS))
    for variance in (shot, read):
        assert cdf_gap(np.sqrt(variance), lambda q: q * 20 / 255 / 2**0.5) <= dkw(variance.size)
    mean, quantiles = 0.45, np.array([0.05, 0.95])  # what the methods sheet gives for a mean of 0.45, 8-bit units
    level = 255 * np.sqrt(shot * mean + read)
    assert np.allclose(np.quantile(level, quantiles), [2.9, 14.7], atol=0.1)
    assert draws(rcl(30 / 255, 10 / 255))["lambda_shot"].min() >= (10 / 255) ** 2 / 2


def test_brooks_has_the_right_bounds_and_a_deviation():
    drawn = draws(brooks())
    shot, read = np.log(drawn["lambda_shot"]), np.log(drawn["lambda_read"])
    assert cdf_gap(shot, lambda q: log(1e-4) + q * log(120)) <= dkw(shot.size)
    assert shot.min() >= log(1e-4) - 1e-6
    assert shot.max() <= log(0.012) + 1e-6
    rest = read - (2.18 * shot + 1.20)
    assert abs(rest.std() / 0.26 - 1) <= variance_band(3, rest.size) * 3.1  # a band is two errors; this is six
    assert abs(0.26**0.5 / 0.26 - 1) > 0.5, "taken for a variance it would be seen"
    level = 255 * np.sqrt(np.exp(shot) * 0.2 + np.exp(read))
    assert np.allclose(np.quantile(level, [0.5, 0.95]), [3.8, 11.5], atol=0.15)  # the methods sheet, x = 0.2


def test_a_level_is_exactly_that_of_every_picture():
    ramps = [torch.linspace(0, top, 256 * 256).reshape(1, 256, 256) ** power for top, power in ((1, 1), (0.5, 2))]
    pictures = torch.stack(ramps)
    camera = cn.Pipeline([rcl_level()])
    made = camera.views(pictures, [1, 2], scheme="n2c", seed=1)
    drawn = made.parameters[0]
    for image in range(2):
        x = pictures[image].double()
        variance = (drawn["lambda_shot"][image].double() * x + drawn["lambda_read"][image].double()).mean()
        assert variance.sqrt().item() == pytest.approx(drawn["level"][image].item(), rel=1e-5)
    dark = camera.views(pictures * 0, [1, 2], scheme="n2c", seed=1).parameters[0]
    assert torch.allclose(dark["lambda_shot"], drawn["shot_share"] * drawn["level"] ** 2 / 0.05)


def test_a_level_needs_the_whole_frame_and_says_so():
    camera = cn.Pipeline([cn.Linearize(), rcl_level()], name="leveled")
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    whole = camera(x, [1, 2])
    crop, origin = x[:, :, 10:30, 20:50], torch.tensor([[10, 20]] * 2)
    with pytest.raises(ValueError, match="leveled needs the mean of each whole frame, and images with an"):
        camera(crop, [1, 2], origin=origin)
    means = camera.frame_mean(x)
    assert torch.equal(camera(crop, [1, 2], origin=origin, frame_mean=means), whole[:, :, 10:30, 20:50])
    assert not torch.equal(camera(crop, [1, 2], origin=origin, frame_mean=means * 2), whole[:, :, 10:30, 20:50])
    with pytest.raises(ValueError, match="frame_mean came, and gaussian:25 does not need it"):
        cn.noise("gaussian:25")(x, [1, 2], frame_mean=means)
    with pytest.raises(ValueError, match=r"frame_mean is \(1,\) .*, wanted \(2,\) finite numbers, none negative"):
        camera(x, [1, 2], frame_mean=means[:1])
    assert set(camera.draw([1])) == {"level", "shot_share"}, "nothing is known without a picture"


def test_a_mean_is_the_same_in_any_order():
    x = torch.rand(3, 3, 100, 101, generator=torch.Generator().manual_seed(0))
    turned = x.flatten(1)[:, torch.randperm(30300, generator=torch.Generator().manual_seed(1))].reshape(x.shape)
    assert torch.equal(frame_mean(x), frame_mean(turned))
    assert torch.allclose(frame_mean(x), x.mean((1, 2, 3)), rtol=1e-6)
    assert cn.noise("nlf:rcl_level")(x[:0], []).shape == (0, 3, 100, 101)


# --- mixtures


def test_the_thesis_switches_each_kind_by_itself():
    drawn = draws(cn.thesis())
    on = {name: np.nan_to_num(drawn[name]) > 0 for name in ("sigma_gaussian", "stripe_row", "stripe_col")}
    for name, low, high in (("sigma_gaussian", 25, 80), ("stripe_row", 15, 40), ("stripe_col", 15, 40)):
        assert abs(on[name].mean() - 0.5) <= mean_band(len(IDS), 0.5)
        levels = drawn[name][on[name]] * 255
        assert cdf_gap(levels, lambda q, low=low, high=high: low + q * (high - low)) <= dkw(levels.size)
    score = {name: 2.0 * switch - 1 for name, switch in on.items()}
    for one, other in (("sigma_gaussian", "stripe_row"), ("stripe_row", "stripe_col")):
        assert abs((score[one] * score[other]).mean()) <= mean_product(len(IDS))
    rare = draws(cn.thesis(probability=0.1))
    assert abs((np.nan_to_num(rare["stripe_row"]) > 0).mean() - 0.1) <= mean_band(len(IDS), 0.3)


def test_a_mixture_is_its_pipelines():
    two = [cn.noise("gaussian:25"), cn.noise("poisson:30")]
    mixture = cn.Mixture(two, [1, 3], name="two")
    x = torch.rand(64, 3, 8, 9, generator=torch.Generator().manual_seed(0))
    made = mixture.views(x, range(64), scheme="n2n", seed=6)
    choice = made.parameters[0]["mixture"].long()
    assert set(choice.tolist()) == {0, 1}
    for number, pipeline in enumerate(two):
        index = (choice == number).nonzero().flatten()
        alone = pipeline.views(x[index], index, scheme="n2n", seed=6)
        assert torch.equal(made.views[:, index], alone.views)
        assert torch.equal(made.clean[index], alone.clean)
    assert torch.equal(mixture(x[7:8], [7], seed=6)[0], made.views[0, 7]), "another batch, another choice"
    assert set(made.parameters[0].sample(int((choice == 0).nonzero()[0]))) == {"mixture", "sigma_gaussian"}
    free = mixture.views(x, range(64), scheme="n2n-free", seed=6)
    assert not torch.equal(free.parameters[0]["mixture"], free.parameters[1]["mixture"])
    assert cn.Mixture.from_json(mixture.model_dump_json()) == mixture
    assert hash(mixture) == hash(cn.Mixture(two, [1, 3], name="two"))
    assert mixture(x[:0], []).shape == (0, 3, 8, 9)


def test_a_mixture_of_sensors_gives_raw_numbers_and_each_its_own_pattern():
    def sensor(name: str, K: float) -> cn.Pipeline:
        stages = [cn.Expose(black=64, white=1000), cn.Shot(), cn.Gain(K=K), cn.DSNU(sigma=9.0), cn.Quantize(bits=10)]
        return cn.Pipeline(stages, name=name)

    a, b = sensor("a", 1.0), sensor("b", 3.0)
    x, ids = torch.full((20, 1, 8, 8), 0.3), list(range(20))
    made = cn.Mixture([a, b])(x, ids, dtype=torch.uint16)
    choice = cn.Mixture([a, b]).draw(ids)["mixture"]
    assert made.dtype == torch.uint16
    for image in ids:
        alone = (a, b)[int(choice[image])](x[:1], [image], dtype=torch.uint16)
        assert torch.equal(made[image].int(), alone[0].int()), "noise or pattern of another camera"
    named = cn.Mixture([a, b])(x, ids, body="one")
    assert torch.equal(named[0], (a, b)[int(choice[0])](x[:1], [0], body="one")[0])


def test_a_mixture_has_the_columns_of_all_its_pipelines():
    mixture = cn.Mixture([cn.noise("gaussian:25"), cn.noise("poisson:30")])
    assert set(mixture.draw([0])) == {"mixture", "sigma_gaussian", "peak"}
    leveled = cn.Mixture([cn.noise("nlf:rcl_level"), cn.noise("gaussian:3")])
    assert (leveled.frame_mean(FLAT) - 0.4).abs().max() <= 2.0**-24


def test_mixtures_that_do_not_fit_are_refused():
    one = cn.noise("gaussian:25")
    for arguments, sentence in (
        (([],), "Mixture.pipelines is"),
        (([one], [1, 2]), "Mixture got 2 weights for 1 pipelines"),
        (([one], [0]), "Mixture got weights whose sum is 0"),
        (([one], [-1]), "Mixture.weights.0 is -1: input should be greater than or equal to 0"),
        (
            ([one, cn.Pipeline([cn.Gain(K=1.0)])],),
            "pipeline 2 of the Mixture takes electron and gives DN, wanted encoded sRGB and encoded sRGB",
        ),
    ):
        with pytest.raises(ValueError, match=sentence):
            cn.Mixture(*arguments)
    planes = cn.Mixture([cn.Pipeline([cn.Linearize()]), cn.Pipeline([cn.Linearize(), cn.Mosaic()])])
    with pytest.raises(ValueError, match=r"pipelines of mixture give images of .*, wanted one shape"):
        planes(torch.zeros(64, 3, 4, 4), range(64))


# --- names


def test_every_name_is_a_camera():
    for name in NAMES:
        camera = cn.noise(
            name.replace("LEVEL", "1" if "8-bit" in _PLAIN.get(name.split(":")[0], ("",))[0] else "0.5").replace(
                "SHOT,READ", "0.01,0.001"
            )
        )
        assert camera(FLAT[:1], [1]).shape == (1, 3, 256, 256)


def test_wrong_kinds_are_one_sentence():
    one = cn.noise("gaussian:25")
    for call, kind, sentence in (
        (lambda: cn.noise(25), TypeError, "noise is 25, wanted a name such as 'gaussian:25'"),
        (lambda: cn.Mixture(one), TypeError, "pipelines is a single Pipeline, wanted a list of pipelines"),
        (lambda: cn.thesis(probability=2), ValueError, "probability is 2, wanted 0 to 1"),
        (lambda: cn.AdditiveGaussian(sigma=25), ValueError, "AdditiveGaussian.sigma is 25: input should be less than"),
        (
            lambda: cn.noise("nlf:rcl_level")(FLAT, [1, 2, 3, 4], frame_mean=0.2),
            TypeError,
            "frame_mean is 0.2, wanted a",
        ),
    ):
        with pytest.raises(kind, match=sentence):
            call()


def test_numbers_may_be_spelled_as_numbers_are():
    assert cn.noise("impulse:1e-3") == cn.Pipeline([cn.Impulse(fraction=1e-3)], name="impulse:1e-3")
    assert cn.noise("poisson:1e+3").stages == (cn.ScaledPoisson(peak=1000.0),)
    assert cn.noise("gaussian:25 + clip").stages == (cn.AdditiveGaussian(sigma=25 / 255), cn.Clip())
    assert cn.noise("speckle:1e-3-2e-3").stages == (cn.Speckle(variance=cn.Uniform(low=1e-3, high=2e-3)),)
    assert {one.cfa for one in cn.noise("thesis", cfa="BGGR").pipelines} == {"BGGR"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("gaussian:0.1", "level 0.1 is 0.1/255, below one gray level; in 8-bit units it is 25.5"),
        ("gauss:25", "noise is 'gauss:25', wanted one of gaussian:LEVEL, .* thesis, then perhaps .clip or .8bit"),
        ("gaussian", "noise 'gaussian' has no level, wanted its standard deviation, 8-bit units after a colon"),
        ("gaussian:", "noise 'gaussian:' has level '', wanted a number or LO-HI"),
        ("gaussian:x", "noise 'gaussian:x' has level 'x', wanted a number or LO-HI"),
        ("gaussian:50-5", "Uniform: low is 50, wanted at most high, 5"),
        ("gaussian:-5", "noise 'gaussian:-5': AdditiveGaussian.sigma is -0.0196"),
        ("gaussian:5+nlf:rc", "noise is 'nlf:rc' in 'gaussian:5.nlf:rc', wanted one of"),
        (
            "gaussian:5+gaussian:6",
            "stage 2 of 2, AdditiveGaussian, states sigma_gaussian, but AdditiveGaussian states it",
        ),
        ("gaussian:nan", "AdditiveGaussian.sigma"),
        ("", "noise is '', wanted one of"),
    ],
)
def test_wrong_names_are_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        cn.noise(text)
