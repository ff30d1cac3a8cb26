"""Which camera a user means: a preset at an ISO, a noise by its name, or a camera in a file."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from camnoise import presets
from camnoise.camera import Camera
from camnoise.distributions import LogUniform
from camnoise.domains import TILE, Demosaicing, Domain, chains, domain_of, is_plain, place
from camnoise.literature import noise
from camnoise.mixture import Mixture
from camnoise.pipeline import Pipeline
from camnoise.presets import Levels
from camnoise.presets.camera import iso_text
from camnoise.units import Unit
from camnoise.unprocess import Unprocess

AnyCamera = Pipeline | Mixture
Span = float | tuple[float, float]


class Placed(NamedTuple):
    """A whole camera, from an encoded photograph to its views.

    Attributes:
        camera: its chain, or its mixture of chains.
        domain, demosaic: what its views are.
        unprocess: whether photographs become camera light by `Unprocess`.
        title: as a person calls it.
    """

    camera: AnyCamera
    domain: Domain
    demosaic: Demosaicing | None
    title: str
    unprocess: bool = False


def parse_span(text: str, what: str) -> Span:
    """`6400` or `800-1600`. Raises ValueError for anything else."""
    low, dash, high = text.partition("-")
    try:
        span = (float(low), float(high)) if dash else float(low)
    except ValueError:
        raise ValueError(f"{what} is {text!r}, wanted a number or LO-HI") from None
    if isinstance(span, tuple) and not span[0] <= span[1]:
        raise ValueError(f"{what} is {text!r}, wanted LO-HI with LO at most HI")
    return span


def preset(
    name: str,
    iso: Span | None,
    *,
    ratio: Span = 1.0,
    extrapolate: bool = False,
    patterns: bool = False,
    black: float | None = None,
    white: float | None = None,
    levels: Levels | None = None,
    domain: Domain | None = None,
    demosaic: Demosaicing | None = None,
    unprocess: bool = False,
    mosaics: bool = False,
) -> Placed:
    """A calibrated camera in a domain, raw unless another is asked for; a range of ratios is log-uniform.

    Args:
        name: of a preset, or the path of a camera file.
        iso, ratio, extrapolate, patterns, black, white, levels: as of `presets.load`.
        domain, demosaic, unprocess: as of `place`.
        mosaics: whether RAW files come in, instead of photographs.

    Raises:
        ValueError: as `presets.load` and `place`.
    """
    under = LogUniform(low=ratio[0], high=ratio[1]) if isinstance(ratio, tuple) else ratio
    scale: dict[str, Any] = {"black": black, "white": white, "levels": levels}
    sensor = presets.load(name, iso=iso, ratio=under, extrapolate=extrapolate, patterns=patterns, **scale)
    title = sensor.name if iso is None else f"{sensor.name} at ISO {iso_text(iso)}"
    return _placed(sensor, domain or "raw", demosaic, title, unprocess, mosaics)


def by_name(
    text: str,
    *,
    domain: Domain | None = None,
    demosaic: Demosaicing | None = None,
    unprocess: bool = False,
    mosaics: bool = False,
) -> Placed:
    """A noise of the literature in a domain, srgb unless another is asked for, or raw of RAW files.

    Raises:
        ValueError: as `noise` and `place`.
    """
    return _placed(noise(text), domain or ("raw" if mosaics else "srgb"), demosaic, text, unprocess, mosaics)


def from_file(
    path: Path,
    *,
    domain: Domain | None = None,
    demosaic: Demosaicing | None = None,
    unprocess: bool = False,
    mosaics: bool = False,
) -> Placed:
    """The pipeline, or the mixture, of a JSON file: what is no whole chain yet is placed in the domain.

    Raises:
        ValueError: no readable file, no camera, or one of another domain than is asked for.
    """
    try:
        camera = _read(path.read_bytes())
    except OSError as error:
        raise ValueError(f"--pipeline {str(path)!r} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None
    except RecursionError:
        raise ValueError(f"{path}: its JSON is nested too deeply") from None
    kinds = {domain_of(chain) for chain in chains(camera)}
    if len(kinds) > 1:
        raise ValueError(f"{path}: the pipelines of the mixture have different domains, wanted one")
    whole = kinds.pop()
    if whole is None:
        if camera.takes is not Unit.LINEAR and not is_plain(camera):
            first = type(chains(camera)[0].stages[0]).__name__
            wanted = f"{Unit.ENCODED} (a whole chain) or {Unit.LINEAR}"
            raise ValueError(f"{path}: its first stage, {first}, takes {camera.takes}, wanted {wanted}")
        default: Domain = "srgb" if is_plain(camera) and not mosaics else "raw"
        return _placed(camera, domain or default, demosaic, camera.name, unprocess, mosaics)
    has, makes = whole
    if mosaics:
        raise ValueError(f"{path}: it takes photographs, wanted a sensor, which takes the light of RAW files")
    if domain not in (None, has) or demosaic not in (None, makes):
        asked = " ".join(one for one in (domain, demosaic) if one is not None)
        raise ValueError(f"{path}: its views are {has}{f', {makes}' if makes else ''}, asked for {asked}")
    unprocesses = any(isinstance(stage, Unprocess) for chain in chains(camera) for stage in chain.stages)
    if unprocess and not unprocesses:
        raise ValueError(f"{path}: it is a whole chain without Unprocess, asked for --unprocess")
    return Placed(camera, has, makes, camera.name, unprocesses)


def _placed(
    camera: Camera, domain: Domain, demosaic: Demosaicing | None, title: str, unprocess: bool, mosaics: bool
) -> Placed:
    if mosaics and (domain != "raw" or unprocess):
        asked = "--unprocess" if unprocess else f"domain {domain}"
        raise ValueError(f"RAW files came with {asked}, wanted domain raw: they are mosaics of light already")
    # The tile of each file will take the place of this one, which fits every method.
    whole = place(camera, domain, demosaic, unprocess=unprocess, mosaic_in=mosaics, cfa=TILE if mosaics else None)
    return Placed(whole, domain, demosaic, title, unprocess)


def _read(data: bytes) -> AnyCamera:
    """A mixture where it says `pipelines`, else a pipeline."""
    try:
        fields = json.loads(data)
    except ValueError:  # a pipeline's own reader says where
        fields = None
    return Mixture.from_json(data) if isinstance(fields, dict) and "pipelines" in fields else Pipeline.from_json(data)
