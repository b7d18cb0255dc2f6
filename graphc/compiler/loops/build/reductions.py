"""Ops that are reductions of several elements: how one more of them is added.

The value of such a node is an accumulator in a register: it begins as the reduction's identity, and
each turn of a loop nest adds one element. The order is that of the loops: C order over what is
reduced. Several reductions over equal extents share one nest.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Shape
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import (
    NO_ATTRIBUTES,
    Builder,
    Need,
    note,
    rule,
    undecided,
)
from graphc.compiler.loops.build.gather import checked_index
from graphc.compiler.loops.build.movement import behind_borders
from graphc.compiler.loops.index import position
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.reduction import REDUCTIONS
from graphc.compiler.loops.statement import Accumulate, Statement, Store
from graphc.compiler.loops.value import Apply, Condition, Constant, IndexValue, Load, Value


@dataclass(frozen=True)
class Contribution:
    """An element that one turn adds to a reduction.

    Attributes:
        block: where: the body of the loops, or of a condition in it.
        values: one; of argmax and argmin its place, too.
        beside: statements that follow it.
    """

    block: Block
    values: tuple[Value, ...]
    beside: tuple[Statement, ...] = ()


ContributionRule: TypeAlias = Callable[
    [Builder, Block, Coords], Generator[Need, Value, Contribution]
]


@dataclass(frozen=True)
class Reduced:
    """An element of a node as a reduction.

    Attributes:
        node: the node.
        op: a key of `REDUCTIONS`.
        dtype: of what is reduced.
        extents: of the loops.
        term: what a turn adds, given the body of the loops and the coordinates in it.
    """

    node: Node
    op: str
    dtype: str
    extents: Shape
    term: ContributionRule


REDUCED: dict[str, Callable[[Node, Coords], Reduced]] = {}
"""Each op that is a reduction, as one at coordinates."""


def accumulators(builder: Builder, block: Block, reduced: Reduced) -> tuple[Load, ...]:
    """Return the registers that carry a reduction, with its identity in them."""
    reduction = REDUCTIONS[reduced.op]
    carried = []
    dtypes = reduction.dtypes(reduced.dtype)
    for start, dtype in zip(reduction.starts(reduced.dtype), dtypes, strict=True):
        carried.append(builder.register(block, "s", dtype))
        block.add(Store(carried[-1], Constant(start, dtype)))
        builder.nodes[carried[-1].buffer.name] = reduced.node
    return tuple(carried)


def accumulate(
    inner: Block, reduced: Reduced, targets: tuple[Load, ...], term: Contribution
) -> None:
    """Append the statements of a turn: one more term."""
    term.block.add(Accumulate(reduced.op, targets, term.values, note(reduced.node)), *term.beside)
    term.block.close(inner)


def reduce_together(
    builder: Builder, block: Block, all_reduced: Sequence[Reduced]
) -> Generator[Need, Value, list[tuple[Load, ...]]]:
    """Return the accumulators of reductions over equal extents, which one loop nest computes."""
    carried = [accumulators(builder, block, reduced) for reduced in all_reduced]
    inner, coords = builder.loops(block, all_reduced[0].extents, "k", purpose(all_reduced))
    terms = []
    for reduced in all_reduced:
        terms.append((yield from reduced.term(builder, inner, coords)))
    for reduced, targets, term in zip(all_reduced, carried, terms, strict=True):
        accumulate(inner, reduced, targets, term)
    inner.close(block)
    return carried


def purpose(all_reduced: Sequence[Reduced]) -> str:
    """Return the words for what a loop over the elements of reductions is for: their ops."""
    return ", ".join(dict.fromkeys(reduced.node.op for reduced in all_reduced))


def _alone(
    builder: Builder, node: Node, coords: Coords, block: Block
) -> Generator[Need, Value, Value]:
    (targets,) = yield from reduce_together(builder, block, [REDUCED[node.op](node, coords)])
    return targets[-1]


def reduction(*ops: str) -> Callable[[Callable[[Node, Coords], Reduced]], None]:
    """Register ops that are reductions."""

    def register(function: Callable[[Node, Coords], Reduced]) -> None:
        for op in ops:
            REDUCED[op] = function
            rule(op)(_alone)

    return register


def within(block: Block, conditions: Sequence[Condition]) -> Block | None:
    """Return where a term under conditions is: None if there is none."""
    left = undecided(block.ranges, conditions)
    if left is None:
        return None
    return block.branch(left) if left else block


# ---- along axes ---------------------------------------------------------------------------------


@reduction("sum", "prod", "max", "min", "any", "all", "argmax", "argmin")
def _along_axes(node: Node, coords: Coords) -> Reduced:
    (x,) = node.inputs
    axes = node.attrs["axes"]
    extents = tuple(x.shape[axis] for axis in axes)

    def element(reduced: Coords, ranges: Ranges) -> Coords:
        kept, inner = iter(coords), iter(reduced)
        return tuple(next(inner) if axis in axes else next(kept) for axis in range(x.ndim))

    return along(node, extents, element)


def along(node: Node, extents: Shape, element: Callable[[Coords, Ranges], Coords]) -> Reduced:
    """Return a reduction along axes as one over `extents`, given which element of its input is at
    coordinates in these."""
    (x,) = node.inputs

    def term(
        builder: Builder, block: Block, reduced: Coords
    ) -> Generator[Need, Value, Contribution]:
        value = yield x, element(reduced, block.ranges), block
        if REDUCTIONS[node.op].is_placed:
            return Contribution(block, (value, IndexValue(position(reduced, extents), "int32")))
        return Contribution(block, (value,))

    return Reduced(node, node.op, x.dtype, extents, term)


# ---- products -----------------------------------------------------------------------------------


@reduction("matmul")
def _matmul(node: Node, coords: Coords) -> Reduced:
    left, right = node.inputs
    *batch, row, column = coords
    k = left.shape[-1] if not isinstance(left.shape[-1], Dim) else right.shape[-2]

    def term(
        builder: Builder, block: Block, reduced: Coords
    ) -> Generator[Need, Value, Contribution]:
        (inner,) = reduced
        a = yield left, (*batch, row, inner), block
        b = yield right, (*batch, inner, column), block
        return Contribution(block, (_product(node, a, b),))

    return Reduced(node, "sum", node.dtype, (k,), term)


@reduction("conv")
def _conv(node: Node, coords: Coords) -> Reduced:
    image, kernel = node.inputs
    sample, filter_, *windows = coords
    attrs = node.attrs

    def term(
        builder: Builder, block: Block, reduced: Coords
    ) -> Generator[Need, Value, Contribution]:
        channel, *taps = reduced
        reach = [
            window * stride + tap * hole
            for window, tap, stride, hole in zip(
                windows, taps, attrs["strides"], attrs["kernel_dilation"], strict=True
            )
        ]
        low = [before for before, _ in attrs["padding"]]
        inner, conditions = behind_borders(
            tuple(reach), image.shape[2:], low, attrs["input_dilation"], block.ranges
        )
        inside = within(block, conditions)
        if inside is None:
            return Contribution(block, (Constant(0, node.dtype),))
        inner = tuple(map(inside.ranges.simplified, inner))
        a = yield image, (sample, channel, *inner), inside
        b = yield kernel, (filter_, channel, *taps), inside
        return Contribution(inside, (_product(node, a, b),))

    return Reduced(node, "sum", node.dtype, kernel.shape[1:], term)


def _product(node: Node, a: Value, b: Value) -> Value:
    return Apply("mul", (a, b), node.dtype, NO_ATTRIBUTES)


@reduction("scatter_add")
def _scatter_add(node: Node, coords: Coords) -> Reduced:
    """All indices are met, and the updates of those that name this row are added in order."""
    indices, updates = node.inputs
    axis, size = node.attrs["axis"], node.attrs["size"]

    def term(
        builder: Builder, block: Block, reduced: Coords
    ) -> Generator[Need, Value, Contribution]:
        row = yield from checked_index(builder, node, indices, reduced, size, block)
        inside = within(block, [Condition(row - coords[axis], equal=True)])
        if inside is None:
            return Contribution(block, (Constant(0, node.dtype),))
        value = yield updates, (*coords[:axis], *reduced, *coords[axis + 1 :]), inside
        return Contribution(inside, (value,))

    return Reduced(node, "sum", node.dtype, indices.shape, term)
