"""Random words.

A part of a draw has some of the indices along one axis of the whole, from one on. The axes from
that one on are a contiguous run in both, so the number of a word in the whole draw is that of its
element in the part plus a shift, the same for all elements of a run.
"""

from __future__ import annotations

from collections.abc import Generator

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, product
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import NO_ATTRIBUTES, Builder, Need, rule
from graphc.compiler.loops.index import as_index, position
from graphc.compiler.loops.value import Apply, Constant, IndexValue, RandomWord, Value


@rule("random")
def _random(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    step = yield node.inputs[0], (), block
    shift: Value = Constant(0, "int64")
    if node.attrs["axis"] is not None:
        shift = yield from _shift(builder, node, coords, block)
    word = RandomWord(
        block.ranges.simplified(position(coords, node.shape)),
        shift,
        step,
        builder.argument("call_step", "uint64"),
        builder.word(node.attrs["seed"], "seed"),
        builder.word(node.attrs["stream"], "stream"),
    )
    return builder.let(block, node, word)


def _shift(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    """Return ``(run * (whole - size) + first) * inner`` with the number of the run that an element
    is in, the length of the whole axis, its own, and where it begins there."""
    axis = node.attrs["axis"]
    before = coords[:axis]
    home = builder.home(block, before, node.shape[:axis])
    key = ("shift", node, before)
    found = home.find(key)
    if found is not None:
        return found
    whole = yield node.inputs[1], (), home
    first = yield node.inputs[2], (), home
    run = IndexValue(position(before, node.shape[:axis]), "int64")
    longer = _apply("sub", whole, _size(node.shape[axis]))
    begin = _apply("add", _apply("mul", run, longer), first)
    shift = _apply("mul", begin, _size(product(node.shape[axis + 1 :])))
    home.known[key] = found = builder.named(home, "shift", shift)
    return found


def _size(size: Size) -> Value:
    return IndexValue(as_index(size), "int64")


def _apply(op: str, *operands: Value) -> Value:
    return Apply(op, operands, "int64", NO_ATTRIBUTES)
