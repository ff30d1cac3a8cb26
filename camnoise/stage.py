"""What a stage of the camera is, and the table of parameters that stages read."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, get_args

import numpy as np
import torch
from pydantic.fields import FieldInfo
from torch import Tensor

from .flat import Flat
from .frame import Frame
from .keys import Key
from .laws import Fixed, depends_on
from .units import Unit
from .value import Value

if TYPE_CHECKING:
    from scipy.stats._distn_infrastructure import rv_frozen as Distribution  # noqa: N812

Dice = tuple[int, int]  # a stream and a lane


class Parameters(Mapping[str, Tensor]):
    """What was drawn once per image: one (batch,) float32 tensor per name, on the CPU.

    Both what the fields of the stages say (`K`, `sigma_read`, ...) and what follows from them
    (`electrons_at_white`, `scale_read`, ...); every execution reads this same table. Cameras keep
    tables and what they make of them, and give out copies: nothing changes one in place.
    """

    def __init__(self, columns: Mapping[str, Tensor], batch: int) -> None:
        self._columns = dict(columns)
        self.batch = batch

    def __getitem__(self, name: str) -> Tensor:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    # A mapping would compare its tensors, whose truth is ambiguous.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return f"Parameters({self._columns})"

    def per_image(self, name: str, frame: Frame) -> Tensor:
        """(batch, 1, 1, 1) on the frame's device, to broadcast over its pixels."""
        return self._columns[name].to(frame.data.device).reshape(-1, 1, 1, 1)

    def copy(self) -> "Parameters":
        """With tensors of its own."""
        return Parameters({name: column.clone() for name, column in self._columns.items()}, self.batch)

    def take(self, index: Tensor | slice) -> "Parameters":
        """The rows of some images."""
        images = torch.arange(self.batch, device="cpu")[index]
        return Parameters({name: column[images] for name, column in self._columns.items()}, len(images))

    def joined(self, columns: Mapping[str, Tensor]) -> "Parameters":
        """This table and further columns."""
        return Parameters({**self._columns, **columns}, self.batch)

    def sample(self, image: int) -> dict[str, float]:
        """Image number `image` as numbers whose repr is the shortest that names the float32.

        What the camera of that image does not have (NaN, in a mixture) is left out.
        """
        # Not `str`, which follows NumPy's print options, and those are anyone's to set.
        numbers = {n: float(np.format_float_scientific(np.float32(c[image]))) for n, c in self._columns.items()}
        return {name: number for name, number in numbers.items() if number == number}


class Stage(Value):
    """One thing that happens to light, charge or numbers: a frozen value with a pure `apply`.

    Class attributes say how it chains:
        takes: the units it accepts.
        gives: the unit it returns (None: the unit it took).
        names: field -> parameter, for each field that may vary per image; the stage owns them.
        reads: parameters of other stages that it needs.
        radius: how many pixels away the result looks; 0 is pointwise.
        wants_mean: whether it needs the mean of the whole frame where it stands, as column `frame_mean`.

    A stage of your own states the same, draws from streams 64 to 95 (or, for what is fixed to a
    body, 96 to 127), and is held to its promises by `camnoise.testing.assert_noise`.
    """

    takes: ClassVar[tuple[Unit, ...]]
    gives: ClassVar[Unit | None] = None
    names: ClassVar[Mapping[str, str]] = {}
    reads: ClassVar[tuple[str, ...]] = ()
    radius: ClassVar[int] = 0
    wants_mean: ClassVar[bool] = False

    kind: str

    @property
    def dice(self) -> tuple[Dice, ...]:
        """The (stream, lane) pairs that it draws from; no two stages of a chain may share one."""
        return ()

    def laws(self) -> dict[str, Any]:
        """Parameter -> the law or number of its field, where there is one."""
        fields = {name: getattr(self, field) for field, name in self.names.items()}
        return {name: value for name, value in fields.items() if value is not None}

    def needs(self) -> set[str]:
        """The parameters it reads: those of its `reads`, and those that its laws depend on."""
        through_laws = {name for law in self.laws().values() if (name := depends_on(law)) is not None}
        return {*self.reads, *through_laws}

    def derive(self, drawn: Parameters) -> dict[str, Tensor]:
        """Columns that follow from the drawn ones, computed once per image on the CPU."""
        return {}

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        """One exposure's pass through this stage; changes nothing in place."""
        raise NotImplementedError

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        """The same without noise, bias, fixed pattern and rounding. Deterministic stages do what they do."""
        return self.apply(frame, key, drawn)

    def expect(self, flat: Flat, drawn: Mapping[str, float]) -> Flat:
        """What becomes of a flat field: the moments that the stage promises.

        Args:
            flat: as the stages before it leave it.
            drawn: one image's row of the table of parameters.

        Raises:
            ValueError: nothing can be said, or nothing at this level.
        """
        raise ValueError(f"{type(self).__name__} states no moments of a flat field (it has no `expect`)")

    def noise(self, drawn: Mapping[str, float]) -> "Distribution | None":
        """The law of the noise that it adds to every pixel, whatever the signal; None where there is no such law."""
        return None

    def check(self, name: str, column: Tensor) -> None:
        """Holds drawn values to the bounds of their field.

        Raises:
            ValueError: naming the first value that is outside.
        """
        field = next(f for f, n in self.names.items() if n == name)
        low, high = bounds(type(self), field)
        wrong = ~((column >= low) & (column <= high))
        if wrong.any():
            raise ValueError(
                f"{type(self).__name__} drew {name} = {column[wrong][0].item():g}, wanted {low:g} to {high:g}"
            )


class Noise(Stage):
    """A stage that the clean view leaves out."""

    def clean(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        return frame


def fixed_value(value: object) -> float | None:
    """The number that a field stands for, or None where it varies per image."""
    if isinstance(value, Fixed):
        return value.value
    return float(value) if isinstance(value, int | float) else None


@cache
def bounds(kind: type[Stage], field: str) -> tuple[float, float]:
    """Lowest and highest number that a field of type `number | Law` admits, as float32 has them."""
    info = kind.model_fields[field]
    low, high = -float("inf"), float("inf")
    metadata = list(info.metadata)
    for branch in get_args(info.annotation):
        for extra in getattr(branch, "__metadata__", ()):
            metadata += extra.metadata if isinstance(extra, FieldInfo) else []
    for limit in metadata:
        low = max(low, getattr(limit, "ge", low))
        high = min(high, getattr(limit, "le", high))
    return float(np.float32(low)), float(np.float32(high))
