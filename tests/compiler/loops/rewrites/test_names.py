"""Copies of statements bind names of their own."""

from __future__ import annotations

from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.index import LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    path_to,
    transformed,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Barrier,
    For,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.text import body_lines
from graphc.compiler.loops.value import Constant, Load, Local

ROW = LoopVariable("row")
X, Y = new_buffer("x0", "float32", (9, 4)), new_buffer("y0", "float32", (9,))
TILE = new_buffer("tile", "float32", (4,), BufferScope.REGISTER)
HALF = view(TILE, "half", (2,), offset=2)
T0 = Local("t0", "float32")
LOAD = Let(T0, Load(X, (index_of(ROW), as_index(1))))
BODY = (
    For(
        ROW,
        (as_index(9),),
        (
            Allocate(TILE),
            LOAD,
            Store(Load(HALF, (as_index(1),)), T0),
            Accumulate("max", (Load(Y, (index_of(ROW),)),), (Load(TILE, (as_index(3),)),)),
        ),
    ),
)
PROGRAM = LoopProgram("k0", (X,), (Y,), (), BODY)


def test_a_copy_binds_new_variables_locals_and_buffers() -> None:
    copy = Names(PROGRAM).copied(BODY)
    assert list(body_lines(copy)) == [
        "for row_2 < 9:",
        "  allocate tile_2: float32[4] in register",
        "  t0_2 = x0[row_2, 1]",
        "  half_2[1] = t0_2",
        "  y0[row_2] = max(y0[row_2], tile_2[3])",
    ]
    (loop,) = copy
    assert isinstance(loop, For)
    assert isinstance(loop.body[2], Store)
    assert loop.body[2].target.buffer.memory == "tile_2"


def test_new_names_are_given_once() -> None:
    names = Names(PROGRAM)
    assert [names.new(name) for name in ("column", "row", "row", "half", "x0")] == [
        "column",
        "row_2",
        "row_3",
        "half_2",
        "x0_2",
    ]


def test_copies_of_copies_count_on() -> None:
    names = Names(PROGRAM)
    assert [names.copy(name) for name in ("row", "row_2", "row_3", "x0")] == [
        "row_2",
        "row_3",
        "row_4",
        "x0_2",
    ]


def test_each_statement_of_a_copy_is_an_object_of_its_own() -> None:
    """So that a rewrite can find it by identity."""
    unnamed = (Store(Load(Y, (as_index(0),)), Constant(1.0, "float32")), Barrier())
    for statement, copy in zip(unnamed, Names(PROGRAM).copied(unnamed), strict=True):
        assert copy == statement
        assert copy is not statement


def test_a_path_and_a_change_reach_any_depth() -> None:
    assert path_to(BODY, LOAD) == (BODY[0], LOAD)
    assert path_to(BODY, Let(T0, T0)) == ()

    def without_lets(statement: Statement) -> tuple[Statement, ...]:
        return () if isinstance(statement, Let) else (statement,)

    assert "t0 = x0[row, 1]" not in "".join(body_lines(transformed(BODY, without_lets)))
    assert transformed(BODY, lambda statement: (statement,)) is BODY


def test_written_memories_are_those_of_views_too() -> None:
    assert written_memories(BODY) == {"tile", "y0"}
    assert written_memories((Store(Load(Y, (as_index(0),)), Constant(0.0, "float32")),)) == {"y0"}
