"""Postpone, demote, relayout: where a buffer is allocated, a value is kept, an element lies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.buffer import view
from graphc.compiler.loops.index import Index, variable
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.relayout import relayout
from graphc.compiler.loops.rewrites.values.demote import demote, demote_index
from graphc.compiler.loops.rewrites.values.promote import promote
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, Let, Store
from graphc.compiler.loops.value import Value, at_least
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, plain_programs, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J, K

X = w.floats("x", N, 10)
ROWS, Y = w.floats("rows", N), w.floats("y", N, 10)
TOTAL, KEPT = w.at(w.register("s")), w.register("kept", 10)


def kept_row(first: Store | None = None) -> LoopProgram:
    """Return a program that keeps a row, adds it up, and stores it divided by that."""
    t = w.local("t0")
    return w.program(
        (X,),
        (Y,),
        w.loop(
            I,
            N,
            Allocate(TOTAL.buffer),
            Store(TOTAL, w.number(0)) if first is None else first,
            Allocate(KEPT),
            w.loop(J, 10, Store(w.at(KEPT, J), w.at(X, I, J))),
            w.loop(K, 10, Accumulate("sum", (TOTAL,), (w.at(KEPT, K),))),
            Let(t, w.op("div", TOTAL, w.number(10)), note="mean"),
            w.loop(
                w.variable("k1"),
                10,
                Store(w.at(Y, I, w.variable("k1")), w.op("sub", w.at(KEPT, w.variable("k1")), t)),
            ),
        ),
    )


# ---- postpone ----------------------------------------------------------------------------------


def test_a_buffer_is_allocated_where_it_is_needed() -> None:
    made = postpone(kept_row(), "s")
    assert [line.strip() for line in lines(made)[1:8]] == [
        "allocate kept: float32[10] in register",
        "for j < 10:",
        "kept[j] = x[i, j]",
        "allocate s: float32[] in register",
        "s[] = 0.0",
        "for k < 10:",
        "s[] = sum(s[], kept[k])",
    ]
    same_meaning(kept_row(), made)


@settings(max_examples=20, deadline=None)
@given(plain_programs(), st.data())
def test_random_programs_with_buffers_elsewhere_mean_the_same(
    program: LoopProgram, data: st.DataObject
) -> None:
    names = [one.buffer.name for one in walk(program.body) if isinstance(one, Allocate)]
    if not names:
        return
    try:
        made = postpone(program, data.draw(st.sampled_from(names)))
    except RewriteError:
        return
    same_meaning(program, made)


def test_what_postpone_refuses() -> None:
    assert refusal(postpone, kept_row(), "kept") == (
        "postpone of the buffer 'kept' in k0: expected statements behind its first value that do "
        "not use it, and one that does, found none"
    )
    assert refusal(postpone, kept_row(), "x").endswith(
        "expected one that the program allocates, found no such statement"
    )
    of_x = Store(TOTAL, w.at(X, I, 0))
    assert refusal(postpone, kept_row(of_x), "s").endswith("found none")
    tested = Store(TOTAL, w.number(0), (at_least(I, 0),))
    assert refusal(postpone, kept_row(tested), "s").endswith("found none")


# ---- demote -------------------------------------------------------------------------------------


def test_a_value_is_in_a_register() -> None:
    made = demote(kept_row(), "t0")
    assert [line.strip() for line in lines(made)[8:]] == [
        "allocate t0: float32[] in register",
        "t0[] = div(s[], 10.0)",
        "for k1 < 10:",
        "y[i, k1] = sub(kept[k1], t0[])",
    ]
    same_meaning(kept_row(), made)
    same_meaning(kept_row(), promote(made))


@settings(max_examples=20, deadline=None)
@given(plain_programs(), st.data())
def test_random_programs_with_demoted_values_mean_the_same(
    program: LoopProgram, data: st.DataObject
) -> None:
    names = [one.local.name for one in walk(program.body) if isinstance(one, Let)]
    if names:
        same_meaning(program, demote(program, data.draw(st.sampled_from(names))))


@pytest.mark.parametrize("name", ["t1", "s", "x"])
def test_what_demote_refuses(name: str) -> None:
    assert refusal(demote, kept_row(), name) == (
        f"demote of the value {name!r} in k0: expected a value that the program names, "
        "found only t0"
    )


NAMES, SCORES, CHOSEN = w.ints("names", N), w.floats("x", N, 10), w.floats("y", N, 10)


def labelled_row(*labels: Value, place: Index = K) -> LoopProgram:
    """Return rows whose element at a label, or at each of some labels, is zero, others as read."""
    check = Check(w.variable_of(LABEL), w.at(NAMES, I), 10, 0, I)
    value: Value = w.at(SCORES, I, place)
    for label in labels:
        at_label = w.op("equal", label, w.count(K, label.dtype), dtype="bool")
        value = w.op("where", at_label, w.number(0), value, dtype="float32")
    store = Store(w.at(CHOSEN, I, K), value)
    return w.program((NAMES, SCORES), (CHOSEN,), w.loop(I, N, check, w.loop(K, 10, store)))


LABEL = variable("label")
IN_32 = w.count(LABEL, "int32")


def test_the_number_of_a_checked_index_is_in_a_register() -> None:
    before = labelled_row(IN_32)
    made = demote_index(before, "label")
    assert [line.strip() for line in lines(made)[1:]] == [
        "allocate label_number: int32[] in register",
        "label = check 0: names[i] below 10",
        "label_number[] = int32(label)",
        "for k < 10:",
        "y[i, k] = where(equal(label_number[], int32(k)), 0.0, x[i, k])",
    ]
    same_meaning(before, made)


def test_what_lies_at_a_checked_index_is_read_there_as_before() -> None:
    before = labelled_row(IN_32, place=LABEL)
    made = demote_index(before, "label")
    assert lines(made)[-1].strip().endswith("x[i, label])")
    same_meaning(before, made)


def test_what_demote_index_refuses() -> None:
    assert refusal(demote_index, labelled_row(IN_32), "k") == (
        "demote_index of the index 'k' in k0: expected an index that the program checks, "
        "found only label"
    )
    for labels, found in (((), "none"), ((IN_32, w.count(LABEL, "int64")), "int32 and int64")):
        assert refusal(demote_index, labelled_row(*labels), "label") == (
            "demote_index of the index 'label' in k0: expected numbers of one type made of it, "
            f"found {found}"
        )


# ---- relayout -----------------------------------------------------------------------------------

IN_TILES = BufferLayout((0, 0), {0: 4})


def test_an_axis_is_in_tiles() -> None:
    before = split(kept_row(), "j", 4, Tail.SHORT)
    made = relayout(before, "kept", IN_TILES)
    found = [line.strip() for line in lines(made)]
    assert "allocate kept: float32[3, 4] in register" in found
    assert "kept[j_outer, j_inner] = x[i, 4*j_outer + j_inner]" in found
    assert "s[] = sum(s[], kept[k // 4, k % 4])" in found
    same_meaning(kept_row(), made)


def test_axes_change_places() -> None:
    square = w.register("square", 2, 5)
    fill = Store(w.at(square, I, J), w.at(X, 0, I * 5 + J))
    out = w.floats("y", 2, 5)
    read = Store(w.at(out, K, w.variable("k1")), w.at(square, K, w.variable("k1")))
    before = w.program(
        (X,),
        (out,),
        Allocate(square),
        w.loop(I, 2, w.loop(J, 5, fill)),
        w.loop(K, 2, w.loop(w.variable("k1"), 5, read)),
    )
    made = relayout(before, "square", BufferLayout((1, 0), padding=1))
    assert lines(made)[0] == "allocate square: float32[5, 3] in register"
    same_meaning(before, made)


def test_what_relayout_refuses() -> None:
    assert refusal(relayout, kept_row(), "x", IN_TILES) == (
        "relayout of the buffer 'x' in k0: expected one that the program allocates, found no such "
        "statement"
    )
    assert refusal(relayout, kept_row(), "s", IN_TILES).endswith(
        "expected a layout of its 0 axes, found one of 1"
    )
    part = view(KEPT, "part", (5,))
    row = w.loop(J, 5, Store(w.at(part, J), w.number(1)))
    viewed = w.program((), (ROWS,), Allocate(KEPT), row, Store(w.at(ROWS, 0), w.at(KEPT, 0)))
    assert refusal(relayout, viewed, "kept", IN_TILES).endswith(
        "expected no views of it, found another buffer in it"
    )
