"""The printed form of a graph: one line a node, in topological order.

Grammar::

    graph    ::= line* "return" NAME ("," NAME)*
    line     ::= NAME ":" type "=" OP "(" operands ")" ["#" comment]
    type     ::= DTYPE "[" [size ("," size)*] "]"
               | "(" type ("," type)* ")"                    (of a scan)
    operands ::= [NAME ("," NAME)*] [";" attr ("," attr)*]
    attr     ::= ATTRIBUTE "=" VALUE
    comment  ::= the user's name of the node, and the layer that made it

A scan's body follows its line, indented, in the same form; ``arg(; index=k)`` in it is the k-th
input of the scan. Names count from %0 in each graph, so equal graphs print alike; a symbol prints
by its name. An attribute that is None is left out: an op has it where it says something.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import Body
from graphc.compiler.graph.origin import name_of, origin_of
from graphc.compiler.graph.state import State
from graphc.compiler.graph.walk import toposort

# Part of the type that is printed anyway, or of identity alone.
_HIDDEN = frozenset({"serial", "shape", "dtype", "body", "state"})


def format_graph(outputs: Sequence[Node], indent: str = "") -> str:
    """The outputs and all they depend on, in the form of this module's grammar."""
    names: dict[Node, str] = {}
    lines = []
    for node in toposort(outputs):
        names[node] = f"%{len(names)}"
        lines.append(f"{indent}{_line(node, names)}")
        if node.op == "scan":
            lines.append(format_graph(node.attrs["body"].outputs, indent + "    "))
    lines.append(f"{indent}return {', '.join(names[node] for node in outputs)}")
    return "\n".join(lines)


def _line(node: Node, names: dict[Node, str]) -> str:
    operands = ", ".join(names[x] for x in node.inputs)
    attrs = attributes_text(node)
    inside = operands + (f"; {attrs}" if attrs else "")
    comment = ", ".join(str(part) for part in (name_of(node), origin_of(node)) if part)
    text = f"{names[node]}: {type_text(node)} = {node.op}({inside})"
    return f"{text}  # {comment}" if comment else text


def type_text(node: Node) -> str:
    """The dtype and the sizes of a node: ``float32[batch, 10]``."""
    return _type(node.dtype, node.shape)


def attributes_text(node: Node) -> str:
    """The attributes of a node that are no part of its type: ``axes=(1), keep=True``."""
    return ", ".join(
        f"{name}={_value(value)}"
        for name, value in node.attrs.items()
        if value is not None
        and (name not in _HIDDEN or (name == "shape" and node.op in ("reshape", "broadcast")))
    )


def _type(dtype: object, shape: tuple[Any, ...]) -> str:
    if isinstance(dtype, tuple):
        return f"({', '.join(_type(d, s) for d, s in zip(dtype, shape, strict=True))})"
    return f"{dtype}[{', '.join(map(str, shape))}]"


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        return str(value) if value.ndim == 0 else _array(value)
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    assert not isinstance(value, Body | State)
    return str(value)


def _array(value: np.ndarray) -> str:
    if value.size <= 8:
        return np.array2string(value, separator=", ", threshold=8).replace("\n", "")
    return f"<{value.size} elements from {value.flat[0]} to {value.flat[-1]}>"
