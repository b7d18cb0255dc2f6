"""The campaign of cold starts sees a cache whose kernels have to be made again."""

from __future__ import annotations

import argparse
import random
import subprocess
from pathlib import Path

import pytest

from tests.campaigns import processes

MISSING = processes._missing(argparse.Namespace())


@pytest.mark.skipif(bool(MISSING), reason=MISSING)
def test_a_library_that_is_lost_is_seen(monkeypatch: pytest.MonkeyPatch):
    def started(numbers: list[int], folder: Path) -> subprocess.Popen[str]:
        for library in folder.rglob("*.so"):
            library.unlink()
        return original(numbers, folder)

    original = processes._started
    monkeypatch.setattr(processes, "FUNCTIONS", 1)
    assert processes._case(random.Random(1), 1) == ""
    monkeypatch.setattr(processes, "_started", started)
    assert "a process behind them compiled" in processes._case(random.Random(1), 1)
