"""Kernels of kind rows: reductions over the innermost axes, several in sequence over one row.

Rows that are gone over once, or whose known length the registers of some threads hold, are loop
programs (`graphc.compiler.targets.cuda.reductions`). This is for others, and for channels
(`columns`).
Lanes of a warp, a warp or a block have a row (`row_groups`); the values that several walks need
stay in registers where they fit, so that the row is read once. Else each walk reads it again, which
the launch notes; a softmax is two walks there, as a normalisation is (`joined`).
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
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
    joined,
    notes_of,
    row_outputs,
    walks_of,
)
from graphc.compiler.codegen.reduction_text import WalkPrinter
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.row_groups import (
    Group,
    choose_groups,
)
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.walk_text import (
    PART,
    Course,
    Names,
)
from graphc.compiler.graph.dim import ceil_divide, is_multiple
from graphc.compiler.program.launch import Clamped, Formula, Launch, Within
from graphc.compiler.schedule.hardware import MOST_BLOCKS, PACK, WARP
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.marks import NAME


def lower_rows(kernel: Kernel, context: Context) -> list[Launch]:
    """The launches of a loop program, or of each of the lengths that a row may have."""
    launches = lower_where_mapped(kernel, context) if 0 not in kernel.extents else []
    return launches or lower_by_row(kernel, context, "row", "column")


def lower_by_row(kernel: Kernel, context: Context, row: str, place: str) -> list[Launch]:
    """Launches in which a group of threads has the elements of one kept element.

    Args:
        row, place: what the text calls a kept element, and an element of those reduced into it.
    """
    domain = domain_of(kernel)
    walks = walks_of(kernel, domain)
    last, kept = domain.runs[-1] if domain.runs else (1, True)
    wide = not kept and is_multiple(last, PACK) and last != 0
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
) -> str:
    """The function's text."""
    head = printer.row()
    texts = printer.walks(walks)
    results = printer.results(row_outputs(kernel, domain))
    count = domain.reduced // PACK if names.wide else domain.reduced
    rows = signature.size(domain.kept)
    at = Variable("pack") if names.wide else names.place
    course = Course(
        at,
        names.wide,
        thread=at if group.turns == 1 else Variable("thread"),
        threads=group.threads,
        count=signature.size(count),
        turns=group.turns,
    )
    return render(
        "rows.cu.j2",
        name=NAME,
        parameters=signature.parameters,
        head=head,
        walks=texts,
        results=results,
        group=group,
        course=course,
        row=names.row,
        guard=names.guard,
        rows=rows,
    )


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
