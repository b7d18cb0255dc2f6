"""Mappings of convolutions on a GPU: which tiles they have, and that they mean the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node
from graphc.compiler.graph.dim import Dim, symbols
from graphc.compiler.loops.index import quotients_in
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import LoopProgram, loads_of, walk
from graphc.compiler.loops.statement import Check
from graphc.compiler.targets.convolution_loops import in_products
from graphc.compiler.targets.cuda.convolutions import windows
from graphc.compiler.targets.cuda.convolutions.windows import (
    CONVOLUTIONS,
    classes_in_launches,
    tile_of_windows,
)
from graphc.compiler.targets.cuda.facts import any_card
from graphc.compiler.targets.cuda.products.blocks import in_named_products
from graphc.compiler.targets.cuda.products.tiles import BlockTile
from graphc.compiler.targets.cuda.products.vectors import OF_VECTORS
from graphc.compiler.targets.mapping import MappedProgram, choose
from tests.compiler.loops.random_loops import same_meaning
from tests.compiler.targets.convolution_cases import CASES, WIDTH, biased, convolution, gradient
from tests.compiler.targets.cuda.products.cases import ARGUMENTS, arrays, plain

SIZES = [{symbols(BATCH)[0]: n, symbols(WIDTH)[0]: n} for n in (1, 3)]
SMALL = BlockTile(8, 16, 4, 4, 1)
GRADIENTS = [name for name in CASES if name.startswith("gradient of a kernel")]


def mapped(program: LoopProgram) -> MappedProgram:
    return choose(program, any_card(), CONVOLUTIONS)


def check(
    program: LoopProgram,
    found: MappedProgram,
    rtol: float | None = None,
    name: str = "tiles of windows by blocks",
) -> None:
    assert found.names == (name,), found.refusals
    arguments = {one.name: ARGUMENTS[one.name] for one in program.arguments}
    is_known = not any(symbols(n) for one in program.inputs for n in one.shape)
    sizes = SIZES[:1] if is_known else SIZES
    same_meaning(program, found.program, *sizes, arguments=arguments, is_finite=True, rtol=rtol)


def use(monkeypatch: pytest.MonkeyPatch, tile: BlockTile) -> None:
    """Let all convolutions have a tile."""
    monkeypatch.setattr(windows, "tile_of_windows", lambda found: tile)


@pytest.mark.parametrize("case", CASES)
def test_tiles_have_the_bits_of_the_plain_program(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, SMALL)
    program = CASES[case]()
    check(program, mapped(program))


@pytest.mark.parametrize("case", ["padding", "a computed image", "gradient of a kernel"])
def test_groups_of_threads_add_up_in_their_order(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, replace(SMALL, depth=8, groups=2))
    program = CASES[case]()
    check(program, mapped(program), rtol=1e-5)


@pytest.mark.parametrize("case", ["padding", "known samples", *GRADIENTS])
def test_parts_of_sums_are_added_in_their_order(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(SMALL, parts=3))
    program = CASES[case]()
    found = mapped(program)
    assert len(launches_of(found.program)) == 2
    check(program, found, rtol=1e-5)


def tile_for(program: LoopProgram) -> BlockTile:
    tile = tile_of_windows(in_named_products(in_products(program)))
    assert tile is not None
    return tile


@pytest.mark.parametrize(
    ("filters", "rows"),
    [(5, 8), (8, 8), (9, 16), (30, 32), (32, 32), (33, 64), (64, 64), (96, 32), (128, 128)],
)
def test_the_tile_of_a_convolution_has_its_filters_as_rows(filters: int, rows: int) -> None:
    tile = tile_for(plain(convolution(filters, 4, (40, 3), (40, 3))))
    assert (tile.rows, tile.columns) == (rows, 128)


def test_few_windows_have_a_tile_of_a_product() -> None:
    assert tile_for(plain(convolution(32, 64, (8, 5), samples=16))).columns < 128


def test_a_tile_of_a_product_has_whole_rows_of_taps_in_a_step_too() -> None:
    tile = tile_for(plain(convolution(64, 128, (8, 3), (8, 3), padding=1)))
    assert tile == BlockTile(64, 64, 18, 8, 1)


@pytest.mark.parametrize(
    ("axes", "depth"),
    [
        ([(40, 3), (40, 3)], 18),  # two channels
        ([(40, 5), (40, 5)], 25),
        ([(40, 7), (40, 7)], 14),  # two rows of taps
        ([(20, 3), (20, 3), (20, 3)], 27),
        ([(900, 3)], 12),  # a quarter of the channels divides all
        ([(900, 5)], 20),
        ([(40, 1), (40, 1)], 16),
    ],
)
def test_a_step_has_whole_rows_of_taps(axes: list[tuple[int, int]], depth: int) -> None:
    assert tile_for(plain(convolution(32, 32, *axes))).depth == depth


def test_a_long_sum_is_divided_where_there_are_few_tiles() -> None:
    tile = tile_for(plain(gradient(1, convolution(32, 32, (26, 3), (26, 3)))))
    assert (tile.rows, tile.columns, tile.parts) == (32, 128, 80)


HOLES = {
    "strides of a 5 x 5 kernel": lambda: gradient(0, convolution(6, 3, (7, 5), (7, 5), strides=2)),
    "odd and even sizes": lambda: gradient(0, convolution(4, 2, (7, 3), (6, 2), strides=2)),
    "single taps": lambda: biased(gradient(0, convolution(4, 2, (5, 1), (5, 1), strides=2))),
    "three axes": lambda: convolution(3, 2, (2, 2), (3, 3), (2, 2), input_dilation=(1, 3, 2)),
    "one window": lambda: gradient(0, convolution(9, 4, (2, 2), samples=1, strides=2)),
    "an unknown size": lambda: gradient(0, convolution(4, 2, (WIDTH + 4, 3), strides=2)),
}


@pytest.mark.parametrize("case", HOLES)
def test_classes_of_windows_have_the_bits_of_the_plain_program(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, SMALL)
    program = plain(HOLES[case]())
    check(program, mapped(program), name="windows by classes")


def test_no_class_multiplies_by_the_holes_of_an_image() -> None:
    """The gradient of a convolution with stride 2: each class is a launch over the taps of the 3 x
    3 kernel that meet elements."""
    program = plain(gradient(0, convolution(32, 8, (25, 3), (25, 3), strides=2)))
    launches = classes_in_launches(program, any_card())
    terms = [one.loop("step").ends[0].constant for one in launches]
    assert len(launches) == len(launches_of(mapped(program).program)) == 4
    assert terms == [32 * taps // 16 for taps in (4, 2, 2, 1)]


def test_where_windows_meet_holes_may_be_known_at_the_call_alone() -> None:
    kernel = arrays(4, 16, 3)
    image = g.conv(arrays(BATCH, 16, WIDTH), kernel, 1, ((WIDTH - 1, 2),), (2,))
    found = mapped(plain(image))
    assert found.names == ("elements",)
    assert "settled in each turn" in dict(found.refusals)["windows by classes"]


def test_one_filter_is_walked_by_threads_where_windows_are_neighbours() -> None:
    assert mapped(plain(convolution(1, 2, (9, 3)))).names == ("elements",)
    assert mapped(plain(convolution(5, 0, (5, 3)))).names == ("packs",)


@pytest.mark.parametrize(
    "made",
    [
        lambda: convolution(1, 3, (4, 3)),
        lambda: gradient(1, convolution(1, 2, (5, 2), (6, 3), padding=1)),
        lambda: convolution(4, 3, (5, 5), (4, 4), samples=1),
    ],
)
def test_one_filter_or_window_is_a_product_of_vectors(made: Callable[[], Node]) -> None:
    program = plain(made())
    found = mapped(program)
    names = {one.name for one in OF_VECTORS}
    assert set(found.names) <= names, found.refusals
    check(program, found, rtol=1e-5, name=found.names[0])


def test_what_is_refused() -> None:
    holes = plain(gradient(0, convolution(6, 4, (9, 3), strides=2)))
    refused = {
        "its image has holes between elements": holes,
        "it has one filter": plain(convolution(1, 2, (5, 3))),
        "its sums have no terms": plain(convolution(5, 0, (5, 3))),
    }
    for reason, program in refused.items():
        assert reason in dict(mapped(program).refusals)["tiles of windows by blocks"]


def test_threads_have_few_columns_of_three_axes() -> None:
    """Each of these is divided four times."""
    tile = tile_for(plain(gradient(1, convolution(32, 32, *[(16, 3)] * 3))))
    assert tile.run == 4


def indices_named_in(program: LoopProgram) -> list[str]:
    return [one.variable.name for one in walk(program.body) if isinstance(one, Check)]


@pytest.mark.parametrize(
    ("case", "run"),
    [("gradient of a kernel of three axes", 2), ("gradient of an unknown kernel", 0)],
)
def test_the_places_of_several_columns_of_a_thread_have_names(
    case: str, run: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, replace(SMALL, run=run))
    program = CASES[case]()
    found = mapped(program)
    assert "column_place" in indices_named_in(found.program)
    check(program, found)


@pytest.mark.parametrize("case", ["a width of a call", "two unknown axes"])
def test_no_step_divides_by_what_a_call_gives(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, replace(SMALL, thread_rows=1))  # a thread has one column
    program = mapped(CASES[case]()).program
    inside = [one for one in walk(program.loop("step").body) if not isinstance(one, Check)]
    divisors = [
        one.divisor
        for statement in inside
        for load in loads_of(statement)
        for coord in load.coords
        for one in quotients_in(coord)
    ]
    assert not any(isinstance(one, Dim) for one in divisors)
