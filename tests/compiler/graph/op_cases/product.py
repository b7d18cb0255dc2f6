"""Rows of products, indexed access and loops, written as the sums of their formulas."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphc.compiler import graph as g
from tests.compiler.graph.op_cases.case import ROUNDING, Case, filled, indices, numbers


def _matmuls() -> Iterator[Case]:
    for dtype in ("float32", "float64"):
        for batch in ((), (2,), (2, 3)):
            x, y = numbers((*batch, 3, 4), dtype), numbers((*batch, 4, 5), dtype, seed=1)

            def element(i, x=x, y=y):
                row, column = x[(*i[:-2], i[-2])], y[(*i[:-2], slice(None), i[-1])]
                return sum(float(a) * float(b) for a, b in zip(row, column, strict=True))

            expected = filled((*batch, 3, 5), dtype, element)
            note = f"batch{len(batch)}"
            yield Case("matmul", (x, y), expected, rounding=10 * ROUNDING[dtype], note=note)


def correlate(
    x: np.ndarray, kernel: np.ndarray, strides, padding, input_dilation, kernel_dilation
) -> np.ndarray:
    """The defining sum of a cross-correlation, element by element."""
    spatial = range(len(strides))
    counts = []
    for k in spatial:
        span = (x.shape[2 + k] - 1) * input_dilation[k] + 1 + sum(padding[k])
        reach = (kernel.shape[2 + k] - 1) * kernel_dilation[k] + 1
        counts.append((span - reach) // strides[k] + 1)

    def element(index):
        n, f, *window = index
        total = 0.0
        for c, *tap in indices(kernel.shape[1:]):
            source = []
            for k in spatial:
                dilated = window[k] * strides[k] + tap[k] * kernel_dilation[k] - padding[k][0]
                position, between = divmod(dilated, input_dilation[k])
                if between or not 0 <= position < x.shape[2 + k]:
                    break
                source.append(position)
            else:
                total += float(x[(n, c, *source)]) * float(kernel[(f, c, *tap)])
        return total

    return filled((x.shape[0], kernel.shape[0], *counts), x.dtype, element)


# spatial size, kernel size, strides, padding, input dilation, kernel dilation
CONVOLUTIONS = [
    ((6,), (3,), (1,), ((0, 0),), (1,), (1,)),
    ((7,), (3,), (2,), ((2, 1),), (1,), (2,)),
    ((5,), (2,), (1,), ((-1, 3),), (3,), (1,)),
    ((3,), (3,), (1,), ((-4, 9),), (2,), (1,)),
    ((5, 6), (2, 3), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    ((5, 6), (3, 2), (2, 3), ((1, 2), (0, 1)), (1, 1), (2, 1)),
    ((4, 5), (3, 3), (1, 2), ((2, -1), (1, -1)), (2, 1), (1, 2)),
    ((5, 5), (5, 4), (1, 1), ((0, 0), (0, 0)), (1, 1), (1, 1)),
    ((3, 4, 3), (2, 2, 3), (1, 2, 1), ((1, 0), (0, 1), (-1, 2)), (1, 2, 1), (2, 1, 1)),
]


def _convolutions() -> Iterator[Case]:
    names = ("strides", "padding", "input_dilation", "kernel_dilation")
    for number, (size, extent, *rest) in enumerate(CONVOLUTIONS):
        attrs = dict(zip(names, rest, strict=True))
        for dtype in ("float32", "float64"):
            x, kernel = numbers((2, 3, *size), dtype), numbers((4, 3, *extent), dtype, seed=1)
            expected = correlate(x, kernel, *rest)
            # Sums of up to 36 products of both signs: the error is relative to the largest.
            rounding = 100 * ROUNDING[dtype]
            yield Case("conv", (x, kernel), expected, attrs, rounding, note=str(number))


def _gathers() -> Iterator[Case]:
    for dtype in ("float32", "int32", "bool"):
        x = numbers((4, 5, 2), dtype)
        for axis, chosen_rows in ((0, [[3, 0, 3], [1, 1, 2]]), (1, [4, 0, 0]), (2, 1)):
            chosen = np.array(chosen_rows, "int32")
            after = axis + chosen.ndim

            def element(i, x=x, axis=axis, chosen=chosen, after=after):
                return x[(*i[:axis], chosen[i[axis:after]], *i[after:])]

            shape = (*x.shape[:axis], *chosen.shape, *x.shape[axis + 1 :])
            expected = filled(shape, dtype, element)
            yield Case("gather", (x, chosen), expected, {"axis": axis}, note=f"axis{axis}")
    for index_dtype in ("int64", "uint32"):
        x, chosen = numbers((4, 3)), np.array([3, 0, 3], index_dtype)
        yield Case("gather", (x, chosen), np.stack([x[3], x[0], x[3]]), {"axis": 0})


def _scatters() -> Iterator[Case]:
    for dtype in ("float32", "float64", "int32", "uint32"):
        for axis, chosen_rows in ((0, [[3, 0, 3], [1, 1, 3]]), (1, [4, 0, 4]), (1, 2), (2, [1])):
            chosen = np.array(chosen_rows, "int32")
            before, behind = (2, 3)[:axis], (2,)
            updates = numbers((*before, *chosen.shape, *behind), dtype)
            expected = np.zeros((*before, 5, *behind), dtype)
            for i in indices(updates.shape):
                after = axis + chosen.ndim
                expected[(*i[:axis], chosen[i[axis:after]], *i[after:])] += updates[i]
            rounding = ROUNDING.get(dtype, 0.0)
            attrs = {"axis": axis, "size": 5}
            note = f"axis{axis}-{chosen.ndim}"
            yield Case("scatter_add", (chosen, updates), expected, attrs, rounding, note=note)
    for dtype in ("int64", "uint32"):
        updates = numbers((3, 2))
        expected = np.stack([np.zeros(2), updates[1], updates[0] + updates[2]])
        attrs = {"axis": 0, "size": 3}
        yield Case("scatter_add", (np.array([2, 1, 2], dtype), updates), expected, attrs)
    empty = np.zeros(0, "int32")
    attrs = {"axis": 0, "size": 3}
    yield Case("scatter_add", (empty, np.zeros((0, 2))), np.zeros((3, 2)), attrs, note="empty")


def _loop(reverse: bool, value: int) -> g.Node:
    """One value of h' = h * decay + x, stacking h before the step."""

    def build(start: g.Node, sequence: g.Node, decay: g.Node) -> g.Node:
        finals, stacks = g.scan(
            lambda carries, slices: ((carries[0] * decay + slices[0],), (carries[0],)),
            [start],
            [sequence],
            reverse=reverse,
        )
        return (*finals, *stacks)[value]

    return build


def _scans() -> Iterator[Case]:
    start, sequence, decay = numbers((2,)), numbers((4, 2), seed=1), numbers((2,), seed=2)
    for reverse in (False, True):
        h, before = start, np.zeros((4, 2))
        for i in (3, 2, 1, 0) if reverse else (0, 1, 2, 3):
            before[i] = h
            h = h * decay + sequence[i]
        for op in ("scan", "item", "arg"):
            for value, expected in enumerate((h, before)):
                note = f"value{value}{'-reverse' if reverse else ''}"
                arrays = (start, sequence, decay)
                build = _loop(reverse, value)
                yield Case(op, arrays, expected, {}, ROUNDING["float64"], build, note)


CASES = [*_matmuls(), *_convolutions(), *_gathers(), *_scatters(), *_scans()]
