"""Random access to the samples of a data set, through its index."""

import os
from pathlib import Path

import torch
from torch import Tensor

from camnoise.sample import Sample
from camnoise.views import valid

from . import digests, npy
from .exposures import scaled
from .images import decode
from .index import INDEX_SCHEMA, read_table
from .records import INDEX, MANIFEST, Manifest, Member


class Shards:
    """A finished data set, open for reading.

    Attributes:
        manifest: what it is.
        keys: of all samples, in the order of the shards.
    """

    def __init__(self, folder: Path) -> None:
        """Raises ValueError where the folder holds no finished data set."""
        self.folder = folder
        self.manifest = read_manifest(folder)
        self._members: dict[str, dict[str, tuple[str, Member]]] = {}
        shards = {shard.name for shard in self.manifest.shards}
        for row in read_table(folder / INDEX, INDEX_SCHEMA):
            shard = row.pop("shard")
            if shard not in shards:
                raise ValueError(f"{INDEX} names shard {shard!r}, which {MANIFEST} does not have")
            member = Member.model_validate(row)
            self._members.setdefault(member.key, {})[member.field] = (shard, member)
        self.keys = list(self._members)

    def __len__(self) -> int:
        return len(self.keys)

    def read(self, key: str, field: str) -> bytes:
        """The bytes of one member.

        Raises:
            KeyError: there is no such sample, or no such member.
            ValueError: the shard does not hold what the index says.
        """
        shard, member = self._members[key][field]
        with (self.folder / shard).open("rb") as file:
            if member.offset + member.nbytes > os.fstat(file.fileno()).st_size:
                raise ValueError(f"{INDEX} places {key}.{field} beyond the end of {shard}")
            file.seek(member.offset)
            data = file.read(member.nbytes)
        if digests.of_bytes(data) != member.xxh3:
            raise ValueError(f"{key}.{field} in {shard} is damaged: its digest is not the one in {INDEX}")
        return data

    def sample(self, key: str) -> Sample:
        """The record of one sample."""
        return Sample.model_validate_json(self.read(key, "json"))

    def views(self, key: str) -> Tensor:
        """Normalised views: (view, channel, row, col) float32."""
        return self.sample(key).normalize(torch.from_numpy(npy.load(self.read(key, "views.npy"))))

    def clean(self, key: str) -> Tensor:
        """The clean view, in the units of the normalised views: (channel, row, col) float32."""
        if self.manifest.recipe.keeps_clean:
            return torch.from_numpy(npy.load(self.read(key, "clean.npy")))
        return scaled(self.scene(key).numpy())[0]

    def valid(self, key: str) -> Tensor | None:
        """Of a burst: (view, row, col) bool, where a view shows what the first one does. None in all other schemes."""
        sample, camera = self.sample(key), self.manifest.recipe.pipeline
        if sample.shifts is None or camera is None:
            return None
        moves = torch.tensor(sample.shifts, dtype=torch.int64)[:, None]
        return valid(moves, *sample.size, camera.radius)[:, 0, 0]

    def scene(self, key: str) -> Tensor:
        """The decoded input: (3, row, col), uint8 or uint16; of a RAW file (1, row, col) uint16, pedestal included.

        Raises:
            ValueError: as `read`; or this machine decodes the image to other pixels than those that the views
                were made of.
        """
        form = self.manifest.form
        data = self.read(key, form)
        pixels = npy.load(data) if form == "scene.npy" else decode(data)
        if digests.of_pixels(pixels) != self._members[key][form][1].pixels:
            raise ValueError(f"{key}.{form} decodes to other pixels here than when the shard was made")
        return torch.from_numpy(pixels)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a finished data set. Raises ValueError where there is none, or it is not one."""
    path = folder / MANIFEST
    if not path.is_file():
        raise ValueError(f"{str(folder)!r} holds no finished data set: it has no {MANIFEST}")
    return Manifest.model_validate_json(path.read_bytes())
