"""Proves a folder of shards: every digest, every count, every member, every record."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from camnoise.value import sentence

from .files import PARTIAL
from .index import INDEX_SCHEMA, QUARANTINE_SCHEMA, index_rows, quarantine_rows, read_table
from .inspect import check_sample, read_samples
from .reader import read_manifest
from .records import (
    INDEX,
    MANIFEST,
    QUARANTINE,
    FileRecord,
    Manifest,
    Member,
    Receipt,
    ShardRecord,
    receipt_name,
)

_CHUNK = 1 << 22


def verify(folder: Path, watch: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Yields one line per fault of a data set; nothing when it is what its manifest says.

    Every shard is digested and walked: its members are compared with its receipt, with the index, and with
    what the records and the decoded inputs say. `watch` is called after each sample.

    Raises:
        ValueError: the folder holds no finished data set.
    """
    if not folder.is_dir():
        raise ValueError(f"{str(folder)!r} is not a folder")
    try:
        manifest = read_manifest(folder)
    except ValidationError as error:
        yield f"{MANIFEST}: {sentence(error)}"
        return
    yield from _manifest_faults(folder, manifest)
    receipts: list[Receipt] = []
    keys: dict[str, str] = {}
    for shard in manifest.shards:
        faults, receipt = _receipt_faults(folder, manifest, shard)
        yield from (f"{receipt_name(shard.name)}: {fault}" for fault in faults)
        if receipt is not None:
            receipts.append(receipt)
        yield from (f"{shard.name}: {fault}" for fault in _file_faults(folder / shard.name, shard))
        if (folder / shard.name).is_file():
            walked = _shard_faults(folder, manifest, shard, receipt, keys, watch)
            yield from (f"{shard.name}: {fault}" for fault in walked)
    if len(receipts) == len(manifest.shards):  # a missing one has been named; its rows would all be reported
        rows = [row for receipt in receipts for row in index_rows(receipt)]
        left_out = [row for receipt in receipts for row in quarantine_rows(receipt.quarantined)]
        yield from _table_faults(folder / INDEX, INDEX_SCHEMA, manifest.index, rows)
        yield from _table_faults(folder / QUARANTINE, QUARANTINE_SCHEMA, manifest.quarantine, left_out)


def file_sha256(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file."""
    digest, length = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            length += len(chunk)
    return length, digest.hexdigest()


def _manifest_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.recipe.sha256 != manifest.recipe_sha256:
        yield f"{MANIFEST}: the recipe's digest is not recipe_sha256"
    if manifest.recipe.noise_version != manifest.noise_version:
        yield f"{MANIFEST}: noise_version is {manifest.noise_version}, the recipe's {manifest.recipe.noise_version}"
    samples = sum(shard.samples for shard in manifest.shards)
    quarantined = sum(shard.quarantined for shard in manifest.shards)
    if (samples, quarantined) != (manifest.samples, manifest.quarantined):
        yield (
            f"{MANIFEST}: {manifest.samples} samples and {manifest.quarantined} quarantined, "
            f"the shards have {samples} and {quarantined}"
        )
    if samples + quarantined != manifest.inputs:
        yield f"{MANIFEST}: {manifest.inputs} inputs, the shards account for {samples + quarantined}"
    names = [shard.name for shard in manifest.shards]
    if names != [f"shard-{number:06d}.tar" for number in range(len(names))]:
        yield f"{MANIFEST}: the shards are not numbered from 0"
    for path in sorted(folder.iterdir()):
        if (path.suffix == ".tar" and path.name not in names) or path.suffix == PARTIAL:
            yield f"{path.name}: not in {MANIFEST}"


def _receipt_faults(folder: Path, manifest: Manifest, shard: ShardRecord) -> tuple[list[str], Receipt | None]:
    try:
        receipt = Receipt.model_validate_json((folder / receipt_name(shard.name)).read_bytes())
    except FileNotFoundError:
        return ["missing"], None
    except ValidationError as error:
        return [sentence(error)], None
    stated = ShardRecord(
        name=receipt.shard,
        nbytes=receipt.nbytes,
        sha256=receipt.sha256,
        spec_sha256=receipt.spec_sha256,
        samples=receipt.samples,
        quarantined=len(receipt.quarantined),
    )
    faults = _differences(stated, shard, MANIFEST)
    if receipt.recipe_sha256 != manifest.recipe_sha256:
        faults.append(f"recipe_sha256 is not that of {MANIFEST}")
    return faults, receipt


def _file_faults(path: Path, record: ShardRecord | FileRecord) -> Iterator[str]:
    if not path.is_file():
        yield "missing"
        return
    nbytes, sha256 = file_sha256(path)
    if nbytes != record.nbytes:
        yield f"{nbytes:,} bytes, {MANIFEST} says {record.nbytes:,}"
    elif sha256 != record.sha256:
        yield f"SHA-256 {sha256[:12]}…, {MANIFEST} says {record.sha256[:12]}…"


def _shard_faults(
    folder: Path,
    manifest: Manifest,
    shard: ShardRecord,
    receipt: Receipt | None,
    keys: dict[str, str],
    watch: Callable[[], None],
) -> Iterator[str]:
    rows: list[Member] = []
    samples = 0
    broken = False
    try:
        for key, found in read_samples(folder / shard.name):
            samples += 1
            if key in keys:
                yield f"sample {key} is also in {keys[key]}"
            keys[key] = shard.name
            members, faults = check_sample(key, found, manifest.form, manifest.recipe)
            yield from faults
            broken = broken or not members
            rows += members
            watch()
    except ValueError as error:
        yield str(error)
        broken = True
    if samples != shard.samples:
        yield f"{samples} samples, {MANIFEST} says {shard.samples}"
    elif receipt is not None and not broken:
        for is_, said in zip(rows, receipt.members, strict=False):
            yield from (f"{is_.key}.{is_.field}: {fault}" for fault in _differences(is_, said, "the receipt"))
        if len(rows) != len(receipt.members):
            yield f"{len(rows)} members, the receipt says {len(receipt.members)}"


def _table_faults(path: Path, schema: Any, record: FileRecord, wanted: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield from (f"{path.name}: {fault}" for fault in _file_faults(path, record))
    if not path.is_file():
        return
    try:
        rows = read_table(path, schema)
    except ValueError as error:
        yield f"{path.name}: {error}"
        return
    if len(rows) != len(wanted):
        yield f"{path.name}: {len(rows)} rows, the receipts have {len(wanted)}"
    for number, (row, said) in enumerate(zip(rows, wanted, strict=False)):
        for column in said:
            if row[column] != said[column]:
                yield f"{path.name}: row {number}, {column} is {row[column]!r}, the receipt says {said[column]!r}"


def _differences(is_: Member | ShardRecord, said: Member | ShardRecord, who: str) -> list[str]:
    stated = said.model_dump()
    return [
        f"{field} is {value}, {who} says {stated[field]}"
        for field, value in is_.model_dump().items()
        if value != stated[field]
    ]
