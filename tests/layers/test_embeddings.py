"""Embedding against rows picked by NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints, regularizers
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.engine import InputLayer
from graphc.engine.topology.layer_node import mask_of
from graphc.errors import (
    ArgumentError,
    DataError,
    IndexRangeError,
    KeywordError,
    ShapeError,
)
from graphc.layers import Dense, Embedding, Flatten
from graphc.models import Sequential
from tests.compiler.grad.differences import check_gradients
from tests.layers.kernels import layers_with_kernels

WORDS = np.array([[3, 0, 3, 1], [2, 2, 4, 0]], "int32")  # twice in a row of the batch, and across


def ids(shape=(4,)):
    return InputLayer(input_shape=shape, input_dtype="int32").output


def compiled(layer, training):
    node = ids()
    return function([node], layer(node), givens=[(g.learning_phase(), training)])


class TestRows:
    def test_each_number_gives_its_row(self):
        W = np.random.default_rng(1).normal(size=(5, 3)).astype("float32")
        layer = Embedding(5, 3, weights=[W], name="words")
        np.testing.assert_array_equal(compiled(layer, False)(WORDS), W[WORDS])
        assert layer.output_shape == (None, 4, 3)
        assert [g.name_of(weight) for weight in layer.weights] == ["words_W"]

    def test_weights_are_uniform_by_default_as_keras_drew_them(self):
        np.random.seed(1337)
        layer = Embedding(5, 3)
        layer(ids())
        np.random.seed(1337)
        expected = np.random.uniform(-0.05, 0.05, (5, 3)).astype("float32")
        np.testing.assert_array_equal(layer.get_weights()[0], expected)

    def test_gradient(self):
        K.set_floatx("float64")
        layer = Embedding(5, 3)

        def build(W):
            return g.substitute([layer(g.constant(WORDS))], {layer.W: W})[0]

        check_gradients(build, [np.random.default_rng(2).normal(size=(5, 3))])

    @pytest.mark.parametrize("word", [5, -1])
    def test_a_number_outside_is_an_error_in_the_call(self, word):
        step = compiled(Embedding(5, 3, name="words"), False)
        with pytest.raises(IndexRangeError, match=f"words.*{word}"):
            step(np.where(WORDS == 4, word, WORDS).astype("int32"))


class TestAsFirstLayer:
    def test_open_steps(self):
        model = Sequential([Embedding(5, 3)])
        assert (model.input_shape, model.output_shape) == ((None, None), (None, None, 3))
        W = model.get_weights()[0]
        for steps in (1, 4):
            np.testing.assert_array_equal(model.predict(WORDS[:, :steps]), W[WORDS[:, :steps]])

    def test_input_length(self):
        model = Sequential([Embedding(5, 3, input_length=4), Flatten()])
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 12))

    def test_a_fixed_batch(self):
        model = Sequential([Embedding(5, 3, input_length=4, batch_input_shape=(2, 4))])
        assert model.output_shape == (2, 4, 3)

    def test_fractions_are_no_numbers_of_rows(self):
        with pytest.raises(DataError, match="int32"):
            Sequential([Embedding(5, 3)]).predict(WORDS + 0.5)

    def test_whole_floats_are_converted_as_keras_did(self):
        model = Sequential([Embedding(5, 3)])
        np.testing.assert_array_equal(model.predict(WORDS + 0.0), model.predict(WORDS))


class TestLength:
    def test_another_length(self):
        with pytest.raises(
            ShapeError, match=r"words \(Embedding\): axis 1.*expected 3,.*received 4"
        ):
            Embedding(5, 3, input_length=3, name="words")(ids())

    def test_open_steps_are_checked_in_the_call(self):
        layer = Embedding(5, 3, input_length=4)
        node = ids((None,))
        step = function([node], layer(node))
        assert layer.output_shape == (None, 4, 3)
        assert step(WORDS).shape == (2, 4, 3)
        with pytest.raises(ShapeError, match="4"):
            step(WORDS[:, :3])

    @pytest.mark.parametrize("shape", [{"input_shape": (5,)}, {"batch_input_shape": (2, 4, 1)}])
    def test_an_input_shape_beside_it_has_to_agree(self, shape):
        with pytest.raises(ArgumentError, match=r"\(Embedding\): input_length is 4, but the shape"):
            Embedding(5, 3, input_length=4, **shape)


class TestDropout:
    def test_training_zeroes_rows_wherever_they_stand_and_scales_the_others(self):
        words = np.random.default_rng(3).integers(0, 400, (50, 40)).astype("int32")
        layer = Embedding(400, 2, dropout=0.25, init="one")
        node = ids((40,))
        step = function([node], layer(node), givens=[(g.learning_phase(), True)])
        first = step(words)
        scaled = np.float32(1) / np.float32(0.75)
        assert set(np.unique(first)) == {np.float32(0.0), scaled}
        row_of = np.full((400, 2), np.nan, "float32")
        row_of[words] = first
        np.testing.assert_array_equal(first, row_of[words])  # one draw a row, not a place
        np.testing.assert_array_equal(row_of[:, 0], row_of[:, 1])
        # 400 draws: within 5 standard deviations, sqrt(.25 * .75 / 400).
        assert abs(np.mean(row_of[:, 0] == 0) - 0.25) < 5 * 0.0217
        assert np.any(step(words) != first)  # a draw a batch

    def test_testing_leaves_the_rows(self):
        layer = Embedding(5, 3, dropout=0.5)
        step = compiled(layer, False)
        np.testing.assert_array_equal(step(WORDS), layer.get_weights()[0][WORDS])

    def test_the_same_seed_gives_the_same_rows_and_each_use_its_own(self):
        words = np.arange(200, dtype="int32").reshape(1, 200)
        drawn = []
        for seed in (1, 1, 2):
            np.random.seed(seed)
            layer = Embedding(200, 1, dropout=0.5, init="one")
            node = ids((200,))
            outputs = [layer(node), layer(node)]
            drawn.append(function([node], outputs, givens=[(g.learning_phase(), True)])(words))
        np.testing.assert_array_equal(drawn[0], drawn[1])
        assert np.any(drawn[0][0] != drawn[2][0])
        assert np.any(drawn[0][0] != drawn[0][1])

    def test_a_dropped_row_is_not_trained(self):
        model = Sequential([Embedding(100, 1, dropout=0.5, init="one", input_length=100)])
        model.compile("sgd", "mse")
        words = np.arange(100).reshape(1, 100)
        before = model.get_weights()[0]
        loss = model.train_on_batch(words, np.full((1, 100, 1), 1.0))
        moved = (model.get_weights()[0] != before).mean()
        # Kept rows are 2, dropped ones 0: each misses 1 by 1, and only the kept ones can move.
        assert loss == 1.0
        assert 0.25 < moved < 0.75

    @pytest.mark.parametrize("p", [1.0, -0.1, "0.5", None, float("nan")])
    def test_p_is_a_fraction(self, p):
        with pytest.raises(ArgumentError, match=r"dropout is the fraction .* expected 0 <= p < 1"):
            Embedding(5, 3, dropout=p)


class TestTraining:
    def model(self, **arguments):
        model = Sequential([Embedding(5, 3, input_length=4, **arguments), Flatten(), Dense(1)])
        model.compile("sgd", "mse")
        return model

    @pytest.mark.parametrize("dropout", [0.0, 0.25])
    def test_it_lowers_the_loss_and_the_step_has_kernels(self, dropout):
        model = self.model(dropout=dropout, name="words")
        y = np.array([[1.0], [-1.0]])
        before = model.evaluate(WORDS, y, verbose=0)
        for _ in range(20):
            model.train_on_batch(WORDS, y)
        assert model.evaluate(WORDS, y, verbose=0) < before
        assert "words" in layers_with_kernels(model)

    def test_only_rows_in_use_move(self):
        model = self.model()
        before = model.get_weights()[0]
        model.train_on_batch(np.array([[0, 1, 1, 0]]), np.ones((1, 1)))
        moved = np.any(model.get_weights()[0] != before, axis=1)
        np.testing.assert_array_equal(moved, [True, True, False, False, False])

    def test_not_trainable(self):
        model = self.model(trainable=False)
        before = model.get_weights()[0]
        model.train_on_batch(WORDS, np.ones((2, 1)))
        np.testing.assert_array_equal(model.get_weights()[0], before)

    @pytest.mark.flags(keras="1.0")
    def test_penalties_and_constraint(self):
        K.set_floatx("float64")
        W = np.random.default_rng(4).normal(size=(5, 3))
        layer = Embedding(
            5,
            3,
            input_length=4,
            weights=[W],
            W_regularizer=regularizers.l1(0.5),
            activity_regularizer=regularizers.activity_l2(0.25),
            W_constraint=constraints.NonNeg(),
        )
        model = Sequential([layer])
        model.compile("sgd", "mse")
        y = W[WORDS]
        penalty = 0.5 * np.abs(W).sum() + 0.25 * np.sum(np.mean(y**2, axis=0))
        target = np.zeros_like(y)
        np.testing.assert_allclose(model.test_on_batch(WORDS, target), np.mean(y**2), rtol=1e-12)
        np.testing.assert_allclose(
            model.train_on_batch(WORDS, target), np.mean(y**2) + penalty, rtol=1e-12
        )
        assert (layer.get_weights()[0] >= 0).all()


class TestBadArguments:
    def test_mask_zero_is_true_or_false(self):
        with pytest.raises(
            ArgumentError, match=r"words \(Embedding\): mask_zero: expected True or"
        ):
            Embedding(5, 3, mask_zero=2, name="words")

    @pytest.mark.parametrize(
        ("arguments", "name"),
        [((0, 3), "input_dim"), ((5, -3), "output_dim"), ((5.5, 3), "input_dim")],
    )
    def test_sizes(self, arguments, name):
        with pytest.raises(ArgumentError, match=f"{name}: expected a whole number of at least 1"):
            Embedding(*arguments)

    def test_weights_of_another_shape(self):
        layer = Embedding(5, 3, weights=[np.ones((3, 5))], name="words")
        with pytest.raises(
            ShapeError, match=r"words_W.*expected shape \(5, 3\), received \(3, 5\)"
        ):
            layer(ids())

    def test_unknown_keywords(self):
        with pytest.raises(KeywordError, match="vocabulary"):
            Embedding(5, 3, vocabulary=5)

    def test_an_input_of_another_rank(self):
        with pytest.raises(ShapeError, match=r"words \(Embedding\): expected a 2-D input .*3-D"):
            Embedding(5, 3, name="words")(ids((4, 2)))

    def test_an_input_that_is_not_int32(self, caplog):
        node = InputLayer(input_shape=(4,)).output
        layer = Embedding(5, 3, mask_zero=True, name="words")
        rows = layer(node)
        assert "words (Embedding): the numbers of rows come in as float32, and are" in caplog.text
        found = function([node], [rows, mask_of(rows)])(WORDS.astype("float32"))
        np.testing.assert_array_equal(found[0], layer.get_weights()[0][WORDS])
        np.testing.assert_array_equal(found[1], WORDS != 0)
