"""Functions of short rows as loops over all elements of some rows: a row of 10 is one vector of 8
and two elements by themselves, each with a function's instructions; 64 rows are 40 vectors.

    for p0 < (n + 63) // 64 (team):
      allocate t0: float32[64, 10] in register
      allocate t1: float32[64, 10] in register
      for p1 < min(64, n - 64*p0):
        for p2 < 10 (vector):
          t0[p1, p2] = add(x0[64*p0 + p1, p2], x1[p2])
      for p3 < min(640, 10*n - 640*p0) (vector):
        t1_flat[p3] = tanh(t0_flat[p3])
      for p4 < min(64, n - 64*p0):
        for p5 < 10 (vector):
          y0[64*p0 + p4, p5] = mul(t1[p4, p5], x1[p5])
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    innermost_loops,
    loads_of,
    loop_beside,
    most_known_turns,
    targets_of,
    values_of,
    walk_value,
)
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import ranges_at
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.rewrites.values.demote import demote
from graphc.compiler.loops.statement import For, Let, LoopKind, Store
from graphc.compiler.loops.value import Apply, Constant, Local
from graphc.compiler.targets.cpu.draws import WORDS, draws_in
from graphc.compiler.targets.cpu.facts import LINE_BYTES
from graphc.compiler.targets.cpu.functions import functions_in, functions_of
from graphc.errors import RewriteError

MOST_COLUMNS = 31
"""Elements of a row up to which functions are computed so. (tanh of a sum with a bias, ns an
element before and so: 2 columns 0.91 and 0.29, 10 columns 0.44 and 0.14, 20 columns 0.44 and 0.14,
26 columns 0.22 and 0.15, of whole vectors 0.11; AVX-512, Zen 5.)"""

ROWS = 64
"""Rows whose elements are computed by one loop: they stay in the first cache."""


def with_flat_functions(program: LoopProgram, columns: str) -> tuple[LoopProgram, list[str]]:
    """Return a program in which functions of an innermost loop over the columns of short rows are
    computed of all elements of some rows, and the names of the innermost loops in its place: the
    same program, and the loop, where rows are whole vectors or no functions are computed."""
    *around, loop = program.loops_to(columns)
    functions = [one for one in loop.body if isinstance(one, Let) and any(functions_of(one))]
    is_plain = all(isinstance(one, Let | Store) for one in loop.body)
    if not around or not functions or not is_plain:
        return program, [columns]
    rows = around[-1]
    if rows.body != (loop,) or rows.kind is not LoopKind.SERIAL or not _are_short(loop):
        return program, [columns]
    kept = _kept(program, rows, loop, functions)
    if kept is None:
        return program, [columns]
    try:
        return _separate(program, rows, columns, kept)
    except RewriteError:  # it would read again what it has stored
        return program, [columns]


def with_flat_functions_of_rows(program: LoopProgram) -> LoopProgram:
    """Return a program in which that is done for all of its innermost loops."""
    for loop in innermost_loops(program.body):
        program, _ = with_flat_functions(program, loop.variable.name)
    return program


def _separate(
    program: LoopProgram, rows: For, columns: str, kept: list[Local]
) -> tuple[LoopProgram, list[str]]:
    """Return a program that stores some values of columns, so that functions have loops of their
    own, and the names of the innermost loops."""
    name = rows.variable.name
    turns, most, loop = most_known_turns(rows), ROWS, program.loop(columns)
    if any(draws_in(loop)) and (most_known_turns(loop) or 1) * most > WORDS:
        most //= 2  # their words are drawn at once
    if turns is None or turns > most:
        program = split(program, name, most, Tail.SHORT)
        name = f"{name}_inner"
    for local in kept:
        program = demote(program, local.name)
        program = expand(program, columns, local.name)
        program = expand(program, name, local.name)
    parts = [(name, columns)]
    for place in reversed(_cuts(program.loop(columns).body)):
        program = fission(program, columns, place)
        program = fission(program, name, 1)
        beside = loop_beside(program, name, 1)
        (other,) = beside.body
        assert isinstance(other, For)
        parts.append((beside.variable.name, other.variable.name))
    innermost = []
    for outer, inner in parts:
        program = program.with_loop(inner, _without_unused)
        if any(functions_in(program.loop(inner))):
            program = fuse(program, outer, inner)
            inner = f"{outer}_{inner}"
        innermost.append(inner)
    return flatten(program), innermost


def _without_unused(loop: For) -> Body:
    """Return a loop without the names that only the part behind it reads."""
    return (replace(loop, body=without_unused(loop.body)),)


def _are_short(columns: For) -> bool:
    """Return True if a few columns are no whole vectors."""
    (turns, *others) = columns.ends
    if others or not turns.is_constant or not isinstance(turns.constant, int):
        return False
    dtypes = {one.dtype for one in functions_in(columns)}
    nbytes = min((np.dtype(one).itemsize for one in dtypes), default=LINE_BYTES)
    is_whole = turns.constant * nbytes % LINE_BYTES == 0
    return 1 < turns.constant <= MOST_COLUMNS and not is_whole


def _kept(
    program: LoopProgram, rows: For, columns: For, functions: list[Let]
) -> list[Local] | None:
    """Return what is stored ahead of functions and of them, so that each reads and stores elements
    that lie side by side over rows and columns; None if one is a part of another value."""
    own = {one.local for one in columns.body if isinstance(one, Let)}
    kept: dict[Local, None] = {}
    for one in functions:
        if not isinstance(one.value, Apply):
            return None
        for operand in one.value.operands:
            if isinstance(operand, Local):
                kept |= {operand: None} if operand in own else {}
            elif not isinstance(operand, Constant):
                return None
        kept[one.local] = None
    kept |= dict.fromkeys(_read_behind_functions(columns.body))
    last = functions[-1]
    behind = columns.body[columns.body.index(last) + 1 :]
    read = {part for one in behind for value in values_of(one) for part in walk_value(value)}
    others = own - kept.keys() - {one.local for one in behind if isinstance(one, Let)}
    if not read & others and _are_flat(program, rows, columns, behind):
        del kept[last.local]
    return list(kept)


def _read_behind_functions(body: Body) -> Iterator[Local]:
    """Yield what is made of functions and read behind another one. (What is made of loads and
    words alone is computed where it is read.)"""
    parts: dict[Local, int] = {}
    part = 0
    for one in body:
        read = [x for value in values_of(one) for x in walk_value(value) if isinstance(x, Local)]
        is_function = any(functions_of(one))
        part += is_function
        yield from (x for x in read if parts.get(x, part) < part)
        if isinstance(one, Let) and (is_function or any(x in parts for x in read)):
            parts[one.local] = part
        part += is_function


def _are_flat(program: LoopProgram, rows: For, columns: For, body: Body) -> bool:
    """Return True if what statements load and store lies side by side over rows and columns."""
    ranges = ranges_at(program, columns).within(columns.variable, *columns.ends)
    turns = columns.ends[0].constant
    for statement in body:
        for element in (*loads_of(statement), *targets_of(statement)):
            place = element.buffer.place(element.coords)
            steps = (ranges.step(place, one.variable) for one in (rows, columns))
            if tuple(steps) != (turns, 1):
                return False
    return True


def _cuts(body: Body) -> list[int]:
    """Return the places where a body is cut so that functions are alone."""
    places: set[int] = set()
    for at, one in enumerate(body):
        if any(functions_of(one)):
            places |= {at, at + 1} if isinstance(one, Store) else {at}
    return sorted(place for place in places if 0 < place < len(body))
