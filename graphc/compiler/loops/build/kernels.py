"""The plain program of a kernel of each kind.

A plain program says what is computed, without a word about how it runs: serial loops over the
kernel's extents in C order, one an axis, and the elements of all outputs in their body. Kernels of
kind rows and columns have loops over what is kept, and in these a nest over what is reduced for
each pass over it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from graphc.compiler.graph import OPS, Node, toposort
from graphc.compiler.graph.dim import Dim, Shape, product
from graphc.compiler.loops.build import draws, windows  # noqa: F401  (rules)
from graphc.compiler.loops.build.block import Block, Coords
from graphc.compiler.loops.build.builder import Builder, Need
from graphc.compiler.loops.build.reductions import (
    REDUCED,
    Reduced,
    accumulate,
    accumulators,
    along,
    purpose,
    reduce_together,
)
from graphc.compiler.loops.build.reshape import reshaped
from graphc.compiler.loops.build.storage import KernelBuffers
from graphc.compiler.loops.program import Body, LoopProgram, transformed, walk
from graphc.compiler.loops.statement import Check, Statement, Store
from graphc.compiler.loops.value import Load, Value
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.schedule.window_passes import window_passes

Walk: TypeAlias = Generator[Need, Value, None]


@dataclass(frozen=True)
class BuiltKernel:
    """A kernel as a plain program.

    Attributes:
        program: the program.
        words: the values of its arguments that are known: seeds and streams of random words.
        checks: of each `Check`, by its number, the node that tests and the words for what.
        nodes: of each `Let`, and of each register that carries a reduction, by its name, the node
            that it is an element of.
    """

    program: LoopProgram
    words: dict[str, int]
    checks: tuple[tuple[Node, str], ...]
    nodes: dict[str, Node]


def plain_program(kernel: Kernel, name: str, buffers: KernelBuffers) -> LoopProgram:
    """Return the plain program of a kernel, given where the values around it lie."""
    return build(kernel, name, buffers).program


def with_repeated_checks(program: LoopProgram) -> LoopProgram:
    """Return a program that writes states with checks that repeat those of earlier launches: what
    makes a test first writes its results elsewhere, and a later launch the states."""
    if not any(isinstance(one, Store) and one.guarded for one in walk(program.body)):
        return program

    def repeated(one: Statement) -> Body:
        if isinstance(one, Check) and one.is_tested:
            return (replace(one, is_repeated=True),)
        return (one,)

    return replace(program, body=transformed(program.body, repeated))


def build(kernel: Kernel, name: str, buffers: KernelBuffers) -> BuiltKernel:
    """Return the plain program of a kernel, with what a call gives it and what it tests."""
    builder = Builder(buffers)
    statements: list[Statement] = []
    for part in kernel.parts or (kernel,):
        body = builder.body()
        builder.run(_KINDS[part.kind](builder, part, body))
        statements += body.statements
    return built_kernel(builder, name, buffers, tuple(statements))


def built_kernel(
    builder: Builder, name: str, buffers: KernelBuffers, statements: Body
) -> BuiltKernel:
    """Return a plain program of statements, between the buffers around it."""
    outputs = {storage.buffer: None for places in buffers.outputs.values() for storage in places}
    read = (storage.buffer for storage in buffers.inputs.values())
    program = LoopProgram(
        name,
        tuple(dict.fromkeys(x for x in read if x in builder.read and x not in outputs)),
        tuple(outputs),
        tuple(builder.arguments.values()),
        statements,
        tuple(builder.indices.items()),
        builder.anywhere,
    )
    return BuiltKernel(program, builder.words, tuple(builder.checks), builder.nodes)


# ---- kinds --------------------------------------------------------------------------------------


def _elementwise(builder: Builder, kernel: Kernel, body: Block) -> Walk:
    """One nest over the extents, with an element of each output in its body."""
    inner, coords = builder.loops(body, kernel.extents, "i")
    yield from _store(builder, kernel.outputs, kernel.extents, coords, inner)
    inner.close(body)


def _products(builder: Builder, kernel: Kernel, body: Block) -> Walk:
    """As elementwise, and the products of equal sizes are summed by one loop."""
    inner, coords = builder.loops(body, kernel.extents, "i")
    at = {
        node: reshaped(coords, kernel.extents, node.shape, inner.ranges) for node in kernel.anchors
    }
    reduced = [REDUCED[node.op](node, at[node]) for node in kernel.anchors]
    if len({one.extents for one in reduced}) == 1:
        carried = yield from reduce_together(builder, inner, reduced)
        for node, (total,) in zip(kernel.anchors, carried, strict=True):
            inner.known[node, at[node]] = total
    yield from _store(builder, kernel.outputs, kernel.extents, coords, inner)
    inner.close(body)


def _windows(builder: Builder, kernel: Kernel, body: Block) -> Walk:
    """One nest over the windows. Outputs that are elements of what a pooling reads are stored in
    the loops over its taps: the schedule has such where windows hold each element once."""
    _gather_in_passes(builder, kernel)
    own = [node for node in kernel.outputs if product(node.shape) == product(kernel.extents)]
    for pooling in kernel.anchors:
        if pooling.op == "gather_pool":
            continue
        behind = set(toposort(pooling.inputs[:1], stop=kernel.inputs))
        others = [
            node
            for node in kernel.outputs
            if node not in own and not behind.isdisjoint((node, *node.inputs))  # packed bools
        ]
        if others:
            builder.beside[pooling] = tuple(others)
    inner, coords = builder.loops(body, kernel.extents, "i")
    yield from _store(builder, own, kernel.extents, coords, inner)
    inner.close(body)


def _convolution(builder: Builder, kernel: Kernel, body: Block) -> Walk:
    """A nest over the convolution's result, or over that of a pooling behind it; over one after the
    other where the windows do not cover a result that is stored, too."""
    (node,) = kernel.anchors
    builder.keeps_axes = True
    _gather_in_passes(builder, kernel)
    whole = [x for x in kernel.outputs if product(x.shape) == product(node.shape)]
    pooled = [x for x in kernel.outputs if x not in whole]
    poolings = [x for x in kernel.body if OPS[x.op].traits.pools]
    reduced = next((x for x in poolings if x.op != "gather_pool"), None)
    if pooled and whole and reduced is not None and _covers(reduced):
        builder.beside[reduced] = tuple(whole)
        whole = []
    for outputs in (whole, pooled):
        if outputs:
            extents = kernel.extents if outputs is whole else poolings[0].shape
            inner, coords = builder.loops(body, extents, "i")
            if outputs is whole:  # its sum is ahead of what else there is, as that of a product
                yield node, reshaped(coords, extents, node.shape, inner.ranges), inner
            yield from _store(builder, outputs, extents, coords, inner)
            inner.close(body)


def _gather_in_passes(builder: Builder, kernel: Kernel) -> None:
    """Have what is gathered at the places of maxima picked in the pass that finds these, but for
    what is in memory, of which few elements are read then."""
    in_memory = set(kernel.inputs)
    for argmax, *gathers in window_passes(kernel.body):
        own = {argmax.inputs[0], *in_memory}
        others = (one for one in gathers if one.inputs[1] not in own)
        builder.gathered[argmax] = tuple(others)


def _covers(pooling: Node) -> bool:
    """Return True if the windows of a pooling have each element of its operand once."""
    attrs, sizes = pooling.attrs, pooling.inputs[0].shape[2:]
    return attrs["window"] == attrs["strides"] and all(
        sides == (0, 0) and not isinstance(size, Dim) and size % extent == 0
        for sides, size, extent in zip(attrs["padding"], sizes, attrs["window"], strict=True)
    )


def _along_axes(builder: Builder, kernel: Kernel, body: Block) -> Walk:
    """Loops over what is kept. In them a pass over what is reduced for the reductions that need no
    other one, one for those that need the results of these, and so on; an output that has an
    element for each is stored in the first pass that has all that it needs."""
    extents, axes = kernel.extents, range(len(kernel.extents))
    kept = tuple(extents[axis] for axis in axes if axis not in kernel.reduced)
    row, outer = builder.loops(body, kept, "i")

    def element(inside: Coords) -> Coords:
        """The coordinates in the extents, given those along what is reduced."""
        left, right = iter(outer), iter(inside)
        return tuple(next(right) if axis in kernel.reduced else next(left) for axis in axes)

    level = _passes_before(kernel)
    of_rows = [node for node in kernel.outputs if product(node.shape) == product(kept)]
    elements = [node for node in kernel.outputs if node not in of_rows]
    for number in sorted({level[x] - 1 for x in kernel.anchors} | {level[x] for x in elements}):
        anchors = [node for node in kernel.anchors if level[node] == number + 1]
        stored = [node for node in elements if level[node] == number]
        carried = yield from _pass(builder, kernel, row, element, anchors, stored)
        for anchor, targets in zip(anchors, carried, strict=True):
            at = reshaped(outer, kept, anchor.shape, row.ranges)
            row.known[anchor, at] = targets[-1]
    yield from _store(builder, of_rows, kept, outer, row)
    row.close(body)


def _pass(
    builder: Builder,
    kernel: Kernel,
    row: Block,
    element: Callable[[Coords], Coords],
    anchors: Sequence[Node],
    stored: Sequence[Node],
) -> Generator[Need, Value, list[tuple[Load, ...]]]:
    """Return the accumulators of the reductions of a pass, which stores outputs, too."""
    extents = tuple(kernel.extents[axis] for axis in kernel.reduced)

    def reduced_of(anchor: Node) -> Reduced:
        (x,) = anchor.inputs
        return along(
            anchor,
            extents,
            lambda inside, ranges: reshaped(element(inside), kernel.extents, x.shape, ranges),
        )

    all_reduced = list(map(reduced_of, anchors))
    carried = [accumulators(builder, row, reduced) for reduced in all_reduced]
    inner, inside = builder.loops(row, extents, "k", purpose(all_reduced))
    terms = []
    for reduced in all_reduced:
        terms.append((yield from reduced.term(builder, inner, inside)))
    stores = yield from _stores(builder, stored, kernel.extents, element(inside), inner)
    for reduced, targets, term in zip(all_reduced, carried, terms, strict=True):
        accumulate(inner, reduced, targets, term)
    inner.add(*stores)
    inner.close(row)
    return carried


def _passes_before(kernel: Kernel) -> dict[Node, int]:
    """Return how many passes have to end before each node of a kernel can be computed."""
    level: dict[Node, int] = {}
    for node in (*kernel.inputs, *kernel.body):
        before = max((level.get(x, 0) for x in node.inputs), default=0)
        level[node] = before + (node in kernel.anchors)
    return level


def _store(
    builder: Builder, outputs: Sequence[Node], extents: Shape, coords: Coords, block: Block
) -> Walk:
    """Append stores of outputs at coordinates in extents that have as many elements as each."""
    block.add(*(yield from _stores(builder, outputs, extents, coords, block)))


def _stores(
    builder: Builder, outputs: Sequence[Node], extents: Shape, coords: Coords, block: Block
) -> Generator[Need, Value, list[Store]]:
    """Return these stores. All values are computed ahead of the first of them: a result may take
    the place of what another one reads."""
    elements = []
    for node in outputs:
        at = reshaped(coords, extents, node.shape, block.ranges)
        elements.append((node, at, (yield node, at, block)))
    return builder.stores(block, elements)


_KINDS: dict[str, Callable[[Builder, Kernel, Block], Walk]] = {
    "pointwise": _elementwise,
    "gather": _elementwise,
    "scatter": _elementwise,
    "window": _windows,
    "rows": _along_axes,
    "columns": _along_axes,
    "matmul": _products,
    "conv": _convolution,
}
"""The walk of each kind; the parts of an update are of kind pointwise."""
