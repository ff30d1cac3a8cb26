"""How many exposures of a scene a method wants, and what they share.

A scheme is written as one word, with its numbers after colons: `n2n`, `noisier:0.5`, `burst:8:16`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from .draws import uniform
from .frame import Frame
from .keys import Key, Stream
from .stage import Parameters


@dataclass(frozen=True)
class Scheme:
    """Which exposures make up a sample.

    Shot, read and row noise are new in each. What they share: n2n the parameters and the body; n2n-free the body
    alone; nrl neither, for its two views come from two cameras.

    Attributes:
        name: its word, without numbers.
        views: the numbers of the exposures.
        own: whether each view draws parameters of its own, instead of the scene's.
        cameras: how many different cameras expose.
        alpha: of noisier, how much further noise its second view gets; 0 in all others.
        reach: of burst, the largest shift of the scene, pixels; 0 in all others.
        real: whether the views are the source's own, and nothing is added.
    """

    name: str
    views: tuple[int, ...]
    own: bool = False
    cameras: int = 1
    alpha: float = 0.0
    reach: int = 0
    real: bool = False

    def __str__(self) -> str:
        """As commands and shards write it."""
        if self.alpha:
            return self.name if self.alpha == 1 else f"{self.name}:{repr(self.alpha).removesuffix('.0')}"
        return f"{self.name}:{len(self.views)}:{self.reach}" if self.reach else self.name

    def shift(self, key: Key) -> Tensor:
        """How far the scene has moved down and to the right in the key's view: (batch, 2) int64, view 1 not at all."""
        if key.view == 1 or not self.reach:
            return torch.zeros((len(key.sample), 2), dtype=torch.int64, device="cpu")
        words = key.image_words(Stream.SHIFT)[:2, :, 0, 0, 0]
        # 23 bits and the least of them 2^-24 from either end: the floor never reaches 2 reach + 1.
        return (torch.floor(uniform(words) * (2 * self.reach + 1)).long() - self.reach).T


N2C = Scheme("n2c", (1,))  # clean and one exposure: supervised learning
N2N = Scheme("n2n", (1, 2))  # two exposures, the first of them n2c's: Noise2Noise
N2N_FREE = Scheme("n2n-free", (1, 2), own=True)  # two exposures with settings of their own
NRL = Scheme("nrl", (1, 2), own=True, cameras=2)  # one exposure from each of two cameras
RCL = Scheme("rcl", (1,))  # one exposure, of which a loader takes two crops
NOISIER = Scheme("noisier", (1, 2), alpha=1.0)  # y, and y with as much noise again: Noisier2Noise
BURST = Scheme("burst", (1, 2, 3, 4), reach=8)  # the scene moves, the noise stays with the sensor
REAL = Scheme("real", (), real=True)  # whatever the source has
SCHEMES = (N2C, N2N, N2N_FREE, NRL, RCL, NOISIER, BURST, REAL)

MOST_VIEWS, FARTHEST = 64, 1024


def scheme_named(text: str) -> Scheme:
    """The scheme that a word and its numbers stand for: `n2n`, `noisier:ALPHA`, `burst:VIEWS:REACH`.

    Raises:
        ValueError: naming those that exist, or the number that is wrong.
    """
    word, *numbers = str(text).split(":")
    scheme = next((one for one in SCHEMES if one.name == word), None)
    if scheme is None:
        raise ValueError(f"view scheme is {text!r}, wanted one of {', '.join(one.name for one in SCHEMES)}")
    try:
        if scheme is NOISIER and len(numbers) == 1 and 0 < float(numbers[0]) <= 100:
            return Scheme("noisier", (1, 2), alpha=float(numbers[0]))
        if scheme is BURST and len(numbers) in (1, 2):
            views, reach = int(numbers[0]), int(numbers[1]) if len(numbers) == 2 else BURST.reach
            if 2 <= views <= MOST_VIEWS and 1 <= reach <= FARTHEST:
                return Scheme("burst", tuple(range(1, views + 1)), reach=reach)
        if not numbers:
            return scheme
    except ValueError:
        pass  # not numbers: said below
    wanted = {
        "noisier": "noisier or noisier:ALPHA, ALPHA above 0 and up to 100",
        "burst": f"burst, burst:VIEWS or burst:VIEWS:REACH, 2 to {MOST_VIEWS} views and 1 to {FARTHEST} pixels",
    }
    raise ValueError(f"view scheme is {text!r}, wanted {wanted.get(word, word)}")


def moved(frame: Frame, shift: Tensor) -> Frame:
    """The frame with its scene moved within it; what comes in from outside repeats the edge.

    Args:
        frame: of (batch, channel, row, col).
        shift: (batch, 2), pixels down and to the right.
    """
    if not len(shift):
        return frame
    rows, cols = frame.data.shape[2:]
    reach = int(shift.abs().max())
    wider = pad(frame.data, (reach,) * 4, mode="replicate")
    scenes = [
        wider[image, :, reach - down :, reach - right :][:, :rows, :cols]
        for image, (down, right) in enumerate(shift.tolist())
    ]
    return frame.with_data(torch.stack(scenes))


def valid(shifts: Tensor, rows: int, cols: int, radius: int = 0) -> Tensor:
    """Where a moved scene shows what was in the frame, and nothing within `radius` that was not.

    Args:
        shifts: (view, batch, 2), pixels down and to the right.
        rows, cols: of the frame.
        radius: how many pixels away the camera looks (its demosaicing).

    Returns:
        (view, batch, 1, row, col) bool.
    """

    def inside(shift: Tensor, length: int) -> Tensor:
        place = torch.arange(length, device=shift.device)
        low = torch.where(shift > 0, shift + radius, 0)[..., None]
        high = torch.where(shift < 0, length + shift - radius, length)[..., None]
        return (place >= low) & (place < high)

    down, right = inside(shifts[..., 0], rows), inside(shifts[..., 1], cols)
    return (down[..., :, None] & right[..., None, :])[:, :, None]


@dataclass(frozen=True, eq=False)
class Views:
    """Exposures of a batch of scenes.

    Attributes:
        clean: (batch, channel, row, col) float32, without noise, in the unit of the views. Where cameras or
            parameters differ between the views it is that of view 1; of a burst, the scene unmoved.
        views: (view, batch, channel, row, col) float32; uint16 raw DN or uint8 levels where asked for.
        parameters: what was drawn, one table per view.
        ids: (batch,) int64 bit patterns; with seed, epoch, origin and body they make it again.
        clipped: whether the camera cuts values off at black or white (`Clip`, `EightBits`), which biases
            every method that takes a view for a target.
        shifts: of a burst, (view, batch, 2) int64, how far each scene moved down and to the right.
        valid: of a burst, (view, batch, 1, row, col) bool, where a view shows what the first one does.
    """

    clean: Tensor
    views: Tensor
    parameters: tuple[Parameters, ...]
    ids: Tensor
    clipped: bool = False
    shifts: Tensor | None = None
    valid: Tensor | None = None

    def __repr__(self) -> str:
        shown = {"clean": tuple(self.clean.shape), "views": tuple(self.views.shape)}
        parts = [f"{name} {shape}" for name, shape in shown.items()]
        parts.append(f"parameters {', '.join(self.parameters[0])}")
        parts += ["shifts, valid"] if self.shifts is not None else []
        return f"Views({', '.join(parts)}{', clipped' if self.clipped else ''})"
