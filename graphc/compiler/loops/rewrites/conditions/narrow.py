"""Narrow: the values that a loop's body names ahead of its test are computed under the test.

for k < 3:                                for k < 3:
  t0 = exp(w[k])                            if i + k >= 1:
  if i + k >= 1:                              t0 = exp(w[k])
    s[] = sum(s[], mul(x[i + k - 1], t0))     s[] = sum(s[], mul(x[i + k - 1], t0))

Indices that are checked there stay, with the values that they are made of.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import LoopProgram, reads_bound
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import Check, If, Let, Statement
from graphc.compiler.loops.text import head_line

_REWRITE = "narrow"


def narrow(program: LoopProgram, loop: str) -> LoopProgram:
    """Move the values that a loop's body names ahead of its test under the test.

    Args:
        program: the program.
        loop: the variable of a loop whose body names values and indices, and ends with a test
            without another branch.
    """
    *ahead, test = loop_of(program, _REWRITE, loop).body
    where = f"the loop {loop!r}"
    if not isinstance(test, If) or test.otherwise:
        expected = "a body that ends with a test, without another branch"
        raise refused(program, _REWRITE, where, expected, head_line(test))
    stay: list[Statement] = []
    for one in reversed(ahead):
        if not isinstance(one, Let | Check):
            expected = "values alone ahead of its test"
            raise refused(program, _REWRITE, where, expected, head_line(one))
        if isinstance(one, Check) or any(reads_bound(other, (one,)) for other in stay):
            stay.append(one)
    moved = (one for one in ahead if all(one is not other for other in stay))
    under = replace(test, body=(*moved, *test.body))
    return program.with_loop(loop, lambda found: (replace(found, body=(*stay[::-1], under)),))
