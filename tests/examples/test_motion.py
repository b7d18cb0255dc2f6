"""examples/motion.py, cut down: on recordings where they are there, on generated signals always."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

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


def test_full_length_reads_a_generator_and_keeps_the_best(tmp_path: Path) -> None:
    found = run("motion.py", tmp_path, "--full-length", name="motion_full_length")
    assert found.lines[0] == "data: generated signals"
    assert found.results["test_samples"] == 64
    assert (tmp_path / "motion_full_length.h5").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "no_such_file.npz"], "--data: there is no no_such_file.npz"),
        (["--data", ".", "--full-length"], "--full-length takes no --data"),
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
