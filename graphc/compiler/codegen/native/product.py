"""Kernels of kind matmul: tiles of rows, each a product and, while it is cached, what follows.

A factor that does not lie in memory as a matrix (a cast, a mask, a gather on the way) is computed
into one first: the left one tile by tile, the right one once for each matrix.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from graphc.compiler.codegen.c_text import C_TYPES, grouped, minus, plus, times
from graphc.compiler.codegen.emitter import Given
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.launch import Launch
from graphc.compiler.codegen.matmul import operand
from graphc.compiler.codegen.native.context import NativeContext, NativeSignature
from graphc.compiler.codegen.native.nest import PRODUCTS, Limits, NativeEmitter, Nest, parallel
from graphc.compiler.codegen.native.pointwise import store_elements
from graphc.compiler.codegen.product import Direct, Operand, Pulled
from graphc.compiler.codegen.reduction import typical
from graphc.compiler.graph import Node
from graphc.compiler.graph.dim import Dim, Size, product
from graphc.compiler.schedule.kernel import Kernel

TILE = 65536
"""Elements of a tile of the result, about: with what is computed from it, it stays in the cache."""
FEWEST_ROWS, MOST_ROWS = 48, 384


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
        factors = [
            (operand(x.inputs[0], self._kernel, self._context, k_last=True),
             operand(x.inputs[1], self._kernel, self._context, k_last=False))
            for x in anchors
        ]  # fmt: skip
        several = product(self._batch) != 1
        floats = anchors[0].dtype in ("float32", "float64") and self._k != 0
        kind = "parallel for" if several or not floats else "parallel"
        work = (*self._batch, self._m, self._n, self._k)
        pragma = parallel(work, self._signature, kind, PRODUCTS)
        together = bool(pragma) and kind == "parallel"
        before: list[str] = []
        panels: list[str] = []
        inside: list[str] = []
        for number, (node, (left, right)) in enumerate(zip(anchors, factors, strict=True)):
            a, more = self._left(left, node, number)
            b, whole = self._right(right, node, number)
            before += whole
            scalar = C_TYPES[node.dtype]
            inside += more
            inside.append(
                f"{scalar}* s{number} = gc_scratch<{scalar}>({number}, "
                f"(size_t)rows * {size(self._n)});"
            )
            sizes = f"{size(self._n)}, {size(self._k)}"
            product_of = f"gc_gemm<{scalar}>(rows, {sizes}, {a}, {b}, s{number}, {size(self._n)});"
            if together:
                before.append(
                    f"{scalar}* panels{number} = gc_scratch<{scalar}>({16 + number}, "
                    f"gc_gemm_right_size<{scalar}>({sizes}));"
                )
                panels.append(f"gc_gemm_right<{scalar}>({sizes}, {b}, panels{number});")
                product_of = (
                    f"gc_gemm_panels<{scalar}>(rows, {sizes}, {a}, panels{number}, s{number}, "
                    f"{size(self._n)});"
                )
            inside.append(product_of)
        inside += self._epilogue()
        if together:
            # One team: it packs the right factors once, then each thread has rows of its own.
            mine = f"const gc_rows mine = gc_rows_of_thread({size(self._m)}, {self._rows});"
            tiles = _tiles(
                "mine.begin", "mine.end", "mine.height", ["const int first = tile;", *inside]
            )
            team = [*panels, mine, *tiles]
            return [*before, *pragma, "{", *(f"  {line}" for line in team), "}"]
        first = plus(times("matrix", size(self._m)), "tile") if several else "tile"
        inside = [f"const int first = {first};", *inside]
        tiles = _tiles("0", size(self._m), str(self._rows), inside)
        if not several:
            return [*before, *pragma, *tiles]
        body = [f"  {line}" for line in [*self._matrices(), *before, *tiles]]
        loop = f"for (int matrix = 0; matrix < {size(product(self._batch))}; ++matrix) {{"
        return [*pragma, loop, *body, "}"]

    def _matrices(self) -> list[str]:
        """The lines that work out the coordinates of a matrix, ``matrix0`` and on."""
        emitter = NativeEmitter(self._signature)
        coords = emitter.coordinates(Index(self._batch, linear="matrix"))
        lines = [line for line in emitter.text.split("\n") if line]
        return [
            *lines,
            *(f"const int matrix{k} = {coord};" for k, coord in enumerate(coords)),
        ]

    # ---- the factors ----------------------------------------------------------------------------

    def _left(self, left: Operand, node: Node, number: int) -> tuple[str, list[str]]:
        """The arguments of a product for its left factor, and the lines that compute a tile."""
        size = self._signature.size
        if isinstance(left, Direct):
            start = self._start(left)
            row, step = (size(left.row), "1") if left.fast == "k" else ("1", size(left.row))
            return f"{plus(start, times('tile', row))}, {row}, {step}", []
        slot, scalar = 4 + number, C_TYPES[left.node.dtype]
        k = size(self._k)
        lines = [f"{scalar}* l{number} = gc_scratch<{scalar}>({slot}, (size_t)rows * {k});"]
        rows = product((*self._batch, self._m))
        limits = Limits(rows, "first", "first + rows")
        lines += self._computed(left, f"l{number}", (*self._batch, self._m, self._k), limits)
        return f"l{number}, {k}, 1", lines

    def _right(self, right: Operand, node: Node, number: int) -> tuple[str, list[str]]:
        """The arguments for the right factor, and the lines that compute a matrix."""
        size = self._signature.size
        if isinstance(right, Direct):
            start = self._start(right)
            step, column = ("1", size(right.row)) if right.fast == "k" else (size(right.row), "1")
            return f"{start}, {step}, {column}", []
        slot, scalar = 8 + number, C_TYPES[right.node.dtype]
        count = times(grouped(size(self._k)), grouped(size(self._n)))
        lines = [f"{scalar}* r{number} = gc_scratch<{scalar}>({slot}, (size_t)({count}));"]
        shape = (*self._batch, self._k, self._n)
        if self._batch and product(self._batch) != 1:
            limits = Limits(product(self._batch), "matrix", "matrix + 1")
            lines += self._computed(right, f"r{number}", shape, limits)
        else:
            lines += self._computed(right, f"r{number}", shape, None)
        return f"r{number}, {size(self._n)}, 1", lines

    def _computed(
        self, operand: Pulled, target: str, shape: tuple[Size, ...], limits: Limits | None
    ) -> list[str]:
        """Loops that compute elements of an operand into an array that begins with the first."""
        node = operand.node
        # Of the left operand's elements those of a tile, of the right one's those of a matrix.
        begin = "0"
        if limits is not None:
            size = self._signature.size
            inner = shape[-1:] if limits.begin == "first" else shape[-2:]
            begin = times(limits.begin, size(product(inner)))

        def body(emitter: NativeEmitter, position: str) -> list[str]:
            value = emitter.value(node, Index(node.shape, linear=position))
            return [f"{target}[{minus(position, begin)}] = {value};"]

        nest = Nest(self._signature, product(shape), limits=limits, threads=False)
        return ["{", *(f"  {line}" for line in nest.lines(body)), "}"]

    def _start(self, direct: Direct) -> str:
        """The address of a factor's first element."""
        size = self._signature.size
        place = self._signature.places[direct.node]
        offset = plus(self._signature.offset(place, direct.node.shape), size(direct.offset))
        for counter, elements in direct.steps:
            number = self._signature.loop_step(self._signature.counters[counter])
            offset = plus(offset, times(number, size(elements)))
        for axis, elements in enumerate(direct.batch_strides):
            if elements != 0 and product(self._batch) != 1:
                offset = plus(offset, times(f"matrix{axis}", size(elements)))
        pointer = self._signature.load_pointer(place)
        return pointer if offset == "0" else f"{pointer} + {offset}"

    # ---- what follows ---------------------------------------------------------------------------

    def _epilogue(self) -> list[str]:
        """The outputs of a tile's elements."""
        node = self._kernel.anchors[0]
        begin = times("first", self._signature.size(self._n))
        rows = product((*self._batch, self._m))
        given = partial(scratch_values, self._kernel.anchors, begin)
        limits = Limits(rows, "first", "first + rows")
        nest = Nest(self._signature, product(node.shape), given, limits, threads=False)
        body = partial(_stores, self._kernel.outputs, self._context)
        return ["{", *(f"  {line}" for line in nest.lines(body)), "}"]


def _tiles(begin: str, end: str, height: str, inside: Sequence[str]) -> list[str]:
    """A loop over tiles of rows."""
    rest = minus(end, "tile")
    return [
        f"for (int tile = {begin}; tile < {end}; tile += {height}) {{",
        f"  const int rows = {rest} < {height} ? {rest} : {height};",
        *(f"  {line}" for line in inside),
        "}",
    ]


def _stores(
    outputs: Sequence[Node], context: NativeContext, emitter: NativeEmitter, position: str
) -> list[str]:
    return store_elements(outputs, context, emitter, position)


def scratch_values(
    nodes: Sequence[Node], begin: str, emitter: NativeEmitter
) -> Mapping[Node, Given]:
    """Nodes whose values lie in arrays ``s0``, ``s1`` and on, from the element `begin` on."""

    def value(number: int, index: Index) -> str:
        return f"s{number}[{minus(emitter.position(index), begin)}]"

    return {node: partial(value, number) for number, node in enumerate(nodes)}


def rows_of_tile(m: Size, n: Size) -> int:
    """How many rows a tile has, by the length of a row."""
    rows = max(FEWEST_ROWS, min(MOST_ROWS, TILE // max(1, typical(n)) // FEWEST_ROWS * FEWEST_ROWS))
    return rows if isinstance(m, Dim) else max(1, min(rows, m))
