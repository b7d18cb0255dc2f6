"""The config of a Container in the layout of Keras 1.0: its layers, and the outputs that each of
them is called on; and the reverse, from a config to layers and tensors.

    {"name": ...,
     "layers": [{"name", "class_name", "config", "inbound_nodes": [[["input_1", 0, 0]], ...]}, ...],
     "input_layers": [["input_1", 0, 0]], "output_layers": [["dense_1", 0, 0]]}

with a list in `inbound_nodes` for each call of the layer, and in it for each input the layer that
it comes from, the number of that layer's call within the model, and the number of the output.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from graphc.compiler import graph as g
from graphc.engine.configs.config import as_data
from graphc.engine.configs.registry import (
    checked_entry,
    layer_entry,
    layer_of,
    shown,
    writing_layers,
)
from graphc.engine.topology.layer import InputLayer, Layer
from graphc.engine.topology.layer_node import LayerNode, Record, mask_of, one_or_list
from graphc.errors import ArgumentError, suggestion
from graphc.releases import FIRST, Release, is_read, release, release_in, version_of

Call = tuple[str, int]
"""The name of a layer and the number of its call in a config."""

Output = tuple[str, int, int]
"""A call, and the number of the output."""


class ConnectedModel(Protocol):
    """A model: its layers between inputs and outputs."""

    name: str
    trainable: bool
    inputs: list[g.Node]
    _graphc: Record

    @property
    def outputs(self) -> list[g.Node]:
        """The output tensors."""

    @property
    def layers(self) -> list[Layer]:
        """All layers, including the input layers."""


def description(model: Layer, method: str) -> dict[str, Any]:
    """Return a model's class and config as JSON and YAML store them; `method` is named in
    errors."""
    entry = layer_entry(model)
    if re.fullmatch(rf"{type(model).__name__.lower()}_\d+", model.name):
        entry.pop("name", None)  # Keras has none there
    if model._graphc.release != FIRST:  # Keras wrote none at first
        entry["keras_version"] = version_of(model._graphc.release)
    found: dict[str, Any] = as_data(entry, f"{model.name}.{method}")
    return found


def model_config(model: ConnectedModel, calls: Collection[LayerNode]) -> dict[str, Any]:
    """Return the config of a model, given the calls of layers between its inputs and outputs."""
    wanted = set(calls)
    kept: dict[Layer, list[LayerNode]] = {}
    numbers: dict[LayerNode, int] = {}
    for layer in model.layers:
        inputs = layer.inbound_nodes[:1] if isinstance(layer, InputLayer) else []
        kept[layer] = [node for node in layer.inbound_nodes if node in wanted]
        first = layer._graphc_own_nodes
        numbers |= {node: first + k for k, node in enumerate([*inputs, *kept[layer]])}

    def place(tensor: g.Node) -> list[Any]:
        history = tensor.history
        return [history.layer.name, numbers[history.node], history.tensor_index]

    with writing_layers():
        entries = [{"name": one.name, **layer_entry(one)} for one in model.layers]
    for entry, nodes in zip(entries, kept.values(), strict=True):
        for node in nodes:
            _check_call(node)
        entry["inbound_nodes"] = [[place(one) for one in node.input_tensors] for node in nodes]
    config = {
        "name": model.name,
        "layers": entries,
        "input_layers": [place(tensor) for tensor in model.inputs],
        "output_layers": [place(tensor) for tensor in model.outputs],
    }
    if model._graphc.release != FIRST:  # which decides the order of layers and weights
        config["keras_version"] = version_of(model._graphc.release)
    return config if model.trainable else {**config, "trainable": False}


def release_of_config(config: Mapping[str, Any]) -> Release:
    """Return the release of Keras whose meanings a model has, by its config: `model_config` tells
    all but the first; one that Keras wrote is as old as the file that it stands in."""
    version = config.get("keras_version")
    stated = release_in(version) if isinstance(version, str) else None
    return stated or (release() if is_read() else FIRST)


def _check_call(node: LayerNode) -> None:
    """Raise ArgumentError for a call that a config cannot express."""
    layer = node.outbound_layer
    where = layer._graphc_label
    for tensor, mask in zip(node.input_tensors, node.input_masks, strict=True):
        if mask is not mask_of(tensor):
            raise ArgumentError(
                f"{where}: it was called with a mask given by hand, which a config cannot hold; "
                "let the mask come with the input"
            )
    if node.is_list and len(node.input_tensors) == 1:
        raise ArgumentError(
            f"{where}: it was called on a list of one tensor, which in a config is the tensor; "
            "call it on the tensor itself"
        )


def wired(config: object) -> tuple[list[g.Node], list[g.Node]]:
    """Return the inputs and outputs of new layers, made and connected as a Model's config says."""
    keys = {"layers", "input_layers", "output_layers"}
    if not isinstance(config, Mapping) or not keys <= set(config):
        raise ArgumentError(
            f"the config of a Model has the keys {', '.join(sorted(keys))}, received "
            f"{shown(config)}"
        )
    wiring = _Rewiring()
    for number, entry in enumerate(_list(config["layers"], "layers"), start=1):
        wiring.add_layer(entry, f"layer {number}")
    wiring.call_all()
    inputs, outputs = (
        [wiring.tensor(place, key) for place in _list(config[key], key)]
        for key in ("input_layers", "output_layers")
    )
    return inputs, outputs


class _Rewiring:
    """Makes layers, and calls them on each other's outputs as a config says.

    Attributes:
        layers: by name.
        calls: what each call reads, the call of a layer by its number in the config.
        made: the calls that were made.
    """

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}
        self.calls: dict[Call, list[Output]] = {}
        self.made: dict[Call, LayerNode] = {}

    def add_layer(self, entry: object, where: str) -> None:
        """Make a layer, and note its calls."""
        checked = checked_entry(entry, where)
        layer = layer_of(checked, where)
        where = f"{where} ({layer.name})"
        calls = _list(checked.get("inbound_nodes", []), f"{where}: inbound_nodes")
        if layer.name in self.layers:
            raise ArgumentError(f"{where}: two layers have this name")
        self.layers[layer.name] = layer
        if isinstance(layer, InputLayer):
            self.made[layer.name, 0] = layer.inbound_nodes[0]
            return
        for number, call in enumerate(calls, start=layer._graphc_own_nodes):
            reads = [_output(one, f"{where}: inbound_nodes") for one in _list(call, where)]
            if not reads:
                raise ArgumentError(f"{where}: inbound_nodes: a call that reads nothing")
            self.calls[layer.name, number] = reads

    def call_all(self) -> None:
        """Make the calls in topological order, and those of one layer in the order of the
        config."""
        waiting: dict[Call, list[Call]] = {}
        missing: dict[Call, int] = {}
        ready: deque[Call] = deque()
        for call, reads in self.calls.items():
            before = (call[0], call[1] - 1)
            needs = {(name, number) for name, number, _ in reads}
            needs = {one for one in needs | ({before} & set(self.calls)) if one not in self.made}
            missing[call] = len(needs)
            for one in needs:
                self._check_call(one, f"{call[0]}: inbound_nodes")
                waiting.setdefault(one, []).append(call)
            if not needs:
                ready.append(call)
        while ready:
            call = ready.popleft()
            layer, where = self.layers[call[0]], f"{call[0]}: inbound_nodes"
            layer(one_or_list([self.tensor(one, where) for one in self.calls[call]]))
            self.made[call] = layer.inbound_nodes[-1]
            for other in waiting.get(call, ()):
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
        stuck = [call for call in self.calls if call not in self.made]
        if stuck:
            names = ", ".join(dict.fromkeys(name for name, _ in stuck))
            raise ArgumentError(
                f"inbound_nodes: the calls of {names:.200} wait for each other's outputs"
            )

    def tensor(self, place: object, where: str) -> g.Node:
        """Return the output of a call that was made."""
        name, number, index = _output(place, where)
        self._check_call((name, number), where)
        outputs = self.made[name, number].output_tensors
        if index >= len(outputs):
            raise ArgumentError(
                f"{where}: {name} has {len(outputs)} outputs, received the number {index}, "
                "counted from 0"
            )
        return outputs[index]

    def _check_call(self, call: Call, where: str) -> None:
        name, number = call
        if name not in self.layers:
            raise ArgumentError(
                f"{where}: no layer is named {name!r}. {suggestion(name, self.layers)}"
            )
        if call not in self.calls and call not in self.made:
            count = sum(other == name for other, _ in {*self.calls, *self.made})
            raise ArgumentError(
                f"{where}: call {number} (from {self.layers[name]._graphc_own_nodes}) of {name} is "
                f"not in its inbound_nodes, which have {count}"
            )


def _output(place: Any, where: str) -> Output:
    """[layer, call, output] of a config, checked."""
    whole = isinstance(place, list | tuple) and len(place) == 3 and isinstance(place[0], str)
    if not whole or not all(type(one) is int and one >= 0 for one in place[1:]):
        raise ArgumentError(
            f"{where}: expected [name of a layer, number of its call, number of the output], "
            f"received {shown(place)}"
        )
    name, call, output = place
    return name, call, output


def _list(value: object, what: str) -> Sequence[Any]:
    if not isinstance(value, list | tuple):
        raise ArgumentError(f"{what}: expected a list, received {shown(value)}")
    return value
