"""The operations of PTX on floats are those that the manual defines.

The definitions here are of whole numbers and fractions, rounded once: no arithmetic of a processor
is in them, but for infinities and NaN.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pycuda.driver as cuda
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.cuda_emulator.ptx.grammar import BYTES
from tests.cuda_emulator.ptx.operations import TABLE
from tests.cuda_emulator.ptx_forms import DTYPES, FEW, Forms, columns, value_of, wrapped
from tests.cuda_emulator.test_ptx_integers import of_integers

pytestmark = pytest.mark.over("ptx", reason="modules of PTX written here")


@pytest.fixture(scope="module")
def forms() -> Forms:
    return Forms([[row] for row in TABLE.values() if not row.masks])


PRECISION = {"f32": (24, -149, 128), "f64": (53, -1074, 1024)}


def whole(x: Fraction, mode: str) -> int:
    """A whole number beside x: to nearest even, to zero, down or up."""
    down = math.floor(x)
    if mode == "rn":
        return round(x)
    if mode == "rz":
        return math.trunc(x)
    return down if mode == "rm" else -math.floor(-x)


def rounded(x: Fraction, type_: str, mode: str = "rn") -> float:
    """The float beside an exact number that is not zero."""
    digits, least, most = PRECISION[type_]
    if x == 0:
        return 0.0
    exponent = x.numerator.bit_length() - x.denominator.bit_length()
    while abs(x) >= Fraction(2) ** exponent:
        exponent += 1
    while abs(x) < Fraction(2) ** (exponent - 1):
        exponent -= 1
    unit = Fraction(2) ** max(exponent - digits, least)
    result = whole(x / unit, mode) * unit
    if abs(result) >= Fraction(2) ** most:
        largest = (Fraction(2) ** digits - 1) * Fraction(2) ** (most - digits)
        stays = mode == "rz" or (mode == "rm" and x > 0) or (mode == "rp" and x < 0)
        return (1 if x > 0 else -1) * (float(largest) if stays else math.inf)
    if result == 0:
        return 0.0 if x > 0 else -0.0
    return float(result)


def special(name: str, values: Sequence[float]) -> float:
    """The result where an operand is no finite number, or a divisor is zero."""
    with np.errstate(all="ignore"):
        a, *others = (np.float64(value) for value in values)
        if name == "fma":
            b, c = others
            finite = math.isfinite(a) and math.isfinite(b)
            return float(c if finite and not math.isnan(c) else a * b + c)
        if name == "rcp":
            return float(np.float64(1) / a)
        if name == "sqrt":
            return float(np.sqrt(a))
        (b,) = others
        return float({"add": a + b, "sub": a - b, "mul": a * b, "div": a / b}[name])


def exact(name: str, values: Sequence[float]) -> Fraction:
    a, *others = (Fraction(value) for value in values)
    if name == "fma":
        return a * others[0] + others[1]
    if name == "rcp":
        return 1 / a
    return {"add": lambda b: a + b, "sub": lambda b: a - b, "mul": lambda b: a * b,
            "div": lambda b: a / b}[name](*others)  # fmt: skip


def root(a: float, type_: str) -> float:
    """The float nearest to the square root: found among whole numbers, by squares."""
    x = Fraction(a) * Fraction(4) ** 1200
    scaled = math.isqrt(x.numerator // x.denominator)  # more than 1,000 bits beyond the result's
    exact_ = scaled * scaled * x.denominator == x.numerator
    near = Fraction(2 * scaled + (0 if exact_ else 1), 2) / Fraction(2) ** 1200
    return rounded(near, type_)


def zero(name: str, values: Sequence[float], mode: str) -> float:
    """Which zero an exact result of zero is."""
    a, *others = values
    if name in ("mul", "div"):
        return math.copysign(0.0, math.copysign(1, a) * math.copysign(1, others[0]))
    if name == "fma":
        product = math.copysign(1, a) * math.copysign(1, others[0])
        product = math.copysign(0.0 if a == 0 or others[0] == 0 else 1.0, product)
        one, other = product, others[1]
    else:
        one, other = a, -others[0] if name == "sub" else others[0]
    same = one == other == 0 and math.copysign(1, one) == math.copysign(1, other)
    if same:
        return one
    return -0.0 if mode == "rm" else 0.0


def expected_float(name: str, mode: str, type_: str, values: Sequence[float]) -> float:
    divides = name in ("div", "rcp") and values[-1] == 0
    if divides or not all(map(math.isfinite, values)) or (name == "sqrt" and values[0] <= 0):
        return special(name, values)
    if name == "sqrt":
        return root(values[0], type_)
    result = exact(name, values)
    return rounded(result, type_, mode) if result else zero(name, values, mode)


def assert_same_floats(ours: np.ndarray, expected: Sequence[float]) -> None:
    """Equal with the sign of zero; any NaN is a NaN."""
    theirs = np.array(expected, ours.dtype)
    np.testing.assert_array_equal(ours, theirs)
    numbers = ~np.isnan(theirs)
    np.testing.assert_array_equal(np.signbit(ours)[numbers], np.signbit(theirs)[numbers])


def floats(type_: str) -> st.SearchStrategy[float]:
    any_ = st.floats(width=8 * BYTES[type_])
    return any_ | st.floats(-8, 8, width=8 * BYTES[type_])


ROUNDED = [
    f for f in TABLE
    if f.split(".")[0] in ("add", "sub", "mul", "fma", "div", "rcp", "sqrt")
    and f[-3:] in PRECISION and "approx" not in f
]  # fmt: skip


@pytest.mark.parametrize("form", ROUNDED)
def test_floats_are_rounded_once(forms: Forms, form: str) -> None:
    name, *modes, type_ = form.split(".")
    mode = modes[0] if modes else "rn"
    row = TABLE[form]
    one = st.tuples(*(floats(type_) for _ in row.operands))
    tie = {"f32": 2.0**-24, "f64": 2.0**-53}[type_]
    small = {"f32": 1e-38, "f64": 1e-308}[type_]

    @FEW
    @given(st.lists(one, min_size=1, max_size=32))
    @example([(1.0, tie, 1.0)[: len(row.operands)], (small, small, -small)[: len(row.operands)]])
    @example([(1.0, -1.0, 1.0)[: len(row.operands)], (-0.0, 0.0, -0.0)[: len(row.operands)]])
    def check(rows: list[tuple[float, ...]]) -> None:
        arrays = columns(row.operands, rows)
        rows = [tuple(map(float, values)) for values in zip(*arrays, strict=True)]
        with np.errstate(all="ignore"):
            expected = [expected_float(name, mode, type_, values) for values in rows]
            assert_same_floats(forms(form, *arrays), expected)

    check()


def test_a_product_is_rounded_before_its_sum_unless_it_is_fused(forms: Forms) -> None:
    a = np.float32([1 + 2.0**-12])
    c = np.float32([-(1 + 2.0**-11)])
    assert forms("fma.rn.f32", a, a, c).tolist() == [2.0**-24]
    product = forms("mul.f32", a, a)
    assert forms("add.f32", product, c).tolist() == [0]


TO_INTEGER = [f for f in TABLE if f.startswith("cvt.") and f.split(".")[2][0] in "su"
              and f.split(".")[-1] in PRECISION]  # fmt: skip


@pytest.mark.parametrize("form", TO_INTEGER)
def test_float_to_integer_saturates(forms: Forms, form: str) -> None:
    _, mode, to, source = form.split(".")
    size = 8 * BYTES[to]
    low = -(1 << (size - 1)) if to[0] == "s" else 0
    high = low + (1 << size) - 1
    held = TABLE[form].result

    def expected(value: float) -> int:
        if math.isnan(value):
            of_64 = source == "f64" or size == 64
            return wrapped(wrapped(1 << (size - 1) if of_64 else 0, to), held)
        if math.isinf(value):
            return low if value < 0 else high
        return min(max(whole(Fraction(value), mode[:2]), low), high)

    @FEW
    @given(st.lists(floats(source), min_size=1, max_size=64))
    @example([0.5, 1.5, 2.5, -0.5, -1.5, 2.0**31, 2.0**63, -(2.0**63), 2.0**64, math.nan])
    def check(values: list[float]) -> None:
        ours = forms(form, np.array(values, DTYPES[source]))
        assert ours.tolist() == [expected(value) for value in values]

    check()


@pytest.mark.parametrize(
    "form", [f"cvt.{m}i.{t}.{t}" for m in ("rn", "rz", "rm", "rp") for t in PRECISION]
)
def test_rounding_to_a_whole_float(forms: Forms, form: str) -> None:
    _, mode, _, type_ = form.split(".")

    def expected(value: float) -> float:
        if not math.isfinite(value):
            return value
        return math.copysign(whole(Fraction(value), mode[:2]), value)

    @FEW
    @given(st.lists(floats(type_), min_size=1, max_size=64))
    @example([0.5, 1.5, 2.5, -0.5, -1.5, -0.25, -0.0])
    def check(values: list[float]) -> None:
        array = np.array(values, DTYPES[type_])
        assert_same_floats(forms(form, array), list(map(expected, array.tolist())))

    check()


@FEW
@given(values=st.lists(st.floats(), min_size=1, max_size=64))
@example(values=[1 + 2.0**-24, 1 + 3 * 2.0**-24, 1e-45, 7e-46, 3.4028235677973366e38])
def test_float64_to_float32(forms: Forms, values: list[float]) -> None:
    ours = forms("cvt.rn.f32.f64", np.array(values))
    expected = [rounded(Fraction(v), "f32") if math.isfinite(v) and v else v for v in values]
    with np.errstate(over="ignore"):
        assert_same_floats(ours, expected)


def smaller(a: float, b: float) -> float:
    return (b if math.isnan(a) else a if math.isnan(b)
            else min(a, b) if a != b else (a if math.copysign(1, a) < 0 else b))  # fmt: skip


def larger(a: float, b: float) -> float:
    return -smaller(-a, -b)


def clipped(a: float) -> float:
    return 0.0 if math.isnan(a) or a <= 0 else min(a, 1.0)


OTHER: dict[str, Callable[..., float]] = {
    "min": smaller,
    "max": larger,
    "min.NaN": lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else smaller(a, b),
    "max.NaN": lambda a, b: math.nan if math.isnan(a) or math.isnan(b) else larger(a, b),
    "neg": lambda a: -a,
    "abs": abs,
    "copysign": lambda a, b: math.copysign(b, a),
    "cvt.sat.f32": clipped,
    "cvt.sat.f64": clipped,
}


@pytest.mark.parametrize(
    "form", [f for f in TABLE if f[-3:] in PRECISION and f.rpartition(".")[0] in OTHER]
)
def test_floats_without_rounding(forms: Forms, form: str) -> None:
    name, _, type_ = form.rpartition(".")
    row = TABLE[form]
    one = st.tuples(*(floats(type_) for _ in row.operands))

    @FEW
    @given(st.lists(one, min_size=1, max_size=64))
    @example([(0.0, -0.0)[: len(row.operands)], (-0.0, 0.0)[: len(row.operands)]])
    @example([(math.nan, 1.0)[: len(row.operands)], (1.0, math.nan)[: len(row.operands)]])
    def check(rows: list[tuple[float, ...]]) -> None:
        arrays = columns(row.operands, rows)
        expected = [OTHER[name](*map(float, values)) for values in zip(*arrays, strict=True)]
        assert_same_floats(forms(form, *arrays), expected)

    check()


COMPARED: dict[str, Callable[[float, float], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "num": lambda a, b: True,
    "nan": lambda a, b: False,
}


@pytest.mark.parametrize(
    "form", [f for f in TABLE if f.startswith("setp.") and f[-3:] in PRECISION]
)
def test_comparisons_of_floats(forms: Forms, form: str) -> None:
    _, name, type_ = form.split(".")
    # ltu and the like hold where either is a NaN, and so does nan.
    unordered = name not in COMPARED or name == "nan"
    compared = COMPARED.get(name) or COMPARED[name[:-1]]
    values = [0.0, -0.0, 1.0, -1.0, 1.5, math.inf, -math.inf, math.nan]
    rows = [(a, b) for a in values for b in values]
    expected = [unordered if math.isnan(a) or math.isnan(b) else compared(a, b) for a, b in rows]
    assert forms(form, *columns((type_, type_), rows)).tolist() == expected


# ---- approximate instructions --------------------------------------------------------------------

APPROXIMATE = {
    "ex2.approx.f32": (2, lambda a: 2.0**a),
    "ex2.approx.ftz.f32": (2, lambda a: 2.0**a),
    "rcp.approx.f32": (1, lambda a: 1 / a),
    "rcp.approx.ftz.f32": (1, lambda a: 1 / a),
    "div.approx.f32": (2, lambda a: 1 / a),
}
"""Instruction -> the units in the last place that the manual allows, and the exact function."""


@pytest.mark.parametrize("form", APPROXIMATE)
def test_approximations_are_off_by_what_the_manual_allows(
    forms: Forms, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    units, function = APPROXIMATE[form]
    a = np.linspace(-30, 30, 640, dtype=np.float32)
    arrays = [np.ones_like(a), a] if form.startswith("div") else [a]
    nearest = np.array([function(float(x)) for x in a]).astype(np.float32)
    for name, sign in (("nearest", 0), ("above", 1), ("below", -1)):
        monkeypatch.setitem(os.environ, "GRAPHC_PTX_APPROXIMATE", name)
        expected = nearest
        for _ in range(units if sign else 0):
            expected = np.nextafter(expected, np.float32(sign * math.inf))
        np.testing.assert_array_equal(forms(form, *arrays), expected)
    monkeypatch.setitem(os.environ, "GRAPHC_PTX_APPROXIMATE", "exactly")
    with pytest.raises(cuda.LaunchError, match="expected nearest, above or below"):
        forms(form, *arrays)


def test_edges_of_approximations(forms: Forms) -> None:
    a = np.float32([math.inf, -math.inf, 0.0, -0.0, math.nan, 1e-40, -1e-40])
    reciprocal = [0.0, -0.0, math.inf, -math.inf, math.nan]
    flushed = forms("rcp.approx.ftz.f32", a)
    assert_same_floats(flushed, [*reciprocal, math.inf, -math.inf])
    assert_same_floats(forms("rcp.approx.f32", a[:5]), reciprocal)
    power = forms("ex2.approx.ftz.f32", np.float32([*a, -130, -126, 128]))
    assert_same_floats(power, [math.inf, 0, 1, 1, math.nan, 1, 1, 0, 2.0**-126, math.inf])
    assert forms("ex2.approx.f32", np.float32([-130])).tolist() == [2.0**-130]
    # Beyond 2^126 the reciprocal is 0, and a product with it too.
    quotient = forms("div.approx.f32", np.float32([1, -1, math.inf]), np.float32([2.0**127] * 3))
    assert_same_floats(quotient, [0.0, -0.0, math.nan])


def test_reciprocal_of_the_upper_half_of_a_float64(forms: Forms) -> None:
    a = np.array([3.0, -7.25, 1e300, math.inf, -0.0, 1e-310, 1 + 2.0**-40])
    ours = forms("rcp.approx.ftz.f64", a)
    assert not (ours.view(np.uint64) & 0xFFFFFFFF).any()
    upper = (a.view(np.uint64) & np.uint64(0xFFFFFFFF00000000)).view(np.float64)
    numbers = [0, 1, 2, 6]
    np.testing.assert_allclose(ours[numbers], 1 / upper[numbers], rtol=2.0**-20)
    assert_same_floats(ours[3:6], [0.0, -math.inf, math.inf])


@pytest.mark.parametrize(
    "form",
    [f for f in TABLE if f.startswith("cvt.") and f.split(".")[-1] in ("s32", "u32", "s64", "u64")],
)
def test_conversions_of_large_integers(forms: Forms, form: str) -> None:
    source, to = form.split(".")[-1], form.split(".")[-2]

    @FEW
    @given(st.lists(value_of(source), min_size=1, max_size=64))
    @example([(1 << 24) + 1, (1 << 24) + 3, 2**31 - 65])
    def check(values: list[int]) -> None:
        ours = forms(form, np.array(values, DTYPES[source]))
        if to[0] == "f":
            assert ours.tolist() == [rounded(Fraction(v), to) for v in values]
        else:
            assert ours.tolist() == [wrapped(v, to) for v in values]

    check()


def test_every_operation_of_the_table_has_a_definition_here() -> None:
    tested = {f for f, row in TABLE.items() if of_integers(row)}
    tested |= {*ROUNDED, *TO_INTEGER, *APPROXIMATE, "rcp.approx.ftz.f64", "cvt.rn.f32.f64"}
    tested |= {f for f in TABLE if f.startswith("setp.") and f[-3:] in PRECISION}
    tested |= {f for f in TABLE if f.startswith("cvt.") and f.split(".")[-1] not in PRECISION}
    tested |= {f"cvt.{m}i.{t}.{t}" for m in ("rn", "rz", "rm", "rp") for t in PRECISION}
    tested |= {f for f in TABLE if f[-3:] in PRECISION and f.rpartition(".")[0] in OTHER}
    rest = {f for f, row in TABLE.items() if row.meaning in ("a", "c ? a : b")}  # what moves bits
    rest |= {f for f, row in TABLE.items() if row.masks}
    assert set(TABLE) - tested - rest == set()
