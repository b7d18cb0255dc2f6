"""Pieces of C text mean what they should: numbers exactly, comments as far as they go."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphc.compiler.targets.c_text import C_TYPES, comment, literal


@given(st.floats(allow_nan=False, allow_infinity=False, width=32))
def test_float32_literals_are_exact(value: float) -> None:
    text = str(literal(value, "float32"))
    assert text.endswith("f")
    assert re.fullmatch(r"-?(\d+\.\d*|\d\.?\d*e[+-]\d+)", text[:-1]), (
        text
    )  # no int, no suffix twice
    read = np.float32(text[:-1])
    assert read.tobytes() == np.float32(value).tobytes()


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float64_literals_are_exact(value: float) -> None:
    text = str(literal(value, "float64"))
    assert "." in text or "e" in text
    assert np.float64(text).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    ("value", "dtype", "text"),
    [
        (0.1, "float32", "0.1f"),
        (-0.0, "float32", "-0.0f"),
        (1e30, "float32", "1.0e+30f"),
        (math.nan, "float32", "gc_nan<float>()"),
        (-math.inf, "float64", "-gc_infinity<double>()"),
        (True, "bool", "true"),
        (2**32 - 1, "uint32", "4294967295u"),
        # In C, -2147483648 is the negation of a number that is no int.
        (-(2**31), "int32", "(-2147483647 - 1)"),
        (-(2**63), "int64", "(-9223372036854775807LL - 1)"),
        (2**31, "int64", "2147483648LL"),
    ],
)
def test_literals(value: object, dtype: str, text: str) -> None:
    assert str(literal(value, dtype)) == text


@given(st.text())
def test_comments_end_where_they_should(text: str) -> None:
    line = comment(text)
    assert "\n" not in line
    assert "\r" not in line
    assert line.isascii()
    assert "*/" not in line
    assert "/*" not in line
    assert "??" not in line
    assert not line.endswith("\\")


def test_every_dtype_has_a_type() -> None:
    widths = {"bool": 1, "int": 4, "gc_int64": 8, "unsigned int": 4, "float": 4, "double": 8}
    widths |= {"gc_byte": 1, "gc_uint64": 8}
    assert {np.dtype(d).itemsize for d in C_TYPES} == {1, 4, 8}
    assert all(np.dtype(d).itemsize == widths[text] for d, text in C_TYPES.items())
