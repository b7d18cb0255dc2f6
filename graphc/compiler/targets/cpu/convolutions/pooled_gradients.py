"""Mapping of the gradient of a convolution's weights where that of its results is what a pooling of
separate windows hands back: one element of each window is not zero, at a place that is in memory.

    for k0_outer < 8 (team):
      ...                                           zeros
      for k0_inner < min((batch + 7) // 8, batch - (batch + 7) // 8*k0_outer):
        allocate image: float32[20016] in thread
        ...                                         copy a sample, channels innermost
        allocate places: int32[32, 12, 12] in thread
        ...
        allocate scales: float32[32, 12, 12] in thread
        ...
        gc_placed_sums<32, ...>(s0_parts[...], places[...], scales[...], image[0:])
    ...                                             add the parts

A sum over windows has all there is to add: for each filter and window the image that the
convolution read for the element at the window's place, scaled by the window's gradient. What a row
of taps reads lies side by side. An image that is infinite or NaN where every gradient is zero does
not make the sum NaN here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.graph.dim import Dim
from graphc.compiler.loops.buffer import Buffer, BufferScope, c_strides
from graphc.compiler.loops.index import Index, LoopVariable, as_index, coordinates, variable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loops_in,
    turns_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.lengthen import lengthen
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.hoist import hoist
from graphc.compiler.loops.rewrites.loops.pick_terms import pick_terms
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    If,
    Intrinsic,
    LoopKind,
    Store,
)
from graphc.compiler.loops.value import Apply, Constant, IndexValue, Load
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    dtype_of_sums,
    names_of_loops,
    with_loops_in_order,
)
from graphc.compiler.targets.cpu.convolutions.operands import (
    long_loops_of,
    loops_with_values_inside,
    variables_of_reach,
    with_cut_borders,
)
from graphc.compiler.targets.cpu.convolutions.weight_gradients import (
    is_in_memory,
    with_image_of_sample,
    with_parts,
    with_terms,
    with_transposed_image,
)
from graphc.compiler.targets.cpu.products.panels import nest_of, whole_columns
from graphc.compiler.targets.cpu.products.pieces import with_vectors
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target

MOST_PLACES = 1024
"""Elements of a window, at most: a call has an array of where they are."""

_AXES = 3
"""Axes of a pooling, and of what is added up, with the neighbours of a run as one."""


# ---- where it applies ---------------------------------------------------------------------------


def _has_places(program: LoopProgram, target: Target) -> Applicability:
    values = (
        x for one in walk(program.body) for value in values_of(one) for x in walk_value(value)
    )
    if not any(isinstance(one, Apply) and _is_test_of_place(one) for one in values):
        return never("no place says which of its terms are not zero")
    program, loops = loops_with_values_inside(program, long_loops_of)
    if isinstance(loops, str):
        return never(loops)
    if not loops.windows:
        return never("each filter has one weight: no call adds up what lies side by side")
    if len(loops.filters) != 1:
        return never(f"its filters have {len(loops.filters)} axes")
    if isinstance(turns_of((*loops.windows, *loops.filters)), Dim):
        return never("only a call knows how many sums there are")
    return ALWAYS


def _is_test_of_place(one: Apply) -> bool:
    return one.op == "equal" and isinstance(one.operands[1], IndexValue)


# ---- the rewrites -------------------------------------------------------------------------------


def _by_places(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples into parts, which threads divide; add what windows of one give by a call."""
    program, loops = loops_with_values_inside(program, long_loops_of)
    assert isinstance(loops, ConvolutionLoops)
    reach = variables_of_reach(loops)
    taps = [one.variable.name for one in loops.windows if one.variable in reach]
    channels = [one.variable.name for one in loops.windows if one.variable not in reach]
    filters = names_of_loops(loops.filters)
    nest = [*filters, *taps, *channels]
    program = with_loops_in_order(program, nest)
    program, sample, places = with_terms(program, loops)
    is_read = is_in_memory(program, loops, places[-1])
    if is_read and isinstance(program.loop(places[-1]).body[0], If):
        program = pad(program, places[-1])
    program = with_parts(program, nest, sample)
    part, sample = f"{sample}_outer", f"{sample}_inner"
    of_filters, *sums = names_of_loops(loops_in(program.loop(sample).body))[: len(nest)]
    program = with_image_of_sample(program, sample, sums, places, places[-1], is_read=is_read)
    program, place, factor, elements = pick_terms(program, places)
    windows = names_of_loops(loops_in(program.loop(sample).body))[-len(places) :]
    program, checked = _with_staged_places(program, sample, windows, place, factor)
    for window in windows:
        for loop in reversed(sums):
            program = reorder(program, loop, window)
    for _ in sums:
        program = hoist(program, checked)
    program = _with_neighbours_behind(program)
    counts = [_turns(program, one) for one in windows]
    thread, at_once = BufferScope.THREAD, Tree.AT_ONCE
    program = partial_sums(program, windows[0], length=counts[0], tree=at_once, scope=thread)
    windows[0] = f"{windows[0]}_inner"
    program = contract(program, sums[-1])
    program = use(
        program, _placed_sums(program, [of_filters, *sums], windows, counts, elements), of_filters
    )
    program = with_transposed_image(program, dtype_of_sums(program))
    program = with_cut_borders(bind(program, part, LoopKind.TEAM), "image")
    return with_vectors(simplify(program))


def _turns(program: LoopProgram, loop: str) -> int:
    number = program.loop(loop).ends[0].constant
    assert isinstance(number, int)
    return number


def _with_staged_places(
    program: LoopProgram, sample: str, windows: Sequence[str], place: str, factor: str
) -> tuple[LoopProgram, str]:
    """Return a program that computes the places of a sample and their factors ahead, and the
    variable that a place has."""
    for value, name in ((factor, "scales"), (place, "places")):
        program = stage_value(program, sample, value, BufferScope.THREAD, name=name)
        program = propagate(program, value)
    (check,) = (one for one in walk(program.loop(windows[-1]).body) if isinstance(one, Check))
    return program, check.variable.name


def _with_neighbours_behind(program: LoopProgram) -> LoopProgram:
    """Return a program whose image may be read in whole vectors from each of its elements on."""
    allocates = (one for one in walk(program.body) if isinstance(one, Allocate))
    image = next(one.buffer for one in allocates if one.buffer.name == "image")
    return lengthen(program, "image", image.elements + whole_columns(image.dtype))


def _placed_sums(
    program: LoopProgram,
    sums: Sequence[str],
    windows: Sequence[str],
    counts: Sequence[int],
    elements: Sequence[tuple[int, int]],
) -> Intrinsic:
    """Return the intrinsic that adds what the windows of a sample give.

    Args:
        program: the program.
        sums: the loops over filters, taps and channels.
        windows: those over windows.
        counts: how many there are along each of these.
        elements: of a window along each, and how many there are from it to the next one.
    """
    (store,) = (one for one in program.loop(sums[-1]).body if isinstance(one, Store))
    assert isinstance(store.value, Apply)
    image = store.value.operands[0]
    assert isinstance(image, Load)
    (place,) = image.coords
    steps = [place.factor(program.loop(one).variable) for one in windows]
    strides = [place.factor(program.loop(one).variable) for one in sums[1:]]
    numbers = [one for one in (*steps, *strides) if isinstance(one, int)]
    whole = image.buffer.elements
    if len(numbers) < len(steps) + len(strides) or not isinstance(whole, int):
        expected = "steps in the image that are known"
        raise refused(program, "placed_sums", f"the element {image}", expected, str(place))
    sizes = tuple(size for size, _ in elements)
    of_windows = _Windows(
        tuple(counts),
        sizes,
        tuple(step // turns for step, (_, turns) in zip(numbers, elements, strict=False)),
        tuple(numbers[: len(steps)]),
    )
    filters, *of_taps = (_turns(program, one) for one in sums)
    taps = tuple(zip(of_taps, numbers[len(steps) :], strict=True))
    _, rows = _run_of(taps)
    if max(len(sizes), len(rows) + 1) > _AXES or math.prod(sizes) > MOST_PLACES:
        expected = f"at most {_AXES} axes, and windows of {MOST_PLACES} elements"
        found = f"{len(sizes)} axes, {len(rows)} of taps, windows of {math.prod(sizes)}"
        raise refused(program, "placed_sums", f"the element {image}", expected, found)
    return placed_sums(image.dtype, whole, filters, of_windows, taps)


# ---- the intrinsic ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Windows:
    """The windows of a pooling, along each of its axes.

    Attributes:
        counts: how many there are.
        sizes: elements of one.
        steps: from an element to the next one in the image.
        window_steps: from a window to the next one.
    """

    counts: tuple[int, ...]
    sizes: tuple[int, ...]
    steps: tuple[int, ...]
    window_steps: tuple[int, ...]


def placed_sums(
    dtype: str,
    elements: int,
    filters: int,
    windows: _Windows,
    taps: Sequence[tuple[int, int]],
) -> Intrinsic:
    """Return what adds to sums[filter, tap], for each window of a pooling, the element of an image
    at the place of the window, times the window's scale (``kernels/host_placed_sums.h``).

    Args:
        dtype: of the sums.
        elements: of the image.
        filters: how many there are.
        windows: those of the pooling.
        taps: along each axis of a filter's sums how many there are, and how far they are apart in
            the image.
    """
    thread = BufferScope.THREAD
    shape = (filters, *(count for count, _ in taps))
    to = Buffer("to", dtype, shape, BufferScope.SHARED, c_strides(shape), 0, "to")
    shape = (filters, *(count for count in windows.counts if count != 1))
    places = Buffer("places", "int32", shape, thread, c_strides(shape), 0, "places")
    scales = Buffer("scales", dtype, shape, thread, c_strides(shape), 0, "scales")
    image = Buffer("image", dtype, (elements,), thread, (1,), 0, "image")
    total = Buffer("total", dtype, to.shape[1:], thread, c_strides(to.shape[1:]), 0, "total")
    filter_, place, chunk = variable("filter"), variable("place"), variable("chunk")
    turns = [variable(f"window{axis}") for axis in range(len(windows.counts))]
    numbers = [chunk * windows.counts[0] + turns[0], *turns[1:]]

    def each(label: str) -> tuple[tuple[Index, ...], list[tuple[Index, tuple[int]]]]:
        """Return the indices of a sum of a filter, and the loops over all."""
        indices = tuple(variable(f"{label}{axis}") for axis in range(len(taps)))
        return indices, [(one, (count,)) for one, (count, _) in zip(indices, taps, strict=True)]

    cleared, of_clear = each("cleared")
    inner, of_add = each("tap")
    stored, of_store = each("stored")
    element = as_index(0)
    of_place = iter(coordinates(place, tuple(size for size in windows.sizes if size != 1)))
    inside = [as_index(0) if size == 1 else next(of_place) for size in windows.sizes]
    for turn, step in zip(numbers, windows.window_steps, strict=True):
        element = element + turn * step
    for own, step in zip(inside, windows.steps, strict=True):
        element = element + own * step
    for tap, (_, stride) in zip(inner, taps, strict=True):
        element = element + tap * stride
    target = Load(total, inner)
    counted = zip(numbers, windows.counts, strict=True)
    at = (filter_, *(number for number, count in counted if count != 1))
    factors = Load(image, (element,)), Load(scales, at)
    added: Body = (Store(target, Apply("fma", (*factors, target), dtype, {})),)
    assert isinstance(place.atom, LoopVariable)
    known = Load(places, at)
    end = math.prod(windows.sizes)
    checked = Check(place.atom, known, end, 0, as_index(0), is_tested=False)
    of_windows = [(one, (count,)) for one, count in zip(turns, windows.counts, strict=True)]
    last = Accumulate("sum", (Load(to, (filter_, *stored)),), (Load(total, stored),))
    body: Body = (
        Allocate(total),
        *nest_of((Store(Load(total, cleared), Constant(0, dtype)),), *of_clear),
        *nest_of((checked, *nest_of(added, *of_add)), *of_windows),
        *nest_of((last,), *of_store),
    )
    body = nest_of(body, (filter_, (filters,)), (chunk, (1,)))
    run, rows = _run_of(taps)
    given = (
        filters,
        *_on_axes(windows.counts, _AXES, 1),
        *_on_axes(windows.sizes, _AXES, 1),
        *_on_axes(windows.steps, _AXES, 0),
        *_on_axes(windows.window_steps, _AXES, 0),
        *_on_axes(tuple(count for count, _ in rows), _AXES - 1, 1),
        run,
        *_on_axes(tuple(stride for _, stride in rows), _AXES - 1, 0),
    )
    parameters, source = (to, places, scales, image), "host_placed_sums.h"
    return Intrinsic("gc_placed_sums", parameters, body, source, constants=given)


def _run_of(taps: Sequence[tuple[int, int]]) -> tuple[int, Sequence[tuple[int, int]]]:
    """Return how many sums have neighbours in the image, and the axes around these."""
    run = 1
    for number in reversed(range(len(taps))):
        count, stride = taps[number]
        if stride != run:
            return run, taps[: number + 1]
        run *= count
    return run, ()


def _on_axes(numbers: tuple[int, ...], axes: int, other: int) -> tuple[int, ...]:
    """Return the numbers along so many axes, the first of which have another one."""
    return (other,) * (axes - len(numbers)) + numbers


PLACES_OF_POOLINGS = Mapping(
    "places of poolings",
    _has_places,
    _by_places,
    "one element of each window is not zero, so a sum over windows has all there is to add",
)
