"""benchmarks/gpu_check.py without a GPU: what it says is lacking, that it sees what fails and goes
on, and kits that do not fit.

On the emulated driver as a whole: tests/cuda_emulator/test_gpu_check.py.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks import gpu_check
from benchmarks.bring_up import headers, kernel, kit, machine, manifest, steps
from benchmarks.bring_up.manifest import Kit, KitError
from benchmarks.bring_up.results import Results, ResultsError, newest
from benchmarks.bring_up.running import carry_out
from benchmarks.bring_up.steps import Run
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.reference_models import REFERENCE_MODELS
from tests.cuda_emulator.emulated_alone import EMULATED_ALONE

FACTS = {"card": "NVIDIA H100 80GB HBM3", "commit": "abc"}
MACHINE = {
    "python": "3.12",
    "executable": "/usr/bin/python3",
    "platform": "linux-x86_64",
    "driver": "12.4",
    "cards": ["NVIDIA H100 80GB HBM3"],
    "driver_problem": "",
    "driver_fix": "",
    "nvcc": "/usr/bin/nvcc",
    "nvcc_problem": "",
    "nvcc_fix": "",
    "sanitizer": None,
    "torch": False,
    "host_compiler": "/usr/bin/g++",
    "python_headers": True,
    "libc": ["glibc", "2.35"],
    "lacking": [],
}
KIT = Kit(
    python="3.12",
    platform="linux-x86_64",
    cuda="12.1",
    pycuda="2026.1",
    is_built=True,
    glibc="2.34",
    nvcc="",
    requirements=["numpy>=2"],
    toolkit=[],
    commit="abc",
    files={},
    size=0,
)


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


# ---- what is lacking ---------------------------------------------------------------------------


def test_without_a_gpu_one_line_says_all_that_is_lacking(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")  # no nvcc, wherever this runs
    monkeypatch.setenv("CUDACXX", "/nowhere/nvcc")
    monkeypatch.setattr(gpu_check, "KIT", tmp_path)
    assert gpu_check.main(["--out", str(tmp_path / "out.json")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("gpu_check: there is nothing to check with: ")
    assert "nvcc not at /nowhere/nvcc, as CUDACXX says" in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out.json").exists()


def test_pieces_that_are_lacking_come_with_what_to_do() -> None:
    assert list(gpu_check.missing(MACHINE, None)) == []
    lacking = {**MACHINE, "nvcc": None, "nvcc_problem": "no nvcc", "lacking": ["pycuda>=2025.1.2"]}
    nvcc, packages = gpu_check.missing(lacking, None)
    assert nvcc.startswith("no nvcc: ")
    assert "a kit of NVCC=1" in nvcc
    assert "pycuda>=2025.1.2: run make gpu-kit PYTHON=3.12 where there is a network" in packages
    assert [one.split(":")[0] for one in gpu_check.missing(lacking, KIT)] == ["no nvcc"]
    assert list(gpu_check.missing(lacking, replace(KIT, nvcc="12.1"))) == []


def test_a_kit_is_installed_only_for_what_is_lacking() -> None:
    assert not gpu_check.needs(KIT, MACHINE)
    assert gpu_check.needs(KIT, {**MACHINE, "lacking": ["pycuda"]})
    assert not gpu_check.needs(KIT, {**MACHINE, "nvcc": None})
    assert gpu_check.needs(replace(KIT, nvcc="13.0"), {**MACHINE, "nvcc": None})


def test_what_is_left_out_is_the_first_line() -> None:
    line = gpu_check.left_out(MACHINE, None)
    assert line.startswith(
        "lacking: compute-sanitizer (memcheck, racecheck and others are left out)"
    )
    assert "PyTorch (benches run without it)" in line
    whole = {**MACHINE, "sanitizer": "/usr/bin/compute-sanitizer", "torch": True}
    assert gpu_check.left_out(whole, None) == "lacking: nothing"
    bare = {**whole, "nvcc": None, "sanitizer": None, "lacking": ["pycuda>=2025.1.2"]}
    assert gpu_check.left_out(bare, replace(KIT, nvcc="13.0")) == (
        "lacking: pycuda>=2025.1.2 (of the kit); nvcc, compute-sanitizer (of the kit)"
    )


def test_versions_of_packages_are_compared_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"pycuda": "2025.1.2", "numpy": "1.26.4", "jinja2": "3.10"}

    def version(name: str) -> str:
        if name not in found:
            raise machine.importlib.metadata.PackageNotFoundError
        return found[name]

    monkeypatch.setattr(machine.importlib.metadata, "version", version)
    wanted = ["pycuda>=2025.1.2", "numpy>=2", "jinja2>=3.9", "h5py>=3.10"]
    assert machine.lacking_packages(wanted) == ["numpy>=2 (there is 1.26.4)", "h5py>=3.10"]
    found["pycuda"] = "2025.1"
    assert "pycuda>=2025.1.2 (there is 2025.1)" in machine.lacking_packages(wanted)
    assert "pycuda>=2025.1.2" in machine.requirements()


def test_compute_sanitizer_is_found_beside_nvcc_behind_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    toolkit, links = tmp_path / "cuda" / "bin", tmp_path / "links"
    for folder in (toolkit, links):
        folder.mkdir(parents=True)
    for name in ("nvcc", "compute-sanitizer"):
        (toolkit / name).write_text("")
        (toolkit / name).chmod(0o755)
    (links / "nvcc").symlink_to(toolkit / "nvcc")
    found = str(toolkit / "compute-sanitizer")
    assert machine.sanitizer_path(str(toolkit / "nvcc")) == found
    assert machine.sanitizer_path(str(links / "nvcc")) == found
    assert machine.sanitizer_path(None) is None


def test_emulated_needs_the_emulated_driver(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GRAPHC_CUDA_DRIVER", raising=False)
    with pytest.raises(SystemExit) as end:
        gpu_check.main(["--emulated"])
    assert end.value.code == 2
    assert "GRAPHC_CUDA_DRIVER" in capsys.readouterr().err


def test_an_old_python_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gpu_check.sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit):
        gpu_check.main([])
    assert "graphc needs Python 3.11 or later, this is 3.10" in capsys.readouterr().err


# ---- kits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"python": "3.13"}, ["the kit is for Python 3.13, this is Python 3.12: run gpu_check.py"]),
        ({"platform": "linux-aarch64"}, ["the kit is for linux-aarch64, this is linux-x86_64"]),
        (
            {"cuda": "13.0"},
            ["PyCUDA is built for CUDA 13.0, the driver is for CUDA 12.4: make gpu-kit CUDA=12"],
        ),
        ({"is_built": False, "glibc": ""}, []),
        (
            {"glibc": "2.36"},
            ["PyCUDA was built for glibc 2.36, this is 2.35: make gpu-kit SOURCE=1"],
        ),
        ({"cuda": "12.9"}, []),  # PyCUDA calls nothing that came within CUDA 12
        (
            {"cuda": "13.0", "python": "3.11", "nvcc": "13.0"},
            ["make gpu-kit PYTHON=3.12", "make gpu-kit CUDA=12"],
        ),
    ],
)
def test_a_kit_for_another_machine_says_how_it_differs(
    changed: dict[str, Any], said: Sequence[str]
) -> None:
    found = manifest.differences(replace(KIT, **changed), MACHINE)
    assert len(found) == len(said)
    for line, part in zip(found, said, strict=True):
        assert part in line


def test_a_kit_whose_pycuda_cannot_be_built_says_what_is_missing() -> None:
    bare = {**MACHINE, "host_compiler": None, "python_headers": False}
    compiler, header = manifest.differences(replace(KIT, is_built=False, glibc=""), bare)
    assert "PyCUDA as source, and g++ to build it is not here: install g++" in compiler
    assert "Python.h to build it is not here: install python3-dev" in header
    assert manifest.differences(KIT, bare) == []


def test_a_kit_in_its_place_is_of_no_matter_where_all_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_check, "KIT", tmp_path)
    assert gpu_check.kit_for(None, {**MACHINE, "lacking": ["pycuda"]}) == (None, None)
    (tmp_path / manifest.WHEELS).mkdir()
    KIT.write(tmp_path)
    assert gpu_check.kit_for(None, MACHINE) == (None, None)
    assert gpu_check.kit_for(None, {**MACHINE, "lacking": ["pycuda"]}) == (tmp_path, KIT)
    assert gpu_check.kit_for(tmp_path, MACHINE) == (tmp_path, KIT)


def test_the_glibc_of_a_wheel_is_the_highest_of_its_extensions(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.whl", "w") as archive:
        archive.writestr("some/_driver.so", b"GLIBC_2.9\0GLIBC_2.34\0GLIBCXX_3.4.29\0")
        archive.writestr("some/note.txt", b"GLIBC_2.99")
    assert kit.glibc_of(tmp_path / "some.whl") == "2.34"
    assert kit.glibc_of(None) == ""


def test_the_nvcc_of_a_kit_that_the_driver_does_not_take_is_said() -> None:
    bare = {**MACHINE, "nvcc": None}
    (line,) = manifest.differences(replace(KIT, nvcc="13.0"), bare)
    assert "the kit's nvcc is of CUDA 13.0, and a driver for CUDA 12.4 does not load" in line


def test_a_kit_that_is_none_or_damaged_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gpu_check.main(["--kit", str(tmp_path)]) == 2
    assert f"gpu_check: {tmp_path}: expected a kit, with kit.json in it" in capsys.readouterr().err
    wheels = tmp_path / manifest.WHEELS
    wheels.mkdir()
    (wheels / "some.whl").write_bytes(b"whole")
    written = replace(KIT, files=manifest.digests(wheels))
    written.write(tmp_path)
    assert manifest.read(tmp_path) == written
    (wheels / "some.whl").write_bytes(b"half")
    with pytest.raises(KitError, match="missing or damaged: some.whl"):
        manifest.read(tmp_path)


@pytest.mark.parametrize(
    ("cuda", "release"), [("12", (12, 1)), ("13", (13, 0)), ("13.1", (13, 1)), ("12.9", (12, 9))]
)
def test_the_cuda_that_a_kit_is_for(cuda: str, release: tuple[int, int]) -> None:
    assert kit.release_for(cuda) == release


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("3.10", "13", False), "graphc needs Python 3.11 or later, received PYTHON=3.10"),
        (("3.12", "12", True), "wheels of nvcc from CUDA 13 on, received CUDA 12.1"),
        (("3.12", "11", False), "expected 12 or 13, or a release of it, received 11"),
    ],
)
def test_a_kit_that_cannot_be_is_refused_and_nothing_is_removed(
    arguments: tuple[str, str, bool], said: str, tmp_path: Path
) -> None:
    (tmp_path / "other").write_text("")
    with pytest.raises(SystemExit, match=said):
        kit.fill(tmp_path, *arguments)
    assert (tmp_path / "other").exists()


def test_headers_of_wheels_are_one_folder(tmp_path: Path) -> None:
    for name, files in {
        "nvidia_cuda_runtime_cu12": {
            "nvidia/cuda_runtime/include/cuda.h": "#define CUDA_VERSION 12010"
        },
        "nvidia_cuda_profiler_api_cu12": {"nvidia/cuda_profiler_api/include/a/b.h": "b"},
    }.items():
        with zipfile.ZipFile(tmp_path / f"{name}.whl", "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
    folder = headers.unpack(sorted(tmp_path.glob("*.whl")), tmp_path / "include")
    assert folder is not None
    assert headers.release_of(folder) == (12, 1)
    assert (folder / "a" / "b.h").read_text() == "b"
    assert headers.packages((12, 1))[0] == "nvidia-cuda-runtime-cu12==12.1.*"
    assert headers.packages((13, 0))[0] == "nvidia-cuda-runtime==13.0.*"


# ---- runs --------------------------------------------------------------------------------------


def test_a_program_that_passes_fails_or_leaves_out_says_so() -> None:
    program = (
        "import json; print('text'); "
        "print(json.dumps({'passed': %s, 'said': %r, 'found': {'n': 3}}))"
    )
    run = Run("some", python(program % (True, "")), 60)
    one = carry_out(run, {}, 60)
    assert one is not None
    assert (one["name"], one["passed"], one["found"]) == ("some", True, {"n": 3})
    one = carry_out(replace(run, command=python(program % (None, "no such thing"))), {}, 60)
    assert one is not None
    assert (one["passed"], one["said"]) == (None, "no such thing")
    failed = program % (False, "3 differ") + "; raise SystemExit(1)"
    one = carry_out(replace(run, command=python(failed)), {}, 60)
    assert one is not None
    assert (one["passed"], one["said"]) == (False, "3 differ")
    one = carry_out(replace(run, command=python("raise ValueError('no such card')")), {}, 60)
    assert one is not None
    assert not one["passed"]
    assert "no such card" in one["said"]
    one = carry_out(replace(run, lacking="no sanitizer"), {}, 60)
    assert one is not None
    assert (one["passed"], one["said"]) == (None, "no sanitizer")


def test_a_crash_is_named() -> None:
    text = "import os, signal; print('at the last'); os.kill(os.getpid(), signal.SIGSEGV)"
    one = carry_out(Run("some", python(text), 60), {}, 60)
    assert one is not None
    assert not one["passed"]
    assert "was ended by SIGSEGV" in one["said"]


def test_a_run_that_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    late = tmp_path / "late"
    child = f"import time; time.sleep(3); open({str(late)!r}, 'w')"
    text = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    one = carry_out(Run("some", python(text), 1), {}, 60)
    assert one is not None
    assert not one["passed"]
    assert "did not end within 1 s" in one["said"]
    time.sleep(3)
    assert not late.exists()


def test_a_run_that_the_end_of_the_time_cuts_off_has_found_nothing() -> None:
    assert carry_out(Run("some", python("import time; time.sleep(60)"), 60), {}, 0.5) is None


def test_what_fails_stops_nothing_and_each_is_written_down_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    seen = f"import json; assert len(json.load(open({str(path)!r}))['runs']) == 2"
    pending = [
        ("kernels", Run("first", python("raise SystemExit(3)"), 60)),
        ("kernels", Run("second", python("import os; os.abort()"), 60)),
        ("models", Run("third", python(seen), 60)),
    ]
    results = Results.begun(tmp_path, FACTS, path)
    assert gpu_check.carry_out_all(pending, results, {}, time.monotonic() + 60)
    assert results.counts() == {"passed": 1, "failed": 2, "left out": 0}
    said = capsys.readouterr().out
    assert "kernels first: FAILED" in said
    assert "was ended by SIGABRT" in said
    assert "models third: passed" in said
    assert json.loads(path.read_text())["runs"] == results.runs


def test_the_end_of_the_time_leaves_the_rest_for_later(tmp_path: Path) -> None:
    done, late = Run("done", python(""), 60), Run("late", python("import time; time.sleep(60)"), 60)
    results = Results.begun(tmp_path, FACTS)
    pending = [("kernels", done), ("kernels", late)]
    assert not gpu_check.carry_out_all(pending, results, {}, time.monotonic() + 2)
    assert results.is_done("kernels", "done")
    assert not results.is_done("kernels", "late")
    assert not gpu_check.carry_out_all(pending, results, {}, time.monotonic() - 1)


# ---- the file ----------------------------------------------------------------------------------


def found(step: str, name: str, passed: bool | None) -> dict[str, Any]:
    return {"step": step, "name": name, "passed": passed, "seconds": 1.0, "said": "", "found": {}}


def test_what_is_resumed_is_not_done_again_but_for_what_was_left_out(tmp_path: Path) -> None:
    results = Results.begun(tmp_path, FACTS)
    assert results.path.name.endswith("-nvidia-h100-80gb-hbm3.json")
    for name, passed in (("mlp", True), ("cnn", False), ("lstm", None)):
        results.add(found("bench", name, passed))
    assert newest(tmp_path) == results.path
    again = Results.resumed(results.path, FACTS)
    assert [again.is_done("bench", name) for name in ("mlp", "cnn", "lstm", "accel")] == [
        *(True, True),
        *(False, False),
    ]
    again.add(found("bench", "lstm", True))
    assert [one["name"] for one in again.runs] == ["mlp", "cnn", "lstm"]
    assert again.facts["date"] == results.facts["date"]
    for name, other in (("card", "NVIDIA A100"), ("commit", "def")):
        with pytest.raises(ResultsError, match=f"of another {name}: expected {other}"):
            Results.resumed(results.path, {**FACTS, name: other})


def test_a_file_of_something_else_is_not_resumed(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    for text in ("", "[]", '{"facts": {}}'):
        (tmp_path / "other.json").write_text(text)
        with pytest.raises(ResultsError, match="is no file of gpu_check.py"):
            Results.resumed(tmp_path / "other.json", FACTS)


# ---- the tables --------------------------------------------------------------------------------


def test_the_steps_name_what_there_is() -> None:
    assert tuple(REFERENCE_MODELS) == steps.MODELS
    assert tuple(kernel.KERNELS) == steps.KERNELS
    kinds = [build()[0] for build in kernel.KERNELS.values()]
    assert set(kinds) == set(CUDA_MAPPINGS)
    first = len(set(kinds))
    assert len(set(kinds[:first])) == first  # one of each kind comes first
    assert set(steps.FEW_MODELS) <= set(steps.MODELS)
    assert set(steps.FEW_KERNELS) <= set(steps.KERNELS)
    assert all((steps.TESTS / name).is_file() for name in steps.CUT_TESTS)


def test_each_run_fits_a_command(tmp_path: Path) -> None:
    for few in (False, True):
        setting = steps.Setting(sys.executable, MACHINE, tmp_path / "results.json", few, few)
        for step in steps.STEPS.values():
            runs = list(step(setting))
            assert runs
            assert all(run.limit <= 480 for run in runs)
            assert len({run.name for run in runs}) == len(runs)


def digest_of(text: str) -> str:
    """A program that prints a training's result, with this expression as the digest."""
    return f"import json, os\nprint(json.dumps({{'digest': {text}, 'losses': [1.5]}}))\n"


@pytest.mark.parametrize(
    ("train", "passed", "said"),
    [
        (digest_of("'abc'"), True, ""),
        (digest_of("str(os.getpid())"), False, "the two runs differ: digests"),
        ("raise SystemExit('no such model')", False, "no such model"),
    ],
)
def test_two_runs_with_other_bytes_fail(
    train: str, passed: bool, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "train.py"
    path.write_text(train)
    text = f"from benchmarks.bring_up import twice; twice.main({str(path)!r})"
    one = carry_out(Run("mlp", python(text), 60), {"PYTHONPATH": str(gpu_check.ROOT)}, 60)
    assert one is not None
    assert one["passed"] == passed
    assert said in one["said"]


@pytest.mark.parametrize(
    ("text", "passed", "said"),
    [
        ("def test_right(): pass\ndef test_wrong(): assert 1 == 2\n", False, "1 == 2"),
        ("import pytest\n@pytest.mark.skip\ndef test_some(): pass\n", None, "was skipped"),
        ("def test_right(): pass\n", True, ""),
        ("raise ValueError('no such module')\n", False, "no such module"),
    ],
)
def test_a_file_of_tests_that_fails_or_shows_nothing(
    text: str, passed: bool | None, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "test_some.py"
    path.write_text(text)
    command = (sys.executable, "-m", "benchmarks.bring_up.suite", str(path))
    one = carry_out(Run(path.name, command, 60), {}, 60)
    assert one is not None
    assert one["passed"] is passed
    assert said in one["said"]
    if "test_wrong" in text:
        assert [name.rpartition("::")[2] for name in one["found"]["failed"]] == ["test_wrong"]


def test_plugins_of_the_machines_python_are_not_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "refusing.py").write_text("raise RuntimeError('loaded')")
    described = tmp_path / "refusing-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: refusing\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[pytest11]\nrefusing = refusing\n")
    path = tmp_path / "test_some.py"
    path.write_text("def test_right(): pass")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    command = (sys.executable, "-m", "benchmarks.bring_up.suite", str(path))
    one = carry_out(Run(path.name, command, 60), {}, 60)
    assert one is not None
    assert one["passed"], one["said"]


def test_tests_that_are_left_out_on_a_gpu_exist() -> None:
    folder = gpu_check.ROOT / "tests" / "cuda_emulator"
    for file, names in EMULATED_ALONE.items():
        text = (folder / file).read_text(encoding="utf-8")
        assert [name for name in names if f"def {name}(" not in text] == []


# ---- predictions -------------------------------------------------------------------------------


def bench_of(ms: float) -> dict[str, Any]:
    """A bench of one launch that took so many milliseconds."""
    report = {
        "model": "mlp",
        "batch": 128,
        "facts": {"card": FACTS["card"]},
        "step": {"median": 4 * ms},
        "device_step": {"median": ms},
        "peaks": None,
        "rows": [{"name": "k0_add", "ms": {"median": ms}, "cold": {"median": 2 * ms}}],
    }
    return {"step": "bench", "name": "mlp", "passed": True, "found": {"report": report}}


def test_measured_times_are_compared_with_the_newest_predictions(tmp_path: Path) -> None:
    folder, path = tmp_path / "predictions", tmp_path / "results.json"
    folder.mkdir()

    def predicted(card: str, *runs: dict[str, Any]) -> dict[str, Any]:
        path.write_text(json.dumps({"facts": {"card": card}, "runs": runs}))
        text = "from pathlib import Path; from benchmarks.bring_up import predictions as p; p.main("
        command = (*python(f"{text}Path({str(folder)!r}))"), str(path))
        variables = {"PYTHONPATH": str(gpu_check.ROOT)}
        one = carry_out(Run("predictions", command, 120), variables, 120)
        assert one is not None
        return one

    assert predicted(FACTS["card"], bench_of(3))["said"] == f"no predictions are in {folder}"
    kernel = {"name": "k0_add", "warm_ms": 2, "cold_ms": 2}
    for date, factor in (("2026-01-01", 9), ("2026-01-02", 1)):
        kernels = [{**kernel, "warm_ms": 2 * factor}]
        step = {"batch": 128, "device_ms": 1, "step_ms": 2, "kernels": kernels}
        text = json.dumps({"cards": {"h100": {"mlp": step}}})
        (folder / f"{date}.json").write_text(text)
    one = predicted(FACTS["card"], bench_of(3))
    assert one["passed"] is True, one["said"]
    assert one["found"]["predictions"] == "2026-01-02.json"
    (found,) = one["found"]["compared"]
    assert found["typical"] == pytest.approx(1.5)
    other = bench_of(3)
    other["found"]["report"]["batch"] = 7
    one = predicted(FACTS["card"], other)
    assert one["passed"] is False
    assert "expected batch 7, found batch 128" in one["said"]
    assert predicted(FACTS["card"])["said"] == "no bench has measured anything yet"
    left_out = predicted("NVIDIA H200", bench_of(3))
    assert left_out["passed"] is None
    assert "there are no predictions of 'NVIDIA H200'" in left_out["said"]
