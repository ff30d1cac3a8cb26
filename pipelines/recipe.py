"""Everything that decides the bytes of a data set, apart from the images themselves."""

import hashlib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from camnoise.keys import NOISE_VERSION
from camnoise.pipeline import Pipeline
from camnoise.sample import canonical

from .camera import filter_tile

SCHEMA_VERSION: Literal[1] = 1  # of shards, manifests and receipts

U64 = Annotated[int, Field(ge=0, le=2**64 - 1)]


class Recipe(BaseModel):
    """What is made of every image.

    Attributes:
        schema_version: of the shards' format.
        noise_version: of the scheme of randomness.
        source: the source's address, without any path of the machine.
        camera, iso: what the user named, for the record; None with a pipeline of the user's own.
        pipeline: the whole camera, from decoded pixels to stored views.
        domain, demosaic: what the stored pixels are.
        scheme, seed, epoch, body: arguments of `Pipeline.views`; body is a name or "per-sample".
        store: "views" keeps the noisy views themselves.
        samples_per_shard: a shard's number of inputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = SCHEMA_VERSION
    noise_version: int = NOISE_VERSION
    source: str
    camera: str | None = None
    iso: float | tuple[float, float] | None = None
    pipeline: Pipeline
    domain: Literal["raw", "rgb", "srgb"] = "raw"
    demosaic: Literal["bilinear"] | None = None
    scheme: Literal["n2c", "n2n"] = "n2n"
    seed: U64 = 0
    epoch: U64 | None = None
    body: Annotated[str, Field(min_length=1)]
    store: Literal["views"] = "views"
    samples_per_shard: Annotated[int, Field(ge=1, le=1_000_000)] = 256

    def canonical(self) -> bytes:
        """One spelling of the recipe: equal recipes have equal bytes."""
        return canonical(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def cfa(self) -> str | None:
        """The filter tile at every frame's (0, 0), None where the camera has no mosaic."""
        return filter_tile(self.pipeline)

    def differences(self, other: "Recipe") -> list[str]:
        """The fields in which two recipes differ, each with both values where they are short."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        lines = []
        for name in sorted(mine):
            if mine[name] != theirs[name]:
                long = isinstance(mine[name], dict)
                lines.append(name if long else f"{name} {theirs[name]} there, {mine[name]} here")
        return lines
