"""Containers: the layers between some inputs and outputs, which together are one layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import Any

import h5py
import numpy as np

from graphc import lookup, releases
from graphc.backend.settings import layers_by_name
from graphc.compiler import graph as g
from graphc.engine.configs.registry import reading_layers
from graphc.engine.topology.container_config import (
    description,
    model_config,
    release_of_config,
    wired,
)
from graphc.engine.topology.holding import HoldingLayer
from graphc.engine.topology.layer import InputLayer, Layer, as_layer, new_input
from graphc.engine.topology.layer_list import LayerList
from graphc.engine.topology.layer_node import (
    LayerNode,
    Mask,
    Use,
    mask_of,
    one_or_list,
    recorded_uses,
    to_list,
)
from graphc.engine.topology.renewal import renew
from graphc.engine.topology.shapes import InputSpec, KnownShape, known_shape
from graphc.engine.topology.summary import format_summary, html_summary
from graphc.engine.topology.user_layers.checks import check_output
from graphc.engine.topology.weight_files import WeightFiles
from graphc.engine.topology.weights import set_values
from graphc.engine.topology.wiring import Wiring, history_of, sources, trace
from graphc.errors import ArgumentError, DataError, suggestion
from graphc.files.conversions import FileOrigin
from graphc.files.text import keywords_of, to_text
from graphc.keywords import refuse_unknown
from graphc.paths import GivenPath
from graphc.public.attributes import ComputedAttribute
from graphc.releases import arguments_of_1_2, at_least, since


class Container(HoldingLayer):
    """Inputs, outputs, and the layers between them.

    Args:
        input, output: a tensor each, or lists of them.
        name: by default the class's name in lower case and a number.

    Attributes:
        inputs, input_names, input_layers: the input tensors, and their layers.
        outputs, output_names, output_layers, output_masks: the output tensors, and their layers.
        layers: all layers, those of the inputs among them; see `Wiring`.
    """

    supports_masking = True
    _graphc_own_nodes = 1
    _graphc_connections = 0  # counts changes of inputs and outputs, which outdate functions
    _graphc_outputs: list[g.Node]

    def __init__(
        self,
        input: g.Node | Sequence[g.Node],
        output: g.Node | Sequence[g.Node],
        name: str | None = None,
    ):
        Layer.__init__(self, name=name)
        if not to_list(output):
            raise ArgumentError(f"{self.name}: output: expected at least one tensor, received none")
        self._graphc_connect(to_list(input), to_list(output))
        self._graphc_wiring  # noqa: B018  (its errors belong here)

    def _graphc_connect(self, inputs: Sequence[g.Node], outputs: Sequence[g.Node]) -> None:
        """Make these the inputs and outputs."""
        entries = [history_of(tensor, f"{self.name}: input") for tensor in inputs]
        for tensor, entry in zip(inputs, entries, strict=True):
            if not isinstance(entry.layer, InputLayer):
                raise ArgumentError(
                    f"{self.name}: an input has to be an Input, and {g.label(tensor)} is the "
                    f"output of {entry.layer.name}; make an Input of the shape "
                    f"{known_shape(tensor)[1:]} and call the layers that follow on it"
                )
        if len(set(inputs)) != len(inputs):
            twice = next(one.layer.name for one in entries if entries.count(one) > 1)
            raise ArgumentError(f"{self.name}: the input {twice!r} is given twice")
        exits = [history_of(tensor, f"{self.name}: output") for tensor in outputs]
        self.inputs = list(inputs)
        self._graphc_outputs = list(outputs)
        self.input_layers = [as_layer(entry.layer) for entry in entries]
        self.output_layers = [as_layer(entry.layer) for entry in exits]
        self.output_masks = [mask_of(tensor) for tensor in outputs]
        self.input_names = [layer.name for layer in self.input_layers]
        self.output_names = _distinct([layer.name for layer in self.output_layers])
        self.built = True
        self._graphc_connections += 1
        vars(self).pop("_graphc_wiring", None)
        shapes = [[known_shape(one) for one in several] for several in (inputs, outputs)]
        masks = [None] * len(self.inputs)
        if self.inbound_nodes:
            self.inbound_nodes.pop(0)
        LayerNode(self, [], [], [], self.inputs, self.outputs, masks, self.output_masks, *shapes)
        self.inbound_nodes.insert(0, self.inbound_nodes.pop())

    @cached_property
    def _graphc_wiring(self) -> Wiring:
        by_name = layers_by_name(self._graphc.release)
        return trace(self.inputs, self.outputs, self.name, by_name)

    @property
    def wiring(self) -> Wiring:
        """The uses of layers between inputs and outputs."""
        self._graphc_need_layers("wiring")
        return self._graphc_wiring

    @property
    def nodes_by_depth(self) -> dict[int, list[LayerNode]]:
        """The uses of layers by the longest path from each to an output: 0 for the outputs, the
        inputs among them."""
        return self.wiring.nodes_by_depth

    @property
    def layers_by_depth(self) -> dict[int, list[Layer]]:
        """The layers by the longest path from one of their uses to an output."""
        return self.wiring.layers_by_depth

    @property
    def container_nodes(self) -> set[str]:
        """The keys of the uses in the model, ``<layer>_ib-<k>`` of the k-th use of a layer."""
        histories = [history_of(node.output_tensors[0], self.name) for node in self.wiring.depths]
        return {f"{one.layer.name}_ib-{one.node_index}" for one in histories}

    @property
    def input_layers_node_indices(self) -> list[int]:
        """The number of the use that each input tensor comes from, among those of its layer."""
        return [history_of(one, self.name).node_index for one in self.inputs]

    @property
    def input_layers_tensor_indices(self) -> list[int]:
        """The number of each input tensor among the outputs of its use."""
        return [history_of(one, self.name).tensor_index for one in self.inputs]

    @property
    def output_layers_node_indices(self) -> list[int]:
        """The number of the use that each output tensor comes from, among those of its layer."""
        return [history_of(one, self.name).node_index for one in self.outputs]

    @property
    def output_layers_tensor_indices(self) -> list[int]:
        """The number of each output tensor among the outputs of its use."""
        return [history_of(one, self.name).tensor_index for one in self.outputs]

    @property
    def layers(self) -> list[Layer]:
        return LayerList(self._graphc_wiring.layers, self.name, self._graphc_cut)

    @property
    def outputs(self) -> list[g.Node]:
        """The output tensors. Set others that are computed from the inputs to make another model of
        the same layers, which has to be compiled again."""
        return self._graphc_outputs

    @outputs.setter
    def outputs(self, tensors: Sequence[g.Node]) -> None:
        if list(tensors) != self._graphc_outputs:
            self._graphc_reconnect(list(tensors))

    def _graphc_reconnect(self, outputs: list[g.Node]) -> None:
        """Make these the outputs."""
        self._graphc_connect(self.inputs, outputs)

    def _graphc_nodes(self) -> Sequence[LayerNode]:
        """Return the uses of layers in topological order."""
        return self._graphc_wiring.nodes if self.outputs else ()

    def _graphc_replace(self, tensors: Mapping[g.Node, g.Node]) -> None:
        """Connect the container anew to the tensors that replace its outputs."""
        self._graphc_connect(self.inputs, [tensors[tensor] for tensor in self.outputs])

    def _graphc_cut(self) -> None:
        """Remove the last layer: the tensors that it reads become the outputs."""
        layer = self._graphc_wiring.layers[-1]
        if self.output_layers != [layer] or isinstance(layer, InputLayer):
            raise ArgumentError(
                f"{self.name}.layers.pop: {layer.name} is not the only layer whose output is one "
                f"of the model, which are {', '.join(self.output_names)}; make another model, "
                "Model(model.input, model.layers[k].output)"
            )
        self._graphc_reconnect(use_with_output(layer, self.outputs[0]).input_tensors)

    def layers_as_wired(self) -> list[Layer]:
        """Return the inputs' layers, then the others in topological order."""
        used = dict.fromkeys(as_layer(node.outbound_layer) for node in self.wiring.nodes)
        return list(dict.fromkeys([*self.input_layers, *used]))

    def _graphc_held_layers(self) -> list[Layer]:
        """Return the layers in the order of their weights, each once."""
        return list(dict.fromkeys(self.layers))

    @property
    def uses(self) -> list[Use]:
        """Every use of a layer between inputs and outputs, those inside of layers too."""
        return [use for node in self._graphc_wiring.nodes for use in node.uses]

    def _graphc_uses(self, inputs: g.Node | Sequence[g.Node] | None = None) -> list[Use]:
        if inputs is None or set(to_list(inputs)) == set(self.inputs):
            return self.uses
        return super()._graphc_uses(inputs)

    def _graphc_added_losses(self) -> list[g.Node]:
        """Return the losses that layers added by themselves or in a use within the model."""
        return [*self._graphc_own_losses(), *(one for use in self.uses for one in use.losses)]

    def _graphc_need_layers(self, wanted: str) -> None:
        renew(self)
        if not self.layers:
            raise ArgumentError(f"{self.name}.{wanted}: the model has no layers; add some first")

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return the layer of a name, or at a position in `layers`. ArgumentError if there is
        none."""
        layers = self.layers
        if name is None and index is None:
            raise ArgumentError(f"{self.name}.get_layer: expected a name or an index")
        if name is not None:
            for layer in layers:
                if layer.name == name:
                    return layer
            if not isinstance(name, str):
                raise ArgumentError(
                    f"{self.name}.get_layer: name: expected a text, received {name!r}; a position "
                    f"is get_layer(index={name!r})"
                )
            raise ArgumentError(
                f"{self.name}.get_layer: no layer is named {name!r}. "
                f"{suggestion(name, [layer.name for layer in layers])}"
            )
        if not isinstance(index, int) or not -len(layers) <= index < len(layers):
            raise ArgumentError(
                f"{self.name}.get_layer: expected an index below {len(layers)}, received {index!r}"
            )
        return layers[index]

    @property
    def updates(self) -> list[tuple[g.Node, g.Node]]:  # type: ignore[override]  # read only
        """The updates of layers at each training step, beside the optimizer's: (shared variable,
        new value)."""
        return self._graphc_collected_updates(stateful_only=False)

    @property
    def state_updates(self) -> list[tuple[g.Node, g.Node]]:
        """The updates of stateful layers, which belong to testing and predicting too."""
        return self._graphc_collected_updates(stateful_only=True)

    def _graphc_collected_updates(self, stateful_only: bool) -> list[tuple[g.Node, g.Node]]:
        """Return the updates of each use, in order. If two uses update one variable, the second
        reads the new value of the first."""
        found: dict[g.Node, g.Node] = {}
        uses = [use for use in self.uses if use.layer.stateful or not stateful_only]
        layers = dict.fromkeys(use.layer for use in uses)
        own = [pair for layer in layers for pair in layer._graphc.own_updates]
        for variable, value in [*own, *(pair for use in uses for pair in use.updates)]:
            if variable in found:
                (value,) = g.substitute([value], {variable: found[variable]})
            found[variable] = value
        return list(found.items())

    @property  # type: ignore[misc]  # read only
    def uses_learning_phase(self) -> bool:
        """True if training and testing differ."""
        phase = g.learning_phase()
        # From 1.2.0 on the penalties are there in testing too.
        penalties = self.regularizers or self._graphc_added_losses()
        if at_least("1.2.0", of=self._graphc.release):
            penalties = []
        return bool(penalties) or phase in g.toposort(self.outputs)

    @ComputedAttribute
    def nb_input(self) -> int:
        """The number of inputs."""
        return len(self.inputs)

    @ComputedAttribute
    def nb_output(self) -> int:
        """The number of outputs."""
        return len(self.outputs)

    def _graphc_reset_weights(self, input_shape: KnownShape) -> None:
        """Do nothing: in Keras 0.3 the connection of a Graph was that of its inputs."""

    @property
    def input_spec(self) -> list[InputSpec]:  # type: ignore[override]  # read only
        """The shapes of the inputs."""
        return [InputSpec(shape=known_shape(tensor)) for tensor in self.inputs]

    @property
    def internal_input_shapes(self) -> list[KnownShape]:
        """The shapes of the inputs."""
        return [known_shape(tensor) for tensor in self.inputs]

    @property
    def internal_output_shapes(self) -> list[KnownShape]:
        """The shapes of the outputs."""
        return [known_shape(tensor) for tensor in self.outputs]

    def _graphc_only_node(self, wanted: str) -> LayerNode:
        """The use by which the model has its own tensors, however often it is a layer elsewhere."""
        return self.inbound_nodes[0] if self.inbound_nodes else super()._graphc_only_node(wanted)

    def call(self, input: Any, mask: Any = None) -> Any:
        """Return the output tensors for input tensors."""
        return one_or_list(self.run_internal_graph(to_list(input), _as_masks(mask))[0])

    def compute_mask(self, input: Any, mask: Any = None) -> Any:
        """Return the masks of the outputs for input tensors."""
        return one_or_list(self.run_internal_graph(to_list(input), _as_masks(mask))[1])

    def _graphc_apply(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None
    ) -> tuple[list[g.Node], list[Mask]]:
        if self._graphc_has_own_call():
            return self._graphc_apply_own_call(x, mask)
        outputs, masks, _ = self.run_internal_graph(to_list(x), _as_masks(mask))
        return outputs, masks

    def _graphc_has_own_call(self) -> bool:
        """Return True if a user's subclass overrides `call`."""
        return type(self).call is not Container.call

    def _graphc_apply_own_call(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask]
    ) -> tuple[list[g.Node], list[Mask]]:
        given = any(one is not None for one in to_list(mask))
        output = self.call(x, mask=mask) if given else self.call(x)
        check_output(self, output)
        with recorded_uses() as uses:  # dropped: `call` has recorded the uses of these layers
            masks = to_list(self.compute_mask(x, mask))
            uses.clear()
        return to_list(output), masks

    def run_internal_graph(
        self, inputs: Sequence[g.Node], masks: Sequence[Mask] | None = None
    ) -> tuple[list[g.Node], list[Mask], list[KnownShape]]:
        """Apply every layer to other inputs, and return the outputs, their masks and shapes."""
        tensors = dict(zip(self.inputs, inputs, strict=True))
        found = dict(zip(self.inputs, masks or [None] * len(inputs), strict=True))
        for node in self._graphc_wiring.nodes:
            # A mask that the user passed to the call stays; others belong to the tensors.
            input_masks = [
                found[tensor] if mask is mask_of(tensor) else mask
                for tensor, mask in zip(node.input_tensors, node.input_masks, strict=True)
            ]
            x = [tensors[tensor] for tensor in node.input_tensors]
            outputs, output_masks = node.outbound_layer._graphc_apply(
                *((x, input_masks) if node.is_list else (x[0], input_masks[0]))
            )
            tensors.update(zip(node.output_tensors, outputs, strict=True))
            found.update(zip(node.output_tensors, output_masks, strict=True))
        outputs = [tensors[tensor] for tensor in self.outputs]
        return outputs, [found[one] for one in self.outputs], list(map(known_shape, outputs))

    def get_output_shape_for(self, input_shape: Any) -> Any:
        """Return the shape of the output for a shape of the input, both with the batch axis."""
        shapes = input_shape if isinstance(input_shape, list) else [input_shape]
        pairs = zip(shapes, self.inputs, strict=True)
        inputs = [new_input(shape, tensor.dtype, None) for shape, tensor in pairs]
        with ExitStack() as trials:
            for layer in self._graphc_inside():
                trials.enter_context(layer._graphc_trial())
            return one_or_list(self.run_internal_graph(inputs)[2])

    def _graphc_inside(self) -> list[Layer]:
        """Return the layers that are used at any depth."""
        return list(dict.fromkeys(as_layer(use.layer) for use in self.uses))

    def get_config(self) -> Any:
        """Return the layers' configs and connections."""
        self._graphc_need_layers("get_config")
        return model_config(self, self._graphc_wiring.nodes)

    @classmethod
    def from_config(cls, config: Any, custom_objects: Mapping[str, Any] | None = None) -> Container:
        """Return a model with new weights, made from a config; see `layer_from_config`."""
        with lookup.custom_objects(custom_objects), reading_layers():
            inputs, outputs = wired(config)
            with releases.reading_file_of(release_of_config(config)):
                model = cls(input=inputs, output=outputs, name=config.get("name"))
        model.trainable = config.get("trainable", True)
        return model

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of all weights. With the meanings of Keras up to 1.0.7 all trainable
        weights come first, then the others; later, weights are ordered by layer."""
        return [weight.get_value() for weight in self._graphc_weights_in_order()]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set all weights, in the order of `get_weights`; all or none."""
        set_values(self._graphc_weights_in_order(), weights, self.name)

    def _graphc_weights_in_order(self) -> list[g.Node]:
        if not at_least("1.0.8", of=self._graphc.release):
            return self.weights
        layers = self._graphc_held_layers()
        return list(dict.fromkeys(weight for one in layers for weight in one.weights))

    def stored_layers(self) -> list[Layer]:
        """Return the layers in the order in which files store their weights."""
        return list(self._graphc_held_layers())

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """Return the groups of a weight file of Keras 0.3: the name of each, and its weights."""
        raise DataError(
            f"{self.name}.load_weights: the file is of Keras 0.3, which had no models but "
            f"Sequential and Graph, and this is a {type(self).__name__}"
        )

    @cached_property
    def _graphc_weight_files(self) -> WeightFiles:
        return WeightFiles(self)

    def to_json(self, **kwargs: Any) -> str:
        """The architecture as JSON; keywords go to `json.dumps`. See `model_from_json`."""
        if "cls" not in kwargs:  # an encoder of the caller's may take any
            refuse_unknown(f"{self.name}.to_json", kwargs, keywords_of("JSON"))
        return to_text(description(self, "to_json"), "JSON", **kwargs)

    def to_yaml(self, **kwargs: Any) -> str:
        """The architecture as YAML; keywords go to `yaml.safe_dump`. See `model_from_yaml`."""
        refuse_unknown(f"{self.name}.to_yaml", kwargs, keywords_of("YAML"))
        return to_text(description(self, "to_yaml"), "YAML", **kwargs)

    def save(self, filepath: GivenPath, overwrite: bool = True) -> None:
        """Write a whole model; see `Model.save`. ArgumentError for what is no Model."""
        raise ArgumentError(
            f"{self.name}.save: a {type(self).__name__} is no model that trains; "
            "Model(input, output) of the same tensors is, and can be saved whole; save_weights "
            "writes the weights alone"
        )

    @arguments_of_1_2(overwrite=True)
    def save_weights(self, filepath: GivenPath, overwrite: bool = False) -> None:
        """Write the weights of all layers to an HDF5 file, as Keras 1 has it.

        The file is written whole or not at all.

        Args:
            overwrite: whether a file that is there is replaced; by default False, under the flag
                keras=1.2 True.

        Raises:
            ArgumentError: a file that is there already, unless `overwrite`; a name of a layer that
                HDF5 cannot hold.
            MissingFileError: a folder that is not there.
        """
        self._graphc_weight_files.save(filepath, overwrite)

    def load_weights(
        self,
        filepath: GivenPath,
        by_name: bool = False,
        *,
        running_std: str | None = None,
        backend: str | None = None,
    ) -> None:
        """Set the weights of all layers from an HDF5 file; all or, where an error is raised, none.

        Layers are matched by name if the file has the same names, otherwise by their positions in
        the model; in files that Keras 1 wrote, by the order in which Keras stored them. That order
        depends, for layers of equal depth, on their names or on a traversal of the model: see the
        flag `keras`. Layers without weights need not agree. Files of a Sequential or a Graph of
        Keras 0.3 have no names.

        The kernels of convolutions are flipped if Keras wrote the file on TensorFlow.

        Args:
            by_name: set the weights only of layers whose names are in the file; the others stay as
                they are, and a line in the log names them.
            running_std: the meaning of the array of this name that Keras wrote for
                BatchNormalization, if the file does not tell it: 'std' (up to 1.0.5) or 'variance'
                (from 1.0.7 on).
            backend: the backend of Keras that wrote the file, 'theano' or 'tensorflow'; by default
                as the file tells, by its attribute or the names of its weights (``dense_1_W:0`` is
                of TensorFlow).

        Raises:
            MissingFileError: there is no such file.
            DataError: the file has no weights, or those of other layers, or is of Keras 2.
            ShapeError: a weight has another shape.
            ArgumentError: there is a BatchNormalization in mode 0, and neither the file nor
                `running_std` tells its form; or the file contradicts `running_std` or `backend`.
        """
        self._graphc_weight_files.load(filepath, by_name, FileOrigin(running_std, backend))

    @since("1.0.7")
    def save_weights_to_hdf5_group(self, f: h5py.Group) -> None:
        """Write the weights of all layers into a group of an HDF5 file, or into the file itself."""
        self._graphc_weight_files.write_group(f)

    @since("1.0.7")
    def load_weights_from_hdf5_group(self, f: h5py.Group) -> None:
        """Set the weights of all layers from a group, as `save_weights_to_hdf5_group` wrote it."""
        self._graphc_weight_files.read_group(f)

    @since("1.1.0")
    def load_weights_from_hdf5_group_by_name(self, f: h5py.Group) -> None:
        """Set the weights of the layers whose names a group has; see `load_weights`."""
        self._graphc_weight_files.read_group_by_name(f)

    def summary(
        self, line_length: int | None = None, positions: Sequence[float] | None = None
    ) -> None:
        """Print the table of layers: name, class, shape of the output, number of parameters, and
        what each reads, unless that is the layer before.

        Args:
            line_length: the columns of a line; by default the table fits 80.
            positions: where the table's columns end, as numbers of columns or as parts of a line,
                e.g. [.33, .55, .67, 1.]; by default where their texts do.
        """
        self._graphc_need_layers("summary")
        nodes = self._graphc_wiring.nodes
        print(format_summary(self._graphc_layers_shown(), nodes, line_length, positions))

    def _repr_html_(self) -> str:
        nodes = self._graphc_wiring.nodes if self.layers else ()
        return html_summary(self.name, self._graphc_layers_shown(), nodes)

    def _graphc_layers_shown(self) -> list[Layer]:
        """The rows of the summary."""
        return self.layers


def use_with_output(layer: Layer, tensor: g.Node) -> LayerNode:
    """Return the use of a layer whose output is the tensor."""
    return next(node for node in layer.inbound_nodes if tensor in node.output_tensors)


def get_source_inputs(
    tensor: g.Node, layer: Layer | None = None, node_index: int | None = None
) -> list[g.Node]:
    """Return the input tensors that a tensor is computed from."""
    if layer is not None and node_index is not None:
        tensor = to_list(layer.get_output_at(node_index))[0]
    return sources(tensor)


def _as_masks(mask: Any) -> list[Mask] | None:
    return None if mask is None else to_list(mask)


def _distinct(names: Sequence[str]) -> list[str]:
    """Return the names made unique: those that repeat get a number, as in `name_2`."""
    counts: Mapping[str, int] = {name: names.count(name) for name in names}
    seen: dict[str, int] = {}
    found = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        found.append(name if counts[name] == 1 or seen[name] == 1 else f"{name}_{seen[name]}")
    return found
