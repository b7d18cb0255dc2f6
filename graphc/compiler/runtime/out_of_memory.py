"""What to say where a call's values do not fit: the largest of them, and the batch that fits."""

from __future__ import annotations

from graphc.compiler.codegen.launch import Bindings, DeviceProgram
from graphc.compiler.codegen.memory_report import Planner, largest_batch, memory_report


def explanation(
    program: DeviceProgram, bindings: Bindings, plan: Planner, name: str, nbytes: int
) -> str:
    """Lines for the end of a message.

    Args:
        program: what does not fit with these sizes.
        plan: places what its launches write.
        name: of the function.
        nbytes: what it may have, with what it has already.
    """
    report = memory_report(program, bindings, name, plan)
    largest = report.largest()
    width = max((len(f"{use.nbytes:,}") for use in largest), default=0)
    lines = ["", report.summary, "The largest values, in bytes:"]
    lines += [f"  {use.nbytes:>{width},}  {use} ({use.held})" for use in largest]
    fitting = largest_batch(program, nbytes, bindings, plan)
    if fitting is not None:
        lines.append(f"The largest batch that fits is {fitting}" if fitting else "No batch fits")
    return "\n".join(lines)
