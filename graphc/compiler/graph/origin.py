"""Names and origins: which layer made a node, and what its user calls it.

They live beside the graph, never in a node's identity: two layers that compute the same thing share
one node. The first origin stays, but what a gradient shares with the layer itself (a mask, a loop)
is the layer's. Passes carry origins along (`inherit`), so that errors, dumps and kernels can name
the layer.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from graphc.compiler.graph.node import Node


@dataclass(frozen=True)
class Origin:
    """Where a node comes from: the layer's name, and whether its gradient made the node."""

    layer: str
    backward: bool = False

    def __str__(self) -> str:
        return f"gradient of {self.layer}" if self.backward else self.layer


_origins: weakref.WeakKeyDictionary[Node, Origin] = weakref.WeakKeyDictionary()
_names: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()
# Leaves that the next layer, or the next model, gets too if it needs the same.
_SHARED_LEAVES = ("arg", "constant", "dim", "iota")
_everyones: weakref.WeakSet[Node] = weakref.WeakSet()
_current: ContextVar[Origin | None] = ContextVar("graphc_origin", default=None)


@contextmanager
def origin(where: str | Origin | None) -> Iterator[None]:
    """Nodes made inside belong to this layer. None leaves what is set."""
    if where is None:
        yield
        return
    token = _current.set(Origin(where) if isinstance(where, str) else where)
    try:
        yield
    finally:
        _current.reset(token)


def current_origin() -> Origin | None:
    """The origin that new nodes get."""
    return _current.get()


def note_new(node: Node) -> None:
    """Tell whether a new node is no layer's own: made of constants, sizes and the arguments of a
    loop's body alone. (A body belongs to no layer; the loop does.)"""
    if node.op == "random":
        return
    if all(x in _everyones for x in node.inputs) if node.inputs else node.op in _SHARED_LEAVES:
        _everyones.add(node)


def record(node: Node) -> None:
    """Give a new node the current origin, if it has none and is a layer's own."""
    where = _current.get()
    if where is not None:
        _claim(node, where)


def _claim(node: Node, where: Origin) -> None:
    """Make it the node's origin, unless an earlier one stands (of a layer, or of a gradient too),
    or the node is no layer's own."""
    if node in _everyones:
        return
    known = _origins.get(node)
    if known is None or (known.backward and not where.backward):
        _origins[node] = where


def origin_of(node: Node) -> Origin | None:
    """The layer that made a node, or None."""
    return _origins.get(node)


def inherit(new: Node, old: Node) -> Node:
    """`new` replaces `old`: it takes its origin and name where it has none. Returns `new`."""
    if new is not old:
        if old in _origins:
            _claim(new, _origins[old])
        if old in _names and new not in _names:
            _names[new] = _names[old]
    return new


def set_name(node: Node, name: str | None) -> Node:
    """Name a node for prints and errors. Returns the node."""
    if name is not None:
        _names[node] = str(name)
    return node


def name_of(node: Node) -> str | None:
    """The name that its user gave a node, or None."""
    return _names.get(node)


def label(node: Node) -> str:
    """A node for an error message: its name, layer, op and type."""
    name = f"{_names[node]!r}, " if node in _names else ""
    where = f" of {_origins[node]}" if node in _origins else ""
    return f"{name}{node!r}{where}"
