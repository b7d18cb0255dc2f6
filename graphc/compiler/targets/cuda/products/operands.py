"""The operands of products on a GPU: matrices in memory, or elements that are computed by name.

A plain program becomes one in which nothing stands between the loops over results, each operand is
a buffer of its own or a named value of a term, and each of its axes is that of one loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram, kept, loads_of, values_of, walk
from graphc.compiler.loops.rewrites.buffers.view_element import view_element
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.statement import Accumulate, For
from graphc.compiler.loops.value import Apply, Constant, Load, Value
from graphc.compiler.targets.product_loops import (
    Product,
    ProductLoops,
    product_loops_of,
    products_of,
    variables_of_factor,
    variables_of_names,
    with_axes_of_products,
    with_values_at_sums,
)


@dataclass(frozen=True)
class Operand:
    """An operand of one or several products, as blocks have its tiles.

    Attributes:
        name: of its tile.
        factor: an element of it, or the name of one that is computed.
        outer: the loop over the rows of a left one, or the columns of a right one.
        is_right: True of a right one.
    """

    name: str
    factor: Value
    outer: For
    is_right: bool


def operands_of(products: Sequence[Product]) -> list[Operand]:
    """Return the operands of products, each once: the left ones, then the right ones."""
    found: list[Operand] = []
    for side, outer in (("left", products[0].rows), ("right", products[0].columns)):
        factors: list[Value] = list(dict.fromkeys(getattr(one, side) for one in products))
        for number, factor in enumerate(factors):
            name = side if len(factors) == 1 else f"{side}{number}"
            found.append(Operand(name, factor, outer, side == "right"))
    return found


@kept
def with_matrices(program: LoopProgram) -> LoopProgram:
    """Return a program whose operands are matrices in memory, each a buffer of its own, or named
    factors."""
    program = _with_rows_inside(with_values_at_sums(program))
    program = _with_named_constants(with_axes_of_products(program))
    return _with_own_buffers(_with_named_factors(program))


def _with_rows_inside(program: LoopProgram) -> LoopProgram:
    """Return a program in which the innermost loop that moves left operands alone is the one around
    that over columns."""
    loops = product_loops_of(program)
    if isinstance(loops, str):
        return program
    named = variables_of_names(loops.terms.body)
    lefts: set[LoopVariable] = set()
    rights: set[LoopVariable] = set()
    for factor in _factors_of(loops):
        moved = variables_of_factor(factor, named)
        (rights if loops.columns.variable in moved else lefts).update(moved)
    rows = [k for k, one in enumerate(loops.kept) if one.variable in lefts - rights]
    if rows:
        row = loops.kept[rows[-1]].variable.name
        for inner in loops.kept[rows[-1] + 1 : -1]:
            program = reorder(program, row, inner.variable.name)
    return program


def _factors_of(loops: ProductLoops) -> tuple[Value, ...]:
    """Return the factors of the terms that loops add up, each once."""
    sums = (one for one in loops.terms.body if isinstance(one, Accumulate))
    values = (value for one in sums for value in values_of(one) if isinstance(value, Apply))
    return tuple(dict.fromkeys(factor for value in values for factor in value.operands))


def _with_named_constants(program: LoopProgram) -> LoopProgram:
    """Return a program in which each factor that is a number has a name."""
    loops = product_loops_of(program)
    if isinstance(loops, str):
        return program
    for factor in _factors_of(loops):
        if isinstance(factor, Constant):
            program, _ = name_element(program, loops.terms.variable.name, factor)
    return program


def _with_named_factors(program: LoopProgram) -> LoopProgram:
    """Return a program in which each factor that is no element of a matrix in memory has a name."""
    products = products_of(program)
    if isinstance(products, str):
        return program
    for operand in operands_of(products):
        factor = operand.factor
        if isinstance(factor, Load) and axes_of(products[0], factor, operand.outer) is None:
            program, _ = name_element(program, products[0].terms.variable.name, factor)
    return program


def _with_own_buffers(program: LoopProgram) -> LoopProgram:
    """Return a program in which each matrix is a buffer that ends with the terms, and of which a
    term reads no other element."""
    products = products_of(program)
    if isinstance(products, str):
        return program
    terms = products[0].terms
    for operand in operands_of(products):
        factor = operand.factor
        if not isinstance(factor, Load):
            continue
        loads = {
            load for one in walk(program.loop(terms.variable.name).body) for load in loads_of(one)
        }
        is_read_twice = any(load.buffer is factor.buffer for load in loads - {factor})
        if is_read_twice or not _ends_with(products[0], factor):
            program = view_element(program, terms.variable.name, factor)
    return program


def _ends_with(product: Product, factor: Load) -> bool:
    """Return True if the last term reads the last elements of a factor's buffer."""
    return all(
        size - coord.constant == product.terms.ends[0].constant
        for coord, size in zip(factor.coords, factor.buffer.shape, strict=True)
        if product.terms.variable in coord.variables
    )


def axes_of(product: Product, factor: Load, outer: For) -> tuple[int, int] | None:
    """Return the axes of a factor's buffer along which it moves in the turns of the terms, and of
    the rows or columns: one by one, each along its own; None if it does otherwise."""
    found = []
    for loop in (product.terms, outer):
        axes = [
            axis for axis, coord in enumerate(factor.coords) if loop.variable in coord.variables
        ]
        if len(axes) != 1 or product.ranges.step(factor.coords[axes[0]], loop.variable) != 1:
            return None
        found += axes
    terms, other = found
    return None if terms == other else (terms, other)
