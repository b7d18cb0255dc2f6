"""Pointwise rows: a function of Python numbers, applied element by element."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext

import numpy as np

from tests.compiler.graph.op_cases.case import ROUNDING, Case

NAN, INF = math.nan, math.inf
FLOATS = ("float32", "float64")
INTS = ("int32", "int64", "uint32")

UNARY_FLOATS = [0.0, 0.5, 1.0, 1.5, 2.5, -0.5, -1.5, -2.5, -0.75, 1e-4, -1e-4, 3.0, 20.0, -20.0]
SPECIAL = [NAN, INF, -INF]
PAIRS = [(7, 2), (-7, 2), (7, -2), (-7, -2), (3, 3), (0, 5), (6, 3), (2, 0), (-2, 0), (0, 0)]
FLOAT_PAIRS = [*PAIRS, (1.0, 0.1), (NAN, 1), (1, NAN), (INF, 2), (2, INF), (-2, INF), (-INF, 3)]


def _guarded(function: Callable[[float], float], at_pole: float) -> Callable[[float], float]:
    """NaN outside of the domain, `at_pole` where Python overflows or divides by zero."""

    def guarded(x: float) -> float:
        try:
            return function(x)
        except ValueError:
            return at_pole if x in (0.0, -1.0) else NAN
        except (OverflowError, ZeroDivisionError):
            return at_pole

    return guarded


def _erf(x: float) -> float:
    """The Maclaurin series of erf in 60 digits."""
    if math.isnan(x) or abs(x) > 9:
        return math.copysign(1.0, x) if not math.isnan(x) else NAN
    with localcontext() as context:
        context.prec = 60
        term = total = z = Decimal(x)
        for n in range(1, 2000):
            term = -term * z * z / n
            total += term / (2 * n + 1)
        half_root_pi = Decimal("0.886226925452758013649083741670572591398774728061193564106904")
        return float(total / half_root_pi)


def _sign(x: float) -> float:
    return x if x != x else (x > 0) - (x < 0)


def _whole(function: Callable[[float], int]) -> Callable[[float], float]:
    return lambda x: function(x) if math.isfinite(x) else x


EXACT_UNARY = {
    "neg": operator.neg,
    "abs": abs,
    "sign": _sign,
}
EXACT_UNARY_FLOAT = {
    "floor": _whole(math.floor),
    "round": _whole(round),
    "sqrt": lambda x: math.sqrt(x) if x >= 0 or x != x else NAN,
}
ROUNDED_UNARY = {
    "exp": _guarded(math.exp, INF),
    "log": _guarded(math.log, -INF),
    "log1p": _guarded(math.log1p, -INF),
    "expm1": _guarded(math.expm1, INF),
    "rsqrt": _guarded(lambda x: 1 / math.sqrt(x), INF),
    "tanh": math.tanh,
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)) if x > -700 or x != x else 0.0,
    "erf": _erf,
    "sin": _guarded(math.sin, NAN),
    "cos": _guarded(math.cos, NAN),
}


def _either_nan(function: Callable[..., float]) -> Callable[..., float]:
    return lambda *xs: NAN if any(x != x for x in xs) else function(*xs)


def _divide(x: float, y: float) -> float:
    if y:
        return x / y
    return NAN if x == 0 or x != x else math.copysign(INF, x)


def _floor_divide(x: float, y: float) -> float:
    if y:
        return x // y
    return 0 if isinstance(x, int) else _divide(x, y)


def _mod(x: float, y: float) -> float:
    if y:
        return x % y
    return 0 if isinstance(x, int) else NAN


def _int_power(x: int, y: int) -> int:
    return 0 if y < 0 else x**y


def _power(x: float, y: float) -> float:
    try:
        result = x**y
    except ZeroDivisionError:
        return math.copysign(INF, x) if y % 2 == 1 else INF
    return NAN if isinstance(result, complex) else result


BINARY = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "floordiv": _floor_divide,
    "mod": _mod,
    "maximum": _either_nan(max),
    "minimum": _either_nan(min),
}
COMPARISONS = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
}
LOGIC = {
    "logical_and": lambda x, y: x and y,
    "logical_or": lambda x, y: x or y,
    "logical_xor": lambda x, y: x != y,
}

# (from, value, to, result); the extremes of a dtype saturate, ints wrap.
CASTS = [
    ("float64", [1.9, -1.9, 0.5, -0.5, NAN, INF, -INF, 1e30, -1e30], "int32",
     [1, -1, 0, 0, 0, 2**31 - 1, -(2**31), 2**31 - 1, -(2**31)]),
    ("float32", [1.9, -1.9, NAN, INF, -INF, 2147483520.0, 2147483648.0, -2147483648.0], "int32",
     [1, -1, 0, 2**31 - 1, -(2**31), 2147483520, 2**31 - 1, -(2**31)]),
    ("float64", [2147483647.0, 2147483647.9, 2147483648.0, -2147483648.9], "int32",
     [2**31 - 1, 2**31 - 1, 2**31 - 1, -(2**31)]),
    ("float32", [2.0**62 + 2.0**39, 1e19, -1e19, NAN, 2.5], "int64",
     [2**62 + 2**39, 2**63 - 1, -(2**63), 0, 2]),
    ("float64", [-0.9, -1.0, 4294967295.0, 4294967296.0, NAN, 3.99], "uint32",
     [0, 0, 2**32 - 1, 2**32 - 1, 0, 3]),
    ("float64", [0.0, -0.0, 0.1, NAN, INF], "bool", [False, False, True, True, True]),
    ("float64", [1 + 2.0**-30, 1e300, NAN], "float32", [1.0, INF, NAN]),
    ("float32", [0.5, NAN, -INF], "float64", [0.5, NAN, -INF]),
    ("bool", [True, False], "float32", [1.0, 0.0]),
    ("bool", [True, False], "int32", [1, 0]),
    ("int32", [0, -2, 7], "bool", [False, True, True]),
    ("int32", [-1, 5], "uint32", [2**32 - 1, 5]),
    ("int64", [2**31, -(2**31) - 1, 3], "int32", [-(2**31), 2**31 - 1, 3]),
    ("int32", [2**24 + 1, -3], "float32", [2.0**24, -3.0]),
    ("uint32", [2**32 - 1], "int64", [2**32 - 1]),
]  # fmt: skip


def _wrapped(values: list, dtype: str) -> np.ndarray:
    """Python's exact ints reduced to a dtype's bits."""
    if dtype not in INTS:
        return np.array(values, dtype)
    bits = np.iinfo(dtype).bits
    reduced = [value % 2**bits for value in values]
    signed = [v - 2**bits if dtype != "uint32" and v >= 2 ** (bits - 1) else v for v in reduced]
    return np.array(signed, dtype)


def _case(
    op: str, function: Callable, columns: list, dtype: str, result: str = "", **options: object
) -> Case:
    arrays = tuple(np.array(column, dtype) for column in columns)
    elements = zip(*(array.tolist() for array in arrays), strict=True)
    values = [function(*element) for element in elements]
    return Case(op, arrays, _wrapped(values, result or dtype), **options)


def _columns(pairs: list, dtype: str) -> list:
    if dtype == "uint32":
        pairs = [pair for pair in pairs if min(pair) >= 0]
    return [list(column) for column in zip(*pairs, strict=True)]


def unary_cases() -> Iterator[Case]:
    for dtype in FLOATS:
        values = [UNARY_FLOATS + SPECIAL]
        for op, function in (EXACT_UNARY | EXACT_UNARY_FLOAT).items():
            yield _case(op, function, values, dtype)
        for op, function in ROUNDED_UNARY.items():
            yield _case(op, function, values, dtype, rounding=ROUNDING[dtype])
    far = [[0.1, -0.3, 0.84375, -1.2, 1.9, 2.7, -3.3, 4.4, 5.8, 6.5, 1e-300]]
    yield _case("erf", _erf, far, "float64", rounding=4e-16, note="pieces")
    small = [[-700.0, -300.0, 700.0, -36.0, 36.0]]
    sigmoid = _case("sigmoid", lambda x: math.exp(x) / (1 + math.exp(x)), small, "float64",
                    rounding=ROUNDING["float64"], note="tails")  # fmt: skip
    yield sigmoid
    for dtype in INTS:
        limits = np.iinfo(dtype)
        values = [[0, 1, 5, limits.max, limits.min, *([-4] if limits.min else [])]]
        for op, function in EXACT_UNARY.items():
            yield _case(op, function, values, dtype)
    yield _case("logical_not", operator.not_, [[True, False]], "bool")


def binary_cases() -> Iterator[Case]:
    for dtype in (*FLOATS, *INTS):
        pairs = FLOAT_PAIRS if dtype in FLOATS else PAIRS
        extremes = [] if dtype in FLOATS else [(np.iinfo(dtype).max, 2), (np.iinfo(dtype).min, 3)]
        columns = _columns(pairs + extremes, dtype)
        for op, function in BINARY.items():
            yield _case(op, function, columns, dtype)
        for op, function in COMPARISONS.items():
            yield _case(op, function, columns, dtype, "bool")
    for dtype in FLOATS:
        columns = _columns(FLOAT_PAIRS, dtype)
        yield _case("div", _divide, columns, dtype)
        powers = [(2, 3), (2, -1), (-2, 2), (-2, 0.5), (0, 0), (0, -1), (9, 0.5)]
        columns = _columns([*powers, (NAN, 0), (1, NAN)], dtype)
        yield _case("pow", _power, columns, dtype, rounding=ROUNDING[dtype])
    for dtype in INTS:
        columns = _columns([(2, 3), (2, -1), (1, -1), (-3, 3), (0, 0), (3, 40), (7, 1)], dtype)
        yield _case("pow", _int_power, columns, dtype)
    table = [[False, False, True, True], [False, True, False, True]]
    for op, function in (LOGIC | {k: COMPARISONS[k] for k in ("equal", "not_equal")}).items():
        yield _case(op, function, table, "bool")


def packed_cases() -> Iterator[Case]:
    for count in (1, 3, 8):
        rows = np.random.default_rng(count).integers(0, 2, (count, 11))
        expected = [sum(int(row[k]) * 2**bit for bit, row in enumerate(rows)) for k in range(11)]
        arrays = tuple(row.astype(bool) for row in rows)
        yield Case("pack_bools", arrays, np.array(expected, "uint8"), note=str(count))


def other_cases() -> Iterator[Case]:
    for dtype in (*FLOATS, *INTS, "bool"):
        array = np.array([1, 0, NAN if dtype in FLOATS else 1], dtype)
        yield Case("alias", (array,), array, {"serial": 0})
        yield Case("stop_gradient", (array,), array)
        if dtype != "bool":
            yield Case("own_batch", (array,), array)
        yield Case("print_tensor", (array,), array, {"message": "x = "})
    for source, values, target, expected in CASTS:
        arrays = (np.array(values, source),)
        yield Case("cast", arrays, np.array(expected, target), {"dtype": target}, note=target)
    triples = [(5, 0, 3), (-5, 0, 3), (2, 0, 3), (0, 0, 3), (1, 4, 3)]
    with_nan = [*triples, (NAN, 0, 1), (1, NAN, 2), (1, 0, NAN), (INF, 0, 1)]
    for dtype in (*FLOATS, "int32", "int64"):
        rows = with_nan if dtype in FLOATS else triples
        clip = _either_nan(lambda x, low, high: min(max(x, low), high))
        yield _case("clip", clip, _columns(rows, dtype), dtype)
    for dtype in (*FLOATS, *INTS, "bool"):
        chosen = np.array([True, False, True])
        yes, no = np.array([1, 1, 0], dtype), np.array([0, 0, 1], dtype)
        expected = np.array([yes[0], no[1], yes[2]], dtype)
        yield Case("where", (chosen, yes, no), expected)
    values = (np.array([False, True]), np.array([NAN, 1.0]), np.array([2.0, NAN]))
    yield Case("where", values, np.array([2.0, 1.0]), note="nan")


CASES = [*unary_cases(), *binary_cases(), *packed_cases(), *other_cases()]
