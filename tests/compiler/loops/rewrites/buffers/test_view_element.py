"""Elements that a loop's body reads through a buffer of their own."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.compiler.graph.dim import Shape
from graphc.compiler.loops.index import IndexLike
from graphc.compiler.loops.program import LoopProgram, loads_of, walk
from graphc.compiler.loops.rewrites.buffers.view_element import view_element
from graphc.compiler.loops.statement import Store
from graphc.compiler.loops.value import Load
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, N

X, Y = w.floats("x", N, 12), w.floats("y", N, 4)


def of_parts(first: IndexLike, other: IndexLike) -> LoopProgram:
    """Return a program that adds two elements of each row of an array."""
    both = w.op("add", w.at(X, I, first), w.at(X, I, other))
    return w.program((X,), (Y,), w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J), both))))


@pytest.mark.parametrize(
    ("coord", "shown", "shape", "offset"),
    [
        (J + 8, "i, j", (N, 4), 8),
        (J, "i, j", (N, 4), 0),
        (J * 2 + 1, "i, 2*j", (N, 11), 1),
        (11 - J, "i, 11 - j", (N, 12), 0),
        (5, "i, 0", (N, 7), 5),
        (J // 2 + 3, "i, j // 2", (N, 9), 3),
    ],
)
def test_a_view_begins_where_an_element_does(
    coord: IndexLike, shown: str, shape: Shape, offset: int
) -> None:
    before = of_parts(J + 4, coord)
    changed = view_element(before, "j", w.at(X, I, coord))
    assert lines(changed)[-1].strip() == f"y[i, j] = add(x[i, j + 4], x_part[{shown}])"
    (part,) = (x.buffer for x in loads_of(changed.loop("j").body[0]) if x.buffer is not X)
    assert (part.shape, part.offset, part.memory) == (shape, offset, "x")
    assert_same(before, changed, {w.N_SYMBOL: 3})


def test_each_read_of_the_element_is_of_the_view() -> None:
    before = of_parts(J + 4, J + 4)
    changed = view_element(before, "i", w.at(X, I, J + 4))
    assert lines(changed)[-1].strip() == "y[i, j] = add(x_part[i, j], x_part[i, j])"
    assert_same(before, changed, {w.N_SYMBOL: 3})


def test_what_is_not_read_is_refused() -> None:
    before = of_parts(J, J + 4)
    assert "expected a body that reads x[i, j + 8]" in refusal(
        view_element, before, "j", w.at(X, I, J + 8)
    )
    assert "found only 'i', 'j'" in refusal(view_element, before, "z", w.at(X, I, J))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
@given(plain_programs(), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    found: list[tuple[str, Load]] = [
        (loop, load)
        for loop in loops_of(program)
        for one in walk(program.loop(loop).body)
        for load in loads_of(one)
    ]
    if not found:
        return
    loop, load = data.draw(st.sampled_from(found))
    same_meaning(program, view_element(program, loop, load))
