"""C expressions that know which variables they read.

Text alone does not say what it reads, and loops are laid out by that. So an expression is text with
what it was put together from: `plus` and its like leave trivial parts out on the way, `expression`
fills the gaps of a form. A plain ``str`` among the operands reads no variable: it is a number, a
type, or a parameter of the function.

    >>> at = plus(times(local("row"), "10"), local("column"))
    >>> load = expression("{}[{}]", "x0", at)
    >>> load, sorted(load.reads)
    ('x0[row * 10 + column]', ['column', 'row'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType


class Expression(str):
    """The text of a C expression.

    Attributes:
        operation: "local", one of ``+ - * / %``, or "" for any other.
        operands: what it was put together from.
    """

    __slots__ = ("_reads", "operands", "operation")

    operation: str
    operands: tuple[str, ...]
    _reads: frozenset[str] | None

    def __new__(cls, text: str, operation: str = "", operands: Iterable[str] = ()) -> Expression:
        self = super().__new__(cls, text)
        self.operation = operation
        self.operands = tuple(operands)
        self._reads = None
        return self

    @property
    def reads(self) -> frozenset[str]:
        """The names of the variables in it."""
        # Most text is printed, or thrown away, without anybody who asks.
        if self._reads is None:
            if self.operation == "local":
                self._reads = frozenset((str(self),))
            else:
                self._reads = names_read(self.operands)
        return self._reads


def names_read(expressions: Iterable[str]) -> frozenset[str]:
    """The names of the variables that any of these reads."""
    found = [x.reads for x in expressions if isinstance(x, Expression) and x.reads]
    return found[0] if len(found) == 1 else frozenset().union(*found)


ZERO = Expression("0")


def local(name: str) -> Expression:
    """A variable of the function."""
    assert name.isidentifier(), name
    return Expression(name, "local")


def expression(form: str, *operands: str) -> Expression:
    """The form with an operand in the place of each ``{}``."""
    return Expression(form.format(*operands), operands=operands)


def call(function: str, *arguments: str) -> Expression:
    """``function(arguments)``."""
    return expression("{}({})", function, listed(*arguments))


def listed(*arguments: str) -> Expression:
    """``one, another``: arguments of a call."""
    return Expression(", ".join(arguments), operands=arguments)


def subscript(array: str, at: str) -> Expression:
    """``array[at]``."""
    return Expression(f"{array}[{at}]", operands=(array, at))


def either(condition: str, value: str, other: str) -> Expression:
    """``condition ? value : other``."""
    return expression("{} ? {} : {}", condition, value, other)


def every(conditions: Iterable[str]) -> Expression:
    """``one && another``; empty where there is no condition."""
    conditions = tuple(conditions)
    return Expression(" && ".join(conditions), operands=conditions)


def when(conditions: Iterable[str]) -> Expression:
    """``if (one && another)``; empty where there is no condition."""
    tested = every(conditions)
    return expression("if ({})", tested) if tested else tested


def counting(name: str, end: str, start: str = "0", step: str = "") -> Expression:
    """The head of a loop whose variable counts from `start` to below `end`, one by one or by
    `step`."""
    turn = expression("{} += {}", name, step) if step else expression("++{}", name)
    return expression("for (int {0} = {1}; {0} < {2}; {3})", name, start, end, turn)


# ---- integers, with the trivial parts left out --------------------------------------------------


def grouped(text: str) -> Expression:
    """The expression, in parentheses unless it is one name or number."""
    if text.isalnum() or text.isidentifier():
        return _as_expression(text)
    return Expression(f"({text})", operands=(text,))


def times(left: str, right: str) -> Expression:
    """``left * right``."""
    if "0" in (left, right):
        return ZERO
    if left == "1":
        return _as_expression(right)
    if right == "1":
        return _as_expression(left)
    if left.isdigit() and right.isdigit():
        return Expression(str(int(left) * int(right)))
    return Expression(f"{grouped(left)} * {grouped(right)}", "*", (left, right))


def plus(left: str, right: str) -> Expression:
    """``left + right``."""
    if left == "0":
        return _as_expression(right)
    if right == "0":
        return _as_expression(left)
    if left.isdigit() and right.isdigit():
        return Expression(str(int(left) + int(right)))
    return Expression(f"{left} + {right}", "+", (left, right))


def minus(left: str, right: str) -> Expression:
    """``left - right``."""
    if right == "0":
        return _as_expression(left)
    if left.isdigit() and right.isdigit() and int(left) >= int(right):
        return Expression(str(int(left) - int(right)))
    return Expression(f"{left} - {grouped(right)}", "-", (left, right))


def over(left: str, right: str) -> Expression:
    """``left / right`` of two that are not negative; a value without elements has no places."""
    if right == "1" or left == "0":
        return _as_expression(left)
    if right == "0":
        return ZERO
    return Expression(f"{grouped(left)} / {grouped(right)}", "/", (left, right))


def modulo(left: str, right: str) -> Expression:
    """``left % right`` of two that are not negative; a value without elements has no places."""
    if right in ("0", "1") or left == "0":
        return ZERO
    return Expression(f"{grouped(left)} % {grouped(right)}", "%", (left, right))


def rest_of_part(end: str, part: str, most: str) -> Expression:
    """How many elements the part of a loop has that begins at `part`: `most`, or what is left."""
    rest = minus(end, part)
    return either(expression("{} < {}", rest, most), rest, most)


def end_of_part(end: str, part: str, most: str) -> Expression:
    """Where such a part ends."""
    return either(expression("{} < {}", minus(end, part), most), end, plus(part, most))


def _as_expression(text: str) -> Expression:
    return text if isinstance(text, Expression) else Expression(text)


def step_along(
    value: str,
    name: str,
    others: Mapping[str, int | None] = MappingProxyType({}),
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
    if not isinstance(value, Expression):
        return 0
    if not any(x == name or others.get(x, 0) != 0 for x in value.reads):
        return 0
    if value.operation == "local":
        return 1 if value == name else others[value]
    if value.operation in ("/", "%"):
        return None if exact else 0
    if value.operation not in ("+", "-", "*"):
        return None
    left, right = value.operands
    first, second = (step_along(x, name, others, exact) for x in (left, right))
    if first is None or second is None:
        return None
    if value.operation == "*":
        factor, step = (left, second) if first == 0 else (right, first)
        if step == 0:
            return 0
        return step * int(factor) if factor.isdigit() else None
    return first + second if value.operation == "+" else first - second
