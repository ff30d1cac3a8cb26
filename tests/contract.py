"""What every stage promises, as one check; and how to draw any stage."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import torch
from hypothesis import strategies as st
from torch import Tensor

from camnoise.frame import Frame
from camnoise.keys import Key, Stream
from camnoise.laws import Fixed
from camnoise.pipeline import Pipeline
from camnoise.readout import _HeavyTailed
from camnoise.stage import Parameters, Stage, bounds
from camnoise.units import Unit

# Values of the parameters that a stage reads and does not own.
OTHERS = {"K": 2.0, "black": 512.0, "white": 4000.0, "ratio": 1.0, "bits": 14.0, "step": 1.0}
# Where a field's full range would make the noise of the test image vanish or overflow.
LEAST = {"lam": -0.35, "nu": 3.0}  # so that a deviation can be stated for every image
SENSIBLE = {
    "K": (0.01, 100.0),
    "black": (0.0, 1000.0),
    "white": (2000.0, 2**14 - 1.0),
    "bits": (12, 14),
    "sigma_read": (0.01, 100.0),
    "scale_read": (0.01, 100.0),
    "sigma_row": (0.01, 100.0),
    "sigma_col": (0.01, 100.0),
    "full_well": (1.0, 1e5),
}


def every_stage() -> list[type[Stage]]:
    """All concrete stages of the library: a stage is covered by being importable."""

    def below(kind: type[Stage]) -> Iterator[type[Stage]]:
        for sub in kind.__subclasses__():
            yield sub
            yield from below(sub)

    library = {s for s in below(Stage) if s.__module__.startswith("camnoise.") and not s.__name__.startswith("_")}
    return sorted(library, key=lambda s: s.__name__)


@st.composite
def stages(draw: st.DrawFn, kind: type[Stage]) -> Stage:
    """A stage of that kind with any parameters within the bounds of its fields."""
    fields: dict[str, Any] = {}
    sized = draw(st.sampled_from(["sigma", "scale"])) if issubclass(kind, _HeavyTailed) else None
    for field, info in kind.model_fields.items():
        if field == "kind" or (field in ("sigma", "scale") and sized not in (None, field)):
            continue
        if get_origin(info.annotation) is Literal:
            fields[field] = draw(st.sampled_from(get_args(info.annotation)))
            continue
        name = kind.names[field]
        low, high = bounds(kind, field)
        low, high = max(low, SENSIBLE.get(name, (low,))[0]), min(high, SENSIBLE.get(name, (0, high))[1])
        if sized == "sigma" and issubclass(kind, _HeavyTailed) and field == kind.least[0]:
            low = kind.least[1]
        if info.annotation is int:
            fields[field] = draw(st.integers(int(low), int(high)))
            continue
        number = draw(st.floats(low, high, exclude_min=low == 0))
        fields[field] = Fixed(value=number) if draw(st.booleans()) else number
    return kind(**fields)


def parameters(stage: Stage, batch: int) -> Parameters:
    """The table that the stage would find in a chain, with what it derives; every image has values of its own."""
    values = dict(OTHERS)
    for name, law in stage.laws().items():
        values[name] = law.value if isinstance(law, Fixed) else float(law)
    fields = {name: field for field, name in stage.names.items()}
    columns = {}
    for name, value in values.items():
        low, high = bounds(type(stage), fields[name]) if name in fields else (0.0, float("inf"))
        low = max(low, LEAST.get(name, low))
        steps = [value if name == "bits" else min(max(value * (1 - 0.07 * n), low), high) for n in range(batch)]
        columns[name] = torch.tensor(steps)
    table = Parameters(columns, batch)
    return table.joined(stage.derive(table))


def photographs(unit: Unit, channels: int, batch: int = 3, rows: int = 12, cols: int = 10) -> Tensor:
    """Some deterministic images with the range of their unit."""
    ramp = torch.linspace(0, 1, batch * channels * rows * cols).reshape(batch, channels, rows, cols)
    return ramp * {Unit.ELECTRON: 500.0, Unit.DN: 1000.0, Unit.RAW_DN: 3000.0}.get(unit, 1.0)


class Meddled(Key):
    """A key some of whose dice have been turned over."""

    turned: frozenset[tuple[int, int]] = frozenset()

    def _call(self, stream, position, channel):
        words = super()._call(stream, position, channel)
        turn = [0x5A5A5A5A if (stream, lane) in self.turned else 0 for lane in range(4)]
        return words ^ torch.tensor(turn, dtype=torch.int32).reshape(-1, *[1] * (words.ndim - 1))


def check_dice(stage: Stage, frame: Frame, key: Key, drawn: Parameters, result: Tensor) -> None:
    """The stage depends on each of the dice it states, and on no other."""

    def with_turned(dice: set[tuple[int, int]]) -> Tensor:
        meddled = Meddled(key.seed, key.sample, key.body, key.view, key.epoch)
        object.__setattr__(meddled, "turned", frozenset(dice))
        return stage.apply(frame, meddled, drawn).data

    stated = {(int(stream), int(lane)) for stream, lane in stage.dice}
    every = {(int(stream), lane) for stream in Stream for lane in range(4)}
    assert torch.equal(with_turned(every - stated), result), "a stage reads dice that it does not state"
    for one in stated:
        assert not torch.equal(with_turned({one}), result), "a stage states dice that it does not read"


def check_stage(stage: Stage, seed: int) -> None:
    """Raises AssertionError naming the first promise that `stage` breaks."""
    unit = stage.takes[0]
    channels, cfa = {"Mosaic": (3, None), "Demosaic": (1, "GRBG"), "ColorBias": (1, "GBRG")}.get(
        type(stage).__name__, (3, None)
    )
    ids = torch.tensor([11, -8, 5])
    origin = torch.tensor([[0, 0], [7, 2], [100, 65_000]])
    frame = Frame(photographs(unit, channels), unit, origin, cfa)
    key = Key(seed, ids, ids + 1, view=1)
    drawn = parameters(stage, 3)
    before = frame.data.clone()

    after = stage.apply(frame, key, drawn)
    assert torch.equal(frame.data, before), "input changed"
    assert after.data.dtype == torch.float32, "not float32"
    assert after.unit == (stage.gives or unit), "another unit than stated"
    assert after.data.shape[2:] == before.shape[2:], "rows or columns changed"
    assert torch.isfinite(after.data).all(), "not finite"

    again = stage.apply(frame, Key(seed, ids, ids + 1, view=1), drawn)
    assert torch.equal(again.data, after.data), "same address, other noise"

    for image in range(3):
        part = slice(image, image + 1)
        alone = Frame(before[part], unit, origin[part], cfa)
        one = stage.apply(alone, Key(seed, ids[part], ids[part] + 1, view=1), drawn.take(part))
        assert torch.equal(one.data, after.data[part]), "noise depends on the batch"
    turn = torch.tensor([2, 0, 1])
    turned = stage.apply(
        Frame(before[turn], unit, origin[turn], cfa), Key(seed, ids[turn], ids[turn] + 1, view=1), drawn.take(turn)
    )
    assert torch.equal(turned.data, after.data[turn]), "noise depends on the place in the batch"

    top, left, r = 3, 2, stage.radius
    crop = Frame(before[:, :, top:, left:-1], unit, origin + torch.tensor([top, left]), cfa)
    cropped = stage.apply(crop, Key(seed, ids, ids + 1, view=1), drawn).data
    whole = after.data[:, :, top:, left:-1]
    rows, cols = whole.shape[2:]
    inner = (slice(None), slice(None), slice(r, rows - r), slice(r, cols - r))
    assert torch.equal(cropped[inner], whole[inner]), "crop then noise is not noise then crop"

    assert type(stage).model_validate_json(stage.model_dump_json()) == stage, "JSON does not round-trip"

    if stage.dice:
        other = stage.apply(frame, Key(seed ^ 1, ids + 2**40, ids, view=2), drawn)
        assert not torch.equal(other.data, after.data), "noise ignores its address"
    else:
        other = stage.apply(frame, Key(seed ^ 1, ids + 2**40, ids, view=2), drawn)
        assert torch.equal(other.data, after.data), "a stage without dice depends on the address"
    clean = stage.clean(frame, key, drawn)
    moved = stage.clean(frame, Key(seed ^ 1, ids + 2**40, ids, view=2), drawn)
    assert torch.equal(clean.data, moved.data), "the clean view has noise"
    assert torch.equal(frame.data, before), "clean changed its input"
    check_dice(stage, frame, key, drawn, after.data)


def camera(**changes: Stage) -> Pipeline:
    """A whole sensor with every kind of noise; `changes` replace stages by their lower-case name."""
    import camnoise as cn

    chain: dict[str, Stage] = {
        "expose": cn.Expose(black=512, white=16383),
        "shot": cn.Shot(),
        "fullwell": cn.FullWell(electrons=1e5),
        "gain": cn.Gain(K=2.0),
        "read": cn.TukeyLambdaRead(sigma=5.0, lam=-0.05),
        "bias": cn.ColorBias(R=1.5, G1=-0.7, G2=0.4, B=-2.0),
        "banding": cn.Banding(sigma_row=2.0, sigma_col=1.5, columns="temporal"),
        "quantize": cn.Quantize(bits=14, step=4.0),
        "normalize": cn.Normalize(),
    }
    return Pipeline([*{**chain, **changes}.values()], name="bench", cfa="GRBG")
