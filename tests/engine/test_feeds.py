"""What a model is fed: numbers of any kind become those of its inputs."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.layers import Activation, Dense
from graphc.models import Sequential


class TestConversion:
    @pytest.mark.parametrize(
        "x",
        [
            [[1, 0], [0, 1]],
            np.eye(2, dtype="float64"),
            np.eye(2, dtype="float16"),
            np.eye(2, dtype="int64"),
            np.eye(2, dtype="uint8"),
            np.eye(2, dtype=bool),
            [np.eye(2)],
            [np.array([1, 0]), np.array([0, 1])],
            np.asfortranarray(np.eye(2)),
        ],
    )
    def test_numbers_of_any_kind_become_the_inputs_dtype(self, x):
        built = Sequential([Activation("linear", input_shape=(2,))])
        np.testing.assert_array_equal(built.predict(x), np.eye(2))

    def test_a_vector_becomes_a_column(self):
        built = Sequential([Activation("linear", input_shape=(1,))])
        np.testing.assert_array_equal(built.predict([1, 2]), [[1], [2]])

    def test_dicts_by_name_may_hold_more(self):
        built = Sequential([Dense(3, input_dim=4, name="head")])
        built.compile("sgd", "mse")
        arrays = {built.input_names[0]: np.zeros((6, 4)), "head": np.zeros((6, 3)), "other": None}
        assert built.fit(arrays, arrays, nb_epoch=1, verbose=0).epoch == [0]
