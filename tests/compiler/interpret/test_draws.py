"""Parts of random draws in the interpreter."""

from __future__ import annotations

from graphc.compiler.interpret.program import Program
from tests.compiler.draw_programs import DrawParts


class Interpreted:
    """A graph as the interpreter runs it."""

    def __init__(self, outputs):
        self._program = Program(outputs)

    def run(self, feeds, bindings, call_step):
        return self._program.run(feeds, bindings, call_step.value)


class TestInterpreter(DrawParts):
    """NumPy's BLAS may add the terms of a single row in another order than those of several."""

    executor = Interpreted
    rounding = 1e-6
