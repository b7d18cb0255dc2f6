"""Sizes in the text of a kernel: terms of what the call passes."""

from __future__ import annotations

import operator

import pytest

from graphc.compiler.codegen.signature import Signature
from graphc.compiler.graph import BATCH, symbol

N = symbol("n")


@pytest.mark.parametrize(
    ("size", "parameters", "expected"),
    [
        (3, [], 3),
        (N, ["int n0"], 9),
        (BATCH, ["int batch"], 4),
        (N * 4 + 1, ["int n0"], 37),
        (N - 2, ["int n0"], 7),
        (2 - N, ["int n0"], -7),
        (N * BATCH, ["int batch", "int n0"], 36),
        ((N + 3) // 2, ["int n0"], 6),
        ((N + 4) // 2 * 5 - 1, ["int n0"], 29),
        (BATCH * 7 // N, ["int batch", "int n0"], 3),
    ],
    ids=str,
)
def test_a_size_of_what_is_passed(size, parameters: list[str], expected: int) -> None:
    signature = Signature({}, [], [])
    for _ in range(2):  # by the same names again
        text = str(signature.size(size))
        assert eval(text, {"n0": 9, "batch": 4, "gc_floordiv": operator.floordiv}) == expected
        assert [one.strip() for one in signature.parameters.split(",") if one.strip()] == parameters
