"""Sequential: building, weights, compiling and predicting."""

from __future__ import annotations

import re

import numpy as np
import pytest

from graphc.engine import InputLayer
from graphc.errors import ArgumentError, DTypeError, NotCompiledError, ShapeError
from graphc.layers import Activation, Dense, Dropout, Flatten, RepeatVector
from graphc.layers.core import Siamese
from graphc.models import Sequential
from tests.linear_model import data, linear


class TestBuilding:
    def test_shapes_names_and_parameters(self):
        model = Sequential()
        model.add(Dense(8, input_shape=(4,), name="first"))
        model.add(Activation("relu", name="second"))
        model.add(Dense(2, name="third"))
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 2))
        assert [layer.name for layer in model.layers] == ["first", "second", "third"]
        assert model.count_params() == 4 * 8 + 8 + 8 * 2 + 2

    def test_layers_can_be_given_at_once_and_the_input_be_a_layer(self):
        model = Sequential([InputLayer(input_shape=(2, 3)), Flatten(), Dense(1)])
        assert (model.input_shape, model.output_shape) == ((None, 2, 3), (None, 1))
        assert len(model.layers) == 2

    def test_the_first_layer_says_what_comes_in(self):
        with pytest.raises(ArgumentError, match=r"head \(Dense\): the first layer .*input_shape="):
            Sequential().add(Dense(3, name="head"))

    @pytest.mark.parametrize("layers", [None, Dense(3, input_dim=4)])
    def test_layers_are_a_list(self, layers):
        with pytest.raises(ArgumentError, match="expected a list of layers"):
            Sequential(layers)

    def test_a_wrong_claim_about_the_input_behind_the_first_layer_is_logged(self, caplog):
        """Keras does not read it, and its own example of a stateful LSTM has such a leftover."""
        model = Sequential([Dense(3, input_dim=4), Dense(2, input_dim=3), Activation("relu")])
        model.add(Activation("relu", input_shape=(None,)))
        assert not caplog.records
        for k, wrong in enumerate(({"input_dim": 7}, {"input_shape": (2, 2)})):
            model.add(Dense(2, name=f"wrong{k}", **wrong))
            (record,) = caplog.records
            message = (
                rf"wrong{k} \(Dense\): its input_shape .*has \(None, 2\), which counts; leave it"
            )
            assert re.match(message, record.getMessage())
            caplog.clear()
        assert model.predict(np.ones((5, 4))).shape == (5, 2)

    def test_a_layer_that_does_not_fit_is_not_added(self):
        model = Sequential()
        with pytest.raises(ShapeError):
            model.add(RepeatVector(3, input_shape=(5, 4)))
        model.add(Dense(3, input_dim=4))
        with pytest.raises(ShapeError):
            model.add(Flatten())
        assert model.output_shape == (None, 3)
        assert len(model.layers) == 1

    def test_what_is_no_layer_or_has_a_name_that_is_taken(self):
        with pytest.raises(ArgumentError, match="expected a layer, .*received 'relu'"):
            Sequential().add("relu")
        with pytest.raises(ArgumentError, match="two layers are named 'a'"):
            Sequential([Dense(3, input_dim=4, name="a"), Dense(3, name="a")])
        with pytest.raises(ArgumentError, match="InputLayer can only be the first"):
            Sequential([Dense(3, input_dim=4), InputLayer(input_shape=(3,))])

    def test_names_that_are_given_later(self):
        model = Sequential([Dense(3, input_dim=4, name="a")])
        model.layers[0].name = "b"
        model.add(Dense(3, name="a"))
        model.compile("sgd", "mse")
        model.add(Dense(3, name="b"))
        with pytest.raises(ArgumentError, match="two layers are named 'b' .Dense and Dense"):
            model.compile("sgd", "mse")

    def test_an_empty_model(self):
        for use in (
            lambda m: m.compile("sgd", "mse"),
            lambda m: m.predict(np.zeros((1, 1))),
            lambda m: m.predict_on_batch(np.zeros((1, 1))),
            lambda m: m.summary(),
            lambda m: m.output_shape,
        ):
            with pytest.raises(ArgumentError, match="has no layers"):
                use(Sequential())

    @pytest.mark.flags(keras="1.0")
    def test_summary(self, capsys):
        Sequential(
            [Dense(8, input_dim=4, name="first"), Activation("relu", name="second")]
        ).summary()
        lines = capsys.readouterr().out.splitlines()
        assert lines[0].split() == ["Layer", "(type)", "Output", "Shape", "Param", "#"]
        assert lines[2].split() == ["first", "(Dense)", "(None,", "8)", "40"]
        assert lines[3].split() == ["second", "(Activation)", "(None,", "8)", "0"]
        assert lines[-1] == "Total params: 40"

    def test_summary_of_a_layer_with_outputs_of_several_shapes(self, capsys):
        shared = Activation("relu", name="shared")
        layers = Dense(8, input_dim=4, name="wide"), shared, Dense(2, name="thin"), shared
        Sequential(list(layers)).summary()
        lines = capsys.readouterr().out.splitlines()
        assert "shared (Activation)  (None, 8) or (None, 2)  0" in lines[3]


class TestWeights:
    def test_layer_by_layer(self):
        model = Sequential([Dense(2, input_dim=3), Dropout(0.5), Dense(1)])
        values = [np.full(w.shape, k, "float32") for k, w in enumerate(model.get_weights())]
        assert [w.shape for w in values] == [(3, 2), (2,), (2, 1), (1,)]
        model.set_weights(values)
        for got, expected in zip(model.get_weights(), values, strict=True):
            np.testing.assert_array_equal(got, expected)

    @pytest.mark.parametrize("wrong", [["a"], [1j], [None]])
    def test_what_is_no_number_sets_nothing(self, wrong):
        model = linear()
        with pytest.raises(DTypeError, match="_b'?: expected numbers, received"):
            model.set_weights([np.ones((3, 1)), wrong])
        np.testing.assert_array_equal(model.get_weights()[0], np.zeros((3, 1)))

    @pytest.mark.parametrize("wrong", [5, np.ones((3, 1)), {"W": 1}, "weights.h5"])
    def test_weights_come_as_a_list(self, wrong):
        with pytest.raises(ArgumentError, match="list of arrays, one for each weight, received"):
            linear().set_weights(wrong)

    def test_an_array_of_arrays_as_numpy_saves_them_is_a_list(self):
        saved = np.empty(2, object)
        saved[:] = [np.full((3, 1), 2.0), np.full(1, 3.0)]
        model = linear()
        model.set_weights(saved)
        np.testing.assert_array_equal(model.get_weights()[1], [3.0])

    def test_a_layer_that_is_in_no_model_yet_has_no_weights(self):
        with pytest.raises(ShapeError, match="0 weights, received 1.*at the first call: add it"):
            Dense(3).set_weights([np.ones((2, 3))])

    def test_errors_name_the_weight_and_set_nothing(self):
        model = Sequential([Dense(2, input_dim=3, name="a"), Dense(1, name="b")])
        values = model.get_weights()
        with pytest.raises(ShapeError, match=r"weight 'b_W': expected shape \(2, 1\).*\(2, 2\)"):
            model.set_weights([v + 1 for v in values[:2]] + [np.zeros((2, 2)), values[3]])
        with pytest.raises(ShapeError, match="expected 4 .*received 3"):
            model.set_weights(values[:3])
        np.testing.assert_array_equal(model.get_weights()[0], values[0])


class TestPredicting:
    @pytest.mark.flags(keras="1.0")
    def test_float64_for_all_samples_and_no_compile(self):
        model = Sequential([Dense(2, input_dim=3)])
        x, _ = data(7)
        W, b = model.get_weights()
        predicted = model.predict(x, batch_size=3)
        assert predicted.dtype == np.float64
        np.testing.assert_allclose(predicted, x @ W + b, rtol=1e-5, atol=1e-6)

    def test_classes(self):
        model = Sequential([Activation("linear", input_shape=(3,))])
        x = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
        np.testing.assert_array_equal(model.predict_classes(x, verbose=0), [1, 0])
        single = Sequential([Activation("linear", input_shape=(1,))])
        classes = single.predict_classes([0.5, 0.51], verbose=0)
        np.testing.assert_array_equal(classes, [[0], [1]])
        assert classes.dtype == np.int32

    def test_outputs_that_are_no_probabilities_are_logged(self, caplog):
        model = Sequential([Activation("linear", input_shape=(1,))])
        np.testing.assert_allclose(model.predict_proba([0.0, 1.0], verbose=0), [[0.0], [1.0]])
        assert caplog.messages == []
        broken = linear()
        broken.set_weights([np.zeros((3, 1)), [np.nan]])
        caplog.clear()
        broken.predict_proba(np.zeros((2, 3)), verbose=0)
        model.predict_proba([-1.0, 2.0], verbose=0)
        assert "values from nan to nan" in caplog.messages[0]
        assert "values from -1 to 2, which are no probabilities" in caplog.messages[1]


class TestCompiling:
    def test_several_outputs_are_refused(self):
        branches = [Sequential([Dense(5, input_dim=3)]) for _ in range(2)]
        model = Sequential([Siamese(Dense(2), branches, merge_mode=None)])
        with pytest.raises(ArgumentError, match=r"\.compile: merge_\d+ .* gives 2 outputs"):
            model.compile("sgd", "mse")

    def test_adding_a_layer_requires_another_compile(self):
        model = linear()
        model.add(Dense(1))
        with pytest.raises(NotCompiledError, match="again after adding layers"):
            model.fit(*data(), verbose=0)

    def test_report(self):
        model = linear()
        assert "no function is made yet" in str(model.compile_report())
        model.fit(*data(), nb_epoch=1, verbose=0)
        model.predict(data()[0])
        report = model.compile_report()
        train, predict = report.functions
        assert (train.name, predict.name) == (f"{model.name}.train", f"{model.name}.predict")
        for shown in (report, train):  # as a notebook's cell does at its end
            first, *rows = repr(shown).splitlines()
            assert first.startswith(f"{model.name}.train: device=cpu, mode=FAST_RUN, ")
            assert len(rows) >= len(train.passes)
        assert str(report) == f"{train}\n\n{predict}"

    def test_mode(self):
        model = Sequential([Dense(1, input_dim=3)])
        model.compile("sgd", "mse", mode="DebugMode")
        model.fit(*data(), nb_epoch=1, verbose=0)
        assert "mode=DebugMode" in str(model.compile_report())

    def test_one_preparation_for_all_batch_sizes(self):
        model = linear()
        model.fit(*data(7), batch_size=3, nb_epoch=1, verbose=0)
        step = model._graphc_trainer.compiled.train()
        for size in (1, 5):
            model.train_on_batch(*data(size))
        assert model._graphc_trainer.compiled.train() is step

    def test_a_fixed_batch(self):
        model = Sequential([Dense(1, batch_input_shape=(4, 3))])
        model.compile("sgd", "mse")
        model.fit(*data(8), batch_size=4, nb_epoch=1, verbose=0)
        with pytest.raises(ValueError, match="batch_input_shape fixes the batch to 4"):
            model.fit(*data(8), nb_epoch=1, verbose=0)
