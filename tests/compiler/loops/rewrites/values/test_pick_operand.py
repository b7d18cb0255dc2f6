"""pick_operand: what the values of registers are made of; what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.values.pick_operand import pick_operand
from graphc.compiler.loops.statement import Allocate, Let, Statement, Store
from graphc.compiler.loops.value import Local, Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import N, same_meaning
from tests.compiler.loops.rewritten import lines_of
from tests.compiler.loops.written import I, K

X, MET, Y = w.floats("x", N, 5), w.given("met", "bool", N, 5), w.floats("y", N)
BYTES = w.given("b", "uint8", N, 5)
P, Q = w.register("p", dtype="bool"), w.register("q", dtype="bool")
T0, T1, T2 = Local("t0", "float32"), Local("t1", "bool"), Local("t2", "bool")


def picked(
    *named: Statement,
    value: Value = T1,
    start: Value | None = None,
    other: Value | None = None,
    behind: tuple[Statement, ...] = (),
) -> LoopProgram:
    """Return a program that picks one of a loop's values, or of two values."""
    registers = [(P, value)] + ([(Q, other)] if other is not None else [])
    begin: list[Statement] = []
    stores: list[Statement] = []
    for register, one in registers:
        first = w.number(False, "bool") if start is None else start
        begin += [Allocate(register), Store(w.at(register), first)]
        chosen = w.op("where", w.at(MET, I, K), one, w.at(register), dtype="bool")
        stores.append(Store(w.at(register), chosen))
    result = w.op("where", w.at(P), w.number(2), w.number(3), dtype="float32")
    if other is not None:
        result = w.op("where", w.at(Q), result, w.number(4), dtype="float32")
    body = (*begin, w.loop(K, 5, *named, *stores, *behind), Store(w.at(Y, I), result))
    return w.program((X, MET, BYTES), (Y,), w.loop(I, N, *body))


ADDED = Let(T0, w.op("add", w.at(X, I, K), w.number(1)))
LESS = Let(T1, w.op("less", w.number(0), T0, dtype="bool"))
EQUAL = Let(T2, w.op("equal", T0, w.number(0), dtype="bool"))


def test_what_a_comparison_compares_is_picked() -> None:
    before = picked(ADDED, LESS)
    after = pick_operand(before, "p")
    lines = lines_of(after)
    assert "allocate t0_picked: float32[] in register" in lines
    assert "t0_picked[] = nan" in lines
    assert "t0_picked[] = where(met[i, k], t0, t0_picked[])" in lines
    assert lines.index("t1_2 = less(0.0, t0_picked[])") > lines.index("for k < 5:")
    assert not any("p[]" in one and "picked" not in one for one in lines)
    same_meaning(before, after)


def test_two_registers_share_an_operand() -> None:
    before = picked(ADDED, LESS, EQUAL, other=T2)
    after = pick_operand(pick_operand(before, "p"), "q")
    assert sum(one.startswith("allocate") for one in lines_of(after)) == 1
    same_meaning(before, after)


def test_an_operand_of_32_bits_is_taken_where_there_is_one() -> None:
    word, wide = Local("t0", "int32"), Local("t3", "int64")
    named = (
        Let(word, w.cast(w.at(BYTES, I, K), "int32")),
        Let(wide, w.cast(word, "int64")),
        Let(T1, w.op("less", wide, w.number(100, "int64"), dtype="bool")),
    )
    before = picked(*named)
    after = pick_operand(before, "p")
    assert "allocate t0_picked: int32[] in register" in lines_of(after)
    same_meaning(before, after)


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        (picked(ADDED, LESS, start=w.number(True, "bool")), "a number that makes it True"),
        (
            picked(ADDED, Let(T1, w.op("not_equal", T0, w.number(0), dtype="bool"))),
            "a number that makes it False",
        ),
        (picked(value=w.at(MET, I, K)), "a value of numbers and one more value"),
        (
            picked(ADDED, Let(T1, w.op("less", w.at(X, I, 0), T0, dtype="bool"))),
            "a value of numbers and one more value",
        ),
        (
            picked(ADDED, LESS, behind=(Store(w.at(P), T1),)),
            "a first value, and one more that is stored in a loop",
        ),
        (
            picked(ADDED, LESS, behind=(Let(T2, w.at(P)),)),
            "that it is read behind the loop",
        ),
        (picked(ADDED, LESS, start=w.at(MET, I, 0)), "a number, and a choice of a value"),
    ],
)
def test_other_registers_are_refused(program: LoopProgram, reason: str) -> None:
    with pytest.raises(RewriteError, match=reason):
        pick_operand(program, "p")


def test_no_register_is_refused() -> None:
    with pytest.raises(RewriteError, match="a buffer of one element that the program allocates"):
        pick_operand(picked(ADDED, LESS), "x")


@given(
    st.sampled_from(("less", "less_equal", "equal")),
    st.booleans(),
    st.sampled_from((-1.0, 0.0, 0.5)),
)
def test_comparisons_mean_the_same(op: str, is_left: bool, number: float) -> None:
    operands = (w.number(number), T0) if is_left else (T0, w.number(number))
    before = picked(ADDED, Let(T1, w.op(op, *operands, dtype="bool")))
    same_meaning(before, pick_operand(before, "p"))
