"""How a block fetches its tiles of a product's operands from memory."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.codegen.c_text import C_TYPES, plus, times
from graphc.compiler.codegen.emitter import Emitter
from graphc.compiler.codegen.product import Axis, Direct, Operand
from graphc.compiler.codegen.signature import Signature
from graphc.compiler.codegen.tiles import Tile
from graphc.compiler.graph.dim import Dim, Size, exact_quotient


@dataclass(frozen=True)
class Fetch:
    """One operand's tiles, as templates/product.cu.j2 prints them.

    Attributes:
        name: of its variables.
        span: rows of the left or columns of the right operand in a tile.
        first: the variable that holds the first of them.
        fast: the axis along which threads lie side by side.
        wide: whether a thread fetches four neighbours at once.
        count: how often a thread fetches in one step.
        spare: whether there are threads without anything to fetch.
        inside: the condition under which there is an element; "" where there always is one.
        lines, value: its text.
    """

    name: str
    span: int
    first: str
    fast: Axis
    wide: bool
    count: int
    spare: bool
    inside: str
    lines: str
    value: str


def fetch(
    emitter: Emitter,
    operand: Operand,
    name: str,
    side: str,
    sizes: tuple[Size, Size],
    tile: Tile,
    batch: tuple[str, ...],
    dtype: str,
) -> tuple[Fetch, str]:
    """The fetch of one operand, and the lines above the loop that it needs.

    Args:
        emitter: prints the text; it has printed all that was asked for before.
        operand: what is fetched.
        name: of its variables.
        side: "left" or "right".
        sizes: of the outer axis and of k.
        tile: the tile of the result.
        batch: the names of the batch coordinates.
        dtype: of the operand.
    """
    span = tile.rows if side == "left" else tile.columns
    outer_size, k = sizes
    wide = isinstance(operand, Direct) and is_aligned(operand, emitter.signature, sizes)
    elements = span * tile.depth // (4 if wide else 1)
    conditions = []
    if isinstance(outer_size, Dim) or outer_size % span:
        conditions.append(f"outer < {emitter.signature.size(outer_size)}")
    if isinstance(k, Dim) or k % tile.depth:
        conditions.append("inner < k_end")
    head = ""
    if isinstance(operand, Direct):
        pointer, start = _start(emitter, operand, batch)
        head = emitter.take()
        row = emitter.signature.size(operand.row)
        slow, quick = ("outer", "inner") if operand.fast == "k" else ("inner", "outer")
        at = plus(plus(start, times(slow, row)), quick)
        if wide:
            lines, value = "", f"gc_load4({pointer} + ({at}))"
        else:
            lines, value = "", f"{pointer}[{at}]"
    else:
        value = operand.value(emitter, batch, "outer", "inner")
        lines = emitter.take()
    return (
        Fetch(
            name=name,
            span=span,
            first="first_row" if side == "left" else "first_column",
            fast=operand.fast,
            wide=wide,
            count=-(-elements // tile.threads),
            spare=elements % tile.threads != 0,
            inside=" && ".join(conditions),
            lines=lines,
            value=value,
        ),
        head,
    )


def is_aligned(operand: Direct, signature: Signature, sizes: tuple[Size, Size]) -> bool:
    """Whether each four neighbours that begin at a multiple of four are one aligned word: known
    before the call, for all sizes."""
    place = signature.places[operand.node]
    if place.step is not None:
        return False
    fast = sizes[0] if operand.fast == "outer" else sizes[1]
    strides = (operand.row, *operand.batch_strides, *(stride for _, stride in operand.steps))
    return all(exact_quotient(size, 4) is not None for size in (fast, operand.offset, *strides))


def element(emitter: Emitter, operand: Operand, batch: tuple[str, ...], outer: str, k: str) -> str:
    """One element of an operand, whose text is printed where the emitter is."""
    if not isinstance(operand, Direct):
        return operand.value(emitter, batch, outer, k)
    pointer, start = _start(emitter, operand, batch)
    slow, quick = (outer, k) if operand.fast == "k" else (k, outer)
    at = plus(plus(start, times(slow, emitter.signature.size(operand.row))), quick)
    return emitter.define(C_TYPES[operand.node.dtype], f"{pointer}[{at}]")


def _start(emitter: Emitter, operand: Direct, batch: tuple[str, ...]) -> tuple[str, str]:
    """The pointer to read through, and the position of the matrix's first element."""
    signature = emitter.signature
    place = signature.places[operand.node]
    at = plus(signature.offset(place, operand.node.shape), signature.size(operand.offset))
    for leaf, stride in operand.steps:
        at = plus(at, times(signature.loop_step(signature.counters[leaf]), signature.size(stride)))
    for coord, stride in zip(batch, operand.batch_strides, strict=True):
        at = plus(at, times(coord, signature.size(stride)))
    return signature.load_pointer(place), emitter.integer(at)
