"""What a run writes down: members, quarantined inputs, receipts and the manifest."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from camnoise.sample import canonical

from .plan import Form
from .recipe import SCHEMA_VERSION, Recipe

PLAN = "plan.json"  # there while a run is unfinished
MANIFEST = "manifest.json"  # there once it is finished
INDEX = "index.parquet"
QUARANTINE = "quarantine.parquet"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
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
    """An input that gave no sample. `stage` is where it failed: "header", "decode" or "camera"."""

    name: str
    stage: Literal["header", "decode", "camera"]
    reason: str


class Receipt(Record):
    """Written after a shard, and so the proof that the shard is whole."""

    schema_version: Literal[1] = SCHEMA_VERSION
    shard: ShardName
    spec_sha256: Sha256
    recipe_sha256: Sha256
    nbytes: Natural
    sha256: Sha256
    samples: Natural
    quarantined: tuple[Quarantined, ...]
    members: tuple[Member, ...]
    versions: dict[str, str]


class PlanRecord(Record):
    """Says whose run a folder holds. It is the whole manifest of a run that has not finished."""

    schema_version: Literal[1] = SCHEMA_VERSION
    recipe: Recipe
    recipe_sha256: Sha256
    inputs: Natural
    inventory_sha256: Sha256
    shards: Natural
    form: Form


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
    """A finished data set. The same inputs and recipe give the same bytes."""

    schema_version: Literal[1] = SCHEMA_VERSION
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
    versions: dict[str, str]


def receipt_name(shard: str) -> str:
    """The receipt's file name beside a shard's."""
    return shard.removesuffix(".tar") + ".receipt.json"
