"""The attributes that Keras' tensors have, on nodes: ``x._keras_shape``, ``x.name``.

A node is frozen and equal nodes are one, so what a program sets is kept beside the graph, in the
table of names and origins, for as long as the node lives. Nothing is computed from it.
"""

from __future__ import annotations

import logging
from typing import Any

from graphc.compiler import graph as g
from graphc.errors import ArgumentError, AttributeMissingError

_log = logging.getLogger("graphc")

KnownShape = tuple[int | None, ...]


def _shape(node: g.Node) -> KnownShape:
    """The sizes, ``None`` for what only a call knows."""
    return tuple(size if isinstance(size, int) else None for size in node.shape)


def _keras_shape(node: g.Node) -> KnownShape:
    """The shape with ``None`` for what only a call knows; what a program set, if it fits."""
    shape: KnownShape = g.note_of(node, "_keras_shape", _shape(node))
    return shape


def _set_keras_shape(node: g.Node, shape: object) -> None:
    """Keep a shape that fits. One that does not is one line in the log: the node's own counts."""
    claimed = tuple(shape) if isinstance(shape, list | tuple) else shape
    found = _shape(node)
    if (
        isinstance(claimed, tuple)
        and len(claimed) == len(found)
        and all(None in pair or pair[0] == pair[1] for pair in zip(claimed, found, strict=True))
    ):
        g.set_note(node, "_keras_shape", claimed)
    else:
        _log.warning(
            "%s: _keras_shape is set to %s, and the tensor has %s, which counts",
            *(g.label(node), shape, found),
        )


def _history(node: g.Node) -> Any:
    """(layer, node_index, tensor_index) of the layer's output that a tensor is."""
    if node.history is None:
        raise AttributeMissingError(
            f"{g.label(node)} has no _keras_history: it is not the output of a layer; make it "
            "inside of one, e.g. Lambda(lambda x: K.sqrt(x))"
        )
    return node.history


def _set_history(node: g.Node, history: Any) -> None:
    """Let a tensor be a layer's output, as ``(layer, node_index, tensor_index)`` says."""
    layer, node_index, tensor_index = history
    outputs = layer.inbound_nodes[node_index].output_tensors
    if outputs[tensor_index] is not node:
        raise ArgumentError(
            f"_keras_history: {g.label(node)} is not output {tensor_index} of call {node_index} of "
            f"{layer.name}; call a layer on it, e.g. Lambda(lambda x: x), which makes one"
        )


def _uses_learning_phase(node: g.Node) -> bool:
    """Return True where the value differs between training and testing, or what was set."""
    found = g.note_of(node, "_uses_learning_phase", None)
    return g.learning_phase() in g.toposort([node]) if found is None else found


def _set_uses_learning_phase(node: g.Node, uses: object) -> None:
    g.set_note(node, "_uses_learning_phase", bool(uses))


def _set_name(node: g.Node, name: str | None) -> None:
    g.set_name(node, name)


for _name, _attribute in {
    "_keras_shape": property(_keras_shape, _set_keras_shape),
    "_keras_history": property(_history, _set_history),
    "_uses_learning_phase": property(_uses_learning_phase, _set_uses_learning_phase),
    "name": property(g.name_of, _set_name),
}.items():
    setattr(g.Node, _name, _attribute)
