"""Iteration domains: how often a statement runs, and the values that its loop variables take.

The domain of a statement is the set of values of the loop variables around it with which it runs:
those that the ends of the loops and the conditions around allow. `IterationDomain.space` writes it
as independent dimensions. Of a loop that is split into tiles, of which the last one is smaller, the
two variables are one dimension:

    >>> outer, inner = LoopVariable("outer"), LoopVariable("inner")
    >>> tiles = IterationDomain().within(outer, [as_index((n + 15) // 16)])
    >>> tiles.within(inner, [as_index(16), n - index_of(outer) * 16]).space().dimensions
    (Dimension(form=inner + 16*outer, start=0, count=n),)
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from graphc.compiler.graph.dim import Size, floor_divide, product
from graphc.compiler.loops.access import meaning_of
from graphc.compiler.loops.index import Index, IndexAtom, LoopVariable, Remainder, index_of
from graphc.compiler.loops.program import Body, LoopProgram, facts
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.statement import AtomicAdd, Check, For, If, Statement, UseIntrinsic
from graphc.compiler.loops.value import Condition


@dataclass(frozen=True)
class Dimension:
    """A range of a domain.

    Attributes:
        form: a sum of loop variables. For each point of the other dimensions it takes each value of
            the range once.
        start: the least value.
        count: the number of values.
    """

    form: Index
    start: Size
    count: Size


@dataclass(frozen=True)
class Space:
    """A domain as independent dimensions, for fixed values of some of its loop variables.

    Attributes:
        dimensions: the ranges.
        tests: indices that are at least 0 in the domain, which the dimensions do not say. With one
            of them the domain is a part of the dimensions.
        is_exact: True if the domain is all that the dimensions and `tests` allow; else it is a part
            of that.
        variables: the variables that change in it; the others are fixed.
    """

    dimensions: tuple[Dimension, ...]
    tests: tuple[Index, ...]
    is_exact: bool
    variables: frozenset[LoopVariable]

    @property
    def points(self) -> Size:
        """The number of points; an upper bound unless `is_counted`."""
        return product(one.count for one in self.dimensions)

    @property
    def is_counted(self) -> bool:
        """True if `points` is the number of points of the domain."""
        return self.is_exact and not self.tests


@dataclass(frozen=True)
class Outside:
    """A variable whose values no loop counts: a loaded index, or an argument of the call.

    Attributes:
        end: what it is below; None if that is not known.
        domain: that of the statement that binds it; each point may bind another value.
    """

    end: Size | None
    domain: IterationDomain


@dataclass(frozen=True, eq=False)
class IterationDomain:
    """The loops and conditions around a statement.

    Attributes:
        loops: the variables, from the outermost loop inwards; each is at least 0.
        ends: indices that are at least 0 in the loops.
        conditions: indices that are at least 0 by the conditions around.
        others: variables of other statements than loops.
        is_exact: False if a condition around is no constraint.
    """

    loops: tuple[LoopVariable, ...] = ()
    ends: tuple[Index, ...] = ()
    conditions: tuple[Index, ...] = ()
    others: Mapping[LoopVariable, Outside] = field(default_factory=lambda: MappingProxyType({}))
    is_exact: bool = True

    def within(self, variable: LoopVariable, ends: Iterable[Index]) -> IterationDomain:
        """Return the domain inside of a loop."""
        below = (end - 1 - index_of(variable) for end in ends)
        return replace(self, loops=(*self.loops, variable), ends=(*self.ends, *below))

    def where(self, conditions: Iterable[Condition]) -> IterationDomain:
        """Return the domain where conditions hold as well."""
        added = tuple(facts(conditions))
        return replace(self, conditions=(*self.conditions, *added)) if added else self

    def where_not(self, conditions: Sequence[Condition]) -> IterationDomain:
        """Return the domain where one of the conditions does not hold."""
        if len(conditions) == 1 and not conditions[0].equal:
            added = -conditions[0].index - 1
            return replace(self, conditions=(*self.conditions, added))
        return replace(self, is_exact=False)

    def binding(self, variable: LoopVariable, end: Size | None) -> IterationDomain:
        """Return the domain after a statement that binds a variable."""
        others = {**self.others, variable: Outside(end, self)}
        return replace(self, others=MappingProxyType(others))

    @property
    def constraints(self) -> tuple[Index, ...]:
        """All indices that are at least 0."""
        return (*self.ends, *self.conditions)

    def space(self, fixed: int = 0) -> Space:
        """Return the dimensions, for one turn of each of the outermost `fixed` loops."""
        if fixed not in self._spaces:
            space = _Solver(self, self.loops[fixed:]).space()
            if self._may_leave_out(self.loops[:fixed]):
                space = replace(space, is_exact=False)
            self._spaces[fixed] = space
        return self._spaces[fixed]

    def _may_leave_out(self, loops: Sequence[LoopVariable]) -> bool:
        """Return True if conditions on the variables of some loops may hold in none of their
        turns."""
        if all(set(loops).isdisjoint(one.variables) for one in self.conditions):
            return False
        whole = self.space()
        return not (whole.is_counted and is_never_negative(whole.points - 1))

    @functools.cached_property
    def _spaces(self) -> dict[int, Space]:
        return {}

    def most(self, index: Index) -> Size | None:
        """Return an upper bound of an index; None if none is found."""
        total = index.constant
        for atom, factor in index.terms:
            bound = None
            if is_never_negative(factor):
                bound = self._most_of(atom)
            elif is_never_negative(-factor):
                bound = self._least_of(atom)
            if bound is None:
                return None
            total = total + bound * factor
        return total

    def _most_of(self, atom: IndexAtom) -> Size | None:
        if isinstance(atom, Remainder):
            return atom.divisor - 1
        if not isinstance(atom, LoopVariable):
            most = self.most(atom.dividend)
            return None if most is None else floor_divide(most, atom.divisor)
        if atom in self.others:
            end = self.others[atom].end
            return None if end is None else end - 1
        if atom not in self.loops:
            return None
        ahead = {*self.loops[: self.loops.index(atom)], *self.others}
        for constraint in self.constraints:
            rest = constraint + index_of(atom)
            if constraint.factor(atom) == -1 and rest.variables <= ahead:
                most = self.most(rest)
                if most is not None:
                    return most
        return None

    def _least_of(self, atom: IndexAtom) -> Size | None:
        if isinstance(atom, LoopVariable | Remainder):
            return 0
        most = self.most(-atom.dividend)
        return None if most is None else floor_divide(-most, atom.divisor)


def walk_in_domains(program: LoopProgram) -> Iterator[tuple[Statement, IterationDomain]]:
    """Yield each statement of a program with the domain that it runs on. A call of an intrinsic is
    the statements that it stands for."""
    domain = IterationDomain()
    for variable, end in program.indices:
        domain = domain.binding(variable, end)
    yield from _walk(program.body, domain, itertools.count())


def _walk(
    body: Body, domain: IterationDomain, calls: Iterator[int]
) -> Iterator[tuple[Statement, IterationDomain]]:
    for statement in body:
        if isinstance(statement, UseIntrinsic):
            prefix = f"{statement.intrinsic.name}.{next(calls)}."
            unknown: list[LoopVariable] = []
            new = functools.partial(_new_variable, prefix, unknown)
            meaning = meaning_of(statement, prefix, new)
            inside = domain
            for variable in unknown:
                inside = inside.binding(variable, None)
            yield from _walk(meaning, inside, calls)
            continue
        yield statement, domain
        if isinstance(statement, For):
            inside = domain.within(statement.variable, statement.ends)
            yield from _walk(statement.body, inside, calls)
        elif isinstance(statement, If):
            yield from _walk(statement.body, domain.where(statement.conditions), calls)
            yield from _walk(statement.otherwise, domain.where_not(statement.conditions), calls)
        elif isinstance(statement, Check):
            domain = domain.binding(statement.variable, statement.end)
        elif isinstance(statement, AtomicAdd):
            domain = domain.binding(statement.variable, None)


def _new_variable(prefix: str, made: list[LoopVariable]) -> Index:
    made.append(LoopVariable(f"{prefix}?{len(made)}"))
    return index_of(made[-1])


def as_forms(
    index: Index, forms: Iterable[Index], moving: frozenset[LoopVariable]
) -> tuple[dict[Index, Size], Index] | None:
    """Return an index as multiples of forms and a rest without moving variables; None if it is
    no such sum."""
    factors: dict[Index, Size] = {}
    for form in forms:
        unit = next(atom for atom, factor in form.terms if factor == 1)
        factor = index.factor(unit)
        if factor != 0:
            factors[form] = factor
            index = index - form * factor
    return (factors, index) if moving.isdisjoint(index.variables) else None


class _Solver:
    """The search for the dimensions of a domain.

    At first each loop is one. Where a constraint holds two of them together, as the last tile of a
    split does with ``16*outer + inner < n``, and the inner one fills the width that the outer one
    moves by, they become one, whose form is that sum.
    """

    def __init__(self, domain: IterationDomain, free: Sequence[LoopVariable]):
        self._domain = domain
        self._forms = [index_of(variable) for variable in free]
        bound = {
            variable
            for variable, outside in domain.others.items()
            if not set(free).isdisjoint(outside.domain.loops)
        }
        self._moving = frozenset((*free, *bound))
        self._starts: dict[Index, list[Size]] = {form: [] for form in self._forms}
        self._ends: dict[Index, list[Size]] = {form: [] for form in self._forms}
        self._open = [
            one for one in domain.constraints if not self._moving.isdisjoint(one.variables)
        ]
        self._is_exact = domain.is_exact

    def space(self) -> Space:
        """Return the dimensions, and the constraints that they do not say."""
        self._take_limits()
        while self._joined():
            self._take_limits()
        dimensions = tuple(map(self._dimension, self._forms))
        return Space(dimensions, tuple(self._open), self._is_exact, self._moving)

    def _take_limits(self) -> None:
        """Make starts and ends of the constraints on one form."""
        for constraint in self._open[:]:
            found = as_forms(constraint, self._forms, self._moving)
            if found is None or len(found[0]) != 1 or not found[1].is_constant:
                continue
            ((form, factor),) = found[0].items()
            if is_never_negative(-factor - 1):
                end = floor_divide(found[1].constant, -factor) + 1
                # Of an end that may be negative nothing is left to count.
                if constraint in self._domain.conditions and not is_never_negative(end):
                    continue
                self._ends[form].append(end)
            elif is_never_negative(factor - 1):
                self._starts[form].append(-floor_divide(found[1].constant, factor))
            else:
                continue
            self._open.remove(constraint)

    def _joined(self) -> bool:
        """Make one form of two, and return True, if a constraint holds two together."""
        for constraint in self._open:
            found = as_forms(constraint, self._forms, self._moving)
            if found is None:
                continue
            for inner, outer, width in self._pairs(found[0]):
                self._join(constraint, inner, outer, width)
                return True
        return False

    def _pairs(self, factors: Mapping[Index, Size]) -> Iterator[tuple[Index, Index, Size]]:
        for inner in reversed(self._forms):
            if factors.get(inner) != -1 or self._starts[inner]:
                continue
            for outer, factor in factors.items():
                fills = outer is not inner and -factor in self._ends[inner]
                if fills and not self._starts[outer]:
                    yield inner, outer, -factor

    def _join(self, constraint: Index, inner: Index, outer: Index, width: Size) -> None:
        form = outer * width + inner
        if any(not is_never_negative(end - width) for end in self._ends[inner]):
            self._is_exact = False  # the inner one ends earlier, and leaves gaps
        self._starts[form] = []
        self._ends[form] = [end * width for end in self._ends[outer]]
        self._forms[self._forms.index(outer)] = form
        self._forms.remove(inner)
        # The number of tiles says nothing more: outer <= last // width, if form <= last.
        last = constraint + form
        implied = last // width - outer
        self._open = [one for one in self._open if one is not implied]

    def _dimension(self, form: Index) -> Dimension:
        ends = self._ends[form]
        if not ends:
            most = self._domain.most(form)
            if most is None:
                raise ValueError(f"no end of the loop over {form} is known")
            ends = [most + 1]
            self._is_exact = False
        start = self._decisive([0, *self._starts[form]], lambda a, b: is_never_negative(a - b))
        end = self._decisive(ends, lambda a, b: is_never_negative(b - a))
        if is_never_negative(start - end):
            return Dimension(form, start, 0)
        if not is_never_negative(end - start):
            start, self._is_exact = 0, self._is_exact and start == 0
        return Dimension(form, start, end - start)

    def _decisive(self, bounds: list[Size], implies: Callable[[Size, Size], bool]) -> Size:
        """Return the bound that implies all others; if none is proved to, the first one."""
        for bound in bounds:
            if all(implies(bound, other) for other in bounds):
                return bound
        self._is_exact = False
        return bounds[0]
