"""Loops along which parts of a concatenation follow each other."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import LoopProgram, values_of, walk, walk_value
from graphc.compiler.loops.statement import Store
from graphc.compiler.loops.value import Condition, Select, below
from graphc.compiler.targets.cpu.parts import with_loops_of_parts
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, J

X, Z, Y = w.floats("x", N, 12), w.floats("z", N, 12), w.floats("y", N, 12)


def joined(place: Index, *tests: Condition) -> LoopProgram:
    """Return rows of which an element is one of x where tests hold, else one of z."""
    value = Select(tests, w.at(X, I, place), w.at(Z, I, place))
    return w.program((X, Z), (Y,), w.loop(I, N, w.loop(J, 12, Store(w.at(Y, I, J), value))))


def selects(program: LoopProgram) -> list[Select]:
    """Return the choices between values that a program makes."""
    values = [value for one in walk(program.body) for value in values_of(one)]
    return [part for value in values for part in walk_value(value) if isinstance(part, Select)]


def test_elements_of_parts_by_turns_are_written_out() -> None:
    before = joined(J // 3, below(J % 3, 2))
    after = with_loops_of_parts(before)
    assert selects(before)
    assert not selects(after)
    assert lines_of(after)[1:] == [
        "for j_outer < 4:",
        "y[i, 3*j_outer] = x[i, j_outer]",
        "y[i, 3*j_outer + 1] = x[i, j_outer]",
        "y[i, 3*j_outer + 2] = z[i, j_outer]",
    ]
    same_meaning(before, after)


def test_parts_of_one_length_have_a_loop_around() -> None:
    before = joined(J % 4, below(J // 4, 1))
    after = with_loops_of_parts(before)
    assert lines_of(after)[1:3] == ["for j_outer < 3:", "for j_inner < 4:"]
    same_meaning(before, after)


@pytest.mark.parametrize("divisor", [5, 36])
def test_other_divisors_are_left(divisor: int) -> None:
    before = joined(J, below(J % divisor, 2))
    assert with_loops_of_parts(before) == before


def test_what_would_be_too_long_is_left() -> None:
    """Thirty statements for each of nine parts are more than are written out."""
    place = J // 9
    value = Select((below(J % 9, 2),), w.at(X, I, place), w.at(Z, I, place))
    stores = [Store(w.at(w.floats(f"y{k}", N, 36), I, J), value) for k in range(30)]
    outputs = tuple(one.target.buffer for one in stores)
    before = w.program((X, Z), outputs, w.loop(I, N, w.loop(J, 36, *stores)))
    assert with_loops_of_parts(before) == before
