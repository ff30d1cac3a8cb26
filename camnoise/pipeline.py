"""A camera: stages in the order light meets them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Annotated, Any, Self

import torch
from pydantic import BeforeValidator, Field, SerializeAsAny, TypeAdapter, ValidationError, model_validator
from torch import Tensor

from .chain import check_chain
from .charge import FullWell, Shot
from .converter import Normalize, Quantize
from .demosaic import Demosaic
from .frame import Frame, as_origin, check_images
from .keys import Ids, Key, as_ids, fresh_ids, sample_id
from .laws import NUMBERS
from .light import Expose, Linearize
from .mosaic import Mosaic, Pattern
from .readout import Banding, ColorBias, Gain, GaussianRead, StudentTRead, TukeyLambdaRead
from .stage import Parameters, Stage, fixed_value
from .units import Unit
from .value import Value, sentence
from .views import Views, scheme_named

# The closed union that JSON may name: nothing is ever imported by name.
BuiltIn = Annotated[
    Linearize
    | Mosaic
    | Expose
    | Shot
    | FullWell
    | Gain
    | GaussianRead
    | TukeyLambdaRead
    | StudentTRead
    | ColorBias
    | Banding
    | Quantize
    | Normalize
    | Demosaic,
    Field(discriminator="kind"),
]
_BUILT_IN: TypeAdapter[Stage] = TypeAdapter(BuiltIn)

BAND = 2**18  # pixels that pass through the chain at a time on CPU: their temporaries stay in its cache
DEVICE_BAND = 2**24  # and on a GPU; the int64 words of a pixel take a hundred bytes and more while they are made


def _read_stage(value: Any) -> Any:
    if isinstance(value, Stage):
        return value
    if not isinstance(value, dict) or "kind" not in value:
        raise ValueError(f"stage is {value!r}, wanted a stage, or the JSON of one with its kind")
    try:
        return _BUILT_IN.validate_python(value)
    except ValidationError as error:
        raise ValueError(sentence(error)) from None


class Pipeline(Value):
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
        super().__init__(stages=stages, name=name, cfa=cfa, **unknown)

    @model_validator(mode="after")
    def _chains(self) -> Self:
        check_chain(self.stages, self.cfa)
        if not any(fixed_value(law) is None for stage in self.stages for law in stage.laws().values()):
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

    @torch.no_grad()
    def __call__(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        seed: int = 0,
        epoch: int | None = None,
        view: int = 1,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Tensor:
        """Exposes each image once. No gradient passes: a count of electrons has none.

        Args:
            images: (batch, channel, row, col), floating, in the unit of `takes`.
            ids: one int, or str, per image (or an int64 tensor); without ids the noise is new at
                every call, and a seed or an epoch would mean nothing.
            seed: in [0, 2^64).
            epoch: None for frozen noise; a number for noise of that epoch's own.
            view: which of the independent exposures, 1 to 4095.
            origin: (batch, 2) integers, where each crop's first pixel lies in its full frame.
            body: whose fixed pattern: one name, a name per image, or "per-sample" for one from
                each id; None is the camera's own name.
            dtype: float32, or uint16 for a chain that ends in Quantize.

        Returns:
            Noisy images, rows and columns as they came, on the same device.

        Raises:
            ValueError: images, ids, origin or addresses that do not fit.
            TypeError: images that are not floating, ids of another type.
        """
        if isinstance(view, bool) or view not in range(1, 4096):
            raise ValueError(f"view is {view!r}, wanted 1 to 4095 (view 0 addresses what all views share)")
        if ids is None and (seed != 0 or epoch is not None):
            raise ValueError("seed or epoch came without ids, wanted both: noise without ids is new at every call")
        frame = self._frame(images, origin)
        key = self._key(len(images), ids, seed=seed, epoch=epoch, body=body)
        return self._expose(frame, key.at(view), self._tabulate(key), dtype)

    @torch.no_grad()
    def views(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        scheme: str,
        seed: int = 0,
        epoch: int | None = None,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> Views:
        """Exposes each image as a scheme says.

        Args:
            images, ids, seed, epoch, origin, body, dtype: as in `__call__`.
            scheme: "n2c" or "n2n"; see `camnoise.views`.

        Returns:
            Clean images, noisy views, what was drawn, and the ids.

        Raises:
            ValueError, TypeError: as `__call__`; a scheme that does not exist.
        """
        plan = scheme_named(scheme)
        frame = self._frame(images, origin)
        key = self._key(len(images), ids, seed=seed, epoch=epoch, body=body)
        drawn = self._tabulate(key)
        exposures = [self._expose(frame, key.at(view), drawn, dtype) for view in plan.views]
        return Views(
            clean=self._without_noise(frame, key, drawn),
            views=torch.stack(exposures),
            parameters=tuple(drawn for _ in plan.views),
            ids=key.sample,
        )

    @torch.no_grad()
    def clean(
        self,
        images: Tensor,
        ids: Ids | None = None,
        *,
        seed: int = 0,
        epoch: int | None = None,
        origin: Tensor | None = None,
        body: str | Sequence[str] | None = None,
    ) -> Tensor:
        """The images with every deterministic stage on and no noise: float32, in the unit of the views.

        Arguments and errors are those of `__call__`; nothing is random but drawn parameters.
        """
        frame = self._frame(images, origin)
        key = self._key(len(images), ids, seed=seed, epoch=epoch, body=body)
        return self._without_noise(frame, key, self._tabulate(key))

    def draw(self, ids: Ids, *, seed: int = 0, epoch: int | None = None, view: int = 0) -> Parameters:
        """The parameters of each sample: one (batch,) tensor per name.

        Args:
            ids: one per sample.
            seed: in [0, 2^64).
            epoch: as in `__call__`.
            view: 0, which all views of a scene share, or that of a scheme with parameters per view.
        """
        key = Key(seed, as_ids(ids, len(ids)), epoch=epoch)
        return self._tabulate(key, view)

    def _tabulate(self, key: Key, view: int = 0) -> Parameters:
        """Draws every law at the key's samples, K first, then what follows from the drawn values."""
        laws = {name: (stage, law) for stage in self.stages for name, law in stage.laws().items()}
        varying = ["entry", *(name for name, (_, law) in laws.items() if fixed_value(law) is None)]
        words = key.at(view).parameter_words([NUMBERS[name] for name in varying])
        words_of = dict(zip(varying, words, strict=True))
        drawn = Parameters({}, len(key.sample))
        for name in sorted(laws, key=lambda name: name != "K"):
            stage, law = laws[name]
            number = fixed_value(law)
            if number is None:
                column = law.sample(words_of[name], words_of["entry"][0], drawn.get("K"))
            else:
                column = torch.full((drawn.batch,), number, dtype=torch.float32, device="cpu")
            stage.check(name, column)
            drawn = drawn.joined({name: column})
        for stage in self.stages:
            drawn = drawn.joined(stage.derive(drawn))
        return drawn

    def _expose(self, frame: Frame, key: Key, drawn: Parameters, dtype: torch.dtype = torch.float32) -> Tensor:
        """One exposure of a checked frame under drawn parameters."""
        last = self.stages[-1]
        if dtype not in (torch.float32, torch.uint16):
            raise ValueError(f"dtype is {dtype!r}, wanted torch.float32 or torch.uint16")
        if dtype == torch.uint16 and not (isinstance(last, Quantize) and last.fits_uint16):
            raise ValueError(
                f"dtype uint16 is for a chain ending in a Quantize that rounds to 16 bits or fewer, "
                f"this one ends in {last!r}{'' if self.raw is None else '; its .raw ends there'}"
            )
        frame = self._through(frame, lambda stage, part: stage.apply(part, key, drawn))
        return frame.data if dtype == torch.float32 else frame.data.to(torch.int32).to(torch.uint16)

    def _without_noise(self, frame: Frame, key: Key, drawn: Parameters) -> Tensor:
        """The clean view of a checked frame under drawn parameters."""
        return self._through(frame, lambda stage, part: stage.clean(part, key, drawn)).data

    def _through(self, frame: Frame, step: Callable[[Stage, Frame], Frame]) -> Frame:
        """Every stage in turn; the pointwise ones band by band, because an address makes a band a crop."""
        pointwise = list(takewhile(lambda stage: stage.radius == 0, self.stages))
        bands = []
        for band in frame.bands(BAND if frame.data.device.type == "cpu" else DEVICE_BAND):
            for stage in pointwise:
                band = step(stage, band)
            bands.append(band)
        # The concatenation copies, so that the result is never the caller's own image.
        frame = replace(bands[0], data=torch.cat([band.data for band in bands], 2), origin=frame.origin)
        for stage in self.stages[len(pointwise) :]:
            frame = step(stage, frame)
        return frame

    def _key(
        self, batch: int, ids: Ids | None, *, seed: int, epoch: int | None, body: str | Sequence[str] | None
    ) -> Key:
        sample = fresh_ids(batch) if ids is None else as_ids(ids, batch)
        if body == "per-sample":
            bodies = sample
        elif body is None or isinstance(body, str):
            bodies = as_ids([sample_id(self.name if body is None else body)] * batch, batch)
        else:
            bodies = as_ids(body, batch, "bodies")
        return Key(seed, sample, bodies, epoch=epoch)

    def _frame(self, images: Tensor, origin: Tensor | None) -> Frame:
        data = check_images(images, self.takes)
        if self.cfa is not None and data.shape[1] not in (1, 3):
            raise ValueError(
                f"images has {data.shape[1]} channels, wanted 1 (a mosaic) or 3 (planes): rows of packed planes are "
                "no sensor rows"
            )
        cfa = self.cfa if data.shape[1] == 1 else None
        return Frame(data, self.takes, as_origin(origin, data), cfa)
