"""Functions that launches share: one for all that compute the same, of whatever layer."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from graphc.compiler import graph as g
from graphc.compiler.graph import BATCH, Node, State
from graphc.compiler.graph.dim import symbols
from graphc.compiler.lowering.cpu import lower_native
from graphc.compiler.lowering.cuda import lower
from graphc.compiler.lowering.identical import functions
from graphc.compiler.passes import optimize
from graphc.compiler.program.describe import describe
from graphc.compiler.program.launch import DeviceLoop, DeviceProgram, launches, layers_of_functions
from tests.compiler.deep_stack import deep_stack

Lower = Callable[[list[Node], list[State]], DeviceProgram]
TARGETS = [lower, lambda outputs, states: lower_native(outputs, states).program]
ALL_TARGETS = pytest.mark.parametrize("target", TARGETS, ids=["cuda", "cpu"])


@ALL_TARGETS
def test_a_deeper_stack_of_equal_layers_has_no_more_functions(target: Lower) -> None:
    programs = {layers: target(*deep_stack(layers)) for layers in (16, 40)}
    texts = {layers: functions(program.steps) for layers, program in programs.items()}
    assert len(texts[40]) == len(texts[16]) < 16
    assert all(programs[40].source.count(text) == 1 for text in texts[40])
    runs = launches(programs[40].steps)
    assert len(runs) > 80  # forward and backward, a product each
    assert {launch.function for launch in runs} == {one.name for one in runs if not one.repeats}
    assert len({launch.name for launch in runs}) == len(runs)
    assert len({launch.arguments for launch in runs}) == len(runs)  # each of its own addresses


@ALL_TARGETS
def test_the_comment_of_a_shared_function_names_each_layer_and_so_does_its_report(
    target: Lower,
) -> None:
    """The comment is for the reader, so it is read here."""
    program = target(*deep_stack(12))
    (batch,) = symbols(BATCH)
    kernels = describe(program, {batch: 3}, "stack", "cpu")
    forward = [kernel for kernel in kernels if kernel.layers == ("layer_5",)]
    assert forward
    for kernel in forward:
        assert kernel.repeats is not None
        first = next(one for one in kernels if one.name == kernel.repeats)
        assert first.repeats is None
        assert first.source == kernel.source
        assert f" {first.name}(" in kernel.source
        comment = kernel.source[: kernel.source.index(f" {first.name}(")]
        assert {"layer_5", *first.layers} <= set(re.findall(r"layer_\d+", comment))
        assert f"runs the function of {first.name}" in kernel.facts
        assert "layer_5" in kernel.facts[0]
        assert "layer_5" in layers_of_functions(program.steps)[first.name].split(", ")
    assert all(kernel.source in program.source for kernel in kernels)


@ALL_TARGETS
def test_what_is_mapped_once_names_each_layer(target: Lower) -> None:
    """Programs that are equal but for their notes become no one function if they have checks of
    different numbers."""
    values = []
    for layer in ("first", "second"):
        with g.origin(layer):
            chosen = g.take(g.input((5, 8)), g.input((BATCH,), "int32"))
            values.append(g.tanh(chosen))
    one, two = (launch for launch in launches(target(values, []).steps) if launch.reads)
    assert one.function != two.function
    assert "// first" in one.text
    assert "// second" in two.text
    assert "second" not in one.text
    assert "first" not in two.text


@ALL_TARGETS
def test_what_differs_in_more_than_its_addresses_is_not_shared(target: Lower) -> None:
    # Each of rows of its own: what has equal extents may be one kernel.
    a, b, c, d, e, f = (g.input((g.symbol(f"rows{k}"), 4)) for k in range(6))
    wide = g.concat([d, d], 1)
    values = [g.exp(a), g.exp(b) * 2.0, g.exp(c) * 3.0, g.exp(wide), g.tanh(e), g.exp(f)]
    first, *others, last = launches(target([g.sum(one, axis=1) for one in values], []).steps)
    assert [one.repeats for one in (first, *others)] == [None] * 5
    assert last.repeats == first.name
    x, y, z = (g.input((BATCH, 4)) for _ in range(3))
    same = [g.sum(g.dot(one, g.shared(np.eye(4, dtype="float32")))) for one in (x, y)]
    other = g.sum(g.dot(z, g.shared(np.eye(5, dtype="float32")[:4])))
    runs = launches(target([*same, other], []).steps)
    products = [one for one in runs if one.kernel.kind == "matmul"]
    assert [one.repeats for one in products] == [None, products[0].name, None]


def test_launches_of_loops_share_functions_with_those_of_others() -> None:
    def last(x: Node, w: Node) -> Node:
        def step(carries: Sequence[Node], slices: Sequence[Node]) -> tuple:
            return [g.tanh(slices[0] + g.dot(carries[0], w))], []

        return g.scan(step, [g.broadcast_to(np.float32(0), (BATCH, 4))], [x])[0][0]

    weights = [g.shared(np.zeros((4, 4), "float32")) for _ in range(2)]
    finals = [last(g.input((7, BATCH, 4)), w) for w in weights]
    steps = lower_native(optimize(finals)[0]).program.steps
    first, second = (step for step in steps if isinstance(step, DeviceLoop))
    assert [one.function for one in launches(first.steps)]
    assert [one.function for one in launches(first.steps)] == [
        one.function for one in launches(second.steps)
    ]
    assert all(one.repeats is None for one in launches(first.steps))
    assert all(one.repeats is not None for one in launches(second.steps))


def lines_run(function: Callable[[], object]) -> int:
    """Return the number of lines of Python that a call runs: its work, whatever else the machine
    does. What is freed meanwhile runs some, too: that of before is freed ahead, its own stays."""
    count = 0
    gc.collect()
    gc.disable()

    def trace(frame: object, event: str, _: object) -> Callable:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


def test_lowering_takes_equal_work_for_each_further_layer() -> None:
    """From the optimised graph to the source, schedule included."""
    graphs = [deep_stack(layers) for layers in (8, 16, 24)]
    lower_native(*graphs[0])  # what is done once a process
    work = [lines_run(lambda graph=graph: lower_native(*graph)) for graph in graphs]
    further = np.diff(work)
    assert further[1] == pytest.approx(further[0], rel=0.005)


@ALL_TARGETS
def test_the_code_of_a_program_names_no_layer(target: Lower) -> None:
    """A binary that was made for one model serves another one that computes the same."""

    def program(layer: str, factor: float) -> DeviceProgram:
        x, weights = g.input((BATCH, 4)), g.shared(np.eye(4, dtype="float32"), layer)
        with g.origin(layer):
            step = g.scan(
                lambda carries, xs: ([g.tanh(xs[0] + g.dot(carries[0], weights))], []),
                [x * factor],
                [g.broadcast_to(x, (5, BATCH, 4))],
            )[0][0]
            return target([g.sum(g.dot(step, weights), 1), g.softmax(step)], [])

    one, another, other = program("dense_1", 2.0), program("// a */ b", 2.0), program("c", 3.0)
    assert one.source != another.source
    assert one.code == another.code
    assert one.code != other.code
    assert all(f"{launch.function}(" in one.code for launch in launches(one.steps))
