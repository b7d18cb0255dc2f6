"""Peel: the last turn of a loop behind it."""

from __future__ import annotations

import pytest

from graphc.compiler.graph.dim import symbols
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.peel import peel
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import LoopKind, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", N, M), w.floats("y", N, M)


def in_tiles() -> LoopProgram:
    """Return a program that copies x, its rows in tiles of 4, of which the last one is short."""
    element = Store(w.at(Y, I, J), w.at(X, I, J))
    rows = w.loop(I, N, w.loop(J, M, element))
    return split(w.program((X,), (Y,), rows), "i", 4, Tail.SHORT)


def test_all_turns_but_the_last_are_full() -> None:
    assert lines(peel(in_tiles(), "i_outer")) == [
        "for i_outer < (n + 3) // 4 - 1:",
        "  for i_inner < 4:",
        "    for j < m:",
        "      y[4*i_outer + i_inner, j] = x[4*i_outer + i_inner, j]",
        "for i_inner_2 < n - 4*((n + 3) // 4) + 4:",
        "  for j_2 < m:",
        "    y[i_inner_2 + 4*((n + 3) // 4) - 4, j_2] = x[i_inner_2 + 4*((n + 3) // 4) - 4, j_2]",
    ]


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8, 11])
def test_it_means_the_same(n: int) -> None:
    sizes = {symbols(N)[0]: n, symbols(M)[0]: 3}
    same_meaning(in_tiles(), peel(in_tiles(), "i_outer"), sizes)


def test_what_is_refused() -> None:
    maybe_none = w.program((X,), (Y,), w.loop(I, N - 1, Store(w.at(Y, I, 0), w.at(X, I, 0))))
    assert refusal(peel, maybe_none, "i") == (
        "peel of the loop 'i' in k0: expected a number of turns that is at least 1, found n - 1"
    )
    assert refusal(peel, in_tiles(), "i_inner").endswith("at least 1, found 4, n - 4*i_outer")
    bound = bind(in_tiles(), "i_outer", LoopKind.TEAM)
    assert refusal(peel, bound, "i_outer").endswith(
        "expected a serial or unrolled loop, as a loop is bound once, and last, found one of kind "
        "team"
    )
