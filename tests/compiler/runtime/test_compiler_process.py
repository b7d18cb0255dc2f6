"""Which kernel a compiler's error is about, and compilers that work ahead."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import pytest

from graphc.compiler.runtime.compiler_process import (
    Ahead,
    Tool,
    kernel_at_fault,
    on_each_compile,
    run,
)
from graphc.errors import CompilerError

TOOL = Tool("the shell", "have one")

SOURCE = """\
#include "pointwise.cuh"
static void k0_rows(float* y) {
  y[0] = 1;
}
static void k1_mul(float* y) {
  y[0] = 2;
}
static void k2_update(float* y) {
}
"""
LAYERS = {"k0_rows": "dense_1", "k1_mul": "", "k2_update": "dense_2, dense_3"}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["/a/k.cu(3): error: no"], " in the kernel k0_rows (of dense_1)"),
        (["/a/k.cu:2:5: error: no"], " in the kernel k0_rows (of dense_1)"),
        (["in a header", "k.cu:6:1: error", "k.cu:3:1: note"], " in the kernel k1_mul"),
        (["k.cu(9): error"], " in the kernel k2_update (of dense_2, dense_3)"),
        (["k.cu(1): error"], ""),  # above all kernels
        (["other.cu(6): error", "no line"], ""),
        ([], ""),
    ],
)
def test_the_first_line_that_is_named_says_which_kernel_it_is(said, expected):
    assert kernel_at_fault(said, Path("/a/k.cu"), SOURCE, LAYERS) == expected


def test_work_ahead_gives_what_it_returns_to_each_that_waits():
    ahead = Ahead(lambda: run(["sh", "-c", "echo made"], TOOL, 60).stdout)
    assert [ahead.result(), ahead.result()] == ["made\n"] * 2
    ahead.stop()
    assert ahead.result() == "made\n"


def test_work_ahead_goes_on_while_other_work_is_done():
    begun = threading.Event()
    ahead = Ahead(lambda: begun.wait(60))
    begun.set()
    assert ahead.result()


def test_an_error_of_work_ahead_is_that_of_its_result():
    ahead = Ahead(lambda: run(["/no/such/compiler"], TOOL, 60))
    with pytest.raises(CompilerError, match="the shell /no/such/compiler does not run"):
        ahead.result()


def test_work_that_is_stopped_ends_with_its_compiler_and_starts_no_other(tmp_path: Path):
    def work() -> None:
        run(["sh", "-c", f"touch {tmp_path}/begun; sleep 1000"], TOOL, None)
        run(["sh", "-c", f"touch {tmp_path}/next"], TOOL, None)

    ahead = Ahead(work)
    while not (tmp_path / "begun").exists():
        time.sleep(0.001)
    started = time.perf_counter()
    ahead.stop()
    with pytest.raises(CompilerError, match="stopped"):
        ahead.result()
    assert time.perf_counter() - started < 100
    assert not (tmp_path / "next").exists()


def test_work_that_is_stopped_has_removed_its_folder(tmp_path: Path):
    def work() -> None:
        try:
            run(["sh", "-c", f"touch {tmp_path}/begun; sleep 1000"], TOOL, None)
        finally:
            time.sleep(0.1)
            (tmp_path / "begun").unlink()

    ahead = Ahead(work)
    while not (tmp_path / "begun").exists():
        time.sleep(0.001)
    ahead.stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("interruptible")
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals of threads")
def test_an_interrupt_that_another_thread_gets_ends_the_wait(tmp_path: Path):
    def interrupt() -> None:
        while not (tmp_path / "begun").exists():
            time.sleep(0.001)
        time.sleep(0.1)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        run(["sh", "-c", f"touch {tmp_path}/begun; sleep 100"], TOOL, None)


def test_who_is_notified_of_compiles_is_of_work_ahead_once_and_in_its_own_thread():
    noted = []
    with on_each_compile(lambda: noted.append(threading.current_thread())):
        ahead = Ahead(lambda: None)
        ahead.result()
    assert noted == [threading.current_thread()]


def test_without_a_thread_work_ahead_is_done_at_once(monkeypatch: pytest.MonkeyPatch):
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert Ahead(lambda: 7).result() == 7
