"""Leaves: nodes that read no other node (and `random`, which reads its loop's step)."""

from __future__ import annotations

from graphc.compiler.graph.checks import MOST_POSITIONS, SizeChecks
from graphc.compiler.graph.node import DTYPES
from graphc.compiler.graph.ops.table import Attrs, Inputs, define, refuse_dtype
from graphc.errors import DTypeError


def _declared_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if attrs["dtype"] not in DTYPES:
        raise DTypeError(f"dtype {attrs['dtype']!r} is not supported; use {', '.join(DTYPES)}")
    return attrs["dtype"]


def _declared_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    for axis, size in enumerate(attrs["shape"]):
        checks.at_least(size, 0, "axis {} of the shape {}", axis, attrs["shape"])
    return attrs["shape"]


def _random_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if inputs[0].dtype != "int32" or inputs[0].shape != ():
        refuse_dtype("random", "the step of its loop as an int32 scalar", inputs)
    return "uint32"


def _iota_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple:
    if attrs["dtype"] == "int32":
        checks.at_most(attrs["size"], MOST_POSITIONS, "iota of int32")
    return (attrs["size"],)


_LEAF = ("serial", "shape", "dtype")

# Fed at each call. The serial keeps two inputs of one type apart.
define("input", "leaf", 0, _declared_dtype, _declared_shape, _LEAF)
# The value of a `State`, which is compared by identity.
define(
    "shared",
    "leaf",
    0,
    lambda inputs, attrs: attrs["state"].dtype,
    lambda inputs, attrs, checks: attrs["state"].shape,
    ("state",),
)
define(
    "constant",
    "leaf",
    0,
    lambda inputs, attrs: attrs["value"].dtype.name,
    lambda inputs, attrs, checks: attrs["value"].shape,
    ("value",),
)
# The k-th argument of a scan's body.
define("arg", "leaf", 0, _declared_dtype, _declared_shape, ("index", "shape", "dtype"))
# 0, 1, 2, ... along one axis.
define(
    "iota",
    "leaf",
    0,
    _declared_dtype,
    _iota_shape,
    ("size", "dtype"),
)
# A size as an int64 scalar.
define("dim", "leaf", 0, lambda inputs, attrs: "int64", lambda inputs, attrs, checks: (), ("size",))
# Random words (Philox4x32-10), input: the step of the loop that it is drawn in, int32, 0 outside.
# `serial` keeps two draws apart that were given one seed and stream; it does not enter the words.
define("random", "leaf", 1, _random_dtype, _declared_shape, ("seed", "stream", "serial", "shape"))
