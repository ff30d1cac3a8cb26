"""What the options of a command ask for: which cameras, in which scheme, and whether that goes together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypedDict, TypeVar

from camnoise import presets
from camnoise.domains import Demosaicing, Domain
from camnoise.presets import Levels
from camnoise.presets.measured import MeasuredCamera
from camnoise.views import REAL, scheme_named

from .camera import AnyCamera, Placed, Span, by_name, from_file, parse_span, preset
from .rawfiles import decode_raw
from .raws import Raws
from .recipe import Recipe

_T = TypeVar("_T")
_SCHEME = "n2n"  # where none is asked for


class _Way(TypedDict):
    """How images come to every camera, and what its views are."""

    domain: Domain | None
    demosaic: Demosaicing | None
    unprocess: bool
    mosaics: bool


@dataclass(frozen=True)
class Options:
    """The options of a command as they were given, by their names there; None where they were not.

    Camera and noise are given as often as the scheme has cameras; iso, ratio, black and white once for all cameras,
    or once for each; levels are those of a RAW file, for every camera that has none of its own.
    """

    camera: Sequence[str] | None = None
    iso: Sequence[str] | None = None
    ratio: Sequence[str] | None = None
    black: Sequence[float] | None = None
    white: Sequence[float] | None = None
    levels: Path | None = None
    noise: Sequence[str] | None = None
    pipeline: Sequence[Path] | None = None
    scheme: str | None = None
    domain: Domain | None = None
    demosaic: Demosaicing | None = None
    unprocess: bool = False
    extrapolate: bool = False
    patterns: bool = False
    seed: int = 0
    epoch: int | None = None
    body: str | None = None

    def given(self, *names: str) -> list[str]:
        """Those of the named options, or of all, that say something."""
        return [
            f"--{field.name}"
            for field in fields(self)
            if (field.name in names or not names) and getattr(self, field.name) not in (None, [], field.default)
        ]


class Choice(NamedTuple):
    """Cameras and a scheme that fit each other.

    Attributes:
        options: from which they follow.
        scheme: in its one spelling.
        placed: one camera, two for nrl, none for real.
        iso: one per camera; none with cameras of the user's own, and with those that have one setting.
    """

    options: Options
    scheme: str
    placed: tuple[Placed, ...]
    iso: tuple[Span, ...] = ()

    @property
    def title(self) -> str:
        """The cameras as a person calls them."""
        return " and ".join(one.title for one in self.placed)

    def recipe(self, source: str, samples_per_shard: int = 256) -> Recipe:
        """The recipe of these cameras. Raises ValueError where they do not fit."""
        cameras: list[AnyCamera | None] = [*(one.camera for one in self.placed), None, None]
        return Recipe(
            source=source,
            camera=tuple(one.camera.name for one in self.placed) if self.options.camera else (),
            iso=self.iso,
            extrapolate=self.options.extrapolate,
            pipeline=cameras[0],
            second=cameras[1],
            domain=self.placed[0].domain if self.placed else "srgb",
            demosaic=self.placed[0].demosaic if self.placed else None,
            unprocess=self.placed[0].unprocess if self.placed else False,
            scheme=self.scheme,
            seed=self.options.seed,
            epoch=self.options.epoch,
            body=self.options.body,
            samples_per_shard=samples_per_shard,
        )


def choose(options: Options, source: str, *, own: Levels | None = None) -> Choice:
    """The cameras that the options name for a source's images.

    Args:
        options: of the command.
        source: its address; that of pairs has the noisy views itself, that of RAW files has mosaics.
        own: levels of the one image, for cameras that have none where the options give none.

    Raises:
        ValueError: options that exclude each other, that are missing or too many, or that say nothing; no RAW file.
    """
    plan = scheme_named(options.scheme or (REAL.name if source == "pairs:" else _SCHEME))
    if source == "pairs:":
        beside = [option for option in options.given() if option != "--scheme"]
        if beside or not plan.real:
            wrong = f"scheme {plan}" if not plan.real else beside[0]
            raise ValueError(f"source pairs: came with {wrong}, but its noisy views are real and none are made")
        return Choice(options, str(plan), ())
    if plan.real:
        raise ValueError(f"scheme {plan} takes its views from the source, wanted pairs:PATH as the source")
    given = options.given("camera", "iso", "ratio", "black", "white", "levels", "extrapolate", "patterns")
    if options.pipeline and (given or options.noise):
        names = "--camera, --iso, --ratio, --black, --white, --levels, --extrapolate, --patterns or --noise"
        raise ValueError(f"--pipeline says the whole camera: no {names} beside it")
    if options.noise and given:
        raise ValueError(f"--noise came with {given[0]}, wanted a noise or a camera")
    named = len(options.camera or options.noise or options.pipeline or ())
    if not named:
        raise ValueError("no camera: wanted --camera NAME with --iso N, --noise NAME, or --pipeline FILE")
    if named != plan.cameras:
        wanted = "two: --camera, --noise or --pipeline twice" if plan.cameras > 1 else "one"
        raise ValueError(f"scheme {plan} got {named} {'camera' if named == 1 else 'cameras'}, wanted {wanted}")
    way: _Way = {
        "domain": options.domain,
        "demosaic": options.demosaic,
        "unprocess": options.unprocess,
        "mosaics": source == Raws.address,
    }
    if options.camera:
        return _calibrated(options, options.camera, str(plan), way, own)
    if options.pipeline:
        placed = [from_file(one, **way) for one in options.pipeline]
    else:
        placed = [by_name(one, **way) for one in options.noise or ()]
    return Choice(options, str(plan), tuple(placed))


def _calibrated(options: Options, names: Sequence[str], scheme: str, way: "_Way", own: Levels | None) -> Choice:
    given = [parse_span(text, "ISO") for text in _each(options.iso, names, "--iso")] if options.iso else []
    if not given:
        for known in map(presets.describe, names):
            if known.iso_range is not None and not isinstance(known, MeasuredCamera):
                raise ValueError(f"camera {known.name} has no ISO: wanted --iso N or --iso LO-HI")
    isos: Sequence[Span | None] = given or [None] * len(names)
    ratios = [parse_span(text, "ratio") for text in _each(options.ratio or ["1"], names, "--ratio")]
    blacks = _each(options.black or [None], names, "--black")
    whites = _each(options.white or [None], names, "--white")
    levels = _levels(options, names, own)
    beyond = {"extrapolate": options.extrapolate, "patterns": options.patterns}
    placed = [
        preset(name, iso, ratio=ratio, black=black, white=white, levels=level, **beyond, **way)
        for name, iso, ratio, black, white, level in zip(names, isos, ratios, blacks, whites, levels, strict=True)
    ]
    return Choice(options, scheme, tuple(placed), tuple(given))


def _levels(options: Options, names: Sequence[str], own: Levels | None) -> list[Levels | None]:
    """The levels of a RAW file for each camera that has none; None for the others, and where they are given."""
    stated = options.given("black", "white")
    if options.levels is None:
        levels = None if stated else own
    elif stated:
        raise ValueError(f"--levels came with {stated[0]}, wanted one or the other")
    else:
        levels = _of_file(options.levels)
    wants = [one.bits is not None and None in (one.black, one.white) for one in map(presets.describe, names)]
    if options.levels is not None and not any(wants):
        raise ValueError(f"--levels came with {' and '.join(names)}, wanted a camera whose source gives no levels")
    return [levels if want else None for want in wants]


def _of_file(path: Path) -> Levels:
    try:
        return decode_raw(path.read_bytes()).input
    except OSError as error:
        raise ValueError(f"--levels {str(path)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"--levels {str(path)!r}: {error}") from error


def _each(values: Sequence[_T], cameras: Sequence[str], option: str) -> list[_T]:
    """One value per camera."""
    if len(values) not in (1, len(cameras)):
        raise ValueError(f"{option} came {len(values)} times, wanted it once, or once for each --camera")
    return [*values] if len(values) == len(cameras) else [*values] * len(cameras)
