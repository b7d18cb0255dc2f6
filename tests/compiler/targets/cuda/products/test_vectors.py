"""Products on a GPU that have no tiles: which mapping takes them, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import symbols
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.products.blocks import PRODUCTS
from graphc.compiler.targets.mapping import choose
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.targets.cuda.products.cases import SIZES, T, arrays, dense, plain


def gates() -> tuple[Node, ...]:
    """Return the products of a row and several matrices."""
    row = arrays(1, 12)
    return tuple(g.matmul(row, arrays(12, 10)) + arrays(10) for _ in range(3))


def gradient() -> Node:
    """Return the gradient of the weights of one column."""
    return g.matmul(g.transpose(arrays(BATCH, 10), (1, 0)), arrays(BATCH, 1)) * 0.5


def several_matrices() -> tuple[Node, ...]:
    """Return the products of a row of each sample, by a matrix of it and by that of all."""
    rows = arrays(BATCH, 1, 6)
    return g.matmul(rows, arrays(BATCH, 6, 5)), g.matmul(rows, arrays(1, 6, 5))


CASES: Mapping[str, tuple[Callable[[], Node | tuple[Node, ...]], str]] = {
    "one column": (lambda: dense(BATCH, 40, 1), "lanes of a warp a row"),
    "one column of few terms": (lambda: dense(BATCH, 3, 1), "a thread a row"),
    "one column of the terms of a call": (
        lambda: g.matmul(g.maximum(arrays(3, T), 0.0), arrays(T, 1)),
        "a block a row",
    ),
    "one row": (lambda: dense(1, 20, 30), "tiles of columns"),
    "one row of several products": (gates, "tiles of columns"),
    "one row of transposed weights": (
        lambda: g.matmul(arrays(1, 12), g.transpose(arrays(7, 12), (1, 0))),
        "lanes of a warp a row",
    ),
    "a gradient of one column": (gradient, "tiles of columns"),
    "one result": (lambda: g.matmul(arrays(1, 40), arrays(40, 1)), "lanes of a warp a row"),
    "a row for each matrix": (
        lambda: g.matmul(arrays(BATCH, 1, 6), arrays(BATCH, 6, 5)),
        "tiles of columns",
    ),
    "a row for each matrix and one for all": (several_matrices, "tiles of columns"),
    "one term": (lambda: g.matmul(arrays(BATCH, 1), arrays(1, 7)) + arrays(7), "packs"),
    "no terms": (lambda: g.matmul(arrays(BATCH, 0), arrays(0, 8)) + arrays(8), "packs"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_has_no_tiles_is_reduced(case: str) -> None:
    make, name = CASES[case]
    made = make()
    program = plain(*(made if isinstance(made, tuple) else (made,)))
    found = choose(program, any_card(), PRODUCTS)
    assert found.names == (name,), found.refusals
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    sizes = SIZES[:1] if is_known else SIZES
    same_meaning(program, found.program, *sizes, rtol=1e-5)


def test_long_sums_of_one_row_are_divided_among_blocks() -> None:
    found = choose(plain(dense(1, 80_000, 4)), any_card(), PRODUCTS)
    assert found.names == ("blocks a tile of columns",), found.refusals


def with_found_rows() -> Node:
    """Return a product with rows added to it that are found in a table, which may have none."""
    rows = g.take(arrays(T - 1, 10), arrays(BATCH, dtype="int32"))
    return g.matmul(arrays(BATCH, 12), arrays(12, 10)) + rows


def test_what_no_other_mapping_takes_has_a_thread_a_result() -> None:
    found = choose(plain(with_found_rows()), any_card(), PRODUCTS)
    assert found.names == ("elements of sums",)
    reasons = dict(found.refusals)
    assert "expected checks of indices of which there is one" in reasons["tiles by blocks"]
    assert reasons["tiles of columns"] == "results share factors on both sides"
    assert reasons["packs"] == "its sums have several terms"
