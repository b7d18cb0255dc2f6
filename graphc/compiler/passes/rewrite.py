"""The sweep that applies rewrite rules: bottom-up, each node once, until no rule fires there.

Inputs are in normal form when a node is visited, and so is everything that a rule makes before it
is used. So one sweep reaches the fixpoint, and its time is linear in the size of the graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from graphc.compiler import graph as g
from graphc.compiler.graph import Body, Node
from graphc.compiler.passes.match import Rewrite, Rule
from graphc.errors import PassError

Rules = Mapping[str, Sequence[Rule]]
"""Rules by the op of the node that they replace, in the order in which they are tried."""

# How many levels of nodes that rules made are rewritten before the next sweep has to go on.
_DEPTH = 100


@dataclass(frozen=True)
class Firing:
    """One use of a rule: what it is called (`rule_name`), the node that it replaced, and by
    which."""

    rule: str
    old: Node
    new: Node


_firings: ContextVar[list[Firing] | None] = ContextVar("graphc_firings", default=None)


@contextmanager
def recorded_firings() -> Iterator[list[Firing]]:
    """A list of the rules that fire meanwhile, in order."""
    found: list[Firing] = []
    token = _firings.set(found)
    try:
        yield found
    finally:
        _firings.reset(token)


def rule_name(rule: Rule) -> str:
    """The formula of a row; of a function the first paragraph of its docstring, and its name where
    it has none."""
    if isinstance(rule, Rewrite):
        return str(rule)
    text = " ".join((rule.__doc__ or "").split("\n\n")[0].split())
    return text.rstrip(".") if text else rule.__name__.strip("_")


def index_rules(*tables: Iterable[tuple[str, Rule]]) -> dict[str, tuple[Rule, ...]]:
    """Rules of several tables of (op, rule), by op; earlier ones are tried first."""
    rules: dict[str, tuple[Rule, ...]] = {}
    for table in tables:
        for op, rule in table:
            rules[op] = (*rules.get(op, ()), rule)
    return rules


def rewrite(outputs: Sequence[Node], rules: Rules) -> list[Node]:
    """The outputs with every node, also in the bodies of scans, in normal form under the rules."""
    return _Sweep(rules).run(outputs)


def conform(result: object, node: Node) -> Node | None:
    """Return a rule's result in the shape of the node that it replaces; None where that is
    impossible.

    It is where the two shapes agree only for some values of their symbols. Raises PassError where
    the dtype is another, or the result has axes that the node lacks.
    """
    if result is None:
        return None
    if not isinstance(result, Node):
        return g.full(node.shape, result, node.dtype)
    if (result.shape, result.dtype) == (node.shape, node.dtype):
        return result
    if result.dtype != node.dtype or result.ndim > node.ndim:
        raise PassError(f"a rewrite rule replaced {g.label(node)} by {g.label(result)}")
    stretched = g.broadcast_to(result, node.shape)
    return stretched if stretched.shape == node.shape else None


class _Sweep:
    def __init__(self, rules: Rules):
        self.rules = rules
        self.normal: dict[Node, Node] = {}
        self.bodies: dict[Body, Body] = {}

    def run(self, outputs: Sequence[Node]) -> list[Node]:
        return g.sweep(outputs, self.visit)

    def visit(self, node: Node, depth: int = 0) -> Node:
        known = self.normal.get(node)
        if known is not None:
            return known
        result = self._step(node) if depth < _DEPTH else node
        if result is not node:
            with g.origin(g.origin_of(node)):
                result = self._new(result, depth + 1)
        self.normal[node] = self.normal[result] = result
        return result

    def _new(self, node: Node, depth: int) -> Node:
        """The normal form of a node that a rule made, whose inputs may be new as well."""
        if node in self.normal or depth >= _DEPTH:
            return self.visit(node, depth)
        inputs = tuple(self._new(x, depth + 1) for x in node.inputs)
        # Made again even where the inputs are the same: that gives the node its origin.
        return self.visit(g.make(node.op, *inputs, **node.attrs), depth)

    def _step(self, node: Node) -> Node:
        if node.op == "scan":
            node = self._with_normal_body(node)
        for rule in self.rules.get(node.op, ()):
            result = conform(rule(node), node)
            if result is not None and result is not node:
                firings = _firings.get()
                if firings is not None:
                    firings.append(Firing(rule_name(rule), node, result))
                return g.inherit(result, node)
        return node

    def _with_normal_body(self, loop: Node) -> Node:
        body = loop.attrs["body"]
        if body not in self.bodies:
            new = Body(tuple(self.run(body.outputs)))
            self.bodies[body] = self.bodies[new] = new
        return g.make("scan", *loop.inputs, **{**loop.attrs, "body": self.bodies[body]})
