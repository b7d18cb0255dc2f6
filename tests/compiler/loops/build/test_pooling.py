"""Convolutions and poolings in one plain program, with what is stored beside."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.program import walk
from graphc.compiler.loops.statement import For
from graphc.compiler.passes import optimize
from graphc.compiler.schedule import Kernel
from tests.compiler.loops.build.plain_executor import PlainExecutor, both

CASES = {
    "windows that cover": ((3, 2, 6, 8), (4, 2, 3, 3), (2, 2), (2, 2)),
    "windows that leave some": ((2, 3, 7, 9), (2, 3, 2, 4), (2, 3), (2, 3)),
    "gaps": ((2, 2, 9, 9), (3, 2, 1, 2), (2, 2), (3, 2)),
    "a volume": ((2, 2, 5, 5, 5), (3, 2, 2, 2, 2), (2, 2, 2), (2, 2, 2)),
    "a series": ((2, 2, 9), (3, 2, 2), (4,), (4,)),
}


def layer(name: str) -> tuple[list[Node], dict[Node, np.ndarray], Node, Node, Node]:
    """Return inputs and feeds of a convolution, its value behind a relu, and it pooled."""
    image, kernel, window, strides = CASES[name]
    random = np.random.default_rng(7)
    inputs = [g.input((g.BATCH, *image[1:])), g.input(kernel), g.input((kernel[0],))]
    arrays = [random.integers(-3, 4, shape) for shape in (image, kernel, kernel[:1])]
    feeds = {x: array.astype("float32") for x, array in zip(inputs, arrays, strict=True)}
    x, weights, bias = inputs
    whole = g.conv(x, weights) + g.reshape(bias, (1, kernel[0], *(1,) * len(window)))
    hidden = g.maximum(whole, 0.0)
    return inputs, feeds, whole, hidden, g.max_pool(hidden, window, strides)


def kinds(outputs: list[Node]) -> Counter[str]:
    """Return the kinds of the kernels of a program."""
    return Counter(kernel.kind for kernel in PlainExecutor(outputs).kernels)


@pytest.mark.parametrize("name", CASES)
def test_what_is_stored_of_a_pooled_convolution(name: str) -> None:
    _, feeds, whole, hidden, pooled = layer(name)
    for outputs in ([pooled], [pooled, hidden], [pooled * 2.0, hidden, g.less(whole, 1.0)]):
        assert kinds(outputs)["conv"] == 1
        for ours, theirs in both(outputs, feeds):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", CASES)
def test_gradients_of_a_pooled_convolution(name: str) -> None:
    """In whole numbers, so the sums are exact in any order."""
    inputs, feeds, _, _, pooled = layer(name)
    outputs = optimize(grad(g.sum(pooled * pooled), inputs))[0]
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_array_equal(ours, theirs)


def test_a_pass_over_windows_computes_the_convolution_once() -> None:
    """The place of the maximum, the maximum, and what else is there."""
    _, feeds, whole, hidden, _ = layer("windows that cover")
    pool = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
    places = g.make("argmax_pool", hidden, **pool)
    others = [g.make("gather_pool", places, x, **pool) for x in (hidden, g.cos(whole), whole)]
    outputs = [places, *others]
    kernel = Kernel("conv", tuple(feeds), tuple(outputs), whole.shape, (_conv_of(whole),))
    program = plain_program(kernel, "k0", buffers_of(kernel))
    loops = [one for one in walk(program.body) if isinstance(one, For)]
    assert [one.note for one in loops if one.note] == ["argmax_pool", "conv"]
    for ours, theirs in both(outputs, feeds):
        np.testing.assert_array_equal(ours, theirs)


def _conv_of(node: Node) -> Node:
    (found,) = [x for x in g.toposort([node]) if x.op == "conv"]
    return found
