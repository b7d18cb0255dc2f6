"""Mappings of kernels that compute each element by itself: pointwise operations and movement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from graphc.compiler.graph.dim import Size, exact_quotient
from graphc.compiler.loops.index import Index, LoopVariable, Quotient, Remainder, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    innermost_loops,
    loads_of,
    loops_in,
    substituted,
    targets_of,
    transformed,
    values_of,
    walk,
    walk_in_ranges,
    walk_value,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.data.flatten import flatten
from graphc.compiler.loops.rewrites.data.promote import promote
from graphc.compiler.loops.rewrites.loops.bind import bind
from graphc.compiler.loops.rewrites.loops.cut import cut
from graphc.compiler.loops.rewrites.loops.fuse import fuse
from graphc.compiler.loops.rewrites.loops.split import Tail, split
from graphc.compiler.loops.rewrites.loops.vectorise import vectorise
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.rewrites.simplify import simplify
from graphc.compiler.loops.statement import For, If, LoopKind, Statement, Store
from graphc.compiler.loops.value import Condition, IndexValue, Load, RandomWord, Select
from graphc.compiler.targets.cpu.printer import LEAST_DIVIDED
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target

CHUNK = 2048
"""Elements of a chunk of one long loop, which threads divide by chunks: so few that threads get
about equally many, so many that beginning a vector loop takes no part of the time."""

STRIDED = 256
"""The trip count of an innermost loop from which on strided reads of memory are slow: a line of
the cache is gone when its neighbour is read."""


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
    the next: the bounds in conditions on one variable."""
    for loop in loops_in(program.body):
        for condition in _conditions(loop.body):
            ((atom, factor), *others) = condition.index.terms or ((None, 0),)
            if atom is not loop.variable or others or condition.equal:
                continue
            start = condition.index.constant
            if factor == 1 and is_never_negative(-start - 1):
                yield loop.variable.name, -start
            elif factor == -1 and is_never_negative(start):
                yield loop.variable.name, start + 1


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


def _conditions(body: Body) -> Iterator[Condition]:
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


def _elements(program: LoopProgram, target: Target) -> Applicability:
    for statement in walk(program.body):
        for value in values_of(statement):
            if any(isinstance(part, RandomWord) for part in walk_value(value)):
                return never("it draws random words one by one")
    if len(set(_bounds(program))) > MOST_CHANGES:
        return never(f"its elements come from more than {MOST_CHANGES} places")
    return ALWAYS


def _in_vectors(program: LoopProgram, target: Target) -> LoopProgram:
    """Divide the outermost loops over threads, or one long loop in chunks; the innermost loops are
    vectors."""
    program = with_own_axes(program)
    for loop in [one for one in program.body if isinstance(one, For)]:
        program = _divided_and_vectorised(program, loop)
    return renamed(program)


def _divided_and_vectorised(program: LoopProgram, outermost: For) -> LoopProgram:
    name = outermost.variable.name
    innermost = innermost_loops((outermost,))
    if len(innermost) == 1 and innermost[0] is outermost and _may_be_long(outermost):
        program = split(program, name, CHUNK, Tail.SHORT)
        outermost = program.loop(f"{name}_outer")
        innermost = innermost_loops((outermost,))
    elif any(_is_strided(program, loop) for loop in innermost):
        raise refused(
            program,
            "vectorise",
            f"the loop {innermost[0].variable.name!r}",
            f"elements side by side, or fewer than {STRIDED}",
            "strided ones",
        )
    for loop in innermost:
        program = vectorise(program, loop.variable.name, is_divided=True)
    if all(loop is not outermost for loop in innermost):
        program = bind(program, outermost.variable.name, LoopKind.TEAM)
    return program


def _may_be_long(loop: For) -> bool:
    """Return True if a loop may have enough turns to be divided over threads."""
    return all(
        not isinstance(end.constant, int) or end.constant >= LEAST_DIVIDED for end in loop.ends
    )


def _is_strided(program: LoopProgram, innermost: For) -> bool:
    """Return True if a long loop reads or writes elements that lie apart."""
    if all(isinstance(end.constant, int) and end.constant <= STRIDED for end in innermost.ends):
        return False
    for statement, ranges in walk_in_ranges(program.body, program.ranges):
        if innermost.variable not in ranges.ends:
            continue
        for element in (*loads_of(statement), *targets_of(statement)):
            place = element.buffer.place(element.coords)
            step = ranges.step(place, innermost.variable)
            if not isinstance(step, int) or abs(step) > 1:
                return True
    return False


def renamed(program: LoopProgram) -> LoopProgram:
    """Return a program whose loops are over p0, p1, ... in the order of their heads."""
    loops = loops_in(program.body)
    names = {loop.variable: LoopVariable(f"p{number}") for number, loop in enumerate(loops)}

    def changed(one: Statement) -> Body:
        return (replace(one, variable=names[one.variable]),) if isinstance(one, For) else (one,)

    indices = {old: index_of(new) for old, new in names.items()}
    return replace(program, body=transformed(substituted(program.body, indices), changed))


POINTWISE = (
    Mapping(
        "vectors",
        _elements,
        _in_vectors,
        "elements side by side are computed at once, and threads divide the outermost axis",
    ),
)
"""The mappings of kernels of kind pointwise."""
