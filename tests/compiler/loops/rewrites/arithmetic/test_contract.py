"""The fused multiply-add, and what contraction makes of products and sums."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.fused import fma
from graphc.compiler.loops.index import variable
from graphc.compiler.loops.program import LoopProgram
from graphc.compiler.loops.rewrites.arithmetic.contract import contract
from graphc.compiler.loops.statement import Accumulate, Allocate, Let, Statement, Store
from graphc.compiler.loops.value import Value
from graphc.errors import RewriteError
from tests.compiler.loops import written as w
from tests.compiler.loops.rewritten import lines_of

ROW, COLUMN = variable("row"), variable("column")
X, Y, Z = w.floats("x", 8), w.floats("y", 8), w.floats("z", 8)
SPECIAL = [0.0, -0.0, math.inf, -math.inf, math.nan]


def rounded(x: float, y: float, z: float, dtype: str) -> float:
    """Return ``x * y + z`` by decimal arithmetic without rounding, then in a dtype."""
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 3000, -99999, 99999
        exact = Decimal(x) * Decimal(y) + Decimal(z)
    kind = np.dtype(dtype).type
    nearest = kind(float(exact)) if dtype == "float64" else _float32(exact)
    return float(nearest)


def _float32(exact: Decimal) -> np.float32:
    """Return the float32 that is nearest, the even one of two."""
    guess = np.float32(float(exact))
    if not np.isfinite(guess):
        return guess
    down, up = np.nextafter(guess, np.float32(-np.inf)), np.nextafter(guess, np.float32(np.inf))
    near = [one for one in (down, guess, up) if np.isfinite(one)]
    with localcontext() as context:
        context.prec, context.Emin, context.Emax = 3000, -99999, 99999
        distances = [abs(Decimal(float(one)) - exact) for one in near]
        best = [one for one, d in zip(near, distances, strict=True) if d == min(distances)]
    return min(best, key=lambda one: int(np.float32(one).view(np.int32)) % 2)


NARROW = st.floats(width=32, allow_nan=False, allow_infinity=False)
WIDE = st.floats(allow_nan=False, allow_infinity=False)


@settings(deadline=None)
@given(NARROW, NARROW, NARROW)
def test_float32_is_rounded_once(x: float, y: float, z: float) -> None:
    got = fma({}, *map(np.float32, (x, y, z)))
    assert got.dtype == np.float32
    if np.isfinite(got):
        assert float(got) == rounded(x, y, z, "float32")


@settings(deadline=None)
@given(WIDE, WIDE, WIDE)
def test_float64_is_rounded_once(x: float, y: float, z: float) -> None:
    got = fma({}, *map(np.float64, (x, y, z)))
    assert got.dtype == np.float64
    if np.isfinite(got):
        assert float(got) == rounded(x, y, z, "float64")


def test_a_sum_that_float64_would_round_to_a_tie_is_not_one() -> None:
    one, small = np.float32(1 + 2**-12), np.float32(2**-60)
    exact = (1 + 2**-12) ** 2  # 1 + 2**-11 + 2**-24: half way between two float32
    assert np.float32(float(one) * float(one) + float(small)) == np.float32(exact)
    assert fma({}, one, one, small) == np.nextafter(np.float32(exact), np.float32(2))
    assert fma({}, one, one, -small) == np.float32(exact)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_special_numbers_are_those_of_a_product_and_a_sum(dtype: str) -> None:
    kind = np.dtype(dtype).type
    for x in (*SPECIAL, 2.0):
        for y in (*SPECIAL, -3.0):
            for z in (*SPECIAL, 6.0):
                with np.errstate(all="ignore"):
                    expected = kind(x) * kind(y) + kind(z)
                    got = fma({}, kind(x), kind(y), kind(z))
                np.testing.assert_array_equal(got, expected)
                assert np.isnan(got) or np.signbit(got) == np.signbit(expected)
    assert fma({}, kind(3), kind(-2), kind(6)) == 0
    assert not np.signbit(fma({}, kind(3), kind(-2), kind(6)))


# ---- contraction --------------------------------------------------------------------------------


def program(*body: Statement) -> LoopProgram:
    return w.program((X, Y), (Z,), w.loop(ROW, 8, *body))


def product(dtype: str = "float32") -> Value:
    return w.op("mul", w.at(X, ROW), w.at(Y, ROW), dtype=dtype)


def results(one: LoopProgram) -> np.ndarray:
    generator = np.random.default_rng(3)
    arrays = {name: generator.standard_normal(8).astype("float32") for name in "xy"}
    return evaluate(one, arrays).outputs["z"]


@pytest.mark.parametrize(
    ("value", "fused"),
    [
        (w.op("add", product(), w.number(0.3)), "fma(x[row], y[row], 0.3)"),
        (w.op("add", w.number(0.3), product()), "fma(x[row], y[row], 0.3)"),
        (w.op("sub", product(), w.at(X, 0)), "fma(x[row], y[row], neg(x[0]))"),
        (w.op("sub", w.at(X, 0), product()), "fma(neg(x[row]), y[row], x[0])"),
        (w.op("add", product(), product()), "fma(x[row], y[row], mul(x[row], y[row]))"),
    ],
)
def test_additions_of_products(value: Value, fused: str) -> None:
    before = program(Store(w.at(Z, ROW), value))
    after = contract(before, "row")
    assert lines_of(after)[-1] == f"z[row] = {fused}"
    np.testing.assert_allclose(results(after), results(before), rtol=1e-6, atol=1e-6)


def test_a_sum_of_named_products_is_one_of_float64_products_rounded_at_each_step() -> None:
    total, t0 = w.register("total"), w.local("t0")
    read = w.op("exp", w.at(X, COLUMN))
    before = program(
        Allocate(total),
        Store(w.at(total), w.number(0.0)),
        w.loop(
            COLUMN,
            8,
            Let(t0, w.op("mul", read, w.at(Y, COLUMN))),
            Accumulate("sum", (w.at(total),), (t0,)),
        ),
        Store(w.at(Z, ROW), w.at(total)),
    )
    after = contract(before, "column")
    assert lines_of(after)[4:7] == [
        "t0_left = exp(x[column])",
        "t0_right = y[column]",
        "total[] = fma(t0_left, t0_right, total[])",
    ]
    generator = np.random.default_rng(3)
    x, y = (generator.standard_normal(8).astype("float32") for _ in "xy")
    expected = np.float32(0)
    for left, right in zip(np.exp(x), y, strict=True):
        expected = np.float32(np.float64(left) * np.float64(right) + np.float64(expected))
    assert (results(after) == expected).all()
    assert not (results(before) == expected).all()


@pytest.mark.parametrize(
    ("before", "loop", "message"),
    [
        (program(Store(w.at(Z, ROW), product())), "row", "added to something, found none"),
        (
            program(
                Store(
                    w.at(Z, ROW),
                    w.cast(
                        w.op(
                            "add",
                            w.op("mul", w.count(ROW, "int32"), w.count(ROW, "int32")),
                            w.count(1, "int32"),
                        ),
                        "float32",
                    ),
                )
            ),
            "row",
            "a product of floats that is added to something",
        ),
        (program(), "column", "the name of a loop's variable"),
    ],
    ids=range(3),
)
def test_other_loops_are_refused(before: LoopProgram, loop: str, message: str) -> None:
    with pytest.raises(RewriteError) as error:
        contract(before, loop)
    assert message in str(error.value)
    assert "kernel k0(" in str(error.value)
