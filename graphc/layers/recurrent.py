"""Recurrent layers: SimpleRNN, GRU and LSTM.

In the formulas x is the input of a step, h the state before it, ``.`` a matrix product and ``*``
goes element by element; x . W + b is computed for all steps before the loop, or step by step with
``consume_less='mem'``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from graphc import activations, initializations, regularizers
from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.topology.layer import Layer
from graphc.engine.topology.shapes import InputSpec, KnownShape
from graphc.engine.topology.user_layers.checks import is_users
from graphc.errors import ShapeError
from graphc.files.conversions import Form, Gates, JoinedGates
from graphc.initializations import initial
from graphc.layers.bases.arguments import fraction, option, weight_penalty
from graphc.layers.bases.recurrent import (
    Recurrent,
    RecurrentKeywords,
    dropout_mask,
    time_distributed_dense,
)
from graphc.lookup import whole_number
from graphc.public.calls import public

# With the modules that programs have by ``from keras.layers.recurrent import *``.
__all__ = [
    "GRU",
    "LSTM",
    "InputSpec",
    "K",
    "Layer",
    "Recurrent",
    "SimpleRNN",
    "activations",
    "initializations",
    "np",
    "regularizers",
    "time_distributed_dense",
]


@dataclass(frozen=True)
class _Gate:
    W: g.Node  # (features, units)
    U: g.Node  # (units, units)
    b: g.Node  # (units,)


class _Gated(Recurrent):
    """The common base of SimpleRNN, GRU and LSTM: W, U and b of each gate, and dropout of x and h.

    Attributes:
        gate_names: in the order of the weights.
        step_order: in the order in which a step gets x . W + b and the masks of the gates.
        state_count: how many states there are, each (batch, output_dim).
    """

    gate_names: tuple[str, ...]
    step_order: tuple[str, ...]
    state_count = 1
    _is_joint = False  # of weights of all gates in one
    _is_projected = False  # while `call` gives `step` the products of the input
    _features: int  # of a step, known when the weights are made
    W: g.Node
    U: g.Node
    b: g.Node

    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit,
        inner_init: initializations.GivenInit,
        activation: activations.GivenActivation,
        W_regularizer: regularizers.GivenRegularizer,
        U_regularizer: regularizers.GivenRegularizer,
        b_regularizer: regularizers.GivenRegularizer,
        dropout_W: float,
        dropout_U: float,
        **kwargs: Unpack[RecurrentKeywords],
    ):
        super().__init__(**kwargs)
        where = self._graphc_label
        self.output_dim = whole_number(f"{where}: output_dim", output_dim, 1)
        self.init = option(self, "init", initializations.get, init)
        self.inner_init = option(self, "inner_init", initializations.get, inner_init)
        self.activation = option(self, "activation", activations.get, activation)
        self.W_regularizer = weight_penalty(self, "W_regularizer", W_regularizer)
        self.U_regularizer = weight_penalty(self, "U_regularizer", U_regularizer)
        self.b_regularizer = weight_penalty(self, "b_regularizer", b_regularizer)
        self.dropout_W = fraction(dropout_W, f"{where}: dropout_W is the fraction p of x to drop")
        self.dropout_U = fraction(dropout_U, f"{where}: dropout_U is the fraction p of h to drop")

    def build(self, input_shape: KnownShape) -> None:
        features = input_shape[2]
        if features is None:
            raise ShapeError(
                f"{self._graphc_label}: axis 2 of the input has no known size, and "
                "W needs it; give input_dim, or input_shape with a number"
            )
        self.input_spec = (InputSpec(shape=input_shape),)
        self.input_dim = self._features = features
        self.states = [None] * self.state_count
        if self.stateful:
            self.reset_states()
        self._is_joint = self.consume_less == "gpu" and len(self.gate_names) > 1
        made = self._add_joint() if self._is_joint else map(self._add_gate, self.gate_names)
        gates = dict(zip(self.step_order if self._is_joint else self.gate_names, made, strict=True))
        for name, gate in gates.items():
            for part in "WUb":
                setattr(self, f"{part}_{name}" if name else part, getattr(gate, part))
        self._gates = [gates[name] for name in self.step_order]
        self._add_penalties()

    def _add_gate(self, name: str) -> _Gate:
        """The weights of a gate, which become attributes: W_z, U_z, b_z."""
        features, units = self._features, self.output_dim
        end = f"_{name}" if name else ""
        return _Gate(
            self.add_weight((features, units), self.init, f"W{end}"),
            self.add_weight((units, units), self.inner_init, f"U{end}"),
            self.add_weight((units,), self._bias_init(name), f"b{end}"),
        )

    def _add_joint(self) -> list[_Gate]:
        """The weights of all gates in one W, U and b, and what each gate reads of them."""
        n, count = self.output_dim, len(self.step_order)
        self.W = self.add_weight((self._features, count * n), self.init, "W")
        self.U = self.add_weight((n, count * n), self.inner_init, "U")
        self.b = self.add_weight((count * n,), self._joint_bias, "b")
        columns = [slice(k * n, (k + 1) * n) for k in range(count)]
        return [_Gate(self.W[:, one], self.U[:, one], self.b[one]) for one in columns]

    def _joint_bias(self, shape: tuple[int, ...], name: str) -> g.Node:
        each = (self.output_dim,)
        starts = [initial(self._bias_init(gate), each, name) for gate in self.step_order]
        return K.variable(np.concatenate([start.get_value() for start in starts]), name=name)

    def _bias_init(self, name: str) -> Callable[..., g.Node]:
        return initializations.zero

    def _graphc_stored_forms(self) -> dict[g.Node, Form]:
        # The columns of a step with consume_less='gpu' are in the order of the step.
        columns = tuple(self.step_order.index(name) for name in self.gate_names)
        form = JoinedGates(columns) if self._is_joint else Gates(columns)
        return dict.fromkeys(self.weights[:1], form)

    def _add_penalties(self) -> None:
        """A regularizer sees all gates in one: it need not be a sum over elements."""
        for part in "WUb":
            penalty = getattr(self, f"{part}_regularizer")
            if penalty is not None:
                parts = [getattr(gate, part) for gate in self._gates]
                penalty.set_param(getattr(self, part) if self._is_joint else K.concatenate(parts))
                self.regularizers.append(penalty)

    def call(self, x: g.Node | list[g.Node], mask: g.Node | None = None) -> g.Node:
        """The output for a sequence."""
        self._is_projected = not is_users(type(self))
        try:
            return super().call(x, mask)
        finally:
            self._is_projected = False

    @property
    def _projects_in_loop(self) -> bool:
        """True if `step` takes the input itself. With consume_less='gpu' it does for subclasses of
        users' own and for layers around this one that call `step`, as in Keras."""
        return self.consume_less == "mem" or (self.consume_less == "gpu" and not self._is_projected)

    def preprocess_input(self, x: g.Node) -> g.Node:
        """With consume_less='cpu' x . W + b of all gates side by side, else x itself."""
        if self._projects_in_loop:
            return x
        masks = self._dropout_masks(x, self._features, self.dropout_W)
        # Time first, as the loop reads them and as it makes their gradients.
        steps = g.swap_axes(x, 0, 1)
        parts = []
        for gate, mask in zip(self._gates, masks, strict=True):
            kept = steps if mask is None else steps * mask
            parts.append(g.swap_axes(K.dot(kept, gate.W) + gate.b, 0, 1))
        return K.concatenate(parts)

    def get_constants(self, x: g.Node) -> list[Any]:
        """[B_U, B_W]: what each gate multiplies h and x with, for dropout; 1 for none."""
        B_U = self._dropout_masks(x, self.output_dim, self.dropout_U)
        B_W: list[g.Node | None] = [None] * len(self._gates)
        if self._projects_in_loop:
            B_W = self._dropout_masks(x, self._features, self.dropout_W)
        return [[1.0 if mask is None else mask for mask in masks] for masks in (B_U, B_W)]

    def _dropout_masks(self, x: g.Node, size: int, level: float) -> list[g.Node | None]:
        """A mask (batch, size) for each gate, the same at all steps, or None; with one W and U for
        all gates they have one mask."""
        if level == 0.0:
            return [None] * len(self._gates)
        if self._is_joint:
            mask = dropout_mask((x.shape[0], size), level, *self._graphc_next_draw())
            return [mask] * len(self._gates)
        return [
            dropout_mask((x.shape[0], size), level, *self._graphc_next_draw()) for _ in self._gates
        ]

    def _inputs(self, x: g.Node, B_W: Sequence[object]) -> list[g.Node]:
        """x . W + b of each gate in a step."""
        if self._projects_in_loop:
            pairs = zip(self._gates, B_W, strict=True)
            return [K.dot(x * mask, gate.W) + gate.b for gate, mask in pairs]
        n = self.output_dim
        return [x[:, k * n : (k + 1) * n] for k in range(len(self._gates))]


class SimpleRNN(_Gated):
    """h <- activation(x . W + b + h . U), from h = 0.

    Elman, "Finding structure in time", Cognitive Science 14, 1990.

    Weights: W (features, output_dim), U (output_dim, output_dim), b (output_dim,).

    Args:
        output_dim: the size of the state, which is the output.
        init, inner_init: of W and of U, by name or a function (shape, name) -> shared variable.
        activation: by name or a function of a node.
        W_regularizer, U_regularizer, b_regularizer: penalties in the training loss.
        dropout_W, dropout_U: in training, the fractions of x and of h that count as 0 in the
            products with W and U; the others are divided by 1 - p. One draw for each sample and
            batch, the same at all steps. Gal, "A theoretically grounded application of dropout in
            recurrent neural networks", 2015.
        kwargs: those of `Recurrent`, which says what comes in and out.
    """

    gate_names = step_order = ("",)

    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit = "glorot_uniform",
        inner_init: initializations.GivenInit = "orthogonal",
        activation: activations.GivenActivation = "tanh",
        W_regularizer: regularizers.GivenRegularizer = None,
        U_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        dropout_W: float = 0.0,
        dropout_U: float = 0.0,
        **kwargs: Unpack[RecurrentKeywords],
    ):
        super().__init__(
            output_dim, init, inner_init, activation, W_regularizer, U_regularizer, b_regularizer,
            dropout_W, dropout_U, **kwargs,
        )  # fmt: skip

    def get_constants(self, x: g.Node) -> list[Any]:
        """[B_U, B_W]: what h and x are multiplied with, for dropout; 1 for none."""
        return [mask for (mask,) in super().get_constants(x)]

    def step(self, x: g.Node, states: list[Any]) -> tuple[g.Node, list[g.Node]]:
        h, B_U, B_W = states[:3]
        (x_h,) = self._inputs(x, [B_W])
        h = self.activation(x_h + K.dot(h * B_U, self.U))
        return h, [h]


class GRU(_Gated):
    """Gated recurrent unit. From h = 0:

    z = inner(x . W_z + b_z + h . U_z);  r = inner(x . W_r + b_r + h . U_r);
    h <- z * h + (1 - z) * activation(x . W_h + b_h + (r * h) . U_h).

    Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.

    Weights: W, U, b of the gates z, r, h, with the shapes that SimpleRNN has. With
    consume_less='gpu' one W, U and b, whose columns are those of z, r, h; dropout draws once then.

    Args:
        inner_activation: of z and r, by name or a function of a node.

    The other arguments are those of `SimpleRNN`. A regularizer gets the weights of all gates side
    by side; dropout draws for each gate.
    """

    gate_names = step_order = ("z", "r", "h")
    U_z: g.Node
    U_r: g.Node
    U_h: g.Node

    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit = "glorot_uniform",
        inner_init: initializations.GivenInit = "orthogonal",
        activation: activations.GivenActivation = "tanh",
        inner_activation: activations.GivenActivation = "hard_sigmoid",
        W_regularizer: regularizers.GivenRegularizer = None,
        U_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        dropout_W: float = 0.0,
        dropout_U: float = 0.0,
        **kwargs: Unpack[RecurrentKeywords],
    ):
        super().__init__(
            output_dim, init, inner_init, activation, W_regularizer, U_regularizer, b_regularizer,
            dropout_W, dropout_U, **kwargs,
        )  # fmt: skip
        self.inner_activation = option(self, "inner_activation", activations.get, inner_activation)

    def step(self, x: g.Node, states: list[Any]) -> tuple[g.Node, list[g.Node]]:
        h, B_U, B_W = states[:3]
        x_z, x_r, x_h = self._inputs(x, B_W)
        z = self.inner_activation(x_z + K.dot(h * B_U[0], self.U_z))
        r = self.inner_activation(x_r + K.dot(h * B_U[1], self.U_r))
        candidate = self.activation(x_h + K.dot(r * h * B_U[2], self.U_h))
        h = z * h + (1.0 - z) * candidate
        return h, [h]


class LSTM(_Gated):
    """Long short-term memory. From h = c = 0:

    i = inner(x . W_i + b_i + h . U_i);  f and o alike;
    c <- f * c + i * activation(x . W_c + b_c + h . U_c);  h <- o * activation(c).

    Hochreiter and Schmidhuber, "Long short-term memory", Neural Computation 9, 1997; the forget
    gate: Gers, Schmidhuber, Cummins, "Learning to forget", Neural Computation 12, 2000; its bias of
    1: Jozefowicz, Zaremba, Sutskever, "An empirical exploration of recurrent network
    architectures", ICML 2015.

    Weights: W, U, b of the gates i, c, f, o, with the shapes that SimpleRNN has. With
    consume_less='gpu' one W, U and b, whose columns are those of i, f, c, o; dropout draws once
    then.

    Args:
        forget_bias_init: of b_f; the other biases start at 0.
        inner_activation: of i, f and o, by name or a function of a node.

    The other arguments are those of `SimpleRNN`. A regularizer gets the weights of all gates side
    by side; dropout draws for each gate.
    """

    gate_names = ("i", "c", "f", "o")
    step_order = ("i", "f", "c", "o")
    state_count = 2
    U_i: g.Node
    U_f: g.Node
    U_c: g.Node
    U_o: g.Node

    def __init__(
        self,
        output_dim: int,
        init: initializations.GivenInit = "glorot_uniform",
        inner_init: initializations.GivenInit = "orthogonal",
        forget_bias_init: initializations.GivenInit = "one",
        activation: activations.GivenActivation = "tanh",
        inner_activation: activations.GivenActivation = "hard_sigmoid",
        W_regularizer: regularizers.GivenRegularizer = None,
        U_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        dropout_W: float = 0.0,
        dropout_U: float = 0.0,
        **kwargs: Unpack[RecurrentKeywords],
    ):
        super().__init__(
            output_dim, init, inner_init, activation, W_regularizer, U_regularizer, b_regularizer,
            dropout_W, dropout_U, **kwargs,
        )  # fmt: skip
        self.forget_bias_init = option(
            self, "forget_bias_init", initializations.get, forget_bias_init
        )
        self.inner_activation = option(self, "inner_activation", activations.get, inner_activation)

    def _bias_init(self, name: str) -> Callable[..., g.Node]:
        return self.forget_bias_init if name == "f" else initializations.zero

    def step(self, x: g.Node, states: list[Any]) -> tuple[g.Node, list[g.Node]]:
        h, c, B_U, B_W = states[:4]
        x_i, x_f, x_c, x_o = self._inputs(x, B_W)
        i = self.inner_activation(x_i + K.dot(h * B_U[0], self.U_i))
        f = self.inner_activation(x_f + K.dot(h * B_U[1], self.U_f))
        c = f * c + i * self.activation(x_c + K.dot(h * B_U[2], self.U_c))
        o = self.inner_activation(x_o + K.dot(h * B_U[3], self.U_o))
        h = o * self.activation(c)
        return h, [h, c]


public(__name__)
