"""Sink sums over the steps below their loop: a weight's gradient is one matmul over all steps.

A carry ``acc = acc + f`` that nothing else reads ends as ``start + sum over t of f_t``. Where f is
a product the sum is one product with the steps in the summed axis:
sum over t of A_t @ B_t = [A_1 ... A_T] @ [B_1; ...; B_T]. Scattered rows (an embedding's gradient)
are scattered at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from graphc.compiler.graph.dim import Size
from graphc.compiler.graph.expressions.movement import reshape, transpose
from graphc.compiler.graph.expressions.scan import item
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make, remake
from graphc.compiler.graph.origin import origin, origin_of
from graphc.compiler.graph.walk import dependents, readers
from graphc.compiler.passes.open_scan import OpenScan, rewrite_scans
from graphc.compiler.passes.scan_batch import is_product, liftable, over_steps
from graphc.compiler.passes.scan_motion import frontier


@dataclass(frozen=True)
class Term:
    """An addend of a sum over the steps: linear ops around a core.

    `around` holds (node, position), the innermost first: the core, or what is inside, is the
    node's input at that position, and its other input does not vary.
    """

    core: Node
    around: tuple[tuple[Node, int], ...] = ()

    def rebuild(self, core: Node) -> Node:
        """Return the linear ops applied to another core."""
        value = core
        for node, position in self.around:
            inputs = (*node.inputs[:position], value, *node.inputs[position + 1 :])
            value = remake(node, inputs)
        return value


def sink_accumulations(outputs: Sequence[Node]) -> list[Node]:
    """Sink sums over the steps below their loop: of products, reductions, scattered rows and
    stacked values.

    Their operands are stacked for that, unless they are computed from sequences alone. Other
    addends stay in the loop: a stack of them takes more memory than their sum.
    """
    return rewrite_scans(outputs, _sink)


def _sink(loop: OpenScan, used: Sequence[int]) -> Mapping[int, Node] | None:
    reading = readers(loop.results)
    varying = dependents(loop.results, [*loop.carries, *loop.slices])
    sums = [_terms(_addends(loop, k, reading), varying, reading) for k in range(len(loop.carries))]
    operands = [x for terms in sums for term in terms for x in _operands(term.core, varying)]
    movable = liftable(operands, loop.slices, loop.carries)
    old = list(loop.stacks)
    loop.add_stacks(frontier(operands, varying, movable, lambda node: False))
    known = {*loop.slices, *loop.stacks}

    def leaves(term: Term) -> bool:
        return term.core in known or bool(_operands(term.core, varying))

    leaving = [[term for term in terms if leaves(term)] for terms in sums]
    if not any(leaving):
        return None
    for k, terms in enumerate(sums):
        if leaving[k]:
            loop.updates[k] = loop.carries[k]
            for term in terms:
                if not leaves(term):
                    loop.updates[k] = make("add", loop.updates[k], term.rebuild(term.core))
    starts = list(loop.starts)
    kept = [
        k for k, carry in enumerate(loop.carries) if not leaving[k] or loop.updates[k] is not carry
    ]
    loop.keep_carries(kept)
    closed = loop.close()
    per_step = loop.per_step(closed)
    values = []
    for k, start in enumerate(starts):
        value = item(closed, kept.index(k)) if k in kept else start
        for term in leaving[k]:
            with origin(origin_of(term.core)):
                total = _sum_over_steps(term.core, per_step, loop.length)
                value = make("add", value, term.rebuild(total))
        values.append(value)
    return dict(enumerate([*values, *over_steps(old, per_step, loop.length)]))


def _addends(loop: OpenScan, k: int, reading: Mapping[Node, list[Node]]) -> list[Node]:
    """Return the f, g, ... of a carry with the update acc + f + g ... and no other reader, else
    none."""
    carry, node = loop.carries[k], loop.updates[k]
    results = loop.results
    if node is carry or results.count(node) > 1 or reading[node]:
        return []
    # From the carry up: each sum that contains it is read by the next one only.
    addends: list[Node] = []
    below = carry
    while below is not node:
        if below in results or len(reading.get(below, ())) != 1:
            return []
        above = reading[below][0]
        if above.op == "add":
            addends.append(above.inputs[1] if above.inputs[0] is below else above.inputs[0])
        elif above.op == "sub" and above.inputs[0] is below:
            addends.append(make("neg", above.inputs[1]))
        else:
            return []
        below = above
    return addends


def _terms(
    addends: Sequence[Node], varying: Collection[Node], reading: Mapping[Node, list[Node]]
) -> list[Term]:
    """Return the addends, divided at linear ops."""
    found: list[Term] = []
    pending = [Term(node) for node in reversed(addends)]
    while pending:
        term = pending.pop()
        node, around = term.core, term.around
        # A sum with several readers stays whole: divided, it would be computed once for each.
        if node.op in ("add", "sub") and len(reading.get(node, ())) <= 1:
            left, right = node.inputs
            right = make("neg", right) if node.op == "sub" else right
            pending += [Term(right, around), Term(left, around)]
            continue
        position = _linear_in(node, varying)
        if position is None:
            found.append(term)
        else:
            pending.append(Term(node.inputs[position], ((node, position), *around)))
    return found


def _linear_in(node: Node, varying: Collection[Node]) -> int | None:
    """The position of the one varying input that a node is linear in, if there is one."""
    if node.op in ("neg", "reshape", "transpose"):
        return 0
    if node.op == "mul" or is_product(node, varying):
        positions = [k for k, x in enumerate(node.inputs) if x in varying]
        return positions[0] if len(positions) == 1 else None
    return None


def _operands(core: Node, varying: Collection[Node]) -> tuple[Node, ...]:
    """Return the values to stack so that a core is summed over the steps; none if that does not
    pay."""
    if core.op in ("matmul", "scatter_add") and all(x in varying for x in core.inputs):
        return core.inputs
    return core.inputs if core.op == "sum" and core in varying else ()


def _sum_over_steps(core: Node, per_step: Mapping[Node, Node], length: Size) -> Node:
    """Return the sum over t of core_t; `per_step` holds the stacked operands."""
    if core in per_step:
        return make("sum", per_step[core], axes=(0,))
    if core.op == "sum":
        (stacked,) = over_steps(core.inputs, per_step, length)
        return make("sum", stacked, axes=(0, *(axis + 1 for axis in core.attrs["axes"])))
    if core.op == "scatter_add":
        indices, updates = over_steps(core.inputs, per_step, length)
        axis = core.attrs["axis"]
        # The steps are the first axis of the indices, so they move to where the indices' axes are.
        order = (*range(1, axis + 1), 0, *range(axis + 1, updates.ndim))
        return make("scatter_add", indices, transpose(updates, order), **core.attrs)
    left, right = core.inputs
    return make(
        "matmul",
        _steps_in_columns(left, per_step, length),
        _steps_in_rows(right, per_step, length),
    )


def _steps_in_rows(node: Node, per_step: Mapping[Node, Node], length: Size) -> Node:
    """Reshape (T, ..., k, n) to (..., T*k, n)."""
    (stacked,) = over_steps([node], per_step, length)
    steps, *lead, rows, columns = stacked.shape
    axes = range(1, len(lead) + 1)
    moved = transpose(stacked, (*axes, 0, len(lead) + 1, len(lead) + 2))
    return reshape(moved, (*lead, steps * rows, columns))


def _steps_in_columns(node: Node, per_step: Mapping[Node, Node], length: Size) -> Node:
    """Reshape (T, ..., m, k) to (..., m, T*k)."""
    if node.op == "transpose" and node.attrs["order"] == (1, 0):
        return transpose(_steps_in_rows(node.inputs[0], per_step, length), (1, 0))
    (stacked,) = over_steps([node], per_step, length)
    steps, *lead, rows, columns = stacked.shape
    axes = range(1, len(lead) + 1)
    moved = transpose(stacked, (*axes, len(lead) + 1, 0, len(lead) + 2))
    return reshape(moved, (*lead, rows, steps * columns))
