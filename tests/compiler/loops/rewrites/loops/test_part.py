"""Part: some turns of a loop, which calls divide among them, and what is refused."""

import itertools

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.part import part
from graphc.compiler.loops.statement import Accumulate, Let, Store
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y = w.floats("x", w.N, 3), w.floats("y", w.N, 3)
DOUBLED = Store(w.at(Y, I, J), w.op("add", w.at(X, I, J), w.at(X, I, J)))
ROWS = w.program((X,), (Y,), w.loop(I, w.N, w.loop(J, 3, DOUBLED)))


def test_rows_from_one_to_another() -> None:
    assert lines(part(ROWS, "i")) == [
        "for i_part < end - begin:",
        "  for j < 3:",
        "    y[begin + i_part, j] = add(x[begin + i_part, j], x[begin + i_part, j])",
    ]


@pytest.mark.parametrize("is_fused", [False, True])
@pytest.mark.parametrize("bounds", [(0, 7), (0, 3, 7), (0, 0, 1, 6, 7, 7)])
def test_parts_are_the_whole(is_fused: bool, bounds: tuple[int, ...]) -> None:
    x = np.arange(21, dtype="float32").reshape(7, 3)
    some = part(ROWS, "i")
    some = fuse(some, "i_part", "j") if is_fused else some
    y = np.zeros_like(x)
    for begin, end in itertools.pairwise(bounds):
        indices = {"begin": begin, "end": end}
        found = evaluate(some, {"x": x}, {w.N_SYMBOL: 7}, indices=indices)
        stored = found.stored["y"]
        assert stored[begin:end].all()
        assert stored.sum() == 3 * (end - begin)
        y[stored] = found.outputs["y"][stored]
    np.testing.assert_array_equal(y, 2 * x)


def test_names_ahead_of_the_loop_stay_there() -> None:
    first = Let(w.local("first"), w.at(X, 0, 0))
    added = Store(w.at(Y, I, J), w.op("add", w.at(X, I, J), first.local))
    after = part(w.program((X,), (Y,), first, w.loop(I, w.N, w.loop(J, 3, added))), "i")
    assert lines(after)[:2] == ["first = x[0, 0]", "for i_part < end - begin:"]
    x = np.arange(21, dtype="float32").reshape(7, 3)
    indices = {"begin": 2, "end": 5}
    found = evaluate(after, {"x": x + 1}, {w.N_SYMBOL: 7}, indices=indices)
    np.testing.assert_array_equal(found.outputs["y"][2:5], x[2:5] + 2)


def test_what_is_refused() -> None:
    total = w.floats("total")
    add = Accumulate("sum", (w.at(total),), (w.at(X, I, 0),))
    sums = w.program((X,), (total,), w.loop(I, w.N, add))
    assert "expected turns that have no order" in refusal(part, sums, "i")
    twice = w.program(
        (X,), (Y,), w.loop(I, w.N, w.loop(J, 3, DOUBLED)), Store(w.at(Y, 0, 0), w.number(1.0))
    )
    assert "all that the program does, but for names ahead of it, found 2 statements" in refusal(
        part, twice, "i"
    )
    assert "all that the program does" in refusal(part, ROWS, "j")
    least = w.program((X,), (Y,), w.loop(I, (w.N, 8), w.loop(J, 3, DOUBLED)))
    assert "one end that is a size, found one of kind serial to n, 8" in refusal(part, least, "i")
    team = w.program((X,), (Y,), w.loop(I, w.N, w.loop(J, 3, DOUBLED), kind="team"))
    assert "a serial loop" in refusal(part, team, "i")
