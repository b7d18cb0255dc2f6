"""A compiler that fails: killed, stuck, without room, or with a library that does not load."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.function.api import Function
from graphc.compiler.runtime import compiler_process, interpreting, programs
from graphc.compiler.runtime.cache import kernels as cache_module
from graphc.compiler.runtime.cpu import toolchain
from graphc.config import config
from graphc.errors import CompilerError, DeviceError
from tests.stand_in_compiler import runs, small_library, stand_in_compiler

KILLED = 'echo "g++: fatal error: Killed signal terminated program cc1plus" >&2; exit 1'
NO_ROOM = 'echo "/t/cc.s: fatal error: error writing to /t/cc.s: No space left" >&2; exit 1'
INTERNAL = 'echo "$source:7:3: internal compiler error: in fold, at fold.c:1" >&2; exit 4'
FAULT = 'echo "$source:2:3: error: no such thing" >&2; exit 1'
LINKER = 'echo "/usr/bin/ld: cannot find -lsignal" >&2; exit 1'
NAMED = 'echo "$source:2:3: error: no such thing: killed" >&2; exit 1'
FAILURES = {
    "killed": ("kill -KILL $$", "the C\\+\\+ compiler .*g\\+\\+ was killed by SIGKILL"),
    "proper_killed": (KILLED, "ended with status 1.*Killed signal terminated program cc1plus"),
    "no_room": (NO_ROOM, "ended with status 1.*has room.*No space left"),
    "internal": (INTERNAL, "ended with status 4.*internal compiler error"),
    "nothing": ("exit 0", "ended well and made nothing"),
    "empty": (': > "$output"; exit 0', "cannot be loaded \\(it is no ELF file\\)"),
    "cut": ("head -c 5000 {library} > $output; exit", "cannot be loaded \\(it is cut short\\)"),
    "class": ("cat {other} > $output; exit", "cannot be loaded \\(wrong ELF class"),
    "symbol": ("cat {without} > $output; exit", "it has no function graphc_step"),
    "fault": (FAULT, "did not compile the generated source.*this is an error of graphc"),
    "linker": (LINKER, "did not compile the generated source.*this is an error of graphc"),
    "named": (NAMED, "did not compile the generated source.*this is an error of graphc"),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the only compiler is, beside an empty cache and libraries to give."""
    whole = small_library()
    monkeypatch.setenv("CXX", str(tmp_path / "g++"))
    monkeypatch.setattr(interpreting, "_logged", set())
    monkeypatch.setattr(cache_module, "_logged", set())
    config.cuda_cache = str(tmp_path / "cache")
    (tmp_path / "library.so").write_bytes(whole)
    (tmp_path / "other.so").write_bytes(whole[:4] + b"\x01" + whole[5:])
    (tmp_path / "without.so").write_bytes(whole.replace(b"graphc_step", b"graphc_stop"))
    return tmp_path


def install(folder: Path, program: str = "") -> None:
    """Let the compiler do this for a program; else what it should, as it does for all others. It
    stays the same file."""
    library = folder / "library.so"
    script = folder / "program.sh"
    script.write_text(
        program.format(library=library, other=folder / "other.so", without=folder / "without.so")
    )
    if not (folder / "g++").exists():
        stand_in_compiler(folder, program=f". {script}", library=library)


def large() -> Function:
    """Return a function that ``cpu=auto`` compiles."""
    x = g.input((g.BATCH, 200), name="x")
    return function([x], g.dot(x, np.ones((200, 2), "float32")) + large_part(x), name="net")


def large_part(x: g.Node) -> g.Node:
    return g.sum(g.dot(x, np.zeros((200, 200), "float32")))


def check_interpreted(made: Function) -> None:
    """It computes, as the interpreter does."""
    np.testing.assert_array_equal(made(np.ones((3, 200), "float32")), np.full((3, 2), 200.0))
    assert made.report.summary == "run by the NumPy interpreter: the C++ compiler failed"
    assert made.target() is None


def libraries(folder: Path) -> int:
    return len(list((folder / "cache").glob("*.so")))


@pytest.mark.parametrize("failure", FAILURES)
def test_auto_interprets_and_says_why_in_one_line(
    failure: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    program, why = FAILURES[failure]
    install(folder, program)
    config.cpu = "auto"
    with caplog.at_level(logging.WARNING, "graphc"):
        check_interpreted(large())
    (message,) = caplog.messages
    assert message.startswith("cpu=auto: net is interpreted, which is slower: ")
    assert "\n" not in message
    assert pytest.raises(CompilerError, match=why).matches(CompilerError(message))


@pytest.mark.parametrize("failure", FAILURES)
def test_native_is_an_error_that_says_what_to_do_and_nothing_is_kept(
    failure: str, folder: Path
) -> None:
    program, why = FAILURES[failure]
    install(folder, program)
    config.cpu = "native"
    for _ in range(2):
        with pytest.raises(DeviceError, match=f"(?s){why}") as raised:
            large()(np.ones((3, 200), "float32"))
        assert "What to do: " in str(raised.value) or "please report" in str(raised.value)
    assert libraries(folder) == 1  # the runtime library
    install(folder)
    assert "native code" in large().report.summary
    assert libraries(folder) == 2


def test_debug_mode_checks_passes_where_the_compiler_fails(folder: Path) -> None:
    install(folder, FAILURES["killed"][0])
    config.cpu = "auto"
    with config.changed(mode="DebugMode"):
        check_interpreted(large())


def test_a_kept_library_that_does_not_load_is_made_again_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    install(folder)
    config.cpu = "native"
    assert "compiled in" in large().report.summary
    (source,) = (p for p in (folder / "cache").glob("*.cpp") if "graphc_step" in p.read_text())
    cache_module.KernelCache(source.parent).write(source.with_suffix(".so").name, b"\x7fELF")
    assert "compiled in" in large().report.summary
    assert "is made again: the compiled program" in caplog.text
    assert "from the cache" in large().report.summary


def alive(pid: int) -> bool:
    """Return True if a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def children(folder: Path) -> list[int]:
    """Return the processes that `STUCK` compilers have started."""
    return [int(file.read_text()) for file in folder.glob("child.*")]


def check_ended(folder: Path) -> None:
    """The processes that compilers have started end."""
    living = children(folder)
    assert living
    for _ in range(500):  # the system takes a moment
        living = [pid for pid in living if alive(pid)]
        if not living:
            return
        time.sleep(0.01)
    pytest.fail(f"processes {living} live on")


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")
STUCK = (
    "sleep 1000 & echo $! > {folder}/begun.$$; mv {folder}/begun.$$ {folder}/child.$$; {then} wait"
)


@needs_proc
def test_a_compiler_that_does_not_end_is_stopped_with_all_that_it_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(folder)
    config.cpu, config.compile_limit = "native", "1min"
    assert "native code" in large().report.summary
    for entry in (folder / "cache").iterdir():  # but for what is known of the compiler
        if entry.suffix == ".so" and b"graphc_step" in entry.with_suffix(".cpp").read_bytes():
            entry.unlink()
    monkeypatch.setattr(compiler_process, "amount", lambda text: {"1min": 1}[text])
    install(folder, STUCK.format(folder=folder, then=""))
    expected = r"did not end within 1 s; it was stopped \(the flag compile_limit=1min.*What to do: "
    with pytest.raises(CompilerError, match=expected):
        large().report  # noqa: B018
    check_ended(folder)
    config.cpu = "auto"
    check_interpreted(large())
    assert "compile_limit=1min" in caplog.text
    check_ended(folder)


@needs_proc
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_stops_the_compiler_and_all_that_it_started(folder: Path) -> None:
    install(folder, STUCK.format(folder=folder, then="kill -INT $PPID;"))
    config.cpu = "auto"
    with pytest.raises(KeyboardInterrupt):
        large().report  # noqa: B018
    check_ended(folder)
    install(folder)
    assert "native code" in large().report.summary


@needs_proc
@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_stops_the_runtime_library_that_is_made_ahead(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in_compiler(folder, runtime=STUCK.format(folder=folder, then=""))

    def lower(*_: object, **named: object) -> None:
        while not children(folder):
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(programs, "lower_native", lower)
    config.cpu = "native"
    with pytest.raises(KeyboardInterrupt):
        large().report  # noqa: B018
    check_ended(folder)


def test_what_a_killed_compiler_leaves_goes_with_its_folder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = folder / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    install(folder, ': > "$TMPDIR/ccXXXX.s"; kill -KILL $$')
    config.cpu = "native"
    with pytest.raises(CompilerError, match="killed by SIGKILL"):
        large().report  # noqa: B018
    assert list(temporary.iterdir()) == []


def test_a_source_that_goes_while_the_compiler_begins_is_compiled(folder: Path) -> None:
    """As ``graphc cache --clear`` of another process makes it."""
    install(folder, f"rm {folder}/cache/*.cpp; [ -e $source ] || exit 1")
    config.cpu = "native"
    assert "compiled in" in large().report.summary
    assert not list((folder / "cache").glob("*.cpp"))


def test_without_a_folder_for_temporary_files_it_is_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    install(folder)
    monkeypatch.setattr(tempfile, "tempdir", "/no/such/folder")
    config.cpu = "native"
    with pytest.raises(CompilerError, match="no folder for its output.*let TMPDIR name"):
        large()(np.ones((1, 200), "float32"))
    config.cpu = "auto"
    made = large()
    np.testing.assert_array_equal(made(np.ones((1, 200), "float32")), [[200.0, 200.0]])
    assert "let TMPDIR name" in caplog.text


def test_a_compiler_that_may_not_be_run_is_said(folder: Path) -> None:
    install(folder)
    (folder / "g++").chmod(0o644)
    config.cpu = "native"
    with pytest.raises(CompilerError, match="CXX=.*is no program on PATH.*What to do"):
        large()
    (folder / "g++").write_bytes(b"\x7fELF of no machine")
    (folder / "g++").chmod(0o755)
    with pytest.raises(CompilerError, match="does not run.*What to do"):
        large()


def test_a_compiler_without_openmp_makes_code_of_one_thread_at_the_second_go(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(toolchain, "_logged", set())
    stand_in_compiler(folder, library=folder / "library.so", refused=("-fopenmp",))
    config.cpu = "native"
    with caplog.at_level(logging.WARNING, "graphc"):
        assert "compiled in" in large().report.summary
    assert "native code runs on one thread" in caplog.text
    assert libraries(folder) == 2
    count = len(runs(folder))
    assert "from the cache" in large().report.summary
    assert len(runs(folder)) == count


def test_a_compiler_that_compiles_nothing_is_no_error_of_graphc(folder: Path) -> None:
    stand_in_compiler(folder, refused=("-O3",))
    config.cpu = "native"
    with pytest.raises(CompilerError, match="(?s)does not compile a small program.*cannot do -O3"):
        large().report  # noqa: B018


def test_another_compiler_makes_another_library(folder: Path) -> None:
    install(folder)
    config.cpu = "native"
    assert "compiled in" in large().report.summary
    assert "from the cache" in large().report.summary
    count = len(runs(folder))
    status = os.stat(folder / "g++")
    os.utime(folder / "g++", ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert "compiled in" in large().report.summary
    assert len(runs(folder)) > count


def test_the_compiler_proper_is_a_part_of_the_key(folder: Path) -> None:
    """A wrapper, as of ccache, stays as it is when the compiler behind it is another one."""
    proper = folder / "proper"
    proper.write_text("1")
    proper.chmod(0o755)
    stand_in_compiler(folder, library=folder / "library.so", proper=str(proper))
    config.cpu = "native"
    assert "compiled in" in large().report.summary
    assert "from the cache" in large().report.summary
    proper.write_text("22")
    assert "compiled in" in large().report.summary


def test_what_the_environment_says_to_the_compiler_is_a_part_of_the_key(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(folder)
    config.cpu = "native"
    assert "compiled in" in large().report.summary
    monkeypatch.setenv("CPLUS_INCLUDE_PATH", "/another/library")
    assert "compiled in" in large().report.summary
