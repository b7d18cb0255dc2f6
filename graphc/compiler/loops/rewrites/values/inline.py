"""Inlining: a value that is stored once is computed where it is read.

allocate t: float32[n, 4] in thread
for row < n:
  for column < 4:
    t[row, column] = exp(x[row, column])
for column < 4:                                 for column < 4:
  for row < n:                                    for row < n:
    y[column, row] = t[row, column]                 y[column, row] = exp(x[row, column])
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from graphc.compiler.loops.index import Index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    bound_variables,
    buffers_of,
    path_to,
    replaced,
    transformed,
    variables_of,
    walk_in_ranges,
    walk_value,
)
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.rewrites.values.producer import check_operands, producer_of, turn_of
from graphc.compiler.loops.statement import For, Let, Statement, Store
from graphc.compiler.loops.value import Load, Local, Value

_REWRITE = "inline"


def inline(program: LoopProgram, buffer: str) -> LoopProgram:
    """Compute the elements of a buffer wherever they are read, and never store them.

    Args:
        buffer: one that the program allocates, and that one statement stores to.
    """
    producer = producer_of(program, _REWRITE, buffer)
    where = f"the buffer {buffer!r}"
    (store, *others) = producer.writes
    if others or not isinstance(store, Store):
        expected = "a value that one statement stores (see compute_at)"
        raise refused(program, _REWRITE, where, expected, "a value that statements add to")
    if store.guarded:
        raise refused(program, _REWRITE, where, "a store of each value", "one that a check stops")
    path = path_to((producer.statement,), store)
    value = _closed(store.value, path)
    loads = [one for one in walk_value(value) if isinstance(one, Load)]
    check_operands(program, _REWRITE, producer, [one.buffer for one in loads])
    loops = [one for one in path if isinstance(one, For)]
    bound = set(bound_variables((producer.statement,)))
    needed = variables_of(Let(Local(buffer, value.dtype), value)) & bound
    old = producer.buffer

    def element(coords: tuple[Index, ...]) -> Value:
        turn = turn_of(producer, loops, coords)
        if turn is None or not needed <= turn.keys():
            expected = "that the element says in which turn of its loops it is stored"
            raise refused(program, _REWRITE, where, expected, str(Load(old, producer.coords)))
        return Parts(index=lambda index: index.substitute(turn)).in_value(value)

    known = {id(one): ranges for one, ranges in walk_in_ranges(program.body, program.ranges)}

    def changed(statement: Statement) -> Body:
        if statement is store or statement.blocks:
            return (statement,)
        if all(one is not old for one in buffers_of(statement)):
            return (statement,)
        ranges = known[id(statement)]

        def computed(one: Value) -> Value:
            if not isinstance(one, Load) or one.buffer is not old:
                return one
            return Parts(index=ranges.simplified).in_value(element(one.coords))

        return (Parts(value=computed).in_statement(statement),)

    body = transformed(program.body, changed)
    return replace(program, body=without_unused(replaced(body, store, ())))


def _closed(value: Value, path: Body) -> Value:
    """Return a value with the names that statements around it bind replaced by what they are."""
    named: dict[Local, Value] = {}

    def value_of(old: Value) -> Value:
        return named.get(old, old) if isinstance(old, Local) else old

    for outer, inner in pairwise(path):
        block = next(x for x in outer.blocks if any(one is inner for one in x))
        for statement in block:
            if statement is inner:
                break
            if isinstance(statement, Let):
                named[statement.local] = Parts(value=value_of).in_value(statement.value)
    return Parts(value=value_of).in_value(value)
