"""Where a camera's numbers come from, what they leave out, and whether they can be true."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import isfinite
from typing import Literal, Self, get_args

from pydantic import model_validator

from ..banding import Banding
from ..charge import PRNU, DarkCurrent, FullWell, HotPixels
from ..converter import Quantize
from ..distributions import LogUniform
from ..laws import Fixed, Law
from ..mosaic import Pattern
from ..readout import DSNU, ColorBias, PreampRead, StudentTRead, TukeyLambdaRead
from ..stage import Stage, fixed_value
from ..value import Value

Iso = float | tuple[float, float]

Component = Literal[
    "heavy tails",
    "pre-amplifier noise",
    "row noise",
    "column noise",
    "color bias",
    "PRNU",
    "DSNU",
    "dark current",
    "hot pixels",
    "full well",
    "quantization",
]
COMPONENTS: tuple[Component, ...] = get_args(Component)
_STAGES: dict[type[Stage], Component] = {
    TukeyLambdaRead: "heavy tails",
    StudentTRead: "heavy tails",
    PreampRead: "pre-amplifier noise",
    ColorBias: "color bias",
    PRNU: "PRNU",
    DSNU: "DSNU",
    DarkCurrent: "dark current",
    HotPixels: "hot pixels",
    FullWell: "full well",
    Quantize: "quantization",
}

# What no camera of a photographer's has: beyond these a number is of another unit, or of another bit depth.
ELECTRONS = (20.0, 1e7)  # at full scale
READ = (0.05, 100.0)  # e-, read noise referred to the pixel


class Provenance(Value):
    """What is known of a camera's numbers.

    Attributes:
        name, title: as commands and people write it.
        source, licence, units: of the numbers. Each kind of camera admits one text for its units.
        cfa: filter tile at the frame's (0, 0); None where the source gives none, or there is no filter.
        bits: of the converter; None where the numbers are of no converter (noise level functions).
        black, white: levels of the raw file, DN; None where the source gives none.
        iso_range: lowest and highest ISO that was calibrated; None where there is no ISO to ask for.
        missing: the components that these numbers do not have. A simulation of the camera lacks them.
        notes: what was assumed or left out.

    Raises:
        ValueError: levels that do not fit the bits, a range that is none.
    """

    name: str
    title: str
    source: str
    licence: str
    units: str
    cfa: Pattern | None
    bits: int | None
    black: float | None
    white: float | None
    iso_range: tuple[float, float] | None
    missing: tuple[Component, ...] = ()
    notes: tuple[str, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.iso_range is not None and not 0 < self.iso_range[0] <= self.iso_range[1]:
            raise ValueError(f"iso_range of {self.name} is {iso_text(self.iso_range)}, wanted LOW-HIGH above 0")
        if self.bits is None:
            if self.black is not None or self.white is not None:
                raise ValueError(f"{self.name} has levels and no bits, wanted both or none")
            return self
        top = 2**self.bits - 1
        if self.white is not None and not fits(self.white, self.bits):
            raise ValueError(f"white of {self.name} is {self.white:g} DN, wanted a level of {self.bits} bits")
        if self.black is not None and not 0 <= self.black < (top if self.white is None else self.white):
            raise ValueError(f"black of {self.name} is {self.black:g} DN, wanted 0 or more, and below white")
        return self

    def isos(self) -> list[float]:
        """The settings to show: here one per stop of its range."""
        return [] if self.iso_range is None else stops(*self.iso_range)


def components(stages: Iterable[Stage]) -> set[Component]:
    """The components that a chain of stages has, beyond shot noise and normal read noise."""
    has: set[Component] = set()
    for stage in stages:
        if isinstance(stage, Banding):
            parts: tuple[tuple[Component, object], ...] = (
                ("row noise", stage.sigma_row),
                ("column noise", stage.sigma_col),
            )
            has |= {part for part, sigma in parts if fixed_value(sigma) != 0}
        elif type(stage) in _STAGES:
            has.add(_STAGES[type(stage)])
    return has


def lacking(camera: Provenance, stages: Iterable[Stage]) -> tuple[Component, ...]:
    """The components that a camera lacks whose stages these are; a converter it has where it has bits."""
    has = components(stages) | ({"quantization"} if camera.bits is not None else set())
    return tuple(part for part in COMPONENTS if part not in has)


def check_missing(camera: Provenance, stages: Iterable[Stage]) -> None:
    """Whether a camera lacks what its file says it lacks.

    Raises:
        ValueError: a component too many or too few in `missing`.
    """
    lacks = lacking(camera, stages)
    for part in COMPONENTS:
        if (part in lacks) != (part in camera.missing):
            verb, says = ("lack", "does not") if part in lacks else ("have", "does")
            raise ValueError(f"missing of {camera.name} {says} name {part!r}, but its numbers {verb} it")


def check_numbers(name: str, bits: int, drawn: Mapping[str, float], iso: float) -> None:
    """Refuses what no camera is, which is how a wrong unit or bit depth shows.

    Args:
        name, bits: of the camera.
        drawn: its parameters at `iso`: K, and sigma_read, sigma_preamp where it has them.

    Raises:
        ValueError: a gain or a read noise beyond what cameras have.
    """
    full, K, sigma = 2.0**bits - 1, drawn["K"], drawn.get("sigma_read", 0.0)
    electrons = full / K
    if not ELECTRONS[0] <= electrons <= ELECTRONS[1]:
        raise ValueError(
            f"K of {name} is {K:g} at ISO {iso:g}, so that {bits} bits hold {electrons:.3g} electrons, wanted "
            f"{ELECTRONS[0]:g} to {ELECTRONS[1]:g}: DN of {bits} bits per electron, and no logarithm"
        )
    if sigma > full / 4:
        raise ValueError(f"sigma_read of {name} is {sigma:g} DN at ISO {iso:g}, wanted far below white, {full:g} DN")
    read = (sigma**2 / K**2 + drawn.get("sigma_preamp", 0.0) ** 2) ** 0.5
    if read and not READ[0] <= read <= READ[1]:
        raise ValueError(
            f"read noise of {name} is {read:.3g} electrons at ISO {iso:g}, wanted {READ[0]:g} to {READ[1]:g}: a "
            f"deviation in DN of {bits} bits, and no variance"
        )


def fits(white: float, bits: int) -> bool:
    """Whether a white level is one of a converter of so many bits; two bits less are of another."""
    return 2.0 ** (bits - 2) <= white <= 2.0**bits - 1


def check_ascending(name: str, field: str, values: Sequence[float]) -> None:
    """Raises ValueError unless the values ascend."""
    if any(b <= a for a, b in pairwise(values)):
        raise ValueError(f"{field} of {name} is not ascending: {', '.join(f'{value:g}' for value in values)}")


def check_lengths(name: str, count: int, **tables: Sequence[float]) -> None:
    """Raises ValueError unless every table has `count` entries."""
    for field, table in tables.items():
        if len(table) != count:
            raise ValueError(f"{field} of {name} has {len(table)} entries, wanted {count}")


def stops(low: float, high: float) -> list[float]:
    """One setting per stop, from `low` up."""
    made = [low]
    while made[-1] * 2 <= high:
        made.append(made[-1] * 2)
    return made


def ends(iso: Iso) -> tuple[float, float]:
    """The lowest and the highest of what was asked for."""
    return iso if isinstance(iso, tuple) else (iso, iso)


def one_or_range(low: float, high: float, *, varies: bool) -> Law:
    """One gain for all images, or a log-uniform one for each."""
    return LogUniform(low=low, high=high) if varies else Fixed(value=low)


def iso_text(iso: Iso) -> str:
    """As a person writes it: 6400, or 800-1600."""
    return f"{iso[0]:g}-{iso[1]:g}" if isinstance(iso, tuple) else f"{iso:g}"


def check_positive(iso: Iso) -> None:
    """Raises ValueError for what is no ISO at all."""
    low, high = ends(iso)
    if not (0 < low <= high and isfinite(high)):
        raise ValueError(f"ISO is {iso_text(iso)}, wanted a number above 0, or LOW-HIGH")
