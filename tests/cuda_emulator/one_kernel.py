"""Kernels made by hand, as device programs: what they fuse does not depend on the schedule."""

from __future__ import annotations

from graphc.compiler.graph import toposort
from graphc.compiler.lowering.context import Context, buffer_name
from graphc.compiler.lowering.cuda.kernels import lower_mapped
from graphc.compiler.lowering.identical import fold_identical, functions
from graphc.compiler.lowering.place import Place
from graphc.compiler.lowering.unit import INCLUDES, unit
from graphc.compiler.program.launch import DeviceBuffer, DeviceProgram, Launch, Pointer
from graphc.compiler.schedule.inline import is_leaf
from graphc.compiler.schedule.kernel import Kernel


def launches_of(*kernels: Kernel) -> tuple[list[Launch], Context]:
    """The launches of kernels that read inputs, shared variables and constants only."""
    context = Context()
    launches: list[Launch] = []
    for kernel in kernels:
        for node in toposort(kernel.outputs):
            if is_leaf(node):
                origin = node.attrs["value"] if node.op == "constant" else node
                pointer = Pointer(DeviceBuffer(buffer_name(node), node.shape, node.dtype, origin))
                context.places.setdefault(node, Place(pointer, node.dtype))
        launches += lower_mapped(kernel, context)
    folded = fold_identical(launches)
    return [one for one in folded if isinstance(one, Launch)], context


def program_of(*kernels: Kernel) -> DeviceProgram:
    """A program of these kernels, whose outputs are theirs in order."""
    launches, context = launches_of(*kernels)
    outputs = [node for kernel in kernels for node in kernel.outputs]
    fetches = tuple(context.places[node].buffers[0] for node in outputs)
    includes = (*INCLUDES, *context.program.includes)
    source = unit(functions(launches), includes)
    return DeviceProgram(source, tuple(launches), fetches, tuple(context.program.checks))
