"""Kernels that run as loop programs on a CPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from graphc.compiler.codegen.loop_program import mapped_kernel
from graphc.compiler.codegen.native.context import NativeContext
from graphc.compiler.graph.dim import Size, evaluate
from graphc.compiler.loops.buffer import Buffer
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
    applies; None where none does."""
    mapped = mapped_kernel(kernel, context, this_machine(), table, is_guarded=False)
    if mapped is None:
        return None
    printed = print_program(mapped.program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    scratch = tuple(map(_scratch, range(len(printed.arrays)), printed.arrays))
    return mapped.launch(printed, _ONE, _ONE, context.notes, scratch=scratch)


def _scratch(block: int, buffer: Buffer) -> Scratch:
    return Scratch(block, buffer.dtype, partial(_elements, buffer.elements))


def _elements(count: Size, at: CallSizes) -> int:
    return evaluate(count, at.bindings)
