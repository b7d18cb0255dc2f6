"""Equations between sizes: which symbols they settle, and by what.

Sizes are polynomials in symbols that are at least 1, so an equation may be divided by a symbol. One
that a symbol enters once, with a factor that divides the rest, says what that symbol is.

    >>> n, m = symbol("n"), symbol("m")
    >>> solved_for(2 * n - 6 * m, key=str)[1]
    3*m
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from graphc.compiler.graph.checks import SizeClaim
from graphc.compiler.graph.dim import (
    Dim,
    Size,
    Symbol,
    evaluate,
    exact_quotient,
    product,
    substitute,
    symbols,
)
from graphc.errors import ShapeError

Sizes = dict[Symbol, Size]
"""Symbols, and the sizes that stand for them, which have none of these symbols."""


def settle(claims: Iterable[SizeClaim], known: Iterable[Symbol]) -> Sizes:
    """Return the symbols that equalities let go, each with its size in the symbols that stay.

    Args:
        claims: what has to hold; all of it, in any order.
        known: the symbols whose values a call gives. They stay rather than others, and the earlier
            ones rather than the later.

    What remains different after these sizes (``n // 2 == 4``, ``n * m == k * l``) only a call can
    compare. ShapeError where no sizes fulfil the claims.
    """
    rank = {one: number for number, one in enumerate(known)}
    found: Sizes = {}
    pending = [claim for claim in dict.fromkeys(claims) if claim.relation == "=="]
    settled = True
    while pending and settled:
        settled, waiting = False, []
        for claim in pending:
            difference = substitute(claim.left, found) - substitute(claim.right, found)
            if difference == 0:
                continue
            reduced = without_common_symbols(difference)
            if isinstance(reduced, int):
                _refuse(claim, found)
            solution = solved_for(reduced, key=lambda one: rank.get(one, len(rank)))
            if solution is None:
                waiting.append(claim)
                continue
            before = dict(found)
            _put(found, *solution)
            if any(isinstance(size, int) and size < 1 for size in found.values()):
                _refuse(claim, before)
            settled = True
        pending = waiting
    return found


def _refuse(claim: SizeClaim, found: Sizes) -> None:
    concerned = dict.fromkeys((*symbols(claim.left), *symbols(claim.right)))
    known = ", ".join(f"{one} = {found[one]}" for one in concerned if one in found)
    raise ShapeError(
        f"{claim.what}: needs {claim.left} == {claim.right}, which holds for no sizes of at least 1"
        + (f"; what else has to hold needs {known}" if known else "")
    )


def _put(found: Sizes, symbol: Symbol, size: Size) -> None:
    """Let a symbol go."""
    for other, value in found.items():
        if symbol in symbols(value):
            found[other] = substitute(value, {symbol: size})
    found[symbol] = size


def solved_for(difference: Size, key: Callable[[Symbol], Any]) -> tuple[Symbol, Size] | None:
    """Return a symbol and its size where `difference` is 0; None where none can be given.

    Of several symbols it is the one whose `key` is the largest.
    """
    if not isinstance(difference, Dim):
        return None
    uses = Counter(one for atoms, _ in difference.terms for atom in atoms for one in atom.symbols())
    best: tuple[Symbol, Size] | None = None
    for atoms, factor in difference.terms:
        if len(atoms) != 1 or not isinstance(atoms[0], Symbol) or uses[atoms[0]] > 1:
            continue
        size = exact_quotient(Dim(((atoms, factor),)) - difference, factor)
        if size is not None and (best is None or key(atoms[0]) > key(best[0])):
            best = atoms[0], size
    return best


def without_common_symbols(difference: Size) -> Size:
    """Return the size divided by the symbols that all of its terms have: it is 0 where this is."""
    if not isinstance(difference, Dim):
        return difference
    counts = [
        Counter(atom for atom in atoms if isinstance(atom, Symbol)) for atoms, _ in difference.terms
    ]
    common = counts[0]
    for count in counts[1:]:
        common = common & count
    divisor = product(Dim((((one,), 1),)) for one in common.elements())
    quotient = exact_quotient(difference, divisor)
    assert quotient is not None
    return quotient


def values(sizes: Mapping[Symbol, Size], bound: Mapping[Symbol, int]) -> dict[Symbol, int]:
    """Return the values of all symbols: those that are bound, and what `sizes` makes of these.

    ShapeError for a value below 1.
    """
    found = dict(bound)
    for one, size in sizes.items():
        if one in bound or not bound.keys() >= set(symbols(size)):
            continue
        found[one] = evaluate(size, bound)
        if found[one] < 1:
            at = ", ".join(f"{other} = {bound[other]}" for other in symbols(size))
            raise ShapeError(
                f"the size {one} = {size} of a value inside of the graph has to be at least 1, "
                f"received {found[one]} ({at})"
            )
    return found
