"""Embedding: vectors for the numbers of words."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Unpack

from graphc import backend as K
from graphc import constraints, initializations, regularizers
from graphc.compiler import graph as g
from graphc.engine.keywords import LayerKeywords
from graphc.engine.topology.given_weights import GivenWeights
from graphc.engine.topology.layer_node import Mask
from graphc.engine.topology.shapes import KnownShape, known_shape, may_be_equal
from graphc.errors import ArgumentError, ShapeError
from graphc.layers.bases.arguments import (
    checked_length,
    fraction,
    only_input,
    option,
    output_penalty,
    weight_penalty,
    with_length,
)
from graphc.lookup import true_or_false, whole_number
from graphc.public.calls import public

_log = logging.getLogger("graphc")


class Embedding(GivenWeights):
    """A row of W for each whole number: (batch, steps) of int32 to (batch, steps, output_dim).
    Numbers of another type are cast, which a line in the log says.

    A number outside of 0 ... input_dim - 1 is an IndexRangeError in the call. As a first layer it
    needs no input shape: without input_length the steps are open.

    Args:
        input_dim: how many numbers there are, the largest and one.
        output_dim: the size of a vector.
        init: the name of an initialization of W, or a function (shape, name) -> shared variable.
        input_length: how many steps, None for any number; an input of others is refused.
        W_regularizer: a penalty on W, in the training loss only.
        activity_regularizer: a penalty on the output, in the training loss only.
        W_constraint: applied to W after each update.
        mask_zero: the steps whose number is 0 do not count: their mask (batch, steps) passes on.
            Row 0 of W is there all the same, so input_dim counts it.
        weights: initial value [W], of the shape (input_dim, output_dim).
        dropout: this fraction of W's rows is 0 in a training step, and the others are divided by
            1 - dropout; one draw a batch, so a word is dropped wherever it stands. Gal, "A
            theoretically grounded application of dropout in recurrent neural networks", 2015.

    Raises:
        ShapeError: an input that is not (batch, steps).
        DTypeError: an input that is not int32.
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        init: initializations.GivenInit = "uniform",
        input_length: int | None = None,
        W_regularizer: regularizers.GivenRegularizer = None,
        activity_regularizer: regularizers.GivenRegularizer = None,
        W_constraint: constraints.GivenConstraint = None,
        mask_zero: bool = False,
        weights: Sequence[object] | None = None,
        dropout: float = 0.0,
        **kwargs: Unpack[LayerKeywords],
    ):
        if kwargs.get("input_shape") is None and kwargs.get("batch_input_shape") is None:
            kwargs["input_shape"] = (input_length,)
        if kwargs.get("input_dtype") is None:
            kwargs["input_dtype"] = "int32"
        super().__init__(**kwargs)
        self.input_dim = whole_number(f"{self.name}: input_dim", input_dim, 1)
        self.output_dim = whole_number(f"{self.name}: output_dim", output_dim, 1)
        self.input_length = checked_length(input_length, self.name)
        if input_length is not None:
            self._check_length()
        self.mask_zero = true_or_false(self._graphc_label, "mask_zero", mask_zero)
        self.init = option(self, "init", initializations.get, init)
        self.W_regularizer = weight_penalty(self, "W_regularizer", W_regularizer)
        self.activity_regularizer = output_penalty(self, activity_regularizer)
        self.W_constraint = option(self, "W_constraint", constraints.get, W_constraint)
        self.initial_weights = weights
        self.dropout = fraction(
            dropout, f"{self._graphc_label}: dropout is the fraction p of W's rows to drop"
        )

    def _check_length(self) -> None:
        """input_length and an input shape that is given beside it say the same."""
        shape = self.batch_input_shape
        if shape is not None and not may_be_equal(shape, (None, self.input_length)):
            raise ArgumentError(
                f"{self._graphc_label}: input_length is {self.input_length}, but the shape of "
                f"the input is {shape}, the batch first; give one of the two"
            )

    def build(self, input_shape: KnownShape) -> None:
        self.W = self.add_weight(
            (self.input_dim, self.output_dim),
            self.init,
            "W",
            regularizer=self.W_regularizer,
            constraint=self.W_constraint,
        )
        if self.activity_regularizer is not None:
            self.activity_regularizer.set_layer(self)
            self.regularizers.append(self.activity_regularizer)

    def call(self, x: g.Node, mask: g.Node | None = None) -> g.Node:
        x = self._rows(x)
        vectors = K.gather(self.W, x)
        if self.dropout == 0.0:
            return vectors
        seed, stream = self._graphc_next_draw()
        kept = g.random.bernoulli((self.input_dim,), 1.0 - self.dropout, seed=seed, stream=stream)
        # Dropping rows of W and then looking them up is the same; this touches only rows in use.
        kept = K.expand_dims(K.gather(kept, x), -1)
        return K.in_train_phase(g.where(kept, vectors / (1.0 - self.dropout), 0.0), vectors)

    def compute_mask(self, x: g.Node, mask: Mask = None) -> Mask:
        """Where the numbers are not 0, with `mask_zero`."""
        self._graphc_refuse_mask(mask)
        if not self.mask_zero:
            return None
        return g.not_equal(self._rows(x), 0)

    def _rows(self, x: g.Node) -> g.Node:
        x = with_length(x, self.input_length, self._graphc_label)
        return x if x.dtype == "int32" else K.cast(x, "int32")

    def _graphc_check_inputs(self, inputs: tuple[g.Node, ...]) -> None:
        where = self._graphc_label
        node = only_input(inputs, where)
        if node.ndim != 2:
            raise ShapeError(
                f"{where}: expected a 2-D input (batch, steps), received {node.ndim}-D: "
                f"{known_shape(node)}"
            )
        if node.dtype != "int32":
            _log.warning(
                "%s: the numbers of rows come in as %s, and are cast to int32; give the Input "
                "dtype='int32', or the layer where the data enter input_dtype='int32'",
                where,
                node.dtype,
            )


public(__name__)
