"""What a number in a frame means, from light to raw file."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field


class Unit(StrEnum):
    """The unit of a frame's values; a chain whose units do not fit is refused."""

    ENCODED = "encoded sRGB"  # in [0, 1], as a PNG or JPEG stores it
    LINEAR = "scene-linear"  # white = 1
    ELECTRON = "electron"
    DN = "DN"  # black-subtracted; may be negative
    RAW_DN = "raw DN"  # pedestal included, as the file of a camera stores it


# Fields of stages carry their unit and bounds in their type.
DigitalNumbers = Annotated[float, Field(ge=0, le=1e5, description="DN")]
Deviation = Annotated[float, Field(ge=0, le=1e4, description="DN, standard deviation")]
Electrons = Annotated[float, Field(ge=1, le=1e9, description="e-")]
Fraction = Annotated[float, Field(ge=0, le=1, description="fraction")]
Seconds = Annotated[float, Field(ge=0, le=1e5, description="s")]
Celsius = Annotated[float, Field(ge=-100, le=150, description="degrees Celsius")]
DarkRate = Annotated[float, Field(ge=0, le=1e5, description="e-/s per pixel")]
ElectronDeviation = Annotated[float, Field(ge=0, le=1e4, description="e-, standard deviation")]
White = Annotated[float, Field(ge=0, le=2, description="white = 1, standard deviation")]  # 25 is 25 / 255
WhiteVariance = Annotated[float, Field(ge=0, le=100, description="white = 1, variance")]
GainValue = Annotated[float, Field(ge=1e-6, le=1e5, description="DN per electron")]
