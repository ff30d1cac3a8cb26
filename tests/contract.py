"""What every stage promises, as one check; and how to draw any stage."""

import atexit
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, get_args, get_origin

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor

from camnoise.converter import Quantize
from camnoise.darkframes import DarkFrames
from camnoise.develop import Develop
from camnoise.frame import Frame
from camnoise.keys import Key
from camnoise.laws import Fixed
from camnoise.mosaic import BAYER
from camnoise.pipeline import Pipeline
from camnoise.readout import GaussianRead, _HeavyTailed
from camnoise.stage import Parameters, Stage, bounds
from camnoise.testing.promises import check_promises
from camnoise.units import Unit
from camnoise.unprocess import Unprocess

# Values of the parameters that a stage reads and does not own.
OTHERS = {
    **{"K": 2.0, "black": 512.0, "white": 4000.0, "ratio": 1.0, "bits": 14.0, "step": 1.0},
    **{"exposure_time": 10.0, "dark_time": 10.0, "frame_mean": 0.3},
    **{"dimming": 0.8, "red_gain": 2.0, "blue_gain": 1.7, "camera_RR": 0.7, "camera_RG": 0.2, "camera_RB": 0.1},
    **{"camera_GR": 0.1, "camera_GG": 0.7, "camera_GB": 0.2, "camera_BR": 0.0, "camera_BG": 0.3, "camera_BB": 0.7},
}
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
    "sigma_prnu": (0.001, 0.1),
    "dark_current": (0.01, 100.0),
    "exposure_time": (0.01, 100.0),
    "temperature": (-40.0, 60.0),
    "dark_spread": (0.01, 2.0),
    "hot_fraction": (0.2, 0.8),
    "hot_current": (0.1, 1000.0),
    "sigma_preamp": (0.01, 100.0),
    "sigma_dsnu": (0.01, 100.0),
    "sigma_periodic": (0.01, 100.0),
    "lambda_shot": (1e-5, 1.0),
    "lambda_read": (1e-5, 1.0),
    "level": (0.01, 1.0),
    "sigma_gaussian": (0.001, 1.0),
    "sigma_uniform": (0.001, 1.0),
    "peak": (5.0, 1e5),
    "speckle_variance": (1e-4, 1.0),
    "impulse_fraction": (0.2, 0.8),
    "salt": (0.2, 0.8),
    "lam": (-0.48, 2.0),  # float32 has no -0.49
    "stripe_row": (0.001, 1.0),
    "stripe_col": (0.001, 1.0),
    "dimming": (0.1, 2.0),
    "red_gain": (0.5, 4.0),
    "blue_gain": (0.5, 4.0),
    **{f"ccm_{number}": (0.01, 1.0) for number in range(4)},
}


def every_stage() -> list[type[Stage]]:
    """All concrete stages of the library: a stage is covered by being importable."""

    def below(kind: type[Stage]) -> Iterator[type[Stage]]:
        for sub in kind.__subclasses__():
            yield sub
            yield from below(sub)

    library = {s for s in below(Stage) if s.__module__.startswith("camnoise.") and "kind" in s.__annotations__}
    return sorted(library - {Stage}, key=lambda s: s.__name__)


@cache
def dark_bank() -> Path:
    """Seven dark frames of a made-up camera, as a file."""
    folder = TemporaryDirectory()
    atexit.register(folder.cleanup)
    path = Path(folder.name) / "dark.npy"
    chain = camera(read=GaussianRead(sigma=3.0), quantize=Quantize(bits=14)).raw
    np.save(path, chain(torch.zeros(7, 1, 128, 90), range(7), dtype=torch.uint16)[:, 0].numpy())
    return path


def dark_frames(**fields: Any) -> DarkFrames:
    """A stage with those dark frames, BGGR."""
    return DarkFrames.of(dark_bank(), **{"black": 512.0, "cfa": "BGGR", **fields})


@st.composite
def matrices(draw: st.DrawFn) -> Any:
    """Linear sRGB to some camera: each color sees mostly its own."""
    rest = [[draw(st.floats(-0.2, 0.2)) for _ in range(2)] for _ in range(3)]
    (a, b), (c, d), (e, f) = rest
    return ((1 - a - b, a, b), (c, 1 - c - d, d), (e, f, 1 - e - f))


@st.composite
def stages(draw: st.DrawFn, kind: type[Stage]) -> Stage:
    """A stage of that kind with any parameters within the bounds of its fields."""
    if kind is DarkFrames:
        return dark_frames(in_place=draw(st.booleans()), step=draw(st.sampled_from([0.0, 1.0])))
    fields: dict[str, Any] = {}
    if kind in (Unprocess, Develop):
        # Whether there is one decides which parameters are the stage's own.
        fields["matrix"] = draw(st.none() | matrices())
    of_unprocess = set(kind.names) if kind is Develop and fields["matrix"] is None else set()
    sized = draw(st.sampled_from(["sigma", "scale"])) if issubclass(kind, _HeavyTailed) else None
    for field, info in kind.model_fields.items():
        if field in {"kind", "matrix", *of_unprocess} or (field in ("sigma", "scale") and sized not in (None, field)):
            continue
        if field == "pattern":
            fields[field] = draw(st.sampled_from([*BAYER, "RRGG/RRGG/GGBB/GGBB", "RGW/GWB", "WRCB"]))
            continue
        if get_origin(info.annotation) is Literal:
            fields[field] = draw(st.sampled_from(get_args(info.annotation)))
            continue
        name = kind.names.get(field, field)
        low, high = bounds(kind, field)
        low, high = max(low, SENSIBLE.get(name, (low,))[0]), min(high, SENSIBLE.get(name, (0, high))[1])
        if sized == "sigma" and issubclass(kind, _HeavyTailed) and field == kind.least[0]:
            low = kind.least[1]
        if info.annotation is bool:
            fields[field] = draw(st.booleans())
            continue
        if info.annotation is int:
            fields[field] = draw(st.integers(int(low), int(high)))
            continue
        number = draw(st.floats(low, high, exclude_min=low == 0))
        may_be_law = info.annotation is not float
        fields[field] = Fixed(value=number) if may_be_law and draw(st.booleans()) else number
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


def frame_for(stage: Stage, rows: int = 12, cols: int = 10) -> Frame:
    """Three images that the stage can take, at different places of their frames."""
    mosaic = stage.kind in ("demosaic", "color_bias", "dark_frames")
    origin = torch.tensor([[0, 0], [7, 2], [100, 65_000] if stage.kind != "dark_frames" else [20, 30]])
    unit = stage.takes[0]
    return Frame(photographs(unit, 1 if mosaic else 3, rows=rows, cols=cols), unit, origin, "GBRG" if mosaic else None)


def check_stage(stage: Stage, seed: int) -> None:
    """Raises AssertionError naming the first promise that `stage` breaks."""
    assert type(stage).model_validate_json(stage.model_dump_json()) == stage, "JSON does not round-trip"
    ids = torch.tensor([11, -8, 5])
    check_promises(stage, frame_for(stage), Key(seed, ids, ids + 1, view=1), parameters(stage, 3))


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
