"""Methods that programs override in classes of their own are called wherever Keras calls them."""

from __future__ import annotations

import numpy as np
import pytest

from graphc import backend as K
from graphc.callbacks import EarlyStopping, ModelCheckpoint
from graphc.config import config
from graphc.engine import Input, Layer, Model
from graphc.layers import Dense, Dropout, TimeDistributed
from graphc.legacy.models import Graph
from graphc.models import Sequential, load_model, model_from_json, save_model
from graphc.wrappers.scikit_learn import KerasClassifier, KerasRegressor

X = np.arange(12.0).reshape(4, 3) / 12
Y = np.array([[0.0], [1.0], [0.0], [1.0]])
FIT = {"nb_epoch": 1, "verbose": 0}


@pytest.fixture(autouse=True)
def _interpreted():
    with config.changed(cpu="numpy"):
        yield


def counting(base: type, *names: str) -> type:
    """Return a subclass whose methods of these names count their calls, and go on to `base`."""

    class Own(base):
        calls: list[str] = []  # noqa: RUF012  (of all objects of the class)

    def method(name: str):
        def overriding(self, *args, **kwargs):
            Own.calls.append(name)
            return getattr(super(Own, self), name)(*args, **kwargs)

        return overriding

    for name in names:
        setattr(Own, name, method(name))
    return Own


def sequential(*names: str) -> Sequential:
    own = counting(Sequential, *names)
    model = own([Dense(1, input_dim=3, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def checkpoint(path, weights_only: bool):
    return ModelCheckpoint(str(path / "file.h5"), save_weights_only=weights_only)


def by_wrapper(kind: type, model: Sequential):
    wrapper = kind(lambda: model, **FIT)
    wrapper.fit(X, Y[:, 0])
    return wrapper


OF_MODELS = {
    "a checkpoint saves": (
        "save",
        lambda model, path: model.fit(X, Y, callbacks=[checkpoint(path, False)], **FIT),
    ),
    "a checkpoint saves weights": (
        "save_weights",
        lambda model, path: model.fit(X, Y, callbacks=[checkpoint(path, True)], **FIT),
    ),
    "save_model saves": ("save", lambda model, path: save_model(model, str(path / "m.h5"))),
    "the best weights are read": (
        "get_weights",
        lambda model, path: model.fit(
            X, Y, callbacks=[EarlyStopping("loss", restore_best_weights=True)], **FIT
        ),
    ),
    "the best weights are set": (
        "set_weights",
        lambda model, path: model.fit(
            *(X, Y),
            nb_epoch=3,
            verbose=0,
            callbacks=[EarlyStopping("acc", mode="max", restore_best_weights=True)],
        ),
    ),
    "a classifier fits": ("fit", lambda model, path: by_wrapper(KerasClassifier, model)),
    "a classifier predicts": (
        "predict_classes",
        lambda model, path: by_wrapper(KerasClassifier, model).predict(X),
    ),
    "a classifier's probabilities": (
        "predict_proba",
        lambda model, path: by_wrapper(KerasClassifier, model).predict_proba(X),
    ),
    "a classifier scores": (
        "evaluate",
        lambda model, path: by_wrapper(KerasClassifier, model).score(X, Y[:, 0]),
    ),
    "a regressor predicts": (
        "predict",
        lambda model, path: by_wrapper(KerasRegressor, model).predict(X),
    ),
    "classes are predicted": ("predict", lambda model, path: model.predict_classes(X)),
    "probabilities are predicted": ("predict", lambda model, path: model.predict_proba(X)),
    "JSON": ("get_config", lambda model, path: model.to_json()),
    "YAML": ("get_config", lambda model, path: model.to_yaml()),
    "a file has the config": ("get_config", lambda model, path: model.save(path / "m.h5")),
    "a model inside has its config": (
        "get_config",
        lambda model, path: Sequential([model, Dense(1)]).get_config(),
    ),
}


@pytest.mark.parametrize("case", OF_MODELS)
def test_of_a_model(case, tmp_path):
    name, use = OF_MODELS[case]
    model = sequential(name)
    type(model).calls.clear()
    use(model, tmp_path)
    assert set(type(model).calls) == {name}


ON_ONE_MODEL = {
    "compile": lambda model: model.compile("sgd", "mse"),
    "fit": lambda model: model.fit(X, Y, **FIT),
    "evaluate": lambda model: model.evaluate(X, Y, verbose=0),
    "predict": lambda model: model.predict(X),
    "train_on_batch": lambda model: model.train_on_batch(X, Y),
    "test_on_batch": lambda model: model.test_on_batch(X, Y),
    "predict_on_batch": lambda model: model.predict_on_batch(X),
    "fit_generator": lambda model: model.fit_generator(iter([(X, Y)] * 3), 4, **FIT),
    "evaluate_generator": lambda model: model.evaluate_generator(iter([(X, Y)] * 3), 4),
    "predict_generator": lambda model: model.predict_generator(iter([X] * 3), 4),
}


@pytest.mark.parametrize("name", ON_ONE_MODEL)
@pytest.mark.parametrize("kind", ["Model", "Sequential"])
def test_an_overriding_method_goes_on_to_the_one_of_its_base(kind, name):
    """And no other public method is called on the way: each may be overridden by itself."""
    own = counting(Sequential if kind == "Sequential" else Model, *ON_ONE_MODEL)
    if kind == "Sequential":
        model = own([Dense(1, input_dim=3)])
    else:
        x = Input((3,))
        model = own(x, Dense(1)(x))
    model.compile("sgd", "mse")
    own.calls.clear()
    ON_ONE_MODEL[name](model)
    assert own.calls == [name]


def test_of_a_graph():
    own = counting(Graph, "fit", "compile", "train_on_batch")
    graph = own()
    graph.add_input("x", (3,))
    graph.add_node(Dense(1), "d", "x")
    graph.add_output("y", "d")
    graph.compile("sgd", {"y": "mse"})
    graph.fit({"x": X, "y": Y}, **FIT)
    graph.train_on_batch({"x": X, "y": Y})
    assert own.calls == ["compile", "fit", "train_on_batch"]


def test_the_arguments_of_an_overriding_method_may_be_others():
    class Own(Sequential):
        def fit(self, data, rounds):
            return super().fit(data[0], data[1], nb_epoch=rounds, verbose=0)

        def compile(self, rate):
            super().compile("sgd", "mse")
            K.set_value(self.optimizer.lr, rate)

        def train_on_batch(self, x):
            return super().train_on_batch(x, x[:, :1])

    model = Own([Dense(1, input_dim=3)])
    model.compile(0.5)
    assert K.get_value(model.optimizer.lr) == 0.5
    assert len(model.fit((X, Y), 2).history["loss"]) == 2
    assert np.isfinite(model.train_on_batch(X))


class _Doubling(Layer):
    """A layer whose methods are all of the program's, and note that they are called."""

    calls: list[str] = []  # noqa: RUF012  (of all objects of the class)

    def _note(self, name):
        _Doubling.calls.append(name)

    def build(self, input_shape):
        self._note("build")
        super().build(input_shape)

    def call(self, x, mask=None):
        self._note("call")
        return 2.0 * x

    def get_output_shape_for(self, input_shape):
        self._note("get_output_shape_for")
        return input_shape

    def compute_mask(self, input, input_mask=None):
        self._note("compute_mask")
        return None

    def get_config(self):
        self._note("get_config")
        return super().get_config()

    def get_weights(self):
        self._note("get_weights")
        return super().get_weights()

    def set_weights(self, weights):
        self._note("set_weights")
        super().set_weights(weights)

    def reset_states(self):
        self._note("reset_states")

    stateful = True


def doubling() -> Sequential:
    return Sequential([_Doubling(input_shape=(3,)), Dense(1)])


OF_LAYERS = {
    "build": doubling,
    "call": doubling,
    "get_output_shape_for": doubling,
    "compute_mask": doubling,
    "get_config": lambda: doubling().to_json(),
    "get_weights": lambda: doubling().get_weights(),
    "reset_states": lambda: doubling().reset_states(),
}


@pytest.mark.parametrize("name", OF_LAYERS)
def test_of_a_layer(name):
    _Doubling.calls.clear()
    OF_LAYERS[name]()
    assert name in _Doubling.calls


def test_of_a_layer_at_each_step():
    _Doubling.calls.clear()
    TimeDistributed(_Doubling())(Input((2, 3)))
    assert {"build", "call"} <= set(_Doubling.calls)


class _DoublingModel(Model):
    def call(self, x, mask=None):
        return 2.0 * super().call(x, mask)


class _DoublingSequential(Sequential):
    def call(self, x, mask=None):
        return 2.0 * super().call(x, mask)


@pytest.mark.parametrize("kind", [_DoublingModel, _DoublingSequential])
def test_the_call_of_a_model_that_is_used_as_a_layer(kind):
    """As in Keras, the model's own predictions are those of its tensors."""
    x, other = Input((3,)), Input((3,))
    layers = [Dense(2, input_dim=3), Dropout(0.5), Dense(1, W_regularizer="l2")]
    if kind is _DoublingModel:
        inside = kind(x, layers[2](layers[1](layers[0](x))))
    else:
        inside = kind(layers)
    outer = Model(other, inside(other))
    np.testing.assert_allclose(outer.predict(X), 2.0 * inside.predict(X), rtol=1e-6)
    assert len(outer.uses) == 3  # each layer's penalty counts once
    outer.compile("sgd", "mse")
    outer.fit(X, Y, **FIT)
    again = Model(x_again := Input((3,)), outer(x_again))  # the use is made anew
    np.testing.assert_allclose(again.predict(X), outer.predict(X), rtol=1e-6)


class _Named(Sequential):
    """A model of the program's, which files name."""

    seen: list[str] = []  # noqa: RUF012  (of all objects of the class)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        _Named.seen.append("from_config")
        return super().from_config(config, custom_objects)

    def compile(self, *args, **kwargs):
        _Named.seen.append("compile")
        super().compile(*args, **kwargs)


def test_of_a_model_that_a_file_names(tmp_path):
    model = _Named([Dense(1, input_dim=3)])
    model.compile("sgd", "mse")
    model.save(tmp_path / "model.h5")
    text, custom = model.to_json(), {"_Named": _Named}
    _Named.seen.clear()
    assert type(model_from_json(text, custom)) is _Named
    assert _Named.seen == ["from_config"]
    _Named.seen.clear()
    loaded = load_model(str(tmp_path / "model.h5"), custom)
    assert _Named.seen == ["from_config", "compile"]
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
