"""Shapes as Keras writes them, and what a layer expects of its inputs."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from graphc.backend.settings import held_dtype
from graphc.compiler import graph as g
from graphc.errors import ArgumentError, DTypeError, ShapeError
from graphc.lookup import is_whole, quotient

_log = logging.getLogger("graphc")

_NAME = re.compile(r"[<>=|]?[a-z]+[0-9]*")
"""A dtype of one number, as a text."""

KnownShape = tuple[int | None, ...]
"""A shape as Keras writes it: ``None`` for a size that only a call knows, the batch first."""


def known_shape(node: g.Node) -> KnownShape:
    """Return the shape of a node with ``None`` for every symbolic size."""
    return tuple([size if isinstance(size, int) else None for size in node.shape])


def may_be_equal(one: KnownShape, other: KnownShape) -> bool:
    """Return True if two shapes may be the same: as many axes, and no axis of two different known
    sizes."""
    return len(one) == len(other) and all(
        None in pair or pair[0] == pair[1] for pair in zip(one, other, strict=True)
    )


@dataclass(frozen=True)
class InputSpec:
    """The input that a layer expects: its rank, its sizes (``None`` for any), its dtype."""

    dtype: str | None = None
    shape: KnownShape | None = None
    ndim: int | None = None

    def check(self, node: g.Node, where: str) -> None:
        """Raise ShapeError or DTypeError, starting with `where`, if a node does not fit."""
        shape = known_shape(node)
        ndim = self.ndim if self.shape is None else len(self.shape)
        if ndim is not None and node.ndim != ndim:
            raise ShapeError(
                f"{where}: expected an input of {ndim} axes, the batch first, received "
                f"{node.ndim} axes: {shape}; Reshape changes them, and input_shape leaves out the "
                "batch axis"
            )
        for axis, expected in enumerate(self.shape or ()):
            if None not in (expected, shape[axis]) and expected != shape[axis]:
                raise ShapeError(
                    f"{where}: axis {axis} of the input: expected {expected}, received "
                    f"{shape[axis]} (shape {shape})"
                )
        if self.dtype is not None and node.dtype != self.dtype:
            raise DTypeError(f"{where}: expected an input of {self.dtype}, received {node.dtype}")


def check_specs(specs: Sequence[InputSpec], nodes: Sequence[g.Node], where: str) -> None:
    """Raise an error, starting with `where`, unless there is a node for each spec that fits it."""
    if len(nodes) != len(specs):
        raise ArgumentError(f"{where}: expected {len(specs)} inputs, received {len(nodes)}")
    for spec, node in zip(specs, nodes, strict=True):
        spec.check(node, where)


def checked_dtype(dtype: Any, owner: str) -> str | None:
    """Return the name of a layer's `input_dtype`, or None for floatX. DTypeError for an unknown
    dtype."""
    if dtype is None:
        return None
    try:
        if isinstance(dtype, str) and not _NAME.fullmatch(dtype):
            raise TypeError  # "2f4", "(2,)f4": of several numbers, which NumPy would parse as code
        name = held_dtype(np.dtype(dtype).name)
    except (TypeError, ValueError, LookupError):  # lists and dicts are of records to NumPy
        name = None
    # NumPy takes 'float' and Python's int and float for the widest that it has.
    if name not in g.DTYPES or dtype in ("float", "int", float, int):
        raise DTypeError(
            f"{owner}: the dtype of the input: expected one of {', '.join(g.DTYPES)}, or None for "
            f"floatX, received {dtype!r}"
        )
    return name


def batch_shape(sample: object, batched: object, owner: str) -> KnownShape | None:
    """Return the shape with the batch axis, from `batch_input_shape` or else from `input_shape`. If
    both are given and disagree, a line is logged, and the former applies, as in Keras."""
    if batched is not None:
        sizes = _checked_sizes(batched, owner)
        said = sizes if sample is None else (None, *_checked_sizes(sample, owner))
        if not may_be_equal(said, sizes):
            _log.warning(
                "%s: batch_input_shape is %s, which counts, but input_shape says %s, the batch "
                "first; leave one of the two out",
                owner,
                sizes,
                said,
            )
        if not sizes:
            raise ArgumentError(
                f"{owner}: batch_input_shape starts with the batch axis, e.g. (None, 64), received "
                f"{batched!r}"
            )
        return sizes
    return None if sample is None else (None, *_checked_sizes(sample, owner))


def warn_of_claim(layer: Any, found: KnownShape) -> None:
    """Log a line if a layer that is not the first states another shape than its input has. Keras
    ignores such a shape, and programs contain them."""
    claimed = layer.batch_input_shape
    if claimed is not None and not may_be_equal(claimed, found):
        _log.warning(
            "%s (%s): its input_shape (or input_dim) says %s, the batch first, and its input has "
            "%s, which counts; leave it out, only the first layer of a model needs it",
            layer.name,
            type(layer).__name__,
            claimed,
            found,
        )


def _checked_sizes(shape: object, owner: str) -> KnownShape:
    sizes = tuple(map(quotient, shape if isinstance(shape, Sequence | np.ndarray) else (shape,)))
    for axis, size in enumerate(sizes):
        if size is not None and not is_whole(size, least=1):
            raise ArgumentError(
                f"{owner}: axis {axis} of the input's shape: expected a whole number of at least "
                f"1, or None, received {size!r} (shape {shape!r})"
            )
    return tuple(None if size is None else int(cast(int, size)) for size in sizes)
