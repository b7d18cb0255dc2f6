"""Cut: the parts of a loop, with what the number decides gone in each."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.statement import LoopKind, Store
from graphc.compiler.loops.value import Constant, Select, at_least, below
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, N

X, Z, Y = w.floats("x", N, 4), w.floats("z", N, 6), w.floats("y", N, 10)


def concatenation() -> LoopProgram:
    """Return a program that puts the rows of two matrices side by side."""
    value = Select((below(J, 4),), w.at(X, I, J), w.at(Z, I, J - 4))
    return w.program((X, Z), (Y,), w.loop(I, N, w.loop(J, 10, Store(w.at(Y, I, J), value))))


def test_each_part_reads_one_place() -> None:
    found = cut(concatenation(), "j", 4)
    assert lines(found) == [
        "for i < n:",
        "  for j_below < 4:",
        "    y[i, j_below] = x[i, j_below]",
        "  for j_behind < 6:",
        "    y[i, j_behind + 4] = z[i, j_behind]",
    ]
    assert_same(concatenation(), found, w.SIZES)


def test_a_size_that_a_call_knows_may_be_behind_the_end() -> None:
    padded = w.floats("p", 6)
    value = Select((at_least(I, 0), below(I, N)), w.at(w.floats("r", N), I), Constant(0, "float32"))
    program = w.program((w.floats("r", N),), (padded,), w.loop(I, 6, Store(w.at(padded, I), value)))
    found = cut(program, "i", N)
    assert lines(found) == [
        "for i_below < min(n, 6):",
        "  p[i_below] = r[i_below]",
        "for i_behind < -n + 6:",
        "  p[i_behind + n] = 0.0",
    ]
    for size in (1, 5, 6, 9):
        assert_same(program, found, {w.N_SYMBOL: size})


def test_refusals() -> None:
    assert refusal(cut, concatenation(), "k", 4) == (
        "cut of the loop 'k' in k0: expected the name of a loop's variable, found only 'i', 'j'"
    )
    assert refusal(cut, concatenation(), "j", N - 4) == (
        "cut of the loop 'j' in k0: expected a number that is at least 0, found n - 4"
    )
    assert refusal(cut, bind(concatenation(), "i", LoopKind.TEAM), "i", 1) == (
        "cut of the loop 'i' in k0: expected a serial or unrolled loop, as a loop is bound once, "
        "and last, found one of kind team"
    )
