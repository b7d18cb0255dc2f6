"""The mathematical functions of native loops: errors, special values, and what compilers make.

With GRAPHC_EVERY_FLOAT=1 the errors are measured of all 2**32 floats (a minute or so a function).
"""

from __future__ import annotations

import ctypes
import itertools
import os
import re
import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from graphc.compiler.interpret import NUMPY
from tests.kernels.device_source import VARIANTS, host_source
from tests.kernels.host_compiler import COMPILER, built, load, needs_host_compiler
from tests.kernels.native_source import EXACT, FUNCTIONS, TYPES, UNARY, bounds, errors, every, loops
from tests.kernels.test_pointwise import ROUNDED, all_pairs, run

pytestmark = needs_host_compiler

CLANG = next(filter(None, map(shutil.which, ("clang++", "clang++-14", "clang++-16"))), None)
NO_ERRNO = ("-fno-math-errno", "-fno-trapping-math")
# With and without fused multiply-add, which round differently.
BUILDS = {
    "native": ("-O3", "-march=native", "-ffp-contract=off", *NO_ERRNO),
    "portable": ("-O3", "-ffp-contract=off", *NO_ERRNO),
}
# The same numbers are expected of these: no optimisation, and a compiler that may contract.
OTHERS = {
    "native": ("-O0", "-march=native", "-ffp-contract=off"),
    "portable": ("-O0", "-ffp-contract=off"),
    "contracting": ("-O3", "-march=native", "-ffp-contract=fast", *NO_ERRNO),
}

Library = ctypes.CDLL


@pytest.fixture(scope="module")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Library]:
    return {
        name: load(loops(), tmp_path_factory.mktemp(name), flags) for name, flags in BUILDS.items()
    }


@pytest.fixture(scope="module")
def measures(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return load(errors(), tmp_path_factory.mktemp("errors"), ("-O2",))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


def applied(library: Library, name: str, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    result = np.empty_like(x)
    loop = getattr(library, f"{name}_{x.dtype}")
    loop(pointer(x), pointer(y), pointer(result), ctypes.c_long(x.size))
    return result


def worst(measures: Library, name: str, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple:
    """The largest error in ulp, and the arguments and the result that have it."""
    measure = getattr(measures, f"worst_{name}_{x.dtype}")
    measure.restype = ctypes.c_double
    at = ctypes.c_long(0)
    most = measure(pointer(x), pointer(y), pointer(z), ctypes.c_long(x.size), ctypes.byref(at))
    return most, float(x[at.value]), float(y[at.value]), float(z[at.value])


# ---- arguments ----------------------------------------------------------------------------------

# Where a function starts or ceases to be finite, normal or other than its limit, and where the
# reductions to a short interval change.
TURNS = [0.25, 0.3466, 0.5, 0.70710678, 0.75, 1.0, 1.0397, 1.41421356, 2.0, 3.92, 4.0, 5.92, 6.0]
TURNS += [9.01, 10.0, 17.33, 18.0, 19.06, 20.0, 37.43, 38.0, 87.3365, 88.0297, 88.7228, 89.0]
TURNS += [103.2789, 103.9721, 104.0, 708.3964, 709.7827, 710.0, 744.4401, 745.1332, 746.0]
TURNS += [0.5 * np.pi * k for k in (1, 2, 3, 4, 5, 1000, 2.0**20, 2.0**31)]
TURNS += [2.0**23, 2.0**24, 2.0**52, 2.0**53, 1e300]


@cache
def arguments(dtype: str) -> np.ndarray:
    """Of each sign and exponent some, the ends among them, and neighbours of each of `TURNS`."""
    digits, bits = (23, "uint32") if dtype == "float32" else (52, "uint64")
    exponents = np.arange(2 ** (np.dtype(bits).itemsize * 8 - digits)).astype(bits)
    rng = np.random.default_rng(0)
    each = 512 if dtype == "float32" else 64
    fractions = rng.integers(0, 2**digits, (exponents.size, each), dtype=bits)
    fractions[:, :3] = 0, 1, 2**digits - 1
    strata = (exponents << np.array(digits, bits))[:, None] | fractions
    with np.errstate(over="ignore"):
        turns = np.array([*TURNS, *(-turn for turn in TURNS)]).astype(dtype)
    steps = np.arange(-200, 201).astype(bits)  # wraps around, as adding it does
    near = turns.view(bits)[:, None] + steps
    dense = [rng.uniform(-end, end, 50_000).astype(dtype) for end in (1, 10, 110, 750)]
    return np.concatenate([strata.ravel().view(dtype), near.ravel().view(dtype), *dense])


@cache
def powers(dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Bases, and exponents whose powers reach from 0 to infinity; a third of them whole."""
    bases, rng = np.abs(arguments(dtype)), np.random.default_rng(1)
    with np.errstate(all="ignore"):
        logarithms = np.log(bases.astype("float64"))
        exponents = rng.uniform(-1.1, 1.1, bases.size) * np.log(np.finfo(dtype).max) / logarithms
        exponents[::3] = np.rint(exponents[::3])
        exponents = np.clip(exponents, np.finfo(dtype).min, np.finfo(dtype).max).astype(dtype)
        bases[::3] = np.copysign(bases[::3], rng.choice([-1, 1], bases[::3].size))
    return bases, exponents


def of(name: str, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    return powers(dtype) if name == "pow" else (arguments(dtype), arguments(dtype))


# ---- errors -------------------------------------------------------------------------------------


def test_a_bound_is_stated_for_each_function() -> None:
    assert set(bounds()) == set(itertools.product((*UNARY, "pow"), TYPES))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", [*UNARY, "pow"])
@pytest.mark.parametrize("build", BUILDS)
def test_errors_are_below_the_stated_bounds(
    build: str, name: str, dtype: str, libraries: dict[str, Library], measures: Library
) -> None:
    x, y = of(name, dtype)
    most, *where = worst(measures, name, x, y, applied(libraries[build], name, x, y))
    assert most <= bounds()[name, dtype], where


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("build", BUILDS)
def test_these_are_exact(build: str, name: str, libraries: dict[str, Library]) -> None:
    for dtype in TYPES:
        x = arguments(dtype)
        with np.errstate(all="ignore"):
            expected = NUMPY[name]({}, x)
        received = applied(libraries[build], name, x, x)
        np.testing.assert_array_equal(received, expected)
        known = ~np.isnan(expected)
        np.testing.assert_array_equal(np.signbit(received)[known], np.signbit(expected)[known])


@pytest.mark.skipif("GRAPHC_EVERY_FLOAT" not in os.environ, reason="set GRAPHC_EVERY_FLOAT=1")
@pytest.mark.parametrize("build", BUILDS)
def test_errors_of_every_float(build: str, tmp_path: Path) -> None:
    library = load(every(), tmp_path, BUILDS[build])
    for name in UNARY:
        measure, at = getattr(library, f"every_{name}"), ctypes.c_uint(0)
        measure.restype = ctypes.c_double
        most = measure(ctypes.byref(at))
        print(f"{build} {name} {most:.4f} at bits {at.value:#010x}", flush=True)
        assert most <= bounds()[name, "float32"]


# ---- special values -----------------------------------------------------------------------------


def specials(dtype: str) -> np.ndarray:
    limits = np.finfo(dtype)
    sizes = [0.0, limits.smallest_subnormal, limits.tiny, limits.eps, 0.5, 1.0, 1.5, 2.0, 3.0]
    sizes += [2.0**24 - 1, 2.0**53 - 1, 2.0**63, 1e4, limits.max, np.inf, np.nan]
    return np.array([*sizes, *(-size for size in sizes)], dtype)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("build", BUILDS)
def test_special_values_are_the_interpreters(
    build: str, name: str, dtype: str, libraries: dict[str, Library]
) -> None:
    values = specials(dtype)
    pairs = np.array(list(itertools.product(values, values)), dtype).T
    x, y = (np.ascontiguousarray(part) for part in pairs)
    with np.errstate(all="ignore"):
        expected = NUMPY[name]({}, *((x, y) if name == "pow" else (x,)))
    received = applied(libraries[build], name, x, y)
    np.testing.assert_array_equal(np.isnan(received), np.isnan(expected))
    known = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(received)[known], np.signbit(expected)[known])
    settled = known & ((expected == 0) | np.isinf(expected) | (np.abs(expected) == 1))
    np.testing.assert_array_equal(received[settled], expected[settled])


@pytest.mark.parametrize(
    ("name", "x", "y", "expected"),
    [
        ("exp", -104.0, 0, 0.0),
        ("exp", -103.9, 0, 2.0**-149),
        ("exp", 88.73, 0, np.inf),
        ("log", 2.0**-149, 0, np.float32(-149 * np.log(2))),
        ("log1p", -1.0, 0, -np.inf),
        ("tanh", -20.0, 0, -1.0),
        ("pow", -2.0, -3.0, -0.125),
        ("pow", 3.0, 5.0, 243.0),
        ("pow", -0.0, -3.0, -np.inf),
        ("pow", -1.0, -np.inf, 1.0),
        ("pow", np.nan, 0.0, 1.0),
        ("sin", 2.0**127, 0, np.float32(0.6233855)),
        ("round", -2.5, 0, -2.0),
        ("floor", -0.25, 0, -1.0),
    ],
)
def test_values_by_hand(
    name: str, x: float, y: float, expected: float, libraries: dict[str, Library]
) -> None:
    for library in libraries.values():
        assert applied(library, name, np.float32([x]), np.float32([y]))[0] == expected


# ---- what compilers make of them ----------------------------------------------------------------


@pytest.mark.parametrize("other", OTHERS)
def test_bits_do_not_depend_on_optimisation(
    other: str, libraries: dict[str, Library], tmp_path: Path
) -> None:
    library = libraries["portable" if other == "portable" else "native"]
    plain = load(loops(), tmp_path, OTHERS[other])
    for name, dtype in itertools.product(FUNCTIONS, TYPES):
        x, y = (part[::3].copy() for part in of(name, dtype))
        expected, received = applied(library, name, x, y), applied(plain, name, x, y)
        np.testing.assert_array_equal(received, expected, err_msg=f"{name} {dtype}")


# A whole vector goes to memory at an address in registers: results, for constants lie elsewhere.
VECTOR_STORE = r"^\s+v?mov([au]p[sd]|dq[au]\d*)\s+%[xyz]mm\d+, -?\w*\(%r"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="reads the assembly of x86-64")
@pytest.mark.parametrize(
    "compiler",
    [COMPILER, pytest.param(CLANG, marks=pytest.mark.skipif(not CLANG, reason="needs clang++"))],
    ids=["gcc", "clang"],
)
def test_loops_are_vectors_without_calls(compiler: str, tmp_path: Path) -> None:
    assembly = built(loops(), tmp_path, "-S", flags=BUILDS["native"], compiler=compiler).read_text()
    # From a function's label to its end.
    function = re.compile(r"^(\w+_float\d\d):[^\n]*\n(.*?)^\s+\.size\s+\1,", re.M | re.S)
    bodies = dict(function.findall(assembly))
    assert {f"{name}_{dtype}" for name in FUNCTIONS for dtype in TYPES} == set(bodies)
    for loop, body in bodies.items():
        assert not re.search(r"^\s+(call|jmp)q?\s+[A-Za-z_]", body, re.M), f"{loop} calls"
        assert re.search(VECTOR_STORE, body, re.M), f"{loop} stores no vector"


def test_the_op_table_agrees_with_the_interpreter(tmp_path: Path) -> None:
    """pointwise.cuh as a native build has it."""
    source = "#define GC_NATIVE_MATH\n" + host_source()
    library = load(source, tmp_path, ("-O1", "-march=native", "-ffp-contract=off"))
    for variant in VARIANTS:
        arrays = all_pairs(variant)
        received = run(library, variant, arrays)
        with np.errstate(all="ignore"):
            expected = NUMPY[variant.op](variant.attrs, *arrays)
        if variant.op in ROUNDED and variant.result.startswith("float"):
            units = 4 * np.finfo(variant.result).eps
            np.testing.assert_allclose(received, expected, rtol=units, err_msg=variant.name)
        else:
            np.testing.assert_array_equal(received, expected, err_msg=variant.name)
