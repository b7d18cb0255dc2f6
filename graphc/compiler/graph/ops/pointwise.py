"""Pointwise ops: inputs of equal shapes, one result element from one element of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.node import DTYPES
from graphc.compiler.graph.ops.table import (
    Attrs,
    DTypeRule,
    Inputs,
    ShapeRule,
    define,
    refuse_dtype,
)
from graphc.compiler.graph.ops.traits import BOTH, EACH, FIRST, PLAIN, Traits, Work
from graphc.errors import DTypeError

FLOATS = ("float32", "float64")
NUMBERS = ("int32", "int64", "uint32", "float32", "float64")

MOST_PACKED = 8
"""Bools in one byte: `pack_bools` gives a uint8, which no other op takes and no program of a user's
has (`graphc.compiler.schedule.packed_bools`)."""


def _same_dtype(op: str, allowed: tuple[str, ...], result: str | None = None) -> DTypeRule:
    def rule(inputs: Inputs, attrs: Attrs) -> str:
        first = inputs[0].dtype
        if first not in allowed or any(node.dtype != first for node in inputs):
            refuse_dtype(op, f"{len(inputs)} of one dtype out of {', '.join(allowed)}", inputs)
        return result or first

    return rule


def _cast_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if attrs["dtype"] not in DTYPES:
        raise DTypeError(
            f"cast: expected a dtype out of {', '.join(DTYPES)}, received {attrs['dtype']!r}"
        )
    dtype: str = attrs["dtype"]
    return dtype


def _packed_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if not 1 <= len(inputs) <= MOST_PACKED or any(node.dtype != "bool" for node in inputs):
        refuse_dtype("pack_bools", f"1 to {MOST_PACKED} of dtype bool", inputs)
    return "uint8"


def _where_dtype(inputs: Inputs, attrs: Attrs) -> str:
    condition, yes, no = inputs
    if condition.dtype != "bool" or yes.dtype != no.dtype:
        refuse_dtype("where", "a bool condition and two values of one dtype", inputs)
    return yes.dtype


def _equal_shapes(op: str) -> ShapeRule:
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
        first = inputs[0].shape
        shape = first
        for node in inputs[1:]:
            if node.shape == first:
                continue
            if len(node.shape) != len(first):
                fail(f"{op}: ranks differ, shapes {first} and {node.shape}")
            shape = tuple(
                checks.equal(
                    left, right, "{}: axis {} of shapes {} and {}", op, axis, first, node.shape
                )
                for axis, (left, right) in enumerate(zip(shape, node.shape, strict=True))
            )
        return shape

    return rule


def _define(
    name: str,
    arity: int,
    allowed: tuple[str, ...],
    traits: Traits = PLAIN,
    result: str | None = None,
    attributes: tuple[str, ...] = (),
) -> None:
    dtype, shape = _same_dtype(name, allowed, result), _equal_shapes(name)
    define(name, "pointwise", arity, dtype, shape, attributes, traits)


# ---- marks ----

_MARK = Traits(identity=True, keeps_zero=True, linear=FIRST)
_define("alias", 1, DTYPES, _MARK, attributes=("serial",))
_define("stop_gradient", 1, DTYPES, replace(_MARK, has_gradient=False))
_define("own_batch", 1, NUMBERS, _MARK)
_define("print_tensor", 1, DTYPES, _MARK, attributes=("message",))

# ---- of one input ----

_CAST = Traits(keeps_zero=True, linear=FIRST, work=Work.NONE)
define("cast", "pointwise", 1, _cast_dtype, _equal_shapes("cast"), ("dtype",), _CAST)
_define("neg", 1, NUMBERS, Traits(keeps_zero=True, linear=FIRST, work=Work.ONE))
_define("abs", 1, NUMBERS, Traits(keeps_zero=True, work=Work.ONE))
_define("sign", 1, NUMBERS, Traits(keeps_zero=True, work=Work.FEW, has_gradient=False))
_define("floor", 1, FLOATS, Traits(keeps_zero=True, work=Work.SEVERAL, has_gradient=False))
_define("round", 1, FLOATS, Traits(keeps_zero=True, work=Work.SEVERAL, has_gradient=False))
_define("exp", 1, FLOATS)
_define("log", 1, FLOATS)
_define("log1p", 1, FLOATS, Traits(keeps_zero=True))
_define("expm1", 1, FLOATS, Traits(keeps_zero=True))
_define("sqrt", 1, FLOATS, Traits(keeps_zero=True))
_define("rsqrt", 1, FLOATS)
_define("tanh", 1, FLOATS, Traits(keeps_zero=True))
_define("sigmoid", 1, FLOATS)
_define("erf", 1, FLOATS, Traits(keeps_zero=True))
_define("sin", 1, FLOATS, Traits(keeps_zero=True))
_define("cos", 1, FLOATS)
_define("logical_not", 1, ("bool",), Traits(work=Work.FEW, has_gradient=False))

# ---- of two ----

_SUM = Traits(keeps_zero=True, linear=BOTH, work=Work.ONE)
_define("add", 2, NUMBERS, replace(_SUM, commutative=True))
_define("sub", 2, NUMBERS, _SUM)
_define("mul", 2, NUMBERS, replace(_SUM, commutative=True, linear=EACH))
_define("div", 2, FLOATS, Traits(linear=FIRST))
_define("floordiv", 2, NUMBERS, Traits(has_gradient=False))
_define("mod", 2, NUMBERS)
_define("pow", 2, NUMBERS)
_EXTREME = Traits(commutative=True, keeps_zero=True, work=Work.ONE)
_define("maximum", 2, NUMBERS, _EXTREME)
_define("minimum", 2, NUMBERS, _EXTREME)

# Of booleans as results: no cotangent flows to what they compare.
_TEST = Traits(work=Work.FEW, has_gradient=False)
_define("equal", 2, DTYPES, replace(_TEST, commutative=True), "bool")
_define("not_equal", 2, DTYPES, replace(_TEST, commutative=True, keeps_zero=True), "bool")
_define("less", 2, NUMBERS, replace(_TEST, keeps_zero=True), "bool")
_define("less_equal", 2, NUMBERS, _TEST, "bool")
for _name in ("logical_and", "logical_or", "logical_xor"):
    _define(_name, 2, ("bool",), replace(_TEST, commutative=True, keeps_zero=True))

# ---- of more ----

_PACK = Traits(keeps_zero=True, work=Work.SEVERAL, has_gradient=False)
define("pack_bools", "pointwise", None, _packed_dtype, _equal_shapes("pack_bools"), traits=_PACK)
_WHERE = Traits(keeps_zero=True, linear=((1, 2),), work=Work.ONE)
define("where", "pointwise", 3, _where_dtype, _equal_shapes("where"), traits=_WHERE)
_define("clip", 3, NUMBERS, Traits(keeps_zero=True, work=Work.SEVERAL))
