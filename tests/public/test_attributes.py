"""Attributes of models and optimizers of PyTorch and later releases of Keras are told."""

from __future__ import annotations

import pickle
import re

import numpy as np
import pytest

from graphc import backend as K
from graphc import utils
from graphc.callbacks import EarlyStopping, LearningRateScheduler
from graphc.config import config
from graphc.engine import Input, Layer, Model
from graphc.errors import (
    ArgumentCountError,
    ArgumentError,
    AttributeMissingError,
    DTypeError,
    KeywordError,
    MissingKeyError,
    UnknownFlagError,
)
from graphc.later.attributes import (
    OF_CALLBACKS,
    OF_CONFIG,
    OF_FOLDERS,
    OF_LAYERS,
    OF_MODELS,
    OF_OPTIMIZERS,
)
from graphc.layers import BatchNormalization, Dense
from graphc.models import Sequential
from graphc.optimizers import SGD, Adam, Optimizer
from graphc.preprocessing.image import ImageDataGenerator, array_to_img
from graphc.regularizers import l2
from graphc.wrappers.scikit_learn import KerasClassifier

X, Y = np.zeros((4, 3)), np.zeros((4, 2))


def small():
    model = Sequential([Dense(2, input_dim=3)], name="small")
    model.compile("sgd", "mse", metrics=["accuracy"])
    return model


@pytest.mark.parametrize("name", OF_MODELS)
def test_of_models(name):
    with pytest.raises(AttributeMissingError, match=f"^small has no '{name}': [^ ]"):
        getattr(small(), name)
    assert not hasattr(Model, name)


@pytest.mark.parametrize("name", OF_CONFIG)
def test_of_the_flags(name):
    with pytest.raises(UnknownFlagError, match=f"^config has no '{name}': [^ ]"):
        getattr(config, name)
    assert not hasattr(config, name)
    assert all(hasattr(K, one) for one in re.findall(r"K\.(\w+)", OF_CONFIG[name]))


@pytest.mark.parametrize("name", OF_LAYERS)
def test_of_layers(name):
    class Mine(Layer):
        def build(self, input_shape):
            setattr(self, name, 3)

    with pytest.raises(AttributeMissingError, match=f"^d has no '{name}': [^ ]"):
        getattr(Dense(2, name="d"), name)
    layer = Mine()
    assert not hasattr(layer, name)
    layer(Input((3,)))
    assert getattr(layer, name) == 3


def test_of_generators_of_images(tmp_path):
    generator = ImageDataGenerator()
    with pytest.raises(AttributeMissingError, match="ImageDataGenerator has no 'flow_from_data"):
        _ = generator.flow_from_dataframe
    (tmp_path / "a").mkdir()
    array_to_img(np.zeros((1, 2, 2)), dim_ordering="th").save(tmp_path / "a" / "one.png")
    folder = generator.flow_from_directory(str(tmp_path))
    for name in OF_FOLDERS:
        with pytest.raises(AttributeMissingError, match=f"DirectoryIterator has no '{name}': here"):
            getattr(folder, name)


@pytest.mark.parametrize("name", OF_OPTIMIZERS)
def test_of_optimizers(name):
    with pytest.raises(AttributeMissingError, match=f"^Adam has no '{name}': [^ ]"):
        getattr(Adam(), name)


@pytest.mark.parametrize("name", OF_CALLBACKS)
def test_of_callbacks(name):
    class Mine(EarlyStopping):
        def on_train_begin(self, logs=None):
            setattr(self, name, 3)

    mine = Mine()
    with pytest.raises(AttributeMissingError, match=f"^Mine has no '{name}': [^ ]"):
        getattr(mine, name)
    mine.on_train_begin()
    assert getattr(mine, name) == 3


def test_a_model_has_a_history_from_its_first_fit_on():
    model = small()
    assert not hasattr(model, "history")
    with pytest.raises(AttributeMissingError, match="small has no 'history': fit and fit_gen"):
        model.history["loss"]
    assert model.fit(X, Y, nb_epoch=1, verbose=0) is model.history


def test_the_rate_is_not_set_by_another_name():
    model = small()
    with pytest.raises(AttributeMissingError, match="SGD has no 'learning_rate': here it is lr"):
        model.optimizer.learning_rate = 0.1
    with pytest.raises(AttributeMissingError, match="K.set_value.optimizer.lr"):
        K.set_value(model.optimizer.learning_rate, 0.1)


def test_a_programs_own_classes_may_have_them():
    class Mine(SGD):
        def __init__(self):
            super().__init__(lr=0.5)
            self.learning_rate = 3

        def step(self):
            return self.learning_rate

    class MyModel(Model):
        def train(self):
            return "mine"

    assert Mine().step() == 3
    x = Input((3,))
    model = MyModel(x, Dense(2)(x))
    assert model.train() == "mine"
    model.to = 4
    assert model.to == 4
    assert isinstance(Mine(), Optimizer)


def test_the_error_for_a_missing_name_of_a_history_lists_its_names():
    history = small().fit(X, Y, nb_epoch=1, verbose=0).history
    for name, beginning in {
        "accuracy": "history has no 'accuracy': here it is 'acc'. It has loss, acc",
        "val_loss": "history has no 'val_loss': fit(..., validation_data=(x, y)) or validation_sp",
        "mae": "history has no 'mae'. It has loss, acc",
    }.items():
        with pytest.raises(MissingKeyError) as raised:
            history[name]
        assert str(raised.value).startswith(beginning)
    assert history.get("accuracy") is None
    assert pickle.loads(pickle.dumps(history)) == history == dict(history)


def generator():
    while True:
        yield X, Y


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (
            lambda: small().fit(generator(), nb_epoch=1),
            ArgumentCountError,
            "small.fit: 'y' is missing; a generator goes to small.fit_generator",
        ),
        (
            lambda: small().fit((X, Y)),
            ArgumentCountError,
            "small.fit: 'y' is missing: inputs and targets are two arguments, small.fit\\(x, y\\)$",
        ),
        (
            lambda: small().train_on_batch([X, Y]),
            ArgumentCountError,
            "small.train_on_batch: 'y' is missing: inputs and targets are two arguments",
        ),
        (
            lambda: Model([Input((3,)), Input((3,))]),
            ArgumentCountError,
            "^Model: 'output' is missing$",
        ),
        (
            lambda: KerasClassifier(model=small),
            ArgumentError,
            "build_fn: expected a function .*, received None; give build_fn=make_model",
        ),
        (
            lambda: small().fit(X, Y, steps_per_epoch=3),
            KeywordError,
            "'steps_per_epoch': it came with Keras 2 or 3; an epoch of arrays goes to their end",
        ),
        (lambda: BatchNormalization(center=True), KeywordError, "a normalization has a beta"),
        (lambda: l2(l2=0.01), KeywordError, "l2: unknown keyword 'l2': here it is 'l'"),
        (
            lambda: Sequential([Input((3,)), Dense(2)]),
            ArgumentError,
            "a Sequential has no Input, its first layer takes input_shape=",
        ),
        (
            lambda: type("Mine", (Model,), {})(),
            ArgumentCountError,
            "Mine: 'input' and 'output' are missing; a Model is made of tensors",
        ),
        (
            lambda: LearningRateScheduler(lambda epoch, lr: lr / 2),
            ArgumentError,
            "called with the epoch's number alone, received one of \\(epoch, lr\\): .*get_value",
        ),
        (
            lambda: K.cast(K.variable(1.0), "float"),
            DTypeError,
            "cast: expected a dtype out of .*, float64, received 'float'",
        ),
        (
            lambda: utils.np_utils.to_categorical([0], num_classes=2),
            KeywordError,
            "'num_classes': here it is 'nb_classes'",
        ),
    ],
)
def test_other_mistakes(mistake, error, message):
    with pytest.raises(error, match=message):
        mistake()
