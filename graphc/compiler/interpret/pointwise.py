"""Pointwise ops: arrays of one shape in, one array of that shape out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from graphc.compiler.interpret.signature import Attrs, Function, ufunc


def _rsqrt(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    inverse: np.ndarray = np.reciprocal(np.sqrt(x))
    return inverse


def _sigmoid(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)) through exp(-|x|), which neither overflows nor loses small results."""
    decay = np.exp(-np.abs(x))
    result: np.ndarray = np.where(x >= 0, x.dtype.type(1), decay) / (1 + decay)
    return result


def _erf(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """The C library's erf: NumPy has none, and piecewise rationals in NumPy take as long."""
    values = map(math.erf, np.ravel(x).tolist())
    return np.fromiter(values, "float64", np.size(x)).astype(x.dtype).reshape(np.shape(x))


def _pow(attrs: Attrs, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    if x.dtype.kind != "i":
        power: np.ndarray = np.power(x, y)
        # For one exponent of 0.5 that all elements share NumPy takes the square root, which differs
        # from the power at -inf (NaN, not inf) and at -0 (-0, not 0).
        if np.any(y == 0.5):
            power = np.where((y == 0.5) & (np.isneginf(x) | (x == 0)), np.abs(x), power)
        return power
    negative = y < 0  # NumPy refuses negative powers of ints; here they are 0
    powers: np.ndarray = np.power(x, np.where(negative, 0, y))
    return np.where(negative, x.dtype.type(0), powers)


def _clip(attrs: Attrs, x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    clipped: np.ndarray = np.minimum(np.maximum(x, low), high)
    return clipped


def _where(attrs: Attrs, chosen: np.ndarray, yes: np.ndarray, no: np.ndarray) -> np.ndarray:
    return np.where(chosen, yes, no)


def cast(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    """x in ``attrs["dtype"]``. Float to int truncates toward 0 and saturates; NaN gives 0."""
    dtype: np.dtype[Any] = np.dtype(attrs["dtype"])
    if x.dtype.kind != "f" or dtype.kind not in "iu":
        return x.astype(dtype)
    limits = np.iinfo(dtype)
    # Both bounds are powers of two or 0, so they are exact in every float; limits.max is not.
    bottom = x.dtype.type(limits.min)
    beyond = x.dtype.type(2.0 ** (limits.bits - (dtype.kind == "i")))
    fits = (x >= bottom) & (x < beyond)
    whole = np.where(fits, x, x.dtype.type(0)).astype(dtype)
    saturated = np.where(x >= beyond, dtype.type(limits.max), dtype.type(limits.min))
    return np.where(fits | np.isnan(x), whole, saturated)


def _alias(attrs: Attrs, x: np.ndarray) -> np.ndarray:
    return x.copy()


def _pack_bools(attrs: Attrs, *bools: np.ndarray) -> np.ndarray:
    """The byte whose bit k, of the value 2**k, is the k-th of them."""
    packed = np.zeros(bools[0].shape, np.uint8)
    for bit, values in enumerate(bools):
        packed |= values.astype(np.uint8) << np.uint8(bit)
    return packed


POINTWISE: dict[str, Function] = {
    "alias": _alias,
    "stop_gradient": _alias,
    "own_batch": _alias,
    "print_tensor": _alias,
    "neg": ufunc(np.negative),
    "abs": ufunc(np.abs),
    "sign": ufunc(np.sign),
    "floor": ufunc(np.floor),
    "round": ufunc(np.rint),
    "exp": ufunc(np.exp),
    "log": ufunc(np.log),
    "log1p": ufunc(np.log1p),
    "expm1": ufunc(np.expm1),
    "sqrt": ufunc(np.sqrt),
    "rsqrt": _rsqrt,
    "tanh": ufunc(np.tanh),
    "sigmoid": _sigmoid,
    "erf": _erf,
    "sin": ufunc(np.sin),
    "cos": ufunc(np.cos),
    "logical_not": ufunc(np.logical_not),
    "cast": cast,
    "add": ufunc(np.add),
    "sub": ufunc(np.subtract),
    "mul": ufunc(np.multiply),
    "div": ufunc(np.true_divide),
    "floordiv": ufunc(np.floor_divide),
    "mod": ufunc(np.remainder),
    "pow": _pow,
    "maximum": ufunc(np.maximum),
    "minimum": ufunc(np.minimum),
    "equal": ufunc(np.equal),
    "not_equal": ufunc(np.not_equal),
    "less": ufunc(np.less),
    "less_equal": ufunc(np.less_equal),
    "logical_and": ufunc(np.logical_and),
    "logical_or": ufunc(np.logical_or),
    "logical_xor": ufunc(np.logical_xor),
    "pack_bools": _pack_bools,
    "where": _where,
    "clip": _clip,
}
