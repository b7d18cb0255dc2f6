"""Loops that g++ must not write out, because it would make wrong vectors of what is around.

    for i0 < 4:
      for i1 < 5:  # written out, ten loads in a turn of i0
        s0 = -inf
        for k0 < 2:
          if i0 + k0 >= 1:
            s0 = max(s0, x0[i0 + k0 - 1, i1])
        y0[i0, i1] = s0

GCC 12.4 makes them lanes of vectors, puts the lanes in order and leaves those of the masks where
they are (GCC's bug 114375): the first row of the image is missing from maxima.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import Body, loads_of, targets_of, values_of, walk, walk_value
from graphc.compiler.loops.statement import For, If, LoopKind, Statement, Store
from graphc.compiler.loops.value import Apply, Load, Select, Value

_UNROLLED_AT_ONCE = 16
"""Turns up to which g++ writes a loop out, by itself, ahead of making vectors of the loop around
(its parameter ``max-completely-peel-times``)."""


def may_be_masked_wrongly(loop: For) -> bool:
    """Return True for a short loop, in order, that stores elements of which a part is read on a
    condition.

    Written out, its loads would be lanes of a vector of the loop around, each with a mask of its
    own.
    """
    if loop.kind not in (LoopKind.SERIAL, LoopKind.UNROLLED):
        return False
    turns = [end.constant for end in loop.ends if end.is_constant]
    if not any(isinstance(one, int) and one <= _UNROLLED_AT_ONCE for one in turns):
        return False
    if not any(map(_stores_element, _outside_of_loops(loop.body))):
        return False
    inside = tuple(walk(loop.body))
    if any(isinstance(one, For) and one.kind is LoopKind.VECTOR for one in inside):
        return False  # g++ keeps such a loop until it makes vectors of it
    return any(map(_is_element, itertools.chain.from_iterable(map(_read_on_condition, inside))))


def _outside_of_loops(body: Body) -> Iterator[Statement]:
    """Return the statements of a body and of its conditions that no loop inside of it repeats."""
    for statement in body:
        yield statement
        if isinstance(statement, If):
            for block in statement.blocks:
                yield from _outside_of_loops(block)


def _stores_element(statement: Statement) -> bool:
    """Return True for a store to an array in memory."""
    return any(map(_is_element, targets_of(statement)))


def _is_element(load: Load) -> bool:
    """Return True for what lies in an array in memory."""
    return load.buffer.scope is not BufferScope.REGISTER


def _read_on_condition(statement: Statement) -> Iterator[Load]:
    """Return what a statement reads where conditions hold alone."""
    if isinstance(statement, If):
        for block in statement.blocks:
            yield from itertools.chain.from_iterable(map(loads_of, walk(block)))
    elif isinstance(statement, Store) and statement.conditions:
        yield from loads_of(statement)
    for value in values_of(statement):
        for part in walk_value(value):
            for one in _alternatives(part):
                yield from (load for load in walk_value(one) if isinstance(load, Load))


def _alternatives(value: Value) -> tuple[Value, ...]:
    """Return the operands of which a value is one."""
    if isinstance(value, Select):
        return (value.value, value.otherwise)
    return value.operands[1:] if isinstance(value, Apply) and value.op == "where" else ()
