"""Pointwise ops, from their definitions, with error bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

from tests.campaigns.graphs.bounded import (
    EXTENDED,
    Bounded,
    Rounding,
    certain,
    is_float,
    spread,
    unit,
    whole,
)

_TRANSCENDENTAL = {"float32": 16, "float64": 32}  # units in the last place
_FAR = 1e4  # beyond it sin and cos lose what the argument's reduction does

_erf = np.vectorize(lambda x: x if math.isnan(x) else math.erf(x), otypes=[float])


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


_MONOTONE: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "exp": np.exp,
    "log": np.log,
    "log1p": np.log1p,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "erf": lambda x: _erf(x.astype(float)).astype(EXTENDED),
}
_STEPS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "floor": np.floor,
    "round": np.rint,
    "sign": np.sign,
}


def unary(op: str, x: Bounded, rounding: Rounding) -> Bounded:
    """Return an op of one number."""
    if op == "logical_not":
        return whole("bool", ~x.value, x.known)
    if not is_float(x.dtype):
        return _unary_of_ints(op, x)
    if op in ("neg", "abs"):
        return Bounded(x.dtype, -x.value if op == "neg" else np.abs(x.value), x.error)
    if op in _STEPS:
        return Bounded(x.dtype, *spread(_STEPS[op], x))
    if op in ("sin", "cos"):
        value = np.sin(x.value) if op == "sin" else np.cos(x.value)
        size = np.abs(x.value)
        far = np.where(np.isfinite(size) & (size > _FAR), size, 1)
        error = np.minimum(x.error, 2) + np.where(np.isnan(value), 0, 16 * unit(x.dtype) * far)
        error = np.where(x.known, error, np.inf)
        return rounding(x.dtype, value, np.where((size == 0) & x.exact, 0, error))
    value, error = spread(_MONOTONE[op], x)
    if op in ("log", "rsqrt", "sqrt", "log1p"):
        # A domain's edge inside of the error; and 1 / sqrt(-0.0), whose sign is nobody's.
        edge = -1 if op == "log1p" else 0
        error = np.where((np.abs(x.value - edge) <= x.error) & ~x.exact, np.inf, error)
        if op == "rsqrt":
            error = np.where(x.value == 0, np.inf, error)
    return rounding(x.dtype, value, error, _TRANSCENDENTAL[x.dtype])


def _unary_of_ints(op: str, x: Bounded) -> Bounded:
    function = {"neg": np.negative, "abs": np.abs, "sign": np.sign}[op]
    return whole(x.dtype, function(x.value), x.known)


# ---- bools --------------------------------------------------------------------------------------


def packed(bools: Sequence[Bounded]) -> Bounded:
    """Return the number whose binary digits, the last one first, are bools."""
    total = sum(x.value * 2**digit for digit, x in enumerate(bools))
    return whole("uint8", total, np.logical_and.reduce([x.known for x in bools]))


# ---- two numbers --------------------------------------------------------------------------------


def binary(op: str, x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    """Return an op of two numbers of one dtype."""
    if op in _LOGIC:
        return whole("bool", _LOGIC[op](x.value, y.value), x.known & y.known)
    if op in _COMPARISONS:
        return _compared(op, x, y)
    if not is_float(x.dtype):
        return whole(x.dtype, _INTS[op](x.value, y.value), x.known & y.known)
    if op in ("maximum", "minimum"):
        function = np.maximum if op == "maximum" else np.minimum
        return Bounded(x.dtype, *spread(function, rounding.compared(x), rounding.compared(y)))
    if op in _ARITHMETIC:
        value, error = spread(_ARITHMETIC[op], x, y)
        if op != "mul":
            error = error + _lost(x.value, y.value if op == "add" else -y.value)
        return rounding(x.dtype, value, error)
    return _FLOATS[op](x, y, rounding)


_LOGIC = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_xor": np.logical_xor,
}
_COMPARISONS = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
}
_ARITHMETIC = {"add": np.add, "sub": np.subtract, "mul": np.multiply}


def _lost(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return what a sum in extended precision is off (TwoSum; Knuth): a pass may keep it, as in
    log1p."""
    total = x + y
    other = total - x
    lost = np.abs((x - (total - other)) + (y - other))
    return np.where(np.isfinite(lost), lost, 0).astype(float)


def _compared(op: str, x: Bounded, y: Bounded) -> Bounded:
    exact = x.exact & y.exact
    if is_float(x.dtype):
        nan = _surely_nan(x, y)
        difference = np.abs(x.value - y.value) > x.error + y.error
        exact = exact | ((nan | difference) & x.known & y.known)
    return whole("bool", _COMPARISONS[op](x.value, y.value), exact)


def divided(x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    """Return x / y."""
    value, error = spread(np.divide, x, y)
    # By what may be zero, or by a zero, whose sign is nobody's.
    maybe_zero = (np.abs(y.value) <= y.error) & ~np.isnan(x.value)
    signed = (y.value == 0) & (x.value == 0) & x.exact & y.exact  # NaN, whatever the sign
    return rounding(x.dtype, value, np.where(maybe_zero & ~signed, np.inf, error))


def _quotient(x: Bounded, y: Bounded, rounding: Rounding) -> tuple[np.ndarray, np.ndarray]:
    """Return floor(x / y), and whether it is known which whole number it is."""
    ratio = divided(x, y, rounding)
    finite = np.isfinite(ratio.value) & np.isfinite(x.value) & np.isfinite(y.value)
    floors = [np.floor(ratio.value + k * (ratio.error + 0)) for k in (-1, 1)]
    whole_ratio = ratio.value == np.floor(ratio.value)
    sure = finite & ratio.known & (floors[0] == floors[1]) & (ratio.exact | ~whole_ratio)
    return np.floor(ratio.value), sure


def _floordiv(x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    value, sure = _quotient(x, y, rounding)
    finite = np.isfinite(value) & x.known & y.known & (np.abs(y.value) > y.error)
    finite &= np.isfinite(x.value) & np.isfinite(y.value)
    ratio = divided(x, y, rounding)
    error = np.where(sure, 0, np.where(finite, ratio.error + 1, np.inf))
    if rounding.flushes:  # the multiple of y, of which it is the quotient, may be 0
        multiple = np.abs(y.value * value)
        is_lost = (multiple > 0) & (multiple < 2 * np.finfo(x.dtype).tiny)
        error = np.where(is_lost, np.maximum(error, np.abs(value) + 1), error)
    nan = _surely_nan(x, y)
    return rounding(x.dtype, np.where(nan, np.nan, value), np.where(nan, 0, error), 1)


def _surely_nan(x: Bounded, y: Bounded) -> np.ndarray:
    return (np.isnan(x.value) & x.known) | (np.isnan(y.value) & y.known)


def _mod(x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    floor, sure = _quotient(x, y, rounding)
    value = x.value - y.value * floor
    size = np.abs(x.value) + np.abs(y.value * floor)
    error = x.error + np.abs(floor) * y.error + 4 * unit(x.dtype) * size
    exact = x.exact & y.exact & (floor == 0)
    error = np.where(sure, np.where(exact, 0, error), np.inf)
    nan = _surely_nan(x, y) | ((y.value == 0) & y.exact)
    return rounding(x.dtype, np.where(nan, np.nan, value), np.where(nan, 0, error))


def _pow(x: Bounded, y: Bounded, rounding: Rounding) -> Bounded:
    value, error = spread(np.power, x, y)
    positive = x.value - x.error > 0
    integer = y.exact & (y.value == np.floor(y.value))
    crosses = (np.abs(x.value) <= x.error) & ~x.exact
    error = np.where(crosses & integer & (y.value > 0), np.maximum(error, np.abs(value)), error)
    sure = positive | (integer & (~crosses | (y.value > 0))) | (x.exact & y.exact)
    sure &= (x.value != 0) | (y.value > 0) | (y.exact & (y.value == 0))
    with_log = 16 * (1 + np.abs(y.value * np.log(np.abs(x.value))))
    units = np.where(np.isfinite(with_log), with_log, 16)
    return rounding(x.dtype, value, np.where(sure, error, np.inf), units)


_FLOATS = {"div": divided, "floordiv": _floordiv, "mod": _mod, "pow": _pow}


def _int_floordiv(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Of Python's ints, wrapped; 0 by zero."""
    return _by_element(lambda a, b: a // b if b else 0, x, y)


def _int_mod(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return _by_element(lambda a, b: a % b if b else 0, x, y)


def _int_pow(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    modulus = 2 ** np.iinfo(x.dtype).bits
    return _by_element(lambda a, b: pow(a, b, modulus) if b >= 0 else 0, x, y)


def _by_element(function: Callable[[int, int], int], x: np.ndarray, y: np.ndarray) -> np.ndarray:
    found = [function(a, b) for a, b in zip(x.ravel().tolist(), y.ravel().tolist(), strict=True)]
    return wrapped(found, x.dtype.name).reshape(x.shape)


def wrapped(values: list[int], dtype: str) -> np.ndarray:
    """Return Python's ints reduced to a dtype's bits."""
    bits = np.iinfo(dtype).bits
    top = 2**bits if dtype.startswith("u") else 2 ** (bits - 1)
    reduced = [value % 2**bits for value in values]
    return np.array([v - 2**bits if v >= top else v for v in reduced], dtype)


_INTS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "floordiv": _int_floordiv,
    "mod": _int_mod,
    "pow": _int_pow,
}


# ---- three numbers, and casts -------------------------------------------------------------------


def clip(x: Bounded, low: Bounded, high: Bounded, rounding: Rounding) -> Bounded:
    """Return min(max(x, low), high)."""

    def function(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.minimum(np.maximum(x, low), high)

    if is_float(x.dtype):
        return Bounded(x.dtype, *spread(function, *map(rounding.compared, (x, low, high))))
    known = x.known & low.known & high.known
    return whole(x.dtype, function(x.value, low.value, high.value), known)


def where(condition: Bounded, yes: Bounded, no: Bounded) -> Bounded:
    """Return the chosen value; either, where the choice is unknown."""
    value = np.where(condition.value, yes.value, no.value)
    error = np.where(condition.value, yes.error, no.error)
    same = (yes.value == no.value) & yes.exact & no.exact
    either = np.inf
    if is_float(yes.dtype):
        difference = np.abs(yes.value - no.value)
        either = certain(np.where(yes.value == no.value, 0, difference) + yes.error + no.error)
    error = np.where(condition.known | same, error, either)
    return Bounded(yes.dtype, value, error)


def cast(x: Bounded, dtype: str, rounding: Rounding) -> Bounded:
    """Return x in another dtype: fractions are dropped, floats saturate, ints wrap."""
    if is_float(dtype):
        value = x.value.astype(EXTENDED)
        if is_float(x.dtype) and unit(dtype) <= unit(x.dtype):
            return Bounded(dtype, value, x.error)
        return rounding(dtype, value, x.error, 1)
    if not is_float(x.dtype):
        value = x.value != 0 if dtype == "bool" else x.value.astype(dtype)
        return whole(dtype, value, x.known)
    if dtype == "bool":
        nan = np.isnan(x.value) & x.known
        return whole("bool", x.value != 0, x.exact | nan | (np.abs(x.value) > x.error))
    low, value, high = (np.asarray(_saturated(x.value + k * x.error, dtype)) for k in (-1, 0, 1))
    return whole(dtype, value, x.known & (low == high))


def _saturated(value: np.ndarray, dtype: str) -> np.ndarray:
    limits = np.iinfo(dtype)
    found = []
    for number in np.asarray(value).ravel():
        if np.isnan(number):
            found.append(0)
        elif np.isinf(number):
            found.append(limits.max if number > 0 else limits.min)
        else:
            found.append(min(max(int(number), limits.min), limits.max))
    return np.array(found, dtype).reshape(np.shape(value))
