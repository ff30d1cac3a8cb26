"""The Triton kernels give the bits of the stages' own torch code.

Without a CUDA device they run in Triton's interpreter, on CPU tensors. It cannot see what the
compiler makes of a line (numpy is behind every form of a division, say); for that the last tests
compile the kernels for a GPU that need not be there, and read the instructions.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from chains import cases
from contract import OTHERS, every_stage, parameters, stages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

import camnoise as cn
from camnoise import kernels
from camnoise.frame import Frame
from camnoise.kernels.fitting import accepts, joins, why_not
from camnoise.kernels.lowering import lower
from camnoise.kernels.program import Code, Program, Shape, addresses
from camnoise.keys import Key
from camnoise.stage import Parameters, Stage
from camnoise.units import Unit

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when triton is imported, which nothing has done yet
triton = pytest.importorskip("triton")

from camnoise.kernels.gpu import arithmetic, sensor  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")  # numpy's, for branches not taken

IDS = torch.tensor([11, -(2**63), 2**62 + 5])
ORIGIN = torch.tensor([[0, 0], [7, 2], [101, 65_000]])
KEY = Key(2**63 + 5, IDS, IDS + 1)
ONE = {"black": 512.0, "white": 16_383.0}
BIAS = {"R": 1.5, "G1": -0.7, "G2": 0.4, "B": -2.0}

# Chains that between them have every operation and every line, in the order light meets them.
CHAINS: dict[str, tuple[str | None, list[Stage]]] = {
    "mosaic": (
        None,
        [
            *(cn.Linearize(), cn.Mosaic(pattern="GBRG"), cn.Expose(**ONE, ratio=30.0), cn.PRNU(sigma=0.01)),
            *(cn.DarkCurrent(current=2.0, seconds=3.0, spread=0.7), cn.HotPixels(fraction=0.1, current=40.0)),
            *(cn.Shot(), cn.FullWell(electrons=900.0), cn.PreampRead(sigma=1.5), cn.Gain(K=2.0)),
            *(cn.TukeyLambdaRead(sigma=5.0, lam=-0.05), cn.DSNU(sigma=0.5), cn.ColorBias(**BIAS)),
            *(cn.Banding(sigma_row=2.0, sigma_col=1.5, octaves=5), cn.PeriodicBanding(sigma=3.0, period=12.3)),
            *(cn.Quantize(bits=14, step=4.0), cn.Normalize()),
        ],
    ),
    "planes": (
        None,
        [
            *(cn.Expose(**ONE, ratio=300.0), cn.DarkCurrent(current=2.0, seconds=3.0), cn.Shot(), cn.Gain(K=0.5)),
            *(cn.StudentTRead(sigma=5.0, nu=3.5), cn.ColorBias(**BIAS), cn.Banding(sigma_row=2.0, columns="temporal")),
            *(cn.PeriodicBanding(sigma=3.0, period=9.0, axis="columns"), cn.Quantize(bits=14, rounding="uniform")),
            cn.Normalize(),
        ],
    ),
    "raw": (
        "BGGR",
        [
            *(cn.Expose(**ONE), cn.Shot(), cn.FullWell(electrons=1e5), cn.Gain(K=1.7)),
            *(cn.GaussianRead(sigma=5.0), cn.ColorBias(**BIAS), cn.Quantize(bits=14)),
        ],
    ),
    "literature": (
        None,
        [
            *(cn.ScaledPoisson(peak=30.0), cn.AdditiveGaussian(sigma=0.1), cn.AdditiveUniform(sigma=0.1)),
            *(cn.Speckle(variance=0.04), cn.Linearize(), cn.Heteroscedastic(lambda_shot=0.01, lambda_read=0.002)),
            *(cn.Impulse(fraction=0.1, salt=0.4), cn.Stripes(sigma_row=0.03, sigma_col=0.02), cn.Clip()),
            cn.EightBits(),
        ],
    ),
    "speckle": (None, [cn.Speckle(variance=0.04, law="normal"), cn.Clip(), cn.Impulse(fraction=0.3)]),
}


def bits(data: Tensor) -> Tensor:
    """Float32 as integers, so that zeros of two signs differ."""
    return data.cpu().view(torch.int32) if data.dtype == torch.float32 else data.cpu().to(torch.int32)


def table(chain: Sequence[Stage], batch: int) -> Parameters:
    """Parameters of a whole chain; every image has values of its own."""
    columns: dict[str, Tensor] = {}
    for stage in chain:
        own = parameters(stage, batch)
        columns |= {name: own[name] for name in own if name not in columns or name not in OTHERS}
    drawn = Parameters(columns, batch)
    for stage in chain:
        drawn = drawn.joined(stage.derive(drawn))
    return drawn


def by_the_stages(chain: Sequence[Stage], frame: Frame, key: Key, drawn: Parameters, clean: bool = False) -> Tensor:
    """What the stages' torch code makes of a frame, one after the other, on the CPU."""
    for stage in chain:
        frame = (stage.clean if clean else stage.apply)(frame, key, drawn)
    return frame.data


def by_the_kernel(program: Program, frame: Frame, keys: Sequence[Key], dtype: torch.dtype = torch.float32) -> Any:
    data, origin = frame.data, frame.origin
    if DEVICE != "cpu":
        data = torch.empty_strided(data.shape, data.stride(), device=DEVICE).copy_(data)
    return sensor.expose(program, data, origin.to(DEVICE), addresses(tuple(keys)), dtype)


def differing(
    chain: Sequence[Stage], frame: Frame, keys: Sequence[Key], tables: Sequence[Parameters], clean: bool = False
) -> int:
    """How many of the kernel's values have other bits than those of the stages."""
    got = by_the_kernel(lower(chain, frame, tables, clean), frame, keys)
    want = torch.stack(
        [by_the_stages(chain, frame, key, drawn, clean) for key, drawn in zip(keys, tables, strict=True)]
    )
    assert got is not None
    assert got.shape == want.shape
    assert got.is_contiguous()
    return int((bits(got) != bits(want)).sum())


def photographs(*shape: int, seed: int = 1) -> Tensor:
    """Random values in [0, 1], many of them levels of 8-bit files, with zeros of both signs."""
    generator = torch.Generator().manual_seed(seed)
    data = torch.rand(shape, generator=generator)
    levels = torch.floor(data * 255 + 0.5) / torch.full_like(data, 255)
    data = torch.where(torch.rand(shape, generator=generator) < 0.5, levels, data)
    flat = data.flatten()
    flat[::17], flat[5::23] = 0.0, -0.0
    return flat.reshape(shape)


def framed(name: str, shape: tuple[int, int] = (37, 53), batch: int = 3, origin: Tensor = ORIGIN) -> Frame:
    cfa, chain = CHAINS[name]
    data = photographs(batch, 1 if cfa else 3, *shape)
    return Frame(data, chain[0].takes[0], origin[:batch].clone(), cfa)


def views(batch: int) -> tuple[Key, ...]:
    """Keys of two views of the first images."""
    key = KEY.take(torch.arange(batch))
    return key, key.at(4095)


def test_the_chains_have_every_operation_and_every_line():
    programs = [lower(chain, framed(name), [table(chain, 3)], False) for name, (_, chain) in CHAINS.items()]
    programs.append(lower(CHAINS["planes"][1], framed("planes"), [table(CHAINS["planes"][1], 3)], True))
    assert {operation.code for program in programs for operation in program.operations} == set(Code)
    assert {line.shape for program in programs for line in (*program.rows, *program.columns)} == set(Shape)
    assert any(program.tile for program in programs)


@pytest.mark.parametrize("clean", [False, True], ids=["noisy", "clean"])
@pytest.mark.parametrize("name", CHAINS)
def test_chains_give_the_bits_of_their_stages(name, clean):
    chain, frame = CHAINS[name][1], framed(name)
    first, second = table(chain, 3), table([stage.model_copy() for stage in chain], 3)
    if "K" in second:  # views with parameters of their own
        second = Parameters({**second, "K": second["K"] * 1.25}, 3)
        for stage in chain:
            second = second.joined(stage.derive(second))
    assert differing(chain, frame, views(3), [first, second], clean) == 0


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (3, 5), (1, 20_001), (65_536, 1), (130, 127)])
@pytest.mark.parametrize("name", ["mosaic", "planes"])
def test_any_shape(name, shape):
    at = torch.tensor([[65_536 - shape[0], 65_536 - shape[1]], [0, 0], [0, 0]])
    frame, chain = framed(name, shape, 1, at), CHAINS[name][1]
    assert differing(chain, frame, views(1), [table(chain, 1)] * 2) == 0


def test_an_empty_batch_and_empty_images():
    chain = CHAINS["planes"][1]
    for shape in ((0, 3, 4, 4), (2, 3, 0, 4), (2, 3, 4, 0)):
        frame = Frame(torch.zeros(shape), Unit.LINEAR, torch.zeros(shape[0], 2, dtype=torch.int64))
        key = KEY.take(torch.arange(shape[0]))
        got = by_the_kernel(lower(chain, frame, [table(chain, shape[0])], False), frame, (key,))
        assert got.shape == (1, *shape)


@pytest.mark.parametrize(
    "strided",
    [
        lambda data: data.permute(0, 1, 3, 2).contiguous().permute(0, 1, 3, 2),
        lambda data: data.to(memory_format=torch.channels_last),
        lambda data: data[:1, :1].expand_as(data),
        lambda data: torch.cat([data, data], 3)[:, :, :, ::2],
        lambda data: torch.cat([data, data], 2)[:, :, 5 : 5 + data.shape[2]],
    ],
    ids=["transposed", "channels last", "expanded", "every other column", "cut out"],
)
@pytest.mark.parametrize("first", [cn.Mosaic(), cn.Shot()], ids=["mosaic", "planes"])
def test_any_strides(first, strided):
    frame, chain = framed("planes"), [first, cn.Gain(K=2.0)]
    frame = frame.with_data(strided(frame.data))
    assert differing(chain, frame, views(3), [table(chain, 3)] * 2) == 0


@pytest.mark.parametrize("name", ["mosaic", "raw"])
def test_a_crop_has_the_bits_of_its_frame(name):
    frame, chain = framed(name), CHAINS[name][1]
    key, drawn = KEY, table(chain, 3)
    whole = by_the_kernel(lower(chain, frame, [drawn], False), frame, (key,))[0]
    corner = torch.tensor([5, 7])
    part = replace(frame, data=frame.data[:, :, 5:, 7:], origin=frame.origin + corner)
    own = by_the_kernel(lower(chain, part, [drawn], False), part, (key,))[0]
    assert torch.equal(bits(own), bits(whole)[..., 5:, 7:])


def test_uint16_and_uint8_are_the_same_levels():
    frame, chain = framed("raw"), CHAINS["raw"][1]
    program = lower(chain, frame, [table(chain, 3)], False)
    levels, whole = (by_the_kernel(program, frame, (KEY,), dtype) for dtype in (torch.float32, torch.uint16))
    assert whole.dtype == torch.uint16
    assert torch.equal(whole.cpu().to(torch.int32), levels.cpu().to(torch.int32))
    assert levels.max() > 2**13

    frame, chain = framed("literature"), CHAINS["literature"][1]
    program = lower(chain, frame, [table(chain, 3)], False)
    levels, whole = (by_the_kernel(program, frame, (KEY,), dtype) for dtype in (torch.float32, torch.uint8))
    assert torch.equal(whole.cpu(), (levels.cpu() * 255.0 + 0.5).to(torch.uint8))


def test_an_epoch_and_a_view_of_zero():
    frame, chain = framed("planes"), CHAINS["planes"][1]
    for key in (Key(7, IDS, IDS, epoch=0), Key(7, IDS, IDS + 1, 0, 2**64 - 1), Key(2**64 - 1, IDS, IDS)):
        assert differing(chain, frame, (key,), [table(chain, 3)]) == 0


# Rates of both of the Poisson's paths, of their border, and at the ends of their range.
RATES = {
    "ladder": lambda u: u * 2.25,
    "around the border": lambda u: 2.25 + (u - 0.5) * 1e-5,
    "both": lambda u: u * 6.0,
    "expansion": lambda u: 3.0 + u * 200.0,
    "all": lambda u: (u * 14.0 - 1.0).exp2() * 61.0,
    "least": lambda u: torch.where(u < 0.3, torch.zeros_like(u), u * 1e-41),
}


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_shot_noise_at_every_rate(rates):
    data = rates(torch.rand(3, 1, 130, 131, generator=torch.Generator().manual_seed(3)))
    frame = Frame(data.clamp(max=1e6), Unit.ELECTRON, ORIGIN)
    assert differing([cn.Shot()], frame, (KEY,), [Parameters({}, 3)]) == 0


@pytest.mark.parametrize("value", [-1e-30, -3.0, 1.001e6, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_found_wherever_it_is(value):
    for place in ((0, 0, 0, 0), (2, 2, 29, 30)):
        frame = Frame(torch.full((3, 3, 30, 31), 10.0), Unit.ELECTRON, ORIGIN)
        program = lower([cn.Shot()], frame, [Parameters({}, 3)], False)
        assert by_the_kernel(program, frame, (KEY,)) is not None
        frame.data[place] = value
        assert by_the_kernel(program, frame, (KEY,)) is None


@pytest.mark.parametrize("value", [float("nan"), -1e-30, 64.1, float("inf")])
@pytest.mark.parametrize("name", ["mosaic", "planes"])
def test_a_value_outside_its_limits_is_found_wherever_it_is(name, value):
    """Of a mosaic also under a filter that does not let it through."""
    frame, chain = framed(name), CHAINS[name][1]
    program = lower(chain, frame, [table(chain, 3)], False)
    asked = (frame.origin.to(DEVICE), addresses(views(3)[:1]), torch.float32, (0.0, 64.0))
    assert sensor.expose(program, frame.data.to(DEVICE), *asked) is not None
    for plane in range(3):
        data = frame.data.clone()
        data[2, plane, -1, -1] = value
        assert sensor.expose(program, data.to(DEVICE), *asked) is None


def test_it_can_be_tried_out():
    sensor.try_out(torch.device(DEVICE))


def test_a_program_of_nothing_is_a_copy():
    """The clean view of noise alone."""
    frame = framed("speckle")
    chain = CHAINS["speckle"][1][:1]
    got = by_the_kernel(lower(chain, frame, [table(chain, 3)], True), frame, views(3)[:1])
    assert torch.equal(bits(got[0]), bits(frame.data))


def test_light_beyond_saturation_is_no_error():
    chain = [cn.Shot(), cn.FullWell(electrons=1000.0)]
    frame = Frame(torch.full((3, 1, 5, 6), 2e7), Unit.ELECTRON, ORIGIN)
    assert differing(chain, frame, (KEY,), [table(chain, 3)]) == 0


@cache
def kinds() -> list[type[Stage]]:
    """All that have kernels."""
    return [kind for kind in every_stage() if why_not(kind.model_construct()) is None]


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[Stage], Frame]:
    """Any stages in any order that one program can have, and a frame; physics is not asked for."""
    chain: list[Stage] = []
    heavy = False
    for kind in draw(st.lists(st.sampled_from(kinds()), min_size=1, max_size=5, unique=True)):
        stage = draw(stages(kind))
        reads = "sigma_read" in kind.names.values()
        if joins(stage, chain) and not (reads and heavy):
            chain.append(stage)
            heavy = heavy or reads
    shape = draw(st.tuples(st.integers(1, 40), st.integers(1, 40)))
    channels = draw(st.sampled_from([1, 3, 3, 4]))
    data = photographs(3, channels, *shape) * draw(st.sampled_from([1.0, 1.0, 7.0, 3000.0]))
    unit = draw(st.sampled_from([Unit.DN, Unit.RAW_DN]))
    cfa = draw(st.sampled_from(["RGGB", "GRBG", "GBRG", "BGGR"])) if channels == 1 else None
    return chain, Frame(data, unit, ORIGIN, cfa)


@given(drawn=chains(), seed=st.integers(0, 2**64 - 1), view=st.integers(0, 4095), clean=st.booleans())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_random_chains_give_the_bits_of_their_stages(drawn, seed, view, clean):
    chain, frame = drawn
    own, key = table(chain, 3), Key(seed, IDS, IDS + 1, view)
    if not chain or not accepts(chain, frame, [key], [own]):
        return
    try:
        want = by_the_stages(chain, frame, key, own, clean)
    except ValueError as error:
        if "Poisson rate" not in str(error):
            raise
        assert by_the_kernel(lower(chain, frame, [own], clean), frame, (key,)) is None
        return
    program = lower(chain, frame, [own], clean)
    if program.operations:  # a chain of nothing but noise has no clean operation
        assert torch.equal(bits(by_the_kernel(program, frame, (key,))[0]), bits(want))


# --- faults that the comparisons have to see


@given(case=cases())
@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
def test_the_cases_of_the_cpu_kernel(case):
    """Through `Pipeline`: schemes, bodies, epochs, crops, all dtypes, clean views, and what is refused."""

    def made():
        try:
            return case.views()
        except ValueError as error:
            return str(error)

    with kernels.reference():
        slow = made()
    case = replace(case, images=case.images.to(DEVICE))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kernels, "_found", lambda kind: kernels.Executor(sensor.expose, "Triton"))
        fast = made()
    assert slow == fast if isinstance(slow, str) else torch.equal(fast.cpu(), slow)


def test_a_wrong_word_or_number_is_seen():
    frame, chain = framed("raw"), CHAINS["raw"][1]
    drawn = table(chain, 3)
    program = lower(chain, frame, [drawn], False)
    want = bits(by_the_stages(chain, frame, KEY, drawn))
    assert torch.equal(bits(by_the_kernel(program, frame, (KEY,))[0]), want)
    at = next(number for number, one in enumerate(program.operations) if one.code is Code.SHOT)
    shot = program.operations[at]
    for changed in ({"lane": 3}, {"stream": 3}, {"stream": 34}, {"code": Code.ADD}):
        fault = shot._replace(**changed)
        operations = (*program.operations[:at], fault, *program.operations[at + 1 :])
        assert not torch.equal(bits(by_the_kernel(replace(program, operations=operations), frame, (KEY,))[0]), want)
    assert not torch.equal(bits(by_the_kernel(program, frame, (KEY.at(2),))[0]), want)
    nudged = program.table.clone()
    nudged[0, 2, 0] = torch.nextafter(nudged[0, 2, 0], torch.tensor(float("inf")))
    assert not torch.equal(bits(by_the_kernel(replace(program, table=nudged), frame, (KEY,))[0]), want)


@pytest.mark.skipif(DEVICE != "cpu", reason="a compiled kernel keeps its constants")
@pytest.mark.parametrize(
    "name", ["LOG", "MINUS_LOG2", "LOG1P", "EXP", "EXPM1", "EXPM1_SMALL", "COS", "NORMAL_N", "NORMAL_D"]
)
def test_a_wrong_coefficient_is_seen(name, monkeypatch):
    """The first one, by two parts in a million: some twenty units in the last place."""
    chain = [cn.DarkCurrent(current=2.0, seconds=3.0, spread=1.0), cn.Gain(K=2.0), cn.StudentTRead(scale=1.0, nu=3.0)]
    chain = [cn.TukeyLambdaRead(scale=1.0, lam=0.5)] if name.startswith("EXPM1") else chain
    frame = Frame(torch.zeros(1, 1, 60, 60), Unit.ELECTRON, ORIGIN[:1])
    tables = [table(chain, 1)] * 2
    assert differing(chain, frame, views(1), tables) == 0
    first, *others = getattr(arithmetic, name)
    monkeypatch.setattr(arithmetic, name, (first * 1.000002, *others))
    assert differing(chain, frame, views(1), tables) > 0


# --- what the compiler makes of the kernels

# Launches for a GPU of compute capability 9.0 that is not there: all but the last step, at which the PTX is kept.
# A process of its own, because there Triton must not interpret; a file, because it reads the source of its kernels.
COMPILE = """
import json, sys
import torch, triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from camnoise.kernels import gpu

class Absent:
    get_current_device = staticmethod(lambda: 0)
    get_current_stream = staticmethod(lambda device: 0)
    get_current_target = staticmethod(lambda: GPUTarget("cuda", 90, 32))
    get_benchmarker = staticmethod(lambda: lambda call, quantiles: [call() or 1.0] * 3)  # runs each choice once

@triton.jit
def plain(out, x, y):
    tl.store(out, tl.load(x) * tl.load(y) + tl.load(out))

@triton.jit
def divided(out, x, y):
    tl.store(out, tl.load(x) / tl.load(y))

@triton.jit
def rooted(out, x, y):
    tl.store(out, tl.sqrt(tl.load(x)))

made, fused = [], sys.argv[2] == "fused"

run = triton.runtime.JITFunction.run

def launch(kernel, *args, **options):
    options |= {"warmup": True} | ({"enable_fp_fusion": True} if fused else {})
    made.append((kernel.__name__, run(kernel, *args, **options).asm["ptx"]))

triton.runtime.driver.set_active(Absent())
triton.runtime.JITFunction.run = launch
for arguments in torch.load(sys.argv[1], weights_only=False):
    gpu.expose(*arguments)
if fused:
    x = torch.zeros(1)
    divided[(1,)](x, x, x)
    rooted[(1,)](x, x, x)
    plain[(1,)](x, x, x)
    fused = False
    plain[(1,)](x, x, x, enable_fp_fusion=False)
json.dump(made, sys.stdout)
"""


def compiled(calls: Sequence[tuple[Any, ...]], folder: Path, how: str = "") -> list[tuple[str, str]]:
    """Kernel and PTX of each launch that calls of `expose` make; "fused" fuses them, and adds kernels with faults."""
    script, given = folder / "compile.py", folder / "calls.pt"
    script.write_text(COMPILE)
    torch.save(calls, given)
    env = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    env |= {"TRITON_CACHE_DIR": str(folder / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, str(script), str(given), how]
    ran = subprocess.run(command, capture_output=True, text=True, env=env, check=False)
    assert ran.returncode == 0, ran.stderr
    return [(name, ptx) for name, ptx in json.loads(ran.stdout)]


def inexact(ptx: str) -> list[str]:
    """Instructions that are not one correctly rounded IEEE operation with denormals.

    The floor takes denormals for 0, which only negative ones would show: no floor is ever taken of one.
    """
    found = re.findall(r"^\s*(?:@!?%p\d+\s+)?([a-z][\w.]*)", ptx, re.MULTILINE)
    wrong = re.compile(r"fma|\.approx|div\.full|^(sin|cos|ex2|lg2|rcp|rsqrt|tanh)\.|^call|f16|f64|tf32")
    return [one for one in found if wrong.search(one) or (".ftz" in one and not one.startswith("cvt.rmi.ftz"))]


def call(name: str, dtype: torch.dtype = torch.float32, clean: bool = False) -> tuple[Any, ...]:
    """The arguments of `expose` for a chain."""
    frame, chain = framed(name), CHAINS[name][1]
    program = lower(chain, frame, [table(chain, 3)] * 2, clean)
    return program, frame.data, frame.origin, addresses(views(3)), dtype, (0.0, 64.0)


def test_compiled_kernels_have_exact_instructions_only(tmp_path):
    """For programs with every operation and every line, and all dtypes."""
    calls = [call(name) for name in ("mosaic", "planes", "speckle")]
    calls += [call("raw", torch.uint16), call("literature", torch.uint8), call("planes", clean=True)]
    assert {one.code for program, *_ in calls for one in program.operations} == set(Code)
    made = compiled(calls, tmp_path)
    assert [name for name, _ in made].count("expose_pixels") == len(calls)
    assert [name for name, _ in made].count("draw_lines") == 2 * 3  # rows and columns of three chains
    for name, ptx in made:
        assert "mul.rn.f32" in ptx
        assert inexact(ptx) == [], name


def test_the_choice_of_a_block_size_compiles(tmp_path):
    """Of a call of many pixels: every size on trial, and the one that was chosen."""
    program, data, *rest = call("raw")
    made = compiled([(program, data[:, :, :1, :1].expand(-1, -1, 1500, 1500), *rest)], tmp_path)
    assert [name for name, _ in made] == ["expose_pixels"] * (len(sensor.TUNED) + 1)
    assert len({ptx for _, ptx in made}) == len(sensor.TUNED)
    assert all(inexact(ptx) == [] for _, ptx in made)


def test_instructions_that_are_not_exact_are_seen(tmp_path):
    """A multiplication and an addition are exact until they may be fused; `/` and `tl.sqrt` never are."""
    made = compiled([call("raw")], tmp_path, "fused")
    assert [name for name, _ in made] == ["expose_pixels", "divided", "rooted", "plain", "plain"]
    *wrong, exact = (inexact(ptx) for _, ptx in made)
    assert exact == []
    assert all(wrong), wrong
