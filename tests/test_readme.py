"""The README is true: its example runs, its commands and files exist, its numbers are the measured ones."""

import json
import re
import sys

import pytest
from conftest import ROOT
from typer.main import get_command

import camnoise as cn
from camnoise.pipeline import BuiltIn

README = (ROOT / "README.md").read_text()


BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def block_with(words: str) -> str:
    (block,) = (block for block in BLOCKS if words in block)
    return block


def test_the_example_runs():
    scope: dict = {}
    exec(block_with("skimage"), scope)
    assert scope["noisy"].shape == (1, 1, 400, 600)
    assert scope["pair"].views.shape == (2, 1, 1, 400, 600)
    assert scope["camera"](scope["photo"], ["coffee"]).shape == (1, 1, 400, 600)


def test_views_are_made_again_as_it_says(tmp_path, monkeypatch):
    """On the demo's shards, with the demo's own command line."""
    from camnoise.cli import run_command

    (line,) = re.findall(r"camnoise (shard sample: .*)", (ROOT / "Makefile").read_text())
    monkeypatch.chdir(tmp_path)
    assert run_command(line.split()) == 0
    exec(block_with("WebDataset"), {})


def test_raw_files_and_mosaics_are_as_it_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope: dict = {}
    exec(block_with("read_raw"), scope)
    assert (scope["raw"].mosaic == scope["mosaic"]).all()
    assert (scope["raw"].cfa, scope["raw"].black, scope["raw"].white) == ("GBRG", (512.0,) * 4, 16383.0)
    assert scope["colors"].shape == (1, 3, 64, 96)
    assert scope["planes"].shape == (1, 4, 32, 48)
    assert scope["cfa"] == "BGGR"


def test_a_stage_of_your_own_is_proven_by_one_call(capsys):
    exec(block_with("assert_noise"), {})
    shown = capsys.readouterr().out
    assert "telegraph_step: distribution" in shown
    assert "photon transfer: slope" in shown
    assert "FAILS" not in shown


def test_units_are_what_it_says():
    scope: dict = {"cn": cn}
    exec(block_with("to_nlf"), scope)
    assert tuple(scope["nlf"]) == pytest.approx((2 * 5 / 15871, (5 * 3 / 15871) ** 2))
    assert scope["clipped"].clipped_mean(0.0, 50 / 255) * 255 == pytest.approx(19.9, abs=0.05)


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
        assert re.search(rf"^\| (`\w+`, )*`{stage.__name__}`(, `\w+`)* \|", README, re.MULTILINE), stage.__name__
        assert hasattr(cn, stage.__name__)


@pytest.mark.parametrize("name", ["photon_transfer", "noise", "instructions", "demosaic"])
def test_tables_are_what_was_measured(name, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = __import__(name)
    results = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())["results"]
    written = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    assert written is not None
    assert written[1].splitlines() == module.table(results)
    sys.modules.pop(name)
