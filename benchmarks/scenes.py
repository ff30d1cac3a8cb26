"""What the noise benchmarks photograph: flat fields and sample photographs of any size, on any device."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from sensor_chains import Sensor
from torch import Tensor

import camnoise as cn
from camnoise.kernels import reference

Colors = NDArray[np.float32]

SIDE = 2048
LIGHT = 0.05  # of flat fields: at 2 electrons it leaves white far away
ELECTRONS = {"flat field, 100 e⁻": 100, "photographs, 100 e⁻": 100, "photographs, 2 e⁻": 2}


@dataclass(frozen=True)
class Scene:
    """What is photographed.

    Attributes:
        images: (batch, 1, row, col) float32, linear light, white = 1, an RGGB mosaic.
        sensor: that photographs it.
        colors: (row, col, 3), encoded, about as many values as an image has; None where there are none.
    """

    images: Tensor
    sensor: Sensor
    colors: Colors | None = None

    @property
    def pixels(self) -> int:
        return self.images.numel()

    @property
    def bias(self) -> Tensor:
        """(row, col) of the color bias, DN."""
        return torch.from_numpy(self.sensor.bias_map(*self.images.shape[2:])).to(self.images.device)

    @property
    def first(self) -> Colors:
        """(row, col), of the first image."""
        image: Colors = self.images[0, 0].cpu().numpy()
        return image

    def batch(self, size: int, device: torch.device | str = "cpu") -> "Scene":
        """The same so many times, on a device."""
        return replace(self, images=self.images.to(device).repeat(size, 1, 1, 1))

    def cut(self, rows: int, cols: int) -> "Scene":
        """Its upper left corner."""
        return replace(self, images=self.images[:, :, :rows, :cols].contiguous())


def scene(name: str, side: int) -> Scene:
    """One of those of `ELECTRONS`, of side x side pixels: photographs are cut or repeated."""
    electrons = ELECTRONS[name]
    if name.startswith("flat"):
        return flat(side, electrons)
    mosaic, colors = photographs()
    times = -(-side // SIDE)
    images = mosaic.repeat(1, 1, times, times)[:, :, :side, :side].contiguous()
    third = int((side**2 / 3) ** 0.5)  # so that three channels hold as many values
    part = np.ascontiguousarray(colors[:third, :third]) if third <= SIDE else None
    return Scene(images, Sensor.exposed(images.double().mean().item(), electrons), part)


def flat(side: int, electrons: float) -> Scene:
    """Of one light everywhere."""
    return Scene(torch.full((1, 1, side, side), LIGHT), Sensor.exposed(LIGHT, electrons))


@cache
def photographs() -> tuple[Tensor, Colors]:
    """Four sample photographs, 2 x 2, by nearest neighbor: a linear RGGB mosaic of 2048 x 2048, and encoded colors."""
    from skimage import data

    half, pictures = SIDE // 2, []
    for picture in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
        rows, cols = (np.arange(half) * length // half for length in picture.shape[:2])
        pictures.append(picture[rows[:, None], cols])
    encoded = np.concatenate([np.concatenate(pictures[:2], 1), np.concatenate(pictures[2:], 1)])
    colors = encoded.astype(np.float32) / np.float32(255)
    lens = cn.Pipeline([cn.Linearize(), cn.Mosaic(pattern="RGGB")])
    return lens(torch.from_numpy(colors).permute(2, 0, 1)[None], [0]), colors


def exposure(one: Scene, tail: str = "Tukey lambda", *, validate: bool = True) -> Callable[[], Tensor]:
    """Our camera on a scene: in one pass where there is a kernel."""
    camera, ids = one.sensor.camera(tail), list(range(len(one.images)))
    return lambda: camera(one.images, ids, validate=validate)


def by_reference(run: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """The same, by the torch code."""

    def plainly() -> Tensor:
        with reference():
            return run()

    return plainly
