"""Mappings of convolutions: threads have samples of their own, and filters are multiplied by panels
of neighbouring windows.

    for i0 < batch (team):
      allocate image: float32[1, 32, 36, 36] in thread
      ...                                       copy a sample with the zeros around it
      for i2 < 32:
        allocate s0: float32[32, 32] in thread
        ...
        for k0_outer < 8:
          allocate panel: float32[4, 5, 5, 32] in thread
          ...                                   copy the elements of windows at some taps
          gc_panel_product_add(s0[0:, 0:], x1[0:, 100*k0_outer:], panel[0:, 0:])
        for i1 < 32:
          for i3 < 32 (vector):
            ... what follows of a sum

The matrix of all windows ("im2col": Chellapilla, Puri and Simard, "High performance convolutional
neural networks for document processing", 2006) is never there: its panel for some channels stays
in the first cache, and is used by all filters. So do their sums of some windows. Where an image is
that matrix already, as with one tap, it is read where it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.program import (
    LoopProgram,
    loops_in,
    turns_of,
    variables_of,
    walk,
)
from graphc.compiler.loops.rewrites.arithmetic.commute import commute
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import Accumulate, For, If, Let
from graphc.compiler.loops.value import Load, Local, Select
from graphc.compiler.targets.convolution_classes import in_classes
from graphc.compiler.targets.convolution_loops import (
    ConvolutionLoops,
    in_products,
    with_fused_loops,
    with_values_inside,
)
from graphc.compiler.targets.cpu.convolutions.bands import (
    divided,
    with_blocks,
    with_divided_samples,
)
from graphc.compiler.targets.cpu.convolutions.image_rows import ROWS_OF_IMAGES
from graphc.compiler.targets.cpu.convolutions.operands import (
    WindowClass,
    are_neighbours,
    factors_of,
    is_read,
    loops_with_values_inside,
    scope_of_weights,
    tests_of_holes,
    total_of,
    with_all_loops,
    with_cut_borders,
    with_operands,
)
from graphc.compiler.targets.cpu.convolutions.weight_gradients import PARTS_OF_SAMPLES
from graphc.compiler.targets.cpu.products.panels import call_columns, panel_product_add
from graphc.compiler.targets.cpu.products.pieces import terms_outermost, with_vectors
from graphc.compiler.targets.cpu.products.rows_by_panels import BATCHED
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.product_loops import product_of
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

PANEL_TERMS = 128
"""Terms of a panel, unless one channel has more: beside the sums of some filters it stays in a
first cache of 32 KiB."""

_NO_MATRIX = "the image is no matrix of windows"


# ---- where it applies ---------------------------------------------------------------------------


def _has_windows(program: LoopProgram, target: Target) -> Applicability:
    loops = loops_with_values_inside(program)[1]
    return never(loops) if isinstance(loops, str) else ALWAYS


def _is_matrix(program: LoopProgram, target: Target) -> Applicability:
    program, loops = loops_with_values_inside(program)
    if isinstance(loops, str):
        return never(loops)
    if not loops.filters or len(loops.windows) == 1:
        return never("it has one filter, or one sample, or one window")
    if isinstance(loops.terms[-1].body[0], If):
        return never("windows reach beyond the image")
    image, _ = factors_of(program, loops.terms[-1].variable.name)
    if not isinstance(image, Load):
        return never("its image is computed")
    of_windows = are_neighbours(image, loops.windows[1:], 1)
    return ALWAYS if of_windows and are_neighbours(image, loops.terms) else never(_NO_MATRIX)


# ---- the rewrites -------------------------------------------------------------------------------


def _in_place(program: LoopProgram, target: Target) -> LoopProgram:
    """Multiply the matrices that samples are, as products do."""
    program = in_products(with_values_inside(program), by_samples=True)
    added = [one.variable.name for one in loops_in(program.body) if _adds(one)]
    if len(added) != 1:  # what is pooled by windows of one element, too
        raise refused(program, "products", "the program", "one sum", f"{len(added)} loops that add")
    return BATCHED.rewrites(_with_blocks_of_filters(commute(program, *added), target), target)


def _with_blocks_of_filters(program: LoopProgram, target: Target) -> LoopProgram:
    """Return a program of products whose rows, the filters, are divided into blocks where samples
    have some."""
    found = product_of(program)
    if isinstance(found, str) or len(found.batch) != 1:
        return program
    (sample,) = found.batch
    program, *_ = with_blocks(program, found.rows.variable.name, sample.variable.name, target)
    return program


def _adds(loop: For) -> bool:
    return any(isinstance(one, Accumulate) for one in loop.body)


def _by_panels(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide samples over threads, or bands of them; add, for a few windows at a time, what some
    channels give."""
    program, loops = loops_with_values_inside(program)
    assert isinstance(loops, ConvolutionLoops)
    program, filters, sample, windows = with_all_loops(program, loops)
    innermost = program.loop(loops.terms[-1].variable.name)
    has_holes = bool(tests_of_holes(innermost))
    if not has_holes and is_read(program, [program.loop(one) for one in windows], innermost):
        program, filters, sample, windows = with_divided_samples(
            program, filters, sample, windows, target
        )
    terms, first = [one.variable.name for one in loops.terms], 1 + len(windows)
    try:
        program, nests = in_classes(program, filters, len(windows), len(terms))
    except RewriteError:  # many classes, or unknown ones: holes are zeros
        nests = [[filters, *windows, *terms]]
    classes = [WindowClass(one[0], one[1:first], one[first:]) for one in nests if one[first:]]
    images = []
    for one in classes:
        program, image = with_operands(program, one, sample)
        images.append(image)
    program = with_padded_image(program, classes, sample)
    for one, image in zip(classes, images, strict=True):
        program = with_products_of_panels(program, one, image, has_filters=bool(loops.filters))
    return with_vectors(simplify(divided(program, sample)))


def with_products_of_panels(
    program: LoopProgram, one: WindowClass, image: Local, *, has_filters: bool
) -> LoopProgram:
    """Return a program that makes the sums of a class by panels, or, of one filter, by rows of
    windows where they are."""
    width = call_columns(image.dtype)
    program, columns, most_columns = _with_blocks(program, one.filters, one.windows, width)
    program, (chunk, *terms), most_terms = _with_chunks(program, one.terms)
    row = program.loop(columns[-1]).ends[0].constant
    program, around = _with_sums(program, one.filters, columns, chunk)
    moved = _terms_of(program, terms)
    if not has_filters or not moved:
        for term in terms:
            for loop in reversed(around):
                program = reorder(program, loop, term)
        return contract(program, chunk)
    program = _with_panel(program, chunk, around[-1], moved, image, row)
    program, term = with_fused_loops(program, terms)
    program = with_axes_of_loops(flatten(program), term)
    for loop in reversed(around):
        program = reorder(program, loop, term)
    program = contract(program, term)
    scope = scope_of_weights(program.loop(term))
    called = panel_product_add(image.dtype, scope, most_terms, most_columns)
    return use(program, called, term)


def with_padded_image(
    program: LoopProgram, classes: Sequence[WindowClass], sample: str
) -> LoopProgram:
    """Return a program that copies a sample with the zeros around it, unless no window reaches
    beyond it, or it is computed."""
    for one in classes:
        for statement in program.loop(one.terms[-1]).body:
            value = statement.value if isinstance(statement, Let) else None
            if isinstance(value, Select) and isinstance(value.value, Load):
                source = value.value.buffer.name
                program = stage(program, sample, source, BufferScope.THREAD, name="image")
                return with_cut_borders(program, "image")
    return program


def _with_blocks(
    program: LoopProgram, filters: str, windows: Sequence[str], width: int
) -> tuple[LoopProgram, list[str], int]:
    """Return a program whose innermost loops over windows have about as many turns as a panel has
    columns, and are all that is inside of that over filters; these loops, and those turns at most.
    """
    *rows, columns = windows
    count = program.loop(columns).ends[0].constant
    outside, inside, together = list(rows), [columns], 1
    if isinstance(count, Dim) or count > width:
        program = split(program, columns, width, Tail.SHORT)
        outside.append(f"{columns}_outer")
        inside, count = [f"{columns}_inner"], width
    elif rows and width // count > 1:
        row, together = outside.pop(), width // count
        inside = [row, columns]
        turns = program.loop(row).ends[0].constant
        if isinstance(turns, Dim) or turns > together:
            program = split(program, row, together, Tail.SHORT)
            outside.append(f"{row}_outer")
            inside = [f"{row}_inner", columns]
        else:
            together = turns
    for one in outside:
        program = reorder(program, filters, one)
    return program, inside, together * count


def _with_chunks(program: LoopProgram, terms: Sequence[str]) -> tuple[LoopProgram, list[str], int]:
    """Return a program whose loop over channels is one over as many as a panel has room for, and
    one inside; the loops over terms, and those of a panel at most.

    Raises:
        RewriteError: only a call knows how many terms there are.
    """
    first, *taps = terms
    count, each = program.loop(first).ends[0].constant, turns_of([program.loop(x) for x in taps])
    if isinstance(each, Dim) or isinstance(count, Dim):
        expected = "known numbers of channels and taps"
        found = f"{count} and {each}"
        raise refused(program, "chunks", f"the loop {first!r}", expected, found)
    room = max(1, PANEL_TERMS // each)
    whole = [one for one in range(1, count + 1) if count % one == 0]
    most = max(one for one in whole if one <= room)
    if 2 * most <= room:  # a panel that is too large costs less than many small ones
        most = next((one for one in whole if room < one <= 2 * room), most)
    program = split(program, first, most, Tail.NONE)
    return program, [f"{first}_outer", f"{first}_inner", *taps], most * each


def _with_sums(
    program: LoopProgram, filters: str, windows: Sequence[str], chunk: str
) -> tuple[LoopProgram, list[str]]:
    """Return a program that adds what a chunk of channels gives to the sums of a block, and its
    loops over filters and windows inside of that over chunks.

    Args:
        filters, windows: the loops over filters and over the windows of a block.
        chunk: the loop over chunks.
    """
    program, column = with_fused_loops(program, windows)
    total = total_of(program, chunk).name
    for loop in (column, filters):
        program = expand(program, loop, total, BufferScope.THREAD)
    program = terms_outermost(program, (filters, column), chunk, nests=3)
    return program, [one.variable.name for one in loops_in(program.loop(chunk).body)[:2]]


def _terms_of(program: LoopProgram, terms: Sequence[str]) -> list[str]:
    """Return the loops over terms of which each turn has another element of the image."""
    named = [one for one in walk(program.loop(terms[-1]).body) if isinstance(one, Let)]
    used = frozenset().union(*map(variables_of, named))
    return [one for one in terms if program.loop(one).variable in used]


def _with_panel(
    program: LoopProgram,
    chunk: str,
    column: str,
    terms: Sequence[str],
    image: Local,
    row: Size,
) -> LoopProgram:
    """Return a program that copies the elements of windows, at the head of each chunk, to a panel:
    a row of it for each term.

    Args:
        chunk, column, terms: the loops over chunks, over the windows of a block, and over those
            terms of a chunk of which each has another element.
        image: the name of an element.
        row: the windows of a block that are neighbours along the last axis.
    """
    turns = [program.loop(one).ends[0].constant for one in terms[1:]]
    count, axes = program.loop(column).ends[0].constant, (terms, (column,))
    program = stage_value(program, chunk, image.name, BufferScope.THREAD, name="panel", axes=axes)
    inner, windows = (one.variable.name for one in loops_in(program.loop(chunk).body)[:2])
    program = propagate(program, image.name)
    for number in range(len(turns)):
        program = split(program, inner, product(tuple(turns[number:])), Tail.NONE)
        inner = f"{inner}_inner"
    if count != row:
        program = split(program, windows, row, Tail.NONE)
    return program


MATRICES = Mapping(
    "matrices of samples",
    _is_matrix,
    _in_place,
    "the image of a sample is the matrix of its windows, and is read where it is",
)
PANELS_OF_WINDOWS = Mapping(
    "panels of windows",
    _has_windows,
    _by_panels,
    "what is written of the matrix of windows stays in the first cache for all filters",
)
CONVOLUTIONS = (MATRICES, ROWS_OF_IMAGES, PARTS_OF_SAMPLES, PANELS_OF_WINDOWS)
