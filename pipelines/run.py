"""A whole run: a source and a recipe become a folder of shards, once."""

import errno
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from camnoise.value import sentence

from .build import build_shard, versions
from .files import PARTIAL, locked, write
from .index import INDEX_SCHEMA, QUARANTINE_SCHEMA, index_rows, quarantine_rows, write_table
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
    ShardRecord,
    receipt_name,
)
from .source import Source
from .verify import file_sha256, verify

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

    Raises:
        ValueError: the folder holds something else, or a finished data set that fails its check.
        OSError: the folder cannot be written, or is full.
    """
    folder = folder.absolute()
    _inspect(folder, recipe)  # refuse before the survey, which may be long
    inputs = _survey(source)
    specs = plan(inputs, recipe, location=source.location, folder=str(folder))
    wanted = _record(inputs, recipe, len(specs))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder):
            found = _inspect(folder, recipe)
            if found is not None and found.inventory_sha256 != wanted.inventory_sha256:
                raise ValueError(
                    f"destination {str(folder)!r} holds a run over other images ({found.inputs:,} there, "
                    f"{wanted.inputs:,} here, or of other sizes): choose another destination"
                )
            _sweep(folder)
            if isinstance(found, Manifest):
                return _check(folder, found)
            if found is None:
                write(folder / PLAN, wanted.dump())
            kept = [spec.number for spec in specs if _is_built(spec)]
            _build(specs, kept, engine)
            return Outcome(_finish(folder, specs, wanted), built=len(specs) - len(kept), kept=len(kept))
    except OSError as error:
        raise _explained(error, folder, specs) from error


def finished_shards(folder: Path) -> int:
    """How many shards of a run have their receipt."""
    return len(list(folder.glob("shard-*.receipt.json")))


def _survey(source: Source) -> list[Input]:
    total = len(source.items())
    with Watch("reading headers", total) as watch:
        return survey(source, watch.one)


def _inspect(folder: Path, recipe: Recipe) -> PlanRecord | Manifest | None:
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


def _record(inputs: list[Input], recipe: Recipe, shards: int) -> PlanRecord:
    return PlanRecord(
        recipe=recipe,
        recipe_sha256=recipe.sha256,
        inputs=len(inputs),
        inventory_sha256=inventory_sha256(inputs),
        shards=shards,
        form=common_form(inputs),
    )


def _check(folder: Path, manifest: Manifest) -> Outcome:
    with Watch("verifying", manifest.samples) as watch:
        findings = list(verify(folder, watch.one))
    if findings:
        raise ValueError(
            f"destination {str(folder)!r} holds this data set, finished, but it fails its check "
            f"({len(findings)} findings, the first: {findings[0]}): camnoise verify lists them"
        )
    return Outcome(manifest, built=0, kept=len(manifest.shards))


def _sweep(folder: Path) -> None:
    """Removes what a killed run was writing; the lock is held, so nobody else is."""
    for path in folder.glob("*" + PARTIAL):
        path.unlink()


def _is_built(spec: ShardSpec) -> bool:
    """Whether the shard is there, whole and of this plan; if not it will be made again."""
    path = Path(spec.folder) / spec.name
    try:
        receipt = read_receipt(spec)
        return receipt.spec_sha256 == spec.sha256 and file_sha256(path) == (receipt.nbytes, receipt.sha256)
    except (FileNotFoundError, ValidationError):
        return False


def read_receipt(spec: ShardSpec) -> Receipt:
    """The receipt of a shard. Raises FileNotFoundError or ValidationError."""
    return Receipt.model_validate_json((Path(spec.folder) / receipt_name(spec.name)).read_bytes())


def _build(specs: list[ShardSpec], kept: list[int], engine: Engine) -> None:
    total = sum(len(spec.inputs) for spec in specs)
    done = sum(len(specs[number].inputs) for number in kept)
    missing = [spec for spec in specs if spec.number not in set(kept)]
    with Watch("sharding", total, done) as watch:
        for _ in engine(missing, watch.one):
            pass


def _finish(folder: Path, specs: list[ShardSpec], planned: PlanRecord) -> Manifest:
    """Writes the tables, then the manifest, which makes the run a finished one."""
    write_table(folder / INDEX, INDEX_SCHEMA, (index_rows(read_receipt(spec)) for spec in specs))
    rejected = (quarantine_rows(read_receipt(spec).quarantined) for spec in specs)
    write_table(folder / QUARANTINE, QUARANTINE_SCHEMA, rejected)
    shards = tuple(_shard_record(read_receipt(spec)) for spec in specs)
    manifest = Manifest(
        noise_version=planned.recipe.noise_version,
        recipe=planned.recipe,
        recipe_sha256=planned.recipe_sha256,
        inputs=planned.inputs,
        inventory_sha256=planned.inventory_sha256,
        form=planned.form,
        samples=sum(shard.samples for shard in shards),
        quarantined=sum(shard.quarantined for shard in shards),
        shards=shards,
        index=_file_record(folder / INDEX),
        quarantine=_file_record(folder / QUARANTINE),
        versions=versions(),
    )
    write(folder / MANIFEST, manifest.dump())
    (folder / PLAN).unlink(missing_ok=True)
    return manifest


def _shard_record(receipt: Receipt) -> ShardRecord:
    return ShardRecord(
        name=receipt.shard,
        nbytes=receipt.nbytes,
        sha256=receipt.sha256,
        spec_sha256=receipt.spec_sha256,
        samples=receipt.samples,
        quarantined=len(receipt.quarantined),
    )


def _file_record(path: Path) -> FileRecord:
    nbytes, sha256 = file_sha256(path)
    return FileRecord(nbytes=nbytes, sha256=sha256)


def _explained(error: OSError, folder: Path, specs: list[ShardSpec]) -> OSError:
    """The same error, saying where it happened and how to go on."""
    what = error.strerror or str(error)
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        what = f"there is no room left ({what.lower()})"
    if error.filename is not None:
        what += f" at {str(error.filename)!r}"
    done = finished_shards(folder)
    rest = f"; {done} of {len(specs)} shards are finished, and the same command goes on from there" if done else ""
    return OSError(error.errno, f"destination {str(folder)!r} could not be written: {what}{rest}")
