"""Which camera a user means: a preset at an ISO, or a pipeline in a file."""

from pathlib import Path
from typing import Literal, NamedTuple

from camnoise import presets
from camnoise.demosaic import Demosaic
from camnoise.domains import place
from camnoise.laws import LogUniform
from camnoise.mosaic import Mosaic
from camnoise.pipeline import Pipeline
from camnoise.units import Unit

Domain = Literal["raw", "rgb"]
Demosaicing = Literal["bilinear"]
Span = float | tuple[float, float]


class Camera(NamedTuple):
    """A whole camera, from an encoded photograph to its views.

    Attributes:
        pipeline: the chain.
        domain, demosaic: what its views are.
    """

    pipeline: Pipeline
    domain: Domain
    demosaic: Demosaicing | None


def filter_tile(pipeline: Pipeline) -> str | None:
    """The filter tile at a frame's (0, 0), None where the camera has no mosaic."""
    return next((stage.pattern for stage in pipeline.stages if isinstance(stage, Mosaic)), pipeline.cfa)


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
    iso: Span,
    *,
    ratio: Span = 1.0,
    domain: Domain | None = None,
    demosaic: Demosaicing | None = None,
    black: float | None = None,
    white: float | None = None,
) -> Camera:
    """A calibrated camera in a domain, raw unless another is asked for; a range of ratios is log-uniform.

    Raises:
        ValueError: as `presets.load` and `place`.
    """
    under = LogUniform(low=ratio[0], high=ratio[1]) if isinstance(ratio, tuple) else ratio
    sensor = presets.load(name, iso=iso, black=black, white=white, ratio=under)
    return Camera(place(sensor, domain or "raw", demosaic), domain or "raw", demosaic)


def from_file(path: Path, *, domain: Domain | None = None, demosaic: Demosaicing | None = None) -> Camera:
    """The pipeline of a JSON file: a sensor is placed in the domain, a whole chain has one already.

    Raises:
        ValueError: no readable file, not a pipeline, or one of another domain than is asked for.
    """
    try:
        pipeline = Pipeline.from_json(path.read_bytes())
    except OSError as error:
        raise ValueError(f"--pipeline {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    if pipeline.takes is Unit.LINEAR:
        return Camera(place(pipeline, domain or "raw", demosaic), domain or "raw", demosaic)
    if pipeline.takes is not Unit.ENCODED:
        first, wanted = type(pipeline.stages[0]).__name__, f"{Unit.ENCODED} (a whole chain) or {Unit.LINEAR}"
        raise ValueError(f"{path}: its first stage, {first}, takes {pipeline.takes}, wanted {wanted}")
    has: Domain = "raw" if any(isinstance(stage, Mosaic) for stage in pipeline.stages) else "rgb"
    makes: Demosaicing | None = "bilinear" if any(isinstance(stage, Demosaic) for stage in pipeline.stages) else None
    if domain not in (None, has) or demosaic not in (None, makes):
        raise ValueError(f"{path}: the chain's domain is {has}, demosaic {makes}; asked for {domain}, {demosaic}")
    return Camera(pipeline, has, makes)
