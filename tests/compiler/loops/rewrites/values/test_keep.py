"""Keep: values that two passes over a row compute are computed in the first one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import Index, as_index
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.values.keep import keep
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, LoopKind, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", 10), w.floats("y", 10)
TOTAL, BIAS = w.register("total"), w.register("bias")


def passes(
    *between: Statement, second: Size = 10, ops: tuple[str, str] = ("exp", "neg")
) -> LoopProgram:
    """Return a program that sums a function of x, then divides its values by the sum."""

    def value(index: Index, number: int) -> list[Statement]:
        first, last = w.local(f"t{number}"), w.local(f"t{number + 1}")
        inner = w.op(ops[1], w.op("add", w.at(X, index), w.at(BIAS)))
        return [Let(first, inner), Let(last, w.op(ops[0], first))]

    return w.program(
        (X,),
        (Y,),
        Allocate(BIAS),
        Store(w.at(BIAS), w.at(X, 3)),
        Allocate(TOTAL),
        Store(w.at(TOTAL), w.number(0.0)),
        w.loop(I, 10, *value(I, 0), Accumulate("sum", (w.at(TOTAL),), (w.local("t1"),))),
        *between,
        w.loop(J, second, *value(J, 2), Store(w.at(Y, J), w.op("div", w.local("t3"), w.at(TOTAL)))),
    )


def test_a_value_of_both_is_stored_by_the_first_and_read_by_the_second() -> None:
    kept = keep(passes(), "i", "j")
    assert lines(kept)[4:] == [
        "allocate kept: float32[10] in register",
        "for i < 10:",
        "  t0 = neg(add(x[i], bias[]))",
        "  t1 = exp(t0)",
        "  kept[i] = t1",
        "  total[] = sum(total[], t1)",
        "for j < 10:",
        "  t2 = neg(add(x[j], bias[]))",
        "  t3 = kept[j]",
        "  y[j] = div(t3, total[])",
    ]
    same_meaning(passes(), kept, {})


def test_a_buffer_has_an_element_for_each_turn_that_there_may_be() -> None:
    """The first end is the greatest number of turns, as of a row of a length that a call knows."""
    program = passes()
    for name in ("i", "j"):
        program = program.with_loop(
            name, lambda one: (replace(one, ends=(as_index(10), as_index(N))),)
        )
    kept = keep(program, "i", "j")
    assert "allocate kept: float32[10] in register" in lines(kept)
    same_meaning(program, kept)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            passes(Store(w.at(BIAS), w.number(1.0))),
            "values that both compute, of what nothing has changed in between, found none",
        ),
        (passes(ops=("neg", "neg")), "nothing has changed in between, found none"),
        (passes(second=9), "equal ends, a size ahead of others, found 10 and 9"),
        (bind(passes(), "j", LoopKind.UNROLLED), "serial loops, found one of kind unrolled"),
    ],
    ids=["changed", "no work", "shorter", "bound"],
)
def test_what_is_refused(program: LoopProgram, reason: str) -> None:
    assert refusal(keep, program, "i", "j").endswith(reason)


def test_the_second_loop_has_to_be_behind() -> None:
    assert refusal(keep, passes(), "j", "i").endswith(
        "expected the loop that computes first ahead, found it behind"
    )
