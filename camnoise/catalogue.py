"""The command that lists and shows cameras. Nothing heavy is imported before it runs."""

import sys
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from .files import save_png
from .terminal import say


def cameras(
    name: Annotated[str | None, typer.Argument(help="Show one, by its name or its file, with its provenance.")] = None,
    out: Annotated[Path | None, typer.Option(help="Draw the curves of the one into this PNG.")] = None,
) -> None:
    """List the calibrated cameras, or show one: where it comes from, what it lacks, its numbers against ISO."""
    from . import presets
    from .presets import curves

    if name is None:
        if out is not None:
            raise ValueError("--out wants one camera to draw: camnoise cameras NAME --out FILE")
        listed = [presets.describe(one) for one in presets.names()]
        for kind in curves.KINDS:
            say(kind)
            say(curves.HEADING)
            for camera in listed:
                if curves.kind_of(camera) == kind:
                    say(curves.entry(camera))
        return
    camera = presets.describe(name)
    facts = {field: getattr(camera, field) for field in ("name", "title", "source", "licence", "units", "cfa", "bits")}
    facts |= {"black": camera.black, "white": camera.white}
    facts["iso"] = "none" if camera.iso_range is None else "{:g} to {:g}".format(*camera.iso_range)
    facts |= {"has": ", ".join(curves.has(camera)), "lacks": ", ".join(curves.lacks(camera)) or "nothing"}
    if asked := curves.patterns(camera):
        facts["asked"] = f"{', '.join(asked)}: measured, part of the camera with --patterns (patterns=True)"
    for field, value in [*facts.items(), *(("note", note) for note in camera.notes)]:
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        text = "not given by the source" if value is None else shown
        for number, line in enumerate(wrap(text, 91, break_long_words=False, break_on_hyphens=False)):
            say(f"{'' if number else field:8s} {line}")
    settings = curves.show(camera)
    drawn = curves.curves(camera, settings)
    if drawn:
        plain = "utf" not in (sys.stdout.encoding or "").lower()
        for line in ("", *curves.table(settings, drawn), "", *curves.sparklines(drawn, plain=plain)):
            say(line)
    if not all(setting.stated for setting in settings):
        say("* beyond what the source states: --extrapolate")
    if out is not None:
        save_png(curves.picture(camera, drawn), out)
        say(f"{out}: curves of {camera.name}")
