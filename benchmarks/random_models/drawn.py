"""Models of usual layers and of usual sizes in any order, as strangers write them.

A model is a chain of layers, drawn one by one, that ends in a vector or a sequence; layers that do
not fit are left out. What is drawn is that of Keras 1.2 (flag `keras`); where channels are says the
flag `image_dim_ordering`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphc import backend as K
from graphc import layers as L
from graphc.engine import Layer, Model
from graphc.engine.topology.shapes import known_shape
from graphc.errors import GraphcError
from graphc.models import Sequential

_BATCHES = (1, 8, 16, 20, 32, 50, 64, 100, 128)
_FILTERS = (4, 8, 10, 16, 24, 32, 48, 64)
_UNITS = (5, 10, 20, 32, 50, 64, 100, 128)
_WIDTHS = (8, 32, 100, 256, 512, 1000)
_ACTIVATIONS = ("relu", "relu", "tanh", "sigmoid", "softplus", "hard_sigmoid")
_LOSSES = ("mse", "mae", "binary_crossentropy", "categorical_crossentropy", "kld")
_OPTIMIZERS = ("sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax")

Draw = random.Random
Make = Callable[[Draw], Layer]


@dataclass(frozen=True)
class DrawnModel:
    """A model, and how it is trained.

    Attributes:
        model: the model, of one input.
        batch: samples of a step.
        loss, optimizer: their names.
        words: how many numbers of rows an input of words has; 0 for other inputs.
        text: the layers, in order.
    """

    model: Model
    batch: int
    loss: str
    optimizer: str
    words: int
    text: str


def drawn_models(seed: int) -> Iterator[DrawnModel]:
    """Draw models without end, the same ones for a seed."""
    draw = random.Random(seed)
    while True:
        yield _drawn(draw)


def _drawn(draw: Draw) -> DrawnModel:
    words = 0
    kind = draw.choice(("image", "image", "volume", "steps", "words", "rows", "branches"))
    if kind in ("image", "branches"):
        size = draw.choice((14, 16, 24, 28, 32, 40, 48, 64))
        shape = _image_shape(draw.choice((1, 3, 4, 8, 16)), size, size)
    elif kind == "volume":
        shape = _image_shape(draw.choice((1, 3)), *[draw.choice((8, 12, 16, 20))] * 3)
    elif kind == "rows":
        shape = (draw.choice((5, 30, 100, 784, 2000)),)
    else:
        shape = (draw.choice((10, 20, 30, 50, 80, 100, 200)),)
        if kind == "steps":
            shape = (*shape, draw.choice((1, 2, 10, 32, 64, 100)))
    chain: list[Layer] = [L.InputLayer(input_shape=shape)]
    if kind == "words":
        words = draw.choice((100, 1000, 5000, 20000))
        width, length = draw.choice((16, 32, 50, 100, 128)), shape[0]
        chain = [L.Embedding(words, width, input_length=length, dropout=draw.choice((0.0, 0.2)))]
    model = Sequential(chain)
    if kind == "branches":
        model.add(_branches(draw, shape))
    for _ in range(draw.randint(1, 5)):
        _add(model, draw.choice(_LAYERS[len(known_shape(model.outputs[0]))])(draw))
    for layer in _ends(draw, len(known_shape(model.outputs[0]))):
        model.add(layer)
    if draw.random() < 0.8 and len(known_shape(model.outputs[0])) == 2:
        model.add(L.Dense(draw.choice((1, 10, 100)), activation=draw.choice(("sigmoid", "linear"))))
    text = ", ".join(f"{one.name} {known_shape(one.output)[1:]}" for one in model.layers)
    return DrawnModel(
        model,
        draw.choice(_BATCHES),
        draw.choice(_LOSSES),
        draw.choice(_OPTIMIZERS),
        words,
        f"{shape}: {text}",
    )


def _image_shape(channels: int, *sizes: int) -> tuple[int, ...]:
    return (channels, *sizes) if K.image_dim_ordering() == "th" else (*sizes, channels)


def _channel_axis() -> int:
    return 1 if K.image_dim_ordering() == "th" else -1


def _add(model: Sequential, layer: Layer) -> None:
    """Add a layer, unless graphc refuses it there."""
    try:
        layer.get_output_shape_for(model.output_shape)
        model.add(layer)
    except GraphcError:
        return


def _branches(draw: Draw, shape: tuple[int, ...]) -> Layer:
    """A layer that joins convolutions of one image, as residual nets and inceptions do."""
    image = L.Input(shape=shape)
    mode = draw.choice(("sum", "mul", "ave", "max", "concat"))
    filters = draw.choice(_FILTERS)
    results = []
    for _ in range(draw.randint(2, 4)):
        own = draw.choice(_FILTERS) if mode == "concat" else filters
        size = draw.choice((1, 3, 3, 5))
        node = L.Convolution2D(own, size, size, border_mode="same")(image)
        if draw.random() < 0.5:
            node = L.BatchNormalization(axis=_channel_axis())(node)
        results.append(L.Activation(draw.choice(_ACTIVATIONS))(node))
    return Model(image, L.merge(results, mode=mode, concat_axis=_channel_axis()))


def _ends(draw: Draw, rank: int) -> list[Layer]:
    """Layers that make a vector of a tensor, or nothing."""
    if rank == 4:
        ends: tuple[Make, ...] = (_flat, _flat, lambda _: L.GlobalAveragePooling2D())
    elif rank == 3:
        ends = (_flat, lambda _: L.GlobalMaxPooling1D(), lambda _: L.GRU(draw.choice(_UNITS)))
    else:
        ends = (_flat,)
    if rank == 2 or draw.random() < 0.2:
        return []
    return [draw.choice(ends)(draw)]


# ---- layers -------------------------------------------------------------------------------------


def _flat(draw: Draw) -> Layer:
    return L.Flatten()


def _dropout(draw: Draw) -> Layer:
    return L.Dropout(draw.choice((0.2, 0.5)))


def _noise(draw: Draw) -> Layer:
    return L.GaussianNoise(0.1)


def _activation(draw: Draw) -> Layer:
    own = (lambda: L.LeakyReLU(0.2), L.PReLU, L.ELU)
    return draw.choice((*own, *[lambda: L.Activation(draw.choice(_ACTIVATIONS))] * 3))()


def _normalization(axis: int) -> Make:
    return lambda draw: L.BatchNormalization(axis=axis)


def _normalization_of_channels(draw: Draw) -> Layer:
    return L.BatchNormalization(axis=_channel_axis())


def _dense(draw: Draw) -> Layer:
    return L.Dense(draw.choice(_WIDTHS), activation=draw.choice(_ACTIVATIONS))


def _convolution(draw: Draw) -> Layer:
    size, step = draw.choice((1, 3, 3, 3, 5, 7)), draw.choice((1, 1, 1, 2))
    return L.Convolution2D(
        draw.choice(_FILTERS),
        size,
        size,
        border_mode=draw.choice(("same", "valid")),
        subsample=(step, step),
        activation=draw.choice(("linear", *_ACTIVATIONS)),
    )


def _dilated(draw: Draw) -> Layer:
    rate = draw.choice((2, 3))
    return L.AtrousConvolution2D(draw.choice(_FILTERS), 3, 3, atrous_rate=(rate, rate))


def _pooling(draw: Draw) -> Layer:
    cls = draw.choice((L.MaxPooling2D, L.MaxPooling2D, L.AveragePooling2D))
    window = draw.choice((2, 2, 3, 4))
    step = draw.choice((1, 2, window, window))
    return cls((window, window), strides=(step, step), border_mode=draw.choice(("valid", "same")))


def _solid_convolution(draw: Draw) -> Layer:
    size, step = draw.choice((1, 2, 3, 3, 5)), draw.choice((1, 1, 2))
    return L.Convolution3D(
        draw.choice((4, 8, 16)),
        size,
        size,
        size,
        border_mode=draw.choice(("same", "valid")) if size % 2 else "valid",
        subsample=(step, step, step),
        activation=draw.choice(_ACTIVATIONS),
    )


def _solid_pooling(draw: Draw) -> Layer:
    cls, window = draw.choice((L.MaxPooling3D, L.AveragePooling3D)), draw.choice((2, 2, 3))
    step = draw.choice((1, window, window))
    return cls((window,) * 3, strides=(step,) * 3)


def _recurrent(draw: Draw) -> Layer:
    rate = draw.choice((0.0, 0.0, 0.2))
    units = draw.choice(_UNITS)
    cls = draw.choice((L.LSTM, L.GRU, L.SimpleRNN))
    layer = cls(units, return_sequences=True, dropout_W=rate, dropout_U=rate)
    return L.Bidirectional(layer) if draw.random() < 0.3 else layer


def _convolution_of_steps(draw: Draw) -> Layer:
    return L.Convolution1D(
        draw.choice((8, 16, 64, 100, 250)),
        draw.choice((1, 2, 3, 5, 7)),
        border_mode=draw.choice(("same", "valid")),
        subsample_length=draw.choice((1, 1, 2)),
        activation=draw.choice(_ACTIVATIONS),
    )


def _pooling_of_steps(draw: Draw) -> Layer:
    cls = draw.choice((L.MaxPooling1D, L.AveragePooling1D))
    return cls(draw.choice((2, 3, 4, 5)), stride=draw.choice((None, None, 1, 2)))


def _dense_of_steps(draw: Draw) -> Layer:
    return L.TimeDistributed(L.Dense(draw.choice(_UNITS), activation=draw.choice(_ACTIVATIONS)))


_ANY: tuple[Make, ...] = (_dropout, _noise, _activation, _activation)
_LAYERS: dict[int, tuple[Make, ...]] = {
    2: (_dense, _dense, _dense, _normalization(1), *_ANY),
    3: (
        _recurrent,
        _recurrent,
        _convolution_of_steps,
        _convolution_of_steps,
        _pooling_of_steps,
        _dense_of_steps,
        _normalization(2),
        *_ANY,
    ),
    4: (
        *[_convolution] * 4,
        *[_pooling] * 3,
        _dilated,
        *[_normalization_of_channels] * 2,
        lambda draw: L.UpSampling2D((2, 2)),
        lambda draw: L.ZeroPadding2D((1, 2)),
        lambda draw: L.Cropping2D(((1, 1), (2, 2))),
        lambda draw: L.SeparableConvolution2D(draw.choice(_FILTERS), 3, 3, border_mode="same"),
        lambda draw: L.SpatialDropout2D(0.3),
        *_ANY,
    ),
    5: (*[_solid_convolution] * 2, *[_solid_pooling] * 2, _normalization_of_channels, *_ANY),
}
"""By the rank of what they take, with the batch axis."""
