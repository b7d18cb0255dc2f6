"""The measure of the plain programs of the reference models' kernels, beside what is counted on the
graph: by `graphc.compiler.program.fewest` and `graphc.compiler.graph.cost`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from graphc.compiler.graph import Node
from graphc.compiler.graph.cost import cost
from graphc.compiler.graph.dim import Size
from graphc.compiler.loops.build import buffers_of, plain_program
from graphc.compiler.loops.index import LoopVariable
from graphc.compiler.loops.measure import measure
from graphc.compiler.program.fewest import fewest
from graphc.compiler.schedule import Kernel, Loop, Step, make_schedule
from graphc.reference_models import REFERENCE_MODELS

Counters = Mapping[Node, tuple[LoopVariable, Size]]

LESS = {
    # A step reads its slice of a product that it computes; the graph's count sees the product of
    # whole stacks.
    "gru_ae": ["pointwise"],
    # Windows of 2 on an odd axis leave the last row and column out, and what is in front of the
    # pooling needs no element for these; the graph's count has them.
    "accel": ["window"] * 3,
    "conv3d": ["conv"],
}
"""The kinds of the kernels that have to move less than is counted on the graph."""

RECOMPUTED = ("rows", "window", "conv", "scatter")
"""The kinds whose plain programs compute some values again: in each pass over a row, for each
window that holds an element, or under a condition that no loop says."""


def kernels(steps: tuple[Step, ...], counters: Counters) -> Iterator[tuple[Kernel, Counters]]:
    for step in steps:
        if isinstance(step, Loop):
            variable = LoopVariable(f"step{len(counters)}")
            inner = {**counters, step.step: (variable, step.scan.attrs["length"])}
            yield from kernels(step.steps, inner)
        else:
            yield step, counters


@pytest.mark.parametrize("name", REFERENCE_MODELS)
def test_compulsory_bytes_and_operations_are_those_of_the_graph(name: str) -> None:
    model = REFERENCE_MODELS[name]
    function = model.build().function()
    bindings = function.bindings(model.batch)
    less = []
    for kernel, counters in kernels(make_schedule(function.graph(), most_shared=0), {}):
        found = measure(plain_program(kernel, "k", buffers_of(kernel, counters))).at(bindings)
        counted = fewest(kernel, (), bindings)
        if found.compulsory_bytes < counted:
            less.append(kernel.kind)
            continue
        assert found.compulsory_bytes == counted, kernel.kind
        bodies = [part.body for part in kernel.parts or (kernel,)]
        flops = sum(cost(node, bindings).flops for body in bodies for node in body)
        assert found.flops >= flops
        assert found.flops == flops or kernel.kind in RECOMPUTED
    assert less == LESS.get(name, [])
