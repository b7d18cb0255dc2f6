"""Gradients of pooling: pool and unpool are each other's transpose. c is the cotangent."""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node


def _window(node: Node) -> dict:
    return {name: node.attrs[name] for name in ("window", "strides", "padding")}


def _spread(c: Node, node: Node, places: Node, x: Node) -> Node:
    return g.make("unpool", places, c, size=tuple(x.shape[2:]), **_window(node))


define(
    "max_pool",
    lambda c, node, x: _spread(c, node, g.make("max_place", x, **_window(node)), x),
)
define("pick", None, lambda c, node, places, x: _spread(c, node, places, x))
define("unpool", None, lambda c, node, places, y: g.make("pick", places, c, **_window(node)))
define(
    "sum_pool",
    lambda c, node, x: g.make("sum_unpool", c, size=tuple(x.shape[2:]), **_window(node)),
)
define("sum_unpool", lambda c, node, x: g.make("sum_pool", c, **_window(node)))
