"""Rotate loops that begin with elementwise work, so that it runs one step ahead.

A gradient's step first computes, from its carries and slices, the left operands of its products,
and then the products:

    P: left = f(carry, slice)      M: carry = g(left . matrix, ...)

Two kernels a step: a product needs whole rows of its left operand. But P of the next step reads M
of this one element by element, so that one kernel computes both; the left operands become carries.
The first P runs before the loop, and the last one, whose result is unused, on zeros.
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
    """Return the same program, where loops of launches take one launch less a step if they can.

    Args:
        outputs: of the program.
        most_shared: see `graphc.compiler.schedule.persistent.persistent`; persistent loops stay.
    """

    def rule(loop: OpenScan, used: Sequence[int]) -> dict[int, Node] | None:
        lefts = _first_lefts(loop)
        if not lefts or _is_persistent(loop, used, most_shared):
            return None
        return _rotate(loop, used, lefts)

    return rewrite_scans(outputs, rule)


def _rotate(loop: OpenScan, used: Sequence[int], lefts: Sequence[Node]) -> dict[int, Node]:
    count = len(loop.carries)
    read = _read(lefts, loop)
    first = {node: _first(sequence, loop) for node, sequence in read}
    ahead = {node: loop.add_sequence(_ahead(sequence, loop)) for node, sequence in read}
    starts = substitute(lefts, {**first, **dict(zip(loop.carries, loop.starts, strict=True))})
    holders = [
        make("input", serial=("left", next(_serials)), shape=node.shape, dtype=node.dtype)
        for node in lefts
    ]
    carries = list(loop.carries)
    loop.replace(dict(zip(lefts, holders, strict=True)))
    following = substitute(lefts, {**ahead, **dict(zip(carries, loop.updates, strict=True))})
    loop.starts += starts
    loop.carries += holders
    loop.updates += following
    values = items(loop.close())
    return {k: values[k if k < count else k + len(lefts)] for k in used}


def _read(lefts: Sequence[Node], loop: OpenScan) -> list[tuple[Node, Node]]:
    """Return the slices that these nodes read, with their sequences."""
    order = set(toposort(lefts, stop=[*loop.carries, *loop.slices]))
    pairs = zip(loop.slices, loop.sequences, strict=True)
    return [(node, sequence) for node, sequence in pairs if node in order]


def _first(sequence: Node, loop: OpenScan) -> Node:
    """Return the slice of the first step that runs."""
    start = loop.length - 1 if loop.reverse else 0
    whole = _steps(sequence, start, start + 1)
    return make("reshape", whole, shape=sequence.shape[1:])


def _ahead(sequence: Node, loop: OpenScan) -> Node:
    """Return a sequence whose slice at a step is that of the step which runs next; zeros at the
    end."""
    zeros = [0] * sequence.ndim
    one = [1, *zeros[1:]]
    low, high = (one, zeros) if loop.reverse else (zeros, one)
    padded = make(
        "pad", sequence, low=tuple(low), high=tuple(high), interior=tuple(zeros), value=0.0
    )
    start = 0 if loop.reverse else 1
    return _steps(padded, start, start + loop.length)


def _steps(sequence: Node, start: Size, stop: Size) -> Node:
    return make(
        "slice",
        sequence,
        start=(start, *(0 for _ in sequence.shape[1:])),
        stop=(stop, *sequence.shape[1:]),
        step=(1,) * sequence.ndim,
    )


def _first_lefts(loop: OpenScan) -> list[Node]:
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
