"""Gradients against central differences of the evaluator's values, in extended precision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.graph.binding import bind
from graphc.errors import GradientError
from tests.campaigns.graphs.bounded import EXTENDED, Bounded
from tests.campaigns.graphs.builder import FLOATS, Program
from tests.campaigns.graphs.evaluator import Evaluator
from tests.campaigns.graphs.targets import CALL_STEP

_MOST_INPUTS = 2
_STEP = EXTENDED(2.0**-14)
_BEND = 1e-2  # the relative difference of the two sides from which a point is taken for a kink
_CURVED = 1e-4  # that of two steps, from which they say too little


def gradient_fault(program: Program) -> str:
    """Return how the gradients of a program's float outputs by its float inputs are wrong; empty
    where they are not, or where a function has kinks, or no finite value or gradient, there."""
    wanted = [x for x in program.outputs if x.dtype in FLOATS]
    inputs = [x for x, a in program.feeds.items() if x.dtype in FLOATS and np.isfinite(a).all()]
    inputs = inputs[:_MOST_INPUTS]
    if not wanted or not inputs:
        return ""
    random = np.random.default_rng(len(wanted))
    loss: Node = g.as_node(0.0, "float64")
    for x in wanted:
        # Not symmetric in the elements, so that gradients of two of them are not exchanged.
        ramp = g.cast(g.iota(g.dim.product(x.shape), "int32"), "float64")
        weights = g.cos(g.reshape(ramp, x.shape) * float(random.uniform(0.5, 2)))
        loss = loss + g.sum(g.cast(x, "float64") * weights)
    try:
        gradients = grad(loss, inputs, disconnected="zeros")
    except GradientError:
        return ""
    evaluator = Evaluator(program.feeds, program.sizes, CALL_STEP)
    for x, found in zip(inputs, evaluator(gradients), strict=True):
        text = _of_input(program, loss, x, found)
        if text:
            return f"wrong gradient: {text}"
    return ""


def _of_input(program: Program, loss: Node, x: Node, found: Bounded) -> str:
    """Return how a gradient by one input is wrong in one direction."""
    array = program.feeds[x].astype(EXTENDED)
    if not (found.known.all() and np.isfinite(found.value).all()):
        return ""
    direction = np.random.default_rng(array.size).choice([-1.0, 1.0, 0.5], array.shape)

    def value(step: EXTENDED) -> EXTENDED:
        evaluator = Evaluator(program.feeds, program.sizes, CALL_STEP)
        moved = array + step * direction
        evaluator.give(x, Bounded(str(x.dtype), moved, np.zeros(array.shape)))
        return evaluator([loss])[0].value[()]

    with np.errstate(all="ignore"):
        middle = value(EXTENDED(0))
        sides = [(value(k * _STEP) - middle) / (k * _STEP) for k in (1, -1)]
        half = (value(_STEP / 2) - value(-_STEP / 2)) / _STEP
        slope = sum(sides) / 2
        terms = found.value * direction
        size = np.abs(terms).sum() + abs(slope)
        if not np.isfinite(slope) or abs(sides[0] - sides[1]) > _BEND * size:
            return ""
        curved = abs(slope - half)
        if curved > _CURVED * size:
            return ""
        # Differences lose what the values' own magnitude takes of their digits.
        bound = found.error.sum() + 4 * curved + 1e-6 * size + 1e-13 * abs(middle)
        received = terms.sum()
        if abs(received - slope) <= bound:
            return ""
    place = list(program.feeds).index(x)
    return (
        f"by input {place} in one direction: {float(received)!r}, by differences "
        f"{float(slope)!r} within {float(bound):.3g}"
    )


def gradient_report(outputs: Sequence[Node], feeds: Mapping[Node, np.ndarray]) -> str:
    """Return how gradients of a graph are wrong, for a reduced program to print."""
    bindings = bind(list(feeds), list(feeds.values()))
    program = Program(list(outputs), [], dict(feeds), bindings)
    return gradient_fault(program) or "as it should be"
