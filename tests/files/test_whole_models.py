"""Files of whole models: what is in them, which models they give back, and what is refused."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from graphc import backend as K
from graphc import objectives
from graphc.engine import Input, Layer, Model
from graphc.errors import (
    NotCompiledError,
    UnknownNameError,
)
from graphc.layers import (
    AutoEncoder,
    BatchNormalization,
    Dense,
    Lambda,
    Merge,
    TimeDistributed,
)
from graphc.models import Graph, Sequential, load_model
from graphc.optimizers import SGD, Optimizer
from tests.files.small_files import X, Y, chain, edited, saved, set_text, trained, with_loss


class TestLayout:
    """As later releases of Keras 1 have it, and graphc's own group."""

    @pytest.mark.flags(keras="1.0")
    def test_names_of_all_that_is_in_it(self, tmp_path):
        path = saved(tmp_path, trained(metrics=["accuracy"]))
        with h5py.File(path, "r") as file:
            assert set(file.attrs) == {"model_config", "training_config"}
            assert set(file) == {"model_weights", "optimizer_weights", "graphc"}
            assert list(file["model_weights"].attrs["layer_names"]) == [b"first", b"drop", b"last"]
            assert list(file["model_weights/last"].attrs["weight_names"]) == [b"last_W", b"last_b"]
            config = json.loads(file.attrs["model_config"])
            training = json.loads(file.attrs["training_config"])
        assert config["class_name"] == "Sequential"
        assert [one["class_name"] for one in config["config"]] == ["Dense", "Dropout", "Dense"]
        optimizer = training.pop("optimizer_config")
        assert optimizer["class_name"] == "Adam"
        assert set(optimizer["config"]) == {
            *("lr", "beta_1", "beta_2", "epsilon", "decay", "keras")
        }
        assert training == {
            "loss": "mse",
            "metrics": ["accuracy"],
            "loss_weights": None,
            "sample_weight_mode": None,
            "mode": None,
        }

    @pytest.mark.flags(keras="1.0")
    def test_optimizers_count_then_means_then_squares(self, tmp_path):
        model = trained()
        with h5py.File(saved(tmp_path, model), "r") as file:
            group = file["optimizer_weights"]
            found = [group[name][()] for name in group.attrs["weight_names"]]
        assert found[0] == 4  # 2 epochs of 2 batches
        for mine, theirs in zip(model.optimizer.get_weights(), found[1:], strict=True):
            np.testing.assert_array_equal(mine, theirs)

    @pytest.mark.flags(keras="1.2")
    @pytest.mark.parametrize("counted", [True, False])
    def test_keras_wrote_the_count_of_steps_or_not(self, counted, tmp_path, caplog):
        def of_keras(file):
            del file["graphc"]
            if not counted:
                group = file["optimizer_weights"]
                group.attrs["weight_names"] = group.attrs["weight_names"][1:]

        model = trained()
        loaded = load_model(edited(saved(tmp_path, model), of_keras))
        assert ("does not have the count of steps" in caplog.text) == (not counted)
        for mine, theirs in zip(model.get_weights(), loaded.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        count, *others = model.optimizer.get_weights()
        expected = [count if counted else 0, *others]
        for mine, theirs in zip(expected, loaded.optimizer.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        assert count == 4  # 2 epochs of 2 batches

    def test_no_object_is_pickled(self, tmp_path):
        def check(name, found):
            for value in (found, *(found.attrs.get_id(one) for one in found.attrs)):
                if isinstance(value, h5py.Group):
                    continue
                assert value.dtype.kind in "biufS" or h5py.check_string_dtype(value.dtype), name

        with h5py.File(saved(tmp_path), "r") as file:
            check("/", file)
            file.visititems(check)

    def test_configs_that_are_longer_than_hdf5s_header(self, tmp_path):
        model = Sequential([Dense(2, input_dim=2)])
        for k in range(40):
            model.add(Dense(2, name=f"{'n' * 2000}{k}"))
        assert len(model.to_json()) > 1 << 16
        loaded = load_model(saved(tmp_path, model))
        x = X[:, :2]
        np.testing.assert_array_equal(loaded.predict(x), model.predict(x))

    def test_weights_can_be_read_alone(self, tmp_path):
        model = trained()
        other = chain()
        other.load_weights(saved(tmp_path, model))
        np.testing.assert_array_equal(other.predict(X), model.predict(X))


def functional() -> Model:
    shared = Dense(3, name="shared")
    a, b = Input((4,), name="a"), Input((4,), name="b")
    both = Merge(mode="concat", name="both")([shared(a), shared(b)])
    inner = Sequential([Dense(4, input_dim=6), BatchNormalization()], name="inner")
    return Model([a, b], [Dense(2, name="one")(inner(both)), Dense(2, name="two")(both)])


def merged() -> Sequential:
    left, right = Sequential([Dense(3, input_dim=4)]), Sequential([Dense(3, input_dim=4)])
    return Sequential([Merge([left, right], mode="sum"), Dense(2)])


def named() -> Graph:
    graph = Graph()
    graph.add_input(name="in", input_shape=(4,))
    graph.add_node(Dense(3), name="left", input="in")
    graph.add_node(Dense(3), name="right", input="in")
    graph.add_node(Dense(2), name="last", inputs=["left", "right"], merge_mode="sum")
    graph.add_output(name="out", input="last")
    return graph


def coded() -> Sequential:
    return Sequential([AutoEncoder(Dense(3, input_dim=4), Dense(4)), Dense(2)])


TWO = {"one": "mse", "two": "mae"}
KINDS = {
    "chain": (chain, "mse", [X], [Y]),
    "functional": (functional, TWO, [[X, X[::-1]]], [[Y, Y]]),
    "merged": (merged, "mse", [[X, X]], [Y]),
    "named": (named, {"out": "mse"}, [{"in": X, "out": Y}], []),
    "coded": (coded, "mse", [X], [Y]),
}


@pytest.mark.parametrize("kind", KINDS)
class TestRoundTrip:
    def test_compiled(self, kind, tmp_path):
        make, loss, x, y = KINDS[kind]
        model = make()
        model.compile(SGD(lr=0.1, momentum=0.5), loss, metrics=["acc"])
        model.train_on_batch(*x, *y)
        loaded = load_model(saved(tmp_path, model))
        assert type(loaded) is type(model)
        assert loaded.metrics_names == model.metrics_names
        assert loaded.optimizer.get_config() == model.optimizer.get_config()
        for _ in range(2):
            assert loaded.train_on_batch(*x, *y) == model.train_on_batch(*x, *y)
        for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def test_not_compiled(self, kind, tmp_path):
        make, _, x, _ = KINDS[kind]
        model = make()
        loaded = load_model(saved(tmp_path, model))
        expected, found = model.predict(*x), loaded.predict(*x)
        for mine, theirs in zip(_list(found), _list(expected), strict=True):
            np.testing.assert_array_equal(mine, theirs)
        with pytest.raises(NotCompiledError):
            loaded.evaluate(*x, *(KINDS[kind][3] or x))


def _list(values):
    values = values.values() if isinstance(values, dict) else values
    return list(values) if not isinstance(values, np.ndarray) else [values]


def test_an_autoencoder_without_its_decoder(tmp_path):
    layer = AutoEncoder(Dense(3, input_dim=4), Dense(4), output_reconstruction=False)
    model = Sequential([layer])
    model.compile("adam", "mse")
    model.train_on_batch(X, X[:, :3])
    loaded = load_model(saved(tmp_path, model))
    for one in (model, loaded):
        one.layers[0].output_reconstruction = True
        one.compile("sgd", "mse")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_temporal_weights_and_modes_come_back(tmp_path):
    model = Sequential([TimeDistributed(Dense(2), input_shape=(3, 4))])
    model.compile("sgd", "mse", sample_weight_mode="temporal", mode="FAST_COMPILE")
    loaded = load_model(saved(tmp_path, model))
    x, y, weights = np.ones((2, 3, 4)), np.zeros((2, 3, 2)), np.array([[1, 0, 2], [0, 1, 1]])
    assert loaded.train_on_batch(x, y, sample_weight=weights) == model.train_on_batch(
        x, y, sample_weight=weights
    )
    assert loaded._graphc_trainer.compiled.mode == "FAST_COMPILE"


class Scale(Layer):
    def __init__(self, factor, **kwargs):
        self.factor = factor
        super().__init__(**kwargs)

    def call(self, x, mask=None):
        return x * self.factor


class Steady(Optimizer):
    """w <- w - lr g / (1 + the mean size of g so far)."""

    _arguments = ("lr",)

    def __init__(self, lr=0.1, **kwargs):
        super().__init__(**kwargs)
        self.lr = K.variable(lr)

    def get_updates(self, params, constraints, loss):
        updates = []
        for p, g in zip(params, self.get_gradients(loss, params), strict=True):
            size = K.variable(np.zeros(p.shape))
            new = 0.5 * size + 0.5 * K.abs(g)
            updates += [(size, new), (p, p - self.lr * g / (1.0 + new))]
        return updates


def cubes(y_true, y_pred):
    return K.mean(K.abs(y_pred - y_true) ** 3, axis=-1)


def largest(y_true, y_pred):
    return K.max(K.abs(y_pred - y_true), axis=-1)


def double(x):
    return x * 2


OBJECTS = {"Scale": Scale, "Steady": Steady, "cubes": cubes, "largest": largest, "double": double}


def own(in_another_process=True, tmp_path=None):
    model = Sequential([Scale(3.0, input_shape=(4,)), Lambda(double), Dense(2)])
    path = saved(tmp_path, trained(model, Steady(), cubes, metrics=[largest, "acc"]))
    if in_another_process:  # which has made no tokens of functions
        edited(path, _forget_tokens)
    return model, path


def _forget_tokens(file):
    for name in ("model_config", "training_config"):
        text = json.loads(file.attrs[name], object_hook=lambda one: _without_token(one))
        set_text(file, name, json.dumps(text))


def _without_token(one):
    return {**one, "token": None} if "token" in one else one


class TestOwnClassesAndFunctions:
    def test_come_from_custom_objects(self, tmp_path):
        model, path = own(tmp_path=tmp_path)
        loaded = load_model(path, OBJECTS)
        assert loaded.metrics_names == ["loss", "largest", "acc"]
        for _ in range(2):
            assert loaded.train_on_batch(X, Y) == model.train_on_batch(X, Y)
        for mine, theirs in zip(loaded.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(mine, theirs)

    def test_functions_are_known_where_they_still_are(self, tmp_path):
        _, path = own(in_another_process=False, tmp_path=tmp_path)
        loaded = load_model(path, {"Scale": Scale, "Steady": Steady})
        assert loaded.metrics_names == ["loss", "largest", "acc"]

    @pytest.mark.parametrize(
        ("missing", "message"),
        [
            ("Scale", "model_config: .*unknown layer 'Scale'.*custom_objects={'Scale': Scale}"),
            ("double", "model_config: .*the function 'double'.*custom_objects={'double': fun"),
            ("Steady", "training_config: unknown optimizer 'Steady'.*custom_objects={'Steady': St"),
            ("cubes", "loss is the function 'cubes'.*custom_objects={'cubes': function}"),
            ("largest", r"metrics\[0\] is the function 'largest'.*custom_objects={'largest': "),
        ],
    )
    def test_what_is_missing_is_named(self, missing, message, tmp_path):
        _, path = own(tmp_path=tmp_path)
        objects = {name: value for name, value in OBJECTS.items() if name != missing}
        with pytest.raises(UnknownNameError, match=message) as caught:
            load_model(path, objects)
        assert str(path) in str(caught.value)

    def test_a_name_of_a_loss_that_keras_stored_alone(self, tmp_path):
        path = saved(tmp_path)
        edited(path, with_loss("cubes"))
        with pytest.raises(UnknownNameError, match="unknown loss 'cubes'.*custom_objects"):
            load_model(path)
        assert load_model(path, {"cubes": cubes})._graphc_trainer.compiled.targets[0].loss is cubes

    def test_functions_of_graphc_are_names(self, tmp_path):
        model = trained(loss=objectives.mean_absolute_error)
        with h5py.File(saved(tmp_path, model), "r") as file:
            assert json.loads(file.attrs["training_config"])["loss"] == "mean_absolute_error"
