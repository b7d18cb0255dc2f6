"""The one node class of the graph: frozen and interned.

Equal nodes are the same object, so a program is its output nodes: common subexpressions are shared
and dead code is gone without a pass. Nodes compare and hash by identity.

The table behind that holds hashes and weak references, nothing else: whatever a node keeps alive
(its inputs, a scan's body, the layer of its history) goes with the node.
"""

from __future__ import annotations

import itertools
import struct
import threading
import weakref
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from graphc.compiler.graph.dim import Dim, Shape
from graphc.errors import ArgumentError, DTypeError

Key: TypeAlias = "tuple[str, tuple[Node, ...], tuple[Any, ...]]"
"""An op, its inputs, and its attributes in a form that compares and hashes. Built for a look-up,
never stored: it would keep the inputs alive."""

DTYPES = ("bool", "int32", "int64", "uint32", "float32", "float64")


_NO_NUMBER = (
    "{!r} has no value before a function is called, so it is no number here; give a number, or "
    "take the value with get_value, or K.eval"
)


class Node:
    """One value of a program.

    Attributes:
        op: the name of a row of the op table (`graphc.compiler.graph.ops.OPS`).
        inputs: the nodes that it reads.
        attrs: all else that determines its value, by name (axes, a constant's array, a serial,
            ...).
        shape: a tuple of sizes; of a `scan`, the one tuple-valued node, a tuple of shapes.
        dtype: one of `DTYPES`; of a `scan` a tuple of them.
        attrs_key: the attributes in a form that compares and hashes (`attributes_key`).
        closed: whether it is made of constants, sizes and the arguments of a loop's body alone.
        history: what the layers keep about a node that one of them made (`set_history`), else None.
            No part of the value, and nothing that the compiler reads.

    Made by `graphc.compiler.graph.ops.make` alone. Operators (``x + 1``, ``x[0]``) are installed by
    `graphc.compiler.graph.operators`.
    """

    __slots__ = (
        "__weakref__",
        "attrs",
        "attrs_key",
        "closed",
        "dtype",
        "history",
        "inputs",
        "op",
        "shape",
    )

    op: str
    inputs: tuple[Node, ...]
    attrs: Mapping[str, Any]
    shape: Shape
    dtype: str
    attrs_key: tuple[Any, ...]
    closed: bool
    history: Any

    def __setattr__(self, name: str, value: object) -> None:
        # What is kept beside the graph may be set: a property puts it there.
        own = getattr(type(self), name, None)
        if isinstance(own, property) and own.fset is not None:
            own.fset(self, value)
            return
        raise AttributeError(f"a Node is frozen: {name!r} cannot be set")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __bool__(self) -> bool:
        raise DTypeError(
            f"{self!r} has no value before a function is called, so it has no truth value; use "
            "where(condition, a, b), or compare by identity with `is`"
        )

    def _no_number(self) -> NoReturn:
        raise DTypeError(_NO_NUMBER.format(self))

    __int__ = __float__ = __complex__ = _no_number

    def __index__(self) -> NoReturn:
        # No TypeError, for which NumPy would put a message of its own: np.zeros(node).
        raise ArgumentError(_NO_NUMBER.format(self))

    def __array__(self, dtype: object = None, copy: bool | None = None) -> np.ndarray:
        # Without this NumPy would take the node for a single Python object.
        raise DTypeError(
            f"{self!r} has no value before a function is called, so it is no array; use graphc's "
            "functions on nodes, e.g. K.mean for np.mean"
        )

    if TYPE_CHECKING:  # what `operators` installs, for type checkers

        def __add__(self, other: object) -> Node: ...
        def __radd__(self, other: object) -> Node: ...
        def __sub__(self, other: object) -> Node: ...
        def __rsub__(self, other: object) -> Node: ...
        def __mul__(self, other: object) -> Node: ...
        def __rmul__(self, other: object) -> Node: ...
        def __truediv__(self, other: object) -> Node: ...
        def __rtruediv__(self, other: object) -> Node: ...
        def __floordiv__(self, other: object) -> Node: ...
        def __rfloordiv__(self, other: object) -> Node: ...
        def __mod__(self, other: object) -> Node: ...
        def __rmod__(self, other: object) -> Node: ...
        def __pow__(self, other: object) -> Node: ...
        def __rpow__(self, other: object) -> Node: ...
        def __matmul__(self, other: object) -> Node: ...
        def __rmatmul__(self, other: object) -> Node: ...
        def __and__(self, other: object) -> Node: ...
        def __rand__(self, other: object) -> Node: ...
        def __or__(self, other: object) -> Node: ...
        def __ror__(self, other: object) -> Node: ...
        def __xor__(self, other: object) -> Node: ...
        def __rxor__(self, other: object) -> Node: ...
        def __lt__(self, other: object) -> Node: ...
        def __le__(self, other: object) -> Node: ...
        def __gt__(self, other: object) -> Node: ...
        def __ge__(self, other: object) -> Node: ...
        def __neg__(self) -> Node: ...
        def __abs__(self) -> Node: ...
        def __invert__(self) -> Node: ...
        def __getitem__(self, key: object) -> Node: ...
        def __iter__(self) -> Iterator[Node]: ...
        def get_value(self) -> np.ndarray: ...
        def set_value(self, value: object) -> None: ...

        @property
        def T(self) -> Node: ...

    def __repr__(self) -> str:
        if isinstance(self.dtype, tuple):
            types = ", ".join(f"{d}{list(s)}" for d, s in zip(self.dtype, self.shape, strict=True))
            return f"<{self.op}: ({types})>"
        return f"<{self.op}: {self.dtype}[{', '.join(map(str, self.shape))}]>"


# Types of which what compares equal is the same.
_PLAIN = frozenset({bool, int, str, Dim})


def attribute_key(value: object) -> object:
    """A hashable stand-in that compares by type and bytes: 0.0 is not -0.0, 1 is not True."""
    if type(value) is tuple and _PLAIN.issuperset(types := tuple(map(type, value))):
        return (types, value)
    if isinstance(value, float):
        return ("float", struct.pack("<d", value))
    if isinstance(value, np.ndarray):
        return ("array", value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, tuple):
        return tuple(map(attribute_key, value))
    if isinstance(value, list | dict | set):
        raise TypeError(f"an attribute has to be immutable, got {value!r}")
    return (type(value), value)


def attributes_key(attrs: Mapping[str, Any]) -> tuple[Any, ...]:
    """The attributes of a node as a value that compares by type and bytes."""
    return tuple([(name, attribute_key(value)) for name, value in attrs.items()])


class _Entry(weakref.ref[Node]):
    """A node of the table, and the hash that it is found by."""

    __slots__ = ("hash",)

    hash: int


_table: dict[int, tuple[_Entry, ...]] = {}
"""The nodes, by the hash of their keys."""
_dead: deque[_Entry] = deque()
"""Entries of nodes that are gone, to be taken out of the table when the next node enters. A node
may die anywhere, in the middle of a change of the table too: all that happens there is an append,
which takes no lock."""
_lock = threading.RLock()


def find(key: Key) -> Node | None:
    """The live node of a key, if there is one."""
    op, inputs, attrs_key = key
    for entry in _table.get(hash(key), ()):
        node = entry()
        # Nodes compare by identity, those among the inputs and in attributes alike.
        if (
            node is not None
            and node.op == op
            and node.inputs == inputs
            and node.attrs_key == attrs_key
        ):
            return node
    return None


def intern(
    key: Key,
    attrs: Mapping[str, Any],
    shape: tuple[Any, ...],
    dtype: str | tuple[str, ...],
    closed: bool,
) -> Node:
    """The node of a key: the one that is alive, else a new one, which keeps `attrs` as they are."""
    with _lock:
        known = find(key)
        if known is not None:
            return known
        node = object.__new__(Node)
        assign = object.__setattr__
        op, inputs, attrs_key = key
        assign(node, "op", op)
        assign(node, "inputs", inputs)
        assign(node, "attrs", attrs)
        assign(node, "attrs_key", attrs_key)
        assign(node, "shape", shape)
        assign(node, "dtype", dtype)
        assign(node, "closed", closed)
        assign(node, "history", None)
        _enter(node, hash(key))
        return node


def _enter(node: Node, hashed: int) -> None:
    """Put a new node into the table, and take those out that are gone."""
    while _dead:  # an interrupt anywhere in here leaves nothing undone
        gone = _dead[0]
        left = tuple([entry for entry in _table.get(gone.hash, ()) if entry is not gone])
        if left:
            _table[gone.hash] = left
        else:
            _table.pop(gone.hash, None)
        _dead.popleft()
    entry = _Entry(node, _dead.append)
    entry.hash = hashed
    _table[hashed] = (*_table.get(hashed, ()), entry)


def set_history(node: Node, history: object) -> None:
    """Keep something with a node, for as long as the node lives."""
    object.__setattr__(node, "history", history)


def live_nodes() -> Iterator[Node]:
    """All nodes that are alive, for leak tests."""
    entries = itertools.chain.from_iterable(list(_table.values()))
    return (node for entry in entries if (node := entry()) is not None)
