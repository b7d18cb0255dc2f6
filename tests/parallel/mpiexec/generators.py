"""A model that is trained, evaluated and asked by generators of whole batches, then of own rows.

Argument: a folder, into which each rank writes what came of both.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from graphc.layers import Dense, Dropout
from graphc.models import Sequential
from graphc.parallel import own_rows, rank, size

X = np.random.RandomState(1).normal(size=(22, 5)).astype("float32")
Y = np.random.RandomState(2).randint(0, 3, 22)
WEIGHTS = np.random.RandomState(3).randint(0, 3, 22).astype("float32")
BATCH = 8  # the last one has 6: of four shards one has no rows


def batches(sharded: bool) -> Iterator[tuple]:
    while True:
        for start in range(0, len(X), BATCH):
            batch = [array[start : start + BATCH] for array in (X, Y, WEIGHTS)]
            rows = own_rows(len(batch[0])) if sharded else slice(None)
            yield tuple(array[rows] for array in batch)


def trained(sharded: bool) -> dict:
    np.random.seed(7)
    layers = [Dense(6, activation="relu", input_dim=5), Dropout(0.5), Dense(3)]
    model = Sequential([*layers, Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit_generator(
        *(batches(sharded), len(X), 2),
        verbose=0,
        validation_data=batches(sharded),
        nb_val_samples=14,
        sharded=sharded,
    )
    evaluated = model.evaluate_generator(batches(sharded), len(X), sharded=sharded)
    predicted = model.predict_generator(batches(sharded), len(X), sharded=sharded)
    digest = hashlib.sha256()
    for array in [*model.get_weights(), predicted]:
        digest.update(np.ascontiguousarray(array))
    return {
        "history": history.history,
        "evaluated": evaluated,
        "shape": predicted.shape,
        "hash": digest.hexdigest(),
    }


found = {"size": size(), "whole": trained(sharded=False), "own": trained(sharded=True)}
(Path(sys.argv[1]) / f"rank{rank()}.json").write_text(json.dumps(found))
