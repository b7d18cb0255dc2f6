"""One kernel of each kind: graphs whose text a stranger should be able to read."""

from __future__ import annotations

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node, State

Built = tuple[str, list[Node], list[State]]
"""The kind of the kernel, outputs, and states whose new values are the last of them."""


def pointwise() -> Built:
    """Dropout behind a bias and relu."""
    x, bias = g.input((BATCH, 512), name="x"), g.input((512,), name="bias")
    with g.origin("activation_1"):
        hidden = g.maximum(x + bias, 0.0)
    with g.origin("dropout_1"):
        kept = g.random.uniform((BATCH, 512), seed=1, stream=2) < 0.8
        return "pointwise", [g.where(kept, hidden / 0.8, 0.0)], []


def drawn_shard() -> Built:
    """Dropout of the rows of a shard: the draw has the words of its place in that of the batch."""
    x = g.input((3, BATCH, 5, 8), name="x")
    first, whole = g.input((), "int64", name="first"), g.input((), "int64", name="whole")
    with g.origin("dropout_1"):
        words = g.random.range_of_draw(g.random.bits(x.shape, 1, 2), 1, whole, first)
        return "pointwise", [g.where(g.less(g.cast(words, "int64"), 2**31), x * 2.0, 0.0)], []


def update() -> Built:
    """A step of RMSprop for two parameters whose gradients are fed."""
    lr = g.shared(np.float32(0.001), "lr")
    outputs, states = [], []
    for name, shape in (("W", (64, 10)), ("b", (10,))):
        weight = g.shared(np.zeros(shape, "float32"), name)
        square = g.shared(np.zeros(shape, "float32"), f"{name}_square")
        gradient = g.input(shape, name=f"gradient of {name}")
        mean = 0.9 * square + 0.1 * gradient**2
        outputs += [mean, weight - lr * gradient / g.sqrt(mean + 1e-6)]
        states += [square.attrs["state"], weight.attrs["state"]]
    return "update", outputs, states


def gather() -> Built:
    """An embedding of sequences."""
    table = g.shared(np.zeros((20_000, 128), "float32"), "W")
    with g.origin("embedding_1"):
        return "gather", [g.take(table, g.input((BATCH, 80), "int32", name="words"))], []


def scatter() -> Built:
    """The gradient of an embedding, and a step of SGD with it."""
    words = g.input((BATCH, 80), "int32", name="words")
    table = g.shared(np.zeros((20_000, 128), "float32"), "W")
    with g.origin("gradient of embedding_1"):
        gradient = g.scatter_add(words, g.input((BATCH, 80, 128), name="cotangents"), 20_000)
        return "scatter", [table - 0.01 * gradient], [table.attrs["state"]]


def embedding_step() -> Built:
    """A step of SGD with an embedding, in place: what reads it has tested the indices."""
    words = g.input((BATCH, 80), "int32", name="words")
    table = g.shared(np.zeros((20_000, 128), "float32"), "W")
    with g.origin("embedding_1"):
        read = g.take(table, words)
        loss = g.sum(read * read)
    return "scatter", [loss, table - 0.01 * grad(loss, table)], [table.attrs["state"]]


def window() -> Built:
    """Max pooling, and a scale behind it."""
    with g.origin("maxpooling2d_1"):
        pooled = g.max_pool(g.input((BATCH, 32, 24, 24), name="x"), (2, 2))
        return "window", [pooled * 0.5], []


def empty_product() -> Built:
    """A product whose sums have no elements, and its bias."""
    x, weights = g.input((BATCH, 0), name="x"), g.shared(np.zeros((0, 3), "float32"), "W")
    with g.origin("dense_1"):
        return "matmul", [g.dot(x, weights) + g.shared(np.zeros(3, "float32"), "b")], []


def conv() -> Built:
    """A convolution with its bias and relu."""
    image = g.input((BATCH, 32, 26, 26), name="image")
    kernel = g.shared(np.zeros((32, 32, 3, 3), "float32"), "W")
    bias = g.shared(np.zeros(32, "float32"), "b")
    with g.origin("convolution2d_2"):
        product = g.conv(image, kernel) + g.reshape(bias, (1, 32, 1, 1))
        return "conv", [g.maximum(product, 0.0)], []


def one_filter() -> Built:
    """A convolution that is no product: each thread walks a window of all channels."""
    image = g.input((BATCH, 3, 20, 22), name="image")
    kernel = g.shared(np.zeros((1, 3, 2, 4), "float32"), "W")
    with g.origin("convolution2d_1"):
        return "conv", [g.conv(image, kernel, (1, 2), ((1, 0), (0, 3)))], []


def holes_of_a_call() -> Built:
    """The gradient of a convolution with stride 2, of an image whose size the call tells: which
    places of a window meet elements is known there."""
    cotangents = g.input((BATCH, 16, g.symbol("height"), 12), name="c")
    kernel = g.shared(np.zeros((4, 16, 3, 2), "float32"), "W")
    with g.origin("gradient of convolution2d_1"):
        height = cotangents.shape[2]
        image = g.conv(cotangents, kernel, 1, ((height - 1, 2), (1, 1)), (2, 2))
        return "conv", [image], []


def pooled_conv() -> Built:
    """A convolution with its bias and relu, pooled, and dropout behind; others read its value."""
    image = g.input((BATCH, 32, 26, 26), name="image")
    kernel = g.shared(np.zeros((32, 32, 3, 3), "float32"), "W")
    bias = g.shared(np.zeros(32, "float32"), "b")
    with g.origin("convolution2d_2"):
        hidden = g.maximum(g.conv(image, kernel) + g.reshape(bias, (1, 32, 1, 1)), 0.0)
    with g.origin("maxpooling2d_1"):
        pooled = g.max_pool(hidden, (2, 2))
    with g.origin("dropout_1"):
        kept = g.random.uniform(pooled.shape, seed=1, stream=2) < 0.75
        return "conv", [hidden, g.where(kept, pooled / 0.75, 0.0)], []


def pooled_volume() -> Built:
    """A convolution of volumes, pooled, in training: two threads have a half of a window each, and
    find its maximum, the maximum's place, and what else is there."""
    volume = g.input((BATCH, 8, 10, 10, 10), name="volume")
    kernel = g.shared(np.zeros((16, 8, 3, 3, 3), "float32"), "W")
    with g.origin("convolution3d_1"):
        hidden = g.conv(volume, kernel)
    with g.origin("maxpooling3d_1"):
        pool = {"window": (2,) * 3, "strides": (2,) * 3, "padding": ((0, 0),) * 3}
        places = g.make("argmax_pool", hidden, **pool)
        picked = [
            g.make("gather_pool", places, x, **pool) for x in (hidden, g.greater(hidden, 0.5))
        ]
        return "conv", [places, *picked], []


def rows() -> Built:
    """A softmax."""
    with g.origin("activation_1"):
        x = g.input((BATCH, 10), name="x")
        shifted = g.exp(x - g.max(x, 1, keepdims=True))
        return "rows", [shifted / g.sum(shifted, 1, keepdims=True)], []


def columns() -> Built:
    """The gradient of a bias."""
    with g.origin("gradient of dense_1"):
        return "columns", [g.sum(g.input((BATCH, 512), name="cotangents"), 0)], []


def spread_columns() -> Built:
    """The sum of squares along the middle axis, of what is divided by a length and one more sum."""
    x, length = g.input((4, 50, 70), name="x"), g.input((4, 1, 70), name="length")
    with g.origin("lambda_1"):
        scaled = x / g.exp(length)
        mean = g.mean(scaled, 1, keepdims=True)
        return "columns", [g.sum(g.square(scaled - mean), 1)], []


def matmul() -> Built:
    """A dense layer with relu."""
    weights, bias = (
        g.shared(np.zeros(s, "float32"), n) for s, n in (((784, 512), "W"), (512, "b"))
    )
    with g.origin("dense_1"):
        product = g.dot(g.input((BATCH, 784), name="x"), weights)
        return "matmul", [g.maximum(product + bias, 0.0)], []


def batched_matmul() -> Built:
    """Scores of attention, by 4 heads of 16."""
    queries, keys = (g.input((BATCH, 40, 64), name=name) for name in ("q", "k"))
    heads = [
        g.transpose(g.reshape(x, (BATCH, 40, 4, 16)), order)
        for x, order in ((queries, (0, 2, 1, 3)), (keys, (0, 2, 3, 1)))
    ]
    with g.origin("attention_1"):
        return "matmul", [g.matmul(*heads) * 0.25], []


def unpooled() -> Built:
    """The gradient of max pooling."""
    places = g.input((BATCH, 32, 12, 12), "int32", name="places")
    cotangents = g.input((BATCH, 32, 12, 12), name="c")
    with g.origin("gradient of maxpooling2d_1"):
        pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
        unpooled = g.make("max_unpool", places, cotangents, size=(24, 24), **pool)
        return "window", [unpooled], []


def overlapping() -> Built:
    """The gradient of average pooling: several windows hold an element."""
    cotangents = g.input((BATCH, 32, 11, 12), name="c")
    with g.origin("gradient of averagepooling2d_1"):
        pool = {"window": (3, 2), "strides": (2, 2), "padding": ((0, 0), (1, 0))}
        spread = g.make("sum_unpool", cotangents, size=(23, 23), **pool)
        return "window", [spread * 0.25], []


def first_maximum() -> Built:
    """Max pooling that is trained: the maximum and its place, of one walk over the window."""
    x = g.input((BATCH, 32, 24, 24), name="x")
    with g.origin("maxpooling2d_1"):
        pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
        places = g.make("argmax_pool", x, **pool)
        return "window", [places, g.make("gather_pool", places, x, **pool)], []


def walked() -> Built:
    """Pooling of an activation that others read: it is stored while the windows are walked."""
    x = g.input((BATCH, 32, 24, 24), name="x")
    with g.origin("activation_1"):
        active = g.maximum(x, 0.0)
    with g.origin("maxpooling2d_1"):
        return "window", [active, g.max_pool(active, (2, 2))], []
