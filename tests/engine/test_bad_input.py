"""Every kind of bad input gets an error that says what was expected, received, and what to do."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc import objectives, optimizers
from graphc.callbacks import Callback
from graphc.compiler import graph as g
from graphc.constraints import maxnorm
from graphc.errors import (
    ArgumentError,
    DataError,
    DTypeError,
    KeywordError,
    NotCompiledError,
    UnknownNameError,
)
from graphc.layers import Activation, Dense, Masking, Reshape, TimeDistributedDense
from graphc.models import Sequential
from graphc.regularizers import activity_l1, l2

X = np.zeros((6, 4))
Y = np.zeros((6, 3))


def model(loss="mse", activation="linear", outputs=3, **kwargs):
    built = Sequential([Dense(outputs, input_dim=4, activation=activation, name="head")])
    built.compile("sgd", loss, **kwargs)
    return built


def classifier(loss="categorical_crossentropy"):
    return model(loss, "softmax")


class Sparse:
    """A stand-in for SciPy's sparse matrices, as far as a model looks."""

    def __init__(self, array):
        self.array, self.shape, self.nnz = array, array.shape, int((array != 0).sum())

    def __getitem__(self, rows):
        return Sparse(self.array[rows])

    def __len__(self):
        raise TypeError("sparse array length is ambiguous")

    def toarray(self):
        return self.array


def sequence_model(**kwargs):
    built = Sequential([Reshape((2, 2), input_shape=(4,), name="steps")])
    built.compile("sgd", "mse", **kwargs)
    return built


def with_value(array, where, value):
    changed = np.array(array, dtype="float64")
    changed[where] = value
    return changed


class TestInputs:
    """Arrays are checked before the first step; the error names the input and what to do."""

    def test_input_shape_that_includes_the_batch_axis(self):
        flat = Sequential([Activation("linear", input_shape=(6, 4))])
        with pytest.raises(DataError, match=r"leave it out: input_shape=\(4,\)\)"):
            flat.predict(X)
        with pytest.raises(DataError, match="Either input_shape counts the batch axis"):
            flat.predict(X[:3])

    def test_a_wrong_number_of_features_names_the_input_and_the_axis(self):
        built = model()
        pattern = (
            rf"input {built.input_names[0]}: axis 1: expected 4, received 5 "
            r"\(expected shape \(None, 4\), received \(6, 5\)\)"
        )
        with pytest.raises(DataError, match=pattern):
            built.fit(np.zeros((6, 5)), Y, verbose=0)

    def test_a_single_sample(self):
        """Without its batch axis it is refused, and the error says how to add one."""
        picture = Sequential([Activation("linear", input_shape=(5, 4))])
        with pytest.raises(DataError, match="or this is a single sample \\(give it one: x"):
            picture.predict(np.zeros((5, 4)))
        with pytest.raises(DataError, match=r"expected 4, received 1 .*single sample.*x\[np.new"):
            model().predict(np.zeros(4))

    def test_images_that_are_not_flat(self):
        with pytest.raises(DataError, match=r"x.reshape\(\(-1, 4,\)\)"):
            model().predict(np.zeros((6, 2, 2)))

    @pytest.mark.parametrize(("value", "shown"), [(np.nan, "nan"), (np.inf, "inf")])
    def test_values_that_are_not_finite(self, value, shown):
        built = model()
        x = with_value(X, (2, 1), value)
        pattern = rf"input {built.input_names[0]}: .*sample 2, index \(2, 1\), is {shown}; 1 of 24"
        for use in (
            lambda: built.fit(x, Y, verbose=0),
            lambda: built.predict(x),
            lambda: built.train_on_batch(x, Y),
        ):
            with pytest.raises(DataError, match=pattern):
                use()

    def test_a_value_too_large_for_float32(self):
        with pytest.raises(DataError, match="is 1e\\+300, too large for float32"):
            model().predict(with_value(X, (0, 0), 1e300))

    def test_empty_arrays(self):
        with pytest.raises(DataError, match=r"the array is empty, shape \(0, 4\)"):
            model().fit(np.zeros((0, 4)), np.zeros((0, 3)), verbose=0)

    def test_different_lengths(self):
        with pytest.raises(DataError, match="has 6, targets of head has 5"):
            model().fit(X, Y[:5], verbose=0)
        with pytest.raises(DataError, match="has 6, sample_weight of head has 5"):
            model().fit(X, Y, sample_weight=np.ones(5), verbose=0)

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            (None, "expected data for .*, received None"),
            ([[1, 2, 3, 4], [1, 2]], "parts have different lengths"),
            ([["a", "b", "c", "d"]], "expected numbers, received dtype <U1"),
            (np.zeros((6, 4), complex), "expected numbers, received dtype complex128"),
            (3.0, "an axis for the samples, received 3.0"),
            (g.BATCH, "expected numbers"),
            ({"other": X}, "the dict has no entry 'dense_input"),
        ],
    )
    def test_what_is_no_array(self, value, message):
        with pytest.raises(DataError, match=message):
            model().predict(value)

    def test_nodes(self):
        """Tensors of the graph are refused where arrays are fed."""
        with pytest.raises(DataError, match="expected an array, received the node"):
            model().predict(g.input((g.BATCH, 4)))

    def test_sparse_matrices(self):
        made, x = model(), Sparse(X)
        reported = r"input dense_input_\d+: expected an array, .* matrix \(Sparse\); x.toarray\(\)"
        for call in (
            lambda: made.fit(x, Y),
            lambda: made.fit([x], Y),
            lambda: made.predict(x),
            lambda: made.evaluate({made.input_names[0]: x}, Y),
            lambda: made.train_on_batch(x, Y),
            lambda: made.fit_generator(iter([(x, Y)]), 6, 1, verbose=0),
        ):
            with pytest.raises(DTypeError, match=reported):
                call()
        with pytest.raises(DTypeError, match=r"targets of head: .* sparse matrix"):
            made.fit(X, Sparse(Y))
        with pytest.raises(DTypeError, match=r"variable .*: .* sparse matrix"):
            K.variable(x)
        assert made.fit(x.toarray(), Y, nb_epoch=1, verbose=0).epoch == [0]

    def test_masked_arrays(self):
        masked = np.ma.masked_less(np.arange(24.0).reshape(6, 4), 3)
        with pytest.raises(DataError, match=r"masked elements.*\.filled"):
            model().predict(masked)
        np.testing.assert_array_equal(
            model().predict(np.ma.array(X)).shape, (6, 3), "nothing is masked"
        )

    @pytest.mark.parametrize(
        ("dtype", "value"),
        [
            ("int32", np.float32(2.0**31)),
            ("int32", np.float16(np.inf)),
            ("int64", np.float64(2.0**63)),
            ("uint32", np.float32(-1)),
        ],
    )
    def test_floats_just_outside_of_the_integers(self, dtype, value):
        built = Sequential([Activation("linear", input_shape=(1,), input_dtype=dtype)])
        with pytest.raises(DataError, match="expected whole numbers from"):
            built.predict(np.full((2, 1), value))

    @pytest.mark.filterwarnings("error")
    def test_floats_of_every_width_that_are_integers(self):
        built = Sequential([Activation("linear", input_shape=(1,), input_dtype="int32")])
        for dtype in ("float16", "float32", "float64", "longdouble"):
            np.testing.assert_array_equal(built.predict(np.array([-3.0, 7.0], dtype)), [[-3], [7]])
        np.testing.assert_array_equal(built.predict([-(2.0**31)]), [[-(2.0**31)]])

    def test_fractions_and_overflow_for_an_integer_input(self):
        built = Sequential([Activation("linear", input_shape=(2,), input_dtype="int32")])
        np.testing.assert_array_equal(built.predict([[1.0, 2.0]]), [[1.0, 2.0]])
        for value in (1.5, np.nan, np.inf, 2.0**31):
            with pytest.raises(DataError, match=r"takes int32, and the value at index \(0, 1\)"):
                built.predict([[1.0, value]])


class TestTargets:
    """Targets are checked against the loss and the output that they are for."""

    def test_categorical_with_class_numbers(self):
        labels = np.array([0, 1, 2, 0, 1, 2])
        with pytest.raises(DataError, match="targets of head: categorical_crossentropy") as error:
            classifier().fit(X, labels, verbose=0)
        message = str(error.value)
        assert "expected (None, 3), received (6, 1)" in message
        assert "to_categorical(y)" in message
        assert "loss='sparse_categorical_crossentropy'" in message

    def test_categorical_with_one_column_of_output(self):
        with pytest.raises(DataError, match="An output of one column is for binary_crossentropy"):
            model("categorical_crossentropy", "softmax", outputs=1).fit(X, np.zeros(6), verbose=0)

    def test_sparse_with_one_hot_rows(self):
        built = classifier("sparse_categorical_crossentropy")
        with pytest.raises(
            DataError, match=r"takes class numbers, .*\(None, 1\), received \(6, 3\)"
        ):
            built.fit(X, Y, verbose=0)

    @pytest.mark.parametrize("label", [3, -1])
    def test_class_numbers_outside_of_the_output(self, label):
        built = classifier("sparse_categorical_crossentropy")
        with pytest.raises(DataError, match=f"from 0 to 2, .*at sample 4 is {label}"):
            built.evaluate(X, [0, 1, 2, 0, label, 1], verbose=0)

    def test_class_numbers_that_are_fractions(self):
        built = classifier("sparse_categorical_crossentropy")
        with pytest.raises(DataError, match="targets of head: takes int32, .* is 0.5"):
            built.fit(X, [0, 1, 2, 0, 0.5, 1], verbose=0)

    def test_other_losses_take_the_outputs_shape(self):
        with pytest.raises(DataError, match=r"mean_squared_error takes .*\(None, 3\).*\(6, 2\)"):
            model().fit(X, np.zeros((6, 2)), verbose=0)
        with pytest.raises(DataError, match="class numbers, use loss='sparse_categorical"):
            model().fit(X, np.zeros(6), verbose=0)

    @pytest.mark.parametrize("value", [-1.0, 2.0, 255.0, 1.001])
    def test_a_binary_crossentropy_of_what_is_no_probability(self, value):
        built = model("binary_crossentropy", "sigmoid")
        wrong = with_value(Y, (4, 1), value)
        calls = [
            lambda: built.fit(X, wrong, verbose=0),
            lambda: built.fit(X, Y, validation_data=(X, wrong), verbose=0),
            lambda: built.train_on_batch(X, wrong),
            lambda: built.evaluate(X, wrong, verbose=0),
            lambda: built.test_on_batch(X, wrong),
            lambda: built.fit_generator(iter([(X, wrong)] * 9), 6, 1, verbose=0),
        ]
        for call in calls:
            with pytest.raises(DataError, match=r"targets of head: binary_crossentropy") as error:
                call()
            assert f"received {value:g} at sample 4, index (4, 1)" in str(error.value)
            assert "from 0 to 1" in str(error.value)
            assert "1 of 18 values" in str(error.value)

    def test_labels_of_minus_one_and_one_are_logged_once(self, caplog):
        built = model("binary_crossentropy", "sigmoid")
        labels = 2 * np.eye(3)[[0, 1, 2, 0, 1, 2]] - 1
        for _ in range(2):
            built.fit(X, labels, nb_epoch=1, verbose=0)
        (record,) = caplog.records
        message = record.getMessage()
        assert "targets of head: binary_crossentropy expects values from 0 to 1" in message
        assert "received -1 at sample 0" in message
        assert "labels of -1 and 1 are (y + 1) / 2 as probabilities, and hinge" in message

    def test_probabilities_that_are_rounded_or_do_not_count(self):
        built = model("binary_crossentropy", "sigmoid")
        built.fit(X, with_value(Y, (4, 1), 1 + 1e-6), verbose=0)
        ignored = with_value(Y, 4, -1.0)
        weights = np.where(np.arange(6) == 4, 0.0, 1.0)
        built.fit(X, ignored, sample_weight=weights, verbose=0)
        with pytest.raises(DataError, match="index \\(3, 0\\)"):
            built.fit(X, with_value(ignored, 3, -1.0), sample_weight=weights, verbose=0)

    def test_steps_that_do_not_count_may_have_any_target(self):
        built = Sequential([Reshape((2, 2), input_shape=(4,), name="steps")])
        built.compile("sgd", "binary_crossentropy", sample_weight_mode="temporal")
        steps = with_value(np.zeros((6, 2, 2)), (2, 1), -1.0)
        weights = np.ones((6, 2))
        with pytest.raises(DataError, match="index \\(2, 1, 0\\)"):
            built.train_on_batch(X, steps, sample_weight=weights)
        weights[2, 1] = 0
        built.train_on_batch(X, steps, sample_weight=weights)

    def test_a_categorical_crossentropy_weighted_by_its_targets_is_logged_once(self, caplog):
        """As policies are trained: rewards times one-hot actions."""
        built = classifier()
        rewards = with_value(np.eye(3)[[0, 1, 2, 0, 1, 2]], (4, 1), -2.5)
        with caplog.at_level("WARNING", logger="graphc"):
            for _ in range(3):
                built.train_on_batch(X, rewards)
        (line,) = [one.getMessage() for one in caplog.records]
        assert "targets of head: categorical_crossentropy expects values from 0 to 1" in line
        assert "received -2.5 at sample 4, index (4, 1)" in line

    def test_a_function_of_ones_own_takes_any_target(self, caplog):
        def weighted(y_true, y_pred):
            return objectives.binary_crossentropy(y_true, y_pred)

        with caplog.at_level("WARNING", logger="graphc"):
            model(weighted, "sigmoid").train_on_batch(X, with_value(Y, (4, 1), 2.0))
        assert not caplog.records

    def test_behind_a_mask_any_target_is_logged(self, caplog):
        built = Sequential([Masking(input_shape=(2, 2)), TimeDistributedDense(1, name="head")])
        built.compile("sgd", "binary_crossentropy")
        with caplog.at_level("WARNING", logger="graphc"):
            built.train_on_batch(np.ones((6, 2, 2)), -np.ones((6, 2, 1)))
        assert "targets of head: binary_crossentropy" in caplog.text

    def test_targets_that_are_missing_or_not_finite(self):
        with pytest.raises(DataError, match="targets: expected data for head, received None"):
            model().fit(X, None, verbose=0)
        with pytest.raises(DataError, match="targets of head: the value at sample 5"):
            model().fit(X, with_value(Y, (5, 2), np.nan), verbose=0)


class TestWeights:
    """Weights of samples and of classes: those without effect warn, wrong ones are refused."""

    def test_both_kinds_at_once(self):
        built = model()
        weights = np.arange(6.0)
        expected = built.test_on_batch(X, Y, sample_weight=weights)
        with pytest.warns(
            UserWarning, match="both given, and only one counts: that of the samples"
        ):
            found = built.train_on_batch(X, Y, class_weight={0: 1.0}, sample_weight=weights)
        assert found == pytest.approx(expected)

    def test_a_class_that_is_missing(self):
        labels = [0, 1, 2, 0, 1, 2]
        for built, y in (
            (classifier("sparse_categorical_crossentropy"), labels),
            (classifier(), np.eye(3)[labels]),
        ):
            with pytest.raises(DataError, match="have the class 2, .*it has 0, 1"):
                built.fit(X, y, class_weight={0: 1.0, 1: 2.0}, verbose=0)

    def test_what_is_no_dict_of_finite_weights(self):
        built = classifier("sparse_categorical_crossentropy")
        with pytest.raises(ArgumentError, match="expected a dict from class to weight"):
            built.fit(X, [0] * 6, class_weight=[1.0], verbose=0)
        with pytest.raises(DataError, match="expected finite weights"):
            built.fit(X, [0] * 6, class_weight={0: np.nan}, verbose=0)

    def test_a_text_counts_for_nothing(self):
        built = model()
        with pytest.warns(UserWarning, match="class_weight='auto' counts for nothing, as in Keras"):
            found = built.train_on_batch(X, Y, class_weight="auto")
        assert np.isfinite(found)

    @pytest.mark.parametrize("weight", ["a", None, [1.0, 2.0]])
    def test_a_class_weight_that_is_no_number(self, weight):
        built = classifier("sparse_categorical_crossentropy")
        with pytest.raises(DataError, match="expected finite weights"):
            built.fit(X, np.arange(6) % 3, verbose=0, class_weight={0: weight, 1: 1, 2: 1})

    def test_an_empty_dict_is_none(self):
        built = model()
        with_weights = built.train_on_batch(X, Y + 1, class_weight={}, sample_weight=np.ones(6))
        assert with_weights == pytest.approx(1.0)

    def test_class_weights_of_sequences(self):
        with pytest.raises(DataError, match="needs targets with one class a sample"):
            sequence_model().fit(X, np.zeros((6, 2, 2)), class_weight={0: 1.0}, verbose=0)

    def test_shapes_of_sample_weights(self):
        with pytest.raises(DataError, match=r"expected 1 axes, \(None,\), received 2: \(6, 1\)"):
            model().fit(X, Y, sample_weight=np.ones((6, 1)), verbose=0)
        temporal = sequence_model(sample_weight_mode="temporal")
        with pytest.raises(
            DataError, match="sample_weight of steps: axis 1: expected 2, received 3"
        ):
            temporal.fit(X, np.zeros((6, 2, 2)), sample_weight=np.ones((6, 3)), verbose=0)

    def test_a_weight_that_is_not_finite(self):
        with pytest.raises(DataError, match="sample_weight of head: the value at sample 1"):
            model().fit(X, Y, sample_weight=with_value(np.ones(6), 1, np.nan), verbose=0)


class TestNamesAndKeywords:
    """A name or a keyword that is not known is an error with the near ones."""

    def test_unknown_names_list_the_near_ones(self):
        with pytest.raises(UnknownNameError, match="unknown optimizer 'adm'.*'adam'"):
            Sequential([Dense(1, input_dim=4)]).compile("adm", "mse")
        with pytest.raises(
            UnknownNameError, match="'categorical_crossentropi'.*'categorical_cross"
        ):
            model("categorical_crossentropi")
        with pytest.raises(UnknownNameError, match="unknown metric 'binary_acuracy'.*'binary_acc"):
            model(metrics=["binary_acuracy"])
        with pytest.raises(UnknownNameError, match="unknown mode 'FAST_RUNN'.*'FAST_RUN'"):
            model(mode="FAST_RUNN")

    def test_keywords_of_an_optimizer(self):
        with pytest.raises(KeywordError, match="learning_rate.*'lr'"):
            optimizers.SGD(learning_rate=0.1)
        with pytest.raises(KeywordError, match="momentun.*momentum"):
            optimizers.SGD(momentun=0.1)

    @pytest.mark.parametrize("value", ["a", None, float("nan"), [0.1, 0.2]])
    def test_factors_of_penalties_and_bounds_of_constraints_are_numbers(self, value):
        for make in (l2, activity_l1, maxnorm):
            with pytest.raises(ArgumentError, match="(l1|l2|m): expected a finite number, receiv"):
                make(value)

    def test_modern_and_unknown_keywords(self):
        built = model()
        with pytest.raises(KeywordError, match=r"fit: unknown keyword 'epochs': here it is 'nb_ep"):
            built.fit(X, Y, epochs=3)
        with pytest.raises(KeywordError, match="fit: unknown keyword 'batchsize'.*'batch_size'"):
            built.fit(X, Y, batchsize=3)
        with pytest.raises(KeywordError, match="evaluate: unknown keyword 'sample_weights': here"):
            built.evaluate(X, Y, sample_weights=np.ones(6))
        with pytest.raises(KeywordError, match="compile: unknown keyword 'metric'.*'metrics'"):
            model(metric=["accuracy"])

    def test_legacy_keywords_without_effect_warn(self):
        with pytest.warns(UserWarning, match="compile: 'class_mode' has no effect"):
            model(class_mode="categorical")

    def test_legacy_keywords_belong_to_their_calls(self):
        built = model()
        with pytest.raises(KeywordError, match="fit: unknown keyword 'class_mode'"):
            built.fit(X, Y, verbose=0, class_mode="categorical")
        with pytest.raises(KeywordError, match="train_on_batch: .*'show_accuracy'.*'accuracy'"):
            built.train_on_batch(X, Y, show_accuracy=True)
        with pytest.raises(ArgumentError, match="show_accuracy: expected True or False, receiv"):
            built.evaluate(X, Y, verbose=0, show_accuracy="yes")


class TestOrderAndArguments:
    """Calls in the wrong order, and arguments without effect, are errors."""

    def test_training_before_compile(self):
        built = Sequential([Dense(3, input_dim=4)])
        for use in (built.fit, built.evaluate, built.train_on_batch, built.test_on_batch):
            with pytest.raises(
                NotCompiledError, match="needs a compiled model: call model.compile"
            ):
                use(X, Y)
        with pytest.raises(NotCompiledError):
            _ = built.metrics_names

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"batch_size": 0}, "batch_size: expected a whole number of at least 1, received 0"),
            ({"batch_size": 2.5}, "batch_size: expected a whole number"),
            ({"nb_epoch": -1}, "nb_epoch: expected a whole number of at least 0"),
            ({"initial_epoch": 3, "nb_epoch": 2}, "initial_epoch: expected at most nb_epoch=2"),
            ({"verbose": 3}, "verbose: expected one of"),
            ({"shuffle": "rows"}, "shuffle: expected one of"),
            ({"validation_split": 0.9}, "leaves at least one of 6 samples in each part"),
            ({"validation_split": 1.0}, "leaves at least one of 6 samples in each part"),
            ({"validation_split": -0.5}, "leaves at least one of 6 samples in each part"),
            ({"validation_data": (X,)}, "validation_data: expected .*received 1 parts"),
            ({"validation_data": X}, "validation_data: expected .*received ndarray"),
            ({"callbacks": 3}, "callbacks: expected a list of callbacks, received 3"),
            ({"callbacks": Callback()}, "callbacks: expected a list of callbacks"),
            ({"validation_split": "0.2"}, "received '0.2'"),
            ({"validation_split": np.array([0.2])}, "expected a fraction"),
            ({"validation_split": float("nan")}, "expected a fraction"),
            ({"verbose": None}, "verbose: expected one of"),
            ({"shuffle": np.ones(2)}, "shuffle: expected one of"),
            ({"callbacks": [print]}, "expected callbacks, received"),
        ],
    )
    def test_arguments_of_fit(self, keywords, message):
        with pytest.raises(ArgumentError, match=message):
            model().fit(X, Y, **{"verbose": 0, **keywords})

    def test_what_fit_takes_is_refused_where_it_has_no_effect(self):
        built = model()
        calls = [
            lambda: built.evaluate(X, Y, verbose=0, nb_epoch=3),
            lambda: built.evaluate(X, Y, verbose=0, class_weight={0: 3}),
            lambda: built.train_on_batch(X, Y, batch_size=3),
            lambda: built.test_on_batch(X, Y, class_weight={0: 3}),
        ]
        for call in calls:
            with pytest.raises(KeywordError, match="unknown keyword"):
                call()

    @pytest.mark.parametrize("verbose", [3, "a", None])
    def test_verbose_of_evaluate_and_predict(self, verbose):
        with pytest.raises(ArgumentError, match="evaluate: verbose: expected one of"):
            model().evaluate(X, Y, verbose=verbose)
        with pytest.raises(ArgumentError, match="predict: verbose: expected one of"):
            model().predict(X, verbose=verbose)

    def test_validation_data_are_checked_before_training(self):
        built = model()
        before = built.get_weights()[0]
        with pytest.raises(DataError, match="received 5"):
            built.fit(X, Y, validation_data=(np.zeros((2, 5)), Y[:2]), verbose=0)
        np.testing.assert_array_equal(built.get_weights()[0], before)
