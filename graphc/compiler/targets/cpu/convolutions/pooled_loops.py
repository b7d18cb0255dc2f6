"""The loops of convolutions with a pooling behind them, by what they go over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.index import Index, LoopVariable, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    loops_in,
    path_to,
    variables_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.statement import Accumulate, Allocate, For, Let
from graphc.compiler.loops.value import Apply, Local, Value
from graphc.compiler.targets.convolution_loops import with_values_of_results
from graphc.compiler.targets.cpu.convolutions.operands import indices_in
from graphc.compiler.targets.product_loops import kept_loops, variables_of_names
from graphc.errors import RewriteError


@dataclass(frozen=True)
class PooledLoops:
    """The loops of the plain program of a convolution that is pooled.

    Attributes:
        filters, windows: of the results, those over filters, and over samples and windows.
        places: those over the elements of a window.
        coords: the coordinates of a sum, without sample and filter, in the variables of these.
        total: what a sum is added up in.
        terms: those over the terms of a sum.
    """

    filters: tuple[For, ...]
    windows: tuple[For, ...]
    places: tuple[For, ...]
    coords: tuple[Index, ...]
    total: str
    terms: tuple[For, ...]


def pooled_loops_inside(program: LoopProgram) -> tuple[LoopProgram, PooledLoops | str]:
    """Return a plain program with values of samples, filters and windows inside, and its loops, or
    why it has none."""
    try:
        program = with_values_of_results(program)
    except RewriteError as error:
        return program, error.reason
    return program, pooled_loops_of(program)


def pooled_loops_of(program: LoopProgram) -> PooledLoops | str:
    """Return the loops of a plain program, in which values of whole samples, filters or windows are
    computed for each result, or why it is no pooled convolution."""
    around = kept_loops(program)
    if not around:
        return "it has one result, or has values of whole samples or windows"
    body = around[-1].body
    sums = [one for one in walk(body) if isinstance(one, Accumulate) and _adds_product(one)]
    if len(sums) != 1:
        return f"it adds up products in {len(sums)} places"
    (added,) = sums
    total = added.targets[0].buffer
    allocate = next(one for one in walk(body) if isinstance(one, Allocate) and one.buffer is total)
    outside = path_to(body, allocate)
    places = tuple(one for one in outside if isinstance(one, For))
    inside = [one for one in path_to(body, added) if all(one is not x for x in outside)]
    terms = tuple(one for one in inside if isinstance(one, For))
    if not places:
        return "nothing is pooled"
    if not terms:
        return "its sums have one term"
    if any(one.ends[0].is_constant and one.ends[0].constant == 0 for one in loops_in(program.body)):
        return "it has no terms, or no results"
    (term,) = added.values
    assert isinstance(term, Apply)
    image, kernel = (_variables_behind(one, terms[-1].body) for one in term.operands)
    for one in (*around, *places):
        if one.variable in image & kernel or (one in places and one.variable in kernel):
            return f"both factors are others for each {one.variable}"
    filters = tuple(one for one in around if one.variable in kernel)
    if len(filters) > 1:
        return f"its filters have {len(filters)} axes"
    windows = tuple(one for one in around if one.variable not in kernel)
    coords = _coordinates(windows, places, terms[-1].body)
    if isinstance(coords, str):
        return coords
    return PooledLoops(filters, windows, places, coords, total.name, terms)


def _adds_product(one: Accumulate) -> bool:
    value = one.values[0]
    return one.reduction == "sum" and isinstance(value, Apply) and value.op == "mul"


def _variables_behind(factor: Value, body: Body) -> frozenset[LoopVariable]:
    """Return the variables of the loops in whose turns a factor is another one."""
    named = variables_of_names(body)
    behind = (named.get(one) for one in walk_value(factor) if isinstance(one, Local))
    own = variables_of(Let(Local("factor", factor.dtype), factor))
    return own.union(*filter(None, behind))


def _coordinates(
    windows: Sequence[For], places: Sequence[For], body: Body
) -> tuple[Index, ...] | str:
    """Return the coordinates of a sum that windows and places make, in the order of the image's
    axes, or why they are not known."""
    outer = [one.variable for one in (*windows, *places)]
    forms = [of_variables(one, outer) for one in indices_in(body)]
    coords: list[Index] = []
    for number, place in enumerate(places):
        own = place.variable
        of_place = [one - one.constant for one in forms if one.factor(own) != 0]
        if not of_place:
            return f"its image is not another one for each {own}"
        form = min(of_place, key=lambda one: len(one.terms))
        others = [one.variable for one in places if one is not place]
        if any(one in form.variables for one in others):  # axes are one in memory
            behind = len(windows) - len(places) + number
            pair = (own, windows[behind].variable) if behind > 0 else (own,)
            form = of_variables(form, pair)
        coord = _divided(form, own)
        if coord is None or any(coord.factor(x) == 0 for x in coord.variables):
            return f"its windows are no multiples of {own} apart"
        coords.append(coord)
    covered = frozenset().union(*(one.variables for one in coords))
    alone = [index_of(one.variable) for one in windows[1:] if one.variable not in covered]
    if len(covered) < sum(len(one.variables) for one in coords):
        return "its windows make several coordinates together"

    def order(coord: Index) -> tuple[int, int]:
        (own, *_) = [x for x in coord.variables if coord.factor(x) == 1]
        number, form = next((k, x) for k, x in enumerate(forms) if x.factor(own) != 0)
        factor = form.factor(own)
        return number, -factor if isinstance(factor, int) else 0

    if any(all(x.factor(y) == 0 for x in forms for y in one.variables) for one in alone):
        return "its image is the same one for windows along an axis"
    return tuple(sorted((*coords, *alone), key=order))


def of_variables(index: Index, variables: Sequence[LoopVariable]) -> Index:
    """Return the part of an index that is made of variables, and its constant."""
    return index.with_terms(lambda atom, _: atom in variables)


def _divided(form: Index, own: LoopVariable) -> Index | None:
    """Return an index divided by the factor of a variable; None if that does not divide it."""
    factor = form.factor(own)
    if not is_never_negative(factor):  # of a flipped image
        form, factor = -form, -factor
    if not is_never_negative(factor - 1):
        return None
    divided = form // factor
    return divided if divided * factor is form and divided.factor(own) == 1 else None


def window_step(loops: PooledLoops) -> int:
    """Return how far elements of neighbouring windows are apart along the last axis; 1 if only a
    call knows."""
    last = loops.coords[-1]
    steps = (last.factor(x.variable) for x in loops.windows if x.variable in last.variables)
    step = next(steps, 1)
    return step if isinstance(step, int) else 1


def span_of(coord: Index, loops: PooledLoops) -> tuple[Size, Size]:
    """Return how many values a coordinate has from the least to the greatest one, in all windows
    and in one."""
    reach: Size = 1
    for one in loops.places:
        reach = reach + coord.factor(one.variable) * (one.ends[0].constant - 1)
    span = reach
    for one in loops.windows:
        span = span + coord.factor(one.variable) * (one.ends[0].constant - 1)
    return span, reach
