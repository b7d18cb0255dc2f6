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
    cast,
    counting,
    expression,
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
    part_count,
    rows_at_once,
    scratch,
    take_block,
    take_gemm,
    take_parts,
)
from graphc.compiler.codegen.product import Operand
from graphc.compiler.codegen.reduction import typical
from graphc.compiler.codegen.statement import Define, braces
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.program.launch import CallSizes, Launch
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES

_TILE, _ROWS = Variable("tile"), Variable("rows")
"""The variables that hold the first row of a tile, and how many it has."""
_TOP, _AT_ONCE = Variable("top"), Variable("at_once")
"""The variables that hold the first of the rows that are multiplied at once, and how many there
are."""

TILE = 65536
"""Elements of a tile of the result, about: with what is computed from it, it stays in the cache."""
FEWEST_ROWS, MOST_ROWS = 48, 384
"""Rows of a tile, which are a multiple of the fewest."""

# Products whose rows are too few for threads to divide: few results, each a long sum; or few rows
# of many columns. Threads divide the parts of k then, and blocks of large ones.
_FEW_SUMS, _LONG_SUM = 32768, 1024
_FEW_ROWS, _MANY_COLUMNS = 128, 4096


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
        apart = together and self._is_apart()
        straight = together and self._is_straight(apart)
        tile = Tile(self._m, self._rows, divided=together)
        factors = Factors(self._signature, self._batch, self._m, self._n, self._k, apart, tile)
        rows = _Rows(self._signature, (self._m, self._n, self._k), tile, self._is_long())
        before = rows.heads(straight) if apart else []
        team: list[str] = []
        inside: list[str] = []
        if apart:
            self._context.program.includes["host_parts.h"] = None
        for number, node in enumerate(anchors):
            left = factors.left(self._operand(node.inputs[0], k_last=True), number)
            right = factors.right(self._operand(node.inputs[1], k_last=False), number)
            before += [*left.ahead, *right.ahead]
            inside += left.inside
            scalar = C_TYPES[node.dtype]
            to = self._place(node) if straight else None
            if apart and to is not None:
                more, packs, product_of = rows.straight(scalar, to, left, right)
            elif apart:
                more, packs, product_of = rows.apart(scalar, number, left, right)
            elif together:
                more, packs, product_of = rows.together(scalar, number, left, right, to)
            else:
                more, packs, product_of = [], [], rows.alone(scalar, number, left, right)
            before += more
            team += packs
            inside += product_of
        if straight and apart:
            return [*before, *pragma, "{", *(f"  {line}" for line in team), "}"]
        if together:
            count = "high" if apart else size(self._m)
            mine = f"const gc_rows mine = gc_rows_of_thread({count}, {self._rows});"
            if not straight:
                inside += self._epilogue()
            inside = [f"const int first = {'top + tile' if apart else 'tile'};", *inside]
            tiles = _tiles(
                Parameter("mine.begin"), Parameter("mine.end"), Parameter("mine.height"), inside
            )
            team += ["#pragma omp barrier", mine, *tiles]
            if apart:
                team = rows.at_once(team)
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

    def _is_apart(self) -> bool:
        """Whether there are few rows for threads to divide: of long sums, or of many columns."""
        m, n = map(typical, (self._m, self._n))
        return self._is_long() or (m <= _FEW_ROWS and n >= _MANY_COLUMNS)

    def _is_long(self) -> bool:
        """Whether results are few, each a long sum."""
        m, n, k = map(typical, (self._m, self._n, self._k))
        return m * n <= _FEW_SUMS and k >= _LONG_SUM

    def _is_straight(self, apart: bool) -> bool:
        """Return whether nothing follows the sums, each of which is stored in one place, and most
        calls have sums of one part; of those that lie `apart`, all calls."""
        anchors, sinks = self._kernel.anchors, self._context.sinks
        alone = set(self._kernel.outputs) == set(anchors)
        if apart:
            one = isinstance(self._k, int) and self._k <= DEPTH
        else:
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
    long: bool

    @property
    def m(self) -> Expression:
        return self.function.size(self.sizes[0])

    @property
    def n(self) -> Expression:
        return self.function.size(self.sizes[1])

    @property
    def k(self) -> Expression:
        return self.function.size(self.sizes[2])

    def heads(self, straight: bool) -> list[str]:
        """Lines that work out how many of k a part has, which is all of it where sums are not
        long, and how many rows are multiplied at once. No number of rows decides on the first, so
        that the bits of a row don't depend on the others."""
        depth = f"const int depth = {f'gc_part_depth({self.k})' if self.long else self.k};"
        if straight:
            return [depth]
        return [
            depth,
            f"const int parts = gc_part_count({self.k}, depth);",
            f"const int at_once = gc_rows_at_once({self.m}, {self.n}, parts);",
        ]

    def at_once(self, inside: Sequence[str]) -> list[str]:
        """The loop over the rows that are multiplied at once. Their parts lie where those of the
        rows ahead of them lay."""
        return [
            f"{counting(_TOP, self.m, step=_AT_ONCE)} {{",
            "  if (top > 0) {",
            "#pragma omp barrier",
            "  }",
            f"  const int high = {rest_of_part(self.m, _TOP, _AT_ONCE)};",
            *(f"  {line}" for line in inside),
            "}",
        ]

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

    def straight(
        self, scalar: str, to: Expression, left: Factor, right: Factor
    ) -> tuple[list[str], list[str], list[str]]:
        """Sums of one part each, where they are stored."""
        return [], [self._parts(self.m, scalar, left.at(0), right, to)], []

    def apart(
        self, scalar: str, number: int, left: Factor, right: Factor
    ) -> tuple[list[str], list[str], list[str]]:
        """Sums over parts of k, which tiles add up."""
        n, name = grouped(self.n), f"parts{number}"
        rows, columns, _ = self.sizes

        def most(at: CallSizes) -> int:
            parts = self._part_count(at)
            return parts * rows_at_once(at(rows), at(columns), parts) * at(columns)

        elements = Elements(
            expression("{} * {} * {}", cast("size_t", Variable("parts")), _AT_ONCE, n), most
        )
        tile = self._of_tile(of_each(_ROWS, self.n))
        return (
            [array(self.function, scalar, name, Slot.PANELS, elements, number, 1)],
            [self._parts("high", scalar, left.at(_TOP), right, Parameter(name))],
            [
                f"const {scalar}* s{number} = gc_sum_of_parts<{scalar}>((size_t)rows * {n}, parts, "
                f"{name} + (size_t)tile * {n}, (size_t)high * {n}, "
                f"{scratch(self.function, scalar, Slot.SUMS, tile, number)});"
            ],
        )

    def _part_count(self, at: CallSizes) -> int:
        return part_count(at(self.sizes[2])) if self.long else 1

    def _parts(
        self, m: Expression | str, scalar: str, left: str, right: Factor, to: Expression
    ) -> str:
        take_parts(self.function, scalar, *self.sizes, self._part_count)
        return (
            f"gc_gemm_parts<{scalar}>({m}, {self.n}, {self.k}, depth, {left}, {right.at(0)}, {to});"
        )

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
