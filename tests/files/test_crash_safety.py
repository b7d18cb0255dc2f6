"""A full disk or a folder that may not be written leaves the old file or the new one; so do kills
(tests/campaigns/kills.py)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from graphc.errors import StorageError
from graphc.files import hdf5
from graphc.layers import Dense
from graphc.models import Sequential

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    """The output of a Python process, which has to end well and to report nothing."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


FULL = """
import os, resource, sys
from pathlib import Path
from graphc.errors import StorageError
from graphc.models import load_model
from tests.campaigns.kills import WRITERS, numbered, set_version, version_in

folder, writer = Path(sys.argv[1]), sys.argv[2]
path, write, model = folder / "model.h5", WRITERS[writer], numbered(1)
write(model, path)
size = path.stat().st_size
set_version(model, 2)
limits = [0, 1, 100, 1000, 3000, size // 4, size // 2, size - 5000, size - 500, size - 1]
for limit in limits:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write(model, path)
    except StorageError as error:
        assert "model.h5 cannot be written" in str(error), error
    else:
        raise AssertionError(f"nothing refused {size} bytes where {limit} are free")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    assert version_in(path, writer) == 1
    assert os.listdir(folder) == ["model.h5"]
write(model, path)
assert version_in(path, writer) == 2
print(len(limits))
"""


@pytest.mark.parametrize("writer", ["save_weights", "save"])
def test_a_full_disk_leaves_the_old_file_and_the_next_save_works(tmp_path, writer):
    assert run("-c", FULL, str(tmp_path), writer) == "10\n"


READ_ONLY = """
import os, sys
from graphc.errors import StorageError
from graphc.models import load_model
from tests.campaigns.kills import WRITERS, numbered

path, model = sys.argv[1], numbered(1)
if os.geteuid() == 0:  # which may write everywhere
    os.setuid(65534)
for writer in ("save_weights", "save"):
    try:
        WRITERS[writer](model, path)
    except StorageError as error:
        print(error)
"""


@pytest.fixture
def others_folder() -> Path:
    """A folder that a process without rights reaches; those of tmp_path are closed to it."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)
        os.chmod(folder, 0o755)


def lock_folder(path: Path) -> None:
    path.parent.chmod(0o555)


def lock_file(path: Path) -> None:
    path.parent.chmod(0o777)
    path.chmod(0o444)


@pytest.mark.parametrize(
    ("locked", "message"),
    [(lock_folder, "model.h5 cannot be written"), (lock_file, "model.h5 is read-only; allow")],
)
def test_what_may_not_be_written(others_folder, locked: Callable[[Path], None], message):
    path = others_folder / "model.h5"
    path.write_text("old")
    path.chmod(0o666)
    locked(path)
    lines = run("-c", READ_ONLY, str(path)).splitlines()
    assert len(lines) == 2
    assert all(message in line for line in lines)
    assert path.read_text() == "old"
    assert os.listdir(others_folder) == ["model.h5"]


def test_a_file_that_hdf5_does_not_begin(tmp_path, monkeypatch):
    """So it is for good in a process that ran out of memory within HDF5."""

    def refused(*arguments: object, **keywords: object) -> None:
        raise RuntimeError("can't find property in skip list")

    model = Sequential([Dense(2, input_dim=3)])
    model.save(tmp_path / "model.h5")
    before = (tmp_path / "model.h5").read_bytes()
    monkeypatch.setattr(hdf5.h5py, "File", refused)
    with pytest.raises(StorageError, match=r"model\.h5: HDF5 begins no file .*skip list.*savez"):
        model.save(tmp_path / "model.h5", overwrite=True)
    assert (tmp_path / "model.h5").read_bytes() == before
    assert os.listdir(tmp_path) == ["model.h5"]


def test_a_file_in_which_hdf5_fails(tmp_path, monkeypatch):
    model = Sequential([Dense(2, input_dim=3)])
    model.save(tmp_path / "model.h5")
    before = (tmp_path / "model.h5").read_bytes()

    def refused(*arguments: object, **keywords: object) -> None:
        raise ValueError("Unable to synchronously create dataset (can't find property)")

    monkeypatch.setattr(hdf5.h5py.Group, "create_dataset", refused)
    with pytest.raises(StorageError, match=r"model\.h5: HDF5 fails in this file .*savez"):
        model.save(tmp_path / "model.h5", overwrite=True)
    assert (tmp_path / "model.h5").read_bytes() == before
    assert os.listdir(tmp_path) == ["model.h5"]
