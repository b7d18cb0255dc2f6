"""The properties of statements, beside their text."""

from __future__ import annotations

import pytest

from graphc.compiler.codegen.expression import (
    Parameter,
    Variable,
    call,
    compare,
    counting,
    subscript,
    when,
)
from graphc.compiler.codegen.statement import (
    Assign,
    Block,
    Branch,
    Define,
    Evaluate,
    Fold,
    Listing,
    Pragma,
    Statement,
    Verbatim,
)
from graphc.compiler.targets.marks import with_name_and_notes

A, B, R, T = map(Variable, ("a", "b", "r", "t"))


@pytest.mark.parametrize(
    ("statement", "line", "reads", "changes"),
    [
        (Define("float", T, call("gc_neg", A)), "const float t = gc_neg(a);", {A}, set()),
        (Define("int", T, A, "dense_1"), "const int t = a;  // dense_1", {A}, set()),
        (Define("int", T, A, constant=False), "int t = a;", {A}, set()),
        (Assign(T, A), "t = a;", {T, A}, {T}),
        (Assign(subscript("y0", A), B), "y0[a] = b;", {A, B}, set()),
        (
            Assign(T, A, call("gc_ok", Parameter("status"))),
            "if (gc_ok(status)) t = a;",
            {T, A},
            {T},
        ),
        (Fold(T, "gc_reduce_sum", A), "t = gc_reduce_sum::combine(t, a);", {T, A}, {T}),
        (Evaluate(call("gc_copy", A, B)), "gc_copy(a, b);", {A, B}, set()),
        (Verbatim("#pragma unroll"), "#pragma unroll", set(), set()),
    ],
)
def test_a_line(
    statement: Statement, line: str, reads: set[Variable], changes: set[Variable]
) -> None:
    assert with_name_and_notes("\n".join(statement.lines), "") == line
    assert statement.reads == reads
    assert statement.changes == changes
    assert not statement.tests


def test_a_block_is_all_that_is_in_it() -> None:
    test = Define("int", B, call("gc_check_index", A), is_test=True)
    block = Block((Branch(counting(R, 5), Listing((test, Assign(T, B)))),))
    assert block.lines == (
        "for (int r = 0; r < 5; ++r) {",
        "  const int b = gc_check_index(a);",
        "  t = b;",
        "}",
    )
    assert block.reads == {A, B, R, T}
    assert block.changes == {T}
    assert block.tests


def test_conditions_are_tested_one_after_the_other() -> None:
    first, second, rest = (Listing((Assign(T, Variable(name)),)) for name in "xyz")
    branches = (
        Branch(when([compare(A, "<", 3)]), first),
        Branch(when([compare(A, "<", 5)]), second),
        Branch(None, rest),
    )
    assert Block(branches).lines == (
        "if (a < 3) {",
        "  t = x;",
        "}",
        "else if (a < 5) {",
        "  t = y;",
        "}",
        "else {",
        "  t = z;",
        "}",
    )


@pytest.mark.parametrize(
    ("pragma", "text"),
    [
        (Pragma(simd=True), "#pragma omp simd"),
        (Pragma(team=True), "#pragma omp parallel for schedule(static)"),
        (Pragma(team=True, simd=True), "#pragma omp parallel for simd schedule(static)"),
        (
            Pragma(team=True, loop=False, condition=compare(A, ">=", 3)),
            "#pragma omp parallel if (a >= 3)",
        ),
    ],
)
def test_a_loop_says_what_a_compiler_is_told_of_it(pragma: Pragma, text: str) -> None:
    loop = Block((Branch(counting(R, 5), Listing((Assign(T, R),))),), pragma)
    assert loop.lines == (text, "for (int r = 0; r < 5; ++r) {", "  t = r;", "}")


# ---- what is printed ----------------------------------------------------------------------------
