"""The CPU kernel: the torch code's bits for any camera, from any thread, process or processor."""

import os
import platform
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from chains import Case, bits, cases
from contract import camera, dark_frames
from hypothesis import HealthCheck, given, settings
from torch.utils.data import DataLoader, Dataset

import camnoise as cn
from camnoise import execution, kernels
from camnoise.domains import place
from camnoise.kernels import cpu, lowering
from camnoise.kernels.cpu import threads
from camnoise.kernels.cpu.laws import BLOCK
from camnoise.kernels.program import Code, Shape
from camnoise.keys import Key

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(kernels.executor(CPU).expose is None, reason="no kernel runs on this CPU")
SENSOR = camera()


def by_both(made):
    """What `made` returns with the kernel and with the torch code: bits, or the sentence that refuses it."""

    def one():
        try:
            return bits(made())
        except ValueError as error:
            return str(error)

    fast = one()
    with kernels.reference():
        return fast, one()


def same(one, other) -> bool:
    return one == other if isinstance(one, str) or isinstance(other, str) else torch.equal(one, other)


def image(rows: int, cols: int, channels: int = 1) -> torch.Tensor:
    return torch.rand(1, channels, rows, cols, generator=torch.Generator().manual_seed(rows + cols)) ** 3


def mixed() -> cn.Pipeline:
    """Stages with a kernel on either side of one without."""
    before = [cn.Expose(black=512, white=4095), cn.Gain(K=2.0)]
    return cn.Pipeline([*before, dark_frames(), cn.Quantize(bits=12), cn.Normalize()], cfa="GRBG")


class Own(cn.Shot):
    """A subclass, which may do something else."""

    kind: str = "own"

    def apply(self, frame, key, drawn):
        return frame.with_data(frame.data + 1.0)


# --- the same bits


@given(case=cases())
@settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow])
def test_random_cameras_give_the_bits_of_the_torch_code(case: Case):
    assert same(*by_both(case.views))


@pytest.mark.parametrize(
    ("rows", "cols"),
    [
        *((1, 1), (1, BLOCK - 1), (1, BLOCK), (1, BLOCK + 1), (BLOCK + 1, 1), (3, 2 * BLOCK + 5), (127, 129)),
        *((2, 65_535), (65_535, 2), (1, 65_536), (7, 9_001)),
    ],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_sizes(rows, cols, channels):
    x = image(rows, cols, channels)
    assert same(*by_both(lambda: SENSOR.views(x, ["a"], scheme="n2n").views))


def test_crops_are_cut_from_the_frame():
    whole = SENSOR(image(300, 400), ["a"])
    crop = SENSOR(image(300, 400)[:, :, 31:230, 77:390], ["a"], origin=torch.tensor([[31, 77]]))
    assert torch.equal(bits(crop), bits(whole[:, :, 31:230, 77:390].contiguous()))


def test_pieces_of_every_size(monkeypatch):
    """More blocks than pieces, pieces of one block, and a last one that is not full."""
    x = image(1000, 1003)
    with kernels.reference():
        want = SENSOR(x, ["a"])
    for piece, shares in ((1, 1), (1, 1000), (3, 2), (7, 1)):
        monkeypatch.setattr(cpu, "PIECE", piece)
        monkeypatch.setattr(cpu, "SHARES", shares)
        assert torch.equal(SENSOR(x, ["a"]), want)


@pytest.mark.parametrize("view", [1, 255, 256, 4095])
def test_views(view):
    assert same(*by_both(lambda: SENSOR(image(20, 300), ["a"], view=view)))


@pytest.mark.parametrize("channels", [2, 5, 256])
def test_channels_of_other_cameras(channels):
    chain = cn.Pipeline([cn.AdditiveGaussian(sigma=0.1), cn.ScaledPoisson(peak=30.0)])
    assert same(*by_both(lambda: chain(image(5, 90, channels), ["a"])))


def test_the_top_of_sixteen_bits():
    chain = camera(expose=cn.Expose(black=512, white=65_535), quantize=cn.Quantize(bits=16)).raw
    fast, slow = by_both(lambda: chain(image(64, 900) + 0.6, ["a"], dtype=torch.uint16))
    assert torch.equal(fast, slow)
    assert (fast.view(torch.uint16).int() > 2**15).any()


@pytest.mark.parametrize("scheme", ["nrl", "rcl"])
def test_schemes_of_two_cameras_and_of_one(scheme):
    other = cn.Pipeline(camera(read=cn.GaussianRead(sigma=4.0)).stages, name="other", cfa="GRBG")
    cameras = (SENSOR, other) if scheme == "nrl" else None
    assert same(*by_both(lambda: SENSOR.views(image(40, 300), ["a"], scheme=scheme, cameras=cameras).views))


@pytest.mark.parametrize("scheme", ["n2n", "n2n-free"])
def test_mixtures(scheme):
    both = cn.Mixture([cn.noise("poisson:30+gaussian:25"), cn.noise("nlf:rcl")], weights=[0.5, 0.5])
    x = image(40, 300, 3).expand(8, -1, -1, -1)
    assert same(*by_both(lambda: both.views(x, range(8), scheme=scheme).views))


def test_nan_that_a_chain_makes_is_kept():
    """No dark current for an endless time."""
    dark = cn.DarkCurrent(current=0.0, seconds=1e5, celsius=150.0, doubling=1.0)
    chain = cn.Pipeline([dark, cn.FullWell(electrons=1e5)])
    fast, slow = by_both(lambda: chain(torch.ones(1, 1, 2, 3), ["a"]))
    assert torch.isnan(fast.view(torch.float32)).all()
    assert torch.isnan(slow.view(torch.float32)).all()


def test_tensors_without_memory_are_for_the_torch_code():
    gradient = torch.func.grad(lambda x: SENSOR(x, ["a"], validate=False).sum())(image(4, 6))
    assert torch.equal(gradient, torch.zeros(1, 1, 4, 6))


def test_stages_after_one_that_looks_around():
    chain = cn.Pipeline([*SENSOR.stages, cn.Demosaic(), cn.AdditiveGaussian(sigma=0.1), cn.Clip()], cfa="GRBG")
    assert chain.explain().splitlines()[-1] == "AdditiveGaussian, Clip: one pass, numba, 1 thread"
    assert same(*by_both(lambda: chain.views(image(40, 300), ["a"], scheme="n2n").views))


LAYOUTS = {
    "channels last": lambda x: x.to(memory_format=torch.channels_last),
    "transposed": lambda x: x.transpose(2, 3),
    "every other pixel": lambda x: x[:, :, ::2, 1::2],
    "one row for all": lambda x: x[:, :, :1].expand(-1, -1, 50, -1),
    "one plane for all": lambda x: x[:, :1].expand(-1, 3, -1, -1),
    "turned planes": lambda x: x.flip(1).permute(0, 1, 3, 2),
    "an offset into storage": lambda x: x.flatten()[17 : 17 + 3 * 30 * 40].reshape(1, 3, 30, 40),
    "negated by a bit": lambda x: torch.complex(x, -x).conj().imag,
    "float64": lambda x: x.double(),
    "float16": lambda x: x.half(),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("chain", [SENSOR, place(SENSOR, "raw")], ids=["planes", "mosaic"])
def test_layouts_of_memory(chain, layout):
    x = layout(image(61, 83, 3))
    before = x.clone()
    assert same(*by_both(lambda: chain(x, ["a"])))
    assert torch.equal(x, before), "the image was written to"


def test_images_that_need_gradients_and_images_of_inference():
    x = image(40, 50)
    with torch.inference_mode():
        inference = SENSOR(x.clone(), ["a"])
    assert torch.equal(SENSOR(x.clone().requires_grad_(), ["a"]), SENSOR(x, ["a"]))
    assert torch.equal(inference, SENSOR(x, ["a"]))


def test_cameras_that_use_every_operation(monkeypatch):
    """So that no operation is left to the chance of the random ones."""
    from test_golden_cameras import cameras, pictures

    seen: set[int] = set()

    def recorded(*arguments):
        program = lowering.lower(*arguments)
        seen.update(one.code for one in program.operations)
        seen.update(100 + line.shape for line in (*program.rows, *program.columns))
        return program

    monkeypatch.setattr(execution, "lower", recorded)
    more = [
        *(SENSOR, place(SENSOR, "raw"), cn.Pipeline([cn.Speckle(variance=0.1, law="normal")])),
        cn.Pipeline(
            [cn.Expose(black=0, white=255), cn.DarkCurrent(current=1.0, seconds=2.0), cn.Shot(), cn.Gain(K=1.0)]
        ),
    ]
    for one in [*cameras().values(), *more]:
        dark = isinstance(one, cn.Pipeline) and any(isinstance(stage, cn.DarkFrames) for stage in one.stages)
        x = pictures(one)[:, :1] if dark else pictures(one)

        def exposed(one=one, x=x):
            made = one.views(x, range(3), scheme="n2n-free")
            return torch.cat([made.views.flatten(), made.clean.flatten()])

        assert same(*by_both(exposed))
    assert seen == {*Code, *(100 + shape for shape in Shape)}


@pytest.mark.parametrize("fault", ["a column", "a lane", "a stream", "the order", "a line"])
def test_a_wrong_program_is_seen(monkeypatch, fault):
    """The comparison can fail: programs with one thing wrong give other bits."""
    chain = camera(read=cn.StudentTRead(sigma=3.0, nu=4.0), quantize=cn.Quantize(bits=14, step=4.0, rounding="uniform"))

    def wrong(*arguments):
        program = lowering.lower(*arguments)
        operations = list(program.operations)
        at = {one.code: number for number, one in enumerate(operations)}
        if fault == "a column":
            program.table[..., operations[at[Code.STUDENT]].at + 1] *= 1.000001
        elif fault == "a lane":
            operations[at[Code.DITHER]] = operations[at[Code.DITHER]]._replace(lane=2)
        elif fault == "a stream":
            operations[at[Code.SHOT]] = operations[at[Code.SHOT]]._replace(stream=6)
        elif fault == "the order":
            row, column = at[Code.ROW], at[Code.COLUMN]
            operations[row], operations[column] = operations[column], operations[row]
        else:
            operations[at[Code.ROW]] = operations[at[Code.COLUMN]]
        return lowering.Program(tuple(operations), program.rows, program.columns, program.table, program.tile)

    x = image(64, 1000)
    monkeypatch.setattr(execution, "lower", wrong)
    assert not same(*by_both(lambda: chain(x, ["a"])))


# --- what is refused


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-30, 255.0])
@pytest.mark.parametrize(
    "chain", [SENSOR, place(SENSOR, "raw"), cn.noise("gaussian:25")], ids=["raw", "photo", "plain"]
)
def test_bad_values_are_refused_in_the_same_words(chain, value):
    x = image(50, 1000, 3)
    x[0, 2, 49, 999] = value
    fast, slow = by_both(lambda: chain(x, ["a"]))
    assert isinstance(fast, str)
    assert fast == slow


@pytest.mark.parametrize(
    ("stage", "least", "most"),
    [
        (cn.AdditiveGaussian(sigma=0.1), 0.0, 1.0),
        (cn.Expose(black=0, white=255), 0.0, 64.0),
        (cn.Gain(K=1e-3), 0.0, float(np.finfo(np.float32).max)),
        (cn.GaussianRead(sigma=1.0), -float(np.finfo(np.float32).max), float(np.finfo(np.float32).max)),
    ],
)
def test_limits_are_where_the_units_have_them(stage, least, most):
    chain = cn.Pipeline([stage, cn.Gain(K=1.0)] if isinstance(stage, cn.Expose) else [stage])
    for value in (least, most):
        assert same(*by_both(lambda value=value: chain(torch.full((1, 1, 3, 5), value), ["a"])))
        with np.errstate(over="ignore"):  # beyond the largest there is infinity
            beyond = np.nextafter(np.float32(value), np.float32(-np.inf if value == least else np.inf))
        fast, slow = by_both(lambda beyond=beyond: chain(torch.full((1, 1, 3, 5), float(beyond)), ["a"]))
        assert isinstance(fast, str)
        assert fast == slow


@pytest.mark.parametrize("rate", [1.0001e6, 3e38, float("nan"), -1.0, float("-inf")])
def test_bad_rates_are_refused_in_the_same_words(rate):
    """Also where another stage has made them, or nobody has looked at the image."""
    x = torch.full((2, 1, 300, 400), 5.0)
    x[1, 0, 299, 399] = rate
    fast, slow = by_both(lambda: cn.Pipeline([cn.Shot()])(x, ["a", "b"], validate=False))
    assert "wanted 0 to 1e+06" in fast
    assert fast == slow


def test_rates_at_the_ends_are_taken():
    x = torch.tensor([0.0, -0.0, 1e-30, 2.25, np.nextafter(np.float32(2.25), np.float32(0)), 1e6]).reshape(1, 1, 1, 6)
    fast, slow = by_both(lambda: cn.Pipeline([cn.Shot()])(x, ["a"]))
    assert torch.equal(fast, slow)


def test_what_the_torch_code_refuses_is_refused():
    bias = cn.Pipeline([cn.ColorBias(R=1, G1=2, G2=3, B=4)])
    for chain, channels in ((bias, 1), (bias, 2), (cn.Pipeline([cn.Mosaic()]), 2)):
        fast, slow = by_both(lambda chain=chain, channels=channels: chain(image(4, 4, channels), ["a"]))
        assert isinstance(fast, str)
        assert fast == slow
    assert "channel is 299" in by_both(lambda: cn.Pipeline([cn.Shot()])(torch.zeros(1, 300, 1, 1), ["a"]))[0]


def test_a_table_of_one_row_serves_a_batch():
    """As torch broadcasts it; and frames of another type are for the torch code."""
    chain = cn.Pipeline([cn.AdditiveGaussian(sigma=0.1)])
    frame = chain.framed(image(4, 5).expand(3, -1, -1, -1), torch.zeros(3, 2, dtype=torch.int64))
    key = Key(0, torch.arange(3))
    fast, slow = by_both(lambda: chain.expose(frame, [key], [chain.draw([1])]))
    assert torch.equal(fast, slow)


class Doubles(Own):
    kind: str = "doubles"

    def apply(self, frame, key, drawn):
        return frame.with_data(frame.data.double())


def test_what_is_no_float32_is_for_the_torch_code():
    chain = cn.Pipeline([Doubles(), cn.Gain(K=2.0)])
    assert same(*by_both(lambda: chain(image(4, 5), ["a"]).float()))


def test_values_can_be_trusted():
    x = image(100, 100)
    assert torch.equal(SENSOR(x, ["a"], validate=False), SENSOR(x, ["a"]))
    views = SENSOR.views(x, ["a"], scheme="n2n", validate=False)
    assert torch.equal(views.views, SENSOR.views(x, ["a"], scheme="n2n").views)
    with pytest.raises(TypeError, match=r"images is torch\.uint8"):
        SENSOR(x.to(torch.uint8), ["a"], validate=False)


# --- which executes what


def test_explain_says_what_runs_where_and_why():
    chain = cn.Pipeline([*mixed().stages, cn.Demosaic()], cfa="GRBG")
    assert SENSOR.explain().endswith("Quantize, Normalize: one pass, numba, 1 thread")
    assert [line.partition(": ")[::2] for line in chain.explain().splitlines()] == [
        ("Expose, Gain", "one pass, numba, 1 thread"),
        ("DarkFrames", "torch code: it reads other frames"),
        ("Quantize, Normalize", "one pass, numba, 1 thread"),
        ("Demosaic", "torch code: it looks at neighboring pixels"),
    ]
    assert cn.Pipeline([Own()]).explain() == "Own: torch code: it has no kernel"
    assert "no kernel runs on mps" in SENSOR.explain("mps")
    assert "pipeline 1, weight 0.5:\n  Expose" in cn.Mixture([SENSOR, SENSOR], weights=[0.5, 0.5]).explain()
    with kernels.reference():
        assert SENSOR.explain().endswith("torch code: only the torch code is asked for")
    for wrong in ("toaster", "", None):
        with pytest.raises(ValueError, match=f"device is {wrong!r}, wanted one of torch's: cpu"):
            SENSOR.explain(wrong)


def test_a_subclass_runs_as_itself():
    x = torch.full((1, 1, 4, 4), 3.0)
    assert torch.equal(cn.Pipeline([Own()])(x, [1]), x + 1)


def test_chains_with_other_stages_in_between(monkeypatch):
    """Kernel, torch code, kernel, band by band."""
    chain = mixed()
    x = image(100, 64)
    fast, slow = by_both(lambda: chain.views(x, ["a"], scheme="n2n").views)
    assert torch.equal(fast, slow)
    monkeypatch.setattr(execution, "BAND", 64)
    assert torch.equal(bits(chain.views(x, ["a"], scheme="n2n").views), slow)


# --- threads, processes, memory


@pytest.fixture
def three_threads():
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(1)


def test_threads_do_not_show(three_threads):
    x = image(1000, 1000)
    many = SENSOR(x, ["a"])
    assert threads._size >= 2
    assert "3 threads" in SENSOR.explain()
    torch.set_num_threads(1)
    assert torch.equal(SENSOR(x, ["a"]), many)


def test_every_piece_is_done_once_and_an_error_comes_through(three_threads):
    done = [0] * 1000

    def work(piece):
        done[piece] += 1
        return True

    assert threads.share(1000, work)
    assert done == [1] * 1000
    assert not threads.share(1000, lambda piece: piece != 500)
    with pytest.raises(ZeroDivisionError):
        threads.share(1000, lambda piece: 1 // (500 - piece) > -1000)


def test_without_threads_to_be_had_the_caller_does_it_all(three_threads, monkeypatch):
    class Full:
        def submit(self, work):
            raise RuntimeError("can't start new thread")

    x = image(600, 600)
    want = SENSOR(x, ["a"])
    monkeypatch.setattr(threads, "_pool", Full())
    assert torch.equal(SENSOR(x, ["a"]), want)


def test_callers_on_several_threads_share_the_pool(three_threads):
    from concurrent.futures import ThreadPoolExecutor

    x = image(500, 500)
    want = SENSOR(x, ["a"])
    with ThreadPoolExecutor(4) as callers:
        assert all(torch.equal(one, want) for one in callers.map(lambda _: SENSOR(x, ["a"]), range(16)))


def test_a_forked_child_has_threads_of_its_own(three_threads):
    x = image(600, 600)
    want = SENSOR(x, ["a"]).numpy()
    assert threads._pool is not None
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(30)  # a thread that waits for one that is not there waits for ever
            # Only what is ours: torch's own OpenMP threads do not survive a fork.
            made = SENSOR(x, ["a"], validate=False).numpy()
            status = 0 if threads._pool is not None and (made == want).all() else 2
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert (SENSOR(x, ["a"]).numpy() == want).all()


FORKED = """
import os, signal, sys, threading, torch
from contract import camera
chain, x = camera(), torch.rand(1, 1, 8, 8)
began = threading.Event()
import camnoise.kernels as kernels
compile_it = kernels.uninterrupted
def told(make):
    def and_tell():
        began.set()
        return make()
    return compile_it(and_tell)
kernels.uninterrupted = told
import camnoise.kernels.cpu as cpu
cpu.uninterrupted = told
first = threading.Thread(target=lambda: chain(x, [1]))
first.start()
began.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    made = chain(x, [1])
    os._exit(0)
first.join()
print(os.waitpid(child, 0)[1])
"""


def test_a_fork_in_the_middle_of_a_compilation(tmp_path):
    """The child finds the locks of the compiler free."""
    assert python(FORKED, NUMBA_CACHE_DIR=str(tmp_path)).strip() == "0"


class Exposures(Dataset):
    """Exposures made in the workers of a loader."""

    def __len__(self):
        return 6

    def __getitem__(self, number):
        return SENSOR(image(200, 300), [number])[0]


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_workers_of_a_loader_make_the_same(how):
    want = [SENSOR(image(200, 300), [number])[0] for number in range(6)]
    made = list(DataLoader(Exposures(), batch_size=None, num_workers=2, multiprocessing_context=how))
    assert all(torch.equal(one, other) for one, other in zip(made, want, strict=True))


def python(code: str, **environment: str) -> str:
    """What another process prints."""
    tests = Path(__file__).parent
    paths = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    ran = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", **environment},
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_nothing_of_the_size_of_the_image_is_allocated_but_the_output():
    """16 megapixels are 64 MiB: at its peak the process has those more, and a tenth for everything else."""
    grown = python(
        "import re, torch\n"
        "from pathlib import Path\n"
        "from contract import camera\n"
        "def memory(what): return int(re.search(what + r':\\s+(\\d+)', Path('/proc/self/status').read_text())[1])\n"
        "chain, x = camera(), torch.rand(1, 1, 4096, 4096)\n"
        "chain(x[:, :, :300].contiguous(), [1])\n"
        "Path('/proc/self/clear_refs').write_text('5')\n"  # the peak begins anew
        "before = memory('VmRSS')\n"
        "made = chain(x, [1])\n"
        "print(memory('VmHWM') - before)"
    )
    assert 64 * 1024 * 0.99 <= int(grown) <= 64 * 1024 * 1.1


HITS = """
import gc, re, torch
from camnoise.kernels import cpu
from contract import camera
camera()(torch.zeros(1, 1, 2, 2), [1])
assert gc.isenabled(), "the compiler has left the collector off"
kernels = [cpu.compiled(name) for name in ("expose", "draw_lines")]
print(sum(sum(one.stats.cache_hits.values()) for one in kernels))
"""
ASSEMBLY = """
text = "".join(one for kernel in kernels for one in kernel.inspect_asm().values())
print(len(text) > 100_000, re.findall(r"vfn?m(?:add|sub)|fmadd|fmla", text))
"""


def test_the_cache_is_kept_and_follows_the_sources(tmp_path):
    """Compiled code comes from disk in a second process, and not after a coefficient has changed in another file."""
    package, installed = tmp_path / "camnoise", Path(cn.__file__).parent
    shutil.copytree(installed, package, ignore=shutil.ignore_patterns("__pycache__"))
    for outer in ("pipelines", "training"):
        if not (package / outer).exists():
            shutil.copytree(installed.parent / outer, package / outer)
    paths = os.pathsep.join([str(tmp_path), str(Path(__file__).parent)])
    here = {"NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": paths}
    hits, *assembly = python(HITS + ASSEMBLY, **here).split(maxsplit=1)
    assert hits == "0"
    assert assembly == ["True []\n"], "fused multiply-add in the machine code"
    assert python(HITS, **here).strip() == "2"
    for index in (tmp_path / "cache").rglob("*.nbi"):
        index.write_bytes(b"")
    assert python(HITS, **here).strip() == "0", "a damaged cache is no reason to fail"
    draws = package / "draws.py"
    draws.write_text(draws.read_text().replace("TEMME_FLOOR = -1.36", "TEMME_FLOOR = -1.35"))
    assert python(HITS, **here).strip() == "0"


INTERRUPTED = """
import signal, sys, torch
from contract import camera
import camnoise as cn

def interrupt(*_):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
chain, x = camera(), torch.rand(1, 1, 8, 8)
for delay in (0.05, 0.3, 1.0):  # while numba is imported, while it compiles
    signal.setitimer(signal.ITIMER_REAL, delay)
    try:
        chain(x, [1])
    except KeyboardInterrupt:
        print("interrupted")
    signal.setitimer(signal.ITIMER_REAL, 0)
made = chain(x, [1])
with cn.kernels.reference():
    print(torch.equal(made, chain(x, [1])), "numba" in sys.modules)
"""


def test_an_interrupt_while_it_compiles_leaves_it_whole(tmp_path):
    """Wherever it comes, which another machine decides: the next call finds numba and the kernel."""
    printed = python(INTERRUPTED, NUMBA_CACHE_DIR=str(tmp_path)).split()
    assert printed[:1] == ["interrupted"]
    assert printed[-2:] == ["True", "True"]


CHAINS = """
from test_golden_cameras import cameras, digests
chosen = ["sony, one ISO, raw", "student, temporal columns, dither", "every kind of sensor noise", "a level"]
print([digests(cameras()[name]) for name in chosen])
"""


@pytest.mark.parametrize(("processor", "features"), [("haswell", "+avx2,+fma"), ("x86-64", "")])
def test_other_processors_give_the_same(processor, features, tmp_path):
    """With fused multiply-add at hand, which must not be used, and without any wide vectors."""
    if platform.machine() != "x86_64":
        pytest.skip("these are x86-64 processors")
    here = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": features}
    assert python(CHAINS, **here) == python(CHAINS)
