"""The loops and operands of convolutions on a CPU: one loop over samples around one over filters,
weights as a row for each filter, and images without tests of their borders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from graphc.compiler.graph.dim import Dim, Size, typical
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of, with_dividends
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    loads_of,
    loops_in,
    turns_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.rewrites.arithmetic.commute import commute
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.rewrites.conditions.unswitch import unswitch
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.loops.enclose import enclose
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_factor import stage_factor
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.rewrites.values.single_assignment import with_single_assignments
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Apply, Condition, Load, Local, Select, Value
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    convolution_loops_of,
    with_loops_in_order,
    with_values_inside,
)
from graphc.compiler.targets.product_loops import DRAWS, draws_words, kept_loops
from graphc.errors import RewriteError

HEIGHTS = (12, 10, 8)
"""Rows that are added up together; ``gc_height`` of ``kernels/host_gemm.h`` halves them."""


def height_of_tiles(rows: Size) -> int:
    """Return the rows of a tile that leave least of the last one empty, the most of equal ones."""
    if isinstance(rows, Dim):
        return HEIGHTS[0]
    return min(HEIGHTS, key=lambda height: -(-rows // height) * height)


def loops_of(program: LoopProgram) -> ConvolutionLoops | str:
    """Return the loops of a convolution, or why its windows are few."""
    loops = long_loops_of(program)
    if isinstance(loops, str):
        return loops
    if not loops.windows:
        return "it has one window of one sample"
    if kept_loops(program)[-1] in loops.filters:
        return "its filters are neighbours, not its windows"
    if draws_words(loops.terms[-1].body):
        return DRAWS
    mixed = variables_of_reach(loops)
    taps, windows = (
        turns_of([one for one in x if one.variable in mixed]) for x in (loops.terms, loops.windows)
    )
    if typical(taps) > typical(windows):
        return f"its {taps} taps are more than its {windows} windows"
    return loops


def long_loops_of(program: LoopProgram) -> ConvolutionLoops | str:
    """Return the loops of a convolution, whose windows may be few, or why it has none."""
    loops = convolution_loops_of(program, may_be_missing=True, may_have_holes=True)
    if isinstance(loops, str):
        return loops
    if any(one.ends[0] is as_index(0) for one in loops_in(program.body)):
        return "it has no terms, or no results"
    left, right = (_memories_of(one) for one in factors_of(program, loops.terms[-1].variable.name))
    if not left.isdisjoint(right):
        return "its image and its weights are in one array"
    return loops


def _memories_of(value: Value) -> set[str]:
    return {one.buffer.memory for one in walk_value(value) if isinstance(one, Load)}


def variables_of_reach(loops: ConvolutionLoops) -> frozenset[LoopVariable]:
    """Return the variables that make up coordinates of an image together: those of windows along
    axes that have taps, and of these."""
    of_terms = {one.variable for one in loops.terms}
    of_windows = {one.variable for one in loops.windows}
    coords = [
        coord.variables
        for one in loops.terms[-1].body
        for inner in walk((one,))
        for load in loads_of(inner)
        for coord in load.coords
    ]
    reach = (x for x in coords if x & of_terms and x & of_windows)
    return frozenset().union(*reach)


def loops_with_values_inside(
    program: LoopProgram,
    found: Callable[[LoopProgram], ConvolutionLoops | str] = loops_of,
) -> tuple[LoopProgram, ConvolutionLoops | str]:
    """Return a program that computes values of whole samples, filters, windows and channels where
    they are used, and its loops, or why its windows are few: one whose factors that are computed by
    several statements are values, if they can be.

    Args:
        program: the program.
        found: what returns the loops, or why there are none.
    """
    inside, loops = _inside(program, found)
    if isinstance(loops, str):
        assigned, others = _inside(with_single_assignments(program), found)
        if not isinstance(others, str):
            return assigned, others
    return inside, loops


def _inside(
    program: LoopProgram, found: Callable[[LoopProgram], ConvolutionLoops | str]
) -> tuple[LoopProgram, ConvolutionLoops | str]:
    try:
        program = with_values_inside(program)
    except RewriteError as error:
        return program, error.reason
    return program, found(program)


def factors_of(program: LoopProgram, terms: str) -> tuple[Value, Value]:
    """Return what is multiplied in a loop over terms: an element of an image and a weight, or,
    where these have changed places, the other way round."""
    (one,) = (x for x in walk(program.loop(terms).body) if isinstance(x, Accumulate))
    value = one.values[0]
    assert isinstance(value, Apply)
    left, right = value.operands
    return left, right


def total_of(program: LoopProgram, loop: str) -> Buffer:
    """Return what is added to in a loop's body: the sum of a result, or all sums."""
    (total,) = {
        target.buffer
        for one in walk(program.loop(loop).body)
        if isinstance(one, Accumulate)
        for target in one.targets
    }
    return total


def scope_of_weights(loop: For) -> BufferScope:
    """Return the memory that weights lie in: the first factors of what a loop's body stores."""
    (store,) = (one for one in walk(loop.body) if isinstance(one, Store))
    assert isinstance(store.value, Apply)
    weights = store.value.operands[0]
    assert isinstance(weights, Load)
    return weights.buffer.scope


def are_neighbours(element: Load, loops: Sequence[For], step: Size | None = None) -> bool:
    """Return True if an element is the next one, or so many further, in each next turn of loops
    that are inside of each other; None for any number."""
    place = element.buffer.place(element.coords)
    for loop in reversed(loops):
        factor = place.factor(loop.variable)
        if step is None:
            step = factor
        if factor != step or any(
            loop.variable in atom.variables for atom, _ in place.terms if atom is not loop.variable
        ):
            return False
        step = step * loop.ends[0].constant
    return True


@dataclass(frozen=True)
class WindowClass:
    """The loops of a class of windows, by the names of their variables.

    Attributes:
        filters: over filters.
        windows: over windows, without that over samples.
        terms: over channels and taps.
    """

    filters: str
    windows: list[str]
    terms: list[str]


def with_operands(program: LoopProgram, one: WindowClass, sample: str) -> tuple[LoopProgram, Local]:
    """Return a program that adds, for each term of a class, a weight, of a row for each filter,
    times an element of the image, and the name of this element."""
    last = one.terms[-1]
    if isinstance(program.loop(last).body[0], If):
        program = pad(program, last)
    program = commute(program, last)
    program = _with_weights_in_rows(program, one.terms)
    _, image = factors_of(program, last)
    return (program, image) if isinstance(image, Local) else name_element(program, last, image)


def with_all_loops(
    program: LoopProgram, loops: ConvolutionLoops
) -> tuple[LoopProgram, str, str, list[str]]:
    """Return a program that has a loop over filters, inside of one over samples, and these and the
    loops over windows: the outermost of these stands for samples where there are several, and a
    loop of one turn for what there is one of. So do rows of a single sample's windows, unless its
    image has holes: elements of several rows are in one class then."""
    windows = [one.variable.name for one in loops.windows]
    filters = [one.variable.name for one in loops.filters]
    first_window, holes = loops.windows[0].variable, tests_of_holes(loops.terms[-1])
    if len(windows) == 1 or any(first_window in one.index.variables for one in holes):
        first = next(k for k, one in enumerate(program.body) if isinstance(one, For))
        program = enclose(program, first, len(program.body), "sample")
        windows.insert(0, only_loop(program.body).variable.name)
    sample, *windows = windows
    if not filters:
        count = len(program.loop(sample).body)
        program = enclose(program, 0, count, "filter", sample)
        filters = [only_loop(program.loop(sample).body).variable.name]
        program = _with_filter_of_weights(program, filters[0], loops)
    (of_filters,) = filters
    program = with_loops_in_order(program, [sample, of_filters, *windows])
    return program, of_filters, sample, windows


def _with_filter_of_weights(
    program: LoopProgram, filters: str, loops: ConvolutionLoops
) -> LoopProgram:
    """Return a program whose weights have the variable of a loop over one filter as the coordinate
    of an axis of one element, by which they are a row for each filter as others are."""
    terms = loops.terms[-1].variable.name
    windows = {one.variable for one in loops.windows}
    named: dict[Value, Load] = {}
    for one in factors_of(program, terms):
        if not isinstance(one, Load) or any(windows & coord.variables for coord in one.coords):
            continue
        places = zip(one.buffer.shape, one.coords, strict=True)
        axes = [k for k, (size, coord) in enumerate(places) if size == 1 and coord is as_index(0)]
        if axes:
            coords = list(one.coords)
            coords[axes[0]] = index_of(program.loop(filters).variable)
            named[one] = replace(one, coords=tuple(coords))
    body = Parts(value=lambda one: named.get(one, one)).in_body(program.loop(terms).body)
    return program.with_loop(terms, lambda one: (replace(one, body=body),))


def tests_of_holes(innermost: For) -> tuple[Condition, ...]:
    """Return the tests by which there is nothing between some elements of an image, as in a
    gradient of what strides leave out, in the innermost loop over terms."""
    inside = innermost.body[0]
    conditions = inside.conditions if isinstance(inside, If) else ()
    return tuple(one for one in conditions if one.equal)


def only_loop(body: Body) -> For:
    """Return the loop of statements that have one."""
    (only,) = (one for one in body if isinstance(one, For))
    return only


def _with_weights_in_rows(program: LoopProgram, terms: Sequence[str]) -> LoopProgram:
    """Return a program whose weights are in memory as a row for each filter, where they are or
    written ahead for all threads."""
    weights, _ = factors_of(program, terms[-1])
    loops = [program.loop(one) for one in terms]
    if isinstance(weights, Load) and are_neighbours(weights, loops, 1):
        return program
    if not isinstance(weights, Local):
        program, weights = name_element(program, terms[-1], weights)
    sample = program.loops_to(terms[-1])[0].variable
    program = stage_value(program, None, weights.name, BufferScope.SHARED, name="weights")
    outermost = next(one for one in program.body if isinstance(one, For))
    if outermost.variable is not sample:
        program = bind(program, outermost.variable.name, LoopKind.TEAM)
    return propagate(program, weights.name)


def is_read(program: LoopProgram, windows: Sequence[For], terms: For) -> bool:
    """Return True if an image is read from memory as it is: the next window is of other elements
    by a number, not by a quotient, as of an image that is repeated, nor of the same ones, where a
    test tells which are there."""
    image, _ = factors_of(program, terms.variable.name)
    if not isinstance(image, Load):
        return False
    inside = terms.body[0]
    tests = inside.conditions if isinstance(inside, If) else ()
    used = [coord.variables for coord in (*image.coords, *(one.index for one in tests))]
    return all(
        any(coord.factor(one.variable) != 0 for coord in image.coords)
        for one in windows
        if any(one.variable in variables for variables in used)
    )


def with_computed_image(
    program: LoopProgram, windows: Sequence[str], terms: Sequence[str], sample: str, innermost: str
) -> LoopProgram:
    """Return a program that computes each element of a sample's image once.

    Args:
        program: the program.
        windows, terms: the loops over windows and terms.
        sample: that over samples, around these.
        innermost: the innermost loop.
    """
    program, image = with_named_image(program, innermost)
    places = indices_in(program.loop(innermost).body)
    inner = {program.loop(one).variable for one in (*windows, *terms)}
    coords: list[Index] = []
    for name in windows:
        own = program.loop(name).variable
        forms = [one.with_terms(lambda atom, _: atom in inner) for one in places]
        of_window = [one - one.constant for one in forms if one.factor(own) == 1]
        coords.append(max(of_window, key=lambda one: len(one.terms), default=index_of(own)))
    covered = frozenset().union(*(one.variables for one in coords))
    channels = [program.loop(one).variable for one in terms]
    ahead = [index_of(one) for one in channels if one not in covered]
    return stage_factor(program, sample, image.name, [*ahead, *coords], "image")


def with_named_image(program: LoopProgram, innermost: str) -> tuple[LoopProgram, Local]:
    """Return a program that names an element of the image, and 0 where there is none."""
    image, _ = factors_of(program, innermost)
    if not isinstance(image, Local) and isinstance(program.loop(innermost).body[0], If):
        program = pad(program, innermost)
        image, _ = factors_of(program, innermost)
    return (program, image) if isinstance(image, Local) else name_element(program, innermost, image)


def indices_in(body: Body) -> list[Index]:
    """Return the indices of statements, and those that they are quotients and remainders of."""
    found: list[Index] = []

    def note(index: Index) -> Index:
        found.extend(with_dividends(index))
        return index

    Parts(index=note).in_body(body)
    return found


def with_image(
    program: LoopProgram, terms: str, image: Local, sample: str, windows: Sequence[str]
) -> LoopProgram:
    """Return a program that copies a sample with the zeros around it, in the order of the loops
    over windows, and reads that."""
    (let,) = (x for x in program.loop(terms).body if isinstance(x, Let) and x.local == image)
    value = let.value.value if isinstance(let.value, Select) else let.value
    if isinstance(value, Load) and value.buffer.scope is BufferScope.THREAD:
        return propagate(program, image.name)
    if not isinstance(value, Load):
        raise refused(program, "stage", f"the value {image}", "an element", str(value))
    variables = [program.loop(one).variable for one in windows]

    def order(axis: int) -> int:
        used = value.coords[axis].variables
        return max((number for number, one in enumerate(variables) if one in used), default=-1)

    layout = BufferLayout(tuple(sorted(range(len(value.coords)), key=order)))
    source = value.buffer.name
    program = stage(program, sample, source, BufferScope.THREAD, layout, "image")
    return propagate(program, image.name)


def with_cut_borders(program: LoopProgram, buffer: str) -> LoopProgram:
    """Return a program that fills a buffer by innermost loops without tests: one of a row of a
    band, which the image may have or not, is made once, ahead of the row."""
    while (found := _border_of(program, buffer)) is not None:
        program = cut(program, *found)
    for loop in loops_in(program.body):
        tests = _tests_of(loop.body[0], buffer) if len(loop.body) == 1 else ()
        if tests and not any(loop.variable in test.index.variables for test in tests):
            program = unswitch(program, loop.variable.name)
    return program


def _tests_of(one: Statement, buffer: str) -> tuple[Condition, ...]:
    """Return the tests that decide what an element of a buffer is."""
    if isinstance(one, If):
        stores = [x for x in one.body if isinstance(x, Store) and x.target.buffer.name == buffer]
        return one.conditions if stores else ()
    if not isinstance(one, Store) or one.target.buffer.name != buffer:
        return ()
    return one.value.conditions if isinstance(one.value, Select) else ()


def _border_of(program: LoopProgram, buffer: str) -> tuple[str, Size] | None:
    """Return a loop whose turns fill a buffer with an element under a test of the loop's variable,
    and the first turn of others behind some in which the test decides the other way."""
    for loop in loops_in(program.body):
        if any(isinstance(one, Allocate) and one.buffer.name == buffer for one in walk(loop.body)):
            continue  # it is around all that fills the buffer
        for one in walk(loop.body):
            for test in _tests_of(one, buffer):
                if test.equal or test.index.variables != {loop.variable}:
                    continue
                factor, constant = test.index.factor(loop.variable), test.index.constant
                if factor == 1:
                    return loop.variable.name, -constant
                if factor == -1:
                    return loop.variable.name, constant + 1
    return None
