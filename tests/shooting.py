"""Stacks of raw frames of simulated cameras."""

import numpy as np
import torch
from numpy.typing import NDArray

from camnoise import (
    DSNU,
    PRNU,
    Banding,
    ColorBias,
    Expose,
    FullWell,
    Gain,
    GaussianRead,
    Pipeline,
    Quantize,
    Shot,
)
from camnoise.stage import Stage

SIDE = (128, 128)


def shoot(
    camera: Pipeline,
    level: float | torch.Tensor,
    frames: int,
    *,
    side: tuple[int, int] = SIDE,
    first: int = 1,
    scene: int = 7,
    body: str | None = None,
) -> NDArray[np.uint16]:
    """Exposures of a flat field (or of a scene of that size), white = 1: (frame, row, col)."""
    image = torch.as_tensor(level, dtype=torch.float32).expand(1, 1, *side).contiguous()
    views = range(first, first + frames)
    return np.stack([camera(image, [scene], view=v, body=body, dtype=torch.uint16)[0, 0].numpy() for v in views])


def session(
    camera: Pipeline,
    levels: tuple[float, ...] = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65),
    frames: int = 20,
    **options: object,
) -> tuple[list[NDArray[np.uint16]], NDArray[np.uint16]]:
    """Flats at several levels, and darks; no two share their noise."""
    flats = [shoot(camera, level, frames, first=1 + 100 * (i + 1), **options) for i, level in enumerate(levels)]
    return flats, shoot(camera, 0.0, frames, **options)


def sensor(
    *,
    K: float = 2.0,
    read: Stage | None = None,
    row: float = 0.0,
    col: float = 0.0,
    dsnu: float = 0.0,
    prnu: float = 0.0,
    bias: tuple[float, float, float, float] | None = None,
    well: float | None = None,
    black: float = 200.0,
    bits: int = 12,
    cfa: str | None = "RGGB",
    before: tuple[Stage, ...] = (),
) -> Pipeline:
    """A camera up to its converter."""
    stages = [
        Expose(black=black, white=2**bits - 1),
        PRNU(sigma=prnu),
        *before,
        Shot(),
        *([FullWell(electrons=well)] if well is not None else []),
        Gain(K=K),
        read or GaussianRead(sigma=3.0),
        *([ColorBias(R=bias[0], G1=bias[1], G2=bias[2], B=bias[3])] if bias is not None else []),
        DSNU(sigma=dsnu),
        Banding(sigma_row=row, sigma_col=col),
        Quantize(bits=bits),
    ]
    return Pipeline(stages, cfa=cfa, name="simulated")
