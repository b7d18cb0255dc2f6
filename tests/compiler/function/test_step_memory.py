"""The memory of a call, before it is made."""

from __future__ import annotations

import numpy as np

from graphc.amounts import shown_size
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.function.step_memory import nbytes_of, of_shapes
from graphc.compiler.program.memory import ALIGNMENT, aligned

X = g.input((g.BATCH, 30), "float32")
W = g.shared(np.ones((30, 50), "float32"), "w")
LOSS = g.mean(g.square(g.tanh(g.dot(X, W))))
UPDATES = [(W, W * 0.5 + LOSS)]


def step():
    return function([X], LOSS, UPDATES)


def test_what_takes_the_memory_of_a_call() -> None:
    taken = step().step_memory([(20, 30)])
    assert taken.states == aligned(30 * 50 * 4)
    assert taken.batches == 2 * 20 * 30 * 4  # that of the step, and the next
    assert taken.sums == 0
    assert taken.arena >= 20 * 50 * 4
    parts = (taken.states, taken.constants, taken.batches, taken.sums, taken.arena, taken.scratch)
    assert taken.total == sum(parts)
    names = ("states", "constants", "batches", "sums", "arena", "scratch")
    shown = ", ".join(f"{name} {shown_size(part)}" for name, part in zip(names, parts, strict=True))
    assert str(taken) == f"{shown_size(taken.total)} ({shown})"


def test_more_rows_take_more() -> None:
    few, many = (step().step_memory([(rows, 30)]) for rows in (10, 40))
    assert (many.batches, many.states) == (4 * few.batches, few.states)
    assert many.arena > few.arena


def test_shapes_without_memory() -> None:
    [one, other] = of_shapes([(3, 4), ()])
    assert (one.shape, other.shape, one.strides) == ((3, 4), (), (0, 0))
    n = g.symbol("n")
    nodes = [g.input((n, 3), "float64"), g.input((n,), "int32"), g.input((), "bool")]
    assert nbytes_of(nodes, {n.terms[0][0][0]: 5}) == 5 * 3 * 8 + 5 * 4 + 1
    assert nbytes_of([], {}) == 0
    assert aligned(1) == ALIGNMENT
