"""The effect of the flag `cpu` on a function: interpreted or compiled, with the reason."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest

import graphc.backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import ALWAYS, function
from graphc.compiler.graph import Node
from graphc.compiler.lowering.cpu import NativeProgram
from graphc.compiler.runtime import device, interpreting
from graphc.compiler.runtime.numpy_executor import NumpyExecutor
from graphc.config import config
from graphc.errors import DeviceError

COMPILED = "would be compiled"


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that is found, and executors that only say what they would be."""

    class Compiled(NumpyExecutor):
        def __init__(self, native: NativeProgram, states: list[g.State], name: str):
            super().__init__(native.program.outputs, states)
            self.summary = COMPILED

    monkeypatch.setattr(interpreting, "likely_compiler", lambda cache: None)
    monkeypatch.setattr(interpreting, "_logged", set())
    monkeypatch.setattr(device, "NativeExecutor", Compiled)
    config.cpu = "auto"


def small() -> tuple[Node, Node]:
    x = g.input((g.BATCH, 4), name="x")
    return x, g.tanh(x)


def large() -> tuple[Node, Node]:
    x = g.input((g.BATCH, 200), name="x")
    return x, g.dot(x, np.zeros((200, 200), "float32"))


def looped() -> tuple[Node, Node]:
    x = g.input((3, 4), name="x")
    (last,), _ = g.scan(lambda c, s: ((c[0] + s[0],), ()), [g.constant(np.zeros(4))], [x])
    return x, last


def long() -> tuple[Node, Node]:
    x = y = g.input((g.BATCH, 2), name="x")
    for _ in range(interpreting.MOST_NODES):
        y = g.sin(y)
    return x, y


def made(build: Callable[[], tuple[Node, Node]], **options: object) -> str:
    x, y = build()
    return function([x], y, **options).report.summary


def test_auto_compiles_all_but_what_is_small() -> None:
    assert "interpreter: it is small, 2 nodes and 128 FLOP; cpu=native compiles" in made(small)
    assert [made(large), made(looped), made(long)] == [COMPILED] * 3


def test_auto_compiles_what_is_small_for_calls_enough() -> None:
    assert "interpreter: it is small, 2 nodes and 128 FLOP, for 150,000 calls" in made(
        small, calls=150_000
    )
    assert made(small, calls=150_001) == made(small, calls=ALWAYS) == COMPILED


def test_one_call_that_others_may_follow_is_any_number() -> None:
    assert "it is small" in made(small, calls=1)
    assert made(large, calls=1) == COMPILED
    config.cpu = "native"
    assert made(small, calls=1) == COMPILED


def test_native_compiles_what_is_small_too_and_numpy_nothing() -> None:
    config.cpu = "native"
    assert made(small) == COMPILED
    config.cpu = "numpy"
    assert made(large) == "run by the NumPy interpreter: cpu=numpy"


def test_the_flag_is_read_when_the_function_is_made() -> None:
    x, y = large()
    with config.changed(cpu="numpy"):
        interpreted = function([x], y)
    assert "interpreter" in interpreted.report.summary


def test_fast_compile_runs_no_compiler_unless_cpu_is_native() -> None:
    assert "FAST_COMPILE" in made(large, mode="FAST_COMPILE")
    config.cpu = "native"
    assert made(large, mode="FAST_COMPILE") == COMPILED


@pytest.mark.parametrize("cpu", ["auto", "native"])
def test_what_is_evaluated_once_is_never_compiled(
    cpu: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.cpu = cpu
    assert "made for one call" in made(large, once=True)
    monkeypatch.setattr(device, "NativeExecutor", lambda *_: pytest.fail("compiled"))
    assert K.eval(g.sum(g.dot(np.ones((200, 200)), np.ones((200, 200))))) == 200**3


def test_what_is_only_looked_at_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "NativeExecutor", lambda *_: pytest.fail("compiled"))
    x, y = large()
    compiled = function([x], y)
    assert len(compiled.kernels(batch=3)) == 1
    assert compiled.graph()[0].op == "matmul"


def test_without_a_compiler_auto_interprets_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def missing(cache: object) -> None:
        raise DeviceError("no C++ compiler. What to do: install one")

    monkeypatch.setattr(interpreting, "likely_compiler", missing)
    with caplog.at_level(logging.WARNING, "graphc"):
        assert made(small).startswith("run by the NumPy interpreter: it is small")
        x, y = large()
        assert len(function([x], y).kernels(batch=3)) == 1  # looked at, and not run
        assert not caplog.messages  # nothing is lost by either
        assert [made(large), made(large)] == [
            "run by the NumPy interpreter: no C++ compiler can be used"
        ] * 2
    assert caplog.messages == [
        "cpu=auto: functions are interpreted, which is slower: no C++ compiler. What to do: "
        "install one"
    ]
    config.cpu = "native"
    with pytest.raises(DeviceError, match="install one"):
        made(small)
