"""Classes of windows: those of a convolution that meet the holes of an image at the same taps.

    for f < filters:                      for f < filters:
      for w < 28:                           for w_of_0 < 14:
        for k < 5:                            for k_thin < 3:
          if (w + k) % 2 == 0:                  s += x[w_of_0 + k_thin] * weights[f, 2*k_thin]
            s += x[(w + k) // 2]          for f_2 < filters:
                 * weights[f, k]            for w_of_1 < 14:
                                              for k_thin_2 < 2:
                                                s += x[w_of_1 + k_thin_2 + 1]
                                                     * weights[f, 2*k_thin_2 + 1]

An image with holes is that of the gradient of a convolution with strides. Each class is a
convolution of an image without holes, by the taps that meet elements, so nothing is multiplied by
a hole (Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", 2016). A weight
that is infinite or NaN does not reach the windows that would meet holes with it.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.loops.index import Index, LoopVariable, as_index, index_of
from graphc.compiler.loops.program import LoopProgram, block_of, loops_in
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.rewrites.conditions.thin import thin
from graphc.compiler.loops.rewrites.loops.fission import fission
from graphc.compiler.loops.rewrites.loops.residues import residues
from graphc.compiler.loops.rewrites.refusal import ranges_at, refused
from graphc.compiler.loops.statement import For, If

MOST_CLASSES = 32
"""Classes of windows, at most: each is a text of its own."""

_MOST_STEPS = 16
"""Windows along an axis after which the next one meets the same taps, at most."""


def in_classes(
    program: LoopProgram, outermost: str, windows: int, terms: int
) -> tuple[LoopProgram, list[list[str]]]:
    """Return a program that has loops for each class of windows in the place of those for all, one
    class after the other, and the loops of each: those over terms, too, unless there are none as it
    meets holes alone. An image without holes has one class.

    Args:
        program: the program.
        outermost: the first of loops that have nothing but one another inside, up to the sums of an
            element: over filters, windows and, in the sums, terms.
        windows, terms: how many of them are over windows and over terms.

    Raises:
        RewriteError: there are many classes, or which windows meet holes is not known.
    """
    count = 1
    for place in range(1, windows + 1):
        number = 0
        while number < count:
            program, made = _divided(program, outermost, number, place)
            number, count = number + made, count + made - 1
        if count > MOST_CLASSES:
            where, expected = f"the loop {outermost!r}", f"at most {MOST_CLASSES} classes"
            raise refused(program, "classes", where, expected, str(count))
    nests = []
    for number in range(count):
        for place in range(windows + 1, windows + 1 + terms):
            loop = _nest(program, outermost, number)[place]
            if _tests_of(program, outermost, number, loop):
                program = thin(program, loop.variable.name)
        found = _nest(program, outermost, number)[: windows + 1 + terms]
        are_there = bool(found[-1].body) and as_index(0) not in [one.ends[0] for one in found]
        found = found[: None if are_there else windows + 1]
        nests.append([one.variable.name for one in found])
    return program, nests


def _nest(program: LoopProgram, outermost: str, number: int) -> list[For]:
    """Return the loops of a class; those of one class stand behind those of another."""
    block, place = block_of(program, program.loop(outermost))
    return loops_in((block[place + number],))


def _tests_of(program: LoopProgram, outermost: str, number: int, loop: For) -> list[Index]:
    """Return the indices that have to be 0 for an element to be there, of those with a variable."""
    (test,) = _nest(program, outermost, number)[-1].body[:1] or (None,)
    if not isinstance(test, If):
        return []
    tests = [one.index for one in test.conditions if one.equal]
    return [one for one in tests if loop.variable in one.variables]


def _divided(
    program: LoopProgram, outermost: str, number: int, place: int
) -> tuple[LoopProgram, int]:
    """Return a program in which the windows of a class along an axis are in classes, and their
    number."""
    loop = _nest(program, outermost, number)[place]
    tests = _tests_of(program, outermost, number, loop)
    if not tests:
        return program, 1
    name, ranges = loop.variable.name, ranges_at(program, loop)
    step = _period_of(tests, loop.variable, ranges.within(loop.variable, *loop.ends))
    if step is None:
        where, text = f"the loop {name!r}", ", ".join(map(str, tests))
        raise refused(program, "classes", where, "holes that come again", text)
    program = residues(program, name, step)
    for made in range(step - 1):
        for outer in reversed(_nest(program, outermost, number + made)[:place]):
            program = fission(program, outer.variable.name, 1)
    return program, step


def _period_of(tests: Sequence[Index], variable: LoopVariable, ranges: Ranges) -> int | None:
    """Return the least number of turns after which indices are what they were; None if it is more
    than `_MOST_STEPS`."""
    for step in range(1, _MOST_STEPS + 1):
        turns = {variable: index_of(variable) * step}
        moved = (ranges.simplified(one.substitute(turns)) for one in tests)
        if all(variable not in one.variables for one in moved):
            return step
    return None
