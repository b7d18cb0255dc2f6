"""Kernels that run as loop programs on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.loop_program import MappedKernel, mapped_kernel
from graphc.compiler.codegen.program_traffic import ProgramTraffic
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS, SHOWN_ONLY
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.products import TILES
from graphc.compiler.targets.cuda.products import in_launches as products_in_launches
from graphc.compiler.targets.cuda.reductions import LONG, in_one_pass
from graphc.compiler.targets.cuda.rows import (
    in_joined_rows,
    length_of,
    read_once,
    rows_of,
    times_read,
)
from graphc.compiler.targets.mapping import Mapping


def lower_mapped(kernel: Kernel, context: Context) -> list[Launch]:
    """Return the launches of a kernel as a loop program, by the first mapping that applies of those
    of kernels in which a thread has an element."""
    launches = _launches(kernel, context, POINTWISE)
    assert launches, f"a kernel of kind {kernel.kind} that no mapping takes"
    return launches


def lower_where_mapped(kernel: Kernel, context: Context) -> list[Launch]:
    """Return the launches of a kernel as a loop program by the mappings of its kind; none if the
    one that applies does not make launches yet, or none applies."""
    shown_only = SHOWN_ONLY.get(kernel.kind, frozenset())
    return _launches(kernel, context, CUDA_MAPPINGS[kernel.kind], shown_only)


def _launches(
    kernel: Kernel,
    context: Context,
    table: Sequence[Mapping],
    shown_only: frozenset[str] = frozenset(),
) -> list[Launch]:
    target = context.program.target
    mapped = mapped_kernel(kernel, context, target, table, is_guarded=True, shown_only=shown_only)
    if mapped is None:
        return []
    in_launches = mapped.in_launches(context)
    if len(in_launches) == 1:
        return [_launch(mapped, context, partial(_asking, mapped))]
    return [
        _launch(one, context, partial(_asking_of_several, one, number))
        for number, one in enumerate(in_launches)
    ]


def _launch(mapped: MappedKernel, context: Context, asking: Callable[[], LoopProgram]) -> Launch:
    program = mapped.program
    printed = print_program(program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    traffic = ProgramTraffic(asking, program, mapped.memory.names())
    grid, block = (printed.blocks, 1, 1), (printed.threads, 1, 1)
    return mapped.launch(printed, grid, block, _notes(mapped), traffic)


def _notes(mapped: MappedKernel) -> list[str]:
    """Return what reports say of a slow path."""
    if LONG.name not in mapped.mapped.names:
        return []
    program = in_joined_rows(mapped.plain)
    rows = rows_of(program)
    why = f"its {length_of(program, rows)} elements do not fit the registers of a block"
    return [f"a row is read {times_read(program, rows)} times: {why}"]


def _asking_of_several(mapped: MappedKernel, number: int) -> LoopProgram:
    """Return a program whose loads are those that the threads of one of several launches ask memory
    for."""
    if TILES.name in mapped.mapped.names:
        return products_in_launches(mapped.plain)[number]
    return mapped.program


def _asking(mapped: MappedKernel) -> LoopProgram:
    """Return a program whose loads are those that threads ask memory for."""
    plain, kind = mapped.plain, mapped.kernel.kind
    if kind in ("rows", "columns"):
        joined = in_joined_rows(plain)
        is_one_pass = not in_one_pass(joined, rows_of(joined)).refusal
        if is_one_pass or LONG.name in mapped.mapped.names:
            return joined
    return read_once(plain) if kind == "rows" else plain
