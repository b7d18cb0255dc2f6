"""Dependence: which turns of loops access one element, and by that which orders mean the same.

Two accesses of one memory, of which one writes, have to keep their order where they meet in one
element. A turn of the loops that both are in is a vector of numbers; the difference of the two
turns in which they meet is the *distance*, and its signs are the *direction*. A direction that is
proved impossible leaves the order free. The proof writes the later turn as ``1 + e`` behind the
earlier one, with e of at least 0, and shows in `Ranges` that the two places are never equal.

What is loaded has no place that is known, so it meets everything.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from graphc.compiler.graph.dim import Shape, Size, exact_quotient
from graphc.compiler.loops.access import STATUS_WORD, Access, accesses
from graphc.compiler.loops.buffer import Buffer, c_strides
from graphc.compiler.loops.equations import have_common_zero, is_never_zero
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    IndexLike,
    LoopVariable,
    Remainder,
    as_index,
    index_of,
    least_number,
)
from graphc.compiler.loops.program import LoopProgram, replaced, substituted
from graphc.compiler.loops.ranges import Ranges, is_never_negative
from graphc.compiler.loops.statement import PARALLEL_KINDS, For, LoopKind, Store
from graphc.compiler.loops.text import head_line

Directions: TypeAlias = Mapping[LoopVariable, int | None]
"""For loops around two accesses, the sign of the second one's turn less the first one's; None for
any. A loop that is not named has the same turn if it is outside of all that are, else any."""


@dataclass(frozen=True)
class Distance:
    """The turns of a loop between two accesses of one element.

    Attributes:
        signs: those that it may have.
        turns: their number, if it is always the same.
    """

    signs: frozenset[int]
    turns: Size | None = None

    def __str__(self) -> str:
        if self.turns is not None:
            return str(self.turns)
        names = {-1: "<0", 0: "0", 1: ">0"}
        return "any" if len(self.signs) == 3 else " or ".join(names[s] for s in sorted(self.signs))


@dataclass(frozen=True)
class Dependence:
    """Two accesses of one memory that may meet in an element, of which one writes.

    Attributes:
        first, second: the accesses, in the order of the text.
        distances: for each loop around both, the turns of the second less those of the first.
    """

    first: Access
    second: Access
    distances: tuple[tuple[For, Distance], ...]


@dataclass(frozen=True)
class Verdict:
    """The answer to a question about order: true if nothing is in its way, else why not.

    Attributes:
        reason: what is in the way; empty if nothing is.
    """

    reason: str = ""

    def __bool__(self) -> bool:
        return not self.reason


def dependences(program: LoopProgram) -> Iterator[Dependence]:
    """Yield the dependences of a program, with their distances."""
    for first, second in _conflicts(accesses(program)):
        found = _distances(first, second)
        if found is not None:
            yield Dependence(first, second, found)


# ---- questions ----------------------------------------------------------------------------------


def is_parallel(program: LoopProgram, loop: For, kind: LoopKind | None = None) -> Verdict:
    """Return yes if no dependence is carried by a loop, were it of this kind: its turns may run in
    any order, or at once."""
    return are_turns_free(accesses(program, loop), loop, kind)


def are_turns_free(inside: Iterable[Access], loop: For, kind: LoopKind | None = None) -> Verdict:
    """Return the same, given the accesses in the loop."""
    if as_index(1) in loop.ends:
        return Verdict()  # there is no later turn
    shared = [one for one in inside if not one.is_private(loop, kind)]
    later = {loop.variable: 1}
    for first, second in _conflicts(_distinct(shared)):
        for one, other in _both_ways(first, second):
            if may_meet(one, other, later):
                return _in_the_way(one, other, f"in a later turn of {loop.variable}")
    return Verdict()


def may_reorder(program: LoopProgram, outer: For, inner: For) -> Verdict:
    """Return yes if two loops, of which one does nothing but the other, may change places."""
    inside = [one for one in accesses(program, inner) if not one.is_private(inner)]
    # Turns of a parallel inner loop have an order only by the outer one.
    signs = (-1, 1) if inner.kind in PARALLEL_KINDS else (-1,)
    for first, second in _conflicts(_distinct(inside)):
        for (one, other), sign in itertools.product(_both_ways(first, second), signs):
            if may_meet(one, other, {outer.variable: 1, inner.variable: sign}):
                behind = "an earlier one" if sign < 0 else "a later one"
                where = f"in a later turn of {outer.variable} and {behind} of {inner.variable}"
                return _in_the_way(one, other, where)
    return Verdict()


def may_fission(program: LoopProgram, loop: For, at: int) -> Verdict:
    """Return yes if all turns of the first `at` statements of a loop may run ahead of all turns of
    the others."""
    later = {loop.variable: 1}
    for ahead, behind in _conflicts(accesses(program, loop)):
        is_divided = ahead.number_in(loop) < at <= behind.number_in(loop)
        if is_divided and may_meet(behind, ahead, later):
            return _in_the_way(behind, ahead, f"in a later turn of {loop.variable}")
    return Verdict()


def may_join(program: LoopProgram, first: For, second: For) -> Verdict:
    """Return yes if the turns of two neighbouring loops may alternate. Their ends are equal."""
    body = substituted(second.body, {second.variable: index_of(first.variable)})
    joined = replace(first, body=first.body + body)
    changed = replace(program, body=replaced(program.body, first, (joined,)))
    changed = replace(changed, body=replaced(changed.body, second, ()))
    return may_fission(changed, joined, len(first.body))


def may_swap(program: LoopProgram, first: For, second: For) -> Verdict:
    """Return yes if no memory that one of two loops writes is used by the other one."""
    inside = (accesses(program, one) for one in (first, second))
    for one, other in itertools.product(*inside):
        if one.memory == other.memory and (one.writes or other.writes):
            return Verdict(f"both use {one.buffer.name}")
    return Verdict()


def is_in_place_safe(program: LoopProgram, store: Store, over: Buffer | None = None) -> Verdict:
    """Return yes if a store overwrites only elements that are not read after it.

    Args:
        program: what it is in.
        store: the store.
        over: the buffer that it would overwrite, element by element of their memories; by default
            the one whose memory it is in already.
    """
    all_accesses = accesses(program)
    for write in (one for one in all_accesses if one.statement is store and one.writes):
        memory = write.memory if over is None else over.memory
        for read in all_accesses:
            if not read.reads or read.memory != memory:
                continue
            taken = replace(write, buffer=replace(write.buffer, memory=memory))
            for direction in _not_ahead(taken, read):
                if may_meet(taken, read, direction):
                    return _in_the_way(taken, read, "after it")
    return Verdict()


def _distinct(found: Iterable[Access]) -> list[Access]:
    """Return accesses without those that differ from others in their place in a block alone."""
    kept: dict[object, Access] = {}
    for one in found:
        key = (one.buffer, one.coords, one.writes, one.around, one.ranges.facts)
        kept.setdefault(key, one)
    return list(kept.values())


def _conflicts(found: Iterable[Access]) -> Iterator[tuple[Access, Access]]:
    """Yield the pairs of accesses of one memory of which one writes, each with itself too, in the
    order of the text."""
    by_memory: dict[str, list[Access]] = {}
    for one in found:
        by_memory.setdefault(one.memory, []).append(one)
    for memory, members in by_memory.items():
        for k, first in enumerate(members):
            for second in members[k:]:
                if first.writes and second.writes and memory == STATUS_WORD.memory:
                    continue  # checks that fail set the word to what it is already
                if first.writes or second.writes:
                    yield first, second


def _both_ways(first: Access, second: Access) -> list[tuple[Access, Access]]:
    return [(first, second)] if first is second else [(first, second), (second, first)]


def _not_ahead(write: Access, read: Access) -> Iterator[dict[LoopVariable, int | None]]:
    """Yield the directions in which a read is not ahead of a write."""
    same: dict[LoopVariable, int | None] = {}
    for loop in _common(write, read):
        yield {**same, loop.variable: 1}
        if loop.kind in PARALLEL_KINDS:
            yield {**same, loop.variable: -1}
        same[loop.variable] = 0
    if read.order > write.order:
        yield same


def _common(first: Access, second: Access) -> list[For]:
    return [one for one, other in zip(first.loops, second.loops, strict=False) if one is other]


def _in_the_way(first: Access, second: Access, where: str) -> Verdict:
    def text(access: Access) -> str:
        return f"{access} of `{head_line(access.statement)}`"

    return Verdict(f"{text(first)}, which may be {text(second)} {where}")


# ---- proofs -------------------------------------------------------------------------------------

_MOST_CASES = 2
"""Loops of no direction that one proof looks at by direction: each makes three proofs of one."""


def may_meet(
    first: Access, second: Access, directions: Directions, cases: int = _MOST_CASES
) -> bool:
    """Return False if two accesses of one memory are proved to be of two elements in all turns that
    have these directions."""
    if _are_distinct(first, second, directions):
        return False
    frame = _Frame(first, second, directions)
    meet = frame.meet()
    if meet is not None:
        return meet
    undirected = frame.undirected()
    if undirected is None or cases == 0:
        return True
    return any(
        may_meet(first, second, {**frame.directions, undirected: sign}, cases - 1)
        for sign in (0, 1, -1)
    )


def _are_distinct(first: Access, second: Access, directions: Directions) -> bool:
    """Return True if two accesses have coordinates of the same terms that differ between the two
    turns, or a dividend that coordinates give does: by how much is a range of numbers, added up of
    what each variable moves them by. That is most proofs."""
    if not _have_one_layout(first.buffer, second.buffer):
        return False
    if not _has_own_places(first.buffer.shape, first.buffer.strides):
        return False
    both = list(zip(first.coords, second.coords, strict=True))
    signs = dict(_turns_of(first, second, directions))

    def moves(atom: IndexAtom) -> bool:
        return any(signs.get(one) != 0 for one in atom.variables)

    def differ(one: Index, other: Index) -> bool:
        least, most = _bounds(other.constant - one.constant)
        for atom, factor in filter(lambda term: moves(term[0]), one.terms):
            if not isinstance(atom, LoopVariable):
                return False
            turns = _turns_between(signs.get(atom), atom, first.ranges, second.ranges)
            ends = [turn * size for turn in turns if turn for size in _bounds(factor)]
            least, most = least + min(ends, default=0), most + max(ends, default=0)
        return least > 0 or most < 0

    if any(one.terms == other.terms and differ(one, other) for one, other in both):
        return True
    common = [one for one, other in both if one is other]
    return any(differ(one, one) for one in _dividends(common, moves))


def _bounds(size: Size) -> tuple[float, float]:
    """Return numbers that a size is at least and at most."""
    if isinstance(size, int):
        return size, size
    signs = _signs(size)
    return (1 if signs == {1} else -math.inf), (-1 if signs == {-1} else math.inf)


def _turns_between(
    sign: int | None, variable: LoopVariable, first: Ranges, second: Ranges
) -> tuple[float, float]:
    """Return the least and the most turns of a variable, of a sign or of any, between its turn of
    one range and that of another."""
    known = [least_number(one.ends.get(variable, ())) for one in (first, second)]
    most = max(math.inf if one is None else one - 1 for one in known)
    if sign is None:
        return -most, most
    return (1, most) if sign > 0 else (-most, -1)


def _dividends(coords: Iterable[Index], moves: Callable[[IndexAtom], bool]) -> Iterator[Index]:
    """Yield what coordinates are a quotient and a remainder of, but for what does not move."""
    moving = ([atom for atom, _ in one.terms if moves(atom)] for one in coords)
    given = [atoms[0] for atoms in moving if len(atoms) == 1]
    for one in given:  # of x // 6, x // 2 % 3 and x % 2 first x // 2, then x
        if isinstance(one, Remainder) and one.quotient.atom in given:
            yield one.dividend
            given += filter(None, [one.dividend.atom])


def _turns_of(
    first: Access, second: Access, directions: Directions
) -> Iterator[tuple[LoopVariable, int | None]]:
    """Yield the variables that two accesses have both, each with the sign of the second one's turn
    less the first one's: 0 for the same, None for any."""
    loops = {loop.variable for loop in _common(first, second)}
    is_inside, is_same = False, True
    for variable in first.ranges.ends:
        if variable not in second.ranges.ends:
            continue
        sign: int | None = None
        if variable in directions:
            is_inside, sign = True, directions[variable]
        elif not is_inside or (is_same and variable not in loops):
            sign = 0
        is_same = is_same and sign == 0
        yield variable, sign


def _distances(first: Access, second: Access) -> tuple[tuple[For, Distance], ...] | None:
    """Return the distances of two accesses along the loops around both; None if they never meet."""
    loops = _common(first, second)
    directions: dict[LoopVariable, int | None] = {
        loop.variable: 0 if first.is_private(loop) else None for loop in loops
    }
    turns = _Frame(first, second, directions).known_turns()
    if turns is None:
        return None
    found = []
    for loop in loops:
        known = turns.get(loop.variable)
        possible = _signs(known) if directions[loop.variable] is None else {0}
        signs = frozenset(
            sign
            for sign in possible
            if may_meet(first, second, {**directions, loop.variable: sign})
        )
        if not signs:
            return None
        found.append((loop, Distance(signs, 0 if signs == {0} else known)))
    if first is second and all(distance.signs == {0} for _, distance in found):
        return None
    return tuple(found)


def _signs(size: Size | None) -> set[int]:
    """Return the signs that a size may have; those of any number if it is not known."""
    if size is None:
        return {-1, 0, 1}
    if size == 0:
        return {0}
    if is_never_negative(size - 1):
        return {1}
    return {-1} if is_never_negative(-size - 1) else {-1, 0, 1}


class _Frame:
    """Two accesses in turns of some directions: their variables, and the ranges of these.

    Attributes:
        directions: of each loop around both.
        ranges: of the variables of both turns.
    """

    def __init__(self, first: Access, second: Access, directions: Directions):
        self._accesses = first, second
        self._ours: dict[LoopVariable, IndexLike] = {}
        self._theirs: dict[LoopVariable, IndexLike] = {}
        self.directions: dict[LoopVariable, int | None] = {}
        self.ranges = Ranges()
        self._rename_unknown()
        loops = {loop.variable for loop in _common(first, second)}
        signs = dict(_turns_of(first, second, directions))
        for variable, ends in first.ranges.ends.items():
            if variable not in signs:
                self.ranges = self.ranges.within(variable, *self._first(ends))
                continue
            if variable in loops:
                self.directions[variable] = signs[variable]
            self._bind(variable, signs[variable])
        for variable, ends in second.ranges.ends.items():
            if variable not in first.ranges.ends:
                self.ranges = self.ranges.within(variable, *self._second(ends))
        self._ends = self.ranges
        self._facts = dict.fromkeys(
            (*self._first(first.ranges.facts), *self._second(second.ranges.facts))
        )
        self.ranges = self.ranges.given(self._facts)

    def _rename_unknown(self) -> None:
        """Let a variable that no range is known of be another one in the second turn."""
        _, second = self._accesses
        for index in (*second.coords, *second.ranges.facts, *sum(second.ranges.ends.values(), ())):
            for variable in index.variables:
                if variable not in second.ranges.ends:
                    self._theirs[variable] = index_of(_in_second(variable))

    def _bind(self, variable: LoopVariable, sign: int | None) -> None:
        """Add a variable that both turns have."""
        ours, theirs = (one.ranges.ends[variable] for one in self._accesses)
        mine, other = self._first(ours), self._second(theirs)
        if sign == 0:
            self.ranges = self.ranges.within(variable, *dict.fromkeys((*mine, *other)))
        elif sign is None:
            self._theirs[variable] = index_of(_in_second(variable))
            self.ranges = self.ranges.within(variable, *mine)
            self.ranges = self.ranges.within(_in_second(variable), *other)
        else:
            earlier, later = (mine, other) if sign > 0 else (other, mine)
            gap = LoopVariable(f"{variable.name}+")
            behind = index_of(variable) + 1
            (self._theirs if sign > 0 else self._ours)[variable] = behind + index_of(gap)
            self.ranges = self.ranges.within(variable, *earlier)
            self.ranges = self.ranges.within(gap, *(end - behind for end in later))

    def _first(self, indices: Iterable[Index]) -> tuple[Index, ...]:
        return tuple(index.substitute(self._ours) for index in indices)

    def _second(self, indices: Iterable[Index]) -> tuple[Index, ...]:
        return tuple(index.substitute(self._theirs) for index in indices)

    @functools.cached_property
    def _equations(self) -> list[Index]:
        """Indices that are all 0 where the two elements are one."""
        first, second = self._accesses
        ours, theirs = self._first(first.coords), self._second(second.coords)
        shape, strides = first.buffer.shape, first.buffer.strides
        if _has_own_places(shape, strides) and _have_one_layout(first.buffer, second.buffer):
            found = [other - one for one, other in zip(ours, theirs, strict=True)]
        else:
            found = [second.buffer.place(theirs) - first.buffer.place(ours)]
        return list(dict.fromkeys(map(self.ranges.simplified, found)))

    def undirected(self) -> LoopVariable | None:
        """Return the outermost loop of any direction that the two places depend on."""
        met = frozenset().union(*(equation.variables for equation in self._equations))
        for variable, sign in self.directions.items():
            if sign is None and met & {variable, _in_second(variable)}:
                return variable
        return None

    def meet(self) -> bool | None:
        """Return False if the two elements are proved to differ, or if one of the two turns does
        not come to its element, True if a point was found where they are one, else None."""
        found = have_common_zero(self._equations, self.ranges)
        return False if found is not False and self._is_empty() else found

    def _is_empty(self) -> bool:
        """Return True if what holds in one of the turns is refuted by the ends of the loops."""
        return any(self._ends.is_never_negative(-fact - 1) for fact in self._facts)

    def known_turns(self) -> dict[LoopVariable, Size] | None:
        """Return the turns between the two where they meet, of the loops where that is one number;
        None if they never meet."""
        gaps = {
            LoopVariable(f"{variable.name}+"): variable
            for variable, sign in self.directions.items()
            if sign is None
        }
        moved = {_in_second(one): index_of(one) + index_of(gap) for gap, one in gaps.items()}
        equations = [one.substitute(moved) for one in self._equations]
        found: dict[LoopVariable, Size] = {}
        while equations:
            left = []
            for equation in equations:
                gap, factor = equation.terms[0] if len(equation.terms) == 1 else (None, 0)
                if gap not in gaps or not is_never_zero(as_index(factor), Ranges()):
                    left.append(equation)
                    continue
                assert isinstance(gap, LoopVariable)
                turns = exact_quotient(-equation.constant, factor)
                if turns is not None:
                    found[gaps[gap]] = turns
                elif isinstance(factor, int) and isinstance(equation.constant, int):
                    return None
            solved = {gap: found[one] for gap, one in gaps.items() if one in found}
            changed = [one.substitute(solved) for one in left]
            if changed == left:
                break
            equations = changed
        return found


def _in_second(variable: LoopVariable) -> LoopVariable:
    return LoopVariable(f"{variable.name}'")


def _have_one_layout(first: Buffer, second: Buffer) -> bool:
    return first is second or (
        (first.shape, first.strides, first.offset) == (second.shape, second.strides, second.offset)
    )


@functools.lru_cache(maxsize=1024)
def _has_own_places(shape: Shape, strides: Shape) -> bool:
    """Return True if each element of a buffer is proved to have a place of its own, if there is
    one: elements in C order follow each other, whatever the sizes are."""
    if strides == c_strides(shape):
        return True
    axes = [(n, step) for n, step in zip(shape, strides, strict=True) if n != 1]
    reach: Size = 0  # the last place of the axes that are done
    while axes:
        for axis in axes:
            size, step = axis
            grown = reach + (size - 1) * step
            others = [one for one in axes if one is not axis]
            if is_never_negative(step - reach - 1) and all(
                is_never_negative(other - grown - 1) for _, other in others
            ):
                axes, reach = others, grown
                break
        else:
            return False
    return True
