"""Real dark frames in the place of modelled read noise: where they come from, and what they add up to."""

import json
import multiprocessing
import os
from math import sqrt

import numpy as np
import pytest
import torch
from contract import dark_bank, dark_frames
from scipy import stats

import camnoise as cn
from camnoise.darkframes import BankError, _bank, _paths
from camnoise.testing.bounds import cdf_gap, dkw, mean_band

SITES = {"R": 500, "G1": 510, "G2": 530, "B": 560}


def save(path, frames):
    np.save(path, frames)
    return path


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """24 dark frames of a camera of known noise, rounded: sigma 1.2 DN, step 1 DN, pedestal 64 DN."""
    light = [cn.Expose(black=64, white=4095), cn.Gain(K=1.0)]
    chain = cn.Pipeline([*light, cn.GaussianRead(sigma=1.2), cn.Quantize(bits=12)])
    frames = chain(torch.zeros(24, 1, 256, 256), range(24), dtype=torch.uint16)[:, 0].numpy()
    return save(tmp_path_factory.mktemp("darks") / "simulated.npy", frames)


def noise_of(stage, ids=range(16), size=200, **address):
    camera = cn.Pipeline([stage], cfa=None if stage.cfa is None else "RGGB")
    return camera(torch.zeros(len(ids), 1, size, size), list(ids), **address)[:, 0].double().numpy()


def test_what_rounding_took_away_is_given_back(simulated):
    """The law before the converter, not after it: the same deviation, and a continuous distribution."""
    x = noise_of(cn.DarkFrames.of(simulated, black=64))
    # The frames themselves are 24 x 65,536 draws, and no more: their scatter comes on top.
    drawn = 24 * 256 * 256
    assert cdf_gap(x, stats.norm(scale=1.2).ppf) <= dkw(x.size) + dkw(drawn) + 0.002
    # Six standard errors of the variance of a normal: of what was drawn from the bank, and of the bank.
    band = 6.1 * (sqrt(2 / x.size) + sqrt(2 / drawn))
    assert abs(x.var() / 1.44 - 1) <= band
    assert abs(x.mean()) <= mean_band(x.size, 1.2) + mean_band(drawn, 1.2)
    # Spread evenly over the step instead, or taken as they are, they have q^2/12 or twice that too much.
    raw = noise_of(cn.DarkFrames.of(simulated, black=64, step=0.0))
    even = raw + (torch.rand(raw.shape, generator=torch.Generator().manual_seed(0)).numpy() - 0.5)
    assert raw.var() / 1.44 - 1 > 1 / 12 / 1.44 / 2 > band
    assert even.var() / 1.44 - 1 > 1.5 / 12 / 1.44


def test_rounded_again_it_is_counted_once(simulated):
    light = [cn.Expose(black=64, white=4095), cn.Gain(K=1.0)]
    camera = cn.Pipeline([*light, cn.DarkFrames.of(simulated, black=64), cn.Quantize(bits=12)])
    again = camera(torch.zeros(16, 1, 200, 200), list(range(16)))[:, 0].numpy() - 64
    levels = range(-5, 6)
    law = np.load(simulated).astype(np.float64) - 64
    for level in levels:
        was, now = (law <= level).mean(), (again <= level).mean()
        assert abs(was - now) <= dkw(again.size) + dkw(law.size)


def test_each_pixel_keeps_the_color_of_its_filter(tmp_path):
    """A bank that is nothing but a level per filter: whatever the shift and the tile, each finds its own."""
    tile = np.array([[SITES["B"], SITES["G2"]], [SITES["G1"], SITES["R"]]])  # BGGR
    path = save(tmp_path / "tile.npy", np.tile(tile, (3, 17, 13))[:, :33, :25].astype(np.uint16))
    for in_place in (False, True):
        stage = cn.DarkFrames.of(path, black=500, cfa="BGGR", in_place=in_place, step=0.0)
        for pattern in ("RGGB", "GRBG", "GBRG", "BGGR"):
            camera = cn.Pipeline([stage, cn.ColorBias(R=0, G1=0, G2=0, B=0)][:1], cfa=pattern)
            made = camera(torch.zeros(40, 1, 10, 8), list(range(40)), origin=torch.tensor([[3, 5]] * 40))
            reference = cn.Pipeline(
                [cn.ColorBias(**{site: level - 500.0 for site, level in SITES.items()})], cfa=pattern
            )(torch.zeros(40, 1, 10, 8), list(range(40)), origin=torch.tensor([[3, 5]] * 40))
            assert torch.equal(made, reference)


def test_rows_stay_rows_and_shifts_are_new_in_every_exposure(tmp_path):
    rows = np.broadcast_to(np.arange(64)[None, :, None] + 100, (5, 64, 40)).astype(np.uint16)
    stage = cn.DarkFrames.of(save(tmp_path / "rows.npy", rows), black=100, step=0.0)
    camera = cn.Pipeline([stage])
    made = camera.views(torch.zeros(300, 1, 16, 8), list(range(300)), scheme="n2n").views[:, :, 0]
    assert (made == made[..., :1]).all(), "a row is no longer one row"
    assert (((made[..., 1:, 0] - made[..., :-1, 0]) % 64) == 1).all()
    starts = made[:, :, 0, 0].long()
    assert (starts % 2 == 0).all(), "an odd shift changes filters"
    assert set(starts[0].tolist()) == set(range(0, 64, 2))
    assert (starts[0] == starts[1]).float().mean() < 1 / 32 + 6.1 * sqrt(1 / 32 / 300)


def test_views_get_different_frames(tmp_path):
    numbers = np.broadcast_to(np.arange(5)[:, None, None] + 7, (5, 8, 8)).astype(np.uint16)
    path = save(tmp_path / "numbers.npy", numbers)
    for in_place in (True, False):
        camera = cn.Pipeline([cn.DarkFrames.of(path, black=7, step=0.0, in_place=in_place)])
        made = camera.views(torch.zeros(400, 1, 4, 4), list(range(400)), scheme="burst:5:1").views[:, :, 0, 0, 0]
        assert (made.sort(0).values == torch.arange(5.0)[:, None]).all(), "two views of a scene share a frame"
        share = torch.bincount(made[0].long(), minlength=5) / 400
        assert ((share - 0.2).abs() <= 6.1 * sqrt(0.16 / 400)).all()


def test_in_place_the_pattern_of_the_sensor_is_shared(tmp_path):
    rng = np.random.Generator(np.random.PCG64(1))
    pattern = rng.normal(0, 5, (1, 128, 128))
    frames = np.floor(500.5 + pattern + rng.normal(0, 5, (40, 128, 128))).astype(np.uint16)
    path = save(tmp_path / "pattern.npy", frames)

    def correlation(**fields):
        camera = cn.Pipeline([cn.DarkFrames.of(path, black=500, **fields)])
        a, b = camera.views(torch.zeros(4, 1, 128, 128), [1, 2, 3, 4], scheme="n2n").views.double()
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    assert abs(correlation(in_place=True) - 0.5) < 6.1 / 128 * 0.75 + 0.01
    assert abs(correlation()) < 6.1 / 128


# --- files


def test_the_bank_is_found_by_name_and_proven_by_digest(tmp_path, monkeypatch):
    path = save(tmp_path / "bank.npy", np.full((2, 8, 8), 100, np.uint16))
    stage = cn.DarkFrames.of(path, black=100)
    text = cn.Pipeline([stage]).model_dump_json()
    assert str(tmp_path) not in text, "a path of the machine is in the JSON"
    again = cn.Pipeline.from_json(text)
    assert again == cn.Pipeline([stage])
    # Another process, which has only the JSON.
    monkeypatch.setattr("camnoise.darkframes._paths", {})
    _bank.cache_clear()
    x = torch.zeros(1, 1, 4, 4)
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(BankError, match="dark frames bank.npy are neither in the current folder nor in"):
        again(x, [1])
    monkeypatch.setenv("CAMNOISE_DARKS", os.pathsep.join(["/nowhere", str(tmp_path)]))
    assert again(x, [1]).abs().max() <= 0.5
    _bank.cache_clear()
    save(path, np.full((2, 8, 8), 101, np.uint16))
    with pytest.raises(BankError, match="dark frames bank.npy have another sha256 than"):
        again(x, [1])


def _expose(camera):
    return camera(torch.zeros(2, 1, 16, 16), [1, 2]).numpy().tobytes()


def test_a_spawned_worker_finds_the_bank():
    camera = cn.Pipeline([dark_frames()], cfa="BGGR")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_expose, (camera,)) == _expose(camera)
    assert dark_bank() in _paths.values()


@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        (np.zeros((4, 4), np.uint16), r"dark frames x.npy are uint16 \(4, 4\), wanted numbers of \(frame, row, col\)"),
        (np.zeros((0, 4, 4), np.uint16), r"dark frames x.npy are uint16 \(0, 4, 4\)"),
        (np.zeros((2, 4, 4), complex), "dark frames x.npy are complex128"),
        (np.full((2, 4, 4), -3.0), "dark frames x.npy hold -3 to -3, wanted raw values, pedestal included"),
        (np.full((2, 4, 4), np.nan), "dark frames x.npy hold nan to nan, wanted raw values"),
        (np.full((2, 4, 4), 3.5), "dark frames x.npy lie between steps of 1 DN, wanted step=0 for such"),
    ],
)
def test_bad_banks_are_one_sentence(tmp_path, frames, sentence):
    with pytest.raises(BankError, match=sentence):
        cn.DarkFrames.of(save(tmp_path / "x.npy", frames), black=0)


def test_bad_files_are_one_sentence(tmp_path):
    (tmp_path / "y.npy").write_bytes(b"no array")
    with pytest.raises(BankError, match="dark frames y.npy are no .npy file"):
        cn.DarkFrames.of(tmp_path / "y.npy", black=0)
    with pytest.raises(BankError, match=r"dark frames gone.npy cannot be read: No such file"):
        cn.DarkFrames.of(tmp_path / "gone.npy", black=0)
    with pytest.raises(ValueError, match="DarkFrames.bank is '../x.npy'"):
        cn.DarkFrames(bank="../x.npy", sha256="0" * 64, black=0)


def test_images_that_do_not_fit_are_refused():
    stage = dark_frames()
    with pytest.raises(
        ValueError,
        match="images reach row 130 and column 8 of their frames, and the dark .* have 128x90",
    ):
        cn.Pipeline([stage], cfa="RGGB")(torch.zeros(1, 1, 130, 8), [1])
    with pytest.raises(ValueError, match="DarkFrames of filters BGGR got images of filters None"):
        cn.Pipeline([stage])(torch.zeros(1, 1, 8, 8), [1])
    with pytest.raises(ValueError, match="DarkFrames got 3 channels, wanted the one of a sensor"):
        cn.Pipeline([stage], cfa="RGGB")(torch.zeros(1, 3, 8, 8), [1])
    with pytest.raises(ValueError, match="stage 2 of 2, GaussianRead, is in DarkFrames already: it would"):
        cn.Pipeline([stage, cn.GaussianRead(sigma=1.0)])


def test_json_holds_the_whole_stage():
    fields = json.loads(dark_frames().model_dump_json())
    assert set(fields) == {"kind", "bank", "sha256", "black", "cfa", "step", "in_place"}
