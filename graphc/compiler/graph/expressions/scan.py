"""The expression surface: the structured loop.

finals, (states,) = scan(
    lambda carries, slices: ((h := tanh(dot(slices[0], W) + dot(carries[0], U)),), (h,)),
    init=[h0],
    sequences=[xs],
)
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.expressions.operands import as_node
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import Body, Work, arg_types, make, ops_with
from graphc.compiler.graph.walk import dependents, substitute, toposort

Step = Callable[[tuple[Node, ...], tuple[Node, ...]], tuple[Sequence[object], Sequence[object]]]

_serials = itertools.count()

# What a body computes from these alone stays in the body: it costs nothing to make it there.
_FREE = ops_with(lambda traits: traits.work is Work.NONE)


def scan(
    step: Step,
    init: Sequence[object],
    sequences: Sequence[object] = (),
    length: Size | None = None,
    reverse: bool = False,
) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
    """Run `step` once for each slice of the sequences along axis 0.

    Args:
        step: ``step(carries, slices) -> (new_carries, outputs)``, called once, on symbols. What it
            reads from outside becomes a constant of the loop.
        init: the carries before the first step; shapes and dtypes stay.
        sequences: nodes whose axis 0 is time.
        length: the number of steps; needed only where there is no sequence.
        reverse: run from the last slice to the first. Outputs are stacked at the place of their
            slice either way.

    Returns:
        The carries after the last step, and each output stacked along a new axis 0.
    """
    starts = [as_node(x) for x in init]
    series = [as_node(x) for x in sequences]
    for k, node in enumerate(series):
        if node.ndim == 0:
            fail(f"scan: sequence {k} is a scalar; axis 0 of a sequence is the loop's")
    steps = _length(series, length)
    carries = tuple(_placeholder(node.shape, node.dtype) for node in starts)
    slices = tuple(_placeholder(node.shape[1:], node.dtype) for node in series)
    new_carries, outputs = step(carries, slices)
    if len(new_carries) != len(carries):
        fail(f"scan: {len(carries)} carries go into the step, {len(new_carries)} come out")
    results = [as_node(x) for x in (*new_carries, *outputs)]
    loop = make_scan(results, [*carries, *slices], starts, series, [], steps, reverse)
    values = items(loop)
    return values[: len(starts)], values[len(starts) :]


def _length(series: Sequence[Node], length: Size | None) -> Size:
    if length is None:
        if not series:
            fail("scan: without a sequence, `length` has to say how many steps there are")
        length = series[0].shape[0]
    checks = SizeChecks()
    for k, node in enumerate(series):
        length = checks.equal(length, node.shape[0], "scan: steps of sequence {}", k)
    return length


def _placeholder(shape: tuple[Any, ...], dtype: str) -> Node:
    return make("input", serial=("scan", next(_serials)), shape=shape, dtype=dtype)


def make_scan(
    step_outputs: Sequence[Node],
    args: Sequence[Node],
    init: Sequence[Node],
    sequences: Sequence[Node],
    constants: Sequence[Node],
    length: Size,
    reverse: bool,
) -> Node:
    """The scan whose step computes `step_outputs` from `args`.

    Args:
        step_outputs: the new carries, then what is stacked.
        args: the nodes that stand for carries, slices and constants in them, in this order:
            placeholders or ``arg`` nodes.
        init, sequences, constants: what the args stand for.

    What the outputs read that does not depend on the args is lifted to further constants.
    """
    lifted = _lifted(step_outputs, args)
    inputs = (*init, *sequences, *constants, *lifted)
    types = arg_types(inputs, len(init), len(sequences))
    replacement = {
        node: make("arg", index=k, shape=shape, dtype=dtype)
        for k, (node, (shape, dtype)) in enumerate(zip((*args, *lifted), types, strict=True))
    }
    body = Body(tuple(substitute(step_outputs, replacement)))
    return make(
        "scan",
        *inputs,
        body=body,
        carries=len(init),
        sequences=len(sequences),
        length=length,
        reverse=reverse,
    )


def _lifted(step_outputs: Sequence[Node], args: Sequence[Node]) -> list[Node]:
    """The largest sub-graphs that read no arg, in topological order.

    A broadcast stays in the body and what it stretches is lifted: the loop reads the small value.
    """
    order = toposort(step_outputs, stop=args)
    given = set(args)
    inside = dependents(step_outputs, args) | given
    for node in order:
        if node.op in _FREE and all(x in inside and x not in given for x in node.inputs):
            inside.add(node)
    lifted = set(step_outputs) - inside
    for node in reversed(order):
        if node in lifted and node.op == "broadcast":
            lifted.remove(node)
            inside.add(node)
        if node in inside and node not in given:
            lifted.update(x for x in node.inputs if x not in inside)
    return [node for node in order if node in lifted]


def body_args(loop: Node) -> list[Node]:
    """The ``arg`` nodes of a scan's body, one for each input. The sizes of one may be written in
    another way than those of its input, where they are equal only at the call."""
    own = {x.attrs["index"]: x for x in toposort(loop.attrs["body"].outputs) if x.op == "arg"}
    types = arg_types(loop.inputs, loop.attrs["carries"], loop.attrs["sequences"])
    return [
        own[k] if k in own else make("arg", index=k, shape=shape, dtype=dtype)
        for k, (shape, dtype) in enumerate(types)
    ]


def item(loop: Node, index: int) -> Node:
    """One value of a scan: the final carries come first, then the stacks."""
    return make("item", loop, index=index)


def items(loop: Node) -> tuple[Node, ...]:
    """All values of a scan."""
    return tuple(item(loop, k) for k in range(len(loop.dtype)))
