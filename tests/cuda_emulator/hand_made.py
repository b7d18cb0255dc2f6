"""A device program written by hand: what a test of the runtime needs of code generation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, state_of
from graphc.compiler.graph.dim import ceil_divide
from graphc.compiler.program.launch import (
    Argument,
    DeviceBuffer,
    DeviceCheck,
    DeviceProgram,
    DeviceStep,
    Formula,
    Launch,
    Pointer,
    SizeArgument,
)
from graphc.compiler.runtime.gpu.executor import CudaExecutor
from graphc.compiler.schedule.kernel import Kernel

BATCH_SYMBOL = g.dim.symbols(BATCH)[0]
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
    reads: Sequence[DeviceBuffer] = (),
    writes: Sequence[DeviceBuffer] = (),
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
    fetches: Sequence[DeviceBuffer],
    checks: Sequence[DeviceCheck] = (),
) -> DeviceProgram:
    """A program of these steps, whose text is that of the launches."""
    source = HEADS + "\n".join(each.text for each in launches)
    return DeviceProgram(source, tuple(steps), tuple(fetches), tuple(checks))


def floats(*values: float) -> np.ndarray:
    return np.array(values, "float32")


def add_program(x: Node, w: Node, out: Node) -> DeviceProgram:
    """out = x + w: x is fed, batch x 3; w is a shared variable."""
    fed = DeviceBuffer("x", x.shape, "float32", x)
    held = DeviceBuffer("w", (3,), "float32", state_of(w))
    made = DeviceBuffer("y", out.shape, "float32", node=out)
    step = launch(
        "k0_add",
        "if (i < n) y[i] = gc_add(x[i], w[i % 3]);",
        "float* y, const float* x, const float* w, int n",
        (Pointer(made), Pointer(fed), Pointer(held), SizeArgument(BATCH * 3)),
        kernel_of(out),
        (fed, held),
        (made,),
        ceil_divide(BATCH * 3, 64),
    )
    return program([step], [step], [made])


def accumulator() -> tuple[Node, Node, CudaExecutor]:
    """total += x, written in place, nothing fetched."""
    x, total = g.input((3,), "float32", name="x"), g.shared(floats(0, 0, 0), "total")
    value = total + x
    fed = DeviceBuffer("x", (3,), "float32", x)
    held = DeviceBuffer("total", (3,), "float32", state_of(total))
    step = launch(
        "k0_add",
        "if (i < 3) total[i] = gc_add(total[i], x[i]);",
        "float* total, const float* x",
        (Pointer(held), Pointer(fed)),
        kernel_of(value),
        (held, fed),
        (held,),
    )
    made = program([step], [step], [])
    return x, total, CudaExecutor(made, [value], [state_of(total)], "accumulator")


def adder() -> tuple[Node, Node, CudaExecutor]:
    """x + w, of `add_program`: its x, its w, and what runs it."""
    x, w = g.input((BATCH, 3), "float32", name="x"), g.shared(floats(1, 2, 3), "w")
    return x, w, CudaExecutor(add_program(x, w, x + w), [x + w], name="adder")
