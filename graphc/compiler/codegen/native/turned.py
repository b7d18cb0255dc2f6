"""Loads that two loops make crosswise, turned by blocks of vectors ahead of them.

Where neighbours of the inner loop lie apart in memory, and those of the outer one side by side, the
loops read a matrix by its columns. A stretch of it is transposed into an array of the thread
(``kernels/host_transpose.h``), which they read in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Parameter,
    Subscript,
    call,
    minus,
    plus,
    step_along,
    subscript,
    times,
)
from graphc.compiler.codegen.native.scratch import Elements, Scratches, Slot, scratch
from graphc.compiler.codegen.statement import Block, Branch, Define, Evaluate, Listing, Statement

_FEWEST, _MOST = 16, 128
"""Rows of all arrays together: a whole block, and what a core's cache holds of stretches."""

_TURNED = Parameter("turned")


@dataclass(frozen=True)
class Stretch:
    """The elements of an inner loop from the variable `first` on to ahead of `end`, at most `most`,
    for all `count` of an outer one; `inner` and `outer` are the loops' variables."""

    outer: Expression
    count: int
    inner: Expression
    first: Expression
    end: Expression
    most: int


@dataclass(frozen=True)
class _Load:
    """A load of ``array[place]``, which moves by `step` as the inner loop moves by one; `numbers`
    are the ints that `place` is made from, in order."""

    statement: Define
    array: Expression
    place: Expression
    step: int
    numbers: tuple[Define, ...]

    def transposed(self, stretch: Stretch, to: Expression) -> Block:
        """The statement that writes a stretch of it to an array, row after row."""
        elements = minus(stretch.end, stretch.first)
        source = plus(self.array, self.place)
        sizes = (elements, stretch.count, source, self.step, to, stretch.most)
        body = [
            Define("int", stretch.outer, ZERO),
            Define("int", stretch.inner, stretch.first),
            *self.numbers,
            Evaluate(call("gc_transpose", *sizes)),
        ]
        return Block((Branch(None, Listing(body)),))


def turned(
    around: Listing, inside: Listing, stretch: Stretch, function: Scratches
) -> tuple[Listing, Listing]:
    """What goes ahead of both loops, nothing if no load gains by it, and what is in the inner one
    then, of the statements in the outer loop alone and in the inner one of `function`."""
    loads = _crosswise(around, inside, stretch)
    rows = len(loads) * stretch.count
    kinds = {load.statement.kind for load in loads}
    if stretch.count < _FEWEST or rows > _MOST or len(kinds) != 1:
        return Listing(), inside
    (kind,) = kinds
    elements = Elements.known(rows * stretch.most, Number(rows * stretch.most))
    array = scratch(function, kind, Slot.TURNED, elements)
    before: list[Statement] = [Define(f"{kind}*", _TURNED, array, constant=False)]
    values: dict[Expression, Expression] = {}
    for number, load in enumerate(loads):
        first = number * stretch.count
        before.append(load.transposed(stretch, plus(_TURNED, first * stretch.most)))
        start = times(plus(first, stretch.outer), stretch.most)
        place = plus(start, minus(stretch.inner, stretch.first))
        values[load.statement.name] = subscript(_TURNED, place)
    put: list[Statement] = []
    for one in inside:
        if isinstance(one, Define) and one.name in values:
            one = replace(one, value=values[one.name])
        put.append(one)
    return Listing(before), Listing(put)


def _crosswise(around: Listing, inside: Listing, stretch: Stretch) -> list[_Load]:
    """The loads of floats that move by one along the outer loop, by more along the inner one."""
    defined: dict[Expression, Define] = {
        one.name: one for one in (*around, *inside) if isinstance(one, Define)
    }
    changed = around.changes | inside.changes
    along: dict[Expression, int | None] = dict.fromkeys(changed)
    across: dict[Expression, int | None] = dict.fromkeys(changed)
    for name, definition in defined.items():
        if name not in changed:
            along[name] = step_along(definition.value, stretch.inner, along, exact=True)
            across[name] = step_along(definition.value, stretch.outer, across, exact=True)
    found: list[_Load] = []
    for one in inside:
        if not isinstance(one, Define) or one.kind not in ("float", "double"):
            continue
        if not isinstance(one.value, Subscript):
            continue
        array, place = one.value.array, one.value.at
        step = step_along(place, stretch.inner, along, exact=True)
        side = step_along(place, stretch.outer, across, exact=True)
        numbers = _made_from(place, defined)
        if step is not None and step > 1 and side == 1 and all(x.kind == "int" for x in numbers):
            found.append(_Load(one, array, place, step, numbers))
    return found


def _made_from(place: Expression, defined: Mapping[Expression, Define]) -> tuple[Define, ...]:
    """The definitions that an expression is made from, in order."""
    needed: set[Expression] = set()
    pending = list(place.reads)
    while pending:
        name = pending.pop()
        if name in defined and name not in needed:
            needed.add(name)
            pending += defined[name].value.reads
    return tuple(one for name, one in defined.items() if name in needed)
