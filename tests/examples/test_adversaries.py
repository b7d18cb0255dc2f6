"""examples/adversaries.py, cut down."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from tests.examples.running import data, module, run


def test_shipped_digits_and_the_same_again(tmp_path: Path) -> None:
    found, again = (run("adversaries.py", tmp_path, "--seed", 3) for _ in range(2))
    assert {**again.results, "seconds": None} == {**found.results, "seconds": None}
    assert again.picture == found.picture
    assert found.lines[0].startswith("data: shipped digits")
    assert found.results["judge_test_accuracy"] > 0.8
    assert sum(found.results["digits"]) == pytest.approx(1, abs=1e-3)  # ten shares, rounded
    assert all(np.isfinite([found.results["critic_loss"], found.results["artist_loss"]]))


def test_mnist(tmp_path: Path) -> None:
    found = run("adversaries.py", tmp_path, "--data", data("mnist"))
    assert found.lines[0].startswith("data: MNIST's test set")


def test_each_of_the_two_trains_alone(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    """Each keeps to its own weights, in the first step and later, and nothing is told in the log
    of a switch that comes too late."""
    adversaries = module(monkeypatch, "adversaries")
    artist, critic, both = adversaries.build(side=4)
    changed = []

    def watch(model, others):
        step = model.train_on_batch

        def watched(*arrays):
            before = [w.copy() for w in others.get_weights()]
            own = [w.copy() for w in model.get_weights()]
            loss = step(*arrays)
            after = zip(before, others.get_weights(), strict=True)
            assert all(np.array_equal(*pair) for pair in after)
            changed.append(
                any((a != b).any() for a, b in zip(own, model.get_weights(), strict=True))
            )
            return loss

        monkeypatch.setattr(model, "train_on_batch", watched)

    watch(critic, artist)
    watch(both, critic)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            losses = adversaries.train(artist, critic, both, np.ones((8, 16), "float32"))
    assert np.isfinite(losses).all()
    assert changed == [True] * 6
    assert not caplog.records


def test_every_sample_comes_once_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    adversaries = module(monkeypatch, "adversaries")
    batches = adversaries.shuffled_batches(3 * adversaries.BATCH + 5)
    assert batches.shape == (3, adversaries.BATCH)
    assert len(np.unique(batches)) == batches.size
