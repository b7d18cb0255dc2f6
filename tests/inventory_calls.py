"""Calls of that time, made for true on small models: see `test_inventory`."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from graphc.errors import GraphcError
from graphc.layers.core import Dense
from graphc.models import Sequential
from graphc.regularizers import l2

X = np.random.RandomState(1).rand(8, 3)
Y = np.eye(2)[[0, 1] * 4]
DATA = {"x": X, "y": Y}

KEYWORDS = {"class_mode": "categorical", "show_accuracy": True, "accuracy": True, "overwrite": True}


def forever(batch: object) -> Iterator[object]:
    while True:
        yield batch


def saved_again(model: object, **keywords: object) -> None:
    """Over a file that is there; without the keyword it would ask on the terminal."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "weights.h5")
        model.save_weights(path)
        model.save_weights(path, **keywords)


SEQUENTIAL_CALLS: dict[str, Callable] = {
    "compile": lambda m, **k: m.compile("sgd", "categorical_crossentropy", **k),
    "fit": lambda m, **k: m.fit(X, Y, nb_epoch=1, verbose=0, **k),
    "evaluate": lambda m, **k: m.evaluate(X, Y, verbose=0, **k),
    "train_on_batch": lambda m, **k: m.train_on_batch(X, Y, **k),
    "test_on_batch": lambda m, **k: m.test_on_batch(X, Y, **k),
    "fit_generator": lambda m, **k: m.fit_generator(forever((X, Y)), 8, 1, verbose=0, **k),
    "evaluate_generator": lambda m, **k: m.evaluate_generator(forever((X, Y)), 8, **k),
    "save_weights": saved_again,
}
GRAPH_CALLS: dict[str, Callable] = {
    "fit": lambda m, **k: m.fit(DATA, nb_epoch=1, verbose=0, **k),
    "evaluate": lambda m, **k: m.evaluate(DATA, **k),
    "train_on_batch": lambda m, **k: m.train_on_batch(DATA, **k),
    "test_on_batch": lambda m, **k: m.test_on_batch(DATA, **k),
    "fit_generator": lambda m, **k: m.fit_generator(forever(DATA), 8, 1, verbose=0, **k),
    "evaluate_generator": lambda m, **k: m.evaluate_generator(forever(DATA), 8, **k),
    "save_weights": saved_again,
}


def legacy_call(module: object, owner: str, method: str, keyword: str) -> str | None:
    """Return what is wrong with a call that gives a keyword of Keras 0.3: it fails, or ignores
    it."""
    if not hasattr(module, owner):
        return "missing"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # some have no effect, and say so
            model = sequential() if owner == "Sequential" else graph(module.Graph())
            made = SEQUENTIAL_CALLS if owner == "Sequential" else GRAPH_CALLS
            result = made[method](model, **{keyword: KEYWORDS[keyword]})
    except (GraphcError, TypeError, AttributeError) as error:
        return str(error)
    if keyword not in ("show_accuracy", "accuracy"):
        return None
    accuracy = "acc" in "".join(result.history) if "fit" in method else np.shape(result) == (2,)
    return None if accuracy else f"no accuracy in {result}"


def sequential() -> Sequential:
    model = Sequential([Dense(2, input_dim=3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy")
    return model


def graph(model: object) -> object:
    model.add_input(name="x", input_shape=(3,))
    model.add_node(Dense(2, activation="softmax"), name="d", input="x")
    model.add_output(name="y", input="d")
    model.compile("sgd", {"y": "categorical_crossentropy"})
    return model


# What the calls of that time give for each keyword.
VALUES: dict[str, object] = {
    "output_dim": 2,
    "nb_filter": 2,
    "filter_length": 3,
    "nb_row": 2,
    "nb_col": 3,
    "init": "glorot_uniform",
    "inner_init": "orthogonal",
    "activation": "tanh",
    "inner_activation": "hard_sigmoid",
    "weights": None,
    "border_mode": "valid",
    "subsample_length": 1,
    "subsample": (1, 1),
    "dim_ordering": "th",
    "W_regularizer": l2(0.01),
    "b_regularizer": None,
    "W_constraint": None,
    "return_sequences": True,
    "go_backwards": False,
    "stateful": False,
    "input_dim": 3,
    "input_length": 5,
    "output_reconstruction": True,
    "function": lambda x: 2 * x,
    "output_shape": (3,),
}


def tried(make: Callable, *arguments: object, **keywords: object) -> str | None:
    try:
        make(*arguments, **keywords)
    except (GraphcError, TypeError, AttributeError) as error:
        return str(error)
    return None


def constructor(name: str) -> Callable:
    def call(module: object, keywords: Sequence[str]) -> str | None:
        if not hasattr(module, name):
            return "missing"
        coders = {"encoder": sequential(), "decoder": Sequential([Dense(3, input_dim=2)])}
        values = {key: (coders | VALUES)[key] for key in keywords}
        return tried(getattr(module, name), **values)

    return call


def graph_method(name: str) -> Callable:
    values = {"name": "n", "input_shape": (3,), "layer": Dense(2), "input": "x"}

    def call(module: object, keywords: Sequence[str]) -> str | None:
        if not hasattr(module, "Graph"):
            return "missing"
        model = module.Graph()
        if name != "add_input":
            model.add_input("x", (3,))
        return tried(getattr(model, name), **{key: values[key] for key in keywords})

    return call


CALLS_OF_THE_DECK: dict[str, Callable] = {
    name: constructor(name) for name in ("GRU", "Convolution1D", "Convolution2D", "AutoEncoder")
}
CALLS_OF_THE_DECK["Lambda"] = constructor("Lambda")
for _name in ("add_input", "add_node", "add_output"):
    CALLS_OF_THE_DECK[f"Graph.{_name}"] = graph_method(_name)
