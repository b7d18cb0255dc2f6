"""Rotate loops that begin with elementwise work, so that it runs one step ahead.

A step of the loop that computes a gradient has two parts: P computes the left operands of the
products from carries and slices, and M the products:

    P: left = f(carry, slice)      M: carry = g(left . matrix, ...)

These are two kernels, since a product reads whole rows of its left operand. But P of the next step
reads M of this step elementwise, so one kernel can compute both, and a step takes one launch less.
The left operands become carries. The first P runs before the loop; the last one reads zeros in
place of slices, and its result is unused.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.compiler.graph import Node, dependents, items, substitute, toposort
from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.ops import OPS, make
from graphc.compiler.passes.open_scan import OpenScan, rewrite_scans
from graphc.compiler.schedule.kernel import Loop, Persistent
from graphc.compiler.schedule.persistent import persistent
from graphc.compiler.schedule.scan_body import inline_body

_serials = itertools.count()


def rotate_loops(outputs: Sequence[Node], most_shared: int | None = None) -> list[Node]:
    """Return the outputs of the same program, with each loop rotated that begins with elementwise
    work. Loops that will be persistent are not rotated: their steps are not launches.

    Args:
        outputs: of the program.
        most_shared: see `graphc.compiler.schedule.persistent.persistent`.
    """

    def rule(loop: OpenScan, used: Sequence[int]) -> dict[int, Node] | None:
        lefts = _leading_left_operands(loop)
        if not lefts or _is_persistent(loop, used, most_shared):
            return None
        return _rotate(loop, used, lefts)

    return rewrite_scans(outputs, rule)


def _rotate(loop: OpenScan, used: Sequence[int], lefts: Sequence[Node]) -> dict[int, Node]:
    count = len(loop.carries)
    read = _slices_read(lefts, loop)
    first = {node: _first_slice(sequence, loop) for node, sequence in read}
    ahead = {node: loop.add_sequence(_shifted_by_a_step(sequence, loop)) for node, sequence in read}
    starts = substitute(lefts, {**first, **dict(zip(loop.carries, loop.starts, strict=True))})
    placeholders = [
        make("input", serial=("left", next(_serials)), shape=node.shape, dtype=node.dtype)
        for node in lefts
    ]
    carries = list(loop.carries)
    loop.replace(dict(zip(lefts, placeholders, strict=True)))
    following = substitute(lefts, {**ahead, **dict(zip(carries, loop.updates, strict=True))})
    loop.starts += starts
    loop.carries += placeholders
    loop.updates += following
    values = items(loop.close())
    return {k: values[k if k < count else k + len(lefts)] for k in used}


def _slices_read(lefts: Sequence[Node], loop: OpenScan) -> list[tuple[Node, Node]]:
    """Return the slices that these left operands read, with their sequences."""
    order = set(toposort(lefts, stop=[*loop.carries, *loop.slices]))
    pairs = zip(loop.slices, loop.sequences, strict=True)
    return [(node, sequence) for node, sequence in pairs if node in order]


def _first_slice(sequence: Node, loop: OpenScan) -> Node:
    """Return the slice of the step that runs first."""
    start = loop.length - 1 if loop.reverse else 0
    whole = _range_of_steps(sequence, start, start + 1)
    return make("reshape", whole, shape=sequence.shape[1:])


def _shifted_by_a_step(sequence: Node, loop: OpenScan) -> Node:
    """Return the sequence shifted by one step in the order of running, with zeros for the last."""
    zeros = [0] * sequence.ndim
    one = [1, *zeros[1:]]
    low, high = (one, zeros) if loop.reverse else (zeros, one)
    padded = make(
        "pad", sequence, low=tuple(low), high=tuple(high), interior=tuple(zeros), value=0.0
    )
    start = 0 if loop.reverse else 1
    return _range_of_steps(padded, start, start + loop.length)


def _range_of_steps(sequence: Node, start: Size, stop: Size) -> Node:
    return make(
        "slice",
        sequence,
        start=(start, *(0 for _ in sequence.shape[1:])),
        stop=(stop, *sequence.shape[1:]),
        step=(1,) * sequence.ndim,
    )


def _leading_left_operands(loop: OpenScan) -> list[Node]:
    """Return the left operands of the products that need no other product, if each is elementwise
    work on a carry; else none: the step does not begin with elementwise work."""
    arguments = [*loop.carries, *loop.slices]
    varying, elementwise, after_product = set(arguments), set(arguments), set()
    of_carry = dependents(loop.results, loop.carries)
    lefts: dict[Node, None] = {}
    for node in toposort(loop.results, stop=arguments):
        inputs = [x for x in node.inputs if x in varying]
        if not inputs:
            continue
        varying.add(node)
        if any(x in after_product for x in inputs):
            after_product.add(node)
        elif node.op == "matmul":
            left = node.inputs[0]
            if left not in elementwise or left in arguments or left not in of_carry:
                return []
            lefts[left] = None
            after_product.add(node)
        elif OPS[node.op].family == "pointwise" and all(x in elementwise for x in inputs):
            elementwise.add(node)
    return list(lefts)


def _is_persistent(loop: OpenScan, used: Sequence[int], most_shared: int | None) -> bool:
    scan = loop.close()
    body = inline_body(scan)
    values = items(scan)
    read = tuple(values[k] for k in used)
    initial = scan.inputs[: len(loop.carries)]
    whole = Loop(scan, body.step, body.carries, initial, body.outputs, read, tuple(scan.inputs), ())
    return isinstance(persistent(whole, most_shared), Persistent)
