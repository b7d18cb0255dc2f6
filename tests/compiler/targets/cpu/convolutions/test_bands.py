"""Bands of samples, and blocks of their filters: where there are some, and that they mean the
same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.loops.program import LoopProgram, loops_in
from graphc.compiler.loops.statement import LoopKind
from graphc.compiler.targets.cpu.convolutions import bands
from graphc.compiler.targets.cpu.convolutions.bands import count_of_bands, count_of_blocks
from graphc.compiler.targets.cpu.convolutions.image_rows import ROWS_OF_IMAGES
from graphc.compiler.targets.cpu.convolutions.windows import MATRICES, PANELS_OF_WINDOWS
from graphc.compiler.targets.cpu.convolutions.winograd import TILES_OF_IMAGES
from graphc.compiler.targets.mapping import Mapping
from graphc.compiler.targets.target import Target
from tests.compiler.targets.convolution_cases import biased, convolution
from tests.compiler.targets.cpu.compiled_programs import CompiledPrograms
from tests.compiler.targets.cpu.convolutions.checks import B, check, numbers
from tests.compiler.targets.cuda.products.cases import plain

CASES: dict[str, tuple[Mapping, Callable[[], LoopProgram]]] = {
    "rows": (
        ROWS_OF_IMAGES,
        lambda: plain(biased(convolution(3, 2, (36, 3), (7, 3), padding=1))),
    ),
    "functions of rows": (
        ROWS_OF_IMAGES,
        lambda: plain(g.tanh(convolution(3, 2, (36, 3), (7, 3), padding=1))),
    ),
    "rows without zeros": (ROWS_OF_IMAGES, lambda: plain(convolution(2, 2, (38, 3), (7, 3)))),
    "rows of one filter": (
        ROWS_OF_IMAGES,
        lambda: plain(convolution(1, 2, (36, 3), (5, 1), padding=((2, 0), (0, 0)))),
    ),
    "tiles": (
        TILES_OF_IMAGES,
        lambda: plain(biased(convolution(3, 2, (36, 3), (7, 3), padding=1))),
    ),
    "panels": (
        PANELS_OF_WINDOWS,
        lambda: plain(biased(convolution(3, 2, (36, 3), (7, 3), padding=1))),
    ),
    "panels of strides": (
        PANELS_OF_WINDOWS,
        lambda: plain(convolution(3, 2, (72, 3), (9, 3), strides=2, padding=1)),
    ),
    "matrices of blocks": (
        MATRICES,
        lambda: plain(biased(convolution(24, 5, (4, 1), (3, 1)))),
    ),
    "rows of blocks": (
        ROWS_OF_IMAGES,
        lambda: plain(biased(convolution(24, 2, (6, 3), (3, 3), padding=1))),
    ),
    "panels of blocks": (
        PANELS_OF_WINDOWS,
        lambda: plain(convolution(24, 2, (13, 3), (9, 3), strides=2, padding=1)),
    ),
}
THREADS = Target("cpu", 64, 32, threads=3)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bands, "LEAST_FILTERS", 8)


@pytest.mark.parametrize("case", CASES)
def test_a_band_means_the_same(case: str) -> None:
    mapping, make = CASES[case]
    before = make()
    after = mapping.rewrites(before, THREADS)
    ends = [one.ends[0].constant for one in loops_in(after.body) if one.kind is LoopKind.TEAM]
    assert 3 * BATCH in ends
    check(before, after)


@pytest.mark.parametrize("case", CASES)
def test_bits_do_not_depend_on_the_number_of_bands_or_blocks(case: str) -> None:
    mapping, make = CASES[case]
    before = make()
    targets = [replace(THREADS, threads=threads) for threads in (1, 2, 3)]
    programs = [
        replace(mapping.rewrites(before, target), name=f"k{number}")
        for number, target in enumerate(targets)
    ]
    compiled = CompiledPrograms(programs)
    sizes, arrays = {B: 2}, numbers(before, 2)
    first, *others = (compiled(one.name, arrays, sizes)[0] for one in programs)
    for other in others:
        for name, array in first.items():
            np.testing.assert_array_equal(other[name], array)


@pytest.mark.parametrize(
    ("samples", "rows", "threads", "count"),
    [
        (BATCH, 56, 2, 2),
        (BATCH, 56, 64, 4),  # of 14 rows
        (BATCH, 224, 16, 16),
        (BATCH, 96, 5, 4),
        (BATCH, 14, 2, 1),  # halves of 7 rows would be tiles of 8
        (BATCH, 20, 2, 1),
        (BATCH, 56, 1, 1),
        (BATCH, BATCH, 2, 1),
        (1, 56, 2, 1),  # whose rows are divided
    ],
)
def test_how_many_bands_a_sample_has(samples, rows, threads, count) -> None:
    assert count_of_bands(samples, rows, replace(THREADS, threads=threads)) == count


@pytest.mark.parametrize(
    ("samples", "filters", "threads", "count"),
    [
        (BATCH, 512, 2, 2),
        (BATCH, 2048, 16, 8),  # of 256 filters
        (BATCH, 768, 2, 2),
        (BATCH, 520, 2, 1),  # blocks of 260 filters have no whole tiles
        (BATCH, 256, 2, 1),
        (BATCH, 512, 1, 1),
        (BATCH, BATCH, 2, 1),
        (4, 512, 2, 1),
    ],
)
def test_how_many_blocks_of_filters_a_sample_has(
    samples, filters, threads, count, monkeypatch
) -> None:
    monkeypatch.undo()
    assert count_of_blocks(samples, filters, replace(THREADS, threads=threads)) == count
