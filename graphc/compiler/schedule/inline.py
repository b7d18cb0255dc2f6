"""The choice of what is materialised: other nodes are computed again by each kernel that reads
them.

An index map (a reshape, a transpose, a slice, ...), a constant, a size, a cast and random bits cost
less than the memory that would hold them. So does a chain of pointwise ops that reads no more bytes
than its result has, and an op that reads a statistic (the mean of a batch) beside a value or two.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compiler.graph import Node, toposort
from graphc.compiler.graph.dim import Shape, product, typical
from graphc.compiler.graph.ops import OPS, Work, ops_with
from graphc.compiler.schedule.strides import strided
from graphc.compiler.schedule.window_passes import passes_first

# Inlined whatever they read. Random bits are many instructions, and still cheaper than memory.
_FREE = ops_with(lambda traits: traits.work is Work.NONE) | {"random"}

# Nodes that one kernel may compute again: more would make its text long and spill registers.
MOST_RECOMPUTED = 24
MOST_INLINED = 96

# Values in memory that one kernel may read: more would make its parameters long.
MOST_POINTERS = 48

# Operands of a concatenation that is inlined into its readers; one of more operands is stored.
MOST_CONCATENATED = 40

# Reading a value costs nothing beside another one that is so many times as large.
SMALL = 16

# Operations that a product may compute for each element of an operand.
MOST_LIGHT = 3


def is_splat(node: Node) -> bool:
    """Return True for a constant whose elements are all one number: it is a literal, not memory."""
    if node.op != "constant":
        return False
    array: np.ndarray = node.attrs["value"]
    return array.size > 0 and array[(0,) * array.ndim].tobytes() * array.size == array.tobytes()


def is_leaf(node: Node) -> bool:
    """Return True if a node's value is in memory before the program runs."""
    return node.op in ("input", "shared") or (node.op == "constant" and not is_splat(node))


def _is_index_map(node: Node) -> bool:
    return OPS[node.op].traits.moves is not None


def nbytes(node: Node) -> int:
    """Return the bytes of a value with every symbol at a typical size, for comparisons."""
    return _bytes_of(node.shape, node.dtype)


@functools.lru_cache(maxsize=1024)  # a value is compared with each of its neighbours
def _bytes_of(shape: Shape, dtype: str) -> int:
    return typical(product(shape)) * np.dtype(dtype).itemsize


@dataclass(frozen=True)
class Scope:
    """A program, or the body of a loop, with the choice of what is materialised.

    Attributes:
        order: its nodes, each after its inputs, without those of the scope around.
        inline: the nodes that every reader computes for itself.
        reads: for each node, the values in memory that computing it reads: leaves, items of loops,
            stored nodes of this scope and of the scope around.
        counters: the leaves that count the steps of the loops around.
        cpu: whether a CPU runs it.
    """

    order: tuple[Node, ...]
    inline: frozenset[Node]
    reads: dict[Node, tuple[Node, ...]]
    counters: frozenset[Node]
    cpu: bool = False

    def stored(self) -> list[Node]:
        """The nodes that kernels compute, in order."""
        return [
            node
            for node in self.order
            if node not in self.inline and not is_leaf(node) and node.op not in ("scan", "item")
        ]


def choose_materialised(
    outputs: Sequence[Node],
    around: Collection[Node] = frozenset(),
    counters: frozenset[Node] = frozenset(),
    cpu: bool = False,
) -> Scope:
    """Decide for each node whether it is stored.

    Args:
        outputs: what the scope computes; always stored.
        around: the values in memory outside of this loop.
        counters: the leaves that count loops' steps; a gather by one is an index map.
        cpu: whether a CPU runs it. It stores bools that are drawn at random, which is cheaper than
            drawing them again, elements with holes between them, which are conditions to every
            reader, and what several products or convolutions would pack; and does not store results
            of `max_unpool` that only convolutions read.
    """
    order = tuple(node for node in toposort(outputs, stop=around) if node not in around)
    order = passes_first(order, outputs, around)
    forced = set(outputs)
    for node in order:
        if node.op == "scan":
            forced.update(_stored_inputs(node))
    unpools: frozenset[Node] = frozenset()
    if cpu:
        unpools = _unpools_of_convolutions(order, forced)
        forced.update(_stored_masks(order))
        forced.update(node for node in order if _has_holes(node))
    scope = _inlined(order, forced, counters, unpools, cpu)
    costly = _costly_operands(scope)
    costly |= _wide_operands(scope)
    if cpu:
        costly |= _shared_factors(scope) | _strided_images(scope) | _crosswise_rows(scope)
    return _inlined(order, forced | costly, counters, unpools, cpu) if costly else scope


def _unpools_of_convolutions(order: Sequence[Node], forced: Collection[Node]) -> frozenset[Node]:
    """Return each `max_unpool` of disjoint windows that only convolutions read, directly or through
    index maps: they read few of its elements, or copy them anyway."""
    readers: dict[Node, list[Node]] = {}
    for node in order:
        for x in node.inputs:
            readers.setdefault(x, []).append(node)

    def is_convolved(node: Node) -> bool:
        return node not in forced and all(
            reader.op == "conv" or (_is_index_map(reader) and is_convolved(reader))
            for reader in readers.get(node, ())
        )

    return frozenset(
        node
        for node in order
        if node.op == "max_unpool" and are_disjoint(node) and is_convolved(node)
    )


def _inlined(
    order: tuple[Node, ...],
    forced: set[Node],
    counters: frozenset[Node],
    unpools: frozenset[Node],
    cpu: bool,
) -> Scope:
    inline: set[Node] = set()
    reads: dict[Node, tuple[Node, ...]] = {}
    # Of an inlined node, the nodes that a reader computes for it, and their number if none is
    # shared.
    computed: dict[Node, frozenset[Node]] = {}
    weight: dict[Node, int] = {}
    operands: dict[Node, int] = {}  # of concatenations, those of nested ones included
    readers = Counter(x for node in order for x in set(node.inputs))
    for node in order:
        read: dict[Node, None] = {}
        total, together = 1, {node}
        if node.op == "concat":
            total = len(node.inputs) - 1  # choices
            operands[node] = sum(operands.get(x, 1) for x in node.inputs)
        for x in node.inputs:
            if x in inline:
                read.update(dict.fromkeys(reads[x]))
                total += weight[x]
                together |= computed[x]
            elif x not in counters:
                read[x] = None
        reads[node] = tuple(read)
        if node in forced or is_leaf(node) or node in counters:
            continue
        free = node.op in _FREE or is_splat(node) or node in unpools
        free = free or (node.op == "gather" and node.inputs[1] in counters)
        free = free and operands.get(node, 1) <= MOST_CONCATENATED
        cheap = (
            OPS[node.op].family == "pointwise"
            and total <= MOST_INLINED
            and len(together) <= MOST_RECOMPUTED
            and _is_cheaper_again(node, read, readers)
        )
        if (free and total <= MOST_INLINED) or cheap:
            inline.add(node)
            weight[node], computed[node] = total, frozenset(together)
    return Scope(order, frozenset(inline), reads, counters, cpu)


def _is_cheaper_again(node: Node, read: Collection[Node], readers: Counter[Node]) -> bool:
    """Return True if less memory is moved when each reader of a pointwise node computes it itself.

    Operands that are small beside the node cost nothing to read again. But where the large ones
    are computed, and the small ones are leaves (a bias), the node fuses with their kernel, unless
    other readers have these stored in any case.
    """
    own = nbytes(node)
    small = [x for x in read if nbytes(x) * SMALL <= own]
    large = [x for x in read if x not in small]
    moved = sum(map(nbytes, large))
    if moved + sum(map(nbytes, small)) <= own:
        return True
    are_stored = all(is_leaf(x) or readers[x] > 1 for x in large)
    known_before = all(map(is_leaf, small)) and not are_stored
    if not small or known_before:
        return False
    count = readers[node]
    return count * moved <= moved + own + count * own  # written once and read by each


def _stored_masks(order: Sequence[Node]) -> set[Node]:
    """Return the bools that are drawn at random and stored.

    A transposed one is drawn again, as strided bytes cost more than random bits. Behind a product
    it is stored: its kernel has the columns of one row together, and draws the bits of neighbours
    together, which are not those of a row then.
    """
    masks = {node for node in order if _is_drawn(node)}
    transposed = {x for node in order if node.op == "transpose" for x in node.inputs}
    return masks - (transposed - _masks_behind_products(order, masks))


def _masks_behind_products(order: Sequence[Node], masks: Collection[Node]) -> set[Node]:
    """Return the masks of results of products, or of values that are computed from one of them."""
    found: set[Node] = set()
    views = {mask: mask for mask in masks}
    results: set[Node] = set()
    for node in order:
        if node in masks:
            continue
        if node.op == "matmul":
            results.add(node)
        elif _is_index_map(node) and node.inputs[0] in views:
            views[node] = views[node.inputs[0]]
        elif results.isdisjoint(node.inputs):
            continue
        elif _is_index_map(node) or OPS[node.op].family == "pointwise":
            results.add(node)
            found.update(views[x] for x in node.inputs if x in views)
    return found


def _is_drawn(node: Node) -> bool:
    """Return True if a node compares random bits with something."""
    if node.dtype != "bool" or OPS[node.op].family != "pointwise":
        return False
    pending = list(node.inputs)
    while pending:
        x = pending.pop()
        if x.op == "random":
            return True
        if x.op == "cast":
            pending += x.inputs
    return False


def _has_holes(node: Node) -> bool:
    """Return True if a node puts zeros between elements, as the gradient of a slice with steps."""
    return node.op == "pad" and any(width != 0 for width in node.attrs["interior"])


def _costly_operands(scope: Scope) -> set[Node]:
    """Inlined pointwise nodes that a product reads and that are better stored.

    A product reads each element of an operand once a tile (and a pooling whose windows overlap,
    once a window), so that inlined nodes are computed many times, and by scalar loads in place of
    wide ones. A little arithmetic on values in memory is still cheaper than another pass over them.
    """
    costly: set[Node] = set()
    for reader in scope.order:
        if OPS[reader.op].family not in ("contraction", "window") or reads_once(reader):
            continue
        pending = [x for x in reader.inputs if x in scope.inline]
        seen = set(pending)
        while pending:
            node = pending.pop()
            if OPS[node.op].family == "pointwise" and node.op != "cast":
                if not _is_light(node, scope):
                    costly.add(node)
                continue
            new = [x for x in node.inputs if x in scope.inline and x not in seen]
            seen.update(new)
            pending += new
    return costly


def _wide_operands(scope: Scope) -> set[Node]:
    """Return inlined nodes of several operands whose readers would have too many pointers."""
    return {
        x
        for node in scope.order
        if node.op != "scan" and len(scope.reads[node]) > MOST_POINTERS
        for x in node.inputs
        if x in scope.inline and len(scope.reads[x]) > 1
    }


def _shared_factors(scope: Scope) -> set[Node]:
    """Return inlined index maps that kernels of several products would each pack, since they are no
    strided matrix in memory: a concatenation, a transpose whose axes a reshape joins.

    Products of one size that read it alike are mostly in one kernel, which packs it once anyway.
    """
    memory = {x for node in scope.order for x in (node, *node.inputs)} - scope.inline
    ways: dict[Node, set[tuple[Any, ...]]] = {}
    for node in scope.order:
        if node.op != "matmul":
            continue
        sizes = tuple(x.shape for x in node.inputs)
        for side, factor in enumerate(node.inputs):
            view = strided(factor, memory, scope.counters)
            if view is not None and view.is_matrix:
                continue
            source = _behind_transposes(factor)  # a product reads a stored matrix either way
            if source in scope.inline and _is_index_map(source) and scope.reads[source]:
                ways.setdefault(source, set()).add((factor, side, sizes))
    return {source for source, read in ways.items() if len(read) > 1}


def _strided_images(scope: Scope) -> set[Node]:
    """Return inlined slices with steps that several convolutions read, a gradient of weights among
    them: each would gather the elements."""
    readers: Counter[Node] = Counter()
    for node in scope.order:
        if node.op == "conv":
            readers.update(map(_behind_transposes, node.inputs))
    return {
        node
        for node, count in readers.items()
        if count > 1
        and node in scope.inline
        and node.op == "slice"
        and set(node.attrs["step"]) != {1}
    }


def _crosswise_rows(scope: Scope) -> set[Node]:
    """Return inlined rows that a scatter adds up, in the order of the rows that they belong to, and
    whose elements are no neighbours in memory: it would read a line of the cache for each."""
    return {
        values
        for node in scope.order
        if node.op == "scatter_add"
        for values in node.inputs[1:]
        if values in scope.inline and _reads_crosswise(values, scope)
    }


def _reads_crosswise(node: Node, scope: Scope) -> bool:
    """Return True if an inlined node reads values in memory whose last axis is not its own."""
    if node not in scope.inline:
        return False
    if node.op == "transpose" and node.attrs["order"][-1] != node.ndim - 1:
        return True
    is_elementwise = OPS[node.op].family == "pointwise" or node.op == "transpose"
    return is_elementwise and any(_reads_crosswise(x, scope) for x in node.inputs)


def _behind_transposes(node: Node) -> Node:
    while node.op == "transpose":
        (node,) = node.inputs
    return node


def reads_once(node: Node) -> bool:
    """Return True if a node is a pooling whose windows do not overlap, so that it reads each
    element at most once."""
    return OPS[node.op].traits.pools and are_disjoint(node)


def are_disjoint(node: Node) -> bool:
    """Return True if the windows of a pooling, or of its gradient, do not overlap."""
    pairs = zip(node.attrs["window"], node.attrs["strides"], strict=True)
    return all(extent <= stride for extent, stride in pairs)


def _is_light(node: Node, scope: Scope) -> bool:
    """Return True if an inlined chain is at most `MOST_LIGHT` operations of arithmetic on
    leaves."""
    chain, pending = [], [node]
    while pending:
        inner = pending.pop()
        if inner in scope.inline:
            chain.append(inner)
            pending += inner.inputs
        elif not is_leaf(inner):
            return False
    computed = [x for x in chain if OPS[x.op].family == "pointwise"]
    return len(computed) <= MOST_LIGHT and all(OPS[x.op].traits.work <= Work.ONE for x in chain)


def _stored_inputs(scan: Node) -> list[Node]:
    """Return the inputs that a loop needs in memory: the initial values of its carries, and the
    pointwise nodes that each of its steps would compute again."""
    carries = scan.attrs["carries"]
    return [
        node
        for k, node in enumerate(scan.inputs)
        if (k < carries or OPS[node.op].family == "pointwise") and not is_leaf(node)
    ]
