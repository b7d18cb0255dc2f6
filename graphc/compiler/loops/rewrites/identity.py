"""Reductions that begin with their identity, of which one more turn changes nothing."""

from __future__ import annotations

from graphc.compiler.loops.program import LoopProgram, targets_of, walk
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import Accumulate, Allocate, Store
from graphc.compiler.loops.value import Constant


def begins_with_identity(program: LoopProgram, one: Accumulate) -> bool:
    """Return True if a buffer of the program has nothing but results of a reduction, which begins
    with its identity: a turn more with the identity changes no bit of it."""
    reduction = REDUCTIONS[one.reduction]
    if reduction.others:
        return False
    memory, dtype = one.targets[0].buffer.memory, one.targets[0].dtype
    statements = list(walk(program.body))
    writers = [x for x in statements if any(y.buffer.memory == memory for y in targets_of(x))]
    starts = [x.value for x in writers if isinstance(x, Store)]
    others = [x for x in writers if not isinstance(x, Store)]
    identity = Constant(reduction.identity(dtype), dtype)
    return (
        any(isinstance(x, Allocate) and x.buffer.memory == memory for x in statements)
        and all(x is identity for x in starts)
        and all(isinstance(x, Accumulate) and x.reduction == one.reduction for x in others)
    )
