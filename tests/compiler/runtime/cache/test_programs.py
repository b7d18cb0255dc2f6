"""Lowered programs on disk: a second process, or a second graph like the first, does not lower."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import Dim, Symbol
from graphc.compiler.graph.expressions.random import uniform
from graphc.compiler.graph.numbering import numbered
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.passes import optimize
from graphc.compiler.program.launch import DeviceProgram, launches
from graphc.compiler.runtime import programs as runtime_programs
from graphc.compiler.runtime.cache import programs
from graphc.compiler.runtime.cache.kernels import kernel_cache
from graphc.config import config
from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.op_programs import rows
from tests.native.graph_programs import needs_compiler


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path) -> Iterator[None]:
    with config.changed(cuda_cache=str(tmp_path / "kernels"), lowering="once"):
        yield


# ---- reading what was written -------------------------------------------------------------------


def check_alike(one: Any, other: Any, met: dict[int, int]) -> None:
    """Compare two programs part by part. States, symbols and nodes of one have each a single
    counterpart in the other."""
    assert type(one) is type(other)
    if isinstance(one, str | int | float | bool | None):
        assert one == other
    elif isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, Dim):
        check_alike(one.terms, other.terms, met)
    elif isinstance(one, tuple | list):
        assert len(one) == len(other)
        for mine, its in zip(one, other, strict=True):
            check_alike(mine, its, met)
    elif isinstance(one, dict):
        check_alike(list(one.items()), list(other.items()), met)
    elif id(one) in met:
        assert met[id(one)] == id(other)
    elif isinstance(one, Node):
        met[id(one)] = id(other)
        assert (one.op, one.dtype, len(one.shape)) == (other.op, other.dtype, len(other.shape))
        check_alike(one.inputs, other.inputs, met)
    elif isinstance(one, State | Symbol):
        met[id(one)] = id(other)
        assert one.name == other.name
    else:
        met[id(one)] = id(other)
        names = [x.name for x in fields(one)] if is_dataclass(one) else list(vars(one))
        for name in names:
            check_alike(getattr(one, name), getattr(other, name), met)


def check_written(outputs: Sequence[Node], states: Sequence[State] = ()) -> None:
    """Compare the program of a graph with what is read of it."""
    graph = numbered(outputs, states)
    program = lower_native(outputs, states)
    read = programs.read(programs.written(program, graph), graph, lambda: program)
    assert isinstance(read, NativeProgram)
    check_alike(program, read, {})
    own = {*graph.states, *graph.nodes}
    for buffer, its in zip(program.buffers, read.buffers, strict=True):
        if isinstance(buffer.origin, State | Node) and buffer.origin in own:
            assert its.origin is buffer.origin


@pytest.mark.parametrize("family", ["pointwise", "movement", "reduce", "windows", "product"])
def test_rows_of_the_op_table_are_read_as_they_were(family: str) -> None:
    cases = enumerate(rows(family, "plain"))
    outputs = [node for k, case in cases for node in ARRANGEMENTS["plain"](case, k).outputs]
    check_written(optimize(outputs)[0])


@pytest.mark.parametrize("model", REFERENCE_MODELS)
def test_training_steps_are_read_as_they_were(model: str) -> None:
    step = REFERENCE_MODELS[model].build()
    states, values = zip(*step.updates, strict=True)
    outputs, _ = optimize([step.loss, *step.metrics, *values])
    check_written(outputs, [state.attrs["state"] for state in states])


@pytest.mark.parametrize("model", ["mlp", "cnn", "lstm"])
def test_programs_for_a_gpu_are_read_as_they_were(model: str) -> None:
    """The traffic of launches is counted when it is asked for, of a graph that is lowered again
    then."""
    outputs = REFERENCE_MODELS[model].build().function().graph()
    graph = numbered(outputs)
    program = lower(outputs)
    lowered = []

    def again() -> DeviceProgram:
        lowered.append(1)
        return program

    read = programs.read(programs.written(program, graph), graph, again)
    pairs = list(zip(launches(program.steps), launches(read.steps), strict=True))
    for one, other in pairs:
        check_alike(replace(one, traffic=()), replace(other, traffic=()), {})
    assert lowered == []
    for one, other in pairs:
        assert [str(x) for x in one.traffic] == [str(x) for x in other.traffic]
    assert lowered == [1]


# ---- graphs like an earlier one -----------------------------------------------------------------


def draws(seed: int) -> tuple[list[Node], list[Node]]:
    x = g.input((BATCH, 6), name="x")
    return [x], [x * uniform((BATCH, 6), seed=seed), uniform((3, 1000), seed=seed + 1, stream=2)]


def recurrent(seed: int) -> tuple[list[Node], list[Node]]:
    x = g.input((g.symbol("time"), BATCH, 3), name="x")
    weights = g.shared(np.full((3, 3), seed / 1e4, "float32"), "U")
    start = g.broadcast_to(np.float32(0), (BATCH, 3))
    step = lambda carries, xs: ([g.tanh(xs[0] + g.dot(carries[0], weights))], [])  # noqa: E731
    return [x], [g.scan(step, [start], [x])[0][0]]


def embedded(seed: int) -> tuple[list[Node], list[Node]]:
    x = g.input((BATCH, 4), "int32", name="x")
    table = g.shared(np.arange(60, dtype="float32").reshape(20, 3) + seed, "table")
    return [x], [g.sum(g.take(table, x), axis=1), g.scatter_add(x, g.take(table, x), 20)]


def without_lowering(*args: object, **kwargs: object) -> NativeProgram:
    raise AssertionError("a graph like an earlier one is lowered again")


@needs_compiler
@pytest.mark.parametrize("make", [draws, recurrent, embedded])
def test_a_graph_like_an_earlier_one_is_not_lowered(
    make: Callable[[int], tuple[list[Node], list[Node]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has inputs, symbols, states and seeds of its own, and its own values."""
    rng = np.random.default_rng(0)
    results = []
    for seed in (5_000, 6_000):
        inputs, outputs = make(seed)
        array = rng.integers(0, 20, [7] * 3)[: (None, 7, 7)[inputs[0].ndim - 1]]
        shape = [7 if isinstance(size, Dim) else size for size in inputs[0].shape]
        array = rng.integers(0, 20, shape).astype(inputs[0].dtype)
        found = {}
        for cpu in ("native", "numpy"):
            with config.changed(cpu=cpu):
                found[cpu] = function(inputs, outputs)(array)
        for ours, theirs in zip(found["native"], found["numpy"], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
        results.append(found["native"])
        monkeypatch.setattr(runtime_programs, "lower_native", without_lowering)
    assert any((a != b).any() for a, b in zip(*results, strict=True))


@needs_compiler
def test_another_graph_is_lowered(monkeypatch: pytest.MonkeyPatch) -> None:
    x = g.input((3,))
    with config.changed(cpu="native"):
        function([x], [x + 1.0])(np.zeros(3, "float32"))
        monkeypatch.setattr(runtime_programs, "lower_native", without_lowering)
        with pytest.raises(AssertionError, match="lowered again"):
            function([x], [x + 2.0])(np.zeros(3, "float32"))


@needs_compiler
def test_other_facts_of_the_machine_and_the_compiler_lower_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lowered = []

    def lower() -> int:
        lowered.append(1)
        return len(lowered)

    x = [g.input((3,)) * 2.0]
    assert programs.lowered_once(x, (), ["cpu", "8 lanes"], lower) == 1
    assert programs.lowered_once(x, (), ["cpu", "8 lanes"], lower) == 1
    assert programs.lowered_once(x, (), ["cpu", "16 lanes"], lower) == 2
    monkeypatch.setattr(programs, "_of_the_compiler", lambda: ("another version",))
    assert programs.lowered_once(x, (), ["cpu", "16 lanes"], lower) == 3


def test_what_cannot_be_written_is_lowered_each_time() -> None:
    made: list[object] = []

    def lower() -> object:
        made.append(lambda: None)
        return made[-1]

    x = [g.input((3,)) * 3.0]
    assert programs.lowered_once(x, (), [], lower) is made[0]
    assert programs.lowered_once(x, (), [], lower) is made[1]


def test_an_entry_that_does_not_load_is_lowered_again(tmp_path: Path) -> None:
    x = [g.input((3,)) * 4.0]
    assert programs.lowered_once(x, (), [], lambda: "first") == "first"
    (entry,) = (tmp_path / "kernels").glob("*.program")
    kernel_cache().write(entry.name, b"no program")
    assert programs.lowered_once(x, (), [], lambda: "second") == "second"
    assert programs.lowered_once(x, (), [], lambda: "third") == "second"


# ---- another process ----------------------------------------------------------------------------

TRAINING = """
import sys
import numpy as np
from graphc.compiler.runtime import programs
from graphc.layers import Dense, Dropout, Embedding, LSTM
from graphc.models import Sequential

def refused(*args, **kwargs):
    sys.exit("lowered again")

if sys.argv[1] == "read":
    programs.lower_native = refused
np.random.seed(3)
model = Sequential([Embedding(30, 8, input_length=5), LSTM(6), Dropout(0.5), Dense(1)])
model.compile("sgd", "mse")
x = np.arange(40).reshape(8, 5) % 30
losses = [model.train_on_batch(x, np.ones((8, 1))) for _ in range(3)]
print([float(loss).hex() for loss in losses])
"""


@needs_compiler
def test_a_second_process_does_not_lower_and_trains_alike(tmp_path: Path) -> None:
    def trained(word: str, lowering: str) -> str:
        flags = f"cpu=native,cuda_cache={tmp_path / 'shared'},lowering={lowering}"
        done = subprocess.run(
            [sys.executable, "-c", TRAINING, word],
            env={**os.environ, "GRAPHC_FLAGS": flags},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = trained("lower", "once")
    assert trained("read", "once") == first == trained("lower", "always")
