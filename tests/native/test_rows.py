"""The bits of a row are those of the row alone: they depend neither on how many rows there are
beside it nor on its place among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.lowering.cpu import NativeProgram, lower_native
from graphc.compiler.passes import optimize
from graphc.compiler.runtime.cpu.executor import NativeExecutor
from graphc.config import config
from graphc.layers import Dense
from graphc.models import Sequential
from graphc.reference_models import REFERENCE_MODELS
from tests.native.graph_programs import needs_compiler, with_threads
from tests.native.test_convolutions import DIRECT, TRANSFORMED, Case

pytestmark = needs_compiler

ALL = 129
BATCHES = (1, 2, 3, 7, 8, 17, 64, ALL)
"""Below, at and above the heights of tiles, the widths of vectors and the limit of few rows."""

Feeds = dict[Node, np.ndarray]


def of(*shape: object, dtype: str = "float32") -> Node:
    return g.input(shape, dtype)


def drawn(outputs: Sequence[Node], rows: int = ALL) -> Feeds:
    """Normal inputs for so many rows."""
    rng = np.random.default_rng(1)
    return {
        node: rng.standard_normal([rows if x is BATCH else x for x in node.shape], "float32")
        for node in g.every_node(outputs)
        if node.op == "input"
    }


def rows_of(node: Node, value: np.ndarray, begin: int, count: int) -> np.ndarray:
    """The part of an input or of an output that belongs to some rows."""
    if BATCH not in node.shape:
        return value
    return np.take(value, range(begin, begin + count), axis=node.shape.index(BATCH))


class Rows:
    """A program that is run for all rows, and for some of them."""

    def __init__(self, outputs: Sequence[Node]):
        self._outputs = optimize(outputs)[0]
        self.program: NativeProgram = lower_native(self._outputs)
        self._executor = NativeExecutor(self.program)

    def run(self, feeds: Feeds) -> list[np.ndarray]:
        return self._executor.run(feeds, bind(list(feeds), list(feeds.values())), g.CallStep())

    def check(self, feeds: Feeds, rows: int = ALL, batches: Sequence[int] = BATCHES) -> None:
        """The first rows and the last ones, so many at a time, are what they are among all."""
        whole = self.run(feeds)
        for batch in batches:
            for begin in {0, rows - batch}:
                some = {node: rows_of(node, value, begin, batch) for node, value in feeds.items()}
                results = zip(self._outputs, self.run(some), whole, strict=True)
                for number, (node, ours, all_of_them) in enumerate(results):
                    theirs = rows_of(node, all_of_them, begin, batch)
                    assert ours.tobytes() == theirs.tobytes(), (
                        f"output {number}, {node.op} of {node.shape}: the {batch} rows from "
                        f"{begin} on differ by up to {np.abs(ours - theirs).max()}"
                    )


def check(outputs: Sequence[Node]) -> None:
    Rows(outputs).check(drawn(outputs))


@pytest.mark.parametrize("name", ["mlp", "cnn", "gru_ae", "lstm", "accel"])
def test_predictions_of_the_reference_models(name: str) -> None:
    np.random.seed(1)
    step = REFERENCE_MODELS[name].build()
    inputs = [node for node in g.every_node([step.predictions]) if node in step.inputs]
    data = dict(zip(step.inputs, step.data(ALL), strict=True))
    Rows([step.predictions]).check({node: data[node] for node in inputs})


def test_predict_of_a_dense_layer_of_many_inputs() -> None:
    config.cpu = "native"
    model = Sequential([Dense(10, input_dim=20000, activation="tanh")])
    model.compile("sgd", "mse")
    x = np.random.standard_normal((ALL, 20000)).astype("float32")
    whole = model.predict(x, batch_size=ALL)
    for batch in BATCHES:
        assert model.predict(x, batch_size=batch).tobytes() == whole.tobytes(), batch


@pytest.mark.parametrize("k", [50, 1100])
def test_products(k: int) -> None:
    """By matrices that lie in either order, followed by something and not; of rows that are
    computed, and that lie feature after feature; and as the right factor, a row a column."""
    x, features = of(BATCH, k), of(k, BATCH)
    outputs = []
    for n in (1, 10, 50):
        w, v = of(k, n), of(n, k)
        outputs += [
            g.dot(x, w),
            g.tanh(g.dot(x, g.transpose(v))) * 2.0 + 1.0,
            g.dot(g.where(x > 0.0, x, 0.0), w),
            g.dot(g.transpose(features), w) + g.dot(x, w * 2.0),
            g.dot(v, features),
            g.dot(v, g.transpose(x)) + 1.0,
        ]
    check(outputs)


def test_products_of_several_matrices_and_of_many_columns() -> None:
    a, b, c = of(BATCH, 30, 40), of(BATCH, 40, 50), of(40, 50)
    one, long, steps = of(BATCH, 1, 2000), of(BATCH, 2000, 5), of(7, BATCH, 40)
    flat, v, w = of(BATCH, 20), of(20, 4500), of(4500, 20)
    check(
        [
            g.matmul(a, b),
            g.softmax(g.matmul(a, g.transpose(a, (0, 2, 1)))),
            g.tensordot(a, c, ([2], [0])) + 1.0,
            g.matmul(one, long) * 2.0,
            g.transpose(g.tensordot(steps, c, ([2], [0])), (1, 0, 2)),
            g.batch_dot(a, b, (2, 1)),
            g.dot(flat, v),
            g.dot(flat, g.transpose(w)) + 1.0,
        ]
    )


def test_rows_whose_parts_of_sums_do_not_fit_at_once() -> None:
    """By the number of threads, too. Three of these rows are left for the last turn."""
    rows, k, n = 330, 16384, 200
    x, w = of(BATCH, k), of(k, n)
    product = Rows([g.tanh(g.dot(x, w) * 0.01)])
    feeds = drawn([x, w], rows)
    exact = np.tanh(feeds[x].astype("float64") @ feeds[w] * 0.01)
    whole = []
    for threads in (1, 2, 3):
        with with_threads(product.program.program, threads):
            whole += product.run(feeds)
    np.testing.assert_allclose(whole[0], exact, rtol=0, atol=2e-5)
    assert whole[0].tobytes() == whole[1].tobytes() == whole[2].tobytes()
    product.check(feeds, rows, (1, 8, 33))


@pytest.mark.parametrize("k", [5, 1100])
def test_reductions_of_a_row(k: int) -> None:
    x, y, z, features = of(BATCH, k), of(BATCH, k), of(BATCH, k, 7), of(k, BATCH)
    centred = x - g.mean(x, axis=1, keepdims=True)
    norms = g.sum(x * x, axis=1) * g.sum(y * y, axis=1)
    check(
        [
            g.sum(x * y, axis=1),
            g.mean(x * y + x, axis=1),
            g.var(x, axis=1),
            g.prod(1.0 + x * 0.01, axis=1),
            g.softmax(x * y),
            g.log(g.softmax(x)),
            g.logsumexp(x * y, axis=1),
            centred / g.sqrt(g.var(x, axis=1, keepdims=True) + 1e-3) * y + x,
            g.sum(x * y, axis=1) / g.sqrt(norms),
            g.sum(z, axis=1),
            g.sum(z * z + z, axis=(1, 2)),
            g.softmax(z, axis=1),
            g.sum(features * features, axis=0),
            g.var(features, axis=0),
        ]
    )


def test_functions_of_elements() -> None:
    """In a loop's vectors and in its remainder."""
    outputs = []
    for n in (1, 3, 17):
        a, b, c = (of(BATCH, n) for _ in range(3))
        size = g.abs(a) + 0.1
        outputs += [
            a * b + c * a,
            a * b - c * 2.0 + a * a,
            (a - 0.3) / g.sqrt(size + 1e-3) * b + c,
            *(f(a * b + c) for f in (g.exp, g.expm1, g.tanh, g.sigmoid, g.erf, g.sin, g.cos)),
            *(f(size) for f in (g.log, g.log1p, g.sqrt, g.rsqrt)),
            size**b,
            a % b,
        ]
    check(outputs)


def _convolution(case: Case, pooled: tuple[int, ...] | None) -> list[Node]:
    """With the gradient of its image."""
    image = of(BATCH, case.channels, *case.image)
    weights = of(case.filters, case.channels, *case.window)
    result = g.conv(image, weights, **case.options)
    if pooled is not None:
        result = g.max_pool(g.maximum(result, 0.1), pooled)
    return [result, *grad(g.sum(result * of(*result.shape)), [image])]


CONVOLUTIONS = [
    [(DIRECT[x], None) for x in ("few channels", "strides", "holes in the image", "one axis")],
    [(DIRECT["twenty channels"], (2, 2)), (Case(3, 20, (200,), (15,)), (10,))],
    [(TRANSFORMED["odd"], None), (TRANSFORMED["vectors not filled"], (2, 2))],
]


@pytest.mark.parametrize("cases", CONVOLUTIONS, ids=["direct", "pooled", "transformed"])
def test_convolutions(cases: Sequence[tuple[Case, tuple[int, ...] | None]]) -> None:
    outputs = [output for case in cases for output in _convolution(*case)]
    image = of(BATCH, 4, 9, 11)
    check([*outputs, g.average_pool(image * 2.0 + 1.0, (3, 2), strides=(1, 1))])
