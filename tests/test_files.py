"""Files that appear whole or not at all, however many write them."""

from pathlib import Path

import pytest

from camnoise.fidelity import Fidelity, write_report
from camnoise.files import PARTIAL, committed, write
from camnoise.measuring import _write as write_for_an_option


def test_of_two_writers_at_once_one_wins(tmp_path):
    path = tmp_path / "a.json"
    with committed(path) as one:
        one.write(b"first ")
        with committed(path) as other:
            other.write(b"second")
        assert path.read_bytes() == b"second"
        one.write(b"whole")
    assert path.read_bytes() == b"first whole"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_stops_halfway_leaves_the_old_file_alone(tmp_path, error):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")

    def stop() -> None:
        with committed(path) as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        stop()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "folder").mkdir()
    for path, error in ((tmp_path / "nowhere" / "a.json", FileNotFoundError), (tmp_path / "folder", IsADirectoryError)):
        with pytest.raises(error) as caught:
            write(path, b"x")
        assert caught.value.filename == str(path)
        assert PARTIAL not in str(caught.value)
    other = tmp_path / "other"
    with pytest.raises(FileNotFoundError) as caught, committed(tmp_path / "a.json"):
        other.read_bytes()
    assert str(caught.value.filename) == str(other), "what fails in the block is another matter"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_reports_and_cameras_are_written_under_names_that_nobody_else_has(tmp_path):
    outcome = Fidelity(real="a", simulated="b", scenes=1, exposures=2, pixels=3, alpha=0.01, seed=0, swaps=9, lines=())
    for name in ("a.json", "b.json"):
        (tmp_path / (name + PARTIAL)).mkdir()  # what another run is writing
    write_report(outcome, tmp_path / "a.json")
    write_for_an_option(tmp_path / "b.json", b"{}", "--out")
    assert Fidelity.from_json((tmp_path / "a.json").read_text()) == outcome
    with pytest.raises(ValueError, match=r"^--out '.*c\.json' could not be written: No such file or directory$"):
        write_for_an_option(Path(tmp_path / "nowhere" / "c.json"), b"{}", "--out")
