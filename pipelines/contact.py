"""A sample as a row of a contact sheet."""

from collections.abc import Sequence

import torch
from torch import Tensor

from camnoise.look import Look, drawn_text, planes
from camnoise.sample import Sample

from .recipe import Recipe

_Matrix = Sequence[Sequence[float]]
_IDENTITY: _Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


def row(record: Sample, recipe: Recipe, clean: Tensor, views: Tensor, what: str | None = None) -> Look:
    """What is shown of a sample. Camera colors are developed for the eye: white balance and matrix, as far as known.

    Args:
        record: its JSON.
        recipe: what it was made by.
        clean: (channel, row, col).
        views: (view, channel, row, col), normalised.
        what: the cameras as the user called them; None for their own names.
    """
    cameras = what or " and ".join(camera.name for camera in recipe.cameras) or "as photographed"
    tables = list(dict.fromkeys(drawn_text(table) for table in record.parameters))  # each that differs, once
    drawn = " and ".join(text for text in tables if text)
    seed = f"seed {record.seed}" if recipe.cameras else ""
    title = ", ".join(part for part in (cameras, drawn, record.views, record.domain, seed) if part)
    cfa, colors = record.cfa, _colors(record, recipe)
    if colors is not None and (cfa is not None or len(clean) == 3):
        clean = _developed(planes(clean, cfa), *colors)
        views = torch.stack([_developed(planes(view, cfa), *colors) for view in views])
        cfa = None
    return Look(f"{record.name}: {title}", clean, views, cfa, record.domain == "srgb", record.shifts)


def _colors(record: Sample, recipe: Recipe) -> tuple[Sequence[float], _Matrix] | None:
    """Gains of red, green, blue, and linear sRGB to camera, where the pixels are camera colors."""
    if record.input is not None:
        return record.input.white_balance or (1.0, 1.0, 1.0), record.input.color_matrix or _IDENTITY
    if not recipe.unprocess:
        return None
    drawn = record.parameters[0]
    matrix = [[drawn[f"camera_{out}{into}"] for into in "RGB"] for out in "RGB"]
    return [gain / drawn["dimming"] for gain in (drawn["red_gain"], 1.0, drawn["blue_gain"])], matrix


def _developed(camera: Tensor, gains: Sequence[float], matrix: _Matrix) -> Tensor:
    """(3, row, col) of camera light in linear sRGB; what is burnt becomes white."""
    balanced = (camera * torch.tensor(gains).reshape(3, 1, 1)).clamp(max=1)
    inverse = torch.linalg.pinv(torch.tensor(matrix, dtype=torch.float64)).float()
    return torch.einsum("oi,irc->orc", inverse, balanced)
