"""The gradient of `scan`: a scan that runs the other way.

Step i of the backward loop pulls the cotangents of step i's outputs back to its arguments:

- carries: the cotangents of the forward carries, then a running sum for each constant;
- sequences: forward values that the step reads (residuals), the cotangents of the stacks, and the
  forward sequences that it reads;
- stacked outputs: the cotangents of the sequences.

Residuals come from the forward loop with further stacked outputs. It has the length, sequences and
initial carries of the loop that is differentiated, so a pass merges the two. Only what connects
an output that has a cotangent with an input that wants one is built.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from graphc.compiler import graph as g
from graphc.compiler.grad.forward_scan import ForwardScan, forward_scan
from graphc.compiler.grad.residuals import forward_reads
from graphc.compiler.grad.reverse import pull_back, varied
from graphc.compiler.grad.table import Cotangent, define_whole
from graphc.compiler.graph import Node, item, make, make_scan, toposort

_serials = itertools.count()


def _item(cotangent: Node, node: Node, wanted: Sequence[bool]) -> tuple[Cotangent, ...]:
    """Of a scan's values, this one has the cotangent."""
    values: list[Node | None] = [None] * len(node.inputs[0].dtype)
    values[node.attrs["index"]] = cotangent
    return (tuple(values),)


def _scan(
    cotangents: tuple[Node | None, ...], node: Node, wanted: Sequence[bool]
) -> tuple[Node | None, ...]:
    loop = forward_scan(node)
    reached = _reached(loop, wanted)
    active = _active_carries(loop, cotangents, reached)
    arrived = {k: cotangent for k, cotangent in enumerate(cotangents) if cotangent is not None}
    stacks = [
        k
        for k in range(loop.carries, len(loop.outputs))
        if k in arrived and loop.outputs[k] in reached
    ]
    # The step: cotangents of outputs in, of arguments out.
    incoming = {k: _placeholder(loop.args[k].shape, loop.args[k].dtype) for k in active}
    slices = {k: _placeholder(arrived[k].shape[1:], arrived[k].dtype) for k in stacks}
    seeds = [(loop.outputs[k], c) for k, c in (*incoming.items(), *slices.items())]
    targets = [*active, *(k for k in (*loop.series_at(), *loop.constants_at()) if wanted[k])]
    pulled = dict(zip(targets, pull_back(seeds, [loop.args[k] for k in targets]), strict=True))
    grads = {k: grad for k, grad in pulled.items() if grad is not None}
    if not grads:
        return (None,) * len(wanted)
    summed = [k for k in loop.constants_at() if k in grads]
    stacked = [k for k in loop.series_at() if k in grads]
    sums = {k: _placeholder(loop.args[k].shape, loop.args[k].dtype) for k in summed}
    step_outputs = [
        *(grads[k] if k in grads else _zeros(loop.args[k]) for k in active),
        *(make("add", sums[k], grads[k]) for k in summed),
        *(grads[k] for k in stacked),
    ]
    reads = forward_reads(loop, step_outputs, cotangents=[*incoming.values(), *slices.values()])
    residuals, series, constants = _split(loop, reads)
    backward = make_scan(
        step_outputs,
        args=[
            *incoming.values(),
            *sums.values(),
            *residuals,
            *slices.values(),
            *(loop.args[k] for k in series),
            *(loop.args[k] for k in constants),
        ],
        init=[
            *(arrived[k] if k in arrived else _zeros(node.inputs[k]) for k in active),
            *(_zeros(node.inputs[k]) for k in summed),
        ],
        sequences=[
            *_stacked_residuals(loop, residuals),
            *(arrived[k] for k in stacks),
            *(node.inputs[k] for k in series),
        ],
        constants=[node.inputs[k] for k in constants],
        length=node.attrs["length"],
        reverse=not node.attrs["reverse"],
    )
    positions = {k: position for position, k in enumerate((*active, *summed, *stacked))}
    return tuple(
        item(backward, positions[k]) if needed and k in grads else None
        for k, needed in enumerate(wanted)
    )


def _placeholder(shape: tuple[Any, ...], dtype: str) -> Node:
    return make("input", serial=("grad", next(_serials)), shape=shape, dtype=dtype)


def _zeros(like: Node) -> Node:
    return g.zeros(like.shape, like.dtype)


def _reached(loop: ForwardScan, wanted: Sequence[bool]) -> set[Node]:
    """The body's nodes through which a gradient reaches a wanted input, in whatever later step."""
    order = toposort(loop.outputs)
    sources = {arg for arg, needed in zip(loop.args, wanted, strict=True) if needed}
    while True:
        found = varied(loop.outputs, order, sources)
        more = {loop.args[k] for k in range(loop.carries) if loop.outputs[k] in found} - sources
        if not more:
            return found
        sources |= more


def _active_carries(
    loop: ForwardScan, cotangents: Sequence[Node | None], reached: set[Node]
) -> list[int]:
    """Return the carries on a path from an output with a cotangent to a wanted input."""
    active: set[int] = set()
    pending = [k for k, cotangent in enumerate(cotangents) if cotangent is not None]
    done: set[Node] = set()
    carry_of = {loop.args[k]: k for k in range(loop.carries)}
    while pending:
        k = pending.pop()
        if k < loop.carries:
            active.add(k)
        walk = [loop.outputs[k]]
        while walk:
            node = walk.pop()
            if node in done or node not in reached:
                continue
            done.add(node)
            walk.extend(node.inputs)
            if node in carry_of and carry_of[node] not in active:
                pending.append(carry_of[node])
    return sorted(k for k in active if loop.args[k] in reached)


def _split(loop: ForwardScan, reads: Sequence[Node]) -> tuple[list[Node], list[int], list[int]]:
    """Residuals, and the positions of the sequences and the constants that are read themselves."""
    position = {arg: k for k, arg in enumerate(loop.args)}
    series = [position[node] for node in reads if position.get(node) in loop.series_at()]
    constants = [position[node] for node in reads if position.get(node) in loop.constants_at()]
    direct = {loop.args[k] for k in (*series, *constants)}
    return [node for node in reads if node not in direct], series, constants


def _stacked_residuals(loop: ForwardScan, residuals: Sequence[Node]) -> list[Node]:
    """Each residual over all steps, from the forward loop with what it lacks stacked as well."""
    position = {node: k for k, node in enumerate(loop.outputs) if k >= loop.carries}
    extra = [node for node in residuals if node not in position]
    if not extra:
        return [item(loop.node, position[node]) for node in residuals]
    position.update({node: len(loop.outputs) + k for k, node in enumerate(extra)})
    extended = make_scan(
        [*loop.outputs, *extra],
        args=loop.args,
        init=loop.init,
        sequences=loop.series,
        constants=loop.constants,
        length=loop.node.attrs["length"],
        reverse=loop.node.attrs["reverse"],
    )
    return [item(extended, position[node]) for node in residuals]


define_whole("item", _item)
define_whole("scan", _scan)
