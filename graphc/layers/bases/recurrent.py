"""The base of recurrent layers. Users import it from ``graphc.layers.recurrent``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

import numpy as np

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.engine.configs.budget import take_uses, take_weight
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.given_weights import GivenWeights
from graphc.engine.topology.layer_node import Mask
from graphc.engine.topology.shapes import InputSpec, KnownShape, known_shape
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.bases.arguments import checked_length, with_input_shape, with_length
from graphc.lookup import true_or_false

CONSUME_LESS = ("cpu", "mem", "gpu")


def time_distributed_dense(
    x: g.Node,
    w: g.Node,
    b: g.Node | None = None,
    dropout: float | None = None,
    input_dim: int | None = None,
    output_dim: int | None = None,
    timesteps: int | None = None,
) -> g.Node:
    """Return x . w + b at each step: (samples, time, features) to (samples, time, units).

    Args:
        x: (samples, time, features).
        w: (features, units).
        b: (units,), or None.
        dropout: in training, this fraction of each sample's features is 0 at all of its steps, and
            the others are divided by 1 - dropout.
        input_dim, output_dim, timesteps: features, units and time. The shapes of x and w tell
            them; those that are given are compared with these.

    Raises:
        ShapeError: a given size is not that of x or w.
    """
    claimed = {"input_dim": (input_dim, w.shape[0]), "output_dim": (output_dim, w.shape[1])}
    for name, (size, found) in claimed.items():
        if size not in (None, found):
            raise ShapeError(
                f"time_distributed_dense: {name} is {size}, but w has the shape {w.shape}"
            )
    x = with_length(x, timesteps, "time_distributed_dense")
    if dropout:
        x = x * K.expand_dims(dropout_mask((x.shape[0], x.shape[2]), dropout), 1)
    product = K.dot(x, w)
    return product if b is None else product + b


def dropout_mask(
    shape: tuple[g.Size, ...], level: float, seed: int | None = None, stream: int = 0
) -> g.Node:
    """Return a mask to multiply with: in training 0 with probability `level`, else 1 / (1 - level);
    in testing 1."""
    kept = g.random.bernoulli(shape, 1.0 - level, seed=seed, stream=stream)
    return K.in_train_phase(g.where(kept, 1.0 / (1.0 - level), 0.0), 1.0)


class RecurrentKeywords(LayerKeywords, total=False):
    """The keyword arguments of every recurrent layer: those of `Recurrent`."""

    weights: Sequence[object] | None
    return_sequences: bool
    go_backwards: bool
    stateful: bool
    unroll: bool
    consume_less: str
    input_dim: int | None
    input_length: int | None


class OverSteps(GivenWeights):
    """Base of layers that run `step` over sequences (batch, steps, ...); see `Recurrent`.

    Attributes:
        unroll, input_length: see the arguments of `Recurrent`.
    """

    supports_masking = True
    unroll = False
    input_length: int | None = None
    states: Sequence[g.Node | None]
    input_spec: Sequence[InputSpec]

    def __init__(
        self,
        weights: Sequence[object] | None,
        return_sequences: bool,
        go_backwards: bool,
        stateful: bool,
        **kwargs: Unpack[LayerKeywords],
    ):
        super().__init__(**kwargs)
        self.initial_weights = weights
        where = self._graphc_label
        self.return_sequences = true_or_false(where, "return_sequences", return_sequences)
        self.go_backwards = true_or_false(where, "go_backwards", go_backwards)
        self.stateful = true_or_false(where, "stateful", stateful)

    def _state_shape(self, samples: g.Size) -> tuple[g.Size, ...]:
        """Return the shape of a state. A subclass defines this method."""
        raise NotImplementedError(f"{self._graphc_label}: the shape of a state is not defined")

    def compute_mask(self, input: g.Node, mask: Mask = None) -> Mask:
        """Return the mask in the order of the outputs, or None if only the last step is put out."""
        if mask is None or not self.return_sequences:
            return None
        return g.flip(mask, 1) if self.go_backwards else mask

    def step(self, x: g.Node, states: list[Any]) -> tuple[g.Node, list[g.Node]]:
        """Compute one step. A subclass defines this method.

        Args:
            x: (batch, ...), one step of the sequence that `preprocess_input` returned.
            states: the states, then the constants that `get_constants` returned.

        Returns:
            The output (batch, ...), and the list of new states.
        """
        raise NotImplementedError(
            f"{self._graphc_label}: a recurrent layer defines step(x, states), "
            "which returns (output, new states)"
        )

    def get_constants(self, x: g.Node) -> list[Any]:
        """Return the constants that each step receives after the states; by default none."""
        return []

    def get_initial_states(self, x: g.Node) -> list[g.Node]:
        """Return zeros for each of `states`; a recurrent layer's are (batch, output_dim)."""
        dtype = g.promote(x.dtype, K.floatx())
        return [g.zeros(self._state_shape(x.shape[0]), dtype) for _ in self._own_states()]

    def _own_states(self) -> list[g.Node | None]:
        states = getattr(self, "states", None)
        if not isinstance(states, list | tuple):
            raise ArgumentError(
                f"{self._graphc_label}: build() has to set self.states: a list of "
                f"None, one for each state, or of variables if stateful; it is {states!r}"
            )
        return list(states)

    def preprocess_input(self, x: g.Node) -> g.Node:
        """Return the sequence that the loop runs over, (batch, steps, ...): by default `x`."""
        return x

    def call(self, x: g.Node | list[g.Node], mask: g.Node | None = None) -> g.Node:
        """Return the output for a sequence, or for a list that begins with one; `preprocess_input`,
        `get_constants` and `get_initial_states` receive what `call` received."""
        where = self._graphc_label
        first = x[0] if isinstance(x, list) else x
        sequence = with_length(first, self.input_length, where)
        steps = sequence.shape[1]
        if self.unroll and not isinstance(steps, int):
            raise ShapeError(
                f"{where}: unroll=True makes a copy of the step for each step, and the input's "
                f"shape {known_shape(sequence)} does not say how many; give input_length, or leave "
                "unroll out"
            )
        if self.unroll and isinstance(steps, int):
            take_uses(where, steps)
        if mask is not None:
            # Padding may be anything, even NaN, and `preprocess_input` computes with it.
            is_kept = K.reshape(mask, (*mask.shape, *(1,) * (sequence.ndim - 2)))
            sequence = K.switch(is_kept, sequence, 0)
        given: Any = [sequence, *x[1:]] if isinstance(x, list) else sequence
        initial = self._kept_states(sequence) if self.stateful else self.get_initial_states(given)
        constants = self.get_constants(given)
        last, outputs, states = K.rnn(
            self.step,
            self.preprocess_input(given),
            initial,
            go_backwards=self.go_backwards,
            mask=mask,
            constants=constants,
            unroll=self.unroll,
        )
        if self.stateful:
            self.updates.extend(zip(initial, states, strict=True))
        return outputs if self.return_sequences else last

    def _kept_states(self, x: g.Node) -> list[g.Node]:
        """Return the variables in which a stateful layer keeps its states between batches."""
        where = self._graphc_label
        kept = []
        for state in self._own_states():
            if not (isinstance(state, g.Node) and state.op == "shared"):
                raise ArgumentError(
                    f"{where}: the states of a stateful layer are variables, e.g. K.zeros("
                    f"{self._state_shape(x.shape[0])}), that build() makes; one of self.states is "
                    f"{state!r}"
                )
            if state.shape[:1] != x.shape[:1]:
                raise ShapeError(
                    f"{where}: it is stateful, with a state of the shape {state.shape}, and "
                    f"received an input of the shape {known_shape(x)}; give its input that batch "
                    "size, by batch_input_shape or an Input's batch_shape"
                )
            kept.append(state)
        return kept

    def reset_states(self) -> None:
        """Set the states of a stateful layer to 0.

        Raises:
            ArgumentError: a layer that is not stateful, or was not yet called.
            ShapeError: the batch size is not known.
        """
        where = self._graphc_label
        if not self.stateful:
            raise ArgumentError(
                f"{where}.reset_states: the layer keeps no states between batches; make it with "
                "stateful=True"
            )
        shape = self.input_spec[0].shape
        if shape is None:
            raise ArgumentError(
                f"{where}.reset_states: it has states once it was called on an input, or added to "
                "a model"
            )
        if shape[0] is None:
            raise ShapeError(
                f"{where}: stateful=True needs a batch size, received an input of the shape "
                f"{shape}; give the first layer batch_input_shape=(batch, steps, features) with a "
                "number for the batch, or the Input a batch_shape"
            )
        sizes = g.known_sizes(self._state_shape(shape[0]), f"{where}: states")
        take_weight(f"{where}: states", sizes)
        zeros = np.zeros(sizes)
        states = self._own_states()
        for k, state in enumerate(states):
            if state is None:
                states[k] = K.variable(zeros, name=f"{self.name}_state_{k + 1}")
            else:
                K.set_value(state, np.zeros(state.shape))
        self.states = states


class Recurrent(OverSteps):
    """Base of recurrent layers: runs `step` over sequences (batch, steps, features).

    A subclass has `output_dim`, makes its weights and `states` (a list of None, one for each
    state) in `build`, and defines ``step(x, states)``, which returns (output, new states). It may
    define `get_constants` (values that each step receives after the states), `get_initial_states`
    and `preprocess_input` (computed for all steps at once, before the loop).

    Output: (batch, steps, output_dim) with `return_sequences`, else that of the last step,
    (batch, output_dim). At a masked step the states stay as they are, and the output repeats that
    of the step before.

    Args:
        weights: the initial values of all weights.
        return_sequences: return the outputs of all steps, not only of the last; the mask is then
            passed on, too.
        go_backwards: read the sequence from its end; outputs are in the order of processing.
        stateful: the states at a batch's end are the initial ones of the next batch, sample by
            sample, until `reset_states`. The batch size has to be known: ``batch_input_shape``.
        unroll: copy the graph of `step` once for each step, instead of a loop; the number of steps
            has to be known.
        consume_less: 'cpu' multiplies the input of all steps by W before the loop, 'mem' each step
            within it; values are the same. With 'gpu' a GRU or an LSTM has one W, U and b for all
            gates.
        input_dim: the number of features of a step, if this is the first layer.
        input_length: the number of steps, where it is fixed.

    Raises:
        ShapeError: an input that is not (batch, steps, features), or whose batch size is not that
            of a stateful layer; an unknown number of steps with `unroll`; an unknown batch size
            with `stateful`.
    """

    input_spec = (InputSpec(ndim=3),)
    output_dim: int

    def __init__(
        self,
        weights: Sequence[object] | None = None,
        return_sequences: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        consume_less: str = "cpu",
        input_dim: int | None = None,
        input_length: int | None = None,
        **kwargs: Unpack[LayerKeywords],
    ):
        label = type(self).__name__
        if input_dim is not None:
            kwargs = with_input_shape(label, kwargs, (input_length, input_dim), "input_dim")
        super().__init__(weights, return_sequences, go_backwards, stateful, **kwargs)
        if consume_less not in CONSUME_LESS:
            raise ArgumentError(
                f"{self.name} ({label}): consume_less: expected 'cpu', 'mem' or 'gpu', received "
                f"{consume_less!r}; any of them runs on a CPU and on a GPU"
            )
        self.unroll = true_or_false(self._graphc_label, "unroll", unroll)
        self.consume_less = consume_less
        self.input_dim = input_dim
        self.input_length = checked_length(input_length, self.name)

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        expected = [spec.ndim or len(spec.shape or ()) for spec in self.input_spec or ()]
        if expected == [3] and len(inputs) == 1 and inputs[0].ndim != 3:
            fix = (
                "if a recurrent layer comes before, give that one return_sequences=True, and words "
                "as numbers need an Embedding"
                if inputs[0].ndim < 3
                else "TimeDistributed(Flatten()) makes one axis of those after the steps, and "
                "input_shape leaves out the batch axis"
            )
            raise ShapeError(
                f"{self._graphc_label}: expected sequences (batch, steps, features), received "
                f"{known_shape(inputs[0])}; {fix}"
            )
        super()._graphc_check_inputs(inputs)

    def get_output_shape_for(self, input_shape: KnownShape) -> KnownShape:
        if self.return_sequences:
            return (input_shape[0], input_shape[1], self.output_dim)
        return (input_shape[0], self.output_dim)

    def _state_shape(self, samples: g.Size) -> tuple[g.Size, ...]:
        return (samples, self.output_dim)
