"""Random programs have a meaning, and the comparison of two notices a difference."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.program import LoopProgram, transformed
from graphc.compiler.loops.statement import For, If, Statement, Store
from graphc.compiler.loops.value import Apply
from tests.compiler.loops.random_loops import (
    SOME_SIZES,
    Sizes,
    arrays_for,
    loops_of,
    plain_programs,
    same_meaning,
    sizes,
)

FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@FEW
@given(plain_programs(), sizes(), st.integers(0, 3))
def test_they_have_a_meaning_at_all_sizes(program: LoopProgram, some: Sizes, seed: int) -> None:
    arrays = arrays_for(program, some, seed)
    found = evaluate(program, arrays, some)
    assert found.outputs.keys() == {buffer.memory for buffer in program.outputs}
    assert any(stored.any() for stored in found.stored.values())


@FEW
@given(plain_programs(recurrences=True), sizes())
def test_so_have_recurrences(program: LoopProgram, some: Sizes) -> None:
    evaluate(program, arrays_for(program, some), some)


def changed(program: LoopProgram, change: type) -> LoopProgram:
    """Return a program whose stores store something else, or less."""

    def edit(statement: Statement) -> tuple[Statement, ...]:
        if isinstance(statement, If):
            return (replace(statement, body=()),) if change is If else (statement,)
        if isinstance(statement, Store) and statement.target.coords and change is Store:
            value, dtype = statement.value, statement.target.dtype
            return (replace(statement, value=Apply("neg", (value,), dtype, {})),)
        if isinstance(statement, For) and change is For:
            return (replace(statement, ends=(statement.ends[0] + 1,)),)
        return (statement,)

    return replace(program, body=transformed(program.body, edit))


@FEW
@given(plain_programs())
def test_a_program_means_the_same_as_itself(program: LoopProgram) -> None:
    same_meaning(program, program, SOME_SIZES[1])


@pytest.mark.parametrize("change", [Store, For, If])
@FEW
@given(plain_programs())
def test_a_difference_is_noticed(change: type, program: LoopProgram) -> None:
    other = changed(program, change)
    if other.body == program.body:
        return
    with pytest.raises(AssertionError):
        same_meaning(program, other, *SOME_SIZES[1:])


@FEW
@given(plain_programs())
def test_loops_are_found_by_their_names(program: LoopProgram) -> None:
    assert all(program.loop(name).variable.name == name for name in loops_of(program))
