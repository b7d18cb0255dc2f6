"""Convolutions as products of matrices: the loops of a plain program, by what they go over.

    for n < samples:                         for row < filters:
      for f < filters:                         for column < samples * windows:
        for w < windows:                         for k < channels * taps:
          for c < channels:                        x_element = (x[column // windows, k // taps,
            for t < taps:                                         column % windows + k % taps - 1]
              if 1 <= w + t < size + 1:                        if ... else 0.0)
                s += x[n, c, w + t - 1]            s += x_element * weights[row, k]
                     * weights[f, c, t]

Nothing is copied or unfolded: it is an implicit product (Chetlur et al., "cuDNN: Efficient
primitives for deep learning", 2014). Filters are the rows, since then neighbouring columns are
neighbouring windows, which are neighbours in the result and, with stride 1, in the image. The
gradients are convolutions again, so they are products, too.

The factor of an image is 0 where a window reaches over its ends, and multiplied there. So a weight
that is infinite or NaN reaches all windows, as in the interpreter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    innermost_loops,
    kept,
    loops_in,
    variables_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.rewrites.buffers.flatten import join_axes
from graphc.compiler.loops.rewrites.conditions.narrow import narrow
from graphc.compiler.loops.rewrites.conditions.pad import pad
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.reorder import reorder
from graphc.compiler.loops.rewrites.loops.sink import sink
from graphc.compiler.loops.rewrites.values.defer import defer
from graphc.compiler.loops.rewrites.values.name_element import name_element
from graphc.compiler.loops.statement import Accumulate, Allocate, For, If, Let
from graphc.compiler.loops.text import program_text
from graphc.compiler.loops.value import Apply, Load, Local, Value
from graphc.compiler.targets.product_loops import kept_loops, variables_of_names
from graphc.errors import RewriteError


@dataclass(frozen=True)
class ConvolutionLoops:
    """The loops of the plain program of a convolution, the outermost of each kind first.

    Attributes:
        filters: those over what the kernel has and the image has not: the rows of a product.
        windows: those over samples and windows, which the kernel has not: its columns.
        terms: those over channels and taps.
    """

    filters: tuple[For, ...]
    windows: tuple[For, ...]
    terms: tuple[For, ...]


def convolution_loops_of(
    program: LoopProgram, *, may_be_missing: bool = False, may_have_holes: bool = False
) -> ConvolutionLoops | str:
    """Return the loops of a plain program of a convolution, in which all values of a term are in
    the innermost loop, or why it is no product of filters and windows; it may have no loop over
    filters, or over windows, if they `may_be_missing`, and holes between the elements of its image
    if it `may_have_holes`."""
    around = kept_loops(program)
    if not around:
        return "it has one result, or has values of whole samples or windows"
    sums = [one for one in around[-1].body if isinstance(one, For)]
    if len(sums) != 1:
        return f"its results have {len(sums)} loops over terms"
    terms = [sums[0]]
    while len(terms[-1].body) == 1 and isinstance(only := terms[-1].body[0], For):
        terms.append(only)
    return loops_by_factors(
        around, terms, may_be_missing=may_be_missing, may_have_holes=may_have_holes
    )


def loops_by_factors(
    around: Sequence[For],
    terms: Sequence[For],
    *,
    may_be_missing: bool = False,
    may_have_holes: bool = False,
) -> ConvolutionLoops | str:
    """Return loops around results by the factor that is another one in their turns, and those over
    terms, the innermost of which adds one product; or why they are not those of a convolution."""
    body = terms[-1].body
    if len(body) == 1 and isinstance(test := body[0], If) and not test.otherwise:
        if any(one.equal for one in test.conditions) and not may_have_holes:
            return "its image has holes between elements"
        body = test.body
    added = [one for one in body if isinstance(one, Accumulate)]
    term = added[0].values[0] if len(added) == 1 else None
    if not isinstance(term, Apply) or term.op != "mul":
        return "it does not add one product in each turn"
    if not all(isinstance(one, Let | Accumulate) for one in body):
        return "a factor is computed by statements of its own"
    image, kernel = (_variables_behind(one, body) for one in term.operands)
    for one in around:
        if one.variable in image & kernel:
            return f"both factors are others for each {one.variable}"
    filters = tuple(one for one in around if one.variable in kernel)
    windows = tuple(one for one in around if one.variable not in kernel)
    if not filters and not may_be_missing:
        return "it has one filter"
    if not windows and not may_be_missing:
        return "it has one window of one sample"
    return ConvolutionLoops(filters, windows, tuple(terms))


def dtype_of_sums(program: LoopProgram) -> str:
    """Return the dtype of the sums of a program of a convolution; its results may be others, as
    masks of them."""
    added = next(one for one in walk(program.body) if isinstance(one, Accumulate))
    return added.targets[0].buffer.dtype


def _variables_behind(factor: Value, body: Body) -> frozenset[LoopVariable]:
    """Return the variables of the loops in whose turns a factor is another one."""
    named = variables_of_names(body)
    behind = (named.get(one) for one in walk_value(factor) if isinstance(one, Local))
    own = variables_of(Let(Local("factor", factor.dtype), factor))
    return own.union(*filter(None, behind))


@kept
def in_products(program: LoopProgram, by_samples: bool = False) -> LoopProgram:
    """Return a plain program of a convolution as one of a product: a loop over filters, and in it
    one over windows, and in that one over terms, in each turn of which one is added.

    Args:
        program: the program.
        by_samples: True if the outermost loop over windows, which is that over samples where there
            are several, is one over matrices, around that over filters.

    Raises:
        RewriteError: it is no product of filters and windows.
    """
    program = with_values_of_terms(program)
    loops = convolution_loops_of(program)
    if isinstance(loops, str):
        reason = f"{program.name} as a product of filters and windows: {loops}"
        raise RewriteError(reason, lambda: program_text(program))
    filters, windows, terms = (
        names_of_loops(x) for x in (loops.filters, loops.windows, loops.terms)
    )
    matrices = windows[:1] if by_samples and len(windows) > 1 else []
    columns = windows[len(matrices) :]
    program = with_loops_in_order(program, [*matrices, *filters, *columns])
    for names in (filters, columns, terms):
        program, inner = with_fused_loops(program, names)
    if isinstance(program.loop(inner).body[0], If):
        program = pad(program, inner)
    return join_axes(with_named_factors(program, inner))


def in_nest(program: LoopProgram) -> tuple[LoopProgram, ConvolutionLoops]:
    """Return a program, maybe of an image with holes, that has loops over filters, in these those
    over samples and windows, and in these those over terms; and these loops.

    Raises:
        RewriteError: it is no product of filters and windows.
    """
    program = with_values_of_terms(program)
    loops = convolution_loops_of(program, may_have_holes=True)
    if isinstance(loops, str):
        reason = f"{program.name} as a nest over filters and windows: {loops}"
        raise RewriteError(reason, lambda: program_text(program))
    program = with_loops_in_order(program, names_of_loops((*loops.filters, *loops.windows)))
    found = convolution_loops_of(program, may_have_holes=True)
    assert not isinstance(found, str)
    return program, found


@kept
def in_vectors(program: LoopProgram) -> LoopProgram:
    """Return a plain program of a convolution of one filter, or of one window, as one of a product
    of a matrix and a vector: a loop over results, and in it one over terms.

    Raises:
        RewriteError: it has filters and windows, or is no product at all.
    """
    program = with_values_of_terms(program)
    loops = convolution_loops_of(program, may_be_missing=True)
    if isinstance(loops, str) or (loops.filters and loops.windows):
        why = loops if isinstance(loops, str) else "it has filters and windows"
        reason = f"{program.name} as a product of vectors: {why}"
        raise RewriteError(reason, lambda: program_text(program))
    for names in map(names_of_loops, (loops.filters or loops.windows, loops.terms)):
        program, inner = with_fused_loops(program, names)
    if isinstance(program.loop(inner).body[0], If):
        program = pad(program, inner)
    return join_axes(program)


def with_values_inside(program: LoopProgram) -> LoopProgram:
    """Return a program that has values of whole samples, filters or windows computed for each
    result of a convolution, and those of whole channels for each term."""
    program = with_values_of_terms(with_values_of_results(program))
    around = kept_loops(program)
    return defer(program, around[-1].variable.name) if around else program


def with_values_of_results(program: LoopProgram) -> LoopProgram:
    """Return a program that has values of whole samples, filters or windows computed for each
    result."""
    for name in names_of_loops(loops_in(program.body)):
        *ahead, last = program.loop(name).body
        if any(isinstance(one, Allocate) for one in ahead):
            break
        if ahead and isinstance(last, For):
            program = sink(program, last.variable.name)
    return program


def with_values_of_terms(program: LoopProgram) -> LoopProgram:
    """Return a program whose sums have nothing in front of an inner loop over terms, or of a test
    in it: values of a whole channel, and weights, are computed for each of its terms.

    Raises:
        RewriteError: its sums are read by a pooling, or by something else than their terms.
    """
    around = kept_loops(program)
    body = around[-1].body if around else program.body
    if any(isinstance(one, Allocate) for outer in loops_in(body) for one in outer.body):
        reason = f"{program.name} as a product: a pooling reads its results"
        raise RewriteError(reason, lambda: program_text(program))
    for outer in loops_in(body):
        for one in outer.body[1:]:
            if isinstance(one, For):
                program = sink(program, one.variable.name)
    for innermost in innermost_loops(kept_loops(program)[-1].body if around else program.body):
        if len(innermost.body) > 1 and isinstance(innermost.body[-1], If):
            program = narrow(program, innermost.variable.name)
    return program


def with_named_factors(program: LoopProgram, loop: str) -> LoopProgram:
    """Return a program in which each factor of the terms of a loop is an element or has a name: an
    image behind a concatenation is an element of one of several arrays."""
    (added,) = (one for one in program.loop(loop).body if isinstance(one, Accumulate))
    for value in added.values:
        for factor in value.operands if isinstance(value, Apply) else ():
            if not isinstance(factor, Load | Local):
                program, _ = name_element(program, loop, factor)
    return program


def names_of_loops(loops: Sequence[For]) -> list[str]:
    """Return the names of the variables of loops."""
    return [one.variable.name for one in loops]


def with_loops_in_order(program: LoopProgram, order: Sequence[str]) -> LoopProgram:
    """Return a program whose perfect nest of loops has these from the outermost to the innermost
    one."""
    around = names_of_loops(kept_loops(program))
    for place, name in enumerate(order):
        for outer in reversed(around[place : around.index(name)]):
            program = reorder(program, outer, name)
        around.remove(name)
        around.insert(place, name)
    return program


def with_fused_loops(program: LoopProgram, names: Sequence[str]) -> tuple[LoopProgram, str]:
    """Return a program in which loops that are inside of each other are one, and that loop."""
    outer, *others = names
    for inner in others:
        program = fuse(program, outer, inner)
        outer = f"{outer}_{inner}"
    return program, outer
