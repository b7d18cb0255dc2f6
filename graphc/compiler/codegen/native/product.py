"""Kernels of kind matmul: tiles of rows, each a product and, while it is cached, what follows.

A product that is divided over threads is one team's: it packs the right factor once, and each
thread has rows of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.expression import (
    ZERO,
    Expression,
    Number,
    Parameter,
    Variable,
    call,
    counting,
    grouped,
    minus,
    plus,
    rest_of_part,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.matmul import operand
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.emitter import NativeEmitter
from graphc.compiler.codegen.native.factor import Factor, Factors
from graphc.compiler.codegen.native.lanes import DEPTH
from graphc.compiler.codegen.native.nest import FIRST, PRODUCTS, Limits, Nest, parallel
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.native.scratch import (
    Elements,
    Slot,
    Tile,
    array,
    of_each,
    panels,
    take_block,
    take_gemm,
)
from graphc.compiler.codegen.product import Operand
from graphc.compiler.codegen.statement import Define, braces
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product, typical
from graphc.compiler.program.launch import Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

_TILE, _ROWS = Variable("tile"), Variable("rows")
"""The variables that hold the first row of a tile, and how many it has."""

TILE = 65536
"""Elements of a tile of the result, about: with what is computed from it, it stays in the cache."""
FEWEST_ROWS, MOST_ROWS = 48, 384
"""Rows of a tile, which are a multiple of the fewest."""


def lower_matmul(kernel: Kernel, context: NativeContext) -> list[Launch]:
    """One function, for products of one size and what is computed from them."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    context.program.includes["host_gemm.h"] = None
    lines = _Matmul(kernel, context, signature).lines()
    node = kernel.anchors[0]
    count = len(kernel.anchors)
    shape = " x ".join(map(str, node.shape))
    how = f"{count} product{'' if count == 1 else 's'} of {shape}; tiles of rows"
    return [context.function(name, kernel, signature, lines, how)]


class _Matmul:
    def __init__(self, kernel: Kernel, context: NativeContext, signature: NativeSignature):
        self._kernel = kernel
        self._context = context
        self._signature = signature
        node = kernel.anchors[0]
        left, right = node.inputs
        *batch, self._m, self._n = node.shape
        self._batch = tuple(batch)
        self._k = left.shape[-1] if not isinstance(left.shape[-1], Dim) else right.shape[-2]
        self._rows = rows_of_tile(self._m, self._n)

    def lines(self) -> list[str]:
        """The function's body."""
        size = self._signature.size
        anchors = self._kernel.anchors
        several = product(self._batch) != 1
        floats = anchors[0].dtype in ("float32", "float64") and self._k != 0
        by_loop = several or not floats
        work = (*self._batch, self._m, self._n, self._k)
        pragma = parallel(work, self._signature, by_loop, PRODUCTS)
        together = bool(pragma) and not by_loop
        straight = together and self._is_straight()
        tile = Tile(self._m, self._rows, divided=together)
        factors = Factors(self._signature, self._batch, self._m, self._n, self._k, tile=tile)
        rows = _Rows(self._signature, (self._m, self._n, self._k), tile)
        before: list[str] = []
        team: list[str] = []
        inside: list[str] = []
        for number, node in enumerate(anchors):
            left = factors.left(self._operand(node.inputs[0], k_last=True), number)
            right = factors.right(self._operand(node.inputs[1], k_last=False), number)
            before += [*left.ahead, *right.ahead]
            inside += left.inside
            scalar = C_TYPES[node.dtype]
            to = self._place(node) if straight else None
            if together:
                more, packs, product_of = rows.together(scalar, number, left, right, to)
            else:
                more, packs, product_of = [], [], rows.alone(scalar, number, left, right)
            before += more
            team += packs
            inside += product_of
        if together:
            mine = f"const gc_rows mine = gc_rows_of_thread({size(self._m)}, {self._rows});"
            if not straight:
                inside += self._epilogue()
            inside = ["const int first = tile;", *inside]
            tiles = _tiles(
                Parameter("mine.begin"), Parameter("mine.end"), Parameter("mine.height"), inside
            )
            team += ["#pragma omp barrier", mine, *tiles]
            return [*before, *pragma, "{", *(f"  {line}" for line in team), "}"]
        inside += self._epilogue()
        first = (
            plus(times(Variable("matrix"), size(self._m)), Variable("tile"))
            if several
            else Variable("tile")
        )
        inside = [f"const int first = {first};", *inside]
        tiles = _tiles(ZERO, size(self._m), Number(self._rows), inside)
        if not several:
            return [*before, *pragma, *tiles]
        body = [f"  {line}" for line in [*self._matrices(), *before, *tiles]]
        loop = f"for (int matrix = 0; matrix < {size(product(self._batch))}; ++matrix) {{"
        return [*pragma, loop, *body, "}"]

    def _is_straight(self) -> bool:
        """Return whether nothing follows the sums, each of which is stored in one place, and most
        calls have sums of one part."""
        anchors, sinks = self._kernel.anchors, self._context.sinks
        alone = set(self._kernel.outputs) == set(anchors)
        one = typical(self._k) <= DEPTH
        return alone and one and all(len(sinks[node]) == 1 for node in anchors)

    def _place(self, node: Node) -> Expression:
        """The address of a product that is stored as it is made."""
        (place,) = self._context.sinks[node]
        pointer = self._signature.store_pointer(place)
        return plus(pointer, self._signature.offset(place, node.shape))

    def _operand(self, node: Node, k_last: bool) -> Operand:
        return operand(node, self._kernel, self._context, k_last)

    def _matrices(self) -> list[str]:
        """The lines that work out the coordinates of a matrix, ``matrix0`` and on."""
        emitter = NativeEmitter(self._signature)
        coords = emitter.coordinates(Index(self._batch, linear=Variable("matrix")))
        for k, coord in enumerate(coords):
            emitter.add(Define("int", Variable(f"matrix{k}"), coord))
        return without_unused(emitter.statements).lines

    # ---- what follows ---------------------------------------------------------------------------

    def _epilogue(self) -> list[str]:
        """The outputs of a tile's elements."""
        node = self._kernel.anchors[0]
        begin = times(FIRST, self._signature.size(self._n))
        rows = product((*self._batch, self._m))
        given = partial(scratch_values, self._kernel.anchors, begin)
        limits = Limits.tile(rows)
        nest = Nest(self._signature, product(node.shape), given, limits, threads=False)
        body = partial(store_elements, self._kernel.outputs, self._context)
        return list(braces(nest.listing(body)).lines)


@dataclass(frozen=True)
class _Rows:
    """The text of products of m x n x k.

    Of each form: lines that are run once, those of a team ahead of its tiles, those of a tile.
    """

    function: NativeSignature
    sizes: tuple[Size, Size, Size]
    tile: Tile

    @property
    def m(self) -> Expression:
        return self.function.size(self.sizes[0])

    @property
    def n(self) -> Expression:
        return self.function.size(self.sizes[1])

    @property
    def k(self) -> Expression:
        return self.function.size(self.sizes[2])

    def alone(self, scalar: str, number: int, left: Factor, right: Factor) -> list[str]:
        """Tiles that each have panels of their own."""
        take_gemm(self.function, scalar, self.sizes[1])
        return [
            self._sums(scalar, number),
            f"gc_gemm<{scalar}>(rows, {self.n}, {self.k}, {left.at(_TILE)}, {right.at(0)}, "
            f"s{number}, {self.n});",
        ]

    def together(
        self, scalar: str, number: int, left: Factor, right: Factor, to: Expression | None
    ) -> tuple[list[str], list[str], list[str]]:
        """One packing for all tiles, where the right factor is packed. A tile's sums are stored
        where those of all tiles lie, from `to` on, or in an array of its own."""
        before, panels = self._panels(scalar, number)
        take_block(self.function, scalar)
        sizes = f"{self.n}, {self.k}"
        sums = [] if to is not None else [self._sums(scalar, number)]
        at = f"s{number}" if to is None else f"{to} + (size_t)tile * {grouped(self.n)}"
        return (
            before,
            [f"gc_gemm_right_of<{scalar}>({self.m}, {sizes}, {right.at(0)}, {panels});"],
            [
                *sums,
                f"gc_gemm_rows<{scalar}>({self.m}, rows, {sizes}, {left.at(_TILE)}, "
                f"{right.at(0)}, {panels}, {at}, {self.n});",
            ],
        )

    def _panels(self, scalar: str, number: int) -> tuple[list[str], str]:
        """The array of the right factor's panels, and its name."""
        name = f"panels{number}"
        _, n, k = self.sizes
        elements = Elements(
            call(f"gc_gemm_right_size<{scalar}>", self.n, self.k),
            lambda at: panels(at(n), scalar) * at(k),
        )
        return [array(self.function, scalar, name, Slot.PANELS, elements, number, 1)], name

    def _sums(self, scalar: str, number: int) -> str:
        elements = self._of_tile(of_each(_ROWS, self.n))
        return array(self.function, scalar, f"s{number}", Slot.SUMS, elements, number)

    def _of_tile(self, text: Expression) -> Elements:
        return self.tile.elements(self.sizes[1], text)


def _tiles(
    begin: Expression, end: Expression, height: Expression, inside: Sequence[str]
) -> list[str]:
    """A loop over tiles of rows."""
    rows = rest_of_part(end, _TILE, height)
    return [
        f"{counting(_TILE, end, begin, height)} {{",
        f"  const int rows = {rows};",
        *(f"  {line}" for line in inside),
        "}",
    ]


def scratch_values(
    nodes: Sequence[Node], begin: Expression, emitter: NativeEmitter
) -> Mapping[Node, Given]:
    """Nodes whose values lie in arrays ``s0``, ``s1`` and on, from the element `begin` on."""

    def value(number: int, index: Index) -> Expression:
        return subscript(f"s{number}", minus(emitter.position(index), begin))

    return {node: partial(value, number) for number, node in enumerate(nodes)}


def rows_of_tile(m: Size, n: Size) -> int:
    """How many rows a tile has, by the length of a row."""
    rows = max(FEWEST_ROWS, min(MOST_ROWS, TILE // max(1, typical(n)) // FEWEST_ROWS * FEWEST_ROWS))
    return rows if isinstance(m, Dim) else max(1, min(rows, m))
