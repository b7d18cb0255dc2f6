"""For tests of models and of layers of one's own: data, and a check of a layer from all sides."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np

from graphc import backend as K
from graphc.engine.topology.layer import Layer
from graphc.errors import ArgumentError
from graphc.layers import Input
from graphc.lookup import true_or_false, whole_number
from graphc.models import Model, Sequential
from graphc.public.calls import public

_SPREAD = 0.7
_RELATIVE, _ABSOLUTE = 1e-3, 1e-6
_LARGEST_OPEN_SIZE = 4
_LARGEST_VALUE = 10

Part = tuple[np.ndarray, np.ndarray]


def get_test_data(
    nb_train: int = 1000,
    nb_test: int = 500,
    input_shape: Sequence[int] = (10,),
    output_shape: Sequence[int] = (2,),
    classification: bool = True,
    nb_class: int = 2,
) -> tuple[Part, Part]:
    """``(X_train, y_train), (X_test, y_test)`` that a model can learn.

    Args:
        nb_train, nb_test: how many samples.
        input_shape: of one sample; its elements are N(y, 0.7), or N(m, 0.7) in regression.
        output_shape: of one target of a regression, whose elements are N(m, 0.7) too; m is drawn
            from 0 ... 1 for each sample.
        classification: targets are classes, int64 of shape (n,), instead.
        nb_class: how many classes.

    Inputs and targets of a regression are float64. Draws come from NumPy's global generator.
    """
    counts = [
        whole_number(f"get_test_data: {name}", count, 0)
        for name, count in (("nb_train", nb_train), ("nb_test", nb_test))
    ]
    count = sum(counts)
    if classification:
        y = np.random.randint(0, whole_number("get_test_data: nb_class", nb_class, 1), count)
        centre = y.astype(np.float64)
    else:
        centre = np.random.random(count)
        y = _around(centre, output_shape)
    X = _around(centre, input_shape)
    first = counts[0]
    return (X[:first], y[:first]), (X[first:], y[first:])


def _around(centre: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    spread = np.random.normal(scale=_SPREAD, size=(len(centre), *shape))
    return centre.reshape(-1, *[1] * len(shape)) + spread


Tested = TypeVar("Tested", bound=Callable[..., Any])


def keras_test(func: Tested) -> Tested:
    """Return a test as it is: there is no session of a backend to be cleared after it."""
    return func


def layer_test(
    layer_cls: Callable[..., Layer],
    kwargs: Mapping[str, object] = MappingProxyType({}),
    input_shape: Sequence[int | None] | None = None,
    input_dtype: str | None = None,
    input_data: np.ndarray | None = None,
    expected_output: np.ndarray | None = None,
    expected_output_dtype: str | None = None,
    fixed_batch_size: bool = False,
) -> np.ndarray:
    """Check a layer: its weights, output shape and type, config, training, and a Sequential of it.

    Args:
        layer_cls: the class.
        kwargs: arguments that make a layer of it.
        input_shape: with the batch axis; for each None a size from 1 to 4 is drawn. By default that
            of `input_data`.
        input_dtype: by default that of `input_data`, else floatX.
        input_data: by default drawn from 0 ... 10.
        expected_output: what the layer makes of `input_data`, to a relative 1e-3.
        expected_output_dtype: by default `input_dtype`.
        fixed_batch_size: the layer is called on an input with the batch size of the data.

    Returns:
        What the layer made of the data.

    Raises:
        ArgumentError: neither input_shape nor input_data.
        AssertionError: a check failed; the message says which.
    """
    data = _data(input_shape, input_dtype, input_data)
    dtype = data.dtype.name
    layer = layer_cls(**kwargs)
    batch = len(data) if true_or_false("layer_test", "fixed_batch_size", fixed_batch_size) else None
    shape = (batch, *data.shape[1:])
    x = Input(batch_shape=shape, dtype=dtype)
    y = layer(x)
    _check(
        K.dtype(y) == (expected_output_dtype or dtype),
        f"expected an output of {expected_output_dtype or dtype}, received {K.dtype(y)}",
    )
    weights = layer.get_weights()
    layer.set_weights(weights)
    if "weights" in inspect.signature(layer_cls).parameters:
        others = [one + 1 for one in weights]  # such as no initialization makes
        again = layer_cls(**{**kwargs, "weights": others})
        again(Input(batch_shape=shape, dtype=dtype))
        for one, other in zip(again.get_weights(), others, strict=True):
            _same("the weights given to the constructor", one, other)

    model = Model(x, y)
    output = _predicted(model, data)
    claimed = layer.get_output_shape_for(shape)
    fits = len(claimed) == output.ndim and all(
        size in (None, actual) for size, actual in zip(claimed, output.shape, strict=True)
    )
    _check(fits, f"get_output_shape_for says {claimed}, the output has the shape {output.shape}")
    if expected_output is not None:
        _same("the output", output, expected_output)
    _check_copy_and_training(model, type(layer), data, output)

    config = {**layer.get_config(), "batch_input_shape": shape}
    copy = type(layer).from_config({**config, "input_dtype": dtype})
    chain = Sequential([copy])
    chain.set_weights(weights)
    _same("the output of a Sequential of the layer's config", _predicted(chain, data), output)
    _check_copy_and_training(chain, type(layer), data, output)
    return output


def _check_copy_and_training(
    model: Model, layer_cls: type[Layer], data: np.ndarray, output: np.ndarray
) -> None:
    kind = type(model)
    copy = kind.from_config(model.get_config(), custom_objects={layer_cls.__name__: layer_cls})
    assert isinstance(copy, Model)
    copy.set_weights(model.get_weights())
    _same(f"the output of a {kind.__name__} of the model's config", _predicted(copy, data), output)
    loss = model.train_on_batch(data, output)
    _check(bool(np.all(np.isfinite(loss))), f"training gave the loss {loss}")


def _predicted(model: Model, data: np.ndarray) -> np.ndarray:
    model.compile("rmsprop", "mse")
    return np.asarray(model.predict(data))


def _data(
    shape: Sequence[int | None] | None, dtype: str | None, data: np.ndarray | None
) -> np.ndarray:
    if data is not None:
        data = np.asarray(data)
        return data if dtype is None else data.astype(dtype)
    if shape is None:
        raise ArgumentError("layer_test: expected input_shape or input_data, received neither")
    sizes = [np.random.randint(1, _LARGEST_OPEN_SIZE + 1) if s is None else s for s in shape]
    return (_LARGEST_VALUE * np.random.random(sizes)).astype(dtype or K.floatx())


def _check(holds: bool, message: str) -> None:
    if not holds:
        raise AssertionError(f"layer_test: {message}")


def _same(what: str, actual: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(
        actual, expected, rtol=_RELATIVE, atol=_ABSOLUTE, err_msg=f"layer_test: {what}"
    )


public(__name__)
