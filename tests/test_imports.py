"""Imports point one way: camnoise <- pipelines <- training; only the command line knows all three."""

import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGES = {"camnoise": "camnoise", "pipelines": "camnoise.pipelines", "training": "camnoise.training"}
ALLOWED = {
    "camnoise": {"camnoise"},
    "pipelines": {"camnoise", "pipelines"},
    "training": {"camnoise", "pipelines", "training"},
}


def imported(source: str, package: str) -> list[str]:
    """Absolute names of the modules that a file of `package` imports."""
    names = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package.rsplit(".", node.level - 1)[0] if node.level else ""
            names.append(".".join(part for part in (base, node.module) if part))
            names += [f"{names[-1]}.{alias.name}" for alias in node.names]
    return names


def folder_of(module: str) -> str | None:
    """Which of our folders a module lies in, if any."""
    for folder in ("pipelines", "training", "camnoise"):
        if module == PACKAGES[folder] or module.startswith(PACKAGES[folder] + "."):
            return folder
    return None


def violations(source: str, folder: str, package: str) -> list[str]:
    found = []
    for name in imported(source, package):
        if name.split(".")[0] in ("pipelines", "training"):
            found.append(f"{name} is no installed name")
        target = folder_of(name)
        if target is not None and target not in ALLOWED[folder]:
            found.append(f"{folder} imports {name}")
    return found


def files() -> list[tuple[Path, str, str]]:
    rows = []
    for folder, package in PACKAGES.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            inner = path.relative_to(ROOT / folder).parent.parts
            rows.append((path, folder, ".".join([package, *inner])))
    return rows


@pytest.mark.parametrize(("path", "folder", "package"), files(), ids=lambda x: x.name if isinstance(x, Path) else "")
def test_imports_point_one_way(path, folder, package):
    if path == ROOT / "camnoise" / "cli.py":
        top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        source = "\n".join(ast.unparse(node) for node in top)  # lazily: inside functions it may import all
        assert violations(source, folder, package) == []
        return
    assert violations(path.read_text(), folder, package) == []


@pytest.mark.parametrize(
    ("source", "folder", "package"),
    [
        ("from camnoise.pipelines import plan", "camnoise", "camnoise"),
        ("from .pipelines.plan import plan", "camnoise", "camnoise"),
        ("from . import pipelines", "camnoise", "camnoise"),
        ("from ..training import loop", "camnoise", "camnoise.presets"),
        ("import camnoise.training", "pipelines", "camnoise.pipelines"),
        ("import pipelines", "training", "camnoise.training"),
    ],
)
def test_a_planted_import_is_caught(source, folder, package):
    assert violations(source, folder, package)


# A package that loads a part of itself when it is needed.
MAY = {("camnoise.kernels", "camnoise.kernels.cpu")}


def test_no_two_modules_import_each_other():
    """Not even inside functions; but for camnoise itself, which resolves its names from all of them."""
    own, needs = {}, {}
    for path, _, package in files():
        own[package if path.stem == "__init__" else f"{package}.{path.stem}"] = path.read_text(), package
    for name, (source, package) in own.items():
        found = [at for at in imported(source, package) if at in own and at not in (name, "camnoise")]
        outer = {at.rpartition(".")[0] for at in found}  # `from .b import c` is of c alone where c is a module
        needs[name] = {at for at in found if at not in outer and (name, at) not in MAY}
    assert len(needs["camnoise.presets"]) > 3
    TopologicalSorter(needs).prepare()
    with pytest.raises(CycleError):
        TopologicalSorter({**needs, "camnoise.units": {"camnoise.presets"}}).prepare()


def test_presets_load_no_statistics():
    heavy = "{'scipy.stats', 'scipy.optimize'}"
    code = f"import sys\nfrom camnoise import presets\npresets.names()\nprint(sorted({heavy} & {{*sys.modules}}))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == "[]\n"


def test_importing_camnoise_does_not_import_torch():
    code = "import sys, camnoise; print('torch' in sys.modules, camnoise.Shot.__name__, 'torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == ["False", "Shot", "True"]


def test_every_public_name_resolves():
    import camnoise

    for name in camnoise.__all__:
        assert getattr(camnoise, name) is not None
    assert set(camnoise.__all__) <= set(dir(camnoise))
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        _ = camnoise.Nonsense


def test_help_needs_no_torch():
    """`camnoise --help` stays fast because it imports neither torch nor any extra."""
    code = (
        "import sys; sys.argv = ['camnoise', '--help']\n"
        "from camnoise.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'scipy', 'pyarrow', 'webdataset', 'PIL'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "heavy: []" in out
