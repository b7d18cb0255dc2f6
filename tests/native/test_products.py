"""Products as native code: tiles that do not fit, factors of every make, teams of threads."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.function import function
from graphc.compiler.graph import Node
from graphc.compiler.interpret import evaluate
from graphc.config import config
from tests.native.graph_programs import Compiled, both, needs_compiler, on_threads

pytestmark = needs_compiler

BATCHES = (1, 7, 128)


def check(outputs: list[Node], make, batches=BATCHES, rtol: float = 2e-5) -> None:
    """Native code and the interpreter, at each batch by one text."""
    compiled = Compiled(outputs)
    for batch in batches:
        rng = np.random.default_rng(batch)
        feeds = make(rng, batch)
        for ours, theirs in zip(compiled(feeds), evaluate(outputs, feeds), strict=True):
            scale = float(np.fmax.reduce(np.abs(theirs), axis=None, initial=1.0))
            np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol * scale)


def normal(rng: np.random.Generator, *shape: int, dtype: str = "float32") -> np.ndarray:
    return rng.normal(size=shape).astype(dtype)


@pytest.mark.parametrize("n", [1, 3, 10, 33, 48, 130])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles_that_do_not_fit(n: int, dtype: str) -> None:
    k = 300 if n < 130 else 517
    x, w = g.input((g.BATCH, k), dtype), g.input((k, n), dtype)
    d = g.input((g.BATCH, n), dtype)
    outputs = [g.dot(x, w) + 1.0, g.dot(d, g.transpose(w)), g.dot(g.transpose(x), d)]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {
            x: normal(rng, batch, k, dtype=dtype),
            w: normal(rng, k, n, dtype=dtype),
            d: normal(rng, batch, n, dtype=dtype),
        }

    check(outputs, make)


@pytest.mark.parametrize(("n", "dtype"), [(48, "float32"), (72, "float64")])
def test_bits_of_a_row_do_not_depend_on_the_packing_of_a_factor(n: int, dtype: str) -> None:
    """For many rows it is packed, for few it is read where it lies."""
    x, w = g.input((g.BATCH, 517), dtype), g.input((517, n), dtype)
    compiled, rng = Compiled([g.dot(x, w)]), np.random.default_rng(n)
    rows, matrix = normal(rng, 150, 517, dtype=dtype), normal(rng, 517, n, dtype=dtype)
    (whole,) = compiled({x: rows, w: matrix})
    for count in (1, 13, 128):
        (few,) = compiled({x: rows[:count], w: matrix})
        assert few.tobytes() == whole[:count].tobytes()


@pytest.mark.parametrize(("terms", "columns"), [(200, 700), (517, 333), (2100, 130), (517, 320)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_of_a_row_of_few_are_those_of_one_of_many(
    terms: int, columns: int, dtype: str
) -> None:
    """Large weights: few rows are added up by columns, many by tiles, or by panels if these are
    whole."""
    x, w = g.input((g.BATCH, terms), dtype), g.input((terms, columns), dtype)
    bias = g.input((columns,), dtype)
    outputs = [g.maximum(g.dot(x, w) + bias, 0.0)]
    compiled, rng = Compiled(outputs), np.random.default_rng(columns)
    fed = [normal(rng, *shape, dtype=dtype) for shape in ((128, terms), (terms, columns))]
    feeds = {x: fed[0], w: fed[1], bias: normal(rng, columns, dtype=dtype)}
    (whole,) = compiled(feeds)
    (exact,) = evaluate(outputs, feeds)
    np.testing.assert_allclose(whole, exact, rtol=2e-5, atol=2e-3)
    for count in (1, 3, 4, 5):
        (few,) = compiled(feeds | {x: fed[0][:count]})
        assert few.tobytes() == whole[:count].tobytes()
        program = compiled.program.program
        for other in on_threads(program, lambda n=count: compiled(feeds | {x: fed[0][:n]})):
            assert other[0].tobytes() == few.tobytes()


@pytest.mark.parametrize("matrices", [(), (2, 3)], ids=["one matrix", "several"])
@pytest.mark.parametrize("terms", [7, 300])
def test_products_that_are_stored_twice(matrices: tuple[int, ...], terms: int) -> None:
    """Found by random graphs."""
    x, w = (g.input((*matrices, *sides), "float32") for sides in ((9, terms), (terms, 64)))
    product = g.matmul(x, w)
    outputs = [product, g.reshape(product, (*matrices, 9, 8, 8))]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {x: normal(rng, *x.shape), w: normal(rng, *w.shape)}

    check(outputs, make)


@pytest.mark.parametrize(
    ("rows", "terms", "columns"),
    [
        (1, 517, 600),
        (3, 600, 333),
        (70, 300, 1),
        (1, 300, 1),
        (70, 300, 4),
        (65, 1, 130),
        (33, 4, 64),
    ],
)
def test_products_of_tiny_sides(rows: int, terms: int, columns: int) -> None:
    x, w = g.input((rows, terms), "float32"), g.input((terms, columns), "float32")
    outputs = [g.tanh(g.dot(x, w)), g.dot(g.transpose(w), g.transpose(x)) * 2.0]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {x: normal(rng, rows, terms), w: normal(rng, terms, columns)}

    check(outputs, make, batches=(1,))


def test_factors_that_are_computed() -> None:
    """A mask, a concatenation, and both turned: the left factor, and the right one. One that
    several products read is stored, the others are a product's own."""
    x, y = g.input((g.BATCH, 40, 6), "float32"), g.input((g.BATCH, 33), "float32")
    w = g.input((273, 70), "float32")
    d = g.input((g.BATCH, 70), "float32")
    flat = g.reshape(g.transpose(x, (0, 2, 1)), (g.BATCH, 240))
    merged = g.concat([flat, y], axis=1)
    masked = g.where(y > 0.0, y, 0.0)
    outputs = [
        g.dot(merged, w),
        g.dot(g.transpose(merged), d),
        g.dot(g.transpose(d), merged),
        g.dot(g.concat([y, flat], axis=1), w),
        g.dot(g.transpose(g.concat([y, flat, y], axis=1)), d),
        g.dot(g.transpose(masked), d),
        g.dot(masked, g.concat([w, w * 2.0], axis=1)[:33]),
    ]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {
            x: normal(rng, batch, 40, 6),
            y: normal(rng, batch, 33),
            w: normal(rng, 273, 70),
            d: normal(rng, batch, 70),
        }

    check(outputs, make)


def test_a_concatenation_is_stored_part_after_part() -> None:
    """Along the last axis and along others, of parts that are index maps themselves."""
    x, y = g.input((g.BATCH, 6, 40), "float32"), g.input((g.BATCH, 5, 6), "float32")
    transposed = g.transpose(x, (0, 2, 1))
    outputs = [
        g.concat([transposed[:, :5], y, g.pad(y, [(0, 0), (0, 0), (1, 2)])], axis=2),
        g.concat([transposed, y], axis=1),
        g.concat([y[:, :, 0], g.concat([y[:, 0], y[:, 1] * 2.0], axis=1)], axis=1),
    ]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {x: normal(rng, batch, 6, 40), y: normal(rng, batch, 5, 6)}

    check(outputs, make, (*BATCHES, 400))


def test_steps_of_a_sequence_as_rows_and_as_sums() -> None:
    """The products of a recurrent layer ahead of its loop and behind it: steps come first."""
    x, w = g.input((g.BATCH, 9, 20), "float32"), g.input((20, 50), "float32")
    d, e = (g.input((9, g.BATCH, 50), "float32") for _ in range(2))
    steps = g.transpose(x, (1, 0, 2))
    flat = g.reshape(steps, (9 * g.BATCH, 20))
    ahead = g.reshape(g.dot(flat, w), (9, g.BATCH, 50))
    behind = [g.dot(g.transpose(flat), g.reshape(z, (9 * g.BATCH, 50))) for z in (d, e)]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        values = {x: normal(rng, batch, 9, 20), w: normal(rng, 20, 50)}
        return values | {z: normal(rng, 9, batch, 50) for z in (d, e)}

    check([ahead, *behind], make)


def test_many_matrices_and_integers() -> None:
    a, b = g.input((g.BATCH, 30, 40), "float32"), g.input((g.BATCH, 40, 50), "float32")
    i, j = g.input((g.BATCH, 100), "int32"), g.input((100, 90), "int32")
    outputs = [
        g.matmul(a, b),
        g.matmul(a, g.transpose(a, (0, 2, 1))),
        g.matmul(g.where(a > 0.0, a, 0.0), g.concat([b, b * b], axis=2)),
        g.matmul(i, j),
    ]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {
            a: normal(rng, batch, 30, 40),
            b: normal(rng, batch, 40, 50),
            i: rng.integers(-9, 9, (batch, 100), dtype=np.int32),
            j: rng.integers(-9, 9, (100, 90), dtype=np.int32),
        }

    check(outputs, make)


def test_few_rows_of_long_sums_and_of_many_columns() -> None:
    """Sums are made in parts; of a computed factor too, and of two products that share one."""
    x, w = g.input((g.BATCH, 3000), "float32"), g.input((3000, 20), "float32")
    v, d = g.input((20, 4500), "float32"), g.input((g.BATCH, 20), "float32")
    positive = g.where(x > 0.0, x, 0.0)
    outputs = [
        g.tanh(g.dot(x, w) * 0.01),
        g.dot(positive, w) + g.dot(positive, w * w),
        g.dot(d, v) + 1.0,
        g.dot(d, g.transpose(g.transpose(v) * 2.0)),
    ]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        return {
            x: normal(rng, batch, 3000),
            w: normal(rng, 3000, 20),
            v: normal(rng, 20, 4500),
            d: normal(rng, batch, 20),
        }

    check(outputs, make, (*BATCHES, 400))


@pytest.mark.parametrize("n", [1, 3, 16, 50])
def test_the_end_of_one_row_is_no_part_of_the_next(n: int) -> None:
    """A right factor is read where it lies, whole vectors at a time: what these read of the next
    row, here NaN, is left out; and nothing is read behind the last one."""
    k, columns = 20000, max(5000, 140000 // n)  # too large for a cache
    x, w = g.input((g.BATCH, k), "float32"), g.input((k, n), "float32")
    d, v = g.input((g.BATCH, n), "float32"), g.input((n, columns), "float32")
    wide = g.input((columns, n), "float32")
    outputs = [g.dot(x, w) + 1.0, g.dot(d, v), g.dot(d, g.transpose(wide))]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        feeds = {
            x: normal(rng, batch, k),
            w: normal(rng, k, n),
            d: normal(rng, batch, n),
            v: normal(rng, n, columns),
            wide: normal(rng, columns, n),
        }
        feeds[w][:, 0] = feeds[v][:, 0] = feeds[wide][0] = np.nan
        return feeds

    check(outputs, make, (1, 7, 16, 32, 33))


@pytest.mark.parametrize("n", [1, 10, 33, 50, 64])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_many_rows_of_short_sums(n: int, dtype: str) -> None:
    """A row is no part of the one behind it, though what fills up its columns is written there: an
    infinity times these zeros is NaN. More than 256 samples are another launch."""
    rows = 9001
    x, d = g.input((g.BATCH, rows), dtype), g.input((g.BATCH, n), dtype)
    state = g.input((rows, n), dtype)
    outputs = [g.dot(g.transpose(x), d), state - g.dot(g.transpose(x), d * d) * 0.5]

    def make(rng: np.random.Generator, batch: int) -> dict[Node, np.ndarray]:
        values = normal(rng, batch, rows, dtype=dtype)
        values[:, ::5] = np.inf
        feeds = {x: values, d: np.abs(normal(rng, batch, n, dtype=dtype)) + 0.1}
        return feeds | {state: normal(rng, rows, n, dtype=dtype)}

    compiled = Compiled(outputs)
    for batch in (1, 7, 16, 32, 33, 130, 257):
        feeds = make(np.random.default_rng(batch), batch)
        for ours, theirs in zip(compiled(feeds), evaluate(outputs, feeds), strict=True):
            np.testing.assert_array_equal(np.isinf(theirs), np.isinf(ours))
            finite = np.isfinite(theirs)
            assert finite.sum() == n * (rows - (rows + 4) // 5)
            np.testing.assert_allclose(ours[finite], theirs[finite], rtol=2e-5, atol=2e-4)


def test_sums_of_no_terms_and_products_of_no_rows() -> None:
    """A slice may be empty in one call: its sums are zeros, whatever lay in memory before."""
    time = g.symbol("time")
    rows, few = (time - 1) * g.BATCH, 32 * (time - 1)
    x, y = (g.input((time, g.BATCH, size), "float32") for size in (20, 30))
    z, v = g.input((time, 300), "float32"), g.input((20, 4500), "float32")
    wide, thin = g.input((g.BATCH, time, 32), "float32"), g.input((time, 32, 20), "float32")
    flat, other = (g.reshape(one[1:], (rows, one.shape[2])) for one in (x, y))
    outputs = [
        g.dot(g.transpose(flat), other) + 1.0,
        g.dot(g.transpose(z[1:]), z[1:]) + 1.0,
        g.dot(g.reshape(wide[:, 1:], (g.BATCH, few)), g.reshape(thin[1:], (few, 20))) + 1.0,
        g.tanh(g.dot(flat, v)),
        g.dot(flat, v[:, :30]) + 1.0,
    ]

    def make(rng: np.random.Generator, steps: int) -> dict[Node, np.ndarray]:
        return {
            x: normal(rng, steps, 3, 20),
            y: normal(rng, steps, 3, 30),
            z: normal(rng, steps, 300),
            v: normal(rng, 20, 4500),
            wide: normal(rng, 3, steps, 32),
            thin: normal(rng, steps, 32, 20),
        }

    check(outputs, make, (5, 1, 2))


def test_a_factor_that_repeats_one_number() -> None:
    x, y = g.input((), "float64"), g.input((4, 1), "float64")
    row = g.broadcast_to(x, (1, 4))
    for ours, theirs in both([g.dot(row, y)], {x: np.array(3.0), y: np.arange(4.0)[:, None]}):
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(ours, [[18.0]])


def test_the_number_of_threads_changes_no_bit_of_a_product() -> None:
    config.cpu = "native"
    x, w = g.input((g.BATCH, 300), "float32"), g.input((300, 130), "float32")
    d = g.input((g.BATCH, 130), "float32")
    merged = g.concat([x, x * 2.0], axis=1)
    long, thin = g.input((g.BATCH, 4500), "float32"), g.input((4500, 9), "float32")
    wide, many = g.input((130, 5000), "float32"), g.input((5000, 130), "float32")
    inputs = [x, w, d, long, thin, wide, many]
    outputs = [
        g.tanh(g.dot(x, w)),
        g.dot(d, g.transpose(w)),
        g.dot(g.transpose(merged), d),
        g.dot(long, thin),
        g.dot(long, thin[:, :2]),
        g.dot(d, wide),
        g.dot(d, g.transpose(many)),
        g.dot(g.transpose(long), d[:, :50]),
    ]
    run, rng = function(inputs, outputs), np.random.default_rng(0)
    for batch in (1, 7, 128, 131):
        shapes = [
            (batch if one.shape[0] == g.BATCH else one.shape[0], one.shape[1]) for one in inputs
        ]
        feeds = [normal(rng, *shape) for shape in shapes]
        one, two, three = on_threads(
            run.program(), lambda feeds=feeds: [value.tobytes() for value in run(*feeds)]
        )
        assert one == two == three
