"""Loops. Where rows of the batch do not need each other, each thread takes all steps for rows of
its own: then no step waits for another thread, and a row's values stay in the thread's cache.

What is the same at each step, as the right operands of products in the order in which these read
them, is computed ahead of the loop.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

import numpy as np

from graphc.compiler.graph import Node, label
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.lowering.context import Context
from graphc.compiler.lowering.cpu.context import NativeContext, Share
from graphc.compiler.lowering.loops import LowerStep, lower_scan
from graphc.compiler.program.launch import DeviceLoop, DeviceStep, Formula
from graphc.compiler.schedule import Kernel, Loop, Step
from graphc.compiler.schedule.independent import RowAnalysis, Unfit
from graphc.compiler.schedule.persistent import elements_of

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
    return [*steps[:place], *share.ahead, shared, *steps[place + 1 :]]


def _independent_rows(loop: Loop, counters: Collection[Node]) -> Size | str:
    """How many rows a loop treats each by itself, or a sentence that says why it does not;
    `counters` count the steps of this loop and those around."""
    try:
        for step in loop.steps:
            _check(step, counters)
        rows = RowAnalysis(loop, [node for step in loop.steps for node in step.stores]).batch
        if rows == 1:
            raise Unfit("there is one row")
        return rows
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
