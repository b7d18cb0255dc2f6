"""The analysis of a graph: the status of each node in a step that takes its batch in shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from graphc.compiler.graph import BATCH, OPS, Node, body_args, toposort
from graphc.compiler.shards.batch_axis import (
    BatchAxis,
    IndivisibleError,
    batch_axes,
    carries_batch,
    drawn_axis,
    uniform_axis,
)
from graphc.compiler.shards.status import SAME, WHOLE, ZERO, Kind, Status, covering_status
from graphc.compiler.shards.table import SUMMED, TABLE, linear_groups


@dataclass
class Analysis:
    """The statuses of a graph's nodes.

    Attributes:
        of: the status of each node; of a scan the statuses of its items.
        reasons: of nodes that need all rows at once, by what they mix them.
        totals: of a scan, the operands whose sums over all shards each shard reads.
    """

    of: dict[Node, Status | tuple[Status, ...]] = field(default_factory=dict)
    reasons: dict[Node, str] = field(default_factory=dict)
    totals: dict[Node, frozenset[int]] = field(default_factory=dict)

    def status(self, node: Node) -> Status:
        """Return the status of a node with one value."""
        found = self.of[node]
        assert isinstance(found, Status)
        return found

    def is_local(self, node: Node) -> bool:
        """Return True for what a shard computes from its rows; of a scan, for a loop over them."""
        found = self.of[node]
        several = found if isinstance(found, tuple) else (found,)
        return any(one.is_local for one in several)

    def reads_whole(self, node: Node, k: int) -> bool:
        """Return True where a node that a shard computes reads the value that operand `k` has for
        the whole batch, and not what the shard has of it."""
        x = node.inputs[k]
        if not self.is_local(x):
            return True
        if node.op == "scan":
            return k in self.totals[node]
        if node.op == "item" or self.status(x).kind is not Kind.PARTIAL:
            return False
        return node.op != "own_batch" and self.status(node).kind is not Kind.PARTIAL


def statuses(outputs: Sequence[Node], given: Mapping[Node, Status] | None = None) -> Analysis:
    """Analyse a graph; `given` are the statuses of the arguments of a loop's body."""
    found = Analysis()
    found.of.update(given or {})
    for node in toposort(outputs):
        if node not in found.of:
            found.of[node] = _status(node, found)
    return found


def _status(node: Node, found: Analysis) -> Status | tuple[Status, ...]:
    try:
        if node.op == "scan":
            return _of_scan(node, found)
        if node.op == "item":
            items = found.of[node.inputs[0]]
            assert isinstance(items, tuple)
            status: Status = items[node.attrs["index"]]
            return status
        states = [found.status(x) for x in node.inputs]
        if any(state.kind is Kind.WHOLE for state in states):
            return WHOLE
        if any(state.kind is Kind.ROWS for state in states):
            return _of_rows(node, states)
        return _without_rows(node, states)
    except IndivisibleError as reason:
        found.reasons[node] = str(reason)
        return (WHOLE,) * len(node.dtype) if isinstance(node.dtype, tuple) else WHOLE


def _of_rows(node: Node, states: Sequence[Status]) -> Status:
    """The status of a node that reads rows."""
    batches = [state.batch for state in states]
    after = max(state.after_reading for state in states)
    batch = TABLE[node.op].rows(node, batches)
    left = batch_axes(node.shape)
    if batch is SUMMED:
        if left:
            raise IndivisibleError("it pairs rows of the batch with others")
        return Status(Kind.PARTIAL, after)
    assert isinstance(batch, BatchAxis)
    if left != [batch.axis]:
        raise IndivisibleError("it pairs rows of the batch with others")
    return Status(Kind.ROWS, after, batch)


def _without_rows(node: Node, states: Sequence[Status]) -> Status:
    """The status of a node whose operands have no rows."""
    after = max((state.after_reading for state in states), default=0)
    kinds = {state.kind for state in states}
    if node.op == "random" and batch_axes(node.shape):
        return Status(Kind.ROWS, after, drawn_axis(node.shape))
    if node.op == "input" and batch_axes(node.shape):
        return Status(Kind.ROWS, 0, _fed_axis(node))
    if node.op == "iota" and carries_batch(node.attrs["size"]):
        raise IndivisibleError("it counts the rows of the batch")
    if batch_axes(node.shape):
        if node.op != "broadcast":
            raise IndivisibleError("it has values at positions of the batch")
        return Status(Kind.ROWS, after, uniform_axis(node.shape))
    if node.op == "own_batch":
        return Status(Kind.OWN, max(state.after for state in states))
    if node.op == "constant":
        return SAME if np.any(node.attrs["value"]) else ZERO
    if OPS[node.op].traits.keeps_zero and kinds == {Kind.ZERO}:
        return ZERO
    if Kind.PARTIAL in kinds and _is_linear(node, states):
        return Status(Kind.PARTIAL, max(state.after for state in states))
    if Kind.OWN in kinds:
        return Status(Kind.OWN, after)
    if kinds & {Kind.PARTIAL, Kind.TOTAL}:
        return Status(Kind.TOTAL, after)
    return SAME


def _fed_axis(node: Node) -> BatchAxis:
    batch = drawn_axis(node.shape)
    if node.shape[batch.axis] != BATCH:
        raise IndivisibleError(f"its axis {batch.axis} has the size {node.shape[batch.axis]}")
    return batch


def _is_linear(node: Node, states: Sequence[Status]) -> bool:
    """Return True where the node is the sum of what it is in the shards."""
    summed, equal = {Kind.PARTIAL, Kind.ZERO}, {Kind.SAME, Kind.ZERO, Kind.OWN}
    return any(
        all(state.kind in (summed if k in group else equal) for k, state in enumerate(states))
        for group in linear_groups(node)
    )


# ---- loops --------------------------------------------------------------------------------------


def _of_scan(node: Node, found: Analysis) -> tuple[Status, ...]:
    """The statuses of a loop's items: those of its step's outputs, where the carries have a status
    that holds in all steps."""
    outputs, carries = node.attrs["body"].outputs, node.attrs["carries"]
    series = range(carries, carries + node.attrs["sequences"])
    if carries_batch(node.attrs["length"]):
        raise IndivisibleError("the loop goes along the batch")
    states = [found.status(x) for x in node.inputs]
    if any(state.kind is Kind.WHOLE for state in states):
        return (WHOLE,) * len(outputs)
    args = body_args(node)
    totals: frozenset[int] = frozenset()
    while True:
        arguments = [_read(state) if k in totals else state for k, state in enumerate(states)]
        for k in series:
            arguments[k] = _moved(arguments[k], -1)
        inner = _settled(outputs, args, arguments, carries)
        needed = {args.index(x) if x in args else -1 for x in _read_as_totals(inner, outputs)}
        if any(k < carries for k in needed):
            raise IndivisibleError("each step of the loop needs a sum over the batch")
        if needed <= totals:
            break
        totals |= needed
    found.totals[node] = totals
    items = [inner.status(x) for x in outputs]
    items[:carries] = arguments[:carries]
    after = max(state.after for state in (*items, *arguments))
    local = any(item.is_local for item in items)
    return tuple(
        _moved(_within(item, after, local), 1 if k >= carries else 0)
        for k, item in enumerate(items)
    )


def _settled(
    outputs: Sequence[Node], args: Sequence[Node], arguments: list[Status], carries: int
) -> Analysis:
    """Analyse the step of a loop; the statuses of the carries are changed to those that hold in
    every step."""
    while True:
        inner = statuses(outputs, dict(zip(args, arguments, strict=True)))
        for reason in inner.reasons.values():
            raise IndivisibleError(f"a step of the loop cannot be divided: {reason}")
        carried = zip(arguments[:carries], outputs[:carries], strict=True)
        new_statuses = [
            covering_status(argument, inner.status(output)) for argument, output in carried
        ]
        if new_statuses == arguments[:carries]:
            return inner
        arguments[:carries] = new_statuses


def _read_as_totals(inner: Analysis, outputs: Sequence[Node]) -> list[Node]:
    """The sums over shards whose whole values the step of a loop reads."""
    return [
        x
        for node in toposort(outputs)
        for k, x in enumerate(node.inputs)
        if x.op != "scan" and inner.status(x).kind is Kind.PARTIAL and inner.reads_whole(node, k)
    ]


def _read(state: Status) -> Status:
    return Status(Kind.TOTAL, state.after_reading)


def _moved(state: Status, by: int) -> Status:
    """The status of a slice of a sequence (`by` -1), or of what is stacked (1)."""
    if state.batch is None or by == 0:
        return state
    if state.batch.axis + by < 0:
        raise IndivisibleError("the loop goes along the batch")
    return replace(state, batch=state.batch.at(state.batch.axis + by))


def _within(item: Status, after: int, local: bool) -> Status:
    """The status of an item of a loop: what is equal in all shards is computed by each of them, if
    the loop goes over rows."""
    kind = Kind.OWN if local and not item.is_local else item.kind
    return replace(item, kind=kind, after=after)
