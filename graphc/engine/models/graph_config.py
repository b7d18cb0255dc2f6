"""The config of a Graph: its methods' arguments in their order, in the layout of Keras 1.0.

    {"input_config": [{"name", "input_shape", "dtype"}, ...],
     "node_config": [{"name", "input", "inputs", "merge_mode", "concat_axis", "dot_axes",
                      "create_output"}, ...],
     "output_config": [{"name", "input", "inputs", "merge_mode", "concat_axis", "dot_axes"}, ...],
     "nodes": {name: {"class_name", "config"}}}

A shared node has `layer` and `outputs` in place of `input` in `node_config`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from graphc.compiler import graph as g
from graphc.engine.configs.config import argument_from, as_data
from graphc.engine.configs.keras_0_3 import ENDS_MASKS
from graphc.engine.configs.registry import layer_entry, layer_of, shown, writing_layers
from graphc.engine.models.named_nodes import NamedNodes
from graphc.engine.topology.layer_node import mask_of
from graphc.errors import ArgumentError, GraphcError

_log = logging.getLogger("graphc")

_LISTS = ("input_config", "node_config", "output_config")


class AddsNamed(Protocol):
    """A Graph, whose methods a config calls."""

    name: str

    @property
    def add_input(self) -> Callable[..., None]:
        """Add an input."""

    @property
    def add_node(self) -> Callable[..., None]:
        """Use a layer."""

    @property
    def add_shared_node(self) -> Callable[..., None]:
        """Use a layer on several inputs or nodes."""

    @property
    def add_output(self) -> Callable[..., None]:
        """Make a node an output."""

    @property
    def outputs(self) -> list[g.Node]:
        """The output tensors."""


def graph_config(name: str, named: NamedNodes) -> dict[str, Any]:
    """Return the config of a Graph."""
    with writing_layers():
        nodes = {node: layer_entry(layer) for node, layer in named.nodes.items()}
    node_config = []
    for record in named.node_config:
        node = as_data(record, f"{name}: {record['name']!r}")
        # Outputs are made in the order of output_config, which has these too.
        node["create_output"] = False
        if "outputs" in node:
            del node["input"]
            entry = nodes[node["name"]]
            node["layer"] = {key: entry[key] for key in ("class_name", "config")}
            entry["shared"] = True
        node_config.append(node)
    return {
        "input_config": as_data(named.input_config, name),
        "node_config": node_config,
        "output_config": as_data(named.output_config, name),
        "nodes": nodes,
    }


def add_named(graph: AddsNamed, named: NamedNodes, config: object) -> None:
    """Add the inputs, nodes and outputs of a config."""
    if not isinstance(config, Mapping) or not {*_LISTS, "nodes"} <= set(config):
        raise ArgumentError(
            f"the config of a Graph has the keys {', '.join(_LISTS)} and nodes, received "
            f"{shown(config)}"
        )
    if not isinstance(config["nodes"], Mapping):
        raise ArgumentError(f"nodes: expected layers by name, received {shown(config['nodes'])}")
    for arguments in _each(config, "input_config"):
        _add(graph.add_input, arguments, "input_config")
    for arguments in _each(config, "node_config"):
        _add_node(graph, named, arguments, config["nodes"])
    for arguments in _each(config, "output_config"):
        # Keras also had there what create_output made.
        if arguments.get("name") not in named.output_order:
            _add(graph.add_output, _without_mark(arguments), "output_config")
            if arguments.get(ENDS_MASKS) and mask_of(graph.outputs[-1]) is not None:
                _log_mask(graph, f"the inputs that are merged to the output {arguments['name']!r}")


def _add_node(
    graph: AddsNamed, named: NamedNodes, node: Mapping[str, Any], entries: Mapping[str, Any]
) -> None:
    name = node.get("name")
    if not isinstance(name, str) or name not in entries:
        raise ArgumentError(
            f"node_config: {shown(name)}: expected the name of one of nodes, which has "
            f"{', '.join(map(str, entries)):.200}"
        )
    entry = entries[name]
    if isinstance(entry, Mapping):
        entry = {key: value for key, value in entry.items() if key != "shared"}
    layer = layer_of(entry, f"node {name!r}")
    known_name = layer.name if "name" in entry or "name" in entry["config"] else name
    arguments = {key: value for key, value in _without_mark(node).items() if key != "layer"}
    add = graph.add_shared_node if "outputs" in node else graph.add_node
    _add(lambda **given: add(layer, **given), arguments, "node_config")
    layer.name = known_name  # a layer that was in use elsewhere was not named as its node
    if not node.get(ENDS_MASKS):
        return
    results = [named.tensor(one) for one in node.get("outputs") or [name]]
    if "outputs" in node or not node.get("inputs"):
        masks, behind = map(mask_of, results), f"the shared node {name!r}"
    else:
        masks, behind = results[0].history.node.input_masks, f"the merged inputs of {name!r}"
    if any(mask is not None for mask in masks):
        _log_mask(graph, behind)


def _without_mark(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in arguments.items() if key != ENDS_MASKS}


def _log_mask(graph: AddsNamed, behind: str) -> None:
    _log.warning(
        "%s: the mask goes on after %s, as in Keras 1.0; in Keras 0.3, which wrote this "
        "description, it ended there, and layers and losses after it used all steps",
        graph.name,
        behind,
    )


def _add(add: Callable[..., None], arguments: Mapping[str, Any], where: str) -> None:
    where = f"{where}: {shown(arguments.get('name'))}"
    try:
        add(**{str(key): argument_from(one, where) for key, one in arguments.items()})
    except GraphcError as error:
        raise type(error)(f"{where}: {error}") from error


def _each(config: Mapping[str, Any], key: str) -> Iterable[Mapping[str, Any]]:
    found = config[key]
    if not isinstance(found, list | tuple) or not all(isinstance(one, Mapping) for one in found):
        raise ArgumentError(f"{key}: expected a list of objects, received {shown(found)}")
    return found
