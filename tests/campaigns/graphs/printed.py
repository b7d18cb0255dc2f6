"""A program as Python, runnable as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler.graph import OPS, Dim, Node, State, Symbol, toposort
from graphc.compiler.graph.dim import FloorQuotient
from graphc.compiler.graph.dim import symbols as symbols_of
from tests.campaigns.graphs.builder import Program
from tests.campaigns.graphs.targets import Target

_HEAD = """\
import numpy as np
from numpy import inf, nan
from graphc.compiler import graph as g
from tests.campaigns.graphs.check import report
from tests.campaigns.graphs.differences import gradient_report
from tests.campaigns.graphs.targets import Target
"""


def as_python(program: Program, target: Target | None) -> str:
    """Return Python that makes a program and prints what is wrong with it on a target, or without
    one with its gradients."""
    lines = [_HEAD]
    used = _symbols(program)
    lines += [f"{symbol.name} = g.symbol({symbol.name!r})" for symbol in used]
    names: dict[Node, str] = {}
    _print([*program.outputs, *program.states, *program.feeds], names, lines, "x")
    feeds = ", ".join(f"{names[x]}: {_array(array)}" for x, array in program.feeds.items())
    outputs, states = (", ".join(names[x] for x in xs) for xs in (program.outputs, program.states))
    lines.append(f"feeds = {{{feeds}}}")
    if target is None:
        lines.append(f"print(gradient_report([{outputs}], feeds))")
    else:
        lines.append(f"print(report([{outputs}], feeds, {target!r}, [{states}]))")
    return "\n".join(lines) + "\n"


def _symbols(program: Program) -> list[Symbol]:
    found: dict[Symbol, None] = {}
    for node in program.feeds:
        for size in node.shape:
            found.update(dict.fromkeys(symbols_of(size)))
    return list(found)


def _print(outputs: Sequence[Node], names: dict[Node, str], lines: list[str], prefix: str) -> None:
    for node in toposort(outputs):
        name = f"{prefix}{len(names)}"
        if node.op == "scan":
            inner: dict[Node, str] = {}
            _print(node.attrs["body"].outputs, inner, lines, f"{name}_")
            body = "".join(f"{inner[x]}, " for x in node.attrs["body"].outputs)
            lines.append(f"{name}_body = g.Body(({body}))")
        names[node] = name
        lines.append(f"{name} = {_call(node, [names[x] for x in node.inputs], name)}")


def _call(node: Node, operands: list[str], name: str) -> str:
    attrs: Mapping[str, Any] = node.attrs
    if node.op == "input":
        return f"g.input({_text(node.shape)}, {node.dtype!r})"
    if node.op == "constant":
        return f"g.constant({_array(attrs['value'])})"
    if node.op == "shared":
        state: State = attrs["state"]
        return f"g.shared({_array(state.get())}, {state.name!r})"
    if node.op == "item":
        return f"g.item({operands[0]}, {attrs['index']})"
    if OPS[node.op].family == "pointwise" and not attrs and node.dtype != "bool":
        return f"g.{node.op}({', '.join(operands)})"
    if OPS[node.op].family == "reduce" and attrs["axes"]:
        return f"g.{node.op}({operands[0]}, {attrs['axes']})"
    shown = [
        f"{key}={f'{name}_body' if key == 'body' else _text(value)}" for key, value in attrs.items()
    ]
    return f"g.make({', '.join([repr(node.op), *operands, *shown])})"


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({''.join(f'{_text(one)}, ' for one in value)})"
    return _size(value) if isinstance(value, Dim) else repr(value)


def _size(size: Any) -> str:
    if not isinstance(size, Dim):
        return repr(size)
    terms = []
    for atoms, factor in size.terms:
        parts = [str(factor)] if factor != 1 or not atoms else []
        terms.append("*".join([*parts, *map(_atom, atoms)]))
    return " + ".join(terms)


def _atom(atom: Symbol | FloorQuotient) -> str:
    if isinstance(atom, FloorQuotient):
        return f"(({_size(atom.numerator)}) // ({_size(atom.denominator)}))"
    return atom.name


def _array(array: np.ndarray) -> str:
    if 0 in array.shape:
        return f"np.zeros({array.shape}, {array.dtype.name!r})"
    return f"np.array({array.tolist()!r}, {array.dtype.name!r})"
