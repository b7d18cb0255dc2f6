"""Mistakes of beginners in layers and models: what each is told, and that it is told at once."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc import backend as K
from graphc.engine.topology.layer import Input, Layer
from graphc.errors import (
    ArgumentError,
    GraphcError,
    UnknownNameError,
)
from graphc.layers import LSTM, Activation, Dense, Embedding, Masking, merge
from graphc.layers.advanced_activations import PReLU
from graphc.layers.convolutional import Convolution2D
from graphc.models import Sequential
from graphc.regularizers import activity_l2, l2


def check(mistake, error: type[GraphcError], pattern: str) -> None:
    with pytest.raises(error, match=pattern):
        mistake()


class TestArgumentsOfLayers:
    @pytest.mark.flags(keras="1.0")
    @pytest.mark.parametrize(
        ("mistake", "error", "pattern"),
        [
            (
                lambda: Dense(4, activation="rellu"),
                UnknownNameError,
                r"^dense_\d+ \(Dense\): activation: unknown activation 'rellu'. Did you mean 're",
            ),
            (
                lambda: LSTM(4, inner_activation="sigmod"),
                UnknownNameError,
                r"^lstm_\d+ \(LSTM\): inner_activation: unknown activation 'sigmod'",
            ),
            (
                lambda: Dense(4, 3),  # Dense(input, output), as in the first versions of Keras
                ArgumentError,
                r"^dense_\d+ \(Dense\): init: expected the name of a known init.*received 3",
            ),
            (
                lambda: Convolution2D(4, 3, 3, init="glorot"),
                UnknownNameError,
                r"^convolution2d_\d+ \(Convolution2D\): init: unknown .*'glorot_normal' or 'g",
            ),
            (
                lambda: Dense(4, W_regularizer=0.01, name="head"),
                ArgumentError,
                r"^head \(Dense\): W_regularizer: expected a regularizer \(e.g. l2\(0.01\).*0.01",
            ),
            (
                lambda: Embedding(4, 3, W_constraint=2),
                ArgumentError,
                r"^embedding_\d+ \(Embedding\): W_constraint: expected a constraint.*received 2",
            ),
            (
                lambda: Dense(4, activity_regularizer=l2(0.1)),
                ArgumentError,
                r"activity_regularizer: expected .* e.g. activity_l2.*; give it as W_regularizer",
            ),
            (
                lambda: LSTM(4, U_regularizer=activity_l2(0.1)),
                ArgumentError,
                r"U_regularizer: expected a penalty on a weight, e.g. l2.*; give it as activity_",
            ),
            (
                lambda: Dense(4, activation=PReLU(name="slopes")),
                ArgumentError,
                r"activation: expected a name or a function, received the layer slopes \(PReLU\)",
            ),
            (
                lambda: Sequential([Dense(4, init=lambda shape, k: 0, input_dim=2, name="head")]),
                ArgumentError,
                r"^head: init of W: .* called with \(shape\), received one of \(shape, k\)",
            ),
            (
                lambda: merge([Input((4,)), Input((4,))], mode=lambda x, y: x - y),
                ArgumentError,
                r"\(Merge, mode a function\): mode: .* called with \(inputs\).* one of \(x, y\)",
            ),
            (
                lambda: Dense(4, trainable="no"),
                ArgumentError,
                "^Dense: trainable: expected True or False, received 'no'",
            ),
            (
                lambda: LSTM(4, return_sequences="False"),
                ArgumentError,
                r"\(LSTM\): return_sequences: expected True or False, received 'False'",
            ),
        ],
    )
    def test_name_the_layer_and_the_argument(self, mistake, error, pattern):
        check(mistake, error, pattern)


class NoInit(Layer):
    def __init__(self, count):
        self.count = count


class Weighted(Layer):
    """A layer whose `build` keeps what it makes where `listed` says."""

    def __init__(self, listed, weight=None, **kwargs):
        self.listed = listed
        self.weight = weight
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = K.variable(np.ones((input_shape[1], 3))) if self.weight is None else self.weight
        if self.listed:
            setattr(self, self.listed, [self.W])

    def call(self, x, mask=None):
        return K.dot(x, self.W)


class NumberAsMask(Layer):
    supports_masking = True

    def compute_mask(self, x, mask=None):
        return 3


class NoMask(Layer):
    supports_masking = True

    def call(self, x):
        return x


class TestOwnLayers:
    @pytest.mark.parametrize(
        ("mistake", "pattern"),
        [
            (lambda: Sequential([NoInit(3)]), r"NoInit: __init__ has to call super\(\).__init__"),
            (lambda: NoInit(3)(Input((4,))), r"NoInit: __init__ has to call super\(\).__init__"),
            (
                lambda: Sequential(
                    [Weighted("trainable_weights", np.ones((4, 3)), input_shape=(4,))]
                ),
                r"\(Weighted\): trainable_weights: expected shared variables, .*received ndarray",
            ),
            (
                lambda: Sequential([NumberAsMask(input_shape=(5, 4))]),
                r"\(NumberAsMask\): compute_mask\(\) returned: expected a node .*received int",
            ),
            (
                lambda: Sequential([Masking(input_shape=(5, 4)), NoMask()]),
                r"\(NoMask\) says supports_masking; call\(\): .* called with \(x, mask=mask\)",
            ),
            (
                lambda: LSTM(3)(Input((5, 4)), mask=np.ones((2, 5))),
                r"\(LSTM\): mask: expected a node \(batch, steps\), .*received ndarray",
            ),
        ],
    )
    def test_are_refused_with_what_to_do(self, mistake, pattern):
        check(mistake, ArgumentError, pattern)

    def test_a_weight_that_is_in_no_list_is_logged(self, caplog):
        Sequential([Weighted("", input_shape=(4,), name="own")])
        (record,) = caplog.records
        assert re.match(
            r"own \(Weighted\): the variables self.W are in neither trainable_weights nor",
            record.getMessage(),
        )

    @pytest.mark.parametrize("listed", ["trainable_weights", "non_trainable_weights"])
    def test_weights_in_a_list_are_not(self, listed, caplog):
        Sequential([Weighted(listed, input_shape=(4,)), Activation("relu"), Dense(2)])
        Sequential([Masking(input_shape=(5, 4)), LSTM(3)])
        assert not caplog.records
