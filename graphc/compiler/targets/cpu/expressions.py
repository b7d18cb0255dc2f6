"""Values as a CPU's compiler vectorises them."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.expressions import Expressions
from graphc.compiler.targets.page import Code, call


@dataclass(frozen=True)
class CpuExpressions(Expressions):
    """Expressions that read bools in memory as bytes (``kernels/lanes.h``)."""

    def loaded(self, load: Load) -> Code:
        """Return what is read of an element of memory."""
        element = self.element(load)
        is_byte = load.dtype == "bool" and load.buffer.scope is not BufferScope.REGISTER
        return call("gc_flag", element) if is_byte else element
