"""Merging of barriers: one that orders nothing goes, and all others stay."""

from __future__ import annotations

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.merge_barriers import merge_barriers
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    LoopKind,
    Statement,
    Store,
)
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Z, Y = w.floats("x", M), w.floats("z", M), w.floats("y", 4)


def dot() -> LoopProgram:
    """Return a program whose 4 threads each add the products of two rows, 8 at a time, which they
    copy to shared memory together."""
    total = w.at(w.register("s"))
    term = w.op("mul", w.at(X, J), w.at(Z, J))
    program = w.program(
        (X, Z),
        (Y,),
        w.loop(
            I,
            4,
            Allocate(total.buffer),
            Store(total, w.number(0)),
            w.loop(J, M, Accumulate("sum", (total,), (term,))),
            Store(w.at(Y, I), total),
        ),
    )
    program = bind(split(program, "j", 8, Tail.SHORT), "i", LoopKind.THREAD)
    for buffer in ("x", "z"):
        program = stage(program, "j_outer", buffer, BufferScope.SHARED)
    return program


def barriers(program: LoopProgram) -> int:
    return sum(isinstance(one, Barrier) for one in walk(program.body))


def test_two_copies_are_made_between_two_barriers() -> None:
    made = merge_barriers(dot())
    assert barriers(dot()) == 4
    assert [line.strip() for line in lines(made) if "barrier" in line or "allocate" in line] == [
        "allocate s: float32[] in register",
        "barrier (shared)",
        "allocate z_tile: float32[8] in shared",
        "allocate x_tile: float32[8] in shared",
        "barrier (shared)",
    ]
    same_meaning(dot(), made)


def threads(*body: Statement) -> LoopProgram:
    tile, other = w.shared("tile", 4), w.shared("other", 4)
    loop = w.loop(I, 4, *body, kind="thread")
    return w.program((w.floats("x", 4),), (Y,), Allocate(tile), Allocate(other), loop)


def test_a_barrier_that_orders_something_stays() -> None:
    tile, other = w.shared("tile", 4), w.shared("other", 4)
    x = w.floats("x", 4)
    stores = Store(w.at(tile, I), w.at(x, I))
    reads = Store(w.at(other, I), w.at(tile, 3 - I))
    last = Store(w.at(Y, I), w.at(other, 3 - I))
    ordered = threads(Barrier(), stores, Barrier(), reads, Barrier(), last)
    expected = (
        "merge_barriers of barriers in k0: expected a barrier between two others, and different "
        "memories on its sides, found none"
    )
    assert refusal(merge_barriers, ordered) == expected
    assert refusal(merge_barriers, threads(Barrier(), stores, Barrier(), last)) == expected
    everywhere = Barrier(BufferScope.GLOBAL)
    two = w.program((x,), (Y,), Barrier(), everywhere, Barrier(), Store(w.at(Y, 0), w.number(1)))
    assert refusal(merge_barriers, two) == expected


def test_what_is_written_on_both_sides_stays_in_order() -> None:
    tile = w.shared("tile", 4)
    first = Store(w.at(tile, I), w.number(1))
    second = Store(w.at(tile, 3 - I), w.number(2))
    program = threads(
        Barrier(), first, Barrier(), second, Barrier(), Store(w.at(Y, I), w.at(tile, I))
    )
    assert "found none" in refusal(merge_barriers, program)


def test_several_barriers_in_a_row_are_one() -> None:
    tile = w.shared("tile", 4)
    program = threads(
        Store(w.at(tile, I), w.number(1)),
        *[Barrier()] * 4,
        Store(w.at(Y, I), w.at(tile, 3 - I)),
    )
    made = merge_barriers(program)
    assert barriers(made) == 1
    same_meaning(program, made)
