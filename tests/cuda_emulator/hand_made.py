"""A device program written by hand: what a test of the runtime needs of code generation."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.compiler.codegen.launch import (
    Argument,
    Buffer,
    Check,
    DeviceProgram,
    DeviceStep,
    Formula,
    Launch,
)
from graphc.compiler.graph import Node
from graphc.compiler.schedule.kernel import Kernel

HEADS = '#include "pointwise.cuh"\n#include "status.cuh"\n'


def kernel_of(*outputs: Node) -> Kernel:
    """A kernel that says whose values a launch computes."""
    return Kernel("pointwise", tuple(x for node in outputs for x in node.inputs), outputs, ())


def launch(
    name: str,
    body: str,
    parameters: str,
    arguments: Sequence[Argument],
    kernel: Kernel,
    reads: Sequence[Buffer] = (),
    writes: Sequence[Buffer] = (),
    grid: Formula = 1,
    shared: Formula = 0,
) -> Launch:
    """A launch of blocks of 64 threads; the body may use ``i``, the number of the thread."""
    text = (
        f'extern "C" __global__ void {name}({parameters}) {{\n'
        "  const int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
        f"  {body}\n}}\n"
    )
    return Launch(
        name,
        kernel,
        text,
        tuple(arguments),
        (grid, 1, 1),
        (64, 1, 1),
        shared,
        tuple(reads),
        tuple(writes),
    )


def program(
    steps: Sequence[DeviceStep],
    launches: Sequence[Launch],
    fetches: Sequence[Buffer],
    checks: Sequence[Check] = (),
) -> DeviceProgram:
    """A program of these steps, whose text is that of the launches."""
    source = HEADS + "\n".join(each.text for each in launches)
    return DeviceProgram(source, tuple(steps), tuple(fetches), tuple(checks))
