"""Where and with what a measurement was made; how its numbers reach JSON and the README."""

import json
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

HERE = Path(__file__).parent
README = HERE.parent / "README.md"


def machine() -> dict[str, Any]:
    """Processor, threads and versions, without anything that names the machine."""
    model = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor(),
    )
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=HERE, capture_output=True, text=True)
    return {
        "processor": model,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        **{package: version(package) for package in ("torch", "numpy", "camnoise")},
        "commit": commit.stdout.strip() or "unknown",
    }


def write(name: str, results: Any) -> None:
    """Writes benchmarks/results/NAME.json."""
    text = json.dumps({"machine": machine(), "results": results}, indent=1)
    (HERE / "results" / f"{name}.json").write_text(text + "\n")


def into_readme(name: str, lines: list[str]) -> None:
    """Replaces what stands between the README's markers of that name."""
    start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    head, rest = README.read_text().split(start)
    README.write_text(head + start + "\n".join(lines) + "\n" + end + rest.split(end, 1)[1])


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
