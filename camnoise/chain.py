"""Whether stages fit together: units, owners of parameters, dice."""

from collections.abc import Sequence

from .charge import FullWell, Shot
from .demosaic import Demosaic
from .laws import GAIN_LAWS
from .light import Expose
from .mosaic import Mosaic
from .stage import Stage

_DISORDER = (
    (Demosaic, Expose, "a sensor sees the mosaic"),
    (Expose, Mosaic, "light passes the filter first"),
    (FullWell, Shot, "the well holds what has arrived"),
)


def check_chain(stages: Sequence[Stage], cfa: str | None) -> None:
    """Refuses a chain that does not fit.

    Args:
        stages: in the order light meets them.
        cfa: filter tile of images that come in as mosaics, or None.

    Raises:
        ValueError: naming the stage and what does not fit.
    """
    if not stages:
        raise ValueError("Pipeline got no stages, wanted at least one")
    _check_units(stages)
    _check_mosaic(stages, cfa)
    _check_order(stages)
    _check_owners(stages)
    _check_dice(stages)


def _place(stages: Sequence[Stage], number: int) -> str:
    return f"stage {number + 1} of {len(stages)}, {_name(stages[number])},"


def _name(stage: Stage) -> str:
    return type(stage).__name__


def _check_units(stages: Sequence[Stage]) -> None:
    unit = stages[0].takes[0]
    for number, stage in enumerate(stages):
        if unit not in stage.takes:
            wanted = " or ".join(stage.takes)
            raise ValueError(f"{_place(stages, number)} takes {wanted}, but {_name(stages[number - 1])} gives {unit}")
        unit = stage.gives or unit


def _check_mosaic(stages: Sequence[Stage], cfa: str | None) -> None:
    mosaics = [stage for stage in stages if isinstance(stage, Mosaic)]
    if len(mosaics) > 1:
        raise ValueError(f"{len(mosaics)} stages are a Mosaic, wanted at most one")
    if mosaics and cfa not in (None, mosaics[0].pattern):
        raise ValueError(f"Mosaic makes {mosaics[0].pattern}, but the pipeline's cfa is {cfa}")


def _check_order(stages: Sequence[Stage]) -> None:
    """What the units do not see: each pair is out of the light's order."""
    for before, after, because in _DISORDER:
        first = next((n for n, stage in enumerate(stages) if isinstance(stage, before)), len(stages))
        for number in range(first + 1, len(stages)):
            if isinstance(stages[number], after):
                raise ValueError(f"{_place(stages, number)} comes after {_name(stages[first])}, but {because}")


def _check_owners(stages: Sequence[Stage]) -> None:
    owners: dict[str, int] = {}
    for number, stage in enumerate(stages):
        for name, law in stage.laws().items():
            if name in owners:
                other = _name(stages[owners[name]])
                raise ValueError(f"{_place(stages, number)} states {name}, but {other} states it already")
            owners[name] = number
            if name == "K" and isinstance(law, GAIN_LAWS):
                raise ValueError(f"{_place(stages, number)} has a law of K that reads K: {type(law).__name__}")
    for number, stage in enumerate(stages):
        missing = sorted(stage.needs() - set(owners))
        if missing:
            raise ValueError(f"{_place(stages, number)} reads {missing[0]}, which no stage states")


def _check_dice(stages: Sequence[Stage]) -> None:
    seen: dict[tuple[int, int], int] = {}
    for number, stage in enumerate(stages):
        for stream, lane in stage.dice:
            if (stream, lane) in seen:
                raise ValueError(
                    f"{_place(stages, number)} draws from stream {stream.name}, lane {int(lane)}, as "
                    f"{_name(stages[seen[stream, lane]])} does: their noise would be equal"
                )
            seen[stream, lane] = number
