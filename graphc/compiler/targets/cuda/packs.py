"""Loops of kind vector: four turns that are one wide access of a thread.

Such a loop does one of these, between elements of memory that follow each other from a multiple of
four on, and four registers:

    for lane < 4 (vector):                      gc_load_pack(x0_pack, x0 + 4 * thread);
      x0_pack[lane] = x0[4*thread + lane]
    for lane < 4 (vector):                      gc_store_pack(y0 + 4 * thread, y0_pack);
      y0[4*thread + lane] = y0_pack[lane]
    for lane < 4 (vector):                      gc_random_pack(t0_pack, thread, ...);
      t0_pack[lane] = random(4*thread + lane, ...)

A condition ``4*thread + lane < n`` leaves out the last ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.compiler.loops.buffer import BufferScope
from graphc.compiler.loops.index import Index, as_index
from graphc.compiler.loops.ranges import Ranges
from graphc.compiler.loops.statement import For, Store
from graphc.compiler.loops.value import Constant, Load, RandomWord
from graphc.compiler.schedule.hardware import PACK


@dataclass(frozen=True)
class Pack:
    """A wide access.

    Attributes:
        registers: the first of the four registers.
        memory: the first of the elements in memory; None of random words.
        words: of random words, the first one; None of elements.
        count: how many there are, if that is not always four; one below 1 is none.
        is_stored: True if the elements get what the registers have.
        is_guarded: True if nothing is stored while the status word says that a check has failed.
    """

    registers: Load
    memory: Load | None
    words: RandomWord | None
    count: Index | None
    is_stored: bool
    is_guarded: bool


def pack_of(loop: For, ranges: Ranges, refused: Callable[[str], ValueError]) -> Pack:
    """Return the wide access that a loop of kind vector is. `refused` makes the error for others.

    Args:
        loop: the loop.
        ranges: those around it.
        refused: see above.
    """
    variable = loop.variable
    first = {variable: as_index(0)}
    inside = ranges.within(variable, *loop.ends)

    def refuse(what: str) -> ValueError:
        return refused(f"the vector loop over {variable} is no access to {PACK} neighbours: {what}")

    def is_aligned(place: Index) -> bool:
        return inside.is_contiguous(place, variable) and ranges.divides(
            PACK, ranges.simplified(place.substitute(first))
        )

    def at_first(element: Load) -> Load:
        coords = (ranges.simplified(one.substitute(first)) for one in element.coords)
        return Load(element.buffer, tuple(coords))

    (store, *others) = loop.body
    if loop.ends != (as_index(PACK),):
        raise refuse(f"it has {', '.join(map(str, loop.ends))} turns")
    if others or not isinstance(store, Store) or not isinstance(store.value, Load | RandomWord):
        raise refuse("it does more than to copy an element")
    count: Index | None = None
    if store.conditions:
        (test, *more) = store.conditions
        if more or test.equal or inside.step(test.index, variable) != -1:
            raise refuse(f"its condition {test} is not one of the number of elements")
        count = ranges.simplified(test.index.substitute(first)) + 1
    is_stored = store.target.buffer.scope is not BufferScope.REGISTER
    sides = (store.value, store.target) if is_stored else (store.target, store.value)
    registers, memory = sides
    if (
        not isinstance(registers, Load)
        or registers.buffer.scope is not BufferScope.REGISTER
        or not is_aligned(registers.buffer.place(registers.coords))
    ):
        raise refuse(f"{registers} are not {PACK} registers")
    if isinstance(memory, RandomWord):
        if not is_aligned(memory.element):
            raise refuse(f"element {memory.element} does not begin a block of words")
        parts = (memory.shift, memory.step, memory.call, memory.seed, memory.stream)
        element = ranges.simplified(memory.element.substitute(first))
        return Pack(at_first(registers), None, RandomWord(element, *parts), None, False, False)
    if memory.buffer.scope is BufferScope.REGISTER or memory.dtype != registers.dtype:
        raise refuse(f"{memory} is not in memory")
    if not is_aligned(memory.buffer.place(memory.coords)):
        raise refuse(f"{memory} is not known to be aligned")
    return Pack(at_first(registers), at_first(memory), None, count, is_stored, store.guarded)


UNSHIFTED = Constant(0, "int64")
"""The shift of a draw that is no part of another one."""
