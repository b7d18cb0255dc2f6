"""The loops of a team of threads: their phases between barriers, and how much they divide."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from graphc.compiler.graph.dim import (
    Dim,
    FloorQuotient,
    Size,
    Symbol,
    substitute,
    symbols,
)
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Index, as_index
from graphc.compiler.loops.program import (
    Body,
    loads_of,
    targets_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.statement import (
    Allocate,
    Barrier,
    Check,
    For,
    Let,
    LoopKind,
    Statement,
    UseIntrinsic,
)
from graphc.compiler.loops.value import Load, Local

_TURNS_OF_PRODUCTS = 32
"""Turns of the loops of an intrinsic that computes, as products do, that take about as long as one
of a printed loop: products are divided over threads from 2 ** 21 multiplications on. (A step of
gru_ae at a batch of 16 takes 2.5 times as long if 720,000 are divided, as one thread reads what
comes of them.)"""

# ---- phases -------------------------------------------------------------------------------------


def shared_arrays(loop: For) -> tuple[Allocate, ...]:
    """Return the buffers of a whole team that are allocated inside of its loop."""
    return tuple(
        one
        for one in walk(loop.body)
        if isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED
    )


def meets(loop: For) -> bool:
    """Return True if there is a barrier in a loop."""
    return any(isinstance(one, Barrier) for one in walk(loop.body))


def phases(team: For, body: Body, refused: Callable[[str], ValueError]) -> list[For]:
    """Return the parts of a team's loop between its barriers: loops over the team, and serial loops
    that all members walk together, in which there are more barriers.

    OpenMP gives a thread the same members in each phase. What one phase binds is gone in the next,
    as a thread may be several members.

    Args:
        team: the loop of the team.
        body: the statements that are divided: its body, or that of a serial loop inside.
        refused: makes the error for a program whose phases cannot be divided.
    """
    found: list[For] = []
    group: list[Statement] = []

    def close() -> None:
        if group:
            found.append(replace(team, body=tuple(group)))
            group.clear()

    for one in body:
        if isinstance(one, Barrier):
            close()
        elif any(isinstance(x, Barrier) for inner in one.blocks for x in walk(inner)):
            close()
            if not isinstance(one, For) or one.kind is not LoopKind.SERIAL:
                raise refused("a barrier under a condition, or in a vector")
            if any(team.variable in end.variables for end in one.ends):
                raise refused(
                    f"a barrier in the loop over {one.variable}, whose trip count is another one "
                    f"for each {team.variable}"
                )
            found.append(one)
        elif not (isinstance(one, Allocate) and one.buffer.scope is BufferScope.SHARED):
            group.append(one)
    close()
    bound: set[str] = set()
    for phase in found:
        if crossing := bound & _names_read(phase.body):
            names = ", ".join(sorted(crossing))
            raise refused(f"{names} of one phase of a team is read in the next")
        bound |= _names_bound(phase.body)
    return found


def _names_bound(body: Iterable[Statement]) -> set[str]:
    found: set[str] = set()
    for one in walk(tuple(body)):
        if isinstance(one, Let):
            found.add(one.local.name)
        elif isinstance(one, Check):
            found.add(one.variable.name)
        elif isinstance(one, Allocate) and one.buffer.scope is not BufferScope.SHARED:
            found.add(one.buffer.memory)
    return found


def _names_read(body: Iterable[Statement]) -> set[str]:
    found: set[str] = set()
    for one in walk(tuple(body)):
        for target in targets_of(one):
            found.add(target.buffer.memory)
        for value in values_of(one):
            for part in walk_value(value):
                if isinstance(part, Local):
                    found.add(part.name)
        for load in loads_of(one):
            found.add(load.buffer.memory)
            for coord in load.coords:
                found |= {variable.name for variable in coord.variables}
    return found


# ---- work ---------------------------------------------------------------------------------------


def work_of(loop: For) -> Size:
    """Return about how many turns the innermost loops inside of a loop have together."""
    return _without_quotients(_inner_turns((loop,)))


def _inner_turns(body: Body, sizes: Mapping[Symbol, Index] | None = None) -> Size:
    """Return the turns of the innermost loops of statements; `sizes` are those of a call, if they
    are the meaning of an intrinsic."""
    total: Size = 0
    for one in body:
        if isinstance(one, For):
            inside = _at_least_one(_inner_turns(one.body, sizes))
            total = total + _turns(one, sizes) * inside
        elif isinstance(one, UseIntrinsic):
            turns = _inner_turns(one.intrinsic.body, one.sizes)
            is_move = _only_moves(one.intrinsic.body)
            total = total + (turns if is_move else turns // _TURNS_OF_PRODUCTS)
        else:
            for block in one.blocks:
                total = total + _inner_turns(block, sizes)
    return total


def _only_moves(body: Body) -> bool:
    """Return True if statements compute nothing of what they store."""
    values = (value for one in walk(body) for value in values_of(one))
    return all(isinstance(value, Load) for value in values)


def _at_least_one(turns: Size) -> Size:
    return turns if isinstance(turns, Dim) or turns else 1


def _turns(loop: For, sizes: Mapping[Symbol, Index] | None) -> Size:
    """Return the trip count of a loop, or, where it changes, what it mostly is: if no end is a
    size, that of the first turns of the loops around it."""
    ends = [end.constant for end in loop.ends if end.is_constant]
    if not ends:
        first = (end.substitute(dict.fromkeys(end.variables, as_index(0))) for end in loop.ends)
        ends = [end.constant for end in first if end.is_constant]
    if sizes is not None:
        known = {symbol: size.constant for symbol, size in sizes.items() if size.is_constant}
        ends = [substitute(end, known) for end in ends if known.keys() >= set(symbols(end))]
    numbers = [end for end in ends if not isinstance(end, Dim)]
    return min(numbers) if numbers else next(iter(ends), 1)


def _without_quotients(size: Size) -> Size:
    """Return a size in which a quotient, times its divisor or more, is what was divided: about as
    many."""
    if not isinstance(size, Dim):
        return size
    total: Size = 0
    for atoms, factor in size.terms:
        part: Size = 1
        for atom in atoms:
            if (
                isinstance(atom, FloorQuotient)
                and isinstance(atom.denominator, int)
                and abs(factor) >= atom.denominator
            ):
                factor = int(factor / atom.denominator)
                part = part * _rounded_down(atom.numerator, atom.denominator - 1)
            else:
                part = part * Dim((((atom,), 1),))
        total = total + part * factor
    return total


def _rounded_down(numerator: Size, most: int) -> Size:
    """Return what a quotient that is rounded up divides, without what it is rounded up by."""
    if not isinstance(numerator, Dim):
        return numerator
    added = sum(factor for atoms, factor in numerator.terms if not atoms)
    return numerator - most if added >= most else numerator
