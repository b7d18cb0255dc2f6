"""Types, numbers and comments of C."""

from __future__ import annotations

import functools
import math

import numpy as np

C_TYPES = {
    "bool": "bool",
    "uint8": "gc_byte",
    "int32": "int",
    "int64": "gc_int64",
    "uint32": "unsigned int",
    "uint64": "gc_uint64",
    "float32": "float",
    "float64": "double",
}
"""The C name of each dtype that a buffer, a local or an argument may have."""

DTYPES = {scalar: dtype for dtype, scalar in C_TYPES.items()}
"""graphc's name of each of these C types."""


def literal(value: object, dtype: str) -> str:
    """Return C text that has exactly the value of a number of a dtype."""
    number = np.asarray(value, dtype).item()
    if dtype == "bool":
        return "true" if number else "false"
    if dtype == "int32":
        return str(number) if number > -(2**31) else "(-2147483647 - 1)"
    if dtype == "uint8":
        return f"gc_byte({number})"
    if dtype == "uint32":
        return f"{number}u"
    if dtype == "uint64":
        return f"{number}ull"
    if dtype == "int64":
        return f"{number}LL" if number > -(2**63) else "(-9223372036854775807LL - 1)"
    if math.isnan(number):
        return f"gc_nan<{C_TYPES[dtype]}>()"
    if math.isinf(number):
        return f"{'-' if number < 0 else ''}gc_infinity<{C_TYPES[dtype]}>()"
    # repr of the widened float32 could have 17 digits where 9 are enough.
    scalar = np.dtype(dtype).type(number)
    text = np.format_float_positional(scalar, trim="0")
    if len(text) > 16:
        text = np.format_float_scientific(scalar, trim="0")
    return f"{text}f" if dtype == "float32" else text


def comment(text: object) -> str:
    """Return text from users made harmless inside of a comment: one line that ends nothing."""
    return _harmless(str(text))


@functools.lru_cache(maxsize=1024)  # a layer's name stands behind each of its lines
def _harmless(text: str) -> str:
    line = " ".join(text.split()).encode("unicode_escape").decode("ascii")
    # A backslash at the end would join the next line to the comment; ?? begins a trigraph.
    return line.replace("\\", "/").replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")
