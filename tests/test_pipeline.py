"""The pipeline: what it accepts, what it refuses and with which sentence, and that it is a value."""

import pickle

import pytest
import torch
from contract import camera
from hypothesis import given
from hypothesis import strategies as st

import camnoise as cn
from camnoise.domains import place
from camnoise.keys import as_ids, hex_id, sample_id

X = torch.linspace(0, 1, 2 * 3 * 8 * 6).reshape(2, 3, 8, 6)
IDS = ["a", "b"]
SENSOR = camera()


def test_a_picture_goes_through():
    y = SENSOR(X, IDS)
    assert y.shape == X.shape
    assert y.dtype == torch.float32
    # |noise| has mean at most its deviation, which is that of white at most.
    assert (y - X).abs().mean() < (2.0**2 * 7936 + 5**2 + 2**2 + 1.5**2 + 4**2 / 12) ** 0.5 / 15871


@pytest.mark.parametrize(
    ("images", "error", "sentence"),
    [
        (X.int(), TypeError, r"images is torch.int32, wanted floating values \(scene-linear\)"),
        ((X * 255).byte(), TypeError, "images is torch.uint8, wanted floating values"),
        (X - 0.5, ValueError, "images holds -0.5, wanted no negative values"),
        (X * 255, ValueError, r"images holds 255, wanted white = 1 .*: is this 0..255\?"),
        (X / 0, ValueError, "images holds (nan|inf), wanted finite values"),
        (X.log(), ValueError, "images holds -inf, wanted finite values"),
        (X[0], ValueError, r"images has shape \(3, 8, 6\), wanted \(batch, channel, row, col\)"),
        (X.numpy(), TypeError, "images is a ndarray, wanted a torch tensor"),
    ],
)
def test_bad_images_are_refused(images, error, sentence):
    with pytest.raises(error, match=sentence):
        SENSOR(images, IDS)


def test_encoded_images_lie_between_0_and_1():
    encoded = place(cn.presets.load("sony_a7s2", iso=100), "raw")
    with pytest.raises(ValueError, match=r"images holds 1.5, wanted 0 to 1 \(encoded sRGB\)"):
        encoded(X * 1.5, IDS)


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        ({"ids": ["a"]}, ValueError, "got 1 ids for 2 images"),
        ({"ids": "ab"}, TypeError, "ids is 'ab', wanted one per image: a list"),
        ({"ids": [1.5, 2]}, TypeError, "id 1.5 is a float, wanted an int or a str"),
        ({"ids": [-1, 2]}, ValueError, "id is -1, wanted 0 to 18446744073709551615"),
        ({"ids": [True, 2]}, TypeError, "id True is a bool"),
        ({"ids": torch.tensor([1, 2], dtype=torch.int32)}, TypeError, "ids is a torch.int32 tensor"),
        ({"seed": -1}, ValueError, "seed is -1, wanted 0 to"),
        ({"seed": 2**64}, ValueError, "seed is 18446744073709551616, wanted 0 to"),
        ({"epoch": -1}, ValueError, "epoch is -1"),
        ({"view": 0}, ValueError, "view is 0, wanted 1 to 4095"),
        ({"view": "1"}, ValueError, "view is '1', wanted 1 to 4095"),
        ({"ids": None, "seed": 7}, ValueError, "seed or epoch came without ids"),
        ({"ids": None, "epoch": 0}, ValueError, "seed or epoch came without ids"),
        ({"ids": {"a", "b"}}, TypeError, "wanted one per image: a list"),
        ({"view": 4096}, ValueError, "view is 4096, wanted 1 to 4095"),
        ({"origin": torch.zeros(2, 2)}, TypeError, "origin is torch.float32, wanted an integer tensor"),
        ({"origin": torch.zeros(3, 2).long()}, ValueError, r"origin has shape \(3, 2\), wanted \(2, 2\)"),
        (
            {"origin": torch.tensor([[0, 0], [65_530, 0]])},
            ValueError,
            r"image 1 of size 8x6 at origin \(65530, 0\) leaves the",
        ),
        (
            {"origin": torch.tensor([[0, -1], [0, 0]])},
            ValueError,
            r"image 0 of size 8x6 at origin \(0, -1\) leaves the",
        ),
        ({"origin": [[0, 0], [0, 0]]}, TypeError, "origin is list, wanted an integer tensor"),
        ({"ids": 5}, TypeError, "ids is 5, wanted one per image"),
        ({"ids": b"ab"}, TypeError, "ids is b'ab', wanted one per image"),
        ({"ids": ["a", "\ud800"]}, ValueError, "cannot be written as UTF-8"),
        ({"body": 5}, TypeError, "bodies is 5, wanted one per image"),
        ({"seed": 7.0}, TypeError, "seed 7.0 is a float, wanted an int"),
        ({"seed": None}, TypeError, "seed None is a NoneType"),
        ({"seed": True}, TypeError, "seed True is a bool"),
        ({"epoch": "1"}, TypeError, "epoch '1' is a str"),
        ({"body": ["x"]}, ValueError, "got 1 bodies for 2 images"),
        ({"dtype": torch.float16}, ValueError, "dtype is torch.float16, wanted torch.float32, torch.uint16 or torch"),
        (
            {"dtype": torch.uint16},
            ValueError,
            r"dtype uint16 is for a chain ending in a Quantize.*; its \.raw ends there",
        ),
    ],
)
def test_bad_addresses_are_refused(arguments, error, sentence):
    with pytest.raises(error, match=sentence):
        SENSOR(X, **{"ids": IDS, **arguments})


@pytest.mark.parametrize(
    ("stages", "sentence"),
    [
        ([], "Pipeline got no stages"),
        ([cn.Shot(), cn.GaussianRead(sigma=1)], "stage 2 of 2, GaussianRead, takes DN, but Shot gives electron"),
        ([cn.Gain(K=1), cn.Shot()], "stage 2 of 2, Shot, takes electron, but Gain gives DN"),
        ([cn.Expose(black=0, white=9), cn.Shot()], "stage 1 of 2, Expose, reads K, which no stage states"),
        ([cn.Gain(K=1), cn.Quantize(bits=8)], "stage 2 of 2, Quantize, reads black, which no stage states"),
        (
            [cn.Gain(K=1), cn.GaussianRead(sigma=1), cn.TukeyLambdaRead(sigma=1)],
            "stage 3 of 3, TukeyLambdaRead, states sigma_read, but GaussianRead states it already",
        ),
        (
            [cn.GaussianRead(sigma=cn.LogLinear(slope=1, bias=0))],
            "stage 1 of 1, GaussianRead, reads K, which no stage states",
        ),
        ([cn.Mosaic(), cn.Mosaic()], "2 stages are a Mosaic"),
        (
            [cn.FullWell(electrons=100), cn.Shot()],
            "stage 2 of 2, Shot, comes after FullWell, but the well holds what has arrived",
        ),
        (
            [cn.Expose(black=0, white=9), cn.Gain(K=1), cn.Normalize(), cn.Mosaic()],
            "stage 4 of 4, Mosaic, comes after Expose, but light passes the filter first",
        ),
        (
            [cn.Gain(K=cn.LogLinear(slope=1, bias=0))],
            "stage 1 of 1, Gain, has a law of K that reads K: LogLinear; K is drawn first",
        ),
        (
            [cn.Demosaic(), cn.Expose(black=0, white=9), cn.Gain(K=1)],
            "stage 2 of 3, Expose, comes after Demosaic, but a sensor sees the mosaic",
        ),
    ],
)
def test_chains_that_do_not_fit_are_refused(stages, sentence):
    with pytest.raises(ValueError, match=sentence):
        cn.Pipeline(stages)


def test_a_second_cfa_is_refused():
    with pytest.raises(ValueError, match="Mosaic makes BGGR, but the pipeline's cfa is RGGB"):
        cn.Pipeline([cn.Mosaic(pattern="BGGR")], cfa="RGGB")


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: cn.GaussianRead(sigma=-1), "GaussianRead.sigma is -1: input should be greater"),
        (lambda: cn.TukeyLambdaRead(sigma=1, lam=-0.4), "lam is -0.4, wanted at least -0.35 where sigma is stated"),
        (lambda: cn.TukeyLambdaRead(scale=1, lam=-0.5), "TukeyLambdaRead.lam is -0.5"),
        (lambda: cn.TukeyLambdaRead(lam=0.1), "got neither sigma nor scale, wanted one of them"),
        (lambda: cn.StudentTRead(sigma=1, scale=1, nu=5), "got both sigma and scale, wanted one of them"),
        (lambda: cn.StudentTRead(sigma=1, nu=2.5), "nu is 2.5, wanted at least 3 where sigma is stated"),
        (lambda: cn.StudentTRead(scale=1, nu=0.5), "StudentTRead.nu is 0.5"),
        (lambda: cn.Gain(k=1), "Gain.k is not a field, wanted one of K"),
        (lambda: cn.Gain(), "Gain.K is missing"),
        (lambda: cn.Pipeline([cn.Shot]), "stage is <class .*Shot.*>, wanted a stage"),
        (lambda: cn.Pipeline.from_json('{"stages": [{"K": 2}]}'), "stage is {'K': 2}, wanted a stage, or the JSON"),
        (lambda: cn.Quantize(bits=25), "Quantize.bits is 25"),
        (lambda: cn.LogUniform(low=2, high=1), "LogUniform: low is 2, wanted at most high, 1"),
        (lambda: cn.NearestInGain(K=(1, 2), values=(1,)), "NearestInGain: 2 gains for 1 values"),
        (lambda: cn.InterpolatedInGain(K=(2, 1), values=(1, 1), log_values=False), "the gains 2, 1 are not ascending"),
        (lambda: cn.Pipeline.from_json('{"stages": [{"kind": "gian"}]}'), "stage.kind is 'gian': wanted one of"),
        (lambda: cn.Pipeline.from_json('{"stages": [{"kind": "gain", "K": -2}]}'), "Gain.K is -2"),
        (lambda: cn.Pipeline.from_json("{"), "Pipeline is no JSON: EOF"),
        (lambda: cn.Pipeline.from_json("{}"), "Pipeline got no stages"),
        (lambda: cn.Pipeline.from_json('{"stages": null}'), "Pipeline.stages is None"),
        (lambda: cn.Pipeline.from_json('{"stages": [{"kind": "shot"}], "foo": 1}'), "Pipeline.foo is not a field"),
        (lambda: cn.Fixed(value=float("inf")), "Fixed.value is inf: input should be a finite number"),
    ],
)
def test_bad_values_are_one_sentence(make, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_levels_and_drawn_values_are_held_to_their_bounds():
    chain = [cn.Expose(black=600, white=500), cn.Gain(K=1.0)]
    with pytest.raises(ValueError, match="Expose: white is 500 DN, wanted above black, 600 DN"):
        cn.Pipeline(chain)(X, IDS)
    with pytest.raises(ValueError, match=r"Quantize: white is 5000 DN, wanted at most 4095 \(12 bits\)"):
        cn.Pipeline([cn.Expose(black=0, white=5000), cn.Gain(K=1.0), cn.Quantize(bits=12)])(X, IDS)
    for bias in (20, 100, 300):
        with pytest.raises(ValueError, match="GaussianRead drew sigma_read = .*, wanted 0 to 10000"):
            cn.Pipeline([cn.Gain(K=1.0), cn.GaussianRead(sigma=cn.LogLinear(slope=1, bias=bias))])(X, IDS)
    faint = cn.Pipeline([cn.Gain(K=1.0), cn.GaussianRead(sigma=cn.LogLinear(slope=1, bias=-380))])
    assert faint.draw(IDS)["sigma_read"].max() < 1e-37
    with pytest.raises(ValueError, match="Gain drew K = -1, wanted"):
        cn.Pipeline([cn.Gain(K=cn.Fixed(value=-1))])
    with pytest.raises(ValueError, match="TukeyLambdaRead: lam is -0.4"):
        cn.Pipeline([cn.TukeyLambdaRead(sigma=1, lam=cn.Fixed(value=-0.4))])(X, IDS)
    with pytest.raises(ValueError, match="K is 3, wanted 1 to 2, where its table is"):
        table = cn.InterpolatedInGain(K=(1, 2), values=(1, 2), log_values=True)
        cn.Pipeline([cn.Gain(K=3.0), cn.GaussianRead(sigma=table)])(X, IDS)


def test_too_much_light_is_an_error_unless_the_chain_saturates():
    bright = torch.full((1, 1, 2, 2), 2e6)
    with pytest.raises(ValueError, match=r"Poisson rate is 2000000 electrons, wanted 0 to 1e\+06"):
        cn.Pipeline([cn.Shot()])(bright, [1])
    with pytest.raises(ValueError, match="Poisson rate is"):
        cn.Pipeline([cn.Shot(), cn.FullWell(electrons=995_000)])(bright, [1])
    well = cn.Pipeline([cn.Shot(), cn.FullWell(electrons=50_000)])
    assert (well(bright, [1]) == 50_000).all()
    # The converter saturates at 16383 / 0.1 electrons; 64 times white is light like any other.
    sensor = [cn.Expose(black=0, white=16383), cn.Shot(), cn.Gain(K=0.1), cn.Quantize(bits=14)]
    assert (cn.Pipeline(sensor)(torch.full((1, 1, 2, 2), 64.0), [1]) == 16383).all()
    # Each image by its own gain: one that saturates does not excuse one that does not.
    varied = cn.Pipeline(
        [cn.Expose(black=0, white=16383), cn.Shot(), cn.Gain(K=cn.LogUniform(low=0.01, high=0.1)), cn.Quantize(bits=14)]
    )
    gains = varied.draw(range(40))["K"]
    assert 16383 / gains.max() < 990_000 < 16383 / gains.min()
    bright = torch.full((40, 1, 2, 2), 64.0)
    saturates = [n for n, K in enumerate(gains.tolist()) if 16383 / K < 989_000]
    assert (varied(bright[saturates], saturates) == 16383).all()
    with pytest.raises(ValueError, match="Poisson rate is"):
        varied(bright, range(40))


def test_empty_batches_and_images_stay_empty():
    assert SENSOR(X[:0], []).shape == (0, 3, 8, 6)
    views = SENSOR.views(X[:0], [], scheme="n2n")
    assert (views.clean.shape, views.views.shape) == ((0, 3, 8, 6), (2, 0, 3, 8, 6))
    assert SENSOR(X[:, :, :0], IDS).shape == (2, 3, 0, 6)
    assert place(cn.presets.load("sony_a7s2", iso=100), "raw", "bilinear")(X[:0], []).shape == (0, 3, 8, 6)


def test_packed_planes_are_refused():
    """Rows of packed planes are no sensor rows: R and G1 of one row would get different row noise."""
    for channels in (2, 4):
        with pytest.raises(ValueError, match=f"images has {channels} channels, wanted 1 .* or 3"):
            cn.presets.load("sony_a7s2", iso=800)(torch.zeros(1, channels, 2, 2), [1])
    with pytest.raises(ValueError, match="wanted at least one channel"):
        SENSOR(X[:, :0], IDS)


def test_the_caller_keeps_the_image():
    before = X.clone()
    passive = cn.Pipeline([cn.GaussianRead(sigma=1.0)])
    passive.clean(X, IDS).zero_()
    passive.views(X, IDS, scheme="n2c").clean.zero_()
    SENSOR(X, IDS)
    SENSOR.views(X, IDS, scheme="n2n")
    assert torch.equal(X, before)


def test_bands_do_not_show(monkeypatch):
    """On CPU a batch passes in bands of rows; the result is that of one piece."""
    x = torch.rand(2, 1, 700, 300, generator=torch.Generator().manual_seed(0))
    chain = place(cn.presets.load("nikon_d850", iso=(100, 6400), black=400, white=15583), "raw", "bilinear")
    x = x.expand(-1, 3, -1, -1)
    whole = chain(x, IDS)
    monkeypatch.setattr("camnoise.execution.BAND", 1)
    assert torch.equal(chain(x, IDS), whole)
    monkeypatch.setattr("camnoise.execution.BAND", 10**9)
    assert torch.equal(chain(x, IDS), whole)


def test_uint16_is_the_float_raw():
    chain = SENSOR.raw
    assert torch.equal(chain(X, IDS, dtype=torch.uint16).float(), chain(X, IDS))
    assert SENSOR.raw.stages == SENSOR.stages[:-1]
    assert camera(quantize=cn.Quantize(bits=14, rounding="uniform")).raw is None
    assert camera(quantize=cn.Quantize(bits=20)).raw is None
    assert cn.Pipeline([cn.Shot()]).raw is None


def test_no_ids_means_new_noise_each_time():
    torch.manual_seed(0)
    first = SENSOR(X)
    torch.manual_seed(0)
    assert not torch.equal(SENSOR(X), first)
    views = SENSOR.views(X, scheme="n2c")
    assert torch.equal(SENSOR(X, views.ids), views.views[0]), "the returned ids do not make it again"


def test_ids_by_number_name_and_tensor():
    assert as_ids([2**64 - 1], 1).tolist() == [-1]
    assert hex_id(-1) == "f" * 16
    # The address is the name's NFC form: e with an accent, composed or not.
    assert sample_id("caf\u00e9") == sample_id("cafe\u0301") != sample_id("cafe")
    # blake2b with a digest of 8 bytes, big-endian: pinned for shards on disk.
    assert hex_id(sample_id("voc2012/2007_000027")) == "812468831977a51b"
    number = sample_id("a")
    pattern = number - 2**64 if number >= 2**63 else number
    by_name, by_number, by_tensor = (
        SENSOR(X[:1], ids) for ids in (["a"], [number], torch.tensor([pattern], dtype=torch.int64))
    )
    assert torch.equal(by_name, by_number)
    assert torch.equal(by_name, by_tensor)


def test_what_a_caller_changes_stays_with_the_caller():
    """Tables are kept by cameras that draw nothing; what is given out is a copy, and a changed camera has its own."""
    chain = cn.Pipeline([cn.AdditiveGaussian(sigma=0.1)])
    x = torch.full((1, 1, 4, 4), 0.5)
    before = chain(x, ["a"])
    for table in (chain.draw(["a"]), *chain.views(x, ["a"], scheme="n2n").parameters):
        table["sigma_gaussian"].add_(9)
    for table in chain.parameters(x, ["a"], scheme="n2c"):
        table["sigma_gaussian"].add_(9)
    assert chain.draw(["a"])["sigma_gaussian"].item() == torch.tensor(0.1)
    assert torch.equal(chain(x, ["a"]), before)
    other = chain.model_copy(update={"stages": (cn.AdditiveUniform(sigma=0.5),)})
    assert other.draw(["a"])["sigma_uniform"].item() == 0.5
    with torch.inference_mode():
        chain = cn.Pipeline([cn.AdditiveGaussian(sigma=0.3)])
    assert not chain.draw(["a"])["sigma_gaussian"].is_inference()


def test_a_pipeline_is_a_value():
    again = cn.Pipeline.from_json(SENSOR.model_dump_json())
    assert again == SENSOR == pickle.loads(pickle.dumps(SENSOR))
    assert hash(again) == hash(SENSOR)
    assert again != camera(gain=cn.Gain(K=2.5))
    assert "TukeyLambdaRead(sigma=5.0, scale=None, lam=-0.05)" in repr(SENSOR) == str(SENSOR)
    with pytest.raises(TypeError, match="LogUniform got 1 without a name, wanted fields by name: low, high"):
        cn.LogUniform(1, 100)
    with pytest.raises(TypeError, match="stages is a single Shot, wanted a list of stages"):
        cn.Pipeline(cn.Shot())
    with pytest.raises(ValueError, match="frozen"):
        SENSOR.name = "other"


@given(K=st.floats(1e-6, 1e5), sigma=st.floats(0, 1e4), low=st.floats(1e-3, 1), high=st.floats(1, 1e3))
def test_json_keeps_every_digit(K, sigma, low, high):
    chain = cn.Pipeline(
        [cn.Gain(K=K), cn.GaussianRead(sigma=sigma), cn.Banding(sigma_row=cn.LogUniform(low=low, high=high))]
    )
    assert cn.Pipeline.from_json(chain.model_dump_json()) == chain


def test_json_imports_nothing_by_name():
    with pytest.raises(ValueError, match="stage.kind is 'os.system'"):
        cn.Pipeline.from_json('{"stages": [{"kind": "os.system", "command": "true"}]}')


def test_torch_defaults_do_not_matter():
    """A program that works in float64 by default gets the same float32 noise."""
    chain = place(cn.presets.load("nikon_d850", iso=(100, 6400), black=400, white=15583), "raw", "bilinear")
    wanted, table = chain.views(X, IDS, scheme="n2n"), chain.draw(IDS)
    torch.set_default_dtype(torch.float64)
    torch.set_default_device("meta")  # stands for a GPU: what is made without a device would land on it
    try:
        got = chain.views(X, IDS, scheme="n2n")
        assert all(torch.equal(column, table[name]) for name, column in chain.draw(IDS).items())
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_default_device(None)
    assert got.views.dtype == torch.float32
    assert torch.equal(got.views, wanted.views)
    assert torch.equal(got.clean, wanted.clean)


def test_memory_layout_and_gradients_do_not_matter():
    wanted = SENSOR(X, IDS)
    for same in (
        X.contiguous(memory_format=torch.channels_last),
        X.transpose(2, 3).contiguous().transpose(2, 3),
        X.double(),
        X.clone().requires_grad_(),
    ):
        got = SENSOR(same, IDS)
        assert torch.equal(got, wanted)
        assert not got.requires_grad


def test_threads_do_not_matter():
    from concurrent.futures import ThreadPoolExecutor

    wanted = SENSOR(X, IDS)
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(got, wanted) for got in pool.map(lambda _: SENSOR(X, IDS), range(16)))
