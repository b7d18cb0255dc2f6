"""Packs: what turns access side by side is moved at once."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.loops.split import split
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Argument, Local, RandomWord, Select, below
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import M, N, same_meaning
from tests.compiler.loops.refusals import lines, refusal
from tests.compiler.loops.written import I, J

X, Y, TABLE = w.floats("x", N * 4), w.floats("y", N * 4), w.floats("table", 6, 8)


def fours(*body: Statement) -> LoopProgram:
    """Return a program whose turns are in fours."""
    return split(w.program((X, TABLE), (Y,), w.loop(I, N * 4, *body)), "i", 4)


def test_neighbours_are_loaded_and_stored_at_once() -> None:
    before = fours(Store(w.at(Y, I), w.op("neg", w.at(X, I))))
    after = pack(before, "i_inner")
    assert lines(after) == [
        "for i_outer < n:",
        "  allocate x_pack: float32[4] in register",
        "  for i_inner_2 < 4 (vector):",
        "    x_pack[i_inner_2] = x[4*i_outer + i_inner_2]",
        "  allocate y_pack: float32[4] in register",
        "  for i_inner < 4 (unrolled):",
        "    y_pack[i_inner] = neg(x_pack[i_inner])",
        "  for i_inner_3 < 4 (vector):",
        "    y[4*i_outer + i_inner_3] = y_pack[i_inner_3]",
    ]
    same_meaning(before, after)


def test_neighbours_in_shared_memory_are_moved_at_once() -> None:
    tile, small, out = w.shared("tile", 8), w.floats("x", 8), w.floats("y", 8)
    fill, use = (
        w.loop(I, 8, Store(w.at(tile, I), w.at(small, I))),
        w.loop(J, 8, Store(w.at(out, J), w.at(tile, J))),
    )
    body = w.loop(w.K, 1, Allocate(tile), fill, use, kind="block")
    plain = w.program((small,), (out,), body)
    before = split(split(plain, "i", 4), "j", 4)
    after = pack(pack(before, "i_inner"), "j_inner")
    assert "      tile[4*i_outer + i_inner_3] = x_pack[i_inner_3]" in lines(after)
    assert "      tile_pack[j_inner_2] = tile[4*j_outer + j_inner_2]" in lines(after)
    assert not any("(unrolled)" in line for line in lines(after))
    same_meaning(plain, after)


def test_a_copy_between_memory_and_registers_is_one_move() -> None:
    held = w.register("held", N * 4)
    fill = w.loop(I, N * 4, Store(w.at(held, I), w.at(X, I)))
    use = w.loop(J, N * 4, Store(w.at(Y, J), w.at(held, J)))
    plain = w.program((X,), (Y,), Allocate(held), fill, use)
    before = split(split(plain, "i", 4), "j", 4)
    after = pack(pack(before, "i_inner"), "j_inner")
    assert lines(after)[1:] == [
        "for i_outer < n:",
        "  for i_inner < 4 (vector):",
        "    held[4*i_outer + i_inner] = x[4*i_outer + i_inner]",
        "for j_outer < n:",
        "  for j_inner < 4 (vector):",
        "    y[4*j_outer + j_inner] = held[4*j_outer + j_inner]",
    ]
    same_meaning(plain, after)


def test_sums_in_registers_keep_their_order() -> None:
    total, out = w.at(w.register("s")), w.floats("z")
    add = Accumulate("sum", (total,), (w.at(X, I),))
    copy = Store(w.at(Y, I), w.at(X, I))
    body = Allocate(total.buffer), Store(total, w.number(0)), w.loop(I, N * 4, add, copy)
    before = split(w.program((X,), (Y, out), *body, Store(w.at(out), total)), "i", 4)
    after = pack(before, "i_inner")
    assert "    s[] = sum(s[], x_pack[i_inner])" in lines(after)
    same_meaning(before, after)


def test_sums_in_memory_have_an_order() -> None:
    add = Accumulate("sum", (w.at(Y, 0),), (w.at(X, I),))
    assert "expected turns that have no order" in refusal(pack, fours(add), "i_inner")


def test_a_remainder_is_left_out() -> None:
    x, y = w.floats("x", N), w.floats("y", N)
    plain = w.program((x,), (y,), w.loop(I, N, Store(w.at(y, I), w.op("neg", w.at(x, I)))))
    before = split(plain, "i", 4)
    after = pack(before, "i_inner")
    assert (
        "    x_pack[i_inner_2] = x[4*i_outer + i_inner_2] where 4*i_outer + i_inner_2 < n"
        in lines(after)
    )
    same_meaning(plain, after)


def test_an_element_that_is_written_over_is_read_first() -> None:
    before = fours(Store(w.at(Y, I), w.op("add", w.at(Y, I), w.at(X, I))))
    after = pack(before, "i_inner")
    assert "    y_pack[i_inner_2] = y[4*i_outer + i_inner_2]" in lines(after)
    y = w.floats("y", N * 4)
    for one in (before, after):
        assert y in one.outputs
    same_meaning(before, after, status=None)


def test_what_is_the_same_in_all_turns_is_ahead() -> None:
    which, row = w.given("which", "int32", N), w.variable("row")
    check = Check(w.variable_of(row), w.at(which, I // 4), 6, 0, I // 4)
    name = Local("t0", "float32")
    body = (check, Let(name, w.at(TABLE, row, I % 4)), Store(w.at(Y, I), name))
    before = split(w.program((which, TABLE), (Y,), w.loop(I, N * 4, *body)), "i", 4)
    after = pack(before, "i_inner")
    assert lines(after)[1] == "  row = check 0: which[i_outer] below 6"
    assert "    table_pack[i_inner_2] = table[row, i_inner_2]" in lines(after)
    same_meaning(before, after)


def test_random_words_of_neighbours_are_one_block() -> None:
    arguments = tuple(Argument(*one) for one in (("call", "uint64"), ("a", "uint32")))
    call, seed = arguments
    zero, step = w.number(0, "int64"), w.number(0, "int32")
    drawn = Let(Local("t0", "uint32"), RandomWord(I, zero, step, call, seed, seed))
    store = Store(w.at(Y, I), w.op("cast", drawn.local, dtype="float32"))
    program = w.program((), (Y,), w.loop(I, N * 4, drawn, store), arguments=arguments)
    before = split(program, "i", 4)
    after = pack(before, "i_inner")
    assert lines(after)[1:4] == [
        "  allocate words: uint32[4] in register",
        "  for i_inner_2 < 4 (vector):",
        "    words[i_inner_2] = random(4*i_outer + i_inner_2, 0, 0, call, a, a)",
    ]
    same_meaning(before, after, arguments={"call": 3, "a": 5})


def test_what_is_read_under_a_test_stays_there() -> None:
    value = Select((below(I, N * 4 - 1),), w.at(X, I + 1), w.number(0))
    before = fours(Store(w.at(Y, I), w.op("add", value, w.at(X, I))))
    after = pack(before, "i_inner")
    text = "\n".join(lines(after))
    assert "x[4*i_outer + i_inner + 1] if" in text
    same_meaning(before, after)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (
            split(
                w.program((X,), (Y,), w.loop(I, N, Store(w.at(Y, I * 4), w.at(X, I * 4)))), "i", 4
            ),
            "expected elements side by side, from a multiple on, found none",
        ),
        (
            fours(Store(w.at(Y, I), w.at(Y, 4 * N - 1 - I))),
            "expected turns that have no order",
        ),
        (
            split(
                w.program(
                    (X,),
                    (Y,),
                    w.loop(
                        J,
                        M,
                        w.loop(
                            I, 4, If((below(3 - I, J),), (Store(w.at(Y, I + 4 * J), w.at(X, I)),))
                        ),
                    ),
                ),
                "i",
                4,
            ),
            "expected a test that the first turn passes",
        ),
    ],
)
def test_what_is_refused(program: LoopProgram, reason: str) -> None:
    assert reason in refusal(pack, program, "i_inner")


def test_the_number_of_turns_is_known() -> None:
    plain = w.program((X,), (Y,), w.loop(I, N * 4, Store(w.at(Y, I), w.at(X, I))))
    assert "expected a known number of turns" in refusal(pack, plain, "i")
