"""The division of a graph: what each shard computes from its rows, and what is computed once.

The root of a step is computed once, from sums over all shards; a sum that rows depend on (a count
of non-zero weights, the mean of a mask) is known only after a first pass over the shards:

    first pass:  rows -> sums that the shard graph reads
    shard graph: rows, sums of the first pass -> sums that the root reads, rows that it gathers
    root:        all sums, gathered rows -> outputs, new values of states

Some sums the root may compute from gathered rows itself (`graphc.compiler.shards.from_rows`).
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from graphc.compiler.graph import (
    BATCH,
    OPS,
    Moves,
    Node,
    Size,
    body_args,
    inherit,
    label,
    make,
    make_scan,
    ops_with,
    remake,
    set_name,
    toposort,
)
from graphc.compiler.graph.dim import exact_quotient
from graphc.compiler.graph.expressions.random import range_of_draw
from graphc.compiler.shards.analysis import Analysis, statuses
from graphc.compiler.shards.batch_axis import BatchAxis, batch_axes, carries_batch, drawn_axis
from graphc.compiler.shards.from_rows import sums_from_rows, with_clipped_indices
from graphc.compiler.shards.status import Kind
from graphc.errors import ArgumentError

_serials = itertools.count()

# Ops whose result is at least as large as their input: done once, after the sum, not in each shard.
_MOVES = ops_with(lambda traits: traits.keeps_elements or traits.moves is Moves.PADDED)


@dataclass(frozen=True)
class Divided:
    """The three graphs that a graph is divided into.

    Attributes:
        first, shard, root: the outputs of each, see the module; there may be none.
        first_sums: the inputs for the sums of the outputs of `first`.
        sums: the inputs for the sums of the outputs of `shard`.
        from_rows: further inputs of the root for sums, and how these are computed from rows.
        rows: the inputs for rows of the whole batch, which are the last outputs of `shard`, and
            their batch axes.
        sizes: inputs, and the sizes of the whole batch that they are fed.
        starts: inputs, and the sizes that the number of the shard's first row is multiplied by for
            them.
    """

    first: list[Node]
    shard: list[Node]
    root: list[Node]
    first_sums: list[Node]
    sums: list[Node]
    from_rows: dict[Node, Node]
    rows: dict[Node, BatchAxis]
    sizes: dict[Node, Size]
    starts: dict[Node, Size]


def divide(
    fetched: Sequence[Node], updates: Sequence[Node], name: str, from_rows: bool = False
) -> Divided:
    """Divide a graph whose inputs have their rows along axes of the size `BATCH`.

    Args:
        fetched: what a call returns; where it mixes rows, the root computes it from all of them.
        updates: new values of states, which have to be sums over rows, and what follows from these.
        name: of the function, for messages.
        from_rows: whether sums are computed from the rows of all shards, where that may be.

    ArgumentError for what cannot be computed shard by shard; it names the layer and the op.
    """
    outputs = [*fetched, *updates]
    analysis, order = statuses(outputs), toposort(outputs)
    for node in updates:
        if analysis.status(node).kind is Kind.WHOLE:
            _refuse_mixed(node, analysis, name)
    leaves = _Leaves()
    known: dict[Node, Node] = {}
    products = sums_from_rows(order, analysis) if from_rows else set()
    root = _Cut(name, analysis, order, known, whole=outputs, is_root=True, products=products)
    marked = _Cut(name, analysis, order, known, local=[*root.sums, *root.rows])
    first = _Cut(name, analysis, order, known, local=marked.sums)
    sums = [node for node in root.sums if node not in marked.sums]
    kept = {*sums, *root.rows}
    shard = _Cut(name, analysis, order, known, local=[node for node in order if node in kept])
    return Divided(
        leaves.put([first.as_local[node] for node in marked.sums]),
        leaves.put([shard.as_local[node] for node in (*sums, *root.rows)]),
        leaves.put([root.as_whole[node] for node in outputs]),
        [known[node] for node in marked.sums],
        [known[node] for node in sums],
        root.products,
        {known[node]: _batch_axis_of(analysis, node) for node in root.rows},
        leaves.sizes,
        leaves.starts,
    )


def _batch_axis_of(analysis: Analysis, node: Node) -> BatchAxis:
    batch = analysis.status(node).batch
    assert batch is not None
    return batch


class _Cut:
    """A part of a graph, as a shard computes it or as the root does.

    Attributes:
        sums, rows: the nodes that inputs stand for, in topological order: sums over all shards, and
            rows of all of them.
        products: inputs that stand for sums, and how these are computed from rows.
        as_local, as_whole: what is computed for a node: by a shard, and for the whole batch.
    """

    def __init__(
        self,
        name: str,
        analysis: Analysis,
        order: Sequence[Node],
        known: dict[Node, Node],
        local: Iterable[Node] = (),
        whole: Iterable[Node] = (),
        is_root: bool = False,
        products: Collection[Node] = (),
    ):
        """Build what the nodes of `local` and of `whole` need; `known` has the inputs that stand
        for nodes in any part of the graph, and gets those that are new. The sums of `products` are
        computed from rows."""
        self._name, self._analysis, self._is_root = name, analysis, is_root
        self._local, self._whole, self._products = set(local), set(whole), products
        self._factors = {x for node in products for x in node.inputs}
        self._reader: dict[Node, Node] = {}
        sums, rows = set(), set()
        for node in reversed(order):
            if node in self._whole:
                found = self._whole_of(node)
                sums.update([node] if found is Kind.PARTIAL else [])
                rows.update([node] if found is Kind.ROWS else [])
            if node in self._local:
                self._read(node)
        self.sums = [node for node in order if node in sums]
        self.rows = [node for node in order if node in rows]
        computed = dict.fromkeys(node for node in order if node in products and node in self._whole)
        for node in (*self.sums, *self.rows, *computed):
            if node not in known:
                known[node] = _stand_in(node.shape, node.dtype, label(node))
        self.products: dict[Node, Node] = {}
        self.as_local: dict[Node, Node] = {}
        self.as_whole: dict[Node, Node] = {node: known[node] for node in (*self.sums, *self.rows)}
        for node in order:
            self._build(node)
            if node in computed:
                self.products[known[node]] = with_clipped_indices(self.as_whole[node])
                self.as_whole[node] = known[node]

    def _whole_of(self, node: Node) -> Kind | None:
        """Mark what the whole value of a node is computed from: PARTIAL or ROWS where that is what
        the shards have of it."""
        analysis = self._analysis
        if not analysis.is_local(node) or node.op == "input" or node in self._products:
            self._need_whole(node, node.inputs)
            return None
        state = analysis.status(node)
        if node.op == "transpose" and node in self._factors:
            self._need_whole(node, node.inputs)
            return None
        if state.kind is Kind.ROWS:
            return Kind.ROWS
        if state.kind is Kind.OWN:
            self._refuse_own(node)
        if _passes_on(node, analysis):
            self._need_whole(node, node.inputs)
            return None
        if state.after and not self._is_root:
            self._refuse_pass(node)
        return Kind.PARTIAL

    def _need_whole(self, node: Node, inputs: Iterable[Node]) -> None:
        for x in inputs:
            self._whole.add(x)
            if node in self._reader:
                self._reader.setdefault(x, self._reader[node])

    def _read(self, node: Node) -> None:
        """Mark what a shard reads to compute a node."""
        for k, x in enumerate(node.inputs):
            if not self._analysis.reads_whole(node, k):
                self._local.add(x)
                continue
            self._whole.add(x)
            self._reader.setdefault(x, node)

    def _build(self, node: Node) -> None:
        whole, local = self.as_whole, self.as_local
        if node in self._whole and node not in whole:
            whole[node] = inherit(remake(node, tuple([whole[x] for x in node.inputs])), node)
        if node in self._local:
            inputs = tuple(
                [
                    whole[x] if self._analysis.reads_whole(node, k) else local[x]
                    for k, x in enumerate(node.inputs)
                ]
            )
            local[node] = inherit(remake(node, inputs), node)

    # ---- errors ---------------------------------------------------------------------------------

    def _refuse_pass(self, node: Node) -> None:
        reader = self._reader.get(node, node)
        raise ArgumentError(
            f"{self._name}: shards: {label(reader)} reads, for each row, the sum over the whole "
            f"batch {label(node)}, which depends on another such sum. Expected at most one sum "
            "ahead of the rows of a step (a count of weights, the mean of a mask): each takes a "
            "pass over all shards. Train with shards=1, take the mean over axes of a sample "
            "instead of the batch's, or use BatchNormalization, whose statistics are a shard's own"
        )

    def _refuse_own(self, node: Node) -> None:
        raise ArgumentError(
            f"{self._name}: shards: {label(node)} has another value in each shard, as own_batch "
            "says, and an output or an update of the whole batch reads it; rows_mean(x, rows) is "
            "its mean over the shards, weighted by their rows"
        )


def _refuse_mixed(update: Node, analysis: Analysis, name: str) -> None:
    mixing = next(node for node in toposort([update]) if node in analysis.reasons)
    raise ArgumentError(
        f"{name}: shards: {label(mixing)} cannot be computed shard by shard: "
        f"{analysis.reasons[mixing]}; and a new value of a variable depends on it. Expected values "
        "of single samples, and sums and means over the batch, received a use of the batch axis "
        "that mixes its samples. Write it for each sample, or train with shards=1"
    )


def _passes_on(node: Node, analysis: Analysis) -> bool:
    """Return True for a sum over shards that is computed from a single one, of the same size or
    smaller: that one is added up, and the node computed once from it."""
    states = [analysis.of[x] for x in node.inputs]
    kinds = [state.kind for state in states if not isinstance(state, tuple)]
    return (
        (node.op in _MOVES or OPS[node.op].family == "pointwise")
        and kinds.count(Kind.PARTIAL) == 1
        and Kind.OWN not in kinds
    )


def _stand_in(shape: tuple[Size, ...], dtype: str, name: str) -> Node:
    node = make("input", serial=("shards", next(_serials)), shape=shape, dtype=dtype)
    return set_name(node, name)


class _Leaves:
    """Makes leaves those of the whole batch: sizes, and positions of random draws.

    Attributes:
        sizes, starts: as of `Divided`.
    """

    def __init__(self) -> None:
        self.sizes: dict[Node, Size] = {}
        self.starts: dict[Node, Size] = {}
        self._inputs: dict[tuple[str, Size], Node] = {}

    def put(self, outputs: Sequence[Node]) -> list[Node]:
        """Return the outputs with such leaves, in the bodies of loops too."""
        # A size of a shard's own.
        own = [
            node for node in toposort(outputs) if node.op == "own_batch" and node.inputs[0].closed
        ]
        new: dict[Node, Node] = {node: node for node in own}
        for node in toposort(outputs, stop=own):
            if node not in new:
                inputs = tuple([new[x] for x in node.inputs])
                new[node] = inherit(self._put(remake(node, inputs)), node)
        return [new[node] for node in outputs]

    def _put(self, node: Node) -> Node:
        if node.op == "dim" and carries_batch(node.attrs["size"]):
            return self._size(node.attrs["size"])
        if node.op == "random" and batch_axes(node.shape):
            axis = drawn_axis(node.shape).axis
            inner = exact_quotient(node.shape[axis], BATCH)
            assert inner is not None
            return range_of_draw(node, axis, self._size(node.shape[axis]), self._start(inner))
        if node.op == "scan":
            return self._loop(node)
        return node

    def _loop(self, node: Node) -> Node:
        attrs, outputs = node.attrs, node.attrs["body"].outputs
        new = self.put(outputs)
        if new == list(outputs):
            return node
        series = attrs["carries"] + attrs["sequences"]
        return make_scan(
            new,
            body_args(node),
            node.inputs[: attrs["carries"]],
            node.inputs[attrs["carries"] : series],
            node.inputs[series:],
            attrs["length"],
            attrs["reverse"],
        )

    def _size(self, size: Size) -> Node:
        return self._input("size", size, self.sizes, f"the size {size} of the whole batch")

    def _start(self, inner: Size) -> Node:
        return self._input("start", inner, self.starts, "the position of the shard's first row")

    def _input(self, what: str, size: Size, table: dict[Node, Size], name: str) -> Node:
        node = self._inputs.get((what, size))
        if node is None:
            node = self._inputs[what, size] = _stand_in((), "int64", name)
            table[node] = size
        return node
