"""A sample as a row of a contact sheet."""

from torch import Tensor

from camnoise.look import Look, drawn_text
from camnoise.sample import Sample

from .recipe import Recipe


def row(record: Sample, recipe: Recipe, clean: Tensor, views: Tensor, what: str | None = None) -> Look:
    """What is shown of a sample.

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
    return Look(f"{record.name}: {title}", clean, views, record.cfa, record.domain == "srgb", record.shifts)
