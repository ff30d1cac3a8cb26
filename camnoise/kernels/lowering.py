"""From stages to a kernel's program: what each becomes.

A stage is known by its exact type, so that a subclass, which may do something else, runs as torch
code. A program repeats `apply` operation by operation; where both could drift apart, the tests
compare their bits on random pipelines.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from ..banding import Banding, PeriodicBanding
from ..charge import PRNU, SATURATED, DarkCurrent, FullWell, HotPixels, Shot
from ..converter import Normalize, Quantize
from ..draws import LARGEST_RATE, SMALLEST_SHAPE
from ..frame import Frame
from ..keys import Lane, Stream
from ..light import Expose, Linearize
from ..mosaic import Mosaic, planes_of, sites_of
from ..nlf import Heteroscedastic, LevelNoise
from ..plain import (
    SPREAD,
    AdditiveGaussian,
    AdditiveUniform,
    Clip,
    EightBits,
    Impulse,
    ScaledPoisson,
    Speckle,
    Stripes,
)
from ..readout import DSNU, ColorBias, Gain, GaussianRead, PreampRead, StudentTRead, TukeyLambdaRead
from ..stage import Noise, Parameters, Stage
from ..units import Unit
from .program import Code, Line, Operation, Program, Shape

Column = NDArray[np.float32]  # (batch,)
HALF = np.float32(0.5)


class _Writer:
    """A program while it is written."""

    def __init__(self, frame: Frame, drawn: Parameters, clean: bool) -> None:
        # NumPy's float32 is torch's, and its calls on single numbers take less time.
        self.drawn = {name: column.numpy() for name, column in drawn.items()}
        self.batch, self.clean = drawn.batch, clean
        self.unit, self.channels, self.cfa = frame.unit, frame.data.shape[1], frame.cfa
        self.operations: list[Operation] = []
        self.rows: list[Line] = []
        self.columns: list[Line] = []
        self.table: list[Column] = []
        self.tile: tuple[int, int, int, int] | None = None

    def column(self, *values: Column) -> int:
        """The number of the first of new columns, each (batch,) float32."""
        self.table += values
        return len(self.table) - len(values)

    def put(self, code: Code, *values: Column, stream: int = 0, lane: int = 0) -> None:
        self.operations.append(Operation(code, stream, lane, self.column(*values)))

    def line(self, code: Code, shape: Shape, stream: int, *values: Column, octaves: int = 1) -> None:
        lines = self.rows if code is Code.ROW else self.columns
        self.operations.append(Operation(code, at=len(lines)))
        lines.append(Line(shape, stream, octaves, self.column(*values)))

    def program(self) -> Program:
        table = np.empty((1, self.batch, len(self.table)), np.float32)
        for number, column in enumerate(self.table):
            table[0, :, number] = column
        lines = tuple(self.rows), tuple(self.columns)
        return Program(tuple(self.operations), *lines, torch.from_numpy(table), self.tile)


def _linearize(stage: Linearize, to: _Writer) -> None:
    to.put(Code.LINEARIZE)


def _mosaic(stage: Mosaic, to: _Writer) -> None:
    a, b, c, d = planes_of(stage.pattern)
    to.tile, to.channels, to.cfa = (a, b, c, d), 1, stage.pattern


def _expose(stage: Expose, to: _Writer) -> None:
    to.put(Code.SCALE, to.drawn["electrons_at_white"])


def _prnu(stage: PRNU, to: _Writer) -> None:
    to.put(Code.RESPOND, to.drawn["sigma_prnu"], stream=Stream.PRNU)


def _dark_current(stage: DarkCurrent, to: _Writer) -> None:
    charge = to.drawn["dark_current"] * to.drawn["dark_time"]
    if stage.dice:
        s = to.drawn["dark_exponent"]
        to.put(Code.CHARGE, charge, s, s * s * HALF, stream=Stream.DSNU, lane=1)
    else:
        to.put(Code.ADD, charge)


def _hot_pixels(stage: HotPixels, to: _Writer) -> None:
    charge = to.drawn["hot_current"] * to.drawn["dark_time"]
    to.put(Code.HOT, to.drawn["hot_fraction"], charge, stream=Stream.HOT)


def _shot(stage: Shot, to: _Writer) -> None:
    ceiling = np.full(to.batch, np.inf, np.float32)
    if "saturation" in to.drawn:
        ceiling[to.drawn["saturation"] < np.float32(SATURATED)] = LARGEST_RATE
    to.put(Code.SHOT, ceiling, stream=Stream.PIXEL, lane=Lane.SHOT)


def _full_well(stage: FullWell, to: _Writer) -> None:
    to.put(Code.CEILING, to.drawn["full_well"])


def _preamp_read(stage: PreampRead, to: _Writer) -> None:
    to.put(Code.NORMAL, to.drawn["sigma_preamp"], stream=Stream.PREAMP)


def _gain(stage: Gain, to: _Writer) -> None:
    to.put(Code.SCALE, to.drawn["K"])


def _gaussian_read(stage: GaussianRead, to: _Writer) -> None:
    to.put(Code.NORMAL, to.drawn["sigma_read"], stream=Stream.PIXEL, lane=Lane.READ)


def _tukey_lambda_read(stage: TukeyLambdaRead, to: _Writer) -> None:
    lam, edge = to.drawn["lam"], np.float32(SMALLEST_SHAPE)  # as `draws.tukey_lambda` treats a shape of 0
    lam = np.where(np.abs(lam) < edge, np.where(lam < 0, -edge, edge), lam)
    to.put(Code.TUKEY, lam, to.drawn["scale_read"] / lam, stream=Stream.PIXEL, lane=Lane.READ)


def _student_t_read(stage: StudentTRead, to: _Writer) -> None:
    nu = to.drawn["nu"]
    exponent = (np.float32(-2.0) / nu).astype(np.float32)
    to.put(Code.STUDENT, exponent, nu, to.drawn["scale_read"], stream=Stream.PIXEL, lane=Lane.READ)


def _dsnu(stage: DSNU, to: _Writer) -> None:
    to.put(Code.NORMAL, to.drawn["sigma_dsnu"], stream=Stream.DSNU)


def _color_bias(stage: ColorBias, to: _Writer) -> None:
    r, g1, g2, b = sites = [to.drawn[name] for name in stage.names.values()]
    if to.channels == 3:
        to.put(Code.PLANE, r, (g1 + g2) * HALF, b)
    else:
        assert to.cfa is not None
        to.put(Code.TILE, *(sites[site] for site in sites_of(to.cfa)))


def _banding(stage: Banding, to: _Writer) -> None:
    if stage.octaves == 1:
        to.line(Code.ROW, Shape.WHITE, Stream.ROW, to.drawn["sigma_row"])
    else:
        to.line(Code.ROW, Shape.OCTAVES, Stream.ROW, to.drawn["sigma_octave"], octaves=stage.octaves)
    to.line(Code.COLUMN, Shape.WHITE, stage.column_stream, to.drawn["sigma_col"])


def _periodic_banding(stage: PeriodicBanding, to: _Writer) -> None:
    code = Code.ROW if stage.axis == "rows" else Code.COLUMN
    to.line(code, Shape.WAVE, Stream.PERIODIC, to.drawn["amplitude"], to.drawn["frequency"])


def _quantize(stage: Quantize, to: _Writer) -> None:
    black, step, top = (
        to.drawn["black"],
        to.drawn["step"],
        np.ldexp(np.float32(1.0), to.drawn["bits"].astype(np.int32)) - np.float32(1.0),
    )
    if to.clean:
        to.put(Code.LEVEL, black, top)
    elif stage.rounding == "round":
        to.put(Code.ROUND, black, step, top)
    else:
        to.put(Code.DITHER, black, step, top, stream=Stream.PIXEL, lane=Lane.ROUND)


def _normalize(stage: Normalize, to: _Writer) -> None:
    black, white, ratio = (to.drawn[name] for name in stage.reads)
    pedestal = black if to.unit is Unit.RAW_DN else np.zeros_like(black)
    to.put(Code.NORMALIZE, pedestal, white - black, ratio)


def _level_function(stage: Heteroscedastic | LevelNoise, to: _Writer) -> None:
    columns = to.drawn["lambda_shot"], to.drawn["lambda_read"]
    to.put(Code.DEVIATE, *columns, stream=Stream.PIXEL, lane=Lane.READ)


def _additive_gaussian(stage: AdditiveGaussian, to: _Writer) -> None:
    to.put(Code.NORMAL, to.drawn["sigma_gaussian"], stream=Stream.GAUSSIAN)


def _additive_uniform(stage: AdditiveUniform, to: _Writer) -> None:
    to.put(Code.UNIFORM, to.drawn["sigma_uniform"] * np.float32(SPREAD), stream=Stream.UNIFORM)


def _scaled_poisson(stage: ScaledPoisson, to: _Writer) -> None:
    peak = to.drawn["peak"]
    to.put(Code.RATE, peak)
    to.put(Code.SHOT, np.full_like(peak, np.inf), stream=Stream.PIXEL, lane=Lane.SHOT)
    to.put(Code.DIVIDE, peak)


def _speckle(stage: Speckle, to: _Writer) -> None:
    sigma = to.drawn["sigma_speckle"]
    if stage.law == "normal":
        to.put(Code.SPECKLE_NORMAL, sigma, stream=Stream.SPECKLE)
    else:
        to.put(Code.SPECKLE_UNIFORM, sigma * np.float32(SPREAD), stream=Stream.SPECKLE)


def _impulse(stage: Impulse, to: _Writer) -> None:
    fraction = to.drawn["impulse_fraction"]
    to.put(Code.IMPULSE, fraction, np.full_like(fraction, stage.salt), stream=Stream.IMPULSE)


def _stripes(stage: Stripes, to: _Writer) -> None:
    to.line(Code.ROW, Shape.WHITE, Stream.ROW, to.drawn["stripe_row"])
    to.line(Code.COLUMN, Shape.WHITE, Stream.COLUMN, to.drawn["stripe_col"])


def _clip(stage: Clip, to: _Writer) -> None:
    to.put(Code.CLIP)


def _eight_bits(stage: EightBits, to: _Writer) -> None:
    to.put(Code.CLIP if to.clean else Code.EIGHT_BITS)


LOWERED: dict[type[Stage], Callable[[Any, _Writer], None]] = {
    Linearize: _linearize,
    Mosaic: _mosaic,
    Expose: _expose,
    PRNU: _prnu,
    DarkCurrent: _dark_current,
    HotPixels: _hot_pixels,
    Shot: _shot,
    FullWell: _full_well,
    PreampRead: _preamp_read,
    Gain: _gain,
    GaussianRead: _gaussian_read,
    TukeyLambdaRead: _tukey_lambda_read,
    StudentTRead: _student_t_read,
    DSNU: _dsnu,
    ColorBias: _color_bias,
    Banding: _banding,
    PeriodicBanding: _periodic_banding,
    Quantize: _quantize,
    Normalize: _normalize,
    Heteroscedastic: _level_function,
    LevelNoise: _level_function,
    AdditiveGaussian: _additive_gaussian,
    AdditiveUniform: _additive_uniform,
    ScaledPoisson: _scaled_poisson,
    Speckle: _speckle,
    Impulse: _impulse,
    Stripes: _stripes,
    Clip: _clip,
    EightBits: _eight_bits,
}


def lower(stages: Sequence[Stage], frame: Frame, tables: Sequence[Parameters], clean: bool) -> Program:
    """The program of stages that go together, for a frame that they accept (see `fitting`).

    Args:
        stages: at least one.
        frame: the batch.
        tables: the drawn parameters of each view.
        clean: whether it is their `clean` that is wanted.
    """
    programs = [_written(stages, frame, drawn, clean) for drawn in tables]
    if len(programs) == 1:
        return programs[0]
    return replace(programs[0], table=torch.cat([one.table for one in programs]))


# Programs of tables that are still in use: views share theirs, and a pipeline that draws nothing has one for good.
_written_before: WeakKeyDictionary[Parameters, dict[Any, tuple[Sequence[Stage], Program]]] = WeakKeyDictionary()


def _written(stages: Sequence[Stage], frame: Frame, drawn: Parameters, clean: bool) -> Program:
    before = _written_before.setdefault(drawn, {})
    what = (tuple(map(id, stages)), frame.unit, frame.data.shape[1], frame.cfa, clean)
    if what not in before:
        to = _Writer(frame, drawn, clean)
        with np.errstate(all="ignore"):  # torch does not warn of an overflow either
            for stage in stages:
                if not (clean and isinstance(stage, Noise)):
                    LOWERED[type(stage)](stage, to)
                to.unit = stage.gives or to.unit
        before[what] = (stages, to.program())  # with the stages, so that their ids stay theirs
    return before[what][1]
