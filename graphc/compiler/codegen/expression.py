"""Expressions of C, as data: frozen, and interned.

Equal expressions are the same object, so they compare and hash by identity. An expression knows the
variables that it reads: loops are laid out by that. `plus` and its like leave trivial parts out on
the way. The text is printed last, by `printed`.

    >>> at = plus(times(Variable("row"), 10), Variable("column"))
    >>> load = subscript(Parameter("x0"), at)
    >>> str(load), sorted(map(str, load.reads))
    ('x0[row * 10 + column]', ['column', 'row'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from graphc.compiler.loops.interned import Interned
from graphc.compiler.targets import c_text


class Expression(metaclass=Interned):
    """An expression of C, of one of the classes below.

    Attributes:
        is_atom: whether it needs no parentheses, wherever it stands: one name, or one number.
    """

    __slots__: tuple[str, ...] = ("__weakref__", "_reads", "_text")

    _reads: frozenset[Variable]
    _text: str

    @property
    def is_atom(self) -> bool:
        return False

    @property
    def operands(self) -> tuple[Expression, ...]:
        """The expressions that it is put together from."""
        return ()

    @property
    def reads(self) -> frozenset[Variable]:
        """The variables in it."""
        # Most expressions are printed, or thrown away, without anybody who asks.
        try:
            return self._reads
        except AttributeError:
            object.__setattr__(self, "_reads", names_read(self.operands))
            return self._reads

    def __str__(self) -> str:
        try:
            return self._text
        except AttributeError:
            object.__setattr__(self, "_text", printed(self))
            return self._text

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self}>"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Variable(Expression):
    """A variable that a statement of the function defines."""

    name: str

    @property
    def is_atom(self) -> bool:
        return True

    @property
    def reads(self) -> frozenset[Variable]:
        return frozenset((self,))


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Parameter(Expression):
    """What has a name for all of the function: a parameter, an array, a constant of ``kernels/``.
    Where it is read is no matter to loops."""

    name: str

    @property
    def is_atom(self) -> bool:
        return True


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Number(Expression):
    """An int."""

    value: int

    @property
    def is_atom(self) -> bool:
        return self.value >= 0


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Literal(Expression):
    """A number of another dtype than int32: `text` is how C writes exactly its value; `is_count`,
    whether that is a whole number without a sign."""

    text: str
    dtype: str
    is_count: bool

    @property
    def is_atom(self) -> bool:
        return self.is_count


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Arithmetic(Expression):
    """``left + right``, or with another of ``+ - * / %``."""

    operation: str
    left: Expression
    right: Expression

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.left, self.right


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Comparison(Expression):
    """``left < right``, or with another of ``< <= > >= == !=``."""

    operation: str
    left: Expression
    right: Expression

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.left, self.right


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Conjunction(Expression):
    """``one && another``, of two conditions or more."""

    conditions: tuple[Expression, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.conditions


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Conditional(Expression):
    """``condition ? value : other``."""

    condition: Expression
    value: Expression
    other: Expression

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.condition, self.value, self.other


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Call(Expression):
    """``function(arguments)``."""

    function: str
    arguments: tuple[Expression, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.arguments


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Subscript(Expression):
    """``array[at]``."""

    array: Expression
    at: Expression

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.array, self.at


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Cast(Expression):
    """``(kind)value``."""

    kind: str
    value: Expression

    @property
    def is_atom(self) -> bool:
        return True

    @property
    def operands(self) -> tuple[Expression, ...]:
        return (self.value,)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Form(Expression):
    """What C writes in another way: text with ``{}`` for each of the operands."""

    form: str
    parts: tuple[Expression, ...]

    @property
    def operands(self) -> tuple[Expression, ...]:
        return self.parts


Term: TypeAlias = "Expression | int"
"""What the functions below take: an int is a `Number`."""

ZERO: Expression = Number(0)
ONE: Expression = Number(1)


def names_read(expressions: Iterable[Expression | None]) -> frozenset[Variable]:
    """The variables that any of these reads."""
    found = [read for x in expressions if x is not None and (read := x.reads)]
    return found[0] if len(found) == 1 else frozenset().union(*found)


# ---- text ---------------------------------------------------------------------------------------


def printed(one: Expression) -> str:
    """An expression as C writes it."""
    match one:
        case Variable() | Parameter():
            return one.name
        case Call():
            return f"{one.function}({', '.join(map(str, one.arguments))})"
        case Number():
            # -2147483648 is the negation of a number that is no int.
            return str(one.value) if one.value > -(2**31) else "(-2147483647 - 1)"
        case Arithmetic(operation="+"):
            return f"{one.left} + {one.right}"
        case Arithmetic(operation="-"):
            return f"{one.left} - {_grouped(one.right)}"
        case Arithmetic():
            return f"{_grouped(one.left)} {one.operation} {_grouped(one.right)}"
        case Subscript():
            return f"{one.array}[{one.at}]"
        case Literal():
            return one.text
        case Comparison():
            return f"{one.left} {one.operation} {one.right}"
        case Conjunction():
            return " && ".join(map(str, one.conditions))
        case Conditional():
            return f"{one.condition} ? {one.value} : {one.other}"
        case Cast():
            return f"({one.kind}){_grouped(one.value)}"
        case Form():
            return one.form.format(*one.parts)
    raise AssertionError(type(one))


def _grouped(one: Expression) -> str:
    return str(one) if one.is_atom else f"({one})"


# ---- what puts expressions together -------------------------------------------------------------


def as_expression(value: Term) -> Expression:
    """The expression that an operand is."""
    return Number(value) if isinstance(value, int) else value


def expression(form: str, *operands: Term) -> Expression:
    """The form with an operand in the place of each ``{}``."""
    return Form(form, tuple(map(as_expression, operands)))


def literal(value: object, dtype: str) -> Expression:
    """A number of a dtype, exactly."""
    number = np.asarray(value, dtype).item()
    if dtype == "int32":
        return Number(number)
    is_count = not dtype.startswith("float") and number >= 0
    return Literal(c_text.literal(number, dtype), dtype, is_count)


def call(function: str, *arguments: Term) -> Expression:
    """``function(arguments)``."""
    return Call(function, tuple(map(as_expression, arguments)))


def subscript(array: Expression | str, at: Term) -> Expression:
    """``array[at]``; an array by its name is a `Parameter`."""
    return Subscript(Parameter(array) if isinstance(array, str) else array, as_expression(at))


def compare(left: Term, operation: str, right: Term) -> Expression:
    """``left < right``, or with another operation."""
    return Comparison(operation, as_expression(left), as_expression(right))


def cast(kind: str, value: Term) -> Expression:
    """``(kind)value``."""
    return Cast(kind, as_expression(value))


def either(condition: Expression, value: Term, other: Term) -> Expression:
    """``condition ? value : other``."""
    return Conditional(condition, as_expression(value), as_expression(other))


def every(conditions: Iterable[Expression | None]) -> Expression | None:
    """``one && another``; None where there is no condition."""
    found = tuple(one for one in conditions if one is not None)
    if not found:
        return None
    return found[0] if len(found) == 1 else Conjunction(found)


def when(conditions: Iterable[Expression | None]) -> Expression | None:
    """``if (one && another)``; None where there is no condition."""
    tested = every(conditions)
    return None if tested is None else expression("if ({})", tested)


def counting(name: Expression, end: Term, start: Term = 0, step: Term | None = None) -> Expression:
    """The head of a loop whose variable counts from `start` to below `end`, one by one or by
    `step`."""
    turn = expression("++{}", name) if step is None else expression("{} += {}", name, step)
    return expression("for (int {0} = {1}; {0} < {2}; {3})", name, start, end, turn)


# ---- integers, with the trivial parts left out --------------------------------------------------


def grouped(value: Expression) -> Expression:
    """The expression, in parentheses unless it is one name or number."""
    return value if value.is_atom else expression("({})", value)


def times(left: Term, right: Term) -> Expression:
    """``left * right``."""
    left = Number(left) if isinstance(left, int) else left
    right = Number(right) if isinstance(right, int) else right
    if left is ZERO or right is ZERO:
        return ZERO
    if left is ONE:
        return right
    if right is ONE:
        return left
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(left.value * right.value)
    return Arithmetic("*", left, right)


def plus(left: Term, right: Term) -> Expression:
    """``left + right``."""
    left = Number(left) if isinstance(left, int) else left
    right = Number(right) if isinstance(right, int) else right
    if left is ZERO:
        return right
    if right is ZERO:
        return left
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(left.value + right.value)
    return Arithmetic("+", left, right)


def minus(left: Term, right: Term) -> Expression:
    """``left - right``."""
    left = Number(left) if isinstance(left, int) else left
    right = Number(right) if isinstance(right, int) else right
    if right is ZERO:
        return left
    if isinstance(left, Number) and isinstance(right, Number) and left.value >= right.value:
        return Number(left.value - right.value)
    return Arithmetic("-", left, right)


def over(left: Term, right: Term) -> Expression:
    """``left / right`` of two that are not negative; a value without elements has no places."""
    left = Number(left) if isinstance(left, int) else left
    right = Number(right) if isinstance(right, int) else right
    if right is ONE or left is ZERO:
        return left
    if right is ZERO:
        return ZERO
    return Arithmetic("/", left, right)


def modulo(left: Term, right: Term) -> Expression:
    """``left % right`` of two that are not negative; a value without elements has no places."""
    left = Number(left) if isinstance(left, int) else left
    right = Number(right) if isinstance(right, int) else right
    if right is ZERO or right is ONE or left is ZERO:
        return ZERO
    return Arithmetic("%", left, right)


def rest_of_part(end: Term, part: Term, most: Term) -> Expression:
    """How many elements the part of a loop has that begins at `part`: `most`, or what is left."""
    rest = minus(end, part)
    return either(compare(rest, "<", most), rest, most)


def end_of_part(end: Term, part: Term, most: Term) -> Expression:
    """Where such a part ends."""
    return either(compare(minus(end, part), "<", most), end, plus(part, most))


def step_along(
    value: Expression,
    name: Expression,
    others: Mapping[Expression, int | None] = MappingProxyType({}),
    exact: bool = False,
) -> int | None:
    """By how much an expression of ints moves where a variable moves by one; None where that is no
    number of the text.

    Args:
        value: the expression.
        name: the variable.
        others: by how much other variables, which are made from it, move then.
        exact: whether quotients and rests that move are no number; else these, which mostly stay or
            move with what is divided, count as standing still.
    """
    if not any(x is name or others.get(x, 0) != 0 for x in value.reads):
        return 0
    if isinstance(value, Variable):
        return 1 if value is name else others[value]
    if not isinstance(value, Arithmetic):
        return None
    if value.operation in ("/", "%"):
        return None if exact else 0
    left, right = value.left, value.right
    first, second = (step_along(x, name, others, exact) for x in (left, right))
    if first is None or second is None:
        return None
    if value.operation == "*":
        factor, step = (left, second) if first == 0 else (right, first)
        if step == 0:
            return 0
        return step * factor.value if isinstance(factor, Number) else None
    return first + second if value.operation == "+" else first - second
