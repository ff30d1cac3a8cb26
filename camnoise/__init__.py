"""A camera in software: a clean photograph in, what a real CMOS sensor would have recorded out.

Names are resolved on first use (PEP 562), because torch alone takes a second to import.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import calibrate as calibrate
    from . import clipped as clipped
    from . import fidelity as fidelity
    from . import kernels as kernels
    from . import presets as presets
    from . import raw as raw
    from . import surrogate as surrogate
    from . import testing as testing
    from . import vocabulary as vocabulary
    from .banding import Banding as Banding
    from .banding import PeriodicBanding as PeriodicBanding
    from .charge import PRNU as PRNU
    from .charge import DarkCurrent as DarkCurrent
    from .charge import FullWell as FullWell
    from .charge import HotPixels as HotPixels
    from .charge import Shot as Shot
    from .converter import Normalize as Normalize
    from .converter import Quantize as Quantize
    from .darkframes import DarkFrames as DarkFrames
    from .demosaic import Demosaic as Demosaic
    from .develop import Develop as Develop
    from .distributions import LogUniform as LogUniform
    from .distributions import Normal as Normal
    from .distributions import SquaredUniform as SquaredUniform
    from .distributions import TruncatedNormal as TruncatedNormal
    from .distributions import Uniform as Uniform
    from .domains import place as place
    from .keys import NOISE_VERSION as NOISE_VERSION
    from .laws import BranchedLogLinear as BranchedLogLinear
    from .laws import Fixed as Fixed
    from .laws import InterpolatedInGain as InterpolatedInGain
    from .laws import LogLinear as LogLinear
    from .laws import NearestInGain as NearestInGain
    from .light import Expose as Expose
    from .light import Linearize as Linearize
    from .literature import noise as noise
    from .literature import thesis as thesis
    from .mixture import Mixture as Mixture
    from .mosaic import Mosaic as Mosaic
    from .nlf import Heteroscedastic as Heteroscedastic
    from .nlf import LevelNoise as LevelNoise
    from .pipeline import Pipeline as Pipeline
    from .plain import AdditiveGaussian as AdditiveGaussian
    from .plain import AdditiveUniform as AdditiveUniform
    from .plain import Clip as Clip
    from .plain import EightBits as EightBits
    from .plain import Impulse as Impulse
    from .plain import ScaledPoisson as ScaledPoisson
    from .plain import Speckle as Speckle
    from .plain import Stripes as Stripes
    from .readout import DSNU as DSNU
    from .readout import ColorBias as ColorBias
    from .readout import Gain as Gain
    from .readout import GaussianRead as GaussianRead
    from .readout import PreampRead as PreampRead
    from .readout import StudentTRead as StudentTRead
    from .readout import TukeyLambdaRead as TukeyLambdaRead
    from .stage import Parameters as Parameters
    from .stage import Stage as Stage
    from .unprocess import Unprocess as Unprocess
    from .views import Views as Views

_HOME = {
    "Banding": "banding",
    "PeriodicBanding": "banding",
    "DarkCurrent": "charge",
    "FullWell": "charge",
    "HotPixels": "charge",
    "PRNU": "charge",
    "Shot": "charge",
    "Normalize": "converter",
    "Quantize": "converter",
    "DarkFrames": "darkframes",
    "Demosaic": "demosaic",
    "Develop": "develop",
    "place": "domains",
    "NOISE_VERSION": "keys",
    "BranchedLogLinear": "laws",
    "Fixed": "laws",
    "InterpolatedInGain": "laws",
    "LogLinear": "laws",
    "LogUniform": "distributions",
    "NearestInGain": "laws",
    "Normal": "distributions",
    "SquaredUniform": "distributions",
    "TruncatedNormal": "distributions",
    "Uniform": "distributions",
    "Expose": "light",
    "Linearize": "light",
    "noise": "literature",
    "thesis": "literature",
    "Mixture": "mixture",
    "Mosaic": "mosaic",
    "Heteroscedastic": "nlf",
    "LevelNoise": "nlf",
    "Pipeline": "pipeline",
    "AdditiveGaussian": "plain",
    "AdditiveUniform": "plain",
    "Clip": "plain",
    "EightBits": "plain",
    "Impulse": "plain",
    "ScaledPoisson": "plain",
    "Speckle": "plain",
    "Stripes": "plain",
    "ColorBias": "readout",
    "DSNU": "readout",
    "Gain": "readout",
    "GaussianRead": "readout",
    "PreampRead": "readout",
    "StudentTRead": "readout",
    "TukeyLambdaRead": "readout",
    "Parameters": "stage",
    "Stage": "stage",
    "Unprocess": "unprocess",
    "Views": "views",
}

_MODULES = ("calibrate", "clipped", "fidelity", "kernels", "presets", "raw", "surrogate", "testing", "vocabulary")

__all__ = [*_MODULES, *_HOME]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
