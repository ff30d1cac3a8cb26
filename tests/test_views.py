"""What views of a scene share, and what data loaders must never repeat."""

import pytest
import torch
from contract import camera
from loading import Noisy, epochs_of_noise

import camnoise as cn

X = torch.full((3, 1, 32, 32), 0.2)
IDS = ["a", "b", "c"]


def equal_by_chance() -> float:
    """How often two independent raw values agree at most, with one false alarm in 1e9.

    The densest case is the least gain: the shot noise of X alone has a deviation of 40 DN, and two
    draws of a density of peak 1 / (40 sqrt(2 pi)) fall on one step of 4 DN with chance below 0.04.
    Rows and columns that agree make pixels agree together; 32 rows of 3 images are the independent number.
    """
    return 0.04 + 6.1 * (0.04 / (3 * 32)) ** 0.5


def varied() -> cn.Pipeline:
    """A camera whose gain and read noise are drawn per image."""
    return camera(
        gain=cn.Gain(K=cn.LogUniform(low=0.5, high=8.0)),
        read=cn.TukeyLambdaRead(sigma=cn.LogLinear(slope=0.5, bias=1.0, scatter=0.2), lam=-0.1),
        banding=cn.Banding(sigma_row=1.0, sigma_col=1.0, columns="fixed"),
    )


def test_n2n_shares_gain_parameters_and_body_and_nothing_else():
    chain = varied()
    pair = chain.views(X, IDS, scheme="n2n", seed=7)
    first, second = pair.parameters
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert len(first["K"].unique()) == 3, "three images, three gains"
    # No two pixels of the views agree but by chance: temporal noise is new.
    a, b = pair.views
    assert (a == b).float().mean() < equal_by_chance()
    # Body: the fixed column pattern alone is the same in both.
    only = cn.Pipeline([cn.Banding(sigma_row=0.0, sigma_col=1.0)])
    views = only.views(torch.zeros(1, 1, 4, 64), ["a"], scheme="n2n").views
    assert torch.equal(views[0], views[1])
    rows = cn.Pipeline([cn.Banding(sigma_row=1.0)]).views(torch.zeros(1, 1, 64, 4), ["a"], scheme="n2n").views
    assert not (rows[0] == rows[1]).any()


def test_views_are_single_exposures():
    chain = varied()
    pair = chain.views(X, IDS, scheme="n2n", seed=7, epoch=2)
    for number in (1, 2):
        assert torch.equal(pair.views[number - 1], chain(X, IDS, seed=7, epoch=2, view=number))
    one = chain.views(X, IDS, scheme="n2c", seed=7, epoch=2)
    assert torch.equal(one.views[0], pair.views[0])
    assert torch.equal(one.clean, pair.clean)
    assert torch.equal(chain.clean(X, IDS, seed=7, epoch=2), pair.clean)
    drawn = chain.draw(IDS, seed=7, epoch=2)
    assert all(torch.equal(drawn[name], pair.parameters[0][name]) for name in drawn)
    with pytest.raises(ValueError, match="view scheme is 'n3n', wanted one of n2c, n2n"):
        chain.views(X, IDS, scheme="n3n")


def test_the_clean_view_has_no_noise_and_saturates():
    x = torch.linspace(0, 2, 64).reshape(1, 1, 8, 8)
    clean = camera().clean(x, [1])
    assert (clean - x.clamp(max=1)).abs().max() < 1e-6
    well = camera(fullwell=cn.FullWell(electrons=1000.0)).clean(x, [1])
    assert well.max().item() == pytest.approx(1000 * 2 / (16383 - 512), rel=1e-6)


def test_parameters_are_a_function_of_seed_epoch_and_id():
    chain = varied()
    K = chain.draw(IDS, seed=1)["K"]
    assert torch.equal(chain.draw(IDS[::-1], seed=1)["K"], K.flip(0))
    assert torch.equal(chain.draw(["b"], seed=1)["K"], K[1:2])
    for other in (chain.draw(IDS, seed=2), chain.draw(IDS, seed=1, epoch=0), chain.draw(IDS, seed=1, view=1)):
        assert not (other["K"] == K).any()
    assert chain.draw([], seed=1)["K"].shape == (0,)


def test_frozen_fresh_and_epoch_zero_differ():
    chain = camera()
    frozen, again = (chain(X, IDS, seed=7) for _ in range(2))
    zero, one = (chain(X, IDS, seed=7, epoch=epoch) for epoch in (0, 1))
    assert torch.equal(frozen, again)
    for a, b in ((frozen, zero), (zero, one), (frozen, one)):
        assert (a == b).float().mean() < equal_by_chance()


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_loader_workers_repeat_no_fresh_noise_and_all_frozen_noise(start):
    """Four workers, three epochs of each; every image of the data set is the same flat field."""
    *fresh, frozen, again, third = epochs_of_noise(16, [0, 1, 2, None, None, None], start)
    seen = [digest for epoch in fresh for digest in epoch.values()]
    assert all(len(epoch) == 16 for epoch in fresh)
    assert len(set(seen)) == 48, "a noise was repeated"

    assert frozen == again == third, "frozen noise moved"
    assert len(set(frozen.values())) == 16
    data = Noisy()
    assert {index: data[None, index][1] for index in range(16)} == frozen, (
        "workers make other noise than the main process"
    )


def test_the_repetition_check_can_fail():
    """The known bug: workers that seed themselves alike in every epoch."""
    seen = [digest for epoch in epochs_of_noise(8, [1, 1], "fork") for digest in epoch.values()]
    assert len(set(seen)) < 16
