"""Convolutions with a pooling behind them as products: the loops of a plain program.

    for n < samples:                         for row < filters:
      for f < filters:                         for column < samples * windows:
        for w < windows:                         allocate total: float32[4] in register
          best = -inf                            for place < 4:
          for k < 4:                               total[place] = 0.0
            allocate total                       for place_2 < 4:
            for c < channels:                      for k < channels * taps:
              ...                                    total[place_2] += x_element * weights[row, k]
            best = max(best, total + b[f])       best = -inf
          y[n, f, w] = best                      for place_3 < 4:
                                                   best = max(best, total[place_3] + b[row])
                                                 y[...] = best

A place is an element of a window of the pooling, so a result of the convolution: a column of a
product has several. Threads that own whole columns have all that the pooling reads.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    block_of,
    innermost_loops,
    kept,
    loops_in,
    reads_bound,
    walk,
    walk_in_ranges,
)
from graphc.compiler.loops.rewrites.buffers.expand import expand
from graphc.compiler.loops.rewrites.buffers.flatten import join_axes
from graphc.compiler.loops.rewrites.buffers.postpone import postpone
from graphc.compiler.loops.rewrites.conditions.narrow import narrow
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let
from graphc.compiler.loops.text import program_text
from graphc.compiler.loops.value import Apply, Load, Value
from graphc.compiler.targets.convolution_loops import (
    loops_by_factors,
    names_of_loops,
    with_fused_loops,
    with_loops_in_order,
    with_named_factors,
)
from graphc.compiler.targets.product_loops import Product, kept_loops
from graphc.errors import RewriteError


@dataclass(frozen=True)
class PooledProduct(Product):
    """A product of whose results each column has several, side by side.

    Attributes:
        places: the loops over the results of a column, by their parts of a program: which store the
            first values of sums, which add terms, and which read the sums.
    """

    places: tuple[For, For, For]

    @property
    def results_of_column(self) -> int:
        """The number of elements of a window of the pooling."""
        turns = self.places[0].ends[0].constant
        assert isinstance(turns, int)
        return turns


@kept
def in_pooled_products(program: LoopProgram) -> LoopProgram:
    """Return a plain program of a convolution, with a pooling behind it, as one of a product whose
    columns are the windows of the pooling: loops over filters and windows, and in these over
    places, one behind the other: with the first values of sums, their terms, what is pooled.

    Raises:
        RewriteError: it is no pooling of a product of filters and windows.
    """
    program = _with_values_of_windows(program)
    loops = _pooled_loops_of(program)
    if isinstance(loops, str):
        raise _refused(program, loops)
    column = loops.around[-1].variable.name
    program = defer(program, column)
    first, *others = names_of_loops(loops.places)
    program = _with_values_inside(program, first, of_terms=True)
    for name in others:
        program = _with_values_inside(program, name)
    program, place = with_fused_loops(program, names_of_loops(loops.places))
    program = defer(_in_parts(program, column, place, loops.total), column)
    program = _with_values_of_terms(program, f"{place}_2")
    nest = loops_in(program.loop(f"{place}_2").body)
    if any(len(one.body) != 1 for one in nest[:-1]):
        raise _refused(program, "its terms are in several loops")
    factors = loops_by_factors(loops.around, nest)
    if isinstance(factors, str):
        raise _refused(program, factors)
    filters, windows, terms = (
        names_of_loops(x) for x in (factors.filters, factors.windows, factors.terms)
    )
    program = with_loops_in_order(program, [*filters, *windows])
    for names in (filters, windows, terms):
        program, inner = with_fused_loops(program, names)
    if isinstance(program.loop(inner).body[0], If):
        program = pad(program, inner)
    program = join_axes(with_named_factors(program, inner))
    (added,) = (one for one in program.loop(inner).body if isinstance(one, Accumulate))
    image = _factors_of(added)[0]
    return name_element(program, inner, image)[0] if isinstance(image, Load) else program


def pooled_product_of(program: LoopProgram) -> PooledProduct:
    """Return the product of a program that `in_pooled_products` has made."""
    kept = kept_loops(program)
    first, added, *others = (one for one in kept[-1].body if isinstance(one, For))
    (terms,) = (one for one in added.body if isinstance(one, For))
    (adds,) = (one for one in terms.body if isinstance(one, Accumulate))
    known = {id(one): ranges for one, ranges in walk_in_ranges(program.body, program.ranges)}
    image, weights = _factors_of(adds)
    total, ranges = adds.targets[0].buffer, known[id(adds)]
    return PooledProduct(kept, terms, total, weights, image, ranges, (first, added, others[0]))


def _factors_of(added: Accumulate) -> tuple[Value, Value]:
    """Return the factors of a term: an element of the image, and one of the weights."""
    (term,) = added.values
    assert isinstance(term, Apply)
    image, weights = term.operands
    return image, weights


def _refused(program: LoopProgram, why: str) -> RewriteError:
    reason = f"{program.name} as a product of filters and pooled windows: {why}"
    return RewriteError(reason, lambda: program_text(program))


# ---- the plain program --------------------------------------------------------------------------


@dataclass(frozen=True)
class _PooledLoops:
    """The loops of the plain program of a convolution with a pooling behind it.

    Attributes:
        around: those over results of the pooling, the outermost first.
        places: those over the elements of its windows.
        total: the register that carries a sum of the convolution.
    """

    around: tuple[For, ...]
    places: tuple[For, ...]
    total: str


def _pooled_loops_of(program: LoopProgram) -> _PooledLoops | str:
    """Return the loops of a plain program that has nothing but one another around a pooling, or why
    it has no pooling of a convolution."""
    around = kept_loops(program)
    if not around:
        return "it has one result, or has values of whole samples or windows"
    inside = [one for one in around[-1].body if isinstance(one, For)]
    if len(inside) != 1:
        return f"its results have {len(inside)} loops over what is pooled"
    places = [inside[0]]
    while isinstance(last := places[-1].body[-1], For):
        places.append(last)
    body = places[-1].body
    allocated = [one for one in body if isinstance(one, Allocate)]
    if len(allocated) != 1 or len([one for one in body if isinstance(one, For)]) != 1:
        return "it pools no results of a convolution"
    return _PooledLoops(around, tuple(places), allocated[0].buffer.name)


def _with_values_of_windows(program: LoopProgram) -> LoopProgram:
    """Return a program that has values of whole samples or filters computed for each result of a
    pooling."""
    for name in names_of_loops(loops_in(program.body)):
        *ahead, last = program.loop(name).body
        if any(isinstance(one, Allocate) for one in ahead):
            break
        if ahead and isinstance(last, For):
            program = sink(program, last.variable.name)
    return program


def _with_values_inside(program: LoopProgram, loop: str, of_terms: bool = False) -> LoopProgram:
    """Return a program that computes the values right ahead of a loop in each of its turns; or
    those alone that the terms of sums are made of, if `of_terms`, and what is between them."""
    block, place = block_of(program, program.loop(loop))
    ahead = list(itertools.takewhile(lambda one: isinstance(one, Let), reversed(block[:place])))
    if of_terms:
        needed: Body = tuple(innermost_loops((program.loop(loop),)))
        count = 0
        for number, one in enumerate(ahead):
            if any(reads_bound(statement, (one,)) for statement in walk(needed)):
                needed, count = (*needed, one), number + 1
        ahead = ahead[:count]
    return sink(program, loop, len(ahead)) if ahead else program


def _in_parts(program: LoopProgram, column: str, place: str, total: str) -> LoopProgram:
    """Return a program that has a loop over places for the first values of sums, one for their
    terms, and one for what reads them, one behind the other. The last one alone is the pooling's.
    """
    program = expand(defer(program, place), place, total)
    program = fission(program, place, 1)
    body = program.loop(f"{place}_2").body
    behind = 1 + next(number for number, one in enumerate(body) if isinstance(one, For))
    program = fission(program, f"{place}_2", behind)
    for name in (place, f"{place}_2"):
        program = program.with_loop(name, lambda one: (replace(one, note=""),))
    for one in program.loop(column).body:
        if isinstance(one, Allocate) and one.buffer.name != total:
            program = postpone(program, one.buffer.name)
    return program


def _with_values_of_terms(program: LoopProgram, place: str) -> LoopProgram:
    """Return a program whose sums have nothing in front of a loop over terms, or of a test in one:
    values of a whole channel are computed for each of its terms."""
    for name in [place, *names_of_loops(loops_in(program.loop(place).body))]:
        for one in program.loop(name).body[1:]:
            if isinstance(one, For):
                program = sink(program, one.variable.name)
    for innermost in innermost_loops(program.loop(place).body):
        if len(innermost.body) > 1 and isinstance(innermost.body[-1], If):
            program = narrow(program, innermost.variable.name)
    return program
