"""Pieces of C text: types, literals, and integer expressions with the trivial parts left out."""

from __future__ import annotations

import math
import re

import numpy as np

C_TYPES = {
    "bool": "bool",
    "int32": "int",
    "int64": "gc_int64",
    "uint32": "unsigned int",
    "float32": "float",
    "float64": "double",
}

WIDTH = 98
"""Columns of what is wrapped: comments and parameters."""

_SIMPLE = re.compile(r"\w+")
_INT_LINE = re.compile(r"( *)const int (i\d+) = ")


def literal(value: object, dtype: str) -> str:
    """A number of a dtype as C text that has exactly its value."""
    number = np.asarray(value, dtype).item()
    if dtype == "bool":
        return "true" if number else "false"
    if dtype == "int32":
        return str(number) if number > -(2**31) else "(-2147483647 - 1)"
    if dtype == "uint32":
        return f"{number}u"
    if dtype == "int64":
        return f"{number}LL" if number > -(2**63) else "(-9223372036854775807LL - 1)"
    if math.isnan(number):
        return f"gc_nan<{C_TYPES[dtype]}>()"
    if math.isinf(number):
        return f"{'-' if number < 0 else ''}gc_infinity<{C_TYPES[dtype]}>()"
    # repr of the widened float32 could have 17 digits where 9 are enough.
    text = np.format_float_positional(np.dtype(dtype).type(number), trim="0")
    if len(text) > 16:
        text = np.format_float_scientific(np.dtype(dtype).type(number), trim="0")
    return f"{text}f" if dtype == "float32" else text


def grouped(text: str) -> str:
    """The expression, in parentheses unless it is one name or number."""
    return text if _SIMPLE.fullmatch(text) else f"({text})"


def times(left: str, right: str) -> str:
    """``left * right``."""
    if "0" in (left, right):
        return "0"
    if left == "1":
        return right
    if right == "1":
        return left
    if left.isdigit() and right.isdigit():
        return str(int(left) * int(right))
    return f"{grouped(left)} * {grouped(right)}"


def plus(left: str, right: str) -> str:
    """``left + right``."""
    if left == "0":
        return right
    if right == "0":
        return left
    if left.isdigit() and right.isdigit():
        return str(int(left) + int(right))
    return f"{left} + {right}"


def minus(left: str, right: str) -> str:
    """``left - right``."""
    if right == "0":
        return left
    if left.isdigit() and right.isdigit() and int(left) >= int(right):
        return str(int(left) - int(right))
    return f"{left} - {grouped(right)}"


def over(left: str, right: str) -> str:
    """``left / right`` of two that are not negative; a value without elements has no places."""
    if right == "1" or left == "0":
        return left
    if right == "0":
        return "0"
    return f"{grouped(left)} / {grouped(right)}"


def modulo(left: str, right: str) -> str:
    """``left % right`` of two that are not negative; a value without elements has no places."""
    if right in ("0", "1") or left == "0":
        return "0"
    return f"{grouped(left)} % {grouped(right)}"


def comment(text: object) -> str:
    """Text from users made harmless inside of a comment: one line, and nothing that ends it."""
    line = " ".join(str(text).split()).encode("unicode_escape").decode("ascii")
    # A backslash at the end would join the next line to the comment; ?? begins a trigraph.
    return line.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def without_unused(text: str) -> str:
    """A function's text without the ints of index arithmetic (``i7``) that nothing reads.

    An index map works out each coordinate before it is known which of them the value behind it
    needs: a broadcast drops some.
    """
    lines = text.split("\n")
    kept: list[str] = []  # from the end
    for line in reversed(lines):
        found = _INT_LINE.match(line)
        if found is None or _is_read(found[2], len(found[1]), kept):
            kept.append(line)
    return "\n".join(reversed(kept))


def _is_read(name: str, indent: int, behind: list[str]) -> bool:
    """Whether a name is met before its block ends.

    Args:
        behind: the lines after the name's own, the last one first.
    """
    word = re.compile(rf"\b{name}\b")
    for line in reversed(behind):
        if line.strip() and len(line) - len(line.lstrip()) < indent and not line.startswith("#"):
            return False
        if word.search(line):
            return True
    return False
