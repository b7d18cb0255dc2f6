"""Residuals of a loop: the values of a forward step that the gradient's step reads.

A residual is stored for every step or recomputed in the backward step. Storing takes memory and
traffic, so a value that is cheap to recompute from what the backward step reads anyway is not
stored.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from graphc.compiler.grad.forward_scan import ForwardScan
from graphc.compiler.graph import Node, Work, dependents, ops_with, toposort

# Never stored, but always recomputed: their operands are no larger than their results.
_RECOMPUTED = ops_with(
    lambda traits: traits.work is Work.NONE and (traits.keeps_elements or traits.moves is None)
)

# Recomputed if the backward step has all of their operands.
_CHEAP = ops_with(lambda traits: traits.work in (Work.ONE, Work.FEW))


def forward_reads(
    loop: ForwardScan, step_outputs: Sequence[Node], cotangents: Iterable[Node]
) -> list[Node]:
    """Return the values of the forward step that a backward step reads: arguments and residuals.

    Args:
        loop: the forward loop.
        step_outputs: the outputs of the backward step, as expressions over nodes of the forward
            step.
        cotangents: the placeholders of cotangents in the backward step.

    Returns:
        The nodes in topological order. Those that are slices of sequences or constants need no
        storing.
    """
    readable = loop.args[loop.carries :]
    met = _first_met(step_outputs, _storable(loop, step_outputs, cotangents).union(readable))
    stops = {*readable, *met}
    at_hand: set[Node] = set()
    for node in toposort([*readable, *met]):
        closed = all(x in at_hand for x in node.inputs)
        if node in stops or (node.op in _RECOMPUTED and closed):
            at_hand.add(node)
        if node in stops and node.op in _CHEAP and closed:
            stops.remove(node)
    return _first_met(step_outputs, stops)


def _first_met(step_outputs: Sequence[Node], stops: Collection[Node]) -> list[Node]:
    """Return the nodes of `stops` that a walk from the outputs to their operands meets first, in
    topological order."""
    return [node for node in toposort(step_outputs, stop=stops) if node in stops]


def _storable(
    loop: ForwardScan, step_outputs: Sequence[Node], cotangents: Iterable[Node]
) -> set[Node]:
    """Return the nodes whose values the forward loop can store for every step."""
    forward = set(toposort(loop.outputs))
    backward = dependents(step_outputs, cotangents)

    def storable(node: Node) -> bool:
        # A gradient rule makes new scans for inner loops; these can run in the forward step, so
        # their items can be stored, too.
        candidate = node.op not in _RECOMPUTED if node in forward else node.op == "item"
        return candidate and node not in backward

    return {node for node in toposort(step_outputs) if storable(node)}
