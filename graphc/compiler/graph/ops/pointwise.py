"""Pointwise ops: inputs of equal shapes, one result element from one element of each."""

from __future__ import annotations

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.node import DTYPES
from graphc.compiler.graph.ops.table import Attrs, DTypeRule, Inputs, define, refuse_dtype
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
    return attrs["dtype"]


def _packed_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if not 1 <= len(inputs) <= MOST_PACKED or any(node.dtype != "bool" for node in inputs):
        refuse_dtype("pack_bools", f"1 to {MOST_PACKED} of dtype bool", inputs)
    return "uint8"


def _where_dtype(inputs: Inputs, attrs: Attrs) -> str:
    condition, yes, no = inputs
    if condition.dtype != "bool" or yes.dtype != no.dtype:
        refuse_dtype("where", "a bool condition and two values of one dtype", inputs)
    return yes.dtype


def _equal_shapes(op: str):
    def rule(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
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


def _define(name: str, arity: int, allowed: tuple[str, ...], result: str | None = None) -> None:
    define(name, "pointwise", arity, _same_dtype(name, allowed, result), _equal_shapes(name))


for _name in ("neg", "abs", "sign"):
    _define(_name, 1, NUMBERS)
for _name in (
    "floor", "round", "exp", "log", "log1p", "expm1", "sqrt", "rsqrt", "tanh", "sigmoid", "erf",
    "sin", "cos",
):  # fmt: skip
    _define(_name, 1, FLOATS)
_define("logical_not", 1, ("bool",))
define("alias", "pointwise", 1, _same_dtype("alias", DTYPES), _equal_shapes("alias"), ("serial",))
_define("stop_gradient", 1, DTYPES)
_define("own_batch", 1, NUMBERS)
define(
    *("print_tensor", "pointwise", 1, _same_dtype("print_tensor", DTYPES)),
    _equal_shapes("print_tensor"),
    ("message",),
)
define("cast", "pointwise", 1, _cast_dtype, _equal_shapes("cast"), ("dtype",))

for _name in ("add", "sub", "mul", "mod", "pow", "maximum", "minimum", "floordiv"):
    _define(_name, 2, NUMBERS)
_define("div", 2, FLOATS)
for _name in ("equal", "not_equal"):
    _define(_name, 2, DTYPES, "bool")
for _name in ("less", "less_equal"):
    _define(_name, 2, NUMBERS, "bool")
for _name in ("logical_and", "logical_or", "logical_xor"):
    _define(_name, 2, ("bool",))

define("pack_bools", "pointwise", None, _packed_dtype, _equal_shapes("pack_bools"))
define("where", "pointwise", 3, _where_dtype, _equal_shapes("where"))
_define("clip", 3, NUMBERS)
