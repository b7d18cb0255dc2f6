"""Pick terms: of terms that are zero but at one place of each window, which an array names, these
alone are added.

for k < 12:                                 for k_window < 3:
  t = where(equal(at[k // 4],                 t_place = minimum(maximum(at[k_window], 0), 3)
      int32(k % 4)), v[k // 4], 0.0)          index place = known t_place below 4
  s[] = sum(s[], mul(x[k], t))                t = where(equal(at[k_window], t_place),
                                                        v[k_window], 0.0)
                                              s[] = sum(s[], mul(x[4*k_window + place], t))

Terms are added in the order of windows. A place that is none of the window's names no term. An
element that is infinite or NaN makes a sum NaN in a term that is added alone: of zeros in other
terms, times such an element, nothing comes.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import product
from graphc.compiler.loops.index import (
    Index,
    LoopVariable,
    Remainder,
    as_index,
    coordinates,
    index_of,
    position,
)
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    substituted,
    values_of,
    variables_of,
    walk_value,
)
from graphc.compiler.loops.rewrites.identity import begins_with_identity
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused, unbound_loop_of
from graphc.compiler.loops.rewrites.simplify import settled, without_unused
from graphc.compiler.loops.statement import Accumulate, Check, For, Let
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import (
    Apply,
    Condition,
    Constant,
    IndexValue,
    Local,
    Select,
    Value,
    below,
)

_REWRITE = "pick_terms"


@dataclass(frozen=True)
class _Factor:
    """A factor that is `value` where conditions hold and `place` is the element's number, and else
    zero."""

    conditions: tuple[Condition, ...]
    place: Value
    element: IndexValue
    value: Value


def pick_terms(
    program: LoopProgram, loops: Sequence[str]
) -> tuple[LoopProgram, str, str, tuple[tuple[int, int], ...]]:
    """Add the terms alone that places name; return the names of a place and of its factor, too, and
    how many elements a window has along each loop, with the turns from it to the next one.

    Args:
        program: the program.
        loops: the variables of serial loops of known numbers of turns, each the only statement of
            the one ahead. The innermost has values and adds a product to a sum that begins with 0.
            A factor of it is zero but where an integer is the element's number in its window; a
            window has so many turns of each loop, and what is of a window is the same in all of
            its turns. Turns behind the last window, and between two of them, add nothing.
    """
    nest = [unbound_loop_of(program, _REWRITE, one) for one in loops]
    where = f"the loop {loops[0]!r}"
    for outer, inner in itertools.pairwise(nest):
        if len(outer.body) != 1 or outer.body[0] is not inner:
            raise refused(program, _REWRITE, where, "loops inside of each other alone", "others")
    *lets, added = nest[-1].body
    term = _term_of(program, where, lets, added)
    assert isinstance(added, Accumulate)
    named = {one.local: one.value for one in lets if isinstance(one, Let)}
    factors = [_factor_of(one, named) for one in term.operands]
    number = next((k for k, one in enumerate(factors) if one is not None), None)
    if number is None:
        expected = "a factor that is zero but where a place is the element's"
        raise refused(program, _REWRITE, where, expected, str(term))
    factor = factors[number]
    assert factor is not None
    names = Names(program)
    element, conditions = factor.element.index, list(factor.conditions)
    steps = [_step_of(one.variable, element, _turns_of(program, where, one)) for one in nest]
    counts, sizes = [], []
    for one, step in zip(nest, steps, strict=True):
        count, size = _windows_along(program, where, one, step, conditions)
        counts.append(count)
        sizes.append(size)
    if conditions:
        expected = "conditions that windows and elements exist"
        raise refused(program, _REWRITE, where, expected, ", ".join(map(str, conditions)))
    windows = [names.variable(f"{one.variable}_window") for one in nest]
    inside = [names.variable(f"{one.variable}_inside") for one in nest]
    of_element = [
        index_of(one) if size != 1 else as_index(0) for one, size in zip(inside, sizes, strict=True)
    ]
    at = {
        one.variable: index_of(window) * step + turn
        for one, window, turn, step in zip(nest, windows, of_element, steps, strict=True)
    }
    only = {one: 0 for one, count in zip(windows, counts, strict=True) if count == 1}
    ranges = ranges_at(program, nest[0])
    for window, count, turn, size in zip(windows, counts, inside, sizes, strict=True):
        ranges = ranges.within(window, count).within(turn, size)
    found = ranges.simplified(element.substitute(at).substitute(only))
    if found is not position(of_element, sizes):
        expected = f"the number of an element in a window of {' x '.join(map(str, sizes))}"
        raise refused(program, _REWRITE, where, expected, str(factor.element.index))
    place = Local(names.new("given_place"), factor.place.dtype)
    value, picked = (Local(names.new(x), term.dtype) for x in ("window_value", "window_factor"))
    shared: Body = (*lets, Let(place, factor.place), Let(value, factor.value))
    first, rest = _divided(settled(substituted(shared, at), ranges), frozenset(inside))
    if not {place, value} <= {one.local for one in first if isinstance(one, Let)}:
        expected = "a place and a value that are the same in all turns of a window"
        raise refused(program, _REWRITE, where, expected, str(term))
    ends = product(tuple(sizes))
    assert isinstance(ends, int)
    chosen = names.variable("place")
    known = Local(names.new("window_place"), place.dtype)
    met = Apply("equal", (place, known), "bool", {})
    made = Apply("where", (met, value, Constant(0, value.dtype)), value.dtype, {})
    operands = tuple(picked if k == number else x for k, x in enumerate(term.operands))
    body: Body = (
        *first,
        Let(known, _clamped(place, ends - 1)),
        Check(chosen, known, ends, 0, as_index(0), is_tested=False),
        Let(picked, made, _note(lets)),
        *rest,
        *substituted((replace(added, values=(replace(term, operands=operands),)),), at),
    )
    taken = coordinates(index_of(chosen), tuple(sizes))
    body = substituted(body, dict(zip(inside, taken, strict=True)))
    for one, window, count in reversed([*zip(nest, windows, counts, strict=True)]):
        body = (replace(one, variable=window, ends=(as_index(count),), body=body),)
    changed = program.with_loop(loops[0], lambda _: body)
    changed = replace(changed, body=without_unused(settled(changed.body, changed.ranges)))
    return changed, known.name, picked.name, tuple(zip(sizes, steps, strict=True))


def _term_of(program: LoopProgram, where: str, lets: Sequence[object], added: object) -> Apply:
    """Return the product that the innermost loop adds."""
    if not all(isinstance(one, Let) for one in lets) or not isinstance(added, Accumulate):
        expected = "values, and behind them one sum that is added to"
        raise refused(program, _REWRITE, where, expected, "other statements")
    term = added.values[0]
    if added.reduction != "sum" or not isinstance(term, Apply) or term.op != "mul":
        raise refused(program, _REWRITE, where, "a sum of products", head_line(added))
    if not begins_with_identity(program, added):
        raise refused(program, _REWRITE, where, "a sum that begins with 0", head_line(added))
    return term


def _factor_of(value: Value, named: Mapping[Local, Value]) -> _Factor | None:
    """Return a factor that is zero but at a place; None if it is none."""
    conditions: tuple[Condition, ...] = ()
    while True:
        if isinstance(value, Local) and value in named:
            value = named[value]
        elif isinstance(value, Select) and _is_zero(value.otherwise):
            conditions += value.conditions
            value = value.value
        elif isinstance(value, Apply) and value.op == "add" and _is_zero(value.operands[0]):
            value = value.operands[1]  # a zero of another sign
        else:
            break
    if not isinstance(value, Apply) or value.op != "where" or not _is_zero(value.operands[2]):
        return None
    test, number, _ = value.operands
    test = named.get(test, test) if isinstance(test, Local) else test
    if not isinstance(test, Apply) or test.op != "equal":
        return None
    place, element = test.operands
    return _Factor(conditions, place, element, number) if isinstance(element, IndexValue) else None


def _is_zero(value: Value) -> bool:
    return isinstance(value, Constant) and value.number == 0


def _turns_of(program: LoopProgram, where: str, loop: For) -> int:
    end = loop.ends[0].constant if len(loop.ends) == 1 and loop.ends[0].is_constant else None
    if not isinstance(end, int):
        raise refused(program, _REWRITE, where, "known numbers of turns", head_line(loop))
    return end


def _step_of(variable: LoopVariable, element: Index, turns: int) -> int:
    """Return how many turns of a loop there are from a window to the next one: what divides its
    variable in the number of an element; all where that is the variable's itself, and one where it
    is the same for all."""
    for atom, _ in element.terms:
        if not isinstance(atom, Remainder) or atom.dividend is not index_of(variable):
            continue
        if isinstance(atom.divisor, int):
            return atom.divisor
    return turns if variable in element.variables else 1


def _windows_along(
    program: LoopProgram,
    where: str,
    loop: For,
    step: int,
    conditions: list[Condition],
) -> tuple[int, int]:
    """Return how many windows there are along a loop, and how many elements one has; conditions
    that say so are taken away."""
    turns = _turns_of(program, where, loop)
    count, size, turn = -(-turns // step), step, index_of(loop.variable)
    for test in tuple(conditions):
        if (bound := _bound_of(test, turn // step)) is not None:
            count = min(count, bound)
        elif (bound := _bound_of(test, turn % step if step < turns else turn)) is not None:
            size = min(size, bound)
        else:
            continue
        conditions.remove(test)
    if step * (count - 1) + size > turns:
        expected = f"windows of {size} turns of {loop.variable} alone"
        raise refused(program, _REWRITE, where, expected, f"{turns} turns")
    return count, size


def _bound_of(test: Condition, index: Index) -> int | None:
    """Return what an index is below by a test; None for a test of something else."""
    bound = (test.index + index).constant + 1
    return bound if isinstance(bound, int) and test is below(index, bound) else None


def _divided(body: Body, inside: frozenset[LoopVariable]) -> tuple[Body, Body]:
    """Return the values that are the same in all turns of a window, and the other ones."""
    first: list[Let] = []
    rest: list[Let] = []
    others: set[Value] = set()
    for one in body:
        assert isinstance(one, Let)
        parts = {part for value in values_of(one) for part in walk_value(value)}
        if variables_of(one) & inside or parts & others:
            others.add(one.local)
            rest.append(one)
        else:
            first.append(one)
    return tuple(first), tuple(rest)


def _clamped(place: Value, last: int) -> Value:
    """Return the nearest number from 0 to a last one."""
    least = Apply("maximum", (place, Constant(0, place.dtype)), place.dtype, {})
    return Apply("minimum", (least, Constant(last, place.dtype)), place.dtype, {})


def _note(lets: Sequence[object]) -> str:
    return next((one.note for one in lets if isinstance(one, Let) and one.note), "")
