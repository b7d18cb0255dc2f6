"""Bound programs: packed arguments, the buffers of a loop's steps, changes between calls."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH
from graphc.compiler.program.launch import (
    Argument,
    CallNumber,
    Carry,
    CarryPointer,
    DeviceBuffer,
    DeviceLoop,
    DeviceProgram,
    DeviceStep,
    Launch,
    LoopStep,
    Pointer,
    SizeArgument,
    StatusPointer,
    Within,
    Word,
)
from graphc.compiler.program.memory import MemoryPlan, plan_memory
from graphc.compiler.runtime.gpu.bound_program import (
    ARENA,
    CALL_STEP,
    FEEDS,
    BoundProgram,
    buffers,
    constants,
    states,
)
from graphc.compiler.schedule.kernel import Kernel
from graphc.errors import ShapeError

SIZES = {g.dim.symbols(BATCH)[0]: 5}
KERNEL = Kernel("pointwise", (), (), ())


def launch(name: str, *arguments: Argument, grid=(1, 1, 1), shared=0) -> Launch:
    pointed = [each.buffer for each in arguments if isinstance(each, Pointer)]
    return Launch(name, KERNEL, "", arguments, grid, (64, 1, 1), shared, writes=tuple(pointed))


def bound(*steps: DeviceStep, fetches=(), fixed=None, bindings=SIZES) -> BoundProgram:
    program = DeviceProgram("", steps, tuple(fetches))
    plan = plan_memory(program, bindings)
    return BoundProgram(program, bindings, plan, fixed or {}, 99, lambda step, shared: step.name)


def arguments(program: BoundProgram, form: str) -> list[tuple]:
    return [struct.unpack(form, step.parameters) for step in program.launches]


def test_arguments_lie_at_their_alignment() -> None:
    state = g.shared(np.zeros(3, "float32")).attrs["state"]
    made = bound(
        launch(
            "k0",
            SizeArgument(BATCH * 2),
            Pointer(DeviceBuffer("s", (3,), "float32", state)),
            Word(2**32 - 1),
            StatusPointer(),
            SizeArgument(Within(4, BATCH, 5)),
            CallNumber(),
            Word(3),
        )
    )
    made.move(state, 2**40)
    made.move(CALL_STEP, 2**63)
    assert arguments(made, "@iQIQiQI") == [(10, 2**40, 2**32 - 1, 99, 4, 2**63, 3)]
    made.move(state, 7)
    assert arguments(made, "@iQIQiQI") == [(10, 7, 2**32 - 1, 99, 4, 2**63, 3)]


def test_grid_and_shared_memory_are_worked_out_and_an_empty_grid_is_left_out() -> None:
    steps = [
        launch("k0", grid=(BATCH * 3, 2, 1), shared=BATCH * 4),
        launch("k1", grid=(1, 0, 1)),
        launch("k2"),
    ]
    made = bound(*steps).launches
    assert [(step.function, step.grid, step.shared) for step in made] == [
        ("k0", (15, 2, 1), 20),
        ("k2", (1, 1, 1), 0),
    ]


def test_feeds_share_a_slot_and_arena_addresses_move_together() -> None:
    x, y = g.input((BATCH, 100), "float32"), g.input((3,), "int32")
    fed = [DeviceBuffer("x", x.shape, "float32", x), DeviceBuffer("y", (3,), "int32", y)]
    twice = DeviceBuffer("x again", x.shape, "float32", x)
    values = np.arange(4)
    constant, out = DeviceBuffer("c", (4,), "int64", values), DeviceBuffer("o", (BATCH,), "float32")
    pointers = [Pointer(buffer) for buffer in (*fed, twice, constant, out)]
    step = launch("k0", *pointers)
    made = bound(step, fetches=[out], fixed={constant: 12345})
    assert made.feeds == {x: 0, y: 2048}
    assert made.feed_nbytes == 2048 + 256
    for feeds, arena in ((1000, 5000), (3000, 9000)):
        made.move(FEEDS, feeds)
        made.move(ARENA, arena)
        assert arguments(made, "@5Q") == [(feeds, feeds + 2048, feeds, 12345, arena)]
        assert made.address(out) == arena
        assert made.address(fed[1]) == feeds + 2048
    assert made.shape(out) == (5,)
    program = DeviceProgram("", (step,), (out,))
    assert constants(program) == [(constant, values)]
    assert buffers(program)[0] is out
    assert states(program) == []


def loop_of(length: object, reverse: bool, steps, carries=()) -> DeviceLoop:
    scan = g.input((), "float32")
    return DeviceLoop(scan, length, reverse, tuple(carries), tuple(steps(scan)))


@pytest.mark.parametrize(
    ("length", "reverse", "met"),
    [
        (1, False, [(0, "initial", "final")]),
        (
            3,
            False,
            [(0, "initial", "first"), (1, "first", "second"), (2, "second", "final")],
        ),
        (2, True, [(1, "initial", "first"), (0, "first", "final")]),
    ],
)
def test_a_carry_goes_from_buffer_to_buffer(length: int, reverse: bool, met: list) -> None:
    x = g.input((), "float32")
    initial = DeviceBuffer("initial", (), "float32", x)
    first, second, final = (
        DeviceBuffer(name, (), "float32") for name in ("first", "second", "final")
    )
    carry = Carry(initial, (first, second), final)

    def steps(scan):
        read, write = CarryPointer(carry, write=False), CarryPointer(carry, write=True)
        return [launch("k0", LoopStep(scan), read, write)]

    made = bound(loop_of(length, reverse, steps, [carry]), fetches=[final])
    made.move(ARENA, 2**20)
    made.move(FEEDS, 2**30)
    names = {made.address(buffer): buffer.name for buffer in (initial, first, second, final)}
    seen = [(index, names[a], names[b]) for index, a, b in arguments(made, "@iQQ")]
    assert seen == met


def test_loops_nest_and_each_counts_its_own_steps() -> None:
    outer_scan, inner_scan = g.input((), "float32"), g.input((), "float32")
    step = launch("k0", LoopStep(outer_scan), LoopStep(inner_scan))
    inner = DeviceLoop(inner_scan, 2, True, (), (step,))
    outer = DeviceLoop(outer_scan, BATCH - 3, False, (), (inner,))
    made = bound(outer, launch("k1", Word(0), Word(0)))
    assert arguments(made, "@ii") == [(0, 1), (0, 0), (1, 1), (1, 0), (0, 0)]
    assert [step.loop for step in made.launches] == [outer] * 4 + [None]


def test_a_size_beyond_int32_is_an_error_that_names_the_kernel() -> None:
    with pytest.raises(ShapeError, match="k0: the size 1000000000\\*batch is 5,000,000,000"):
        bound(launch("k0", SizeArgument(BATCH * 10**9)))


def test_a_plan_of_another_kind_is_followed() -> None:
    """Each buffer in its own place, wherever the plan says."""
    first, second = DeviceBuffer("a", (3,), "float32"), DeviceBuffer("b", (3,), "float32")
    step = launch("k0", Pointer(first), Pointer(second))
    plan = MemoryPlan({first: 512, second: 0}, 1024)
    made = BoundProgram(DeviceProgram("", (step,), ()), {}, plan, {}, 0, lambda step, shared: None)
    made.move(ARENA, 10_000)
    assert arguments(made, "@QQ") == [(10_512, 10_000)]
    assert made.arena_nbytes == 1024
