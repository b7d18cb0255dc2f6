"""Rows of reductions: Python's folds over the elements of each group."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Iterator

import numpy as np

from tests.compiler.graph.op_cases.case import ROUNDING, Case, filled, indices, numbers

AXES = [(0,), (1,), (2,), (0, 2), (1, 2), (0, 1, 2)]
SHAPE = (3, 2, 4)


def groups(x: np.ndarray, axes: tuple[int, ...], kept: tuple[int, ...]) -> list:
    """The elements reduced to the result at index `kept`, in C order, as Python numbers."""
    inner = [x.shape[axis] for axis in axes]
    found = []
    for index in indices(inner):
        full = [0] * x.ndim
        for axis, k in zip(axes, index, strict=True):
            full[axis] = k
        others = [axis for axis in range(x.ndim) if axis not in axes]
        for axis, k in zip(others, kept, strict=True):
            full[axis] = k
        found.append(x[tuple(full)].item())
    return found


def _largest(values: list) -> float:
    return math.nan if any(v != v for v in values) else max(values)


def _smallest(values: list) -> float:
    return math.nan if any(v != v for v in values) else min(values)


def _first(choose: Callable[[list], float]) -> Callable[[list], int]:
    def position(values: list) -> int:
        nan = [k for k, value in enumerate(values) if value != value]
        return nan[0] if nan else values.index(choose(values))

    return position


FOLDS = {
    "sum": sum,
    "prod": lambda values: functools.reduce(operator.mul, values, 1),
    "max": _largest,
    "min": _smallest,
    "argmax": _first(max),
    "argmin": _first(min),
}


def _case(op: str, x: np.ndarray, axes: tuple[int, ...], fold: Callable, **options: object) -> Case:
    shape = [size for axis, size in enumerate(x.shape) if axis not in axes]
    dtype = "int32" if op.startswith("arg") else x.dtype
    expected = filled(shape, dtype, lambda kept: fold(groups(x, axes, kept)))
    return Case(op, (x,), expected, {"axes": axes}, **options)


def cases() -> Iterator[Case]:
    for op, fold in FOLDS.items():
        for axes in AXES:
            for dtype in ("float64", "float32", "int32"):
                rounds = op in ("sum", "prod") and dtype != "int32"
                rounding = ROUNDING[dtype] if rounds else 0.0
                note = "axes" + "".join(map(str, axes))
                yield _case(op, numbers(SHAPE, dtype), axes, fold, rounding=rounding, note=note)
        for dtype in ("int64", "uint32"):
            yield _case(op, numbers(SHAPE, dtype), (1,), fold)
    for op in ("max", "min", "argmax", "argmin"):
        tied = np.array([[1.0, 3.0, 3.0, 1.0], [2.0, np.nan, 5.0, np.nan], [-np.inf] * 4])
        yield _case(op, tied, (1,), FOLDS[op], note="ties-and-nan")
        yield _case(op, np.array(2.5), (), FOLDS[op], note="scalar")
    for op in ("sum", "prod"):
        nan = np.array([[1.0, np.nan], [2.0, 3.0]])
        yield _case(op, nan, (1,), FOLDS[op], note="nan")
        yield _case(op, np.zeros((0, 2)), (0,), FOLDS[op], note="empty")
    for op, fold in (("any", any), ("all", all)):
        for axes in AXES:
            note = "axes" + "".join(map(str, axes))
            yield _case(op, numbers(SHAPE, "bool"), axes, fold, note=note)
    quarters = np.full(4, 2**30, "int32")  # 2^32 comes round to 0
    yield Case("sum", (quarters,), np.array(0, "int32"), {"axes": (0,)}, note="wrap")


CASES = list(cases())
