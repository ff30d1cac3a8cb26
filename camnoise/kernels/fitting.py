"""Which stages have a kernel, which go together in one program, and what they can be given."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..frame import Frame
from ..keys import Key
from ..light import Linearize
from ..mosaic import Mosaic
from ..readout import ColorBias
from ..stage import Parameters, Stage
from .lowering import LOWERED


def why_not(stage: Stage) -> str | None:
    """Why a stage has no kernel, or None where it has one."""
    if type(stage) in LOWERED:
        return None
    if stage.radius:
        return "it looks at neighboring pixels"
    return "it reads other frames" if stage.kind == "dark_frames" else "it has no kernel"


def joins(stage: Stage, before: Sequence[Stage]) -> bool:
    """Whether a stage can be of one program with those before it: a mosaic chooses what is read at all."""
    return why_not(stage) is None and (
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
        if isinstance(stage, ColorBias) and channels != 3 and (channels != 1 or cfa is None):
            return False
    return channels <= 256


def _has_memory(data: Tensor) -> bool:
    """Which the tensors of `torch.func`'s transforms do not."""
    try:
        data.data_ptr()
    except RuntimeError:
        return False
    return True


def runs(stages: Sequence[Stage]) -> list[tuple[Stage, ...]]:
    """A chain cut into parts: each is either stages of one program, or one stage that has none."""
    cut: list[tuple[Stage, ...]] = []
    for stage in stages:
        if cut and joins(stage, cut[-1]) and why_not(cut[-1][-1]) is None:
            cut[-1] = (*cut[-1], stage)
        else:
            cut.append((stage,))
    return cut
