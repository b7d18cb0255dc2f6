"""Which values of a loop's step its gradient reads: stored over all steps, or made again.

A stored value takes memory and traffic for every step, so the backward step stores no more than it
cannot have cheaply from what it reads anyway.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from graphc.compiler.grad.forward_scan import ForwardScan
from graphc.compiler.graph import Node, Work, dependents, ops_with, toposort

# Never stored: made again from what they read, whatever that is, which is no larger.
_RECOMPUTED = ops_with(
    lambda traits: traits.work is Work.NONE and (traits.keeps_elements or traits.moves is None)
)

# Made again where all that they read is at hand in the backward step.
_CHEAP = ops_with(lambda traits: traits.work in (Work.ONE, Work.FEW))


def forward_reads(
    loop: ForwardScan, step_outputs: Sequence[Node], cotangents: Iterable[Node]
) -> list[Node]:
    """Return the values that a backward step reads of the forward step: args, and residuals.

    Args:
        loop: the forward loop.
        step_outputs: the backward step's, written over the nodes of the forward step.
        cotangents: its placeholders for cotangents.

    Returns:
        The nodes in topological order. Slices and constants among them need no storing.
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
    """The nodes of `stops` where a walk down from the outputs ends, in topological order."""
    return [node for node in toposort(step_outputs, stop=stops) if node in stops]


def _storable(
    loop: ForwardScan, step_outputs: Sequence[Node], cotangents: Iterable[Node]
) -> set[Node]:
    """The nodes that the forward loop can stack."""
    forward = set(toposort(loop.outputs))
    backward = dependents(step_outputs, cotangents)

    def storable(node: Node) -> bool:
        # An item of a scan that a rule made: the loop that it comes from runs in the forward step.
        met = node.op not in _RECOMPUTED if node in forward else node.op == "item"
        return met and node not in backward

    return {node for node in toposort(step_outputs) if storable(node)}
