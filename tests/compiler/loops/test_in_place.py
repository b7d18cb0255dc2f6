"""An output that takes the place of an input, where the stores are proved to allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from hypothesis import HealthCheck, given, settings

from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.dependence import Verdict, is_in_place_safe
from graphc.compiler.loops.evaluate import evaluate
from graphc.compiler.loops.index import IndexLike
from graphc.compiler.loops.program import LoopProgram, Parts, walk
from graphc.compiler.loops.statement import Store
from graphc.compiler.loops.value import Load, Value
from tests.compiler.loops import written as w
from tests.compiler.loops.random_loops import SOME_SIZES, N, arrays_for, plain_programs
from tests.compiler.loops.written import I


def stores_to(program: LoopProgram, buffer: Buffer) -> list[Store]:
    return [
        one
        for one in walk(program.body)
        if isinstance(one, Store) and one.target.buffer.memory == buffer.memory
    ]


def in_place(program: LoopProgram, output: Buffer, over: Buffer) -> LoopProgram:
    """Return a program whose output is in the memory of an input."""
    moved = replace(output, memory=over.memory)

    def target(one: Load) -> Load:
        return replace(one, buffer=moved) if one.buffer is output else one

    def value(one: Value) -> Value:
        return target(one) if isinstance(one, Load) else one

    outputs = tuple(moved if one is output else one for one in program.outputs)
    body = Parts(value=value, target=target).in_body(program.body)
    return replace(program, outputs=outputs, body=body)


def candidates(program: LoopProgram) -> Iterator[tuple[Buffer, Buffer]]:
    """Yield outputs with inputs of the same layout, both alone in their memories."""
    every = dict.fromkeys((*program.inputs, *program.outputs))
    alone = [one for one in every if sum(one.memory == other.memory for other in every) == 1]
    for output in [one for one in alone if one not in program.inputs]:
        for over in [one for one in alone if one not in program.outputs]:
            if replace(over, name=output.name, memory=output.memory) is output:
                yield output, over


def same_in_place(program: LoopProgram, output: Buffer, over: Buffer) -> bool:
    """Return True if an output that takes the place of an input gets the same bits."""
    changed = in_place(program, output, over)
    for some in SOME_SIZES[1:3]:
        arrays = arrays_for(program, some)
        expected = evaluate(program, arrays, some)
        stored = expected.stored[output.memory].reshape(-1)
        values = expected.outputs[output.memory].reshape(-1)[stored]
        found = evaluate(changed, arrays, some).outputs[over.memory].reshape(-1)[stored]
        if not np.array_equal(found.view(np.uint32), values.view(np.uint32)):
            return False
    return True


@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(plain_programs())
def test_what_is_safe_gives_the_same_bits(program: LoopProgram) -> None:
    for output, over in candidates(program):
        if all(is_in_place_safe(program, store, over) for store in stores_to(program, output)):
            assert same_in_place(program, output, over), (output, over)


def test_what_is_not_safe_gives_others() -> None:
    before, after = w.floats("x", N), w.floats("y", N)

    def reading(coord: IndexLike) -> LoopProgram:
        return w.program(
            (before,), (after,), w.loop(I, N, Store(w.at(after, I), w.at(before, coord)))
        )

    def verdict(program: LoopProgram) -> Verdict:
        (store,) = stores_to(program, after)
        return is_in_place_safe(program, store, before)

    backwards, straight = reading(N - 1 - I), reading(I)
    assert verdict(straight)
    assert same_in_place(straight, after, before)
    assert not verdict(backwards)
    assert not same_in_place(backwards, after, before)
