"""All estimators in turn: from stacks to the numbers of a camera."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..estimate import Estimate, ratio
from ..presets.measured import MeasuredCamera, Point, ReadNoise, seen
from ..presets.provenance import lacking
from .dark_current import DarkCurrent, dark_current
from .gain_branches import gain_laws
from .lines import LineNoise, line_noise, rounded
from .patterns import Bias, HotPixels, Pattern, color_bias, dsnu, hot_pixels, prnu
from .photon_transfer import CLIPPED, PhotonTransfer, photon_transfer
from .read_noise import ReadFit, read_noise
from .stacks import Stack, check_stack

_FULL = 0.98  # of the level where flats stand still: from there on a hot pixel is at its full well


@dataclass(frozen=True)
class Calibration:
    """What stacks at one ISO say of a camera.

    Attributes:
        point: the numbers; None without darks (no read noise) or without flats (no gain).
        transfer, read, lines, bias, dsnu, prnu, hot, dark: how they came about; None where nothing was given.
        black: raw DN, as given or measured; None without darks.
        notes: sentences on what was left out and what could not be determined.
        step: q of the converter, DN.
    """

    point: Point | None
    transfer: PhotonTransfer | None
    read: ReadFit | None
    lines: LineNoise | None
    bias: Bias | None
    dsnu: Pattern | None
    prnu: Pattern | None
    hot: HotPixels | None
    dark: DarkCurrent | None
    black: float | None
    notes: tuple[str, ...]
    step: float = 1.0


def calibrate(
    flats: Sequence[Stack],
    darks: Stack | None,
    *,
    cfa: str | None,
    bits: int,
    exposures: Sequence[tuple[float, Stack]] = (),
    black: float | None = None,
    iso: float | None = None,
    step: float = 1.0,
) -> Calibration:
    """Runs every estimator that the frames allow.

    Args:
        flats: one (frame, row, col) uint16 per level of light, two frames or more each; may be empty.
        darks: at the shortest exposure (bias frames), two frames or more; None where there are none.
        cfa: the tile at the frames' (0, 0); None for a monochrome sensor.
        bits: of the converter.
        exposures: (seconds, darks) at longer exposures, for the dark current.
        black: raw DN, nominal; None takes the mean of the darks.
        iso: of all frames.
        step: q of the converter, DN.

    Raises:
        TypeError, ValueError: stacks that are none, or nothing given at all.
    """
    if not flats and darks is None and not exposures:
        raise ValueError("no flats and no darks were given, wanted stacks of either")
    sizes = {stack.shape[1:] for stack in (*flats, *(() if darks is None else (darks,)), *(s for _, s in exposures))}
    if len(sizes) > 1:
        raise ValueError(f"frames are {' and '.join(f'{r}x{c}' for r, c in sorted(sizes))}, wanted one size")
    notes: list[str] = []
    read = lines = bias = fixed = response = hot = dark = transfer = None
    if darks is not None:
        check_stack(darks, "darks")
        cut = float((darks == 0).mean())
        if cut > CLIPPED:
            notes.append(
                f"read noise, row noise and bias are not identifiable: {cut:.2%} of the darks are 0, cut off by a "
                "camera that subtracts its own black"
            )
        else:
            lines = line_noise(darks, cfa=cfa)
            read = read_noise(darks, cfa=cfa, step=step)
            bias = color_bias(darks, lines, cfa=cfa, black=black, step=step)
            fixed = dsnu(darks, cfa=cfa, hot=hot_pixels(darks, cfa=cfa).mask)
            notes += [*read.notes, *bias.notes]
            if not read.identifiable:
                lines, fixed = lines.rounded(step), replace(fixed, strength=rounded(fixed.strength, step))
                notes.append(
                    "row noise, column noise and DSNU are known to half a step only: the noise of pixels is too small "
                    "to carry them over the converter's steps"
                )
    else:
        notes.append("no darks: read noise, row noise, color bias and DSNU cannot be determined")
    if flats:
        levels = [*flats, *(() if darks is None else (darks,))]
        transfer = photon_transfer(levels, cfa=cfa, bits=bits, step=step)
        notes += transfer.notes
    else:
        notes.append("no flats: the gain K and PRNU cannot be determined")
    K = transfer.K if transfer is not None else None
    if transfer is not None and K is not None and lines is not None and darks is not None:
        level = _half(transfer, len(flats), bits)
        if level is not None:
            try:
                response = prnu(flats[level], darks, cfa=cfa)
            except ValueError as error:  # one dark corner, or a lamp of one color
                notes.append(f"PRNU cannot be determined: {error}")
        else:
            notes.append("PRNU cannot be determined: no level of the flats is on the line")
    if exposures and K is not None:
        if len({time for time, _ in exposures}) > 1:
            dark = dark_current(exposures, cfa=cfa, K=K, step=step)
            notes += dark.notes
        else:
            notes.append("dark current cannot be determined: the darks have one exposure time")
        longest = max(exposures, key=lambda pair: pair[0])
        top = 2**bits - step
        if transfer is not None and transfer.saturation is not None:
            top = min(top, _FULL * transfer.saturation)
        hot = hot_pixels(longest[1], cfa=cfa, seconds=longest[0], K=K, top=top)
        if hot.clipped:
            notes.append(
                f"{hot.clipped} of {hot.mask.sum()} hot pixels are saturated in darks of {longest[0]:g} s: they count "
                "as at least that hot"
            )
    elif not exposures:
        notes.append("dark current and hot pixels cannot be determined: no darks of longer exposure")
    base = black if bias is None else bias.black
    well = None
    if transfer is not None and transfer.saturation is not None and K is not None and base is not None:
        level_ = transfer.saturation - base
        well = ratio(Estimate(value=level_, low=level_, high=level_), K)
    point = None
    if K is not None and read is not None and lines is not None and bias is not None and fixed is not None:
        point = Point(
            iso=iso,
            K=K,
            read=ReadNoise(law=read.chosen, sigma=read.sigma, shape=read.shape),
            sigma_row=lines.row,
            sigma_col=lines.fixed_column,
            sigma_col_temporal=lines.column,
            **_biases(bias),
            sigma_prnu=None if response is None else response.strength,
            sigma_dsnu=fixed.strength,
            dark_current=None if dark is None else dark.from_mean,
            dark_spread=None if dark is None else dark.spread,
            full_well=well,
            hot_fraction=None if hot is None else hot.fraction,
            hot_current=None if hot is None else hot.current,
        )
    return Calibration(point, transfer, read, lines, bias, fixed, response, hot, dark, base, tuple(notes), step)


def _half(transfer: PhotonTransfer, flats: int, bits: int) -> int | None:
    """The level nearest to half of the range that is on the line at all its sites."""
    bad = {point.level for point in transfer.points if point.left_out}
    means = {p.level: p.mean for p in transfer.points if p.level < flats and p.level not in bad}
    dark = min(point.mean for point in transfer.points)
    bright = {level: mean for level, mean in means.items() if mean > dark}
    if not bright:
        return None
    top = 2**bits - 1 if transfer.saturation is None else transfer.saturation
    return min(bright, key=lambda level: abs(bright[level] - (dark + top) / 2))


def _biases(bias: Bias) -> dict[str, Estimate]:
    """By the names of `Point`; greens that are all alike stand for both."""
    offset = dict(bias.offset)
    for green in ("G1", "G2"):
        if green not in offset and "G" in offset:
            offset[green] = offset["G"]
    wanted = ("R", "G1", "G2", "B")
    return {f"bias_{site}": offset[site] for site in wanted} if set(wanted) <= set(offset) else {}


def measured_camera(
    calibrations: Sequence[Calibration],
    *,
    name: str,
    title: str,
    source: str,
    cfa: str | None,
    bits: int,
    black: float | None = None,
    white: float | None = None,
) -> MeasuredCamera:
    """One camera from calibrations at one or more ISOs.

    Its black is the one given, else the mean of those that the calibrations have; where a calibration counted its
    offsets from another, they are moved. A monochrome sensor's offset is its black.

    Args:
        calibrations: one per ISO.
        name, title: as commands and people write it.
        source: where the frames come from.
        cfa, bits: as in `calibrate`.
        black, white: raw DN; None where they are not known.

    Raises:
        ValueError: no calibration has a point, an ISO is missing among several, or two have the same.
    """
    found = [c for c in calibrations if c.point is not None]
    if not found:
        raise ValueError(f"{name} has no flats with darks that give a gain, wanted them at one ISO or more")
    blacks = [c.black for c in found if c.black is not None]
    base = sum(blacks) / len(blacks) if black is None and blacks else black
    points = sorted((_moved(c, base) for c in found), key=lambda point: point.iso or 0.0)
    laws = gain_laws(points)
    isos = [point.iso for point in points if point.iso is not None]
    notes = [note for c in found for note in c.notes]
    steps = sorted({c.step for c in found})
    if len(steps) > 1:
        notes.append(f"the converter's step differs between ISOs, {steps}: the camera has that of {steps[0]:g} DN")
    if any(seen(p.sigma_col) and seen(p.sigma_col_temporal) for p in points):
        notes.append("columns have a fixed pattern and temporal noise: a simulation has only the larger of them")
    camera = MeasuredCamera(
        kind="measured",
        name=name,
        title=title,
        source=source,
        licence="the owner's own",
        units=f"K in DN per electron; deviations and biases in DN, {bits} bit, black-subtracted",
        cfa=cfa,
        bits=bits,
        black=base,
        white=white,
        iso_range=(isos[0], isos[-1]) if isos else None,
        notes=tuple(dict.fromkeys([*notes, *laws.notes])),
        points=tuple(points),
        branches=laws.branches,
        step=steps[0],
    )
    return camera.model_copy(update={"missing": lacking(camera, camera.sensor(isos[0] if isos else None))})


def _moved(calibration: Calibration, black: float | None) -> Point:
    """The point with its offsets counted from another black."""
    point = calibration.point
    if point is None:
        raise ValueError("a calibration without a point has no offsets to move")
    if black is None or calibration.black is None:
        return point
    by = calibration.black - black
    moved = {}
    for site in ("R", "G1", "G2", "B"):
        bias = getattr(point, f"bias_{site}")
        if bias is not None:
            moved[f"bias_{site}"] = Estimate(value=bias.value + by, low=bias.low + by, high=bias.high + by)
    return point.model_copy(update=moved)
