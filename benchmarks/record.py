"""Where and with what a measurement was made; how its numbers reach JSON and the README."""

import json
import platform
import subprocess
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
README = HERE.parent / "README.md"


def machine(packages: Sequence[str] = ()) -> dict[str, Any]:
    """Processor, threads and versions, of further packages too, without anything that names the machine."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    return {
        "processor": model,
        "caches": caches(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{package: installed(package) for package in ("torch", "numpy", "camnoise", *packages)},
        "commit": _commit(),
    }


def installed(package: str) -> str:
    """The version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def caches() -> dict[str, str]:
    """The sizes of the first processor's caches, as far as the system says."""
    found = {}
    for cache in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (next(iter(_lines(str(cache / what))), "") for what in ("level", "type", "size"))
        if size and kind != "Instruction":
            found[f"L{level}"] = size
    return found


def write(name: str, results: Any, packages: Sequence[str] = (), folder: Path = HERE / "results") -> None:
    """Writes NAME.json; the versions of those packages stand beside the usual ones."""
    text = json.dumps({"machine": machine(packages), "results": results}, indent=1)
    (folder / f"{name}.json").write_text(text + "\n")


def into_readme(name: str, lines: list[str]) -> None:
    """Replaces what stands between the README's markers of that name."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, rest = README.read_text().split(start)
    README.write_text(head + start + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1])


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, cwd=HERE, capture_output=True, text=True).stdout.strip() or "unknown"
    except OSError:  # no git
        return "unknown"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
