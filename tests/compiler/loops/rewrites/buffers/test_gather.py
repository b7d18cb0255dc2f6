"""Gathering: buffers that are parts of one, which others take the place of, and what is refused."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import Buffer, BufferScope, new_buffer, view
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.buffers.gather import gather
from graphc.compiler.loops.rewrites.buffers.reuse import reuse
from graphc.compiler.loops.statement import Allocate, Barrier, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I

SIZES = ({symbols(N)[0]: 3},)
X, Y, Z = w.floats("x", N, 8), w.floats("y", N, 8), w.floats("z", N, 8)
T = w.variable("t")


def shared(name: str, size: int = 8, dtype: str = "float32") -> Buffer:
    return new_buffer(name, dtype, (size,), BufferScope.SHARED)


LEFT, RIGHT, SUMS, LAST = (shared(one) for one in ("left", "right", "sums", "last"))


def added(
    left: Buffer = LEFT, between: tuple[Statement, ...] = (), read: Buffer = RIGHT, size: int = 16
) -> LoopProgram:
    """Return a program whose threads turn two arrays around, add them up, and turn the sums around
    once more, twice."""
    sums, last = shared("sums", size), shared("last", size)
    flipped = T * -1 + 7
    total = w.op("add", w.at(left, flipped), w.at(read, flipped))
    own = w.at(w.register("total"))
    body = (
        Allocate(own.buffer),
        Allocate(left),
        *between,
        Allocate(RIGHT),
        Store(w.at(left, T), w.at(X, I, T)),
        Store(w.at(RIGHT, T), w.at(X, I, T)),
        Barrier(),
        Store(own, total),
        Store(w.at(sums, T), own),
        Barrier(),
        Store(w.at(Y, I, T), w.at(sums, flipped)),
        Store(w.at(last, T), w.at(X, I, T)),
        Barrier(),
        Store(w.at(Z, I, T), w.at(last, flipped)),
    )
    ahead = (Allocate(sums), Allocate(last))
    return w.program(
        (X,), (Y, Z), w.loop(I, N, *ahead, w.loop(T, 8, *body, kind="thread"), kind="block")
    )


def test_buffers_are_parts_of_one() -> None:
    program = added()
    made = gather(program, ["left", "right"], "tiles")
    assert [line.strip() for line in lines(made) if "shared" in line and "allocate" in line] == [
        "allocate sums: float32[16] in shared",
        "allocate last: float32[16] in shared",
        "allocate tiles: float32[16] in shared",
    ]
    same_meaning(program, made, *SIZES)


def test_larger_ones_take_their_place_one_after_the_other() -> None:
    program = added()
    assert "at most the elements of left" in refusal(reuse, program, "last", "left")
    made = gather(program, ["left", "right"], "tiles")
    for name in ("sums", "last"):
        made = reuse(made, name, "tiles")
    allocated = [one.buffer.name for one in walk(made.body) if isinstance(one, Allocate)]
    assert allocated == ["tiles", "total"]
    assert sum(isinstance(one, Barrier) for one in walk(made.body)) == 5
    same_meaning(program, made, *SIZES)


def test_one_that_is_in_use_keeps_its_place() -> None:
    made = gather(added(), ["left", "right"], "tiles")
    made = reuse(made, "last", "tiles")
    assert "that nothing uses tiles where it is used, or later" in refusal(
        reuse, made, "sums", "tiles"
    )


@pytest.mark.parametrize(
    ("program", "buffers", "message"),
    [
        (added(), ["left", "other"], "buffers that the program allocates, each once, found left"),
        (added(shared("left", 8, "float64")), ["left", "right"], "of one type in one memory"),
        (
            added(shared("left", 9)),
            ["left", "right"],
            "of a multiple of 16 bytes, found 9 elements",
        ),
        (
            added(between=(Allocate(w.register("own")),)),
            ["left", "right"],
            "that they are allocated one behind the other",
        ),
        (added(read=view(RIGHT, "half", (8,))), ["left", "right"], "no views of them, found half"),
    ],
    ids=range(5),
)
def test_other_buffers_are_refused(program: LoopProgram, buffers: list[str], message: str) -> None:
    assert message in refusal(gather, program, buffers, "tiles")
