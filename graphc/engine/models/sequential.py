"""Sequential: a model that is a chain of layers."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence
from typing import Any, Unpack, cast

import numpy as np

from graphc import backend as K
from graphc import lookup, optimizers
from graphc.compiler import graph as g
from graphc.engine.configs.registry import (
    layer_entry,
    layer_of,
    reading_layers,
    shown,
    writing_layers,
)
from graphc.engine.keywords import BatchKeywords, LegacyCompileKeywords
from graphc.engine.models.merged_config import first_entry
from graphc.engine.topology.container import Container, use_with_output
from graphc.engine.topology.holding import with_held
from graphc.engine.topology.layer import Input, InputLayer, Layer
from graphc.engine.topology.layer_list import LayerList
from graphc.engine.topology.layer_node import one_or_list, to_list
from graphc.engine.topology.merge import Merge
from graphc.engine.topology.renewal import renew
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.engine.topology.user_layers.checks import check_made
from graphc.engine.topology.weight_files import weights_in_order
from graphc.engine.topology.weights import set_values
from graphc.engine.training.model import Model
from graphc.errors import ArgumentError, errors_at

_log = logging.getLogger("graphc")


class Sequential(Model):
    """Layers one after another, each fed by the one before.

    The first layer says what comes in: ``Dense(10, input_dim=64)``, or ``input_shape=`` without the
    batch axis; it may also be a model, a layer that is in use elsewhere, or a Merge of several
    models, which then take the inputs. Weights are made, and shapes checked, as layers are added.
    Behind a layer that gives several tensors comes one that takes a list of them.

    Args:
        layers: added in order.
        name: by default ``sequential_<k>``.

    Attributes:
        layers: what was added.
    """

    def __init__(self, layers: Iterable[Layer] = (), name: str | None = None):
        if isinstance(name, Layer):
            raise ArgumentError(
                "Sequential: layers: expected one list of layers, received a second argument, "
                f"{name!r}"
            )
        Layer.__init__(self, name=name)
        self._graphc_added: list[Layer] = []
        self._graphc_names: set[str] = set()  # as layers were named when they were added
        self.inputs = []
        self._graphc_outputs = []
        if not isinstance(layers, Iterable):
            raise ArgumentError(f"{self.name}: expected a list of layers, received {layers!r}")
        for layer in layers:
            self.add(layer)

    @property
    def layers(self) -> list[Layer]:
        return LayerList(self._graphc_added, self.name, self.pop)

    def _graphc_held_layers(self) -> list[Layer]:
        """Return the layers; a Merge in front is replaced by what it merges."""
        if not self._graphc_branches():
            return list(dict.fromkeys(self._graphc_added))
        inside = set(self._graphc_wiring.layers)
        branches = [one for branch in self._graphc_branches() for one in _parts(branch, inside)]
        known = set(with_held([*branches, *self._graphc_added]))
        # A branch may be a layer in use after others, which are between inputs and outputs too.
        others = [
            layer
            for layer in self._graphc_wiring.layers
            if layer not in known and not isinstance(layer, InputLayer | Merge)
        ]
        return list(dict.fromkeys([*others, *branches, *self._graphc_added[1:]]))

    def _graphc_layers_in_use(self) -> list[Layer]:
        """Return the layers that the outputs depend on; after a Merge that gives a list, a layer
        may read only one of its tensors."""
        held = self._graphc_held_layers()
        first = self._graphc_added[0] if self._graphc_added else None
        if not isinstance(first, Merge) or first.mode is not None:
            return held
        computed = set(g.toposort(self.outputs))
        return [layer for layer in held if not computed.isdisjoint(_tensors(layer))]

    def _graphc_branches(self) -> list[Layer]:
        """The layers and models that a Merge in front merges."""
        first = self._graphc_added[0] if self._graphc_added else None
        return first.branches() if isinstance(first, Merge) else []

    @property
    def flattened_layers(self) -> list[Layer]:
        """The layers in the order of their weights, with inner Sequentials and merged models
        expanded."""
        branches = self._graphc_branches()
        found: list[Layer] = []
        for layer in self._graphc_held_layers():
            if isinstance(layer, Sequential):
                found += layer.flattened_layers
            elif isinstance(layer, Container) and layer in branches:
                found += layer.layers
            else:
                found.append(layer)
        return list(dict.fromkeys(found))

    def add(self, layer: Layer) -> None:
        """Append a layer. A compiled model has to be compiled again.

        Raises:
            ArgumentError: not a layer, a name that is taken, a first layer without an input shape.
            ShapeError: a layer that does not fit after the last one.
        """
        if not isinstance(layer, Layer):
            hint = ""
            if isinstance(layer, g.Node):
                hint = (
                    "; a Sequential has no Input, its first layer takes input_shape=(...), and "
                    "Model(input, output) is made of tensors"
                )
            raise ArgumentError(
                f"{self.name}.add: expected a layer, e.g. Dense(10), received {layer!r}{hint}"
            )
        check_made(layer)
        taken = layer.name in self._graphc_names  # one renamed since is reported when it is wired
        if taken and any(one.name == layer.name and one is not layer for one in self._graphc_added):
            raise ArgumentError(
                f"{self.name}.add: two layers are named {layer.name!r}; give one another name"
            )
        if isinstance(layer, InputLayer) and self.inputs:
            raise ArgumentError(f"{self.name}.add: an InputLayer can only be the first layer")
        renew(self)
        if self.inputs:
            inputs, outputs = self.inputs, layer(one_or_list(self.outputs))
        else:
            inputs, outputs = _begun(layer)
        if not isinstance(layer, InputLayer):
            self._graphc_added.append(layer)
            self._graphc_names.add(layer.name)
        self._graphc_connect(inputs, to_list(outputs))

    def pop(self) -> None:
        """Remove the last layer. A compiled model has to be compiled again."""
        self._graphc_need_layers("pop")
        before = use_with_output(self._graphc_added[-1], self.outputs[0])
        if len(self._graphc_added) > 1:
            self._graphc_reconnect(before.input_tensors)
            return
        self._graphc_added.clear()
        self.inputs, self._graphc_outputs = [], []
        self.inbound_nodes.clear()
        self._graphc_connections += 1
        vars(self).pop("_graphc_wiring", None)

    def _graphc_reconnect(self, outputs: list[g.Node]) -> None:
        """Make the output of one of the layers the model's output, and remove the layers after
        it."""
        kept = list(self._graphc_added)
        tensors = self.outputs
        while kept and outputs != tensors:
            tensors = use_with_output(kept.pop(), tensors[0]).input_tensors
        if not kept:
            raise ArgumentError(
                f"{self.name}.outputs: expected the output of one of the model's layers, received "
                f"{outputs!r:.200}; Model(model.input, output) is a model of another one"
            )
        self._graphc_added[:] = kept
        super()._graphc_reconnect(outputs)

    @property
    def model(self) -> Sequential:
        """The model itself: in Keras a Sequential had a Model inside."""
        return self

    @property
    def input_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the input, the batch first, ``None`` where only a call knows the size."""
        self._graphc_need_layers("input_shape")
        return one_or_list([known_shape(tensor) for tensor in self.inputs])

    @property
    def output_shape(self) -> KnownShape | list[KnownShape]:
        """The shape of the output, the batch first, ``None`` where only a call knows the size."""
        self._graphc_need_layers("output_shape")
        return one_or_list([known_shape(tensor) for tensor in self.outputs])

    @property
    def input(self) -> g.Node | list[g.Node]:
        """The input tensor, wherever else the model is used as a layer."""
        self._graphc_need_layers("input")
        return one_or_list(self.inputs)

    @input.setter
    def input(self, tensor: g.Node) -> None:
        raise ArgumentError(
            f"{self.name}.input: what a model reads is that of its first layer; model(tensor) "
            "gives its output for another tensor, and layer.set_input(tensor), before the layer "
            "is added, begins a model with one"
        )

    @property
    def output(self) -> g.Node | list[g.Node]:
        """The output tensor, wherever else the model is used as a layer."""
        self._graphc_need_layers("output")
        return one_or_list(self.outputs)

    def build(self, input_shape: KnownShape | None = None) -> None:
        """Do nothing: weights are made as layers are added. ArgumentError if there is no layer
        yet."""
        self._graphc_need_layers("build")

    def _graphc_reset_weights(self, input_shape: KnownShape) -> None:
        self.layers[0]._graphc_reset_weights(input_shape)

    def call(self, x: Any, mask: Any = None) -> Any:
        """The output tensor for an input tensor."""
        return super().call(x, mask)

    def _graphc_has_own_call(self) -> bool:
        return type(self).call is not Sequential.call

    def _graphc_apply(self, x: Any, mask: Any = None) -> Any:
        self._graphc_need_layers("call")
        return super()._graphc_apply(x, mask)

    def compile(  # type: ignore[override]  # arguments in Keras' order
        self,
        optimizer: str | optimizers.Optimizer,
        loss: object,
        metrics: object = (),
        sample_weight_mode: object = None,
        **kwargs: Unpack[LegacyCompileKeywords],
    ) -> None:
        """Choose optimizer, loss and metrics; see `Model.compile`."""
        self._graphc_need_layers("compile")
        self._graphc_need_one_output("compile")
        super().compile(optimizer, loss, metrics, sample_weight_mode=sample_weight_mode, **kwargs)

    def train_on_batch(  # type: ignore[override]  # arguments in Keras' order
        self,
        x: object,
        y: object,
        class_weight: Mapping[Any, Any] | None = None,
        sample_weight: object = None,
        **kwargs: Unpack[BatchKeywords],
    ) -> float | list[float]:
        """Train on one batch; see `Model.train_on_batch`, which takes the weights in the other
        order."""
        return super().train_on_batch(x, y, sample_weight, class_weight, **kwargs)

    def predict_proba(self, x: object, batch_size: int = 32, verbose: int = 1) -> np.ndarray:
        """Return the outputs; logs a warning if they do not lie within 0 to 1."""
        self._graphc_need_one_output("predict_proba")
        outputs = cast(np.ndarray, self.predict(x, batch_size, verbose))
        if not (outputs.min() >= 0.0 and outputs.max() <= 1.0):  # NaN is none either
            _log.warning(
                "%s.predict_proba: the output has values from %g to %g, which are no "
                "probabilities; end the model with a softmax or sigmoid, or use predict",
                self.name,
                outputs.min(),
                outputs.max(),
            )
        return outputs

    def predict_classes(self, x: object, batch_size: int = 32, verbose: int = 1) -> np.ndarray:
        """Return the index of the largest output; for a single output, whether it is above 0.5, (n,
        1)."""
        self._graphc_need_one_output("predict_classes")
        outputs = cast(np.ndarray, self.predict(x, batch_size, verbose))
        if outputs.shape[-1] > 1:
            return np.asarray(outputs.argmax(axis=-1))
        return np.asarray(outputs > 0.5, "int32")

    def _graphc_need_one_output(self, wanted: str) -> None:
        if len(self.outputs) > 1:
            raise ArgumentError(
                f"{self.name}.{wanted}: {self._graphc_added[-1]._graphc_label} gives "
                f"{len(self.outputs)} outputs, expected one; add a layer that takes a list "
                "(Merge(mode='concat'), SiameseHead(0)), or use Model(model.input, model.output)"
            )

    def get_config(self) -> list[dict[str, Any]]:  # type: ignore[override]  # as in Keras
        """Return the class and the config of each layer. The first one has the input shape."""
        self._graphc_need_layers("get_config")
        with writing_layers():
            first = first_entry(self._graphc_added[0], self.inputs)
            return [first, *map(layer_entry, self._graphc_added[1:])]

    @classmethod
    def from_config(
        cls,
        config: Any,
        custom_objects: Mapping[str, Any] | None = None,
        *,
        layer_cache: MutableMapping[str, Layer] | None = None,
    ) -> Sequential:
        """Return a model with new weights, made from a config; see `layer_from_config`.

        Args:
            layer_cache: layers that stand for those of their names; the others are added.
        """
        if not isinstance(config, list | tuple) or not config:
            raise ArgumentError(
                "the config of a Sequential is a list of at least one layer, received "
                f"{shown(config)}"
            )
        with lookup.custom_objects(custom_objects), reading_layers():
            model = cls()
            for number, entry in enumerate(config, start=1):
                cache = {} if layer_cache is None else layer_cache
                name = _name_in(entry)
                known = None if name is None else cache.get(name)
                layer = layer_of(entry, f"layer {number}") if known is None else known
                if name is not None:
                    cache[name] = layer
                with errors_at(f"layer {number}"):
                    model.add(layer)
        return model

    def _graphc_layers_shown(self) -> list[Layer]:
        return list(self._graphc_wiring.layers) if self._graphc_branches() else self.layers

    def stored_layers(self) -> list[Layer]:
        """Return the layers in the order of Keras' files; merged models are replaced by their
        layers."""
        branches = self._graphc_branches()
        found: list[Layer] = []
        for layer in self._graphc_held_layers():
            if layer in branches and isinstance(layer, Container):
                found += layer.stored_layers()
            else:
                found.append(layer)
        return list(dict.fromkeys(found))

    def keras_0_3_groups(self) -> list[tuple[str, list[g.Node]]]:
        """Return one group for each layer; a Merge in front has the weights of what it merges."""
        self._graphc_need_layers("load_weights")
        return [(layer.name, _keras_0_3_weights(layer)) for layer in self._graphc_added]

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights, layer by layer."""
        return [value for layer in self.flattened_layers for value in layer.get_weights()]

    def set_weights(self, weights: Sequence[object]) -> None:
        """Set all weights, layer by layer as `get_weights` has them; all or none."""
        layers = self.flattened_layers
        set_values([weight for one in layers for weight in one.weights], weights, self.name)


def _name_in(entry: Any) -> str | None:
    """The name of the layer of an entry, if its config has one."""
    config = entry.get("config") if isinstance(entry, Mapping) else None
    name = config.get("name") if isinstance(config, Mapping) else None
    return name if isinstance(name, str) else None


def _keras_0_3_weights(layer: Layer) -> list[g.Node]:
    """Return the weights of a layer in the order of Keras 0.3, where shared weights come first in a
    Siamese."""
    if isinstance(layer, Merge) and layer.layers:
        parts = list(map(_keras_0_3_weights, layer.layers))
        shared = set.intersection(*map(set, parts))
        found = [one for part in parts for one in part]
        first = [one for one in found if one in shared]
        if layer.mode is None:  # a Siamese without a merge had those of its own layer alone
            return list(dict.fromkeys(first))
        return list(dict.fromkeys([*first, *found]))
    if isinstance(layer, Sequential):
        return [one for _, several in layer.keras_0_3_groups() for one in several]
    return weights_in_order(layer)


def _begun(layer: Layer) -> tuple[list[g.Node], g.Node | list[g.Node]]:
    """Return the inputs that a first layer states, and its outputs."""
    if isinstance(layer, InputLayer):
        tensor = cast(g.Node, layer.output)
        return [tensor], tensor
    if isinstance(layer, Merge) and layer.layers:
        return layer.source_inputs(), layer.get_output_at(0)
    if layer.batch_input_shape is not None and not layer._graphc.input_is_set:
        layer.create_input_layer(layer.batch_input_shape, layer.input_dtype)
    if layer.batch_input_shape is not None or layer._graphc.input_is_set:
        node = layer.inbound_nodes[-1]
        return node.input_tensors, one_or_list(node.output_tensors)
    if isinstance(layer, Container) and layer.inputs:
        # On its own inputs its layers have the tensors that they have, which programs ask for
        # gradients with respect to.
        return layer.inputs, layer(one_or_list(layer.inputs))
    if layer.inbound_nodes:
        inputs = [
            Input(batch_shape=known_shape(tensor), dtype=tensor.dtype, name=_input_name(layer))
            for tensor in layer.inbound_nodes[0].input_tensors
        ]
        return inputs, layer(inputs if layer.inbound_nodes[0].is_list else inputs[0])
    raise ArgumentError(
        f"{layer._graphc_label}: the first layer has to say what comes in: give "
        "input_shape=(...) without the batch axis, e.g. input_shape=(64,)"
    )


def _tensors(layer: Layer) -> list[g.Node]:
    """The outputs of every use of a layer."""
    return [tensor for node in layer.inbound_nodes for tensor in node.output_tensors]


def _input_name(layer: Layer) -> str:
    prefix = f"{type(layer).__name__.lower()}_input"
    return f"{prefix}_{K.get_uid(prefix)}"


def _parts(branch: Layer, inside: Collection[Layer]) -> list[Layer]:
    """Return a merged model; if layers were added to it since, those of its layers that are
    used."""
    if branch in inside or not isinstance(branch, Container):
        return [branch]
    used = [layer for layer in branch.layers if layer in inside]
    return [branch] if len(used) == len(branch.layers) else used
