"""A graph as numbers: its nodes, states and symbols in an order that the graph alone decides, and a
digest that graphs have in common that are alike.

Two graphs are alike if one becomes the other by other states, symbols, inputs and seeds in the
place of its own. Layers and names of nodes and states count, as reports and the comments of
generated code have them.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Dim, FloorQuotient, Symbol
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops.loop import Body
from graphc.compiler.graph.origin import name_of, origin_of
from graphc.compiler.graph.state import State

_ANY_SERIAL = ("input", "alias", "random")
"""The ops whose serial number only distinguishes equal ones, as their number here does."""


class UnknownAttributeError(Exception):
    """An attribute of a node has no form that is the same in each process."""


@dataclass(frozen=True)
class NumberedGraph:
    """The parts of a graph in their order.

    Attributes:
        nodes: all that the outputs depend on, those of the bodies of scans included, each behind
            its inputs and its bodies.
        states: those of the graph, and those that it gives new values.
        symbols: those of its sizes.
        seeds: those of its draws. None is the stream of one, so that a number which is one of them
            in a program is a seed; () where that does not hold: then seeds count.
        digest: equal for graphs that are alike.
    """

    nodes: tuple[Node, ...]
    states: tuple[State, ...]
    symbols: tuple[Symbol, ...]
    seeds: tuple[int, ...]
    digest: str


def numbered(outputs: Sequence[Node], states: Sequence[State] = ()) -> NumberedGraph:
    """Return a graph as numbers.

    Args:
        outputs: the nodes that it computes, in order.
        states: what the last of these are new values of.

    Raises UnknownAttributeError for a node with an attribute that has no such form.
    """
    return _Numbering().of(outputs, states)


class _Numbering:
    def __init__(self) -> None:
        self._nodes: dict[Node, int] = {}
        self._states: dict[State, int] = {}
        self._symbols: dict[Symbol, int] = {}
        self._seeds: dict[int, int] = {}
        self._digest = hashlib.sha256()

    def of(self, outputs: Sequence[Node], states: Sequence[State]) -> NumberedGraph:
        nodes = list(behind_their_parts(outputs))
        draws = [node for node in nodes if node.op == "random"]
        seeds = dict.fromkeys(node.attrs["seed"] for node in draws)
        if seeds.keys().isdisjoint(node.attrs["stream"] for node in draws):
            self._seeds = {seed: number for number, seed in enumerate(seeds)}
        for node in nodes:
            self._digest.update(self._node(node).encode())
            self._nodes[node] = len(self._nodes)
        ends = [self._value(tuple(outputs)), self._value(tuple(states))]
        # Sizes are sorted by the order in which symbols were made.
        serials = sorted(symbol.serial for symbol in self._symbols)
        ends += [str(serials.index(symbol.serial)) for symbol in self._symbols]
        self._digest.update("|".join(ends).encode())
        return NumberedGraph(
            tuple(self._nodes),
            tuple(self._states),
            tuple(self._symbols),
            tuple(self._seeds),
            self._digest.hexdigest(),
        )

    def _node(self, node: Node) -> str:
        attrs = {
            name: value
            for name, value in node.attrs.items()
            if name != "serial" or node.op not in _ANY_SERIAL or value == _OF_THE_PHASE
        }
        if node.op == "random":
            attrs["seed"] = self._seeds.get(attrs["seed"], attrs["seed"])
        shown = ",".join(f"{name}={self._value(value)}" for name, value in attrs.items())
        inputs = ",".join(str(self._nodes[x]) for x in node.inputs)
        types = self._value(node.shape), self._value(node.dtype)
        words = repr((str(origin_of(node) or ""), name_of(node)))
        return f"{node.op}({inputs};{shown}){types}{words}\n"

    def _value(self, value: Any) -> str:
        """Return the form of an attribute."""
        if type(value) in _PLAIN:
            return repr(value)
        if isinstance(value, float):
            return f"float {struct.pack('<d', value).hex()}"
        if isinstance(value, np.ndarray | np.generic):
            array = np.asarray(value)
            content = hashlib.sha256(array.tobytes()).hexdigest()
            return f"{type(value).__name__} {array.dtype.str}{array.shape} {content}"
        if isinstance(value, tuple):
            return f"({','.join(map(self._value, value))})"
        if isinstance(value, Node):
            return f"node {self._nodes[value]}"
        if isinstance(value, Body):
            return f"body {self._value(value.outputs)}"
        if isinstance(value, State):
            number = self._states.setdefault(value, len(self._states))
            return f"state {number} {value.dtype}{value.shape}{value.name!r}"
        if isinstance(value, Symbol):
            return f"symbol {self._symbols.setdefault(value, len(self._symbols))} {value.name!r}"
        if isinstance(value, Dim):
            return f"dim {self._value(value.terms)}"
        if isinstance(value, FloorQuotient):
            return f"floor {self._value((value.numerator, value.denominator))}"
        raise UnknownAttributeError(f"{type(value).__name__}: {value!r}")


_PLAIN = frozenset((type(None), bool, int, str))
_OF_THE_PHASE = -1
"""The serial number of the learning phase, an input that is one in all graphs."""


def behind_their_parts(
    outputs: Iterable[Node], known: Container[Node] = frozenset()
) -> Iterator[Node]:
    """Yield all nodes that outputs depend on, each behind its inputs and the outputs of a scan's
    body; those of `known`, and what only they depend on, are left out."""
    met: set[Node] = set()
    waiting: list[tuple[Node, bool]] = [(node, False) for node in reversed(tuple(outputs))]
    while waiting:
        node, has_parts = waiting.pop()
        if has_parts:
            yield node
        elif node not in met and node not in known:
            met.add(node)
            waiting.append((node, True))
            parts = (*node.inputs, *_nodes_in(tuple(node.attrs.values())))
            waiting += [(part, False) for part in reversed(parts) if part not in met]


def _nodes_in(value: object) -> Iterator[Node]:
    """Yield the nodes in an attribute: those of a scan's body."""
    if isinstance(value, Node):
        yield value
    elif isinstance(value, Body):
        yield from value.outputs
    elif isinstance(value, tuple):
        for part in value:
            yield from _nodes_in(part)
