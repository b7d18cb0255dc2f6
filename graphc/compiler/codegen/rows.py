"""Kernels of kind rows: reductions over the innermost axes, several in sequence over one row.

Rows of a known length, which the registers of some threads hold, are loop programs
(`graphc.compiler.targets.cuda.reductions`). This is for others, and for channels (`columns`).
Lanes of a warp, a warp or a block have a row (`row_groups`); the values that several walks need
stay in registers where they fit, so that the row is read once. Else each walk reads it again, which
the launch notes; a softmax is two walks there, as a normalisation is (`joined`). Where there are
few long rows and one walk, a row is divided over blocks, and a second launch puts the parts
together.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.context import Context, buffer_name, workspace
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Parameter,
    Variable,
    compare,
    plus,
    times,
)
from graphc.compiler.codegen.lower_mapped import lower_where_mapped
from graphc.compiler.codegen.reduction import (
    Domain,
    Walk,
    domain_of,
    is_divided,
    joined,
    notes_of,
    row_outputs,
    walks_of,
)
from graphc.compiler.codegen.reduction_text import WalkPrinter
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.row_groups import (
    LONG_ROW_THREADS,
    THREADS,
    Group,
    choose_groups,
)
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.codegen.statement import Listing
from graphc.compiler.codegen.walk_text import (
    PART,
    Course,
    Names,
    WalkText,
)
from graphc.compiler.graph.dim import Dim, Size, ceil_divide, is_multiple
from graphc.compiler.program.launch import Clamped, Formula, Launch, Within
from graphc.compiler.schedule.hardware import MOST_BLOCKS, PACK, WARP
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.marks import NAME

# Elements a part at least, and parts at most: one block puts them together.
_PART = 8192
MOST_PARTS = 256


def lower_rows(kernel: Kernel, context: Context) -> list[Launch]:
    """One launch, or two where few long rows are divided over blocks."""
    launch = lower_where_mapped(kernel, context) if 0 not in kernel.extents else None
    return [launch] if launch is not None else lower_by_row(kernel, context, "row", "column")


def lower_by_row(kernel: Kernel, context: Context, row: str, place: str) -> list[Launch]:
    """Launches in which a group of threads has the elements of one kept element.

    Args:
        row, place: what the text calls a kept element, and an element of those reduced into it.
    """
    domain = domain_of(kernel)
    walks = walks_of(kernel, domain)
    last, kept = domain.runs[-1] if domain.runs else (1, True)
    wide = not kept and is_multiple(last, PACK) and last != 0
    if is_divided(walks, domain.kept, domain.reduced):
        parts = parts_of(domain.reduced, _PART)
        return _divided(kernel, context, domain, walks, wide, parts, (row, place))
    launches, above = [], 0
    for group, most in choose_groups(kernel, domain, walks, wide):
        blocks = Clamped(ceil_divide(domain.kept, group.rows), 1, MOST_BLOCKS)
        grid, lengths = for_lengths(blocks, domain, above, most)
        names = Names(
            Variable(row),
            Variable(place),
            slot=_slot(group, wide),
            wide=wide,
            guard=compare(Parameter("own"), "<", Parameter(f"{row}s"))
            if group.threads < WARP
            else None,
        )
        taken = walks if group.turns is not None else joined(walks, domain)
        name = context.name(kernel.kind)
        signature = context.signature(kernel)
        printer = WalkPrinter(context, signature, domain, names, kernel.inputs)
        text = _render(kernel, name, signature, printer, domain, taken, group, names)
        notes = notes_of(kernel, domain, taken, group.turns is not None, row, above)
        how = _how(domain, group, wide, row) + lengths
        block = (group.block, 1, 1)
        size = (grid, 1, 1)
        traffic = printer.traffic((ceil_divide(domain.kept, group.rows),))
        launches.append(
            context.launch(name, kernel, signature, text, size, block, how, 0, notes, traffic)
        )
        above = most
    return launches


def for_lengths(grid: Formula, domain: Domain, above: int, most: int) -> tuple[Formula, str]:
    """The grid of a launch for rows of more elements than `above` and at most `most`, of any number
    where that is 0; and what its comment says of it."""
    lengths = ""
    if above:
        grid, lengths = Within(grid, domain.reduced, above, above=True), f" over {above}"
    if most:
        grid, lengths = Within(grid, domain.reduced, most), f"{lengths} up to {most}"
    return grid, lengths and f"; for lengths{lengths}"


def parts_of(length: Size, each: int) -> Formula:
    """Into how many parts a row of a length is divided, of `each` elements where it is not long."""
    count = ceil_divide(length, each)
    if isinstance(count, Dim):
        return Clamped(count, 1, MOST_PARTS)
    return min(count, MOST_PARTS)


def _slot(group: Group, wide: bool) -> Expression | None:
    if group.turns is None:
        return None
    turn = ZERO if group.turns == 1 else Variable("turn")
    return plus(times(PACK, turn), PART) if wide else turn


def _render(
    kernel: Kernel,
    name: str,
    signature: Signature,
    printer: WalkPrinter,
    domain: Domain,
    walks: Sequence[Walk],
    group: Group,
    names: Names,
    partials: Sequence[Expression] = (),
) -> str:
    """The function's text."""
    head = printer.row()
    texts = printer.walks(walks)
    results = Listing() if partials else printer.results(row_outputs(kernel, domain))
    count = domain.reduced // PACK if names.wide else domain.reduced
    sizes = signature.size(domain.kept), signature.size(count)
    return _template(name, signature, head, texts, results, group, names, *sizes, partials)


def _template(
    name: str,
    signature: Signature,
    head: Listing,
    walks: Sequence[WalkText],
    results: Listing,
    group: Group,
    names: Names,
    rows: Expression,
    count: Expression,
    partials: Sequence[Expression] = (),
    short: bool = False,
) -> str:
    at = Variable("pack") if names.wide else names.place
    course = Course(
        at,
        names.wide,
        thread=at if group.turns == 1 else Variable("thread"),
        threads=group.threads,
        count=count,
        turns=group.turns,
        divided=bool(partials),
        short=short,
    )
    return render(
        "rows.cu.j2",
        name=NAME,
        parameters=signature.parameters,
        head=head,
        walks=walks,
        results=results,
        group=group,
        course=course,
        row=names.row,
        guard=names.guard,
        rows=rows,
        partials=partials,
    )


def _divided(
    kernel: Kernel,
    context: Context,
    domain: Domain,
    walks: Sequence[Walk],
    wide: bool,
    parts: Formula,
    words: tuple[str, str],
) -> list[Launch]:
    """Two launches: parts of each row, then the rows of the parts."""
    row, place = words
    names = Names(Variable(row), Variable(place), wide=wide)
    group = Group(LONG_ROW_THREADS, LONG_ROW_THREADS, None)
    name = context.name(kernel.kind)
    (walk,) = walks
    places = partial_places(walk, domain, parts)
    signature = partial_signature(kernel, context, places)
    printer = WalkPrinter(context, signature, domain, names, kernel.inputs)
    pointers = [signature.store_pointer(place) for place in places]
    text = _render(kernel, name, signature, printer, domain, walks, group, names, pointers)
    extents = _extents(domain, str(names.row))
    how = f"{extents} in {parts} parts; a block of {group.threads} threads a part"
    grid = (Clamped(domain.kept, 1, MOST_BLOCKS), parts, 1)
    block = (group.block, 1, 1)
    traffic = printer.traffic((domain.kept, parts), places)
    first = context.launch(name, kernel, signature, text, grid, block, how, traffic=traffic)
    return [first, finish(kernel, context, domain, walk, places, parts, names)]


def partial_places(walk: Walk, domain: Domain, parts: Formula) -> list[Place]:
    """Workspaces for parts of the walk's reductions: for each kept element its parts in order."""
    return [
        workspace(f"{buffer_name(anchor)}/parts", (domain.kept, parts), anchor.inputs[0].dtype)
        for anchor in walk.anchors
    ]


def partial_signature(kernel: Kernel, context: Context, places: Sequence[Place]) -> Signature:
    """The signature of the launch that computes parts: results that an element has are its too."""
    whole = context.signature(kernel)
    stored = [place for node in kernel.outputs for place in context.sinks[node]]
    return Signature(whole.places, [*stored, *places], context.program.checks, context.counters)


def finish(
    kernel: Kernel,
    context: Context,
    domain: Domain,
    walk: Walk,
    places: Sequence[Place],
    parts: Formula,
    names: Names,
) -> Launch:
    """The launch that puts the parts together, a warp for each kept element, and computes what
    follows from them."""
    name = context.name(kernel.kind)
    names = Names(names.row, Variable("number"))
    signature = context.signature(kernel)
    printer = WalkPrinter(context, signature, domain, names)
    head = printer.row()
    count = Number(parts) if isinstance(parts, int) else signature.extent(parts)
    texts = [printer.parts(walk, places, count)]
    results = printer.results(row_outputs(kernel, domain))
    group = Group(WARP, THREADS, None)
    rows = signature.size(domain.kept)
    whole = _template(name, signature, head, texts, results, group, names, rows, count, short=True)
    turns = ceil_divide(domain.kept, group.rows)
    grid, block = (Clamped(turns, 1, MOST_BLOCKS), 1, 1), (group.block, 1, 1)
    how = f"puts the parts of each {names.row} together, a warp a {names.row}"
    traffic = printer.traffic((turns,))
    return context.launch(name, kernel, signature, whole, grid, block, how, traffic=traffic)


def _how(domain: Domain, group: Group, wide: bool, row: str) -> str:
    if group.threads > WARP:
        spread = f"a block of {group.threads} threads a {row}"
    elif group.threads == WARP:
        spread = f"a warp a {row}"
    else:
        spread = f"{group.threads} lanes of a warp a {row}"
    packs = ", packs of four" if wide else ""
    return f"{_extents(domain, row)}; {spread}{packs}"


def _extents(domain: Domain, row: str) -> str:
    return f"{domain.kept} {row}{'' if domain.kept == 1 else 's'} of {domain.reduced}"
