"""Photograph to light, the mosaic, and back: against closed forms and independent filters."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve

import camnoise as cn
from camnoise.frame import Frame
from camnoise.light import decode_srgb
from camnoise.mosaic import BAYER, color_at, site_at
from camnoise.units import Unit

ORIGINS = torch.tensor([[0, 0], [1, 0], [0, 1], [5, 3]])


def exact_srgb(v: float) -> mpmath.mpf:
    """IEC 61966-2-1, at 50 digits."""
    with mpmath.workdps(50):
        v = mpmath.mpf(v)
        threshold = mpmath.mpf("0.04045")
        return (
            v / mpmath.mpf("12.92")
            if v <= threshold
            else ((v + mpmath.mpf("0.055")) / mpmath.mpf("1.055")) ** mpmath.mpf("2.4")
        )


def test_levels_of_8_bit_images_are_correctly_rounded():
    levels = torch.arange(256) / torch.tensor(255.0)
    got = decode_srgb(levels).numpy()
    for n in range(256):
        with mpmath.workdps(50):
            exact = exact_srgb(mpmath.mpf(n) / 255)
            assert got[n] == np.float32(float(exact))
            # No level lies so near a rounding boundary that a platform's float64 power could flip it.
            gap = abs(exact - (mpmath.mpf(float(got[n])) + mpmath.mpf(float(np.nextafter(got[n], np.float32(2))))) / 2)
            assert gap > 1e-14 * exact or n == 0


def test_other_values_follow_the_curve():
    v = torch.linspace(0, 1, 3001)
    got = decode_srgb(v).double().numpy()
    want = np.array([float(exact_srgb(x)) for x in v.tolist()])
    assert (np.abs(got - want) <= 5e-7 * want).all()
    assert (np.diff(got) > 0).all()


def frame(data: torch.Tensor, cfa: str | None = None) -> Frame:
    return Frame(data, Unit.LINEAR, ORIGINS[: len(data)], cfa)


@pytest.mark.parametrize("pattern", BAYER)
def test_the_pattern_is_the_frames(pattern):
    """A crop's colors are those of the frame it was cut from."""
    x = torch.zeros(4, 3, 4, 6)
    color, site = color_at(frame(x), pattern), site_at(frame(x), pattern)
    for image, (top, left) in enumerate(ORIGINS.tolist()):
        for row in range(4):
            for col in range(6):
                wanted = pattern[(top + row) % 2 * 2 + (left + col) % 2]
                assert "RGB"[color[image, row, col]] == wanted
                assert ("R", "G1", "G2", "B")[site[image, row, col]][0] == wanted
    # G1 lies in red's rows, G2 in blue's.
    for name, partner in ((1, 0), (2, 3)):
        rows = {(r + ORIGINS[0, 0].item()) % 2 for r, c in (site[0] == name).nonzero().tolist()}
        assert rows == {r % 2 for r, c in (site[0] == partner).nonzero().tolist()}


def test_mosaic_keeps_the_color_under_the_filter():
    x = torch.rand(4, 3, 4, 6, generator=torch.Generator().manual_seed(1))
    chain = cn.Pipeline([cn.Mosaic(pattern="GRBG")])
    y = chain(x, range(4), origin=ORIGINS)
    color = color_at(frame(x), "GRBG")
    for image in range(4):
        for row in range(4):
            for col in range(6):
                assert y[image, 0, row, col] == x[image, color[image, row, col], row, col]
    with pytest.raises(ValueError, match="Mosaic got 1 channels, wanted 3"):
        chain(x[:, :1], range(4))


@pytest.mark.parametrize("pattern", BAYER)
def test_demosaic_is_the_bilinear_filter(pattern):
    """Against scipy's convolution of the masked planes, mirrored borders, an implementation of its own."""
    x = torch.rand(4, 1, 7, 6, generator=torch.Generator().manual_seed(2))
    y = cn.Pipeline([cn.Demosaic()], cfa=pattern)(x, range(4), origin=ORIGINS)
    cross = np.array([[0, 1, 0], [1, 4, 1], [0, 1, 0]]) / 4
    square = np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 4
    color = color_at(frame(x), pattern).numpy()
    for image in range(4):
        for plane, kernel in enumerate((square, cross, square)):
            masked = np.where(color[image] == plane, x[image, 0].double().numpy(), 0)
            wanted = convolve(masked, kernel, mode="mirror")
            assert np.abs(y[image, plane].numpy() - wanted).max() <= 4 * 2**-24  # four float32 roundings of values to 1


@given(top=st.integers(0, 9), left=st.integers(0, 9))
def test_demosaic_keeps_measured_pixels_and_flat_fields(top, left):
    origin = torch.tensor([[top, left]])
    x = torch.rand(1, 3, 6, 6, generator=torch.Generator().manual_seed(top * 10 + left))
    mosaic = cn.Pipeline([cn.Mosaic(pattern="BGGR")])
    both = cn.Pipeline([cn.Mosaic(pattern="BGGR"), cn.Demosaic()])
    m, y = mosaic(x, [1], origin=origin), both(x, [1], origin=origin)
    assert torch.equal(torch.gather(y, 1, color_at(Frame(x, Unit.LINEAR, origin), "BGGR")[:, None]), m)
    flat = torch.full((1, 3, 6, 6), 0.25)
    assert torch.equal(both(flat, [1], origin=origin), flat)


@pytest.mark.parametrize(
    ("shape", "cfa", "sentence"),
    [
        ((1, 3, 4, 4), "RGGB", "Demosaic got 3 channels, wanted a mosaic"),
        ((1, 1, 4, 4), None, "Demosaic got 1 channel without a filter array"),
        ((1, 1, 1, 4), "RGGB", "Demosaic got images of 1x4, wanted at least 2x2"),
    ],
)
def test_demosaic_refuses_what_is_no_mosaic(shape, cfa, sentence):
    with pytest.raises(ValueError, match=sentence):
        cn.Pipeline([cn.Demosaic()], cfa=cfa)(torch.zeros(shape), [1])


def test_color_bias_on_planes_and_mosaics():
    bias = cn.ColorBias(R=1.0, G1=2.0, G2=4.0, B=8.0)
    planes = cn.Pipeline([bias])(torch.zeros(1, 3, 2, 2), [1])
    assert [planes[0, c].unique().tolist() for c in range(3)] == [[1.0], [3.0], [8.0]]
    mosaic = cn.Pipeline([bias], cfa="GBRG")(torch.zeros(1, 1, 2, 2), [1])
    assert mosaic[0, 0].tolist() == [[4.0, 8.0], [1.0, 2.0]]  # the green beside blue is G2
    for channels, what in ((1, "1 channel without a filter array"), (2, "2 channels")):
        with pytest.raises(ValueError, match=f"ColorBias got {what}"):
            cn.Pipeline([bias])(torch.zeros(1, channels, 2, 2), [1])


def test_row_noise_is_one_draw_per_sensor_row():
    """Every pixel of a mosaic row, red and green alike, moves together; so do the three planes of a row."""
    band = cn.Pipeline([cn.Banding(sigma_row=3.0)])
    mosaic = band(torch.zeros(1, 1, 64, 8), [1])
    assert (mosaic == mosaic[..., :1]).all()
    assert len(mosaic[0, 0, :, 0].unique()) == 64
    assert torch.equal(band(torch.zeros(1, 3, 64, 8), [1])[:, 1:2], mosaic)
    assert not torch.equal(band(torch.zeros(1, 1, 64, 8), [1], view=2), mosaic)


def test_quantisation_rounds_half_up_and_clips():
    chain = cn.Pipeline([cn.Expose(black=10, white=200), cn.Gain(K=1.0), cn.Quantize(bits=8, step=2.0)]).raw
    assert chain is None  # it ends in Quantize already
    quantize = [cn.Expose(black=10, white=210), cn.Gain(K=1.0), cn.Quantize(bits=8, step=2.0)]
    # Levels of 10, 10.5, 11, 11.5, 13, 15, 110, 210 and 12,010 DN: 11, 13 and 15 lie halfway, and go up.
    x = torch.tensor([0.0, 0.0025, 0.005, 0.0075, 0.015, 0.025, 0.5, 1.0, 60.0]).reshape(1, 1, 1, -1)
    assert cn.Pipeline(quantize)(x, [1]).flatten().tolist() == [10, 10, 12, 12, 14, 16, 110, 210, 255]
    low = cn.Pipeline([*quantize[:2], cn.GaussianRead(sigma=50.0), quantize[2]])(torch.zeros(1, 1, 64, 64), [1])
    assert low.min() == 0
    assert (low[low < 255] % 2 == 0).all()
    dithered = [*quantize[:2], cn.Quantize(bits=8, step=2.0, rounding="uniform")]
    y = cn.Pipeline(dithered)(torch.full((1, 1, 64, 64), 0.5), [1])
    assert 109 < y.min() < 109.1 and 110.9 < y.max() < 111  # noqa: PT018


def test_normalize_undoes_expose():
    for bits in ([], [cn.Quantize(bits=14)]):
        chain = cn.Pipeline([cn.Expose(black=512, white=16383, ratio=3.0), cn.Gain(K=2.0), *bits, cn.Normalize()])
        x = torch.linspace(0, 1, 64).reshape(1, 1, 8, 8)
        step = 3.0 / (16383 - 512)
        assert (chain(x, [1]) - x).abs().max() <= (0.51 * step if bits else 1e-6)


def test_noise_may_come_before_linearize():
    """Values outside [0, 1] follow the line and the curve on, and none is looked up beyond the table."""
    v = torch.tensor([-1.0, -1 / 255, 0.0, 1.0, 256 / 255, 2.0])
    x = decode_srgb(v)
    assert torch.isfinite(x).all()
    assert (x[1:] > x[:-1]).all()
    assert x[1].item() == pytest.approx(-1 / 255 / 12.92, rel=1e-6)
    assert x[5].item() == pytest.approx(((2 + 0.055) / 1.055) ** 2.4, rel=1e-5)
