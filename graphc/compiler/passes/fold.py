"""fold: what depends on constants alone becomes a constant, computed by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Node
from graphc.compiler.graph.dim import product
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes.rewrite import rewrite

_LARGEST = 64  # elements of a result: constants are text in the kernels

# Broadcast values are cheaper made again than stored; random ones are new at each call.
_NEVER = frozenset({"random", "broadcast", "scan", "item"})


def _fold(node: Node) -> object:
    if not node.inputs or any(x.op != "constant" for x in node.inputs):
        return None
    if not all(isinstance(size, int) for size in node.shape) or product(node.shape) > _LARGEST:
        return None
    return g.constant(evaluate([node])[0])


_RULES = {name: (_fold,) for name, op in OPS.items() if op.arity != 0 and name not in _NEVER}


def fold(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with small results of constants computed.

    An op on a constant that fails in a call (an index out of range) fails here, with its message.
    """
    return rewrite(outputs, _RULES)
