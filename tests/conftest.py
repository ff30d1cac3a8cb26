"""Deterministic runs: fixed keys, derandomised Hypothesis, one thread per test process."""

import os
from pathlib import Path

import pytest
import torch
from hypothesis import settings

settings.register_profile("camnoise", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("camnoise")

# Two threads per process on two busy cores wait for each other most of the time.
torch.set_num_threads(1)

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real photographs and calibrations beside the project; the test is skipped where they are absent."""
    folder = Path(os.environ.get("CAMNOISE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no test data: {folder.name} is not beside the project and CAMNOISE_TEST_DATA is not set")
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished data set: five PNG photographs in three shards. Read it, do not change it."""
    from shard_help import photographs, shard

    root = tmp_path_factory.mktemp("done")
    shard(photographs(root / "in"), root / "out")
    return root / "out"
