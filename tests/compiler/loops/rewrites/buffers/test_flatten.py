"""Elements by their position."""

from __future__ import annotations

from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.buffers.flatten import flatten, join_axes
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.statement import Store
from tests.compiler.loops import written as w
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, K, N

X, Y = w.floats("x", N, 6), w.floats("y", N, 6)
PART = view(w.floats("z", N, 12), "part", (N, 6), (12, 1), 3)
IMAGES, CHANNELS = w.floats("y", N, 4, 5), w.floats("y", N, 3, 4, 5)
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


def image(value: object) -> LoopProgram:
    """Return a program that stores rows and columns of images, all in one loop."""
    store = Store(w.at(IMAGES, I, J, K), value)  # type: ignore[arg-type]  # a value of some test
    program = w.program((X,), (IMAGES,), w.loop(I, N, w.loop(J, 4, w.loop(K, 5, store))))
    return fuse(fuse(program, "i", "j"), "i_j", "k")


def test_axes_that_are_walked_together_are_one() -> None:
    program = image(w.number(1))
    found = join_axes(program)
    assert lines(found) == ["for i_j_k < 20*n:", "  y_joined[i_j_k] = 1.0"]
    assert_same(program, found, w.SIZES)


def test_axes_with_another_one_between_stay_separate() -> None:
    store = Store(w.at(CHANNELS, I, 2, J, K), w.number(1))
    program = w.program((), (CHANNELS,), w.loop(I, N, w.loop(J, 4, w.loop(K, 5, store))))
    program = fuse(fuse(program, "i", "j"), "i_j", "k")
    found = join_axes(program)
    assert lines(found)[1] == "  y_joined[i_j_k // 20, 2, i_j_k % 20] = 1.0"
    assert_same(program, found, w.SIZES)


def test_axes_that_are_not_divided_stay() -> None:
    store = Store(w.at(IMAGES, I, J, K), w.number(1))
    program = w.program((), (IMAGES,), w.loop(I, N, w.loop(J, 4, w.loop(K, 5, store))))
    assert join_axes(program) == program
