"""fold: what depends on constants alone becomes a constant, computed by the interpreter."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler import graph as g
from graphc.compiler.graph import OPS, Moves, Node
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes.constants import STRETCHED, is_small
from graphc.compiler.passes.rewrite import rewrite


def _fold(node: Node) -> object:
    """An op on constants = its value."""
    if not node.inputs or any(x.op != "constant" for x in node.inputs):
        return None
    return g.constant(evaluate([node])[0], node.dtype) if is_small(node.shape) else None


def _is_cheap_constant(x: Node) -> bool:
    while x.op in STRETCHED:
        x = x.inputs[0]
    return x.op == "constant" and is_small(x.shape)


def _constants_into_body(loop: Node) -> object:
    """A constant that a scan reads is written into its body, where its value can be used."""
    first = loop.attrs["carries"] + loop.attrs["sequences"]
    args = g.body_args(loop)
    inside = {
        arg: x
        for arg, x in zip(args[first:], loop.inputs[first:], strict=True)
        if _is_cheap_constant(x)
    }
    if not inside:
        return None
    return g.make_scan(
        g.substitute(loop.attrs["body"].outputs, inside),
        [arg for arg in args if arg not in inside],
        loop.inputs[: loop.attrs["carries"]],
        loop.inputs[loop.attrs["carries"] : first],
        [x for arg, x in zip(args[first:], loop.inputs[first:], strict=True) if arg not in inside],
        loop.attrs["length"],
        loop.attrs["reverse"],
    )


_RULES = {
    "scan": (_constants_into_body,),
    # Repeated values are cheaper made again than stored.
    **{
        name: (_fold,)
        for name, op in OPS.items()
        if op.family not in ("leaf", "loop") and op.traits.moves is not Moves.REPEATED
    },
}


def fold(outputs: Sequence[Node]) -> list[Node]:
    """The outputs with small results of constants computed.

    An op on a constant that fails in a call (an index out of range) fails here, with its message.
    """
    return rewrite(outputs, _RULES)
