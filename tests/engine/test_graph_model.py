"""Graph in use: dicts in and out, losses by output, programs of that time."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest

from graphc import objectives
from graphc.engine import Input
from graphc.engine.models.graph_model import Graph
from graphc.errors import ArgumentError, DataError, KeywordError, NotCompiledError
from graphc.layers import LSTM, Activation, Dense, Dropout, Embedding, Masking
from graphc.models import Sequential
from graphc.regularizers import l2
from tests.engine.graphs import DATA, INPUTS, expected, two_by_two, with_inputs

RNG = np.random.RandomState(5)


def forever(item):
    while True:
        yield item


@pytest.mark.flags(keras="1.0")
class TestLosses:
    def test_the_total_is_the_weighted_sum_of_the_outputs_losses(self):
        graph = two_by_two()
        graph.compile("sgd", {"left": "mse", "right": "mae"}, loss_weights={"right": 0.5})
        found = expected(graph)
        mse = np.mean((found["left"] - DATA["left"]) ** 2)
        mae = np.mean(np.abs(found["right"] - DATA["right"]))
        assert graph.metrics_names == ["loss"]
        np.testing.assert_allclose(graph.evaluate(DATA), mse + 0.5 * mae, rtol=1e-5)
        np.testing.assert_allclose(graph.test_on_batch(DATA), mse + 0.5 * mae, rtol=1e-5)
        np.testing.assert_allclose(graph.train_on_batch(DATA), mse + 0.5 * mae, rtol=1e-5)
        assert graph.evaluate(DATA) < mse + 0.5 * mae

    def test_sample_and_class_weights_by_output(self):
        graph = with_inputs(a=4, b=3)
        graph.add_node(Activation("softmax"), "p", "b")
        graph.add_output("class", "p")
        graph.add_output("same", "a")
        graph.compile("sgd", {"class": "categorical_crossentropy", "same": "mse"})
        p = np.exp(DATA["b"]) / np.exp(DATA["b"]).sum(axis=1, keepdims=True)
        y = np.eye(3, dtype="float32")[np.arange(12) % 3]
        data = {**INPUTS, "class": y, "same": DATA["a"] + 1}
        entropy = -np.log((p * y).sum(axis=1))
        np.testing.assert_allclose(graph.evaluate(data), entropy.mean() + 1.0, rtol=1e-5)
        weights = {0: 1.0, 1: 3.0, 2: 0.5}
        by_class = np.array([weights[k % 3] for k in range(12)])
        np.testing.assert_allclose(
            graph.train_on_batch(data, class_weight={"class": weights}),
            np.mean(entropy * by_class) + 1.0,
            rtol=1e-5,
        )
        by_sample = np.arange(12.0)  # the first one does not count
        found = graph.evaluate(data, sample_weight={"same": by_sample})
        np.testing.assert_allclose(found, entropy.mean() + by_sample.sum() / 11, rtol=1e-5)

    def test_temporal_weights(self):
        graph = Graph()
        graph.add_input("x", (3, 2))
        graph.add_output("y", "x")
        graph.compile("sgd", {"y": "mse"}, sample_weight_modes={"y": "temporal"})
        assert graph.sample_weight_modes == ["temporal"]
        x = np.zeros((2, 3, 2))
        y = np.array([[[1, 1], [2, 2], [3, 3]], [[4, 4], [5, 5], [6, 6]]], "float32")
        weights = np.array([[1, 0, 1], [0, 1, 0]])
        found = graph.test_on_batch({"x": x, "y": y}, sample_weight={"y": weights})
        np.testing.assert_allclose(found, (1 + 9 + 25) / 3, rtol=1e-6)

    def test_penalties_count_in_training_only(self):
        graph = with_inputs(a=4)
        graph.add_node(Dense(4, W_regularizer=l2(0.5)), "d", "a", create_output=True)
        graph.compile("sgd", {"d": "mse"})
        w, b = graph.nodes["d"].get_weights()
        data = {"a": DATA["a"], "d": np.zeros((12, 4))}
        loss = np.mean((data["a"] @ w + b) ** 2)
        np.testing.assert_allclose(graph.test_on_batch(data), loss, rtol=1e-5)
        np.testing.assert_allclose(
            graph.train_on_batch(data), loss + 0.5 * np.sum(w * w), rtol=1e-5
        )

    def test_metrics_are_named_by_output(self):
        graph = two_by_two()
        graph.compile("sgd", {"left": "mse", "right": "mse"}, metrics={"left": ["accuracy", "mae"]})
        assert graph.metrics_names == ["loss", "left_acc", "left_mean_absolute_error"]
        found = expected(graph)["left"]
        values = graph.evaluate(DATA)
        hits = found.argmax(axis=1) == DATA["left"].argmax(axis=1)
        np.testing.assert_allclose(values[1], hits.mean(), rtol=1e-6)
        np.testing.assert_allclose(values[2], np.mean(np.abs(found - DATA["left"])), rtol=1e-5)

    def test_a_users_objective_for_one_output(self):
        graph = with_inputs(a=4, b=4)
        graph.add_output("o", "a")
        graph.add_output("p", "b")
        graph.compile("sgd", {"o": lambda t, p: 2.0 * objectives.mse(t, p), "p": "mse"})
        data = {
            "a": np.zeros((2, 4)),
            "b": np.zeros((2, 4)),
            "o": np.ones((2, 4)),
            "p": np.ones((2, 4)),
        }
        np.testing.assert_allclose(graph.evaluate(data), 3.0, rtol=1e-6)


@pytest.mark.flags(keras="1.0")
class TestData:
    def compiled(self):
        graph = two_by_two()
        graph.compile("sgd", {"left": "mse", "right": "mse"})
        return graph

    def test_one_dict_holds_inputs_targets_and_more(self):
        graph = self.compiled()
        history = graph.fit({**DATA, "more": "ignored"}, nb_epoch=2, verbose=0, batch_size=4)
        assert len(history.history["loss"]) == 2

    def test_validation_data_is_a_dict(self):
        graph = self.compiled()
        history = graph.fit(DATA, nb_epoch=1, verbose=0, validation_data=DATA)
        np.testing.assert_allclose(history.history["val_loss"], graph.evaluate(DATA), rtol=1e-6)

    def test_validation_split_holds_out_the_last(self):
        graph = self.compiled()
        history = graph.fit(DATA, nb_epoch=1, verbose=0, validation_split=0.25)
        last = {name: value[9:] for name, value in DATA.items()}
        np.testing.assert_allclose(history.history["val_loss"], graph.evaluate(last), rtol=1e-6)

    def test_show_accuracy_and_initial_epoch(self):
        graph = self.compiled()
        history = graph.fit(DATA, nb_epoch=3, verbose=0, show_accuracy=True, initial_epoch=1)
        assert history.epoch == [1, 2]
        assert {"left_acc", "right_acc"} < set(history.history)
        assert np.shape(graph.evaluate(DATA, show_accuracy=True)) == (3,)
        assert np.shape(graph.train_on_batch(DATA, accuracy=True)) == (3,)
        assert np.shape(graph.test_on_batch(DATA, accuracy=True)) == (3,)

    def test_batches(self):
        graph = self.compiled()
        one, whole = graph.predict_on_batch(INPUTS), graph.predict(INPUTS, batch_size=5)
        for name in ("left", "right"):
            np.testing.assert_allclose(one[name], whole[name], atol=1e-6)

    def test_generators_of_dicts(self):
        graph = self.compiled()
        history = graph.fit_generator(
            forever(DATA), 24, 2, verbose=0, validation_data=forever(DATA), nb_val_samples=12
        )
        value = graph.evaluate(DATA)
        np.testing.assert_allclose(history.history["val_loss"][-1], value, rtol=1e-6)
        found = graph.evaluate_generator(forever(DATA), 24, verbose=0)
        np.testing.assert_allclose(found, value, rtol=1e-6)
        predicted = graph.predict_generator(forever(INPUTS), 12)
        np.testing.assert_allclose(predicted["left"], graph.predict(INPUTS)["left"], atol=1e-6)

    def test_generators_of_dicts_and_weights(self):
        graph = self.compiled()
        weights = {"left": np.full(12, 2.0), "right": np.full(12, 3.0)}
        left = np.mean((expected(graph)["left"] - DATA["left"]) ** 2)
        right = np.mean((expected(graph)["right"] - DATA["right"]) ** 2)
        found = graph.evaluate_generator(forever((DATA, weights)), 12, verbose=0)
        np.testing.assert_allclose(found, 2 * left + 3 * right, rtol=1e-5)

    @pytest.mark.parametrize(("verbose", "shown"), [(0, False), (1, True)])
    def test_evaluate_generator_shows_a_bar(self, verbose, shown, capsys, monkeypatch):
        graph = self.compiled()
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        graph.evaluate_generator(forever(DATA), 12, verbose=verbose)
        assert ("evaluate" in capsys.readouterr().out) is shown


class TestErrors:
    def test_an_input_that_no_output_depends_on_is_logged(self, caplog):
        graph = with_inputs("g", a=4, b=4)
        graph.add_output("o", "a")
        graph.compile("sgd", {"o": "mse"})
        assert "g: no output depends on the input 'b'" in caplog.text
        X = np.ones((2, 4))
        np.testing.assert_array_equal(graph.predict({"a": X, "b": 2 * X})["o"], X)

    def test_a_node_that_no_output_depends_on_is_logged(self, caplog):
        graph = two_by_two()
        graph.add_node(Dense(1), "lost", "h")
        with caplog.at_level(logging.WARNING, "graphc"):
            graph.compile("sgd", {"left": "mse", "right": "mse"})
        assert "no output depends on the nodes 'lost'" in caplog.text
        assert len(graph.get_weights()) == 6

    @pytest.mark.parametrize(
        "call",
        [
            lambda g: g.compile("sgd", {}),
            lambda g: g.predict({}),
            lambda g: g.fit({}),
            lambda g: g.layers,
            lambda g: g(Input((4,))),
            lambda g: g.build(),
            lambda g: Sequential([g]),
        ],
    )
    def test_no_output(self, call):
        with pytest.raises(ArgumentError, match="g: a Graph needs an output: graph.add_output"):
            call(with_inputs("g", a=4))

    @pytest.mark.parametrize(
        ("loss", "keywords", "error", "message"),
        [
            (
                {"left": "mse"},
                {},
                ArgumentError,
                "^g.compile: loss: the output 'right' has no loss",
            ),
            (dict.fromkeys(["left", "right", "up"], "mse"), {}, KeywordError, "^loss:.* 'up'"),
            ("mse", {"loss_weights": {"up": 1}}, KeywordError, "^loss_weights:.*named 'up'"),
            ("mse", {"sample_weight_modes": {"l": None}}, KeywordError, "no output.*named 'l'"),
            ("mse", {"sample_weight_mode": None}, KeywordError, "mean 'sample_weight_modes'"),
        ],
    )
    def test_of_compile(self, loss, keywords, error, message):
        with pytest.raises(error, match=message):
            two_by_two().compile("sgd", loss, **keywords)

    def test_not_compiled(self):
        with pytest.raises(NotCompiledError, match="g.fit needs a compiled model"):
            two_by_two().fit(DATA)

    @pytest.mark.parametrize(
        ("call", "message"),
        [
            (
                lambda g: g.fit((DATA, DATA)),
                "^g.fit: expected a dict with an array for each of a, b, left, right.*tuple",
            ),
            (lambda g: g.fit(INPUTS), "^g.fit: the dict has no array for the output 'left'"),
            (
                lambda g: g.evaluate({"a": 1}),
                "^g.evaluate:.*the input 'b'; expected a, b, left, right, received a$",
            ),
            (lambda g: g.predict({}), "^g.predict:.*'a'; expected a, b, received nothing"),
            (lambda g: g.predict_on_batch(DATA["a"]), "^g.predict_on_batch: expected a dict"),
            (lambda g: g.train_on_batch(INPUTS), "^g.train_on_batch.*output 'left'"),
            (lambda g: g.test_on_batch(INPUTS), "^g.test_on_batch.*output 'left'"),
            (
                lambda g: g.fit(DATA, validation_data=(DATA, DATA)),
                "validation_data: expected a dict.*received a tuple",
            ),
            (
                lambda g: g.fit(DATA, validation_data=INPUTS),
                "validation_data: the dict has no array for the output 'left'",
            ),
            (lambda g: g.fit({**DATA, "b": DATA["b"][:5]}), "as many samples"),
            (
                lambda g: g.fit_generator(forever((INPUTS, 1, 2)), 12, 1, verbose=0),
                "batch 1 of the generator: expected a dict.*received tuple",
            ),
            (lambda g: g.evaluate_generator(forever(INPUTS), 12), "for the output 'left'"),
            (lambda g: g.predict_generator(forever(DATA["a"]), 12), "expected a dict"),
        ],
    )
    def test_of_data(self, call, message):
        self.check(call, DataError, message)

    @pytest.mark.parametrize(
        ("call", "error", "message"),
        [
            (lambda g: g.fit(DATA, y=DATA), KeywordError, "unknown keyword 'y'. Known names: data"),
            (lambda g: g.fit(DATA, nb_epochs=1), KeywordError, "g.fit.*'nb_epochs'.*'nb_epoch'"),
            (lambda g: g.fit(DATA, sample_weight={"up": 1}), KeywordError, "is named 'up'"),
            (lambda g: g.fit(DATA, class_weight={0: 1.0}), ArgumentError, "by output .left, right"),
            (
                lambda g: g.evaluate_generator(forever(DATA), 12, verbose=5),
                ArgumentError,
                "g.evaluate_generator: verbose",
            ),
        ],
    )
    def test_of_arguments(self, call, error, message):
        self.check(call, error, message)

    @staticmethod
    def check(call, error, message):
        graph = two_by_two()
        graph.compile("sgd", {"left": "mse", "right": "mse"})
        with pytest.raises(error, match=message):
            call(graph)


class TestPrograms:
    def test_a_bidirectional_lstm_over_words(self):
        graph = Graph()
        graph.add_input(name="input", input_shape=(5,), dtype=int)
        graph.add_node(Embedding(20, 6, input_length=5), name="embedding", input="input")
        graph.add_node(LSTM(4), name="forward", input="embedding")
        graph.add_node(LSTM(4, go_backwards=True), name="backward", input="embedding")
        graph.add_node(Dropout(0.5), name="dropout", inputs=["forward", "backward"])
        graph.add_node(Dense(1, activation="sigmoid"), name="sigmoid", input="dropout")
        graph.add_output(name="output", input="sigmoid")
        graph.compile("adam", {"output": "binary_crossentropy"})
        data = {"input": RNG.randint(0, 20, (8, 5)), "output": RNG.randint(0, 2, 8)}
        history = graph.fit(data, batch_size=4, nb_epoch=1, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        accuracy = np.mean(
            data["output"] == np.round(np.array(graph.predict(data)["output"])).ravel()
        )
        np.testing.assert_allclose(graph.evaluate(data, show_accuracy=True)[1], accuracy, rtol=1e-6)

    def test_a_siamese_model_learns_which_pairs_are_near(self):
        graph = Graph()
        graph.add_input("one", (4,))
        graph.add_input("other", (4,))
        tower = Sequential([Dense(6, input_dim=4, activation="tanh"), Dense(3)])
        graph.add_shared_node(tower, "tower", inputs=["one", "other"], merge_mode="cos")
        graph.add_output("near", input="tower")
        graph.compile("adam", {"near": "mse"})
        one = RNG.rand(32, 4)
        near = np.arange(32) % 2
        other = np.where(near[:, None] == 1, one, -one)
        data = {"one": one, "other": other, "near": near}
        loss = graph.fit(data, nb_epoch=20, verbose=0).history["loss"]
        assert loss[-1] < loss[0]
        assert len(graph.get_weights()) == 4

    def test_masks_pass_from_node_to_node(self):
        graph = Graph()
        graph.add_input("x", (None, 2))
        graph.add_node(Masking(), "mask", "x")
        graph.add_node(LSTM(3), "lstm", "mask", create_output=True)
        x = RNG.rand(2, 4, 2) + 0.1
        short = x.copy()
        short[:, 2:] = 0.0
        model = Graph()
        model.add_input("x", (None, 2))
        model.add_node(graph.nodes["lstm"], "lstm", "x", create_output=True)
        found = graph.predict({"x": short})["lstm"]
        np.testing.assert_allclose(found, model.predict({"x": x[:, :2]})["lstm"], atol=1e-6)
