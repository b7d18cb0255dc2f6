"""Names of loops in text: short where they are free."""

from __future__ import annotations

from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.statement import Store
from graphc.compiler.targets.cpu.short_names import with_short_names
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N
from tests.compiler.loops.refusals import lines
from tests.compiler.loops.written import I

X, Y, Z = w.floats("x", N), w.floats("y", N), w.floats("z", N, N)


def test_neighbours_have_one_name() -> None:
    again = w.variable("i_2")
    program = w.program(
        (X,),
        (Y,),
        w.loop(I, N, Store(w.at(Y, I), w.at(X, I))),
        w.loop(again, N, Store(w.at(Y, again), w.op("neg", w.at(X, again)))),
    )
    assert lines(with_short_names(program)) == [
        "for i < n:",
        "  y[i] = x[i]",
        "for i < n:",
        "  y[i] = neg(x[i])",
    ]


def test_a_loop_inside_of_another_has_a_name_of_its_own() -> None:
    inner = w.variable("i_7")
    store = Store(w.at(Z, I, inner), w.op("add", w.at(X, I), w.at(X, inner)))
    program = w.program((X,), (Z,), w.loop(I, N, w.loop(inner, N, store)))
    assert lines(with_short_names(program)) == [
        "for i < n:",
        "  for i_2 < n:",
        "    z[i, i_2] = add(x[i], x[i_2])",
    ]


def test_what_is_no_loop_keeps_its_name() -> None:
    row = w.variable("x_2")
    program = w.program((X,), (Y,), w.loop(row, N, Store(w.at(Y, row), w.at(X, row))))
    assert lines(with_short_names(program)) == ["for x_2 < n:", "  y[x_2] = x[x_2]"]


def test_the_least_of_several_ends_has_a_name_in_the_block() -> None:
    copies = [w.variable("i_2"), w.variable("i_3")]
    stores = [w.loop(one, (N, 8), Store(w.at(Y, one), w.at(X, one))) for one in copies]
    program = w.program((X,), (Y,), *stores)
    assert lines(with_short_names(program)) == [
        "for i < min(n, 8):",
        "  y[i] = x[i]",
        "for i_2 < min(n, 8):",
        "  y[i_2] = x[i_2]",
    ]


def test_names_without_a_copy_stay() -> None:
    program = w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I), w.at(X, I))))
    divided = split(program, "i", 4, Tail.LOOP)
    assert with_short_names(divided) == divided
