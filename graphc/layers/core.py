"""The core layers: Dense, Activation, Dropout, Flatten, Reshape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from graphc import activations, constraints, initializations, regularizers
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.shapes import KnownShape, known_shape
from graphc.engine.topology import Layer
from graphc.errors import ArgumentError, ShapeError


class Dense(Layer):
    """A fully connected layer: activation(x . W + b).

    Input: (batch, features). Output: (batch, output_dim).

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

    Raises:
        ShapeError: an input that is not (batch, features).
    """

    def __init__(
        self,
        output_dim: int,
        init: str | Callable = "glorot_uniform",
        activation: str | Callable = "linear",
        weights: Sequence[object] | None = None,
        W_regularizer: regularizers.Regularizer | None = None,
        b_regularizer: regularizers.Regularizer | None = None,
        activity_regularizer: regularizers.Regularizer | None = None,
        W_constraint: constraints.Constraint | None = None,
        b_constraint: constraints.Constraint | None = None,
        input_dim: int | None = None,
        **kwargs: Any,
    ):
        if input_dim is not None:
            if kwargs.get("input_shape") is not None:
                raise ArgumentError("Dense: give input_dim or input_shape, not both")
            kwargs["input_shape"] = (input_dim,)
        super().__init__(**kwargs)
        self.output_dim = _positive(output_dim, f"{self.name}: output_dim")
        self.init = initializations.get(init)
        self.activation = activations.get(activation)
        self.initial_weights = weights
        self.W_regularizer = regularizers.get(W_regularizer)
        self.b_regularizer = regularizers.get(b_regularizer)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.W_constraint = constraints.get(W_constraint)
        self.b_constraint = constraints.get(b_constraint)

    def build(self, input_shape: KnownShape) -> None:
        features = input_shape[-1]
        if features is None:
            raise ShapeError(
                f"{self.name} (Dense): axis 1 of the input has no known size, and W needs it; give "
                "input_dim, or input_shape with a number"
            )
        self.W = self.add_weight(
            (features, self.output_dim), self.init, "W", self.W_regularizer, self.W_constraint
        )
        self.b = self.add_weight(
            (self.output_dim,), initializations.zero, "b", self.b_regularizer, self.b_constraint
        )
        if self.activity_regularizer is not None:
            self.activity_regularizer.set_layer(self)
            self.regularizers.append(self.activity_regularizer)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.activation(K.dot(x, self.W) + self.b)

    def _check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        for node in inputs:
            if node.ndim != 2:
                raise ShapeError(
                    f"{self.name} (Dense): expected a 2-D input (batch, features), received "
                    f"{node.ndim}-D: {known_shape(node)}. Put Flatten() before it; and if the "
                    "shape came from input_shape, note that input_shape leaves out the batch axis"
                )
        if self.built and inputs[0].shape[1] != self.W.shape[0]:
            raise ShapeError(
                f"{self.name} (Dense): axis 1 of the input: expected {self.W.shape[0]}, the size "
                f"that its weights were made for, received {inputs[0].shape[1]}"
            )


class Activation(Layer):
    """Applies an activation, by name or a function of a node, to every element.

    Output: the shape of the input.
    """

    supports_masking = True

    def __init__(self, activation: str | Callable, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        return self.activation(x)


class Dropout(Layer):
    """Sets a fraction of the input to 0 in training, and scales the rest by 1 / (1 - p).

    Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov, "Dropout: a simple way to prevent
    neural networks from overfitting", JMLR 2014. The mask is new at each step; its seed comes from
    NumPy's global generator at the layer's first call, and each use of the layer has masks of its
    own. Testing and predicting leave the input as it is.

    Args:
        p: the fraction that is dropped, 0 <= p < 1.
    """

    supports_masking = True

    def __init__(self, p: float, **kwargs: Any):
        super().__init__(**kwargs)
        if not (isinstance(p, int | float | np.number) and 0.0 <= p < 1.0):
            raise ArgumentError(
                f"{self.name} (Dropout): p is the fraction to drop, expected 0 <= p < 1, "
                f"received {p!r}"
            )
        self.p = float(p)
        self.seed: int | None = None

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        if self.p == 0.0:
            return x
        if self.seed is None:
            self.seed = g.random.draw_seed()
        kept = g.random.bernoulli(x.shape, 1.0 - self.p, seed=self.seed, stream=len(self.calls))
        return K.in_train_phase(g.where(kept, x / (1.0 - self.p), 0.0), x)


class Flatten(Layer):
    """All axes but the batch in one: (batch, a, b, ...) to (batch, a * b * ...)."""

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        shape = known_shape(x)
        if x.ndim < 3:
            raise ShapeError(
                f"{self.name} (Flatten): expected an input of at least 3 axes, the batch first, "
                f"received {x.ndim}: {shape}; this input is flat already, so leave Flatten out"
            )
        if None in shape[1:]:
            raise ShapeError(
                f"{self.name} (Flatten): every axis but the batch needs a known size, received "
                f"{shape}; give input_shape with numbers"
            )
        return K.batch_flatten(x)


class Reshape(Layer):
    """The elements of each sample in another shape.

    Args:
        target_shape: of one sample, without the batch axis; one size may be -1: what is left.
    """

    def __init__(self, target_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        sizes = tuple(target_shape) if isinstance(target_shape, Iterable) else (None,)
        wrong = [size for size in sizes if not _is_size(size) and size != -1]
        if wrong or sizes.count(-1) > 1:
            raise ArgumentError(
                f"{self.name} (Reshape): target_shape takes positive sizes and at most one -1, "
                f"received {target_shape!r}"
            )
        self.target_shape = tuple(map(int, sizes))

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        sizes = known_shape(x)[1:]
        target = self.target_shape
        if None not in sizes:
            count = int(np.prod(sizes))
            known = int(np.prod([size for size in target if size != -1]))
            if count % known if -1 in target else count != known:
                raise ShapeError(
                    f"{self.name} (Reshape): a sample of shape {sizes} has {count} elements, which "
                    f"do not fit target_shape {target}"
                )
            target = tuple(count // known if size == -1 else size for size in target)
        return g.reshape(x, (x.shape[0], *target))


def _positive(value: object, what: str) -> int:
    if not _is_size(value):
        raise ArgumentError(f"{what}: expected a whole number of at least 1, received {value!r}")
    return int(value)


def _is_size(value: object) -> bool:
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    return whole and value >= 1
