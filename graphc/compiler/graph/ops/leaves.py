"""Leaves: nodes that read no other node (and `random`, which reads scalars alone)."""

from __future__ import annotations

from typing import Any

from graphc.compiler.graph.checks import MOST_POSITIONS, SizeChecks, fail
from graphc.compiler.graph.node import DTYPES
from graphc.compiler.graph.ops.table import Attrs, Inputs, define, refuse_dtype
from graphc.compiler.graph.ops.traits import Traits, Work
from graphc.errors import DTypeError


def _declared_dtype(inputs: Inputs, attrs: Attrs) -> str:
    if attrs["dtype"] not in DTYPES:
        raise DTypeError(f"dtype {attrs['dtype']!r} is not supported; use {', '.join(DTYPES)}")
    dtype: str = attrs["dtype"]
    return dtype


def _declared_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    for axis, size in enumerate(attrs["shape"]):
        checks.at_least(size, 0, "axis {} of the shape {}", axis, attrs["shape"])
    shape: tuple[Any, ...] = attrs["shape"]
    return shape


def _random_dtype(inputs: Inputs, attrs: Attrs) -> str:
    dtypes = ["int32"] if attrs["axis"] is None else ["int32", "int64", "int64"]
    if [x.dtype for x in inputs] != dtypes or any(x.shape != () for x in inputs):
        takes = "the step of its loop as an int32 scalar"
        if attrs["axis"] is not None:
            takes += ", then the length of the whole axis and where the range begins, int64 scalars"
        refuse_dtype("random", takes, inputs)
    return "uint32"


def _random_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    shape, axis = _declared_shape(inputs, attrs, checks), attrs["axis"]
    if axis is not None and not 0 <= axis < len(shape):
        fail(f"random: axis {axis} does not exist in the shape {shape}")
    return shape


def _iota_shape(inputs: Inputs, attrs: Attrs, checks: SizeChecks) -> tuple[Any, ...]:
    if attrs["dtype"] == "int32":
        checks.at_most(attrs["size"], MOST_POSITIONS, "iota of int32")
    return (attrs["size"],)


_FED = Traits(supplied=True, external=True)
_POSITION = Traits(work=Work.NONE, has_gradient=False)

# Fed at each call. The serial distinguishes inputs of one type.
define(
    "input",
    "leaf",
    0,
    _declared_dtype,
    _declared_shape,
    ("serial", "shape", "dtype"),
    _FED,
)
# The value of a `State`, which is compared by identity.
define(
    "shared",
    "leaf",
    0,
    lambda inputs, attrs: attrs["state"].dtype,
    lambda inputs, attrs, checks: attrs["state"].shape,
    ("state",),
    _FED,
)
define(
    "constant",
    "leaf",
    0,
    lambda inputs, attrs: attrs["value"].dtype.name,
    lambda inputs, attrs, checks: attrs["value"].shape,
    ("value",),
    Traits(supplied=True, work=Work.NONE),
)
# The k-th argument of a scan's body.
define(
    "arg",
    "leaf",
    0,
    _declared_dtype,
    _declared_shape,
    ("index", "shape", "dtype"),
    Traits(supplied=True),
)
# 0, 1, 2, ... along one axis.
define(
    "iota",
    "leaf",
    0,
    _declared_dtype,
    _iota_shape,
    ("size", "dtype"),
    _POSITION,
)
# A size as an int64 scalar.
define(
    "dim",
    "leaf",
    0,
    lambda inputs, attrs: "int64",
    lambda inputs, attrs, checks: (),
    ("size",),
    _POSITION,
)
# Random words (Philox4x32-10), input: the step of the loop that it is drawn in, int32, 0 outside.
# `serial` distinguishes draws of one seed and stream; the random bits do not depend on it.
# With an `axis` that is not None it is a range of a draw that is longer along this axis. Two int64
# inputs more say how long the whole axis is, and where the range begins on it.
define(
    "random",
    "leaf",
    None,
    _random_dtype,
    _random_shape,
    ("seed", "stream", "serial", "shape", "axis"),
    Traits(external=True, has_gradient=False),
)
