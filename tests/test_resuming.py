"""A run leaves the same whatever happened on the way: stopped, killed, out of space, with inputs that change."""

import errno
import os
import re
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from camnoise.pipelines import build
from camnoise.pipelines.address import parse
from camnoise.pipelines.folder import Folder
from camnoise.pipelines.plan import plan, survey
from camnoise.pipelines.reader import Shards
from camnoise.pipelines.run import run, serial
from camnoise.pipelines.source import SourceError
from camnoise.pipelines.verify import verify
from shard_help import command, content, edit, photographs, picture, recipe, save, shard

from camnoise import presets
from camnoise.domains import place


def after(count: int) -> object:
    """An engine that dies after some shards."""

    def engine(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        for number, receipt in enumerate(serial(specs, watch)):
            if number == count:
                raise KeyboardInterrupt
            yield receipt

    return engine


def test_a_stopped_run_goes_on_and_ends_the_same(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    assert not (out / "manifest.json").exists()
    first = (out / "shard-000000.tar").stat()
    (out / "shard-000001.receipt.json").unlink()  # as if killed between the shard and its receipt
    (out / "shard-000000.tar.partial").write_bytes(b"half")
    outcome = shard(folder, out)
    assert (outcome.built, outcome.kept) == (2, 1)
    assert (out / "shard-000000.tar").stat().st_mtime_ns == first.st_mtime_ns, "a finished shard was made again"
    assert content(out) == content(done)


def test_a_finished_shard_that_has_changed_is_made_again(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(2))
    path = out / "shard-000001.tar"
    data = bytearray(path.read_bytes())
    data[3000] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    assert shard(folder, out).kept == 2
    assert content(out) == content(done)


KILLED = """
import os, signal, sys
from pathlib import Path
from camnoise.pipelines import build
from camnoise.pipelines.run import run, serial
from camnoise.pipelines.address import parse
sys.path.insert(0, {tests!r})
from shard_help import recipe
seen = []
def watch():
    seen.append(1)
    if len(seen) == 4:
        os.kill(os.getpid(), signal.{signal})
def engine(specs, _):
    return serial(specs, watch)
run(parse("folder:" + sys.argv[1]), recipe(), Path(sys.argv[2]), engine=engine)
"""


@pytest.mark.parametrize("kind", ["SIGKILL", "SIGINT"])
def test_a_killed_run_leaves_only_whole_shards_and_goes_on(done: Path, tmp_path: Path, kind: str) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    script = KILLED.format(tests=str(Path(__file__).parent), signal=kind)
    ended = subprocess.run([sys.executable, "-c", script, folder, out], capture_output=True, timeout=120, check=False)
    assert ended.returncode == -getattr(signal, kind), ended.stderr
    whole = {"plan.json", "shard-000000.receipt.json", "shard-000000.tar"}
    partial = {"shard-000001.tar.partial"} if kind == "SIGKILL" else set()
    assert {path.name for path in out.iterdir()} == whole | partial
    assert shard(folder, out).kept == 1
    assert content(out) == content(done)


def test_a_finished_run_is_checked_and_left(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    shard(folder, out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    outcome = shard(folder, out)
    assert (outcome.built, outcome.kept) == (0, 3)
    assert {path.name: path.stat().st_mtime_ns for path in out.iterdir()} == before
    (out / "shard-000001.tar").unlink()
    with pytest.raises(ValueError, match=r"first: shard-000001.tar: missing\): .* to make it again, remove"):
        shard(folder, out)


def test_destinations_that_hold_something_else_are_refused(done: Path, tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in")
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(ValueError, match="is a file"):
        shard(folder, tmp_path / "file")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"holds something else \('letter.txt'\)"):
        shard(folder, tmp_path / "full")
    assert content(tmp_path / "full") == {"letter.txt": b"mine"}
    before = content(done)
    with pytest.raises(ValueError, match=r"run of another recipe \(seed 7 there, 8 here\)"):
        shard(folder, done, seed=8)
    other = place(presets.load("nikon_d850", iso=800, black=600, white=15520), "raw")
    with pytest.raises(ValueError, match=r"recipe \(pipeline sony_a7s2 there, nikon_d850 here\)"):
        shard(folder, done, pipeline=other)
    with pytest.raises(ValueError, match=r"run over other images \(5 there, 4 here"):
        shard(photographs(tmp_path / "fewer", 4), done)
    assert content(done) == before


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"

    def nested(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        with pytest.raises(ValueError, match="another camnoise is writing to"):
            shard(folder, out)
        return serial(specs, watch)

    run(parse(f"folder:{folder}"), recipe(), out, engine=nested)


def test_a_destination_that_cannot_be_written(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in", 1)
    with pytest.raises(OSError, match="destination '/proc/camnoise' could not be written: No such file"):
        shard(folder, Path("/proc/camnoise"))


def test_a_full_disk_is_one_sentence_and_nothing_half_written(tmp_path: Path, done: Path) -> None:
    """No file may pass 40,000 bytes in the child: the second shard does, and the first does not."""
    folder, out = tmp_path / "in", tmp_path / "out"
    save(folder / "a.png", picture(8, 8))
    save(folder / "b.png", picture(100, 100))
    arguments = ["shard", f"folder:{folder}", out, "--camera", "sony_a7s2", "--iso", 6400, "--samples-per-shard", 1]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    ended = command(*arguments, preexec_fn=limit, env=environment)
    assert ended.returncode == 1, ended.stderr
    last = ended.stderr.splitlines()[-1]
    assert "there is no room left (file too large)" in last
    assert "1 of 2 shards are finished, and the same command goes on from there" in last
    assert "Traceback" not in ended.stderr
    assert {path.name for path in out.iterdir()} == {"plan.json", "shard-000000.receipt.json", "shard-000000.tar"}
    assert command(*arguments).returncode == 0
    assert Shards(out).manifest.samples == 2


def meddling(change: Callable[[], object]) -> object:
    """An engine before which somebody changes the inputs."""

    def engine(specs: Iterable[build.ShardSpec], watch: object) -> Iterator[build.Receipt]:
        change()
        return serial(specs, watch)

    return engine


def forbid(path: Path) -> None:
    """Permission bits do not stop root; a link to itself is as unreadable to everybody."""
    path.unlink()
    path.symlink_to(path)


CHANGED = {
    "gone": (Path.unlink, "cannot be opened: No such file or directory"),
    "longer": (lambda path: save(path, picture(40, 40)), r"has [\d,]+ bytes, [\d,]+ when the run was planned"),
    "shorter": (lambda path: path.write_bytes(b"x"), r"has 1 bytes, [\d,]+ when the run was planned"),
    "a pipe": (lambda path: (path.unlink(), os.mkfifo(path)), "cannot be opened: not a regular file"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "cannot be opened: not a regular file"),
    "unreadable": (forbid, "cannot be opened: Too many levels of symbolic links"),
}


@pytest.mark.parametrize("case", CHANGED)
def test_an_input_that_changes_during_a_run_is_quarantined(tmp_path: Path, case: str) -> None:
    change, match = CHANGED[case]
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    change(folder / "photo 4.png")
    outcome = shard(folder, out)
    assert (outcome.manifest.samples, outcome.manifest.quarantined) == (4, 1)
    (row,) = pq.read_table(out / "quarantine.parquet").to_pylist()
    assert (row["name"], row["stage"]) == ("photo 4.png", "read")
    assert re.search(match, row["reason"]), row
    assert list(verify(out)) == []
    assert shard(folder, out).built == 0, "the finished data set is not known again"


def test_an_input_that_vanishes_leaves_the_same_in_one_go_or_two(tmp_path: Path) -> None:
    folder = photographs(tmp_path / "in")
    run(parse(f"folder:{folder}"), recipe(), tmp_path / "a", engine=meddling((folder / "photo 4.png").unlink))
    photographs(tmp_path / "in")
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), tmp_path / "b", engine=after(1))
    (folder / "photo 4.png").unlink()
    shard(folder, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_an_unfinished_run_does_not_take_new_images(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    save(folder / "new.png")
    with pytest.raises(
        ValueError, match=r"other images \(5 there, 6 here; by name and size 1 differ, such as 'new.png'"
    ):
        shard(folder, out)
    (folder / "new.png").unlink()
    assert shard(folder, out).kept == 2


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_sick_disk_stops_a_run_that_then_goes_on(
    done: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    healthy = Folder.open

    def sick(self: Folder, name: str) -> object:
        if name == "photo 2.png" and (out / "shard-000000.receipt.json").exists():
            raise OSError(number, os.strerror(number), name)
        return healthy(self, name)

    monkeypatch.setattr(Folder, "open", sick)
    with pytest.raises(SourceError) as stopped:
        shard(folder, out)
    what = f"source 'folder:{folder}' could not be read: {os.strerror(number)} at 'photo 2.png'"
    assert str(stopped.value.strerror).startswith(f"{what}; 1 of 3 shards are finished, and the same command")
    monkeypatch.setattr(Folder, "open", healthy)
    assert shard(folder, out).kept == 1
    assert content(out) == content(done)


def test_a_plan_left_beside_a_manifest_is_removed(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    shard(folder, out)
    (out / "plan.json").write_bytes(b"{}")  # as if killed between writing the one and removing the other
    assert shard(folder, out).built == 0
    assert content(out) == content(done)


def test_only_partial_files_of_this_plan_are_removed(done: Path, tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(1))
    (out / "x.partial").mkdir()
    (out / "letter.partial").write_bytes(b"mine")
    (out / "shard-000009.tar.partial").write_bytes(b"mine")
    for name in ("shard-000002.tar", "index.parquet", "shard-000001.receipt.json"):
        (out / f"{name}.partial").write_bytes(b"half")
    shard(folder, out)
    left = {path.name for path in out.iterdir() if path.name.endswith(".partial")}
    assert left == {"x.partial", "letter.partial", "shard-000009.tar.partial"}
    assert (out / "letter.partial").read_bytes() == b"mine"


UNTRUE = {
    "another spec": lambda receipt: receipt.update(spec_sha256="0" * 64),
    "another recipe": lambda receipt: receipt.update(recipe_sha256="0" * 64),
    "an input less": lambda receipt: receipt["inputs"].pop(),
    "a sample less": lambda receipt: receipt.update(samples=1),
    "a member less": lambda receipt: receipt.update(members=receipt["members"][:4], samples=1),
    "one quarantined too": lambda receipt: receipt["quarantined"].append(
        {"name": receipt["inputs"][0]["name"], "stage": "decode", "reason": "no"}
    ),
}


@pytest.mark.parametrize("case", UNTRUE)
def test_a_receipt_that_does_not_agree_with_the_plan_is_not_kept(done: Path, tmp_path: Path, case: str) -> None:
    folder, out = photographs(tmp_path / "in"), tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        run(parse(f"folder:{folder}"), recipe(), out, engine=after(2))
    edit(out / "shard-000000.receipt.json", UNTRUE[case])
    assert shard(folder, out).built == 1
    assert content(out) == content(done)


def test_a_shard_is_without_a_receipt_while_it_is_made_again(tmp_path: Path) -> None:
    folder, out = photographs(tmp_path / "in", 2), tmp_path / "out"
    shard(folder, out)
    source = parse(f"folder:{folder}")
    (spec,) = plan(survey(source, source.items()), recipe(), location=source.location, folder=str(out))

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build_shard(spec, stop)
    assert not (out / "shard-000000.receipt.json").exists()
