"""Callbacks: who is told what and when, and what the progress prints."""

from __future__ import annotations

import io
import itertools
import logging
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from graphc import callbacks
from graphc.callbacks import BaseLogger, Callback, CallbackList, History, ProgressBar
from graphc.layers import Dense
from graphc.models import Sequential

X = np.arange(10.0).reshape(5, 2)
Y = np.ones((5, 1))


class Recorder(Callback):
    """Writes down every call, with the names in the logs."""

    def __init__(self):
        self.heard = []

    def on_train_begin(self, logs=None):
        self.heard.append(("train_begin", None, ()))

    def on_train_end(self, logs=None):
        self.heard.append(("train_end", None, ()))

    def on_epoch_begin(self, epoch, logs=None):
        self.heard.append(("epoch_begin", epoch, tuple(logs)))

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append(("epoch_end", epoch, tuple(sorted(logs))))

    def on_batch_begin(self, batch, logs=None):
        self.heard.append(("batch_begin", batch, (logs["batch"], logs["size"])))

    def on_batch_end(self, batch, logs=None):
        self.heard.append(("batch_end", batch, tuple(logs)))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def compiled():
    model = Sequential([Dense(1, input_dim=2)])
    model.compile("sgd", "mse", metrics=["accuracy"])
    return model


def test_the_order_of_calls_and_their_logs():
    recorder, model = Recorder(), compiled()
    model.fit(X, Y, 3, 1, 0, [recorder], validation_data=(X, Y))
    assert recorder.heard == [
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


def test_base_logger_weighs_batches_by_size():
    logger, logs = BaseLogger(), {}
    logger._set_params({"metrics": ["loss", "val_loss"]})
    logger.on_epoch_begin(0)
    logger.on_batch_end(0, {"batch": 0, "size": 3, "loss": 1.0})
    logger.on_batch_end(1, {"batch": 1, "size": 1, "loss": 5.0})
    logger.on_epoch_end(0, logs)
    assert logs == {"loss": 2.0}


def test_history_starts_anew_with_each_training():
    history = History()
    for _ in range(2):
        history.on_train_begin()
        history.on_epoch_end(0, {"loss": 1.0})
        history.on_epoch_end(1, {"loss": 0.5})
    assert (history.epoch, history.history) == ([0, 1], {"loss": [1.0, 0.5]})


def test_callbacks_may_come_from_an_iterator():
    seen = []

    class Note(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(epoch)

    compiled().fit(X, Y, nb_epoch=2, verbose=0, callbacks=(Note() for _ in range(1)))
    assert seen == [0, 1]


def test_slow_callbacks_are_told(caplog):
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


class TestProgress:
    def lines(self, verbose, capsys):
        compiled().fit(X, Y, nb_epoch=2, verbose=verbose, validation_data=(X, Y))
        return capsys.readouterr().out.splitlines()

    @pytest.mark.parametrize("verbose", [1, 2])
    def test_a_line_an_epoch_where_there_is_no_terminal(self, verbose, capsys):
        lines = self.lines(verbose, capsys)
        number = r"\d+\.\d{4}(e[-+]\d+)?"
        for epoch, line in enumerate(lines, start=1):
            pattern = (
                rf"Epoch {epoch}/2 - \d+\.\ds - loss: {number} - acc: {number} - "
                rf"val_loss: {number} - val_acc: {number}"
            )
            assert re.fullmatch(pattern, line), line
        assert len(lines) == 2

    def test_silence(self, capsys):
        assert self.lines(0, capsys) == []

    def test_a_bar_on_a_terminal_and_a_line_behind_it(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setattr(callbacks, "_REFRESH_SECONDS", 0.0)
        compiled().fit(X, Y, nb_epoch=1, batch_size=1, verbose=1)
        written = terminal.getvalue()
        assert "/5" in written
        assert "loss: " in written.split("Epoch 1/1 - ")[0]
        assert re.search(r"\rEpoch 1/1 - .*\n$", written)

    def test_an_interrupted_training_leaves_no_bar_behind(self, monkeypatch):
        class Interrupt(Callback):
            def on_batch_end(self, batch, logs=None):
                raise KeyboardInterrupt

        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        model = compiled()
        with pytest.raises(KeyboardInterrupt) as kept:
            model.fit(X, Y, nb_epoch=1, callbacks=[Interrupt()])
        model.fit(X, Y, nb_epoch=1)
        del kept  # until here the frames are held, and with them the bar, as a notebook does
        # tqdm moves the cursor down and up for a bar below one that is still there.
        assert "\x1b[A" not in terminal.getvalue()

    def test_a_stdout_that_can_only_write(self, monkeypatch):
        class Tee:
            def __init__(self):
                self.text = ""

            def write(self, text):
                self.text += text

            def flush(self):
                pass

        tee = Tee()
        monkeypatch.setattr(sys, "stdout", tee)
        model = compiled()
        model.fit(X, Y, nb_epoch=1)
        model.evaluate(X, Y)
        assert tee.text.startswith("Epoch 1/1 - ")

    def test_the_bar_refreshes_at_most_20_times_a_second(self, monkeypatch):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stdout", terminal)
        clock = itertools.count(step=0.001)  # a millisecond passes each time it is read
        monkeypatch.setattr("graphc.callbacks.time", SimpleNamespace(perf_counter=clock.__next__))
        bar = ProgressBar(2_000, "busy")
        before = terminal.getvalue().count("busy")
        for _ in range(2_000):
            bar.update({"size": 1, "loss": 0.5})
        assert 35 <= terminal.getvalue().count("busy") - before <= 40  # in 2 seconds
        bar.close()

    def test_means_so_far_weigh_batches_by_size(self, monkeypatch):
        monkeypatch.setattr(sys, "stdout", Terminal())
        bar = ProgressBar(4, "epoch")
        bar.update({"size": 3, "loss": 1.0})
        bar._drawn = 0.0
        bar.update({"size": 1, "loss": 5.0})
        assert bar._bar.postfix == "loss: 2.0000"
        bar.close()
