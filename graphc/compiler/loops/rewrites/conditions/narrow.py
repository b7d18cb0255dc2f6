"""Narrow: the values that a loop's body names ahead of its test are computed under the test.

for k < 3:                                for k < 3:
  t0 = exp(w[k])                            if i + k >= 1:
  if i + k >= 1:                              t0 = exp(w[k])
    s[] = sum(s[], mul(x[i + k - 1], t0))     s[] = sum(s[], mul(x[i + k - 1], t0))
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.statement import If, Let
from graphc.compiler.loops.text import head_line

_REWRITE = "narrow"


def narrow(program: LoopProgram, loop: str) -> LoopProgram:
    """Move all that a loop's body has ahead of its test under the test.

    Args:
        program: the program.
        loop: the variable of a loop whose body names values and ends with a test without another
            branch.
    """
    *ahead, test = loop_of(program, _REWRITE, loop).body
    where = f"the loop {loop!r}"
    if not isinstance(test, If) or test.otherwise:
        expected = "a body that ends with a test, without another branch"
        raise refused(program, _REWRITE, where, expected, head_line(test))
    for one in ahead:
        if not isinstance(one, Let):
            expected = "values alone ahead of its test"
            raise refused(program, _REWRITE, where, expected, head_line(one))
    under = replace(test, body=(*ahead, *test.body))
    return program.with_loop(loop, lambda found: (replace(found, body=(under,)),))
