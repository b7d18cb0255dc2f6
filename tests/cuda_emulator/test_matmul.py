"""Matrix products on the device are the interpreter's.

Where the factors are small whole numbers every sum is exact in float32 and float64, so that the
results have to be equal to the last bit, in whatever order they are added.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import Launch, LoopStep, launches
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.products.blocks import PRODUCTS, TILES, in_named_products
from graphc.compiler.targets.cuda.products.operands import operands_of
from graphc.compiler.targets.cuda.products.tiles import tile_of
from graphc.compiler.targets.mapping import choose
from tests.cuda_emulator.graph_programs import both

pytestmark = pytest.mark.over("ptx", "source")


class Cases:
    """Products of one program, with what feeds them."""

    def __init__(self, seed: int):
        self.random = np.random.default_rng(seed)
        self.outputs: list[Node] = []
        self.feeds: dict[Node, np.ndarray] = {}

    def whole(self, shape: tuple, sizes: tuple | None = None, dtype: str = "float32") -> Node:
        """An input of small whole numbers; `sizes` are those of a symbolic shape."""
        node = g.input(shape, dtype)
        self.feeds[node] = self.random.integers(-4, 5, sizes or shape).astype(dtype)
        return node

    def matrix(self, rows: int, columns: int, transposed: bool, dtype: str = "float32") -> Node:
        """A matrix, or the transpose of one that lies in memory."""
        if transposed:
            return g.transpose(self.whole((columns, rows), dtype=dtype))
        return self.whole((rows, columns), dtype=dtype)

    def tiles(self) -> list[tuple[int, int]]:
        """Return the rows and columns of the tile of each kernel that has tiles, in order."""
        found = (tile_of(in_named_products(plain)) for plain in self.with_tiles())
        return [(tile.rows, tile.columns) for tile in found if tile is not None]

    def operands(self) -> list[int]:
        """Return how many operands the products of each kernel that has tiles have."""
        return [len(operands_of(in_named_products(plain))) for plain in self.with_tiles()]

    def with_tiles(self) -> list[LoopProgram]:
        """Return the plain programs of which blocks have tiles."""
        card = any_card()
        schedule = make_schedule(self.outputs, most_shared=card.shared_bytes)
        plain = (plain_program(one, "k0", buffers_of(one)) for one in kernels(schedule))
        return [one for one in plain if choose(one, card, PRODUCTS).names == (TILES.name,)]

    def check(self, call_step: int = 0) -> list[Launch]:
        """Compare with the interpreter; return the launches."""
        program = lower(self.outputs)
        for k, (ours, theirs) in enumerate(both(self.outputs, self.feeds, call_step, program)):
            different = np.argwhere(ours != theirs)
            assert not len(different), (
                f"output {k}, {self.outputs[k]!r}: at {different[0]} {ours[tuple(different[0])]} "
                f"is not {theirs[tuple(different[0])]}; {len(different)} in all"
            )
        return launches(program.steps)


(BATCH_SYMBOL,) = g.dim.symbols(BATCH)
SIZES = (
    (1, 1, 1),
    (2, 3, 1),
    (1, 40, 70),
    (33, 1, 300),
    (5, 7, 3),
    (31, 10, 50),
    (16, 16, 16),
    (9, 68, 24),
    (70, 36, 40),
    (66, 33, 131),
)


@pytest.mark.parametrize(("dtype", "sizes"), [("float32", SIZES), ("float64", SIZES[::3])])
def test_sizes_and_transposes(dtype: str, sizes: Sequence[tuple[int, int, int]]) -> None:
    cases = Cases(1)
    for (m, n, k), left, right in itertools.product(sizes, (False, True), (False, True)):
        a, b = cases.matrix(m, k, left, dtype), cases.matrix(k, n, right, dtype)
        cases.outputs.append(g.matmul(a, b))
    cases.check()


def test_large_tiles_and_their_edges() -> None:
    # The rule takes large tiles where symbols at their typical size give large results.
    n, k = g.symbol("n"), g.symbol("k")
    cases = Cases(2)
    a = cases.whole((BATCH * 16, 20), (9 * 16, 20))
    b = cases.whole((20, n * 12), (20, 11 * 12))
    sums = g.matmul(a, b)
    kept = g.random.bernoulli(sums.shape, 0.5, seed=4)
    cases.outputs.append(g.where(kept, sums, -1))
    a = cases.whole((k, BATCH * 16), (13, 9 * 16))
    b = cases.whole((n * 16 + 1, k), (11 * 16 + 1, 13))
    cases.outputs.append(g.matmul(g.transpose(a), g.transpose(b)))
    cases.outputs.append(g.matmul(cases.whole((70, 24)), cases.whole((24, n * 12), (24, 132))))
    assert cases.tiles()[:2] == [(128, 128), (128, 128)]
    cases.check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_other_tile(dtype: str) -> None:
    n = g.symbol("n")
    (batch, columns), k = (9, 5), 200
    cases = Cases(11)
    wanted = []
    for (rows, many), tile in {
        (BATCH * 4, n * 8): (64, 64),
        (BATCH * 2, n * 4): (32, 32),
        (BATCH, n): (16, 32),
        (BATCH * 64, 10): (64, 16),
        (10, n * 64): (16, 64),
    }.items():
        m, width = (
            g.dim.evaluate(size, {BATCH_SYMBOL: batch, g.dim.symbols(n)[0]: columns})
            for size in (rows, many)
        )
        transposed = cases.whole((k, rows), (k, m), dtype)
        cases.outputs.append(
            g.matmul(g.transpose(transposed), cases.whole((k, many), (k, width), dtype))
        )
        wanted.append(tile)
    assert cases.tiles() == wanted
    cases.check()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batches(dtype: str) -> None:
    cases = Cases(3)
    for m, n, k in ((5, 8, 12), (33, 20, 7), (1, 9, 40)):
        a = cases.whole((BATCH, m, k), (3, m, k), dtype)
        b = cases.whole((BATCH, k, n), (3, k, n), dtype)
        cases.outputs.append(g.matmul(a, b))
        transposed = cases.whole((n, BATCH, k), (n, 3, k), dtype)
        cases.outputs.append(g.matmul(a, g.transpose(transposed, (1, 2, 0))))
        shared = cases.whole((1, k, n), dtype=dtype)
        cases.outputs.append(g.matmul(a, shared))
        two = cases.whole((2, 1, k, m), dtype=dtype)
        cases.outputs.append(g.matmul(g.transpose(two, (0, 1, 3, 2)), b))
    # No copy of a broadcast or transposed operand.
    assert {launch.kernel.kind for launch in cases.check()} == {"matmul"}


def test_operands_that_are_index_maps() -> None:
    cases = Cases(4)
    b = cases.whole((24, 12))
    large = cases.whole((40, 64))
    rows = g.input((5,), "int32")
    cases.feeds[rows] = np.array([3, 0, 39, 3, 17], "int32")
    for operand in (
        large[4:30, 8:32],
        large[3:20, 5:29],
        large[:, ::2][:, 8:],
        large[::3, 16:40],
        g.flip(large[:, :24], 1),
        g.transpose(large[:24]),
        g.reshape(large, (16, 160))[:, 40:64],
        g.reshape(cases.whole((4, 5, 6, 4)), (20, 24)),
        g.reshape(g.transpose(cases.whole((3, 7, 8)), (1, 0, 2)), (7, 24)),
        g.reshape(g.transpose(cases.whole((3, 8, 7)), (2, 0, 1)), (7, 24)),
        g.pad(cases.whole((6, 20)), [(1, 2), (3, 1)]),
        g.concat([cases.whole((6, 9)), cases.whole((6, 15))], 1),
        g.broadcast_to(cases.whole((24,)), (7, 24)),
        g.broadcast_to(cases.whole((7, 1)), (7, 24)),
        g.take(large[:, :24], rows),
    ):
        cases.outputs.append(g.matmul(operand, b))
        cases.outputs.append(g.matmul(g.transpose(b), g.transpose(operand)))
    cases.check()


def test_what_lies_before_a_product_is_computed_while_it_is_fetched() -> None:
    cases = Cases(5)
    a, b = cases.whole((37, 24)), cases.whole((24, 20))
    ints = cases.whole((37, 24), dtype="int32")
    for left, right in (
        (-a, b),
        (g.maximum(a, 0) * 2, g.abs(b)),
        (g.cast(ints, "float32"), b),
        (g.transpose(g.cast(cases.whole((24, 11), dtype="int32"), "float32")), -b),
    ):
        cases.outputs.append(g.matmul(left, right))
    assert {launch.kernel.kind for launch in cases.check()} == {"matmul"}


@pytest.mark.parametrize("n", [12, 10, 1])
def test_what_lies_behind_a_product_is_in_its_epilogue(n: int) -> None:
    cases = Cases(6)
    x, w, bias = cases.whole((BATCH, 20), (37, 20)), cases.whole((20, n)), cases.whole((n,))
    residual, table = cases.whole((BATCH, n), (37, n)), cases.whole((BATCH, n), (37, n))
    sums = g.matmul(x, w) + bias
    kept = g.random.bernoulli((BATCH, n), 0.5, seed=3)
    cases.outputs += [g.where(kept, g.maximum(sums, 0), 0) + residual, sums > table]
    launched = cases.check(call_step=2)
    assert len(launched) == 1


def test_long_sums_are_cut_into_parts() -> None:
    cases = Cases(7)
    for m, n, k in ((12, 20, 2048), (5, 7, 3001), (40, 40, 2050)):
        a, b = cases.whole((m, k)), cases.whole((k, n))
        cases.outputs.append(g.maximum(g.matmul(a, b), 0) + cases.whole((m, n)))
    # As many parts as this size gives, 1 at a smaller one.
    left, right = (cases.whole((BATCH * 20, n), (4 * 20 * 16, n)) for n in (20, 12))
    cases.outputs.append(g.matmul(g.transpose(left), right))
    cases.outputs.append(g.matmul(cases.whole((1, 40_000)), cases.whole((40_000, 3))))
    launched = Counter(launch.kernel for launch in cases.check())
    assert list(launched.values()) == [2] * len(cases.outputs)  # the parts, and their sums


def test_sums_of_floats_round_no_more_than_their_terms_allow() -> None:
    # |error| of a sum of k products, each rounded once and added in any order, is at most
    # k * eps * sum of |a| |b| (Higham, Accuracy and Stability, 3.1); twice, as both sides round.
    cases = Cases(8)
    scales = []
    for m, n, k in ((40, 36, 300), (9, 1, 700), (20, 8, 1500)):
        a, b = g.input((m, k), "float32"), g.input((k, n), "float32")
        cases.feeds[a] = cases.random.standard_normal((m, k)).astype("float32")
        cases.feeds[b] = cases.random.standard_normal((k, n)).astype("float32")
        cases.outputs.append(g.matmul(a, b))
        scales.append(2 * k * 2.0**-24 * np.abs(cases.feeds[a]) @ np.abs(cases.feeds[b]))
    for (ours, theirs), bound in zip(both(cases.outputs, cases.feeds), scales, strict=True):
        assert (np.abs(ours - theirs) <= bound).all()


def test_products_of_equal_sizes_are_computed_together() -> None:
    # The gates of an LSTM: one left operand, several right ones, one epilogue.
    cases = Cases(9)
    for n, k, dtype in (
        (12, 40, "float32"),
        (70, 5, "float32"),
        (10, 33, "float64"),
        (1, 70, "float32"),
    ):
        h, x = (cases.whole((BATCH, k), (19, k), dtype) for _ in range(2))
        gates = [g.matmul(h, cases.whole((k, n), dtype=dtype)) for _ in range(4)]
        cases.outputs.append(gates[0] * gates[1] + g.maximum(gates[2], gates[3]))
        transposed = [g.matmul(a, g.transpose(cases.whole((n, k), dtype=dtype))) for a in (h, x)]
        cases.outputs.append(g.minimum(*transposed) - cases.whole((BATCH, n), (19, n), dtype))
    launched = cases.check()
    assert len(launched) == len(cases.outputs)
    # Left operands, and right ones: h is fetched once for its gates. One column has no tiles.
    assert cases.operands() == [1 + 4, 2 + 2, 1 + 4, 2 + 2, 1 + 4, 2 + 2]


@pytest.mark.parametrize("size", [8, 7])
def test_slices_of_a_loops_sequences_are_operands(size: int) -> None:
    cases = Cases(10)
    sequence = cases.whole((5, size, size))
    start = cases.whole((size, 12))

    def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple:
        new = g.clip(g.matmul(g.transpose(slices[0]), carries[0]), -4, 4)
        return (new,), (new + 1,)

    (final,), (stack,) = g.scan(step, [start], [sequence])
    cases.outputs += [final, stack]
    (launched,) = cases.check()
    assert launched.kernel.kind == "matmul"
    assert LoopStep in map(type, launched.arguments)  # by which it finds its slice
