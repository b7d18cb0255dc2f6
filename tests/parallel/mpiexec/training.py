"""Small models that are trained, evaluated and asked for predictions; each rank writes its results.

Arguments: a folder to write files into, the names of the models, by commas.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np

from graphc.callbacks import CSVLogger, EarlyStopping, LambdaCallback, ModelCheckpoint
from graphc.layers import (
    LSTM,
    BatchNormalization,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GaussianNoise,
    TimeDistributed,
)
from graphc.models import Sequential
from graphc.optimizers import SGD
from graphc.parallel import rank

folder, wanted = Path(sys.argv[1]), sys.argv[2].split(",")
draw = np.random.RandomState(5)
# 22 samples in batches of 8: the last one, of 6, has 2, 2, 2 and no rows in four shards.
X = draw.normal(size=(22, 12)).astype("float32")
WORDS = draw.randint(0, 9, (22, 6))
LABELS = draw.randint(0, 3, 22)
WEIGHTS = draw.randint(0, 3, 22).astype("float32")


def dropout() -> tuple[Sequential, np.ndarray, object]:
    layers = [
        Dense(16, activation="relu", input_dim=12),
        Dropout(0.5),
        Dense(3, activation="softmax"),
    ]
    return Sequential(layers), X, "adam"


def masked() -> tuple[Sequential, np.ndarray, object]:
    """Embeddings with masks, and a loop that draws."""
    layers = [
        Embedding(9, 5, mask_zero=True, input_length=6),
        LSTM(4, dropout_W=0.3),
        Dense(3, activation="softmax"),
    ]
    return Sequential(layers), WORDS, "rmsprop"


def normalized() -> tuple[Sequential, np.ndarray, object]:
    layers = [Dense(8, input_dim=12), BatchNormalization(), Dense(3, activation="softmax")]
    return Sequential(layers), X, "sgd"


def clipped() -> tuple[Sequential, np.ndarray, object]:
    """A norm over all gradients, penalties, a constraint."""
    layers = [
        GaussianNoise(0.1, input_shape=(12,)),
        Dense(8, W_regularizer="l2", W_constraint="maxnorm", activation="tanh"),
        Dense(3, activation="softmax"),
    ]
    return Sequential(layers), X, SGD(lr=0.1, momentum=0.9, clipnorm=0.05)


def wide() -> tuple[Sequential, np.ndarray, object]:
    """Weights whose gradients are computed from the rows of all shards."""
    layers = [
        Embedding(999, 48, input_length=6),
        Flatten(),
        Dense(260, activation="tanh"),
        Dropout(0.3),
        Dense(3, activation="softmax"),
    ]
    return Sequential(layers), WORDS, "adam"


def steps() -> tuple[Sequential, np.ndarray, object]:
    layers = [
        Embedding(9, 4, input_length=6),
        TimeDistributed(Dense(3)),
        LSTM(3),
        Dense(3, activation="softmax"),
    ]
    return Sequential(layers), WORDS, "adagrad"


def hashed(arrays: list) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()[:16]


def trained(make: Callable[[], tuple]) -> dict:
    """Train a model. Return the results, and the values that every rank has of them."""
    if rank() == 0:  # other ranks have other weights until they train
        np.random.seed(7)
    model, x, optimizer = make()
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    untrained = model.predict(x, batch_size=8)
    seen: list = []
    callbacks = [
        EarlyStopping(monitor="loss", patience=0, min_delta=10.0),
        LambdaCallback(on_batch_end=lambda batch, logs: seen.append(float(logs["loss"]))),
    ]
    name = make.__name__
    callbacks += [
        ModelCheckpoint(str(folder / f"{name}.h5")),
        CSVLogger(str(folder / f"{name}.csv")),
    ]
    history = model.fit(
        *(x, LABELS),
        batch_size=8,
        nb_epoch=9,
        validation_split=0.2,
        sample_weight=WEIGHTS,
        callbacks=callbacks,
        verbose=2,
    ).history
    losses = [model.train_on_batch(x[:7], LABELS[:7])]
    predicted = model.predict(x, batch_size=8)
    for batch_size in (8, len(x)):  # in several batches, and in one
        on_first = model.predict(x, batch_size=batch_size, on_first_rank_only=True)
        assert (on_first is None) == (rank() > 0)
        assert on_first is None or on_first.shape == predicted.shape
        assert on_first is None or batch_size != 8 or (on_first == predicted).all()
    return {
        "untrained": hashed([untrained]),
        "weights": hashed(model.get_weights()),
        "state": hashed(model.optimizer.get_state()),
        "history": history,
        "batches": seen,
        "on_batch": np.ravel(losses).tolist(),
        "evaluated": model.evaluate(x, LABELS, batch_size=8, verbose=0),
        "predicted": hashed([predicted]),
    }


found = {one: trained(globals()[one]) for one in wanted}
(folder / f"rank{rank()}.json").write_text(json.dumps(found))
