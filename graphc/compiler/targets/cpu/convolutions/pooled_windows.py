"""Mappings of convolutions with a pooling behind them: nothing of the convolution's size is stored.

    for i0 < batch (team):
      allocate image: float32[...] in thread
      ...                                       copy a sample with the zeros around it
      for i2_outer < 6:
        allocate s1: float32[20, 96] in thread
        gc_windows_product<gc_height(10), 1, 5, 5>(s1[0:, 0:], x1[0:, 0:, 0:, 0:], image[...])
        for i1 < 20:
          for i2_inner < 2:
            for i3 < 12 (vector):
              allocate s0: float32[] in register
              s0[] = -inf
              for k0 < 2 (unrolled):
                for k1 < 2 (unrolled):
                  t0 = add(s1[i1, 28*(2*i2_inner + k0) + 2*i3 + k1], x2[i1])
                  s0[] = max(s0[], t0)
              ...

The sums that some rows of the pooling's windows need are made at a time, as those of a convolution
without a pooling are, so that they stay in the cache until they are pooled. What a sum meets on its
way to the pooling is computed in the walk over its window, neighbouring windows in the lanes of
vectors; random words that it takes are drawn ahead, for the same rows. Where elements of
neighbouring windows are far apart, as of long windows of a signal, the image is copied so that they
are neighbours, and so are their sums.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

from graphc.compiler.graph.dim import Dim, product
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import (
    LoopProgram,
    loops_in,
    turns_of,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.staging.stage_factor import stage_factor
from graphc.compiler.loops.rewrites.staging.stage_sum import stage_sum
from graphc.compiler.loops.rewrites.values.inline import inline
from graphc.compiler.loops.statement import For, Let, LoopKind, Store
from graphc.compiler.loops.value import RandomWord
from graphc.compiler.targets.convolution_loops import (
    names_of_loops,
)
from graphc.compiler.targets.cpu.convolutions.image_rows import (
    MOST_TERMS,
    with_one_row,
    with_sums_of_rows,
)
from graphc.compiler.targets.cpu.convolutions.operands import (
    WindowClass,
    indices_in,
    is_read,
    only_loop,
    tests_of_holes,
    with_computed_image,
    with_cut_borders,
    with_image,
    with_named_image,
    with_operands,
)
from graphc.compiler.targets.cpu.convolutions.pooled_loops import (
    PooledLoops,
    of_variables,
    pooled_loops_inside,
    span_of,
    window_step,
)
from graphc.compiler.targets.cpu.convolutions.windows import (
    with_padded_image,
    with_products_of_panels,
)
from graphc.compiler.targets.cpu.draws import (
    with_drawn_columns,
    with_drawn_words,
    with_words_crosswise,
)
from graphc.compiler.targets.cpu.products.pieces import with_vectors
from graphc.compiler.targets.cpu.window_walks import (
    MOST_STEP,
    with_separate_borders,
    with_windows_in_lanes,
)
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import kept_loops
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

SUMS = 16384
"""Sums that are made at a time, about: with their random words they stay in the second cache. (With
6,000 to 65,536 of them kernels took 0.97 to 1.07 of the time; AVX2, Zen 3.)"""

_MOST_TIMES = 4
"""A multiple of `SUMS` that a tile may have, so that all tiles are whole."""

_ALL = "sums"


@dataclass(frozen=True)
class _TileSums:
    """The loops that make the sums of a tile.

    Attributes:
        loops: of the plain program.
        nest: over filters, windows and terms.
        sample, tile: over samples and, inside of them, tiles: the same one, if there is one tile.
        is_separate: True if windows and their elements have a loop each along the last axis.
    """

    loops: PooledLoops
    nest: WindowClass
    sample: str
    tile: str
    is_separate: bool


# ---- where they apply ---------------------------------------------------------------------------


def _has_rows(program: LoopProgram, target: Target) -> Applicability:
    program, loops = pooled_loops_inside(program)
    if isinstance(loops, str):
        return never(loops)
    if not loops.filters:
        return never("it has one filter")
    if tests_of_holes(loops.terms[-1]):
        return never("its image has holes between elements")
    terms = turns_of(loops.terms)
    if isinstance(terms, Dim):
        return never("only a call knows how many terms there are")
    if terms > MOST_TERMS:
        return never(f"its sums of {terms} terms are more than {MOST_TERMS}")
    return ALWAYS


def _is_pooled(program: LoopProgram, target: Target) -> Applicability:
    _, loops = pooled_loops_inside(program)
    return never(loops) if isinstance(loops, str) else ALWAYS


# ---- the rewrites -------------------------------------------------------------------------------


def _by_rows(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples over threads; make the sums of some rows of windows by rows of the image."""
    return with_pooling(*with_sums_by_rows(program, of_samples=False), target)


def with_sums_by_rows(
    program: LoopProgram, *, of_samples: bool
) -> tuple[LoopProgram, PooledLoops, str]:
    """Return a program that makes the sums of some rows of windows by rows of the image ahead of
    their pooling, the loops of the plain one, and that over samples.

    Args:
        program: a plain program.
        of_samples: True if the sums of all rows are made at once, and rows are rows of the image,
            however many sums between them are not read.
    """
    program, made = _with_sums_ahead(
        program, has_tiles=not of_samples, may_be_separate=not of_samples
    )
    nest, sample, tile = made.nest, made.sample, made.tile
    windows, terms = nest.windows, nest.terms
    around = [program.loop(one) for one in windows]
    is_in_memory = is_read(program, around, program.loop(terms[-1]))
    if made.is_separate:
        program = _with_image_by_windows(program, nest, tile)
    elif not is_in_memory:
        program = with_computed_image(program, windows, terms, tile, terms[-1])
    program, image = with_operands(program, nest, sample)
    program = with_image(program, terms[-1], image, sample, windows)
    may_have_panels = is_in_memory and not of_samples
    program, place, pitches = with_one_row(program, windows, terms, is_read=may_have_panels)
    program = with_sums_of_rows(program, nest.filters, windows, place, terms, pitches)
    program = inline(program, _ALL)
    return with_cut_borders(program, "image"), made.loops, sample


def _by_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples over threads; make the sums of some rows of windows by panels of windows."""
    program, made = _with_sums_ahead(program, has_tiles=True, may_be_separate=False)
    nest, sample = made.nest, made.sample
    program, image = with_operands(program, nest, sample)
    program = with_padded_image(program, [nest], sample)
    has_filters = bool(made.loops.filters)
    program = with_products_of_panels(program, nest, image, has_filters=has_filters)
    return with_pooling(program, made.loops, sample, target)


def _with_sums_ahead(
    program: LoopProgram, *, has_tiles: bool, may_be_separate: bool
) -> tuple[LoopProgram, _TileSums]:
    """Return a program that makes the sums of some rows of windows, or of all without tiles, ahead
    of their pooling, and the loops of these sums; `may_be_separate` as of `_TileSums`."""
    program, loops = pooled_loops_inside(program)
    assert isinstance(loops, PooledLoops)
    used = frozenset().union(*(one.variables for one in loops.coords))
    if not loops.windows or loops.windows[0].variable in used:
        first = next(k for k, one in enumerate(program.body) if isinstance(one, For))
        program = enclose(program, first, len(program.body), "sample")
        sample = only_loop(program.body).variable.name
    else:
        sample = loops.windows[0].variable.name
    program = _with_outermost(program, sample)
    tile, coords = sample, list(loops.coords)
    if has_tiles:
        program, tile, coords = _with_tiles(program, loops, sample)
    outside = {one.variable for one in program.loops_to(tile)}
    coords = [one for one in coords if not one.variables <= outside]
    is_separate = may_be_separate and _is_separate(loops, coords, outside)
    filters = [index_of(one.variable) for one in loops.filters]
    coords = [*filters, *(_separate(loops, coords) if is_separate else coords)]
    program = _with_words_of_sums(program, loops, tile, coords)
    program = stage_sum(program, tile, loops.total, coords, _ALL)
    names = [f"{_ALL}_axis{axis}" for axis in range(len(coords))]
    made = next(one for one in program.loop(tile).body if isinstance(one, For) and _fills(one))
    found = names_of_loops(loops_in((made,)))
    nest = [one for one in found if one in names]
    if not loops.filters:
        number = next(k for k, one in enumerate(program.loop(tile).body) if one is made)
        program = enclose(program, number, number + 1, "filter", tile)
        (of_filters,) = {one.variable.name for one in program.loops_to(nest[0])[-2:-1]}
        nest, found = [of_filters, *nest], [of_filters, *found]
    of_sums = _nest_of(program, nest, found[len(nest) :])
    return program, _TileSums(loops, of_sums, sample, tile, is_separate)


def _is_separate(loops: PooledLoops, coords: Sequence[Index], outside: Set[LoopVariable]) -> bool:
    """Return True if elements of neighbouring windows along the last axis are far from each other,
    and none is in several windows."""
    last = coords[-1] if coords else as_index(0)
    places = [one for one in loops.places if one.variable in last.variables]
    if not places or not last.variables - outside - {places[0].variable}:
        return False
    step, elements = window_step(loops), places[0].ends[0].constant
    return isinstance(elements, int) and step > MOST_STEP and elements <= step


def _separate(loops: PooledLoops, coords: Sequence[Index]) -> list[Index]:
    """Return coordinates of sums in which windows and their elements are apart along the last axis,
    so that those of neighbouring windows are neighbours."""
    *ahead, last = coords
    (place,) = (x.variable for x in loops.places if x.variable in last.variables)
    return [*ahead, index_of(place), (last - index_of(place)) // window_step(loops)]


def _with_image_by_windows(program: LoopProgram, nest: WindowClass, tile: str) -> LoopProgram:
    """Return a program that copies what neighbouring windows of a tile read next to each other: an
    element that windows and taps reach in several ways is there several times."""
    innermost = nest.terms[-1]
    program, image = with_named_image(program, innermost)
    forms = indices_in(program.loop(innermost).body)
    terms = [program.loop(one).variable for one in nest.terms]
    *ahead, last = [program.loop(one).variable for one in nest.windows]
    coords: list[Index] = []
    for own in ahead:
        found = [of_variables(x, (own, *terms)) for x in forms]
        coord = next((x for x in found if x.factor(own) == 1), None)
        if coord is None:
            expected = "windows that are one element apart"
            raise refused(program, "copy", f"the loop {own}", expected, ", ".join(map(str, found)))
        coords.append(coord - coord.constant)
    coords.append(index_of(last))
    covered = frozenset().union(*(one.variables for one in coords))
    channels = [index_of(one) for one in terms if one not in covered]
    return stage_factor(program, tile, image.name, [*channels, *coords], "image")


def _with_outermost(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program whose perfect nest of loops has one as its outermost one."""
    around = names_of_loops(kept_loops(program))
    for outer in reversed(around[: around.index(loop)]):
        program = reorder(program, outer, loop)
    return program


def _with_tiles(
    program: LoopProgram, loops: PooledLoops, sample: str
) -> tuple[LoopProgram, str, list[Index]]:
    """Return a program with a loop over tiles of rows of windows inside of that over samples, the
    innermost of these two, and the coordinates of a sum in a tile."""
    of_windows = {one.variable: one for one in loops.windows}
    row = next((x for x in loops.coords[0].variables if x in of_windows), None)
    high = None if row is None else _rows_of_tile(loops, of_windows[row])
    if row is None or high is None:
        return program, sample, list(loops.coords)
    outer, turn = row.name, index_of(row)
    if high > 1:
        program = split(program, outer, high, Tail.SHORT)
        outer, inner = f"{row}_outer", f"{row}_inner"
        variables = [program.loop(one).variable for one in (outer, inner)]
        turn = index_of(variables[0]) * high + index_of(variables[1])
    around = names_of_loops(kept_loops(program))
    for loop in reversed(around[around.index(sample) + 1 : around.index(outer)]):
        program = reorder(program, loop, outer)
    return program, outer, [one.substitute({row: turn}) for one in loops.coords]


def _rows_of_tile(loops: PooledLoops, rows: For) -> int | None:
    """Return how many rows of windows a tile has, so that its sums are about `SUMS`: a number that
    divides all, if one does; None for all, or if only a call knows."""
    spans = [span_of(one, loops)[0] for one in loops.coords]
    step, (_, reach) = loops.coords[0].factor(rows.variable), span_of(loops.coords[0], loops)
    each = product((*spans[1:], turns_of(loops.filters)))
    count = rows.ends[0].constant
    if any(isinstance(one, Dim) for one in (count, each, step, reach)):
        return None
    assert isinstance(count, int)
    assert isinstance(each, int)
    assert isinstance(step, int)
    assert isinstance(reach, int)
    most = max(1, 1 + (SUMS // each - reach) // step)
    if most >= count:
        return None
    whole = [one for one in range(1, count + 1) if count % one == 0]
    below = [one for one in whole if most < 2 * one <= 2 * most]
    above = [one for one in whole if most < one <= _MOST_TIMES * most]
    if below or above:
        high = max(below, default=min(above, default=count))
        return None if high == count else high
    return -(-count // -(-count // most))


def _with_words_of_sums(
    program: LoopProgram, loops: PooledLoops, tile: str, coords: Sequence[Index]
) -> LoopProgram:
    """Return a program that draws the random words of a tile's sums ahead, in their own order."""
    innermost = program.loop(loops.places[-1].variable.name)
    for one in walk(innermost.body):
        if not isinstance(one, Let) or not isinstance(one.value, RandomWord):
            continue
        element = one.value.element

        def step(coord: Index, element: Index = element) -> int:
            own = [element.factor(x) for x in coord.variables if coord.factor(x) == 1]
            return next((x for x in own if isinstance(x, int)), 0)

        *others, last = sorted(coords, key=step, reverse=True)
        in_columns = last is not coords[-1]
        if in_columns:
            others.remove(coords[-1])
        ordered = [*others, last, *coords[-1:]] if in_columns else [*others, last]
        try:
            program = stage_factor(program, tile, one.local.name, ordered, "words")
        except RewriteError:  # they are of other coordinates
            continue
        fill = next(x for x in program.loop(tile).body if isinstance(x, For) and _draws(x))
        nest = names_of_loops(loops_in((fill,)))
        if not in_columns:
            program = with_drawn_words(program, nest)
        elif (drawn := with_drawn_columns(program, nest)) is not program:
            program = drawn
        else:
            program = with_words_crosswise(program, tile, nest)
    return program


def _draws(loop: For) -> bool:
    return any(
        isinstance(one, Store) and isinstance(one.value, RandomWord) for one in walk((loop,))
    )


def _nest_of(program: LoopProgram, nest: Sequence[str], terms: Sequence[str]) -> WindowClass:
    """Return the loops that make the sums of a tile."""
    windows = list(nest[1:])
    if not windows:
        where, expected = f"the loop {terms[0]!r}", "several sums of a filter"
        raise refused(program, "windows", where, expected, "one")
    return WindowClass(nest[0], windows, list(terms))


def _fills(loop: For) -> bool:
    return _ALL in written_memories((loop,))


def with_pooling(
    program: LoopProgram, loops: PooledLoops, sample: str, target: Target
) -> LoopProgram:
    """Return a program that walks neighbouring windows as the lanes of vectors."""
    path = [one.variable.name for one in program.loops_to(loops.places[0].variable.name)]
    *around, innermost = path[:-1]
    program = bind(program, sample, LoopKind.TEAM)
    program = with_windows_in_lanes(program, [loops.places], innermost, target)
    return with_vectors(with_separate_borders(program, around[-1]) if around else program)


POOLED_ROWS = Mapping(
    "pooled rows of images",
    _has_rows,
    _by_rows,
    "the sums of some rows of a pooling's windows stay in the cache until they are pooled",
)
POOLED_PANELS = Mapping(
    "pooled panels of windows",
    _is_pooled,
    _by_panels,
    "the same for windows that are not one element apart, and for one filter",
)
POOLED = (POOLED_ROWS, POOLED_PANELS)
"""The mappings of convolutions that are pooled."""
