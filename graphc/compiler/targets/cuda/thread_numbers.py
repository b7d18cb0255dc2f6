"""Digits of a thread's number in indices: those that stand side by side are the number itself.

    row = thread / 16, column = thread % 16:    4 * row + column / 4    is    thread / 4

The loops over the threads of a block divide their number, and an index of what they share takes it
together again. Whoever reads the text sees one number, and the compiler computes it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from functools import partial

from graphc.compiler.graph.dim import Size, exact_quotient
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    Quotient,
    Remainder,
    index_of,
)
from graphc.compiler.targets.cuda.numbering import Digit


def in_thread_numbers(
    index: Index,
    around: Sequence[LoopVariable],
    digits: Mapping[LoopVariable, Digit],
    thread: LoopVariable,
) -> Index:
    """Return an index in which a quotient of the last of some digits, with all digits in front of
    it, is one of the thread's number.

    Args:
        index: what is computed.
        around: the variables of the loops over threads around, the outermost first.
        digits: which part of the number each of them is.
        thread: the variable of the number.
    """
    for atom, factor in index.terms:
        if not isinstance(atom, Quotient) or atom.dividend.atom not in around[1:]:
            continue
        last = atom.dividend.atom
        assert isinstance(last, LoopVariable)
        front = around[: around.index(last)]
        below = digits[last].inner * atom.divisor
        if any(_times(digits[one], below, factor) != index.factor(one) for one in front):
            continue
        gone: Set[IndexAtom] = {atom, *front}
        others = index.with_terms(partial(_is_other, gone))
        number = index_of(thread)
        others = _with_remainders(others, last, digits[last], number)
        return others.plus(number // below, factor)
    return index


def _is_other(gone: Set[IndexAtom], atom: IndexAtom, factor: Size) -> bool:
    return atom not in gone


def _times(digit: Digit, below: Size, factor: Size) -> Size | None:
    """Return the factor of a digit, if the number divided by `below` has one."""
    times = exact_quotient(digit.inner, below)
    return None if times is None else times * factor


def _with_remainders(index: Index, last: LoopVariable, digit: Digit, thread: Index) -> Index:
    """Return an index with remainders of the thread's number in the place of those of its last
    digit."""
    for atom, factor in index.terms:
        if not isinstance(atom, Remainder) or atom.dividend.atom is not last:
            continue
        is_whole = digit.room is not None and exact_quotient(digit.room, atom.divisor) is not None
        if digit.inner == 1 and is_whole:
            return index.plus(thread % atom.divisor, factor, without=atom)
    return index
