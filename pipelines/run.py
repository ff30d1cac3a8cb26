"""A whole run: a source and a recipe become a folder of shards, once."""

import errno
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from camnoise.darkframes import BankError
from camnoise.value import sentence

from .build import build_shard, versions
from .files import PARTIAL, file_sha256, irregular, locked, write
from .index import INDEX_SCHEMA, QUARANTINE_SCHEMA, index_rows, quarantine_rows, table
from .plan import Input, ShardSpec, common_form, inventory_sha256, plan, survey
from .progress import Watch
from .recipe import Recipe
from .records import (
    INDEX,
    MANIFEST,
    PLAN,
    QUARANTINE,
    FileRecord,
    Manifest,
    PlanRecord,
    Receipt,
    read_receipt,
    receipt_name,
)
from .source import Item, Source, SourceError
from .verify import verify

# Maps `build_shard` over specs, in any order; calls back after every input.
Engine = Callable[[Iterable[ShardSpec], Callable[[], None]], Iterator[Receipt]]


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes:
        manifest: of the finished data set.
        built, kept: shards made by this run, and shards that were there already.
    """

    manifest: Manifest
    built: int
    kept: int


def serial(specs: Iterable[ShardSpec], watch: Callable[[], None]) -> Iterator[Receipt]:
    """Builds shards one after the other in this process; `watch` is called after every input."""
    for spec in specs:
        yield build_shard(spec, watch)


def run(source: Source, recipe: Recipe, folder: Path, *, engine: Engine = serial) -> Outcome:
    """Makes, continues or checks the data set of a source and a recipe in a folder.

    The first run decides which images the data set is made of: `plan.json` keeps their names, their sizes and
    what their headers say. A run that goes on keeps to that plan. An image that is gone by then, or has another
    length, is quarantined, as it would have been in one go; an image that is new belongs to another data set and
    is an error. A finished data set is checked and left; that it is one of these images is concluded from names
    and sizes, apart from images that its run found gone or changed, and from quarantined ones that were removed
    since. Contents are not compared with the source: an image that was overwritten by another of the same length
    goes unnoticed here.

    Raises:
        ValueError: the folder holds something else, or a finished data set that fails its check.
        SourceError: the source cannot be read.
        OSError: the folder cannot be written, or is full.
    """
    folder = folder.absolute()
    items = source.items()
    fresh = _survey(source, items) if _held(folder, recipe) is None else None  # refuse before what may be long
    shards = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            found = _held(folder, recipe)
            if isinstance(found, Manifest):
                (folder / PLAN).unlink(missing_ok=True)  # of a run that was killed between the two
                _sweep(folder, len(found.shards))
                _refuse_others(folder, _planned(folder, found, items), items)
                return _check(folder, found)
            if found is None:
                inputs = _survey(source, items) if fresh is None else fresh
                planned = PlanRecord(recipe=recipe, recipe_sha256=recipe.sha256, inputs=tuple(inputs))
            else:
                planned = found
                _refuse_others(folder, {file.name: None for one in planned.inputs for file in one.files}, items)
            specs = plan(planned.inputs, recipe, location=source.location, folder=str(folder))
            shards = len(specs)
            _sweep(folder, shards)
            if found is None:
                write(folder / PLAN, planned.dump())
            kept = [spec.number for spec in specs if _is_built(spec)]
            _build(specs, kept, engine)
            return Outcome(_finish(folder, specs, planned), built=len(specs) - len(kept), kept=len(kept))
    except OSError as error:
        raise _explained(error, folder, shards) from error


def finished_shards(folder: Path) -> int:
    """How many shards of a run have their receipt."""
    return len(list(folder.glob("shard-*.receipt.json")))


def _survey(source: Source, items: list[Item]) -> list[Input]:
    with Watch("reading headers", len(items)) as watch:
        return survey(source, items, watch.one)


def _held(folder: Path, recipe: Recipe) -> PlanRecord | Manifest | None:
    """Whose run the folder holds: None when it is empty or absent."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise ValueError(f"destination {str(folder)!r} is a file, wanted a folder or a name that is free")
    names = sorted(path.name for path in folder.iterdir())
    kind = Manifest if MANIFEST in names else PlanRecord
    name = MANIFEST if MANIFEST in names else PLAN
    if name not in names:
        if set(names) <= {PLAN + PARTIAL}:  # a run that was killed before it wrote anything
            return None
        raise ValueError(f"destination {str(folder)!r} holds something else ({names[0]!r}), wanted an empty folder")
    try:
        found = kind.model_validate_json((folder / name).read_bytes())
    except ValidationError as error:
        raise ValueError(f"destination {str(folder)!r} holds a {name} that is not ours: {sentence(error)}") from error
    if found.recipe_sha256 != recipe.sha256:
        differs = ", ".join(recipe.differences(found.recipe)) or "recipe_sha256"
        raise ValueError(
            f"destination {str(folder)!r} holds a run of another recipe ({differs}): choose another destination"
        )
    return found


def _planned(folder: Path, manifest: Manifest, items: Iterable[Item]) -> dict[str, int | None]:
    """The sizes that the files of a finished data set should have.

    None for those of images that its run found gone or changed, and of those that gave no sample and are gone by now.
    """
    here = _sizes(items)
    if inventory_sha256(items) == manifest.inventory_sha256:  # the receipts, which may be many, are not needed
        return {**here}
    sizes: dict[str, int | None] = {}
    for shard in manifest.shards:
        try:
            receipt = read_receipt(folder, shard.name)
        except (OSError, ValidationError):  # the check that follows will name it
            return {**here}
        left_out = {row.name: row.stage for row in receipt.quarantined}
        for one in receipt.inputs:
            for file in one.files:
                gone = one.name in left_out and (left_out[one.name] == "read" or file.name not in here)
                sizes[file.name] = None if gone else file.size
    return sizes


def _sizes(items: Iterable[Item]) -> dict[str, int]:
    return dict(file for item in items for file in item.files)


def _refuse_others(folder: Path, planned: dict[str, int | None], items: Iterable[Item]) -> None:
    """Compares names and sizes; a planned size of None may be anything, also of an image that is gone."""
    here = _sizes(items)
    others = [name for name in here if name not in planned]
    others += [name for name, size in planned.items() if size is not None and here.get(name) != size]
    if others:
        raise ValueError(
            f"destination {str(folder)!r} holds a run over other images ({len(planned):,} there, {len(here):,} here; "
            f"by name and size {len(others):,} differ, such as {min(others)!r}): choose another destination"
        )


def _check(folder: Path, manifest: Manifest) -> Outcome:
    with Watch("verifying", manifest.samples) as watch:
        findings = list(verify(folder, watch.one))
    if findings:
        raise ValueError(
            f"destination {str(folder)!r} holds this data set, finished, but it fails its check "
            f"({len(findings)} findings, the first: {findings[0]}): camnoise verify lists them; to make it again, "
            "remove the folder and give the same command"
        )
    return Outcome(manifest, built=0, kept=len(manifest.shards))


def _sweep(folder: Path, shards: int) -> None:
    """Removes what a killed run was writing; the lock is held, so nobody else is."""
    tars = [f"shard-{number:06d}.tar" for number in range(shards)]
    ours = {PLAN, MANIFEST, INDEX, QUARANTINE, *tars, *(receipt_name(tar) for tar in tars)}
    for path in folder.glob("*" + PARTIAL):
        if path.name.removesuffix(PARTIAL) in ours and not path.is_dir():
            path.unlink()


def _is_built(spec: ShardSpec) -> bool:
    """Whether the shard is there, whole and of this plan; if not it will be made again."""
    folder = Path(spec.folder)
    path = folder / spec.name
    if irregular(path) or irregular(folder / receipt_name(spec.name)):
        return False
    try:
        receipt = read_receipt(folder, spec.name)
    except ValidationError:
        return False
    return not any(receipt.disagreements(spec)) and file_sha256(path) == (receipt.nbytes, receipt.sha256)


def _build(specs: list[ShardSpec], kept: list[int], engine: Engine) -> None:
    total = sum(len(spec.inputs) for spec in specs)
    done = sum(len(specs[number].inputs) for number in kept)
    missing = [spec for spec in specs if spec.number not in set(kept)]
    with Watch("sharding", total, done) as watch:
        for _ in engine(missing, watch.one):
            pass


def _finish(folder: Path, specs: list[ShardSpec], planned: PlanRecord) -> Manifest:
    """Writes the tables, then the manifest, which makes the run a finished one."""
    shards = []
    with table(folder / INDEX, INDEX_SCHEMA) as index, table(folder / QUARANTINE, QUARANTINE_SCHEMA) as left_out:
        for spec in specs:
            receipt = read_receipt(folder, spec.name)
            index(index_rows(receipt))
            left_out(quarantine_rows(receipt.quarantined))
            shards.append(receipt.record())
    manifest = Manifest(
        noise_version=planned.recipe.noise_version,
        recipe=planned.recipe,
        recipe_sha256=planned.recipe_sha256,
        inputs=len(planned.inputs),
        inventory_sha256=inventory_sha256(planned.inputs),
        form=common_form(planned.inputs),
        samples=sum(shard.samples for shard in shards),
        quarantined=sum(shard.quarantined for shard in shards),
        shards=tuple(shards),
        index=_file_record(folder / INDEX),
        quarantine=_file_record(folder / QUARANTINE),
        outside=planned.recipe.outside,
        versions=versions(planned.recipe),
    )
    write(folder / MANIFEST, manifest.dump())
    (folder / PLAN).unlink(missing_ok=True)
    return manifest


def _file_record(path: Path) -> FileRecord:
    nbytes, sha256 = file_sha256(path)
    return FileRecord(nbytes=nbytes, sha256=sha256)


def _explained(error: OSError, folder: Path, shards: int) -> OSError:
    """The same error, saying where it happened and how to go on."""
    what = error.strerror or str(error)
    done = finished_shards(folder)
    rest = f"; {done} of {shards} shards are finished, and the same command goes on from there" if done else ""
    if isinstance(error, SourceError):
        return SourceError(error.errno, what + rest)
    if isinstance(error, BankError):
        return BankError(what + rest)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = f"there is no room left ({what.lower()})"
    if error.filename is not None:
        what += f" at {str(error.filename)!r}"
    return OSError(error.errno, f"destination {str(folder)!r} could not be written: {what}{rest}")
