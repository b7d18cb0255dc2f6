"""Pieces of C text: types, literals, comments."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from graphc.compiler.codegen.expression import Expression, Literal, Number

C_TYPES = {
    "bool": "bool",
    "uint8": "gc_byte",
    "int32": "int",
    "int64": "gc_int64",
    "uint32": "unsigned int",
    "float32": "float",
    "float64": "double",
}

DTYPES = {scalar: dtype for dtype, scalar in C_TYPES.items()}
"""graphc's name of each of these C types."""


def literal(value: object, dtype: str) -> Expression:
    """A number of a dtype, exactly."""
    number = np.asarray(value, dtype).item()
    if dtype == "int32":
        return Number(number)
    is_count = not dtype.startswith("float") and number >= 0
    return Literal(_literal(number, dtype), dtype, is_count)


def _literal(number: Any, dtype: str) -> str:
    if dtype == "bool":
        return "true" if number else "false"
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


def comment(text: object) -> str:
    """Text from users made harmless inside of a comment: one line, and nothing that ends it."""
    return _harmless(str(text))


@functools.lru_cache(maxsize=1024)  # a layer's name stands behind each of its lines
def _harmless(text: str) -> str:
    line = " ".join(text.split()).encode("unicode_escape").decode("ascii")
    # A backslash at the end would join the next line to the comment; ?? begins a trigraph.
    return line.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
