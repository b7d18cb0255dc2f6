"""The mapping of products of few rows: where it applies, what it means, and the order of sums."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.evaluate import TurnOrder, evaluate
from graphc.compiler.loops.program import LoopProgram, innermost_loops, loops_in
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.schedule import kernels, make_schedule
from graphc.compiler.targets.cpu.products import few_rows
from graphc.compiler.targets.cpu.products.few_rows import FEW_ROWS
from graphc.compiler.targets.mapping import PLAIN, MappedProgram, choose
from graphc.compiler.targets.target import Target

CPU = Target("cpu", 64, 32, threads=2)
MANY_THREADS = Target("cpu", 16, 16, threads=5)
BATCH = g.symbol("batch")
COLUMNS, TERMS = 40, 27


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let products be divided that are small enough to be evaluated one element at a time."""
    sizes = {"DEPTH": 8, "MOST_ROWS": 3, "MOST_COLUMNS": 16, "BLOCK": 4, "LANES": 4}
    least = {"LEAST_COLUMNS": 1, "SMALL_RIGHT": 0, "NEAR": 0}
    for name, size in (sizes | least).items():
        monkeypatch.setattr(few_rows, name, size)


def plain(output: Node) -> LoopProgram:
    (kernel,) = kernels(make_schedule([output], most_shared=0))
    return plain_program(kernel, "k0", buffers_of(kernel))


def mapped(output: Node, target: Target = CPU) -> MappedProgram:
    return choose(plain(output), target, [FEW_ROWS])


def product(rows: Size = BATCH, terms: int = TERMS, columns: int = COLUMNS) -> Node:
    return g.dot(g.input((rows, terms), "float32"), g.input((terms, columns), "float32"))


def arrays_of(program: LoopProgram, rows: int) -> dict[str, np.ndarray]:
    draws = np.random.default_rng(0)
    return {
        one.memory: draws.standard_normal(
            [rows if symbols(size) else size for size in one.shape]
        ).astype(one.dtype)
        for one in program.inputs
    }


def result(
    program: LoopProgram, arrays: dict[str, np.ndarray], order: TurnOrder = TurnOrder.FORWARD
) -> np.ndarray:
    (output,) = program.outputs
    sizes = {one: len(arrays["x0"]) for one in symbols(output.shape[0])}
    return evaluate(program, arrays, sizes, order=order).outputs[output.memory]


def sums_of_depth(x: np.ndarray, w: np.ndarray, depth: int) -> np.ndarray:
    """Return a product in the order of tiles: a fused multiply-add for each term of a part, from 0
    on, then the parts."""
    total = np.zeros((len(x), w.shape[1]), x.dtype)
    for start in range(0, len(w), depth):
        part = np.zeros_like(total, np.float64)
        for k in range(start, min(start + depth, len(w))):
            exact = x[:, k, None].astype("float64") * w[k].astype("float64") + part
            part = exact.astype("float32").astype("float64")
        total += part.astype("float32")
    return total


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("target", [CPU, MANY_THREADS])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("terms", [3, 8, TERMS, 33])
def test_sums_have_the_order_of_tiles(rows: int, terms: int, target: Target) -> None:
    found = mapped(product(terms=terms), target)
    assert found.names == ("few rows", PLAIN)
    program = FEW_ROWS.rewrites(plain(product(terms=terms)), target)
    arrays = arrays_of(program, rows)
    expected = sums_of_depth(arrays["x0"], arrays["x1"], few_rows.DEPTH)
    orders = TurnOrder if rows == 2 and terms == TERMS else [TurnOrder.BACKWARD]
    for order in orders:
        np.testing.assert_array_equal(result(program, arrays, order), expected)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("terms", [3, TERMS])
def test_rows_of_known_number_have_the_same_bits(count: int, terms: int) -> None:
    known = mapped(product(rows=count, terms=terms)).program
    together = FEW_ROWS.rewrites(plain(product(terms=terms)), CPU)
    arrays = arrays_of(together, 3)
    first = arrays | {"x0": arrays["x0"][:count]}
    for order in TurnOrder:
        np.testing.assert_array_equal(result(known, first, order), result(together, arrays)[:count])


FUSED: dict[str, Callable[[Node, Node, Node], Node]] = {
    "bias and relu": lambda x, w, b: g.maximum(g.dot(x, w) + b, 0.0),
    "two products": lambda x, w, b: g.dot(x, w) * g.tanh(g.dot(x * 0.5, w)),
    "a cast operand": lambda x, w, b: g.dot(x, g.cast(g.cast(w, "bool"), "float32")) - b,
}


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("name", FUSED)
def test_what_is_fused(name: str) -> None:
    x, w = g.input((BATCH, 11), "float32"), g.input((11, 20), "float32")
    output = FUSED[name](x, w, g.input((20,), "float32"))
    program = FEW_ROWS.rewrites(plain(output), CPU)
    arrays = arrays_of(program, 2)
    np.testing.assert_allclose(
        result(program, arrays), result(plain(output), arrays), rtol=1e-5, atol=1e-6
    )


def test_many_columns_of_many_terms_are_taken() -> None:
    """As those of the dense layer behind VGG's convolutions."""
    assert mapped(product(columns=4096, terms=25088)).names[0] == "few rows"


@pytest.mark.usefixtures("small")
def test_threads_divide_columns_and_neighbours_are_vectors() -> None:
    program = FEW_ROWS.rewrites(plain(product(rows=2)), CPU)
    assert program.loop("i1_outer").kind is LoopKind.TEAM
    vectors = [one for one in loops_in(program.body) if one.kind is LoopKind.VECTOR]
    within = {id(inner) for one in vectors for inner in (one, *loops_in(one.body))}
    assert all(id(one) in within for one in innermost_loops(program.body))


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (product(columns=100, terms=2000), "there are 100 columns, fewer than 128"),
        (product(columns=512), "the right operand has no more than 32768 elements"),
        (
            product(rows=5, columns=512, terms=128),
            "the right operand has no more than 131072 elements",
        ),
        (product(columns=512, terms=20000), "a sum of 512 columns has more than 16384 terms"),
        (product(rows=9, columns=512, terms=512), "there are 9 rows, more than 7"),
        (
            g.dot(g.input((1, 512), "float32"), g.input((512, 512), "float32").T),
            "x1[i0, k0] is not contiguous in i0",
        ),
        (
            g.dot(g.input((1, BATCH), "float32"), g.input((BATCH, 512), "float32")),
            "only a call knows how many columns or terms there are",
        ),
        (
            g.matmul(g.input((2, 4, 512), "float32"), g.input((2, 512, 512), "float32")),
            "it has several matrices",
        ),
    ],
    ids=["narrow", "near", "cached", "long", "rows", "transposed", "terms", "batch"],
)
def test_what_is_no_product_of_few_rows_and_why(output: Node, reason: str) -> None:
    found = mapped(output)
    assert found.is_plain
    assert not found.conditions
    assert found.refusals == (("few rows", reason),)
