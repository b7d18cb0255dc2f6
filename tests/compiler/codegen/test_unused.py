"""Index arithmetic that nothing reads is left out, wherever in a function it stands."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.expression import (
    Expression,
    Variable,
    compare,
    counting,
    over,
    plus,
    subscript,
    times,
    when,
)
from graphc.compiler.codegen.statement import Assign, Block, Branch, Define, Listing, Statement
from graphc.compiler.codegen.unused import without_unused

I0, I1, I2, I3, I4, T, R = (Variable(name) for name in ("i0", "i1", "i2", "i3", "i4", "t", "r"))
STEP = Variable("step")


def index(name: Expression, value: Expression) -> Define:
    return Define("int", name, value, is_index=True)


def store(at: Expression) -> Assign:
    return Assign(subscript("y0", at), T)


def loop(*body: Statement) -> Block:
    return Block((Branch(counting(R, I3), Listing(body)),))


def test_what_only_the_unused_reads_is_unused() -> None:
    first, second = index(I0, over(STEP, 5)), index(I1, plus(I0, 1))
    used = index(I2, times(STEP, 3))
    assert without_unused(Listing((first, second, used, store(I2)))) == Listing((used, store(I2)))
    kept = Listing((first, second, used, store(plus(I1, I2))))
    assert without_unused(kept) == kept


def test_no_other_definition_is_left_out() -> None:
    test = Define("int", I0, STEP, is_test=True)
    value = Define("float", T, subscript("x0", STEP))
    assert without_unused(Listing((test, value))) == Listing((test, value))


def test_a_block_reads_with_its_heads_and_its_statements() -> None:
    of_head, of_body = index(I3, over(STEP, 7)), index(I2, times(STEP, 2))
    found = without_unused(Listing((of_head, of_body, index(I1, STEP), loop(store(I2)))))
    assert found == Listing((of_head, of_body, loop(store(I2))))
    condition = when([compare(I2, "<", 3)])
    branch = Block((Branch(condition, Listing((store(R),))),))
    assert without_unused(Listing((of_body, branch))) == Listing((of_body, branch))


def test_names_of_a_block_are_its_own() -> None:
    """One of them is read inside; the one of that name around it is not."""
    inside = (index(I0, times(R, 2)), index(I1, I0), store(I0))
    around = index(I0, over(STEP, 3))
    found = without_unused(Listing((around, index(I3, STEP), loop(*inside))))
    assert found == Listing((index(I3, STEP), loop(inside[0], inside[2])))
    assert without_unused(Listing((loop(*inside[:2]),))) == Listing((loop(),))


@dataclass(frozen=True)
class Walk:
    """Parts of a function as forms hand them to their templates."""

    title: str
    before: Listing
    body: Listing
    stores: list[tuple[str, Expression]]


def test_parts_read_what_other_parts_define() -> None:
    head = Listing((index(I0, over(STEP, 5)), index(I1, over(STEP, 6)), index(I4, STEP)))
    walk = Walk("max", Listing((index(I2, I0),)), Listing((index(I3, I0),)), [("float", I2)])
    found = without_unused({"name": "k0", "head": head, "walks": [walk], "rows": I1})
    (changed,) = found["walks"]
    assert found["name"] == "k0"
    assert found["rows"] is I1
    assert found["head"] == Listing(head[:2])
    assert changed == Walk("max", walk.before, Listing(), walk.stores)


def test_parts_that_use_one_name_each_keep_what_the_other_reads() -> None:
    parts = [Listing((index(I0, I1), store(I0))), Listing((index(I0, I2), index(I3, I0)))]
    heads = Listing((index(I1, STEP), index(I2, STEP)))
    assert without_unused([heads, *parts]) == [heads, parts[0], Listing(parts[1][:1])]
