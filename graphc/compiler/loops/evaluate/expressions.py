"""Index and value expressions as functions of a frame: each is made once and called each turn."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np

from graphc.compiler.graph.dim import Size, Symbol, evaluate
from graphc.compiler.interpret import NUMPY
from graphc.compiler.interpret.random import philox4x32
from graphc.compiler.loops.buffer import Buffer
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, FrameNames, MemoryName, Slots, WindowName
from graphc.compiler.loops.fused import LOOP_OPS
from graphc.compiler.loops.index import (
    Index,
    IndexAtom,
    LoopVariable,
    Quotient,
)
from graphc.compiler.loops.value import (
    Apply,
    Argument,
    Bit,
    Condition,
    Constant,
    IndexValue,
    Load,
    Local,
    RandomWord,
    Value,
)

Number: TypeAlias = Callable[[Slots], int]
Scalar: TypeAlias = Callable[[Slots], Any]
Test: TypeAlias = Callable[[Slots], bool]

_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Element:
    """An element of a buffer, as functions of a frame.

    Attributes:
        load: the element.
        coords: its coordinates.
        place: its number in its memory; a `Fault` where it is not inside of the buffer.
        memory: the slot of the memory.
    """

    load: Load
    coords: tuple[Number, ...]
    place: Number
    memory: int

    def described(self, frame: Slots) -> str:
        """Return the element in words, with numbers as coordinates."""
        coords = ", ".join(str(coord(frame)) for coord in self.coords)
        return f"the element {self.load.buffer}[{coords}]"

    def fault(self, fault: Fault, frame: Slots) -> Fault:
        """Return a fault that names the element."""
        return Fault(f"{self.described(frame)}: {fault}")

    def writing(self) -> Callable[[Slots, Any], None]:
        """Return a function that stores it."""
        memory, place = self.memory, self.place

        def write(frame: Slots, value: Any) -> None:
            try:
                frame[memory].write(place(frame), value, frame[AGENT])
            except Fault as fault:
                raise self.fault(fault, frame) from None

        return write

    def reading(self) -> Scalar:
        """Return its value as a function."""
        memory, place = self.memory, self.place

        def read(frame: Slots) -> Any:
            try:
                return frame[memory].read(place(frame), frame[AGENT])
            except Fault as fault:
                raise self.fault(fault, frame) from None

        return read


@dataclass(frozen=True)
class BlockExpressions:
    """A maker of functions of the expressions of a block.

    Attributes:
        names: what they may name.
        sizes: the symbols.
        arguments: the numbers that the call gives.
        parallel_depth: the number of parallel loops around.
    """

    names: FrameNames
    sizes: Mapping[Symbol, int]
    arguments: Mapping[Argument, Any]
    parallel_depth: int

    def block(self, parallel: bool = False) -> BlockExpressions:
        """Return what makes functions in a block inside, of a parallel loop or another one."""
        return replace(
            self, names=self.names.block(), parallel_depth=self.parallel_depth + parallel
        )

    # ---- indices --------------------------------------------------------------------------------

    def size(self, size: Size) -> int:
        """Return a size as a number."""
        try:
            return evaluate(size, self.sizes)
        except KeyError as error:
            raise Fault(f"the size {error.args[0]} is not given") from None

    def end(self, buffer: Buffer) -> int:
        """Return the number of elements that a buffer's memory has at least."""
        extents = tuple(map(self.size, buffer.shape))
        strides = tuple(map(self.size, buffer.strides))
        if 0 in extents:
            return 0
        steps = [(n - 1) * step for n, step in zip(extents, strides, strict=True)]
        return self.size(buffer.offset) + sum(step for step in steps if step > 0) + 1

    def index(self, index: Index) -> Number:
        """Return an index as a function."""
        constant = self.size(index.constant)
        terms = [(self._atom(atom), self.size(factor)) for atom, factor in index.terms]
        if not terms:
            return lambda frame: constant
        first, factor = terms[0]
        if len(terms) == 1:
            if constant == 0 and factor == 1:
                return first
            return lambda frame: first(frame) * factor + constant
        if len(terms) == 2:
            second, second_factor = terms[1]
            return lambda frame: first(frame) * factor + second(frame) * second_factor + constant

        def total(frame: Slots) -> int:
            found = constant
            for atom, factor in terms:
                found += atom(frame) * factor
            return found

        return total

    def _atom(self, atom: IndexAtom) -> Number:
        if isinstance(atom, LoopVariable):
            return operator.itemgetter(self.names.slot(atom))
        dividend, divisor = self.index(atom.dividend), self.size(atom.divisor)
        if divisor < 1:
            raise Fault(f"the divisor {atom.divisor} of {atom} is {divisor}")
        if isinstance(atom, Quotient):
            return lambda frame: dividend(frame) // divisor
        return lambda frame: dividend(frame) % divisor

    def conditions(self, conditions: Sequence[Condition]) -> Test:
        """Return as a function that all conditions hold."""
        tests = [self._condition(one) for one in conditions]
        if len(tests) == 1:
            return tests[0]
        return lambda frame: all(test(frame) for test in tests)

    def _condition(self, condition: Condition) -> Test:
        index = self.index(condition.index)
        if condition.equal:
            return lambda frame: index(frame) == 0
        return lambda frame: index(frame) >= 0

    # ---- elements -------------------------------------------------------------------------------

    def memory(self, buffer: Buffer) -> MemoryName:
        """Return what is known of a buffer's memory, which is accessed here."""
        memory = self.names.memory(buffer.memory)
        if buffer.dtype != memory.dtype:
            raise Fault(f"{buffer} is of {buffer.dtype}, its memory of {memory.dtype}")
        if self.parallel_depth > memory.parallel_depth:
            memory.is_shared = True
        return memory

    def element(self, load: Load) -> Element:
        """Return an element as functions."""
        buffer = load.buffer
        if len(load.coords) != len(buffer.shape):
            raise Fault(f"{load} has {len(load.coords)} coordinates, not {len(buffer.shape)}")
        memory = self.memory(buffer)
        coords = tuple(self.index(coord) for coord in load.coords)
        extents = tuple(self.size(extent) for extent in buffer.shape)
        if memory.window is not None:
            if buffer is not memory.window.parameter:
                raise Fault(f"{buffer} is a view of the parameter {memory.window.parameter}")
            return Element(load, coords, _windowed(coords, extents, memory.window), memory.slot)
        strides = tuple(self.size(stride) for stride in buffer.strides)
        offset = self.size(buffer.offset)
        return Element(load, coords, _placed(coords, extents, strides, offset), memory.slot)

    def target(self, load: Load) -> Element:
        """Return an element that is stored to."""
        if not self.names.memory(load.buffer.memory).is_writable:
            raise Fault(f"{load.buffer} is an input, and no output is in its memory")
        return self.element(load)

    # ---- values ---------------------------------------------------------------------------------

    def value(self, value: Value, dtype: str) -> Scalar:
        """Return a value, which has to be of a dtype, as a function."""
        if value.dtype != dtype:
            raise Fault(f"the value {value} is of {value.dtype}, expected {dtype}")
        if isinstance(value, Constant):
            number = np.asarray(value.number, dtype)[()]
            return lambda frame: number
        if isinstance(value, Load):
            return self.element(value).reading()
        if isinstance(value, Local):
            return operator.itemgetter(self.names.slot(value))
        if isinstance(value, IndexValue):
            return self._index_value(value)
        if isinstance(value, Argument):
            return self._argument(value)
        if isinstance(value, Apply):
            return self._applied(value)
        if isinstance(value, Bit):
            byte, bit = self.value(value.byte, "uint8"), value.number
            return lambda frame: np.bool_(int(byte(frame)) >> bit & 1)
        if isinstance(value, RandomWord):
            return self._random_word(value)
        test = self.conditions(value.conditions)
        chosen, otherwise = self.value(value.value, dtype), self.value(value.otherwise, dtype)
        return lambda frame: chosen(frame) if test(frame) else otherwise(frame)

    def _argument(self, value: Argument) -> Scalar:
        slot = self.names.argument(value)
        if slot is not None:
            return operator.itemgetter(slot)
        if value not in self.arguments:
            raise Fault(f"the argument {value} is not one of the program")
        given = self.arguments[value]
        return lambda frame: given

    def _index_value(self, value: IndexValue) -> Scalar:
        index, scalar = self.index(value.index), np.dtype(value.dtype).type

        def number(frame: Slots) -> Any:
            try:
                return scalar(index(frame))
            except OverflowError as error:
                raise Fault(f"{value}: {error}") from None

        return number

    def _applied(self, value: Apply) -> Scalar:
        function, attrs = NUMPY.get(value.op) or LOOP_OPS.get(value.op), value.attrs
        if function is None:
            raise Fault(f"there is no op {value.op}")
        operands = [self.value(operand, operand.dtype) for operand in value.operands]
        made = np.dtype(value.dtype).type

        def applied(frame: Slots) -> Any:
            try:
                result = function(attrs, *[operand(frame) for operand in operands])
            except (KeyError, TypeError, ValueError) as error:
                raise Fault(f"{value}: {error!r}") from error
            if type(result) is made:
                return result
            if result.dtype.type is not made:
                raise Fault(f"the value {value} is of {result.dtype}, expected {value.dtype}")
            return result[()]

        return applied

    def _random_word(self, value: RandomWord) -> Scalar:
        element = self.index(value.element)
        parts = [
            self.value(part, dtype)
            for part, dtype in (
                (value.shift, "int64"),
                (value.step, "int32"),
                (value.call, "uint64"),
                (value.seed, "uint32"),
                (value.stream, "uint32"),
            )
        ]

        def word(frame: Slots) -> np.uint32:
            shift, *counted = (int(part(frame)) for part in parts)
            block, number = divmod(element(frame) + shift, 4)
            return _random_block(block, *counted)[number]

        return word


def _placed(
    coords: tuple[Number, ...],
    extents: tuple[int, ...],
    strides: tuple[int, ...],
    offset: int,
    what: str = "buffer",
) -> Number:
    outside = f"it is outside of the {what}, whose shape is {list(extents)}"
    axes = list(zip(coords, extents, strides, strict=True))
    if len(axes) == 1:
        ((only, extent, stride),) = axes

        def place_in_row(frame: Slots) -> int:
            at = only(frame)
            if not 0 <= at < extent:
                raise Fault(outside)
            return offset + at * stride

        return place_in_row
    if len(axes) == 2:
        (first, rows, row), (second, columns, column) = axes

        def place_in_matrix(frame: Slots) -> int:
            at, beside = first(frame), second(frame)
            if not (0 <= at < rows and 0 <= beside < columns):
                raise Fault(outside)
            return offset + at * row + beside * column

        return place_in_matrix

    def place(frame: Slots) -> int:
        found = offset
        for coord, extent, stride in axes:
            at = coord(frame)
            if not 0 <= at < extent:
                raise Fault(outside)
            found += at * stride
        return found

    return place


def _windowed(coords: tuple[Number, ...], extents: tuple[int, ...], window: WindowName) -> Number:
    """The same where the buffer is a parameter: the element lies in a rectangle of a whole one."""
    strides = tuple(window.strides[axis] for axis in window.axes)
    moved = _placed(coords, extents, strides, 0, "parameter")
    known: tuple[int, ...] | None = None  # where the last element's rectangle starts
    first: int | None = None  # the place of that, if the rectangle is inside of the whole

    def place(frame: Slots) -> int:
        nonlocal known, first
        start = frame[window.start]
        if start is not known:
            known, first = start, _first_place(start, extents, window)
        if first is not None:
            return first + moved(frame)
        moved(frame)
        found = list(start)
        for coord, axis in zip(coords, window.axes, strict=True):
            found[axis] += coord(frame)
        if not _is_inside(found, window):
            raise Fault(
                f"it is {window.whole}{found}, outside of that buffer, whose shape is "
                f"{list(window.shape)}"
            )
        return _place_in_whole(found, window)

    return place


def _first_place(
    start: tuple[int, ...], extents: tuple[int, ...], window: WindowName
) -> int | None:
    last = list(start)
    for axis, extent in zip(window.axes, extents, strict=True):
        last[axis] += extent - 1
    is_inside = _is_inside(start, window) and _is_inside(last, window)
    return _place_in_whole(start, window) if is_inside else None


def _is_inside(coords: Sequence[int], window: WindowName) -> bool:
    return all(0 <= at < extent for at, extent in zip(coords, window.shape, strict=True))


def _place_in_whole(coords: Sequence[int], window: WindowName) -> int:
    steps = zip(coords, window.strides, strict=True)
    return window.offset + sum(at * stride for at, stride in steps)


@functools.lru_cache(maxsize=4096)
def _random_block(
    block: int, step: int, call: int, seed: int, stream: int
) -> tuple[np.uint32, ...]:
    """The four words of a block, whose counter's words go around as those of the devices do."""
    counter = [np.asarray(word & _WORD, np.uint64) for word in (block, step, call, call >> 32)]
    return tuple(np.uint32(word) for word in philox4x32(counter, (seed, stream)))
