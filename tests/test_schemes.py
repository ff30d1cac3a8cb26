"""What the exposures of every scheme share and what is new in each, by measurement.

A sensor of two equal halves shows it: its fixed pattern and its temporal noise have one variance, so the
correlation of two exposures is 0 where they share nothing, 1/2 where they share either, and 1 where both.
"""

from math import sqrt

import pytest
import torch
from torch import Tensor

import camnoise as cn
from camnoise.testing.bounds import mean_band, mean_product
from camnoise.views import SCHEMES, Scheme, moved, scheme_named, valid

SIDE, IMAGES = 256, 4000
FLAT = torch.full((2, 1, SIDE, SIDE), 0.3)
DOTS = torch.full((IMAGES, 1, 1, 1), 0.3)


def half(name: str = "half") -> cn.Pipeline:
    """Fixed pattern and temporal noise of variance 4 each."""
    light = [cn.Expose(black=0, white=100), cn.Gain(K=1.0)]
    return cn.Pipeline([*light, cn.GaussianRead(sigma=2.0), cn.DSNU(sigma=2.0)], name=name)


def varied(name: str = "varied") -> cn.Pipeline:
    """A level of its own for every image."""
    return cn.Pipeline([cn.AdditiveGaussian(sigma=cn.Uniform(low=0.1, high=0.5))], name=name)


def pixel_correlation(one: Tensor, other: Tensor) -> float:
    a, b = one.double() - one.double().mean(), other.double() - other.double().mean()
    return float((a * b).mean() / ((a**2).mean() * (b**2).mean()).sqrt())


def shares(one: Tensor, other: Tensor, share: float) -> bool:
    """Whether two exposures correlate as those that have this share of their noise in common.

    The error of a correlation of n pairs is (1 - share^2) / sqrt(n); n counts the pixels of one frame, because
    images of one body have one pattern. 0 and 1/2 are twenty bounds apart.
    """
    return abs(pixel_correlation(one, other) - share) <= mean_band(SIDE * SIDE, 1 - share**2) + 1e-6


def levels_agree(one: Tensor, other: Tensor) -> bool:
    """Equal levels, or else independent ones (by Azuma's bound on scores); nothing in between."""
    if torch.equal(one, other):
        return True
    a, b = ((levels.double() - 0.3) / 0.2 for levels in (one, other))
    assert abs(float((a * b).mean())) <= mean_product(IMAGES)
    return False


# scheme: (parameters shared, share of the noise that two views have in common)
TABLE = {"n2n": (True, 0.5), "n2n-free": (False, 0.5), "nrl": (False, 0.0), "burst:2": (True, 0.5)}


@pytest.mark.parametrize("scheme", TABLE)
def test_views_share_what_the_table_says(scheme):
    parameters, noise = TABLE[scheme]
    pair = (half(), half("other")) if scheme == "nrl" else None
    a, b = half().views(FLAT, [1, 2], scheme=scheme, cameras=pair).views
    assert shares(a, b, noise)
    assert not shares(a, b, 0.5 - noise), "the check cannot fail"
    pair = (varied(), varied("other")) if scheme == "nrl" else None
    drawn = varied().parameters(DOTS, range(IMAGES), scheme=scheme, cameras=pair)
    assert levels_agree(drawn[0]["sigma_gaussian"], drawn[1]["sigma_gaussian"]) == parameters


@pytest.mark.parametrize("scheme", ["n2c", "rcl"])
def test_schemes_of_one_view(scheme):
    made = varied().views(DOTS, range(IMAGES), scheme=scheme, seed=3)
    assert made.views.shape[0] == len(made.parameters) == 1
    assert torch.equal(made.views[0], varied()(DOTS, range(IMAGES), seed=3))
    assert len(made.parameters[0]["sigma_gaussian"].unique()) > IMAGES / 2, "every image has its own"


def test_noisier_adds_a_second_noise_to_the_first():
    camera = half()
    n2n = camera.views(FLAT, [1, 2], scheme="n2n", seed=5)
    for scheme, alpha in (("noisier", 1.0), ("noisier:0.5", 0.5)):
        made = camera.views(FLAT, [1, 2], scheme=scheme, seed=5)
        assert torch.equal(made.views[0], n2n.views[0])
        assert torch.equal(made.views[1], n2n.views[0] + (n2n.views[1] - n2n.clean) * alpha)
        # Its noise is the first's and alpha times another of the same law: variance 1 + alpha^2 where independent.
        temporal = cn.Pipeline([cn.GaussianRead(sigma=2.0)])
        z = temporal.views(FLAT * 0, [1, 2], scheme=scheme).views[1].double()
        assert abs(float(z.var()) / (4 * (1 + alpha**2)) - 1) <= mean_band(z.numel(), sqrt(2))


@pytest.mark.parametrize("scheme", [str(one) for one in SCHEMES if not one.real and one.cameras == 1])
def test_ids_epochs_bodies_and_seeds(scheme):
    """The same for every scheme: only the body is fixed, and only frozen noise is the same again."""
    camera = half()

    def first(ids=(1, 2), **address) -> Tensor:
        return camera.views(FLAT, ids, scheme=scheme, **address).views[0]

    base = first()
    assert torch.equal(base, first()), "frozen noise moved"
    assert shares(base[0], base[1], 0.5), "two ids of one body"
    assert shares(base, first(epoch=0), 0.5), "an epoch"
    assert shares(first(epoch=0), first(epoch=1), 0.5), "another epoch"
    assert shares(base, first(seed=1), 0.5), "a seed"
    assert shares(base, first(body="another"), 0.5), "another body: the temporal noise alone is the same"
    apart = first(body="per-sample")
    assert shares(apart[0], apart[1], 0.0), "two ids, two bodies"
    assert shares(base, first((3, 4), seed=1, body="another"), 0.0), "nothing in common"
    addresses: list[dict] = [{}, {"epoch": 0}, {"seed": 1}]
    levels = [varied().parameters(DOTS, range(IMAGES), scheme=scheme, **address)[0] for address in addresses]
    levels.append(varied().parameters(DOTS, range(IMAGES, 2 * IMAGES), scheme=scheme)[0])
    for other in levels[1:]:
        assert not levels_agree(levels[0]["sigma_gaussian"], other["sigma_gaussian"])
    wide = DOTS.expand(-1, -1, 9, 9)
    again = varied().views(wide, range(IMAGES), scheme=scheme, body="another").parameters[0]
    assert levels_agree(levels[0]["sigma_gaussian"], again["sigma_gaussian"]), "a body draws no parameters"


def test_the_share_can_be_told():
    a, b = half().views(FLAT, [1, 2], scheme="n2n").views
    assert shares(a, a, 1.0)
    for wrong in (0.0, 0.45, 0.55, 1.0):
        assert not shares(a, b, wrong)


# --- n2n-free and nrl


def test_free_views_are_exposures_with_their_own_settings():
    camera = varied()
    free = camera.views(FLAT, [1, 2], scheme="n2n-free", seed=9)
    for place, view in enumerate((1, 2)):
        drawn = camera.draw([1, 2], seed=9, view=view)["sigma_gaussian"]
        assert torch.equal(free.parameters[place]["sigma_gaussian"], drawn)
    # The words of a view are those of n2n's: only the level differs.
    shared = camera.views(FLAT, [1, 2], scheme="n2n", seed=9)
    for place in range(2):
        noise, other = free.views[place] - FLAT, shared.views[place] - FLAT
        ratio = free.parameters[place]["sigma_gaussian"] / shared.parameters[place]["sigma_gaussian"]
        assert (noise - other * ratio[:, None, None, None]).abs().max() < 1e-6


def test_nrl_takes_two_different_cameras():
    a, b = cn.noise("gaussian:25"), cn.noise("poisson:30")
    made = a.views(FLAT, [1, 2], scheme="nrl", cameras=(a, b), seed=4)
    assert torch.equal(made.views[0], a(FLAT, [1, 2], seed=4))
    assert torch.equal(made.views[1], b(FLAT, [1, 2], seed=4, view=2))
    assert set(made.parameters[0]) != set(made.parameters[1])
    assert torch.equal(made.clean, FLAT)
    for cameras, sentence in (
        (None, "scheme nrl got none of its cameras, wanted cameras="),
        ((a,), "scheme nrl got 1 of its cameras"),
        ((a, a), "scheme nrl got gaussian:25 twice with nothing that varies, wanted different cameras"),
        ((b, a), "the first of the cameras is poisson:30, wanted the one that is called, gaussian:25"),
        ((a, half()), "camera half takes scene-linear and gives DN, wanted encoded sRGB and encoded sRGB"),
    ):
        with pytest.raises(ValueError, match=sentence):
            a.views(FLAT, [1, 2], scheme="nrl", cameras=cameras)
    with pytest.raises(ValueError, match="cameras came with scheme n2n, which has one camera"):
        a.views(FLAT, [1, 2], scheme="n2n", cameras=(a, b))
    varied().views(FLAT, [1, 2], scheme="nrl", cameras=(varied(), varied()))  # two levels of one kind are two laws


# --- burst


def test_a_burst_moves_the_scene_and_not_the_noise():
    x = torch.rand(2, 3, 40, 50, generator=torch.Generator().manual_seed(0))
    quiet = cn.Pipeline([cn.AdditiveGaussian(sigma=0.0)])
    burst = quiet.views(x, [1, 2], scheme="burst:5:6", seed=2)
    assert burst.shifts.shape == (5, 2, 2)
    assert burst.valid.shape == (5, 2, 1, 40, 50)
    assert (burst.shifts[0] == 0).all()
    assert burst.valid[0].all()
    assert torch.equal(burst.clean, x)
    for view in range(5):
        for image in range(2):
            down, right = burst.shifts[view, image].tolist()
            rolled = torch.roll(x[image], (down, right), (1, 2))
            seen = burst.valid[view, image].expand(3, -1, -1)
            assert torch.equal(burst.views[view, image][seen], rolled[seen])
            assert seen[0].sum() == (40 - abs(down)) * (50 - abs(right))
    noisy = cn.Pipeline([cn.AdditiveGaussian(sigma=0.1), cn.Stripes(sigma_row=0.1)])
    flat = torch.full_like(x, 0.5)
    made = noisy.views(flat, [1, 2], scheme="burst:5:6", seed=2)
    for view in range(5):
        assert torch.equal(made.views[view], noisy(flat, [1, 2], seed=2, view=view + 1))


def test_shifts_are_uniform_and_by_address():
    camera, x = cn.Pipeline([cn.AdditiveGaussian(sigma=0.0)]), torch.zeros(IMAGES, 1, 3, 3)
    shifts = camera.views(x, range(IMAGES), scheme="burst:3:2").shifts
    assert torch.equal(shifts, camera.views(x, range(IMAGES), scheme="burst:3:2").shifts)
    for view, axis in ((1, 0), (1, 1), (2, 0)):
        counts = torch.bincount(shifts[view, :, axis] + 2, minlength=5).double()
        statistic = float(((counts - IMAGES / 5) ** 2 / (IMAGES / 5)).sum())
        assert statistic <= 46.9  # chi-square of 4 degrees of freedom exceeds it with chance 1e-9
    score = shifts.double() / 2
    first = score[1, :, 0]
    for a, b in ((first, score[1, :, 1]), (first, score[2, :, 0]), (first[1:], first[:-1])):
        assert abs(float((a * b).mean())) <= mean_product(len(a))
    assert not torch.equal(shifts, camera.views(x, range(IMAGES), scheme="burst:3:2", epoch=0).shifts)


def test_the_mask_leaves_out_what_demosaicing_mixed_in():
    sensor = cn.Pipeline([cn.Expose(black=0, white=1), cn.Gain(K=1e-3), cn.Normalize()], cfa="RGGB")
    camera = cn.place(sensor, "raw", "bilinear")
    x = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    made = camera.views(x, [3], scheme="burst:6:5")
    assert camera.radius == 1
    for view in range(1, 6):
        down, right = made.shifts[view, 0].tolist()
        # What the frame does not show may be anything: replace it by white and see what changes.
        mask = torch.zeros(24, 24, dtype=torch.bool)
        mask[max(down, 0) : 24 + min(down, 0), max(right, 0) : 24 + min(right, 0)] = True
        scene = torch.where(mask, torch.roll(x, (down, right), (2, 3)), torch.ones_like(x))
        other = camera.clean(scene, [3])
        same = (made.views[view] - other).abs().amax(1)[0] < 1e-6
        assert same[made.valid[view, 0, 0]].all()
    assert not valid(torch.tensor([[[2, 0]]]), 8, 8, radius=1)[0, 0, 0, 2].any()
    assert valid(torch.tensor([[[2, 0]]]), 8, 8, radius=0)[0, 0, 0, 2].all()


def test_bursts_that_make_no_sense_are_refused():
    sensor = cn.Pipeline([cn.Expose(black=0, white=1), cn.Gain(K=1e-3), cn.Normalize()], cfa="RGGB")
    with pytest.raises(ValueError, match="scheme burst:2:4 got mosaics, wanted planes: moved by a pixel their filters"):
        sensor.views(torch.zeros(1, 1, 16, 16), [1], scheme="burst:2:4")
    sensor.views(torch.zeros(1, 3, 16, 16), [1], scheme="burst:2:4")
    with pytest.raises(ValueError, match="scheme burst:2:16 moves scenes by up to 16 pixels, and images are 16x20"):
        sensor.views(torch.zeros(1, 3, 16, 20), [1], scheme="burst:2:16")


def test_alphas_are_written_to_the_last_digit():
    for alpha in (0.123456789, 0.9999999, 1.0000001, 3.0, 1e-05):
        text = str(scheme_named(f"noisier:{alpha!r}"))
        assert scheme_named(text).alpha == alpha
        assert str(scheme_named(text)) == text


def test_moving_keeps_the_callers_image():
    frame = half().framed(torch.rand(1, 1, 4, 4), torch.zeros(1, 2, dtype=torch.int64))
    before = frame.data.clone()
    assert torch.equal(moved(frame, torch.tensor([[1, -1]])).data[0, 0, 1:, :3], before[0, 0, :3, 1:])
    assert torch.equal(frame.data, before)


# --- names


@pytest.mark.parametrize("text", ["n2n", "noisier", "noisier:0.5", "burst:4:8", "burst:2:1", "n2n-free", "real"])
def test_names_round_trip(text):
    assert str(scheme_named(text)) == text
    assert scheme_named(str(scheme_named(text))) == scheme_named(text)


def test_short_names_have_numbers():
    assert str(scheme_named("burst")) == "burst:4:8"
    assert str(scheme_named("burst:3")) == "burst:3:8"
    assert str(scheme_named("noisier:1")) == "noisier"
    assert isinstance(scheme_named("rcl"), Scheme)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("n3n", "view scheme is 'n3n', wanted one of n2c, n2n, n2n-free, nrl, rcl, noisier, burst, real"),
        ("n2n:2", "view scheme is 'n2n:2', wanted n2n"),
        ("noisier:0", "view scheme is 'noisier:0', wanted noisier or noisier:ALPHA, ALPHA above 0 and up to 100"),
        ("noisier:nan", "view scheme is 'noisier:nan', wanted noisier or"),
        ("burst:1", "view scheme is 'burst:1', wanted burst, burst:VIEWS or burst:VIEWS:REACH, 2 to 64 views"),
        ("burst:4:x", "view scheme is 'burst:4:x', wanted burst"),
        ("", "view scheme is '', wanted one of"),
    ],
)
def test_wrong_names_are_one_sentence(text, sentence):
    with pytest.raises(ValueError, match=sentence):
        half().views(FLAT, [1, 2], scheme=text)


def test_real_views_and_integers_are_refused_where_they_make_no_sense():
    with pytest.raises(ValueError, match="scheme real takes its views from a source of pairs"):
        half().views(FLAT, [1, 2], scheme="real")
    with pytest.raises(ValueError, match="dtype is torch.uint8 for scheme noisier, wanted float32"):
        cn.noise("gaussian:25+8bit").views(FLAT, [1, 2], scheme="noisier", dtype=torch.uint8)
