"""A layer that Keras 0.3 shared in front of a Sequential: what is predicted, NumPy computes."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, UnknownNameError
from graphc.models import Sequential, model_from_json
from tests.files.keras_0_3_layers import check, dense, layer, loaded, numbers

Description = dict[str, Any]

SGD = {"name": "SGD", "lr": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False}


def chain(*layers: Description, **compiled: Any) -> Description:
    return {"name": "Sequential", "layers": list(layers), **compiled}


def siamese(of: Description, inputs: list[Description], mode: str | None, **changes: Any):
    return layer("Siamese", layer=of, inputs=inputs, merge_mode=mode,
                 **{"concat_axis": 1, "dot_axes": -1, "is_graph": False, **changes})  # fmt: skip


def sides(*activations: str) -> list[Description]:
    return [chain(dense(3, one, input_shape=[k + 2])) for k, one in enumerate(activations)]


LEFT, RIGHT = [numbers(2, 3), numbers(3)], [numbers(3, 3), numbers(3)]
W, b, V, c = numbers(3, 2), numbers(2), numbers(2, 1), numbers(1)
X, Y = numbers(5, 2), numbers(5, 3)
A = np.tanh((X @ LEFT[0] + LEFT[1]) @ W + b)
B = np.tanh(np.tanh(Y @ RIGHT[0] + RIGHT[1]) @ W + b)


def check_again(model: Sequential, *arrays: np.ndarray) -> None:
    """Check that the loaded model is written, and read, as any Sequential."""
    other = model_from_json(model.to_json())
    other.set_weights(model.get_weights())
    np.testing.assert_array_equal(other.predict([*arrays]), model.predict([*arrays]))


@pytest.mark.parametrize(
    ("mode", "merged"),
    [
        ("concat", np.concatenate([A, B], 1)),
        ("sum", A + B),
        ("ave", (A + B) / 2),
        ("mul", A * B),
        ("dot", (A * B).sum(1, keepdims=True)),
        ("cos", ((A * B).sum(1) / np.sqrt((A**2).sum(1) * (B**2).sum(1)))[:, None]),
    ],
)
def test_modes(tmp_path, mode, merged):
    """The file has the weights of the shared layer first, then those of what it is used on."""
    first = siamese(dense(2, "tanh"), sides("linear", "tanh"), mode, dot_axes=[[1], [1]])
    U = numbers(merged.shape[1], 1)
    groups = [[W, b, *LEFT, *RIGHT], [U, c]]
    model = loaded(tmp_path, chain(first, dense(1)), groups)
    check(model.predict([X, Y]), merged @ U + c)
    check_again(model, X, Y)


def test_the_shared_layer_trains_once(tmp_path):
    first = siamese(dense(2, "tanh"), sides("linear", "tanh"), "sum")
    description = chain(first, optimizer=SGD, loss="mse", class_mode="categorical")
    model = loaded(tmp_path, description, [[W, b, *LEFT, *RIGHT]])
    target = numbers(5, 2)
    error = 2 * (A + B - target) / target.size
    slopes = [error * (1 - one**2) for one in (A, B)]
    left, right = X @ LEFT[0] + LEFT[1], np.tanh(Y @ RIGHT[0] + RIGHT[1])
    loss = model.train_on_batch([X, Y], target)
    check(loss, np.mean((A + B - target) ** 2))
    ((_, weights),) = model.keras_0_3_groups()
    assert len(weights) == 6
    found = [one.get_value() for one in weights]
    check(found[0], W - 0.5 * (left.T @ slopes[0] + right.T @ slopes[1]))
    check(found[1], b - 0.5 * (slopes[0] + slopes[1]).sum(0))
    check(found[2], LEFT[0] - 0.5 * X.T @ (slopes[0] @ W.T))


@pytest.mark.parametrize("axes", [[[1, 2], [1, 2]], [[2, 1], [2, 1]]])
def test_dot_over_several_axes(tmp_path, axes):
    steps = layer("TimeDistributedDense", output_dim=2)
    inputs = [chain(layer("Activation", activation="tanh", input_shape=[4, 3])) for _ in range(2)]
    model = loaded(tmp_path, chain(siamese(steps, inputs, "dot", dot_axes=axes)), [[W, b]])
    x, y = numbers(5, 4, 3), numbers(5, 4, 3)
    left, right = np.tanh(x) @ W + b, np.tanh(y) @ W + b
    check(model.predict([x, y]), np.einsum("nti,nti->n", left, right)[:, None])
    check_again(model, x, y)


def test_each_has_a_layer_of_its_own(tmp_path):
    """One among what another is used on, beside another model; layers that a user named as shared
    ones are, too."""
    inner = siamese(dense(3, "tanh"), sides("linear", "tanh"), "sum")
    named = chain(dense(3, custom_name="siamese_1", input_shape=[3]))
    outer = siamese(dense(3), [named, inner, chain(dense(3, input_shape=[2]))], "sum")
    merge = layer("Merge", layers=[chain(dense(3, input_shape=[2])), outer], mode="sum",
                  concat_axis=-1, dot_axes=-1)  # fmt: skip
    groups = [[numbers(rows, 3), numbers(3)] for rows in (2, 3, 3, 3, 2, 3, 2)]
    first, out, of_named, code, left, right, last = groups
    model = loaded(tmp_path, chain(merge), [[one for group in groups for one in group]])

    def used(pair, x):
        return x @ pair[0] + pair[1]

    x = [numbers(4, size) for size in (2, 3, 2, 3, 2)]
    inside = np.tanh(used(code, used(left, x[2]))) + np.tanh(used(code, np.tanh(used(right, x[3]))))
    behind = [used(of_named, x[1]), inside, used(last, x[4])]
    check(model.predict(x), used(first, x[0]) + sum(used(out, one) for one in behind))
    check_again(model, *x)


def test_a_shared_model(tmp_path):
    first = siamese(chain(dense(3, "tanh", input_shape=[3]), dense(2)), sides("linear", "linear"),
                    "concat", dot_axes=-1)  # fmt: skip
    U, u = numbers(3, 3), numbers(3)
    model = loaded(tmp_path, chain(first), [[U, u, W, b, *LEFT, *RIGHT]])
    codes = [np.tanh((x @ P + p) @ U + u) @ W + b for x, (P, p) in ((X, LEFT), (Y, RIGHT))]
    check(model.predict([X, Y]), np.concatenate(codes, 1))


def test_a_shared_function(tmp_path):
    first = siamese(layer("Lambda"), sides("linear", "linear"), "mul")
    given = {"lambda_1.function": lambda x: x**2}
    model = loaded(tmp_path, chain(first), [[*LEFT, *RIGHT]], custom_objects=given)
    check(model.predict([X, Y]), ((X @ LEFT[0] + LEFT[1]) * (Y @ RIGHT[0] + RIGHT[1])) ** 2)


def test_a_shared_layer_that_does_not_train():
    first = siamese(dense(2), sides("linear", "linear"), "sum", trainable=False)
    model = model_from_json(json.dumps(chain(first)))
    left, right = (branch.layers for branch in model.layers[0].layers)
    assert left[1] is right[1]
    assert not left[1].trainable


def test_masks_that_go_on_are_logged(caplog):
    """Those of 0.3 ended where outputs were merged, by a Merge too."""
    steps = layer("TimeDistributedDense", output_dim=2)
    for masked in (False, True):
        words = [chain(layer("Embedding", input_dim=5, output_dim=3, mask_zero=masked,
                             input_shape=[4])) for _ in range(2)]  # fmt: skip
        merge = layer("Merge", layers=words, mode="sum", concat_axis=-1, dot_axes=-1)
        for first in (siamese(steps, words, "concat"), merge):
            caplog.clear()
            model_from_json(json.dumps(chain(first, layer("LSTM", output_dim=2))))
            is_logged = ["the mask goes on after merge_" in one for one in caplog.messages]
            assert is_logged == [True] * masked


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"merge_mode": "join"}, "merge_mode 'join' gave a dict .* build the model as a Graph in"),
        ({"merge_mode": 3}, "merge_mode: expected a text or null, received 3"),
        ({"inputs": sides("linear")}, "inputs: expected a list of at least two layers or models"),
        ({"inputs": 2}, "inputs: expected a list of at least two layers or models, received 2"),
        ({"inputs": [dense(2), 3]}, "inputs: expected a list of at least two layers or models"),
        ({"inputs": [dense(2), dense(2)]}, "the first layer has to say what comes in"),
        ({"layer": 3}, "layer: expected an object, the shared layer, received 3"),
        ({"layer": layer("SiameseHead", head=0)}, "SiameseHead: a layer that several Sequentials"),
        ({"merge_mode": "dot", "dot_axes": [[1, 2], [1]]}, "dot_axes: expected an axis for both"),
        ({"merge_mode": "dot", "dot_axes": 65}, "dot_axes: expected a number of axes, at most 64"),
        ({"merge_mode": "dot", "dot_axes": 2}, "dot_axes: expected an axis of input 0"),
    ],
)  # fmt: skip
def test_what_is_refused(changes, words):
    description = chain(siamese(dense(2), sides("linear", "linear"), "sum"))
    description["layers"][0] |= copy.deepcopy(changes)
    with pytest.raises(ArgumentError, match=rf"^model: layer 1.*{words}"):
        model_from_json(json.dumps(description))


def test_one_without_a_merge_in_front(tmp_path):
    """The file has the weights of the shared layer alone: those of its inputs were not trained."""
    first = siamese(dense(2, "tanh"), sides("linear", "tanh"), None)
    head = layer("SiameseHead", head=1)
    model = loaded(tmp_path, chain(first, head, dense(1)), [[W, b], [], [V, c]])
    right = model.layers[0].layers[1].layers[0]
    right.set_weights(RIGHT)
    check(model.predict([X, Y]), B @ V + c)
    check_again(model, X, Y)


def test_one_without_a_merge_behind_a_layer(tmp_path, caplog):
    first = dense(3, "tanh", input_shape=[3])
    shared = siamese(dense(2, "tanh"), [first, dense(3)], None)
    head = layer("SiameseHead", head=0)
    model = loaded(tmp_path, chain(first, shared, head, dense(1)), [RIGHT, [W, b], [], [V, c]])
    check(model.predict(Y), B @ V + c)
    check_again(model, Y)
    assert caplog.messages == []
    steps = siamese(layer("TimeDistributedDense", output_dim=2), [first, first], None)
    word = layer("Embedding", input_dim=5, output_dim=3, mask_zero=True, input_shape=[4])
    model_from_json(json.dumps(chain(word, steps, head, layer("LSTM", output_dim=2))))
    assert "the mask goes on after sharedlayer_" in caplog.text


def test_those_of_several_models_are_not_distinguished():
    side = chain(dense(3, input_shape=[2]), siamese(dense(2), [dense(3), dense(3)], None),
                 layer("SiameseHead", head=0))  # fmt: skip
    merge = layer("Merge", layers=[side, side], mode="sum", concat_axis=-1, dot_axes=-1)
    for description in (chain(merge), chain(siamese(dense(2), [side, side], "sum"))):
        with pytest.raises(ArgumentError, match="layer 1.*Siamese: a layer that several Sequen"):
            model_from_json(json.dumps(description))


def test_an_unknown_mode():
    first = siamese(dense(2), sides("linear", "linear"), "summ")
    with pytest.raises(UnknownNameError, match="^model: layer 1: unknown mode.*mean 'sum'"):
        model_from_json(json.dumps(chain(first)))


def test_one_that_is_not_in_front():
    first = dense(2, input_shape=[3])
    text = json.dumps(chain(first, siamese(dense(2), sides("linear", "linear"), "sum")))
    with pytest.raises(ArgumentError, match="layer 2.*a Merge can only be the first layer"):
        model_from_json(text)
