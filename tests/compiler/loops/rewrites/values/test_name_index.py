"""name_index: what turns divide alike is divided once; by_position; what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.index import Index, LoopVariable, index_of, quotients_in, with_name
from graphc.compiler.loops.program import LoopProgram, loops_in, values_of, walk, walk_value
from graphc.compiler.loops.rewrites.buffers.flatten import by_position
from graphc.compiler.loops.rewrites.values.name_index import name_index
from graphc.compiler.loops.statement import Allocate, Check, LoopKind, Store
from graphc.compiler.loops.value import Load
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, loops_of, plain_programs, same_meaning
from tests.compiler.loops.written import I, J, K

X, Y = w.floats("x", N * 12), w.floats("y", N, 4, 5)
PART = (I * 4 + J) // N
INDEX = LoopVariable("index")


def divided(kind: LoopKind = LoopKind.SERIAL) -> LoopProgram:
    """Return a program that divides in each turn of three loops, of which the inner one has
    nothing to do with it."""
    store = Store(w.at(Y, I, J, K), w.at(X, PART * 2 + K))
    return w.program((X,), (Y,), w.loop(I, N, w.loop(K, 5, w.loop(J, 4, store), kind=kind)))


def quotients(program: LoopProgram, name: str) -> list[Index]:
    return [
        index_of(one)
        for statement in walk(program.loop(name).body)
        for value in values_of(statement)
        for part in walk_value(value)
        if isinstance(part, Load)
        for coord in part.coords
        for one in quotients_in(coord)
    ]


def test_a_part_has_a_name_at_the_head_of_a_body() -> None:
    before = divided()
    after = name_index(before, "j", PART, "place")
    check = after.loop("j").body[0]
    assert isinstance(check, Check)
    assert not check.is_tested
    assert quotients(before, "j")
    assert not quotients(after, "j")
    same_meaning(before, after)


def test_a_part_is_computed_ahead_of_a_loop_for_all_turns_inside() -> None:
    before = divided()
    after = name_index(before, "j", PART, "place", "k")
    assert not quotients(after, "k")
    (table,) = (one.buffer for one in walk(after.body) if isinstance(one, Allocate))
    assert table.shape == (4,)
    assert len(loops_in(after.body)) == 4
    same_meaning(before, after)


def test_what_is_not_known_at_the_head_is_refused() -> None:
    with pytest.raises(RewriteError, match="variables that are known at the head"):
        name_index(divided(), "k", PART, "place")


def test_what_may_be_negative_is_refused() -> None:
    with pytest.raises(RewriteError, match="at least 0, below a size"):
        name_index(divided(), "j", -PART, "place")


def test_a_part_of_no_index_is_refused() -> None:
    with pytest.raises(RewriteError, match="a part of an index in 'j'"):
        name_index(divided(), "j", (I * 4 + J) // 3, "place")


def test_a_part_that_the_loop_changes_is_refused() -> None:
    with pytest.raises(RewriteError, match="the same in all turns of i"):
        name_index(divided(), "j", PART, "place", "i")


def test_registers_of_other_threads_are_refused() -> None:
    with pytest.raises(RewriteError, match="loops of one thread"):
        name_index(divided(LoopKind.THREAD), "j", PART, "place", "k")


def test_a_loop_that_is_not_around_is_refused() -> None:
    with pytest.raises(RewriteError, match="a loop around that over k"):
        name_index(divided(), "k", index_of(I.atom), "place", "j")


def test_further_quotients_and_the_remainder_are_made_of_the_name() -> None:
    rows = I // N
    named = index_of(INDEX)
    assert with_name(I // (N * M), rows, INDEX) is named // M
    assert with_name(I // N % M * 3 + I % N, rows, INDEX) is named % M * 3 + I - named * N
    assert with_name(J // N, rows, INDEX) is J // N


@given(plain_programs(), st.data())
def test_random_programs_mean_the_same(program: LoopProgram, data: st.DataObject) -> None:
    places = []
    for name in loops_of(program):
        around = program.loops_to(name)
        known = {one.variable for one in around}
        parts = [
            index
            for statement in walk(program.loop(name).body)
            for value in values_of(statement)
            for part in walk_value(value)
            if isinstance(part, Load)
            for index in part.coords
            if index.variables and index.variables <= known
        ]
        outer = [None, *(one.variable.name for one in around)]
        places += [(name, part, ahead) for part in parts for ahead in outer]
    if not places:
        return
    name, part, ahead = data.draw(st.sampled_from(places))
    try:
        after = name_index(program, name, part, "place", ahead)
    except RewriteError:
        return
    same_meaning(program, after)


@given(plain_programs(), st.data())
def test_elements_by_their_position(program: LoopProgram, data: st.DataObject) -> None:
    memories = [one.memory for one in (*program.inputs, *program.outputs)]
    same_meaning(program, by_position(program, data.draw(st.sampled_from(memories))))
