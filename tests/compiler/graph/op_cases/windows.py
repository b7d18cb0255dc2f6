"""Rows of pooling: for each window the list of its real elements, in C order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tests.compiler.graph.op_cases.case import ROUNDING, Case, filled, indices, numbers

# spatial size, window, strides, padding
POOLS = [
    ((7,), (2,), (2,), ((0, 0),)),
    ((6,), (3,), (1,), ((2, 1),)),
    ((5, 6), (2, 2), (2, 2), ((0, 0), (0, 0))),
    ((5, 4), (3, 2), (2, 1), ((1, 2), (0, 1))),
    ((2, 3), (3, 3), (2, 2), ((1, 1), (1, 1))),
    ((3, 4, 3), (2, 2, 2), (1, 2, 2), ((0, 1), (1, 0), (0, 0))),
]


def real_elements(index, size, window, strides, padding) -> list[tuple[int, ...]]:
    """Where the window at an index has elements of the input."""
    found = []
    for place in indices(window):
        source = [
            w * stride + offset - low
            for w, stride, offset, (low, _) in zip(index, strides, place, padding, strict=True)
        ]
        if all(0 <= s < n for s, n in zip(source, size, strict=True)):
            found.append(tuple(source))
    return found


def first_maximum(x: np.ndarray, sources: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The first NaN among the elements, else the first largest."""
    nan = [source for source in sources if np.isnan(x[source])]
    return nan[0] if nan else max(sources, key=lambda source: x[source])


def _inputs(shape: tuple[int, ...], dtype: str) -> Iterator[tuple[str, np.ndarray]]:
    yield "plain", numbers(shape, dtype)
    yield "ties", numbers(shape, "int32").astype(dtype)
    with_nan = numbers(shape, dtype)
    with_nan.reshape(-1)[::5] = np.nan
    yield "nan", with_nan
    yield "infinite", np.full(shape, -np.inf, dtype)


def _pools(dtype: str) -> Iterator[Case]:
    for number, (size, *rest) in enumerate(POOLS):
        window, strides, padding = rest
        attrs = {"window": window, "strides": strides, "padding": padding}
        counts = [
            (n + sum(pad) - extent) // stride + 1
            for n, pad, extent, stride in zip(size, padding, window, strides, strict=True)
        ]
        shape, pooled = (2, 3, *size), (2, 3, *counts)
        values, cotangents = numbers(shape, dtype, seed=1), numbers(pooled, dtype, seed=2)
        for note, x in _inputs(shape, dtype):
            note = f"{number}-{note}"

            def winner(i, x=x, size=size, rest=rest):
                return (*i[:2], *first_maximum(x[i[:2]], real_elements(i[2:], size, *rest)))

            def place(i, winner=winner, rest=rest):
                return number_in_window(winner(i)[2:], i[2:], *rest)

            largest = filled(pooled, dtype, lambda i, x=x, w=winner: x[w(i)])
            first = filled(pooled, "int32", place)
            read = filled(pooled, dtype, lambda i, v=values, w=winner: v[w(i)])
            kept = filled(pooled, "bool", lambda i, v=values, w=winner: v[w(i)] > 0)
            back = np.zeros(shape, dtype)
            for i in indices(pooled):
                back[winner(i)] += cotangents[i]
            yield Case("max_pool", (x,), largest, attrs, note=note)
            yield Case("argmax_pool", (x,), first, attrs, note=note)
            yield Case("gather_pool", (first, values), read, attrs, note=note)
            yield Case("gather_pool", (first, values > 0), kept, attrs, note=f"{note}-bool")
            sized = {**attrs, "size": size}
            yield Case("max_unpool", (first, cotangents), back, sized, ROUNDING[dtype], note=note)
        yield from _sums(dtype, str(number), size, rest, attrs, values, cotangents)


def number_in_window(element, index, window, strides, padding) -> int:
    """The place of an element in the window at an index, counted in C order."""
    axes = zip(element, index, strides, padding, strict=True)
    return int(np.ravel_multi_index([e - w * s + low for e, w, s, (low, _) in axes], window))


def _sums(dtype, note, size, rest, attrs, values, cotangents) -> Iterator[Case]:
    total = filled(
        cotangents.shape,
        dtype,
        lambda i: sum(float(values[(*i[:2], *s)]) for s in real_elements(i[2:], size, *rest)),
    )
    back = np.zeros(values.shape, dtype)
    for i in indices(cotangents.shape):
        for source in real_elements(i[2:], size, *rest):
            back[(*i[:2], *source)] += cotangents[i]
    rounding = 10 * ROUNDING[dtype]
    yield Case("sum_pool", (values,), total, attrs, rounding, note=note)
    sized = {**attrs, "size": size}
    yield Case("sum_unpool", (cotangents,), back, sized, rounding, note=note)


CASES = [case for dtype in ("float32", "float64") for case in _pools(dtype)]
