"""Mappings of kernels that compute each element by itself: pointwise operations and movement."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from graphc.compiler.graph.dim import Size, exact_quotient
from graphc.compiler.loops.index import Index, LoopVariable, Quotient, Remainder
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    innermost_loops,
    kept,
    loops_in,
    most_known_turns,
    targets_of,
    values_of,
    walk,
    walk_value,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.buffers.flatten import flatten
from graphc.compiler.loops.rewrites.conditions.cut import cut
from graphc.compiler.loops.rewrites.execution.bind import bind
from graphc.compiler.loops.rewrites.execution.vectorise import vectorise
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.rewrites.values.invariant import with_invariant_loads_ahead
from graphc.compiler.loops.rewrites.values.promote import promote
from graphc.compiler.loops.statement import (
    Allocate,
    Check,
    For,
    If,
    Let,
    LoopKind,
    Statement,
    Store,
)
from graphc.compiler.loops.value import Condition, IndexValue, Load, RandomWord, Select
from graphc.compiler.targets.cpu.crosswise import LEAST_ACROSS, in_tiles, strided_loads
from graphc.compiler.targets.cpu.draws import WORDS, draws_in, with_words_ahead
from graphc.compiler.targets.cpu.flat_functions import with_flat_functions
from graphc.compiler.targets.cpu.printer import LEAST_DIVIDED
from graphc.compiler.targets.cpu.values_ahead import with_values_ahead
from graphc.compiler.targets.loop_names import with_loop_names
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, narrowed, never
from graphc.compiler.targets.target import Target

MOST_AHEAD = 32
"""Values of columns, of all nests of a program, that are computed ahead of rows: each is an array,
of which a thread may have `MOST_ARRAYS`."""

CHUNK = 2048
"""Elements of a chunk of one long loop, which threads divide by chunks: so few that threads get
about equally many, so many that beginning a vector loop takes no part of the time."""


# ---- the axes that accesses need ----------------------------------------------------------------


def with_own_axes(program: LoopProgram) -> LoopProgram:
    """Return a program with a loop for each axis that its indices move along: loops whose variable
    is divided are split there, and loops that all indices walk as one are fused."""
    for change, places in ((split, _divided), (cut, _bounds)):
        for _ in range(MOST_CHANGES):
            found = next(places(program), None)
            if found is None:
                break
            program = change(program, *found)
        if (left := next(places(program), None)) is not None:
            where = f"the loop {left[0]!r}"
            expected = f"at most {MOST_CHANGES} places where its accesses change"
            raise refused(program, change.__name__, where, expected, "more")
    return flatten(_fused(promote(simplify(program))))


MOST_CHANGES = 32
"""Splits, and cuts, of one program: more of them make a text that is long to read and compile."""


def _divided(program: LoopProgram) -> Iterator[tuple[str, int]]:
    """Yield loops whose variable is divided by a number that divides their trip count."""
    for loop in loops_in(program.body):
        (end, *others) = loop.ends
        for atom in divisions(loop.body):
            if atom.dividend.atom is not loop.variable or not isinstance(atom.divisor, int):
                continue
            if (
                not others
                and end.is_constant
                and exact_quotient(end.constant, atom.divisor) is not None
            ):
                yield loop.variable.name, atom.divisor


def _bounds(program: LoopProgram) -> Iterator[tuple[str, Size]]:
    """Yield loops and where they change from one part of a concatenation, or of a padded value, to
    the next."""
    for loop in loops_in(program.body):
        for place in bounds_in(loop.body, loop.variable):
            yield loop.variable.name, place


def bounds_in(body: Body, variable: LoopVariable) -> Iterator[Size]:
    """Yield the places at which conditions on one variable alone change."""
    for condition in conditions_in(body):
        ((atom, factor), *others) = condition.index.terms or ((None, 0),)
        if atom is not variable or others or condition.equal:
            continue
        start = condition.index.constant
        if factor == 1 and is_never_negative(-start - 1):
            yield -start
        elif factor == -1 and is_never_negative(start):
            yield start + 1


def _fused(program: LoopProgram) -> LoopProgram:
    """Return a program with nested loops fused where no index is divided for that."""
    for loop in reversed(loops_in(program.body)):
        outer = program.loop(loop.variable.name)
        inner = _only_loop(outer)
        if inner is None:
            continue
        fused = fuse(program, outer.variable.name, inner.variable.name)
        if len(divisions(fused.body)) <= len(divisions(program.body)):
            program = fused
    return program


def _only_loop(loop: For) -> For | None:
    """Return the loop that is all of a loop's body, if one is."""
    only = loop.body[0]
    return only if len(loop.body) == 1 and isinstance(only, For) else None


def divisions(body: Body) -> list[Quotient | Remainder]:
    """Return the quotients and remainders in what is computed of indices: the places of elements,
    conditions, numbers."""
    found: list[Quotient | Remainder] = []
    pending = [index for statement in walk(body) for index in _indices(statement)]
    while pending:
        for atom, _ in pending.pop().terms:
            if not isinstance(atom, LoopVariable):
                found.append(atom)
                pending.append(atom.dividend)
    return found


def _indices(statement: Statement) -> Iterator[Index]:
    for target in targets_of(statement):
        yield target.buffer.place(target.coords)
    for value in values_of(statement):
        for part in walk_value(value):
            if isinstance(part, Load):
                yield part.buffer.place(part.coords)
            elif isinstance(part, IndexValue):
                yield part.index
            elif isinstance(part, RandomWord):
                yield part.element
    for condition in _conditions_of(statement):
        yield condition.index


def conditions_in(body: Body) -> Iterator[Condition]:
    """Yield the conditions of statements, and of the values in them."""
    for statement in walk(body):
        yield from _conditions_of(statement)


def _conditions_of(statement: Statement) -> Iterator[Condition]:
    if isinstance(statement, If | Store):
        yield from statement.conditions
    for value in values_of(statement):
        for part in walk_value(value):
            if isinstance(part, Select):
                yield from part.conditions


# ---- the mappings -------------------------------------------------------------------------------


@kept
def _has_few_places(program: LoopProgram, target: Target) -> Applicability:
    for nest in program.body:
        if (
            isinstance(nest, For)
            and len(set(_bounds(replace(program, body=(nest,))))) > MOST_CHANGES
        ):
            return never(f"its elements come from more than {MOST_CHANGES} places")
    return ALWAYS


def _is_moved(program: LoopProgram, target: Target) -> Applicability:
    if not all(isinstance(one, For | Let | Store) for one in walk(program.body)):
        return never("it does more than to store elements")
    return _has_few_places(program, target)


Nest: TypeAlias = Callable[[LoopProgram, str], LoopProgram]
"""The change of a program that has one nest of loops, given its outermost one."""


def _of_each_nest(program: LoopProgram, change: Nest) -> LoopProgram:
    """Return a program with each of its outermost loops changed by itself, after it has the axes
    that its accesses need: so the time that it takes does not grow with the square of their
    number."""
    body: list[Statement] = []
    for statement, part in zip(program.body, _nests(program), strict=True):
        if part is None:
            body.append(statement)
            continue
        for loop in [one for one in part.body if isinstance(one, For)]:
            part = change(part, loop.variable.name)
        body += part.body
    return renamed(replace(program, body=tuple(body)))


@kept
def _nests(program: LoopProgram) -> tuple[LoopProgram | None, ...]:
    """Return each statement of a program that is a loop as a program of its own, with the axes that
    its accesses need; None for others."""
    return tuple(
        with_own_axes(replace(program, body=(one,))) if isinstance(one, For) else None
        for one in program.body
    )


def _in_vectors(program: LoopProgram, kind: LoopKind, are_strided: bool) -> LoopProgram:
    """Divide the outermost loops over threads, or one long loop in chunks; the innermost loops are
    vectors."""
    change = partial(_divided_and_vectorised, kind=kind, are_strided=are_strided)
    return _of_each_nest(program, _behind_values(change, kind))


def _divided_and_vectorised(
    program: LoopProgram, outermost: str, kind: LoopKind, are_strided: bool
) -> LoopProgram:
    loop = program.loop(outermost)
    names = [one.variable.name for one in innermost_loops((loop,))]
    if names == [outermost] and _may_be_long(loop):
        chunk = WORDS if any(draws_in(loop)) else CHUNK
        program = split(program, outermost, chunk, Tail.SHORT)
        outermost, names = f"{outermost}_outer", [f"{outermost}_inner"]
    elif not are_strided:
        for name in names:
            if strided := _long_strided(program, name):
                where, found = f"the loop {name!r}", str(strided[0])
                raise refused(program, "vectorise", where, "elements side by side", found)
    return _bound(program, outermost, names, kind)


def _in_tiles(program: LoopProgram, target: Target, kind: LoopKind) -> LoopProgram:
    """As in vectors; where an innermost loop reads crosswise, tiles are transposed."""
    change = partial(_tiled, target=target, kind=kind)
    return _of_each_nest(program, _behind_values(change, kind))


def _behind_values(change: Nest, kind: LoopKind) -> Nest:
    """Return a change behind values that are the same for all rows, which one thread computes ahead
    of all others; there is no such place where a loop around is divided over threads."""
    if kind is not LoopKind.TEAM:
        return change
    names = (f"ahead{k}" for k in range(MOST_AHEAD))
    return lambda program, outermost: change(
        with_values_ahead(program, outermost, names), outermost
    )


def _tiled(program: LoopProgram, outermost: str, target: Target, kind: LoopKind) -> LoopProgram:
    names = [one.variable.name for one in innermost_loops((program.loop(outermost),))]
    if not any(_long_strided(program, name) for name in names):
        return _divided_and_vectorised(program, outermost, kind, are_strided=False)
    others = {id(one) for one in program.body if one is not program.loop(outermost)}
    innermost = []
    for name in names:
        inner = name
        if _long_strided(program, name):
            program, inner = in_tiles(program, name, target)
        innermost += [inner] if inner else []
    nests = [one for one in program.body if isinstance(one, For) and id(one) not in others]
    if not nests:  # one tile, which is only moved
        return program
    if any(isinstance(one, Allocate) for one in program.body):  # one tile, too few to be divided
        kind = LoopKind.SERIAL
    return _bound(program, nests[0].variable.name, innermost, kind)


def _long_strided(program: LoopProgram, name: str) -> list[Load]:
    """Return the strided elements of a loop that may have as many turns as a tile is worth."""
    turns = most_known_turns(program.loop(name))
    return strided_loads(program, name) if turns is None or turns >= LEAST_ACROSS else []


def _bound(
    program: LoopProgram, outermost: str, innermost: Sequence[str], kind: LoopKind
) -> LoopProgram:
    """Return a program whose innermost loops are vectors behind their random words, and whose
    outermost one is of a kind."""
    is_alone = outermost in innermost
    flat = []
    for name in innermost:
        program, names = with_flat_functions(program, name)
        flat += names
    for name in flat:
        program, inner = with_words_ahead(program, name)
        program = with_invariant_loads_ahead(program, inner)
        if not any(isinstance(one, Check) for one in program.loop(inner).body):
            program = vectorise(program, inner, is_divided=True)
        outermost = program.loops_to(inner)[0].variable.name
    return program if is_alone else bind(program, outermost, kind)


def _may_be_long(loop: For) -> bool:
    """Return True if a loop may have enough turns to be divided over threads."""
    turns = most_known_turns(loop)
    return turns is None or turns >= LEAST_DIVIDED


def renamed(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops are over p0, p1, ... in the order of their heads."""
    numbers = itertools.count()
    return with_loop_names(program, lambda loop: f"p{next(numbers)}")


def _table(kind: LoopKind) -> tuple[Mapping, ...]:
    """Return the mappings that make the outermost loop one of a kind."""
    return (
        Mapping(
            "vectors",
            _has_few_places,
            lambda program, target: _in_vectors(program, kind, are_strided=False),
            "elements side by side are computed at once, and threads divide the outermost axis",
        ),
        Mapping(
            "tiles",
            _has_few_places,
            lambda program, target: _in_tiles(program, target, kind),
            "a line of memory that is read crosswise is used up before it leaves the cache",
        ),
        Mapping(
            "strided vectors",
            _has_few_places,
            lambda program, target: _in_vectors(program, kind, are_strided=True),
            "what lies nowhere side by side is gathered",
        ),
        Mapping(
            "parts in order",
            _is_moved,
            lambda program, target: _of_each_nest(program, partial(bind, kind=kind)),
            "what is stored nowhere side by side is moved element by element, each part by itself",
        ),
    )


POINTWISE = _table(LoopKind.TEAM)
"""The mappings of kernels of kinds pointwise, gather and update."""


def _refusal_of_terms(program: LoopProgram) -> str:
    for loop in innermost_loops(program.body):
        if not any(isinstance(one, Allocate) for one in loop.body):
            return "its sums have several terms"
    return ""


AS_ELEMENTS = tuple(narrowed(one, _refusal_of_terms) for one in POINTWISE)
"""The mappings of elements, of convolutions and products whose results have a term each."""

POINTWISE_ROWS = _table(LoopKind.SERIAL)
"""Those of the rows of one thread, where a loop around is divided over threads."""
