"""Every pointwise device function, compiled for the host, against NumPy's meaning of its op."""

from __future__ import annotations

import ctypes
import itertools

import numpy as np
import pytest

from graphc.compiler.interpret import NUMPY
from tests.kernels.device_source import VARIANTS, Variant, host_source
from tests.kernels.host_compiler import load, needs_host_compiler

pytestmark = needs_host_compiler

# Another library computes these, to about an ulp; everything else is exact.
ROUNDED = {"exp", "log", "log1p", "expm1", "tanh", "erf", "sin", "cos", "sigmoid", "rsqrt", "pow"}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return load(host_source(), tmp_path_factory.mktemp("pointwise"))


def edge_values(dtype: str) -> np.ndarray:
    """Values at which implementations disagree."""
    if dtype == "bool":
        return np.array([False, True])
    if dtype.startswith("float"):
        limits = np.finfo(dtype)
        sizes = [0.0, 0.1, 0.5, 1.0, 1.5, 2.5, 3.0, 7.25, 88.0, 1e-8, 1e6, 1e20]
        sizes += [2.0**31, 2.0**32, 2.0**63, limits.tiny, limits.max, np.inf, np.nan]
        return np.array([*sizes, *(-size for size in sizes)], dtype)
    limits = np.iinfo(dtype)
    values = {0, 1, 2, 3, 7, 10, 100, limits.max, limits.max - 1, limits.min, limits.min + 1}
    values |= {-value for value in (1, 2, 3, 7, 100)} if limits.min < 0 else set()
    return np.array(sorted(values), dtype)


def all_pairs(variant: Variant) -> list[np.ndarray]:
    """Each value of an input with each of the others."""
    rows = itertools.product(*(edge_values(dtype) for dtype in variant.inputs))
    columns = zip(*rows, strict=True)
    return [np.array(column, dtype) for column, dtype in zip(columns, variant.inputs, strict=True)]


def run(library: ctypes.CDLL, variant: Variant, arrays: list[np.ndarray]) -> np.ndarray:
    result = np.empty(arrays[0].shape, variant.result)
    pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*arrays, result)]
    getattr(library, variant.name)(*pointers, ctypes.c_int(result.size))
    return result


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_device_function_agrees_with_the_interpreter(
    variant: Variant, library: ctypes.CDLL
) -> None:
    arrays = all_pairs(variant)
    received = run(library, variant, arrays)
    with np.errstate(all="ignore"):  # as every row of the table is run
        expected = NUMPY[variant.op](variant.attrs, *arrays)
    assert expected.dtype == variant.result
    if variant.op in ROUNDED:
        ulp = np.finfo(variant.result).eps if variant.result.startswith("float") else 0
        np.testing.assert_allclose(received, expected, rtol=4 * ulp, atol=0)
    else:
        np.testing.assert_array_equal(received, expected)


def evaluate(library: ctypes.CDLL, name: str, *values: float) -> float:
    """One call of a float64 variant, or of a cast from float64."""
    variant = next(one for one in VARIANTS if one.name == name)
    arrays = [np.array([value], dtype) for value, dtype in zip(values, variant.inputs, strict=True)]
    return run(library, variant, arrays)[0]


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("floordiv_int32_int32_to_int32", (-7, 2), -4),
        ("floordiv_int32_int32_to_int32", (7, 0), 0),
        ("mod_int32_int32_to_int32", (-7, 2), 1),
        ("mod_int32_int32_to_int32", (7, 0), 0),
        ("floordiv_float64_float64_to_float64", (1.0, 0.1), 9.0),
        ("mod_float64_float64_to_float64", (-1.0, 3.0), 2.0),
        ("pow_int64_int64_to_int64", (-3, 39), -(3**39)),
        ("round_float64_to_float64", (2.5,), 2.0),
        ("cast_float64_to_int32", (np.nan,), 0),
        ("cast_float64_to_int32", (1e10,), 2**31 - 1),
        ("cast_float64_to_int32", (-1.9,), -1),
        ("cast_float64_to_uint32", (-1.0,), 0),
        ("cast_float32_to_int64", (1e30,), 2**63 - 1),
        ("add_int32_int32_to_int32", (2**31 - 1, 1), -(2**31)),
        ("clip_float64_float64_float64_to_float64", (5.0, 3.0, 1.0), 1.0),
    ],
)
def test_values_by_hand(
    library: ctypes.CDLL, name: str, values: tuple[float, ...], expected: float
) -> None:
    assert evaluate(library, name, *values) == expected


@pytest.mark.parametrize("values", [(np.nan, 1.0), (1.0, np.nan)])
@pytest.mark.parametrize("op", ["maximum", "minimum"])
def test_extremes_keep_nan(library: ctypes.CDLL, op: str, values: tuple[float, float]) -> None:
    assert np.isnan(evaluate(library, f"{op}_float64_float64_to_float64", *values))
