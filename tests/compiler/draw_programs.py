"""Parts of random draws, for the tests of each target: what is computed from a part is what the
whole draw's rows make of it, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.graph.binding import bind
from graphc.compiler.interpret import evaluate
from graphc.compiler.passes import optimize
from tests.compiler.philox_reference import words_of_part

STEPS, FEATURES = 3, 5
WHOLE = g.input((), "int64", name="whole")
FIRST = g.input((), "int64", name="first")


def placed(outputs: Sequence[Node], batch: g.Size, whole: Node, first: Node) -> list[Node]:
    """The outputs with draws that are parts of draws for `whole` rows, along the axis that has the
    batch: `batch` rows, or a multiple of them."""
    bodies = {
        loop.attrs["body"]: g.Body(tuple(placed(loop.attrs["body"].outputs, batch, whole, first)))
        for loop in g.toposort(outputs)
        if loop.op == "scan"
    }

    def visit(node: Node) -> Node:
        if node.op == "scan":
            return reopened(node, bodies[node.attrs["body"]])
        axes = [k for k, size in enumerate(node.shape) if isinstance(size, g.Dim)]
        if node.op != "random" or not axes:
            return node
        (axis,) = axes
        times = node.shape[axis] // batch
        return g.random.range_of_draw(node, axis, whole * times, first * times)

    return g.sweep(outputs, visit)


def reopened(loop: Node, body: g.Body) -> Node:
    """A loop whose step is another one, which reads values of the graph around beside its
    arguments."""
    attrs, inputs = loop.attrs, loop.inputs
    carries, sliced = attrs["carries"], attrs["carries"] + attrs["sequences"]
    groups = inputs[:carries], inputs[carries:sliced], inputs[sliced:]
    args = g.body_args(loop)
    return g.make_scan(body.outputs, args, *groups, attrs["length"], attrs["reverse"])


def row_wise(x: Node) -> list[Node]:
    """Values of rows of `x`, (rows, FEATURES), that draw; the rows are their axis 0."""
    rows = x.shape[0]
    weights = g.constant(np.linspace(-1, 1, FEATURES * 8, dtype="float32").reshape(FEATURES, 8))
    square = g.constant(np.linspace(-1, 1, FEATURES**2, dtype="float32").reshape((FEATURES,) * 2))

    def kept(shape: g.Shape, stream: int, scan_step: object = 0) -> Node:
        mask = g.random.bernoulli(shape, 0.6, seed=4, stream=stream, scan_step=scan_step)
        return g.cast(mask, "float32") / 0.6

    def by_row(value: Node) -> Node:
        return g.transpose(value, (1, 0, *range(2, value.ndim)))

    def step(carries: Any, slices: Any) -> Any:
        (h,), (number,) = carries, slices
        drawn = kept((rows, FEATURES), 20, number)
        h = g.tanh(g.dot(h * kept((rows, FEATURES), 21), square) + x * drawn)
        return (h,), (h + g.random.normal((rows, FEATURES), seed=4, stream=22, scan_step=number),)

    words = g.random.bits((rows, 4), seed=4, stream=1)
    crosswise = g.random.bits((STEPS, rows, 4), seed=4, stream=2)
    odd = g.random.uniform((STEPS, rows, 3), seed=4, stream=3)
    hidden = g.maximum(g.dot(x, weights), 0.0) * kept((rows, 8), 4)
    dropped = g.maximum(hidden * kept((rows, 8), 5) - 0.1, 0.0) * kept((rows, 8), 6)
    finals, stacks = g.scan(step, [x], [g.iota(STEPS)])
    series = g.broadcast_to(x, (STEPS, rows, FEATURES))
    merged = g.random.normal((rows * STEPS, 2), seed=4, stream=10)
    image = g.reshape(g.concat([x, x, x], 1)[:, :12], (rows, 1, 12))
    kernel = g.constant(np.linspace(-1, 1, 24, dtype="float32").reshape(8, 1, 3))
    convolved = g.conv(image, kernel)
    last = (0, 2, 1)
    in_order = g.max_pool(convolved * kept((rows, 8, 10), 11), (2,))
    transposed = g.transpose(convolved, last) * kept((rows, 10, 8), 12)
    pooled = g.max_pool(g.transpose(transposed, last), (2,)) * kept((rows, 8, 5), 13)
    few = g.transpose(convolved[:, :3], last) * kept((rows, 10, 3), 14)
    return [
        words,
        g.make("flip", words, axes=(1,)),
        words[:, 1] + words[:, 3],
        by_row(crosswise),
        by_row(crosswise[1:]),
        g.sum(by_row(g.cast(crosswise, "float32") * 2.0**-32), 2),
        by_row(odd * odd),
        g.random.normal((rows, 3), 1.0, 2.0, seed=4, stream=7),
        by_row(series + g.random.normal((STEPS, rows, FEATURES), seed=4, stream=8)),
        g.softmax(x * kept(x.shape, 9)),
        g.concat([x, x * kept(x.shape, 15)], 1),
        g.reshape(merged, (rows, STEPS, 2)),
        hidden,
        dropped,
        grad(g.sum(g.square(dropped)), [x])[0],
        finals[0],
        by_row(stacks[0]),
        in_order,
        pooled,
        g.max_pool(g.transpose(few, last), (2,)),
    ]


CLOSE = {"rtol": 1e-5, "atol": 1e-5}
"""The tolerance of sums, exponentials and cosines in float32 against the interpreter's."""

# Rows of the whole, where the range begins, its rows: the first ones, ones that begin inside a
# block of four, all, one; and so many that loops are divided over threads and words drawn in
# stretches.
RANGES = [(7, 0, 3), (8, 3, 2), (6, 0, 6), (9, 8, 1), (67, 13, 41)]


# Shape, axis, its length in the whole, where the range begins.
KNOWN = [
    ((3, 2, 4), 1, 9, 5),
    ((3, 2, 3), 1, 9, 4),
    ((2, 3, 2, 2), 2, 5, 3),
    ((2, 2, 5), 2, 8, 3),
    ((3, 33, 12), 1, 40, 7),
    ((33, 7), 0, 50, 11),
    ((2, 300, 4), 1, 301, 1),
    ((5,), 0, 7, 2),
]


class Program:
    """Values of rows and of a part of these rows, as one program."""

    def __init__(self, executor: Callable[[Sequence[Node]], Any]):
        """`executor`: as of `DrawParts`."""
        self._whole = g.input((g.symbol("rows"), FEATURES))
        self._part = g.input((g.BATCH, FEATURES))
        outputs = placed(row_wise(self._part), g.BATCH, WHOLE, FIRST)
        self._outputs, _ = optimize([*row_wise(self._whole), *outputs])
        self._executor = executor(self._outputs)

    def run(self, *arguments: Any) -> list[np.ndarray]:
        """The values of the rows, then those of the part.

        Args: the rows, those of the part, the length of the whole axis and where the range begins
        on
            it, and the number of the call.
        """
        feeds, call = self._feeds(*arguments)
        bindings = bind(list(feeds), list(feeds.values()))
        return self._executor.run(feeds, bindings, g.CallStep(call))

    def expected(self, *arguments: Any) -> list[np.ndarray]:
        """Return the interpreter's results of the same."""
        return evaluate(self._outputs, *self._feeds(*arguments))

    def _feeds(
        self, data: np.ndarray, part: np.ndarray, whole: int, first: int, call: int
    ) -> tuple[dict[Node, np.ndarray], int]:
        feeds = {self._whole: data, self._part: part.copy()}
        return feeds | {WHOLE: np.array(whole), FIRST: np.array(first)}, call


class DrawParts:
    """The tests of a target: one program that has both the whole and the part.

    Attributes:
        executor: from outputs to what runs them, `run(feeds, bindings, call_step)`.
        ranges: as `RANGES`.
        rounding: how far values of a part may be from those of the whole, relative and absolute.
    """

    executor: Callable[[Sequence[Node]], Any]
    rounding: float = 0.0
    ranges: Sequence[tuple[int, int, int]] = RANGES

    @pytest.fixture(scope="class")
    @classmethod
    def program(cls) -> Program:
        """The program of the whole and of the part."""
        return Program(cls.executor)

    def test_a_part_is_what_the_whole_has_there(self, program: Program) -> None:
        for call, (whole, first, rows) in enumerate(self.ranges, start=2**32):
            data = np.random.default_rng(3).standard_normal((whole, FEATURES)).astype("float32")
            part = slice(first, first + rows)
            found = program.run(data, data[part], whole, first, call)
            half = len(found) // 2
            for k, (of_whole, of_part) in enumerate(zip(found[:half], found[half:], strict=True)):
                message = f"output {k}, {rows} rows"
                near = {"rtol": self.rounding, "atol": self.rounding, "err_msg": message}
                np.testing.assert_allclose(of_part, of_whole[part], **near)
                assert len(np.unique(of_whole)) > 1

    def test_parts_of_known_sizes(self) -> None:
        """Words of several runs are drawn together where they are known to be few, and read ahead
        of a loop, in a block, in another order."""
        outputs, expected = [], []
        for stream, (shape, axis, whole, first) in enumerate(KNOWN):

            def words(stream: int = stream, known: tuple = KNOWN[stream]) -> Node:
                """Draw anew: a result is in memory for its other readers."""
                drawn = g.random.bits(known[0], seed=8, stream=stream, scan_step=2)
                return g.random.range_of_draw(drawn, *known[1:])

            of_part = words_of_part(shape, axis, whole, first, 8, stream, 2, 6)
            outputs += [words(), g.transpose(words()), words()[-1]]
            expected += [of_part, of_part.T, of_part[-1]]
            both = g.concat([words(), g.zeros(shape, "uint32")], 0)
            outputs.append(g.maximum(both, g.concat([both[1:], both[:1]], 0)))
            twice = np.concatenate([of_part, 0 * of_part])
            expected.append(np.maximum(twice, np.roll(twice, -1, 0)))
            # What is divided by the sizes of all axes, and by what nests with none of them.
            for view in (shape, (shape[-1], of_part.size // shape[-1])):
                ranges = [g.cast(g.iota(size), "uint32") for size in view]
                total = g.zeros(view, "uint32")
                for k, one in enumerate(ranges):
                    total += g.make("broadcast", one, shape=view, axes=(k,))
                outputs.append(total + g.reshape(words(), view))
                expected.append(np.indices(view, "uint32").sum(0, "uint32") + of_part.reshape(view))
        found = self.executor(outputs).run({}, {}, g.CallStep(6))
        for k, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
            np.testing.assert_array_equal(ours, theirs, err_msg=f"output {k}")

    def test_a_part_may_begin_behind_what_32_bits_count(self, program: Program) -> None:
        """Of a draw that is too long to be made, so against the interpreter."""
        data = np.ones((3, FEATURES), "float32")
        for whole, first in ((2**33, 2**31 - 1), (2**36, 2**35 + 7)):
            found = program.run(data[:1], data, whole, first, 5)
            expected = program.expected(data[:1], data, whole, first, 5)
            for ours, theirs in zip(found, expected, strict=True):
                exact = theirs.dtype.kind != "f"
                np.testing.assert_allclose(ours, theirs, **({"rtol": 0} if exact else CLOSE))
