"""Statements are put as far out as what they read lets them."""

from __future__ import annotations

from graphc.compiler.codegen.expression import (
    ZERO,
    Variable,
    call,
    compare,
    counting,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.native.hoist import by_level
from graphc.compiler.codegen.statement import (
    Assign,
    Block,
    Branch,
    Define,
    Fold,
    Listing,
    Statement,
)

P, Q = Variable("p"), Variable("q")
A, B, C, D = map(Variable, ("a", "b", "c", "d"))
X = Variable("x")


def placed(*statements: Statement, inside: tuple[Variable, ...] = ()) -> list[list[Statement]]:
    return [list(level) for level in by_level(statements, (P, Q), inside)]


def test_each_statement_is_as_far_out_as_what_it_reads() -> None:
    nothing = Define("float", A, subscript("x0", 0))
    outer = Define("int", B, times(P, 10))
    inner = Define("int", C, plus(B, Q))
    behind = Define("float", D, call("gc_neg", A))
    assert placed(nothing, outer, inner, behind) == [[nothing, behind], [outer], [inner]]


def test_a_variable_lives_where_its_innermost_assignment_is() -> None:
    declared = Define("float", X, ZERO, constant=False)
    first = Assign(X, subscript("x0", P))
    second = Assign(X, subscript("x1", Q))
    reader = Define("float", A, call("gc_neg", X))
    assert placed(declared, first, reader) == [[], [declared, first, reader], []]
    assert placed(declared, first, second, reader) == [[], [], [declared, first, second, reader]]


def test_a_block_is_where_its_head_and_its_statements_are() -> None:
    declared = Define("float", X, ZERO, constant=False)
    value = Define("float", A, subscript("x0", Variable("r")))
    loop = Block(
        (Branch(counting(Variable("r"), 5), Listing((value, Fold(X, "gc_reduce_sum", A)))),)
    )
    condition = when([compare(Q, "<", 3)])
    chosen = Block((Branch(condition, Listing((Assign(X, A),))),))
    assert placed(declared, loop) == [[declared, loop], [], []]
    # The sum is made where the condition changes it.
    assert placed(declared, loop, chosen) == [[], [], [declared, loop, chosen]]


def test_what_is_carried_from_turn_to_turn_stays_inside() -> None:
    total = Variable("total")
    value = Define("float", A, subscript("x0", P))
    fold = Fold(total, "gc_reduce_sum", A)
    assert placed(value, fold, inside=(total,)) == [[], [value], [fold]]
