"""The elements that a statement accesses, as loops of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from graphc.compiler.loops.index import Index, LoopVariable, variable
from graphc.compiler.loops.program import Body, facts, facts_otherwise, path_to, with_blocks
from graphc.compiler.loops.ranges import Ranges, is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.statement import For, If, Statement
from graphc.compiler.loops.value import Load, Select, Value, operands_of


@dataclass(frozen=True)
class AccessedElements:
    """The elements of buffers at some coordinates.

    Attributes:
        around: the loops, and the conditions, that the coordinates depend on, the outermost first,
            each with the number of its block that is meant.
        coords: the coordinates, of the variables of these loops and of those outside.
    """

    around: tuple[tuple[Statement, int], ...]
    coords: tuple[Index, ...]

    @property
    def loops(self) -> tuple[For, ...]:
        """The loops."""
        return tuple(one for one, _ in self.around if isinstance(one, For))

    @property
    def variables(self) -> frozenset[LoopVariable]:
        """All variables in the coordinates, the ends of loops and the conditions."""
        found = {one for coord in self.coords for one in coord.variables}
        for statement, _ in self.around:
            found |= {one for index in tests_of(statement) for one in index.variables}
        return frozenset(found)

    @property
    def key(self) -> tuple[object, ...]:
        """All but the names of the loops' variables: equal for two that are the same elements."""
        common = {loop.variable: variable(f"#{k}") for k, loop in enumerate(self.loops)}
        tests: list[object] = []
        for one, block in self.around:
            tests.append((type(one), block))
            tests += [index.substitute(common) for index in tests_of(one)]
            if isinstance(one, If):
                tests += [test.equal for test in one.conditions]
        return (*(coord.substitute(common) for coord in self.coords), *tests)

    @property
    def without_tests(self) -> AccessedElements:
        """The elements, and those for which conditions do not hold."""
        loops = tuple((one, block) for one, block in self.around if isinstance(one, For))
        return AccessedElements(loops, self.coords)

    def is_fixed(self, axis: int) -> bool:
        """Return True if the coordinate along an axis depends on variables outside alone."""
        return self.coords[axis].variables.isdisjoint(loop.variable for loop in self.loops)

    def is_disjoint(self, other: AccessedElements) -> bool:
        """Return True if no element is proved to be one of the other's."""
        distances = (
            self.coords[axis] - other.coords[axis]
            for axis in range(len(self.coords))
            if self.is_fixed(axis) and other.is_fixed(axis)
        )
        return any(
            is_never_negative(one.constant - 1) or is_never_negative(-one.constant - 1)
            for one in distances
            if one.is_constant
        )

    def each(
        self,
        names: Names,
        body: Body,
        loops: Sequence[tuple[LoopVariable, Index]] = (),
        is_outside: bool = False,
    ) -> Body:
        """Return statements for each element, and each turn of further loops: of loops inside, or,
        if `is_outside`, around those over elements."""
        for turn, end in () if is_outside else reversed(loops):
            body = (For(turn, (end,), body),)
        for statement, block in reversed(self.around):
            blocks = [body if number == block else () for number in range(len(statement.blocks))]
            body = (with_blocks(statement, tuple(blocks)),)
        for turn, end in reversed(loops) if is_outside else ():
            body = (For(turn, (end,), body),)
        return names.copied(body)


def elements_of(
    body: Body, statement: Statement, coords: tuple[Index, ...], needed: Iterable[LoopVariable] = ()
) -> AccessedElements:
    """Return the elements at coordinates of a statement that is somewhere in a body.

    Loops that neither the coordinates nor `needed` depend on are left out, and conditions that
    depend on the variables of such loops.
    """
    path = path_to(body, statement)
    used = {one for coord in coords for one in coord.variables}.union(needed)
    inner = {one.variable for one in path if isinstance(one, For)}
    around: list[tuple[Statement, int]] = []
    for one, inside in reversed(list(itertools.pairwise(path))):
        tested = {variable for index in tests_of(one) for variable in index.variables}
        if isinstance(one, For):
            if one.variable not in used:
                continue
            used |= tested
        elif tested & inner - used:
            continue
        block = next(k for k, block in enumerate(one.blocks) if any(x is inside for x in block))
        around.append((one, block))
    return AccessedElements(tuple(reversed(around)), coords)


def tests_of(statement: Statement) -> tuple[Index, ...]:
    """Return the indices that decide if, and how often, the statements inside of one are run."""
    if isinstance(statement, For):
        return statement.ends
    if isinstance(statement, If):
        return tuple(condition.index for condition in statement.conditions)
    return ()


def loads_under_tests(
    value: Value, test: Select | None = None, is_tested: bool = False
) -> Iterator[tuple[Load, Select | None, bool]]:
    """Yield the elements that a value reads, each with the select that it is the value of, if it is
    nothing else, and with True if it is inside of any select."""
    if isinstance(value, Load):
        yield value, test, is_tested
    elif isinstance(value, Select):
        yield from loads_under_tests(value.value, value, True)
        yield from loads_under_tests(value.otherwise, None, True)
    else:
        for operand in operands_of(value):
            yield from loads_under_tests(operand, None, is_tested)


def loads_in_ranges(value: Value, ranges: Ranges) -> Iterator[tuple[Load, Ranges, bool]]:
    """Yield the elements that a value reads, each with what is known where it is read, and with
    True if it is inside of any select."""
    if isinstance(value, Load):
        yield value, ranges, False
    elif isinstance(value, Select):
        chosen = ranges.given(facts(value.conditions))
        other = ranges.given(facts_otherwise(value.conditions))
        for part, where in ((value.value, chosen), (value.otherwise, other)):
            for load, inside, _ in loads_in_ranges(part, where):
                yield load, inside, True
    else:
        for operand in operands_of(value):
            yield from loads_in_ranges(operand, ranges)


def is_one_for_each_turn(
    coords: Sequence[Index], variables: Set[LoopVariable], ranges: Ranges
) -> bool:
    """Return True if coordinates are those of another element in each turn of loops: each variable
    moves one of them, which no other variable moves, by a number."""
    moved: list[LoopVariable] = []
    for coord in coords:
        own = variables & coord.variables
        moved += own
        if len(own) > 1 or any(ranges.step(coord, one) is None for one in own):
            return False
    return len(moved) == len(set(moved)) == len(variables)
