"""The layers of a compiled graph: who reads what of whom, and what holds them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.printer import type_text
from graphc.engine.topology.layer import Layer
from graphc.view.document import EdgeView, LayerView


@dataclass
class _Found:
    """One layer, as far as the graph tells."""

    type: str | None = None
    kind: str | None = None
    parameters: int = 0
    reads: dict[EdgeView, None] = field(default_factory=dict)


def layer_views(
    outputs: Sequence[Node], fetched: int, layers: Iterable[Layer] = ()
) -> tuple[LayerView, ...]:
    """Return the layers of a graph ahead of the passes, in topological order; what holds others
    comes ahead of them.

    Args:
        outputs: of the graph; the first `fetched` are loss and metrics.
        layers: of the model, where it is made of such: they know their classes, and what they hold.
    """
    found = _of_graph(g.toposort(outputs[:fetched]))
    found = {name: found[name] for name in _in_order(found)}
    held = _held(layers)
    for name in held:
        found.setdefault(name, _Found())
    ordered: dict[str, None] = {}
    for name in found:
        above = [name]
        while (parent := _parent(above[-1], held)) is not None:
            above.append(parent)
        ordered.update(dict.fromkeys(reversed(above)))
    return tuple(_view(name, found[name], held) for name in ordered)


def _parent(name: str, held: Mapping[str, tuple[Layer, str | None]]) -> str | None:
    return held[name][1] if name in held else None


def _view(name: str, found: _Found, held: Mapping[str, tuple[Layer, str | None]]) -> LayerView:
    kind, parameters = found.kind, found.parameters
    if name in held:
        layer = held[name][0]
        kind, parameters = type(layer).__name__, int(layer.count_params())
    reads = tuple(found.reads)
    return LayerView(name, kind, _parent(name, held), found.type, parameters, reads)


def _held(layers: Iterable[Layer]) -> dict[str, tuple[Layer, str | None]]:
    """The layers at any depth by their names, and the name of what holds each."""
    found: dict[str, tuple[Layer, str | None]] = {}
    pending: list[tuple[Layer, str | None]] = [(layer, None) for layer in layers]
    while pending:
        layer, parent = pending.pop(0)
        if layer.name not in found:
            found[layer.name] = layer, parent
            pending += [(one, layer.name) for one in layer._graphc_held_layers()]
    return found


def _in_order(found: Mapping[str, _Found]) -> dict[str, None]:
    """The names, each after those that it reads, if none reads itself through others."""
    ordered: dict[str, None] = {}
    begun: set[str] = set()
    pending = list(found)[::-1]
    while pending:
        name = pending[-1]
        waiting = [edge.source for edge in found[name].reads if edge.source not in begun]
        if name in begun or not waiting:
            ordered[pending.pop()] = None
        else:
            pending += reversed(waiting)
        begun.add(name)
    return ordered


def _of_graph(order: Sequence[Node]) -> dict[str, _Found]:
    """The layers that nodes name, in the order in which their values are first needed, and the
    inputs."""
    found: dict[str, _Found] = {}
    sources: dict[Node, tuple[tuple[str, Node], ...]] = {}
    for node in order:
        origin = g.origin_of(node)
        if origin is None:
            if node.op == "input":
                name = g.name_of(node) or "input"
                found[name] = _Found(type_text(node), "input")
                sources[node] = ((name, node),)
            else:  # a constant, a broadcast of one: what they read goes through
                through = dict.fromkeys(one for x in node.inputs for one in sources[x])
                sources[node] = tuple(through)
            continue
        layer = found.setdefault(origin.layer, _Found())
        layer.type = type_text(node) if node.op not in ("shared", "scan") else layer.type
        sources[node] = ((origin.layer, node),)
        if node.op == "shared" and all(isinstance(size, int) for size in node.shape):
            layer.parameters += math.prod(int(size) for size in node.shape)
        for x in node.inputs:
            for name, value in sources[x]:
                if name != origin.layer and value.op != "shared":
                    layer.reads[EdgeView(name, type_text(value))] = None
    return found
