"""`grad`: the derivative of a scalar, as nodes of the same graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.compiler.grad.reverse import pull_back
from graphc.compiler.grad.table import NON_DIFFERENTIABLE
from graphc.compiler.graph import (
    Node,
    as_node,
    dependents,
    is_float,
    label,
    toposort,
    zeros,
)
from graphc.compiler.passes import simplify_for_gradient
from graphc.errors import ArgumentError, GradientError


def grad(loss: Node, wrt: Node | Sequence[Node], disconnected: str = "raise") -> Node | list[Node]:
    """Return the derivative of `loss` with respect to nodes, built by reverse accumulation.

    The result consists of ordinary nodes, so it can be differentiated again.

    Args:
        loss: a float scalar.
        wrt: a float node that the loss depends on (an input, a shared variable or any expression
            in it), or a sequence of such nodes.
        disconnected: for a node that the loss does not depend on, "raise" raises an error and
            "zeros" returns zeros.

    Returns:
        dL/dw in the shape and dtype of w: one node if `wrt` is a node, a list if it is a sequence.
        At ties, maximum and minimum share the gradient evenly between both operands; max, min and
        max pooling give all of it to the first of the equal elements. The gradient of clip is 0 at
        a bound, and that of abs is 0 at 0.

    Raises:
        GradientError: the loss is no float scalar, `wrt` is neither a node nor a sequence, a node
            of it is no float, the loss does not depend on it, or an op between them has no
            gradient rule (the message names the op).
        ArgumentError: `disconnected` is neither "raise" nor "zeros".
    """
    if disconnected not in ("raise", "zeros"):
        raise ArgumentError(f"grad: disconnected is 'raise' or 'zeros', received {disconnected!r}")
    _check_loss(loss)
    targets = _targets(wrt)
    for k, node in enumerate(targets):
        _check_target(node, k)
    # A formula that overflows has NaN in its gradient, so formulas are stabilised first.
    (loss,) = simplify_for_gradient([loss], keep=targets)
    cotangents = pull_back([(loss, as_node(1, loss.dtype))], targets)
    results = []
    for node, cotangent in zip(targets, cotangents, strict=True):
        if cotangent is None:
            if disconnected == "raise":
                raise GradientError(_not_connected(loss, node))
            cotangent = zeros(node.shape, node.dtype)
        results.append(cotangent)
    return results[0] if isinstance(wrt, Node) else results


def _check_loss(loss: object) -> None:
    if not isinstance(loss, Node):
        raise GradientError(f"grad: the loss has to be a node, received {loss!r}")
    if loss.shape != () or not is_float(loss.dtype):
        raise GradientError(
            f"grad: the loss has to be a float scalar, received {label(loss)}; reduce it with sum "
            "or mean, cast it if its dtype is no float"
        )


def _targets(wrt: object) -> list[Node]:
    if isinstance(wrt, Node):
        return [wrt]
    if not isinstance(wrt, Iterable):
        raise GradientError(f"grad: wrt has to be a node or a list of nodes, received {wrt!r}")
    return list(wrt)


def _check_target(node: object, position: int) -> None:
    if not isinstance(node, Node) or isinstance(node.dtype, tuple):
        raise GradientError(f"grad: wrt[{position}] has to be a node with one value, not {node!r}")
    if not is_float(node.dtype):
        raise GradientError(
            f"grad: wrt[{position}] is {label(node)}; only a float has a gradient: cast it to a "
            "float first and use the result in the loss"
        )


def _not_connected(loss: Node, node: Node) -> str:
    remedy = "leave it out of wrt, or pass disconnected='zeros'"
    readers = dependents([loss], [node])
    if loss not in readers:
        return f"grad: the loss does not depend on {label(node)}; {remedy}"
    stops = dict.fromkeys(x.op for x in toposort([loss]) if x in readers and _stops(x))
    return (
        f"grad: no gradient reaches {label(node)}: the loss depends on it only through "
        f"{', '.join(stops) or 'positions'}, which has none; {remedy}"
    )


def _stops(node: Node) -> bool:
    return node.op in NON_DIFFERENTIABLE or (
        node.op == "cast" and not is_float(node.dtype) and is_float(node.inputs[0].dtype)
    )
