"""A batch of images on its way through the camera."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .pattern import flipped, shifted, transposed
from .units import Unit

SIDE = 2**16  # rows and columns that an address can name
BRIGHTEST = 64.0  # scene-linear; a larger value is rather an image in 0..255
LARGEST = torch.finfo(torch.float32).max


@dataclass(frozen=True)
class Frame:
    """Images with what their numbers mean and where in the sensor they lie.

    Attributes:
        data: (batch, channel, row, col) float32.
        unit: of the values.
        origin: (batch, 2) int64, the row and column of each image's first pixel in its full
            frame; on data's device. Noise and filter colors are addressed in the full frame.
        cfa: colors of the filter tile at the *full frame's* (0, 0), row by row, for a mosaic ("RGGB";
            rows separated by "/" where the tile is not 2x2); None otherwise.
        unchecked: whether nobody has looked at the values yet; a kernel does while it reads them.
    """

    data: Tensor
    unit: Unit
    origin: Tensor
    cfa: str | None = None
    unchecked: bool = False

    def checked(self) -> "Frame":
        """Itself, every value looked at; raises as `check_values`."""
        if self.unchecked:
            check_values(self.data, self.unit)
        return replace(self, unchecked=False)

    def with_data(self, data: Tensor, unit: Unit | None = None) -> "Frame":
        """The same place on the sensor with other values."""
        return replace(self, data=data, unit=self.unit if unit is None else unit)

    def take(self, index: Tensor) -> "Frame":
        """Some of its images."""
        there = index.to(self.data.device)
        return replace(self, data=self.data[there], origin=self.origin[there])

    def crop(self, top: int, left: int, rows: int, cols: int) -> "Frame":
        """A part of the images: their origin moves, so that filters and noise stay those of the full frame.

        Raises:
            ValueError: a part that is not inside.
        """
        check_crop(self.data, top, left, rows, cols)
        moved = self.origin + torch.tensor([top, left], device=self.origin.device)
        return replace(self, data=self.data[..., top : top + rows, left : left + cols], origin=moved)

    def flip(self, axis: str) -> "Frame":
        """The images with rows or columns in reverse order, as frames of their own at origin (0, 0).

        The filters are followed: `cfa` becomes the pattern of the result. The address of the noise is not, for
        row r is no longer row r of the sensor: flip after the camera, or what comes then is another exposure.

        Args:
            axis: "rows" puts them upside down, "columns" mirrors them left to right.

        Raises:
            ValueError: another axis, or mosaics whose phases differ within the batch.
        """
        if axis not in ("rows", "columns"):
            raise ValueError(f"axis is {axis!r}, wanted 'rows' or 'columns'")
        dim = 2 if axis == "rows" else 3
        here = self._pattern()
        after = None if here is None else flipped(here, self.data.shape[dim], axis)
        return replace(self, data=self.data.flip(dim), origin=torch.zeros_like(self.origin), cfa=after)

    def transpose(self) -> "Frame":
        """The images with rows as columns, as frames of their own at origin (0, 0); see `flip`.

        Row noise of a sensor becomes column noise.

        Raises:
            ValueError: mosaics whose phases differ within the batch.
        """
        here = self._pattern()
        after = None if here is None else transposed(here)
        return replace(self, data=self.data.transpose(2, 3), origin=torch.zeros_like(self.origin), cfa=after)

    def patterns(self) -> list[str]:
        """The filter tile at each image's own (0, 0); of a mosaic."""
        if self.cfa is None:
            raise ValueError("frame has no filter array, wanted a mosaic")
        return [shifted(self.cfa, row, col) for row, col in self.origin.tolist()]

    def _pattern(self) -> str | None:
        """The one filter tile at all images' own (0, 0), or None without filters."""
        if self.cfa is None:
            return None
        found = sorted({*self.patterns()})
        if len(found) > 1:
            raise ValueError(f"images begin at filters {' and '.join(found)}, wanted one phase in the batch")
        return found[0] if found else self.cfa

    def bands(self, pixels: int) -> "list[Frame]":
        """The frame cut into bands of whole rows, about `pixels` of the whole batch each; at least one band."""
        batch, channels, rows, cols = self.data.shape
        height = max(1, pixels // max(1, batch * channels * cols))
        return [
            replace(
                self,
                data=self.data[:, :, top : top + height],
                origin=self.origin + torch.tensor([top, 0], device=self.origin.device),
            )
            for top in range(0, max(rows, 1), height)
        ]

    def rows(self) -> Tensor:
        """Row numbers in the full frame: (batch, row, 1) int64."""
        steps = torch.arange(self.data.shape[2], device=self.data.device)
        return (self.origin[:, :1] + steps)[:, :, None]

    def columns(self) -> Tensor:
        """Column numbers in the full frame: (batch, 1, col) int64."""
        steps = torch.arange(self.data.shape[3], device=self.data.device)
        return (self.origin[:, 1:] + steps)[:, None, :]


def as_origin(origin: Tensor | None, data: Tensor) -> Tensor:
    """Checked origins of a batch: (batch, 2) int64 on data's device.

    Raises:
        ValueError: wrong shape, or a pixel beyond row or column 65,535 of its frame.
        TypeError: not an integer tensor.
    """
    batch, _, rows, cols = data.shape
    if max(rows, cols) > SIDE:
        raise ValueError(f"images are {rows}x{cols}, wanted sides of at most {SIDE}")
    if origin is None:
        return torch.zeros((batch, 2), dtype=torch.int64, device=data.device)
    if not isinstance(origin, Tensor) or origin.dtype.is_floating_point or origin.dtype == torch.bool:
        kind = origin.dtype if isinstance(origin, Tensor) else type(origin).__name__
        raise TypeError(f"origin is {kind}, wanted an integer tensor: row and column of each image")
    if origin.shape != (batch, 2):
        raise ValueError(f"origin has shape {tuple(origin.shape)}, wanted ({batch}, 2): row and column of each image")
    places = origin.to("cpu", torch.int64).resolve_neg()
    for image, (row, col) in enumerate(places.tolist()):
        if min(row, col) < 0 or max(row + rows, col + cols) > SIDE:
            raise ValueError(
                f"image {image} of size {rows}x{cols} at origin ({row}, {col}) leaves the {SIDE}x{SIDE} frame"
            )
    return places.to(data.device)


def check_crop(data: Tensor, top: int, left: int, rows: int, cols: int) -> None:
    """Raises ValueError for a part of (..., row, col) that is not inside, or has no pixel."""
    high, wide = data.shape[-2:]
    if min(top, left) < 0 or min(rows, cols) < 1 or top + rows > high or left + cols > wide:
        raise ValueError(f"crop of {rows}x{cols} at ({top}, {left}) is not inside the image of {high}x{wide}")


def count_images(images: object) -> int:
    """The length of a batch. Raises TypeError for what is no tensor, ValueError for one without dimensions."""
    if not isinstance(images, Tensor):
        raise TypeError(f"images is a {type(images).__name__}, wanted a torch tensor (batch, channel, row, col)")
    if images.ndim == 0:
        raise ValueError("images has shape (), wanted (batch, channel, row, col)")
    return len(images)


def check_images(images: Tensor, unit: Unit) -> Tensor:
    """Images as float32, or the reason why their kind or shape is that of none.

    Raises:
        TypeError: not a floating tensor.
        ValueError: not four dimensions, or no channel.
    """
    count_images(images)
    if not images.dtype.is_floating_point:
        more = "; divide 8-bit images by 255" if images.dtype == torch.uint8 else ""
        raise TypeError(f"images is {images.dtype}, wanted floating values ({unit}){more}")
    if images.ndim != 4:
        raise ValueError(f"images has shape {tuple(images.shape)}, wanted (batch, channel, row, col)")
    if images.shape[1] == 0:
        raise ValueError(f"images has shape {tuple(images.shape)}, wanted at least one channel")
    return images.to(torch.float32).resolve_neg()


def limits_of(unit: Unit) -> tuple[float, float]:
    """Lowest and highest value of an image in that unit; all are finite."""
    high = {Unit.LINEAR: BRIGHTEST, Unit.ENCODED: 1.0}.get(unit, LARGEST)
    return (-LARGEST if unit is Unit.DN else 0.0), high  # black-subtracted numbers may be negative


def check_values(data: Tensor, unit: Unit) -> None:
    """Looks at every value.

    Raises:
        ValueError: naming one that `unit` does not have.
    """
    if data.numel() == 0:
        return
    low, high = (edge.item() for edge in torch.aminmax(data))
    least, most = limits_of(unit)
    if not (low >= -LARGEST and high <= LARGEST):  # false for NaN too
        odd = data[~torch.isfinite(data)][0].item()
        raise ValueError(f"images holds {odd}, wanted finite values ({unit})")
    if low < least:
        raise ValueError(f"images holds {low:g}, wanted no negative values ({unit})")
    if high > BRIGHTEST and most <= BRIGHTEST:
        raise ValueError(f"images holds {high:g}, wanted white = 1 ({unit}): is this 0..255?")
    if high > most:
        raise ValueError(f"images holds {high:g}, wanted 0 to 1 ({unit})")
