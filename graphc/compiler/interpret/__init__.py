"""The meaning of every op in NumPy: the fallback, the oracle and the constant folder in one."""

from graphc.compiler.interpret.program import BodyObserver, Program, evaluate
from graphc.compiler.interpret.sequential import sequential
from graphc.compiler.interpret.table import NUMPY, SUPPLIED

__all__ = ["NUMPY", "SUPPLIED", "BodyObserver", "Program", "evaluate", "sequential"]
