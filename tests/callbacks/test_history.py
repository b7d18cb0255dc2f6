"""The record of the epochs."""

from __future__ import annotations

from graphc.callbacks import BaseLogger, History


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
