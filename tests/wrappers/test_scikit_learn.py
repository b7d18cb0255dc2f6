"""KerasClassifier and KerasRegressor alone; test_scikit_learn_tools.py has them in its tools."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from graphc import callbacks
from graphc.engine.topology.layer import Input, Layer
from graphc.errors import ArgumentError, DataError, KeywordError, NotCompiledError
from graphc.layers.core import Activation, Dense
from graphc.models import Model, Sequential
from graphc.wrappers.scikit_learn import BaseWrapper, KerasClassifier, KerasRegressor

X = np.array([[2.0, 0.0], [0.0, 2.0], [3.0, 1.0], [1.0, 3.0]])
Y = np.array([0, 1, 0, 1])
# From x[1] - x[0]: a softmax, and a sigmoid, that are right on X, and wrong where it is turned.
TWO_COLUMNS = [np.array([[1.0, -1.0], [-1.0, 1.0]]), np.zeros(2)]
ONE_COLUMN = [np.array([[-1.0], [1.0]]), np.zeros(1)]


def sequential(*layers: Layer, loss: object, weights=None, metrics=("accuracy",)) -> Sequential:
    model = Sequential(layers)
    model.compile("sgd", loss, list(metrics))
    if weights is not None:
        model.set_weights(weights)
    return model


def softmax(loss="categorical_crossentropy", metrics=("accuracy",), columns=2) -> Sequential:
    layer = Dense(columns, input_dim=2, activation="softmax")
    return sequential(
        layer, loss=loss, metrics=metrics, weights=TWO_COLUMNS if columns == 2 else None
    )


def sigmoid(loss="binary_crossentropy") -> Sequential:
    return sequential(Dense(1, input_dim=2, activation="sigmoid"), loss=loss, weights=ONE_COLUMN)


def line(columns=1) -> Sequential:
    weights = [np.arange(1.0, 1 + 2 * columns).reshape(2, columns), np.full(columns, 0.5)]
    return sequential(Dense(columns, input_dim=2), loss="mse", weights=weights)


class Build:
    def __init__(self, activation: str):
        self.activation = activation

    def __call__(self, output_dim: int = 2) -> Sequential:
        layer = Dense(output_dim, input_dim=2, activation=self.activation)
        return sequential(layer, loss="categorical_crossentropy")


class Own(KerasClassifier):
    def __call__(self, output_dim: int = 2) -> Sequential:
        return Build("softmax")(output_dim)


def untrained(build_fn, y, **params) -> KerasClassifier:
    """With the classes of y, and the weights as build_fn sets them."""
    classifier = KerasClassifier(build_fn, nb_epoch=1, verbose=0, **params)
    classifier.fit(X, y, sample_weight=np.zeros(len(X)))
    return classifier


class TestBuildFn:
    @pytest.mark.parametrize(
        "make",
        [lambda **params: KerasClassifier(Build("softmax"), **params), Own],
        ids=["instance", "subclass"],
    )
    def test_its_arguments_are_taken_from_the_parameters(self, make):
        classifier = make(output_dim=3, nb_epoch=2, verbose=0)
        history = classifier.fit(X, Y)
        assert history.epoch == [0, 1]
        assert classifier.model.output_shape == (None, 3)
        assert classifier.predict_proba(X).shape == (4, 3)

    def test_a_function(self):
        classifier = KerasClassifier(softmax, columns=3, verbose=0)
        assert len(classifier.fit(X, Y).epoch) == 10  # the default of fit
        assert classifier.model.output_shape == (None, 3)

    def test_each_fit_makes_a_new_model(self):
        classifier = untrained(softmax, Y)
        first = classifier.model
        classifier.fit(X, Y)
        assert classifier.model is not first

    @pytest.mark.parametrize("build_fn", [None, 3])
    def test_it_has_to_be_callable(self, build_fn):
        with pytest.raises(ArgumentError, match="KerasClassifier: build_fn: expected a function"):
            KerasClassifier(build_fn)

    def test_it_has_to_return_a_model(self):
        with pytest.raises(ArgumentError, match="to return a compiled model, received None"):
            KerasClassifier(lambda: None).fit(X, Y)

    def test_a_classifier_is_a_sequential(self):
        def functional():
            inputs = Input(shape=(2,))
            model = Model(inputs, Dense(2)(inputs), name="net")
            model.compile("sgd", "mse")
            return model

        with pytest.raises(ArgumentError, match="compiled Sequential.*received Model net"):
            KerasClassifier(functional).fit(X, Y)
        KerasRegressor(functional, verbose=0, nb_epoch=1).fit(X, np.ones((4, 2)))

    def test_a_model_of_several_outputs_is_refused(self):
        def forked():
            inputs = Input(shape=(2,))
            return Model(inputs, [Dense(1, name="a")(inputs), Dense(1, name="b")(inputs)])

        with pytest.raises(ArgumentError, match="one output, received .* with 2: a, b"):
            KerasRegressor(forked).fit(X, Y)

    def test_the_number_of_classes_has_to_be_known(self):
        def open_ended():
            return sequential(Activation("softmax", input_shape=(None,)), loss="mse")

        with pytest.raises(ArgumentError, match=r"known number of columns.*\(None, None\)"):
            KerasClassifier(open_ended).fit(X, Y)

    def test_the_model_has_to_be_compiled(self):
        with pytest.raises(NotCompiledError, match="needs a compiled model"):
            KerasClassifier(lambda: Sequential([Dense(2, input_dim=2)])).fit(X, Y)


class TestParameters:
    def test_a_misspelt_one_names_the_near_one(self):
        with pytest.raises(KeywordError, match="KerasClassifier.*'batchsize'.*'batch_size'"):
            KerasClassifier(softmax, batchsize=3)

    def test_a_modern_spelling_names_ours(self):
        with pytest.raises(KeywordError, match="'epochs': here it is 'nb_epoch'"):
            KerasRegressor(line, epochs=3)

    def test_what_build_fn_does_not_take_is_refused(self):
        with pytest.raises(KeywordError, match="unknown keyword 'hidden'"):
            KerasClassifier(Build("softmax"), hidden=3)

    def test_get_gives_the_very_values(self):
        listening = [callbacks.EarlyStopping()]
        classifier = KerasClassifier(softmax, callbacks=listening, nb_epoch=2)
        params = classifier.get_params()
        assert params == {"build_fn": softmax, "callbacks": listening, "nb_epoch": 2}
        assert params["callbacks"] is listening

    def test_set_changes_all_or_none(self):
        classifier = KerasClassifier(softmax, nb_epoch=2, columns=2)
        assert classifier.set_params(nb_epoch=3) is classifier
        for wrong in ({"nb_epoch": 4, "hidden": 1}, {"nb_epoch": 4, "build_fn": sigmoid}):
            with pytest.raises(KeywordError, match="unknown keyword"):
                classifier.set_params(**wrong)
        assert classifier.get_params() == {"build_fn": softmax, "nb_epoch": 3, "columns": 2}

    def test_set_takes_another_build_fn(self):
        classifier = KerasClassifier(softmax, nb_epoch=1).set_params(build_fn=Build("sigmoid"))
        classifier.fit(X, Y, verbose=0)
        assert classifier.model.layers[0].get_config()["activation"] == "sigmoid"

    def test_those_of_a_call_come_first(self):
        classifier = KerasClassifier(softmax, nb_epoch=3, verbose=0)
        assert classifier.fit(X, Y, nb_epoch=1).epoch == [0]
        assert classifier.filter_sk_params(Sequential.fit) == {"nb_epoch": 3, "verbose": 0}
        assert classifier.filter_sk_params(Sequential.predict, {"verbose": 1}) == {"verbose": 1}
        assert classifier.filter_sk_params(softmax, {"loss": "mse"}) == {"loss": "mse"}

    def test_callbacks_of_the_parameters_are_copied_for_each_fit(self):
        stopping = callbacks.EarlyStopping()
        classifier = KerasClassifier(softmax, callbacks=[stopping], nb_epoch=1, verbose=0)
        classifier.fit(X, Y, validation_data=(X, Y))
        assert stopping.model is None
        copy.deepcopy(classifier.get_params())

    def test_nothing_works_before_fit(self):
        classifier = KerasClassifier(softmax)
        assert not classifier.__sklearn_is_fitted__()
        for call in (classifier.predict, classifier.predict_proba):
            with pytest.raises(ArgumentError, match="KerasClassifier.predict.*call fit first"):
                call(X)
        with pytest.raises(ArgumentError, match="KerasClassifier.score.*call fit first"):
            classifier.score(X, Y)
        assert not hasattr(classifier, "classes_")

    def test_a_base_wrapper_trains_what_it_is_given(self):
        wrapper = BaseWrapper(line, nb_epoch=1, verbose=0)
        assert wrapper.fit(X, Y).epoch == [0]


LABELLINGS = {
    "numbers": ([0, 1, 0, 1], [0, 1]),
    "a column": ([[0], [1], [0], [1]], [0, 1]),
    "strings": (["cat", "dog", "cat", "dog"], ["cat", "dog"]),
    "objects": (np.array(["cat", "dog", "cat", "dog"], dtype=object), ["cat", "dog"]),
    "other numbers": ([3, 7, 3, 7], [3, 7]),
    "floats": ([0.0, 1.0, 0.0, 1.0], [0.0, 1.0]),
    "bools": ([False, True, False, True], [False, True]),
}


class TestLabels:
    @pytest.mark.parametrize("labelling", LABELLINGS)
    @pytest.mark.parametrize(
        "build_fn",
        [softmax, lambda: softmax("sparse_categorical_crossentropy"), sigmoid],
        ids=["categorical", "sparse", "binary"],
    )
    def test_predictions_are_the_labels_of_fit(self, build_fn, labelling):
        y, classes = LABELLINGS[labelling]
        classifier = untrained(build_fn, y)
        assert classifier.classes_.tolist() == classes
        predicted = classifier.predict(X, verbose=0)
        assert predicted.tolist() == np.ravel(y).tolist()
        assert predicted.dtype == np.asarray(y).dtype
        assert classifier.predict(X[:, ::-1], verbose=0).tolist() == np.ravel(y)[::-1].tolist()
        assert classifier.score(X, y, verbose=0) == 1.0
        assert classifier.score(X[:, ::-1], y, verbose=0) == 0.0
        assert classifier.score(X, [*y[:3], y[0]], verbose=0) == 0.75

    @pytest.mark.parametrize("labelling", LABELLINGS)
    def test_the_loss_is_that_of_the_right_class(self, labelling):
        classifier = KerasClassifier(sigmoid, nb_epoch=1, verbose=0)
        history = classifier.fit(X, LABELLINGS[labelling][0])
        # The right class has sigmoid(2) at each sample.
        assert history.history["loss"] == pytest.approx([np.log1p(np.exp(-2.0))], rel=1e-5)

    def test_one_hot_rows_stay(self):
        classifier = untrained(softmax, np.eye(2)[Y])
        assert classifier.classes_.tolist() == [0, 1]
        assert classifier.predict(X, verbose=0).tolist() == Y.tolist()
        assert classifier.score(X, np.eye(2)[Y], verbose=0) == 1.0

    def test_numbers_of_columns_need_not_all_be_there(self):
        classifier = untrained(softmax, [0, 2, 0, 2], columns=4)
        assert classifier.classes_.tolist() == [0, 1, 2, 3]
        predicted = classifier.predict(X, verbose=0)
        assert classifier.score(X, predicted, verbose=0) == 1.0
        assert classifier.score(X, (predicted + 3) % 4, verbose=0) == 0.0

    def test_other_labels_have_to_be_as_many_as_the_classes(self):
        with pytest.raises(DataError, match="labels of 3 classes.*3 columns, received 2 different"):
            untrained(softmax, ["a", "b", "a", "b"], columns=3)
        with pytest.raises(DataError, match="1 column, received 4 .*numbers.*for KerasRegressor"):
            untrained(sigmoid, [0.5, 1.5, 2.5, 3.5])

    def test_labels_that_cannot_be_sorted(self):
        with pytest.raises(DataError, match="KerasClassifier.fit: y: expected labels that can be"):
            untrained(softmax, np.array(["a", 1, "a", 1], dtype=object))

    def test_a_label_that_fit_did_not_see(self):
        classifier = untrained(softmax, ["cat", "dog", "cat", "dog"])
        with pytest.raises(DataError, match="score: the label 'cow' of sample 2 is none of"):
            classifier.score(X, ["cat", "dog", "cow", "dog"])

    def test_another_loss_gets_numbers_as_they_are(self):
        def margin():
            model = sequential(Dense(1, input_dim=2), loss="hinge")
            model.set_weights([np.array([[-0.25], [0.25]]), np.zeros(1)])
            return model

        classifier = KerasClassifier(margin, nb_epoch=1, verbose=0)
        history = classifier.fit(X, [-1, 1, -1, 1])
        assert classifier.classes_.tolist() == [-1, 1]
        # Outputs -0.5 and 0.5: hinge is 1 - 0.5 with targets of -1 and 1.
        assert history.history["loss"] == [0.5]

    def test_class_weight_is_by_label(self):
        weights = {"cat": 0.5, "dog": 2.0}
        classifier = KerasClassifier(softmax, nb_epoch=1, verbose=0, class_weight=weights)
        loss = classifier.fit(X, ["cat", "dog", "cat", "dog"]).history["loss"]
        # The outputs before the softmax are 4 apart; both classes have two samples.
        assert loss == pytest.approx([np.log1p(np.exp(-4.0)) * (0.5 + 2.0) / 2], rel=1e-5)
        with pytest.raises(ArgumentError, match=r"\['cat', 'dog'\], received 'cow'"):
            classifier.fit(X, ["cat", "dog", "cat", "dog"], class_weight={"cow": 1.0})

    def test_validation_data_have_labels_too(self):
        classifier = KerasClassifier(softmax, nb_epoch=1, verbose=0)
        y = ["cat", "dog", "cat", "dog"]
        history = classifier.fit(X, y, validation_data=(X[:2], ["cat", "cat"])).history
        assert history["val_acc"] == [0.5]


class TestScores:
    def test_one_column_of_probabilities_becomes_two(self):
        classifier = untrained(sigmoid, Y)
        probabilities = classifier.predict_proba(X, verbose=0)
        high = 1 / (1 + np.exp(-2.0))
        expected = [[high, 1 - high], [1 - high, high]] * 2
        np.testing.assert_allclose(probabilities, expected, rtol=1e-6)

    def test_accuracy_has_to_be_measured(self):
        classifier = untrained(softmax, Y, metrics=())
        with pytest.raises(ArgumentError, match="measures loss; compile.*metrics=.'accuracy'"):
            classifier.score(X, Y)

    def test_show_accuracy_measures_it(self):
        classifier = untrained(softmax, Y, metrics=())
        assert classifier.score(X, [0, 0, 0, 1], show_accuracy=True, verbose=0) == 0.75

    def test_sample_weights_reach_the_training(self):
        classifier = KerasClassifier(sigmoid, nb_epoch=1, verbose=0)
        classifier.fit(X, Y, sample_weight=[0.0, 0.0, 0.0, 0.0])
        assert np.array_equal(classifier.model.get_weights()[0], ONE_COLUMN[0])
        classifier.fit(X, Y, sample_weight=[0.0, 0.0, 1.0, 0.0])
        # Only the third sample, of the class 0, moves the bias: down.
        assert classifier.model.get_weights()[1][0] < 0

    def test_a_regressor(self):
        regressor = KerasRegressor(line, nb_epoch=1, verbose=0)
        regressor.fit(X, np.zeros(4), sample_weight=np.zeros(4))
        outputs = X @ [1.0, 2.0] + 0.5
        np.testing.assert_allclose(regressor.predict(X), outputs)
        assert regressor.predict(X[:1]).shape == (1,)
        assert regressor.score(X, outputs - 2.0, verbose=0) == pytest.approx(4.0)

    def test_a_regressor_of_several_columns(self):
        regressor = KerasRegressor(line, columns=3, nb_epoch=1, verbose=0)
        regressor.fit(X, np.zeros((4, 3)))
        assert regressor.predict(X).shape == (4, 3)
