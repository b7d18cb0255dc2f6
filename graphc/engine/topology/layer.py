"""Layers: weights, and a rule that turns input tensors into output tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, Unpack, cast

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.configs.budget import take_uses
from graphc.engine.configs.config import arguments_from, config_of
from graphc.engine.configs.registry import Entry
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.additions import Additions
from graphc.engine.topology.connected import Connected
from graphc.engine.topology.layer_node import (
    JoinedTensors,
    LayerNode,
    Mask,
    NodeLayer,
    Record,
    TensorHistory,
    Use,
    mask_of,
    one_or_list,
    record_use,
    recorded_uses,
    to_list,
)
from graphc.engine.topology.shapes import (
    InputSpec,
    KnownShape,
    batch_shape,
    check_specs,
    checked_dtype,
    known_shape,
    may_be_equal,
    warn_of_claim,
)
from graphc.engine.topology.user_layers import checks, keras_0_3
from graphc.engine.topology.weights import Weighted
from graphc.errors import ArgumentError, ShapeError
from graphc.initializations import to_be_set
from graphc.keywords import constructor_parameters, refuse_modern, refuse_unknown
from graphc.later.attributes import OF_LAYERS
from graphc.lookup import true_or_false
from graphc.public.attributes import explain_missing
from graphc.releases import arguments_of_1_2, release

BASE_KEYWORDS = tuple(LayerKeywords.__annotations__)

# What a model has as properties over its layers, every other layer has as attributes of its own.
_OWN_LISTS = ("trainable_weights", "non_trainable_weights", "regularizers", "updates")


class Layer(Connected, Weighted, Additions, Entry):
    """Base of all layers.

    A subclass defines ``build(input_shape)``, which makes the weights at the first call, and
    ``call(x, mask=None)``, which returns the output; its shape is read off that node. A subclass
    may also define ``get_output_shape_for(input_shape)``, and then it is checked. Several inputs
    come as a list, with a list of shapes and of masks; several outputs are returned as a list.

    A mask comes to layers with `supports_masking`, or with a `compute_mask` of their own.

    Keyword arguments:
        input_shape: of one sample, without the batch axis (``batch_input_shape`` has it).
        input_dtype: floatX by default.
        name: by default the class's name in lower case and a number, ``dense_1``.
        trainable: whether training changes the weights.

    Attributes:
        trainable_weights, non_trainable_weights: lists of shared variables.
        regularizers: penalties on weights and outputs, added to the training loss.
        constraints: weight -> what is applied to it after each update.
        updates: (shared variable, new value) pairs: what `build` adds belongs to every training
            step, what `call` adds to the steps of the models that have this use of the layer.
        stateful: whether the updates belong to testing and predicting too.
        input_spec: one InputSpec for each input, or None.
    """

    input_spec: Sequence[InputSpec] | None = None
    supports_masking = False
    stateful = False
    updates: list[tuple[g.Node, g.Node]]

    def __new__(cls, *args: object, **kwargs: object) -> Self:
        # Before __init__, whose missing positional argument (`units=3` leaves out output_dim)
        # would be reported first.
        refuse_modern(cls.__name__, kwargs, [*constructor_parameters(cls), *BASE_KEYWORDS])
        layer = super().__new__(cls)
        layer._graphc = Record(frozenset(kwargs), release())
        return layer

    def __init__(self, **kwargs: Unpack[LayerKeywords]):
        label = type(self).__name__
        allowed = [*BASE_KEYWORDS, *constructor_parameters(type(self))]
        cache_enabled = cast("dict[str, Any]", kwargs).pop("cache_enabled", True)  # of Keras 0.3
        refuse_unknown(label, [key for key in kwargs if key not in BASE_KEYWORDS], allowed)
        prefix = label.lower()
        name = kwargs.get("name")
        if name is not None and not (isinstance(name, str) and name):
            raise ArgumentError(f"{label}: name: expected a text, received {name!r}")
        self.name: str = name or f"{prefix}_{K.get_uid(prefix)}"
        self.trainable: bool = true_or_false(label, "trainable", kwargs.get("trainable", True))
        self._graphc_check_cache(cache_enabled)
        self.built = False
        # Layers of Keras 1.0 set what they have before they call this.
        for attribute in _OWN_LISTS:
            if not isinstance(getattr(type(self), attribute, None), property):
                vars(self).setdefault(attribute, [])
        if not isinstance(getattr(type(self), "constraints", None), property):
            vars(self).setdefault("constraints", {})
        self.inbound_nodes: list[LayerNode] = []
        self.outbound_nodes: list[LayerNode] = []
        self.input_dtype = checked_dtype(kwargs.get("input_dtype"), self.name)
        self.batch_input_shape = batch_shape(
            kwargs.get("input_shape"), kwargs.get("batch_input_shape"), self.name
        )

    def _graphc_next_draw(self) -> tuple[int, int]:
        """Return the `seed` of ``g.random`` for this layer, drawn from NumPy's global generator at
        the first use, and a new `stream`."""
        record = self._graphc
        if record.seed is None:
            record.seed = g.random.draw_seed()
        record.streams += 1
        return record.seed, record.streams - 1

    def build(self, input_shape: Any) -> None:
        """Make the weights for inputs of a shape (with the batch axis). No weights by default."""

    def call(self, x: Any, mask: Any = None) -> Any:
        """Return the output for an input tensor; by default the input itself."""
        return keras_0_3.output_of(self) if keras_0_3.is_keras_0_3(type(self)) else x

    def compute_mask(self, input: Any, input_mask: Any = None) -> Any:
        """Return the mask of the output: that of the input, if the layer supports masks.

        Raises ArgumentError for a mask that comes to a layer that does not.
        """
        if not self.supports_masked_input():
            self._graphc_refuse_mask(input_mask)
            return None
        return keras_0_3.mask_of(self, input_mask)

    def _graphc_refuse_mask(self, mask: Mask | list[Mask]) -> None:
        checks.refuse_mask(self, mask)

    def __call__(self, x: g.Node | Sequence[g.Node], mask: Mask | Sequence[Mask] = None) -> Any:
        """Use the layer on a tensor, or on a list of them; the first use makes the weights.

        The masks that came with the inputs are used unless `mask` gives others.
        """
        checks.check_made(self)
        self.assert_input_compatibility(x)
        inputs = to_list(x)
        masks = [mask_of(node) for node in inputs] if mask is None else to_list(mask)
        checks.check_masks(self, masks, "mask")
        if not self.inbound_nodes and len(inputs) == 1:
            warn_of_claim(self, known_shape(inputs[0]))
        several = isinstance(x, list | tuple)
        with recorded_uses() as uses:
            given: Any = list(x) if several and not isinstance(x, JoinedTensors) else x
            outputs, output_masks = self._graphc_apply(given, masks if several else masks[0])
        with g.origin(self.name):
            tensors = [_own_tensor(output, inputs) for output in outputs]
        node = LayerNode.of_tensors(self, inputs, tensors, masks, output_masks)
        node.is_list = several
        node.uses = uses
        for k, tensor in enumerate(tensors):
            g.set_history(tensor, TensorHistory(self, len(self.inbound_nodes) - 1, k))
        return one_or_list(tensors)

    def _graphc_apply(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None
    ) -> tuple[list[g.Node], list[Mask]]:
        """Return the outputs and their masks. The use is recorded (`recorded_uses`), but adds no
        `LayerNode`; layers that hold others call this on them."""
        if type(self).compute_mask is Layer.compute_mask and not self.supports_masked_input():
            self._graphc_refuse_mask(mask)
        shapes = [known_shape(node) for node in to_list(x)]
        shape = shapes if isinstance(x, list) else shapes[0]
        take_uses(self.name)
        with g.origin(self.name), keras_0_3.called_on(self, x, mask):
            self._graphc_build_once(shape)
            self.updates = list(self._graphc.own_updates)
            given = any(one is not None for one in to_list(mask))
            if given:
                checks.check_takes_mask(self)
            with self._graphc.adding() as losses:
                output = self.call(x, mask=mask) if given else self.call(x)
        self._graphc_check_output(output, shape)
        outputs = to_list(output)
        with g.origin(self.name), keras_0_3.called_on(self, x, mask):
            output_masks = to_list(self.compute_mask(x, mask))
        checks.check_masks(self, output_masks, "compute_mask() returned")
        if len(output_masks) != len(outputs):
            output_masks *= len(outputs)
        known = set(self._graphc.own_updates)
        updates = [(node, new) for node, new in self.updates if (node, new) not in known]
        record_use(Use(self, tuple(to_list(x)), tuple(outputs), updates, losses=losses))
        return outputs, output_masks

    def _graphc_held_layers(self) -> list[Layer]:
        """Return the layers whose weights are this layer's: those inside of a model or a
        wrapper."""
        return []

    def _graphc_layers_in_use(self) -> list[Layer]:
        """Return those of `_graphc_held_layers` that the output depends on; training changes no
        others."""
        return self._graphc_held_layers()

    def _graphc_build_once(self, shape: KnownShape | list[KnownShape]) -> None:
        if not self.built:
            keras_0_3.build(self, shape)
            self.built = True
            if type(self).build is not Layer.build:
                checks.check_weights(self)
            self._graphc.own_updates = [(node, new) for node, new in self.updates]

    def assert_input_compatibility(self, input: g.Node | Sequence[g.Node]) -> None:
        """Raise an error unless the inputs are tensors that fit `input_spec`."""
        inputs = to_list(input)
        for node in inputs:
            if not isinstance(node, g.Node):
                raise ArgumentError(
                    f"{self.name}: a layer is called on tensors (an Input, another layer's "
                    f"output), received {type(node).__name__}; arrays go to a model's predict"
                )
        self._graphc_check_inputs(tuple(inputs))

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        if self.input_spec is not None:
            # One spec that a user's build makes is that of the first input, as in Keras.
            alone = len(self.input_spec) == 1 and checks.is_users(type(self))
            check_specs(self.input_spec, inputs[:1] if alone else inputs, self._graphc_label)

    def _graphc_check_output(self, output: Any, input_shape: KnownShape | list[KnownShape]) -> None:
        checks.check_output(self, output)
        if type(self).get_output_shape_for is not Layer.get_output_shape_for:
            checks.check_claim(self, output, input_shape)

    def get_output_shape_for(self, input_shape: Any) -> KnownShape | list[KnownShape]:
        """Return the shape of the output for a shape of the input, both with the batch axis; a
        layer with several inputs takes a list of shapes."""
        has_weights = self.built or type(self).build is Layer.build
        layer = self if has_weights else self._graphc_like(input_shape)
        x = layer._graphc_inputs_of(input_shape)
        with layer._graphc_trial(), g.origin(self.name), keras_0_3.called_on(layer, x, None):
            output = layer.call(x)
        return one_or_list([known_shape(one) for one in to_list(output)])

    def _graphc_like(self, input_shape: KnownShape | list[KnownShape]) -> Layer:
        """Return a new layer with the same arguments and uninitialized weights for this input
        shape; this layer stays unbuilt."""
        before = np.random.get_state()
        with to_be_set():
            layer = self._graphc_made_anew(input_shape)
        np.random.set_state(before)
        return layer

    def _graphc_made_anew(self, input_shape: KnownShape | list[KnownShape]) -> Layer:
        """Return a new layer with the same arguments and new weights for this input shape."""
        config = self.get_config()
        # A config has a name for a function, and users' own names stand in no table.
        own = {key: getattr(self, key) for key in config if callable(getattr(self, key, None))}
        layer = type(self).from_config({**config, **own})
        layer._graphc_build_once(input_shape)
        return layer

    def _graphc_reset_weights(self, input_shape: KnownShape) -> None:
        if self.weights:
            self.set_weights(self._graphc_made_anew(input_shape).get_weights())

    def _graphc_inputs_of(self, shape: KnownShape | list[KnownShape]) -> g.Node | list[g.Node]:
        if isinstance(shape, list):
            return [new_input(one, self.input_dtype, None) for one in shape]
        return new_input(shape, self.input_dtype, None)

    @contextmanager
    def _graphc_trial(self) -> Iterator[None]:
        """Undo what calls inside the block add: updates, losses, and streams of random numbers."""
        before = vars(self).get("updates"), self._graphc.streams
        try:
            with self._graphc.adding():
                yield
        finally:
            if before[0] is not None:
                self.updates = before[0]
            self._graphc.streams = before[1]

    def create_input_layer(
        self,
        batch_input_shape: Sequence[int | None],
        input_dtype: str | None = None,
        name: str | None = None,
    ) -> None:
        """Use the layer on a new input, which a model then feeds."""
        prefix = f"{type(self).__name__.lower()}_input"
        entry = InputLayer(
            batch_input_shape=batch_input_shape,
            input_dtype=input_dtype,
            name=name or f"{prefix}_{K.get_uid(prefix)}",
        )
        self(entry.output)

    def add_inbound_node(
        self,
        inbound_layers: Sequence[Layer] | Layer,
        node_indices: Sequence[int] | None = None,
        tensor_indices: Sequence[int] | None = None,
    ) -> None:
        """Use the layer on outputs of others; see `LayerNode.create_node`."""
        LayerNode.create_node(self, to_list(inbound_layers), node_indices, tensor_indices)

    def set_input(self, input_tensor: g.Node, shape: KnownShape | None = None) -> None:
        """Use the layer on a tensor, whose shape is checked if one is given.

        A Sequential that it begins then reads that tensor, which may be any expression.
        """
        if keras_0_3.takes_placeholder(self, input_tensor):
            return
        checks.check_made(self)
        self.assert_input_compatibility(input_tensor)
        if shape is not None and not may_be_equal(tuple(shape), known_shape(input_tensor)):
            raise ShapeError(
                f"{self.name}.set_input: shape says {tuple(shape)}, the tensor has "
                f"{known_shape(input_tensor)}"
            )
        if input_tensor.history is None:
            entry = InputLayer(None, known_shape(input_tensor), input_tensor.dtype)
            entry.stand_for(input_tensor)
        self(input_tensor)
        self._graphc.input_is_set = True

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make such a layer: numbers, texts, lists and dicts."""
        return config_of(self, BASE_KEYWORDS)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return a new layer made from a config."""
        return cls(**arguments_from(cls, config))


class InputLayer(Layer):
    """The layer of a model's input: its `output` is the tensor that the model feeds."""

    supports_masking = True
    _graphc_is_input = True

    @arguments_of_1_2(
        *("input_shape", "batch_input_shape", "input_dtype", "input_tensor", "sparse", "name")
    )
    def __init__(
        self,
        input_shape: Sequence[int | None] | None = None,
        batch_input_shape: Sequence[int | None] | None = None,
        input_dtype: str | None = None,
        name: str | None = None,
        *,
        input_tensor: g.Node | None = None,
        sparse: bool = False,
    ):
        if input_tensor is not None:
            batch_input_shape, input_dtype = _said_by(input_tensor, input_shape, batch_input_shape)
            input_shape = None
        super().__init__(
            input_shape=input_shape,
            batch_input_shape=batch_input_shape,
            input_dtype=input_dtype,
            name=name,
        )
        self.sparse = true_or_false(self._graphc_label, "sparse", sparse)
        if self.sparse:
            raise ArgumentError(
                f"{self._graphc_label}: sparse: expected False, since there are no sparse tensors "
                "here; leave it out, and feed x.toarray(), or batch by batch x[a:b].toarray() "
                "(fit_generator, train_on_batch)"
            )
        if self.batch_input_shape is None:
            raise ArgumentError(f"{self.name}: expected input_shape or batch_input_shape")
        self.built = True
        if input_tensor is None:
            tensor = new_input(self.batch_input_shape, self.input_dtype, self.name)
        else:  # what a layer made stays that layer's
            tensor = g.alias(input_tensor) if input_tensor.history is not None else input_tensor
        self.stand_for(tensor)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments without a given tensor: a config always makes an input that is
        fed."""
        return config_of(self, (*BASE_KEYWORDS, "input_tensor"))

    def stand_for(self, tensor: g.Node) -> None:
        """Replace the output tensor."""
        shapes = [known_shape(tensor)]
        self.inbound_nodes.clear()
        LayerNode(self, [], [], [], [tensor], [tensor], [None], [None], shapes, shapes)
        g.set_history(tensor, TensorHistory(self, 0, 0))


def Input(
    shape: Sequence[int | None] | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    dtype: str | None = None,
    sparse: bool = False,
    tensor: g.Node | None = None,
) -> g.Node:
    """Return a tensor that a model feeds.

    Args:
        shape: of one sample, without the batch axis; None for an open size.
        batch_shape: instead, the shape with the batch axis.
        name: of its layer, by default ``input_<k>``.
        dtype: floatX by default.
        sparse: False; there are no sparse tensors.
        tensor: the tensor itself, a placeholder, or an expression that the model then reads, and
            which nobody feeds; it says the shape and the dtype.
    """
    if shape is None and batch_shape is None and tensor is None:
        raise ArgumentError(
            "Input: expected shape without the batch axis, e.g. shape=(64,), or batch_shape with it"
        )
    name = name or f"input_{K.get_uid('input')}"
    layer = InputLayer(shape, batch_shape, dtype, name=name, input_tensor=tensor, sparse=sparse)
    return cast(g.Node, layer.output)


def _said_by(
    tensor: object, sample: Sequence[int | None] | None, batched: Sequence[int | None] | None
) -> tuple[KnownShape, str]:
    """Return a tensor's shape with the batch axis, and its dtype. ShapeError if a given shape
    disagrees."""
    if not isinstance(tensor, g.Node):
        raise ArgumentError(
            f"Input: tensor: expected a placeholder or another tensor, received {tensor!r:.100}"
        )
    found = known_shape(tensor)
    claimed = batched if sample is None else (None, *sample)
    if claimed is not None and not may_be_equal(tuple(claimed), found):
        raise ShapeError(
            f"Input: tensor: it has the shape {found}, and the shape beside it says "
            f"{tuple(claimed)}, the batch first; leave it out"
        )
    return found, tensor.dtype


def as_layer(found: NodeLayer) -> Layer:
    """Return the layer of a use, as its record has it."""
    assert isinstance(found, Layer)
    return found


def new_input(shape: Sequence[int | None], dtype: str | None, name: str | None) -> g.Node:
    """Return a new input node of a shape with the batch axis; None stands for an open size."""
    batch = g.BATCH if shape[0] is None else shape[0]
    return g.input((batch, *shape[1:]), dtype, name)


explain_missing(Layer, OF_LAYERS)


def _own_tensor(output: g.Node, inputs: Sequence[g.Node]) -> g.Node:
    """Return the output as a tensor of this use alone; an alias is added where another use made the
    same node, or the layer returned its input."""
    if output.history is not None or output in inputs or not output.inputs:
        return g.alias(output)
    return output
