"""benchmarks/gpu_check.py, as a whole, on the emulated driver."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import gpu_check


def test_its_parts_run_and_one_file_has_what_they_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu_check.main(["--emulated", "--output", str(tmp_path)]) == 0
    (path,) = tmp_path.iterdir()
    assert path.name.endswith("-graphc-emulated-device.json")
    result = json.loads(path.read_text())
    assert result["passed"]
    assert {"card", "driver", "toolkit", "commit", "flags"} <= set(result["facts"])
    parts = result["parts"]
    assert parts["tests"]["tests"] > parts["tests"]["skipped"] == 0
    first, second = parts["bitwise"]["models"]["mlp"]["digests"]
    assert first == second
    # What needs a GPU is said to be left out, and does not count as passed.
    assert parts["sanitizer"]["passed"] is parts["bench"]["passed"] is None
    said = capsys.readouterr().out
    assert "bench: not run\nno bench: times of the emulated driver mean nothing" in said
