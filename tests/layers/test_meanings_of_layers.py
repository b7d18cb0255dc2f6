"""Layers whose formula, defaults or first weights Keras changed between 1.0.1 and 1.2.2, against
NumPy, under either value of the flag and from configs and files."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from graphc import backend as K
from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.config import config
from graphc.engine import Input
from graphc.engine.configs.registry import layer_from_config
from graphc.errors import ArgumentError, DataError
from graphc.initializations import get_fans
from graphc.layers import BatchNormalization, Convolution1D, Convolution2D, Highway
from graphc.models import Sequential, load_model, model_from_json

RELEASES = ["1.0", "1.2"]
EPSILON = 0.25  # where it enters can be seen
X = np.array([[1.0, 4.0], [3.0, -2.0], [8.0, 1.0], [0.0, 0.5]])
MEAN, VARIANCE = X.mean(axis=0), X.var(axis=0)

# The formula -> the divisor of a batch, and what is kept of it.
FORMULAS = {
    "1.0": (np.sqrt(VARIANCE + EPSILON) + EPSILON, np.sqrt(VARIANCE + EPSILON)),
    "1.0.5": (np.sqrt(VARIANCE + EPSILON) + EPSILON, np.sqrt(VARIANCE + EPSILON)),
    "1.0.7": (np.sqrt(VARIANCE) + EPSILON, VARIANCE),
    "1.2": (np.sqrt(VARIANCE + EPSILON), VARIANCE),
}


@pytest.fixture
def float64():
    K.set_floatx("float64")


def _entry(layer):
    config_ = json.loads(json.dumps(layer.get_config()))
    return {"class_name": type(layer).__name__, "config": config_}


def _run(layer, training, x=X):
    node = Input(x.shape[1:])
    output = layer(node)
    return function([node], output, givens=[(g.learning_phase(), training)])(x)


def _predicted(keras, running):
    """Return the output of a layer whose running mean is 1 and whose running_std is this."""
    divisor = {
        "1.0": running + EPSILON,
        "1.0.5": running + EPSILON,
        "1.0.7": np.sqrt(running) + EPSILON,
        "1.2": np.sqrt(running + EPSILON),
    }
    return (X - 1.0) / divisor[keras]


def _weights(running):
    return [np.ones(2), np.zeros(2), np.ones(2), np.array(running)]


class TestBatchNormalization:
    @pytest.mark.parametrize(("release", "defaults"), [("1.0", (1e-6, 0.9)), ("1.2", (1e-3, 0.99))])
    def test_defaults(self, release, defaults):
        with config.changed(keras=release):
            layer = BatchNormalization()
        assert (layer.epsilon, layer.momentum, layer.keras) == (*defaults, release)
        for other in RELEASES:
            with config.changed(keras=other):
                again = layer_from_config(_entry(layer))
            assert (again.epsilon, again.momentum, again.keras) == (*defaults, release)

    @pytest.mark.parametrize("mode", [0, 2])
    @pytest.mark.parametrize("keras", FORMULAS)
    def test_training(self, keras, mode, float64):
        layer = BatchNormalization(EPSILON, mode, keras=keras)
        expected = (X - MEAN) / FORMULAS[keras][0]
        np.testing.assert_allclose(_run(layer, training=True), expected, rtol=1e-12)

    @pytest.mark.parametrize("keras", FORMULAS)
    def test_testing(self, keras, float64):
        layer = BatchNormalization(EPSILON, weights=_weights([2.0, 0.5]), keras=keras)
        expected = _predicted(keras, np.array([2.0, 0.5]))
        np.testing.assert_allclose(_run(layer, training=False), expected, rtol=1e-12)

    @pytest.mark.parametrize("keras", FORMULAS)
    def test_what_is_kept_moves_towards_that_of_the_batch(self, keras, float64):
        layer = BatchNormalization(EPSILON, momentum=0.75, input_shape=(2,), keras=keras)
        model = Sequential([layer])
        model.compile("sgd", "mse")
        model.train_on_batch(X, X)
        mean, kept = layer.get_weights()[2:]
        np.testing.assert_allclose(mean, 0.25 * MEAN, rtol=1e-12)
        np.testing.assert_allclose(kept, 0.75 + 0.25 * FORMULAS[keras][1], rtol=1e-12)

    @pytest.mark.parametrize("keras", FORMULAS)
    def test_of_each_sample(self, keras, float64):
        inside = 0.0 if keras == "1.0" else EPSILON
        std = np.sqrt(X.var(axis=1, keepdims=True) + inside)
        expected = (X - X.mean(axis=1, keepdims=True)) / (std + EPSILON)
        found = _run(BatchNormalization(EPSILON, 1, keras=keras), training=True)
        np.testing.assert_allclose(found, expected, rtol=1e-12)

    def test_another_release_is_refused(self):
        with pytest.raises(
            ArgumentError, match=r"keras: expected .*'1\.0\.7', '1\.2', received '2'"
        ):
            BatchNormalization(keras="2")

    @pytest.mark.parametrize(
        ("version", "keras"),
        [
            *((None, "1.0"), ("1.0.4", "1.0"), ("1.0.5", "1.0.5"), ("1.0.6", "1.0.5")),
            *(("1.0.7", "1.0.7"), ("1.0.8", "1.2"), ("1.2.2", "1.2")),
        ],
    )
    @pytest.mark.parametrize("release", RELEASES)
    def test_a_file_of_keras_has_the_formula_of_its_release(self, version, keras, release):
        first = {"name": "n", "batch_input_shape": [None, 2], "epsilon": 0.1, "momentum": 0.5}
        entry = {"class_name": "BatchNormalization", "config": {**first, "mode": 0, "axis": -1}}
        stated = {} if version is None else {"keras_version": version}
        text = json.dumps({"class_name": "Sequential", "config": [entry], **stated})
        with config.changed(keras=release):
            [layer] = model_from_json(text).layers
        assert (layer.keras, layer.epsilon, layer.momentum) == (keras, 0.1, 0.5)


class TestRunningStd:
    """The statistic that a layer keeps under this name, in files."""

    @staticmethod
    def model(keras, running=(2.0, 0.5)):
        layer = BatchNormalization(
            EPSILON, weights=_weights(running), keras=keras, input_shape=(2,)
        )
        return Sequential([layer])

    @pytest.mark.parametrize("release", RELEASES)
    @pytest.mark.parametrize("keras", FORMULAS)
    def test_a_whole_model_predicts_alike_under_either_flag(self, keras, release, tmp_path):
        model = self.model(keras)
        model.save(tmp_path / "m.h5")
        with config.changed(keras=release):
            loaded = load_model(tmp_path / "m.h5")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        np.testing.assert_array_equal(loaded.get_weights()[3], np.array([2.0, 0.5], "float32"))

    @pytest.mark.parametrize(
        ("writer", "reader"),
        [("1.0", "1.0.7"), ("1.0", "1.2"), ("1.0.5", "1.2"), ("1.2", "1.0"), ("1.2", "1.0.5")],
    )
    def test_a_layer_that_keeps_the_other_divides_by_the_same(
        self, writer, reader, tmp_path, float64
    ):
        self.model(writer).save_weights(tmp_path / "w.h5")
        model = self.model(reader, running=(1.0, 1.0))
        model.load_weights(tmp_path / "w.h5")
        expected = _predicted(writer, np.array([2.0, 0.5]))
        np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)

    def test_an_untold_file_of_keras_is_a_variance_for_a_layer_that_keeps_one(self, tmp_path):
        with h5py.File(tmp_path / "w.h5", "w") as file:
            names = [f"n_{one}".encode() for one in ("gamma", "beta", "mean", "running_std")]
            file.attrs["layer_names"] = [b"n"]
            group = file.create_group("n")
            group.attrs["weight_names"] = names
            for name, value in zip(names, _weights([2.0, 0.5]), strict=True):
                group[name.decode()] = value
        model = self.model("1.2", running=(1.0, 1.0))
        model.load_weights(tmp_path / "w.h5")
        np.testing.assert_array_equal(model.get_weights()[3], np.array([2.0, 0.5], "float32"))
        with pytest.raises(ArgumentError, match="does not say what the running_std"):
            self.model("1.0").load_weights(tmp_path / "w.h5")

    def test_an_array_whose_attribute_contradicts_the_call_is_refused(self, tmp_path):
        self.model("1.2").save_weights(tmp_path / "w.h5")
        with h5py.File(tmp_path / "w.h5", "a") as file:
            [name] = file.attrs["layer_names"]
            [stored] = [one for one in file[name].values() if "running_std" in one.name]
            stored.attrs["running_std"] = b"median"
        with pytest.raises(DataError, match=r"running_std: .* received \['median'"):
            self.model("1.2").load_weights(tmp_path / "w.h5")


@pytest.mark.flags(keras="1.0")
@pytest.mark.parametrize(
    ("shape", "ordering", "early", "late"),
    [
        ((5, 3), "th", (5, 3), (5, 3)),
        ((8, 3, 2, 5), "th", (30, 8), (30, 80)),
        ((2, 5, 3, 8), "tf", (30, 8), (30, 80)),
        ((8, 3, 2, 5, 7), "th", (210, 8), (210, 560)),
        ((2, 5, 7, 3, 8), "tf", (210, 8), (210, 560)),
        ((4, 9, 4), "th", (12.0, 12.0), (12.0, 12.0)),
    ],
)
def test_fans(shape, ordering, early, late):
    assert get_fans(shape, ordering) == early
    with config.changed(keras="1.2"):
        assert get_fans(shape, ordering) == late


def test_the_first_weights_of_a_convolution_reach_the_bound_of_their_fans():
    for release, outputs in (("1.0", 40), ("1.2", 40 * 9)):
        with config.changed(keras=release):
            layer = Convolution2D(40, 3, 3, dim_ordering="th")
            layer(Input((20, 5, 5)))
        found = np.abs(layer.get_weights()[0]).max()
        assert found == pytest.approx(np.sqrt(6 / (20 * 9 + outputs)), rel=0.01)


@pytest.mark.parametrize(("release", "init"), [("1.0", "uniform"), ("1.2", "glorot_uniform")])
def test_the_initialization_of_sequences(release, init):
    with config.changed(keras=release):
        layer = Convolution1D(40, 3)
        layer(Input((6, 20)))
    bound = {"1.0": 0.05, "1.2": np.sqrt(6 / (3 * 20 + 3 * 40))}[release]
    assert np.abs(layer.get_weights()[0]).max() == pytest.approx(bound, rel=0.01)
    for other in RELEASES:
        with config.changed(keras=other):
            assert layer_from_config(_entry(layer)).get_config()["init"] == init


@pytest.mark.parametrize(("release", "bias"), [("1.0", -2.0), ("1.2", 1.0)])
def test_the_gate_of_a_highway(release, bias):
    with config.changed(keras=release):
        layer = Highway()
        given = Highway(transform_bias=-3)
        for one in (layer, given):
            one(Input((2,)))
    np.testing.assert_array_equal(layer.get_weights()[3], [bias, bias])
    np.testing.assert_array_equal(given.get_weights()[3], [-3.0, -3.0])
    for other in RELEASES:
        with config.changed(keras=other):
            assert layer_from_config(_entry(layer)).transform_bias == bias
