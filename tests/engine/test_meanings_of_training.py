"""The meanings of `compile` in Keras 1.0 and in 1.2: penalties, accuracy, logs, training; kept in
files."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from graphc.config import config
from graphc.engine import Input, Model
from graphc.engine.training.losses import make_metrics, make_targets
from graphc.engine.training.trainer import LossAlone
from graphc.layers import Activation, Dense, Dropout
from graphc.models import Sequential, load_model, model_from_json
from graphc.regularizers import activity_l1, l2

RELEASES = ["1.0", "1.2"]


def _line(**kwargs: object) -> Sequential:
    """y = 2 x, one weight."""
    model = Sequential([Dense(1, input_dim=1, weights=[[[2.0]], [0.0]], **kwargs)])
    model.compile("sgd", "mse")
    return model


def _saved_and_loaded(model: Model, tmp_path, flag: str) -> Model:
    """The model of a file, which is read under another value of the flag."""
    path = tmp_path / "model.h5"
    model.save(path)
    with config.changed(keras=flag):
        return load_model(path)


@pytest.mark.parametrize("other", RELEASES)
@pytest.mark.parametrize(("release", "tested"), [("1.0", 4.0), ("1.2", 4.0 + 0.5 * 4.0)])
def test_penalties_count_in_testing_from_1_2_on(release, tested, other, tmp_path):
    """(2 - 0)^2, and 0.5 * 2^2 for the weight."""
    with config.changed(keras=release):
        model = _line(W_regularizer=l2(0.5))
    loaded = _saved_and_loaded(model, tmp_path, other)
    for one in (model, loaded):
        assert one.uses_learning_phase == (release == "1.0")
        assert one.test_on_batch([[1.0]], [[0.0]]) == pytest.approx(tested)
        assert one.evaluate([[1.0]], [[0.0]], verbose=0) == pytest.approx(tested)
        history = one.fit([[1.0]], [[0.0]], nb_epoch=1, verbose=0, validation_data=([[1.0]], [[0]]))
        assert history.history["loss"] == pytest.approx([6.0])


def test_a_penalty_in_testing_reads_the_output_as_it_is_then():
    """A Dropout before the penalised output drops nothing in testing: 0.5 * |2|."""
    with config.changed(keras="1.2"):
        model = Sequential([Dropout(0.5, input_shape=(1,)), _penalised()])
        model.compile("sgd", "mse")
    assert model.test_on_batch([[1.0]], [[0.0]]) == pytest.approx(4.0 + 0.5 * 2.0)


def _penalised() -> Dense:
    return Dense(1, weights=[[[2.0]], [0.0]], activity_regularizer=activity_l1(0.5))


class TestAccuracy:
    @pytest.mark.parametrize(("release", "expected"), [("1.0", 0.5), ("1.2", 0.75)])
    def test_of_a_binary_crossentropy_of_several_columns(self, release, expected, tmp_path):
        """Rows (0.9, 0.6) and (0.2, 0.1) for (1, 0) and (0, 1): by the largest 1 of 2 is right, by
        the elements 2 of 4."""
        t, p = [[1.0, 0.0], [0.0, 0.0]], [[0.9, 0.6], [0.1, 0.2]]
        with config.changed(keras=release):
            model = Sequential([Activation("linear", input_shape=(2,))])
            model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
        for other in RELEASES:
            loaded = _saved_and_loaded(model, tmp_path, other)
            assert loaded.test_on_batch(p, t)[1] == expected

    @pytest.mark.parametrize("release", RELEASES)
    @pytest.mark.parametrize(
        ("width", "loss", "expected"),
        [
            (1, "mse", "binary_accuracy"),
            (3, "mse", "categorical_accuracy"),
            (3, "categorical_crossentropy", "categorical_accuracy"),
            (3, "sparse_categorical_crossentropy", "sparse_categorical_accuracy"),
        ],
    )
    def test_of_other_losses_it_is_the_same(self, width, loss, expected, release):
        output = Input((width,))
        targets = make_targets(["out"], [output], [None], loss, None, None)
        with config.changed(keras=release):
            _, [chosen] = make_metrics(targets, ["acc"])
            _, [named] = make_metrics(targets, [expected])
        assert chosen is named

    def test_show_accuracy_is_of_the_compiled_release(self):
        with config.changed(keras="1.2"):
            model = Sequential([Activation("linear", input_shape=(2,))])
            model.compile("sgd", "binary_crossentropy")
        p, t = [[0.9, 0.6], [0.1, 0.2]], [[1.0, 0.0], [0.0, 0.0]]
        assert model.test_on_batch(p, t, accuracy=True)[1] == 0.75


def _two_outputs() -> Model:
    """Outputs x and 2 x for targets of 0: losses 1 and |2|, the second counts three times."""
    x = Input((1,))
    a = Dense(1, weights=[[[1.0]], [0.0]], name="a")(x)
    b = Dense(1, weights=[[[2.0]], [0.0]], name="b")(x)
    model = Model(x, [a, b])
    model.compile("sgd", ["mse", "mae"], metrics=["mae"], loss_weights=[1.0, 3.0])
    return model


@pytest.mark.parametrize(
    ("release", "names", "values"),
    [
        ("1.0", ["loss", "a_mean_absolute_error", "b_mean_absolute_error"], [7, 1, 2]),
        (
            "1.2",
            ["loss", "a_loss", "b_loss", "a_mean_absolute_error", "b_mean_absolute_error"],
            [7, 1, 2, 1, 2],
        ),
    ],
)
def test_losses_of_several_outputs_stand_behind_the_total(release, names, values, tmp_path):
    with config.changed(keras=release):
        model = _two_outputs()
    data = [[1.0]], [[[0.0]], [[0.0]]]
    for other in RELEASES:
        loaded = _saved_and_loaded(model, tmp_path, other)
        assert loaded.metrics_names == names
        assert loaded.test_on_batch(*data) == pytest.approx(values)
        history = loaded.fit(*data, nb_epoch=1, verbose=0, validation_data=data).history
        assert set(history) == {*names, *(f"val_{name}" for name in names)}
        assert [history[name][0] for name in names] == pytest.approx(values)


def test_a_metric_cannot_have_the_name_of_an_outputs_loss():
    def loss(y_true, y_pred):
        return y_pred

    with config.changed(keras="1.2"):
        x = Input((1,))
        model = Model(x, [Dense(1, name="a")(x), Dense(1, name="b")(x)])
        with pytest.raises(ValueError, match="the name 'a_loss' is taken"):
            model.compile("sgd", "mse", metrics=[loss])


class TestTrainable:
    @pytest.mark.parametrize(("release", "trained"), [("1.0", False), ("1.2", True)])
    def test_when_it_is_read(self, release, trained, caplog):
        with config.changed(keras=release):
            model = _line()
        model.layers[0].trainable = False
        model.train_on_batch([[1.0]], [[0.0]])
        assert (model.get_weights()[0][0, 0] != 2.0) == trained
        expected = "was changed after the model was compiled" if trained else "nothing is trained"
        assert expected in caplog.text

    def test_a_model_inside_of_another_is_trained_alone_and_not_with_it(self):
        """A generative adversarial network freezes its discriminator so."""
        with config.changed(keras="1.2"):
            inside = _line()
            inside.trainable = False
            whole = Sequential([Dense(1, input_dim=1, weights=[[[1.0]], [0.0]]), inside])
            whole.compile("sgd", "mse")
        whole.train_on_batch([[1.0]], [[0.0]])
        first, _, second, _ = whole.get_weights()
        assert (first[0, 0] != 1.0, second[0, 0]) == (True, 2.0)
        inside.train_on_batch([[1.0]], [[0.0]])
        assert inside.get_weights()[0][0, 0] != 2.0


@pytest.mark.parametrize(("release", "dtype"), [("1.0", "float64"), ("1.2", "float32")])
def test_the_type_of_predictions(release, dtype):
    with config.changed(keras=release):
        model = _line()
        text = model.to_json()
    calls: list[Callable[[Model], np.ndarray]] = [
        lambda model: model.predict([[1.0]]),
        lambda model: model.predict_generator(iter([np.ones((1, 1))] * 12), 1),
    ]
    for other in RELEASES:
        with config.changed(keras=other):
            assert [call(model_from_json(text)).dtype for call in calls] == [dtype] * 2
    assert ("keras_version" in json.loads(text)) == (release == "1.2")


def test_the_loss_of_a_batch_may_be_read_as_the_list_of_0_3(monkeypatch, caplog):
    monkeypatch.setattr(LossAlone, "_logged", False)
    model = _line()
    loss = model.test_on_batch([[1.0]], [[0.0]])
    assert (loss, loss + 1, json.dumps(loss)) == (4.0, 5.0, "4.0")
    assert np.asarray([loss, loss]).shape == (2,)
    assert not caplog.records
    assert [loss[0], loss[0], *loss] == [4.0, 4.0, 4.0]
    [record] = caplog.records
    assert "no list of one as in Keras 0.3" in record.getMessage()
    with pytest.raises(IndexError, match="expected the index 0, received 1"):
        model.train_on_batch([[1.0]], [[0.0]])[1]
