"""A camera: stages in the order light meets them."""

from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Annotated, Any, Self

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from . import execution
from .banding import Banding, PeriodicBanding
from .camera import Camera
from .chain import check_chain
from .charge import PRNU, DarkCurrent, FullWell, HotPixels, Shot
from .converter import Normalize, Quantize
from .darkframes import DarkFrames
from .demosaic import Demosaic
from .develop import Develop
from .distributions import limits
from .execution import carry
from .frame import Frame
from .kernels.fitting import why_not
from .keys import Key
from .laws import FIRST, depends_on, number_of
from .light import Expose, Linearize
from .mosaic import Mosaic, Pattern
from .nlf import Heteroscedastic, LevelNoise, frame_mean
from .plain import (
    AdditiveGaussian,
    AdditiveUniform,
    Clip,
    EightBits,
    Impulse,
    ScaledPoisson,
    Speckle,
    Stripes,
)
from .readout import DSNU, ColorBias, Gain, GaussianRead, PreampRead, StudentTRead, TukeyLambdaRead
from .stage import Parameters, Stage, fixed_value
from .units import Unit
from .unprocess import Unprocess
from .value import Value, sentence

# The closed union that JSON may name: nothing is ever imported by name.
BuiltIn = Annotated[
    Linearize
    | Unprocess
    | Mosaic
    | Expose
    | PRNU
    | DarkCurrent
    | HotPixels
    | Shot
    | FullWell
    | PreampRead
    | Gain
    | GaussianRead
    | TukeyLambdaRead
    | StudentTRead
    | DSNU
    | ColorBias
    | Banding
    | PeriodicBanding
    | DarkFrames
    | Quantize
    | Normalize
    | Demosaic
    | Develop
    | Heteroscedastic
    | LevelNoise
    | AdditiveGaussian
    | AdditiveUniform
    | ScaledPoisson
    | Speckle
    | Impulse
    | Stripes
    | Clip
    | EightBits,
    Field(discriminator="kind"),
]
_BUILT_IN: TypeAdapter[Stage] = TypeAdapter(BuiltIn)


def _read_stage(value: Any) -> Any:
    if isinstance(value, Stage):
        return value
    if not isinstance(value, dict) or "kind" not in value:
        raise ValueError(f"stage is {value!r}, wanted a stage, or the JSON of one with its kind")
    try:
        return _BUILT_IN.validate_python(value)
    except ValidationError as error:
        raise ValueError(sentence(error)) from None


class Pipeline(Camera):
    """A camera: stages in the order light meets them, their units and parameters chained.

    Attributes:
        stages: at least one.
        name: of the camera; its fixed patterns belong to this body unless a call names another.
        cfa: filter tile at the full frame's (0, 0) of images that come in as mosaics (one channel);
            None for planes, for a monochrome sensor, and where a `Mosaic` stage says it.

    Raises:
        TypeError: a stage instead of a list of them.
        ValueError: units that do not fit, a parameter that no stage owns or that two own, two
            stages drawing the same words; the sentence names the stage.
    """

    stages: tuple[SerializeAsAny[Annotated[Stage, BeforeValidator(_read_stage)]], ...]
    name: str = "camera"
    cfa: Pattern | None = None

    def __init__(
        self, stages: Sequence[Stage] = (), *, name: str = "camera", cfa: str | None = None, **unknown: Any
    ) -> None:
        if isinstance(stages, Stage):
            raise TypeError(f"stages is a single {type(stages).__name__}, wanted a list of stages")
        Value.__init__(self, stages=stages, name=name, cfa=cfa, **unknown)

    @model_validator(mode="after")
    def _chains(self) -> Self:
        check_chain(self.stages, self.cfa)
        for stage in self.stages:
            for name, law in stage.laws().items():
                if (edges := limits(law)) is not None:
                    stage.check(name, edges)
        if not self.varies:
            self.draw([0])  # what is the same for every image is checked now
        return self

    @property
    def takes(self) -> Unit:
        """The unit of the images it wants."""
        return self.stages[0].takes[0]

    @property
    def gives(self) -> Unit:
        """The unit of the images it returns."""
        unit = self.takes
        for stage in self.stages:
            unit = stage.gives or unit
        return unit

    @property
    def raw(self) -> "Pipeline | None":
        """The same camera up to its converter, where the last two stages are Quantize, Normalize.

        Its views are raw DN and fit uint16. None where they are not.
        """
        tail = self.stages[-2:]
        if len(tail) < 2 or not isinstance(tail[0], Quantize) or not isinstance(tail[1], Normalize):
            return None
        return Pipeline(self.stages[:-1], name=self.name, cfa=self.cfa) if tail[0].fits_uint16 else None

    @property
    def radius(self) -> int:
        """How many pixels away its result looks; 0 is pointwise."""
        return sum(stage.radius for stage in self.stages)

    @property
    def clipped(self) -> bool:
        """Whether it cuts values off at black or white (`Clip`, `EightBits`, `Develop`)."""
        return any(isinstance(stage, Clip | EightBits | Develop) for stage in self.stages)

    @property
    def varies(self) -> bool:
        """Whether anything is drawn per image."""
        return any(fixed_value(law) is None for stage in self.stages for law in stage.laws().values())

    @property
    def wants_mean(self) -> bool:
        """Whether it needs the mean of whole frames."""
        return any(stage.wants_mean for stage in self.stages)

    @torch.no_grad()
    def frame_mean(self, images: Tensor) -> Tensor:
        """What crops of these whole images need for `frame_mean`: their mean where the stage that wants it stands.

        Args:
            images: (batch, channel, row, col), whole frames in the unit of `takes`.

        Returns:
            (batch,) float32.

        Raises:
            ValueError: no stage wants it.
        """
        if not self.wants_mean:
            raise ValueError(f"{self.name} has no stage that needs the mean of a frame")
        frame, _ = self._frame(images, None, None)
        return self._mean(frame)

    def check_channels(self, channels: int) -> None:
        if self.cfa is not None and channels not in (1, 3):
            raise ValueError(
                f"images has {channels} channels, wanted 1 (a mosaic) or 3 (planes): rows of packed planes are "
                "no sensor rows"
            )

    def framed(self, data: Tensor, origin: Tensor) -> Frame:
        return Frame(data, self.takes, origin, self.cfa if data.shape[1] == 1 else None)

    def tabulate(self, key: Key, frame: Frame | None = None, mean: Tensor | None = None) -> Parameters:
        """Draws every law at the key's samples, K and lambda_shot first, then what follows from the drawn values."""
        if self.wants_mean and mean is None and frame is not None:
            mean = self._mean(frame)
        # A stage that is not the library's own may derive something else tomorrow.
        if self.wants_mean or self.varies or not all(why_not(stage) is None for stage in self.stages):
            return _table(self.stages, key, mean)
        one, batch = _constants(self.stages), len(key.sample)
        return one if batch == 1 else one.take(torch.zeros(batch, dtype=torch.int64, device="cpu"))

    def expose(
        self, frame: Frame, keys: Sequence[Key], tables: Sequence[Parameters], dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Exposures of a frame, one per view, under drawn parameters."""
        self._check_dtype(dtype)
        return carry(self.stages, frame, [self._own(key) for key in keys], tables, dtype)

    def without_noise(self, frame: Frame, key: Key, drawn: Parameters) -> Tensor:
        """The clean view of a frame under drawn parameters."""
        return carry(self.stages, frame, [self._own(key)], [drawn], clean=True)[0]

    def explain(self, device: torch.device | str = "cpu") -> str:
        """What runs where on a device: which stages go through a kernel in one pass, and why others do not.

        The choice changes no bit of any result. (Of MPS nothing is promised.)

        Args:
            device: "cpu", "cuda", "cuda:1", or another of torch's; it need not be there.

        Returns:
            A line for each part of the chain.

        Raises:
            ValueError: a device that torch does not know.
        """
        try:
            where = torch.device(device)
        except (RuntimeError, TypeError):
            raise ValueError(f"device is {device!r}, wanted one of torch's: cpu, cuda, cuda:1, mps") from None
        return "\n".join(execution.explain(self.stages, where, self.cfa))

    def _own(self, key: Key) -> Key:
        return key.of_body(self.name) if key.body is None else key

    def _check_dtype(self, dtype: torch.dtype) -> None:
        last = self.stages[-1]
        if dtype not in (torch.float32, torch.uint16, torch.uint8):
            raise ValueError(f"dtype is {dtype!r}, wanted torch.float32, torch.uint16 or torch.uint8")
        if dtype == torch.uint16 and not (isinstance(last, Quantize) and last.fits_uint16):
            raise ValueError(
                f"dtype uint16 is for a chain ending in a Quantize that rounds to 16 bits or fewer, "
                f"this one ends in {last!r}{'' if self.raw is None else '; its .raw ends there'}"
            )
        if dtype == torch.uint8 and not isinstance(last, EightBits):
            raise ValueError(f"dtype uint8 is for a chain ending in EightBits, this one ends in {last!r}")

    def _mean(self, frame: Frame) -> Tensor:
        """Of whole frames, (batch,) float32, where the first stage that wants it stands."""
        before = list(takewhile(lambda stage: not stage.wants_mean, self.stages))
        nobody = Key(0, torch.zeros(len(frame.data), dtype=torch.int64, device="cpu"))
        for stage in before:
            frame = stage.clean(frame, nobody, Parameters({}, len(frame.data)))
        return frame_mean(frame.data)


@lru_cache(256)
def _constants(stages: tuple[Stage, ...]) -> Parameters:
    """The one row of the table of stages that draw none of their parameters."""
    with torch.inference_mode(False):
        return _table(stages, Key(0, torch.zeros(1, dtype=torch.int64, device="cpu")), None)


def _table(stages: Sequence[Stage], key: Key, mean: Tensor | None) -> Parameters:
    laws = {name: (stage, law) for stage in stages for name, law in stage.laws().items()}
    varying = ["entry", *(name for name, (_, law) in laws.items() if fixed_value(law) is None)]
    words = key.parameter_words([number_of(name) for name in varying])
    words_of = dict(zip(varying, words, strict=True))
    drawn = Parameters({}, len(key.sample))
    for name in sorted(laws, key=lambda name: name not in FIRST):
        stage, law = laws[name]
        number = fixed_value(law)
        if number is None:
            given = depends_on(law)
            column = law.sample(words_of[name], words_of["entry"][0], None if given is None else drawn[given])
        else:
            column = torch.full((drawn.batch,), number, dtype=torch.float32, device="cpu")
        stage.check(name, column)
        drawn = drawn.joined({name: column})
    if mean is not None:
        drawn = drawn.joined({"frame_mean": mean})
    for stage in stages:
        drawn = drawn.joined(stage.derive(drawn))
    return drawn
