"""From what a user writes to nodes: constants, the type rules, broadcasting."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np

from graphc.compiler.graph.checks import SizeChecks, fail
from graphc.compiler.graph.dim import Dim, Shape, Size
from graphc.compiler.graph.node import DTYPES, Node
from graphc.compiler.graph.ops import make, state_claims
from graphc.config import config
from graphc.errors import DTypeError

# What NumPy knows and graphc does not, where a supported dtype holds every value of it.
_WIDENED = {
    "int8": "int32",
    "int16": "int32",
    "uint8": "int32",
    "uint16": "int32",
    "float16": "float32",
}
_RANK = {"bool": 0, "int32": 1, "uint32": 2, "int64": 3, "float32": 4, "float64": 5}


def refuse_foreign_array(value: object, what: str) -> None:
    """DTypeError for an array in a GPU's memory (of PyCUDA, PyTorch, CuPy, ...), and for a sparse
    matrix of SciPy.

    NumPy would fail at one with a message of its own, copy it number by number, or hold it as one
    object.
    """
    kind = type(value)
    of_pycuda = kind.__module__.partition(".")[0] == "pycuda"
    if of_pycuda or hasattr(value, "__cuda_array_interface__"):
        raise DTypeError(
            f"{what}: expected an array in host memory, received {kind.__name__}, which "
            "lives on a GPU; copy it to the host first (.get(), .cpu().numpy())"
        )
    if hasattr(value, "toarray") and hasattr(value, "nnz"):
        raise DTypeError(
            f"{what}: expected an array, received a sparse matrix ({kind.__name__}); "
            "x.toarray() makes one. Where that is too large for memory, x[a:b].toarray() does so "
            "batch by batch, in a generator for fit_generator, or for train_on_batch"
        )


def as_array(value: object) -> np.ndarray:
    """A value as an array of a supported dtype; Python floats and lists of them become floatX."""
    refuse_foreign_array(value, "a value of a graph")
    array = np.asarray(value)
    if array.dtype == np.float64 and not isinstance(value, np.ndarray):
        array = array.astype(config.floatX)
    elif array.dtype == np.int64 and not isinstance(value, np.ndarray | np.generic):
        narrow = array.astype(np.int32)
        array = narrow if np.array_equal(narrow, array) else array
    name = array.dtype.name
    if name in _WIDENED:
        return array.astype(_WIDENED[name])
    if name not in DTYPES:
        raise DTypeError(
            f"expected numbers of dtype {', '.join(DTYPES)}, received {name} "
            f"({type(value).__name__}); convert with numpy's astype"
        )
    return array


def _as_dtype(value: object, dtype: str) -> np.ndarray:
    """A value in a dtype. DTypeError where an integer dtype cannot hold it."""
    array = np.asarray(value)
    with np.errstate(all="ignore"):
        converted = array.astype(dtype)
    if converted.dtype.kind in "iu" and not np.array_equal(converted, array):
        raise DTypeError(f"expected whole numbers that {dtype} holds, received {value!r}")
    return converted


def checked_cast(value: object, dtype: str, what: str) -> np.ndarray:
    """A copy of a value in a dtype, fractions dropped where that is an integer one. DTypeError for
    a number that it cannot hold (NaN, 2**32 in an int32), which NumPy would wrap."""
    array = np.asarray(value)
    if np.dtype(dtype).kind in "iu" and array.dtype.kind in "iuf" and array.size:
        limits = np.iinfo(dtype)
        if array.dtype.kind == "f":  # the largest int may be no float, the next power of two is one
            fits = (array >= float(limits.min)) & (array < float(limits.max + 1))
        else:
            fits = (array >= limits.min) & (array <= limits.max)
        if not np.all(fits):
            raise DTypeError(
                f"{what}: expected numbers that {dtype} holds, {limits.min} to {limits.max}, "
                f"received {array[~fits].flat[0]}"
            )
    return np.array(array, dtype=dtype)


def constant(value: object, dtype: str | None = None) -> Node:
    """A node that always has this value. DTypeError where an integer dtype cannot hold it."""
    array = as_array(value) if dtype is None else _as_dtype(value, dtype)
    array = np.array(array, order="C")  # a copy: a constant never changes with the user's array
    array.setflags(write=False)
    return make("constant", value=array)


def is_weak(value: object) -> bool:
    """Python's and NumPy's scalars take the dtype of what they meet; arrays keep theirs."""
    return isinstance(value, numbers.Real | np.bool_)


def as_node(value: object, dtype: str | None = None) -> Node:
    """The node itself; a size as an int64 scalar, several of them as a vector; else a constant."""
    if isinstance(value, Node):
        if isinstance(value.dtype, tuple):
            raise DTypeError("a scan has several values; read one by item(scan, k)")
        return value
    if isinstance(value, Dim):
        return make("dim", size=value)
    if isinstance(value, list | tuple) and any(isinstance(one, Dim) for one in value):
        elements = [as_node(one, None if isinstance(one, Dim) else "int64") for one in value]
        return make("concat", *(make("reshape", one, shape=(1,)) for one in elements), axis=0)
    return constant(value, dtype)


def promote(left: str, right: str) -> str:
    """The dtype of an operation on two dtypes: int with float gives the float's."""
    if {left, right} == {"int32", "uint32"}:
        return "int64"
    return max(left, right, key=_RANK.__getitem__)


def is_float(dtype: str) -> bool:
    """Return True if a dtype is one of floating-point numbers."""
    return dtype.startswith("float")


def float_dtype(dtype: str) -> str:
    """The float that a dtype computes in: itself, or floatX."""
    return dtype if is_float(dtype) else config.floatX


def cast(x: object, dtype: str) -> Node:
    """x in another dtype. Float to int drops the fraction, saturates, and takes NaN to 0."""
    node = as_node(x)
    return node if node.dtype == dtype else make("cast", node, dtype=dtype)


def unify_dtypes(values: Sequence[object]) -> list[Node]:
    """Nodes of one dtype, by the type rules; Python scalars are weak."""
    strong = [as_node(value) for value in values if not is_weak(value)]
    weak = [value for value in values if is_weak(value)]
    if not strong:
        strong = [as_node(weak[0])]
    dtype = reduce(promote, (node.dtype for node in strong))
    for value in weak:
        if isinstance(value, bool | np.bool_):
            continue
        if isinstance(value, numbers.Integral):
            dtype = "int32" if dtype == "bool" else dtype
        else:
            dtype = float_dtype(dtype)
    return [
        _weak_constant(value, dtype) if is_weak(value) else cast(value, dtype) for value in values
    ]


def _weak_constant(value: Any, dtype: str) -> Node:
    if not is_float(dtype) and dtype != "bool":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise DTypeError(f"the number {value} does not fit {dtype}")
    return constant(np.asarray(value, dtype=dtype))


def broadcast_shape(shapes: Sequence[Shape], op: str, checks: SizeChecks | None = None) -> Shape:
    """NumPy's rule, from the right: a 1 stretches; a symbol is no 1 and never does."""
    checks = checks or SizeChecks()
    rank = max(map(len, shapes))
    result: list[Size] = []
    for axis in range(rank):
        size: Size = 1
        for shape in shapes:
            k = axis - rank + len(shape)
            if k < 0 or shape[k] == 1:
                continue
            if size == 1:
                size = shape[k]
            elif size != shape[k]:
                what = f"axis {axis} of shapes {' and '.join(map(str, shapes))}"
                size = checks.equal(size, shape[k], "{}: {}", op, what)
        result.append(size)
    return tuple(result)


def broadcast_to(x: object, shape: Shape) -> Node:
    """x stretched to a shape by NumPy's rule: axes are added in front, axes of size 1 repeat."""
    node = as_node(x)
    shape = tuple(shape)
    if node.shape == shape:
        return node
    offset = len(shape) - node.ndim
    if offset < 0:
        fail(f"broadcast of {node.shape} to {shape}: the result has fewer axes")
    kept = [axis for axis, size in enumerate(node.shape) if size != 1 or shape[axis + offset] == 1]
    if len(kept) < node.ndim:
        node = make("reshape", node, shape=tuple(node.shape[axis] for axis in kept))
    axes = tuple(axis + offset for axis in kept)
    if len(axes) == len(shape):
        return node  # equal up to a claim about symbols, which the op that follows states
    return make("broadcast", node, shape=shape, axes=axes)


def broadcast_together(nodes: Sequence[Node], op: str) -> list[Node]:
    """The nodes in their common shape."""
    checks = SizeChecks()
    shape = broadcast_shape([node.shape for node in nodes], op, checks)
    stretched = [broadcast_to(node, shape) for node in nodes]
    for node, new in zip(nodes, stretched, strict=True):
        if new is not node:
            state_claims(new, checks.claims)
    return stretched
