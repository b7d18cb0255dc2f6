"""Changes to code: which there are, and what becomes of one."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import multiprocessing
import os
import re
import select
import shlex
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaigns import mutants
from tests.campaigns.campaign import Campaign, Cases, Result
from tests.campaigns.command import main
from tests.campaigns.mutations_of_code import TUNING, changes

SOURCE = '''\
"""A docstring with a number, 3."""
from a import b


@b(1, 2)
def f(x: int = 4, *, y: bool = True) -> int:
    """Return 5."""
    if not x < 6 and y is None:
        g(x, y)
    x += h(x)
    return x * y
'''


def lines_of_changes(source: str) -> list[str]:
    lines = []
    for change in changes(source.encode()):
        after = change.of(source.encode()).decode()
        pairs = zip(source.splitlines(), after.splitlines(), strict=True)
        [(_, new)] = [(old, new) for old, new in pairs if old != new]
        lines.append(new.strip())
    return sorted(lines)


def test_the_changes_to_a_source():
    assert lines_of_changes(SOURCE) == sorted(
        [
            "def f(x: int = (3), *, y: bool = True) -> int:",
            "def f(x: int = (5), *, y: bool = True) -> int:",
            "def f(x: int = 4, *, y: bool = False) -> int:",
            "if  x < 6 and y is None:",
            "if not x <= 6 and y is None:",
            "if not x < (5) and y is None:",
            "if not x < (7) and y is None:",
            "if not x < 6 or y is None:",
            "if not x < 6 and y is not None:",
            "g(y, x)",
            "pass",
            "pass",
            "return None",
            "return x + y",
        ]
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""Return 5."""\n', []),
        ("x: Annotated[int, 5]\n", []),
        ("def f(x: A[1]) -> B[2]:\n    assert x > 3\n", []),
        ("if TYPE_CHECKING:\n    g(a, b)\nelse:\n    x = True\n", ["x = False"]),
        ("if typing.TYPE_CHECKING:\n    g(a, b)\n", []),
        ("@dataclass(\n    frozen=True\n)\nclass A(B, metaclass=g(a, b)):\n    pass\n", []),
        ("x = zip(a, a, strict=True)\n", []),
        ("x = f(a, strict=True)\n", ["x = f(a, strict=False)"]),
        ("x = f(timeout=1, after=True)\n", ["x = f(timeout=1, after=False)"]),
        ("x = max(a, b)\n", []),
        ("x = np.minimum(a, b + c)\n", ["x = np.minimum(a, b - c)"]),
        ("time.sleep(3)\n", ["pass"]),
        ("_WAIT_SECONDS = 30\n_MOST = 0\n", ["_MOST = (1)"]),
        ("_CHUNK: int = 1 << 20\n", []),
        ("def f():\n    return False\n", ["return True"]),
        ("def f():\n    return 0\n", ["return (1)", "return None"]),
        ("def f():\n    raise NotImplementedError\n", []),
        ("def f():\n    raise AssertionError(1)\n", []),
        ("def f():\n    raise ValueError(a)\n", ["pass"]),
        ("class A:\n    def __hash__(self):\n        return hash(self.x) + 1\n", []),
    ],
)
def test_what_no_run_can_show_is_not_changed(source: str, expected: list[str]):
    assert lines_of_changes(source) == expected


def test_a_number_that_only_tunes_is_not_changed_and_a_bound_of_the_same_kind_is():
    source = b"MOST_KEPT = 16\nMOST_LEVELS: int = 250\nx = MOST_KEPT > 3\n"
    texts = [change.of(source) for change in changes(source, ["MOST_KEPT"])]
    assert texts == [change.of(source) for change in changes(source) if change.start > 15]
    assert b"MOST_KEPT = 16\nMOST_LEVELS: int = (251)\nx = MOST_KEPT > 3\n" in texts
    assert b"MOST_KEPT = 16\nMOST_LEVELS: int = 250\nx = MOST_KEPT >= 3\n" in texts


@pytest.mark.parametrize("path", sorted(TUNING))
def test_each_number_that_only_tunes_is_a_constant_of_its_module(path: str):
    source = (mutants.ROOT / path).read_bytes()
    named = [
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]
    assert set(TUNING[path]) <= set(named)
    others = {change.of(source) for change in changes(source, TUNING[path])}
    left_out = {change.of(source) for change in changes(source)} - others
    changed = {re.match(rb"\w+", line)[0].decode()
               for text in left_out
               for line in set(text.splitlines()) - set(source.splitlines())}  # fmt: skip
    assert changed == set(TUNING[path])


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("graphc/callbacks/stopping.py", ["tests/callbacks/test_stopping.py", "tests/callbacks"]),
        (
            "graphc/compiler/lowering/cpu/context.py",
            ["tests/compiler/lowering/cpu", "tests/native"],
        ),
        (
            "graphc/compiler/runtime/gpu/bound_program.py",
            [
                "tests/compiler/runtime/gpu/test_bound_program.py",
                "tests/compiler/runtime",
                "tests/native",
            ],
        ),
        ("graphc/whole_files.py", ["tests/test_whole_files.py", "tests/files"]),
    ],
)
def test_the_tests_of_a_file(path: str, expected: list[str]):
    assert mutants.tests_of(Path(path)) == expected


@pytest.mark.parametrize("module", ["lookup.py", "optimizers/base.py"])
def test_the_folder_of_what_has_none_is_that_of_all(module: str):
    own, *others = mutants.tests_of(Path("graphc", module))
    assert own == f"tests/test_{module.removesuffix('.py').partition('/')[0]}.py"
    top = {str(one.relative_to(mutants.ROOT)) for one in mutants.ROOT.glob("tests/test_*.py")}
    assert len(others) == len(top) - 1
    assert {own, *others} == top


def test_the_tables_name_what_is_there():
    files = (*mutants.OWN, *mutants.EMULATED)
    assert [name for name in files if not (mutants.ROOT / "graphc" / name).exists()] == []
    tests = [name for names in mutants.OWN.values() for name in names]
    assert [name for name in tests if not (mutants.ROOT / "tests" / name).exists()] == []


def test_the_copy_has_all_that_tests_may_read():
    names = git(mutants.ROOT, "ls-files").splitlines()
    top = {name.partition("/")[0] for name in names if not name.startswith(".")}
    assert {*mutants.PACKAGE, *mutants.COPIED} == top - {"web"}  # whose tests are npm's


def test_files_without_tests_of_their_own_have_nothing_to_change():
    files = [path.relative_to(mutants.ROOT) for path in mutants.ROOT.glob("graphc/**/*.py")]
    without = {str(path) for path in files if not mutants.tests_of(path)}
    assert without == {"graphc/__init__.py", "graphc/__main__.py", "graphc/package_version.py"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("graphc/compiler/runtime/gpu/cuda.py", True),
        ("graphc/compiler/lowering/cuda/kernels.py", True),
        ("graphc/compiler/lowering/cpu/loop.py", False),
        ("graphc/compiler/runtime/cache/kernels.py", False),
        ("graphc/activations.py", False),
    ],
)
def test_what_only_a_gpu_runs(path: str, expected: bool):
    assert mutants.is_emulated(Path(path)) is expected


def test_code_that_only_a_gpu_runs_is_counted_separately_where_it_is_not_emulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = Path("graphc/compiler/runtime/gpu/cuda.py")
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text("x = 1\n")
    (tmp_path / "test_f.py").write_text("def test():\n    pass\n")
    monkeypatch.setattr(mutants, "EMULATOR_DRIVER", tmp_path / "none")
    monkeypatch.setattr(mutants, "stages", lambda path, tests: [["test_f.py"]])
    [change, _] = changes(b"x = 1\n")
    fate = mutants.fate_of(tmp_path, path, change, 120)
    assert fate.ended == "not run"
    assert (tmp_path / path).read_text() == "x = 1\n"


def test_tests_that_name_the_module_come_first():
    path = Path("graphc/callbacks/stopping.py")
    own, named, others = mutants.stages(path, mutants.tests_of(path))
    assert own == ["tests/callbacks/test_stopping.py"]
    folder = {
        str(file.relative_to(mutants.ROOT))
        for file in (mutants.ROOT / "tests" / "callbacks").glob("test_*.py")
    }
    assert len(folder) == len(own + named + others)
    assert folder == {*own, *named, *others}
    assert ["stopping" in (mutants.ROOT / file).read_text() for file in named] == [True] * len(
        named
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("assert f(1) == 1", ("survived", [])),
        ("assert f(1) == 2", ("killed", ["test_f.py::test"])),
        ("f(60)", ("hung", [])),
    ],
)
def test_what_becomes_of_a_change(tmp_path: Path, body: str, expected: tuple[str, str]):
    called = "import time\n\ndef f(x):\n    time.sleep(x - 1)\n    return x\n\n"
    test = f"{called}def test():\n    {body}\n"
    (tmp_path / "test_f.py").write_text(test)
    seconds = 5 if expected[0] == "hung" else 120
    assert mutants.outcome(tmp_path, ["test_f.py"], seconds) == expected


def test_what_fails_without_a_change(tmp_path: Path):
    (tmp_path / "test_f.py").write_text(
        "def test_good():\n    pass\n\ndef test_bad():\n    assert False\n"
    )
    (tmp_path / "test_g.py").write_text("import none_such\n")
    tests = {"test_f.py::test_good", "test_f.py::test_bad", "test_g.py"}
    assert mutants.failing(tmp_path, tests, 120) == {"test_f.py::test_bad", "test_g.py"}
    assert mutants.failing(tmp_path, {"test_f.py", "test_f.py::test_good"}, 120) == set()


def test_tests_that_do_not_end_without_a_change_count_as_failing(tmp_path: Path):
    (tmp_path / "test_f.py").write_text(
        "import time\n\ndef test():\n    time.sleep(60)\n\ndef test_good():\n    pass\n"
    )
    tests = {"test_f.py::test", "test_f.py::test_good"}
    assert mutants.failing(tmp_path, tests, 3) == tests


def test_a_loop_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mutants, "CPU_SECONDS", -3)
    (tmp_path / "test_f.py").write_text("def test():\n    while True:\n        pass\n")
    assert mutants.outcome(tmp_path, ["test_f.py"], 300) == ("hung", [])


def test_tests_end_with_the_process_that_runs_them(tmp_path: Path):
    written = tmp_path / "process"
    (tmp_path / "test_f.py").write_text(
        "import os, pathlib, time\n\ndef test():\n"
        f"    part = pathlib.Path({str(written)!r} + '.part')\n"
        f"    part.write_text(str(os.getpid()))\n    part.rename({str(written)!r})\n"
        "    time.sleep(120)\n"
    )
    arguments = (tmp_path, ["test_f.py"], 120)
    process = multiprocessing.get_context("fork").Process(target=mutants.outcome, args=arguments)
    process.start()
    while not written.exists():
        time.sleep(0.05)
    tests = os.pidfd_open(int(written.read_text()))
    process.kill()
    process.join()
    ended, _, _ = select.select([tests], [], [], 30)
    os.close(tests)
    assert ended


def test_memory_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mutants, "MOST_MEMORY", 300 << 20)
    (tmp_path / "test_f.py").write_text(
        "import time\n\ndef test():\n    x = b'1' * (400 << 20)\n    time.sleep(60)\n    assert x\n"
    )
    assert mutants.outcome(tmp_path, ["test_f.py"], 300) == ("hung", [])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose package has one number, 1, and a test of it that is not committed."""
    root = tmp_path / "project"
    for name in mutants.PACKAGE:
        (root / name).mkdir(parents=True)
        (root / name / "f.py").write_text("x = 1\n")
    monkeypatch.setattr(mutants, "ROOT", root)
    monkeypatch.setattr(mutants, "COPIED", ("tests",))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))  # of the settings of Git, and of compiled kernels
    git(root, "init", "--quiet")
    commit(root)
    (root / "tests").mkdir()
    (root / "tests" / "test_f.py").write_text("from graphc.f import x\n\ndef test():\n    pass\n")
    return root


def git(root: Path, *words: str) -> str:
    line = ["git", "-c", "user.name=a", "-c", "user.email=a", "-C", str(root), *words]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path) -> str:
    git(root, "add", "graphc", "kernels", "templates")
    git(root, "commit", "--quiet", "-m", "one")
    return git(root, "rev-parse", "HEAD")


def test_changes_are_to_the_package_of_a_commit_and_its_tests_are_those_of_the_working_tree(
    project: Path,
):
    first = git(project, "rev-parse", "HEAD")
    assert mutants.commit_of("HEAD") == first
    (project / "graphc" / "f.py").write_text("x = 1\ny = 7\n")
    folder = mutants.copy_of_the_project(first)
    assert (folder / "graphc" / "f.py").read_text() == "x = 1\n"
    assert (folder / "tests" / "test_f.py").is_file()
    [(path, more), (_, less)] = mutants.sites(folder, "graphc")
    assert path == Path("graphc/f.py")
    assert {more.text, less.text} == {b"(0)", b"(2)"}
    folder = mutants.copy_of_the_project(commit(project))
    assert len(mutants.sites(folder, "graphc")) == 4


def test_a_package_that_is_not_as_committed_needs_the_name_of_a_commit(project: Path):
    (project / "kernels" / "f.py").write_text("x = 2\n")
    with pytest.raises(argparse.ArgumentTypeError, match=r"kernels/f\.py is not as it was commit"):
        mutants.commit_of("HEAD")
    first = git(project, "rev-parse", "HEAD")
    assert mutants.commit_of(first[:12]) == first
    commit(project)
    assert mutants.commit_of("HEAD^") == first


def test_no_commit_is_refused(project: Path):
    with pytest.raises(argparse.ArgumentTypeError, match="none-such is no commit of a Git checko"):
        mutants.commit_of("none-such")


def survives(cases: Cases) -> Iterator[Result]:
    """Each change survives."""
    return (Result(index, f"of {cases.options.commit}") for index in cases)


def test_a_state_is_of_one_commit_which_the_command_that_repeats_a_change_names(
    project: Path, capsys: pytest.CaptureFixture[str]
):
    def run(*words: str) -> list[str]:
        campaign: Campaign = dataclasses.replace(mutants.CAMPAIGN, run=survives)
        assert main(["mutants", *words], {"mutants": campaign}, (), project / "build") == 1
        return capsys.readouterr().out.splitlines()

    first = git(project, "rev-parse", "HEAD")
    begins, *rest = run("--number", "1")
    assert f"commit {first}" in begins
    assert "from the first case on" in begins
    [repeats] = [shlex.split(line)[4:] for line in rest if line.startswith("repeat it alone: ")]
    (project / "graphc" / "f.py").write_text("x = 3\n")
    second = commit(project)
    begins, *_ = run("--number", "1")
    assert f"commit {second}" in begins
    assert "from the first case on" in begins
    assert "goes on at case 1" in run("--number", "2", "--commit", first)[0]
    assert run(*repeats[repeats.index("mutants") + 1 :]) == [f"of {first}"]
