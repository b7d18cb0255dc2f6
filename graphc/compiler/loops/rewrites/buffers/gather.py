"""Gathering: buffers that are allocated one behind the other are parts of one.

allocate left: float32[16] in shared        allocate tiles: float32[48] in shared
allocate right: float32[32] in shared       ...left...   (elements 0 to 15 of tiles)
...left...                                  ...right...  (elements 16 to 47)
...right...

Then a buffer that is larger than each of them may take the place of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from graphc.compiler.loops.buffer import new_buffer, view
from graphc.compiler.loops.program import (
    LoopProgram,
    Parts,
    block_of,
    buffers_of,
    replaced,
    walk,
)
from graphc.compiler.loops.rewrites.names import Names
from graphc.compiler.loops.rewrites.refusal import refused
from graphc.compiler.loops.statement import Allocate, UseIntrinsic
from graphc.compiler.loops.value import Load, Value

_REWRITE = "gather"
_ALIGNED = 16
"""Bytes of which each buffer has a multiple, so that the next one begins as one of its own does."""


def gather(program: LoopProgram, buffers: Sequence[str], name: str) -> LoopProgram:
    """Allocate buffers as parts of one, in their order.

    Args:
        program: the program.
        buffers: of one type and scope, allocated one behind the other.
        name: of the memory.
    """
    where = f"the buffers {', '.join(map(repr, buffers))}"
    allocated = [
        one
        for one in walk(program.body)
        if isinstance(one, Allocate) and one.buffer.name in buffers
    ]
    old = [one.buffer for one in allocated]
    if sorted(one.name for one in old) != sorted(buffers) or not old:
        expected = "buffers that the program allocates, each once"
        names = ", ".join(one.name for one in old) or "none"
        raise refused(program, _REWRITE, where, expected, names)
    kinds = {(one.dtype, one.scope) for one in old}
    if len(kinds) != 1:
        expected = "buffers of one type in one memory"
        names = ", ".join(sorted(f"{one.dtype} in {one.scope.value}" for one in old))
        raise refused(program, _REWRITE, where, expected, names)
    itemsize = np.dtype(old[0].dtype).itemsize
    total = 0
    places: dict[str, int] = {}
    for one in old:
        elements = one.elements
        if not isinstance(elements, int) or elements * itemsize % _ALIGNED:
            expected = f"buffers of a multiple of {_ALIGNED} bytes"
            raise refused(program, _REWRITE, where, expected, f"{elements} elements of {one.name}")
        places[one.name] = total
        total += elements
    memories = {one.memory for one in old}
    for statement in walk(program.body):
        for one in buffers_of(statement):
            if one.memory in memories and all(one is not each for each in old):
                raise refused(program, _REWRITE, where, "no views of them", f"{one}")
        if isinstance(statement, UseIntrinsic) and not memories.isdisjoint(
            one.memory for one in buffers_of(statement)
        ):
            expected = "that values and stores alone access them"
            raise refused(program, _REWRITE, where, expected, statement.intrinsic.name)
    whole = new_buffer(Names(program).new(name), old[0].dtype, (total,), old[0].scope)
    parts = {one: view(whole, one.name, one.shape, offset=places[one.name]) for one in old}
    block, place = block_of(program, allocated[0])
    if list(map(id, block[place : place + len(old)])) != list(map(id, allocated)):
        expected = "that they are allocated one behind the other"
        raise refused(program, _REWRITE, where, expected, "other statements")

    def target(one: Load) -> Load:
        return replace(one, buffer=parts[one.buffer]) if one.buffer in parts else one

    def value(one: Value) -> Value:
        return target(one) if isinstance(one, Load) else one

    body = replaced(program.body, allocated[0], (Allocate(whole),))
    for statement in allocated[1:]:
        body = replaced(body, statement, ())
    return replace(program, body=Parts(value=value, target=target).in_body(body))
