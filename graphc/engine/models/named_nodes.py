"""Layers that are wired by names: the part of `Graph` that builds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from graphc.compiler import graph as g
from graphc.engine.models.node_arguments import (
    check_name,
    listed,
    names_given,
    on_inputs,
    only_output,
    record_of_call,
)
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.layer_node import JoinedTensors, LayerNode
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.renewal import renew
from graphc.errors import ArgumentError, errors_at, suggestion

_DTYPES = {"float": None, float: None, "int": "int32", int: "int32"}


class NamedModel(Protocol):
    """A model whose inputs and outputs have names."""

    name: str
    inputs: list[g.Node]

    @property
    def outputs(self) -> list[g.Node]:
        """The output tensors."""

    def add_output(self, name: str, input: str | None = None) -> None:
        """Make a node an output."""

    def _graphc_connect(self, inputs: Sequence[g.Node], outputs: Sequence[g.Node]) -> None:
        """Make these the inputs and outputs."""

    def _graphc_nodes(self) -> Sequence[LayerNode]:
        """Return the uses of layers that the model consists of."""

    def _graphc_replace(self, tensors: Mapping[g.Node, g.Node]) -> None:
        """Connect the model to the tensors that replace its own."""


class NamedNodes:
    """Inputs, nodes and outputs of a model, each with a name, by which later nodes find it.

    A node is a layer, used on the one or on the merged tensors that it names; shapes are checked,
    and weights made, as nodes are added. A layer that was in use before keeps the name that it has
    elsewhere; any other is named as its node.

    Attributes:
        nodes: name -> layer.
        input_order, output_order: names, as they were added.
        input_config, node_config, output_config: what was added, as the methods' arguments.
    """

    def __init__(self, model: NamedModel) -> None:
        self._model = model
        self.nodes: dict[str, Layer] = {}
        self.input_order: list[str] = []
        self.output_order: list[str] = []
        self.input_config: list[dict[str, Any]] = []
        self.node_config: list[dict[str, Any]] = []
        self.output_config: list[dict[str, Any]] = []
        # What a name stands for; None for a shared node that is known by its outputs' names.
        self._tensors: dict[str, g.Node | None] = {}
        # Of a shared node whose results are joined: the names of its inputs, and those of results.
        self._joined: dict[str, tuple[Sequence[str], list[str]]] = {}

    def add_input(
        self,
        name: str,
        input_shape: Sequence[int | None] | None,
        batch_input_shape: Sequence[int | None] | None,
        dtype: str,
    ) -> None:
        """Add an input; see `Graph.add_input`."""
        where = f"{self._model.name}.add_input"
        self._check_new(where, name)
        if input_shape is None and batch_input_shape is None:
            raise ArgumentError(
                f"{where}: {name!r}: expected input_shape without the batch axis, e.g. "
                "input_shape=(64,), or batch_input_shape with it"
            )
        with errors_at(f"{where}: {name!r}"):
            known = _DTYPES.get(dtype, dtype) if isinstance(dtype, str | type) else dtype
            tensor = Input(input_shape, batch_input_shape, name, known)
        self._tensors[name] = tensor
        self.input_order.append(name)
        shapes = {"input_shape": input_shape, "batch_input_shape": batch_input_shape}
        given = {key: tuple(shape) for key, shape in shapes.items() if shape is not None}
        self.input_config.append({"name": name, **given, "dtype": tensor.dtype})
        model = self._model
        model._graphc_connect([*model.inputs, tensor], model.outputs)

    def add_node(
        self,
        layer: Layer,
        name: str,
        input: str | None,
        inputs: Sequence[str],
        merge_mode: str,
        concat_axis: int,
        dot_axes: int | Sequence[int | Sequence[int]],
        create_output: bool,
    ) -> None:
        """Use a layer on inputs or nodes; see `Graph.add_node`."""
        where = f"{self._model.name}.add_node"
        self._check_new(where, name)
        if create_output:
            self._check_new_output(where, name)
        used = names_given(f"{where}: {name!r}", input, inputs)
        with self._layer_named(where, layer, name), errors_at(on_inputs(where, name, used)):
            x = self._merged(name, used, merge_mode, concat_axis, dot_axes)
            tensor = only_output(layer, x)
        self._tensors[name] = tensor
        self.nodes[name] = layer
        self.node_config.append(
            {
                **record_of_call(name, input, inputs, merge_mode, concat_axis, dot_axes),
                "create_output": create_output,
            }
        )
        if create_output:
            self._model.add_output(name, input=name)

    def add_shared_node(
        self,
        layer: Layer,
        name: str,
        inputs: Sequence[str],
        merge_mode: str | None,
        concat_axis: int,
        dot_axes: int | Sequence[int | Sequence[int]],
        outputs: Sequence[str],
        create_output: bool,
    ) -> None:
        """Use a layer on each of several; see `Graph.add_shared_node`."""
        where = f"{self._model.name}.add_shared_node"
        self._check_new(where, name)
        used = names_given(f"{where}: {name!r}", None, inputs)
        self._check_results(where, name, used, merge_mode, outputs)
        joined = [f"{name}_{k}" for k in range(len(used))] if merge_mode == "join" else []
        for one in joined:
            self._check_new(where, one)
        names = joined or ([name] if merge_mode is not None else list(outputs))
        if create_output:
            for one in names:
                self._check_new_output(where, one)
        with self._layer_named(where, layer, name), errors_at(on_inputs(where, name, used)):
            renew(self._model)
            tensors = [only_output(layer, self.tensor(one)) for one in used]
            if merge_mode is not None and not joined:
                merge = Merge(
                    mode=merge_mode,
                    concat_axis=concat_axis,
                    dot_axes=dot_axes,
                    name=f"merge_outputs_of_{name}",
                )
                tensors = [merge(tensors)]
        self._tensors[name] = None
        if joined:
            self._joined[name] = used, joined
        self._tensors.update(zip(names, tensors, strict=True))
        self.nodes[name] = layer
        self.node_config.append(
            {
                **record_of_call(name, None, inputs, merge_mode, concat_axis, dot_axes),
                "outputs": list(outputs),
                "create_output": create_output,
            }
        )
        if create_output:
            for one in names:
                self._model.add_output(one, input=one)

    def add_output(
        self,
        name: str,
        input: str | None,
        inputs: Sequence[str],
        merge_mode: str,
        concat_axis: int,
        dot_axes: int | Sequence[int | Sequence[int]],
    ) -> None:
        """Make a node an output; see `Graph.add_output`."""
        where = f"{self._model.name}.add_output"
        self._check_new_output(where, name)
        used = names_given(f"{where}: {name!r}", input, inputs)
        with errors_at(on_inputs(where, name, used)):
            tensor = self._merged(name, used, merge_mode, concat_axis, dot_axes)
            if isinstance(tensor, list):
                raise ArgumentError(
                    "merge_mode 'join' gives a list, and an output is one tensor; join the nodes "
                    "into a layer that takes a list, and make that the output"
                )
        self.output_order.append(name)
        self.output_config.append(
            record_of_call(name, input, inputs, merge_mode, concat_axis, dot_axes)
        )
        model = self._model
        model._graphc_connect(model.inputs, [*model.outputs, tensor])

    def replace(self, tensors: Mapping[g.Node, g.Node]) -> None:
        """Map each name to the tensor that replaces its own."""
        for name, tensor in self._tensors.items():
            if tensor is not None:
                self._tensors[name] = tensors[tensor]

    def tensors(self) -> list[g.Node]:
        """Return the tensors of the names."""
        return [tensor for tensor in self._tensors.values() if tensor is not None]

    def unread(self, nodes: Iterable[LayerNode]) -> list[str]:
        """Return the nodes that no output depends on, given the uses of layers that compute the
        outputs."""
        read = set(nodes)
        return [
            name
            for name, tensor in self._tensors.items()
            if name not in self.input_order and tensor is not None
            if tensor.history.node not in read and tensor not in self._model.inputs
        ]

    def _check_new(self, where: str, name: object) -> None:
        check_name(where, name)
        if name in self._tensors:
            kind = "an input" if name in self.input_order else "a node"
            raise ArgumentError(
                f"{where}: the name {name!r} is taken by {kind}; give it another name"
            )

    def _check_new_output(self, where: str, name: object) -> None:
        check_name(where, name)
        if name in self.output_order:
            raise ArgumentError(
                f"{where}: the name {name!r} is taken by an output; give it another name"
            )

    def _check_results(
        self, where: str, name: str, used: Sequence[str], merge_mode: str | None, outputs: object
    ) -> None:
        """A shared node's results have names of their own, or are merged to one."""
        where = f"{where}: {name!r}"
        if not isinstance(outputs, list | tuple):
            raise ArgumentError(f"{where}: outputs: expected a list of names, received {outputs!r}")
        if merge_mode is not None and outputs:
            raise ArgumentError(
                f"{where}: outputs names results that are left apart, and merge_mode="
                f"{merge_mode!r} makes them one, which is called {name!r}; leave out one of the two"
            )
        if merge_mode is None and len(outputs) != len(used):
            raise ArgumentError(
                f"{where}: expected a name in outputs for each of the inputs {listed(used)}, or a "
                f"merge_mode, received {list(outputs)}"
            )
        for k, one in enumerate(outputs):
            self._check_new(where, one)
            if one == name or one in outputs[:k]:
                raise ArgumentError(f"{where}: outputs: the name {one!r} is given twice")

    def tensor(self, name: str) -> g.Node:
        tensor = self._tensors.get(name)
        if tensor is not None:
            return tensor
        if name in self._tensors:
            config = next(one for one in self.node_config if one["name"] == name)
            results = self._joined[name][1] if name in self._joined else config["outputs"]
            raise ArgumentError(
                f"{name!r} is a shared node whose results are left apart; name one of "
                f"them: {listed(results)}"
            )
        known = [one for one, tensor in self._tensors.items() if tensor is not None]
        hint = suggestion(name, known) if known else "Add inputs first, with add_input."
        raise ArgumentError(f"no input or node is named {name!r}. {hint}")

    def _merged(
        self,
        name: str,
        used: Sequence[str],
        merge_mode: str,
        concat_axis: int,
        dot_axes: int | Sequence[int | Sequence[int]],
    ) -> g.Node | list[g.Node]:
        """Return the input of a node: one tensor, or with 'join' a list of them."""
        renew(self._model)
        names = used
        if len(used) == 1 and used[0] in self._joined:
            (names, used), merge_mode = self._joined[used[0]], "join"
        tensors = [self.tensor(one) for one in used]
        if merge_mode == "join" and len(tensors) > 1:
            return JoinedTensors(names, tensors)
        if len(tensors) == 1:
            return tensors[0]
        merge = Merge(
            mode=merge_mode,
            concat_axis=concat_axis,
            dot_axes=dot_axes,
            name=f"merge_inputs_for_{name}",
        )
        merged: g.Node = merge(tensors)
        return merged

    @contextmanager
    def _layer_named(self, where: str, layer: object, name: str) -> Iterator[None]:
        """Name an unused layer after its node inside the block; the name stays unless an error is
        raised."""
        if not isinstance(layer, Layer) or isinstance(layer, InputLayer):
            hint = "; inputs come by add_input" if isinstance(layer, InputLayer) else ""
            raise ArgumentError(
                f"{where}: {name!r}: expected a layer or a model, e.g. Dense(10), received "
                f"{layer!r}{hint}"
            )
        before = layer.name
        if len(layer.inbound_nodes) <= layer._graphc_own_nodes:
            layer.name = name
        try:
            for node, other in self.nodes.items():
                if other is not layer and other.name == layer.name:
                    raise ArgumentError(
                        f"{where}: {name!r}: the layer of the node {node!r} is named "
                        f"{other.name!r} too, as elsewhere; give this one another name"
                    )
            yield
        except BaseException:  # a user's layer may raise anything
            layer.name = before
            raise
