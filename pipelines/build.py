"""One shard: a pure function of its inputs and its recipe, from any process, in any order."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from . import digests, npy
from .address import parse
from .exposures import make_sample
from .files import committed, write
from .images import decode
from .plan import Form, Input, ShardSpec
from .recipe import Recipe
from .records import Member, Quarantined, Receipt, Stage, receipt_name
from .source import Source, opened
from .tar import TarWriter

_PACKAGES = ("camnoise", "numpy", "pillow", "torch")


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
        versions=versions(),
    )
    write(receipt_path, receipt.dump())
    return receipt


def versions() -> dict[str, str]:
    """Of what made the bytes."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _fields(one: Input, source: Source, form: Form, recipe: Recipe) -> tuple[dict[str, bytes], str]:
    if one.refused is not None:
        raise _RefusedError(Quarantined(name=one.name, stage="header", reason=one.refused))
    with _stage("read", one):
        with opened(source, one.name) as file:
            data = file.read()
        if len(data) != one.size:
            raise ValueError(f"has {len(data):,} bytes, {one.size:,} when the run was planned")
    with _stage("decode", one):
        pixels = decode(data)
    with _stage("camera", one):  # such as a rate of electrons beyond what the laws cover
        made = make_sample(pixels, one.name, recipe)
    scene = npy.dump(pixels) if form == "scene.npy" else data
    arrays = {"views.npy": npy.dump(made.views), "clean.npy": npy.dump(made.clean)}
    return {form: scene, **arrays, "json": made.record.dump()}, digests.of_pixels(pixels)


@contextmanager
def _stage(stage: Stage, one: Input) -> Iterator[None]:
    """What goes wrong within concerns this input alone."""
    try:
        yield
    except ValueError as error:
        raise _RefusedError(Quarantined(name=one.name, stage=stage, reason=str(error))) from error


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
