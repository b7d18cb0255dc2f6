"""Index and value expressions as C: calls of the functions of ``kernels/``.

Indices are ints. C's ``/`` and ``%`` round towards 0, so they stand for quotients and remainders
of what is proved to be at least 0; of others the functions that round down do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

from graphc.compiler.graph.dim import Dim, FloorQuotient, Size, Symbol
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    Quotient,
    as_index,
    index_of,
)
from graphc.compiler.loops.ranges import Ranges, is_never_negative
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Select,
    Value,
)
from graphc.compiler.targets.c_text import C_TYPES, literal
from graphc.compiler.targets.page import (
    Code,
    call,
    choice,
    code,
    compared,
    conjunction,
    product,
    quotient,
    subscript,
    total,
)

_UNSHIFTED = Constant(0, "int64")


@dataclass(frozen=True)
class ParameterNames:
    """Names of a program's parameters in the text; each is noted when it is asked for.

    Attributes:
        size: of a symbol.
        argument: of a number that a call gives.
        variable: of a loop variable, or of one that a call gives.
    """

    size: Callable[[Symbol], str]
    argument: Callable[[Argument], str]
    variable: Callable[[LoopVariable], str]


@dataclass(frozen=True)
class Expressions:
    """Prints indices and values at one place of a program.

    Attributes:
        names: of parameters.
        ranges: of the loops around.
    """

    names: ParameterNames
    ranges: Ranges

    # ---- indices --------------------------------------------------------------------------------

    def size(self, size: Size) -> Code:
        """Return a size."""
        return self.index(as_index(size))

    def index(self, index: Index) -> Code:
        """Return an index: its terms, those of the outermost loops first, then its constant."""
        terms = [*self._terms(index), *self._monomials(index.constant)]
        return total(_sum_begins_positive(terms)) if terms else code("0")

    def _terms(self, index: Index) -> list[tuple[bool, Code]]:
        """Return an index's terms, each with True if it is added."""
        terms = self._gathered(index).terms
        ordered = sorted(terms, key=lambda term: self._depth(term[0])) if len(terms) > 1 else terms
        return [self._term(self._atom(atom), factor) for atom, factor in ordered]

    def _gathered(self, index: Index) -> Index:
        """Return an index in which a quotient has the terms beside it that make its own smaller:
        ``(n + 7 - lane) // 8`` for ``(n + 7 + 7*lane) // 8 - lane``."""
        for atom, times in index.terms:
            if not isinstance(atom, Quotient) or times != 1 or isinstance(atom.divisor, Dim):
                continue
            beside, dividend = index - index_of(atom), atom.dividend
            for one, factor in beside.terms:
                inside = dividend.factor(one)
                if isinstance(factor, Dim) or isinstance(inside, Dim):
                    continue
                if abs(inside + factor * atom.divisor) < abs(inside):
                    dividend = dividend + index_of(one) * (factor * atom.divisor)
                    beside = beside - index_of(one) * factor
            if dividend is not atom.dividend and self.ranges.is_never_negative(dividend):
                return self._gathered(beside) + index_of(Quotient(dividend, atom.divisor))
        return index

    def _depth(self, atom: IndexAtom) -> int:
        """Return the place of the outermost loop that an atom depends on."""
        depths = (self._depths[one] for one in atom.variables if one in self._depths)
        return min(depths, default=-1)

    @functools.cached_property
    def _depths(self) -> dict[LoopVariable, int]:
        return {variable: depth for depth, variable in enumerate(self.ranges.ends)}

    def _term(self, atom: Code, factor: Size) -> tuple[bool, Code]:
        monomials = self._monomials(factor)
        if len(monomials) > 1:
            return True, product([atom, total(_sum_begins_positive(monomials))])
        ((is_added, scale),) = monomials
        return is_added, atom if str(scale) == "1" else product([atom, scale])

    def _monomials(self, size: Size) -> list[tuple[bool, Code]]:
        """Return the terms of a size, each with True if it is added."""
        if not isinstance(size, Dim):
            return [(size > 0, code(str(abs(size))))] if size else []
        found: list[tuple[bool, Code]] = []
        for atoms, factor in size.terms:
            parts = [self._size_atom(atom) for atom in atoms]
            number = [code(str(abs(factor)))] if abs(factor) != 1 or not parts else []
            found.append((factor > 0, product([*number, *parts])))
        return found

    def _size_atom(self, atom: Symbol | FloorQuotient) -> Code:
        if isinstance(atom, Symbol):
            return code(self.names.size(atom))
        dividend, divisor = self.size(atom.numerator), self.size(atom.denominator)
        if is_never_negative(atom.numerator):
            return quotient(dividend, divisor)
        return call("gc_floordiv", dividend, divisor)

    def _atom(self, atom: IndexAtom) -> Code:
        if isinstance(atom, LoopVariable):
            return code(self.names.variable(atom))
        operands = self.index(atom.dividend), self.size(atom.divisor)
        rounds_down = not self.ranges.is_never_negative(atom.dividend)
        if isinstance(atom, Quotient):
            return call("gc_floordiv", *operands) if rounds_down else quotient(*operands)
        return call("gc_mod", *operands) if rounds_down else quotient(*operands, "%")

    def conditions(self, conditions: tuple[Condition, ...]) -> Code:
        """Return the condition that all hold."""
        return conjunction(list(map(self._condition, conditions)))

    def _condition(self, condition: Condition) -> Code:
        """Return a test with nothing subtracted: ``row < 10`` for ``9 - row >= 0``."""
        index = condition.index
        size = index.constant
        constant = dict(size.terms).get((), 0) if isinstance(size, Dim) else size
        signed = [*self._terms(index), *self._monomials(size - constant)]
        left = [(True, term) for is_added, term in signed if is_added]
        right = [(True, term) for is_added, term in signed if not is_added]
        operator = "==" if condition.equal else ">="
        if not left and not condition.equal:  # constant - right >= 0
            return compared(self._sum(right, 0), "<", code(str(constant + 1)))
        if constant == -1 and right and not condition.equal:
            return compared(self._sum(right, 0), "<", self._sum(left, 0))
        more, less = max(constant, 0), max(-constant, 0)
        return compared(self._sum(left, more), operator, self._sum(right, less))

    def _sum(self, terms: list[tuple[bool, Code]], constant: int) -> Code:
        number = [(True, code(str(constant)))] if constant or not terms else []
        return total([*terms, *number])

    # ---- values ---------------------------------------------------------------------------------

    def value(self, value: Value) -> Code:
        """Return a value."""
        if isinstance(value, Constant):
            return code(literal(value.number, value.dtype))
        if isinstance(value, Load):
            return self.loaded(value)
        if isinstance(value, IndexValue):
            index = self.index(value.index)
            return index if value.dtype == "int32" else call(_cast(value.dtype), index)
        if isinstance(value, Local):
            return code(value.name)
        if isinstance(value, Argument):
            return code(self.names.argument(value))
        if isinstance(value, Bit):
            return call(f"gc_unpack_bool<{value.number}>", self.value(value.byte))
        if isinstance(value, RandomWord):
            return self._random_word(value)
        if isinstance(value, Select):
            condition = self.conditions(value.conditions)
            return choice(condition, self.value(value.value), self.value(value.otherwise))
        assert isinstance(value, Apply)
        function = _cast(value.dtype) if value.op == "cast" else f"gc_{value.op}"
        return call(function, *map(self.value, value.operands))

    def loaded(self, load: Load) -> Code:
        """Return what is read of an element of memory."""
        return self.element(load)

    def element(self, element: Load) -> Code:
        """Return an element of memory: something that may be assigned to."""
        buffer = element.buffer
        if buffer.scope is BufferScope.REGISTER and buffer.elements == 1:
            return code(buffer.memory)
        return subscript(buffer.memory, self.index(buffer.place(element.coords)))

    def _random_word(self, word: RandomWord) -> Code:
        rest = (word.step, word.call, word.seed, word.stream)
        shift = [] if word.shift is _UNSHIFTED else [self.value(word.shift)]
        return call("gc_random", *shift, self.index(word.element), *map(self.value, rest))


def _cast(dtype: str) -> str:
    return f"gc_cast<{C_TYPES[dtype]}>"


def _sum_begins_positive(terms: list[tuple[bool, Code]]) -> list[tuple[bool, Code]]:
    """Return the terms of a sum with one that is added first, if there is any."""
    return sorted(terms, key=lambda term: not term[0])
