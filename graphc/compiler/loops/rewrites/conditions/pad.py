"""Padding: terms of a product are added in all turns, those under a test with a factor of 0.

for k < 3:                                    for k < 3:
  if i + k >= 1:                                x0_element = (x0[i + k - 1]
                                                              if i + k >= 1 else 0.0)
    s = sum(s, x0[i + k - 1] * w[k])            s = sum(s, x0_element * w[k])

As `predicate`, of which it differs in that the other factor is read, not tested: one that is
infinite or NaN makes a sum NaN in a turn that the test leaves out, as it does where the border of
zeros around an image is in memory.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import LoopProgram, Parts, replaced, walk_value
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.conditions.predicate import predicate
from graphc.compiler.loops.rewrites.loops.hoist import is_always_there
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import (
    only_test_of,
    ranges_at,
    refused,
    unbound_loop_of,
)
from graphc.compiler.loops.statement import Accumulate, If, Let, Statement
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Load, Local, Value

_REWRITE = "pad"


def pad(program: LoopProgram, loop: str) -> LoopProgram:
    """Add the terms that are under the test in a loop's body in every turn.

    The factors that might not be there in other turns have names, and are 0 there; if all are there
    the first one is.

    Args:
        program: the program.
        loop: the variable of a serial or unrolled loop whose body is one test, and under it values
            and sums of products alone, which begin with 0 ahead of the loop.
    """
    found = unbound_loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    test = only_test_of(program, _REWRITE, found)
    ranges, names = ranges_at(program, test), Names(program)
    lets = {one.local: one.value for one in test.body if isinstance(one, Let)}
    named: dict[Value, Local] = {}
    body: list[Statement] = []
    for one in test.body:
        if isinstance(one, Let):
            body.append(one)
            continue
        term = one.values[0] if isinstance(one, Accumulate) and one.reduction == "sum" else None
        if not isinstance(term, Apply) or term.op != "mul":
            expected = "values and sums of products under its test"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        chosen = [x for x in term.operands if not _is_there(x, lets, ranges)] or [term.operands[0]]
        for factor in chosen:
            if factor not in named:
                if isinstance(factor, Local) and factor in lets:
                    named[factor] = factor
                    continue
                name = f"{factor.buffer.name}_element" if isinstance(factor, Load) else "factor"
                named[factor] = Local(names.new(name), factor.dtype)
                body.append(Let(named[factor], factor))

        def value(part: Value) -> Value:
            return named.get(part, part)

        body.append(Parts(value=value).in_statement(one))
    changed = replace(
        program, body=replaced(program.body, test, (If(test.conditions, tuple(body)),))
    )
    return predicate(changed, loop, frozenset(named.values()))


def _is_there(factor: Value, lets: dict[Local, Value], ranges: Ranges) -> bool:
    """Return True if all elements that a factor is computed from are proved to exist."""
    pending: list[Value] = [factor]
    met: set[Value] = set()
    while pending:
        value = pending.pop()
        if not is_always_there(value, ranges):
            return False
        for part in walk_value(value):
            if isinstance(part, Local) and part in lets and part not in met:
                met.add(part)
                pending.append(lets[part])
    return True
