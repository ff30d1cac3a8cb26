"""Whether stages fit together: units, owners of parameters, dice."""

from collections.abc import Sequence
from itertools import pairwise

from .demosaic import Demosaic
from .mosaic import Mosaic
from .stage import Stage
from .units import Unit


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
    for first, second in pairwise(stages):
        if isinstance(first, Demosaic) and second.gives is Unit.ELECTRON:
            raise ValueError(f"{_name(second)} comes after Demosaic, but a sensor sees the mosaic")


def _check_owners(stages: Sequence[Stage]) -> None:
    owners: dict[str, int] = {}
    for number, stage in enumerate(stages):
        for name in stage.laws():
            if name in owners:
                other = _name(stages[owners[name]])
                raise ValueError(f"{_place(stages, number)} states {name}, but {other} states it already")
            owners[name] = number
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
