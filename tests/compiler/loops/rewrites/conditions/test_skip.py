"""skip: turns that store what is there already are not run; what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import as_index, variable
from graphc.compiler.loops.program import LoopProgram, walk
from graphc.compiler.loops.rewrites.conditions.skip import skip
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, For, If, Let, Store
from graphc.compiler.loops.value import Apply, Load, Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.written import EMPTY, I, K

END = variable("end")
X, COUNTS, RATE = w.floats("x", 6), w.ints("counts", 4), w.floats("rate")
Y, Z = w.floats("y", 4), w.floats("z", 4)
TOTAL = w.register("s")
COUNT_OF_ROWS = np.array([2, 0, 3, 0], "int32")


def apply(op: str, *operands: Value) -> Apply:
    return Apply(op, operands, "float32", EMPTY)


def times_rate(value: Value) -> Value:
    return apply("mul", w.at(RATE), value)


def updated(
    made: Callable[[Load, Load], Value], start: float = 0.0, reduction: str = "sum"
) -> LoopProgram:
    """Return rows that are updated by what is made of the row and of a sum of so many terms."""
    total, row = w.at(TOTAL), w.at(Y, I)
    return w.program(
        (X, COUNTS, RATE),
        (Y,),
        w.loop(
            I,
            4,
            Check(w.variable_of(END), w.at(COUNTS, I), 7, 0, I, is_tested=False),
            Allocate(TOTAL),
            Store(total, w.number(start)),
            w.loop(K, END, Accumulate(reduction, (total,), (w.at(X, K),))),
            Let(w.local("t"), made(row, total)),
            Store(row, w.local("t")),
        ),
    )


def run(program: LoopProgram, rate: float) -> np.ndarray:
    arrays = {
        "x": np.arange(1, 7).astype("float32"),
        "counts": COUNT_OF_ROWS,
        "rate": np.array(rate, "float32"),
        "y": np.array([1, -0.0, -3, np.inf], "float32"),
    }
    return evaluate(program, arrays).outputs["y"]


UPDATES: dict[str, Callable[[Load, Load], Value]] = {
    "added": lambda row, total: apply("add", total, row),
    "subtracted": lambda row, total: apply("sub", row, total),
    "with a number": lambda row, total: apply("add", row, apply("mul", total, w.number(-0.5))),
    "root": lambda row, total: apply("sub", row, apply("sqrt", apply("mul", total, total))),
}


@pytest.mark.parametrize("name", UPDATES)
def test_rows_without_terms_stay(name: str) -> None:
    before = updated(UPDATES[name])
    after = skip(before, "i", "k")
    expected, found = run(before, 1.0), run(after, 1.0)
    np.testing.assert_array_equal(found, expected)
    assert np.signbit(found[1])  # -0.0 + 0.0 would be 0.0


@pytest.mark.parametrize("rate", [0.1, 0.0, np.inf, -np.inf, np.nan])
def test_a_factor_that_is_no_number_reaches_all_rows(rate: float) -> None:
    before = updated(lambda row, total: apply("sub", row, times_rate(total)))
    after = skip(before, "i", "k")
    expected, found = run(before, rate), run(after, rate)
    np.testing.assert_array_equal(found, expected)
    assert np.isnan(found[1]) == (not np.isfinite(rate))


@pytest.mark.parametrize(
    "made",
    [
        lambda row, total: apply("mul", row, w.number(0.9)),
        lambda row, total: apply("sub", total, row),
        lambda row, total: apply("sub", row, apply("exp", total)),
        lambda row, total: apply("sub", row, apply("div", total, w.at(RATE))),
        lambda row, total: apply("sub", row, apply("mul", total, w.number(np.inf))),
        lambda row, total: apply("add", w.at(Y, as_index(0)), total),
        lambda row, total: apply("sub", row, apply("mul", total, row)),
    ],
    ids=["decay", "negated", "no zero", "a quotient", "infinite", "another row", "by the row"],
)
def test_what_may_change_is_refused(made: Callable[[Load, Load], Value]) -> None:
    with pytest.raises(RewriteError, match=r"found y\[i\], which may change"):
        skip(updated(made), "i", "k")


def test_a_sum_that_begins_elsewhere_is_refused() -> None:
    with pytest.raises(RewriteError, match=r"found s\[\] = 1.0"):
        skip(updated(UPDATES["added"], start=1.0), "i", "k")


def test_loops_that_are_not_inside_of_each_other_are_refused() -> None:
    with pytest.raises(RewriteError, match="the loop 'i' inside, found none"):
        skip(updated(UPDATES["added"]), "k", "i")


def test_turns_are_under_one_test() -> None:
    after = skip(updated(UPDATES["added"]), "i", "k")
    (rows,) = (one for one in walk(after.body) if isinstance(one, For) and one.variable.name == "i")
    head, test = rows.body
    assert isinstance(head, Check)
    assert isinstance(test, If)
    assert str(test.conditions[0]) == "end >= 1"


def test_a_check_that_would_not_be_made_is_refused() -> None:
    before = updated(UPDATES["added"])
    (rows,) = before.body
    assert isinstance(rows, For)
    tested = Check(w.variable_of(variable("g")), w.at(COUNTS, I), 3, 0, I)
    with pytest.raises(RewriteError, match="no check in it"):
        skip(w.program(before.inputs, (Y,), w.loop(I, 4, *rows.body, tested)), "i", "k")
