"""Which stages have a kernel, which go together in one program, and what they can be given."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..frame import Frame
from ..keys import Key
from ..light import Linearize
from ..mosaic import Mosaic
from ..pattern import CLEAR_PLANE, period_of, planes_of
from ..readout import ColorBias
from ..stage import Parameters, Stage
from .lowering import LOWERED


def why_not(stage: Stage, cfa: str | None = None) -> str | None:
    """Why a stage has no kernel, or None where it has one.

    Args:
        stage: of a chain.
        cfa: filter tile of the mosaic that it meets, None where there is none, or where none is known.
    """
    if type(stage) in LOWERED:
        tile = stage.pattern if isinstance(stage, Mosaic) else cfa if isinstance(stage, ColorBias) else None
        return None if tile is None or _has_kernel(tile) else f"its filter tile {tile} is not 2x2 of red, green, blue"
    if stage.radius:
        return "it looks at neighboring pixels"
    return "it reads other frames" if stage.kind == "dark_frames" else "it has no kernel"


def _has_kernel(pattern: str) -> bool:
    return period_of(pattern) == (2, 2) and CLEAR_PLANE not in planes_of(pattern)


def joins(stage: Stage, before: Sequence[Stage], cfa: str | None = None) -> bool:
    """Whether a stage can be of one program with those before it: a mosaic chooses what is read at all."""
    return why_not(stage, cfa) is None and (
        not isinstance(stage, Mosaic) or all(isinstance(one, Linearize) for one in before)
    )


def accepts(stages: Sequence[Stage], frame: Frame, keys: Sequence[Key], tables: Sequence[Parameters]) -> bool:
    """Whether all fits the stages and each other; where not, the torch code says so, or does what it can."""
    batch = len(frame.data)
    if frame.data.dtype != torch.float32 or not _has_memory(frame.data) or any(one.batch != batch for one in tables):
        return False
    if any(len(ids) != batch for key in keys for ids in (key.sample, key.body) if ids is not None):
        return False
    channels, cfa = frame.data.shape[1], frame.cfa
    for stage in stages:
        if isinstance(stage, Mosaic):
            if channels != 3:
                return False
            channels, cfa = 1, stage.pattern
        if isinstance(stage, ColorBias) and channels != 3 and (channels != 1 or cfa is None or not _has_kernel(cfa)):
            return False
    return channels <= 256


def _has_memory(data: Tensor) -> bool:
    """Which the tensors of `torch.func`'s transforms do not."""
    try:
        data.data_ptr()
    except RuntimeError:
        return False
    return True


def runs(stages: Sequence[Stage], cfa: str | None = None) -> list[tuple[Stage, ...]]:
    """A chain cut into parts: each is either stages of one program, or one stage that has none; as `parts`."""
    return [run for run, _ in parts(stages, cfa)]


def parts(stages: Sequence[Stage], cfa: str | None = None) -> list[tuple[tuple[Stage, ...], str | None]]:
    """A chain cut into parts, each with the reason why it has no program, or None where it is one.

    Args:
        stages: in the order light meets them.
        cfa: filter tile of the mosaics that come in; that of a `Mosaic` among the stages counts from there on.
    """
    cut: list[tuple[tuple[Stage, ...], str | None]] = []
    for stage in stages:
        reason = why_not(stage, cfa)
        if cut and cut[-1][1] is None and joins(stage, cut[-1][0], cfa):
            cut[-1] = ((*cut[-1][0], stage), None)
        else:
            cut.append(((stage,), reason))
        cfa = stage.pattern if isinstance(stage, Mosaic) else cfa
    return cut
