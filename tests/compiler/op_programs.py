"""The op table and further programs for a code generator, against the rows and the interpreter.

Rows of one family are one program, so that a family in one arrangement is one compiler run.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.grad import grad
from graphc.compiler.graph import Node
from graphc.compiler.passes import optimize
from graphc.compiler.passes.unify_sizes import unify_sizes
from graphc.compiler.program.launch import launches
from tests.compiler.arrangements import ARRANGEMENTS, OPEN, larger
from tests.compiler.graph.op_cases import movement, pointwise, product, reduce, windows
from tests.compiler.graph.op_cases.case import Case
from tests.compiler.graph.op_cases.table import CASES

FAMILIES = {
    "pointwise": pointwise.CASES,
    "reduce": reduce.CASES,
    "movement": movement.CASES,
    "product": product.CASES,
    "windows": windows.CASES,
}


def rows(family: str, arrangement: str) -> list[Case]:
    """Those that the arrangement can hold; of the many alike of pooling, a part in each, and of
    reductions that differ in their dtype alone, another dtype in each. No program has a byte of
    packed bools as a value: `test_bools_that_share_a_byte`."""
    chosen = [case for case in FAMILIES[family] if case.op != "pack_bools"]
    number = list(ARRANGEMENTS).index(arrangement)
    if family == "windows" and arrangement != "plain":
        chosen = chosen[number::3]
    if family == "reduce" and arrangement != "plain":
        chosen = one_dtype_each(chosen, number)
    if arrangement == "symbolic":
        return [case for case in chosen if case.arrays and case.arrays[0].size]
    return chosen


def one_dtype_each(cases: list[Case], first: int) -> list[Case]:
    """Return one of the rows that differ in their dtype alone: one dtype after the other."""
    alike: dict[tuple[str, str, str], list[Case]] = {}
    for case in cases:
        alike.setdefault((case.op, case.note, str(case.attrs)), []).append(case)
    return [found[(first + k) % len(found)] for k, found in enumerate(alike.values())]


def few_rows() -> list[Case]:
    """Rows with sizes, one for each op: sizes are no matter of dtypes. One pointwise op of a kind
    stands for the others; of reductions, products and indexed access each rank is here."""
    found: dict[tuple, Case] = {}
    for case in CASES:
        ranks = tuple(array.ndim for array in case.arrays)
        if case.op != "pack_bools" and any(ranks) and all(array.size for array in case.arrays):
            family = g.OPS[case.op].family
            kind = family if family == "pointwise" else case.op
            distinct = ranks if family in ("reduce", "index") or case.op == "matmul" else len(ranks)
            found.setdefault((kind, distinct, *sorted(case.attrs)), case)
    return list(found.values())


DTYPES = ("bool", "int32", "int64", "uint32", "float32", "float64")
SIZES = (1, 2, 3, 4, 5, 257, 1025, 4099)
"""Around a pack of four, the threads of a block, and a block's packs."""


def joined(x: Node, y: Node, row: Node) -> list[Node]:
    """Values at the element itself, at neighbours that are no pack, and at every other one."""
    shifted = g.concat([x[1:], y[:1]], 0)
    stretched = g.broadcast_to(g.reshape(row, (3, 1)), (3, x.shape[0]))
    both = larger(x, shifted)
    return [
        both,
        g.make("flip", both, axes=(0,)),
        g.reshape(g.transpose(larger(stretched, g.broadcast_to(x, stretched.shape))), (-1,)),
        g.where(x == y, x, g.cast(g.iota(x.shape[0], "int32") > 2, x.dtype)),
    ]


def bits_of(x: Node) -> list[Node]:
    """The last eight binary digits of whole numbers, the last one first."""
    halves = [g.floordiv(x, 2.0**digit) for digit in range(8)]
    return [g.equal(g.mod(half, 2.0), 1.0) for half in halves]


def byte_of(bits: list[Node], other: Node) -> Node:
    """The number of these digits, by a chain that no kernel can begin before it has `other`."""
    x = other * 0.0
    for digit, one in enumerate(bits):
        x = g.where(one, x + 2.0**digit, x)
    return x


class OpPrograms:
    """The tests of a code generator.

    Attributes:
        lower: from outputs to a program.
        both: from outputs and feeds (`call_step`, and a `program` that `lower` made) to pairs: what
            the generated code gives, and what the interpreter does.
    """

    lower: Callable[..., Any]
    both: Callable[..., list[tuple[np.ndarray, np.ndarray]]]

    def stored(self, program: Any) -> list[str]:
        """The dtypes of what the steps of a program store."""
        steps = getattr(program, "program", program).steps
        return [buffer.dtype for launch in launches(steps) for buffer in launch.writes]

    def test_all_rows_are_here(self) -> None:
        assert sum(map(len, FAMILIES.values())) == len(CASES)

    @pytest.mark.parametrize("arrangement", ARRANGEMENTS)
    @pytest.mark.parametrize("family", FAMILIES)
    def test_rows(self, family: str, arrangement: str) -> None:
        arrange = ARRANGEMENTS[arrangement]
        parts = [arrange(case, number) for number, case in enumerate(rows(family, arrangement))]
        outputs = [node for part in parts for node in part.outputs]
        pairs = iter(self.both(outputs, {x: a for part in parts for x, a in part.feeds.items()}))
        wrong = []
        for part in parts:
            results = [next(pairs) for _ in part.outputs]
            ours, theirs = zip(*results, strict=True)
            wrong += part.faults(ours, theirs)
        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("arrangement", OPEN)
    def test_sizes_that_are_equal_only_at_the_call(self, arrangement: str) -> None:
        """The graph as functions hand it on: its own values, and those of the generated code."""
        parts = [OPEN[arrangement](case, k) for k, case in enumerate(few_rows())]
        outputs = [node for part in parts for node in part.outputs]
        feeds = {x: array for part in parts for x, array in part.feeds.items()}
        claims = [claim for node in g.every_node(outputs) for claim in g.size_claims(node)]
        unified = unify_sizes(outputs, list(feeds), claims)
        fed = dict(zip(unified.inputs, feeds.values(), strict=True))
        pairs = iter(self.both(unified.outputs, fed))
        wrong = []
        for part in parts:
            ours, theirs = zip(*[next(pairs) for _ in part.outputs], strict=True)
            wrong += [*part.faults(ours, theirs), *part.faults(theirs, theirs)]
        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("dtype", DTYPES)
    def test_sizes_around_packs_and_blocks(self, dtype: str) -> None:
        """One program for all sizes; and the smaller ones as numbers in the text of another."""
        random = np.random.default_rng(5)

        def fed(size: int) -> list[np.ndarray]:
            arrays = [random.integers(0, 100, n) for n in (size, size, 3)]
            return [(a % 2 == 0 if dtype == "bool" else a).astype(dtype) for a in arrays]

        n = g.symbol("n")
        inputs = [g.input((size,), dtype) for size in (n, n, 3)]
        outputs = joined(*inputs)
        program = self.lower(outputs)
        known: list[Node] = []
        feeds: dict[Node, np.ndarray] = {}
        for size in SIZES:
            arrays = fed(size)
            for ours, theirs in self.both(
                outputs, dict(zip(inputs, arrays, strict=True)), program=program
            ):
                np.testing.assert_array_equal(ours, theirs)
            if size < 6:
                nodes = [g.input(array.shape, dtype) for array in arrays]
                known += joined(*nodes)
                feeds.update(zip(nodes, arrays, strict=True))
        for ours, theirs in self.both(known, feeds):
            np.testing.assert_array_equal(ours, theirs)

    def test_random_words_wherever_they_are_read(self) -> None:
        """Four words come from one draw, where a thread reads them side by side, and where not."""
        outputs = []
        for stream, size in enumerate(SIZES):
            words = g.random.bits((size, 3), seed=9, stream=stream)
            other = g.random.bits((size, 3), seed=2**31, stream=7, scan_step=2)
            # The values are read in order, then backwards and crosswise, mixed, and one by one.
            outputs += [
                words,
                g.make("flip", words, axes=(0, 1)),
                g.transpose(words),
                words + other,
            ]
            outputs += [words[size // 2], g.concat([other[:1], words], 0), g.sum(words, 0)]
        for ours, theirs in self.both(outputs, {}, call_step=2**40 + 3):
            np.testing.assert_array_equal(ours, theirs)

    def test_bools_that_share_a_byte(self) -> None:
        """All bytes, read by epilogues at their element, crosswise and by rows, and along rows and
        columns; and a byte of a column, for all rows."""
        shapes = {"x": (g.BATCH, 2), "w": (2, 8), "row": (1, 3), "u": (8, 8), "v": (8, g.BATCH)}
        x, w, row, u, v = (g.input(shape, name=name) for name, shape in shapes.items())
        words = g.input((7,), "int32")
        numbers, ones = np.arange(256), np.ones((8, 8), "float32")
        feeds = {
            x: np.stack([numbers, np.ones(256)], 1).astype("float32"),
            w: np.stack([np.ones(8), 37 * np.arange(8)]).astype("float32"),
            row: np.array([[200, 1, 0]], "float32"),
            u: ones,
            v: np.ones((8, 256), "float32"),
            words: np.array([3, 255, 0, 1, 77, 128, 254], "int32"),
        }
        y = g.dot(x, w)
        column = g.reshape(g.dot(row, g.concat([w, w[:1]], 0)), (8,))
        bits, few = bits_of(y), bits_of(column)
        z = g.dot(y, u)
        of_rows = g.broadcast_to(g.sum(z, 1, keepdims=True), y.shape)
        of_columns = g.broadcast_to(g.sum(z, 0, keepdims=True), y.shape)
        taken = g.dot(g.take(z, words), u)
        outputs = [
            byte_of(bits, g.dot(z, u)),
            byte_of([g.transpose(one) for one in bits], g.dot(u, g.transpose(z))),
            byte_of([g.take(one, words) for one in bits], taken),
            g.sum(byte_of(bits, of_rows), 1),
            g.sum(byte_of(bits, of_columns), 0),
            g.sum(byte_of([g.broadcast_to(one, y.shape) for one in few], of_rows + 1.0), 1),
        ]
        program = self.lower(outputs)
        stored = self.stored(program)
        assert (stored.count("uint8"), stored.count("bool")) == (2, 0)
        value = (numbers[:, None] + 37 * np.arange(8)) % 256
        wide = np.broadcast_to(((200 + 37 * np.arange(8)) % 256).sum(), (256,))
        picked = value[feeds[words]]
        expected = [value, value.T, picked, value.sum(1), value.sum(0), wide]
        pairs = self.both(outputs, feeds, program=program)
        for (ours, theirs), one in zip(pairs, expected, strict=True):
            np.testing.assert_array_equal(ours, one)
            np.testing.assert_array_equal(theirs, one)

    def test_a_pooling_stores_bools_that_others_read_elsewhere(self) -> None:
        image, u = g.input((g.BATCH, 2, 6, 8)), g.input((24, 96))
        random = np.random.default_rng(1)
        feeds = {
            image: random.integers(-2, 3, (5, 2, 6, 8)).astype("float32"),
            u: np.ones((24, 96), "float32"),
        }
        x = image * (image + 1.0)
        bools = [g.less(x, float(k)) for k in (1, 3)]
        kept = g.where(bools[0], x, g.where(bools[1], x * 2.0, x * 3.0))
        pooling = {"window": (2, 2), "strides": (2, 2), "padding": ((0, 0), (0, 0))}
        pooled = g.make("sum_pool", kept, **pooling)
        z = g.reshape(g.dot(g.reshape(pooled, (g.BATCH, 24)), u), image.shape)
        outputs = [pooled, byte_of([g.make("flip", one, axes=(0, 3)) for one in bools], z)]
        value = (feeds[image] * (feeds[image] + 1))[::-1, :, :, ::-1]
        pairs = self.both(outputs, feeds)
        np.testing.assert_array_equal(pairs[0][0], pairs[0][1])
        for result in pairs[1]:
            np.testing.assert_array_equal(result, (value < 1) + 2.0 * (value < 3))

    def test_the_gradients_of_extremes_behind_products(self) -> None:
        """Relu at 0 and at NaN, with a mask and an upper bound, from masks that are stored."""
        random = np.random.default_rng(2)
        x, w, v = (g.input(shape) for shape in ((g.BATCH, 40), (40, 70), (70, 30)))
        sizes = {x: (6, 40), w: (40, 70), v: (70, 30)}
        feeds = {
            node: random.integers(-1, 2, size).astype("float32") for node, size in sizes.items()
        }
        feeds[w][:, 3] = 0
        feeds[x][5, 0] = np.nan
        outputs: list[Node] = []
        for bound in (math.inf, 9.0):
            hidden = g.where(x[:, :1] < 1.0, g.minimum(g.maximum(g.dot(x, w), 0.0), bound), 0.0)
            outputs += grad(g.sum(g.square(g.dot(hidden, v))), [w, v])
        outputs = optimize(outputs)[0]
        for ours, theirs in self.both(outputs, feeds):
            np.testing.assert_array_equal(ours, theirs)
