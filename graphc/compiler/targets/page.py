"""C text that knows where its lines may be broken, as it was made from an expression.

A `Code` is pieces of text; behind each piece a line may be broken, or not. Its functions put
operands together, with parentheses where the operators need them, so no text is looked at again.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple, TypeAlias, Union

from graphc.compiler.targets.marks import giving, noted

WIDTH = 80
"""Columns of generated text: those of a terminal, of a page of the manual, of a notebook."""

_DEEPER = "    "
"""The further indentation of the rest of a broken line."""


class Break(IntEnum):
    """A place where a line may be broken; of those inside of equally many brackets the first of
    these kinds is the best."""

    COMMA = 0
    ASSIGNMENT = 1
    CHOICE = 2
    LOGIC = 3
    SUM = 4
    PRODUCT = 5
    BRACKET = 6


class Fragment(NamedTuple):
    """Text, and the place behind it where a line may be broken; None where none may be.

    Attributes:
        text: the characters.
        place: which kind of place is behind it.
        depth: inside of how many brackets that is.
    """

    text: str
    place: Break | None = None
    depth: int = 0


class Binding(IntEnum):
    """The binding of an expression's operator to its operands, the loosest first."""

    CHOICE = 0
    LOGIC = 1
    COMPARISON = 2
    SUM = 3
    PRODUCT = 4
    PREFIX = 5
    ATOM = 6


@dataclass(frozen=True)
class Code:
    """An expression of C.

    Attributes:
        pieces: its text.
        binding: that of its operator.
    """

    pieces: tuple[Fragment, ...]
    binding: Binding = Binding.ATOM

    def __str__(self) -> str:
        return _text(self.pieces)


def _text(pieces: Iterable[Fragment]) -> str:
    return "".join([piece.text for piece in pieces])


Part: TypeAlias = Union[str, "Code", Fragment]


def code(*parts: Part, binding: Binding = Binding.ATOM) -> Code:
    """Return parts in a row as one expression."""
    pieces: list[Fragment] = []
    for part in parts:
        if isinstance(part, Code):
            pieces += part.pieces
        else:
            pieces.append(part if isinstance(part, Fragment) else Fragment(part))
    return Code(tuple(pieces), binding)


def _deeper(inside: Code) -> tuple[Fragment, ...]:
    return tuple(
        piece if piece.place is None else Fragment(piece.text, piece.place, piece.depth + 1)
        for piece in inside.pieces
    )


def grouped(inside: Code, binding: Binding) -> Code:
    """Return an operand of an operator that binds that tightly: in parentheses where its own binds
    less."""
    if inside.binding >= binding:
        return inside
    return Code((Fragment("("), *_deeper(inside), Fragment(")")))


def joined(parts: Sequence[Code], between: str, place: Break, binding: Binding) -> Code:
    """Return operands with text between them, behind which a line may be broken."""
    pieces: list[Fragment] = []
    for number, part in enumerate(parts):
        pieces += [Fragment(between, place)] if number else []
        pieces += part.pieces
    return Code(tuple(pieces), binding)


def call(function: str, *operands: Code) -> Code:
    """Return a call."""
    return _bracketed(f"{function}(", operands, ")")


def instance(function: str, constants: Sequence[Code]) -> Code:
    """Return the name of a function, with the arguments of its template if it has some."""
    return _bracketed(f"{function}<", constants, ">") if constants else code(function)


def call_of(function: Code, *operands: Code) -> Code:
    """Return a call of an instance of a template."""
    return code(function, call("", *operands))


def subscript(array: str, *indices: Code) -> Code:
    """Return an element of an array."""
    return _bracketed(f"{array}[", indices, "]")


def _bracketed(start: str, operands: Sequence[Code], end: str) -> Code:
    inside = joined(operands, ", ", Break.COMMA, Binding.ATOM)
    opening = Fragment(start, Break.BRACKET, 1) if operands else Fragment(start)
    return Code((opening, *_deeper(inside), Fragment(end)))


def product(factors: Sequence[Code]) -> Code:
    """Return a product; its factors from left to right."""
    if len(factors) == 1:
        return factors[0]
    parts = [
        grouped(one, Binding.PREFIX if k else Binding.PRODUCT) for k, one in enumerate(factors)
    ]
    return joined(parts, " * ", Break.PRODUCT, Binding.PRODUCT)


def quotient(dividend: Code, divisor: Code, operator: str = "/") -> Code:
    """Return C's quotient, or, with `operator` "%", its remainder."""
    pieces = (
        *grouped(dividend, Binding.PRODUCT).pieces,
        Fragment(f" {operator} ", Break.PRODUCT),
        *grouped(divisor, Binding.PREFIX).pieces,
    )
    return Code(pieces, Binding.PRODUCT)


def total(terms: Iterable[tuple[bool, Code]]) -> Code:
    """Return a sum of terms, each with True if it is added, False if it is subtracted."""
    (is_added, first), *others = terms
    if not is_added:
        first = code("-", grouped(first, Binding.PREFIX), binding=Binding.PREFIX)
    if not others:
        return first
    pieces = list(grouped(first, Binding.SUM).pieces)
    for is_added, term in others:
        pieces.append(Fragment(" + " if is_added else " - ", Break.SUM))
        pieces += grouped(term, Binding.SUM if is_added else Binding.PRODUCT).pieces
    return Code(tuple(pieces), Binding.SUM)


def compared(left: Code, operator: str, right: Code) -> Code:
    """Return a comparison."""
    pieces = (
        *grouped(left, Binding.SUM).pieces,
        Fragment(f" {operator} ", Break.SUM),
        *grouped(right, Binding.SUM).pieces,
    )
    return Code(pieces, Binding.COMPARISON)


def conjunction(conditions: Sequence[Code]) -> Code:
    """Return the condition that all of some hold."""
    if len(conditions) == 1:
        return conditions[0]
    parts = [grouped(one, Binding.COMPARISON) for one in conditions]
    return joined(parts, " && ", Break.LOGIC, Binding.LOGIC)


def choice(condition: Code, yes: Code, no: Code) -> Code:
    """Return one of two values, of which only that one is computed."""
    pieces = (
        *grouped(condition, Binding.LOGIC).pieces,
        Fragment(" ? ", Break.CHOICE),
        *grouped(yes, Binding.LOGIC).pieces,
        Fragment(" : ", Break.CHOICE),
        *grouped(no, Binding.CHOICE).pieces,
    )
    return Code(pieces, Binding.CHOICE)


# ---- lines --------------------------------------------------------------------------------------


def lines(
    parts: Sequence[Part],
    indent: str,
    note: str = "",
    broken: str = "",
    variable: str = "",
) -> list[str]:
    """Return the lines of one statement, of at most `WIDTH` columns.

    A line is broken inside of as few brackets as can be, there at the best place, and of equal ones
    at the last. What has no place to be broken at stays longer.

    Notes and variables are marked (`graphc.compiler.targets.marks`), as functions are compared
    without them.

    Args:
        indent: spaces ahead of it.
        note: a comment, without its slashes; behind the last line, or above all where there is no
            room.
        broken: what ends a line behind which it goes on: of a directive a backslash.
        variable: that the statement gives a value.
    """
    left = list(code(*parts).pieces)
    found: list[str] = []
    lead = indent
    around: list[int] = []  # the depths of the places at which lines are broken, ascending
    while len(lead) + len(rest := _text(left)) > WIDTH:
        best = _best_place(left, WIDTH - len(lead) - len(broken))
        if best is None:
            break
        front, left = left[:best], left[best:]
        found.append((lead + _text(front)).rstrip() + broken)
        depth = front[-1].depth
        around = [*(one for one in around if one < depth), depth]
        lead = indent + _DEEPER * len(around)
    found.append(lead + rest)
    is_behind = len(found[-1]) + len("  // ") + len(note) <= WIDTH
    found[0] = giving(found[0], variable)
    if note and is_behind:
        found[-1] = noted(found[-1], note)
        return found
    return [*remark(note, indent), *found] if note else found


def _best_place(pieces: Sequence[Fragment], columns: int) -> int | None:
    """Return the number of pieces that stay on a line of so many columns; None where it cannot be
    broken."""
    end, best, found = 0, None, None
    for number, (text, place, depth) in enumerate(pieces[:-1], start=1):
        end += len(text)
        if end - (len(text) - len(text.rstrip())) > columns:
            break
        if place is not None and (best is None or (depth, place) <= best):
            best, found = (depth, place), number
    return found


def remark(text: str, indent: str) -> list[str]:
    """Return a comment as lines of its own."""
    columns = WIDTH - len(indent) - len("// ")
    wrapped = textwrap.wrap(text, columns, break_long_words=False, break_on_hyphens=False)
    return [noted(indent, line) for line in wrapped]


def listed(parts: Sequence[str], indent: str, behind: str) -> str:
    """Return parts with commas between them in lines that begin behind a line break; `behind` comes
    after the last one."""
    found, line = "", ""
    for number, part in enumerate(parts):
        text = f"{part}," if number < len(parts) - 1 else part
        end = "" if number < len(parts) - 1 else behind
        if line and len(f"{line} {text}{end}") > WIDTH:
            found, line = f"{found}\n{line}", ""
        line = f"{line} {text}" if line else f"{indent}{text}"
    return f"{found}\n{line}" if line else ""
