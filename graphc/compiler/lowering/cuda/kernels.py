"""Kernels that run as loop programs on a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from graphc.compiler.graph.dim import Dim
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.lowering.context import Context
from graphc.compiler.lowering.cuda.traffic import ProgramTraffic
from graphc.compiler.lowering.mapped import MappedKernel, mapped_kernels
from graphc.compiler.program.launch import Formula, Launch, LoopStep
from graphc.compiler.schedule.kernel import Kernel, Loop
from graphc.compiler.targets.cuda.convolutions.windows import CLASSES, WINDOWS, classes_in_launches
from graphc.compiler.targets.cuda.convolutions.windows import (
    in_launches as convolutions_in_launches,
)
from graphc.compiler.targets.cuda.mappings import CUDA_MAPPINGS
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.printer import print_program
from graphc.compiler.targets.cuda.products.blocks import OF_ANY, TILES
from graphc.compiler.targets.cuda.products.blocks import in_launches as products_in_launches
from graphc.compiler.targets.cuda.products.tiles import tile_of
from graphc.compiler.targets.cuda.reductions.columns import TILES_AGAIN
from graphc.compiler.targets.cuda.reductions.rows import (
    ANY_LENGTH,
    LONG,
    NOTHING,
    WALKS,
    in_one_pass,
)
from graphc.compiler.targets.cuda.rows import (
    in_joined_rows,
    length_of,
    read_once,
    rows_of,
    times_read,
)
from graphc.compiler.targets.cuda.scans import ROWS_BY_THREADS, ROWS_IN_ORDER
from graphc.compiler.targets.cuda.scatter import TILES as SCATTERED
from graphc.compiler.targets.cuda.scatter import TILES_BY_COORDINATES, read_by_blocks
from graphc.compiler.targets.target import Target

READ_AGAIN = frozenset(one.name for one in (LONG, ANY_LENGTH, TILES_AGAIN, WALKS))
"""The mappings by which several passes read the elements of a row or column."""


_ELEMENTS = frozenset(one.name for one in POINTWISE)
_SUMS = frozenset(one.name for one in OF_ANY)


def lower_mapped(kernel: Kernel | Loop, context: Context) -> list[Launch]:
    """Return the launches of a kernel as a loop program by the mappings of its kind, one of which
    always applies."""
    launches: list[Launch] = []
    target = context.program.target
    for mapped in mapped_kernels(kernel, context, target, CUDA_MAPPINGS[kernel.kind]):
        in_launches = mapped.in_launches(context)
        if len(in_launches) == 1:
            launches.append(_launch(mapped, context, partial(_asking, mapped)))
            continue
        launches += [
            _launch(one, context, partial(_asking_of_several, one, target, number))
            for number, one in enumerate(in_launches)
        ]
    assert launches, f"a kernel of kind {kernel.kind} that no mapping takes"
    return launches


def lower_whole_loop(loop: Loop, context: Context) -> list[Launch]:
    """Return the launch that runs all steps of a loop."""
    counters = {**context.counters, loop.step: LoopStep(loop.scan)}
    return lower_mapped(loop, replace(context, counters=counters))


def _launch(mapped: MappedKernel, context: Context, asking: Callable[[], LoopProgram]) -> Launch:
    program = mapped.program
    printed = context.program.print_once(program, print_program)
    context.program.includes.update(dict.fromkeys(printed.headers))
    traffic = ProgramTraffic(asking, program, mapped.memory.names())
    blocks: Formula = printed.blocks
    if mapped.runs is not None:
        blocks = replace(mapped.runs, formula=blocks)
    block = (printed.threads, 1, 1)
    shared = printed.shared_bytes
    return mapped.launch(printed, (blocks, 1, 1), block, _notes(mapped), traffic, shared=shared)


def _notes(mapped: MappedKernel) -> list[str]:
    """Return what reports say of a slow path."""
    if mapped.kernel.kind == "conv" and not _ELEMENTS.isdisjoint(mapped.mapped.names):
        refusals = dict(mapped.mapped.refusals)
        reason = refusals.get(CLASSES.name, refusals[WINDOWS.name])
        return [f"a thread walks the window of its result, which is no product: {reason}"]
    if not _SUMS.isdisjoint(mapped.mapped.names):
        reason = dict(mapped.mapped.refusals)[TILES.name]
        return [f"a thread adds up all terms of its result, and no block has a tile: {reason}"]
    if mapped.kernel.kind == "scatter" and not _ELEMENTS.isdisjoint(mapped.mapped.names):
        reason = dict(mapped.mapped.refusals)[SCATTERED.name]
        return [f"a thread looks at all indices for its result: {reason}"]
    if mapped.mapped.names == (ROWS_IN_ORDER.name,):
        reason = dict(mapped.mapped.refusals)[ROWS_BY_THREADS.name]
        return [f"one thread computes a row at all steps: {reason}"]
    if not _is_read_again(mapped):
        return []
    program = in_joined_rows(mapped.plain)
    rows = rows_of(program)
    length, times = length_of(program, rows), times_read(program, rows)
    if times == 1:
        return []
    row = "row" if mapped.kernel.kind == "rows" else "channel"
    row = "column" if TILES_AGAIN.name in mapped.mapped.names else row
    held_by = "a warp" if mapped.runs and row == "row" else "a block"
    many = f"more than {mapped.runs.most}" if mapped.runs else f"its {length}"
    why = f"{many} elements do not fit the registers of {held_by}"
    if mapped.runs is None and isinstance(length, Dim):
        why = "its length is symbolic"
    return [f"a {row} is read {times} times: {why}"]


def _is_read_again(mapped: MappedKernel) -> bool:
    return not READ_AGAIN.isdisjoint(mapped.mapped.names)


def _asking_of_several(mapped: MappedKernel, target: Target, number: int) -> LoopProgram:
    """Return a program whose loads are those that the threads of one of several launches ask memory
    for."""
    if TILES.name in mapped.mapped.names:
        return products_in_launches(mapped.plain, tile_of)[number]
    if WINDOWS.name in mapped.mapped.names:
        return convolutions_in_launches(mapped.plain)[number]
    if CLASSES.name in mapped.mapped.names:
        return classes_in_launches(mapped.plain, target)[number]
    return mapped.program


def _asking(mapped: MappedKernel) -> LoopProgram:
    """Return a program whose loads are those that threads ask memory for."""
    plain = mapped.plain
    if mapped.kernel.kind == "scan":
        return mapped.program  # what stages read again, and products at each step, is staged
    if not {SCATTERED.name, TILES_BY_COORDINATES.name}.isdisjoint(mapped.mapped.names):
        return read_by_blocks(plain)
    if mapped.kernel.kind not in ("rows", "columns") or NOTHING.name in mapped.mapped.names:
        return plain
    joined = in_joined_rows(plain)
    is_one_pass = not in_one_pass(joined, rows_of(joined)).refusal
    return joined if is_one_pass or _is_read_again(mapped) else read_once(plain)
