"""Ranks that differ in one way after the other: each tells what its start together raises.

What is changed on rank 1 is given back; the ranks do not end, since nothing tells them of an error.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from unittest import mock

import numpy as np

from graphc.callbacks import LambdaCallback
from graphc.config import config
from graphc.engine.data.array_batches import ArrayBatches
from graphc.engine.training import synchronising
from graphc.errors import RankError
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.optimizers import SGD
from graphc.parallel import mpi
from graphc.parallel.agreement import gather

ranks = mpi.join_mpi()
is_other = ranks.rank == 1
ROWS = 3000
X = np.random.RandomState(1).normal(size=(ROWS, 5)).astype("float32")
Y = np.ones((ROWS, 1), "float32")


def error_of(call: Callable[[], object]) -> str:
    try:
        call()
    except RankError as error:
        return str(error)
    return ""


def begin(x: np.ndarray = X, rate: float = 0.1, activation: str = "tanh") -> None:
    model = Sequential([Dense(4, input_dim=5, activation=activation), Dense(1)])
    model.compile(SGD(lr=rate), "mse")
    compiled = model._graphc_trainer.compiled
    compiled.shards = 2
    weights = np.ones(len(x), "float32")
    batches = ArrayBatches([x, Y[: len(x)], weights], 8)
    synchronising.synchronise(ranks, compiled, "m.fit", batches)


@contextmanager
def other(name: str, value: object):
    """Something else on rank 1."""
    with ExitStack() as stack:
        if is_other:
            stack.enter_context(mock.patch.object(synchronising, name, value))
        yield


def changed_row() -> np.ndarray:
    x = X.copy()
    x[1234, 2] += is_other
    return x


def flags() -> None:
    with config.changed(epsilon=1e-3 if is_other else config.epsilon):
        begin()


def validation() -> None:
    model = Sequential([Dense(1, input_dim=5)])
    model.compile("sgd", "mse")
    model._graphc_trainer.compiled.shards = 2
    batches = ArrayBatches([X, Y, Y[:, 0]], 8)
    compiled = model._graphc_trainer.compiled
    synchronising.synchronise(ranks, compiled, "m.fit", batches, [changed_row()])


def of_calls() -> dict[str, str]:
    """Other data in each call that takes a batch or all samples, whose lengths differ, too."""
    model = Sequential([Dense(1, input_dim=5)])
    model.compile("sgd", "mse")
    x, y = changed_row()[:1300], Y[:1300]
    shorter = X[: 16 - is_other]
    batch = changed_row()[1230:1240]
    calls: dict[str, Callable[[], object]] = {
        "evaluate": lambda: model.evaluate(x, y, verbose=0),
        "predict": lambda: model.predict(shorter, batch_size=4),
        "test_on_batch": lambda: model.test_on_batch(batch, y[:10]),
        "predict_on_batch": lambda: model.predict_on_batch(batch),
        "train_on_batch": lambda: model.train_on_batch(batch, y[:10]),
    }
    with mock.patch.object(type(ranks), "failed"):
        return {name: error_of(call) for name, call in calls.items()}


def rate_of_a_callback() -> None:
    model = Sequential([Dense(1, input_dim=5)])
    model.compile(SGD(lr=0.5), "mse")
    change = LambdaCallback(
        on_epoch_begin=lambda epoch, logs: epoch and is_other and model.optimizer.lr.set_value(0.25)
    )
    with mock.patch.object(type(ranks), "failed"):
        model.fit(X[:8], Y[:8], nb_epoch=3, verbose=0, callbacks=[change])


found = {
    "rate of a callback": error_of(rate_of_a_callback),
    "nothing": error_of(begin),
    "row": error_of(lambda: begin(changed_row())),
    "length": error_of(lambda: begin(X[: 100 + is_other])),
    "rate": error_of(lambda: begin(rate=0.2 if is_other else 0.1)),
    "graph": error_of(lambda: begin(activation="relu" if is_other else "tanh")),
    "flags": error_of(flags),
    "validation": error_of(validation),
}
for name, value in [
    ("__version__", "0.0.1"),
    ("_cpp_compiler", lambda: "another++ 1.0"),
    ("_processor", lambda: "another processor"),
]:
    with other(name, value):
        found[name] = error_of(begin)
found.update(of_calls())
if is_other:
    logging.getLogger("graphc").warning("nobody else sees it")
logging.getLogger("graphc").warning("all see it")
every = gather(ranks, json.dumps(found).encode())
if ranks.rank == 0:
    print(json.dumps([json.loads(one) for one in every]), flush=True)
