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
from graphc.compiler.loops.statement import Accumulate, Allocate, For, Let, Statement, Store
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
        "for row1 < 9:",
        "  allocate tile1: float32[4] in register",
        "  t01 = x0[row1, 1]",
        "  half1[1] = t01",
        "  y0[row1] = max(y0[row1], tile1[3])",
    ]
    (loop,) = copy
    assert isinstance(loop, For)
    assert isinstance(loop.body[2], Store)
    assert loop.body[2].target.buffer.memory == "tile1"


def test_new_names_are_given_once() -> None:
    names = Names(PROGRAM)
    assert [names.new(name) for name in ("column", "row", "row", "half", "x0")] == [
        "column",
        "row1",
        "row2",
        "half1",
        "x01",
    ]


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
