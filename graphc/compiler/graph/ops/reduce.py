"""Reductions over `axes` (sorted, none negative); the axes leave the shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphc.compiler.graph.checks import MOST_POSITIONS, SizeChecks, fail
from graphc.compiler.graph.dim import product
from graphc.compiler.graph.ops.pointwise import NUMBERS
from graphc.compiler.graph.ops.table import (
    Attrs,
    DTypeRule,
    Inputs,
    ShapeRule,
    define,
    refuse_dtype,
)
from graphc.compiler.graph.ops.traits import FIRST, Traits


def _dtype(op: str, allowed: tuple[str, ...], result: str | None = None) -> DTypeRule:
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        if inputs[0].dtype not in allowed:
            refuse_dtype(op, " or ".join(allowed), inputs)
        return result or inputs[0].dtype

    return rule


def _shape(op: str, empty: bool) -> ShapeRule:
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
        shape, axes = inputs[0].shape, attrs["axes"]
        if list(axes) != sorted(set(axes)) or any(not 0 <= axis < len(shape) for axis in axes):
            fail(f"{op}: axes {axes} do not fit the shape {shape}")
        if not empty:
            for axis in axes:
                checks.at_least(shape[axis], 1, "{}: axis {} of the shape {}", op, axis, shape)
        return tuple(size for axis, size in enumerate(shape) if axis not in axes)

    return rule


def _define(name: str, allowed: tuple[str, ...], empty: bool, traits: Traits) -> None:
    define(name, "reduce", 1, _dtype(name, allowed), _shape(name, empty), ("axes",), traits)


_SUM = Traits(nests=True, keeps_zero=True, linear=FIRST)
_define("sum", NUMBERS, empty=True, traits=_SUM)
# Over no elements `prod` is 1, and `all` is true.
_define("prod", NUMBERS, empty=True, traits=Traits(nests=True))
_define("max", NUMBERS, empty=False, traits=Traits(nests=True, keeps_zero=True))
_define("min", NUMBERS, empty=False, traits=Traits(nests=True, keeps_zero=True))
_TEST = Traits(nests=True, has_gradient=False)
_define("any", ("bool",), empty=True, traits=replace(_TEST, keeps_zero=True))
_define("all", ("bool",), empty=True, traits=_TEST)


def _position_shape(op: str) -> ShapeRule:
    shape_of = _shape(op, empty=False)

    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
        shape = inputs[0].shape
        found: tuple[Any, ...] = shape_of(inputs, attrs, checks)
        count = product(shape[axis] for axis in attrs["axes"])
        checks.at_most(
            count, MOST_POSITIONS, "{}: axes {} of the shape {}", op, attrs["axes"], shape
        )
        return found

    return rule


# The position of the first extreme in the reduced axes, counted in C order.
for _name in ("argmax", "argmin"):
    _int32, _shape_of = _dtype(_name, NUMBERS, "int32"), _position_shape(_name)
    define(_name, "reduce", 1, _int32, _shape_of, ("axes",), Traits(has_gradient=False))
