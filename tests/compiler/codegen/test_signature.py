"""Sizes in the text of a kernel: terms of what the call passes."""

from __future__ import annotations

import pytest

from graphc.compiler.codegen.signature import Signature
from graphc.compiler.graph import BATCH, symbol
from graphc.compiler.graph.dim import Size
from tests.compiler.codegen.expression_values import assert_values_in_c
from tests.native.graph_programs import needs_compiler

N = symbol("n")

# (size, the parameters of its text, its value where n is 9 and the batch 4)
SIZES: list[tuple[Size, list[str], int]] = [
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
]


@pytest.mark.parametrize(("size", "parameters"), [row[:2] for row in SIZES], ids=str)
def test_a_size_has_the_parameters_of_its_symbols(size: Size, parameters: list[str]) -> None:
    signature = Signature({}, [], [])
    for _ in range(2):  # asked for again, it adds none
        signature.size(size)
        assert [one.strip() for one in signature.parameters.split(",") if one.strip()] == parameters


@needs_compiler
def test_the_text_of_a_size_has_its_value() -> None:
    division = "constexpr int gc_floordiv(int a, int b) { return a / b; }"
    claims = [(str(Signature({}, [], []).size(size)), value) for size, _, value in SIZES]
    assert_values_in_c(claims, {"n0": 9, "batch": 4}, division)
