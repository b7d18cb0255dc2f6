"""Gradients of pooling: pooling and unpooling are each other's transpose. c is the cotangent."""

from __future__ import annotations

from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node


def _window(node: Node) -> dict[str, Any]:
    return {name: node.attrs[name] for name in ("window", "strides", "padding")}


def _spread(c: Node, node: Node, argmax: Node, x: Node) -> Node:
    return g.make("max_unpool", argmax, c, size=tuple(x.shape[2:]), **_window(node))


define(
    "max_pool",
    lambda c, node, x: _spread(c, node, g.make("argmax_pool", x, **_window(node)), x),
)
define("gather_pool", None, lambda c, node, argmax, x: _spread(c, node, argmax, x))
define(
    "max_unpool", None, lambda c, node, argmax, y: g.make("gather_pool", argmax, c, **_window(node))
)
define(
    "sum_pool",
    lambda c, node, x: g.make("sum_unpool", c, size=tuple(x.shape[2:]), **_window(node)),
)
define("sum_unpool", lambda c, node, x: g.make("sum_pool", c, **_window(node)))
