"""When training ends early, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import (
    BaseLogger,
    Callback,
    CallbackList,
    EarlyStopping,
    History,
    LearningRateScheduler,
    TerminateOnNaN,
)
from graphc.compiler.function import Pending
from graphc.config import config
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.training.loops import fit_loop
from graphc.errors import ArgumentError
from tests.callbacks.small_model import X, Y, compiled
from tests.linear_model import data, linear


class Says(Callback):
    """Puts one value after the other into the logs of the epochs."""

    def __init__(self, name, values):
        self.name, self.values = name, iter(values)

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = next(self.values)


def epochs_run(values, name="score", model=None, **arguments):
    """Return the number of epochs that EarlyStopping lets run where these are the monitored
    values."""
    stopping = EarlyStopping(monitor=name, **arguments)
    history = (model or compiled()).fit(
        X, Y, nb_epoch=len(values), verbose=0, callbacks=[Says(name, values), stopping]
    )
    return len(history.epoch)


class TestEarlyStopping:
    @pytest.mark.parametrize(
        ("patience", "values", "count"),
        [
            (0, [3, 2, 2.5, 1, 1], 3),  # the first bad epoch
            (2, [3, 4, 4, 4, 1], 4),  # the third one in a row
            (2, [3, 4, 4, 2, 4, 4, 1, 1], 8),  # a better epoch begins the count anew
            (1, [3, 4, 3, 1], 3),  # as good as the best is not better
            (0, [1, float("nan"), 0], 2),  # NaN is not better
            (0, [5, 4, 3], 3),
        ],
    )
    def test_the_epoch_behind_patience_bad_ones_is_the_last(self, patience, values, count):
        assert epochs_run(values, patience=patience) == count

    @pytest.mark.parametrize(
        ("name", "mode", "rises"),
        [
            ("score", "auto", False),
            ("val_acc", "auto", True),
            ("top_accuracy", "auto", True),
            ("val_acc", "min", False),
            ("score", "max", True),
            ("val_loss", "auto", False),
        ],
    )
    def test_better_is_less_or_more(self, name, mode, rises):
        rising, falling = [1, 2, 3, 4], [4, 3, 2, 1]
        assert epochs_run(rising, name, mode=mode) == (4 if rises else 2)
        assert epochs_run(falling, name, mode=mode) == (2 if rises else 4)

    @pytest.mark.parametrize("name", ["fmeasure", "val_auc", "precision", "out_recall"])
    def test_more_is_better_of_what_counts_hits(self, name):
        assert EarlyStopping(name)._monitor.rises

    @pytest.mark.parametrize(
        ("mode", "values", "count"),
        [("min", [3, 2.5, 2.4, 2.3], 3), ("max", [3, 3.5, 3.75, 4], 3), ("max", [3, 4, 5], 3)],
    )
    def test_better_by_more_than_a_least_difference(self, mode, values, count):
        assert epochs_run(values, mode=mode, min_delta=0.25) == count

    @pytest.mark.parametrize(("values", "epoch"), [([3, 2, 2.5, 1], 2), ([3, 2, 1], 0)])
    def test_the_epoch_that_ended_training_is_known(self, values, epoch):
        stopping = EarlyStopping(monitor="score")
        compiled().fit(
            X, Y, nb_epoch=len(values), verbose=0, callbacks=[Says("score", values), stopping]
        )
        assert stopping.stopped_epoch == epoch

    def test_the_operation_that_finds_a_better_value_may_be_set(self):
        stopping = EarlyStopping(monitor="score")
        assert stopping.monitor_op is np.less
        stopping.monitor_op = np.greater
        values = [1, 2, 3, 2, 1]
        history = compiled().fit(
            X, Y, nb_epoch=len(values), verbose=0, callbacks=[Says("score", values), stopping]
        )
        assert len(history.epoch) == 4
        assert EarlyStopping(monitor="acc").monitor_op is np.greater
        with pytest.raises(ArgumentError, match="monitor_op: expected np.less or np.greater"):
            stopping.monitor_op = min

    @pytest.mark.flags(keras="1.0")
    def test_the_order_of_arguments_is_that_of_the_release(self):
        first = EarlyStopping("loss", 3, 1, "max")
        assert (first.patience, first.verbose, first.mode, first.min_delta) == (3, 1, "max", 0)
        with config.changed(keras="1.2"):
            later = EarlyStopping("loss", 0.5, 3, 1, "max")
        assert (later.min_delta, later.patience, later.verbose, later.mode) == (0.5, 3, 1, "max")

    @pytest.mark.parametrize("stops", [True, False])
    def test_the_weights_of_the_best_epoch_come_back(self, stops):
        kept = []

        class Keeps(Callback):
            def on_epoch_end(self, epoch, logs=None):
                kept.append(self.model.get_weights())

        patience = 1 if stops else 9
        stopping = EarlyStopping("score", patience=patience, restore_best_weights=True)
        model, says = compiled(), Says("score", [3.0, 1.0, 2.0, 2.0, 2.0])
        history = model.fit(X, Y, nb_epoch=5, verbose=0, callbacks=[says, Keeps(), stopping])
        assert len(history.epoch) == (4 if stops else 5)
        for best, last, now in zip(kept[1], kept[-1], model.get_weights(), strict=True):
            np.testing.assert_array_equal(now, best)
            assert not np.array_equal(now, last)

    def test_values_of_training_and_validation_are_there(self):
        x, y = data(8)
        away = (x, y + 1e3 * np.arange(8)[:, None])  # no step towards the targets helps it
        stopping = EarlyStopping(monitor="loss", patience=5)
        history = linear(lr=1e-3).fit(x, y, nb_epoch=4, verbose=0, callbacks=[stopping])
        assert stopping.best == min(history.history["loss"]) == history.history["loss"][-1]
        stopping = EarlyStopping(mode="max")
        history = linear(lr=1e-3).fit(
            x, y, nb_epoch=9, verbose=0, validation_data=away, callbacks=[stopping]
        )
        assert stopping.best == max(history.history["val_loss"])

    def test_a_second_training_begins_anew(self):
        stopping, model = EarlyStopping(monitor="score"), compiled()
        for values, count in (([1, 5], 2), ([9, 8, 8, 8], 3)):
            says = Says("score", values)
            history = model.fit(X, Y, nb_epoch=4, verbose=0, callbacks=[says, stopping])
            assert len(history.epoch) == count
        assert (stopping.best, stopping.wait) == (8, 1)

    def test_a_missing_value_stops_nothing_and_is_logged_once(self, caplog):
        history = compiled().fit(X, Y, nb_epoch=3, verbose=0, callbacks=[EarlyStopping()])
        assert len(history.epoch) == 3
        assert caplog.messages == [
            "EarlyStopping does not stop anything: the logs of an epoch have no 'val_loss', they "
            "have 'loss', 'acc'; give fit validation_data or validation_split for the values with "
            "'val_'"
        ]
        caplog.clear()
        compiled().fit(X, Y, nb_epoch=1, verbose=0, callbacks=[EarlyStopping("accuracy")])
        assert caplog.messages == [
            "EarlyStopping does not stop anything: the logs of an epoch have no 'accuracy', they "
            "have 'loss', 'acc'"
        ]

    def test_an_epoch_without_the_value_does_not_count(self):
        class Sometimes(Callback):
            def on_epoch_end(self, epoch, logs=None):
                if epoch != 1:
                    logs["score"] = float(epoch)

        stopping = EarlyStopping("score", patience=1)
        history = compiled().fit(X, Y, nb_epoch=9, verbose=0, callbacks=[Sometimes(), stopping])
        assert len(history.epoch) == 4  # epochs 2 and 3 are bad ones

    def test_where_it_stopped_stands_below_the_line_of_the_epoch(self, capsys):
        says = Says("score", [2.0, 0.125, 3.0, 4.0])
        stopping = EarlyStopping("score", patience=1, verbose=1)
        compiled().fit(X, Y, nb_epoch=9, verbose=2, callbacks=[says, stopping])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(" - ")[0] for line in lines[:-1]] == [
            f"Epoch {number}/9" for number in (1, 2, 3, 4)
        ]
        assert lines[-1] == "Stopped early after epoch 4: score was not below 0.125 in 2 epochs"

    def test_nothing_is_printed_where_nothing_was_stopped_or_without_verbose(self, capsys):
        epochs_run([2, 1], verbose=1)
        epochs_run([1, 2, 3], verbose=0)
        assert capsys.readouterr().out == ""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"mode": "least"}, "EarlyStopping: mode: expected one of .*'auto'.*received 'least'"),
            ({"mode": None}, "EarlyStopping: mode: .*received None"),
            ({"min_delta": -1}, "EarlyStopping: min_delta: expected a number of at least 0"),
            ({"restore_best_weights": 2}, "restore_best_weights: expected True or False"),
            ({"patience": -1}, "EarlyStopping: patience: expected a whole number of at least 0"),
            ({"patience": 1.5}, "EarlyStopping: patience: .*received 1.5"),
            ({"monitor": 3}, "EarlyStopping: monitor: expected the name of a value.*received 3"),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(ArgumentError, match=message):
            EarlyStopping(**arguments)


class TestTerminateOnNaN:
    @pytest.mark.parametrize(("target", "loss"), [(-1.0, "nan"), (0.0, "-inf")])
    def test_one_batch_whose_loss_is_not_finite_ends_training(self, target, loss, caplog):
        def with_logarithm(y_true, y_pred):
            return K.mean(K.square(y_pred) + K.log(y_true), -1)  # gradients stay finite

        x, y = np.ones((6, 3)), np.ones((6, 1))
        y[3] = target
        model = linear(loss=with_logarithm)
        history = model.fit(x, y, batch_size=2, nb_epoch=5, verbose=0, callbacks=[TerminateOnNaN()])
        assert history.epoch == [0]
        assert np.all(np.isfinite(model.get_weights()[0]))
        (message,) = caplog.messages
        assert message.startswith(
            f"TerminateOnNaN ends training after epoch 1: its loss is {loss};"
        )
        assert "NanGuardMode" in message

    def test_finite_losses_go_on(self, caplog):
        x, y = data(6)
        history = linear().fit(x, y, nb_epoch=3, verbose=0, callbacks=[TerminateOnNaN()])
        assert len(history.epoch) == 3
        assert caplog.messages == []


def test_no_callback_waits_for_the_values_of_a_batch():
    events: list[str] = []

    def step(x):
        events.append("begin")
        return Pending(lambda: (events.append("wait"), [x.mean()])[1])

    watching = [EarlyStopping("loss"), TerminateOnNaN(), LearningRateScheduler(lambda epoch: 0.1)]
    listeners = CallbackList([BaseLogger(), *watching, History()])
    listeners._set_params({"metrics": ["loss"]})
    model = compiled()
    listeners._set_model(model)
    fit_loop(model, step, ArrayBatches([np.arange(5.0)], 2), ["loss"], range(1), listeners, None)
    assert events == ["begin"] * 3 + ["wait"] * 3
