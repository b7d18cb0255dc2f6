"""Gradients of pooling: pool and unpool are each other's transpose. c is the cotangent.

The first input of `max_pool` and `max_unpool` only chooses positions, so nothing flows to it.
"""

from __future__ import annotations

from graphc.compiler import graph as g
from graphc.compiler.grad.table import define
from graphc.compiler.graph import Node


def _window(node: Node) -> dict:
    return {name: node.attrs[name] for name in ("window", "strides", "padding")}


define("max_pool", None, lambda c, node, x, values: g.make("max_unpool", x, c, **_window(node)))
define("max_unpool", None, lambda c, node, x, values: g.make("max_pool", x, c, **_window(node)))
define(
    "sum_pool",
    lambda c, node, x: g.make("sum_unpool", c, size=tuple(x.shape[2:]), **_window(node)),
)
define("sum_unpool", lambda c, node, x: g.make("sum_pool", c, **_window(node)))
