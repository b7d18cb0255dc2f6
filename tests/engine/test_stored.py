"""Arrays in files: read batch by batch, and never whole."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from graphc.config import config
from graphc.engine.data.stored import StoredArray, is_stored
from graphc.errors import DataError
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.rows.stored import rows_of
from graphc.utils.io_utils import HDF5Matrix, save_array
from tests.linear_model import data, linear


class Slices:
    """A stand-in for an HDF5Matrix: a shape, a length, slices; it records what is read."""

    def __init__(self, array):
        self.array, self.read = array, []

    @property
    def shape(self):
        return self.array.shape

    def __len__(self):
        return len(self.array)

    def __getitem__(self, samples):
        assert isinstance(samples, slice)
        assert samples.step is None
        block = self.array[samples]
        self.read.append((samples.start, samples.stop))
        return block


def batches_read(stored):
    """Return the slices that were read, but for the first sample, which is looked at for its
    type."""
    assert stored.read[0] == (0, 1)
    return stored.read[1:]


@pytest.fixture(autouse=True)
def _float64():
    """Windows of one batch: what reading takes beside is more than this."""
    with config.changed(floatX="float64", read_window="100B"):
        yield


def memory_mapped(folder, array, name="array"):
    np.save(folder / f"{name}.npy", array)
    return np.load(folder / f"{name}.npy", mmap_mode="r")


class TestTraining:
    @pytest.mark.parametrize("shuffle", [False, "batch"])
    def test_it_trains_as_with_arrays_and_reads_a_batch_at_a_time(self, shuffle):
        x, y = data(11)
        stored_x, stored_y = Slices(x), Slices(y[:, 0])  # (n,) becomes (n, 1)
        model, reference = linear(), linear()
        histories = []
        for one, inputs, targets in ((model, stored_x, stored_y), (reference, x, y)):
            np.random.seed(4)
            histories.append(one.fit(inputs, targets, 3, 2, 0, shuffle=shuffle).history)
        assert histories[0] == histories[1]
        np.testing.assert_array_equal(model.get_weights()[0], reference.get_weights()[0])
        assert sorted(batches_read(stored_x)) == sorted([(0, 3), (3, 6), (6, 9), (9, 11)] * 2)
        assert stored_x.read == stored_y.read

    def test_a_part_of_it_is_held_out_unread(self):
        x, y = data(10)
        stored = Slices(x)
        model, reference = linear(), linear()
        histories = [
            one.fit(inputs, y, 4, 1, 0, validation_split=0.3, shuffle=False).history
            for one, inputs in ((model, stored), (reference, x))
        ]
        assert histories[0] == histories[1]
        assert batches_read(stored) == [(0, 4), (4, 7), (7, 10)]

    def test_data_sets_of_h5py(self, tmp_path):
        x, y = data(7)
        with h5py.File(tmp_path / "data.h5", "w") as file:
            stored = [file.create_dataset(name, data=one) for name, one in (("x", x), ("y", y))]
            model, reference = linear(), linear()
            model.fit(*stored, batch_size=3, nb_epoch=1, verbose=0, shuffle="batch")
            np.random.seed(1337)  # the seed of every test
            reference.fit(x, y, batch_size=3, nb_epoch=1, verbose=0, shuffle="batch")
            np.testing.assert_array_equal(model.get_weights()[0], reference.get_weights()[0])
            assert model.evaluate(*stored, verbose=0) == model.evaluate(x, y, verbose=0)
            np.testing.assert_array_equal(model.predict(stored[0]), model.predict(x))

    def test_an_hdf5_matrix_of_some_rows(self, tmp_path):
        x, y = data(9)
        save_array(x, tmp_path / "x.h5")
        model, reference = linear(), linear()
        with HDF5Matrix(tmp_path / "x.h5", "data", 2, 9, lambda rows: rows * 2.0) as stored:
            model.fit(stored, y[2:], 3, 1, 0, shuffle=False)
        reference.fit(x[2:] * 2.0, y[2:], 3, 1, 0, shuffle=False)
        np.testing.assert_array_equal(model.get_weights()[0], reference.get_weights()[0])

    def test_weights_of_samples_and_classes(self):
        x, _ = data(8)
        labels = np.array([0.0, 1, 1, 0, 1, 0, 0, 1])
        w = np.where(labels == 1, 3.0, 1.0)
        results = []
        for keywords in (
            {"sample_weight": w},
            {"sample_weight": Slices(w)},
            {"class_weight": {0: 1.0, 1: 3.0}},
        ):
            model = linear()
            model.fit(Slices(x), Slices(labels), 3, 1, 0, shuffle=False, **keywords)
            results.append(model.get_weights()[0])
        np.testing.assert_array_equal(results[1], results[0])
        np.testing.assert_array_equal(results[2], results[0])


class TestOtherCalls:
    def test_evaluation_and_prediction(self):
        x, y = data(7)
        model, stored = linear(), Slices(x)
        model.train_on_batch(x, y)
        assert model.evaluate(stored, Slices(y), 3, 0) == model.evaluate(x, y, 3, 0)
        np.testing.assert_array_equal(model.predict(stored, 3), model.predict(x, 3))
        assert stored.read == [(0, 1), (0, 3), (3, 6), (6, 7)] * 2

    def test_one_batch_is_read_whole(self, tmp_path):
        x, y = data(7)
        model = linear()
        expected = model.test_on_batch(x, y)
        assert model.test_on_batch(Slices(x), memory_mapped(tmp_path, y)) == expected
        np.testing.assert_array_equal(model.predict_on_batch(Slices(x)), model.predict(x))
        assert model.train_on_batch([Slices(x)], {model.output_names[0]: y}) == expected


class TestWhatGoesWrong:
    def test_shapes_are_checked_before_training(self):
        x, y = data(6)
        model = linear()
        with pytest.raises(DataError, match="axis 1: expected 3, received 2"):
            model.fit(Slices(x[:, :2]), y, shuffle=False, verbose=0)
        with pytest.raises(DataError, match="has 6, targets of dense_.* has 5"):
            model.fit(Slices(x), Slices(y[:5]), shuffle=False, verbose=0)
        with pytest.raises(DataError, match=r"mean_squared_error takes .*received \(6, 2\)"):
            model.fit(x, Slices(np.zeros((6, 2))), shuffle=False, verbose=0)
        with pytest.raises(DataError, match="the array is empty"):
            model.fit(Slices(x[:0]), y, shuffle=False, verbose=0)

    def test_a_number_that_does_not_fit_is_named_by_its_place_in_the_file(self, tmp_path):
        x, y = data(6)
        x[4, 1] = np.nan
        for stored in (Slices(x), memory_mapped(tmp_path, x)):
            with pytest.raises(DataError, match=r"sample 4, index \(4, 1\), is nan"):
                linear().fit(stored, y, batch_size=2, shuffle=False, verbose=0)
        with pytest.raises(DataError, match=r"sample 4, index \(4, 1\), is nan"):
            linear().fit(memory_mapped(tmp_path, x), y, batch_size=3, verbose=0)
        classes = Sequential([Dense(3, input_dim=3, activation="softmax")])
        classes.compile("sgd", "sparse_categorical_crossentropy")
        labels = np.array([0, 1, 2, 0, 1, 7])
        with pytest.raises(DataError, match="the value at sample 5 is 7"):
            classes.fit(np.zeros((6, 3)), Slices(labels), 2, 1, 0, shuffle=False)

    def test_a_target_that_is_no_probability_is_named_by_its_place_in_the_file(self):
        x, labels = np.zeros((6, 3)), np.array([0.0, 1.0, 0.0, 1.0, -2.0, 1.0])
        model = Sequential([Dense(1, input_dim=3, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy")
        with pytest.raises(DataError, match=r"received -2 at sample 4, index \(4, 0\)"):
            model.fit(x, Slices(labels), 2, 1, 0, shuffle=False)
        weights = np.where(labels < 0, 0.0, 1.0)
        for weight in (weights, Slices(weights)):
            model.fit(x, Slices(labels), 2, 1, 0, shuffle=False, sample_weight=weight)

    def test_a_file_that_gives_less_than_it_says(self):
        class Short(Slices):
            def __len__(self):
                return len(self.array) + 1

            shape = property(lambda self: (len(self), *self.array.shape[1:]))

        x, _ = data(5)
        _, y = data(6)
        with pytest.raises(
            DataError,
            match=r"input .*: reading samples 4 to 5: expected .*\(2, 3\) .*, received \(1, 3\)",
        ):
            linear().fit(Short(x), y, batch_size=2, shuffle=False, verbose=0)


def test_what_is_in_memory_is_not_stored():
    class Frame:
        """A stand-in for a data frame."""

        shape = (2, 2)
        iloc = None

        def __len__(self):
            return 2

        def __getitem__(self, column):
            raise KeyError(column)

    for value in (np.zeros(3), [1, 2], (1, 2), np.float64(1.0), Frame(), None, {"a": 1}):
        assert not is_stored(value)
    assert is_stored(Slices(np.zeros(3)))


def test_a_stretch_of_neighbours_is_read_as_a_slice():
    stored = Slices(np.arange(10.0))
    array = StoredArray(rows_of(stored), (), lambda block, samples: block, "x").part(2, 9)
    np.testing.assert_array_equal(array.take(np.array([1, 2, 3])), [3, 4, 5])
    np.testing.assert_array_equal(array[:], np.arange(2.0, 9.0))
    np.testing.assert_array_equal(array.part(1, 3)[1:], [4])
    assert batches_read(stored) == [(3, 6), (2, 9), (4, 5)]


def test_a_small_array_is_read_once_and_held():
    x, y = data(11)
    model, reference = linear(), linear()
    stored = Slices(x)
    with config.changed(read_window="1MB"):
        for one, inputs in ((model, stored), (reference, x)):
            np.random.seed(4)
            one.fit(inputs, y, 3, 2, 0, validation_split=0.3)
    np.testing.assert_array_equal(model.get_weights()[0], reference.get_weights()[0])
    assert batches_read(stored) == [(0, 7), (7, 11)]
