"""The attributes of a user's own layer are the user's: the engine reads and writes those that Keras
has, and what begins with ``_graphc``."""

import json
import sys
from pathlib import Path

import numpy as np

from graphc import backend as K
from graphc.engine import Input, InputSpec, Layer, Model, merge
from graphc.engine.topology.holding import HoldingLayer
from graphc.layers import Dense, Lambda, TimeDistributed
from graphc.legacy.models import Graph
from graphc.models import Sequential, load_model
from graphc.regularizers import l2

_API = json.loads((Path(__file__).parents[1] / "keras1_api.json").read_text())["modules"]
_KERAS_LAYER = _API["keras.engine.topology"]["classes"]["Layer"]

# What Keras' Layer sets in its __init__ and reads of others, and what its release 1.2 adds.
KERAS = {
    *_KERAS_LAYER["methods"],
    *_KERAS_LAYER["properties"],
    *("batch_input_shape", "built", "constraints", "inbound_nodes", "input_dtype", "input_spec"),
    *("name", "non_trainable_weights", "outbound_nodes", "regularizers", "reset_states"),
    *("stateful", "supports_masking", "trainable", "trainable_weights", "updates"),
    *("uses_learning_phase", "weights"),
    # Of 0.3; an object that sets one of its data has its own.
    *("cache_enabled", "nb_input", "nb_output", "previous"),
    *("get_input", "get_input_mask", "get_output", "get_output_mask", "get_params"),
    *("clear_previous", "set_input_shape", "set_previous", "supports_masked_input"),
    *("add_loss", "add_update", "add_weight", "get_losses_for", "get_updates_for", "losses"),
}

# Of the user's layer below: arguments of its __init__, which its config and errors read.
OWN = {"units", "kept"}


class _Watched(Layer):
    """A layer of the user's, which notes what the package reads and writes of it."""

    seen: set = set()  # noqa: RUF012  (of all layers of the class)

    def __init__(self, units=3, kept=None, **kwargs):
        self.units = units
        self.kept = kept
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=input_shape)]
        self.W = K.variable(np.ones((input_shape[-1], self.units)), name=f"{self.name}_W")
        self.trainable_weights = [self.W]

    def call(self, x, mask=None):
        return K.dot(x, self.W)

    def __getattribute__(self, name):
        _note(name)
        return object.__getattribute__(self, name)

    def __setattr__(self, name, value):
        _note(name)
        object.__setattr__(self, name, value)


def _last(x):
    return x[:, -1, :]


def _note(name):
    caller = sys._getframe(2).f_code
    if "graphc" in Path(caller.co_filename).parts and caller.co_filename != __file__:
        _Watched.seen.add(name)


def test_the_engine_reads_and_writes_no_attribute_of_a_layer_that_keras_does_not(tmp_path):
    _Watched.seen.clear()
    X, y = np.ones((4, 5)), np.ones((4, 3))
    inner = Sequential([_Watched(input_shape=(5,), name="inner")])
    model = Sequential([inner, _Watched(trainable=False, name="fixed")])
    custom = {"_Watched": _Watched}
    model.compile("adam", "mse", ["accuracy"])
    model.fit(X, y, nb_epoch=1, verbose=0, validation_split=0.5)
    model.evaluate(X, y, verbose=0)
    model.predict(X)
    model.save(tmp_path / "model.h5")
    load_model(str(tmp_path / "model.h5"), custom_objects=custom).fit(X, y, nb_epoch=1, verbose=0)
    model.save_weights(str(tmp_path / "weights.h5"))
    model.load_weights(str(tmp_path / "weights.h5"))
    Sequential.from_config(model.get_config(), custom_objects=custom).summary()
    x = Input((2, 5))
    shared = _Watched(name="shared")
    a, b = TimeDistributed(shared)(x), TimeDistributed(_Watched(2))(x)
    joined = merge([a, b], mode="concat")
    functional = Model(x, Dense(1, W_regularizer=l2(0.1))(Lambda(_last)(joined)))
    functional.compile("sgd", "mse")
    functional.train_on_batch(np.ones((4, 2, 5)), np.ones((4, 1)))
    Model.from_config(functional.get_config(), custom_objects={**custom, "_last": _last})
    functional.to_json()
    direct = _Watched(name="direct")
    direct.set_input(Input((5,)))
    repr(direct), direct.get_output_shape_for((None, 5))
    public = {name for name in _Watched.seen if not name.startswith(("_graphc", "__"))}
    assert public >= {"name", "trainable_weights", "call", "built"}  # it does note
    assert not public - KERAS - OWN


def test_a_layer_has_no_public_attribute_that_keras_has_not():
    for owner in (Layer, HoldingLayer):
        public = {name for name in dir(owner) if not name.startswith(("_graphc", "__"))}
        # Names of later releases are answered by an error: a layer has no such attribute.
        assert not {name for name in public if hasattr(owner, name)} - KERAS, owner


class _Counted(_Watched):
    """A layer of the user's whose attributes have names that data of Keras 0.3's layers had."""

    def __init__(self, nb_input=7, **kwargs):
        self.nb_input = nb_input
        self.nb_output = self.previous = self.cache_enabled = None
        super().__init__(**kwargs)


def test_data_of_older_layers_leave_their_names_to_the_user():
    layer = _Counted(input_shape=(5,))
    Sequential([layer, Dense(2)]).predict(np.ones((1, 5)))
    found = (layer.nb_input, layer.nb_output, layer.previous, layer.cache_enabled)
    assert found == (7, None, None, None)


def test_counts_of_inputs_leave_their_names_to_a_users_model():
    class Counted(Sequential):
        def __init__(self, nb_output):
            super().__init__([Dense(nb_output, input_dim=5)])
            self.nb_output = nb_output

    assert Counted(3).nb_output == 3


def test_a_model_has_no_private_attribute_that_keras_has_not():
    """A program's own model may have any other: _trainer, _batches, _layers."""
    sequential = Sequential([Dense(1, input_dim=5)])
    graph = Graph()
    graph.add_input("x", (5,))
    graph.add_node(Dense(1), "d", "x", create_output=True)
    functional = Model(sequential.input, sequential.output)
    sequential.compile("sgd", "mse")
    sequential.fit(np.ones((4, 5)), np.ones((4, 1)), nb_epoch=1, verbose=0)
    of_keras = {f"_make_{purpose}_function" for purpose in ("train", "test", "predict")}
    for model in (sequential, graph, functional):
        private = {name for name in {*dir(model), *vars(model)} if name.startswith("_")}
        others = {name for name in private if not name.startswith(("_graphc", "__"))}
        assert others - of_keras <= {"_repr_html_"}, model


class _Scale(Layer):
    def __init__(self, initial_weights, seed=7, **kwargs):
        self.initial_weights = initial_weights
        self.seed = seed
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.W = K.variable(2.0 * np.asarray(self.initial_weights[0]))
        self.trainable_weights = [self.W]

    def call(self, x, mask=None):
        return x * self.W

    def get_config(self):
        return {"seed": self.seed}


def test_initial_weights_of_a_users_layer_are_read_by_its_build_alone():
    layer = _Scale([np.ones(3)], input_shape=(3,))
    model = Sequential([layer])
    np.testing.assert_array_equal(model.predict(np.ones((1, 3))), [[2.0, 2.0, 2.0]])
    assert layer.initial_weights is not None


def test_the_seed_of_a_users_layer_stays_when_a_file_is_loaded(tmp_path):
    model = Sequential([_Other([np.ones(3)], seed=7, input_shape=(3,))])
    model.save(tmp_path / "model.h5")
    found = load_model(str(tmp_path / "model.h5"), custom_objects={"_Other": _Other})
    assert found.layers[0].seed == 8


class _Other(_Scale):
    @classmethod
    def from_config(cls, config):
        return cls([np.ones(3)], seed=8, input_shape=(3,))
