"""Digits of a thread's number that stand side by side in an index are the number itself."""

from __future__ import annotations

import pytest

from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.targets.cuda.numbering import Digit
from graphc.compiler.targets.cuda.thread_numbers import in_thread_numbers

GROUP, ROW, COLUMN = map(LoopVariable, ("group", "row", "column"))
THREAD, STEP = LoopVariable("thread"), LoopVariable("step")
group, row, column, step = map(index_of, (GROUP, ROW, COLUMN, STEP))

NESTS = {
    "two": {ROW: Digit(0, 16, 8, None, 128), COLUMN: Digit(0, 1, 16, 16, 16)},
    "three": {
        GROUP: Digit(0, 32, 4, None, 128),
        ROW: Digit(0, 8, 4, 32, 32),
        COLUMN: Digit(0, 1, 8, 8, 8),
    },
    "a column short": {ROW: Digit(0, 16, 8, None, 128), COLUMN: Digit(0, 1, 12, 16, 12)},
    "pairs": {ROW: Digit(0, 16, 8, None, 128), COLUMN: Digit(0, 2, 8, 16, 16)},
}


def number_of(digit: Digit, thread: int) -> int:
    rest = thread if digit.room is None else thread % int(digit.room)
    return rest // int(digit.inner)


@pytest.mark.parametrize(
    ("nest", "index", "expected"),
    [
        ("two", row * 4 + column // 4, "thread // 4"),
        ("two", row * 144 + column // 4 * 36 + column % 4 * 4, "36*(thread // 4) + 4*(thread % 4)"),
        ("two", step * 16 + row * 2 + column // 8 + 5, "16*step + thread // 8 + 5"),
        ("two", row * 4 + column // 8, None),
        ("two", column // 4 + step, None),
        ("two", row * 16 + column, None),
        ("three", group * 16 + row * 4 + column // 2, "thread // 2"),
        ("three", row * 4 + column // 2, None),
        ("a column short", row * 4 + column // 4 + column % 8, "thread // 4 + thread % 8"),
        ("pairs", row * 4 + column // 2 + column % 2, "thread // 4 + column % 2"),
    ],
)
def test_a_quotient_of_a_threads_number(nest: str, index: Index, expected: str | None) -> None:
    digits = NESTS[nest]
    found = in_thread_numbers(index, list(digits), digits, THREAD)
    assert (found is index) is (expected is None)
    for thread in range(128):
        known = {variable: number_of(digit, thread) for variable, digit in digits.items()}
        known |= {STEP: 3, THREAD: thread}
        assert found.evaluate(known) == index.evaluate(known)
    if expected is not None:
        parts = sorted(expected.replace("(", "").replace(")", "").split(" + "))
        assert sorted(str(found).replace("(", "").replace(")", "").split(" + ")) == parts
