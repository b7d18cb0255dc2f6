"""Every public call with an argument too many, or an unknown keyword, is told in our words."""

from __future__ import annotations

import functools
import importlib
import inspect
import json
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import graphc
from graphc import activations, objectives
from graphc import backend as K
from graphc.applications.vgg16 import VGG16
from graphc.callbacks import (
    Callback,
    EarlyStopping,
    History,
    LearningRateScheduler,
    ReduceLROnPlateau,
    TensorBoard,
)
from graphc.config import config
from graphc.constraints import MaxNorm
from graphc.engine.topology.layer import Layer
from graphc.errors import (
    ArgumentCountError,
    ArgumentError,
    DTypeError,
    GradientError,
    GraphcError,
    KeywordError,
    ReadOnlyError,
    ShapeError,
    UnknownNameError,
)
from graphc.layers import (
    GRU,
    LSTM,
    Convolution2D,
    Convolution3D,
    Dense,
    Input,
    Lambda,
    LeakyReLU,
    MaxPooling1D,
    MaxPooling2D,
    UpSampling2D,
    merge,
)
from graphc.models import Sequential, load_model
from graphc.optimizers import Adam
from graphc.preprocessing.image import ImageDataGenerator
from graphc.preprocessing.text import Tokenizer

INVENTORY = json.loads(
    (Path(__file__).parents[1] / "keras122_api.json").read_text(encoding="utf-8")
)["modules"]


def callables() -> Iterator[tuple[str, Callable]]:
    """Each public function, class and method of Keras 1.2's modules that is here, by its name."""
    for module, facts in INVENTORY.items():
        try:
            home = importlib.import_module("graphc" + module.removeprefix("keras"))
        except ModuleNotFoundError:
            continue  # the inventory's own test tells
        for name in facts["functions"]:
            if hasattr(home, name):
                yield name, getattr(home, name)
        for name, inside in facts["classes"].items():
            cls = getattr(home, name, None)
            if cls is not None:
                yield name, cls
                for method in inside["methods"]:
                    member = inspect.getattr_static(cls, method, None)
                    if inspect.isfunction(member) and not method.startswith(("_", "on_batch_")):
                        # Whatever the object is, the call does not get to its body.
                        instance = object.__new__(cls)
                        yield f"{name}.{method}", functools.partial(member, instance)


CALLABLES = dict(callables())


# Keywords of any name have a meaning.
TAKE_ANY = ("LambdaCallback",)
# They take keywords of any name, and say themselves which are none: see their own tests.
CHECK_THEMSELVES = (
    *("BaseWrapper", "KerasClassifier", "KerasRegressor", "BaseWrapper.set_params"),
    *("Container.to_json", "Container.to_yaml"),
)


def problem(name: str, error: type[GraphcError], message: str, *args: object, **kwargs: object):
    """Return what is wrong with how a call is refused."""
    try:
        CALLABLES[name](*args, **kwargs)
    except error as raised:
        if (
            re.search(message, str(raised))
            and is_named(name, raised)
            and isinstance(raised, TypeError)
        ):
            return None
        return f"{name}: {raised}"
    except Exception as other:
        return f"{name}: {other!r}"
    return f"{name}: not refused"


def test_an_unknown_keyword():
    problems = []
    for name, call in CALLABLES.items():
        if name in (*TAKE_ANY, *CHECK_THEMSELVES):
            continue
        found = problem(name, KeywordError, "keyword 'no_such'", no_such=3)
        if found and inspect.Parameter.VAR_KEYWORD in kinds(call):
            # They go on to what checks them, once the call has the others that it needs.
            found = problem(name, ArgumentCountError, "missing", no_such=3)
        problems += [found] if found else []
    assert problems == []


@pytest.mark.flags(keras="1.0")
def test_an_argument_too_many():
    problems = []
    for name, call in CALLABLES.items():
        if inspect.Parameter.VAR_POSITIONAL not in kinds(call):
            parameters = inspect.signature(call).parameters.values()
            count = sum(one.kind is one.POSITIONAL_OR_KEYWORD for one in parameters)
            given = [None] * (count + 1)
            found = problem(name, ArgumentCountError, f"received {count + 1}: ", *given)
            problems += [found] if found else []
    assert problems == []


def kinds(call: Callable) -> set[object]:
    return {one.kind for one in inspect.signature(call).parameters.values()}


def is_named(name: str, error: GraphcError) -> bool:
    """The message begins with the name, or a class has another one that it is an alias of."""
    owner, _, method = name.partition(".")
    start = str(error).partition(":")[0].partition(" ")[0]
    found = start.rpartition(".")[2] if method else start
    names = (method,) if method else (owner, CALLABLES[owner].__name__)
    return found in names


class Mine(Layer):
    def build(self, input_shape):
        self.count_params(3)


def small() -> Sequential:
    model = Sequential([Dense(2, input_dim=3)], name="small")
    model.compile("sgd", "mse")
    return model


X, Y = np.zeros((4, 3)), np.zeros((4, 2))


@pytest.mark.parametrize(
    ("mistake", "error", "message"),
    [
        (
            lambda: EarlyStopping(save_freq=1),
            KeywordError,
            "EarlyStopping: unknown keyword 'save_freq': it came with Keras 2 or 3; ModelCheck",
        ),
        (
            lambda: graphc.function([], [], update=[]),
            KeywordError,
            "graphc.function: unknown keyword 'update'. Did you mean 'updates'?",
        ),
        (
            lambda: graphc.grad(K.variable(1.0)),
            ArgumentCountError,
            "graphc.grad: 'wrt' is missing",
        ),
        (
            lambda: graphc.shared(1.0, "w", "float32", True),
            ArgumentCountError,
            "graphc.shared: expected at most 3 arguments (value, name, dtype), received 4",
        ),
        (
            lambda: Tokenizer(num_words=3),
            KeywordError,
            "Tokenizer: unknown keyword 'num_words': here it is 'nb_words' (it came with Keras 2).",
        ),
        (
            lambda: small().predict(X, steps=3),
            KeywordError,
            "small.predict: unknown keyword 'steps': it came with Keras 2 or 3; leave it out",
        ),
        (
            lambda: small().compile("sgd", "mse", learning_rate=0.1),
            KeywordError,
            "small.compile: unknown keyword 'learning_rate': it came with Keras 2 or 3; it is lr",
        ),
        (
            lambda: Convolution2D(32, (3, 3)),
            ArgumentCountError,
            "Convolution2D: 'nb_col' is missing: the numbers of (3, 3) are given one by one here, "
            "Convolution2D(32, 3, 3)",
        ),
        (
            lambda: Convolution2D(32, 3),
            ArgumentCountError,
            "Convolution2D: 'nb_col' is missing: a kernel has a size for each axis, "
            "Convolution2D(32, 3, 3)",
        ),
        (
            lambda: Convolution2D(32, kernel_size=(3, 5), activation="relu"),
            ArgumentCountError,
            "Convolution2D: 'nb_row' and 'nb_col' are missing: kernel_size (of Keras 2) is given "
            "by its numbers one by one, Convolution2D(32, 3, 5)",
        ),
        (
            lambda: Convolution3D(8, kernel_size=3),
            ArgumentCountError,
            "Convolution3D: 'kernel_dim1' and 'kernel_dim2' and 'kernel_dim3' are missing: "
            "kernel_size (of Keras 2) is given by its numbers one by one, "
            "Convolution3D(8, 3, 3, 3)",
        ),
        (
            lambda: Sequential(name="s").compile(learning_rate=0.1),
            ArgumentCountError,
            "s.compile: 'optimizer' and 'loss' are missing; unknown keyword 'learning_rate': it "
            "came with Keras 2 or 3; it is lr, an argument of the optimizer: SGD(lr=0.1)",
        ),
        (
            lambda: MaxPooling2D(2, name="p"),
            ArgumentError,
            "p (MaxPooling2D): pool_size: expected 2 whole numbers of at least 1, received 2, "
            "e.g. (2, 2)",
        ),
        (
            lambda: Sequential(Dense(2, input_dim=3, name="a"), Dense(2, name="b")),
            ArgumentError,
            "Sequential: layers: expected one list of layers, received a second argument, "
            "<b (Dense)>",
        ),
        (
            lambda: small().layers["dense"],
            ArgumentError,
            "small.layers: expected a number or a slice, received 'dense'; "
            "small.get_layer('dense') finds",
        ),
        (
            lambda: small().get_layer(0),
            ArgumentError,
            "small.get_layer: name: expected a text, received 0; a position is get_layer(index=0)",
        ),
        (
            lambda: Convolution3D(32, (3, 4, 5)),
            ArgumentCountError,
            "Convolution3D: 'kernel_dim2' and 'kernel_dim3' are missing: the numbers of (3, 4, 5) "
            "are given one by one here, Convolution3D(32, 3, 4, 5)",
        ),
        (
            lambda: Mine()(Input((3,))),
            ArgumentCountError,
            "Mine.count_params: expected no argument, received 1: (3,)",
        ),
        (
            lambda: small().summary(1, 2, 3, 4, 5),
            ArgumentCountError,
            "small.summary: expected ",
        ),
        (lambda: small().load_weights(), ArgumentCountError, "small.load_weights: 'filepath' is "),
        (
            lambda: small().to_json(ident=2),
            KeywordError,
            "small.to_json: unknown keyword 'ident'",
        ),
        (
            lambda: small().to_yaml(ident=2),
            KeywordError,
            "small.to_yaml: unknown keyword 'ident'",
        ),
        (lambda: Dense(), ArgumentCountError, "Dense: 'output_dim' is missing"),
        (lambda: Dense(3, output_dim=4), KeywordError, "Dense: 'output_dim' is given twice"),
        (lambda: small().layers[0](1, 2, 3), ArgumentCountError, "dense_"),
        (lambda: K.mean(axis=3), ArgumentCountError, "mean: 'x' is missing"),
        (
            lambda: K.mean(3, axs=3),
            KeywordError,
            "mean: unknown keyword 'axs'. Did you mean 'axis'?",
        ),
        (lambda: merge(), ArgumentCountError, "merge: 'inputs' is missing"),
        (lambda: History(3), ArgumentCountError, "History: expected no argument, received 1: (3,)"),
        (lambda: Dense.from_config(), ArgumentCountError, "Dense.from_config: 'config' is missing"),
        (
            lambda: LSTM(3, return_state=True),
            KeywordError,
            "LSTM: unknown keyword 'return_state': it came with Keras 2 or 3; there is nothing",
        ),
        (
            lambda: small().fit_generator(iter([]), steps_per_epoch=3, epochs=2),
            KeywordError,
            "small.fit_generator: unknown keyword 'steps_per_epoch': here it is 'samples",
        ),
    ],
)
def test_messages_of_mistakes(mistake, error, message):
    with pytest.raises(error) as raised:
        mistake()
    assert str(raised.value).startswith(message)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


# Calls of Keras 2 and 3, and how their errors go on.
LATER = [
    (lambda: MaxPooling1D(pool_size=2), "'pool_size': here it is 'pool_length'"),
    (lambda: ReduceLROnPlateau(min_delta=0.1), "'min_delta': here it is 'epsilon'"),
    (lambda: MaxNorm(max_value=2), "'max_value': here it is 'm'"),
    (lambda: LeakyReLU(negative_slope=0.1), "'negative_slope': here it is 'alpha'"),
    (lambda: Adam(weight_decay=0.1), "'weight_decay': .*; give the layers W_regularizer=l2"),
    (lambda: Adam(amsgrad=True), "'amsgrad': .*; there is nothing like it here"),
    (lambda: GRU(2, reset_after=False), "'reset_after': .*; leave it out: the reset gate comes"),
    (lambda: LSTM(2, unit_forget_bias=True), "'unit_forget_bias': .*; it is forget_bias_init"),
    (lambda: UpSampling2D(interpolation="nearest"), "'interpolation': .*; leave it out"),
    (lambda: small().fit(X, Y, workers=2), "'workers': .*; only calls with a generator have it"),
    (lambda: small().predict(X, callbacks=[]), "'callbacks': .*; fit and fit_generator alone"),
    (lambda: small().evaluate(X, Y, return_dict=True), "'return_dict': .*; leave it out: the val"),
    (lambda: small().save("m.h5", save_format="h5"), "'save_format': .*; leave it out: files are"),
    (lambda: load_model("m.h5", compile=False), "'compile': .*custom_objects has losses of your"),
    (lambda: small().summary(expand_nested=True), "'expand_nested': .*; leave it out"),
    (lambda: small().layers[0](X, training=True), "'training': .*K.set_learning_phase fixes it"),
    (lambda: EarlyStopping(start_from_epoch=3), "'start_from_epoch': .*; there is nothing like it"),
    (lambda: TensorBoard(update_freq="batch"), "'update_freq': .*; it writes at the end of epochs"),
    (lambda: ImageDataGenerator(validation_split=0.2), "'validation_split': .*; fit alone has it"),
    (lambda: VGG16(weights=None, pooling="avg"), "'pooling': .*; add GlobalAveragePooling2D"),
    (lambda: Convolution2D(4, 3, 3, groups=2), "'groups': .*; take slices of the channels"),
    (
        lambda: Input((3,), batch_size=2),
        "'batch_size': .*of batch_shape, batch_shape=.batch_size, ",
    ),
    (lambda: Dense(3, batch_size=2), "'batch_size': .*of batch_input_shape, batch_input_shape=.ba"),
    (lambda: LearningRateScheduler(float, verbose=1), "'verbose': .*; leave it out: fit, evaluate"),
    (lambda: Tokenizer(oov_token="x"), "'oov_token': .*; there is nothing like it here"),
]


@pytest.mark.parametrize(("mistake", "message"), LATER)
def test_keywords_of_later_releases(mistake, message):
    with pytest.raises(KeywordError, match=f"unknown keyword {message}"):
        mistake()


@pytest.mark.parametrize("name", ["relu", "softmax", "tanh"])
def test_an_activation_where_an_initialization_is_expected(name):
    message = f"init: unknown initialization '{name}': it is an activation; .* activation='{name}'$"
    with pytest.raises(UnknownNameError, match=message):
        Dense(3, name)


@pytest.mark.parametrize(
    ("loss", "variables", "message"),
    [
        (3, 4, "the loss has to be a node, received 3"),
        (K.variable(3.0), 4, "wrt has to be a node or a list of nodes, received 4"),
        (K.variable(3.0), [4], r"wrt\[0\] has to be a node with one value, not 4"),
    ],
)
def test_gradients_of_numbers(loss, variables, message):
    with pytest.raises(GradientError, match=message):
        K.gradients(loss, variables)


@pytest.mark.parametrize("join", [K.concatenate, K.pack, K.stack])
def test_tensors_are_joined_as_a_list(join):
    x = K.zeros((2, 3))
    with pytest.raises(ArgumentError, match=r"expected a list of tensors, \[a, b\], received one"):
        join(x, x) if join is K.concatenate else join(x)


def test_under_the_name_that_the_line_has():
    names: dict[str, object] = {}
    exec("from graphc.constraints import maxnorm, maxnorm as other", names)
    with pytest.raises(KeywordError, match="^maxnorm: unknown keyword 'x'"):
        exec("maxnorm(x=3)", names)
    with pytest.raises(KeywordError, match="^MaxNorm: unknown keyword 'x'"):
        exec("other(x=3)", names)


def test_the_arguments_of_the_release_are_those_of_the_flag():
    with config.changed(keras="1.2"), pytest.raises(ArgumentCountError) as raised:
        EarlyStopping(*range(20))
    with config.changed(keras="1.0"), pytest.raises(ArgumentCountError) as of_1_0:
        EarlyStopping(*range(20))
    assert "min_delta" in str(raised.value)
    assert "min_delta" not in str(of_1_0.value)


def test_an_error_within_a_call_is_left_as_it_is():
    def broken(y_true, y_pred):
        return len()

    with pytest.raises(TypeError, match="takes exactly one argument") as raised:
        small().compile("sgd", broken)
        Sequential([Dense(2, input_dim=3)]).compile("sgd", broken)
    assert not isinstance(raised.value, GraphcError)


class Wide(Callback):
    """A user's class that is told of by Python, as any function of the user's own."""

    def __init__(self, width):
        super().__init__()
        self.width = width


def test_classes_of_the_program_work_as_before():
    assert Wide(3).width == 3
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'width'"):
        Wide()


def test_functions_are_the_same_objects_everywhere():
    assert activations.get("relu") is activations.relu
    assert objectives.get("mse") is objectives.mse is objectives.mean_squared_error
    engine = importlib.import_module("graphc.engine")
    assert merge is engine.merge
    assert pickle.loads(pickle.dumps(objectives.mse)) is objectives.mse
    assert next(iter(inspect.signature(Dense).parameters)) == "output_dim"


class TestReadOnly:
    def test_is_an_error(self):
        layer = small().layers[0]
        with pytest.raises(ReadOnlyError, match=rf"^{layer.name}.output_shape is read only: .* 3$"):
            layer.output_shape = 3
        layer.of_mine = 3


class TestTensorsAreNoNumbersNorFunctions:
    @pytest.mark.parametrize(
        "mistake",
        [
            lambda tensor: Lambda(tensor),
            lambda tensor: Dense(2, activation=tensor),
            lambda tensor: Dense(2, init=tensor),
            lambda tensor: Dense(2, W_regularizer=tensor),
            lambda tensor: Dense(2, W_constraint=tensor),
            lambda tensor: small().compile("sgd", tensor),
            lambda tensor: LearningRateScheduler(tensor),
        ],
    )
    def test_nor_functions(self, mistake):
        with pytest.raises(ArgumentError, match="expected"):
            mistake(K.variable(X))

    def test_what_takes_a_tensor_or_a_function_takes_it_as_it_is(self):
        x = K.variable(3.0)
        assert not callable(x)  # programs ask, too
        chosen = K.in_train_phase(x + 1, x), K.in_train_phase(lambda: x + 1, lambda: x)
        assert [float(K.function([K.learning_phase()], [one])([1])[0]) for one in chosen] == [4, 4]

    @pytest.mark.parametrize("call", [int, float, complex, np.float32])
    def test_is_an_error(self, call):
        with pytest.raises(DTypeError, match="has no value before a function is called"):
            call(K.variable(3))

    # NumPy puts a message of its own in the place of a TypeError.
    @pytest.mark.parametrize("call", [range, np.zeros, lambda x: np.ones((x, 2))])
    def test_as_a_size_or_a_bound(self, call):
        with pytest.raises(ArgumentError, match="has no value before a function is called"):
            call(K.variable(3, dtype="int32") + 1)

    @pytest.mark.parametrize(
        "call", [int, float, range, np.zeros, np.arange, lambda n: np.random.normal(size=(n, 2))]
    )
    def test_nor_are_sizes_that_a_call_knows(self, call):
        size = K.shape(K.placeholder((None, 2)))[0]
        with pytest.raises(ShapeError, match="is not known before the call.*K's functions take it"):
            call(size)

    def test_in_an_argument(self):
        with pytest.raises(ArgumentError, match="output_dim"):
            Dense(K.variable(3))


def test_warnings_are_of_the_programs_line():
    program = "\nmodel.compile('sgd', 'mse', class_mode='categorical')"
    with pytest.warns(UserWarning, match="class_mode") as caught:
        exec(compile(program, "mine.py", "exec"), {"model": small()})
    assert [(one.filename, one.lineno) for one in caught] == [("mine.py", 2)]
