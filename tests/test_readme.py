"""The README is true: its example runs, its commands and files exist, its numbers are the measured ones."""

import json
import re
import sys

import pytest
import torch
from conftest import ROOT
from typer.main import get_command

import camnoise as cn
from camnoise.pipeline import BuiltIn

README = (ROOT / "README.md").read_text()


def test_the_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    scope = {"images": torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), "ids": ["a", "b"]}
    exec(code, scope)
    assert scope["noisy"].shape == scope["images"].shape
    assert scope["pair"].views.shape == (2, 2, 3, 32, 32)
    assert scope["camera"](scope["images"], scope["ids"]).shape == (2, 1, 32, 32)


def test_commands_and_files_exist():
    from camnoise.cli import app

    commands = get_command(app).commands
    named = set(re.findall(r"^camnoise (\w+)", README, re.MULTILINE)) | set(re.findall(r"`camnoise (\w+)", README))
    assert named == set(commands)
    options = {option for command in commands.values() for param in command.params for option in param.opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README)) <= options
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make (\w+)", README)) <= targets
    for path in re.findall(r"\]\(([\w./]+)\)", README):
        assert (ROOT / path).is_file(), path


def test_every_stage_is_in_the_table():
    (union, _) = BuiltIn.__origin__, BuiltIn.__metadata__
    for stage in union.__args__:
        assert f"| `{stage.__name__}` |" in README
        assert hasattr(cn, stage.__name__)


@pytest.mark.parametrize("name", ["photon_transfer", "reference"])
def test_tables_are_what_was_measured(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = __import__(name)
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["results"]
    written = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert written is not None
    assert written[1].splitlines() == module.table(results)
    sys.modules.pop(name)
