"""Elements by their position."""

from __future__ import annotations

from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.statement import Store
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, N

X, Y = w.floats("x", N, 6), w.floats("y", N, 6)
PART = view(w.floats("z", N, 12), "part", (N, 6), (12, 1), 3)
BIAS = w.floats("b", 6)


def copy(value: object) -> LoopProgram:
    """Return a program whose rows are fused."""
    store = Store(w.at(Y, I, J), value)  # type: ignore[arg-type]  # a value of some test
    return fuse(
        w.program((X, w.floats("z", N, 12), BIAS), (Y,), w.loop(I, N, w.loop(J, 6, store))),
        "i",
        "j",
    )


def test_a_position_takes_the_place_of_divided_coordinates() -> None:
    program = copy(w.op("add", w.at(X, I, J), w.at(BIAS, J)))
    found = flatten(program)
    assert lines(found) == [
        "for i_j < 6*n:",
        "  y_flat[i_j] = add(x_flat[i_j], b[i_j % 6])",
    ]
    assert_same(program, found, w.SIZES)


def test_elements_that_are_no_run_keep_their_coordinates() -> None:
    program = copy(w.at(PART, I, J))
    found = flatten(program)
    assert lines(found) == ["for i_j < 6*n:", "  y_flat[i_j] = part[i_j // 6, i_j % 6]"]
    assert_same(program, found, w.SIZES)


def test_what_is_not_divided_stays() -> None:
    store = Store(w.at(Y, I, J), w.at(X, I, J))
    program = w.program((X,), (Y,), w.loop(I, N, w.loop(J, 6, store)))
    assert flatten(program) == program
