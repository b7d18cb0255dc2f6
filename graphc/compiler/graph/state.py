"""Cells that live between calls: those behind shared variables, and the count of random draws."""

from __future__ import annotations

import ctypes
from collections import deque
from collections.abc import Iterable
from itertools import count, starmap
from typing import Protocol

import numpy as np

from graphc.compiler.graph.expressions.operands import as_array, checked_cast, refuse_foreign_array
from graphc.compiler.graph.node import DTYPES, Node
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.origin import set_name
from graphc.errors import DTypeError, ShapeError


class DeviceValue(Protocol):
    """A value in a device's memory; what holds it belongs to the runtime."""

    def to_host(self) -> np.ndarray:
        """A new array with the value."""


class CallStep(ctypes.c_uint64):
    """The number of calls that drew random numbers so far; functions of one model share it.

    `value` reads and sets it. It is one word in memory, so that generated code can count a call
    together with the states that the call changes.
    """


_numbers = count(1)
_latest_move = ctypes.c_uint64(0)


def latest_move() -> int:
    """A number that changes whenever a state gets another array, or its value another place: while
    it stays, all values are where they were. A value that is written into stays."""
    return _latest_move.value


class State:
    """The value of a shared variable; compared by identity. Shape and dtype never change.

    The value is either in host memory or in a device's, and moves to where it is used: reading
    `buffer` brings it home, an executor of a device takes it there by `assign`. `get` gives a copy
    and moves nothing, `set` takes a copy.
    """

    __slots__ = ("__weakref__", "_value", "dtype", "name", "shape")

    def __init__(self, value: np.ndarray, name: str | None):
        self._value: np.ndarray | DeviceValue = value
        self.dtype = value.dtype.name
        self.shape = value.shape
        self.name = name

    @property
    def value(self) -> np.ndarray | DeviceValue:
        """The value, in the memory where it is."""
        return self._value

    def assign(self, value: np.ndarray | DeviceValue) -> None:
        """Make this the value: an array that nothing else writes to, or one on a device."""
        assign_together([(self, value)])

    @property
    def buffer(self) -> np.ndarray:
        """The value in host memory; it lives there from now on. Not to be written into."""
        if not isinstance(self._value, np.ndarray):
            self.assign(self._value.to_host())
        return self._value  # type: ignore[return-value]  # which `assign` has set

    def get(self) -> np.ndarray:
        value = self._value
        return value.copy() if isinstance(value, np.ndarray) else value.to_host()

    def set(self, value: object) -> None:
        """Replace the value, cast to this variable's dtype.

        ShapeError where the shape differs, DTypeError for what is not numbers in host memory.
        """
        self.assign(self.converted(value))

    def converted(self, value: object) -> np.ndarray:
        """A copy of a value as `set` takes it, with its errors."""
        refuse_foreign_array(value, f"shared variable {self.name or 'without a name'}")
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            raise DTypeError(
                f"shared variable {self.name or 'without a name'}: expected numbers, received "
                f"{value!r}"
            )
        array = checked_cast(array, self.dtype, f"shared variable {self.name or 'without a name'}")
        if array.shape != self.shape:
            raise ShapeError(
                f"shared variable {self.name or 'without a name'}: expected shape {self.shape}, "
                f"received {array.shape}; a shared variable keeps its shape"
            )
        return array


def assign_together(
    values: Iterable[tuple[State, np.ndarray | DeviceValue]],
    counted: tuple[CallStep, int] | None = None,
) -> None:
    """`State.assign` for each pair of a state and its value, and the count of calls set to a
    number: all of it or, where an interrupt comes, nothing.

    Python raises an interrupt between two steps of its own code; one call of C sets everything.
    """
    pairs = list(values)
    settings: list[tuple[object, str, object]] = [(one, "_value", value) for one, value in pairs]
    if counted is not None:
        settings.append((counted[0], "value", counted[1]))
    settings.append((_latest_move, "value", next(_numbers)))  # last, and this thread's own
    before = [state.value for state, _ in pairs]  # freeing a device's memory runs Python code
    deque(starmap(setattr, settings), maxlen=0)
    del before


def shared(value: object, name: str | None = None, dtype: str | None = None) -> Node:
    """A variable that lives between calls: read it in graphs, change it by a function's updates.

    Args:
        value: an array, a number or nested lists; copied. Python floats become floatX.
        name: shown in errors and dumps.
        dtype: cast to this dtype; by default the value's own.

    Returns:
        A node of the value's shape and dtype, with ``get_value()`` and ``set_value(value)``.
    """
    if isinstance(value, Node):
        raise DTypeError("shared() takes a value, not a node; evaluate the node first")
    refuse_foreign_array(value, "shared()")
    if dtype is None:
        return shared_without_copy(np.array(as_array(value)), name)
    return shared_without_copy(
        checked_cast(value, dtype, f"shared variable {name or 'without a name'}"), name
    )


def shared_without_copy(array: np.ndarray, name: str | None = None) -> Node:
    """`shared`, without the copy: the value is this very array, which nothing else writes to from
    now on."""
    if array.dtype.name not in DTYPES:
        raise DTypeError(f"dtype {array.dtype.name!r} is not supported; use {', '.join(DTYPES)}")
    return set_name(make("shared", state=State(array, name)), name)


def get_value(node: Node) -> np.ndarray:
    """A copy of a shared variable's value. DTypeError for any other node."""
    return state_of(node).get()


def set_value(node: Node, value: object) -> None:
    """Replace a shared variable's value (cast to its dtype; the shape has to be the same)."""
    state_of(node).set(value)


def set_values(pairs: Iterable[tuple[Node, object]]) -> None:
    """`set_value` for each pair of a variable and its value: for all, or, where an error is raised,
    for none."""
    states = [(state_of(node), value) for node, value in pairs]
    assign_together([(state, state.converted(value)) for state, value in states])


def state_of(node: Node) -> State:
    """The cell of a shared variable. DTypeError for any other node."""
    if not isinstance(node, Node):
        raise DTypeError(
            f"expected a shared variable, e.g. K.variable(value), received {type(node).__name__}"
        )
    if node.op != "shared":
        raise DTypeError(
            f"{node!r} is an expression, not a shared variable: it has a value only inside a call; "
            "compute it with graphc.function([...], it)"
        )
    state: State = node.attrs["state"]
    return state
