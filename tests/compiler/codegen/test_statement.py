"""The properties of statements, beside their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import pytest

from graphc.compiler.codegen.expression import (
    Expression,
    Parameter,
    Variable,
    call,
    compare,
    counting,
    subscript,
    when,
)
from graphc.compiler.codegen.native import lower_native
from graphc.compiler.codegen.printer import Printer
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
from graphc.compiler.graph import Node
from graphc.compiler.passes import optimize
from graphc.compiler.targets.marks import with_name_and_notes, without_name_and_notes
from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.arrangements import ARRANGEMENTS
from tests.compiler.codegen import kinds
from tests.compiler.op_programs import FAMILIES, rows

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


def programs() -> list[tuple[str, Callable[[], tuple[Sequence[Node], Sequence]]]]:
    """Kernels of many kinds, models, and the op table as it is and with movement ops around."""
    found = [(name, lambda name=name: training(name)) for name in ("cnn", "lstm")]
    for name in ("update", "gather", "scatter", "window", "pooled_conv", "rows", "columns"):
        found.append((name, lambda name=name: getattr(kinds, name)()[1:]))
    for family in FAMILIES:
        for arrangement in ("plain", "moved"):
            found.append((f"{family}, {arrangement}", lambda x=(family, arrangement): table(*x)))
    return found


def table(family: str, arrangement: str) -> tuple[Sequence[Node], Sequence]:
    arrange = ARRANGEMENTS[arrangement]
    parts = [arrange(case, number) for number, case in enumerate(rows(family, arrangement))]
    return [node for part in parts for node in part.outputs], ()


def training(name: str) -> tuple[Sequence[Node], Sequence]:
    step = REFERENCE_MODELS[name].build()
    states, values = zip(*step.updates, strict=True)
    return [step.loss, *step.metrics, *values], [state.attrs["state"] for state in states]


LOOP_PROGRAMS = {
    *("update", "gather", "rows", "columns", "pointwise, plain", "pointwise, moved"),
    *("movement, plain", "reduce, plain", "reduce, moved", "window"),
    *("movement, moved", "windows, plain", "windows, moved"),
    *("scatter", "lstm", "product, plain", "product, moved"),
}
"""Programs of a CPU all of whose kernels are loop programs."""


@pytest.mark.parametrize(("name", "make"), programs())
def test_statements_read_the_names_in_their_text(
    name: str, make: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reading that a statement keeps to itself would let it be put ahead of what it reads."""
    printed: list[Statement] = []
    names: set[Variable] = set()
    add_statement, new_name = Printer.add, Printer.name

    def add(self: Printer, statement: Statement) -> None:
        printed.append(statement)
        add_statement(self, statement)

    def noted_name(self: Printer, prefix: str = "t") -> Variable:
        name = new_name(self, prefix)
        names.add(name)
        return name

    monkeypatch.setattr(Printer, "add", add)
    monkeypatch.setattr(Printer, "name", noted_name)
    outputs, states = make()
    lower_native(optimize(list(outputs))[0], states)
    if name not in LOOP_PROGRAMS:
        assert len(printed) > 3
    names |= Listing(printed).reads
    for statement in printed:
        text = " ".join(without_name_and_notes(line) for line in statement.lines)
        words = set(map(Variable, re.findall(r"(?<![\w.])[A-Za-z_]\w*", text)))
        own = {statement.name} if isinstance(statement, Define) else set()
        assert statement.reads <= words, text
        assert words & names <= statement.reads | own | defined(statement), text


def defined(statement: Statement) -> set[Expression]:
    """Return the names that are defined inside of a block."""
    if not isinstance(statement, Block):
        return set()
    inside = [one for branch in statement.branches for one in branch.body]
    own = {one.name for one in inside if isinstance(one, Define)}
    return own.union(*map(defined, inside))
