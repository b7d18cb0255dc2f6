"""`evaluate`: what a loop program computes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from graphc.compiler.graph.dim import Symbol
from graphc.compiler.loops.buffer import Buffer, BufferScope
from graphc.compiler.loops.evaluate.agents import Agent, Clock, TurnOrder
from graphc.compiler.loops.evaluate.copies import check_all_done
from graphc.compiler.loops.evaluate.expressions import BlockExpressions
from graphc.compiler.loops.evaluate.fault import Fault
from graphc.compiler.loops.evaluate.frame import AGENT, FrameNames, MemoryName, Slots
from graphc.compiler.loops.evaluate.memory import AccessLog, CheckedMemory, unset_memory
from graphc.compiler.loops.evaluate.statements import BlockStatements, Evaluation, FailedCheck
from graphc.compiler.loops.program import LoopProgram, written_memories
from graphc.compiler.loops.value import Argument
from graphc.errors import EvaluationError

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Evaluated:
    """The result of a loop program.

    Attributes:
        outputs: by the name of each output's memory, all of it. It has the shape of the array that
            was given, or else of the output that is all of its memory; if none is, it is flat.
        stored: for each, True at the elements that have a value.
        status: the status word; None if no check has failed.
    """

    outputs: Mapping[str, np.ndarray]
    stored: Mapping[str, np.ndarray]
    status: FailedCheck | None


def evaluate(
    program: LoopProgram,
    arrays: Mapping[str, np.ndarray],
    sizes: Mapping[Symbol, int] = _NOTHING,
    *,
    arguments: Mapping[str, Any] = _NOTHING,
    indices: Mapping[str, int] = _NOTHING,
    order: TurnOrder = TurnOrder.FORWARD,
    status: FailedCheck | None = None,
) -> Evaluated:
    """Run a loop program, an element at a time. It defines what programs mean.

    What has no meaning is an `EvaluationError`: an element that is read without a value, or outside
    of its buffer; accesses of two agents that no barrier separates, one of them a store; a barrier
    that not all agents come to; the source or target of a copy that is used ahead of its `Wait`.

    Args:
        program: the program.
        arrays: by the name of its memory each input, and each output that is read. They stay as
            they are.
        sizes: what each symbol is.
        arguments: by name, what each argument is.
        indices: by name, what each variable is that the call gives.
        order: who of several agents is run first. No program's results depend on it, but for what
            a guarded store has stored before a check of another agent fails.
        status: the status word ahead of the program.
    """
    run = _Run(program, arrays, sizes, order)
    run.evaluation.status = status
    try:
        return run.result(arguments, indices)
    except Fault as fault:
        raise EvaluationError(f"{program.name}: {fault}") from None


class _Run:
    def __init__(
        self,
        program: LoopProgram,
        arrays: Mapping[str, np.ndarray],
        sizes: Mapping[Symbol, int],
        order: TurnOrder,
    ) -> None:
        self.program, self.arrays = program, arrays
        self.evaluation = Evaluation(program.name, Clock(order))
        self.written = written_memories(program.body)
        self.names = FrameNames()
        self.at = BlockExpressions(self.names, sizes, {}, 0)

    def result(self, arguments: Mapping[str, Any], indices: Mapping[str, int]) -> Evaluated:
        """Return what the program computes."""
        self._check_sizes()
        given = self._indices(indices)
        at = replace(self.at, arguments=self._arguments(arguments))
        memories = self._memory_names()
        statements = BlockStatements(self.evaluation, at, written=self.written)
        body = statements.body(self.program.body)
        frame = self.names.frame()
        frame[AGENT] = agent = Agent(self.evaluation.clock)
        for slot, number in given.items():
            frame[slot] = number
        for name, memory in memories.items():
            frame[memory.slot] = self._memory(name, memory)
        with np.errstate(all="ignore"):
            body(frame)
        check_all_done(agent)
        return self._evaluated(memories, frame)

    # ---- what a call gives ----------------------------------------------------------------------

    def _check_sizes(self) -> None:
        for symbol, size in self.at.sizes.items():
            if size < 1:
                raise Fault(f"the size {symbol} is {size}, expected at least 1")

    def _arguments(self, given: Mapping[str, Any]) -> dict[Argument, Any]:
        _check_names("argument", given, (one.name for one in self.program.arguments))
        found = {}
        for one in self.program.arguments:
            try:
                found[one] = np.dtype(one.dtype).type(given[one.name])
            except (OverflowError, TypeError, ValueError) as error:
                raise Fault(f"the argument {one} of {one.dtype}: {error}") from None
        return found

    def _indices(self, given: Mapping[str, int]) -> dict[int, int]:
        _check_names("index", given, (one.name for one, _ in self.program.indices))
        found = {}
        for variable, end in self.program.indices:
            number, size = given[variable.name], self.at.size(end)
            if not 0 <= number < size:
                raise Fault(f"the index {variable} is {number}, expected one below {size}")
            found[self.names.bind(variable)] = number
        return found

    # ---- memories -------------------------------------------------------------------------------

    def _memory_names(self) -> dict[str, MemoryName]:
        program, found = self.program, {}
        outputs = {buffer.memory for buffer in program.outputs}
        for buffer in (*program.inputs, *program.outputs):
            if buffer.scope is not BufferScope.GLOBAL:
                raise Fault(f"{buffer} is in {buffer.scope.value}, where no caller reaches it")
            name = buffer.memory
            if name not in found:
                found[name] = MemoryName(
                    self.names.new_slot(), buffer.dtype, name in outputs, name in self.written, 0
                )
                self.names.bind_memory(name, found[name])
        for name in self.arrays:
            if name not in found:
                raise Fault(f"there is no input or output in a memory {name}")
        return found

    def _memory(self, name: str, memory: MemoryName) -> CheckedMemory:
        log = AccessLog(BufferScope.GLOBAL) if memory.is_logged else None
        array = self.arrays.get(name)
        if array is None:
            missing = [one for one in self.program.inputs if one.memory == name]
            if missing:
                raise Fault(f"the input {missing[0]} in the memory {name} is not given")
            size = max(self.at.end(buffer) for buffer in self._buffers(name))
            return unset_memory(size, memory.dtype, log)
        if array.dtype != memory.dtype:
            raise Fault(f"the array {name} is of {array.dtype}, expected {memory.dtype}")
        for buffer in self._buffers(name):
            shape = self._shape(buffer)
            if buffer.name == name and buffer.is_contiguous and array.shape != shape:
                raise Fault(f"the array {name} has the shape {array.shape}, expected {shape}")
            if self.at.end(buffer) > array.size:
                raise Fault(f"{buffer} reaches behind the {array.size} elements of {name}")
        return CheckedMemory(array.flatten(), bytearray(b"\1" * array.size), log)

    def _buffers(self, memory: str) -> list[Buffer]:
        declared = (*self.program.inputs, *self.program.outputs)
        return [buffer for buffer in declared if buffer.memory == memory]

    def _shape(self, buffer: Buffer) -> tuple[int, ...]:
        return tuple(map(self.at.size, buffer.shape))

    def _evaluated(self, memories: Mapping[str, MemoryName], frame: Slots) -> Evaluated:
        outputs, stored = {}, {}
        for name in dict.fromkeys(buffer.memory for buffer in self.program.outputs):
            memory: CheckedMemory = frame[memories[name].slot]
            shape: tuple[int, ...] = (len(memory.values),)
            whole = [one for one in self._buffers(name) if one.name == name]
            if name in self.arrays:
                shape = self.arrays[name].shape
            elif whole and whole[0].is_contiguous:
                shape = self._shape(whole[0])
            outputs[name] = memory.values.reshape(shape)
            stored[name] = np.array(list(memory.is_set), bool).reshape(shape)
        return Evaluated(outputs, stored, self.evaluation.status)


def _check_names(sort: str, given: Iterable[str], expected: Iterable[str]) -> None:
    given, expected = set(given), set(expected)
    if given != expected:
        raise Fault(f"each {sort}: expected {sorted(expected)}, received {sorted(given)}")
