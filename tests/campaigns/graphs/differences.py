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
_DIRECTIONS = 4  # further ones in which a kink is looked for
_MOST_TEETH = 2.0**10  # jumps of a quotient's remainder or whole part between 0 and a point
_SHORTER = 8  # so many times shorter is the step that tells a kink from a curve


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
    if _has_fine_teeth(loss, evaluator):
        return ""
    for x, gradient, found in zip(inputs, gradients, evaluator(gradients), strict=True):
        text = _of_input(program, loss, x, gradient, found)
        if text:
            return f"wrong gradient: {text}"
    return ""


def _has_fine_teeth(loss: Node, evaluator: Evaluator) -> bool:
    """Return True if a remainder or the whole part of a large quotient is in a loss: a step goes
    over many of its jumps, so that differences say nothing of its slope between two of them."""
    for node in g.toposort([loss]):
        if node.op in ("mod", "floordiv") and node.dtype in FLOATS:
            x, y = (found.value.astype(EXTENDED) for found in evaluator(node.inputs))
            with np.errstate(all="ignore"):
                if not (np.abs(x) < np.abs(y) * _MOST_TEETH).all():
                    return True
    return False


class _Line:
    """The loss along a line through the input, near the point at which the gradient is taken."""

    def __init__(self, program: Program, loss: Node, x: Node, direction: np.ndarray):
        self._program, self._loss, self._x = program, loss, x
        self._array = program.feeds[x].astype(EXTENDED)
        self._direction = direction
        self.middle = self.value(0)

    def value(self, step: float) -> EXTENDED:
        return self._at(step, self._loss)[()]

    def slope(self, step: float, gradient: Node) -> EXTENDED:
        """Return the slope by a gradient of the loss."""
        return (self._at(step, gradient) * self._direction).sum()

    def _at(self, step: float, node: Node) -> np.ndarray:
        evaluator = Evaluator(self._program.feeds, self._program.sizes, CALL_STEP)
        moved = self._array + EXTENDED(step) * self._direction
        evaluator.give(self._x, Bounded(str(self._x.dtype), moved, np.zeros(moved.shape)))
        return evaluator([node])[0].value

    def sides(self, step: float) -> list[EXTENDED]:
        """Return the slopes of the two sides."""
        return [(self.value(k * step) - self.middle) / EXTENDED(k * step) for k in (1, -1)]

    def bend(self, step: float) -> EXTENDED:
        """Return the difference of the two sides' slopes."""
        one, other = self.sides(step)
        return abs(one - other)


def _of_input(program: Program, loss: Node, x: Node, gradient: Node, found: Bounded) -> str:
    """Return how a gradient by one input is wrong in one direction."""
    if not (found.known.all() and np.isfinite(found.value).all()):
        return ""
    shape = program.feeds[x].shape
    direction = np.random.default_rng(found.value.size).choice([-1.0, 1.0, 0.5], shape)
    with np.errstate(all="ignore"):
        line = _Line(program, loss, x, direction)
        sides = line.sides(_STEP)
        slope = sum(sides) / 2
        half = sum(line.sides(_STEP / 2)) / 2
        terms = found.value * direction
        size = np.abs(terms).sum() + abs(slope)
        if not np.isfinite(slope) or abs(sides[0] - sides[1]) > _BEND * size:
            return ""
        curved = abs(slope - half)
        if curved > _CURVED * size:
            return ""
        # Differences lose what the values' own magnitude takes of their digits.
        bound = found.error.sum() + 4 * curved + 1e-6 * size + 1e-13 * abs(line.middle)
        received = terms.sum()
        off = abs(received - slope)
        if off <= bound or _is_kink(program, loss, x, off):
            return ""
        # Of where(x != 0, x, 0), say, 0 is a branch by itself, with the slope of 0.
        beside = [line.slope(step, gradient) for step in (_STEP, -_STEP)]
        if abs(sum(beside) / 2 - slope) <= bound:
            return ""
    place = list(program.feeds).index(x)
    return (
        f"by input {place} in one direction: {float(received)!r}, by differences "
        f"{float(slope)!r} within {float(bound):.3g}"
    )


def _is_kink(program: Program, loss: Node, x: Node, off: EXTENDED) -> bool:
    """Return whether the loss has a kink in an input that may put its gradient so far off.

    In one direction the bends of several kinks may cancel: of equal maxima the greater slope is
    taken on each side, times a factor of either sign. In random ones they do not. The bend of a
    curve shrinks with the step; that of a kink stays, and that of a jump grows.
    """
    random = np.random.default_rng(program.feeds[x].size)
    for _ in range(_DIRECTIONS):
        line = _Line(program, loss, x, random.standard_normal(program.feeds[x].shape))
        near = line.bend(_STEP / _SHORTER)
        if near > off / 4 and near > line.bend(_STEP) / 2:
            return True
    return False


def gradient_report(outputs: Sequence[Node], feeds: Mapping[Node, np.ndarray]) -> str:
    """Return how gradients of a graph are wrong, for a reduced program to print."""
    bindings = bind(list(feeds), list(feeds.values()))
    program = Program(list(outputs), [], dict(feeds), bindings)
    return gradient_fault(program) or "as it should be"
