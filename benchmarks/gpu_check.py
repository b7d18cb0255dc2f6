"""Everything that only a GPU can show, in one command, into one file with the date and the card.

    python benchmarks/gpu_check.py                     on a machine with a GPU, nvcc and git
    python benchmarks/gpu_check.py --only tests bench  some parts of it
    python benchmarks/gpu_check.py --emulated          a part of it on the emulated driver

Parts: `tests` (all CUDA tests on the machine's own driver), `bitwise` (each reference model is
trained twice, in two processes; every byte of its state has to be the same), `sanitizer`
(compute-sanitizer's four tools on one step of each), `bench` (graphc bench of each).

The status is 0 where all passed, 1 where something did not, 2 where there is no GPU to check.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphc.compiler.runtime.gpu import probe
from graphc.reference_models import REFERENCE_MODELS

ROOT = Path(__file__).resolve().parent.parent
TRAIN = ROOT / "benchmarks" / "train_digest.py"
RESULTS = ROOT / "benchmarks" / "results"
ENVIRONMENT = ROOT / ".venv-gpu"
EMULATED_MODELS = ("mlp",)
EMULATED_TESTS = ("test_runtime.py",)
SANITIZER_TOOLS = ("memcheck", "initcheck", "racecheck", "synccheck")
SANITIZED_BATCH = 8  # the kernels are the same at any batch, and a sanitizer is slow
SHOWN = 30


@dataclass(frozen=True)
class Setting:
    """Where the check runs: `python` has PyCUDA, `environment` says which driver."""

    python: str
    environment: dict[str, str]
    emulated: bool

    @property
    def models(self) -> Sequence[str]:
        return EMULATED_MODELS if self.emulated else tuple(REFERENCE_MODELS)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A program in the checkout, to its end; what it printed is kept."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )

    def train(
        self, name: str, *arguments: str, under: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Train a model in a process of its own, under another program if there is one."""
        cut = ("--cut",) if self.emulated else ()
        return self.run(*under, self.python, str(TRAIN), name, *arguments, *cut)


def tests(setting: Setting) -> dict[str, Any]:
    """The CUDA tests; those that failed by name."""
    folder = ROOT / "tests" / "cuda_emulator"
    chosen = [str(folder / name) for name in EMULATED_TESTS] if setting.emulated else [str(folder)]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place, "tests.xml")
        done = setting.run(setting.python, "-m", "pytest", "-q", f"--junitxml={path}", *chosen)
        if not path.is_file():
            return {"passed": False, "said": _last_lines(done)}
        suite = next(ElementTree.parse(path).getroot().iter("testsuite"))
    counts = {name: int(suite.get(name, 0)) for name in ("tests", "failures", "errors", "skipped")}
    failed = [
        f"{case.get('classname')}::{case.get('name')}"
        for case in suite.iter("testcase")
        if case.find("failure") is not None or case.find("error") is not None
    ]
    passed = done.returncode == 0 and counts["tests"] > counts["skipped"]
    said = "" if passed else _last_lines(done)
    return {"passed": passed, **counts, "failed": failed, "said": said}


def bitwise(setting: Setting) -> dict[str, Any]:
    """Each model trained twice: the digests of the two states, and the losses."""
    found: dict[str, Any] = {}
    for name in setting.models:
        runs = [setting.train(name, "--steps", "10") for _ in range(2)]
        broken = [_last_lines(run) for run in runs if run.returncode]
        if broken:
            found[name] = {"passed": False, "said": broken[0]}
            continue
        first, second = (json.loads(run.stdout.splitlines()[-1]) for run in runs)
        same = first["digest"] == second["digest"] and first["losses"] == second["losses"]
        found[name] = {
            "passed": same,
            "digests": [first["digest"], second["digest"]],
            "losses": first["losses"],
        }
    return {"passed": all(one["passed"] for one in found.values()), "models": found}


def sanitizer(setting: Setting) -> dict[str, Any]:
    """compute-sanitizer on one step of each model; not run where it is missing, which is said."""
    program = shutil.which("compute-sanitizer")
    if setting.emulated or program is None:
        why = "it knows GPUs only" if setting.emulated else "it is not on PATH"
        return {"passed": None, "said": f"compute-sanitizer was not run: {why}"}
    found: dict[str, Any] = {}
    for name in setting.models:
        for tool in SANITIZER_TOOLS:
            under = (program, "--tool", tool, "--error-exitcode", "9")
            done = setting.train(name, "--steps", "1", "--batch", str(SANITIZED_BATCH), under=under)
            passed = done.returncode == 0
            found[f"{name} {tool}"] = {
                "passed": passed,
                "said": "" if passed else _last_lines(done),
            }
    return {"passed": all(one["passed"] for one in found.values()), "runs": found}


def bench(setting: Setting) -> dict[str, Any]:
    """Run `graphc bench --json` for each model; its own check is part of it."""
    if setting.emulated:
        return {"passed": None, "said": "no bench: times of the emulated driver mean nothing"}
    found: dict[str, Any] = {}
    for name in setting.models:
        command = ("-m", "graphc", "bench", name, "--device", "gpu", "--json")
        done = setting.run(setting.python, *command)
        report = json.loads(done.stdout) if done.stdout.strip().startswith("{") else None
        said = "" if done.returncode == 0 else _last_lines(done)
        found[name] = {"passed": done.returncode == 0, "said": said, "report": report}
    return {"passed": all(one["passed"] for one in found.values()), "models": found}


PARTS = {"tests": tests, "bitwise": bitwise, "sanitizer": sanitizer, "bench": bench}


def check(setting: Setting, parts: Sequence[str]) -> dict[str, Any]:
    """Run the parts; says of each how it went as soon as it is done."""
    facts = setting.train(setting.models[0], "--steps", "1")
    if facts.returncode:
        sys.exit(f"gpu_check: not one step of {setting.models[0]} runs:\n{_last_lines(facts)}")
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "facts": json.loads(facts.stdout.splitlines()[-1])["facts"],
        "parts": {},
    }
    for name in parts:
        print(f"{name}: ", end="", flush=True)
        done = PARTS[name](setting)
        result["parts"][name] = done
        print(_summary(done), flush=True)
    result["passed"] = all(part["passed"] is not False for part in result["parts"].values())
    return result


def _summary(part: dict[str, Any]) -> str:
    word = {True: "passed", False: "FAILED", None: "not run"}[part["passed"]]
    counts = [f"{part[name]} {name}" for name in ("tests", "failures", "skipped") if name in part]
    lines = [", ".join([word, *counts])]
    if part.get("said"):
        lines.append(part["said"])
    for name, one in (part.get("models") or part.get("runs") or {}).items():
        if not one["passed"]:
            what = one.get("said") or f"the two runs differ: {one['digests']}"
            lines.append(f"  {name}: {what}")
    return "\n".join(lines)


def _last_lines(done: subprocess.CompletedProcess[str]) -> str:
    lines = f"{done.stdout}\n{done.stderr}".strip().splitlines()
    return "\n".join(lines[-SHOWN:])


def real_setting() -> Setting:
    """An environment with PyCUDA, which pip builds with the machine's toolkit; else exits."""
    python = ENVIRONMENT / "bin" / "python"
    for command in (
        [sys.executable, "-m", "venv", str(ENVIRONMENT)],
        [str(python), "-m", "pip", "install", "--quiet", "-e", f"{ROOT}[gpu,test]"],
    ):
        print(f"environment: {' '.join(command)}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            sys.exit("gpu_check: the environment could not be made; see above")
    return Setting(str(python), {"GRAPHC_CUDA_TESTS": "gpu"}, emulated=False)


def path_of(result: dict[str, Any], folder: Path) -> Path:
    """``2026-01-31-nvidia-h100-pcie.json``."""
    card = re.sub(r"[^a-z0-9]+", "-", result["facts"]["card"].lower()).strip("-")
    return folder / f"{result['date'][:10]}-{card}.json"


def no_gpu() -> str:
    """Return the missing pieces for the check, with the fix of each; empty where all is there."""
    driver = probe.cuda_driver()
    missing = [(driver.problem, driver.fix)] if driver.problem else []
    if probe.nvcc_path() is None:
        missing.append(("no CUDA compiler (nvcc not on PATH)", probe.NVCC_FIX))
    return "; ".join(f"{problem}: {fix}" for problem, fix in missing)


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument(
        "--emulated",
        action="store_true",
        help="a few tests and small models on the emulated driver, with this Python and the "
        "environment of make test-cuda; writes no file unless --output says where",
    )
    parser.add_argument("--output", type=Path, help=f"the folder to write to (default: {RESULTS})")
    arguments = parser.parse_args(given)
    if arguments.emulated:
        if "GRAPHC_CUDA_DRIVER" not in os.environ:
            parser.error("--emulated: $GRAPHC_CUDA_DRIVER is not set, as make test-cuda sets it")
        setting = Setting(sys.executable, {}, emulated=True)
    else:
        missing = no_gpu()
        if missing:
            print(f"gpu_check: there is no GPU to check. {missing}", file=sys.stderr)
            return 2
        setting = real_setting()
    result = check(setting, arguments.only)
    folder = arguments.output or (None if arguments.emulated else RESULTS)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        path = path_of(result, folder)
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"written to {path}")
    print("passed" if result["passed"] else "FAILED")
    return 0 if result["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
