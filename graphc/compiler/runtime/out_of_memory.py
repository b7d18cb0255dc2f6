"""What to say where a call's values do not fit: the largest of them, and the batch that fits."""

from __future__ import annotations

from collections.abc import Callable

from graphc.compiler.codegen.launch import Bindings, DeviceProgram
from graphc.compiler.codegen.memory import MemoryPlan
from graphc.compiler.graph import BATCH
from graphc.compiler.graph.dim import symbols
from graphc.errors import ShapeError

_SHOWN = 10
_BATCH = symbols(BATCH)[0]


def explanation(
    program: DeviceProgram,
    bindings: Bindings,
    plan: Callable[[DeviceProgram, Bindings], MemoryPlan],
    available: int,
) -> str:
    """Lines for the end of a message.

    Args:
        program: what does not fit with these sizes.
        plan: gives the arena's size for other sizes.
        available: bytes that the arena may have.
    """
    sizes = {buffer: buffer.nbytes(bindings) for buffer in plan(program, bindings).offsets}
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:_SHOWN]
    width = max((len(f"{sizes[buffer]:,}") for buffer in largest), default=0)
    rows = [
        f"  {sizes[buffer]:>{width},}  {buffer.name} {buffer.dtype}"
        f"[{', '.join(map(str, buffer.shape))}]"
        for buffer in largest
    ]
    text = "\n".join(["", "The largest values, in bytes (some share memory):", *rows])
    if _BATCH not in bindings:
        return text
    fitting = _largest_batch(program, bindings, plan, available)
    if fitting == 0:
        return f"{text}\nNot even a batch of 1 fits"
    return f"{text}\nA batch of {fitting} fits, one of {bindings[_BATCH]} does not"


def _largest_batch(
    program: DeviceProgram,
    bindings: Bindings,
    plan: Callable[[DeviceProgram, Bindings], MemoryPlan],
    available: int,
) -> int:
    """The largest batch below the one of `bindings` whose arena fits; 0 where none does."""
    low, high = 0, bindings[_BATCH]
    while high - low > 1:
        middle = (low + high) // 2
        try:
            fits = plan(program, {**bindings, _BATCH: middle}).nbytes <= available
        except ShapeError:  # more elements than a kernel can count
            fits = False
        low, high = (middle, high) if fits else (low, middle)
    return low
