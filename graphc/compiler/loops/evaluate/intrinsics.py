"""Intrinsics: what their parameters stand for, in the frame of a call."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from graphc.compiler.graph.binding import lone_symbol
from graphc.compiler.graph.dim import Symbol
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.evaluate.expressions import BlockExpressions
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, FrameNames, Slots, WindowName
from graphc.compiler.loops.program import Body, walk, windows_of
from graphc.compiler.loops.statement import PARALLEL_KINDS, BufferWindow, For, UseIntrinsic


def check_windows(at: BlockExpressions, statement: UseIntrinsic) -> None:
    """Raise a `Fault` if what a call gives does not fit the parameters."""
    intrinsic, windows = statement.intrinsic, statement.windows
    if len(intrinsic.parameters) != len(windows):
        raise Fault(f"it has {len(intrinsic.parameters)} parameters, not {len(windows)}")
    if len(intrinsic.arguments) != len(statement.arguments):
        given = len(statement.arguments)
        raise Fault(f"it takes {len(intrinsic.arguments)} numbers, not {given}")
    has_agents = _has_parallel_loops(intrinsic.body)
    for (window, written), parameter in zip(
        windows_of(statement), intrinsic.parameters, strict=True
    ):
        _check_axes(window, parameter)
        memory = at.memory(window.buffer)
        if written and not memory.is_writable:
            raise Fault(f"{window.buffer} is an input, and no output is in its memory")
        if has_agents:  # its statements are prepared when its memories are there
            memory.whole.is_shared = True


def _has_parallel_loops(body: Body) -> bool:
    return any(
        (isinstance(one, For) and one.kind in PARALLEL_KINDS)
        or (isinstance(one, UseIntrinsic) and _has_parallel_loops(one.intrinsic.body))
        for one in walk(body)
    )


def _check_axes(window: BufferWindow, parameter: Buffer) -> None:
    buffer = window.buffer
    rank = len(buffer.shape)
    if parameter.dtype != buffer.dtype:
        raise Fault(f"{buffer} is of {buffer.dtype}, the parameter {parameter.dtype}")
    if len(window.start) != rank or len(window.axes) != len(parameter.shape):
        raise Fault(f"the rectangle of {buffer} has not the axes of {buffer} and {parameter}")
    if len(set(window.axes)) != len(window.axes) or not set(window.axes) <= set(range(rank)):
        raise Fault(f"the axes {window.axes} are not different ones of {buffer}")


def inside_of(
    at: BlockExpressions, statement: UseIntrinsic, sizes: dict[Symbol, int]
) -> tuple[BlockExpressions, Callable[[Slots], Slots]]:
    """Return what makes functions inside of an intrinsic, for some sizes, and a function from the
    frame of a call to the one inside, which is made when all inside has been prepared."""
    for symbol, size in sizes.items():
        if size < 1:
            raise Fault(f"the size {symbol} is {size}, expected at least 1")
    names = FrameNames()
    passed: list[tuple[int, Callable[[Slots], Any]]] = []
    rectangles: list[WindowName] = []
    for window, parameter in zip(statement.windows, statement.intrinsic.parameters, strict=True):
        memory = at.names.memory(window.buffer.memory)
        rectangle, start = _rectangle(at, window, parameter, names.new_slot())
        inner = replace(memory, slot=names.new_slot(), window=rectangle)
        names.bind_memory(parameter.memory, inner)
        passed += [(rectangle.start, start), (inner.slot, operator.itemgetter(memory.slot))]
        rectangles.append(rectangle)
        _bind_strides(sizes, rectangle)
    for argument, value in zip(statement.intrinsic.arguments, statement.arguments, strict=True):
        passed.append((names.bind(argument), at.value(value, argument.dtype)))
    inside = replace(at, names=names, sizes={**at.sizes, **sizes})
    for rectangle in rectangles:
        _check_strides(inside, rectangle)

    def enter(frame: Slots) -> Slots:
        made = names.frame()
        made[AGENT] = frame[AGENT]
        for slot, value in passed:
            made[slot] = value(frame)
        return made

    return inside, enter


def _rectangle(
    at: BlockExpressions, window: BufferWindow, parameter: Buffer, slot: int
) -> tuple[WindowName, Callable[[Slots], tuple[int, ...]]]:
    """Return what a parameter stands for, and where that starts as a function of the frame of the
    call."""
    starts = [at.index(start) for start in window.start]
    memory = at.memory(window.buffer)
    around = memory.window
    if around is None:
        whole = window.buffer
        rectangle = WindowName(
            parameter,
            slot,
            window.axes,
            tuple(map(at.size, whole.shape)),
            tuple(map(at.size, whole.strides)),
            at.size(whole.offset),
            whole.name,
            memory,
        )
        return rectangle, lambda frame: tuple(start(frame) for start in starts)
    outer_start, axes = around.start, around.axes  # a rectangle of a rectangle

    def start_inside(frame: Slots) -> tuple[int, ...]:
        found = list(frame[outer_start])
        for axis, start in zip(axes, starts, strict=True):
            found[axis] += start(frame)
        return tuple(found)

    moves = tuple(axes[axis] for axis in window.axes)
    return replace(around, parameter=parameter, start=slot, axes=moves), start_inside


def _bind_strides(sizes: dict[Symbol, int], window: WindowName) -> None:
    """Bind the symbols that are strides of a parameter, where the call gives no size for them."""
    for stride, axis in zip(window.parameter.strides, window.axes, strict=True):
        symbol = lone_symbol(stride)
        if symbol is not None:
            sizes.setdefault(symbol, window.strides[axis])


def _check_strides(at: BlockExpressions, window: WindowName) -> None:
    """Raise a `Fault` if a parameter moves by other steps than what stands for it."""
    parameter = window.parameter
    axes = zip(parameter.shape, parameter.strides, window.axes, strict=True)
    for k, (extent, stride, axis) in enumerate(axes):
        expected, found = at.size(stride), window.strides[axis]
        if at.size(extent) > 1 and expected != found:
            raise Fault(
                f"axis {k} of {parameter} has the stride {expected}, that of {window.whole} which "
                f"stands for it {found}"
            )
