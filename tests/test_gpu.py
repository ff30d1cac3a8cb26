"""On a CUDA device the same float32 bits as on the CPU: of every stage, and of whole cameras."""

import pytest
import torch
from contract import every_stage, parameters, photographs, stages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
    channels, cfa = (1, "GRBG") if stage.kind in ("demosaic", "color_bias") else (3, None)
    x = photographs(stage.takes[0], channels, rows=32, cols=40)
    origin, ids = torch.tensor([[0, 0], [7, 2], [100, 65_000]]), torch.tensor([11, -8, 5])
    key, drawn = Key(seed, ids, ids + 1), parameters(stage, 3)
    here = stage.apply(Frame(x, stage.takes[0], origin, cfa), key, drawn)
    there = stage.apply(Frame(x.to(DEVICE), stage.takes[0], origin.to(DEVICE), cfa), key.at(1), drawn)
    assert torch.equal(there.data.cpu(), here.data)


@pytest.mark.parametrize(("domain", "demosaic"), [("raw", None), ("raw", "bilinear"), ("rgb", None)])
@pytest.mark.parametrize("name", cn.presets.names())
def test_cameras_give_the_bits_of_the_cpu(name, domain, demosaic):
    low, high = (2000, 25600) if name == "sony_a7s2" else (100, 6400)
    sensor = cn.presets.load(name, iso=(low, high), black=400, white=15583, ratio=cn.LogUniform(low=1, high=300))
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
