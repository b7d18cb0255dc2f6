"""Kernels of kind columns: reductions that keep the innermost axes, or that keep an inner one.

The canonical form is R.K.R: reduced, kept, reduced axes. Where the innermost are reduced (the
statistics of a batch of images over axes 0, 2, 3) a group of threads has all elements of a kept
one, as for rows. Where the innermost are kept (the gradient of a bias), neighbouring columns lie
side by side:

- a block has 32 columns by 8 threads of each. Where that makes fewer than 64 blocks it has down to
  8 columns (32 bytes are the least that memory hands out) by more threads of each; where columns
  are short, more columns;
- the threads of a column add up in a fixed tree in shared memory;
- columns that fit registers are read once; others once for each walk, which the launch notes. Where
  the length is known at the call only, either way has a launch and the length picks one.

Kernels of one walk, and channels that registers hold, are loop programs
(`graphc.compiler.targets.cuda.columns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.expression import ZERO, Parameter, Variable, compare
from graphc.compiler.codegen.lower_mapped import lower_where_mapped
from graphc.compiler.codegen.reduction import (
    Domain,
    Walk,
    domain_of,
    held_words,
    joined,
    notes_of,
    passes,
    row_outputs,
    walks_of,
)
from graphc.compiler.codegen.reduction_text import WalkPrinter
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.rows import (
    for_lengths,
    lower_by_row,
)
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.walk_text import Course, Names
from graphc.compiler.graph.dim import Dim, ceil_divide
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.hardware import WARP, power_of_two
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.marks import NAME

THREADS = 256
NARROWEST = 8
MANY_BLOCKS = 64
# Registers of a thread that hold elements.
_MOST_WORDS = 64


@dataclass(frozen=True)
class Tile:
    """The threads of a block.

    Attributes:
        width: columns, a power of two.
        height: threads of each column, a power of two.
        turns: how often a thread comes to an element of its column where their values stay in
            registers, else None.
    """

    width: int
    height: int
    turns: int | None


def lower_columns(kernel: Kernel, context: Context) -> list[Launch]:
    """The launches of a loop program, or one, or two for shorter and longer columns."""
    launches = lower_where_mapped(kernel, context) if 0 not in kernel.extents else []
    if launches:
        return launches
    domain = domain_of(kernel)
    if not domain.runs[-1][1] or domain.kept == 0:
        return lower_by_row(kernel, context, "channel", "place")
    walks = walks_of(kernel, domain)
    above = 0
    for tile, most in choose_tiles(kernel, domain, walks):
        launches.append(_launch(kernel, context, domain, walks, tile, (above, most)))
        above = most
    return launches


def _launch(
    kernel: Kernel,
    context: Context,
    domain: Domain,
    walks: Sequence[Walk],
    tile: Tile,
    lengths: tuple[int, int],
) -> Launch:
    """The launch for columns of more elements than the first of `lengths` and at most the second (0
    is for any number)."""
    blocks = ceil_divide(domain.kept, tile.width)
    if tile.turns is None:
        walks = joined(walks, domain)
    guarded = isinstance(domain.kept, Dim) or domain.kept % tile.width != 0
    names = Names(
        Variable("column"),
        Variable("row"),
        slot=None if tile.turns is None else ZERO if tile.turns == 1 else Variable("turn"),
        guard=compare(Parameter("own"), "<", Parameter("columns")) if guarded else None,
    )
    name = context.name(kernel.kind)
    how = (
        f"{domain.kept} columns of {domain.reduced}; a block of {tile.width} columns by "
        f"{tile.height} threads of each"
    )
    block = (tile.width, tile.height, 1)
    signature = context.signature(kernel)
    printer = WalkPrinter(context, signature, domain, names)
    text = _text(kernel, name, signature, printer, domain, walks, tile, names)
    grid, those = for_lengths(blocks, domain, *lengths)
    notes = notes_of(kernel, domain, walks, tile.turns is not None, "column", lengths[0])
    size, how, traffic = (grid, 1, 1), how + those, printer.traffic((blocks,))
    return context.launch(name, kernel, signature, text, size, block, how, 0, notes, traffic)


def choose_tiles(kernel: Kernel, domain: Domain, walks: Sequence[Walk]) -> list[tuple[Tile, int]]:
    """The threads of a block, and for columns of up to which length; 0 is for any length."""
    tile, words = choose_tile(domain, walks), held_words(walks)
    once = passes(joined(walks, domain), kernel) == 1
    if once or not isinstance(domain.reduced, Dim) or not 0 < words <= _MOST_WORDS:
        return [(tile, 0)]
    turns = _MOST_WORDS // words
    return [(replace(tile, turns=turns), tile.height * turns), (tile, 0)]


def choose_tile(domain: Domain, walks: Sequence[Walk]) -> Tile:
    """The threads of a block; see the head of this file."""
    length, kept = domain.reduced, domain.kept
    highest = THREADS if isinstance(length, Dim) else power_of_two(length)
    width = WARP
    if not isinstance(kept, Dim):
        width = min(WARP, power_of_two(kept))
        while width > NARROWEST and kept < width * MANY_BLOCKS and THREADS // width < highest:
            width //= 2
    height = min(THREADS // width, highest)
    if isinstance(length, Dim):
        return Tile(width, height, None)
    while width * height < THREADS and (isinstance(kept, Dim) or width < kept):
        width *= 2
    turns = -(-length // height)
    words = held_words(walks)
    return Tile(width, height, turns if words and words * turns <= _MOST_WORDS else None)


def _text(
    kernel: Kernel,
    name: str,
    signature: Signature,
    printer: WalkPrinter,
    domain: Domain,
    walks: Sequence[Walk],
    tile: Tile,
    names: Names,
) -> str:
    """The function's text."""
    head = printer.row()
    texts = printer.walks(walks)
    results = printer.results(row_outputs(kernel, domain))
    course = Course(
        names.place,
        False,
        thread=names.place if tile.turns == 1 else Parameter("threadIdx.y"),
        threads=tile.height,
        count=signature.size(domain.reduced),
        turns=tile.turns,
    )
    columns = signature.size(domain.kept)
    return render(
        "columns.cu.j2",
        name=NAME,
        parameters=signature.parameters,
        tile=tile,
        columns=columns,
        guarded=bool(names.guard),
        head=head,
        walks=texts,
        results=results,
        course=course,
    )
