"""Translation units of a native program, which compilers work on at the same time.

The source is one translation unit to read. A compiler takes a second for it, and nearly all of that
for its functions one by one: several units take several cores. So functions are not `static`; the
unit of the exported function declares the kernels, and a library shows nothing but what is marked
(``GC_EXPORTED``). Link-time optimisation (``-flto``) divides a program, too, but writes all of it
out and reads it again in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

LEAST_COST = 8000
"""Characters of a unit at least: a compiler takes a sixth of a second for so many, and a third of
that for the headers ahead of them."""


@dataclass(frozen=True)
class Section:
    """A function of a program's source.

    Attributes:
        line: the number of its first line, from 1.
        cost: about how long a compiler takes for it: the characters of its code.
        declaration: its declaration, for another unit; empty where none calls it.
    """

    line: int
    cost: int
    declaration: str = ""


def translation_units(source: str, sections: Sequence[Section], most: int) -> list[str]:
    """Return the units that a source is compiled as, each with all that is ahead of the first
    section; line markers say where in the source a function stands.

    Args:
        source: a translation unit.
        sections: all of its functions, in order; the last one calls the others.
        most: how many units there may be.
    """
    count = min(most, len(sections), sum(one.cost for one in sections) // LEAST_COST)
    if count < 2:
        return [source]
    lines = source.split("\n")
    ends = [*(one.line for one in sections[1:]), len(lines) + 1]
    texts = [
        "\n".join([f"#line {one.line}", *lines[one.line - 1 : end - 1]])
        for one, end in zip(sections, ends, strict=True)
    ]
    texts[-1] = "\n".join([*(one.declaration for one in sections if one.declaration), texts[-1]])
    head = lines[: sections[0].line - 1]
    return [
        "\n".join([*head, *(texts[number] for number in numbers), ""])
        for numbers in _divided([one.cost for one in sections], count)
    ]


def _divided(costs: Sequence[int], count: int) -> list[list[int]]:
    """Return the numbers of what so many units have each, in order: the dearest first, each goes to
    the unit that is the cheapest so far."""
    units: list[list[int]] = [[] for _ in range(count)]
    spent = [0] * count
    for number in sorted(range(len(costs)), key=lambda number: -costs[number]):
        unit = spent.index(min(spent))
        units[unit].append(number)
        spent[unit] += costs[number]
    return [sorted(unit) for unit in units]
