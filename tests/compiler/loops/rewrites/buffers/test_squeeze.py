"""Squeeze: a buffer of one element has no axes."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope, new_buffer, view
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.buffers.squeeze import squeeze
from graphc.compiler.loops.statement import Allocate, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I

X, Y = w.floats("x", N), w.floats("y", N)


def doubled(*shape: int, is_viewed: bool = False) -> LoopProgram:
    """Return a program that doubles elements in a buffer of each."""
    total = new_buffer("total", "float32", shape, BufferScope.REGISTER)
    element = w.at(total, *(0 for _ in shape))
    read = w.at(view(total, "flat", (1,)), 0) if is_viewed else element
    body = (
        Allocate(total),
        Store(element, w.at(X, I)),
        Store(element, w.op("add", element, element)),
        Store(w.at(Y, I), read),
    )
    return w.program((X,), (Y,), w.loop(I, N, *body))


def test_its_elements_have_no_coordinates() -> None:
    program = doubled(1, 1)
    made = squeeze(program, "total")
    assert [line.strip() for line in lines(made)[1:]] == [
        "allocate total: float32[] in register",
        "total[] = x[i]",
        "total[] = add(total[], total[])",
        "y[i] = total[]",
    ]
    same_meaning(program, made, {symbols(N)[0]: 3})


@pytest.mark.parametrize(
    ("program", "buffer", "message"),
    [
        (
            doubled(1),
            "sum",
            "the buffer 'sum' in k0: expected a buffer that it allocates, found none of this name",
        ),
        (
            doubled(1, 2),
            "total",
            "the buffer 'total' in k0: expected axes of one element each, found total",
        ),
        (
            doubled(1, 1, is_viewed=True),
            "total",
            "the buffer 'total' in k0: expected that values and stores alone access it, without "
            "views, found flat",
        ),
    ],
    ids=["no buffer", "elements", "a view"],
)
def test_what_is_refused(program: LoopProgram, buffer: str, message: str) -> None:
    assert refusal(squeeze, program, buffer) == f"squeeze of {message}"
