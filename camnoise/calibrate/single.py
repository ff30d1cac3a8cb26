"""A camera from less: one RAW file's optical black and flat patches, its NoiseProfile, or a single photograph."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..estimate import Estimate
from ..presets.measured import MeasuredCamera, Point, ReadNoise
from ..presets.provenance import lacking
from ..vocabulary import NLF
from .blind import BlindFit, blind
from .optical_black import OpticalBlack, optical_black
from .patches import PatchTransfer, Rectangle, flat_patches
from .stacks import MONO, SITES, Array, tile_of

if TYPE_CHECKING:
    from ..raw import Raw

ROUNDING = 1 / 12  # DN^2, variance of a step of 1 DN
_STEEP = 3.5  # deviations that light may change by across a patch: the plane then spreads its values as noise does
UNITS = "DN of the raw file, black-subtracted; K in DN per electron; deviations; 95 % intervals"


@dataclass(frozen=True)
class Single:
    """What one frame says, each part None where the file does not have it.

    Attributes:
        name: of the file.
        raw: as read; None for a photograph that is no RAW.
        dark: of the largest optical-black margin.
        black: raw DN of each site, from the margin, or as the file states it.
        patches: of the flat parts.
        profile: of the file, as its maker wrote it; no interval, because none is stated.
        blind: of the whole photograph; only where the patches give no gain.
        point: the numbers, where there is a gain that can be true, and read noise.
        notes: sentences.
    """

    name: str
    raw: "Raw | None"
    dark: OpticalBlack | None
    black: tuple[float, ...]
    patches: PatchTransfer | None
    profile: tuple[NLF, ...] | None
    blind: BlindFit | None
    point: Point | None
    notes: tuple[str, ...]

    def nlf(self) -> NLF | None:
        """The noise level function, white = 1: the maker's (mean of its planes), or the photograph's.

        None where neither number of the photograph is above 0 for sure.
        """
        if self.profile:
            return NLF(*(float(np.mean([plane[i] for plane in self.profile])) for i in (0, 1)))
        if self.blind is None or self.blind.lambda_shot.low == self.blind.lambda_read.low == 0:
            return None
        return NLF(self.blind.lambda_shot.value, self.blind.lambda_read.value)

    def camera(self, name: str, title: str) -> MeasuredCamera:
        """A camera to simulate with.

        Raises:
            ValueError: there is no gain, or no read noise.
        """
        if self.point is None or self.raw is None:
            raise ValueError(f"{self.name} gives no camera: {'; '.join(self.notes)}")
        iso = self.raw.iso
        camera = MeasuredCamera(
            name=name,
            title=title,
            source=f"one frame, {self.name}",
            licence="the owner's own",
            units=UNITS,
            cfa=self.raw.cfa,
            bits=self.raw.bits,
            black=float(np.mean(self.black)),
            white=self.raw.white,
            iso_range=None if iso is None else (iso, iso),
            points=(self.point,),
            notes=self.notes,
        )
        return camera.model_copy(update={"missing": lacking(camera, camera.sensor())})


def from_raw(
    raw: "Raw", name: str, *, rectangles: Sequence[Rectangle] | None = None, means: tuple[float, float] | None = None
) -> Single:
    """Everything that one RAW file says of its noise.

    Read and row noise come from the optical black, the gain from flat patches (see `optical_black` and `flat_patches`
    for what a single frame cannot identify). Where the patches' variance without light and the optical black
    contradict each other, the patches are believed, because they are of the pixels that see the scene.

    Args:
        raw: as `read_raw` gives it.
        name: of the file, for notes.
        rectangles: (row, col, rows, cols) of flat patches; None finds them.
        means: of the patches that enter the fit, black-subtracted DN.

    Raises:
        ValueError: a rectangle that is none.
    """
    notes: list[str] = []
    dark, black = _dark(raw, notes)
    notes += not_flat(raw.mosaic, raw.cfa, rectangles or ())
    patches = flat_patches(raw.mosaic, cfa=raw.cfa, black=black, white=raw.white, rectangles=rectangles, means=means)
    notes += [f"gain: {note}" for note in patches.notes]
    guess = None
    if patches.K is None:
        notes.append("no gain from patches, so that the read noise is not known in electrons")
        try:
            guess = blind(_planes(raw, black))
            notes += [f"blind estimate: {note}" for note in guess.notes]
        except ValueError as error:
            notes.append(f"blind estimate: {error}")
    single = Single(name, raw, dark, black, patches, raw.noise_profile, guess, None, tuple(notes))
    point = _point(raw, dark, black, patches, notes)
    return replace(single, point=point, notes=tuple(notes))


def not_flat(mosaic: NDArray[Any], cfa: str | None, rectangles: Sequence[Rectangle]) -> list[str]:
    """A sentence for each patch across which a plane rises more than its pixels scatter.

    A surface is taken out of patches, so that mild shading does no harm; what is no flat field at all should be seen.

    Args:
        mosaic: (row, col) raw DN.
        cfa: the tile at its (0, 0); None for a monochrome sensor.
        rectangles: (row, col, rows, cols), inside the mosaic.
    """
    notes = []
    for row, col, rows, cols in rectangles:
        # Any phase of the tile will do: its places are looked at one by one.
        for _, values in tile_of(cfa).planes(mosaic[max(row, 0) : row + rows, max(col, 0) : col + cols]):
            if min(values.shape) < 2:
                continue
            plane = values.astype(np.float64)
            y, x = (
                each / plane.shape[i] - (1 - 1 / plane.shape[i]) / 2 for i, each in enumerate(np.indices(plane.shape))
            )
            down, right = (float((plane * each).sum() / (each**2).sum()) for each in (y, x))
            noise = max(float(np.diff(plane, axis=1).std()) / 2**0.5, 1e-9)
            rise = float(np.hypot(down, right))
            if rise > _STEEP * noise:
                notes.append(
                    f"the patch {row},{col},{rows},{cols} is not flat: its light changes by {rise:.3g} DN across it, "
                    f"and its pixels scatter by {noise:.3g} DN"
                )
                break
    return notes


def from_photograph(planes: Sequence[Array], name: str) -> Single:
    """The noise level function of a photograph that is no RAW file, see `blind`.

    Args:
        planes: (row, col) each, linear light, white = 1.
        name: of the file.

    Raises:
        ValueError: as `blind`.
    """
    guess = blind(planes)
    notes = ("no RAW file: the noise of a developed picture is neither white nor a line in its values", *guess.notes)
    return Single(name, None, None, (), None, None, guess, None, notes)


def _dark(raw: "Raw", notes: list[str]) -> tuple[OpticalBlack | None, tuple[float, ...]]:
    """The largest margin, and the black of each site."""
    for side in sorted(raw.masked, key=lambda one: -raw.masked[one].size):
        try:
            dark = optical_black(raw.masked[side])
        except ValueError as error:
            notes.append(f"{side} margin: {error}")
            continue
        notes += [f"optical black, {side} margin: {note}" for note in dark.notes]
        return dark, _sites(raw, side, dark)
    notes.append("the file has no usable optical black: black is the one that it states, row noise is not known")
    return None, raw.black


def _sites(raw: "Raw", side: str, dark: OpticalBlack) -> tuple[float, ...]:
    """Black of R, G1, G2, B (or the only one): the margin's 2x2 places under the names of the filter tile."""
    levels = [place.value for place in dark.black]
    tile = tile_of(raw.cfa)
    if (tile.rows, tile.cols) != (2, 2):
        return (float(np.mean(levels)),) * len(raw.black)
    down, right = (at - start for at, start in zip(raw.masked_at[side], raw.origin, strict=True))
    found = {place.site: levels[(place.row - down) % 2 * 2 + (place.col - right) % 2] for place in tile.places}
    return tuple(found[site] for site in SITES) if set(found) == set(SITES) else raw.black


def _planes(raw: "Raw", black: tuple[float, ...]) -> list[Array]:
    levels = dict(zip(SITES, black, strict=True)) if len(black) == len(SITES) else {MONO: black[0]}
    mean = float(np.mean(black))
    return [
        (plane.astype(np.float64) - levels.get(place.site, mean)) / (raw.white - levels.get(place.site, mean))
        for place, plane in tile_of(raw.cfa).planes(raw.mosaic)
    ]


def _point(
    raw: "Raw", dark: OpticalBlack | None, black: tuple[float, ...], patches: PatchTransfer, notes: list[str]
) -> Point | None:
    if patches.K is None or patches.offset is None:
        return None
    if patches.offset.high < 0:
        notes.append(
            f"no camera: the patches' variance without light is {patches.offset} DN², which cannot be below 0, so that "
            "their line and its gain are wrong (patches that are not flat, PRNU, another black)"
        )
        return None
    row = None if dark is None else dark.sigma_row
    column = None if dark is None else dark.sigma_col
    if dark is None:
        sigma = _less(patches.offset, ROUNDING).root()
        notes.append("read noise is the patches' variance without light: row noise and offsets of pixels are inside")
    else:
        sigma = _read_noise(dark, patches.offset, _darkest(patches), notes)
    if sigma.value == 0:
        notes.append("no camera: read noise is not identifiable, the variance without light is not above 0")
        return None
    bias: dict[str, Estimate | None] = {}
    if dark is not None and raw.cfa is not None and len(black) == len(SITES):
        reach = {place.value: (place.high - place.low) / 2 for place in dark.black}
        wide = max(reach.values())
        for site, level in zip(SITES, black, strict=True):
            value = level - float(np.mean(black))
            half = reach.get(level, wide)
            bias[f"bias_{site}"] = Estimate(value=value, low=value - half, high=value + half)
    read = ReadNoise(law="gaussian", sigma=sigma)
    return Point(iso=raw.iso, K=patches.K, read=read, sigma_row=row, sigma_col=column, **bias)


def _read_noise(dark: OpticalBlack, offset: Estimate, darkest: Estimate, notes: list[str]) -> Estimate:
    """That of the optical black, unless pixels that see some light are quieter than it."""
    lines = dark.sigma_row.value**2 + dark.sigma_col.value**2
    masked, lit = _less(_squared(dark.sigma), ROUNDING), _less(offset, ROUNDING + lines)
    if darkest.high < masked.low:
        sigma = lit.root()
        notes.append(
            f"the optical black has {dark.sigma} DN of pixel noise, but the darkest patches, light included, only "
            f"{darkest.root()}: the patches' line is believed, {sigma} DN without light"
        )
        return sigma
    if lit.high < masked.low or masked.high < lit.low:
        notes.append(
            f"the optical black has {dark.sigma} DN of pixel noise, the patches' line {lit.root()} without light: "
            "the optical black is believed, because PRNU bends the line"
        )
    return masked.root()


def _darkest(patches: PatchTransfer) -> Estimate:
    """Variance of the darkest tenth of the patches, DN^2."""
    used = np.flatnonzero(patches.used)
    first = used[np.argsort(patches.mean[used])][: max(len(used) // 10, 3)]
    error = float(np.sqrt((patches.error[first] ** 2).sum()) / len(first))
    return Estimate.of(float(patches.variance[first].mean()), error, least=0.0)


def _squared(deviation: Estimate) -> Estimate:
    return Estimate(value=deviation.value**2, low=deviation.low**2, high=deviation.high**2)


def _less(variance: Estimate, known: float) -> Estimate:
    return Estimate(value=variance.value - known, low=variance.low - known, high=variance.high - known)
