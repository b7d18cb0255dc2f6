"""Layers around layers: TimeDistributed, Bidirectional."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from types import MappingProxyType
from typing import Any, Unpack

from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.container import Container
from graphc.engine.topology.given_weights import GivenWeights
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.layer_node import Mask, one_or_list, recorded_uses, to_list
from graphc.engine.topology.shapes import InputSpec, KnownShape, known_shape, may_be_equal
from graphc.errors import ArgumentError, ShapeError, errors_at
from graphc.layers.bases.recurrent import OverSteps
from graphc.layers.bases.wrapper_weights import WrapperWeights
from graphc.public.calls import public


class Wrapper(WrapperWeights):
    """Base of layers around another: the weights, with their names, are those of the layer inside,
    and those that a subclass adds.

    Args:
        layer: the layer inside.

    Attributes:
        layer: the layer inside.
    """

    def __init__(self, layer: Layer, **kwargs: Unpack[LayerKeywords]):
        if not isinstance(layer, Layer):
            raise ArgumentError(
                f"{type(self).__name__}: layer: expected a layer, e.g. Dense(8), received {layer!r}"
            )
        self.layer = layer
        super().__init__(**kwargs)

    def _graphc_held_layers(self) -> list[Layer]:
        return [self.layer]

    def build(self, input_shape: KnownShape | None = None) -> None:
        """Nothing: the layer inside makes its weights when it is used."""

    def _graphc_apply(
        self, x: g.Node | list[g.Node], mask: Mask | list[Mask] = None
    ) -> tuple[list[g.Node], list[Mask]]:
        with recorded_uses() as uses:
            outputs, masks = super()._graphc_apply(x, mask)
        inner = self._graphc_held_layers()
        if not any(use.layer in inner for use in uses) and any(map(_does_more, inner)):
            raise ArgumentError(
                f"{self._graphc_label}: its call() uses {_name_of(self.layer)} by "
                "layer.call(x), and so its updates, or the penalty on its output, are lost; use it "
                "by `self.layer(x)`"
            )
        return outputs, masks


class TimeDistributed(Wrapper):
    """A layer or a model at each step of a sequence: ``TimeDistributed(Dense(8))``.

    All steps of all samples go through it as one batch of batch * steps samples; penalties on its
    output, and statistics of the batch, are over all of them. A mask passes by the layer inside.

    Input: (batch, steps, ...), a list of such where a model inside has several inputs.
    Output: (batch, steps, ...), what the layer makes of the rest.

    Args:
        layer: what takes (batch, ...), without the steps.

    Raises:
        ShapeError: an input without steps, or that does not fit the layer inside.
        ArgumentError: the layer inside puts out a mask, which has no place after this layer.
    """

    supports_masking = True

    def build(  # type: ignore[override]  # it needs the shape, unlike its base
        self, input_shape: KnownShape | list[KnownShape]
    ) -> None:
        """Make the weights of the layer inside."""
        self.layer._graphc_build_once(
            one_or_list([_folded_shape(one) for one in _as_shapes(input_shape)])
        )

    def call(self, X: g.Node | list[g.Node], mask: Mask | list[Mask] = None) -> Any:
        batch, steps = to_list(X)[0].shape[:2]
        folded = _folded(to_list(X))
        outputs, masks = self.layer._graphc_apply(folded if isinstance(X, list) else folded[0])
        if any(one is not None for one in masks):
            raise ArgumentError(
                f"{self._graphc_label}: {self.layer._graphc_label} puts out a mask of its own, "
                "within each step, which has no place after this layer; put a layer that uses "
                "it up after it, e.g. "
                "TimeDistributed(Sequential([Embedding(..., mask_zero=True), LSTM(8)]))"
            )
        return one_or_list([g.reshape(y, (batch, steps, *y.shape[1:])) for y in outputs])

    def compute_mask(
        self, input: g.Node | list[g.Node], input_mask: Mask | list[Mask] = None
    ) -> Mask:
        """The mask that comes in; of several the steps that count in all of them."""
        given = [one for one in to_list(input_mask) if one is not None]
        return reduce(g.logical_and, given) if given else None

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        for x in inputs:
            if x.ndim < 3:
                raise ShapeError(
                    f"{self._graphc_label}: expected an input (batch, steps, ...) of at least 3 "
                    f"axes, received {x.ndim}: {known_shape(x)}; without steps use "
                    f"{type(self.layer).__name__} itself"
                )
        steps = {known_shape(x)[1] for x in inputs} - {None}
        if len(steps) > 1:
            raise ShapeError(
                f"{self._graphc_label}: expected inputs of equally many steps, received "
                f"{', '.join(str(known_shape(x)) for x in inputs)}"
            )
        self._check_inside(_folded(inputs))

    def _check_inside(self, folded: list[g.Node]) -> None:
        """Errors for what the layer inside does not take; they name this layer too."""
        inside = self.layer
        claimed, found = inside.batch_input_shape, known_shape(folded[0])
        with errors_at(f"{self._graphc_label}, at each step"):
            if isinstance(inside, Container):
                inside._graphc_need_layers("call")
                _check_sizes(inside, folded)
            else:
                inside.assert_input_compatibility(one_or_list(folded))
                if claimed is not None and not may_be_equal(claimed[1:], found[1:]):
                    raise ShapeError(
                        f"{self.layer._graphc_label}: its input_shape (or input_dim) says "
                        f"{claimed[1:]}, received {found[1:]}; leave it out"
                    )


def _does_more(layer: Layer) -> bool:
    """Return True if a use of a layer has updates, or a penalty on its output."""
    if isinstance(layer, Container):  # records the uses of its layers
        return False
    penalised = any(getattr(one, "layer", None) is layer for one in layer.regularizers)
    return penalised or len(layer.updates) > len(layer._graphc.own_updates)


def _as_shapes(shape: KnownShape | list[KnownShape]) -> list[KnownShape]:
    return shape if isinstance(shape, list) else [shape]


def _folded_shape(shape: KnownShape) -> KnownShape:
    batch, steps, *rest = shape
    return (None if batch is None or steps is None else batch * steps, *rest)


def _folded(inputs: Sequence[g.Node]) -> list[g.Node]:
    """The steps of all samples as samples."""
    batch, steps = inputs[0].shape[:2]
    return [g.reshape(x, (batch * steps, *x.shape[2:])) for x in inputs]


def _check_sizes(model: Container, inputs: Sequence[g.Node]) -> None:
    """The inputs of a model against what it takes, but for the batch size."""
    specs = model.input_spec
    if len(specs) != len(inputs):
        raise ArgumentError(f"{model.name}: expected {len(specs)} inputs, received {len(inputs)}")
    for spec, x in zip(specs, inputs, strict=True):
        sizes = InputSpec(shape=(None, *(spec.shape or ())[1:]))
        sizes.check(x, f"{model.name} ({type(model).__name__})")


MERGE_MODES: Mapping[str | None, Callable[[g.Node, g.Node], g.Node | list[g.Node]]] = (
    MappingProxyType(
        {
            "sum": g.add,
            "mul": g.mul,
            "ave": lambda y, back: (y + back) / 2,
            "concat": lambda y, back: g.concat([y, back], -1),
            None: lambda y, back: [y, back],
        }
    )
)


class Bidirectional(GivenWeights, Wrapper):
    """A recurrent layer, and a second one that reads the sequence from its other end; of Keras 1.1.

    Schuster, Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal
    Processing 1997. Both are made anew from the arguments of `layer`, with weights of their own,
    and named ``forward_<name>`` and ``backward_<name>``. With `return_sequences` their outputs are
    in the same order, that of the first one. Where nothing else says what comes in, `layer` does.

    Input: (batch, steps, features), and a mask (batch, steps).
    Output: (batch, steps, units) with the layer's `return_sequences`, else (batch, units); with
    'concat' twice the units, with None a list of two.

    Args:
        layer: a recurrent layer that is not yet in use.
        merge_mode: how the two outputs become one: 'sum', 'mul', 'ave', 'concat'; None: not.
        weights: initial values, those of the forward layer, then those of the backward one.

    Attributes:
        forward_layer, backward_layer: the two. `layer` itself has no weights.

    Raises:
        ArgumentError: a layer that is not recurrent, is in use or has initial weights; an unknown
            merge_mode.
    """

    supports_masking = True

    def __init__(
        self,
        layer: OverSteps,
        merge_mode: str | None = "concat",
        weights: Sequence[object] | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        if not isinstance(layer, OverSteps):
            raise ArgumentError(
                "Bidirectional: layer: expected a recurrent layer, e.g. LSTM(8), received "
                f"{_name_of(layer)}"
            )
        if layer.built or layer.initial_weights is not None:
            raise ArgumentError(
                f"Bidirectional: layer: two new layers are made like {_name_of(layer)}, and it has "
                "weights already, which they would not have; give a layer that is not in use, and "
                "initial values as Bidirectional(..., weights=...)"
            )
        if merge_mode not in tuple(MERGE_MODES):
            raise ArgumentError(
                "Bidirectional: merge_mode: expected 'sum', 'mul', 'ave', 'concat' or None, "
                f"received {merge_mode!r}"
            )
        if layer.batch_input_shape is not None and not {"input_shape", "batch_input_shape"} & set(
            kwargs
        ):
            kwargs["batch_input_shape"] = layer.batch_input_shape
            kwargs.setdefault("input_dtype", layer.input_dtype)
        super().__init__(layer, **kwargs)
        self.merge_mode = merge_mode
        self.return_sequences = layer.return_sequences
        self.forward_layer = _like(layer, "forward")
        self.backward_layer = _like(layer, "backward", go_backwards=not layer.go_backwards)
        self.initial_weights = weights

    def _graphc_held_layers(self) -> list[Layer]:
        return [self.forward_layer, self.backward_layer]

    def build(  # type: ignore[override]  # it needs the shape, unlike its base
        self, input_shape: KnownShape
    ) -> None:
        """Make the weights of both layers."""
        for one in (self.forward_layer, self.backward_layer):
            one._graphc_build_once(input_shape)

    def call(self, inputs: g.Node, mask: Mask = None) -> Any:
        ((forward,), _), ((backward,), _) = (
            one._graphc_apply(inputs, mask) for one in self._graphc_held_layers()
        )
        if self.forward_layer.return_sequences:
            backward = g.flip(backward, 1)
        return MERGE_MODES[self.merge_mode](forward, backward)

    def compute_mask(self, input: g.Node, mask: Mask = None) -> Mask:
        """The mask in the order of the outputs, if there is one for each step."""
        return self.forward_layer.compute_mask(input, mask)

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        self.forward_layer._graphc_check_inputs(inputs)


def _like(layer: OverSteps, prefix: str, **changes: object) -> OverSteps:
    """A new layer of the same arguments. Objects and functions are given as they are: a config has
    a name for each, and users' own names stand in no table."""
    config = {**layer.get_config(), **changes, "name": f"{prefix}_{layer.name}"}
    own = {key: getattr(layer, key) for key in config if callable(getattr(layer, key, None))}
    return type(layer).from_config({**config, **own})


def _name_of(layer: object) -> str:
    return layer._graphc_label if isinstance(layer, Layer) else repr(layer)


public(__name__)
