"""Layers that Keras 0.3 described as shared: nodes of Graphs, as `add_shared_node` has them, and
those in front of Sequentials.

In 0.3 the node was a Siamese, a layer around the shared one; each result that was left apart was a
node too, a SiameseHead, which only told its number:

    node_config: {"name": "code", "inputs": ["a", "b"], "merge_mode": null, ...},
                 {"name": "code_of_a", "inputs": ["code"], "create_output": false}, ...
    nodes:       {"code": {"name": "Siamese", "layer": {...}, ...},
                  "code_of_a": {"name": "SiameseHead", "head": 0, ...}, ...}

In front of a Sequential a Siamese had the models in it on whose outputs its layer was used.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from graphc.engine.configs.registry import shown
from graphc.errors import ArgumentError

Entry = Mapping[str, Any]

ENDS_MASKS = "ends_masks"
"""The key of nodes and outputs at which Keras 0.3 ended masks: behind shared layers, and where
inputs were merged."""

_OF_ONE = ("concat", "sum", "ave", "mul")  # which leave a single result as it is


def with_shared_nodes(
    node_config: Sequence[Entry], nodes: Mapping[str, Entry], names: Iterable[str], place: str
) -> tuple[list[Entry], dict[str, Entry]]:
    """`node_config` and `nodes` of a Graph with shared nodes as Keras 1.0 has them, the layers as
    Keras 0.3 described them; `names` are those of its inputs.

    ArgumentError, which names the node, for what is no such node, or has no like in Keras 1.0.
    """
    heads = _heads(node_config, nodes, place)
    taken = {*names, *nodes}
    results: dict[str, list[str]] = {}  # of the shared nodes that leave them apart
    found: list[Entry] = []
    layers: dict[str, Entry] = {}
    for node in node_config:
        name = node.get("name")
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
                own.pop(k, None) or _free(f"{name}_{k}", taken) for k in range(len(inputs))
            ]
        for k, head in own.items():
            raise ArgumentError(
                f"{place}: node {shown(head)}: head: expected the number of one of the "
                f"{len(inputs)} results that {name!r} leaves apart, "
                + (f"received {k}" if mode is None else f"which merges them (merge_mode {mode!r})")
            )
        shared = {**node, "inputs": inputs, "outputs": results.get(name, []), ENDS_MASKS: True}
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


def merged_results(siamese: Entry, place: str) -> tuple[Sequence[Entry], Entry, Entry]:
    """Of a Siamese outside of Graphs what it is used on and the shared layer, as they were
    described, and how its results are merged, as arguments of a Merge.

    ArgumentError where they were not merged, or not to what Keras 1.0 has.
    """
    if siamese.get("merge_mode") is None:
        refuse_outside_of_graphs("Siamese", place)
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


def refuse_dicts(mode: object, where: str) -> None:
    """ArgumentError for the mode of merging whose result was a dict."""
    if mode == "join":
        raise ArgumentError(
            f"{where}: merge_mode 'join' gave a dict by the names of tensors, which Keras 1.0 does "
            "not have; build the model as a Graph in Python: add_node(layer, name, inputs=[...], "
            "merge_mode='join') calls a layer on a list. The results of a shared node have names "
            "by add_shared_node(..., outputs=[...])"
        )


def refuse_outside_of_graphs(class_name: object, place: str) -> None:
    """ArgumentError for the layers that left the results of another apart, among Sequentials."""
    if class_name in ("Siamese", "SiameseHead"):
        raise ArgumentError(
            f"{place}: {class_name}: a layer that several Sequentials shared; Keras 0.3 described "
            "it in each of them, and not which of them share it. Build the model in Python: call "
            "one layer on several tensors, Model(inputs, output)"
        )


def _heads(
    node_config: Sequence[Entry], nodes: Mapping[str, Entry], place: str
) -> dict[str, dict[int, str]]:
    """Of each shared node, the names of its results by their numbers."""
    found: dict[str, dict[int, str]] = {}
    for node in node_config:
        name = node.get("name")
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
    refuse_dicts(mode, where)
    return mode


def _of_one(shared: Entry, mode: str | None, where: str) -> Entry:
    """A shared node that is used once: a node like others, under the name of its result."""
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
