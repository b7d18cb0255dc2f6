"""Changes to code: which there are, and what becomes of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import mutants
from tests.campaigns.mutations_of_code import changes

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


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("graphc/callbacks/stopping.py", ["tests/callbacks/test_stopping.py", "tests/callbacks"]),
        (
            "graphc/compiler/codegen/native/context.py",
            ["tests/compiler/codegen/native", "tests/native"],
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


def test_files_without_tests_of_their_own_have_nothing_to_change():
    files = [path.relative_to(mutants.ROOT) for path in mutants.ROOT.glob("graphc/**/*.py")]
    without = {str(path) for path in files if not mutants.tests_of(path)}
    assert without == {"graphc/__init__.py", "graphc/__main__.py", "graphc/package_version.py"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("graphc/compiler/runtime/gpu/cuda.py", True),
        ("graphc/compiler/codegen/columns.py", True),
        ("graphc/compiler/codegen/native/loop.py", False),
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


def test_memory_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mutants, "MOST_MEMORY", 300 << 20)
    (tmp_path / "test_f.py").write_text(
        "import time\n\ndef test():\n    x = b'1' * (400 << 20)\n    time.sleep(60)\n    assert x\n"
    )
    assert mutants.outcome(tmp_path, ["test_f.py"], 300) == ("hung", [])
