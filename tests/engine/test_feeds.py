"""The feeds of a model: numbers of any kind become those of its inputs."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import DataError
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

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    def test_large_numbers_are_taken_as_long_as_they_fit(self, dtype):
        """Also those whose squares, by which few numbers are looked at, are too large."""
        built = Sequential([Activation("linear", input_shape=(2,))])
        largest = np.finfo("float32").max
        x = np.array([[largest, -largest], [1e30, 0.5]], dtype)
        assert built.predict(x).tolist() == [[largest, -largest], [np.float32(1e30), 0.5]]

    @pytest.mark.parametrize("wrong", [np.nan, np.inf, 1.001 * float(np.finfo("float32").max)])
    @pytest.mark.parametrize("samples", [3, 3000])
    def test_numbers_that_do_not_fit_are_refused_among_few_and_many(self, wrong, samples):
        built = Sequential([Activation("linear", input_shape=(2,))])
        x = np.zeros((samples, 2))
        x[1, 0] = wrong
        with pytest.raises(DataError, match=r"sample 1, index .1, 0., is .*; 1 of"):
            built.predict(x)

    def test_a_vector_becomes_a_column(self):
        built = Sequential([Activation("linear", input_shape=(1,))])
        np.testing.assert_array_equal(built.predict([1, 2]), [[1], [2]])

    def test_dicts_by_name_may_hold_more(self):
        built = Sequential([Dense(3, input_dim=4, name="head")])
        built.compile("sgd", "mse")
        arrays = {built.input_names[0]: np.zeros((6, 4)), "head": np.zeros((6, 3)), "other": None}
        assert built.fit(arrays, arrays, nb_epoch=1, verbose=0).epoch == [0]


class TestHints:
    @pytest.mark.parametrize(
        ("received", "input_shape", "hint"),
        [
            ((4,), (4,), " If this is a single sample, give it the axis of the samples: x[np.newa"),
            ((5, 6), (5, 6), ", or this is a single sample (give it one: x[np.newaxis])."),
            ((9, 6), (5, 6), ", or axis 1 of the data, of 5, is missing."),
            ((2, 9, 4), (4,), " If this is a list of 2 arrays: a single one is expected here;"),
            ((9, 4, 1), (4,), " Remove the last axis, x[..., 0]."),
            ((9, 2, 6), (12,), " The samples have as many numbers: x.reshape((-1, 12"),
            ((9, 2, 6), (3, 4), " The samples have as many numbers: x.reshape((-1, 3, 4))."),
        ],
    )
    def test_of_a_shape_that_is_nearly_right(self, received, input_shape, hint):
        built = Sequential([Activation("linear", input_shape=input_shape)])
        with pytest.raises(DataError) as caught:
            built.predict(np.zeros(received))
        assert hint in str(caught.value)

    @pytest.mark.parametrize("received", [(9, 5), (9, 1), (9, 2, 5)])
    def test_of_another_shape(self, received):
        built = Sequential([Activation("linear", input_shape=(4,))])
        with pytest.raises(DataError, match=r"received [^.]*\.$"):
            built.predict(np.zeros(received))


RAGGED = np.empty(2, object)
RAGGED[:] = [[1.0], [1.0, 2.0]]


@pytest.mark.parametrize(
    ("x", "advice"),
    [
        (RAGGED, "made equally long by graphc.preprocessing.sequence.pad_sequences"),
        ([[1.0], [1.0, 2.0]], "made equally long by graphc.preprocessing.sequence.pad_sequences"),
        (np.array(["a", "b"]), "classes that are texts get numbers by np.unique"),
        (np.array([None, 1], object), "convert with numpy's astype"),
        (iter([1]), "a generator goes to fit_generator"),
        ("file.csv", "read the file first"),
    ],
    ids=["ragged array", "ragged list", "texts", "objects", "generator", "path"],
)
def test_what_is_no_array_of_numbers_gets_advice(x, advice):
    model = Sequential([Dense(1, input_dim=2)])
    with pytest.raises(DataError, match=advice):
        model.predict(x)
