"""One image through a recipe: what its sample holds, and what its record has to say."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from camnoise.keys import hex_id, sample_id
from camnoise.sample import Sample
from camnoise.views import scheme_named

from .images import Pixels
from .recipe import Recipe


class Made(NamedTuple):
    """A sample's content.

    Attributes:
        record: its JSON.
        views: (view, channel, row, col), uint16 raw DN when the camera ends in a converter, else float32.
        clean: (channel, row, col), float32, in the units of the normalised views.
    """

    record: Sample
    views: NDArray[np.generic]
    clean: NDArray[np.float32]

    @property
    def normalized(self) -> Tensor:
        """The views as every reader gives them: float32."""
        stored = torch.from_numpy(self.views)
        return self.record.normalize(stored) if stored.dtype == torch.uint16 else stored


def make_sample(pixels: Pixels, name: str, recipe: Recipe) -> Made:
    """Exposes one image.

    Args:
        pixels: (3, row, col), uint8 or uint16.
        name: the source's own; it addresses the noise.
        recipe: what to make.

    Raises:
        ValueError: the camera cannot take the image.
    """
    raw = recipe.pipeline.raw
    made = (raw or recipe.pipeline).views(
        scaled(pixels),
        [name],
        scheme=recipe.scheme,
        seed=recipe.seed,
        epoch=recipe.epoch,
        body=recipe.body,
        dtype=torch.float32 if raw is None else torch.uint16,
    )
    return Made(
        record=record(name, (pixels.shape[1], pixels.shape[2]), recipe),
        views=made.views[:, 0].numpy(),
        clean=made.clean[0].numpy() if raw is None else clean(pixels, name, recipe),
    )


def clean(pixels: Pixels, name: str, recipe: Recipe) -> NDArray[np.float32]:
    """The clean view of one image, (channel, row, col). Raises ValueError as `make_sample`."""
    seed, epoch, body = recipe.seed, recipe.epoch, recipe.body
    made = recipe.pipeline.clean(scaled(pixels), [name], seed=seed, epoch=epoch, body=body)
    array: NDArray[np.float32] = made[0].numpy()
    return array


def record(name: str, size: tuple[int, int], recipe: Recipe) -> Sample:
    """What a sample's JSON says: it follows from the name, the size and the recipe. Raises ValueError."""
    drawn = recipe.pipeline.draw([name], seed=recipe.seed, epoch=recipe.epoch).sample(0)
    bits = drawn.get("bits")
    return Sample(
        id=hex_id(sample_id(name)),
        name=name,
        body=recipe.body,
        parameters=tuple(drawn for _ in scheme_named(recipe.scheme).views),
        seed=recipe.seed,
        epoch=recipe.epoch,
        views=recipe.scheme,
        noise_version=recipe.noise_version,
        domain=recipe.domain,
        cfa=recipe.cfa,
        origin=(0, 0),
        size=size,
        bits=None if bits is None else int(bits),
        black=drawn.get("black"),
        white=drawn.get("white"),
        ratio=drawn.get("ratio"),
    )


def scaled(pixels: Pixels) -> Tensor:
    """Decoded pixels as a batch of one image with white = 1: (1, channel, row, col) float32."""
    largest = torch.tensor(float(np.iinfo(pixels.dtype).max))
    return (torch.from_numpy(pixels).to(torch.float32) / largest)[None]
