"""Rows of movement and of leaves, written as where each element of the result comes from."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from graphc.compiler import graph as g
from tests.compiler.graph.op_cases.case import Case, filled, indices, numbers
from tests.compiler.philox_reference import random_words

DTYPES = ("bool", "int32", "int64", "uint32", "float32", "float64")


def _reshapes() -> Iterator[Case]:
    for dtype in DTYPES:
        x = numbers((4, 6), dtype)
        elements = [x[index] for index in indices(x.shape)]
        expected = filled((3, 8), dtype, lambda i, e=elements: e[i[0] * 8 + i[1]])
        yield Case("reshape", (x,), expected, {"shape": (3, 8)})
    x = numbers((1, 1))
    yield Case("reshape", (x,), np.array(x[0, 0]), {"shape": ()}, note="scalar")


def _transposes() -> Iterator[Case]:
    x = numbers((2, 3, 4), "float32")
    for order in ((2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0)):
        shape = [x.shape[axis] for axis in order]

        def element(index, order=order):
            source = [0] * 3
            for k, axis in enumerate(order):
                source[axis] = index[k]
            return x[tuple(source)]

        note = "".join(map(str, order))
        expected = filled(shape, "float32", element)
        yield Case("transpose", (x,), expected, {"order": order}, note=note)


def _broadcasts() -> Iterator[Case]:
    x = numbers((3, 2), "float32")
    for axes, shape in (((1, 2), (4, 3, 2)), ((0, 1), (3, 2, 4)), ((0, 2), (3, 4, 2))):
        expected = filled(shape, "float32", lambda i, axes=axes: x[i[axes[0]], i[axes[1]]])
        attrs = {"shape": shape, "axes": axes}
        yield Case("broadcast", (x,), expected, attrs, note="".join(map(str, axes)))
    scalar = np.array(5, "int32")
    attrs = {"shape": (2, 3), "axes": ()}
    yield Case("broadcast", (scalar,), np.full((2, 3), 5, "int32"), attrs, note="scalar")


def _slices() -> Iterator[Case]:
    x = numbers((7, 5), "float32")
    for start, stop, step in (
        ((0, 0), (7, 5), (1, 1)),
        ((1, 2), (6, 5), (2, 3)),
        ((6, 4), (7, 5), (4, 1)),
        ((3, 0), (3, 5), (1, 2)),
    ):
        chosen = [list(range(a, b, c)) for a, b, c in zip(start, stop, step, strict=True)]
        shape = [len(positions) for positions in chosen]
        expected = filled(shape, "float32", lambda i, c=chosen: x[c[0][i[0]], c[1][i[1]]])
        attrs = {"start": start, "stop": stop, "step": step}
        yield Case("slice", (x,), expected, attrs, note=f"{start}{stop}{step}")


def _pads() -> Iterator[Case]:
    for dtype, value in (("float32", -1.5), ("float64", -np.inf), ("int32", 7.0), ("bool", 1.0)):
        x = numbers((3, 2), dtype)
        expected = np.full((8, 4), value).astype(dtype)
        for i in range(3):
            for j in range(2):
                expected[1 + 2 * i, 2 + j] = x[i, j]
        attrs = {"low": (1, 2), "high": (2, 0), "interior": (1, 0), "value": value}
        yield Case("pad", (x,), expected, attrs)
    attrs = {"low": (2,), "high": (1,), "interior": (0,), "value": 0.0}
    yield Case("pad", (np.zeros(0),), np.zeros(3), attrs, note="empty")


def _concats() -> Iterator[Case]:
    for dtype in ("float32", "bool"):
        x, y, z = (numbers((2, n, 3), dtype, seed=n) for n in (1, 4, 2))
        parts = [part[:, k] for part in (x, y, z) for k in range(part.shape[1])]
        expected = filled((2, 7, 3), dtype, lambda i, p=parts: p[i[1]][i[0], i[2]])
        yield Case("concat", (x, y, z), expected, {"axis": 1})
    x = numbers((2, 3))
    yield Case("concat", (x,), x.copy(), {"axis": 0}, note="one")


def _flips() -> Iterator[Case]:
    x = numbers((3, 4), "int64")
    for axes in ((0,), (1,), (0, 1)):

        def element(i, axes=axes):
            return x[2 - i[0] if 0 in axes else i[0], 3 - i[1] if 1 in axes else i[1]]

        note = "".join(map(str, axes))
        yield Case("flip", (x,), filled((3, 4), "int64", element), {"axes": axes}, note=note)


def _leaves() -> Iterator[Case]:
    x = numbers((2, 3), "float32")
    yield Case("input", (x,), x.copy(), build=lambda node: node)
    yield Case("constant", (), x.copy(), build=lambda: g.constant(x))
    yield Case("shared", (), x.copy(), build=lambda: g.shared(x))
    for dtype in ("int32", "float64"):
        expected = np.array([0, 1, 2, 3, 4], dtype)
        yield Case("iota", (), expected, {"size": 5, "dtype": dtype}, note=dtype)
    batch = numbers((6, 2))
    counted = np.array(6, "int64")
    yield Case("dim", (batch,), counted, build=lambda node: g.make("dim", size=node.shape[0] * 1))
    for shape in ((), (3,), (2, 5)):
        attrs = {"seed": 12345, "stream": 6, "serial": 0, "shape": shape, "axis": None}
        words = random_words(shape, seed=12345, stream=6, scan_step=9, call_step=0)
        step = np.array(9, "int32")
        yield Case("random", (step,), words, attrs, note=f"{len(shape)}-axes")
    for axis, whole, first in ((0, 7, 3), (1, 9, 2), (2, 11, 5)):
        shape = (2, 3, 5)
        attrs = {"seed": 12345, "stream": 6, "serial": 0, "shape": shape, "axis": axis}
        longer = tuple(whole if k == axis else size for k, size in enumerate(shape))
        words = random_words(longer, seed=12345, stream=6, scan_step=9, call_step=0)
        part = np.take(words, range(first, first + shape[axis]), axis)
        scalars = (np.array(9, "int32"), np.array(whole, "int64"), np.array(first, "int64"))
        yield Case("random", scalars, part, attrs, note=f"part-along-{axis}")


CASES = [
    *_reshapes(),
    *_transposes(),
    *_broadcasts(),
    *_slices(),
    *_pads(),
    *_concats(),
    *_flips(),
    *_leaves(),
]
