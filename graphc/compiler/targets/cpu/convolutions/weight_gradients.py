"""Mapping of convolutions of few and long windows, as the gradients of weights are: the image of a
sample and what it is multiplied by are copied, and what the sample gives to all sums is added at
once.

    allocate s0_parts: float32[8, 2, 16, 3, 3, 32] in shared
    for k0_outer < 8 (team):
      ...                                           zeros
      for k0_inner < min((batch + 7) // 8, batch - (batch + 7) // 8*k0_outer):
        allocate matrix: float32[1, 2, 28, 28, 32] in thread
        ...                                         copy the cotangents, filters innermost
        allocate image: float32[1, 16, 30, 30] in thread
        ...                                         copy a sample with the zeros around it
        for i1_outer < 2:
          gc_window_sums<gc_height(12), 7, 7, true, true, 3, 3>(s0_parts[...], ...)
    for i1_outer < 2 (team):
      for s0_part < 8:
        ...                                         add the parts of a group of filters
      ...                                           what follows of a sum

A part is a sum over some of the samples, or of the channels of a convolution that has fewer windows
than taps: threads divide parts, of which there are as many for any number of threads. A window has
an element for each place of a sample's results; what some rows of places give is added up in
registers, then to the sums of the part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Dim, product, typical
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.program import LoopProgram, loop_beside, loops_in, turns_of, walk
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.flatten import join_axes
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.loops.fuse import join
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_factor import stage_factor
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import Allocate, For, If, LoopKind
from graphc.compiler.loops.value import Load, Local, Value
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    dtype_of_sums,
    names_of_loops,
    with_fused_loops,
    with_loops_in_order,
)
from graphc.compiler.targets.cpu.convolutions.operands import (
    factors_of,
    height_of_tiles,
    is_read,
    long_loops_of,
    loops_with_values_inside,
    only_loop,
    tests_of_holes,
    total_of,
    variables_of_reach,
    with_computed_image,
    with_cut_borders,
    with_image,
)
from graphc.compiler.targets.cpu.parts import cut_at_parts
from graphc.compiler.targets.cpu.products.panels import (
    call_columns,
    transposition,
    whole_columns,
    window_sums,
)
from graphc.compiler.targets.cpu.products.pieces import DEPTH, terms_outermost, with_vectors
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

PARTS = 8
"""Parts of a sum over samples, which threads divide: each has all of the sums, and no more threads
than this have work."""


# ---- where it applies ---------------------------------------------------------------------------


def _has_long_windows(program: LoopProgram, target: Target) -> Applicability:
    program, loops = loops_with_values_inside(program, long_loops_of)
    if isinstance(loops, str):
        return never(loops)
    if len(loops.filters) > 1:
        return never(f"its filters have {len(loops.filters)} axes")
    sums = turns_of((*loops.windows[1:], *loops.filters))
    if isinstance(sums, Dim):
        return never("only a call knows how many sums there are")
    samples, places = samples_and_places(loops)
    if isinstance(turns_of([*samples, *places]), Dim) and samples:
        return ALWAYS
    reach = variables_of_reach(loops)
    windows = turns_of([one for one in loops.windows if one.variable in reach])
    if windows != 1 and typical(turns_of(places)) <= typical(windows):
        return never(f"its windows have {turns_of(places)} places, and there are {windows} of them")
    return ALWAYS


def samples_and_places(loops: ConvolutionLoops) -> tuple[tuple[For, ...], tuple[For, ...]]:
    """Return the loop over samples, if there are several, and those over the places of a window."""
    first, *others = loops.terms
    if first.variable in variables_of_reach(loops):
        return (), loops.terms
    return (first,), tuple(others)


# ---- the rewrites -------------------------------------------------------------------------------


def _by_parts(program: LoopProgram, target: Target) -> LoopProgram:
    return in_parts(program, has_groups=True)


def in_parts(program: LoopProgram, *, has_groups: bool) -> LoopProgram:
    """Divide samples into parts, which threads divide; add what a sample gives by one call, for
    some filters if it has groups."""
    program, found = with_long_windows(program, has_groups=has_groups)
    program = with_parts(program, found.nest, found.sample)
    part, sample = f"{found.sample}_outer", f"{found.sample}_inner"
    program = with_sums_of_sample(program, replace(found, sample=sample))
    program = with_cut_borders(bind(program, part, LoopKind.TEAM), "image")
    return with_vectors(simplify(program))


@dataclass(frozen=True)
class LongWindows:
    """The loops of a convolution of long windows, by their names.

    Attributes:
        sample: over samples.
        places: over the places of a window.
        groups: over groups of filters; () if one call has them all.
        windows: over channels and taps.
        filters: over the filters of a group; () if there is one filter.
        is_there: True if the image is read as it is in memory.
    """

    sample: str
    places: tuple[str, ...]
    groups: tuple[str, ...]
    windows: tuple[str, ...]
    filters: tuple[str, ...]
    is_there: bool

    @property
    def nest(self) -> tuple[str, ...]:
        """The loops over sums, the outermost first."""
        return (*self.groups, *self.windows, *self.filters)


def with_long_windows(program: LoopProgram, *, has_groups: bool) -> tuple[LoopProgram, LongWindows]:
    """Return a program whose loops over sums are around those over samples and places, and its
    loops; filters are in groups if there are several of them and it has groups."""
    program, loops = loops_with_values_inside(program, long_loops_of)
    assert isinstance(loops, ConvolutionLoops)
    windows, filters = names_of_loops(loops.windows), names_of_loops(loops.filters)
    program = with_loops_in_order(program, [*windows, *filters])
    program, sample, places = with_terms(program, loops)
    innermost = program.loop(places[-1])
    is_there = is_in_memory(program, loops, places[-1]) and not tests_of_holes(innermost)
    if is_there and isinstance(innermost.body[0], If):
        program = pad(program, places[-1])
    groups: list[str] = []
    if has_groups:
        program, groups, filters = _with_groups(program, windows, filters)
    found = LongWindows(
        sample, tuple(places), tuple(groups), tuple(windows), tuple(filters), is_there
    )
    return program, found


def with_sums_of_sample(program: LoopProgram, found: LongWindows) -> LoopProgram:
    """Return a program that adds what a sample gives by calls, one for each group of filters.

    Args:
        found: its loops; those over sums are inside of that over samples, by any names.
    """
    inside = loops_in(program.loop(found.sample).body)
    nest = names_of_loops(inside)[: len(found.nest)]
    of_call = nest[len(found.groups) :]
    for place in found.places:
        for loop in reversed(of_call):
            program = reorder(program, loop, place)
    windows, innermost = of_call[: len(found.windows)], nest[-1]
    program = with_image_of_sample(
        program, found.sample, windows, found.places, innermost, is_read=found.is_there
    )
    program = with_transposed_image(program, dtype_of_sums(program))
    filters = innermost if found.filters else None
    program, width = _with_matrix(program, found.sample, found.places, innermost, filters)
    return _with_sums(program, found.places, innermost, width if filters else None)


def is_in_memory(program: LoopProgram, loops: ConvolutionLoops, innermost: str) -> bool:
    """Return True if an image is read as it is, another element for each window and place: none by
    a quotient, as of an image that is repeated."""
    image, _ = factors_of(program, innermost)
    if not isinstance(image, Load) or not is_read(program, loops.windows, program.loop(innermost)):
        return False
    used = frozenset().union(*(coord.variables for coord in image.coords))
    _, places = samples_and_places(loops)
    if any(_is_picked(image, one, loops) for one in places) or _is_cut_off(image, loops):
        return False
    stepped = (any(x.factor(one.variable) != 0 for x in image.coords) for one in places)
    return all(stepped) and all(one.variable in used for one in loops.windows)


def _is_cut_off(image: Load, loops: ConvolutionLoops) -> bool:
    """Return True if there are elements in memory in the place of zeros around an image."""
    inside = loops.terms[-1].body[0]
    conditions = inside.conditions if isinstance(inside, If) else ()
    ends = [as_index(size) - 1 for size in image.buffer.shape]
    borders = {*image.coords, *(end - x for x, end in zip(image.coords, ends, strict=True))}
    return any(one.index not in borders for one in conditions if not one.equal)


def _is_picked(image: Load, place: For, loops: ConvolutionLoops) -> bool:
    """Return True if some elements of an image along an axis are read, and none between them."""
    of_windows = {one.variable for one in loops.windows}
    coords = (x for x in image.coords if place.variable in x.variables)
    return any(x.factor(place.variable) != 1 and not x.variables & of_windows for x in coords)


def with_terms(program: LoopProgram, loops: ConvolutionLoops) -> tuple[LoopProgram, str, list[str]]:
    """Return a program that has a loop over samples, in it at least one over the places of a
    window, and these: a loop of one turn for what there is one of."""
    samples, places = map(names_of_loops, samples_and_places(loops))
    around = program.loops_to(loops.terms[0].variable.name)[-2]
    if not samples:
        number = next(k for k, one in enumerate(around.body) if isinstance(one, For))
        program = enclose(program, number, number + 1, "sample", around.variable.name)
        samples = [only_loop(program.loop(around.variable.name).body).variable.name]
    if not places:
        inner = samples[0]
        program = enclose(program, 0, len(program.loop(inner).body), "place", inner)
        places = [only_loop(program.loop(inner).body).variable.name]
    return program, samples[0], places


def _with_groups(
    program: LoopProgram, windows: Sequence[str], filters: Sequence[str]
) -> tuple[LoopProgram, list[str], list[str]]:
    """Return a program whose outermost loop is one over groups of filters, if there are several;
    that loop, and the one over the filters of a group."""
    count = turns_of([program.loop(one) for one in filters])
    assert isinstance(count, int)
    group = group_of(count, dtype_of_sums(program))
    if group == count:
        return program, [], list(filters)
    (name,) = filters
    program = split(program, name, group, Tail.NONE)
    groups, inner = f"{name}_outer", f"{name}_inner"
    return with_loops_in_order(program, [groups, *windows, inner]), [groups], [inner]


def group_of(filters: int, dtype: str) -> int:
    """Return how many filters a call multiplies: of the numbers that divide them and leave least of
    whole vectors empty the one from which on lines of the matrix stay in the first cache."""
    whole, least = whole_columns(dtype), call_columns(dtype)
    groups = [one for one in range(1, filters + 1) if filters % one == 0]
    empty = {one: (-one % whole) * (filters // one) for one in groups}
    fullest = [one for one in groups if empty[one] == min(empty.values())]
    return next((one for one in fullest if one >= least), fullest[-1])


def with_parts(program: LoopProgram, nest: Sequence[str], sample: str) -> LoopProgram:
    """Return a program that adds samples up in parts, whose sums all threads reach.

    Args:
        nest: the loops over sums.
        sample: the loop over samples.
    """
    total = total_of(program, sample).name
    shared = BufferScope.SHARED
    for loop in reversed(nest):
        program = expand(program, loop, total, shared)
    program = terms_outermost(program, nest, sample, nests=3)
    program = partial_sums(program, sample, chunks=PARTS, tree=Tree.IN_ORDER, scope=shared)
    combine = loop_beside(program, f"{sample}_outer", 1)
    behind = loop_beside(program, combine.variable.name, 1)
    outermost = combine.body[0]
    if len(nest) == 1 or not isinstance(outermost, For):
        return program
    first = outermost.variable.name
    program = reorder(program, combine.variable.name, first)
    return bind(join(program, first, behind.variable.name), first, LoopKind.TEAM)


def with_image_of_sample(
    program: LoopProgram,
    sample: str,
    windows: Sequence[str],
    places: Sequence[str],
    innermost: str,
    *,
    is_read: bool,
) -> LoopProgram:
    """Return a program that copies a sample with the zeros around it, or computes it once."""
    if not is_read:
        program = with_computed_image(program, windows, places, sample, innermost)
    image, _ = factors_of(program, innermost)
    if isinstance(image, Load) and image.buffer.scope is BufferScope.THREAD:
        return program
    if not isinstance(image, Local):
        program, image = name_element(program, innermost, image)
    return with_image(program, innermost, image, sample, windows)


def with_transposed_image(program: LoopProgram, dtype: str) -> LoopProgram:
    """Return a program that copies an image by transposition, where neighbours of the copy, the
    channels of one tap or of places that are picked, are not neighbours in memory."""
    names = [one.variable.name for one in loops_in(program.body)]
    return _transposed(program, dtype, [one for one in names if one.startswith("image_axis")])


def _with_matrix(
    program: LoopProgram,
    sample: str,
    places: Sequence[str],
    innermost: str,
    filters: str | None,
) -> tuple[LoopProgram, int]:
    """Return a program that copies what is multiplied by windows as a matrix that has a row for
    each place and a column for each filter, and how many columns its rows have room for.

    Args:
        sample, places: the loops over samples and over the places of a window.
        innermost: the innermost loop.
        filters: that over filters; None for one filter.
    """
    names = [*places, filters] if filters else list(places)
    around = [one.variable.name for one in program.loops_to(innermost)]
    inside = around[around.index(sample) + 1 :]
    _, factor = factors_of(program, innermost)
    axes = _axes_of(program, factor, names)
    if axes is None:
        loops_of_planes = [*inside[: inside.index(places[0])], *names[len(places) :], *places]
        program, sample = _with_planes(program, sample, innermost, factor, loops_of_planes)
        _, factor = factors_of(program, innermost)
        axes = _axes_of(program, factor, names)
    assert isinstance(factor, Load)
    assert axes is not None
    ahead = [axis for axis in range(len(factor.coords)) if axis not in axes]
    columns = turns_of([program.loop(filters)]) if filters else 1
    assert isinstance(columns, int)
    width = columns + -columns % whole_columns(factor.dtype)
    tiles: dict[int, int] = {}
    if filters and factor.buffer.shape[axes[-1]] != columns:
        tiles = {axes[-1]: columns}
        ahead.append(axes[-1])
    layout = BufferLayout((*ahead, *axes), tiles, padding=width - columns)
    thread = BufferScope.THREAD
    program = stage(program, sample, factor.buffer.name, thread, layout, "matrix")
    loops = [f"matrix_axis{axis}{'_inner' if axis in tiles else ''}" for axis in axes]
    return (_transposed(program, factor.dtype, loops) if filters else program), width


def _with_planes(
    program: LoopProgram, sample: str, innermost: str, factor: Value, loops: Sequence[str]
) -> tuple[LoopProgram, str]:
    """Return a program that computes a factor ahead of what a sample gives, and a loop of one turn
    around the latter.

    Args:
        sample, innermost: the loop over samples, and the innermost loop.
        factor: what is computed.
        loops: those that it depends on, in the order in which it is computed.
    """
    if not isinstance(factor, Local):
        program, factor = name_element(program, innermost, factor)
    coords = [index_of(program.loop(one).variable) for one in loops]
    program = stage_factor(program, sample, factor.name, coords, "planes")
    program = propagate(program, factor.name)
    body = program.loop(sample).body
    program = enclose(program, len(body) - 1, len(body), "once", sample)
    *_, made = program.loop(sample).body
    assert isinstance(made, For)
    return program, made.variable.name


def _axes_of(program: LoopProgram, factor: Value, loops: Sequence[str]) -> list[int] | None:
    """Return the axis of a factor's buffer along which it moves in the turns of each loop; None if
    it is not in memory as an array of these axes."""
    if not isinstance(factor, Load):
        return None
    found = []
    for one in loops:
        variable = program.loop(one).variable
        moved = [axis for axis, coord in enumerate(factor.coords) if variable in coord.variables]
        if program.loop(one).ends[0] is as_index(1) and not moved:
            continue  # the only place of a window
        if len(moved) != 1 or moved[0] in found or factor.coords[moved[0]].factor(variable) != 1:
            return None
        found += moved
    return found


def _transposed(program: LoopProgram, dtype: str, loops: Sequence[str]) -> LoopProgram:
    """Return a program that writes a matrix by transposition, if it can: that of each part of a
    concatenation along its columns.

    Args:
        loops: those that fill it, over places and columns.
    """
    there = {one.variable.name for one in loops_in(program.body)}
    present = [one for one in loops if one in there]
    if len(present) < 2:
        return program  # one place, or one column
    *places, columns = present
    note = program.loop(present[0]).note
    try:
        swapped, place = with_fused_loops(program, places)
        swapped, parts = cut_at_parts(reorder(swapped, place, columns), columns)
        swapped = join_axes(swapped)
        for part in parts:
            place = only_loop(swapped.loop(part).body).variable.name
            swapped = with_axes_of_loops(swapped, place)
            swapped = use(swapped, transposition(dtype, BufferScope.THREAD), part, note)
        return swapped
    except RewriteError:  # its columns are neighbours in memory
        return program


def _with_sums(
    program: LoopProgram, places: Sequence[str], innermost: str, width: int | None
) -> LoopProgram:
    """Return a program that adds what a sample gives by calls.

    Args:
        places: the loops over the places of a window.
        innermost: the innermost loop.
        width: columns that a row of the matrix has room for; None for one filter.
    """
    program = with_axes_of_loops(program, innermost)
    inner = places[-2:]
    length, count = _chunk_of(program, inner)
    scope = total_of(program, inner[0]).scope
    program = partial_sums(
        program, inner[0], length=length, tree=Tree.AT_ONCE, scope=BufferScope.THREAD
    )
    chunk = f"{inner[0]}_outer"
    program = contract(program, innermost)
    (total,) = (one.buffer for one in walk(program.loop(chunk).body) if isinstance(one, Allocate))
    windows = total.shape if width is None else total.shape[:-1]
    height = height_of_tiles(product(windows))
    chunks = (length, count)
    called = window_sums(
        total.dtype, total.shape, len(inner), chunks, width, height=height, scope_of_sums=scope
    )
    return use(program, called, chunk)


def _chunk_of(program: LoopProgram, places: Sequence[str]) -> tuple[int, int | None]:
    """Return how many turns of the first of the loops over places are added up before they are
    added to the sums, so that all chunks are about `DEPTH` places, and how many there are; None if
    only a call knows."""
    first, *others = (program.loop(one).ends[0].constant for one in places)
    inner = product(tuple(others))
    if isinstance(first, Dim) or isinstance(inner, Dim):
        return 1, None
    chunks = -(-first // max(1, DEPTH // inner))
    return -(-first // chunks), first


PARTS_OF_SAMPLES = Mapping(
    "parts of samples",
    _has_long_windows,
    _by_parts,
    "there are few windows, and what a sample gives to all of them stays in the cache",
)
