"""Mappings of convolutions on a GPU: a block computes a tile of filters and windows.

A convolution is a product, whose rows are filters and whose columns are the windows of all samples
(`graphc.compiler.targets.convolution_loops`), so it runs as one, by tiles of its own. A product's
own rule is for matrices of any shape, while a convolution has as many rows as filters, 8 to 64 in
most networks, and a column for each window of the batch: a square tile would compute rows that are
not there. The rule here: 128 columns, and 8, 16, 32, 64 or 128 rows. The more rows, the more of a
thread's instructions are multiplications, and the more rows may be left over: the tile is taken for
which the rows that are computed, divided by the share of multiplications, are the fewest.

Where there are few windows (the gradient of a small kernel), and where such tiles are fewer than
fill a card even with sums in parts, a product's own rule holds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from graphc.compiler.graph.dim import Dim, Size, evaluate_at
from graphc.compiler.loops.index import Quotient, Remainder
from graphc.compiler.loops.launches import launches_of
from graphc.compiler.loops.program import LoopProgram, block_of, kept, loads_of, walk
from graphc.compiler.loops.statement import Accumulate, For
from graphc.compiler.loops.text import program_text
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.convolution_classes import in_classes
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    convolution_loops_of,
    in_nest,
    in_products,
    in_vectors,
    with_values_of_terms,
)
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.products import blocks
from graphc.compiler.targets.cuda.products.named_places import with_named_places
from graphc.compiler.targets.cuda.products.parts import together
from graphc.compiler.targets.cuda.products.tiles import (
    BLOCKS,
    LEAST_DEPTH,
    MOST_SHARED,
    PART,
    TYPICAL,
    BlockTile,
    blocks_of,
    tile_of,
    with_parts,
)
from graphc.compiler.targets.cuda.products.vectors import OF_VECTORS, only
from graphc.compiler.targets.mapping import (
    ALWAYS,
    Applicability,
    MappedProgram,
    Mapping,
    choose,
    never,
)
from graphc.compiler.targets.product_loops import Product
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

SHARES = {
    BlockTile(128, 128, 8, 16, 2): 87,
    BlockTile(64, 128, 8, 8, 2): 80,
    BlockTile(32, 128, 16, 8, 1): 75,
    BlockTile(16, 128, 16, 4, 1): 65,
    BlockTile(8, 128, 16, 4, 1): 60,
}
"""Tiles, with the share of multiplications among the instructions of the loop over terms, in
percent: counted in what nvcc 13.0 makes of 3 x 3 convolutions without padding, for sm_90."""

WANTED = 2 * BLOCKS
"""Two blocks of four warps for each multiprocessor of a large card: a single one would leave its
schedulers without work at each barrier."""

LEAST_ROWS = 32
"""Rows of the smallest tile of which there may be several below each other, which each read the
image."""

FEW_WINDOWS = 64
"""Windows up to which tiles of 128 would be half empty."""

MOST_DIVISIONS = 3
"""Quotients and remainders that tell the channel and the taps of a column, of two axes, up to which
a compiler keeps those of all 16 columns of a thread, where neighbouring threads have neighbouring
terms. Of more, threads have 4 columns each, and the places of these have names."""

MOST_ROWS_OF_FLOAT64 = 32
"""Its sums take twice the registers."""


def tile_of_windows(found: Sequence[Product]) -> BlockTile | None:
    """Return the tile of a convolution, by the rule above."""
    (product,) = found
    tile = _tile_of(product)
    if tile is None or _has_unknown_divisors(product) or not _has_many_divisions(product):
        return tile
    return replace(tile, run=PACK) if tile.depth % PACK == 0 else tile


def _tile_of(product: Product) -> BlockTile | None:
    rows, columns, terms = (
        loop.ends[0].constant for loop in (product.rows, product.columns, product.terms)
    )
    if isinstance(rows, Dim) or (not isinstance(columns, Dim) and columns <= FEW_WINDOWS):
        return _tile_of_product(product)
    is_wide = np.dtype(product.total.dtype).itemsize > 4
    candidates = [tile for tile in SHARES if tile.rows >= min(rows, LEAST_ROWS)]
    tile = min(candidates, key=lambda one: -(-rows // one.rows) * one.rows / SHARES[one])
    parts = max(1, min(WANTED, evaluate_at(terms, TYPICAL) // PART))
    has_few_blocks = blocks_of(tile, product) * parts < BLOCKS
    if has_few_blocks or (is_wide and tile.rows > MOST_ROWS_OF_FLOAT64):
        return _tile_of_product(product)
    is_short = not isinstance(terms, Dim) and terms <= LEAST_DEPTH
    depth = LEAST_DEPTH if is_wide or is_short else tile.depth
    tile = with_whole_channels(replace(tile, depth=depth), product)
    return with_parts(tile, (product,), WANTED, WANTED)


def _tile_of_product(product: Product) -> BlockTile | None:
    """Return the tile by a product's own rule; groups of threads divide its steps as they are."""
    tile = tile_of((product,))
    return tile if tile is None or tile.groups > 1 else with_whole_channels(tile, product)


def with_whole_channels(tile: BlockTile, product: Product) -> BlockTile:
    """Return a tile whose steps have all taps of some channels, if these are about as long, or
    those along the inner axes: a thread then knows the taps of the elements that it reads, and
    divides for none of them."""
    if not _is_along(product):
        return tile  # neighbouring threads have neighbouring terms
    itemsize = np.dtype(product.total.dtype).itemsize
    for taps in _taps(product):
        depth = _depth_of(taps, tile.depth, product.terms.ends[0].constant)
        longer = replace(tile, depth=depth)
        fits = longer.shared_elements() * itemsize <= MOST_SHARED
        if fits and tile.depth / 2 < depth <= 2 * tile.depth:
            return longer
    return tile


def _depth_of(taps: int, depth: int, terms: Size) -> int:
    """Return a multiple of some taps that is about as long as a step: of those from half to twice
    its length the next one that divides the terms, so that no step is padded, or that is next."""
    nearest = taps * max(1, round(depth / taps))
    if isinstance(terms, Dim):
        return nearest
    fitting = [one for one in range(taps, 2 * depth + 1, taps) if one > depth / 2]
    whole = [one for one in fitting if terms % one == 0]
    return min(whole, key=lambda one: abs(one - depth), default=nearest)


def _taps(product: Product) -> list[int]:
    """Return the known sizes by which the number of a term is divided to find where an element of
    the image is, from the taps of a channel to those of the innermost axis."""
    found = {one.divisor for one in _divisions(product, product.terms)}
    return sorted((one for one in found if isinstance(one, int)), reverse=True)


def _divisions(product: Product, *loops: For) -> set[Quotient | Remainder]:
    """Return the quotients and remainders of the variables of some loops alone in the coordinates
    of elements of the image."""
    variables = {one.variable for one in loops}
    return {
        atom
        for one in walk(product.terms.body)
        for load in loads_of(one)
        if any(product.columns.variable in coord.variables for coord in load.coords)
        for coord in load.coords
        for atom, _ in coord.terms
        if isinstance(atom, Quotient | Remainder) and atom.variables <= variables
    }


def _is_along(product: Product) -> bool:
    """Return True if neighbouring threads have neighbouring columns of the image."""
    return blocks.is_along(product, product.right, product.columns)


def _has_unknown_divisors(product: Product) -> bool:
    """Return True if only a call knows by what threads divide to find a window."""
    divisors = (one.divisor for one in _divisions(product, product.terms, product.columns))
    return any(isinstance(one, Dim) for one in divisors)


def _has_many_divisions(product: Product) -> bool:
    """Return True if each thread would divide often for each of many columns."""
    return len(_divisions(product, product.columns)) > MOST_DIVISIONS and not _is_along(product)


def _loops_of(
    program: LoopProgram, *, may_be_missing: bool = False, may_have_holes: bool = False
) -> ConvolutionLoops | str:
    """Return `convolution_loops_of` a program whose terms compute what they add."""
    try:
        program = with_values_of_terms(program)
    except RewriteError as error:
        return error.reason
    return convolution_loops_of(
        program, may_be_missing=may_be_missing, may_have_holes=may_have_holes
    )


def _is_of_filters_and_windows(program: LoopProgram, target: Target) -> Applicability:
    loops = _loops_of(program)
    if isinstance(loops, str):
        return never(loops)
    try:
        made = in_products(program)
    except RewriteError as error:
        return never(error.reason)
    return blocks.is_of_matrices(made, tile_of_windows)


def _by_blocks(program: LoopProgram, target: Target) -> LoopProgram:
    program = in_products(program)
    (product,) = blocks.in_named_products(program)
    mapped = blocks.by_blocks(program, target, tile_of_windows)
    tile = tile_of_windows((product,))
    assert tile is not None
    return with_divisions_ahead(mapped, product, tile)


def with_divisions_ahead(mapped: LoopProgram, product: Product, tile: BlockTile) -> LoopProgram:
    """Return a mapped program in which threads divide for the places of elements of the image ahead
    of the loop over steps, if a compiler would not keep the quotients.

    Args:
        mapped: the program.
        product: the convolution as it was ahead of the mapping.
        tile: of a block.
    """
    if not _has_unknown_divisors(product) and not _has_many_divisions(product):
        return mapped
    columns = 1
    if not _is_along(product):
        columns = max(1, tile.columns * (tile.run or tile.depth) // tile.threads)
    memories = {one.buffer.memory for one in blocks.loads_of_factor(product, product.right)}
    return with_named_places(mapped, memories, columns)


def in_launches(program: LoopProgram) -> tuple[LoopProgram, ...]:
    """Return the launches of a plain program that has tiles, before these are given to blocks."""
    return blocks.in_launches(in_products(program), tile_of_windows)


def classes_in_launches(program: LoopProgram, target: Target) -> tuple[LoopProgram, ...]:
    """Return the launches of a plain program whose windows have classes, those with tiles before
    these are given to blocks."""
    found: list[LoopProgram] = []
    for one, mapped in _mapped_classes(program, target):
        if mapped.names == (WINDOWS.name,):
            found += in_launches(one)
            continue
        launches = launches_of(mapped.program)
        found += launches if len(launches) > 1 else (one,)
    return tuple(found)


WINDOWS = Mapping(
    "tiles of windows by blocks",
    _is_of_filters_and_windows,
    _by_blocks,
    "an element of an image is read from memory once for all filters of a tile, and a weight once "
    "for all of its windows",
)


def _is_walked(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping of elements applies where no two results have a weight and an element
    of the image in common, and neighbouring results have neighbouring elements of the image; or
    where there is nothing to add."""
    loops = _loops_of(program, may_be_missing=True, may_have_holes=True)
    if isinstance(loops, str):
        return never(loops)
    turns = [one.ends[0].constant for one in loops.terms]
    if loops.filters and loops.windows and 0 not in turns:
        return never("filters share elements of the image")
    windows, taps = (_typical_turns(one) for one in (loops.windows, loops.terms))
    if 0 not in turns and windows < taps:
        return never(f"{taps} neighbouring terms are in {windows} windows side by side")
    return ALWAYS


def _typical_turns(loops: Sequence[For]) -> int:
    """Return about how many turns the innermost of some loops has; 1 of none."""
    return evaluate_at(loops[-1].ends[0].constant, TYPICAL) if loops else 1


def _of_vectors(mapping: Mapping) -> Mapping:
    """Return a mapping of reductions for convolutions of one filter or window."""

    def when(program: LoopProgram, target: Target) -> Applicability:
        try:
            return mapping.when(in_vectors(program), target)
        except RewriteError as error:
            return never(error.reason)

    return replace(
        mapping,
        when=when,
        rewrites=lambda program, target: mapping.rewrites(in_vectors(program), target),
    )


def _has_holes(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies to a convolution of an image with holes."""
    loops = _loops_of(program, may_be_missing=True, may_have_holes=True)
    if isinstance(loops, str):
        return never(loops)
    if not isinstance(_loops_of(program, may_be_missing=True), str):
        return never("its image has no holes between elements")
    return ALWAYS


def _has_unknown_classes(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies to a convolution of an image with holes, where only a call
    knows which windows meet them, or there are no filters and windows."""
    answer = _has_holes(program, target)
    if answer.refusal:
        return answer
    try:
        classes = _classes_of(program)
    except RewriteError:
        return ALWAYS
    return never(f"its windows have {len(classes)} classes")


def _has_classes(program: LoopProgram, target: Target) -> Applicability:
    answer = _has_holes(program, target)
    if answer.refusal:
        return answer
    loops = _loops_of(program, may_have_holes=True)
    return never(loops) if isinstance(loops, str) else ALWAYS


@kept
def _classes_of(program: LoopProgram) -> tuple[LoopProgram, ...]:
    """Return a program for each class of windows that there are."""
    program, loops = in_nest(program)
    filters, *_ = loops.filters
    name, windows = filters.variable.name, len(loops.filters) + len(loops.windows) - 1
    first = block_of(program, filters)[1]
    program, nests = in_classes(program, name, windows, len(loops.terms))
    ahead, classes = program.body[:first], program.body[first:]
    assert len(classes) == len(nests)
    return tuple(replace(program, body=(*ahead, one)) for one in classes)


def _mapped_classes(
    program: LoopProgram, target: Target
) -> Iterator[tuple[LoopProgram, MappedProgram]]:
    """Yield the program of each class of windows, and what it becomes."""
    for one in _classes_of(program):
        has_terms = any(isinstance(x, Accumulate) for x in walk(one.body))
        mapped = choose(one, target, WITHOUT_HOLES if has_terms else POINTWISE)
        if mapped.is_plain:
            reason = "; ".join(f"{name}: {why}" for name, why in mapped.refusals)
            raise RewriteError(reason, partial(program_text, one))
        yield one, mapped


def _by_classes(program: LoopProgram, target: Target) -> LoopProgram:
    """Return a program that computes the classes one after the other, each with all blocks."""
    first, *others = (mapped.program for _, mapped in _mapped_classes(program, target))
    for one in others:
        first = together(program, first, one)
    return first


CLASSES = Mapping(
    "windows by classes",
    _has_classes,
    _by_classes,
    "windows that meet elements at the same taps are those of an image without holes, so no hole "
    "is multiplied",
)

WITHOUT_HOLES = (
    WINDOWS,
    *only(POINTWISE, _is_walked, "neighbouring threads read neighbours of the image"),
    *map(_of_vectors, OF_VECTORS),
)
"""The mappings of convolutions of images without holes."""

CONVOLUTIONS = (
    *WITHOUT_HOLES,
    CLASSES,
    *only(POINTWISE, _has_unknown_classes, "only a call knows which windows meet holes"),
)
"""The mappings of kernels of kind conv."""
