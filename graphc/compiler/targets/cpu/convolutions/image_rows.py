"""Mapping of convolutions whose windows are one element apart: a row of windows is a row of the
image, and is read where it is.

    for i0 < batch (team):
      allocate image: float32[867] in thread
      ...                                       copy a sample with the zeros around it
      allocate s0: float32[5, 224] in thread
      gc_windows_product<gc_height(10), 3, 5, 5>(s0[0:, 0:], x1[0:, 0:, 0:, 0:], image[0:])
      for i1 < 5:
        for i2 < 13:
          for i3 < 13 (vector):
            ... what follows of s0[i1, 17*i2 + i3]

Nothing is written of the matrix of windows. All rows of windows of an image are one row of sums:
between two of them are a few windows that reach from the end of one row of the image to the
beginning of the next one, which nobody reads, and behind the last one as many as fill a vector.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.graph.dim import Dim, Size, exact_quotient, floor_divide, product
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram, loop_beside, loops_in
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.rewrites.arithmetic.use import use
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.lengthen import lengthen
from graphc.compiler.loops.rewrites.conditions.speculate import speculate
from graphc.compiler.loops.rewrites.conditions.tighten import tighten
from graphc.compiler.loops.rewrites.conditions.widen import widen
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import For, If
from graphc.compiler.loops.value import Load
from graphc.compiler.targets.convolution_loops import ConvolutionLoops, dtype_of_sums
from graphc.compiler.targets.cpu.convolutions.bands import divided, with_divided_samples
from graphc.compiler.targets.cpu.convolutions.operands import (
    WindowClass,
    factors_of,
    height_of_tiles,
    is_read,
    loops_with_values_inside,
    scope_of_weights,
    tests_of_holes,
    total_of,
    with_all_loops,
    with_computed_image,
    with_cut_borders,
    with_image,
    with_operands,
)
from graphc.compiler.targets.cpu.flat_functions import with_flat_functions_of_rows
from graphc.compiler.targets.cpu.products.panels import whole_columns, windows_product
from graphc.compiler.targets.cpu.products.pieces import terms_outermost, with_vectors
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target

MOST_TERMS = 8192
"""Terms of a sum, at most: a call has an array of their places."""

MOST_UNREAD = 2
"""Windows that are computed, at most, as a multiple of those that are read."""

SHARE_UNREAD = 10
"""Where rows of windows are whole vectors, at most one of so many windows is computed and not read.
(With 1 in 16, 1 in 8 and 1 in 4 rows took 0.78, 1.06 and 1.25 of the time of written panels; AVX2,
Zen 3.)"""

FEW_TERMS, FEW_FILTERS = 32, 8
"""Terms and filters, of which one are no more, where rows of windows are whole vectors: so few do
not pay for a panel. (Rows took 0.78 to 1.00 of the time of written panels for 9 and 27 terms, 0.91
and 0.98 for 8 filters by 144 and 320, 1.10 for 16 filters by 320 and 576, 1.23 for 64 by 320; AVX2,
Zen 3.)"""


# ---- where it applies ---------------------------------------------------------------------------


def _has_rows(program: LoopProgram, target: Target) -> Applicability:
    program, loops = loops_with_values_inside(program)
    if isinstance(loops, str):
        return never(loops)
    if tests_of_holes(loops.terms[-1]):
        return never("its image has holes between elements")
    terms = product(tuple(map(_turns, loops.terms)))
    if isinstance(terms, Dim):
        return never("only a call knows how many terms there are")
    if terms > MOST_TERMS:
        return never(f"its sums of {terms} terms are more than {MOST_TERMS}")
    filters = _turns(loops.filters[0]) if loops.filters else 1
    width = _turns(loops.windows[-1])
    if not is_read(program, loops.windows, loops.terms[-1]):
        return ALWAYS  # a panel would have each element several times
    is_whole = exact_quotient(width, whole_columns(dtype_of_sums(program))) is not None
    if is_whole and terms > FEW_TERMS and (isinstance(filters, Dim) or filters > FEW_FILTERS):
        return never(f"{filters} filters by {terms} terms are many for a panel of whole vectors")
    return ALWAYS


def _turns(loop: For) -> Size:
    return loop.ends[0].constant


# ---- the rewrites -------------------------------------------------------------------------------


def _in_rows(program: LoopProgram, target: Target) -> LoopProgram:
    return in_rows(program, target, may_have_panels=True)


def in_rows(program: LoopProgram, target: Target, *, may_have_panels: bool) -> LoopProgram:
    """Divide samples over threads, or bands of them; multiply all filters by the rows of a sample's
    image, refused where many windows are not read if it may have panels of windows instead."""
    program, loops = loops_with_values_inside(program)
    assert isinstance(loops, ConvolutionLoops)
    program, filters, sample, windows = with_all_loops(program, loops)
    terms = [one.variable.name for one in loops.terms]
    around = [program.loop(one) for one in windows]
    is_in_memory = is_read(program, around, program.loop(terms[-1]))
    if is_in_memory:
        program, filters, sample, windows = with_divided_samples(
            program, filters, sample, windows, target, may_have_blocks=may_have_panels
        )
    else:
        program = with_computed_image(program, windows, terms, sample, terms[-1])
    program, image = with_operands(program, WindowClass(filters, windows, terms), sample)
    program = with_image(program, terms[-1], image, sample, windows)
    may_have_panels = may_have_panels and is_in_memory
    program, place, pitches = with_one_row(program, windows, terms, is_read=may_have_panels)
    program = with_sums_of_rows(program, filters, windows, place, terms, pitches)
    program = with_cut_borders(program, "image")
    program = with_flat_functions_of_rows(simplify(divided(program, sample)))
    return with_vectors(program)


def with_one_row(
    program: LoopProgram, windows: Sequence[str], terms: Sequence[str], *, is_read: bool
) -> tuple[LoopProgram, str, list[Size]]:
    """Return a program with one loop over the windows of a sample, in the order of the elements of
    its image: over so many that vectors are whole, with the sums of all; that loop, and by how many
    of its turns neighbours along each axis but the last one are apart.

    Args:
        program: the program.
        windows, terms: the loops over windows, and over terms.
        is_read: True if a panel may be written of it instead.
    """
    _, image = factors_of(program, terms[-1])
    assert isinstance(image, Load)
    place = image.buffer.place(image.coords)
    *outer, row = windows
    of_windows = {program.loop(one).variable for one in windows}
    if place.factor(program.loop(row).variable) != 1:
        expected = "windows that are one element apart"
        raise refused(program, "rows", f"the loop {row!r}", expected, str(image))
    width, pitches = _turns(program.loop(row)), list[Size]()
    count = product(tuple(_turns(program.loop(one)) for one in windows))
    for name in reversed(outer):
        pitch = place.factor(program.loop(name).variable)
        program = fuse(widen(program, row, pitch), name, row)
        pitches.insert(0, pitch)
        row = f"{name}_{row}"
    whole = whole_columns(image.dtype)
    columns = floor_divide(_turns(program.loop(row)) + (whole - 1), whole) * whole
    is_whole = exact_quotient(width, whole) is not None
    most = count + floor_divide(count, SHARE_UNREAD) if is_whole else count * MOST_UNREAD + whole
    if is_read and not isinstance(most, Dim) and not isinstance(columns, Dim) and columns > most:
        expected = f"at most {most} windows for the {count} that are read"
        raise refused(program, "rows", f"the loop {row!r}", expected, str(columns))
    elements: Size = columns  # to the last one that is read
    for atom, distance in place.terms:
        if isinstance(atom, LoopVariable) and atom not in of_windows:
            elements = elements + distance * (_known_turns(program, atom.name) - 1)
    if not is_never_negative(elements - image.buffer.elements):
        elements = image.buffer.elements
    program = lengthen(program, "image", elements)
    program = widen(program, row, columns)
    (test, *others) = program.loop(row).body
    if others or not isinstance(test, If):  # all windows are read
        return program, row, pitches
    made = 1 + next(k for k, one in enumerate(test.body) if isinstance(one, For))
    return speculate(program, row, made), row, pitches


def _known_turns(program: LoopProgram, loop: str) -> int:
    turns = _turns(program.loop(loop))
    assert isinstance(turns, int)
    return turns


def with_sums_of_rows(
    program: LoopProgram,
    filters: str,
    windows: Sequence[str],
    place: str,
    terms: Sequence[str],
    pitches: Sequence[Size],
) -> LoopProgram:
    """Return a program that makes the sums of a sample by a call, and what follows of those that
    are read."""
    total = total_of(program, terms[-1])
    for loop in (place, filters):
        program = expand(program, loop, total.name, BufferScope.THREAD)
    program = terms_outermost(program, (filters, place), terms[0], nests=3)
    around = [one.variable.name for one in loops_in(program.loop(terms[0]).body)[:2]]
    for term in terms[1:]:
        for loop in reversed(around):
            program = reorder(program, loop, term)
    program = with_axes_of_loops(contract(program, terms[-1]), around[-1])
    clear, behind = (loop_beside(program, terms[0], distance) for distance in (-1, 1))
    program = _with_results(program, behind, windows, pitches)
    counts = [_known_turns(program, one) for one in terms]
    scope = scope_of_weights(program.loop(around[-1]))
    called = windows_product(total.dtype, scope, height_of_tiles(_turns(clear)), counts)
    return use(program, called, clear.variable.name)


def _with_results(
    program: LoopProgram, filters: For, windows: Sequence[str], pitches: Sequence[Size]
) -> LoopProgram:
    """Return a program that has a loop for each axis of the windows in the place of the one over
    all of a sample, and tests none of them."""
    (place,) = loops_in(filters.body)
    row = place.variable.name
    for name, pitch in zip(windows, pitches, strict=False):
        program = split(_without_unread(program, row), row, pitch, Tail.NONE)
        program = rename(program, f"{row}_outer", name)
        row = f"{row}_inner"
    program = _without_unread(program, row)
    return rename(program, row, windows[-1]) if pitches else program


def _without_unread(program: LoopProgram, row: str) -> LoopProgram:
    """Return a program without the last turns of a loop, if its body is under a test of them."""
    loop = program.loop(row)
    tests = loop.body[0].conditions if isinstance(loop.body[0], If) else ()
    is_tested = any(one.index.factor(loop.variable) == -1 for one in tests)
    return tighten(program, row) if is_tested else program


ROWS_OF_IMAGES = Mapping(
    "rows of images",
    _has_rows,
    _in_rows,
    "a row of windows is a row of the image, so nothing is written of the matrix of windows",
)
