"""Inputs: the nodes that a call feeds, the learning phase among them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from graphc.compiler.graph.dim import Size, as_size, symbol
from graphc.compiler.graph.node import Node
from graphc.compiler.graph.ops import make
from graphc.compiler.graph.origin import set_name
from graphc.config import config

_serials = itertools.count()


def input(shape: Sequence[Size | None], dtype: str | None = None, name: str | None = None) -> Node:
    """A value that each call of a function feeds.

    Args:
        shape: sizes; ``None`` is a size of its own that only the call knows, `BATCH` the batch's.
        dtype: one of `DTYPES`; floatX by default.
        name: shown in errors and dumps.
    """
    label = name or "input"
    sizes = tuple(
        symbol(f"{label}_{axis}") if size is None else as_size(size, f"{label}: axis {axis}")
        for axis, size in enumerate(shape)
    )
    node = make("input", serial=next(_serials), shape=sizes, dtype=dtype or config.floatX)
    return set_name(node, name)


_LEARNING_PHASE = set_name(make("input", serial=-1, shape=(), dtype="bool"), "learning_phase")


def learning_phase() -> Node:
    """The one bool that is true in training. A function fixes it, or a caller lists it as input."""
    return _LEARNING_PHASE
