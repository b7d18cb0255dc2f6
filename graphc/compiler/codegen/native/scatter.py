"""Kernels of kind scatter: scatter_add, the gradient of a gather, and what is computed from it.

The sums are made in the order of the indices. Where whole rows of a table are named, as by an
embedding, they are summed in an array with one row for each row that is named: a thread sums a
row, whatever names it. Then each row of the results is computed once, from its sums or from zeros.

An update that leaves a row as it is where its gradient is zero, such as w - lr * g, is computed for
the rows that are named alone. What moves every row (a momentum, Adam's means) walks them all, and
the kernel's note says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from graphc.compiler.codegen.emit_movement import checked_index
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.expression import (
    Expression,
    Parameter,
    Variable,
    call,
    expression,
    grouped,
    minus,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import Limits, Nest, parallel
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.scratch import Elements, Slot, array, of_each, take_named_rows
from graphc.compiler.codegen.native.still import Still, still_outputs
from graphc.compiler.codegen.statement import Assign, Statement, braces
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import product
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES


def lower_scatter(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function: the sums, then what is computed from them."""
    (node,) = kernel.anchors
    indices, updates = node.inputs
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["scratch.h"] = None
    rows = node.attrs["axis"] == 0 and product(updates.shape[len(indices.shape) :]) not in (0, 1)
    notes: list[str] = []
    if rows and product(indices.shape) != 0:
        lines = _Rows(kernel, context, signature).lines(notes)
    else:
        lines = _elements(kernel, context, signature)
    how = f"{product(indices.shape)} indices, added in their order"
    return [context.function(name, kernel, signature, lines, how, notes)]


def _elements(kernel: Kernel, context: NativeContext, signature: NativeSignature) -> list[str]:
    """Zeros, then the updates in order, then what is computed from all sums."""
    (node,) = kernel.anchors
    indices, updates = node.inputs
    axis, rank = node.attrs["axis"], len(indices.shape)
    size, scalar = signature.size, C_TYPES[node.dtype]
    total = product(node.shape)

    def add(emitter: NativeEmitter, position: Expression) -> list[Statement]:
        coords = emitter.coordinates(Index(updates.shape, linear=position))
        place = Index(indices.shape, coords=coords[axis : axis + rank])
        row = checked_index(emitter, node, indices, place, node.attrs["size"])
        value = emitter.value(updates, Index(updates.shape, linear=position))
        target = Index(node.shape, coords=(*coords[:axis], row, *coords[axis + rank :]))
        total = subscript("s0", emitter.position(target))
        return [Assign(total, call("gc_add", total, value))]

    # Two updates of a vector may go to one place only where they are of one row.
    single = axis + rank < len(updates.shape)
    adding = Nest(signature, product(updates.shape), threads=False, vector=single).listing(add)
    given = partial(_sums, node)
    elements = Elements.known(total + 1, expression("(size_t)({})", plus(size(total), 1)))
    nest = Nest(signature, total, given)
    after = nest.listing(partial(store_elements, kernel.outputs, context))
    return [
        array(signature, scalar, "s0", Slot.SUMS, elements, threads=1),
        f"for (int i = 0; i < {size(total)}; ++i) s0[i] = 0;",
        *braces(adding).lines,
        *braces(after).lines,
    ]


def _sums(node: Node, emitter: NativeEmitter) -> Mapping[Node, Given]:
    """The node, whose values lie in the array ``s0``."""
    return {node: lambda index: subscript("s0", emitter.position(index))}


class _Rows:
    """The lines of a kernel whose indices name rows of a table."""

    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        self._kernel = kernel
        self._context = context
        self._signature = signature
        (self._node,) = kernel.anchors
        self._indices, self._updates = self._node.inputs
        self._places = product(self._indices.shape)
        self._rows, *row = self._node.shape
        self._width = product(row)
        context.program.includes["host_scatter.h"] = None

    def lines(self, notes: list[str]) -> list[str]:
        """The function's body; `notes` are added to."""
        scalar, size = C_TYPES[self._node.dtype], self._signature.size
        places, rows, width = size(self._places), size(self._rows), grouped(size(self._width))
        named = Elements.known(self._places, places)
        sums = Elements(
            of_each(plus(Parameter("named.count"), 1), size(self._width)),
            lambda at: (min(at(self._places), at(self._rows)) + 1) * at(self._width),
        )
        take_named_rows(self._signature, self._places, self._rows)
        still = still_outputs(self._kernel, self._context)
        lines = [
            array(self._signature, "int", "at", Slot.NAMED, named, threads=1),
            *braces(Nest(self._signature, self._places, threads=False).listing(self._named)).lines,
            f"const gc_named named = gc_named_rows(at, {places}, {rows});",
            array(self._signature, scalar, "sums", Slot.SUMS, sums, threads=1),
            f"{scalar}* none = sums + (size_t)named.count * {width};",
            f"for (int i = 0; i < {width}; ++i) none[i] = 0;",
            *parallel((self._places, self._width), self._signature),
            "for (int slot = 0; slot < named.count; ++slot) {",
            f"  {scalar}* sum = sums + (size_t)slot * {width};",
            f"  for (int i = 0; i < {width}; ++i) sum[i] = 0;",
            "  for (int place = named.head[slot]; place >= 0; place = named.next[place]) {",
            *(f"    {line}" for line in self._adding()),
            "  }",
            "}",
        ]
        if isinstance(still, Still):
            notes.append(f"rows that no index names are not touched: {still.why}")
            return [*lines, *_block(self._named_rows(still))]
        notes.append(f"every row is written: {still}")
        walk = [
            f"for (int row = 0; row < {rows}; ++row) {{",
            "  const int slot = named.slot[row];",
            f"  const {scalar}* sum = slot < 0 ? none : sums + (size_t)slot * {width};",
            *(f"  {line}" for line in self._row()),
            "}",
        ]
        return [*lines, *parallel((self._rows, self._width), self._signature), *walk]

    def _named_rows(self, still: Still) -> list[str]:
        """The loop over rows where others may stay: over all, if a factor is no finite number,
        which makes NaN of zeros."""
        scalar, size = C_TYPES[self._node.dtype], self._signature.size
        width = grouped(size(self._width))
        emitter = NativeEmitter(self._signature)
        factors = [emitter.value(node, Index((), coords=())) for node in still.factors]
        finite = [f"{factor} * 0 == 0" for factor in factors]
        work = (self._places, self._width)
        return [
            *without_unused((emitter.statements, factors))[0].lines,
            f"const bool all = !({' && '.join(finite)});" if finite else "const bool all = false;",
            f"const int moved = all ? {size(self._rows)} : named.count;",
            *parallel(work, self._signature),
            "for (int number = 0; number < moved; ++number) {",
            "  const int row = all ? number : named.row[number];",
            "  const int slot = named.slot[row];",
            f"  const {scalar}* sum = slot < 0 ? none : sums + (size_t)slot * {width};",
            *(f"  {line}" for line in self._row()),
            "}",
        ]

    def _named(self, emitter: NativeEmitter, position: Expression) -> list[Statement]:
        """The row that a place names."""
        place = Index(self._indices.shape, linear=position)
        row = checked_index(emitter, self._node, self._indices, place, self._node.attrs["size"])
        return [Assign(subscript("at", position), row)]

    def _adding(self) -> list[str]:
        """The loop that adds the updates of a place."""
        begin = times(Variable("place"), self._signature.size(self._width))

        def add(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            value = emitter.value(self._updates, Index(self._updates.shape, linear=position))
            total = subscript("sum", minus(position, begin))
            return [Assign(total, call("gc_add", total, value))]

        limits = Limits.row(self._places, "place")
        elements = product(self._updates.shape)
        return Nest(self._signature, elements, limits=limits, threads=False).listing(add).lines

    def _row(self) -> list[str]:
        """The loop over the results of a row."""
        begin = times(Variable("row"), self._signature.size(self._width))

        def given(emitter: NativeEmitter) -> Mapping[Node, Given]:
            def value(index: Index) -> Expression:
                return subscript("sum", minus(emitter.position(index), begin))

            return {self._node: value}

        limits = Limits.row(self._rows, "row")
        nest = Nest(self._signature, product(self._node.shape), given, limits, threads=False)
        return nest.listing(partial(store_elements, self._kernel.outputs, self._context)).lines


def _block(lines: list[str]) -> list[str]:
    return ["{", *(f"  {line}" for line in lines), "}"]
