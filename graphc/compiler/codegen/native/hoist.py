"""Statements that compute an element, put into the loops around it: each as far out as it can be.

The emitter prints the value of one element as a list of constants. What depends on outer
coordinates alone (a row of an embedding and the test of its index, the scale of a channel) is
computed once for each of those, so that the innermost loop holds nothing but what changes in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from graphc.compiler.codegen.expression import Expression
from graphc.compiler.codegen.statement import Define, Listing, Statement


def levels(
    statements: Sequence[Statement],
    variables: Sequence[Expression],
    inside: Iterable[Expression] = (),
) -> list[int]:
    """In how many of the loops with these variables, the outermost first, each statement has to
    be; those that read one of `inside` have to be in all."""
    known: dict[Expression, int] = {name: depth for depth, name in enumerate(variables, start=1)}
    known |= dict.fromkeys(inside, len(variables))
    definitions = {k: one for k, one in enumerate(statements) if isinstance(one, Define)}
    mutable: dict[Expression, int] = {
        one.name: k for k, one in definitions.items() if not one.constant
    }
    result = [0] * len(statements)
    while True:
        before = list(result)
        for k, one in enumerate(statements):
            result[k] = max([result[k], *(known.get(name, 0) for name in one.reads)])
            if k in definitions:
                known[definitions[k].name] = result[k]
            for name in one.changes & mutable.keys():
                # A variable lives where the innermost of its assignments is.
                declared = mutable[name]
                level = max(result[k], result[declared])
                result[k] = result[declared] = known[name] = level
        if result == before:
            return result


def by_level(
    statements: Sequence[Statement],
    variables: Sequence[Expression],
    inside: Iterable[Expression] = (),
) -> list[Listing]:
    """What belongs ahead of the loops, then what belongs inside of each, in order; arguments as of
    `levels`."""
    found = levels(statements, variables, inside)
    return [
        Listing(one for one, level in zip(statements, found, strict=True) if level == depth)
        for depth in range(len(variables) + 1)
    ]
