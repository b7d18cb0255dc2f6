"""Functions of many instructions, which loops compute by whole vectors."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.compiler.loops.program import values_of, walk, walk_value
from graphc.compiler.loops.statement import For, Statement
from graphc.compiler.loops.value import Apply

FUNCTIONS = frozenset(
    ("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "erf", "sin", "cos", "pow")
)
"""The ops that take so many instructions that what vectors leave of a loop, one element after the
other, takes longer than the rest."""


def functions_in(loop: For) -> Iterator[Apply]:
    """Yield what a loop computes of them."""
    for statement in walk(loop.body):
        yield from functions_of(statement)


def functions_of(statement: Statement) -> Iterator[Apply]:
    """Yield what a statement computes of them by itself."""
    for value in values_of(statement):
        for part in walk_value(value):
            if isinstance(part, Apply) and part.op in FUNCTIONS:
                yield part
