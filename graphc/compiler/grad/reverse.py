"""Reverse accumulation: cotangents of a program's outputs, pulled back to chosen nodes.

Each node is visited once, after all of its readers: Griewank and Walther, "Evaluating Derivatives",
2nd edition, 2008, chapter 3.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from graphc.compiler.grad.shifts import cancelling_maxima
from graphc.compiler.grad.table import LEAVES, NON_DIFFERENTIABLE, RULES, Cotangent
from graphc.compiler.graph import Node, Origin, is_float, label, make, origin, origin_of, toposort
from graphc.errors import GradientError


def varied(outputs: Sequence[Node], order: Sequence[Node], sources: Collection[Node]) -> set[Node]:
    """Return the nodes of a program through which a gradient reaches one of `sources`.

    Args:
        outputs: the program's outputs.
        order: its nodes in topological order.
        sources: float nodes.
    """
    constant_maxima = cancelling_maxima(outputs, order)
    found = set(sources)
    for node in order:
        if (
            any(x in found for x in node.inputs)
            and node.op not in NON_DIFFERENTIABLE
            and node not in constant_maxima
            and _has_floats(node)
        ):
            found.add(node)
    return found


def pull_back(seeds: Sequence[tuple[Node, Node]], wrt: Sequence[Node]) -> list[Node | None]:
    """Return the cotangents of `wrt`, given those of outputs as (output, cotangent) pairs.

    A node that no cotangent reaches has None. Raises GradientError for an op without a rule.
    """
    outputs = [node for node, _ in seeds]
    order = toposort(outputs)
    reached = varied(outputs, order, set(wrt))
    cotangents: dict[Node, Cotangent] = {}
    for node, cotangent in seeds:
        _accumulate(cotangents, node, cotangent)
    for node in reversed(order):
        wanted = [x in reached for x in node.inputs]
        if node not in cotangents or node not in reached or not any(wanted):
            continue
        with origin(_backward(node)):
            for x, term in zip(node.inputs, _pull(node, cotangents[node], wanted), strict=True):
                if term is not None:
                    _accumulate(cotangents, x, term)
    return [cotangents.get(node) for node in wrt]


def _has_floats(node: Node) -> bool:
    dtypes = node.dtype if isinstance(node.dtype, tuple) else (node.dtype,)
    return any(map(is_float, dtypes))


def _backward(node: Node) -> Origin | None:
    where = origin_of(node)
    return Origin(where.layer, backward=True) if where is not None else None


def _pull(node: Node, cotangent: Cotangent, wanted: list[bool]) -> tuple[Cotangent | None, ...]:
    if node.op not in RULES:
        assert node.op not in LEAVES, node.op
        raise GradientError(
            f"the op {node.op!r} has no gradient rule, met at {label(node)}; add a row to "
            "graphc.compiler.grad, or has_gradient=False to its traits"
        )
    return RULES[node.op](cotangent, node, wanted)


def _accumulate(cotangents: dict[Node, Cotangent], node: Node, term: Cotangent) -> None:
    known = cotangents.get(node)
    cotangents[node] = term if known is None else _sum(known, term)


def _sum(left: Cotangent, right: Cotangent) -> Cotangent:
    if isinstance(left, tuple):
        return tuple(
            b if a is None else a if b is None else make("add", a, b)
            for a, b in zip(left, right, strict=True)
        )
    return make("add", left, right)
