import numpy as np
import pytest

from graphc.config import config
from graphc.errors import ArgumentError, DataError, IndexRangeError, ShapeError
from graphc.utils import np_utils


@pytest.mark.parametrize("y", [[0, 2, 1], np.array([[0], [2], [1]]), np.array([0.0, 2.0, 1.0])])
def test_to_categorical(y):
    rows = np_utils.to_categorical(y)
    np.testing.assert_array_equal(rows, [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    assert rows.dtype == np.float64
    np.testing.assert_array_equal(np_utils.to_categorical(y, 4)[:, 3], [0, 0, 0])


@pytest.mark.parametrize(
    ("y", "classes", "error", "message"),
    [
        ([0, 3], 3, IndexRangeError, "label 3 at position 1 is not one of the 3 classes"),
        ([0, -1], None, IndexRangeError, "label -1 at position 1"),
        ([0.5], None, DataError, "whole numbers"),
        ([np.nan], None, DataError, "whole numbers"),
        (["cat", "dog"], None, DataError, "expected class numbers, received dtype <U3.*'cat'"),
        ([], None, DataError, "class numbers of the shape"),
        ([0, 1], 2.5, ArgumentError, "nb_classes: expected a whole number .*received 2.5"),
        ([[0, 1]], None, DataError, r"received \(1, 2\)"),
    ],
)
def test_to_categorical_refuses(y, classes, error, message):
    with pytest.raises(error, match=message):
        np_utils.to_categorical(y, classes)


def test_normalize_leaves_zeros():
    a = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(np_utils.normalize(a), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(np_utils.normalize(a, axis=0, order=1), [[1, 1], [0, 0]])


def test_log_losses():
    expected = -(np.log(0.9) + np.log(0.8)) / 2
    assert np_utils.binary_logloss([0.9, 0.2], [1, 0]) == pytest.approx(expected, rel=1e-12)
    assert np_utils.binary_logloss([0.0], [1]) == pytest.approx(-np.log(1e-15), rel=1e-12)
    # 1 - 1e-15 is rounded: what is left of 1 is 9.992e-16.
    assert np_utils.binary_logloss([1.0], [0]) == pytest.approx(-np.log(1e-15), rel=1e-4)
    p = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert np_utils.multiclass_logloss(p, [1, 2]) == pytest.approx(expected, rel=1e-12)


def test_accuracy():
    assert np_utils.accuracy([1, 2, 3, 4], [1, 2, 0, 4]) == 0.75
    assert np_utils.accuracy([1, 2, 3, 4], [[1], [2], [0], [4]]) == 0.75
    with pytest.raises(ShapeError, match="two equal shapes"):
        np_utils.accuracy([1, 2], [[1, 2], [2, 1]])


def test_classes_of_probabilities():
    p = np.array([[0.1, 0.9], [0.6, 0.4]])
    assert np_utils.probas_to_classes(p).tolist() == [1, 0]
    assert np_utils.categorical_probas_to_classes(p).tolist() == [1, 0]
    assert np_utils.probas_to_classes(np.array([[0.4], [0.6], [0.5]])).tolist() == [0, 1, 0]


@pytest.mark.flags(image_dim_ordering="th")
def test_convert_kernel_turns_the_window():
    kernel = np.arange(24.0).reshape(2, 2, 2, 3)
    flipped = np_utils.convert_kernel(kernel)
    assert flipped[1, 0, 0, 0] == kernel[1, 0, 1, 2]
    assert flipped[1, 0, 1, 1] == kernel[1, 0, 0, 1]
    flipped = np_utils.convert_kernel(kernel, "tf")
    assert flipped[0, 1, 0, 2] == kernel[1, 0, 0, 2]
    with pytest.raises(ArgumentError, match="convert_kernel: dim_ordering: expected 'th'"):
        np_utils.convert_kernel(kernel, "xy")
    with pytest.raises(ShapeError, match="four or five axes"):
        np_utils.convert_kernel(kernel[0])


def test_convert_kernel_of_volumes_and_by_the_global_ordering():
    kernel = np.arange(48.0).reshape(2, 2, 2, 2, 3)
    assert np_utils.convert_kernel(kernel, "th")[1, 0, 0, 0, 0] == kernel[1, 0, 1, 1, 2]
    with config.changed(image_dim_ordering="tf"):
        for ordering in ("default", None):
            flipped = np_utils.convert_kernel(kernel, ordering)
            assert flipped[0, 1, 0, 1, 2] == kernel[1, 0, 1, 1, 2]


def test_the_names_of_later_releases():
    p = np.array([[0.25, 0.75], [0.5, 0.5]])
    expected = -np.log([0.75, 0.5]).mean()
    assert np_utils.multiclass_logloss(p=p, y=[2, 1]) == pytest.approx(expected)
    assert np_utils.multiclass_logloss(P=p, Y=[2, 1]) == pytest.approx(expected)
