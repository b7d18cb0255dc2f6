"""Small models, their files, and files of them that are changed."""

from __future__ import annotations

import json

import h5py
import numpy as np

from graphc.layers import Dense, Dropout
from graphc.models import Sequential

RNG = np.random.default_rng(5)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.normal(size=(12, 2)).astype("float32")


def chain(hidden=5) -> Sequential:
    return Sequential(
        [Dense(hidden, input_dim=4, name="first"), Dropout(0.5, name="drop"), Dense(2, name="last")]
    )


def trained(model=None, optimizer="adam", loss="mse", **arguments) -> Sequential:
    model = model or chain()
    model.compile(optimizer, loss, **arguments)
    model.fit(X, Y, batch_size=6, nb_epoch=2, verbose=0)
    return model


def saved(tmp_path, model=None):
    path = tmp_path / "model.h5"
    (model or trained()).save(path)
    return path


def set_text(file, name, text):
    """Change a text of a whole model on purpose: without its checksum, where it has one."""
    file.attrs[name] = text
    file["graphc"].attrs.pop(f"{name}_crc32", None)


def edited(path, edit):
    """The file, changed by h5py alone."""
    with h5py.File(path, "r+") as file:
        edit(file)
    return path


def with_loss(loss):
    def edit(file):
        config = json.loads(file.attrs["training_config"])
        set_text(file, "training_config", json.dumps({**config, "loss": loss}))

    return edit
