"""The `camnoise` command. Every command calls what a user would call, and prints what it wrote and its seed.

Nothing heavy is imported before a command runs: `camnoise --help` must not wait for torch.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from .catalogue import cameras
from .files import save_png
from .measuring import calibrate, compare
from .terminal import complain, count, flushed, prepare, say, sentence_of, terminable

if TYPE_CHECKING:
    from .pipelines.recipe import Recipe

app = typer.Typer(
    name="camnoise",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

FAILED, WRONG_USE, NOT_VERIFIED, INTERRUPTED = 1, 2, 3, 130
_MOST_SHOWN = 8  # samples on a contact sheet

Cameras = Annotated[
    list[str] | None,
    typer.Option("--camera", help="See `camnoise cameras`, or a camera file of your own; for nrl given twice."),
]
Isos = Annotated[list[str] | None, typer.Option("--iso", help="One ISO, or LO-HI to draw one per image.")]
Extrapolate = Annotated[bool, typer.Option("--extrapolate", help="Allow an ISO beyond those that were measured.")]
Patterns = Annotated[
    bool, typer.Option("--patterns", help="With a camera file of your own: its PRNU, DSNU and full well too.")
]
Ratios = Annotated[
    list[str] | None,
    typer.Option("--ratio", help="Low light: how many times under-exposed, or LO-HI. Default: 1."),
]
Noises = Annotated[
    list[str] | None,
    typer.Option(
        "--noise",
        help="Instead of a camera: gaussian:LEVEL, uniform:LEVEL, stripes:LEVEL (8-bit units), poisson:LEVEL (events "
        "at white), speckle:LEVEL (variance), impulse:LEVEL, saltpepper:LEVEL (fraction), nlf:rcl, nlf:rcl_level, "
        "nlf:brooks, nlf:SHOT,READ or thesis; a LEVEL is a number or LO-HI; joined by +, ended by +clip or +8bit.",
    ),
]
Chains = Annotated[
    list[Path] | None,
    typer.Option("--pipeline", help="A Pipeline or Mixture as JSON, instead of --camera and --iso."),
]
SchemeText = Annotated[
    str | None,
    typer.Option(
        "--scheme",
        help="n2c: one view. n2n: two, same settings. n2n-free: settings of their own. nrl: two cameras. rcl: one. "
        "noisier[:ALPHA]: noise added once more. burst[:VIEWS[:REACH]]: the scene moves. real: those of pairs:. "
        "Default: n2n, and real with pairs:.",
    ),
]
Domain = Annotated[
    Literal["raw", "rgb", "srgb"] | None,
    typer.Option(help="A mosaic (default of cameras), three linear planes, or encoded values (default of --noise)."),
]
Demosaic = Annotated[
    Literal["bilinear", "malvar2004", "average", "menon2007"] | None,
    typer.Option(help="Make three planes of the mosaic again; average is for tiles that are not Bayer's."),
]
Unprocess = Annotated[
    bool,
    typer.Option("--unprocess", help="Undo a photograph's processing (tone curve, colors, white balance) first."),
]
Seed = Annotated[int, typer.Option(min=0, max=2**64 - 1, help="Of the noise.")]
Blacks = Annotated[
    list[float] | None,
    typer.Option("--black", help="Black level, DN, for a camera whose source gives none."),
]
Whites = Annotated[list[float] | None, typer.Option("--white", help="White level, DN, likewise.")]
Levels = Annotated[
    Path | None, typer.Option("--levels", help="A RAW file whose black and white levels are taken, likewise.")
]
Body = Annotated[str | None, typer.Option(help="Whose fixed pattern: a name, or per-sample. Default: each camera's.")]
Out = Annotated[Path, typer.Option(help="The PNG to write.")]


@app.callback(invoke_without_command=True)
def about(
    version: Annotated[bool, typer.Option("--version", help="Show the version and stop.", is_eager=True)] = False,
) -> None:
    """A camera in software: clean photographs in, physically right and reproducible noisy exposures out."""
    if version:
        from . import __version__

        say(f"camnoise {__version__}")
        raise typer.Exit


class _StoppedError(Exception):
    """Ctrl-C, with the sentence that says how to go on."""


@app.command()
def shard(
    source: Annotated[str, typer.Argument(help="folder:PATH, raw:PATH, pairs:PATH or sample:")],
    dest: Annotated[Path, typer.Argument(help="A new or empty folder, or one that holds this run unfinished.")],
    camera: Cameras = None,
    iso: Isos = None,
    ratio: Ratios = None,
    noise: Noises = None,
    pipeline: Chains = None,
    scheme: SchemeText = None,
    seed: Seed = 0,
    epoch: Annotated[int | None, typer.Option(min=0, max=2**64 - 1, help="Fresh noise of that epoch's own.")] = None,
    domain: Domain = None,
    demosaic: Demosaic = None,
    unprocess: Unprocess = False,
    black: Blacks = None,
    white: Whites = None,
    levels: Levels = None,
    extrapolate: Extrapolate = False,
    patterns: Patterns = False,
    body: Body = None,
    samples_per_shard: Annotated[int, typer.Option(min=1, max=1_000_000)] = 256,
) -> None:
    """Make WebDataset shards of noisy views from a collection of photographs, of RAW files, or of pairs."""
    from .pipelines.address import parse
    from .pipelines.choice import Options, choose
    from .pipelines.exposures import make_sample
    from .pipelines.mosaics import darkness
    from .pipelines.run import finished_shards, run
    from .views import scheme_named

    images = parse(source)
    options = Options(
        camera=camera,
        iso=iso,
        ratio=ratio,
        black=black,
        white=white,
        levels=levels,
        noise=noise,
        pipeline=pipeline,
        scheme=scheme,
        domain=domain,
        demosaic=demosaic,
        unprocess=unprocess,
        extrapolate=extrapolate,
        patterns=patterns,
        seed=seed,
        epoch=epoch,
        body=body,
    )
    recipe = choose(options, images.address).recipe(images.address, samples_per_shard)
    if recipe.cameras:  # one that cannot work fails here, at once
        make_sample(darkness(scheme_named(recipe.scheme).reach + 4, recipe.mosaics), "black", recipe)
    try:
        with terminable():
            outcome = run(images, recipe, dest)
    except KeyboardInterrupt:
        raise _StoppedError(
            f"stopped: {finished_shards(dest)} shards in {str(dest)!r} are finished, "
            "and the same command goes on from there"
        ) from None
    manifest = outcome.manifest
    amount = f"{count(manifest.samples, 'sample')} in {count(len(manifest.shards), 'shard')}"
    made = f"{amount}, {manifest.form}, {_address(recipe)}"
    if outcome.built == 0:
        say(f"{dest}: finished already, checked: {made}")
    else:
        kept = f" (kept from before: {count(outcome.kept, 'shard')})" if outcome.kept else ""
        say(f"{dest}: {made}{kept}")
    if manifest.quarantined:
        every = "all" if manifest.samples == 0 else f"{manifest.quarantined:,}"
        say(f"{dest}: {every} of {manifest.inputs:,} images are quarantined, with reasons in quarantine.parquet")
    if manifest.samples == 0:
        raise typer.Exit(FAILED)  # a script must not take an empty data set for a made one


@app.command()
def verify(dest: Annotated[Path, typer.Argument(help="A finished data set.")]) -> None:
    """Prove a data set: every digest, count, member and record. Exit code 3 when it fails.

    Files of other names that somebody put beside it are not looked at.
    """
    from .pipelines.progress import Watch
    from .pipelines.reader import read_manifest
    from .pipelines.verify import verify as faults

    with Watch("verifying", None) as watch:
        found = list(faults(dest, watch.one))
    for fault in found:
        say(fault)
    if found:
        complain(f"{str(dest)!r} fails its check: {count(len(found), 'finding')}")
        raise typer.Exit(NOT_VERIFIED)
    manifest = read_manifest(dest)
    say(f"{dest}: {count(manifest.samples, 'sample')} in {count(len(manifest.shards), 'shard')}: as the manifest says")


@app.command()
def preview(
    image: Annotated[Path, typer.Argument(help="A PNG, JPEG, TIFF or RAW file.")],
    out: Out,
    camera: Cameras = None,
    iso: Isos = None,
    ratio: Ratios = None,
    noise: Noises = None,
    pipeline: Chains = None,
    scheme: SchemeText = None,
    seed: Seed = 0,
    domain: Domain = None,
    demosaic: Demosaic = None,
    unprocess: Unprocess = False,
    black: Blacks = None,
    white: Whites = None,
    levels: Levels = None,
    extrapolate: Extrapolate = False,
    patterns: Patterns = False,
    panel: Annotated[int, typer.Option(min=32, max=4096, help="Side of the panels, pixels.")] = 400,
) -> None:
    """Write one image beside noisy views of it and a difference."""
    import stat

    import torch

    from .look import sheet
    from .pipelines.choice import Options, choose
    from .pipelines.contact import row
    from .pipelines.exposures import make_sample
    from .pipelines.images import decode, read_header
    from .pipelines.mosaics import RawScene
    from .pipelines.rawfiles import MOST_BYTES, decode_raw, too_large
    from .pipelines.raws import Raws
    from .pipelines.source import public_name

    source = Raws.address if image.suffix.lower() in Raws.suffixes else "preview:"
    options = Options(
        camera=camera,
        iso=iso,
        ratio=ratio,
        black=black,
        white=white,
        levels=levels,
        noise=noise,
        pipeline=pipeline,
        scheme=scheme,
        domain=domain,
        demosaic=demosaic,
        unprocess=unprocess,
        extrapolate=extrapolate,
        patterns=patterns,
        seed=seed,
    )
    if out.exists() and image.exists() and out.samefile(image):
        raise ValueError(f"--out {str(out)!r} is the image itself, wanted another file to write")
    try:
        found = image.stat()
        if not stat.S_ISREG(found.st_mode) and not image.is_dir():  # a pipe would wait for ever
            raise ValueError("is not a regular file")
        if source != Raws.address:
            with image.open("rb") as file:  # what is no image may be larger than the memory
                read_header(file)
        elif found.st_size > MOST_BYTES:
            raise ValueError(too_large(found.st_size))
        pixels = (decode_raw if source == Raws.address else decode)(image.read_bytes())
    except OSError as error:
        raise ValueError(f"image {str(image)!r} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ValueError(f"image {str(image)!r}: {error}") from error
    chosen = choose(options, source, own=pixels.input if isinstance(pixels, RawScene) else None)
    recipe = chosen.recipe(source)
    made = make_sample(pixels, public_name(image.name), recipe)  # the name as `folder:` would have it
    shown = row(made.record, recipe, torch.from_numpy(made.clean), made.normalized, chosen.title)
    save_png(sheet([shown], panel), out)
    say(f"{out}: {chosen.title}, seed {seed}")


@app.command()
def look(
    dest: Annotated[Path, typer.Argument(help="A finished data set.")],
    out: Out,
    samples: Annotated[int, typer.Option(min=1, max=64, help="How many, spread over the data set.")] = _MOST_SHOWN,
    panel: Annotated[int, typer.Option(min=32, max=4096, help="Side of the panels, pixels.")] = 320,
) -> None:
    """Write a contact sheet of a data set: clean, views and difference of several samples."""
    from .look import sheet
    from .pipelines.contact import row
    from .pipelines.reader import Shards

    shards = Shards(dest)
    if not shards.keys:
        raise ValueError(f"{str(dest)!r} holds no sample: all its images are quarantined")
    step = max(1, len(shards) // samples)
    recipe = shards.manifest.recipe
    rows = [
        row(shards.sample(key), recipe, shards.clean(key), shards.views(key)) for key in shards.keys[::step][:samples]
    ]
    save_png(sheet(rows, panel), out)
    say(f"{out}: {len(rows)} of {count(len(shards), 'sample')}, {_address(recipe)}")


for command in (cameras, calibrate, compare):
    app.command()(command)


def main() -> NoReturn:
    """Runs a command; whatever goes wrong is one sentence on standard error."""
    prepare()
    code = run_command(sys.argv[1:])
    sys.exit(code if flushed() else code or FAILED)


def run_command(arguments: list[str]) -> int:
    """Runs one command line; returns its exit code."""
    try:
        if "" in arguments:  # `shard folder:photos "$UNSET"` must not write into the current folder
            raise ValueError("an argument is empty: is a variable of the shell not set?")
        if not arguments:
            app(["--help"], prog_name="camnoise", standalone_mode=False)
            return WRONG_USE
        code = app(arguments, prog_name="camnoise", standalone_mode=False)
        if code == INTERRUPTED:  # typer's word for Ctrl-C
            complain("stopped")
        return code if isinstance(code, int) else 0
    except _StoppedError as stopped:
        complain(str(stopped))
        return INTERRUPTED
    except (ValueError, TypeError, OSError, ImportError, MemoryError) as error:
        complain(sentence_of(error))
        return FAILED
    except Exception as error:
        if hasattr(error, "format_message"):  # typer's own: an unknown option, a value that is missing
            complain(str(error.format_message()))
            return WRONG_USE
        if os.environ.get("CAMNOISE_DEBUG"):
            raise
        complain(f"{type(error).__name__}: {error} (this is a fault of camnoise; CAMNOISE_DEBUG=1 shows where)")
        return FAILED


def _address(recipe: "Recipe") -> str:
    return f"seed {recipe.seed}" if recipe.cameras else "real views"


if __name__ == "__main__":
    main()
