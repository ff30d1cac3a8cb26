"""Everything that decides the bytes of a data set, apart from the images themselves."""

import hashlib
import re
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from camnoise.domains import Demosaicing, Domain, chains, domain_of, filter_tile, is_plain
from camnoise.keys import NOISE_VERSION
from camnoise.light import Linearize
from camnoise.mixture import Mixture
from camnoise.mosaic import Mosaic
from camnoise.pipeline import Pipeline
from camnoise.sample import SchemeName, canonical
from camnoise.unprocess import Unprocess
from camnoise.views import scheme_named

from .raws import Raws

SCHEMA_VERSION: Literal[3] = 3  # of shards, manifests and receipts

U64 = Annotated[int, Field(ge=0, le=2**64 - 1)]


class Recipe(BaseModel):
    """What is made of every image.

    Attributes:
        schema_version: of the shards' format.
        noise_version: of the scheme of randomness.
        source: the source's address, without any path of the machine.
        camera, iso, extrapolate: what the user named, for the record; one each per camera, none with cameras of the
            user's own, and no ISO with cameras that have one setting. extrapolate: whether beyond what was measured.
        pipeline: the whole camera, from decoded pixels to stored views; None where the source has the views. Of RAW
            files it is the sensor, and the tile of each file takes the place of its own.
        second: of nrl, the camera of the second view; None in all other schemes.
        domain, demosaic: what the stored pixels are.
        unprocess: whether photographs become camera light by `Unprocess`, in the place of `Linearize`.
        scheme, seed, epoch, body: arguments of the camera's `views`. body is a name, or "per-sample", or None:
            each camera's own.
        store: "views" keeps the noisy views themselves.
        samples_per_shard: a shard's number of inputs.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[3] = SCHEMA_VERSION
    noise_version: int = NOISE_VERSION
    source: str
    camera: tuple[str, ...] = ()
    iso: tuple[float | tuple[float, float], ...] = ()
    extrapolate: bool = False
    pipeline: Pipeline | Mixture | None
    second: Pipeline | Mixture | None = None
    domain: Domain = "raw"
    demosaic: Demosaicing | None = None
    unprocess: bool = False
    scheme: SchemeName = "n2n"
    seed: U64 = 0
    epoch: U64 | None = None
    body: Annotated[str, Field(min_length=1)] | None = None
    store: Literal["views"] = "views"
    samples_per_shard: Annotated[int, Field(ge=1, le=1_000_000)] = 256

    @model_validator(mode="after")
    def _fits(self) -> Self:
        plan = scheme_named(self.scheme)
        if (self.pipeline is None) != plan.real or (self.second is None) != (plan.cameras == 1):
            wanted = 0 if plan.real else plan.cameras
            raise ValueError(f"scheme {plan} got {len(self.cameras)} of its cameras, wanted {wanted}")
        made = (self.domain, self.demosaic, self.seed, self.epoch, self.body)
        if plan.real and made != ("srgb", None, 0, None, None):
            raise ValueError(f"scheme real came with domain, demosaic, seed, epoch, body {made}, and adds no noise")
        for camera in self.cameras:
            if self.domain == "srgb" and not is_plain(camera):
                raise ValueError(f"camera {camera.name} came in domain srgb, wanted plain noises there")
            for chain in chains(camera) if self.domain != "srgb" else ():
                self._check_chain(chain)
        if (self.source == "pairs:") != plan.real:
            raise ValueError(f"scheme {plan} came with source {self.source}")
        if self.mosaics and (self.domain != "raw" or self.unprocess):
            came = "unprocess" if self.unprocess else f"domain {self.domain}"
            raise ValueError(
                f"source {self.source} came with {came}, wanted domain raw: its images are mosaics of light"
            )
        if self.unprocess and plan.own:
            raise ValueError(f"scheme {plan} came with unprocess, which would draw each view another scene's colors")
        if not re.fullmatch(r"[a-z]+:", self.source):
            raise ValueError(f"source is {self.source!r}, wanted the kind alone, such as 'folder:'")
        tiles = [filter_tile(camera) for camera in self.cameras if not self.mosaics]
        if len({*tiles}) > 1:
            raise ValueError(f"the cameras of {plan} have filter tiles {tiles[0]} and {tiles[1]}, wanted one")
        return self

    def _check_chain(self, chain: Pipeline) -> None:
        has = domain_of(chain, mosaic_in=self.mosaics)
        if has != (self.domain, self.demosaic):
            raise ValueError(
                f"camera {chain.name} came in domain {self.domain}, demosaic {self.demosaic}, and has {has}"
            )
        if self.mosaics and any(isinstance(stage, Linearize | Unprocess | Mosaic) for stage in chain.stages):
            raise ValueError(f"camera {chain.name} takes photographs, wanted a sensor: RAW files are mosaics of light")
        unprocesses = any(isinstance(stage, Unprocess) for stage in chain.stages)
        if unprocesses != self.unprocess:
            raise ValueError(f"camera {chain.name} came with unprocess {self.unprocess}, and has {unprocesses}")

    def canonical(self) -> bytes:
        """One spelling of the recipe: equal recipes have equal bytes."""
        return canonical(self.model_dump(mode="json"))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def mosaics(self) -> bool:
        """Whether the source's images are RAW files: mosaics of light, each with a tile and levels of its own."""
        return self.source == Raws.address

    @property
    def outside(self) -> tuple[str, ...]:
        """What of the recipe is outside the promise of the same bits on every machine."""
        return ("menon2007",) if self.demosaic == "menon2007" else ()

    @property
    def cameras(self) -> tuple[Pipeline | Mixture, ...]:
        """That expose: two for nrl, none for real, one in all other schemes."""
        return tuple(camera for camera in (self.pipeline, self.second) if camera is not None)

    @property
    def cfa(self) -> str | None:
        """The filter tile at every frame's (0, 0); None where there is no mosaic, or each file has its own."""
        return filter_tile(self.cameras[0]) if self.cameras and not self.mosaics else None

    @property
    def keeps_clean(self) -> bool:
        """Whether samples have a `clean.npy`: in domain srgb the input itself is the clean image."""
        return self.domain != "srgb"

    def differences(self, other: "Recipe") -> list[str]:
        """The fields in which two recipes differ, each with both values, of cameras the names."""
        mine, theirs = self.model_dump(mode="json"), other.model_dump(mode="json")
        lines = []
        for name in sorted(mine):
            if mine[name] != theirs[name]:
                here, there = (side["name"] if isinstance(side, dict) else side for side in (mine[name], theirs[name]))
                lines.append(name if here == there else f"{name} {there} there, {here} here")
        return lines
