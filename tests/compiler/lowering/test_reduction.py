"""The launches of reductions: which sizes each is for, and what reports say of slow ones."""

from __future__ import annotations

import re

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import Shape
from graphc.compiler.lowering.unit import header
from graphc.compiler.program.launch import value_of
from graphc.compiler.schedule.kernel import Kernel
from tests.compiler.lowering.reduction_kernels import fused, normalisation, softmax_loss
from tests.cuda_emulator.one_kernel import launches_of

LENGTH = g.symbol("length")


def summed(shape: Shape, axes: tuple[int, ...], dtype: str = "float32", op: str = "sum") -> Kernel:
    return fused(shape, axes, [g.make(op, g.input(shape, dtype), axes=axes)])


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
        "a row is read 2 times: more than 512 elements do not fit the registers of a warp",
    )
    assert notes(softmax_loss((BATCH, 30_000), 1)[0]) == (
        "a row is read 2 times: its 30000 elements do not fit the registers of a block",
    )
    assert notes(normalisation((BATCH, 40), (0,))[0]) == (
        "a column is read 2 times: more than 512 elements do not fit the registers of a block",
    )
    assert notes(normalisation((BATCH, 40, 8, 8), (0, 2, 3))[0]) == (
        "a channel is read 2 times: its length is symbolic",
    )
    assert notes(normalisation((60_000, 40), (0,))[0]) == (
        "a column is read 2 times: its 60000 elements do not fit the registers of a block",
    )


def test_the_comment_of_a_function_has_the_notes_of_each_of_its_launches() -> None:
    """Of a reader of the text: what is slow and why stands behind how the launch maps threads."""
    made = launches_of(softmax_loss((BATCH, LENGTH), 1)[0])[0]
    assert [len(launch.notes) for launch in made] == [0, 1]
    for launch in made:
        comment = re.sub(r"\n//\s+", " ", header([launch]))  # lines that go on are indented
        assert "; ".join([launch.how, *launch.notes]) in comment
    together = re.sub(r"\n//\s+", " ", header(made))
    assert all(note in together for launch in made for note in launch.notes)


def test_one_of_two_launches_takes_the_rows_of_a_length() -> None:
    launches = launches_of(softmax_loss((BATCH, LENGTH), 1)[0])[0]
    ((batch,), (length,)) = (g.dim.symbols(size) for size in (BATCH, LENGTH))
    for columns, taker in ((1, 0), (512, 0), (513, 1), (10**6, 1)):
        sizes = {batch: 3, length: columns}
        grids = [value_of(launch.grid[0], sizes) for launch in launches]
        assert [k for k, blocks in enumerate(grids) if blocks] == [taker]
    assert [launch.how.partition(", where ")[2] for launch in launches] == [
        "length <= 512",
        "length > 512",
    ]


def test_columns_that_one_pass_reads_have_one_launch() -> None:
    shape, axes = (BATCH, 40, 8, 8), (0, 2, 3)
    statistics = normalisation(shape, axes)[0].outputs[1:]
    assert len(launches_of(fused(shape, axes, statistics))[0]) == 1
