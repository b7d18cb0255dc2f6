"""Mappings of columns on a GPU: tiles, parts of long ones, channels, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import loads_of, walk
from graphc.compiler.loops.statement import Allocate, Barrier, For, LoopKind
from graphc.compiler.targets.cuda.reductions import columns, rows
from graphc.compiler.targets.cuda.reductions.columns import COLUMNS, Tile, choose_tile
from graphc.compiler.targets.mapping import MappedProgram, choose
from tests.compiler.targets.cuda.reductions.reduced import GPU, check, numbers, plain, results


def mapped(output: Node) -> MappedProgram:
    return choose(plain(output, "columns"), GPU, COLUMNS)


FUNCTIONS = {
    "sum": lambda x: g.sum(x, axis=0),
    "mean": lambda x: g.mean(x, axis=0),
    "max": lambda x: g.max(x, axis=0),
    "argmax": lambda x: g.argmax(x, axis=0),
    "variance": lambda x: g.var(x, axis=0),
}


@pytest.mark.parametrize("given", [(None, 20), (12, None), (50, 40), (300, 9), (None, 6)], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_block_has_a_tile_of_columns(function: str, given: tuple[int | None, ...]) -> None:
    shapes = [tuple(n or 1 for n in given), tuple(n or 35 for n in given)]
    found = check(FUNCTIONS[function], given, shapes, "columns", COLUMNS)
    assert found.names == ("tiles of columns",)


def above_mean(x: Node) -> Node:
    """Return the sums of columns, of whose elements none is below the mean."""
    return g.sum(g.maximum(x, g.mean(x, axis=0, keepdims=True)), axis=0)


KEPT, AGAIN = "tiles of columns that threads keep", "tiles of columns that are read again"


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ((None, 20), (KEPT, AGAIN)),
        ((12, None), (KEPT,)),
        ((50, 40), (KEPT,)),
        ((530, 9), (AGAIN,)),
    ],
    ids=str,
)
def test_columns_that_several_passes_read(
    given: tuple[int | None, ...], names: tuple[str, ...]
) -> None:
    shapes = [tuple(n or size for n in given) for size in (1, 35, 513)]
    found = check(above_mean, given, shapes, "columns", COLUMNS, "float64")
    assert found.names == names


@pytest.mark.parametrize("function", ["sum", "variance"])
def test_a_block_has_a_tile_of_columns_of_float64(function: str) -> None:
    check(FUNCTIONS[function], (None, 20), [(3, 20), (40, 20)], "columns", COLUMNS, "float64")


def test_blocks_have_a_tile_of_long_columns_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "LONG_WALK", 2000)
    monkeypatch.setattr(columns, "PART_OF_COLUMN", 100)
    shape = (320, 9)
    found = check(FUNCTIONS["sum"], shape, [shape], "columns", COLUMNS)
    assert found.names == ("blocks a tile of columns",)
    assert Barrier(BufferScope.GLOBAL) in found.program.body


@pytest.mark.parametrize("given", [(None, 3, 5), (2, None, None)])
@pytest.mark.parametrize("function", [g.sum, g.var])
def test_a_block_has_a_channel(
    function: Callable[..., Node], given: tuple[int | None, ...]
) -> None:
    shapes = [tuple(n or 1 for n in given), tuple(n or 7 for n in given)]
    found = check(lambda x: function(x, axis=(0, 2)), given, shapes, "columns", COLUMNS)
    assert found.names == ("a block a row",)


def test_a_channel_of_a_known_length_is_read_once() -> None:
    """Its two passes have a place in memory by one name, so they are seen to read the same."""
    shape = (4, 3, 5, 7)
    program = mapped(g.var(g.input(shape, "float32"), axis=(0, 2, 3))).program
    reads = [x for one in walk(program.body) for x in loads_of(one) if x.buffer.memory == "x0"]
    assert len({one.coords for one in reads}) == 1


def test_blocks_have_a_channel_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LONG_WALK", 2000)
    monkeypatch.setattr(rows, "PART", 100)
    shape = (3, 4, 41)
    found = check(lambda x: g.sum(x, axis=(0, 2)), (None, 4, 41), [shape], "columns", COLUMNS)
    assert found.names == ("blocks a row",)


def test_a_channel_has_packs_where_its_innermost_axis_has() -> None:
    """Four neighbours are one access, though the places of images are apart."""
    shapes = [(1, 3, 2, 6), (5, 3, 2, 6)]
    found = check(lambda x: g.sum(x, axis=(0, 2, 3)), (None, 3, 2, 6), shapes, "columns", COLUMNS)
    kinds = [one.kind for one in walk(found.program.body) if isinstance(one, For)]
    assert LoopKind.VECTOR in kinds


def test_columns_in_the_middle() -> None:
    shapes = [(5, 1, 7), (5, 40, 7)]
    found = check(lambda x: g.sum(x, axis=1), (5, None, 7), shapes, "columns", COLUMNS)
    assert found.names == ("tiles of columns",)


def test_the_bits_of_a_column_do_not_depend_on_those_beside_it() -> None:
    x = numbers((40, 33), "float32")
    program = mapped(g.sum(g.input((40, None), "float32"), axis=0)).program
    alone = [results(program, x[:, [k]]) for k in range(0, 33, 8)]
    assert results(program, x)[::8].tobytes() == np.concatenate(alone).tobytes()


def test_what_several_phases_use_is_in_shared_memory() -> None:
    for program in mapped(above_mean(g.input((None, 20), "float32"))).variants:
        shared = [
            one.buffer.shape
            for one in walk(program.body)
            if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
        ]
        assert shared == [(32, 8), (8,), (32, 8)]  # parts, the mean, parts
        assert sum(isinstance(one, Barrier) for one in walk(program.body)) == 3


@pytest.mark.parametrize(
    ("count", "length", "tile"),
    [
        (g.input((None,), "float32").shape[0], g.input((None,), "float32").shape[0], Tile(32, 8)),
        (10_000, 1000, Tile(32, 8)),
        (100, 1000, Tile(8, 32)),
        (100, 5, Tile(32, 8)),
        (10_000, 2, Tile(128, 2)),
        (3, 1000, Tile(4, 64)),
    ],
    ids=str,
)
def test_the_tile_of_a_block(count: Size, length: Size, tile: Tile) -> None:
    assert choose_tile(count, length) == tile


@pytest.mark.parametrize(
    ("output", "mapping", "reason"),
    [
        (
            g.sum(g.input((8200, 600), "float32"), axis=0),
            "blocks a tile of columns",
            "there are 600 columns, enough for 64 blocks",
        ),
        (
            g.sum(g.input((820, 9), "float32"), axis=0),
            "blocks a tile of columns",
            "a block's columns have 820 elements each, not more than 65536",
        ),
        (
            above_mean(g.input((8200, 9), "float32")),
            "blocks a tile of columns",
            "a row is gone over 2 times",
        ),
        (
            g.sum(g.input((None, 3, 5), "float32"), axis=(0, 2)),
            "tiles of columns",
            "x0[k0, i0, k1] is not contiguous in i0",
        ),
    ],
    ids=["many", "short", "passes", "channels"],
)
def test_why_others_are_not_taken(output: Node, mapping: str, reason: str) -> None:
    assert dict(mapped(output).refusals)[mapping] == reason
