"""Mappings of products on a GPU: who computes what, what is refused, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import Size, symbols
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import LoopProgram, loops_in, walk
from graphc.compiler.loops.statement import Allocate, Barrier, LoopKind, Store
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.products import blocks
from graphc.compiler.targets.cuda.products import tiles as block_tiles
from graphc.compiler.targets.cuda.products.blocks import PRODUCTS
from graphc.compiler.targets.cuda.products.tiles import BLOCKS, TILES, BlockTile
from graphc.compiler.targets.mapping import MappedProgram, choose
from graphc.compiler.targets.product_loops import products_of
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.lowering.golden_text import check_golden
from tests.compiler.targets.cuda.products.cases import (
    ARGUMENTS,
    CASES,
    SIZES,
    T,
    arrays,
    dense,
    long_epilogue,
    plain,
)

FOLDER = Path(__file__).parents[1] / "golden"
SMALL = BlockTile(8, 16, 4, 4, 1)
"""A tile that an evaluator computes soon."""


@pytest.fixture(autouse=True)
def medium_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all results have tiles of 64 x 64, which may be mostly empty: the cases are small."""
    use(monkeypatch, *(tile for tile in TILES if tile.rows == 64))


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, SMALL)


@pytest.fixture
def several_packs(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(SMALL, thread_packs=2))


@pytest.fixture
def all_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, *TILES)
    monkeypatch.setattr(block_tiles, "BLOCKS", BLOCKS)


def use(monkeypatch: pytest.MonkeyPatch, *tiles: BlockTile) -> None:
    """Let results have some tiles, however few of them."""
    monkeypatch.setattr(block_tiles, "TILES", tiles)
    monkeypatch.setattr(block_tiles, "BLOCKS", 1)


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, any_card(), PRODUCTS)


# ---- the same meaning ---------------------------------------------------------------------------


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("case", CASES)
def test_tiles_have_the_bits_of_the_plain_program(case: str) -> None:
    check(CASES[case]())


def check(program: LoopProgram) -> None:
    found = mapped(program)
    assert found.names == ("tiles by blocks",), found.refusals
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    sizes = SIZES[:1] if is_known else SIZES
    same_meaning(program, found.program, *sizes, arguments=arguments)


@pytest.mark.usefixtures("several_packs")
@pytest.mark.parametrize("case", ["sizes of a call", "dropout", "computed operands"])
def test_several_packs_of_a_thread_have_the_bits_of_the_plain_program(case: str) -> None:
    check(CASES[case]())


def test_text() -> None:
    found = replace(mapped(plain(dense(BATCH, 36, 96))).program, name="product")
    check_golden("product", print_program(found).text, FOLDER / "product.cu")


GROUPS = (
    replace(SMALL, depth=8, groups=2),
    replace(SMALL, depth=32, groups=8),
)
"""Of the first each group finishes some rows of a thread's, of the second some groups do."""

IN_GROUPS = (
    "sizes of a call",
    "known sizes",
    "known sizes that no tile divides",
    "a transposed left operand",
    "a transposed right operand",
    "computed operands",
    "terms of samples",
    "heads",
    "float64",
    "a bias of sizes of a call",
    "dropout",
    "an update in place",
    "products of several arrays",
    "products of the same rows",
    "products of parts of an array",
    "operands of fewer axes",
    "rows of a table",
)
"""Cases that differ in what groups do: how they share operands, and finish results."""

IN_MANY_GROUPS = (
    "sizes of a call",
    "known sizes that no tile divides",
    "float64",
    "dropout",
    "products of several arrays",
)
"""Cases of both numbers of groups: operands and epilogues do not depend on it."""


@pytest.mark.parametrize(
    ("case", "number"),
    [
        *((case, 0) for case in IN_GROUPS),
        *((case, 1) for case in IN_MANY_GROUPS),
    ],
)
def test_groups_of_threads_add_up_in_their_order(
    case: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_tiles, "SHORT", 0)
    use(monkeypatch, GROUPS[number])
    program = CASES[case]()
    found = mapped(program)
    assert not found.is_plain, found.refusals
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    sizes = SIZES[:1] if is_known else SIZES
    same_meaning(program, found.program, *sizes, arguments=arguments, rtol=1e-5)


LONG: Mapping[str, Callable[[], LoopProgram]] = {
    "sizes of a call": CASES["sizes of a call"],
    "products of several arrays": CASES["products of several arrays"],
    "a value of all elements": lambda: plain(
        g.matmul(arrays(5, T), arrays(T, 6)) * g.exp(arrays())
    ),
    "computed operands": CASES["computed operands"],
    "terms of samples": CASES["terms of samples"],
    "whole steps": lambda: plain(dense(BATCH, 24, 17)),
    "float64": lambda: plain(
        g.matmul(arrays(9, 17, dtype="float64"), g.transpose(arrays(17, 17, dtype="float64")))
    ),
}
"""Products whose steps a number of parts does not divide."""


@pytest.mark.parametrize(
    ("case", "tile"),
    [
        *((case, replace(SMALL, parts=3)) for case in LONG),
        *((case, replace(SMALL, depth=8, groups=2, parts=2)) for case in LONG),
    ],
)
def test_parts_of_sums_are_added_in_their_order(
    case: str, tile: BlockTile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "tile_of", lambda given: tile)
    program = LONG[case]()
    found = mapped(program)
    assert not found.is_plain, found.refusals
    assert len(launches_of(found.program)) == 2
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    same_meaning(program, found.program, *(SIZES[:1] if is_known else SIZES), rtol=1e-5)


@pytest.mark.usefixtures("all_tiles")
def test_many_parts_of_a_sum_are_read_one_behind_the_other() -> None:
    product = g.matmul(arrays(6, BATCH * 50), arrays(BATCH * 50, 6))
    _, results = launches_of(mapped(plain(product)).program)
    turns = [(one.kind, one.ends[0].constant) for one in loops_in(results.body)][1:]
    assert turns == [(LoopKind.SERIAL, 4), (LoopKind.UNROLLED, 16)]


# ---- what is shared, and when -------------------------------------------------------------------


def test_threads_meet_once_a_step() -> None:
    program = mapped(CASES["sizes of a call"]()).program
    (step,) = (one for one in loops_in(program.body) if one.variable.name == "step")
    assert sum(isinstance(one, Barrier) for one in walk(step.body)) == 1


def test_two_steps_of_both_operands_are_in_shared_memory() -> None:
    program = mapped(CASES["sizes of a call"]()).program
    shapes = [
        one.buffer.shape
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
    ]
    assert shapes == [(2, 16, 68), (2, 16, 68)]


@pytest.mark.parametrize(("terms", "depth"), [(8, 8), (40, 8), (48, 16), (36, 16), (200, 16)])
def test_a_step_of_few_terms_is_not_padded(terms: int, depth: int) -> None:
    program = mapped(plain(g.matmul(arrays(BATCH, terms), arrays(terms, 64)))).program
    (right,) = (
        one.buffer
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name == "right_tile"
    )
    assert right.shape == (2, depth, 68)


@pytest.mark.parametrize(
    ("case", "packs"),
    [
        ("known sizes", {"x0", "x1", "y0"}),
        ("packs at a border", {"x0", "x1", "y0"}),
        ("known sizes that no tile divides", set()),
        ("sizes of a call", set()),
        ("a transposed right operand", {"x0", "x1", "y0"}),
        ("an update in place", {"x0", "x1", "x2"}),
        ("heads", {"x0", "x1", "y0"}),
        ("rows of several axes", {"x0", "x1", "x2", "y0"}),
    ],
)
def test_what_is_moved_in_packs(case: str, packs: set[str]) -> None:
    program = mapped(CASES[case]()).program
    moved = set()
    for loop in loops_in(program.body):
        if loop.kind is LoopKind.VECTOR:
            (store,) = loop.body
            assert isinstance(store, Store)
            for one in (store.target, store.value):
                if one.buffer.scope is BufferScope.GLOBAL:
                    moved.add(one.buffer.memory)
    assert moved == packs


def test_half_of_the_rows_of_a_long_epilogue_are_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch, BlockTile(16, 16, 4, 8, 1))
    program = plain(long_epilogue())
    found = mapped(program).program
    halves = [one for one in loops_in(found.body) if one.variable.name.endswith("_half")]
    assert [(one.kind, one.ends[0].constant) for one in halves] == [(LoopKind.SERIAL, 2)]
    same_meaning(program, found, *SIZES)


@pytest.mark.usefixtures("all_tiles")
@pytest.mark.parametrize(
    ("shapes", "tile"),
    [
        (((4096, 64), (64, 4096)), (128, 128, 8, 1)),
        (((512, 64), (64, 1024)), (64, 64, 16, 1)),
        (((2, BATCH, 64), (2, 64, 2048)), (64, 64, 16, 1)),
        (((512, 64), (64, 960)), (32, 32, 64, 4)),
        (((BATCH, 784), (784, 512)), (16, 32, 64, 8)),
        (((BATCH, 10), (10, 512)), (16, 32, 16, 1)),
        (((BATCH, 512), (512, 10)), (16, 32, 64, 8)),
        (((8192, 512), (512, 7)), (64, 16, 32, 4)),
        (((16, 100), (100, 8192)), (16, 64, 32, 4)),
        (((3, 4), (4, 5)), (16, 32, 8, 1)),
    ],
)
def test_the_largest_tile_of_which_there_are_enough(
    shapes: tuple[tuple[Size, ...], tuple[Size, ...]], tile: tuple[int, ...]
) -> None:
    found = products_of(plain(g.matmul(*(arrays(*shape) for shape in shapes))))
    assert not isinstance(found, str)
    chosen = block_tiles.tile_of(found)
    assert chosen is not None
    assert (chosen.rows, chosen.columns, chosen.depth, chosen.groups) == tile
    assert chosen.parts == 1


@pytest.mark.usefixtures("all_tiles")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("columns", [10, 4096])
@pytest.mark.parametrize("terms", [9, 100, BATCH])
def test_several_blocks_fit_a_multiprocessor(
    dtype: str, count: int, columns: int, terms: Size
) -> None:
    itemsize = 4 if dtype == "float32" else 8
    for rows in (10, 4096, BATCH):
        x = arrays(rows, terms, dtype=dtype)
        factors = [arrays(terms, columns, dtype=dtype) for _ in range(count)]
        found = products_of(plain(sum((g.matmul(x, one) for one in factors), g.constant(0, dtype))))
        assert not isinstance(found, str)
        tile = block_tiles.tile_of(found)
        assert tile is not None
        shared = tile.shared_elements(1, count) * itemsize
        assert shared <= 40 * 1024
        assert tile.groups * tile.rows * tile.columns * itemsize <= shared or tile.groups == 1
        assert tile.results * count * itemsize <= 128 * 4
        assert tile.depth % tile.groups == 0
        assert tile.depth % 8 == 0


@pytest.mark.usefixtures("all_tiles")
@pytest.mark.parametrize(
    ("shapes", "parts"),
    [
        (((BATCH, 4608), (4608, 128)), 4),
        (((BATCH, 14400), (14400, 64)), 14),
        (((128, 8192), (8192, 128)), 8),
        (((32, 16384), (16384, 32)), 16),
        (((BATCH, 98940), (98940, 50)), 64),
        (((512, 80 * BATCH), (80 * BATCH, 64)), 4),
        (((6, 50 * BATCH), (50 * BATCH, 6)), 64),
        (((BATCH, 50 * BATCH), (50 * BATCH, 6)), 1),
        (((BATCH, 2000), (2000, 64)), 1),
        (((4096, 8192), (8192, 4096)), 1),
    ],
)
def test_blocks_divide_long_sums_of_few_tiles(
    shapes: tuple[tuple[Size, ...], tuple[Size, ...]], parts: int
) -> None:
    found = products_of(plain(g.matmul(*(arrays(*shape) for shape in shapes))))
    assert not isinstance(found, str)
    chosen = block_tiles.tile_of(found)
    assert chosen is not None
    assert chosen.parts == parts
