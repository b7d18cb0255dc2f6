"""Mappings of convolutions of 3 x 3 windows, and of the gradients of their weights, with fewer
multiplications: by transforms of tiles (`winograd_tiles`).

    allocate transformed: float32[16, 32, 32] in shared
    gc_winograd_weights(transformed[0:, 0:, 0:], weights[0:, 0:, 0:], ...)
    for i0 < batch (team):
      ...                                       copy a sample with the zeros around it
      gc_transpose(...)                         channels innermost
      for group < 3:
        gc_winograd_image(tiles[...], innermost[...], left=144 - 48*group, ...)
        for place < 16:
          gc_winograd_product<gc_height(8), false>(sums[place, ...], tiles[place, ...], ...)
        gc_winograd_results(results[...], sums[...], left=144 - 48*group, ...)
      gc_transpose(...)                         s0, windows innermost
      ...                                       what follows of a sum

A tile of 2 x 2 results takes 16 multiplications for each channel and filter, not 36; and sums over
channels alone are shorter than sums over whole windows, so they round no worse: that is the bound
to which such a program is equal to the direct one. Results of one tile share intermediate sums:
where an element is infinite or NaN, all results of the tiles that hold it may be NaN.

Each mapping is another one, of sums by rows of images or by parts of samples, in which what a
sample gives to its sums is made by transforms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeAlias

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.buffer import Buffer, c_strides
from graphc.compiler.loops.index import Index, as_index
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    loads_of,
    path_to,
    replaced,
    targets_of,
    transformed,
    turns_of,
    walk,
    walk_in_ranges,
    written_memories,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import (
    Allocate,
    BufferWindow,
    For,
    Statement,
    Store,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Constant, Load, Value
from graphc.compiler.targets.convolution_loops import ConvolutionLoops, dtype_of_sums
from graphc.compiler.targets.cpu.convolutions.bands import count_of_bands
from graphc.compiler.targets.cpu.convolutions.image_rows import in_rows
from graphc.compiler.targets.cpu.convolutions.operands import (
    is_read,
    long_loops_of,
    loops_of,
    loops_with_values_inside,
    tests_of_holes,
)
from graphc.compiler.targets.cpu.convolutions.pooled_loops import (
    PooledLoops,
    pooled_loops_inside,
    span_of,
    window_step,
)
from graphc.compiler.targets.cpu.convolutions.pooled_windows import (
    with_pooling,
    with_sums_by_rows,
)
from graphc.compiler.targets.cpu.convolutions.weight_gradients import in_parts
from graphc.compiler.targets.cpu.convolutions.winograd_statements import (
    ConvolutionSizes,
    TileStatements,
    whole_multiple,
)
from graphc.compiler.targets.cpu.convolutions.winograd_tiles import (
    PLACES,
    RESULTS,
    WINDOW,
)
from graphc.compiler.targets.cpu.products.panels import (
    call_columns,
    whole_columns,
)
from graphc.compiler.targets.cpu.window_walks import MOST_STEP
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

_REWRITE = "transforms"

# What a tile takes, in steps of a vector: its transforms read 16 elements, add 32 times and write
# 16, for a vector of channels; read 16, add 24 times and write 4, for one of filters, and these are
# laid out filter by filter then. Direct sums take the multiplications of all places.
_STEPS_OF_IMAGE, _STEPS_OF_RESULTS = 64, 48

_GAIN = 5, 4
"""A multiple of the steps of transforms that direct sums have to take, as a quotient: a margin for
what the count leaves out, as the tiles' way to the products and back."""

MOST_WEIGHTS = 1 << 15
"""Weights for each window of a sample up to which each call transforms all of them. (As a multiple
of the time without transforms, of 1, 4, 16 and 64 samples: 512 channels and filters of 4 x 4
windows 3.2, 2.3, 1.5 and 1.0, of 7 x 7 1.5, 1.6, 1.1 and 1.1; 256 of 7 x 7 1.5, 1.4, 0.9 and 0.8;
AVX-512, Sapphire Rapids, two threads.)"""

_BY_ROWS, _BY_PARTS = "host_windows.h", "host_window_sums.h"
"""The headers of the calls that are made by transforms instead."""


# ---- where they apply ---------------------------------------------------------------------------


def _is_faster(sizes: ConvolutionSizes, dtype: str, *, is_gradient: bool) -> Applicability:
    """Return that there are enough channels and filters to make good for the transforms.

    Counted in steps of a vector for each tile: 16 multiplications for each channel and filter,
    or 36 without transforms, and the transforms. Of direct sums, those of a gradient have filters
    innermost too, in whole vectors.
    """
    weights, windows = sizes.channels * sizes.filters * WINDOW**2, sizes.rows * sizes.columns
    if not is_gradient and weights > MOST_WEIGHTS * windows:
        return never(f"{weights} weights would be transformed for {windows} windows of a sample")
    down, across = sizes.tiles
    wide = whole_multiple(sizes.filters, call_columns(dtype))
    transforms = _STEPS_OF_IMAGE * whole_multiple(sizes.channels, whole_columns(dtype))
    transforms += _STEPS_OF_RESULTS * wide
    by_tiles = down * across * (PLACES * sizes.channels * wide + transforms)
    each = WINDOW**2 * sizes.channels * (wide if is_gradient else sizes.filters)
    direct = windows * each
    times, of = _GAIN
    if times * by_tiles < of * direct:
        return ALWAYS
    found = f"{sizes.channels} channels and {sizes.filters} filters"
    return never(f"{found} do not make good for the transforms of {down} x {across} tiles")


def _has_taps(program: LoopProgram, target: Target) -> Applicability:
    program, loops = loops_with_values_inside(program, loops_of)
    if isinstance(loops, str):
        return never(loops)
    windows = loops.windows[-2:]
    if len(loops.windows) > 3:
        return never(f"its windows have {len(loops.windows) - 1} axes")
    if len(loops.windows) < 3:
        return never("it has one sample, or one row or column of windows")
    return _makes_good(program, loops, loops.terms, windows, dtype_of_sums(program))


def _has_pooled_taps(program: LoopProgram, target: Target) -> Applicability:
    found = _pooled_sums_of(program)
    if isinstance(found, str):
        return never(found)
    program, loops, rows, columns, step = found
    if step > MOST_STEP:
        return never(f"neighbouring windows of its pooling are {step} elements apart")
    terms = loops.terms
    sizes = _sizes_of(terms, loops.filters, rows, columns)
    if isinstance(sizes, str):
        return never(sizes)
    refusal = _refusal_of_image(terms[-1], (*terms[1:], *loops.places), loops.places)
    if refusal:
        return never(refusal)
    return _is_faster(sizes, dtype_of_sums(program), is_gradient=False)


def _pooled_sums_of(program: LoopProgram) -> tuple[LoopProgram, PooledLoops, Size, Size, int] | str:
    """Return a plain program with values inside, its loops, how many rows and columns of sums all
    windows of a sample need, and how far elements of neighbouring windows are apart; or why it has
    none of these."""
    program, loops = pooled_loops_inside(program)
    if isinstance(loops, str):
        return loops
    if len(loops.coords) != 2:
        return f"its sums have {len(loops.coords)} axes"
    rows, columns = (span_of(one, loops)[0] for one in loops.coords)
    return program, loops, rows, columns, window_step(loops)


def _has_sums_of_taps(program: LoopProgram, target: Target) -> Applicability:
    """Return that a gradient's windows are the taps of 3 x 3."""
    program, loops = loops_with_values_inside(program, long_loops_of)
    if isinstance(loops, str):
        return never(loops)
    if len(loops.windows) != 3 or len(loops.terms) != 3:
        return never("it is no gradient of channels and taps, of samples and places")
    channels, *taps = loops.windows
    _, *places = loops.terms
    return _makes_good(program, loops, (channels, *taps), places, dtype_of_sums(program))


def _makes_good(
    program: LoopProgram,
    loops: ConvolutionLoops,
    terms: Sequence[For],
    results: Sequence[For],
    dtype: str,
) -> Applicability:
    """Return that transforms are faster.

    Args:
        program, loops: the convolution.
        terms: the loops over channels and taps.
        results: those over rows and columns of results.
        dtype: of the sums.
    """
    if len(results) != 2:
        return never("its windows have one axis")
    rows, columns = (one.ends[0].constant for one in results)
    sizes = _sizes_of(terms, loops.filters, rows, columns)
    if isinstance(sizes, str):
        return never(sizes)
    refusal = _refusal_of_image(loops.terms[-1], (*terms[1:], *results), loops.windows[-2:])
    if refusal:
        return never(refusal)
    return _is_faster(sizes, dtype, is_gradient=terms is not loops.terms)


def _sizes_of(
    terms: Sequence[For], filters: Sequence[For], rows: Size, columns: Size
) -> ConvolutionSizes | str:
    """Return the sizes of a convolution, or why it has no transforms."""
    if len(terms) != 3 or any(turns_of([one]) != WINDOW for one in terms[1:]):
        return "its windows are not 3 x 3"
    if not filters:
        return "it has one filter"
    sizes = (turns_of([terms[0]]), turns_of(filters), rows, columns)
    numbers = [one for one in sizes if not isinstance(one, Dim)]
    if len(numbers) != len(sizes):
        return "only a call knows its sizes"
    return ConvolutionSizes(*numbers)


def _refusal_of_image(term: For, loops: Sequence[For], windows: Sequence[For]) -> str:
    """Return why an image is not one of neighbours that windows reach in each next turn of loops;
    empty if it may be.

    Args:
        term: the innermost loop over terms.
        loops: those along which neighbours are one element apart.
        windows: those of them in whose turns the image alone is another one.
    """
    if tests_of_holes(term):
        return "its image has holes between elements"
    own = {one.variable for one in windows}
    coords = {x for one in walk(term.body) for load in loads_of(one) for x in load.coords}
    of_image = [x for x in coords if x.variables & own]
    if any(x.factor(one.variable) not in (0, 1) for x in of_image for one in loops):
        return "its windows, or the elements of one, are not one element apart"
    return ""


# ---- the rewrites -------------------------------------------------------------------------------


def _by_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples over threads, or bands of them; make the sums of one by tiles."""
    inside, loops = loops_with_values_inside(program, loops_of)
    assert isinstance(loops, ConvolutionLoops)
    *samples, of_rows, of_columns = loops.windows
    rows, columns = _number(of_rows), _number(of_columns)
    if samples and is_read(inside, (of_rows, of_columns), loops.terms[-1]):
        rows //= count_of_bands(samples[0].ends[0].constant, rows, target)
    program = in_rows(program, target, may_have_panels=False)
    return with_tiles(program, rows, columns, are_separate=False)


def _by_pooled_tiles(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples over threads; make the sums of one by tiles ahead of their pooling."""
    found = _pooled_sums_of(program)
    assert not isinstance(found, str)
    _, loops, rows, columns, _ = found
    steps = {x.factor(one.variable) for x in loops.coords for one in loops.windows} - {0}
    assert isinstance(rows, int)
    assert isinstance(columns, int)
    program, loops, sample = with_sums_by_rows(program, of_samples=True)
    program = with_tiles(program, rows, columns, are_separate=steps == {RESULTS})
    return with_pooling(_with_one_loop(program, loops, sample), loops, sample, target)


def _with_one_loop(program: LoopProgram, loops: PooledLoops, sample: str) -> LoopProgram:
    """Return a program that walks all windows of a filter in one loop, if there are rows of them
    and what it reads and stores has them as neighbours: vectors are whole then."""
    inside = [one.variable.name for one in loops.windows if one.variable.name != sample]
    if len(inside) < 2:
        return program
    *_, row, column = inside
    try:
        joined = simplify(fuse(program, row, column))
    except RewriteError:  # something is between the loops
        return program
    loop = joined.loop(f"{row}_{column}")
    places = (
        load.buffer.place(load.coords)
        for one in walk(loop.body)
        for load in (*loads_of(one), *targets_of(one))
    )
    are_neighbours = all(
        atom is loop.variable or loop.variable not in atom.variables
        for place in places
        for atom, _ in place.terms
    )
    return joined if are_neighbours else program


def _by_tiles_in_parts(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples into parts, which threads divide; add up what their tiles give."""
    return with_tiles_of_cotangents(in_parts(program, has_groups=False))


def _number(loop: For) -> int:
    number = loop.ends[0].constant
    assert isinstance(number, int)
    return number


def with_tiles(program: LoopProgram, rows: int, columns: int, *, are_separate: bool) -> LoopProgram:
    """Return a program that makes by transforms what one call makes by products of windows: equal
    to rounding, but that an element which is not finite reaches all results of its tiles.

    Args:
        program: one with a call of `windows_product`, of terms that are channels and 3 x 3 taps.
        rows, columns: of the results that are read.
        are_separate: True if the results at one place of all tiles are neighbours, so that those of
            neighbouring windows of a pooling are; False for those of a row.
    """
    call = _call_of(program, _BY_ROWS)
    to, weights, image = call.windows
    steps = [image.buffer.strides[axis] for axis in image.axes]
    _, *taps = (weights.buffer.shape[axis] for axis in weights.axes[1:])
    if taps != [WINDOW, WINDOW] or steps[2:] != [1, 1] or any(_is_varied(x) for x in call.windows):
        raise refused(program, _REWRITE, "a call", "3 x 3 taps of neighbours", str(taps))
    channels, filters = (weights.buffer.shape[axis] for axis in weights.axes[1::-1])
    plane, pitch = steps[:2]
    assert isinstance(channels, int)
    assert isinstance(filters, int)
    assert isinstance(plane, int)
    assert isinstance(pitch, int)
    tiles = TileStatements(
        Names(program), to.buffer.dtype, ConvolutionSizes(channels, filters, rows, columns)
    )
    place_of = _place_in_tiles if are_separate else _place_in_rows
    program, sums = _with_other_sums(program, to.buffer, pitch, tiles.sizes, place_of)
    ahead, transforms = tiles.of_weights(weights)
    call = _call_of(program, _BY_ROWS)
    first = path_to(program.body, call)[0]
    number = next(k for k, one in enumerate(program.body) if one is first)
    made = tiles.of_results(sums, transforms, image, plane, pitch)
    body = replaced(program.body, call, made)
    body = (*body[:number], *ahead, *body[number:])
    return replace(program, body=body)


def with_tiles_of_cotangents(program: LoopProgram) -> LoopProgram:
    """Return a program that adds up by transforms what one call adds to the sums of a part: equal
    to rounding, but that an element which is not finite reaches all sums of its channel or filter.

    Args:
        program: one with a call of `window_sums`, of windows that are channels and 3 x 3 taps.
    """
    call = _call_of(program, _BY_PARTS)
    to, matrix, image = call.windows
    around = [one for one in path_to(program.body, call) if isinstance(one, For)]
    if len(around) < 2:
        expected = "a loop over parts, and one over the samples of a part"
        raise refused(program, _REWRITE, "a call", expected, f"{len(around)} loops around it")
    part, sample = around[-2:]
    shape = [to.buffer.shape[axis] for axis in to.axes]
    steps = [image.buffer.strides[axis] for axis in image.axes]
    if (
        [*shape[1:3], len(shape), len(matrix.axes)] != [WINDOW, WINDOW, 4, 3]
        or steps[1] != 1
        or steps[3:] != steps[:2]
        or _is_varied(matrix)
        or _is_varied(image)
    ):
        raise refused(program, _REWRITE, "a call", "3 x 3 taps of neighbours", str(shape))
    rows, columns = (matrix.buffer.shape[axis] for axis in matrix.axes[:2])
    sizes = [shape[0], shape[-1], rows, columns, steps[2], steps[0]]
    numbers = [one for one in sizes if isinstance(one, int)]
    assert len(numbers) == len(sizes)
    *extents, plane, pitch = numbers
    tiles = TileStatements(Names(program), to.buffer.dtype, ConvolutionSizes(*extents))
    ahead, made, behind = tiles.of_gradient(to, matrix, image, plane, pitch)
    inside = replace(sample, body=replaced(sample.body, call, made))
    starts = [one for one in part.body if _starts(one, to.buffer.memory)]
    if len(starts) != 1 or part.body[-1] is not sample:
        expected = "sums that begin with 0 for a part, and nothing behind its samples"
        raise refused(program, _REWRITE, f"the loop {part.variable}", expected, "others")
    before = (one for one in part.body[:-1] if one is not starts[0])
    whole = replace(part, body=(*before, *ahead, inside, *behind))
    return replace(program, body=replaced(program.body, part, (whole,)))


def _starts(one: Statement, memory: str) -> bool:
    """Return True if a statement writes zeros to a memory, and nothing else."""
    stores = [x for x in walk((one,)) if isinstance(x, Store)]
    return written_memories((one,)) == {memory} and all(
        isinstance(x.value, Constant) and x.value.number == 0 for x in stores
    )


def _call_of(program: LoopProgram, source: str) -> UseIntrinsic:
    """Return the call of the intrinsic of a header; RewriteError unless there is one."""
    calls = [one for one in walk(program.body) if isinstance(one, UseIntrinsic)]
    found = [one for one in calls if one.intrinsic.source == source]
    if len(found) != 1:
        raise refused(program, _REWRITE, "the program", f"one call of {source}", str(len(found)))
    return found[0]


def _is_varied(window: BufferWindow) -> bool:
    """Return True if a rectangle begins at another element in each turn of some loop."""
    return any(not one.is_constant for one in window.start)


_PlaceOf: TypeAlias = Callable[[Index, Index, int, Ranges], tuple[Index, Index]]
"""The coordinates of a result, by its row, its column and the tiles across."""


def _place_in_rows(row: Index, column: Index, across: int, ranges: Ranges) -> tuple[Index, Index]:
    return as_index(0), row * (RESULTS * across) + column


def _place_in_tiles(row: Index, column: Index, across: int, ranges: Ranges) -> tuple[Index, Index]:
    (down, i), (beside, j) = (
        (ranges.simplified(x // RESULTS), ranges.simplified(x % RESULTS)) for x in (row, column)
    )
    return i * RESULTS + j, down * across + beside


def _with_other_sums(
    program: LoopProgram, sums: Buffer, pitch: int, sizes: ConvolutionSizes, place_of: _PlaceOf
) -> tuple[LoopProgram, Buffer]:
    """Return a program whose sums lie as tiles make them, and what they lie in then: matrices of
    filters by results.

    Args:
        program: the program.
        sums: what they lie in, filters by places, of which those of a row are neighbours.
        pitch: how many places a row has.
        sizes: those of the convolution: what is behind the last row or column is not read.
        place_of: says where a result is.
    """
    down, across = sizes.tiles
    count = RESULTS**2 if place_of is _place_in_tiles else 1
    shape = (count, sizes.filters, RESULTS**2 * down * across // count)
    new = replace(sums, shape=shape, strides=c_strides(shape))
    moved: dict[Load, Load] = {}
    for one, ranges in walk_in_ranges(program.body, program.ranges):
        for buffer in buffers_of(one):
            if buffer is not sums and buffer.memory == sums.memory:
                raise refused(
                    program, _REWRITE, f"the buffer {sums}", "no views of it", f"{buffer}"
                )
        for load in loads_of(one):
            if load.buffer is not sums or load in moved:
                continue
            filter_, place = load.coords
            row, column = (ranges.simplified(x) for x in (place // pitch, place % pitch))
            if not ranges.is_below(row, sizes.rows) or not ranges.is_below(column, sizes.columns):
                expected = f"one of {sizes.rows} x {sizes.columns} results"
                raise refused(program, _REWRITE, f"the sum {load}", expected, f"{row}, {column}")
            matrix, place = place_of(row, column, across, ranges)
            moved[load] = Load(new, (matrix, filter_, place))

    def value(one: Value) -> Value:
        return moved.get(one, one) if isinstance(one, Load) else one

    def statement(one: Statement) -> Body:
        is_old = isinstance(one, Allocate) and one.buffer is sums
        return (Allocate(new),) if is_old else (one,)

    body = transformed(Parts(value=value).in_body(program.body), statement)
    return replace(program, body=body), new


TILES_OF_IMAGES = Mapping(
    "tiles of images",
    _has_taps,
    _by_tiles,
    "transforms of tiles take fewer multiplications",
)
POOLED_TILES = Mapping(
    "pooled tiles of images",
    _has_pooled_taps,
    _by_pooled_tiles,
    "the same, for the sums of a sample, which stay in the cache until they are pooled",
)
TILES_OF_SAMPLES = Mapping(
    "tiles of samples",
    _has_sums_of_taps,
    _by_tiles_in_parts,
    "the same, for the gradient of weights: what tiles of samples give is transformed at the end",
)
WINOGRAD = (TILES_OF_IMAGES, TILES_OF_SAMPLES, POOLED_TILES)
"""The mappings of convolutions by Winograd's transforms."""
