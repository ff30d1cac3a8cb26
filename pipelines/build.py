"""One shard: a pure function of its inputs and its recipe, from any process, in any order."""

import platform
from collections.abc import Callable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from camnoise.keys import hex_id
from camnoise.sample import Sample

from . import digests, npy
from .address import parse
from .files import committed, write
from .images import Pixels, decode
from .plan import Form, Input, ShardSpec
from .recipe import Recipe
from .records import Member, Quarantined, Receipt, receipt_name
from .source import Source
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
        OSError: the disk is full or lost, or an input could not be read again.
        ValueError: an input has changed since the plan was made.
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
        samples=len({member.key for member in members}),
        quarantined=tuple(quarantined),
        members=tuple(members),
        versions=versions(),
    )
    write(receipt_path, receipt.dump())
    return receipt


def make_sample(pixels: Pixels, name: str, recipe: Recipe) -> tuple[Sample, NDArray[np.generic], NDArray[np.float32]]:
    """The record, the views and the clean view of one image.

    Args:
        pixels: (3, row, col), uint8 or uint16.
        name: the source's own; it addresses the noise.
        recipe: what to make.

    Returns:
        The record; the views (view, channel, row, col), uint16 raw DN when the camera ends in a converter,
        else float32; the clean view (channel, row, col), float32.
    """
    largest = torch.tensor(float(np.iinfo(pixels.dtype).max))
    image = (torch.from_numpy(pixels).to(torch.float32) / largest)[None]
    camera, raw = recipe.pipeline, recipe.pipeline.raw
    seed, epoch, body = recipe.seed, recipe.epoch, recipe.body
    dtype = torch.float32 if raw is None else torch.uint16
    made = (raw or camera).views(image, [name], scheme=recipe.scheme, seed=seed, epoch=epoch, body=body, dtype=dtype)
    clean = camera.clean(image, [name], seed=seed, epoch=epoch, body=body) if raw else made.clean
    tables = tuple(one.sample(0) for one in made.parameters)
    bits = tables[0].get("bits")
    sample = Sample(
        id=hex_id(int(made.ids[0])),
        name=name,
        body=recipe.body,
        parameters=tables,
        seed=recipe.seed,
        epoch=recipe.epoch,
        views=recipe.scheme,
        noise_version=recipe.noise_version,
        domain=recipe.domain,
        cfa=recipe.cfa,
        origin=(0, 0),
        size=(pixels.shape[1], pixels.shape[2]),
        bits=None if bits is None else int(bits),
        black=tables[0].get("black"),
        white=tables[0].get("white"),
        ratio=tables[0].get("ratio"),
    )
    return sample, made.views[:, 0].numpy(), clean[0].numpy()


def versions() -> dict[str, str]:
    """Of what made the bytes."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def _fields(one: Input, source: Source, form: Form, recipe: Recipe) -> tuple[dict[str, bytes], str]:
    if one.refused is not None:
        raise _RefusedError(Quarantined(name=one.name, stage="header", reason=one.refused))
    with source.open(one.name) as file:
        data = file.read()
    if len(data) != one.size:
        raise ValueError(f"input {one.name!r} has {len(data)} bytes, {one.size} when the run was planned")
    try:
        pixels = decode(data)
    except ValueError as error:
        raise _RefusedError(Quarantined(name=one.name, stage="decode", reason=str(error))) from error
    try:
        sample, views, clean = make_sample(pixels, one.name, recipe)
    except ValueError as error:  # such as a rate of electrons beyond what the laws cover
        raise _RefusedError(Quarantined(name=one.name, stage="camera", reason=str(error))) from error
    scene = npy.dump(pixels) if form == "scene.npy" else data
    fields = {form: scene, "views.npy": npy.dump(views), "clean.npy": npy.dump(clean), "json": sample.dump()}
    return fields, digests.of_pixels(pixels)


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
