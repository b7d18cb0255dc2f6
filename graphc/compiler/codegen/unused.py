"""Index arithmetic that nothing reads.

An index map works out each coordinate before it is known which of them the value behind it needs: a
broadcast drops some. What is left is found when all of a function, or of a part whose names are its
own, is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import is_dataclass, replace
from typing import Any, TypeVar

from graphc.compiler.codegen.expression import Expression, Variable, names_read
from graphc.compiler.codegen.statement import Block, Branch, Define, Listing, Statement

T = TypeVar("T")


def without_unused(parts: T) -> T:
    """What a function is printed from, without the index arithmetic that nothing in it reads.

    Args:
        parts: listings and expressions, in lists, dicts, tuples and dataclasses of any depth. What
            a listing defines, any of them may read; what a block inside of it defines, that block.
    """
    listings: list[Listing] = []
    expressions: list[Expression] = []
    _find(parts, listings, expressions)
    if any(isinstance(one, Block) for listing in listings for one in listing):
        parts = _with_each(parts, _with_settled_blocks)
        listings = list(map(_with_settled_blocks, listings))
    unused = _unused([one for listing in listings for one in listing], names_read(expressions))
    return _with_each(parts, lambda one: _but(one, unused)) if unused else parts


def _unused(statements: Sequence[Statement], read: frozenset[Variable]) -> Collection[Expression]:
    """The names of index arithmetic that neither the statements read, nor `read` has."""
    # What each int is made from; parts of a function may have ints of one name.
    made_from: dict[Expression, frozenset[Variable]] = {}
    for one in statements:
        if isinstance(one, Define) and one.is_index:
            made_from[one.name] = made_from.get(one.name, frozenset()) | one.reads
    pending = list(read.union(*map(_free, (one for one in statements if not _is_index(one)))))
    while pending:
        pending += made_from.pop(pending.pop(), ())
    return made_from.keys()


def _is_index(one: Statement) -> bool:
    return isinstance(one, Define) and one.is_index


def _free(one: Statement) -> frozenset[Variable]:
    """What a statement reads of what is defined around it."""
    if not isinstance(one, Block):
        return one.reads
    found = names_read(branch.head for branch in one.branches)
    for branch in one.branches:
        own = {x.name for x in branch.body if isinstance(x, Define)}
        found = found.union(*map(_free, branch.body)) - own
    return found


def _with_settled_blocks(listing: Listing) -> Listing:
    """The listing, in whose blocks nothing is unused."""
    if not any(isinstance(one, Block) for one in listing):
        return listing
    return Listing(_settled(one) if isinstance(one, Block) else one for one in listing)


def _settled(block: Block) -> Block:
    branches = []
    for branch in block.branches:
        body = _with_settled_blocks(branch.body)
        branches.append(Branch(branch.head, _but(body, _unused(body, frozenset()))))
    return replace(block, branches=tuple(branches))


def _but(listing: Listing, unused: Collection[Expression]) -> Listing:
    if not unused:
        return listing
    return Listing(
        one
        for one in listing
        if not (isinstance(one, Define) and one.is_index and one.name in unused)
    )


def _find(parts: Any, listings: list[Listing], expressions: list[Expression]) -> None:
    """Add the listings and the expressions of the parts."""
    if isinstance(parts, Expression):
        expressions.append(parts)
    elif isinstance(parts, Listing):
        listings.append(parts)
    elif not isinstance(parts, _PLAIN):
        for part in _inside(parts):
            _find(part, listings, expressions)


def _inside(parts: Any) -> Iterable[Any]:
    if isinstance(parts, list | tuple):
        return parts
    if isinstance(parts, dict):
        return parts.values()
    if is_dataclass(parts):
        return [getattr(parts, name) for name in parts.__dataclass_fields__]
    return ()


def _with_each(parts: Any, change: Callable[[Listing], Listing]) -> Any:
    """The parts with each listing changed."""
    if isinstance(parts, _PLAIN):
        return parts
    if isinstance(parts, Listing):
        return change(parts)
    if isinstance(parts, list | tuple):
        return type(parts)(_with_each(part, change) for part in parts)
    if isinstance(parts, dict):
        return {key: _with_each(part, change) for key, part in parts.items()}
    if is_dataclass(parts) and not isinstance(parts, type):
        kept = {name: getattr(parts, name) for name in parts.__dataclass_fields__}
        changed = {name: _with_each(part, change) for name, part in kept.items()}
        if any(part is not kept[name] for name, part in changed.items()):
            return replace(parts, **changed)
    return parts


_PLAIN = (Expression, str, int, type(None))
"""Types of what has no listing in it."""
