"""Small photographs and recipes for the tests of shards."""

import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from camnoise.pipelines.address import parse
from camnoise.pipelines.recipe import Recipe
from camnoise.pipelines.run import Outcome, run
from PIL import Image

from camnoise import presets
from camnoise.cli import run_command
from camnoise.domains import place
from camnoise.sample import canonical

DATA = Path(os.environ.get("CAMNOISE_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def picture(rows: int = 12, cols: int = 16, seed: int = 0) -> np.ndarray:
    """(row, col, 3) uint8: a ramp with some texture, the same on every run."""
    rng = np.random.Generator(np.random.Philox(seed))
    ramp = np.linspace(20, 200, rows * cols).reshape(rows, cols, 1)
    return (ramp + rng.integers(0, 50, (rows, cols, 3))).astype(np.uint8)


def save(path: Path, pixels: np.ndarray | None = None, **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture() if pixels is None else pixels).save(path, **options)
    return path


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(bits: int, color: int, rows: int, cols: int, values: bytes) -> bytes:
    """A PNG written by hand, for what Pillow cannot write; `values` is one row's samples after the next."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    width = len(values) // rows if rows else 0
    lines = b"".join(b"\0" + values[row * width : (row + 1) * width] for row in range(rows))
    head = struct.pack(">IIBBBBB", cols, rows, bits, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def photographs(folder: Path, count: int = 5, kind: str = "png") -> Path:
    """A folder of `count` small images of different sizes."""
    for number in range(count):
        save(folder / f"photo {number}.{kind}", picture(10 + number, 14 + 2 * number, number))
    return folder


def recipe(**changes: object) -> Recipe:
    camera = place(presets.load("sony_a7s2", iso=6400), "raw")
    fields = {"source": "folder:", "pipeline": camera, "body": camera.name, "seed": 7, "samples_per_shard": 2}
    return Recipe(**{**fields, **changes})


def edit(path: Path, change: Callable[[dict], object]) -> None:
    """Changes a manifest, a receipt or a plan and writes it in its one spelling."""
    record = json.loads(path.read_bytes())
    change(record)
    path.write_bytes(canonical(record) + b"\n")


def camnoise(*arguments: object) -> None:
    """Runs a command that must succeed, in this process."""
    assert run_command([str(argument) for argument in arguments]) == 0


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a data set."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def command(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Runs the camnoise command in a process of its own."""
    line = [sys.executable, "-m", "camnoise.cli", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, **options)


def shared(path: str) -> Path:
    """A file of the test data, or a skip that says where it was looked for."""
    if not (DATA / path).exists():
        pytest.skip(f"test data {DATA / path} is absent (CAMNOISE_TEST_DATA names its folder)")
    return DATA / path


def shard(source: Path, dest: Path, **changes: object) -> Outcome:
    return run(parse(f"folder:{source}"), recipe(**changes), dest)
