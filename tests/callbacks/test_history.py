"""The record of the epochs."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from graphc.callbacks import BaseLogger, History
from graphc.callbacks.logs import BatchLogs, Means
from graphc.errors import MissingKeyError
from tests.callbacks.small_model import X, Y, compiled


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
    assert repr(history) == "<History: no epoch>"
    for _ in range(2):
        history.on_train_begin()
        history.on_epoch_end(0, {"loss": 1.0})
        history.on_epoch_end(1, {"loss": 0.5})
    assert (history.epoch, history.history) == ([0, 1], {"loss": [1.0, 0.5]})
    assert repr(history) == "<History: loss 0.5>"


def test_a_history_pickles_without_its_model():
    history = compiled().fit(X, Y, nb_epoch=2, verbose=0)
    again = pickle.loads(pickle.dumps(history))
    assert (again.epoch, again.history, again.params) == (
        *(history.epoch, history.history, history.params),
    )
    assert again.model is None
    assert history.model is not None


def test_logs_may_be_left_out():
    history, logger = History(), BaseLogger()
    logger.on_epoch_begin(0)
    logger.on_epoch_end(0)
    history.on_train_begin()
    history.on_epoch_end(0)
    assert history.epoch == [0]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("accuracy", ": here it is 'acc'. "),
        ("val_accuracy", ": compile(..., metrics=['accuracy']) makes it. "),
        ("val_mse", ": fit(..., validation_data=(x, y)) or validation_split makes it. "),
        ("mse", ". "),
    ],
)
def test_a_value_that_is_not_there_names_those_that_are(name, hint):
    history = History()
    history.on_train_begin()
    history.on_epoch_end(0, {"loss": 1.0, "acc": 0.5})
    with pytest.raises(MissingKeyError) as raised:
        history.history[name]
    assert str(raised.value) == f"history has no {name!r}{hint}It has loss, acc"
    assert history.history.get(name) is None


def test_an_empty_history_has_nothing():
    history = History()
    history.on_train_begin()
    with pytest.raises(MissingKeyError, match="has no 'acc': compile.* It has nothing"):
        history.history["acc"]


def test_logs_of_a_batch_are_a_mapping_that_reads_once_and_late():
    calls = []
    logs = BatchLogs(3, 16)
    logs.expect(["loss", "acc"], lambda: calls.append(1) or (np.float32(0.5), np.float32(0.25)))
    logs["acc"] = 1.0
    assert (list(logs), len(logs), logs["size"], logs["acc"]) == (
        ["batch", "size", "loss", "acc"],
        4,
        16,
        1.0,
    )
    early = logs.copy()
    assert calls == []
    assert (logs["loss"], type(logs["loss"])) == (0.5, float)
    assert (dict(logs), calls) == ({"batch": 3, "size": 16, "loss": 0.5, "acc": 1.0}, [1])
    assert repr(logs) == "{'batch': 3, 'size': 16, 'loss': 0.5, 'acc': 1.0}"
    del logs["loss"]
    assert "loss" not in logs
    assert early["loss"] == 0.5


def test_means_of_many_batches_keep_few_unread():
    means, read = Means(), []
    for batch in range(300):
        logs = BatchLogs(batch, 2 + batch % 2)
        logs.expect(["loss"], lambda batch=batch: read.append(batch) or (float(batch),))
        means.add(logs)
        assert len(read) == (0 if batch < 256 else 128)  # the oldest half
    sizes = 2 + np.arange(300) % 2
    assert means.means() == pytest.approx({"loss": np.average(np.arange(300), weights=sizes)})
    assert read == list(range(300))
