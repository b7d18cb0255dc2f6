"""Kernels of kind update: several elementwise kernels in one launch, each with blocks of its own.

An optimizer's step is many small kernels that do not read each other; launched one by one they
would leave most of a card idle.
"""

from __future__ import annotations

from graphc.compiler.codegen.context import Context
from graphc.compiler.codegen.pointwise import THREADS, elementwise_body
from graphc.compiler.codegen.render import render
from graphc.compiler.codegen.unused import without_unused
from graphc.compiler.graph.dim import Dim, ceil_divide, product
from graphc.compiler.program.launch import Clamped, Launch
from graphc.compiler.schedule.hardware import MOST_BLOCKS, PACK
from graphc.compiler.schedule.kernel import Kernel
from graphc.compiler.targets.marks import NAME


def lower_update(kernel: Kernel, context: Context) -> list[Launch]:
    """One launch: the blocks of the grid's axis x, in the axis y one part each."""
    name = context.name(kernel.kind)
    signature = context.signature(kernel)
    bodies = [without_unused(elementwise_body(part, context, signature)) for part in kernel.parts]
    text = render(
        "update.cu.j2",
        name=NAME,
        parameters=signature.parameters,
        threads=THREADS,
        bodies=bodies,
    )
    sizes = [product(part.extents) for part in kernel.parts]
    numbers = [size for size in sizes if not isinstance(size, Dim)]
    symbolic = [size for size in sizes if isinstance(size, Dim)]
    largest = sum(symbolic, max(numbers, default=0))  # at least as large as each
    blocks = Clamped(ceil_divide(largest, THREADS * PACK), 1, MOST_BLOCKS)
    how = f"{len(kernel.parts)} parts, one a row of the grid"
    grid = (blocks, len(kernel.parts), 1)
    traffic = [one for body in bodies for one in body["traffic"]]
    block = (THREADS, 1, 1)
    return [context.launch(name, kernel, signature, text, grid, block, how, traffic=traffic)]
