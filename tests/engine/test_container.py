"""Models of the functional API: wiring, shared and nested layers, what they own."""

from __future__ import annotations

import inspect
import sys

import numpy as np
import pytest

from graphc import backend as K
from graphc.config import config
from graphc.engine import Input, Layer, Model, get_source_inputs
from graphc.engine.topology import container
from graphc.engine.topology.renewal import Switched
from graphc.engine.topology.wiring import trace
from graphc.errors import ArgumentError
from graphc.layers import (
    Activation,
    ActivityRegularization,
    BatchNormalization,
    Dense,
    Dropout,
    Flatten,
    Lambda,
)
from graphc.models import Sequential, load_model, model_from_json
from graphc.optimizers import SGD


class PassOn(Layer):
    """A mask at every step where the input is not 0, and the input as it is."""

    def compute_mask(self, input, input_mask=None):
        return K.any(K.not_equal(input, 0), axis=-1)


class Add(Layer):
    """The sum of a list, and of the masks' ones."""

    def call(self, x, mask=None):
        return x[0] + x[1]


def arrays(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in shapes]


class TestWiring:
    """The layers of a model: those on the paths from its inputs to its outputs."""

    @pytest.mark.flags(keras="1.0")
    def test_layers_by_the_longest_path_then_by_name(self):
        a, b = Input((3,), name="a"), Input((3,), name="b")
        deep = Dense(3, name="deep")(Dense(3, name="deeper")(a))
        model = Model([a, b], Add(name="sum")([deep, Dense(3, name="flat")(b)]))
        assert [layer.name for layer in model.layers] == ["a", "b", "deeper", "deep", "flat", "sum"]

    def test_a_deep_model_needs_no_recursion(self):
        x = Input((2,))
        y = x
        for _ in range(3000):
            y = Activation("linear")(y)
        assert len(Model(x, y).layers) == 3001

    def test_an_identity_is_a_layer_like_any_other(self):
        x = Input((3,))
        y = ActivityRegularization(l2=1.0, name="penalty")(x)
        z = Dropout(0.0, name="none")(y)
        model = Model(x, z)
        assert [layer.name for layer in model.layers][1:] == ["penalty", "none"]
        model.compile("sgd", "mse")
        value = np.array([[1.0, 2.0, 2.0]])
        assert model.train_on_batch(value, value) == pytest.approx(9.0)

    def test_equal_uses_of_two_layers_stay_two(self):
        x = Input((3,))
        first, second = Activation("relu", name="first"), Activation("relu", name="second")
        model = Model(x, [first(x), second(x)])
        assert model.output_names == ["first", "second"]

    def test_source_inputs(self):
        a, b = Input((3,)), Input((3,))
        assert get_source_inputs(Add()([Dense(3)(a), b])) == [a, b]

    def test_get_layer(self):
        x = Input((3,), name="x")
        model = Model(x, Dense(2, name="head")(x))
        assert model.get_layer("head") is model.get_layer(index=1) is model.layers[1]
        with pytest.raises(ArgumentError, match="no layer is named 'haed'. Did you mean 'head'"):
            model.get_layer("haed")
        with pytest.raises(ArgumentError, match="an index below 2, received 2"):
            model.get_layer(index=2)


class TestInputsThatNoOutputReads:
    def test_a_loss_reads_one(self, caplog):
        """As adversarial and actor-critic programs have it."""
        a, b = Input((3,), name="a"), Input((2,), name="b")
        model = Model([a, b], Dense(2, init="one", bias=False, name="d")(a), name="m")
        assert [record.getMessage() for record in caplog.records] == [
            "m: no output depends on the input 'b' of shape (None, 2); it takes data, which only a "
            "loss or a metric can read"
        ]
        model.compile(SGD(lr=0.2), lambda y, p: K.mean(K.square(p - b), axis=-1))
        X = [np.ones((4, 3)), np.full((4, 2), 5.0)]
        np.testing.assert_allclose(model.test_on_batch(X, np.zeros((4, 2))), 4.0, rtol=1e-6)
        model.fit(X, np.zeros((4, 2)), nb_epoch=20, verbose=0)
        np.testing.assert_allclose(model.predict(X), X[1], rtol=1e-3)

    @pytest.mark.parametrize("keras", ["1.0", "1.2"])
    def test_it_is_among_the_first_layers(self, keras):
        """The last one is that of the output, as programs count on; it is in a description too."""
        with config.changed(keras=keras):
            a, b = Input((3,), name="a"), Input((2,), name="b")
            model = Model([b, a], Dense(2, name="d")(Dense(4, name="c")(a)))
            again = Model.from_config(model.get_config())
        for one in (model, again):
            assert {layer.name for layer in one.layers[:2]} == {"a", "b"}
            assert [layer.name for layer in one.layers[2:]] == ["c", "d"]
            assert one.input_names == ["b", "a"]

    def test_a_model_of_it_is_a_layer(self):
        a, b = Input((3,)), Input((2,))
        inner = Model([a, b], Dense(2, init="one")(a))
        outer = Model([a, b], inner([a, b]))
        X = [np.ones((4, 3)), np.zeros((4, 2))]
        np.testing.assert_allclose(outer.predict(X), np.full((4, 2), 3.0))


@pytest.mark.parametrize("is_sequential", [True, False])
def test_a_model_that_begins_another_has_its_own_tensors(is_sequential):
    """Gradients of the outer one's output with respect to those of the inner one, as programs for
    class activation maps ask for."""
    hidden = Dense(3, activation="tanh", name="hidden")
    if is_sequential:
        inner = Sequential([Dense(4, input_dim=2), hidden, Dense(1, name="last")])
    else:
        x = Input((2,))
        inner = Model(x, Dense(1, name="last")(hidden(Dense(4)(x))))
    outer = Sequential([inner, Lambda(lambda x: 2 * x)])
    assert outer.input is inner.input
    slope = K.gradients(K.sum(outer.output), hidden.output)
    found = K.function([outer.input], [slope])([np.ones((5, 2))])[0]
    W = inner.get_layer("last").get_weights()[0]
    np.testing.assert_allclose(found, np.tile(2 * W.T, (5, 1)), rtol=1e-6)
    X = np.random.RandomState(0).rand(5, 2)
    np.testing.assert_allclose(outer.predict(X), 2 * inner.predict(X), rtol=1e-6)


class TestErrors:
    """A model that cannot be connected is an error that names the layer."""

    def test_a_missing_input_is_named(self):
        a, b = Input((3,), name="left"), Input((3,), name="right")
        with pytest.raises(ArgumentError, match="need the input 'right' of shape \\(None, 3\\)"):
            Model(a, Add()([a, b]))

    def test_an_input_twice(self):
        a = Input((3,), name="twin")
        with pytest.raises(ArgumentError, match="the input 'twin' is given twice"):
            Model([a, a], Dense(2)(a))

    def test_two_layers_of_one_name(self):
        a = Input((3,))
        with pytest.raises(ArgumentError, match="two layers are named 'same' .Dense and Dense"):
            Model(a, Dense(2, name="same")(Dense(2, name="same")(a)))

    def test_an_expression_between_layers(self):
        a = Input((3,))
        with pytest.raises(ArgumentError, match="not the output of a layer.*Lambda"):
            Model(a, Dense(2)(K.exp(Dense(3)(a))))
        with pytest.raises(ArgumentError, match="expected tensors .*received ndarray"):
            Model(a, np.zeros(3))

    def test_an_inner_tensor_as_input(self):
        a = Input((3,))
        hidden = Dense(4, name="hidden")(a)
        with pytest.raises(ArgumentError, match="the output of hidden; make an Input"):
            Model(hidden, Dense(2)(hidden))


class TestSharedLayers:
    """A layer in several places has one set of weights; what its uses add is added for each."""

    def test_a_siamese_model_trains_one_set_of_weights(self):
        left, right = Input((4,)), Input((4,))
        shared = Dense(3)
        distance = Lambda(lambda x: K.abs(x[0] - x[1]))([shared(left), shared(right)])
        model = Model([left, right], Dense(1)(distance))
        model.compile("sgd", "mse")
        assert len(model.trainable_weights) == 4
        x, y, target = arrays((8, 4), (8, 4), (8, 1))
        before = shared.get_weights()[0]
        model.train_on_batch([x, y], target)
        assert not np.array_equal(before, shared.get_weights()[0])
        got = model.predict([x, x])
        np.testing.assert_allclose(got, np.broadcast_to(got[0], got.shape), rtol=1e-6)

    def test_a_model_inside_of_models(self):
        inner = Sequential([Dense(3, input_dim=4, activation="tanh"), Dense(2)])
        a, b = Input((4,)), Input((4,))
        outer = Model([a, b], Add()([inner(a), inner(b)]))
        x, y = arrays((5, 4), (5, 4))
        np.testing.assert_allclose(
            outer.predict([x, y]), inner.predict(x) + inner.predict(y), rtol=1e-5
        )
        assert outer.trainable_weights == inner.trainable_weights

    def test_a_model_in_first_position_of_several_after_training(self):
        encoder = Sequential([Dense(3, input_dim=4)])
        encoder.compile("sgd", "mse")
        x, y, wide = arrays((6, 4), (6, 3), (6, 5))
        encoder.train_on_batch(x, y)
        first = Sequential([encoder, Dense(5)])
        second = Sequential([encoder, Activation("tanh")])
        first.compile("sgd", "mse")
        first.train_on_batch(x, wide)
        np.testing.assert_allclose(second.predict(x), np.tanh(encoder.predict(x)), rtol=1e-5)

    def test_a_dense_without_a_shape_in_first_position_once_it_is_in_use(self):
        layer = Dense(3)
        Sequential([Dense(2, input_dim=4), layer])
        assert Sequential([layer]).input_shape == (None, 2)

    def test_a_frozen_model_inside_is_not_trained(self):
        inner = Sequential([Dense(3, input_dim=4), Dense(3)])
        inner.trainable = False
        model = Sequential([inner, Dense(1)])
        model.compile("sgd", "mse")
        x, y = arrays((6, 4), (6, 1))
        before, last = inner.get_weights(), model.layers[-1].get_weights()[0]
        model.train_on_batch(x, y)
        for old, new in zip(before, inner.get_weights(), strict=True):
            np.testing.assert_array_equal(old, new)
        assert not np.array_equal(last, model.layers[-1].get_weights()[0])

    def test_dropout_in_a_model_used_twice_draws_twice(self):
        inner = Sequential([Dropout(0.5, input_shape=(64,))])
        x = Input((64,))
        both = Model(x, [inner(x), inner(x)])
        run = K.function([x, K.learning_phase()], both.outputs)
        first, second = run([np.ones((2, 64)), 1])
        assert not np.array_equal(first, second)

    def test_statistics_of_a_model_used_twice_move_twice(self):
        norm = BatchNormalization(momentum=0.5, input_shape=(1,), mode=0)
        inner = Sequential([norm])
        a, b = Input((1,)), Input((1,))
        model = Model([a, b], Add()([inner(a), inner(b)]))
        model.compile("sgd", "mse")
        ones = np.ones((4, 1))
        model.train_on_batch([ones * 8, ones * 16], ones)
        # From 0: half way to 8, then half way to 16.
        np.testing.assert_allclose(norm.running_mean.get_value(), [10.0])

    def test_a_use_in_one_model_moves_nothing_in_another(self):
        norm = BatchNormalization(momentum=0.5)
        x = Input((1,))
        one, other = Model(x, norm(x)), Model(x, norm(x))
        ones = np.ones((4, 1))
        one.compile("sgd", "mse")
        other.compile("sgd", "mse")
        one.train_on_batch(ones * 8, ones)
        np.testing.assert_allclose(norm.running_mean.get_value(), [4.0])

    @pytest.mark.flags(keras="1.0")
    def test_a_penalty_on_an_output_is_paid_at_each_use_in_this_model(self):
        layer = Dense(2, activity_regularizer="activity_l2", init="one")
        x = Input((2,))
        model = Model(x, [layer(x), layer(x)])
        model.compile("sgd", "mse")
        value = np.ones((1, 2))
        # Each use puts out (2, 2), as it should: 0.01 * (4 + 4) of penalty.
        twos = np.full((1, 2), 2.0)
        assert model.train_on_batch(value, [twos, twos]) == pytest.approx(2 * 0.08)

    @pytest.mark.flags(keras="1.0")
    def test_a_penalty_on_a_weight_is_paid_once(self):
        layer = Dense(2, W_regularizer="l2", init="one")
        inner = Sequential([Activation("linear", input_shape=(2,)), layer])
        x, other = Input((2,)), Input((2,))
        model = Model([x, other], [layer(x), inner(x), inner(other)])
        model.compile("sgd", "mse")
        ones, twos = np.ones((1, 2)), np.full((1, 2), 2.0)
        assert model.train_on_batch([ones] * 2, [twos] * 3) == pytest.approx(0.01 * 4)


class TestMasks:
    """Masks go from layer to layer within a model, and weigh the loss."""

    def test_a_mask_passes_and_weighs_the_loss(self):
        x = Input((3, 1))
        model = Model(x, Activation("linear")(PassOn()(x)))
        model.compile("sgd", "mse")
        value = np.array([[[2.0], [0.0], [1.0]], [[3.0], [0.0], [0.0]]])
        # Scores 4, 1, 9 at the steps that count, of six: mean of s * m / mean(m).
        loss = model.test_on_batch(value, np.zeros((2, 3, 1)))
        assert loss == pytest.approx((4 + 1 + 9) / 3)

    def test_a_mask_that_is_false_everywhere_gives_no_loss(self):
        x = Input((2, 1))
        model = Model(x, PassOn()(x))
        model.compile("sgd", "mse")
        assert model.test_on_batch(np.zeros((2, 2, 1)), np.ones((2, 2, 1))) == 0.0

    def test_a_layer_that_takes_none_refuses_it_by_name(self):
        x = PassOn()(Input((3, 1)))
        with pytest.raises(ArgumentError, match="flat .Flatten. does not take a mask.*Masking"):
            Flatten(name="flat")(x)

    def test_masks_inside_of_a_model(self):
        inner_input = Input((3, 1))
        inner = Model(inner_input, PassOn()(inner_input))
        x = Input((3, 1))
        y = inner(x)
        mask = inner.get_output_mask_at(1)
        run = K.function([x], [mask])
        np.testing.assert_array_equal(run([[[[1.0], [0.0], [2.0]]]])[0], [[True, False, True]])
        assert inner.get_output_at(1) is y

    def test_a_mask_given_to_the_call(self):
        x, mask = Input((3, 1)), K.placeholder((None, 3), dtype="bool")
        y = Activation("linear")(x, mask=mask)
        assert y.history.node.output_masks == [mask]


def test_adding_layers_does_not_walk_those_before(monkeypatch):
    """A Sequential of 2,000 layers took 20 seconds to make, most of them for that."""
    monkeypatch.setattr(Switched, "any_switched", False)
    walks = []
    monkeypatch.setattr(container, "trace", lambda *known: walks.append(known) or trace(*known))
    model = Sequential([Dense(2, input_dim=2) for _ in range(10)])
    for _ in range(10):
        model.add(Dense(2))
    assert walks == []
    assert len(model.uses) == 20
    assert len(walks) == 1


def test_deep_models_do_not_recurse(tmp_path):
    model = Sequential([Dense(2, input_dim=2), *(Dense(2) for _ in range(139))])
    x = np.ones((2, 2))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 120)
    try:
        model.compile("sgd", "mse")
        model.fit(x, x, nb_epoch=1, verbose=0)
        expected = model.predict(x)
        model_from_json(model.to_json())
        model.summary()
        model.save(str(tmp_path / "model.h5"))
        loaded = load_model(str(tmp_path / "model.h5"))
        np.testing.assert_array_equal(loaded.predict(x), expected)
    finally:
        sys.setrecursionlimit(limit)


def test_what_is_no_model_is_not_saved_whole(tmp_path):
    x = Input((3,))
    part = container.Container(x, Dense(2)(x), name="part")
    with pytest.raises(ArgumentError, match=r"part.save: a Container .*Model\(input, output\)"):
        part.save(tmp_path / "m.h5")
    assert not list(tmp_path.iterdir())
