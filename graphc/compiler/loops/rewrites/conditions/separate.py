"""Separation: each statement under a test has the test for itself.

for t < 8 (thread):           for t < 8 (thread):
  if t < 4:                     allocate one: ... in register
    allocate one: ...           if t < 4:
    one[] = x[t]                  one[] = x[t]
    y[t] = one[]                if t < 4:
                                  y[t] = one[]

Then the statements may change places with those ahead of the test.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import Body, LoopProgram
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Allocate, Check, If, Let
from graphc.compiler.loops.text import head_line

_REWRITE = "separate"


def separate(program: LoopProgram, loop: str) -> LoopProgram:
    """Give each statement under the last test of a loop's body a test of its own, behind what is
    allocated under it.

    Args:
        program: the program.
        loop: the variable of a loop whose body ends with a test without another branch; no name
            is bound under it, but inside of further statements.
    """
    found = loop_of(program, _REWRITE, loop)
    where = f"the loop {loop!r}"
    test = found.body[-1] if found.body else None
    if not isinstance(test, If) or test.otherwise:
        expected = "a body that ends with a test, without another branch"
        last = "nothing" if test is None else head_line(test)
        raise refused(program, _REWRITE, where, expected, last)
    for one in test.body:
        if isinstance(one, Let | Check):
            expected = "no name that several statements under its test use"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    allocated = tuple(one for one in test.body if isinstance(one, Allocate))
    others = (one for one in test.body if not isinstance(one, Allocate))
    tests = (If(test.conditions, (one,)) for one in others)
    body: Body = (*found.body[:-1], *allocated, *tests)
    return program.with_loop(loop, lambda one: (replace(one, body=body),))
