"""The samples of one shard, read and judged by nothing but their bytes and the recipe."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from camnoise.sample import Sample
from camnoise.value import sentence

from . import digests, npy
from .exposures import clean, record, stored_dtype
from .images import decode
from .mosaics import RawScene, Scene
from .plan import Form
from .recipe import Recipe
from .records import Member
from .tar import Found, read_members

Header = tuple[str, tuple[int, ...]]  # dtype and shape


def read_samples(path: Path) -> Iterator[tuple[str, list[Found]]]:
    """Walks a tar, sample by sample: neighboring members with one key. Raises as `read_members`."""
    for key, found in groupby(read_members(path), key=lambda one: one.key):
        yield key, list(found)


def check_sample(key: str, found: list[Found], form: Form, recipe: Recipe) -> tuple[list[Member], list[str]]:
    """The index rows that a sample should have, and what is wrong with it.

    The record and the clean view are made again and must be equal to the bit; of the noisy views only dtype and
    shape are compared.
    """
    by_field = {one.field: one.data for one in found}
    wanted = sorted([form, "json", "views.npy", *(["clean.npy"] if recipe.keeps_clean else [])])
    if [one.field for one in found] != wanted:
        return [], [f"sample {key} has {', '.join(one.field for one in found)}, wanted {', '.join(wanted)}"]
    try:
        sample = Sample.model_validate_json(by_field["json"])
    except ValidationError as error:
        return [], [f"{key}.json: {sentence(error)}"]
    try:
        pixels = npy.load(by_field[form]) if form == "scene.npy" else decode(by_field[form])
        headers = {field: npy.header(data)[:2] for field, data in by_field.items() if field.endswith(".npy")}
    except ValueError as error:
        return [], [f"sample {key}: {error}"]
    if (sample.input is not None) != recipe.mosaics:
        return [], [f"{key}.json: input is {sample.input!r}, and the source is {recipe.source}"]
    planes, kinds = (1, (np.uint16,)) if recipe.mosaics else (3, (np.uint8, np.uint16))
    if pixels.ndim != 3 or pixels.shape[0] != planes or pixels.dtype not in kinds:
        return [], [f"{key}.{form}: {pixels.dtype} of shape {pixels.shape} is not an image"]
    for field, (kind, sides) in headers.items():
        # A small file may decode to a large image; no work is done for a false one.
        if field != form and sides[-2:] != pixels.shape[1:]:
            return [], [f"{key}.{field}: {kind} of shape {sides}, the input has {pixels.shape[1:]}"]
    try:
        scene: Scene = pixels if sample.input is None else RawScene(pixels.astype(np.uint16, copy=False), sample.input)
        again = record(scene, sample.name, recipe, len(sample.parameters))
        faults = [f"{key}.json: {fault}" for fault in _record_faults(sample, key, again, by_field["json"])]
        faults += [f"{key}.{fault}" for fault in _array_faults(again, scene, headers, by_field, recipe)]
    except ValueError as error:
        return [], [f"sample {key}: the recipe cannot make it: {error}"]
    digest = digests.of_pixels(pixels)
    rows = []
    for one in found:
        dtype, shape = headers.get(one.field, (None, None))
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
                pixels=digest,
            )
        )
    return rows, faults


def _record_faults(sample: Sample, key: str, again: Sample, data: bytes) -> Iterator[str]:
    if sample.id != key:
        yield f"its id is {sample.id}"
    if again.id != sample.id:
        yield f"its id is not the hash of its name {sample.name!r}"
    if sample.size != again.size:
        yield f"size is {sample.size}, the input has {again.size}"
    said, wanted = sample.model_dump(), again.model_dump()
    for field in sorted(wanted.keys() - {"id", "size", "parameters"}):
        if said[field] != wanted[field]:
            yield f"{field} is {said[field]!r}, the recipe says {wanted[field]!r}"
    for view, (table, drawn) in enumerate(zip(sample.parameters, again.parameters, strict=False), start=1):
        for name in sorted(table.keys() | drawn.keys()):
            if table.get(name) != drawn.get(name):
                yield f"{name} of view {view} is {table.get(name)}, the recipe draws {drawn.get(name)}"
    if sample.dump() != data:
        yield "its JSON is not in canonical form"


def _array_faults(
    again: Sample, scene: Scene, headers: dict[str, Header], by_field: dict[str, bytes], recipe: Recipe
) -> Iterator[str]:
    image = clean(scene, again.name, recipe)
    wanted = {"views.npy": (stored_dtype(scene, recipe).str, (len(again.parameters), *image.shape))}
    if recipe.keeps_clean:
        wanted["clean.npy"] = ("<f4", image.shape)
    for field, (dtype, shape) in wanted.items():
        if headers[field] != (dtype, shape):
            yield f"{field}: {headers[field][0]} of shape {headers[field][1]}, wanted {dtype} of shape {shape}"
    fits = recipe.keeps_clean and headers["clean.npy"] == wanted["clean.npy"]
    if fits and npy.dump(image) != by_field["clean.npy"]:
        yield "clean.npy: its values are not those that the recipe gives"
