"""Random layer models with data to train them on: what a campaign over models draws from.

A model is drawn layer by layer: of the layers that take a tensor of that rank (every example of
`tests.layers.every_layer`, and layers with arguments of their own) one is tried on a throwaway
tensor, and another tried where graphc refuses it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from graphc import layers, optimizers
from graphc.backend import settings
from graphc.engine import Input, Layer, Model
from graphc.engine.topology.shapes import known_shape
from graphc.errors import GraphcError
from graphc.layers import InputLayer, Merge, merge
from graphc.models import Graph, Sequential
from tests.files.resumed_programs import fourth_power, noisy
from tests.layers.every_layer import EXAMPLES, Example

Make = Callable[[], Layer]
Random = random.Random

LARGEST = 300  # elements of a sample, so that a model is trained in milliseconds
WORDS = 7
BATCH = 4
_WIDE = (8, 10, 16, 17, 32, 40, 70)

_ACTIVATIONS = ("linear", "tanh", "sigmoid", "hard_sigmoid", "relu", "softplus", "softmax")
_ELEMENTWISE = ("sum", "mul", "ave", "max", "concat")
_FUNCTIONS_OF_USERS = ("Lambda", "MaskedLambda")  # lambdas have no name that a file could give


@dataclass
class Program:
    """A compiled model, and what it is trained on.

    Attributes:
        x, y: one array or a list; of a Graph, both are its dict of arrays.
        arguments: of `fit`, without the data and the epochs.
    """

    model: Model
    x: Any
    y: Any
    arguments: dict[str, Any]

    @property
    def data(self) -> tuple[Any, ...]:
        """The first arguments of `fit` and `train_on_batch`."""
        return (self.x,) if isinstance(self.model, Graph) else (self.x, self.y)

    def rows(self, start: int, stop: int) -> tuple[Any, ...]:
        """`data` of some of the samples."""
        return tuple(_rows(one, start, stop) for one in self.data)


def _rows(data: Any, start: int, stop: int) -> Any:
    if isinstance(data, Mapping):
        return {name: one[start:stop] for name, one in data.items()}
    if isinstance(data, list):
        return [one[start:stop] for one in data]
    return data[start:stop]


# Layers


def _units(draw: Random, most: int) -> int:
    """A few, or now and then as many as fill vectors, tiles and panels, or a few more."""
    return draw.choice(_WIDE) if draw.random() < 0.3 else draw.randint(1, most)


def _dense(draw: Random) -> Make:
    kwargs: dict[str, Any] = {"activation": draw.choice(_ACTIVATIONS)}
    if draw.random() < 0.2:
        kwargs["W_regularizer"] = draw.choice(["l1", "l2", "l1l2"])
    if draw.random() < 0.2:
        kwargs["activity_regularizer"] = draw.choice(["activity_l1", "activity_l2"])
    if draw.random() < 0.2:
        kwargs["W_constraint"] = draw.choice(["maxnorm", "nonneg", "unitnorm"])
    if draw.random() < 0.1:
        kwargs["trainable"] = False
    units = _units(draw, 6)
    return lambda: layers.Dense(units, **kwargs)


def _recurrent(draw: Random) -> Make:
    cls = draw.choice([layers.SimpleRNN, layers.GRU, layers.LSTM])
    units = _units(draw, 4)
    kwargs: dict[str, Any] = {
        "return_sequences": draw.random() < 0.5,
        "go_backwards": draw.random() < 0.3,
        "stateful": draw.random() < 0.3,
        "consume_less": draw.choice(["cpu", "mem", "gpu"]),
        "dropout_W": draw.choice([0.0, 0.3]),
        "dropout_U": draw.choice([0.0, 0.2]),
    }
    return lambda: cls(units, **kwargs)


def _convolution(draw: Random) -> Make:
    kwargs: dict[str, Any] = {
        "border_mode": draw.choice(["valid", "same"]),
        "subsample": (draw.randint(1, 2), draw.randint(1, 2)),
        "dim_ordering": draw.choice(["th", "tf"]),
        "activation": draw.choice(_ACTIVATIONS[:-1]),
        "bias": draw.random() < 0.8,
    }
    sizes = _units(draw, 4), draw.randint(1, 3), draw.randint(1, 3)
    return lambda: layers.Convolution2D(*sizes, **kwargs)


def _normal(draw: Random) -> Make:
    kwargs = {"mode": draw.randint(0, 2), "axis": draw.choice([1, -1])}
    return lambda: layers.BatchNormalization(**kwargs)


def _dropout(draw: Random) -> Make:
    rate = draw.choice([0.1, 0.5, 0.9])
    return lambda: layers.Dropout(rate)


def _noisy(draw: Random) -> Make:
    return lambda: layers.Lambda(noisy)


def _inner(draw: Random) -> Make:
    """A Sequential as a layer of another model."""
    units, rate = _units(draw, 5), draw.choice([0.2, 0.5])
    return lambda: Sequential(
        [layers.Dense(units, input_dim=5, activation="tanh"), layers.Dropout(rate)]
    )


_DRAWN: dict[int, tuple[Callable[[Random], Make], ...]] = {
    2: (_dense, _dense, _dropout, _normal, _noisy, _inner),
    3: (_recurrent, _recurrent, _dropout, _normal, _noisy),
    4: (_convolution, _dropout, _normal),
    5: (_dropout, _normal),
}
"""By the rank of the input, with the batch axis."""


def _examples(rank: int, integers: bool) -> list[Example]:
    return [
        one
        for label, one in EXAMPLES.items()
        if isinstance(one.shapes, tuple)
        and len(one.shapes) + 1 == rank
        and bool(one.integers) == integers
        and label.split()[0] not in _FUNCTIONS_OF_USERS
    ]


def _layer(draw: Random, rank: int, integers: bool) -> Make:
    if not integers and rank in _DRAWN and draw.random() < 0.5:
        return draw.choice(_DRAWN[rank])(draw)
    return draw.choice(_examples(rank, integers)).make


def _size(node: Any) -> int:
    return math.prod(known_shape(node)[1:])


def _tried(make: Make, node: Any) -> Any:
    """The output of the layer on the node; None where it is refused, too large or several."""
    try:
        output = make()(node)
    except GraphcError:
        return None
    if isinstance(output, list) or None in known_shape(output)[1:] or _size(output) > LARGEST:
        return None
    return output


def _chain(draw: Random, node: Any, length: int) -> tuple[list[Make], Any]:
    """Layers that follow each other from the node on, and what comes out of them."""
    found: list[Make] = []
    for _ in range(8 * length):
        if len(found) == length:
            break
        make = _layer(draw, node.ndim, node.dtype == "int32")
        output = _tried(make, node)
        if output is not None:
            found.append(make)
            node = output
    return found, node


def _lstm() -> Layer:
    return layers.LSTM(3)


def _flat_steps() -> Layer:
    return layers.TimeDistributed(layers.Flatten())


def _vector(draw: Random, node: Any) -> tuple[list[Make], Any]:
    """Layers that make a vector of what the node is, and that vector."""
    if node.ndim == 2:
        return [], node
    ways: list[list[Make]] = [[layers.Flatten], [_lstm], [layers.TimeDistributedMerge]]
    draw.shuffle(ways)
    for makes in [*ways, [_flat_steps, _lstm]]:  # the last is for a mask over steps of images
        output = node
        for make in makes:
            output = None if output is None else _tried(make, output)
        if output is not None and output.ndim == 2:
            return makes, output
    raise AssertionError(f"no layers make a vector of {node}")


def _ended(draw: Random, node: Any, activation: str) -> tuple[list[Make], Any]:
    """Layers to an output: a vector, or (now and then) one at each step."""
    units = draw.randint(2, 4)
    if node.ndim == 3 and draw.random() < 0.4:
        last = partial(layers.TimeDistributedDense, units, activation=activation)
        return [last], last()(node)
    makes, node = _vector(draw, node)
    last = partial(layers.Dense, units, activation=activation)
    return [*makes, last], last()(node)


# Inputs


@dataclass(frozen=True)
class Entry:
    """An input: the shape of a sample, whether it is of words, and the batch size, None where each
    call has its own."""

    sample: tuple[int, ...]
    words: bool
    batch: int | None

    @property
    def shape(self) -> tuple[int | None, ...]:
        return (self.batch, *self.sample)

    @property
    def dtype(self) -> str:
        return "int32" if self.words else "float32"

    def tensor(self) -> Any:
        return Input(batch_shape=self.shape, dtype=self.dtype)

    def values(self, rng: np.random.Generator, samples: int) -> np.ndarray:
        size = (samples, *self.sample)
        if self.words:
            return rng.integers(0, WORDS, size).astype("int32")
        values = rng.normal(size=size).astype("float32")
        if len(size) == 3 and rng.random() < 0.5:  # for layers that mask
            steps = rng.integers(1, size[1] + 1, (samples, 1))
            values[np.arange(size[1]) >= steps] = 0.0
        return values


def _entry(draw: Random, batch: int | None) -> Entry:
    kind = draw.choice(["vector", "vector", "steps", "steps", "words", "image", "volume"])
    shape: tuple[int, ...] = (draw.randint(2, 7),)
    if kind == "steps":
        shape = (draw.randint(2, 5), draw.randint(1, 4))
    elif kind == "words":
        shape = (draw.randint(2, 5),)
    elif kind == "image":
        shape = (draw.randint(1, 3), draw.randint(4, 6), draw.randint(4, 6))
    elif kind == "volume":
        shape = (draw.randint(1, 2), *[draw.randint(4, 5)] * 3)
    return Entry(shape, kind == "words", batch)


# Losses


@dataclass(frozen=True)
class Loss:
    """A loss with the activation before it, and targets that it takes."""

    name: Any
    activation: str
    targets: Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def _normals(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.normal(size=shape).astype("float32")


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.choice([-1.0, 1.0], shape).astype("float32")


def _bits(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 2, shape).astype("float32")


def _counts(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 5, shape).astype("float32")


def _classes(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, shape[-1], (*shape[:-1], 1)).astype("int32")


def one_hot(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return np.eye(shape[-1], dtype="float32")[_classes(rng, shape)[..., 0]]


_LOSSES = (
    *(Loss(name, "linear", _normals) for name in ("mse", "rmse", "mae", "mape", "cosine")),
    Loss(fourth_power, "tanh", _normals),
    Loss("msle", "softplus", _counts),
    Loss("poisson", "softplus", _counts),
    Loss("hinge", "tanh", _signs),
    Loss("squared_hinge", "tanh", _signs),
    Loss("binary_crossentropy", "sigmoid", _bits),
    Loss("categorical_crossentropy", "softmax", one_hot),
    Loss("sparse_categorical_crossentropy", "softmax", _classes),
)


def _optimizer(draw: Random) -> optimizers.Optimizer:
    clips = draw.choice([{}, {}, {"clipnorm": 1.0}, {"clipvalue": 0.5}])
    momentum = draw.choice([0.0, 0.9])
    made: Sequence[Callable[[], optimizers.Optimizer]] = (
        lambda: optimizers.SGD(0.05, momentum, draw.choice([0.0, 0.01]), momentum > 0, **clips),
        lambda: optimizers.RMSprop(**clips),
        lambda: optimizers.Adagrad(**clips),
        lambda: optimizers.Adadelta(**clips),
        lambda: optimizers.Adam(lr=0.01, **clips),
        lambda: optimizers.Adamax(**clips),
    )
    return draw.choice(made)()


# Models


@dataclass
class _Wired:
    model: Model
    entries: list[Entry]
    losses: list[Loss]
    shapes: list[tuple[int, ...]]


def _sequential(draw: Random, batch: int | None) -> _Wired:
    entry, loss = _entry(draw, batch), draw.choice(_LOSSES)
    makes, node = _chain(draw, entry.tensor(), draw.randint(1, 5))
    last, output = _ended(draw, node, loss.activation)
    first = InputLayer(batch_input_shape=entry.shape, input_dtype=entry.dtype)
    model = Sequential([first, *(make() for make in (*makes, *last))])
    return _Wired(model, [entry], [loss], [known_shape(output)])


def _merged_sequential(draw: Random, batch: int | None) -> _Wired:
    loss, entries, branches = draw.choice(_LOSSES), [], []
    for _ in range(draw.randint(2, 3)):
        entry = _entry(draw, batch)
        makes, node = _chain(draw, entry.tensor(), draw.randint(0, 3))
        reduced, _ = _vector(draw, node)
        first = InputLayer(batch_input_shape=entry.shape, input_dtype=entry.dtype)
        # The last ones are of equal shapes, so that every mode takes them.
        followed = [make() for make in (*makes, *reduced)]
        branches.append(Sequential([first, *followed, layers.Dense(3)]))
        entries.append(entry)
    merged = Merge(branches, mode=draw.choice(_ELEMENTWISE))
    model = Sequential([merged, layers.Dense(3, activation=loss.activation)])
    return _Wired(model, entries, [loss], [(BATCH, 3)])


def _functional(draw: Random, batch: int | None) -> _Wired:
    """Branches that share layers, merged, with one output or two."""
    entries: list[Entry] = []
    inputs, vectors = [], []
    for _ in range(draw.randint(1, 2)):
        entry = _entry(draw, batch)
        makes, node = _chain(draw, entry.tensor(), draw.randint(0, 3))
        reduced, _ = _vector(draw, node)
        shared = [make() for make in (*makes, *reduced, lambda: layers.Dense(4))]
        for _ in range(draw.randint(1, 2)):  # how often the layers are used
            tensor = node = entry.tensor()
            for layer in shared:
                node = layer(node)
            entries.append(entry)
            inputs.append(tensor)
            vectors.append(node)
    joined = vectors[0]
    if len(vectors) > 1:
        joined = merge(vectors, mode=draw.choice(_ELEMENTWISE))
    losses = [draw.choice(_LOSSES) for _ in range(draw.randint(1, 2))]
    outputs = []
    for loss in losses:
        makes, node = _chain(draw, joined, draw.randint(0, 2))
        last, _ = _ended(draw, node, loss.activation)
        node = joined
        for make in (*makes, *last):
            node = make()(node)
        outputs.append(node)
    return _Wired(Model(inputs, outputs), entries, losses, [known_shape(one) for one in outputs])


def _graph(draw: Random, batch: int | None) -> _Wired:
    """A Graph of two inputs, a shared node, and further ones behind it."""
    model, loss = Graph(), draw.choice(_LOSSES)
    size = draw.randint(2, 5)
    entries = [Entry((size,), False, batch) for _ in range(2)]
    for name, entry in zip("ab", entries, strict=True):
        model.add_input(name, batch_input_shape=entry.shape)
    shared = _dense(draw)
    model.add_shared_node(shared(), name="shared", inputs=["a", "b"], outputs=["c", "d"])
    makes, node = _chain(draw, shared()(entries[0].tensor()), draw.randint(0, 3))
    reduced, _ = _vector(draw, node)
    before = "d"
    for k, make in enumerate([*makes, *reduced]):
        model.add_node(make(), name=f"node_{k}", input=before)
        before = f"node_{k}"
    model.add_node(layers.Dense(3), name="left", input="c")
    model.add_node(layers.Dense(3), name="right", input=before)
    mode = draw.choice(["sum", "mul", "ave", "max"])
    last = layers.Dense(3, activation=loss.activation)
    model.add_node(last, name="last", inputs=["left", "right"], merge_mode=mode)
    model.add_output("y", input="last")
    return _Wired(model, entries, [loss], [(BATCH, 3)])


_KINDS = (_sequential, _sequential, _merged_sequential, _functional, _functional, _graph)


def drawn(rng: np.random.Generator, batch: int | None = BATCH) -> Program:
    """A model, compiled, with its data; NumPy's global generator is left seeded.

    Layers are numbered from 1 on, as in a new process: weights are in the order of their names.
    With the batch size None each call has its own, and no layer is stateful.
    """
    settings._uids.clear()
    draw = random.Random(int(rng.integers(2**63)))
    np.random.seed(int(rng.integers(2**32)))
    wired = draw.choice(_KINDS)(draw, batch)
    samples = BATCH * draw.randint(2, 3)
    x = [entry.values(rng, samples) for entry in wired.entries]
    y = [
        loss.targets(rng, (samples, *shape[1:]))
        for loss, shape in zip(wired.losses, wired.shapes, strict=True)
    ]
    arguments: dict[str, Any] = {
        "batch_size": BATCH,
        "shuffle": draw.choice([True, False, "batch"]),
        "verbose": 0,
    }
    model, optimizer = wired.model, _optimizer(draw)
    if isinstance(model, Graph):
        model.compile(optimizer, {"y": wired.losses[0].name})
        data = {"a": x[0], "b": x[1], "y": y[0]}
        return Program(model, data, data, arguments)
    model.compile(optimizer, [loss.name for loss in wired.losses])
    return Program(model, _alone(x), _alone(y), arguments)


def _alone(values: list[np.ndarray]) -> Any:
    return values[0] if len(values) == 1 else values
