"""Descriptions that Keras 0.3 wrote, as those of Keras 1.0.

A layer was flat, {"name": class, "custom_name": name, "input_shape": ..., **arguments}; a model
too, with what `compile` was given beside its layers: a loss and an optimizer, where there were.

Of a Lambda and a MaskedLambda there was neither the function nor a name that a user gave; of a
LambdaMerge there was code, as texts, which are not read. The functions come from `custom_objects`,
by names that tell the layers apart: those of a Graph's nodes, else lambda_1, lambda_2, ...

Layers could be shared: nodes of Graphs, as `add_shared_node` has them, and those in front of
Sequentials. In a Graph the node was a Siamese, a layer around the shared one; each result that was
not merged was a node too, a SiameseHead, which had nothing but its number:

    node_config: {"name": "code", "inputs": ["a", "b"], "merge_mode": null, ...},
                 {"name": "code_of_a", "inputs": ["code"], "create_output": false}, ...
    nodes:       {"code": {"name": "Siamese", "layer": {...}, ...},
                  "code_of_a": {"name": "SiameseHead", "head": 0, ...}, ...}

In front of a Sequential a Siamese had the models in it on whose outputs its layer was used. One
that did not merge was added to each of these models, with a SiameseHead after it, and described in
each: not which of them have it in common. So it is read where a model is described alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard

from graphc.engine.configs.registry import shown
from graphc.errors import ArgumentError
from graphc.lookup import is_whole

Entry = Mapping[str, Any]

ENDS_MASKS = "ends_masks"
"""The key of nodes and outputs at which Keras 0.3 ended masks: after shared layers, and where
inputs were merged."""

_OWNED = "owned"
"""The key of a Siamese in front, and of a SiameseHead, in a model that is described alone."""

_UNREAD = ("cache_enabled", "custom_name", "name", _OWNED)
_NOT_OF_GRAPHS = ("class_mode", "optimizer", "loss", "sample_weight_modes", "loss_weights")

_MODELS = ("Sequential", "Graph")
_LISTS = ("input_config", "node_config", "output_config")
_OF_FUNCTIONS = ("Lambda", "MaskedLambda", "LambdaMerge")

_OF_ONE = ("concat", "sum", "ave", "mul")  # which leave a single result as it is
_OF_SHARED = r"siamese_\d+"
_MOST_AXES = 64  # of an array of NumPy

_Numbers = Counter[str]  # of each class, how many layers have been named by their number


def is_keras_0_3(description: object) -> TypeGuard[Mapping[str, Any]]:
    """Return True if a description is a model as Keras 0.3 described it."""
    return (
        isinstance(description, Mapping)
        and "class_name" not in description
        and description.get("name") in _MODELS
    )


def keras_1_entry(description: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the entry that Keras 1.0 would write for a model or a layer."""
    return _entry(_alone(description), place, None, Counter())


def compiled_with(description: Mapping[str, Any], place: str) -> dict[str, Any] | None:
    """Return the arguments of `compile` in a description of 0.3, or None if the model was not
    compiled."""
    if description.get("optimizer") is None:
        return None
    if description.get("loss") is None:
        raise ArgumentError(f"{place}: expected a loss beside the optimizer, received none")
    keys: tuple[str, ...] = ("sample_weight_mode",)
    if description["name"] == "Graph":
        keys = ("sample_weight_modes", "loss_weights")
    given = {key: description[key] for key in keys if description.get(key)}
    optimizer = description["optimizer"]
    if isinstance(optimizer, Mapping):  # it has the meanings of 0.3, whatever the flag says
        optimizer = {**optimizer, "keras": "1.0"}
    return {"optimizer": optimizer, "loss": description["loss"], **given}


def _alone(description: Entry) -> Entry:
    """Return the description of a lone Sequential, its Siamese layers marked as its own: no other
    model in the file shares them."""
    layers = description.get("layers")
    if description.get("name") != "Sequential" or not isinstance(layers, list | tuple):
        return description
    return {**description, "layers": [_owned(one, k == 0) for k, one in enumerate(layers)]}


def _owned(layer: object, is_first: bool) -> object:
    if not isinstance(layer, Mapping) or layer.get("name") not in ("Siamese", "SiameseHead"):
        return layer
    if is_first or layer["name"] == "SiameseHead":
        return {**layer, _OWNED: True}
    if layer.get("merge_mode") is not None:
        return layer
    own = {key: layer[key] for key in ("layer", "trainable") if key in layer}
    return {"name": "SharedLayer", "custom_name": _custom_name(layer), **own}


def _entry(
    description: Mapping[str, Any], place: str, name: str | None, numbers: _Numbers
) -> dict[str, Any]:
    """Return the entry as `keras_1_entry` does, under a given name."""
    class_name = description.get("name")
    if class_name in _MODELS:
        return _model(description, place, name, numbers)
    if class_name == "Siamese":
        return _siamese(description, place, name, numbers)
    if not description.get(_OWNED):
        _refuse_outside_of_graphs(class_name, place)
    if class_name == "Merge":
        _refuse_dicts(description.get("mode"), place)
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
    """Return the entry of a Siamese: a Merge of models that end with the same layer."""
    inputs, layer, merging = _merged_results(siamese, place)
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
    """Return the entries of layers; names that 0.3 generated, or that several layers have, are
    replaced."""
    names = [_custom_name(layer) for layer in layers]
    counts = Counter(names)
    return [
        _entry(layer, f"{place}: layer {k}", name if counts[name] == 1 else None, numbers)
        for k, (layer, name) in enumerate(zip(layers, names, strict=True), start=1)
    ]


def _custom_name(layer: Mapping[str, Any]) -> str | None:
    """Return the name that a user gave, or None; 0.3 named other layers after their class."""
    name = layer.get("custom_name")
    if not (isinstance(name, str) and name) or name == str(layer.get("name")).lower():
        return None
    return None if re.fullmatch(_OF_SHARED, name) else name


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
    if layer.get("name") == "SharedLayer":
        shared = _shared_layer(layer, f"{place}: Siamese")
        config["layer"] = _entry(shared, f"{place}: layer", None, numbers)
    if layer.get("name") == "Reshape" and "dims" in config:
        config["target_shape"] = config.pop("dims")
    if layer.get("name") == "BatchNormalization":
        config.setdefault("axis", None)  # the first releases had no axis
    if layer.get("name") in _OF_FUNCTIONS:
        config = _with_functions(layer["name"], config)
    return _with_axes_of_both(config, place)


def _with_functions(class_name: str, config: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a layer with a function, which 0.3 stored as bytecode or not at
    all."""
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


def _with_axes_of_both(config: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Return the arguments of a Merge, with lists of axes where 0.3 had a number of axes: k stood
    for the last k axes of the first input and the first k of the second after the batch, -k for
    the last k of both."""
    count = config.get("dot_axes")
    mode = config.get("mode", config.get("merge_mode"))
    if mode not in ("dot", "cos") or not is_whole(count) or count in (-1, 0):
        return dict(config)
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
    found, layers = _with_shared_nodes(lists["node_config"], nodes, names, place)
    config["nodes"] = {
        name: _entry(
            layer,
            f"{place}: node {shown(name)}",
            name if layer.get("name") in _OF_FUNCTIONS else None,
            numbers,
        )
        for name, layer in layers.items()
    }
    outputs = [one.get("name") for one in lists["output_config"]]
    # Results of shared nodes become outputs after all nodes; so do others, to keep the order.
    found = [
        {**one, "create_output": False} if one.get("name") in outputs else one for one in found
    ]
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


def _with_shared_nodes(
    node_config: Sequence[Entry], nodes: Mapping[str, Entry], names: Iterable[str], place: str
) -> tuple[list[Entry], dict[str, Entry]]:
    """Return `node_config` and `nodes` of a Graph as Keras 1.0 stores shared nodes; layers stay as
    Keras 0.3 described them; `names` are those of its inputs.

    ArgumentError, which names the node, for what is no such node, or has no like in Keras 1.0.
    """
    heads = _heads(node_config, nodes, place)
    taken = {*names, *nodes}
    results: dict[str, list[str]] = {}  # of the shared nodes that leave them apart
    found: list[Entry] = []
    layers: dict[str, Entry] = {}
    for node in node_config:
        name: Any = node.get("name")
        kind = _kind(nodes, name)
        if kind == "SiameseHead":
            continue
        if kind != "Siamese":
            found.append(node)
            if isinstance(name, str) and name in nodes:
                layers[name] = nodes[name]
            continue
        where = f"{place}: node {shown(name)}"
        inputs = [one for given in _inputs(node, where) for one in results.get(given, [given])]
        mode = _merge_mode(node, nodes[name], where)
        own = heads.pop(name, {})
        if mode is None:
            results[name] = [
                own.pop(k, "") or _free(f"{name}_{k}", taken) for k in range(len(inputs))
            ]
        for k, head in own.items():
            raise ArgumentError(
                f"{place}: node {shown(head)}: head: expected the number of one of the "
                f"{len(inputs)} results that {name!r} leaves apart, "
                + (f"received {k}" if mode is None else f"which merges them (merge_mode {mode!r})")
            )
        shared: Entry = {
            **node,
            "inputs": inputs,
            "outputs": results.get(name, []),
            ENDS_MASKS: True,
        }
        if len(inputs) == 1:
            shared = _of_one(shared, mode, where)
        found.append(shared)
        layers[shared["name"]] = _shared_layer(nodes[name], where)
    for shared_name, several in heads.items():
        head = next(iter(several.values()))
        raise ArgumentError(
            f"{place}: node {shown(head)}: expected the result of a shared node, and "
            f"{shown(shared_name)} is none"
        )
    return found, layers


def _merged_results(siamese: Entry, place: str) -> tuple[Sequence[Entry], Entry, Entry]:
    """Return the inputs, the shared layer and the merging arguments of a Siamese outside of a
    Graph.

    ArgumentError where they were not merged, or not to what Keras 1.0 has.
    """
    if siamese.get("merge_mode") is None and not siamese.get(_OWNED):
        _refuse_outside_of_graphs("Siamese", place)
    where = f"{place}: Siamese"
    inputs = siamese.get("inputs")
    if (
        not isinstance(inputs, list | tuple)
        or len(inputs) < 2
        or not all(isinstance(one, Mapping) for one in inputs)
    ):
        raise ArgumentError(
            f"{where}: inputs: expected a list of at least two layers or models, received "
            f"{shown(inputs)}"
        )
    merging: dict[str, Any] = {"mode": _merge_mode(siamese, siamese, where)}
    for key in ("concat_axis", "dot_axes"):
        if key in siamese:
            merging[key] = siamese[key]
    return inputs, _shared_layer(siamese, where), merging


def _refuse_dicts(mode: object, where: str) -> None:
    """Raise ArgumentError for the merge mode whose result was a dict."""
    if mode == "join":
        raise ArgumentError(
            f"{where}: merge_mode 'join' gave a dict by the names of tensors, which Keras 1.0 does "
            "not have; build the model as a Graph in Python: add_node(layer, name, inputs=[...], "
            "merge_mode='join') calls a layer on a list. The results of a shared node have names "
            "by add_shared_node(..., outputs=[...])"
        )


def _refuse_outside_of_graphs(class_name: object, place: str) -> None:
    """Raise ArgumentError for a layer that several Sequentials shared."""
    if class_name in ("Siamese", "SiameseHead"):
        raise ArgumentError(
            f"{place}: {class_name}: a layer that several Sequentials shared; Keras 0.3 described "
            "it in each of them, and not which of them share it: alone, each is read. Build the "
            "model in Python: call one layer on several tensors, Model(inputs, output)"
        )


def _heads(
    node_config: Sequence[Entry], nodes: Mapping[str, Entry], place: str
) -> dict[str, dict[int, str]]:
    """Return, for each shared node, the names of its results by their numbers."""
    found: dict[str, dict[int, str]] = {}
    for node in node_config:
        name: Any = node.get("name")
        if _kind(nodes, name) != "SiameseHead":
            continue
        where = f"{place}: node {shown(name)}"
        inputs, head = _inputs(node, where), nodes[name].get("head")
        if len(inputs) != 1:
            raise ArgumentError(
                f"{where}: inputs: expected the name of one shared node, received {shown(inputs)}"
            )
        if not isinstance(head, int) or isinstance(head, bool):
            raise ArgumentError(f"{where}: head: expected a whole number, received {shown(head)}")
        own = found.setdefault(inputs[0], {})
        if head in own:
            raise ArgumentError(
                f"{where}: head: {head} of {inputs[0]!r} is the node {shown(own[head])} already"
            )
        own[head] = name
    return found


def _kind(nodes: Mapping[str, Entry], name: object) -> object:
    return nodes[name].get("name") if isinstance(name, str) and name in nodes else None


def _inputs(node: Entry, where: str) -> list[str]:
    inputs = node.get("inputs")
    if (
        not isinstance(inputs, list | tuple)
        or not inputs
        or not all(isinstance(one, str) for one in inputs)
    ):
        raise ArgumentError(f"{where}: inputs: expected a list of names, received {shown(inputs)}")
    return list(inputs)


def _merge_mode(node: Entry, siamese: Entry, where: str) -> str | None:
    mode = node.get("merge_mode")
    if siamese.get("merge_mode", mode) != mode:
        raise ArgumentError(
            f"{where}: merge_mode: {shown(mode)} in node_config, and "
            f"{shown(siamese['merge_mode'])} in nodes"
        )
    if not (mode is None or isinstance(mode, str)):
        raise ArgumentError(f"{where}: merge_mode: expected a text or null, received {shown(mode)}")
    _refuse_dicts(mode, where)
    return mode


def _of_one(shared: Entry, mode: str | None, where: str) -> Entry:
    """Return a shared node with one use as a plain node, under the name of its result."""
    if mode is not None and mode not in _OF_ONE:
        raise ArgumentError(
            f"{where}: merge_mode {mode!r} is of two results, and there is one; inputs: "
            f"{shown(shared['inputs'])}"
        )
    (name,) = shared["outputs"] or [shared["name"]]
    (used,) = shared["inputs"]
    created = shared.get("create_output", False)
    return {"name": name, "input": used, "create_output": created, ENDS_MASKS: True}


def _shared_layer(siamese: Entry, where: str) -> Entry:
    layer = siamese.get("layer")
    if not isinstance(layer, Mapping):
        raise ArgumentError(
            f"{where}: layer: expected an object, the shared layer, received {shown(layer)}"
        )
    if siamese.get("trainable", True) is not False:
        return layer
    if "layers" in layer or "nodes" in layer:
        raise ArgumentError(
            f"{where}: trainable: expected true for a shared model, received false; set trainable "
            "of its layers, or of the model once it is loaded"
        )
    return {**layer, "trainable": False}


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name
