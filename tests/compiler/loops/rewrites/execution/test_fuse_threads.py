"""Fusion of nests over threads: one nest with the barrier inside, and what is refused."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.execution.fuse_threads import fuse_threads
from graphc.compiler.loops.statement import Allocate, Barrier, Statement, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I

SIZES = ({symbols(N)[0]: 3},)
X, Y = w.floats("x", N, 4, 8), w.floats("y", N, 4, 8)
GROUP, OWN, FINISHER, OWN_2 = map(w.variable, ("group", "own", "finisher", "own_2"))
SUMS = new_buffer("sums", "float32", (4, 8), BufferScope.SHARED)
FIRST, SECOND = ("group", "own"), ("finisher", "own_2")


def flipped(
    finishers: int = 2,
    between: tuple[Statement, ...] = (Barrier(),),
    inside: tuple[Statement, ...] = (),
    kind: str = "thread",
    ahead: tuple[Statement, ...] = (),
) -> LoopProgram:
    """Return a program whose threads store elements, and some of them two of the others' each.

    Args:
        finishers: groups of these, which share the elements.
        between: statements between both nests.
        inside: the first ones of the second nest.
        kind: of its outermost loop.
        ahead: statements beside the inner loop of the first nest.
    """
    store = Store(w.at(SUMS, GROUP, OWN), w.at(X, I, GROUP, OWN))
    part = w.variable("part")
    group = part * finishers + FINISHER
    last = w.loop(
        part, 4 // finishers, Store(w.at(Y, I, group, OWN_2), w.at(SUMS, group, OWN_2 * -1 + 7))
    )
    body = (
        Allocate(SUMS),
        w.loop(GROUP, 4, *ahead, w.loop(OWN, 8, store, kind="thread"), kind="thread"),
        *between,
        w.loop(FINISHER, finishers, w.loop(OWN_2, 8, *inside, last, kind="thread"), kind=kind),
    )
    return w.program((X,), (Y,), w.loop(I, N, *body, kind="block"))


def test_some_threads_go_on() -> None:
    program = flipped()
    made = fuse_threads(program, FIRST, SECOND)
    assert lines(made)[2:] == [
        "  for group < 4 (thread):",
        "    for own < 8 (thread):",
        "      sums[group, own] = x[i, group, own]",
        "      barrier (shared)",
        "      if group < 2:",
        "        for part < 2:",
        "          y[i, 2*part + group, own] = sums[2*part + group, 7 - own]",
    ]
    same_meaning(program, made, *SIZES)


def test_all_threads_go_on() -> None:
    program = flipped(4)
    made = fuse_threads(program, FIRST, SECOND)
    assert not any("if" in line for line in lines(made))
    same_meaning(program, made, *SIZES)


MORE = new_buffer("more", "float32", (), BufferScope.REGISTER)


@pytest.mark.parametrize(
    ("program", "loops", "others", "message"),
    [
        (flipped(), ("group",), SECOND, "expected as many loops in both nests, found 1 and 2"),
        (flipped(between=()), FIRST, SECOND, "expected a barrier of the threads between"),
        (flipped(between=(Barrier(), Barrier())), FIRST, SECOND, "between the nests, and nothing"),
        (flipped(), SECOND, FIRST, "expected a barrier of the threads between"),
        (flipped(inside=(Barrier(),)), FIRST, SECOND, "no barrier in the second nest"),
        (flipped(kind="serial"), FIRST, SECOND, "a loop over threads of a known number"),
        (flipped(ahead=(Allocate(MORE),)), FIRST, SECOND, "nothing but the loop 'own' inside"),
    ],
    ids=range(7),
)
def test_other_nests_are_refused(
    program: LoopProgram, loops: tuple[str, ...], others: tuple[str, ...], message: str
) -> None:
    assert message in refusal(fuse_threads, program, loops, others)


def test_more_threads_cannot_go_on() -> None:
    wide = w.program(
        (X,),
        (Y,),
        w.loop(
            I,
            N,
            w.loop(GROUP, 2, Store(w.at(Y, I, GROUP, 0), w.number(0.0)), kind="thread"),
            Barrier(),
            w.loop(FINISHER, 4, Store(w.at(Y, I, FINISHER, 1), w.number(0.0)), kind="thread"),
            kind="block",
        ),
    )
    message = "expected at most the turns of group, 2, found 4 of finisher"
    assert message in refusal(fuse_threads, wide, ("group",), ("finisher",))
