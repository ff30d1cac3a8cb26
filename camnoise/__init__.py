"""A camera in software: a clean photograph in, what a real CMOS sensor would have recorded out.

Names are resolved on first use (PEP 562), because torch alone takes a second to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import presets as presets
    from .charge import FullWell as FullWell
    from .charge import Shot as Shot
    from .converter import Normalize as Normalize
    from .converter import Quantize as Quantize
    from .demosaic import Demosaic as Demosaic
    from .domains import place as place
    from .keys import NOISE_VERSION as NOISE_VERSION
    from .laws import Fixed as Fixed
    from .laws import InterpolatedInGain as InterpolatedInGain
    from .laws import LogLinear as LogLinear
    from .laws import LogUniform as LogUniform
    from .laws import NearestInGain as NearestInGain
    from .light import Expose as Expose
    from .light import Linearize as Linearize
    from .mosaic import Mosaic as Mosaic
    from .pipeline import Pipeline as Pipeline
    from .readout import Banding as Banding
    from .readout import ColorBias as ColorBias
    from .readout import Gain as Gain
    from .readout import GaussianRead as GaussianRead
    from .readout import StudentTRead as StudentTRead
    from .readout import TukeyLambdaRead as TukeyLambdaRead
    from .stage import Parameters as Parameters
    from .views import Views as Views

_HOME = {
    "FullWell": "charge",
    "Shot": "charge",
    "Normalize": "converter",
    "Quantize": "converter",
    "Demosaic": "demosaic",
    "place": "domains",
    "NOISE_VERSION": "keys",
    "Fixed": "laws",
    "InterpolatedInGain": "laws",
    "LogLinear": "laws",
    "LogUniform": "laws",
    "NearestInGain": "laws",
    "Expose": "light",
    "Linearize": "light",
    "Mosaic": "mosaic",
    "Pipeline": "pipeline",
    "Banding": "readout",
    "ColorBias": "readout",
    "Gain": "readout",
    "GaussianRead": "readout",
    "StudentTRead": "readout",
    "TukeyLambdaRead": "readout",
    "Parameters": "stage",
    "Views": "views",
}

__all__ = ["presets", *_HOME]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "presets":
        return import_module(".presets", __name__)
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME, "presets"])
