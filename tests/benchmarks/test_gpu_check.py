"""benchmarks/gpu_check.py: what it does without a GPU, and that it sees what fails.

On the emulated driver as a whole: tests/cuda_emulator/test_gpu_check.py.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import gpu_check
from benchmarks.gpu_check import Setting
from tests.cuda_emulator.emulated_alone import EMULATED_ALONE

SETTING = Setting(sys.executable, {}, emulated=True)


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_without_a_gpu_one_error_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")  # no nvcc, wherever this runs
    assert gpu_check.main([]) == 2
    said = capsys.readouterr().err
    assert said.startswith("gpu_check: there is no GPU to check. ")
    assert "nvcc" in said
    assert len(said.splitlines()) == 1


def test_emulated_needs_the_emulated_driver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GRAPHC_CUDA_DRIVER", raising=False)
    with pytest.raises(SystemExit) as end:
        gpu_check.main(["--emulated"])
    assert end.value.code == 2
    assert "GRAPHC_CUDA_DRIVER" in capsys.readouterr().err


def test_a_test_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "def test_right(): pass\ndef test_wrong(): assert 1 == 2\n"
    path = script(tmp_path / "test_some.py", text)
    monkeypatch.setattr(gpu_check, "EMULATED_TESTS", (str(path),))
    result = gpu_check.tests(SETTING)
    assert (result["passed"], result["tests"], result["failures"]) == (False, 2, 1)
    assert [name.rpartition("::")[2] for name in result["failed"]] == ["test_wrong"]
    assert "1 == 2" in result["said"]


def test_tests_that_are_all_skipped_have_shown_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "import pytest\n@pytest.mark.skip\ndef test_some(): pass\n"
    path = script(tmp_path / "test_some.py", text)
    monkeypatch.setattr(gpu_check, "EMULATED_TESTS", (str(path),))
    assert gpu_check.tests(SETTING)["passed"] is False


def digest_of(text: str) -> str:
    """A program that prints a training's result, with this expression as the digest."""
    return f"import json, os\nprint(json.dumps({{'digest': {text}, 'losses': [1.5]}}))\n"


def test_two_runs_with_other_bytes_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    same = script(tmp_path / "same.py", digest_of("'abc'"))
    monkeypatch.setattr(gpu_check, "TRAIN", same)
    assert gpu_check.bitwise(SETTING)["passed"]
    other = script(tmp_path / "other.py", digest_of("os.getpid()"))
    monkeypatch.setattr(gpu_check, "TRAIN", other)
    result = gpu_check.bitwise(SETTING)
    assert not result["passed"]
    first, second = result["models"]["mlp"]["digests"]
    assert first != second
    broken = script(tmp_path / "broken.py", "raise SystemExit('no such model')")
    monkeypatch.setattr(gpu_check, "TRAIN", broken)
    result = gpu_check.bitwise(SETTING)
    assert not result["passed"]
    assert "no such model" in result["models"]["mlp"]["said"]


def test_tests_that_are_left_out_on_a_gpu_exist() -> None:
    folder = gpu_check.ROOT / "tests" / "cuda_emulator"
    for file, names in EMULATED_ALONE.items():
        text = (folder / file).read_text(encoding="utf-8")
        assert [name for name in names if f"def {name}(" not in text] == []


def test_the_file_has_the_date_and_the_card_in_its_name(tmp_path: Path) -> None:
    result = {"date": "2026-01-31T10:00:00+00:00", "facts": {"card": "NVIDIA H100 80GB HBM3"}}
    assert gpu_check.path_of(json.loads(json.dumps(result)), tmp_path).name == (
        "2026-01-31-nvidia-h100-80gb-hbm3.json"
    )
