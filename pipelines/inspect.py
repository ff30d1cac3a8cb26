"""Reads one shard without believing anything but its bytes."""

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from camnoise.keys import hex_id, sample_id
from camnoise.sample import Sample
from camnoise.value import sentence

from . import digests, npy, tar
from .images import Pixels, decode
from .plan import Form
from .recipe import Recipe
from .records import Member


@dataclass(frozen=True)
class Found:
    """One member as it lies in a tar."""

    field: str
    offset: int
    data: bytes


def read_samples(path: Path) -> Iterator[tuple[str, list[Found]]]:
    """Walks a tar, sample by sample: neighboring members with one key.

    Raises:
        ValueError: it is not a tar that we write.
    """
    key = ""
    found: list[Found] = []
    try:
        with tarfile.open(path, "r:") as archive:
            for info in archive:
                plain = (info.uid, info.gid, info.uname, info.gname, info.mtime, info.mode, info.pax_headers)
                if not info.isreg() or plain != (0, 0, tar.OWNER, tar.OWNER, 0, tar.MODE, {}):
                    raise ValueError(f"member {info.name!r} is not a plain USTAR file as we write them")
                file = archive.extractfile(info)
                if file is None:
                    raise ValueError(f"member {info.name!r} cannot be read")
                this, _, field = info.name.partition(".")
                if found and this != key:
                    yield key, found
                    found = []
                key = this
                found.append(Found(field, info.offset_data, file.read()))
    except (tarfile.TarError, EOFError) as error:
        raise ValueError(f"the tar cannot be read to its end: {error}") from error
    if found:
        yield key, found


def check_sample(key: str, found: list[Found], form: Form, recipe: Recipe) -> tuple[list[Member], list[str]]:
    """The index rows that a sample should have, and what is wrong with it."""
    by_field = {one.field: one.data for one in found}
    wanted = sorted([form, "clean.npy", "json", "views.npy"])
    if [one.field for one in found] != wanted:
        return [], [f"sample {key} has {', '.join(one.field for one in found)}, wanted {', '.join(wanted)}"]
    try:
        sample = Sample.model_validate_json(by_field["json"])
    except ValidationError as error:
        return [], [f"{key}.json: {sentence(error)}"]
    try:
        scene = npy.load(by_field[form]) if form == "scene.npy" else decode(by_field[form])
        shapes = {field: npy.header(data)[:2] for field, data in by_field.items() if field.endswith(".npy")}
    except ValueError as error:
        return [], [f"sample {key}: {error}"]
    faults = [f"{key}.json: {fault}" for fault in _record_faults(sample, key, by_field["json"], recipe)]
    faults += [f"{key}.{fault}" for fault in _shape_faults(sample, scene, shapes)]
    pixels = digests.of_pixels(scene)
    rows = []
    for one in found:
        dtype, shape = shapes.get(one.field, (None, None))
        rows.append(
            Member(
                key=key,
                field=one.field,
                offset=one.offset,
                nbytes=len(one.data),
                dtype=dtype,
                shape=shape,
                xxh3=digests.of_bytes(one.data),
                name=sample.name,
                pixels=pixels,
            )
        )
    return rows, faults


def _record_faults(sample: Sample, key: str, data: bytes, recipe: Recipe) -> Iterator[str]:
    if sample.id != key:
        yield f"its id is {sample.id}"
    if hex_id(sample_id(sample.name)) != sample.id:
        yield f"its id is not the hash of its name {sample.name!r}"
    stated = {
        "body": recipe.body,
        "seed": recipe.seed,
        "epoch": recipe.epoch,
        "views": recipe.scheme,
        "noise_version": recipe.noise_version,
        "domain": recipe.domain,
        "cfa": recipe.cfa,
        "origin": (0, 0),
    }
    for field, value in stated.items():
        if getattr(sample, field) != value:
            yield f"{field} is {getattr(sample, field)!r}, the recipe says {value!r}"
    if sample.dump() != data:
        yield "its JSON is not in canonical form"


def _shape_faults(sample: Sample, scene: Pixels, shapes: dict[str, tuple[str, tuple[int, ...]]]) -> Iterator[str]:
    if scene.ndim != 3 or scene.shape[0] != 3 or scene.dtype not in (np.uint8, np.uint16):
        yield f"scene.npy: {scene.dtype} of shape {scene.shape} is not an image"
    if scene.shape[-2:] != sample.size:
        yield f"json: size is {sample.size}, the input has {scene.shape[-2:]}"
    (clean_dtype, clean), (dtype, views) = shapes["clean.npy"], shapes["views.npy"]
    if clean_dtype != "<f4" or clean[1:] != sample.size:
        yield f"clean.npy: {clean_dtype} of shape {clean}, wanted <f4 of {sample.size}"
    if dtype not in ("<u2", "<f4") or views != (len(sample.parameters), *clean):
        yield f"views.npy: {dtype} of shape {views}, wanted {(len(sample.parameters), *clean)}"
