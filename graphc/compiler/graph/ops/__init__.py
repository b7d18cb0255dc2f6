"""The closed set of primitive ops, one module a family."""

from graphc.compiler.graph.ops import (  # noqa: F401  (each module adds its rows to the table)
    contraction,
    leaves,
    loop,
    movement,
    pointwise,
    reduce,
    windows,
)
from graphc.compiler.graph.ops.loop import Body, arg_types
from graphc.compiler.graph.ops.table import (
    OPS,
    Op,
    make,
    ops_with,
    remake,
    size_claims,
    state_claims,
)
from graphc.compiler.graph.ops.traits import Groups, Moves, Traits, Work

__all__ = [
    "OPS",
    "Body",
    "Groups",
    "Moves",
    "Op",
    "Traits",
    "Work",
    "arg_types",
    "make",
    "ops_with",
    "remake",
    "size_claims",
    "state_claims",
]
