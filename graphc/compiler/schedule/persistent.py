"""Persistent loops: one launch runs all steps, and a block owns rows of the batch.

This is possible where a row of each value depends on that same row of the carries only, and where
the matrices that rows are multiplied with are the same at each step and fit one block's shared
memory (Diamos et al., "Persistent RNNs: stashing recurrent weights on-chip", ICML 2016, keep them
in registers). Then no block waits for another: the barriers within a step are those of a block.

A stage runs from one barrier to the next. A value that is read at other elements of its row than
the reader's own (the left operand of a product) is complete, in shared memory, at the end of the
stage before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from graphc.compiler.graph import Node, label, toposort
from graphc.compiler.graph.dim import Dim, Shape, Size, product
from graphc.compiler.graph.ops import OPS
from graphc.compiler.schedule.hardware import WARP
from graphc.compiler.schedule.independent import HEAVY, RowAnalysis, Unfit
from graphc.compiler.schedule.inline import is_splat
from graphc.compiler.schedule.kernel import Loop, Persistent

MOST_SHARED = 64 * 1024
"""Bytes of shared memory that a block may have on every card from compute capability 7.5 on, more
than 48 KiB of them if it asks: what text for no card in particular may use. Other cards give more,
up to 227 KiB on 9.0."""

MOST_THREADS = 256
"""Threads of a block; each may have 255 registers then, on every card."""

MOST_WORDS = 160
"""Registers of a thread that hold columns of matrices; the others hold the values that it computes,
up to `FEW_NODES` a step. Where there are more values, fewer registers hold columns."""

FEW_NODES = 40
MOST_NODES = 512
"""Values of a step; more would spill."""

_ALIGNMENT = 16  # bytes, of a wide load of shared memory


def width(node: Node) -> int:
    """Return the elements of one row of a value."""
    return elements_of(node.shape[1:])


def elements_of(shape: Shape) -> int:
    """Return the elements of a shape without symbols."""
    elements = product(shape)
    assert isinstance(elements, int)
    return elements


def array_bytes(elements: int, dtype: str) -> int:
    """Return the bytes of shared memory of an array, the next one's alignment included."""
    nbytes = elements * np.dtype(dtype).itemsize
    return -(-nbytes // _ALIGNMENT) * _ALIGNMENT


def persistent(loop: Loop, most_shared: int | None = None) -> Persistent | str:
    """Return how one launch runs all steps of a loop, or a sentence that says why it does not.

    Args:
        loop: its fields `persistent`, `steps` and `reasons` are not read.
        most_shared: the bytes of shared memory that a block may have; None for `MOST_SHARED`.
    """
    try:
        return _Analysis(loop, MOST_SHARED if most_shared is None else most_shared).result()
    except Unfit as unfit:
        return f"a launch for each kernel of each step, not one for all steps: {unfit}"


class _Analysis:
    def __init__(self, loop: Loop, most_shared: int):
        rows = RowAnalysis(loop)
        self._loop = loop
        self._rows = rows
        self._most_shared = most_shared
        self._batch = rows.batch
        self._order = rows.order
        self._by_row = rows.by_row
        if len(self._by_row) > MOST_NODES:
            raise Unfit(f"a step computes {len(self._by_row)} values, {MOST_NODES} are the most")

    # ---- stages ---------------------------------------------------------------------------------

    def result(self) -> Persistent:
        loop = self._loop
        across = self._read_across()
        for node in across:
            self._rows.check_shape(node)
        stage_of: dict[Node, int] = dict.fromkeys(loop.carries, 0)
        for node in self._order:
            # Of an element of a row of its operand the node reads one, or all.
            all_of_it = _spreads(node) or node.op == "matmul"
            if node in self._by_row:
                after = [stage_of.get(x, 0) + (all_of_it and x in across) for x in node.inputs]
                stage_of[node] = max(after)
        for node in (*across, *loop.needed):
            stage_of.setdefault(node, 0)
        wanted = {*across, *loop.needed}
        ordered = [x for x in toposort(loop.needed, stop=loop.inputs) if x in wanted]
        count = 1 + max(stage_of[x] for x in wanted)
        stages = tuple(tuple(x for x in ordered if stage_of[x] == k) for k in range(count))
        tiles = tuple(x for x in ordered if x in across)
        return self._sized(tiles, stages, stage_of)

    def _read_across(self) -> list[Node]:
        """Return the values that have to be complete before they are read: left operands of
        products, and those whose readers would each repeat costly work. Carries are complete
        anyway."""
        found: dict[Node, None] = {}
        costly: set[Node] = set()
        for node in self._order:
            if node.op == "matmul" or (_spreads(node) and node.inputs[0] in costly):
                found[node.inputs[0]] = None
            if OPS[node.op].family in HEAVY or any(x in costly for x in node.inputs):
                costly.add(node)
        return [x for x in found if x not in self._loop.carries]

    def _read_elsewhere(self, across: Collection[Node]) -> set[Node]:
        """Return the values that a thread may read, or compute again, at other elements than its
        own."""
        found: set[Node] = set()
        for node in reversed(self._order):
            pointwise = OPS[node.op].family == "pointwise"
            if node in self._by_row and (not pointwise or node in found):
                waiting = across if node.op == "matmul" or _spreads(node) else ()
                found.update(x for x in node.inputs if x in self._by_row and x not in waiting)
        return found

    def _sized(
        self,
        tiles: tuple[Node, ...],
        stages: tuple[tuple[Node, ...], ...],
        stage_of: dict[Node, int],
    ) -> Persistent:
        widest = max(width(x) for stage in stages for x in stage)
        if widest > MOST_THREADS:
            raise Unfit(f"a row has {widest} elements, a block {MOST_THREADS} threads")
        elsewhere = self._read_elsewhere(tiles)
        carries = tuple(x for x in self._loop.carries if x in elsewhere or width(x) < widest)
        columns, matrices = self._matrices(elsewhere, widest)
        rows = rows_per_block(widest)
        nbytes = sum(array_bytes(elements_of(x.shape), x.dtype) for x in matrices)
        for node in (*carries, *tiles):
            nbytes += array_bytes(rows * width(node), node.dtype)
        if nbytes > self._most_shared:
            both = (*columns, *matrices)
            weights = sum(array_bytes(elements_of(x.shape), x.dtype) for x in both)
            raise Unfit(
                f"the matrices of its products take {weights} bytes; what registers do not hold "
                f"of them and of a block's rows takes {nbytes} bytes of shared memory, and a block "
                f"has {self._most_shared}"
            )
        return Persistent(
            self._batch,
            widest,
            columns,
            matrices,
            carries,
            tiles,
            stages,
            stage_of,
            nbytes,
        )

    def _matrices(
        self, elsewhere: Collection[Node], widest: int
    ) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
        """Return the right operands of products: those whose columns go to registers, and the
        others."""
        readers: dict[Node, list[Node]] = {}
        for node in self._order:
            if node.op == "matmul":
                readers.setdefault(node.inputs[1], []).append(node)
        words = []
        for matrix, products in readers.items():
            if isinstance(product(matrix.shape), Dim):
                raise Unfit(f"the size of {label(matrix)} is not known")
            own = all(x not in elsewhere and width(x) == widest for x in products)
            words.append(column_words(matrix.shape[0], matrix.dtype) if own else None)
        in_registers = columns_in_registers(words, len(self._by_row))
        columns = [x for x, fits in zip(readers, in_registers, strict=True) if fits]
        return tuple(columns), tuple(x for x in readers if x not in columns)


def column_words(length: Size, dtype: str) -> int:
    """Return the registers that a column of a matrix takes."""
    assert isinstance(length, int)
    return length * np.dtype(dtype).itemsize // 4


def columns_in_registers(words: Sequence[int | None], values: int) -> list[bool]:
    """Return for which matrices a thread has its columns in registers: the first ones that there
    is room for.

    Args:
        words: the registers that a column of each matrix takes; None of one whose columns no thread
            has for itself.
        values: that a step computes.
    """
    left = MOST_WORDS * FEW_NODES // max(FEW_NODES, values)
    found = []
    for one in words:
        found.append(one is not None and one <= left)
        left -= one if one is not None and found[-1] else 0
    return found


def rows_per_block(widest: int) -> int:
    """Return the rows of a block whose stages have up to so many elements a row.

    As few as fill a warp, so that a batch is spread over many blocks: what a step waits for is
    shared memory, from which each row reads the matrices for itself, and each multiprocessor has
    its own.
    """
    return max(1, WARP // widest)


def _spreads(node: Node) -> bool:
    """Return True if many elements of a node read one element of its input, or one reads many."""
    return node.op == "broadcast" or OPS[node.op].family == "reduce"


def elementwise_operands(
    targets: Sequence[Node], stop: Collection[Node], step: Node
) -> Iterator[Node]:
    """Yield the products and the slices at `step` that the targets read at their own element,
    through pointwise ops only."""
    seen: set[Node] = set()
    pending = list(targets)[::-1]
    while pending:
        node = pending.pop()
        if node in seen or node in stop:
            continue
        seen.add(node)
        if node.op == "matmul" or _is_slice(node, step):
            yield node
        elif OPS[node.op].family == "pointwise":
            pending += node.inputs[::-1]


def _is_slice(node: Node, step: Node) -> bool:
    """Return True if a node is a slice of a sequence at a step, or an index map of one."""
    while OPS[node.op].traits.is_view:
        (node,) = node.inputs
    return node.op == "gather" and node.inputs[1] is step


def is_literal(node: Node) -> bool:
    """Return True if a value is a single number that is printed as a literal, never read from
    memory."""
    while node.op == "broadcast":
        (node,) = node.inputs
    return is_splat(node)
