"""From one color a pixel back to three."""

import warnings
from functools import partial
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from . import malvar
from .frame import Frame
from .keys import Key
from .malvar import Border, bordered
from .mosaic import color_at
from .pattern import BAYER, COLORS, is_bayer, tile_of
from .stage import Parameters, Stage
from .units import Unit

Method = Literal["bilinear", "malvar2004", "average", "menon2007"]
METHODS: tuple[Method, ...] = get_args(Method)
# How far each looks. Menon's: 4 pixels to decide on a direction, and one for each of four interpolations in turn.
RADIUS: dict[Method, int] = {"bilinear": 1, "malvar2004": malvar.RADIUS, "average": 2, "menon2007": 8}
LEAST: dict[Method, int] = {"bilinear": 2, "malvar2004": 3, "average": 3, "menon2007": 4}  # rows and columns

# Of the 3x3 neighborhood: the weights that interpolate green, and red and blue, by distance.
_GREEN = {0: 1.0, 1: 0.25}
_RED_BLUE = {0: 1.0, 1: 0.5, 2: 0.25}


class Demosaic(Stage):
    """Three planes of a mosaic; measured values stay, except under Menon's refinement.

    Red, green and blue of one pixel share their noise afterwards, and neighbors do: nothing that adds the noise of a
    sensor may come after it.

    Attributes:
        method: "bilinear", "malvar2004" and "menon2007" for the four Bayer phases, "average" for any tile with all
            three colors in every 3x3 pixels (Quad Bayer, X-Trans, and Bayer too). All but Menon's are shifted additions
            in a stated order: the same bits on every device. See `demosaic`.
    """

    kind: Literal["demosaic"] = "demosaic"
    takes = (Unit.LINEAR,)

    method: Method = "bilinear"

    @property
    def radius(self) -> int:  # type: ignore[override]
        """How many pixels away the method looks."""
        return RADIUS[self.method]

    def apply(self, frame: Frame, key: Key, drawn: Parameters) -> Frame:
        channels = frame.data.shape[1]
        if channels != 1 or frame.cfa is None:
            what = "1 channel without a filter array" if channels == 1 else f"{channels} channels"
            raise ValueError(f"Demosaic got {what}, wanted a mosaic (see Pipeline's cfa)")
        return Frame(_planes(frame, frame.cfa, self.method), frame.unit, frame.origin)


def demosaic(mosaic: Tensor, pattern: str, method: Method = "malvar2004", *, border: Border = "mirror") -> Tensor:
    """Three planes of a mosaic.

    - "bilinear" (radius 1): a missing green is the mean of its four neighbors; a missing red or blue that of the two
      or four nearest of its color.
    - "malvar2004" (radius 2): bilinear, corrected by the Laplacian of the color that was measured.
    - "average" (radius 2): a missing color is the mean of the pixels of that color in the 5x5 about it, with weights
      (3 - |rows away|)(3 - |columns away|); at borders, of those inside the image.
    - "menon2007" (radius 8): by colour-demosaicing (extra [raw]), on the CPU in float64, without a gradient.

    The first three work on any device, differentiably, and give the same float32 bits everywhere; Menon's is outside
    that promise. Bilinear and Malvar's mirror the image at its borders without repeating the edge, which keeps the
    filter's phase. colour-demosaicing repeats the edge, where red then meets green: with `border="repeat"` results are
    equal to its own everywhere, else from the method's radius inwards; only "mirror" reproduces a flat color up to the
    edge. It matters to PSNR over whole images: in Kodak's 01 to 12, whose last row is black and is met by a
    mirrored one, "mirror" gives 0.16 to 1.56 dB less with Malvar's and 0.05 to 0.38 dB more with bilinear.

    Args:
        mosaic: (batch, 1, row, col) floating.
        pattern: the filter tile at its (0, 0); of a crop that of the crop (`mosaic.shifted`).
        method: as above.
        border: "mirror", as the stage has it, or "repeat"; of bilinear and malvar2004, the others have their own.

    Returns:
        (batch, 3, row, col): red, green, blue.

    Raises:
        TypeError: not a floating tensor.
        ValueError: not a mosaic, a tile that the method does not know, an image that is too small.
        ModuleNotFoundError: "menon2007" without the extra [raw].

    References:
        | High-Quality Linear Interpolation for Demosaicing of Bayer-Patterned Color Images
        | (Malvar, He & Cutler, ICASSP 2004), which has bilinear as the baseline
        | Demosaicing with Directional Filtering and a posteriori Decision (Menon, Andriani & Calvagno, IEEE TIP 2007)
    """
    if not isinstance(mosaic, Tensor) or not mosaic.dtype.is_floating_point:
        kind = mosaic.dtype if isinstance(mosaic, Tensor) else type(mosaic).__name__
        raise TypeError(f"mosaic is {kind}, wanted a floating tensor (batch, 1, row, col)")
    if mosaic.ndim != 4 or mosaic.shape[1] != 1:
        raise ValueError(f"mosaic has shape {tuple(mosaic.shape)}, wanted (batch, 1, row, col)")
    if method not in METHODS:
        raise ValueError(f"method is {method!r}, wanted one of {', '.join(METHODS)}")
    if border not in get_args(Border) or (border == "repeat" and method in ("average", "menon2007")):
        own = "mirror or repeat" if method in ("bilinear", "malvar2004") else f"mirror, for {method} has its own"
        raise ValueError(f"border is {border!r}, wanted {own}")
    origin = torch.zeros((len(mosaic), 2), dtype=torch.int64, device=mosaic.device)
    return _planes(Frame(mosaic, Unit.LINEAR, origin, pattern), pattern, method, border)


def method_for(pattern: str) -> Method | None:
    """The simplest method that knows a tile: bilinear, else the average; None where neither does."""
    if is_bayer(pattern):
        return "bilinear"
    return "average" if why_not(pattern, "average") is None else None


def why_not(pattern: str, method: Method) -> str | None:
    """What a method wants of a tile and does not find; None where it knows it."""
    if method != "average":
        return None if is_bayer(pattern) else f"wanted one of {', '.join(BAYER)}; method 'average' takes other tiles"
    tile = tile_of(pattern)
    for top in range(len(tile)):
        for left in range(len(tile[0])):
            rows = (tile[(top + row) % len(tile)] for row in range(3))
            window = {row[(left + col) % len(row)] for row in rows for col in range(3)}
            if not set(COLORS) <= window:
                return "wanted red, green and blue in every 3x3 pixels"
    return None


def _planes(frame: Frame, pattern: str, method: Method, border: Border = "mirror") -> Tensor:
    """(batch, 3, row, col) of a frame that is a mosaic."""
    if (wanted := why_not(pattern, method)) is not None:
        raise ValueError(f"Demosaic by {method} got filters {pattern}, {wanted}")
    rows, cols = frame.data.shape[2:]
    if min(rows, cols) < LEAST[method]:
        least = LEAST[method]
        raise ValueError(f"Demosaic got images of {rows}x{cols}, wanted at least {least}x{least}")
    if frame.data.numel() == 0:
        return frame.data.expand(-1, 3, -1, -1).clone()
    if method == "bilinear":
        return bilinear(frame.data, color_at(frame, pattern), border)
    if method == "average":
        return average(frame.data, color_at(frame, pattern))
    by_pattern = partial(malvar.malvar, border=border) if method == "malvar2004" else menon
    patterns = frame.patterns()
    if len({*patterns}) == 1:
        return by_pattern(frame.data, patterns[0])
    each = [by_pattern(image[None], here) for image, here in zip(frame.data, patterns, strict=True)]
    return torch.cat(each)


def bilinear(data: Tensor, color: Tensor, border: Border = "mirror") -> Tensor:
    """Three planes from a Bayer mosaic.

    Args:
        data: (batch, 1, row, col) floating.
        color: (batch, row, col), the plane that each pixel has: 0 R, 1 G, 2 B.
        border: as of `demosaic`.

    Returns:
        (batch, 3, row, col).
    """
    if data.numel() == 0:
        return data.expand(-1, 3, -1, -1).clone()
    planes = []
    for plane in range(3):
        known = (color == plane)[:, None]
        masked = bordered(torch.where(known, data, torch.zeros_like(data)), 1, border)
        weights = _GREEN if plane == 1 else _RED_BLUE
        total = torch.zeros_like(data)
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                weight = weights.get(abs(dy) + abs(dx))
                if weight is not None:
                    rows, cols = data.shape[2:]
                    total = total + masked[:, :, 1 + dy : 1 + dy + rows, 1 + dx : 1 + dx + cols] * weight
        planes.append(total)
    return torch.cat(planes, 1)


def average(data: Tensor, color: Tensor) -> Tensor:
    """Three planes from a mosaic of any tile: weighted means of the known neighbors in 5x5.

    Args:
        data: (batch, 1, row, col) floating.
        color: (batch, row, col), the plane that each pixel has: 0 R, 1 G, 2 B, 3 none of them.

    Returns:
        (batch, 3, row, col).
    """
    planes = []
    for plane in range(3):
        known = (color == plane)[:, None]
        total = _tent(torch.where(known, data, torch.zeros_like(data)))
        planes.append(torch.where(known, data, total / _tent(known.to(data.dtype))))
    return torch.cat(planes, 1)


def _tent(x: Tensor) -> Tensor:
    """Sums over 5x5 with weights (3 - |rows away|)(3 - |columns away|), nothing beyond the borders."""
    rows, cols = x.shape[2:]
    wide = pad(x, (2, 2, 0, 0))
    far, near = wide[..., :cols] + wide[..., 4:], wide[..., 1 : 1 + cols] + wide[..., 3 : 3 + cols]
    across = (far + near * 2.0) + x * 3.0
    high = pad(across, (0, 0, 2, 2))
    far, near = high[:, :, :rows] + high[:, :, 4:], high[:, :, 1 : 1 + rows] + high[:, :, 3 : 3 + rows]
    return (far + near * 2.0) + across * 3.0


def menon(mosaic: Tensor, pattern: str) -> Tensor:
    """Menon's method by colour-demosaicing, image by image on the CPU.

    Args:
        mosaic: (batch, 1, row, col) floating.
        pattern: one of the four Bayer phases, at the mosaic's (0, 0).

    Returns:
        (batch, 3, row, col) on the mosaic's device, of its dtype.

    Raises:
        ModuleNotFoundError: without the extra [raw].
        ValueError: a gradient is asked for.
    """
    if mosaic.requires_grad and torch.is_grad_enabled():
        raise ValueError("menon2007 has no gradient, wanted a mosaic that asks for none, or malvar2004")
    try:
        # Its import warns of optional dependencies, and changes how all of NumPy prints, which records rely on.
        with np.printoptions(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from colour_demosaicing import demosaicing_CFA_Bayer_Menon2007 as made_by_menon
    except ModuleNotFoundError as error:
        needs = "demosaicing by menon2007 needs colour-demosaicing: install camnoise with its extra [raw]"
        raise ModuleNotFoundError(needs) from error
    arrays = mosaic.detach().to("cpu", torch.float64)[:, 0].numpy()
    planes = np.stack([made_by_menon(one, pattern) for one in arrays]).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(planes)).to(mosaic)
