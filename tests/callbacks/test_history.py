"""The record of the epochs."""

from __future__ import annotations

import pickle

from graphc.callbacks import BaseLogger, History
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
