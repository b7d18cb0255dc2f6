"""The loops of kernels of kind matmul, by what they go over, and the factors of a term."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from graphc.compiler.graph.dim import Dim, Size
from graphc.compiler.loops.buffer import Buffer, BufferScope, view
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    kept,
    loops_in,
    values_of,
    variables_of,
    walk,
    walk_in_ranges,
    walk_value,
)
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.buffers.axes import with_axes_of_loops
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.statement import Accumulate, Allocate, Check, For, Let
from graphc.compiler.loops.value import Apply, Load, Local, RandomWord, Value
from graphc.errors import RewriteError

_MEMORY = (BufferScope.GLOBAL, BufferScope.SHARED)

DRAWS = "it draws random words one by one"
"""Why a mapping is not for a product that `draws_words`."""


@dataclass(frozen=True)
class ProductLoops:
    """The loops of the products of a plain program, which share them.

    Attributes:
        kept: the loops whose turns are results, the outermost first: over matrices, rows and
            columns, or over fewer of these.
        terms: the loop over the terms of a sum.
    """

    kept: tuple[For, ...]
    terms: For

    @property
    def columns(self) -> For:
        """The innermost loop over results."""
        return self.kept[-1]


@dataclass(frozen=True)
class Product(ProductLoops):
    """A product of a plain program, of rows and columns.

    Attributes:
        total: the register that carries a sum.
        left, right: the factors of a term.
        ranges: those of a term.
    """

    total: Buffer
    left: Value
    right: Value
    ranges: Ranges

    @property
    def results_of_column(self) -> int:
        """The number of results of a turn of the loop over columns."""
        return 1

    @property
    def rows(self) -> For:
        """The loop over the rows of a matrix."""
        return self.kept[-2]

    @property
    def batch(self) -> tuple[For, ...]:
        """The loops over matrices, the outermost first."""
        return self.kept[:-2]

    def steps(self, factor: Value, loop: For) -> Size | None:
        """Return by how much the place of a factor in memory moves in a turn of a loop; None if it
        is not in memory, or does not always move as much."""
        if not isinstance(factor, Load):
            return None
        return self.ranges.step(factor.buffer.place(factor.coords), loop.variable)


def kept_loops(program: LoopProgram) -> tuple[For, ...]:
    """Return the loops that have nothing but one another inside, up to the sums of an element; no
    loop if there are other statements on the way than values that are named ahead of all."""
    found: list[For] = []
    body: Body = tuple(one for one in program.body if not isinstance(one, Let))
    while len(body) == 1 and isinstance(body[0], For):
        found.append(body[0])
        body = body[0].body
    return tuple(found) if any(isinstance(one, Allocate) for one in body) else ()


def product_loops_of(program: LoopProgram) -> ProductLoops | str:
    """Return the loops of a plain program's products, or why they are not those of a matrix."""
    kept = kept_loops(program)
    if not kept:
        return "it has one element, or computes values of whole rows or matrices"
    terms = [one for one in kept[-1].body if isinstance(one, For)]
    if len(loops_in(kept[-1].body)) != 1 or len(terms) != 1:
        return "its sums have several loops, or one under a condition"
    if not any(isinstance(one, Accumulate) for one in terms[0].body):
        return "it adds nothing up"
    return ProductLoops(kept, terms[0])


def known_sums_of(product: ProductLoops) -> tuple[int, int] | str:
    """Return the number of columns and that of the terms of a sum, or why they are not those of one
    matrix, known ahead of a call."""
    if len(product.kept) > 2:
        return "it has several matrices"
    columns, terms = (loop.ends[0].constant for loop in (product.columns, product.terms))
    if isinstance(columns, Dim) or isinstance(terms, Dim):
        return "only a call knows how many columns or terms there are"
    return columns, terms


@kept
def products_of(program: LoopProgram) -> tuple[Product, ...] | str:
    """Return the products of a plain program, which share their loops, or why they are none of rows
    and columns whose factors are in memory or named."""
    loops = product_loops_of(program)
    if isinstance(loops, str):
        return loops
    added = [one for one in walk(loops.terms.body) if isinstance(one, Accumulate)]
    if not all(any(one is other for other in loops.terms.body) for one in added):
        return "it has a product under a condition"
    known = {id(one): ranges for one, ranges in walk_in_ranges(program.body, program.ranges)}
    found = []
    for one in added:
        made = _product(loops, one, known[id(one)])
        if isinstance(made, str):
            return made
        found.append(made)
    return tuple(found)


def product_of(program: LoopProgram) -> Product | str:
    """Return the only product of a plain program, or why it has none, or none of rows and columns
    whose factors are in memory or named."""
    products = products_of(program)
    if isinstance(products, str):
        return products
    return products[0] if len(products) == 1 else f"it has {len(products)} products"


def _product(loops: ProductLoops, added: Accumulate, ranges: Ranges) -> Product | str:
    """Return the product whose terms a statement adds up."""
    value = added.values[0]
    if added.reduction != "sum" or not isinstance(value, Apply) or value.op != "mul":
        return "it does not add products"
    if np.dtype(value.dtype).kind != "f":
        return f"it is of {value.dtype}"
    if len(loops.kept) < 2:
        return "it has one row, or one column"
    left, right = value.operands
    named = variables_of_names(loops.terms.body)
    of_left, of_right = (variables_of_factor(one, named) for one in (left, right))
    if loops.kept[-1].variable in of_left and loops.kept[-2].variable in of_right:
        left, right = right, left
    for factor, shared_by in ((left, loops.kept[-1]), (right, loops.kept[-2])):
        is_there = isinstance(factor, Load) and factor.buffer.scope in _MEMORY
        if not is_there and not isinstance(factor, Local):
            return f"{factor} is neither in memory nor computed by itself"
        if shared_by.variable in variables_of_factor(factor, named):
            return f"{factor} is another one for each {shared_by.variable}"
    return Product(loops.kept, loops.terms, added.targets[0].buffer, left, right, ranges)


def variables_of_factor(
    factor: Value, named: Mapping[Local, frozenset[LoopVariable]]
) -> frozenset[LoopVariable]:
    """Return the variables of the loops in whose turns a factor is another one, given those of
    named values."""
    if isinstance(factor, Load):
        return frozenset().union(*(coord.variables for coord in factor.coords))
    return named.get(factor, frozenset()) if isinstance(factor, Local) else frozenset()


def variables_of_names(body: Body) -> dict[Local, frozenset[LoopVariable]]:
    """Return the variables of the loops in whose turns each value that statements name is another
    one."""
    found: dict[Local, frozenset[LoopVariable]] = {}
    for one in walk(body):
        if isinstance(one, Let):
            named = (found.get(part) for part in walk_value(one.value) if isinstance(part, Local))
            found[one.local] = variables_of(one).union(*filter(None, named))
    return found


@kept
def with_values_at_sums(program: LoopProgram) -> LoopProgram:
    """Return a program in which values of whole rows and matrices are computed for each result,
    behind its sums, or for each term, if nothing else stands between the loops over results."""
    nest, column = program, ""
    body: Body = tuple(one for one in program.body if not isinstance(one, Let))
    try:
        while (inner := _loop_behind_values(body)) is not None:
            column = inner.variable.name
            nest = sink(nest, column) if len(body) > 1 else nest
            body = nest.loop(column).body
        if not body or not isinstance(body[0], Let | Check):
            return program
        nest = defer(nest, column)
        body = nest.loop(column).body
        terms = next((one for one in body if isinstance(one, For)), None)
        if terms is None:
            return nest
        ahead = itertools.takewhile(lambda one: one is not terms, body)
        of_terms = sum(isinstance(one, Let) for one in ahead)
        nest = sink(nest, terms.variable.name, of_terms) if of_terms else nest
    except RewriteError:  # a loop changes what a value is computed of, or it is used behind, too
        return program
    return nest


def _loop_behind_values(body: Body) -> For | None:
    """Return the loop that ends a body, if there is nothing else than names of values and checks of
    indices in it."""
    *ahead, last = body
    if isinstance(last, For) and all(isinstance(one, Let | Check) for one in ahead):
        return last
    return None


def with_separate_factors(program: LoopProgram) -> LoopProgram:
    """Return a program in which no buffer is on both sides of products, though both sides be of one
    memory, as those of a matrix times its transpose: what is copied for one side is not read by the
    other then."""
    found = products_of(program)
    products = found if not isinstance(found, str) else ()
    lefts = {one.left.buffer for one in products if isinstance(one.left, Load)}
    names, views = Names(program), dict[Buffer, Buffer]()
    separate: dict[int, Load] = {}
    for right in (one.right for one in products):
        if not isinstance(right, Load) or right.buffer not in lefts:
            continue
        whole = right.buffer
        if whole not in views:
            views[whole] = view(whole, names.new(f"{whole.name}_right"), whole.shape, whole.strides)
        separate[id(right)] = Load(views[whole], right.coords)
    if not separate:
        return program
    terms = products[0].terms
    body = Parts(value=lambda one: separate.get(id(one), one)).in_body(terms.body)
    return program.with_loop(terms.variable.name, lambda loop: (replace(loop, body=body),))


def with_axes_of_products(program: LoopProgram) -> LoopProgram:
    """Return a program in which an image that a product reads or stores as a row of numbers is one:
    an axis of each buffer is that of one loop."""
    loops = product_loops_of(program)
    if isinstance(loops, str):
        return program
    program = flatten(program)
    for loop in (loops.columns, loops.terms):
        program = with_axes_of_loops(program, loop.variable.name)
    return program


def draws_words(body: Body) -> bool:
    """Return True if statements compute random words."""
    return any(
        isinstance(part, RandomWord)
        for statement in walk(body)
        for value in values_of(statement)
        for part in walk_value(value)
    )
