"""An open scan, and the sweeps that rewrite every scan of a graph.

An open scan has placeholders for its carries and slices and reads outer values directly. There are
no arguments for constants: closing the scan lifts the largest sub-graphs that are the same at each
step (`make_scan`), so that loop-invariant work is hoisted whenever a scan is closed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.expressions.scan import body_args, item, items, make_scan
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import Body, make, remake
from graphc.compiler.graph.origin import inherit, origin, origin_of
from graphc.compiler.graph.walk import substitute, sweep, toposort

_serials = itertools.count()


@dataclass
class OpenScan:
    """A scan whose carries, sequences and results may be changed.

    Attributes:
        starts, carries, updates: for each carry its initial value (outside), the placeholder that
            the step reads, and its new value.
        sequences, slices: for each sequence the whole (outside) and the placeholder of a slice.
        stacks: the values that are stacked over the steps.
        length, reverse: as of the scan.
    """

    starts: list[Node]
    carries: list[Node]
    updates: list[Node]
    sequences: list[Node]
    slices: list[Node]
    stacks: list[Node]
    length: Size
    reverse: bool

    @property
    def results(self) -> list[Node]:
        """The results of a step: the updates, then the values that are stacked."""
        return [*self.updates, *self.stacks]

    def add_sequence(self, sequence: Node) -> Node:
        """Add a sequence. Return the placeholder of its slice."""
        self.sequences.append(sequence)
        self.slices.append(_placeholder(sequence.shape[1:], sequence.dtype))
        return self.slices[-1]

    def add_stacks(self, nodes: Sequence[Node]) -> None:
        """Stack these nodes too, each once."""
        self.stacks.extend(node for node in nodes if node not in self.stacks)

    def replace(self, replacement: Mapping[Node, Node]) -> None:
        """Replace nodes wherever the step reads or returns them."""
        results = substitute(self.results, replacement)
        self.updates = results[: len(self.updates)]
        self.stacks = results[len(self.updates) :]

    def keep_carries(self, kept: Sequence[int]) -> None:
        """Drop the carries at all other positions, which nothing may read any more."""
        self.starts = [self.starts[k] for k in kept]
        self.carries = [self.carries[k] for k in kept]
        self.updates = [self.updates[k] for k in kept]

    def close(self) -> Node:
        """Return the scan. A sequence that no step reads is left out."""
        read = set(toposort(self.results))
        kept = [k for k, node in enumerate(self.slices) if node in read]
        return make_scan(
            self.results,
            [*self.carries, *(self.slices[k] for k in kept)],
            self.starts,
            [self.sequences[k] for k in kept],
            [],
            self.length,
            self.reverse,
        )

    def per_step(self, closed: Node) -> dict[Node, Node]:
        """Nodes of the step whose values at all steps exist outside, with those values."""
        known = {node: item(closed, len(self.carries) + k) for k, node in enumerate(self.stacks)}
        known.update(zip(self.slices, self.sequences, strict=True))
        return known


def _placeholder(shape: tuple[Any, ...], dtype: str) -> Node:
    return make("input", serial=("loop", next(_serials)), shape=shape, dtype=dtype)


def open_scan(scan: Node) -> OpenScan:
    """Open a scan. The placeholders are new, so that two open scans share none."""
    args = body_args(scan)
    first, last = scan.attrs["carries"], scan.attrs["carries"] + scan.attrs["sequences"]
    holders = [_placeholder(node.shape, node.dtype) for node in args[:last]]
    outside = [*holders, *scan.inputs[last:]]
    results = substitute(scan.attrs["body"].outputs, dict(zip(args, outside, strict=True)))
    return OpenScan(
        starts=list(scan.inputs[:first]),
        carries=holders[:first],
        updates=results[:first],
        sequences=list(scan.inputs[first:last]),
        slices=holders[first:],
        stacks=results[first:],
        length=scan.attrs["length"],
        reverse=scan.attrs["reverse"],
    )


Rule = Callable[[OpenScan, Sequence[int]], Mapping[int, Node] | None]


def rewrite_scans(outputs: Sequence[Node], rule: Rule) -> list[Node]:
    """Apply a rule to each scan, those inside of bodies first.

    ``rule(loop, used)`` receives the open scan and the positions of its values that are read, in
    order. It returns the replacement of each, or None to leave the scan as it is.
    """
    outputs = rewrite_bodies(outputs, lambda body: rewrite_scans(body, rule))
    order = toposort(outputs)
    used: dict[Node, list[int]] = {}
    for node in order:
        if node.op == "item":
            used.setdefault(node.inputs[0], []).append(node.attrs["index"])
    if not used:  # most programs have no loop
        return list(outputs)
    new: dict[Node, Node] = {}
    values: dict[Node, Mapping[int, Node]] = {}
    for node in order:
        if node.op == "item":
            new[node] = inherit(values[node.inputs[0]][node.attrs["index"]], node)
            continue
        rebuilt = inherit(remake(node, tuple(new[x] for x in node.inputs)), node)
        new[node] = rebuilt
        if node in used:
            with origin(origin_of(rebuilt)):
                replaced = rule(open_scan(rebuilt), sorted(used[node]))
            values[node] = dict(enumerate(items(rebuilt))) if replaced is None else replaced
    return [new[node] for node in outputs]


def rewrite_bodies(
    outputs: Sequence[Node], rewrite: Callable[[Sequence[Node]], Sequence[Node]]
) -> list[Node]:
    """Apply a pass to the body of each scan, whose results keep their order and types."""
    bodies = [node.attrs["body"] for node in toposort(outputs) if node.op == "scan"]
    new = {body: Body(tuple(rewrite(body.outputs))) for body in dict.fromkeys(bodies)}
    if all(body == old for old, body in new.items()):
        return list(outputs)

    def visit(node: Node) -> Node:
        if node.op != "scan":
            return node
        return make("scan", *node.inputs, **{**node.attrs, "body": new[node.attrs["body"]]})

    return sweep(outputs, visit)


def fuse(loops: Sequence[OpenScan]) -> tuple[OpenScan, list[list[int]]]:
    """Fuse open scans of equal length and direction; none may depend on another.

    Equal sequences, carries and stacks are kept once. Carries are equal if their initial values and
    their updates are: this is assumed of all with one initial value, and the assumption is dropped
    where their updates then differ, until it holds (the coarsest bisimulation).

    Returns:
        The fused scan, and for each of `loops` the positions of its values (carries, then stacks).
    """
    slices: dict[Node, Node] = {}
    shared: dict[Node, Node] = {}
    for loop in loops:
        for sequence, holder in zip(loop.sequences, loop.slices, strict=True):
            shared[holder] = slices.setdefault(sequence, holder)
    starts = [start for loop in loops for start in loop.starts]
    carries = [carry for loop in loops for carry in loop.carries]
    stacks = [stack for loop in loops for stack in loop.stacks]
    updates = [update for loop in loops for update in loop.updates]
    groups = _numbered(starts)
    while True:
        leaders = [groups.index(group) for group in groups]
        merged = {carry: carries[leader] for carry, leader in zip(carries, leaders, strict=True)}
        results = substitute([*updates, *stacks], {**shared, **merged})
        refined = _numbered(list(zip(groups, results, strict=False)))
        if refined == groups:
            break
        groups = refined
    kept = list(dict.fromkeys(leaders))
    unique = list(dict.fromkeys(results[len(updates) :]))
    fused = OpenScan(
        starts=[starts[k] for k in kept],
        carries=[carries[k] for k in kept],
        updates=[results[k] for k in kept],
        sequences=list(slices),
        slices=list(slices.values()),
        stacks=unique,
        length=loops[0].length,
        reverse=loops[0].reverse,
    )
    position = {node: len(kept) + k for k, node in enumerate(unique)}
    carry_positions = iter(kept.index(leader) for leader in leaders)
    stack_positions = iter(position[node] for node in results[len(updates) :])
    positions = [
        [*itertools.islice(carry_positions, len(loop.carries))]
        + [*itertools.islice(stack_positions, len(loop.stacks))]
        for loop in loops
    ]
    return fused, positions


def _numbered(keys: Sequence[object]) -> list[int]:
    """Each key's number, counted in order of first appearance."""
    numbers: dict[object, int] = {}
    return [numbers.setdefault(key, len(numbers)) for key in keys]
