"""One image through a recipe: what its sample holds, and what its record has to say."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from camnoise.domains import chains
from camnoise.keys import Key, as_ids, hex_id, sample_id
from camnoise.mixture import Mixture
from camnoise.pipeline import Pipeline
from camnoise.plain import EightBits
from camnoise.sample import Sample
from camnoise.units import Unit
from camnoise.views import scheme_named

from .images import Pixels
from .mosaics import RawScene, Scene
from .recipe import Recipe

_TORCH = {"uint8": torch.uint8, "uint16": torch.uint16, "float32": torch.float32}
Cameras = tuple[Pipeline | Mixture, ...]
_LEVELS: dict[str, Literal[255, 65535]] = {"uint8": 255, "uint16": 65535}


class Made(NamedTuple):
    """A sample's content.

    Attributes:
        record: its JSON.
        views: (view, channel, row, col), as `views.npy` stores them.
        clean: (channel, row, col), float32, in the units of the normalised views.
    """

    record: Sample
    views: NDArray[np.generic]
    clean: NDArray[np.float32]

    @property
    def normalized(self) -> Tensor:
        """The views as every reader gives them: float32."""
        return self.record.normalize(torch.from_numpy(self.views))


def make_sample(pixels: Scene, name: str, recipe: Recipe) -> Made:
    """Exposes one image.

    Args:
        pixels: of a photograph (3, row, col), uint8 or uint16; or a RAW file's mosaic.
        name: the source's own; it addresses the noise.
        recipe: what to make.

    Raises:
        ValueError: the camera cannot take the image.
    """
    cameras = _cameras(pixels, recipe)
    raw, dtype = _raw(cameras, recipe), stored_dtype(pixels, recipe)
    made = (raw or cameras[0]).views(
        _images(pixels, cameras),
        [name],
        scheme=recipe.scheme,
        cameras=_both(cameras),
        body=recipe.body,
        dtype=_TORCH[dtype.name],
        **_address(recipe),
    )
    return Made(
        record=record(pixels, name, recipe),
        views=made.views[:, 0].numpy(),
        clean=clean(pixels, name, recipe) if raw is not None else made.clean[0].numpy(),
    )


def pair_sample(pixels: Pixels, noisy: Sequence[Pixels], name: str, recipe: Recipe) -> Made:
    """A clean image with the noisy ones that its source has of it.

    Args:
        pixels: (3, row, col), uint8 or uint16.
        noisy: at least one, each of the shape and dtype of the clean image.
        name: the source's own.
        recipe: of scheme real.
    """
    return Made(record(pixels, name, recipe, len(noisy)), np.stack(noisy), clean(pixels, name, recipe))


def clean(pixels: Scene, name: str, recipe: Recipe) -> NDArray[np.float32]:
    """The clean view of one image, (channel, row, col). Raises ValueError as `make_sample`."""
    cameras = _cameras(pixels, recipe)
    images = _images(pixels, cameras)
    if recipe.keeps_clean:
        body, address = recipe.body, _address(recipe)
        images = cameras[0].clean(images, [name], scheme=recipe.scheme, body=body, **address)
    array: NDArray[np.float32] = images[0].numpy()
    return array


def record(pixels: Scene, name: str, recipe: Recipe, views: int = 0) -> Sample:
    """What a sample's JSON says: it follows from the name, the image and the recipe.

    Args:
        pixels, name, recipe: as in `make_sample`.
        views: how many there are, where the scheme does not say it.

    Raises:
        ValueError: as `make_sample`.
    """
    plan, cameras = scheme_named(recipe.scheme), _cameras(pixels, recipe)
    drawn: list[dict[str, float]] = [{} for _ in range(views)]
    if cameras:
        images = _images(pixels, cameras)
        tables = cameras[0].parameters(images, [name], scheme=recipe.scheme, cameras=_both(cameras), **_address(recipe))
        drawn = [table.sample(0) for table in tables]
    key = Key(sample=as_ids([name], 1), **_address(recipe))
    shifts = [plan.shift(key.at(view))[0].tolist() for view in plan.views] if plan.reach else None
    bits, dtype = drawn[0].get("bits"), stored_dtype(pixels, recipe)
    return Sample(
        id=hex_id(sample_id(name)),
        name=name,
        body=recipe.body or (recipe.cameras[0].name if len(recipe.cameras) == 1 else None),
        parameters=tuple(drawn),
        seed=recipe.seed,
        epoch=recipe.epoch,
        views=recipe.scheme,
        noise_version=recipe.noise_version,
        domain=recipe.domain,
        cfa=pixels.input.cfa if isinstance(pixels, RawScene) else recipe.cfa,
        input=pixels.input if isinstance(pixels, RawScene) else None,
        origin=(0, 0),
        size=(pixels.shape[1], pixels.shape[2]),
        bits=None if bits is None else int(bits),
        black=drawn[0].get("black"),
        white=drawn[0].get("white"),
        ratio=drawn[0].get("ratio"),
        levels=None if _raw(cameras, recipe) is not None else _LEVELS.get(dtype.name),
        clipped=plan.real or any(camera.clipped for camera in recipe.cameras),
        shifts=shifts,
    )


def stored_dtype(pixels: Scene, recipe: Recipe) -> np.dtype[np.generic]:
    """Of a sample's `views.npy`."""
    if not recipe.cameras:
        return pixels.dtype
    if _raw(recipe.cameras, recipe) is not None:
        return np.dtype(np.uint16)
    ends = [chain.stages[-1] for camera in recipe.cameras for chain in chains(camera)]
    rounded = all(isinstance(stage, EightBits) for stage in ends) and not scheme_named(recipe.scheme).alpha
    return np.dtype(np.uint8 if rounded else np.float32)


def scaled(pixels: Scene) -> Tensor:
    """A decoded input as a batch of one image with white = 1: (1, channel, row, col) float32."""
    if isinstance(pixels, RawScene):
        return pixels.light()
    largest = torch.tensor(float(np.iinfo(pixels.dtype).max))
    return (torch.from_numpy(pixels).to(torch.float32) / largest)[None]


def _images(pixels: Scene, cameras: Cameras) -> Tensor:
    """A decoded input as its cameras take it: plain noises, which are no sensor, have no light beyond white."""
    images = scaled(pixels)
    plain = isinstance(pixels, RawScene) and any(camera.takes is Unit.ENCODED for camera in cameras)
    return torch.where(images < 1, images, 1) if plain else images


def _cameras(pixels: Scene, recipe: Recipe) -> Cameras:
    """The recipe's cameras as they take this image: under a RAW file's mosaic they have the tile of the file."""
    if not isinstance(pixels, RawScene):
        return recipe.cameras
    return tuple(_tiled(camera, pixels.input.cfa) for camera in recipe.cameras)


@lru_cache(64)
def _tiled(camera: Pipeline | Mixture, cfa: str | None) -> Pipeline | Mixture:
    if isinstance(camera, Mixture):
        chains_ = [Pipeline(one.stages, name=one.name, cfa=cfa) for one in camera.pipelines]
        return Mixture(chains_, camera.weights, name=camera.name)
    return Pipeline(camera.stages, name=camera.name, cfa=cfa)


def _raw(cameras: Cameras, recipe: Recipe) -> Pipeline | None:
    """The camera up to its converter, where that is what all views are stored as: it is alone, and nothing is added."""
    alone = cameras[0] if len(cameras) == 1 and not scheme_named(recipe.scheme).alpha else None
    return alone.raw if isinstance(alone, Pipeline) else None


def _both(cameras: Cameras) -> Cameras | None:
    """The cameras of nrl, as `views` wants them."""
    return cameras if len(cameras) > 1 else None


def _address(recipe: Recipe) -> dict[str, Any]:
    return {"seed": recipe.seed, "epoch": recipe.epoch}
