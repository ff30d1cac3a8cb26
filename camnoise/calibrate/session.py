"""A camera from folders of frames: reading, calibrating ISO by ISO, and what was missing."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..presets.measured import MeasuredCamera
from .facts import Facts, agreed
from .frames import Group, Shots, read_darks, read_flats
from .sensor import Calibration, calibrate, measured_camera
from .stacks import Stack

_SHORT = 0.1  # s; a sensor of 1 e-/s collects less than what read noise hides in that time


@dataclass(frozen=True)
class Session:
    """What folders gave.

    Attributes:
        camera: None where no ISO has both a gain and read noise.
        isos: of `calibrations`; None where it is not known.
        calibrations: one per ISO.
        facts: filter tile, bits and levels that were used.
        inputs: what was read, a sentence each, by names inside the folders.
        notes: what was left out, what is missing.
    """

    camera: MeasuredCamera | None
    isos: tuple[float | None, ...]
    calibrations: tuple[Calibration, ...]
    facts: Facts
    inputs: tuple[str, ...]
    notes: tuple[str, ...]


def measure(
    flats: Path | None,
    darks: Path | None,
    biases: Path | None = None,
    *,
    name: str,
    given: Facts,
    cfa_given: bool,
    iso: float | None = None,
    crop: int = 1024,
) -> Session:
    """Calibrates a camera from folders (`frames` says how they may be laid out).

    Args:
        flats, darks, biases: folders; None where there is none. Without biases the shortest darks serve.
        name: of the camera.
        given: what the caller knows; it goes before what files say.
        cfa_given: whether `given.cfa` counts, None being a monochrome sensor.
        iso: of frames that do not say theirs.
        crop: side of the middle of the frames that is used, pixels; 0 uses all.

    Raises:
        ValueError: nothing given, or folders that do not fit, see `frames`; bits or tile that nobody states.
    """
    if flats is None and darks is None and biases is None:
        raise ValueError(
            "no frames came, wanted --flats and --darks, which make a camera together (or --from for a single file)"
        )
    dark_shots = [
        read_darks(folder, what, iso=iso, crop=crop)
        for what, folder in (("biases", biases), ("darks", darks))
        if folder is not None
    ]
    dark_level = min((group.mean for shots in dark_shots for group in shots.groups), default=given.black)
    flat_shots = [] if flats is None else [read_flats(flats, iso=iso, crop=crop, black=dark_level)]
    every = [*flat_shots, *dark_shots]
    said = next((shots.facts for shots in every if shots.facts is not None), None)
    stacks = [(group.names[0], group.stack) for shots in every for group in shots.groups]
    facts, notes = agreed(said, stacks, given, cfa_given)
    _check_sizes(every)
    isos = sorted({group.iso for shots in every for group in shots.groups}, key=lambda one: one or 0.0)
    if len(isos) > 1 and None in isos:
        lost = next(g.names[0] for shots in every for g in shots.groups if g.iso is None)
        raise ValueError(f"{lost} does not say its ISO while others do, wanted --iso, or a folder named like iso800")
    notes += [note for shots in every for note in shots.notes]
    calibrations = tuple(_one(every, one, facts, notes) for one in isos)
    camera = None
    if any(c.point is not None for c in calibrations):
        camera = measured_camera(
            [c for c in calibrations if c.point is not None],
            name=name,
            title=facts.camera or name,
            source="calibrated from frames by camnoise",
            cfa=facts.cfa,
            bits=facts.bits or 16,
            black=facts.black,
            white=facts.white if facts.white is not None else float(2 ** (facts.bits or 16) - 1),
        )
    return Session(camera, tuple(isos), calibrations, facts, tuple(_inputs(every)), tuple(notes))


def _check_sizes(every: list[Shots]) -> None:
    for shots in every[1:]:
        if shots.size != every[0].size:
            sizes = ["{} x {}".format(*one.size) for one in (shots, every[0])]
            raise ValueError(
                f"frames of --{shots.what} have {sizes[0]} pixels, wanted the {sizes[1]} of --{every[0].what}"
            )


def _one(every: list[Shots], iso: float | None, facts: Facts, notes: list[str]) -> Calibration:
    """One ISO: the shortest darks are the biases."""
    at = {shots.what: [group for group in shots.groups if group.iso == iso] for shots in every}
    flats, biases = at.get("flats", []), at.get("biases", [])
    step = _step([group.stack for groups in at.values() for group in groups], facts.bits or 16)
    darks = sorted(at.get("darks", []), key=lambda group: group.seconds or 0.0)
    short: Group | None = next(iter(biases or darks), None)
    timed = [group for group in darks if group.seconds is not None]
    where = "" if iso is None else f" at ISO {iso:g}"
    if step > 1:
        notes.append(f"values come in steps of {step:g} DN{where}: the converter has fewer bits than the file")
    if short is not None and not biases and (short.seconds or 0.0) > _SHORT:
        notes.append(
            f"darks of {short.seconds:g} s serve as bias frames{where}: their dark current and hot pixels are inside "
            "black, read noise and DSNU"
        )
    if not flats:
        notes.append(f"no flats{where}: no gain, no PRNU, no full well, nothing in electrons")
    if short is None:
        notes.append(f"no darks{where}: no read noise, no row noise, no offsets, no DSNU")
    if len({group.seconds for group in timed}) < 2:
        notes.append(f"no darks of two exposure times{where}: no dark current")
        timed = []
    return calibrate(
        [group.stack for group in flats],
        None if short is None else short.stack,
        cfa=facts.cfa,
        bits=facts.bits or 16,
        exposures=[(group.seconds or 0.0, group.stack) for group in timed],
        black=facts.black,
        iso=iso,
        step=step,
    )


def _step(stacks: list[Stack], bits: int) -> float:
    """By how much values differ at least: more than 1 DN where files have more bits than the converter."""
    there = np.zeros(2**16, bool)
    for stack in stacks:
        for frame in stack:
            there |= np.bincount(frame.ravel(), minlength=2**16) > 0
    there[0] = False  # both ends of the range are where values are clipped to, on the grid of steps or not
    there[2**bits - 1 :] = False
    return float(max(np.gcd.reduce(np.diff(np.flatnonzero(there))), 1))


def _inputs(every: list[Shots]) -> list[str]:
    said = []
    for shots in every:
        for group in shots.groups:
            setting = "" if group.iso is None else f"ISO {group.iso:g}, "
            setting += "" if group.seconds is None else f"{group.seconds:g} s, "
            names = group.names[0] if len(group.names) == 1 else f"{group.names[0]} to {group.names[-1]}"
            count, rows, cols = group.stack.shape
            said.append(f"{shots.what}, {setting}mean {group.mean:.1f} DN: {count} frames of {rows} x {cols}, {names}")
    return said
