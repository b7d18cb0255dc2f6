"""A description and a file of weights of Keras 0.3 together: what they predict, NumPy computes."""

from __future__ import annotations

import json

import numpy as np
import pytest

from graphc.errors import ArgumentError, ShapeError, UnknownNameError
from graphc.models import model_from_json
from tests.files.keras_0_3_layers import RNG, check, dense, layer, loaded, node, numbers

SGD = {"name": "SGD", "lr": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False}


def test_two_merged_sides(tmp_path):
    """Images beside numbers: a Merge in front is one layer of the file, with both sides' weights;
    the model is compiled, and trains."""
    images = [
        layer("Convolution2D", nb_filter=2, nb_row=2, nb_col=2, init="uniform", subsample=[1, 1],
              activation="relu", border_mode="valid", dim_ordering="th", W_regularizer=None,
              b_regularizer=None, activity_regularizer=None, W_constraint=None, b_constraint=None,
              input_shape=[1, 3, 3]),
        layer("Flatten"),
        layer("BatchNormalization", epsilon=0.5, mode=0, momentum=0.9),
    ]  # fmt: skip
    sides = [
        {"name": "Sequential", "layers": images},
        {"name": "Sequential", "layers": [dense(3, "tanh", input_shape=[2])]},
    ]
    merge = layer("Merge", layers=sides, mode="concat", concat_axis=-1, dot_axes=-1)
    description = {"name": "Sequential", "layers": [merge, layer("Dropout", p=0.5), dense(1)],
                   "loss": "mean_squared_error", "optimizer": SGD, "class_mode": "categorical",
                   "sample_weight_mode": None}  # fmt: skip
    K, k = numbers(2, 1, 2, 2), numbers(2)
    gamma, beta, mean, std = numbers(8), numbers(8), numbers(8), np.square(numbers(8))
    W, b, V, c = numbers(2, 3), numbers(3), numbers(11, 1), numbers(1)
    groups = [[K, k, gamma, beta, mean, std, W, b], [], [V, c]]
    model = loaded(tmp_path, description, groups)

    image, x, y = numbers(5, 1, 3, 3), numbers(5, 2), numbers(5, 1)
    convolved = np.zeros((5, 2, 2, 2))
    for row, column in np.ndindex(2, 2):
        window = image[:, 0, row : row + 2, column : column + 2]
        flipped = K[:, 0, ::-1, ::-1]
        convolved[:, :, row, column] = np.einsum("nrc,frc->nf", window, flipped) + k
    flat = np.maximum(convolved, 0).reshape(5, 8)
    left = gamma * (flat - mean) / (std + 0.5) + beta
    expected = np.concatenate([left, np.tanh(x @ W + b)], 1) @ V + c
    check(model.predict([image, x]), expected)
    loss = model.evaluate([image, x], y, verbose=0)
    check(loss, np.mean((expected - y) ** 2))
    model.train_on_batch([image, x], y)
    assert not np.allclose(model.get_weights()[-2], V)


@pytest.mark.parametrize(
    ("axes", "formula"),
    [
        ([[1, 2], [1, 2]], "nijk,nijm->nkm"),
        ([[2, 1], [2, 1]], "nijk,nijm->nkm"),
        ([[1, 3], [1, 3]], "nijk,nimk->njm"),
        ([[1, 2, 3], [1, 2, 3]], "nijk,nijk->n"),
    ],
)
def test_sums_over_several_axes(tmp_path, axes, formula):
    sides = [
        {"name": "Sequential", "layers": [dense(24, input_shape=[size]),
                                          layer("Reshape", dims=[2, 3, 4])]}
        for size in (2, 5)
    ]  # fmt: skip
    merge = layer("Merge", layers=sides, mode="dot", concat_axis=-1, dot_axes=axes)
    layers = [merge, *([] if formula.endswith(">n") else [layer("Flatten")]), dense(1)]
    description = {"name": "Sequential", "layers": layers, "loss": "mse", "optimizer": SGD}
    W, b, V, c = numbers(2, 24), numbers(24), numbers(5, 24), numbers(24)
    x, y = numbers(3, 2), numbers(3, 5)
    left, right = (x @ W + b).reshape(3, 2, 3, 4), (y @ V + c).reshape(3, 2, 3, 4)
    merged = np.einsum(formula, left, right).reshape(3, -1)
    U, u = numbers(merged.shape[1], 1), numbers(1)
    groups = [[W, b, V, c], *[[]] * (len(layers) - 2), [U, u]]
    model = loaded(tmp_path, description, groups)
    expected = merged @ U + u
    check(model.predict([x, y]), expected)
    again = model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    check(again.predict([x, y]), expected)
    target = expected + 0.1
    model.train_on_batch([x, y], target)
    check(model.get_weights()[-1], u + 0.5 * 2 * 0.1)
    assert not np.allclose(model.get_weights()[0], W)


@pytest.mark.parametrize(
    ("count", "formula"),
    [
        (-1, "nij,nkj->nik"),
        (-2, "nij,nij->n"),
        (1, "nij,njk->nik"),
        (2, "nij,nij->n"),
    ],
)
def test_axes_by_their_number(count, formula):
    """A number was one of axes: the last of the first input and the first of the second, or, where
    it is negative, the last of both."""
    description = {
        "name": "Graph",
        "input_config": [{"name": name, "input_shape": [3, 3], "dtype": "float"} for name in "ab"],
        "node_config": [node("dot", inputs=["a", "b"], merge_mode="dot", dot_axes=count,
                             create_output=False)],
        "output_config": [node("out", input="dot")],
        "input_order": ["a", "b"], "output_order": ["out"],
        "nodes": {"dot": layer("Activation", activation="linear")},
    }  # fmt: skip
    data = {"a": numbers(4, 3, 3), "b": numbers(4, 3, 3)}
    expected = np.einsum(formula, data["a"], data["b"])
    found = model_from_json(json.dumps(description)).predict(data)["out"]
    check(found, expected if expected.ndim > 1 else expected[:, None])


def test_words(tmp_path):
    layers = [
        layer("Embedding", input_dim=6, output_dim=2, init="uniform", input_length=4,
              mask_zero=False, W_regularizer=None, activity_regularizer=None, W_constraint=None,
              input_shape=[4]),
        layer("SimpleRNN", output_dim=3, init="glorot_uniform", inner_init="orthogonal",
              activation="tanh", return_sequences=True, go_backwards=False, stateful=False,
              input_dim=2, input_length=4),
        layer("TimeDistributedDense", output_dim=2, init="glorot_uniform", activation="linear",
              W_regularizer=None, b_regularizer=None, activity_regularizer=None,
              W_constraint=None, b_constraint=None, input_dim=None, input_length=None),
        layer("Flatten"),
    ]  # fmt: skip
    E, W, U, b, V, c = (numbers(6, 2), numbers(2, 3), numbers(3, 3), numbers(3), numbers(3, 2),
                        numbers(2))  # fmt: skip
    description = {"name": "Sequential", "layers": layers}
    model = loaded(tmp_path, description, [[E], [W, U, b], [V, c], []])
    words = RNG.integers(0, 6, (3, 4))
    h, steps = np.zeros((3, 3)), []
    for t in range(4):
        h = np.tanh(E[words[:, t]] @ W + h @ U + b)
        steps.append(h @ V + c)
    check(model.predict(words), np.concatenate(steps, 1))


@pytest.mark.parametrize(("mode", "merged"), [("sum", np.sum), ("ave", np.mean), ("mul", np.prod)])
def test_steps_as_one(tmp_path, mode, merged):
    layers = [
        layer("TimeDistributedDense", output_dim=2, init="glorot_uniform", activation="tanh",
              W_regularizer=None, b_regularizer=None, activity_regularizer=None,
              W_constraint=None, b_constraint=None, input_dim=3, input_length=4,
              input_shape=[4, 3]),
        layer("TimeDistributedMerge", mode=mode),
        dense(1),
    ]  # fmt: skip
    W, b, V, c = numbers(3, 2), numbers(2), numbers(2, 1), numbers(1)
    model = loaded(tmp_path, {"name": "Sequential", "layers": layers}, [[W, b], [], [V, c]])
    x = numbers(5, 4, 3)
    check(model.predict(x), merged(np.tanh(x @ W + b), axis=1) @ V + c)


def test_a_graph(tmp_path):
    """Nodes that are merged, a model inside, two outputs."""
    inner = {"name": "Sequential", "layers": [dense(3, input_shape=[3]), dense(2, "tanh")]}
    description = {
        "name": "Graph",
        "input_config": [{"name": "a", "input_shape": [3], "dtype": "float"},
                         {"name": "b", "input_shape": [2], "dtype": "float"}],
        "node_config": [node("inner", input="a", create_output=False),
                        node("z", inputs=["inner", "b"], merge_mode="sum", create_output=True),
                        node("c", inputs=["inner", "b"], create_output=False)],
        "output_config": [node("out", input="c")],
        "input_order": ["a", "b"],
        "output_order": ["z", "out"],
        "nodes": {"inner": inner, "z": dense(1), "c": dense(2)},
        "loss": {"z": "mse", "out": "mae"}, "optimizer": SGD,
        "sample_weight_modes": {}, "loss_weights": {"z": 1.0, "out": 0.5},
    }  # fmt: skip
    W, b, V, c = numbers(3, 3), numbers(3), numbers(3, 2), numbers(2)
    Z, z, C, d = numbers(2, 1), numbers(1), numbers(4, 2), numbers(2)
    graph = loaded(tmp_path, description, [[W, b, V, c, Z, z, C, d]], graph=True)
    data = {"a": numbers(4, 3), "b": numbers(4, 2)}
    code = np.tanh((data["a"] @ W + b) @ V + c)
    found = graph.predict(data)
    check(found["z"], (code + data["b"]) @ Z + z)
    check(found["out"], np.concatenate([code, data["b"]], 1) @ C + d)
    targets = {"z": np.zeros((4, 1)), "out": np.zeros((4, 2))}
    expected = np.mean(found["z"] ** 2) + 0.5 * np.mean(np.abs(found["out"]))
    check(graph.evaluate({**data, **targets}), expected)


def test_an_autoencoder(tmp_path):
    entry = layer(
        "AutoEncoder",
        encoder_config={"name": "Sequential", "layers": [dense(2, "tanh", input_shape=[3])]},
        decoder_config={"name": "Sequential", "layers": [dense(3, input_shape=[2])]},
        output_reconstruction=True,
    )
    W, b, V, c = numbers(2, 3).T, numbers(2), numbers(2, 3), numbers(3)
    model = loaded(tmp_path, {"name": "Sequential", "layers": [entry]}, [[W, b, V, c]])
    x = numbers(4, 3)
    check(model.predict(x), np.tanh(x @ W + b) @ V + c)


def test_batches_normalized_by_element(tmp_path):
    """The first releases had no axis: each pixel of each channel had statistics of its own."""
    layers = [layer("BatchNormalization", epsilon=0.5, mode=0, momentum=0.9, input_shape=[2, 3, 3]),
              layer("Flatten"), dense(1)]  # fmt: skip
    gamma, beta, mean, std = (numbers(2, 3, 3) for _ in range(4))
    W, b = numbers(18, 1), numbers(1)
    groups = [[gamma, beta, mean, np.square(std)], [], [W, b]]
    model = loaded(tmp_path, {"name": "Sequential", "layers": layers}, groups)
    x = numbers(4, 2, 3, 3)
    normalized = gamma * (x - mean) / (np.square(std) + 0.5) + beta
    check(model.predict(x), normalized.reshape(4, 18) @ W + b)
    # Later ones had one, which each feature has statistics along.
    layers[0] |= {"axis": 1}
    groups[0] = [numbers(2), numbers(2), numbers(2), np.square(numbers(2))]
    model = loaded(tmp_path, {"name": "Sequential", "layers": layers}, groups)
    gamma, beta, mean, std = (one[:, None, None] for one in groups[0])
    normalized = gamma * (x - mean) / (std + 0.5) + beta
    check(model.predict(x), normalized.reshape(4, 18) @ W + b)


LRN = {"alpha": 0.5, "k": 2, "beta": 0.75, "n": 3}


def test_local_response_normalization(tmp_path):
    layers = [layer("LRN2D", **LRN, input_shape=[4, 2, 3]), layer("Flatten"), dense(2)]
    W, b = numbers(24, 2), numbers(2)
    model = loaded(tmp_path, {"name": "Sequential", "layers": layers}, [[], [], [W, b]])
    x = numbers(5, 4, 2, 3)
    divided = np.empty_like(x)
    for at in np.ndindex(x.shape):
        sample, channel, *pixel = at
        near = range(max(channel - 1, 0), min(channel + 2, 4))
        squares = sum(x[(sample, other, *pixel)] ** 2 for other in near)
        divided[at] = x[at] / (2 + 0.5 * squares) ** 0.75
    check(model.predict(x), divided.reshape(5, 24) @ W + b)


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"n": 4}, ArgumentError, r"n: expected an odd number, .* received 4"),
        ({"n": 0}, ArgumentError, "n: expected a whole number of at least 1, received 0"),
        ({"input_shape": [4, 2]}, ShapeError, r"expected a 4-D input \(batch, channels, rows"),
    ],
)
def test_what_is_no_local_response_normalization(changes, error, words):
    entry = layer("LRN2D", **{**LRN, "input_shape": [4, 2, 3], **changes})
    description = {"name": "Sequential", "layers": [entry]}
    with pytest.raises(error, match=rf"^model: layer 1: lrn2d_\d+ \(LRN2D\): {words}"):
        model_from_json(json.dumps(description))


def test_a_mask_goes_through_a_function(tmp_path):
    """Steps that are masked count no more behind a MaskedLambda than before it."""
    layers = [
        layer("Masking", mask_value=9.0, input_shape=[4, 2]),
        layer("MaskedLambda"),
        layer("SimpleRNN", output_dim=3, init="glorot_uniform", inner_init="orthogonal",
              activation="tanh", return_sequences=False, go_backwards=False, stateful=False,
              input_dim=2, input_length=4),
    ]  # fmt: skip
    W, U, b = numbers(2, 3), numbers(3, 3), numbers(3)
    description = {"name": "Sequential", "layers": layers}
    given = {"maskedlambda_1.function": lambda x: 2 * x + 1}
    model = loaded(tmp_path, description, [[], [], [W, U, b]], custom_objects=given)
    x = numbers(3, 4, 2)
    counts = np.array([[1, 0, 1, 0], [1, 1, 1, 1], [0, 1, 1, 0]], bool)
    x[~counts] = 9.0
    expected = np.zeros((3, 3))
    for sample, step in zip(*np.nonzero(counts), strict=True):
        expected[sample] = np.tanh((2 * x[sample, step] + 1) @ W + expected[sample] @ U + b)
    check(model.predict(x), expected)


def test_functions_are_distinguished(tmp_path):
    """Keras 0.3 wrote no more of a Lambda than its class: the error asks for one after the other,
    and each has a name of its own, also in models inside of others and in nodes of a Graph."""

    def side(*kinds):
        return {"name": "Sequential", "layers": [
            layer(kind, **({} if k else {"input_shape": [2]})) for k, kind in enumerate(kinds)
        ]}  # fmt: skip

    code = "c\0\0"
    merge = layer("LambdaMerge", layers=[side("Lambda", "Lambda"), side("MaskedLambda")],
                  function=code, output_shape=None)  # fmt: skip
    description = {
        "name": "Graph",
        "input_config": [{"name": "a", "input_shape": [2], "dtype": "float"}],
        "node_config": [node("f", input="a", create_output=False),
                        node("g", input="f", create_output=True)],
        "output_config": [node("g", input="g")],
        "input_order": ["a"], "output_order": ["g"],
        "nodes": {"f": layer("Lambda"), "g": layer("MaskedLambda")},
    }  # fmt: skip
    for one, given in (
        (
            {"name": "Sequential", "layers": [merge, layer("Lambda")]},
            {
                "lambda_1.function": lambda x: x + 1,
                "lambda_2.function": lambda x: 2 * x,
                "maskedlambda_1.function": lambda x: x**2,
                "lambdamerge_1.mode": lambda xs: xs[0] - xs[1],
                "lambda_3.function": lambda x: 10 * x,
            },
        ),
        (description, {"f.function": lambda x: x + 1, "g.function": lambda x: 2 * x}),
    ):
        text, so_far = json.dumps(one), {}
        for name, function in given.items():
            with pytest.raises(UnknownNameError, match=rf"custom_objects={{'{name}': function}}"):
                model_from_json(text, so_far)
            so_far[name] = function
        model = model_from_json(text, given)
        x, y = numbers(3, 2), numbers(3, 2)
        if one is description:
            check(model.predict({"a": x})["g"], 2 * (x + 1))
        else:
            check(model.predict([x, y]), 10 * (2 * (x + 1) - y**2))


@pytest.mark.parametrize("name", ["JZS1", "JZS2", "JZS3", "SimpleDeepRNN", "WordContextProduct"])
def test_layers_from_before_0_3(name):
    description = {"name": "Sequential", "layers": [layer(name, output_dim=2, input_shape=[4, 3])]}
    with pytest.raises(
        UnknownNameError,
        match=f"^model: layer 1: unknown layer '{name}'. Keras had it before 0.3 only. A class of "
        f"your own is passed by custom_objects={{'{name}': {name}}}$",
    ):
        model_from_json(json.dumps(description))
