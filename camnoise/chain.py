"""Whether stages fit together: units, owners of parameters, dice."""

from collections.abc import Sequence

from .banding import Banding, PeriodicBanding
from .charge import PRNU, DarkCurrent, FullWell, HotPixels, Shot
from .darkframes import DarkFrames
from .demosaic import Demosaic, why_not
from .keys import OWN, OWN_FIXED, Stream, stream_name
from .laws import FIRST, depends_on
from .light import Expose
from .mosaic import Mosaic
from .nlf import Heteroscedastic, LevelNoise
from .pattern import CLEAR_PLANE, planes_of
from .plain import ScaledPoisson
from .readout import DSNU, ColorBias, GaussianRead, PreampRead, StudentTRead, TukeyLambdaRead
from .stage import Stage

# A stage that stands after another, which cannot be: what the units do not see.
_DISORDER: tuple[tuple[type[Stage], type[Stage], str], ...] = (
    (Demosaic, Expose, "a sensor sees the mosaic"),
    *(
        (Demosaic, noise, "a sensor's noise is in its mosaic, and interpolated with it")
        for noise in (Heteroscedastic, LevelNoise, ScaledPoisson)
    ),
    (Expose, Mosaic, "light passes the filter first"),
    (DarkCurrent, PRNU, "dark charge is no response to light"),
    (HotPixels, PRNU, "dark charge is no response to light"),
    *((Shot, rate, "it adds to the rate of the shot noise") for rate in (PRNU, DarkCurrent, HotPixels)),
    (FullWell, Shot, "the well holds what has arrived"),
    (PreampRead, Shot, "the amplifier reads what has arrived"),
    (PreampRead, FullWell, "the amplifier reads what the well holds"),
)
# What a real dark frame holds already.
_IN_DARK_FRAMES = (GaussianRead, TukeyLambdaRead, StudentTRead, ColorBias, Banding, PeriodicBanding, DSNU)


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
    _check_dark_frames(stages)
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
    pattern = mosaics[0].pattern if mosaics else cfa
    if pattern is None:
        return
    for number, stage in enumerate(stages):
        if isinstance(stage, Demosaic) and (wanted := why_not(pattern, stage.method)) is not None:
            raise ValueError(f"{_place(stages, number)} by {stage.method} meets filters {pattern}, {wanted}")
        if isinstance(stage, ColorBias) and CLEAR_PLANE in planes_of(pattern):
            raise ValueError(f"{_place(stages, number)} meets filters {pattern}, whose clear pixels have no bias")


def _check_order(stages: Sequence[Stage]) -> None:
    """What the units do not see: each pair is out of the light's order."""
    for before, after, because in _DISORDER:
        first = next((n for n, stage in enumerate(stages) if isinstance(stage, before)), len(stages))
        for number in range(first + 1, len(stages)):
            if isinstance(stages[number], after):
                raise ValueError(f"{_place(stages, number)} comes after {_name(stages[first])}, but {because}")


def _check_dark_frames(stages: Sequence[Stage]) -> None:
    if not any(isinstance(stage, DarkFrames) for stage in stages):
        return
    for number, stage in enumerate(stages):
        if isinstance(stage, _IN_DARK_FRAMES):
            raise ValueError(f"{_place(stages, number)} is in DarkFrames already: it would be counted twice")


def _check_owners(stages: Sequence[Stage]) -> None:
    owners: dict[str, int] = {}
    for number, stage in enumerate(stages):
        for name, law in stage.laws().items():
            if name in owners:
                other = _name(stages[owners[name]])
                raise ValueError(f"{_place(stages, number)} states {name}, but {other} states it already")
            owners[name] = number
            if name in FIRST and depends_on(law) is not None:
                what = f"a law of {name} that reads {depends_on(law)}: {type(law).__name__}"
                raise ValueError(f"{_place(stages, number)} has {what}; {name} is drawn first")
    for number, stage in enumerate(stages):
        missing = sorted(stage.needs() - set(owners))
        if missing:
            raise ValueError(f"{_place(stages, number)} reads {missing[0]}, which no stage states")


def _check_dice(stages: Sequence[Stage]) -> None:
    seen: dict[tuple[int, int], int] = {}
    for number, stage in enumerate(stages):
        if stage.wants_mean and any(one.laws() for one in stages[:number]):
            first = next(one for one in stages[:number] if one.laws())
            raise ValueError(
                f"{_place(stages, number)} needs the mean of the frame, and {_name(first)} comes before it"
            )
        for stream, lane in stage.dice:
            if stream not in (*Stream, *OWN, *OWN_FIXED) or lane not in range(4):
                wanted = "your own: 64 to 127, lanes 0 to 3"
                raise ValueError(f"{_place(stages, number)} draws from stream {stream}, lane {lane}, wanted {wanted}")
            if (stream, lane) in seen:
                raise ValueError(
                    f"{_place(stages, number)} draws from stream {stream_name(stream)}, lane {int(lane)}, as "
                    f"{_name(stages[seen[stream, lane]])} does: their noise would be equal"
                )
            seen[stream, lane] = number
