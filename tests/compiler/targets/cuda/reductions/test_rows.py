"""Mappings of rows on a GPU: who has one, what is refused, and that it means the same."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import LoopProgram, innermost_loops, loads_of, walk
from graphc.compiler.loops.statement import Accumulate, Allocate, Barrier, For, LoopKind
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.reductions import rows
from graphc.compiler.targets.cuda.reductions.columns import COLUMNS
from graphc.compiler.targets.cuda.reductions.rows import LONGEST_OF_WARP, ROWS
from graphc.compiler.targets.cuda.rows import CHUNK
from graphc.compiler.targets.mapping import MappedProgram, choose
from tests.compiler.targets.cuda.reductions.reduced import (
    FUNCTIONS,
    GPU,
    check,
    numbers,
    plain,
    results,
)


def mapped(output: Node) -> MappedProgram:
    return choose(plain(output, "rows"), GPU, ROWS)


def loops(program: LoopProgram, kind: LoopKind) -> list[For]:
    return [one for one in walk(program.body) if isinstance(one, For) and one.kind is kind]


# ---- the same meaning ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [2, 3])
def test_a_thread_has_a_short_row(width: int, dtype: str) -> None:
    shapes = [(1, width), (130, width)]
    found = check(FUNCTIONS["softmax"], (None, width), shapes, "rows", ROWS, dtype)
    assert found.names == ("a thread a row",)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [4, 7, 12, 32, 45, 260])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_lanes_of_a_warp_have_a_row(function: str, width: int, dtype: str) -> None:
    shapes = [(1, width), (5, width)]
    found = check(FUNCTIONS[function], (None, width), shapes, "rows", ROWS, dtype)
    assert found.names == ("lanes of a warp a row",)


@pytest.mark.parametrize("width", [LONGEST_OF_WARP + 1, LONGEST_OF_WARP + 4, None])
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_block_has_a_long_row(function: str, width: int | None) -> None:
    shapes = [(1, width or 1), (2, width or 300)]
    found = check(FUNCTIONS[function], (None, width), shapes, "rows", ROWS)
    if width is None and function in ("softmax", "layer norm"):
        assert found.names == UP_TO_512
    else:
        assert found.names == ("a block a row",)


UP_TO_512 = ("lanes of a warp a row of at most 512", "a block a row of any length")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("function", ["softmax", "layer norm"])
def test_a_warp_has_a_row_that_a_call_says_is_short(function: str, dtype: str) -> None:
    shapes = [(2, 9), (1, 300), (3, 512), (1, 513)]
    found = check(FUNCTIONS[function], (None, None), shapes, "rows", ROWS, dtype)
    assert found.names == UP_TO_512


def test_a_thread_has_each_result_of_no_terms() -> None:
    found = mapped(g.sum(g.input((None, 0), "float32"), axis=1))
    assert found.names == ("elements without terms",)
    for count in (3, 1):
        assert results(found.program, np.zeros((count, 0), "float32")).tolist() == [0.0] * count


def test_blocks_have_a_row_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "LONG_WALK", 2000)
    monkeypatch.setattr(rows, "PART", 600)
    found = check(FUNCTIONS["sum"], (2, 2037), [(2, 2037)], "rows", ROWS)
    assert found.names == ("blocks a row",)
    first, barrier, second = found.program.body[1:]
    assert barrier == Barrier(BufferScope.GLOBAL)
    assert isinstance(first, For)
    assert isinstance(second, For)
    assert first.kind is second.kind is LoopKind.BLOCK


@pytest.mark.parametrize(
    ("axes", "given", "shapes"),
    [
        ((0, 1), (None, 6), [(1, 6), (7, 6)]),
        ((0, 1, 2), (3, None, None), [(3, 1, 1), (3, 4, 5)]),
        ((2,), (3, None, 40), [(3, 1, 40), (3, 4, 40)]),
        ((1, 2), (None, 4, 5), [(1, 4, 5), (3, 4, 5)]),
    ],
)
def test_axes_side_by_side_are_one(
    axes: tuple[int, ...], given: tuple[int | None, ...], shapes: list[tuple[int, ...]]
) -> None:
    check(lambda x: g.sum(x, axis=axes), given, shapes, "rows", ROWS)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["reshaped", "transposed"])
def test_a_row_of_several_axes_that_two_passes_read(order: tuple[int, int]) -> None:
    """One that is reshaped is a row of memory; of another one no thread keeps an element."""

    def deviations(x: Node) -> Node:
        row = g.reshape(g.transpose(x, order), (12,))
        return g.sum(g.exp(row - g.max(row)))

    found = check(deviations, (3, 4), [(3, 4)], "rows", ROWS)
    print_program(found.program)


@pytest.mark.parametrize("width", [31, 32, 33, 64, 96, 128, 200, 224, 256, 288])
def test_a_flipped_row_of_whole_warps_or_not(width: int) -> None:
    """No thread keeps an element of it; 32 are those of one warp, where a block has several."""

    def deviations(x: Node) -> Node:
        row = x[:, ::-1]
        return g.sum(g.exp(row - g.max(row, 1, keepdims=True)), 1)

    found = check(deviations, (2, width), [(2, width)], "rows", ROWS)
    name = "a thread a row of any length" if width == 32 else "a block a long row"
    assert found.names == (name,)
    print_program(found.program)


@pytest.mark.parametrize(
    "shape", [(2, 4, 2, 4, 3), (2, 4, 2, 4, 4), (2, 4, 2, 2, 2), (3, 4, 2, 5, 3)]
)
@pytest.mark.parametrize("is_swapped", [True, False])
def test_channels_of_few_warps(shape: tuple[int, ...], is_swapped: bool) -> None:
    """Sums over steps, samples and places, whose number is one of whole warps or not."""

    def of_channels(x: Node) -> Node:
        images = g.transpose(x, (1, 0, 2, 3, 4)) if is_swapped else x
        return g.sum(g.reshape(images, (shape[0] * shape[1], *shape[2:])), (0, 2, 3))

    found = check(of_channels, shape, [shape], "columns", COLUMNS)
    assert found.names == ("a block a row",)
    print_program(found.program)


def test_a_flipped_row_that_two_passes_read() -> None:
    def deviations(x: Node) -> Node:
        row = x[:, ::-1]
        return g.sum(g.exp(row - g.clip(g.max(row, 1, keepdims=True), 0.0, 1.0)), 1)

    found = check(deviations, (None, 9), [(2, 9)], "rows", ROWS)
    print_program(found.program)


# ---- bits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [45, LONGEST_OF_WARP + 7])
def test_the_bits_of_a_row_do_not_depend_on_those_beside_it(width: int) -> None:
    program = mapped(g.sum(g.input((None, width), "float32"), axis=1)).program
    x = numbers((3, width), "float32")
    alone = [results(program, row[None]) for row in x]
    assert results(program, x).tobytes() == np.concatenate(alone).tobytes()


def test_a_nan_wins_wherever_it_is() -> None:
    x = numbers((2, 40), "float32")
    x[1, 35] = np.nan
    node = g.input((None, 40), "float32")
    assert results(mapped(g.argmax(node, axis=1)).program, x).tolist()[1] == 35
    assert np.isnan(results(mapped(g.max(node, axis=1)).program, x)).tolist() == [False, True]


@pytest.mark.parametrize("width", [20_000, None])
def test_a_long_sum_is_of_short_ones(width: int | None) -> None:
    program = mapped(g.sum(g.input((None, width), "float32"), axis=1)).program
    adding = [
        one
        for one in innermost_loops(program.body)
        if any(isinstance(x, Accumulate) for x in walk(one.body))
    ]
    for one in adding:
        turns = [end.constant for end in one.ends if isinstance(end.constant, int)]
        assert min(turns) <= CHUNK


# ---- what is kept, and where --------------------------------------------------------------------


@pytest.mark.parametrize("width", [45, LONGEST_OF_WARP + 1])
@pytest.mark.parametrize("function", ["softmax", "layer norm"])
def test_a_row_is_read_once(function: str, width: int) -> None:
    program = mapped(FUNCTIONS[function](g.input((None, width), "float32"))).program
    reads = [x for one in walk(program.body) for x in loads_of(one) if x.buffer.name == "x0"]
    assert len(reads) == 1


def test_a_row_that_no_registers_hold_is_read_again() -> None:
    program = mapped(g.softmax(g.input((None, 20_000), "float32"))).program
    reads = [x for one in walk(program.body) for x in loads_of(one) if x.buffer.name == "x0"]
    assert len(reads) == 2  # the sum is found along with the maximum


def variance(x: Node) -> Node:
    return g.var(x, axis=1)


def sum_of_exponentials(x: Node) -> Node:
    return g.sum(g.exp(x - g.max(x, axis=1, keepdims=True)), axis=1)


def above_mean(x: Node) -> Node:
    """Return the sums of rows, of whose elements none is below the mean."""
    return g.sum(g.maximum(x, g.mean(x, axis=1, keepdims=True)), axis=1)


@pytest.mark.parametrize("function", [variance, sum_of_exponentials])
@pytest.mark.parametrize("width", [None, 20_003])
def test_sums_along_with_a_maximum_or_a_mean_need_no_pass(
    function: Callable[[Node], Node], width: int | None
) -> None:
    found = check(function, (None, width), [(2, width or 300)], "rows", ROWS)
    reads = [x for one in walk(found.program.body) for x in loads_of(one) if x.buffer.name == "x0"]
    assert len({one.coords for one in reads}) == 1


def test_a_warp_of_short_rows_is_full() -> None:
    program = mapped(g.sum(g.input((None, 7), "float32"), axis=1)).program
    rows, *elements = loops(program, LoopKind.LANE)
    # A lane of eight stores the sum.
    assert [one.ends[0].constant for one in elements][-1] == 1
    assert {one.ends[0].constant for one in elements[:-1]} == {8}
    assert rows.ends[0].constant == 4


def test_warps_meet_once_for_each_reduction() -> None:
    program = mapped(g.softmax(g.input((None, 2000), "float32"))).program
    assert sum(isinstance(one, Barrier) for one in walk(program.body)) == 2
    shared = [
        one.buffer.shape
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
    ]
    assert shared == [(8,), (8,)]


# ---- reasons ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "mapping", "reason"),
    [
        (
            g.sum(g.input((None, 10), "float32"), axis=1),
            "a thread a row",
            "a row has 10 elements, not fewer than 4",
        ),
        (
            g.sum(g.input((None, 2000), "float32"), axis=1),
            "lanes of a warp a row",
            "a row has 2000 elements, not at most 1024",
        ),
        (
            g.sum(g.input((64, 70_000), "float32"), axis=1),
            "blocks a row",
            "there are 64 rows, not fewer than 64",
        ),
        (
            g.sum(g.input((2, 2000), "float32"), axis=1),
            "blocks a row",
            "a row has 2000 elements, not more than 65536",
        ),
        (
            above_mean(g.input((2, 70_000), "float32")),
            "blocks a row",
            "a row is gone over 2 times",
        ),
    ],
    ids=["lanes", "block", "many", "short", "passes"],
)
def test_why_others_are_not_taken(output: Node, mapping: str, reason: str) -> None:
    assert dict(mapped(output).refusals)[mapping] == reason
