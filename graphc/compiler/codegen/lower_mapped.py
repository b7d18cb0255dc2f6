"""Kernels that run as loop programs on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.loop_program import mapped_kernel
from graphc.compiler.codegen.program_traffic import ProgramTraffic
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS, SHOWN_ONLY
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.rows import read_once
from graphc.compiler.targets.mapping import Mapping


def lower_mapped(kernel: Kernel, context: Context) -> list[Launch]:
    """Return the launch of a kernel as a loop program, by the first mapping that applies of those
    of kernels in which a thread has an element."""
    launch = _launch(kernel, context, POINTWISE)
    assert launch is not None, f"a kernel of kind {kernel.kind} that no mapping takes"
    return [launch]


def lower_where_mapped(kernel: Kernel, context: Context) -> Launch | None:
    """Return the launch of a kernel as a loop program by the mappings of its kind; None if the one
    that applies does not make launches yet, or none applies."""
    shown_only = SHOWN_ONLY.get(kernel.kind, frozenset())
    return _launch(kernel, context, CUDA_MAPPINGS[kernel.kind], shown_only)


def _launch(
    kernel: Kernel,
    context: Context,
    table: Sequence[Mapping],
    shown_only: frozenset[str] = frozenset(),
) -> Launch | None:
    target = context.program.target
    mapped = mapped_kernel(kernel, context, target, table, is_guarded=True, shown_only=shown_only)
    if mapped is None:
        return None
    printed = print_program(mapped.program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    plain = mapped.plain
    of_threads = partial(read_once, plain) if kernel.kind == "rows" else lambda: plain
    traffic = ProgramTraffic(of_threads, mapped.program, mapped.memory.names())
    grid, block = (printed.blocks, 1, 1), (printed.threads, 1, 1)
    return mapped.launch(printed, grid, block, traffic=traffic)
