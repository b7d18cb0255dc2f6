"""Programs of agents, evaluated in each order."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler.loops.evaluate import Evaluated, TurnOrder, evaluate
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.statement import (
    Barrier,
    Statement,
)
from graphc.errors import EvaluationError
from tests.compiler.loops.written import (
    floats,
    program,
    shared,
)

BLOCK, THREAD, OTHER, LANE, STEP = map(variable, ("block", "thread", "other", "lane", "step"))
BARRIER = Barrier()
X, Y = floats("x", 8), floats("y", 8)
VALUES = np.arange(8, dtype="float32") + 1
TILE = shared("tile", 4)


def of(*body: Statement) -> LoopProgram:
    return program((X,), (Y,), *body)


def results(made: LoopProgram, **arrays: np.ndarray) -> Evaluated:
    """Return the result, which is the same in each order."""
    found = [evaluate(made, arrays or {"x": VALUES}, order=order) for order in TurnOrder]
    for other in found[1:]:
        for name, values in found[0].outputs.items():
            assert values.tobytes() == other.outputs[name].tobytes()
            assert np.array_equal(found[0].stored[name], other.stored[name])
        assert found[0].status == other.status
    return found[0]


def refused(made: LoopProgram, **arrays: np.ndarray) -> str:
    """Return the message of a program that raises in each order."""
    messages = []
    for order in TurnOrder:
        with pytest.raises(EvaluationError) as caught:
            evaluate(made, arrays or {"x": VALUES}, order=order)
        messages.append(str(caught.value))
    return messages[0]


def is_race(made: LoopProgram, **arrays: np.ndarray) -> bool:
    """Return True if each order finds that agents do not wait for each other: an access without an
    order, or an element that has no value because who stores it has not run."""
    messages = []
    for order in TurnOrder:
        with pytest.raises(EvaluationError) as caught:
            evaluate(made, arrays or {"x": VALUES}, order=order)
        messages.append(str(caught.value))
    signs = ("no barrier is between", "has no value yet", "allocated again since", "waited for")
    return all(any(sign in message for sign in signs) for message in messages)
