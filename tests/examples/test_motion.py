"""examples/motion.py, cut down: on recordings where they are there, on generated signals always."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from graphc.errors import DownloadError
from tests.examples.made_up import archive_folder
from tests.examples.running import data, module, process, run


@pytest.fixture
def motion(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return module(monkeypatch, "motion")


def test_generated_signals_and_the_same_again(tmp_path: Path) -> None:
    found = [run("motion.py", tmp_path, "--seed", 3) for _ in range(2)]
    assert found[0].lines[0] == "data: generated signals"
    assert found[0].results["test_accuracy"] > 0.5  # of four motions
    assert found[0].picture == found[1].picture
    first, again = ({**one.results, "seconds": None} for one in found)
    assert first == again


def test_recordings(tmp_path: Path) -> None:
    path = data("basic_motions.npz")
    found = run("motion.py", tmp_path, "--data", path)
    assert found.lines[0] == f"data: recordings, {path}"
    assert found.results["test_samples"] == 40
    assert found.results["test_accuracy"] > 0.8


def test_the_archives_own_files(tmp_path: Path) -> None:
    path = archive_folder(tmp_path / "BasicMotions", 3)
    found = run("motion.py", tmp_path, "--data", path)
    assert found.lines[0] == f"data: recordings, {path}"
    assert found.results["test_samples"] == 12


def test_the_archives_files_and_numpys_are_read_alike(motion: ModuleType, tmp_path: Path) -> None:
    folder = archive_folder(tmp_path / "BasicMotions", 2)
    (x, y), (x_test, y_test) = motion.recordings.read(folder)
    assert tuple(motion.MOTIONS) == motion.recordings.CLASSES
    np.testing.assert_array_equal(y, [0, 1, 2, 3] * 2)
    np.testing.assert_allclose(x.mean(axis=(1, 2)), y, atol=0.05)  # noise of 0.1, 600 numbers
    first = (folder / "BasicMotions_TRAIN.ts").read_text("utf-8").splitlines()[6].split(":")
    np.testing.assert_allclose(x[0, 99, 5], float(first[5].split(",")[99]), rtol=1e-6)
    np.savez(tmp_path / "m.npz", X_train=x, y_train=y, X_test=x_test, y_test=y_test)
    for part, again in zip(
        motion.recordings.read(folder), motion.recordings.read(tmp_path / "m.npz"), strict=True
    ):
        for array, same in zip(part, again, strict=True):
            np.testing.assert_array_equal(array, same)


def test_download_reads_what_was_fetched_before(motion: ModuleType, tmp_path, monkeypatch) -> None:
    """Files with the content that is expected, and with another one."""
    monkeypatch.setenv("GRAPHC_DATASETS", str(tmp_path))
    folder = archive_folder(tmp_path / "BasicMotions", 1)
    digests = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    assert motion.recordings._SHA256.keys() == digests.keys()
    with pytest.raises(DownloadError, match=r"BasicMotions_TRAIN\.ts"):
        motion.recordings.download()
    monkeypatch.setattr(motion.recordings, "_SHA256", digests)
    assert motion.recordings.download() == folder


def test_full_length_reads_a_generator_and_keeps_the_best(tmp_path: Path) -> None:
    found = run("motion.py", tmp_path, "--full-length", name="motion_full_length")
    assert found.lines[0] == "data: generated signals"
    assert found.results["test_samples"] == 64
    assert (tmp_path / "motion_full_length.h5").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", ".", "--full-length"], "--full-length takes no --data"),
        (["--seed", "-1"], "expected a whole number from 0 to 2**32 - 1, not -1"),
        (["--out", __file__], "--out: expected a folder, or a place to make one"),
    ],
)
def test_what_is_refused(tmp_path: Path, options: list[str], message: str) -> None:
    done = process("motion.py", tmp_path, *options)
    assert done.returncode == 2
    assert message in done.stderr


def test_generated_motions_differ_as_the_table_says(motion: ModuleType) -> None:
    """By the strongest frequency of each signal, which needs no network."""
    samples = motion.generated(np.random.RandomState(1), 40, 960, ["wrist"], columns=3)
    assert samples["wrist"].shape == (40, 960, 3)
    spectrum = np.abs(np.fft.rfft(samples["wrist"], axis=1))[:, 1:]
    strongest, swing = spectrum.argmax(axis=1) + 1, samples["wrist"].std(axis=1)
    names = np.array(list(motion.MOTIONS))[samples["motion"].argmax(axis=1)]
    assert set(names) == set(motion.MOTIONS)
    for name, (period, _, one_of) in motion.MOTIONS.items():
        if one_of == 1 and name != "standing":
            assert np.all(np.abs(strongest[names == name] - 960 / period) <= 0.11 * 960 / period)
    assert swing[names == "standing"].max() < swing[names != "standing"].min()
