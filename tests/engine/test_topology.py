"""Layers: keywords, names, weights, calls and what they check."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import constraints, initializations, regularizers
from graphc.compiler import graph as g
from graphc.compiler.interpret import evaluate
from graphc.config import config
from graphc.engine import Input, InputLayer, InputSpec, Layer
from graphc.errors import ArgumentError, DTypeError, KeywordError, ShapeError
from graphc.layers import Activation, Dense, Dropout, Masking
from graphc.models import Model, Sequential


class Scale(Layer):
    """A user's layer: x times a learned factor a feature."""

    def build(self, input_shape):
        self.seen_shape = input_shape
        self.factor = self.add_weight((input_shape[-1],), initializations.one, "factor")

    def call(self, x, mask=None):
        return x * self.factor


def entry(*shape, dtype=None):
    return InputLayer(input_shape=shape, input_dtype=dtype).output


class TestKeywords:
    """The keywords of every layer: shapes, dtype, name."""

    @pytest.mark.parametrize(
        ("make", "ours"),
        [
            (lambda: Dense(units=3), "here it is 'output_dim'"),
            (lambda: Dense(3, kernel_initializer="zero"), "here it is 'init'"),
            (lambda: Dense(3, kernel_regularizer="l2"), "here it is 'W_regularizer'"),
            (lambda: Dense(3, bias_constraint="nonneg"), "here it is 'b_constraint'"),
            (lambda: Dropout(rate=0.5), "here it is 'p'"),
            (lambda: Dense(3, batch_shape=(None, 3)), "here it is 'batch_input_shape'"),
            (lambda: Activation("relu", dtype="int32"), "here it is 'input_dtype'"),
        ],
    )
    def test_a_modern_spelling_names_ours(self, make, ours):
        with pytest.raises(KeywordError, match=ours):
            make()

    def test_an_unknown_keyword_names_the_near_ones(self):
        with pytest.raises(KeywordError, match="Dense: unknown keyword 'W_regulariser'.*'W_reg"):
            Dense(3, W_regulariser=None)

    def test_of_two_shapes_the_one_with_the_batch_counts(self, caplog):
        assert Dense(3, input_shape=(4,), batch_input_shape=(2, 4)).batch_input_shape == (2, 4)
        assert caplog.messages == []
        assert Dense(3, input_shape=(5,), batch_input_shape=(2, 4)).batch_input_shape == (2, 4)
        assert "is (2, 4), which counts, but input_shape says (None, 5)" in caplog.text
        assert Input((None, 3), batch_shape=(None, 3)).get_shape().as_list() == [None, 3]
        with pytest.raises(ArgumentError, match="not both"):
            Dense(3, input_shape=(4,), input_dim=4)

    @pytest.mark.parametrize("dtype", ["float", "complex64", "float128", int, 3])
    def test_a_dtype_that_there_is_not_names_the_layer(self, dtype):
        for make in (
            lambda: Dense(3, input_shape=(4,), input_dtype=dtype, name="head"),
            lambda: Input((4,), name="head", dtype=dtype),
        ):
            with pytest.raises(DTypeError, match=r"^head: the dtype of .* one of bool, .*float64"):
                make()

    def test_a_dtype_may_be_numpys(self):
        for dtype in (np.int32, np.dtype("int32"), "int32"):
            assert InputLayer(input_shape=(3,), input_dtype=dtype).output.dtype == "int32"

    @pytest.mark.parametrize("shape", [(0,), (2.5,), ("a",), (-1,)])
    def test_a_size_is_a_whole_number_of_at_least_one(self, shape):
        with pytest.raises(ArgumentError, match="axis 0 of the input's shape: expected a whole"):
            Dense(3, input_shape=shape)

    def test_a_batch_input_shape_without_the_batch_axis(self):
        with pytest.raises(ArgumentError, match="batch_input_shape starts with the batch axis"):
            Dense(3, batch_input_shape=())


class TestNames:
    """Layers, their weights and the nodes of their calls have names that reports show."""

    def test_the_class_in_lower_case_and_a_number(self):
        first, second = Scale(), Scale()
        prefix, number = first.name.rsplit("_", 1)
        assert prefix == "scale"
        assert second.name == f"scale_{int(number) + 1}"

    def test_the_input_that_a_first_layer_requires(self):
        names = [Sequential([Dense(2, input_dim=3)]).input_names[0] for _ in range(2)]
        prefix, number = names[0].rsplit("_", 1)
        assert prefix == "dense_input"
        assert names[1] == f"dense_input_{int(number) + 1}"

    def test_a_given_name_and_the_weights_names(self):
        layer = Dense(2, name="head")
        layer(entry(3))
        assert layer.name == "head"
        assert [g.name_of(weight) for weight in layer.weights] == ["head_W", "head_b"]

    def test_nodes_of_a_call_belong_to_the_layer(self):
        layer = Scale(name="scale_of_mine")
        assert str(g.origin_of(layer(entry(3)))) == "scale_of_mine"


class TestWeights:
    """Weights are made once, by the first call, and are set all or none."""

    def test_build_gets_the_shape_with_none_for_the_batch_and_runs_once(self):
        layer = Scale()
        layer(entry(3))
        factor = layer.factor
        layer(entry(3))
        assert layer.seen_shape == (None, 3)
        assert layer.factor is factor

    def test_get_set_and_count(self):
        layer = Dense(2)
        layer(entry(3))
        values = [np.arange(6.0).reshape(3, 2), np.array([7.0, 8.0])]
        layer.set_weights(values)
        for got, expected in zip(layer.get_weights(), values, strict=True):
            np.testing.assert_array_equal(got, expected.astype("float32"))
        assert layer.count_params() == 8

    def test_initial_weights(self):
        values = [np.full((3, 2), 2.0), np.ones(2)]
        layer = Dense(2, weights=values)
        layer(entry(3))
        np.testing.assert_array_equal(layer.get_weights()[0], values[0])

    def test_initial_weights_that_do_not_fit_are_refused_at_every_use(self):
        layer = Dense(2, weights=[np.ones((3, 2))], name="head")
        for _ in range(2):
            with pytest.raises(ShapeError, match="head: expected 2 weights"):
                layer(entry(3))

    def test_set_weights_names_the_weight_that_does_not_fit_and_sets_none(self):
        layer = Dense(2, name="head")
        layer(entry(3))
        before = layer.get_weights()
        with pytest.raises(ShapeError, match=r"head: weight 'head_b': expected shape \(2,\).*\(3,"):
            layer.set_weights([np.zeros((3, 2)), np.zeros(3)])
        with pytest.raises(ShapeError, match="head: expected 2 weights .*received 1"):
            layer.set_weights([np.zeros((3, 2))])
        np.testing.assert_array_equal(layer.get_weights()[0], before[0])

    @pytest.mark.parametrize("value", [np.ones((3, 2)), np.array(1.0), {"W": 1}, "weights.h5", 3])
    def test_what_is_no_list_of_arrays(self, value):
        layer = Dense(2, name="head")
        layer(entry(3))
        with pytest.raises(ArgumentError, match="head: expected a list of arrays, .* received "):
            layer.set_weights(value)

    @pytest.mark.parametrize("value", [np.nan, np.inf, 1e39])
    def test_values_that_are_not_finite_are_set_and_logged(self, value, caplog):
        layer = Dense(2, name="head")
        layer(entry(3))
        layer.set_weights([np.ones((3, 2)), [1.0, value]])
        assert not np.isfinite(layer.get_weights()[1][1])
        assert caplog.messages == [
            "head: weight 'head_b': 1 of 2 values that it is set to are NaN or infinite, and so "
            "will be what the model computes with them"
        ]

    def test_penalty_and_rule_of_a_weight(self):
        class Bounded(Layer):
            def build(self, input_shape):
                self.add_weight(
                    *((2,), "one", "a"),
                    regularizer=regularizers.l1(0.5),
                    constraint=constraints.nonneg(),
                )
                self.add_weight((2,), initializations.zero, "still", trainable=False)

        layer = Bounded(name="bounded")
        layer(entry(2))
        assert [g.name_of(weight) for weight in layer.non_trainable_weights] == ["bounded_still"]
        assert list(layer.constraints) == layer.trainable_weights
        assert [penalty.p for penalty in layer.regularizers] == layer.trainable_weights

    @pytest.mark.parametrize(
        "init",
        [
            lambda shape, name=None: "ones",
            lambda shape, name=None: np.ones((3, 3)),
            lambda shape, name=None: g.shared(np.ones((3, 3), "float32"), name),
        ],
    )
    def test_an_init_that_makes_no_variable_of_the_shape(self, init):
        with pytest.raises(ArgumentError, match=r"head: init of W: expected .* \(3, 2\)"):
            Dense(2, init=init, name="head")(entry(3))

    def test_one_regularizer_for_two_weights_counts_for_both(self):
        shared = regularizers.l2(0.1)
        layer = Dense(2, W_regularizer=shared, b_regularizer=shared)
        layer(entry(3))
        assert [penalty.p for penalty in layer.regularizers] == [layer.W, layer.b]


class TestCalls:
    """Each call is a use of the layer, with tensors, shapes and masks of its own."""

    def test_shapes_are_read_off_the_nodes(self):
        layer = Dense(2)
        layer(entry(3))
        assert (layer.input_shape, layer.output_shape) == ((None, 3), (None, 2))
        assert layer.get_output_shape_for((None, 3)) == (None, 2)

    def test_two_calls_share_weights_and_have_indices(self):
        layer = Dense(2)
        inputs = entry(3), entry(3)
        first, second = map(layer, inputs)
        assert len(layer.weights) == 2
        assert (layer.get_input_at(0), layer.get_input_at(1)) == inputs
        assert (layer.get_output_at(0), layer.get_output_at(1)) == (first, second)
        with pytest.raises(ArgumentError, match="called 2 times; get_output_at"):
            _ = layer.output
        assert layer.output_shape == (None, 2)

    def test_a_call_that_does_not_exist(self):
        with pytest.raises(ArgumentError, match="was called 0 times; it has no output of call 0"):
            Dense(2).get_output_at(0)

    def test_arrays_are_refused(self):
        with pytest.raises(ArgumentError, match="called on tensors .*received ndarray"):
            Dense(2)(np.zeros((2, 3)))

    def test_a_mask_where_none_is_taken(self):
        with pytest.raises(ArgumentError, match=r"\(Dense\) does not take a mask"):
            Dense(2, name="head")(entry(3), mask=entry(3))

    def test_several_inputs_come_as_a_list(self):
        class Sum(Layer):
            def call(self, x, mask=None):
                return x[0] + x[1]

        layer = Sum()
        layer([entry(3), entry(3)])
        assert layer.input_shape == [(None, 3), (None, 3)]
        assert layer.output_shape == (None, 3)


class TestSetInput:
    def test_a_sequential_that_it_begins_reads_the_tensor(self):
        fed = K.placeholder((1, 4))
        both = K.concatenate([K.variable(np.ones((1, 4))), fed], axis=0)
        layer = Dense(3)
        layer.set_input(both, shape=(2, 4))
        model = Sequential([layer, Dense(2)])
        assert (model.input, model.input_shape) == (both, (2, 4))
        assert model.layers[0].output is layer.output
        (output,) = K.function([fed], [model.output])([np.zeros((1, 4))])
        expected = linear_chain(model, np.array([[1.0] * 4, [0.0] * 4]))
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ShapeError, match=r"d.set_input: shape says \(3, 4\), .* has \(2, 4\)"):
            Dense(3, name="d").set_input(K.placeholder((2, 4)), (3, 4))
        with pytest.raises(ArgumentError, match="d: a layer is called on tensors .*ndarray"):
            Dense(3, name="d").set_input(np.zeros((2, 4)))


def linear_chain(model, x):
    for layer in model.layers:
        W, b = layer.get_weights()
        x = x @ W + b
    return x


class TestChecks:
    """A user's layer that does not keep to the rules is an error that names it."""

    def test_a_claimed_shape_is_compared_with_the_node(self):
        class Wrong(Layer):
            def call(self, x, mask=None):
                return K.sum(x, axis=1)

            def get_output_shape_for(self, input_shape):
                return input_shape

        with pytest.raises(ShapeError, match=r"says \(None, 3\), but call\(\).*\(None,\)"):
            Wrong()(entry(3))

    def test_a_call_that_returns_no_node(self):
        class Nothing(Layer):
            def call(self, x, mask=None):
                return None

        with pytest.raises(ArgumentError, match=r"\(Nothing\): call\(\) has to return a node"):
            Nothing()(entry(3))

    def test_input_spec(self):
        class Strict(Layer):
            input_spec = (InputSpec(shape=(None, 3), dtype="int32"),)

        assert Strict()(entry(3, dtype="int32")).dtype == "int32"
        with pytest.raises(ShapeError, match="axis 1 of the input: expected 3, received 4"):
            Strict()(entry(4, dtype="int32"))
        with pytest.raises(ShapeError, match="expected an input of 2 axes"):
            Strict()(entry(3, 1, dtype="int32"))
        with pytest.raises(DTypeError, match="expected an input of int32, received float32"):
            Strict()(entry(3))

        class Several(Layer):
            input_spec = (InputSpec(ndim=2), InputSpec(ndim=2), InputSpec(ndim=3))

        with pytest.raises(ArgumentError, match="expected 3 inputs, received 2"):
            Several()([entry(3), entry(3)])

    def test_a_shape_error_inside_call_names_the_layer(self):
        class Misfit(Layer):
            def call(self, x, mask=None):
                return K.dot(x, K.zeros((5, 2)))

        with pytest.raises(ShapeError, match="^misfit_of_mine: "):
            Misfit(name="misfit_of_mine")(entry(3))

    def test_an_input_layer_needs_a_shape(self):
        with pytest.raises(ArgumentError, match="expected input_shape or batch_input_shape"):
            InputLayer()
        assert InputLayer(batch_input_shape=(8, 3)).output.shape == (8, 3)


def test_a_layer_written_for_keras_1():
    class Affine(Layer):
        def __init__(self, output_dim, weights=None, **kwargs):
            self.output_dim = output_dim
            self.initial_weights = weights
            self.input_spec = [InputSpec(ndim=2)]
            super().__init__(**kwargs)

        def build(self, input_shape):
            self.W = K.zeros((input_shape[1], self.output_dim), name=f"{self.name}_W")
            self.trainable_weights = [self.W]
            if self.initial_weights is not None:
                self.set_weights(self.initial_weights)
                del self.initial_weights

        def call(self, x, mask=None):
            return K.dot(x, self.W)

        def get_output_shape_for(self, input_shape):
            return (input_shape[0], self.output_dim)

    layer = Affine(2, weights=[np.ones((3, 2))], input_shape=(3,))
    layer(entry(3))
    assert layer.batch_input_shape == (None, 3)
    assert layer.output_shape == (None, 2)
    np.testing.assert_array_equal(layer.get_weights()[0], np.ones((3, 2)))


@pytest.mark.parametrize("name", ["", 3])
def test_a_name_is_a_text(name):
    with pytest.raises(ArgumentError, match="Dense: name: expected a text"):
        Dense(2, name=name)


class TestUses:
    """The uses that Keras calls nodes: where the tensors of each come from."""

    def test_a_layer_is_used_on_outputs_of_others_by_their_numbers(self):
        shared, last = Dense(2, name="shared"), Dense(1, name="last")
        for width in (3, 3):
            shared(entry(width))
        last.add_inbound_node([shared], node_indices=[1])
        node = last.inbound_nodes[0]
        assert node.input_tensors == [shared.get_output_at(1)]
        assert shared.outbound_nodes == [node]
        assert node.get_config() == {
            "outbound_layer": "last",
            "inbound_layers": ["shared"],
            "node_indices": [1],
            "tensor_indices": [0],
        }
        assert last.get_input_shape_at(0) == (None, 2)
        assert last.get_output_shape_at(0) == (None, 1)

    def test_masks_of_a_use(self):
        layer = Activation("tanh")
        layer(Masking()(entry(4, 3)))
        assert layer.get_input_mask_at(0) is layer.get_output_mask_at(0)
        assert layer.input_mask is layer.output_mask is layer.get_input_mask_at(0)
        assert layer.input_mask.dtype == "bool"

    @pytest.mark.flags(keras="1.0")
    def test_whether_a_model_differs_in_training(self):
        x = entry(3)
        assert not Model(x, Dense(2)(x)).uses_learning_phase
        assert Model(x, Dropout(0.5)(x)).uses_learning_phase
        assert Model(x, Dense(2, W_regularizer="l2")(x)).uses_learning_phase


class TestInputs:
    def test_a_placeholder_becomes_the_input(self):
        x = K.placeholder((None, 3))
        entry = Input(tensor=x, name="given")
        assert entry is x
        assert K.is_keras_tensor(x)
        assert (x.history.layer.name, x.history.layer.batch_input_shape) == ("given", (None, 3))
        model = Model(entry, Activation("tanh")(entry))
        data = np.ones((2, 3), "float32")
        np.testing.assert_allclose(model.predict(data), np.tanh(data))
        assert Model.from_config(model.get_config()).input_shape == (None, 3)

    def test_an_expression_is_read_and_not_fed(self):
        noise = K.variable([[1.0, 2.0]], name="noise")
        model = Model(entry := Input(tensor=noise * 2), Activation("tanh")(entry))
        (gradient,) = K.gradients(K.sum(model.output), [noise])
        np.testing.assert_allclose(K.eval(model.output), np.tanh([[2.0, 4.0]]), rtol=1e-6)
        np.testing.assert_allclose(
            K.eval(gradient), 2 * (1 - np.tanh([[2.0, 4.0]]) ** 2), rtol=1e-3, atol=1e-7
        )

    def test_a_layers_output_stays_that_layers(self):
        inner = Activation("tanh")(Input((3,)))
        entry = Input(tensor=inner)
        assert entry is not inner
        assert isinstance(entry.history.layer, InputLayer)
        assert inner.history.layer.name != entry.history.layer.name

    @pytest.mark.parametrize(
        ("arguments", "error", "message"),
        [
            ({"shape": (3,), "sparse": True}, ArgumentError, r"sparse: expected False.*toarray"),
            ({"tensor": np.ones(3)}, ArgumentError, "tensor: expected a placeholder"),
            ({"shape": (4,), "tensor": K.placeholder((None, 3))}, ShapeError, r"says \(None, 4\)"),
        ],
    )
    def test_what_is_no_input(self, arguments, error, message):
        with pytest.raises(error, match=message):
            Input(**arguments)


class Penalised(Layer):
    """A layer in the way of Keras 1.2: a weight, losses of its own and of each use, an update."""

    def build(self, input_shape):
        self.factor = self.add_weight(
            input_shape[1:], initializer="one", name=f"{self.name}_factor", regularizer="l2",
            constraint="nonneg", trainable=True,
        )  # fmt: skip
        self.seen = self.add_weight((), "zero", trainable=False, name="seen")
        self.add_loss(0.5 * K.sum(K.abs(self.factor)))
        super().build(input_shape)

    def call(self, x, mask=None):
        self.add_loss(K.sum(K.square(x)), x)
        self.add_update(K.update_add(self.seen, 1.0), x)
        return x * self.factor


class TestAdditions:
    """Losses and updates that a layer adds to the step, of its own or of one use."""

    def test_a_weight_as_keras_1_2_adds_it(self):
        layer = Penalised(name="own")
        layer(Input((2,)))
        assert [g.name_of(w) for w in layer.weights] == ["own_factor", "own_seen"]
        assert [w.shape for w in layer.trainable_weights] == [(2,)]
        assert list(layer.constraints) == [layer.factor]
        with pytest.raises(KeywordError, match="add_weight: unknown keyword 'start'.*initializer"):
            layer.add_weight((2,), start="one")

    @pytest.mark.parametrize("release", ["1.0", "1.2"])
    def test_losses_and_updates_count_in_the_models_with_the_use(self, release):
        with config.changed(keras=release):
            layer = Penalised()
            first, second = Input((2,)), Input((2,))
            model = Model(first, layer(first))
            other = Model(second, layer(second))
            for one in (model, other):
                one.compile("sgd", "mse")
        x = np.array([[1.0, 2.0], [3.0, 4.0]], "float32")
        # Of the weight l2 0.01 * 2 and 0.5 * 2, and of each model's own use the squares.
        expected = 0.02 + 1.0 + np.square(x).sum()
        tested = model.test_on_batch(x, x)
        np.testing.assert_allclose(tested, expected if release == "1.2" else 0.0, rtol=1e-6)
        np.testing.assert_allclose(model.train_on_batch(x, x), expected, rtol=1e-6)
        assert layer.seen.get_value() == 1.0

    def test_losses_of_uses_and_of_the_layer(self):
        layer = Penalised()
        first, second = Input((2,)), Input((2,))
        model = Model(first, layer(first))
        layer(second)
        assert len(layer.get_losses_for(None)) == 2
        assert len(layer.get_losses_for(first)) == len(layer.get_losses_for([second])) == 1
        assert layer.get_losses_for(first) != layer.get_losses_for(second)
        assert len(layer.losses) == 4
        assert len(model.losses) == 3
        assert model.get_losses_for(first) == layer.get_losses_for(first)
        assert model.get_updates_for(None) == layer.get_updates_for(None) == []
        assert [pair[0] for pair in layer.get_updates_for(second)] == [layer.seen]
        values = evaluate(layer.losses[:2], {})
        np.testing.assert_allclose(values, [0.02, 1.0], rtol=1e-6)

    def test_what_is_added_behind_the_call(self):
        layer = Scale()
        x = Input((2,))
        model = Sequential([Dense(2, input_dim=2)])
        y = layer(model(x))
        layer.add_loss([K.sum(layer.factor), K.mean(y)], inputs=layer.input)
        layer.add_loss(K.sum(layer.factor))
        layer.add_update([(layer.factor, layer.factor * 2)])
        assert len(layer.get_losses_for(layer.input)) == 2
        assert len(layer.get_losses_for(None)) == 1
        whole = Model(x, y)
        assert len(whole.losses) == 3
        assert [variable for variable, _ in whole.updates] == [layer.factor]

    @pytest.mark.parametrize(
        ("add", "error", "message"),
        [
            (lambda layer: layer.add_loss(0.5), ArgumentError, "expected a scalar tensor"),
            (lambda layer: layer.add_loss(K.ones((2,))), ShapeError, "expected a scalar, received"),
            (lambda layer: layer.add_update([3]), ArgumentError, "expected .variable, new value"),
            (
                lambda layer: layer.add_loss(K.sum(K.ones((2,))), Input((2,))),
                ArgumentError,
                "the tensors that the layer was called on",
            ),
        ],
    )
    def test_what_is_no_loss_or_update(self, add, error, message):
        layer = Scale()
        layer(Input((2,)))
        with pytest.raises(error, match=message):
            add(layer)

    def test_a_trial_of_a_shape_leaves_nothing(self):
        layer = Penalised()
        layer(Input((2,)))
        before = layer.losses
        layer.get_output_shape_for((None, 2))
        assert layer.losses == before
