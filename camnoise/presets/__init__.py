"""Calibrated cameras, each with its source, units, licence, range of validity, and what its numbers lack.

Most are *sensors*: they take scene-linear images, whose channels are one (a mosaic) or three (linear
planes), and give them back as that camera would have recorded them, white = 1. Of some only the noise
level function is known: they add one normal draw per pixel (`Heteroscedastic`) and have no converter.

What `extrapolate` does beyond the range of ISO that was calibrated: lines and formulas go on; tables
continue the line of their last two entries, log value against log ISO; shapes and color biases stay
those of the last entry; between two gain branches the nearer one goes on. Where that ends in numbers of no
sensor it is an error.

Numbers stay as published. Where a source measured frames that its converter had rounded, its read variance
holds 1/12 DN squared of rounding, which `Quantize` adds once more: a dark has sqrt(sigma_read^2 + 1/12). The
notes of these cameras say how much that is.
"""

from difflib import get_close_matches
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import ConfigDict, Field, RootModel, ValidationError

from ..charge import PRNU, DarkCurrent, HotPixels, Shot
from ..converter import Normalize, Quantize
from ..laws import Law
from ..light import Expose
from ..pipeline import Pipeline
from ..stage import Stage
from ..value import sentence
from .camera import LogLinearCamera, PerIsoTable, Sensor
from .formulas import ElectronSensor, GainSeparated, IsoPolynomial
from .levels import LevelCamera, NlfPrior, NlfTable
from .measured import MeasuredCamera
from .provenance import Iso, Provenance, check_missing, check_positive, ends, fits, iso_text

Known = (
    PerIsoTable
    | LogLinearCamera
    | IsoPolynomial
    | GainSeparated
    | ElectronSensor
    | NlfTable
    | NlfPrior
    | MeasuredCamera
)
_BEFORE_SHOT = (PRNU, DarkCurrent, HotPixels)  # what makes the rate of the shot noise


class Levels(Protocol):
    """What states the levels of a raw file: a `Raw`."""

    @property
    def black(self) -> tuple[float, ...]:
        """Per site, DN."""

    @property
    def white(self) -> float:
        """Saturation, DN."""


class _File(RootModel[Annotated[Known, Field(discriminator="kind")]]):
    model_config = ConfigDict(title="camera")


@cache
def _cameras() -> dict[str, Known]:
    files = sorted(Path(__file__).parent.glob("*.json"))
    cameras = [_File.model_validate_json(file.read_text()).root for file in files]
    return {camera.name: camera for camera in cameras}


def names() -> list[str]:
    """The names of all cameras, sorted."""
    return list(_cameras())


def describe(name: str | Path) -> Known:
    """A camera's numbers and where they come from.

    Args:
        name: one of `names()`, or a camera file: a `Path`, or a string that ends in ".json".

    Raises:
        TypeError: neither a string nor a path.
        ValueError: an unknown name (the sentence lists those that exist, the nearest first), or a file
            that is no camera's.
    """
    if not isinstance(name, str | Path):
        raise TypeError(f"camera is a {type(name).__name__}, wanted the name of one or the path of its file")
    if isinstance(name, Path) or name.endswith(".json"):
        return _read(Path(name))
    if name not in _cameras():
        raise ValueError(f"camera is {name!r}, wanted one of {', '.join(_nearest_first(name))}")
    return _cameras()[name]


def settings(name: str | Path) -> list[tuple[float, dict[str, float]]]:
    """ISO and the parameters at it (K, sigma_read, lam, sigma_row, ...): where measured, or one per stop."""
    camera = describe(name)
    return [(iso, Pipeline(stages_of(camera, iso)).draw([0]).sample(0)) for iso in camera.isos()]


def stages_of(camera: Known, iso: Iso | None, *, extrapolate: bool = False) -> list[Stage]:
    """The stages that a camera has of its own at an ISO, from the pixel's response to banding.

    Args:
        camera: as `describe` gives it.
        iso: a setting or (low, high); None where it has none.
        extrapolate: whether the ISO may lie outside what was calibrated. A camera of your own that
            `calibrate` measured has only what was measured.

    Raises:
        ValueError: an ISO at which the camera has no stages.
    """
    if isinstance(camera, MeasuredCamera):
        return camera.sensor(iso)
    if isinstance(camera, LevelCamera):
        return [camera.level(iso, extrapolate=extrapolate)]
    if iso is None:
        raise ValueError(f"ISO is None, wanted a setting of {camera.name}")
    return camera.sensor(iso, extrapolate=extrapolate)


def load(
    name: str | Path,
    *,
    iso: Iso | None = None,
    black: float | None = None,
    white: float | None = None,
    levels: Levels | None = None,
    ratio: float | Law = 1.0,
    extrapolate: bool = False,
    patterns: bool = False,
) -> Pipeline:
    """A calibrated camera: Expose, Shot, Gain, read noise, color bias, banding, Quantize, Normalize.

    Where only the noise level function is known it is `Heteroscedastic` alone.

    Args:
        name: one of `names()`, or the file of a camera (a path that ends in ".json").
        iso: one setting, or (low, high): K is then log-uniform per image, with the source's scatter. None
            for a camera that has no ISO, or was measured at one.
        black, white: levels of the raw file, DN, where they differ from the source's or it gives none.
        levels: a `Raw` that states both.
        ratio: how many times under-exposed (a low-light shot, multiplied back). A number where only the
            noise level function is known.
        extrapolate: whether the ISO may lie outside what was calibrated (see above).
        patterns: of a camera file of your own: whether the PRNU, DSNU and full well that were measured go in.

    Returns:
        A pipeline that takes scene-linear images, white = 1.

    Raises:
        TypeError: an ISO that is no number and no pair, a name that is none.
        ValueError: an unknown camera, an ISO outside what was calibrated, missing levels, `levels` of another depth.
    """
    camera = describe(name)
    setting = _checked_iso(camera, iso, extrapolate)
    if levels is not None:
        if black is not None or white is not None:
            raise ValueError("got levels and black or white, wanted one or the other")
        black, white = _one_black(levels), levels.white
        if camera.bits is not None and not fits(white, camera.bits):
            wanted = f"that of {camera.bits} bits, as {camera.name} has: state black and white"
            raise ValueError(f"levels has white {white:g} DN, wanted {wanted}")
    if isinstance(camera, LevelCamera):
        if black is not None or white is not None:
            raise ValueError(f"{camera.name} is known where white = 1, wanted no black and no white level")
        if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 1 <= ratio <= 1e5:
            raise ValueError(
                f"ratio is {ratio!r}, wanted a number of 1 or more for {camera.name}, known where white = 1"
            )
        stage = camera.level(setting, ratio, extrapolate=extrapolate)
        return Pipeline([stage], name=camera.name, cfa=camera.cfa)
    black, white = _levels(camera, black, white)
    if patterns:
        if not isinstance(camera, MeasuredCamera):
            raise ValueError(f"patterns is True for {camera.name}, wanted a camera that `camnoise calibrate` measured")
        if isinstance(setting, tuple):
            raise ValueError(f"ISO is {iso_text(setting)}, wanted one that was measured where patterns go in")
        return camera.pipeline(setting, black=black, white=white, ratio=ratio, patterns=True)
    if camera.bits is None:
        raise ValueError(f"{camera.name} has no bits, wanted those of its converter")
    stages = stages_of(camera, setting, extrapolate=extrapolate)
    if extrapolate and isinstance(camera, Sensor) and setting is not None:
        camera.check_plausible(*ends(setting))
    rate: list[Stage] = [stage for stage in stages if isinstance(stage, _BEFORE_SHOT)]
    rest = [stage for stage in stages if not isinstance(stage, _BEFORE_SHOT)]
    return Pipeline(
        [
            Expose(black=black, white=white, ratio=ratio),
            *rate,
            Shot(),
            *rest,
            Quantize(bits=camera.bits, step=camera.step if isinstance(camera, MeasuredCamera) else 1.0),
            Normalize(),
        ],
        name=camera.name,
        cfa=camera.cfa,
    )


def _read(file: Path) -> Known:
    try:
        camera = _File.model_validate_json(file.read_bytes()).root
        if not isinstance(camera, MeasuredCamera):  # which says by None what it lacks
            check_missing(camera, stages_of(camera, camera.iso_range and camera.iso_range[0]))
    except OSError as error:
        raise ValueError(f"camera {str(file)!r} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        if b'"stages"' in file.read_bytes():
            raise ValueError(f"camera {str(file)!r} is a pipeline, wanted a camera's numbers: use --pipeline") from None
        raise ValueError(f"{file}: {sentence(error)}") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return camera


def _nearest_first(name: str) -> list[str]:
    """All names, those first that hold it (or whose titles do), then those that are spelt like it."""
    asked = name.lower().replace("-", "_").replace(" ", "_")
    title = {one: f"{one} {camera.title}".lower().replace(" ", "_") for one, camera in _cameras().items()}
    near = [one for one in names() if asked and asked in title[one]]
    return list(dict.fromkeys([*near, *get_close_matches(asked, names(), n=3, cutoff=0.5), *names()]))


def _checked_iso(camera: Provenance, iso: Iso | None, extrapolate: bool) -> Iso | None:
    """The ISO as a number or a pair, where the camera has it."""
    if camera.iso_range is None:
        if iso is not None:
            raise ValueError(f"ISO is {iso!r}, wanted none: {camera.name} has no ISO")
        return None
    if iso is None and isinstance(camera, MeasuredCamera):
        return None  # where there is one point
    setting = _as_iso(iso)
    low, high = ends(setting)
    if extrapolate:
        check_positive(setting)
    elif not camera.iso_range[0] <= low <= high <= camera.iso_range[1]:
        first, last = camera.iso_range
        has = f"{first:g}" if first == last else f"{first:g} to {last:g}"
        raise ValueError(f"ISO is {iso_text(setting)}, wanted {has}, where {camera.name} was calibrated")
    return setting


def _one_black(levels: Levels) -> float:
    """The black level of all sites."""
    if max(levels.black) - min(levels.black) > 1:
        came = ", ".join(f"{level:g}" for level in levels.black)
        raise ValueError(f"levels has black levels {came}, wanted them within 1 DN of each other: state black")
    return sum(levels.black) / len(levels.black)


def _levels(camera: Provenance, black: float | None, white: float | None) -> tuple[float, float]:
    black = camera.black if black is None else black
    white = camera.white if white is None else white
    if black is None or white is None:
        missing = " and ".join(what for what, level in (("black", black), ("white", white)) if level is None)
        wanted = "those of your raw files in DN: black=, white= or levels= (--black, --white or --levels)"
        raise ValueError(f"{camera.name} has no {missing} level in its source, wanted {wanted}")
    return black, white


def _as_iso(iso: object) -> Iso:
    """A number, or a pair of them as a tuple (JSON and YAML have lists)."""
    given: list[Any] = [*iso] if isinstance(iso, tuple | list) else [iso]
    if any(isinstance(n, bool) or not isinstance(n, Real) for n in given):
        raise TypeError(f"ISO is {iso!r}, wanted a number or (low, high)")
    if not isinstance(iso, tuple | list):
        return float(given[0])
    if len(given) != 2:
        raise ValueError(f"ISO is {iso!r}, wanted a number or (low, high)")
    return float(given[0]), float(given[1])
