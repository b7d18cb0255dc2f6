"""Every layer of `graphc.layers` with arguments and an input: what tests of all layers go over."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc import layers
from graphc.compiler import graph as g
from graphc.engine import Input, Layer

# Bases, and what has no output of its own.
ABSTRACT = {"Layer", "InputLayer", "MaskedLayer", "Recurrent", "ConvRecurrent2D", "Wrapper"}


@dataclass(frozen=True)
class Example:
    """A layer to be made, and the shapes of its inputs without the batch axis.

    Attributes:
        shapes: one shape for a single input, a list of them for a list of inputs.
        integers: for inputs of whole numbers below this.
        masked: whether a mask that leaves steps out comes in too.
    """

    make: Callable[[], Layer]
    shapes: tuple[int, ...] | list[tuple[int, ...]]
    integers: int = 0
    masked: bool = False


def _spatial(name: str, *arguments: object) -> Iterator[tuple[str, Example]]:
    """A layer of 1, 2 and 3 dimensions, in both orderings where it has them."""
    sizes = (7, 6, 5)
    for dimensions in (1, 2, 3):
        cls = getattr(layers, f"{name}{dimensions}D")
        given = [one[:dimensions] if isinstance(one, tuple) else one for one in arguments]
        if name == "Convolution":
            given = [2, *([3, 2, 3][:dimensions])]
        if dimensions == 1:
            given = [one[0] if isinstance(one, tuple) else one for one in given]
            yield f"{name}1D", Example(_maker(cls, given), (sizes[0], 3))
            continue
        for ordering in ("th", "tf"):
            spatial = sizes[:dimensions]
            shape = (3, *spatial) if ordering == "th" else (*spatial, 3)
            make = _maker(cls, given, dim_ordering=ordering)
            yield f"{name}{dimensions}D {ordering}", Example(make, shape)


def _maker(cls: type[Layer], arguments: Sequence[object], **kwargs: object) -> Callable[[], Layer]:
    return lambda: cls(*arguments, **kwargs)


_RECURRENT = {
    "": {},
    "sequences": {"return_sequences": True},
    "backwards": {"return_sequences": True, "go_backwards": True},
    "unrolled": {"unroll": True},
    "mem, dropout": {"consume_less": "mem", "dropout_W": 0.3, "dropout_U": 0.4},
    "relu": {"activation": "relu", "return_sequences": True},
    "gpu, dropout": {"consume_less": "gpu", "dropout_W": 0.3, "dropout_U": 0.4},
}


def _recurrent() -> Iterator[tuple[str, Example]]:
    for name in ("SimpleRNN", "GRU", "LSTM"):
        cls = getattr(layers, name)
        for note, kwargs in _RECURRENT.items():
            for masked in (False, True):
                label = f"{name} {note}{', masked' if masked else ''}"
                yield label, Example(_maker(cls, [4], **kwargs), (5, 3), masked=masked)


def _image(ordering: str) -> tuple[int, ...]:
    return (3, 5, 6) if ordering == "th" else (5, 6, 3)


# Layers over images -> what makes one, for an ordering.
_IMAGES: dict[str, Callable[[str], Callable[[], Layer]]] = {
    "AtrousConvolution2D": lambda ordering: (
        lambda: layers.AtrousConvolution2D(
            2, 2, 3, atrous_rate=(2, 1), border_mode="same", dim_ordering=ordering
        )
    ),
    "Convolution2D full": lambda ordering: (
        lambda: layers.Convolution2D(
            2, 2, 3, border_mode="full", subsample=(2, 1), bias=False, dim_ordering=ordering
        )
    ),
    "Deconvolution2D": lambda ordering: (
        lambda: layers.Deconvolution2D(
            *(2, 3, 2, (None, 2, 10, 12) if ordering == "th" else (None, 10, 12, 2)),
            border_mode="same",
            subsample=(2, 2),
            dim_ordering=ordering,
        )
    ),
    "SeparableConvolution2D": lambda ordering: (
        lambda: layers.SeparableConvolution2D(
            *(2, 2, 3),
            depth_multiplier=2,
            subsample=(2, 1),
            border_mode="same",
            dim_ordering=ordering,
        )
    ),
    "LocallyConnected2D": lambda ordering: (
        lambda: layers.LocallyConnected2D(2, 2, 3, subsample=(1, 2), dim_ordering=ordering)
    ),
}

_CONV_LSTMS: dict[str, dict[str, object]] = {
    "": {"dim_ordering": "th"},
    "sequences": {"dim_ordering": "tf", "return_sequences": True, "border_mode": "same"},
    "dropout": {"dim_ordering": "th", "dropout_W": 0.3, "dropout_U": 0.4, "go_backwards": True},
}


EXAMPLES: dict[str, Example] = {
    "Activation": Example(lambda: layers.Activation("tanh"), (5,)),
    "ActivityRegularization": Example(lambda: layers.ActivityRegularization(0.1, 0.2), (5,)),
    "AutoEncoder": Example(
        lambda: layers.AutoEncoder(layers.Dense(3, activation="tanh"), layers.Dense(5)), (5,)
    ),
    **{
        f"Bidirectional {mode}": Example(
            lambda mode=mode: layers.Bidirectional(layers.GRU(4), merge_mode=mode),
            (5, 3),
            masked=True,
        )
        for mode in ("sum", "mul", "ave", "concat", None)
    },
    "BatchNormalization 0": Example(lambda: layers.BatchNormalization(axis=1), (3, 4)),
    "BatchNormalization 1": Example(lambda: layers.BatchNormalization(mode=1), (3, 4)),
    "BatchNormalization 2": Example(lambda: layers.BatchNormalization(mode=2), (4,)),
    "BatchNormalization elements": Example(lambda: layers.BatchNormalization(axis=None), (3, 4)),
    "Dense": Example(lambda: layers.Dense(4, activation="sigmoid"), (5,)),
    "Dense of several axes": Example(lambda: layers.Dense(4, bias=False), (2, 3, 5)),
    "Dropout": Example(lambda: layers.Dropout(0.4), (3, 5), masked=True),
    "Dropout noise_shape": Example(lambda: layers.Dropout(0.4, (None, 1, 5), seed=3), (3, 5)),
    "ELU": Example(lambda: layers.ELU(0.7), (5,)),
    "Embedding": Example(lambda: layers.Embedding(7, 3), (5,), integers=7),
    "Embedding mask_zero": Example(
        lambda: layers.Embedding(7, 3, mask_zero=True), (5,), integers=7
    ),
    "Embedding dropout": Example(lambda: layers.Embedding(7, 3, dropout=0.4), (5,), integers=7),
    "Flatten": Example(layers.Flatten, (3, 4)),
    "GaussianDropout": Example(lambda: layers.GaussianDropout(0.3), (5,)),
    "GaussianNoise": Example(lambda: layers.GaussianNoise(0.3), (5,)),
    "Highway without bias": Example(lambda: layers.Highway(bias=False), (5,)),
    "Highway": Example(lambda: layers.Highway(activation="tanh"), (5,)),
    "Lambda": Example(lambda: layers.Lambda(lambda x: x**2), (5,)),
    "LRN2D": Example(lambda: layers.LRN2D(alpha=0.3, n=3), (5, 3, 2)),
    "LRN2D more than there are": Example(lambda: layers.LRN2D(alpha=0.3, n=7), (3, 2, 2)),
    "LeakyReLU": Example(lambda: layers.LeakyReLU(0.2), (5,)),
    "MaskedLambda": Example(lambda: layers.MaskedLambda(lambda x: x**2), (3, 5), masked=True),
    "Masking": Example(lambda: layers.Masking(5.0), (4, 3)),
    **{
        f"Merge {mode}": Example(lambda mode=mode: layers.Merge(mode=mode), [(5,), (5,)])
        for mode in ("sum", "mul", "ave", "max", "concat", "dot", "cos")
    },
    "Merge dot over several axes": Example(
        lambda: layers.Merge(mode="dot", dot_axes=([1, 2], [3, 1])), [(3, 4, 5), (4, 2, 3)]
    ),
    "Merge cos over several axes": Example(
        lambda: layers.Merge(mode="cos", dot_axes=([1, 2], [1, 2])), [(3, 4), (3, 4)]
    ),
    "MaxoutDense": Example(lambda: layers.MaxoutDense(3, nb_feature=2), (5,)),
    "PReLU": Example(lambda: layers.PReLU("uniform"), (3, 5)),
    "PReLU shared": Example(lambda: layers.PReLU("uniform", shared_axes=[2]), (3, 5)),
    "ParametricSoftplus": Example(layers.ParametricSoftplus, (5,)),
    "Permute": Example(lambda: layers.Permute((2, 1)), (3, 5)),
    "RepeatVector": Example(lambda: layers.RepeatVector(3), (5,)),
    "Reshape": Example(lambda: layers.Reshape((-1, 2)), (3, 4)),
    "SharedLayer": Example(lambda: layers.SharedLayer(layers.Dense(3)), (5,)),
    "SiameseHead": Example(lambda: layers.SiameseHead(1), [(5,), (4,)]),
    "SReLU": Example(lambda: layers.SReLU("uniform"), (5,)),
    "ThresholdedLinear": Example(lambda: layers.ThresholdedLinear(0.5), (5,)),
    "ThresholdedReLU": Example(lambda: layers.ThresholdedReLU(0.5), (5,)),
    "TimeDistributed Dense": Example(
        lambda: layers.TimeDistributed(layers.Dense(4, activation="tanh")), (3, 5), masked=True
    ),
    "TimeDistributed Convolution2D": Example(
        lambda: layers.TimeDistributed(layers.Convolution2D(2, 3, 3, dim_ordering="th")),
        (3, 2, 5, 4),
        masked=True,
    ),
    "TimeDistributedDense": Example(lambda: layers.TimeDistributedDense(4), (3, 5), masked=True),
    **{
        f"TimeDistributedMerge {mode}": Example(
            lambda mode=mode: layers.TimeDistributedMerge(mode), (3, 5)
        )
        for mode in ("sum", "ave", "mul")
    },
    **dict(_spatial("Convolution")),
    **dict(_spatial("MaxPooling", (2, 2, 2))),
    **dict(_spatial("AveragePooling", (2, 2, 2))),
    **dict(_spatial("UpSampling", (2, 2, 2))),
    **dict(_spatial("ZeroPadding", (1, 1, 1))),
    "ZeroPadding2D each side": Example(
        lambda: layers.ZeroPadding2D((1, 0, 2, 3), dim_ordering="tf"), (3, 2, 2)
    ),
    **dict(_spatial("Cropping", ((1, 2), (0, 1), (2, 1)))),
    **dict(_spatial("GlobalMaxPooling")),
    **dict(_spatial("GlobalAveragePooling")),
    "SpatialDropout1D": Example(lambda: layers.SpatialDropout1D(0.4), (5, 3), masked=True),
    **{
        f"{cls.__name__} {ordering}": Example(
            _maker(cls, [0.4], dim_ordering=ordering), (3, 4, 2, 2)[: dims + 1]
        )
        for dims, cls in ((2, layers.SpatialDropout2D), (3, layers.SpatialDropout3D))
        for ordering in ("th", "tf")
    },
    "AtrousConvolution1D": Example(
        lambda: layers.AtrousConvolution1D(2, 3, atrous_rate=2, bias=False), (7, 3)
    ),
    "LocallyConnected1D": Example(
        lambda: layers.LocallyConnected1D(2, 3, activation="tanh", subsample_length=2), (7, 3)
    ),
    **{
        f"{name} {ordering}": Example(make(ordering), _image(ordering))
        for name, make in _IMAGES.items()
        for ordering in ("th", "tf")
    },
    **{
        f"ConvLSTM2D {note}{', masked' if masked else ''}": Example(
            lambda kwargs=kwargs: layers.ConvLSTM2D(2, 2, 3, **kwargs),
            (3, 2, 4, 4) if kwargs["dim_ordering"] == "th" else (3, 4, 4, 2),
            masked=masked,
        )
        for note, kwargs in _CONV_LSTMS.items()
        for masked in (False, True)
    },
    **dict(_recurrent()),
}


def exported() -> set[str]:
    """The names of the layers that `graphc.layers` exports."""
    return {
        value.__name__
        for value in vars(layers).values()
        if inspect.isclass(value) and issubclass(value, Layer) and value.__name__ not in ABSTRACT
    }


@dataclass
class Applied:
    """An example on inputs: its tensors, weights, and something to feed them.

    Attributes:
        inputs, weights: input nodes; the weights' stand for the shared variables.
        outputs: of training, from these.
        values: for each input node.
    """

    layer: Layer
    inputs: list[g.Node]
    weights: list[g.Node]
    outputs: list[g.Node]
    values: dict[g.Node, np.ndarray]


def applied(example: Example, dtype: str, batch: int = 3) -> Applied:
    """The layer in training, with values drawn from a fixed seed."""
    rng = np.random.default_rng(7)
    np.random.seed(7)
    several = isinstance(example.shapes, list)
    shapes = example.shapes if several else [example.shapes]
    input_dtype = "int32" if example.integers else dtype
    inputs = [Input(shape, dtype=input_dtype) for shape in shapes]
    values: dict[g.Node, np.ndarray] = {}
    for node, shape in zip(inputs, shapes, strict=True):
        size = (batch, *shape)
        drawn = (
            rng.integers(0, example.integers, size) if example.integers else rng.normal(size=size)
        )
        values[node] = drawn.astype(input_dtype)
    mask = None
    if example.masked:
        mask = g.input((g.BATCH, shapes[0][0]), "bool")
        values[mask] = np.arange(shapes[0][0]) < rng.integers(0, shapes[0][0] + 1, (batch, 1))
        values[mask][0, 0], values[mask][0, 1:] = False, True  # one that begins with a gap
    layer = example.make()
    output = layer(inputs if several else inputs[0], mask=mask)
    outputs = output if isinstance(output, list) else [output]
    stand_ins = {weight: g.input(weight.shape, dtype) for weight in layer.weights}
    phase = {g.learning_phase(): g.constant(np.bool_(True))}
    outputs = g.substitute(outputs, {**stand_ins, **phase})
    for weight, node in stand_ins.items():
        values[node] = weight.get_value().astype(dtype)
    return Applied(layer, inputs, list(stand_ins.values()), outputs, values)
