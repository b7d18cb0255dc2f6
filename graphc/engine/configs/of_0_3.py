"""Descriptions that Keras 0.3 wrote, as those of Keras 1.0.

A layer was flat, {"name": class, "custom_name": name, "input_shape": ..., **arguments}; a model
too, with what `compile` was given beside its layers: a loss and an optimizer, where there were.

Of a Lambda and a MaskedLambda there was neither the function nor a name that a user gave; of a
LambdaMerge there was code, as texts, which are not read. The functions come from `custom_objects`,
by names that tell the layers apart: those of a Graph's nodes, else lambda_1, lambda_2, ...
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from graphc.engine.configs.registry import shown
from graphc.engine.configs.shared_of_0_3 import (
    ENDS_MASKS,
    merged_results,
    refuse_dicts,
    refuse_outside_of_graphs,
    with_shared_nodes,
)
from graphc.errors import ArgumentError
from graphc.lookup import is_whole

_UNREAD = ("cache_enabled", "custom_name", "name")
_NOT_OF_GRAPHS = ("class_mode", "optimizer", "loss", "sample_weight_modes", "loss_weights")

_MODELS = ("Sequential", "Graph")
_LISTS = ("input_config", "node_config", "output_config")
_OF_FUNCTIONS = ("Lambda", "MaskedLambda", "LambdaMerge")

_OF_SHARED = r"siamese_\d+"
_MOST_AXES = 64  # of an array of NumPy

_Numbers = Counter[str]  # of each class, how many layers have been named by their number


def is_of_0_3(description: object) -> bool:
    """Return True if a description is a model as Keras 0.3 described it."""
    return (
        isinstance(description, Mapping)
        and "class_name" not in description
        and description.get("name") in _MODELS
    )


def entry_of_0_3(description: Mapping[str, Any], place: str) -> dict[str, Any]:
    """A model or a layer as the entry that Keras 1.0 would have of it."""
    return _entry(description, place, None, Counter())


def compiled_in_0_3(description: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    """The arguments of `compile` that a description of 0.3 has, None where it was not compiled."""
    if description.get("optimizer") is None:
        return None
    if description.get("loss") is None:
        raise ArgumentError(f"{place}: expected a loss beside the optimizer, received none")
    keys = ("sample_weight_mode",)
    if description["name"] == "Graph":
        keys = ("sample_weight_modes", "loss_weights")
    given = {key: description[key] for key in keys if description.get(key)}
    optimizer = description["optimizer"]
    if isinstance(optimizer, Mapping):  # it has the meanings of 0.3, whatever the flag says
        optimizer = {**optimizer, "keras": "1.0"}
    return {"optimizer": optimizer, "loss": description["loss"], **given}


def _entry(
    description: Mapping[str, Any], place: str, name: str | None, numbers: _Numbers
) -> dict[str, Any]:
    """As `entry_of_0_3`, with a name where one is given or a function is asked for by it."""
    class_name = description.get("name")
    if class_name in _MODELS:
        return _model(description, place, name, numbers)
    if class_name == "Siamese":
        return _siamese(description, place, name, numbers)
    refuse_outside_of_graphs(class_name, place)
    if class_name == "Merge":
        refuse_dicts(description.get("mode"), place)
    config = _arguments(description, place, numbers)
    if name is None and class_name in _OF_FUNCTIONS:
        numbers[class_name] += 1
        name = f"{class_name.lower()}_{numbers[class_name]}"
    if name is not None:
        config["name"] = name
    return {"class_name": "Merge" if class_name == "LambdaMerge" else class_name, "config": config}


def _model(
    description: Mapping[str, Any], place: str, name: str | None, numbers: _Numbers
) -> dict[str, Any]:
    class_name = description["name"]
    if class_name == "Graph":
        config: object = _graph(description, place, numbers)
    else:
        layers = _each(description.get("layers"), f"{place}: layers")
        config = _entries(layers, place, numbers)
    named = {} if name is None else {"name": name}
    return {"class_name": class_name, "config": config, **named}


def _siamese(
    siamese: Mapping[str, Any], place: str, name: str | None, numbers: _Numbers
) -> dict[str, Any]:
    """A Merge of models that end with one and the same layer."""
    inputs, layer, merging = merged_results(siamese, place)
    own_name = None
    if layer.get("name") not in _OF_FUNCTIONS:
        numbers["Siamese"] += 1
        own_name = f"siamese_{numbers['Siamese']}"
    shared = _entry(layer, f"{place}: layer", own_name, numbers)
    again = {**shared, "reused": True}
    chains = [
        [_entry(one, f"{place}: {k}", None, numbers), again if k > 1 else shared]
        for k, one in enumerate(inputs, start=1)
    ]
    branches = [{"class_name": "Sequential", "config": one} for one in chains]
    config = {"layers": branches, **_with_axes_of_both(merging, place)}
    return {"class_name": "Merge", "config": config if name is None else {**config, "name": name}}


def _entries(
    layers: Sequence[Mapping[str, Any]], place: str, numbers: _Numbers
) -> list[dict[str, Any]]:
    """The entries of layers; names that 0.3 gave, or that several have, are given anew."""
    names = [_custom_name(layer) for layer in layers]
    counts = Counter(names)
    return [
        _entry(layer, f"{place}: layer {k}", name if counts[name] == 1 else None, numbers)
        for k, (layer, name) in enumerate(zip(layers, names, strict=True), start=1)
    ]


def _custom_name(layer: Mapping[str, Any]) -> str | None:
    """The name that a user gave; 0.3 named others as their class. Those that shared layers get are
    no names for others."""
    name = layer.get("custom_name")
    given = isinstance(name, str) and name and name != str(layer.get("name")).lower()
    return name if given and not re.fullmatch(_OF_SHARED, name) else None


def _arguments(layer: Mapping[str, Any], place: str, numbers: _Numbers) -> dict[str, Any]:
    config = {key: value for key, value in layer.items() if key not in _UNREAD}
    if "input_shape" in config:
        shape = config.pop("input_shape")
        if not isinstance(shape, list | tuple):
            raise ArgumentError(f"{place}: input_shape: expected a list, received {shown(shape)}")
        config.setdefault("batch_input_shape", [None, *shape])
    if "layers" in config:  # a Merge
        parts = _each(config["layers"], f"{place}: layers")
        config["layers"] = [
            _entry(one, f"{place}: {k}", None, numbers) for k, one in enumerate(parts, 1)
        ]
    for part in ("encoder", "decoder"):
        if f"{part}_config" in config:
            (one,) = _each([config.pop(f"{part}_config")], f"{place}: {part}_config")
            config[part] = _entry(one, f"{place}: {part}_config", None, numbers)
    if layer.get("name") == "Reshape" and "dims" in config:
        config["target_shape"] = config.pop("dims")
    if layer.get("name") == "BatchNormalization":
        config.setdefault("axis", None)  # the first releases had no axis
    if layer.get("name") in _OF_FUNCTIONS:
        config = _with_functions(layer["name"], config)
    return _with_axes_of_both(config, place)


def _with_functions(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a layer of a function, which code stands for, or nothing."""
    code, shape = config.pop("function", ""), config.get("output_shape")
    is_code = any(isinstance(one, str) for one in (shape if isinstance(shape, list) else [shape]))
    if class_name == "LambdaMerge":
        argument = "mode"
        if not is_code and isinstance(shape, list | tuple):
            shape = [None, *shape]  # that of a Lambda is without the batch
    else:
        argument = "function"
    return {
        **config,
        argument: code,
        f"{argument}_type": "lambda",
        "output_shape": shape,
        "output_shape_type": "lambda" if is_code else "raw",
    }


def _with_axes_of_both(config: dict[str, Any], place: str) -> dict[str, Any]:
    """The arguments of a Merge, or of a node that merges, with lists of axes where 0.3 had a number
    of them: k stood for the last k axes of the first input and the first k of the second behind the
    batch, -k for the last k of both."""
    count = config.get("dot_axes")
    mode = config.get("mode", config.get("merge_mode"))
    if mode not in ("dot", "cos") or not is_whole(count) or count in (-1, 0):
        return config
    if abs(count) > _MOST_AXES:
        raise ArgumentError(
            f"{place}: dot_axes: expected a number of axes, at most {_MOST_AXES}, received {count}"
        )
    last = list(range(-abs(count), 0))
    return {**config, "dot_axes": [last, last if count < 0 else list(range(1, count + 1))]}


def _graph(graph: Mapping[str, Any], place: str, numbers: _Numbers) -> dict[str, Any]:
    config = {key: value for key, value in graph.items() if key not in ("name", *_NOT_OF_GRAPHS)}
    nodes = config.get("nodes")
    if not isinstance(nodes, Mapping):
        raise ArgumentError(f"{place}: nodes: expected layers by name, received {shown(nodes)}")
    _each(list(nodes.values()), f"{place}: nodes")
    lists = {key: _each(config.get(key), f"{place}: {key}") for key in _LISTS}
    names = [str(one.get("name")) for one in lists["input_config"]]
    found, layers = with_shared_nodes(lists["node_config"], nodes, names, place)
    config["nodes"] = {
        name: _entry(
            layer,
            f"{place}: node {shown(name)}",
            name if layer.get("name") in _OF_FUNCTIONS else None,
            numbers,
        )
        for name, layer in layers.items()
    }
    told = [one.get("name") for one in lists["output_config"]]
    # Results of shared nodes become outputs behind all nodes; so do others, to keep the order.
    found = [{**one, "create_output": False} if one.get("name") in told else one for one in found]
    for key, several in (("node_config", found), ("output_config", lists["output_config"])):
        config[key] = [
            _with_axes_of_both({**one, ENDS_MASKS: _ends_masks(one)}, f"{place}: {key}")
            for one in several
        ]
    return config


def _ends_masks(node: Mapping[str, Any]) -> bool:
    """Return True if masks ended at a node, or an output, that is a shared one or merges inputs."""
    inputs = node.get("inputs")
    return ENDS_MASKS in node or (isinstance(inputs, list | tuple) and len(inputs) > 1)


def _each(layers: object, what: str) -> Sequence[Mapping[str, Any]]:
    if not isinstance(layers, list | tuple) or not all(isinstance(one, Mapping) for one in layers):
        raise ArgumentError(f"{what}: expected a list of objects, received {shown(layers)}")
    return layers
