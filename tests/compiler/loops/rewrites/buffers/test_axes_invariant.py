"""Views with an axis for each loop, and elements that a loop loads once, ahead of it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.program import LoopProgram, loads_of
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.values.invariant import with_invariant_loads_ahead
from graphc.compiler.loops.statement import Store
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import loops_of, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.rewritten import assert_same
from tests.compiler.loops.written import I, J, N

X, Y = w.floats("x", N, 6, 4), w.floats("y", N, 4, 6)
FLAT = view(X, "x_flat", (N * 24,))
K = w.K


def transposed(step: int = 4) -> LoopProgram:
    """The rows of each matrix are its columns, by their place."""
    moved = Store(w.at(Y, I, J, K), w.at(FLAT, I * 24 + J + K * step))
    return w.program((X,), (Y,), w.loop(I, N, w.loop(J, 4, w.loop(K, 6, moved))))


def test_an_axis_for_each_loop() -> None:
    changed = with_axes_of_loops(transposed(), "k")
    assert lines(changed)[-1].strip() == "y[i, j, k] = x_flat_axes[i, j, k]"
    (load,) = loads_of(changed.loop("k").body[0])
    assert (load.buffer.shape, load.buffer.strides) == ((N, 4, 6), (24, 1, 4))
    assert_same(transposed(), changed, {w.N_SYMBOL: 3})


def test_what_is_stored_has_an_axis_for_each_loop_too() -> None:
    flat = w.floats("y", N * 24)
    moved = Store(w.at(flat, I * 24 + J * 6 + K), w.at(X, I, K, J))
    before = w.program((X,), (flat,), w.loop(I, N, w.loop(J, 4, w.loop(K, 6, moved))))
    changed = with_axes_of_loops(before, "k")
    assert lines(changed)[-1].strip() == "y_axes[i, j, k] = x[i, k, j]"
    assert_same(before, changed, {w.N_SYMBOL: 3})


def test_several_places_have_several_views() -> None:
    y = w.floats("y", 4, 3)
    x = w.floats("x", 24)
    both = w.op("add", w.at(x, I + J * 4), w.at(x, I + J * 4 + 12))
    before = w.program((x,), (y,), w.loop(I, 4, w.loop(J, 3, Store(w.at(y, I, J), both))))
    changed = with_axes_of_loops(before, "j")
    assert lines(changed)[-1].strip() == "y[i, j] = add(x_axes[i, j], x_axes_2[i, j])"
    assert_same(before, changed)


def test_what_is_no_sum_of_loops_stays() -> None:
    """A loop whose number of turns changes, a quotient; a coordinate for each loop already."""
    short = w.program(
        (X,),
        (Y,),
        w.loop(I, N, w.loop(J, (4, 3), Store(w.at(Y, I, J, 0), w.at(FLAT, I * 24 + J)))),
    )
    divided = w.program(
        (X,), (Y,), w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J, 0), w.at(FLAT, I + J // 2))))
    )
    separate = w.program(
        (X,), (Y,), w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J, 0), w.at(X, I, J + 1, 0))))
    )
    for program in (short, divided, separate):
        assert with_axes_of_loops(program, "j") is program


def test_a_loop_that_is_not_there() -> None:
    assert "found only" in refusal(with_axes_of_loops, transposed(), "z")


SCALE, BIAS = w.floats("scale"), w.floats("bias", 4)


def scaled(*more: Store) -> LoopProgram:
    value = w.op("add", w.op("mul", w.at(X, I, K, J), w.at(SCALE)), w.at(BIAS, J))
    body = (Store(w.at(Y, I, J, K), value), *more)
    return w.program((X, SCALE, BIAS), (Y,), w.loop(I, N, w.loop(J, 4, w.loop(K, 6, *body))))


def test_loads_of_one_place_are_ahead() -> None:
    changed = with_invariant_loads_ahead(scaled(), "k")
    assert [line.strip() for line in lines(changed)] == [
        "for i < n:",
        "for j < 4:",
        "scale_k_0 = scale[]",
        "bias_k_1 = bias[j]",
        "for k < 6:",
        "y[i, j, k] = add(mul(x[i, k, j], scale_k_0), bias_k_1)",
    ]
    assert_same(scaled(), changed, {w.N_SYMBOL: 2})
    outside = with_invariant_loads_ahead(scaled(), "i")
    assert lines(outside)[0].strip() == "scale_i_0 = scale[]"
    assert_same(scaled(), outside, {w.N_SYMBOL: 2})


def test_what_the_loop_writes_or_may_not_be_there_stays() -> None:
    written = scaled(Store(w.at(SCALE), w.number(2.0)))
    written = LoopProgram("k0", (X, BIAS), (Y, SCALE), (), written.body)
    changed = with_invariant_loads_ahead(written, "k")
    assert "scale_k_0 = scale[]" not in [line.strip() for line in lines(changed)]
    far = w.program(
        (BIAS,), (Y,), w.loop(I, N, w.loop(J, 4, Store(w.at(Y, I, J, 0), w.at(BIAS, I))))
    )
    assert with_invariant_loads_ahead(far, "j") is far


@pytest.mark.parametrize("rewrite", [with_axes_of_loops, with_invariant_loads_ahead])
@settings(max_examples=25, deadline=None)
@given(program=plain_programs(), data=st.data())
def test_random_programs_mean_the_same(rewrite, program: LoopProgram, data: st.DataObject) -> None:
    loop = data.draw(st.sampled_from(loops_of(program)))
    same_meaning(program, rewrite(program, loop))
