"""Recurrent layers over sequences of images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

from graphc import activations, initializations, regularizers
from graphc import backend as K
from graphc.backend.conv import CONVOLUTION_BORDERS, check_border_mode, convolve, whole_numbers
from graphc.backend.settings import check_dim_ordering
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.shapes import InputSpec, KnownShape, known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.files.conversions import Form, KernelLayout
from graphc.layers.bases.arguments import fraction, option, weight_penalty
from graphc.layers.bases.recurrent import OverSteps, dropout_mask
from graphc.layers.bases.spatial import conv_output_length
from graphc.lookup import whole_number
from graphc.public.calls import public
from graphc.releases import since

_GATES = ("i", "c", "f", "o")  # in the order of the weights
_STEP_ORDER = ("i", "f", "c", "o")


class ConvRecurrentKeywords(LayerKeywords, total=False):
    """The keyword arguments of every layer over sequences of images, beside those of
    `ConvLSTM2D`."""

    weights: Sequence[object] | None
    return_sequences: bool
    go_backwards: bool
    stateful: bool


class ConvRecurrent2D(OverSteps):
    """Base of recurrent layers whose states are images.

    Input: (batch, steps, channels, rows, columns), with dim_ordering='tf' the channels last.
    Output: (batch, steps, nb_filter, rows, columns) with `return_sequences`, else the last one.

    Args:
        weights: the initial values of all weights.
        nb_row, nb_col: the size of the kernels.
        nb_filter: how many channels a state has.
        return_sequences, go_backwards, stateful: as of `Recurrent`.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
    """

    input_spec = (InputSpec(ndim=5),)

    def __init__(
        self,
        weights: Sequence[object] | None = None,
        nb_row: int | None = None,
        nb_col: int | None = None,
        nb_filter: int | None = None,
        return_sequences: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        dim_ordering: str | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(weights, return_sequences, go_backwards, stateful, **kwargs)
        where = self._graphc_label
        self.nb_filter = whole_number(f"{where}: nb_filter", nb_filter, 1)
        self.nb_row = whole_number(f"{where}: nb_row", nb_row, 1)
        self.nb_col = whole_number(f"{where}: nb_col", nb_col, 1)
        self.dim_ordering = check_dim_ordering(dim_ordering or "default", where)
        self.border_mode = "valid"
        self.subsample: tuple[int, ...] = (1, 1)

    def get_output_shape_for(self, input_shape: KnownShape) -> KnownShape:
        th = self.dim_ordering == "th"
        sizes = input_shape[3:] if th else input_shape[2:4]
        rows = zip(sizes, (self.nb_row, self.nb_col), self.subsample, strict=True)
        images = tuple(conv_output_length(n, k, self.border_mode, s) for n, k, s in rows)
        image = (self.nb_filter, *images) if th else (*images, self.nb_filter)
        steps = input_shape[1:2] if self.return_sequences else ()
        return (input_shape[0], *steps, *image)

    def get_constants(self, X: g.Node, train: bool = False) -> list[Any]:
        """Return what each step receives after the states. Nothing by default."""
        return []

    def get_initial_states(self, X: g.Node) -> list[g.Node]:
        """Zeros of the shape of an output for each of `states`."""
        dtype = g.promote(X.dtype, K.floatx())
        shape = self._state_image(X.shape[2:])
        return [g.zeros((X.shape[0], *shape), dtype) for _ in self._own_states()]

    def _state_image(self, image: Sequence[g.Size]) -> tuple[g.Size, ...]:
        """The shape of a state without the samples, for images of a shape."""
        th = self.dim_ordering == "th"
        sizes = image[1:] if th else image[:2]
        found: list[g.Size] = []
        rows = zip(sizes, (self.nb_row, self.nb_col), self.subsample, strict=True)
        for size, extent, step in rows:
            starts = {"same": size, "valid": size - extent + 1, "full": size + extent - 1}
            found.append((starts[self.border_mode] + step - 1) // step)
        return (self.nb_filter, *found) if th else (*found, self.nb_filter)

    def _state_shape(self, samples: g.Size) -> tuple[g.Size, ...]:
        image = (self.input_spec[0].shape or ())[2:]
        sizes = [size for size in image if size is not None]
        if len(sizes) < len(image) or not sizes:
            raise ShapeError(
                f"{self._graphc_label}: stateful=True needs images of known sizes, received an "
                f"input of the shape {self.input_spec[0].shape}; give batch_input_shape with "
                "numbers"
            )
        return (samples, *self._state_image(sizes))


@since("1.1.2")
class ConvLSTM2D(ConvRecurrent2D):
    """An LSTM whose products are convolutions. From h = c = 0:

    i = inner(x * W_i + b_i + h * U_i);  f and o alike;
    c <- f c + i activation(x * W_c + b_c + h * U_c);  h <- o activation(c),

    where ``*`` is a convolution as of `Convolution2D`: of x with `border_mode` and `subsample`, of
    h with 'same'. Shi, Chen, Wang, Yeung, Wong, Woo, "Convolutional LSTM network", NIPS 2015.

    Input and output: as of `ConvRecurrent2D`.
    Weights: W, U, b of the gates i, c, f, o: kernels as those of `Convolution2D`, U from nb_filter
    channels, and b (nb_filter,).

    Args:
        nb_filter: how many channels the states, and the output, have.
        nb_row, nb_col: the size of the kernels.
        init, inner_init: of W and of U, by name or a function (shape, name) -> shared variable.
        forget_bias_init: of b_f; the other biases start at 0.
        activation, inner_activation: by name or a function of a node; the latter of i, f and o.
        dim_ordering: 'th', 'tf', or 'default', which is `K.image_dim_ordering()`.
        border_mode, subsample: of the convolution of x.
        W_regularizer, U_regularizer, b_regularizer: penalties on the weights of all gates side by
            side, in the training loss only.
        dropout_W, dropout_U: as of `SimpleRNN`, of the pixels of x and of h; one draw a gate.
        kwargs: those of `ConvRecurrent2D`.
    """

    def __init__(
        self,
        nb_filter: int,
        nb_row: int,
        nb_col: int,
        init: initializations.GivenInit = "glorot_uniform",
        inner_init: initializations.GivenInit = "orthogonal",
        forget_bias_init: initializations.GivenInit = "one",
        activation: activations.GivenActivation = "tanh",
        inner_activation: activations.GivenActivation = "hard_sigmoid",
        dim_ordering: str = "default",
        border_mode: str = "valid",
        subsample: Sequence[int] = (1, 1),
        W_regularizer: regularizers.GivenRegularizer = None,
        U_regularizer: regularizers.GivenRegularizer = None,
        b_regularizer: regularizers.GivenRegularizer = None,
        dropout_W: float = 0.0,
        dropout_U: float = 0.0,
        **kwargs: Unpack[ConvRecurrentKeywords],
    ):
        super().__init__(
            nb_row=nb_row, nb_col=nb_col, nb_filter=nb_filter, dim_ordering=dim_ordering, **kwargs
        )
        where, ordering = self._graphc_label, self.dim_ordering
        self.init = option(self, "init", initializations.get, init, dim_ordering=ordering)
        self.inner_init = option(
            self, "inner_init", initializations.get, inner_init, dim_ordering=ordering
        )
        self.forget_bias_init = option(
            self, "forget_bias_init", initializations.get, forget_bias_init
        )
        self.activation = option(self, "activation", activations.get, activation)
        self.inner_activation = option(self, "inner_activation", activations.get, inner_activation)
        check_border_mode(border_mode, where, CONVOLUTION_BORDERS)
        self.border_mode = border_mode
        self.subsample = whole_numbers(subsample, 2, f"{where}: subsample")
        self.W_regularizer = weight_penalty(self, "W_regularizer", W_regularizer)
        self.U_regularizer = weight_penalty(self, "U_regularizer", U_regularizer)
        self.b_regularizer = weight_penalty(self, "b_regularizer", b_regularizer)
        self.dropout_W = fraction(dropout_W, f"{where}: dropout_W is the fraction p of x to drop")
        self.dropout_U = fraction(dropout_U, f"{where}: dropout_U is the fraction p of h to drop")

    def build(self, input_shape: KnownShape) -> None:
        th = self.dim_ordering == "th"
        channels = input_shape[2 if th else 4]
        if channels is None:
            raise ShapeError(
                f"{self._graphc_label}: axis {2 if th else 4} of the input (channels) has no known "
                f"size, and W needs it; received {input_shape}"
            )
        self.input_spec = (InputSpec(shape=input_shape),)
        self.states = [None, None]
        if self.stateful:
            self.reset_states()
        n, window = self.nb_filter, (self.nb_row, self.nb_col)
        shapes = [(n, c, *window) if th else (*window, c, n) for c in (channels, n)]
        for gate in _GATES:
            bias = self.forget_bias_init if gate == "f" else initializations.zero
            self._add_part("W", gate, shapes[0], self.init)
            self._add_part("U", gate, shapes[1], self.inner_init)
            self._add_part("b", gate, (n,), bias)
        axes = {"W": 0 if th else 3, "U": 0 if th else 3, "b": 0}
        for part, axis in axes.items():
            penalty = getattr(self, f"{part}_regularizer")
            if penalty is not None:
                penalty.set_param(K.concatenate(self._parts(part), axis))
                self.regularizers.append(penalty)

    def _graphc_stored_forms(self) -> dict[g.Node, Form]:
        even = self.nb_row % 2 == 0 or self.nb_col % 2 == 0
        moves = {
            "W": self.border_mode == "same" and (even or max(self.subsample) > 1),
            "U": even,
        }
        return {
            weight: KernelLayout(self.dim_ordering, moves=moves[part])
            for part in ("W", "U")
            for weight in self._parts(part)
        }

    def _add_part(
        self, part: str, gate: str, shape: tuple[int, ...], init: Callable[..., g.Node]
    ) -> None:
        name = f"{part}_{gate}"
        setattr(self, name, self.add_weight(shape, init, name))

    def _parts(self, part: str) -> list[g.Node]:
        """W, U or b of each gate, in the order of a step."""
        return [getattr(self, f"{part}_{gate}") for gate in _STEP_ORDER]

    @property
    def _channels(self) -> int:
        """The axis of channels in an image of the samples."""
        return 1 if self.dim_ordering == "th" else 3

    def preprocess_input(self, x: g.Node) -> g.Node:
        """Return what x adds to each gate, for all steps before the loop: channels side by side."""
        masks = self._masks((x.shape[0], *x.shape[2:]), self.dropout_W)
        samples, steps = x.shape[:2]
        parts = []
        for W, b, mask in zip(self._parts("W"), self._parts("b"), masks, strict=True):
            kept = x if mask is None else x * g.expand_dims(mask, 1)
            images = g.reshape(kept, (samples * steps, *kept.shape[2:]))
            y = self.conv_step(images, W, b, self.border_mode)
            parts.append(g.reshape(y, (samples, steps, *y.shape[1:])))
        return g.concat(parts, self._channels + 1)

    def get_constants(self, x: g.Node) -> list[Any]:  # type: ignore[override]  # as in Keras
        """[B_U]: what each gate multiplies h with, for dropout; None for none."""
        return [self._masks((x.shape[0], *self._state_image(x.shape[2:])), self.dropout_U)]

    def _masks(self, shape: tuple[g.Size, ...], level: float) -> list[g.Node | None]:
        if level == 0.0:
            return [None] * len(_STEP_ORDER)
        return [dropout_mask(shape, level, *self._graphc_next_draw()) for _ in _STEP_ORDER]

    def conv_step(
        self, x: g.Node, W: g.Node, b: g.Node | None = None, border_mode: str = "valid"
    ) -> g.Node:
        """Images convolved with W, plus b, with the layer's strides."""
        y = convolve(x, W, self.subsample, border_mode, self.dim_ordering, self._graphc_label)
        if b is None:
            return y
        return y + g.reshape(b, (self.nb_filter, *(1,) * (3 - self._channels)))

    def conv_step_hidden(self, x: g.Node, W: g.Node, border_mode: str = "valid") -> g.Node:
        """States convolved with W, with strides of 1."""
        return convolve(x, W, (1, 1), border_mode, self.dim_ordering, self._graphc_label)

    def step(self, x: g.Node, states: list[Any]) -> tuple[g.Node, list[g.Node]]:
        h, c, B_U = states
        x_i, x_f, x_c, x_o = self._gates(x)
        h_i, h_f, h_c, h_o = self._hidden(h, B_U)
        i = self.inner_activation(x_i + h_i)
        f = self.inner_activation(x_f + h_f)
        c = f * c + i * self.activation(x_c + h_c)
        o = self.inner_activation(x_o + h_o)
        h = o * self.activation(c)
        return h, [h, c]

    def _hidden(self, h: g.Node, B_U: Sequence[g.Node | None]) -> list[g.Node]:
        """h * U of each gate."""
        kernels = self._parts("U")
        if all(mask is None for mask in B_U):
            joint = g.concat(kernels, 0 if self.dim_ordering == "th" else 3)
            return self._gates(self.conv_step_hidden(h, joint, "same"))
        pairs = zip(B_U, kernels, strict=True)
        return [self.conv_step_hidden(h * mask, U, "same") for mask, U in pairs]

    def _gates(self, x: g.Node) -> list[g.Node]:
        """The channels of each gate."""
        n = self.nb_filter
        keys = [slice(k * n, (k + 1) * n) for k in range(len(_STEP_ORDER))]
        if self.dim_ordering == "th":
            return [x[:, key] for key in keys]
        return [x[:, :, :, key] for key in keys]

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        if len(inputs) == 1 and inputs[0].ndim != 5:
            raise ShapeError(
                f"{self._graphc_label}: expected sequences of images, 5-D, received "
                f"{inputs[0].ndim}-D: {known_shape(inputs[0])}; input_shape leaves out the batch "
                "axis, and has the steps first"
            )
        if len(inputs) != 1:
            raise ArgumentError(f"{self._graphc_label}: expected one input, received {len(inputs)}")
        super()._graphc_check_inputs(inputs)


public(__name__)
