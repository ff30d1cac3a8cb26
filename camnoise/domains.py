"""Where in the chain from photograph to picture a camera's views are taken."""

from .demosaic import Demosaic
from .light import Linearize
from .mosaic import Mosaic
from .pipeline import Pipeline
from .units import Unit

DOMAINS = ("raw", "rgb")
DEMOSAICS = ("bilinear",)


def place(camera: Pipeline, domain: str, demosaic: str | None = None) -> Pipeline:
    """The sensor `camera` with what lies between an encoded photograph and its views.

    Args:
        camera: a chain that takes scene-linear light.
        domain: "raw": Linearize, Mosaic, sensor: one channel. "rgb": Linearize, sensor on three
            linear planes, no mosaic.
        demosaic: "bilinear" after a raw sensor: three channels again.

    Raises:
        ValueError: an unknown name, or a chain that does not take scene-linear light.
    """
    if domain not in DOMAINS:
        raise ValueError(f"domain is {domain!r}, wanted one of {', '.join(DOMAINS)}")
    if demosaic is not None and demosaic not in DEMOSAICS:
        raise ValueError(f"demosaic is {demosaic!r}, wanted one of {', '.join(DEMOSAICS)}")
    if demosaic is not None and domain != "raw":
        raise ValueError(f"demosaic is {demosaic!r} in domain {domain!r}, which has no mosaic")
    if camera.takes is not Unit.LINEAR:
        raise ValueError(f"camera {camera.name} takes {camera.takes}, wanted a sensor that takes {Unit.LINEAR}")
    if domain == "rgb":
        return Pipeline([Linearize(), *camera.stages], name=camera.name)
    if camera.cfa is None:
        raise ValueError(f"camera {camera.name} has no filter array (cfa), which domain 'raw' needs")
    stages = [Linearize(), Mosaic(pattern=camera.cfa), *camera.stages]
    if demosaic is not None:
        stages.append(Demosaic(method="bilinear"))
    return Pipeline(stages, name=camera.name, cfa=camera.cfa)
