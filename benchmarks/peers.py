"""What people make noise with today, called as their users would call it.

Each function takes a scene and returns a call without arguments; what is imported is imported in it, so that a peer
that is missing or broken is a row with a reason.
"""

import importlib
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scenes import Scene
from sensor_chains import Sensor, numpy_chain, torch_chain
from torch import Tensor

from camnoise.flat import Flat, Spread

Array = NDArray[np.float64]
States = Callable[[Sensor, float], tuple[Flat, ...]]
GAMMA = 2.2  # of albumentations


@dataclass(frozen=True)
class Peer:
    """A competitor.

    Attributes:
        simulates: in the words of the table.
        make: the call, for a scene.
        states: what becomes of a flat field of that light; nothing is the whole chain's, None is not compared.
        linear: its result as (row, col) in linear light.
        device: whether it runs where its tensors are.
        colors: whether it wants a colored photograph.
    """

    simulates: str
    make: Callable[[Scene], Callable[[], Any]]
    states: States | None = lambda sensor, light: ()
    linear: Callable[[Any], Array] = lambda result: np.asarray(result, np.float64)
    device: bool = False
    colors: bool = False


def plane(result: Tensor) -> Array:
    """The first image of a batch."""
    image: Array = result[0, 0].double().cpu().numpy()
    return image


def reason(error: BaseException) -> str:
    """The first line of what went wrong, without anything that names the machine."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = re.sub(r"(/[\w.+-]+)+/", "", lines[0] if lines else "")
    return f"{type(error).__name__}: {text}"[:200].removesuffix(": ")


def _numpy(scene: Scene) -> Callable[[], Any]:
    image, bias = scene.first, scene.bias.cpu().numpy()
    return lambda: numpy_chain(image, bias, scene.sensor)


def _eager(scene: Scene) -> Callable[[], Any]:
    bias = scene.bias
    return lambda: torch_chain(scene.images, bias, scene.sensor)


def _compiled(scene: Scene) -> Callable[[], Any]:
    bias = scene.bias
    torch.compiler.reset()
    chain = torch.compile(torch_chain)
    return lambda: chain(scene.images, bias, scene.sensor)


def _deepinv(scene: Scene) -> Callable[[], Any]:
    _import_torchvision()
    from deepinv.physics import PoissonGaussianNoise

    noise = PoissonGaussianNoise(gain=1 / scene.sensor.electrons_at_white, sigma=scene.sensor.sigma_dark)
    noise = noise.to(scene.images.device)
    return lambda: noise(scene.images)


@cache
def _import_torchvision() -> object:
    """Imports what deepinv imports; beside a CPU build of torch, with two of its operators declared by hand.

    The package index has torchvision for CUDA only. Its compiled part does not load then, and the import fails for
    want of two operators of object detection, which nobody here calls. What declares them is kept by the cache.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "does not exist" not in str(error):
            raise
    for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
        del sys.modules[name]  # what the first attempt left
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library, importlib.import_module("torchvision")


def _kornia(scene: Scene) -> Callable[[], Any]:
    from kornia.augmentation import RandomGaussianNoise

    noise = RandomGaussianNoise(mean=0.0, std=scene.sensor.sigma_dark, p=1.0).to(scene.images.device)
    return lambda: noise(scene.images)


def _shot_noise(scene: Scene) -> Callable[[], Any]:
    from albumentations import ShotNoise

    scale = 1 / scene.sensor.electrons_at_white
    noise, encoded = ShotNoise(scale_range=(scale, scale), p=1.0), scene.first ** np.float32(1 / GAMMA)
    return lambda: noise(image=encoded)["image"]


def _iso_noise(scene: Scene) -> Callable[[], Any]:
    from albumentations import ISONoise

    noise = ISONoise(p=1.0)
    return lambda: noise(image=scene.colors)["image"]


def _shot(sensor: Sensor, light: float) -> Spread:
    gain = 1 / sensor.electrons_at_white
    return Spread(light * gain, light * gain**3)


def _dark(sensor: Sensor) -> Spread:
    return Spread(sensor.sigma_dark**2)


CHAIN = "the whole chain"
PEERS = {
    "NumPy and SciPy, as low-light papers do": Peer(CHAIN, _numpy),
    "the same in eager torch": Peer(CHAIN, _eager, linear=plane, device=True),
    "`torch.compile` of that": Peer(CHAIN, _compiled, linear=plane, device=True),
    "deepinv `PoissonGaussianNoise`": Peer(
        "shot noise, normal read noise",
        _deepinv,
        lambda sensor, light: (Flat(light, _shot(sensor, light) + _dark(sensor)),),
        plane,
        device=True,
    ),
    "kornia `RandomGaussianNoise`": Peer(
        "normal noise", _kornia, lambda sensor, light: (Flat(light, _dark(sensor)),), plane, device=True
    ),
    "albumentations `ShotNoise`": Peer(
        "shot noise, on encoded values",
        _shot_noise,
        lambda sensor, light: (Flat(light, _shot(sensor, light)),),
        lambda result: np.asarray(result, np.float64) ** GAMMA,
    ),
    "albumentations `ISONoise`": Peer("hue and lightness, no electrons", _iso_noise, None, colors=True),
}
