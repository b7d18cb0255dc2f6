"""One kernel of each kind that has no file of tests of its own, as a stranger reads it."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen import lower
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.passes import optimize
from tests.compiler.codegen.golden_text import check_golden


def launched(kind: str, outputs: list[Node], states: list[State] | None = None) -> str:
    """The text of the one kernel of a kind in the program of some outputs."""
    program = lower(optimize(outputs)[0], states or [])
    found = [
        step.text
        for step in program.steps
        if isinstance(step, Launch) and step.kernel.kind == kind
    ]
    assert len(found) == 1
    return found[0]


def pointwise() -> str:
    """Dropout behind a bias and relu."""
    x, bias = g.input((BATCH, 512), name="x"), g.input((512,), name="bias")
    with g.origin("activation_1"):
        hidden = g.maximum(x + bias, 0.0)
    with g.origin("dropout_1"):
        kept = g.random.uniform((BATCH, 512), seed=1, stream=2) < 0.8
        return launched("pointwise", [g.where(kept, hidden / 0.8, 0.0)])


def update() -> str:
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
    return launched("update", outputs, states)


def gather() -> str:
    """An embedding of sequences."""
    table = g.shared(np.zeros((20_000, 128), "float32"), "W")
    with g.origin("embedding_1"):
        return launched("gather", [g.take(table, g.input((BATCH, 80), "int32", name="words"))])


def scatter() -> str:
    """The gradient of an embedding, and a step of SGD with it."""
    words = g.input((BATCH, 80), "int32", name="words")
    table = g.shared(np.zeros((20_000, 128), "float32"), "W")
    with g.origin("gradient of embedding_1"):
        gradient = g.scatter_add(words, g.input((BATCH, 80, 128), name="cotangents"), 20_000)
        return launched("scatter", [table - 0.01 * gradient], [table.attrs["state"]])


def window() -> str:
    """Max pooling, and a scale behind it."""
    with g.origin("maxpooling2d_1"):
        pooled = g.max_pool(g.input((BATCH, 32, 24, 24), name="x"), (2, 2))
        return launched("window", [pooled * 0.5])


def conv() -> str:
    """A convolution with its bias and relu."""
    image = g.input((BATCH, 32, 26, 26), name="image")
    kernel = g.shared(np.zeros((32, 32, 3, 3), "float32"), "W")
    bias = g.shared(np.zeros(32, "float32"), "b")
    with g.origin("convolution2d_2"):
        product = g.conv(image, kernel) + g.reshape(bias, (1, 32, 1, 1))
        return launched("conv", [g.maximum(product, 0.0)])


def pooled_conv() -> str:
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
        return launched("conv", [hidden, g.where(kept, pooled / 0.75, 0.0)])


@pytest.mark.parametrize("make", [pointwise, update, gather, scatter, window, conv, pooled_conv])
def test_text_of_a_kind(make) -> None:
    check_golden(make.__name__, make())
