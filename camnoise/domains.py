"""Where in the chain from photograph to picture a camera's views are taken."""

from typing import Literal, get_args, overload

from .camera import Camera
from .color import IDENTITY
from .demosaic import METHODS, Demosaic, Method
from .develop import Develop
from .light import Linearize
from .mixture import Mixture
from .mosaic import Mosaic
from .pipeline import Pipeline
from .stage import Stage
from .units import Unit
from .unprocess import Unprocess

Domain = Literal["raw", "rgb", "srgb"]
Demosaicing = Method
DOMAINS: tuple[Domain, ...] = get_args(Domain)
DEMOSAICS = METHODS
TILE = "RGGB"  # of a mosaic under plain noises, which belong to no sensor that would have its own
ENCODE = Develop(red_gain=1.0, blue_gain=1.0, matrix=IDENTITY, curve="srgb")  # Linearize, undone


@overload
def place(
    camera: Pipeline,
    domain: str,
    demosaic: str | None = None,
    *,
    unprocess: bool | Unprocess = False,
    develop: bool | Develop = False,
    mosaic_in: bool = False,
    cfa: str | None = None,
) -> Pipeline: ...


@overload
def place(
    camera: Camera,
    domain: str,
    demosaic: str | None = None,
    *,
    unprocess: bool | Unprocess = False,
    develop: bool | Develop = False,
    mosaic_in: bool = False,
    cfa: str | None = None,
) -> Pipeline | Mixture: ...


def place(
    camera: Camera,
    domain: str,
    demosaic: str | None = None,
    *,
    unprocess: bool | Unprocess = False,
    develop: bool | Develop = False,
    mosaic_in: bool = False,
    cfa: str | None = None,
) -> Pipeline | Mixture:
    """The camera with what lies between an encoded photograph, or a raw file, and its views.

    Args:
        camera: a sensor, which takes scene-linear light, or plain noises, which take either; or a
            `Mixture` of one of the two kinds.
        domain: "raw": Linearize, Mosaic, camera: one channel. "rgb": Linearize, camera on three
            linear planes, no mosaic. "srgb": plain noises on encoded values, nothing before them.
        demosaic: a method of `Demosaic` after a raw camera: three channels again.
        unprocess: whether `Unprocess` takes the place of `Linearize`; a stage is taken as it is.
        develop: whether encoded pictures are made of three planes at the end: by `Develop` with what
            `Unprocess` drew, or by the sRGB curve alone after `Linearize`. A stage is taken as it is.
        mosaic_in: whether mosaics come in, as of a raw file (`Raw.scene`): in domain "raw" nothing is
            before the camera then.
        cfa: filter tile at the frame's (0, 0), None for the camera's own.

    Raises:
        ValueError: an unknown name, a camera that does not take what the domain has, or steps that
            the domain has no place for.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain is {domain!r}, wanted one of {', '.join(DOMAINS)}")
    if demosaic is not None and demosaic not in DEMOSAICS:
        raise ValueError(f"demosaic is {demosaic!r}, wanted one of {', '.join(DEMOSAICS)}")
    if demosaic is not None and domain != "raw":
        raise ValueError(f"demosaic is {demosaic!r} in domain {domain!r}, which has no mosaic")
    for name, wish in (("unprocess", unprocess), ("develop", develop)):
        if wish is not False and domain == "srgb":
            raise ValueError(f"{name} is asked for in domain 'srgb', whose values stay encoded")
    if cfa is not None and domain != "raw":
        raise ValueError(f"cfa is {cfa} in domain {domain!r}, which has no mosaic")
    if develop is not False and domain == "raw" and demosaic is None:
        raise ValueError("develop is asked for in domain 'raw' without demosaic, wanted three planes to develop")
    if mosaic_in:
        _check_mosaic_in(domain, unprocess, develop)
    before, after = _lens(unprocess, mosaic_in), _developer(unprocess, develop)
    placed = [_placed(chain, domain, demosaic, before, after, mosaic_in, cfa) for chain in chains(camera)]
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


def domain_of(chain: Pipeline, *, mosaic_in: bool = False) -> tuple[Domain, Demosaicing | None] | None:
    """Domain and demosaicing of a chain that says them itself, because it linearises photographs; else None.

    Where mosaics come in nothing does: a chain for them looks like a sensor that is not placed yet.

    Args:
        chain: of a camera, placed or not.
        mosaic_in: whether it is known to be placed for mosaics.
    """
    demosaic = next((stage.method for stage in chain.stages if isinstance(stage, Demosaic)), None)
    if any(isinstance(stage, Mosaic) for stage in chain.stages) and _linearises(chain):
        return "raw", demosaic
    if _linearises(chain):
        return "rgb", demosaic
    return ("raw", demosaic) if mosaic_in else None


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


def _linearises(chain: Pipeline) -> bool:
    return any(isinstance(stage, Linearize | Unprocess) for stage in chain.stages)


def _tile(chain: Pipeline) -> str | None:
    """Of the mosaic that it makes, or that comes in; three planes that it linearises stay planes."""
    made = next((one.pattern for one in chain.stages if isinstance(one, Mosaic)), None)
    return chain.cfa if made is None and not _linearises(chain) else made


def _check_mosaic_in(domain: str, unprocess: bool | Unprocess, develop: bool | Develop) -> None:
    if domain != "raw":
        raise ValueError(f"mosaics come in, in domain {domain!r}, wanted domain 'raw'")
    if unprocess is not False:
        raise ValueError("unprocess is asked for where mosaics come in, wanted photographs: a mosaic is linear light")
    if develop is True or (isinstance(develop, Develop) and not develop.alone):
        raise ValueError(
            "develop is asked for where mosaics come in, wanted a Develop with the gains and matrix of their camera"
        )


def _lens(unprocess: bool | Unprocess, mosaic_in: bool) -> list[Stage]:
    """What makes light of a photograph."""
    if mosaic_in:
        return []
    return [Linearize() if unprocess is False else Unprocess() if unprocess is True else unprocess]


def _developer(unprocess: bool | Unprocess, develop: bool | Develop) -> list[Stage]:
    """What makes a picture of light."""
    if isinstance(develop, bool):
        return [] if not develop else [ENCODE if unprocess is False else Develop()]
    return [develop]


def _placed(
    camera: Pipeline,
    domain: str,
    demosaic: str | None,
    before: list[Stage],
    after: list[Stage],
    mosaic_in: bool,
    cfa: str | None,
) -> Pipeline:
    plain = is_plain(camera)
    if domain == "srgb":
        if not plain:
            raise ValueError(f"camera {camera.name} takes {camera.takes}, wanted plain noises in domain 'srgb'")
        return Pipeline(camera.stages, name=camera.name)
    if not plain and camera.takes is not Unit.LINEAR:
        raise ValueError(f"camera {camera.name} takes {camera.takes}, wanted a sensor that takes {Unit.LINEAR}")
    if domain == "rgb":
        return Pipeline([*before, *camera.stages, *after], name=camera.name)
    tile = cfa or camera.cfa or (TILE if plain else None)
    if tile is None and (not mosaic_in or demosaic is not None):
        raise ValueError(f"camera {camera.name} has no filter array (cfa), which domain 'raw' needs")
    mosaic: list[Stage] = [] if mosaic_in else [Mosaic(pattern=tile)]
    back: list[Stage] = [] if demosaic is None else [Demosaic(method=demosaic)]
    return Pipeline([*before, *mosaic, *camera.stages, *back, *after], name=camera.name, cfa=tile)
