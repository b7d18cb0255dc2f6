"""Weights of other backends and releases of Keras: the model predicts what NumPy computes."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, ShapeError
from graphc.initializations import zero
from graphc.layers import (
    GRU,
    LSTM,
    BatchNormalization,
    Convolution1D,
    Convolution2D,
    Convolution3D,
    Dense,
    TimeDistributed,
)
from graphc.models import Sequential
from tests.files.old_writers import as_bytes, write_keras_0_3, write_keras_1

RNG = np.random.default_rng(31)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def correlated(x, kernel):
    """Return TensorFlow's correlation: x (n, *sizes, channels), kernel (*sizes, channels,
    filters)."""
    axes = tuple(range(1, x.ndim - 1))
    windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[:-2], axis=axes)
    # (n, *places, channels, *sizes) with (*sizes, channels, filters)
    count = len(axes)
    own = [1 + count + 1 + k for k in range(count)] + [1 + count]
    return np.tensordot(windows, kernel, (own, list(range(count + 1))))


def flipped(kernel):
    return kernel[tuple([slice(None, None, -1)] * (kernel.ndim - 2))]


def check_predicts(model, x, expected):
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-4, atol=1e-5)


# How a file is known to be of TensorFlow: the end of the names, attributes, arguments.
STATED = {
    "by names": (":0", {}, {}),
    "by attribute": ("", {"backend": "tensorflow"}, {}),
    "by argument": ("", {}, {"backend": "tensorflow"}),
}


class TestKernels:
    @pytest.mark.parametrize("stated", STATED)
    @pytest.mark.parametrize("ordering", ["th", "tf"])
    def test_images(self, tmp_path, stated, ordering):
        end, attributes, given = STATED[stated]
        W, b, x = numbers(2, 3, 4, 5), numbers(5), numbers(2, 6, 7, 4)
        shape, stored, swapped = (6, 7, 4), W, x
        expected = correlated(x, W) + b
        if ordering == "th":
            shape, stored = (4, 6, 7), W.transpose(3, 2, 0, 1)
            swapped, expected = x.transpose(0, 3, 1, 2), expected.transpose(0, 3, 1, 2)
        model = Sequential([Convolution2D(5, 2, 3, dim_ordering=ordering, input_shape=shape)])
        write_keras_1(
            tmp_path / "w.h5", [("c", [(f"c_W{end}", stored), (f"c_b{end}", b)])], **attributes
        )
        model.load_weights(tmp_path / "w.h5", **given)
        check_predicts(model, swapped, expected)

    @pytest.mark.parametrize("is_stated", [False, True])
    def test_volumes(self, tmp_path, is_stated):
        W, b, x = numbers(2, 1, 3, 2, 3), numbers(3), numbers(2, 4, 3, 5, 2)
        model = Sequential([Convolution3D(3, 2, 1, 3, dim_ordering="tf", input_shape=(4, 3, 5, 2))])
        attributes = {"backend": "tensorflow" if is_stated else "theano"}
        write_keras_1(tmp_path / "w.h5", [("c", [("c_W:0", W), ("c_b:0", b)])], **attributes)
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, x, correlated(x, W if is_stated else flipped(W)) + b)

    @pytest.mark.parametrize("end", ["", ":0"])
    @pytest.mark.parametrize("is_later", [False, True])
    def test_sequences(self, tmp_path, end, is_later):
        W, b, x = numbers(3, 4, 5), numbers(5), numbers(2, 6, 4)
        stored = W[:, None] if is_later else W.transpose(2, 1, 0)[..., None]
        model = Sequential([Convolution1D(5, 3, input_shape=(6, 4))])
        write_keras_1(tmp_path / "w.h5", [("c", [(f"c_W{end}", stored), (f"c_b{end}", b)])])
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, x, correlated(x, W if end else flipped(W)) + b)

    def test_inside_of_wrappers_and_models(self, tmp_path):
        W, b, x = numbers(2, 2, 1, 3), numbers(3), numbers(2, 4, 3, 3, 1)
        inner = Sequential(
            [Convolution2D(3, 2, 2, dim_ordering="tf", input_shape=(3, 3, 1), name="c")]
        )
        model = Sequential([TimeDistributed(inner, input_shape=(4, 3, 3, 1), name="steps")])
        write_keras_1(tmp_path / "w.h5", [("steps", [("c_W:0", W), ("c_b:0", b)])])
        model.load_weights(tmp_path / "w.h5")
        expected = np.stack([correlated(x[:, t], W) + b for t in range(4)], 1)
        check_predicts(model, x, expected)

    def test_other_weights_stay(self, tmp_path):
        W, b = numbers(3, 2), numbers(2)
        model = Sequential([Dense(2, input_dim=3)])
        write_keras_1(tmp_path / "w.h5", [("d", [("d_W:0", W), ("d_b:0", b)])])
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, np.ones((2, 3)), np.ones((2, 3)) @ W + b)

    @pytest.mark.parametrize(
        ("arguments", "differs"),
        [
            ({"border_mode": "same"}, False),
            ({"border_mode": "same", "subsample_length": 2}, True),
            ({"border_mode": "same", "filter_length": 2}, True),
            ({"border_mode": "valid", "filter_length": 2}, False),
        ],
    )
    def test_windows_that_begin_elsewhere_are_logged(self, tmp_path, caplog, arguments, differs):
        arguments = {"filter_length": 3, **arguments}
        length = arguments["filter_length"]
        model = Sequential([Convolution1D(2, input_shape=(6, 1), name="mine", **arguments)])
        stored = [("c_W:0", numbers(length, 1, 1, 2)), ("c_b:0", numbers(2))]
        write_keras_1(tmp_path / "w.h5", [("c", stored)])
        with caplog.at_level(logging.WARNING, "graphc"):
            model.load_weights(tmp_path / "w.h5")
        is_logged = "mine: the weights are of TensorFlow, whose windows" in caplog.text
        assert is_logged == differs


def normalization(**arguments):
    model = Sequential([BatchNormalization(epsilon=0.5, input_shape=(3,), name="n", **arguments)])
    gamma, beta, mean = numbers(3), numbers(3), numbers(3)
    spread = np.array([0.25, 1.0, 9.0], "float32")
    names = ("n_gamma", "n_beta", "n_running_mean", "n_running_std")
    weights = list(zip(names, (gamma, beta, mean, spread), strict=True))
    x = numbers(4, 3)
    expected = {
        "std": gamma * (x - mean) / (spread + 0.5) + beta,
        "variance": gamma * (x - mean) / np.sqrt(spread + 0.5) + beta,
    }
    return model, weights, x, expected


class TestVariances:
    @pytest.mark.parametrize("stored", [as_bytes, str])
    @pytest.mark.parametrize(
        ("version", "kind"),
        [
            ("0.3.3", "std"),
            ("1.0", "std"),
            ("1.0.5", "std"),
            ("1.0.7", "variance"),
            ("1.1.2", "variance"),
            ("1.2.0rc1", "variance"),
        ],
    )
    def test_by_the_version(self, tmp_path, version, kind, stored):
        model, weights, x, expected = normalization()
        write_keras_1(tmp_path / "w.h5", [("n", weights)], stored, keras_version=version)
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, x, expected[kind])
        model.load_weights(tmp_path / "w.h5", running_std=kind)
        other = "variance" if kind == "std" else "std"
        with pytest.raises(ArgumentError, match=f"running_std is '{kind}' in this file, .*{other}"):
            model.load_weights(tmp_path / "w.h5", running_std=other)

    @pytest.mark.flags(keras="1.0")
    @pytest.mark.parametrize("attributes", [{}, {"keras_version": "1.0.6"}])
    def test_by_the_argument(self, tmp_path, attributes):
        model, weights, x, expected = normalization()
        before = model.get_weights()
        write_keras_1(tmp_path / "w.h5", [("n", weights)], **attributes)
        with pytest.raises(ArgumentError) as raised:
            model.load_weights(tmp_path / "w.h5")
        for words in (
            f"w.h5 for {model.name}: n: the file does not say what the running_std",
            "up to 1.0.5 stored a standard deviation",
            "from 1.0.7 on a variance",
            "pass running_std='std' or running_std='variance'",
        ):
            assert words in str(raised.value)
        for mine, initial in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(mine, initial)
        for kind in ("std", "variance"):
            model.load_weights(tmp_path / "w.h5", running_std=kind)
            check_predicts(model, x, expected[kind])

    @pytest.mark.parametrize("mode", [1, 2])
    def test_not_needed_where_nothing_reads_it(self, tmp_path, mode):
        model, weights, _, _ = normalization(mode=mode)
        write_keras_1(tmp_path / "w.h5", [("n", weights)])
        model.load_weights(tmp_path / "w.h5")
        np.testing.assert_array_equal(model.get_weights()[3], weights[3][1])

    def test_files_of_graphc_and_of_0_3_say_what_they_store(self, tmp_path):
        model, weights, x, expected = normalization()
        values = [value for _, value in weights]
        write_keras_0_3(tmp_path / "old.h5", [values], graph=False)
        model.load_weights(tmp_path / "old.h5")
        check_predicts(model, x, expected["std"])
        model.save_weights(tmp_path / "ours.h5")
        model.set_weights([0 * value for value in values])
        model.load_weights(tmp_path / "ours.h5")
        check_predicts(model, x, expected["std"])
        for name in ("old.h5", "ours.h5"):
            with pytest.raises(ArgumentError, match="running_std is 'std' in this file"):
                model.load_weights(tmp_path / name, running_std="variance")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm(x, W, U, b):
    """The last output; the columns of all gates are i, f, c, o."""
    units = U.shape[0]
    h = c = np.zeros((len(x), units))
    for t in range(x.shape[1]):
        i, f, new, o = np.split(x[:, t] @ W + h @ U + b, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
        h = sigmoid(o) * np.tanh(c)
    return h


def gru(x, W, U, b):
    """The last output; the columns of all gates are z, r, h."""
    units = U.shape[0]
    h = np.zeros((len(x), units))
    for t in range(x.shape[1]):
        x_z, x_r, x_h = np.split(x[:, t] @ W + b, 3, axis=1)
        U_z, U_r, U_h = np.split(U, 3, axis=1)
        z, r = sigmoid(x_z + h @ U_z), sigmoid(x_r + h @ U_r)
        h = z * h + (1 - z) * np.tanh(x_h + (r * h) @ U_h)
    return h


def joined(count):
    return [numbers(3, 2 * count), numbers(2, 2 * count), numbers(2 * count)]


@pytest.mark.parametrize(("layer", "count", "reference"), [(LSTM, 4, lstm), (GRU, 3, gru)])
class TestJoinedGates:
    """Weights that recurrent layers with consume_less='gpu' stored."""

    def test_predictions(self, tmp_path, layer, count, reference):
        W, U, b = joined(count)
        x = numbers(4, 5, 3)
        model = Sequential([layer(2, inner_activation="sigmoid", input_shape=(5, 3))])
        write_keras_1(tmp_path / "w.h5", [("r", [("r_W", W), ("r_U", U), ("r_b", b)])])
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, x, reference(x, W, U, b))

    @pytest.mark.flags(keras="1.0")
    def test_a_layer_of_all_gates_reads_one_of_each(self, tmp_path, layer, count, reference):
        W, U, b = joined(count)
        x = numbers(4, 5, 3)
        model = Sequential(
            [layer(2, inner_activation="sigmoid", consume_less="gpu", input_shape=(5, 3))]
        )
        columns = [np.split(value, count, axis=-1) for value in (W, U, b)]
        gates, order = (("i", "c", "f", "o"), (0, 2, 1, 3)) if count == 4 else ("zrh", (0, 1, 2))
        stored = [
            (f"r_{name}_{gate}", several[column])
            for gate, column in zip(gates, order, strict=True)
            for name, several in zip("WUb", columns, strict=True)
        ]
        write_keras_1(tmp_path / "w.h5", [("r", stored)])
        model.load_weights(tmp_path / "w.h5")
        check_predicts(model, x, reference(x, W, U, b))
        for mine, value in zip(model.get_weights(), (W, U, b), strict=True):
            np.testing.assert_array_equal(mine, value)
        write_keras_1(tmp_path / "few.h5", [("r", stored[:-1])])
        with pytest.raises(DataError, match="the layer 'r' of the file has .* weights"):
            model.load_weights(tmp_path / "few.h5")

    def test_beside_others_in_a_model_inside(self, tmp_path, layer, count, reference):
        (W, U, b), (W_d, b_d) = joined(count), (numbers(2, 1), numbers(1))
        x = numbers(4, 5, 3)
        inner = Sequential(
            [
                BatchNormalization(mode=1, epsilon=1e-6, input_shape=(5, 3)),
                layer(2, inner_activation="sigmoid"),
                Dense(1),
            ]
        )
        model = Sequential([inner])
        values = [np.ones(3), np.zeros(3), W, U, b, W_d, b_d, np.zeros(3), np.ones(3)]
        names = [f"w_{k}" for k in range(len(values))]
        stored = [(n, np.float32(v)) for n, v in zip(names, values, strict=True)]
        write_keras_1(tmp_path / "w.h5", [("inner", stored)])
        model.load_weights(tmp_path / "w.h5")
        std = np.sqrt(x.var(-1, keepdims=True)) + 1e-6
        normalized = (x - x.mean(-1, keepdims=True)) / std
        check_predicts(model, x, reference(normalized, W, U, b) @ W_d + b_d)

    def test_shapes_that_do_not_fit(self, tmp_path, layer, count, reference):
        W, U, b = joined(count)
        model = Sequential([layer(2, input_shape=(5, 3), name="mine")])
        before = model.get_weights()
        write_keras_1(tmp_path / "w.h5", [("r", [("r_W", W), ("r_U", U.T), ("r_b", b)])])
        with pytest.raises(ShapeError, match=rf"'mine' needs \(2, {2 * count}\)"):
            model.load_weights(tmp_path / "w.h5")
        for mine, initial in zip(model.get_weights(), before, strict=True):
            np.testing.assert_array_equal(mine, initial)


@pytest.mark.parametrize(
    ("base", "arguments"),
    [
        (Convolution1D, {"nb_filter": 2, "filter_length": 2}),
        (LSTM, {"output_dim": 2}),
        (BatchNormalization, {}),
    ],
)
def test_layers_of_users_with_other_weights(tmp_path, base, arguments):
    class Own(base):
        def build(self, input_shape):
            self.add_weight((1,), zero, "scale")

        def call(self, x, mask=None):
            return 2.0 * x

        def get_output_shape_for(self, input_shape):
            return input_shape

    model = Sequential([Own(input_shape=(5, 3), **arguments)])
    write_keras_1(tmp_path / "w.h5", [("own", [("scale", np.float32([3.0]))])])
    model.load_weights(tmp_path / "w.h5")
    np.testing.assert_array_equal(model.get_weights(), [[3.0]])


@pytest.mark.parametrize(
    ("attributes", "given", "error", "words"),
    [
        ({"keras_version": "2.0.8"}, {}, DataError, "keras_version: expected .*Keras 1, .*'2.0.8'"),
        ({"keras_version": "later"}, {}, DataError, "keras_version: expected .*'later'"),
        ({"backend": "cntk"}, {}, DataError, "backend: expected theano or tensorflow, .*'cntk'"),
        ({}, {"backend": "cntk"}, ArgumentError, "backend: expected 'theano' or 'tensorflow', rec"),
        ({}, {"running_std": "sd"}, ArgumentError, "running_std: expected 'std' or 'variance', re"),
        (
            {"backend": "tensorflow"},
            {"backend": "theano"},
            ArgumentError,
            "backend is 'tensorflow' in this file, received 'theano'; leave it out",
        ),
    ],
)
def test_origins_that_are_refused(tmp_path, attributes, given, error, words):
    model = Sequential([Dense(2, input_dim=3)])
    before = model.get_weights()
    stored = [("d", [("d_W", numbers(3, 2)), ("d_b", numbers(2))])]
    write_keras_1(tmp_path / "w.h5", stored, **attributes)
    with pytest.raises(error, match=words):
        model.load_weights(tmp_path / "w.h5", **given)
    for mine, initial in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, initial)
