"""Kernels of kind scatter: scatter_add, the gradient of a gather, and what is computed from it.

No atomics: a block owns a tile of the result, some rows (places along the scattered axis) by some
columns (all other axes together). It walks all indices in chunks, keeps those that fall into its
rows in a list in shared memory, in their order, and each thread adds the listed updates to the
elements that it owns. A sum is therefore made in the order of the indices, whatever the sizes.

Every block reads every index, once from memory and then from the cache, so a tile should have many
rows; but blocks have to be many enough to fill a card, and an index that is met often keeps its
one block busy. The rule: tiles of `_MOST_ELEMENTS` elements, up to `_MOST_COLUMNS` columns wide (as
many as there are, rounded up to a power of two); half as many rows, and again, while there would be
fewer than `_ENOUGH_BLOCKS` blocks, down to an element a thread.
"""

from __future__ import annotations

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.emit_movement import checked_index
from graphc.compiler.codegen.emitter import Emitter, Pack, always
from graphc.compiler.codegen.expression import ZERO, Expression, Variable, modulo, over, plus, times
from graphc.compiler.codegen.index import Index
from graphc.compiler.codegen.pointwise import AT, element_text, names_in
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.traffic import reads, writes
from graphc.compiler.graph.dim import Dim, Size, ceil_divide, product
from graphc.compiler.program.launch import Clamped, Launch
from graphc.compiler.schedule.hardware import PACK, power_of_two
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import NAME

THREADS = 256
_ROUNDS = 4
"""Indices that a thread looks at in one chunk."""
_MOST_ELEMENTS = 2048
_MOST_COLUMNS = 128
_ENOUGH_BLOCKS = 512
_MOST_GRID_X = 2**31 - 1
_MOST_GRID_Y = 65535


def scatter_tile(size: Size, columns: Size) -> tuple[int, int]:
    """Rows and columns of a block's tile of a result with `size` rows, by the rule above."""
    wide = _MOST_COLUMNS if isinstance(columns, Dim) else min(power_of_two(columns), _MOST_COLUMNS)
    most = _MOST_ELEMENTS // wide
    rows = most if isinstance(size, Dim) else min(power_of_two(size), most)
    if not isinstance(size, Dim):
        across = 1 if isinstance(columns, Dim) else -(-columns // wide)
        while rows * wide > THREADS and -(-size // rows) * across < _ENOUGH_BLOCKS:
            rows //= 2
    return rows, wide


def lower_scatter(kernel: Kernel, context: Context) -> list[Launch]:
    """One launch: a block a tile of the scatter_add's result."""
    (node,) = kernel.anchors
    indices, updates = node.inputs
    axis, rank = node.attrs["axis"], len(node.inputs[0].shape)
    size = node.attrs["size"]
    outer = product(updates.shape[:axis])
    inner = product(updates.shape[axis + rank :])
    count = product(indices.shape)
    columns = outer * inner
    rows, wide = scatter_tile(size, columns)

    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    emitter = Emitter(signature)
    text = signature.size

    place, column = Variable("place"), Variable("column")
    row = checked_index(emitter, node, indices, Index(indices.shape, linear=place), size)
    look, looked = emitter.take(), emitter.take_asked()

    def position(place: Expression, places: Size) -> Expression:
        """The position of an element in the updates or in the result."""
        before = ZERO if outer == 1 else over(column, text(inner))
        behind = column if outer == 1 else modulo(column, text(inner))
        return plus(times(plus(times(before, text(places)), place), text(inner)), behind)

    at = emitter.integer(position(place, count))
    update = emitter.value(updates, Index(updates.shape, linear=at))
    add, added = emitter.take(), emitter.take_asked()

    # Rows of the result whose length is a multiple of the pack's are stored a pack at a time.
    packed = not isinstance(inner, Dim) and inner % PACK == 0 and inner > 0
    emitter.pack = Pack(AT, Variable("lane")) if packed else None
    emitter.given[node] = always(Variable("sum"))
    results = element_text(kernel, context, emitter)
    # A compiler warns of a position that nothing asks for.
    asked = names_in(results)
    facts = {
        "threads": THREADS,
        "scalar": C_TYPES[node.dtype],
        "rows": rows,
        "columns": wide,
        "rounds": _ROUNDS,
        "all_rows": text(size),
        "all_columns": text(columns),
        "count": text(count),
        "total": text(product(node.shape)),
        "look": look,
        "row": row,
        "add": add,
        "update": update,
        "lanes": PACK if packed else 1,
        "first": position(Variable("row"), size),
        "positions": AT in asked,
        **results,
    }
    # The parameters are complete only now that all text is there.
    body = render("scatter.cu.j2", name=NAME, parameters=signature.parameters, **facts)
    grid = (
        Clamped(ceil_divide(size, rows), 1, _MOST_GRID_X),
        Clamped(ceil_divide(columns, wide), 1, _MOST_GRID_Y),
        1,
    )
    how = (
        f"a block a tile of {rows} rows x {wide} columns; it walks all {count} indices and adds "
        "the updates of its rows in their order"
    )
    blocks = grid[:2]
    traffic = [
        *reads(looked, (count, *blocks), blocks),
        *reads(added, (count * columns,), blocks),
        *reads(emitter.take_asked(), (product(node.shape),), blocks),
        *writes(kernel.outputs, context.sinks),
    ]
    block = (THREADS, 1, 1)
    return [context.launch(name, kernel, signature, body, grid, block, how, traffic=traffic)]
