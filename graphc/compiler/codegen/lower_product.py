"""From products to launches: tiles of the result, or warps for vectors; k whole or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.compiler.codegen.context import Context, buffer_name, workspace
from graphc.compiler.codegen.emitter import Emitter, Pack, always
from graphc.compiler.codegen.expression import (
    Expression,
    Number,
    Variable,
    call,
    counting,
    modulo,
    over,
    plus,
    subscript,
    times,
)
from graphc.compiler.codegen.index import Coordinates, Index
from graphc.compiler.codegen.lower_mapped import lower_by_elements
from graphc.compiler.codegen.pointwise import AT, THREADS, names_in
from graphc.compiler.codegen.product import Operand, Product
from graphc.compiler.codegen.product_epilogue import finish, is_long, partial_sums
from graphc.compiler.codegen.product_operand import Fetch, fetch
from graphc.compiler.codegen.product_vector import WARPS, print_vector
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.signature import Place, Signature
from graphc.compiler.codegen.statement import Define, Listing, Statement
from graphc.compiler.codegen.tiles import (
    PADDING,
    PART,
    VECTOR_PART,
    Tile,
    blocks,
    choose_tile,
    is_vector,
    split,
)
from graphc.compiler.codegen.traffic import reads, whole, writes
from graphc.compiler.graph.dim import Dim, Size, ceil_divide, product
from graphc.compiler.program.launch import Clamped, Formula, Launch, Traffic
from graphc.compiler.schedule.hardware import MOST_BLOCKS
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.c_text import C_TYPES
from graphc.compiler.targets.marks import NAME

# Parts that a thread reads before it adds the first of them: it has little else to do.
_ON_THEIR_WAY = 16


def lower_product(kernel: Kernel, products: Sequence[Product], context: Context) -> list[Launch]:
    """The launches of products that one kernel computes together, epilogue included.

    Args:
        kernel: its anchors are the products' nodes; its outputs have as many elements as they.
        products: one for each anchor, with equal batch, m, n and k.
        context: where the operands lie and where the results go.
    """
    first = products[0]
    if 0 in (*first.batch, first.m, first.n, first.k):
        return lower_by_elements(kernel, context)  # zeros, or nothing
    context.program.includes["gemm.cuh"] = None
    if is_vector(first.m, first.n):
        grid = ceil_divide(product(first.node.shape), WARPS)
        return _launches(kernel, products, context, None, grid, VECTOR_PART)
    matrices = product(first.batch)
    counts = (len(_different(products, "left")), len(_different(products, "right")))
    sizes = (first.m, first.n, first.k, matrices)
    tile = choose_tile(*sizes, counts, len(products), first.node.dtype)
    return _launches(kernel, products, context, tile, blocks(tile, *sizes[:2], matrices))


def _launches(
    kernel: Kernel,
    products: Sequence[Product],
    context: Context,
    tile: Tile | None,
    grid: Size,
    part: int = PART,
) -> list[Launch]:
    """One launch, or with k in parts two."""
    first = products[0]
    parts = split(grid, first.k, part)
    name = context.name(kernel.kind)
    partial = []
    if parts is None:
        signature = context.signature(kernel)
    else:
        shape = (parts, product(first.node.shape))
        for one in products:
            label = f"{buffer_name(one.node)}/partial sums"
            partial.append(workspace(label, shape, one.node.dtype))
        places = dict(context.inputs_of(kernel))
        checks = context.program.checks
        signature = Signature(places, partial, checks, context.counters)
    if tile is None:
        text, traffic = print_vector(name, kernel, products, context, signature, partial)
        threads, mapping = 32 * WARPS, "a warp computes one result"
    else:
        text, traffic = _print_tiles(name, kernel, products, context, signature, tile, partial)
        threads = tile.threads
        mapping = f"a block computes {tile.rows} x {tile.columns}, {tile.depth} of k at a time"
    matrices = "".join(f"{size} times " for size in first.batch)
    several = f"{len(products)} products of " if len(products) > 1 else ""
    how = f"{matrices}{several}{first.m} x {first.k} by {first.k} x {first.n}; {mapping}"
    if parts is not None:
        how += "; k is cut into parts, whose sums the next kernel adds"
    if parts is None:
        traffic += writes(kernel.outputs, context.sinks, _results(first))
    else:
        traffic += whole(partial, written=True)
    size: tuple[Formula, Formula, Formula] = (grid, 1 if parts is None else parts, 1)
    block = (threads, 1, 1)
    launches = [context.launch(name, kernel, signature, text, size, block, how, traffic=traffic)]
    if parts is not None:
        launches.append(_add_parts(kernel, products, context, partial, parts))
    return launches


# ---- tiles --------------------------------------------------------------------------------------


def _print_tiles(
    name: str,
    kernel: Kernel,
    products: Sequence[Product],
    context: Context,
    signature: Signature,
    tile: Tile,
    partial: Sequence[Place],
) -> tuple[str, list[Traffic]]:
    """The text of a kernel whose blocks compute tiles of the result, and what it reads."""
    first = products[0]
    matrices = product(first.batch)
    across, down = ceil_divide(first.n, tile.columns), ceil_divide(first.m, tile.rows)
    turns = (across, down, matrices)
    traffic: list[Traffic] = []
    emitter = Emitter(signature)
    batch = emitter.coordinates(Index(first.batch, linear=Variable("matrix")))
    heads = [*emitter.take()]
    fetches: list[Fetch] = []
    names: dict[tuple[str, Operand], str] = {}
    for side, outer in (("left", first.m), ("right", first.n)):
        for operand in _different(products, side):
            number = sum(f.name.startswith(side) for f in fetches)
            text = f"{side}{number}"
            sizes = (outer, first.k)
            one, head = fetch(emitter, operand, text, side, sizes, tile, batch)
            names[side, operand] = text
            fetches.append(one)
            heads += head
            tiles = across if side == "left" else down
            traffic += reads(emitter.take_asked(), (*sizes, matrices, tiles), turns)
    totals = [
        (f"total{k}", names["left", one.left], names["right", one.right])
        for k, one in enumerate(products)
    ]
    for k, made in enumerate(products):
        signature.holds(f"total{k}", made.node)
    packs = first.packs
    epilogue = _tile_epilogue(kernel, products, context, emitter, batch, partial)
    # A block needs as much of what is spread over rows, or columns, as its tile has of them.
    known = {first.m: (first.m, across, matrices), first.n: (first.n, down, matrices)}
    traffic += reads(emitter.take_asked(), (_results(first),), turns, known=known)
    text = render(
        "product.cu.j2",
        name=NAME,
        tile=tile,
        padding=PADDING,
        type=C_TYPES[first.node.dtype],
        m=signature.size(first.m),
        n=signature.size(first.n),
        row_tiles=_ceil_text(signature, first.m, tile.rows),
        column_tiles=_ceil_text(signature, first.n, tile.columns),
        k=signature.size(first.k),
        whole_rows=_divides(tile.rows, first.m),
        whole_columns=_divides(tile.columns, first.n),
        own_row=_own("/", tile.warp_columns, tile.lane_rows * tile.thread_rows, tile.lane_columns),
        own_column=_own(
            "%", tile.warp_columns, tile.lane_columns * tile.thread_columns, tile.lane_columns
        ),
        matrices=matrices != 1,
        heads=Listing(heads),
        fetches=fetches,
        totals=totals,
        split=bool(partial),
        packs=packs,
        unroll="" if partial or not is_long(kernel) else " 1",
        epilogue=epilogue,
        parameters=signature.parameters,
    )
    return text, traffic


def _results(one: Product) -> Size:
    """How many results a product has."""
    return product((*one.batch, one.m, one.n))


def _tile_epilogue(
    kernel: Kernel,
    products: Sequence[Product],
    context: Context,
    emitter: Emitter,
    batch: Coordinates,
    partial: Sequence[Place],
) -> dict[str, Any]:
    """What stores four neighbouring results of a thread, of which `lane` counts one."""
    first = products[0]
    row, position, start = Variable("row"), Variable("position"), Variable("first")
    head: list[Statement] = []
    if first.packs:
        place = emitter.place(first.result(emitter, batch, row, Variable("start")))
        emitter.add(Define("int", start, place))
        head += emitter.take()
        emitter.pack = Pack(position, Variable("lane"), start)
    index = first.result(emitter, batch, row, Variable("column"))
    if partial:
        end = partial_sums(emitter, products, index, partial, _sum)
    else:
        for number, one in enumerate(products):
            emitter.given[one.node] = always(_sum(number))
        wide = (position, start) if first.packs else None
        end = finish(kernel, first, context, emitter, index, wide)
    if emitter.pack is not None:
        head += emitter.pack.statements
    used = {str(name) for name in names_in(end)}
    return {"head": Listing(head), "used": used, **end}


def _sum(number: int) -> Expression:
    """The sum of a product at the lane of a pack."""
    return subscript(f"sum{number}.of", Variable("lane"))


def _different(products: Sequence[Product], side: str) -> list[Operand]:
    """The operands of one side, each once."""
    return list(dict.fromkeys(getattr(one, side) for one in products))


def _own(operator: str, warps: int, span: int, lanes: int) -> Expression:
    """The first row (with "/") or column ("%") of a thread: `warps` warps lie side by side, each
    over `span` rows or columns, and in a warp `lanes` lanes."""
    take = over if operator == "/" else modulo
    warp, lane = take(Variable("warp"), warps), take(Variable("in_warp"), lanes)
    return plus(times(warp, span), times(lane, 4))


def _ceil_text(signature: Signature, size: Size, span: int) -> Expression:
    """``ceil(size / span)`` as an int expression."""
    if not isinstance(size, Dim):
        return Number(-(-size // span))
    return over(plus(signature.size(size), span - 1), span)


def _divides(span: int, size: Size) -> bool:
    return not isinstance(size, Dim) and size % span == 0


# ---- the sum of the parts -----------------------------------------------------------------------


def _add_parts(
    kernel: Kernel,
    products: Sequence[Product],
    context: Context,
    partial: Sequence[Place],
    parts: Clamped,
) -> Launch:
    """The launch that adds partial sums in the order of k, and runs the epilogue."""
    name = context.name(f"{kernel.kind}_parts")
    signature = context.signature(kernel)
    emitter = Emitter(signature)
    first = products[0]
    for one, place in zip(products, partial, strict=True):
        total = emitter.variable(one.node)
        part = Variable("part")
        emitter.line(f"#pragma unroll {_ON_THEIR_WAY}")
        with emitter.block(counting(part, signature.extent(parts))):
            at = plus(times(part, Variable("count")), AT)
            of_part = subscript(signature.load_pointer(place), at)
            emitter.assign(total, call("gc_add", total, of_part))
        emitter.given[one.node] = always(total)
    elements = product(first.node.shape)
    body = finish(kernel, first, context, emitter, Index(first.node.shape, linear=AT))
    text = render(
        "elementwise.cu.j2",
        name=NAME,
        threads=f"{THREADS}, 1",  # one block at least: ptxas may give a thread what it needs
        count=signature.size(elements),
        statements=body["statements"],
        stores=body["stores"],
        parameters=signature.parameters,
    )
    turns = ceil_divide(elements, THREADS)
    grid, block = (Clamped(turns, 1, MOST_BLOCKS), 1, 1), (THREADS, 1, 1)
    how = f"adds {parts.size} (at least 1, at most {parts.high}) partial sums in the order of k"
    traffic = [
        *whole(partial),
        *reads(emitter.take_asked(), (elements,), (turns,), THREADS),
        *writes(kernel.outputs, context.sinks),
    ]
    return context.launch(name, kernel, signature, text, grid, block, how, traffic=traffic)
