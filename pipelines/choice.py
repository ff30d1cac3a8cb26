"""What the options of a command ask for: which cameras, in which scheme, and whether that goes together."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple, TypeVar

from camnoise.domains import Demosaicing, Domain
from camnoise.views import REAL, scheme_named

from .camera import AnyCamera, Placed, Span, by_name, from_file, parse_span, preset
from .recipe import Recipe

_T = TypeVar("_T")
_SCHEME = "n2n"  # where none is asked for


@dataclass(frozen=True)
class Options:
    """The options of a command as they were given, by their names there; None where they were not.

    Camera and noise are given as often as the scheme has cameras; iso, ratio, black and white once for all cameras,
    or once for each.
    """

    camera: Sequence[str] | None = None
    iso: Sequence[str] | None = None
    ratio: Sequence[str] | None = None
    black: Sequence[float] | None = None
    white: Sequence[float] | None = None
    noise: Sequence[str] | None = None
    pipeline: Sequence[Path] | None = None
    scheme: str | None = None
    domain: Domain | None = None
    demosaic: Demosaicing | None = None
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
        iso: one per camera, none with cameras of the user's own.
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
            camera=tuple(self.options.camera or ()),
            iso=self.iso,
            pipeline=cameras[0],
            second=cameras[1],
            domain=self.placed[0].domain if self.placed else "srgb",
            demosaic=self.placed[0].demosaic if self.placed else None,
            scheme=self.scheme,
            seed=self.options.seed,
            epoch=self.options.epoch,
            body=self.options.body,
            samples_per_shard=samples_per_shard,
        )


def choose(options: Options, source: str) -> Choice:
    """The cameras that the options name for a source's images.

    Args:
        options: of the command.
        source: its address; that of pairs has the noisy views itself.

    Raises:
        ValueError: options that exclude each other, that are missing or too many, or that say nothing.
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
    given = options.given("camera", "iso", "ratio", "black", "white")
    if options.pipeline and (given or options.noise):
        names = "--camera, --iso, --ratio, --black, --white or --noise"
        raise ValueError(f"--pipeline says the whole camera: no {names} beside it")
    if options.noise and given:
        raise ValueError(f"--noise came with {given[0]}, wanted a noise or a camera")
    named = len(options.camera or options.noise or options.pipeline or ())
    if not named:
        raise ValueError("no camera: wanted --camera NAME with --iso N, --noise NAME, or --pipeline FILE")
    if named != plan.cameras:
        wanted = "two: --camera, --noise or --pipeline twice" if plan.cameras > 1 else "one"
        raise ValueError(f"scheme {plan} got {named} {'camera' if named == 1 else 'cameras'}, wanted {wanted}")
    if options.camera:
        return _calibrated(options, options.camera, str(plan))
    domain, demosaic = options.domain, options.demosaic
    if options.pipeline:
        placed = [from_file(one, domain=domain, demosaic=demosaic) for one in options.pipeline]
    else:
        placed = [by_name(one, domain=domain, demosaic=demosaic) for one in options.noise or ()]
    return Choice(options, str(plan), tuple(placed))


def _calibrated(options: Options, names: Sequence[str], scheme: str) -> Choice:
    if not options.iso:
        raise ValueError(f"camera {names[0]} has no ISO: wanted --iso N or --iso LO-HI")
    isos = [parse_span(text, "ISO") for text in _each(options.iso, names, "--iso")]
    ratios = [parse_span(text, "ratio") for text in _each(options.ratio or ["1"], names, "--ratio")]
    blacks = _each(options.black or [None], names, "--black")
    whites = _each(options.white or [None], names, "--white")
    placed = [
        preset(name, iso, ratio=ratio, domain=options.domain, demosaic=options.demosaic, black=black, white=white)
        for name, iso, ratio, black, white in zip(names, isos, ratios, blacks, whites, strict=True)
    ]
    return Choice(options, scheme, tuple(placed), tuple(isos))


def _each(values: Sequence[_T], cameras: Sequence[str], option: str) -> list[_T]:
    """One value per camera."""
    if len(values) not in (1, len(cameras)):
        raise ValueError(f"{option} came {len(values)} times, wanted it once, or once for each --camera")
    return [*values] if len(values) == len(cameras) else [*values] * len(cameras)
