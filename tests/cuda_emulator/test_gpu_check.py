"""benchmarks/gpu_check.py from start to end on the emulated driver: from a kit, into an environment
of its own, without a network."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.bring_up import kit, manifest
from benchmarks.bring_up.kernel import KERNELS, compared
from benchmarks.bring_up.machine import ROOT
from benchmarks.bring_up.steps import CUT_TESTS, FEW_KERNELS, FEW_MODELS, STEPS
from graphc.compiler.runtime.gpu import probe
from tests.cuda_emulator import emulator

GPU_CHECK = ROOT / "benchmarks" / "gpu_check.py"

pytestmark = pytest.mark.unsanitized(
    reason="its kernels are those of other tests, in processes without the sanitizers' libraries",
)

# It takes what it is to run, as compute-sanitizer does, and runs it.
SANITIZER = """#!/bin/sh
test "$1 $3 $4" = "--tool --error-exitcode 9" || exit 8
echo "========= COMPUTE-SANITIZER $2"
shift 4
exec "$@"
"""


def without_network() -> list[str]:
    """The command that takes the network from another one; nothing where that is not allowed."""
    command = ["unshare", "--map-root-user", "--net"]
    try:
        allowed = subprocess.run([*command, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return [] if allowed.returncode else command


def run(*arguments: str | Path, python: str = sys.executable) -> subprocess.CompletedProcess[str]:
    """gpu_check.py on the emulated driver. Where the network cannot be taken away, it answers
    nobody: all goes to a port that nothing listens to."""
    nowhere = "http://127.0.0.1:9"
    proxies = {f"{scheme}_proxy": nowhere for scheme in ("http", "https", "all")}
    amount = os.environ.get("GRAPHC_REHEARSE", "few")
    command = [python, str(GPU_CHECK), "--emulated", amount, *map(str, arguments)]
    return subprocess.run(
        [*without_network(), *command],
        env={
            **os.environ,
            **proxies,
            "PIP_INDEX_URL": nowhere,
            "PIP_FIND_LINKS": "",
            "GRAPHC_CUDA_OVER": "",  # which of its tests to run is gpu_check's choice
        },
        capture_output=True,
        text=True,
        check=False,
    )


def base_python() -> str:
    """The Python that this environment was made by."""
    return os.path.realpath(sys.executable)


@pytest.mark.network
def test_from_a_kit_to_the_last_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = ".".join(map(str, sys.version_info[:2]))
    folders = os.environ["PATH"].split(os.pathsep)
    here = [one for one in folders if one != str(emulator.DRIVER.parent)]
    monkeypatch.setenv("PATH", os.pathsep.join(here))  # PyCUDA is built with NVIDIA's headers
    filled = kit.fill(tmp_path / "kit", python)
    assert filled == manifest.read(tmp_path / "kit")
    assert (filled.python, filled.is_built) == (python, True)
    out, place = tmp_path / "results.json", tmp_path / "environment"
    options = ("--kit", tmp_path / "kit", "--environment", place, "--out", out, "--minutes", "60")

    # A part of it in one command, the rest in another, as on a machine that was given back.
    done = run(*options, "--step", "doctor", "kernels", python=base_python())
    assert done.returncode == 0, done.stdout + done.stderr
    first, second, *_, last = done.stdout.splitlines()
    assert first.startswith("gpu_check: lacking: ")
    assert "pycuda>=2025.1.2 (of the kit)" in first
    assert "compute-sanitizer (memcheck, racecheck" in first
    assert second == f"gpu_check: installing the kit {tmp_path}/kit into {place}"
    assert last.endswith(f" passed, 0 failed, 0 left out; {out}")
    before = json.loads(out.read_text())
    assert before["facts"]["card"] == "graphc emulated device"
    assert before["facts"]["machine"]["executable"] == str(place / "bin" / "python")
    assert "built without cuRAND" in re.sub(r"\s+", " ", before["runs"][0]["found"]["report"])

    done = run(*options, "--resume", python=base_python())
    assert done.returncode == 0, done.stdout + done.stderr
    content = json.loads(out.read_text())
    assert content["runs"][: len(before["runs"])] == before["runs"]
    runs = {(one["step"], one["name"]): one for one in content["runs"]}
    assert list(dict.fromkeys(step for step, _ in runs)) == list(STEPS)
    left_out = {step for (step, _), one in runs.items() if one["passed"] is None}
    assert left_out == {"memcheck", "racecheck", "initcheck", "synccheck", "cublas", "predictions"}
    assert all(one["said"] for one in runs.values() if one["passed"] is None)
    for name in FEW_KERNELS:
        assert runs["kernels", name]["found"]["values"] > 0
    for name in FEW_MODELS:
        first, second = runs["bitwise", name]["found"]["digests"]
        assert first == second
        assert len(runs["models", name]["found"]["losses"]) == 10
        report = runs["bench", name]["found"]["report"]
        assert report["device"] == "gpu"
    for name in CUT_TESTS:
        assert runs["tests", name]["found"]["tests"] > 0
    assert not list(tmp_path.glob("results.json.*"))  # written whole


def test_what_the_sanitizer_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compute-sanitizer").write_text(SANITIZER)
    (tmp_path / "compute-sanitizer").chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    done = run("--out", tmp_path / "results.json", "--step", "racecheck")
    assert done.returncode == 0, done.stdout + done.stderr
    (one,) = json.loads((tmp_path / "results.json").read_text())["runs"]
    assert (one["step"], one["passed"], one["found"]["steps"]) == ("racecheck", True, 1)


# Column-major, as cuBLAS is; the emulated driver's memory is the host's.
CUBLAS = """
int cublasCreate_v2(void** handle) { *handle = &cublasCreate_v2; return 0; }
int cublasSetStream_v2(void* handle, void* stream) { return handle ? 0 : 1; }
int cublasGetVersion_v2(void* handle, int* version) { *version = 130100; return 0; }
int cublasSgemm_v2(void* handle, int transa, int transb, int m, int n, int k, const float* alpha,
                   const float* a, int lda, const float* b, int ldb, const float* beta, float* c,
                   int ldc) {
  if (transa || transb || *beta || *alpha != 1) return 7;
  for (int j = 0; j < n; ++j)
    for (int i = 0; i < m; ++i) {
      double sum = 0;
      for (int l = 0; l < k; ++l) sum += (double)a[i + l * lda] * b[l + j * ldb];
      c[i + j * ldc] = SCALE * sum;
    }
  return 0;
}
"""


@pytest.mark.parametrize(("scale", "passed"), [("1", True), ("2", False)])
def test_products_beside_a_cublas_are_right_before_they_are_timed(
    scale: str, passed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cublas.c").write_text(CUBLAS)
    command = ["gcc", "-shared", "-fPIC", f"-DSCALE={scale}", "cublas.c", "-o", "libcublas.so.13"]
    subprocess.run(command, cwd=tmp_path, check=True)
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    done = run("--out", tmp_path / "results.json", "--step", "cublas")
    (one,) = json.loads((tmp_path / "results.json").read_text())["runs"]
    assert (done.returncode, one["passed"]) == (0 if passed else 1, passed), one["said"]
    if passed:
        assert (one["found"]["library"], one["found"]["version"]) == ("libcublas.so.13", 130100)
        (row,) = one["found"]["products"]
        assert row["ms"] >= 0
        assert row["cublas_ms"] >= 0
    else:
        assert "Mismatched elements" in one["said"]


@pytest.mark.parametrize("name", [name for name in KERNELS if name not in FEW_KERNELS])
def test_each_other_kernel_agrees_with_the_interpreter(name: str) -> None:
    checked, found = compared(name)
    assert checked.values > 0
    assert (checked.failures, checked.unchecked) == ((), ())
    assert KERNELS[name]()[0] in {*found, "scan"}


def test_pycuda_needs_no_curand_and_what_a_kit_brings() -> None:
    """All of these tests run with a PyCUDA that is built without it."""
    assert probe.linked_curand() == ""
    needed = importlib.metadata.requires("pycuda") or []
    names = {re.match(r"[\w-]+", one)[0].lower() for one in needed if "extra" not in one}
    assert names <= {re.match(r"[\w-]+", one)[0] for one in kit.PYCUDA_NEEDS}
