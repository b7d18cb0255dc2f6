"""The division of reductions into passes, and of passes over threads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from graphc.compiler import graph as g
from graphc.compiler.codegen.columns import Tile, choose_tile
from graphc.compiler.codegen.reduction import (
    Walk,
    domain_of,
    held_of,
    held_words,
    joined,
    walked_for,
    walks_of,
)
from graphc.compiler.codegen.render import header
from graphc.compiler.codegen.row_groups import Group, choose_group
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Shape, Size
from graphc.compiler.program.launch import value_of
from graphc.compiler.schedule.kernel import Kernel
from tests.compiler.codegen.reduction_kernels import fused, normalisation, softmax_loss
from tests.cuda_emulator.one_kernel import launches_of

LENGTH = g.symbol("length")


def walks(kernel: Kernel) -> tuple[Walk, ...]:
    return walks_of(kernel, domain_of(kernel))


def together(kernel: Kernel) -> tuple[Walk, ...]:
    return joined(walks(kernel), domain_of(kernel))


def summed(shape: Shape, axes: tuple[int, ...], dtype: str = "float32", op: str = "sum") -> Kernel:
    return fused(shape, axes, [g.make(op, g.input(shape, dtype), axes=axes)])


def ops(nodes: tuple[Node, ...]) -> list[str]:
    return [node.op for node in nodes]


def test_softmax_with_its_loss_is_three_walks_that_hold_two_values() -> None:
    kernel, (scores, targets) = softmax_loss((BATCH, 10), 1)
    first, second, third = walks(kernel)
    assert [ops(walk.anchors) for walk in (first, second, third)] == [["max"], ["sum"], ["sum"]]
    assert [len(walk.outputs) for walk in (first, second, third)] == [0, 0, 2]
    assert first.computed == (scores,)
    assert targets in third.computed
    assert [ops(walk.reused) for walk in (second, third)] == [["input"], ["exp"]]
    # The scores are dead once their exponentials are there, so one register holds both.
    assert len(held_of([first, second, third])) == 2
    assert held_words([first, second, third]) == 1


def test_the_sum_of_a_softmax_goes_along_with_its_maximum() -> None:
    kernel, (scores, _) = softmax_loss((BATCH, 10), 1)
    first, second = together(kernel)
    assert ops(first.anchors) == ["max", "sum"]
    assert ops(first.along) == ["sum"]
    assert walked_for(*first.along) is scores
    _, sums, results = walks(kernel)
    assert second == replace(results, spreads=sums.spreads + results.spreads)


@pytest.mark.parametrize("length", [LENGTH, 30_000])
def test_the_squares_of_a_variance_go_along_with_the_mean(length: Size) -> None:
    x = g.input((BATCH, length), "float32")
    mean = g.mean(x, 1, keepdims=True)
    total = mean.inputs[0].inputs[0]
    kernel = fused((BATCH, length), (1,), [total, g.sum((x - mean) * (x - mean), 1)])
    (only,) = together(kernel)
    assert ops(only.anchors) == ["sum", "sum"]
    assert only.along == only.anchors[1:]
    assert walked_for(*only.along) is x
    off = x - total / 7.0  # no mean
    kernel = fused((BATCH, length), (1,), [total, g.sum(off * off, 1)])
    assert together(kernel) == walks(kernel)


def test_other_sums_do_not() -> None:
    x, y = g.input((BATCH, 10), "float32"), g.input((BATCH, 10), "float32")
    highest = g.max(x, 1, keepdims=True)
    other = g.exp(y - highest)  # of what the maximum is not of
    with_result = g.exp(x - highest)  # an element of which is stored before the sum is known
    for outputs in ([g.sum(other, 1)], [g.sum(with_result, 1), with_result]):
        kernel = fused((BATCH, 10), (1,), [highest, *outputs])
        assert together(kernel) == walks(kernel)
        assert len(walks(kernel)) == 2


def test_reductions_that_do_not_need_each_other_share_a_walk() -> None:
    x = g.input((BATCH, 10), "float32")
    kernel = fused((BATCH, 10), (1,), [g.sum(x, 1), g.max(x, 1), g.exp(x)])
    (only,) = walks(kernel)
    assert ops(only.anchors) == ["sum", "max"]
    assert ops(only.outputs) == ["exp"]
    assert held_of([only]) == ()


@pytest.mark.parametrize(
    ("length", "wide", "group"),
    [
        (10, False, Group(16, 128, 1)),
        (16, True, Group(4, 128, 1)),
        (33, False, Group(32, 128, 2)),
        (1000, True, Group(32, 128, 8)),
        (1025, False, Group(128, 128, 9)),
        (8192, True, Group(256, 256, 8)),
        (16384, True, Group(512, 512, 8)),
        (16385, False, Group(256, 256, None)),
        (LENGTH, False, Group(256, 256, None)),
    ],
)
def test_threads_of_a_row_of_softmax(length: int, wide: bool, group: Group) -> None:
    kernel, _ = softmax_loss((BATCH * BATCH, length), 1)
    assert choose_group(domain_of(kernel), walks(kernel), wide) == group


def test_a_row_that_is_read_once_anyway_needs_no_registers() -> None:
    for length, group in ((10, Group(16, 128, None)), (5000, Group(256, 256, None))):
        kernel = summed((BATCH * BATCH, length), (1,))
        assert choose_group(domain_of(kernel), walks(kernel), False) == group


@pytest.mark.parametrize(
    ("shape", "tile"),
    [
        ((BATCH, 2048), Tile(32, 8, None)),
        ((BATCH, 1030), Tile(16, 16, None)),
        ((BATCH, 512), Tile(8, 32, None)),
        ((BATCH, 10), Tile(8, 32, None)),
        ((BATCH, 1), Tile(1, 256, None)),
        ((3, 5000), Tile(64, 4, 1)),
        ((64, BATCH), Tile(32, 8, 8)),
        ((1, 100), Tile(128, 1, 1)),
        ((4096, 64), Tile(8, 32, None)),
    ],
)
def test_threads_of_a_column_of_normalisation(shape: Shape, tile: Tile) -> None:
    kernel, _ = normalisation(shape, (0,))
    assert choose_tile(domain_of(kernel), walks(kernel)) == tile


def test_what_is_divided_over_blocks() -> None:
    def divided(kernel: Kernel) -> int:
        return len(launches_of(kernel)[0])

    assert divided(summed((784, 512), (0, 1))) == 2
    assert divided(summed((60_000, 10), (0,))) == 2
    assert divided(summed((60_000, 10), (0, 1), op="min")) == 2
    assert divided(summed((BATCH, 512), (0,))) == 1
    assert divided(summed((BATCH, 100_000), (1,))) == 1  # a block a row is enough
    assert divided(summed((784, 512), (0, 1), op="argmax")) == 2
    assert divided(summed((BATCH, 3, 200, 200), (0, 2, 3))) == 2
    two_walks, _ = normalisation((60_000, 10), (0,))
    assert divided(two_walks) == 1


def test_notes_say_how_often_a_row_is_read_and_why() -> None:
    def notes(kernel: Kernel) -> tuple[str, ...]:
        return tuple(note for launch in launches_of(kernel)[0] for note in launch.notes)

    assert notes(softmax_loss((BATCH, 1000), 1)[0]) == ()
    assert notes(summed((BATCH, LENGTH), (1,))) == ()
    assert notes(softmax_loss((BATCH, LENGTH), 1)[0]) == (
        "a row is read 2 times: more than 16384 elements do not fit the registers of a block",
    )
    assert notes(softmax_loss((BATCH, 30_000), 1)[0]) == (
        "a row is read 2 times: its 30000 elements do not fit the registers of a block",
    )
    assert notes(normalisation((BATCH, 40), (0,))[0]) == (
        "a column is read 2 times: more than 2048 elements do not fit the registers of a block",
    )
    assert notes(normalisation((BATCH, 40, 8, 8), (0, 2, 3))[0]) == (
        "a channel is read 2 times: more than 16384 elements do not fit the registers of a block",
    )


def test_the_comment_of_a_function_has_the_notes_of_each_of_its_launches() -> None:
    """Of a reader of the text: what is slow and why stands behind how the launch maps threads."""
    made = launches_of(softmax_loss((BATCH, LENGTH), 1)[0])[0]
    assert [len(launch.notes) for launch in made] == [0, 0, 1]
    for launch in made:
        comment = re.sub(r"\n//\s+", " ", header([launch]))  # lines that go on are indented
        assert "; ".join([launch.how, *launch.notes]) in comment
    together = re.sub(r"\n//\s+", " ", header(made))
    assert all(note in together for launch in made for note in launch.notes)


def test_one_of_three_launches_takes_the_rows_of_a_length() -> None:
    launches = launches_of(softmax_loss((BATCH, LENGTH), 1)[0])[0]
    ((batch,), (length,)) = (g.dim.symbols(size) for size in (BATCH, LENGTH))
    for columns, taker in ((1, 0), (1024, 0), (1025, 1), (16384, 1), (16385, 2), (10**6, 2)):
        sizes = {batch: 3, length: columns}
        grids = [value_of(launch.grid[0], sizes) for launch in launches]
        assert [k for k, blocks in enumerate(grids) if blocks] == [taker]


@pytest.mark.parametrize(("shape", "most"), [((BATCH, 40), 2048), ((BATCH, 3, 5, 5), 16384 // 25)])
def test_one_of_two_launches_takes_the_columns_or_channels_of_a_length(
    shape: Shape, most: int
) -> None:
    axes = (0,) if len(shape) == 2 else (0, 2, 3)
    launches = launches_of(normalisation(shape, axes)[0])[0]
    (batch,) = g.dim.symbols(BATCH)
    for samples, taker in ((1, 0), (most, 0), (most + 1, 1), (10**6, 1)):
        grids = [value_of(launch.grid[0], {batch: samples}) for launch in launches]
        assert [k for k, blocks in enumerate(grids) if blocks] == [taker]


def test_columns_that_one_walk_reads_have_one_launch() -> None:
    shape, axes = (BATCH, 40, 8, 8), (0, 2, 3)
    statistics = normalisation(shape, axes)[0].outputs[1:]
    assert len(launches_of(fused(shape, axes, statistics))[0]) == 1
