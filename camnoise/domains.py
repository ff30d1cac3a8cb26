"""Where in the chain from photograph to picture a camera's views are taken."""

from typing import Literal, get_args, overload

from .camera import Camera
from .demosaic import Demosaic
from .light import Linearize
from .mixture import Mixture
from .mosaic import Mosaic
from .pipeline import Pipeline
from .stage import Stage
from .units import Unit

Domain = Literal["raw", "rgb", "srgb"]
Demosaicing = Literal["bilinear"]
DOMAINS: tuple[Domain, ...] = get_args(Domain)
DEMOSAICS: tuple[Demosaicing, ...] = get_args(Demosaicing)
TILE = "RGGB"  # of a mosaic under plain noises, which belong to no sensor that would have its own


@overload
def place(camera: Pipeline, domain: str, demosaic: str | None = None) -> Pipeline: ...


@overload
def place(camera: Camera, domain: str, demosaic: str | None = None) -> Pipeline | Mixture: ...


def place(camera: Camera, domain: str, demosaic: str | None = None) -> Pipeline | Mixture:
    """The camera with what lies between an encoded photograph and its views.

    Args:
        camera: a sensor, which takes scene-linear light, or plain noises, which take either; or a
            `Mixture` of one of the two kinds.
        domain: "raw": Linearize, Mosaic, camera: one channel. "rgb": Linearize, camera on three
            linear planes, no mosaic. "srgb": plain noises on encoded values, nothing before them.
        demosaic: "bilinear" after a raw camera: three channels again.

    Raises:
        ValueError: an unknown name, or a camera that does not take what the domain has.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain is {domain!r}, wanted one of {', '.join(DOMAINS)}")
    if demosaic is not None and demosaic not in DEMOSAICS:
        raise ValueError(f"demosaic is {demosaic!r}, wanted one of {', '.join(DEMOSAICS)}")
    if demosaic is not None and domain != "raw":
        raise ValueError(f"demosaic is {demosaic!r} in domain {domain!r}, which has no mosaic")
    placed = [_placed(chain, domain, demosaic) for chain in chains(camera)]
    return Mixture(placed, camera.weights, name=camera.name) if isinstance(camera, Mixture) else placed[0]


def chains(camera: Camera) -> tuple[Pipeline, ...]:
    """The chains of stages that a camera may send an image through: one, or those of a `Mixture`."""
    if isinstance(camera, Mixture):
        return camera.pipelines
    if not isinstance(camera, Pipeline):
        raise TypeError(f"camera is a {type(camera).__name__}, wanted a Pipeline or a Mixture")
    return (camera,)


def is_plain(camera: Camera) -> bool:
    """Whether it takes encoded sRGB as well as linear light, and gives what it took: no sensor, but plain noises."""
    return all({Unit.ENCODED, Unit.LINEAR} <= {*stage.takes} for chain in chains(camera) for stage in chain.stages)


def domain_of(chain: Pipeline) -> tuple[Domain, Demosaicing | None] | None:
    """Domain and demosaicing of a chain that says them itself, because it linearises photographs; else None."""
    if not any(isinstance(stage, Linearize) for stage in chain.stages):
        return None
    has: Domain = "raw" if any(isinstance(stage, Mosaic) for stage in chain.stages) else "rgb"
    return has, "bilinear" if any(isinstance(stage, Demosaic) for stage in chain.stages) else None


def filter_tile(camera: Camera) -> str | None:
    """The filter tile at a frame's (0, 0), None where the camera has no mosaic.

    Raises:
        ValueError: the pipelines of a mixture differ in it.
    """
    tiles = {_tile(chain) for chain in chains(camera)}
    if len(tiles) > 1:
        came = " and ".join(sorted(str(tile) for tile in tiles))
        raise ValueError(f"pipelines of {camera.name} have filter tiles {came}, wanted one")
    return tiles.pop()


def _tile(chain: Pipeline) -> str | None:
    """Of the mosaic that it makes, or that comes in; three planes that it linearises stay planes."""
    made = next((one.pattern for one in chain.stages if isinstance(one, Mosaic)), None)
    return chain.cfa if made is None and domain_of(chain) is None else made


def _placed(camera: Pipeline, domain: str, demosaic: str | None) -> Pipeline:
    plain = is_plain(camera)
    if domain == "srgb":
        if not plain:
            raise ValueError(f"camera {camera.name} takes {camera.takes}, wanted plain noises in domain 'srgb'")
        return Pipeline(camera.stages, name=camera.name)
    if not plain and camera.takes is not Unit.LINEAR:
        raise ValueError(f"camera {camera.name} takes {camera.takes}, wanted a sensor that takes {Unit.LINEAR}")
    if domain == "rgb":
        return Pipeline([Linearize(), *camera.stages], name=camera.name)
    tile = camera.cfa or (TILE if plain else None)
    if tile is None:
        raise ValueError(f"camera {camera.name} has no filter array (cfa), which domain 'raw' needs")
    stages: list[Stage] = [Linearize(), Mosaic(pattern=tile), *camera.stages]
    if demosaic is not None:
        stages.append(Demosaic(method="bilinear"))
    return Pipeline(stages, name=camera.name, cfa=tile)
