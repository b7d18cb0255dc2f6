"""function(inputs, outputs, updates, givens): the only API of the compiler."""

from graphc.compiler.function.api import TARGETS, Function, function
from graphc.compiler.function.own_rows import OwnRows
from graphc.compiler.function.report import CompileReport, CompileReports
from graphc.compiler.function.sharded import ShardedFunction, sharded_function
from graphc.compiler.function.step_memory import StepMemory
from graphc.compiler.graph import CallStep
from graphc.compiler.runtime.interpreting import ALWAYS
from graphc.compiler.runtime.pending import Pending

__all__ = [
    "ALWAYS",
    "TARGETS",
    "CallStep",
    "CompileReport",
    "CompileReports",
    "Function",
    "OwnRows",
    "Pending",
    "ShardedFunction",
    "StepMemory",
    "function",
    "sharded_function",
]
