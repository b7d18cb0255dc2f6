"""Names and origins: which layer made a node, what its user calls it and notes about it.

They live beside the graph, never in a node's identity: two layers that compute the same thing share
one node. The first origin stays, but what a gradient shares with the layer itself (a mask, a loop)
is the layer's. Passes carry origins along (`inherit`), so that errors, dumps and kernels can name
the layer.
"""

from __future__ import annotations

import weakref
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Any

from graphc.compiler.graph.node import Node


@dataclass(frozen=True)
class Origin:
    """Where a node comes from: the layer's name, and whether its gradient made the node."""

    layer: str
    backward: bool = False

    def __str__(self) -> str:
        return f"gradient of {self.layer}" if self.backward else self.layer


_origins: weakref.WeakKeyDictionary[Node, Origin] = weakref.WeakKeyDictionary()
_notes: weakref.WeakKeyDictionary[Node, dict[str, Any]] = weakref.WeakKeyDictionary()
_names: weakref.WeakKeyDictionary[Node, str] = weakref.WeakKeyDictionary()
_current: ContextVar[Origin | None] = ContextVar("graphc_origin", default=None)


class origin:
    """Nodes made inside belong to this layer. None leaves what is set."""

    __slots__ = ("_token", "_where")

    def __init__(self, where: str | Origin | None):
        self._where = Origin(where) if isinstance(where, str) else where
        self._token: Token[Origin | None] | None = None

    def __enter__(self) -> None:
        if self._where is not None:
            self._token = _current.set(self._where)

    def __exit__(self, *raised: object) -> None:
        if self._token is not None:
            _current.reset(self._token)


def current_origin() -> Origin | None:
    """The origin that new nodes get."""
    return _current.get()


def record(node: Node) -> None:
    """Give a node the current origin, if it has none and is a layer's own."""
    where = _current.get()
    if where is not None:
        _claim(node, where)


def _claim(node: Node, where: Origin) -> None:
    """Make it the node's origin, unless an earlier one stands (of a layer, or of a gradient too),
    or the node is closed: the next layer, or the next model, gets it too if it needs the same. (A
    body belongs to no layer; the loop does.)"""
    if node.closed:
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


def set_note(node: Node, key: str, value: object) -> None:
    """Keep something with a node that is no part of its value, until the node is gone."""
    _notes.setdefault(node, {})[key] = value


def note_of(node: Node, key: str, default: object = None) -> Any:
    """Return what `set_note` keeps, or the default."""
    return _notes.get(node, {}).get(key, default)


def label(node: Node) -> str:
    """A node for an error message: its name, layer, op and type."""
    name = f"{_names[node]!r}, " if node in _names else ""
    where = f" of {_origins[node]}" if node in _origins else ""
    return f"{name}{node!r}{where}"
