"""On a CUDA device the same float32 bits as on the CPU: of every stage, and of whole cameras."""

import pytest
import torch
from contract import every_stage, frame_for, parameters, stages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_golden_cameras import cameras, digests

import camnoise as cn
from camnoise.domains import place
from camnoise.frame import Frame
from camnoise.keys import Key

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
DEVICE = "cuda"


@pytest.mark.parametrize("kind", every_stage(), ids=lambda kind: kind.__name__)
@given(data=st.data(), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_every_stage_gives_the_bits_of_the_cpu(kind, data, seed):
    stage = data.draw(stages(kind))
    here, ids = frame_for(stage, rows=32, cols=40), torch.tensor([11, -8, 5])
    there = Frame(here.data.to(DEVICE), here.unit, here.origin.to(DEVICE), here.cfa)
    key, drawn = Key(seed, ids, ids + 1), parameters(stage, 3)
    one, other = stage.apply(here, key, drawn).data, stage.apply(there, key.at(1), drawn).data
    assert torch.equal(other.cpu(), one)


@pytest.mark.parametrize("name", cameras())
def test_golden_cameras_give_their_digests(name):
    """Mixtures, dark frames and levels among them."""
    assert digests(cameras()[name], device=DEVICE) == digests(cameras()[name])


@pytest.mark.parametrize("scheme", ["n2n-free", "noisier:0.5", "burst:3:9"])
def test_schemes_give_the_bits_of_the_cpu(scheme):
    x = torch.rand(3, 3, 64, 70, generator=torch.Generator().manual_seed(1))
    here, there = (cn.thesis().views(y, range(3), scheme=scheme, seed=3) for y in (x, x.to(DEVICE)))
    assert torch.equal(there.views.cpu(), here.views)
    assert here.valid is None or torch.equal(there.valid.cpu(), here.valid)


@pytest.mark.parametrize(("domain", "demosaic"), [("raw", None), ("raw", "bilinear"), ("rgb", None)])
@pytest.mark.parametrize("name", cn.presets.names())
def test_cameras_give_the_bits_of_the_cpu(name, domain, demosaic):
    camera = cn.presets.describe(name)
    if camera.bits is None:  # a noise level function: one ISO, no levels
        sensor = cn.presets.load(name, iso=camera.iso_range and camera.iso_range[1], ratio=3.0)
    else:
        low, high = (2000.0, 25600.0) if name == "sony_a7s2" else camera.iso_range
        levels = {} if camera.white is not None else {"black": 64, "white": 2**camera.bits - 800}
        sensor = cn.presets.load(name, iso=(low, high), **levels, ratio=cn.LogUniform(low=1, high=300))
    chain = place(sensor, domain, demosaic)
    x = torch.rand(4, 3, 257, 301, generator=torch.Generator().manual_seed(1))
    here = chain.views(x, range(4), scheme="n2n", seed=3)
    there = chain.views(x.to(DEVICE), range(4), scheme="n2n", seed=3)
    assert there.views.device.type == DEVICE
    assert torch.equal(there.views.cpu(), here.views)
    assert torch.equal(there.clean.cpu(), here.clean)


def test_bad_rates_name_their_value_on_the_device():
    with pytest.raises(ValueError, match="Poisson rate is 2000000 electrons"):
        cn.Pipeline([cn.Shot()])(torch.full((1, 1, 2, 2), 2e6, device=DEVICE), [1])
    with pytest.raises(ValueError, match="images holds nan"):
        cn.Pipeline([cn.Shot()])(torch.full((1, 1, 2, 2), float("nan"), device=DEVICE), [1])
