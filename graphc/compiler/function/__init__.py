"""function(inputs, outputs, updates, givens): the one door to the compiler's floors."""

from graphc.compiler.function.door import TARGETS, CallStep, Function, function
from graphc.compiler.function.report import CompileReport
from graphc.compiler.runtime.pending import Pending

__all__ = ["TARGETS", "CallStep", "CompileReport", "Function", "Pending", "function"]
