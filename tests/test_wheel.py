"""The wheel, installed into a clean environment outside the checkout, is what the checkout is."""

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT


def run(*command: object, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=check)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from a copy, so that the checkout stays clean."""
    tree, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in ("camnoise", "pipelines", "training"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "NOTICE"):
        shutil.copy(ROOT / name, tree)
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", out, tree, cwd=out)
    (built,) = out.glob("*.whl")
    return built


def test_nothing_generic_lands_in_site_packages(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"camnoise"}
    for name in ("camnoise/pipelines/plan.py", "camnoise/training/__init__.py", "camnoise/presets/sony_a7s2.json"):
        assert name in names
    assert "camnoise/testing/promises.py" in names
    assert not [name for name in names if "tests" in name or "/test_" in name]


def test_the_installed_command_works(wheel, tmp_path):
    environment = tmp_path / "env"
    venv.create(environment, with_pip=True)
    binaries = environment / "bin"
    run(binaries / "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=tmp_path)
    assert "sony_a7s2" in run(binaries / "camnoise", "cameras", cwd=tmp_path).stdout
    assert "shard" in run(binaries / "camnoise", "--help", cwd=tmp_path).stdout
    code = (
        "import torch, camnoise as cn\n"
        "camera = cn.presets.load('sony_a7s2', iso=6400)\n"
        "print(camera(torch.rand(1, 1, 8, 8), [1]).shape, cn.__file__)\n"
        "print(len(cn.testing.assert_noise(cn.noise('gaussian:25')).findings))\n"  # without pytest or hypothesis
    )
    out = run(binaries / "python", "-c", code, cwd=tmp_path).stdout
    assert "torch.Size([1, 1, 8, 8])" in out
    assert str(environment) in out
    for generic in ("pipelines", "training"):
        assert run(binaries / "python", "-c", f"import {generic}", cwd=tmp_path, check=False).returncode != 0
    # A missing extra is one sentence naming the extra.
    missing = run(
        *(binaries / "camnoise", "shard", "sample:", tmp_path / "out", "--camera", "sony_a7s2", "--iso", "800"),
        cwd=tmp_path,
        check=False,
    )
    assert missing.returncode != 0
    assert "install camnoise with its extra [s" in missing.stderr
    assert "Traceback" not in missing.stderr
    assert not (tmp_path / "out").exists()
