"""The attributes of Keras' tensors, on nodes."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from graphc import backend as K
from graphc.errors import ArgumentError, AttributeMissingError


def test_a_shape_has_none_where_only_a_call_knows() -> None:
    x = K.placeholder((None, 3), name="x")
    assert x._keras_shape == (None, 3)
    x._keras_shape = [None, 3]
    assert x._keras_shape == (None, 3)
    x._keras_shape = (8, 3)  # an open size may be claimed
    assert x._keras_shape == (8, 3)


@pytest.mark.parametrize("shape", [(None, 4), (None,), (None, 3, 1), 3, None])
def test_a_shape_that_does_not_fit_is_one_line_in_the_log(
    shape: object, caplog: pytest.LogCaptureFixture
) -> None:
    x = K.placeholder((None, 3), name="x")
    with caplog.at_level(logging.WARNING, "graphc"):
        x._keras_shape = shape
    [record] = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "graphc")
    assert f"_keras_shape is set to {shape}" in record.getMessage()
    assert "the tensor has (None, 3), which counts" in record.getMessage()
    assert x._keras_shape == (None, 3)


def test_what_no_layer_made_has_no_history() -> None:
    x = K.placeholder((None, 3), name="x")
    with pytest.raises(AttributeMissingError, match="'x'.* it is not the output of a layer"):
        _ = x._keras_history


def test_a_history_is_that_of_the_call_which_made_the_tensor() -> None:
    x, y = K.placeholder((None, 3)), K.placeholder((None, 3), name="y")
    calls = [SimpleNamespace(output_tensors=[y]), SimpleNamespace(output_tensors=[y, x])]
    layer = SimpleNamespace(name="dense_1", inbound_nodes=calls)
    x._keras_history = (layer, 1, 1)
    with pytest.raises(ArgumentError, match="'y'.* is not output 1 of call 1 of dense_1"):
        y._keras_history = (layer, 1, 1)


def test_the_phase_is_used_where_it_is_read_or_said_to_be() -> None:
    x = K.placeholder((None, 3))
    dropped = K.in_train_phase(x * 2.0, x)
    assert (x._uses_learning_phase, dropped._uses_learning_phase) == (False, True)
    x._uses_learning_phase, dropped._uses_learning_phase = 1, 0
    assert (x._uses_learning_phase, dropped._uses_learning_phase) == (True, False)


def test_a_name_can_be_set() -> None:
    x = K.placeholder((None, 3))
    assert x.name is None
    x.name = "words"
    assert x.name == "words"
