"""A program with barriers of all blocks as one program after the other."""

import numpy as np
import pytest

from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.launches import launches_of, workspaces_of
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import Accumulate, Allocate, Barrier, Let, Store
from graphc.compiler.loops.value import Local, Value
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.written import I, J, K, N, variable

S = w.floats("s")
X, Y, Z = w.floats("x", N, 6), w.floats("y", N), w.floats("z", N, 2)
PARTS = new_buffer("parts", "float32", (N, 2), BufferScope.GLOBAL)


def sums() -> LoopProgram:
    """Return a program that adds up rows in two parts, and stores the parts in z, too."""
    part = w.loop(
        J,
        2,
        Store(w.at(PARTS, I, J), w.number(0)),
        w.loop(K, 3, Accumulate("sum", (w.at(PARTS, I, J),), (w.at(X, I, J * 3 + K),))),
        Store(w.at(Z, I, J), w.at(PARTS, I, J)),
    )
    row, one = variable("row"), w.variable("one")
    whole = w.loop(
        row,
        N,
        Store(w.at(Y, row), w.number(0)),
        w.loop(one, 2, Accumulate("sum", (w.at(Y, row),), (w.at(PARTS, row, one),))),
        Store(w.at(Y, row), w.op("add", w.at(Y, row), w.at(Z, row, 1))),
    )
    barrier = Barrier(BufferScope.GLOBAL)
    first = w.loop(I, N, part, kind="block")
    return w.program((X,), (Y, Z), Allocate(PARTS), first, barrier, whole)


def test_each_has_what_it_reads_and_writes() -> None:
    first, second = launches_of(sums())
    assert workspaces_of(sums()) == (PARTS,)
    assert (first.inputs, first.outputs) == ((X,), (Z, PARTS))
    assert (second.inputs, second.outputs) == ((Z, PARTS), (Y,))
    assert lines(first)[0] == "for i < n (block):"
    assert lines(second)[0] == "for row < n:"


def test_one_after_the_other_they_mean_what_the_whole_does() -> None:
    x = np.random.default_rng(0).standard_normal((5, 6)).astype("float32")
    arrays, sizes = {"x": x}, {w.N_SYMBOL: 5}
    expected = evaluate(sums(), arrays, sizes).outputs
    for launch in launches_of(sums()):
        read = {one.memory: arrays[one.memory] for one in launch.inputs}
        arrays |= evaluate(launch, read, sizes).outputs
    assert arrays["y"].tobytes() == expected["y"].tobytes()
    assert arrays["z"].tobytes() == expected["z"].tobytes()


def test_a_program_without_such_barriers_is_one_launch() -> None:
    program = w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I), w.at(X, I, 0))))
    assert launches_of(program) == (program,)


def named(read: Value) -> LoopProgram:
    """Return a program that names a value ahead, which its second launch uses."""
    name = Local("t", "float32")
    first = w.loop(I, N, Store(w.at(PARTS, I, 0), w.at(X, I, 0)), kind="block")
    row = variable("row")
    scaled = w.op("mul", name, w.at(PARTS, row, 0))
    second = w.loop(row, N, Store(w.at(Y, row), scaled))
    names = (Let(name, read), Let(Local("unused", "float32"), w.op("neg", name)))
    barrier = Barrier(BufferScope.GLOBAL)
    return w.program((X, S), (Y,), Allocate(PARTS), *names, first, barrier, second)


def test_names_are_computed_by_the_launches_that_use_them() -> None:
    first, second = launches_of(named(w.op("exp", w.at(S))))
    assert first.inputs == (X,)
    assert lines(first)[0] == "for i < n (block):"
    assert second.inputs == (S, PARTS)
    assert lines(second)[:2] == ["t = exp(s[])", "for row < n:"]


def test_a_name_of_what_a_launch_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="t is made of parts.*, which a launch ahead of its use"):
        launches_of(named(w.at(PARTS, 0, 0)))
