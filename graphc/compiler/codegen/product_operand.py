"""How a block fetches its tiles of a product's operands from memory."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Parameter,
    Variable,
    call,
    compare,
    every,
    expression,
    modulo,
    names_read,
    over,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates
from graphc.compiler.codegen.product import Direct, Operand, OperandAxis
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.statement import Listing
from graphc.compiler.codegen.tiles import Tile
from graphc.compiler.graph.dim import Dim, Size, is_multiple, product
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.c_text import C_TYPES

_THREAD, _TURN = Variable("thread"), Variable("turn")

OUTER, INNER = Variable("outer"), Variable("inner")
"""The variables that hold which element of an operand it is: of its outer axis, and of k."""


@dataclass(frozen=True)
class Fetch:
    """One operand's tiles, as templates/product.cu.j2 prints them.

    The threads of a block walk a tile in turns. Where a thread is in its first turn is a function
    of its number; from there each turn is the same step for all threads.

    Attributes:
        name: of its variables.
        wide: whether a thread fetches four neighbours at once.
        along_k: whether the four are neighbours along k.
        span: rows of the left or columns of the right operand in a tile.
        first: the variable that holds the first of them.
        turns: how often a thread fetches in one step of the loop over k.
        turn: the variable that counts them, or 0.
        spare: the first thread that has nothing to fetch; 0 if there is none.
        outer, k: expressions of ``thread``: the place in the tile of the first turn.
        turn_outer, turn_k: expressions of `turn`: from there to another turn's.
        inside: the condition under which there is an element; None where there always is one.
        start, stride: of an operand in memory, the address of the first turn, and the elements from
            a step's to the next one's; else None.
        lines, value: the statements and the value of an element.
    """

    name: str
    wide: bool
    along_k: bool
    span: int
    first: str
    turns: int
    turn: Expression
    spare: int
    outer: Expression
    k: Expression
    turn_outer: Expression
    turn_k: Expression
    inside: Expression | None
    start: Expression | None
    stride: Expression | None
    lines: Listing
    value: Expression

    @property
    def reads_outer(self) -> bool:
        """Whether `inside` reads the place along the outer axis."""
        return OUTER in names_read([self.inside])

    @property
    def reads_inner(self) -> bool:
        """Whether `inside` reads the place along k."""
        return INNER in names_read([self.inside])

    @property
    def moves_outer(self) -> bool:
        """Whether the place along the outer axis differs between turns."""
        return self.turn_outer is not ZERO

    @property
    def moves_k(self) -> bool:
        """Whether the place along k differs between turns."""
        return self.turn_k is not ZERO


def fetch(
    emitter: Emitter,
    operand: Operand,
    name: str,
    side: str,
    sizes: tuple[Size, Size],
    tile: Tile,
    batch: Coordinates,
) -> tuple[Fetch, Listing]:
    """The fetch of one operand, and the lines above the loop that it needs.

    Args:
        emitter: prints the text; what it printed before has been taken.
        operand: what is fetched.
        name: of its variables.
        side: "left" or "right".
        sizes: of the outer axis and of k.
        tile: the tile of the result.
        batch: the names of the batch coordinates.
    """
    size = emitter.signature.size
    span = tile.rows if side == "left" else tile.columns
    first = "first_row" if side == "left" else "first_column"
    outer_size, k_size = sizes
    wide = isinstance(operand, Direct) and is_aligned(operand, emitter.signature, sizes)
    number = span * tile.depth // (4 if wide else 1)
    outer, k, turn_outer, turn_k = _walk(operand.fast, wide, span, tile.threads)
    turns = -(-number // tile.threads)
    if turns == 1:
        turn_outer = turn_k = ZERO
    conditions: list[Expression] = []
    if isinstance(outer_size, Dim) or outer_size % span:
        conditions.append(compare(OUTER, "<", size(outer_size)))
    if isinstance(k_size, Dim) or k_size % tile.depth:
        conditions.append(compare(INNER, "<", Parameter("k_end")))
    head, lines = Listing(), Listing()
    start: Expression | None = None
    stride: Expression | None = None
    if isinstance(operand, Direct):
        pointer, offset = _start(emitter, operand, batch)
        head = emitter.take()
        row = size(operand.row)
        own_outer = plus(Parameter(first), Parameter(f"{name}_outer"))
        own_k = plus(Parameter("k_begin"), Parameter(f"{name}_k"))
        if operand.fast == "k":
            at = plus(plus(offset, times(own_outer, row)), own_k)
            step = plus(times(turn_outer, row), turn_k)
            stride = Number(tile.depth)
        else:
            at = plus(plus(offset, times(own_k, row)), own_outer)
            step = plus(times(turn_k, row), turn_outer)
            stride = times(tile.depth, row)
        start = expression("{} + ({})", pointer, at)
        origin = Parameter(f"{name}_from")
        value = call("gc_load4", plus(origin, step)) if wide else subscript(origin, step)
    else:
        value = operand.value(emitter, batch, OUTER, INNER)
        lines = emitter.take()
    return (
        Fetch(
            name=name,
            wide=wide,
            along_k=operand.fast == "k",
            span=span,
            first=first,
            turns=turns,
            turn=_TURN if turns > 1 else ZERO,
            spare=number if number < tile.threads else 0,
            outer=outer,
            k=k,
            turn_outer=turn_outer,
            turn_k=turn_k,
            inside=every(conditions),
            start=start,
            stride=stride,
            lines=lines,
            value=value,
        ),
        head,
    )


def _walk(
    fast: OperandAxis, wide: bool, span: int, threads: int
) -> tuple[Expression, Expression, Expression, Expression]:
    """How threads walk a tile: `outer`, `k`, `turn_outer` and `turn_k` of a `Fetch`.

    Along k eight elements are taken side by side, two packs or eight threads: 32 bytes of memory,
    the least that is moved, and their stores go to different banks. Along the other axis a whole
    row of the tile is taken. All numbers are powers of two.
    """
    if fast == "k":
        lanes, width = (2, 4) if wide else (8, 1)
        outer = modulo(over(_THREAD, lanes), span)
        k = times(modulo(_THREAD, lanes), width)
        if threads > lanes * span:
            k = plus(k, times(over(_THREAD, lanes * span), 8))
        if threads < lanes * span:
            turn_outer = modulo(times(_TURN, threads // lanes), span)
            turn_k = times(over(_TURN, lanes * span // threads), 8)
        else:
            turn_outer, turn_k = ZERO, times(_TURN, threads // (lanes * span) * 8)
        return outer, k, turn_outer, turn_k
    lanes, width = (span // 4, 4) if wide else (span, 1)
    assert threads >= lanes
    outer = times(modulo(_THREAD, lanes), width)
    return outer, over(_THREAD, lanes), ZERO, times(_TURN, threads // lanes)


def is_aligned(operand: Direct, signature: Signature, sizes: tuple[Size, Size]) -> bool:
    """Whether each four neighbours that begin at a multiple of four are one aligned word: known
    before the call, for all sizes."""
    place = signature.places[operand.node]
    fast = sizes[0] if operand.fast == "outer" else sizes[1]
    strides = [operand.row, *operand.batch_strides, *(stride for _, stride in operand.steps)]
    if place.step is not None:
        strides.append(product(operand.node.shape))
    return all(is_multiple(size, PACK) for size in (fast, operand.offset, *strides))


def read(
    emitter: Emitter, operand: Operand, batch: Coordinates, outer: Expression, k: Expression
) -> Expression:
    """One element of an operand, whose text is printed where the emitter is."""
    if not isinstance(operand, Direct):
        return operand.value(emitter, batch, outer, k)
    pointer, start = _start(emitter, operand, batch)
    slow, quick = (outer, k) if operand.fast == "k" else (k, outer)
    at = plus(plus(start, times(slow, emitter.signature.size(operand.row))), quick)
    return emitter.define(C_TYPES[operand.node.dtype], subscript(pointer, at))


def _start(emitter: Emitter, operand: Direct, batch: Coordinates) -> tuple[Expression, Expression]:
    """The pointer to read an element through, and the position of the matrix's first one."""
    signature = emitter.signature
    place = signature.places[operand.node]
    emitter.ask(operand.node)
    at = plus(signature.offset(place, operand.node.shape), signature.size(operand.offset))
    for leaf, stride in operand.steps:
        at = plus(at, times(signature.loop_step(signature.counters[leaf]), signature.size(stride)))
    for coord, stride in zip(batch, operand.batch_strides, strict=True):
        at = plus(at, times(coord, signature.size(stride)))
    return signature.load_pointer(place), emitter.integer(at)
