"""How a chain of stages meets a batch: by kernels where they fit, by the stages' own torch code where not.

Both give the same bits, so that what runs where is a matter of time alone.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

import torch
from torch import Tensor

from . import kernels
from .frame import Frame, limits_of
from .kernels.fitting import accepts, parts, runs, why_not
from .kernels.lowering import lower
from .kernels.program import addresses
from .keys import Key
from .mosaic import Mosaic
from .stage import Parameters, Stage

BAND = 2**18  # pixels that pass through the chain at a time on CPU: their temporaries stay in its cache
DEVICE_BAND = 2**24  # and on a GPU; the int64 words of a pixel take a hundred bytes and more while they are made


def carry(
    stages: Sequence[Stage],
    frame: Frame,
    keys: Sequence[Key],
    tables: Sequence[Parameters],
    dtype: torch.dtype = torch.float32,
    *,
    clean: bool = False,
) -> Tensor:
    """Carries a frame through stages, once for each view.

    Args:
        stages: in the order light meets them.
        frame: the clean images, of a kind and shape that are checked.
        keys: of the views; they differ in the view alone, and have bodies.
        tables: the drawn parameters of each view.
        dtype: float32; uint16 or uint8 where the last stage gives such numbers.
        clean: whether it is the stages' `clean` that is wanted, and not their `apply`.

    Returns:
        (view, batch, channel, row, col), never the frame's own memory.

    Raises:
        ValueError: a value that no image has, or what a stage refuses.
    """
    cut = runs(stages, frame.cfa)
    head = list(takewhile(lambda run: run[0].radius == 0, cut))
    rest, made = cut[len(head) :], None
    if len(head) == 1:
        made = _in_one_pass(head[0], frame, keys, tables, torch.float32 if rest else dtype, clean)
    if made is not None and not rest:
        return made
    if made is None:
        frame = frame.checked()
    results = []
    for view, (key, drawn) in enumerate(zip(keys, tables, strict=True)):
        after = _by_bands(head, frame, key, drawn, clean) if made is None else _after(head[0], frame, made[view])
        for run in rest:
            after = _through(run, after, key, drawn, clean)
        results.append(after.data)
    data = torch.stack(results) if len(results) > 1 else results[0][None]
    if dtype == torch.uint8:
        return (data * 255.0 + 0.5).to(torch.uint8)  # from level / 255, whose error is far below a half
    return data if dtype == torch.float32 else data.to(torch.int32).to(torch.uint16)


def explain(stages: Sequence[Stage], device: torch.device, cfa: str | None = None) -> list[str]:
    """A line for each part of a chain: which stages, what runs them, and why no kernel does."""
    kernel, lines = kernels.executor(device), []
    for run, why in parts(stages, cfa):
        reason = why or (kernel.what if kernel.expose is None else None)
        how = f"one pass, {kernel.what}" if reason is None else f"torch code: {reason}"
        lines.append(f"{', '.join(type(stage).__name__ for stage in run)}: {how}")
    return lines


def _in_one_pass(
    run: Sequence[Stage],
    frame: Frame,
    keys: Sequence[Key],
    tables: Sequence[Parameters],
    dtype: torch.dtype,
    clean: bool,
) -> Tensor | None:
    """What a kernel makes of a whole frame; None where none fits, or where the torch code has to say what is wrong."""
    expose = kernels.executor(frame.data.device).expose
    if expose is None or why_not(run[0]) or not accepts(run, frame, keys, tables):
        return None
    limits = limits_of(frame.unit) if frame.unchecked else None
    return expose(lower(run, frame, tables, clean), frame.data, frame.origin, addresses(keys), dtype, limits)


def _by_bands(head: Sequence[Sequence[Stage]], frame: Frame, key: Key, drawn: Parameters, clean: bool) -> Frame:
    """The pointwise stages band by band, because an address makes a band a crop."""
    bands = []
    for band in frame.bands(BAND if frame.data.device.type == "cpu" else DEVICE_BAND):
        for run in head:
            band = _through(run, band, key, drawn, clean)
        bands.append(band)
    # The concatenation copies, so that the result is never the caller's own image.
    return replace(bands[0], data=torch.cat([band.data for band in bands], 2), origin=frame.origin)


def _through(run: Sequence[Stage], frame: Frame, key: Key, drawn: Parameters, clean: bool) -> Frame:
    """One part of a chain, by its kernel or stage by stage."""
    made = _in_one_pass(run, frame, [key], [drawn], torch.float32, clean)
    if made is not None:
        return _after(run, frame, made[0])
    for stage in run:
        frame = stage.clean(frame, key, drawn) if clean else stage.apply(frame, key, drawn)
    return frame


def _after(run: Sequence[Stage], frame: Frame, data: Tensor) -> Frame:
    """The frame that the stages' own code would have left."""
    for stage in run:
        cfa = stage.pattern if isinstance(stage, Mosaic) else frame.cfa
        frame = replace(frame, unit=stage.gives or frame.unit, cfa=cfa, unchecked=False)
    return replace(frame, data=data)
