"""The memory plan: no two living values share memory, and dead ones make room."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, Symbol
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.program.launch import DeviceBuffer, DeviceLoop, DeviceProgram
from graphc.compiler.program.memory import (
    ALIGNMENT,
    MOST_ELEMENTS,
    MemoryPlan,
    plan_memory,
    touched,
)
from graphc.errors import ShapeError
from graphc.reference_models import REFERENCE_MODELS
from tests.compiler.passes.test_random_graphs import STEPS, N, build
from tests.reference_models.cut_sizes import CUT

(BATCH_SYMBOL,) = symbols(BATCH)


def check(program: DeviceProgram, sizes: Mapping[Symbol, int]) -> MemoryPlan:
    """The plan, by what the steps touch: what is alive at once lies apart."""
    plan = plan_memory(program, sizes)
    alive: dict[DeviceBuffer, list[int]] = {}
    for position, step in enumerate(program.steps):
        for buffer in touched(step):
            if buffer.origin is None:
                alive.setdefault(buffer, []).append(position)
    for buffer in program.fetches:
        if buffer.origin is None:
            alive[buffer].append(len(program.steps))
    assert plan.offsets.keys() == alive.keys()
    for buffer, offset in plan.offsets.items():
        assert offset % ALIGNMENT == 0
        assert 0 <= offset <= offset + buffer.nbytes(sizes) <= plan.nbytes
    for one, other in itertools.combinations(alive, 2):
        if alive[one][0] <= alive[other][-1] and alive[other][0] <= alive[one][-1]:
            first, second = sorted((one, other), key=plan.offsets.__getitem__)
            assert plan.offsets[first] + first.nbytes(sizes) <= plan.offsets[second]
    return plan


@given(STEPS)
@settings(max_examples=60)
def test_random_graphs(steps: list) -> None:
    program = lower(build(steps))
    for count in (1, 9):
        check(program, dict.fromkeys(symbols(N), count))


@pytest.mark.parametrize("name", CUT)
def test_reference_models(name: str) -> None:
    program = REFERENCE_MODELS[name].build(**CUT[name]).function().program()
    sizes = [check(program, {BATCH_SYMBOL: batch}).nbytes for batch in (1, 3, 64)]
    assert sizes == sorted(sizes)


def chain(length: int) -> list[Node]:
    """Products, each of the one before: kernels of their own."""
    weights = g.shared(np.zeros((64, 64), "float32"))
    values = [g.input((BATCH, 64), "float32")]
    for _ in range(length):
        values.append(g.tanh(g.dot(values[-1], weights)))
    return values


def nbytes(outputs: Sequence[Node], batch: int) -> int:
    return check(lower(outputs), {BATCH_SYMBOL: batch}).nbytes


def test_dead_values_make_room() -> None:
    """A chain of any length needs two values at a time, and what is fetched to its end."""
    one = 100 * 64 * 4
    assert nbytes(chain(1)[-1:], 100) == one
    assert nbytes(chain(2)[-1:], 100) == 2 * one
    assert nbytes(chain(12)[-1:], 100) == 2 * one
    values = chain(12)
    assert nbytes([values[1], values[4], values[-1]], 100) == 4 * one


def test_values_of_whole_pages_do_not_lie_at_one_place_of_them() -> None:
    """16 KiB each: read side by side, they would share a few places of the cache."""
    values = chain(12)
    plan = check(lower(values[1:]), {BATCH_SYMBOL: 64})
    assert len(plan.offsets) == 12
    assert len({offset % 4096 for offset in plan.offsets.values()}) == 12


def test_freed_neighbours_are_joined() -> None:
    """Two values of a half each make room for a whole."""
    x = g.input((BATCH, 64), "float32")
    weights = g.shared(np.zeros((64, 64), "float32"))
    halves = [g.dot(x, weights), g.dot(g.exp(x), weights)]
    narrow = g.sum(halves[0] * halves[1], 1)  # both die here
    again = g.dot(g.reshape(narrow, (-1, 1)), g.shared(np.zeros((1, 128), "float32")))
    row = 100 * 4
    assert nbytes([again], 100) <= (2 * 64 + 1) * row + 2 * ALIGNMENT


def test_a_value_lies_in_the_smallest_place_that_it_fits() -> None:
    """Behind the sum there are two: the lower one has room for four times as much."""

    def dot(x: Node, width: int) -> Node:
        return g.dot(x, g.shared(np.zeros((x.shape[1], width), "float32")))

    large = dot(g.input((BATCH, 64), "float32"), 256)
    first = dot(large, 64)
    small = dot(first, 64)
    second = dot(small, 64) + dot(large, 64)  # both die here
    third = dot(second, 64)
    fourth = dot(third, 256)
    one = 100 * 64 * 4
    assert nbytes([first, second, third, fourth], 100) < 8 * one  # 7, and their alignment


def test_what_a_loop_touches_lives_as_long_as_the_loop() -> None:
    sequence = g.input((5, BATCH, 300), "float32")  # too wide for one launch of all steps
    start = g.input((BATCH, 300), "float32")
    weights = g.shared(np.zeros((300, 300), "float32"))
    before = g.exp(g.sum(g.sin(sequence), 0))

    def step(carries: list[Node], slices: list[Node]) -> tuple:
        product = g.dot(carries[0], weights)
        return (g.tanh(product + slices[0] * before),), (product,)

    (final,), (stack,) = g.scan(step, [start], [sequence])
    program = lower([final, g.sum(stack)])
    (loop,) = (x for x in program.steps if isinstance(x, DeviceLoop))
    sizes = {BATCH_SYMBOL: 4}
    plan = check(program, sizes)
    buffers = sorted(plan.offsets.keys() & touched(loop), key=plan.offsets.__getitem__)
    assert len(buffers) > 4  # the carry's two, what is read, what is stacked, what steps hand on
    for one, other in itertools.pairwise(buffers):
        assert plan.offsets[one] + one.nbytes(sizes) <= plan.offsets[other]


def test_a_value_with_too_many_elements_is_refused() -> None:
    program = lower(chain(2)[-1:])
    most = (MOST_ELEMENTS - 1) // 64
    plan_memory(program, {BATCH_SYMBOL: most})
    with pytest.raises(ShapeError, match=rf"has {(most + 1) * 64} elements.*smaller"):
        plan_memory(program, {BATCH_SYMBOL: most + 1})


def test_an_input_and_a_walk_with_too_many_elements_are_refused() -> None:
    """Where nothing in the arena is large: a sum of an input, and one of what it computes."""
    x, row = g.input((BATCH, 8), "float32"), g.input((70_000,), "float32")
    program = lower([g.sum(x)])
    with pytest.raises(ShapeError, match=rf"has {MOST_ELEMENTS} elements.*smaller"):
        plan_memory(program, {BATCH_SYMBOL: MOST_ELEMENTS // 8})
    column = g.reshape(x[:, 0], (BATCH, 1))
    shape = (BATCH, 70_000)
    products = g.broadcast_to(column, shape) * g.broadcast_to(g.reshape(row, (1, 70_000)), shape)
    program = lower([g.sum(products, 1)])
    plan_memory(program, {BATCH_SYMBOL: 30_000})
    with pytest.raises(ShapeError, match=r"_rows walks 2800000000 elements.*smaller"):
        plan_memory(program, {BATCH_SYMBOL: 40_000})


def test_states_and_inputs_have_no_place_in_the_arena() -> None:
    weights = g.shared(np.zeros((7, 3), "float32"))
    x = g.input((7, 3), "float32")
    program = lower([weights - 0.1 * x], [g.state_of(weights)])
    plan = plan_memory(program, {})
    assert (plan.nbytes, plan.offsets) == (0, {})
