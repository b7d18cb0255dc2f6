"""Rows of the op table as parts of programs, with what stands in front of an op and behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import Node
from tests.compiler.graph.op_cases.case import Case

# Attributes that hold sizes, and so may hold symbols.
_SIZED = ("shape", "size", "stop")


@dataclass(frozen=True)
class Part:
    """A row of the op table as a part of a program.

    Attributes:
        case: the row.
        outputs: the op's value, then values computed from it.
        feeds: an array for each input that they read.
    """

    case: Case
    outputs: list[Node]
    feeds: dict[Node, np.ndarray]

    def faults(
        self, results: Sequence[np.ndarray], expected: Sequence[np.ndarray]
    ) -> Iterator[str]:
        """Yield what is wrong with the device's results.

        Args:
            results: of the outputs.
            expected: what the interpreter gives.
        """
        if not self._right(results[0], self.case.expected):
            yield f"{self.case}: expected {self.case.expected!r}, received {results[0]!r}"
        for k, (one, another) in enumerate(zip(results, expected, strict=True)):
            if not self._right(one, another):
                yield f"{self.case}: interpreter's output {k}: {another!r}, received {one!r}"

    def _right(self, result: np.ndarray, expected: np.ndarray) -> bool:
        if (result.dtype, result.shape) != (expected.dtype, expected.shape):
            return False
        if not self.case.rounding:
            return np.array_equal(result, expected, equal_nan=expected.dtype.kind == "f")
        # A sum of n terms rounds n times at most, each time relative to the terms' magnitudes.
        magnitudes = [np.abs(x[np.isfinite(x)]).max(initial=0) for x in self.case.arrays]
        if self.case.op in ("conv", "matmul"):
            magnitudes = [np.prod(magnitudes)]
        terms = _TERMS if self.case.op in _SUMS else 0
        atol = terms * np.finfo(expected.dtype).eps * max(magnitudes, default=0)
        return np.allclose(
            result, expected, rtol=self.case.rounding, atol=float(atol), equal_nan=True
        )


_SUMS = ("sum", "conv", "matmul", "scatter_add", "max_unpool", "sum_pool", "sum_unpool", "scan")
_TERMS = 36  # of the longest sum of the table


@dataclass
class Inputs:
    """Makes the inputs of one program, whose sizes are known or symbols."""

    symbolic: bool = False
    feeds: dict[Node, np.ndarray] = field(default_factory=dict)
    symbols: dict[int, g.Dim] = field(default_factory=dict)

    def fed(self, array: np.ndarray) -> Node:
        """An input that is fed this array; an array without elements can only be a constant."""
        if not array.size:
            return g.constant(array)
        node = g.input(self.sizes(array.shape) if self.symbolic else array.shape, array.dtype.name)
        self.feeds[node] = array
        return node

    def sizes(self, value: Any) -> Any:
        """An attribute with a symbol in the place of each size."""
        if isinstance(value, tuple):
            return tuple(self.sizes(part) for part in value)
        if isinstance(value, bool) or not isinstance(value, int):
            return value
        return self.symbols.get(value, value)


@dataclass
class OpenInputs:
    """Makes the inputs of one program, no two sizes of which are written alike, whatever they are.

    `derived` says that sizes are halves of symbols, which no equation settles.
    """

    derived: bool = False
    feeds: dict[Node, np.ndarray] = field(default_factory=dict)

    def fed(self, array: np.ndarray) -> Node:
        """A node that has this value; an array without elements can only be a constant."""
        if not array.size:
            return g.constant(array)
        if self.derived:  # of twice as many elements along each axis
            for axis in range(array.ndim):
                array = np.repeat(array, 2, axis)
        node = g.input((None,) * array.ndim, array.dtype.name)
        self.feeds[node] = array
        return node[(slice(None, None, 2),) * array.ndim] if self.derived and array.ndim else node

    def sizes(self, value: Any) -> Any:
        """An attribute with sizes of inputs in the place of each of its own but 0."""
        if isinstance(value, tuple):
            return tuple(self.sizes(part) for part in value)
        return self.fed(np.zeros(value, "bool")).shape[0] if value else value


Arrangement = Callable[[Case, int], Part]
"""Of a row and its number."""


def _part(case: Case, inputs: Inputs, outputs: list[Node]) -> Part:
    return Part(case, outputs, inputs.feeds)


def plain(case: Case, number: int) -> Part:
    """The op alone, of inputs of known sizes."""
    inputs = Inputs()
    return _part(case, inputs, [case.node(*map(inputs.fed, case.arrays))])


def symbolic(case: Case, number: int) -> Part:
    """The op alone; each size of its inputs is a symbol, wherever it stands."""
    inputs = Inputs(symbolic=True)
    sizes = sorted({size for array in case.arrays for size in array.shape})
    inputs.symbols = {size: g.symbol(f"n{size}") for size in sizes}
    attrs = {
        name: inputs.sizes(value) if name in _SIZED else value for name, value in case.attrs.items()
    }
    return _part(case, inputs, [case.node(*map(inputs.fed, case.arrays), attrs=attrs)])


def _open(case: Case, inputs: OpenInputs) -> Part:
    attrs = {
        name: inputs.sizes(value) if name in _SIZED else value for name, value in case.attrs.items()
    }
    node = case.node(*map(inputs.fed, case.arrays), attrs=attrs)
    return Part(case, [node, larger(node, inputs.fed(case.expected))], inputs.feeds)


def separate(case: Case, number: int) -> Part:
    """The op alone, and beside an input; each size of the inputs is a symbol of its own."""
    return _open(case, OpenInputs())


def derived(case: Case, number: int) -> Part:
    """As `apart`, where each size is half of a symbol of its own."""
    return _open(case, OpenInputs(derived=True))


def fused(case: Case, number: int) -> Part:
    """The op between pointwise neighbours that read too much to be computed twice."""
    inputs = Inputs()

    def before(array: np.ndarray) -> Node:
        # The larger of two equal numbers: NaN, infinities and signs stay.
        return larger(inputs.fed(array), inputs.fed(array))

    node = case.node(*map(before, case.arrays))
    beside = inputs.fed(np.full(case.expected.shape, 1).astype(case.expected.dtype))
    return _part(case, inputs, [node, larger(node, beside)])


def larger(x: Node, y: Node) -> Node:
    """The larger of each two elements; of bools, whether either holds."""
    return g.make("logical_or" if x.dtype == "bool" else "maximum", x, y)


def moved(case: Case, number: int) -> Part:
    """The op between index maps: each input comes through one, its value goes through several."""
    inputs = Inputs()
    operands = [
        _IN[k % len(_IN)](inputs, array) if array.size else inputs.fed(array)
        for k, array in enumerate(case.arrays, start=number)
    ]
    node = case.node(*operands)
    return _part(case, inputs, [node, *_out(node)])


# ---- index maps in front of an op, each of which gives the array again --------------------------


def _transposed(inputs: Inputs, array: np.ndarray) -> Node:
    return g.transpose(inputs.fed(array.T.copy()))


def _flipped(inputs: Inputs, array: np.ndarray) -> Node:
    axes = tuple(range(array.ndim))
    node = inputs.fed(np.flip(array).copy())
    return g.make("flip", node, axes=axes) if axes else node


def _sliced(inputs: Inputs, array: np.ndarray) -> Node:
    """Every second element of a larger array."""
    if not array.ndim:
        return inputs.fed(np.stack([array, array]))[1]
    larger = np.repeat(array, 2, axis=-1)
    larger = np.concatenate([larger[:1], larger])
    return inputs.fed(larger)[1:, ..., ::2] if array.ndim > 1 else inputs.fed(larger)[1::2]


def _concatenated(inputs: Inputs, array: np.ndarray) -> Node:
    """The first row beside the others."""
    if not array.ndim or len(array) == 1:
        return inputs.fed(array)
    return g.concat([inputs.fed(array[:1].copy()), inputs.fed(array[1:].copy())], 0)


def _padded(inputs: Inputs, array: np.ndarray) -> Node:
    """Padded with zeros, which are cut off again."""
    node = inputs.fed(array)
    if not array.ndim:
        return node
    node = g.pad(node, [(2, 1)] * array.ndim)
    return node[tuple(slice(2, -1) for _ in array.shape)]


def _broadcast(inputs: Inputs, array: np.ndarray) -> Node:
    """The second of three equal copies."""
    return g.broadcast_to(inputs.fed(array), (3, *array.shape))[1]


def _reshaped(inputs: Inputs, array: np.ndarray) -> Node:
    return g.reshape(inputs.fed(array.reshape(-1)), array.shape)


_IN = (_transposed, _flipped, _sliced, _concatenated, _padded, _broadcast, _reshaped)


def _out(node: Node) -> Iterator[Node]:
    """Values whose elements are the node's at other places."""
    if not node.shape:
        yield g.broadcast_to(node, (2, 3))
        return
    yield g.transpose(g.concat([g.make("flip", node, axes=(0,)), node[:1]], 0))
    yield g.pad(g.reshape(node, (-1,)), [(1, 2)], 1)[2:]


ARRANGEMENTS: Mapping[str, Arrangement] = {
    "plain": plain,
    "symbolic": symbolic,
    "fused": fused,
    "moved": moved,
}

OPEN: Mapping[str, Arrangement] = {"separate": separate, "derived": derived}
"""Those in which sizes are equal only at the call."""
