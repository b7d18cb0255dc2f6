"""Kernels that run as loop programs on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from graphc.compiler.graph import toposort
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.lowering.cpu.context import NativeContext
from graphc.compiler.lowering.mapped import MappedKernel, mapped_kernel
from graphc.compiler.program.launch import CallSizes, Launch, Scratch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cpu.facts import this_machine
from graphc.compiler.targets.cpu.printer import print_program
from graphc.compiler.targets.mapping import Mapping

_ONE = (1, 1, 1)


def lower_by_mapping(
    kernel: Kernel, context: NativeContext, table: Sequence[Mapping]
) -> Launch | None:
    """Return the launch of a kernel as a loop program, by the first mapping of a table that
    applies; None where none does.

    Of several launches those that end at a barrier of the program are the same at each step of the
    loop whose rows threads divide: they run ahead of it.
    """
    rows = None if context.share is None else context.share.rows
    mapped = mapped_kernel(kernel, context, this_machine(), table, rows)
    if mapped is None:
        return None
    *ahead, last = mapped.in_launches(context)
    for one in ahead:
        assert context.share is not None
        context.share.ahead.append(_launch(replace(one, kernel=_layout(one)), context))
    return _launch(last, context)


def _layout(mapped: MappedKernel) -> Kernel:
    """Return what writes operands of a kernel's products in another layout as a kernel of its
    own."""
    assert isinstance(mapped.kernel, Kernel)
    read = {one.memory for one in mapped.program.inputs}
    places = mapped.memory.buffers.inputs
    inputs = tuple(node for node in mapped.kernel.inputs if places[node].buffer.memory in read)
    rights = dict.fromkeys(node.inputs[1] for node in mapped.kernel.anchors)
    outputs = [
        node for node in rights if not set(inputs).isdisjoint(toposort([node], stop=set(inputs)))
    ]
    return Kernel("pointwise", inputs, tuple(outputs), outputs[0].shape)


def _launch(mapped: MappedKernel, context: NativeContext) -> Launch:
    printed = context.program.print_once(mapped.program, print_program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    scratch = tuple(_scratch(block, buffer) for block, buffer in printed.arrays)
    return mapped.launch(printed, _ONE, _ONE, context.notes, scratch=scratch)


def _scratch(block: int, buffer: Buffer) -> Scratch:
    threads = 1 if buffer.scope is BufferScope.SHARED else None
    return Scratch(block, buffer.dtype, partial(_elements, buffer.elements), threads)


def _elements(count: Size, at: CallSizes) -> int:
    return evaluate(count, at.bindings)
