"""The one node class of the graph: frozen and interned.

Equal nodes are the same object, so a program is its output nodes: common subexpressions are shared
and dead code is gone without a pass. Nodes compare and hash by identity.

The intern table holds hashes and weak references only, so a node that is no longer referenced is
freed, with all that only it refers to (its inputs, a scan's body, the layer in its history).
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
        op: the name of a row of the table of operations (`graphc.compiler.graph.ops.OPS`).
        inputs: the nodes that it reads.
        attrs: whatever else determines its value, by name: axes, a constant's array, the serial
            number that keeps two inputs apart.
        shape: a tuple of sizes; of a `scan`, the one tuple-valued node, a tuple of shapes.
        dtype: one of `DTYPES`; of a `scan` a tuple of them.
        attrs_key: the attributes in a form that compares and hashes (`attributes_key`).
        closed: True if it is computed from constants, sizes and the arguments of a loop's body
            only, so that it reads no input or state.
        history: the record that a layer keeps about a node that it made (`set_history`), else
            None. It is not a part of the value, and the compiler does not read it.

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
        # A property with a setter stores its value outside of the node, which stays frozen.
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
        # Not a TypeError, whose message NumPy would replace by its own: np.zeros(node).
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


# Types in which equal values are identical, unlike 0.0 and -0.0. The types are compared, too.
_PLAIN = frozenset({bool, int, str, Dim})


def attribute_key(value: object) -> object:
    """Return a hashable key that compares by type and bytes: 0.0 is not -0.0, 1 is not True."""
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
    """Return the attributes of a node as one key that compares by type and bytes."""
    return tuple([(name, attribute_key(value)) for name, value in attrs.items()])


class _Entry(weakref.ref[Node]):
    """A node of the table, and the hash that it is found by."""

    __slots__ = ("hash",)

    hash: int


_table: dict[int, tuple[_Entry, ...]] = {}
"""The live nodes, by the hash of their keys."""
_dead: deque[_Entry] = deque()
"""Entries of freed nodes, which the next `_enter` removes from the table. A node may be freed at
any time, even while the table is changed, so the callback of its weak reference only appends here,
which takes no lock."""
_lock = threading.RLock()


def find(key: Key) -> Node | None:
    """Return the live node of a key, or None."""
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
    """Return the live node of a key, or a new one, which stores `attrs` without a copy."""
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
    """Add a new node to the table, and remove the freed ones."""
    while _dead:  # popped last, so that an interrupt in this loop loses no entry
        gone = _dead[0]
        remaining = tuple([entry for entry in _table.get(gone.hash, ()) if entry is not gone])
        if remaining:
            _table[gone.hash] = remaining
        else:
            _table.pop(gone.hash, None)
        _dead.popleft()
    entry = _Entry(node, _dead.append)
    entry.hash = hashed
    _table[hashed] = (*_table.get(hashed, ()), entry)


def set_history(node: Node, history: object) -> None:
    """Set the `history` of a node, which is frozen otherwise."""
    object.__setattr__(node, "history", history)


def live_nodes() -> Iterator[Node]:
    """Return all live nodes, for leak tests."""
    entries = itertools.chain.from_iterable(list(_table.values()))
    return (node for entry in entries if (node := entry()) is not None)
