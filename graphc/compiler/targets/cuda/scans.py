"""Mappings of loops whose rows do not depend on each other: one launch runs all steps.

    for row < n (block):
      allocate carry0: float32[64] in shared
      for x1_tile_axis1 < 64 (thread):                     a column of each matrix
        for x1_tile_axis0 < 64 (unrolled):
          x1_tile[x1_tile_axis0, x1_tile_axis1] = x1[...]
      ...                                                  the first carries and slices
      barrier (shared)
      for step0 < 50:
        ...                                                the next slices, to registers
        for unit1 < 64 (thread):                           stage 0
          for k0 < 64 (unrolled):
            s0[] = sum(s0[], mul(carry0[k0], x1_column[unit1, k0]))
          ...
        barrier (shared)
        for unit2 < 64 (thread):                           the carries of the next step
          carry0[unit2] = kept0[unit2]
        barrier (shared)

A block has as many rows as fill a warp, and a thread an element of each value of a row. It keeps
the columns of matrices that its own elements need in registers (Diamos et al., "Persistent RNNs:
stashing recurrent weights on-chip", ICML 2016), as many as there is room for; other matrices are in
shared memory, and those that do not fit there stay where they are. No block waits for another.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    buffers_of,
    loads_of,
    loops_in,
    walk,
    written_memories,
)
from graphc.compiler.loops.rewrites.arithmetic.partial_sums import Tree, partial_sums
from graphc.compiler.loops.rewrites.buffers.view_element import view_element
from graphc.compiler.loops.rewrites.conditions.guard import guard
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.synchronise import synchronise
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.distribute import distribute
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.pipeline import Copying, pipeline
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let, LoopKind, Statement
from graphc.compiler.loops.value import Load
from graphc.compiler.schedule.persistent import (
    column_words,
    columns_in_registers,
    rows_per_block,
)
from graphc.compiler.targets.cuda.rows import with_known_registers
from graphc.compiler.targets.mapping import Mapping, always
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

PARTS = 4
"""The parts of a sum that is written out: an addition takes about as many cycles."""


@dataclass(frozen=True)
class _Scan:
    """The loops of a plain program of a loop.

    Attributes:
        row: over the rows of the batch.
        turn: over the steps, in its body.
        first, steps, last: those over the elements of a row: ahead of the first step, in each step,
            and behind the last one.
    """

    row: For
    turn: For
    first: tuple[For, ...]
    steps: tuple[For, ...]
    last: tuple[For, ...]

    @property
    def width(self) -> int:
        """The elements of the longest row."""
        (end,) = self.steps[0].ends
        assert isinstance(end.constant, int)
        return end.constant

    def whole(self) -> Iterator[For]:
        """Yield the loops of a step in which no element is missing."""
        for one in self.steps:
            if not any(isinstance(inner, If) for inner in one.body):
                yield one


def _scan_of(program: LoopProgram) -> _Scan:
    (row,) = program.body
    assert isinstance(row, For)
    nests = [one for one in row.body if isinstance(one, For)]
    (place,) = (number for number, one in enumerate(nests) if loops_in(one.body))
    turn = nests[place]
    steps = tuple(one for one in turn.body if isinstance(one, For))
    return _Scan(row, turn, tuple(nests[:place]), steps, tuple(nests[place + 1 :]))


def _in_one_launch(program: LoopProgram, target: Target) -> LoopProgram:
    """Give blocks rows of the batch, and threads the elements of these."""
    program = _with_parts(program, _scan_of(program))
    scan = _scan_of(program)
    row, turn = scan.row.variable.name, scan.turn.variable.name
    rows = rows_per_block(scan.width)
    inner = f"{row}_inner" if rows > 1 else row
    if rows > 1:
        program = split(program, row, rows, Tail.GUARD)
        row = f"{row}_outer"
    columns, matrices = _matrices(scan)
    for matrix, order in columns.items():
        layout, name = BufferLayout(order, {}), f"{matrix}_column"
        program = stage(program, inner, matrix, BufferScope.REGISTER, layout, name)
    program = _with_slices_ahead(program, scan)
    program = _with_sums(program, scan, columns)
    if rows > 1:
        program = distribute(program, inner, [turn])
    program = bind(program, row, LoopKind.BLOCK)
    program = _with_matrices(program, row, matrices, rows * scan.width, target)
    program = _with_barriers(program, turn, bool(scan.last))
    nests = _unbound(program.loop(row).body, {row, turn})
    units = nests
    if rows > 1:  # the loops over rows are around those over elements
        units = [one for nest in nests for one in _unbound(program.loop(nest).body, ())]
    if scan.width > 1:
        program = rename(program, units[0], "unit")  # by which the others go, too
        program = bind(program, ["unit", *units[1:]], LoopKind.THREAD)
    else:
        for unit in units:
            program = unroll(program, unit)
    if rows > 1:
        program = bind(program, nests, LoopKind.THREAD)
    return simplify(with_known_registers(program))


def _in_order(program: LoopProgram, target: Target) -> LoopProgram:
    """Give each row to a block of one thread."""
    return bind(program, _scan_of(program).row.variable.name, LoopKind.BLOCK)


# ---- matrices -----------------------------------------------------------------------------------


def _with_parts(program: LoopProgram, scan: _Scan) -> LoopProgram:
    """Return a program in which each range of columns of a matrix, as that of a gate, is one of its
    own."""
    for nest in scan.whole():
        unit = index_of(nest.variable)
        for loop in loops_in(nest.body):
            elements = dict.fromkeys(load for one in walk(loop.body) for load in loads_of(one))
            for one in elements:
                is_part = any(
                    (coord - unit).is_constant and size != scan.width
                    for coord, size in zip(one.coords, one.buffer.shape, strict=True)
                )
                if one.buffer.scope is BufferScope.GLOBAL and len(one.coords) == 2 and is_part:
                    program = view_element(program, loop.variable.name, one)
    return program


def _matrices(scan: _Scan) -> tuple[dict[str, tuple[int, ...]], list[Buffer]]:
    """Return the matrices of the products of a step: those of which registers hold columns, each
    with the order of its axes that puts the terms of a sum last, and the others.
    """
    found: list[Buffer] = []
    orders: list[tuple[int, ...]] = []
    words: list[int | None] = []
    whole = list(scan.whole())
    for loads in _loads_of_matrices(scan).values():
        found.append(loads[0][0].buffer)
        (order, *others) = {_order(load, nest) for load, nest in loads}
        is_own = not others and order is not None and all(nest in whole for _, nest in loads)
        orders.append(order if order is not None else ())
        words.append(
            column_words(found[-1].shape[orders[-1][1]], found[-1].dtype) if is_own else None
        )
    values = sum(isinstance(one, Let | Accumulate) for one in walk(scan.turn.body))
    in_registers = columns_in_registers(words, values)
    columns = {
        one.name: order
        for one, order, fits in zip(found, orders, in_registers, strict=True)
        if fits
    }
    return columns, [one for one in found if one.name not in columns]


def _loads_of_matrices(scan: _Scan) -> dict[str, list[tuple[Load, For]]]:
    """Return the elements that the sums of a step read of matrices in memory which are the same at
    each step for each row, each with the loop over the elements of a row that it is in."""
    moving = {scan.row.variable, scan.turn.variable}
    found: dict[str, list[tuple[Load, For]]] = {}
    gone: set[str] = set()
    for nest in scan.steps:
        for one in walk(nest.body):
            for load in loads_of(one):
                variables = {variable for coord in load.coords for variable in coord.variables}
                is_matrix = (
                    load.buffer.scope is BufferScope.GLOBAL
                    and moving.isdisjoint(variables)
                    and isinstance(one, Accumulate)
                )
                if is_matrix:
                    found.setdefault(load.buffer.name, []).append((load, nest))
                else:
                    gone.add(load.buffer.name)
    return {
        name: loads
        for name, loads in found.items()
        if name not in gone and isinstance(loads[0][0].buffer.elements, int)
    }


def _order(load: Load, nest: For) -> tuple[int, int] | None:
    """Return the axes of a matrix, that along the elements of a row first, if each thread reads a
    whole column of its own; None if it does not."""
    if len(load.coords) != 2 or nest.ends[0].constant not in load.buffer.shape:
        return None
    for order in ((0, 1), (1, 0)):
        if load.coords[order[0]] is index_of(nest.variable):
            return order
    return None


def _with_matrices(
    program: LoopProgram, row: str, matrices: Sequence[Buffer], threads: int, target: Target
) -> LoopProgram:
    """Return a program in which the threads of a block copy matrices to shared memory, as many as
    there is room for."""
    shared = [one.buffer for one in walk(program.body) if isinstance(one, Allocate)]
    left = target.most_shared_bytes - sum(map(_bytes_of, filter(_is_shared, shared)))
    for matrix in matrices:
        if _bytes_of(matrix) > left:
            continue
        left -= _bytes_of(matrix)
        program = stage(program, row, matrix.name, BufferScope.SHARED)
        name = f"{matrix}_tile"
        fill = f"{name}_axis0"
        for axis in range(1, len(matrix.shape)):
            program = fuse(program, fill, f"{name}_axis{axis}")
            fill = f"{fill}_{name}_axis{axis}"
        program = rename(program, fill, f"{name}_element")
        program = split(program, f"{name}_element", threads, Tail.GUARD)
        outer, inner = f"{name}_element_outer", f"{name}_element_inner"
        program = synchronise(reorder(program, outer, inner), inner)
        program = bind(program, inner, LoopKind.THREAD)
    return program


def _bytes_of(buffer: Buffer) -> int:
    assert isinstance(buffer.elements, int)
    return buffer.elements * np.dtype(buffer.dtype).itemsize


def _is_shared(buffer: Buffer) -> bool:
    return buffer.scope is BufferScope.SHARED


# ---- a step -------------------------------------------------------------------------------------


def _with_slices_ahead(program: LoopProgram, scan: _Scan) -> LoopProgram:
    """Return a program in which a step loads what the next one reads of sequences."""
    turn = scan.turn.variable
    elements: dict[str, set[tuple[Index, ...]]] = {}
    own = index_of(LoopVariable("own"))
    for nest in scan.steps:
        for one in walk(nest.body):
            for load in loads_of(one):
                if load.buffer.scope is BufferScope.GLOBAL:
                    coords = tuple(coord.substitute({nest.variable: own}) for coord in load.coords)
                    elements.setdefault(load.buffer.name, set()).add(coords)
    slices = [
        name
        for name, found in elements.items()
        if len(found) == 1
        and any(turn in coord.variables for coord in next(iter(found)))
        and own in next(iter(found))
    ]
    staged = []
    for name in slices:
        try:
            program = stage(program, turn.name, name, BufferScope.REGISTER, name=f"{name}_slice")
        except RewriteError:
            continue
        staged.append(f"{name}_slice")
    if staged:
        program = pipeline(program, turn.name, staged, copying=Copying.HELD)
    return program


def _with_sums(program: LoopProgram, scan: _Scan, columns: Collection[str]) -> LoopProgram:
    """Return a program that writes out the sums of products of columns in registers, long ones in
    parts."""
    for nest in scan.steps:
        for loop in loops_in(nest.body):
            name = loop.variable.name
            is_own = any(
                load.buffer.name in columns for one in walk(loop.body) for load in loads_of(one)
            )
            (end,) = loop.ends
            loops = [name]
            if is_own and isinstance(end.constant, int) and end.constant >= 2 * PARTS:
                program = partial_sums(program, name, lanes=PARTS, tree=Tree.NEIGHBOURS)
                loops = [f"{name}_inner", f"{name}_outer"]
                if len(program.loop(loops[0]).ends) > 1:
                    program = guard(program, loops[0])
            if is_own:
                for one in loops:
                    program = bind(program, one, LoopKind.UNROLLED)
    return program


def _with_barriers(program: LoopProgram, turn: str, is_read_behind: bool) -> LoopProgram:
    """Return a program whose threads wait for each other where one reads what another one has
    stored; behind the last step, too, if something is read there."""
    loop = program.loop(turn)
    pending: tuple[set[str], set[str]] = set(), set()
    ahead, last = [], None
    for one in loop.body:
        used, written = _shared_memories(one)
        if not used:
            continue
        assert isinstance(one, For)
        last = one.variable.name
        if written & pending[0] or used & pending[1]:
            ahead.append(one.variable.name)
            pending = set(), set()
        pending = pending[0] | used, pending[1] | written
    for name in ahead:
        program = synchronise(program, name, is_ahead=True)
    if last is not None:
        program = synchronise(synchronise(program, last), turn, is_ahead=True)
    return synchronise(program, turn) if last is not None and is_read_behind else program


def _shared_memories(statement: Statement) -> tuple[set[str], set[str]]:
    """Return the memories that threads share of those that a statement uses, and that it writes."""
    if isinstance(statement, Allocate):
        return set(), set()
    used = {
        buffer.memory
        for one in walk((statement,))
        for buffer in buffers_of(one)
        if _is_shared(buffer)
    }
    return used, used & written_memories((statement,))


def _unbound(body: Body, through: Collection[str]) -> list[str]:
    """Return the variables of the outermost loops of a body that no threads run yet, but of some,
    whose bodies are looked through."""
    found: list[str] = []
    for one in body:
        if isinstance(one, For) and one.variable.name not in through:
            if one.kind is LoopKind.SERIAL:
                found.append(one.variable.name)
            continue
        for block in one.blocks:
            found += _unbound(block, through)
    return found


ROWS_BY_THREADS = Mapping(
    "rows by blocks for all steps",
    always,
    _in_one_launch,
    "no row waits for another one, so one launch runs all steps",
)

ROWS_IN_ORDER = Mapping(
    "rows by blocks in order",
    always,
    _in_order,
    "a thread computes a row, whatever a step does",
)

SCANS = (ROWS_BY_THREADS, ROWS_IN_ORDER)
"""The mappings of loops that one launch runs whole."""
