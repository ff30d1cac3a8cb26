"""One shard: a pure function of its inputs and its recipe, from any process, in any order."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

from . import digests, npy
from .address import parse
from .exposures import make_sample, pair_sample
from .files import committed, write
from .images import Pixels, decode
from .mosaics import Scene, array_of
from .plan import Form, Input, ShardSpec
from .rawfiles import decode_raw
from .recipe import Recipe
from .records import Member, Quarantined, Receipt, Stage, receipt_name
from .source import File, Source, opened
from .tar import TarWriter

_PACKAGES = ("camnoise", "numpy", "pillow", "torch")
_S = TypeVar("_S")


class _RefusedError(Exception):
    """An input that gives no sample; carries its row of the quarantine."""

    def __init__(self, row: Quarantined) -> None:
        self.row = row


def build_shard(spec: ShardSpec, watch: Callable[[], None] = lambda: None) -> Receipt:
    """Builds a shard and its receipt in the spec's folder; both appear whole or not at all.

    Args:
        spec: what to build.
        watch: called after every input.

    Raises:
        OSError: the disk is full or lost.
        SourceError: the place of the inputs is; an input that is gone or has another length is quarantined.
    """
    folder, source = Path(spec.folder), parse(spec.location)
    receipt_path = folder / receipt_name(spec.name)
    with suppress(FileNotFoundError):  # of a shard that is no longer what it was
        receipt_path.unlink()
    members: list[Member] = []
    quarantined: list[Quarantined] = []
    with committed(folder / spec.name) as file:
        tar = TarWriter(file)
        for one in spec.inputs:
            try:
                fields, digest = _fields(one, source, spec.form, spec.recipe)
            except _RefusedError as refused:
                quarantined.append(refused.row)
            else:
                for field, data in sorted(fields.items()):
                    offset = tar.add(f"{one.key}.{field}", data)
                    members.append(_member(one, field, data, offset, digest))
            watch()
        nbytes, sha256 = tar.close()
    receipt = Receipt(
        shard=spec.name,
        spec_sha256=spec.sha256,
        recipe_sha256=spec.recipe.sha256,
        nbytes=nbytes,
        sha256=sha256,
        inputs=spec.inputs,
        samples=len({member.key for member in members}),
        quarantined=tuple(quarantined),
        members=tuple(members),
        outside=spec.recipe.outside,
        versions=versions(spec.recipe),
    )
    write(receipt_path, receipt.dump())
    return receipt


def versions(recipe: Recipe) -> dict[str, str]:
    """Of what makes the bytes."""
    used = [*_PACKAGES, *(["rawpy"] if recipe.mosaics else []), *(["colour-demosaicing"] if recipe.outside else [])]
    made = {"python": platform.python_version(), **{name: version(name) for name in used}}
    if recipe.mosaics:
        import rawpy

        made["libraw"] = ".".join(map(str, rawpy.libraw_version))
    return made


def _fields(one: Input, source: Source, form: Form, recipe: Recipe) -> tuple[dict[str, bytes], str]:
    if one.refused is not None:
        raise _RefusedError(Quarantined(name=one.name, stage="header", reason=one.refused))
    data = _read(one, one.files[0], source)
    decoder: Callable[[bytes], Scene] = decode_raw if recipe.mosaics else decode
    scene = _decoded(one, one.files[0], data, decoder)
    pixels = array_of(scene)
    noisy = [_noisy(one, file, source, pixels) for file in one.noisy]
    with _stage("camera", one):  # such as a rate of electrons beyond what the laws cover
        made = pair_sample(pixels, noisy, one.name, recipe) if noisy else make_sample(scene, one.name, recipe)
    fields: dict[str, bytes] = {form: npy.dump(pixels) if form == "scene.npy" else data}
    fields |= {"views.npy": npy.dump(made.views), "json": made.record.dump()}
    if recipe.keeps_clean:
        fields["clean.npy"] = npy.dump(made.clean)
    return fields, digests.of_pixels(pixels)


def _read(one: Input, file: File, source: Source) -> bytes:
    """A file of an input."""
    with _stage("read", one, file):
        with opened(source, file.name) as opening:
            data = opening.read()
        if len(data) != file.size:
            raise ValueError(f"has {len(data):,} bytes, {file.size:,} when the run was planned")
    return data


def _decoded(one: Input, file: File, data: bytes, decoder: Callable[[bytes], _S]) -> _S:
    """What a file of an input holds."""
    with _stage("decode", one, file):
        return decoder(data)


def _noisy(one: Input, file: File, source: Source, clean: Pixels) -> Pixels:
    """A noisy view from the source, which fits its clean image."""
    pixels = _decoded(one, file, _read(one, file, source), decode)
    with _stage("pair", one, file):
        if (pixels.dtype, pixels.shape) != (clean.dtype, clean.shape):
            came, wanted = (f"{image.shape[1]} x {image.shape[2]} pixels of {image.dtype}" for image in (pixels, clean))
            raise ValueError(f"is {came}, its clean image {wanted}")
        if _is_gray(pixels) and not _is_gray(clean):
            raise ValueError("is gray, its clean image has colors")
    return pixels


def _is_gray(pixels: Pixels) -> bool:
    """Whether its three planes are one."""
    return bool((pixels[0] == pixels[1]).all() and (pixels[1] == pixels[2]).all())


@contextmanager
def _stage(stage: Stage, one: Input, file: File | None = None) -> Iterator[None]:
    """What goes wrong within concerns this input alone."""
    try:
        yield
    except ValueError as error:
        noisy = file is not None and file.name != one.name
        reason = f"noisy {file.name}: {error}" if noisy and file else str(error)
        raise _RefusedError(Quarantined(name=one.name, stage=stage, reason=reason)) from error


def _member(one: Input, field: str, data: bytes, offset: int, digest: str) -> Member:
    dtype, shape = npy.header(data)[:2] if field.endswith(".npy") else (None, None)
    return Member(
        key=one.key,
        field=field,
        offset=offset,
        nbytes=len(data),
        dtype=dtype,
        shape=shape,
        xxh3=digests.of_bytes(data),
        name=one.name,
        pixels=digest,
    )
