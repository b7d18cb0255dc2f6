"""Fully connected layers. Users import them from ``graphc.layers.core``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

import numpy as np

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.shapes import KnownShape, known_shape
from graphc.errors import ShapeError
from graphc.layers.bases.affine import AffineLayer
from graphc.layers.bases.arguments import (
    checked_length,
    only_input,
    option,
    with_input_shape,
    with_length,
)
from graphc.lookup import finite_number, whole_number
from graphc.releases import arguments_of_1_2

# What 1.2 has by position at the end, in another order than 1.0.
_LAST_OF_1_2 = (
    *("weights", "W_regularizer", "b_regularizer", "activity_regularizer"),
    *("W_constraint", "b_constraint", "bias", "input_dim"),
)


class _FullyConnected(AffineLayer):
    """Base of the layers of this file: W's last but one axis is as long as the input's last.

    Attributes:
        input_axes: the names of the input's axes; None where there may be any number between the
            batch and the features.
    """

    input_axes: tuple[str, ...] | None = ("batch", "features")
    fix = "Put Flatten() before it, or, for the same layer at each step, TimeDistributed around it"

    def __init__(
        self,
        init: initializations.GivenInit,
        weights: Sequence[object] | None,
        W_regularizer: regularizers.GivenRegularizer,
        b_regularizer: regularizers.GivenRegularizer,
        activity_regularizer: regularizers.GivenRegularizer,
        W_constraint: constraints.GivenConstraint,
        b_constraint: constraints.GivenConstraint,
        bias: bool,
        input_dim: int | None,
        **kwargs: Unpack[LayerKeywords],
    ):
        if input_dim is not None:
            kwargs = with_input_shape(type(self).__name__, kwargs, (input_dim,), "input_dim")
        super().__init__(**kwargs)
        self.input_dim = input_dim
        self._describe_affine(
            option(self, "init", initializations.get, init), weights, W_regularizer, b_regularizer,
            activity_regularizer, W_constraint, b_constraint, bias,
        )  # fmt: skip

    def _affine(self, x: g.Node) -> g.Node:
        """x . W + b."""
        product = K.dot(x, self.W)
        return product if self.b is None else product + self.b

    def _features(self, input_shape: KnownShape) -> int:
        features = input_shape[-1]
        if features is None:
            raise ShapeError(
                f"{self._graphc_label}: axis {len(input_shape) - 1} of the input "
                "has no known size, and W needs it; give input_dim, or input_shape with a number"
            )
        return features

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        where = self._graphc_label
        node = only_input(inputs, where)
        rank = max(node.ndim, 2) if self.input_axes is None else len(self.input_axes)
        if node.ndim != rank:
            axes = ", ".join(self.input_axes or ("batch", "features"))
            raise ShapeError(
                f"{where}: expected a {rank}-D input ({axes}), received "
                f"{node.ndim}-D: {known_shape(node)}. {self.fix}; and if the shape came from "
                "input_shape, note that input_shape leaves out the batch axis"
            )
        if self.built and node.shape[-1] != self.W.shape[-2]:
            raise ShapeError(
                f"{where}: axis {rank - 1} of the input: expected {self.W.shape[-2]}, the size "
                f"that its weights were made for, received {node.shape[-1]}"
            )


class Dense(_FullyConnected):
    """A fully connected layer: activation(x . W + b).

    Input: (batch, features). Output: (batch, output_dim). Axes between the two stay: of
    (batch, steps, features) each step goes through the layer.

    Args:
        output_dim: how many units.
        init: the name of an initialization of W, or a function (shape, name) -> shared variable;
            b starts at zero.
        activation: a name or a function of a node.
        weights: initial values [W, b], of shapes (features, output_dim) and (output_dim,).
        W_regularizer, b_regularizer: penalties on the weights, in the training loss only.
        activity_regularizer: a penalty on the output, in the training loss only.
        W_constraint, b_constraint: applied to the weights after each update.
        input_dim: the same as input_shape=(input_dim,).
        bias: whether there is a b.

    Raises:
        ShapeError: an input without features.
    """

    input_axes: tuple[str, ...] | None = None

    @arguments_of_1_2("output_dim", "init", "activation", *_LAST_OF_1_2, activation=None)
    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = "linear",
        weights: Sequence[object] | None = None,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        input_dim: int | None = None,
        *,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint,
            b_constraint, bias, input_dim, **kwargs,
        )  # fmt: skip
        self.output_dim = whole_number(f"{self.name}: output_dim", output_dim, 1)
        self.activation = option(self, "activation", activations.get, activation)

    def build(self, input_shape: KnownShape) -> None:
        self._add_affine((self._features(input_shape), self.output_dim), (self.output_dim,))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.activation(self._affine(x))


class TimeDistributedDense(Dense):
    """The same fully connected layer at each step of a sequence: activation(x_t . W + b).

    Input: (batch, steps, features). Output: (batch, steps, output_dim). The steps may be open.

    Args:
        output_dim: how many units.
        init, activation, weights: as in `Dense`.
        W_regularizer, b_regularizer, activity_regularizer: as in `Dense`.
        W_constraint, b_constraint, bias: as in `Dense`.
        input_dim: how many features; with input_length the same as
            input_shape=(input_length, input_dim).
        input_length: how many steps, None for any number; an input of others is refused.

    Raises:
        ShapeError: an input that is not (batch, steps, features).
    """

    supports_masking = True
    input_axes = ("batch", "steps", "features")
    fix = "For (batch, features) there is Dense"

    @arguments_of_1_2(
        *("output_dim", "init", "activation", *_LAST_OF_1_2, "input_length"), activation=None
    )
    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit = "glorot_uniform",
        activation: activations.GivenActivation = "linear",
        weights: Sequence[object] | None = None,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        input_dim: int | None = None,
        input_length: int | None = None,
        *,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        if input_dim is not None:
            shape = (input_length, input_dim)
            kwargs = with_input_shape(type(self).__name__, kwargs, shape, "input_dim")
        super().__init__(
            output_dim, init, activation, weights, W_regularizer, b_regularizer,
            activity_regularizer, W_constraint, b_constraint, bias=bias, **kwargs,
        )  # fmt: skip
        self.input_dim = input_dim
        self.input_length = checked_length(input_length, self.name)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        x = with_length(x, self.input_length, self._graphc_label)
        return super().call(x, mask)


class MaxoutDense(_FullyConnected):
    """The largest of several linear layers, for each unit: max over f of x . W_f + b_f.

    Goodfellow, Warde-Farley, Mirza, Courville, Bengio, "Maxout networks", ICML 2013.
    Input: (batch, features). Output: (batch, output_dim).

    Args:
        output_dim: how many units.
        nb_feature: how many linear layers the maximum is taken of.
        weights: initial values [W, b], of shapes (nb_feature, features, output_dim) and
            (nb_feature, output_dim).
        init, input_dim, W_constraint, b_constraint, bias: as in `Dense`.
        W_regularizer, b_regularizer, activity_regularizer: as in `Dense`.

    Raises:
        ShapeError: an input that is not (batch, features).
    """

    @arguments_of_1_2("output_dim", "nb_feature", "init", *_LAST_OF_1_2)
    def __init__(
        self,
        output_dim: int,
        nb_feature: int = 4,
        init: initializations.GivenInit = "glorot_uniform",
        weights: Sequence[object] | None = None,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        input_dim: int | None = None,
        *,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint,
            b_constraint, bias, input_dim, **kwargs,
        )  # fmt: skip
        self.output_dim = whole_number(f"{self.name}: output_dim", output_dim, 1)
        self.nb_feature = whole_number(f"{self.name}: nb_feature", nb_feature, 1)

    def build(self, input_shape: KnownShape) -> None:
        self._add_affine(
            (self.nb_feature, self._features(input_shape), self.output_dim),
            (self.nb_feature, self.output_dim),
        )

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return K.max(self._affine(x), axis=1)


class Highway(_FullyConnected):
    """A layer beside a way past it: activation(x . W + b) * T + x * (1 - T).

    The gate is T = sigmoid(x . W_carry + b_carry). Srivastava, Greff, Schmidhuber, "Highway
    networks", 2015. Input and output: (batch, features).

    Args:
        init: of W and of W_carry, as in `Dense`.
        transform_bias: what b_carry starts at; below 0 the input passes through at first. By
            default -2; under the flag keras=1.2, as in Keras 1.2.1, 1.
        activation: a name or a function of a node.
        weights: initial values [W, b, W_carry, b_carry], of shapes (features, features) and
            (features,).
        W_regularizer, b_regularizer, W_constraint, b_constraint: as in `Dense`, of W and b alone.
        activity_regularizer, input_dim: as in `Dense`.
        bias: whether there are b and b_carry.

    Raises:
        ShapeError: an input that is not (batch, features).
    """

    @arguments_of_1_2("init", "activation", *_LAST_OF_1_2, activation=None, transform_bias=1.0)
    def __init__(
        self,
        init: initializations.GivenInit = "glorot_uniform",
        transform_bias: float = -2,
        activation: activations.GivenActivation = "linear",
        weights: Sequence[object] | None = None,
        W_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        b_constraint: constraints.GivenConstraint = None,
        input_dim: int | None = None,
        *,
        bias: bool = True,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(
            init, weights, W_regularizer, b_regularizer, activity_regularizer, W_constraint,
            b_constraint, bias, input_dim, **kwargs,
        )  # fmt: skip
        self.transform_bias = finite_number(self.name, "transform_bias", transform_bias)
        self.activation = option(self, "activation", activations.get, activation)

    def build(self, input_shape: KnownShape) -> None:
        features = self._features(input_shape)
        self._add_affine((features, features), (features,))
        self.W_carry = self.add_weight((features, features), self.init, "W_carry")
        self.b_carry: g.Node | None = None
        if self.bias:
            self.b_carry = self.add_weight((features,), self._full_of_transform_bias, "b_carry")

    def _full_of_transform_bias(self, shape: tuple[int, ...], name: str) -> g.Node:
        return K.variable(np.full(shape, self.transform_bias), name=name)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        carried = K.dot(x, self.W_carry)
        gate = K.sigmoid(carried if self.b_carry is None else carried + self.b_carry)
        return self.activation(self._affine(x)) * gate + x * (1.0 - gate)
