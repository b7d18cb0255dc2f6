"""Indexed access: gather."""

from __future__ import annotations

from collections.abc import Generator

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import Builder, Need, rule
from graphc.compiler.loops.index import Index, as_index, index_of, position
from graphc.compiler.loops.value import Constant, IndexValue, Value
from graphc.compiler.schedule.clipped import is_clipped


@rule("gather")
def _gather(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    values, indices = node.inputs
    axis, rank = node.attrs["axis"], len(indices.shape)
    which = coords[axis : axis + rank]
    row = yield from checked_index(builder, node, indices, which, values.shape[axis], block)
    return (yield values, (*coords[:axis], row, *coords[axis + rank :]), block)


def checked_index(
    builder: Builder, node: Node, indices: Node, coords: Coords, size: Size, block: Block
) -> Generator[Need, Value, Index]:
    """Return an element of `indices`, which is below `size` for all that read it, as an index. It
    is tested unless it is proved: a counter of a loop, a position, a literal."""
    if indices in builder.buffers.steps:  # a slice of a loop's sequence
        return index_of(builder.buffers.steps[indices][0])
    home = builder.home(block, coords, indices.shape)
    key = ("index", node, coords)
    found = block.find(key)
    if isinstance(found, IndexValue):
        _know(found.index, size, block)
        return found.index
    value = yield indices, coords, home
    known: Index | None = None
    if isinstance(value, Constant):
        known = as_index(int(value.number))
    elif isinstance(value, IndexValue):
        known = value.index
    if known is None or not home.ranges.is_inside((known,), (size,)):
        if is_clipped(indices, size):
            known = builder.known_index(home, value, size)
        else:
            place = position(coords, indices.shape)
            known = builder.check(home, node, "index", value, size, place)
    home.known[key] = IndexValue(known, indices.dtype)
    _know(known, size, block)
    return known


def _know(index: Index, size: Size, block: Block) -> None:
    """Note in a block the range of a variable that a block around binds."""
    for variable in index.variables:
        if variable not in block.ranges.ends:
            block.ranges = block.ranges.within(variable, size)
