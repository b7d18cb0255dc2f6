"""The factors of products: read where they lie, or computed into arrays first.

A factor that does not lie in memory as a matrix (a cast, a mask, a gather on the way) is computed:
the left one tile by tile, the right one once for each matrix. What is computed in another order
than it is read in, a transpose or a concatenation, is written as a whole, in the order of what it
is made of: walked in the order of the factor, each element would divide to find out where it is.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from graphc.compiler.codegen.expression import (
    ONE,
    Expression,
    Parameter,
    Term,
    Variable,
    cast,
    minus,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.native.concatenation import is_concatenation, store_parts
from graphc.compiler.codegen.native.context import NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.nest import FIRST, Limits, Nest
from graphc.compiler.codegen.native.scratch import Elements, Slot, Tile, array, of_each
from graphc.compiler.codegen.product import Direct, Operand, Pulled
from graphc.compiler.codegen.statement import Assign, Statement, braces
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Shape, Size, product
from graphc.compiler.targets.c_text import C_TYPES


@dataclass(frozen=True)
class Factor:
    """One factor of a product.

    Attributes:
        start: the address of its first element, of the tile if `tiled`.
        row, column: elements from one row to the next, and from one column to the next.
        tiled: whether it is computed for each tile.
        ahead: lines that are run once, or once for each matrix.
        inside: lines that are run for each tile.
    """

    start: Expression
    row: Expression
    column: Expression
    ahead: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    tiled: bool = False

    def at(self, first: Term) -> str:
        """The arguments of a product whose rows begin with the row `first`."""
        start = self.start if self.tiled else plus(self.start, times(first, self.row))
        return f"{start}, {self.row}, {self.column}"


class Factors:
    """Those of the products of one kernel, which have one size.

    Args:
        signature: of the function.
        batch, m, n, k: extents of the products.
        tile: of rows, where one may be computed tile by tile.
    """

    def __init__(
        self,
        signature: NativeSignature,
        batch: Shape,
        m: Size,
        n: Size,
        k: Size,
        tile: Tile | None = None,
    ):
        self._signature = signature
        self._tile_of_rows = tile
        self._batch, self._m, self._n, self._k = batch, m, n, k
        self._several = product(batch) != 1
        self._known: dict[tuple[Node, Slot], Factor] = {}

    def left(self, left: Operand, number: int) -> Factor:
        """The left factor of the product `number`; what equals one before it is computed once."""
        size = self._signature.size
        if isinstance(left, Direct):
            row, step = (size(left.row), ONE) if left.fast == "k" else (ONE, size(left.row))
            return Factor(self._start(left), row, step)
        return self._once(left, Slot.LEFT, number) or self._tile(left, number)

    def right(self, right: Operand, number: int) -> Factor:
        """The right factor of the product `number`."""
        size = self._signature.size
        if isinstance(right, Direct):
            step, column = (ONE, size(right.row)) if right.fast == "k" else (size(right.row), ONE)
            return Factor(self._start(right), step, column)
        return self._once(right, Slot.RIGHT, number) or self._matrix(right, number)

    def _once(self, factor: Pulled, slot: Slot, number: int) -> Factor | None:
        """A factor that is known, or that is written as a whole."""
        known = self._known.get((factor.node, slot))
        if known is not None:
            return replace(known, ahead=[], inside=[])
        if self._several:
            return None
        turned = is_turned(factor.node)
        source = factor.node.inputs[0] if turned else factor.node
        whole = turned or is_concatenation(source)
        if not whole and slot == Slot.LEFT:
            return None
        size, width = self._signature.size, source.shape[-1]
        name = f"{'l' if slot == Slot.LEFT else 'r'}{number}"
        lines = self._array(name, factor.node, slot, number, product(source.shape), threads=1)

        def store(_: NativeEmitter, place: Expression, value: Expression) -> list[Statement]:
            return [Assign(subscript(name, place), value)]

        lines += store_parts(source, self._signature, store)
        row, column = (ONE, size(width)) if turned else (size(width), ONE)
        return self._keep(factor, slot, Factor(Parameter(name), row, column, lines))

    def _tile(self, left: Pulled, number: int) -> Factor:
        """A left factor, a tile of rows at a time."""
        k, name = self._signature.size(self._k), f"l{number}"
        rows = product((*self._batch, self._m))
        limits = Limits.tile(rows)
        shape = (*self._batch, self._m, self._k)
        lines = self._array(name, left.node, Slot.LEFT, number, self._k, tiled=True)
        lines += self._computed(left, name, shape, limits)
        return self._keep(left, Slot.LEFT, Factor(Parameter(name), k, ONE, [], lines, tiled=True))

    def _matrix(self, right: Pulled, number: int) -> Factor:
        """A right factor of one of several products."""
        name = f"r{number}"
        shape = (*self._batch, self._k, self._n)
        lines = self._array(
            name,
            right.node,
            Slot.RIGHT,
            number,
            product((self._k, self._n)),
            threads=None if self._several else 1,
        )
        limits = Limits.row(product(self._batch), "matrix")
        lines += self._computed(right, name, shape, limits)
        row = self._signature.size(self._n)
        return self._keep(right, Slot.RIGHT, Factor(Parameter(name), row, ONE, lines))

    def _keep(self, factor: Pulled, slot: Slot, found: Factor) -> Factor:
        self._known[factor.node, slot] = found
        return found

    def _array(
        self,
        name: str,
        node: Node,
        slot: Slot,
        number: int,
        count: Size,
        threads: int | None = None,
        tiled: bool = False,
    ) -> list[str]:
        """The line that takes an array of so many elements; of as many for each row of a tile, if
        `tiled`."""
        each = self._signature.size(count)
        elements = Elements.known(count, cast("size_t", each))
        if tiled:
            assert self._tile_of_rows is not None
            elements = self._tile_of_rows.elements(count, of_each(Variable("rows"), each))
        scalar = C_TYPES[node.dtype]
        return [array(self._signature, scalar, name, slot, elements, number, threads)]

    def _computed(
        self, operand: Pulled, target: str, shape: tuple[Size, ...], limits: Limits
    ) -> list[str]:
        """Loops that compute elements of an operand into an array that begins with the first."""
        node = operand.node
        # Of the left operand's elements those of a tile, of the right one's those of a matrix.
        inner = shape[-1:] if limits.begin == FIRST else shape[-2:]
        begin = times(limits.begin, self._signature.size(product(inner)))

        def body(emitter: NativeEmitter, position: Expression) -> list[Statement]:
            value = emitter.value(node, Index(node.shape, linear=position))
            return [Assign(subscript(target, minus(position, begin)), value)]

        nest = Nest(self._signature, product(shape), limits=limits, threads=False)
        return list(braces(nest.listing(body)).lines)

    def _start(self, direct: Direct) -> Expression:
        """The address of a factor's first element."""
        size = self._signature.size
        place = self._signature.places[direct.node]
        offset = plus(self._signature.offset(place, direct.node.shape), size(direct.offset))
        for counter, elements in direct.steps:
            number = self._signature.loop_step(self._signature.counters[counter])
            offset = plus(offset, times(number, size(elements)))
        for axis, elements in enumerate(direct.batch_strides):
            if elements != 0 and self._several:
                offset = plus(offset, times(Variable(f"matrix{axis}"), size(elements)))
        pointer = self._signature.load_pointer(place)
        return plus(pointer, offset)


def is_turned(node: Node) -> bool:
    """Whether a node swaps the last two axes of another one."""
    if node.op != "transpose":
        return False
    *ahead, last = range(len(node.shape))
    return tuple(node.attrs["order"]) == (*ahead[:-1], last, *ahead[-1:])
