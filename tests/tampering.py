"""Changes data sets and makes their digests agree afterwards, so that only the content can give it away."""

import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from camnoise.pipelines.files import file_sha256
from camnoise.pipelines.tar import TarWriter
from shard_help import edit


def members(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as archive:
        return [(info.name, archive.extractfile(info).read()) for info in archive]  # type: ignore[union-attr]


def rewrite(path: Path, kept: list[tuple[str, bytes]]) -> None:
    file = BytesIO()
    tar = TarWriter(file)
    for name, data in kept:
        tar.add(name, data)
    tar.close()
    path.write_bytes(file.getvalue())


def bless(folder: Path, name: str = "shard-000000") -> None:
    """Makes manifest and receipt agree with a tar that was changed: only its content can give it away."""
    nbytes, sha256 = file_sha256(folder / f"{name}.tar")
    edit(folder / f"{name}.receipt.json", lambda receipt: receipt.update(nbytes=nbytes, sha256=sha256))

    def update(manifest: dict) -> None:
        for shard in manifest["shards"]:
            if shard["name"] == f"{name}.tar":
                shard.update(nbytes=nbytes, sha256=sha256)

    edit(folder / "manifest.json", update)


def bless_table(folder: Path, name: str) -> None:
    """The same for a table."""
    nbytes, sha256 = file_sha256(folder / f"{name}.parquet")
    edit(folder / "manifest.json", lambda manifest: manifest.update({name: {"nbytes": nbytes, "sha256": sha256}}))


def alter(folder: Path, field: str, change: Callable[[bytes], bytes], of: bytes = b"") -> None:
    """Changes one member of the first shard, of the sample whose record holds `of`; digests agree afterwards."""
    path = folder / "shard-000000.tar"
    kept = members(path)
    key = next(name for name, data in kept if name.endswith(".json") and of in data).removesuffix(".json")
    rewrite(path, [(name, change(data) if name == f"{key}.{field}" else data) for name, data in kept])
    bless(folder)
