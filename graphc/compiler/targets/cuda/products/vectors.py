"""Mappings of products on a GPU that tiles are not for: a matrix by a vector, two vectors, and sums
of at most one term.

An element of a matrix is read once and multiplied once there, so nothing is gained by keeping it:
the mappings of reductions take them, or those of kernels in which a thread has an element.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.program import LoopProgram, loops_in, values_of, walk, walk_value
from graphc.compiler.loops.statement import Accumulate, Allocate, Let
from graphc.compiler.loops.value import Apply, Load, Local, Value
from graphc.compiler.targets.cuda.pointwise import POINTWISE
from graphc.compiler.targets.cuda.reductions.columns import FEW_COLUMNS, TILES
from graphc.compiler.targets.cuda.reductions.rows import BLOCKS, LANES, PARTS, SHORT_ROWS
from graphc.compiler.targets.mapping import ALWAYS, Applicability, Mapping, never
from graphc.compiler.targets.target import Target


def _has_no_sums(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies where no sum has a loop over more than one term."""
    kept = _kept_loops(program)
    if any(
        loop.variable not in kept and not (loop.ends[0].is_constant and loop.ends[0].constant == 0)
        for loop in loops_in(program.body)
    ):
        return never("its sums have several terms")
    return ALWAYS


def _is_of_vectors(program: LoopProgram, target: Target) -> Applicability:
    """Return that a mapping applies where no two results are sums of terms with a factor in common,
    on both sides; of one of several products at least."""
    kept = _kept_loops(program)
    named: dict[Local, frozenset[LoopVariable]] = {}
    are_shared = []
    for one in walk(program.body):
        if isinstance(one, Let):
            named[one.local] = _variables_of(one.value, named)
        if not isinstance(one, Accumulate):
            continue
        for value in values_of(one):
            if not isinstance(value, Apply) or value.op != "mul":
                return never("it does not add products")
            left, right = (kept & _variables_of(factor, named) for factor in value.operands)
            are_shared.append(bool(left - right and right - left))
    return never("results share factors on both sides") if all(are_shared) else ALWAYS


def _kept_loops(program: LoopProgram) -> frozenset[LoopVariable]:
    """Return the variables of the loops whose turns are results."""
    return frozenset(
        loop.variable
        for loop in loops_in(program.body)
        if any(isinstance(one, Allocate) for one in walk(loop.body))
    )


def _variables_of(
    value: Value, named: dict[Local, frozenset[LoopVariable]]
) -> frozenset[LoopVariable]:
    """Return the variables of the loops in whose turns a value is another one."""
    found: set[LoopVariable] = set()
    for part in walk_value(value):
        if isinstance(part, Load):
            found.update(*(coord.variables for coord in part.coords))
        elif isinstance(part, Local):
            found |= named.get(part, frozenset())
    return frozenset(found)


def only(
    mappings: Sequence[Mapping], applies: Callable[[LoopProgram, Target], Applicability], why: str
) -> tuple[Mapping, ...]:
    """Return mappings for those programs alone to which a test applies."""

    def when_of(mapping: Mapping) -> Callable[[LoopProgram, Target], Applicability]:
        def when(program: LoopProgram, target: Target) -> Applicability:
            answer = applies(program, target)
            return answer if answer.refusal else mapping.when(program, target)

        return when

    return tuple(replace(one, when=when_of(one), why=why) for one in mappings)


OF_VECTORS = (
    *only(POINTWISE, _has_no_sums, "a sum of one term is an operation on elements"),
    *only(
        (FEW_COLUMNS, TILES, SHORT_ROWS, LANES, PARTS, BLOCKS),
        _is_of_vectors,
        "each element of a matrix is read for one result: it is a reduction of what is read",
    ),
)
"""The mappings of products without tiles."""
