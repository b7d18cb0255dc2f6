"""Loops. Where rows of the batch do not need each other, each thread takes all steps for rows of
its own: then no step waits for another thread, and a row's values stay in the thread's cache.

The right factors of products are the same at each step: they are laid out ahead of the loop as its
products read them.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.expression import Expression, Number, subscript
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import Matrix, NativeContext, NativeSignature, Share
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import Nest
from graphc.compiler.codegen.native.rows_product import laid_out
from graphc.compiler.codegen.native.scratch import Elements, Slot, array
from graphc.compiler.codegen.product import Direct
from graphc.compiler.codegen.scan import LowerStep, lower_scan
from graphc.compiler.codegen.statement import Assign, Statement, braces
from graphc.compiler.graph import Node, label, toposort
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.program.launch import DeviceLoop, DeviceStep, Formula, Launch
from graphc.compiler.schedule import Kernel, Loop, Step
from graphc.compiler.schedule.independent import RowAnalysis, Unfit
from graphc.compiler.schedule.persistent import elements_of
from graphc.compiler.targets.c_text import C_TYPES

_KINDS = ("pointwise", "gather", "matmul")
"""Kinds of kernels that compute the rows of a thread alone."""

LEAST = 1 << 25
"""Multiplications of all steps from which on threads divide a loop: what a smaller one reads and
writes stays in the cache of one core, and is dearer to hand to another than to compute."""

_ELEMENT = 8
"""Multiplications that take about as long as an element of a pointwise kernel."""


@dataclass(frozen=True, eq=False)
class SharedLoop(DeviceLoop):
    """A loop whose threads each take all steps for rows of their own.

    Attributes:
        rows: how many there are.
        work: about how many multiplications all steps together take, as factors.
    """

    rows: Size
    work: tuple[Formula, ...]


def lower_loop(loop: Loop, context: NativeContext, lower_step: LowerStep) -> list[DeviceStep]:
    """A loop, its rows divided over threads where that can be; else the kernels of a step say why
    it is not, and are each divided for themselves."""
    rows = _independent_rows(loop, {loop.step, *context.counters})
    share = None if isinstance(rows, str) else Share(rows)

    def body(step: Step, inner: Context) -> list[DeviceStep]:
        assert isinstance(inner, NativeContext)
        if loop.step not in inner.counters:  # a copy ahead of the loop, or behind it
            return lower_step(step, inner)
        if share is None:
            return lower_step(step, replace(inner, notes=(*context.notes, str(rows))))
        return lower_step(step, replace(inner, share=share))

    steps = lower_scan(loop, context, body)
    if share is None:
        return steps
    context.program.includes["host_rows.h"] = None
    (place,) = (k for k, step in enumerate(steps) if isinstance(step, DeviceLoop))
    whole = steps[place]
    shared = SharedLoop(
        **{one.name: getattr(whole, one.name) for one in fields(DeviceLoop)},
        rows=share.rows,
        work=(loop.scan.attrs["length"], share.rows, _work_of_a_row(loop)),
    )
    panels = [_panels(loop, share, context)] if share.matrices else []
    return [*steps[:place], *panels, shared, *steps[place + 1 :]]


def _independent_rows(loop: Loop, counters: Collection[Node]) -> Size | str:
    """How many rows a loop treats each by itself, or a sentence that says why it does not;
    `counters` count the steps of this loop and those around."""
    try:
        for step in loop.steps:
            _check(step, counters)
        return RowAnalysis(loop, [node for step in loop.steps for node in step.stores]).batch
    except Unfit as unfit:
        return f"each kernel of each step is divided over threads, not the loop: {unfit}"


def _check(step: Step, counters: Collection[Node]) -> None:
    if isinstance(step, Loop) or step.kind not in _KINDS:
        raise Unfit(f"its body has a kernel of kind {step.kind}")
    for node in step.body:
        if node.op == "gather" and node.inputs[1] not in counters:
            raise Unfit(f"an index is tested at each step ({label(node)})")
    for node in step.anchors:
        if not np.issubdtype(node.dtype, np.floating):
            raise Unfit(f"{label(node)} is a product of {node.dtype}")
        if isinstance(product(node.inputs[1].shape), Dim):
            raise Unfit(f"the size of {label(node.inputs[1])} is not known")


def _work_of_a_row(loop: Loop) -> int:
    """About how many multiplications one step takes for one row."""
    work = 0
    for step in loop.steps:
        assert isinstance(step, Kernel)
        work += sum(_ELEMENT * elements_of(node.shape[1:]) for node in step.outputs)
        work += sum(elements_of(node.inputs[1].shape) for node in step.anchors)
    return work


def _panels(loop: Loop, share: Share, context: NativeContext) -> Launch:
    """The function that lays out all right factors of a loop's products."""
    matrices = share.matrices
    order = toposort(list(matrices), stop=set(context.places))
    inputs = tuple(node for node in order if node in context.places)
    kernel = Kernel("pointwise", inputs, tuple(matrices), ())
    places = [matrix.place for matrix in matrices.values()]
    signature = NativeSignature(context.places, places, context.program.checks, context.counters)
    lines = [
        line
        for number, (node, matrix) in enumerate(matrices.items())
        for line in _laid_out(node, matrix, number, signature)
    ]
    name = context.name("panels")
    count = len(matrices)
    how = f"{count} right factor{'' if count == 1 else 's'} of products in the loop, as panels"
    return context.function(name, kernel, signature, lines, how)


def _laid_out(node: Node, matrix: Matrix, number: int, signature: NativeSignature) -> Sequence[str]:
    """The lines that lay out a right factor, which is computed first where it does not lie in
    memory as a matrix."""
    operand, scalar, count = matrix.operand, C_TYPES[node.dtype], matrix.k * matrix.n
    to = signature.store_pointer(matrix.place)
    if isinstance(operand, Direct):
        return [laid_out(operand, matrix.k, matrix.n, scalar, to, signature)]

    def element(emitter: NativeEmitter, position: Expression) -> list[Statement]:
        value = emitter.value(node, Index(node.shape, linear=position))
        return [Assign(subscript(f"r{number}", position), value)]

    nest = Nest(signature, product(node.shape), threads=False).listing(element)
    return [
        array(
            signature, scalar, f"r{number}", Slot.RIGHT, Elements.known(count, Number(count)), 0, 1
        ),
        *braces(nest).lines,
        f"gc_rows_panels<{scalar}>({matrix.k}, {matrix.n}, r{number}, {matrix.n}, 1, {to});",
    ]
