"""Mappings of products on a GPU: a block computes a tile of the result, some terms at a step.

    for tile_row < (m + 63) // 64 (block):
      for tile_column < (n + 63) // 64 (block):
        for thread_row < 8 (thread):
          for thread_column < 16 (thread):
            allocate total: float32[8, 4] in register
            ...
            allocate left_tile: float32[2, 16, 68] in shared
            allocate right_tile: float32[2, 16, 68] in shared
            (the first step's operands, to shared memory)
            for step < (k + 15) // 16:
              barrier (shared)
              (the next step's operands, to registers)
              for k < 16 (unrolled):
                for r < 8 (unrolled):
                  for c < 4 (unrolled):
                    total[r, c] = sum(total[r, c], mul(left[r], right[c]))
              (from these to shared memory)
            (what follows from the sums, and the stores)

Around them are loops over blocks for the matrices of a batched product, ``matrix0`` and so on. A
tile at the border of an array is computed as a whole one, over zeros, and its last step alike. So
the order of a sum is that of its terms, whatever the sizes are. Of a small tile several groups of
threads compute the sums (`graphc.compiler.targets.cuda.products.groups`), and of few tiles several
blocks (`graphc.compiler.targets.cuda.products.parts`). Products that one kernel computes together
have a tile, each with sums of its own, and share the operands that are the same. An operand that is
no matrix in memory is computed where another one is copied, an element by one thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import TypeAlias

from graphc.compiler.graph.dim import Dim, Size, evaluate_at, exact_quotient
from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Remainder, as_index
from graphc.compiler.loops.program import (
    LoopProgram,
    innermost_loops,
    loops_in,
    walk_value,
)
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.gather import gather
from graphc.compiler.loops.rewrites.buffers.pack import pack
from graphc.compiler.loops.rewrites.buffers.reuse import reuse
from graphc.compiler.loops.rewrites.conditions.branch import branch
from graphc.compiler.loops.rewrites.conditions.predicate import predicate
from graphc.compiler.loops.rewrites.conditions.unswitch import unswitch
from graphc.compiler.loops.rewrites.execution.bind import bind, known_turns
from graphc.compiler.loops.rewrites.execution.merge_barriers import merge_barriers
from graphc.compiler.loops.rewrites.execution.unroll import unroll
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.rename import rename
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.staging.layout import BufferLayout
from graphc.compiler.loops.rewrites.staging.pipeline import Copying, pipeline
from graphc.compiler.loops.rewrites.staging.stage import stage
from graphc.compiler.loops.rewrites.staging.stage_value import stage_value
from graphc.compiler.loops.rewrites.values.propagate import propagate
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let, LoopKind, Store
from graphc.compiler.loops.value import Load, Local, Value
from graphc.compiler.schedule.hardware import PACK
from graphc.compiler.targets.cuda.pointwise import PACKS, POINTWISE
from graphc.compiler.targets.cuda.products.groups import in_groups
from graphc.compiler.targets.cuda.products.operands import (
    Operand,
    axes_of,
    operands_of,
    with_matrices,
)
from graphc.compiler.targets.cuda.products.parts import (
    in_parts,
    part_of,
    parts_of,
    together,
    with_parts_together,
)
from graphc.compiler.targets.cuda.products.tiles import (
    PADDING,
    TOGETHER,
    TYPICAL,
    BlockTile,
    tile_of,
)
from graphc.compiler.targets.cuda.products.vectors import OF_VECTORS
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, choose, never
from graphc.compiler.targets.product_loops import (
    Product,
    products_of,
    variables_of_names,
)
from graphc.compiler.targets.target import Target
from graphc.errors import RewriteError

TileOf: TypeAlias = Callable[[Sequence[Product]], BlockTile | None]
"""Chooses the tile of products that are computed together; None if there is none for them."""

# ---- where it applies ---------------------------------------------------------------------------


def is_of_matrices(program: LoopProgram, tile_of: TileOf) -> Applicability:
    """Return that blocks may have tiles of the results of a plain program, or why not."""
    program = with_matrices(program)
    products = products_of(program)
    if isinstance(products, str):
        return never(products)
    product = products[0]
    if product.terms.ends[0].constant == 0:
        return never("its sums have no terms")
    named = variables_of_names(product.terms.body)
    for operand in operands_of(products):
        factor = operand.factor
        if isinstance(factor, Local):
            other = product.rows if operand.is_right else product.columns
            if other.variable in named.get(factor, ()):
                return never(f"{factor} is another one for each {other.variable}")
    body = product.columns.body
    head = body[: 2 * len(products)]
    if not (
        all(isinstance(one, Allocate | Store) for one in head)
        and isinstance(body[len(head)], For)
        and all(isinstance(one, Let | Accumulate) for one in product.terms.body)
    ):
        return never("it computes other values ahead of its sums")
    tile = tile_of(products)
    if tile is None:
        return never(f"no tile holds the sums of {len(products)} products")
    return ALWAYS


def in_named_products(program: LoopProgram) -> tuple[Product, ...]:
    """Return the products of a plain program of which `is_of_matrices` is true, each factor that is
    no element of a matrix in memory with a name."""
    found = products_of(with_matrices(program))
    assert not isinstance(found, str), found
    return found


# ---- the rewrites -------------------------------------------------------------------------------


def by_blocks(program: LoopProgram, target: Target, tile_of: TileOf) -> LoopProgram:
    """Return a program that gives each block a tile, or a part of the sums of one."""
    program = with_matrices(program)
    products = products_of(program)
    assert not isinstance(products, str)
    tile = tile_of(products)
    assert tile is not None
    totals = [one.total.name for one in products]
    sums, *results = _in_launches(program, products, tile)
    if not results:
        return _by_tiles(sums, products, tile, totals)
    sums = _by_tiles(sums, products, tile, list(map(part_of, totals)))
    (last,) = (with_parts_together(one, TOGETHER) for one in results)
    return together(program, sums, choose(last, target, POINTWISE).program)


def in_launches(program: LoopProgram, tile_of: TileOf) -> tuple[LoopProgram, ...]:
    """Return the launches of a plain program that has tiles, before these are given to blocks: the
    only one, or that of parts of sums and that of their sums."""
    program = with_matrices(program)
    products = products_of(program)
    assert not isinstance(products, str)
    tile = tile_of(products)
    assert tile is not None
    return _in_launches(program, products, tile)


def _in_launches(
    program: LoopProgram, products: Sequence[Product], tile: BlockTile
) -> tuple[LoopProgram, ...]:
    product = products[0]
    names = (*(f"matrix{axis}" for axis in range(len(product.batch))), "row", "column")
    for loop, name in zip((*product.kept, product.terms), (*names, "k"), strict=True):
        if loop.variable.name != name:
            program = rename(program, loop.variable.name, name)
    program = in_steps(program, tile)
    if tile.parts == 1:
        return (program,)
    return in_parts(program, names, [one.total.name for one in products])


def _by_tiles(
    program: LoopProgram, products: Sequence[Product], tile: BlockTile, totals: Sequence[str]
) -> LoopProgram:
    """Return a program whose blocks have tiles of what `totals` carry the sums of."""
    for axis in range(len(products[0].batch)):
        program = bind(program, f"matrix{axis}", LoopKind.BLOCK)
    program = in_tiles(program, tile, tile.columns)
    if tile.groups == 1:
        program = _in_threads(program, tile, totals)
    else:
        program = in_groups(program, tile, totals)
    return with_staged_operands(program, products, tile, totals)


def with_staged_operands(
    program: LoopProgram, products: Sequence[Product], tile: BlockTile, totals: Sequence[str]
) -> LoopProgram:
    """Return a program that threads of blocks run with tiles of the operands in shared memory, and
    elements of these in registers, its loops written out."""
    operands = operands_of(products)
    for operand in operands:
        program = _staged(program, tile, products[0], operand)
    tiles = [f"{operand.name}_tile" for operand in operands]
    program = pipeline(merge_barriers(program), "step", tiles, copying=Copying.HELD)
    for operand in operands:
        name = operand.name
        program = stage(program, "k", f"{name}_tile", BufferScope.REGISTER, None, name)
    program = simplify(program)
    if tile.groups > 1:
        place = max(("left_tile", tile.rows), ("right_tile", tile.columns), key=itemgetter(1))[0]
        width, added = (
            max(tile.rows, tile.columns) + PADDING,
            tile.groups * tile.rows * tile.columns,
        )
        if len(totals) > 1 or 2 * tile.depth * width < added:
            place = "tiles"
            program = gather(program, tiles, place)
        for total in totals:
            program = reuse(program, parts_of(total), place)
    return _written_out(_in_packs(program, tile, operands))


def in_tiles(program: LoopProgram, tile: BlockTile, columns: int) -> LoopProgram:
    """Return a program whose blocks have tiles, of so many turns of the loop ``column``."""
    program = split(program, "row", tile.rows)
    program = split(program, "column", columns)
    for loop in ("column_inner", "row_inner"):
        if isinstance(program.loop(loop).body[0], If):
            program = predicate(program, loop)
    program = reorder(program, "row_inner", "column_outer")
    for loop in ("row", "column"):
        program = rename(program, f"{loop}_outer", f"tile_{loop}")
        if tile.parts > 1 and program.loop(f"tile_{loop}").ends == (as_index(1),):
            program = unroll(program, f"tile_{loop}")
        else:
            program = bind(program, f"tile_{loop}", LoopKind.BLOCK)
    return program


def _in_threads(program: LoopProgram, tile: BlockTile, totals: Sequence[str]) -> LoopProgram:
    """Return a program whose threads have results of a tile. The loops over these are ``r``,
    ``group`` and ``c`` where the sums begin, ``r_2`` and so on where a term is added, inside of the
    loop over terms, and ``r_3`` and so on behind it."""
    program = split(program, "row_inner", tile.thread_rows, Tail.NONE)
    program = split(program, "column_inner", PACK, Tail.NONE)
    names = {"column_inner_outer": "thread_column", "column_inner_inner": "c"}
    own = ["c", "r"]
    if tile.thread_packs > 1:
        program = split(program, "column_inner_outer", tile.pack_columns // PACK, Tail.NONE)
        program = reorder(program, "column_inner_outer_outer", "column_inner_outer_inner")
        names["column_inner_outer_outer"] = "group"
        names["column_inner_outer_inner"] = names.pop("column_inner_outer")
        own.insert(1, "group")
    names |= {"row_inner_outer": "thread_row", "row_inner_inner": "r"}
    for old, new in names.items():
        program = rename(program, old, new)
    program = reorder(program, "r", "thread_column")
    for loop in own:
        for total in totals:
            program = expand(program, loop, total)
    for copy, first in (("", len(totals)), ("_2", 1)):
        for number, loop in enumerate(own):
            program = fission(program, f"{loop}{copy}", first if number == 0 else 1)
    for loop in own:
        program = reorder(reorder(program, f"{loop}_2", "step"), f"{loop}_2", "k")
    for loop in ("thread_row", "thread_column"):
        program = bind(program, loop, LoopKind.THREAD)
    return program


def in_steps(program: LoopProgram, tile: BlockTile) -> LoopProgram:
    """Return a program that goes over the terms in steps, which are as long as each other; in parts
    of as many steps, in a loop ``part``, if a sum has several."""
    terms = program.loop("k").ends[0].constant
    together = tile.parts * tile.depth
    if tile.parts > 1 and isinstance(terms, int):  # a part's steps follow each other
        together = -(-terms // together) * tile.depth
    program = split(program, "k", together)
    if isinstance(program.loop("k_inner").body[0], If):
        program = predicate(program, "k_inner")
    if tile.parts == 1:
        return rename(rename(program, "k_outer", "step"), "k_inner", "k")
    program = split(program, "k_inner", tile.depth, Tail.NONE)
    names = ("part", "step") if isinstance(terms, int) else ("step", "part")
    for old, new in zip(("k_outer", "k_inner_outer", "k_inner_inner"), (*names, "k"), strict=True):
        program = rename(program, old, new)
    return program


def _staged(
    program: LoopProgram, tile: BlockTile, product: Product, operand: Operand
) -> LoopProgram:
    """Return a program that copies the tile of an operand to shared memory in each step, the terms
    as its rows. Threads take packs of neighbours, if memory has them."""
    factor = operand.factor
    if isinstance(factor, Local):
        return _computed(program, tile, product, operand, factor)
    assert isinstance(factor, Load)
    axes = axes_of(product, factor, operand.outer)
    assert axes is not None
    others = [axis for axis in range(len(factor.coords)) if axis not in axes]
    order, tiles = (*others, *axes), {}
    if operand.is_right and tile.thread_packs > 1:
        order, tiles = (*order, axes[1]), {axes[1]: tile.pack_columns}
    layout = BufferLayout(order, tiles, PADDING)
    is_along_terms = axes[0] == len(factor.coords) - 1
    has_packs = _has_packs(factor) and factor.coords[-1].variables
    neighbours = PACK if has_packs and not (is_along_terms and tile.depth % PACK) else 1
    return stage(
        program,
        "step",
        factor.buffer.name,
        BufferScope.SHARED,
        layout,
        f"{operand.name}_tile",
        neighbours,
    )


def _computed(
    program: LoopProgram, tile: BlockTile, product: Product, operand: Operand, factor: Local
) -> LoopProgram:
    """Return a program that computes the tile of an operand in shared memory in each step, as
    `_staged` copies one. Neighbouring threads take neighbouring terms, or neighbouring rows or
    columns if these are neighbours in memory."""
    terms = ["slice", "k"] if tile.groups > 1 else ["k"]
    outer = ["thread_row", "r_2"]
    if operand.is_right:
        outer = ["thread_column", "c_2"]
        if tile.thread_packs > 1:
            outer.insert(0, "group_2")
    along = is_along(product, factor, operand.outer)
    axes = [terms, outer] if along else [outer, terms]
    in_runs = operand.is_right and tile.run and not along
    taken = BufferLayout((1, 0, 1), {1: tile.run}) if in_runs else None
    order, tiles = [axes.index(terms), axes.index(outer)], {}
    if operand.is_right and tile.thread_packs > 1:
        order, tiles = [*order, order[1]], {order[1]: tile.pack_columns}
    layout = BufferLayout(tuple(order), tiles, PADDING)
    name = f"{operand.name}_tile"
    shared = BufferScope.SHARED
    program = stage_value(program, "step", factor.name, shared, layout, name, axes, taken)
    return propagate(program, factor.name)


def is_along(product: Product, factor: Value, outer: For) -> bool:
    """Return True if more neighbouring rows or columns than terms are neighbours in the memory that
    a factor is computed from."""
    loads = loads_of_factor(product, factor)
    for loop, answer in ((outer, True), (product.terms, False)):
        if any(product.steps(load, loop) == 1 for load in loads):
            return answer
    by_outer, by_terms = (
        max((_neighbours(product, load, loop) for load in loads), default=1)
        for loop in (outer, product.terms)
    )
    return by_outer > by_terms


def _neighbours(product: Product, load: Load, loop: For) -> int:
    """Return about how many turns of a loop, one behind the other, read neighbours in memory: fewer
    where there are gaps, which a column of several results has not."""
    place = product.ranges.simplified(load.buffer.place(load.coords))
    found = 1
    for atom, step in place.terms:
        if isinstance(atom, Remainder) and atom.dividend.factor(loop.variable) == 1:
            turns = atom.divisor
        elif atom is loop.variable:
            turns = loop.ends[0].constant
        else:
            continue
        if not isinstance(step, Dim) and abs(step) < PACK:
            is_filled = loop is product.columns and product.results_of_column > 1
            found = max(found, evaluate_at(turns, TYPICAL) // (1 if is_filled else abs(step)))
    return found


def loads_of_factor(product: Product, factor: Value) -> list[Load]:
    """Return the elements that a factor is, or is computed from."""
    if isinstance(factor, Load):
        return [factor]
    needed: set[Value] = {factor}
    found: list[Load] = []
    for one in reversed(product.terms.body):
        if isinstance(one, Let) and one.local in needed:
            parts = list(walk_value(one.value))
            needed.update(parts)
            found += [part for part in parts if isinstance(part, Load)]
    return found


def _has_packs(factor: Load) -> bool:
    """Return True if the rows of a factor's buffer begin at multiples of a pack, and end there."""
    *strides, last = factor.buffer.strides
    sizes: list[Size] = [*strides, factor.buffer.offset, factor.buffer.shape[-1]]
    return last == 1 and all(exact_quotient(size, PACK) is not None for size in sizes)


# ---- packs, and loops that are written out ------------------------------------------------------


def _in_packs(program: LoopProgram, tile: BlockTile, operands: Sequence[Operand]) -> LoopProgram:
    """Return a program whose threads move neighbours at once where that is possible."""
    for operand in operands:
        for name in _loops_named(program, f"{operand.name}_axis"):
            if not operand.is_right and tile.thread_rows != PACK:
                program = split(program, name, PACK, Tail.NONE)
                name = f"{name}_inner"
            program = pack(program, name)
        for name in _loops_named(program, f"{operand.name}_tile_neighbour"):
            program = _packed(program, name)
    for name in _loops_named(program, "c"):
        if name != "c_2":  # adds to the sums
            program = _packed(program, name)
    return program


def _packed(program: LoopProgram, name: str) -> LoopProgram:
    """Return a program in which the turns of a loop move what lies side by side at once, if they
    can, under a test ahead of them."""
    for rewrite in (branch, unswitch, pack):
        with contextlib.suppress(RewriteError):  # there is no test, or one of each turn; or
            program = rewrite(program, name)  # elements that are no neighbours
    return program


def _loops_named(program: LoopProgram, *begins: str) -> list[str]:
    names = [loop.variable.name for loop in innermost_loops(program.body)]
    return [name for name in names if name.startswith(begins)]


def _written_out(program: LoopProgram) -> LoopProgram:
    """Return a program that writes the loops of a thread out, but for that over steps; of one
    that is too long half of its turns at a time."""
    for loop in loops_in(program.body):
        name = loop.variable.name
        if loop.kind is not LoopKind.SERIAL or name == "step":
            continue
        try:
            program = bind(program, name, LoopKind.UNROLLED)
        except RewriteError:  # it is too long
            program = _partly_written_out(program, loop)
    return simplify(program)


def _partly_written_out(program: LoopProgram, loop: For) -> LoopProgram:
    """Return a program that writes as many turns of a loop out at a time as are not too long."""
    name, turns = loop.variable.name, known_turns(program, "split", loop)
    for count in range(turns // 2, 1, -1):
        if turns % count:
            continue
        parts = f"{name}_half" if 2 * count == turns else f"{name}_part"
        divided = rename(split(program, name, count, Tail.NONE), f"{name}_outer", parts)
        with contextlib.suppress(RewriteError):  # that is too long, too
            return bind(divided, f"{name}_inner", LoopKind.UNROLLED)
    return program


TILES = Mapping(
    "tiles by blocks",
    lambda program, target: is_of_matrices(program, tile_of),
    lambda program, target: by_blocks(program, target, tile_of),
    "what threads of a block share of the operands is read from memory once, while they multiply "
    "what was read before",
)

OF_ANY = tuple(
    replace(one, name=f"{one.name} of sums", why="a thread adds up all terms of its results")
    for one in POINTWISE
    if one is not PACKS
)
"""The mappings of products that no other one is for."""

PRODUCTS = (TILES, *OF_VECTORS, *OF_ANY)
"""The mappings of kernels of kind matmul."""
