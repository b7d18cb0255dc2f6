"""Contraction: a product that is added to something becomes a fused multiply-add.

    s[] = sum(s[], mul(x[k], y[k]))       s[] = fma(x[k], y[k], s[])

It rounds once where there were two roundings, so the bits change. No compiler does it unasked.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from graphc.compiler.loops.program import Body, LoopProgram, Parts, transformed, walk
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import loop_of, refused
from graphc.compiler.loops.rewrites.simplify import without_unused
from graphc.compiler.loops.statement import Accumulate, Let, Statement, Store
from graphc.compiler.loops.value import Apply, Constant, Local, Value


def contract(program: LoopProgram, loop: str) -> LoopProgram:
    """Fuse the multiplications of floats in a loop with the additions of their results.

    A sum of products is no `Accumulate` any more: divide it into parts before.

    Args:
        loop: its variable.
    """
    found = loop_of(program, "contract", loop)
    contraction = _Contraction(Names(program), found.body)
    body = transformed(contraction.parts.in_body(found.body), contraction.added)
    if not contraction.is_used:
        expected = "a product of floats that is added to something"
        raise refused(program, "contract", f"the loop {loop!r}", expected, "none")
    body = transformed(body, contraction.named)
    changed = program.with_loop(loop, lambda one: (replace(one, body=body),))
    return replace(changed, body=without_unused(changed.body))


class _Contraction:
    """The products of a body, and the names that their factors get."""

    def __init__(self, names: Names, body: Body):
        self._names = names
        self._lets = {one.local: one.value for one in walk(body) if isinstance(one, Let)}
        self._factors: dict[Local, tuple[Value, Value]] = {}
        self.is_used = False
        self.parts = Parts(value=self._value)

    def _value(self, value: Value) -> Value:
        """Return the fused form of a sum or a difference with a product in it."""
        if not isinstance(value, Apply) or value.op not in ("add", "sub"):
            return value
        left, right = value.operands
        is_sum = value.op == "add"
        if self._product(left):
            return self._fused(left, right if is_sum else _negated(right))
        if self._product(right):
            return self._fused(right, left, is_negated=not is_sum)
        return value

    def added(self, statement: Statement) -> Body:
        """Return the fused form of a step of a sum of products."""
        if not isinstance(statement, Accumulate) or statement.reduction != "sum":
            return (statement,)
        (target,), (value,) = statement.targets, statement.values
        if not self._product(value):
            return (statement,)
        return (Store(target, self._fused(value, target)),)

    def named(self, statement: Statement) -> Body:
        """Return the names of the factors of a product ahead of that of the product."""
        if not isinstance(statement, Let) or statement.local not in self._factors:
            return (statement,)
        assert isinstance(statement.value, Apply)
        factors = self._factors[statement.local]
        new = tuple(
            Let(one, old)
            for one, old in zip(factors, statement.value.operands, strict=True)
            if isinstance(one, Local) and one is not old
        )
        return (*new, replace(statement, value=replace(statement.value, operands=factors)))

    def _product(self, value: Value) -> Apply | None:
        """Return the product of floats that a value is, or that it names."""
        if isinstance(value, Local):
            value = self._lets.get(value, value)
        if not isinstance(value, Apply) or value.op != "mul":
            return None
        return value if np.dtype(value.dtype).kind == "f" else None

    def _fused(self, value: Value, addend: Value, is_negated: bool = False) -> Value:
        product = self._product(value)
        assert product is not None
        self.is_used = True
        left, right = product.operands
        if isinstance(value, Local):  # what its factors are read from may have changed since
            if value not in self._factors:
                self._factors[value] = (
                    self._factor(value, left, "left"),
                    self._factor(value, right, "right"),
                )
            left, right = self._factors[value]
        if is_negated:
            left = _negated(left)
        return Apply("fma", (left, right, addend), product.dtype, {})

    def _factor(self, product: Local, factor: Value, side: str) -> Value:
        if isinstance(factor, Local | Constant):
            return factor
        return Local(self._names.new(f"{product.name}_{side}"), factor.dtype)


def _negated(value: Value) -> Value:
    return Apply("neg", (value,), value.dtype, {})
