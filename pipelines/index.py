"""The two tables of a data set: where every member lies, and what was left out and why."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .files import committed
from .records import Quarantined, Receipt

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("shards need pyarrow: install camnoise with its extra [shards]") from error

INDEX_SCHEMA = pa.schema(
    [
        ("key", pa.string()),
        ("shard", pa.string()),
        ("field", pa.string()),
        ("offset", pa.int64()),
        ("nbytes", pa.int64()),
        ("dtype", pa.string()),
        ("shape", pa.list_(pa.int32())),
        ("xxh3", pa.string()),
        ("name", pa.string()),
        ("pixels", pa.string()),
    ]
)
QUARANTINE_SCHEMA = pa.schema([("name", pa.string()), ("stage", pa.string()), ("reason", pa.string())])


def index_rows(receipt: Receipt) -> list[dict[str, Any]]:
    """The index's rows of one shard, in the order of the tar."""
    return [{"shard": receipt.shard, **member.model_dump(mode="json")} for member in receipt.members]


def quarantine_rows(quarantined: Iterable[Quarantined]) -> list[dict[str, Any]]:
    """The quarantine's rows of one shard."""
    return [row.model_dump(mode="json") for row in quarantined]


@contextmanager
def table(path: Path, schema: pa.Schema) -> Iterator[Callable[[list[dict[str, Any]]], None]]:
    """A table to write: one row group per shard, so that memory does not grow with the data set."""
    with committed(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:

        def add(rows: list[dict[str, Any]]) -> None:
            if rows:
                writer.write_table(pa.Table.from_pylist(rows, schema=schema))

        yield add


def read_table(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """All rows of a table.

    Raises:
        ValueError: not a Parquet file, or other columns than the schema's.
        OSError: it cannot be read.
    """
    try:
        table = pq.read_table(path, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not that of the format
            raise
        raise ValueError(f"{path.name} is not a Parquet file: {error}") from error
    if not table.schema.equals(schema):
        raise ValueError(f"{path.name} has other columns: {table.schema.names}, wanted {schema.names}")
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
