"""The process that looks through files: kept, begun again, ended with the one that started it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from graphc.errors import DataError
from graphc.files import inspection, inspector
from graphc.files.hdf5 import opened
from graphc.files.inspector import INSPECTOR
from graphc.models import load_model
from tests.files.small_files import saved

ROOT = Path(__file__).parents[2]


def pid() -> int:
    process = INSPECTOR._process
    assert process is not None
    return process.pid


def is_there(number: int) -> bool:
    """Return True if a process runs, and is no zombie."""
    try:
        state = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_until_gone(number: int) -> None:
    for _ in range(1000):
        if not is_there(number):
            return
        time.sleep(0.01)
    raise AssertionError(f"the process {number} is still there")


@pytest.fixture
def path(tmp_path) -> Path:
    return saved(tmp_path)


@pytest.fixture
def fresh():
    """No process is there, and none is left."""
    INSPECTOR.end()
    yield
    INSPECTOR.end()


def test_it_is_kept_in_a_session_of_its_own(path):
    load_model(path)
    first = pid()
    load_model(path)
    assert pid() == first
    assert os.getsid(first) != os.getsid(0)  # Ctrl-C does not reach it


def test_another_takes_the_place_of_one_that_ended(path):
    load_model(path)
    first = pid()
    os.kill(first, signal.SIGKILL)
    wait_until_gone(first)
    load_model(path)
    assert pid() != first
    with pytest.raises(ChildProcessError):  # it was waited for
        os.waitpid(first, os.WNOHANG)


PROGRAM = """
import json, os, signal, sys
print('"ready"', flush=True)
sys.stdin.readline()
{what}
"""


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended with the signal SIGSEGV"),
        ("os._exit(3)", "ended with status 3"),
    ],
)
def test_a_crash_is_an_error_and_the_next_file_is_read(
    path, tmp_path, monkeypatch, fresh, what, words
):
    (tmp_path / "program.py").write_text(PROGRAM.format(what=what))
    with monkeypatch.context() as changed:
        changed.setattr(inspection, "__file__", str(tmp_path / "program.py"))
        with pytest.raises(
            DataError, match=f"model.h5 is damaged or malicious: .* {words}; it was not opened"
        ):
            load_model(path)
    load_model(path)


def test_an_interrupted_answer_is_not_that_to_the_next_file(path, tmp_path, monkeypatch):
    (tmp_path / "wrong.h5").write_bytes(path.read_bytes()[:-1])

    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    load_model(path)
    with monkeypatch.context() as changed:
        changed.setattr(inspector, "_line_of", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_model(path)
    with pytest.raises(DataError, match="wrong.h5 cannot be read"):
        load_model(tmp_path / "wrong.h5")
    load_model(path)


def test_threads_wait_for_each_other(path, tmp_path):
    (tmp_path / "wrong.h5").write_bytes(path.read_bytes()[:-1])
    found = []

    def look(name: str) -> None:
        for _ in range(20):
            try:
                opened(tmp_path / name).close()
                found.append((name, "whole"))
            except DataError:
                found.append((name, "refused"))

    threads = [threading.Thread(target=look, args=[one]) for one in ("model.h5", "wrong.h5") * 3]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found) == 120
    assert set(found) == {("model.h5", "whole"), ("wrong.h5", "refused")}


def test_a_fork_has_its_own(path):
    opened(path).close()
    first = pid()
    child = os.fork()
    if not child:
        code = 1
        try:
            opened(path).close()
            code = 0 if pid() != first and is_there(first) else 2
            INSPECTOR.end()
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    opened(path).close()
    assert pid() == first


PARENT = """
import os, sys, time
from graphc.files.hdf5 import opened
from graphc.files.inspector import INSPECTOR
opened(sys.argv[1]).close()
child = os.fork()
if not child:
    sys.stdout.close()
    os.close(1)
    time.sleep(60)
    os._exit(0)
print(INSPECTOR._process.pid, child, flush=True)
if sys.argv[2] == "wait":
    time.sleep(60)
"""


@pytest.mark.parametrize("end", ["kill", "leave"])
def test_it_ends_with_the_process_that_started_it(path, end):
    """Killed or not, and though a child that was forked lives on, with all that it has open."""
    how = "wait" if end == "kill" else "end"
    # Python 3.12 warns of a fork beside other threads.
    quiet = "-W", "ignore::DeprecationWarning"
    with subprocess.Popen(
        [sys.executable, *quiet, "-c", PARENT, str(path), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        started, child = map(int, parent.stdout.readline().split())
        try:
            assert is_there(child)
            if end == "kill":
                assert is_there(started)
                parent.kill()
            parent.wait(60)
            wait_until_gone(started)
            assert is_there(child)
        finally:
            os.kill(child, signal.SIGKILL)
        assert parent.stderr.read() == ""


@pytest.mark.parametrize("executable", ["", "/usr/bin/blender", "/nothing/python3"])
def test_where_no_process_can_be_started(path, monkeypatch, caplog, fresh, executable):
    """A warning of one line, and the file is read."""
    monkeypatch.setattr(sys, "executable", executable)
    with caplog.at_level(logging.WARNING):
        loaded = load_model(path)
    assert len(loaded.layers) == 3
    (record,) = [one for one in caplog.records if one.name == "graphc.files.inspector"]
    assert "model.h5 is opened though no other process inspected it" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_where_python_does_not_begin(path, tmp_path, monkeypatch, caplog, fresh):
    (tmp_path / "program.py").write_text("import nothing_of_that_name")
    monkeypatch.setattr(inspection, "__file__", str(tmp_path / "program.py"))
    load_model(path)
    assert "did not begin to work" in caplog.text


def with_changes(monkeypatch, change, times: int) -> list[int]:
    """Call `change` between inspecting a file and opening it, the first `times` times."""
    look = INSPECTOR.inspect
    counted = []

    def changing(*arguments: object) -> object:
        found = look(*arguments)
        counted.append(1)
        if len(counted) <= times:
            change()
        return found

    monkeypatch.setattr(INSPECTOR, "inspect", changing)
    return counted


def written_into(path: Path) -> None:
    before = path.stat()
    time.sleep(0.05)  # clocks of file systems tick
    with open(path, "r+b") as file:
        file.write(b"\x89")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_file_that_is_written_into_is_inspected_again(path, monkeypatch):
    counted = with_changes(monkeypatch, lambda: written_into(path), 2)
    assert len(load_model(path).layers) == 3
    assert len(counted) == 3


def test_a_file_that_changes_all_the_time(path, monkeypatch):
    with_changes(monkeypatch, lambda: written_into(path), 1000)
    with pytest.raises(DataError, match="model.h5 was changed each of 4 times"):
        load_model(path)


def test_a_file_that_is_replaced_all_the_time_is_the_one_that_was_met_first(path, monkeypatch):
    """However often another one takes its name, between looking through it and opening it."""
    weights = load_model(path).get_weights()
    other = load_model(path)
    other.set_weights([one + 1 for one in weights])
    with_changes(monkeypatch, lambda: other.save(path), 1000)
    found = load_model(path).get_weights()
    for mine, theirs in zip(found, weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_file_that_is_gone_meanwhile(path, monkeypatch):
    with_changes(monkeypatch, path.unlink, 1)
    assert len(load_model(path).layers) == 3


def test_where_processes_hand_no_open_files_on(path, monkeypatch, fresh):
    """Windows: the process opens the file by its name."""
    monkeypatch.delattr(socket, "send_fds")
    environment = path.with_name("sitecustomize.py")
    environment.write_text("import socket\ndel socket.recv_fds\n")
    monkeypatch.syspath_prepend(str(path.parent))
    assert len(load_model(path).layers) == 3
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="model.h5 cannot be read"):
        load_model(path)


def test_names_of_files_and_folders(path, tmp_path, monkeypatch):
    """Any bytes, and relative ones from wherever this process is by now."""
    opened(path).close()
    odd = tmp_path / os.fsdecode(b"a \xff \n \xc3\xa4.h5")
    try:
        odd.write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("the file system takes no such names")
    opened(odd).close()
    monkeypatch.chdir(tmp_path)
    opened("model.h5").close()
