"""Products of rows by small matrices, which lie in memory as panels; the rows are read where they
lie. A block of rows is multiplied, then what follows is computed from its sums while they are
cached.

They are products of a loop whose threads own rows: the matrices are the same at each step, and are
laid out ahead of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.context import buffer_name, workspace
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.expression import (
    ONE,
    Expression,
    Number,
    Parameter,
    Term,
    expression,
    minus,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.matmul import operand
from graphc.compiler.codegen.native.context import Matrix, NativeContext, NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.lanes import DEPTH, lanes_of
from graphc.compiler.codegen.native.nest import FIRST, Limits, Nest
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.scratch import Elements, Slot, array
from graphc.compiler.codegen.product import Direct
from graphc.compiler.codegen.statement import Assign, Statement, braces
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Size, product
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.schedule.persistent import elements_of
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import giving

_SUMS = 16384
"""Elements of the sums of a block of rows, about."""
_FEWEST_ROWS, _MOST_ROWS = 8, 64
"""Rows of a block, which are a multiple of the fewest."""


def lower_rows_product(kernel: Kernel, context: NativeContext) -> Launch:
    """One function of a divided loop: products of the thread's rows and what is computed from
    them."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    assert context.share is not None
    share = context.share

    def panels(node: Node) -> Expression:
        right = node.inputs[1]
        if right not in share.matrices:
            k, n = map(elements_of, ((size,) for size in right.shape))
            what = f"{buffer_name(right)} as panels"
            place = workspace(what, (k, padded(node)), right.dtype)
            found = operand(right, kernel, context, k_last=False)
            share.matrices[right] = Matrix(found, k, n, place)
        return signature.load_pointer(share.matrices[right].place)

    limits = Limits(share.rows, signature.limit(end=False), signature.limit(end=True))
    lines = _RowsProduct(kernel, context, signature, limits, panels).lines()
    return context.function(name, kernel, signature, lines, _how(kernel))


def _how(kernel: Kernel) -> str:
    count, (_, n) = len(kernel.anchors), kernel.anchors[0].shape
    k = kernel.anchors[0].inputs[1].shape[0]
    return f"{count} product{'' if count == 1 else 's'} of own rows x {k} x {n}, by panels"


def laid_out(
    factor: Direct, k: Size, n: Size, scalar: str, to: Expression, signature: NativeSignature
) -> str:
    """The line that lays out a right factor."""
    start, row = address_of(factor, signature), signature.size(factor.row)
    step, column = (ONE, row) if factor.fast == "k" else (row, ONE)
    return f"gc_rows_panels<{scalar}>({k}, {n}, {start}, {step}, {column}, {to});"


class _RowsProduct:
    """The loop over the rows of a thread.

    Args:
        limits: which rows they are.
        panels: gives the name of the pointer to the panels of a product's right factor.
    """

    def __init__(
        self,
        kernel: Kernel,
        context: NativeContext,
        signature: NativeSignature,
        limits: Limits,
        panels: Callable[[Node], Expression],
    ):
        self._kernel = kernel
        self._context = context
        self._signature = signature
        self._limits = limits
        self._panels = panels
        self._widths = [_apart(node) for node in kernel.anchors]
        rows = _SUMS // sum(self._widths) // _FEWEST_ROWS * _FEWEST_ROWS
        self._rows = max(_FEWEST_ROWS, min(_MOST_ROWS, rows))

    def lines(self) -> list[str]:
        """The function's body."""
        begin, end = self._limits.begin, self._limits.end
        anchors, widths = self._kernel.anchors, self._widths
        scalar = C_TYPES[anchors[0].dtype]
        inside: list[str] = []
        lefts: dict[Node, tuple[Expression, Expression]] = {}
        starts = [sum(widths[:number]) * self._rows for number in range(len(anchors))]
        for number, (node, width) in enumerate(zip(anchors, widths, strict=True)):
            left, right = node.inputs
            if left not in lefts:
                lefts[left], more = self._left(left, number)
                inside += more
            a, row = lefts[left]
            sums = f"s{number}"
            start = f"{scalar}* {sums} = {plus(Parameter('sums'), starts[number])};"
            called = (
                f"gc_rows_product<{_columns(node)}>(rows, {right.shape[0]}, {a}, {row}, "
                f"{self._panels(node)}, {sums}, {width});"
            )
            inside += [giving(start, sums), giving(called, sums)]
        whole = sum(widths) * self._rows + lanes_of(anchors[0].dtype)
        return [
            array(self._signature, scalar, "sums", Slot.SUMS, Elements.known(whole, Number(whole))),
            f"for (int first = {begin}; first < {end}; first += {self._rows}) {{",
            f"  const int rows = {end} - first < {self._rows} ? {end} - first : {self._rows};",
            *(f"  {line}" for line in [*inside, *self._epilogue()]),
            "}",
        ]

    # ---- the factors ----------------------------------------------------------------------------

    def _left(self, left: Node, number: int) -> tuple[tuple[Expression, Expression], list[str]]:
        """Where the rows of a left factor begin and how far they are apart, and the lines that
        compute them where they are not in memory."""
        found = operand(left, self._kernel, self._context, k_last=True)
        size = self._signature.size
        if isinstance(found, Direct) and found.fast == "k":
            row = size(found.row)
            return (plus(address_of(found, self._signature), times(FIRST, row)), row), []
        _, k = left.shape
        scalar, name = C_TYPES[left.dtype], f"l{number}"

        def element(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            index = Index(left.shape, linear=position)
            value = emitter.value(left, index)
            row, column = emitter.coordinates(index)
            return [Assign(subscript(name, _among_rows(row, column, size(k))), value)]

        elements = Elements.known(self._rows * k, expression("{} * {}", self._rows, size(k)))
        limits = Limits.tile(self._limits.size)
        nest = Nest(self._signature, product(left.shape), limits=limits, threads=False)
        lines = [
            array(self._signature, scalar, name, Slot.LEFT, elements, number),
            *braces(nest.listing(element)).lines,
        ]
        return (Parameter(name), size(k)), lines

    # ---- what follows ---------------------------------------------------------------------------

    def _epilogue(self) -> list[str]:
        """The outputs of a block's elements."""
        node = self._kernel.anchors[0]
        given = partial(sums_of_rows, self._kernel.anchors, self._widths)
        limits = Limits.tile(self._limits.size)
        nest = Nest(self._signature, product(node.shape), given, limits, threads=False)
        body = partial(store_elements, self._kernel.outputs, self._context)
        return list(braces(nest.listing(body)).lines)


def address_of(direct: Direct, signature: NativeSignature) -> Expression:
    """The address of a factor's first element."""
    place = signature.places[direct.node]
    offset = plus(signature.offset(place, direct.node.shape), signature.size(direct.offset))
    for counter, elements in direct.steps:
        number = signature.loop_step(signature.counters[counter])
        offset = plus(offset, times(number, signature.size(elements)))
    pointer = signature.load_pointer(place)
    return plus(pointer, offset)


def sums_of_rows(
    nodes: Sequence[Node], widths: Sequence[int], emitter: NativeEmitter
) -> Mapping[Node, Given]:
    """Nodes whose values lie in arrays ``s0``, ``s1`` and on, whose rows begin with `first`."""

    def value(number: int, index: Index) -> Expression:
        if nodes[number].shape[-1] == widths[number]:
            begin = times(FIRST, widths[number])
            return subscript(f"s{number}", minus(emitter.position(index), begin))
        row, column = emitter.coordinates(index)
        return subscript(f"s{number}", _among_rows(row, column, widths[number]))

    for number, node in enumerate(nodes):
        emitter.signature.holds(f"s{number}", node)
    return {node: partial(value, number) for number, node in enumerate(nodes)}


def _among_rows(row: Expression, column: Expression, width: Term) -> Expression:
    """Where an element lies in an array whose rows begin with `first`."""
    return expression("({} - {}) * {} + {}", row, FIRST, width, column)


def padded(node: Node) -> int:
    """The elements of a row of a product's panels: whole halves of vectors."""
    part = lanes_of(node.dtype) // 2
    return -(-_columns(node) // part) * part


def _columns(node: Node) -> int:
    n = node.shape[-1]
    assert isinstance(n, int)
    return n


def _apart(node: Node) -> int:
    """How far the rows of a product's sums lie apart: side by side, where nothing is added to them
    again; it would be added to what lies beyond the end of a row, too."""
    k = node.inputs[1].shape[0]
    return _columns(node) if isinstance(k, int) and k <= DEPTH else padded(node)
