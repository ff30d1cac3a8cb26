"""Calibrated cameras, each with its source, unit, licence and range of validity.

A preset is a *sensor*: it takes scene-linear images, whose channels are one (a mosaic) or three
(linear planes), and gives them back as that camera would have recorded them, white = 1.
"""

from functools import cache
from numbers import Real
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, RootModel

from ..charge import Shot
from ..converter import Normalize, Quantize
from ..laws import Law
from ..light import Expose
from ..pipeline import Pipeline
from .camera import Iso, LogLinearCamera, PerIsoTable, iso_text


class _File(RootModel[Annotated[PerIsoTable | LogLinearCamera, Field(discriminator="kind")]]):
    pass


@cache
def _cameras() -> dict[str, PerIsoTable | LogLinearCamera]:
    files = sorted(Path(__file__).parent.glob("*.json"))
    cameras = [_File.model_validate_json(file.read_text()).root for file in files]
    return {camera.name: camera for camera in cameras}


def names() -> list[str]:
    """The names of all cameras."""
    return list(_cameras())


def describe(name: str) -> PerIsoTable | LogLinearCamera:
    """A camera's numbers and where they come from.

    Raises:
        ValueError: an unknown name; the sentence lists those that exist.
    """
    if name not in _cameras():
        raise ValueError(f"camera is {name!r}, wanted one of {', '.join(names())}")
    return _cameras()[name]


def settings(name: str) -> list[tuple[float, dict[str, float]]]:
    """ISO and the parameters at it (K, sigma_read, lam, sigma_row, ...): where measured, or one per stop."""
    camera = describe(name)
    return [(iso, Pipeline(camera.sensor(iso)).draw([0]).sample(0)) for iso in camera.isos()]


def load(
    name: str,
    *,
    iso: Iso,
    black: float | None = None,
    white: float | None = None,
    ratio: float | Law = 1.0,
) -> Pipeline:
    """A calibrated sensor: Expose, Shot, Gain, read noise, color bias, banding, Quantize, Normalize.

    Args:
        name: one of `names()`.
        iso: one setting, or (low, high): K is then log-uniform per image, with the source's scatter.
        black, white: levels of the raw file, DN, where they differ from the source's or it gives none.
        ratio: how many times under-exposed (a low-light shot, multiplied back).

    Returns:
        A pipeline that takes scene-linear images, white = 1.

    Raises:
        ValueError: an unknown camera, an ISO outside what was calibrated, missing levels.
    """
    camera, iso = describe(name), _as_iso(iso)
    low, high = iso if isinstance(iso, tuple) else (iso, iso)
    if not camera.iso_range[0] <= low <= high <= camera.iso_range[1]:
        has = f"{camera.iso_range[0]:g} to {camera.iso_range[1]:g}"
        raise ValueError(f"ISO is {iso_text(iso)}, wanted {has}, where {name} was calibrated")
    black = camera.black if black is None else black
    white = camera.white if white is None else white
    if black is None or white is None:
        missing = " and ".join(what for what, level in (("black", black), ("white", white)) if level is None)
        wanted = "those of your raw files in DN: black=, white= (--black, --white)"
        raise ValueError(f"{name} has no {missing} level in its source, wanted {wanted}")
    return Pipeline(
        [
            Expose(black=black, white=white, ratio=ratio),
            Shot(),
            *camera.sensor(iso),
            Quantize(bits=camera.bits),
            Normalize(),
        ],
        name=name,
        cfa=camera.cfa,
    )


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
