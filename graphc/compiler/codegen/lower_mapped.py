"""Kernels that run as loop programs on a GPU."""

from __future__ import annotations

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.loop_program import mapped_kernel
from graphc.compiler.codegen.program_traffic import ProgramTraffic
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS, SHOWN_ONLY
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.printer import print_program


def lower_mapped(kernel: Kernel, context: Context) -> list[Launch]:
    """Return the launch of a kernel as a loop program, by the first mapping that applies: of kinds
    whose own mappings do not run by those of kernels in which a thread has an element."""
    is_shown_only = kernel.kind in SHOWN_ONLY
    table = POINTWISE if is_shown_only else CUDA_MAPPINGS.get(kernel.kind, POINTWISE)
    mapped = mapped_kernel(kernel, context, context.program.target, table, is_guarded=True)
    assert mapped is not None, f"a kernel of kind {kernel.kind} that no mapping takes"
    printed = print_program(mapped.program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    traffic = ProgramTraffic(mapped.plain, mapped.program, mapped.memory.names())
    grid, block = (printed.blocks, 1, 1), (printed.threads, 1, 1)
    return [mapped.launch(printed, grid, block, traffic=traffic)]
