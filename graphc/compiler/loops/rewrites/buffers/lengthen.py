"""Lengthen: a buffer that a program allocates has further elements behind its last one, of zeros.

allocate image: float32[3, 17] in thread     allocate image: float32[55] in thread
...                                          for image_behind < 4:
... image[row, column]                         image[image_behind + 51] = 0.0
                                             ...
                                             ... image[17*row + column]

An element is at its position, as in memory, so what goes over the end of a row is in the next one,
and what goes over the last one is there, too.
"""

from __future__ import annotations

from dataclasses import replace

from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.buffer import BufferScope, new_buffer
from graphc.compiler.loops.index import as_index, index_of
from graphc.compiler.loops.program import (
    Body,
    LoopProgram,
    Parts,
    buffers_of,
    transformed,
    walk,
    windows_of,
)
from graphc.compiler.loops.ranges import is_never_negative
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, For, Statement, Store
from graphc.compiler.loops.value import Constant, Load, Value

_REWRITE = "lengthen"
_OWN = (BufferScope.THREAD, BufferScope.REGISTER)


def lengthen(program: LoopProgram, buffer: str, elements: Size) -> LoopProgram:
    """Let a buffer have so many elements along one axis.

    Args:
        program: the program.
        buffer: the name of what it allocates in a thread's memory, of which it has no views.
        elements: a size that is proved to be at least the number that it has.
    """
    where = f"the buffer {buffer!r}"
    allocated = [
        one.buffer
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name == buffer
    ]
    if not allocated or allocated[0].scope not in _OWN:
        expected = "one that the program allocates in a thread's memory"
        found = allocated[0].scope.value if allocated else "no such statement"
        raise refused(program, _REWRITE, where, expected, found)
    (old,) = allocated
    if not is_never_negative(elements - old.elements):
        expected = f"at least its {old.elements} elements"
        raise refused(program, _REWRITE, where, expected, str(elements))
    for one in walk(program.body):
        if any(used.memory == old.memory and used is not old for used in buffers_of(one)):
            raise refused(program, _REWRITE, where, "no views of it", "another buffer in it")
        if any(window.buffer is old for window, _ in windows_of(one)):
            expected = "that values and stores alone access it"
            raise refused(program, _REWRITE, where, expected, "an intrinsic that is given it")
    new = new_buffer(buffer, old.dtype, (elements,), old.scope)
    names = Names(program)

    def element(one: Load) -> Load:
        return Load(new, (old.place(one.coords),)) if one.buffer is old else one

    def value(one: Value) -> Value:
        return element(one) if isinstance(one, Load) else one

    def statement(one: Statement) -> Body:
        if not isinstance(one, Allocate) or one.buffer is not old:
            return (one,)
        if elements == old.elements:
            return (Allocate(new),)
        turn = names.variable(f"{buffer}_behind")
        zero = Constant(False if old.dtype == "bool" else 0, old.dtype)
        store = Store(Load(new, (index_of(turn) + old.elements,)), zero)
        note = f"what is read behind {buffer}"
        filled = For(turn, (as_index(elements - old.elements),), (store,), note=note)
        return (Allocate(new), filled)

    body = Parts(value=value, target=element).in_body(program.body)
    return replace(program, body=transformed(body, statement))
