"""Skip: turns in which a sum has no terms, and which then store what is there, are not run.

                                            index is_finite = int32(equal(mul(x0[], 0.0), 0.0))
for row < m:                                for row < m:
  index begin = bucket_begin[row]             index begin = bucket_begin[row]
  index end = bucket_end[row]                 index end = bucket_end[row]
  ...                                         if end - begin >= is_finite:
  s[] = 0.0                                     ...
  for k < end - begin:                          s[] = 0.0
    s[] = sum(s[], x1[begin + k])               for k < end - begin:
  y0[row] = sub(y0[row], mul(x0[], s[]))          s[] = sum(s[], x1[begin + k])
                                                y0[row] = sub(y0[row], mul(x0[], s[]))

A factor of a sum that is infinite or NaN makes NaN of a sum without terms: then all turns are run.
An element that is -0.0 stays so, where a turn would store -0.0 + 0.0 = 0.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from graphc.compiler.graph import OPS
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    bound_variables,
    path_to,
    reads_bound,
    walk,
    walk_value,
    written_memories,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refuse_if_synchronised, refused
from graphc.compiler.loops.statement import (
    Accumulate,
    Allocate,
    Check,
    For,
    If,
    Let,
    Statement,
    Store,
)
from graphc.compiler.loops.text import head_line
from graphc.compiler.loops.value import Apply, Condition, Constant, Load, Local, Value

_REWRITE = "skip"


def skip(program: LoopProgram, loop: str, terms: str) -> LoopProgram:
    """Run the turns of a loop alone in which another loop inside of it has a turn, and all if a
    number by which sums are multiplied is infinite or NaN.

    Args:
        program: the program.
        loop: the variable of a loop.
        terms: that of a loop of one end inside, which adds to sums of a turn. The end is made of
            variables that are bound around the loop or at the head of its body. Where it is 0, each
            element that the turn stores is there already.
    """
    found, adding = loop_of(program, _REWRITE, loop), loop_of(program, _REWRITE, terms)
    where = f"the loop {loop!r}"
    refuse_if_synchronised(program, _REWRITE, where, found.body)
    if all(one is not found for one in path_to(program.body, adding)[:-1]):
        raise refused(program, _REWRITE, where, f"the loop {terms!r} inside", "none")
    head, rest = _divided(found.body)
    inside = set(bound_variables(rest))
    if len(adding.ends) != 1 or not adding.ends[0].variables.isdisjoint(inside):
        ends = ", ".join(map(str, adding.ends))
        expected = f"one end of {terms!r} that is known at the head of the loop"
        raise refused(program, _REWRITE, where, expected, ends)
    factors = _Unchanged(program, where, found, adding).factors_of(rest)
    if any(isinstance(one, Check) and one.is_tested for one in walk(rest)):
        raise refused(program, _REWRITE, where, "no check in it", "one")
    test = _is_finite(Names(program), factors)
    least = 1 if test is None else index_of(test.variable)
    body = (*head, If((Condition(adding.ends[0] - least),), rest))
    made = replace(found, body=body)
    ahead = () if test is None else (test,)
    return program.with_loop(loop, lambda _: (*ahead, made))


def _divided(body: Body) -> tuple[Body, Body]:
    """Return the indices that are named at the head of a body, and the other statements."""
    number = next((k for k, one in enumerate(body) if not isinstance(one, Check)), len(body))
    return body[:number], body[number:]


def _is_finite(names: Names, factors: Iterable[Value]) -> Check | None:
    """Return the index that is 1 where all values are finite, else 0; None for no values."""
    tests = [_is_zero(_apply("mul", one, _zero(one.dtype), dtype=one.dtype)) for one in factors]
    if not tests:
        return None
    test = tests[0]
    for other in tests[1:]:
        test = _apply("logical_and", test, other, dtype="bool")
    value = _apply("cast", test, dtype="int32")
    variable = names.variable("is_finite")
    return Check(variable, value, 2, 0, as_index(0), is_tested=False)


def _is_zero(value: Value) -> Value:
    return _apply("equal", value, _zero(value.dtype), dtype="bool")


def _zero(dtype: str) -> Constant:
    return Constant(0, dtype)


def _apply(op: str, *operands: Value, dtype: str) -> Apply:
    attrs = {"dtype": dtype} if op == "cast" else {}
    return Apply(op, operands, dtype, MappingProxyType(attrs))


class _Unchanged:
    """The proof that a turn stores what is there where a loop inside of it has no turn."""

    def __init__(self, program: LoopProgram, where: str, loop: For, terms: For):
        self._program = program
        self._where = where
        self._loop = loop
        self._terms = terms
        self._factors: dict[Value, None] = {}
        self._known: dict[Local, Value | None] = {}
        own = {one.buffer.memory for one in walk(loop.body) if isinstance(one, Allocate)}
        self._sums = own & {
            target.buffer.memory
            for one in walk(terms.body)
            if isinstance(one, Accumulate)
            for target in one.targets
        }
        self._own = own

    def factors_of(self, body: Body) -> list[Value]:
        """Return the values by which sums without terms are multiplied. Refused where an element
        may change even if these are finite."""
        for one in self._run(body):
            if isinstance(one, Let):
                self._known[one.local] = self._without_terms(one.value)
            elif isinstance(one, Store):
                self._check(one)
            elif not isinstance(one, For | Check | Allocate):
                self._refuse(head_line(one))
        return list(self._factors)

    def _run(self, body: Body) -> Iterator[Statement]:
        """Yield the statements that are run without terms."""
        for one in body:
            if one is self._terms:
                continue
            yield one
            if isinstance(one, For):
                yield from self._run(one.body)

    def _check(self, store: Store) -> None:
        memory = store.target.buffer.memory
        value = self._without_terms(store.value)
        if memory in self._sums:
            if not _is_zero_constant(value):
                self._refuse(head_line(store))
        elif memory in self._own or value is not store.target:
            self._refuse(f"{store.target}, which may change where a sum has no terms")

    def _refuse(self, found: str) -> None:
        expected = "stores of what is there already where its sums have no terms"
        raise refused(self._program, _REWRITE, self._where, expected, found)

    def _without_terms(self, value: Value) -> Value | None:
        """Return a value where sums have no terms: zero, an element that is there, another one as
        it is, or None if that is not known."""
        if isinstance(value, Local):
            return self._known.get(value, value)
        if isinstance(value, Load) and value.buffer.memory in self._sums:
            return _zero(value.dtype)
        if not isinstance(value, Apply):
            return value
        operands = [self._without_terms(one) for one in value.operands]
        zeros = [_is_zero_constant(one) for one in operands]
        if not any(zeros):
            return None if None in operands else value
        if all(zeros):
            return _zero(value.dtype) if OPS[value.op].traits.keeps_zero else None
        if value.op == "add" or (value.op == "sub" and zeros[1]):
            return operands[zeros.index(False)]
        if value.op != "mul":
            return None
        factor = value.operands[zeros.index(False)]
        if not isinstance(factor, Constant):
            if not self._is_invariant(factor):
                return None
            self._factors[factor] = None
        elif not np.isfinite(factor.number):
            return None
        return _zero(value.dtype)

    def _is_invariant(self, value: Value) -> bool:
        """Return True if a value is the same in all turns, and known ahead of the loop."""
        probe = Let(Local("probe", value.dtype), value)
        changed = written_memories((self._loop,))
        return not reads_bound(probe, (self._loop,)) and all(
            part.buffer.memory not in changed
            for part in walk_value(value)
            if isinstance(part, Load)
        )


def _is_zero_constant(value: Value | None) -> bool:
    return isinstance(value, Constant) and value.number == 0
