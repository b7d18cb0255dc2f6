"""The main job: `graphc demo` trains on real data and ends with its accuracy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from graphc.cli import demo

ROOT = Path(__file__).resolve().parents[2]


def run_demo(*arguments: str) -> list[str]:
    """The lines that ``graphc demo`` prints, on both streams in the order of a terminal."""
    environ = {**os.environ, "GRAPHC_FLAGS": ""}
    run = subprocess.run(
        [sys.executable, "-m", "graphc", "demo", *arguments],
        cwd=ROOT,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout.splitlines()


def test_the_last_line_is_an_accuracy_of_at_least_097() -> None:
    lines = run_demo()
    match = re.fullmatch(r"test accuracy: ([01]\.\d{4})", lines[-1])
    assert match, lines[-1]
    assert float(match[1]) >= 0.97
    text = "\n".join(lines)
    assert "1438 images" in text
    assert "dense_1 (Dense)" in text
    assert "Epoch 60/60" in text
    assert re.search(r"sequential_1\.train: .*\n.*nodes before +after +seconds", text)


def test_quiet_prints_no_epochs_and_the_same_accuracy_every_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "_EPOCHS", 2)
    outputs = []
    for _ in range(2):
        demo.COMMAND.run(demo.argparse.Namespace(verbose=0, ranks=1, shards=None))
        outputs.append(capsys.readouterr().out)
    assert all("Epoch" not in output for output in outputs)
    first, second = (output.splitlines()[-1] for output in outputs)
    assert first == second
    assert float(first.removeprefix("test accuracy: ")) > 0.85
