"""Whole models as `model.save` of Keras 1.x wrote them: they predict and train as NumPy does."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest

from graphc.errors import ArgumentError, DataError, UnknownNameError
from graphc.models import Model, Sequential, load_model
from tests.files.old_writers import write_model

RNG = np.random.default_rng(17)


def numbers(*shape):
    return RNG.normal(size=shape).astype("float32")


def dense(name: str, units: int, **arguments: Any) -> dict[str, Any]:
    """An entry as Keras 1.2 had it."""
    config = {
        "name": name, "trainable": True, "output_dim": units, "init": "glorot_uniform",
        "activation": "linear", "W_regularizer": None, "b_regularizer": None,
        "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "bias": True,
        "input_dim": None, **arguments,
    }  # fmt: skip
    return {"class_name": "Dense", "config": config}


W1, B1, W2, B2 = WEIGHTS = [numbers(3, 4), numbers(4), numbers(4, 2), numbers(2)]
CHAIN = {
    "class_name": "Sequential",
    "config": [
        dense("dense_1", 4, batch_input_shape=[None, 3], input_dtype="float32", input_dim=3),
        dense("dense_2", 2),
    ],
}
LAYERS = [
    ("dense_1", [("dense_1_W", W1), ("dense_1_b", B1)]),
    ("dense_2", [("dense_2_W", W2), ("dense_2_b", B2)]),
]
ADAM = {"lr": 0.25, "beta_1": 0.75, "beta_2": 0.5, "epsilon": 0.125, "decay": 0.0}


def training(class_name="Adam", config=ADAM, **changes: Any) -> dict[str, Any]:
    return {
        "optimizer_config": {"class_name": class_name, "config": config},
        "loss": "mse",
        "metrics": ["accuracy"],
        "sample_weight_mode": None,
        "loss_weights": None,
        **changes,
    }


def gradients(x, y):
    """Of the mean squared error of the chain."""
    hidden = x @ W1 + B1
    error = 2 * (hidden @ W2 + B2 - y) / y.size
    back = error @ W2.T
    return [x.T @ back, back.sum(0), hidden.T @ error, error.sum(0)]


def check(found, expected):
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize("attributes", [{}, {"keras_version": "1.2.2"}])
def test_a_sequential(tmp_path, attributes):
    write_model(tmp_path / "m.h5", CHAIN, LAYERS, training(), **attributes)
    model = load_model(tmp_path / "m.h5")
    assert isinstance(model, Sequential)
    x, y = numbers(5, 3), numbers(5, 2)
    predicted = (x @ W1 + B1) @ W2 + B2
    check([model.predict(x)], [predicted])
    assert model.metrics_names == ["loss", "acc"]
    loss, accuracy = model.evaluate(x, y, verbose=0)
    np.testing.assert_allclose(loss, np.mean((predicted - y) ** 2), rtol=1e-5)
    np.testing.assert_allclose(accuracy, np.mean(predicted.argmax(1) == y.argmax(1)), rtol=1e-6)


def test_one_that_was_not_compiled(tmp_path):
    write_model(tmp_path / "m.h5", CHAIN, LAYERS)
    model = load_model(tmp_path / "m.h5")
    check([model.predict(np.eye(3))], [(np.eye(3) @ W1 + B1) @ W2 + B2])
    model.compile("sgd", "mse")


def test_a_model_of_the_functional_api(tmp_path):
    entries = [
        {"name": "x", "class_name": "InputLayer", "inbound_nodes": [],
         "config": {"name": "x", "batch_input_shape": [None, 3], "input_dtype": "float32",
                    "sparse": False}},
        {"name": "shared", **dense("shared", 3),
         "inbound_nodes": [[["x", 0, 0]], [["shared", 0, 0]]]},
    ]  # fmt: skip
    config = {"name": "model_1", "layers": entries, "input_layers": [["x", 0, 0]],
              "output_layers": [["shared", 0, 0], ["shared", 1, 0]]}  # fmt: skip
    W, b, x = numbers(3, 3), numbers(3), numbers(2, 3)
    layers = [("x", []), ("shared", [("shared_W", W), ("shared_b", b)])]
    compiled = training("SGD", {"lr": 0.5, "momentum": 0.0, "decay": 0.0, "nesterov": False},
                        loss=["mse", "mae"], loss_weights=[1.0, 0.5], metrics=[])  # fmt: skip
    write_model(tmp_path / "m.h5", {"class_name": "Model", "config": config}, layers, compiled)
    model = load_model(tmp_path / "m.h5")
    assert type(model) is Model
    once = x @ W + b
    twice = once @ W + b
    check(model.predict(x), [once, twice])
    expected = np.mean(once**2) + 0.5 * np.mean(np.abs(twice))
    loss = model.test_on_batch(x, [np.zeros((2, 3))] * 2)
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


class TestTheOptimizer:
    """Its variables: a step goes on from where they were."""

    def state(self, steps=None):
        moments = [numbers(*one.shape) for one in WEIGHTS]
        squares = [np.square(numbers(*one.shape)) for one in WEIGHTS]
        arrays = [np.float32(steps)] * (steps is not None) + moments + squares
        return [(f"param_{k}", np.asarray(one)) for k, one in enumerate(arrays)], moments, squares

    def stepped(self, x, y, moments, squares, steps):
        """The weights behind the next step of Adam."""
        t = steps + 1
        rate = 0.25 * np.sqrt(1 - 0.5**t) / (1 - 0.75**t)
        found = []
        for p, g, m, v in zip(WEIGHTS, gradients(x, y), moments, squares, strict=True):
            new_m, new_v = 0.75 * m + 0.25 * g, 0.5 * v + 0.5 * g**2
            found.append(p - rate * new_m / (np.sqrt(new_v) + 0.125))
        return found

    def test_adam(self, tmp_path):
        stored, moments, squares = self.state(steps=7)
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training(), stored)
        model = load_model(tmp_path / "m.h5")
        x, y = numbers(5, 3), numbers(5, 2)
        model.train_on_batch(x, y)
        check(model.get_weights(), self.stepped(x, y, moments, squares, 7))

    def test_without_the_count_of_steps(self, tmp_path, caplog):
        stored, moments, squares = self.state()
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training(), stored)
        with caplog.at_level(logging.WARNING, "graphc"):
            model = load_model(tmp_path / "m.h5")
        assert "Adam: the file does not have the count of steps" in caplog.text
        x, y = numbers(5, 3), numbers(5, 2)
        model.train_on_batch(x, y)
        check(model.get_weights(), self.stepped(x, y, moments, squares, 0))

    def test_sgd_without_momentum(self, tmp_path):
        config = {"lr": 0.5, "momentum": 0.0, "decay": 0.5, "nesterov": False}
        steps = [("iterations", np.asarray(np.float32(2)))]
        zeros = [(f"param_{k}", np.zeros_like(one)) for k, one in enumerate(WEIGHTS)]
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training("SGD", config), [*steps, *zeros])
        model = load_model(tmp_path / "m.h5")
        x, y = numbers(5, 3), numbers(5, 2)
        model.train_on_batch(x, y)
        rate = 0.5 / (1 + 0.5 * 2)
        check(
            model.get_weights(),
            [p - rate * g for p, g in zip(WEIGHTS, gradients(x, y), strict=True)],
        )

    @pytest.mark.parametrize("class_name", ["RMSprop", "Adagrad", "Adadelta"])
    def test_others_without_a_count(self, tmp_path, class_name):
        count = 2 if class_name == "Adadelta" else 1
        kept = [np.square(numbers(*one.shape)) for _ in range(count) for one in WEIGHTS]
        stored = [(f"param_{k}", one) for k, one in enumerate(kept)]
        config = {"lr": 0.5, "epsilon": 1e-6, "decay": 0.0}
        if class_name != "Adagrad":
            config["rho"] = 0.75
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training(class_name, config), stored)
        model = load_model(tmp_path / "m.h5")
        check(model.optimizer.get_weights(), kept)

    def test_nadam(self, tmp_path):
        """Its product of factors follows from the count of steps: Keras does not store it."""
        stored, moments, squares = self.state(steps=2)
        config = {"lr": 0.25, "beta_1": 0.75, "beta_2": 0.5, "epsilon": 0.125,
                  "schedule_decay": 0.5}  # fmt: skip
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training("Nadam", config), stored)
        model = load_model(tmp_path / "m.h5")
        x, y = numbers(5, 3), numbers(5, 2)
        model.train_on_batch(x, y)
        u = {t: 0.75 * (1 - 0.5 * 0.96 ** (0.5 * t)) for t in (1, 2, 3, 4)}
        product = u[1] * u[2] * u[3]
        expected = []
        for p, g, m, v in zip(WEIGHTS, gradients(x, y), moments, squares, strict=True):
            new_m, new_v = 0.75 * m + 0.25 * g, 0.5 * v + 0.5 * g**2
            step = (1 - u[3]) * g / (1 - product) + u[4] * new_m / (1 - product * u[4])
            expected.append(p - 0.25 * step / (np.sqrt(new_v / (1 - 0.5**3)) + 0.125))
        check(model.get_weights(), expected)

    def test_variables_of_another_model(self, tmp_path):
        stored = [(f"param_{k}", numbers(2)) for k in range(3)]
        write_model(tmp_path / "m.h5", CHAIN, LAYERS, training(), stored)
        with pytest.raises(DataError, match=r"m.h5: .*'optimizer_weights' of the file has 3 "):
            load_model(tmp_path / "m.h5")


def test_forms_of_tensorflow_reach_the_optimizer(tmp_path):
    kernel, bias = numbers(2, 2, 1, 3), numbers(3)
    entry = {"class_name": "Convolution2D", "config": {
        "name": "c", "trainable": True, "batch_input_shape": [None, 3, 3, 1],
        "input_dtype": "float32", "nb_filter": 3, "nb_row": 2, "nb_col": 2,
        "init": "glorot_uniform", "activation": "linear", "border_mode": "valid",
        "subsample": [1, 1], "dim_ordering": "tf", "W_regularizer": None, "b_regularizer": None,
        "activity_regularizer": None, "W_constraint": None, "b_constraint": None, "bias": True,
    }}  # fmt: skip
    squares = [np.square(numbers(2, 2, 1, 3)), np.square(numbers(3))]
    write_model(
        tmp_path / "m.h5",
        {"class_name": "Sequential", "config": [entry]},
        [("c", [("c_W:0", kernel), ("c_b:0", bias)])],
        training("RMSprop", {"lr": 0.5, "rho": 0.75, "epsilon": 1e-6}, metrics=[]),
        [(f"Variable_{k}:0", one) for k, one in enumerate(squares)],
    )
    model = load_model(tmp_path / "m.h5")
    check(model.get_weights(), [kernel[::-1, ::-1], bias])
    check(model.optimizer.get_weights(), [squares[0][::-1, ::-1], squares[1]])


def test_weights_of_all_gates_in_one_and_the_optimizers_beside_them(tmp_path):
    entry = {"class_name": "GRU", "config": {
        "name": "r", "trainable": True, "batch_input_shape": [None, 5, 3], "output_dim": 2,
        "input_dtype": "float32", "return_sequences": False, "go_backwards": False,
        "stateful": False, "unroll": False, "consume_less": "gpu", "input_dim": 3,
        "input_length": None, "init": "glorot_uniform", "inner_init": "orthogonal",
        "activation": "tanh", "inner_activation": "hard_sigmoid", "W_regularizer": None,
        "U_regularizer": None, "b_regularizer": None, "dropout_W": 0.0, "dropout_U": 0.0,
    }}  # fmt: skip
    shapes = [(3, 6), (2, 6), (6,)]
    weights, squares = ([np.square(numbers(*one)) for one in shapes] for _ in range(2))
    by_name = [squares[k] for k in (1, 0, 2)]  # r_U, r_W, r_b
    write_model(
        tmp_path / "m.h5",
        {"class_name": "Sequential", "config": [entry]},
        [("r", list(zip(("r_W", "r_U", "r_b"), weights, strict=True)))],
        training("RMSprop", {"lr": 0.5, "rho": 0.75, "epsilon": 1e-6}, metrics=[]),
        [(f"param_{k}", one) for k, one in enumerate(by_name)],
    )
    model = load_model(tmp_path / "m.h5")
    check(model.get_weights(), weights)
    check(model.optimizer.get_weights(), by_name)


def test_the_optimizers_variables_are_in_the_order_of_the_weights_names(tmp_path):
    """Names are compared as texts: 'dense_10' is before 'dense_9', and W before b."""
    config = [
        dense("dense_9", 3, batch_input_shape=[None, 3], input_dtype="float32", input_dim=3),
        dense("dense_10", 3),
    ]
    W1, b1, W2, b2 = (numbers(*shape) for shape in ((3, 3), (3,), (3, 3), (3,)))
    squares = [np.square(numbers(*one.shape)) for one in (W2, b2, W1, b1)]
    write_model(
        tmp_path / "m.h5",
        {"class_name": "Sequential", "config": config},
        [("dense_9", [("dense_9_W", W1), ("dense_9_b", b1)]),
         ("dense_10", [("dense_10_W", W2), ("dense_10_b", b2)])],
        training("RMSprop", {"lr": 0.5, "rho": 0.75, "epsilon": 0.125, "decay": 0.0}),
        [(f"param_{k}", one) for k, one in enumerate(squares)],
    )  # fmt: skip
    model = load_model(tmp_path / "m.h5")
    check(model.optimizer.get_weights(), squares)
    x, y = numbers(5, 3), numbers(5, 3)
    model.train_on_batch(x, y)
    error = 2 * ((x @ W1 + b1) @ W2 + b2 - y) / y.size
    new_square = 0.75 * squares[1] + 0.25 * error.sum(0) ** 2
    # Of a file that Keras wrote: epsilon outside of the root, whatever the flag says now.
    check([model.get_weights()[3]], [b2 - 0.5 * error.sum(0) / (np.sqrt(new_square) + 0.125)])


@pytest.mark.parametrize("is_of_theano", [True, False])
def test_variables_in_an_order_that_the_file_does_not_state(tmp_path, caplog, is_of_theano):
    """Of Keras 1.1.1 on Theano: those of Theano's own names, which it counted up."""
    end = "" if is_of_theano else ":0"
    squares = [np.square(one) for one in WEIGHTS]
    write_model(
        tmp_path / "m.h5",
        CHAIN,
        [(name, [(f"{weight}{end}", value) for weight, value in several])
         for name, several in LAYERS],
        training("RMSprop", {"lr": 0.5, "rho": 0.75, "epsilon": 0.125, "decay": 0.0}),
        [(f"param_{k}{end}", one) for k, one in enumerate(squares)],
        keras_version="1.1.1",
    )  # fmt: skip
    with caplog.at_level(logging.WARNING, "graphc"):
        model = load_model(tmp_path / "m.h5")
    check(model.get_weights(), WEIGHTS)
    assert ("RMSprop: Keras 1.1.1 on Theano wrote" in caplog.text) == is_of_theano
    small = numbers(5, 3) / 1000  # and so are the gradients of the first weights
    model.train_on_batch(small, numbers(5, 2))
    first = model.optimizer.get_weights()[0]
    assert (first >= 0.75 * squares[0]).all() != is_of_theano


def test_variances(tmp_path):
    layer = {"class_name": "BatchNormalization", "config": {
        "name": "n", "trainable": True, "batch_input_shape": [None, 3], "input_dtype": "float32",
        "epsilon": 0.5, "mode": 0, "axis": -1, "momentum": 0.99, "gamma_regularizer": None,
        "beta_regularizer": None}}  # fmt: skip
    description = {"class_name": "Sequential", "config": [layer]}
    gamma, beta, mean, spread = numbers(3), numbers(3), numbers(3), np.square(numbers(3))
    names = ("n_gamma", "n_beta", "n_running_mean", "n_running_std")
    stored = [("n", list(zip(names, (gamma, beta, mean, spread), strict=True)))]
    x = numbers(4, 3)
    expected = gamma * (x - mean) / np.sqrt(spread + 0.5) + beta
    write_model(tmp_path / "told.h5", description, stored, keras_version="1.2.2")
    check([load_model(tmp_path / "told.h5").predict(x)], [expected])
    write_model(tmp_path / "m.h5", description, stored)
    with pytest.raises(ArgumentError, match="does not say what the running_std"):
        load_model(tmp_path / "m.h5")
    check([load_model(tmp_path / "m.h5", running_std="variance").predict(x)], [expected])


@pytest.mark.parametrize(
    ("compiled", "error", "words"),
    [
        (training("Nadan", {"lr": 0.1}), UnknownNameError, "unknown optimizer 'Nadan'"),
        (
            training(config={**ADAM, "decoy": 0.5}),
            ArgumentError,
            "Adam: unknown keyword 'decoy'",
        ),
        (training(loss="hinge_of_mine"), UnknownNameError, "hinge_of_mine"),
    ],
)
def test_what_is_not_there(tmp_path, compiled, error, words):
    write_model(tmp_path / "m.h5", CHAIN, LAYERS, compiled)
    with pytest.raises(error, match=rf"m.h5: training_config: .*{words}"):
        load_model(tmp_path / "m.h5")


def test_keras_2(tmp_path):
    write_model(tmp_path / "m.h5", CHAIN, LAYERS, keras_version="2.1.0", backend="tensorflow")
    with pytest.raises(DataError, match=r"keras_version: expected a release of Keras 1, .*'2.1.0'"):
        load_model(tmp_path / "m.h5")
