"""Products in a loop whose threads own rows: few rows, by right factors that are the same at each
step and lie in memory as panels. The left factor is read where it lies.

A block of rows is multiplied, then what follows is computed from its sums while they are cached.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from graphc.compiler.codegen.c_text import C_TYPES, plus, times
from graphc.compiler.codegen.context import buffer_name, workspace
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.matmul import operand
from graphc.compiler.codegen.native.context import Matrix, NativeContext, NativeSignature
from graphc.compiler.codegen.native.nest import Limits, NativeEmitter, Nest
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.product import Direct, Operand
from graphc.compiler.codegen.signature import Place
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.schedule.persistent import elements_of

_SUMS = 16384
"""Elements of the sums of a block of rows, about."""
_FEWEST_ROWS, _MOST_ROWS = 8, 64

_VECTOR_BYTES = 64
"""What rows of panels and sums are a multiple of; that of every ``GC_VECTOR_BYTES``."""


def lower_rows_product(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: products of the thread's rows and what is computed from them."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    lines = _RowsProduct(kernel, context, signature).lines()
    count, (_, n) = len(kernel.anchors), kernel.anchors[0].shape
    rights = [node.inputs[1].shape for node in kernel.anchors]
    how = f"{count} product{'' if count == 1 else 's'} of own rows x {rights[0][0]} x {n}"
    return [context.function(name, kernel, signature, lines, how)]


class _RowsProduct:
    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        assert context.share is not None
        self._kernel = kernel
        self._context = context
        self._signature = signature
        self._share = context.share
        self._widths = [padded(node) for node in kernel.anchors]
        rows = _SUMS // sum(self._widths) // _FEWEST_ROWS * _FEWEST_ROWS
        self._rows = max(_FEWEST_ROWS, min(_MOST_ROWS, rows))

    def lines(self) -> list[str]:
        """The function's body."""
        begin, end = self._signature.limit(end=False), self._signature.limit(end=True)
        anchors, widths = self._kernel.anchors, self._widths
        scalar = C_TYPES[anchors[0].dtype]
        inside: list[str] = []
        lefts: dict[Node, tuple[str, str]] = {}
        starts = [sum(widths[:number]) * self._rows for number in range(len(anchors))]
        for number, (node, width) in enumerate(zip(anchors, widths, strict=True)):
            left, _ = node.inputs
            if left not in lefts:
                lefts[left], more = self._left(left, number)
                inside += more
            a, row = lefts[left]
            matrix, panels = self._matrix(node)
            inside.append(f"{scalar}* s{number} = {plus('sums', str(starts[number]))};")
            inside.append(
                f"gc_rows_product<{scalar}>(rows, {width}, {matrix.k}, {a}, {row}, {panels}, "
                f"s{number});"
            )
        whole = sum(widths) * self._rows
        return [
            f"{scalar}* sums = gc_scratch<{scalar}>(0, {whole});",
            f"for (int first = {begin}; first < {end}; first += {self._rows}) {{",
            f"  const int rows = {end} - first < {self._rows} ? {end} - first : {self._rows};",
            *(f"  {line}" for line in [*inside, *self._epilogue()]),
            "}",
        ]

    # ---- the factors ----------------------------------------------------------------------------

    def _left(self, left: Node, number: int) -> tuple[tuple[str, str], list[str]]:
        """Where the rows of a left factor begin and how far they are apart, and the lines that
        compute them where they are not in memory."""
        found = operand(left, self._kernel, self._context, k_last=True)
        size = self._signature.size
        if isinstance(found, Direct) and found.fast == "k":
            row = size(found.row)
            return (plus(address_of(found, self._signature), times("first", row)), row), []
        _, k = left.shape
        scalar, name = C_TYPES[left.dtype], f"l{number}"

        def element(emitter: NativeEmitter, position: str) -> list[str]:
            index = Index(left.shape, linear=position)
            value = emitter.value(left, index)
            row, column = emitter.coordinates(index)
            return [f"{name}[({row} - first) * {k} + {column}] = {value};"]

        limits = Limits(self._share.rows, "first", "first + rows")
        nest = Nest(self._signature, product(left.shape), limits=limits, threads=False)
        lines = [
            f"{scalar}* {name} = gc_scratch<{scalar}>({4 + number}, {self._rows} * {k});",
            "{",
            *(f"  {line}" for line in nest.lines(element)),
            "}",
        ]
        return (name, str(k)), lines

    def _matrix(self, node: Node) -> tuple[Matrix, str]:
        """The right factor of a product, and the name of the pointer to its panels."""
        right = node.inputs[1]
        known = self._share.matrices
        if right not in known:
            k, n = map(elements_of, ((size,) for size in right.shape))
            place = self._panels(right, padded(node))
            found: Operand = operand(right, self._kernel, self._context, k_last=False)
            known[right] = Matrix(found, k, n, place)
        return known[right], self._signature.load_pointer(known[right].place)

    def _panels(self, right: Node, width: int) -> Place:
        return workspace(f"{buffer_name(right)} as panels", (right.shape[0], width), right.dtype)

    # ---- what follows ---------------------------------------------------------------------------

    def _epilogue(self) -> list[str]:
        """The outputs of a block's elements."""
        node = self._kernel.anchors[0]
        given = partial(sums_of_rows, self._kernel.anchors, self._widths)
        limits = Limits(self._share.rows, "first", "first + rows")
        nest = Nest(self._signature, product(node.shape), given, limits, threads=False)

        def body(emitter: NativeEmitter, position: str) -> list[str]:
            return store_elements(self._kernel.outputs, self._context, emitter, position)

        return ["{", *(f"  {line}" for line in nest.lines(body)), "}"]


def address_of(direct: Direct, signature: NativeSignature) -> str:
    """The address of a factor's first element."""
    place = signature.places[direct.node]
    offset = plus(signature.offset(place, direct.node.shape), signature.size(direct.offset))
    for counter, elements in direct.steps:
        number = signature.loop_step(signature.counters[counter])
        offset = plus(offset, times(number, signature.size(elements)))
    pointer = signature.load_pointer(place)
    return pointer if offset == "0" else f"{pointer} + {offset}"


def sums_of_rows(
    nodes: Sequence[Node], widths: Sequence[int], emitter: NativeEmitter
) -> Mapping[Node, Given]:
    """Nodes whose values lie in arrays ``s0``, ``s1`` and on, whose rows begin with `first`."""

    def value(number: int, index: Index) -> str:
        row, column = emitter.coordinates(index)
        return f"s{number}[({row} - first) * {widths[number]} + {column}]"

    return {node: partial(value, number) for number, node in enumerate(nodes)}


def padded(node: Node) -> int:
    """The elements of a row of a product's sums and of its panels: whole vectors."""
    lanes = _VECTOR_BYTES // np.dtype(node.dtype).itemsize
    n = node.shape[-1]
    assert isinstance(n, int)
    return -(-n // lanes) * lanes
