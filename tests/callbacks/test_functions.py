"""Callbacks out of plain functions."""

from __future__ import annotations

import pytest

from graphc.callbacks import LambdaCallback
from graphc.errors import ArgumentError, KeywordError
from tests.callbacks.small_model import X, Y, compiled


def test_functions_are_called_at_their_moments():
    received = []
    callback = LambdaCallback(
        on_train_begin=lambda logs: received.append(("train_begin", dict(logs))),
        on_epoch_begin=lambda epoch, logs: received.append(("epoch_begin", epoch)),
        on_batch_begin=lambda batch, logs: received.append(("batch_begin", batch, logs["size"])),
        on_batch_end=lambda batch, logs: received.append(("batch_end", batch, "loss" in logs)),
        on_epoch_end=lambda epoch, logs: received.append(("epoch_end", epoch, sorted(logs))),
        on_train_end=lambda logs: received.append(("train_end", dict(logs))),
    )
    model = compiled()
    model.fit(X, Y, 3, 1, 0, [callback])
    assert received == [
        ("train_begin", {}),
        ("epoch_begin", 0),
        ("batch_begin", 0, 3),
        ("batch_end", 0, True),
        ("batch_begin", 1, 2),
        ("batch_end", 1, True),
        ("epoch_end", 0, ["acc", "loss"]),
        ("train_end", {}),
    ]
    assert callback.model is model


def test_one_function_alone_by_position():
    begun = []
    compiled().fit(
        X,
        Y,
        nb_epoch=2,
        verbose=0,
        callbacks=[LambdaCallback(lambda epoch, _: begun.append(epoch))],
    )
    assert begun == [0, 1]


def test_further_keywords_are_attributes():
    callback = LambdaCallback(note="mine", set_model=lambda model: seen.append(model))
    seen = []
    assert callback.note == "mine"
    model = compiled()
    model.fit(X, Y, nb_epoch=1, verbose=0, callbacks=[callback])
    assert seen == [model]
    with pytest.raises(KeywordError, match="'on_epoch_ends'. .*'on_epoch_end'"):
        LambdaCallback(on_epoch_ends=print)


@pytest.mark.parametrize(
    ("name", "takes"),
    [("on_epoch_end", "epoch, logs"), ("on_batch_begin", "batch, logs"), ("on_train_end", "logs")],
)
def test_something_else_than_a_function(name, takes):
    with pytest.raises(
        ArgumentError,
        match=rf"LambdaCallback: {name}: expected a function \({takes}\) or None, received 'x'",
    ):
        LambdaCallback(**{name: "x"})
