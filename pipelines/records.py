"""What a run writes down: members, quarantined inputs, receipts and the manifest."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from camnoise.sample import canonical

from .plan import Form, Input, ShardSpec
from .recipe import SCHEMA_VERSION, Recipe

PLAN = "plan.json"  # there while a run is unfinished
MANIFEST = "manifest.json"  # there once it is finished
INDEX = "index.parquet"
QUARANTINE = "quarantine.parquet"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Stage = Literal["header", "read", "decode", "pair", "camera"]
Natural = Annotated[int, Field(ge=0)]
# A bare file name: no path, no URL and no webdataset `pipe:` gets through.
ShardName = Annotated[str, Field(pattern=r"^shard-[0-9]{6}\.tar$")]


class Record(BaseModel):
    """A value with one spelling as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def dump(self) -> bytes:
        return canonical(self.model_dump(mode="json")) + b"\n"


class Member(Record):
    """One file in a shard, and a row of the index.

    Attributes:
        key: of the sample.
        field: what follows the key's dot in the member's name.
        offset, nbytes: where its data lies in the tar.
        dtype, shape: of an `.npy`, None for other files.
        xxh3: xxh3_64 of its data, hex.
        name: the source's own name of the sample.
        pixels: xxh3_128 of the sample's decoded input: a decoder that differs is found, not suffered.
    """

    key: str
    field: str
    offset: Natural
    nbytes: Natural
    dtype: str | None
    shape: tuple[int, ...] | None
    xxh3: str
    name: str
    pixels: str


class Quarantined(Record):
    """An input that gave no sample.

    Attributes:
        name: the source's own.
        stage: where it failed. "header" is also a file whose pair is not complete. "read" is an image that was
            there when the run was planned and is gone since, or of another length. "pair" is a noisy image that
            does not fit its clean one.
        reason: in one sentence.
    """

    name: str
    stage: Stage
    reason: str


class Receipt(Record):
    """Written after a shard, and so the proof that the shard is whole.

    Attributes:
        inputs: all that was planned, from which anyone can make the spec and its digest again.
        samples: how many there are; with `quarantined` they account for every input.
        outside: what in the shard is outside the promise of the same bits on every machine, such as "menon2007".
        versions: of what made the shard.
    """

    schema_version: Literal[3] = SCHEMA_VERSION
    shard: ShardName
    spec_sha256: Sha256
    recipe_sha256: Sha256
    nbytes: Natural
    sha256: Sha256
    inputs: tuple[Input, ...]
    samples: Natural
    quarantined: tuple[Quarantined, ...]
    members: tuple[Member, ...]
    outside: tuple[str, ...] = ()
    versions: dict[str, str]

    def disagreements(self, spec: ShardSpec) -> Iterator[str]:
        """What this receipt says that the receipt of that spec would not."""
        if self.shard != spec.name:
            yield f"shard is {self.shard}"
        if self.recipe_sha256 != spec.recipe.sha256:
            yield "recipe_sha256 is not the digest of the recipe"
        if self.outside != spec.recipe.outside:
            yield f"outside is {self.outside}, the recipe's {spec.recipe.outside}"
        if self.inputs != spec.inputs:
            yield "its inputs are not those of the plan"
        if self.spec_sha256 != spec.sha256:
            yield "spec_sha256 is not the digest of its plan"
        names = {member.key: member.name for member in self.members}
        if self.samples != len(names):
            yield f"{self.samples} samples, its members belong to {len(names)}"
        refused = {(row.name, row.reason) for row in self.quarantined if row.stage == "header"}
        if refused != {(one.name, one.refused) for one in self.inputs if one.refused is not None}:
            yield "the inputs quarantined by their header are not those that the plan refuses"
        sizes = {one.key: one.size for one in self.inputs}
        originals = [one for one in self.members if one.field == spec.form != "scene.npy"]
        yield from (
            f"{one.key}.{one.field} has {one.nbytes} bytes, its input {sizes.get(one.key)}"
            for one in originals
            if one.nbytes != sizes.get(one.key)
        )
        counts = {one.key: len(one.noisy) for one in self.inputs if one.noisy}
        for one in self.members:
            if one.field == "views.npy" and one.shape and one.shape[0] != counts.get(one.key, one.shape[0]):
                yield f"{one.key}.{one.field} has {one.shape[0]} views, its input {counts[one.key]}"
        accounted = sorted([*names.values(), *(row.name for row in self.quarantined)])
        if accounted != sorted(one.name for one in self.inputs):
            yield "its samples and its quarantined inputs are not, each once, its inputs"

    def record(self) -> "ShardRecord":
        """What the manifest says of the shard."""
        return ShardRecord(
            name=self.shard,
            nbytes=self.nbytes,
            sha256=self.sha256,
            spec_sha256=self.spec_sha256,
            samples=self.samples,
            quarantined=len(self.quarantined),
        )


class PlanRecord(Record):
    """Says whose run a folder holds, and what is to be made, until its manifest does."""

    schema_version: Literal[3] = SCHEMA_VERSION
    recipe: Recipe
    recipe_sha256: Sha256
    inputs: tuple[Input, ...]


class ShardRecord(Record):
    """One shard in the manifest."""

    name: ShardName
    nbytes: Natural
    sha256: Sha256
    spec_sha256: Sha256
    samples: Natural
    quarantined: Natural


class FileRecord(Record):
    """One table in the manifest."""

    nbytes: Natural
    sha256: Sha256


class Manifest(Record):
    """A finished data set. The same inputs and recipe give the same bytes; on any machine, where `outside` is empty."""

    schema_version: Literal[3] = SCHEMA_VERSION
    noise_version: int
    recipe: Recipe
    recipe_sha256: Sha256
    inputs: Natural
    inventory_sha256: Sha256
    form: Form
    samples: Natural
    quarantined: Natural
    shards: tuple[ShardRecord, ...]
    index: FileRecord
    quarantine: FileRecord
    outside: tuple[str, ...] = ()
    versions: dict[str, str]


def read_receipt(folder: Path, shard: str) -> Receipt:
    """The receipt of a shard. Raises OSError or ValidationError."""
    return Receipt.model_validate_json((folder / receipt_name(shard)).read_bytes())


def receipt_name(shard: str) -> str:
    """The receipt's file name beside a shard's."""
    return shard.removesuffix(".tar") + ".receipt.json"
