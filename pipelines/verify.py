"""Proves a folder of shards: every digest, every count, every member, every record."""

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from camnoise.value import sentence

from .files import PARTIAL, file_sha256, irregular
from .index import INDEX_SCHEMA, QUARANTINE_SCHEMA, index_rows, quarantine_rows, read_table
from .plan import common_form, inventory_sha256, plan
from .reader import read_manifest
from .records import (
    INDEX,
    MANIFEST,
    PLAN,
    QUARANTINE,
    FileRecord,
    Manifest,
    Member,
    Receipt,
    ShardRecord,
    read_receipt,
    receipt_name,
)
from .samples import check_sample, read_samples

_LIKE_OURS = re.compile(rf"shard-.*|.*\.receipt\.json|.*\.tar|.*{re.escape(PARTIAL)}|{re.escape(PLAN)}", re.DOTALL)


def verify(folder: Path, watch: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Yields one line per fault of a data set; nothing when it is what its manifest says.

    Every shard is digested and walked: its members are compared with its receipt, with the index, and with
    what the records, the decoded inputs and the recipe say. The plan is made again from the receipts' inputs.
    Not proven are the noisy views' values beyond their digests, and the names that the user gave the camera
    and its ISO. Of real views that leaves open whether they show their clean image, and what files they were
    decoded from: names and sizes of those are in the plan, their bytes are not kept. Of RAW files it leaves open
    what is said of the shot: white balance, color matrix, ISO; and the filter tile, where all black levels are one and
    the views stay a mosaic. `watch` is called after each sample.

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
    yield from (f"{MANIFEST}: {fault}" for fault in _manifest_faults(folder, manifest))
    yield from _strangers(folder, manifest)
    receipts: list[Receipt] = []
    keys: dict[str, str] = {}
    for shard in manifest.shards:
        receipt, faults = _receipt(folder, shard)
        if receipt is not None:
            receipts.append(receipt)
        yield from (f"{receipt_name(shard.name)}: {fault}" for fault in faults)
        walked = _file_faults(folder / shard.name, shard, _shard_faults(folder, manifest, shard, receipt, keys, watch))
        yield from (f"{shard.name}: {fault}" for fault in walked)
    if len(receipts) == len(manifest.shards):  # a missing one has been named; its rows would all be reported
        yield from _plan_faults(manifest, receipts)
        rows = [row for receipt in receipts for row in index_rows(receipt)]
        left_out = [row for receipt in receipts for row in quarantine_rows(receipt.quarantined)]
        for name, schema, said, wanted in (
            (INDEX, INDEX_SCHEMA, manifest.index, rows),
            (QUARANTINE, QUARANTINE_SCHEMA, manifest.quarantine, left_out),
        ):
            walked = _file_faults(folder / name, said, _row_faults(folder / name, schema, wanted))
            yield from (f"{name}: {fault}" for fault in walked)


def _manifest_faults(folder: Path, manifest: Manifest) -> Iterator[str]:
    if (folder / MANIFEST).read_bytes() != manifest.dump():
        yield "its JSON is not in canonical form"
    if manifest.recipe.sha256 != manifest.recipe_sha256:
        yield "the recipe's digest is not recipe_sha256"
    if manifest.recipe.noise_version != manifest.noise_version:
        yield f"noise_version is {manifest.noise_version}, the recipe's {manifest.recipe.noise_version}"
    if manifest.recipe.outside != manifest.outside:
        yield f"outside is {manifest.outside}, the recipe's {manifest.recipe.outside}"
    samples = sum(shard.samples for shard in manifest.shards)
    quarantined = sum(shard.quarantined for shard in manifest.shards)
    if (samples, quarantined) != (manifest.samples, manifest.quarantined):
        yield (
            f"{manifest.samples} samples and {manifest.quarantined} quarantined, "
            f"the shards have {samples} and {quarantined}"
        )
    if samples + quarantined != manifest.inputs:
        yield f"{manifest.inputs} inputs, the shards account for {samples + quarantined}"
    if [shard.name for shard in manifest.shards] != [f"shard-{n:06d}.tar" for n in range(len(manifest.shards))]:
        yield "the shards are not numbered from 0"


def _strangers(folder: Path, manifest: Manifest) -> Iterator[str]:
    """Files that a reader might take for a part of the data set."""
    shards = {shard.name for shard in manifest.shards}
    known = {MANIFEST, INDEX, QUARANTINE, *shards, *(receipt_name(shard) for shard in shards)}
    for path in sorted(folder.iterdir()):
        if path.name not in known and _LIKE_OURS.fullmatch(path.name):
            yield f"{path.name}: not in {MANIFEST}"
    wrong = irregular(folder / MANIFEST)
    if wrong is not None:
        yield f"{MANIFEST}: {wrong}"


def _receipt(folder: Path, shard: ShardRecord) -> tuple[Receipt | None, list[str]]:
    path = folder / receipt_name(shard.name)
    try:
        wrong = irregular(path)
        if wrong is not None:
            return None, [wrong]
        receipt = read_receipt(folder, shard.name)
        faults = _differences(receipt.record(), shard, MANIFEST)
        if path.read_bytes() != receipt.dump():
            faults.append("its JSON is not in canonical form")
        return receipt, faults
    except OSError as error:
        return None, [_unreadable(error)]
    except ValidationError as error:
        return None, [sentence(error)]


def _plan_faults(manifest: Manifest, receipts: Sequence[Receipt]) -> Iterator[str]:
    inputs = [one for receipt in receipts for one in receipt.inputs]
    if inventory_sha256(inputs) != manifest.inventory_sha256:
        yield f"{MANIFEST}: inventory_sha256 is not the digest of the receipts' inputs"
    if common_form(inputs) != manifest.form:
        yield f"{MANIFEST}: form is {manifest.form}, the receipts' inputs make it {common_form(inputs)}"
    try:
        specs = plan(inputs, manifest.recipe)
    except ValueError as error:
        yield f"{MANIFEST}: {error}"
        return
    if len(specs) != len(receipts):
        yield f"{MANIFEST}: {len(receipts)} shards, the receipts' inputs fill {len(specs)}"
    for receipt, spec in zip(receipts, specs, strict=False):
        yield from (f"{receipt_name(receipt.shard)}: {fault}" for fault in receipt.disagreements(spec))


def _file_faults(path: Path, said: ShardRecord | FileRecord, inner: Iterator[str]) -> Iterator[str]:
    """The faults of a file as a whole, then `inner`, those of its content, unless it cannot be read."""
    try:
        wrong = irregular(path)
        if wrong is not None:
            yield wrong
            return
        nbytes, sha256 = file_sha256(path)
        if nbytes != said.nbytes:
            yield f"{nbytes:,} bytes, {MANIFEST} says {said.nbytes:,}"
        elif sha256 != said.sha256:
            yield f"SHA-256 {sha256[:12]}…, {MANIFEST} says {said.sha256[:12]}…"
        yield from inner
    except OSError as error:
        yield _unreadable(error)


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


def _row_faults(path: Path, schema: Any, wanted: Sequence[dict[str, Any]]) -> Iterator[str]:
    try:
        rows = read_table(path, schema)
    except ValueError as error:
        yield str(error)
        return
    if len(rows) != len(wanted):
        yield f"{len(rows)} rows, the receipts have {len(wanted)}"
    for number, (row, said) in enumerate(zip(rows, wanted, strict=False)):
        for column in said:
            if row[column] != said[column]:
                yield f"row {number}, {column} is {row[column]!r}, the receipt says {said[column]!r}"


def _differences(is_: Member | ShardRecord, said: Member | ShardRecord, who: str) -> list[str]:
    stated = said.model_dump()
    return [
        f"{field} is {value}, {who} says {stated[field]}"
        for field, value in is_.model_dump().items()
        if value != stated[field]
    ]


def _unreadable(error: OSError) -> str:
    return f"cannot be read: {error.strerror or error}"
