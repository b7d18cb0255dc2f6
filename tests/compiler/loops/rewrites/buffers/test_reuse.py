"""Reuse: a buffer in shared memory in the place of one that nothing uses any more."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.buffers.reuse import reuse
from graphc.compiler.loops.statement import Allocate, Barrier, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J, K

SIZES = ({symbols(N)[0]: 3},)
X, Y = w.floats("x", N, 16), w.floats("y", N, 8)


def shared(name: str, size: int, dtype: str = "float32") -> Buffer:
    return new_buffer(name, dtype, (size,), BufferScope.SHARED)


def swapped(
    size: int = 8, dtype: str = "float32", block: str = "block", again: str = "", steps: int = 0
) -> LoopProgram:
    """Return a program whose threads add neighbours of a tile, and store the sums in swapped order.

    Args:
        size: elements of the buffer of sums.
        dtype: of these.
        block: the kind of the outermost loop.
        again: the buffer that threads read once more behind that.
        steps: turns of a loop around the uses of both buffers, if there is one.
    """
    tile, sums, own = shared("tile", 16), shared("sums", size, dtype), w.register("own")
    k, step = w.variable("k1"), w.variable("step")
    inside: tuple[Statement, ...] = (
        w.loop(K, 2, Store(w.at(tile, J * 2 + K), w.at(X, I, J * 2 + K))),
        Store(w.at(own), w.op("add", w.at(tile, J * 2), w.at(tile, J * 2 + 1))),
        Store(w.at(sums, J), w.at(own)),
        *([Store(w.at(own), w.at(tile, J))] if again else []),
    )
    around = (w.loop(step, steps, *inside),) if steps else inside
    threads = w.loop(J, 8, Allocate(tile), Allocate(own), *around, kind="thread")
    stored = w.loop(k, 8, Store(w.at(Y, I, k), w.at(sums, k * -1 + 7)), kind="thread")
    body = (Allocate(sums), threads, Barrier(), stored)
    return w.program((X,), (Y,), w.loop(I, N, *body, kind=block))


def test_a_buffer_takes_the_place_of_another_one() -> None:
    program = swapped()
    made = reuse(program, "sums", "tile")
    allocated = [one.buffer.name for one in walk(made.body) if isinstance(one, Allocate)]
    assert allocated == ["tile", "own"]
    assert [line.strip() for line in lines(made)[1:8]] == [
        "allocate tile: float32[16] in shared",
        "for j < 8 (thread):",
        "allocate own: float32[] in register",
        "for k < 2:",
        "tile[2*j + k] = x[i, 2*j + k]",
        "own[] = add(tile[2*j], tile[2*j + 1])",
        "barrier (shared)",
    ]
    same_meaning(program, made, *SIZES)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (
            swapped(size=17),
            "the buffer 'sums' in k0: expected at most the elements of tile, of its type, found 17 "
            "of float32 for 16 of float32",
        ),
        (
            swapped(dtype="float64"),
            "the buffer 'sums' in k0: expected at most the elements of tile, of its type, found 8 "
            "of float64 for 16 of float32",
        ),
        (
            swapped(again="tile"),
            "the buffer 'sums' in k0: expected that nothing uses tile where it is used, or later, "
            "found own[] = tile[j]",
        ),
        (
            swapped(steps=2),
            "the buffer 'sums' in k0: expected that nothing uses tile where it is used, or later, "
            "found for step < 2:",
        ),
        (
            swapped(block="serial"),
            "the buffer 'sums' in k0: expected loops of blocks alone around its allocation, found "
            "for i < n:",
        ),
    ],
    ids=["large", "type", "later", "in a loop", "again"],
)
def test_where_a_buffer_keeps_its_place(program: LoopProgram, message: str) -> None:
    assert refusal(reuse, program, "sums", "tile") == f"reuse of {message}"


def test_a_buffer_that_is_not_there() -> None:
    assert refusal(reuse, swapped(), "sums", "rows") == (
        "reuse of the buffer 'rows' in k0: expected one that the program allocates in shared "
        "memory, found no such statement"
    )
