"""Frames of one static scene, as a converter wrote them."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..pattern import period_of, sites_of

Array = NDArray[Any]
SITES = ("R", "G1", "G2", "B", "clear")


class Patch(NamedTuple):
    """A rectangle of a frame that shows one flat field.

    Attributes:
        row, col: its first pixel.
        rows, cols: its size.
    """

    row: int
    col: int
    rows: int
    cols: int

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it lies."""
        return slice(self.row, self.row + self.rows), slice(self.col, self.col + self.cols)


@dataclass(frozen=True)
class Exposures:
    """Frames of one scene under one setting of the camera; light and scene must not change between them.

    Attributes:
        name: of the scene; real and simulated frames are matched by it.
        frames: (frame, row, col), raw DN, pedestal included.
        black: DN, per filter in the order R, G1, G2, B; or one number for all.
        white: DN, saturation.
        cfa: the filter tile at (0, 0); None for a monochrome sensor.
        patches: flat parts of the frame. Where they are given, only they are compared.
        iso: setting, where the files say it.

    Raises:
        ValueError: another shape, values that are not finite, white not above black, a patch outside the frame.
    """

    name: str
    frames: Array
    black: tuple[float, ...]
    white: float
    cfa: str | None = None
    patches: tuple[Patch, ...] = ()
    iso: float | None = None

    def __post_init__(self) -> None:
        shape = self.frames.shape
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"frames of {self.name!r} have shape {shape}, wanted (frame, row, col)")
        if self.frames.dtype.kind == "f" and not np.isfinite(self.frames).all():
            raise ValueError(f"frames of {self.name!r} hold values that are not finite")
        if len(self.black) not in (1, 4) or not self.white > max(self.black):
            raise ValueError(
                f"levels of {self.name!r} are black {self.black}, white {self.white:g}: wanted white above"
            )
        for patch in self.patches:
            inside = patch.row >= 0 and patch.col >= 0
            if not inside or patch.row + patch.rows > shape[1] or patch.col + patch.cols > shape[2]:
                raise ValueError(f"patch {tuple(patch)} leaves the {shape[1]}x{shape[2]} frames of {self.name!r}")
            if min(patch.rows, patch.cols) < 8:
                raise ValueError(f"patch {tuple(patch)} is smaller than 8x8 pixels")

    @property
    def span(self) -> float:
        """From black to white, DN."""
        return self.white - max(self.black)

    @property
    def period(self) -> tuple[int, int]:
        """Rows and columns after which the same filter comes again."""
        return (1, 1) if self.cfa is None else period_of(self.cfa)

    def sites(self) -> NDArray[np.int64]:
        """(row, col): the filter of each pixel as a number in the order R, G1, G2, B, clear; 0 without filters."""
        rows, cols = self.frames.shape[1:]
        if self.cfa is None:
            return np.zeros((rows, cols), np.int64)
        table = np.array(sites_of(self.cfa)).reshape(self.period)
        return np.tile(table, (-(-rows // len(table)), -(-cols // len(table[0]))))[:rows, :cols]

    def levels(self) -> NDArray[np.float32]:
        """(frame, row, col): DN above black."""
        black = np.asarray([*self.black, np.mean(self.black)], np.float32)  # clear pixels have the mean
        pedestal = black[self.sites()] if len(self.black) == 4 else black[0]
        return self.frames.astype(np.float32) - pedestal

    def windowed(self, side: int) -> "Exposures":
        """Its middle, at most side x side, or what its patches need of it; cut where the filter tile begins."""
        rows, cols = self.frames.shape[1:]
        down, right = self.period
        if self.patches:
            top = min(patch.row for patch in self.patches) // down * down
            left = min(patch.col for patch in self.patches) // right * right
            bottom = max(patch.row + patch.rows for patch in self.patches)
            end = max(patch.col + patch.cols for patch in self.patches)
            moved = tuple(patch._replace(row=patch.row - top, col=patch.col - left) for patch in self.patches)
            return replace(self, frames=self.frames[:, top:bottom, left:end], patches=moved)
        if max(rows, cols) <= side:
            return self
        top, left = max(0, rows - side) // 2 // down * down, max(0, cols - side) // 2 // right * right
        return replace(self, frames=self.frames[:, top : top + side, left : left + side])
