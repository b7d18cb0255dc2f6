"""Weights as other releases stored them, as a layer has them: each by the formula of its layer."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ArgumentError
from graphc.files.conversions import (
    STD,
    TENSORFLOW,
    THEANO,
    VARIANCE,
    FileOrigin,
    Gates,
    JoinedGates,
    KernelLayout,
    RunningStd,
)

EPSILON = 0.25
STORED = np.array([0.5, 2.0, 3.0])


class TestRunningStd:
    def test_what_the_layer_keeps_stays(self):
        for keeps in (STD, VARIANCE):
            assert RunningStd(EPSILON, keeps).converted(STORED, keeps) is STORED

    def test_a_variance_for_a_layer_that_divides_by_std_and_epsilon(self):
        found = RunningStd(EPSILON).converted(STORED, VARIANCE)
        np.testing.assert_allclose(found + EPSILON, np.sqrt(STORED + EPSILON))

    def test_a_std_for_a_layer_that_divides_by_the_root_of_variance_and_epsilon(self):
        found = RunningStd(EPSILON, VARIANCE).converted(STORED, STD)
        np.testing.assert_allclose(np.sqrt(found + EPSILON), STORED + EPSILON)

    def test_a_std_for_a_layer_that_divides_by_the_root_of_variance_and_adds_epsilon(self):
        found = RunningStd(EPSILON, VARIANCE, outside=True).converted(STORED, STD)
        np.testing.assert_allclose(np.sqrt(found) + EPSILON, STORED + EPSILON)

    def test_the_dtype_stays(self):
        for keeps, stored in ((STD, VARIANCE), (VARIANCE, STD)):
            found = RunningStd(EPSILON, keeps).converted(STORED.astype("float32"), stored)
            assert found.dtype == "float32"

    @pytest.mark.parametrize(
        ("keeps", "stated", "expected"),
        [(STD, None, None), (STD, VARIANCE, VARIANCE), (VARIANCE, None, VARIANCE),
         (VARIANCE, STD, STD)],
    )  # fmt: skip
    def test_an_array_is_of_the_layers_kind_where_the_file_does_not_say(
        self, keeps, stated, expected
    ):
        assert RunningStd(EPSILON, keeps).held_by(stated) == expected


class TestKernel:
    IMAGE = np.arange(2.0 * 3 * 4 * 5)

    def test_of_theano_it_is_the_same(self):
        kernel = self.IMAGE.reshape(2, 3, 4, 5)
        for backend in (THEANO, None):
            assert KernelLayout("th").converted(kernel, kernel.shape, backend) is kernel

    def test_of_tensorflow_it_is_flipped_along_the_sizes(self):
        kernel = self.IMAGE.reshape(2, 3, 4, 5)
        found = KernelLayout("th").converted(kernel, kernel.shape, TENSORFLOW)
        np.testing.assert_array_equal(found, kernel[:, :, ::-1, ::-1])
        kernel = self.IMAGE.reshape(4, 5, 3, 2)
        found = KernelLayout("tf").converted(kernel, kernel.shape, TENSORFLOW)
        np.testing.assert_array_equal(found, kernel[::-1, ::-1])

    def test_of_a_sequence_later_releases_had_the_length_first(self):
        form, shape = KernelLayout("th", is_sequence=True), (2, 3, 4, 1)
        assert form.stored_shape(shape, shape) == shape
        assert form.stored_shape(shape, (4, 1, 3, 2)) == (4, 1, 3, 2)
        assert form.stored_shape(shape, None) == shape
        assert KernelLayout("th").stored_shape(shape, (4, 1, 3, 2)) == shape
        stored = np.arange(24.0).reshape(4, 1, 3, 2)
        found = form.converted(stored, shape, THEANO)
        for f, c, k in np.ndindex(2, 3, 4):
            assert found[f, c, k, 0] == stored[k, 0, c, f]
        flipped = form.converted(stored, shape, TENSORFLOW)
        np.testing.assert_array_equal(flipped, found[:, :, ::-1])


def test_gates():
    """Of the gates a, b, c the matrix of all has the columns of a, then c, then b."""
    form = Gates((0, 2, 1))
    assert form.joined((3, 2)) == (3, 6)
    assert form.joined((2,)) == (6,)
    joined = np.arange(18.0).reshape(3, 6)
    a, b, c = form.split(joined)
    for gate, columns in ((a, [0, 1]), (b, [4, 5]), (c, [2, 3])):
        np.testing.assert_array_equal(gate, joined[:, columns])
    assert JoinedGates((0, 2, 1)).of_one((3, 6)) == (3, 2)


def test_an_origin_is_one_of_the_known():
    assert FileOrigin("std", "theano") == FileOrigin(STD, THEANO)
    with pytest.raises(ArgumentError, match="^running_std: expected 'std' or 'variance', rec.*'x'"):
        FileOrigin(running_std="x")
    with pytest.raises(ArgumentError, match="^backend: expected 'theano' or 'tensorflow', rec.*'x"):
        FileOrigin(backend="x")
