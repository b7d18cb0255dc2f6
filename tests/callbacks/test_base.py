"""Who is told what, and when."""

from __future__ import annotations

import logging
import time

import numpy as np
import pytest

from graphc import callbacks
from graphc.callbacks import Callback, CallbackList, LambdaCallback
from graphc.errors import ArgumentError
from tests.callbacks.small_model import X, Y, compiled


class Recorder(Callback):
    """Writes down every call, with the names in the logs."""

    def __init__(self):
        self.received = []

    def on_train_begin(self, logs=None):
        self.received.append(("train_begin", None, ()))

    def on_train_end(self, logs=None):
        self.received.append(("train_end", None, ()))

    def on_epoch_begin(self, epoch, logs=None):
        self.received.append(("epoch_begin", epoch, tuple(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.received.append(("epoch_end", epoch, tuple(sorted(logs))))

    def on_batch_begin(self, batch, logs=None):
        self.received.append(("batch_begin", batch, (logs["batch"], logs["size"])))

    def on_batch_end(self, batch, logs=None):
        self.received.append(("batch_end", batch, tuple(logs)))


def test_the_order_of_calls_and_their_logs():
    recorder, model = Recorder(), compiled()
    model.fit(X, Y, 3, 1, 0, [recorder], validation_data=(X, Y))
    assert recorder.received == [
        ("train_begin", None, ()),
        ("epoch_begin", 0, ()),
        ("batch_begin", 0, (0, 3)),
        ("batch_end", 0, ("batch", "size", "loss", "acc")),
        ("batch_begin", 1, (1, 2)),
        ("batch_end", 1, ("batch", "size", "loss", "acc")),
        ("epoch_end", 0, ("acc", "loss", "val_acc", "val_loss")),
        ("train_end", None, ()),
    ]
    assert recorder.model is model
    assert recorder.params["metrics"] == ["loss", "acc", "val_loss", "val_acc"]
    assert (recorder.params["nb_sample"], recorder.params["do_validation"]) == (5, True)


def test_those_of_the_user_stand_between_the_means_and_the_record(capsys):
    class Changes(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["before"] = logs["loss"]
            logs["loss"] = 8.0

    class Reads(Callback):
        def on_epoch_end(self, epoch, logs=None):
            assert logs["loss"] == 8.0

    model = compiled()
    expected = model.evaluate(X, Y, verbose=0)[0]
    history = model.fit(X, Y, nb_epoch=1, verbose=2, callbacks=[Changes(), Reads()])
    assert history.history["before"] == [pytest.approx(expected, rel=1e-6)]
    assert history.history["loss"] == [8.0]
    assert "loss: 8.0000" in capsys.readouterr().out


def test_callbacks_may_come_from_an_iterator():
    seen = []

    class Note(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    compiled().fit(X, Y, nb_epoch=2, verbose=0, callbacks=(Note() for _ in range(1)))
    assert seen == [0, 1]


class LacksLogs(Callback):
    def on_batch_end(self, batch):
        raise AssertionError


class LacksSelf(Callback):
    def on_train_end(logs):
        raise AssertionError


class Wants(Callback):
    def on_epoch_begin(self, epoch, logs, model):
        raise AssertionError


class NoFunction(Callback):
    on_batch_begin = "no"


@pytest.mark.parametrize(
    ("callback", "message"),
    [
        (
            LacksLogs(),
            r"LacksLogs.on_batch_end: .* called with \(self, batch, logs\), received one",
        ),
        (
            LacksSelf(),
            r"LacksSelf.on_train_end: .* called with \(self, logs\), received one of \(l",
        ),
        (Wants(), r"Wants.on_epoch_begin: .*received one of \(self, epoch, logs, model\): missing"),
        (NoFunction(), r"NoFunction.on_batch_begin: expected a function, received 'no'"),
        (
            LambdaCallback(on_epoch_end=lambda epoch: None),
            r"LambdaCallback.on_epoch_end: .* called with \(epoch, logs\), received one of \(epoch",
        ),
    ],
)
def test_a_method_that_cannot_be_called_is_an_error_before_training(callback, message):
    model = compiled()
    before = model.get_weights()
    with pytest.raises(ArgumentError, match=rf"fit: {message}"):
        model.fit(X, Y, verbose=0, callbacks=[callback])
    for mine, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(mine, then)


def test_methods_may_name_their_arguments_as_they_like():
    received = []

    class Note(Callback):
        def on_batch_end(self, *args, **kwargs):
            received.append(args)

        def on_epoch_end(self, k, data={}, more=3):  # noqa: B006
            received.append(k)

        @staticmethod
        def on_train_end(logs):
            received.append("end")

    compiled().fit(X, Y, 5, 1, verbose=0, callbacks=[Note()])
    assert received[1:] == [0, "end"]
    assert received[0][0] == 0


def test_slow_callbacks_are_logged(caplog):
    class Slow(Callback):
        def on_batch_end(self, batch, logs=None):
            time.sleep(0.11)

    listeners = CallbackList([Slow()])
    with caplog.at_level(logging.WARNING, "graphc"):
        for batch in range(2):
            listeners.on_batch_begin(batch)
            listeners.on_batch_end(batch, {"size": 1})
    assert [record.getMessage().split(" takes")[0] for record in caplog.records] == [
        "on_batch_end of the callbacks"
    ]


def test_who_writes_for_all_ranks_is_the_first():
    alone = {one for one in vars(callbacks).values() if getattr(one, "on_first_rank_only", False)}
    assert alone == {
        callbacks.CSVLogger,
        callbacks.ModelCheckpoint,
        callbacks.RemoteMonitor,
        callbacks.TensorBoard,
    }
