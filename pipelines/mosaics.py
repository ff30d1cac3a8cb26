"""A RAW file as an input: the numbers of its visible area, and how they become light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from camnoise.frame import BRIGHTEST
from camnoise.mosaic import light
from camnoise.sample import RawInput

from .images import MOST_PIXELS, MOST_SIDE, Pixels


@dataclass(frozen=True, eq=False)
class RawScene:
    """A decoded RAW file.

    Attributes:
        pixels: (1, row, col) uint16, the visible area as the file has it, pedestal included.
        input: the levels and the filter tile of these numbers.
    """

    pixels: NDArray[np.uint16]
    input: RawInput

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint16 or self.pixels.ndim != 3 or self.pixels.shape[0] != 1:
            raise ValueError(f"a mosaic is {self.pixels.dtype} of shape {self.pixels.shape}, wanted (1, row, col)")
        rows, cols = self.pixels.shape[1:]
        if not 0 < max(rows, cols) <= MOST_SIDE or rows * cols > MOST_PIXELS:
            raise ValueError(f"is {rows} x {cols} pixels, wanted sides up to {MOST_SIDE:,}, {MOST_PIXELS:,} in all")

    @property
    def shape(self) -> tuple[int, ...]:
        """(1, row, col)."""
        return self.pixels.shape

    @property
    def dtype(self) -> np.dtype[np.uint16]:
        """uint16."""
        return self.pixels.dtype

    def light(self) -> Tensor:
        """(DN - black) / (white - black) of each filter, no less than 0: (1, 1, row, col) float32, white = 1.

        Raises:
            ValueError: light that no stage takes, as where the white is stated far too low.
        """
        made = light(self.pixels[0], self.input.cfa, self.input.black, self.input.white)
        if made.max() > BRIGHTEST:
            levels = f"black stated as {min(self.input.black):g} and white as {self.input.white:g}"
            raise ValueError(f"holds DN up to {self.pixels.max()}, {levels}: light of {made.max():g} times white")
        return made


Scene = Pixels | RawScene  # what a file of a source is decoded to


def array_of(scene: Scene) -> Pixels:
    """What `scene.npy` holds of it."""
    return scene.pixels if isinstance(scene, RawScene) else scene


def darkness(side: int, mosaic: bool) -> Scene:
    """A small black image, a photograph or a mosaic, to try a camera with."""
    if not mosaic:
        return np.zeros((3, side, side), np.uint8)
    return RawScene(np.zeros((1, side, side), np.uint16), RawInput(cfa="RGGB", black=(0.0,) * 4, white=1.0))
