"""Where values lie in memory."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compiler.program.launch import CarryPointer, DeviceBuffer, LoopStep, Pointer


@dataclass(frozen=True)
class Place:
    """Where the elements of a value lie: from the start of `pointer`, or, with `step`, as one
    slice of a stack of such values, at the place of the loop's step. `guarded` places (states)
    are written only while the status word is fine. With `bit` the value is bool, and its elements
    are this bit of those that lie there."""

    pointer: Pointer | CarryPointer
    dtype: str
    step: LoopStep | None = None
    guarded: bool = False
    bit: int | None = None

    @property
    def buffers(self) -> tuple[DeviceBuffer, ...]:
        """Those that it may be in: of a carry, one of several by the step."""
        if isinstance(self.pointer, Pointer):
            return (self.pointer.buffer,)
        carry = self.pointer.carry
        if self.pointer.write:
            return (*carry.pair, carry.final)
        return (carry.initial, *carry.pair)
